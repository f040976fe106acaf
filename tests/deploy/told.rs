//! That each number moves for its cause, at a real daemon that is read over HTTP.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use sequestre::proto::api::v1 as api;
use sequestre::proto::api::v1::escrow_client::EscrowClient;
use sequestre::seal::device::DeviceKey;
use sequestre::tls;

use crate::numbers::{Page, http, tell_at};
use crate::servers::free_port;
use crate::town::{AWA, BRUNO, CHLOE, DEADLINE, Kind, LABEL, MAUD, NINA, PASSWORD, PEOPLE, Town};

/// An association whose daemon tells its numbers, and the port where.
pub async fn town(kind: Kind) -> (Town, u16) {
    let town = Town::founded_at(kind).await;
    let port = free_port();
    tell_at(&town.data(), port);
    town.restart().await;
    (town, port)
}

/// Reads the page until it says so.
#[track_caller]
pub fn says(port: u16, so: impl Fn(&Page) -> bool) -> Page {
    let begun = Instant::now();
    loop {
        let page = Page::read(port);
        if so(&page) {
            return page;
        }
        assert!(begun.elapsed() < DEADLINE, "it never says so: {}", page.text);
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_connections_and_entries() {
    let (town, port) = town(Kind::Program).await;
    let page = Page::read(port);
    assert_eq!(page.get(&format!("build{{version=\"{}\"}}", env!("CARGO_PKG_VERSION"))), Some(1.0));
    let age = town.now().0 as f64 - page.get("start_time_seconds").unwrap();
    assert!((0.0..60.0).contains(&age), "started {age} s ago");
    let entries = town.entries() as f64;
    assert_eq!((page.one("log_entries", ""), page.get("entries_appended_total")), (entries, Some(0.0)));
    assert_eq!(page.get("organisations{state=\"served\"}"), Some(1.0));
    let ok = |method: &str| format!("requests_total{{method=\"{method}\",outcome=\"ok\"}}");
    assert_eq!(page.get(&ok("Submit")), None);

    town.invite(AWA, "Somebody").await;
    let page = Page::read(port);
    assert_eq!((page.one("log_entries", ""), page.get("entries_appended_total")), (entries + 1.0, Some(1.0)));
    assert_eq!(page.get(&ok("Submit")), Some(1.0));
    assert_eq!(page.get("request_duration_seconds_count{method=\"Submit\"}"), Some(1.0));
    assert!(page.get("request_duration_seconds_sum{method=\"Submit\"}").unwrap() < DEADLINE.as_secs_f64());

    // A device that no log knows gets nothing, and is counted as what it is while it is there.
    let folder = town.env(AWA).home.choose(None).unwrap();
    let (key, device) = (folder.contact().unwrap().server_key, DeviceKey::generate().unwrap());
    let channel = tls::connect(&town.address(), key, Some(&device)).await.unwrap();
    let request = api::GetCheckpointRequest { organisation: folder.id.to_vec() };
    EscrowClient::new(channel.clone()).get_checkpoint(request).await.unwrap_err();
    let page = Page::read(port);
    assert_eq!(page.get("requests_total{method=\"GetCheckpoint\",outcome=\"UNKNOWN_DEVICE\"}"), Some(1.0));
    assert_eq!(page.get("connections{of=\"strangers\"}"), Some(1.0));
    drop(channel);
    says(port, |page| page.get("connections{of=\"strangers\"}") == Some(0.0));
    let session = town.session(MAUD).await;
    assert_eq!(Page::read(port).get("connections{of=\"members\"}"), Some(1.0));
    drop(session);
    says(port, |page| page.get("connections{of=\"members\"}") == Some(0.0));

    // What is no TLS comes to nothing.
    let refused = "connections_refused_total{reason=\"handshake\"}";
    assert_eq!(Page::read(port).get(refused), Some(0.0));
    let mut stream = TcpStream::connect(town.address()).unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    let _ = stream.read_to_end(&mut Vec::new());
    says(port, |page| page.get(refused) == Some(1.0));
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_count_whom_they_turn_away() {
    let (town, port) = town(Kind::Here).await;
    town.stop().await;
    // One place for strangers, and little time for a handshake.
    let path = town.data().join("sequestred.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let text = text.replace("max_connections = 512", "max_connections = 4");
    let text = text.replace("handshake_timeout_seconds = 10", "handshake_timeout_seconds = 1");
    std::fs::write(&path, text.replace("requests_per_minute = 600", "requests_per_minute = 2")).unwrap();
    town.start().await;
    let folder = town.env(AWA).home.choose(None).unwrap();
    let key = folder.contact().unwrap().server_key;
    let one = tls::connect(&town.address(), key, None).await.unwrap();
    assert_eq!(Page::read(port).get("connections_refused_total{reason=\"strangers\"}"), Some(0.0));
    // Its side of the handshake is done before it hears that there is no place.
    drop(tls::connect(&town.address(), key, None).await);
    says(port, |page| page.get("connections_refused_total{reason=\"strangers\"}") >= Some(1.0));
    let request = api::GetCheckpointRequest { organisation: folder.id.to_vec() };
    for _ in 0..4 {
        EscrowClient::new(one.clone()).get_checkpoint(request.clone()).await.unwrap_err();
    }
    let page = Page::read(port);
    assert_eq!(page.get("requests_total{method=\"GetCheckpoint\",outcome=\"TOO_MANY_REQUESTS\"}"), Some(2.0));
    // As many silent handshakes as there are places for any: one more waits, and none of them lasts.
    let silent: Vec<_> = (0..3).map(|_| TcpStream::connect(town.address()).unwrap()).collect();
    says(port, |page| page.get("connections_refused_total{reason=\"timeout\"}") == Some(3.0));
    drop(silent);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_handshakes_from_one_network_are_counted() {
    let (town, port) = town(Kind::Here).await;
    let silent: Vec<_> = (0..20).map(|_| TcpStream::connect(town.address()).unwrap()).collect();
    says(port, |page| page.get("connections_refused_total{reason=\"network\"}") == Some(4.0));
    drop(silent);
}

#[tokio::test(flavor = "multi_thread")]
async fn witnesses_shares_and_passwords() {
    let (town, port) = town(Kind::Here).await;
    for name in PEOPLE {
        town.session(name).await;
    }
    let page = Page::read(port);
    // Three trustees and a mediator.
    assert_eq!((page.one("witnesses", ""), page.one("witnesses_needed", "")), (4.0, 3.0));
    assert_eq!(page.one("witnessed_entries", ""), page.one("log_entries", ""));
    assert_eq!(page.one("witnessed_timestamp_seconds", ""), town.now().0 as f64);
    assert_eq!((page.one("shares_confirmed", ""), page.one("shares_needed", "")), (3.0, 2.0));
    assert_eq!(page.one("shares_low", ""), 0.0);
    assert_eq!((page.one("passwords_due", "\"later\""), page.one("passwords_due", "\"now\"")), (0.0, 0.0));

    let asked = town.now();
    let request = town.granted(NINA, sequestre::escrow::time::Seconds::HOUR).await;
    assert_eq!(town.open(NINA, request).await.unwrap(), PASSWORD);
    sequestre::client::request::give_back(&town.env(NINA), request).await.unwrap();
    let page = Page::read(port);
    assert!(page.one("witnessed_entries", "") < page.one("log_entries", ""), "nobody has seen the end yet");
    assert_eq!((page.one("passwords_due", "\"later\""), page.one("passwords_due", "\"now\"")), (1.0, 0.0));
    assert_eq!(page.one("passwords_due_since_timestamp_seconds", "\"later\""), asked.0 as f64);

    // Three months later nobody's part is known to work any more.
    town.pass(sequestre::escrow::time::Seconds(91 * 86_400));
    let page = Page::read(port);
    assert_eq!((page.one("shares_confirmed", ""), page.one("shares_low", "")), (0.0, 1.0));
    for name in [AWA, BRUNO] {
        town.session(name).await;
    }
    assert_eq!(Page::read(port).one("witnessed_timestamp_seconds", ""), asked.0 as f64, "two of four are not enough");
    town.session(CHLOE).await;
    assert_eq!(Page::read(port).one("witnessed_timestamp_seconds", ""), town.now().0 as f64);

    let page = Page::read(port);
    for said in PEOPLE.into_iter().chain([LABEL, PASSWORD, "Amis", "127.0.0.1", "renew"]) {
        assert!(!page.text.contains(said), "{said:?} is told:\n{}", page.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_disk_does_not_do() {
    let (town, port) = town(Kind::Program).await;
    let page = Page::read(port);
    let errors = |operation: &str| format!("storage_errors_total{{operation=\"{operation}\"}}");
    assert_eq!((page.get(&errors("read")), page.get(&errors("write"))), (Some(0.0), Some(0.0)));
    assert_eq!(page.get("database_ready"), Some(1.0));
    let (free, all) = (page.get("disk_free_bytes").unwrap(), page.get("disk_bytes").unwrap());
    assert!(0.0 < free && free <= all);
    let database = page.get("database_bytes{file=\"database\"}").unwrap();
    assert_eq!(database, std::fs::metadata(town.data().join("sequestre.db")).unwrap().len() as f64);

    // Somebody else holds the database for longer than the daemon waits.
    let connection = town.database();
    connection.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let (env, folder) = (town.env(AWA), town.root.path().join("more"));
    sequestre::client::found::invite(&env, "Somebody", &["member".to_owned()], &folder).await.unwrap_err();
    connection.execute_batch("ROLLBACK").unwrap();
    let page = says(port, |page| page.get(&errors("write")) >= Some(1.0));
    assert_eq!(page.get("organisations{state=\"unreadable\"}"), Some(0.0));
    town.stop().await;

    // One entry is not what it was: the organisation is not served, and that is told.
    let changed = "UPDATE entry SET bytes = x'00' WHERE position = 3";
    assert_eq!(connection.execute(changed, []).unwrap(), 1);
    drop(connection);
    town.start().await;
    let page = Page::read(port);
    assert_eq!(page.get("organisations{state=\"unreadable\"}"), Some(1.0));
    assert_eq!(page.get("organisations{state=\"served\"}"), Some(0.0));

    // The table is gone under a daemon that runs: nothing can be read.
    town.database().execute_batch("PRAGMA foreign_keys = off; ALTER TABLE device RENAME TO elsewhere").unwrap();
    assert!(town.env(AWA).session().unwrap().sync().await.is_err());
    let page = says(port, |page| page.get(&errors("read")) >= Some(1.0));
    assert_eq!(page.get("database_ready"), Some(1.0), "that table is not asked");
    town.database().execute_batch("PRAGMA foreign_keys = off; ALTER TABLE organisation RENAME TO gone").unwrap();
    says(port, |page| page.get("database_ready") == Some(0.0));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_page_is_answered_and_nobody_holds_it_up() {
    let (town, port) = town(Kind::Here).await;
    for (request, answer) in [
        ("POST /metrics", "HTTP/1.1 405 "),
        ("GET /", "HTTP/1.1 404 "),
        ("GET /metrics/x", "HTTP/1.1 404 "),
        ("GET /metrics?x=y", "HTTP/1.1 200 "),
    ] {
        assert!(http(port, request).starts_with(answer), "{request}: {}", http(port, request));
    }
    // Where only this machine reaches it.
    let local = TcpListener::bind(("127.0.0.2", port)).expect("it listens at one address only");
    drop(local);
    // Three that say nothing leave room for one.
    let silent: Vec<_> = (0..3).map(|_| TcpStream::connect(("127.0.0.1", port)).unwrap()).collect();
    Page::read(port);
    // Their calls go on whoever reads.
    town.session(MAUD).await;
    drop(silent);
    town.stop().await;
    TcpListener::bind(("127.0.0.1", port)).expect("free once it has stopped");
}
