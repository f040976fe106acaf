//! A small organisation for tests of store and writer: three trustees (of whom two open) and a member.
//!
//! Its blobs are arbitrary bytes: the daemon cannot tell them from sealed ones.
#![allow(dead_code, reason = "each test binary uses its part of it")]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use prost::Message as _;
use sequestre::daemon::writer::{Clock, WriteError, Writer};
use sequestre::escrow::command::{NO_ORGANISATION, SignedCommand, VerifiedCommand, organisation_id, preimage};
use sequestre::escrow::id::{BlobId, DeviceId, Digest, OrganisationId, PersonId, sha256};
use sequestre::escrow::key::{PersonKeys, RecipientKey, VerifyingKey};
use sequestre::escrow::log::checkpoint::{Checkpoint, LogVerifier};
use sequestre::escrow::log::cosignature::{Cosignature, cosignature_message};
use sequestre::escrow::log::merkle::{TreeHead, leaf_hash};
use sequestre::escrow::time::Time;
use sequestre::proto::v1::{self, command::Act};
use sequestre::seal::secret::{Secret, random_bytes};
use sequestre::seal::signing::SigningKey;
use sequestre::store::Store;
use sequestre::store::reader::{Caller, Reader};

pub const START: u64 = 1_800_000_000;
pub const DAY: u64 = 86_400;

/// A clock that stands still until somebody moves it.
#[derive(Clone)]
pub struct Hands(Arc<AtomicU64>);

impl Hands {
    pub fn at(time: u64) -> Self {
        Self(Arc::new(AtomicU64::new(time)))
    }

    pub fn now(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }

    pub fn forward(&self, seconds: u64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }

    pub fn clock(&self) -> Clock {
        let hands = self.0.clone();
        Arc::new(move || Time(hands.load(Ordering::SeqCst)))
    }
}

/// A person with one computer.
pub struct Person {
    pub key: SigningKey,
    pub device: SigningKey,
}

impl Person {
    /// The same number makes the same person.
    pub fn new(number: u8) -> Self {
        let key = |kind| SigningKey::from_seed(Secret::new([[number; 16], [kind; 16]].concat())).unwrap();
        Self { key: key(1), device: key(2) }
    }

    pub fn id(&self) -> PersonId {
        self.key.public().person()
    }

    pub fn device_id(&self) -> DeviceId {
        self.device.public().device()
    }

    pub fn keys(&self) -> PersonKeys {
        PersonKeys { signing: self.key.public(), recipient: recipient(&self.id().to_vec()) }
    }

    /// A command of this person, as the writer takes it.
    pub fn sign(&self, organisation: OrganisationId, base: TreeHead, created: u64, act: Act) -> VerifiedCommand {
        let nonce = random_bytes::<16>().unwrap().to_vec();
        let bytes = v1::Command { created, nonce, base: Some(base.into()), act: Some(act) }.encode_to_vec();
        let genesis = organisation == NO_ORGANISATION;
        let signature = self.key.sign(&preimage(&organisation, &self.key.public(), &bytes));
        let id = if genesis { organisation_id(&bytes) } else { organisation };
        SignedCommand::new(bytes, self.key.public(), signature).unwrap().verify(id).unwrap()
    }
}

/// Some valid recipient.
pub fn recipient(of: &[u8]) -> RecipientKey {
    let mut bytes = sha256(&[b"recipient", of]);
    bytes[31] &= 0x3f;
    RecipientKey::parse(1, &bytes).unwrap()
}

/// A blob of `length` random bytes.
pub fn noise(length: usize) -> Bytes {
    Secret::random(length).unwrap().expose().to_vec().into()
}

pub fn id_of(blob: &[u8]) -> Vec<u8> {
    BlobId::of(blob).to_vec()
}

/// What to submit.
pub type Parcel = (VerifiedCommand, Vec<Bytes>);

/// A founded organisation: trustees 0, 1, 2 and member 3.
pub struct World {
    pub id: OrganisationId,
    pub log_key: VerifyingKey,
    pub people: Vec<Person>,
    pub hands: Hands,
    pub reader: Reader,
}

pub fn genesis(founder: &Person, log_key: VerifyingKey, token: &[u8; 32], created: u64) -> Parcel {
    let names = vec![noise(40), noise(40)];
    let act = Act::Genesis(v1::Genesis {
        rules_version: 1,
        log_key: Some(log_key.into()),
        address: "sequestre.example:8443".to_owned(),
        name: id_of(&names[0]),
        founder: Some(founder.keys().into()),
        founder_name: id_of(&names[1]),
        device: Some(founder.device.public().into()),
        founding_token: sha256(&[token]).to_vec(),
    });
    (founder.sign(NO_ORGANISATION, TreeHead::EMPTY, created, act), names)
}

impl World {
    /// The same people and organisation, at another database.
    pub fn again(&self, reader: Reader) -> Self {
        let people =
            self.people.iter().map(|person| Person { key: again(&person.key), device: again(&person.device) });
        Self { id: self.id, log_key: self.log_key, people: people.collect(), hands: self.hands.clone(), reader }
    }

    /// The only organisation of a data folder that has one; `first` numbers its people, as when it was founded.
    pub fn found_again(dir: &Path, hands: &Hands, first: u8) -> Self {
        let sql = "SELECT id, log_key FROM organisation";
        let row = |row: &rusqlite::Row<'_>| Ok((row.get::<_, Vec<u8>>(0)?, row.get::<_, Vec<u8>>(1)?));
        let database = rusqlite::Connection::open(dir.join(sequestre::store::DATABASE)).unwrap();
        let (id, key) = database.query_row(sql, [], row).unwrap();
        Self {
            id: OrganisationId::parse(&id).unwrap(),
            log_key: VerifyingKey::ed25519(&key).unwrap(),
            people: (0..4).map(|n| Person::new(first + n)).collect(),
            hands: hands.clone(),
            reader: Reader::open(dir, 1).unwrap(),
        }
    }

    /// Founds an organisation; ten entries. `first` numbers its people.
    pub async fn found(writer: &Writer, reader: &Reader, token: [u8; 32], hands: &Hands, first: u8) -> Self {
        let people: Vec<Person> = (0..4).map(|n| Person::new(first + n)).collect();
        let log_key = writer.prepare_founding(token).await.unwrap();
        let (command, blobs) = genesis(&people[0], log_key, &token, hands.now());
        let id = command.organisation();
        assert_eq!(writer.submit(command, blobs, Some(token)).await.unwrap(), 0);
        let world = Self { id, log_key, people, hands: hands.clone(), reader: reader.clone() };
        let mut joins = vec![(0, world.leaf(0))];
        let tokens: Vec<[u8; 32]> = (0..3).map(|_| random_bytes().unwrap()).collect();
        for (person, token) in (1..4).zip(&tokens) {
            let name = noise(40);
            let act = Act::Invite(v1::Invite {
                invitation: sha256(&[token]).to_vec(),
                roles: vec![role(person)],
                name: id_of(&name),
                expires: hands.now() + DAY,
            });
            writer.submit(world.command(0, act), vec![name], None).await.unwrap();
        }
        for (person, token) in (1..4).zip(&tokens) {
            let index = writer.submit(world.join(person, token), vec![], None).await.unwrap();
            joins.push((index, world.leaf(index)));
        }
        let proposal = writer.submit(world.command(0, world.charter(&joins)), vec![], None).await.unwrap();
        for trustee in [1, 2] {
            let leaf = world.leaf(proposal).to_vec();
            let act = Act::Sign(v1::Sign { proposal_index: proposal, proposal_leaf: leaf });
            writer.submit(world.command(trustee, act), vec![], None).await.unwrap();
        }
        world
    }

    fn join(&self, person: usize, token: &[u8; 32]) -> VerifiedCommand {
        let newcomer = &self.people[person];
        let act = Act::Join(v1::Join {
            token: token.to_vec(),
            roles: vec![role(person)],
            person: Some(newcomer.keys().into()),
            device: Some(newcomer.device.public().into()),
            mac: vec![7; 32],
        });
        newcomer.sign(self.id, TreeHead::EMPTY, self.hands.now(), act)
    }

    fn charter(&self, joins: &[(u64, Digest)]) -> Act {
        let mut trustees: Vec<Vec<u8>> = self.people[..3].iter().map(|p| p.id().to_vec()).collect();
        trustees.sort();
        let quorum = |name: &str| v1::Quorum {
            name: name.to_owned(),
            groups: vec![v1::Group { threshold: 2, members: trustees.clone() }],
        };
        let who = |roles: &[v1::Role]| {
            Some(v1::Who { roles: roles.iter().map(|role| *role as i32).collect(), persons: vec![] })
        };
        let mut roll: Vec<(Vec<u8>, v1::Admission)> = (0..4)
            .map(|n| {
                let (join_index, leaf) = joins[n];
                let keys = Some(self.people[n].keys().into());
                let admission = v1::Admission { keys, roles: vec![role(n)], join_index, join_leaf: leaf.to_vec() };
                (self.people[n].id().to_vec(), admission)
            })
            .collect();
        roll.sort_by(|a, b| a.0.cmp(&b.0));
        Act::ProposeCharter(v1::ProposeCharter {
            charter: Some(v1::Charter {
                version: 1,
                rules_version: 1,
                log_key: Some(self.log_key.into()),
                address: "sequestre.example:8443".to_owned(),
                quorums: vec![quorum("amend"), quorum("destroy"), quorum("everyday")],
                trustees,
                mediators: vec![],
                technicians: vec![],
                admission: "everyday".to_owned(),
                vaults: vec![v1::Vault {
                    name: "web".to_owned(),
                    opened_by: vec!["everyday".to_owned()],
                    askers: who(&[v1::Role::Trustee, v1::Role::Member]),
                    depositors: who(&[v1::Role::Trustee]),
                    longest_lease: DAY,
                    leases_signed_by: vec![],
                    unasked: None,
                }],
                limits: Some(v1::Limits { entries_per_day: 1_000_000, bytes_per_day: 1 << 40 }),
                destroy_delay: 7 * 86_400,
            }),
            roll: roll.into_iter().map(|(_, admission)| admission).collect(),
        })
    }

    /// A command by one of the people, built on the newest tree.
    pub fn command(&self, person: usize, act: Act) -> VerifiedCommand {
        self.people[person].sign(self.id, self.head(), self.hands.now(), act)
    }

    /// The newest checkpoint's tree, once its signature was verified.
    pub fn head(&self) -> TreeHead {
        let (note, _) = self.reader.checkpoint(&self.id).unwrap().unwrap();
        *LogVerifier::new(self.id, self.log_key).verify(&note).unwrap().head()
    }

    pub fn entry(&self, index: u64) -> Bytes {
        self.reader.entries(&self.id, index, index + 1, usize::MAX).unwrap().remove(0)
    }

    pub fn leaf(&self, index: u64) -> Digest {
        leaf_hash(&self.entry(index))
    }

    pub fn caller(&self, person: usize) -> Option<Caller> {
        self.reader.caller(&self.id, &self.people[person].device_id()).unwrap()
    }

    /// An account with one part and blobs of `size` bytes, texts of 4 KiB at most; of these the first is the label, the third the sealed secret, the last three the
    /// sealed shares.
    pub fn deposit(&self, base: TreeHead, size: usize) -> Parcel {
        self.deposit_of(base, (0..6).map(|n| noise(if n < 2 { size.min(4096) } else { size })).collect())
    }

    /// The same, with these six blobs.
    pub fn deposit_of(&self, base: TreeHead, blobs: Vec<Bytes>) -> Parcel {
        let share = |blob: &Bytes| v1::DealtShare { digest: vec![5; 32], sealed: id_of(blob) };
        let act = Act::Deposit(v1::Deposit {
            carried: Vec::new(),
            connector: Vec::new(),
            exclusive: false,
            rewrapped: Vec::new(),
            credential: random_bytes::<16>().unwrap().to_vec(),
            version: 1,
            vault: "web".to_owned(),
            label: id_of(&blobs[0]),
            sheet: id_of(&blobs[1]),
            parts: vec![v1::Part {
                kind: v1::PartKind::Password as i32,
                master_key: Some(recipient(&blobs[2]).into()),
                sealed: id_of(&blobs[2]),
                deals: vec![v1::Deal {
                    quorum: "everyday".to_owned(),
                    groups: vec![v1::DealtGroup { outer: vec![], shares: blobs[3..].iter().map(share).collect() }],
                }],
            }],
        });
        (self.people[0].sign(self.id, base, self.hands.now(), act), blobs)
    }

    /// The member asks for the account that entry `deposit` put in escrow.
    pub fn request(&self, deposit: u64, reason: &[u8]) -> VerifiedCommand {
        let act = Act::Request(v1::Request {
            parts: vec![self.requested(deposit)],
            purpose: v1::Purpose::Lease as i32,
            reason: id_of(reason),
            duration: 3_600,
            expires: self.hands.now() + DAY,
            own_share: false,
            standing: None,
            input: Vec::new(),
        });
        self.command(3, act)
    }

    fn requested(&self, deposit: u64) -> v1::RequestedPart {
        let entry = v1::Entry::decode(self.entry(deposit)).unwrap();
        let Some(v1::entry::What::Command(signed)) = entry.what else { panic!("not a command") };
        let command = v1::Command::decode(signed.command.as_slice()).unwrap();
        let Some(Act::Deposit(m)) = command.act else { panic!("not a deposit") };
        v1::RequestedPart {
            recipient: Some(recipient(&m.credential).into()),
            credential: m.credential,
            version: 1,
            kind: v1::PartKind::Password as i32,
            vouched: None,
        }
    }

    /// A trustee's approval of the member's request, releasing the share of this name.
    pub fn approve(&self, trustee: usize, deposit: u64, request: u64, released: &BlobId) -> VerifiedCommand {
        let entry = v1::Entry::decode(self.entry(request)).unwrap();
        let Some(v1::entry::What::Command(signed)) = entry.what else { panic!("not a command") };
        let command = v1::Command::decode(signed.command.as_slice()).unwrap();
        let Some(Act::Request(asked)) = command.act else { panic!("not a request") };
        let act = Act::Approve(v1::Approve {
            request_index: request,
            request_leaf: self.leaf(request).to_vec(),
            parts: vec![self.requested(deposit)],
            expires: asked.expires,
            released: vec![v1::Released { shares: vec![released.to_vec()] }],
        });
        self.command(trustee, act)
    }

    /// One of the people's devices cosigns a tree.
    pub fn cosign(&self, person: usize, head: TreeHead, time: u64) -> Cosignature {
        let Person { device, .. } = &self.people[person];
        let message = cosignature_message(time, &Checkpoint { organisation: self.id, head });
        let signature = device.sign(&message);
        Cosignature::new(self.id, self.people[person].id(), &device.public(), time, signature).unwrap()
    }
}

fn again(key: &SigningKey) -> SigningKey {
    SigningKey::from_seed(key.to_secret_bytes()).unwrap()
}

fn role(person: usize) -> i32 {
    if person < 3 { v1::Role::Trustee as i32 } else { v1::Role::Member as i32 }
}

/// A new data folder with permission for `foundings` organisations.
pub fn store(dir: &Path, foundings: usize) -> (Store, Vec<[u8; 32]>) {
    Store::init(dir).unwrap();
    let mut store = Store::open(dir).unwrap();
    let tokens = (0..foundings).map(|_| store.allow_founding().unwrap()).collect();
    (store, tokens)
}

/// The refusal's stable name.
pub fn reason<T>(result: Result<T, WriteError>) -> &'static str {
    result.err().map_or("none", |error| error.reason())
}
