//! Delegations of accounts without a connector: two layers, of which the daemon removes one.

use sequestre::escrow::part::{PartId, PartKind};
use sequestre::escrow::request::Stage;
use sequestre::escrow::text::Text;
use sequestre::escrow::time::Seconds;
use sequestre::proto::api::v1 as api;
use sequestre::proto::v1::{self, command::Act};
use sequestre::seal::delegation::{DelegatedContext, unwrap_inner, wrap};
use sequestre::seal::sealing::{PartContext, PartValue};
use sequestre::seal::sharing::MasterKey;
use tonic_types::StatusExt as _;

use crate::house::{asked, client, folder, give_back, secret};
use crate::town::{AWA, BRUNO, CHLOE, LABEL, MAUD, NINA, PASSWORD, Town};

/// Awa has the right asked for, opens the parts, and wraps them for Nina; gives its index.
async fn delegated(town: &Town, uses: u32) -> (u64, PartId) {
    let mut session = town.session(AWA).await;
    let credential = session.find_credential(LABEL).unwrap();
    let part = session.state().unwrap().current_part(&credential, PartKind::Password).unwrap();
    let nina = town.session(NINA).await.me();
    let key = MasterKey::generate().unwrap();
    let (reason, blob) = session.text(&Text::parse("every month").unwrap()).unwrap();
    let parts = vec![asked(part, (*key.recipient()).into(), None)];
    let request = v1::Request {
        parts,
        purpose: v1::Purpose::Delegation as i32,
        reason: reason.to_vec(),
        duration: 3600,
        expires: town.now().0 + 86_400,
        own_share: true,
        standing: Some(v1::Standing { to: nina.to_vec(), until: town.now().0 + 30 * 86_400, uses }),
        input: Vec::new(),
    };
    let id = session.submit(Act::Request(request), vec![blob]).await.unwrap();
    for name in [BRUNO, CHLOE] {
        town.approve(name, id).await.unwrap();
    }
    let organisation = session.folder.id;
    let collect = api::CollectRequest { organisation: organisation.to_vec(), request_index: id };
    client(town, AWA).await.collect(collect).await.unwrap();
    let wrapping = api::GetWrappingKeyRequest { organisation: organisation.to_vec() };
    let wrapping = client(town, AWA).await.get_wrapping_key(wrapping).await.unwrap().into_inner().key.unwrap();
    session.sync().await.unwrap();
    let recipient = wrapping.recipient.clone().unwrap();
    let daemon = sequestre::escrow::key::RecipientKey::parse(recipient.algorithm, &recipient.key).unwrap();
    let delegate = session.state().unwrap().person(&nina).unwrap().keys.recipient;
    let context = DelegatedContext { part: PartContext { organisation, part }, delegation: id };
    let value = PartValue { user_name: None, value: secret(PASSWORD) };
    let sealed = wrap(&daemon, &delegate, &context, &value).unwrap();
    let delegate = v1::Delegate {
        request_index: id,
        wrapped: vec![v1::Wrapped {
            kind: PartKind::Password as i32,
            sealed: sequestre::escrow::id::BlobId::of(&sealed).to_vec(),
        }],
        daemon: wrapping.recipient,
        vouched: wrapping.vouched,
    };
    session.submit(Act::Delegate(delegate), vec![sealed]).await.unwrap();
    (id, part)
}

async fn take(town: &Town, name: &str, delegation: u64) -> Result<u64, sequestre::client::failure::Failure> {
    let mut session = town.session(name).await;
    let (reason, blob) = session.text(&Text::parse("this month").unwrap()).unwrap();
    let take = v1::Take {
        delegation_index: delegation,
        reason: reason.to_vec(),
        duration: 3600,
        recipient: None,
        input: Vec::new(),
    };
    session.submit(Act::Take(take), vec![blob]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_delegate_takes_what_the_daemon_unwraps_and_neither_does_alone() {
    let town = Town::founded().await;
    let (delegation, part) = delegated(&town, 2).await;
    // Also after a restart, with nothing open and nobody asked.
    town.restart().await;
    let lease = take(&town, NINA, delegation).await.unwrap();
    let organisation = folder(&town, NINA).id;
    let collect = api::CollectRequest { organisation: organisation.to_vec(), request_index: lease };
    let refused = client(&town, AWA).await.collect(collect.clone()).await.unwrap_err();
    assert_eq!(refused.get_details_error_info().unwrap().reason, "NOT_YOURS");
    let blobs = client(&town, NINA).await.collect(collect).await.unwrap().into_inner().blobs;
    let [inner] = blobs.try_into().unwrap();
    let context = DelegatedContext { part: PartContext { organisation, part }, delegation };
    let mut session = town.session(NINA).await;
    let value = unwrap_inner(session.identity().unwrap().age(), &context, &inner.content).unwrap();
    assert_eq!(value.value.expose_str(), Some(PASSWORD));
    assert!(matches!(town.request(MAUD, lease).await.stage, Stage::Leased(_)), "the lease stands in the log");

    // The blob with both layers is served to nobody.
    let wrapped = session.state().unwrap().delegation(delegation).unwrap().wrapped[0].1;
    for name in [AWA, NINA] {
        let get = api::GetBlobsRequest { organisation: organisation.to_vec(), ids: vec![wrapped.to_vec()] };
        let mut blobs = client(&town, name).await.get_blobs(get).await.unwrap().into_inner();
        assert!(blobs.message().await.unwrap().is_none(), "{name}");
    }

    drop(session);
    give_back(&town, NINA, lease).await;
    town.pass(Seconds(60));
    take(&town, NINA, delegation).await.unwrap();
    assert!(take(&town, NINA, delegation).await.is_err(), "it was for two");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_put_back_from_a_backup_opens_no_standing_right() {
    let town = Town::founded().await;
    let (delegation, part) = delegated(&town, 2).await;
    let copy = town.root.path().join("copy.db");
    sequestre::store::backup::backup(&town.data(), &copy).unwrap();
    town.stop().await;
    let database = town.data().join(sequestre::store::DATABASE);
    std::fs::remove_file(&database).unwrap();
    for log in ["-wal", "-shm"] {
        assert!(!database.with_file_name(format!("{}{log}", sequestre::store::DATABASE)).exists(), "{log}");
    }
    std::fs::rename(&copy, &database).unwrap();
    town.start().await;

    // Everything else is there; what was wrapped to the key that is in no backup does not open.
    let lease = take(&town, NINA, delegation).await.unwrap();
    let organisation = folder(&town, NINA).id;
    let collect = api::CollectRequest { organisation: organisation.to_vec(), request_index: lease };
    let refused = client(&town, NINA).await.collect(collect).await.unwrap_err();
    assert_eq!(refused.get_details_error_info().unwrap().reason, "BADLY_WRAPPED");

    // Nor for somebody who has both, the backup and the delegate's identity: the outer layer stands in the way.
    let connection = rusqlite::Connection::open(&database).unwrap();
    let sealed: Vec<u8> = {
        let wrapped = town.session(NINA).await.state().unwrap().delegation(delegation).unwrap().wrapped[0].1;
        let sql = "SELECT content FROM blob WHERE id = ?";
        connection.query_row(sql, [wrapped.to_vec()], |row| row.get(0)).unwrap()
    };
    let context = DelegatedContext { part: PartContext { organisation, part }, delegation };
    let mut session = town.session(NINA).await;
    assert!(unwrap_inner(session.identity().unwrap().age(), &context, &sealed).is_err());

    // Given anew, it works.
    drop(session);
    give_back(&town, NINA, lease).await;
    town.pass(Seconds(60));
    let (anew, _) = delegated(&town, 1).await;
    let lease = take(&town, NINA, anew).await.unwrap();
    let collect = api::CollectRequest { organisation: organisation.to_vec(), request_index: lease };
    assert_eq!(client(&town, NINA).await.collect(collect).await.unwrap().into_inner().blobs.len(), 1);
}
