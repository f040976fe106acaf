//! Another server, and what people send each other to get there.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use sequestre::client::failure::Failure;
use sequestre::client::moving::{self, MoveVerb};
use sequestre::client::session::Env;
use sequestre::daemon::config::Overrides;
use sequestre::daemon::{self, DaemonError, RestoreOutcome, Running};
use sequestre::escrow::time::Seconds;
use sequestre::seal::moving::read_place;
use tokio::sync::oneshot;

use crate::town::*;

/// What the town's charter sets between two agreements to destroy.
pub const DELAY: Seconds = Seconds(7 * 86_400);

pub struct House {
    pub data: PathBuf,
    serving: Arc<Mutex<Option<Serving>>>,
}

struct Serving {
    running: Running,
    stop: oneshot::Sender<()>,
}

impl Serving {
    async fn stop(self) {
        self.stop.send(()).unwrap();
        self.running.stopped().await.unwrap();
    }
}

impl House {
    /// An empty data folder.
    pub fn empty(town: &Town, name: &str) -> Self {
        let listen = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let data = town.root.path().join(name);
        daemon::init(&data, &listen.to_string(), listen).unwrap();
        Self { data, serving: Arc::default() }
    }

    pub fn restore(&self, replicas: &[PathBuf]) -> Result<RestoreOutcome, DaemonError> {
        daemon::restore(&self.data, &Overrides::default(), replicas, None)
    }

    /// Serves by the town's clock.
    pub async fn start(&mut self, town: &Town) {
        let (stop, stopped) = oneshot::channel::<()>();
        let clock = town.env(AWA).clock;
        let running = daemon::run(&self.data, &Overrides::default(), clock, async { drop(stopped.await) }).await;
        *self.serving.lock().unwrap() = Some(Serving { running: running.unwrap(), stop });
    }

    pub async fn stop(&mut self) {
        let serving = self.serving.lock().unwrap().take().unwrap();
        serving.stop().await;
    }

    /// A person's home; this server stops as soon as the contact there leads to another server than now.
    pub fn stopping_once_followed(&self, town: &Town, who: &str) -> Env {
        let (env, serving) = (town.env(who), self.serving.clone());
        let contact = town.folder(who).join("contact.json");
        let before = fs::read(&contact).unwrap();
        let real = env.clock.clone();
        let clock = move || {
            if fs::read(&contact).unwrap() != before
                && let Some(serving) = serving.lock().unwrap().take()
            {
                tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(serving.stop()));
            }
            real()
        };
        Env { clock: Arc::new(clock), ..env }
    }

    /// Restored from one person's replica and serving; gives the file of the place.
    pub async fn restored(town: &Town, name: &str, whose: &str) -> (Self, PathBuf) {
        let mut house = Self::empty(town, name);
        let outcome = house.restore(&[town.folder(whose)]).unwrap();
        assert!(outcome.restored.missing.is_empty());
        house.start(town).await;
        (house, outcome.path)
    }

    pub fn findings(&self) -> Vec<String> {
        let report = sequestre::store::fsck::fsck(&self.data).unwrap();
        report.findings.iter().map(ToString::to_string).collect()
    }
}

pub async fn propose(town: &Town, who: &str, place: &Path, to: &Path) -> Result<(), Failure> {
    giving_up(town, who, place, to, None).await
}

pub async fn giving_up(town: &Town, who: &str, place: &Path, to: &Path, n: Option<u64>) -> Result<(), Failure> {
    moving::run(&town.env(who), proposal(place, to, n)).await
}

/// With the code that the technician reads aloud.
pub fn proposal(place: &Path, to: &Path, give_up: Option<u64>) -> MoveVerb {
    let place_code = read_place(&fs::read_to_string(place).unwrap()).ok().map(|place| place.code().to_string());
    MoveVerb::Propose { place: place.to_owned(), output: to.to_owned(), give_up, place_code }
}

/// A move to this place that gives up so many entries: Awa proposes it, Bruno signs, and after the delay both again.
pub async fn given_up(town: &Town, place: &Path, name: &str, n: u64) -> PathBuf {
    let file = town.root.path().join(name);
    giving_up(town, AWA, place, &file, Some(n)).await.unwrap();
    sign(town, BRUNO, &file).await.unwrap();
    town.pass(DELAY);
    again(town, &file, &[AWA, BRUNO]).await;
    file
}

/// Signs the second round.
pub async fn again(town: &Town, file: &Path, who: &[&str]) {
    for name in who {
        sign(town, name, file).await.unwrap();
    }
}

pub async fn sign(town: &Town, who: &str, file: &Path) -> Result<(), Failure> {
    moving::run(&town.env(who), MoveVerb::Sign { file: file.to_owned(), unseen: false }).await
}

pub async fn follow(town: &Town, who: &str, file: &Path) -> Result<(), Failure> {
    moving::run(&town.env(who), MoveVerb::Follow { files: vec![file.to_owned()], give_up: None }).await
}

/// A move to this place that Awa proposes and Bruno signs.
pub async fn signed(town: &Town, place: &Path, name: &str) -> PathBuf {
    let file = town.root.path().join(name);
    propose(town, AWA, place, &file).await.unwrap();
    sign(town, BRUNO, &file).await.unwrap();
    file
}

pub fn address(town: &Town, who: &str) -> String {
    let text = fs::read_to_string(town.folder(who).join("contact.json")).unwrap();
    serde_json::from_str::<serde_json::Value>(&text).unwrap()["address"].as_str().unwrap().to_owned()
}

/// The first words of an error and of everything behind it.
pub fn said(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
