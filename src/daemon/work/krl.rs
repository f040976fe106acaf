//! The revocation lists of SSH authorities, as files that targets fetch.
//!
//! Where the configuration names a folder, there is one file for each authority, with the revoked certificates of every
//! account of every organisation on this server that uses it: `SHA256-<fingerprint>.krl`, the fingerprint as
//! `ssh-keygen -l` prints it, with `-` and `_` for `+` and `/`. A file is replaced as a whole. Whoever fetches it, with
//! whatever program, has what `RevokedKeys` of `sshd` reads; it holds nothing secret.
//!
//! A serial is in the file before the log says that its lease is gone. This module must never take one out again: what
//! stands in a file stays there, also when the organisation that it was of is destroyed.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tokio::sync::{Mutex, MutexGuard};

use super::queue::Outcome;
use crate::connect::LeaseName;
use crate::connect::krl::{self, Authority};
use crate::connect::settings::Settings;
use crate::daemon::writer::{Clock, Desk, WriteError, Writer};
use crate::escrow::id::{BlobId, OrganisationId, sha256};
use crate::escrow::made::AtTarget;
use crate::escrow::text::Text;
use crate::escrow::time::Time;

type Serials = BTreeMap<Authority, BTreeSet<u64>>;

/// What was read of the logs.
struct Read {
    serials: Serials,
    /// Those whose log could not be read yet: it waits for its move, or is damaged. That must not stop the others.
    unread: Vec<OrganisationId>,
}

/// The lists. Clones share them.
#[derive(Clone)]
pub struct Lists(Option<Arc<Inner>>);

struct Inner {
    folder: PathBuf,
    /// Those that were here when the daemon started.
    organisations: Vec<OrganisationId>,
    clock: Clock,
    /// None until the logs were read.
    read: Mutex<Option<Read>>,
}

impl Lists {
    /// Lists in `folder`; none are kept without one.
    pub fn new(folder: Option<PathBuf>, organisations: Vec<OrganisationId>, clock: Clock) -> Self {
        Self(folder.map(|folder| Arc::new(Inner { folder, organisations, clock, read: Mutex::default() })))
    }

    /// Writes every list anew, from the logs and from what the files hold already.
    pub(super) async fn prepare(&self, writer: &Writer) -> Result<(), Outcome> {
        match &self.0 {
            Some(inner) => inner.prepared(writer).await.map(drop),
            None => Ok(()),
        }
    }

    /// Sees to it that an authority has its file, with this serial in it.
    pub(super) async fn add(
        &self,
        writer: &Writer,
        authority: &Authority,
        serial: Option<u64>,
    ) -> Result<(), Outcome> {
        let Some(inner) = &self.0 else { return Ok(()) };
        let mut prepared = inner.prepared(writer).await?;
        let Some(Read { serials, .. }) = prepared.as_mut() else { return Err(Outcome::Failed("inside")) };
        let held = serials.get(authority);
        if held.is_some_and(|held| serial.is_none_or(|serial| held.contains(&serial))) {
            return Ok(());
        }
        let mut list = held.cloned().unwrap_or_default();
        list.extend(serial);
        let list = inner.write(authority.clone(), list).await?;
        serials.insert(authority.clone(), list);
        Ok(())
    }
}

impl Inner {
    /// The lists, read and written at the first call that succeeds; logs that could not be read are tried again.
    async fn prepared(&self, writer: &Writer) -> Result<MutexGuard<'_, Option<Read>>, Outcome> {
        let mut read = self.read.lock().await;
        let waiting = read.as_ref().map_or(&self.organisations, |read| &read.unread);
        if read.is_some() && waiting.is_empty() {
            return Ok(read);
        }
        let (mut found, mut unread) = (Serials::new(), Vec::new());
        for id in waiting {
            match writer.at_desk(*id, revoked).await {
                Ok(named) => named
                    .into_iter()
                    .for_each(|(authority, serial)| found.entry(authority).or_default().extend(serial)),
                Err(error) => {
                    tracing::warn!(organisation = %id, %error, "its revoked SSH certificates could not be listed yet");
                    unread.push(*id);
                }
            }
        }
        for (authority, list) in &mut found {
            *list = self.write(authority.clone(), std::mem::take(list)).await?;
        }
        // A list that was written holds what stood in its file, and so everything that was known of it before.
        let mut serials = read.take().map(|read| read.serials).unwrap_or_default();
        serials.extend(found);
        *read = Some(Read { serials, unread });
        Ok(read)
    }

    /// Writes a list together with what stands in its file; gives all of it.
    async fn write(&self, authority: Authority, serials: BTreeSet<u64>) -> Result<BTreeSet<u64>, Outcome> {
        let (folder, now) = (self.folder.clone(), (self.clock)());
        let written = tokio::task::spawn_blocking(move || write(&folder, &authority, serials, now)).await;
        written.map_err(|_| Outcome::Failed("inside"))?.map_err(|error| {
            let folder = self.folder.display();
            tracing::error!(%error, %folder, "a list of revoked SSH certificates could not be written; see to krl_folder");
            Outcome::Failed("krl-folder")
        })
    }
}

/// The authority of these settings, if they are of that kind.
pub(super) fn authority(text: &[u8], settings: BlobId) -> Option<Authority> {
    let text = Text::from_blob(text, settings).ok()?;
    match Settings::parse(text.as_str()) {
        Ok(Settings::Ssh(ssh)) => Some(ssh.authority().clone()),
        _ => None,
    }
}

/// The authorities of an organisation's accounts, and the serial of each certificate whose access was ended early.
fn revoked(desk: &mut Desk<'_, '_>) -> Result<Vec<(Authority, Option<u64>)>, WriteError> {
    let organisation = desk.organisation()?;
    let id = organisation.id();
    let current = organisation.credentials().values().filter_map(|account| account.current()?.1.connector);
    let current = current.map(|settings| (settings, None));
    let over = |target: &AtTarget| !matches!(target, AtTarget::Started { .. } | AtTarget::Made { .. });
    let over = organisation.requests().values().filter(|request| request.target.as_ref().is_some_and(over));
    let over =
        over.filter_map(|request| Some((request.connector?, Some(LeaseName::new(id, request.at.index).serial()))));
    let named: Vec<(BlobId, Option<u64>)> = current.chain(over).collect();
    let mut authorities: BTreeMap<BlobId, Option<Authority>> = BTreeMap::new();
    let mut found = Vec::new();
    for (settings, serial) in named {
        if let Entry::Vacant(place) = authorities.entry(settings) {
            // What was destroyed stands in the file already.
            let text = desk.blob(&settings)?;
            place.insert(text.and_then(|text| authority(&text, settings)));
        }
        if let Some(Some(authority)) = authorities.get(&settings) {
            found.push((authority.clone(), serial));
        }
    }
    Ok(found)
}

/// The file of an authority.
fn name(authority: &Authority) -> String {
    format!("SHA256-{}.krl", URL_SAFE_NO_PAD.encode(sha256(&[authority.blob()])))
}

fn write(folder: &Path, authority: &Authority, mut serials: BTreeSet<u64>, now: Time) -> io::Result<BTreeSet<u64>> {
    std::fs::create_dir_all(folder)?;
    let name = name(authority);
    let path = folder.join(&name);
    match std::fs::read(&path) {
        Ok(bytes) => {
            let other = || io::Error::other(format!("{} is no list of this program; move it away", path.display()));
            serials.extend(krl::decode(authority, &bytes).ok_or_else(other)?);
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let fresh = folder.join(format!(".{name}.new"));
    let mut file = File::create(&fresh)?;
    file.write_all(&krl::encode(authority, &serials, now))?;
    file.sync_all()?;
    std::fs::rename(&fresh, &path)?;
    // The name is on disk only when the folder is.
    File::open(folder)?.sync_all()?;
    Ok(serials)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_in_a_file_stays_and_a_foreign_file_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lists");
        let line = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILM+rvN+ot98qgEN796jTiQfZfG1KaT0PtFDJ/XFSqti";
        let authority = Authority::parse(line).unwrap();
        assert_eq!(write(&path, &authority, BTreeSet::new(), Time(1)).unwrap(), BTreeSet::new());
        assert_eq!(write(&path, &authority, BTreeSet::from([7]), Time(2)).unwrap(), BTreeSet::from([7]));
        assert_eq!(write(&path, &authority, BTreeSet::from([5]), Time(3)).unwrap(), BTreeSet::from([5, 7]));
        let file = path.join(name(&authority));
        assert_eq!(std::fs::read_dir(&path).unwrap().count(), 1, "no draft is left");
        std::fs::write(&file, "of somebody else").unwrap();
        assert!(write(&path, &authority, BTreeSet::from([9]), Time(4)).is_err());
        assert_eq!(std::fs::read(&file).unwrap(), b"of somebody else");
    }
}
