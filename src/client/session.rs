//! One organisation, as one person sees it now: folder, replica, connection, and the unlocked identity.
//!
//! The order of every act: synchronise and verify → decide by the same rules as the server → keep the signed command
//! on disk → send → synchronise again → 'done' only if the entry is in the verified log.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use prost::Message as _;

use super::failure::{Exit, Failure};
use super::home::{self, Contact, Folder, Home, Lock};
use super::out::Out;
use super::remote::Remote;
use super::replica::Replica;
use super::say::Args;
use super::unlock::Unlock;
use crate::escrow::charter::Charter;
use crate::escrow::command::{self, SignedCommand};
use crate::escrow::id::{BlobId, OrganisationId, PersonId};
use crate::escrow::log::checkpoint::Checkpoint;
use crate::escrow::log::cosignature::{Cosignature, VerifiedCosignature, cosignature_message};
use crate::escrow::log::merkle::TreeHead;
use crate::escrow::organisation::{CLOCK_TOLERANCE, Organisation};
use crate::escrow::role::Role;
use crate::escrow::text::Text;
use crate::escrow::time::{Seconds, Time};
use crate::escrow::witness::{Safety, Witnessed, safety};
use crate::proto::v1;
use crate::seal::device::DeviceKey;
use crate::seal::identity::Identity;
use crate::seal::sealing::salted_text;
use crate::seal::secret::random_bytes;

/// The file that says under which log key the server was offered the blobs that are here.
const OFFERED: &str = "offered";
/// Most blobs in one upload, and most bytes of several: a server may take no longer messages than one with the largest
/// blob, and must not be left unwitnessed for that.
const BLOBS_AT_ONCE: usize = 64;
const BYTES_AT_ONCE: usize = 256 << 10;

/// Where time comes from; injected, so that tests can let it pass.
pub type Clock = Arc<dyn Fn() -> Time + Send + Sync>;

/// What every verb needs.
#[derive(Clone)]
pub struct Env {
    /// The client's files.
    pub home: Home,
    /// `--org`.
    pub organisation: Option<String>,
    /// Where output goes and in which language.
    pub out: Out,
    /// How the identity is unlocked and questions are asked.
    pub unlock: Unlock,
    /// This computer's clock.
    pub clock: Clock,
}

impl Env {
    /// Now.
    pub fn now(&self) -> Time {
        (self.clock)()
    }

    /// Keeps other clients from using a folder; says so if it must wait for one that does.
    pub(super) fn lock(&self, folder: &Folder) -> Result<Lock, Failure> {
        if let Some(lock) = folder.try_lock()? {
            return Ok(lock);
        }
        self.out.aside("lock-waits", &Args::new());
        folder.lock()
    }

    /// Opens the organisation that is meant.
    pub fn session(&self) -> Result<Session, Failure> {
        Session::open(self, self.home.choose(self.organisation.as_deref())?)
    }
}

/// An open organisation. Holds the folder's lock.
pub struct Session {
    /// What every verb needs.
    pub env: Env,
    /// Its files.
    pub folder: Folder,
    /// What was pinned.
    pub contact: Contact,
    /// This computer's key.
    pub device: DeviceKey,
    /// The verified log.
    pub replica: Replica,
    /// The newest cosignature of each device, as far as this computer verified them; kept beside the replica.
    pub cosignatures: Vec<VerifiedCosignature>,
    remote: Option<Remote>,
    identity: Option<Identity>,
    _lock: Lock,
}

impl Session {
    /// Opens a folder and loads its replica.
    pub fn open(env: &Env, folder: Folder) -> Result<Self, Failure> {
        let lock = env.lock(&folder)?;
        Self::locked(env, folder, lock)
    }

    /// The same, or `None` while another client uses the folder.
    pub fn try_open(env: &Env, folder: Folder) -> Result<Option<Self>, Failure> {
        folder.try_lock()?.map(|lock| Self::locked(env, folder, lock)).transpose()
    }

    /// The same with the lock at hand.
    pub(super) fn locked(env: &Env, folder: Folder, lock: Lock) -> Result<Self, Failure> {
        let contact = folder.contact()?;
        let device = folder.device()?;
        let replica = Replica::open(&folder, &contact)?;
        replica.note_destroyed(env.now())?;
        let cosignatures = replica.stored_cosignatures()?;
        Ok(Self {
            env: env.clone(),
            folder,
            contact,
            device,
            replica,
            cosignatures,
            remote: None,
            identity: None,
            _lock: lock,
        })
    }

    /// The state that this client verified.
    pub fn state(&self) -> Result<&Organisation, Failure> {
        self.replica.state()
    }

    /// Who we are.
    pub fn me(&self) -> PersonId {
        self.contact.me
    }

    /// The connection, made when first needed.
    pub async fn remote(&mut self) -> Result<&mut Remote, Failure> {
        if self.remote.is_none() {
            self.remote = Some(Remote::connect(&self.contact.address, &self.contact.server_key, &self.device).await?);
        }
        self.remote.as_mut().ok_or_else(|| Failure::new(Exit::Unreachable, "failed-unreachable"))
    }

    /// The identity, unlocked once per run.
    pub fn identity(&mut self) -> Result<&Identity, Failure> {
        if self.identity.is_none() {
            let identity = self.env.unlock.identity(&self.env.home, &self.env.out)?;
            if identity.person() != self.contact.me {
                return Err(Failure::new(Exit::Failed, "failed-other-identity"));
            }
            self.identity = Some(identity);
        }
        self.identity.as_ref().ok_or_else(|| Failure::new(Exit::Failed, "failed-other-identity"))
    }

    /// Uses an identity that was unlocked elsewhere in this run.
    pub fn with_identity(mut self, identity: Identity) -> Self {
        self.identity = Some(identity);
        self
    }

    /// Fetches and verifies what is new, sends what was left over, fetches blobs, cosigns.
    pub async fn sync(&mut self) -> Result<(), Failure> {
        self.refresh().await?;
        self.tell_waiting()
    }

    /// The same for a verb that is about to sign: what became too old in the outbox is signed anew, or given up, before
    /// anything is shown.
    pub async fn sync_to_sign(&mut self) -> Result<(), Failure> {
        self.refresh().await?;
        self.renew_outbox().await
    }

    async fn refresh(&mut self) -> Result<(), Failure> {
        self.pull().await?;
        // The log's own time needs nobody's opinion of our clock.
        self.forget_keys(self.state()?.last_time())?;
        self.replica.drop_destroyed(self.state()?.last_time())?;
        self.flush_outbox().await?;
        self.pull_blobs().await?;
        self.bring_blobs().await?;
        if let Some(trouble) = self.upload_released().await? {
            self.env.out.failure(&trouble);
        }
        let missing = self.withheld()?;
        if missing > 0 {
            self.env.out.aside("witness-blobs-missing", &crate::args! { n: missing });
        }
        // Before keys, and what was destroyed, are forgotten by the clock, because an honest server says whether our clock is right. That is all
        // that it decides: one that withholds blobs or answers nothing must not keep keys alive.
        let cosigned = self.cosign().await;
        if !cosigned.as_ref().is_err_and(|failure| failure.key() == "refused-clock-skew") {
            self.forget_keys(self.env.now())?;
            self.replica.drop_destroyed(self.env.now())?;
        }
        cosigned?;
        self.forget_safe()
    }

    /// How many of the blobs that a trustee's replica must hold the server did not give. A trustee who lacks one does
    /// not cosign, because that says 'I hold them'.
    pub(super) fn withheld(&self) -> Result<usize, Failure> {
        let me = self.contact.me;
        let trustee = self.state()?.roles(&me).contains(&Role::Trustee);
        Ok(if trustee { self.replica.missing_blobs(&me)?.len() } else { 0 })
    }

    /// Fetches and verifies new entries, and says nothing about them to anybody.
    pub(super) async fn pull(&mut self) -> Result<(), Failure> {
        let (id, now) = (self.folder.id, self.env.now());
        let shown = self.remote().await?.checkpoint(id).await?;
        let checkpoint = self.replica.consider(&shown.note)?;
        let (have, want) = (self.replica.head().size, checkpoint.head().size);
        if want > have {
            let progress = self.env.out.progress("progress-entries", want - have);
            let mut remote = self.remote().await?.clone();
            let replica = &mut self.replica;
            let fetched = remote
                .entries(id, have, want, |batch| {
                    replica.push_fresh(batch, &checkpoint)?;
                    progress.set(replica.head().size.saturating_sub(have));
                    Ok(())
                })
                .await;
            if let Err(failure) = fetched.and_then(|()| self.replica.finish(&checkpoint, now)) {
                // What was seen of the server matters more than what the disk says.
                return match self.replica.forget_fresh() {
                    Err(worse) if failure.exit() != Exit::Distrust => Err(worse),
                    _ => Err(failure),
                };
            }
        } else if self.replica.checkpoint().is_none() {
            self.replica.finish(&checkpoint, now)?;
        }
        self.cosignatures = self.replica.merge_cosignatures(&self.cosignatures, &shown.cosignatures, now)?;
        self.remember_own_cosignature(now)?;
        self.replica.synchronised(now)
    }

    /// A cosignature of this computer that the server shows was taken, whatever was answered to it.
    fn remember_own_cosignature(&self, now: Time) -> Result<(), Failure> {
        let device = self.device.id();
        let own = self.cosignatures.iter().filter(|c| *c.device() == device).map(|c| Time(c.time())).max();
        // One from the future was made with a wrong clock.
        match own.filter(|time| *time <= now.after(CLOCK_TOLERANCE)) {
            Some(time) if self.replica.last_cosigned()?.is_none_or(|known| known < time) => {
                self.replica.cosigned(Some(time))
            }
            _ => Ok(()),
        }
    }

    pub(super) async fn pull_blobs(&mut self) -> Result<(), Failure> {
        let missing = self.replica.missing_blobs(&self.contact.me)?;
        if missing.is_empty() {
            return Ok(());
        }
        let id = self.folder.id;
        let progress = self.env.out.progress("progress-blobs", missing.len() as u64);
        let mut got = 0;
        let mut remote = self.remote().await?.clone();
        remote
            .blobs(id, &missing, |content| {
                self.replica.store_blob(&content)?;
                got += 1;
                progress.set(got);
                Ok(())
            })
            .await
    }

    /// Brings a server that was restored from copies what none of them had, once after each move. What it does not take
    /// is told, and offered again at the next synchronisation.
    async fn bring_blobs(&mut self) -> Result<(), Failure> {
        let (id, me, server) = (self.folder.id, self.me(), self.server_now());
        let offered = self.folder.join(OFFERED);
        let moved = !self.state()?.moves().is_empty();
        if !moved || home::read_if_there(&offered)?.as_deref() == Some(server.as_bytes()) {
            return Ok(());
        }
        let held = self.replica.held_blobs(&me)?;
        match self.bring(id, &held).await {
            Err(failure) if failure.exit() == Exit::Refused => {
                self.env.out.failure(&failure);
                return Ok(());
            }
            other => other?,
        }
        home::write(&offered, server.as_bytes())
    }

    /// What tells one server of this log from the one before a move: a log key is never used again.
    pub(super) fn server_now(&self) -> String {
        hex::encode(self.contact.log_key.as_bytes())
    }

    async fn bring(&mut self, id: OrganisationId, held: &[BlobId]) -> Result<(), Failure> {
        let mut remote = self.remote().await?.clone();
        let mut portion = Vec::new();
        for lacking in remote.lacking(id, held).await? {
            // A damaged one is of no use to the server either.
            let Ok(Some(blob)) = self.replica.blob(&lacking) else { continue };
            if !fits(&portion, &blob) {
                remote.put_blobs(id, std::mem::take(&mut portion)).await?;
            }
            portion.push(blob);
        }
        if !portion.is_empty() {
            remote.put_blobs(id, portion).await?;
        }
        Ok(())
    }

    /// 'I replayed up to here and it extends what I knew'; a trustee's also says 'I hold the live blobs'. False if it
    /// was not for us to say; true means also that the server did not find our clock wrong.
    pub(super) async fn cosign(&mut self) -> Result<bool, Failure> {
        let me = self.contact.me;
        let Some(checkpoint) = self.replica.checkpoint().map(|c| *c.checkpoint()) else { return Ok(false) };
        let known = self.state()?.device_owner(&self.device.id()).is_some_and(|(person, _)| *person == me);
        if !known || self.withheld()? > 0 {
            return Ok(false);
        }
        let now = self.env.now();
        let ours = self.cosignatures.iter().find(|c| *c.device() == self.device.id());
        let stale = ours.is_none_or(|c| {
            *c.head() != checkpoint.head
                || Time(c.time()).after(Seconds::HOUR) < now
                || Time(c.time()) > now.after(CLOCK_TOLERANCE)
        });
        if !stale {
            return Ok(true);
        }
        let cosignature = self.sign_checkpoint(&checkpoint, now)?;
        // Whoever cannot be reached was told nothing.
        let mut remote = self.remote().await?.clone();
        // Remembered before it is said: entries dated before it are refused from now on.
        let before = self.replica.last_cosigned()?;
        self.replica.cosigned(Some(now))?;
        if let Err(failure) = remote.cosign(checkpoint.organisation, checkpoint.head, &cosignature).await {
            // What was said is said, whatever the answer: the server may show it to others. Only if our clock may be
            // ahead, entries dated before it are no fault of the server; then the person is told what that allows.
            if failure.key() == "refused-clock-skew" {
                self.replica.cosigned(before)?;
                self.env.out.aside("witness-clock-refused", &Args::new());
            }
            return Err(failure);
        }
        let (key, claim) = (self.device.public(), cosignature.verify(&me, &self.device.public(), &checkpoint));
        self.cosignatures.retain(|c| *c.device() != key.device());
        self.cosignatures.extend(claim.ok());
        self.replica.store_cosignatures(&self.cosignatures)?;
        Ok(true)
    }

    fn sign_checkpoint(&self, checkpoint: &Checkpoint, now: Time) -> Result<Cosignature, Failure> {
        let signature = self.device.sign(&cosignature_message(now.0, checkpoint));
        Cosignature::new(checkpoint.organisation, self.contact.me, &self.device.public(), now.0, signature)
            .map_err(Failure::technical)
    }

    /// A salted text, ready to be named in a command and sent beside it.
    pub fn text(&self, text: &Text) -> Result<(BlobId, Vec<u8>), Failure> {
        salted_text(text).map_err(Failure::technical)
    }

    /// Signs an act on the verified tree, sends it, and returns its index once the entry is in the verified log.
    pub async fn submit(&mut self, act: v1::command::Act, blobs: Vec<Vec<u8>>) -> Result<u64, Failure> {
        let signed = self.sign(act)?;
        self.send(signed, blobs).await
    }

    /// Signs an act on the verified tree. The rules are the same here and at the server: what they refuse is not even
    /// sent. A failure here is certain: the command has not left this computer, and nothing depends on it.
    pub fn sign(&mut self, act: v1::command::Act) -> Result<SignedCommand, Failure> {
        self.sign_on(self.replica.head(), act)
    }

    /// The same on an earlier tree, which is all that the signer says to have seen.
    pub(super) fn sign_on(&mut self, base: TreeHead, act: v1::command::Act) -> Result<SignedCommand, Failure> {
        let (now, id) = (self.env.now(), self.folder.id);
        let signed = sign_command(self.identity()?, id, base, now, act)?;
        let verified = signed.clone().verify(id).map_err(Failure::technical)?;
        let base_root = self.replica.root_at(verified.command().base.size);
        let state = self.state()?;
        state.decide(&verified, self.env.now().max(state.last_time()), base_root)?;
        Ok(signed)
    }

    /// Ends the session: its folder, and the identity if it was unlocked.
    pub(super) fn into_parts(self) -> (Folder, Option<Identity>) {
        (self.folder, self.identity)
    }

    /// How far the log is witnessed: fresh cosignatures by distinct witnesses, and how many are needed. We count.
    pub fn witnessed(&self) -> Result<Witnessed, Failure> {
        let cosigned = self.cosignatures.iter().map(|c| (*c.person(), Time(c.time())));
        Ok(Witnessed::count(self.state()?.charter(), cosigned, &self.contact.me, self.env.now()))
    }

    /// How many witnesses confirmed the log up to and with an entry, this person included if they are one; and of how
    /// many.
    pub fn seen(&self, index: u64) -> Result<(usize, usize), Failure> {
        let witnesses = self.state()?.charter().map(Charter::witnesses).unwrap_or_default();
        let past = self.cosignatures.iter().filter(|c| c.head().size > index).map(|c| *c.person());
        let seen: BTreeSet<PersonId> = past.chain([self.me()]).filter(|person| witnesses.contains(person)).collect();
        Ok((seen.len(), witnesses.len()))
    }

    /// How far an entry is from being safe, by all cosignatures that this computer knows.
    pub fn safety(&self, index: u64) -> Result<Safety, Failure> {
        let mut cosigned: BTreeMap<PersonId, u64> = BTreeMap::new();
        for cosignature in &self.cosignatures {
            let size = cosigned.entry(*cosignature.person()).or_default();
            *size = cosignature.head().size.max(*size);
        }
        // Everybody cosigns, and only trustees say by it that they hold the blobs: what somebody cosigned before the
        // charter in force gave out the offices says nothing of that.
        let state = self.state()?;
        Ok(safety(state.charter(), index.max(state.charter_changed()), &cosigned))
    }

    /// Before depositing, approving or signing a charter: enough witnesses must have seen this log lately, or the
    /// person must say that they want to go on without.
    pub fn require_witnesses(&self) -> Result<(), Failure> {
        let witnessed = self.witnessed()?;
        if witnessed.enough() {
            return Ok(());
        }
        if witnessed.of == 0 {
            // Nobody can have witnessed a log before there is a charter that names witnesses.
            return self.env.unlock.confirm(&self.env.out, "ask-no-witnesses", &Args::new(), "--accept-unwitnessed");
        }
        let args = crate::args! { fresh: witnessed.fresh.len(), needed: witnessed.needed(), of: witnessed.of };
        self.env.unlock.confirm(&self.env.out, "ask-unwitnessed", &args, "--accept-unwitnessed")
    }
}

/// Whether one upload takes this blob besides these.
fn fits(portion: &[Vec<u8>], blob: &[u8]) -> bool {
    let bytes: usize = portion.iter().map(Vec::len).sum();
    portion.is_empty() || (portion.len() < BLOBS_AT_ONCE && bytes.saturating_add(blob.len()) <= BYTES_AT_ONCE)
}

/// Makes and signs a command.
pub fn sign_command(
    identity: &Identity,
    organisation: OrganisationId,
    base: TreeHead,
    now: Time,
    act: v1::command::Act,
) -> Result<SignedCommand, Failure> {
    let nonce = random_bytes::<16>().map_err(Failure::technical)?.to_vec();
    let bytes = v1::Command { created: now.0, nonce, base: Some(base.into()), act: Some(act) }.encode_to_vec();
    let signer = identity.keys().signing;
    let signature = identity.sign(&command::preimage(&organisation, &signer, &bytes));
    SignedCommand::new(bytes, signer, signature).map_err(Failure::technical)
}

/// Fetches, verifies, finishes what was interrupted, cosigns; with the identity at hand, checks fresh shares.
pub async fn sync(env: &Env) -> Result<(), Failure> {
    let mut session = env.session()?;
    session.sync().await?;
    let size = session.replica.head().size;
    env.out.tell("sync-done", &crate::args! { size: size });
    env.out.data(&serde_json::json!({ "size": size, "root": session.replica.head().root.to_string() }));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uploads_fit_into_the_shortest_messages_that_a_server_may_be_set_to_take() {
        let largest = || vec![0; BYTES_AT_ONCE];
        assert!(fits(&[], &largest()) && !fits(&[vec![0; 33]], &largest()) && !fits(&[largest()], &[0]));
        let small = |n: usize| vec![vec![0; 33]; n];
        assert!(fits(&small(BLOBS_AT_ONCE - 1), &[0; 33]) && !fits(&small(BLOBS_AT_ONCE), &[0; 33]));
        assert!(!fits(&[vec![0; BYTES_AT_ONCE - 10]], &[0; 11]) && fits(&[vec![0; BYTES_AT_ONCE - 10]], &[0; 10]));
    }
}
