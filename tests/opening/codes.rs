//! One-time passwords: the secret opens to the daemon, which shows codes while the lease runs.

use sequestre::client::deposit;
use sequestre::daemon::codes::Codes;
use sequestre::escrow::part::{PartId, PartKind, VersionId};
use sequestre::escrow::request::{End, Stage};
use sequestre::escrow::text::Text;
use sequestre::escrow::time::{Seconds, Time};
use sequestre::proto::api::v1 as api;
use sequestre::proto::v1::{self, command::Act};
use sequestre::seal::sharing::MasterKey;
use tonic::Status;
use tonic_types::StatusExt as _;

use crate::house::{ask, asked, client, folder, give_back, keys, secret, until};
use crate::town::{AWA, BRUNO, CHLOE, MAUD, NINA, THEO, Town};

const LABEL: &str = "bank of the lake";
const TOTP: &str = "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ";

async fn deposited(town: &Town) -> [PartId; 2] {
    let file = serde_json::json!({ "user_name": "treasurer", "password": "a password", "totp_secret": TOTP });
    let (sheet, parts) = deposit::from_json(&secret(&file.to_string())).unwrap();
    let new =
        deposit::Deposit { sheet, parts, without: Vec::new(), ..crate::town::account(LABEL, false, "a password") };
    deposit::deposit(&town.env(THEO), new).await.unwrap();
    let credential = town.session(NINA).await.find_credential(LABEL).unwrap();
    let version = VersionId { credential, version: 1 };
    [PartKind::Password, PartKind::TotpSecret].map(|kind| PartId { version, kind })
}

/// Nina asks: the password to herself, the one-time secret to the daemon.
async fn request(town: &Town) -> u64 {
    let credential = town.session(NINA).await.find_credential(LABEL).unwrap();
    let version = VersionId { credential, version: 1 };
    let [password, totp] = [PartKind::Password, PartKind::TotpSecret].map(|kind| PartId { version, kind });
    let mine = MasterKey::generate().unwrap();
    let key = keys(town, NINA, 1).await.remove(0);
    let parts =
        vec![asked(password, (*mine.recipient()).into(), None), asked(totp, key.recipient.unwrap(), key.vouched)];
    ask(&mut town.session(NINA).await, v1::Purpose::Lease, parts, Seconds::HOUR).await
}

async fn agree(town: &Town, id: u64) {
    for name in [BRUNO, CHLOE] {
        town.approve(name, id).await.unwrap();
    }
}

fn reason(status: &Status) -> String {
    status.get_details_error_info().unwrap().reason
}

async fn stream(town: &Town, name: &str, id: u64) -> Result<tonic::Streaming<api::StreamCodesResponse>, Status> {
    let organisation = folder(town, NINA).id.to_vec();
    let request = api::StreamCodesRequest { organisation, request_index: id };
    Ok(client(town, name).await.stream_codes(request).await?.into_inner())
}

async fn collect(town: &Town, id: u64) -> Vec<api::Blob> {
    let organisation = folder(town, NINA).id.to_vec();
    let request = api::CollectRequest { organisation, request_index: id };
    client(town, NINA).await.collect(request).await.unwrap().into_inner().blobs
}

#[tokio::test(flavor = "multi_thread")]
async fn codes_come_while_the_lease_runs_and_the_secret_never_does() {
    let town = Town::founded().await;
    let [_, totp] = deposited(&town).await;
    let id = request(&town).await;
    assert_eq!(reason(&stream(&town, NINA, id).await.unwrap_err()), "NOT_COLLECTABLE");
    agree(&town, id).await;
    let blobs = collect(&town, id).await;
    let session = town.session(MAUD).await;
    let state = session.state().unwrap();
    let sealed = state.part(&totp).unwrap().part.sealed;
    let to_daemon: Vec<_> = state.request(id).unwrap().approvals.values().map(|released| released[1][0]).collect();
    let given: Vec<_> = blobs.iter().map(|b| sequestre::escrow::id::BlobId::of(&b.content)).collect();
    assert!(!given.contains(&sealed) && to_daemon.iter().all(|blob| !given.contains(blob)));
    assert_eq!(given.len(), 1 + to_daemon.len(), "the password's sealed secret and two shares");

    let expected = |now: Time| Codes::parse(&secret(TOTP)).unwrap().at(now);
    let mut codes = stream(&town, NINA, id).await.unwrap();
    let first = codes.message().await.unwrap().unwrap();
    let now = expected(town.now());
    assert_eq!((first.code, first.until), (now.digits, now.until.0));
    assert_eq!(reason(&stream(&town, AWA, id).await.unwrap_err()), "NOT_YOURS");
    town.pass(Seconds(30));
    let digits = expected(town.now()).digits;
    drop(session);
    until("the next code comes", async || (codes.message().await.unwrap().unwrap().code == digits).then_some(()))
        .await;

    // Given back: the stream ends with a refusal, and no new one begins.
    give_back(&town, NINA, id).await;
    let end = loop {
        match codes.message().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("it ended without a word"),
            Err(status) => break status,
        }
    };
    assert_eq!(reason(&end), "REQUEST_CLOSED");
    assert_eq!(reason(&stream(&town, NINA, id).await.unwrap_err()), "REQUEST_CLOSED");
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_restart_there_are_no_codes_and_what_waits_is_closed() {
    let town = Town::founded().await;
    deposited(&town).await;
    let granted = request(&town).await;
    agree(&town, granted).await;
    collect(&town, granted).await;
    assert!(stream(&town, NINA, granted).await.is_ok());
    // Another one waits.
    town.restart().await;
    assert_eq!(reason(&stream(&town, NINA, granted).await.unwrap_err()), "NO_CODES");
    assert!(matches!(town.request(MAUD, granted).await.stage, Stage::Leased(_)), "the password goes on");
    give_back(&town, NINA, granted).await;
    let waiting = request(&town).await;
    town.restart().await;
    until("it is closed", async || {
        matches!(town.request(MAUD, waiting).await.stage, Stage::Ended { how: End::Closed, .. }).then_some(())
    })
    .await;
    // Keys of another daemon's life are worth nothing.
    let again = request(&town).await;
    agree(&town, again).await;
    collect(&town, again).await;
    assert!(stream(&town, NINA, again).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn sealing_ends_codes_and_wipes_their_secret() {
    let town = Town::founded().await;
    deposited(&town).await;
    let id = request(&town).await;
    agree(&town, id).await;
    collect(&town, id).await;
    let mut codes = stream(&town, NINA, id).await.unwrap();
    codes.message().await.unwrap().unwrap();
    let mut session = town.session(AWA).await;
    let (why, blob) = session.text(&Text::parse("something is odd").unwrap()).unwrap();
    session.submit(Act::Seal(v1::Seal { reason: why.to_vec() }), vec![blob]).await.unwrap();
    let end = loop {
        match codes.message().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("it ended without a word"),
            Err(status) => break status,
        }
    };
    assert_eq!(reason(&end), "REQUEST_CLOSED");
    assert_eq!(reason(&stream(&town, NINA, id).await.unwrap_err()), "REQUEST_CLOSED");
    assert!(matches!(town.request(MAUD, id).await.stage, Stage::Ended { how: End::Sealed(_), .. }));
}
