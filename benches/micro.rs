//! Small pieces on their own: splitting and combining keys, replay, the Merkle tree.
//!
//! ```text
//! cargo bench --bench micro
//! ```

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use sequestre::escrow::id::{BlobId, CredentialId, OrganisationId, PersonId, sha256};
use sequestre::escrow::log::merkle::{Frontier, MemoryTree, inclusion_proof, leaf_hash, verify_inclusion};
use sequestre::escrow::part::{Deal, DealtGroup, LoggedShare, PartId, PartKind, VersionId};
use sequestre::escrow::quorum::{Group, Quorum, QuorumName};
use sequestre::escrow::replay::{Rejected, Replay, Trust};
use sequestre::parallel;
use sequestre::seal::secret::Secret;
use sequestre::seal::sharing::{MasterKey, ShareContext, VerifiedShare, combine, deal, verify_share};

#[allow(dead_code, reason = "the other benchmark uses the rest")]
#[path = "ceiling/association.rs"]
mod association;
#[allow(dead_code, reason = "the other benchmark uses the rest")]
#[path = "ceiling/entries.rs"]
mod entries;

use association::{Association, Size, on_all_processors};

fn main() {
    divan::main();
}

/// k of n.
const QUORUMS: [(u32, u32); 3] = [(2, 3), (4, 7), (15, 30)];

fn quorum((k, n): (u32, u32)) -> Quorum {
    let members = (0..n).map(|n| PersonId::new(sha256(&[&n.to_be_bytes()]))).collect();
    let name = QuorumName::parse("everyday").unwrap();
    Quorum::new(name, vec![Group::new(k, members).unwrap()]).unwrap()
}

fn key() -> (MasterKey, ShareContext) {
    let key = MasterKey::generate().unwrap();
    let version = VersionId { credential: CredentialId::new([1; 16]), version: 1 };
    let part = PartId { version, kind: PartKind::Password };
    let organisation = OrganisationId::new([2; 32]);
    let context = ShareContext { organisation, part, epoch: 0, master_key: *key.recipient() };
    (key, context)
}

/// A key is split, put together once as a test, and its shares are put into envelopes.
#[divan::bench(args = QUORUMS)]
fn split(bencher: Bencher<'_, '_>, of: (u32, u32)) {
    let ((key, context), quorum) = (key(), quorum(of));
    bencher.bench(|| deal(&key, &context, &quorum).unwrap());
}

/// k shares are checked against the log and give the key.
#[divan::bench(name = "combine", args = QUORUMS)]
fn put_together(bencher: Bencher<'_, '_>, of: (u32, u32)) {
    let ((key, context), quorum) = (key(), quorum(of));
    let fresh = deal(&key, &context, &quorum).unwrap().groups.remove(0).shares;
    let logged = fresh.iter().map(|s| LoggedShare { digest: s.digest, sealed: BlobId::new([3; 32]) });
    let dealt = Deal::new(quorum, vec![DealtGroup { outer: None, shares: logged.collect() }]).unwrap();
    let sent = || fresh.iter().take(of.0 as usize);
    bencher.bench(|| {
        let verified = sent().map(|share| {
            let envelope = Secret::new(share.envelope.expose().to_vec());
            verify_share(envelope, share.trustee, &context, &dealt).unwrap()
        });
        combine(&verified.collect::<Vec<VerifiedShare>>(), &context, &dealt).unwrap()
    });
}

const ENTRIES: u64 = 1_000;

/// A log of that many entries, and its organisation.
fn log() -> (OrganisationId, Vec<Vec<u8>>) {
    let mut association = Association::found(Size { trustees: 7, members: 0, threshold: 4 });
    for parcel in on_all_processors(ENTRIES - association.state().size(), |n| association.invite((n % 7) as usize)) {
        association.put(parcel);
    }
    (association.id, association.entries().map(<[u8]>::to_vec).collect())
}

/// Rules, tree and, unless it is one's own disk, signatures; one entry after the other.
#[divan::bench(args = ["nothing", "own disk"])]
fn replay(bencher: Bencher<'_, '_>, trust: &str) {
    let (id, log) = log();
    let trust = if trust == "nothing" { Trust::Nothing } else { Trust::OwnDisk };
    bencher.counter(ItemsCount::new(ENTRIES)).bench_local(|| {
        let (mut replay, _) = Replay::begin(id, &log[0], trust).unwrap();
        for entry in &log[1..] {
            replay.push(entry, trust).unwrap();
        }
        replay.head()
    });
}

/// The same with signatures, as clients do it.
#[divan::bench]
fn replay_on_all_processors(bencher: Bencher<'_, '_>) {
    let (id, log) = log();
    bencher.counter(ItemsCount::new(ENTRIES)).bench_local(|| {
        let (mut replay, _) = Replay::begin(id, &log[0], Trust::Nothing).unwrap();
        let examiner = replay.examiner(Trust::Nothing);
        let push = |examined| replay.push_examined(examined).map(drop);
        let pushed: Result<(), Rejected> = parallel::in_order(&log[1..], |entry| examiner.examine(entry), push);
        pushed.unwrap();
        replay.head()
    });
}

const SIZES: [u64; 2] = [1_000, 1_000_000];

/// An entry of 300 bytes is hashed and appended to a tree of this size.
#[divan::bench(args = SIZES)]
fn merkle_append(bencher: Bencher<'_, '_>, size: u64) {
    let mut frontier = Frontier::new();
    (0..size).for_each(|n| drop(frontier.push(leaf_hash(&n.to_be_bytes()))));
    bencher.bench_local(|| {
        frontier.push(leaf_hash(black_box(&[7; 300])));
        frontier.root()
    });
}

/// An inclusion proof from a tree of this size in memory, and its verification.
#[divan::bench(args = SIZES)]
fn merkle_proof(bencher: Bencher<'_, '_>, size: u64) {
    let mut tree = MemoryTree::new();
    (0..size).for_each(|n| tree.push(leaf_hash(&n.to_be_bytes())));
    let (head, index) = (tree.head(), size / 3);
    bencher.bench(|| {
        let proof = inclusion_proof(&tree, index, size).unwrap();
        verify_inclusion(&leaf_hash(&index.to_be_bytes()), index, &head, &proof).unwrap();
    });
}
