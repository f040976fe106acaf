//! Recoveries that are over or given up, and answers that wait at a computer which nobody will bring to a server.

use std::fs;

use sequestre::client::failure::Exit;
use sequestre::client::recover::Source;
use sequestre::client::recover::answer::REQUEST_LASTS;
use sequestre::client::recover::enter::enter;
use sequestre::client::recover::forget::forget;
use sequestre::client::remote::encode;
use sequestre::client::session::{self, Env, sign_command};
use sequestre::escrow::credential::Urgency;
use sequestre::escrow::log::merkle::TreeHead;
use sequestre::escrow::time::Seconds;
use sequestre::proto::v1;
use sequestre::seal::recovery::RecoveryAnswer;
use sequestre::seal::secret::Secret;

use crate::entered::recoveries;
use crate::house::*;
use crate::town::*;

/// Somebody who is asked and does not say yes.
fn asked(town: &Town, who: &str) -> Env {
    let mut env = town.env(who);
    env.unlock.accepted.clear();
    env
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_collected_is_deleted_when_its_owner_says_so() {
    let town = house(&[AWA, BRUNO, CHLOE, DENIS], &["vital=4"], &["main=vital"]).await;
    burn(&town).await;
    failure(forget(&town.env(AWA), None), Exit::Usage, "recover-nothing-collected");
    let given_up = ask_all(&town, AWA, "given-up.txt");
    let bruno = reply(&town, BRUNO, AWA, &given_up, "bruno.txt").unwrap();
    failure(recovered(&town, AWA, &[&bruno], "one.json"), Exit::Refused, "recover-nothing-open");
    let other = ask_all(&town, AWA, "other.txt");
    let to_other = reply(&town, BRUNO, AWA, &other, "bruno-other.txt").unwrap();
    // Which one is said, never guessed; and nothing goes unasked.
    let told = failure(forget(&town.env(AWA), None), Exit::Usage, "recover-which");
    assert_eq!(told.to_string().matches("the server burnt").count(), 2, "{told}");
    let before = Snapshot::of(&town.folder(AWA));
    failure(forget(&asked(&town, AWA), Some(&given_up)), Exit::Unanswered, "failed-unanswered");
    assert!(before == Snapshot::of(&town.folder(AWA)));
    // Of others' recoveries nothing is collected here.
    failure(forget(&town.env(BRUNO), Some(&given_up)), Exit::Usage, "recover-nothing-collected");

    forget(&town.env(AWA), Some(&given_up)).unwrap();
    let shelf = |request| {
        let name = crate::house::request(&town, AWA, request).digest().to_string();
        town.folder(AWA).join("recoveries").join(name)
    };
    assert!(!shelf(&given_up).join("key").exists());
    assert_eq!(fs::read_dir(shelf(&given_up).join("answers")).unwrap().count(), 0);
    assert_eq!(fs::read(shelf(&given_up).join("request")).unwrap(), fs::read(&given_up).unwrap());
    // Its answers open nothing any more; the other recovery goes on.
    let from = |request: &std::path::PathBuf, answer, name: &str| {
        let finishing = finishing(&town, &[answer], name);
        open_with(
            &town.env(AWA),
            sequestre::client::recover::finish::Finishing { from: Some(request.clone()), ..finishing },
        )
    };
    failure(from(&given_up, &bruno, "gone.json"), Exit::Failed, "recover-key-elsewhere");
    failure(from(&other, &to_other, "two.json"), Exit::Refused, "recover-nothing-open");
    // The only one that is left needs no name, not even that of a request which is damaged.
    fs::write(shelf(&other).join("request"), "damaged").unwrap();
    forget(&town.env(AWA), None).unwrap();
    assert!(!shelf(&other).join("key").exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_answers_any_more_is_opened_only_if_its_owner_says_so() {
    let town = Town::founded().await;
    burn(&town).await;
    let request = ask_all(&town, AWA, "request.txt");
    let answer = reply(&town, BRUNO, AWA, &request, "bruno.txt").unwrap();
    town.pass(Seconds(REQUEST_LASTS.0 + 60));
    let late = finishing(&town, &[&answer], "late.json");
    let told = failure(open_with(&asked(&town, AWA), late), Exit::Unanswered, "failed-unanswered");
    assert!(told.to_string().contains("30 days"), "{told}");
    assert!(!file(&town, "late.json").exists());
    // Nor is what somebody gives who is here added to it.
    let visiting = sequestre::client::recover::finish::Finishing {
        words_files: vec![words(&town, CHLOE)],
        ..finishing(&town, &[], "visit.json")
    };
    failure(open_with(&asked(&town, AWA), visiting), Exit::Unanswered, "failed-unanswered");
    assert_eq!(waiting(&town.folder(AWA)), 0);
    let opened = open_with(&town.env(AWA), finishing(&town, &[&answer], "all.json")).unwrap();
    assert_eq!(opened[LABEL], PASSWORD);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn anybodys_computer_enters_what_was_given_at_one_without_contact() {
    let town = Town::founded().await;
    town.stop().await;
    let request = ask_all(&town, AWA, "request.txt");
    let borrowed = town.env("borrowed");
    let source = Source { replica: Some(copy_of(&town, CHLOE, "stick")), words_file: Some(words(&town, BRUNO)) };
    let code = Some(code(&town, AWA, &request));
    reply_with(&town, &borrowed, &request, code, "bruno.txt", source).unwrap();
    let id = town.env(AWA).session().unwrap().folder.id;
    // As somebody sends it: the folder, without the rest of that home.
    let outbox = file(&town, "sent");
    Snapshot::of(&borrowed.home.folder(id).join("outbox")).restore(&outbox);

    let maud = town.env(MAUD);
    enter(&maud, std::slice::from_ref(&outbox)).unwrap();
    assert_eq!(waiting(&town.folder(MAUD)), 1);
    // What is no answer is not taken over, whoever signed it; nor are the rest of a folder's files.
    failure(enter(&maud, &[file(&town, "request.txt")]), Exit::Usage, "recover-no-command");
    failure(enter(&maud, &[town.folder(AWA).join("blobs")]), Exit::Usage, "recover-no-command");
    failure(enter(&maud, &[town.root.path().join("people")]), Exit::Usage, "recover-no-commands");
    assert_eq!(waiting(&town.folder(MAUD)), 1);

    town.start().await;
    session::sync(&maud).await.unwrap();
    assert_eq!(waiting(&town.folder(MAUD)), 0);
    assert_eq!(recoveries(&town).await, [(AWA.to_owned(), vec![BRUNO.to_owned()])]);
    assert_eq!(town.due().await, Some(Urgency::Now));
    // Once more: it stands there already.
    enter(&maud, std::slice::from_ref(&outbox)).unwrap();
    assert_eq!(waiting(&town.folder(MAUD)), 0);
    // What its giver did not sign is not taken over: the last byte is one of the signature.
    let path = fs::read_dir(&outbox).unwrap().next().unwrap().unwrap().path();
    let mut changed = fs::read(&path).unwrap();
    *changed.last_mut().unwrap() ^= 1;
    fs::write(&path, changed).unwrap();
    failure(enter(&maud, &[outbox]), Exit::Usage, "recover-no-command");
    assert_eq!(waiting(&town.folder(MAUD)), 0);
}

/// Whoever asked brings what they were given into the log, too: a borrowed computer may never see a server, and whoever
/// answered may not want to.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_asked_enters_what_they_were_given() {
    let town = Town::founded().await;
    town.stop().await;
    let request = ask_all(&town, AWA, "request.txt");
    let borrowed = town.env("borrowed");
    let source = Source { replica: Some(copy_of(&town, CHLOE, "stick")), words_file: Some(words(&town, BRUNO)) };
    let code = Some(code(&town, AWA, &request));
    let answer = reply_with(&town, &borrowed, &request, code, "bruno.txt", source).unwrap();
    fs::remove_dir_all(borrowed.home.path()).unwrap();
    // Twice the same answer is one command.
    let keep = |name: &str| sequestre::client::recover::finish::Finishing {
        keep: true,
        ..finishing(&town, &[&answer], name)
    };
    for name in ["one.json", "two.json"] {
        assert_eq!(open_with(&town.env(AWA), keep(name)).unwrap()[LABEL], PASSWORD);
        assert_eq!(waiting(&town.folder(AWA)), 1);
    }
    town.start().await;
    session::sync(&town.env(AWA)).await.unwrap();
    assert_eq!(waiting(&town.folder(AWA)), 0);
    assert_eq!(recoveries(&town).await, [(AWA.to_owned(), vec![BRUNO.to_owned()])]);
    assert_eq!(town.due().await, Some(Urgency::Now));
}

/// A file that cannot be read any more, whatever it was, must not keep a trustee from answering in an emergency.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_file_in_the_outbox_stops_no_answer() {
    let town = Town::founded().await;
    town.stop().await;
    let request = ask_all(&town, AWA, "request.txt");
    let damaged = town.folder(BRUNO).join("outbox").join("ab".repeat(32));
    fs::write(&damaged, "half of it").unwrap();
    let answer = reply(&town, BRUNO, AWA, &request, "bruno.txt").unwrap();
    assert_eq!(recovered(&town, AWA, &[&answer], "all.json").unwrap()[LABEL], PASSWORD);
    assert_eq!((waiting(&town.folder(BRUNO)), fs::read(&damaged).unwrap()), (2, b"half of it".to_vec()));
}

/// Somebody who holds a share makes up as many answers as fit into a file: the same share each time, and a part that
/// does not exist. They say nothing, and neither the outbox nor the time of whoever opens the file is theirs to fill.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn made_up_answers_fill_nobodys_outbox() {
    const MADE_UP: u32 = 3000;
    let town = Town::founded().await;
    town.stop().await;
    let request = ask_all(&town, AWA, "request.txt");
    let verified = crate::house::request(&town, AWA, &request);
    let (bruno, id) = (identity(&town, BRUNO), verified.request().organisation);
    let part = *verified.request().parts.first().unwrap();
    let named =
        |version| v1::AnsweredPart { credential: part.version.credential.to_vec(), version, kind: part.kind as i32 };
    let made_up = |version| {
        let act = v1::command::Act::RecordAnswer(v1::RecordAnswer {
            recovery: verified.digest().to_vec(),
            starter: verified.request().starter.to_vec(),
            parts: vec![named(part.version.version), named(version)],
            request: Some((*verified.signature()).into()),
        });
        encode(&sign_command(&bruno, id, TreeHead::EMPTY, town.now(), act).unwrap())
    };
    let answer = RecoveryAnswer {
        recovery: verified.digest(),
        organisation: id,
        answerer: bruno.person(),
        tree: TreeHead::EMPTY,
        created: town.now(),
        shares: vec![(part, Secret::from_string("{}".to_owned()))],
        records: (2..MADE_UP).map(made_up).collect(),
    };
    let path = file(&town, "flood.txt");
    fs::write(&path, answer.seal(&bruno, &verified.request().recipient).unwrap()).unwrap();
    failure(recovered(&town, AWA, &[&path], "all.json"), Exit::Refused, "recover-nothing-open");
    assert_eq!(waiting(&town.folder(AWA)), 1);
    // Sent as a folder it is refused with the reason, and nothing of it is read.
    let sent = file(&town, "sent");
    fs::create_dir(&sent).unwrap();
    (0..10_000).for_each(|n| fs::write(sent.join(format!("{n:064x}")), "").unwrap());
    failure(enter(&town.env(MAUD), &[sent]), Exit::Usage, "recover-too-many");
    let endless = file(&town, "endless");
    fs::File::create(&endless).unwrap().set_len(1 << 40).unwrap();
    failure(enter(&town.env(MAUD), &[endless]), Exit::Usage, "recover-no-command");
    // What Bruno really gives still comes through.
    let true_one = reply(&town, BRUNO, AWA, &request, "bruno.txt").unwrap();
    assert_eq!(recovered(&town, AWA, &[&true_one], "all.json").unwrap()[LABEL], PASSWORD);
}
