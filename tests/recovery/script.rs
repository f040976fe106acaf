//! The same without this program: `deploy/recover.py` and the stock `age` command, which `tests/run` installs.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use sequestre::escrow::part::{PartKind, VersionId};
use sequestre::seal::sealing::open_with;
use sequestre::seal::sharing::{ShareContext, combine, verify_share};
use serde_json::Value;

use crate::house::*;
use crate::town::*;

/// Runs a command with this on its standard input; its standard output.
fn run(program: &str, arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|e| panic!("{program} is needed (tests/run installs it): {e}"));
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
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
    let identities: Vec<u8> = people.iter().flat_map(|name| shown_by_age(town, name)).collect();
    assert!(identities.starts_with(b"sequestre identity v1\n"));
    let printed = run("python3", &[&script(), replica.to_str().unwrap()], &identities);
    let lines = String::from_utf8(printed).unwrap();
    let objects = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let passwords = objects.filter(|object| object["part"] == "password").map(|object| {
        assert_eq!(object["user_name"], "amis-du-lac");
        assert!(object["sheet"].as_str().unwrap().contains("\"registrar\""));
        (object["label"].as_str().unwrap().to_owned(), object["value"].as_str().unwrap().to_owned())
    });
    passwords.collect()
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
    assert_eq!(recovered_by_script(&town, &[AWA], &replica), expected(&[]));
    assert_eq!(recovered_by_script(&town, &[AWA, CHLOE], &replica), expected(&["little"]));
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
