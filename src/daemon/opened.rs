//! What is open to the daemon: the keys to which parts can be opened, and what was opened. All of it is in memory only.
//!
//! A key serves one part of one request. It is here from when somebody asks for it until the request that names it is
//! over; one that no request names is forgotten after [`KEY_PATIENCE`]. What was opened is overwritten in the moment in
//! which the log says that its request has ended (before anybody is told of that entry), with the calls to targets that
//! are under way with it; and a restart forgets everything. This module must never write any of it anywhere, nor keep
//! it for a request that the log does not show as running.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::codes::Codes;
use crate::connect::Login;
use crate::escrow::id::{CredentialId, OrganisationId, PersonId};
use crate::escrow::key::RecipientKey;
use crate::escrow::organisation::Organisation;
use crate::escrow::part::VersionId;
use crate::escrow::request::{Request, Stage};
use crate::escrow::time::Time;
use crate::escrow::window::Purpose;
use crate::seal::sharing::MasterKey;
use crate::seal::signing::BadSecretKey;

/// How long a key waits for a request that names it: longer than a command may take to reach the log.
pub const KEY_PATIENCE: Duration = Duration::from_secs(15 * 60);
/// How long after a call that nobody answered it may still take effect: what waits in between, a gateway or a queue,
/// has given up by then.
pub const LATEST: Duration = Duration::from_secs(3600);
/// Most keys in one call.
pub const MAX_KEYS: usize = 16;
/// Most keys of one person that no request names yet.
const MAX_WAITING: usize = 64;
/// Most keys that people asked for; and as many again for what the daemon itself asks for: what it began at a target
/// must end, whatever people have taken.
const MAX_KEPT: usize = 8_192;
/// How long a secret that its target refused is not tried again, unless the account is opened anew: a target may lock an
/// account at which somebody tries too often.
const AFTER_NO: Duration = Duration::from_secs(300);

/// Why there are no keys.
#[derive(Debug, thiserror::Error)]
pub enum NoKeys {
    /// Too many that nobody used.
    #[error("too many keys wait for a request that names them; use these, or ask again in a quarter of an hour")]
    TooMany,
    /// No randomness.
    #[error(transparent)]
    Generate(#[from] BadSecretKey),
}

/// A request's place: whose log, and its index there.
pub type Place = (OrganisationId, u64);

/// What a window holds, for as long as the log shows it as running.
#[derive(Clone)]
pub struct Window {
    /// The target's administrator credential.
    pub login: Arc<Login>,
    /// Closed when it is wiped: calls that use it stop.
    pub wiped: watch::Receiver<()>,
    /// When the target last refused it.
    refused: Arc<Mutex<Option<Instant>>>,
}

impl Window {
    /// Its target refuses this login.
    pub fn refused(&self, now: Instant) {
        *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
    }

    /// How long this login is not to be tried, because its target refused it a short while ago.
    pub fn rests(&self, now: Instant) -> Option<Duration> {
        let refused = (*self.refused.lock().unwrap_or_else(PoisonError::into_inner))?;
        AFTER_NO.checked_sub(now.duration_since(refused)).filter(|left| !left.is_zero())
    }
}

/// The keys and what was opened with them. Clones share it.
#[derive(Clone, Default)]
pub struct Opened(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    keys: BTreeMap<RecipientKey, Key>,
    windows: BTreeMap<Place, Open>,
    staged: BTreeMap<(OrganisationId, VersionId), Staged>,
    codes: BTreeMap<Place, Arc<Codes>>,
}

/// The secret of a rotation.
struct Staged {
    login: Arc<Login>,
    /// When the target was last told of it without an answer.
    unanswered: Option<Instant>,
}

struct Open {
    credential: CredentialId,
    login: Arc<Login>,
    /// When it is over, whatever the log says by then.
    until: Time,
    /// Dropped with it.
    wiped: watch::Sender<()>,
    refused: Arc<Mutex<Option<Instant>>>,
}

struct Key {
    organisation: OrganisationId,
    /// Who asked for it; none: the daemon itself.
    person: Option<PersonId>,
    made: Instant,
    /// The request that names it.
    request: Option<u64>,
    key: Arc<MasterKey>,
}

impl Opened {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        // The maps are whole after every statement: a panic elsewhere does not spoil them.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes fresh keys for somebody's next request.
    pub fn make_keys(
        &self,
        organisation: OrganisationId,
        person: Option<PersonId>,
        count: usize,
        now: Instant,
    ) -> Result<Vec<RecipientKey>, NoKeys> {
        let keys = (0..count).map(|_| MasterKey::generate()).collect::<Result<Vec<_>, _>>()?;
        let mut inner = self.lock();
        inner.keys.retain(|_, key| key.request.is_some() || now.duration_since(key.made) < KEY_PATIENCE);
        let waits = |key: &&Key| key.request.is_none() && key.organisation == organisation && key.person == person;
        let waiting = inner.keys.values().filter(waits).count();
        let many = person.is_some() && waiting + count > MAX_WAITING;
        // Nobody gets more while they have more than are left: however many people or accounts an association has, there
        // are always some for the others.
        let kept = || inner.keys.values().filter(|key| key.person.is_some() == person.is_some());
        let own = kept().filter(|key| key.organisation == organisation).count();
        if many || own + count > MAX_KEPT.saturating_sub(kept().count()) {
            return Err(NoKeys::TooMany);
        }
        let add = |key: MasterKey| {
            let recipient = *key.recipient();
            let key = Key { organisation, person, made: now, request: None, key: Arc::new(key) };
            inner.keys.insert(recipient, key);
            recipient
        };
        Ok(keys.into_iter().map(add).collect())
    }

    /// Forgets keys that no request will name.
    pub fn discard<'k>(&self, keys: impl Iterator<Item = &'k RecipientKey>) {
        let mut inner = self.lock();
        keys.for_each(|key| drop(inner.keys.remove(key)));
    }

    /// The private half of a key that this request names.
    pub fn key(&self, (organisation, request): Place, recipient: &RecipientKey) -> Option<Arc<MasterKey>> {
        let inner = self.lock();
        let key = inner.keys.get(recipient)?;
        (key.organisation == organisation && key.request == Some(request)).then(|| Arc::clone(&key.key))
    }

    /// Whether everything is here that was, or is to be, opened to the daemon for a request.
    pub fn serves(&self, organisation: &Organisation, request: &Request) -> bool {
        let (id, index) = (organisation.id(), request.at.index);
        let inner = self.lock();
        let has = |recipient| {
            let key = inner.keys.get(recipient);
            key.is_some_and(|key| key.organisation == id && key.request.is_none_or(|named| named == index))
        };
        to_daemon(request).all(has)
    }

    /// Keeps what a request opened, until that time at most. Nothing is kept that [`Self::settle`] would not.
    pub fn open(&self, place: Place, credential: CredentialId, login: Login, until: Time) {
        let (login, wiped) = (Arc::new(login), watch::Sender::new(()));
        let open = Open { credential, login, until, wiped, refused: Arc::default() };
        self.lock().windows.insert(place, open);
    }

    /// Overwrites what is past its time: also where no entry can say so, because nothing can be written.
    pub fn expire(&self, now: Time) {
        self.lock().windows.retain(|_, open| now < open.until);
    }

    /// What a window holds.
    pub fn window(&self, place: Place) -> Option<Window> {
        let inner = self.lock();
        let open = inner.windows.get(&place)?;
        let (login, refused) = (Arc::clone(&open.login), Arc::clone(&open.refused));
        Some(Window { login, wiped: open.wiped.subscribe(), refused })
    }

    /// Forgets what a request opened.
    pub fn close(&self, place: Place) {
        self.lock().windows.remove(&place);
    }

    /// Keeps the secret of a rotation, until it is the current one or is given up. `unanswered`: when the target may
    /// have been told of it without an answer.
    pub fn stage(&self, organisation: OrganisationId, version: VersionId, login: Login, unanswered: Option<Instant>) {
        let staged = Staged { login: Arc::new(login), unanswered };
        self.lock().staged.insert((organisation, version), staged);
    }

    /// The secret of a rotation.
    pub fn staged(&self, organisation: OrganisationId, version: VersionId) -> Option<Arc<Login>> {
        self.lock().staged.get(&(organisation, version)).map(|staged| Arc::clone(&staged.login))
    }

    /// Notes that the target was told of the secret of a rotation and did not answer: it may take effect later.
    pub fn not_answered(&self, organisation: OrganisationId, version: VersionId, now: Instant) {
        if let Some(staged) = self.lock().staged.get_mut(&(organisation, version)) {
            staged.unanswered = Some(now);
        }
    }

    /// Whether a call that nobody answered may still take effect.
    pub fn may_be_late(&self, organisation: OrganisationId, version: VersionId, now: Instant) -> bool {
        let inner = self.lock();
        let staged = inner.staged.get(&(organisation, version));
        staged.is_none_or(|staged| staged.unanswered.is_some_and(|at| now.duration_since(at) < LATEST))
    }

    /// Keeps what makes a lease's codes.
    pub fn keep_codes(&self, place: Place, codes: Codes) -> Arc<Codes> {
        Arc::clone(self.lock().codes.entry(place).or_insert_with(|| Arc::new(codes)))
    }

    /// What makes a lease's codes.
    pub fn codes(&self, place: Place) -> Option<Arc<Codes>> {
        self.lock().codes.get(&place).cloned()
    }

    /// Brings memory in line with what the log says now: ties keys to the requests that name them, and overwrites what
    /// belongs to requests that are over. The writer calls it after each commit, before anybody is told.
    pub fn settle(&self, organisation: &Organisation) {
        let id = organisation.id();
        let mut inner = self.lock();
        if !inner.concerns(&id) {
            return;
        }
        let (mut live, mut accounts) = (BTreeSet::new(), BTreeSet::new());
        for request in organisation.live_requests_to_daemon() {
            let index = request.at.index;
            let mut any = false;
            for recipient in to_daemon(request) {
                any = true;
                if let Some(key) = inner.keys.get_mut(recipient).filter(|key| key.organisation == id) {
                    key.request.get_or_insert(index);
                }
            }
            if any {
                live.insert((index, runs(request)));
                // A request that nobody agreed to yet keeps nothing open.
                if request.purpose == Purpose::Unseal && runs(request) {
                    accounts.insert(request.version.credential);
                }
            }
        }
        let stays = |place: &Place| place.0 != id || live.contains(&(place.1, true));
        inner.windows.retain(|place, _| stays(place));
        inner.codes.retain(|place, _| stays(place));
        inner.keys.retain(|_, key| {
            let named = |request| live.contains(&(request, true)) || live.contains(&(request, false));
            key.organisation != id || key.request.is_none_or(named)
        });
        inner.staged.retain(|(whose, version), _| *whose != id || accounts.contains(&version.credential));
        // Only what is committed decides: a secret that the log has as the current one is what the target takes.
        let current = |version: &VersionId| {
            let account = organisation.credential(&version.credential);
            account.and_then(|account| account.current()).is_some_and(|(number, _)| number == version.version)
        };
        let staged = inner.staged.keys().filter(|(whose, version)| *whose == id && current(version));
        let over: Vec<VersionId> = staged.map(|(_, version)| *version).collect();
        over.into_iter().for_each(|version| inner.rotated(id, version));
    }
}

impl Inner {
    /// A rotated secret takes the place of the one that the account's windows hold.
    fn rotated(&mut self, organisation: OrganisationId, version: VersionId) {
        let Some(staged) = self.staged.remove(&(organisation, version)) else { return };
        let its =
            |(place, open): &(&Place, &mut Open)| place.0 == organisation && open.credential == version.credential;
        self.windows.iter_mut().filter(its).for_each(|(_, open)| {
            open.login = Arc::clone(&staged.login);
            open.refused = Arc::default();
        });
    }

    fn concerns(&self, id: &OrganisationId) -> bool {
        self.keys.values().any(|key| key.organisation == *id)
            || self.staged.keys().any(|(whose, _)| whose == id)
            || self.windows.keys().chain(self.codes.keys()).any(|place| place.0 == *id)
    }
}

/// Whether a request was granted and is not over.
pub fn runs(request: &Request) -> bool {
    matches!(request.stage, Stage::Granted(_) | Stage::Leased(_))
}

/// The keys of the daemon that a request names.
pub fn to_daemon(request: &Request) -> impl Iterator<Item = &RecipientKey> {
    request.parts.iter().filter(|asked| asked.vouched.is_some()).map(|asked| &asked.recipient)
}

/// How much is open to the daemon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    /// Keys to which something may open.
    pub keys: usize,
    /// Accounts that are open.
    pub windows: usize,
    /// New secrets of rotations.
    pub secrets: usize,
    /// Secrets of one-time codes.
    pub codes: usize,
}

impl Opened {
    /// How much is open.
    pub fn count(&self) -> Count {
        let Inner { keys, windows, staged, codes } = &*self.lock();
        Count { keys: keys.len(), windows: windows.len(), secrets: staged.len(), codes: codes.len() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::escrow::id::sha256;

    #[test]
    fn keys_are_bounded_and_those_that_nobody_names_are_forgotten() {
        let (opened, start) = (Opened::default(), Instant::now());
        let (here, person) = (OrganisationId::new([1; 32]), Some(PersonId::new([2; 32])));
        let count = MAX_WAITING / MAX_KEYS;
        let first = opened.make_keys(here, person, MAX_KEYS, start).unwrap();
        for _ in 1..count {
            opened.make_keys(here, person, MAX_KEYS, start).unwrap();
        }
        assert!(matches!(opened.make_keys(here, person, 1, start), Err(NoKeys::TooMany)));
        let others = [(here, Some(PersonId::new([3; 32]))), (here, None), (OrganisationId::new([9; 32]), person)];
        for (organisation, person) in others {
            assert!(opened.make_keys(organisation, person, 1, start).is_ok(), "each has their own");
        }
        assert!(opened.key((here, 7), &first[0]).is_none(), "it serves no request before the log has one");
        let later = start + KEY_PATIENCE;
        opened.make_keys(here, person, 1, later).unwrap();
        assert_eq!(opened.lock().keys.len(), 1);
        opened.discard(first.iter());
    }

    #[test]
    fn one_associations_keys_leave_room_for_the_others() {
        let (opened, start) = (Opened::default(), Instant::now());
        // Until it gets no more. The keys of many people, or of the daemon.
        let fill = |organisation: OrganisationId, people: bool| {
            let mut made = 0;
            for n in 0_u32.. {
                let person = PersonId::new(sha256(&[&organisation.as_bytes()[..], &n.to_be_bytes()]));
                match opened.make_keys(organisation, people.then_some(person), MAX_KEYS, start) {
                    Ok(keys) => made += keys.len(),
                    Err(_) => break,
                }
            }
            made
        };
        for people in [true, false] {
            let [first, second, third] = [1, 2, 3].map(|n| fill(OrganisationId::new([n; 32]), people));
            assert_eq!([first, second, third], [MAX_KEPT / 2, MAX_KEPT / 4, MAX_KEPT / 8], "people: {people}");
        }
    }

    #[test]
    fn a_window_ends_by_the_clock_also_where_no_entry_can_say_so() {
        let (opened, place) = (Opened::default(), (OrganisationId::new([1; 32]), 7));
        let login = Login { user: None, secret: crate::seal::secret::Secret::from_string("x".to_owned()) };
        opened.open(place, CredentialId::new([4; 16]), login, Time(100));
        opened.expire(Time(99));
        let window = opened.window(place).unwrap();
        opened.expire(Time(100));
        assert!(opened.window(place).is_none() && window.wiped.has_changed().is_err());
    }

    #[test]
    fn a_secret_that_was_refused_rests() {
        let (opened, place, now) = (Opened::default(), (OrganisationId::new([1; 32]), 7), Instant::now());
        let login = || Login { user: None, secret: crate::seal::secret::Secret::from_string("x".to_owned()) };
        let account = CredentialId::new([4; 16]);
        opened.open(place, account, login(), Time(100));
        let window = opened.window(place).unwrap();
        assert_eq!(window.rests(now), None);
        window.refused(now);
        assert_eq!(
            opened.window(place).unwrap().rests(now + Duration::from_secs(100)),
            Some(Duration::from_secs(200))
        );
        assert_eq!(window.rests(now + AFTER_NO), None);
        let version = VersionId { credential: account, version: 2 };
        opened.stage(place.0, version, login(), None);
        opened.lock().rotated(place.0, version);
        assert_eq!(opened.window(place).unwrap().rests(now), None, "another secret");
    }

    #[test]
    fn what_is_closed_stops_those_who_use_it() {
        let (opened, place) = (Opened::default(), (OrganisationId::new([1; 32]), 7));
        let secret = || crate::seal::secret::Secret::from_string("x".to_owned());
        let account = CredentialId::new([4; 16]);
        opened.open(place, account, Login { user: None, secret: secret() }, Time(100));
        let window = opened.window(place).unwrap();
        assert!(!window.wiped.has_changed().unwrap());
        let version = VersionId { credential: account, version: 2 };
        let (now, minute) = (Instant::now(), Duration::from_secs(60));
        assert!(opened.may_be_late(place.0, version, now), "of what is not here nothing is known");
        opened.stage(place.0, version, Login { user: None, secret: secret() }, None);
        assert!(!opened.may_be_late(place.0, version, now));
        opened.not_answered(place.0, version, now);
        assert!(opened.may_be_late(place.0, version, now + LATEST - minute));
        assert!(!opened.may_be_late(place.0, version, now + LATEST));
        opened.lock().rotated(place.0, version);
        assert!(!Arc::ptr_eq(&opened.window(place).unwrap().login, &window.login), "the new one takes its place");
        assert!(opened.staged(place.0, version).is_none());
        opened.close(place);
        assert!(window.wiped.has_changed().is_err() && opened.window(place).is_none());
    }
}
