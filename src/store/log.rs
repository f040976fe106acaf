//! How a log lies in the tables: its newest entries as rows, each with its leaf hash, the others in full tiles.
//!
//! A tile holds 256 entries and their leaf hashes, as the files of `c2sp.org/tlog-tiles` do: an entry is written as a
//! row, and the last of 256 moves them all into one row of `tile`. Most of what is read is read from there, hundreds of
//! entries at a time. Entries of more than [`MAX_TILE_BYTES`] together stay rows, so that nobody has to hold much of
//! them in memory. The tree's nodes below the roots of tiles are computed from the leaf hashes.
//!
//! What the disk spoiled must not look like a lie of the server's to whoever gets it: a row is compared with its leaf
//! hash, and a tile with its checksum, which costs a tenth and misses one accident in four billion. Whoever does it on
//! purpose can write both anew; they are found by the checkpoint, whenever a log is loaded, by `fsck`, and by every
//! client.
//!
//! This module must never move entries that are not the ones in the tree, nor show any of a spoiled tile.

use std::cell::RefCell;
use std::ops::{ControlFlow, Range};
use std::rc::Rc;

use rusqlite::{Connection, OptionalExtension, params};

use super::StoreError;
use super::batch::Commanded;
use super::rows::{Column, Number, signed, unsigned};
use crate::escrow::id::{CommandId, Digest, OrganisationId};
use crate::escrow::log::merkle::{Node, NodeReader, full_root, leaf_hash};
use crate::escrow::log::tiles::{TILE_WIDTH, Tile, TileKind};
use crate::escrow::time::Time;

/// The level of the nodes that are roots of tiles. Those below are not stored.
pub(super) const TILE_LEVEL: u8 = TILE_WIDTH.trailing_zeros() as u8;

/// The longest entries together that are moved into a tile, with two bytes for the length of each.
const MAX_TILE_BYTES: usize = 512 * 1024;

/// An organisation's log in the tables.
#[derive(Clone, Copy)]
pub(super) struct Log<'c> {
    pub connection: &'c Connection,
    pub organisation: OrganisationId,
    pub number: Number,
}

/// An entry as it is stored.
pub(super) struct Stored<'a> {
    pub index: u64,
    pub bytes: &'a [u8],
    /// Its leaf hash, as it is stored beside it.
    pub leaf: &'a [u8; Digest::LENGTH],
    /// Whether it is a row of its own.
    pub is_row: bool,
}

impl Stored<'_> {
    /// Whether the leaf hash is that of the entry.
    pub fn has_its_leaf(&self) -> bool {
        leaf_hash(self.bytes).as_bytes() == self.leaf
    }

    /// Whether the disk has what was written. Of a tile that was looked at when it was read.
    pub fn is_whole(&self) -> bool {
        !self.is_row || self.has_its_leaf()
    }
}

/// The full tile of this number; beyond the largest tree there is none.
fn tile(kind: TileKind, number: u64) -> Option<Tile> {
    Tile::new(kind, number, TILE_WIDTH as u16)
}

impl<'c> Log<'c> {
    fn corrupt(&self, what: String) -> StoreError {
        StoreError::Corrupt { organisation: self.organisation, what }
    }

    /// Writes the next entry, with the command that it is and the nodes that it completes, itself among them.
    pub fn append(
        &self,
        index: u64,
        bytes: &[u8],
        command: Option<&Commanded>,
        nodes: &[Node],
    ) -> Result<(), StoreError> {
        let leaf = nodes.first().filter(|node| node.level == 0 && node.index == index);
        let leaf = leaf.ok_or_else(|| self.corrupt(format!("entry {index} comes without its leaf")))?;
        self.connection
            .prepare_cached("INSERT INTO entry (organisation, position, leaf, bytes) VALUES (?, ?, ?, ?)")?
            .execute(params![self.number, signed(index), leaf.hash.as_bytes(), bytes])?;
        if let Some(Commanded { id, created, .. }) = command {
            self.connection
                .prepare_cached("INSERT INTO command (organisation, created, id, position) VALUES (?, ?, ?, ?)")?
                .execute(params![self.number, signed(created.0), id.as_bytes(), signed(index)])?;
        }
        for node in nodes.iter().filter(|node| node.level >= TILE_LEVEL) {
            self.connection
                .prepare_cached("INSERT INTO node (organisation, last, level, hash) VALUES (?, ?, ?, ?)")?
                .execute(params![self.number, last_leaf(node.level, node.index), node.level, node.hash.as_bytes()])?;
            if node.level == TILE_LEVEL {
                self.pack(node)?;
            }
        }
        Ok(())
    }

    /// Where a command stands.
    pub fn index_of(&self, command: &CommandId, created: Time) -> Result<Option<u64>, StoreError> {
        let sql = "SELECT position FROM command WHERE organisation = ? AND created = ? AND id = ?";
        let key = params![self.number, signed(created.0), command.as_bytes()];
        let mut statement = self.connection.prepare_cached(sql)?;
        Ok(statement.query_row(key, |row| Ok(unsigned(row.get(0)?))).optional()?)
    }

    /// Whether there is any entry beyond the first `size`.
    pub fn goes_beyond(&self, size: u64) -> Result<bool, StoreError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM entry WHERE organisation = ?1 AND position >= ?2)
                   OR EXISTS (SELECT 1 FROM tile WHERE organisation = ?1 AND number >= ?3)";
        let mut statement = self.connection.prepare_cached(sql)?;
        // A tile that lies within, ends there, too.
        let bounds = params![self.number, signed(size), signed(size / TILE_WIDTH)];
        Ok(statement.query_row(bounds, |row| row.get(0))?)
    }

    /// Moves the rows under a tile's root into one, unless they are too long together, or not those in the tree: whoever
    /// reads those is told so, and what they were is not lost by moving them.
    fn pack(&self, root: &Node) -> Result<(), StoreError> {
        let (mut entries, mut leaves, mut bytes) = (Vec::new(), Vec::new(), 0);
        let range = range_of(root.index);
        let too_long = self.rows(&range, &mut |stored| {
            bytes += stored.bytes.len() + size_of::<u16>();
            entries.push(stored.bytes.to_vec());
            leaves.push(leaf_hash(stored.bytes));
            Ok(if bytes > MAX_TILE_BYTES { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        })?;
        if too_long.is_break() || full_root(&leaves) != root.hash {
            return Ok(());
        }
        let bundle = tile(TileKind::Entries, root.index).map(|tile| tile.encode_entries(&entries));
        let bundle =
            bundle.and_then(Result::ok).ok_or_else(|| self.corrupt("its entries fill no tile".to_owned()))?;
        let hashes: Vec<u8> = leaves.iter().flat_map(Digest::as_bytes).copied().collect();
        self.connection
            .prepare_cached(
                "INSERT INTO tile (organisation, number, checksum, hashes, entries) VALUES (?, ?, ?, ?, ?)",
            )?
            .execute(params![
                self.number,
                signed(root.index),
                checksum(root.index, &hashes, &bundle),
                hashes,
                bundle
            ])?;
        self.connection
            .prepare_cached("DELETE FROM entry WHERE organisation = ? AND position >= ? AND position < ?")?
            .execute(params![self.number, signed(range.start), signed(range.end)])?;
        Ok(())
    }

    /// Shows the entries of a range, in order, as far as there are any, until somebody says that it is enough.
    pub fn scan(
        &self,
        range: Range<u64>,
        mut show: impl FnMut(Stored<'_>) -> Result<ControlFlow<()>, StoreError>,
    ) -> Result<(), StoreError> {
        let mut next = range.start;
        while next < range.end {
            let number = next / TILE_WIDTH;
            let end = range_of(number).end.min(range.end);
            let from = next;
            let mut show = |stored: Stored<'_>| {
                next = stored.index.saturating_add(1);
                show(stored)
            };
            let done = match self.packed(number, from..end, &mut show)? {
                Some(done) => done,
                None => self.rows(&(from..end), &mut show)?,
            };
            // A gap ends it, too.
            if done.is_break() || next != end {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Shows a part of a tile; `None` if there is no such tile.
    fn packed(
        &self,
        number: u64,
        range: Range<u64>,
        show: &mut impl FnMut(Stored<'_>) -> Result<ControlFlow<()>, StoreError>,
    ) -> Result<Option<ControlFlow<()>>, StoreError> {
        let sql = "SELECT checksum, hashes, entries FROM tile WHERE organisation = ? AND number = ?";
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = statement.query(params![self.number, signed(number)])?;
        let Some(row) = rows.next()? else { return Ok(None) };
        let whole = || {
            let (hashes, bundle) = (row.get_ref(1).ok()?.as_blob().ok()?, row.get_ref(2).ok()?.as_blob().ok()?);
            let is_whole = row.get(0) == Ok(checksum(number, hashes, bundle));
            let (hashes, rest) = hashes.as_chunks();
            let entries = tile(TileKind::Entries, number)?.decode_entries(bundle).ok()?;
            (is_whole && rest.is_empty() && hashes.len() == entries.len()).then_some((hashes, entries))
        };
        let (hashes, entries) = whole().ok_or_else(|| self.corrupt(format!("tile {number} cannot be read")))?;
        for ((index, leaf), bytes) in (range_of(number).start..).zip(hashes).zip(entries) {
            if range.contains(&index) && show(Stored { index, bytes, leaf, is_row: false })?.is_break() {
                return Ok(Some(ControlFlow::Break(())));
            }
        }
        Ok(Some(ControlFlow::Continue(())))
    }

    /// Shows the rows of a range, whichever there are.
    fn rows(
        &self,
        range: &Range<u64>,
        show: &mut impl FnMut(Stored<'_>) -> Result<ControlFlow<()>, StoreError>,
    ) -> Result<ControlFlow<()>, StoreError> {
        let sql = "SELECT position, leaf, bytes FROM entry WHERE organisation = ? AND position >= ? AND position < ?
                   ORDER BY position";
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = statement.query(params![self.number, signed(range.start), signed(range.end)])?;
        while let Some(row) = rows.next()? {
            let (index, leaf): (_, [u8; Digest::LENGTH]) = (unsigned(row.get(0)?), row.get(1)?);
            let bytes = row.get_ref(2)?.as_blob().map_err(rusqlite::Error::from)?;
            if show(Stored { index, bytes, leaf: &leaf, is_row: true })?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// A node that is stored.
    fn node(&self, level: u8, index: u64) -> Result<Option<Digest>, StoreError> {
        let sql = "SELECT hash FROM node WHERE organisation = ? AND last = ? AND level = ?";
        let key = params![self.number, last_leaf(level, index), level];
        let mut statement = self.connection.prepare_cached(sql)?;
        Ok(statement.query_row(key, |row| row.get::<_, Column<Digest>>(0)).optional()?.map(|hash| hash.0))
    }

    /// The leaf hashes under a tile's root, as far as there are any.
    fn leaves(&self, number: u64) -> Result<Vec<Digest>, StoreError> {
        let mut statement =
            self.connection.prepare_cached("SELECT hashes FROM tile WHERE organisation = ? AND number = ?")?;
        let hashes: Option<Vec<u8>> =
            statement.query_row(params![self.number, signed(number)], |row| row.get(0)).optional()?;
        if let Some(hashes) = hashes {
            let leaves = tile(TileKind::Hashes(0), number).and_then(|tile| tile.decode_hashes(&hashes).ok());
            // The checksum is over the entries, too, which are not read here.
            let root = self.node(TILE_LEVEL, number)?;
            let leaves = leaves.filter(|leaves| root == Some(full_root(leaves)));
            return leaves.ok_or_else(|| self.corrupt(format!("the hashes of tile {number} cannot be read")));
        }
        let range = range_of(number);
        let mut statement = self.connection.prepare_cached(
            "SELECT position, leaf FROM entry WHERE organisation = ? AND position >= ? AND position < ?
             ORDER BY position",
        )?;
        let mut rows = statement.query(params![self.number, signed(range.start), signed(range.end)])?;
        let mut leaves = Vec::new();
        while let Some(row) = rows.next()? {
            // One after a gap is none of this tree's.
            if unsigned(row.get(0)?) != range.start + leaves.len() as u64 {
                break;
            }
            leaves.push(row.get::<_, Column<Digest>>(1)?.0);
        }
        Ok(leaves)
    }
}

/// What tells a tile that the disk spoiled, or put elsewhere.
fn checksum(number: u64, hashes: &[u8], bundle: &[u8]) -> u32 {
    let mut checksum = crc32fast::Hasher::new();
    [&number.to_be_bytes(), hashes, bundle].into_iter().for_each(|part| checksum.update(part));
    checksum.finalize()
}

/// The indices of a tile's entries; beyond the largest tree, none.
fn range_of(tile: u64) -> Range<u64> {
    let start = tile.saturating_mul(TILE_WIDTH);
    start..start.saturating_add(TILE_WIDTH)
}

/// The last leaf under a node, by which it is stored. A tree that large has none.
pub(super) fn last_leaf(level: u8, index: u64) -> i64 {
    let leaves = 1_u64.checked_shl(level.into()).and_then(|width| index.checked_add(1)?.checked_mul(width));
    signed(leaves.map_or(u64::MAX, |leaves| leaves - 1))
}

/// An organisation's tree.
pub struct Nodes<'c> {
    log: Log<'c>,
    /// The tile whose leaf hashes were read last: a proof asks for several nodes of the same.
    last: RefCell<Option<(u64, Rc<[Digest]>)>>,
}

impl<'c> Nodes<'c> {
    pub(super) fn of(log: Log<'c>) -> Self {
        Self { log, last: RefCell::default() }
    }

    /// That it contradicts itself.
    pub(super) fn corrupt(&self, what: String) -> StoreError {
        self.log.corrupt(what)
    }

    fn leaves(&self, number: u64) -> Result<Rc<[Digest]>, StoreError> {
        if let Some((known, leaves)) = &*self.last.borrow()
            && *known == number
        {
            return Ok(leaves.clone());
        }
        let leaves: Rc<[Digest]> = self.log.leaves(number)?.into();
        self.last.replace(Some((number, leaves.clone())));
        Ok(leaves)
    }
}

impl NodeReader for Nodes<'_> {
    type Error = StoreError;

    fn node(&self, level: u8, index: u64) -> Result<Digest, StoreError> {
        let found = match TILE_LEVEL.checked_sub(level) {
            None | Some(0) => self.log.node(level, index)?,
            Some(below) => {
                let number = index >> below;
                // Less than a tile is wide.
                let first = ((index - (number << below)) << level) as usize;
                self.leaves(number)?.get(first..first + (1 << level)).map(full_root)
            }
        };
        found.ok_or_else(|| self.corrupt(format!("node {index} of level {level} of the tree is missing")))
    }
}
