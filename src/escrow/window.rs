//! Windows: what is opened to the daemon, until when, and how it closes.
//!
//! A connector needs an administrator credential of its target. It opens to keys in the daemon's memory, for as long
//! as a quorum agreed: that is an unseal request like any other, except that each of its recipients is vouched for by
//! the log key in force, so that nobody can have something opened to a key of their own under this name. What is open
//! to the daemon can be read by whoever runs it: they stand in the exposure list from the grant on.
//!
//! The keys live as long as the daemon's process. When they are gone, what was open is closed, and the daemon may ask
//! by itself for the rest of the time, or for what a pending revocation needs. It must never get more by asking itself
//! than people could see when they agreed: the parts are those that the connector needs, and approvals start anew.

use std::collections::{BTreeMap, BTreeSet};

use super::act::RequestedPart;
use super::charter::{Charter, SHORTEST_LEASE};
use super::credential::{How, Knower};
use super::id::{BlobId, CredentialId, OrganisationId, PersonId};
use super::key::RecipientKey;
use super::organisation::{Effect, Organisation, Position};
use super::part::{PartId, PartKind, VersionId};
use super::refusal::Refusal;
use super::request::{End, REQUEST_LIFE, Request, Stage};
use super::time::{Seconds, Time};
use super::wire::{self, Malformed};
use super::work::Work;
use crate::proto::v1;

/// Longest time for which something opens to the daemon.
pub const LONGEST_WINDOW: Seconds = Seconds(7 * Seconds::DAY.0);
/// Longest window that the daemon can ask for by itself in order to finish what it began at a target.
pub const LONGEST_ERRAND: Seconds = Seconds(8 * Seconds::HOUR.0);

/// Shortest time for which a request of the daemon waits for approvals: people must have a chance to see it, and the log
/// must not fill up with requests that nobody could answer.
pub const SHORTEST_FILING: Seconds = Seconds::DAY;

/// How long those who agreed have to deliver their shares before the daemon can ask others.
pub const DELIVERY: Seconds = Seconds::HOUR;

/// How often in a day the daemon can ask by itself to open one account: a server that starts again and again must not
/// fill the log.
pub const MOST_FILED: u32 = 24;

const OPENING_KEY_LABEL: &[u8] = b"sequestre/opening-key/v1\0";

/// What the log key signs to vouch for a key of the daemon's memory: label ‖ organisation id ‖ canonical recipient.
pub fn opening_key_preimage(organisation: &OrganisationId, key: &RecipientKey) -> Vec<u8> {
    use prost::Message as _;
    [OPENING_KEY_LABEL, organisation.as_bytes().as_slice(), &v1::Recipient::from(*key).encode_to_vec()].concat()
}

/// What a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Purpose {
    /// The parts open to the requester, or one-time password secrets to the daemon for them.
    Lease = 1,
    /// The parts open to the daemon, for connector work.
    Unseal = 2,
    /// The connector makes a lease at the target; nothing opens.
    Mint = 3,
    /// A standing right for somebody.
    Delegation = 4,
}

impl Purpose {
    pub(super) fn parse(number: i32) -> Result<Self, Malformed> {
        [Self::Lease, Self::Unseal, Self::Mint, Self::Delegation]
            .into_iter()
            .find(|purpose| *purpose as i32 == number)
            .ok_or(Malformed::Unknown("purpose"))
    }

    /// The name for programs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Lease => "lease",
            Self::Unseal => "unseal",
            Self::Mint => "mint",
            Self::Delegation => "delegation",
        }
    }
}

/// Any trustee closes all that is open to the daemon.
#[derive(Debug, Clone, Copy)]
pub struct Seal {
    /// Text: why.
    pub reason: BlobId,
}

/// The daemon asks by itself for what it needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnsealFiled {
    /// The window that a restart ended; or the request whose lease must be revoked, or the [`Rotate`] that is not
    /// finished.
    ///
    /// [`Rotate`]: super::rotation::Rotate
    pub because: u64,
    /// What the connector needs, to keys of the daemon.
    pub parts: Vec<RequestedPart>,
    /// How long it is to be open.
    pub duration: Seconds,
    /// Until when approvals are accepted.
    pub expires: Time,
}

impl UnsealFiled {
    /// Parses the wire form.
    pub fn parse(m: v1::UnsealFiled) -> Result<Self, Malformed> {
        let parts = super::act::requested_parts(m.parts)?;
        if parts.is_empty() {
            return Err(Malformed::List("parts"));
        }
        Ok(Self { because: m.request_index, parts, duration: Seconds(m.duration), expires: Time(m.expires) })
    }

    /// The wire form.
    pub fn to_wire(&self) -> v1::UnsealFiled {
        v1::UnsealFiled {
            request_index: self.because,
            parts: self.parts.iter().map(|asked| (*asked).into()).collect(),
            duration: self.duration.0,
            expires: self.expires.0,
        }
    }
}

pub(super) fn parse_seal(m: v1::Seal) -> Result<Seal, Malformed> {
    Ok(Seal { reason: wire::blob(&m.reason)? })
}

/// For whom and why the daemon asks.
#[derive(Debug)]
pub(super) struct Filing {
    requester: PersonId,
    reason: BlobId,
    version: VersionId,
    connector: BlobId,
}

impl Request {
    /// Whether it ends with the keys of the daemon's memory. Access that somebody has goes on without them.
    pub(super) fn can_close(&self) -> bool {
        match self.purpose {
            Purpose::Unseal => !matches!(self.stage, Stage::Ended { .. }),
            _ => matches!(self.stage, Stage::Waiting) && self.opens_to_daemon(),
        }
    }

    /// Whether it opens its account to the daemon, or will, so that the daemon need not ask. What people still think
    /// about does not count, because whoever asked could take it back when it comes to it; nor what was granted long
    /// ago and did not open, because those who agreed do not deliver.
    pub fn opens_soon(&self, now: Time) -> bool {
        self.purpose == Purpose::Unseal
            && match &self.stage {
                Stage::Waiting => self.by_daemon,
                Stage::Granted(grant) => self.by_daemon || now < grant.at().after(DELIVERY),
                Stage::Leased(_) => true,
                Stage::Ended { .. } => false,
            }
    }

    /// When a trustee closed it.
    fn sealed_at(&self) -> Option<Time> {
        match self.stage {
            Stage::Ended { how: End::Sealed(_) | End::Revoked(_), at } => Some(at),
            _ => None,
        }
    }
}

impl Organisation {
    /// The window in which the connector of an account can work now, if it is open to the daemon: of several, the one
    /// that is open longest.
    pub fn open_window(&self, id: &CredentialId) -> Option<&Request> {
        let connector = self.credentials.get(id)?.current()?.1.connector?;
        let open = self.windows.range((*id, 0)..=(*id, u64::MAX)).filter_map(|(_, index)| self.requests.get(index));
        open.filter(|request| request.connector == Some(connector)).max_by_key(|request| request.deadline())
    }

    /// Exactly the parts that a connector needs, in the order in which a request names them: the administrator
    /// credential, and the one that may have taken its place already. None without a connector.
    pub fn window_parts(&self, id: &CredentialId) -> Vec<PartId> {
        let Some(credential) = self.credentials.get(id) else { return Vec::new() };
        if credential.current().is_none_or(|(_, version)| version.connector.is_none()) {
            return Vec::new();
        }
        let staged = self
            .staged(id)
            .map(|(version, _)| PartId { version: VersionId { credential: *id, version }, kind: PartKind::Password });
        self.current_part(id, PartKind::Password).into_iter().chain(staged).collect()
    }

    /// What opens to the daemon opens to keys that the log key in force vouches for, each used once; and nothing but
    /// what may: what a connector needs, and one-time password secrets.
    pub(super) fn check_vouched(&self, purpose: Purpose, parts: &[RequestedPart]) -> Result<(), Refusal> {
        for asked in parts {
            let fits = match (purpose, asked.vouched) {
                (Purpose::Unseal, vouched) => vouched.is_some(),
                (Purpose::Lease, Some(_)) => asked.part.kind == PartKind::TotpSecret,
                (Purpose::Lease, None) => true,
                (Purpose::Mint | Purpose::Delegation, vouched) => vouched.is_none(),
            };
            let preimage = || opening_key_preimage(&self.id, &asked.recipient);
            if !fits || asked.vouched.is_some_and(|signed| self.log_key.verify(&preimage(), &signed).is_err()) {
                return Err(Refusal::NotVouched);
            }
            if self.opening_keys.contains(&asked.recipient) {
                return Err(Refusal::SealedUsed);
            }
        }
        Ok(())
    }

    /// Whoever runs the daemon could read there what opens to it.
    pub(super) fn expose_to_technicians(&mut self, request: &Request, at: Position) {
        let vouched = request.parts.iter().filter(|asked| asked.vouched.is_some());
        for asked in vouched {
            self.could_read(&asked.part, request.at.index, at);
        }
    }

    /// Those who run the daemon, as the charter says.
    pub(super) fn technicians(&self) -> BTreeSet<PersonId> {
        self.charter.as_ref().map(Charter::technicians).cloned().unwrap_or_default()
    }

    /// Notes that the technicians of today could read a part.
    pub(super) fn could_read(&mut self, part: &PartId, source: u64, at: Position) {
        let technicians = self.technicians();
        let Some(state) = self.part_mut(part) else { return };
        for person in technicians {
            state.expose(Knower { person, source, since: at.time, how: How::CouldRead });
        }
    }

    /// Those who became technicians can read what is open already.
    pub(super) fn expose_to_new_technicians(&mut self, at: Position) {
        let open = self.live_requests_to_daemon().filter(|r| r.grant().is_some());
        let open: Vec<Request> = open.cloned().collect();
        for request in open {
            self.expose_to_technicians(&request, at);
            if request.purpose == Purpose::Unseal {
                // A rotation may have replaced what the window was opened with.
                for part in self.window_parts(&request.version.credential) {
                    self.could_read(&part, request.at.index, at);
                }
            }
        }
    }

    pub(super) fn decide_unseal_filed(&self, filed: &UnsealFiled, now: Time) -> Result<Filing, Refusal> {
        let id = filed.parts.first().ok_or(Refusal::PartUnknown)?.part.version.credential;
        let credential = self.account(&id)?;
        let (current, newest) = credential.current().ok_or(Refusal::PartUnknown)?;
        let connector = newest.connector.ok_or(Refusal::NoConnector)?;
        if !filed.parts.iter().map(|asked| asked.part).eq(self.window_parts(&id)) {
            return Err(Refusal::PartUnknown);
        }
        self.check_vouched(Purpose::Unseal, &filed.parts)?;
        if self.live_requests_for(&id).any(|r| r.opens_soon(now)) {
            return Err(Refusal::NotDue);
        }
        if credential.filed_today(now) >= MOST_FILED {
            return Err(Refusal::NotDue);
        }
        let (for_whom, longest) = self.errand(&id, filed.because, now)?;
        // Whoever asked for the one meant this target.
        if for_whom.connector != Some(connector) {
            return Err(Refusal::ConnectorChanged);
        }
        if !(SHORTEST_LEASE..=longest).contains(&filed.duration) {
            return Err(Refusal::Duration { longest });
        }
        if filed.expires < now.after(SHORTEST_FILING) || filed.expires > now.after(REQUEST_LIFE) {
            return Err(Refusal::RequestLife);
        }
        self.vault_for(&for_whom.requester, credential)?;
        let version = VersionId { credential: id, version: current };
        Ok(Filing { requester: for_whom.requester, reason: for_whom.reason, version, connector })
    }

    /// For whose request the daemon can ask again because of this entry, and for how long at most.
    fn errand(&self, id: &CredentialId, because: u64, now: Time) -> Result<(&Request, Seconds), Refusal> {
        if let Some(window) = self.requests.get(&because)
            && window.purpose == Purpose::Unseal
        {
            let closed = matches!(window.stage, Stage::Ended { how: End::Closed, .. });
            if !closed || window.filed_again.is_some() || window.version.credential != *id {
                return Err(Refusal::NotDue);
            }
            // What nobody opened is as old as when it was asked for; and what was closed before a trustee sealed the
            // account must not open it after that.
            let rest = match window.closed {
                Some(until) => now.until(until),
                None if now < window.expires => window.duration,
                None => return Err(Refusal::NotDue),
            };
            let sealed = self.last_unsealed(id).and_then(Request::sealed_at);
            return match sealed.filter(|at| *at >= window.since) {
                Some(_) => Err(Refusal::NotDue),
                None => Ok((window, rest)),
            };
        }
        let to_revoke = self.work.contains(&Work::Revoke(because))
            && self.requests.get(&because).is_some_and(|request| request.version.credential == *id);
        let rotation = self.credentials.get(id).and_then(|credential| credential.rotation.as_ref());
        let to_rotate = rotation.is_some_and(|rotation| rotation.index == because && rotation.staged.is_some());
        if !to_revoke && !to_rotate {
            return Err(Refusal::NotDue);
        }
        // Whoever was last trusted with it asks again; if a trustee closed that, only people open it anew.
        let last = self.last_unsealed(id).ok_or(Refusal::NotDue)?;
        match last.sealed_at() {
            Some(_) => Err(Refusal::NotDue),
            None => Ok((last, LONGEST_ERRAND)),
        }
    }

    fn last_unsealed(&self, id: &CredentialId) -> Option<&Request> {
        self.requests.get(&self.credentials.get(id)?.unsealed?)
    }

    pub(super) fn apply_unseal_filed(&mut self, filed: UnsealFiled, filing: Filing, at: Position) {
        if let Some(window) = self.requests.get_mut(&filed.because)
            && window.purpose == Purpose::Unseal
        {
            window.filed_again = Some(at.index);
        }
        if let Some(credential) = self.credentials.get_mut(&filing.version.credential) {
            let today = credential.filed.filter(|(since, _)| at.time < since.after(Seconds::DAY));
            let (since, count) = today.unwrap_or((at.time, 0));
            credential.filed = Some((since, count.saturating_add(1)));
        }
        let request = Request {
            at: at.entry(),
            requester: filing.requester,
            by_daemon: true,
            purpose: Purpose::Unseal,
            since: at.time,
            version: filing.version,
            parts: filed.parts,
            reason: filing.reason,
            duration: filed.duration,
            expires: filed.expires,
            own_share: false,
            approvals: BTreeMap::new(),
            denials: BTreeMap::new(),
            claims: BTreeMap::new(),
            collected: false,
            made: None,
            standing: None,
            input: None,
            connector: Some(filing.connector),
            target: None,
            closed: None,
            filed_again: None,
            stage: Stage::Waiting,
        };
        self.file(request, None, at);
    }

    /// Ends the requests that open an account to the daemon, as far as this says.
    pub(super) fn end_windows(
        &mut self,
        id: &CredentialId,
        how: End,
        at: Position,
        which: impl Fn(&Request) -> bool,
    ) -> Vec<Effect> {
        let windows = self.live_requests_for(id).filter(|r| r.purpose == Purpose::Unseal);
        let over: Vec<u64> = windows.filter(|r| which(r)).map(|r| r.at.index).collect();
        over.into_iter().flat_map(|index| self.end_request(index, how, at)).collect()
    }

    /// The log moves to a server that has none of the keys in the old one's memory.
    pub(super) fn close_everything(&mut self, at: Position) -> Vec<Effect> {
        let open: Vec<u64> = self.live_requests().filter(|r| r.can_close()).map(|r| r.at.index).collect();
        open.into_iter().flat_map(|index| self.end_request(index, End::Closed, at)).collect()
    }
}
