//! A password that was put in escrow once, as it lies in the log's blobs and at the trustees: `tests/golden/sealed-1.txt`.
//!
//! What seals and splits draws anew each time. A sample that stays is what makes a test with changed inputs repeatable,
//! and shows that what version 1 sealed still opens.
#![allow(dead_code, reason = "each test crate uses a part of it")]

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use sequestre::escrow::id::{BlobId, CredentialId, Digest, OrganisationId, PersonId};
use sequestre::escrow::part::{Deal, DealtGroup, LoggedShare, PartId, PartKind, VersionId};
use sequestre::escrow::quorum::{Group, Quorum, QuorumName};
use sequestre::seal::sealing::PartValue;
use sequestre::seal::secret::Secret;
use sequestre::seal::sharing::{MasterKey, ShareContext};

const FILE: &str = include_str!("../golden/sealed-1.txt");

/// The sample, and the share of each trustee in the quorum's order.
pub struct Sample {
    pub sealed: Vec<u8>,
    pub shares: Vec<(PersonId, Vec<u8>)>,
    pub deal: Deal,
}

pub fn master_key() -> MasterKey {
    MasterKey::from_bytes(Secret::new(vec![7; 32])).expect("32 bytes are a key")
}

pub fn part() -> PartId {
    let version = VersionId { credential: CredentialId::new([7; 16]), version: 3 };
    PartId { version, kind: PartKind::Password }
}

pub fn context() -> ShareContext {
    let organisation = OrganisationId::new([1; 32]);
    ShareContext { organisation, part: part(), epoch: 0, master_key: *master_key().recipient() }
}

/// Two of three, in each of two groups.
pub fn quorum() -> Quorum {
    let group = |first: u8| Group::new(2, (first..first + 3).map(|n| PersonId::new([n; 32])).collect());
    let groups = [1, 11].map(|first| group(first).expect("two of three")).to_vec();
    Quorum::new(QuorumName::parse("everyday").expect("a name"), groups).expect("a quorum")
}

pub fn value() -> PartValue {
    PartValue { user_name: None, value: Secret::new(b"a password".to_vec()) }
}

/// The kept sample: a line for the sealed part, and for each group one for its digest and one for each share.
pub fn sample() -> Sample {
    let quorum = quorum();
    let mut trustees = quorum.groups().iter().flat_map(Group::members).copied();
    let (mut sealed, mut shares, mut groups) = (Vec::new(), Vec::new(), Vec::new());
    for line in FILE.lines().filter(|line| !line.starts_with('#')) {
        let (name, value) = line.split_once(' ').expect("a name and a value");
        let bytes = || BASE64_STANDARD.decode(value).expect("base64");
        match name {
            "part" => sealed = bytes(),
            "outer" => {
                let outer = value.parse().expect("a digest");
                groups.push(DealtGroup { outer: Some(outer), shares: Vec::new() });
            }
            "share" => {
                let group = groups.last_mut().expect("a group before its shares");
                let logged = LoggedShare { digest: Digest::of(&[&bytes()]), sealed: BlobId::new([0; 32]) };
                group.shares.push(logged);
                shares.push((trustees.next().expect("no more shares than trustees"), bytes()));
            }
            other => panic!("a line named {other}"),
        }
    }
    Sample { sealed, shares, deal: Deal::new(quorum, groups).expect("as it was split") }
}
