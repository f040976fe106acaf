//! MariaDB, with the ready-made program and its procedures.

use std::fs;
use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::process::{Child, ChildStdin, ChildStdout, Command};
use std::time::{Duration, Instant};

use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use sequestre::connect::exec::Program;
use sequestre::connect::{ConnectError, Connector, FieldName, Lease, LeaseName};
use sequestre::escrow::id::OrganisationId;
use serde_json::{Value, json};

use crate::kit::{PATIENCE, field, in_seconds, login, mint, name, secret};
use crate::sites::MariaDb;
use crate::tools::{dying, mint_with, program, ready_made};

const KEEPER: (&str, &str) = ("keeper", "the keeper's own");

/// Two associations on one server, each with an administrator and a role of its own.
fn start(options: &[&str]) -> MariaDb {
    prepare(MariaDb::start_with(options))
}

fn prepare(server: MariaDb) -> MariaDb {
    server.root(&fs::read_to_string(ready_made("mariadb.sql")).unwrap());
    server.root(
        "CREATE DATABASE members; CREATE TABLE members.fees (who VARCHAR(40)); CREATE DATABASE theirs; \
         CREATE TABLE theirs.fees (who VARCHAR(40)); \
         CREATE ROLE editors; GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, ALTER ON members.* TO editors; \
         CREATE ROLE others; GRANT SELECT ON theirs.* TO others; \
         CREATE USER keeper@localhost IDENTIFIED BY \"the keeper's own\"; CREATE USER other@localhost IDENTIFIED BY 'x'; \
         INSERT INTO sequestre.lends (administrator, role) VALUES ('keeper', 'editors'), ('other', 'others');",
    );
    for keeper in ["keeper", "other"] {
        server.root(&format!(
            "GRANT EXECUTE ON PROCEDURE sequestre.make_lease TO {keeper}@localhost; \
             GRANT EXECUTE ON PROCEDURE sequestre.end_lease TO {keeper}@localhost;"
        ));
    }
    server
}

fn connector(server: &MariaDb) -> Connector {
    with_options(server, &json!({"rights_of": "editors", "database": "members"}))
}

fn with_options(server: &MariaDb, options: &Value) -> Connector {
    connecting(&format!("--socket={}", server.socket().display()), options)
}

fn connecting(place: &str, options: &Value) -> Connector {
    let arguments = vec![place.to_owned(), "--members-host=db.example.org".to_owned()];
    let file = Program::new(&ready_made("mariadb.py"), arguments, None).unwrap();
    program(&json!({"kind": "exec", "program": "it", "options": options}), file, PATIENCE)
}

/// Whether this login is let in.
fn accepts(server: &MariaDb, user: &str, password: &str) -> bool {
    match server.run_as((user, password), "SELECT CURRENT_USER();") {
        Ok(who) => {
            assert_eq!(who, format!("{user}@%"));
            true
        }
        // Wrong password; locked account.
        Err(error) if error.contains("ERROR 1045") || error.contains("ERROR 4151") => false,
        Err(error) => panic!("{error}"),
    }
}

/// A session that stays.
struct Session {
    client: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

impl Session {
    fn open(server: &MariaDb, user: &str, password: &str) -> Self {
        let mut client = server.client(user, password).spawn().unwrap();
        let (to, from) = (client.stdin.take().unwrap(), client.stdout.take().unwrap());
        let mut session = Self { client, to, from: BufReader::new(from) };
        assert!(session.goes_on(), "{user} is not let in");
        session
    }

    fn goes_on(&mut self) -> bool {
        let _ = self.to.write_all(b"SELECT 'here';\n");
        self.says("here")
    }

    /// Whether this is the next line that comes.
    fn says(&mut self, what: &str) -> bool {
        let mut line = String::new();
        let _ = self.from.read_line(&mut line);
        line.trim_end() == what
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ = self.client.kill();
        let _ = self.client.wait();
    }
}

/// A login that was begun and not ended: the server has looked the account up and waits for the password.
struct HalfLogin {
    stream: UnixStream,
    answer: Vec<u8>,
}

impl HalfLogin {
    fn begin(server: &MariaDb, user: &str, password: &str) -> Self {
        let mut stream = UnixStream::connect(server.socket()).unwrap();
        read_packet(&mut stream).unwrap();
        // Protocol 4.1, with methods of login by name; first one that the account does not have.
        let mut hello = vec![1, 0x82, 8, 0, 0, 0, 0, 1, 33];
        hello.extend([0; 23]);
        hello.extend([user.as_bytes(), b"\0\0dialog\0"].concat());
        write_packet(&mut stream, 1, &hello);
        let switch = read_packet(&mut stream).unwrap();
        let method = b"\xfemysql_native_password\0";
        assert!(switch.starts_with(method), "{switch:?}");
        let salt = &switch[method.len()..method.len() + 20];
        let sha1 = |bytes: &[u8]| digest(&SHA1_FOR_LEGACY_USE_ONLY, bytes).as_ref().to_vec();
        let once = sha1(password.as_bytes());
        let mask = sha1(&[salt, &sha1(&once)].concat());
        let answer = once.iter().zip(mask).map(|(a, b)| a ^ b).collect();
        Self { stream, answer }
    }

    /// Gives the password: whether a statement is answered.
    fn end(mut self) -> bool {
        write_packet(&mut self.stream, 3, &self.answer);
        if read_packet(&mut self.stream).is_none_or(|answer| answer.first() != Some(&0)) {
            return false;
        }
        write_packet(&mut self.stream, 0, b"\x03SELECT 1");
        read_packet(&mut self.stream).is_some_and(|answer| answer.first() == Some(&1))
    }
}

fn write_packet(stream: &mut impl Write, number: u8, content: &[u8]) {
    let [a, b, c, ..] = u32::try_from(content.len()).unwrap().to_le_bytes();
    // A server that closed the connection does not read it.
    let _ = stream.write_all(&[&[a, b, c, number], content].concat());
}

fn read_packet(stream: &mut impl Read) -> Option<Vec<u8>> {
    let mut head = [0; 4];
    stream.read_exact(&mut head).ok()?;
    let mut content = vec![0; u32::from_le_bytes([head[0], head[1], head[2], 0]) as usize];
    stream.read_exact(&mut content).ok()?;
    Some(content)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_is_an_account_of_its_own() {
    let server = start(&[]);
    let (connector, admin) = (connector(&server), login(KEEPER.0, KEEPER.1));
    assert!(connector.verify(&admin).await.unwrap());
    for wrong in [login("keeper", "wrong"), login("nobody", "wrong")] {
        assert!(!connector.verify(&wrong).await.unwrap());
        let calls: [Result<(), ConnectError>; 3] = [
            mint(&connector, &wrong, 1, "lent").await.map(drop),
            connector.revoke(&wrong, &name(1)).await,
            connector.rotate(&wrong, &secret("next")).await,
        ];
        for error in calls.map(Result::unwrap_err) {
            assert!(matches!(error, ConnectError::Denied { .. }), "{error}");
        }
    }

    let minted = mint(&connector, &admin, 1, "the 1st \"lent\" 'one', é").await.unwrap();
    let user = field(&minted, FieldName::User);
    assert_eq!((user.as_str(), field(&minted, FieldName::Database).as_str()), ("seq-abababab-1", "members"));
    assert_eq!(field(&minted, FieldName::Host), "db.example.org");
    assert!(accepts(&server, &user, &field(&minted, FieldName::Password)));
    mint(&connector, &admin, 2, "of another lease").await.unwrap();

    // Again: the secret of the second call counts.
    mint(&connector, &admin, 1, "second").await.unwrap();
    assert!(!accepts(&server, &user, "the 1st \"lent\" 'one', é"));
    let lent = (user.as_str(), "second");
    assert_eq!(
        server.run_as(lent, "INSERT INTO members.fees VALUES ('Nina'); SELECT * FROM members.fees;").as_deref(),
        Ok("Nina")
    );
    assert!(server.run_as(lent, "SELECT * FROM theirs.fees;").is_err());

    // Its sessions end, also one that is at work, and a login that is under way.
    let mut session = Session::open(&server, &user, "second");
    let mut at_work = Session::open(&server, &user, "second");
    at_work.to.write_all(b"SELECT SLEEP(1000);\n").unwrap();
    let half = HalfLogin::begin(&server, &user, "second");
    assert!(HalfLogin::begin(&server, &user, "second").end(), "so far it would be let in");
    connector.revoke(&admin, &name(1)).await.unwrap();
    assert!(!half.end());
    assert!(!session.goes_on() && !at_work.goes_on());
    assert!(!accepts(&server, &user, "second"));
    assert!(accepts(&server, "seq-abababab-2", "of another lease"));
    connector.revoke(&admin, &name(1)).await.unwrap();
    connector.revoke(&admin, &name(3)).await.unwrap();
    connector.revoke(&admin, &name(2)).await.unwrap();
    assert!(!accepts(&server, "seq-abababab-2", "of another lease"));
    assert_eq!(server.root("SELECT COUNT(*) FROM mysql.global_priv WHERE User LIKE 'seq-%';"), "0");
    // A call that was given up and arrives after the end makes nothing.
    for over in [1, 3] {
        let error = mint(&connector, &admin, over, "late").await.err().unwrap();
        assert!(matches!(error, ConnectError::Refused { .. }), "{error}");
    }

    // A day later the name is free again (a log that moved and gave entries up counts anew).
    server.root("UPDATE sequestre.leases SET ended = ended - 86402;");
    mint(&connector, &admin, 1, "lent").await.unwrap();
    connector.revoke(&admin, &name(1)).await.unwrap();

    connector.rotate(&admin, &secret("the next own")).await.unwrap();
    let next = login("keeper", "the next own");
    assert!(!connector.verify(&admin).await.unwrap() && connector.verify(&next).await.unwrap());
    connector.rotate(&admin, &next.secret).await.expect("after a lost answer, again");
    mint(&connector, &next, 4, "lent").await.unwrap();
}

/// What whoever deposits an account can write.
#[tokio::test(flavor = "multi_thread")]
async fn options_and_logins_of_a_stranger_reach_nothing() {
    let server = start(&[]);
    let admin = login(KEEPER.0, KEEPER.1);
    server.root("CREATE ROLE `ed``itors`; CREATE ROLE `admins%`; CREATE ROLE nobodys;");
    let roles = ["others", "root", "root@localhost", "nobodys", "no such", "EDITORS", "editor_", "%", "editors "];
    for role in roles.into_iter().chain(["editors' OR '1'='1", "`editors`", "editors, others", "ed`itors", ""]) {
        let made = mint(&with_options(&server, &json!({"rights_of": role})), &admin, 1, "lent").await;
        let error = made.err().unwrap_or_else(|| panic!("{role} was lent"));
        assert!(error.is_definite(), "{role}: {error}");
    }
    for options in [
        json!({}),
        json!({"rights_of": 1}),
        json!({"rights_of": ["editors"]}),
        json!({"rights_of": "editors\n"}),
        json!({"rights_of": "editors", "database": "a\u{0}b"}),
        json!({"rights_of": "editors", "host": "127.0.0.1"}),
        json!({"rights_of": "x".repeat(1000)}),
    ] {
        let error = mint(&with_options(&server, &options), &admin, 1, "lent").await.err().unwrap();
        assert!(matches!(error, ConnectError::Unusable(_)), "{options}: {error}");
    }

    // Somebody whom the server lets in without asking for the password: nothing is proven by one.
    let me = Command::new("id").arg("-un").output().unwrap().stdout;
    let me = std::str::from_utf8(&me).unwrap().trim();
    server.root(&format!(
        "CREATE OR REPLACE USER {me}@localhost IDENTIFIED VIA mysql_native_password USING '' OR unix_socket; \
         GRANT ALL ON *.* TO {me}@localhost WITH GRANT OPTION; INSERT INTO sequestre.lends VALUES ('{me}', 'editors', '%');"
    ));
    let connector = connector(&server);
    for (user, password) in [(me, "anything"), (me, ""), ("", "anything"), ("seq-abababab-1", "lent")] {
        let stranger = login(user, password);
        let calls: [Result<(), ConnectError>; 4] = [
            connector.verify(&stranger).await.map(drop),
            mint(&connector, &stranger, 1, "lent").await.map(drop),
            connector.revoke(&stranger, &name(1)).await,
            connector.rotate(&stranger, &secret("next")).await,
        ];
        for error in calls.map(Result::unwrap_err) {
            assert!(matches!(error, ConnectError::Unusable(_)), "{user}: {error}");
        }
    }
    assert_eq!(server.root("SELECT COUNT(*) FROM sequestre.leases;"), "0");
}

/// Another association on the same server, and what the server's administrator made.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_made_for_the_lease_is_not_touched() {
    let server = start(&[]);
    let (connector, admin) = (connector(&server), login(KEEPER.0, KEEPER.1));
    let theirs = with_options(&server, &json!({"rights_of": "others"}));
    mint(&connector, &admin, 1, "lent").await.unwrap();
    let error = theirs.revoke(&login("other", "x"), &name(1)).await.unwrap_err();
    assert!(matches!(error, ConnectError::Refused { .. }), "{error}");
    // An association whose id begins with the same eight digits.
    let mut id = [0xab; 32];
    id[31] = 0;
    let alike = LeaseName::new(OrganisationId::new(id), 1);
    let lent = secret("theirs");
    let lease = Lease { name: &alike, until: in_seconds(60), input: None, secret: &lent };
    for admin in [&admin, &login("other", "x")] {
        let made = if admin.secret.expose() == b"x" { &theirs } else { &connector };
        for error in [made.mint(admin, &lease).await.err().unwrap(), made.revoke(admin, &alike).await.unwrap_err()] {
            assert!(matches!(error, ConnectError::NotOurs { .. }), "{error}");
        }
    }
    assert!(accepts(&server, "seq-abababab-1", "lent"));

    // Of a name that somebody took before.
    server.root("CREATE USER 'seq-abababab-2'@'%' IDENTIFIED BY 'a person';");
    let mut session = Session::open(&server, "seq-abababab-2", "a person");
    for error in [
        mint(&connector, &admin, 2, "lent").await.err().unwrap(),
        connector.revoke(&admin, &name(2)).await.unwrap_err(),
    ] {
        assert!(matches!(error, ConnectError::NotOurs { .. }), "{error}");
    }
    assert!(session.goes_on() && accepts(&server, "seq-abababab-2", "a person"));

    // The administrator in escrow can do nothing but lend, and no more by going around the program.
    for forbidden in [
        "CALL sequestre.close_account('root', 'localhost');",
        "CALL sequestre.refuse_powers('editors', 'x');",
        "CALL sequestre.end_overdue();",
        "SELECT * FROM sequestre.leases;",
        "INSERT INTO sequestre.lends VALUES ('keeper', 'others', '%');",
        "CALL sequestre.make_lease('seq-abababab-9', 'm', 'others', CONCAT('*', REPEAT('0', 40)), 1);",
        "CALL sequestre.make_lease('root', 'm', 'editors', CONCAT('*', REPEAT('0', 40)), 1);",
        "CALL sequestre.make_lease('seq-abababab-9\\n', 'm', 'editors', CONCAT('*', REPEAT('0', 40)), 1);",
        "CALL sequestre.make_lease('seq-abababab-9', 'm', 'editors', \"' OR unix_socket -- \", 1);",
        "SET SESSION sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES'; \
         CALL sequestre.make_lease(CONCAT('seq-abababab-9', CHAR(39)), 'm', 'editors', CONCAT('*', REPEAT('0', 40)), 1);",
        "CREATE USER somebody@localhost;",
        "SELECT * FROM members.fees;",
    ] {
        assert!(server.run_as(KEEPER, forbidden).is_err(), "{forbidden}");
    }
    // A name that is somebody else's up to its first @.
    server.root(
        "CREATE USER 'keeper@x'@localhost IDENTIFIED BY 'y'; \
         GRANT EXECUTE ON PROCEDURE sequestre.make_lease TO 'keeper@x'@localhost;",
    );
    let call = "CALL sequestre.make_lease('seq-abababab-9', 'm', 'editors', CONCAT('*', REPEAT('0', 40)), 1);";
    assert!(server.run_as(("keeper@x", "y"), call).unwrap_err().contains("refused"));
    connector.revoke(&admin, &name(1)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn rights_that_outlast_a_lease_are_not_lent() {
    let server = start(&[]);
    let (connector, admin) = (connector(&server), login(KEEPER.0, KEEPER.1));
    server.root("CREATE PROCEDURE members.nothing() BEGIN END;");
    for too_much in [
        "GRANT CREATE USER ON *.* TO editors",
        "GRANT SELECT ON *.* TO editors",
        "GRANT ALL ON members.* TO editors",
        "GRANT EVENT ON members.* TO editors",
        "GRANT TRIGGER ON members.fees TO editors",
        "GRANT CREATE VIEW ON members.fees TO editors",
        "GRANT CREATE ROUTINE ON members.* TO editors",
        "GRANT ALTER ROUTINE ON PROCEDURE members.nothing TO editors",
        "GRANT EXECUTE ON PROCEDURE members.nothing TO editors",
        "GRANT EXECUTE ON members.* TO editors",
        "GRANT EXECUTE ON PROCEDURE sequestre.close_account TO editors",
        "GRANT SELECT ON members.fees TO editors WITH GRANT OPTION",
        "GRANT SELECT ON members.* TO editors WITH GRANT OPTION",
        "GRANT SELECT ON `m%`.* TO editors",
        "GRANT UPDATE (Priv) ON mysql.global_priv TO editors",
        "GRANT SELECT ON `sequestr_`.* TO editors",
        "GRANT others TO editors WITH ADMIN OPTION",
        "CREATE ROLE more; CREATE ROLE most; GRANT most TO more; GRANT EVENT ON members.* TO most; GRANT more TO editors",
    ] {
        server.root(&format!("{too_much};"));
        let error = mint(&connector, &admin, 1, "lent").await.err().unwrap();
        assert!(matches!(error, ConnectError::Unusable(_)), "{too_much}: {error}");
        // However its session is set.
        let call = format!(
            "SET SESSION max_recursive_iterations = 0, sql_select_limit = 0; CALL sequestre.make_lease('seq-abababab-1', \
             '{}', 'editors', CONCAT('*', REPEAT('0', 40)), 9999999999);",
            name(1).mark()
        );
        assert!(server.run_as(KEEPER, &call).unwrap_err().contains("may do too much"), "{too_much}");
        server.root("DROP ROLE editors; CREATE ROLE editors; GRANT SELECT, INSERT, CREATE ON members.* TO editors;");
    }
    mint(&connector, &admin, 1, "lent").await.unwrap();

    // What is left to whoever has the lease.
    let lent = ("seq-abababab-1", "lent");
    for forbidden in [
        "CREATE USER mine;",
        "GRANT editors TO other@localhost;",
        "GRANT SELECT ON members.* TO other@localhost;",
        "SET DEFAULT ROLE editors FOR other@localhost;",
        "CREATE EVENT members.again ON SCHEDULE EVERY 1 SECOND DO DELETE FROM members.fees;",
        "CREATE DEFINER = CURRENT_ROLE PROCEDURE members.again() BEGIN END;",
        "CREATE DEFINER = CURRENT_ROLE VIEW members.again AS SELECT * FROM members.fees;",
        "CREATE TRIGGER members.again BEFORE INSERT ON members.fees FOR EACH ROW SET NEW.who = 'x';",
        "SELECT * FROM sequestre.leases;",
        "CALL sequestre.end_lease('seq-abababab-1', '');",
        "SELECT * FROM mysql.global_priv;",
        "RENAME USER 'seq-abababab-1'@'%' TO mine;",
        "SET GLOBAL event_scheduler = OFF;",
        "SELECT 1 INTO OUTFILE '/tmp/never';",
    ] {
        assert!(server.run_as(lent, forbidden).is_err(), "{forbidden}");
    }
    // It can change its password, and open so many sessions, which does not help it.
    server.run_as(lent, "SET PASSWORD = PASSWORD('mine');").unwrap();
    let mut sessions: Vec<Session> = (0..10).map(|_| Session::open(&server, lent.0, "mine")).collect();
    let more = server.run_as((lent.0, "mine"), "SELECT 1;").unwrap_err();
    assert!(more.contains("max_user_connections"), "{more}");
    connector.revoke(&admin, &name(1)).await.unwrap();
    assert!(sessions.iter_mut().all(|session| !session.goes_on()));
    assert!(!accepts(&server, lent.0, "mine") && !accepts(&server, lent.0, lent.1));
}

/// A role may do no more than it should, and everybody may do more: whoever has a lease can, too.
#[tokio::test(flavor = "multi_thread")]
async fn rights_that_everybody_has_are_not_lent_either() {
    let server = prepare(MariaDb::start_as_installed());
    let (connector, admin) = (connector(&server), login(KEEPER.0, KEEPER.1));
    let call =
        "CALL sequestre.make_lease('seq-abababab-9', 'm', 'editors', CONCAT('*', REPEAT('0', 40)), 9999999999);";
    let refused = async |why: &str, case: &str| {
        let error = mint(&connector, &admin, 1, "lent").await.err().unwrap_or_else(|| panic!("lent: {case}"));
        assert!(matches!(error, ConnectError::Unusable(_)), "{case}: {error}");
        let said = server.run_as(KEEPER, call).unwrap_err();
        assert!(said.contains(why), "{case}: {said}");
    };
    refused("PUBLIC (everybody) may do too much", "as it is installed").await;
    server.root("DROP DATABASE test;");
    refused("PUBLIC (everybody) may do too much", "whoever may make the database anew").await;

    // What the head of the file says against it.
    let text = fs::read_to_string(ready_made("mariadb.sql")).unwrap();
    let (_, mends) = text.split_once("--     DROP DATABASE IF EXISTS test;\n").unwrap();
    let (mends, _) = mends.split_once("\n--\n").unwrap();
    let mends = mends.replace("--     ", "");
    assert!(mends.ends_with("FLUSH PRIVILEGES;"), "{mends}");
    let (rights, accounts) = mends.split_once('\n').unwrap();
    server.root(&format!("{rights} FLUSH PRIVILEGES;"));
    mint(&connector, &admin, 1, "lent").await.unwrap();
    assert!(!accepts(&server, "seq-abababab-1", "lent"), "an account without a name comes first");
    assert_eq!(server.root("SELECT COUNT(*) FROM mysql.global_priv WHERE User = '';"), "2");
    server.root(accounts);
    assert!(accepts(&server, "seq-abababab-1", "lent"));
    connector.revoke(&admin, &name(1)).await.unwrap();

    for (given, taken) in [
        ("GRANT EVENT ON members.* TO PUBLIC", "REVOKE EVENT ON members.* FROM PUBLIC"),
        ("GRANT SELECT ON sequestre.leases TO PUBLIC", "REVOKE SELECT ON sequestre.leases FROM PUBLIC"),
        ("GRANT PROCESS ON *.* TO PUBLIC", "REVOKE PROCESS ON *.* FROM PUBLIC"),
    ] {
        server.root(&format!("{given};"));
        refused("PUBLIC (everybody) may do too much", given).await;
        server.root(&format!("{taken};"));
    }
    // As installs of before 10.11 have it: rights of whoever is not named.
    for host in ["%", "localhost", ""] {
        server.root(&format!(
            "INSERT INTO mysql.db (Host, Db, User, Create_view_priv) VALUES ('{host}', 'members', '', 'Y'); FLUSH PRIVILEGES;"
        ));
        refused("rights without a user name allow too much", host).await;
        server.root(&mends);
    }
    // What harms nobody stays lent.
    server.root("GRANT SELECT ON theirs.fees TO PUBLIC;");
    mint(&connector, &admin, 2, "lent").await.unwrap();
    connector.revoke(&admin, &name(2)).await.unwrap();
}

/// Whoever takes the port while MariaDB is down can ask for the password, in every way that there is.
#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_mariadb_does_not_get_the_password() {
    let key = "-----BEGIN PUBLIC KEY-----\n\
               MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDCjost4zILgwCwfqZDf6J8Gtdp\n\
               rGvROmz5tyNfsWI5Mg364lul6Xkgf5MxN8BpJwaVo2RHdWnV1aR0UqAjIafLF2cJ\n\
               9dCCKWnW9YR3j8eLxDAXC5vPt+6Tv2k3HiFqSbLwWIpBsMvYiTxqJAOpFR02jnIm\n\
               NwunzIakv9qwuyXl3QIDAQAB\n\
               -----END PUBLIC KEY-----\n";
    for (way, question) in [
        ("mysql_native_password", b"\xfemysql_clear_password\0".to_vec()),
        ("mysql_native_password", b"\xfedialog\0\x05Password: ".to_vec()),
        ("mysql_native_password", b"\xfecaching_sha2_password\0saltsaltsaltsaltsalt\0".to_vec()),
        ("mysql_native_password", b"\xfesha256_password\0saltsaltsaltsaltsalt\0".to_vec()),
        ("mysql_native_password", b"\xfemysql_old_password\0saltsalt\0".to_vec()),
        ("mysql_native_password", b"\xfe".to_vec()),
        ("mysql_clear_password", b"\xfemysql_clear_password\0".to_vec()),
        ("caching_sha2_password", b"\x01\x04".to_vec()),
        ("sha256_password", [b"\x01", key.as_bytes()].concat()),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let case = format!("{way} {}", String::from_utf8_lossy(&question));
        let asking = std::thread::spawn(move || {
            // The first login is one with a wrong password, whose answer shows who this is.
            let (mut first, _) = listener.accept().unwrap();
            greet(&mut first, "mysql_native_password");
            write_packet(&mut first, 2, b"\xff\x15\x04#28000Access denied");
            let (mut second, _) = listener.accept().unwrap();
            let hello = greet(&mut second, way);
            write_packet(&mut second, 2, &question);
            let mut answer = Vec::new();
            let _ = second.read_to_end(&mut answer);
            (hello, answer)
        });
        let connector = connecting(&format!("--port={port}"), &json!({"rights_of": "editors"}));
        let verified = connector.verify(&login(KEEPER.0, KEEPER.1)).await;
        let (hello, answer) = asking.join().unwrap();
        assert!(answer.is_empty(), "{case}: it answers {}", String::from_utf8_lossy(&answer));
        let hello = String::from_utf8_lossy(&hello);
        assert!(hello.contains(KEEPER.0) && !hello.contains(KEEPER.1), "{case}: {hello}");
        let error = verified.unwrap_err();
        assert!(matches!(error, ConnectError::Unusable(_)), "{case}: {error}");
    }
}

/// Greets as a server does whose way to log in is this one; gives what the client says to it.
fn greet(stream: &mut TcpStream, way: &str) -> Vec<u8> {
    let mut hello = b"\x0a10.11.0-MariaDB\0\x01\0\0\0saltsalt\0".to_vec();
    // What it can: protocol 4.1, ways to log in by name.
    hello.extend([0xff, 0xf7, 33, 2, 0, 0x0f, 0x80, 21]);
    hello.extend([0; 10]);
    hello.extend([b"saltsaltsalt\0", way.as_bytes(), b"\0"].concat());
    write_packet(stream, 0, &hello);
    read_packet(stream).unwrap()
}

/// The call fails and did nothing; it fails and did it; it is cut off in between; the server is down.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_failed_is_made_again() {
    let mut server = start(&[]);
    let (whole, admin) = (connector(&server), login(KEEPER.0, KEEPER.1));
    let accounts = "SELECT COUNT(*) FROM mysql.global_priv WHERE User LIKE 'seq-%';";

    // It did nothing: the administrator may not do it (any more).
    mint(&whole, &admin, 1, "lent").await.unwrap();
    server.root("REVOKE EXECUTE ON PROCEDURE sequestre.end_lease FROM keeper@localhost;");
    let error = whole.revoke(&admin, &name(1)).await.unwrap_err();
    assert!(matches!(error, ConnectError::Unusable(_)), "{error}");
    assert!(accepts(&server, "seq-abababab-1", "lent"));
    server.root("GRANT EXECUTE ON PROCEDURE sequestre.end_lease TO keeper@localhost;");
    whole.revoke(&admin, &name(1)).await.unwrap();

    // It did everything, or nothing, and then it dies.
    let folder = tempfile::tempdir().unwrap();
    let dies = |when: &str| {
        let arguments = ["--socket".to_owned(), server.socket().display().to_string()];
        let file = dying(folder.path(), when, &ready_made("mariadb.py"), &arguments, None);
        program(&json!({"kind": "exec", "program": "it", "options": {"rights_of": "editors"}}), file, PATIENCE)
    };
    for (index, when) in [(2, "before"), (3, "after")] {
        let error = mint(&dies(when), &admin, index, "lost").await.err().unwrap();
        assert!(matches!(error, ConnectError::Unknown { .. }), "{error}");
        let user = name(index).to_string();
        assert_eq!(accepts(&server, &user, "lost"), when == "after");
        mint(&whole, &admin, index, "lent").await.unwrap();
        assert!(accepts(&server, &user, "lent") && !accepts(&server, &user, "lost"));
        let error = dies(when).revoke(&admin, &name(index)).await.unwrap_err();
        assert!(matches!(error, ConnectError::Unknown { .. }), "{error}");
        assert_eq!(accepts(&server, &user, "lent"), when == "before");
        whole.revoke(&admin, &name(index)).await.unwrap();
        assert!(!accepts(&server, &user, "lent"));
    }
    let error = dies("after").rotate(&admin, &secret("next")).await.unwrap_err();
    assert!(matches!(error, ConnectError::Unknown { .. }), "{error}");
    let admin = login("keeper", "next");
    assert!(whole.verify(&admin).await.unwrap());

    // Cut off somewhere in between; what is still at work in the server then does not outlast the revocation.
    let mut cut_off = 0;
    for index in 10..25 {
        let limit = Duration::from_millis(20 * (index - 10));
        cut_off += u32::from(tokio::time::timeout(limit, mint(&whole, &admin, index, "lent")).await.is_err());
        let _ = tokio::time::timeout(limit, whole.revoke(&admin, &name(index))).await;
        whole.revoke(&admin, &name(index)).await.unwrap();
        let begin = Instant::now();
        while server.root("SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE ID <> CONNECTION_ID();") != "0" {
            assert!(begin.elapsed() < PATIENCE, "a call goes on");
        }
        assert_eq!(server.root(accounts), "0", "{index}");
    }
    assert!(cut_off > 0, "it takes longer than that");

    // Ended in the middle of it: the call that is still at work takes away what it makes.
    let mut holding = Session::open(&server, "root", "");
    holding.to.write_all(b"LOCK TABLES mysql.roles_mapping READ; SELECT 'locked';\n").unwrap();
    assert!(holding.says("locked"));
    let late = tokio::spawn({
        let (whole, admin) = (connector(&server), login("keeper", "next"));
        async move { mint(&whole, &admin, 41, "late").await.map(drop) }
    });
    let waits = "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE INFO LIKE 'CREATE%' AND STATE LIKE 'Waiting for%';";
    let begin = Instant::now();
    while server.root(waits) != "1" {
        assert!(begin.elapsed() < PATIENCE, "the call does not come so far");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    server.root("UPDATE sequestre.leases SET ended = UNIX_TIMESTAMP() WHERE name = 'seq-abababab-41';");
    drop(holding);
    let error = late.await.unwrap().unwrap_err();
    assert!(matches!(error, ConnectError::Refused { .. }), "{error}");
    assert_eq!(server.root(accounts), "0");

    // Down when the lease ends.
    mint(&whole, &admin, 50, "lent").await.unwrap();
    server.stop();
    let error = whole.revoke(&admin, &name(50)).await.unwrap_err();
    assert!(matches!(error, ConnectError::Unreachable { .. }), "{error}");
    assert!(matches!(whole.verify(&admin).await, Err(ConnectError::Unreachable { .. })));
    server.run();
    assert!(accepts(&server, "seq-abababab-50", "lent"));
    whole.revoke(&admin, &name(50)).await.unwrap();
    assert!(!accepts(&server, "seq-abababab-50", "lent"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_ends_a_lease_by_itself() {
    let server = start(&["--event-scheduler=ON"]);
    let (connector, admin) = (connector(&server), login(KEEPER.0, KEEPER.1));
    mint_with(&connector, &admin, 1, "lent", 5, None).await.unwrap();
    mint_with(&connector, &admin, 2, "lent", 3600, None).await.unwrap();
    let mut session = Session::open(&server, "seq-abababab-1", "lent");
    let begin = Instant::now();
    while accepts(&server, "seq-abababab-1", "lent") {
        assert!(begin.elapsed() < PATIENCE, "the server does not end it");
        std::thread::sleep(Duration::from_millis(100));
    }
    while session.goes_on() {
        assert!(begin.elapsed() < PATIENCE, "the server does not end the session");
    }
    assert!(accepts(&server, "seq-abababab-2", "lent"));
    connector.revoke(&admin, &name(1)).await.unwrap();
    connector.revoke(&admin, &name(2)).await.unwrap();
}

/// In a trigger a session goes by the name of the trigger's owner.
#[tokio::test(flavor = "multi_thread")]
async fn a_session_does_not_hide_in_a_trigger() {
    let server = start(&["--performance-schema=ON"]);
    let (connector, admin) = (connector(&server), login(KEEPER.0, KEEPER.1));
    server.root("CREATE TRIGGER members.slow BEFORE INSERT ON members.fees FOR EACH ROW SET NEW.who = SLEEP(1000);");
    mint(&connector, &admin, 1, "lent").await.unwrap();
    let mut session = Session::open(&server, "seq-abababab-1", "lent");
    session.to.write_all(b"INSERT INTO members.fees VALUES ('x');\n").unwrap();
    let hidden = "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE USER = 'root' AND STATE = 'User sleep';";
    let begin = Instant::now();
    while server.root(hidden) != "1" {
        assert!(begin.elapsed() < PATIENCE, "it is not in the trigger");
    }
    connector.revoke(&admin, &name(1)).await.unwrap();
    assert_eq!(server.root("SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE ID <> CONNECTION_ID();"), "0");
    assert!(!session.goes_on());
}
