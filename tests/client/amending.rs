//! Charters that follow the first: the plan of the one in force, an election, and plans that cannot be.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use sequestre::client::amend::{self, Amendment};
use sequestre::client::destroy;
use sequestre::client::failure::Exit;
use sequestre::client::found;
use sequestre::client::session::Env;
use sequestre::escrow::people::Standing;
use sequestre::escrow::role::Role;
use sequestre::escrow::time::Seconds;

use crate::town::*;

/// The two who are elected this year.
const DENIS: &str = "Denis";
const ELISE: &str = "Élise";

async fn current(town: &Town, name: &str) -> Amendment {
    Amendment::of(&town.session(name).await).unwrap()
}

async fn invite(town: &Town, newcomer: &str, role: &str) {
    let folder = town.root.path().join("invitations");
    found::invite(&town.env(AWA), newcomer, &[role.to_owned()], &folder).await.unwrap();
    town.join(newcomer).await.unwrap();
}

async fn newest_proposal(town: &Town) -> u64 {
    *town.session(AWA).await.state().unwrap().proposals().last_key_value().unwrap().0
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_yearly_election_changes_two_trustees() {
    let town = Town::founded().await;
    let code = town.session(MAUD).await.state().unwrap().charter().unwrap().code().to_string();
    invite(&town, DENIS, "trustee").await;
    invite(&town, ELISE, "trustee").await;

    // The real program writes the plan; an editor changes two names in it; the program proposes it.
    let file: PathBuf = town.root.path().join("plan.json");
    let (exit, told, failed) = town.program(AWA, &["charter", "plan", file.to_str().unwrap()]);
    assert_eq!(exit, 0, "{failed}");
    assert!(told.contains("version 2") && told.contains(file.to_str().unwrap()), "{told}");
    let again = town.program(AWA, &["charter", "plan", file.to_str().unwrap()]);
    assert_eq!(again.0, Exit::Failed as i32, "a plan that somebody edits is never overwritten");
    let text = fs::read_to_string(&file).unwrap();
    let edited = text.replace(BRUNO, DENIS).replace(CHLOE, ELISE);
    assert_ne!(edited, text);
    fs::write(&file, edited).unwrap();
    let amend = ["charter", "amend", file.to_str().unwrap(), "--yes", "--accept-unwitnessed"];
    let (exit, told, failed) = town.program(AWA, &amend);
    assert_eq!(exit, 0, "{told} {failed}");
    assert!(told.contains(DENIS) && told.contains(ELISE), "their fingerprints are shown: {told}");
    let id = newest_proposal(&town).await;

    // The old agreement alone changes nothing: the new one has to agree too.
    let version = async |name: &str| town.session(name).await.state().unwrap().charter().unwrap().version();
    town.approve(BRUNO, id).await.unwrap();
    assert_eq!(version(MAUD).await, 1);
    town.approve(DENIS, id).await.unwrap();
    assert_eq!(version(MAUD).await, 1);
    // Those who are elected could destroy, too: that is thought over for a week, and confirmed by the same.
    town.pass(Seconds(7 * 86_400));
    for name in [MAUD, AWA, BRUNO] {
        town.session(name).await;
    }
    for name in [BRUNO, DENIS, AWA] {
        assert_eq!(version(MAUD).await, 1);
        destroy::confirm(&town.env(name), id).await.unwrap();
    }
    assert_eq!(version(MAUD).await, 2);

    let session = town.session(MAUD).await;
    let state = session.state().unwrap();
    let charter = state.charter().unwrap();
    let names: BTreeSet<String> = charter.trustees().iter().map(|id| session.name_of(id)).collect();
    assert_eq!(names, BTreeSet::from([AWA, DENIS, ELISE].map(str::to_owned)));
    assert_ne!(charter.code().to_string(), code);
    for quorum in charter.quorums() {
        assert_eq!(quorum.groups()[0].members().len(), 3, "{}: all trustees, the new ones", quorum.name());
    }
    for gone in [BRUNO, CHLOE] {
        let left = state.people().iter().find(|(id, _)| session.name_of(id) == gone).unwrap().1;
        assert!(matches!(left.standing, Standing::Gone { .. }), "{gone}");
    }
    drop(session);

    // What is deposited from now on is dealt to those elected, who open it.
    town.put(THEO, true, "password of the second year").await.unwrap();
    for name in [DENIS, ELISE] {
        town.session(name).await.confirm_shares().await.unwrap();
    }
    let asked = town.ask_for(NINA, Seconds::HOUR).await;
    town.approve(DENIS, asked).await.unwrap();
    town.approve(ELISE, asked).await.unwrap();
    assert_eq!(town.open(NINA, asked).await.unwrap(), "password of the second year");
    let bruno = town.approve(BRUNO, asked).await;
    failure(bruno, Exit::Refused, "refused-unknown-device");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plans_that_cannot_be_are_told_before_anything_is_signed() {
    let town = Town::founded().await;
    invite(&town, DENIS, "trustee").await;
    town.invite(AWA, OMAR).await;
    town.join(OMAR).await.unwrap();
    let plan = current(&town, AWA).await;
    let no = async |change: &dyn Fn(&mut Amendment), exit: Exit, key: &str| {
        let mut plan = plan.clone();
        change(&mut plan);
        town.fails(AWA, async |env: &Env| amend::propose(env, &plan).await, exit, key).await.to_string()
    };
    no(&|_| {}, Exit::Usage, "amend-nothing-changes").await;
    let told = no(&|plan| plan.version = 3, Exit::Usage, "amend-other-version").await;
    assert!(told.contains("version 3") && told.contains("version 2"), "{told}");
    no(&|plan| plan.trustees.push("Zoé".to_owned()), Exit::Usage, "failed-name-unknown").await;
    no(&|plan| plan.trustees.push(AWA.to_owned()), Exit::Usage, "amend-named-twice").await;
    no(&|plan| plan.trustees.retain(|name| name == AWA), Exit::Usage, "failed-threshold").await;
    no(&|plan| plan.admission = "nobody".to_owned(), Exit::Usage, "failed-quorum-unknown").await;
    no(&|plan| plan.mediators.push(DENIS.to_owned()), Exit::Usage, "amend-roles-differ").await;
    let told = no(&|plan| plan.trustees.push(OMAR.to_owned()), Exit::Usage, "amend-roles-differ").await;
    assert!(told.contains("member"), "{told}");
    let lease = |plan: &mut Amendment| plan.vaults.get_mut("main").unwrap().longest_lease = "soon".to_owned();
    no(&lease, Exit::Usage, "failed-duration-form").await;
    let lease = |plan: &mut Amendment| plan.vaults.get_mut("main").unwrap().longest_lease = "400d".to_owned();
    no(&lease, Exit::Refused, "refused-bad-charter").await;
    no(&|plan| plan.vaults.clear(), Exit::Refused, "refused-bad-charter").await;
    let king = |plan: &mut Amendment| plan.vaults.get_mut("main").unwrap().askers.roles = vec!["king".to_owned()];
    no(&king, Exit::Usage, "failed-role-unknown").await;

    // Nobody but whoever invited Denis can check that his keys are his.
    let mut with_denis = plan.clone();
    with_denis.trustees.push(DENIS.to_owned());
    let verb = async |env: &Env| amend::propose(env, &with_denis).await;
    town.fails(BRUNO, verb, Exit::Failed, "failed-not-inviter").await;
    // Without an answer to the question about his fingerprint nothing is proposed.
    let mut mute = town.env(AWA);
    mute.unlock.accepted.clear();
    failure(amend::propose(&mute, &with_denis).await, Exit::Unanswered, "failed-unanswered");
    // A member holds no office that could propose.
    let mut shorter = plan.clone();
    shorter.vaults.get_mut("main").unwrap().longest_lease = "7d".to_owned();
    let verb = async |env: &Env| amend::propose(env, &shorter).await;
    town.fails(NINA, verb, Exit::Refused, "refused-may-not-invite").await;
    let file = town.root.path().join("plan.json");
    fs::write(&file, "{ \"version\": 2 }").unwrap();
    let verb = async |env: &Env| amend::amend(env, &file).await;
    town.fails(AWA, verb, Exit::Usage, "amend-plan-unreadable").await;

    // Of two vaults with one name, people read the first and a parser takes the last.
    let text = serde_json::to_string(&shorter).unwrap();
    let vault = serde_json::to_string(&shorter.vaults["main"]).unwrap();
    fs::write(&file, text.replace("\"vaults\":{", &format!("\"vaults\":{{\"main\":{vault},"))).unwrap();
    let verb = async |env: &Env| amend::amend(env, &file).await;
    let told = town.fails(AWA, verb, Exit::Usage, "amend-plan-unreadable").await;
    assert!(told.to_string().contains("stands twice"), "{told}");
    // Nothing is signed that was not shown and agreed to.
    fs::write(&file, text).unwrap();
    let (exit, told, failed) = town.program(AWA, &["charter", "amend", file.to_str().unwrap()]);
    assert_eq!(exit, Exit::Unanswered as i32, "{failed}");
    assert!(format!("{told}{failed}").contains("7 days") && failed.contains("--yes"), "{told}{failed}");

    // A technician may propose as well; what the charter says survives being written and read.
    amend::propose(&town.env(THEO), &shorter).await.unwrap();
    let id = newest_proposal(&town).await;
    town.approve(AWA, id).await.unwrap();
    town.approve(CHLOE, id).await.unwrap();
    let session = town.session(NINA).await;
    let charter = session.state().unwrap().charter().unwrap().clone();
    assert_eq!(charter.vaults().next().unwrap().longest_lease, Seconds(7 * 86_400));
    assert!(session.state().unwrap().roles(&session.me()).contains(&Role::Member));
    drop(session);
    assert_eq!(current(&town, NINA).await, Amendment { version: 3, ..shorter });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn before_the_first_charter_there_is_nothing_to_amend() {
    let town = Town::another().await;
    let verb = async |env: &Env| amend::plan(env, None).await;
    town.fails(AWA, verb, Exit::Usage, "amend-no-charter").await;
}
