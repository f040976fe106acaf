//! Signed commands: from bytes to something that is known to be signed.
//!
//! [`SignedCommand::parse`] checks the form, [`SignedCommand::verify`] the signature; only the latter makes a
//! [`VerifiedCommand`], and only that can be [decided](super::organisation::Organisation::decide). Verification needs
//! no state, so that many commands are verified side by side before the single writer sees them.

use prost::Message as _;

use super::act::Act;
use super::id::{CommandId, OrganisationId, PersonId, sha256};
use super::key::{Signature, VerifyingKey};
use super::log::merkle::TreeHead;
use super::time::Time;
use super::wire::{self, MAX_COMMAND_BYTES, Malformed};
use crate::proto::v1;

const COMMAND_LABEL: &[u8] = b"sequestre/command/v1\0";
const GENESIS_LABEL: &[u8] = b"sequestre/genesis/v1\0";

/// The organisation id under which a genesis is signed, before the organisation has one.
pub const NO_ORGANISATION: OrganisationId = OrganisationId::new([0; 32]);

/// A command as a person made it.
#[derive(Debug, Clone)]
pub struct Command {
    /// When it was made.
    pub created: Time,
    /// The signer's last verified tree.
    pub base: TreeHead,
    /// What it asks for.
    pub act: Act,
}

impl Command {
    /// Parses canonical bytes of at most [`MAX_COMMAND_BYTES`].
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        if bytes.len() > MAX_COMMAND_BYTES {
            return Err(Malformed::TooLarge { found: bytes.len(), limit: MAX_COMMAND_BYTES });
        }
        let command: v1::Command = wire::decode_canonical(bytes)?;
        if command.nonce.len() != 16 {
            return Err(Malformed::Range("nonce"));
        }
        Ok(Self {
            created: Time(command.created),
            base: wire::tree_head(command.base)?,
            act: Act::parse(wire::required(command.act, "act")?)?,
        })
    }
}

/// What is signed: label ‖ organisation id ‖ SHA-256(algorithm ‖ key) ‖ command.
pub fn preimage(organisation: &OrganisationId, signer: &VerifyingKey, command: &[u8]) -> Vec<u8> {
    [COMMAND_LABEL, organisation.as_bytes(), &signer.digest(), command].concat()
}

/// The id of the organisation that a genesis command founds.
pub fn organisation_id(genesis: &[u8]) -> OrganisationId {
    OrganisationId::new(sha256(&[GENESIS_LABEL, genesis]))
}

/// A command with a signature that nobody has checked yet.
#[derive(Debug, Clone)]
pub struct SignedCommand {
    command: Command,
    bytes: Vec<u8>,
    signer: VerifyingKey,
    signature: Signature,
}

impl SignedCommand {
    /// Puts a fresh signature beside the command it was made for. For clients.
    pub fn new(bytes: Vec<u8>, signer: VerifyingKey, signature: Signature) -> Result<Self, Malformed> {
        Ok(Self { command: Command::parse(&bytes)?, bytes, signer, signature })
    }

    /// Parses the wire form.
    pub fn parse(signed: v1::SignedCommand) -> Result<Self, Malformed> {
        let signer = wire::signing_key(signed.signer)?;
        let signature = wire::signature(signed.signature)?;
        Self::new(signed.command, signer, signature)
    }

    /// The wire form.
    pub fn to_wire(&self) -> v1::SignedCommand {
        v1::SignedCommand {
            command: self.bytes.clone(),
            signer: Some(self.signer.into()),
            signature: Some(self.signature.into()),
        }
    }

    /// The wire form's length in bytes.
    pub fn wire_len(&self) -> usize {
        // Without a copy of the command, which is most of it. It is never empty.
        let (signer, signature) = (Some(self.signer.into()), Some(self.signature.into()));
        let around = v1::SignedCommand { command: Vec::new(), signer, signature }.encoded_len();
        around + 1 + prost::length_delimiter_len(self.bytes.len()) + self.bytes.len()
    }

    /// What it asks for. Not to be acted on before it is verified.
    pub fn command(&self) -> &Command {
        &self.command
    }

    /// Who claims to have signed it.
    pub fn signer(&self) -> &VerifyingKey {
        &self.signer
    }

    /// The organisation id under which the signature was made.
    fn domain(&self, organisation: OrganisationId) -> OrganisationId {
        if matches!(self.command.act, Act::Genesis(_)) { NO_ORGANISATION } else { organisation }
    }

    /// SHA-256 of the signature's preimage: sending it again is recognised by this.
    pub fn id(&self, organisation: OrganisationId) -> CommandId {
        CommandId::new(sha256(&[
            COMMAND_LABEL,
            self.domain(organisation).as_bytes(),
            &self.signer.digest(),
            &self.bytes,
        ]))
    }

    /// If this is a genesis, the id of the organisation that it founds.
    pub fn founds(&self) -> Option<OrganisationId> {
        matches!(self.command.act, Act::Genesis(_)).then(|| organisation_id(&self.bytes))
    }

    /// Checks the signature: the only way to a [`VerifiedCommand`] from outside.
    pub fn verify(self, organisation: OrganisationId) -> Result<VerifiedCommand, BadSignature> {
        let message = preimage(&self.domain(organisation), &self.signer, &self.bytes);
        self.signer.verify(&message, &self.signature).map_err(|_| BadSignature)?;
        Ok(self.assume_verified(organisation))
    }

    /// For a log that this process verified earlier and kept on its own disk; [`super::replay`] alone calls it.
    pub(super) fn assume_verified(self, organisation: OrganisationId) -> VerifiedCommand {
        let id = self.id(organisation);
        VerifiedCommand { organisation, id, signed: self }
    }
}

/// The signature does not match: wrong key, wrong organisation, or changed bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the command's signature does not match its signer, this organisation and its content")]
pub struct BadSignature;

/// A command whose signature was checked for one organisation.
#[derive(Debug, Clone)]
pub struct VerifiedCommand {
    organisation: OrganisationId,
    id: CommandId,
    signed: SignedCommand,
}

impl VerifiedCommand {
    /// The organisation for which it was signed.
    pub fn organisation(&self) -> OrganisationId {
        self.organisation
    }

    /// Its id.
    pub fn id(&self) -> CommandId {
        self.id
    }

    /// Who signed it.
    pub fn signer(&self) -> &VerifyingKey {
        &self.signed.signer
    }

    /// Who signed it.
    pub fn person(&self) -> PersonId {
        self.signed.signer.person()
    }

    /// What it asks for.
    pub fn command(&self) -> &Command {
        &self.signed.command
    }

    /// The signed form.
    pub fn signed(&self) -> &SignedCommand {
        &self.signed
    }
}
