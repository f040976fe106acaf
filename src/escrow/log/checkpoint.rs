//! Checkpoints (c2sp.org/tlog-checkpoint): what the log signs about itself.
//!
//! The text is `sequestre/<organisation id>`, the size and the base64 of the root, one a line, and nothing else. The
//! origin does not contain the daemon's name, so that a log can move. This module must never hand out a
//! [`SignedCheckpoint`] that the log's key did not sign.

use std::fmt;
use std::str::FromStr;

use super::super::id::OrganisationId;
use super::super::key::{Signature, VerifyingKey};
use super::merkle::TreeHead;
use super::note::{BadNote, KeyName, Note, NoteKey, NoteSignature, SignatureType};
use super::{decimal, digest_from_base64, to_base64};

/// Why a note is not a checkpoint of this log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadCheckpoint {
    /// Not a note, or the log's key did not sign it.
    #[error("the checkpoint is not a note signed by this log")]
    Note(#[from] BadNote),
    /// Something else than origin, size and root, each spelt the one way that is accepted.
    #[error("the checkpoint is not an origin, a size and a root on three lines; check that it was copied whole")]
    Body,
    /// A size that no log has, or a size of 0 with another root than the empty tree's.
    #[error("no log can have this checkpoint's size and root; keep it and report the server")]
    ImpossibleHead,
    /// It belongs to another organisation.
    #[error("the checkpoint belongs to organisation {0}; make sure that it comes from this log")]
    OtherOrganisation(OrganisationId),
}

/// The name of an organisation's log, in checkpoints and as its key's name: `sequestre/<organisation id>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Origin(pub OrganisationId);

impl Origin {
    /// The name under which the log's key signs.
    pub fn key_name(&self) -> KeyName {
        KeyName::well_formed(self.to_string())
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sequestre/{}", self.0)
    }
}

impl FromStr for Origin {
    type Err = BadCheckpoint;

    fn from_str(text: &str) -> Result<Self, BadCheckpoint> {
        text.strip_prefix("sequestre/")
            .and_then(|id| id.parse().ok().map(Self))
            .filter(|origin| origin.to_string() == text)
            .ok_or(BadCheckpoint::Body)
    }
}

/// A statement about a log, signed or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Checkpoint {
    /// Whose log.
    pub organisation: OrganisationId,
    /// Its size and root.
    pub head: TreeHead,
}

impl Checkpoint {
    /// The note's text: what the log key signs and, after two more lines, what cosigners sign.
    pub fn body(&self) -> String {
        let root = to_base64(self.head.root.as_bytes());
        format!("{}\n{}\n{root}\n", Origin(self.organisation), self.head.size)
    }

    /// Parses a note's text. Extension lines are refused: nobody could audit them.
    pub fn parse(body: &str) -> Result<Self, BadCheckpoint> {
        let lines: Vec<&str> = body.split('\n').collect();
        let [origin, size, root, ""] = lines[..] else {
            return Err(BadCheckpoint::Body);
        };
        let Origin(organisation) = origin.parse()?;
        let size = decimal(size).ok_or(BadCheckpoint::Body)?;
        let root = digest_from_base64(root).ok_or(BadCheckpoint::Body)?;
        let head = TreeHead { size, root };
        if head.is_possible() { Ok(Self { organisation, head }) } else { Err(BadCheckpoint::ImpossibleHead) }
    }
}

/// Whose checkpoints are accepted: one organisation's, under one log key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogVerifier {
    organisation: OrganisationId,
    key: VerifyingKey,
}

impl LogVerifier {
    /// The verifier of this organisation's log. The key comes from its charter, never from the server.
    pub fn new(organisation: OrganisationId, key: VerifyingKey) -> Self {
        Self { organisation, key }
    }

    /// Whose log.
    pub fn organisation(&self) -> &OrganisationId {
        &self.organisation
    }

    /// The log's key.
    pub fn key(&self) -> &VerifyingKey {
        &self.key
    }

    /// The log's key as notes refer to it; its text form is the vkey that other tools take.
    pub fn note_key(&self) -> NoteKey {
        NoteKey { name: Origin(self.organisation).key_name(), kind: SignatureType::Ed25519, key: self.key }
    }

    /// Checks a whole note: the log's signature first, then what it says. Other signature lines are kept unverified.
    pub fn verify(&self, note: &str) -> Result<SignedCheckpoint, BadCheckpoint> {
        self.verify_note(Note::parse(note)?)
    }

    /// [`LogVerifier::verify`] for a note that is already parsed.
    pub fn verify_note(&self, note: Note) -> Result<SignedCheckpoint, BadCheckpoint> {
        note.verify(&Origin(self.organisation).key_name(), &self.key)?;
        let Checkpoint { organisation, head } = Checkpoint::parse(note.text())?;
        if organisation != self.organisation {
            return Err(BadCheckpoint::OtherOrganisation(organisation));
        }
        Ok(SignedCheckpoint { checkpoint: Checkpoint { organisation, head }, note })
    }

    /// The note of this head, for whoever just signed its [`Checkpoint::body`] with this key: nothing is verified, and
    /// nobody else may take it for a checkpoint.
    pub fn note(&self, head: TreeHead, signature: &Signature) -> Result<Note, BadNote> {
        let key = self.note_key();
        let line = NoteSignature { key_id: key.id(), name: key.name, signature: signature.as_bytes().to_vec() };
        Note::new(Checkpoint { organisation: self.organisation, head }.body(), vec![line])
    }

    /// The signed checkpoint of this head, given the log key's signature over its [`Checkpoint::body`]. The signature
    /// is verified, so that a wrong key is noticed before anybody is told.
    pub fn assemble(&self, head: TreeHead, signature: &Signature) -> Result<SignedCheckpoint, BadCheckpoint> {
        self.verify_note(self.note(head, signature)?)
    }
}

/// A checkpoint that a [`LogVerifier`] has accepted, with the whole note: two of them that contradict each other are
/// evidence. The text form is the note, byte for byte as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedCheckpoint {
    checkpoint: Checkpoint,
    note: Note,
}

impl SignedCheckpoint {
    /// What the log signed.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// Size and root.
    pub fn head(&self) -> &TreeHead {
        &self.checkpoint.head
    }

    /// The note, with signature lines that have not been verified next to the log's.
    pub fn note(&self) -> &Note {
        &self.note
    }

    /// With one line more, which must not be the log's own: that one is what makes this value true.
    pub(super) fn with_cosigner_line(self, line: NoteSignature) -> Result<Self, BadNote> {
        Ok(Self { checkpoint: self.checkpoint, note: self.note.with(line)? })
    }
}

impl fmt::Display for SignedCheckpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.note.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::super::id::Digest;
    use super::super::merkle::MAX_SIZE;
    use super::super::testing::{ORGANISATION, Signer, flip, signed, tree};
    use super::*;

    #[test]
    fn the_body_is_three_exact_lines() {
        let checkpoint = Checkpoint { organisation: ORGANISATION, head: TreeHead::EMPTY };
        let body = format!("sequestre/{}\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n", "a5".repeat(32));
        assert_eq!(checkpoint.body(), body);
        assert_eq!(Checkpoint::parse(&body), Ok(checkpoint));
        for wrong in [
            body.replace("\n0\n", "\n00\n"),
            body.replace("\n0\n", "\n+0\n"),
            body.replace("\n0\n", "\n\n"),
            body.replace("\n0\n", "\n18446744073709551616\n"),
            body.replace("a5", "A5"),
            body.replace("sequestre/", "sequestre/x"),
            body.replace("sequestre/", ""),
            body.replace("FU=", "FV="),
            body.replace("FU=", "FU"),
            body.replace("FU=", ""),
            format!("{body}extension\n"),
            format!("{body}\n"),
            body.trim_end().to_owned(),
        ] {
            assert_eq!(Checkpoint::parse(&wrong), Err(BadCheckpoint::Body), "{wrong}");
        }
        for head in [
            TreeHead { size: 0, root: Digest::new([1; 32]) },
            TreeHead { size: MAX_SIZE + 1, root: TreeHead::EMPTY.root },
        ] {
            let body = Checkpoint { organisation: ORGANISATION, head }.body();
            assert_eq!(Checkpoint::parse(&body), Err(BadCheckpoint::ImpossibleHead));
        }
    }

    #[test]
    fn only_this_organisations_key_makes_a_signed_checkpoint() {
        let signer = Signer::new(1);
        let head = tree(5).head();
        let (log, checkpoint) = signed(&signer, head);
        let note = checkpoint.to_string();
        assert_eq!(log.verify(&note), Ok(checkpoint.clone()));
        assert_eq!((checkpoint.head(), checkpoint.checkpoint().organisation), (&head, ORGANISATION));

        let other_key = LogVerifier::new(ORGANISATION, Signer::new(2).key());
        assert!(matches!(other_key.verify(&note), Err(BadCheckpoint::Note(BadNote::NotSigned(_)))));
        let signature = Signer::new(2).sign(checkpoint.note().text().as_bytes());
        let refused = log.assemble(head, &signature);
        assert!(matches!(refused, Err(BadCheckpoint::Note(BadNote::FalseSignature { .. }))));
    }

    #[test]
    fn a_key_that_signs_for_two_logs_does_not_confuse_them() {
        // The text of one organisation under the other's key name, signed by the key that serves both.
        let signer = Signer::new(1);
        let (log, _) = signed(&signer, TreeHead::EMPTY);
        let organisation = OrganisationId::new([7; 32]);
        let body = Checkpoint { organisation, head: TreeHead::EMPTY }.body();
        let NoteKey { name, .. } = log.note_key();
        let signature = signer.sign(body.as_bytes()).as_bytes().to_vec();
        let note = Note::new(body, vec![NoteSignature { name, key_id: log.note_key().id(), signature }]).unwrap();
        assert_eq!(log.verify_note(note), Err(BadCheckpoint::OtherOrganisation(organisation)));
    }

    #[test]
    fn other_tools_verify_our_checkpoints() {
        let (log, checkpoint) = signed(&Signer::new(1), tree(9).head());
        let verifier = signed_note::StandardVerifier::new(&log.note_key().to_string()).unwrap();
        let known = signed_note::VerifierList::new(vec![Box::new(verifier)]);
        let note = signed_note::Note::from_bytes(checkpoint.to_string().as_bytes()).unwrap();
        assert_eq!(note.verify(&known).unwrap().0.len(), 1);
    }

    proptest! {
        #[test]
        fn a_changed_bit_spoils_the_checkpoint(bit in any::<prop::sample::Index>()) {
            let (log, checkpoint) = signed(&Signer::new(1), tree(5).head());
            let changed = flip(checkpoint.to_string().as_bytes(), bit);
            prop_assert!(!std::str::from_utf8(&changed).is_ok_and(|note| log.verify(note).is_ok()));
        }
    }
}
