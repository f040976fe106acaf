//! Folders that somebody hands over: copies of a log.

use std::path::Path;

use tempfile::TempDir;

use super::golden::GOLDEN;

/// A checkpoint and the entries, as they lie in a folder: the length of the first in two bytes before it.
pub fn seeds() -> Vec<Vec<u8>> {
    let copy = |size: usize| {
        let note = GOLDEN.checkpoints[&(size as u64)].to_string().into_bytes();
        let length = u16::try_from(note.len()).expect("a short note").to_be_bytes();
        let entries = GOLDEN.entries[..size].iter().flat_map(|entry| {
            let length = u32::try_from(entry.len()).expect("a short entry").to_be_bytes();
            length.into_iter().chain(entry.iter().copied())
        });
        length.into_iter().chain(note).chain(entries).collect()
    };
    vec![copy(1), copy(2), copy(40)]
}

fn folder(data: &[u8]) -> Option<TempDir> {
    let (length, rest) = data.split_first_chunk::<2>()?;
    let (note, entries) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(folder.path().join("checkpoint"), note).expect("a file");
    std::fs::write(folder.path().join("entries"), entries).expect("a file");
    Some(folder)
}

/// Whether these are the first entries of the one log that was signed.
fn is_genuine(entries: &[Vec<u8>]) -> bool {
    GOLDEN.entries.starts_with(entries) && GOLDEN.checkpoints.contains_key(&(entries.len() as u64))
}

/// Somebody's copy, as `recover`, `audit` and moves read it.
pub mod replicas {
    use sequestre::client::replica::Replica;

    pub use super::seeds;
    use super::{folder, is_genuine};

    pub fn check(data: &[u8]) {
        let Some(folder) = folder(data) else { return };
        let Ok(replica) = Replica::read_copy(folder.path()) else { return };
        let entries = replica.entries().expect("they were just read");
        assert!(is_genuine(&entries), "a log that nobody signed");
    }
}

/// Somebody's copy, as a server restores it.
pub mod restorations {
    use sequestre::store::Store;
    use sequestre::store::fsck::fsck;
    use sequestre::store::restore::restore;

    pub use super::seeds;
    use super::{Path, folder, is_genuine};

    pub fn check(data: &[u8]) {
        let Some(folder) = folder(data) else { return };
        let server = folder.path().join("server");
        Store::init(&server).expect("a new store");
        let restored = restore(&server, &[folder.path().to_owned()], None);
        let report = fsck(&server).expect("a store");
        // Blobs that no copy has are missing, and said to be.
        let others = report.findings.iter().filter(|finding| !finding.reason.ends_with("is missing"));
        assert_eq!(others.count(), 0, "{:?}", report.findings);
        match restored {
            Ok(restored) => {
                assert!(is_genuine(&entries(&server)), "{} entries that nobody signed", restored.head.size)
            }
            Err(_) => assert_eq!((report.organisations, report.entries), (0, 0), "half of a log was restored"),
        }
    }

    fn entries(server: &Path) -> Vec<Vec<u8>> {
        let reader = sequestre::store::reader::Reader::open(server, 1).expect("a store");
        let entries = reader.entries(&super::GOLDEN.id, 0, u64::MAX >> 1, usize::MAX).expect("entries");
        entries.iter().map(|entry| entry.to_vec()).collect()
    }
}
