//! What a person is told against a real daemon when they leave, and what their computer forgets although the server
//! says nothing.
#![cfg(all(feature = "client", feature = "daemon"))]

use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sequestre::client::deposit::{self, Deposit};
use sequestre::client::failure::{Exit, Failure};
use sequestre::client::found::{self, Plan, Planned};
use sequestre::client::home::{self, Home};
use sequestre::client::out::Out;
use sequestre::client::request::{self, Asking};
use sequestre::client::say::Say;
use sequestre::client::session::Env;
use sequestre::client::unlock::Unlock;
use sequestre::client::{consent, join};
use sequestre::daemon::config::Overrides;
use sequestre::daemon::{self, Running};
use sequestre::escrow::role::Role;
use sequestre::escrow::time::Seconds;
use sequestre::seal::identity::WorkFactor;
use sequestre::seal::secret::Secret;
use tokio::sync::oneshot;

const LABEL: &str = "amis.example";

/// A founded organisation: three trustees and a member, on a daemon of its own.
struct Town {
    root: tempfile::TempDir,
    running: Running,
    stop: oneshot::Sender<()>,
    /// How far Nina's clock is ahead, in seconds.
    ahead: Arc<AtomicU64>,
}

impl Town {
    async fn begin() -> Self {
        let root = tempfile::tempdir().unwrap();
        let data = root.path().join("server");
        let listen = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let code = daemon::init(&data, "localhost", listen).unwrap().founding.to_code().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let shutdown = async {
            let _ = stopped.await;
        };
        let running = daemon::run(&data, &Overrides::default(), daemon::system_clock(), shutdown).await.unwrap();
        let town = Self { root, running, stop, ahead: Arc::default() };

        let planned = |name: &str, role: Role| Planned {
            name: name.to_owned(),
            roles: vec![role.as_str().to_owned()],
            invitation: None,
        };
        let mut plan = Plan {
            destroy_delay: 7 * 86_400,
            name: "Amis".to_owned(),
            me: "Awa".to_owned(),
            people: vec![
                planned("Bruno", Role::Trustee),
                planned("Chloé", Role::Trustee),
                planned("Nina", Role::Member),
            ],
            quorums: Default::default(),
            vaults: Default::default(),
            admission: String::new(),
        };
        plan.add_vault("main=everyday").unwrap();
        let invitations = town.path().join("invitations");
        found::found(&town.env("Awa"), &code, plan, &invitations).await.unwrap();
        for name in ["Bruno", "Chloé", "Nina"] {
            let invitation = Secret::new(home::read(&invitations.join(format!("{name}.txt"))).unwrap());
            join::join(&town.env(name), &invitation).await.unwrap();
        }
        town
    }

    async fn found(self) -> Self {
        found::propose(&self.env("Awa"), &[]).await.unwrap();
        let session = self.env("Awa").session().unwrap();
        let id = *session.state().unwrap().proposals().last_key_value().unwrap().0;
        drop(session);
        for name in ["Bruno", "Chloé"] {
            consent::approve(&self.env(name), id).await.unwrap();
        }
        self
    }

    fn path(&self) -> &Path {
        self.root.path()
    }

    fn env(&self, name: &str) -> Env {
        let folder = self.path().join("people").join(name);
        std::fs::create_dir_all(&folder).unwrap();
        let passphrase = folder.join("passphrase");
        home::write(&passphrase, b"une phrase de passe\n").unwrap();
        let (system, ahead) = (daemon::system_clock(), Arc::clone(&self.ahead));
        let nina = name == "Nina";
        Env {
            home: Home::new(folder.join("home")),
            organisation: None,
            out: Out::new(Say::english(), true).silenced(),
            unlock: Unlock {
                passphrase_file: Some(passphrase),
                words_file: Some(folder.join("words")),
                accepted: vec!["--yes", "--accept-unwitnessed"],
                work: WorkFactor::lowered_for_demo_and_tests(),
            },
            clock: Arc::new(move || system().after(Seconds(if nina { ahead.load(Ordering::Relaxed) } else { 0 }))),
        }
    }

    async fn request(&self) -> u64 {
        let file = serde_json::json!({ "password": "secret" }).to_string();
        let (sheet, parts) = deposit::from_json(&Secret::from_string(file)).unwrap();
        let label = LABEL.to_owned();
        let deposit = Deposit {
            label,
            vault: None,
            new_version: false,
            sheet,
            parts,
            without: Vec::new(),
            reach: deposit::Reach::default(),
        };
        deposit::deposit(&self.env("Nina"), deposit).await.unwrap();
        let session = self.env("Nina").session().unwrap();
        let credential = session.find_credential(LABEL).unwrap();
        drop(session);
        let asking = Asking {
            // The beginning of the identifier does as well as the label.
            label: format!("#{}", &credential.to_string()[..10]),
            duration: Seconds::HOUR,
            reason: "panne".to_owned(),
            parts: Vec::new(),
            version: None,
            open_for: request::REQUEST_LIFE,
            how: request::Ways::default(),
        };
        request::request(&self.env("Nina"), asking).await.unwrap();
        let session = self.env("Nina").session().unwrap();
        *session.state().unwrap().requests().last_key_value().unwrap().0
    }

    async fn stop(self) -> tempfile::TempDir {
        let _ = self.stop.send(());
        self.running.stopped().await.unwrap();
        self.root
    }
}

#[tokio::test]
async fn who_left_is_told_so_and_who_did_not_is_not() {
    let town = Town::begin().await.found().await;
    let nina = town.env("Nina");
    join::leave(&nina).await.unwrap();
    // The others see it, and this computer is shut out.
    let mut session = town.env("Awa").session().unwrap();
    session.sync().await.unwrap();
    assert_eq!(session.find_person("Nina").unwrap_err().key(), "failed-name-unknown");
    drop(session);
    assert_eq!(join::leave(&nina).await.unwrap_err().key(), "refused-unknown-device");
    // Somebody with an office cannot leave: the rules' refusal is told as it is.
    assert_eq!(join::leave(&town.env("Bruno")).await.unwrap_err().key(), "refused-not-removable");
    // Without the server nobody leaves.
    let bruno = town.env("Bruno");
    let _root = town.stop().await;
    let failure: Failure = join::leave(&bruno).await.unwrap_err();
    assert_eq!(failure.exit(), Exit::Unreachable);
}

#[tokio::test]
async fn keys_are_forgotten_when_their_time_is_over_although_the_server_says_nothing() {
    let town = Town::begin().await.found().await;
    let request = town.request().await;
    let keys = || {
        let session = town.env("Nina").session().unwrap();
        std::fs::read_dir(session.folder.join("keys")).unwrap().count()
    };
    let sync = async || {
        let mut session = town.env("Nina").session().unwrap();
        // The server refuses a countersignature from the future: our clock may be wrong, and no key is forgotten by it.
        let _ = session.sync().await;
        let items = consent::waiting(&session).unwrap();
        items.iter().filter(|item| item.json["kind"] == "unrecorded").map(|item| item.json["id"].as_u64()).collect()
    };
    let told: Vec<Option<u64>> = sync().await;
    assert_eq!((told, keys()), (Vec::new(), 1));
    town.ahead.store(request::REQUEST_LIFE.0 + 3_000, Ordering::Relaxed);
    assert_eq!((sync().await, keys()), (Vec::new(), 1));
    town.ahead.store(request::REQUEST_LIFE.0 + 3_700, Ordering::Relaxed);
    assert_eq!((sync().await, keys()), (vec![Some(request)], 1));
    // A server that takes the countersignature agrees that it is so late.
    let env = town.env("Nina");
    env.session().unwrap().forget_keys(env.now()).unwrap();
    assert_eq!(keys(), 0);
    town.stop().await;
}

#[tokio::test]
async fn the_founder_is_asked_about_every_newcomers_fingerprint() {
    let town = Town::begin().await;
    let mut founder = town.env("Awa");
    founder.unlock.accepted = vec!["--accept-unwitnessed"];
    let failure = found::propose(&founder, &[]).await.unwrap_err();
    assert_eq!((failure.key(), failure.exit()), ("failed-unanswered", Exit::Unanswered));
    let session = town.env("Bruno").session().unwrap();
    let me = session.state().unwrap().person(&session.me()).unwrap().keys.fingerprint().to_string();
    let asked = failure.sentence(&Say::english());
    assert!(asked.contains("Bruno") && asked.contains(&me), "{asked}");
    let session = founder.session().unwrap();
    assert!(session.state().unwrap().proposals().is_empty());
    drop(session);
    town.stop().await;
}
