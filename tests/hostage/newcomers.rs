//! Attacks on who belongs: newcomers and what they are shown, their keys, and devices.

use std::fs;
use std::sync::atomic::Ordering;

use sequestre::client::consent;
use sequestre::client::failure::Exit;
use sequestre::client::session::{self, Env, sign_command};
use sequestre::escrow::log::checkpoint::Checkpoint;
use sequestre::escrow::log::cosignature::{Cosignature, cosignature_message};
use sequestre::escrow::log::merkle::TreeHead;
use sequestre::escrow::proposal::Subject;
use sequestre::escrow::time::Seconds;
use sequestre::proto::v1::{self, command::Act};
use sequestre::seal::device::DeviceKey;
use sequestre::seal::identity::Identity;

use crate::liar::Lie;
use crate::scene::*;
use crate::thief::{entries, log_key, signed};
use crate::town::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shows_a_newcomer_an_old_log() {
    let town = Town::founded_at(Kind::Program).await;
    let lies = liar_between(&town).await;
    town.invite(AWA, OMAR).await;
    let (id, key) = log_key(&town);
    let whole = entries(&town);
    // A log that ends before what the invitation was made on, as it was at the time.
    let old = &whole[..whole.len() - 3];
    show(&lies, old, &signed(old, id, &key));
    lies.submit.lock().unwrap().push_back(Lie::Forgotten);
    failure(town.join(OMAR).await, Exit::Distrust, "distrust-fork");
    assert!(names(&town.env(OMAR).home.folder(id).join("evidence")).contains(&"stop".to_owned()));

    // As long as the invitation knows, but without the newcomer: they are never told that they joined.
    fs::remove_dir_all(town.root.path().join("people").join(OMAR)).unwrap();
    show(&lies, &whole, &signed(&whole, id, &key));
    lies.no_blobs.store(true, Ordering::SeqCst);
    lies.submit.lock().unwrap().push_back(Lie::Forgotten);
    failure(town.join(OMAR).await, Exit::Distrust, "distrust-receipt");
    assert_eq!(entries(&town).len(), whole.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shows_a_newcomer_a_fake_organisation() {
    let town = Town::founded_at(Kind::Program).await;
    let lies = liar_between(&town).await;
    town.invite(AWA, OMAR).await;
    // The same name, the same founder's name, other people behind them.
    let fake = Town::another().await;
    let invented = entries(&fake);
    let ((id, key), (_, other)) = (log_key(&town), log_key(&fake));
    for (key, told) in [(&key, "distrust-entry"), (&other, "distrust-checkpoint")] {
        show(&lies, &invented, &signed(&invented, id, key));
        lies.submit.lock().unwrap().push_back(Lie::Forgotten);
        failure(town.join(OMAR).await, Exit::Distrust, told);
        fs::remove_dir_all(town.root.path().join("people").join(OMAR)).unwrap();
    }
    fake.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn swaps_a_joiners_keys() {
    let town = Town::founded_at(Kind::Program).await;
    town.invite(AWA, OMAR).await;
    town.join(OMAR).await.unwrap();
    // The server knows the invitation's token from Omar's join, and joins in his place with keys of its own.
    let (attacker, device) = (Identity::generate().unwrap(), DeviceKey::generate().unwrap());
    let (id, now) = (log_key(&town).0, town.now());
    forge(&town, |entries, _, _| {
        let last = entries.pop().unwrap();
        let Some(Act::Join(genuine)) = act_of(&last) else { panic!("not the join") };
        let join = v1::Join { person: Some(attacker.keys().into()), device: Some(device.public().into()), ..genuine };
        append(entries, sign_command(&attacker, id, TreeHead::EMPTY, now, Act::Join(join)).unwrap(), now);
    })
    .await;
    // The rules cannot tell; the inviter's client can, because the server never saw the invitation's secret.
    does(&town, MAUD, &["sync"]);
    assert_eq!(says(&town, AWA, &["admit", OMAR]), (Exit::Distrust as i32, "distrust-joiner".to_owned()));
    // Omar, whose join is gone, knows at once.
    distrusts(&town, OMAR, "distrust-fork");
    // Nobody but the inviter can take them in.
    assert_ne!(says(&town, BRUNO, &["admit", OMAR]).0, 0);
    let omar = identity(&town, OMAR).person();
    let session = town.session(MAUD).await;
    let proposed = session.state().unwrap().proposals().values().any(|proposal| match &proposal.subject {
        Subject::Admission(admission) => [omar, attacker.person()].contains(&admission.keys.person()),
        _ => false,
    });
    assert!(!proposed);
}

/// A person who answers no question about witnesses.
fn careful(town: &Town, name: &str) -> Env {
    let mut env = town.env(name);
    env.unlock.accepted = vec!["--yes"];
    env
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn certifies_a_device_of_their_own_as_a_trustees_and_cosigns() {
    let town = Town::founded_at(Kind::Changed).await;
    // Nobody was there for a week: before releasing anything, Awa's client wants three of four witnesses.
    town.pass(Seconds(8 * 86_400));
    let id = town.ask(NINA).await;
    let (organisation, head, now) = (log_key(&town).0, town.session(NINA).await.replica.head(), town.now());
    let people: Vec<_> = [BRUNO, CHLOE, MAUD].map(|name| (name, identity(&town, name))).into_iter().collect();
    let database = town.database();
    for (_, victim) in &people {
        let device = DeviceKey::generate().unwrap();
        let body = Checkpoint { organisation, head };
        let signature = device.sign(&cosignature_message(now.0, &body));
        let line = Cosignature::new(organisation, victim.person(), &device.public(), now.0, signature).unwrap();
        let (device_id, person) = (device.id(), victim.person());
        let values = rusqlite::params![device_id.as_bytes(), person.as_bytes()];
        let certified = "INSERT INTO device (organisation, id, person) SELECT number, ?, ? FROM organisation";
        assert_eq!(database.execute(certified, values).unwrap(), 1);
        let cosigned = "INSERT INTO cosignature (organisation, device, size, root, time, line)
                        SELECT number, ?, ?, ?, ?, ? FROM organisation";
        let values = rusqlite::params![
            device_id.as_bytes(),
            head.size as i64,
            head.root.as_bytes(),
            now.0 as i64,
            line.to_string()
        ];
        assert_eq!(database.execute(cosigned, values).unwrap(), 1);
    }
    drop(database);
    // A certificate counts only in the log, and only from the person: these cosignatures are nobody's.
    let session = town.session(AWA).await;
    assert_eq!(session.witnessed().unwrap().fresh, [session.me()].into());
    drop(session);
    let asked = consent::approve(&careful(&town, AWA), id).await;
    failure(asked, Exit::Unanswered, "failed-unanswered");
    assert_eq!(town.request(NINA, id).await.approvals.len(), 0);
    // With certificates in the log, which only the persons could have signed, it is a forgery.
    let thief = Identity::generate().unwrap();
    forge(&town, |entries, id, _| {
        for (_, victim) in &people {
            let device = Some(DeviceKey::generate().unwrap().public().into());
            let act = Act::EnrolDevice(v1::EnrolDevice { device, person: Some(victim.keys().into()) });
            append(entries, falsely_signed(victim, &thief, id, TreeHead::EMPTY, now, act), now);
        }
    })
    .await;
    failure(session::sync(&town.env(AWA)).await, Exit::Distrust, "distrust-entry");
    // The same with the thief's own signature for somebody else's person.
    let act = Act::EnrolDevice(v1::EnrolDevice {
        device: Some(DeviceKey::generate().unwrap().public().into()),
        person: Some(people[0].1.keys().into()),
    });
    let own = sign_command(&thief, organisation, TreeHead::EMPTY, now, act).unwrap();
    forge(&town, |entries, _, _| {
        entries.truncate(head.size as usize);
        append(entries, own, now);
    })
    .await;
    failure(session::sync(&town.env(MAUD)).await, Exit::Distrust, "distrust-entry");
}
