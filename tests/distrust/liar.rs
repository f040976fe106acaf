//! A server between the clients and a real daemon, with the real one's key, that does what it is asked and says
//! something else.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::pin::Pin;
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
}

/// The lies to come, oldest first.
#[derive(Clone, Default)]
pub struct Lies {
    pub submit: Arc<Mutex<VecDeque<Lie>>>,
    pub put: Arc<Mutex<VecDeque<Lie>>>,
    pub cosign: Arc<Mutex<VecDeque<Lie>>>,
    /// Sent instead of entries, over and over.
    pub entries: Arc<Mutex<Option<api::StreamEntriesResponse>>>,
    /// Sent before the blobs that are asked for.
    pub blob: Arc<Mutex<Option<api::Blob>>>,
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
    async fn real<T>(&self, request: &Request<T>) -> EscrowClient<Channel> {
        let device = request.extensions().get::<Caller>().and_then(|caller| caller.0);
        let device = device.and_then(|id| self.device(&id));
        let channel = tls::connect(&self.daemon.to_string(), self.key, device.as_ref()).await.unwrap();
        EscrowClient::new(channel)
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

            async fn submit(&self, request: Request<api::SubmitRequest>) -> Answer<api::SubmitResponse> {
                let lie = next(&self.lies.submit);
                if lie == Some(Lie::Refused) {
                    return Err(refused());
                }
                if lie == Some(Lie::Clock) {
                    return Err(because("CLOCK_SKEW"));
                }
                let answer = self.real(&request).await.submit(request.into_inner()).await?;
                if lie.is_some() { Err(refused()) } else { Ok(answer) }
            }

            async fn put_blobs(&self, request: Request<api::PutBlobsRequest>) -> Answer<api::PutBlobsResponse> {
                if next(&self.lies.put).is_some() {
                    return Err(refused());
                }
                self.real(&request).await.put_blobs(request.into_inner()).await
            }

            async fn cosign(&self, request: Request<api::CosignRequest>) -> Answer<api::CosignResponse> {
                let answer = self.real(&request).await.cosign(request.into_inner()).await?;
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
                let answer = self.real(&request).await.stream_entries(request.into_inner()).await?;
                Ok(answer.map(|stream| Box::pin(stream) as _))
            }

            async fn get_blobs(&self, request: Request<api::GetBlobsRequest>) -> Answer<Self::GetBlobsStream> {
                let first = self.lies.blob.lock().unwrap().clone().map(Ok);
                let answer = self.real(&request).await.get_blobs(request.into_inner()).await?;
                Ok(answer.map(|stream| Box::pin(tokio_stream::iter(first).chain(stream)) as _))
            }

            $(async fn $name(&self, request: Request<$request>) -> Answer<$answer> {
                self.real(&request).await.$name(request.into_inner()).await
            })*
        }
    };
}

escrow! {
    prepare_founding(api::PrepareFoundingRequest) -> api::PrepareFoundingResponse;
    get_checkpoint(api::GetCheckpointRequest) -> api::GetCheckpointResponse;
    get_inclusion_proof(api::GetInclusionProofRequest) -> api::GetInclusionProofResponse;
    get_consistency_proof(api::GetConsistencyProofRequest) -> api::GetConsistencyProofResponse;
    collect(api::CollectRequest) -> api::CollectResponse;
    watch(api::WatchRequest) -> Streaming<api::WatchResponse>;
}

/// Serves on `listener` with the key in `data`, in front of the daemon at `daemon`.
pub fn serve(listener: TcpListener, data: &Path, daemon: SocketAddr, homes: PathBuf) -> Lies {
    let key = DeviceKey::from_bytes(Secret::new(std::fs::read(data.join("server.key")).unwrap())).unwrap();
    let acceptor = TlsAcceptor::from(tls::server_config(&key).unwrap());
    let lies = Lies::default();
    let liar = Liar { daemon, key: key.public(), homes, lies: lies.clone() };
    let (links, incoming) = tokio::sync::mpsc::channel::<io::Result<Link>>(8);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            if let Ok(stream) = acceptor.accept(stream).await {
                let _ = links.send(Ok(Link(stream))).await;
            }
        }
    });
    let router = Server::builder().add_service(EscrowServer::new(liar));
    tokio::spawn(router.serve_with_incoming(ReceiverStream::new(incoming)));
    lies
}

struct Link(TlsStream<TcpStream>);

/// Who calls.
#[derive(Clone)]
struct Caller(Option<DeviceId>);

impl Connected for Link {
    type ConnectInfo = Caller;

    fn connect_info(&self) -> Caller {
        Caller(tls::peer_key(self.0.get_ref().1).map(|key| key.device()))
    }
}

impl AsyncRead for Link {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for Link {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
