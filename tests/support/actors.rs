//! The people of the tests, from fixed seeds, and what stands for secrets, shares and texts.

use std::fmt;
use std::ops::Deref;
use std::sync::LazyLock;

use ring::signature::{Ed25519KeyPair, KeyPair as _};
use sequestre::escrow::id::{PersonId, sha256};
use sequestre::escrow::key::{PersonKeys, RecipientKey, Signature, VerifyingKey};
use sequestre::escrow::time::Time;
use sequestre::proto::v1;

/// When the tests' organisations are founded: 15 January 2027, 08:00 UTC.
pub const START: Time = Time(1_800_000_000);
pub const ADDRESS: &str = "escrow.example.org:7443";

/// 32 bytes that stand for something that the rules only ever see the digest of.
pub fn fake(label: &str) -> [u8; 32] {
    sha256(&[b"sequestre/test\0", label.as_bytes()])
}

pub fn blob(label: &str) -> Vec<u8> {
    fake(label).to_vec()
}

/// A key to seal to.
pub fn recipient(label: &str) -> v1::Recipient {
    let mut bytes = fake(label);
    bytes[31] &= 0x7f;
    RecipientKey::parse(1, &bytes).unwrap().into()
}

fn key_pair(label: &str) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&fake(label)).unwrap()
}

/// A public key that nobody in the tests speaks for.
pub fn public_key(label: &str) -> VerifyingKey {
    public(&key_pair(label))
}

pub fn public(pair: &Ed25519KeyPair) -> VerifyingKey {
    VerifyingKey::ed25519(pair.public_key().as_ref()).unwrap()
}

pub fn sign_with(pair: &Ed25519KeyPair, message: &[u8]) -> Signature {
    Signature::parse(1, pair.sign(message).as_ref()).unwrap()
}

/// Somebody with an identity, and a device.
pub struct Actor {
    pair: Ed25519KeyPair,
    pub keys: PersonKeys,
    pub id: PersonId,
    pub device: VerifyingKey,
}

impl Actor {
    pub fn sign(&self, message: &[u8]) -> Signature {
        sign_with(&self.pair, message)
    }
}

static ACTORS: LazyLock<Vec<Actor>> = LazyLock::new(|| {
    let actor = |n: u8| {
        let pair = key_pair(&format!("identity {n}"));
        let recipient = RecipientKey::parse(1, &recipient(&format!("identity {n}")).key).unwrap();
        let keys = PersonKeys { signing: public(&pair), recipient };
        Actor { id: keys.person(), keys, pair, device: public_key(&format!("first device {n}")) }
    };
    (0..24).map(actor).collect()
});

pub static LOG_KEY: LazyLock<Ed25519KeyPair> = LazyLock::new(|| key_pair("log"));
/// The key of the server to which the tests' organisation moves.
pub static NEW_LOG_KEY: LazyLock<Ed25519KeyPair> = LazyLock::new(|| key_pair("log of another server"));

/// One of the tests' people, by number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Who(pub u8);

impl Deref for Who {
    type Target = Actor;

    fn deref(&self) -> &Actor {
        &ACTORS[usize::from(self.0)]
    }
}

impl fmt::Debug for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Who({})", self.0)
    }
}

/// The founder is the first trustee.
pub const FOUNDER: Who = Who(0);
pub const TRUSTEES: [Who; 7] = [Who(0), Who(1), Who(2), Who(3), Who(4), Who(5), Who(6)];
pub const MEDIATOR: Who = Who(7);
pub const TECHNICIAN: Who = Who(8);
pub const MEMBER: Who = Who(9);
pub const OTHER_MEMBER: Who = Who(10);
/// Somebody of no organisation.
pub const OUTSIDER: Who = Who(11);
/// Another one.
pub const NEWCOMER: Who = Who(12);
