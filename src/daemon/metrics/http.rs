//! The address where the numbers are read: HTTP/1.1, one page, nothing else.
//!
//! Whoever can connect may read it; where that is, the configuration says. One connection carries one request, a few
//! run at once, and each for a short time: whoever holds one open holds up nobody's calls. This module must never look
//! at more of a request than its method and path.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};

use super::Page;

const PATH: &str = "/metrics";
const CONTENT: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// Connections at once; further ones wait.
const AT_ONCE: usize = 4;
/// How long one may last.
const TIME_LIMIT: Duration = Duration::from_secs(20);
/// How long the listener rests when the system has no more sockets to give.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Answers until `closing` holds true.
pub async fn serve(listener: TcpListener, page: Page, mut closing: watch::Receiver<bool>) {
    let (page, room) = (Arc::new(page), Arc::new(Semaphore::new(AT_ONCE)));
    let answering = async {
        loop {
            // The semaphore is never closed.
            let Ok(place) = Arc::clone(&room).acquire_owned().await else { return };
            let stream = match listener.accept().await {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(%error, "nobody can read the metrics");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let page = Arc::clone(&page);
            tokio::spawn(async move {
                let service = service_fn(move |request| answer(Arc::clone(&page), request));
                let connection =
                    http1::Builder::new().keep_alive(false).serve_connection(TokioIo::new(stream), service);
                // Whoever breaks off has nobody to tell.
                let _ = tokio::time::timeout(TIME_LIMIT, connection).await;
                drop(place);
            });
        }
    };
    tokio::select! {
        () = answering => {}
        // An error means that the daemon is gone altogether.
        _ = closing.wait_for(|closing| *closing) => {}
    }
}

async fn answer(page: Arc<Page>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let (status, header, body) = match (request.method(), request.uri().path()) {
        (&Method::GET, PATH) => match page.text().await {
            Ok(text) => (StatusCode::OK, (CONTENT_TYPE, CONTENT), text),
            // Formatting into memory: it does not happen.
            Err(_) => (StatusCode::INTERNAL_SERVER_ERROR, (CONTENT_TYPE, "text/plain"), String::new()),
        },
        (_, PATH) => (StatusCode::METHOD_NOT_ALLOWED, (ALLOW, "GET"), String::new()),
        _ => (StatusCode::NOT_FOUND, (CONTENT_TYPE, "text/plain"), String::new()),
    };
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response.headers_mut().insert(header.0, HeaderValue::from_static(header.1));
    Ok(response)
}
