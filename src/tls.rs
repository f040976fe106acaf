//! The link between clients and the daemon: TLS 1.3 with pinned keys on both sides, and no certificate authority.
//!
//! Each party wraps its own Ed25519 key in a self-signed certificate, because TLS wants one. Nothing in it but the
//! key is read: names, dates and extensions mean nothing here.
//!
//! # Who is believed, and why
//! - The client accepts exactly one server key: the one in its founding code, invitation or contact card. Any other
//!   is [`ServerKeyChanged`], which is never clicked away: no name, authority or date makes up for the wrong key.
//! - The server accepts every well-formed Ed25519 client certificate, and also none. A certificate says only 'whoever
//!   is at the other end holds this device key'; whether that device counts is for the organisation's log to say, at
//!   each request.
//! - Both sides check the signature over the handshake with the certificate's key, so that a copied certificate is
//!   worth nothing. Degenerate keys, under which anybody can sign, are refused.
//!
//! # What an attacker on the wire gets
//! Addresses, times and sizes. The server's certificate and the client's are encrypted, no server name is sent, no
//! session is resumed and no early data is accepted: nothing can be replayed, and a connection is never continued
//! under an identity that was not shown in it.
//!
//! This module must never decide what a device may do, and never accept a key because of anything but its bytes.

use std::error::Error as StdError;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper_util::rt::TokioIo;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, ring, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{NoServerSessionStorage, ParsedCertificate};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, DistinguishedName, OtherError, PeerIncompatible,
    ServerConfig, ServerConnection, SignatureScheme,
};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tonic::transport::{Channel, Endpoint, Uri};

use crate::escrow::key::VerifyingKey;
use crate::seal::device::DeviceKey;

/// The only protocol spoken inside the link.
pub const ALPN: &[u8] = b"h2";

/// How long a client waits for the network and for the handshake, each.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a client waits for an answer (for a stream: for its beginning).
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);
/// How often an idle link is probed, so that a dead one is noticed.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(30);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(10);
/// How much a server may send to a client before that has taken it: a log over a slow line is not fetched in small
/// pieces, each waited for.
const WINDOW_BYTES: u32 = 1 << 20;

/// An Ed25519 SubjectPublicKeyInfo (RFC 8410 section 4): everything before the 32 bytes of the key.
const SPKI_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// A key that cannot serve for TLS.
#[derive(Debug, Clone, thiserror::Error)]
pub enum BadTlsKey {
    /// The certificate around it could not be made.
    #[error("no certificate could be made for this key; make a new key")]
    Certificate(#[source] Arc<rcgen::Error>),
    /// TLS refuses the key.
    #[error("this key cannot be used for connections; make a new key")]
    Unusable(#[source] rustls::Error),
}

/// The server shows another key than the pinned one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "STOP: this is not the server that you know, or somebody is in between (its key is {found:?}, not {expected:?}). \
     Send nothing. Ask other people of the organisation, by voice, whether the server moved; if so, they give you a \
     new contact card"
)]
pub struct ServerKeyChanged {
    /// The pinned key.
    pub expected: VerifyingKey,
    /// The key that was shown.
    pub found: VerifyingKey,
}

/// Why there is no link to the server.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ConnectError {
    /// Another server, or somebody in between.
    #[error(transparent)]
    ServerKeyChanged(#[from] ServerKeyChanged),
    /// The address does not make a URI.
    #[error("'{0}' is not an address of the form host:port; correct it")]
    Address(String),
    /// No connection to the address.
    #[error("{address} cannot be reached; check the network, or ask the technician whether the daemon runs")]
    Unreachable {
        /// Where to.
        address: String,
        /// What the system said.
        source: Arc<io::Error>,
    },
    /// No answer in time.
    #[error("{address} does not answer; check the network, or ask the technician whether the daemon runs")]
    Timeout {
        /// Where to.
        address: String,
    },
    /// Something answered that does not speak this protocol.
    #[error(
        "what answers at {address} is not a Séquestre daemon, or the connection was disturbed; check the address"
    )]
    Handshake {
        /// Where to.
        address: String,
        /// What went wrong.
        source: Arc<dyn StdError + Send + Sync>,
    },
    /// The client's own key cannot serve.
    #[error(transparent)]
    Key(#[from] BadTlsKey),
}

impl ConnectError {
    /// The connect error behind another one, if there is one: a link that breaks is made anew at the next request,
    /// and what fails then arrives as the source of a `tonic::Status`.
    pub fn behind<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a Self> {
        std::iter::successors(Some(error), |&e| e.source()).find_map(|e| e.downcast_ref())
    }
}

/// The certificate of a key: what TLS sends.
struct Certificate<'a> {
    key: &'a DeviceKey,
    public: [u8; 32],
}

impl rcgen::PublicKeyData for Certificate<'_> {
    fn der_bytes(&self) -> &[u8] {
        &self.public
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        &rcgen::PKCS_ED25519
    }
}

impl rcgen::SigningKey for Certificate<'_> {
    /// What is signed is DER, which begins with 0x30: no label of ours does, so it is no signature of anything else.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        Ok(self.key.sign(message).as_bytes().to_vec())
    }
}

fn certified(key: &DeviceKey) -> Result<Arc<SingleCertAndKey>, BadTlsKey> {
    let mut params = rcgen::CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    let certificate = params
        .self_signed(&Certificate { key, public: *key.public().as_bytes() })
        .map_err(|e| BadTlsKey::Certificate(Arc::new(e)))?;
    let pkcs8 = key.pkcs8_der();
    let signer =
        ring::sign::any_eddsa_type(&PrivatePkcs8KeyDer::from(pkcs8.expose())).map_err(BadTlsKey::Unusable)?;
    Ok(Arc::new(CertifiedKey::new(vec![certificate.der().clone()], signer).into()))
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// The daemon's side: shows `key`, takes any Ed25519 client certificate or none.
pub fn server_config(key: &DeviceKey) -> Result<Arc<ServerConfig>, BadTlsKey> {
    let provider = provider();
    let verifier = AnyDevice { algorithms: provider.signature_verification_algorithms };
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(BadTlsKey::Unusable)?
        .with_client_cert_verifier(Arc::new(verifier))
        .with_cert_resolver(certified(key)?);
    config.alpn_protocols = vec![ALPN.to_vec()];
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    config.max_early_data_size = 0;
    Ok(Arc::new(config))
}

/// The client's side: takes exactly the key `server`, shows `device` if there is one.
pub fn client_config(server: VerifyingKey, device: Option<&DeviceKey>) -> Result<Arc<ClientConfig>, BadTlsKey> {
    let provider = provider();
    let verifier = PinnedServer { key: server, algorithms: provider.signature_verification_algorithms };
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(BadTlsKey::Unusable)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    let mut config = match device {
        Some(key) => builder.with_client_cert_resolver(certified(key)?),
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = vec![ALPN.to_vec()];
    config.resumption = rustls::client::Resumption::disabled();
    config.enable_early_data = false;
    config.enable_sni = false;
    Ok(Arc::new(config))
}

/// The device key that the client of an established connection proved to hold, if it showed one.
pub fn peer_key(connection: &ServerConnection) -> Option<VerifyingKey> {
    key_of(connection.peer_certificates()?.first()?, &[]).ok()
}

/// The key of a certificate that stands alone. Nothing else in it is looked at.
fn key_of(certificate: &CertificateDer<'_>, chain: &[CertificateDer<'_>]) -> Result<VerifyingKey, rustls::Error> {
    let spki = ParsedCertificate::try_from(certificate)?.subject_public_key_info();
    let key = spki.as_ref().strip_prefix(&SPKI_PREFIX).and_then(|key| VerifyingKey::ed25519(key).ok());
    match key {
        Some(key) if chain.is_empty() => Ok(key),
        _ => Err(CertificateError::BadEncoding.into()),
    }
}

fn verify_signature(
    message: &[u8],
    certificate: &CertificateDer<'_>,
    signed: &DigitallySignedStruct,
    algorithms: &WebPkiSupportedAlgorithms,
) -> Result<HandshakeSignatureValid, rustls::Error> {
    if signed.scheme != SignatureScheme::ED25519 {
        return Err(PeerIncompatible::NoSignatureSchemesInCommon.into());
    }
    verify_tls13_signature(message, certificate, signed, algorithms)
}

fn refuse_tls12() -> rustls::Error {
    PeerIncompatible::ServerDoesNotSupportTls12Or13.into()
}

/// Accepts one server key.
#[derive(Debug)]
struct PinnedServer {
    key: VerifyingKey,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ServerCertVerifier for PinnedServer {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let found = key_of(end_entity, intermediates)?;
        if found == self.key {
            return Ok(ServerCertVerified::assertion());
        }
        let changed = ServerKeyChanged { expected: self.key, found };
        Err(CertificateError::Other(OtherError(Arc::new(changed))).into())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(refuse_tls12())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_signature(message, certificate, signed, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }
}

/// Accepts every device key, and connections without one.
#[derive(Debug)]
struct AnyDevice {
    algorithms: WebPkiSupportedAlgorithms,
}

impl ClientCertVerifier for AnyDevice {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        key_of(end_entity, intermediates).map(|_| ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(refuse_tls12())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_signature(message, certificate, signed, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }
}

/// Connects to the daemon at `address` (`host:port`), which must hold `server`, as `device` if there is one.
///
/// Returns once the link stands. A link that breaks later is made anew at the next request, under the same pinned
/// key; see [`ConnectError::behind`] for what fails then.
pub async fn connect(
    address: &str,
    server: VerifyingKey,
    device: Option<&DeviceKey>,
) -> Result<Channel, ConnectError> {
    let bad_address = || ConnectError::Address(address.to_owned());
    let uri = |scheme: &str| format!("{scheme}://{address}").parse::<Uri>().map_err(|_| bad_address());
    // tonic would insist on doing TLS itself for https; the daemon is told https all the same.
    let plain = uri("http")?;
    if plain.port().is_none() || plain.path() != "/" {
        return Err(bad_address());
    }
    let connector = Connector { address: address.into(), tls: TlsConnector::from(client_config(server, device)?) };
    let endpoint = Endpoint::from(plain)
        .origin(uri("https")?)
        .timeout(REQUEST_TIMEOUT)
        .http2_keep_alive_interval(KEEPALIVE_INTERVAL)
        .keep_alive_timeout(KEEPALIVE_TIMEOUT)
        .keep_alive_while_idle(true)
        .initial_stream_window_size(WINDOW_BYTES)
        .initial_connection_window_size(WINDOW_BYTES);
    endpoint.connect_with_connector(connector).await.map_err(|e| match ConnectError::behind(&e) {
        Some(known) => known.clone(),
        None => ConnectError::Handshake { address: address.to_owned(), source: Arc::new(e) },
    })
}

/// Makes the links of one channel.
#[derive(Clone)]
struct Connector {
    address: Arc<str>,
    tls: TlsConnector,
}

impl Connector {
    async fn link(self) -> Result<TokioIo<TlsStream<TcpStream>>, ConnectError> {
        let address = || self.address.to_string();
        let timeout = |_| ConnectError::Timeout { address: address() };
        let unreachable = |e: io::Error| ConnectError::Unreachable { address: address(), source: Arc::new(e) };
        let tcp = tokio::time::timeout(CONNECT_TIMEOUT, TcpStream::connect(&*self.address))
            .await
            .map_err(timeout)?
            .map_err(unreachable)?;
        tcp.set_nodelay(true).map_err(unreachable)?;
        // The name appears nowhere: it is not sent, and the verifier goes by the key.
        let name = ServerName::try_from("sequestre.invalid")
            .map_err(|e| ConnectError::Handshake { address: address(), source: Arc::new(e) })?;
        let link = tokio::time::timeout(CONNECT_TIMEOUT, self.tls.connect(name, tcp))
            .await
            .map_err(timeout)?
            .map_err(|e| handshake_error(&self.address, e))?;
        if link.get_ref().1.alpn_protocol() != Some(ALPN) {
            let source = Arc::new(rustls::Error::NoApplicationProtocol);
            return Err(ConnectError::Handshake { address: address(), source });
        }
        Ok(TokioIo::new(link))
    }
}

impl tower::Service<Uri> for Connector {
    type Response = TokioIo<TlsStream<TcpStream>>;
    type Error = ConnectError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, ConnectError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ConnectError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        Box::pin(self.clone().link())
    }
}

/// Finds our own verdict inside what the TLS library reports.
fn handshake_error(address: &str, error: io::Error) -> ConnectError {
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    if let Some(rustls::Error::InvalidCertificate(CertificateError::Other(OtherError(other)))) = tls
        && let Some(changed) = other.downcast_ref::<ServerKeyChanged>()
    {
        return (*changed).into();
    }
    ConnectError::Handshake { address: address.to_owned(), source: Arc::new(error) }
}

#[cfg(test)]
mod tests;
