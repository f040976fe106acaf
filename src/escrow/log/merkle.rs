//! The Merkle tree: roots, inclusion and consistency proofs and their verification (RFC 9162 section 2.1, whose
//! hashing is that of RFC 6962).
//!
//! A *node* is the root of a full subtree: node (level, index) covers the leaves `index << level` up to
//! `(index + 1) << level`. Nodes never change once their leaves are there, so a store can keep them for ever and
//! every root and proof, of this size or an earlier one, is made of O(log size) of them.
//!
//! This module must never accept a proof with an element that it did not use, nor one for a size that it was not
//! asked about.

use super::super::id::Digest;

/// The largest tree that is read or written, in leaves: what a signed 64-bit integer holds.
pub const MAX_SIZE: u64 = i64::MAX as u64;

/// The root of the empty tree: SHA-256 of nothing.
const EMPTY_ROOT: Digest = Digest::new([
    0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24, 0x27, 0xae, 0x41,
    0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
]);

/// SHA-256(0x00 ‖ entry).
pub fn leaf_hash(entry: &[u8]) -> Digest {
    Digest::of(&[&[0], entry])
}

/// SHA-256(0x01 ‖ left ‖ right).
pub fn node_hash(left: &Digest, right: &Digest) -> Digest {
    Digest::of(&[&[1], left.as_bytes(), right.as_bytes()])
}

/// The root of the full subtree over these leaves, whose number is a power of two; [`EMPTY_ROOT`] over none.
pub fn full_root(leaves: &[Digest]) -> Digest {
    match leaves {
        [] => EMPTY_ROOT,
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(leaves.len() / 2);
            node_hash(&full_root(left), &full_root(right))
        }
    }
}

/// A tree of a certain size, named by its root. Says nothing about who vouches for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TreeHead {
    /// Number of leaves.
    pub size: u64,
    /// Root hash over them.
    pub root: Digest,
}

impl TreeHead {
    /// The tree without leaves.
    pub const EMPTY: Self = Self { size: 0, root: EMPTY_ROOT };

    /// Whether a tree can have this head: not beyond [`MAX_SIZE`], and without leaves only the empty root.
    pub fn is_possible(&self) -> bool {
        self.size <= MAX_SIZE && (self.size > 0 || self.root == EMPTY_ROOT)
    }
}

/// A full subtree's root, to be stored when it is completed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Node {
    /// Height above the leaves; 0 is a leaf.
    pub level: u8,
    /// Position within the level, from the left.
    pub index: u64,
    /// The subtree's root hash.
    pub hash: Digest,
}

/// The stored frontier does not have one hash for each bit of its size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the right edge of a tree of {size} leaves cannot be {hashes} hashes; rebuild it from the entries")]
pub struct BadFrontier {
    /// Leaves, as stored.
    pub size: u64,
    /// Hashes that were with it.
    pub hashes: usize,
}

/// The right edge of a growing tree: enough to append and to know the root, in O(log size) space.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Frontier {
    size: u64,
    /// Roots of the full subtrees that the tree decomposes into, widest first: one for each bit set in `size`.
    hashes: Vec<Digest>,
}

impl Frontier {
    /// The empty tree's.
    pub fn new() -> Self {
        Self::default()
    }

    /// A frontier as it was stored; the hashes must be as many as `size` has bits set, widest subtree first.
    pub fn from_parts(size: u64, hashes: Vec<Digest>) -> Result<Self, BadFrontier> {
        if size > MAX_SIZE || hashes.len() as u64 != u64::from(size.count_ones()) {
            return Err(BadFrontier { size, hashes: hashes.len() });
        }
        Ok(Self { size, hashes })
    }

    /// Appends a leaf hash; returns the nodes that this completes, the leaf itself first, then upwards.
    pub fn push(&mut self, leaf: Digest) -> Vec<Node> {
        let mut node = Node { level: 0, index: self.size, hash: leaf };
        let mut completed = vec![node];
        // An odd index is a right child whose left sibling is the narrowest subtree of the frontier.
        while node.index & 1 == 1
            && let Some(left) = self.hashes.pop()
        {
            node = Node { level: node.level + 1, index: node.index >> 1, hash: node_hash(&left, &node.hash) };
            completed.push(node);
        }
        self.hashes.push(node.hash);
        self.size += 1;
        completed
    }

    /// Number of leaves.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Root hash over all leaves.
    pub fn root(&self) -> Digest {
        self.hashes.iter().rev().copied().reduce(|right, left| node_hash(&left, &right)).unwrap_or(EMPTY_ROOT)
    }

    /// Size and root.
    pub fn head(&self) -> TreeHead {
        TreeHead { size: self.size, root: self.root() }
    }

    /// What [`Frontier::from_parts`] takes back, widest subtree first.
    pub fn hashes(&self) -> &[Digest] {
        &self.hashes
    }
}

/// Where nodes are kept.
pub trait NodeReader {
    /// Why a node could not be read.
    type Error: std::error::Error + 'static;

    /// The node (level, index); an error where that subtree is not complete.
    fn node(&self, level: u8, index: u64) -> Result<Digest, Self::Error>;
}

/// A proof was asked for something that the tree does not contain, or the nodes could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CannotProve<E: std::error::Error + 'static> {
    /// An index or an earlier size beyond the tree.
    #[error("{asked} is not within a tree of {size} entries; ask about a tree that contains it")]
    OutOfRange {
        /// The index or earlier size.
        asked: u64,
        /// The tree's size.
        size: u64,
    },
    /// The reader failed.
    #[error("a node of the log's tree could not be read; check the store")]
    Read(#[from] E),
}

/// The root over the leaves `start..end`, where `start` is a multiple of a power of two not less than their number.
fn range_root<R: NodeReader>(reader: &R, start: u64, end: u64) -> Result<Digest, R::Error> {
    let mut end = end;
    let mut root = None;
    while start < end {
        // The narrowest full subtree is at the right end.
        let level = (end - start).trailing_zeros();
        end -= 1 << level;
        let left = reader.node(level as u8, end >> level)?;
        root = Some(root.map_or(left, |right| node_hash(&left, &right)));
    }
    Ok(root.unwrap_or(EMPTY_ROOT))
}

/// Where RFC 9162 splits the leaves `start..end`, of which there are at least two.
fn split(start: u64, end: u64) -> u64 {
    start + (1 << (end - start - 1).ilog2())
}

/// The root that the tree had when it had `size` leaves.
pub fn root_at<R: NodeReader>(reader: &R, size: u64) -> Result<Digest, R::Error> {
    range_root(reader, 0, size)
}

/// The audit path of leaf `index` in the tree of the first `size` leaves, the leaf's sibling first.
pub fn inclusion_proof<R: NodeReader>(
    reader: &R,
    index: u64,
    size: u64,
) -> Result<Vec<Digest>, CannotProve<R::Error>> {
    if index >= size {
        return Err(CannotProve::OutOfRange { asked: index, size });
    }
    let (mut start, mut end) = (0, size);
    let mut path = Vec::new();
    while end - start > 1 {
        let middle = split(start, end);
        if index < middle {
            path.push(range_root(reader, middle, end)?);
            end = middle;
        } else {
            path.push(range_root(reader, start, middle)?);
            start = middle;
        }
    }
    path.reverse();
    Ok(path)
}

/// The proof that the tree of `old` leaves is a prefix of the tree of `new` leaves; without elements when they are
/// equal or `old` is 0.
pub fn consistency_proof<R: NodeReader>(
    reader: &R,
    old: u64,
    new: u64,
) -> Result<Vec<Digest>, CannotProve<R::Error>> {
    if old > new {
        return Err(CannotProve::OutOfRange { asked: old, size: new });
    }
    let (mut start, mut end) = (0, new);
    let mut path = Vec::new();
    while old != 0 && old != end {
        let middle = split(start, end);
        if old <= middle {
            path.push(range_root(reader, middle, end)?);
            end = middle;
        } else {
            path.push(range_root(reader, start, middle)?);
            start = middle;
        }
    }
    // From the left edge, the remaining subtree is the old tree itself, whose root the verifier has.
    if start > 0 {
        path.push(range_root(reader, start, end)?);
    }
    path.reverse();
    Ok(path)
}

/// Why a proof proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadProof {
    /// The index is not within the tree, the tree shrank, or a size and root contradict each other.
    #[error("no proof can exist for these sizes; keep both checkpoints and report them")]
    Impossible,
    /// Too few or too many elements.
    #[error("the proof has the wrong number of hashes; fetch it again")]
    Length,
    /// The computed root is not the expected one.
    #[error("the proof does not lead to the expected root; keep it with the checkpoints and report them")]
    Root,
}

/// Checks that `leaf` is number `index` of the tree `head` (RFC 9162 section 2.1.3.2).
pub fn verify_inclusion(leaf: &Digest, index: u64, head: &TreeHead, proof: &[Digest]) -> Result<(), BadProof> {
    if index >= head.size {
        return Err(BadProof::Impossible);
    }
    let mut path = Path { node: index, last: head.size - 1 };
    let mut root = *leaf;
    for sibling in proof {
        root = match path.up()? {
            Side::Left => node_hash(sibling, &root),
            Side::Right => node_hash(&root, sibling),
        };
    }
    path.finish()?;
    if root == head.root { Ok(()) } else { Err(BadProof::Root) }
}

/// Checks that the tree `old` is a prefix of the tree `new` (RFC 9162 section 2.1.4.2). Everything extends the empty
/// tree, and each tree itself; both without any element in the proof.
pub fn verify_consistency(old: &TreeHead, new: &TreeHead, proof: &[Digest]) -> Result<(), BadProof> {
    if old.size > new.size || !old.is_possible() || !new.is_possible() {
        return Err(BadProof::Impossible);
    }
    if old.size == 0 || old.size == new.size {
        return match proof {
            [_, ..] => Err(BadProof::Length),
            [] if old.size == 0 || old.root == new.root => Ok(()),
            [] => Err(BadProof::Root),
        };
    }
    // A full old tree is itself the node where both paths begin, and is not repeated in the proof.
    let (first, rest) =
        if old.size.is_power_of_two() { (&old.root, proof) } else { proof.split_first().ok_or(BadProof::Length)? };
    let shared_levels = (old.size - 1).trailing_ones();
    let mut path = Path { node: (old.size - 1) >> shared_levels, last: (new.size - 1) >> shared_levels };
    let (mut old_root, mut new_root) = (*first, *first);
    for sibling in rest {
        match path.up()? {
            Side::Left => {
                old_root = node_hash(sibling, &old_root);
                new_root = node_hash(sibling, &new_root);
            }
            Side::Right => new_root = node_hash(&new_root, sibling),
        }
    }
    path.finish()?;
    if old_root == old.root && new_root == new.root { Ok(()) } else { Err(BadProof::Root) }
}

/// On which side of the path the next sibling is.
enum Side {
    Left,
    Right,
}

/// The way from a node to the root: its index and that of its level's last node (`fn` and `sn` of RFC 9162).
struct Path {
    node: u64,
    last: u64,
}

impl Path {
    /// Steps over the next element of a proof; an error if the root was already reached.
    fn up(&mut self) -> Result<Side, BadProof> {
        if self.last == 0 {
            return Err(BadProof::Length);
        }
        let side = if self.node & 1 == 1 || self.node == self.last {
            // The last node of a level has no right sibling: it rises until it is a right child itself.
            let levels = self.node.trailing_zeros();
            self.node >>= levels;
            self.last >>= levels;
            Side::Left
        } else {
            Side::Right
        };
        self.node >>= 1;
        self.last >>= 1;
        Ok(side)
    }

    /// An error if the root was not reached.
    fn finish(&self) -> Result<(), BadProof> {
        if self.last == 0 { Ok(()) } else { Err(BadProof::Length) }
    }
}

/// The subtree is not complete in this tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("node {index} of level {level} is not in this replica; load more entries first")]
pub struct MissingNode {
    /// Height above the leaves.
    pub level: u8,
    /// Position within the level.
    pub index: u64,
}

/// A tree with all its nodes in memory: 64 bytes a leaf.
#[derive(Debug, Clone, Default)]
pub struct MemoryTree {
    frontier: Frontier,
    /// The nodes, by level and index.
    levels: Vec<Vec<Digest>>,
}

impl MemoryTree {
    /// The empty tree.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends a leaf hash.
    pub fn push(&mut self, leaf: Digest) {
        for node in self.frontier.push(leaf) {
            // Nodes come in order, so that a node's index is the length of its level so far.
            match self.levels.get_mut(usize::from(node.level)) {
                Some(level) => level.push(node.hash),
                None => self.levels.push(vec![node.hash]),
            }
        }
    }

    /// Number of leaves.
    pub fn size(&self) -> u64 {
        self.frontier.size()
    }

    /// Size and root.
    pub fn head(&self) -> TreeHead {
        self.frontier.head()
    }
}

impl NodeReader for MemoryTree {
    type Error = MissingNode;

    fn node(&self, level: u8, index: u64) -> Result<Digest, MissingNode> {
        usize::try_from(index)
            .ok()
            .and_then(|position| self.levels.get(usize::from(level))?.get(position))
            .copied()
            .ok_or(MissingNode { level, index })
    }
}

#[cfg(test)]
mod tests;
