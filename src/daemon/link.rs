//! The listener: from TCP connections to links whose peer is known, within limits.
//!
//! A connection costs little until its handshake is done, and handshakes are bounded in number (together, and from one
//! network) and time. Afterwards it needs a place: devices that some organisation's log vouches for have
//! `max_connections`, one person's at most one in 32; all others share a quarter of that and each for a limited
//! time, so that strangers do not shut members out, nor one host alone newcomers, nor one member the others. This
//! module must never look at what is sent.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio::time::Sleep;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::server::Connected;

use super::config::Limits;
use super::limits::{Crowd, Presence, network};
use super::metrics::{Counted, Metrics, NoLink, Whose};
use crate::escrow::id::{DeviceId, PersonId};
use crate::store::reader::Reader;
use crate::tls;

/// How long the listener rests when the system has no more sockets to give.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Handshakes at once from one network: enough for an office that comes back after a restart.
const HANDSHAKES_PER_NETWORK: usize = 16;
/// One person has at most this part of the connections, whatever number of devices; but so many in any case.
const PERSONS_SHARE: usize = 32;
const FEWEST_PER_PERSON: usize = 4;
/// After so many bytes in a row a connection lets others go before it: what it sends in small pieces is work.
const TURN_BYTES: usize = 4 * 1024;
/// Calls that are read at once on a connection whose device no log vouched for when it began.
const STRANGER_CALLS: usize = 4;

/// Who is at the other end.
#[derive(Debug, Clone, Copy)]
pub struct Peer {
    /// Where from.
    pub address: SocketAddr,
    /// The device whose key the peer proved to hold, if it showed one. Whether that counts is for the log to say.
    pub device: Option<DeviceId>,
}

/// A connection, as its calls know it.
#[derive(Debug, Clone)]
pub struct Visit {
    /// Who is at the other end.
    pub peer: Peer,
    /// As whom, when the connection began.
    pub guest: Guest,
}

/// Who somebody was when their connection began.
#[derive(Debug, Clone)]
pub enum Guest {
    /// Some log vouched for the device; it is this person's.
    Member(PersonId),
    /// No log did. Room for the connection's calls.
    Stranger(Arc<Semaphore>),
}

/// An established link. Gives back its place when dropped.
pub struct Link {
    stream: TlsStream<TcpStream>,
    visit: Visit,
    /// The end of a stranger's stay. The connection breaks then; a client makes a new one at its next call, and if it
    /// was taken in meanwhile, with a member's place.
    leaves: Option<Pin<Box<Sleep>>>,
    /// What was read since others had their turn, in bytes.
    turn: usize,
    _place: OwnedSemaphorePermit,
    _of_person: Option<Presence<PersonId>>,
    _counted: Counted,
}

struct Gatekeeper {
    tls: TlsAcceptor,
    limits: watch::Receiver<Limits>,
    handshakes: Arc<Semaphore>,
    networks: Crowd<IpAddr>,
    people: Crowd<PersonId>,
    members: Arc<Semaphore>,
    strangers: Arc<Semaphore>,
    reader: Reader,
    metrics: Metrics,
}

/// Accepts connections until the returned stream is dropped; then the port is free again.
pub fn listen(
    listener: TcpListener,
    tls: Arc<rustls::ServerConfig>,
    limits: watch::Receiver<Limits>,
    reader: Reader,
    metrics: Metrics,
) -> ReceiverStream<io::Result<Link>> {
    let (links, incoming) = mpsc::channel(16);
    let most = limits.borrow().max_connections;
    let keeper = Arc::new(Gatekeeper {
        tls: tls.into(),
        limits,
        handshakes: Arc::new(Semaphore::new(most)),
        networks: Crowd::new(HANDSHAKES_PER_NETWORK),
        people: Crowd::new((most / PERSONS_SHARE).max(FEWEST_PER_PERSON)),
        members: Arc::new(Semaphore::new(most)),
        strangers: Arc::new(Semaphore::new((most / 4).max(1))),
        reader,
        metrics,
    });
    tokio::spawn(async move {
        loop {
            let accepted = tokio::select! {
                () = links.closed() => return,
                accepted = keeper.accept(&listener) => accepted,
            };
            let Some((stream, address, handshake)) = accepted else { continue };
            let Some(of_network) = keeper.networks.enter(network(address.ip())) else {
                keeper.metrics.no_link(NoLink::Network);
                tracing::debug!(%address, "no link: too many handshakes from this network");
                continue;
            };
            let (keeper, links) = (keeper.clone(), links.clone());
            tokio::spawn(async move {
                let timeout = keeper.limits.borrow().handshake_timeout;
                let link = tokio::time::timeout(timeout, keeper.establish(stream, address)).await;
                drop((handshake, of_network));
                let late = || (NoLink::Timeout, io::Error::from(io::ErrorKind::TimedOut));
                match link.unwrap_or_else(|_| Err(late())) {
                    // Nobody listens any more when the daemon is stopping.
                    Ok(link) => drop(links.send(Ok(link)).await),
                    Err((reason, error)) => {
                        keeper.metrics.no_link(reason);
                        tracing::debug!(%address, ?reason, %error, "no link");
                    }
                }
            });
        }
    });
    ReceiverStream::new(incoming)
}

impl Gatekeeper {
    /// The next connection, once there is room for its handshake.
    async fn accept(&self, listener: &TcpListener) -> Option<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
        let handshake = self.handshakes.clone().acquire_owned().await.ok()?;
        match listener.accept().await {
            Ok((stream, address)) => Some((stream, address, handshake)),
            Err(error) => {
                self.metrics.no_link(NoLink::Accept);
                tracing::warn!(%error, "no connection could be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                None
            }
        }
    }

    async fn establish(&self, stream: TcpStream, address: SocketAddr) -> Result<Link, (NoLink, io::Error)> {
        let failed = |error| (NoLink::Handshake, error);
        stream.set_nodelay(true).map_err(failed)?;
        let stream = self.tls.accept(stream).await.map_err(failed)?;
        if stream.get_ref().1.alpn_protocol() != Some(tls::ALPN) {
            return Err(failed(io::Error::other("the peer does not speak HTTP/2")));
        }
        let device = tls::peer_key(stream.get_ref().1).map(|key| key.device());
        let peer = Peer { address, device };
        let (places, whose, full, guest, leaves, of_person) = match self.owner(device).await {
            Some(person) => {
                let too_many = || (NoLink::Members, io::Error::other("too many connections of one person"));
                let of_person = self.people.enter(person).ok_or_else(too_many)?;
                (&self.members, Whose::Members, NoLink::Members, Guest::Member(person), None, Some(of_person))
            }
            None => {
                let calls = Arc::new(Semaphore::new(STRANGER_CALLS));
                let stay = self.limits.borrow().stranger_stay;
                let leaves = Some(Box::pin(tokio::time::sleep(stay)));
                (&self.strangers, Whose::Strangers, NoLink::Strangers, Guest::Stranger(calls), leaves, None)
            }
        };
        let place = places.clone().try_acquire_owned();
        let place = place.map_err(|_| (full, io::Error::other("too many connections")))?;
        let (visit, counted) = (Visit { peer, guest }, self.metrics.link(whose));
        Ok(Link { stream, visit, leaves, turn: 0, _place: place, _of_person: of_person, _counted: counted })
    }

    async fn owner(&self, device: Option<DeviceId>) -> Option<PersonId> {
        let device = device?;
        let reader = self.reader.clone();
        tokio::task::spawn_blocking(move || reader.owner(&device)).await.ok()?.ok()?
    }
}

impl Connected for Link {
    type ConnectInfo = Visit;

    fn connect_info(&self) -> Visit {
        self.visit.clone()
    }
}

impl AsyncRead for Link {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if let Some(leaves) = &mut self.leaves
            && leaves.as_mut().poll(cx).is_ready()
        {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        if self.turn >= TURN_BYTES {
            self.turn = 0;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let before = buf.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        match read {
            Poll::Ready(_) => self.turn += buf.filled().len().saturating_sub(before),
            Poll::Pending => self.turn = 0,
        }
        read
    }
}

impl AsyncWrite for Link {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
