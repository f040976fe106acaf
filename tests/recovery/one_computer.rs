//! Everybody at one computer with their 24 words, and people whose own computer is gone.

use std::fs;

use sequestre::client::failure::Exit;
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
    // A copy is only read.
    let after = Snapshot::of(&replica);
    assert!(before == after, "the copy was changed");
    // Who holds no part gives none, and who is unknown is told so.
    failure(open_with(&env, finishing(&[AWA, NINA], "nina.json")), Exit::Refused, "recover-nothing-open");
    let stranger = file(&town, "stranger");
    let other = sequestre::seal::identity::Identity::generate().unwrap();
    fs::write(&stranger, other.to_words(sequestre::seal::words::Language::English).expose()).unwrap();
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
        fs::write(&path, text).unwrap();
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
