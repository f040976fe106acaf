//! What every call passes, whatever service it is for: a time limit, a certificate for reflection, one log line, and
//! the promise that each refusal carries a reason.
//!
//! The libraries refuse some calls before our code sees them (unknown methods, messages that are too long or are
//! none); this module adds the reason to those. It must never log more than the method's name and the outcome.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tonic::body::Body;
use tonic::codegen::http::{Request, Response};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;
use tower::{Layer, Service};

use super::link::Peer;
use super::refused::Refused;
use crate::store::reader::Reader;

const REFLECTION: &str = "/grpc.reflection.";

/// Puts the gate before the services.
#[derive(Clone)]
pub struct GateLayer {
    /// For a call to be answered; for a stream, to begin.
    pub timeout: Duration,
    /// Knows which devices are certified.
    pub reader: Reader,
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

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        // The clone has not been polled ready, the original has.
        let fresh = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, fresh);
        let layer = self.layer.clone();
        Box::pin(async move {
            let started = Instant::now();
            // Whatever it says comes from outside: shortened here, quoted by the log.
            let method: String = request.uri().path().chars().take(80).collect();
            if method.starts_with(REFLECTION)
                && let Err(refused) = layer.check_known(request.extensions().get::<Peer>().copied()).await
            {
                return Ok(explained(Status::from(refused).into_http(), &method, started));
            }
            let answered = tokio::time::timeout(layer.timeout, inner.call(request)).await;
            let response = answered.unwrap_or_else(|_| Ok(Status::from(Refused::Timeout).into_http()))?;
            Ok(explained(response, &method, started))
        })
    }
}

impl GateLayer {
    /// Whether the peer's device is certified in some organisation.
    async fn check_known(&self, peer: Option<Peer>) -> Result<(), Refused> {
        let device = peer.and_then(|peer| peer.device).ok_or(Refused::NoDevice)?;
        let reader = self.reader.clone();
        match tokio::task::spawn_blocking(move || reader.knows_device(&device)).await {
            Ok(Ok(true)) => Ok(()),
            Ok(Ok(false)) => Err(Refused::UnknownDevice),
            Ok(Err(error)) => Err(error.into()),
            Err(_) => Err(Refused::Closing),
        }
    }
}

/// Gives a refusal its reason if it has none yet, and logs the outcome.
fn explained(response: Response<Body>, method: &str, started: Instant) -> Response<Body> {
    let milliseconds = started.elapsed().as_millis() as u64;
    let status = Status::from_header_map(response.headers()).filter(|status| status.code() != Code::Ok);
    let Some(status) = status else {
        tracing::debug!(?method, milliseconds, "answered");
        return response;
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
    response
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
        let response = explained(status.into_http(), "/m", Instant::now());
        let status = Status::from_header_map(response.headers()).unwrap();
        (status.code(), status.get_details_error_info().unwrap().reason)
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
        let response = explained(Response::new(Body::empty()), "/m", Instant::now());
        assert!(response.headers().is_empty());
    }
}
