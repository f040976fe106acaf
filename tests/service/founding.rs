//! Founding, joining and reading: what works.

use bytes::Bytes;
use sequestre::escrow::charter::RULES_VERSION;
use sequestre::escrow::entry::Entry;
use sequestre::escrow::id::{BlobId, Digest};
use sequestre::escrow::log::checkpoint::Checkpoint;
use sequestre::escrow::log::merkle::TreeHead;
use sequestre::escrow::log::proof::ProofFile;
use sequestre::escrow::replay::{Replay, Trust};
use sequestre::proto::api::v1 as api;
use tonic::Code;

use crate::support::*;

async fn entries(client: &mut Client, organisation: &[u8], from: u64, to: u64) -> (Vec<Vec<u8>>, usize) {
    let request = api::StreamEntriesRequest { organisation: organisation.to_vec(), from, to };
    let mut stream = client.stream_entries(request).await.unwrap().into_inner();
    let (mut entries, mut messages) = (Vec::<Bytes>::new(), 0);
    while let Some(message) = stream.message().await.unwrap() {
        entries.extend(message.entries);
        messages += 1;
    }
    (entries.iter().map(|entry| entry.to_vec()).collect(), messages)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_organisation_is_founded_once_with_its_token() {
    let daemon = Daemon::start().await;
    let mut stranger = daemon.client(&Person::new().device).await;
    let wrong = stranger.prepare_founding(api::PrepareFoundingRequest { token: vec![1; 32] }).await;
    assert_eq!(why(wrong), (Code::PermissionDenied, "FOUNDING_TOKEN".into()));
    let short = stranger.prepare_founding(api::PrepareFoundingRequest { token: vec![1; 31] }).await;
    assert_eq!(why(short), (Code::PermissionDenied, "FOUNDING_TOKEN".into()));
    let token = api::PrepareFoundingRequest { token: daemon.founding.token().expose().to_vec() };
    let first = stranger.prepare_founding(token.clone()).await.unwrap().into_inner();
    assert_eq!(
        stranger.prepare_founding(token.clone()).await.unwrap().into_inner(),
        first,
        "the same key until used"
    );

    let mut founded = Founded::on(&daemon).await;
    assert_eq!(founded.checkpoint().await.head().size, 1);
    let again = founded.client.submit(founded.genesis.clone()).await.unwrap().into_inner();
    assert_eq!((again.index, again.organisation), (0, founded.id.to_vec()));
    assert_eq!(why(stranger.prepare_founding(token).await).1, "FOUNDING_TOKEN");
    let other = Person::new();
    let second = genesis(&other, first.log_key, &daemon.founding);
    assert_eq!(why(daemon.client(&other.device).await.submit(second).await).1, "FOUNDING_TOKEN");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_read_proves_itself() {
    let daemon = Daemon::start().await;
    let mut founded = Founded::on(&daemon).await;
    let (_, mut newcomer) = founded.newcomer(&daemon, [3; 32]).await;
    let organisation = founded.id.to_vec();
    let checkpoint = founded.checkpoint().await;
    assert_eq!(checkpoint.head().size, 3);

    let (all, _) = entries(&mut newcomer, &organisation, 0, 3).await;
    let (mut replay, _) = Replay::begin(founded.id, &all[0], Trust::Nothing).unwrap();
    for entry in &all[1..] {
        replay.push(entry, Trust::Nothing).unwrap();
    }
    assert_eq!(replay.head(), *checkpoint.head());
    assert_eq!(entries(&mut newcomer, &organisation, 1, 2).await.0, all[1..2]);
    assert_eq!(entries(&mut newcomer, &organisation, 2, 99).await.0, all[2..]);
    assert!(entries(&mut newcomer, &organisation, 3, 99).await.0.is_empty());

    let request = api::GetInclusionProofRequest { organisation: organisation.clone(), index: 1 };
    let proof = newcomer.get_inclusion_proof(request).await.unwrap().into_inner().proof;
    let proof: ProofFile = proof.parse().unwrap();
    assert_eq!(proof.verify(&Entry::leaf(&all[1]), &founded.log).unwrap().index(), 1);
    let beyond = api::GetInclusionProofRequest { organisation: organisation.clone(), index: 3 };
    assert_eq!(why(newcomer.get_inclusion_proof(beyond).await), (Code::OutOfRange, "BEYOND_LOG".into()));

    let request = api::GetConsistencyProofRequest { organisation: organisation.clone(), old_size: 1 };
    let proof = newcomer.get_consistency_proof(request).await.unwrap().into_inner();
    let hashes: Vec<Digest> = proof.hashes.iter().map(|hash| Digest::parse(hash).unwrap()).collect();
    let old = {
        let (replay, _) = Replay::begin(founded.id, &all[0], Trust::Nothing).unwrap();
        replay.head()
    };
    let new = *founded.log.verify(&proof.checkpoint).unwrap().head();
    sequestre::escrow::log::merkle::verify_consistency(&old, &new, &hashes).unwrap();

    let names = [text("Les Amis du Canal"), text("Zoé"), text("somebody 3")];
    let ids = [&[BlobId::new([0; 32])][..], &names.each_ref().map(|name| BlobId::of(name))].concat();
    let request = api::GetBlobsRequest { organisation, ids: ids.into_iter().map(BlobId::to_vec).collect() };
    let mut stream = newcomer.get_blobs(request).await.unwrap().into_inner();
    for name in names {
        assert_eq!(stream.message().await.unwrap().unwrap().content, name);
    }
    assert!(stream.message().await.unwrap().is_none(), "what is unknown is left out");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn long_logs_come_in_several_messages() {
    let daemon = Daemon::start().await;
    let mut founded = Founded::on(&daemon).await;
    let (newcomer, _) = founded.newcomer(&daemon, [3; 32]).await;
    let (before, _) = entries(&mut founded.client, founded.id.as_bytes(), 0, 3).await;
    let mut roll = vec![admission(&founded.founder, 0, &before), admission(&newcomer, 2, &before)];
    roll.sort_by_key(|(id, _)| id.clone());
    for _ in 0..6 {
        let proposal = large_charter(&founded, &roll);
        founded.client.submit(proposal).await.unwrap();
    }
    let size = founded.checkpoint().await.head().size;
    assert_eq!(size, 9);
    let (all, messages) = entries(&mut founded.client, founded.id.as_bytes(), 0, size).await;
    assert!(all.iter().map(Vec::len).sum::<usize>() > 256 * 1024);
    assert!(messages > 1);
    let parsed = all.iter().map(|entry| Entry::parse(entry).unwrap().index);
    assert!(parsed.eq(0..size));
}

fn admission(person: &Person, joined: usize, entries: &[Vec<u8>]) -> (Vec<u8>, v1::Admission) {
    let admission = v1::Admission {
        keys: Some(person.identity.keys().into()),
        roles: vec![1],
        join_index: joined as u64,
        join_leaf: Entry::leaf(&entries[joined]).to_vec(),
    };
    (person.identity.person().to_vec(), admission)
}

/// A charter proposal of some 50 KiB: many vaults.
fn large_charter(founded: &Founded, roll: &[(Vec<u8>, v1::Admission)]) -> api::SubmitRequest {
    let (trustees, roll): (Vec<_>, Vec<_>) = roll.iter().cloned().unzip();
    let quorum = |name: &str| v1::Quorum {
        name: name.into(),
        groups: vec![v1::Group { threshold: 2, members: trustees.clone() }],
    };
    let who = || Some(v1::Who { roles: vec![1], persons: vec![] });
    let vaults = (0..800).map(|n| v1::Vault {
        name: format!("vault-with-a-rather-long-name{n:03}"),
        opened_by: vec!["amend".into()],
        askers: who(),
        depositors: who(),
        longest_lease: 3600,
        leases_signed_by: vec![],
        unasked: None,
    });
    let charter = v1::Charter {
        version: 1,
        rules_version: RULES_VERSION,
        log_key: Some(founded.log.note_key().key.into()),
        address: "localhost:1".into(),
        trustees: trustees.clone(),
        mediators: vec![],
        technicians: vec![],
        quorums: vec![quorum("amend"), quorum("destroy")],
        admission: "amend".into(),
        vaults: vaults.collect(),
        limits: Some(v1::Limits { entries_per_day: 100, bytes_per_day: 1 << 20 }),
        destroy_delay: 7 * 86_400,
    };
    let proposal = v1::ProposeCharter { charter: Some(charter), roll };
    founded.founder.submission(founded.id, Act::ProposeCharter(proposal), &[])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cosignatures_are_kept_with_their_tree() {
    let daemon = Daemon::start().await;
    let mut founded = Founded::on(&daemon).await;
    let checkpoint = founded.checkpoint().await;
    let cosign = founded.founder.cosign(checkpoint.checkpoint());
    founded.client.cosign(cosign.clone()).await.unwrap();
    founded.client.submit(founded.founder.invite(founded.id, [4; 32])).await.unwrap();
    let request = api::GetCheckpointRequest { organisation: founded.id.to_vec() };
    let answer = founded.client.get_checkpoint(request).await.unwrap().into_inner();
    assert_eq!(answer.cosignatures, [cosign.cosignature.clone().unwrap()]);

    let mut other_tree = cosign.clone();
    other_tree.cosignature.as_mut().unwrap().tree.as_mut().unwrap().root = vec![9; 32];
    assert_eq!(why(founded.client.cosign(other_tree).await), (Code::InvalidArgument, "BAD_COSIGNATURE".into()));
    let stranger = Person::new().cosign(checkpoint.checkpoint());
    assert_eq!(why(founded.client.cosign(stranger).await), (Code::NotFound, "DEVICE_UNKNOWN".into()));
    let head = TreeHead { size: 1, root: Digest::new([9; 32]) };
    let fork = founded.founder.cosign(&Checkpoint { organisation: founded.id, head });
    assert_eq!(why(founded.client.cosign(fork).await), (Code::FailedPrecondition, "FOREIGN_BASE".into()));
    let mut no_line = cosign;
    no_line.cosignature.as_mut().unwrap().line = "— x y\n".into();
    assert_eq!(why(founded.client.cosign(no_line).await).1, "BAD_COSIGNATURE");
}
