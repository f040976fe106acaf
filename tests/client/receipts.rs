//! From 'recorded' to 'safe': what a client keeps, until which cosignatures, and what it knows without the server.

use std::fs;

use sequestre::client::failure::Exit;
use sequestre::client::request;
use sequestre::client::session::{self, Env};
use sequestre::escrow::id::BlobId;
use sequestre::escrow::text::Text;
use sequestre::proto::v1::{self, command::Act};

use crate::town::*;

/// What somebody's computer keeps: index, people who confirmed, people needed.
async fn kept(town: &Town, name: &str) -> Vec<(u64, usize, usize)> {
    let session = town.session(name).await;
    let rows = session.kept().unwrap().into_iter().map(|kept| {
        let safety = session.safety(kept.index.unwrap()).unwrap();
        (kept.index.unwrap(), safety.have, safety.needed)
    });
    rows.collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_is_kept_until_no_agreement_can_do_without_somebody_who_holds_it() {
    let town = Town::founded().await;
    assert_eq!(kept(&town, NINA).await, []);
    let (exit, told, failed) = town.program(NINA, &["request", LABEL, "--for", "1h", "--reason", "renew the domain"]);
    assert_eq!(exit, 0, "{failed}");
    let index = town.entries() - 1;
    assert!(told.contains(&format!("Recorded as entry {index}, not yet safe: 0 of 2 trustees")), "{told}");
    // 2 of 3 open the vault, so 2 of them must hold the entry. A member, the technician and a mediator are none.
    assert_eq!(kept(&town, NINA).await, [(index, 0, 2)]);
    for nobody in [THEO, MAUD] {
        session::sync(&town.env(nobody)).await.unwrap();
    }
    assert_eq!(kept(&town, NINA).await, [(index, 0, 2)]);
    session::sync(&town.env(BRUNO)).await.unwrap();
    session::sync(&town.env(BRUNO)).await.unwrap();
    assert_eq!(kept(&town, NINA).await, [(index, 1, 2)], "nobody counts twice");
    let (_, told, _) = town.program(NINA, &["status"]);
    assert!(told.contains("One of your acts") && told.contains(&format!("entry {index}: 1 of 2")), "{told}");
    assert!(told.contains("the server would need 2 of 4 witnesses"), "{told}");
    assert!(told.contains("“main” is opened by: everyday (2 of 3)"), "{told}");
    assert!(told.contains("Bruno confirmed all of it"), "{told}");
    assert!(told.contains(&format!("Chloé confirmed the first {index} of {} entries", index + 1)), "{told}");

    // What is kept is all that it takes to sign it anew: the act and its text.
    let session = town.session(NINA).await;
    let [only] = session.kept().unwrap().try_into().unwrap_or_else(|_| panic!("one"));
    let command = session.folder.kept_command(&only.id).unwrap();
    assert_eq!(command.signed.id(session.folder.id), only.id);
    let Some(Act::Request(act)) = command.act() else { panic!("another act") };
    let reason = BlobId::of(&command.blobs[0]);
    assert_eq!(act.reason, reason.to_vec());
    assert_eq!(Text::from_blob(&command.blobs[0], reason).unwrap().as_str(), "renew the domain");
    drop(session);

    session::sync(&town.env(CHLOE)).await.unwrap();
    assert_eq!(kept(&town, NINA).await, []);
    assert_eq!(fs::read_dir(town.folder(NINA).join("kept")).unwrap().count(), 0);
    let (_, told, _) = town.program(NINA, &["status", "--json"]);
    let status: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert_eq!(status["own"]["not_safe"], serde_json::json!([]));
    assert_eq!(status["witnessed"]["liars_needed"], 2);
    assert_eq!(status["opens"], serde_json::json!([{ "vault": "main", "opened_by": ["everyday"] }]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trustee_from_whom_blobs_are_withheld_does_not_confirm() {
    let town = Town::founded().await;
    town.put(THEO, true, "second").await.unwrap();
    // What Bruno fetched before is on his disk; what is new the server does not give.
    let database = town.database();
    database.execute_batch("CREATE TABLE hidden AS SELECT * FROM blob; DELETE FROM blob").unwrap();
    let size = town.entries();
    for _ in 0..2 {
        let (exit, _, failed) = town.program(BRUNO, &["sync"]);
        assert_eq!(exit, 0, "{failed}");
        assert!(failed.contains("files that trustees must hold") && failed.contains("does not confirm"), "{failed}");
    }
    let confirmed = async |who: &str| {
        let session = town.session(THEO).await;
        let id = session.find_person(who).unwrap();
        session.cosignatures.iter().filter(|c| *c.person() == id).map(|c| c.head().size).max().unwrap()
    };
    assert!(confirmed(BRUNO).await < size);
    let (_, told, _) = town.program(BRUNO, &["status", "--json"]);
    let status: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert!(status["own"]["withheld"].as_u64().unwrap() > 3, "{told}");
    // A mediator holds no blobs of that kind, and says only that the log holds.
    session::sync(&town.env(MAUD)).await.unwrap();
    assert_eq!(confirmed(MAUD).await, size);
    database.execute_batch("INSERT INTO blob SELECT * FROM hidden; DROP TABLE hidden").unwrap();
    session::sync(&town.env(BRUNO)).await.unwrap();
    assert_eq!(confirmed(BRUNO).await, size);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_tail_loses_nothing_that_was_not_safe() {
    let town = Town::founded().await;
    town.stop().await;
    let backup = Snapshot::of(&town.data());
    town.start().await;
    let id = town.ask(NINA).await;
    assert_eq!(kept(&town, NINA).await, [(id, 0, 2)]);
    town.stop().await;
    backup.restore(&town.data());
    town.start().await;
    let sync = async |env: &Env| session::sync(env).await;
    town.fails(NINA, sync, Exit::Distrust, "distrust-lost-tail").await;
    let session = town.env(NINA).session().unwrap();
    let [only] = session.kept().unwrap().try_into().unwrap_or_else(|_| panic!("one"));
    assert_eq!(only.index, Some(id));
    assert_eq!(session.folder.kept_command(&only.id).unwrap().blobs.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cosignatures_are_known_without_the_server() {
    let town = Town::founded().await;
    session::sync(&town.env(THEO)).await.unwrap();
    town.stop().await;
    let known = || town.env(THEO).session().unwrap().witnessed().unwrap();
    assert_eq!((known().fresh.len(), known().of), (4, 4));
    town.env(THEO).session().unwrap().require_witnesses().unwrap();
    let (exit, told, _) = town.program(THEO, &["status"]);
    assert_eq!(exit, 0);
    assert!(told.contains("4 of 4 witnesses") && told.contains("cannot be reached"), "{told}");
    // What was changed on the disk counts for nothing: each line is verified again, as if the server showed it.
    let path = town.folder(THEO).join("cosignatures");
    let text = fs::read_to_string(&path).unwrap();
    assert_eq!(text.lines().count(), 6, "one a device: {text}");
    let other_size = text.lines().map(|line| format!("1{line}\n")).collect::<String>();
    let cut: String = text.lines().map(|line| format!("{}\n", &line[..line.len() - 8])).collect();
    let twice: String = text.lines().next().map(|line| format!("{line}\n{line}\n")).unwrap();
    for (damaged, fresh) in [(other_size, 0), (cut, 0), ("\u{0}".to_owned(), 0), (twice, 1), (text.clone(), 4)] {
        fs::write(&path, damaged).unwrap();
        assert!(known().fresh.len() <= fresh, "{fresh}");
    }
    assert_eq!(known().fresh.len(), 4);
    // The export carries them too.
    let copy = town.root.path().join("copy");
    let (exit, _, failed) = town.program(THEO, &["audit", "export", copy.to_str().unwrap()]);
    assert_eq!(exit, 0, "{failed}");
    let notes = fs::read_to_string(copy.join("checkpoint")).unwrap().lines().filter(|l| l.starts_with('—')).count();
    let earlier = fs::read_dir(copy.join("cosignatures"))
        .map_or(0, |sizes| sizes.map(|size| fs::read_dir(size.unwrap().path()).unwrap().count()).sum::<usize>());
    assert_eq!(notes - 1 + earlier, 6);
}

/// Signs something while there is no server, so that it stays in the outbox.
async fn offline(town: &Town, name: &str, make: impl Fn(&session::Session) -> (Act, Vec<Vec<u8>>)) {
    let mut session = town.session(name).await;
    town.stop().await;
    let (act, blobs) = make(&session);
    failure(session.submit(act, blobs).await, Exit::Unreachable, "failed-unreachable");
    drop(session);
    town.start().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_consent_is_signed_anew_and_nothing_that_was_given_up_comes_back() {
    let town = Town::founded().await;
    let id = town.ask(NINA).await;
    let leaf = town.request(BRUNO, id).await.at.leaf.to_vec();
    offline(&town, BRUNO, |bruno| {
        let (reason, blob) = bruno.text(&Text::parse("why now?").unwrap()).unwrap();
        (Act::Deny(v1::Deny { request_index: id, request_leaf: leaf.clone(), reason: reason.to_vec() }), vec![blob])
    })
    .await;
    offline(&town, MAUD, |_| (Act::StartDrill(v1::StartDrill {}), Vec::new())).await;
    // All of it is still allowed by the rules, and nobody was asked again.
    for (passed, left) in [(601, 1), (600, 0)] {
        town.pass(sequestre::escrow::time::Seconds(passed));
        for name in [BRUNO, MAUD] {
            let mut session = town.env(name).session().unwrap();
            session.sync_to_sign().await.unwrap();
            assert_eq!(session.unsent().unwrap(), left, "{name} after {passed}");
        }
    }
    assert_eq!(town.entries(), id + 1);
    // Nobody asks here: it keeps what it is told, until the log's own time is past.
    let refused = |name| fs::read_dir(town.folder(name).join("refused")).unwrap().count();
    assert_eq!((refused(BRUNO), refused(MAUD)), (1, 1));
    request::give_back(&town.env(NINA), id).await.unwrap();
    town.session(BRUNO).await;
    assert_eq!(refused(BRUNO), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invitation_is_signed_anew_unless_the_charter_changed_or_the_answer_is_no() {
    let town = Town::founded().await;
    let expires = town.now().after(sequestre::escrow::time::Seconds(7 * 86_400));
    let invite = |number: u8| {
        move |session: &session::Session| {
            let (name, blob) = session.text(&Text::parse("Omar").unwrap()).unwrap();
            let roles = vec![v1::Role::Member as i32];
            let (invitation, name) = (vec![number; 32], name.to_vec());
            (Act::Invite(v1::Invite { invitation, roles, name, expires: expires.0 }), vec![blob])
        }
    };
    offline(&town, AWA, invite(1)).await;
    town.pass(sequestre::escrow::time::Seconds(1_201));
    // A script that nobody answers for is kept from nothing by it.
    let id = town.ask(NINA).await;
    let mut script = town.env(AWA);
    script.unlock.accepted = Vec::new();
    sequestre::client::consent::deny(&script, id, "not now").await.unwrap();
    let entries = town.entries();
    let mut awa = town.env(AWA).session().unwrap();
    assert_eq!(awa.unsent().unwrap(), 1);
    awa.sync_to_sign().await.unwrap();
    assert_eq!((awa.unsent().unwrap(), town.entries()), (0, entries + 1));
    // One damaged file keeps nobody from synchronising.
    fs::write(town.folder(AWA).join("outbox").join("0".repeat(64)), b"x").unwrap();
    awa.sync_to_sign().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_says_no_does_not_send_an_earlier_yes() {
    let town = Town::founded().await;
    let id = town.ask(NINA).await;
    let env = town.cut_off_before_approving(BRUNO);
    failure(sequestre::client::consent::approve(&env, id).await, Exit::Unreachable, "failed-unreachable");
    assert_eq!(fs::read_dir(town.folder(BRUNO).join("outbox")).unwrap().count(), 1);
    town.start().await;
    sequestre::client::consent::deny(&town.env(BRUNO), id, "on second thought").await.unwrap();
    let request = town.request(MAUD, id).await;
    assert!(request.approvals.is_empty() && request.denials.len() == 1);
    assert_eq!(fs::read_dir(town.folder(BRUNO).join("outbox")).unwrap().count(), 0);
    assert!(!town.folder(BRUNO).join("released").join(id.to_string()).exists());
}
