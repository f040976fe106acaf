//! What hostile clients do: strangers, who come from another address than everybody else here, and a trustee.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use sequestre::client::home::{Contact, Folder, Home};
use sequestre::escrow::id::BlobId;
use sequestre::proto::api::v1 as api;
use sequestre::proto::api::v1::escrow_client::EscrowClient;
use sequestre::seal::device::DeviceKey;
use sequestre::tls;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tonic::body::Body;
use tonic::codegen::Bytes;
use tonic::codegen::http::Request;
use tower::ServiceExt as _;

/// Which attack the process carries out, and the home of the one who does.
pub const ATTACK: &str = "SEQUESTRE_TEST_ATTACK";
pub const HOME: &str = "SEQUESTRE_TEST_ATTACKER";
/// Where strangers come from.
const STRANGE: &str = "127.66.6.6:0";

pub struct Attack {
    pub name: &'static str,
}

pub const ATTACKS: &[Attack] = &[
    Attack { name: "idle" },
    Attack { name: "slow" },
    Attack { name: "handshakes" },
    Attack { name: "frames" },
    Attack { name: "hoarding" },
    Attack { name: "unread" },
    Attack { name: "large" },
    Attack { name: "insisting" },
];

/// Who attacks, and whom.
struct Attacker {
    folder: Folder,
    contact: Contact,
    device: DeviceKey,
    /// Where the daemon is reached from the strange address.
    relay: String,
}

/// Attacks until the process is ended.
pub async fn run() {
    let Ok(name) = std::env::var(ATTACK) else { return };
    let home = std::env::var_os(HOME).expect("whose home");
    let folder = Home::new(home.into()).choose(None).unwrap();
    let (contact, device) = (folder.contact().unwrap(), folder.device().unwrap());
    let address: SocketAddr = contact.address.as_str().parse().unwrap();
    let relay = relay(address).await;
    let attacker = Arc::new(Attacker { folder, contact, device, relay });
    match name.as_str() {
        // Two thousand connections that say nothing: some before the handshake, some after it.
        "idle" => {
            many(2_000, move |n| {
                let attacker = attacker.clone();
                async move {
                    let Some(mut stream) = tcp(address).await else { return };
                    if n.is_multiple_of(2) {
                        let Some(mut stream) = attacker.handshake(stream, false).await else { return };
                        let _ = stream.read(&mut [0; 1]).await;
                    } else {
                        let _ = stream.read(&mut [0; 1]).await;
                    }
                }
            })
            .await
        }
        // A greeting of one byte every now and then.
        "slow" => {
            many(200, move |_| async move {
                let Some(mut stream) = tcp(address).await else { return };
                for byte in [0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3].into_iter().chain([0; 500]) {
                    if stream.write_all(&[byte]).await.is_err() {
                        return;
                    }
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            })
            .await
        }
        // Handshakes and nothing else.
        "handshakes" => {
            many(32, move |_| {
                let attacker = attacker.clone();
                async move {
                    let Some(stream) = tcp(address).await else { return };
                    attacker.handshake(stream, false).await;
                }
            })
            .await
        }
        // What HTTP/2 forbids, or allows and nobody needs.
        "frames" => {
            many(16, move |n| {
                let attacker = attacker.clone();
                async move {
                    let Some(stream) = tcp(address).await else { return };
                    let Some(mut stream) = attacker.handshake(stream, n.is_multiple_of(2)).await else { return };
                    let _ = frames(&mut stream, n).await;
                }
            })
            .await
        }
        // A trustee opens as many connections as there is room for.
        "hoarding" => {
            many(1_000, move |_| {
                let attacker = attacker.clone();
                async move {
                    let Some(stream) = tcp(address).await else { return };
                    let Some(mut stream) = attacker.handshake(stream, true).await else { return };
                    let _ = stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await;
                    let _ = stream.read_to_end(&mut Vec::new()).await;
                }
            })
            .await
        }
        // A trustee asks for all that there is, many times, and reads none of it.
        "unread" => {
            many(64, move |_| {
                let attacker = attacker.clone();
                async move { attacker.unread().await }
            })
            .await
        }
        // A trustee sends messages of the largest size, most of each.
        "large" => {
            many(64, move |n| {
                let attacker = attacker.clone();
                async move { attacker.large(n).await }
            })
            .await
        }
        // A trustee asks as fast as they can.
        "insisting" => {
            many(32, move |_| {
                let attacker = attacker.clone();
                async move {
                    let Some(mut client) = attacker.client().await else { return };
                    let organisation = attacker.folder.id.to_vec();
                    loop {
                        let request = api::GetCheckpointRequest { organisation: organisation.clone() };
                        if let Err(status) = client.get_checkpoint(request).await
                            && status.code() == tonic::Code::Unavailable
                        {
                            return;
                        }
                    }
                }
            })
            .await
        }
        other => panic!("there is no attack {other}"),
    }
}

/// So many at once, each begun anew when it is over; not more often than a machine far away could.
async fn many<F: Future<Output = ()> + Send + 'static>(count: usize, one: impl Fn(usize) -> F) {
    let mut all = JoinSet::new();
    let mut number = 0;
    loop {
        while all.len() < count {
            all.spawn(one(number));
            number += 1;
        }
        all.join_next().await;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Passes connections on, so that they come from elsewhere, whoever makes them; gives where it listens.
async fn relay(address: SocketAddr) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let here = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            tokio::spawn(async move {
                let Some(mut server) = tcp(address).await else { return };
                let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
            });
        }
    });
    here
}

async fn tcp(address: SocketAddr) -> Option<TcpStream> {
    let socket = TcpSocket::new_v4().ok()?;
    socket.bind(STRANGE.parse().ok()?).ok()?;
    socket.connect(address).await.ok()
}

impl Attacker {
    /// TLS, as themselves or as nobody.
    async fn handshake(&self, stream: TcpStream, known: bool) -> Option<TlsStream<TcpStream>> {
        let config = tls::client_config(self.contact.server_key, known.then_some(&self.device)).ok()?;
        let name = rustls::pki_types::ServerName::IpAddress(stream.peer_addr().ok()?.ip().into());
        TlsConnector::from(config).connect(name, stream).await.ok()
    }

    async fn client(&self) -> Option<EscrowClient<tonic::transport::Channel>> {
        let channel = tls::connect(&self.relay, self.contact.server_key, Some(&self.device)).await.ok()?;
        Some(EscrowClient::new(channel))
    }

    async fn unread(&self) {
        let Some(mut client) = self.client().await else { return };
        let organisation = self.folder.id.to_vec();
        let blobs = std::fs::read_dir(self.folder.join("blobs")).unwrap();
        let mut blobs: Vec<_> = blobs.map(|file| file.unwrap().path()).collect();
        // The largest first.
        blobs.sort_by_key(|path| std::cmp::Reverse(std::fs::metadata(path).unwrap().len()));
        let ids: Vec<Vec<u8>> =
            blobs.iter().take(6).map(|path| BlobId::of(&std::fs::read(path).unwrap()).to_vec()).collect();
        let mut held = Vec::new();
        for n in 0..30 {
            let ids = ids.iter().cycle().take(600).cloned().collect();
            let request = api::GetBlobsRequest { organisation: organisation.clone(), ids };
            let Ok(stream) = client.get_blobs(request).await else { break };
            held.push(stream);
            let request = api::StreamEntriesRequest { organisation: organisation.clone(), from: 0, to: u64::MAX };
            if n % 2 == 0 && client.stream_entries(request).await.is_err() {
                break;
            }
        }
        // Held, not read.
        tokio::time::sleep(Duration::from_secs(60)).await;
        drop(held);
    }

    async fn large(&self, n: usize) {
        let Ok(channel) = tls::connect(&self.relay, self.contact.server_key, Some(&self.device)).await else {
            return;
        };
        let mut all = JoinSet::new();
        for _ in 0..30 {
            if n.is_multiple_of(2) {
                let request = Request::post("https://localhost/sequestre.api.v1.Escrow/PutBlobs")
                    .header("content-type", "application/grpc")
                    .header("te", "trailers")
                    .body(Body::new(Unfinished { begun: false, left: LARGEST - 1024 }))
                    .unwrap();
                let channel = channel.clone();
                all.spawn(async move { drop(channel.oneshot(request).await) });
            } else {
                let mut client = EscrowClient::new(channel.clone());
                let blobs = vec![api::Blob { content: vec![n as u8; LARGEST - 1024].into() }];
                let request =
                    api::PutBlobsRequest { organisation: self.folder.id.to_vec(), blobs, offered: Vec::new() };
                all.spawn(async move { drop(client.put_blobs(request).await) });
            }
        }
        all.join_all().await;
    }
}

/// The largest message that the daemon takes, in bytes.
const LARGEST: usize = 5 << 20;

/// Sends nearly all of a message, and then nothing.
struct Unfinished {
    begun: bool,
    left: usize,
}

impl http_body::Body for Unfinished {
    type Data = Bytes;
    type Error = tonic::Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, tonic::Status>>> {
        let piece = self.left.min(64 << 10);
        if piece == 0 {
            return Poll::Pending;
        }
        self.left -= piece;
        let head = [&[0][..], &u32::try_from(LARGEST).unwrap().to_be_bytes()].concat();
        let content = match std::mem::replace(&mut self.begun, true) {
            true => vec![7; piece],
            false => head,
        };
        Poll::Ready(Some(Ok(http_body::Frame::data(content.into()))))
    }
}

/// A frame's head and content (RFC 9113 section 4.1).
fn frame(kind: u8, flags: u8, stream: u32, content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), content].concat()
}

async fn frames(stream: &mut TlsStream<TcpStream>, n: usize) -> std::io::Result<()> {
    const HEADERS: u8 = 1;
    const RESET: u8 = 3;
    const SETTINGS: u8 = 4;
    const PING: u8 = 6;
    const WINDOW: u8 = 8;
    const CONTINUATION: u8 = 9;
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await?;
    stream.write_all(&frame(SETTINGS, 0, 0, &[])).await?;
    // :method POST, :scheme https, :path /, and one long literal.
    let head = [&[0x83, 0x87, 0x84][..], &[0, 1, b'a', 100], &[b'b'; 100]].concat();
    for round in 0..20_000_u32 {
        let next = 2 * round + 1;
        let sent = match n % 8 {
            // Streams that are begun and taken back at once.
            0 => [frame(HEADERS, 5, next, &head), frame(RESET, 0, next, &[0, 0, 0, 8])].concat(),
            // A head that never ends.
            1 if round == 0 => frame(HEADERS, 0, 1, &head),
            1 => frame(CONTINUATION, 0, 1, &head),
            2 => frame(PING, 0, 0, &[7; 8]),
            3 => frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0x40, round as u8]),
            // More room than there can be.
            4 => frame(WINDOW, 0, 0, &[0x7f, 0xff, 0xff, 0xff]),
            // Longer than announced sizes allow.
            5 => [&[0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 1][..], &[0; 4096]].concat(),
            // Compressed nonsense.
            6 => frame(HEADERS, 4, next, &[0xff; 200]),
            _ => frame((round % 256) as u8, (round / 3) as u8, round % 5, &[round as u8; 64]),
        };
        stream.write_all(&sent).await?;
    }
    stream.shutdown().await
}
