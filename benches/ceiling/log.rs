//! What must not depend on how long a log is, and how fast one is streamed and verified.

use std::time::{Duration, Instant};

use bytes::Bytes;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use sequestre::client::replica::Replica;
use sequestre::escrow::id::OrganisationId;
use sequestre::proto::api::v1 as api;
use sequestre::store::reader::Reader;

use crate::Settings;
use crate::association::{Association, Size, on_all_processors};
use crate::commands::{in_turn, of, ratios};
use crate::load::{Call, Shape, drive};
use crate::process::{BareFolder, Client, Data, Server};
use crate::report::{Limit, Report, median};

const SHORT: u64 = 1_000;
const LONG: u64 = 1_000_000;
const SIZE: Size = Size { trustees: 8, members: 0, threshold: 2 };

/// Proofs and appends, in a long log and in a short one of the same daemon.
pub async fn long(settings: &Settings, report: &mut Report) {
    let data = Data::new();
    // An entry a second.
    let (mut short, mut long) = (Association::found_before(SIZE, SHORT), Association::found_before(SIZE, LONG));
    {
        let mut store = data.open();
        short.grow(&mut store, SHORT);
        long.grow(&mut store, LONG);
    }
    let reader = Reader::open(&data.path(), 1).unwrap();
    let both = |measure: &dyn Fn(&Association) -> f64| {
        let (mut in_short, mut in_long) = (Vec::new(), Vec::new());
        for _ in 0..settings.rounds {
            in_short.push(measure(&short));
            in_long.push(measure(&long));
        }
        (in_short, in_long)
    };
    let (in_short, in_long) = both(&|association| proof_micros(&reader, association));
    let microseconds = format!("{:.0} µs by {:.0} µs", median(&in_long), median(&in_short));
    report.figure("proof-long-by-short", &ratios(&in_short, &in_long), "", Limit::Ceiling(3.0), &microseconds);
    drop(reader);

    const SHAPE: Shape = Shape { calls: 64, connections: 8 };
    let daemon = data.serve();
    for association in [&mut short, &mut long] {
        association.rebase();
    }
    let mut clients = Vec::new();
    for association in [&short, &long] {
        let mut devices = Vec::new();
        for person in &association.people {
            devices.push(daemon.connect(&person.device).await);
        }
        let loaded = wait_until_loaded(&mut devices[0], association).await;
        println!("info the first command in a log of {} entries took {loaded:.2?}", association.state().size());
        clients.push(devices);
    }
    let (in_short, in_long) = in_turn(settings, async |which| {
        let association = if which { &long } else { &short };
        let jobs = (0..SHAPE.connections).map(|trustee| {
            let invitation = |_| vec![Call::Submit(association.invite(trustee).into_request(association.id))];
            (0..300).map(invitation).collect()
        });
        1e6 / drive(&clients[usize::from(which)], jobs.collect(), SHAPE).await
    })
    .await;
    let microseconds = format!("{:.0} µs by {:.0} µs for each command", median(&in_long), median(&in_short));
    report.figure("append-long-by-short", &ratios(&in_short, &in_long), "", Limit::Ceiling(1.2), &microseconds);
}

/// A proof of inclusion, as the daemon reads it for whoever asks, somewhere in the log.
fn proof_micros(reader: &Reader, association: &Association) -> f64 {
    const COUNT: u64 = 1_000;
    let size = association.state().size();
    let begun = Instant::now();
    for n in 0..COUNT {
        // Spread over the log by a large prime.
        reader.inclusion_proof(&association.id, n * 7_368_787 % size).unwrap();
    }
    begun.elapsed().as_secs_f64() * 1e6 / COUNT as f64
}

/// The daemon reads a log when it is first needed. Of a long one it may say first that it is busy.
async fn wait_until_loaded(client: &mut Client, association: &Association) -> Duration {
    const PATIENCE: Duration = Duration::from_secs(300);
    let begun = Instant::now();
    loop {
        match client.submit(association.invite(0).into_request(association.id)).await {
            Ok(_) => return begun.elapsed(),
            Err(refused) => assert!(begun.elapsed() < PATIENCE, "{refused:?}"),
        }
    }
}

/// All entries of a log to a client that synchronises.
pub async fn stream(settings: &Settings, report: &mut Report) {
    const ENTRIES: u64 = 50_000;
    let data = Data::new();
    let mut association = Association::found(SIZE);
    association.grow(&mut data.open(), ENTRIES);
    let entries = entries_of(&data, association.id, ENTRIES);
    let folder = BareFolder::new(&entries);
    let (daemon, bare) = (data.serve(), folder.serve());
    let device = &association.people[0].device;
    let mut clients = [bare.connect(device).await, daemon.connect(device).await];
    let used = || [&bare, &daemon].map(Server::processor_micros);
    let before = used();
    let (slow, fast) = in_turn(settings, async |which| {
        let client = &mut clients[usize::from(which)];
        let begun = Instant::now();
        let request = api::StreamEntriesRequest { organisation: association.id.to_vec(), from: 0, to: ENTRIES };
        let mut stream = client.stream_entries(request).await.unwrap().into_inner();
        let mut count = 0;
        while let Some(message) = stream.message().await.unwrap() {
            count += message.entries.len();
        }
        assert_eq!(count as u64, ENTRIES);
        ENTRIES as f64 / begun.elapsed().as_secs_f64()
    })
    .await;
    let [bare, daemon] =
        [0, 1].map(|server| (used()[server] - before[server]) / (ENTRIES as f64 * settings.rounds as f64));
    let of = format!("{}; {daemon:.2} µs of processor time each, {bare:.2} µs", of(&slow, &fast));
    report.figure("stream", &ratios(&slow, &fast), "", Limit::Floor(0.6), &of);
}

fn entries_of(data: &Data, organisation: OrganisationId, count: u64) -> Vec<Bytes> {
    let reader = Reader::open(&data.path(), 1).unwrap();
    let entries = reader.entries(&organisation, 0, count, usize::MAX).unwrap();
    assert_eq!(entries.len() as u64, count);
    entries
}

/// A copy of a log, read and proved from its genesis: every signature, every rule, the tree, the checkpoint. Beside
/// nothing but verifications of as many signatures.
pub fn replay(settings: &Settings, report: &mut Report) {
    const ENTRIES: u64 = 20_000;
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let mut association = Association::found(SIZE);
    let trustees = SIZE.trustees as u64;
    let left = ENTRIES - association.state().size();
    for parcel in on_all_processors(left, |n| association.invite((n % trustees) as usize)) {
        association.put(parcel);
    }
    association.write_log(folder.path());
    let (mut raw, mut replayed) = (Vec::new(), Vec::new());
    for _ in 0..settings.rounds {
        raw.push(verifications(ENTRIES));
        let begun = Instant::now();
        let copy = Replica::read_copy(folder.path()).unwrap();
        replayed.push(ENTRIES as f64 / begun.elapsed().as_secs_f64());
        assert_eq!(copy.head(), *association.checkpoint().head());
    }
    report.figure("replay", &ratios(&raw, &replayed), "", Limit::Floor(0.8), &of(&raw, &replayed));
}

/// Verifications with ring in a second, on all processors.
fn verifications(count: u64) -> f64 {
    const KEYS: usize = 8;
    let signed: Vec<(Vec<u8>, [u8; 300], Vec<u8>)> = (0..KEYS)
        .map(|n| {
            let pair = Ed25519KeyPair::from_seed_unchecked(&[n as u8; 32]).unwrap();
            let message = [n as u8; 300];
            (pair.public_key().as_ref().to_vec(), message, pair.sign(&message).as_ref().to_vec())
        })
        .collect();
    let begun = Instant::now();
    on_all_processors(count, |n| {
        let (key, message, signature) = &signed[n as usize % KEYS];
        UnparsedPublicKey::new(&ED25519, key).verify(message, signature).unwrap();
    });
    count as f64 / begun.elapsed().as_secs_f64()
}
