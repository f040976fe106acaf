//! What recoveries leave on this computer: `recoveries/<name>/` in the organisation's folder.
//!
//! ```text
//! request        the request file, as it was sent out or answered
//! key            of a recovery that we started: its secret key, sealed to our identity
//! answers/<id>   of a recovery that we started: answer files that held, by SHA-256; with the key until it is finished
//! ```
//!
//! Nothing here opens anything without the identity.

use std::fs;
use std::path::{Path, PathBuf};

use super::super::failure::Failure;
use super::super::home::{self, Folder};
use crate::escrow::id::Digest;
use crate::escrow::key::PersonKeys;
use crate::seal::identity::Identity;
use crate::seal::recovery::{SignedRequest, VerifiedRequest};
use crate::seal::sealing::{open_with, seal_to};
use crate::seal::sharing::MasterKey;

/// One recovery's folder.
pub(super) struct Shelf {
    folder: PathBuf,
}

/// A recovery that we started, with its key.
pub(super) struct Started {
    /// What we asked for.
    pub(super) request: VerifiedRequest,
    /// Opens the answers.
    pub(super) key: age::x25519::Identity,
    /// Where its answers are kept.
    pub(super) shelf: Shelf,
}

impl Shelf {
    /// The folder of this recovery; made when something is first kept in it.
    pub(super) fn of(folder: &Folder, recovery: &Digest) -> Self {
        Self { folder: folder.join("recoveries").join(recovery.to_string()) }
    }

    /// Keeps a recovery that we start: the key must be durable before anybody seals to it.
    pub(super) fn keep_started(
        &self,
        request: &SignedRequest,
        key: &MasterKey,
        identity: &Identity,
    ) -> Result<(), Failure> {
        home::private_dir(&self.folder.join("answers"))?;
        let sealed = seal_to(&identity.keys().recipient, key.to_age_text().expose()).map_err(Failure::technical)?;
        home::write(&self.folder.join("key"), &sealed)?;
        home::write(&self.folder.join("request"), request.to_file().as_bytes())
    }

    /// Keeps the request that is answered.
    pub(super) fn keep_request(&self, request: &SignedRequest) -> Result<(), Failure> {
        home::private_dir(&self.folder)?;
        home::write(&self.folder.join("request"), request.to_file().as_bytes())
    }

    /// Deletes what would open the accounts once more: the key first, without which the answers are worth nothing.
    pub(super) fn forget(&self) -> Result<(), Failure> {
        home::remove(&self.folder.join("key"))?;
        let answers = self.folder.join("answers");
        names(&answers)?.iter().try_for_each(|name| home::remove(&answers.join(name)))
    }

    /// Keeps an answer that held. The same file twice is one answer.
    pub(super) fn keep_answer(&self, file: &[u8]) -> Result<(), Failure> {
        let folder = self.folder.join("answers");
        home::private_dir(&folder)?;
        home::write(&folder.join(Digest::of(&[file]).to_string()), file)
    }

    /// The answers that were kept, oldest name first.
    pub(super) fn answers(&self) -> Result<Vec<(PathBuf, Vec<u8>)>, Failure> {
        let folder = self.folder.join("answers");
        let mut paths = Vec::new();
        for name in names(&folder)? {
            // Another name is a file that was being written when the computer stopped.
            if name.parse::<Digest>().is_ok() {
                paths.push(folder.join(name));
            }
        }
        paths.sort();
        paths.into_iter().map(|path| home::read(&path).map(|file| (path, file))).collect()
    }
}

/// What lies here of a recovery that was started and not finished; whose it is, the sealed key alone knows.
pub(super) struct Collected {
    /// Its name.
    pub(super) recovery: Digest,
    /// Where its request is, if it was not lost.
    pub(super) request: PathBuf,
    /// How many answers.
    pub(super) answers: usize,
    /// To forget it.
    pub(super) shelf: Shelf,
}

/// Every recovery of which a key or answers lie here.
pub(super) fn collected(folder: &Folder) -> Result<Vec<Collected>, Failure> {
    let mut found = Vec::new();
    for name in names(&folder.join("recoveries"))? {
        let Ok(recovery) = name.parse::<Digest>() else { continue };
        let shelf = Shelf::of(folder, &recovery);
        let answers = names(&shelf.folder.join("answers"))?.len();
        if answers > 0 || shelf.folder.join("key").exists() {
            found.push(Collected { recovery, request: shelf.folder.join("request"), answers, shelf });
        }
    }
    Ok(found)
}

/// A recovery whose files are damaged: it must not stand in the way of the others.
type Damaged = (Digest, Failure);

/// Every recovery that this identity started here, newest first; and those that are damaged.
pub(super) fn started(
    folder: &Folder,
    identity: &Identity,
    keys: &PersonKeys,
) -> Result<(Vec<Started>, Vec<Damaged>), Failure> {
    let (mut found, mut damaged) = (Vec::new(), Vec::new());
    for name in names(&folder.join("recoveries"))? {
        let Ok(digest) = name.parse::<Digest>() else { continue };
        match one_started(Shelf::of(folder, &digest), identity, keys) {
            Ok(started) => found.extend(started),
            Err(failure) => damaged.push((digest, failure)),
        }
    }
    found.sort_by_key(|started| (std::cmp::Reverse(started.request.request().created), started.request.digest()));
    Ok((found, damaged))
}

fn one_started(shelf: Shelf, identity: &Identity, keys: &PersonKeys) -> Result<Option<Started>, Failure> {
    // Without its key it is finished, or one that we answered; without its request, one that was never sent out.
    let key = home::read_if_there(&shelf.folder.join("key"))?;
    let request = home::read_if_there(&shelf.folder.join("request"))?;
    let (Some(sealed), Some(request)) = (key, request) else { return Ok(None) };
    let path = shelf.folder.join("request");
    let signed = SignedRequest::parse(&request).map_err(|e| home::damaged(&path).because(e))?;
    if signed.unverified().starter != identity.person() {
        return Ok(None);
    }
    let request = signed.verify(keys).map_err(|e| home::damaged(&path).because(e))?;
    let damaged = || home::damaged(&shelf.folder.join("key"));
    let text = open_with(identity.age(), &sealed).map_err(|e| damaged().because(e))?;
    let key = text.expose_str().and_then(|text| text.parse().ok()).ok_or_else(damaged)?;
    Ok(Some(Started { request, key, shelf }))
}

/// The names in a folder; none if it is not there.
pub(super) fn names(folder: &Path) -> Result<Vec<String>, Failure> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Failure::io(folder, error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        names.extend(entry.map_err(|e| Failure::io(folder, e))?.file_name().to_str().map(str::to_owned));
    }
    Ok(names)
}
