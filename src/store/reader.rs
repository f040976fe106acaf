//! Reading committed rows, beside the writer and never blocked by it.
//!
//! Each call reads one consistent state in a transaction of its own. Calls block: in async code they belong on a
//! thread for blocking work. This module must never write, and never hand a blob to somebody outside its audience.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use super::StoreError;
use crate::escrow::id::{BlobId, DeviceId, Digest, OrganisationId, PersonId};
use crate::escrow::log::merkle::TreeHead;
use crate::escrow::role::Role;

/// Who is asking, from the certificate of their device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The device's owner, who may read this log.
    pub person: PersonId,
    /// Their roles; none yet for candidates.
    pub roles: BTreeSet<Role>,
}

/// A pool of read-only connections. Cloning shares it.
#[derive(Clone)]
pub struct Reader {
    pool: Arc<()>,
}

impl Reader {
    /// Opens the database of `dir` with so many connections (at least one); more calls at once wait for each other.
    pub fn open(dir: &Path, connections: usize) -> Result<Self, StoreError> {
        todo!()
    }

    /// The person for whom a device speaks; `None` unless it is certified and not revoked and its owner may read.
    pub fn caller(&self, organisation: &OrganisationId, device: &DeviceId) -> Result<Option<Caller>, StoreError> {
        todo!()
    }

    /// Whether the device speaks for somebody in any organisation.
    pub fn knows_device(&self, device: &DeviceId) -> Result<bool, StoreError> {
        todo!()
    }

    /// The newest checkpoint (a signed note), and for each device that cosigned its newest cosignature line with the
    /// tree that it is about. `None` for an unknown organisation.
    #[allow(clippy::type_complexity)]
    pub fn checkpoint(
        &self,
        organisation: &OrganisationId,
    ) -> Result<Option<(String, Vec<(TreeHead, String)>)>, StoreError> {
        todo!()
    }

    /// The entries `from..to`, as hashed, as far as they exist and until `max_bytes` are reached; at least one, if
    /// there is any.
    pub fn entries(
        &self,
        organisation: &OrganisationId,
        from: u64,
        to: u64,
        max_bytes: usize,
    ) -> Result<Vec<Vec<u8>>, StoreError> {
        todo!()
    }

    /// How many entries the log has; `None` for an unknown organisation.
    pub fn size(&self, organisation: &OrganisationId) -> Result<Option<u64>, StoreError> {
        todo!()
    }

    /// That entry `index` is in the newest checkpoint's tree: a `c2sp.org/tlog-proof@v1` file.
    pub fn inclusion_proof(&self, organisation: &OrganisationId, index: u64) -> Result<String, StoreError> {
        todo!()
    }

    /// That the newest checkpoint's tree extends the tree of `old_size` entries: the proof, and the checkpoint.
    pub fn consistency_proof(
        &self,
        organisation: &OrganisationId,
        old_size: u64,
    ) -> Result<(Vec<Digest>, String), StoreError> {
        todo!()
    }

    /// The blobs of these names, in this order; unknown ones and those not for the caller are left out. Each is at
    /// most 256 KiB: the caller of this bounds their number.
    pub fn blobs(
        &self,
        organisation: &OrganisationId,
        ids: &[BlobId],
        caller: &Caller,
    ) -> Result<Vec<Vec<u8>>, StoreError> {
        todo!()
    }

    /// Whether the database answers: a health check.
    pub fn ready(&self) -> Result<(), StoreError> {
        todo!()
    }
}
