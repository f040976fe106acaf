//! The daemon, seen from the client: calls and their refusals. What comes back is a claim; the
//! [replica](super::replica) decides what to believe.

use std::collections::BTreeSet;

use bytes::Bytes;
use prost::Message as _;
use tonic::Status;
use tonic::transport::Channel;
use tonic_types::StatusExt as _;

use super::failure::{Exit, Failure};
use crate::escrow::command::SignedCommand;
use crate::escrow::id::{BlobId, CredentialId, OrganisationId};
use crate::escrow::key::{RecipientKey, Signature, VerifyingKey};
use crate::escrow::log::cosignature::Cosignature;
use crate::escrow::log::merkle::TreeHead;
use crate::escrow::time::Time;
use crate::escrow::wire::{self, MAX_ENTRY_BYTES};
use crate::proto::api::v1 as api;
use crate::proto::api::v1::escrow_client::EscrowClient;
use crate::proto::v1;
use crate::seal::device::DeviceKey;
use crate::seal::secret::Secret;
use crate::tls::{self, ConnectError};

/// Most bytes of blobs in one upload or answer, below the daemon's limit on messages.
const MAX_MESSAGE: usize = 8 << 20;

/// A connection to one daemon, with one device key.
#[derive(Debug, Clone)]
pub struct Remote {
    client: EscrowClient<Channel>,
    address: String,
}

/// A checkpoint with the cosignatures that the daemon shows for it.
pub struct Shown {
    /// The signed note.
    pub note: String,
    /// Claims, each with the tree that it is about.
    pub cosignatures: Vec<(TreeHead, Cosignature)>,
}

impl Remote {
    /// Connects to exactly this server.
    pub async fn connect(address: &str, server: &VerifyingKey, device: &DeviceKey) -> Result<Self, Failure> {
        let channel = tls::connect(address, *server, Some(device)).await.map_err(|error| match error {
            ConnectError::ServerKeyChanged(_) => {
                Failure::new(Exit::Distrust, "distrust-server-key").with("address", address)
            }
            other => Failure::new(Exit::Unreachable, "failed-unreachable").with("address", address).because(other),
        })?;
        let client = EscrowClient::new(channel).max_decoding_message_size(MAX_MESSAGE);
        Ok(Self { client, address: address.to_owned() })
    }

    /// Puts a command on the log; the index is to be verified.
    pub async fn submit(
        &mut self,
        organisation: Option<OrganisationId>,
        command: &SignedCommand,
        blobs: Vec<Vec<u8>>,
        founding_token: Vec<u8>,
    ) -> Result<u64, Failure> {
        let request = api::SubmitRequest {
            organisation: organisation.map(|id| id.to_vec()).unwrap_or_default(),
            command: Some(command.to_wire()),
            blobs: blobs.into_iter().map(|content| api::Blob { content: content.into() }).collect(),
            founding_token,
        };
        let answer = self.client.submit(request).await.map_err(|s| self.refused(s))?;
        Ok(answer.into_inner().index)
    }

    /// A log key for an organisation to be founded.
    pub async fn prepare_founding(&mut self, token: &[u8]) -> Result<VerifyingKey, Failure> {
        let request = api::PrepareFoundingRequest { token: token.to_vec() };
        let answer = self.client.prepare_founding(request).await.map_err(|s| self.refused(s))?;
        let key = answer.into_inner().log_key.unwrap_or_default();
        VerifyingKey::parse(key.algorithm, &key.key).map_err(|e| self.nonsense(e))
    }

    /// The newest checkpoint.
    pub async fn checkpoint(&mut self, organisation: OrganisationId) -> Result<Shown, Failure> {
        let request = api::GetCheckpointRequest { organisation: organisation.to_vec() };
        let answer = self.client.get_checkpoint(request).await.map_err(|s| self.refused(s))?.into_inner();
        let claims = answer.cosignatures.into_iter().filter_map(|c| {
            // One unreadable cosignature does not make the others worthless.
            Some((wire::tree_head(c.tree).ok()?, c.line.parse().ok()?))
        });
        Ok(Shown { note: answer.checkpoint, cosignatures: claims.collect() })
    }

    /// Entries `from` … `to` − 1, handed over batch by batch so that each is verified before the next is awaited. `to`
    /// is a number that the server chose.
    pub async fn entries(
        &mut self,
        organisation: OrganisationId,
        from: u64,
        to: u64,
        mut each: impl FnMut(&[Bytes]) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let request = api::StreamEntriesRequest { organisation: organisation.to_vec(), from, to };
        let mut stream = self.client.stream_entries(request).await.map_err(|s| self.refused(s))?.into_inner();
        let mut left = to.saturating_sub(from);
        while left > 0 {
            let Some(batch) = stream.message().await.map_err(|s| self.refused(s))? else {
                let failure = Failure::new(Exit::Unreachable, "failed-unreachable").with("address", &self.address);
                return Err(failure.because("the server sent fewer entries than its checkpoint counts"));
            };
            let entries = batch.entries;
            // Without this check a server could send empty batches for ever.
            if entries.is_empty() {
                return Err(self.nonsense("a batch without entries"));
            }
            let count = entries.len() as u64;
            left = left.checked_sub(count).ok_or_else(|| self.nonsense("more entries than asked for"))?;
            if entries.iter().any(|entry| entry.len() >= MAX_ENTRY_BYTES) {
                return Err(self.nonsense("an entry that is longer than any entry may be"));
            }
            each(&entries)?;
        }
        Ok(())
    }

    /// Blobs by name; the daemon leaves out what it does not have or what is not for us. Only what was asked for is
    /// handed over, each once: a server must not be able to fill the disk.
    pub async fn blobs(
        &mut self,
        organisation: OrganisationId,
        ids: &[BlobId],
        mut each: impl FnMut(Vec<u8>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        for ids in ids.chunks(500) {
            let mut wanted: BTreeSet<BlobId> = ids.iter().copied().collect();
            let ids = ids.iter().map(|id| id.to_vec()).collect();
            let request = api::GetBlobsRequest { organisation: organisation.to_vec(), ids };
            let mut stream = self.client.get_blobs(request).await.map_err(|s| self.refused(s))?.into_inner();
            while !wanted.is_empty()
                && let Some(blob) = stream.message().await.map_err(|s| self.refused(s))?
            {
                if !wanted.remove(&BlobId::of(&blob.content)) {
                    return Err(self.nonsense("something that was not asked for"));
                }
                each(blob.content.into())?;
            }
        }
        Ok(())
    }

    /// Uploads re-sealed shares that an approval in the log names, or live blobs that the server lacks.
    pub async fn put_blobs(&mut self, organisation: OrganisationId, blobs: Vec<Vec<u8>>) -> Result<(), Failure> {
        let blobs = blobs.into_iter().map(|content| api::Blob { content: content.into() }).collect();
        let request = api::PutBlobsRequest { organisation: organisation.to_vec(), blobs, offered: Vec::new() };
        self.client.put_blobs(request).await.map_err(|s| self.refused(s))?;
        Ok(())
    }

    /// Which of these live blobs the server does not have. What it names besides is no answer.
    pub async fn lacking(&mut self, organisation: OrganisationId, ids: &[BlobId]) -> Result<Vec<BlobId>, Failure> {
        let mut lacking = Vec::new();
        for ids in ids.chunks(500) {
            let offered = ids.iter().map(|id| id.to_vec()).collect();
            let request = api::PutBlobsRequest { organisation: organisation.to_vec(), blobs: Vec::new(), offered };
            let answer = self.client.put_blobs(request).await.map_err(|s| self.refused(s))?.into_inner();
            let named: BTreeSet<Vec<u8>> = answer.lacking.into_iter().collect();
            lacking.extend(ids.iter().filter(|id| named.contains(id.as_bytes().as_slice())));
        }
        Ok(lacking)
    }

    /// Hands in our cosignature of a tree.
    pub async fn cosign(
        &mut self,
        organisation: OrganisationId,
        tree: TreeHead,
        cosignature: &Cosignature,
    ) -> Result<(), Failure> {
        let cosignature = api::Cosignature { tree: Some(tree.into()), line: cosignature.to_string() };
        let request = api::CosignRequest { organisation: organisation.to_vec(), cosignature: Some(cosignature) };
        self.client.cosign(request).await.map_err(|s| self.refused(s))?;
        Ok(())
    }

    /// Fetches the shares released to a request of ours, and the sealed parts; this starts the lease.
    pub async fn collect(&mut self, organisation: OrganisationId, request: u64) -> Result<Vec<Vec<u8>>, Failure> {
        let request = api::CollectRequest { organisation: organisation.to_vec(), request_index: request };
        let answer = self.client.collect(request).await.map_err(|s| self.refused(s))?;
        Ok(answer.into_inner().blobs.into_iter().map(|blob| blob.content.into()).collect())
    }

    /// Keys of the daemon's memory, each for one part of one request. The rules check that they are vouched for.
    pub async fn opening_keys(
        &mut self,
        organisation: OrganisationId,
        count: u32,
    ) -> Result<Vec<(RecipientKey, Signature)>, Failure> {
        let request = api::GetOpeningKeysRequest { organisation: organisation.to_vec(), count };
        let answer = self.client.get_opening_keys(request).await.map_err(|s| self.refused(s))?;
        let keys = answer.into_inner().keys;
        if keys.len() != count as usize {
            return Err(self.nonsense("another number of keys than was asked for"));
        }
        keys.into_iter().map(|key| self.vouched(Some(key))).collect()
    }

    /// The key to which delegations are wrapped, as the server says: its signature is to be verified.
    pub async fn wrapping_key(&mut self, organisation: OrganisationId) -> Result<(RecipientKey, Signature), Failure> {
        let request = api::GetWrappingKeyRequest { organisation: organisation.to_vec() };
        let answer = self.client.get_wrapping_key(request).await.map_err(|s| self.refused(s))?;
        self.vouched(answer.into_inner().key)
    }

    fn vouched(&self, key: Option<api::VouchedKey>) -> Result<(RecipientKey, Signature), Failure> {
        let api::VouchedKey { recipient, vouched } = key.unwrap_or_default();
        let (recipient, vouched) = (recipient.unwrap_or_default(), vouched.unwrap_or_default());
        let recipient = RecipientKey::parse(recipient.algorithm, &recipient.key).map_err(|e| self.nonsense(e))?;
        let vouched = Signature::parse(vouched.algorithm, &vouched.signature).map_err(|e| self.nonsense(e))?;
        Ok((recipient, vouched))
    }

    /// The one-time passwords of a lease of ours: the present one at once, each next one when it begins.
    pub async fn codes(&mut self, organisation: OrganisationId, request: u64) -> Result<Codes, Failure> {
        let request = api::StreamCodesRequest { organisation: organisation.to_vec(), request_index: request };
        let stream = self.client.stream_codes(request).await.map_err(|s| self.refused(s))?.into_inner();
        Ok(Codes { stream, remote: self.clone() })
    }

    /// Whether an account's secret works at its target, as the server says.
    pub async fn verify_credential(
        &mut self,
        organisation: OrganisationId,
        credential: CredentialId,
    ) -> Result<bool, Failure> {
        let (organisation, credential) = (organisation.to_vec(), credential.to_vec());
        let request = api::VerifyCredentialRequest { organisation, credential };
        Ok(self.client.verify_credential(request).await.map_err(|s| self.refused(s))?.into_inner().works)
    }

    /// What the daemon says that it still has to do at targets, and why it is not done.
    pub async fn work(&mut self, organisation: OrganisationId) -> Result<Vec<api::Work>, Failure> {
        let request = api::GetWorkRequest { organisation: organisation.to_vec() };
        Ok(self.client.get_work(request).await.map_err(|s| self.refused(s))?.into_inner().work)
    }

    /// The log's sizes as the server tells them: the current one at once, then each new one.
    pub async fn watch(&mut self, organisation: OrganisationId) -> Result<Sizes, Failure> {
        let request = api::WatchRequest { organisation: organisation.to_vec() };
        let stream = self.client.watch(request).await.map_err(|s| self.refused(s))?.into_inner();
        Ok(Sizes { stream, remote: self.clone() })
    }

    /// A refusal with a reason becomes its sentence; anything else is trouble on the way.
    pub(super) fn refused(&self, status: Status) -> Failure {
        let details = status.get_error_details();
        match details.error_info() {
            Some(info) if info.domain == "sequestre" => Failure::refused(&info.reason, info.metadata.clone()),
            _ => Failure::new(Exit::Unreachable, "failed-unreachable").with("address", &self.address).because(status),
        }
    }

    fn nonsense(&self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Failure {
        Failure::new(Exit::Distrust, "distrust-nonsense").with("address", &self.address).because(source)
    }
}

/// What [`Remote::watch`] gives.
pub struct Sizes {
    stream: tonic::Streaming<api::WatchResponse>,
    remote: Remote,
}

impl Sizes {
    /// The next size. A server that ends the stream does not answer any more.
    pub async fn next(&mut self) -> Result<u64, Failure> {
        match self.stream.message().await {
            Ok(Some(answer)) => Ok(answer.size),
            Ok(None) => {
                Err(Failure::new(Exit::Unreachable, "failed-unreachable").with("address", &self.remote.address))
            }
            Err(status) => Err(self.remote.refused(status)),
        }
    }
}

/// What [`Remote::codes`] gives.
pub struct Codes {
    stream: tonic::Streaming<api::StreamCodesResponse>,
    remote: Remote,
}

impl Codes {
    /// The next code and until when it counts; nothing once the server ends them.
    pub async fn next(&mut self) -> Result<Option<(Secret, Time)>, Failure> {
        let answer = self.stream.message().await.map_err(|status| self.remote.refused(status))?;
        Ok(answer.map(|answer| (Secret::from_string(answer.code), Time(answer.until))))
    }
}

/// The wire form of a signed command, for keeping it on disk.
pub fn encode(command: &SignedCommand) -> Vec<u8> {
    command.to_wire().encode_to_vec()
}

/// A signed command from its wire form.
pub fn decode(bytes: &[u8]) -> Option<SignedCommand> {
    SignedCommand::parse(v1::SignedCommand::decode(bytes).ok()?).ok()
}

/// Several signed commands in one file.
pub fn encode_list(commands: &[SignedCommand]) -> Vec<u8> {
    let pieces: Vec<Vec<u8>> = commands.iter().map(encode).collect();
    join(&pieces)
}

/// The commands of such a file.
pub fn decode_list(bytes: &[u8]) -> Option<Vec<SignedCommand>> {
    split(bytes)?.iter().map(|piece| decode(piece)).collect()
}

/// Pieces in one file: each with a 4-byte big-endian length before it.
pub fn join<'a>(pieces: impl IntoIterator<Item = &'a Vec<u8>>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for piece in pieces {
        bytes.extend_from_slice(&u32::try_from(piece.len()).unwrap_or(u32::MAX).to_be_bytes());
        bytes.extend_from_slice(piece);
    }
    bytes
}

/// The pieces of such a file.
pub fn split(mut bytes: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut pieces = Vec::new();
    while !bytes.is_empty() {
        let (piece, rest) = super::replica::split_entry(bytes)?;
        pieces.push(piece.to_vec());
        bytes = rest;
    }
    Some(pieces)
}
