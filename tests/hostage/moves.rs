//! Attacks with moves: to a server of the attacker's, and to two at once.

use std::fs;
use std::path::PathBuf;

use sequestre::client::failure::Exit;

use crate::refuge::Refuge;
use crate::scene::*;
use crate::town::*;

fn file(town: &Town, name: &str) -> (PathBuf, String) {
    let path = town.root.path().join(name);
    let text = path.to_str().unwrap().to_owned();
    (path, text)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn moves_the_association_to_a_server_of_their_own() {
    let town = Town::founded_at(Kind::Program).await;
    town.kill();
    let refuge = Refuge::from_replica_of(&town, THEO, "taken");
    // The technician has the log, the old key and a new server; nobody follows without the signatures.
    let (_, alone) = file(&town, "alone.txt");
    let (exit, key) =
        says(&town, THEO, &["move", "propose", &refuge.place, "--place-code", &refuge.code, "-o", &alone]);
    assert_eq!((exit, key.as_str()), (Exit::Refused as i32, "move-not-signer"));
    // One trustee of the two who are needed is with them.
    let (_, one) = file(&town, "one.txt");
    does(&town, CHLOE, &["move", "propose", &refuge.place, "--place-code", &refuge.code, "-o", &one]);
    for name in [AWA, BRUNO, MAUD, NINA] {
        let before = fs::read(town.folder(name).join("contact.json")).unwrap();
        let (exit, key) = says(&town, name, &["move", "follow", &one]);
        assert_eq!((exit, key.as_str()), (Exit::Refused as i32, "refused-move-quorum"));
        assert_eq!(fs::read(town.folder(name).join("contact.json")).unwrap(), before);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn makes_two_different_moves() {
    let town = Town::founded_at(Kind::Program).await;
    town.kill();
    let one = Refuge::from_replica_of(&town, BRUNO, "one");
    let other = Refuge::from_replica_of(&town, CHLOE, "other");
    // Bruno and Chloé, or whoever deceived them, sign a move to each: both are valid.
    let ((_, first), (_, second)) = (file(&town, "first.txt"), file(&town, "second.txt"));
    does(&town, BRUNO, &["move", "propose", &one.place, "--place-code", &one.code, "-o", &first]);
    does(&town, CHLOE, &["move", "sign", &first]);
    does(&town, AWA, &["move", "propose", &other.place, "--place-code", &other.code, "-o", &second]);
    does(&town, BRUNO, &["move", "sign", &second]);
    does(&town, NINA, &["move", "follow", &first]);
    does(&town, MAUD, &["move", "follow", &second]);
    // Whoever meets both stops, keeps both files, and stays where they are.
    for (name, met) in [(NINA, &second), (MAUD, &first)] {
        let contact = fs::read(town.folder(name).join("contact.json")).unwrap();
        let (exit, key) = says(&town, name, &["move", "follow", met]);
        assert_eq!((exit, key.as_str()), (Exit::Distrust as i32, "distrust-two-moves"), "{name}");
        assert_eq!(fs::read(town.folder(name).join("contact.json")).unwrap(), contact);
        assert_eq!(says(&town, name, &["sync"]), (5, "distrust-stopped".to_owned()));
        let kept = names(&town.folder(name).join("evidence"));
        assert_eq!(kept.iter().filter(|file| file.starts_with("move-")).count(), 2, "{kept:?}");
    }
    // Offered both at once, nobody follows either.
    let (exit, key) = says(&town, THEO, &["move", "follow", &first, &second]);
    assert_eq!((exit, key.as_str()), (Exit::Distrust as i32, "distrust-two-moves"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn undoes_what_happened_by_a_move_to_before_it() {
    let town = Town::founded_at(Kind::Program).await;
    for name in PEOPLE {
        does(&town, name, &["sync"]);
    }
    // Bruno and Chloé may change the charter together, and kept copies of before Nina asked for something.
    let before = [BRUNO, CHLOE].map(|name| Snapshot::of(&town.folder(name)));
    town.ask(NINA).await;
    for name in PEOPLE {
        does(&town, name, &["sync"]);
    }
    town.kill();
    let now = [BRUNO, CHLOE].map(|name| Snapshot::of(&town.folder(name)));
    for (name, copy) in [BRUNO, CHLOE].iter().zip(&before) {
        copy.restore(&town.folder(name));
    }
    let refuge = Refuge::from_replica_of(&town, BRUNO, "back");
    let ((_, silent), (_, said)) = (file(&town, "silent.txt"), file(&town, "said.txt"));
    let place = [refuge.place.as_str(), "--place-code", &refuge.code, "-o"];
    // As if nothing had happened: whoever knows that it did goes nowhere.
    does(&town, BRUNO, &[&["move", "propose"], &place[..], &[silent.as_str()]].concat());
    does(&town, CHLOE, &["move", "sign", &silent]);
    // And openly: those who destroy sign twice, and the delay has not passed.
    for (name, copy) in [BRUNO, CHLOE].iter().zip(&now) {
        copy.restore(&town.folder(name));
    }
    does(&town, BRUNO, &[&["move", "propose"], &place[..], &[said.as_str(), "--give-up", "1"]].concat());
    does(&town, CHLOE, &["move", "sign", &said]);
    for name in [BRUNO, CHLOE] {
        assert_eq!(says(&town, name, &["move", "sign", &said]), (Exit::Refused as i32, "move-second-early".into()));
    }
    for name in [AWA, MAUD, NINA, THEO] {
        let contact = fs::read(town.folder(name).join("contact.json")).unwrap();
        for (file, key) in [(&silent, "refused-move-undeclared"), (&said, "refused-move-not-confirmed")] {
            assert_eq!(says(&town, name, &["move", "follow", file]), (Exit::Refused as i32, key.into()), "{name}");
        }
        assert_eq!(fs::read(town.folder(name).join("contact.json")).unwrap(), contact);
    }
}
