//! A log with everything in it: that of `tests/golden`, whose log key the tests know.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use prost::Message as _;
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use sequestre::escrow::entry::{Entry, What};
use sequestre::escrow::id::{OrganisationId, sha256};
use sequestre::escrow::key::{Signature, VerifyingKey};
use sequestre::escrow::log::checkpoint::{Checkpoint, LogVerifier, SignedCheckpoint};
use sequestre::escrow::log::merkle::{TreeHead, leaf_hash};
use sequestre::escrow::replay::{Replay, Trust};

const FILE: &str = include_str!("../../tests/golden/rules-1.log");

/// The log, and what is true of it at each size.
pub struct Golden {
    pub id: OrganisationId,
    pub entries: Vec<Vec<u8>>,
    /// The state and tree before each entry but the first.
    pub replays: Vec<Replay>,
    /// Every signed command, as it travels; in an order, so that what begins with them can be repeated.
    pub commands: BTreeSet<Vec<u8>>,
    /// Its log keys, one after the other.
    pub log_keys: Vec<VerifyingKey>,
    /// Checkpoints of some sizes, signed by the log key that held there.
    pub checkpoints: BTreeMap<u64, SignedCheckpoint>,
}

pub static GOLDEN: LazyLock<Golden> = LazyLock::new(Golden::read);

/// Keys of the tests' people, as `tests/support/actors.rs` makes them.
pub fn key(label: &str) -> Ed25519KeyPair {
    let seed = sha256(&[b"sequestre/test\0", label.as_bytes()]);
    Ed25519KeyPair::from_seed_unchecked(&seed).expect("any 32 bytes are a seed")
}

pub fn public(pair: &Ed25519KeyPair) -> VerifyingKey {
    VerifyingKey::ed25519(pair.public_key().as_ref()).expect("its own key is one")
}

pub fn sign(pair: &Ed25519KeyPair, message: &[u8]) -> Signature {
    Signature::parse(1, pair.sign(message).as_ref()).expect("its own signature is one")
}

impl Golden {
    fn read() -> Self {
        let lines = FILE.lines().filter(|line| !line.starts_with('#'));
        let entries: Vec<Vec<u8>> = lines.map(|line| BASE64_STANDARD.decode(line).expect("base64")).collect();
        let parsed = |bytes: &[u8]| Entry::parse(bytes).expect("an entry");
        let What::Command(genesis) = parsed(&entries[0]).what else { panic!("no genesis") };
        let id = genesis.founds().expect("a genesis");
        let (mut replay, _) = Replay::begin(id, &entries[0], Trust::Nothing).expect("a genesis that holds");
        let mut replays = Vec::new();
        for entry in &entries[1..] {
            replays.push(replay.clone());
            replay.push(entry, Trust::Nothing).expect("an entry that holds");
        }
        replays.push(replay);
        let commands = entries.iter().filter_map(|bytes| match parsed(bytes).what {
            What::Command(signed) => Some(signed.to_wire().encode_to_vec()),
            What::Act(_) => None,
        });
        let sizes = [1, 2, 40, entries.len()];
        let checkpoints = sizes.map(|size| (size as u64, checkpoint(id, &replays[size - 1])));
        let mut log_keys: Vec<VerifyingKey> = replays.iter().map(|replay| *replay.organisation().log_key()).collect();
        log_keys.dedup();
        Self { id, commands: commands.collect(), log_keys, checkpoints: checkpoints.into(), replays, entries }
    }

    /// The state and tree at this size.
    pub fn at(&self, size: u64) -> &Replay {
        &self.replays[usize::try_from(size).expect("a small size") - 1]
    }

    pub fn head(&self, size: u64) -> TreeHead {
        self.at(size).head()
    }

    pub fn leaf(&self, index: u64) -> sequestre::escrow::id::Digest {
        leaf_hash(&self.entries[usize::try_from(index).expect("a small index")])
    }

    /// What is accepted for its log at this size.
    pub fn verifier(&self, size: u64) -> LogVerifier {
        LogVerifier::new(self.id, *self.at(size).organisation().log_key())
    }

    /// Whether this is one of its checkpoints: nobody signed others.
    pub fn is_checkpoint(&self, head: &TreeHead) -> bool {
        self.checkpoints.get(&head.size).is_some_and(|known| known.head() == head)
    }
}

fn checkpoint(id: OrganisationId, replay: &Replay) -> SignedCheckpoint {
    let log_key = *replay.organisation().log_key();
    let pair = ["log", "log of another server"].map(key).into_iter().find(|pair| public(pair) == log_key);
    let head = replay.head();
    let body = Checkpoint { organisation: id, head }.body();
    let signature = sign(&pair.expect("a log key that the tests know"), body.as_bytes());
    LogVerifier::new(id, log_key).assemble(head, &signature).expect("its own signature")
}
