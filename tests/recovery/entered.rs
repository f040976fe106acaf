//! What happened without the server stands in the log at the next contact with one, whoever brings it, and what was
//! opened is due.

use std::fs;

use sequestre::client::deposit;
use sequestre::client::join;
use sequestre::client::recover::Source;
use sequestre::client::recover::finish::Finishing;
use sequestre::client::session;
use sequestre::escrow::credential::{DueCause, Urgency};
use sequestre::escrow::organisation::Organisation;
use sequestre::escrow::recovery::RecoveryId;
use sequestre::escrow::time::Seconds;
use tokio::net::TcpListener;

use crate::house::*;
use crate::liar::{self, Lie};
use crate::town::*;

/// The recoveries in the log as Maud's client sees it: starter, and who answered.
pub async fn recoveries(town: &Town) -> Vec<(String, Vec<String>)> {
    let session = town.session(MAUD).await;
    let state: &Organisation = session.state().unwrap();
    let told = state.recoveries().iter().map(|(id, recovery)| {
        let people = recovery.answers.values().map(|answer| session.name_of(&answer.person));
        (session.name_of(&id.starter), people.collect())
    });
    told.collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_is_entered_at_the_next_contact_and_the_account_is_due() {
    let town = Town::founded().await;
    town.stop().await;
    let request = ask_all(&town, AWA, "request.txt");
    assert_eq!(waiting(&town.folder(AWA)), 0, "asking releases nothing");
    let answer = reply(&town, BRUNO, AWA, &request, "bruno.txt").unwrap();
    assert_eq!(waiting(&town.folder(BRUNO)), 1);
    // Answering again gives the same shares: there is nothing more to enter.
    reply(&town, BRUNO, AWA, &request, "again.txt").unwrap();
    assert_eq!(waiting(&town.folder(BRUNO)), 1);
    assert_eq!(recovered(&town, AWA, &[&answer], "all.json").unwrap()[LABEL], PASSWORD);

    // The server comes back days later.
    town.pass(Seconds(5 * 86_400));
    town.start().await;
    assert_eq!((town.due().await, recoveries(&town).await), (None, vec![]));
    session::sync(&town.env(BRUNO)).await.unwrap();
    assert_eq!(waiting(&town.folder(BRUNO)), 0);
    assert_eq!(recoveries(&town).await, [(AWA.to_owned(), vec![BRUNO.to_owned()])]);
    assert_eq!(town.due().await, Some(Urgency::Now));
    let session = town.session(CHLOE).await;
    let state = session.state().unwrap();
    let (id, recovery) = state.recoveries().first_key_value().unwrap();
    assert_eq!(id.request, crate::house::request(&town, AWA, &request).digest());
    let account = session.find_credential(LABEL).unwrap();
    let credential = state.credential(&account).unwrap();
    let (number, _) = credential.current().unwrap();
    let due = credential.due(number).unwrap();
    assert_eq!(due.cause, DueCause::Recovered(*recovery.answers.first_key_value().unwrap().0));
    let awa = session.find_person(AWA).unwrap();
    assert!(!credential.known_to(number, &awa).is_empty(), "whoever started knows it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_given_when_the_log_could_not_take_it() {
    let town = Town::founded().await;
    town.stop().await;
    let request = ask_all(&town, AWA, "request.txt");
    // The answer could not be written: nothing is given, nothing is entered.
    let code = Some(code(&town, AWA, &request));
    let nowhere = reply_with(&town, &town.env(BRUNO), &request, code, "no/such/folder.txt", Source::default());
    assert_eq!(nowhere.unwrap_err().key(), "failed-file");
    assert_eq!(waiting(&town.folder(BRUNO)), 0);
    // Where the outbox cannot be written, there is no answer.
    let outbox = town.folder(CHLOE).join("outbox");
    fs::remove_dir_all(&outbox).unwrap();
    assert_eq!(reply(&town, CHLOE, AWA, &request, "chloe.txt").unwrap_err().key(), "failed-file");
    assert!(!file(&town, "chloe.txt").exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_visitors_answer_is_entered_by_the_computer_at_which_it_was_given() {
    let town = Town::founded().await;
    town.stop().await;
    let visiting = Finishing { words_files: vec![words(&town, CHLOE)], ..finishing(&town, &[], "all.json") };
    assert_eq!(open_with(&town.env(BRUNO), visiting).unwrap()[LABEL], PASSWORD);
    town.start().await;
    session::sync(&town.env(BRUNO)).await.unwrap();
    assert_eq!(recoveries(&town).await, [(BRUNO.to_owned(), vec![CHLOE.to_owned()])]);
    assert_eq!(town.due().await, Some(Urgency::Now));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_from_paper_is_entered_when_its_giver_is_back() {
    let town = Town::founded().await;
    let card = join::contact_card(&town.env(BRUNO).session().unwrap()).unwrap();
    town.stop().await;
    let request = ask_all(&town, AWA, "request.txt");
    let env = town.env("new-bruno");
    let source = Source { replica: Some(copy_of(&town, CHLOE, "stick")), words_file: Some(words(&town, BRUNO)) };
    let code = Some(code(&town, AWA, &request));
    reply_with(&town, &env, &request, code, "bruno.txt", source).unwrap();
    town.start().await;
    assert_eq!(recoveries(&town).await, []);
    let paper = secret(&fs::read_to_string(words(&town, BRUNO)).unwrap());
    join::restore_identity(&env, &paper, &card).await.unwrap();
    assert_eq!(recoveries(&town).await, [(AWA.to_owned(), vec![BRUNO.to_owned()])]);
    assert_eq!(town.due().await, Some(Urgency::Now));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_refuses_an_answer_makes_nobody_forget_it() {
    let town = Town::founded().await;
    town.stop().await;
    let requests = [ask_all(&town, AWA, "request.txt"), ask_all(&town, CHLOE, "other.txt")];
    reply(&town, BRUNO, AWA, &requests[0], "bruno.txt").unwrap();
    reply(&town, BRUNO, CHLOE, &requests[1], "bruno-other.txt").unwrap();
    assert_eq!(waiting(&town.folder(BRUNO)), 2);
    town.start().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let contact = town.folder(BRUNO).join("contact.json");
    let text = fs::read_to_string(&contact).unwrap();
    let between = listener.local_addr().unwrap().to_string();
    fs::write(&contact, text.replace(&town.address(), &between)).unwrap();
    let people = town.root.path().join("people");
    let lies = liar::serve(listener, &town.data(), town.address().parse().unwrap(), people);

    // Both are refused: nothing is lost, and Bruno is told.
    lies.submit.lock().unwrap().extend([Lie::Refused, Lie::Refused]);
    let (code, _, said) = town.program(BRUNO, &["sync"]);
    assert_eq!(code, 0, "{said}");
    assert_eq!(
        said.matches("Bruno’s answer to a recovery without the server is not in the log").count(),
        2,
        "{said}"
    );
    assert_eq!((waiting(&town.folder(BRUNO)), recoveries(&town).await), (2, vec![]));
    // Nor are they signed anew, or dropped, by what he signs next.
    lies.submit.lock().unwrap().extend([Lie::Refused, Lie::Refused]);
    town.put(BRUNO, true, "a new password").await.unwrap();
    assert_eq!(waiting(&town.folder(BRUNO)), 2);
    // One is refused: the other goes its way. It is entered at the next contact with a server that does its work.
    lies.submit.lock().unwrap().push_back(Lie::Refused);
    session::sync(&town.env(BRUNO)).await.unwrap();
    assert_eq!((waiting(&town.folder(BRUNO)), recoveries(&town).await.len()), (1, 1));
    session::sync(&town.env(BRUNO)).await.unwrap();
    assert_eq!(waiting(&town.folder(BRUNO)), 0);
    assert!(recoveries(&town).await.iter().all(|(_, people)| *people == [BRUNO]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_computer_entered_keeps_nothing_of_another_out_of_the_log() {
    let town = Town::founded().await;
    // Bruno's computer at home does not know the second account.
    deposit::deposit(&town.env(THEO), account("the shop", false, "password of the shop")).await.unwrap();
    for name in [AWA, CHLOE] {
        town.session(name).await;
    }
    let card = join::contact_card(&town.env(AWA).session().unwrap()).unwrap();
    town.stop().await;
    let request = ask_all(&town, AWA, "request.txt");
    reply(&town, BRUNO, AWA, &request, "bruno.txt").unwrap();
    let env = town.env("new-bruno");
    let source = Source { replica: Some(copy_of(&town, CHLOE, "stick")), words_file: Some(words(&town, BRUNO)) };
    let code = Some(code(&town, AWA, &request));
    reply_with(&town, &env, &request, code, "bruno-all.txt", source).unwrap();

    town.start().await;
    session::sync(&town.env(BRUNO)).await.unwrap();
    let paper = secret(&fs::read_to_string(words(&town, BRUNO)).unwrap());
    join::restore_identity(&env, &paper, &card).await.unwrap();
    assert_eq!(recoveries(&town).await, [(AWA.to_owned(), vec![BRUNO.to_owned(), BRUNO.to_owned()])]);
    let session = town.session(CHLOE).await;
    let [awa, bruno] = [AWA, BRUNO].map(|name| session.find_person(name).unwrap());
    let asked = crate::house::request(&town, AWA, &request);
    let id = RecoveryId { request: asked.digest(), starter: awa };
    for part in &asked.request().parts {
        assert!(session.state().unwrap().has_answered(&bruno, &id, part));
    }
    drop(session);
    // What the log has is not signed again; the shares are given all the same.
    town.session(BRUNO).await;
    reply(&town, BRUNO, AWA, &request, "again.txt").unwrap();
    assert_eq!(waiting(&town.folder(BRUNO)), 0);
}
