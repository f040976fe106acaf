//! Any HTTP API: an API of the test's own, with an account and tokens, and its faults.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use sequestre::connect::settings::{Settings, Target};
use sequestre::connect::{ConnectError, Connector, FieldName};
use serde_json::{Value, json};

use crate::kit::{connector, connector_within, environment, field, login, mint, name, secret};
use crate::proxy::{Fault, Proxy};
use crate::servers::Certificates;

/// What the API holds, and what it was asked.
#[derive(Default)]
struct Held {
    /// The administrator's token.
    secret: String,
    /// Name of a token by id.
    tokens: BTreeMap<u64, String>,
    made: u64,
    /// Request line, headers, and body of each request.
    asked: Vec<(String, Vec<String>, String)>,
    /// Instead of the next answers.
    instead: Vec<String>,
}

/// A small API: `GET /v1/me`, `GET`, `POST` and `DELETE /v1/tokens`, `PUT /v1/secret`.
struct Api {
    port: u16,
    held: Arc<Mutex<Held>>,
}

impl Api {
    fn start() -> Self {
        Self::start_with(None)
    }

    /// With TLS, where there is a certificate.
    fn start_with(certificates: Option<&Certificates>) -> Self {
        let tls = certificates.map(|certificates| {
            let certificate = CertificateDer::from_pem_slice(certificates.certificate.as_bytes()).unwrap();
            let key = PrivateKeyDer::from_pem_slice(certificates.key.as_bytes()).unwrap();
            let provider = Arc::new(rustls::crypto::ring::default_provider());
            let builder = rustls::ServerConfig::builder_with_provider(provider);
            let builder = builder.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
            Arc::new(builder.with_single_cert(vec![certificate], key).unwrap())
        });
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let held = Arc::new(Mutex::new(Held { secret: "top \"secret\"".to_owned(), ..Held::default() }));
        let shared = Arc::clone(&held);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let shared = Arc::clone(&shared);
                let tls = tls.clone().map(|tls| rustls::ServerConnection::new(tls).unwrap());
                std::thread::spawn(move || match tls {
                    Some(tls) => serve(rustls::StreamOwned::new(tls, stream), &shared),
                    None => serve(stream, &shared),
                });
            }
        });
        Self { port, held }
    }

    fn settings(&self, port: u16) -> Value {
        let find = |each: Value| json!({"in": "/tokens", "where": {"/name": "{lease}"}, "take": {"id": "/id"}, "each": [each]});
        let delete = json!({"method": "DELETE", "path": "/tokens/{id}", "success": {"status": [204, 404]}});
        json!({
            "kind": "http",
            "base": format!("http://127.0.0.1:{port}/v1/"),
            "auth": {"basic": {"user": "{user}", "password": "{secret}"}},
            "headers": {"X-From": "escrow"},
            "verify": [{"method": "GET", "path": "/me", "success": {"equals": {"/active": true}, "present": ["/name"]}}],
            "mint": [
                {"method": "GET", "path": "/tokens", "find": find(delete.clone())},
                {"method": "POST", "path": "/tokens", "json": {"name": "{lease}", "ends": "{#until}", "note": "{input}"},
                 "success": {"status": [201]}, "take": {"made": "/token"}},
            ],
            "gives": {"token": "{made}", "url": "https://api.example.org/{{x}}"},
            "revoke": [{"method": "GET", "path": "/tokens", "query": {"by": "{lease} &"}, "find": find(delete)}],
            "rotate": [{"method": "PUT", "path": "/secret", "form": {"new": "{new_secret}", "old": "{secret}"}}],
        })
    }

    fn held<T>(&self, look: impl FnOnce(&mut Held) -> T) -> T {
        look(&mut self.held.lock().unwrap())
    }

    fn names(&self) -> Vec<String> {
        self.held(|held| held.tokens.values().cloned().collect())
    }
}

fn serve(stream: impl Read + Write, held: &Mutex<Held>) {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    if reader.read_line(&mut line).is_err() || line.is_empty() {
        return;
    }
    let mut headers = Vec::new();
    let mut length = 0;
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).unwrap();
        if header.trim().is_empty() {
            break;
        }
        let header = header.trim().to_ascii_lowercase().replacen(": ", ":", 1);
        length = header.strip_prefix("content-length:").map_or(length, |text| text.parse().unwrap());
        headers.push(header);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let body = String::from_utf8(body).unwrap();
    let mut held = held.lock().unwrap();
    held.asked.push((line.trim().to_owned(), headers.clone(), body.clone()));
    let answer =
        if held.instead.is_empty() { act(&mut held, &line, &headers, &body) } else { held.instead.remove(0) };
    drop(held);
    let _ = reader.get_mut().write_all(answer.as_bytes());
    let _ = reader.get_mut().flush();
}

fn act(held: &mut Held, line: &str, headers: &[String], body: &str) -> String {
    use base64::Engine as _;
    let pair = base64::engine::general_purpose::STANDARD.encode(format!("chef:{}", held.secret));
    if !headers.iter().any(|header| *header == format!("authorization:basic {pair}").to_ascii_lowercase()) {
        return answer(401, &json!({"code": "bad_login"}));
    }
    let path = line.split(' ').nth(1).unwrap();
    match (line.split(' ').next().unwrap(), path.split('?').next().unwrap()) {
        ("GET", "/v1/me") => answer(200, &json!({"active": true, "name": "chef"})),
        ("GET", "/v1/tokens") => {
            let tokens: Vec<Value> = held.tokens.iter().map(|(id, name)| json!({"id": id, "name": name})).collect();
            answer(200, &json!({"tokens": tokens}))
        }
        ("POST", "/v1/tokens") => {
            let body: Value = serde_json::from_str(body).unwrap();
            assert!(body["ends"].is_u64());
            held.made += 1;
            let id = held.made;
            held.tokens.insert(id, body["name"].as_str().unwrap().to_owned());
            answer(201, &json!({"token": format!("token-{id}")}))
        }
        ("DELETE", path) => {
            let id = path.strip_prefix("/v1/tokens/").unwrap().parse().unwrap();
            answer(if held.tokens.remove(&id).is_some() { 204 } else { 404 }, &Value::Null)
        }
        ("PUT", "/v1/secret") => {
            held.secret = "the next %20 + é".to_owned();
            answer(200, &Value::Null)
        }
        _ => answer(404, &Value::Null),
    }
}

fn answer(status: u16, body: &Value) -> String {
    let body = if status == 204 { String::new() } else { body.to_string() };
    format!("HTTP/1.1 {status} x\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
}

const ADMIN: (&str, &str) = ("chef", "top \"secret\"");

#[tokio::test(flavor = "multi_thread")]
async fn verbs_are_done_as_the_settings_describe_them() {
    let api = Api::start();
    let (connector, admin) = (connector(&api.settings(api.port)), login(ADMIN.0, ADMIN.1));
    assert!(connector.verify(&admin).await.unwrap());
    assert!(!connector.verify(&login(ADMIN.0, "wrong")).await.unwrap());
    let first = mint(&connector, &admin, 1, "unused").await.unwrap();
    assert_eq!(field(&first, FieldName::Token), "token-1");
    assert_eq!(field(&first, FieldName::Url), "https://api.example.org/{x}");
    mint(&connector, &admin, 2, "unused").await.unwrap();
    assert_eq!(field(&mint(&connector, &admin, 1, "").await.unwrap(), FieldName::Token), "token-3");
    assert_eq!(api.names(), ["seq-abababab-2", "seq-abababab-1"], "the second call replaced the first one's");
    connector.revoke(&admin, &name(1)).await.unwrap();
    assert_eq!(api.names(), ["seq-abababab-2"]);
    connector.revoke(&admin, &name(1)).await.unwrap();
    let last = api.held(|held| held.asked.last().cloned()).unwrap();
    assert_eq!(last.0, "GET /v1/tokens?by=seq-abababab-1%20%26 HTTP/1.1");
    assert!(last.1.contains(&"x-from:escrow".to_owned()), "{:?}", last.1);
    connector.rotate(&admin, &secret("the next %20 + é")).await.unwrap();
    let last = api.held(|held| held.asked.last().cloned()).unwrap();
    assert_eq!(last.2, "new=the%20next%20%2520%20%2B%20%C3%A9&old=top%20%22secret%22");
    assert!(!connector.verify(&admin).await.unwrap());
    assert!(connector.verify(&login(ADMIN.0, "the next %20 + é")).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_link_is_encrypted_and_the_server_proves_who_it_is() {
    let (certificates, wrong) = (Certificates::new(), Certificates::new());
    let api = Api::start_with(Some(&certificates));
    let admin = login(ADMIN.0, ADMIN.1);
    for (host, tls, reached) in [
        ("localhost", json!({"authority": certificates.authority}), true),
        ("127.0.0.1", json!({"authority": certificates.authority}), false),
        ("localhost", json!({"authority": wrong.authority}), false),
        ("127.0.0.1", json!({"certificate": certificates.digest}), true),
        ("127.0.0.1", json!({"certificate": wrong.digest}), false),
        ("localhost", json!("verified"), false),
        ("localhost", Value::Null, false),
    ] {
        let mut settings = api.settings(api.port);
        settings["base"] = json!(format!("https://{host}:{}/v1", api.port));
        settings["tls"] = tls.clone();
        match connector(&settings).verify(&admin).await {
            Ok(works) => assert!(reached && works, "{host} {tls}"),
            Err(error) => {
                assert!(!reached && matches!(error, ConnectError::Unreachable { .. }), "{host} {tls} {error}")
            }
        }
    }
    let asked = api.held(|held| held.asked.len());
    assert_eq!(asked, 2, "nothing was said to a server that could not prove who it is");
    assert!(connector(&api.settings(api.port)).verify(&admin).await.is_err(), "and nothing unencrypted");
    assert_eq!(api.held(|held| held.asked.len()), 2);
}

/// Every request of every call, lost on the way there and on the way back; then the call again.
#[tokio::test(flavor = "multi_thread")]
async fn faults_leave_what_was_or_say_that_they_may_not() {
    let api = Api::start();
    let proxy = Proxy::before(api.port);
    let connector = connector(&api.settings(proxy.port));
    let admin = login(ADMIN.0, ADMIN.1);
    let requests = [
        ("mint", "GET /v1/tokens", true),
        ("mint", "DELETE /v1/tokens", false),
        ("mint", "POST /v1/tokens", false),
        ("revoke", "GET /v1/tokens", true),
        ("revoke", "DELETE /v1/tokens", false),
    ];
    for (index, (call, request, sure)) in (10..).zip(requests) {
        for arrives in [false, true] {
            let case = format!("{call}, at {request}, arrives: {arrives}");
            let before = call == "revoke" || request.starts_with("DELETE");
            if before {
                mint(&connector, &admin, index, "").await.unwrap();
            }
            proxy.arm(request.as_bytes(), if arrives { Fault::Answer } else { Fault::Request });
            let result = match call {
                "mint" => mint(&connector, &admin, index, "").await.map(drop),
                _ => connector.revoke(&admin, &name(index)).await,
            };
            let error = result.expect_err(&case);
            assert!(proxy.is_spent() && error.is_definite() == sure, "{case}: {error}");
            let did_it = arrives && !sure;
            let there = if request.starts_with("POST") { did_it } else { before && !did_it };
            wait_until(|| api.names().len() == usize::from(there), &case);
            if call == "mint" && arrives {
                mint(&connector, &admin, index, "").await.expect(&case);
                assert_eq!(api.names().len(), 1, "{case}");
            }
            connector.revoke(&admin, &name(index)).await.expect(&case);
            assert!(api.names().is_empty(), "{case}");
        }
    }
    for arrives in [false, true] {
        proxy.arm(b"PUT /v1/secret", if arrives { Fault::Answer } else { Fault::Request });
        let error = connector.rotate(&admin, &secret("the next %20 + é")).await.unwrap_err();
        assert!(matches!(error, ConnectError::Unknown { .. }), "{error}");
        wait_until(|| api.held(|held| held.secret != ADMIN.1) == arrives, "rotate");
        assert_eq!(connector.verify(&admin).await.unwrap(), !arrives, "verifying says which holds");
    }
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let down = crate::kit::connector(&api.settings(nobody));
    assert!(matches!(down.revoke(&admin, &name(1)).await, Err(ConnectError::Unreachable { .. })));
}

fn wait_until(holds: impl Fn() -> bool, case: &str) {
    let begin = Instant::now();
    while !holds() {
        assert!(begin.elapsed() < Duration::from_secs(20), "{case}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_are_not_what_they_should_be_are_not_believed() {
    let api = Api::start();
    let connector = connector_within(&api.settings(api.port), Duration::from_secs(3));
    let admin = login(ADMIN.0, ADMIN.1);
    let list = |text: &str| answer(200, &serde_json::from_str(text).unwrap());
    for (instead, reason, definite) in [
        // Nothing was changed yet: only the list was asked for.
        (vec![answer(403, &json!({"code": "no_right"}))], "refused", true),
        (vec![answer(500, &Value::Null)], "unreachable", true),
        (vec![list(r#"{"other": []}"#)], "unreachable", true),
        (vec![list(r#"{"tokens": [{"name": "seq-abababab-1"}]}"#)], "unreachable", true),
        // It redirects to where anybody may listen.
        (
            vec![
                "HTTP/1.1 302 x\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                    .to_owned(),
            ],
            "unreachable",
            true,
        ),
        (vec![list(r#"{"tokens": []}"#), answer(403, &Value::Null)], "refused", true),
        (vec![list(r#"{"tokens": []}"#), answer(500, &Value::Null)], "unknown", false),
        (vec![list(r#"{"tokens": []}"#), answer(200, &json!({"token": "x"}))], "unknown", false),
        (vec![list(r#"{"tokens": []}"#), answer(201, &json!({"other": "x"}))], "unknown", false),
        (vec![list(r#"{"tokens": []}"#), "not HTTP at all\r\n\r\n".to_owned()], "unknown", false),
        // Deleted, then refused: begun and not finished.
        (
            vec![
                list(r#"{"tokens": [{"name": "seq-abababab-1", "id": 7}]}"#),
                answer(204, &Value::Null),
                answer(403, &Value::Null),
            ],
            "unfinished",
            false,
        ),
        // A path that would lead elsewhere.
        (vec![list(r#"{"tokens": [{"name": "seq-abababab-1", "id": ".."}]}"#)], "settings", true),
        (
            vec![format!("HTTP/1.1 200 x\r\nContent-Length: 3000000\r\n\r\n{}", " ".repeat(3_000_000))],
            "unreachable",
            true,
        ),
        (vec!["HTTP/1.1 200 x\r\nContent-Length: 10\r\n\r\n".to_owned()], "unreachable", true),
    ] {
        let shown = format!("{:.200?}", instead);
        api.held(|held| held.instead = instead);
        let error = mint(&connector, &admin, 1, "").await.err().unwrap_or_else(|| panic!("{shown}"));
        assert_eq!((error.reason(), error.is_definite()), (reason, definite), "{shown}: {error:?}");
        assert!(api.held(|held| held.instead.is_empty()), "{shown}");
        assert!(!format!("{error:?}").contains("secret\""), "{error:?}");
    }
    let refused = connector.revoke(&login(ADMIN.0, "wrong"), &name(1)).await.unwrap_err();
    let source = std::error::Error::source(&refused).unwrap().to_string();
    assert_eq!(source, "status 401, bad_login");
    assert!(matches!(refused, ConnectError::Denied { .. }), "that login is not tried again soon: {refused}");
    // Before a change it may ask for more than the login.
    let more = connector.rotate(&login(ADMIN.0, "wrong"), &secret("x")).await.unwrap_err();
    assert!(matches!(more, ConnectError::Refused { .. }), "{more}");
    // To a request that logs in with something else, or not at all, 401 says nothing about the sealed secret.
    let mut settings = api.settings(api.port);
    settings.as_object_mut().unwrap().remove("auth");
    let other = crate::kit::connector(&settings).revoke(&admin, &name(1)).await.unwrap_err();
    assert!(matches!(other, ConnectError::Refused { .. }), "{other}");
    // A word that repeats what was sent is not shown.
    api.held(|held| held.instead = vec![answer(403, &json!({"code": "horsebattery"}))]);
    let refused = connector.revoke(&login(ADMIN.0, "horsebattery"), &name(1)).await.unwrap_err();
    assert_eq!(std::error::Error::source(&refused).unwrap().to_string(), "status 403");
    let weird = connector.verify(&login("with:colon", "x")).await.unwrap_err();
    assert!(matches!(weird, ConnectError::Unusable(_)));

    // One that accepts, and then says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let connector = connector_within(&api.settings(port), Duration::from_millis(300));
    let error = connector.rotate(&admin, &secret("x")).await.unwrap_err();
    assert!(matches!(error, ConnectError::Unknown { .. }), "{error}");
    assert!(matches!(connector.verify(&admin).await, Err(ConnectError::Unreachable { .. })));
}

#[test]
fn settings_that_cannot_be_done_are_refused_when_they_are_read() {
    let api = Api { port: 1, held: Arc::default() };
    let good = api.settings(1);
    let parsed = Settings::parse(&good.to_string()).unwrap();
    assert_eq!((parsed.kind(), parsed.needs_exclusive()), ("http", false));
    let error = Connector::new(parsed, &environment()).err().unwrap();
    assert!(matches!(error, ConnectError::NotAllowed(target) if target == "127.0.0.1:1"));
    for (base, target) in [
        ("https://api.example.org", "api.example.org:443"),
        ("https://API.example.org:8443/v1", "api.example.org:8443"),
        ("http://[::1]:80", "[::1]:80"),
    ] {
        let mut settings = good.clone();
        settings["base"] = json!(base);
        let targets = Settings::parse(&settings.to_string()).unwrap().targets();
        assert_eq!(targets, [Target::parse(target).unwrap()]);
    }
    for (pointer, value) in [
        ("/base", json!("http://api.example.org")),
        ("/base", json!("https://user:password@api.example.org")),
        ("/base", json!("ftp://127.0.0.1")),
        ("/base", json!("https://api.example.org/?x")),
        ("/verify", json!([])),
        ("/verify/0/method", json!("get")),
        ("/verify/0/method", json!("CONNECT")),
        ("/verify/0/path", json!("//other.example.org/ HTTP/1.1")),
        ("/verify/0/path", json!("me")),
        ("/verify/0/path", json!("/me?x=1")),
        ("/verify/0/path", json!("/{new_secret}")),
        ("/verify/0/path", json!("/{")),
        ("/verify/0/success/equals", json!({"active": true})),
        ("/mint/1/json/name", json!("{id}")),
        ("/mint/1/json/name", json!("{unknown}")),
        ("/mint/1/take", json!({"secret": "/token"})),
        ("/mint/0/find/where", json!({})),
        ("/gives", json!({})),
        ("/gives", json!({"shoe": "{made}"})),
        ("/gives", json!({"token": "{id}"})),
        ("/headers", json!({"Host": "other.example.org"})),
        ("/headers", json!({"X": "a\r\nY: b"})),
        ("/auth", json!({"digest": "x"})),
    ] {
        let mut settings = good.clone();
        *settings.pointer_mut(pointer).unwrap() = value;
        assert!(Settings::parse(&settings.to_string()).is_err(), "{pointer}: {}", settings.pointer(pointer).unwrap());
    }
    // Every outer search keeps its answer in memory.
    for (deep, accepted) in [(2, true), (4, false), (20, false)] {
        let get = json!({"method": "GET", "path": "/x"});
        let within =
            |step: Value| json!({"method": "GET", "path": "/x", "find": {"where": {"/a": "b"}, "each": [step]}});
        let mut settings = good.clone();
        settings["verify"] = json!([(0..deep).fold(get, |step, _| within(step))]);
        assert_eq!(Settings::parse(&settings.to_string()).is_ok(), accepted, "{deep}");
    }
    // Nothing is looked for in order to take something of it.
    for (wait, find, accepted) in [
        (10, json!({"where": {"/a": "b"}, "none": true}), true),
        (11, json!({"where": {"/a": "b"}, "none": true}), false),
        (0, json!({"where": {"/a": "b"}, "none": true, "each": [{"method": "GET", "path": "/x"}]}), false),
        (0, json!({"where": {"/a": "b"}, "none": true, "take": {"id": "/id"}}), false),
        (0, json!({"where": {}, "none": true}), false),
    ] {
        let mut settings = good.clone();
        settings["revoke"] = json!([{"method": "GET", "path": "/x", "wait": wait, "find": find}]);
        assert_eq!(Settings::parse(&settings.to_string()).is_ok(), accepted, "{wait} {find}");
    }
    let mut unknown = good.clone();
    unknown["retries"] = json!(3);
    assert!(Settings::parse(&unknown.to_string()).is_err());
}
