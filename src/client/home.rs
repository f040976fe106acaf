//! The client's files, and how they are written: completely, or not at all.
//!
//! ```text
//! identity.age                     the person's seed, sealed with the passphrase
//! beginning/<id>/                  an association that is entered anew, until it takes the place of the one below
//! aside/<id>-<date>/           what was there before that, as it was, without `keys`
//! organisations/<id>/
//!   contact.json                   where the server is and which keys are pinned
//!   device.key                     this computer's key for this organisation: TLS and cosignatures only
//!   entries, checkpoint            the verified replica of the log
//!   synchronised, cosigned         when that was last done, in POSIX seconds
//!   blobs/<id>                     texts; for trustees all sealed secrets and shares too
//!   destroyed                      which of them were destroyed, and when they are deleted here
//!   cosignatures                   each device's newest that was verified: size, root, line of the note
//!   outbox/<id>                    what was signed and is not known to be in the log
//!   kept/<id>                      what is in the log and not safe yet, with its blobs
//!   keys/<recipient>               keys of our own requests, sealed to the identity, after 8 bytes of expiry
//!   released/<n>/<id>              shares re-sealed for request n, until it is over; and under which log
//!                                  key they were uploaded
//!   entering, founding             commands that make us known, until the log shows one of them
//!   invitations/<id>               secrets of invitations that we made, sealed to the identity
//!   recoveries/<name>/             recoveries without the server that were started or answered here
//!   evidence/                      signed notes that contradict each other; what was there before a move
//!   moving/                        what a move puts in the place of entries, checkpoint and contact, while it does
//!   offered                        under which log key the server was offered the blobs that are here
//!   moves/<version>                digests of the moves that we signed
//! ```
//!
//! Nothing here may be written in the clear that opens anything.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::failure::{Exit, Failure, no_organisation, which_organisation};
use crate::escrow::id::{OrganisationId, PersonId};
use crate::escrow::key::VerifyingKey;
use crate::escrow::log::merkle::TreeHead;
use crate::escrow::time::Time;
use crate::seal::device::DeviceKey;
use crate::seal::identity::{Identity, IdentityError, WorkFactor};
use crate::seal::secret::Secret;

/// The client's directory (`--home`, `SEQUESTRE_HOME`).
#[derive(Debug, Clone)]
pub struct Home(PathBuf);

impl Home {
    /// Uses this directory; it is made when something is first written to it.
    pub fn new(path: PathBuf) -> Self {
        Self(path)
    }

    fn identity_path(&self) -> PathBuf {
        self.0.join("identity.age")
    }

    /// Whether an identity is here.
    pub fn has_identity(&self) -> bool {
        self.identity_path().exists()
    }

    /// Stores a new identity; an existing one is never overwritten.
    pub fn store_identity(&self, identity: &Identity, passphrase: &Secret, work: WorkFactor) -> Result<(), Failure> {
        if self.has_identity() {
            return Err(Failure::new(Exit::Failed, "failed-identity-exists").with("path", self.0.display()));
        }
        let sealed = identity.encrypt(passphrase, work).map_err(Failure::technical)?;
        private_dir(&self.0)?;
        write(&self.identity_path(), &sealed)
    }

    /// Opens the identity with its passphrase.
    pub fn identity(&self, passphrase: &Secret) -> Result<Identity, Failure> {
        let path = self.identity_path();
        let sealed = match fs::read(&path) {
            Ok(sealed) => sealed,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(Failure::new(Exit::Failed, "failed-no-identity").with("path", self.0.display()));
            }
            Err(error) => return Err(Failure::io(&path, error)),
        };
        Identity::decrypt(&sealed, passphrase).map_err(|error| match error {
            IdentityError::WrongPassphrase => Failure::new(Exit::Failed, "failed-passphrase"),
            other => Failure::technical(other),
        })
    }

    /// The organisations that this home knows.
    pub fn organisations(&self) -> Result<Vec<OrganisationId>, Failure> {
        // A folder without contact is the rest of a joining or founding that did not come to its end.
        Ok(self.folders()?.into_iter().filter(Folder::has_contact).map(|folder| folder.id).collect())
    }

    /// Folders of joinings and foundings that did not come to their end.
    pub fn unfinished(&self) -> Result<Vec<Folder>, Failure> {
        Ok(self.folders()?.into_iter().filter(|folder| !folder.has_contact()).collect())
    }

    fn folders(&self) -> Result<Vec<Folder>, Failure> {
        let path = self.0.join("organisations");
        let entries = match fs::read_dir(&path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(Failure::io(&path, error)),
        };
        let mut ids = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|e| Failure::io(&path, e))?;
            let id = entry.file_name().to_str().and_then(|name| name.parse::<OrganisationId>().ok());
            ids.extend(id);
        }
        ids.sort();
        Ok(ids.into_iter().map(|id| self.folder(id)).collect())
    }

    /// The organisation meant by `--org` (the beginning of its id), or the only one.
    pub fn choose(&self, wanted: Option<&str>) -> Result<Folder, Failure> {
        let known = self.organisations()?;
        let matching: Vec<OrganisationId> = match wanted {
            Some(prefix) => known.iter().filter(|id| id.to_string().starts_with(prefix)).copied().collect(),
            None => known.clone(),
        };
        match matching.as_slice() {
            [] if known.is_empty() => Err(no_organisation()),
            [] => Err(which_organisation(&known)),
            [only] => Ok(self.folder(*only)),
            [..] => Err(which_organisation(&matching)),
        }
    }

    /// One organisation's folder.
    pub fn folder(&self, id: OrganisationId) -> Folder {
        Folder { id, path: self.0.join("organisations").join(id.to_string()) }
    }

    /// Where an organisation is entered anew, until it takes the place of the folder that is there.
    pub(super) fn beginning(&self, id: OrganisationId) -> Folder {
        Folder { id, path: self.0.join("beginning").join(id.to_string()) }
    }

    /// A free place for a folder that is put aside today, with a name that tells which and when.
    pub(super) fn aside(&self, id: OrganisationId, now: Time) -> Result<PathBuf, Failure> {
        let folder = self.0.join("aside");
        private_dir(&folder)?;
        let stamp =
            jiff::Timestamp::from_second(i64::try_from(now.0).unwrap_or(i64::MAX)).map_err(Failure::technical)?;
        let name = format!("{id}-{}", stamp.strftime("%Y-%m-%d"));
        let (mut path, mut n) = (folder.join(&name), 1);
        while fs::symlink_metadata(&path).is_ok() {
            n += 1;
            path = folder.join(format!("{name}-{n}"));
        }
        Ok(path)
    }

    /// The folders of an organisation that were put aside.
    pub(super) fn put_aside(&self, id: OrganisationId) -> Result<Vec<PathBuf>, Failure> {
        let folder = self.0.join("aside");
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(Failure::io(&folder, error)),
        };
        let prefix = format!("{id}-");
        let mut found = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|e| Failure::io(&folder, e))?;
            if entry.file_name().to_str().is_some_and(|name| name.starts_with(&prefix)) {
                found.push(entry.path());
            }
        }
        found.sort();
        Ok(found)
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

/// One organisation's folder.
#[derive(Debug, Clone)]
pub struct Folder {
    /// Whose.
    pub id: OrganisationId,
    path: PathBuf,
}

/// What is pinned when joining, and never taken from the server again. Only a move changes it.
#[derive(Debug, Clone)]
pub struct Contact {
    /// `host:port`.
    pub address: String,
    /// The server's TLS key.
    pub server_key: VerifyingKey,
    /// The organisation's log key.
    pub log_key: VerifyingKey,
    /// A tree that the log must extend.
    pub checkpoint: TreeHead,
    /// Who we are in it.
    pub me: PersonId,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ContactFile {
    address: String,
    server_key: String,
    log_key: String,
    checkpoint_size: u64,
    checkpoint_root: String,
    me: String,
}

impl Contact {
    /// The file's content.
    pub(super) fn encode(&self) -> Result<Vec<u8>, Failure> {
        let file = ContactFile {
            address: self.address.clone(),
            server_key: hex::encode(self.server_key.as_bytes()),
            log_key: hex::encode(self.log_key.as_bytes()),
            checkpoint_size: self.checkpoint.size,
            checkpoint_root: self.checkpoint.root.to_string(),
            me: self.me.to_string(),
        };
        serde_json::to_vec_pretty(&file).map_err(Failure::technical)
    }
}

impl Folder {
    /// A copy of one, wherever it lies.
    pub fn at(id: OrganisationId, path: PathBuf) -> Self {
        Self { id, path }
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A file or folder in it.
    pub fn join(&self, name: impl AsRef<Path>) -> PathBuf {
        self.path.join(name)
    }

    /// Whether this home belongs to the organisation.
    pub(super) fn has_contact(&self) -> bool {
        self.join("contact.json").exists()
    }

    /// Makes the folder with its device key, once; called again it returns the key that is there.
    pub fn prepare(&self) -> Result<DeviceKey, Failure> {
        if !self.join("device.key").exists() {
            let key = DeviceKey::generate().map_err(Failure::technical)?;
            self.prepare_with(&key)?;
        }
        self.device()
    }

    /// Makes what a recovery with somebody's copy of the log needs where this home does not belong to the
    /// organisation: a place for its files, and for commands that are sent once it does.
    pub fn prepare_bare(&self) -> Result<(), Failure> {
        ["outbox", "recoveries"].iter().try_for_each(|sub| private_dir(&self.path.join(sub)))
    }

    /// Makes the folder around a device key that exists already, as at a founding.
    pub fn prepare_with(&self, key: &DeviceKey) -> Result<(), Failure> {
        private_dir(&self.path)?;
        for sub in ["blobs", "outbox", "keys", "invitations", "evidence"] {
            private_dir(&self.path.join(sub))?;
        }
        let text = Secret::from_string(hex::encode(key.to_secret_bytes().expose()));
        write(&self.join("device.key"), text.expose())
    }

    /// This computer's key for this organisation.
    pub fn device(&self) -> Result<DeviceKey, Failure> {
        let path = self.join("device.key");
        let text = Secret::new(read(&path)?);
        let bytes = hex::decode(text.expose()).map_err(|_| damaged(&path))?;
        DeviceKey::from_bytes(Secret::new(bytes)).map_err(|_| damaged(&path))
    }

    /// Pins where the server is and who we are.
    pub fn store_contact(&self, contact: &Contact) -> Result<(), Failure> {
        write(&self.join("contact.json"), &contact.encode()?)
    }

    /// What was pinned.
    pub fn contact(&self) -> Result<Contact, Failure> {
        let path = self.join("contact.json");
        let file: ContactFile = serde_json::from_slice(&read(&path)?).map_err(|e| damaged(&path).because(e))?;
        let key = |text: &str| hex::decode(text).ok().and_then(|bytes| VerifyingKey::ed25519(&bytes).ok());
        let parsed = || {
            Some(Contact {
                address: file.address.clone(),
                server_key: key(&file.server_key)?,
                log_key: key(&file.log_key)?,
                checkpoint: TreeHead { size: file.checkpoint_size, root: file.checkpoint_root.parse().ok()? },
                me: file.me.parse().ok()?,
            })
        };
        parsed().ok_or_else(|| damaged(&path))
    }

    /// Keeps two clients from writing this folder at once; released when dropped. Whoever gets it first finishes an
    /// exchange that was interrupted: half old and half new, the folder would look damaged, and be made so.
    pub fn lock(&self) -> Result<Lock, Failure> {
        loop {
            let (path, file) = self.lock_file()?;
            file.lock().map_err(|e| Failure::io(&path, e))?;
            // Whoever had it may have put another folder in the place of this one.
            if is_at(&file, &path)? {
                super::moving::finish(self)?;
                return Ok(Lock { _file: file });
            }
        }
    }

    /// The same without waiting: `None` while another client has it.
    pub fn try_lock(&self) -> Result<Option<Lock>, Failure> {
        let (path, file) = self.lock_file()?;
        match file.try_lock() {
            Ok(()) => {
                super::moving::finish(self)?;
                Ok(Some(Lock { _file: file }))
            }
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(Failure::io(&path, error)),
        }
    }

    fn lock_file(&self) -> Result<(PathBuf, File), Failure> {
        let path = self.join("lock");
        let file = OpenOptions::new().create(true).append(true).open(&path).map_err(|e| Failure::io(&path, e))?;
        Ok((path, file))
    }
}

/// Whether the file that was opened is the one which now has this name.
fn is_at(file: &File, path: &Path) -> Result<bool, Failure> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        let opened = file.metadata().map_err(|e| Failure::io(path, e))?;
        let named = fs::metadata(path).map_err(|e| Failure::io(path, e))?;
        Ok((opened.dev(), opened.ino()) == (named.dev(), named.ino()))
    }
    // Elsewhere a folder with an open file cannot be moved.
    #[cfg(not(unix))]
    {
        let _ = (file, path);
        Ok(true)
    }
}

/// Held while a folder is being changed.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// A file that cannot be read as what it should be.
pub fn damaged(path: &Path) -> Failure {
    Failure::new(Exit::Failed, "failed-damaged").with("path", path.display())
}

/// Reads a file.
pub fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(path).map_err(|e| Failure::io(path, e))
}

/// Reads a file that need not exist.
pub fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>, Failure> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Failure::io(path, error)),
    }
}

/// Writes a file for its owner only, so that after a crash it is either the old or the new one.
pub fn write(path: &Path, content: &[u8]) -> Result<(), Failure> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let put = || -> io::Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(content)?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|e| e.error)?;
        sync_dir(folder)
    };
    put().map_err(|e| Failure::io(path, e))
}

/// Writes a file for its owner only, where none is yet.
pub fn write_new(path: &Path, content: &[u8]) -> Result<(), Failure> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let put = || -> io::Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(content)?;
        file.as_file().sync_all()?;
        file.persist_noclobber(path).map_err(|e| e.error)?;
        sync_dir(folder)
    };
    put().map_err(|e| Failure::io(path, e))
}

/// As [`write_new`], for what opens everything: refused where the file system would show it to others whatever rights
/// the file is given, as that of a USB stick does. Nothing has been written then.
pub fn write_new_private(path: &Path, content: &[u8]) -> Result<(), Failure> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let probe = tempfile::NamedTempFile::new_in(folder).map_err(|e| Failure::io(path, e))?;
    if refuse_open_file(probe.path()).is_err() {
        return Err(Failure::new(Exit::Usage, "failed-not-private").with("path", folder.display()));
    }
    drop(probe);
    write_new(path, content)
}

/// Refuses a file with a secret that others than its owner can read. Pipes have no such rights.
pub fn refuse_open_file(path: &Path) -> Result<(), Failure> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let meta = fs::metadata(path).map_err(|e| Failure::io(path, e))?;
        if meta.is_file() && meta.permissions().mode() & 0o077 != 0 {
            return Err(Failure::new(Exit::Usage, "failed-open-file").with("path", path.display()));
        }
    }
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

/// Deletes a file that need not exist.
pub fn remove(path: &Path) -> Result<(), Failure> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Failure::io(path, error)),
        _ => Ok(()),
    }
}

/// Moves a file within the home, so that after a crash it is in one of the two places.
pub fn rename(from: &Path, to: &Path) -> Result<(), Failure> {
    let folder = |path: &Path| path.parent().map(Path::to_owned).unwrap_or_default();
    let moved = || fs::rename(from, to).and_then(|()| sync_dir(&folder(to))).and_then(|()| sync_dir(&folder(from)));
    moved().map_err(|e| Failure::io(from, e))
}

/// Makes a renamed or new file's name durable. Windows has no such call and needs none.
pub fn sync_dir(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

/// Makes a folder that only its owner can open.
pub(super) fn private_dir(path: &Path) -> Result<(), Failure> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        builder.mode(0o700);
    }
    builder.create(path).map_err(|e| Failure::io(path, e))
}
