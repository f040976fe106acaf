//! The daemon, seen from the client: calls and their refusals. What comes back is a claim; the
//! [replica](super::replica) decides what to believe.

use prost::Message as _;
use tonic::Status;
use tonic::transport::Channel;
use tonic_types::StatusExt as _;

use super::failure::{Exit, Failure};
use crate::escrow::command::SignedCommand;
use crate::escrow::id::{BlobId, OrganisationId};
use crate::escrow::key::VerifyingKey;
use crate::escrow::log::cosignature::Cosignature;
use crate::escrow::log::merkle::TreeHead;
use crate::escrow::wire;
use crate::proto::api::v1 as api;
use crate::proto::api::v1::escrow_client::EscrowClient;
use crate::seal::device::DeviceKey;
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
            blobs: blobs.into_iter().map(|content| api::Blob { content }).collect(),
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

    /// Entries `from` … `to` − 1.
    pub async fn entries(
        &mut self,
        organisation: OrganisationId,
        from: u64,
        to: u64,
        mut progress: impl FnMut(u64),
    ) -> Result<Vec<Vec<u8>>, Failure> {
        let request = api::StreamEntriesRequest { organisation: organisation.to_vec(), from, to };
        let mut stream = self.client.stream_entries(request).await.map_err(|s| self.refused(s))?.into_inner();
        let mut entries = Vec::new();
        while let Some(batch) = stream.message().await.map_err(|s| self.refused(s))? {
            entries.extend(batch.entries);
            progress(entries.len() as u64);
            if entries.len() as u64 > to.saturating_sub(from) {
                return Err(self.nonsense("more entries than asked for"));
            }
        }
        Ok(entries)
    }

    /// Blobs by name; the daemon leaves out what it does not have or what is not for us.
    pub async fn blobs(
        &mut self,
        organisation: OrganisationId,
        ids: &[BlobId],
        mut each: impl FnMut(Vec<u8>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        for ids in ids.chunks(500) {
            let ids = ids.iter().map(|id| id.to_vec()).collect();
            let request = api::GetBlobsRequest { organisation: organisation.to_vec(), ids };
            let mut stream = self.client.get_blobs(request).await.map_err(|s| self.refused(s))?.into_inner();
            while let Some(blob) = stream.message().await.map_err(|s| self.refused(s))? {
                each(blob.content)?;
            }
        }
        Ok(())
    }

    /// Uploads re-sealed shares that an approval in the log names.
    pub async fn put_blobs(&mut self, organisation: OrganisationId, blobs: Vec<Vec<u8>>) -> Result<(), Failure> {
        let blobs = blobs.into_iter().map(|content| api::Blob { content }).collect();
        let request = api::PutBlobsRequest { organisation: organisation.to_vec(), blobs };
        self.client.put_blobs(request).await.map_err(|s| self.refused(s))?;
        Ok(())
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
        Ok(answer.into_inner().blobs.into_iter().map(|blob| blob.content).collect())
    }

    /// Calls back with each new size of the log until the connection ends or `done` says so.
    pub async fn watch(
        &mut self,
        organisation: OrganisationId,
    ) -> Result<tonic::Streaming<api::WatchResponse>, Failure> {
        let request = api::WatchRequest { organisation: organisation.to_vec() };
        Ok(self.client.watch(request).await.map_err(|s| self.refused(s))?.into_inner())
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

/// The wire form of a signed command, for keeping it on disk.
pub fn encode(command: &SignedCommand) -> Vec<u8> {
    command.to_wire().encode_to_vec()
}
