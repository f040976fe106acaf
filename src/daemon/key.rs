//! The server's key: 32 bytes in `server.key`, for the daemon's user only.
//!
//! Clients pin it, so it is made once and never replaced; whoever copies it can pretend to be this server, and still
//! cannot sign anything that the log would take. A lost key means new contact cards for everybody. This module must
//! never overwrite a key and never read one that others can read too.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use crate::seal::device::DeviceKey;
use crate::seal::secret::Secret;
use crate::seal::signing::{BadSecretKey, SEED_BYTES};

const FILE: &str = "server.key";

/// Why there is no server key.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// The file system refused.
    #[error("could not {doing} {}; check that the folder exists and its owner", path.display())]
    Io {
        /// What was tried.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Others can read it.
    #[error("{} can be read by other users; take their rights away (chmod 600) and ask yourself who copied it", .0.display())]
    Exposed(PathBuf),
    /// Not a key.
    #[error("{} holds no key; restore it from a copy, or clients will not connect", path.display())]
    Bad {
        /// The file.
        path: PathBuf,
        /// Why.
        source: BadSecretKey,
    },
    /// No key could be made.
    #[error("no server key could be made")]
    Generate(#[from] BadSecretKey),
}

/// Makes the key of the data folder `dir`; or takes the one that is there, from an attempt that was cut short. The
/// caller holds the folder's lock.
pub fn create(dir: &Path) -> Result<DeviceKey, KeyFileError> {
    let (path, key) = (dir.join(FILE), DeviceKey::generate()?);
    match write_once(&path, key.to_secret_bytes().expose()) {
        Ok(true) => Ok(key),
        Ok(false) => load(dir),
        Err(source) => Err(KeyFileError::Io { doing: "write", path, source }),
    }
}

/// Writes a file for its owner only, whole or not at all. False if there is one, which stays as it is. What an attempt
/// before left of its own goes.
pub(super) fn write_once(path: &Path, content: &[u8]) -> io::Result<bool> {
    let mut draft = path.as_os_str().to_owned();
    draft.push(".new");
    match std::fs::remove_file(&draft) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    if path.symlink_metadata().is_ok() {
        return Ok(false);
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&draft)?;
    file.write_all(content)?;
    file.sync_all()?;
    // Unlike renaming, this never takes the place of another file.
    std::fs::hard_link(&draft, path)?;
    std::fs::remove_file(&draft)?;
    // The name is on disk only when the folder is.
    File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()?;
    Ok(true)
}

/// Reads the key of the data folder `dir`.
pub fn load(dir: &Path) -> Result<DeviceKey, KeyFileError> {
    let path = dir.join(FILE);
    let io = |source| KeyFileError::Io { doing: "read", path: path.clone(), source };
    let file = File::open(&path).map_err(io)?;
    #[cfg(unix)]
    if std::os::unix::fs::MetadataExt::mode(&file.metadata().map_err(io)?) & 0o077 != 0 {
        return Err(KeyFileError::Exposed(path));
    }
    // Read to one byte more, to notice a longer file; the capacity is exact, so that nothing is left behind.
    let mut bytes = Vec::with_capacity(SEED_BYTES + 1);
    let read = file.take(SEED_BYTES as u64 + 1).read_to_end(&mut bytes);
    let secret = Secret::new(bytes);
    read.map_err(io)?;
    DeviceKey::from_bytes(secret).map_err(|source| KeyFileError::Bad { path, source })
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn is_made_once_for_its_owner_only() {
        let dir = tempfile::tempdir().unwrap();
        let key = create(dir.path()).unwrap();
        assert_eq!(load(dir.path()).unwrap().public(), key.public());
        // What an attempt left that was cut short is no hindrance.
        std::fs::write(dir.path().join("server.key.new"), [0; 7]).unwrap();
        assert_eq!(create(dir.path()).unwrap().public(), key.public());

        let path = dir.path().join(FILE);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o640)).unwrap();
        assert!(matches!(load(dir.path()), Err(KeyFileError::Exposed(_))));
    }

    #[test]
    fn anything_but_32_bytes_is_no_key() {
        for length in [0, 31, 33, 4096] {
            let dir = tempfile::tempdir().unwrap();
            create(dir.path()).unwrap();
            std::fs::write(dir.path().join(FILE), vec![7; length]).unwrap();
            assert!(matches!(load(dir.path()), Err(KeyFileError::Bad { .. })), "{length}");
        }
    }
}
