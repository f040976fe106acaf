//! The bare server: the least that any signed, audited, durable answer must do, on the same libraries as the daemon.
//!
//! Mutual TLS 1.3, HTTP/2, one protobuf message, one Ed25519 verification, one row of 300 bytes in SQLite (write-ahead
//! log, `synchronous=FULL`), all rows that wait in one commit, the answer after it. No rules, no Merkle tree, no
//! indexes, no limits, no log lines. It speaks three methods of the daemon's service, so that the same load drives both.
//!
//! It is this very program, started again with [`ARGUMENT`].

use std::convert::Infallible;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll};

use rusqlite::{Connection, params};
use sequestre::escrow::command::preimage;
use sequestre::escrow::id::OrganisationId;
use sequestre::escrow::key::{Signature, VerifyingKey};
use sequestre::proto::api::v1 as api;
use sequestre::seal::device::DeviceKey;
use sequestre::seal::secret::Secret;
use sequestre::tls;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_stream::Stream;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::http::{Request, Response};
use tonic::server::Grpc;
use tonic::transport::Server;
use tonic::transport::server::Connected;
use tonic_prost::ProstCodec;
use tower::service_fn;

use crate::entries;

/// The argument that starts it; its folder follows.
pub const ARGUMENT: &str = "--bare-server";
/// In its folder: the TLS key, and the entries that it streams, if any.
pub const KEY: &str = "key";
pub const ENTRIES: &str = "entries";

const ROW_BYTES: usize = 300;
/// Most rows of a commit; the daemon has the same.
const GROUP: usize = 512;

struct Row {
    bytes: Vec<u8>,
    done: oneshot::Sender<u64>,
}

#[derive(Clone)]
struct Bare {
    rows: mpsc::Sender<Row>,
    batches: Arc<Vec<api::StreamEntriesResponse>>,
}

/// Serves until the process is ended.
pub fn serve(folder: &Path) {
    let key = DeviceKey::from_bytes(Secret::new(std::fs::read(folder.join(KEY)).unwrap())).unwrap();
    let batches = match std::fs::read(folder.join(ENTRIES)) {
        Ok(bytes) => entries::batches(&entries::split(bytes)),
        Err(_) => Vec::new(),
    };
    let (rows, queue) = mpsc::channel();
    let database = folder.join("bare.db");
    std::thread::spawn(move || write(&database, &queue));
    let bare = Bare { rows, batches: Arc::new(batches) };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime
        .block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap().to_string();
            let incoming = listen(listener, tls::server_config(&key).unwrap().into());
            eprintln!("{}", serde_json::json!({ "message": "serving", "address": address }));
            Server::builder().serve_with_incoming(bare, incoming).await
        })
        .unwrap();
}

/// The single writer: whatever waits becomes one commit.
fn write(database: &PathBuf, queue: &mpsc::Receiver<Row>) {
    let mut connection = Connection::open(database).unwrap();
    connection.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(())).unwrap();
    connection.pragma_update(None, "synchronous", "full").unwrap();
    connection.execute_batch("CREATE TABLE row (id INTEGER PRIMARY KEY, bytes BLOB NOT NULL) STRICT").unwrap();
    while let Ok(first) = queue.recv() {
        let transaction = connection.transaction().unwrap();
        let mut answers = Vec::new();
        for row in std::iter::once(first).chain(queue.try_iter().take(GROUP - 1)) {
            let mut insert = transaction.prepare_cached("INSERT INTO row (bytes) VALUES (?)").unwrap();
            let id = insert.insert(params![row.bytes]).unwrap();
            answers.push((row.done, id as u64));
        }
        transaction.commit().unwrap();
        for (done, id) in answers {
            // Whoever asked may be gone.
            let _ = done.send(id);
        }
    }
}

impl Bare {
    async fn submit(self, message: api::SubmitRequest) -> Result<tonic::Response<api::SubmitResponse>, Status> {
        let wrong = || Status::invalid_argument("not a signed command");
        let organisation = OrganisationId::parse(&message.organisation).map_err(|_| wrong())?;
        let signed = message.command.ok_or_else(wrong)?;
        let (signer, signature) = signed.signer.zip(signed.signature).ok_or_else(wrong)?;
        let key = VerifyingKey::parse(signer.algorithm, &signer.key).map_err(|_| wrong())?;
        let signature = Signature::parse(signature.algorithm, &signature.signature).map_err(|_| wrong())?;
        key.verify(&preimage(&organisation, &key, &signed.command), &signature).map_err(|_| wrong())?;
        let mut bytes = signed.command;
        bytes.resize(ROW_BYTES, 0);
        let (done, answer) = oneshot::channel();
        let gone = || Status::unavailable("the writer is gone");
        self.rows.send(Row { bytes, done }).map_err(|_| gone())?;
        let index = answer.await.map_err(|_| gone())?;
        Ok(tonic::Response::new(api::SubmitResponse { index, organisation: organisation.to_vec() }))
    }

    /// What a client asks for first on a new connection: a text as long as a checkpoint.
    async fn checkpoint(self) -> Result<tonic::Response<api::GetCheckpointResponse>, Status> {
        let answer = api::GetCheckpointResponse { checkpoint: "x".repeat(320), cosignatures: Vec::new() };
        Ok(tonic::Response::new(answer))
    }

    async fn stream(self) -> Result<tonic::Response<Batches>, Status> {
        Ok(tonic::Response::new(Batches { batches: self.batches, next: 0 }))
    }
}

/// What it streams, from memory.
struct Batches {
    batches: Arc<Vec<api::StreamEntriesResponse>>,
    next: usize,
}

impl Stream for Batches {
    type Item = Result<api::StreamEntriesResponse, Status>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let batch = self.batches.get(self.next).cloned();
        self.next += 1;
        Poll::Ready(batch.map(Ok))
    }
}

impl tower::Service<Request<Body>> for Bare {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let bare = self.clone();
        Box::pin(async move {
            Ok(match request.uri().path().rsplit('/').next() {
                Some("Submit") => {
                    let submit =
                        service_fn(move |request: tonic::Request<_>| bare.clone().submit(request.into_inner()));
                    Grpc::new(ProstCodec::default()).unary(submit, request).await
                }
                Some("GetCheckpoint") => {
                    let answer =
                        service_fn(move |_: tonic::Request<api::GetCheckpointRequest>| bare.clone().checkpoint());
                    Grpc::new(ProstCodec::default()).unary(answer, request).await
                }
                Some("StreamEntries") => {
                    let stream =
                        service_fn(move |_: tonic::Request<api::StreamEntriesRequest>| bare.clone().stream());
                    Grpc::new(ProstCodec::default()).server_streaming(stream, request).await
                }
                _ => Status::unimplemented("the bare server does not do this").into_http(),
            })
        })
    }
}

/// An established connection.
struct Link(TlsStream<TcpStream>);

fn listen(listener: TcpListener, tls: TlsAcceptor) -> ReceiverStream<io::Result<Link>> {
    let (links, incoming) = tokio::sync::mpsc::channel(16);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (tls, links) = (tls.clone(), links.clone());
            tokio::spawn(async move {
                let established = async {
                    stream.set_nodelay(true)?;
                    tls.accept(stream).await.map(Link)
                };
                // Nobody listens any more at the end.
                drop(links.send(established.await).await);
            });
        }
    });
    ReceiverStream::new(incoming)
}

impl Connected for Link {
    type ConnectInfo = ();

    fn connect_info(&self) {}
}

impl AsyncRead for Link {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for Link {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
