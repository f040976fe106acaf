//! Who can agree to what, and when no longer.

use sequestre::client::consent;
use sequestre::client::failure::Exit;
use sequestre::client::request;
use sequestre::escrow::act::ShareVerdict;
use sequestre::escrow::claim::Answer;
use sequestre::escrow::id::BlobId;
use sequestre::escrow::log::merkle::TreeHead;
use sequestre::escrow::request::{End, Stage};
use sequestre::escrow::time::Seconds;
use sequestre::proto::v1::{self, command::Act};
use sequestre::seal::sealing::seal_to;

use crate::town::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_approval_counts_once() {
    let town = Town::founded().await;
    let id = town.ask(NINA).await;
    town.approve(BRUNO, id).await.unwrap();
    for _ in 0..2 {
        let twice = async |env: &_| consent::approve(env, id).await;
        town.fails(BRUNO, twice, Exit::Refused, "refused-already-approved").await;
    }
    let deny = async |env: &_| consent::deny(env, id, "no longer").await;
    town.fails(BRUNO, deny, Exit::Refused, "refused-already-approved").await;
    assert_eq!(town.request(NINA, id).await.approvals.len(), 1);
    let open = async |env: &_| request::show(env, id, request::Reveal::Screen).await;
    town.fails(NINA, open, Exit::Refused, "failed-not-granted").await;
    town.approve(CHLOE, id).await.unwrap();
    assert_eq!(town.open(NINA, id).await.unwrap(), PASSWORD);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_trustees_agree() {
    let town = Town::founded().await;
    let id = town.ask(NINA).await;
    for name in [NINA, MAUD, THEO] {
        let approve = async |env: &_| consent::approve(env, id).await;
        town.fails(name, approve, Exit::Refused, "refused-not-trustee").await;
        let deny = async |env: &_| consent::deny(env, id, "I say so").await;
        town.fails(name, deny, Exit::Refused, "refused-not-trustee").await;
        let revoke = async |env: &_| request::revoke(env, id, "I say so").await;
        town.fails(name, revoke, Exit::Refused, "refused-not-trustee").await;
        // The same from a program that does not ask its own rules first, with and without something to release.
        let mut session = town.session(name).await;
        let (before, base) = (town.entries(), session.replica.head());
        let request = session.state().unwrap().request(id).unwrap().clone();
        let garbage = seal_to(&request.parts[0].recipient, b"garbage").unwrap();
        for released in [vec![], vec![BlobId::of(&garbage)]] {
            let act = approval(&request, &released);
            failure(send(&mut session, base, act, vec![]).await, Exit::Refused, "refused-not-trustee");
        }
        assert_eq!(town.entries(), before);
    }
    town.approve(AWA, id).await.unwrap();
    town.approve(BRUNO, id).await.unwrap();
    assert_eq!(town.open(NINA, id).await.unwrap(), PASSWORD);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trustee_who_asks_needs_one_other() {
    let town = Town::founded().await;
    let id = town.ask(AWA).await;
    let asked = town.request(BRUNO, id).await;
    assert!(asked.own_share && asked.approvals.is_empty());
    let own = async |env: &_| consent::approve(env, id).await;
    town.fails(AWA, own, Exit::Refused, "refused-own-request").await;
    let alone = failure(town.open(AWA, id).await, Exit::Refused, "failed-not-granted");
    assert!(alone.to_string().contains("one more"), "{alone}");
    // It does not help to say that the own share does not count, nor to send it as an approval.
    let mut session = town.session(AWA).await;
    let garbage = seal_to(&asked.parts[0].recipient, b"garbage").unwrap();
    let base = session.replica.head();
    let sent = send(&mut session, base, approval(&asked, &[BlobId::of(&garbage)]), vec![]).await;
    failure(sent, Exit::Refused, "refused-own-request");
    drop(session);
    town.approve(BRUNO, id).await.unwrap();
    assert_eq!(town.open(AWA, id).await.unwrap(), PASSWORD);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_approval_after_72_hours_comes_too_late() {
    let town = Town::founded().await;
    let id = town.ask(NINA).await;
    town.approve(CHLOE, id).await.unwrap();
    let entries = town.entries();
    town.pass(Seconds(73 * 3600));
    failure(town.approve(BRUNO, id).await, Exit::Refused, "refused-request-expired");
    // The daemon wrote down that nobody granted it, and nothing else.
    assert_eq!(town.entries(), entries + 1);
    let request = town.request(NINA, id).await;
    assert!(matches!(request.stage, Stage::Ended { how: End::Expired, .. }));
    assert_eq!(request.approvals.len(), 1);
    let late = async |env: &_| consent::approve(env, id).await;
    town.fails(BRUNO, late, Exit::Refused, "refused-request-expired").await;
    failure(town.open(NINA, id).await, Exit::Refused, "failed-request-expired");
    // Chloé's share counts as handed over for ever; Nina has to ask again all the same.
    let again = town.granted(NINA, Seconds::HOUR).await;
    assert_eq!(town.open(NINA, again).await.unwrap(), PASSWORD);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_denial_may_become_an_approval() {
    let town = Town::founded().await;
    let id = town.ask(NINA).await;
    consent::deny(&town.env(BRUNO), id, "why now?").await.unwrap();
    consent::deny(&town.env(BRUNO), id, "still: why now?").await.unwrap();
    let request = town.request(NINA, id).await;
    assert_eq!((request.denials.len(), request.approvals.len()), (1, 0));
    assert_eq!(consent::waiting(&town.session(BRUNO).await).unwrap().len(), 1, "it can still be approved");
    town.approve(BRUNO, id).await.unwrap();
    let request = town.request(NINA, id).await;
    assert_eq!((request.denials.len(), request.approvals.len()), (0, 1));
    town.approve(CHLOE, id).await.unwrap();
    assert_eq!(town.open(NINA, id).await.unwrap(), PASSWORD);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_approval_on_what_has_changed_since_is_stale() {
    let town = Town::founded().await;
    let before_asking = town.session(BRUNO).await.replica.head();
    let id = town.granted(NINA, Seconds::HOUR).await;
    let before_new_version = town.session(AWA).await.replica.head();
    town.put(THEO, true, "second password").await.unwrap();

    // Awa approves what she saw, once without having seen the request, once without the account's new version.
    let mut session = town.session(AWA).await;
    let request = session.state().unwrap().request(id).unwrap().clone();
    assert!(matches!(request.stage, Stage::Granted(_)), "what was granted is not superseded");
    let entries = town.entries();
    let sealed = seal_to(&request.parts[0].recipient, b"whatever").unwrap();
    for base in [before_asking, before_new_version] {
        let act = approval(&request, &[BlobId::of(&sealed)]);
        failure(send(&mut session, base, act, vec![]).await, Exit::Refused, "refused-stale-base");
    }
    // A base that never was, and none at all, which is for newcomers.
    let invented = TreeHead { size: before_new_version.size, root: before_asking.root };
    for base in [invented, TreeHead::EMPTY] {
        let act = approval(&request, &[BlobId::of(&sealed)]);
        failure(send(&mut session, base, act, vec![]).await, Exit::Refused, "refused-foreign-base");
    }
    assert_eq!(town.entries(), entries);
    drop(session);
    town.approve(AWA, id).await.unwrap();
    assert_eq!(town.open(NINA, id).await.unwrap(), PASSWORD, "the version that was asked for");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn numbers_that_are_no_requests() {
    let town = Town::founded().await;
    for id in [0, 3, 9999, u64::MAX] {
        let approve = async |env: &_| consent::approve(env, id).await;
        let deny = async |env: &_| consent::deny(env, id, "no").await;
        let revoke = async |env: &_| request::revoke(env, id, "no").await;
        let give_back = async |env: &_| request::give_back(env, id).await;
        let show = async |env: &_| request::show(env, id, request::Reveal::Screen).await;
        let told = town.fails(BRUNO, approve, Exit::Usage, "failed-id-unknown").await;
        assert!(told.to_string().contains(&id.to_string()));
        town.fails(BRUNO, deny, Exit::Usage, "failed-id-unknown").await;
        town.fails(BRUNO, revoke, Exit::Usage, "failed-id-unknown").await;
        town.fails(NINA, give_back, Exit::Usage, "failed-id-unknown").await;
        town.fails(NINA, show, Exit::Usage, "failed-id-unknown").await;
    }
    // Somebody else's request.
    let id = town.ask(NINA).await;
    let give_back = async |env: &_| request::give_back(env, id).await;
    let show = async |env: &_| request::show(env, id, request::Reveal::Screen).await;
    town.fails(BRUNO, give_back, Exit::Refused, "refused-not-yours").await;
    town.fails(BRUNO, show, Exit::Refused, "refused-not-yours").await;
}

/// Bruno's program releases something that is not his share.
async fn garbage_from_bruno(town: &Town, id: u64) {
    let mut session = town.session(BRUNO).await;
    let request = session.state().unwrap().request(id).unwrap().clone();
    let sealed = seal_to(&request.parts[0].recipient, b"this is not a share").unwrap();
    let act = approval(&request, &[BlobId::of(&sealed)]);
    session.submit(act, vec![]).await.unwrap();
    let organisation = session.folder.id;
    session.remote().await.unwrap().put_blobs(organisation, vec![sealed]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_share_is_named_and_one_more_approval_opens() {
    let town = Town::founded().await;
    let id = town.ask(NINA).await;
    garbage_from_bruno(&town, id).await;
    town.approve(CHLOE, id).await.unwrap();
    town.approve(AWA, id).await.unwrap();
    assert_eq!(town.open(NINA, id).await.unwrap(), PASSWORD, "two good shares are enough beside a bad one");
    // The log says whose share was bad, once, however often it is opened.
    town.open(NINA, id).await.unwrap();
    let session = town.session(NINA).await;
    let (state, bruno) = (session.state().unwrap(), session.find_person(BRUNO).unwrap());
    let request = state.request(id).unwrap();
    let accused: Vec<_> = request.claims.iter().map(|(person, claim)| (*person, claim.verdict)).collect();
    assert_eq!(accused, [(bruno, ShareVerdict::DoesNotMatch)]);
    assert_eq!(state.claim_answer(request, &bruno), None);
    drop(session);
    // The next time that Bruno's program has his identity at hand, it looks again and answers.
    let other = town.ask(NINA).await;
    town.approve(BRUNO, other).await.unwrap();
    let session = town.session(NINA).await;
    let state = session.state().unwrap();
    assert_eq!(state.claim_answer(state.request(id).unwrap(), &bruno), Some(Answer::Good));
    assert!(state.to_confirm(&bruno).is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drill_is_answered_when_the_identity_is_at_hand() {
    let town = Town::founded().await;
    let id = town.ask(NINA).await;
    town.approve(BRUNO, id).await.unwrap();
    let mut session = town.session(MAUD).await;
    let drill = session.submit(Act::StartDrill(v1::StartDrill {}), Vec::new()).await.unwrap();
    let bruno = session.find_person(BRUNO).unwrap();
    drop(session);
    let other = town.ask(CHLOE).await;
    town.approve(BRUNO, other).await.unwrap();
    let session = town.session(NINA).await;
    let state = session.state().unwrap();
    let verdicts = state.credentials().values().flat_map(|c| c.versions.values()).flat_map(|v| v.parts.values());
    let checked: Vec<_> = verdicts.map(|part| part.verdicts[&bruno]).collect();
    assert!(!checked.is_empty() && checked.iter().all(|c| c.index > drill && c.verdict == ShareVerdict::Good));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_share_found_too_late_is_named_and_asking_again_opens() {
    let town = Town::founded().await;
    let id = town.ask(NINA).await;
    garbage_from_bruno(&town, id).await;
    town.approve(CHLOE, id).await.unwrap();
    for _ in 0..2 {
        let bad = failure(town.open(NINA, id).await, Exit::Distrust, "failed-shares-bad");
        assert!(bad.to_string().contains(BRUNO) && !bad.to_string().contains(CHLOE), "{bad}");
    }
    // Fetching began the access, so that nobody can add an approval; the sentence says what to do instead.
    let more = async |env: &_| consent::approve(env, id).await;
    town.fails(AWA, more, Exit::Refused, "refused-request-closed").await;
    let again = town.ask(NINA).await;
    town.approve(CHLOE, again).await.unwrap();
    town.approve(AWA, again).await.unwrap();
    assert_eq!(town.open(NINA, again).await.unwrap(), PASSWORD);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_share_for_another_request_is_named() {
    let town = Town::founded().await;
    let id = town.ask(NINA).await;
    // Bruno releases Awa's share, which his home holds sealed to her, and seals it once more.
    let mut session = town.session(BRUNO).await;
    let request = session.state().unwrap().request(id).unwrap().clone();
    let awa = session.find_person(AWA).unwrap();
    let part = session.state().unwrap().part(&request.parts[0].part).unwrap().part.clone();
    let (_, logged) = part.deals[0].share_of(&awa).unwrap();
    let hers = session.replica.blob(&logged.sealed).unwrap().unwrap();
    let sealed = seal_to(&request.parts[0].recipient, &hers).unwrap();
    session.submit(approval(&request, &[BlobId::of(&sealed)]), vec![]).await.unwrap();
    let organisation = session.folder.id;
    session.remote().await.unwrap().put_blobs(organisation, vec![sealed]).await.unwrap();
    drop(session);
    town.approve(CHLOE, id).await.unwrap();
    let bad = failure(town.open(NINA, id).await, Exit::Distrust, "failed-shares-bad");
    assert!(bad.to_string().contains(BRUNO), "{bad}");
}
