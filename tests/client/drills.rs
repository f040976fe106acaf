//! Drills: who is asked, what counts, when people are warned, and what is known of an account that somebody tried.

use sequestre::client::consent::{Item, waiting};
use sequestre::client::deposit;
use sequestre::client::drill::{self, ShareRow, Trial, share_rows, trial};
use sequestre::client::failure::Exit;
use sequestre::client::request;
use sequestre::client::session::Session;
use sequestre::client::view::View;
use sequestre::escrow::id::CredentialId;
use sequestre::escrow::time::Seconds;
use sequestre::proto::v1::{self, command::Act};

use crate::town::*;

const DAY: u64 = 86_400;

fn items(session: &Session, kind: &str) -> Vec<Item> {
    waiting(session).unwrap().into_iter().filter(|item| item.json["kind"] == kind).collect()
}

/// The only agreement of the association, as this person's client counts it.
async fn row(town: &Town, name: &str) -> ShareRow {
    let session = town.session(name).await;
    let texts = |id: &_| session.text_of(id);
    let view = View::new(session.state().unwrap(), session.env.out.language(), &texts);
    let rows = share_rows(&view, town.now());
    let [only] = rows.try_into().unwrap();
    only
}

fn credential(session: &Session) -> CredentialId {
    session.find_credential(LABEL).unwrap()
}

async fn tried(town: &Town) -> Trial {
    let session = town.session(MAUD).await;
    let id = session.find_credential(LABEL).unwrap();
    trial(session.state().unwrap().credential(&id).unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drill_asks_everybody_and_starts_once_a_week() {
    let town = Town::founded().await;
    town.fails(NINA, async |env: &_| drill::shares(env).await, Exit::Refused, "refused-may-not-drill").await;
    // A mediator can ask, and has no shares of their own.
    let before = town.entries();
    drill::shares(&town.env(MAUD)).await.unwrap();
    assert_eq!(town.entries(), before + 1);
    for name in [AWA, BRUNO, CHLOE] {
        let asked = items(&town.session(name).await, "drill");
        assert!(asked.len() == 1 && asked[0].text.contains("Maud asks everybody"), "{name}");
    }
    for name in [MAUD, THEO, NINA] {
        assert!(items(&town.session(name).await, "drill").is_empty(), "{name} holds no shares");
    }
    // The second one only confirms; whoever unlocks for something else does so by the way.
    drill::shares(&town.env(AWA)).await.unwrap();
    assert_eq!(town.entries(), before + 2);
    assert!(items(&town.session(AWA).await, "drill").is_empty());
    let id = town.ask(NINA).await;
    town.approve(BRUNO, id).await.unwrap();
    assert!(items(&town.session(BRUNO).await, "drill").is_empty());
    let (exit, told, failed) = town.program(CHLOE, &["drill", "shares"]);
    assert_eq!(exit, 0, "{failed}");
    assert!(told.contains("A drill runs already: Maud") && told.contains("3 of 3, needed 2"), "{told}");
    assert!(!told.contains("have not opened") && !told.contains("WARNING"), "{told}");
    request::give_back(&town.env(NINA), id).await.unwrap();

    town.pass(Seconds(7 * DAY));
    let before = town.entries();
    drill::shares(&town.env(CHLOE)).await.unwrap();
    assert_eq!(town.entries(), before + 2, "the next drill, and a confirmation");
    assert_eq!(items(&town.session(AWA).await, "drill").len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_are_warned_before_too_few_shares_are_known_to_work() {
    let town = Town::founded().await;
    let first = row(&town, AWA).await;
    assert_eq!((first.confirmed, first.of, first.needed, first.low), (3, 3, 2, false));
    assert_eq!((first.quorum.as_str(), first.account.as_str()), ("everyday", LABEL));
    let until = first.until.unwrap();
    assert!((89 * DAY..=90 * DAY).contains(&(until - town.now().0)));
    // Fourteen days before the second of three confirmations is too old.
    let nearly = until - 14 * DAY - town.now().0;
    town.pass(Seconds(nearly - 1));
    assert!(!row(&town, AWA).await.low);
    town.pass(Seconds(1));
    let warned = row(&town, AWA).await;
    assert!(warned.low && warned.confirmed == 3);
    for name in [AWA, MAUD] {
        let items = items(&town.session(name).await, "shares");
        assert!(items.len() == 1 && items[0].text.contains("3 of 3, needed 2. WARNING"), "{name}");
        assert_eq!(items[0].json["confirmed"], 3);
    }
    assert!(items(&town.session(NINA).await, "shares").is_empty(), "members can do nothing about it");

    town.pass(Seconds(14 * DAY + 1));
    let gone = row(&town, AWA).await;
    assert_eq!((gone.confirmed, gone.until, gone.low), (0, None, true));
    for (name, confirmed, low) in [(AWA, 1, true), (BRUNO, 2, true), (CHLOE, 3, false)] {
        drill::shares(&town.env(name)).await.unwrap();
        let now = row(&town, MAUD).await;
        assert_eq!((now.confirmed, now.low), (confirmed, low), "after {name}");
    }
    assert!(items(&town.session(AWA).await, "shares").is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_deposit_has_a_week_to_be_confirmed() {
    let town = Town::founded().await;
    town.put(AWA, true, "second").await.unwrap();
    // Awa confirmed her own; the others had no time yet.
    let young = row(&town, MAUD).await;
    assert_eq!((young.confirmed, young.low), (1, false));
    town.pass(Seconds(7 * DAY));
    let settled = row(&town, MAUD).await;
    assert_eq!((settled.confirmed, settled.low), (1, true));
    let told = items(&town.session(BRUNO).await, "shares").remove(0).text;
    assert!(told.contains("1 of 3, needed 2. WARNING") && told.contains("nobody knows"), "{told}");
    town.session(BRUNO).await.confirm_shares().await.unwrap();
    town.session(CHLOE).await.confirm_shares().await.unwrap();
    assert!(!row(&town, MAUD).await.low);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_share_in_a_young_deposit_is_heard_at_once_and_an_account_that_is_not_counted_is_named() {
    let town = Town::founded().await;
    town.session(BRUNO).await.confirm_shares().await.unwrap();
    town.session(CHLOE).await.confirm_shares().await.unwrap();
    town.pass(Seconds(8 * DAY));
    let other = "bank of the lake";
    deposit::deposit(&town.env(AWA), account(other, false, "another password")).await.unwrap();
    let counted = row(&town, MAUD).await;
    assert_eq!((counted.low, counted.account.as_str()), (false, LABEL));
    assert_eq!(counted.settling, [other]);

    // Bruno's share of it is none.
    let mut session = town.session(BRUNO).await;
    let (state, me) = (session.state().unwrap(), session.me());
    let checks: Vec<_> = state
        .to_confirm(&me)
        .into_iter()
        .filter(|part| {
            state.part(part).unwrap().verdicts.is_empty() || part.version.credential != credential(&session)
        })
        .map(|part| v1::ShareCheck {
            credential: part.version.credential.to_vec(),
            version: part.version.version,
            kind: part.kind as i32,
            verdict: v1::ShareVerdict::DoesNotMatch as i32,
        })
        .collect();
    assert!(!checks.is_empty());
    session.submit(Act::ConfirmShares(v1::ConfirmShares { checks }), vec![]).await.unwrap();
    drop(session);
    let heard = row(&town, MAUD).await;
    assert_eq!((heard.low, heard.account.as_str()), (true, other));
    assert!(heard.settling.is_empty(), "{heard:?}");
    let told = items(&town.session(MAUD).await, "shares").remove(0).text;
    assert!(told.contains(other), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_is_never_tested_until_somebody_else_logged_in() {
    let town = Town::founded().await;
    assert_eq!(tried(&town).await, Trial::Never);
    let (_, told, _) = town.program(AWA, &["credentials"]);
    assert!(told.contains(&format!("Never tested: {LABEL}.")), "{told}");
    let (_, told, _) = town.program(AWA, &["status"]);
    assert!(told.contains("Never tested") && told.contains("3 of 3, needed 2"), "{told}");

    // Not without access; not with one that was granted and never fetched.
    let says = async |env: &_, works| drill::account(env, LABEL, Some(works)).await;
    town.fails(BRUNO, async |env: &_| says(env, true).await, Exit::Refused, "drill-no-access").await;
    let id = town.granted(NINA, Seconds::HOUR).await;
    town.fails(NINA, async |env: &_| says(env, true).await, Exit::Refused, "drill-no-access").await;
    town.open(NINA, id).await.unwrap();
    // It is for a person to say.
    let unasked = async |env: &_| drill::account(env, LABEL, None).await;
    let told = town.fails(NINA, unasked, Exit::Unanswered, "failed-no-terminal").await;
    assert!(told.to_string().contains("--works"), "{told}");
    let both = town.program(NINA, &["drill", "account", LABEL, "--works", "--fails"]);
    assert_eq!(both.0, Exit::Usage as i32);
    says(&town.env(NINA), true).await.unwrap();
    let nina = town.session(NINA).await.me();
    assert!(matches!(tried(&town).await, Trial::Works(person, _) if person == nina));
    let (_, told, _) = town.program(AWA, &["credentials"]);
    assert!(!told.contains("Never tested"), "{told}");
    let (_, told, _) = town.program(AWA, &["credentials", "--json"]);
    assert_eq!(serde_json::from_str::<serde_json::Value>(told.trim()).unwrap()["tested"], "works");
    let (_, told, _) = town.program(AWA, &["credentials", LABEL]);
    assert!(told.contains("worked when Nina tried it"), "{told}");

    // Changed at the provider by somebody: the depositor learns it.
    says(&town.env(NINA), false).await.unwrap();
    assert!(matches!(tried(&town).await, Trial::Fails(person, _) if person == nina));
    let told = items(&town.session(THEO).await, "fails").remove(0).text;
    assert!(told.contains(LABEL) && told.contains("did NOT work when Nina"), "{told}");
    assert!(items(&town.session(AWA).await, "fails").is_empty());

    // A new password was tried by nobody; its depositor's word does not count.
    town.put(AWA, true, "second").await.unwrap();
    assert_eq!(tried(&town).await, Trial::Never);
    let id = town.ask(AWA).await;
    town.approve(BRUNO, id).await.unwrap();
    assert_eq!(town.open(AWA, id).await.unwrap(), "second");
    town.fails(AWA, async |env: &_| says(env, true).await, Exit::Refused, "refused-own-deposit").await;
    // Seven days after an access nobody can say what came of it.
    let running = town.entries();
    town.pass(Seconds(3_601));
    town.restart().await;
    town.grown(running + 2).await;
    town.pass(Seconds(7 * DAY + 1));
    drop(town.session(NINA).await);
    town.fails(NINA, async |env: &_| says(env, true).await, Exit::Refused, "drill-no-access").await;
}
