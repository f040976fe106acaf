//! What targets answer. The connectors call a target on loopback that says whatever the input says.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use sequestre::connect::settings::Settings;
use sequestre::connect::{ConnectError, Connector, Environment, Lease, LeaseName, Login};
use sequestre::escrow::id::OrganisationId;
use sequestre::escrow::time::Time;
use sequestre::seal::secret::Secret;
use tokio::runtime::Runtime;

/// What one call may take; a target that says nothing more has hung up by then.
const TIME_LIMIT: Duration = Duration::from_secs(5);
/// What no error may repeat.
const PASSWORD: &str = "the administrator's own password";

static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime"));

fn environment() -> Environment {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let tls = tls.expect("its own versions").with_root_certificates(rustls::RootCertStore::empty());
    let tls = Arc::new(tls.with_no_client_auth());
    Environment { time_limit: TIME_LIMIT, ..Environment::with_authorities([].into(), tls) }
}

fn secret(text: &str) -> Secret {
    Secret::from_string(text.to_owned())
}

/// Every call of a connector, each with a connection that begins at the answer's beginning. Gives how the calls went:
/// verify, mint, revoke, rotate.
fn calls(connector: &Connector) -> [Result<bool, ConnectError>; 4] {
    let admin = Login { user: Some(secret("keeper")), secret: secret(PASSWORD) };
    let name = LeaseName::new(OrganisationId::new([0xab; 32]), 5);
    let new = secret("a new password, long enough");
    let lease = Lease { name: &name, until: Time(4_000_000_000), input: None, secret: &new };
    let outcomes = RUNTIME.block_on(async {
        let minted = connector.mint(&admin, &lease).await;
        let minted = minted.map(|minted| {
            let size: usize = minted.fields.iter().map(|(_, value)| value.len()).sum();
            assert!(size < 1 << 20, "what was made is larger than any login");
            true
        });
        [
            connector.verify(&admin).await,
            minted,
            connector.revoke(&admin, &name).await.map(|()| true),
            connector.rotate(&admin, &new).await.map(|()| true),
        ]
    });
    for error in outcomes.iter().filter_map(|outcome| outcome.as_ref().err()) {
        let mut said = error.to_string();
        let mut source = std::error::Error::source(error);
        while let Some(cause) = source {
            said.push_str(&cause.to_string());
            source = cause.source();
        }
        assert!(!said.contains(PASSWORD), "an error repeats the secret");
    }
    outcomes
}

/// A target that reads little, says this to everybody who comes, and hangs up.
fn answered(settings: impl FnOnce(u16) -> String, answer: &[u8]) -> [Result<bool, ConnectError>; 4] {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let answer = answer.to_vec();
    let target = std::thread::spawn(move || {
        let mut asked = [0; 1];
        while let Ok((mut stream, _)) = listener.accept() {
            let _ = stream.set_read_timeout(Some(TIME_LIMIT));
            // Whoever says nothing is the one who wants it to end.
            if !matches!(stream.read(&mut asked), Ok(1)) {
                return;
            }
            let _ = stream.write_all(&answer);
            let _ = stream.shutdown(std::net::Shutdown::Write);
            let mut rest = [0; 4096];
            while matches!(stream.read(&mut rest), Ok(1..)) {}
        }
    });
    let settings = Settings::parse(&settings(port)).expect("settings");
    let mut environment = environment();
    environment.targets.extend(settings.targets());
    let connector = Connector::new(settings, &environment).expect("an allowed target");
    let outcomes = calls(&connector);
    drop(connector);
    drop(std::net::TcpStream::connect(("127.0.0.1", port)));
    target.join().expect("the target ends");
    outcomes
}

/// A directory.
pub mod ldap {
    use super::answered;

    /// An answer to a request with this number: `result` 0 is success.
    fn response(id: u8, tag: u8, result: u8) -> Vec<u8> {
        vec![0x30, 12, 2, 1, id, tag, 7, 0x0a, 1, result, 4, 0, 4, 0]
    }

    pub fn seeds() -> Vec<Vec<u8>> {
        let [bind, add, modify] = [0x61, 0x69, 0x78];
        vec![
            [response(1, bind, 0), response(2, add, 0), response(3, modify, 0)].concat(),
            response(1, bind, 49),
            [response(1, bind, 0), response(2, add, 68)].concat(),
            vec![0x30, 0x84, 0x7f, 0xff, 0xff, 0xff, 2, 1, 1],
        ]
    }

    pub fn check(data: &[u8]) {
        let settings = |port| {
            format!(
                r#"{{"kind": "ldap", "target": "127.0.0.1:{port}", "lease": {{"password_of": "uid=board,dc=example"}}}}"#
            )
        };
        let [verified, minted, ..] = answered(settings, data);
        // Nobody is let in by a server that never said so; a length may be written in up to four more bytes.
        let lengths = [&[1][..], &[0x81, 1], &[0x82, 0, 1], &[0x83, 0, 0, 1], &[0x84, 0, 0, 0, 1]];
        let success = lengths.map(|length| [&[0x0a], length, &[0]].concat());
        if !success.iter().any(|success| data.windows(success.len()).any(|bytes| bytes == success)) {
            assert!(!matches!(verified, Ok(true)) && minted.is_err(), "success that was not said");
        }
    }
}

/// An HTTP API, described as that of WordPress is.
pub mod http {
    use super::answered;

    pub fn seeds() -> Vec<Vec<u8>> {
        let page = |status: &str, headers: &str, body: &str| {
            let length = body.len();
            format!("HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n{body}")
                .into_bytes()
        };
        let json = "content-type: application/json\r\n";
        vec![
            page("200 OK", json, r#"[{"id": 3, "username": "redaction", "uuid": "u", "email": "web@example.org"}]"#),
            page("200 OK", json, r#"{"id": 3, "password": "abcd efgh", "uuid": "u-u-i-d"}"#),
            page("401 Unauthorized", json, r#"{"code": "incorrect_password"}"#),
            page("302 Found", "location: /wp-admin/\r\nset-cookie: a=b; path=/\r\n", ""),
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nffffffff\r\n".to_vec(),
        ]
    }

    pub fn check(data: &[u8]) {
        let [verified, minted, ..] = answered(
            |port| {
                format!(
                    r#"{{"kind": "wordpress", "site": "http://127.0.0.1:{port}", "user": "redaction",
                        "lease": "application_password"}}"#
                )
            },
            data,
        );
        // Empty lines may stand before it (RFC 9112 section 2.2).
        let begin = data.iter().position(|byte| !b"\r\n".contains(byte)).unwrap_or(data.len());
        if !data[begin..].starts_with(b"HTTP/1.") {
            assert!(!matches!(verified, Ok(true)) && minted.is_err(), "success that was not said");
        }
    }
}

/// A PostgreSQL server.
pub mod postgresql {
    use super::answered;

    pub fn seeds() -> Vec<Vec<u8>> {
        let ready = b"R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I".to_vec();
        let sasl = b"R\0\0\0\x17\0\0\0\x0aSCRAM-SHA-256\0\0".to_vec();
        let denied = b"E\0\0\0\x1aSFATAL\0C28P01\0Mno\0\0".to_vec();
        vec![ready.clone(), sasl, denied.clone(), [ready, denied].concat(), b"N".to_vec()]
    }

    pub fn check(data: &[u8]) {
        let [verified, minted, _, rotated] = answered(
            |port| {
                format!(
                    r#"{{"kind": "postgresql", "target": "127.0.0.1:{port}", "database": "members",
                        "rights_of": "editors", "reassign_to": "archive", "connections": 3}}"#
                )
            },
            data,
        );
        // It lets everybody in who comes, so that it never says that one secret is the right one.
        assert!(!matches!(verified, Ok(true)), "success that means nothing");
        assert!(minted.is_err() && rotated.is_err(), "success that was not said");
    }
}

/// A program.
pub mod programs {
    use std::path::Path;

    use sequestre::connect::Connector;
    use sequestre::connect::exec::Program;
    use sequestre::connect::settings::Settings;

    use super::{calls, environment};

    pub fn seeds() -> Vec<Vec<u8>> {
        [
            r#"{"protocol": "sequestre-connector/1", "ok": true, "works": true}"#,
            r#"{"protocol": "sequestre-connector/1", "ok": true, "fields": {"user": "a", "password": "b"}}"#,
            r#"{"protocol": "sequestre-connector/1", "ok": false, "error": "refused"}"#,
        ]
        .map(|text| text.as_bytes().to_vec())
        .into()
    }

    pub fn check(data: &[u8]) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("answer");
        std::fs::write(&path, data).expect("a file");
        let mut environment = environment();
        let arguments = vec![path.to_string_lossy().into_owned()];
        let program = Program::new(Path::new("/bin/cat"), arguments, None).expect("an absolute path");
        environment.programs.insert("answers".to_owned(), program);
        let settings = Settings::parse(r#"{"kind": "exec", "program": "answers"}"#).expect("settings");
        let connector = Connector::new(settings, &environment).expect("an allowed program");
        let outcomes = calls(&connector);
        if serde_json::from_slice::<serde_json::Value>(data).is_err() {
            assert!(outcomes.iter().all(Result::is_err), "an answer that is none");
        }
    }
}
