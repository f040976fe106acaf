//! `sequestre sync --watch`: replica and cosignatures kept fresh in the background, for every association of the home,
//! those that are joined or removed meanwhile included.
//!
//! Each association is waited upon by itself, over the server's `Watch`; nothing that it says is believed, a size that
//! differs only means that it is time to synchronise. The folder is locked while that lasts and no longer, so that
//! other verbs can be used meanwhile. This must never unlock the identity, nor ask anybody anything: what it signs are
//! cosignatures, with the device's key.

use std::collections::BTreeMap;
use std::pin::pin;
use std::time::Duration;

use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, interval, sleep, sleep_until, timeout, timeout_at};

use super::ending::Ending;
use super::failure::{Exit, Failure, no_organisation};
use super::home::{self, Folder};
use super::remote::Remote;
use super::session::{Env, Session};
use crate::args;
use crate::escrow::id::OrganisationId;
use crate::escrow::people::Standing;
use crate::seal::secret::random_bytes;

/// Longest time without synchronising, whatever the server says of its size.
const AT_LEAST_EVERY: Duration = Duration::from_secs(3600);
/// First pause after trouble; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// Longest pause after trouble.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);
/// Longest part of a synchronisation in which nothing new reaches the disk, and how many such parts one can have: a
/// first one over a slow line must come to its end, and a server that only dribbles must not keep the folder from other
/// verbs.
const LONGEST_SYNC: Duration = Duration::from_secs(600);
const MOST_PARTS: u32 = 12;
/// Shortest time from the beginning of one synchronisation to the next: each replays the whole log, and the server
/// decides when it says that there is something new.
const AT_MOST_EVERY: Duration = Duration::from_secs(5);
/// How long a server must have kept a stream open to be taken for one that serves.
const STEADY: Duration = Duration::from_secs(60);
/// How long to wait for another verb to be done with the folder, each time; and how often before that is said.
const BUSY: Duration = Duration::from_secs(1);
const BUSY_TOLD: u32 = 60;

/// How often the home is looked at for associations that came or went.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// Watches every association that is meant, until the process is asked to end.
///
/// # Errors
/// The last trouble that cannot be waited out, once there is nothing left to watch.
pub async fn watch(env: &Env) -> Result<(), Failure> {
    let mut watchers = Watchers::default();
    watchers.look(env)?;
    let mut look_again = interval(LOOK_AGAIN);
    let mut ending = Ending::listen()?;
    let mut last: Option<Failure> = None;
    loop {
        tokio::select! {
            _ = ending.next() => {
                // Whatever they are doing stops where they wait; on disk it is as after a crash, which every verb
                // cleans up.
                watchers.tasks.shutdown().await;
                env.out.say("watch-ended");
                return Ok(());
            }
            // What cannot be read now is read the next time.
            _ = look_again.tick() => drop(watchers.look(env)),
            watcher = watchers.tasks.join_next() => match watcher {
                Some(Ok((id, failure))) => {
                    watchers.ended(env, id);
                    // One association's trouble must not end the others, and is told now: they may go on for months.
                    if !watchers.tasks.is_empty() {
                        env.out.failure(&failure);
                    }
                    let worse = failure.exit() == Exit::Distrust;
                    if worse || last.is_none() {
                        last = Some(failure);
                    }
                }
                // Its association is not in this home any more.
                Some(Err(error)) if error.is_cancelled() => {}
                Some(Err(error)) => return Err(Failure::technical(error)),
                None => return Err(last.unwrap_or_else(no_organisation)),
            }
        }
    }
}

/// The associations that are being watched.
#[derive(Default)]
struct Watchers {
    tasks: JoinSet<(OrganisationId, Failure)>,
    known: BTreeMap<OrganisationId, Watched>,
}

enum Watched {
    Now(AbortHandle),
    /// For good, as long as its contact says this: a move, or a new beginning, changes it.
    Ended(Option<Vec<u8>>),
}

impl Watchers {
    /// Begins with what is new in the home, and leaves what is no more in it.
    fn look(&mut self, env: &Env) -> Result<(), Failure> {
        let folders: Vec<Folder> = match &env.organisation {
            // Chosen once: another one with the same beginning must not take its place.
            Some(_) if !self.known.is_empty() => self.known.keys().map(|id| env.home.folder(*id)).collect(),
            Some(_) => vec![env.home.choose(env.organisation.as_deref())?],
            None => env.home.organisations()?.into_iter().map(|id| env.home.folder(id)).collect(),
        };
        self.known.retain(|id, watched| {
            let stays = folders.iter().any(|folder| folder.id == *id && folder.has_contact());
            if let (false, Watched::Now(task)) = (stays, &*watched) {
                task.abort();
            }
            stays
        });
        for folder in folders.into_iter().filter(Folder::has_contact) {
            let begins = match self.known.get(&folder.id) {
                None => true,
                Some(Watched::Now(_)) => false,
                Some(Watched::Ended(contact)) => *contact != contact_of(&folder),
            };
            if begins {
                let (id, env) = (folder.id, env.clone());
                let task = self.tasks.spawn(async move { (id, Watcher::new(env, folder).run().await) });
                self.known.insert(id, Watched::Now(task));
            }
        }
        Ok(())
    }

    fn ended(&mut self, env: &Env, id: OrganisationId) {
        self.known.insert(id, Watched::Ended(contact_of(&env.home.folder(id))));
    }
}

fn contact_of(folder: &Folder) -> Option<Vec<u8>> {
    home::read_if_there(&folder.join("contact.json")).ok().flatten()
}

/// One association.
struct Watcher {
    env: Env,
    folder: Folder,
    /// What it is called, once it was synchronised.
    name: String,
    /// Entries at the last synchronisation.
    size: Option<u64>,
    pause: Duration,
    /// What was last said to be wrong, while it is.
    trouble: Option<String>,
    /// When the last synchronisation began.
    begun: Option<Instant>,
}

impl Watcher {
    fn new(env: Env, folder: Folder) -> Self {
        let name = folder.id.to_string()[..12].to_owned();
        Self { env, folder, name, size: None, pause: FIRST_PAUSE, trouble: None, begun: None }
    }

    /// Runs until there is nothing more to wait for, and says why.
    async fn run(mut self) -> Failure {
        // Whether the server spoke of another size since the last synchronisation.
        let mut told = false;
        loop {
            if let Some(begun) = self.begun {
                sleep_until(begun + AT_MOST_EVERY).await;
            }
            self.begun = Some(Instant::now());
            let trouble = match self.synchronise().await {
                // It spoke of a size that it does not have.
                Ok(false) if told => {
                    told = false;
                    self.rest().await;
                    continue;
                }
                Ok(changed) => {
                    if changed {
                        self.pause = FIRST_PAUSE;
                    }
                    match self.wait().await {
                        Ok(another) => {
                            told = another;
                            continue;
                        }
                        Err(failure) => failure,
                    }
                }
                Err(failure) => failure,
            };
            told = false;
            if self.is_final(&trouble) {
                self.event("stopped", serde_json::json!({ "error": trouble.key() }));
                return trouble;
            }
            self.tell(&trouble);
            self.rest().await;
        }
    }

    /// Says what is wrong: once as long as the server merely does not serve, whenever it is something else, and always
    /// if it is a reason to distrust the server.
    fn tell(&mut self, trouble: &Failure) {
        let distrust = trouble.exit() == Exit::Distrust;
        let kind = if trouble.exit() == Exit::Unreachable { "away" } else { trouble.key() };
        if !distrust && self.trouble.as_deref() == Some(kind) {
            return;
        }
        let key = if distrust { "watch-distrust" } else { "watch-away" };
        let args = args! { name: &self.name, why: trouble.sentence(self.env.out.language()) };
        self.env.out.tell(key, &args);
        self.event(if distrust { "distrust" } else { "away" }, serde_json::json!({ "error": trouble.key() }));
        self.trouble = Some(kind.to_owned());
    }

    async fn rest(&mut self) {
        sleep(self.pause.saturating_add(self.jitter())).await;
        self.pause = self.pause.saturating_mul(2).min(LONGEST_PAUSE);
    }

    /// Whether waiting changes nothing: the log contradicted itself, or says itself that this computer is shut out. A
    /// wrong clock, a foreign network or a full disk pass; so does a server that merely says not to know this computer.
    fn is_final(&self, failure: &Failure) -> bool {
        let stopped = failure.exit() == Exit::Distrust && self.folder.join("evidence").join("stop").exists();
        stopped || (failure.key() == "refused-unknown-device" && self.is_shut_out())
    }

    /// Whether this computer's own replica says that it does not belong to the association any more.
    fn is_shut_out(&self) -> bool {
        let Ok(Some(session)) = Session::try_open(&self.env, self.folder.clone()) else { return false };
        let Ok(state) = session.state() else { return false };
        let gone = state.person(&session.me()).is_some_and(|p| matches!(p.standing, Standing::Gone { .. }));
        let revoked = state.devices().get(&session.device.id()).is_some_and(|device| device.revoked.is_some());
        gone || revoked
    }

    /// Up to a quarter of the pause, so that not everybody comes back in the same second.
    fn jitter(&self) -> Duration {
        let random = random_bytes::<1>().map_or(0, |[byte]| byte);
        self.pause.saturating_mul(u32::from(random)) / 1024
    }

    /// Fetches, verifies, cosigns, and says what changed. Gives whether anything did.
    async fn synchronise(&mut self) -> Result<bool, Failure> {
        let mut session = self.open().await?;
        let slow = Failure::new(Exit::Unreachable, "failed-unreachable").with("address", &session.contact.address);
        self.while_it_grows(session.sync()).await.unwrap_or(Err(slow))?;
        let size = session.replica.head().size;
        let own = session.device.id();
        let confirmed = session.cosignatures.iter().any(|c| *c.device() == own && c.head().size == size);
        self.name = session.organisation_name();
        drop(session);
        let changed = self.size != Some(size);
        if changed {
            let new = size.saturating_sub(self.size.unwrap_or(size));
            let args = args! { name: &self.name, size: size, new: new, confirmed: u8::from(confirmed) };
            self.env.out.tell(if self.size.is_some() { "watch-changed" } else { "watch-begun" }, &args);
            self.event("synchronised", serde_json::json!({ "size": size, "new": new, "confirmed": confirmed }));
        } else if self.trouble.is_some() {
            self.env.out.tell("watch-back", &args! { name: &self.name, size: size });
            self.event("synchronised", serde_json::json!({ "size": size, "new": 0, "confirmed": confirmed }));
        }
        self.size = Some(size);
        self.trouble = None;
        Ok(changed)
    }

    /// Opens the folder once no other verb holds it. One that waits at a question can hold it for days: that is said.
    async fn open(&self) -> Result<Session, Failure> {
        let mut tries = 0;
        loop {
            if let Some(session) = Session::try_open(&self.env, self.folder.clone())? {
                return Ok(session);
            }
            tries += 1;
            if tries == BUSY_TOLD {
                self.env.out.tell("watch-busy", &args! { name: &self.name });
                self.event("busy", serde_json::json!({}));
            }
            sleep(BUSY).await;
        }
    }

    /// Waits for a synchronisation as long as the replica grows by it. None if it does not.
    async fn while_it_grows<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let mut work = pin!(work);
        let mut had = self.on_disk();
        for _ in 0..MOST_PARTS {
            if let Ok(done) = timeout(LONGEST_SYNC, work.as_mut()).await {
                return Some(done);
            }
            let has = self.on_disk();
            if has == had {
                return None;
            }
            had = has;
        }
        None
    }

    /// How much of the log lies in this computer's replica, in bytes of entries and in blobs.
    fn on_disk(&self) -> (u64, usize) {
        let entries = std::fs::metadata(self.folder.join("entries")).map_or(0, |file| file.len());
        (entries, std::fs::read_dir(self.folder.join("blobs")).map_or(0, Iterator::count))
    }

    /// Waits until the server speaks of another size, or for an hour. Gives whether it did.
    async fn wait(&mut self) -> Result<bool, Failure> {
        let until = Instant::now() + AT_LEAST_EVERY;
        let contact = self.folder.contact()?;
        let device = self.folder.device()?;
        let mut remote = Remote::connect(&contact.address, &contact.server_key, &device).await?;
        let mut sizes = remote.watch(self.folder.id).await?;
        let begun = Instant::now();
        loop {
            let size = match timeout_at(until, sizes.next()).await {
                Ok(size) => size,
                Err(_) => return Ok(false),
            };
            // Only a server that really serves ends the growing of the pauses.
            if begun.elapsed() > STEADY {
                self.pause = FIRST_PAUSE;
            }
            if Some(size?) != self.size {
                return Ok(true);
            }
        }
    }

    /// One line for programs.
    fn event(&self, event: &str, mut more: serde_json::Value) {
        if let Some(fields) = more.as_object_mut() {
            fields.insert("event".to_owned(), event.into());
            fields.insert("organisation".to_owned(), self.folder.id.to_string().into());
        }
        self.env.out.data(&more);
    }
}
