//! The verbs as people and scripts run them, on a home that a test wrote, with a server that does not answer.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use sequestre::client::home::{Contact, Home};
use sequestre::client::say::Say;
use sequestre::client::status::{account_rows, lease_rows, person_rows};
use sequestre::client::view::{Confirmations, View, confirmations, current_parts, missing, sort_key};
use sequestre::escrow::id::BlobId;
use sequestre::escrow::log::merkle::TreeHead;
use sequestre::escrow::part::PartKind;
use sequestre::escrow::refusal::Refusal;
use sequestre::escrow::text::Text;
use serde_json::Value;
use tempfile::TempDir;

use crate::copies::Copy;
use crate::story::Story;
use crate::world::*;

/// Somebody's computer that synchronised once, when the log had `size` entries.
pub fn computer(story: &Story, who: Who, size: usize) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let folder = Home::new(dir.path().to_owned()).folder(story.world.id());
    folder.prepare().unwrap();
    let contact = Contact {
        // Nothing listens on port 1.
        address: "127.0.0.1:1".to_owned(),
        server_key: public_key("server"),
        log_key: public(&LOG_KEY),
        checkpoint: TreeHead::EMPTY,
        me: who.id,
    };
    folder.store_contact(&contact).unwrap();
    let mut bytes = Vec::new();
    for entry in &story.world.entries[..size] {
        bytes.extend_from_slice(&u32::try_from(entry.len()).unwrap().to_be_bytes());
        bytes.extend_from_slice(entry);
    }
    fs::write(folder.join("entries"), bytes).unwrap();
    fs::write(folder.join("checkpoint"), story.signed(story.world.head_at(size as u64)).to_string()).unwrap();
    fs::write(folder.join("synchronised"), story.world.now.to_string()).unwrap();
    for (id, blob) in &story.texts {
        fs::write(folder.join("blobs").join(id.to_string()), blob).unwrap();
    }
    dir
}

pub fn sequestre(home: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sequestre"))
        .args(["--home", home.to_str().unwrap()])
        .args(args)
        .env("LC_ALL", "C.UTF-8")
        .env("TZ", "UTC")
        .env_remove("SEQUESTRE_HOME")
        .output()
        .unwrap()
}

pub fn ok(home: &Path, args: &[&str]) -> String {
    let output = sequestre(home, args);
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

pub fn json(home: &Path, args: &[&str]) -> Vec<Value> {
    let text = ok(home, &[&["--json"], args].concat());
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A story that ends in the middle of things: one access runs, one request waits, one password is due.
pub fn in_between() -> Story {
    let mut story = Story::founded();
    story.deposit(MEMBER, 1, 1, "Site web");
    story.deposit(MEMBER, 2, 1, "Émission");
    story.deposit(TRUSTEES[0], 3, 1, "Boîte aux lettres");
    let password = part(1, 1, PartKind::Password);
    story.world.ok(TRUSTEES[1], confirm(&[(password, v1::ShareVerdict::Good)]));
    story.world.ok(TRUSTEES[2], confirm(&[(password, v1::ShareVerdict::DoesNotOpen)]));
    let running = story.request(MEMBER, 1, "mise à jour");
    story.approve(TRUSTEES[1], running);
    story.approve(TRUSTEES[2], running);
    story.world.daemon(sequestre::escrow::entry::DaemonAct::Collected(running)).unwrap();
    let returned = story.request(OTHER_MEMBER, 3, "écrire aux membres");
    story.approve(TRUSTEES[1], returned);
    story.approve(TRUSTEES[2], returned);
    story.world.ok(OTHER_MEMBER, give_back(returned));
    let waiting = story.request(OTHER_MEMBER, 2, "publier");
    story.approve(TRUSTEES[1], waiting);
    story
}

#[test]
fn rows_say_what_the_state_says() {
    let story = in_between();
    let texts = |id: &BlobId| {
        let text = Text::multiline_from_blob(story.texts.get(id)?, *id).ok()?;
        Some(text.as_str().to_owned())
    };
    let say = Say::french();
    let view = View::new(story.world.state(), &say, &texts);

    let people = person_rows(&view, Some(&MEDIATOR.id), |_| Some(START));
    let names: Vec<&str> = people.iter().map(|row| row.name.as_str()).collect();
    let expected = ["Awa", "Bruno", "Chloé", "Denis", "Élise", "Farid", "Gaëlle", "Maud", "Nina", "Omar", "Théo"];
    assert_eq!(names, expected, "in the order of a telephone book");
    let me: Vec<_> = people.iter().filter(|row| row.me).collect();
    assert_eq!((me.len(), me[0].roles.as_slice(), me[0].devices), (1, ["mediator"].as_slice(), 1));
    assert_eq!(me[0].fingerprint, MEDIATOR.keys.fingerprint().to_string());

    let accounts = account_rows(&view);
    let labels: Vec<&str> = accounts.iter().map(|row| row.label.as_str()).collect();
    assert_eq!(labels, ["Boîte aux lettres", "Émission", "Site web"]);
    let site = &accounts[2];
    assert_eq!((site.confirmed, site.faulty, site.holders), (1, 1, 7));
    assert_eq!((site.last_asked_by_name.as_deref(), site.due), (Some("Nina"), None));
    assert_eq!(accounts[0].due, Some("later"));

    let everybody = lease_rows(&view, None);
    let states: Vec<_> = everybody.iter().map(|row| (row.name.as_str(), row.state, row.missing)).collect();
    assert_eq!(states, [("Nina", "leased", None), ("Omar", "returned", None), ("Omar", "waiting", Some(1))]);
    assert_eq!(lease_rows(&view, Some(&MEMBER.id)).len(), 1);
    let waiting = story.world.state().request(everybody[2].request).unwrap();
    assert_eq!(missing(story.world.state(), waiting), 1);
    assert_eq!(view.stage(waiting), "attend encore 1 accord");
    let account = story.world.state().credential(&credential(1)).unwrap();
    assert_eq!(confirmations(account), Confirmations { good: 1, bad: 1, holders: 7 });
    let amend = story.world.state().charter().unwrap().amend().unwrap();
    assert_eq!(view.quorum(amend), "5 sur 7");
    assert_eq!(sort_key("Élise"), "elise");
}

#[test]
fn what_was_recovered_tried_and_claimed_is_shown() {
    let mut story = in_between();
    let running = story.world.state().requests().keys().next().copied().unwrap();
    let kinds = [PartKind::Password];
    let index = story.world.ok(MEMBER, claim(running, TRUSTEES[2], &kinds, v1::ShareVerdict::DoesNotMatch));
    let tried = story.world.state().requests().keys().nth(1).copied().unwrap();
    story.world.daemon(sequestre::escrow::entry::DaemonAct::Collected(running)).unwrap_err();
    assert_eq!(story.world.no(OTHER_MEMBER, confirm_access(tried, true)), Refusal::NothingToTest, "never fetched");
    let works =
        story.world.ok(TRUSTEES[3], story.world.answer("fire", TRUSTEES[4], &[part(1, 1, PartKind::Password)]));
    let home = computer(&story, TRUSTEES[3], story.world.entries.len());
    let leases = json(home.path(), &["leases", "--all"]);
    let row = leases.iter().find(|row| row["request"] == running).unwrap();
    let claimed = &row["claims"][0];
    assert_eq!((claimed["entry"].as_u64(), claimed["name"].as_str()), (Some(index), Some("Chloé")));
    assert_eq!((claimed["verdict"].as_str(), claimed["answer"].is_null()), (Some("does_not_match"), true));
    let account = &json(home.path(), &["credentials", "Site web"])[0];
    let password = &account["versions"][0]["parts"][0];
    assert_eq!(password["verdicts"][0]["since"], story.world.now.0);
    assert!(password["tested"].is_null());
    let recovered = password["released"].as_array().unwrap().iter().find(|r| r["recovery"].is_string()).unwrap();
    assert_eq!(recovered["starter"], TRUSTEES[4].id.to_string());
    let text = ok(home.path(), &["credentials", "Site web"]);
    assert!(text.contains("Known to Élise (password) since") && text.contains("without the server"), "{text}");
    assert!(text.contains(&format!("Élise opened it without the server, with the answers of others (entry {works}")));
}

#[test]
fn parts_that_were_carried_over_still_count() {
    let mut story = Story::founded();
    let label = story.text("Hébergeur");
    let sheet = story.text("{}");
    let both = story.world.deposit_of(1, 1, "web", &[PartKind::Password, PartKind::Notes]);
    story.world.ok(MEMBER, Act::Deposit(v1::Deposit { label, sheet, ..both }));
    let good = v1::ShareVerdict::Good;
    let checks = [(part(1, 1, PartKind::Password), good), (part(1, 1, PartKind::Notes), good)];
    story.world.ok(TRUSTEES[1], confirm(&checks));
    let carried = vec![v1::CarriedPart { kind: PartKind::Notes as i32, version: 1 }];
    let next = story.world.deposit_of(1, 2, "web", &[PartKind::Password]);
    let (label, sheet) = (story.text("Hébergeur"), story.text("{}"));
    story.world.ok(TRUSTEES[0], Act::Deposit(v1::Deposit { label, sheet, carried, ..next }));

    let account = |story: &Story| story.world.state().credential(&credential(1)).cloned().unwrap();
    let kinds: Vec<PartKind> = current_parts(&account(&story)).into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds, [PartKind::Password, PartKind::Notes]);
    // The notes were checked with the first version, the new password was not.
    assert_eq!(confirmations(&account(&story)), Confirmations { good: 0, bad: 0, holders: 7 });
    story.world.ok(TRUSTEES[1], confirm(&[(part(1, 2, PartKind::Password), good)]));
    assert_eq!(confirmations(&account(&story)), Confirmations { good: 1, bad: 0, holders: 7 });

    let lines = story.tell(&Say::english());
    assert!(lines.iter().any(|line| line.sentence.ends_with("(password); unchanged: notes.")));
    let home = computer(&story, TRUSTEES[1], story.world.entries.len());
    let text = ok(home.path(), &["credentials", "Hébergeur"]);
    assert!(text.contains("Known to Nina (notes) since") && text.contains("deposited it earlier"), "{text}");
    assert!(text.contains("Known to Awa, who deposited version 2"), "{text}");
}

#[test]
fn the_reading_verbs_show_what_is_known_when_the_server_does_not_answer() {
    let story = in_between();
    let home = computer(&story, TRUSTEES[3], story.world.entries.len());
    let home = home.path();

    let status = &json(home, &["status"])[0];
    assert_eq!(status["reachable"], false);
    assert_eq!(status["entries"], story.world.entries.len());
    assert_eq!(status["synchronised"], story.world.now.0);
    assert_eq!(status["name"], "Les Amis du Lac");
    assert_eq!(status["me"]["name"], "Denis");
    assert_eq!(status["charter"]["code"], story.world.state().charter().unwrap().code().to_string());
    assert_eq!(status["running"][0]["label"], "Site web");
    assert_eq!(status["due"][0]["label"], "Boîte aux lettres");
    assert!(status["witnessed"].is_null());
    assert!(status["waiting"].as_array().unwrap().iter().any(|item| item["label"] == "Émission"));
    let text = ok(home, &["--lang", "fr", "status"]);
    for part in ["Association « Les Amis du Lac »", "injoignable", "Vous êtes Denis : gardien·ne.", "Site web"] {
        assert!(text.contains(part), "{part} in {text}");
    }

    assert_eq!(json(home, &["people"]).len(), 11);
    assert!(ok(home, &["people"]).contains("Denis (you)"));
    let charter = &json(home, &["charter"])[0];
    assert_eq!(charter["charter"]["quorums"][2]["groups"][0]["threshold"], 2);
    assert!(ok(home, &["charter"]).contains("2 of 7"));
    assert_eq!(json(home, &["credentials"]).len(), 3);
    assert!(ok(home, &["credentials"]).contains("1 of 7; bad: 1"));
    let account = &json(home, &["credentials", "Site web"])[0];
    assert_eq!(account["sheet"]["legal_holder"], "Les Amis du Lac");
    let text = ok(home, &["credentials", "site web"]);
    assert!(text.contains("- Legal holder: Les Amis du Lac") && text.contains("Known to Nina"), "{text}");
    assert_eq!(json(home, &["leases", "--all"]).len(), 3);
    assert_eq!(ok(home, &["leases"]), "No request and no access.\n");
    assert_eq!(json(home, &["device"]).len(), 1);

    let unknown = sequestre(home, &["credentials", "Nothing"]);
    assert_eq!(unknown.status.code(), Some(2));
}

#[test]
fn the_log_is_told_in_parts() {
    let story = in_between();
    let home = computer(&story, MEDIATOR, story.world.entries.len());
    let home = home.path();
    let size = story.world.entries.len();
    assert_eq!(json(home, &["audit", "log"]).len(), size);
    assert_eq!(json(home, &["audit", "log", "--from", "5", "--to", "9"]).len(), 5);
    // Everything happened on 15 January 2027.
    assert_eq!(json(home, &["audit", "log", "--from", "15/01/2027", "--to", "2027-01-15"]).len(), size);
    assert_eq!(json(home, &["audit", "log", "--from", "2027-01-16"]).len(), 0);
    assert_eq!(json(home, &["audit", "log", "--to", "2027-01-15 07:59"]).len(), 0);
    let omar = json(home, &["audit", "log", "--person", "omar"]);
    let acts: Vec<&str> = omar.iter().map(|line| line["act"].as_str().unwrap()).collect();
    let asked = ["request", "approve", "approve", "return", "request", "approve"];
    assert_eq!(acts, [["join", "propose_charter"].as_slice(), &asked].concat());
    let site = json(home, &["audit", "log", "--account", "Site web"]);
    assert_eq!(
        site.iter().map(|line| line["act"].as_str().unwrap()).collect::<Vec<_>>(),
        ["deposit", "confirm_shares", "confirm_shares", "request", "approve", "approve", "collected"]
    );
    let text = ok(home, &["audit", "log", "--from", "0", "--to", "0"]);
    assert_eq!(
        text,
        " 0  2027-01-15 08:00  Awa founded the association “Les Amis du Lac” (server escrow.example.org:7443).\n"
    );
    let wrong = sequestre(home, &["audit", "log", "--from", "yesterday"]);
    assert_eq!(wrong.status.code(), Some(2));
    assert_eq!(sequestre(home, &["audit", "log", "--person", "Nobody"]).status.code(), Some(2));
}

#[test]
fn an_export_is_checked_without_home_and_server() {
    let story = in_between();
    let home = computer(&story, MEDIATOR, story.world.entries.len());
    let copy = home.path().join("for the assembly");
    let copy = copy.to_str().unwrap();
    let exported = &json(home.path(), &["audit", "export", copy])[0];
    assert_eq!(exported["entries"], story.world.entries.len());
    let readme = fs::read_to_string(Path::new(copy).join("README.txt")).unwrap();
    let code = story.world.state().charter().unwrap().code().to_string();
    assert!(readme.contains(&code) && readme.contains("sequestre audit verify") && readme.ends_with('\n'));
    assert!(!readme.contains('{') && !readme.contains("audit-readme"), "{readme}");
    assert_eq!(sequestre(home.path(), &["audit", "export", copy]).status.code(), Some(2), "never over another copy");

    let nobody = tempfile::tempdir().unwrap();
    let verdict = &json(nobody.path(), &["audit", "verify", copy])[0];
    assert_eq!((&verdict["holds"], &verdict["log_key_from"]), (&Value::Bool(true), &Value::from("copy")));
    assert!(verdict["own_agrees"].is_null());
    assert_eq!(verdict["charter"]["code"], code);
    assert!(ok(nobody.path(), &["audit", "verify", copy]).contains("with somebody whom you trust"));
    let key = verdict["log_key"].as_str().unwrap();
    let verdict = &json(nobody.path(), &["audit", "verify", copy, "--log-key", key])[0];
    assert_eq!((&verdict["holds"], &verdict["log_key_from"]), (&Value::Bool(true), &Value::from("given")));
    let verdict = &json(home.path(), &["audit", "verify", copy])[0];
    assert_eq!((&verdict["own_agrees"], &verdict["log_key_from"]), (&Value::Bool(true), &Value::from("pinned")));
    // A key of another log, and something that is no key.
    let other = hex::encode(public_key("another log").as_bytes());
    assert_eq!(sequestre(nobody.path(), &["audit", "verify", copy, "--log-key", &other]).status.code(), Some(5));
    assert_eq!(sequestre(nobody.path(), &["audit", "verify", copy, "--log-key", "x"]).status.code(), Some(2));
}

#[test]
fn a_proof_is_printed_as_the_file_that_it_is() {
    let story = in_between();
    let home = computer(&story, MEDIATOR, story.world.entries.len());
    let text = ok(home.path(), &["audit", "proof", "7"]);
    let file: sequestre::escrow::log::proof::ProofFile = text.parse().unwrap();
    assert!(file.verify(&story.world.leaf(7), &story.verifier()).is_ok());
    let data = &json(home.path(), &["audit", "proof", "7"])[0];
    assert_eq!((&data["proof"], &data["leaf"]), (&Value::from(text), &Value::from(story.world.leaf(7).to_string())));
    assert_eq!(sequestre(home.path(), &["audit", "proof", "9999"]).status.code(), Some(2));
}

#[test]
fn an_own_replica_agrees_both_ways_and_a_contradiction_is_kept() {
    let copy = Copy::new();
    let size = copy.story.world.entries.len();
    let path = copy.path();
    let verify = ["audit", "verify", path.to_str().unwrap()];
    // Ours is as long, and shorter.
    for own in [size, size - 20] {
        let home = computer(&copy.story, MEDIATOR, own);
        let verdict = &json(home.path(), &verify)[0];
        assert_eq!((&verdict["own_agrees"], &verdict["own_entries"]), (&Value::Bool(true), &Value::from(own)));
    }
    // Ours is longer.
    let mut longer = copy.story.clone();
    longer.world.ok(TRUSTEES[1], enrol(TRUSTEES[1], public_key("tablet")));
    let home = computer(&longer, MEDIATOR, size + 1);
    assert_eq!(json(home.path(), &verify)[0]["own_agrees"], true);
    // The same log key signed two histories: this computer saw another end of the log than the copy has.
    let mut other = Story::founded();
    other.world.ok(TRUSTEES[1], enrol(TRUSTEES[1], public_key("tablet")));
    assert_eq!(other.world.id(), copy.story.world.id());
    let home = computer(&other, MEDIATOR, other.world.entries.len());
    let output = sequestre(home.path(), &verify);
    assert_eq!(output.status.code(), Some(5));
    assert!(String::from_utf8_lossy(&output.stdout).contains("CONTRADICTS"));
    let evidence = Home::new(home.path().to_owned()).folder(other.world.id()).join("evidence");
    assert!(evidence.join("stop").is_file() && evidence.join(format!("theirs-{size}.note")).is_file());
    // From now on the log's key is not accepted; reading goes on, and says so.
    let status = sequestre(home.path(), &["status"]);
    assert_eq!(status.status.code(), Some(5));
    assert!(String::from_utf8_lossy(&status.stdout).contains("Les Amis du Lac"));
}

#[test]
fn the_verdict_names_the_first_entry_that_fails() {
    let copy = Copy::new();
    let path = copy.path();
    let bundle = path.join(format!("tile/entries/000.p/{}", copy.story.world.entries.len()));
    let mut content = fs::read(&bundle).unwrap();
    let at = copy.story.world.entries[..30].iter().map(|entry| entry.len() + 2).sum::<usize>() + 40;
    content[at] ^= 1;
    fs::write(&bundle, content).unwrap();
    let nobody = tempfile::tempdir().unwrap();
    let output = sequestre(nobody.path(), &["--lang", "fr", "audit", "verify", path.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(5));
    let (out, err) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(out.contains("L’entrée 30 a été modifiée dans cette copie"), "{out}");
    assert!(err.contains("L’entrée 30") && err.contains("Ne vous y fiez pas"), "{err}");
    let output = sequestre(nobody.path(), &["--json", "audit", "verify", path.to_str().unwrap()]);
    let verdict: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&verdict["holds"], &verdict["faults"][0]["entry"]), (&Value::Bool(false), &Value::from(30)));
}

/// Whoever deposits can write anything into an account sheet.
#[test]
fn a_sheet_that_cannot_be_read_hides_no_renewal_of_another() {
    let mut story = Story::founded();
    let dated = "{\"renewal_date\": \"2001-01-01\", \"paid_by\": \"the \\u202e treasurer\", \"hosts\": [\"a\"]}";
    let disguised = [&fake("salt")[..], format!("{dated}\u{202e}").as_bytes()].concat();
    let id = BlobId::of(&disguised);
    story.texts.insert(id, disguised);
    let sheets =
        [id.to_vec(), story.text("the first of January"), story.text(dated), story.text("{\"renewal_date\": 7}")];
    for (n, sheet) in (1..).zip(sheets) {
        let label = story.text(&format!("account {n}"));
        let deposit = story.world.deposit_of(n, 1, "web", &[PartKind::Password]);
        story.world.ok(MEMBER, Act::Deposit(v1::Deposit { label, sheet, ..deposit }));
    }
    let home = computer(&story, TRUSTEES[0], story.world.entries.len());
    for verb in ["status", "inbox", "credentials"] {
        let told = ok(home.path(), &[verb]);
        assert_eq!(told.matches("OVERDUE").count(), 1, "{verb}: {told}");
        assert!(told.contains("OVERDUE: “account 3”") && told.contains("(paid by: ?)"), "{verb}: {told}");
    }
}
