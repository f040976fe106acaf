//! Who is calling: what the database says of a device, remembered until it may have changed.
//!
//! This is looked up at every call and at every step of a stream, so that a revoked device reads nothing more. The
//! writer counts the commits that changed anybody's rights, and does so before it tells anybody of them; what was read
//! before such a commit is forgotten. Only devices that may read are remembered, so that strangers fill nothing.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::refused::Refused;
use crate::escrow::id::{DeviceId, OrganisationId};
use crate::store::reader::{Caller, Reader};

/// Devices that are remembered at most.
const CAPACITY: usize = 4096;

/// How often anybody's rights changed, as far as somebody may know. Clones share the count.
#[derive(Debug, Clone, Default)]
pub struct Changes(Arc<AtomicU64>);

impl Changes {
    /// Counts a commit that changed somebody's rights; before anybody is told of it.
    pub fn count(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    fn so_far(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// A device's rights, and how many changes there had been before they were read.
type Known = HashMap<(OrganisationId, DeviceId), (u64, Caller)>;

/// The callers that are known. Clones share them.
#[derive(Clone)]
pub struct Callers {
    reader: Reader,
    changes: Changes,
    known: Arc<Mutex<Known>>,
}

impl Callers {
    /// Nobody is known yet.
    pub fn new(reader: Reader, changes: Changes) -> Self {
        Self { reader, changes, known: Arc::default() }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // The map is whole after every statement: a panic elsewhere does not spoil it.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The person for whom a device speaks; `None` unless it is certified and not revoked and its owner may read.
    pub async fn look_up(&self, organisation: OrganisationId, device: DeviceId) -> Result<Option<Caller>, Refused> {
        // Before the rows are read: what changes in between is counted after it.
        let changes = self.changes.so_far();
        let key = (organisation, device);
        if let Some((read_at, caller)) = self.known().get(&key)
            && *read_at == changes
        {
            return Ok(Some(caller.clone()));
        }
        let reader = self.reader.clone();
        let found = tokio::task::spawn_blocking(move || reader.caller(&organisation, &device)).await;
        // A blocking task is cancelled only when the process stops.
        let found = found.map_err(|_| Refused::Closing)??;
        let mut known = self.known();
        match &found {
            Some(caller) if !caller.waiting => {
                if known.len() >= CAPACITY && !known.contains_key(&key) {
                    known.clear();
                }
                known.insert(key, (changes, caller.clone()));
            }
            // One that waits for a move does so until the move, which changes nobody's rights.
            _ => drop(known.remove(&key)),
        }
        Ok(found)
    }
}
