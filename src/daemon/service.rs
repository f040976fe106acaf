//! The `Escrow` service: from messages to the reader and the writer, and back.
//!
//! # Who may call what
//! The link proves which device is calling; the organisation's log says whose device that is and whether its owner
//! may read. This is looked up at every call, and again during streams, so that a revoked device reads nothing more.
//!
//! | caller | methods |
//! |---|---|
//! | anybody | `PrepareFounding` (its token is the permission), `Submit` of a genesis, a join or a new device |
//! | a device certified in the organisation, of somebody who may read | everything; `Submit` of a move only, while a restored log waits for one |
//!
//! Health answers anybody, reflection every device that some organisation certified; see [`super::gate`].
//!
//! A newcomer submits from the device that the command certifies, which the same connection can use from then on.
//! What a command may do is decided by its signature and the rules alone: this module must never judge that, and a
//! device of one member may bring a command that another one signed. Signatures are verified here, beside each other
//! and before the writer, which takes verified commands only.
//!
//! Logs hold organisations and commands by the beginning of their ids, indexes, reasons and durations.

use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use super::callers::Callers;
use super::config::Limits;
use super::limits::{Crowd, Presence, RateLimiter, network};
use super::link::Peer;
use super::live::{Current, Live};
use super::opened::MAX_KEYS;
use super::refused::Refused;
use super::writer::{WriteError, Writer};
use crate::escrow::act::Act;
use crate::escrow::command::SignedCommand;
use crate::escrow::id::{BlobId, CredentialId, DeviceId, Digest, OrganisationId, PersonId};
use crate::escrow::key::VerifyingKey;
use crate::escrow::log::cosignature::Cosignature;
use crate::escrow::log::merkle::TreeHead;
use crate::escrow::moving::MoveStatement;
use crate::escrow::wire::Malformed;
use crate::proto::api::v1 as api;
use crate::proto::api::v1::escrow_server::Escrow;
use crate::seal::invitation::ServerAddress;
use crate::store::StoreError;
use crate::store::reader::{Caller, Reader};

/// Entries in one message of a stream, in bytes; one entry is always sent.
const BATCH_BYTES: usize = 256 * 1024;
/// Blobs read at once; each has at most 256 KiB.
const BATCH_BLOBS: usize = 4;
/// Most blobs that one call may ask for.
const MAX_IDS: usize = 1_000;
/// Messages of a stream that wait for a slow client.
const STREAM_BUFFER: usize = 2;
/// Streams of entries and blobs of one person at once: each holds up to two megabytes until its client takes them.
const STREAMS_PER_PERSON: usize = 8;
/// How long a stream waits for its client to take a message.
const STALLED: Duration = Duration::from_secs(60);
/// After how long somebody beyond their allowance is refused. Calls in flight are limited anyway.
const REFUSED_AFTER: Duration = Duration::from_millis(100);
/// Names that each rate limiter remembers.
const LIMITER_CAPACITY: usize = 65_536;

/// The service. Clones share everything.
#[derive(Clone)]
pub struct Service {
    reader: Reader,
    callers: Callers,
    writer: Writer,
    limits: watch::Receiver<Limits>,
    people: Arc<RateLimiter<PersonId>>,
    strangers: Arc<RateLimiter<IpAddr>>,
    streams: Crowd<PersonId>,
    live: Live,
    closing: watch::Receiver<bool>,
    own: Own,
}

/// Where people reach this server, and what they pin.
#[derive(Clone)]
pub struct Own {
    /// Its TLS key.
    pub server_key: VerifyingKey,
    /// Its name with the port, where the configuration says one.
    pub address: Option<ServerAddress>,
}

impl Own {
    /// Whether a move leads here. Taken for good, one that names another address or TLS key would leave a log with its
    /// key here, and its people looking for it elsewhere.
    fn is_meant_by(&self, statement: &MoveStatement) -> bool {
        let named = |own: &ServerAddress| own.as_str().eq_ignore_ascii_case(statement.address());
        let meant = self.address.as_ref().is_none_or(named) && self.server_key == statement.server_key;
        if !meant {
            // Whoever runs this server can put it right, and sees nothing of what its clients are told.
            let here = self.address.as_ref().map_or("", ServerAddress::as_str);
            let other_key = self.server_key != statement.server_key;
            tracing::warn!(
                organisation = %statement.organisation, move_to = statement.address(), here, other_key,
                "a move to another address or TLS key than this server's was refused; if it was meant for here, set \
                 `name` in the configuration to the move's address, or have a new move made of `sequestred place`"
            );
        }
        meant
    }
}

type Stream<T> = Held<T>;
type Answer<T> = Result<Response<T>, Status>;

/// The messages of a stream. With it goes what its caller has of the room for streams: what was made and not taken yet
/// is held by it, not by whoever makes it.
pub struct Held<T> {
    messages: ReceiverStream<Result<T, Status>>,
    _place: Option<Presence<PersonId>>,
}

impl<T> tokio_stream::Stream for Held<T> {
    type Item = Result<T, Status>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Pin::new(&mut self.get_mut().messages).poll_next(cx)
    }
}

/// Why a stream ends before its end.
enum Stop {
    /// The client went away.
    Gone,
    Refused(Refused),
}

impl<E: Into<Refused>> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::Refused(error.into())
    }
}

impl Service {
    /// Once `closing` holds true, streams end.
    pub fn new(
        reader: Reader,
        callers: Callers,
        writer: Writer,
        live: Live,
        limits: watch::Receiver<Limits>,
        closing: watch::Receiver<bool>,
        own: Own,
    ) -> Self {
        Self {
            live,
            reader,
            callers,
            writer,
            limits,
            people: Arc::new(RateLimiter::new(LIMITER_CAPACITY)),
            strangers: Arc::new(RateLimiter::new(LIMITER_CAPACITY)),
            streams: Crowd::new(STREAMS_PER_PERSON),
            closing,
            own,
        }
    }

    /// Reads on a thread for blocking work.
    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Reader) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, Refused> {
        let reader = self.reader.clone();
        let read = tokio::task::spawn_blocking(move || read(&reader)).await;
        // A blocking task is cancelled only when the process stops.
        Ok(read.map_err(|_| Refused::Closing)??)
    }

    async fn look_up(
        &self,
        organisation: OrganisationId,
        device: Option<DeviceId>,
    ) -> Result<Option<Caller>, Refused> {
        match device {
            Some(device) => self.callers.look_up(organisation, device).await,
            None => Ok(None),
        }
    }

    /// The person who calls, counted against their allowance; refused unless they may read this organisation's log.
    async fn member(&self, peer: Peer, organisation: OrganisationId) -> Result<Caller, Refused> {
        match self.look_up(organisation, peer.device).await? {
            Some(caller) => {
                self.count_person(&caller).await?;
                if caller.waiting {
                    return Err(WriteError::NotMoved.into());
                }
                Ok(caller)
            }
            None => {
                self.count_stranger(peer).await?;
                Err(stranger(peer))
            }
        }
    }

    async fn count_person(&self, caller: &Caller) -> Result<(), Refused> {
        let per_minute = self.limits.borrow().requests_per_minute;
        within(self.people.take(caller.person, per_minute, Instant::now())).await
    }

    async fn count_stranger(&self, peer: Peer) -> Result<(), Refused> {
        let per_minute = self.limits.borrow().requests_per_minute;
        within(self.strangers.take(network(peer.address.ip()), per_minute, Instant::now())).await
    }

    /// A place for one more stream of entries or blobs.
    fn bulk(&self, caller: &Caller) -> Result<Presence<PersonId>, Refused> {
        self.streams.enter(caller.person).ok_or(Refused::Write(WriteError::Busy))
    }

    /// Starts a stream whose messages `produce` pushes.
    fn stream<T, F>(
        &self,
        place: Option<Presence<PersonId>>,
        produce: impl FnOnce(Sink<T>) -> F,
    ) -> Response<Stream<T>>
    where
        T: Send + 'static,
        F: Future<Output = Result<(), Stop>> + Send + 'static,
    {
        let (sender, receiver) = mpsc::channel(STREAM_BUFFER);
        let produced = produce(Sink { sender: sender.clone(), closing: self.closing.clone() });
        tokio::spawn(async move {
            if let Err(Stop::Refused(refused)) = produced.await {
                // Not sent: the client is gone and needs no reason.
                let _ = sender.send(Err(refused.into())).await;
            }
        });
        Response::new(Held { messages: ReceiverStream::new(receiver), _place: place })
    }

    async fn put_on_log(&self, peer: Peer, message: api::SubmitRequest) -> Result<api::SubmitResponse, Refused> {
        let started = Instant::now();
        let signed = message.command.ok_or(Malformed::Missing("command"))?;
        let signed = SignedCommand::parse(signed)?;
        let organisation = match signed.founds() {
            Some(id) if message.organisation.is_empty() || message.organisation == id.as_bytes() => id,
            Some(_) => return Err(Malformed::Range("organisation").into()),
            None => OrganisationId::parse(&message.organisation)?,
        };
        match self.look_up(organisation, peer.device).await? {
            Some(caller) => self.count_person(&caller).await?,
            None => {
                self.count_stranger(peer).await?;
                check_newcomer(peer, &signed)?;
            }
        }
        // Not before: the writer waits a moment for what is announced, and whoever insists is kept waiting.
        let announced = self.writer.announce();
        if let Act::Move(moving) = &signed.command().act
            && !self.own.is_meant_by(&moving.statement)
        {
            return Err(WriteError::MovedElsewhere.into());
        }
        let token = match message.founding_token.as_slice() {
            [] => None,
            token => Some(token.try_into().map_err(|_| Malformed::Range("founding token"))?),
        };
        // Right here: it takes some ten microseconds, the runtime has a thread for each processor, and handing it to yet
        // another one would cost as much as it could save.
        let verified = signed.verify(organisation)?;
        drop(announced);
        let command = verified.id();
        let blobs = message.blobs.into_iter().map(|blob| blob.content).collect();
        let index = self.writer.submit(verified, blobs, token).await?;
        let milliseconds = started.elapsed().as_millis() as u64;
        // Not for everybody to read: the log itself says what happened, and the numbers say how fast.
        tracing::debug!(?organisation, ?command, index, milliseconds, "on the log");
        Ok(api::SubmitResponse { index, organisation: organisation.to_vec() })
    }
}

/// Whoever insists beyond their allowance is refused, and not at once: as fast as refusals come, they would ask again.
async fn within(taken: Result<(), Duration>) -> Result<(), Refused> {
    let Err(retry) = taken else { return Ok(()) };
    tokio::time::sleep(REFUSED_AFTER).await;
    Err(Refused::TooManyRequests { retry })
}

/// Where a stream's messages go.
struct Sink<T> {
    sender: mpsc::Sender<Result<T, Status>>,
    closing: watch::Receiver<bool>,
}

impl<T> Sink<T> {
    /// Waits until the client takes it, but not for ever.
    async fn push(&mut self, message: T) -> Result<(), Stop> {
        tokio::select! {
            sent = self.sender.send_timeout(Ok(message), STALLED) => sent.map_err(|_| Stop::Gone),
            stop = stopped(&mut self.closing) => Err(stop),
        }
    }

    /// Waits so long, as long as anybody listens.
    async fn pause(&mut self, wait: Duration) -> Result<(), Stop> {
        tokio::select! {
            () = tokio::time::sleep(wait) => Ok(()),
            () = self.sender.closed() => Err(Stop::Gone),
            stop = stopped(&mut self.closing) => Err(stop),
        }
    }

    /// Waits for a new value, as long as anybody listens.
    async fn changed(&mut self, value: &mut watch::Receiver<u64>) -> Result<(), Stop> {
        tokio::select! {
            changed = value.changed() => changed.map_err(|_| Refused::Closing.into()),
            () = self.sender.closed() => Err(Stop::Gone),
            stop = stopped(&mut self.closing) => Err(stop),
        }
    }
}

/// Waits until the daemon stops.
async fn stopped(closing: &mut watch::Receiver<bool>) -> Stop {
    // An error means that the daemon is gone altogether.
    let _ = closing.wait_for(|closing| *closing).await;
    Refused::Closing.into()
}

fn peer<T>(request: &Request<T>) -> Result<Peer, Refused> {
    request.extensions().get().copied().ok_or(Refused::NoDevice)
}

fn stranger(peer: Peer) -> Refused {
    if peer.device.is_some() { Refused::UnknownDevice } else { Refused::NoDevice }
}

/// What somebody may submit who is not in the organisation: commands that take them in, from the device that these
/// certify. Without a certificate there is nothing to compare.
fn check_newcomer(peer: Peer, signed: &SignedCommand) -> Result<(), Refused> {
    let certified: VerifyingKey = match &signed.command().act {
        Act::Genesis(genesis) => genesis.device,
        Act::Join(join) => join.device,
        Act::EnrolDevice(enrol) => enrol.device,
        _ => return Err(stranger(peer)),
    };
    match peer.device {
        Some(device) if device != certified.device() => Err(Refused::DeviceDiffers),
        _ => Ok(()),
    }
}

fn tree_head(tree: Option<crate::proto::v1::TreeHead>) -> Result<TreeHead, Refused> {
    let tree = tree.ok_or(Malformed::Missing("tree"))?;
    let head = TreeHead { size: tree.size, root: Digest::parse(&tree.root)? };
    if head.is_possible() { Ok(head) } else { Err(Malformed::Range("tree").into()) }
}

fn blob_ids(ids: &[Vec<u8>]) -> Result<Vec<BlobId>, Refused> {
    if ids.len() > MAX_IDS {
        return Err(Refused::MessageTooLarge);
    }
    Ok(ids.iter().map(|id| BlobId::parse(id)).collect::<Result<_, _>>()?)
}

fn blob(content: Vec<u8>) -> api::Blob {
    api::Blob { content: content.into() }
}

#[tonic::async_trait]
impl Escrow for Service {
    async fn prepare_founding(
        &self,
        request: Request<api::PrepareFoundingRequest>,
    ) -> Answer<api::PrepareFoundingResponse> {
        self.count_stranger(peer(&request)?).await?;
        let token = request.into_inner().token.try_into().map_err(|_| Refused::Write(WriteError::FoundingToken))?;
        let key = self.writer.prepare_founding(token).await.map_err(Refused::from)?;
        Ok(Response::new(api::PrepareFoundingResponse { log_key: Some(key.into()) }))
    }

    async fn submit(&self, request: Request<api::SubmitRequest>) -> Answer<api::SubmitResponse> {
        let peer = peer(&request)?;
        Ok(Response::new(self.put_on_log(peer, request.into_inner()).await?))
    }

    async fn get_checkpoint(
        &self,
        request: Request<api::GetCheckpointRequest>,
    ) -> Answer<api::GetCheckpointResponse> {
        let peer = peer(&request)?;
        let organisation = OrganisationId::parse(&request.get_ref().organisation).map_err(Refused::from)?;
        self.member(peer, organisation).await?;
        let found = self.read(move |reader| reader.checkpoint(&organisation)).await?;
        let (checkpoint, cosignatures) = found.ok_or(Refused::Write(WriteError::UnknownOrganisation))?;
        let cosignatures =
            cosignatures.into_iter().map(|(tree, line)| api::Cosignature { tree: Some(tree.into()), line }).collect();
        Ok(Response::new(api::GetCheckpointResponse { checkpoint, cosignatures }))
    }

    async fn get_opening_keys(
        &self,
        request: Request<api::GetOpeningKeysRequest>,
    ) -> Answer<api::GetOpeningKeysResponse> {
        let peer = peer(&request)?;
        let api::GetOpeningKeysRequest { organisation, count } = request.into_inner();
        let organisation = OrganisationId::parse(&organisation).map_err(Refused::from)?;
        let count = usize::try_from(count).ok().filter(|count| (1..=MAX_KEYS).contains(count));
        let count = count.ok_or(Refused::from(Malformed::Range("number of keys")))?;
        let caller = self.member(peer, organisation).await?;
        Ok(Response::new(self.live.opening_keys(organisation, caller.person, count).await?))
    }

    async fn get_wrapping_key(
        &self,
        request: Request<api::GetWrappingKeyRequest>,
    ) -> Answer<api::GetWrappingKeyResponse> {
        let peer = peer(&request)?;
        let organisation = OrganisationId::parse(&request.get_ref().organisation).map_err(Refused::from)?;
        self.member(peer, organisation).await?;
        Ok(Response::new(self.live.wrapping_key(organisation).await?))
    }

    type StreamCodesStream = Stream<api::StreamCodesResponse>;

    async fn stream_codes(&self, request: Request<api::StreamCodesRequest>) -> Answer<Self::StreamCodesStream> {
        let peer = peer(&request)?;
        let api::StreamCodesRequest { organisation, request_index } = request.into_inner();
        let organisation = OrganisationId::parse(&organisation).map_err(Refused::from)?;
        let caller = self.member(peer, organisation).await?;
        // A refusal at once is a refusal of the call.
        self.live.code(organisation, caller.person, request_index).await?;
        let service = self.clone();
        Ok(self.stream(None, async move |mut sink: Sink<_>| {
            let mut told = None;
            loop {
                // Whoever was shut out meanwhile gets no further code, nor does anybody once the lease is over.
                service.look_up(organisation, peer.device).await?.ok_or(stranger(peer))?;
                let Current { code, wait } = service.live.code(organisation, caller.person, request_index).await?;
                if told != Some(code.until) {
                    told = Some(code.until);
                    sink.push(api::StreamCodesResponse { code: code.digits, until: code.until.0 }).await?;
                }
                sink.pause(wait).await?;
            }
        }))
    }

    async fn verify_credential(
        &self,
        request: Request<api::VerifyCredentialRequest>,
    ) -> Answer<api::VerifyCredentialResponse> {
        let peer = peer(&request)?;
        let api::VerifyCredentialRequest { organisation, credential } = request.into_inner();
        let organisation = OrganisationId::parse(&organisation).map_err(Refused::from)?;
        let credential = CredentialId::parse(&credential).map_err(Refused::from)?;
        let caller = self.member(peer, organisation).await?;
        let works = self.live.verify(organisation, caller.person, credential).await?;
        Ok(Response::new(api::VerifyCredentialResponse { works }))
    }

    async fn get_work(&self, request: Request<api::GetWorkRequest>) -> Answer<api::GetWorkResponse> {
        let peer = peer(&request)?;
        let organisation = OrganisationId::parse(&request.get_ref().organisation).map_err(Refused::from)?;
        self.member(peer, organisation).await?;
        Ok(Response::new(self.live.work(&organisation)))
    }

    type StreamEntriesStream = Stream<api::StreamEntriesResponse>;

    async fn stream_entries(&self, request: Request<api::StreamEntriesRequest>) -> Answer<Self::StreamEntriesStream> {
        let peer = peer(&request)?;
        let api::StreamEntriesRequest { organisation, from, to } = request.into_inner();
        let organisation = OrganisationId::parse(&organisation).map_err(Refused::from)?;
        if from > to {
            return Err(Refused::from(Malformed::Range("range of entries")).into());
        }
        let place = self.bulk(&self.member(peer, organisation).await?)?;
        let service = self.clone();
        Ok(self.stream(Some(place), async move |mut sink: Sink<_>| {
            let mut next = from;
            while next < to {
                service.look_up(organisation, peer.device).await?.ok_or(stranger(peer))?;
                let read = service.read(move |reader| reader.entries(&organisation, next, to, BATCH_BYTES));
                let entries = read.await?;
                if entries.is_empty() {
                    break;
                }
                next = next.saturating_add(entries.len() as u64);
                sink.push(api::StreamEntriesResponse { entries }).await?;
            }
            Ok(())
        }))
    }

    async fn get_inclusion_proof(
        &self,
        request: Request<api::GetInclusionProofRequest>,
    ) -> Answer<api::GetInclusionProofResponse> {
        let peer = peer(&request)?;
        let api::GetInclusionProofRequest { organisation, index } = request.into_inner();
        let organisation = OrganisationId::parse(&organisation).map_err(Refused::from)?;
        self.member(peer, organisation).await?;
        let proof = self.read(move |reader| reader.inclusion_proof(&organisation, index)).await?;
        Ok(Response::new(api::GetInclusionProofResponse { proof }))
    }

    async fn get_consistency_proof(
        &self,
        request: Request<api::GetConsistencyProofRequest>,
    ) -> Answer<api::GetConsistencyProofResponse> {
        let peer = peer(&request)?;
        let api::GetConsistencyProofRequest { organisation, old_size } = request.into_inner();
        let organisation = OrganisationId::parse(&organisation).map_err(Refused::from)?;
        self.member(peer, organisation).await?;
        let (hashes, checkpoint) = self.read(move |reader| reader.consistency_proof(&organisation, old_size)).await?;
        let hashes = hashes.into_iter().map(Digest::to_vec).collect();
        Ok(Response::new(api::GetConsistencyProofResponse { hashes, checkpoint }))
    }

    type GetBlobsStream = Stream<api::Blob>;

    async fn get_blobs(&self, request: Request<api::GetBlobsRequest>) -> Answer<Self::GetBlobsStream> {
        let peer = peer(&request)?;
        let api::GetBlobsRequest { organisation, ids } = request.into_inner();
        let organisation = OrganisationId::parse(&organisation).map_err(Refused::from)?;
        let ids = blob_ids(&ids)?;
        let place = self.bulk(&self.member(peer, organisation).await?)?;
        let service = self.clone();
        Ok(self.stream(Some(place), async move |mut sink: Sink<_>| {
            for batch in ids.chunks(BATCH_BLOBS) {
                let caller = service.look_up(organisation, peer.device).await?.ok_or(stranger(peer))?;
                let batch = batch.to_vec();
                for content in service.read(move |reader| reader.blobs(&organisation, &batch, &caller)).await? {
                    sink.push(blob(content)).await?;
                }
            }
            Ok(())
        }))
    }

    async fn put_blobs(&self, request: Request<api::PutBlobsRequest>) -> Answer<api::PutBlobsResponse> {
        let peer = peer(&request)?;
        let api::PutBlobsRequest { organisation, blobs, offered } = request.into_inner();
        let organisation = OrganisationId::parse(&organisation).map_err(Refused::from)?;
        let offered = blob_ids(&offered)?;
        let caller = self.member(peer, organisation).await?;
        let blobs: Vec<Bytes> = blobs.into_iter().map(|blob| blob.content).collect();
        if !blobs.is_empty() || offered.is_empty() {
            self.writer.put_blobs(organisation, caller.person, blobs).await.map_err(Refused::from)?;
        }
        let lacking = self.read(move |reader| reader.lacking(&organisation, &offered)).await?;
        Ok(Response::new(api::PutBlobsResponse { lacking: lacking.into_iter().map(BlobId::to_vec).collect() }))
    }

    async fn cosign(&self, request: Request<api::CosignRequest>) -> Answer<api::CosignResponse> {
        let peer = peer(&request)?;
        let api::CosignRequest { organisation, cosignature } = request.into_inner();
        let organisation = OrganisationId::parse(&organisation).map_err(Refused::from)?;
        self.member(peer, organisation).await?;
        let sent = cosignature.ok_or(Refused::from(Malformed::Missing("cosignature")))?;
        let head = tree_head(sent.tree)?;
        let cosignature: Cosignature = sent.line.parse().map_err(Refused::from)?;
        if cosignature.cosigner().organisation != organisation {
            return Err(Refused::from(Malformed::Range("cosigner's organisation")).into());
        }
        self.writer.cosign(cosignature, head).await.map_err(Refused::from)?;
        Ok(Response::new(api::CosignResponse {}))
    }

    async fn collect(&self, request: Request<api::CollectRequest>) -> Answer<api::CollectResponse> {
        let peer = peer(&request)?;
        let api::CollectRequest { organisation, request_index } = request.into_inner();
        let organisation = OrganisationId::parse(&organisation).map_err(Refused::from)?;
        let caller = self.member(peer, organisation).await?;
        let collected =
            self.writer.collect(organisation, caller.person, request_index).await.map_err(Refused::from)?;
        tracing::info!(?organisation, request = request_index, "collected");
        let blobs = collected.shares.into_iter().chain(collected.sealed).map(blob).collect();
        Ok(Response::new(api::CollectResponse { blobs }))
    }

    type WatchStream = Stream<api::WatchResponse>;

    async fn watch(&self, request: Request<api::WatchRequest>) -> Answer<Self::WatchStream> {
        let peer = peer(&request)?;
        let organisation = OrganisationId::parse(&request.get_ref().organisation).map_err(Refused::from)?;
        self.member(peer, organisation).await?;
        let service = self.clone();
        Ok(self.stream(None, async move |mut sink: Sink<_>| {
            let mut sizes = service.writer.subscribe(&organisation);
            loop {
                let size = *sizes.borrow_and_update();
                // A revocation is an entry too, so whoever is shut out learns it here, and no size after it.
                service.look_up(organisation, peer.device).await?.ok_or(stranger(peer))?;
                sink.push(api::WatchResponse { size }).await?;
                sink.changed(&mut sizes).await?;
            }
        }))
    }
}
