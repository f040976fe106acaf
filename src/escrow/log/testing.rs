//! What the tests of these formats share.

use proptest::sample::Index;
use ring::signature::{Ed25519KeyPair, KeyPair};

use super::super::id::{Digest, OrganisationId};
use super::super::key::{Signature, VerifyingKey};
use super::checkpoint::{Checkpoint, LogVerifier, SignedCheckpoint};
use super::merkle::{MemoryTree, TreeHead, leaf_hash};

pub const ORGANISATION: OrganisationId = OrganisationId::new([0xa5; 32]);

pub struct Signer(Ed25519KeyPair);

impl Signer {
    pub fn new(seed: u8) -> Self {
        Self(Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap())
    }

    pub fn key(&self) -> VerifyingKey {
        VerifyingKey::ed25519(self.0.public_key().as_ref()).unwrap()
    }

    pub fn sign(&self, message: &[u8]) -> Signature {
        Signature::parse(1, self.0.sign(message).as_ref()).unwrap()
    }
}

/// A log, with the verifier of its checkpoints and one that it signed.
pub fn signed(signer: &Signer, head: TreeHead) -> (LogVerifier, SignedCheckpoint) {
    let log = LogVerifier::new(ORGANISATION, signer.key());
    let body = Checkpoint { organisation: ORGANISATION, head }.body();
    let checkpoint = log.assemble(head, &signer.sign(body.as_bytes())).unwrap();
    (log, checkpoint)
}

pub fn leaf(number: u64) -> Digest {
    leaf_hash(&number.to_be_bytes())
}

pub fn tree(size: u64) -> MemoryTree {
    let mut tree = MemoryTree::new();
    (0..size).for_each(|number| tree.push(leaf(number)));
    tree
}

/// `bytes` with one bit changed.
pub fn flip(bytes: &[u8], bit: Index) -> Vec<u8> {
    let mut changed = bytes.to_vec();
    let bit = bit.index(bytes.len() * 8);
    changed[bit / 8] ^= 1 << (bit % 8);
    changed
}
