//! What a client makes of a log that was cut off, backdated, or written by a newer program.

use std::fs;

use prost::Message as _;
use sequestre::client::failure::{Exit, Failure};
use sequestre::client::home::{Contact, Folder, Home};
use sequestre::client::replica::Replica;
use sequestre::escrow::log::checkpoint::{Checkpoint, LogVerifier, SignedCheckpoint};
use sequestre::escrow::log::merkle::TreeHead;
use sequestre::escrow::time::Seconds;
use sequestre::proto::v1;
use sequestre::seal::device::DeviceKey;
use tempfile::TempDir;

use crate::world::*;

struct Disk {
    world: World,
    folder: Folder,
    contact: Contact,
    _dir: TempDir,
}

impl Disk {
    fn new() -> Self {
        let world = World::founded();
        let dir = tempfile::tempdir().unwrap();
        let folder = Home::new(dir.path().to_owned()).folder(world.id());
        folder.prepare_with(&DeviceKey::generate().unwrap()).unwrap();
        let contact = Contact {
            address: ADDRESS.to_owned(),
            server_key: public_key("server"),
            log_key: public(&LOG_KEY),
            checkpoint: TreeHead::EMPTY,
            me: MEMBER.id,
        };
        folder.store_contact(&contact).unwrap();
        Self { world, folder, contact, _dir: dir }
    }

    fn open(&self) -> Replica {
        Replica::open(&self.folder, &self.contact).unwrap()
    }

    fn checkpoint(&self, head: TreeHead) -> SignedCheckpoint {
        let body = Checkpoint { organisation: self.world.id(), head }.body();
        let verifier = LogVerifier::new(self.world.id(), public(&LOG_KEY));
        verifier.assemble(head, &sign_with(&LOG_KEY, body.as_bytes())).unwrap()
    }

    /// Everything that the world added, in batches of three.
    fn pull(&self, replica: &mut Replica) -> Result<(), Failure> {
        let to = self.checkpoint(self.world.head());
        let have = usize::try_from(replica.head().size).unwrap();
        for batch in self.world.entries[have..].chunks(3) {
            replica.push_fresh(batch, &to)?;
        }
        replica.finish(&to, self.world.now)
    }

    fn stopped(&self) -> bool {
        self.folder.join("evidence").join("stop").exists()
    }
}

#[test]
fn a_first_synchronisation_cut_off_before_its_checkpoint_is_done_again() {
    let disk = Disk::new();
    let mut replica = disk.open();
    disk.pull(&mut replica).unwrap();
    drop(replica);
    // As if the computer had stopped between the two writes.
    fs::remove_file(disk.folder.join("checkpoint")).unwrap();
    let mut replica = disk.open();
    assert_eq!(replica.head(), TreeHead::EMPTY);
    disk.pull(&mut replica).unwrap();
    assert_eq!(disk.open().head(), disk.world.head());
    assert_eq!(disk.open().entries().unwrap(), disk.world.entries);
}

#[test]
fn what_was_fetched_beyond_the_checkpoint_does_not_count() {
    let mut disk = Disk::new();
    let mut replica = disk.open();
    disk.pull(&mut replica).unwrap();
    let known = replica.head();
    disk.world.let_deposit(MEMBER, 1);
    let to = disk.checkpoint(disk.world.head());
    replica.push_fresh(&disk.world.entries[known.size as usize..], &to).unwrap();
    assert_eq!(disk.open().head(), known);
    replica.forget_fresh().unwrap();
    assert_eq!(replica.head(), known);
    disk.pull(&mut replica).unwrap();
    assert_eq!(disk.open().head(), disk.world.head());
}

#[test]
fn a_clock_that_was_ahead_accuses_nobody() {
    let mut disk = Disk::new();
    let mut replica = disk.open();
    disk.pull(&mut replica).unwrap();
    // The laptop woke a year ahead, cosigned, and was set right.
    replica.cosigned(Some(disk.world.now.after(Seconds(365 * Seconds::DAY.0)))).unwrap();
    disk.world.let_deposit(MEMBER, 1);
    disk.pull(&mut replica).unwrap();
    assert_eq!(replica.last_cosigned().unwrap(), None);
    // What was signed at the right time still counts.
    disk.world.wait(Seconds::HOUR);
    replica.cosigned(Some(disk.world.now)).unwrap();
    disk.world.now = disk.world.now.before(Seconds(Seconds::HOUR.0 / 2));
    disk.world.let_deposit(MEMBER, 2);
    disk.world.wait(Seconds(Seconds::HOUR.0 / 2));
    let failure = disk.pull(&mut replica).unwrap_err();
    assert_eq!(failure.key(), "distrust-backdated");
}

#[test]
fn an_entry_of_a_newer_program_accuses_nobody() {
    let disk = Disk::new();
    let mut replica = disk.open();
    disk.pull(&mut replica).unwrap();
    // An entry with a field that this version does not know.
    let mut newer = disk.world.entries.last().unwrap().clone();
    newer.extend([0xf8, 0x07, 1]);
    assert!(v1::Entry::decode(newer.as_slice()).is_ok());
    let to = disk.checkpoint(TreeHead { size: disk.world.head().size + 1, ..disk.world.head() });
    let failure = replica.push_fresh(&[newer], &to).unwrap_err();
    assert_eq!((failure.exit(), failure.key()), (Exit::Failed, "failed-update"));
    assert!(!disk.stopped());
    replica.forget_fresh().unwrap();
    // A forged one does.
    let mut forged = disk.world.entries.last().unwrap().clone();
    let middle = forged.len() / 2;
    forged[middle] ^= 1;
    let failure = replica.push_fresh(&[forged], &to).unwrap_err();
    assert_eq!((failure.exit(), failure.key()), (Exit::Distrust, "distrust-entry"));
    assert!(disk.stopped());
}
