//! Signed notes (c2sp.org/signed-note): a text, an empty line, and signature lines `— name base64(key ID ‖ signature)`.
//!
//! A line names its key by name and key ID; a key that the reader does not know is ignored, and a known key's bad
//! signature spoils the note. This module must never take a line's word for who signed.

use std::fmt;
use std::str::FromStr;

use super::super::id::sha256;
use super::super::key::{BadKey, Signature, VerifyingKey};
use super::{from_base64, to_base64};

/// Longest note that is read or written, in bytes, signature lines included.
pub const MAX_NOTE_BYTES: usize = 64 * 1024;

/// Most signature lines of a note; the specification wants at least 16 to be accepted.
pub const MAX_SIGNATURES: usize = 64;

/// Why something is not a note, or not one that the key signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadNote {
    /// Beyond [`MAX_NOTE_BYTES`] or [`MAX_SIGNATURES`].
    #[error("the signed note is longer than {MAX_NOTE_BYTES} bytes or has more than {MAX_SIGNATURES} signatures")]
    TooLong,
    /// A control character other than the line feed, which could hide something on a screen.
    #[error("the signed note contains control characters; fetch it again, as plain text")]
    Control,
    /// Not `text`, empty line, signature lines.
    #[error("this is not a signed note (text, an empty line, signature lines); check that it was copied whole")]
    Shape,
    /// A signature line that is not `— name base64`.
    #[error("a signature line of the note is malformed; check that it was copied whole")]
    SignatureLine,
    /// An empty key name, or one with spaces, control characters or `+`.
    #[error("a key name is empty or contains a space, a control character or '+'")]
    KeyName,
    /// No line by this key.
    #[error("the note is not signed by {0}; make sure that it comes from this log")]
    NotSigned(KeyName),
    /// A line by this key that does not verify.
    #[error("the note carries a false signature of {name}; keep it as evidence and do not use it")]
    FalseSignature {
        /// The key's name.
        name: KeyName,
        /// What is wrong with the signature.
        source: BadKey,
    },
}

/// What a verifier key's text form (vkey) can be refused for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadNoteKey {
    /// Not `name+key ID+base64`, spelt the one way that is accepted.
    #[error("this is not a verifier key (name+key ID+key); check that it was copied whole")]
    Shape,
    /// A signature type other than those of [`SignatureType`].
    #[error("verifier keys of type {0} are unknown to this version; update this software")]
    UnknownType(u8),
    /// The key itself is unusable.
    #[error("the verifier key holds an unusable key")]
    Key(#[from] BadKey),
}

/// A key's name: not empty, no white space, no control character, no `+`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyName(String);

impl KeyName {
    /// A name that is well formed by construction: only for letters, digits and slashes.
    pub(super) fn well_formed(name: String) -> Self {
        Self(name)
    }

    /// The name's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for KeyName {
    type Err = BadNote;

    fn from_str(name: &str) -> Result<Self, BadNote> {
        if name.is_empty() || name.contains(|c: char| c.is_whitespace() || c.is_control() || c == '+') {
            return Err(BadNote::KeyName);
        }
        Ok(Self(name.to_owned()))
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a signature line's bytes are, and what message they sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignatureType {
    /// Ed25519 over the note's text.
    Ed25519 = 0x01,
    /// `cosignature/v1` of c2sp.org/tlog-cosignature; see [`super::cosignature`].
    Cosignature = 0x04,
}

/// A key as signature lines refer to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoteKey {
    /// The signer's name.
    pub name: KeyName,
    /// What it signs, and how.
    pub kind: SignatureType,
    /// The Ed25519 key.
    pub key: VerifyingKey,
}

impl NoteKey {
    /// First four bytes of SHA-256(name ‖ line feed ‖ type ‖ key): tells keys apart, proves nothing.
    pub fn id(&self) -> [u8; 4] {
        let [a, b, c, d, ..] = sha256(&[self.name.0.as_bytes(), b"\n", &[self.kind as u8], self.key.as_bytes()]);
        [a, b, c, d]
    }

    /// Whether a signature line claims to be by this key.
    pub fn is_named_by(&self, line: &NoteSignature) -> bool {
        line.name == self.name && line.key_id == self.id()
    }
}

impl fmt::Display for NoteKey {
    /// The vkey: `name+key ID+base64(type ‖ key)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = [&[self.kind as u8], self.key.as_bytes().as_slice()].concat();
        write!(f, "{}+{}+{}", self.name, hex::encode(self.id()), to_base64(&key))
    }
}

impl FromStr for NoteKey {
    type Err = BadNoteKey;

    fn from_str(vkey: &str) -> Result<Self, BadNoteKey> {
        // The base64 may itself contain '+'; the name may not. The identifier is compared at the end, as text.
        let fields: Vec<&str> = vkey.splitn(3, '+').collect();
        let [name, _id, key] = fields[..] else {
            return Err(BadNoteKey::Shape);
        };
        let name = name.parse().map_err(|_| BadNoteKey::Shape)?;
        let bytes = from_base64(key).ok_or(BadNoteKey::Shape)?;
        let (kind, key) = match bytes.split_first().ok_or(BadNoteKey::Shape)? {
            (0x01, key) => (SignatureType::Ed25519, key),
            (0x04, key) => (SignatureType::Cosignature, key),
            (other, _) => return Err(BadNoteKey::UnknownType(*other)),
        };
        let parsed = Self { name, kind, key: VerifyingKey::ed25519(key)? };
        if parsed.to_string() == vkey { Ok(parsed) } else { Err(BadNoteKey::Shape) }
    }
}

/// A signature line. Only a claim until a key has verified it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoteSignature {
    /// The signer's name, as the line has it.
    pub name: KeyName,
    /// The key's identifier, as the line has it.
    pub key_id: [u8; 4],
    /// What the key's type says that these bytes are; not empty.
    pub signature: Vec<u8>,
}

impl fmt::Display for NoteSignature {
    /// The line, without its line feed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = [&self.key_id, self.signature.as_slice()].concat();
        write!(f, "\u{2014} {} {}", self.name, to_base64(&bytes))
    }
}

impl FromStr for NoteSignature {
    type Err = BadNote;

    fn from_str(line: &str) -> Result<Self, BadNote> {
        let (name, base64) =
            line.strip_prefix("\u{2014} ").and_then(|rest| rest.split_once(' ')).ok_or(BadNote::SignatureLine)?;
        let bytes = from_base64(base64).ok_or(BadNote::SignatureLine)?;
        match bytes.split_first_chunk() {
            Some((key_id, signature)) if !signature.is_empty() => {
                Ok(Self { name: name.parse()?, key_id: *key_id, signature: signature.to_vec() })
            }
            _ => Err(BadNote::SignatureLine),
        }
    }
}

/// A well-formed note with at least one signature line, none of which has been verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<NoteSignature>,
}

impl Note {
    /// A note of this text, which ends in a line feed, and these lines, of which there is at least one.
    pub fn new(text: String, signatures: Vec<NoteSignature>) -> Result<Self, BadNote> {
        if text.contains(|c: char| c.is_control() && c != '\n') {
            return Err(BadNote::Control);
        }
        if !text.ends_with('\n') || signatures.is_empty() {
            return Err(BadNote::Shape);
        }
        let note = Self { text, signatures };
        if note.signatures.len() > MAX_SIGNATURES || note.to_string().len() > MAX_NOTE_BYTES {
            return Err(BadNote::TooLong);
        }
        Ok(note)
    }

    /// Parses a whole note. Formatting the result gives the same bytes.
    pub fn parse(note: &str) -> Result<Self, BadNote> {
        if note.len() > MAX_NOTE_BYTES {
            return Err(BadNote::TooLong);
        }
        // The text may contain empty lines; the last one ends it.
        let (before, lines) = note.rsplit_once("\n\n").ok_or(BadNote::Shape)?;
        let lines = lines.strip_suffix('\n').ok_or(BadNote::Shape)?;
        let signatures = lines.split('\n').map(str::parse).collect::<Result<_, _>>()?;
        Self::new(format!("{before}\n"), signatures)
    }

    /// What is signed, with its final line feed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The signature lines, in order.
    pub fn signatures(&self) -> &[NoteSignature] {
        &self.signatures
    }

    /// The same note with one line more, which replaces those of the same name and key ID.
    pub fn with(self, line: NoteSignature) -> Result<Self, BadNote> {
        let Self { text, mut signatures } = self;
        signatures.retain(|old| (&old.name, old.key_id) != (&line.name, line.key_id));
        signatures.push(line);
        Self::new(text, signatures)
    }

    /// Checks that `key` signed the text (type 0x01): at least one line is by this key, and every such line verifies.
    pub fn verify(&self, name: &KeyName, key: &VerifyingKey) -> Result<(), BadNote> {
        let known = NoteKey { name: name.clone(), kind: SignatureType::Ed25519, key: *key };
        let mut signed = false;
        for line in self.signatures.iter().filter(|line| known.is_named_by(line)) {
            Signature::parse(key.algorithm(), &line.signature)
                .and_then(|signature| key.verify(self.text.as_bytes(), &signature))
                .map_err(|source| BadNote::FalseSignature { name: name.clone(), source })?;
            signed = true;
        }
        if signed { Ok(()) } else { Err(BadNote::NotSigned(name.clone())) }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::testing::{Signer, flip};
    use super::*;

    /// The example of c2sp.org/signed-note's first implementation (golang.org/x/mod/sumdb/note).
    const VKEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    const NOTE: &str = "If you think cryptography is the answer to your problem,\n\
        then you don't know what your problem is.\n\n\
        — PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

    fn sign(signer: &Signer, name: &KeyName, text: &str) -> Note {
        let key = NoteKey { name: name.clone(), kind: SignatureType::Ed25519, key: signer.key() };
        let signature = signer.sign(text.as_bytes()).as_bytes().to_vec();
        Note::new(text.to_owned(), vec![NoteSignature { name: name.clone(), key_id: key.id(), signature }]).unwrap()
    }

    #[test]
    fn the_published_example_verifies() {
        let key: NoteKey = VKEY.parse().unwrap();
        let note = Note::parse(NOTE).unwrap();
        assert_eq!(note.verify(&key.name, &key.key), Ok(()));
        assert_eq!((key.to_string().as_str(), note.to_string().as_str()), (VKEY, NOTE));
        let other = Signer::new(1).key();
        assert_eq!(note.verify(&key.name, &other), Err(BadNote::NotSigned(key.name)));
    }

    #[test]
    fn what_we_sign_another_implementation_verifies_and_the_reverse() {
        use signed_note::{Signer as _, StandardSigner, StandardVerifier, VerifierList};

        let seed = [3; 32];
        let signer = Signer::new(3);
        let name: KeyName = "example.org/log".parse().unwrap();
        let key = NoteKey { name: name.clone(), kind: SignatureType::Ed25519, key: signer.key() };
        let text = "first\n\nthird\n";
        let ours = sign(&signer, &name, text);
        let verifier = StandardVerifier::new(&key.to_string()).unwrap();
        let known = VerifierList::new(vec![Box::new(verifier)]);
        let read = signed_note::Note::from_bytes(ours.to_string().as_bytes()).unwrap();
        assert_eq!(read.text(), text.as_bytes());
        assert_eq!(read.verify(&known).unwrap().0.len(), 1);

        let private = to_base64(&[&[1], seed.as_slice()].concat());
        let skey = format!("PRIVATE+KEY+{name}+{}+{private}", hex::encode(key.id()));
        let their_signer = StandardSigner::new(&skey).unwrap();
        assert_eq!(their_signer.key_id(), u32::from_be_bytes(key.id()));
        let mut theirs = signed_note::Note::new(text.as_bytes(), &[]).unwrap();
        theirs.add_sigs(&[&their_signer]).unwrap();
        let theirs = Note::parse(&String::from_utf8(theirs.to_bytes()).unwrap()).unwrap();
        assert_eq!(theirs.verify(&name, &signer.key()), Ok(()));
        assert_eq!(theirs, ours);
    }

    #[test]
    fn unknown_signatures_are_ignored_and_known_ones_must_verify() {
        let (signer, name) = (Signer::new(1), "a".parse().unwrap());
        let note = sign(&signer, &name, "text\n");
        let mut line = note.signatures()[0].clone();
        line.key_id[0] ^= 1;
        line.signature = vec![0];
        let note = note.with(line.clone()).unwrap();
        assert_eq!(note.verify(&name, &signer.key()), Ok(()));

        line.key_id[0] ^= 1;
        let mut lines = note.signatures().to_vec();
        lines.push(line);
        let spoilt = Note::new(note.text().to_owned(), lines).unwrap();
        assert!(matches!(spoilt.verify(&name, &signer.key()), Err(BadNote::FalseSignature { .. })));
    }

    #[test]
    fn only_the_strict_form_is_a_note() {
        let line = "— PeterNeumann x08go/ZJ";
        assert!(Note::parse(&format!("text\n\n{line}\n")).is_ok());
        assert!(Note::parse(&format!("\n\ntext\n\n\n{line}\n")).is_ok());
        for (note, error) in [
            (format!("text\n\n{line}"), BadNote::Shape),
            (format!("text\n{line}\n"), BadNote::Shape),
            ("text\n\n".to_owned(), BadNote::Shape),
            (format!("te\rxt\n\n{line}\n"), BadNote::Control),
            (format!("te\u{9b}xt\n\n{line}\n"), BadNote::Control),
            (format!("text\n\n{line}\r\n"), BadNote::SignatureLine),
            (format!("text\n\n{line} \n"), BadNote::SignatureLine),
            (format!("text\n\n- {line}\n"), BadNote::SignatureLine),
            // Only a key ID, then base64 without padding, then with a stray bit.
            ("text\n\n— a x08gow==\n".to_owned(), BadNote::SignatureLine),
            ("text\n\n— a x08go/ZJAA\n".to_owned(), BadNote::SignatureLine),
            ("text\n\n— a x08go/ZJAB==\n".to_owned(), BadNote::SignatureLine),
            ("text\n\n— a+b x08go/ZJ\n".to_owned(), BadNote::KeyName),
            ("text\n\n—  x08go/ZJ\n".to_owned(), BadNote::KeyName),
            ("text\n\n— a\u{a0}b x08go/ZJ\n".to_owned(), BadNote::KeyName),
            (format!("{}\n\n{line}\n", "x".repeat(MAX_NOTE_BYTES)), BadNote::TooLong),
            (format!("text\n\n{}", format!("{line}\n").repeat(MAX_SIGNATURES + 1)), BadNote::TooLong),
        ] {
            assert_eq!(Note::parse(&note), Err(error), "{note:?}");
        }
        assert!(Note::parse(&format!("text\n\n{}", format!("{line}\n").repeat(MAX_SIGNATURES))).is_ok());
    }

    #[test]
    fn verifier_keys_have_one_spelling() {
        for vkey in [
            VKEY.replace("c74f20a3", "C74F20A3"),
            VKEY.replace("c74f20a3", "c74f20a4"),
            VKEY.replace("Peter", "Pet er"),
            format!("{VKEY}="),
            "a".to_owned(),
            String::new(),
        ] {
            assert_eq!(vkey.parse::<NoteKey>(), Err(BadNoteKey::Shape), "{vkey}");
        }
        assert_eq!("a+00000000+Ag==".parse::<NoteKey>(), Err(BadNoteKey::UnknownType(2)));
        let cosigner =
            NoteKey { name: "a".parse().unwrap(), kind: SignatureType::Cosignature, key: Signer::new(1).key() };
        assert_eq!(cosigner.to_string().parse(), Ok(cosigner));
    }

    proptest! {
        #[test]
        fn a_changed_bit_spoils_the_note(bit in any::<prop::sample::Index>()) {
            let key: NoteKey = VKEY.parse().unwrap();
            let changed = flip(NOTE.as_bytes(), bit);
            let verified = std::str::from_utf8(&changed)
                .is_ok_and(|text| Note::parse(text).is_ok_and(|note| note.verify(&key.name, &key.key).is_ok()));
            prop_assert!(!verified);
        }

        #[test]
        fn formatting_gives_the_same_bytes(note in "[a\n\u{e9} ]{0,6}\n\n(— [b/]{1,2} x08go/[A-Z]{2}\n){1,3}") {
            prop_assert_eq!(Note::parse(&note).unwrap().to_string(), note);
        }
    }
}
