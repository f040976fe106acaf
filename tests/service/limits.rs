//! What broken or hostile clients are told, and what they cannot use up.

use std::pin::Pin;
use std::task::{Context, Poll};

use sequestre::daemon::config::Overrides;
use sequestre::proto::api::v1 as api;
use sequestre::proto::api::v1::escrow_client::EscrowClient;
use sequestre::tls;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tonic::body::Body;
use tonic::codegen::Bytes;
use tonic::codegen::http::Request;
use tonic::transport::Channel;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;
use tower::ServiceExt as _;

use crate::support::*;

/// Sends a body as it is and reads what the daemon says about it.
async fn post(channel: &Channel, method: &str, body: Body) -> Status {
    let request = Request::post(format!("https://localhost{method}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(body)
        .unwrap();
    let response = soon(channel.clone().oneshot(request)).await.unwrap();
    Status::from_header_map(response.headers()).expect("a refusal without an answer")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_message_is_refused_with_a_reason() {
    let daemon = Daemon::start().await;
    let channel = daemon.channel(None).await;
    let submit = "/sequestre.api.v1.Escrow/Submit";
    for (method, body, code, reason) in [
        // The frame announces 9 bytes and brings 3.
        (submit, "\0\0\0\0\u{9}abc", Code::InvalidArgument, "MALFORMED"),
        // Field 1 as a number.
        (submit, "\0\0\0\0\u{2}\u{8}\u{1}", Code::InvalidArgument, "MALFORMED"),
        (submit, "", Code::InvalidArgument, "MALFORMED"),
        // More than the largest message: only announced.
        (submit, "\0\u{7f}\0\0\0", Code::ResourceExhausted, "MESSAGE_TOO_LARGE"),
        ("/sequestre.api.v1.Escrow/Destroy", "\0\0\0\0\0", Code::Unimplemented, "UNKNOWN_METHOD"),
        ("/other.Service/Method", "\0\0\0\0\0", Code::Unimplemented, "UNKNOWN_METHOD"),
        // An empty message is one, but asks for nothing.
        (submit, "\0\0\0\0\0", Code::InvalidArgument, "MALFORMED"),
    ] {
        assert_eq!(
            why(Err::<(), _>(post(&channel, method, Body::new(body.to_owned())).await)),
            (code, reason.into()),
            "{method} {body:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_beyond_the_limit_are_refused_before_they_are_read() {
    let daemon = Daemon::start_with(Overrides { max_message_bytes: Some(512 * 1024), ..Overrides::default() }).await;
    let mut founded = Founded::on(&daemon).await;
    let mut invite = founded.founder.invite(founded.id, [3; 32]);
    invite.blobs.extend((0..2).map(|n| api::Blob { content: vec![n; 256 * 1024].into() }));
    let refused = founded.client.submit(invite.clone()).await;
    assert_eq!(why(refused), (Code::ResourceExhausted, "MESSAGE_TOO_LARGE".into()));
    invite.blobs.truncate(1);
    assert_eq!(founded.client.submit(invite).await.unwrap().into_inner().index, 1);
    let mut large = founded.founder.invite(founded.id, [4; 32]);
    large.blobs[0].content = vec![1; 256 * 1024 + 1].into();
    assert_eq!(why(founded.client.submit(large).await).1, "BLOB_TOO_LARGE");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_person_has_an_allowance_and_strangers_share_one() {
    let daemon = Daemon::start_with(Overrides { requests_per_minute: Some(5), ..Overrides::default() }).await;
    // Two calls of a stranger.
    let mut founded = Founded::on(&daemon).await;
    let request = api::GetCheckpointRequest { organisation: founded.id.to_vec() };
    for _ in 0..5 {
        founded.client.get_checkpoint(request.clone()).await.unwrap();
    }
    let begun = std::time::Instant::now();
    let refused = founded.client.get_checkpoint(request.clone()).await;
    assert!(begun.elapsed().as_millis() >= 100, "whoever insists is told so no faster than that");
    let retry = refused.as_ref().unwrap_err().get_details_retry_info().unwrap().retry_delay.unwrap();
    assert!(retry.as_secs() <= 12);
    assert_eq!(why(refused), (Code::ResourceExhausted, "TOO_MANY_REQUESTS".into()));
    // Another connection changes nothing.
    let mut again = daemon.client(&founded.founder.device).await;
    assert_eq!(why(again.get_checkpoint(request.clone()).await).1, "TOO_MANY_REQUESTS");

    let mut reasons = Vec::new();
    for _ in 0..4 {
        let mut stranger = daemon.client(&Person::new().device).await;
        reasons.push(why(stranger.get_checkpoint(request.clone()).await).1);
    }
    assert_eq!(reasons, ["UNKNOWN_DEVICE", "UNKNOWN_DEVICE", "UNKNOWN_DEVICE", "TOO_MANY_REQUESTS"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_do_not_take_the_places_of_members() {
    let daemon = Daemon::start_with(Overrides { max_connections: Some(4), ..Overrides::default() }).await;
    // A quarter of four: one place for strangers, which the founder has until the genesis, and keeps.
    let founded = Founded::on(&daemon).await;
    let stranger = Person::new();
    let (address, key) = (daemon.address(), daemon.server_key());
    let ask = async || {
        let channel = tls::connect(&address, key, Some(&stranger.device)).await.ok()?;
        let request = api::GetCheckpointRequest { organisation: founded.id.to_vec() };
        let status = EscrowClient::new(channel).get_checkpoint(request).await.unwrap_err();
        status.get_details_error_info().map(|info| info.reason)
    };
    assert_eq!(soon(ask()).await, None, "no place, no answer");
    let mut member = daemon.client(&founded.founder.device).await;
    let request = api::GetCheckpointRequest { organisation: founded.id.to_vec() };
    member.get_checkpoint(request.clone()).await.unwrap();
    drop(founded.client);
    assert_eq!(eventually(&ask).await, "UNKNOWN_DEVICE");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_says_nothing_is_hung_up_on() {
    let overrides = Overrides { handshake_timeout_seconds: Some(1), ..Overrides::default() };
    let daemon = Daemon::start_with(overrides).await;
    let mut silent = TcpStream::connect(daemon.address()).await.unwrap();
    let mut rest = Vec::new();
    assert_eq!(soon(silent.read_to_end(&mut rest)).await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_stay_for_a_time() {
    let daemon = Daemon::start_with(Overrides { stranger_stay_seconds: Some(2), ..Overrides::default() }).await;
    let founded = Founded::on(&daemon).await;
    let request = api::WatchRequest { organisation: founded.id.to_vec() };
    // The founder was a stranger when this connection began; on the next one no more.
    let mut before = founded.client.clone().watch(request.clone()).await.unwrap().into_inner();
    assert_eq!(before.message().await.unwrap().unwrap().size, 1);
    let mut member = daemon.client(&founded.founder.device).await;
    let mut after = member.watch(request.clone()).await.unwrap().into_inner();
    assert_eq!(after.message().await.unwrap().unwrap().size, 1);
    soon(before.message()).await.unwrap_err();
    member.submit(founded.founder.invite(founded.id, [3; 32])).await.unwrap();
    assert_eq!(soon(after.message()).await.unwrap().unwrap().size, 2);
    eventually(|| {
        let (mut client, request) = (founded.client.clone(), request.clone());
        async move { client.watch(request).await.ok() }
    })
    .await;
}

/// Announces a message and never sends it.
struct Stalled(bool);

impl http_body::Body for Stalled {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, Status>>> {
        if std::mem::replace(&mut self.0, true) {
            return Poll::Pending;
        }
        Poll::Ready(Some(Ok(http_body::Frame::data(Bytes::from_static(b"\0\0\0\0\x09abc")))))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_is_never_finished_is_ended() {
    let daemon = Daemon::start_with(Overrides { request_timeout_seconds: Some(1), ..Overrides::default() }).await;
    let channel = daemon.channel(None).await;
    let status = post(&channel, "/sequestre.api.v1.Escrow/Submit", Body::new(Stalled(false))).await;
    assert_eq!(why(Err::<(), _>(status)), (Code::DeadlineExceeded, "TIMEOUT".into()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_send_short_messages_only() {
    let daemon = Daemon::start().await;
    let mut founded = Founded::on(&daemon).await;
    let mut join = Person::new().join(founded.id, [3; 32]);
    join.blobs.push(api::Blob { content: vec![1; 200 * 1024].into() });
    let mut stranger = daemon.client(&Person::new().device).await;
    assert_eq!(why(stranger.submit(join.clone()).await), (Code::ResourceExhausted, "MESSAGE_TOO_LARGE".into()));
    assert_eq!(why(daemon.anonymous().await.submit(join).await).1, "MESSAGE_TOO_LARGE");
    // The founder's connection began before the genesis; what counts is what the log says now.
    let mut invite = founded.founder.invite(founded.id, [3; 32]);
    invite.blobs.push(api::Blob { content: vec![1; 200 * 1024].into() });
    founded.client.submit(invite).await.unwrap();
}

/// Begins a call that is never finished, and hands back its task.
fn stall(channel: &Channel) -> tokio::task::JoinHandle<()> {
    let channel = channel.clone();
    tokio::spawn(
        async move { drop(post(&channel, "/sequestre.api.v1.Escrow/Submit", Body::new(Stalled(false))).await) },
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_who_stall_have_little_room_and_members_go_on() {
    let daemon = Daemon::start().await;
    let founded = Founded::on(&daemon).await;
    let mut member = daemon.client(&founded.founder.device).await;
    let request = api::GetCheckpointRequest { organisation: founded.id.to_vec() };
    let mut stalled = Vec::new();
    // Four calls on each of four connections are as many as one network has; a fifth on the same connection waits.
    for _ in 0..4 {
        let channel = daemon.channel(None).await;
        stalled.extend((0..5).map(|_| stall(&channel)));
    }
    let stranger = daemon.client(&Person::new().device).await;
    let busy = eventually(|| {
        let (mut stranger, request) = (stranger.clone(), request.clone());
        async move { Some(why(stranger.get_checkpoint(request).await)).filter(|(_, reason)| reason == "BUSY") }
    });
    assert_eq!(busy.await, (Code::Unavailable, "BUSY".into()));
    member.get_checkpoint(request.clone()).await.unwrap();
    // A cut connection gives back its room.
    stalled.iter().for_each(|task| task.abort());
    let answered = eventually(|| {
        let (mut stranger, request) = (stranger.clone(), request.clone());
        async move { Some(why(stranger.get_checkpoint(request).await).1).filter(|reason| reason != "BUSY") }
    });
    assert_eq!(answered.await, "UNKNOWN_DEVICE");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_network_has_a_few_handshakes_at_once() {
    let overrides = Overrides { handshake_timeout_seconds: Some(600), ..Overrides::default() };
    let daemon = Daemon::start_with(overrides).await;
    let mut silent = Vec::new();
    for _ in 0..16 {
        silent.push(TcpStream::connect(daemon.address()).await.unwrap());
    }
    // In the order in which they came: these sixteen wait for a handshake, the next is hung up on at once.
    let mut next = TcpStream::connect(daemon.address()).await.unwrap();
    let mut rest = Vec::new();
    assert!(matches!(soon(next.read_to_end(&mut rest)).await, Ok(0) | Err(_)));
    let (address, key) = (daemon.address(), daemon.server_key());
    assert!(tls::connect(&address, key, None).await.is_err());
    silent.pop();
    eventually(|| async { tls::connect(&address, key, None).await.ok() }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_asks_for_a_bounded_number_of_blobs() {
    let daemon = Daemon::start().await;
    let mut founded = Founded::on(&daemon).await;
    let request = |count| api::GetBlobsRequest { organisation: founded.id.to_vec(), ids: vec![vec![7; 32]; count] };
    let (fitting, too_many) = (request(1_000), request(1_001));
    assert!(founded.client.get_blobs(fitting).await.unwrap().into_inner().message().await.unwrap().is_none());
    assert_eq!(why(founded.client.get_blobs(too_many).await).1, "MESSAGE_TOO_LARGE");
}
