//! Everybody at one computer with their 24 words, and people whose own computer is gone.

use std::fs;

use sequestre::client::failure::Exit;
use sequestre::client::home;
use sequestre::client::recover::Source;
use sequestre::client::recover::finish::Finishing;

use crate::house::*;
use crate::town::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn words_and_any_copy_of_the_log_are_enough() {
    let town = Town::founded().await;
    burn(&town).await;
    let replica = copy_of(&town, CHLOE, "stick");
    let before = Snapshot::of(&replica);
    let env = town.env("somebody");
    let finishing = |names: &[&str], output: &str| Finishing {
        words_files: names.iter().map(|name| words(&town, name)).collect(),
        replica: Some(replica.clone()),
        ..finishing(&town, &[], output)
    };
    failure(open_with(&env, finishing(&[AWA], "one.json")), Exit::Refused, "recover-nothing-open");
    // The same person twice is one person.
    failure(open_with(&env, finishing(&[AWA, AWA], "same.json")), Exit::Refused, "recover-nothing-open");
    let opened = open_with(&env, finishing(&[AWA, BRUNO], "all.json")).unwrap();
    assert_eq!(opened.get(LABEL).map(String::as_str), Some(PASSWORD));
    // The command that Bruno signed waits in a home that has no server.
    let id = replica_id(&replica);
    assert_eq!(waiting(&env.home.folder(id).join("")), 1);
    // A copy is only read.
    let after = Snapshot::of(&replica);
    assert!(before == after, "the copy was changed");
    // Who holds no part gives none, and who is unknown is told so.
    failure(open_with(&env, finishing(&[AWA, NINA], "nina.json")), Exit::Refused, "recover-nothing-open");
    // Words are for their owner's eyes.
    let open = file(&town, "open");
    fs::write(&open, fs::read(words(&town, AWA)).unwrap()).unwrap();
    fs::set_permissions(&open, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    let shown = Finishing { words_files: vec![open], ..finishing(&[], "open.json") };
    assert!(open_with(&env, shown).is_err());
    let stranger = file(&town, "stranger");
    let other = sequestre::seal::identity::Identity::generate().unwrap();
    home::write(&stranger, other.to_words(sequestre::seal::words::Language::English).expose()).unwrap();
    let strange = Finishing { words_files: vec![stranger], ..finishing(&[], "strange.json") };
    failure(open_with(&env, strange), Exit::Failed, "recover-not-a-member");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_visitor_adds_their_words_at_a_trustees_computer() {
    let town = Town::founded().await;
    burn(&town).await;
    let visiting =
        |plain| Finishing { words_files: vec![words(&town, CHLOE)], plain, ..finishing(&town, &[], "all.json") };
    // Nobody can be asked for a passphrase for the file: nothing is given, so nothing is recorded.
    failure(open_with(&town.env(BRUNO), visiting(false)), Exit::Unanswered, "failed-no-terminal");
    assert_eq!(waiting(&town.folder(BRUNO)), 0);
    let opened = open_with(&town.env(BRUNO), visiting(true)).unwrap();
    assert_eq!(waiting(&town.folder(BRUNO)), 1);
    assert_eq!(opened.get(LABEL).map(String::as_str), Some(PASSWORD));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_lost_their_computer_starts_and_answers_with_words_and_a_copy() {
    let town = Town::founded().await;
    burn(&town).await;
    let replica = copy_of(&town, CHLOE, "stick");
    let source = |name: &str| Source { replica: Some(replica.clone()), words_file: Some(words(&town, name)) };
    let (new_awa, new_bruno) = (town.env("new-awa"), town.env("new-bruno"));
    let request = ask(&town, &new_awa, &[], "request.txt", source(AWA)).unwrap();
    // Bruno's home does not know the association.
    let code = Some(code(&town, AWA, &request));
    let lost = reply_with(&town, &new_bruno, &request, code.clone(), "no.txt", Source::default());
    failure(lost, Exit::Usage, "recover-no-replica");
    let answer = reply_with(&town, &new_bruno, &request, code, "bruno.txt", source(BRUNO)).unwrap();
    let finishing = Finishing {
        words_files: vec![words(&town, AWA)],
        replica: Some(replica.clone()),
        ..finishing(&town, &[&answer], "all.json")
    };
    let opened = open_with(&new_awa, finishing).unwrap();
    assert_eq!(opened.get(LABEL).map(String::as_str), Some(PASSWORD));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_word_is_shown_where_it_stands_and_never_guessed() {
    let town = Town::founded().await;
    let paper = fs::read_to_string(words(&town, BRUNO)).unwrap();
    let list: Vec<&str> = paper.split(' ').collect();
    let path = file(&town, "typed");
    let finishing = |text: &str, name: &str| {
        home::write(&path, text.as_bytes()).unwrap();
        Finishing { words_files: vec![path.clone()], ..finishing(&town, &[], name) }
    };
    let mut typo = list.clone();
    typo[16] = "sequestre";
    let told =
        failure(open_with(&town.env(AWA), finishing(&typo.join(" "), "typo.json")), Exit::Usage, "words-unknown");
    assert!(told.to_string().contains("17") && !told.to_string().contains(list[0]), "{told}");
    let mut swapped = list.clone();
    let (first, other) = (0..24).find_map(|i| (list[i] != list[23]).then_some((i, 23))).unwrap();
    swapped.swap(first, other);
    // One of 256 exchanges passes the checksum by chance and gives another person, who is unknown.
    let told = open_with(&town.env(AWA), finishing(&swapped.join(" "), "swapped.json")).unwrap_err();
    assert!(["words-checksum", "recover-not-a-member"].contains(&told.key()), "{told}");
    let short = list[1..].join(" ");
    failure(open_with(&town.env(AWA), finishing(&short, "short.json")), Exit::Usage, "words-count");
}

fn replica_id(folder: &std::path::Path) -> sequestre::escrow::id::OrganisationId {
    sequestre::client::replica::Replica::read_copy(folder).unwrap().state().unwrap().id()
}

/// What came by file, and what people gave who have left the room, counts when one more sits down.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn words_are_added_to_what_was_collected() {
    let town = house(&[AWA, BRUNO, CHLOE, DENIS], &["vital=4"], &["main=vital"]).await;
    burn(&town).await;
    let request = ask_all(&town, AWA, "request.txt");
    let answer = reply(&town, BRUNO, AWA, &request, "bruno.txt").unwrap();
    failure(recovered(&town, AWA, &[&answer], "one.json"), Exit::Refused, "recover-nothing-open");
    let visit = |name: &str, output: &str| {
        let finishing = Finishing { words_files: vec![words(&town, name)], ..finishing(&town, &[], output) };
        open_with(&town.env(AWA), finishing)
    };
    failure(visit(CHLOE, "two.json"), Exit::Refused, "recover-nothing-open");
    failure(visit(CHLOE, "again.json"), Exit::Refused, "recover-nothing-open");
    assert_eq!(waiting(&town.folder(AWA)), 2, "one recovery: one command of hers, and what came with Bruno's answer");
    assert_eq!(visit(DENIS, "all.json").unwrap(), expected(&["main"]));
    let shelf = fs::read_dir(town.folder(AWA).join("recoveries")).unwrap().next().unwrap().unwrap().path();
    assert!(shelf.join("request").exists() && !shelf.join("key").exists());
    assert!(fs::read_dir(shelf.join("answers")).unwrap().next().is_none());
}

/// The copy that somebody brings does not put aside what this home knows.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_beside_ones_own_log_adds_blobs_and_takes_nothing_away() {
    let town = Town::founded().await;
    let old = copy_of(&town, CHLOE, "old");
    put(&town, AWA, "main", "later").await;
    town.session(BRUNO).await;
    burn(&town).await;
    let source = |copy: &std::path::Path| Source { replica: Some(copy.to_owned()), words_file: None };
    // Bruno's own is longer; the account that the old copy does not know is asked for, too.
    let request = ask(&town, &town.env(BRUNO), &["later"], "later.txt", source(&old));
    assert!(request.is_ok(), "{request:?}");
    // His blobs are gone, the copy has those of the older account.
    for blob in fs::read_dir(town.folder(BRUNO).join("blobs")).unwrap() {
        fs::remove_file(blob.unwrap().path()).unwrap();
    }
    let request = ask(&town, &town.env(AWA), &[LABEL], "request.txt", Source::default()).unwrap();
    let code = Some(code(&town, AWA, &request));
    let lost = reply_with(&town, &town.env(BRUNO), &request, code.clone(), "no.txt", Source::default());
    failure(lost, Exit::Failed, "recover-own-none");
    let answer = reply_with(&town, &town.env(BRUNO), &request, code, "bruno.txt", source(&old)).unwrap();
    assert_eq!(recovered(&town, AWA, &[&answer], "all.json").unwrap()[LABEL], PASSWORD);
    let entries = town.folder(CHLOE).join("entries");
    let log = fs::read(&entries).unwrap();
    // Without its checkpoint the log is not believed, and not deleted either.
    fs::remove_file(town.folder(CHLOE).join("checkpoint")).unwrap();
    let started = ask(&town, &town.env(CHLOE), &[], "chloe.txt", Source::default());
    failure(started, Exit::Failed, "failed-never-synchronised");
    assert_eq!(fs::read(&entries).unwrap(), log);
}

/// Whoever ran the server may have held back names before it went away.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_that_was_held_back_stops_no_answer() {
    let town = Town::founded().await;
    put(&town, AWA, "main", "other").await;
    town.session(AWA).await;
    town.session(BRUNO).await;
    burn(&town).await;
    let texts = {
        let session = town.env(BRUNO).session().unwrap();
        let state = session.state().unwrap();
        let name = |who: &str| state.person(&identity(&town, who).person()).unwrap().name;
        let account = session.find_credential("other").unwrap();
        [name(AWA), name(CHLOE), state.credential(&account).unwrap().current().unwrap().1.label]
    };
    for text in texts {
        fs::remove_file(town.folder(BRUNO).join("blobs").join(text.to_string())).unwrap();
    }
    let request = ask_all(&town, AWA, "request.txt");
    let (said, path) = (code(&town, AWA, &request), file(&town, "bruno.txt"));
    let arguments = ["recover", "answer", request.to_str().unwrap(), "--code", &said, "-o", path.to_str().unwrap()];
    let (exit, out, err) = town.program(BRUNO, &arguments);
    assert_eq!(exit, 6, "{out} {err}");
    assert!(err.contains("Names are missing from this copy"), "{err}");
    assert!(
        out.contains("what it is called is missing") && out.contains("The names of 2 people are missing"),
        "{out}"
    );
    let (exit, out, err) = town.program(BRUNO, &[&["--yes"], arguments.as_slice()].concat());
    assert_eq!(exit, 0, "{out} {err}");
    assert_eq!(recovered(&town, AWA, &[&path], "all.json").unwrap().len(), 2);
    // What was agreed to is kept beside.
    let name = crate::house::request(&town, AWA, &request).digest().to_string();
    let kept = town.folder(BRUNO).join("recoveries").join(name).join("request");
    assert_eq!(fs::read(kept).unwrap(), fs::read(&request).unwrap());

    // Somebody else asks for the same: what was given already is told, although no log knows of it.
    let request = ask_all(&town, CHLOE, "chloe.txt");
    let said = code(&town, CHLOE, &request);
    let path = file(&town, "to-chloe.txt");
    let arguments = ["recover", "answer", request.to_str().unwrap(), "--code", &said, "-o", path.to_str().unwrap()];
    let (_, out, _) = town.program(BRUNO, &arguments);
    assert!(out.contains("handed over so far, in all requests: 2"), "{out}");
    assert!(out.contains("Roles: ") && out.contains("Your copy of the log ends on"), "{out}");
}

/// Somebody who may not ask while there is a server may not look like somebody who may, once it is gone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_may_not_ask_is_shown_as_such() {
    let town = Town::founded().await;
    town.session(THEO).await;
    burn(&town).await;
    let request = ask_all(&town, THEO, "request.txt");
    let (said, path) = (code(&town, THEO, &request), file(&town, "bruno.txt"));
    let arguments = ["recover", "answer", request.to_str().unwrap(), "--code", &said, "-o", path.to_str().unwrap()];
    let (exit, out, err) = town.program(BRUNO, &arguments);
    assert_eq!(exit, 6, "{out} {err}");
    assert!(out.contains("WARNING: this person runs the server"), "{out}");
    assert!(err.contains("could not ask for this while there is a server"), "{err}");
    assert!(!path.exists());
}

/// Two logs that the same key signed: the copy is kept as evidence, as when a server shows it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_that_contradicts_ones_own_log_is_kept_and_not_used() {
    // The same association twice, as its server could go on with each half of the people.
    let (town, other) = (Town::founded().await, Town::founded().await);
    put(&other, AWA, "main", "one").await;
    other.session(CHLOE).await;
    put(&town, AWA, "main", "another").await;
    town.session(BRUNO).await;
    burn(&town).await;
    let copy = copy_of(&other, CHLOE, "stick");
    let (note, request) = (fs::read(copy.join("checkpoint")).unwrap(), ask_all(&town, AWA, "request.txt"));
    let code = Some(code(&town, AWA, &request));
    let source = Source { replica: Some(copy), words_file: None };
    let refused = reply_with(&town, &town.env(BRUNO), &request, code, "no.txt", source);
    failure(refused, Exit::Distrust, "distrust-fork");
    let evidence = town.folder(BRUNO).join("evidence");
    assert!(evidence.join("stop").exists());
    let mut kept = fs::read_dir(&evidence).unwrap().map(|file| fs::read(file.unwrap().path()).unwrap());
    assert!(kept.any(|file| file == note), "their note, signed by the log key");
    assert_eq!(waiting(&town.folder(BRUNO)), 0);
}
