use std::cell::Cell;

use ct_merkle::HashableLeaf;
use ct_merkle::digest::Update;
use ct_merkle::mem_backed_tree::MemoryBackedTree;
use proptest::prelude::*;
use sha2::Sha256;

use super::*;
use crate::escrow::log::testing::{flip, leaf, tree};

/// The largest tree of the exhaustive tests.
const LARGEST: u64 = 64;

/// MTH of RFC 9162 section 2.1.1, word for word.
fn mth(leaves: &[Digest]) -> Digest {
    match leaves {
        [] => Digest::of(&[]),
        [only] => *only,
        _ => {
            let (left, right) = leaves.split_at(k(leaves.len()));
            node_hash(&mth(left), &mth(right))
        }
    }
}

/// The largest power of two smaller than n.
fn k(n: usize) -> usize {
    n.next_power_of_two() / 2
}

/// PATH of RFC 9162 section 2.1.3.1.
fn path(m: usize, leaves: &[Digest]) -> Vec<Digest> {
    if leaves.len() == 1 {
        return Vec::new();
    }
    let (left, right) = leaves.split_at(k(leaves.len()));
    let (mut proof, sibling) =
        if m < left.len() { (path(m, left), mth(right)) } else { (path(m - left.len(), right), mth(left)) };
    proof.push(sibling);
    proof
}

/// SUBPROOF of RFC 9162 section 2.1.4.1.
fn subproof(m: usize, leaves: &[Digest], known: bool) -> Vec<Digest> {
    if m == leaves.len() {
        return if known { Vec::new() } else { vec![mth(leaves)] };
    }
    let (left, right) = leaves.split_at(k(leaves.len()));
    let (mut proof, sibling) = if m <= left.len() {
        (subproof(m, left, known), mth(right))
    } else {
        (subproof(m - left.len(), right, false), mth(left))
    };
    proof.push(sibling);
    proof
}

fn leaves(size: u64) -> Vec<Digest> {
    (0..size).map(leaf).collect()
}

fn head(size: u64) -> TreeHead {
    TreeHead { size, root: mth(&leaves(size)) }
}

#[test]
fn published_vectors() {
    assert_eq!(TreeHead::EMPTY.root, Digest::of(&[]));
    assert_eq!(Frontier::new().head(), TreeHead::EMPTY);
    let entries =
        ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
    let roots = [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];
    let mut frontier = Frontier::new();
    for (entry, root) in entries.iter().zip(roots) {
        frontier.push(leaf_hash(&hex::decode(entry).unwrap()));
        assert_eq!(frontier.root().to_string(), root);
    }
}

#[test]
fn roots_and_proofs_are_those_of_the_rfc_for_every_small_tree() {
    let tree = tree(LARGEST);
    let leaves = leaves(LARGEST);
    for size in 0..=LARGEST {
        let now = &leaves[..size as usize];
        let new = head(size);
        assert_eq!(root_at(&tree, size), Ok(new.root));
        for index in 0..size {
            let proof = inclusion_proof(&tree, index, size).unwrap();
            assert_eq!(proof, path(index as usize, now));
            assert_eq!(verify_inclusion(&leaves[index as usize], index, &new, &proof), Ok(()));
        }
        for old in 0..=size {
            let proof = consistency_proof(&tree, old, size).unwrap();
            let expected = if old == 0 { Vec::new() } else { subproof(old as usize, now, true) };
            assert_eq!(proof, expected);
            assert_eq!(verify_consistency(&head(old), &new, &proof), Ok(()));
        }
        assert_eq!(inclusion_proof(&tree, size, size), Err(CannotProve::OutOfRange { asked: size, size }));
        let refused = consistency_proof(&tree, size + 1, size);
        assert_eq!(refused, Err(CannotProve::OutOfRange { asked: size + 1, size }));
    }
    let beyond = MissingNode { level: 0, index: LARGEST };
    assert_eq!(root_at(&tree, LARGEST + 1), Err(beyond));
    assert_eq!(inclusion_proof(&tree, 0, LARGEST + 1), Err(CannotProve::Read(beyond)));
}

#[test]
fn proofs_hold_for_nothing_else() {
    let tree = tree(LARGEST);
    let heads: Vec<TreeHead> = (0..=LARGEST).map(head).collect();
    for size in 1..=20 {
        for index in 0..size {
            let proof = inclusion_proof(&tree, index, size).unwrap();
            let (leaf, new) = (leaf(index), heads[size as usize]);
            for other in (0..=size + 1).filter(|other| *other != index) {
                assert!(verify_inclusion(&leaf, other, &new, &proof).is_err());
            }
            // Another size is noticed unless the path has the same shape, and then there is nothing to notice:
            // the root is the one that the log signed together with its size.
            let longer = [proof.as_slice(), &[new.root]].concat();
            assert_eq!(verify_inclusion(&leaf, index, &new, &longer), Err(BadProof::Length));
            if let Some((_, shorter)) = proof.split_last() {
                assert_eq!(verify_inclusion(&leaf, index, &new, shorter), Err(BadProof::Length));
            }
        }
        for old in 0..=size {
            let proof = consistency_proof(&tree, old, size).unwrap();
            let (old, new) = (heads[old as usize], heads[size as usize]);
            let longer = [proof.as_slice(), &[new.root]].concat();
            assert_eq!(verify_consistency(&old, &new, &longer), Err(BadProof::Length));
            if let Some((_, shorter)) = proof.split_last() {
                assert_eq!(verify_consistency(&old, &new, shorter), Err(BadProof::Length));
            }
            if old.size < size {
                assert_eq!(verify_consistency(&new, &old, &proof), Err(BadProof::Impossible));
            }
            for other in heads.iter().filter(|other| other.size != old.size && other.size < size) {
                assert!(verify_consistency(other, &new, &proof).is_err() || other.size == 0);
            }
        }
    }
}

#[test]
fn heads_that_no_tree_has_are_consistent_with_nothing() {
    let (invented, one) = (TreeHead { size: 0, root: leaf(0) }, head(1));
    let beyond = TreeHead { size: u64::MAX, root: leaf(0) };
    for (old, new) in [(invented, one), (invented, invented), (TreeHead::EMPTY, invented), (one, beyond)] {
        assert_eq!(verify_consistency(&old, &new, &[]), Err(BadProof::Impossible));
    }
    let forked = TreeHead { size: 1, root: leaf(1) };
    assert_eq!(verify_consistency(&forked, &one, &[]), Err(BadProof::Root));
    assert_eq!(verify_inclusion(&leaf(0), 0, &TreeHead::EMPTY, &[]), Err(BadProof::Impossible));
}

#[test]
fn a_frontier_survives_storage_and_reports_each_node_once() {
    let mut frontier = Frontier::new();
    let mut nodes = std::collections::BTreeMap::new();
    for number in 0..LARGEST {
        for node in frontier.push(leaf(number)) {
            assert_eq!(nodes.insert((node.level, node.index), node.hash), None);
        }
        let stored = Frontier::from_parts(frontier.size(), frontier.hashes().to_vec());
        assert_eq!(stored, Ok(frontier.clone()));
        let missing = frontier.hashes()[1..].to_vec();
        let refused = Err(BadFrontier { size: number + 1, hashes: missing.len() });
        assert_eq!(Frontier::from_parts(number + 1, missing), refused);
    }
    assert!(Frontier::from_parts(1 << 63, vec![leaf(0)]).is_err());
    let tree = tree(LARGEST);
    assert_eq!(nodes.len() as u64, 2 * LARGEST - 1);
    assert!(nodes.iter().all(|((level, index), hash)| tree.node(*level, *index) == Ok(*hash)));
}

#[test]
fn a_proof_reads_few_nodes() {
    struct Counting(MemoryTree, Cell<u32>);
    impl NodeReader for Counting {
        type Error = MissingNode;
        fn node(&self, level: u8, index: u64) -> Result<Digest, MissingNode> {
            self.1.set(self.1.get() + 1);
            self.0.node(level, index)
        }
    }
    let size = 10_000 + 239;
    let reader = Counting(tree(size), Cell::new(0));
    let height = size.ilog2() + 1;
    for asked in (1..size).step_by(97) {
        root_at(&reader, asked).unwrap();
        assert!(reader.1.take() <= height);
        inclusion_proof(&reader, asked, size).unwrap();
        assert!(reader.1.take() <= 2 * height);
        consistency_proof(&reader, asked, size).unwrap();
        assert!(reader.1.take() <= 2 * height);
    }
}

/// An entry as the other implementation wants it.
struct Entry(u64);

impl HashableLeaf for Entry {
    fn hash<H: Update>(&self, hasher: &mut H) {
        hasher.update(&self.0.to_be_bytes());
    }
}

fn oracle(size: u64) -> MemoryBackedTree<Sha256, Entry> {
    let mut oracle = MemoryBackedTree::default();
    (0..size).for_each(|number| oracle.push(Entry(number)));
    oracle
}

fn concatenated(hashes: &[Digest]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| hash.to_vec()).collect()
}

fn digests(bytes: &[u8]) -> Vec<Digest> {
    bytes.chunks(32).map(|chunk| Digest::parse(chunk).unwrap()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn another_implementation_agrees(size in 1..700_u64, old: prop::sample::Index) {
        let (tree, oracle) = (tree(size), oracle(size));
        let new = tree.head();
        let theirs = oracle.root();
        prop_assert_eq!(theirs.as_bytes().as_slice(), new.root.as_bytes());

        let index = old.index(size as usize) as u64;
        let ours = inclusion_proof(&tree, index, size).unwrap();
        let theirs = oracle.prove_inclusion(index as usize);
        prop_assert_eq!(concatenated(&ours), theirs.as_bytes());
        prop_assert_eq!(verify_inclusion(&leaf(index), index, &new, &digests(theirs.as_bytes())), Ok(()));
        prop_assert!(oracle.root().verify_inclusion(&Entry(index), index, &theirs).is_ok());

        let earlier = TreeHead { size: index + 1, root: root_at(&tree, index + 1).unwrap() };
        let ours = consistency_proof(&tree, earlier.size, size).unwrap();
        let theirs = oracle.prove_consistency((size - earlier.size) as usize);
        prop_assert_eq!(concatenated(&ours), theirs.as_bytes());
        prop_assert_eq!(verify_consistency(&earlier, &new, &digests(theirs.as_bytes())), Ok(()));
    }

    #[test]
    fn a_changed_bit_in_path_leaf_or_root_is_noticed(
        size in 2..200_u64,
        index: prop::sample::Index,
        bit: prop::sample::Index,
    ) {
        let tree = tree(size);
        let index = index.index(size as usize) as u64;
        let proof = inclusion_proof(&tree, index, size).unwrap();
        let inputs = [vec![tree.head().root, leaf(index)], proof].concat();
        let changed = digests(&flip(&concatenated(&inputs), bit));
        let head = TreeHead { size, root: changed[0] };
        prop_assert_eq!(verify_inclusion(&changed[1], index, &head, &changed[2..]), Err(BadProof::Root));

        let old = index.max(1);
        let proof = consistency_proof(&tree, old, size).unwrap();
        let inputs = [vec![root_at(&tree, old).unwrap(), tree.head().root], proof].concat();
        let changed = digests(&flip(&concatenated(&inputs), bit));
        let (old, new) = (TreeHead { size: old, root: changed[0] }, TreeHead { size, root: changed[1] });
        prop_assert_eq!(verify_consistency(&old, &new, &changed[2..]), Err(BadProof::Root));
    }

    #[test]
    fn verifying_garbage_does_not_panic(
        numbers: (u64, u64),
        shifts in (0..64_u32, 0..64_u32),
        proof in prop::collection::vec(any::<[u8; 32]>().prop_map(Digest::new), 0..70),
    ) {
        let (a, b) = (numbers.0 >> shifts.0, numbers.1 >> shifts.1);
        let (old, new) = (TreeHead { size: a, root: leaf(0) }, TreeHead { size: b, root: leaf(1) });
        prop_assert!(verify_inclusion(&leaf(2), a, &new, &proof).is_err());
        prop_assert!(verify_consistency(&old, &new, &proof).is_err());
    }
}
