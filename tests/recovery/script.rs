//! The same without this program: `deploy/recover.py` and the stock `age` command, which `tests/run` installs.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use sequestre::client::replica::Replica;
use sequestre::client::session::sign_command;
use sequestre::escrow::entry::{Entry, What};
use sequestre::escrow::id::{BlobId, CredentialId};
use sequestre::escrow::key::RecipientKey;
use sequestre::escrow::part::{PartId, PartKind, VersionId};
use sequestre::escrow::text::Text;
use sequestre::escrow::time::Time;
use sequestre::proto::v1::{self, command::Act};
use sequestre::seal::sealing::{open_with, salted_text, seal_to};
use sequestre::seal::sharing::{MasterKey, ShareContext, combine, deal, verify_share};
use serde_json::Value;

use crate::house::*;
use crate::town::*;

/// Runs a command with this on its standard input; its standard output.
fn run(program: &str, arguments: &[&str], input: &[u8]) -> Vec<u8> {
    run_both(program, arguments, input).0
}

/// Its standard output and standard error.
fn run_both(program: &str, arguments: &[&str], input: &[u8]) -> (Vec<u8>, String) {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|e| panic!("{program} is needed (tests/run installs it): {e}"));
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{program}: {told}");
    (output.stdout, told)
}

fn script() -> String {
    format!("{}/deploy/recover.py", env!("CARGO_MANIFEST_DIR"))
}

/// What `age -d identity.age` shows: the passphrase cannot be given to `age` without a terminal, so it is opened with
/// the library.
fn shown_by_age(town: &Town, who: &str) -> Vec<u8> {
    let env = town.env(who);
    let sealed = fs::read(env.home.path().join("identity.age")).unwrap();
    let passphrase = fs::read_to_string(env.unlock.passphrase_file.unwrap()).unwrap();
    let opener = age::scrypt::Identity::new(passphrase.trim_end().to_owned().into());
    age::decrypt(&opener, &sealed).unwrap()
}

/// What the script opens with these people's identities: passwords by label.
fn recovered_by_script(town: &Town, people: &[&str], replica: &Path) -> BTreeMap<String, String> {
    told_by_script(town, people, replica).0
}

/// The same, and what it says of accounts that stay closed.
fn told_by_script(town: &Town, people: &[&str], replica: &Path) -> (BTreeMap<String, String>, String) {
    let identities: Vec<u8> = people.iter().flat_map(|name| shown_by_age(town, name)).collect();
    assert!(identities.starts_with(b"sequestre identity v1\n"));
    let (printed, told) = run_both("python3", &[&script(), replica.to_str().unwrap()], &identities);
    let lines = String::from_utf8(printed).unwrap();
    let objects = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let passwords = objects.filter(|object| object["part"] == "password").map(|object| {
        assert_eq!(object["user_name"], "amis-du-lac");
        assert!(object["sheet"].as_str().unwrap().contains("\"registrar\""));
        (object["label"].as_str().unwrap().to_owned(), object["value"].as_str().unwrap().to_owned())
    });
    let passwords: Vec<(String, String)> = passwords.collect();
    let opened: BTreeMap<String, String> = passwords.iter().cloned().collect();
    assert_eq!(opened.len(), passwords.len(), "one account, one password");
    (opened, told)
}

#[test]
fn the_script_is_short_enough_to_be_read() {
    let text = fs::read_to_string(script()).unwrap();
    assert!(text.lines().count() <= 60 && text.lines().all(|line| line.chars().count() <= 120));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_script_opens_what_the_identities_allow() {
    let town = house(&[AWA, BRUNO, CHLOE], &["everyday=2", "vital=3"], &["little=everyday", "great=vital"]).await;
    burn(&town).await;
    let replica = town.folder(CHLOE);
    let (opened, told) = told_by_script(&town, &[AWA], &replica);
    assert_eq!(opened, expected(&[]));
    assert!(told.contains("closed: 'little'") && told.contains("password 1 of 2"), "{told}");
    let (opened, told) = told_by_script(&town, &[AWA, CHLOE], &replica);
    assert_eq!(opened, expected(&["little"]));
    assert!(told.contains("closed: 'great'") && told.contains("2 of 3") && !told.contains("little"), "{told}");
    assert_eq!(recovered_by_script(&town, &[AWA, BRUNO, CHLOE], &replica), expected(&["great", "little"]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_script_knows_groups() {
    let people = [AWA, BRUNO, CHLOE, DENIS];
    let town = house(&people, &["both=2:Awa,Bruno+2:Chloé,Denis"], &["main=both"]).await;
    burn(&town).await;
    let replica = town.folder(BRUNO);
    assert_eq!(recovered_by_script(&town, &[AWA, BRUNO, CHLOE], &replica), expected(&[]));
    assert_eq!(recovered_by_script(&town, &people, &replica), expected(&["main"]));
}

/// A key put together from shares, in age's text form, opens the sealed file as it lies in the copy.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_age_command_opens_a_blob_with_a_recovered_key() {
    let town = Town::founded().await;
    burn(&town).await;
    let session = town.env(CHLOE).session().unwrap();
    let state = session.state().unwrap();
    let (id, credential) = state.credentials().first_key_value().unwrap();
    let version = VersionId { credential: *id, version: credential.current().unwrap().0 };
    let part = sequestre::escrow::part::PartId { version, kind: PartKind::Password };
    let known = &state.part(&part).unwrap().part;
    let context = ShareContext { organisation: state.id(), part, epoch: known.epoch, master_key: known.master_key };
    let deal = &known.deals[0];
    let share = |name: &str| {
        let identity = identity(&town, name);
        let (_, logged) = deal.share_of(&identity.person()).unwrap();
        let sealed = session.replica.blob(&logged.sealed).unwrap().unwrap();
        let envelope = open_with(identity.age(), &sealed).unwrap();
        verify_share(envelope, identity.person(), &context, deal).unwrap()
    };
    let master = combine(&[share(BRUNO), share(CHLOE)], &context, deal).unwrap();
    let blob = town.folder(CHLOE).join("blobs").join(known.sealed.to_string());
    let opened = run("age", &["-d", "-i", "-", blob.to_str().unwrap()], master.to_age_text().expose());
    let opened: Value = serde_json::from_slice(&opened).unwrap();
    assert_eq!((&opened["label"], &opened["value"]), (&"sequestre/secret/v1".into(), &PASSWORD.into()));
}

/// A deposit as a program would make it that does as it likes: these plaintexts as the sealed secret and as shares of
/// these people.
struct Evil {
    id: u8,
    key: RecipientKey,
    secret: String,
    shares: Vec<(&'static str, String)>,
}

/// Puts it into the log of a copy, with its blobs.
fn plant(town: &Town, copy: &Path, replica: &Replica, count: u64, evil: Evil) {
    let mut blobs = Vec::new();
    let mut keep = |blob: Vec<u8>| {
        let id = BlobId::of(&blob);
        blobs.push(blob);
        id.to_vec()
    };
    let text = |text: &str| salted_text(&Text::parse(text).unwrap()).unwrap().1;
    let (label, sheet) = (keep(text(&format!("EVIL {}", evil.id))), keep(text("{}")));
    let mut dealt = |(name, envelope): &(&str, String)| {
        let recipient = identity(town, name).keys().recipient;
        let digest = sequestre::escrow::id::Digest::of(&[envelope.as_bytes()]).to_vec();
        v1::DealtShare { digest, sealed: keep(seal_to(&recipient, envelope.as_bytes()).unwrap()) }
    };
    let shares = evil.shares.iter().map(&mut dealt).collect();
    let groups = vec![v1::DealtGroup { outer: Vec::new(), shares }];
    let deals = vec![v1::Deal { quorum: "everyday".to_owned(), groups }];
    let sealed = keep(seal_to(&evil.key, evil.secret.as_bytes()).unwrap());
    let part = v1::Part { kind: PartKind::Password as i32, master_key: Some(evil.key.into()), sealed, deals };
    let act = Act::Deposit(v1::Deposit {
        credential: [evil.id; 16].to_vec(),
        version: 1,
        vault: "little".to_owned(),
        label,
        sheet,
        parts: vec![part],
        carried: Vec::new(),
        connector: Vec::new(),
        exclusive: false,
        rewrapped: Vec::new(),
    });
    let organisation = replica.state().unwrap().id();
    let signed = sign_command(&identity(town, DENIS), organisation, replica.head(), Time(1), act).unwrap();
    let index = replica.head().size + count;
    let entry = Entry { index, time: Time(1), what: What::Command(Box::new(signed)) }.encode();
    let mut entries = fs::read(copy.join("entries")).unwrap();
    entries.extend_from_slice(&u32::try_from(entry.len()).unwrap().to_be_bytes());
    entries.extend_from_slice(&entry);
    fs::write(copy.join("entries"), entries).unwrap();
    for blob in blobs {
        fs::write(copy.join("blobs").join(BlobId::of(&blob).to_string()), blob).unwrap();
    }
}

/// A malicious depositor may seal anything to anybody: their own account stays closed and is named, nobody else's is
/// hidden, falsified or shown under another name.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_malicious_deposit_costs_nobody_elses_account() {
    let town = house(&[AWA, BRUNO, CHLOE, DENIS], &["everyday=2"], &["little=everyday"]).await;
    burn(&town).await;
    let copy = copy_of(&town, CHLOE, "stick");
    let replica = Replica::read_copy(&copy).unwrap();
    let (victim, quorum, epoch, public, organisation) = {
        let state = replica.state().unwrap();
        let (id, credential) = state.credentials().first_key_value().unwrap();
        let version = VersionId { credential: *id, version: credential.current().unwrap().0 };
        let part = PartId { version, kind: PartKind::Password };
        let known = &state.part(&part).unwrap().part;
        (part, known.deals[0].quorum().clone(), known.epoch, known.master_key, state.id())
    };
    // Awa's true share of the victim, from which the false ones are made.
    let awa = identity(&town, AWA);
    let shares = fs::read_dir(copy.join("blobs")).unwrap().filter_map(|file| {
        let opened = open_with(awa.age(), &fs::read(file.unwrap().path()).unwrap()).ok()?;
        let share: Value = serde_json::from_slice(opened.expose()).ok()?;
        (share["part"] == "password").then_some(share)
    });
    let [ref share] = shares.collect::<Vec<_>>()[..] else { panic!("one share") };
    let altered = |change: &dyn Fn(&mut Value)| {
        let mut share = share.clone();
        change(&mut share);
        share.to_string()
    };
    let own = |id: u8, change: &dyn Fn(&mut Value)| {
        altered(&|share| {
            share["credential"] = hex::encode([id; 16]).into();
            change(share);
        })
    };
    let lie = |credential: String, version: u32| {
        serde_json::json!({
            "label": "sequestre/secret/v1", "organisation": organisation.to_string(), "credential": credential,
            "version": version, "part": "password", "user_name": "amis-du-lac", "value": "EVIL", "padding": "",
        })
        .to_string()
    };
    let about_victim = lie(victim.version.credential.to_string(), victim.version.version);
    let both = |envelope: String| vec![(AWA, envelope.clone()), (BRUNO, envelope)];
    // Rightly dealt, but the secret claims to be another account's, or one that does not exist.
    let rightly = |id: u8| {
        let key = MasterKey::generate().unwrap();
        let part = PartId { version: VersionId { credential: CredentialId::new([id; 16]), version: 1 }, ..victim };
        let context = ShareContext { organisation, part, epoch, master_key: *key.recipient() };
        let dealt = deal(&key, &context, &quorum).unwrap();
        let person = |share: &sequestre::seal::sharing::FreshShare| {
            let name = [AWA, BRUNO, CHLOE, DENIS].into_iter().find(|n| identity(&town, n).person() == share.trustee);
            (name.unwrap(), share.envelope.expose_str().unwrap().to_owned())
        };
        (*key.recipient(), dealt.groups[0].shares.iter().map(person).collect::<Vec<_>>())
    };
    let (sixth, seventh) = (rightly(6), rightly(7));
    let evils = [
        (public, lie("06".repeat(16), 1), both("no JSON".to_owned())),
        (public, about_victim.clone(), both("[{}]".to_owned())),
        (public, about_victim.clone(), both("{}".to_owned())),
        (public, about_victim.clone(), both(own(4, &|share| share["x"] = 0.into()))),
        (
            public,
            about_victim.clone(),
            vec![
                (AWA, altered(&|share| share["y"] = "00".repeat(32).into())),
                (AWA, altered(&|share| share["x"] = 77.into())),
                (AWA, altered(&|share| share["x"] = 0.into())),
                (BRUNO, altered(&|share| share["k"] = "two".into())),
            ],
        ),
        (sixth.0, about_victim, sixth.1),
        (seventh.0, lie("ee".repeat(16), 9), seventh.1),
    ];
    for (count, (key, secret, shares)) in (0..).zip(evils) {
        plant(&town, &copy, &replica, count, Evil { id: u8::try_from(count).unwrap() + 1, key, secret, shares });
    }
    let (opened, told) = told_by_script(&town, &[AWA, BRUNO], &copy);
    assert_eq!(opened, expected(&["little"]), "{told}");
    for id in 1..=7 {
        assert!(told.contains(&format!("closed: 'EVIL {id}'")), "{id}: {told}");
    }
    assert!(!told.contains("little"), "{told}");
}
