//! A refusal that is a lie destroys nothing: what the server enters all the same is finished by the client.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use sequestre::client::consent;
use sequestre::client::deposit::{self, Deposit};
use sequestre::client::failure::{Exit, Failure};
use sequestre::client::found::{self, Plan, Planned};
use sequestre::client::home::{self, Home};
use sequestre::client::join;
use sequestre::client::out::Out;
use sequestre::client::request::{self, Asking, REQUEST_LIFE};
use sequestre::client::say::Say;
use sequestre::client::session::{self, Env};
use sequestre::client::unlock::Unlock;
use sequestre::daemon;
use sequestre::daemon::config::Overrides;
use sequestre::escrow::time::Seconds;
use sequestre::proto::api::v1 as api;
use sequestre::seal::device::DeviceKey;
use sequestre::seal::identity::WorkFactor;
use sequestre::seal::invitation::Invitation;
use sequestre::seal::secret::Secret;
use tokio::net::TcpListener;

use crate::liar::{self, Lie, Lies};

fn env(root: &Path, name: &str) -> Env {
    let folder = root.join("people").join(name);
    fs::create_dir_all(&folder).unwrap();
    let passphrase = folder.join("passphrase");
    home::write(&passphrase, format!("test passphrase of {name}\n").as_bytes()).unwrap();
    Env {
        home: Home::new(folder.join("home")),
        organisation: None,
        out: Out::new(Say::english(), false).silenced(),
        unlock: Unlock {
            passphrase_file: Some(passphrase),
            words_file: Some(folder.join("words")),
            accepted: vec!["--yes", "--accept-unwitnessed"],
            work: WorkFactor::lowered_for_demo_and_tests(),
        },
        clock: daemon::system_clock(),
    }
}

fn refused<T>(answer: Result<T, Failure>) {
    let failure = answer.err().expect("the server said no");
    assert_eq!((failure.exit(), failure.key()), (Exit::Refused, "refused-may-not-ask"));
}

fn files(env: &Env, name: &str) -> Vec<PathBuf> {
    let [only] = env.home.organisations().unwrap().try_into().unwrap();
    let list = fs::read_dir(env.home.folder(only).join(name)).map(|d| d.map(|e| e.unwrap().path()).collect());
    list.unwrap_or_default()
}

fn account() -> Deposit {
    let file = r#"{ "user_name": "us", "password": "the password of the lake" }"#;
    let (sheet, parts) = deposit::from_json(&Secret::from_string(file.to_owned())).unwrap();
    Deposit {
        label: "lake".to_owned(),
        vault: None,
        new_version: false,
        sheet,
        parts,
        without: Vec::new(),
        reach: deposit::Reach::default(),
    }
}

fn lie(lies: &Lies, lie: Lie) {
    lies.submit.lock().unwrap().push_back(lie);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_refused_and_done_all_the_same_is_finished() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let data = root.join("server");
    let address = listener.local_addr().unwrap().to_string();
    let made = daemon::init(&data, &address, "127.0.0.1:0".parse().unwrap()).unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let shutdown = async { drop(stopped.await) };
    let running = daemon::run(&data, &Overrides::default(), daemon::system_clock(), shutdown).await.unwrap();
    let lies = liar::serve(listener, &data, running.local_addr, root.join("people"));
    let [awa, bruno, nina] = ["Awa", "Bruno", "Nina"].map(|name| env(root, name));

    // The founding token is used up by a genesis that its founder was told is refused.
    let plan = || Plan {
        destroy_delay: 7 * 86_400,
        name: "Les Amis du Lac".to_owned(),
        me: "Awa".to_owned(),
        people: [("Bruno", "trustee"), ("Nina", "member")]
            .map(|(name, role)| Planned { name: name.into(), roles: vec![role.into()], invitation: None })
            .to_vec(),
        quorums: BTreeMap::new(),
        vaults: BTreeMap::new(),
        admission: String::new(),
    };
    let (code, invitations) = (made.founding.to_code().unwrap(), root.join("invitations"));
    lie(&lies, Lie::RefusedButDone);
    refused(found::found(&awa, &code, plan(), &invitations).await);
    assert_eq!(awa.home.organisations().unwrap(), []);
    found::found(&awa, &code, plan(), &invitations).await.unwrap();
    assert!(!files(&awa, "").iter().any(|path| path.ends_with("founding")));
    // The words went where they were to go, readable by their owner alone.
    let words = root.join("people/Awa/words");
    assert_eq!(fs::read_to_string(&words).unwrap().split(' ').count(), 24);
    assert_eq!(fs::metadata(&words).unwrap().permissions().mode() & 0o777, 0o600);

    let [organisation] = awa.home.organisations().unwrap().try_into().unwrap();
    // So is an invitation; refused honestly first, it can be tried again at once.
    for (person, name) in [(&bruno, "Bruno"), (&nina, "Nina")] {
        let invitation = Secret::new(fs::read(invitations.join(format!("{name}.txt"))).unwrap());
        lie(&lies, Lie::Refused);
        refused(join::join(person, &invitation).await);
        // A log that does not know the inviter is not this invitation's: nothing is cosigned, nothing remembered.
        let mut other = Invitation::from_code(invitation.expose_str().unwrap()).unwrap();
        other.inviter = DeviceKey::generate().unwrap().public();
        let failure = join::join(person, &other.to_code().unwrap()).await.unwrap_err();
        assert_eq!(failure.key(), "distrust-inviter");
        assert!(!person.home.folder(organisation).join("cosigned").exists());
        assert_eq!(person.home.organisations().unwrap(), []);
        for _ in 0..2 {
            lie(&lies, Lie::RefusedButDone);
            refused(join::join(person, &invitation).await);
        }
        assert_eq!(person.home.organisations().unwrap(), []);
        join::join(person, &invitation).await.unwrap();
        assert!(!files(person, "").iter().any(|path| path.ends_with("entering")));
    }

    found::propose(&awa, &[]).await.unwrap();
    // A server that sends nothing for ever, too much, or what nobody asked for, is left.
    let empty = api::StreamEntriesResponse { entries: Vec::new() };
    let huge = api::StreamEntriesResponse { entries: vec![vec![0; 64 << 10].into()] };
    let many = api::StreamEntriesResponse { entries: vec![vec![0; 9].into(); 500] };
    for entries in [empty, huge, many] {
        *lies.entries.lock().unwrap() = Some(entries);
        assert_eq!(session::sync(&bruno).await.unwrap_err().key(), "distrust-nonsense");
    }
    *lies.entries.lock().unwrap() = None;
    session::sync(&bruno).await.unwrap();
    let charter = *awa.session().unwrap().state().unwrap().proposals().keys().next().unwrap();
    consent::approve(&bruno, charter).await.unwrap();
    deposit::deposit(&awa, account()).await.unwrap();

    *lies.blob.lock().unwrap() = Some(api::Blob { content: vec![7; 100].into() });
    assert_eq!(session::sync(&bruno).await.unwrap_err().key(), "distrust-nonsense");
    *lies.blob.lock().unwrap() = None;

    // Keys of a request outlive its refusal.
    let asking = Asking {
        label: "lake".to_owned(),
        duration: Seconds::HOUR,
        reason: "the site is down".to_owned(),
        parts: Vec::new(),
        version: None,
        open_for: REQUEST_LIFE,
        how: request::Ways::default(),
    };
    lie(&lies, Lie::RefusedButDone);
    refused(request::request(&nina, asking).await);
    session::sync(&nina).await.unwrap();
    assert_eq!(files(&nina, "keys").len(), 1);
    // So does the command with its text: until it is safe, as if the server had told the truth.
    assert_eq!((files(&nina, "outbox").len(), files(&nina, "kept").len()), (0, 1));
    let id = nina.session().unwrap().state().unwrap().live_requests().next().unwrap().at.index;

    // Of an approval nothing is signed anew because a server says that a clock is wrong.
    let size = awa.session().unwrap().replica.head().size;
    lie(&lies, Lie::Clock);
    assert_eq!(consent::approve(&awa, id).await.unwrap_err().key(), "refused-clock-skew");
    let mut session = awa.session().unwrap();
    session.sync_to_sign().await.unwrap();
    assert_eq!(session.replica.head().size, size.max(id + 1));
    drop(session);
    assert_eq!((files(&awa, "outbox").len(), files(&awa, "refused").len()), (0, 1));

    // What was said with a cosignature stays said, whatever was answered to it.
    let cosigned = || bruno.session().unwrap().replica.last_cosigned().unwrap();
    let before = cosigned();
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    lies.cosign.lock().unwrap().push_back(Lie::AwayButDone);
    assert_eq!(session::sync(&bruno).await.unwrap_err().exit(), Exit::Unreachable);
    assert!(cosigned() > before);

    // So do the shares of an approval, which are offered until they are uploaded.
    lie(&lies, Lie::RefusedButDone);
    refused(consent::approve(&awa, id).await);
    assert_eq!(files(&awa, "released").len(), 1);
    // An upload that is refused keeps nobody from anything else, and is offered again.
    for _ in 0..2 {
        lies.put.lock().unwrap().push_back(Lie::Refused);
        session::sync(&awa).await.unwrap();
        assert_eq!(files(&awa, "released").len(), 1);
    }
    assert!(!files(&awa, "released")[0].join("uploaded").exists());
    session::sync(&awa).await.unwrap();
    assert!(files(&awa, "released")[0].join("uploaded").exists());
    consent::approve(&bruno, id).await.unwrap();

    let mut session = nina.session().unwrap();
    session.sync().await.unwrap();
    let opened = request::open(&mut session, id).await.unwrap();
    assert_eq!(opened.values[0].1.value.expose_str(), Some("the password of the lake"));
    drop(session);
    // What the log says is over is forgotten.
    request::give_back(&nina, id).await.unwrap();
    assert!(files(&nina, "keys").is_empty());

    // What the rules refuse here never left, and leaves nothing behind.
    let again = consent::approve(&awa, id).await.unwrap_err();
    assert_eq!(again.exit(), Exit::Refused);
    assert!(files(&awa, "released").is_empty());

    stop.send(()).unwrap();
    running.stopped().await.unwrap();
}

#[test]
fn a_passphrase_file_must_be_closed_and_a_new_passphrase_long() {
    let root = tempfile::tempdir().unwrap();
    let env = env(root.path(), "Awa");
    let path = env.unlock.passphrase_file.clone().unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    assert_eq!(found::own_identity(&env).err().unwrap().key(), "failed-open-file");
    home::write(&path, b"too short\n").unwrap();
    assert_eq!(found::own_identity(&env).err().unwrap().key(), "failed-passphrase-short");
    assert!(!env.home.has_identity());
    // Without a terminal or a file named for them, the words go nowhere, and there is no identity without them.
    home::write(&path, b"long enough a passphrase\n").unwrap();
    let mut nowhere = env.clone();
    nowhere.unlock.words_file = None;
    assert_eq!(found::own_identity(&nowhere).err().unwrap().key(), "failed-no-terminal");
    assert!(!env.home.has_identity());
    found::own_identity(&env).unwrap();
}

#[test]
fn a_user_name_without_its_password_is_refused() {
    for file in [r#"{ "user_name": "us" }"#, r#"{ "user_name": "us", "notes": "n" }"#] {
        let failure = deposit::from_json(&Secret::from_string(file.to_owned())).err().unwrap();
        assert_eq!((failure.exit(), failure.key()), (Exit::Usage, "failed-user-name-alone"));
    }
    assert!(deposit::from_json(&Secret::from_string(r#"{ "user_name": "", "notes": "n" }"#.to_owned())).is_ok());
}
