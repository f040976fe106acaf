//! Founding: plans that cannot be, foundings that are interrupted, and several associations in one home.

use std::fs;

use sequestre::client::failure::Exit;
use sequestre::client::found::{self, Plan, Planned};
use sequestre::client::home::Home;
use sequestre::client::request;
use sequestre::client::session::{self, Env};
use sequestre::daemon;
use sequestre::daemon::config::Overrides;
use sequestre::escrow::time::Seconds;

use crate::town::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plans_that_cannot_be() {
    let (town, code) = Town::bare().await;
    let folder = town.root.path().join("invitations");
    let no = async |change: &dyn Fn(&mut Plan), key: &str| {
        let verb = async |env: &Env| {
            let mut plan = plan();
            change(&mut plan);
            found::found(env, &code, plan, &folder).await
        };
        let told = town.fails(AWA, verb, Exit::Usage, key).await;
        assert!(!town.env(AWA).home.has_identity() && !folder.exists(), "{key}");
        told.to_string()
    };
    // Nobody alone, nobody at all, and more than there are.
    for quorum in ["everyday=0", "everyday=1", "everyday=4", "vital=4294967295", "amend=1", "destroy=1"] {
        let told = no(&|plan| plan.add_quorum(quorum).unwrap(), "failed-threshold").await;
        assert!(told.contains(quorum.split('=').next().unwrap()), "{told}");
    }
    no(&|plan| plan.add_quorum("both=2:Awa,Bruno+1:Chloé").unwrap(), "failed-threshold").await;
    no(&|plan| plan.add_quorum("both=2:Awa,Nina").unwrap(), "failed-name-unknown").await;
    no(&|plan| plan.add_quorum("both=2:Awa,Maud").unwrap(), "failed-name-unknown").await;
    no(&|plan| plan.add_vault("main=everyday,evreyday").unwrap(), "failed-quorum-unknown").await;
    no(&|plan| plan.add_vault("main=").unwrap(), "failed-quorum-unknown").await;
    no(&|plan| plan.admission = "nobody".to_owned(), "failed-quorum-unknown").await;
    no(&|plan| plan.people[0].name = "Awa".to_owned(), "failed-lookalike").await;
    no(&|plan| plan.people[0].name = "awa".to_owned(), "failed-lookalike").await;
    no(&|plan| plan.people[0].name = plan.people[1].name.clone(), "failed-lookalike").await;
    no(&|plan| plan.people[0].roles = vec!["king".to_owned()], "failed-role-unknown").await;
    no(&|plan| plan.people[0].roles = Vec::new(), "failed-role-unknown").await;
    let both = vec!["trustee".to_owned(), "mediator".to_owned()];
    no(&|plan| plan.people[0].roles = both.clone(), "failed-role-unknown").await;
    // Without other trustees nobody could agree to anything.
    no(&|plan| plan.people.clear(), "failed-threshold").await;
    for text in ["everyday", "everyday=", "everyday=two", "everyday=-2", "everyday=2:Awa+", "=2+"] {
        failure(plan().add_quorum(text), Exit::Usage, "failed-quorum-form");
    }
    failure(plan().add_vault("main"), Exit::Usage, "failed-vault-form");

    // None of it used the code up; it works once.
    found::found(&town.env(AWA), &code, plan(), &folder).await.unwrap();
    let again = async |env: &Env| found::found(env, &code, plan(), &folder).await;
    town.fails(BRUNO, again, Exit::Refused, "refused-founding-token").await;
    assert!(town.env(BRUNO).home.organisations().unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn texts_of_the_plan_are_checked_before_anything_happens() {
    let (town, code) = Town::bare().await;
    let folder = town.root.path().join("invitations");
    type Change = fn(&mut Plan);
    let changes: [(Change, &str); 4] = [
        (|plan| plan.name = String::new(), "text-empty"),
        (|plan| plan.me = "Awa\u{200d}".to_owned(), "text-invisible"),
        (|plan| plan.people[4].name = "Ni\u{202e}na".to_owned(), "text-invisible"),
        (|plan| plan.name = "n".repeat(100_000), "text-too-long"),
    ];
    for (change, key) in changes {
        let verb = async |env: &Env| {
            let mut plan = plan();
            change(&mut plan);
            found::found(env, &code, plan, &folder).await
        };
        town.fails(AWA, verb, Exit::Usage, key).await;
        assert!(!town.env(AWA).home.has_identity());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_founding_that_is_interrupted_goes_on() {
    let (town, code) = Town::bare().await;
    let folder = town.root.path().join("invitations");
    // The daemon is away from the beginning: nothing happened, and the code is as good as before.
    town.stop().await;
    let verb = async |env: &Env| found::found(env, &code, plan(), &folder).await;
    town.fails(AWA, verb, Exit::Unreachable, "failed-unreachable").await;
    assert!(town.env(AWA).home.organisations().unwrap().is_empty());
    town.start().await;
    // It goes away after the genesis, before anybody is invited.
    let answer = found::found(&town.cut_off(AWA), &code, plan(), &folder).await;
    failure(answer, Exit::Unreachable, "failed-unreachable");
    assert_eq!(town.entries(), 1);
    town.start().await;
    let absent = async |env: &Env| found::propose(env, &[]).await;
    let told = town.fails(AWA, absent, Exit::Failed, "failed-absent").await;
    assert!(told.to_string().contains(BRUNO) && told.to_string().contains(NINA), "{told}");
    // The people of the plan are invited one by one, Bruno twice: his first invitation was lost.
    for Planned { name, roles, .. } in plan().people {
        found::invite(&town.env(AWA), &name, &roles, &folder).await.unwrap();
        if name == BRUNO {
            found::invite(&town.env(AWA), &name, &roles, &folder).await.unwrap();
        }
    }
    for name in &PEOPLE[1..] {
        town.join(name).await.unwrap();
    }
    town.charter().await;
    town.put(THEO, false, PASSWORD).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_charter_needs_everybody_whom_it_names() {
    let town = Town::another().await;
    for name in [BRUNO, MAUD, THEO, NINA] {
        town.join(name).await.unwrap();
    }
    let propose = async |env: &Env| found::propose(env, &[]).await;
    let told = town.fails(AWA, propose, Exit::Failed, "failed-absent").await.to_string();
    assert!(told.contains(CHLOE) && !told.contains(BRUNO), "{told}");
    let propose = async |env: &Env| found::propose(env, &["Chloe".to_owned()]).await;
    town.fails(AWA, propose, Exit::Usage, "failed-name-unknown").await;
    let propose = async |env: &Env| found::propose(env, &[]).await;
    town.fails(BRUNO, propose, Exit::Failed, "failed-no-plan").await;
    // Without Chloé two trustees are left, and 2 of 2 is allowed.
    found::propose(&town.env(AWA), &[CHLOE.to_owned()]).await.unwrap();
    let early = town.put(THEO, false, PASSWORD).await;
    failure(early, Exit::Refused, "refused-not-founded");
    // She comes after all: the founder proposes again, and what was signed does not count for it.
    let first = *town.session(AWA).await.state().unwrap().proposals().last_key_value().unwrap().0;
    town.join(CHLOE).await.unwrap();
    let drop_bruno = async |env: &Env| found::propose(env, &[BRUNO.to_owned()]).await;
    town.fails(AWA, drop_bruno, Exit::Usage, "failed-threshold").await;
    town.approve(BRUNO, first).await.unwrap();
    let session = town.session(AWA).await;
    assert_eq!(session.state().unwrap().charter().unwrap().trustees().len(), 2);
}

/// A second association at the same daemon, founded by Awa from the same home, where Nina is to be a member.
async fn second(town: &Town) {
    let code = daemon::allow_founding(&town.data(), &Overrides::default()).unwrap();
    // The code names the port of the configuration, which tests move.
    let address = sequestre::seal::invitation::ServerAddress::parse(&town.address()).unwrap();
    let token = code.token().expose().try_into().unwrap();
    let code = sequestre::seal::founding::FoundingCode::new(code.server_key, address, token);
    let mut plan = Plan { name: "Les Voisins".to_owned(), ..plan() };
    plan.people.retain(|p| [BRUNO, NINA].contains(&p.name.as_str()));
    let folder = town.root.path().join("invitations");
    found::found(&town.env(AWA), &code.to_code().unwrap(), plan, &folder).await.unwrap();
    for name in [BRUNO, NINA] {
        town.join(name).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_associations_in_one_home() {
    let town = Town::founded().await;
    let lake = town.env(NINA).home.organisations().unwrap()[0];
    second(&town).await;
    let known = town.env(NINA).home.organisations().unwrap();
    let neighbours = *known.iter().find(|id| **id != lake).unwrap();
    let ask = async |env: &Env| request::request(env, asking(LABEL, Seconds::HOUR)).await;
    let told = town.fails(NINA, ask, Exit::Usage, "failed-which-organisation").await.to_string();
    assert!(known.iter().all(|id| told.contains(&id.to_string()[..12])), "{told}");
    let of = |name: &str, organisation: &str| Env { organisation: Some(organisation.to_owned()), ..town.env(name) };
    let lake_id = lake.to_string();
    for (wanted, key) in [("zz", "failed-which-organisation"), ("", "failed-which-organisation")] {
        let ask = async |_: &Env| request::request(&of(NINA, wanted), asking(LABEL, Seconds::HOUR)).await;
        town.fails(NINA, ask, Exit::Usage, key).await;
    }
    request::request(&of(NINA, &lake_id[..12]), asking(LABEL, Seconds::HOUR)).await.unwrap();
    // The account is the lake's, and the neighbours have no charter yet.
    let other = request::request(&of(NINA, &neighbours.to_string()), asking(LABEL, Seconds::HOUR)).await;
    failure(other, Exit::Usage, "failed-label-unknown");
    found::propose(&of(AWA, &neighbours.to_string()), &[]).await.unwrap();

    let kinds = |told: &str| {
        let inbox: serde_json::Value = // Nothing for people stands beside it.
            serde_json::from_str(told).unwrap();
        let items = inbox["inbox"].as_array().unwrap().iter();
        let of = |item: &serde_json::Value, name: &str| item[name].as_str().unwrap().to_owned();
        let mut kinds: Vec<_> = items.map(|item| (of(item, "kind"), of(item, "organisation"))).collect();
        kinds.sort();
        kinds
    };
    let charter = ("proposal".to_owned(), neighbours.to_string());
    let asked = ("request".to_owned(), lake.to_string());
    let (exit, told, failed) = town.program(BRUNO, &["inbox", "--json"]);
    assert_eq!((exit, kinds(&told)), (0, vec![charter.clone(), asked.clone()]), "{failed}");
    let (_, told, _) = town.program(BRUNO, &["inbox"]);
    assert!(told.contains("Les Amis du Lac") && told.contains("Les Voisins"), "{told}");
    let (_, told, _) = town.program(BRUNO, &["inbox", "--json", "--org", &lake_id[..8]]);
    assert_eq!(kinds(&told), [asked]);

    // The lake's log contradicts itself: the neighbours' inbox is shown all the same.
    let evidence = town.env(BRUNO).home.folder(lake).join("evidence").join("stop");
    fs::write(evidence, "distrust-fork").unwrap();
    let (exit, told, failed) = town.program(BRUNO, &["inbox", "--json"]);
    assert_eq!((exit, kinds(&told)), (Exit::Distrust as i32, vec![charter]));
    assert!(failed.contains("distrust-stopped"), "{failed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_home_that_knows_nothing_says_where_to_begin() {
    let (town, _) = Town::bare().await;
    let sync = async |env: &Env| session::sync(env).await;
    town.fails(OMAR, sync, Exit::Usage, "failed-no-organisation").await;
    let inbox = async |env: &Env| sequestre::client::consent::inbox(env).await;
    town.fails(OMAR, inbox, Exit::Usage, "failed-no-organisation").await;
    let env = town.env(OMAR);
    let identity = env.unlock.identity(&Home::new(town.root.path().join("nowhere")), &env.out);
    failure(identity.map(|_| ()), Exit::Failed, "failed-no-identity");
}
