//! Deposits and requests that make no sense, collide, or come without witnesses.

use sequestre::client::deposit::{self, Deposit};
use sequestre::client::failure::Exit;
use sequestre::client::join;
use sequestre::client::request;
use sequestre::client::session::{self, Env};
use sequestre::escrow::entry::{Entry, What};
use sequestre::escrow::part::PartKind;
use sequestre::escrow::time::Seconds;
use sequestre::proto::v1::{self, command::Act};
use sequestre::seal::secret::Secret;
use sequestre::seal::words::Language;

use prost::Message as _;

use crate::town::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_passphrase_changes_nothing() {
    let town = Town::founded().await;
    let wrong = town.env(BRUNO).unlock;
    let with_wrong = async |env: &Env, id: Option<u64>| {
        let env = Env { unlock: wrong.clone(), ..env.clone() };
        match id {
            None => request::request(&env, asking(LABEL, Seconds::HOUR)).await,
            Some(id) => request::show(&env, id, request::Reveal::Screen).await,
        }
    };
    town.fails(NINA, async |env: &_| with_wrong(env, None).await, Exit::Failed, "failed-passphrase").await;
    let id = town.granted(NINA, Seconds::HOUR).await;
    // The access must not begin, either.
    town.fails(NINA, async |env: &_| with_wrong(env, Some(id)).await, Exit::Failed, "failed-passphrase").await;
    assert_eq!(town.open(NINA, id).await.unwrap(), PASSWORD);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_that_cannot_be() {
    let town = Town::founded().await;
    let ask = async |label: &str, seconds: u64, exit, key: &str| {
        let verb = async |env: &_| request::request(env, asking(label, Seconds(seconds))).await;
        town.fails(NINA, verb, exit, key).await
    };
    let unknown = ask("amis-du-lac.exemple", 3600, Exit::Usage, "failed-label-unknown").await;
    assert!(unknown.to_string().contains(LABEL), "it says what there is: {unknown}");
    ask("", 3600, Exit::Usage, "failed-label-unknown").await;
    for seconds in [0, 1, 59, 30 * 86_400 + 1, u64::MAX] {
        ask(LABEL, seconds, Exit::Refused, "refused-duration").await;
    }
    let verb = async |env: &_| {
        let mut asking = asking(LABEL, Seconds::HOUR);
        asking.open_for = Seconds(7 * 86_400 + 1);
        request::request(env, asking).await
    };
    town.fails(NINA, verb, Exit::Refused, "refused-request-life").await;
    let verb = async |env: &_| {
        let mut asking = asking(LABEL, Seconds::HOUR);
        asking.reason = "renew \u{202e}niamod eht".to_owned();
        request::request(env, asking).await
    };
    town.fails(NINA, verb, Exit::Usage, "text-invisible").await;
    // Those who read and judge, and those who run the machine, do not ask.
    for name in [MAUD, THEO] {
        let verb = async |env: &_| request::request(env, asking(LABEL, Seconds::HOUR)).await;
        town.fails(name, verb, Exit::Refused, "refused-may-not-ask").await;
    }
    for seconds in [60, 30 * 86_400] {
        let id = town.ask_for(NINA, Seconds(seconds)).await;
        ask(LABEL, 3600, Exit::Refused, "refused-already-requested").await;
        request::give_back(&town.env(NINA), id).await.unwrap();
    }
    // The label as people type it.
    request::request(&town.env(NINA), asking(" Amis-du-Lac.EXAMPLE ", Seconds::HOUR)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deposits_that_cannot_be() {
    let town = Town::founded().await;
    let put = async |name: &str, label: &str, new_version: bool, exit, key: &str| {
        let verb = async |env: &_| deposit::deposit(env, account(label, new_version, "x")).await;
        town.fails(name, verb, exit, key).await
    };
    put(THEO, LABEL, false, Exit::Usage, "failed-label-taken").await;
    // A capital I, a digit, a Cyrillic letter, another separator.
    for label in ["amis-du-Iac.example", "am1s-du-lac.example", "аmis-du-lac.example", "amis du lac example"] {
        let told = put(THEO, label, false, Exit::Usage, "failed-lookalike").await;
        assert!(told.to_string().contains(LABEL), "{told}");
    }
    put(THEO, "amis-du-lac\u{200b}.example", false, Exit::Usage, "text-invisible").await;
    put(THEO, "", false, Exit::Usage, "text-empty").await;
    put(THEO, "unknown.example", true, Exit::Usage, "failed-label-unknown").await;
    put(MAUD, "mediators.example", false, Exit::Refused, "refused-may-not-deposit").await;
    let verb = async |env: &_| {
        let mut deposit = account("hosting", false, "x");
        deposit.vault = Some("vital".to_owned());
        deposit::deposit(env, deposit).await
    };
    town.fails(THEO, verb, Exit::Usage, "failed-vault-unknown").await;
    let verb = async |env: &_| {
        let mut deposit = account("hosting", false, "x");
        deposit.parts.clear();
        deposit::deposit(env, deposit).await
    };
    town.fails(THEO, verb, Exit::Usage, "failed-nothing-to-deposit").await;
    deposit::deposit(&town.env(THEO), account("hosting", false, "x")).await.unwrap();
}

#[test]
fn a_deposit_file_that_is_wrong_is_not_quoted() {
    for (text, key) in [
        ("{ \"password\": \"hunter2\"", "failed-deposit-file"),
        ("{ \"hunter2\": 1 }", "failed-deposit-file"),
        ("{ \"password\": [\"hunter2\"] }", "failed-deposit-file"),
        ("{ \"sheet\": \"hunter2\" }", "failed-deposit-file"),
        ("{ \"totp_secret\": \"hunter2\" }", "failed-totp-secret"),
        ("{ \"totp_secret\": \"123456\" }", "failed-totp-secret"),
        ("hunter2", "failed-deposit-file"),
        ("", "failed-deposit-file"),
    ] {
        let read = deposit::from_json(&Secret::from_string(text.to_owned()));
        let told = failure(read.map(|_| ()), Exit::Usage, key);
        assert!(!format!("{told} {told:?}").contains("hunter2"), "{told:?}");
    }
}

/// The deposit of an entry, to be signed by somebody else.
fn deposit_of(entry: &[u8]) -> Act {
    let What::Command(signed) = Entry::parse(entry).unwrap().what else { panic!("an act of the daemon") };
    let command = v1::Command::decode(signed.to_wire().command.as_slice()).unwrap();
    let Some(act @ Act::Deposit(_)) = command.act else { panic!("another act") };
    act
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_second_of_two_new_versions_is_refused() {
    let town = Town::founded().await;
    let before = town.session(THEO).await.replica.head();
    town.put(AWA, true, "the password that Awa set").await.unwrap();
    let mut session = town.session(THEO).await;
    let (head, entries) = (session.replica.head(), session.replica.entries().unwrap());
    // Awa confirms her own shares afterwards.
    let act = deposit_of(&entries[entries.len() - 2]);
    for base in [before, head] {
        let sent = send(&mut session, base, act.clone(), vec![]).await;
        let refused = failure(sent, Exit::Refused, "refused-version-conflict");
        assert!(refused.to_string().contains('2'), "it says the current version: {refused}");
    }
    // As version 3, on a tree that did not have version 2: the second depositor did not see what is replaced.
    let Act::Deposit(mut third) = act else { unreachable!() };
    third.version = 3;
    let sent = send(&mut session, before, Act::Deposit(third), vec![]).await;
    failure(sent, Exit::Refused, "refused-stale-base");
    assert_eq!(town.entries(), entries.len() as u64);
    drop(session);
    let id = town.granted(NINA, Seconds::HOUR).await;
    assert_eq!(town.open(NINA, id).await.unwrap(), "the password that Awa set");
    town.put(THEO, true, "the password that Théo set").await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parts_that_a_new_version_carries_over_open_together_with_the_new_ones() {
    let town = Town::founded().await;
    let changed = Secret::from_string(r#"{ "password": "second" }"#.to_owned());
    let (_, parts) = deposit::from_json(&changed).unwrap();
    deposit::deposit(&town.env(CHLOE), Deposit { parts, ..account(LABEL, true, "replaced below") }).await.unwrap();
    let mut asking = asking(LABEL, Seconds::HOUR);
    asking.parts = vec![PartKind::RecoveryCodes, PartKind::Password];
    request::request(&town.env(NINA), asking).await.unwrap();
    let id = *town.session(NINA).await.state().unwrap().requests().last_key_value().unwrap().0;
    town.approve(BRUNO, id).await.unwrap();
    town.approve(AWA, id).await.unwrap();
    let opened = request::open(&mut town.session(NINA).await, id).await.unwrap();
    let values: Vec<_> = opened.values.iter().map(|(kind, part)| (*kind, part.value.expose_str().unwrap())).collect();
    assert_eq!(values, [(PartKind::RecoveryCodes, "1111 2222"), (PartKind::Password, "second")]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_fresh_witnesses_a_script_must_say_so() {
    let town = Town::founded().await;
    let file = town.root.path().join("deposit.json");
    std::fs::write(&file, r#"{ "password": "of the hosting" }"#).unwrap();
    let deposit = |more: &[&str]| {
        let mut arguments = vec!["deposit", "hosting", "--from", file.to_str().unwrap(), "--json"];
        arguments.extend(more);
        town.program(THEO, &arguments)
    };
    // What Théo's computer knows of cosignatures, and what the server has.
    let forget = || {
        town.database().execute("DELETE FROM cosignature", []).unwrap();
        std::fs::remove_file(town.folder(THEO).join("cosignatures")).unwrap();
    };
    // The server shows nobody's cosignature but Théo's, who runs it and is no witness. Two of four are too few.
    forget();
    session::sync(&town.env(THEO)).await.unwrap();
    for witness in [AWA, MAUD] {
        let before = town.marks(THEO);
        let (exit, told, failed) = deposit(&["--yes"]);
        assert_eq!((exit, told.as_str()), (Exit::Unanswered as i32, ""), "{failed}");
        let failed: serde_json::Value = serde_json::from_str(failed.trim()).unwrap();
        assert_eq!(failed["error"], "failed-unanswered");
        assert!(failed["message"].as_str().unwrap().contains("--accept-unwitnessed"), "{failed}");
        assert_eq!(town.marks(THEO), before);
        session::sync(&town.env(witness)).await.unwrap();
    }
    // A third cosignature by a second computer of Awa's: still two persons.
    let env = town.env(AWA);
    let words = env.unlock.identity(&env.home, &env.out).unwrap().to_words(Language::English);
    let card = join::contact_card(&env.session().unwrap()).unwrap();
    join::restore_identity(&town.env("Awa's other computer"), &words, &card).await.unwrap();
    let (exit, ..) = deposit(&[]);
    assert_eq!(exit, Exit::Unanswered as i32);
    town.database().execute("UPDATE cosignature SET line = 'x' || line", []).unwrap();
    let (exit, ..) = deposit(&[]);
    assert_eq!(exit, Exit::Unanswered as i32, "cosignatures that do not verify do not count");
    forget();
    for witness in [AWA, MAUD, CHLOE] {
        session::sync(&town.env(witness)).await.unwrap();
    }
    let (exit, told, failed) = deposit(&[]);
    assert_eq!(exit, 0, "{told}{failed}");

    // The server cannot take back what Théo's computer verified once.
    town.database().execute("DELETE FROM cosignature", []).unwrap();
    let (exit, _, failed) = deposit(&["--new-version"]);
    assert_eq!(exit, 0, "{failed}");
    // The option does what it says; so do seven days.
    forget();
    let (exit, _, failed) = deposit(&["--new-version", "--accept-unwitnessed"]);
    assert_eq!(exit, 0, "{failed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cosignatures_are_fresh_for_seven_days() {
    let town = Town::founded().await;
    let session = town.session(BRUNO).await;
    let witnessed = session.witnessed().unwrap();
    assert_eq!((witnessed.fresh.len(), witnessed.needed(), witnessed.of), (4, 3, 4));
    drop(session);
    town.pass(Seconds(7 * 86_400));
    assert_eq!(town.session(BRUNO).await.witnessed().unwrap().fresh.len(), 4);
    town.pass(Seconds(1));
    // Bruno himself counts, and has just cosigned again.
    assert_eq!(town.session(BRUNO).await.witnessed().unwrap().fresh.len(), 1);
    town.session(CHLOE).await;
    town.session(MAUD).await;
    town.session(THEO).await;
    let session = town.session(BRUNO).await;
    assert_eq!(session.witnessed().unwrap().fresh.len(), 3);
    session.require_witnesses().unwrap();
}
