//! PostgreSQL.

use std::sync::Arc;
use std::time::{Duration, Instant};

use sequestre::connect::settings::{Settings, Target};
use sequestre::connect::{ConnectError, Connector, FieldName, Login};
use serde_json::{Value, json};
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use crate::kit::{self, environment, field, in_seconds, mint, name, secret};
use crate::proxy::{Fault, Proxy};
use crate::servers::{Certificates, Postgres};

const SUPERUSER: (&str, &str) = ("postgres", Postgres::PASSWORD);
/// An administrator with no more rights than needed.
const KEEPER: (&str, &str) = ("keeper", "the password of the keeper");

fn settings(host: &str, port: u16) -> Value {
    json!({"kind": "postgresql", "target": format!("{host}:{port}"), "database": "members", "rights_of": "editors",
           "reassign_to": "archive", "connections": 3})
}

fn connector(port: u16) -> Connector {
    kit::connector(&settings("127.0.0.1", port))
}

fn login((user, password): (&str, &str)) -> Login {
    kit::login(user, password)
}

/// A server with a database, a role with rights in it, one that inherits, and the keeper.
async fn server(options: &[&str], certificates: Option<&Certificates>) -> Postgres {
    let server = Postgres::start(options, certificates);
    let superuser = server.superuser("postgres").await;
    for sql in ["CREATE DATABASE members", "CREATE DATABASE other"] {
        superuser.batch_execute(sql).await.unwrap();
    }
    let sql = format!(
        "CREATE ROLE editors; CREATE ROLE archive; CREATE ROLE keeper LOGIN CREATEROLE PASSWORD '{}'; \
         GRANT editors TO keeper WITH ADMIN OPTION; GRANT archive TO keeper",
        KEEPER.1
    );
    superuser.batch_execute(&sql).await.unwrap();
    for database in ["members", "other"] {
        let superuser = server.superuser(database).await;
        let sql = "CREATE TABLE people (name text); GRANT SELECT, INSERT ON people TO editors; \
                   GRANT CREATE ON SCHEMA public TO editors; GRANT CREATE ON SCHEMA public TO archive";
        superuser.batch_execute(sql).await.unwrap();
    }
    server
}

/// Whether this login is refused, and by the password or the role, not by some accident.
async fn is_refused(server: &Postgres, user: &str, password: &str) -> bool {
    match server.login(user, password, "members").await {
        Ok(_) => false,
        Err(error) => {
            let code = error.code().unwrap_or_else(|| panic!("{error:?}"));
            assert!(
                [SqlState::INVALID_PASSWORD, SqlState::INVALID_AUTHORIZATION_SPECIFICATION].contains(code),
                "{code:?}"
            );
            true
        }
    }
}

async fn count(client: &Client, sql: &str) -> i64 {
    client.query_one(sql, &[]).await.unwrap().get(0)
}

async fn lease_roles(superuser: &Client) -> i64 {
    count(superuser, "SELECT count(*) FROM pg_authid WHERE rolname LIKE 'seq-%'").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_is_a_role_of_its_own_and_ends_with_its_sessions_and_objects() {
    let server = server(&["log_statement=all"], None).await;
    let superuser = server.superuser("members").await;
    for (index, admin) in [(1, SUPERUSER), (2, KEEPER)] {
        let (connector, admin) = (connector(server.port), login(admin));
        let minted = mint(&connector, &admin, index, "first secret").await.unwrap();
        let user = field(&minted, FieldName::User);
        assert_eq!(user, format!("seq-abababab-{index}"));
        assert_eq!(field(&minted, FieldName::Host), "127.0.0.1");
        assert_eq!(field(&minted, FieldName::Port), server.port.to_string());
        assert_eq!(field(&minted, FieldName::Password), "first secret");
        let first = server.login(&user, "first secret", &field(&minted, FieldName::Database)).await.unwrap();
        first.batch_execute("INSERT INTO people VALUES ('Ada')").await.unwrap();
        assert!(first.batch_execute("DROP TABLE people").await.is_err(), "it has the editors' rights and no more");

        // Again: the secret of the second call counts.
        mint(&connector, &admin, index, "second secret").await.unwrap();
        assert!(is_refused(&server, &user, "first secret").await);
        let session = server.login(&user, "second secret", "members").await.unwrap();
        let row = superuser
            .query_one(
                "SELECT extract(epoch FROM rolvaliduntil)::bigint, rolconnlimit, rolpassword \
                 FROM pg_authid WHERE rolname = $1",
                &[&user],
            )
            .await
            .unwrap();
        let until: i64 = row.get(0);
        assert!(until.abs_diff(in_seconds(3600).0 as i64) < 120, "the server itself ends it: {until}");
        assert_eq!(row.get::<_, i32>(1), 3);
        assert!(row.get::<_, String>(2).starts_with("SCRAM-SHA-256$"));
        let other = server.login(&user, "second secret", "other").await.unwrap();
        for session in [&session, &other] {
            session.batch_execute(&format!("CREATE TABLE left_{index} (x int)")).await.unwrap();
        }

        connector.revoke(&admin, &name(index)).await.unwrap();
        for session in [&first, &session, &other] {
            assert!(session.query("SELECT 1", &[]).await.is_err(), "open sessions have ended");
        }
        assert!(is_refused(&server, &user, "second secret").await);
        assert_eq!(lease_roles(&superuser).await, 0);
        for database in ["members", "other"] {
            let owner = format!("SELECT tableowner::text FROM pg_tables WHERE tablename = 'left_{index}'");
            let owner: String = server.superuser(database).await.query_one(&owner, &[]).await.unwrap().get(0);
            assert_eq!(owner, "archive");
        }
        connector.revoke(&admin, &name(index)).await.unwrap();
    }
    let log = server.log();
    assert!(log.contains("CREATE ROLE"), "statements are logged");
    assert!(!log.contains("first secret") && !log.contains("second secret"), "and passwords are not in them");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_ours_or_leads_too_far_is_refused_and_untouched() {
    let server = server(&[], None).await;
    let superuser = server.superuser("members").await;
    let (connector, admin) = (connector(server.port), login(KEEPER));
    let sql = r#"CREATE ROLE "seq-abababab-1" LOGIN PASSWORD 'its own'; CREATE ROLE "seq-abababab-2";
                 COMMENT ON ROLE "seq-abababab-2" IS 'sequestre:of another association:2'"#;
    superuser.batch_execute(sql).await.unwrap();
    for index in [1, 2] {
        let minted = mint(&connector, &admin, index, "secret").await.err().unwrap();
        let revoked = connector.revoke(&admin, &name(index)).await.err().unwrap();
        for error in [minted, revoked] {
            assert!(matches!(&error, ConnectError::NotOurs { name, .. } if name.ends_with(&index.to_string())));
            assert!(error.is_definite());
        }
    }
    assert!(server.login("seq-abababab-1", "its own", "members").await.is_ok());

    for (sql, named) in [
        ("ALTER ROLE editors CREATEROLE", "'editors'"),
        ("ALTER ROLE editors NOCREATEROLE; CREATE ROLE boss SUPERUSER; GRANT boss TO editors", "'boss'"),
        ("DROP ROLE boss; GRANT pg_write_server_files TO editors", "'pg_write_server_files'"),
        (
            "REVOKE pg_write_server_files FROM editors; CREATE ROLE gift; GRANT gift TO editors WITH ADMIN OPTION",
            "'editors'",
        ),
        ("DROP ROLE gift; REVOKE archive FROM keeper", "'archive'"),
    ] {
        superuser.batch_execute(sql).await.unwrap();
        let error = mint(&connector, &admin, 3, "secret").await.err().unwrap();
        assert!(matches!(&error, ConnectError::Unusable(why) if why.contains(named)), "{error}");
    }
    superuser.batch_execute("GRANT archive TO keeper; DROP ROLE IF EXISTS boss").await.unwrap();
    mint(&connector, &admin, 3, "secret").await.unwrap();
    connector.revoke(&admin, &name(3)).await.unwrap();

    let mut elsewhere = environment();
    elsewhere.targets.insert(Target::new("127.0.0.1", 1).unwrap());
    let settings = Settings::parse(&settings("127.0.0.1", server.port).to_string()).unwrap();
    let error = Connector::new(settings, &elsewhere).err().unwrap();
    assert!(matches!(error, ConnectError::NotAllowed(_)));
}

/// Functions of a lease's own must not run with the administrator's rights, and locks must not keep it alive.
#[tokio::test(flavor = "multi_thread")]
async fn a_lease_cannot_hinder_its_end() {
    let server = server(&[], None).await;
    let (connector, admin) = (connector(server.port), login(SUPERUSER));
    mint(&connector, &admin, 7, "secret").await.unwrap();
    let session = server.login("seq-abababab-7", "secret", "members").await.unwrap();
    let sql = "CREATE FUNCTION public.shobj_description(oid, text) RETURNS text LANGUAGE plpgsql AS \
               $$ BEGIN RAISE 'ran as %', current_user; END $$; \
               CREATE FUNCTION public.pg_terminate_backend(int) RETURNS bool LANGUAGE sql AS 'SELECT true'; \
               ALTER ROLE CURRENT_USER SET search_path = public; BEGIN; CREATE TABLE held (x int); LOCK TABLE held";
    session.batch_execute(sql).await.unwrap();
    connector.revoke(&admin, &name(7)).await.unwrap();
    assert!(session.query("SELECT 1", &[]).await.is_err());
    assert_eq!(lease_roles(&server.superuser("members").await).await, 0);
}

/// Where no password counts, none is said to work: neither the right one nor one that a rotation did not set.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_asks_for_no_password_verifies_none() {
    let server = server(&[], None).await;
    let connector = connector(server.port);
    assert!(connector.verify(&login(KEEPER)).await.unwrap());
    server.asks("trust").await;
    for password in [KEEPER.1, "another password"] {
        let error = connector.verify(&login(("keeper", password))).await.unwrap_err();
        assert!(matches!(&error, ConnectError::Unchecked { .. }) && error.reason() == "unchecked", "{error}");
    }
    server.asks("scram-sha-256").await;
    assert!(connector.verify(&login(KEEPER)).await.unwrap());
    assert!(!connector.verify(&login(("keeper", "another password"))).await.unwrap());
}

/// What a lease left where `reassign_to` may create nothing stays, with its role, and the error says what to grant.
#[tokio::test(flavor = "multi_thread")]
async fn who_gets_what_a_lease_left_must_be_allowed_to_have_it() {
    let server = server(&[], None).await;
    let superuser = server.superuser("members").await;
    let (connector, admin) = (connector(server.port), login(KEEPER));
    mint(&connector, &admin, 1, "secret").await.unwrap();
    let session = server.login("seq-abababab-1", "secret", "members").await.unwrap();
    session.batch_execute("CREATE FUNCTION left_here() RETURNS int LANGUAGE sql AS 'SELECT 1'").await.unwrap();
    superuser.batch_execute("REVOKE CREATE ON SCHEMA public FROM archive").await.unwrap();
    let error = connector.revoke(&admin, &name(1)).await.unwrap_err();
    assert!(
        matches!(&error, ConnectError::Unfinished { source, .. } if source.to_string().contains(r#"TO "archive""#))
    );
    assert!(is_refused(&server, "seq-abababab-1", "secret").await, "nobody logs in with it");
    superuser.batch_execute("GRANT CREATE ON SCHEMA public TO archive").await.unwrap();
    connector.revoke(&admin, &name(1)).await.unwrap();
    assert_eq!(lease_roles(&superuser).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn rotating_changes_the_administrators_password_and_verifying_says_which_counts() {
    let server = server(&[], None).await;
    let connector = connector(server.port);
    let (old, new) = (login(KEEPER), login(("keeper", "another password")));
    assert!(connector.verify(&old).await.unwrap());
    assert!(!connector.verify(&new).await.unwrap());
    mint(&connector, &old, 1, "secret").await.unwrap();
    connector.rotate(&old, &new.secret).await.unwrap();
    assert!(!connector.verify(&old).await.unwrap());
    assert!(connector.verify(&new).await.unwrap());
    let error = connector.revoke(&old, &name(1)).await.unwrap_err();
    assert!(matches!(error, ConnectError::Denied { .. }), "no kept session opens for the old password: {error}");
    connector.revoke(&new, &name(1)).await.unwrap();
    let nobody = Login { user: None, secret: secret("x") };
    assert!(matches!(connector.verify(&nobody).await, Err(ConnectError::Unusable(_))));
}

/// Every statement of every call, lost on the way there and on the way back; then the call again.
#[tokio::test(flavor = "multi_thread")]
async fn faults_leave_what_was_or_say_that_they_may_not() {
    let mut server = server(&[], None).await;
    let superuser = server.superuser("members").await;
    let proxy = Proxy::before(server.port);
    let admin = login(KEEPER);
    let mut index = 10;
    let requests = [
        // (call, a statement of it, did it when the answer was lost, is sure that it did not)
        ("mint", "BEGIN", false, true),
        ("mint", "pg_has_role", false, true),
        ("mint", "shobj_description", false, true),
        ("mint", "CREATE ROLE", false, true),
        ("mint", "COMMIT", true, false),
        ("revoke", "shobj_description", false, true),
        ("revoke", "NOLOGIN", true, false),
        ("revoke", "pg_terminate_backend", true, false),
        ("revoke", "pg_shdepend", true, false),
        ("revoke", "REASSIGN", true, false),
        ("revoke", "DROP ROLE", true, false),
        ("rotate", "pg_advisory", false, true),
        ("rotate", "ALTER ROLE", false, true),
        ("rotate", "COMMIT", true, false),
    ];
    for (call, statement, did_it, sure) in requests {
        for arrives in [false, true] {
            index += 1;
            let case = format!("{call}, at {statement}, arrives: {arrives}");
            let (connector, user) = (connector(proxy.port), name(index).to_string());
            if call == "revoke" {
                mint(&connector, &admin, index, "secret").await.unwrap();
                let session = server.login(&user, "secret", "members").await.unwrap();
                session.batch_execute(&format!("CREATE TABLE left_{index} (x int)")).await.unwrap();
            }
            proxy.arm(statement.as_bytes(), if arrives { Fault::Answer } else { Fault::Request });
            let next = secret("the next password");
            let result = match call {
                "mint" => mint(&connector, &admin, index, "secret").await.map(drop),
                "revoke" => connector.revoke(&admin, &name(index)).await,
                _ => connector.rotate(&admin, &next).await,
            };
            let error = result.expect_err(&case);
            assert!(proxy.is_spent(), "{case}");
            assert_eq!(error.is_definite(), sure, "{case}: {error}");

            let works = !is_refused(&server, &user, "secret").await;
            match call {
                "mint" => {
                    assert_eq!(works, did_it && arrives, "{case}");
                    // Revoked without ever having been seen made, or minted again and then revoked.
                    if index % 2 == 0 {
                        mint(&connector, &admin, index, "again").await.expect(&case);
                        assert!(!is_refused(&server, &user, "again").await, "{case}");
                    }
                    connector.revoke(&admin, &name(index)).await.expect(&case);
                }
                "revoke" => {
                    let untouched = sure || (statement == "NOLOGIN" && !arrives);
                    assert_eq!(works, untouched, "{case}");
                    connector.revoke(&admin, &name(index)).await.expect(&case);
                }
                _ => {
                    let next = login(("keeper", "the next password"));
                    let holds_next = connector.verify(&next).await.expect(&case);
                    assert_eq!(holds_next, did_it && arrives, "{case}");
                    assert_eq!(connector.verify(&admin).await.expect(&case), !holds_next, "{case}");
                    if holds_next {
                        connector.rotate(&next, &admin.secret).await.expect(&case);
                    }
                }
            }
            assert_eq!(lease_roles(&superuser).await, 0, "{case}");
        }
    }

    // Down: nothing was done, by any call; up again: all go on.
    let connector = connector(server.port);
    mint(&connector, &admin, 1, "secret").await.unwrap();
    drop(superuser);
    server.stop();
    let next = secret("the next password");
    for error in [
        mint(&connector, &admin, 2, "secret").await.err().unwrap(),
        connector.revoke(&admin, &name(1)).await.unwrap_err(),
        connector.rotate(&admin, &next).await.unwrap_err(),
        connector.verify(&admin).await.unwrap_err(),
    ] {
        assert!(matches!(error, ConnectError::Unreachable { .. }) && error.is_definite(), "{error}");
    }
    server.run();
    let superuser = server.superuser("members").await;
    assert!(!is_refused(&server, "seq-abababab-1", "secret").await);
    connector.revoke(&admin, &name(1)).await.unwrap();
    assert_eq!(lease_roles(&superuser).await, 0);
}

/// What the server is still at work on when its answer is given up is not overtaken.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_overtakes_a_call_that_takes_effect_late() {
    let server = server(&[], None).await;
    let proxy = Proxy::before(server.port);
    let cut = connector(proxy.port);
    let patient = Arc::new(connector(server.port));

    let go = proxy.arm_late(b"COMMIT");
    let error = mint(&cut, &login(KEEPER), 1, "secret").await.err().unwrap();
    assert!(matches!(error, ConnectError::Unknown { .. }), "{error}");
    let revoking = tokio::spawn({
        let patient = Arc::clone(&patient);
        async move { patient.revoke(&login(KEEPER), &name(1)).await }
    });
    let superuser = server.superuser("members").await;
    wait_until_somebody_waits(&superuser).await;
    assert!(!revoking.is_finished());
    go.send(()).unwrap();
    revoking.await.unwrap().unwrap();
    assert!(is_refused(&server, "seq-abababab-1", "secret").await);
    assert_eq!(lease_roles(&superuser).await, 0, "what came late is revoked, too");

    let go = proxy.arm_late(b"COMMIT");
    let error = cut.rotate(&login(KEEPER), &secret("staged")).await.unwrap_err();
    assert!(matches!(error, ConnectError::Unknown { .. }), "{error}");
    let staged = login(("keeper", "staged"));
    assert!(!patient.verify(&staged).await.unwrap());
    let verifying = tokio::spawn({
        let patient = Arc::clone(&patient);
        async move { patient.verify(&login(KEEPER)).await }
    });
    wait_until_somebody_waits(&superuser).await;
    assert!(!verifying.is_finished());
    go.send(()).unwrap();
    assert!(!verifying.await.unwrap().unwrap(), "the old password is not said to hold when it is about to go");
    assert!(patient.verify(&staged).await.unwrap());
}

async fn wait_until_somebody_waits(superuser: &Client) {
    let begin = Instant::now();
    while count(superuser, "SELECT count(*) FROM pg_locks WHERE NOT granted").await == 0 {
        assert!(begin.elapsed() < Duration::from_secs(10), "nobody waits for the transaction under way");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_link_is_encrypted_and_the_server_proves_who_it_is() {
    let certificates = Certificates::new();
    let encrypted = server(&[], Some(&certificates)).await;
    let plain = server(&[], None).await;
    let wrong = Certificates::new();
    let authority = |certificates: &Certificates| Some(json!({"authority": certificates.authority}));
    let only = |certificates: &Certificates| Some(json!({"certificate": certificates.digest}));
    for (server, host, tls, reached) in [
        (&encrypted, "localhost", authority(&certificates), true),
        (&encrypted, "127.0.0.1", authority(&certificates), false),
        (&encrypted, "localhost", authority(&wrong), false),
        (&encrypted, "127.0.0.1", only(&certificates), true),
        (&encrypted, "127.0.0.1", only(&wrong), false),
        (&encrypted, "localhost", Some(json!("verified")), false),
        (&encrypted, "localhost", None, true),
        (&plain, "localhost", only(&certificates), false),
        (&plain, "localhost", Some(json!("verified")), false),
        (&plain, "localhost", Some(json!("unencrypted-readable-on-the-way")), true),
    ] {
        let case = format!("{host} {tls:?}");
        let mut settings = settings(host, server.port);
        tls.map(|tls| settings.as_object_mut().unwrap().insert("tls".to_owned(), tls));
        match kit::connector(&settings).verify(&login(KEEPER)).await {
            Ok(works) => assert!(works && reached, "{case}"),
            Err(ConnectError::Unreachable { .. }) => assert!(!reached, "{case}"),
            Err(error) => panic!("{case}: {error}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_leases_end_over_a_few_connections() {
    const LEASES: u64 = 1000;
    let server = server(&["log_connections=on"], None).await;
    let superuser = server.superuser("members").await;
    let connector = Arc::new(connector(server.port));
    let mut minting = tokio::task::JoinSet::new();
    for index in 0..LEASES {
        let connector = Arc::clone(&connector);
        minting.spawn(async move { mint(&connector, &login(KEEPER), index, "secret").await.map(drop) });
    }
    let begin = Instant::now();
    minting.join_all().await.into_iter().for_each(|minted| minted.unwrap());
    println!("{LEASES} leases made in {:?}", begin.elapsed());
    assert_eq!(lease_roles(&superuser).await, LEASES as i64);
    let before = server.log().matches("connection authorized").count();
    let mut revoking = tokio::task::JoinSet::new();
    let begin = Instant::now();
    for index in 0..LEASES {
        let connector = Arc::clone(&connector);
        revoking.spawn(async move { connector.revoke(&login(KEEPER), &name(index)).await });
    }
    revoking.join_all().await.into_iter().for_each(|revoked| revoked.unwrap());
    println!("{LEASES} leases revoked in {:?}", begin.elapsed());
    assert_eq!(lease_roles(&superuser).await, 0);
    assert!(server.log().matches("connection authorized").count() - before <= 4, "connections are used again");
}
