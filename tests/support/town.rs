//! A small association on a real daemon, and its people, each with a home on disk: what tests of the client drive.
//!
//! Everything goes through the client's verbs, TLS and SQLite on loopback. Founding takes a second or two, so it is
//! done once a process; each test gets a copy of all the files. One clock serves the daemon and everybody: it stands
//! still at the time when the process began, so that the real programs fit in, and moves only when a test says so.
//!
//! The daemon runs in this process, or as the real program, or as a changed one; see [`Kind`].
#![allow(dead_code, reason = "each test crate uses a part of it")]

use std::collections::BTreeMap;
use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use sequestre::client::consent;
use sequestre::client::deposit::{self, Deposit};
use sequestre::client::failure::{Exit, Failure};
use sequestre::client::found::{self, Plan, Planned};
use sequestre::client::home::Home;
use sequestre::client::join;
use sequestre::client::out::Out;
use sequestre::client::request::{self, Asking, REQUEST_LIFE, Ways};
use sequestre::client::say::Say;
use sequestre::client::session::{self, Env, Session, sign_command};
use sequestre::client::unlock::Unlock;
use sequestre::daemon::config::Overrides;
use sequestre::daemon::reload::Taken;
use sequestre::daemon::{self, DaemonError, Running};
use sequestre::escrow::credential::Urgency;
use sequestre::escrow::id::BlobId;
use sequestre::escrow::log::merkle::TreeHead;
use sequestre::escrow::part::PartKind;
use sequestre::escrow::request::Request;
use sequestre::escrow::time::{Seconds, Time};
use sequestre::proto::v1::{self, command::Act};
use sequestre::seal::identity::WorkFactor;
use sequestre::seal::secret::Secret;
use sequestre::store::DATABASE;
use tempfile::TempDir;
use tokio::sync::{OnceCell, oneshot};

mod process;
mod snapshot;

pub use process::*;
pub use snapshot::Snapshot;

/// The founder and trustee, two more trustees, a mediator, the technician, a member.
pub const AWA: &str = "Awa";
pub const BRUNO: &str = "Bruno";
pub const CHLOE: &str = "Chloé";
pub const MAUD: &str = "Maud";
pub const THEO: &str = "Théo";
pub const NINA: &str = "Nina";
/// Somebody who is not in the association yet.
pub const OMAR: &str = "Omar";
pub const PEOPLE: [&str; 6] = [AWA, BRUNO, CHLOE, MAUD, THEO, NINA];

pub const LABEL: &str = "amis-du-lac.example";
pub const PASSWORD: &str = "first password of the lake";

/// Longer than anything here takes; whoever waits longer has found a fault.
pub const DEADLINE: Duration = Duration::from_secs(20);

static START: LazyLock<u64> = LazyLock::new(|| daemon::system_clock()().0);
static TEMPLATE: OnceCell<Template> = OnceCell::const_new();

/// All files of the association after its founding and first deposit.
struct Template {
    files: Snapshot,
    address: String,
}

/// What runs the association's server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The library, in this process.
    Here,
    /// `sequestred`, a process of its own, on the real clock; so is everybody else then.
    Program,
    /// This test's own program started again as a daemon ([`changed_daemon`]): not hardened, and on the clock that
    /// whoever runs it chooses.
    Changed,
}

enum Daemon {
    Here { running: Running, stop: oneshot::Sender<()> },
    Process(Process),
}

impl Daemon {
    async fn stop(self) {
        match self {
            Self::Here { running, stop } => {
                stop.send(()).unwrap();
                running.stopped().await.unwrap();
            }
            Self::Process(mut process) => tokio::task::block_in_place(|| process.end(Signal::TERM)),
        }
    }
}

/// What a verb that fails must leave as it was: the log, and what waits in a person's home.
#[derive(Debug, PartialEq, Eq)]
pub struct Marks {
    pub entries: u64,
    pub waiting: Vec<PathBuf>,
}

pub struct Town {
    pub root: TempDir,
    clock: Arc<AtomicU64>,
    /// How far a changed daemon's clock is ahead, in seconds.
    ahead: AtomicI64,
    daemon: Arc<Mutex<Option<Daemon>>>,
    listen: SocketAddr,
    kind: Kind,
}

impl Town {
    /// A daemon where nothing is founded yet, and the code to do it with.
    pub async fn bare() -> (Self, Secret) {
        let root = tempfile::tempdir().unwrap();
        let listen = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let made = daemon::init(&root.path().join("server"), &listen.to_string(), listen).unwrap();
        let town = Self::at(root, listen, Kind::Here);
        town.start().await;
        (town, made.founding.to_code().unwrap())
    }

    /// An association of six with one account in escrow, at a daemon of its own.
    pub async fn founded() -> Self {
        Self::founded_at(Kind::Here).await
    }

    /// The same, at a daemon of this kind.
    pub async fn founded_at(kind: Kind) -> Self {
        let template = TEMPLATE.get_or_init(Template::make).await;
        let root = tempfile::tempdir().unwrap();
        template.files.restore(root.path());
        let mut town = Self::at(root, "127.0.0.1:0".parse().unwrap(), kind);
        // The port is another one than at the founding: clients go where their contact file says.
        town.listen = town.start().await;
        for name in PEOPLE {
            town.moved_to(name, &template.address, &town.address());
        }
        town
    }

    fn at(root: TempDir, listen: SocketAddr, kind: Kind) -> Self {
        let clock = Arc::new(AtomicU64::new(if kind == Kind::Program { 0 } else { *START }));
        Self { root, clock, ahead: AtomicI64::new(0), daemon: Arc::default(), listen, kind }
    }

    /// A person's client looks for the server at another address.
    pub fn moved_to(&self, name: &str, from: &str, to: &str) {
        let path = self.folder(name).join("contact.json");
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{text}");
        fs::write(&path, text.replace(from, to)).unwrap();
    }

    /// Another daemon with another association, which only its founder belongs to yet.
    pub async fn another() -> Self {
        let (town, code) = Self::bare().await;
        found::found(&town.env(AWA), &code, plan(), &town.root.path().join("invitations")).await.unwrap();
        town
    }

    pub fn data(&self) -> PathBuf {
        self.root.path().join("server")
    }

    pub fn address(&self) -> String {
        self.listen.to_string()
    }

    /// Starts the daemon, where it was before; gives its address.
    pub async fn start(&self) -> SocketAddr {
        let command = match self.kind {
            Kind::Here => return self.start_with(Overrides::default()).await,
            Kind::Program => sequestred(&self.data(), self.listen),
            Kind::Changed => {
                let mut command = Command::new(std::env::current_exe().unwrap());
                command.args(["--exact", "--ignored", "--nocapture", CHANGED_DAEMON]).stdout(Stdio::null());
                command.env("SEQUESTRE_CHANGED_DATA", self.data());
                command.env("SEQUESTRE_CHANGED_LISTEN", self.listen.to_string());
                command.env_remove("RUST_LOG");
                self.set_clock();
                command
            }
        };
        self.start_as(command).await.unwrap_or_else(|printed| panic!("{printed}"))
    }

    /// Starts the daemon by this command, or gives what it printed if it ended before it served.
    pub async fn start_as(&self, mut command: Command) -> Result<SocketAddr, String> {
        let begun = Instant::now();
        loop {
            match tokio::task::block_in_place(|| Process::try_start(&mut command)) {
                Ok((process, address)) => {
                    *self.daemon.lock().unwrap() = Some(Daemon::Process(process));
                    return Ok(address);
                }
                // Another test's connection may use the port for a moment.
                Err(printed) if printed.contains("could not listen on") && begun.elapsed() < DEADLINE => {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                Err(printed) => return Err(printed),
            }
        }
    }

    /// How the daemon's process ended by itself, if it has.
    pub fn ended(&self) -> Option<ExitStatus> {
        match &mut *self.daemon.lock().unwrap() {
            Some(Daemon::Process(process)) => process.ended(),
            _ => panic!("there is no daemon's process"),
        }
    }

    /// Where a daemon of this association listens.
    pub fn listen(&self) -> SocketAddr {
        self.listen
    }

    /// Ends the daemon without warning.
    pub fn kill(&self) {
        match self.daemon.lock().unwrap().take() {
            Some(Daemon::Process(mut process)) => tokio::task::block_in_place(|| process.end(Signal::KILL)),
            _ => panic!("there is no daemon's process"),
        }
    }

    /// A daemon in this process reads its configuration again.
    pub fn reload(&self) -> Result<Taken, DaemonError> {
        match &*self.daemon.lock().unwrap() {
            Some(Daemon::Here { running, .. }) => running.reload.run(None),
            _ => panic!("there is no daemon in this process"),
        }
    }

    /// The daemon's process id, and what it printed so far.
    pub fn process(&self) -> (u32, Vec<u8>) {
        match &*self.daemon.lock().unwrap() {
            Some(Daemon::Process(process)) => process.told(),
            _ => panic!("there is no daemon's process"),
        }
    }

    /// From now on a changed daemon's clock is wrong by so much.
    pub fn shift_server(&self, ahead: i64) {
        self.ahead.store(ahead, Ordering::SeqCst);
        self.set_clock();
    }

    fn set_clock(&self) {
        let time = self.now().0.checked_add_signed(self.ahead.load(Ordering::SeqCst)).unwrap();
        sequestre::client::home::write(&self.root.path().join("clock"), time.to_string().as_bytes()).unwrap();
    }

    pub async fn start_with(&self, overrides: Overrides) -> SocketAddr {
        let begun = Instant::now();
        let overrides = Overrides { listen: Some(self.listen), ..overrides };
        loop {
            let (stop, stopped) = oneshot::channel::<()>();
            let clock = self.clock();
            match daemon::run(&self.data(), &overrides, clock, async { drop(stopped.await) }).await {
                Ok(running) => {
                    let address = running.local_addr;
                    *self.daemon.lock().unwrap() = Some(Daemon::Here { running, stop });
                    return address;
                }
                // Another test's connection may use the port for a moment.
                Err(DaemonError::Listen { .. }) if begun.elapsed() < DEADLINE => {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                Err(error) => panic!("{error}"),
            }
        }
    }

    pub async fn stop(&self) {
        let daemon = self.daemon.lock().unwrap().take().unwrap();
        daemon.stop().await;
    }

    pub async fn restart(&self) {
        self.stop().await;
        self.start().await;
    }

    fn clock(&self) -> session::Clock {
        let clock = self.clock.clone();
        Arc::new(move || match clock.load(Ordering::SeqCst) {
            0 => daemon::system_clock()(),
            time => Time(time),
        })
    }

    pub fn now(&self) -> Time {
        self.clock()()
    }

    /// From now on the clock is the real one.
    pub fn thaw(&self) {
        self.clock.store(0, Ordering::SeqCst);
    }

    /// Lets time pass, for everybody.
    pub fn pass(&self, length: Seconds) {
        assert_ne!(self.clock.fetch_add(length.0, Ordering::SeqCst), 0, "the real clock cannot be moved");
        self.set_clock();
    }

    /// A person's home, passphrase and clock. Whoever is new has an empty home.
    pub fn env(&self, name: &str) -> Env {
        let folder = self.root.path().join("people").join(name);
        fs::create_dir_all(&folder).unwrap();
        let passphrase = folder.join("passphrase");
        sequestre::client::home::write(&passphrase, format!("test passphrase of {name}\n").as_bytes()).unwrap();
        Env {
            home: Home::new(folder.join("home")),
            organisation: None,
            out: Out::new(Say::english(), false).silenced(),
            unlock: Unlock {
                passphrase_file: Some(passphrase),
                accepted: vec!["--yes", "--accept-unwitnessed"],
                words_file: Some(folder.join("words")),
                work: WorkFactor::lowered_for_demo_and_tests(),
            },
            clock: self.clock(),
        }
    }

    /// A person's home whose connection is lost between the server's answer to the next command and the client's look
    /// at the log: the client asks its clock there, and this clock stops the daemon.
    pub fn cut_off(&self, name: &str) -> Env {
        let entries = self.entries();
        self.stopping_when(name, move |data| entries_in(data) > entries)
    }

    /// A person's home whose connection is lost just before an approval is sent.
    pub fn cut_off_before_approving(&self, name: &str) -> Env {
        let released = self.folder(name).join("released");
        self.stopping_when(name, move |_| fs::read_dir(&released).is_ok_and(|mut files| files.next().is_some()))
    }

    fn stopping_when(&self, name: &str, moment: impl Fn(&Path) -> bool + Send + Sync + 'static) -> Env {
        let (daemon, clock, data) = (self.daemon.clone(), self.clock(), self.data());
        let clock = move || {
            if moment(&data)
                && let Some(daemon) = daemon.lock().unwrap().take()
            {
                tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(daemon.stop()));
            }
            clock()
        };
        Env { clock: Arc::new(clock), ..self.env(name) }
    }

    /// The folder of the only organisation in a person's home.
    pub fn folder(&self, name: &str) -> PathBuf {
        let home = self.env(name).home;
        let [only] = home.organisations().unwrap().try_into().unwrap();
        home.folder(only).join("")
    }

    pub async fn session(&self, name: &str) -> Session {
        let mut session = self.env(name).session().unwrap();
        session.sync().await.unwrap();
        session
    }

    pub fn database(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.data().join(DATABASE)).unwrap()
    }

    /// Entries in all logs of the daemon.
    pub fn entries(&self) -> u64 {
        entries_in(&self.data())
    }

    /// Waits until the daemon has written down so many entries: by its own timer, within seconds of when it is due.
    pub async fn grown(&self, entries: u64) {
        let begun = Instant::now();
        while self.entries() < entries {
            assert!(begun.elapsed() < DEADLINE, "the daemon does nothing by itself");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub fn marks(&self, name: &str) -> Marks {
        let home = self.env(name).home;
        let mut waiting = Vec::new();
        for id in home.organisations().unwrap() {
            for part in ["outbox", "released", "keys"] {
                let folder = home.folder(id).join(part);
                let Ok(files) = fs::read_dir(folder) else { continue };
                // Released shares that were uploaded wait for nothing.
                waiting.extend(files.map(|file| file.unwrap().path()).filter(|path| !path.join("uploaded").exists()));
            }
        }
        waiting.sort();
        Marks { entries: self.entries(), waiting }
    }

    /// The verb fails in exactly this way, and leaves no trace.
    pub async fn fails<T>(
        &self,
        name: &str,
        verb: impl AsyncFnOnce(&Env) -> Result<T, Failure>,
        exit: Exit,
        key: &str,
    ) -> Failure {
        let before = self.marks(name);
        let answer = verb(&self.env(name)).await;
        let failure = failure(answer, exit, key);
        assert_eq!(self.marks(name), before, "{key}");
        failure
    }

    pub async fn invite(&self, who: &str, newcomer: &str) -> PathBuf {
        let folder = self.root.path().join("invitations");
        found::invite(&self.env(who), newcomer, &["member".to_owned()], &folder).await.unwrap();
        folder.join(format!("{newcomer}.txt"))
    }

    pub async fn put(&self, name: &str, new_version: bool, password: &str) -> Result<(), Failure> {
        deposit::deposit(&self.env(name), account(LABEL, new_version, password)).await
    }

    /// Asks for the account for an hour; gives the request's number.
    pub async fn ask(&self, name: &str) -> u64 {
        self.ask_for(name, Seconds::HOUR).await
    }

    pub async fn ask_for(&self, name: &str, duration: Seconds) -> u64 {
        request::request(&self.env(name), asking(LABEL, duration)).await.unwrap();
        let session = self.session(name).await;
        let requests = session.state().unwrap().requests();
        *requests.iter().rfind(|(_, request)| request.requester == session.me()).unwrap().0
    }

    pub async fn approve(&self, name: &str, id: u64) -> Result<(), Failure> {
        consent::approve(&self.env(name), id).await
    }

    /// A request that Bruno and Chloé approved.
    pub async fn granted(&self, name: &str, duration: Seconds) -> u64 {
        let id = self.ask_for(name, duration).await;
        self.approve(BRUNO, id).await.unwrap();
        self.approve(CHLOE, id).await.unwrap();
        id
    }

    /// The password that a request gives.
    pub async fn open(&self, name: &str, id: u64) -> Result<String, Failure> {
        open(&mut self.session(name).await, id).await
    }

    /// A request, as this person's client sees it now.
    pub async fn request(&self, name: &str, id: u64) -> Request {
        self.session(name).await.state().unwrap().request(id).unwrap().clone()
    }

    /// How urgently the account's password has to be changed, as Maud's client sees it.
    pub async fn due(&self) -> Option<Urgency> {
        let session = self.session(MAUD).await;
        let id = session.find_credential(LABEL).unwrap();
        let account = session.state().unwrap().credential(&id).unwrap();
        account.due(account.current().unwrap().0).map(|due| due.urgency)
    }

    /// Runs the real client without a terminal: exit code, standard output, standard error.
    pub fn program(&self, name: &str, arguments: &[&str]) -> (i32, String, String) {
        let env = self.env(name);
        let mut command = Command::new(env!("CARGO_BIN_EXE_sequestre"));
        command.args(arguments).args(["--lang", "en", "--home"]).arg(env.home.path());
        command.arg("--passphrase-file").arg(env.unlock.passphrase_file.unwrap());
        let output = tokio::task::block_in_place(|| command.stdin(Stdio::null()).output().unwrap());
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    }
}

impl Template {
    async fn make() -> Self {
        let (town, code) = Town::bare().await;
        found::found(&town.env(AWA), &code, plan(), &town.root.path().join("invitations")).await.unwrap();
        for name in &PEOPLE[1..] {
            town.join(name).await.unwrap();
        }
        town.charter().await;
        town.put(THEO, false, PASSWORD).await.unwrap();
        for name in PEOPLE {
            let mut session = town.session(name).await;
            session.confirm_shares().await.unwrap();
        }
        for name in PEOPLE {
            town.session(name).await;
        }
        town.stop().await;
        Self { files: Snapshot::of(town.root.path()), address: town.address() }
    }
}

impl Town {
    /// Joins with the invitation that lies where the founder's and [`Self::invite`]'s lie.
    pub async fn join(&self, name: &str) -> Result<(), Failure> {
        let path = self.root.path().join("invitations").join(format!("{name}.txt"));
        join::join(&self.env(name), &Secret::new(fs::read(path).unwrap())).await
    }

    /// Awa proposes the charter, and everybody signs or acknowledges it.
    pub async fn charter(&self) {
        found::propose(&self.env(AWA), &[]).await.unwrap();
        let session = self.session(AWA).await;
        let id = *session.state().unwrap().proposals().last_key_value().unwrap().0;
        drop(session);
        for name in &PEOPLE[1..] {
            self.approve(name, id).await.unwrap();
        }
        assert!(self.session(AWA).await.state().unwrap().charter().is_some());
    }
}

fn entries_in(data: &Path) -> u64 {
    let database = rusqlite::Connection::open(data.join(DATABASE)).unwrap();
    database.query_row("SELECT total(size) FROM organisation", [], |row| row.get::<_, f64>(0)).unwrap() as u64
}

pub fn plan() -> Plan {
    let people = [(BRUNO, "trustee"), (CHLOE, "trustee"), (MAUD, "mediator"), (THEO, "technician"), (NINA, "member")];
    let planned = |(name, role): (&str, &str)| Planned {
        name: name.to_owned(),
        roles: vec![role.to_owned()],
        invitation: None,
    };
    let mut plan = Plan {
        destroy_delay: 7 * 86_400,
        name: "Les Amis du Lac".to_owned(),
        me: AWA.to_owned(),
        people: people.into_iter().map(planned).collect(),
        quorums: BTreeMap::new(),
        vaults: BTreeMap::new(),
        admission: String::new(),
    };
    plan.add_vault("main=everyday").unwrap();
    plan
}

pub fn asking(label: &str, duration: Seconds) -> Asking {
    Asking {
        label: label.to_owned(),
        duration,
        reason: "renew the domain".to_owned(),
        parts: Vec::new(),
        version: None,
        open_for: REQUEST_LIFE,
        how: Ways::default(),
    }
}

pub fn account(label: &str, new_version: bool, password: &str) -> Deposit {
    let file = serde_json::json!({
        "user_name": "amis-du-lac", "password": password, "recovery_codes": "1111 2222",
        "sheet": { "kind": "registrar", "legal_holder": "Les Amis du Lac" },
    });
    let (sheet, parts) = deposit::from_json(&Secret::from_string(file.to_string())).unwrap();
    Deposit {
        label: label.to_owned(),
        vault: None,
        new_version,
        sheet,
        parts,
        without: Vec::new(),
        reach: deposit::Reach::default(),
    }
}

pub async fn open(session: &mut Session, id: u64) -> Result<String, Failure> {
    let opened = request::open(session, id).await?;
    let (_, password) = opened.values.iter().find(|(kind, _)| *kind == PartKind::Password).unwrap();
    Ok(password.value.expose_str().unwrap().to_owned())
}

/// This failure and no other.
#[track_caller]
pub fn failure<T>(answer: Result<T, Failure>, exit: Exit, key: &str) -> Failure {
    let Err(failure) = answer else { panic!("succeeded instead of {key}") };
    assert_eq!((failure.key(), failure.exit()), (key, exit), "{failure}");
    let sentence = failure.sentence(&Say::french());
    assert!(!sentence.starts_with(key), "no French sentence for {key}");
    failure
}

/// Signs and sends as a program would that skips every check of the client.
pub async fn send(session: &mut Session, base: TreeHead, act: Act, blobs: Vec<Vec<u8>>) -> Result<u64, Failure> {
    let (now, id) = (session.env.now(), session.folder.id);
    let signed = sign_command(session.identity()?, id, base, now, act)?;
    session.remote().await?.submit(Some(id), &signed, blobs, Vec::new()).await
}

/// An approval that releases these blobs: one a part, since the vault has one agreement.
pub fn approval(request: &Request, released: &[BlobId]) -> Act {
    let parts = request.parts.iter().map(|asked| v1::RequestedPart::from(*asked));
    Act::Approve(v1::Approve {
        request_index: request.at.index,
        request_leaf: request.at.leaf.to_vec(),
        parts: parts.collect(),
        expires: request.expires.0,
        released: released.iter().map(|id| v1::Released { shares: vec![id.to_vec()] }).collect(),
    })
}
