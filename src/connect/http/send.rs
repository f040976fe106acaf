//! One request and its answer, within limits of time and size.

use std::io::Cursor;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http_body_util::{BodyExt as _, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client as Pooled;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tonic::codegen::http::header::{LINK, LOCATION, SET_COOKIE};
use tonic::codegen::http::{Request, Response, Uri};
use zeroize::Zeroizing;

use crate::connect::link::Link;
use crate::connect::{ConnectError, Environment};
use crate::seal::secret::{Secret, SecretWriter};

/// Longest answer, in bytes.
const MAX_ANSWER: usize = 1 << 20;

/// A request's body, overwritten once it is sent. (Not overwritten: what the connection itself buffers, headers and
/// addresses as the library keeps them, and an answer's JSON once it is taken apart.)
pub struct Owned(Secret);

impl AsRef<[u8]> for Owned {
    fn as_ref(&self) -> &[u8] {
        self.0.expose()
    }
}

/// A request's body.
pub type Body = Full<Cursor<Owned>>;

/// A body of these bytes.
pub fn body(bytes: Secret) -> Body {
    Full::new(Cursor::new(Owned(bytes)))
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum NoAnswer {
    /// The request was not sent.
    #[error("no connection")]
    NotSent(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// It was, perhaps as a whole.
    #[error("the answer did not come, or not as a whole")]
    Lost(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// An answer.
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Cookies to be kept, `name=value`, and those to be forgotten, with an empty value.
    pub cookies: Vec<Secret>,
    /// Its body.
    pub body: Secret,
    /// Whether it says that it is one page of several (`Link` with `rel="next"`, RFC 8288).
    pub continues: bool,
}

/// Connects where the settings say, wherever a URI points.
#[derive(Clone)]
struct Dial(Arc<Link>);

impl tower::Service<Uri> for Dial {
    type Response = TokioIo<TcpStream>;
    type Error = ConnectError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, ConnectError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ConnectError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let link = Arc::clone(&self.0);
        Box::pin(async move { link.connect().await.map(TokioIo::new) })
    }
}

/// What sends requests to one target.
pub struct Client {
    link: Arc<Link>,
    pooled: Pooled<HttpsConnector<Dial>, Body>,
}

impl Client {
    /// Over this link. Its TLS is used for `https`; a plain `http` URI goes unencrypted.
    pub fn new(link: Link, environment: &Environment) -> Self {
        let link = Arc::new(link);
        let tls = link.tls().unwrap_or(&environment.tls).as_ref().clone();
        let https = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1();
        let pooled = Pooled::builder(TokioExecutor::new())
            // A request that was sent twice could have done its work twice.
            .retry_canceled_requests(false)
            .pool_max_idle_per_host(0)
            .build(https.wrap_connector(Dial(Arc::clone(&link))));
        Self { link, pooled }
    }

    /// Where it sends to.
    pub fn link(&self) -> &Link {
        &self.link
    }

    /// Sends a request and reads the answer. The caller limits the time.
    pub async fn send(&self, request: Request<Body>) -> Result<Answer, NoAnswer> {
        let response = self.pooled.request(request).await;
        let response = response.map_err(|error| match error.is_connect() {
            true => NoAnswer::NotSent(error.into()),
            false => NoAnswer::Lost(error.into()),
        })?;
        let status = response.status().as_u16();
        let cookies = cookies(&response);
        let continues = continues(&response);
        tracing::debug!(status, redirect = response.headers().contains_key(LOCATION), "an answer of a target");
        let mut body = SecretWriter::with_capacity(4096);
        let mut rest = Limited::new(response.into_body(), MAX_ANSWER);
        while let Some(frame) = rest.frame().await {
            if let Ok(data) = frame.map_err(NoAnswer::Lost)?.into_data() {
                body.push(&data);
            }
        }
        Ok(Answer { status, cookies, body: body.finish(), continues })
    }
}

/// The cookies that an answer sets, without their attributes: all requests of a verb go to one host, and none is kept
/// for longer. One with `Max-Age=0` or in the past is one to forget; servers also empty its value, which is what counts
/// here.
fn cookies<B>(response: &Response<B>) -> Vec<Secret> {
    let pair = |header: &[u8]| {
        let pair = header.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
        pair.contains(&b'=').then(|| Secret::new(pair.to_vec()))
    };
    response.headers().get_all(SET_COOKIE).iter().filter_map(|header| pair(header.as_bytes())).collect()
}

/// Whether the answer names a next page.
fn continues<B>(response: &Response<B>) -> bool {
    let parameters = |link: &str| {
        let relations = link.split(';').skip(1).filter_map(|parameter| parameter.split_once('='));
        relations.filter(|(name, _)| name.trim().eq_ignore_ascii_case("rel")).any(|(_, value)| {
            value.trim().trim_matches('"').split_ascii_whitespace().any(|word| word.eq_ignore_ascii_case("next"))
        })
    };
    // A comma within an address only makes pieces that say nothing, or the one that says it.
    let links = response.headers().get_all(LINK).iter();
    // What is no text in it is part of an address.
    let mut links = links.map(|header| String::from_utf8_lossy(header.as_bytes()));
    links.any(|header| header.split(',').any(parameters))
}

/// The text of a JSON value that a placeholder can stand for.
pub fn text_of(value: &serde_json::Value) -> Option<Zeroizing<String>> {
    match value {
        serde_json::Value::String(text) => Some(Zeroizing::new(text.clone())),
        serde_json::Value::Number(number) => Some(Zeroizing::new(number.to_string())),
        serde_json::Value::Bool(truth) => Some(Zeroizing::new(truth.to_string())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_next_page_is_seen() {
        let says = |link: &str| continues(&Response::builder().header(LINK, link).body(()).unwrap());
        for link in [
            r#"<https://a/?page=2>; rel="next", <https://a/?page=9>; rel="last""#,
            r#"<https://a/?x=1,2>; rel=next"#,
            r#"<https://a/?page=1>; rel="prev", <https://a/?page=3>; title="x"; REL="last next""#,
        ] {
            assert!(says(link), "{link}");
        }
        for link in [r#"<https://a/wp-json/>; rel="https://api.w.org/""#, r#"<https://a/next>; rel="prev""#, ""] {
            assert!(!says(link), "{link}");
        }
        assert!(!continues(&Response::new(())));
        let odd =
            tonic::codegen::http::HeaderValue::from_bytes(b"<https://ex\xc3\xa4mple.org/\xff?page=2>; rel=\"next\"")
                .unwrap();
        assert!(continues(&Response::builder().header(LINK, odd).body(()).unwrap()));
    }
}
