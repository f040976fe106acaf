//! Files that are damaged, foreign, old, mixed or forged, copies that are cut or contradict each other: each has its own
//! sentence, the good ones are kept, and the same run opens what they allow.

use std::fs;
use std::path::Path;

use sequestre::client::failure::{Exit, Failure};
use sequestre::client::recover::Source;
use sequestre::escrow::id::Digest;
use sequestre::escrow::log::merkle::TreeHead;
use sequestre::escrow::time::Seconds;
use sequestre::seal::recovery::{OpenedAnswer, RecoveryAnswer, RecoveryRequest, SignedRequest};
use sequestre::seal::sealing::open_with as age_open_with;
use sequestre::seal::secret::Secret;
use serde_json::Value;

use crate::house::*;
use crate::town::*;

/// `recover finish` as a program, with the answers given: exit code, data, and what was said of bad files.
fn finish(town: &Town, answers: &[&Path], more: &[&str], name: &str) -> (i32, Option<Value>, Vec<(String, String)>) {
    let output = file(town, name);
    let mut arguments = vec!["--json", "recover", "finish", "--plain", "-o", output.to_str().unwrap()];
    arguments.extend(more);
    arguments.extend(answers.iter().map(|path| path.to_str().unwrap()));
    let (exit, out, err) = town.program(AWA, &arguments);
    // Whatever is no JSON says what stays closed.
    let told = err.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let text = |value: &Value, key: &str| value[key].as_str().unwrap().to_owned();
    let told = told.map(|value| (text(&value, "error"), text(&value, "message"))).collect();
    (exit, serde_json::from_str(&out).ok(), told)
}

#[track_caller]
fn told(problems: &[(String, String)], key: &str, named: &str) {
    let found = problems.iter().any(|(told, message)| told == key && message.contains(named));
    assert!(found, "no {key} about {named} in {problems:?}");
}

/// The starter's key of a recovery, as their computer keeps it.
fn key(town: &Town, starter: &str, recovery: &Digest) -> age::x25519::Identity {
    let path = town.folder(starter).join("recoveries").join(recovery.to_string()).join("key");
    let text = age_open_with(identity(town, starter).age(), &fs::read(path).unwrap()).unwrap();
    text.expose_str().unwrap().parse().unwrap()
}

/// Three of four are needed, so that bad files stand beside a good one.
async fn vital() -> Town {
    let town = house(&[AWA, BRUNO, CHLOE, DENIS], &["vital=3"], &["main=vital"]).await;
    burn(&town).await;
    town
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_answers_are_named_and_good_ones_kept() {
    let town = vital().await;
    let old = ask_all(&town, AWA, "old.txt");
    let stale = reply(&town, CHLOE, AWA, &old, "stale.txt").unwrap();
    town.pass(Seconds(60));
    let request = ask_all(&town, AWA, "request.txt");
    let foreign = ask_all(&town, DENIS, "foreign-request.txt");
    let foreign = reply(&town, CHLOE, DENIS, &foreign, "foreign.txt").unwrap();
    let good = reply(&town, BRUNO, AWA, &request, "bruno.txt").unwrap();

    let whole = fs::read_to_string(&good).unwrap();
    let write = |name: &str, content: &[u8]| {
        fs::write(file(&town, name), content).unwrap();
        file(&town, name)
    };
    let cut = write("cut.txt", &whole.as_bytes()[..whole.len() * 2 / 3]);
    let mut flipped = whole.clone().into_bytes();
    let at = flipped.len() / 2;
    flipped[at] = if flipped[at] == b'A' { b'B' } else { b'A' };
    let flipped = write("flipped.txt", &flipped);
    let letter = write("letter.txt", b"Dear Awa, see attachment.");
    let missing = file(&town, "missing.txt");

    let verified = crate::house::request(&town, AWA, &request);
    let recipient = verified.request().recipient;
    let old_digest = crate::house::request(&town, AWA, &old).digest();
    let open = |path: &Path, key: &age::x25519::Identity| OpenedAnswer::open(key, &fs::read(path).unwrap()).unwrap();
    let chloe = identity(&town, CHLOE);
    let of_chloe = |recovery| {
        let opened = open(&stale, &key(&town, AWA, &old_digest));
        let answer = opened.verify(&chloe.keys(), &crate::house::request(&town, AWA, &old)).unwrap();
        RecoveryAnswer { recovery, ..answer }
    };
    // Somebody who has Chloé's old answer in plaintext seals it to the new request.
    let mixed = of_chloe(old_digest).seal(&chloe, &recipient).unwrap();
    let mixed = write("mixed.txt", mixed.as_bytes());
    // Denis signs an answer that names Chloé.
    let forged = forge(&of_chloe(verified.digest()), &identity(&town, DENIS), &recipient);
    let forged = write("forged.txt", forged.as_bytes());
    // Chloé's own, with one digit of one share changed.
    let mut altered = of_chloe(verified.digest());
    let envelope = altered.shares[0].1.expose_str().unwrap().to_owned();
    let at = envelope.len() - 3;
    let digit = if &envelope[at..=at] == "0" { "1" } else { "0" };
    altered.shares[0].1 = secret(&format!("{}{digit}{}", &envelope[..at], &envelope[at + 1..]));
    let altered = write("altered.txt", altered.seal(&chloe, &recipient).unwrap().as_bytes());

    let all = [&cut, &flipped, &letter, &missing, &request, &foreign, &stale, &mixed, &forged, &altered, &good];
    let all: Vec<&Path> = all.iter().map(|path| path.as_path()).collect();
    let (exit, done, problems) = finish(&town, &all, &[], "partly.json");
    // Bruno's and what is good of Chloé's opens one part of the account, and the other stays closed.
    assert_eq!(exit, 0, "{problems:?}");
    let closed = &done.unwrap()["closed"];
    assert_eq!((&closed[0]["label"], &closed[0]["part"]), (&"main".into(), &"password".into()));
    assert_eq!((&closed[0]["missing"], &closed[0]["why"]), (&1.into(), &"too_few".into()));
    assert_eq!(closed[0]["could_answer"], serde_json::json!([CHLOE, DENIS]));
    assert_eq!(closed.as_array().unwrap().len(), 1);
    told(&problems, "recover-file-damaged", "cut.txt");
    told(&problems, "recover-file-damaged", "flipped.txt");
    assert_eq!(problems.iter().filter(|(key, _)| key == "recover-file-damaged").count(), 2, "{problems:?}");
    told(&problems, "recover-file-none", "letter.txt");
    told(&problems, "failed-file", "missing.txt");
    told(&problems, "recover-file-request", "request.txt");
    told(&problems, "recover-file-foreign", "foreign.txt");
    told(&problems, "recover-file-stale", &code(&town, AWA, &old));
    told(&problems, "recover-file-mixed", "mixed.txt");
    told(&problems, "recover-file-signature", "forged.txt");
    told(&problems, "recover-bad-shares", CHLOE);
    told(&problems, "recover-bad-shares", "main");

    // Bruno's stayed. Twice the same adds nothing, and one more is enough; Chloé's other parts were kept, too.
    let (_, _, problems) = finish(&town, &[&good], &[], "again.json");
    told(&problems, "recover-answer-again", BRUNO);
    let denis = reply(&town, DENIS, AWA, &request, "denis.txt").unwrap();
    let (exit, done, problems) = finish(&town, &[&denis], &[], "all.json");
    assert_eq!((exit, &done.unwrap()["opened"]), (0, &serde_json::json!(["main"])), "{problems:?}");
    assert_eq!(logins(&fs::read(file(&town, "all.json")).unwrap()), expected(&["main"]));
}

/// An answer in somebody's name, signed by somebody else: what no program of ours writes.
fn forge(
    answer: &RecoveryAnswer,
    by: &sequestre::seal::identity::Identity,
    recipient: &sequestre::escrow::key::RecipientKey,
) -> String {
    use base64::Engine as _;
    let mut body = format!(
        "sequestre recovery answer v1\nrecovery {}\norganisation {}\nanswerer {}\ntree {} {}\ncreated {}\n",
        answer.recovery, answer.organisation, answer.answerer, answer.tree.size, answer.tree.root, answer.created,
    );
    for (part, envelope) in &answer.shares {
        let (version, kind) = (part.version, part.kind.as_str());
        let envelope = envelope.expose_str().unwrap();
        body.push_str(&format!("share {} {} {kind} {envelope}\n", version.credential, version.version));
    }
    let signature = by.sign(&[b"sequestre/recovery-answer/v1\0".as_slice(), body.as_bytes()].concat());
    body.push_str(&format!("signature {}\n", hex::encode(signature.as_bytes())));
    let sealed = sequestre::seal::sealing::seal_to(recipient, body.as_bytes()).unwrap();
    let text = base64::prelude::BASE64_STANDARD.encode(sealed);
    format!("-----BEGIN AGE ENCRYPTED FILE-----\n{text}\n-----END AGE ENCRYPTED FILE-----\n")
}

/// Awa's request, in Chloé's name and signed by Awa.
fn forge_request(file: &str, town: &Town) -> String {
    use base64::Engine as _;
    let base64 = base64::prelude::BASE64_STANDARD;
    let inside: String = file.lines().filter(|line| !line.starts_with('-')).collect();
    let lines = String::from_utf8(base64.decode(inside).unwrap()).unwrap();
    let (body, _) = lines.split_once("signature ").unwrap();
    let [awa, chloe] = [AWA, CHLOE].map(|name| identity(town, name));
    let body = body.replace(&awa.person().to_string(), &chloe.person().to_string());
    let signature = awa.sign(&[b"sequestre/recovery-request/v1\0".as_slice(), body.as_bytes()].concat());
    let text = base64.encode(format!("{body}signature {}\n", hex::encode(signature.as_bytes())));
    format!("-----BEGIN SEQUESTRE RECOVERY REQUEST-----\n{text}\n-----END SEQUESTRE RECOVERY REQUEST-----\n")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_few_says_who_could_still_answer() {
    let town = vital().await;
    let request = ask_all(&town, AWA, "request.txt");
    let answer = reply(&town, BRUNO, AWA, &request, "bruno.txt").unwrap();
    let output = file(&town, "no.json");
    let arguments = ["recover", "finish", "--plain", "-o", output.to_str().unwrap(), answer.to_str().unwrap()];
    let (exit, _, err) = town.program(AWA, &arguments);
    assert_eq!(exit, 3);
    assert!(err.contains("Still closed: main (") && err.contains("one more person"), "{err}");
    assert!(err.contains("Could still answer: Chloé, Denis."), "{err}");
    assert!(!output.exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_recoveries_are_told_apart_and_each_can_be_finished() {
    let town = Town::founded().await;
    burn(&town).await;
    let first = ask_all(&town, AWA, "first.txt");
    town.pass(Seconds(60));
    let second = ask_all(&town, AWA, "second.txt");
    let to_first = reply(&town, BRUNO, AWA, &first, "to-first.txt").unwrap();
    let (exit, _, problems) = finish(&town, &[&to_first], &["--from", second.to_str().unwrap()], "no.json");
    assert_eq!(exit, 3);
    told(&problems, "recover-file-stale", "to-first.txt");
    // Without --from, the answers say which one is meant.
    let (exit, done, _) = finish(&town, &[&to_first], &["--keep"], "all.json");
    assert_eq!(exit, 0);
    let name = crate::house::request(&town, AWA, &first).digest().to_string();
    assert_eq!(done.unwrap()["recovery"].as_str(), Some(name.as_str()));
    let (exit, _, _) = finish(&town, &[], &["--from", first.to_str().unwrap()], "kept.json");
    assert_eq!(exit, 0);
    // Finished, it can be opened by nobody any more; the other one can still be answered.
    let (exit, _, problems) = finish(&town, &[], &["--from", first.to_str().unwrap()], "gone.json");
    assert_eq!(exit, 1);
    told(&problems, "recover-key-elsewhere", "finished");
    let name = crate::house::request(&town, AWA, &first).digest().to_string();
    let shelf = town.folder(AWA).join("recoveries").join(name);
    assert!(!shelf.join("key").exists() && fs::read_dir(shelf.join("answers")).unwrap().next().is_none());
    let to_second = reply(&town, CHLOE, AWA, &second, "to-second.txt").unwrap();
    assert!(recovered(&town, AWA, &[&to_second], "second.json").is_ok());
}

/// A recovery whose files are damaged does not stand in the way of another.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_recovery_is_told_and_left_aside() {
    let town = Town::founded().await;
    burn(&town).await;
    let broken = ask_all(&town, AWA, "broken.txt");
    town.pass(Seconds(60));
    let request = ask_all(&town, AWA, "request.txt");
    let answer = reply(&town, BRUNO, AWA, &request, "bruno.txt").unwrap();
    let name = crate::house::request(&town, AWA, &broken).digest().to_string();
    fs::write(town.folder(AWA).join("recoveries").join(&name).join("key"), b"rust").unwrap();
    let (exit, _, problems) = finish(&town, &[&answer], &[], "all.json");
    assert_eq!(exit, 0, "{problems:?}");
    told(&problems, "failed-damaged", &name);
    let (exit, _, _) = finish(&town, &[&answer], &["--from", broken.to_str().unwrap()], "no.json");
    assert_eq!(exit, 1);
}

/// A request, and the key that it needs, lie about for long.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_is_answered_for_thirty_days() {
    let town = Town::founded().await;
    burn(&town).await;
    let request = ask_all(&town, AWA, "request.txt");
    town.pass(Seconds(30 * 86_400 - 60));
    assert!(reply(&town, BRUNO, AWA, &request, "bruno.txt").is_ok());
    town.pass(Seconds(120));
    failure(reply(&town, CHLOE, AWA, &request, "chloe.txt"), Exit::Refused, "recover-expired");
    assert_eq!(waiting(&town.folder(CHLOE)), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_that_must_not_be_answered() {
    let town = Town::founded().await;
    burn(&town).await;
    let request = ask_all(&town, AWA, "request.txt");
    let said = code(&town, AWA, &request);
    let waited = waiting(&town.folder(BRUNO));
    let answer = |who: &str, request: &Path, code: &str| {
        let answered = reply_with(&town, &town.env(who), request, Some(code.to_owned()), "no.txt", Source::default());
        assert!(!file(&town, "no.txt").exists());
        answered
    };
    let wrong = said.replace(|c: char| c.is_ascii_digit(), "7");
    failure(answer(BRUNO, &request, &wrong), Exit::Refused, "recover-code-differs");
    failure(answer(AWA, &request, &said), Exit::Refused, "recover-own-request");
    failure(answer(NINA, &request, &said), Exit::Refused, "recover-no-share");
    let path = file(&town, "cut.txt");
    let whole = fs::read_to_string(&request).unwrap();
    fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    failure(answer(BRUNO, &path, &said), Exit::Usage, "recover-file-damaged");

    // Signed by Awa's key, in Chloé's name.
    let chloe = identity(&town, CHLOE).person();
    let signed = SignedRequest::parse(whole.as_bytes()).unwrap();
    let forged = RecoveryRequest { starter: chloe, ..signed.unverified().clone() };
    assert!(forged.clone().sign(&identity(&town, AWA)).is_err(), "our own program does not even write it");
    let path = file(&town, "in-her-name.txt");
    fs::write(&path, forge_request(&whole, &town)).unwrap();
    assert_eq!(SignedRequest::parse(&fs::read(&path).unwrap()).unwrap().unverified(), &forged);
    failure(answer(BRUNO, &path, &said), Exit::Distrust, "recover-file-signature");

    // Somebody who is not in the association at all.
    let stranger = sequestre::seal::identity::Identity::generate().unwrap();
    let strange = RecoveryRequest { starter: stranger.person(), ..signed.unverified().clone() };
    let path = file(&town, "strange.txt");
    fs::write(&path, strange.sign(&stranger).unwrap().to_file()).unwrap();
    failure(answer(BRUNO, &path, &said), Exit::Refused, "recover-stranger");

    // Another log under the same starter: kept, and refused.
    let forked = TreeHead { root: Digest::of(&[b"another history"]), ..signed.unverified().tree };
    let forked = RecoveryRequest { tree: forked, ..signed.unverified().clone() };
    let path = file(&town, "forked.txt");
    fs::write(&path, forked.sign(&identity(&town, AWA)).unwrap().to_file()).unwrap();
    let told = failure(answer(BRUNO, &path, &said), Exit::Refused, "recover-other-log").to_string();
    assert!(told.contains(AWA) && told.contains("forked.txt") && told.contains("no server signed it"), "{told}");
    assert!(!town.folder(BRUNO).join("evidence/stop").exists(), "one person's word accuses nobody");
    let kept: Vec<_> =
        fs::read_dir(town.folder(BRUNO).join("evidence")).unwrap().map(|f| f.unwrap().path()).collect();
    assert!(kept.iter().any(|path| fs::read_to_string(path).unwrap().contains("RECOVERY REQUEST")), "{kept:?}");

    assert_eq!(waiting(&town.folder(BRUNO)), waited, "nothing was given, so nothing is recorded");
    // What was refused does not stand in the way of the right one.
    let right = reply(&town, BRUNO, AWA, &request, "bruno.txt").unwrap();
    // An output that is there is not written over.
    let again = reply_with(&town, &town.env(BRUNO), &request, Some(said), "bruno.txt", Source::default());
    failure(again, Exit::Usage, "recover-exists");
    assert!(recovered(&town, AWA, &[&right], "all.json").is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_from_another_log_is_told_and_its_good_shares_are_used() {
    let town = Town::founded().await;
    burn(&town).await;
    let request = ask_all(&town, AWA, "request.txt");
    let good = reply(&town, BRUNO, AWA, &request, "bruno.txt").unwrap();
    let verified = crate::house::request(&town, AWA, &request);
    let opened = OpenedAnswer::open(&key(&town, AWA, &verified.digest()), &fs::read(&good).unwrap()).unwrap();
    let bruno = identity(&town, BRUNO);
    let answer = opened.verify(&bruno.keys(), &verified).unwrap();
    let elsewhere = TreeHead { root: Digest::of(&[b"another history"]), ..answer.tree };
    let sealed = RecoveryAnswer { tree: elsewhere, ..answer }.seal(&bruno, &verified.request().recipient).unwrap();
    let path = file(&town, "forked.txt");
    fs::write(&path, sealed).unwrap();
    let (exit, _, problems) = finish(&town, &[&path], &[], "all.json");
    assert_eq!(exit, 0, "{problems:?}");
    told(&problems, "recover-other-log", "evidence");
    told(&problems, "recover-other-log", BRUNO);
    told(&problems, "recover-other-log", "forked.txt");
    assert_eq!(logins(&fs::read(file(&town, "all.json")).unwrap()).len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_of_the_log_that_is_cut_or_changed_is_not_believed() {
    let town = Town::founded().await;
    burn(&town).await;
    let copy = copy_of(&town, CHLOE, "stick");
    let entries = copy.join("entries");
    let whole = fs::read(&entries).unwrap();
    let start = |name: &str| {
        let source = Source { replica: Some(copy.clone()), words_file: Some(words(&town, AWA)) };
        ask(&town, &town.env("somebody"), &[], name, source)
    };
    fs::write(&entries, &whole[..whole.len() - 1]).unwrap();
    let told: Failure = failure(start("cut.txt"), Exit::Failed, "failed-replica-cut");
    assert!(told.to_string().contains(" of "), "{told}");
    let mut changed = whole.clone();
    let at = whole.len() - 80;
    changed[at] ^= 1;
    fs::write(&entries, &changed).unwrap();
    failure(start("changed.txt"), Exit::Failed, "failed-damaged");
    fs::write(&entries, &whole).unwrap();
    assert!(start("good.txt").is_ok());
    // A sealed secret is missing: the key is found, and another copy asked for.
    for blob in fs::read_dir(copy.join("blobs")).unwrap() {
        let path = blob.unwrap().path();
        if fs::read(&path).unwrap().starts_with(b"age-encryption.org") && !is_share(&town, &path) {
            fs::remove_file(path).unwrap();
        }
    }
    let finishing = sequestre::client::recover::finish::Finishing {
        words_files: vec![words(&town, AWA), words(&town, BRUNO)],
        replica: Some(copy.clone()),
        ..finishing(&town, &[], "no.json")
    };
    failure(open_with(&town.env("somebody"), finishing), Exit::Refused, "recover-nothing-open");
    fs::remove_file(copy.join("checkpoint")).unwrap();
    failure(start("none.txt"), Exit::Failed, "failed-replica-none");
}

fn is_share(town: &Town, path: &Path) -> bool {
    let sealed = fs::read(path).unwrap();
    [AWA, BRUNO, CHLOE].iter().any(|name| {
        let opened: Result<Secret, _> = age_open_with(identity(town, name).age(), &sealed);
        opened.is_ok()
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_passphrase_is_told_and_nothing_is_lost() {
    let town = Town::founded().await;
    burn(&town).await;
    let request = ask_all(&town, AWA, "request.txt");
    let answer = reply(&town, BRUNO, AWA, &request, "bruno.txt").unwrap();
    let mut env = town.env(AWA);
    let wrong = file(&town, "wrong");
    sequestre::client::home::write(&wrong, b"another passphrase\n").unwrap();
    env.unlock.passphrase_file = Some(wrong);
    failure(open_with(&env, finishing(&town, &[&answer], "no.json")), Exit::Failed, "failed-passphrase");
    assert!(recovered(&town, AWA, &[&answer], "all.json").is_ok());
}
