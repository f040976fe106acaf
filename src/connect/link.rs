//! Network links to targets: TCP within a time limit, and TLS as the settings say.
//!
//! This module must never send anything unencrypted to another machine unless the settings say so in so many words.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use hyper_rustls::ConfigBuilderExt as _;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, ConfigBuilder, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::settings::{Target, Tls};
use super::{ConnectError, Environment};
use crate::escrow::id::sha256;

/// Where a target is and how it proves who it is.
pub(super) struct Link {
    target: Target,
    tls: Option<Arc<ClientConfig>>,
    connect_within: Duration,
}

impl Link {
    /// As the settings of an account and the daemon's configuration say.
    pub(super) fn new(target: &Target, tls: Option<&Tls>, environment: &Environment) -> Result<Self, ConnectError> {
        let tls = match tls {
            None if target.is_loopback() => None,
            None | Some(Tls::Verified) => Some(Arc::clone(&environment.tls)),
            Some(Tls::Authority(pem)) => Some(Arc::new(only_authority(pem)?)),
            Some(Tls::Certificate(digest)) => Some(Arc::new(only_certificate(*digest)?)),
            Some(Tls::UnencryptedReadableOnTheWay) => None,
        };
        Ok(Self { target: target.clone(), tls, connect_within: environment.time_limit.min(Duration::from_secs(10)) })
    }

    /// Where it leads to.
    pub(super) fn target(&self) -> &Target {
        &self.target
    }

    /// The configuration of TLS, where there is to be any.
    pub(super) fn tls(&self) -> Option<&Arc<ClientConfig>> {
        self.tls.as_ref()
    }

    /// A connection, before any TLS.
    pub(super) async fn connect(&self) -> Result<TcpStream, ConnectError> {
        let unreachable = |source: io::Error| self.unreachable(source);
        let connecting = async {
            let addresses = tokio::net::lookup_host((self.target.host(), self.target.port())).await?;
            // `localhost` is unencrypted: it must not lead elsewhere by somebody's entry.
            let usable = addresses.filter(|address| !self.target.is_loopback() || address.ip().is_loopback());
            TcpStream::connect(usable.collect::<Vec<_>>().as_slice()).await
        };
        let stream = tokio::time::timeout(self.connect_within, connecting).await;
        let stream = stream.map_err(|elapsed| unreachable(elapsed.into()))?.map_err(unreachable)?;
        stream.set_nodelay(true).map_err(unreachable)?;
        Ok(stream)
    }

    /// The connection, with TLS.
    pub(super) async fn encrypt(
        &self,
        stream: TcpStream,
        tls: &Arc<ClientConfig>,
        deadline: Instant,
    ) -> Result<TlsStream<TcpStream>, ConnectError> {
        let name = ServerName::try_from(self.target.host().to_owned()).map_err(|error| self.unreachable(error))?;
        let shaking = timeout_at(deadline, TlsConnector::from(Arc::clone(tls)).connect(name, stream)).await;
        shaking.map_err(|elapsed| self.unreachable(elapsed))?.map_err(|error| self.unreachable(error))
    }

    /// Nothing was done, because of this.
    pub(super) fn unreachable(&self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> ConnectError {
        ConnectError::Unreachable { target: self.target.to_string(), source: source.into() }
    }
}

fn builder() -> Result<ConfigBuilder<ClientConfig, rustls::WantsVerifier>, rustls::Error> {
    ClientConfig::builder_with_provider(Arc::new(ring::default_provider())).with_safe_default_protocol_versions()
}

/// The certificate authorities that this system trusts.
pub(super) fn system_authorities() -> io::Result<Arc<ClientConfig>> {
    Ok(Arc::new(builder().map_err(io::Error::other)?.with_native_roots()?.with_no_client_auth()))
}

fn only_authority(pem: &str) -> Result<ClientConfig, ConnectError> {
    let unusable = || ConnectError::Unusable("'authority' is not a certificate in PEM form; correct it".to_owned());
    let certificate = CertificateDer::from_pem_slice(pem.as_bytes()).map_err(|_| unusable())?;
    let mut roots = RootCertStore::empty();
    roots.add(certificate).map_err(|_| unusable())?;
    Ok(builder().map_err(|_| unusable())?.with_root_certificates(roots).with_no_client_auth())
}

fn only_certificate(digest: [u8; 32]) -> Result<ClientConfig, ConnectError> {
    let builder = builder().map_err(|error| ConnectError::Unusable(error.to_string()))?;
    let provider = Arc::clone(builder.crypto_provider());
    let verifier = Arc::new(OnlyCertificate { digest, provider });
    Ok(builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth())
}

/// Accepts one certificate, by its bytes; names and dates in it mean nothing.
#[derive(Debug)]
struct OnlyCertificate {
    digest: [u8; 32],
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for OnlyCertificate {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if sha256(&[certificate.as_ref()]) == self.digest {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(CertificateError::ApplicationVerificationFailure.into())
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
