//! The files of an exported log (c2sp.org/tlog-tiles), so that common tools can read it without this software.
//!
//! Hash tiles `tile/<L>/<N>[.p/<W>]` hold up to 256 nodes of level 8 × L, entry bundles `tile/entries/<N>[.p/<W>]` up
//! to 256 entries. N is written in groups of three digits, all but the last with an `x`: `x001/x234/067`. `.p/<W>`
//! marks a tile of W < 256. Next to them lies `checkpoint`, a signed note.
//!
//! This module must never name, write or accept an empty tile.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use super::super::id::Digest;
use super::decimal;
use super::merkle::{MAX_SIZE, NodeReader};

/// Hashes or entries of a full tile.
pub const TILE_WIDTH: u64 = 256;

/// The highest level that a tree of [`MAX_SIZE`] leaves reaches. (The specification leaves room up to 63.)
const MAX_LEVEL: u8 = 7;

/// Why a path or a file is not part of an export.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadTile {
    /// Not the one spelling of a tile's path, or a tile that no tree has.
    #[error("{0:?} is not the path of a tile; check the export's file names")]
    Path(String),
    /// A file whose length or content does not fit the width in its path.
    #[error("the tile {0} is damaged or incomplete; export the log again")]
    Content(Tile),
    /// An entry that the bundle's length prefix cannot express.
    #[error("an entry of {0} bytes does not fit into an entry bundle; 65535 is the most")]
    EntryTooLong(usize),
}

/// What a tile holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TileKind {
    /// The entries themselves.
    Entries,
    /// The roots of full subtrees of 256^level leaves; level 0 is the leaf hashes.
    Hashes(u8),
}

/// One file of an export, which holds at least one hash or entry. The text form is its path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tile {
    kind: TileKind,
    index: u64,
    width: u16,
}

impl Tile {
    /// The tile number `index` of its kind with `width` hashes or entries; `None` where no tree has it.
    pub fn new(kind: TileKind, index: u64, width: u16) -> Option<Self> {
        let tile = Self { kind, index, width };
        let level = match kind {
            TileKind::Entries => 0,
            TileKind::Hashes(level) => level,
        };
        let end = index.checked_mul(TILE_WIDTH)?.checked_add(u64::from(width))?;
        let possible =
            (1..=TILE_WIDTH).contains(&u64::from(width)) && level <= MAX_LEVEL && end <= MAX_SIZE >> (8 * level);
        possible.then_some(tile)
    }

    /// What the tile holds.
    pub fn kind(&self) -> TileKind {
        self.kind
    }

    /// The tile's number within its kind.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// How many hashes or entries it holds, 1 to 256.
    pub fn width(&self) -> u16 {
        self.width
    }

    /// The indices of its entries, or of its nodes within [`Tile::node_level`].
    pub fn range(&self) -> Range<u64> {
        let start = self.index * TILE_WIDTH;
        start..start + u64::from(self.width)
    }

    /// The level, as [`NodeReader`] counts, of the nodes of a hash tile; that of the leaves for a bundle.
    pub fn node_level(&self) -> u8 {
        match self.kind {
            TileKind::Entries => 0,
            TileKind::Hashes(level) => 8 * level,
        }
    }

    /// The content of this hash tile; for a bundle, that of the leaf tile next to it.
    pub fn read_hashes<R: NodeReader>(&self, reader: &R) -> Result<Vec<u8>, R::Error> {
        let mut content = Vec::with_capacity(usize::from(self.width) * Digest::LENGTH);
        for index in self.range() {
            content.extend_from_slice(reader.node(self.node_level(), index)?.as_bytes());
        }
        Ok(content)
    }

    /// The hashes in a hash tile's content: exactly as many as the tile is wide.
    pub fn decode_hashes(&self, content: &[u8]) -> Result<Vec<Digest>, BadTile> {
        let (hashes, rest) = content.as_chunks::<{ Digest::LENGTH }>();
        if !rest.is_empty() || hashes.len() != usize::from(self.width) {
            return Err(BadTile::Content(*self));
        }
        Ok(hashes.iter().copied().map(Digest::new).collect())
    }

    /// The content of this entry bundle: each entry after its length, two bytes big-endian.
    pub fn encode_entries<T: AsRef<[u8]>>(&self, entries: &[T]) -> Result<Vec<u8>, BadTile> {
        if entries.len() != usize::from(self.width) {
            return Err(BadTile::Content(*self));
        }
        let mut content = Vec::new();
        for entry in entries.iter().map(AsRef::as_ref) {
            let length = u16::try_from(entry.len()).map_err(|_| BadTile::EntryTooLong(entry.len()))?;
            content.extend_from_slice(&length.to_be_bytes());
            content.extend_from_slice(entry);
        }
        Ok(content)
    }

    /// The entries in a bundle's content: exactly as many as the tile is wide, and nothing after them.
    pub fn decode_entries<'a>(&self, content: &'a [u8]) -> Result<Vec<&'a [u8]>, BadTile> {
        let mut rest = content;
        let mut entries = Vec::with_capacity(usize::from(self.width));
        for _ in 0..self.width {
            let (length, after) = rest.split_first_chunk().ok_or(BadTile::Content(*self))?;
            let length = usize::from(u16::from_be_bytes(*length));
            let (entry, after) = after.split_at_checked(length).ok_or(BadTile::Content(*self))?;
            entries.push(entry);
            rest = after;
        }
        if rest.is_empty() { Ok(entries) } else { Err(BadTile::Content(*self)) }
    }
}

impl fmt::Display for Tile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            TileKind::Entries => f.write_str("tile/entries")?,
            TileKind::Hashes(level) => write!(f, "tile/{level}")?,
        }
        let groups = self.index.checked_ilog(1000).unwrap_or(0);
        for group in (1..=groups).rev() {
            write!(f, "/x{:03}", self.index / 1000_u64.pow(group) % 1000)?;
        }
        write!(f, "/{:03}", self.index % 1000)?;
        if u64::from(self.width) < TILE_WIDTH { write!(f, ".p/{}", self.width) } else { Ok(()) }
    }
}

impl FromStr for Tile {
    type Err = BadTile;

    fn from_str(path: &str) -> Result<Self, BadTile> {
        read_path(path).filter(|tile| tile.to_string() == path).ok_or_else(|| BadTile::Path(path.to_owned()))
    }
}

/// Reads a path leniently; that it is the tile's one spelling remains to be checked.
fn read_path(path: &str) -> Option<Tile> {
    let (kind, rest) = path.strip_prefix("tile/")?.split_once('/')?;
    let kind = match kind {
        "entries" => TileKind::Entries,
        level => TileKind::Hashes(level.parse().ok()?),
    };
    let (index, width) = match rest.split_once(".p/") {
        Some((index, width)) => (index, decimal(width)?),
        None => (rest, TILE_WIDTH),
    };
    let digits: String = index.split('/').map(|group| group.strip_prefix('x').unwrap_or(group)).collect();
    Tile::new(kind, digits.parse().ok()?, u16::try_from(width).ok()?)
}

/// Every tile of a tree of `size` leaves, entry bundles first, then the hash tiles from the leaves upwards.
pub fn tiles(size: u64) -> impl Iterator<Item = Tile> {
    let kinds = std::iter::once(TileKind::Entries).chain((0..=MAX_LEVEL).map(TileKind::Hashes));
    kinds.flat_map(move |kind| {
        let count = match kind {
            TileKind::Entries => size,
            TileKind::Hashes(level) => size >> (8 * level),
        };
        (0..count.div_ceil(TILE_WIDTH)).map(move |index| {
            // At most 256, by the minimum.
            let width = (count - index * TILE_WIDTH).min(TILE_WIDTH) as u16;
            Tile { kind, index, width }
        })
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::merkle::{Frontier, root_at};
    use super::super::testing::tree;
    use super::*;

    #[test]
    fn paths_are_the_specifications() {
        for (kind, index, width, path) in [
            (TileKind::Hashes(0), 0, 256, "tile/0/000"),
            (TileKind::Hashes(0), 273, 112, "tile/0/273.p/112"),
            (TileKind::Hashes(2), 999, 1, "tile/2/999.p/1"),
            (TileKind::Entries, 1000, 256, "tile/entries/x001/000"),
            (TileKind::Entries, 1_234_067, 256, "tile/entries/x001/x234/067"),
            (TileKind::Hashes(1), 1_234_067, 255, "tile/1/x001/x234/067.p/255"),
        ] {
            let tile = Tile::new(kind, index, width).unwrap();
            assert_eq!((tile.to_string().as_str(), path.parse()), (path, Ok(tile)));
        }
        for path in [
            "",
            "tile/0",
            "tile/0/00",
            "tile/0/0000",
            "tile/00/000",
            "tile/+0/000",
            "tile/8/000",
            "tile/0/x000/000",
            "tile/0/001/000",
            "tile/0/x001/x000",
            "tile/0/000.p/0",
            "tile/0/000.p/256",
            "tile/0/000.p/07",
            "tile/0/000.p/",
            "tile/0/000/",
            "tile/0/-01",
            "/tile/0/000",
            "tile/7/128",
            "tile/0/x999/x999/x999/x999/x999/x999/999",
        ] {
            assert_eq!(path.parse::<Tile>(), Err(BadTile::Path(path.to_owned())));
        }
    }

    #[test]
    fn a_tree_has_the_tiles_that_the_specification_counts() {
        let count = |size, kind, full| {
            tiles(size).filter(|tile| tile.kind == kind && (u64::from(tile.width) == TILE_WIDTH) == full).count()
        };
        let partial = |size| -> Vec<String> {
            tiles(size).filter(|tile| u64::from(tile.width) < TILE_WIDTH).map(|tile| tile.to_string()).collect()
        };
        assert_eq!(tiles(0).count(), 0);
        assert_eq!(count(70_000, TileKind::Entries, true), 273);
        assert_eq!(count(70_000, TileKind::Hashes(0), true), 273);
        assert_eq!(count(70_000, TileKind::Hashes(1), true), 1);
        assert_eq!(
            partial(70_000),
            ["tile/entries/273.p/112", "tile/0/273.p/112", "tile/1/001.p/17", "tile/2/000.p/1"]
        );
        let all: Vec<String> = tiles(256).map(|tile| tile.to_string()).collect();
        assert_eq!(all, ["tile/entries/000", "tile/0/000", "tile/1/000.p/1"]);
    }

    #[test]
    fn hash_tiles_hold_the_tree() {
        let tree = tree(600);
        for tile in tiles(600).filter(|tile| tile.kind != TileKind::Entries) {
            let content = tile.read_hashes(&tree).unwrap();
            let hashes = tile.decode_hashes(&content).unwrap();
            assert_eq!(tile.decode_hashes(&content[1..]), Err(BadTile::Content(tile)));
            assert_eq!(tile.decode_hashes(&[content.as_slice(), &[0; 32]].concat()), Err(BadTile::Content(tile)));
            // A tile of the level above holds the root of each full tile below.
            let mut frontier = Frontier::new();
            hashes.iter().for_each(|hash| drop(frontier.push(*hash)));
            if tile.kind == TileKind::Hashes(0) && u64::from(tile.width) == TILE_WIDTH {
                assert_eq!(Ok(frontier.root()), tree.node(8, tile.index));
            }
            if tile.kind == TileKind::Hashes(1) {
                assert_eq!(Ok(frontier.root()), root_at(&tree, 512));
            }
        }
    }

    #[test]
    fn bundles_are_strict() {
        let tile = Tile::new(TileKind::Entries, 0, 2).unwrap();
        let content = tile.encode_entries(&[b"ab".as_slice(), b""]).unwrap();
        assert_eq!(content, [0, 2, b'a', b'b', 0, 0]);
        assert_eq!(tile.decode_entries(&content), Ok(vec![b"ab".as_slice(), b""]));
        for wrong in [&content[..5], &content[..4], &[0, 2, b'a'], &[0, 0, 0, 0, 0], &[]] {
            assert_eq!(tile.decode_entries(wrong), Err(BadTile::Content(tile)));
        }
        assert_eq!(tile.encode_entries(&[b"one"]), Err(BadTile::Content(tile)));
        let entries = [vec![0; 65_535], vec![0; 65_536]];
        assert_eq!(tile.encode_entries(&entries), Err(BadTile::EntryTooLong(65_536)));
    }

    proptest! {
        #[test]
        fn every_tile_has_one_path(level in 0..=8_u8, index in 0..=u64::MAX, shift in 0..64_u32, width in 0..=300_u16) {
            let kind = if level == 8 { TileKind::Entries } else { TileKind::Hashes(level) };
            if let Some(tile) = Tile::new(kind, index >> shift, width) {
                prop_assert_eq!(tile.to_string().parse(), Ok(tile));
            }
        }

        #[test]
        fn bundles_round_trip(entries in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..50), 1..=256)) {
            let tile = Tile::new(TileKind::Entries, 0, entries.len() as u16).unwrap();
            let content = tile.encode_entries(&entries).unwrap();
            prop_assert_eq!(tile.decode_entries(&content).unwrap(), entries);
        }
    }
}
