//! A server between the clients and a real daemon, with the real one's key, that does what it is asked and says
//! something else; or loses it, or keeps it, and always writes down all that passes.
#![allow(dead_code, reason = "each test crate uses a part of it")]

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use sequestre::escrow::id::DeviceId;
use sequestre::escrow::key::VerifyingKey;
use sequestre::proto::api::v1::escrow_client::EscrowClient;
use sequestre::proto::api::v1::escrow_server::{Escrow, EscrowServer};
use sequestre::proto::api::v1::{self as api};
use sequestre::seal::device::DeviceKey;
use sequestre::seal::secret::Secret;
use sequestre::tls;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::server::Connected;
use tonic::transport::{Channel, Server};
use tonic::{Code, Request, Response, Status, Streaming};
use tonic_types::{ErrorDetails, StatusExt as _};

/// What the server does next with a submission or an upload, instead of what it should.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lie {
    /// Does it and says that it refused.
    RefusedButDone,
    /// Refuses, for no reason.
    Refused,
    /// Refuses, and gives the clock as the reason.
    Clock,
    /// Does it and says that it cannot.
    AwayButDone,
    /// Refuses, and keeps what was submitted.
    Kept,
    /// Says that it is done, as the newest entry, and forgets it.
    Forgotten,
}

/// The lies to come, oldest first.
#[derive(Clone, Default)]
pub struct Lies {
    pub submit: Arc<Mutex<VecDeque<Lie>>>,
    pub put: Arc<Mutex<VecDeque<Lie>>>,
    pub cosign: Arc<Mutex<VecDeque<Lie>>>,
    /// Sent instead of entries, over and over.
    pub entries: Arc<Mutex<Option<api::StreamEntriesResponse>>>,
    /// Sent instead of the checkpoint and its cosignatures.
    pub checkpoint: Arc<Mutex<Option<String>>>,
    /// Sent before the blobs that are asked for.
    pub blob: Arc<Mutex<Option<api::Blob>>>,
    /// Whether nobody gets a blob.
    pub no_blobs: Arc<AtomicBool>,
    /// What was submitted and is kept.
    pub kept: Arc<Mutex<Vec<api::SubmitRequest>>>,
    /// All that went through a connection, after TLS: one list a direction and connection.
    pub traffic: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Lies {
    /// What passed, as it is on the line and without the frames of HTTP/2, which can part anything.
    pub fn passed(&self) -> Vec<Vec<u8>> {
        let raw = self.traffic.lock().unwrap().clone();
        let whole = raw.iter().flat_map(|bytes| frames(bytes).into_values());
        whole.chain(raw.iter().cloned()).collect()
    }
}

/// The content of DATA frames by stream (RFC 9113, section 4.1).
fn frames(bytes: &[u8]) -> BTreeMap<u32, Vec<u8>> {
    let mut rest = bytes.strip_prefix(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").unwrap_or(bytes);
    let mut streams = BTreeMap::<u32, Vec<u8>>::new();
    while let Some((header, after)) = rest.split_first_chunk::<9>() {
        let length = u32::from_be_bytes([0, header[0], header[1], header[2]]) as usize;
        let (content, after) = after.split_at(length.min(after.len()));
        if header[3] == 0 {
            let stream = u32::from_be_bytes([header[5], header[6], header[7], header[8]]);
            streams.entry(stream).or_default().extend_from_slice(content);
        }
        rest = after;
    }
    streams
}

/// Passes calls on with the caller's own device key, which it takes from the callers' homes.
struct Liar {
    daemon: SocketAddr,
    key: VerifyingKey,
    homes: PathBuf,
    lies: Lies,
}

type Stream<T> = Pin<Box<dyn tokio_stream::Stream<Item = Result<T, Status>> + Send>>;
type Answer<T> = Result<Response<T>, Status>;

impl Liar {
    async fn real<T>(&self, request: &Request<T>) -> Result<EscrowClient<Channel>, Status> {
        let device = request.extensions().get::<Caller>().and_then(|caller| caller.0);
        let device = device.and_then(|id| self.device(&id));
        let channel = tls::connect(&self.daemon.to_string(), self.key, device.as_ref()).await;
        channel.map(EscrowClient::new).map_err(|_| Status::unavailable("the server is gone"))
    }

    fn device(&self, wanted: &DeviceId) -> Option<DeviceKey> {
        let list =
            |path: &Path| std::fs::read_dir(path).map(|d| d.map(|e| e.unwrap().path()).collect()).unwrap_or_default();
        let homes: Vec<PathBuf> = list(&self.homes);
        let folders = homes.iter().flat_map(|home| -> Vec<PathBuf> { list(&home.join("home/organisations")) });
        let keys = folders.filter_map(|folder| {
            let text = std::fs::read(folder.join("device.key")).ok()?;
            DeviceKey::from_bytes(Secret::new(hex::decode(text).unwrap())).ok()
        });
        keys.into_iter().find(|key| key.id() == *wanted)
    }
}

fn refused() -> Status {
    because("MAY_NOT_ASK")
}

fn because(reason: &str) -> Status {
    let details = ErrorDetails::with_error_info(reason, "sequestre", std::collections::HashMap::new());
    Status::with_error_details(Code::PermissionDenied, "no", details)
}

fn next(lies: &Mutex<VecDeque<Lie>>) -> Option<Lie> {
    lies.lock().unwrap().pop_front()
}

/// The service: all that is not written out here is passed on.
macro_rules! escrow {
    ($($name:ident($request:ty) -> $answer:ty;)*) => {
        #[tonic::async_trait]
        impl Escrow for Liar {
            type StreamEntriesStream = Stream<api::StreamEntriesResponse>;
            type GetBlobsStream = Stream<api::Blob>;
            type WatchStream = Streaming<api::WatchResponse>;
            type StreamCodesStream = Streaming<api::StreamCodesResponse>;

            async fn submit(&self, request: Request<api::SubmitRequest>) -> Answer<api::SubmitResponse> {
                let lie = next(&self.lies.submit);
                match lie {
                    Some(Lie::Refused) => return Err(refused()),
                    Some(Lie::Kept) => {
                        self.lies.kept.lock().unwrap().push(request.into_inner());
                        return Err(refused());
                    }
                    Some(Lie::Forgotten) => return Ok(Response::new(api::SubmitResponse { index: 7, ..Default::default() })),
                    Some(Lie::Clock) => return Err(because("CLOCK_SKEW")),
                    Some(Lie::RefusedButDone | Lie::AwayButDone) | None => {}
                }
                let answer = self.real(&request).await?.submit(request.into_inner()).await?;
                if lie.is_some() { Err(refused()) } else { Ok(answer) }
            }

            async fn get_checkpoint(
                &self,
                request: Request<api::GetCheckpointRequest>,
            ) -> Answer<api::GetCheckpointResponse> {
                let instead = self.lies.checkpoint.lock().unwrap().clone();
                if let Some(checkpoint) = instead {
                    return Ok(Response::new(api::GetCheckpointResponse { checkpoint, ..Default::default() }));
                }
                self.real(&request).await?.get_checkpoint(request.into_inner()).await
            }

            async fn put_blobs(&self, request: Request<api::PutBlobsRequest>) -> Answer<api::PutBlobsResponse> {
                if next(&self.lies.put).is_some() {
                    return Err(refused());
                }
                self.real(&request).await?.put_blobs(request.into_inner()).await
            }

            async fn cosign(&self, request: Request<api::CosignRequest>) -> Answer<api::CosignResponse> {
                let answer = self.real(&request).await?.cosign(request.into_inner()).await?;
                if next(&self.lies.cosign).is_some() { Err(Status::unavailable("no")) } else { Ok(answer) }
            }

            async fn stream_entries(
                &self,
                request: Request<api::StreamEntriesRequest>,
            ) -> Answer<Self::StreamEntriesStream> {
                let instead = self.lies.entries.lock().unwrap().clone();
                if let Some(batch) = instead {
                    let forever = std::iter::repeat_with(move || Ok(batch.clone()));
                    return Ok(Response::new(Box::pin(tokio_stream::iter(forever))));
                }
                let answer = self.real(&request).await?.stream_entries(request.into_inner()).await?;
                Ok(answer.map(|stream| Box::pin(stream) as _))
            }

            async fn get_blobs(&self, request: Request<api::GetBlobsRequest>) -> Answer<Self::GetBlobsStream> {
                if self.lies.no_blobs.load(Ordering::SeqCst) {
                    return Ok(Response::new(Box::pin(tokio_stream::empty())));
                }
                let first = self.lies.blob.lock().unwrap().clone().map(Ok);
                let answer = self.real(&request).await?.get_blobs(request.into_inner()).await?;
                Ok(answer.map(|stream| Box::pin(tokio_stream::iter(first).chain(stream)) as _))
            }

            $(async fn $name(&self, request: Request<$request>) -> Answer<$answer> {
                self.real(&request).await?.$name(request.into_inner()).await
            })*
        }
    };
}

escrow! {
    prepare_founding(api::PrepareFoundingRequest) -> api::PrepareFoundingResponse;
    get_inclusion_proof(api::GetInclusionProofRequest) -> api::GetInclusionProofResponse;
    get_consistency_proof(api::GetConsistencyProofRequest) -> api::GetConsistencyProofResponse;
    collect(api::CollectRequest) -> api::CollectResponse;
    watch(api::WatchRequest) -> Streaming<api::WatchResponse>;
    get_opening_keys(api::GetOpeningKeysRequest) -> api::GetOpeningKeysResponse;
    get_wrapping_key(api::GetWrappingKeyRequest) -> api::GetWrappingKeyResponse;
    stream_codes(api::StreamCodesRequest) -> Streaming<api::StreamCodesResponse>;
    verify_credential(api::VerifyCredentialRequest) -> api::VerifyCredentialResponse;
    get_work(api::GetWorkRequest) -> api::GetWorkResponse;
}

/// Serves on `listener` with the key in `data`, in front of the daemon at `daemon`.
pub fn serve(listener: TcpListener, data: &Path, daemon: SocketAddr, homes: PathBuf) -> Lies {
    let key = DeviceKey::from_bytes(Secret::new(std::fs::read(data.join("server.key")).unwrap())).unwrap();
    let acceptor = TlsAcceptor::from(tls::server_config(&key).unwrap());
    let lies = Lies::default();
    let liar = Liar { daemon, key: key.public(), homes, lies: lies.clone() };
    let traffic = lies.traffic.clone();
    let (links, incoming) = tokio::sync::mpsc::channel::<io::Result<Link>>(8);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            if let Ok(stream) = acceptor.accept(stream).await {
                let _ = links.send(Ok(Link::new(stream, &traffic))).await;
            }
        }
    });
    let router = Server::builder().add_service(EscrowServer::new(liar));
    tokio::spawn(router.serve_with_incoming(ReceiverStream::new(incoming)));
    lies
}

struct Link {
    stream: TlsStream<TcpStream>,
    traffic: Arc<Mutex<Vec<Vec<u8>>>>,
    /// Where in `traffic` what comes is written; what goes stands after it.
    place: usize,
}

impl Link {
    fn new(stream: TlsStream<TcpStream>, traffic: &Arc<Mutex<Vec<Vec<u8>>>>) -> Self {
        let mut all = traffic.lock().unwrap();
        let place = all.len();
        all.extend([Vec::new(), Vec::new()]);
        Self { stream, traffic: traffic.clone(), place }
    }

    fn passes(&self, direction: usize, bytes: &[u8]) {
        self.traffic.lock().unwrap()[self.place + direction].extend_from_slice(bytes);
    }
}

/// Who calls.
#[derive(Clone)]
struct Caller(Option<DeviceId>);

impl Connected for Link {
    type ConnectInfo = Caller;

    fn connect_info(&self) -> Caller {
        Caller(tls::peer_key(self.stream.get_ref().1).map(|key| key.device()))
    }
}

impl AsyncRead for Link {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let answer = Pin::new(&mut self.stream).poll_read(cx, buf);
        self.passes(0, &buf.filled()[before..]);
        answer
    }
}

impl AsyncWrite for Link {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let answer = Pin::new(&mut self.stream).poll_write(cx, bytes);
        if let Poll::Ready(Ok(written)) = answer {
            self.passes(1, &bytes[..written]);
        }
        answer
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
