//! Attacks with shares: collecting them, spoiling them, and blaming others.

use sequestre::client::failure::Exit;
use sequestre::client::request;
use sequestre::escrow::claim::Answer;
use sequestre::escrow::credential::{DueCause, Urgency};
use sequestre::escrow::id::BlobId;
use sequestre::proto::v1::{self, command::Act};
use sequestre::seal::identity::Identity;
use sequestre::seal::sealing::seal_to;

use crate::scene::*;
use crate::town::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn collects_shares_for_one_account_over_several_failed_requests() {
    let town = Town::founded_at(Kind::Program).await;
    // Nina and the technician: she asks, one trustee agrees, she withdraws, and her program keeps what she got.
    let first = town.ask(NINA).await;
    does(&town, BRUNO, &["approve", &first.to_string()]);
    request::give_back(&town.env(NINA), first).await.unwrap();
    assert_eq!(town.due().await, None);
    let second = town.ask(NINA).await;
    // Whoever is asked next sees how much of the key is out already, in all requests.
    let screen = does(&town, CHLOE, &["approve", &second.to_string()]);
    assert!(screen.contains("handed over so far, in all requests: 1; enough to open it: 2 of 3"), "{screen}");
    // Neither request was granted; together the parts are enough, and that is what counts.
    assert_eq!(says(&town, NINA, &["show", &second.to_string()]), (3, "failed-not-granted".to_owned()));
    assert_eq!(town.due().await, Some(Urgency::Now));
    let session = town.session(MAUD).await;
    let account = session.state().unwrap().credential(&session.find_credential(LABEL).unwrap()).unwrap();
    let nina = session.find_person(NINA).unwrap();
    assert!(matches!(account.due(1).unwrap().cause, DueCause::SharesAddUp(_)));
    assert!(account.exposures(1).iter().any(|exposure| exposure.person == nina));
    drop(session);
    let told = does(&town, AWA, &["credentials", LABEL]);
    assert!(told.contains("Known to Nina") && told.contains("To be changed now"), "{told}");
    assert!(does(&town, MAUD, &["status"]).contains("now"));
}

/// Bruno's program re-seals something else than his share; gives the request.
async fn with_a_bad_share(town: &Town) -> u64 {
    let id = town.ask(NINA).await;
    let mut session = town.session(BRUNO).await;
    let (organisation, base) = (session.folder.id, session.replica.head());
    let request = session.state().unwrap().request(id).unwrap().clone();
    let bad: Vec<Vec<u8>> =
        request.parts.iter().map(|asked| seal_to(&asked.recipient, b"not a share").unwrap()).collect();
    let ids: Vec<BlobId> = bad.iter().map(|blob| BlobId::of(blob)).collect();
    send(&mut session, base, approval(&request, &ids), Vec::new()).await.unwrap();
    session.remote().await.unwrap().put_blobs(organisation, bad).await.unwrap();
    id
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sends_a_bad_share_as_one_trustee() {
    let town = Town::founded_at(Kind::Program).await;
    let id = with_a_bad_share(&town).await;
    does(&town, CHLOE, &["approve", &id.to_string()]);
    // The requester is told whose share it is, and of nobody else's.
    let (exit, told, complaint) = town.program(NINA, &["show", &id.to_string()]);
    assert_eq!(exit, Exit::Distrust as i32);
    assert!(complaint.contains(BRUNO) && !complaint.contains(CHLOE), "{complaint}");
    assert!(!told.contains(PASSWORD));
    // It stops nobody: with one more trustee it opens, the good share is kept and the bad one left out.
    request::give_back(&town.env(NINA), id).await.unwrap();
    let id = with_a_bad_share(&town).await;
    for name in [CHLOE, AWA] {
        does(&town, name, &["approve", &id.to_string()]);
    }
    assert!(does(&town, NINA, &["show", &id.to_string()]).contains(PASSWORD));
    // It stands in the log under both names, and waits for Bruno's program to look again.
    let session = town.session(MAUD).await;
    let state = session.state().unwrap();
    let (request, bruno) = (state.request(id).unwrap(), session.find_person(BRUNO).unwrap());
    assert_eq!(request.claims.keys().collect::<Vec<_>>(), [&bruno]);
    assert_eq!(state.claim_answer(request, &bruno), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn accuses_an_honest_trustee_of_a_bad_share() {
    let town = Town::founded_at(Kind::Program).await;
    let id = town.ask(NINA).await;
    for name in [BRUNO, CHLOE] {
        does(&town, name, &["approve", &id.to_string()]);
    }
    // The server spoils Bruno's share on the way: it no longer is what he signed, and he is not blamed.
    let bruno = town.env(BRUNO).session().unwrap().me();
    let database = town.database();
    let genuine: Vec<(Vec<u8>, Vec<u8>)> = {
        let mut statement = database.prepare("SELECT blob, content FROM share WHERE approver = ?").unwrap();
        let rows = statement.query_map([bruno.as_bytes()], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        rows.map(Result::unwrap).collect()
    };
    database.execute("UPDATE share SET content = zeroblob(40) WHERE approver = ?", [bruno.as_bytes()]).unwrap();
    let (exit, _, complaint) = town.program(NINA, &["show", &id.to_string(), "--json"]);
    assert_eq!(exit, Exit::Failed as i32);
    assert!(complaint.contains("failed-shares-not-here") && !complaint.contains(BRUNO), "{complaint}");
    for (blob, content) in genuine {
        let values = rusqlite::params![content, blob];
        database.execute("UPDATE share SET content = ? WHERE blob = ?", values).unwrap();
    }
    assert!(does(&town, NINA, &["show", &id.to_string()]).contains(PASSWORD));
    assert!(town.request(MAUD, id).await.claims.is_empty());

    // Forged in the requester's name, nobody believes it.
    let (nina, thief) = (identity(&town, NINA), Identity::generate().unwrap());
    let session = town.session(NINA).await;
    let (organisation, base) = (session.folder.id, session.replica.head());
    drop(session);
    let claim = Act::Claim(v1::Claim {
        request_index: id,
        accused: bruno.to_vec(),
        kinds: vec![v1::PartKind::Password as i32],
        verdict: v1::ShareVerdict::DoesNotOpen as i32,
    });
    let forged = falsely_signed(&nina, &thief, organisation, base, town.now(), claim.clone());
    let before = remember(&town).await;
    forge(&town, |entries, _, _| {
        let now = last_time(entries);
        append(entries, forged, now);
    })
    .await;
    for name in [NINA, BRUNO, MAUD] {
        distrusts(&town, name, "distrust-entry");
    }
    rewind(&town, &before).await;

    // A requester who lies can say it. It takes nothing away, and the accused's own program answers.
    let mut session = town.session(NINA).await;
    let base = session.replica.head();
    send(&mut session, base, claim, Vec::new()).await.unwrap();
    drop(session);
    assert_eq!(town.due().await, None);
    request::give_back(&town.env(NINA), id).await.unwrap();
    let next = town.ask(AWA).await;
    does(&town, BRUNO, &["approve", &next.to_string()]);
    let session = town.session(MAUD).await;
    let state = session.state().unwrap();
    let request = state.request(id).unwrap();
    assert_eq!(request.claims.keys().collect::<Vec<_>>(), [&bruno]);
    assert_eq!(state.claim_answer(request, &bruno), Some(Answer::Good));
    assert!(state.request(next).unwrap().approvals.contains_key(&bruno));
}
