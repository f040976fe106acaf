//! Attacks that stop things: commands dropped, blobs and the tail held back, the server destroyed. They are not
//! prevented; these tests show what the people see, and what they have left.

use std::fs;
use std::sync::atomic::Ordering;

use sequestre::client::failure::Exit;
use sequestre::client::session;
use sequestre::escrow::time::Seconds;
use sequestre::proto::v1::command::Act;

use crate::liar::Lie;
use crate::scene::*;
use crate::thief::{entries, log_key, signed};
use crate::town::*;
use crate::traces::contains;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn drops_one_persons_commands() {
    let town = Town::founded_at(Kind::Program).await;
    let lies = liar_between(&town).await;
    let id = town.ask(NINA).await;
    let before = town.entries();
    // 'Done', says the server; Bruno's client does not find it in the log and says so.
    lies.submit.lock().unwrap().push_back(Lie::Forgotten);
    assert_eq!(says(&town, BRUNO, &["approve", &id.to_string()]), (5, "distrust-receipt".to_owned()));
    assert_eq!(names(&town.folder(BRUNO).join("outbox")).len(), 1, "it is kept, to be sent again");
    // 'Refused', says the server, of what the rules allow.
    lies.submit.lock().unwrap().extend([Lie::Refused, Lie::Refused]);
    let (exit, key) = says(&town, CHLOE, &["deny", &id.to_string(), "--reason", "who is this?"]);
    assert_eq!((exit, key.as_str()), (Exit::Refused as i32, "refused-may-not-ask"));
    assert_eq!(town.entries(), before);
    // As soon as anybody lets it through, what was dropped is done.
    lies.submit.lock().unwrap().clear();
    does(&town, BRUNO, &["sync"]);
    assert_eq!(town.request(NINA, id).await.approvals.len(), 1);
    assert!(names(&town.folder(BRUNO).join("outbox")).is_empty());
}

/// What two trustees open with what is on their own computers, without any server: the request, the answer, and the
/// file that comes of it.
fn recovered(town: &Town, [starter, other]: [&str; 2]) -> String {
    let [request, answer, opened] = ["request", "answer", "opened"].map(|name| {
        let path = town.root.path().join(name);
        path.to_str().unwrap().to_owned()
    });
    let begun = does(town, starter, &["recover", "start", "--reason", "the server burnt", "-o", &request, "--json"]);
    let begun: serde_json::Value = serde_json::from_str(&begun).unwrap();
    // Read aloud and typed.
    let code = begun["code"].as_str().unwrap();
    does(town, other, &["recover", "answer", &request, "--code", code, "-o", &answer]);
    does(town, starter, &["recover", "finish", &answer, "--plain", "-o", &opened]);
    fs::read_to_string(opened).unwrap()
}

/// The sealed secrets and shares of the last deposit, as the server has them.
fn of_last_deposit(town: &Town) -> Vec<Vec<u8>> {
    let deposit = entries(town).iter().rev().find_map(|entry| match act_of(entry) {
        Some(Act::Deposit(deposit)) => Some(deposit),
        _ => None,
    });
    let mut ids = Vec::new();
    for part in deposit.unwrap().parts {
        ids.push(part.sealed);
        let groups = part.deals.into_iter().flat_map(|deal| deal.groups);
        ids.extend(groups.flat_map(|group| group.shares).map(|share| share.sealed));
    }
    let database = town.database();
    let content = |id| database.query_row("SELECT content FROM blob WHERE id = ?", [id], |row| row.get(0)).unwrap();
    ids.into_iter().map(content).collect()
}

/// The machine is gone, with everything on it.
async fn destroy(town: &Town) {
    town.kill();
    fs::remove_dir_all(town.data()).unwrap();
    for name in [AWA, BRUNO, NINA] {
        let (exit, key) = says(town, name, &["sync"]);
        assert_eq!((exit, key.as_str()), (Exit::Unreachable as i32, "failed-unreachable"));
        // What they know stays readable, and says that it may be old.
        let (exit, told, complaint) = town.program(name, &["status"]);
        assert!(told.contains("Les Amis du Lac"), "{exit} {told}{complaint}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn withholds_the_blobs_and_then_destroys_the_server() {
    let town = Town::founded_at(Kind::Program).await;
    let lies = liar_between(&town).await;
    lies.no_blobs.store(true, Ordering::SeqCst);
    town.put(THEO, true, "second password of the lake").await.unwrap();
    let deposit = town.entries() - 1;
    // A trustee's cosignature says 'I hold the live blobs': there is none past the deposit, and its depositor and
    // everybody else can see that.
    for name in [AWA, BRUNO, CHLOE] {
        assert_eq!(says(&town, name, &["sync"]).0, 0);
        let session = town.env(name).session().unwrap();
        let missing = session.replica.missing_blobs(&session.me()).unwrap();
        assert!(!missing.is_empty());
    }
    let session = town.session(MAUD).await;
    let trustees = session.state().unwrap().charter().unwrap().trustees().clone();
    let witnessed = session.cosignatures.iter().filter(|c| trustees.contains(c.person()));
    let witnessed: Vec<u64> = witnessed.map(|c| c.head().size).collect();
    assert!(!witnessed.is_empty() && witnessed.iter().all(|size| *size <= deposit), "{witnessed:?}");
    drop(session);
    // Nobody asks for, or agrees to, what they cannot read.
    let ask = ["request", LABEL, "--for", "1h", "--reason", "the site is down"];
    assert_eq!(says(&town, NINA, &ask), (Exit::Usage as i32, "failed-label-unknown".to_owned()));
    // The depositor's own program says that it is not safe, and keeps it with all that belongs to it, to do it anew.
    let status: serde_json::Value = serde_json::from_str(&does(&town, THEO, &["status", "--json"])).unwrap();
    assert_eq!(status["own"]["not_safe"].as_array().map(Vec::len), Some(1), "{status}");
    let withheld = of_last_deposit(&town);
    destroy(&town).await;
    let kept = town.folder(THEO).join("kept");
    let [kept] = names(&kept).try_into().map(|[name]: [String; 1]| [fs::read(kept.join(name)).unwrap()]).unwrap();
    for sealed in &withheld {
        assert!(contains(&kept, sealed));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn withholds_the_tail_and_then_destroys_the_server() {
    let town = Town::founded_at(Kind::Program).await;
    let known = entries(&town);
    let (id, key) = log_key(&town);
    // Bruno and Awa are shown yesterday's log for ever; Théo's new password and Nina's access happened without them.
    let lies = liar_between(&town).await;
    let liar = town.env(BRUNO).session().unwrap().contact.address.clone();
    for name in [THEO, NINA, CHLOE, MAUD] {
        town.moved_to(name, &liar, &town.address());
    }
    *lies.checkpoint.lock().unwrap() = Some(signed(&known, id, &key).to_string());
    town.put(THEO, true, "second password of the lake").await.unwrap();
    let request = town.ask_for(NINA, Seconds::HOUR).await;
    does(&town, CHLOE, &["approve", &request.to_string()]);
    for name in [BRUNO, AWA] {
        does(&town, name, &["sync"]);
        assert_eq!(town.env(name).session().unwrap().replica.head().size, known.len() as u64);
    }
    // Whoever sees both sides sees the gap: no cosignature of Awa or Bruno reaches beyond it.
    let session = town.session(MAUD).await;
    let silent = [AWA, BRUNO].map(|name| session.find_person(name).unwrap());
    let witnessed = session.cosignatures.iter().filter(|c| silent.contains(c.person()));
    assert!(witnessed.clone().count() == 2 && witnessed.clone().all(|c| c.head().size <= known.len() as u64));
    drop(session);
    session::sync(&town.env(CHLOE)).await.unwrap();
    *lies.checkpoint.lock().unwrap() = None;
    destroy(&town).await;
    // Not lost: what one trustee got is with that trustee; any two have what both know, without the server.
    let opened = recovered(&town, [AWA, BRUNO]);
    assert!(opened.contains(PASSWORD) && !opened.contains("second password"), "{opened}");
    let session = town.env(CHLOE).session().unwrap();
    assert_eq!(session.state().unwrap().request(request).unwrap().approvals.len(), 1);
    // What nobody but Chloé, Théo, Nina and Maud saw needs a second trustee who did; here there is none.
    assert!(session.replica.head().size > known.len() as u64);
}
