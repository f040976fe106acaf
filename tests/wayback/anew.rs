//! Beginning anew: who has to, what it takes, what stays.

use std::fs;
use std::path::{Path, PathBuf};

use sequestre::client::failure::Exit;
use sequestre::client::{found, join};
use sequestre::seal::secret::Secret;

use crate::house::*;
use crate::town::*;

/// What Awa's computer prints for others: the card, and the charter code as she reads it.
pub fn card_and_code(town: &Town) -> (Secret, String) {
    let session = town.env(AWA).session().unwrap();
    let code = session.state().unwrap().charter().unwrap().code().to_string();
    (join::contact_card(&session).unwrap(), code)
}

/// The only folder that was put aside in a home.
pub fn aside(town: &Town, who: &str) -> PathBuf {
    let folder = town.env(who).home.path().join("aside");
    let [only] = fs::read_dir(folder).unwrap().map(|f| f.unwrap().path()).collect::<Vec<_>>().try_into().unwrap();
    only
}

fn read(folder: &Path, name: &str) -> Vec<u8> {
    fs::read(folder.join(name)).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_followed_the_wrong_one_of_two_moves_comes_back_by_their_own_decision() {
    let town = Town::founded().await;
    town.stop().await;
    let (mut one, here) = House::restored(&town, "one", BRUNO).await;
    let (mut other, there) = House::restored(&town, "other", CHLOE).await;
    let first = signed(&town, &here, "first.txt").await;
    let second = signed(&town, &there, "second.txt").await;
    for name in [AWA, BRUNO] {
        follow(&town, name, &first).await.unwrap();
    }
    follow(&town, NINA, &second).await.unwrap();
    town.ask(NINA).await;
    failure(follow(&town, NINA, &first).await, Exit::Distrust, "distrust-two-moves");

    let (card, code) = card_and_code(&town);
    let folder = town.folder(NINA);
    let before = Snapshot::of(&folder);
    let device = read(&folder, "device.key");
    let words = Secret::from_string(fs::read_to_string(town.root.path().join("people/Nina/words")).unwrap());
    // Not without saying so; nor by a server's word alone.
    let plain = join::restore_identity(&town.env(NINA), &words, &card).await;
    failure(plain, Exit::Usage, "failed-joined-already");
    let digit = if code.starts_with('1') { "2" } else { "1" };
    let misread = format!("{digit}{}", &code[1..]);
    let mistyped = join::restore_identity_anew(&town.env(NINA), None, &card, Some(&misread)).await;
    failure(mistyped, Exit::Distrust, "anew-code-differs");
    let mut silent = town.env(NINA);
    silent.unlock.accepted.clear();
    let unasked = join::restore_identity_anew(&silent, None, &card, Some(&code)).await;
    failure(unasked, Exit::Unanswered, "failed-unanswered");
    assert!(Snapshot::of(&folder).same(&before), "nothing changed");

    join::restore_identity_anew(&town.env(NINA), None, &card, Some(&code)).await.unwrap();
    assert_eq!(address(&town, NINA), address(&town, AWA));
    assert_eq!(read(&folder, "device.key"), device, "the same computer");
    // What she had lies there as it was: both moves, the log of the other server, the stop.
    let aside = aside(&town, NINA);
    let kept = Snapshot::of(&aside);
    before.restore(&town.root.path().join("compared"));
    for name in ["entries", "checkpoint", "contact.json", "evidence/stop"] {
        assert_eq!(read(&aside, name), read(&town.root.path().join("compared"), name), "{name}");
    }
    assert!(aside.file_name().unwrap().to_str().unwrap().len() > 64, "a dated name");
    assert!(fs::read_dir(aside.join("keys")).unwrap().next().is_none(), "keys of requests end in time");
    // Her request is asked anew, and works.
    let session = town.session(NINA).await;
    assert!(session.replica.stopped().is_none());
    let [again] = session.state().unwrap().requests().keys().copied().collect::<Vec<_>>().try_into().unwrap();
    drop(session);
    town.approve(BRUNO, again).await.unwrap();
    town.approve(AWA, again).await.unwrap();
    assert_eq!(town.request(NINA, again).await.approvals.len(), 2);
    assert!(Snapshot::of(&aside).same(&kept), "nothing is written there any more");
    one.stop().await;
    other.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_was_admitted_in_what_was_given_up_joins_again_in_the_same_home() {
    let town = Town::founded().await;
    let olds = [AWA, BRUNO].map(|name| (town.folder(name), Snapshot::of(&town.folder(name))));
    town.invite(AWA, OMAR).await;
    town.join(OMAR).await.unwrap();
    join::admit(&town.env(AWA), OMAR).await.unwrap();
    let id = *town.session(AWA).await.state().unwrap().proposals().last_key_value().unwrap().0;
    town.approve(BRUNO, id).await.unwrap();
    let session = town.session(OMAR).await;
    let identity = session.me();
    let own = session.replica.head().size;
    drop(session);
    // Two of those who decide have nothing of that, and the server burns.
    town.stop().await;
    olds.iter().for_each(|(folder, files)| files.restore(folder));
    let (mut house, place) = House::restored(&town, "refuge", BRUNO).await;
    let file = signed(&town, &place, "move.txt").await;
    for name in [AWA, BRUNO] {
        follow(&town, name, &file).await.unwrap();
    }
    assert!(follow(&town, OMAR, &file).await.is_err(), "nobody there knows him");
    let invitations = town.root.path().join("again");
    found::invite(&town.env(AWA), OMAR, &["member".to_owned()], &invitations).await.unwrap();
    let invitation = Secret::new(read(&invitations, "Omar.txt"));
    failure(join::join(&town.env(OMAR), &invitation).await, Exit::Usage, "failed-joined-already");
    let (_, code) = card_and_code(&town);
    join::join_anew(&town.env(OMAR), &invitation, Some(&code)).await.unwrap();
    join::admit(&town.env(AWA), OMAR).await.unwrap();
    let id = *town.session(AWA).await.state().unwrap().proposals().last_key_value().unwrap().0;
    town.approve(BRUNO, id).await.unwrap();
    let session = town.session(OMAR).await;
    assert_eq!(session.me(), identity);
    assert_ne!(session.replica.head().size, own);
    let mine = session.state().unwrap().device_owner(&session.device.id()).map(|(person, _)| *person);
    assert_eq!(mine, Some(identity));
    assert!(aside(&town, OMAR).join("entries").exists());
    drop(session);
    town.ask(OMAR).await;
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_folder_is_put_aside_too_and_a_revoked_computer_gets_another_key() {
    let town = Town::founded().await;
    let folder = town.folder(NINA);
    let device = town.env(NINA).session().unwrap().device.id();
    join::revoke_device(&town.env(NINA), &device.to_string()[..8]).await.unwrap();
    town.session(AWA).await;
    let entries = folder.join("entries");
    let mut bytes = fs::read(&entries).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&entries, &bytes).unwrap();
    assert!(town.env(NINA).session().is_err());
    let (card, code) = card_and_code(&town);
    join::restore_identity_anew(&town.env(NINA), None, &card, Some(&code)).await.unwrap();
    let session = town.session(NINA).await;
    assert_ne!(session.device.id(), device);
    assert_eq!(session.replica.head().size, town.entries());
    drop(session);
    assert_eq!(read(&aside(&town, NINA), "entries"), bytes, "for whoever can read more of it");
    // Where nothing is, there is nothing to put aside.
    let nothing = join::restore_identity_anew(&town.env(OMAR), None, &card, Some(&code)).await;
    failure(nothing, Exit::Failed, "failed-no-identity");
    // Once more, on the same day: another name.
    join::restore_identity_anew(&town.env(NINA), None, &card, Some(&code)).await.unwrap();
    let all = fs::read_dir(town.env(NINA).home.path().join("aside")).unwrap().count();
    assert_eq!(all, 2);
    // Interrupted when the old folder was gone and the new one not in its place: the code is typed again.
    let mut silent = town.env(NINA);
    silent.unlock.accepted.clear();
    let unasked = join::restore_identity_anew(&silent, None, &card, Some(&code)).await;
    failure(unasked, Exit::Unanswered, "failed-unanswered");
    let put_aside = town.env(NINA).home.path().join("aside").join(format!("{}-2000-01-01", town_id(&town)));
    fs::rename(&folder, &put_aside).unwrap();
    // The key of a request of hers: what it opens ends, so that it must not stay where no access ends.
    let key = "keys/of a request that lives for ever";
    fs::write(put_aside.join(key), [0xff; 40]).unwrap();
    let again = join::restore_identity_anew(&town.env(NINA), None, &card, Some("12345")).await;
    failure(again, Exit::Distrust, "anew-code-differs");
    join::restore_identity_anew(&town.env(NINA), None, &card, Some(&code)).await.unwrap();
    assert!(folder.join("checkpoint").exists());
    assert!(folder.join(key).exists() && !put_aside.join(key).exists());
    town.ask(NINA).await;
    town.stop().await;
}

fn town_id(town: &Town) -> String {
    town.folder(AWA).file_name().unwrap().to_str().unwrap().to_owned()
}
