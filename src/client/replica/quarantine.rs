//! What was destroyed, and is deleted here only after the charter's delay by this computer's own clock.
//!
//! A server that holds an agreement back until it is confirmed gives people no day to object. So what a destruction
//! takes stays from the moment at which this computer first sees it for as long as the delay is: nothing live refers to
//! it, no screen shows it, it is not offered to a server; but with the log of before, `recover` and a restoration open
//! it. It is deleted when the folder is synchronised, because only a server can say that this computer's clock is wrong.
//! This module must never delete anything earlier, nor let it stay longer once there is a server.
//!
//! `destroyed` holds a line each: the blob's name, and when it is deleted, in POSIX seconds.

use std::collections::BTreeMap;

use super::super::failure::Failure;
use super::super::home;
use super::Replica;
use crate::escrow::charter::{Charter, LONGEST_DELAY};
use crate::escrow::id::BlobId;
use crate::escrow::time::{Seconds, Time};

/// The file beside the replica.
const FILE: &str = "destroyed";

impl Replica {
    /// The delay of the charter in force; none before there is one.
    pub(super) fn destroy_delay(&self) -> Seconds {
        let charter = self.state().ok().and_then(|state| state.charter());
        charter.map_or(Seconds(0), Charter::destroy_delay)
    }

    /// Notes what was destroyed and is still here. Only after the checkpoint: before, an entry is not to be believed.
    pub fn note_destroyed(&self, now: Time) -> Result<(), Failure> {
        let (known, mut noted) = (self.noted()?, BTreeMap::new());
        // A clock that was ahead when this was first seen must not keep it for longer than any charter can.
        let latest = now.after(LONGEST_DELAY);
        for id in self.forgotten.iter().filter(|id| self.blob_path(id).exists()) {
            // The longer of the delays that were known before and now: a charter that came with the destruction, and
            // unseen like it, must not shorten it.
            let until =
                known.get(id).copied().unwrap_or_else(|| now.after(self.known_delay.max(self.destroy_delay())));
            noted.insert(*id, until.min(latest));
        }
        self.write_noted(&known, &noted)
    }

    /// Deletes what was noted until this time: the log's own, or that of a clock which an honest server would have
    /// called wrong. One that somebody set ahead must not be enough.
    pub fn drop_destroyed(&self, time: Time) -> Result<(), Failure> {
        let known = self.noted()?;
        let (over, noted): (BTreeMap<_, _>, BTreeMap<_, _>) = known.iter().partition(|(_, until)| **until <= time);
        for id in over.keys().filter(|id| self.forgotten.contains(id)) {
            home::remove(&self.blob_path(id))?;
        }
        self.write_noted(&known, &noted)
    }

    fn write_noted(&self, known: &BTreeMap<BlobId, Time>, noted: &BTreeMap<BlobId, Time>) -> Result<(), Failure> {
        if noted == known {
            return Ok(());
        }
        if noted.is_empty() {
            return home::remove(&self.folder.join(FILE));
        }
        let text: String = noted.iter().map(|(id, until)| format!("{id} {until}\n")).collect();
        home::write(&self.folder.join(FILE), text.as_bytes())
    }

    /// What was destroyed and is still here, and until when. A line that cannot be read is as if it were not there: the
    /// time begins again.
    pub fn noted(&self) -> Result<BTreeMap<BlobId, Time>, Failure> {
        let bytes = home::read_if_there(&self.folder.join(FILE))?.unwrap_or_default();
        let line = |line: &str| {
            let (id, until) = line.split_once(' ')?;
            Some((id.parse().ok()?, Time(until.parse().ok()?)))
        };
        Ok(String::from_utf8_lossy(&bytes).lines().filter_map(line).collect())
    }
}
