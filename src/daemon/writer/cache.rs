//! The organisations in the writer's memory.

use std::collections::HashMap;

use super::WriteError;
use super::group::Stopped;
use crate::escrow::id::OrganisationId;
use crate::store::batch::Batch;
use crate::store::load::Loaded;

/// How many organisations stay in memory between groups.
pub(super) const KEPT: usize = 64;
/// So many entries, all organisations together, as some 3 KiB each: beyond them, organisations leave earlier, but for the
/// last few. To read a long log again and again would hold up everybody.
const KEPT_ENTRIES: u64 = 4_096;
const LAST_FEW: usize = 8;

/// Loaded organisations, with when each was last used.
#[derive(Default)]
pub(super) struct Cache {
    loaded: HashMap<OrganisationId, (u64, Loaded)>,
    uses: u64,
}

impl Cache {
    /// An organisation, loaded if it is not in memory.
    pub fn get(&mut self, batch: &Batch<'_>, id: OrganisationId) -> Result<&mut Loaded, Stopped> {
        use std::collections::hash_map::Entry;
        self.uses += 1;
        let (used, loaded) = match self.loaded.entry(id) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => place.insert((0, batch.load(id)?.ok_or(WriteError::UnknownOrganisation)?)),
        };
        *used = self.uses;
        Ok(loaded)
    }

    /// An organisation, if it is in memory.
    pub fn peek(&self, id: &OrganisationId) -> Option<&Loaded> {
        self.loaded.get(id).map(|(_, loaded)| loaded)
    }

    /// The same, to change it.
    pub fn peek_mut(&mut self, id: &OrganisationId) -> Option<&mut Loaded> {
        self.loaded.get_mut(id).map(|(_, loaded)| loaded)
    }

    /// A new organisation.
    pub fn insert(&mut self, id: OrganisationId, loaded: Loaded) {
        self.uses += 1;
        self.loaded.insert(id, (self.uses, loaded));
    }

    /// Forgets what may not be what the disk has.
    pub fn forget(&mut self, id: &OrganisationId) {
        self.loaded.remove(id);
    }

    fn is_too_full(&self) -> bool {
        let entries: u64 = self.loaded.values().map(|(_, loaded)| loaded.frontier.size()).sum();
        self.loaded.len() > KEPT || (self.loaded.len() > LAST_FEW && entries > KEPT_ENTRIES)
    }

    /// Forgets those longest unused. Never during a group, which may have changed them.
    pub fn evict(&mut self) {
        while self.is_too_full() {
            let oldest = self.loaded.iter().min_by_key(|(_, (used, _))| *used).map(|(id, _)| *id);
            let Some(oldest) = oldest else { return };
            self.loaded.remove(&oldest);
        }
    }
}
