//! A copy of the log for anybody: `tlog-tiles` files, the signed checkpoint, the texts that everybody may read, and
//! a page that says how to check it all.
//!
//! ```text
//! checkpoint                       the log's signed note, with the cosignatures of the same tree
//! tile/<L>/<N>, tile/entries/<N>   hashes and entries (c2sp.org/tlog-tiles)
//! cosignatures/<size>/<device>     cosignatures of earlier trees: a note with that tree and one signature line
//! blobs/<id>                       texts: a 32-byte salt, then UTF-8; named by their SHA-256
//! README.txt                       how to check this
//! ```
//!
//! No secret, share or account sheet may leave this way. `checkpoint` is written last: without it the copy is
//! incomplete, and the check says so.

use std::fs;
use std::io;
use std::path::Path;

use super::super::failure::{Exit, Failure};
use super::super::home;
use super::super::view::View;
use crate::args;
use crate::escrow::entry::Entry;
use crate::escrow::id::BlobId;
use crate::escrow::key::VerifyingKey;
use crate::escrow::log::checkpoint::{Checkpoint, LogVerifier, SignedCheckpoint};
use crate::escrow::log::cosignature::VerifiedCosignature;
use crate::escrow::log::merkle::MemoryTree;
use crate::escrow::log::note::Note;
use crate::escrow::log::tiles::{TileKind, tiles};
use crate::escrow::time::Time;

/// The signed note.
pub const CHECKPOINT: &str = "checkpoint";
/// How to check the copy.
pub const README: &str = "README.txt";
/// The folder of texts.
pub const BLOBS: &str = "blobs";
/// The folder of cosignatures of earlier trees.
pub const COSIGNATURES: &str = "cosignatures";

/// What is to be copied. Nothing of it needs a connection or an identity.
#[derive(Debug, Clone, Copy)]
pub struct Contents<'a> {
    /// All entries, oldest first.
    pub entries: &'a [Vec<u8>],
    /// The signed checkpoint of exactly these entries.
    pub checkpoint: &'a SignedCheckpoint,
    /// Cosignatures of this tree or of earlier ones.
    pub cosignatures: &'a [VerifiedCosignature],
    /// Blobs of texts that everybody may read.
    pub texts: &'a [Vec<u8>],
    /// The page for people.
    pub readme: &'a str,
}

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// Files.
    pub files: usize,
    /// Cosignatures among them, those in the checkpoint included.
    pub cosignatures: usize,
}

/// Refuses a folder that holds anything: old and new files together would be no copy of anything.
pub fn require_empty(dir: &Path) -> Result<(), Failure> {
    match fs::read_dir(dir).map(|mut entries| entries.next().is_none()) {
        Ok(true) => Ok(()),
        Ok(false) => Err(Failure::new(Exit::Usage, "audit-folder-not-empty").with("path", dir.display())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(Failure::io(dir, error)),
    }
}

/// The checkpoint's note with the cosignatures of the same tree added, and the cosignatures that are not in it:
/// those of earlier trees, and those beyond what a note may hold.
pub fn with_cosignatures<'a>(
    checkpoint: &SignedCheckpoint,
    cosignatures: &'a [VerifiedCosignature],
) -> (SignedCheckpoint, Vec<&'a VerifiedCosignature>) {
    let mut note = checkpoint.clone();
    let mut others = Vec::new();
    for cosignature in cosignatures {
        match note.clone().with(cosignature) {
            Ok(longer) => note = longer,
            Err(_) => others.push(cosignature),
        }
    }
    (note, others)
}

/// Writes the copy.
///
/// # Errors
/// A folder that is not empty, entries that are not those of the checkpoint, or a disk that fails.
pub fn write(dir: &Path, contents: &Contents<'_>) -> Result<Written, Failure> {
    let Contents { entries, checkpoint, .. } = *contents;
    require_empty(dir)?;
    let mut tree = MemoryTree::new();
    entries.iter().for_each(|entry| tree.push(Entry::leaf(entry)));
    if tree.head() != *checkpoint.head() {
        return Err(Failure::new(Exit::Failed, "audit-copy-differs"));
    }
    home::private_dir(dir)?;
    let mut files = 0;
    let mut put = |name: &str, content: &[u8]| -> Result<(), Failure> {
        let path = dir.join(name);
        if let Some(folder) = path.parent() {
            home::private_dir(folder)?;
        }
        files += 1;
        home::write(&path, content)
    };
    for tile in tiles(tree.size()) {
        let content = match tile.kind() {
            TileKind::Entries => {
                let (start, width) = (tile.range().start, usize::from(tile.width()));
                let bundle: Vec<&Vec<u8>> =
                    entries.iter().skip(usize::try_from(start).unwrap_or(usize::MAX)).take(width).collect();
                tile.encode_entries(&bundle).map_err(Failure::technical)?
            }
            TileKind::Hashes(_) => tile.read_hashes(&tree).map_err(Failure::technical)?,
        };
        put(&tile.to_string(), &content)?;
    }
    for text in contents.texts {
        put(&format!("{BLOBS}/{}", BlobId::of(text)), text)?;
    }
    let (note, others) = with_cosignatures(checkpoint, contents.cosignatures);
    for cosignature in others {
        let (organisation, head) = (checkpoint.checkpoint().organisation, *cosignature.head());
        let body = Checkpoint { organisation, head }.body();
        let line = cosignature.cosignature().to_line();
        let single = Note::new(body, vec![line]).map_err(Failure::technical)?;
        let name = format!("{COSIGNATURES}/{}/{}", head.size, cosignature.device());
        put(&name, single.to_string().as_bytes())?;
    }
    put(README, contents.readme.as_bytes())?;
    put(CHECKPOINT, note.to_string().as_bytes())?;
    Ok(Written { files, cosignatures: contents.cosignatures.len() })
}

/// The page for people, in their language.
pub fn readme(view: &View<'_>, log_key: &VerifyingKey, checkpoint: &SignedCheckpoint, now: Time) -> String {
    let id = checkpoint.checkpoint().organisation;
    let charter = view.state.charter();
    let args = args! {
        name: view.organisation(),
        id: id,
        time: view.say.time(now),
        entries: checkpoint.head().size,
        root: checkpoint.head().root,
        key: LogVerifier::new(id, *log_key).note_key(),
        version: charter.map_or_else(|| "–".to_owned(), |c| c.version().to_string()),
        code: charter.map_or_else(|| "–".to_owned(), |c| c.code().to_string()),
    };
    let mut page = view.say.with("audit-readme", &args);
    page.push('\n');
    page
}
