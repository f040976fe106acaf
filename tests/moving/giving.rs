//! Giving entries up: said, agreed to twice, and refused by everybody who knows better.

use std::fs;
use std::path::{Path, PathBuf};

use sequestre::client::failure::Exit;
use sequestre::client::moving::{self, MoveVerb};
use sequestre::escrow::moving::{MoveStatement, Round, SignedMove};
use sequestre::escrow::time::Seconds;
use sequestre::proto::v1::{self, command::Act};
use sequestre::seal::moving::{move_file, place_file, read_move, read_place};
use sequestre::store::restore::RestoreError;

use crate::house::*;
use crate::town::*;

const WEEK: Seconds = Seconds(7 * 86_400);

/// A server that was restored from a copy without Nina's request, which everybody else has.
async fn shorter(town: &Town) -> (House, PathBuf) {
    let old = Snapshot::of(&town.folder(BRUNO));
    town.ask(NINA).await;
    for name in PEOPLE {
        town.session(name).await;
    }
    town.stop().await;
    let copy = town.root.path().join("last week");
    old.restore(&copy);
    let mut house = House::empty(town, "refuge");
    let place = house.restore(&[copy]).unwrap().path;
    house.start(town).await;
    (house, place)
}

fn read(file: &Path) -> SignedMove {
    read_move(&fs::read_to_string(file).unwrap()).unwrap()
}

fn write(town: &Town, name: &str, signed: &SignedMove) -> PathBuf {
    let path = town.root.path().join(name);
    fs::write(&path, move_file(signed, &[])).unwrap();
    path
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn those_who_destroy_agree_twice_and_wait_in_between() {
    let town = Town::founded().await;
    let (mut house, place) = shorter(&town).await;
    let file = town.root.path().join("move.txt");
    giving_up(&town, AWA, &place, &file, Some(1)).await.unwrap();
    assert_eq!(read(&file).statement.gives_up, 1);
    // One person's first agreement is none yet; Awa has nothing more to sign.
    assert_eq!(read(&file).rounds().of(Round::First).len(), 1);
    sign(&town, BRUNO, &file).await.unwrap();
    failure(follow(&town, NINA, &file).await, Exit::Refused, "refused-move-not-confirmed");
    let once = fs::read(&file).unwrap();
    for pass in [Seconds(0), Seconds(WEEK.0 - 1)] {
        town.pass(pass);
        for name in [AWA, BRUNO] {
            let early = failure(sign(&town, name, &file).await, Exit::Refused, "move-second-early").to_string();
            assert!(early.contains("from 20"), "{early}");
        }
        assert_eq!(fs::read(&file).unwrap(), once);
    }
    town.pass(Seconds(1));
    sign(&town, AWA, &file).await.unwrap();
    failure(follow(&town, NINA, &file).await, Exit::Refused, "refused-move-not-confirmed");
    // Not necessarily the same people: Chloé signs the second round, and was asked for nothing before.
    sign(&town, CHLOE, &file).await.unwrap();
    assert_eq!(read(&file).rounds().of(Round::First).len(), 2);
    follow(&town, NINA, &file).await.unwrap();
    let session = town.session(NINA).await;
    let moved = session.state().unwrap().moves()[0].decided.given_up().unwrap();
    assert_eq!(moved.last_at(), town.now());
    drop(session);
    house.stop().await;
    assert_eq!(house.findings(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_move_that_does_not_say_so_takes_nothing_from_anybody_who_knows_it() {
    let town = Town::founded().await;
    let (awa, bruno) = (Snapshot::of(&town.folder(AWA)), Snapshot::of(&town.folder(BRUNO)));
    let (mut house, place) = shorter(&town).await;
    let fresh = [AWA, BRUNO].map(|name| Snapshot::of(&town.folder(name)));
    awa.restore(&town.folder(AWA));
    bruno.restore(&town.folder(BRUNO));
    // `amend` suffices for everything that they know of.
    let file = signed(&town, &place, "move.txt").await;
    assert_eq!(read(&file).statement.gives_up, 0);
    for (name, snapshot) in [AWA, BRUNO].iter().zip(fresh) {
        snapshot.restore(&town.folder(name));
    }
    for name in [AWA, BRUNO, NINA, MAUD, CHLOE] {
        let before = Snapshot::of(&town.folder(name));
        failure(follow(&town, name, &file).await, Exit::Refused, "refused-move-undeclared");
        let numbered = MoveVerb::Follow { files: vec![file.clone()], give_up: Some(1) };
        failure(moving::run(&town.env(name), numbered).await, Exit::Refused, "refused-move-undeclared");
        assert!(Snapshot::of(&town.folder(name)).same(&before), "{name}");
    }
    failure(sign(&town, CHLOE, &file).await, Exit::Refused, "refused-move-undeclared");
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signers_count_what_is_given_up_in_their_own_copies() {
    let town = Town::founded().await;
    let bruno = Snapshot::of(&town.folder(BRUNO));
    let (mut house, place) = shorter(&town).await;
    let file = town.root.path().join("move.txt");
    giving_up(&town, AWA, &place, &file, Some(1)).await.unwrap();
    // Bruno never saw what is given up.
    let fresh = Snapshot::of(&town.folder(BRUNO));
    bruno.restore(&town.folder(BRUNO));
    failure(sign(&town, BRUNO, &file).await, Exit::Failed, "move-unseen-lost");
    let unseen = MoveVerb::Sign { file: file.clone(), unseen: true };
    moving::run(&town.env(BRUNO), unseen).await.unwrap();
    fresh.restore(&town.folder(BRUNO));

    // Chloé knows one more than the file says.
    let place = read_place(&fs::read_to_string(&place).unwrap()).unwrap();
    let session = town.env(CHLOE).session().unwrap();
    let shorter = session.replica.root_at(place.prefix.size - 1).unwrap();
    let mut wire = v1_statement(&read(&file));
    wire.prefix.as_mut().unwrap().size -= 1;
    wire.prefix.as_mut().unwrap().root = shorter.to_vec();
    drop(session);
    let statement = MoveStatement::parse(&prost::Message::encode_to_vec(&wire)).unwrap();
    let more = write(&town, "more.txt", &SignedMove::unsigned(statement));
    let told = failure(sign(&town, CHLOE, &more).await, Exit::Refused, "move-gives-up-more").to_string();
    assert!(told.contains("--give-up 2"), "{told}");
    house.stop().await;
}

/// Two people's copies are not restored as one log.
pub fn forked(town: &Town, one: &str, other: &str) {
    let error = House::empty(town, "from both").restore(&[town.folder(one), town.folder(other)]).err().unwrap();
    assert!(
        matches!(error, sequestre::daemon::DaemonError::Restore(RestoreError::Forked { .. })),
        "{}",
        said(&error)
    );
}

fn v1_statement(signed: &SignedMove) -> v1::MoveStatement {
    prost::Message::decode(signed.statement.bytes()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_knows_more_than_those_who_signed_gives_it_up_by_its_number() {
    let town = Town::founded().await;
    let (mut house, place) = {
        let old = Snapshot::of(&town.folder(BRUNO));
        town.ask(NINA).await;
        for name in [AWA, BRUNO, CHLOE] {
            town.session(name).await;
        }
        // Only Maud and Nina saw the last one.
        town.put(THEO, true, "second password of the lake").await.unwrap();
        for name in [MAUD, NINA] {
            town.session(name).await;
        }
        town.stop().await;
        let copy = town.root.path().join("last week");
        old.restore(&copy);
        let mut house = House::empty(&town, "refuge");
        let place = house.restore(&[copy]).unwrap().path;
        house.start(&town).await;
        (house, place)
    };
    let lost = town.env(AWA).session().unwrap().replica.head().size
        - read_place(&fs::read_to_string(&place).unwrap()).unwrap().prefix.size;
    let file = given_up(&town, &place, "move.txt", lost).await;
    let all = town.env(MAUD).session().unwrap().replica.head().size
        - read_place(&fs::read_to_string(&place).unwrap()).unwrap().prefix.size;
    assert!(all > lost);
    follow(&town, AWA, &file).await.unwrap();
    town.session(AWA).await;
    // Neither a mediator's check nor a restoration takes her copy for one that the move speaks of.
    let export = town.root.path().join("export");
    sequestre::client::audit::export(&town.env(AWA), &export).await.unwrap();
    let verified = sequestre::client::audit::verify::verify(&town.env(MAUD), &export, None);
    assert_eq!(verified.err().map(|failure| failure.exit()), Some(Exit::Distrust));
    forked(&town, MAUD, AWA);
    let before = Snapshot::of(&town.folder(MAUD));
    let told = failure(follow(&town, MAUD, &file).await, Exit::Distrust, "move-follow-give-up").to_string();
    assert!(told.contains(&format!("--give-up {all}")), "{told}");
    assert!(Snapshot::of(&town.folder(MAUD)).same(&before));
    moving::run(&town.env(MAUD), MoveVerb::Follow { files: vec![file], give_up: Some(all) }).await.unwrap();
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_was_not_used_in_time_is_of_no_more_use() {
    let town = Town::founded().await;
    town.stop().await;
    let (mut one, here) = House::restored(&town, "one", BRUNO).await;
    let (mut other, there) = House::restored(&town, "other", CHLOE).await;
    // The first place was a mistake; its file lies about.
    let stale = signed(&town, &here, "first.txt").await;
    town.pass(Seconds(15 * 86_400));
    let file = signed(&town, &there, "second.txt").await;
    follow(&town, NINA, &file).await.unwrap();
    town.pass(Seconds(15 * 86_400));
    let before = Snapshot::of(&town.folder(CHLOE));
    failure(sign(&town, CHLOE, &stale).await, Exit::Refused, "move-expired");
    failure(follow(&town, CHLOE, &stale).await, Exit::Refused, "move-expired");
    assert!(Snapshot::of(&town.folder(CHLOE)).same(&before));
    // It stops nobody who went the other way.
    failure(follow(&town, NINA, &stale).await, Exit::Refused, "move-expired");
    town.session(NINA).await;
    // What stands in the log stands: who comes back late goes along.
    town.pass(Seconds(30 * 86_400));
    failure(sign(&town, CHLOE, &file).await, Exit::Refused, "move-expired");
    follow(&town, CHLOE, &file).await.unwrap();
    one.stop().await;
    other.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_places_code_is_compared_and_a_server_takes_only_moves_to_itself() {
    let town = Town::founded().await;
    town.stop().await;
    let (mut house, path) = House::restored(&town, "refuge", BRUNO).await;
    let honest = read_place(&fs::read_to_string(&path).unwrap()).unwrap();
    // Whoever passes the place on by e-mail can write what they like into it.
    let mut changed = honest.clone();
    changed.address = "elsewhere.example.org:7443".to_owned();
    let forged = town.root.path().join("forged.txt");
    fs::write(&forged, place_file(&changed, &[])).unwrap();
    let to = town.root.path().join("move.txt");
    let heard = Some(honest.code().to_string());
    let verb = MoveVerb::Propose { place: forged, output: to.clone(), give_up: None, place_code: heard };
    failure(moving::run(&town.env(AWA), verb).await, Exit::Refused, "move-place-differs");
    assert!(!to.exists());
    let verb = MoveVerb::Propose { place: path.clone(), output: to.clone(), give_up: None, place_code: None };
    failure(moving::run(&town.env(AWA), verb).await, Exit::Unanswered, "failed-no-terminal");

    // Two trustees who compared nothing.
    let key = sequestre::seal::signing::SigningKey::generate().unwrap().public();
    for wrong in [changed.clone(), sequestre::escrow::moving::MovePlace { server_key: key, ..honest }] {
        let forged = town.root.path().join("wrong.txt");
        fs::write(&forged, place_file(&wrong, &[])).unwrap();
        let file = town.root.path().join(format!("to {}.txt", wrong.code()));
        moving::run(&town.env(AWA), proposal(&forged, &file, None)).await.unwrap();
        sign(&town, BRUNO, &file).await.unwrap();
        let moving = read(&file);
        let contact = town.folder(NINA).join("contact.json");
        let real = read_place(&fs::read_to_string(&path).unwrap()).unwrap();
        let before = fs::read_to_string(&contact).unwrap();
        let mut json: serde_json::Value = serde_json::from_str(&before).unwrap();
        json["address"] = real.address.clone().into();
        json["server_key"] = hex::encode(real.server_key.as_bytes()).into();
        fs::write(&contact, json.to_string()).unwrap();
        let mut session = town.env(NINA).session().unwrap();
        let prefix = moving.statement.prefix;
        let answer = send(&mut session, prefix, Act::Move(moving.to_wire()), Vec::new()).await;
        failure(answer, Exit::Refused, "refused-moved-elsewhere");
        drop(session);
        fs::write(&contact, before).unwrap();
    }
    // It waits for its own, as before.
    let file = signed(&town, &path, "right.txt").await;
    follow(&town, NINA, &file).await.unwrap();
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_got_another_name_meanwhile_is_moved_to_once_it_has_the_old_one_again() {
    let town = Town::founded().await;
    town.stop().await;
    let (mut house, path) = House::restored(&town, "refuge", BRUNO).await;
    let file = signed(&town, &path, "move.txt").await;
    house.stop().await;
    let config = house.data.join("sequestred.toml");
    let named = fs::read_to_string(&config).unwrap();
    let address = read(&file).statement.address().to_owned();
    let port = address.rsplit_once(':').unwrap().1;
    fs::write(&config, named.replacen(&address, &format!("localhost:{port}"), 1)).unwrap();
    house.start(&town).await;
    let before = Snapshot::of(&town.folder(NINA));
    let told = failure(follow(&town, NINA, &file).await, Exit::Refused, "refused-moved-elsewhere").to_string();
    assert!(told.contains("sequestred place"), "{told}");
    assert!(Snapshot::of(&town.folder(NINA)).same(&before));
    house.stop().await;
    fs::write(&config, named).unwrap();
    house.start(&town).await;
    follow(&town, NINA, &file).await.unwrap();
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_place_is_printed_again() {
    let town = Town::founded().await;
    let house = House::empty(&town, "refuge");
    let overrides = Default::default();
    let nothing = sequestre::daemon::place(&house.data, &overrides, None).err().unwrap();
    assert!(matches!(nothing, sequestre::daemon::DaemonError::Restore(RestoreError::NobodyWaits)));
    let first = house.restore(&[town.folder(BRUNO)]).unwrap();
    fs::remove_file(&first.path).unwrap();
    // The computer stopped before anything was printed: the place is the same.
    assert_eq!(sequestre::daemon::place(&house.data, &overrides, None).unwrap(), first.text);
    let again = house.restore(&[town.folder(BRUNO)]).err().unwrap();
    assert!(said(&again).contains("`sequestred place` prints again"), "{}", said(&again));
    let other = Town::another().await;
    let second = house.restore(&[other.folder(AWA)]).unwrap();
    let which = sequestre::daemon::place(&house.data, &overrides, None).err().unwrap();
    assert!(said(&which).contains("--organisation"), "{}", said(&which));
    let id = second.restored.organisation;
    assert_eq!(sequestre::daemon::place(&house.data, &overrides, Some(id)).unwrap(), second.text);
    // While it serves, too; and no more once its people are there.
    let mut house = house;
    house.start(&town).await;
    let text = sequestre::daemon::place(&house.data, &overrides, Some(first.restored.organisation)).unwrap();
    let path = town.root.path().join("place.txt");
    fs::write(&path, &text).unwrap();
    let file = signed(&town, &path, "move.txt").await;
    follow(&town, NINA, &file).await.unwrap();
    let gone = sequestre::daemon::place(&house.data, &overrides, Some(first.restored.organisation));
    assert!(matches!(gone, Err(sequestre::daemon::DaemonError::Restore(RestoreError::NobodyWaits))));
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_from_before_gives_way_only_to_a_move_that_says_what_it_gives_up() {
    let town = Town::founded().await;
    let (mut house, place) = shorter(&town).await;
    let before = town.root.path().join("before");
    Snapshot::of(&town.folder(CHLOE)).restore(&before);
    let file = given_up(&town, &place, "move.txt", 1).await;
    follow(&town, AWA, &file).await.unwrap();
    town.session(AWA).await;
    // And a mediator who has not followed yet finds nothing wrong with what the others went on with.
    let export = town.root.path().join("export");
    sequestre::client::audit::export(&town.env(AWA), &export).await.unwrap();
    sequestre::client::audit::verify::verify(&town.env(MAUD), &export, None).unwrap();
    house.stop().await;
    let third = House::empty(&town, "third");
    let restored = third.restore(&[before.clone(), town.folder(AWA)]).unwrap().restored;
    assert_eq!(restored.head, town.env(AWA).session().unwrap().replica.head());

    // The same without saying so, signed on copies that did not have it.
    let town = Town::founded().await;
    let old = [AWA, BRUNO].map(|name| Snapshot::of(&town.folder(name)));
    let (mut house, place) = shorter(&town).await;
    for (name, snapshot) in [AWA, BRUNO].iter().zip(&old) {
        snapshot.restore(&town.folder(name));
    }
    let file = signed(&town, &place, "move.txt").await;
    follow(&town, AWA, &file).await.unwrap();
    let export = town.root.path().join("export");
    sequestre::client::audit::export(&town.env(AWA), &export).await.unwrap();
    let verified = sequestre::client::audit::verify::verify(&town.env(MAUD), &export, None);
    assert_eq!(verified.err().map(|failure| failure.exit()), Some(Exit::Distrust));
    house.stop().await;
    let third = House::empty(&town, "third");
    let error = third.restore(&[town.folder(CHLOE), town.folder(AWA)]).err().unwrap();
    assert!(
        matches!(error, sequestre::daemon::DaemonError::Restore(RestoreError::Forked { .. })),
        "{}",
        said(&error)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn status_says_what_would_be_lost_and_from_when_on_a_second_signature_is_due() {
    let town = Town::founded().await;
    let (mut house, place) = shorter(&town).await;
    let file = town.root.path().join("move.txt");
    giving_up(&town, AWA, &place, &file, Some(1)).await.unwrap();
    let (_, told, _) = town.program(AWA, &["status"]);
    assert!(told.contains("One entry would be lost") && told.contains("by Nina (1)"), "{told}");
    assert!(told.contains("The first agreement is not complete yet"), "{told}");
    sign(&town, BRUNO, &file).await.unwrap();
    let (_, told, _) = town.program(BRUNO, &["status"]);
    assert!(told.contains("Your second signature is due from"), "{told}");
    let (_, told, _) = town.program(BRUNO, &["--lang", "fr", "status"]);
    assert!(told.contains("Une entrée serait perdue") && told.contains("Votre deuxième signature est due"), "{told}");
    let (_, told, _) = town.program(BRUNO, &["status", "--json"]);
    let data: serde_json::Value = serde_json::from_str(told.lines().next().unwrap()).unwrap();
    let due = read(&file).rounds().due(WEEK).unwrap();
    assert_eq!(data["moves"][0]["second_from"], due.0, "{told}");
    let (_, told, _) = town.program(NINA, &["status"]);
    assert!(!told.contains("would be lost"), "{told}");
    house.stop().await;
}
