//! Cosignatures (c2sp.org/tlog-cosignature, `cosignature/v1`): "I replayed up to here and it extends what I knew".
//!
//! The cosigner is one device of one person, named `sequestre/<organisation id>/<person id>/<device id>`. The line's
//! bytes are the time (seconds since 1970, u64 big-endian) and an Ed25519 signature over two lines with that time and
//! the whole checkpoint body. What a trustee's or a mediator's cosignature is worth, and whether a time is plausible,
//! is decided elsewhere.
//!
//! What is signed does not contain the cosigner's name, so anybody can put another person's name before a true
//! signature. This module must never say who cosigned from the line alone: person and key come from the device's
//! certificate in the log.

use std::fmt;
use std::str::FromStr;

use super::super::id::{DeviceId, OrganisationId, PersonId};
use super::super::key::{BadKey, Signature, SigningAlgorithm, VerifyingKey};
use super::checkpoint::{Checkpoint, Origin, SignedCheckpoint};
use super::merkle::TreeHead;
use super::note::{BadNote, KeyName, NoteKey, NoteSignature, SignatureType};

/// Why something is not a cosignature of this checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadCosignature {
    /// The text is not a signature line.
    #[error("the cosignature is not a signature line")]
    Line(#[from] BadNote),
    /// The name is not that of a device of a member.
    #[error("the cosigner's name is not sequestre/organisation/person/device in lower-case hexadecimal")]
    Name,
    /// Not 8 + 64 bytes, or a time of 0 or beyond 63 bits.
    #[error("the cosignature is not a time and an Ed25519 signature; ask for it again")]
    Content,
    /// The line names another person or another device's key than those that it was checked against.
    #[error("the cosignature is not by the person and key that device {0} is certified for; check its certificate")]
    OtherCosigner(DeviceId),
    /// It is about another organisation's log.
    #[error("the cosignature is about the log of organisation {0}; it says nothing about this one")]
    OtherOrganisation(OrganisationId),
    /// It is about another checkpoint of this log than the one that it is to be attached to.
    #[error("the cosignature is about the log at size {0}; attach it to that checkpoint")]
    OtherCheckpoint(u64),
    /// The signature does not verify over this checkpoint.
    #[error("the cosignature of device {device} does not match this checkpoint; keep both and report them")]
    FalseSignature {
        /// The device named.
        device: DeviceId,
        /// What is wrong with the signature.
        source: BadKey,
    },
}

/// One device of one person, in one organisation's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Cosigner {
    /// Whose log.
    pub organisation: OrganisationId,
    /// Who.
    pub person: PersonId,
    /// With which computer.
    pub device: DeviceId,
}

impl Cosigner {
    fn note_key(&self, key: &VerifyingKey) -> NoteKey {
        NoteKey { name: KeyName::well_formed(self.to_string()), kind: SignatureType::Cosignature, key: *key }
    }
}

impl fmt::Display for Cosigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", Origin(self.organisation), self.person, self.device)
    }
}

impl FromStr for Cosigner {
    type Err = BadCosignature;

    fn from_str(name: &str) -> Result<Self, BadCosignature> {
        let fields: Vec<&str> = name.split('/').collect();
        let [_, organisation, person, device] = fields[..] else {
            return Err(BadCosignature::Name);
        };
        let parsed = Self {
            organisation: organisation.parse().map_err(|_| BadCosignature::Name)?,
            person: person.parse().map_err(|_| BadCosignature::Name)?,
            device: device.parse().map_err(|_| BadCosignature::Name)?,
        };
        if parsed.to_string() == name { Ok(parsed) } else { Err(BadCosignature::Name) }
    }
}

/// What a cosigner signs at `time` (seconds since 1970).
pub fn cosignature_message(time: u64, checkpoint: &Checkpoint) -> Vec<u8> {
    format!("cosignature/v1\ntime {time}\n{}", checkpoint.body()).into_bytes()
}

/// A cosignature as somebody claims to have made it. [`Cosignature::verify`] tells whether it is true.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cosignature {
    cosigner: Cosigner,
    key_id: [u8; 4],
    time: u64,
    signature: Signature,
}

impl Cosignature {
    /// Length of a signature line's bytes after the key ID.
    const LENGTH: usize = 72;

    /// The cosignature that a person's device, with this key, made at `time` over [`cosignature_message`].
    pub fn new(
        organisation: OrganisationId,
        person: PersonId,
        key: &VerifyingKey,
        time: u64,
        signature: Signature,
    ) -> Result<Self, BadCosignature> {
        let cosigner = Cosigner { organisation, person, device: key.device() };
        // A time of 0 is a field that nobody filled in; the specification ends at 63 bits.
        if time == 0 || i64::try_from(time).is_err() {
            return Err(BadCosignature::Content);
        }
        Ok(Self { cosigner, key_id: cosigner.note_key(key).id(), time, signature })
    }

    /// Who claims to have made it.
    pub fn cosigner(&self) -> &Cosigner {
        &self.cosigner
    }

    /// When, in seconds since 1970, by the cosigner's clock.
    pub fn time(&self) -> u64 {
        self.time
    }

    /// The signature line. Its text form is how a cosignature is stored and sent.
    pub fn to_line(&self) -> NoteSignature {
        let signature = [self.time.to_be_bytes().as_slice(), self.signature.as_bytes()].concat();
        NoteSignature { name: KeyName::well_formed(self.cosigner.to_string()), key_id: self.key_id, signature }
    }

    /// Reads a signature line.
    pub fn from_line(line: &NoteSignature) -> Result<Self, BadCosignature> {
        let cosigner = line.name.as_str().parse()?;
        let (time, signature) = line.signature.split_first_chunk().ok_or(BadCosignature::Content)?;
        let time = u64::from_be_bytes(*time);
        let signature = Signature::parse(SigningAlgorithm::Ed25519 as u32, signature);
        match signature {
            Ok(signature) if line.signature.len() == Self::LENGTH && time != 0 && i64::try_from(time).is_ok() => {
                Ok(Self { cosigner, key_id: line.key_id, time, signature })
            }
            _ => Err(BadCosignature::Content),
        }
    }

    /// Checks that a device made the cosignature over exactly this checkpoint. `person` and `key` are those of the
    /// device's certificate; what the line says about them must agree.
    pub fn verify(
        &self,
        person: &PersonId,
        key: &VerifyingKey,
        checkpoint: &Checkpoint,
    ) -> Result<VerifiedCosignature, BadCosignature> {
        let Cosigner { organisation, device, .. } = self.cosigner;
        let named = *person == self.cosigner.person && key.device() == device;
        if !named || self.cosigner.note_key(key).id() != self.key_id {
            return Err(BadCosignature::OtherCosigner(device));
        }
        if organisation != checkpoint.organisation {
            return Err(BadCosignature::OtherOrganisation(organisation));
        }
        key.verify(&cosignature_message(self.time, checkpoint), &self.signature)
            .map_err(|source| BadCosignature::FalseSignature { device, source })?;
        Ok(VerifiedCosignature { cosignature: *self, head: checkpoint.head })
    }
}

impl fmt::Display for Cosignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_line().fmt(f)
    }
}

impl FromStr for Cosignature {
    type Err = BadCosignature;

    fn from_str(line: &str) -> Result<Self, BadCosignature> {
        Self::from_line(&line.parse()?)
    }
}

/// A cosignature that [`Cosignature::verify`] has accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VerifiedCosignature {
    cosignature: Cosignature,
    head: TreeHead,
}

impl VerifiedCosignature {
    /// Who.
    pub fn person(&self) -> &PersonId {
        &self.cosignature.cosigner.person
    }

    /// With which computer.
    pub fn device(&self) -> &DeviceId {
        &self.cosignature.cosigner.device
    }

    /// When, in seconds since 1970, by the cosigner's clock.
    pub fn time(&self) -> u64 {
        self.cosignature.time
    }

    /// Up to where they replayed.
    pub fn head(&self) -> &TreeHead {
        &self.head
    }

    /// The cosignature itself, to keep or send.
    pub fn cosignature(&self) -> &Cosignature {
        &self.cosignature
    }
}

impl SignedCheckpoint {
    /// The lines of the note that name cosigners of this log, unverified. Others are left out, as the specification
    /// wants; a caller that knows the device's key and finds its line false should refuse the note.
    pub fn cosignatures(&self) -> impl Iterator<Item = Cosignature> {
        let lines = self.note().signatures().iter().filter_map(|line| Cosignature::from_line(line).ok());
        lines.filter(|line| line.cosigner.organisation == self.checkpoint().organisation)
    }

    /// The same checkpoint with this cosignature in its note, in place of an earlier one by the same device.
    pub fn with(self, verified: &VerifiedCosignature) -> Result<Self, BadCosignature> {
        let VerifiedCosignature { cosignature, head } = verified;
        if cosignature.cosigner.organisation != self.checkpoint().organisation {
            return Err(BadCosignature::OtherOrganisation(cosignature.cosigner.organisation));
        }
        if head != self.head() {
            return Err(BadCosignature::OtherCheckpoint(head.size));
        }
        // A cosigner's name is never a log's, so the log's own line stays.
        Ok(self.with_cosigner_line(cosignature.to_line())?)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::testing::{ORGANISATION, Signer, flip, signed, tree};
    use super::*;

    const TIME: u64 = 1_679_315_147;

    fn person() -> PersonId {
        Signer::new(9).key().person()
    }

    fn cosign(device: &Signer, time: u64, checkpoint: &Checkpoint) -> Cosignature {
        let signature = device.sign(&cosignature_message(time, checkpoint));
        Cosignature::new(checkpoint.organisation, person(), &device.key(), time, signature).unwrap()
    }

    #[test]
    fn the_message_is_the_specifications() {
        let checkpoint = Checkpoint { organisation: ORGANISATION, head: TreeHead::EMPTY };
        let expected = format!(
            "cosignature/v1\ntime 1679315147\nsequestre/{}\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n",
            "a5".repeat(32)
        );
        assert_eq!(cosignature_message(TIME, &checkpoint), expected.as_bytes());
    }

    #[test]
    fn a_cosignature_travels_in_the_note_and_verifies_there() {
        let device = Signer::new(2);
        let (log, checkpoint) = signed(&Signer::new(1), tree(7).head());
        let cosignature = cosign(&device, TIME, checkpoint.checkpoint());
        let verified = cosignature.verify(&person(), &device.key(), checkpoint.checkpoint()).unwrap();
        assert_eq!((verified.time(), verified.head()), (TIME, checkpoint.head()));
        assert_eq!((verified.person(), verified.device()), (&person(), &device.key().device()));

        let later = cosign(&device, TIME + 1, checkpoint.checkpoint());
        let later = later.verify(&person(), &device.key(), checkpoint.checkpoint()).unwrap();
        let note = checkpoint.with(&verified).unwrap().with(&later).unwrap().to_string();
        let read = log.verify(&note).unwrap();
        assert_eq!(read.cosignatures().collect::<Vec<_>>(), [*later.cosignature()]);
        assert_eq!(cosignature.to_string().parse(), Ok(cosignature));
    }

    #[test]
    fn another_implementation_finds_and_verifies_the_line() {
        struct Witness(Cosigner, Signer);
        impl signed_note::Verifier for Witness {
            fn name(&self) -> &str {
                // The trait wants a reference; a test may leak.
                self.0.to_string().leak()
            }
            fn key_id(&self) -> u32 {
                signed_note::key_id(&self.0.to_string(), &[&[4], self.1.key().as_bytes().as_slice()].concat())
            }
            fn verify(&self, text: &[u8], bytes: &[u8]) -> bool {
                let (time, signature) = bytes.split_at(8);
                let time = u64::from_be_bytes(time.try_into().unwrap());
                let message = [format!("cosignature/v1\ntime {time}\n").as_bytes(), text].concat();
                let key =
                    ring::signature::UnparsedPublicKey::new(&ring::signature::ED25519, *self.1.key().as_bytes());
                key.verify(&message, signature).is_ok()
            }
        }
        let device = Signer::new(2);
        let (_, checkpoint) = signed(&Signer::new(1), tree(7).head());
        let cosignature = cosign(&device, TIME, checkpoint.checkpoint());
        let verified = cosignature.verify(&person(), &device.key(), checkpoint.checkpoint()).unwrap();
        let note = checkpoint.with(&verified).unwrap().to_string();
        let known = signed_note::VerifierList::new(vec![Box::new(Witness(*cosignature.cosigner(), device))]);
        let note = signed_note::Note::from_bytes(note.as_bytes()).unwrap();
        let (verified, unverified) = note.verify(&known).unwrap();
        assert_eq!((verified.len(), unverified.len()), (1, 1));
    }

    #[test]
    fn it_counts_only_for_its_device_its_log_and_its_checkpoint() {
        let device = Signer::new(2);
        let (_, signed_checkpoint) = signed(&Signer::new(1), tree(7).head());
        let checkpoint = *signed_checkpoint.checkpoint();
        let cosignature = cosign(&device, TIME, &checkpoint);
        let other_cosigner = Err(BadCosignature::OtherCosigner(device.key().device()));
        assert_eq!(cosignature.verify(&person(), &Signer::new(3).key(), &checkpoint), other_cosigner);
        let other_key_id = Cosignature { key_id: [0; 4], ..cosignature };
        assert_eq!(other_key_id.verify(&person(), &device.key(), &checkpoint), other_cosigner);
        // The same true signature under somebody else's name, with the key ID that fits.
        let thief = Signer::new(8).key().person();
        let stolen = Cosignature::new(ORGANISATION, thief, &device.key(), TIME, cosignature.signature).unwrap();
        assert_eq!(stolen.verify(&person(), &device.key(), &checkpoint), other_cosigner);
        let elsewhere = Checkpoint { organisation: OrganisationId::new([7; 32]), ..checkpoint };
        assert_eq!(
            cosignature.verify(&person(), &device.key(), &elsewhere),
            Err(BadCosignature::OtherOrganisation(ORGANISATION))
        );
        let grown = Checkpoint { head: tree(8).head(), ..checkpoint };
        let refused = cosignature.verify(&person(), &device.key(), &grown);
        assert!(matches!(refused, Err(BadCosignature::FalseSignature { .. })));
        let of_grown = cosign(&device, TIME, &grown).verify(&person(), &device.key(), &grown).unwrap();
        assert_eq!(signed_checkpoint.with(&of_grown), Err(BadCosignature::OtherCheckpoint(8)));
    }

    #[test]
    fn malformed_lines_are_refused() {
        let checkpoint = Checkpoint { organisation: ORGANISATION, head: TreeHead::EMPTY };
        let good = cosign(&Signer::new(2), TIME, &checkpoint).to_line();
        for name in ["sequestre/a5", &good.name.as_str().to_uppercase(), &format!("{}/", good.name), "x"] {
            let line = NoteSignature { name: name.parse().unwrap(), ..good.clone() };
            assert_eq!(Cosignature::from_line(&line), Err(BadCosignature::Name));
        }
        let (zero, beyond) = (0_u64.to_be_bytes(), (1_u64 << 63).to_be_bytes());
        for signature in [
            [&zero, &good.signature[8..]].concat(),
            [&beyond, &good.signature[8..]].concat(),
            good.signature[1..].to_vec(),
            [&good.signature[..], &[0]].concat(),
            vec![1; 7],
        ] {
            let line = NoteSignature { signature, ..good.clone() };
            assert_eq!(Cosignature::from_line(&line), Err(BadCosignature::Content));
        }
    }

    proptest! {
        #[test]
        fn a_changed_bit_spoils_the_cosignature(bit in any::<prop::sample::Index>()) {
            let device = Signer::new(2);
            let checkpoint = Checkpoint { organisation: ORGANISATION, head: TreeHead::EMPTY };
            let original = cosign(&device, TIME, &checkpoint);
            let changed = flip(original.to_string().as_bytes(), bit);
            let accepted = std::str::from_utf8(&changed)
                .ok()
                .and_then(|line| line.parse::<Cosignature>().ok())
                .is_some_and(|read| read.verify(&person(), &device.key(), &checkpoint).is_ok());
            prop_assert!(!accepted);
        }
    }
}
