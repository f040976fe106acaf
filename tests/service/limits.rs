//! What broken or hostile clients are told, and what they cannot use up.

use sequestre::daemon::config::Overrides;
use sequestre::proto::api::v1 as api;
use sequestre::proto::api::v1::escrow_client::EscrowClient;
use sequestre::tls;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tonic::body::Body;
use tonic::codegen::http::Request;
use tonic::transport::Channel;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;
use tower::ServiceExt as _;

use crate::support::*;

/// Sends a body as it is and reads what the daemon says about it.
async fn raw(channel: &Channel, method: &str, body: &str) -> Status {
    let request = Request::post(format!("https://localhost{method}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(Body::new(body.to_owned()))
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
        assert_eq!(why(Err::<(), _>(raw(&channel, method, body).await)), (code, reason.into()), "{method} {body:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_beyond_the_limit_are_refused_before_they_are_read() {
    let daemon = Daemon::start_with(Overrides { max_message_bytes: Some(512 * 1024), ..Overrides::default() }).await;
    let mut founded = Founded::on(&daemon).await;
    let mut invite = founded.founder.invite(founded.id, [3; 32]);
    invite.blobs.extend((0..2).map(|n| api::Blob { content: vec![n; 256 * 1024] }));
    let refused = founded.client.submit(invite.clone()).await;
    assert_eq!(why(refused), (Code::ResourceExhausted, "MESSAGE_TOO_LARGE".into()));
    invite.blobs.truncate(1);
    assert_eq!(founded.client.submit(invite).await.unwrap().into_inner().index, 1);
    let mut large = founded.founder.invite(founded.id, [4; 32]);
    large.blobs[0].content = vec![1; 256 * 1024 + 1];
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
    let refused = founded.client.get_checkpoint(request.clone()).await;
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
