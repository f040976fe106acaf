//! Associations for the load: made in the daemon's own store, by the rules and with true signatures, before it starts.
//!
//! The first people are trustees, the others members. What the daemon cannot tell from sealed secrets and shares is
//! random bytes of the size that those have.

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use prost::Message as _;
use sequestre::daemon::system_clock;
use sequestre::escrow::charter::RULES_VERSION;
use sequestre::escrow::command::{NO_ORGANISATION, SignedCommand, organisation_id, preimage};
use sequestre::escrow::entry::{DaemonAct, Entry, SignedAct, What};
use sequestre::escrow::id::{CredentialId, Digest, InvitationId, OrganisationId, PersonId};
use sequestre::escrow::key::RecipientKey;
use sequestre::escrow::log::checkpoint::{Checkpoint, LogVerifier, SignedCheckpoint};
use sequestre::escrow::log::merkle::{Frontier, Node, NodeReader as _, TreeHead, leaf_hash};
use sequestre::escrow::organisation::{Effect, Organisation};
use sequestre::escrow::part::{PartId, PartKind, VersionId};
use sequestre::escrow::quorum::QuorumName;
use sequestre::escrow::replay::{Replay, Trust};
use sequestre::escrow::role::Role;
use sequestre::escrow::text::SALT_BYTES;
use sequestre::escrow::time::Time;
use sequestre::proto::api::v1 as api;
use sequestre::proto::v1::{self, command::Act};
use sequestre::seal::dealing::{DealtPart, deal_part};
use sequestre::seal::device::DeviceKey;
use sequestre::seal::identity::Identity;
use sequestre::seal::sealing::PartValue;
use sequestre::seal::secret::{Secret, random_bytes};
use sequestre::seal::signing::SigningKey;
use sequestre::store::Store;
use sequestre::store::batch::{Batch, Blob, Commanded, NewEntry, Number, is_busy};

use crate::entries;

const DAY: u64 = 86_400;
const ADDRESS: &str = "localhost:7443";
/// What a sealed secret or share takes.
const SEALED_BYTES: usize = 1024;

/// The time at which everything here is signed, but for the history of a long log: the daemon takes what is at most ten
/// minutes old.
pub static NOW: LazyLock<u64> = LazyLock::new(|| system_clock()().0);

/// Somebody with one computer.
pub struct Person {
    pub device: DeviceKey,
    pub identity: Identity,
}

impl Person {
    fn new() -> Self {
        Self { device: DeviceKey::generate().unwrap(), identity: Identity::generate().unwrap() }
    }

    fn id(&self) -> PersonId {
        self.identity.person()
    }

    fn sign(&self, organisation: &OrganisationId, base: TreeHead, created: u64, act: Act) -> SignedCommand {
        let nonce = random_bytes::<16>().unwrap().to_vec();
        let bytes = v1::Command { created, nonce, base: Some(base.into()), act: Some(act) }.encode_to_vec();
        let key = self.identity.keys().signing;
        let signature = self.identity.sign(&preimage(organisation, &key, &bytes));
        SignedCommand::new(bytes, key, signature).unwrap()
    }
}

/// How big an association is.
#[derive(Clone, Copy)]
pub struct Size {
    pub trustees: usize,
    pub members: usize,
    /// Of the trustees, so many open.
    pub threshold: u32,
}

/// A founded association. What is added to it waits in memory until it is stored.
pub struct Association {
    pub id: OrganisationId,
    pub people: Vec<Person>,
    size: Size,
    founding: Digest,
    log_key: SigningKey,
    replay: Replay,
    frontier: Frontier,
    /// On what is signed.
    base: TreeHead,
    /// When its next entry is made.
    now: u64,
    /// Where its rows are, once there are some.
    number: Option<Number>,
    waiting: Vec<Waiting>,
    shares: Vec<(PersonId, Blob)>,
}

/// An entry that is not stored yet.
struct Waiting {
    index: u64,
    bytes: Vec<u8>,
    command: Option<Commanded>,
    nodes: Vec<Node>,
    effects: Vec<Effect>,
    blobs: Vec<Blob>,
}

/// A signed command with its blobs.
pub struct Parcel {
    pub command: SignedCommand,
    pub blobs: Vec<Blob>,
}

impl Parcel {
    pub fn into_request(self, organisation: OrganisationId) -> api::SubmitRequest {
        let blobs = self.blobs.iter().map(|blob| api::Blob { content: blob.content().to_vec().into() });
        api::SubmitRequest {
            organisation: organisation.to_vec(),
            command: Some(self.command.to_wire()),
            blobs: blobs.collect(),
            founding_token: Vec::new(),
        }
    }
}

impl Association {
    /// Founds one: genesis, invitations, joins, a charter that every trustee signs.
    pub fn found(size: Size) -> Self {
        Self::found_before(size, 0)
    }

    /// One founded so many seconds ago: what it grows by is spread over them.
    pub fn found_before(size: Size, seconds: u64) -> Self {
        let now = *NOW - seconds;
        let people: Vec<Person> = (0..size.trustees + size.members).map(|_| Person::new()).collect();
        let log_key = SigningKey::generate().unwrap();
        let (founding, names) = (Digest::of(&[&random_bytes::<32>().unwrap()]), [text(), text()]);
        let genesis = Act::Genesis(v1::Genesis {
            rules_version: RULES_VERSION,
            log_key: Some(log_key.public().into()),
            address: ADDRESS.to_owned(),
            name: names[0].id().to_vec(),
            founder: Some(people[0].identity.keys().into()),
            founder_name: names[1].id().to_vec(),
            device: Some(people[0].device.public().into()),
            founding_token: founding.to_vec(),
        });
        let signed = people[0].sign(&NO_ORGANISATION, TreeHead::EMPTY, now, genesis);
        let id = organisation_id(&signed.to_wire().command);
        let command = Some(Commanded::of(&signed, id));
        let bytes = Entry { index: 0, time: Time(now), what: What::Command(Box::new(signed)) }.encode();
        let (replay, effects) = Replay::begin(id, &bytes, Trust::OwnDisk).unwrap();
        let mut frontier = Frontier::new();
        let nodes = frontier.push(leaf_hash(&bytes));
        let base = frontier.head();
        let waiting = vec![Waiting { index: 0, bytes, command, nodes, effects, blobs: names.into() }];
        let (number, shares) = (None, Vec::new());
        let mut made =
            Self { id, people, size, founding, log_key, replay, frontier, base, now, number, waiting, shares };
        made.take_in();
        made
    }

    fn take_in(&mut self) {
        let mut joined = vec![(0, self.leaf(0))];
        for n in 1..self.people.len() {
            let token = random_bytes::<32>().unwrap();
            let invite = self.invitation(0, &token, self.role(n), self.now);
            self.put(invite);
            let person = &self.people[n];
            let act = Act::Join(v1::Join {
                token: token.to_vec(),
                roles: vec![self.role(n) as i32],
                person: Some(person.identity.keys().into()),
                device: Some(person.device.public().into()),
                mac: vec![7; 32],
            });
            let command = person.sign(&self.id, TreeHead::EMPTY, self.now, act);
            let index = self.put(Parcel { command, blobs: Vec::new() });
            joined.push((index, self.leaf(index)));
        }
        self.rebase();
        let charter = self.sign(0, self.charter(&joined));
        let proposal = self.put(charter);
        let leaf = self.leaf(proposal).to_vec();
        self.rebase();
        for n in 1..self.size.trustees {
            let act = Act::Sign(v1::Sign { proposal_index: proposal, proposal_leaf: leaf.clone() });
            let signature = self.sign(n, act);
            self.put(signature);
        }
        assert!(self.state().charter().is_some());
        self.rebase();
    }

    fn charter(&self, joined: &[(u64, Digest)]) -> Act {
        let ids = |people: &[Person]| {
            let mut ids: Vec<Vec<u8>> = people.iter().map(|person| person.id().to_vec()).collect();
            ids.sort();
            ids
        };
        let trustees = ids(&self.people[..self.size.trustees]);
        let quorum = |name: &str, threshold| v1::Quorum {
            name: name.to_owned(),
            groups: vec![v1::Group { threshold, members: trustees.clone() }],
        };
        let who = |roles: &[Role]| {
            Some(v1::Who { roles: roles.iter().map(|role| *role as i32).collect(), persons: Vec::new() })
        };
        let mut roll: Vec<(PersonId, v1::Admission)> = (0..self.people.len())
            .map(|n| {
                let ((join_index, leaf), person) = (joined[n], &self.people[n]);
                let roles = vec![self.role(n) as i32];
                let keys = Some(person.identity.keys().into());
                (person.id(), v1::Admission { keys, roles, join_index, join_leaf: leaf.to_vec() })
            })
            .collect();
        roll.sort_by_key(|(id, _)| *id);
        Act::ProposeCharter(v1::ProposeCharter {
            charter: Some(v1::Charter {
                version: 1,
                rules_version: RULES_VERSION,
                log_key: Some(self.log_key.public().into()),
                address: ADDRESS.to_owned(),
                quorums: vec![quorum("amend", 2), quorum("destroy", 2), quorum("everyday", self.size.threshold)],
                trustees,
                mediators: Vec::new(),
                technicians: Vec::new(),
                admission: "everyday".to_owned(),
                vaults: vec![v1::Vault {
                    name: "web".to_owned(),
                    opened_by: vec!["everyday".to_owned()],
                    askers: who(&[Role::Trustee, Role::Member]),
                    depositors: who(&[Role::Trustee]),
                    longest_lease: DAY,
                    leases_signed_by: Vec::new(),
                    unasked: None,
                }],
                // One person does here in a minute what is the work of many in a day.
                limits: Some(v1::Limits { entries_per_day: u32::MAX, bytes_per_day: 1 << 40 }),
                destroy_delay: 7 * DAY,
            }),
            roll: roll.into_iter().map(|(_, admission)| admission).collect(),
        })
    }

    fn role(&self, person: usize) -> Role {
        if person < self.size.trustees { Role::Trustee } else { Role::Member }
    }

    pub fn state(&self) -> &Organisation {
        self.replay.organisation()
    }

    /// What is signed from now on is based on the log as it is now.
    pub fn rebase(&mut self) {
        self.base = self.frontier.head();
    }

    pub fn sign(&self, person: usize, act: Act) -> Parcel {
        Parcel { command: self.people[person].sign(&self.id, self.base, self.now, act), blobs: Vec::new() }
    }

    /// A trustee invites a member: an entry of about 300 bytes with a name beside it.
    pub fn invite(&self, trustee: usize) -> Parcel {
        self.invite_at(trustee, self.now)
    }

    fn invite_at(&self, trustee: usize, created: u64) -> Parcel {
        self.invitation(trustee, &random_bytes().unwrap(), Role::Member, created)
    }

    fn invitation(&self, trustee: usize, token: &[u8; 32], role: Role, created: u64) -> Parcel {
        let name = text();
        let act = Act::Invite(v1::Invite {
            invitation: InvitationId::of_token(token).to_vec(),
            roles: vec![role as i32],
            name: name.id().to_vec(),
            expires: created + DAY,
        });
        let command = self.people[trustee].sign(&self.id, self.base, created, act);
        Parcel { command, blobs: vec![name] }
    }

    /// A new account with a password, dealt to all trustees; gives what a request for it names. The sealed secret and
    /// shares are random.
    pub fn deposit(&mut self) -> v1::RequestedPart {
        let (sealed, shares) = (noise(SEALED_BYTES), (0..self.size.trustees).map(|_| noise(SEALED_BYTES)));
        let blobs: Vec<Blob> = std::iter::once(sealed).chain(shares).collect();
        let dealt = blobs[1..].iter().map(|share| v1::DealtShare {
            digest: random_bytes::<32>().unwrap().to_vec(),
            sealed: share.id().to_vec(),
        });
        let part = v1::Part {
            kind: v1::PartKind::Password as i32,
            master_key: Some(recipient().into()),
            sealed: blobs[0].id().to_vec(),
            deals: vec![v1::Deal {
                quorum: "everyday".to_owned(),
                groups: vec![v1::DealtGroup { outer: Vec::new(), shares: dealt.collect() }],
            }],
        };
        self.deposit_of(random_bytes().unwrap(), part, blobs)
    }

    /// The same, really sealed and split.
    pub fn deposit_truly(&mut self) {
        let credential = random_bytes().unwrap();
        let version = VersionId { credential: CredentialId::new(credential), version: 1 };
        let part = PartId { version, kind: PartKind::Password };
        let secret = |text: &str| Secret::from_string(text.to_owned());
        let value = PartValue { user_name: Some(secret("somebody")), value: secret("a password of the bench") };
        let state = self.state();
        let quorum = state.charter().unwrap().quorum(&QuorumName::parse("everyday").unwrap()).unwrap();
        let keys = |person: &PersonId| state.person(person).map(|person| person.keys.recipient);
        let DealtPart { part, blobs } = deal_part(self.id, part, [quorum], keys, &value).unwrap();
        self.deposit_of(credential, part, blobs.into_iter().map(Blob::new).collect());
    }

    fn deposit_of(&mut self, credential: [u8; 16], part: v1::Part, sealed: Vec<Blob>) -> v1::RequestedPart {
        let (label, sheet) = (text(), text());
        let act = Act::Deposit(v1::Deposit {
            carried: Vec::new(),
            connector: Vec::new(),
            exclusive: false,
            rewrapped: Vec::new(),
            credential: credential.to_vec(),
            version: 1,
            vault: "web".to_owned(),
            label: label.id().to_vec(),
            sheet: sheet.id().to_vec(),
            parts: vec![part],
        });
        let mut deposit = self.sign(0, act);
        deposit.blobs = [label, sheet].into_iter().chain(sealed).collect();
        self.put(deposit);
        v1::RequestedPart {
            credential: credential.to_vec(),
            version: 1,
            kind: v1::PartKind::Password as i32,
            recipient: Some(recipient().into()),
            vouched: None,
        }
    }

    /// A member asks for an account for a day.
    pub fn request(&mut self, member: usize, part: &v1::RequestedPart) -> u64 {
        let reason = text();
        let act = Act::Request(v1::Request {
            parts: vec![part.clone()],
            purpose: v1::Purpose::Lease as i32,
            reason: reason.id().to_vec(),
            duration: DAY,
            expires: self.now + DAY,
            own_share: false,
            standing: None,
            input: Vec::new(),
        });
        let request = Parcel { blobs: vec![reason], ..self.sign(member, act) };
        self.put(request)
    }

    /// A trustee's approval of that, and the re-sealed share that it promises.
    pub fn approve(&self, trustee: usize, request: u64, part: &v1::RequestedPart) -> (Parcel, Blob) {
        let share = noise(SEALED_BYTES);
        let asked = self.state().request(request).unwrap();
        let act = Act::Approve(v1::Approve {
            request_index: request,
            request_leaf: asked.at.leaf.to_vec(),
            parts: vec![part.clone()],
            expires: asked.expires.0,
            released: vec![v1::Released { shares: vec![share.id().to_vec()] }],
        });
        (self.sign(trustee, act), share)
    }

    /// A request that was agreed to and fetched: its lease runs for a day.
    pub fn lease(&mut self, member: usize, part: &v1::RequestedPart) {
        let request = self.request(member, part);
        self.rebase();
        for trustee in 0..self.size.threshold as usize {
            let (approval, share) = self.approve(trustee, request, part);
            self.put(approval);
            self.shares.push((self.people[trustee].id(), share));
        }
        self.act(DaemonAct::Collected(request));
    }

    /// Adds an entry, as the daemon does.
    pub fn put(&mut self, parcel: Parcel) -> u64 {
        let command = Some(Commanded::of(&parcel.command, self.id));
        self.append(What::Command(Box::new(parcel.command)), command, parcel.blobs)
    }

    fn act(&mut self, act: DaemonAct) -> u64 {
        let message = act.preimage(&self.id, self.frontier.size(), Time(self.now));
        let signature = self.log_key.sign(&message);
        self.append(What::Act(SignedAct { act, signature }), None, Vec::new())
    }

    fn append(&mut self, what: What, command: Option<Commanded>, blobs: Vec<Blob>) -> u64 {
        let index = self.frontier.size();
        let bytes = Entry { index, time: Time(self.now), what }.encode();
        let effects = self.replay.push(&bytes, Trust::OwnDisk).unwrap();
        let nodes = self.frontier.push(leaf_hash(&bytes));
        self.waiting.push(Waiting { index, bytes, command, nodes, effects, blobs });
        index
    }

    /// An entry's leaf.
    fn leaf(&self, index: u64) -> Digest {
        self.replay.tree().node(0, index).unwrap()
    }

    /// The checkpoint, signed.
    pub fn checkpoint(&self) -> SignedCheckpoint {
        let head = self.frontier.head();
        let signature = self.log_key.sign(Checkpoint { organisation: self.id, head }.body().as_bytes());
        LogVerifier::new(self.id, self.log_key.public()).assemble(head, &signature).unwrap()
    }

    /// Stores what was added, with the checkpoint that the daemon will find.
    pub fn store(&mut self, batch: &Batch<'_>) {
        let number = match self.number {
            Some(number) => number,
            None => batch.found(&self.id, &self.founding, &self.log_key).unwrap(),
        };
        self.number = Some(number);
        for Waiting { index, bytes, command, nodes, effects, blobs } in self.waiting.drain(..) {
            let (bytes, nodes, effects, blobs) = (&bytes, &nodes, &effects, &blobs);
            batch.append(self.id, number, &NewEntry { index, bytes, command, nodes, effects, blobs }).unwrap();
        }
        for (approver, share) in self.shares.drain(..) {
            assert!(batch.put_share(number, &approver, &share).unwrap());
        }
        let (note, state) = (self.checkpoint().to_string(), self.state());
        batch.close_group(number, state.size(), &note, state.next_deadline(), is_busy(state)).unwrap();
    }

    /// Writes a trustee's copy of it, before anything was stored.
    pub fn write_replica(&self, folder: &Path) {
        self.write_log(folder);
        fs::create_dir(folder.join("blobs")).unwrap();
        for blob in self.waiting.iter().flat_map(|entry| &entry.blobs) {
            fs::write(folder.join("blobs").join(blob.id().to_string()), blob.content()).unwrap();
        }
    }

    /// Its entries, before anything was stored.
    pub fn entries(&self) -> impl Iterator<Item = &[u8]> {
        assert!(self.number.is_none());
        self.waiting.iter().map(|entry| entry.bytes.as_slice())
    }

    /// The same without blobs.
    pub fn write_log(&self, folder: &Path) {
        fs::create_dir_all(folder).unwrap();
        fs::write(folder.join("entries"), entries::join(self.entries())).unwrap();
        fs::write(folder.join("checkpoint"), self.checkpoint().to_string()).unwrap();
    }

    /// Many entries, signed on all processors, until the log has `size` of them and it is now; they are stored.
    pub fn grow(&mut self, store: &mut Store, size: u64) {
        const PIECE: u64 = 16_384;
        let (begun, first) = (self.now, self.frontier.size());
        let when = |index: u64| begun + (*NOW - begun) * (index + 1 - first) / (size - first);
        while self.frontier.size() < size {
            let next = self.frontier.size();
            let piece = PIECE.min(size - next);
            let association = &*self;
            let trustees = self.size.trustees as u64;
            let invite = |n| association.invite_at((n % trustees) as usize, when(next + n));
            for (n, parcel) in (0..).zip(on_all_processors(piece, invite)) {
                self.now = when(next + n);
                self.put(parcel);
            }
            let batch = store.begin().unwrap();
            self.store(&batch);
            batch.commit().unwrap();
        }
    }
}

/// Makes so many of something, on all processors, in order.
pub fn on_all_processors<T: Send>(count: u64, make: impl Fn(u64) -> T + Sync) -> Vec<T> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from) as u64;
    let piece = count.div_ceil(threads);
    std::thread::scope(|scope| {
        let make = &make;
        let start =
            |thread| scope.spawn(move || (thread * piece..count.min((thread + 1) * piece)).map(make).collect());
        let running: Vec<std::thread::ScopedJoinHandle<'_, Vec<T>>> = (0..threads).map(start).collect();
        running.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    })
}

fn noise(length: usize) -> Blob {
    Blob::new(Secret::random(length).unwrap().expose().to_vec())
}

fn text() -> Blob {
    let salt = random_bytes::<SALT_BYTES>().unwrap();
    Blob::new([&salt[..], b"a name or a reason, of some words"].concat())
}

/// Some valid key to seal to.
fn recipient() -> RecipientKey {
    let mut bytes = random_bytes::<32>().unwrap();
    bytes[31] &= 0x3f;
    RecipientKey::parse(1, &bytes).unwrap()
}
