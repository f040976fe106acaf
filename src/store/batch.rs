//! One write transaction: what a group of entries changes becomes visible and durable together, or not at all.
//!
//! A batch sees its own changes. Dropped without [`Batch::commit`], it leaves nothing behind. This module must never
//! commit half of what belongs to an entry, nor delete a live blob: what was destroyed goes by the rules' own list.

use std::cell::Cell;

use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};

use super::log::Log;
pub use super::log::Nodes;
pub use super::rows::Number;
use super::rows::{Column, audience, role_bits, signed, unsigned};
use super::{Store, StoreError};
use crate::escrow::command::SignedCommand;
use crate::escrow::entry::{Entry, What};
use crate::escrow::id::{BlobId, CommandId, Digest, OrganisationId, PersonId};
use crate::escrow::log::cosignature::VerifiedCosignature;
use crate::escrow::log::merkle::Node;
use crate::escrow::organisation::{Audience, Effect, Organisation};
use crate::escrow::time::Time;
use crate::seal::secret::Secret;
use crate::seal::sharing::MasterKey;
use crate::seal::signing::SigningKey;

/// Whether something is to do at a target, or parts of a request that runs open to the daemon: what a restart has to
/// look at.
pub fn is_busy(organisation: &Organisation) -> bool {
    organisation.work().next().is_some() || organisation.live_requests_to_daemon().next().is_some()
}

/// The earliest deadlines. Asked in every group: from the index of times to the organisations, and never the other way.
const DEADLINES: &str = "SELECT at, id FROM deadline CROSS JOIN organisation ON number = organisation
    ORDER BY at, deadline.organisation LIMIT ?";

/// A blob with the name that its content gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blob {
    id: BlobId,
    content: Bytes,
}

impl Blob {
    /// Names the content.
    pub fn new(content: impl Into<Bytes>) -> Self {
        let content = content.into();
        Self { id: BlobId::of(&content), content }
    }

    /// SHA-256 of the content.
    pub fn id(&self) -> BlobId {
        self.id
    }

    /// The content.
    pub fn content(&self) -> &[u8] {
        &self.content
    }
}

/// What is known of the command of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Commanded {
    /// Its id.
    pub id: CommandId,
    /// Who signed it.
    pub signer: PersonId,
    /// When it says that it was made.
    pub created: Time,
}

impl Commanded {
    /// What is known of the command of an entry; none if it is an act of the daemon, or nothing that can be read.
    pub fn of_entry(bytes: &[u8], organisation: OrganisationId) -> Option<Self> {
        match Entry::parse(bytes).ok()?.what {
            What::Command(signed) => Some(Self::of(&signed, organisation)),
            What::Act(_) => None,
        }
    }

    /// What is known of this command of an organisation.
    pub fn of(signed: &SignedCommand, organisation: OrganisationId) -> Self {
        let (id, signer) = (signed.id(organisation), signed.signer().person());
        Self { id, signer, created: signed.command().created }
    }
}

/// An entry to append.
#[derive(Debug)]
pub struct NewEntry<'a> {
    /// Its index: the next one.
    pub index: u64,
    /// What is hashed into the tree.
    pub bytes: &'a [u8],
    /// The command; none for an act of the daemon.
    pub command: Option<Commanded>,
    /// The nodes that it completes, itself first.
    pub nodes: &'a [Node],
    /// What else it changes.
    pub effects: &'a [Effect],
    /// The blobs that came with it; of these, what the effects keep is stored.
    pub blobs: &'a [Blob],
}

/// A re-sealed share that an approval promised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwaitedShare {
    /// Whose approval.
    pub approver: PersonId,
    /// The content, once it was uploaded.
    pub content: Option<Vec<u8>>,
}

/// A write transaction.
pub struct Batch<'a> {
    transaction: Transaction<'a>,
    erased: Cell<bool>,
    rights: Cell<bool>,
    #[cfg(test)]
    commits: &'a mut u64,
}

impl Store {
    /// Begins a transaction.
    pub fn begin(&mut self) -> Result<Batch<'_>, StoreError> {
        Ok(Batch {
            transaction: self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?,
            erased: Cell::new(false),
            rights: Cell::new(false),
            #[cfg(test)]
            commits: &mut self.commits,
        })
    }
}

impl Batch<'_> {
    /// Makes everything durable. An error means that nothing was kept.
    pub fn commit(self) -> Result<(), StoreError> {
        self.transaction.commit()?;
        #[cfg(test)]
        {
            *self.commits += 1;
        }
        Ok(())
    }

    /// Whether shares or destroyed blobs were deleted, of which copies may stay in the write-ahead log: see [`Store::empty_log`].
    pub fn erased(&self) -> bool {
        self.erased.get()
    }

    /// Whether it changed who may read, or with which device.
    pub fn changed_rights(&self) -> bool {
        self.rights.get()
    }

    pub(super) fn connection(&self) -> &Connection {
        &self.transaction
    }

    /// An organisation's local number.
    pub fn number(&self, organisation: &OrganisationId) -> Result<Option<Number>, StoreError> {
        number(&self.transaction, organisation)
    }

    /// The tree, for roots of earlier sizes.
    pub fn nodes(&self, organisation: OrganisationId, number: Number) -> Nodes<'_> {
        Nodes::of(self.log(organisation, number))
    }

    fn log(&self, organisation: OrganisationId, number: Number) -> Log<'_> {
        Log { connection: &self.transaction, organisation, number }
    }

    /// Where a command stands in the log.
    pub fn index_of(
        &self,
        id: OrganisationId,
        number: Number,
        command: &CommandId,
        created: Time,
    ) -> Result<Option<u64>, StoreError> {
        self.log(id, number).index_of(command, created)
    }

    /// The audience under which a blob is stored.
    pub fn audience(&self, number: Number, blob: &BlobId) -> Result<Option<Audience>, StoreError> {
        let mut statement =
            self.transaction.prepare_cached("SELECT audience FROM blob WHERE organisation = ? AND id = ?")?;
        let found = statement.query_row(params![number, blob.as_bytes()], |row| row.get(0)).optional()?;
        Ok(found.and_then(audience))
    }

    /// A live blob's content.
    pub fn blob(&self, number: Number, blob: &BlobId) -> Result<Option<Vec<u8>>, StoreError> {
        let mut statement =
            self.transaction.prepare_cached("SELECT content FROM blob WHERE organisation = ? AND id = ?")?;
        Ok(statement.query_row(params![number, blob.as_bytes()], |row| row.get(0)).optional()?)
    }

    /// The log key prepared for a founding, by the digest of its token. The outer `None`: no such token, or used; the
    /// inner one: no key was asked for yet.
    pub fn prepared(&self, token: &Digest) -> Result<Option<Option<SigningKey>>, StoreError> {
        let mut statement = self.transaction.prepare_cached("SELECT log_seed FROM founding WHERE token = ?")?;
        let seed =
            statement.query_row(params![token.as_bytes()], |row| row.get::<_, Option<Vec<u8>>>(0)).optional()?;
        let key = |seed: Vec<u8>| SigningKey::from_seed(Secret::new(seed));
        Ok(seed.map(|seed| seed.map(key).transpose()).transpose()?)
    }

    /// Keeps the log key for a founding.
    pub fn prepare(&self, token: &Digest, key: &SigningKey) -> Result<(), StoreError> {
        let mut statement = self.transaction.prepare_cached("UPDATE founding SET log_seed = ? WHERE token = ?")?;
        statement.execute(params![key.to_secret_bytes().expose(), token.as_bytes()])?;
        Ok(())
    }

    /// Makes room for an organisation and uses up the token that permitted it.
    pub fn found(
        &self,
        organisation: &OrganisationId,
        token: &Digest,
        key: &SigningKey,
    ) -> Result<Number, StoreError> {
        self.transaction
            .prepare_cached("DELETE FROM founding WHERE token = ?")?
            .execute(params![token.as_bytes()])?;
        self.transaction
            .prepare_cached("INSERT INTO organisation (id, log_seed, log_key) VALUES (?, ?, ?)")?
            .execute(params![organisation.as_bytes(), key.to_secret_bytes().expose(), key.public().as_bytes()])?;
        Ok(Number(self.transaction.last_insert_rowid()))
    }

    /// Makes room for an organisation that is restored from copies: until a move names this log key, it signs nothing.
    pub(super) fn restored(&self, organisation: &OrganisationId, key: &SigningKey) -> Result<Number, StoreError> {
        self.transaction
            .prepare_cached("INSERT INTO organisation (id, log_seed, log_key, waiting) VALUES (?, ?, ?, 1)")?
            .execute(params![organisation.as_bytes(), key.to_secret_bytes().expose(), key.public().as_bytes()])?;
        Ok(Number(self.transaction.last_insert_rowid()))
    }

    /// The size of a restored log, with the checkpoint that the copies came with. What falls due waits with it.
    pub(super) fn close_restored(&self, number: Number, size: u64, checkpoint: &str) -> Result<(), StoreError> {
        self.transaction
            .prepare_cached("UPDATE organisation SET size = ?, checkpoint = ? WHERE number = ?")?
            .execute(params![signed(size), checkpoint, number])?;
        Ok(())
    }

    /// The key to which standing rights of an organisation are wrapped, once it was made.
    pub fn wrapping_key(&self, number: Number) -> Result<Option<MasterKey>, StoreError> {
        let mut statement =
            self.transaction.prepare_cached("SELECT wrapping_seed FROM organisation WHERE number = ?")?;
        let seed = statement.query_row(params![number], |row| row.get::<_, Option<Vec<u8>>>(0)).optional()?.flatten();
        Ok(seed.map(|seed| MasterKey::from_bytes(Secret::new(seed))).transpose()?)
    }

    /// Keeps that key.
    pub fn keep_wrapping_key(&self, number: Number, key: &MasterKey) -> Result<(), StoreError> {
        let mut statement =
            self.transaction.prepare_cached("UPDATE organisation SET wrapping_seed = ? WHERE number = ?")?;
        statement.execute(params![key.to_secret_bytes().expose(), number])?;
        Ok(())
    }

    /// Appends an entry with everything that it changes, except what changes once per group.
    pub fn append(&self, id: OrganisationId, number: Number, entry: &NewEntry<'_>) -> Result<(), StoreError> {
        self.log(id, number).append(entry.index, entry.bytes, entry.command.as_ref(), entry.nodes)?;
        entry.effects.iter().try_for_each(|effect| self.take_effect(number, entry, effect))
    }

    fn take_effect(&self, number: Number, entry: &NewEntry<'_>, effect: &Effect) -> Result<(), StoreError> {
        match effect {
            Effect::Keep(blobs) => {
                for (id, audience) in blobs {
                    self.keep(number, id, *audience, entry.blobs.iter().find(|blob| blob.id == *id))?;
                }
            }
            Effect::AwaitShares { request, requester: _, blobs } => {
                // Only an approval, which is a command, has this effect.
                let Some(Commanded { signer: approver, .. }) = &entry.command else { return Ok(()) };
                for id in blobs {
                    self.transaction
                        .prepare_cached(
                            "INSERT INTO share (organisation, request, approver, blob) VALUES (?, ?, ?, ?)",
                        )?
                        .execute(params![number, signed(*request), approver.as_bytes(), id.as_bytes()])?;
                }
            }
            Effect::KeepMade { request, requester, blob } => {
                let content = entry.blobs.iter().find(|sent| sent.id == *blob).map(|sent| &sent.content[..]);
                self.transaction
                    .prepare_cached(
                        "INSERT INTO share (organisation, request, approver, blob, content) VALUES (?, ?, ?, ?, ?)",
                    )?
                    .execute(params![number, signed(*request), requester.as_bytes(), blob.as_bytes(), content])?;
            }
            // The runner is woken by the log's growth.
            Effect::Work => {}
            Effect::DropShares { request } => {
                let deleted = self
                    .transaction
                    .prepare_cached("DELETE FROM share WHERE organisation = ? AND request = ?")?
                    .execute(params![number, signed(*request)])?;
                self.erased.set(self.erased.get() || deleted > 0);
            }
            Effect::Forget(blobs) => {
                let mut statement =
                    self.transaction.prepare_cached("DELETE FROM blob WHERE organisation = ? AND id = ?")?;
                for id in blobs {
                    let deleted = statement.execute(params![number, id.as_bytes()])?;
                    self.erased.set(self.erased.get() || deleted > 0);
                }
            }
            Effect::DeviceEnrolled { device, person } => {
                self.rights.set(true);
                self.transaction
                    .prepare_cached("INSERT INTO device (organisation, id, person) VALUES (?, ?, ?)")?
                    .execute(params![number, device.as_bytes(), person.as_bytes()])?;
            }
            Effect::DeviceRevoked { device } => {
                self.rights.set(true);
                self.transaction
                    .prepare_cached("UPDATE device SET revoked = 1 WHERE organisation = ? AND id = ?")?
                    .execute(params![number, device.as_bytes()])?;
            }
            Effect::Standing { person, reads, roles } => {
                self.rights.set(true);
                self.transaction
                    .prepare_cached(
                        "INSERT INTO person (organisation, id, reads, roles) VALUES (?1, ?2, ?3, ?4)
                         ON CONFLICT DO UPDATE SET reads = ?3, roles = ?4",
                    )?
                    .execute(params![number, person.as_bytes(), reads, role_bits(roles)])?;
            }
        }
        Ok(())
    }

    /// Keeps a blob for an audience; the widest one under which it was ever named counts.
    pub fn keep(&self, number: Number, id: &BlobId, to: Audience, sent: Option<&Blob>) -> Result<(), StoreError> {
        let kept = match sent {
            Some(blob) => self
                .transaction
                .prepare_cached(
                    "INSERT INTO blob (organisation, id, audience, content) VALUES (?1, ?2, ?3, ?4)
                     ON CONFLICT DO UPDATE SET audience = min(audience, ?3)",
                )?
                .execute(params![number, id.as_bytes(), to as i64, &blob.content[..]])?,
            None => self
                .transaction
                .prepare_cached("UPDATE blob SET audience = min(audience, ?) WHERE organisation = ? AND id = ?")?
                .execute(params![to as i64, number, id.as_bytes()])?,
        };
        // Whoever appends made sure that it was sent or is stored; an entry without its blob must not get through.
        if kept > 0 { Ok(()) } else { Err(rusqlite::Error::QueryReturnedNoRows.into()) }
    }

    /// The re-sealed shares that a request's approvals promised.
    pub fn shares(&self, number: Number, request: u64) -> Result<Vec<AwaitedShare>, StoreError> {
        let mut statement = self.transaction.prepare_cached(
            "SELECT approver, content FROM share WHERE organisation = ? AND request = ? ORDER BY approver, blob",
        )?;
        let rows = statement.query_map(params![number, signed(request)], |row| {
            Ok(AwaitedShare { approver: row.get::<_, Column<PersonId>>(0)?.0, content: row.get(1)? })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Stores a re-sealed share wherever this approver promised it. False if nobody waits for it.
    pub fn put_share(&self, number: Number, approver: &PersonId, blob: &Blob) -> Result<bool, StoreError> {
        // Without the name of the index, all shares that the association waits for would be looked through.
        let mut statement = self.transaction.prepare_cached(
            "UPDATE share INDEXED BY share_by_blob SET content = ? WHERE organisation = ? AND approver = ? AND blob = ?",
        )?;
        let waiting =
            statement.execute(params![&blob.content[..], number, approver.as_bytes(), blob.id.as_bytes()])?;
        Ok(waiting > 0)
    }

    /// Keeps a cosignature in place of the device's earlier one; leaves a later one alone.
    pub fn put_cosignature(&self, number: Number, cosignature: &VerifiedCosignature) -> Result<(), StoreError> {
        let head = cosignature.head();
        let mut statement = self.transaction.prepare_cached(
            "INSERT INTO cosignature (organisation, device, size, root, time, line) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT DO UPDATE SET size = ?3, root = ?4, time = ?5, line = ?6 WHERE (?5, ?3) > (time, size)",
        )?;
        statement.execute(params![
            number,
            cosignature.device().as_bytes(),
            signed(head.size),
            head.root.as_bytes(),
            signed(cosignature.time()),
            cosignature.cosignature().to_string(),
        ])?;
        Ok(())
    }

    /// Once per group and organisation: the new size with its checkpoint, when the daemon next has to act, and whether
    /// something is to do at a target or open to it. Whoever can sign a checkpoint waits for no move any more.
    pub fn close_group(
        &self,
        number: Number,
        size: u64,
        checkpoint: &str,
        deadline: Option<Time>,
        busy: bool,
    ) -> Result<(), StoreError> {
        self.transaction
            .prepare_cached(
                "UPDATE organisation SET size = ?, checkpoint = ?, busy = ?, waiting = 0 WHERE number = ?",
            )?
            .execute(params![signed(size), checkpoint, busy, number])?;
        match deadline {
            Some(Time(at)) => self
                .transaction
                .prepare_cached(
                    "INSERT INTO deadline (organisation, at) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET at = ?2",
                )?
                .execute(params![number, signed(at)])?,
            None => self
                .transaction
                .prepare_cached("DELETE FROM deadline WHERE organisation = ?")?
                .execute(params![number])?,
        };
        Ok(())
    }

    /// The earliest deadlines, at most `count` of them.
    pub fn deadlines(&self, count: usize) -> Result<Vec<(Time, OrganisationId)>, StoreError> {
        let mut statement = self.transaction.prepare_cached(DEADLINES)?;
        let rows = statement.query_map(params![signed(count as u64)], |row| {
            Ok((Time(unsigned(row.get(0)?)), row.get::<_, Column<OrganisationId>>(1)?.0))
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

pub(super) fn number(connection: &Connection, organisation: &OrganisationId) -> Result<Option<Number>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT number FROM organisation WHERE id = ?")?;
    Ok(statement.query_row(params![organisation.as_bytes()], |row| row.get(0)).optional()?)
}

#[cfg(test)]
mod tests {
    use rusqlite::StatementStatus;

    use super::super::schema;
    use super::*;

    #[test]
    fn the_next_deadline_is_found_without_looking_at_every_organisation() {
        let mut connection = Connection::open_in_memory().unwrap();
        schema::prepare(&connection).unwrap();
        schema::create(&mut connection).unwrap();
        for number in 1..=500_u16 {
            let [high, low] = number.to_be_bytes();
            let id = [[high; 16], [low; 16]].concat();
            let row = params![number, id];
            let founded = "INSERT INTO organisation (number, id, log_seed, log_key) VALUES (?1, ?2, ?2, ?2)";
            connection.execute(founded, row).unwrap();
            connection.execute("INSERT INTO deadline (organisation, at) VALUES (?1, 9000 - ?1)", [number]).unwrap();
        }
        let mut statement = connection.prepare(DEADLINES).unwrap();
        let first: Vec<i64> = statement.query_map([2], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
        assert_eq!(first, [8500, 8501]);
        let steps = statement.get_status(StatementStatus::VmStep);
        assert!(steps < 100, "{steps} steps for two of 500");
        drop(statement);
        let mut statement = connection.prepare(DEADLINES).unwrap();
        for count in 1..=9 {
            assert_eq!(statement.query_map([count], |row| row.get::<_, i64>(0)).unwrap().count(), count as usize);
        }
        assert_eq!(statement.get_status(StatementStatus::RePrepare), 0, "it is compiled once for all values");
    }
}
