//! Starting, stopping, starting again.

use sequestre::daemon::config::Overrides;
use sequestre::daemon::{self, DaemonError};
use sequestre::proto::api::v1 as api;
use sequestre::seal::founding::FoundingCode;
use sequestre::store::StoreError;
use sequestre::store::fsck::fsck;

use crate::support::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_acknowledged_survives_stopping() {
    let mut daemon = Daemon::start().await;
    let mut founded = Founded::on(&daemon).await;
    let invitations: Vec<_> = (0..40).map(|n| founded.founder.invite(founded.id, [n; 32])).collect();
    let calls = invitations.iter().map(|invite| {
        let (mut client, invite) = (founded.client.clone(), invite.clone());
        tokio::spawn(async move { client.submit(invite).await.unwrap().into_inner().index })
    });
    let mut indexes = Vec::new();
    for call in calls.collect::<Vec<_>>() {
        indexes.push(call.await.unwrap());
    }
    let before = founded.checkpoint().await;
    assert_eq!(before.head().size, 41);

    let watch = api::WatchRequest { organisation: founded.id.to_vec() };
    let mut sizes = founded.client.watch(watch).await.unwrap().into_inner();
    assert_eq!(soon(sizes.message()).await.unwrap().unwrap().size, 41);
    let stopping = daemon.stop();
    assert_eq!(why(soon(sizes.message()).await).1, "CLOSING");
    soon(stopping.stopped()).await.unwrap();
    assert_eq!(fsck(daemon.dir.path()).unwrap().findings, []);

    daemon.run(Overrides::default()).await;
    founded.client = daemon.client(&founded.founder.device).await;
    assert_eq!(*founded.checkpoint().await.head(), *before.head());
    for (invite, index) in invitations.into_iter().zip(indexes) {
        assert_eq!(founded.client.submit(invite).await.unwrap().into_inner().index, index);
    }
    assert_eq!(founded.checkpoint().await.head().size, 41);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_survives_a_restart() {
    let mut daemon = Daemon::start().await;
    let founded = Founded::on(&daemon).await;
    let address = daemon.address();
    soon(daemon.stop().stopped()).await.unwrap();
    daemon.run(Overrides { listen: Some(address.parse().unwrap()), ..Overrides::default() }).await;
    let size = eventually(|| {
        let mut client = founded.client.clone();
        let request = api::GetCheckpointRequest { organisation: founded.id.to_vec() };
        async move { client.get_checkpoint(request).await.ok() }
    });
    assert!(size.await.into_inner().checkpoint.contains("\n1\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_daemon_a_folder_and_init_never_overwrites() {
    let mut daemon = Daemon::start().await;
    let dir = daemon.dir.path().to_owned();
    let second = run(&dir, &Overrides::default(), std::future::pending()).await;
    assert!(matches!(second.err(), Some(DaemonError::Store(StoreError::Locked(_)))));
    soon(daemon.stop().stopped()).await.unwrap();
    let again = daemon::init(&dir, "localhost:1", "127.0.0.1:0".parse().unwrap());
    assert!(matches!(again.err(), Some(DaemonError::Store(StoreError::Exists(_)))));
    daemon.run(Overrides::default()).await;

    let empty = tempfile::tempdir().unwrap();
    let nothing = run(empty.path(), &Overrides::default(), std::future::pending()).await;
    assert!(matches!(nothing.err(), Some(DaemonError::Config(_))));
    let no_port = daemon::init(&empty.path().join("new"), "localhost", "127.0.0.1:0".parse().unwrap());
    assert!(matches!(no_port.err(), Some(DaemonError::NoPort)));
    assert!(!empty.path().join("new").exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn further_foundings_are_permitted_while_the_daemon_runs() {
    let mut daemon = Daemon::start().await;
    Founded::on(&daemon).await;
    let code = daemon::allow_founding(daemon.dir.path(), &Overrides::default()).unwrap().to_code().unwrap();
    let code = FoundingCode::from_code(code.expose_str().unwrap()).unwrap();
    assert_eq!((code.server_key, code.address.as_str()), (daemon.server_key(), "localhost:1"));
    daemon.founding = code;
    let second = Founded::on(&daemon).await;
    assert_eq!(second.checkpoint().await.head().size, 1);
}
