//! A thousand accounts from four of seven people: each comes back once. How long it may take says something of a release
//! build only: `cargo test --release --test recovery thousand -- --nocapture`.

use std::fs;
use std::time::{Duration, Instant};

use sequestre::client::recover::finish::{Finishing, finish};
use sequestre::client::replica::Replica;
use sequestre::client::session::sign_command;
use sequestre::escrow::entry::{Entry, What};
use sequestre::escrow::id::{BlobId, CredentialId, OrganisationId};
use sequestre::escrow::key::VerifyingKey;
use sequestre::escrow::log::checkpoint::{Checkpoint, LogVerifier};
use sequestre::escrow::part::{PartId, PartKind, VersionId};
use sequestre::escrow::replay::{Replay, Trust};
use sequestre::escrow::text::Text;
use sequestre::escrow::time::Seconds;
use sequestre::proto::v1::{self, command::Act};
use sequestre::seal::identity::Identity;
use sequestre::seal::sealing::{PartValue, salted_text, seal_part, seal_to};
use sequestre::seal::sharing::{MasterKey, ShareContext, deal};
use sequestre::seal::signing::SigningKey;

use crate::house::*;
use crate::town::*;

const ACCOUNTS: u16 = 1000;
const PEOPLE: [&str; 7] = [AWA, BRUNO, CHLOE, DENIS, "Élise", "Farid", "Gaëlle"];

/// What a depositor's client would make of one account: the deposit, and its blobs.
fn deposit_of(replay: &Replay, id: OrganisationId, number: u16) -> (Act, Vec<Vec<u8>>) {
    let mut credential = [0; 16];
    credential[..2].copy_from_slice(&number.to_be_bytes());
    let version = VersionId { credential: CredentialId::new(credential), version: 1 };
    let (state, kind) = (replay.organisation(), PartKind::Password);
    let quorum = state.charter().unwrap().quorums().find(|quorum| quorum.name().as_str() == "vital").unwrap();
    let key = MasterKey::generate().unwrap();
    let part = PartId { version, kind };
    let context = ShareContext { organisation: id, part, epoch: 0, master_key: *key.recipient() };
    let value = PartValue { user_name: None, value: secret(&format!("password {number}")) };
    let (label, label_blob) = salted_text(&Text::parse(&format!("account {number}")).unwrap()).unwrap();
    let (sheet, sheet_blob) = salted_text(&Text::parse("{}").unwrap()).unwrap();
    let sealed = seal_part(key.recipient(), &context.part_context(), &value).unwrap();
    let mut blobs = vec![label_blob, sheet_blob, sealed];
    let mut shares = Vec::new();
    for share in &deal(&key, &context, quorum).unwrap().groups[0].shares {
        let recipient = state.person(&share.trustee).unwrap().keys.recipient;
        let blob = seal_to(&recipient, share.envelope.expose()).unwrap();
        shares.push(v1::DealtShare { digest: share.digest.to_vec(), sealed: BlobId::of(&blob).to_vec() });
        blobs.push(blob);
    }
    let groups = vec![v1::DealtGroup { outer: Vec::new(), shares }];
    let deals = vec![v1::Deal { quorum: "vital".to_owned(), groups }];
    let sealed = BlobId::of(&blobs[2]).to_vec();
    let part = v1::Part { kind: kind as i32, master_key: Some((*key.recipient()).into()), sealed, deals };
    let deposit = v1::Deposit {
        credential: version.credential.to_vec(),
        version: 1,
        vault: "great".to_owned(),
        label: label.to_vec(),
        sheet: sheet.to_vec(),
        parts: vec![part],
        carried: Vec::new(),
        connector: Vec::new(),
        exclusive: false,
        rewrapped: Vec::new(),
    };
    (Act::Deposit(deposit), blobs)
}

/// Makes the log and the blobs in a copy as they would be after many more deposits.
fn grow(town: &Town, copy: &std::path::Path, log_key: &SigningKey) {
    let replica = Replica::read_copy(copy).unwrap();
    let id = replica.state().unwrap().id();
    let known = replica.entries().unwrap();
    let (mut replay, _) = Replay::begin(id, &known[0], Trust::Nothing).unwrap();
    known[1..].iter().for_each(|entry| drop(replay.push(entry, Trust::Nothing).unwrap()));
    let identities: Vec<Identity> = PEOPLE.iter().map(|name| identity(town, name)).collect();
    let mut bytes = fs::read(copy.join("entries")).unwrap();
    let mut now = replay.organisation().last_time().after(Seconds::DAY);
    for number in 0..ACCOUNTS {
        // The charter's limits are per person and day.
        if number % 500 == 0 {
            now = now.after(Seconds::DAY);
        }
        let (act, blobs) = deposit_of(&replay, id, number);
        for blob in blobs {
            fs::write(copy.join("blobs").join(BlobId::of(&blob).to_string()), blob).unwrap();
        }
        let depositor = &identities[usize::from(number) % identities.len()];
        let signed = sign_command(depositor, id, replay.head(), now, act).unwrap();
        let entry = Entry { index: replay.head().size, time: now, what: What::Command(Box::new(signed)) }.encode();
        replay.push(&entry, Trust::Nothing).unwrap();
        bytes.extend_from_slice(&u32::try_from(entry.len()).unwrap().to_be_bytes());
        bytes.extend_from_slice(&entry);
    }
    fs::write(copy.join("entries"), bytes).unwrap();
    let head = replay.head();
    let signature = log_key.sign(Checkpoint { organisation: id, head }.body().as_bytes());
    let key: VerifyingKey = log_key.public();
    let note = LogVerifier::new(id, key).assemble(head, &signature).unwrap();
    fs::write(copy.join("checkpoint"), note.to_string()).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_accounts_from_four_of_seven_in_two_seconds() {
    let town = house(&PEOPLE, &["vital=4"], &["great=vital"]).await;
    let database = town.database();
    let seed: Vec<u8> = database.query_row("SELECT log_seed FROM organisation", [], |row| row.get(0)).unwrap();
    let log_key = SigningKey::from_seed(sequestre::seal::secret::Secret::new(seed)).unwrap();
    drop(database);
    burn(&town).await;
    let copy = copy_of(&town, BRUNO, "stick");
    grow(&town, &copy, &log_key);

    let finishing = Finishing {
        words_files: PEOPLE[..4].iter().map(|name| words(&town, name)).collect(),
        replica: Some(copy),
        ..finishing(&town, &[], "all.json")
    };
    let (output, begun) = (finishing.output.clone(), Instant::now());
    finish(&town.env("somebody"), finishing).unwrap();
    let taken = begun.elapsed();
    let export: serde_json::Value = serde_json::from_slice(&fs::read(output).unwrap()).unwrap();
    assert_eq!(export["items"].as_array().unwrap().len(), usize::from(ACCOUNTS) + 1);
    println!("{ACCOUNTS} accounts from 4 of 7: {taken:?}");
    assert!(cfg!(debug_assertions) || taken < Duration::from_secs(2), "{taken:?}");
}
