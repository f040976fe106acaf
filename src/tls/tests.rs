use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::*;

fn key() -> DeviceKey {
    DeviceKey::generate().unwrap()
}

/// What the server knows about the client after a handshake in memory, and what the client thinks of it.
async fn handshake(
    server: Arc<ServerConfig>,
    client: Arc<ClientConfig>,
) -> (io::Result<Option<VerifyingKey>>, io::Result<()>) {
    let (ours, theirs) = duplex(64 * 1024);
    let serving = async {
        let mut link = TlsAcceptor::from(server).accept(ours).await?;
        link.write_all(b"hello").await?;
        link.shutdown().await?;
        Ok(peer_key(link.get_ref().1))
    };
    let asking = async {
        let name = ServerName::try_from("other.example").unwrap();
        let mut link = TlsConnector::from(client).connect(name, theirs).await?;
        // With TLS 1.3 the client learns of a refusal of its certificate only when it reads.
        link.read_exact(&mut [0; 5]).await.map(|_| ())
    };
    tokio::join!(serving, asking)
}

/// A client configuration that shows any certificate with any key.
fn showing(server: VerifyingKey, certificate: Vec<u8>, key: &DeviceKey) -> Arc<ClientConfig> {
    let pkcs8 = key.pkcs8_der();
    let signer = ring::sign::any_eddsa_type(&PrivatePkcs8KeyDer::from(pkcs8.expose())).unwrap();
    let shown: SingleCertAndKey = CertifiedKey::new(vec![certificate.into()], signer).into();
    let mut config = (*client_config(server, Some(key)).unwrap()).clone();
    config.client_auth_cert_resolver = Arc::new(shown);
    Arc::new(config)
}

fn certificate(key: &DeviceKey, public: [u8; 32]) -> Vec<u8> {
    rcgen::CertificateParams::default().self_signed(&Certificate { key, public }).unwrap().der().to_vec()
}

#[tokio::test]
async fn the_server_learns_the_device_or_that_there_is_none() {
    let (server, device) = (key(), key());
    let config = server_config(&server).unwrap();
    let (peer, client) = handshake(config.clone(), client_config(server.public(), Some(&device)).unwrap()).await;
    client.unwrap();
    assert_eq!(peer.unwrap(), Some(device.public()));
    let (peer, client) = handshake(config, client_config(server.public(), None).unwrap()).await;
    client.unwrap();
    assert_eq!(peer.unwrap(), None);
}

#[tokio::test]
async fn another_server_key_is_told_apart_from_every_other_failure() {
    let (server, expected, device) = (key(), key(), key());
    let client = client_config(expected.public(), Some(&device)).unwrap();
    let (_, refused) = handshake(server_config(&server).unwrap(), client).await;
    let changed = ServerKeyChanged { expected: expected.public(), found: server.public() };
    let error = handshake_error("here:1", refused.unwrap_err());
    assert!(matches!(&error, ConnectError::ServerKeyChanged(c) if *c == changed), "{error}");
    assert!(error.to_string().starts_with("STOP") && error.to_string().contains("by voice"));
    let other = handshake_error("here:1", io::Error::other(rustls::Error::DecryptError));
    assert!(matches!(other, ConnectError::Handshake { .. }));
}

#[tokio::test]
async fn a_copied_certificate_is_worth_nothing() {
    let (server, victim, thief) = (key(), key(), key());
    let copied = showing(server.public(), certificate(&victim, *victim.public().as_bytes()), &thief);
    let (peer, client) = handshake(server_config(&server).unwrap(), copied).await;
    assert!(peer.is_err() && client.is_err());

    // The same the other way round: a server that shows the pinned certificate without having its key.
    let pkcs8 = thief.pkcs8_der();
    let signer = ring::sign::any_eddsa_type(&PrivatePkcs8KeyDer::from(pkcs8.expose())).unwrap();
    let shown = certificate(&server, *server.public().as_bytes());
    let resolver: SingleCertAndKey = CertifiedKey::new(vec![shown.into()], signer).into();
    let mut config = (*server_config(&thief).unwrap()).clone();
    config.cert_resolver = Arc::new(resolver);
    let (peer, client) = handshake(Arc::new(config), client_config(server.public(), None).unwrap()).await;
    assert!(peer.is_err() && client.is_err());
}

#[tokio::test]
async fn certificates_that_are_none_are_refused() {
    let (server, device) = (key(), key());
    let config = server_config(&server).unwrap();
    let good = certificate(&device, *device.public().as_bytes());
    let mut neutral = [0; 32];
    neutral[0] = 1;
    let ecdsa = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    let ecdsa = rcgen::CertificateParams::default().self_signed(&ecdsa).unwrap().der().to_vec();
    for shown in [certificate(&device, neutral), certificate(&device, [0; 32]), ecdsa, good[1..].to_vec(), vec![]] {
        let (peer, client) = handshake(config.clone(), showing(server.public(), shown, &device)).await;
        assert!(peer.is_err() && client.is_err());
    }
    let chained = CertificateDer::from(good.clone());
    assert!(key_of(&chained, &[]).is_ok());
    assert!(key_of(&chained, std::slice::from_ref(&chained)).is_err(), "a chain claims an authority; there is none");
}

#[tokio::test]
async fn keys_of_other_types_are_not_asked_for() {
    let server = key();
    let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    let certificate = rcgen::CertificateParams::default().self_signed(&pair).unwrap().der().clone();
    let signer = PrivateKeyDer::Pkcs8(pair.serialize_der().into());
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(PinnedServer {
            key: server.public(),
            algorithms: provider().signature_verification_algorithms,
        }))
        .with_client_auth_cert(vec![certificate], signer)
        .unwrap();
    config.alpn_protocols = vec![ALPN.to_vec()];
    // rustls leaves out a certificate for which the server accepts no signature: the connection is one without.
    let (peer, client) = handshake(server_config(&server).unwrap(), Arc::new(config)).await;
    client.unwrap();
    assert_eq!(peer.unwrap(), None);
}

#[tokio::test]
async fn nothing_is_resumed_and_no_name_is_sent() {
    let (server, device) = (key(), key());
    let config = server_config(&server).unwrap();
    let client = client_config(server.public(), Some(&device)).unwrap();
    for _ in 0..2 {
        let (ours, theirs) = duplex(64 * 1024);
        let accept = async { TlsAcceptor::from(config.clone()).accept(ours).await };
        let connect = TlsConnector::from(client.clone()).connect(ServerName::try_from("a.example").unwrap(), theirs);
        let (accepted, connected) = tokio::join!(accept, connect);
        let (accepted, connected) = (accepted.unwrap(), connected.unwrap());
        assert_eq!(connected.get_ref().1.handshake_kind(), Some(rustls::HandshakeKind::Full));
        assert!(!connected.get_ref().1.is_early_data_accepted());
        assert_eq!(accepted.get_ref().1.server_name(), None);
    }
}

/// A ClientHello that offers TLS 1.2 only: answered with the alert `protocol_version` (70).
#[tokio::test]
async fn tls_1_2_is_refused() {
    let extensions: &[u8] = &[0, 13, 0, 4, 0, 2, 8, 7]; // signature_algorithms: ed25519
    let mut hello = vec![3, 3];
    hello.extend_from_slice(&[7; 32]);
    hello.extend_from_slice(&[0, 0, 2, 0xc0, 0x2b, 1, 0]);
    hello.extend_from_slice(&(extensions.len() as u16).to_be_bytes());
    hello.extend_from_slice(extensions);
    let mut message = vec![1, 0, 0, hello.len() as u8];
    message.extend_from_slice(&hello);
    let mut record = vec![22, 3, 1, 0, message.len() as u8];
    record.extend_from_slice(&message);

    let (ours, mut theirs): (DuplexStream, DuplexStream) = duplex(4096);
    let accept = TlsAcceptor::from(server_config(&key()).unwrap()).accept(ours);
    let ask = async {
        theirs.write_all(&record).await.unwrap();
        let mut answer = Vec::new();
        theirs.read_to_end(&mut answer).await.unwrap();
        answer
    };
    let (accepted, answer) = tokio::join!(async { accept.await.map(drop) }, ask);
    assert!(accepted.is_err());
    assert_eq!(answer, [21, 3, 3, 0, 2, 2, 70]);
}

#[tokio::test]
async fn connecting_says_what_is_wrong() {
    let server = key().public();
    for address in ["", "no port", "host:1/path", "host", "host:99999"] {
        let error = connect(address, server, None).await.unwrap_err();
        assert!(matches!(error, ConnectError::Address(_)), "{address}: {error}");
    }
    // A port on which nobody listens any more.
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let error = connect(&closed.to_string(), server, None).await.unwrap_err();
    assert!(matches!(error, ConnectError::Unreachable { .. }), "{error}");
    // Something that speaks another protocol.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let other = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"220 mail.example ESMTP\r\n").await.unwrap();
    };
    let (error, ()) = tokio::join!(connect(&address, server, None), other);
    let error = error.unwrap_err();
    assert!(matches!(error, ConnectError::Handshake { .. }), "{error}");
}
