//! The client's verbs for what opens to the server: what people type, and what they are told.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use sequestre::client::{consent, request};
use sequestre::escrow::credential::How;
use sequestre::escrow::part::PartKind;
use sequestre::escrow::request::{End, Stage};
use sequestre::escrow::time::Seconds;
use serde_json::Value;

use crate::house::{ACCOUNT, House, KEEPER, KEEPERS, until};
use crate::town::{AWA, BRUNO, CHLOE, Kind, LABEL, MAUD, NINA, PASSWORD, THEO, Town};

pub const BOOKS: &str = "books";

/// Runs the real client; it must succeed. Gives what it printed.
pub fn run(town: &Town, name: &str, arguments: &[&str]) -> String {
    let more = ["--yes", "--accept-unwitnessed"];
    let (code, told, aside) = town.program(name, &[arguments, &more].concat());
    assert_eq!(code, 0, "{name}: {arguments:?}\n{told}\n{aside}");
    told
}

/// The last line that a verb printed for programs.
pub fn data(town: &Town, name: &str, arguments: &[&str]) -> Value {
    let told = run(town, name, &[arguments, &["--json"]].concat());
    serde_json::from_str(told.lines().last().unwrap()).unwrap()
}

pub fn file(town: &Town, name: &str, content: &str) -> PathBuf {
    let path = town.root.path().join(name);
    fs::write(&path, content).unwrap();
    path
}

pub fn says(told: &str, expected: &[&str]) {
    for text in expected {
        assert!(told.contains(text), "{text:?} is not in\n{told}");
    }
}

/// Théo puts an account with a connector in escrow, as people do.
pub fn deposit(house: &House, more: &[&str]) -> String {
    let secrets = serde_json::json!({ "user_name": KEEPER, "password": KEEPERS });
    let secrets = file(&house.town, "secrets.json", &secrets.to_string());
    let connector = format!(
        r#"{{ "kind": "postgresql", "target": "127.0.0.1:{}", "database": "members",
            "rights_of": "editors", "reassign_to": "archive" }}"#,
        house.proxy.port
    );
    let connector = file(&house.town, "connector.json", &connector);
    let arguments =
        ["deposit", BOOKS, "--from", secrets.to_str().unwrap(), "--connector", connector.to_str().unwrap()];
    run(&house.town, THEO, &[arguments.as_slice(), more].concat())
}

/// Awa asks that the account be opened to the server, Bruno agrees: two of three.
pub async fn opened(house: &House) -> u64 {
    let asked = data(&house.town, AWA, &["unseal", BOOKS, "--for", "8h", "--reason", "the monthly backup"]);
    let id = asked["requests"][0]["request"].as_u64().unwrap();
    consent::approve(&house.town.env(BRUNO), id).await.unwrap();
    house.is_open(id).await;
    id
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_of_ones_own_from_the_deposit_to_its_end() {
    let house = House::new(Kind::Here).await;
    let town = &house.town;
    town.thaw();
    says(&deposit(&house, &[]), &["The server will use what you deposit at 127.0.0.1", "rights_of: \"editors\""]);

    // A trustee who asks hands in their own part with it; the others are told what they agree to.
    let asked = data(town, AWA, &["unseal", BOOKS, "--for", "8h", "--reason", "the monthly backup"]);
    let window = asked["requests"][0]["request"].as_u64().unwrap();
    says(&run(town, BRUNO, &["inbox"]), &["Awa asks that “books” be opened to the server for 8 hours"]);
    let target = format!("127.0.0.1:{}", house.proxy.port);
    let told = run(town, BRUNO, &["approve", &window.to_string()]);
    let expected = [
        "This opens to the server, which makes and ends accesses at",
        target.as_str(),
        "Those who run the server can read it in that time: Théo",
        "reassign_to: \"archive\"",
        "Agreed so far: Awa",
        "the server opens it now",
    ];
    says(&told, &expected);
    house.is_open(window).await;
    says(&run(town, MAUD, &["status"]), &["Open to the server until", "“books”", "agreed: Awa, Bruno"]);
    says(&run(town, NINA, &["verify", BOOKS]), &["works there"]);
    let row = run(town, MAUD, &["exposure", BOOKS]);
    says(&row, &["Théo", "runs the server, while it was open there"]);

    // A member asks; agreeing is a signature.
    let asked = data(town, NINA, &["request", BOOKS, "--for", "1h", "--reason", "the fees of May"]);
    assert_eq!(asked["granted"], false);
    let id = asked["request"].as_u64().unwrap().to_string();
    let told = run(town, BRUNO, &["approve", &id]);
    says(&told, &["A login is made for Nina at", "Nothing is opened", "stands in the log"]);
    assert!(!told.contains("part of the key"), "{told}");
    run(town, CHLOE, &["approve", &id]);
    let shown = data(town, NINA, &["show", &id]);
    let text = |name: &str| shown["made"][name].as_str().unwrap().to_owned();
    assert!(house.postgres.login(&text("user"), &text("password"), "members").await.is_ok());
    says(&run(town, NINA, &["show", &id]), &["User name: seq-", "This login stops working then"]);
    says(&run(town, NINA, &["return", &id]), &["the server removes what it made"]);
    let login = crate::house::Login { user: text("user"), password: text("password") };
    house.gone(id.parse().unwrap(), &login).await;

    // Closed by any trustee, at once.
    says(&run(town, CHLOE, &["seal", "--reason", "that is enough"]), &["Closed"]);
    let stage = house.request(window).await.stage;
    assert!(matches!(stage, Stage::Ended { how: End::Sealed(_), .. }), "{stage:?}");
    let (code, told, aside) = town.program(NINA, &["verify", BOOKS]);
    assert_eq!(code, 3, "{told}{aside}");
    says(
        &run(town, NINA, &["request", BOOKS, "--for", "1h", "--reason", "more"]),
        &["is not open to the server now"],
    );
}

/// Whoever closed an account a short while ago cannot close it again when the others agreed anew; that is no success.
#[tokio::test(flavor = "multi_thread")]
async fn what_one_trustee_cannot_close_again_is_named() {
    let house = House::new(Kind::Here).await;
    let town = &house.town;
    town.thaw();
    deposit(&house, &[]);
    opened(&house).await;
    let seal = ["seal", "--reason", "that is enough"];
    let told = data(town, CHLOE, &seal);
    assert_eq!((told["sealed"].as_array().unwrap().len(), &told["stays_open"]), (1, &serde_json::json!([])));
    // The others open it again.
    let again = opened(&house).await;
    let until = match house.request(again).await.stage {
        Stage::Leased(lease) => lease.until().0,
        other => panic!("{other:?}"),
    };
    let person = async |name: &str| town.session(MAUD).await.find_person(name).unwrap().to_string();
    let mut others = vec![person(AWA).await, person(BRUNO).await];
    others.sort();
    let entries = town.entries();
    let all = [seal.as_slice(), &["--yes", "--json"]].concat();
    let stays = |told: &str, aside: &str| {
        let told: Value = serde_json::from_str(told.lines().last().unwrap()).unwrap();
        let [stays] = told["stays_open"].as_array().unwrap().as_slice() else { panic!("{told}") };
        let mut by: Vec<&str> =
            stays["closable_by"].as_array().unwrap().iter().map(|id| id.as_str().unwrap()).collect();
        by.sort_unstable();
        assert_eq!(
            (&stays["request"], &stays["label"], &stays["until"]),
            (&again.into(), &BOOKS.into(), &until.into())
        );
        assert_eq!(by, others);
        // A brake rests for 30 days.
        assert!(stays["closable_from"].as_u64().unwrap() > town.now().0 + 29 * 86_400, "{told}");
        assert!(aside.contains("failed-seal-stays"), "{aside}");
        told["sealed"].clone()
    };
    let (code, told, aside) = town.program(CHLOE, &all);
    assert_eq!((code, stays(&told, &aside)), (3, serde_json::json!([])), "{aside}");
    assert_eq!(town.entries(), entries, "there is nothing that she could sign");
    // What is not hers to close again does not keep the rest open.
    let other = house.opened(Seconds::HOUR).await;
    let (code, told, aside) = town.program(CHLOE, &all);
    assert_eq!((code, stays(&told, &aside)), (3, serde_json::json!([other])), "{aside}");
    assert!(matches!(house.request(other).await.stage, Stage::Ended { how: End::Sealed(_), .. }));
    assert!(matches!(house.request(again).await.stage, Stage::Leased(_)));
    let (code, told, aside) = town.program(CHLOE, &[seal.as_slice(), &["--yes"]].concat());
    assert_eq!(code, 3);
    says(&told, &["STAYS OPEN: “books”", "is open to the server until", "with “sequestre seal”: Awa, Bruno"]);
    says(&aside, &["Not everything is closed"]);
    // Somebody else closes it.
    says(&run(town, BRUNO, &seal), &["Closed: what was open"]);
    assert!(matches!(house.request(again).await.stage, Stage::Ended { how: End::Sealed(_), .. }));
    says(&run(town, CHLOE, &seal), &["Nothing is open to the server"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_secret_on_demand() {
    let house = House::new(Kind::Here).await;
    let town = &house.town;
    town.thaw();
    deposit(&house, &[]);
    let (code, ..) = town.program(NINA, &["rotate", BOOKS]);
    assert_eq!(code, 3, "it is not open");
    opened(&house).await;
    let told = run(town, CHLOE, &["rotate", BOOKS]);
    says(&told, &["is to get a new secret", "has a new secret: version 2"]);
    assert!(house.postgres.login(KEEPER, KEEPERS, "members").await.is_err());
    says(&run(town, CHLOE, &["verify", BOOKS]), &["works there"]);
    // Nobody sealed it, and whoever asked does not know it.
    let session = town.session(MAUD).await;
    let id = session.find_credential(BOOKS).unwrap();
    let credential = session.state().unwrap().credential(&id).unwrap();
    let known = credential.parts(2).flat_map(|(_, _, part)| part.known.values().copied().collect::<Vec<_>>());
    assert!(known.into_iter().all(|knower| knower.how == How::CouldRead));
    drop(session);
    let told = run(town, MAUD, &["credentials", BOOKS]);
    let expected = ["made by the server on", "as Chloé asked", "shown to nobody", "Could have been read by Théo"];
    says(&told, &expected);
    assert!(!told.contains("Known to"), "{told}");
    // A person can still have the secret itself, and those who agree are told what that is.
    let asked = data(town, NINA, &["request", BOOKS, "--for", "1h", "--reason", "it is broken", "--secret"]);
    let told = run(town, BRUNO, &["approve", &asked["request"].to_string()]);
    says(&told, &["CAREFUL: this gives Nina the administrator’s secret itself"]);
    // Deposited anew, the connector stays unless it is taken away.
    let secrets = town.root.path().join("secrets.json");
    let again = ["deposit", BOOKS, "--new-version", "--from", secrets.to_str().unwrap()];
    run(town, THEO, &again);
    let connected = async || {
        let session = town.session(MAUD).await;
        let credential = session.state().unwrap().credential(&id).unwrap();
        credential.current().unwrap().1.connector.is_some()
    };
    assert!(connected().await);
    run(town, THEO, &[again.as_slice(), &["--without", "connector"]].concat());
    assert!(!connected().await);
    let (code, _, aside) = town.program(NINA, &["unseal", BOOKS, "--for", "1h", "--reason", "x"]);
    assert_eq!((code, aside.contains("has no connector")), (2, true), "{aside}");
}

/// The server is gone in the middle of a change: the target holds one of two secrets, and people get both.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_being_set_is_recovered_beside_what_was_in_use() {
    let house = House::new(Kind::Here).await;
    let town = &house.town;
    town.thaw();
    house.opened(Seconds(8 * 3600)).await;
    // The target does not answer before everybody has seen what is staged.
    let slow = house.postgres.superuser("members").await;
    slow.batch_execute("BEGIN; LOCK TABLE pg_authid IN EXCLUSIVE MODE").await.unwrap();
    house.rotate(1).await;
    let staged = async || house.credential().await.rotation?.staged.map(drop);
    until("it is staged", staged).await;
    for name in [AWA, BRUNO] {
        run(town, name, &["sync"]);
    }
    // Whoever could read the one in use could read the new one, too, which is told apart.
    let told = run(town, MAUD, &["exposure", ACCOUNT, "--json"]);
    let rows: Vec<Value> = told.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |version: u32, staged: bool| {
        let is = |row: &&Value| row["version"] == version && row["staged"] == staged && row["how"] == "could_read";
        rows.iter().filter(is).map(|row| row["name"].as_str().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!((of(1, false), of(2, true)), (vec![THEO], vec![THEO]), "{told}");
    for who in [["exposure", ACCOUNT], ["exposure", "--person=Théo"]] {
        says(&run(town, MAUD, &who), &["this is version 2", "NOT the current password yet"]);
    }
    drop(slow);
    town.stop().await;

    let [request, answer, output] = ["r.txt", "a.txt", "o.json"].map(|name| town.root.path().join(name));
    let [request, answer, opened] = [&request, &answer, &output].map(|path| path.to_str().unwrap());
    let started = data(town, AWA, &["recover", "start", "--reason", "the server burnt", "-o", request]);
    let code = started["code"].as_str().unwrap();
    run(town, BRUNO, &["recover", "answer", request, "--code", code, "-o", answer]);
    run(town, AWA, &["recover", "finish", answer, "--plain", "-o", opened]);
    let read: Value = serde_json::from_slice(&fs::read(&output).unwrap()).unwrap();
    let of_the_account = |item: &&Value| item["name"].as_str().unwrap().starts_with(ACCOUNT);
    let found: Vec<_> = read["items"].as_array().unwrap().iter().filter(of_the_account).collect();
    let text = |item: &Value, name: &str| item["login"][name].as_str().unwrap().to_owned();
    assert_eq!(found.len(), 2, "{read}");
    let (new, old) =
        found.iter().partition::<Vec<&Value>, _>(|item| item["name"].to_string().contains("about to set"));
    assert_eq!((new.len(), old.len()), (1, 1), "{read}");
    assert_eq!((text(old[0], "username"), text(old[0], "password")), (KEEPER.to_owned(), KEEPERS.to_owned()));
    assert_eq!(text(new[0], "username"), KEEPER);
    let (new, old) = (text(new[0], "password"), text(old[0], "password"));
    assert!(!new.is_empty() && new != old);
    // The target has one of them, and only one.
    let works = async |password: &str| house.postgres.login(KEEPER, password, "members").await.is_ok();
    assert!(works(&new).await != works(&old).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standing_right_to_logins() {
    let house = House::new(Kind::Here).await;
    let town = &house.town;
    town.thaw();
    deposit(&house, &[]);
    let wanted = ["delegate", BOOKS, "--to", NINA, "--for", "30d", "--uses", "2", "--reason", "the accounts"];
    let right = data(town, AWA, &wanted)["request"].as_u64().unwrap().to_string();
    says(&run(town, MAUD, &["delegations"]), &["books", "Nina", "waiting for 1 more agreement"]);
    let told = run(town, BRUNO, &["approve", &right]);
    says(&told, &["A STANDING RIGHT for Nina", "2 accesses without asking again", "Nothing is opened"]);
    says(&told, &["the standing right is in force"]);
    says(&run(town, MAUD, &["delegations"]), &["books", "Nina", "in force"]);
    // Nothing is made while it is not open.
    let ask = ["request", BOOKS, "--for", "1h", "--reason", "fees"];
    let (code, ..) = town.program(NINA, &ask);
    assert_eq!(code, 3);
    opened(&house).await;
    let taken = data(town, NINA, &ask);
    assert_eq!(taken["left"], 1);
    let shown = data(town, NINA, &["show", &taken["request"].to_string()]);
    let text = |name: &str| shown["made"][name].as_str().unwrap().to_owned();
    assert!(house.postgres.login(&text("user"), &text("password"), "members").await.is_ok());
    let told = run(town, NINA, &["delegate", "--end", &right, "--reason", "I have moved away"]);
    let runs = format!("Access {}, which Nina took by it, goes on until", taken["request"]);
    says(&told, &["has ended", &runs, "A trustee ends it with “sequestre revoke"]);
    says(&run(town, MAUD, &["delegations"]), &["There is no standing right"]);
    says(&run(town, MAUD, &["delegations", "--all"]), &["ended by Nina"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standing_right_to_a_password() {
    let town = Town::founded().await;
    town.thaw();
    let wanted = ["delegate", LABEL, "--to", NINA, "--for", "30d", "--uses", "2", "--reason", "the newsletter"];
    let right = data(&town, AWA, &wanted)["request"].as_u64().unwrap().to_string();
    let told = run(&town, BRUNO, &["approve", &right]);
    says(&told, &["A STANDING RIGHT for Nina", "the secret opens to Awa, whose computer seals it for Nina"]);
    says(&told, &["the computer of Awa now puts"]);
    says(&run(&town, AWA, &["inbox"]), &["delegate --finish"]);
    says(&run(&town, MAUD, &["delegations"]), &["granted; not in force before Awa finishes it"]);
    let finished = run(&town, AWA, &["delegate", "--finish", &right]);
    says(&finished, &["is in force", "You count among those who know the password from now on, Nina from the first"]);

    // Nina takes it alone, and what she gets is what was sealed.
    let ask = ["request", LABEL, "--for", "1h", "--reason", "write to everybody"];
    let told = run(&town, NINA, &ask);
    says(&told, &["Taken by your standing right", "one more access is left", "Nobody has to agree"]);
    let taken = town.session(NINA).await.state().unwrap().requests().last_key_value().unwrap().0.to_owned();
    assert_eq!(town.open(NINA, taken).await.unwrap(), PASSWORD);
    request::give_back(&town.env(NINA), taken).await.unwrap();

    // A new password ends it, unless whoever deposits it renews it.
    let secrets = serde_json::json!({ "user_name": "amis-du-lac", "password": "second" });
    let secrets = file(&town, "second.json", &secrets.to_string());
    let again = ["deposit", LABEL, "--new-version", "--from", secrets.to_str().unwrap()];
    // What ends is said while it can still be done otherwise.
    let before = town.entries();
    let (code, _, aside) = town.program(THEO, &[again.as_slice(), &["--accept-unwitnessed"]].concat());
    assert_eq!((code, aside.contains("With --keep-delegations they would go on")), (6, true), "{aside}");
    assert_eq!(town.entries(), before);
    let told = run(&town, THEO, &[again.as_slice(), &["--keep-delegations"]].concat());
    says(&told, &["The standing right goes on"]);
    let told = run(&town, NINA, &ask);
    says(&told, &["that was the last access"]);
    let taken = town.session(NINA).await.state().unwrap().requests().last_key_value().unwrap().0.to_owned();
    assert_eq!(town.open(NINA, taken).await.unwrap(), "second");
    // Used up: the trustees are asked again.
    run(&town, NINA, &["return", &taken.to_string()]);
    says(&run(&town, NINA, &ask), &["Text to forward to the trustees"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_makes_no_sense_is_said_before_anything_is_signed() {
    let town = Town::founded().await;
    town.thaw();
    let secrets = file(&town, "secrets.json", r#"{ "user_name": "keeper", "password": "s3cret \"of\" books" }"#);
    let entries = town.entries();
    let refused = |connector: &str, expected: &str| {
        let connector = file(&town, "connector.json", connector);
        let connector = connector.to_str().unwrap();
        let arguments = ["deposit", "x", "--from", secrets.to_str().unwrap(), "--connector", connector, "--yes"];
        let (code, told, aside) = town.program(THEO, &[arguments.as_slice(), &["--accept-unwitnessed"]].concat());
        assert_eq!((code, aside.contains(expected)), (2, true), "{told}{aside}");
        assert!(!format!("{told}{aside}").contains("s3cret"), "{told}{aside}");
    };
    refused("not json", "does not say how to reach a target");
    refused(r#"{ "kind": "telepathy" }"#, "does not say how to reach a target");
    let database = |name: &str| {
        format!(
            r#"{{ "kind": "postgresql", "target": "db.example:5432", "database": {name}, "rights_of": "a",
                "reassign_to": "b" }}"#
        )
    };
    refused(&database(r#""s3cret \"of\" books""#), "contains the password");
    let ldap = r#"{ "kind": "ldap", "target": "ldap.example:636", "lease": { "password_of": "uid=x,dc=example" } }"#;
    refused(ldap, "add --exclusive");
    assert_eq!(town.entries(), entries);
    // An SSH authority needs a public key, and a private one stays where it is.
    let authority = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILM+rvN+ot98qgEN796jTiQfZfG1KaT0PtFDJ/XFSqti";
    let ssh = serde_json::json!({
        "kind": "ssh", "target": "shell.example:22", "user": "web", "authority": authority, "principals": ["web"],
    });
    let connector = file(&town, "ssh.json", &ssh.to_string());
    let arguments = ["deposit", "shell", "--from", secrets.to_str().unwrap(), "--connector"];
    run(&town, THEO, &[arguments.as_slice(), &[connector.to_str().unwrap()]].concat());
    let entries = town.entries();
    let private = file(&town, "id", "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n");
    let ask = ["request", "shell", "--for", "1h", "--reason", "x"];
    for (more, expected) in [
        (vec![], "name the file of your public key"),
        (vec!["--ssh-key", private.to_str().unwrap()], "is not an OpenSSH public key"),
        (vec!["--part", "password"], "With --secret you ask"),
    ] {
        let (code, _, aside) = town.program(NINA, &[ask.as_slice(), &more].concat());
        assert_eq!((code, aside.contains(expected)), (2, true), "{aside}");
    }
    let (code, _, aside) = town.program(NINA, &["request", LABEL, "--for", "1h", "--reason", "x", "--secret"]);
    assert_eq!((code, aside.contains("has none")), (2, true), "{aside}");
    assert_eq!(town.entries(), entries);
    let public = file(&town, "id.pub", &format!("{authority} nina@home\n"));
    let id = data(&town, NINA, &[ask.as_slice(), &["--ssh-key", public.to_str().unwrap()]].concat());
    let told = run(&town, BRUNO, &["approve", &id["request"].to_string()]);
    says(&told, &["What the connector is told of the person: “ssh-ed25519 AAAA"]);
    assert!(!told.contains("nina@home"), "{told}");
    let list = town.root.path().join("revoked");
    run(&town, MAUD, &["ssh", "krl", "shell", "--output", list.to_str().unwrap()]);
    assert!(fs::read(list).unwrap().starts_with(b"SSHKRL\n\0"));
    let (code, ..) = town.program(MAUD, &["ssh", "krl", LABEL, "--output", "/nowhere"]);
    assert_eq!(code, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_time_codes_without_their_secret() {
    let town = Town::founded().await;
    town.thaw();
    let secrets = serde_json::json!({ "password": "of the mailbox", "totp_secret": "JBSWY3DPEHPK3PXPJBSWY3DP" });
    let secrets = file(&town, "mailbox.json", &secrets.to_string());
    run(&town, THEO, &["deposit", "mailbox", "--from", secrets.to_str().unwrap()]);
    let ask = ["request", "mailbox", "--for", "1h", "--reason", "read it"];
    let id = data(&town, NINA, &ask)["request"].as_u64().unwrap();
    let told = run(&town, BRUNO, &["approve", &id.to_string()]);
    says(&told, &["Nina sees the secret", "which shows Nina the codes", "can read it in that time: Théo"]);
    run(&town, CHLOE, &["approve", &id.to_string()]);
    let shown = data(&town, NINA, &["show", &id.to_string()]);
    assert_eq!(shown["parts"]["password"]["value"], "of the mailbox");
    assert!(shown["parts"].get("totp-secret").is_none(), "{shown}");
    says(&run(&town, NINA, &["show", &id.to_string()]), &["--codes"]);
    let opened = request::open(&mut town.session(NINA).await, id).await.unwrap();
    assert!(opened.values.iter().all(|(kind, _)| *kind != PartKind::TotpSecret));

    let env = town.env(NINA);
    let mut client = Command::new(env!("CARGO_BIN_EXE_sequestre"));
    client.args(["show", &id.to_string(), "--codes", "--json", "--home"]).arg(env.home.path());
    client.arg("--passphrase-file").arg(env.unlock.passphrase_file.unwrap());
    let mut client = client.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    tokio::task::block_in_place(|| {
        use std::io::BufRead as _;
        std::io::BufReader::new(client.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    });
    let told: Value = serde_json::from_str(&line).unwrap();
    let code = told["code"].as_str().unwrap();
    assert!(code.len() == 6 && code.bytes().all(|b| b.is_ascii_digit()), "{line}");
    kill_process(Pid::from_child(&client), Signal::INT).unwrap();
    let ended = tokio::task::block_in_place(|| client.wait().unwrap());
    assert!(ended.success(), "{ended}");

    // Whoever must have the secret asks for it.
    run(&town, NINA, &["return", &id.to_string()]);
    let id = data(&town, NINA, &[ask.as_slice(), &["--totp-to-me"]].concat())["request"].as_u64().unwrap();
    assert!(!run(&town, BRUNO, &["approve", &id.to_string()]).contains("which shows Nina"));
    run(&town, CHLOE, &["approve", &id.to_string()]);
    let shown = data(&town, NINA, &["show", &id.to_string()]);
    assert!(shown["parts"].get("totp-secret").is_some(), "{shown}");
}
