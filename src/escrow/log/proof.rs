//! Proof files (c2sp.org/tlog-proof, version 1): that one entry is in the log, verifiable offline with the log's key.
//!
//! ```text
//! c2sp.org/tlog-proof@v1
//! index 73894
//! <base64 of a hash>      one a line, the leaf's sibling first
//!
//! <signed checkpoint>
//! ```
//!
//! An `extra` line before `index` is skipped: nothing authenticates it, so nothing may depend on it. This module must
//! never call an entry included before both the path and the checkpoint were verified.

use std::fmt;
use std::str::FromStr;

use super::super::id::Digest;
use super::checkpoint::{BadCheckpoint, LogVerifier, SignedCheckpoint};
use super::merkle::{BadProof, verify_inclusion};
use super::note::{BadNote, MAX_NOTE_BYTES, Note};
use super::{decimal, digest_from_base64, to_base64};

/// The first line.
const HEADER: &str = "c2sp.org/tlog-proof@v1";

/// Longest path: the height of the largest tree.
const MAX_PATH: usize = 63;

/// Longest proof file, in bytes; what the note leaves is room for the path and somebody's `extra` line.
pub const MAX_PROOF_BYTES: usize = 2 * MAX_NOTE_BYTES;

/// Why a proof file proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadProofFile {
    /// Beyond [`MAX_PROOF_BYTES`], or a path that no tree has.
    #[error("the proof is longer than any can be; ask for a new one")]
    TooLong,
    /// Not the lines of version 1.
    #[error("this is not a log proof (version 1); check that it was copied whole")]
    Shape,
    /// The checkpoint in it is not a note.
    #[error("the proof ends in something else than a signed checkpoint")]
    Note(#[from] BadNote),
    /// The checkpoint in it is not this log's.
    #[error("the proof's checkpoint is not one of this log")]
    Checkpoint(#[from] BadCheckpoint),
    /// The path does not lead from the entry to the checkpoint's root.
    #[error("the proof does not connect this entry with its checkpoint")]
    Path(#[from] BadProof),
}

/// A proof as somebody claims it. [`ProofFile::verify`] tells whether it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProofFile {
    index: u64,
    path: Vec<Digest>,
    note: Note,
}

impl ProofFile {
    /// The proof that entry `index` is in this checkpoint's tree, given its path
    /// ([`inclusion_proof`](super::merkle::inclusion_proof)).
    pub fn new(index: u64, path: Vec<Digest>, checkpoint: &SignedCheckpoint) -> Self {
        Self { index, path, note: checkpoint.note().clone() }
    }

    /// The entry's index in the log, as the file claims it.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// Checks that the log signed the checkpoint and that the entry with this leaf hash is in its tree.
    pub fn verify(&self, leaf: &Digest, log: &LogVerifier) -> Result<VerifiedInclusion, BadProofFile> {
        let checkpoint = log.verify_note(self.note.clone())?;
        verify_inclusion(leaf, self.index, checkpoint.head(), &self.path)?;
        Ok(VerifiedInclusion { index: self.index, leaf: *leaf, checkpoint })
    }
}

impl fmt::Display for ProofFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEADER}\nindex {}", self.index)?;
        self.path.iter().try_for_each(|hash| writeln!(f, "{}", to_base64(hash.as_bytes())))?;
        write!(f, "\n{}", self.note)
    }
}

impl FromStr for ProofFile {
    type Err = BadProofFile;

    fn from_str(file: &str) -> Result<Self, BadProofFile> {
        if file.len() > MAX_PROOF_BYTES {
            return Err(BadProofFile::TooLong);
        }
        let (proof, note) = file.split_once("\n\n").ok_or(BadProofFile::Shape)?;
        let mut lines = proof.split('\n').peekable();
        if lines.next() != Some(HEADER) {
            return Err(BadProofFile::Shape);
        }
        lines.next_if(|line| line.starts_with("extra "));
        let index = lines.next().and_then(|line| line.strip_prefix("index ")).and_then(decimal);
        let index = index.ok_or(BadProofFile::Shape)?;
        let path: Vec<Digest> = lines.map(digest_from_base64).collect::<Option<_>>().ok_or(BadProofFile::Shape)?;
        if path.len() > MAX_PATH {
            return Err(BadProofFile::TooLong);
        }
        Ok(Self { index, path, note: Note::parse(note)? })
    }
}

/// An entry that is in the log: only [`ProofFile::verify`] makes this.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedInclusion {
    index: u64,
    leaf: Digest,
    checkpoint: SignedCheckpoint,
}

impl VerifiedInclusion {
    /// The entry's index.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// The entry's leaf hash.
    pub fn leaf(&self) -> &Digest {
        &self.leaf
    }

    /// The checkpoint whose tree contains it.
    pub fn checkpoint(&self) -> &SignedCheckpoint {
        &self.checkpoint
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::merkle::inclusion_proof;
    use super::super::testing::{Signer, flip, leaf, signed, tree};
    use super::*;

    fn example(index: u64, size: u64) -> (LogVerifier, ProofFile) {
        let tree = tree(size);
        let (log, checkpoint) = signed(&Signer::new(1), tree.head());
        (log, ProofFile::new(index, inclusion_proof(&tree, index, size).unwrap(), &checkpoint))
    }

    #[test]
    fn a_proof_survives_its_text_form_and_proves_one_entry() {
        for (index, size) in [(0, 1), (0, 2), (11, 13), (12, 13)] {
            let (log, proof) = example(index, size);
            let read: ProofFile = proof.to_string().parse().unwrap();
            assert_eq!(read, proof);
            let verified = read.verify(&leaf(index), &log).unwrap();
            assert_eq!((verified.index(), verified.leaf()), (index, &leaf(index)));
            assert_eq!(verified.checkpoint().head(), &tree(size).head());
            assert_eq!(read.verify(&leaf(index + 1), &log), Err(BadProofFile::Path(BadProof::Root)));
        }
    }

    #[test]
    fn the_lines_are_the_specifications() {
        let (log, proof) = example(1, 2);
        let sibling = to_base64(leaf(0).as_bytes());
        let (_, checkpoint) = signed(&Signer::new(1), tree(2).head());
        let text = format!("c2sp.org/tlog-proof@v1\nindex 1\n{sibling}\n\n{checkpoint}");
        assert_eq!(proof.to_string(), text);
        let with_extra = text.replace("index", "extra bm90IGNoZWNrZWQ\nindex");
        assert!(with_extra.parse::<ProofFile>().unwrap().verify(&leaf(1), &log).is_ok());
        for wrong in [
            text.replace("@v1", "@v2"),
            text.replace("index 1", "index 01"),
            text.replace("index 1", "index -1"),
            text.replace("index 1", "extra YQ==\nextra YQ==\nindex 1"),
            text.replace("index 1\n", ""),
            text.replace(&sibling, &sibling[..40]),
            text.replace(&sibling, "YQ=="),
            text.replace("\n\n", "\n"),
        ] {
            assert_eq!(wrong.parse::<ProofFile>(), Err(BadProofFile::Shape), "{wrong}");
        }
        let long = text.replace(&sibling, &vec![sibling.as_str(); MAX_PATH + 1].join("\n"));
        assert_eq!(long.parse::<ProofFile>(), Err(BadProofFile::TooLong));
    }

    proptest! {
        #[test]
        fn a_changed_bit_spoils_the_proof(bit in any::<prop::sample::Index>()) {
            let (log, proof) = example(11, 13);
            let changed = flip(proof.to_string().as_bytes(), bit);
            let accepted = std::str::from_utf8(&changed)
                .ok()
                .and_then(|file| file.parse::<ProofFile>().ok())
                .is_some_and(|read| read.verify(&leaf(11), &log).is_ok());
            prop_assert!(!accepted);
        }
    }
}
