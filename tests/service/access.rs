//! Who is let in, and what the others are told.

use sequestre::daemon::config::Overrides;
use sequestre::escrow::id::OrganisationId;
use sequestre::proto::api::v1 as api;
use sequestre::seal::device::DeviceKey;
use sequestre::tls::{self, ConnectError};
use tonic::{Code, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

use crate::support::*;

/// What every method that needs a member answers.
async fn member_methods(client: &mut Client, id: OrganisationId) -> Vec<Result<(), Status>> {
    let organisation = id.to_vec();
    let checkpoint = client.get_checkpoint(api::GetCheckpointRequest { organisation: organisation.clone() }).await;
    let entries = api::StreamEntriesRequest { organisation: organisation.clone(), from: 0, to: 1 };
    let entries = client.stream_entries(entries).await;
    let inclusion = api::GetInclusionProofRequest { organisation: organisation.clone(), index: 0 };
    let inclusion = client.get_inclusion_proof(inclusion).await;
    let consistency = api::GetConsistencyProofRequest { organisation: organisation.clone(), old_size: 0 };
    let consistency = client.get_consistency_proof(consistency).await;
    let blobs = client.get_blobs(api::GetBlobsRequest { organisation: organisation.clone(), ids: vec![] }).await;
    let put = client
        .put_blobs(api::PutBlobsRequest { organisation: organisation.clone(), blobs: vec![], offered: vec![] })
        .await;
    let cosign = client.cosign(api::CosignRequest { organisation: organisation.clone(), cosignature: None }).await;
    let collect = client.collect(api::CollectRequest { organisation: organisation.clone(), request_index: 0 }).await;
    let watch = client.watch(api::WatchRequest { organisation }).await;
    vec![
        checkpoint.map(drop),
        entries.map(drop),
        inclusion.map(drop),
        consistency.map(drop),
        blobs.map(drop),
        put.map(drop),
        cosign.map(drop),
        collect.map(drop),
        watch.map(drop),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_learn_nothing() {
    let daemon = Daemon::start().await;
    let founded = Founded::on(&daemon).await;
    let stranger = Person::new();
    for id in [founded.id, OrganisationId::new([8; 32])] {
        let mut unknown = daemon.client(&stranger.device).await;
        for answer in member_methods(&mut unknown, id).await {
            assert_eq!(why(answer), (Code::PermissionDenied, "UNKNOWN_DEVICE".into()));
        }
        for answer in member_methods(&mut daemon.anonymous().await, id).await {
            assert_eq!(why(answer), (Code::Unauthenticated, "NO_DEVICE".into()));
        }
        // A command that takes nobody in, even a well-signed one by a member.
        let invite = founded.founder.invite(id, [1; 32]);
        assert_eq!(why(unknown.submit(invite).await).1, "UNKNOWN_DEVICE");
    }
    let answers = member_methods(&mut founded.client.clone(), founded.id).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 7);
    assert_eq!(why(answers[6].clone()).1, "MALFORMED");
    assert_eq!(why(answers[7].clone()).1, "REQUEST_UNKNOWN");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn newcomers_come_in_from_the_device_that_they_certify() {
    let daemon = Daemon::start().await;
    let mut founded = Founded::on(&daemon).await;
    let newcomer = Person::new();
    founded.client.submit(founded.founder.invite(founded.id, [3; 32])).await.unwrap();

    let mut elsewhere = daemon.client(&DeviceKey::generate().unwrap()).await;
    let join = newcomer.join(founded.id, [3; 32]);
    assert_eq!(why(elsewhere.submit(join.clone()).await), (Code::InvalidArgument, "DEVICE_DIFFERS".into()));
    let mut client = daemon.client(&newcomer.device).await;
    let unknown = newcomer.join(founded.id, [4; 32]);
    assert_eq!(why(client.submit(unknown).await), (Code::NotFound, "INVITATION_UNKNOWN".into()));
    let nowhere = newcomer.join(OrganisationId::new([8; 32]), [3; 32]);
    assert_eq!(why(client.submit(nowhere).await), (Code::NotFound, "UNKNOWN_ORGANISATION".into()));
    let checkpoint = api::GetCheckpointRequest { organisation: founded.id.to_vec() };
    assert!(client.get_checkpoint(checkpoint.clone()).await.is_err());
    assert_eq!(client.submit(join.clone()).await.unwrap().into_inner().index, 2);
    client.get_checkpoint(checkpoint.clone()).await.unwrap();
    assert_eq!(client.submit(join).await.unwrap().into_inner().index, 2, "sent again, it is the same entry");

    // Another computer of the same person; then without any certificate, which proves as much as the signature.
    let second = DeviceKey::generate().unwrap();
    let mut client = daemon.client(&second).await;
    client.submit(newcomer.enrol(founded.id, &second)).await.unwrap();
    client.get_checkpoint(checkpoint.clone()).await.unwrap();
    let third = DeviceKey::generate().unwrap();
    daemon.anonymous().await.submit(newcomer.enrol(founded.id, &third)).await.unwrap();
    daemon.client(&third).await.get_checkpoint(checkpoint).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_false_signature_reaches_nobody() {
    let daemon = Daemon::start().await;
    let mut founded = Founded::on(&daemon).await;
    let mut invite = founded.founder.invite(founded.id, [3; 32]);
    invite.command.as_mut().unwrap().signature.as_mut().unwrap().signature[0] ^= 1;
    assert_eq!(why(founded.client.submit(invite).await), (Code::InvalidArgument, "BAD_SIGNATURE".into()));
    // Signed for another organisation.
    let mut elsewhere = founded.founder.invite(OrganisationId::new([8; 32]), [3; 32]);
    elsewhere.organisation = founded.id.to_vec();
    assert_eq!(why(founded.client.submit(elsewhere).await).1, "BAD_SIGNATURE");
    let mut missing = founded.founder.invite(founded.id, [3; 32]);
    missing.blobs.clear();
    missing.blobs.push(api::Blob { content: b"another".to_vec().into() });
    assert_eq!(why(founded.client.submit(missing).await), (Code::InvalidArgument, "MISSING_BLOB".into()));
    let mut nothing = founded.founder.invite(founded.id, [3; 32]);
    nothing.command = None;
    assert_eq!(why(founded.client.submit(nothing).await).1, "MALFORMED");
    let mut contradiction = founded.genesis.clone();
    contradiction.organisation = vec![8; 32];
    assert_eq!(why(founded.client.submit(contradiction).await).1, "MALFORMED");
    assert_eq!(founded.checkpoint().await.head().size, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_device_is_shut_out_at_once() {
    let daemon = Daemon::start().await;
    let mut founded = Founded::on(&daemon).await;
    let second = DeviceKey::generate().unwrap();
    let mut client = daemon.client(&second).await;
    client.submit(founded.founder.enrol(founded.id, &second)).await.unwrap();
    let watch = api::WatchRequest { organisation: founded.id.to_vec() };
    let mut seen = client.watch(watch.clone()).await.unwrap().into_inner();
    let mut own = founded.client.watch(watch).await.unwrap().into_inner();
    assert_eq!(soon(seen.message()).await.unwrap().unwrap().size, 2);
    assert_eq!(soon(own.message()).await.unwrap().unwrap().size, 2);

    founded.client.submit(founded.founder.invite(founded.id, [3; 32])).await.unwrap();
    assert_eq!(soon(seen.message()).await.unwrap().unwrap().size, 3);
    assert_eq!(soon(own.message()).await.unwrap().unwrap().size, 3);
    let revoke = v1::RevokeDevice { device: second.id().to_vec() };
    let revoke = founded.founder.submission(founded.id, Act::RevokeDevice(revoke), &[]);
    founded.client.submit(revoke).await.unwrap();
    assert_eq!(why(soon(seen.message()).await).1, "UNKNOWN_DEVICE");
    assert_eq!(soon(own.message()).await.unwrap().unwrap().size, 4);
    for answer in member_methods(&mut client, founded.id).await {
        assert_eq!(why(answer).1, "UNKNOWN_DEVICE");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_server_key_stops_the_client() {
    let mut daemon = Daemon::start().await;
    let (device, wrong) = (DeviceKey::generate().unwrap(), DeviceKey::generate().unwrap());
    let refused = tls::connect(&daemon.address(), wrong.public(), Some(&device)).await.unwrap_err();
    assert!(matches!(refused, ConnectError::ServerKeyChanged(c) if c.found == daemon.server_key()), "{refused}");

    // A link that was good, and a server that has another key when the link is made anew.
    let founded = Founded::on(&daemon).await;
    let (address, before) = (daemon.address(), daemon.server_key());
    daemon.stop().stopped().await.unwrap();
    let mut other = Daemon::start().await;
    other.stop().stopped().await.unwrap();
    other.run(Overrides { listen: Some(address.parse().unwrap()), ..Overrides::default() }).await;
    let request = api::GetCheckpointRequest { organisation: founded.id.to_vec() };
    let status = soon(founded.client.clone().get_checkpoint(request)).await.unwrap_err();
    let found = ConnectError::behind(&status);
    assert!(
        matches!(found, Some(ConnectError::ServerKeyChanged(c)) if c.expected == before && c.found == other.server_key()),
        "{status:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn health_answers_everybody_and_reflection_members() {
    let daemon = Daemon::start().await;
    let founded = Founded::on(&daemon).await;
    let mut health = HealthClient::new(daemon.channel(None).await);
    for service in ["", "sequestre.api.v1.Escrow"] {
        let serving = eventually(|| {
            let mut health = health.clone();
            async move {
                let answer = health.check(HealthCheckRequest { service: service.into() }).await.ok()?;
                Some(answer.into_inner().status)
            }
        });
        assert_eq!(serving.await, ServingStatus::Serving as i32);
    }
    let unknown = health.check(HealthCheckRequest { service: "other".into() }).await;
    assert_eq!(why(unknown), (Code::NotFound, "UNKNOWN_SERVICE".into()));

    let list = || {
        let request = MessageRequest::ListServices(String::new());
        tokio_stream::iter([ServerReflectionRequest { host: String::new(), message_request: Some(request) }])
    };
    let mut anonymous = ServerReflectionClient::new(daemon.channel(None).await);
    assert_eq!(why(anonymous.server_reflection_info(list()).await).1, "NO_DEVICE");
    let stranger = Person::new();
    let mut stranger = ServerReflectionClient::new(daemon.channel(Some(&stranger.device)).await);
    assert_eq!(why(stranger.server_reflection_info(list()).await), (Code::PermissionDenied, "UNKNOWN_DEVICE".into()));
    let mut member = ServerReflectionClient::new(daemon.channel(Some(&founded.founder.device)).await);
    let mut answers = member.server_reflection_info(list()).await.unwrap().into_inner();
    let answer = answers.message().await.unwrap().unwrap().message_response.unwrap();
    let MessageResponse::ListServicesResponse(services) = answer else { panic!("{answer:?}") };
    assert!(services.service.iter().any(|service| service.name == "sequestre.api.v1.Escrow"));
}
