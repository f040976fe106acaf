//! What every call passes, whatever service it is for: a time limit, a certificate for reflection, one log line, and
//! the promise that each refusal carries a reason.
//!
//! Calls of devices that no log vouches for need room *before* their message is read, and have short messages: all of
//! them together hold at most `STRANGER_CALLS` × `STRANGER_BYTES` of the memory. Messages of one member that have not
//! come to their end hold at most `PERSON_BYTES`, and `FREE_BYTES` each. What a connection holds unread is bounded by
//! HTTP/2's windows.
//!
//! The libraries refuse some calls before our code sees them (unknown methods, messages that are too long or are
//! none); this module adds the reason to those. It must never log more than the method's name and the outcome.

use std::convert::Infallible;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use http_body::{Frame, SizeHint};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tonic::body::Body;
use tonic::codegen::Bytes;
use tonic::codegen::http::{Request, Response};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;
use tower::{Layer, Service};

use super::config::Limits;
use super::limits::{Crowd, Presence, network};
use super::link::{Guest, Peer, Visit};
use super::metrics::Metrics;
use super::refused::Refused;
use super::writer::WriteError;
use crate::escrow::id::{DeviceId, PersonId};
use crate::store::reader::Reader;

const REFLECTION: &str = "/grpc.reflection.";
/// Calls of strangers that are read at once, all together and from one network.
const STRANGER_CALLS: usize = 64;
const STRANGER_CALLS_PER_NETWORK: usize = 16;
/// Longest message of a stranger, in bytes: a genesis has a command of at most 60 KiB and two texts.
const STRANGER_BYTES: usize = 128 * 1024;
/// Of the messages that one member is sending, so many bytes are taken at once, together.
const PERSON_BYTES: usize = 16 << 20;
/// What is not counted of each of them: most calls are shorter.
const FREE_BYTES: usize = 16 * 1024;

/// Puts the gate before the services.
#[derive(Clone)]
pub struct GateLayer {
    limits: watch::Receiver<Limits>,
    reader: Reader,
    metrics: Metrics,
    strangers: Arc<Semaphore>,
    networks: Crowd<IpAddr>,
    sending: Crowd<PersonId>,
}

impl GateLayer {
    /// `limits`: of them the time for a call to be answered; for a stream, to begin. `reader` knows which devices are
    /// certified.
    pub fn new(limits: watch::Receiver<Limits>, reader: Reader, metrics: Metrics) -> Self {
        let (strangers, networks) = (Semaphore::new(STRANGER_CALLS), Crowd::new(STRANGER_CALLS_PER_NETWORK));
        let (strangers, sending) = (Arc::new(strangers), Crowd::new(PERSON_BYTES));
        Self { limits, reader, metrics, strangers, networks, sending }
    }
}

impl<S> Layer<S> for GateLayer {
    type Service = Gate<S>;

    fn layer(&self, inner: S) -> Gate<S> {
        Gate { inner, layer: self.clone() }
    }
}

/// The services behind the gate.
#[derive(Clone)]
pub struct Gate<S> {
    inner: S,
    layer: GateLayer,
}

impl<S> Service<Request<Body>> for Gate<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        // The clone has not been polled ready, the original has.
        let fresh = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, fresh);
        let layer = self.layer.clone();
        Box::pin(async move {
            let started = Instant::now();
            // Whatever it says comes from outside: shortened here, quoted by the log.
            let method: String = request.uri().path().chars().take(80).collect();
            let visit = request.extensions_mut().remove::<Visit>();
            if let Some(visit) = &visit {
                request.extensions_mut().insert(visit.peer);
            }
            let answer = async {
                if method.starts_with(REFLECTION) {
                    layer.check_known(visit.as_ref().map(|visit| visit.peer)).await?;
                }
                let (_room, request) = match layer.admit(visit).await? {
                    Admitted::Member(person) => {
                        let sending = layer.sending.clone();
                        (
                            None,
                            request
                                .map(|body| Body::new(Long { body, free: FREE_BYTES, person, sending, held: None })),
                        )
                    }
                    Admitted::Stranger(room) => {
                        (Some(room), request.map(|body| Body::new(Short { body, left: STRANGER_BYTES })))
                    }
                };
                Ok::<_, Refused>(inner.call(request).await)
            };
            let timeout = layer.limits.borrow().request_timeout;
            let response = match tokio::time::timeout(timeout, answer).await {
                Ok(Ok(response)) => response?,
                Ok(Err(refused)) => Status::from(refused).into_http(),
                Err(_) => Status::from(Refused::Timeout).into_http(),
            };
            let (response, reason) = explained(response, &method, started);
            layer.metrics.answered(&method, reason, started.elapsed());
            Ok(response)
        })
    }
}

/// What a stranger's call takes until it is answered (a stream: until it begins).
struct Room {
    _of_connection: OwnedSemaphorePermit,
    _of_network: Presence<IpAddr>,
    _of_all: OwnedSemaphorePermit,
}

/// As whom a call is read.
enum Admitted {
    Member(PersonId),
    Stranger(Room),
}

impl GateLayer {
    /// Room for a stranger's call; devices that some log vouches for need none.
    async fn admit(&self, visit: Option<Visit>) -> Result<Admitted, Refused> {
        let Visit { peer, guest } = visit.ok_or(Refused::NoDevice)?;
        let calls = match guest {
            Guest::Member(person) => return Ok(Admitted::Member(person)),
            Guest::Stranger(calls) => calls,
        };
        // Who does much at once on one connection waits for themselves.
        let of_connection = calls.acquire_owned().await.map_err(|_| Refused::Closing)?;
        let of_network = self.networks.enter(network(peer.address.ip())).ok_or(WriteError::Busy)?;
        let of_all = Arc::clone(&self.strangers).try_acquire_owned().map_err(|_| WriteError::Busy)?;
        // The connection may have begun before they were taken in.
        let owner = match peer.device {
            Some(device) => self.owner(device).await?,
            None => None,
        };
        let room = || Room { _of_connection: of_connection, _of_network: of_network, _of_all: of_all };
        Ok(owner.map_or_else(|| Admitted::Stranger(room()), Admitted::Member))
    }

    /// Whether the peer's device is certified in some organisation.
    async fn check_known(&self, peer: Option<Peer>) -> Result<(), Refused> {
        let device = peer.and_then(|peer| peer.device).ok_or(Refused::NoDevice)?;
        self.owner(device).await?.map(drop).ok_or(Refused::UnknownDevice)
    }

    async fn owner(&self, device: DeviceId) -> Result<Option<PersonId>, Refused> {
        let reader = self.reader.clone();
        let owner = tokio::task::spawn_blocking(move || reader.owner(&device)).await;
        Ok(owner.map_err(|_| Refused::Closing)??)
    }
}

/// A member's body: what has come of it counts as theirs until the message is read or given up.
struct Long {
    body: Body,
    /// What is left of what is not counted.
    free: usize,
    person: PersonId,
    sending: Crowd<PersonId>,
    held: Option<Presence<PersonId>>,
}

impl Long {
    /// Counts so many more bytes; false if that is too much.
    fn holds(&mut self, length: usize) -> bool {
        let counted = length.saturating_sub(self.free);
        self.free = self.free.saturating_sub(length);
        match (counted, &mut self.held) {
            (0, _) => true,
            (_, Some(held)) => held.grow(counted),
            (_, none) => {
                *none = self.sending.enter(self.person);
                none.as_mut().is_some_and(|held| held.grow(counted))
            }
        }
    }
}

impl http_body::Body for Long {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        match &frame {
            Some(Ok(data)) if !self.holds(data.data_ref().map_or(0, Bytes::len)) => {
                self.body = Body::empty();
                return Poll::Ready(Some(Err(Refused::Write(WriteError::Busy).into())));
            }
            Some(Ok(_)) => {}
            // Whatever is made of it now is not this body's any more.
            Some(Err(_)) | None => self.held = None,
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A body that ends with a refusal when it becomes longer than it may.
struct Short {
    body: Body,
    left: usize,
}

impl http_body::Body for Short {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        let length = match &frame {
            Some(Ok(frame)) => frame.data_ref().map_or(0, Bytes::len),
            _ => 0,
        };
        match self.left.checked_sub(length) {
            Some(left) => {
                self.left = left;
                Poll::Ready(frame)
            }
            None => {
                self.body = Body::empty();
                Poll::Ready(Some(Err(Refused::MessageTooLarge.into())))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Gives a refusal its reason if it has none yet, and logs the outcome. The second value is the reason.
fn explained(response: Response<Body>, method: &str, started: Instant) -> (Response<Body>, Option<String>) {
    let milliseconds = started.elapsed().as_millis() as u64;
    let status = Status::from_header_map(response.headers()).filter(|status| status.code() != Code::Ok);
    let Some(status) = status else {
        tracing::debug!(?method, milliseconds, "answered");
        return (response, None);
    };
    let (status, response) = match status.get_details_error_info() {
        Some(_) => (status, response),
        None => {
            let explained = Status::from(of_library(&status));
            let response = Status::from(of_library(&status)).into_http();
            (explained, response)
        }
    };
    let reason = status.get_details_error_info().map(|info| info.reason).unwrap_or_default();
    tracing::info!(?method, code = ?status.code(), reason, milliseconds, "refused");
    (response, Some(reason))
}

/// What a refusal without a reason means: our own all have one, so a library made it.
fn of_library(status: &Status) -> Refused {
    match status.code() {
        Code::Unimplemented => Refused::UnknownMethod,
        Code::NotFound => Refused::UnknownService,
        Code::OutOfRange | Code::ResourceExhausted => Refused::MessageTooLarge,
        Code::DeadlineExceeded | Code::Cancelled => Refused::Timeout,
        Code::Unavailable => Refused::Closing,
        _ => Refused::NotAMessage,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason_of(status: Status) -> (Code, String) {
        let (response, told) = explained(status.into_http(), "/m", Instant::now());
        let status = Status::from_header_map(response.headers()).unwrap();
        let reason = status.get_details_error_info().unwrap().reason;
        assert_eq!(told.as_ref(), Some(&reason));
        (status.code(), reason)
    }

    #[test]
    fn refusals_of_libraries_get_a_reason_and_ours_keep_theirs() {
        for (status, code, reason) in [
            (Status::unimplemented(""), Code::Unimplemented, "UNKNOWN_METHOD"),
            (Status::out_of_range("decoded message length too large"), Code::ResourceExhausted, "MESSAGE_TOO_LARGE"),
            (Status::internal("buffer underflow"), Code::InvalidArgument, "MALFORMED"),
            (Status::from(Refused::NoDevice), Code::Unauthenticated, "NO_DEVICE"),
            (Status::from(Refused::BeyondLog { asked: 2, size: 1 }), Code::OutOfRange, "BEYOND_LOG"),
        ] {
            assert_eq!(reason_of(status), (code, reason.to_owned()));
        }
    }

    #[test]
    fn answers_pass_unchanged() {
        let (response, reason) = explained(Response::new(Body::empty()), "/m", Instant::now());
        assert!(response.headers().is_empty() && reason.is_none());
    }
}
