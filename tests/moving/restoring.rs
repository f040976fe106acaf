//! `sequestred restore`: what it takes, what it refuses, and what a restored server says before the move.

use std::fs;
use std::path::{Path, PathBuf};

use sequestre::client::destroy::{self, Target};
use sequestre::client::drill::{self, DrillVerb};
use sequestre::client::failure::Exit;
use sequestre::client::join;
use sequestre::client::session::sign_command;
use sequestre::escrow::time::Seconds;
use sequestre::proto::v1::{self, command::Act};
use sequestre::seal::moving::{read_move, read_place};
use sequestre::store::restore::RestoreError;

use crate::house::*;
use crate::town::*;

/// A copy of somebody's folder, to be spoilt.
fn copy(town: &Town, whose: &str, name: &str) -> PathBuf {
    let folder = town.root.path().join("copies").join(name);
    Snapshot::of(&town.folder(whose)).restore(&folder);
    folder
}

fn spoil(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).unwrap();
    change(&mut bytes);
    fs::write(path, bytes).unwrap();
}

fn refused(house: &House, replicas: &[PathBuf]) -> RestoreError {
    match house.restore(replicas) {
        Err(sequestre::daemon::DaemonError::Restore(error)) => error,
        Err(other) => panic!("{}", said(&other)),
        Ok(_) => panic!("restored"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_bad_copy_has_its_own_sentence_and_leaves_nothing_behind() {
    let town = Town::founded().await;
    let house = House::empty(&town, "refuge");

    let cut = copy(&town, BRUNO, "cut");
    spoil(&cut.join("entries"), |bytes| bytes.truncate(bytes.len() - 10));
    let error = refused(&house, &[cut]);
    assert!(matches!(&error, RestoreError::CutShort { found, stated, .. } if *found + 1 == *stated), "{error}");
    assert!(said(&error).contains("is cut short"));

    let empty = copy(&town, BRUNO, "empty");
    spoil(&empty.join("entries"), Vec::clear);
    assert!(matches!(refused(&house, &[empty]), RestoreError::CutShort { found: 0, .. }));

    let changed = copy(&town, BRUNO, "changed");
    spoil(&changed.join("entries"), |bytes| {
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
    });
    let error = refused(&house, &[changed]);
    assert!(matches!(error, RestoreError::Damaged { .. } | RestoreError::CutShort { .. }), "{error}");

    // Entries that all hold, under a note that the log key did not sign for them.
    let older = copy(&town, BRUNO, "older");
    spoil(&older.join("checkpoint"), |bytes| {
        let text = String::from_utf8(bytes.clone()).unwrap();
        let size = text.lines().nth(1).unwrap().to_owned();
        let less = (size.parse::<u64>().unwrap() - 1).to_string();
        *bytes = text.replacen(&format!("\n{size}\n"), &format!("\n{less}\n"), 1).into_bytes();
    });
    assert!(matches!(refused(&house, &[older]), RestoreError::Checkpoint(_)));

    let nothing = town.root.path().join("copies/nothing");
    fs::create_dir_all(&nothing).unwrap();
    assert!(matches!(refused(&house, &[nothing]), RestoreError::NotAReplica(_)));

    let other = Town::another().await;
    let error = refused(&house, &[town.folder(BRUNO), other.folder(AWA)]);
    assert!(matches!(&error, RestoreError::OtherOrganisation { .. }), "{error}");

    // After all that the folder is as new.
    assert_eq!(house.findings(), [""; 0]);
    house.restore(&[town.folder(BRUNO)]).unwrap();
    assert_eq!(house.findings(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_there_is_never_overwritten_and_other_associations_do_not_mind() {
    let town = Town::founded().await;
    town.stop().await;
    // The damaged server itself.
    let itself = sequestre::daemon::restore(&town.data(), &Default::default(), &[town.folder(BRUNO)], None);
    assert!(said(&itself.err().unwrap()).contains("is on this server already and is never overwritten"));

    let house = House::empty(&town, "refuge");
    let other = Town::another().await;
    let (first, second) = (house.restore(&[other.folder(AWA)]), house.restore(&[town.folder(BRUNO)]));
    assert_ne!(first.unwrap().restored.organisation, second.unwrap().restored.organisation);
    assert!(matches!(refused(&house, &[town.folder(CHLOE)]), RestoreError::Waits(_)));
    assert_eq!(house.findings(), [""; 0]);
    // A daemon has it open.
    let mut house = house;
    house.start(&town).await;
    let error = house.restore(&[town.folder(CHLOE)]).err().unwrap();
    assert!(said(&error).contains("in use by another daemon"), "{}", said(&error));
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_copies_are_put_together() {
    let town = Town::founded().await;
    let older = copy(&town, BRUNO, "older");
    town.put(THEO, true, "second password of the lake").await.unwrap();
    town.session(CHLOE).await;
    let newer = copy(&town, CHLOE, "newer");
    // Each lacks blobs that the other has, and the newer one has a damaged one.
    let mut blobs: Vec<_> = fs::read_dir(older.join("blobs")).unwrap().map(|b| b.unwrap().file_name()).collect();
    blobs.sort();
    for (n, name) in blobs.iter().enumerate() {
        match n % 3 {
            0 => fs::remove_file(newer.join("blobs").join(name)).unwrap(),
            1 => spoil(&newer.join("blobs").join(name), |bytes| bytes.push(0)),
            _ => fs::remove_file(older.join("blobs").join(name)).unwrap(),
        }
    }
    let alone = House::empty(&town, "alone").restore(std::slice::from_ref(&newer)).unwrap().restored;
    let lost = blobs.len() - blobs.len() / 3;
    assert_eq!(alone.missing.len(), lost, "what is damaged is missing, too");
    assert!(alone.missing.iter().all(|id| blobs.iter().any(|name| **name == *id.to_string())));

    let house = House::empty(&town, "together");
    let both = house.restore(&[older, newer]).unwrap().restored;
    assert_eq!((both.missing.len(), both.head), (0, alone.head));
    assert_eq!(house.findings(), [""; 0]);

    // A member's replica has what concerns members: the log goes on, the passwords do not.
    let house = House::empty(&town, "from a member");
    let home = town.env(NINA).home.path().to_owned();
    let member = house.restore(&[home]).unwrap().restored;
    assert!(!member.missing.is_empty() && member.blobs > 0);
    assert_eq!(house.findings().iter().filter(|f| f.contains("is missing")).count(), member.missing.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_destroyed_is_neither_missing_nor_back() {
    let town = Town::founded().await;
    let before = copy(&town, BRUNO, "before");
    let whole = Target::Account { label: LABEL.to_owned(), version: None };
    destroy::propose(&town.env(AWA), &whole, "the provider is closed").await.unwrap();
    let id = *town.session(AWA).await.state().unwrap().proposals().last_key_value().unwrap().0;
    town.approve(BRUNO, id).await.unwrap();
    town.pass(Seconds(7 * 86_400));
    for name in PEOPLE {
        town.session(name).await;
    }
    for name in [CHLOE, AWA] {
        destroy::confirm(&town.env(name), id).await.unwrap();
    }
    let session = town.session(CHLOE).await;
    assert!(session.state().unwrap().credentials().is_empty());
    // What her computer keeps for the delay, nobody restores.
    let noted = session.replica.noted().unwrap().len();
    drop(session);

    let held = (fs::read_dir(town.folder(CHLOE).join("blobs")).unwrap().count() - noted) as u64;
    let house = House::empty(&town, "refuge");
    let restored = house.restore(&[town.folder(CHLOE)]).unwrap().restored;
    assert_eq!((restored.missing.len(), restored.blobs), (0, held));
    assert_eq!(house.findings(), [""; 0]);
    // A copy from before still has it all: it does not come back by that.
    let house = House::empty(&town, "with an old copy");
    let both = house.restore(&[before, town.folder(CHLOE)]).unwrap().restored;
    assert_eq!((both.missing.len(), both.blobs), (0, held));
    assert_eq!(house.findings(), [""; 0]);

    // And the drill of it works.
    let daemon = Some(PathBuf::from(env!("CARGO_BIN_EXE_sequestred")));
    drill::run(&town.env(CHLOE), DrillVerb::Restore { daemon }).await.unwrap();
    assert!(town.session(MAUD).await.state().unwrap().restore_drill().unwrap().works);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_place_is_said_even_if_it_cannot_be_written() {
    let town = Town::founded().await;
    let house = House::empty(&town, "refuge");
    let id = town.session(AWA).await.folder.id.to_string();
    fs::create_dir(house.data.join(format!("move-place-{}.txt", &id[..12]))).unwrap();
    let error = house.restore(&[town.folder(BRUNO)]).err().unwrap();
    let told = error.to_string();
    let place = read_place(told.split_once('\n').unwrap().1).unwrap();
    assert_eq!((place.organisation.to_string(), place.prefix.size), (id, town.entries()));
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn links_in_somebody_elses_folder_are_not_followed() {
    let town = Town::founded().await;
    let copy = copy(&town, BRUNO, "linked");
    let blob = fs::read_dir(copy.join("blobs")).unwrap().next().unwrap().unwrap().path();
    for file in [copy.join("entries"), copy.join("checkpoint"), blob] {
        let content = fs::read(&file).unwrap();
        let aside = file.with_extension("aside");
        fs::rename(&file, &aside).unwrap();
        std::os::unix::fs::symlink(&aside, &file).unwrap();
        let error = refused(&House::empty(&town, "refuge"), std::slice::from_ref(&copy));
        assert!(matches!(&error, RestoreError::Io { path, .. } if *path == file), "{error}");
        fs::remove_file(&file).unwrap();
        fs::remove_file(&aside).unwrap();
        fs::write(&file, content).unwrap();
        fs::remove_dir_all(town.root.path().join("refuge")).unwrap();
    }
    House::empty(&town, "refuge").restore(&[copy]).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restored_server_takes_the_move_and_nothing_else() {
    let town = Town::founded().await;
    let (mut house, path) = House::restored(&town, "refuge", BRUNO).await;
    let place = read_place(&fs::read_to_string(&path).unwrap()).unwrap();
    assert_eq!(place.prefix.size, town.entries());
    // Nina's computer already goes to the new server, though nobody decided that.
    let contact = town.folder(NINA).join("contact.json");
    let old = fs::read_to_string(&contact).unwrap();
    let mut json: serde_json::Value = serde_json::from_str(&old).unwrap();
    json["address"] = place.address.clone().into();
    json["server_key"] = hex::encode(place.server_key.as_bytes()).into();
    let mut session = town.session(NINA).await;
    let head = session.replica.head();
    drop(session);
    fs::write(&contact, json.to_string()).unwrap();
    session = town.env(NINA).session().unwrap();
    failure(session.sync().await, Exit::Unreachable, "refused-not-moved");
    let reason = v1::command::Act::Leave(v1::Leave {});
    failure(send(&mut session, head, reason, Vec::new()).await, Exit::Unreachable, "refused-not-moved");
    // Nor does it take in anybody who is new, or a device.
    let device = sequestre::seal::device::DeviceKey::generate().unwrap();
    let keys = session.identity().unwrap().keys();
    let enrol = v1::EnrolDevice { device: Some(device.public().into()), person: Some(keys.into()) };
    let now = session.env.now();
    let empty = sequestre::escrow::log::merkle::TreeHead::EMPTY;
    let command = sign_command(session.identity().unwrap(), place.organisation, empty, now, Act::EnrolDevice(enrol));
    let mut stranger =
        sequestre::client::remote::Remote::connect(&place.address, &place.server_key, &device).await.unwrap();
    let answer = stranger.submit(Some(place.organisation), &command.unwrap(), Vec::new(), Vec::new()).await;
    failure(answer, Exit::Unreachable, "refused-not-moved");
    // A restart changes nothing.
    house.stop().await;
    assert_eq!(house.findings(), [""; 0]);
    house.start(&town).await;
    failure(session.sync().await, Exit::Unreachable, "refused-not-moved");
    drop(session);
    fs::write(&contact, old).unwrap();

    // And the old server, which is still there, does not take a move to somebody else's key.
    let file = signed(&town, &path, "move.txt").await;
    let moving = read_move(&fs::read_to_string(&file).unwrap()).unwrap();
    let mut session = town.session(AWA).await;
    let answer = send(&mut session, moving.statement.prefix, Act::Move(moving.to_wire()), Vec::new()).await;
    failure(answer, Exit::Refused, "refused-moved-elsewhere");
    drop(session);
    follow(&town, NINA, &file).await.unwrap();
    assert_eq!(address(&town, NINA), place.address);
    house.stop().await;
    assert_eq!(house.findings(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_falls_due_waits_for_the_move() {
    let town = Town::founded().await;
    let id = town.granted(NINA, Seconds::HOUR).await;
    assert_eq!(town.open(NINA, id).await.unwrap(), PASSWORD);
    for name in PEOPLE {
        town.session(name).await;
    }
    town.stop().await;
    let (mut house, path) = House::restored(&town, "refuge", CHLOE).await;
    // The lease ends while nobody serves the log.
    town.pass(Seconds(2 * 3600));
    let file = signed(&town, &path, "move.txt").await;
    let moved = read_move(&fs::read_to_string(&file).unwrap()).unwrap().statement.prefix.size;
    follow(&town, MAUD, &file).await.unwrap();
    let begun = std::time::Instant::now();
    loop {
        let session = town.session(MAUD).await;
        if session.replica.head().size == moved + 2 {
            break;
        }
        assert!(begun.elapsed() < DEADLINE, "the new server does not end the lease");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert!(matches!(
        town.request(MAUD, id).await.stage,
        sequestre::escrow::request::Stage::Ended { how: sequestre::escrow::request::End::LeaseExpired, .. }
    ));
    house.stop().await;
    assert_eq!(house.findings(), [""; 0]);
    // New cards lead to the new server.
    join::card(&town.env(MAUD)).unwrap();
}
