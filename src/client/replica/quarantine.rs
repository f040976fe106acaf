//! What was destroyed, and is deleted here only after the charter's delay by this computer's own clock.
//!
//! A server that holds an agreement back until it is confirmed gives people no day to object. So what a destruction
//! takes stays from the moment at which this computer first sees it for as long as the delay is: nothing live refers to
//! it, no screen shows it, it is not offered to a server; but with the log of before, `recover` and a restoration open
//! it. It is deleted in a synchronisation, because a server can say that this computer's clock is wrong; without one,
//! once the time was over for a day, so that a clock which was set ahead for an hour takes nothing. This module must never
//! delete anything earlier, nor let it stay much longer.
//!
//! `destroyed` holds a line each: the blob's name, when it is deleted, in POSIX seconds, and when its time was first seen
//! to be over.

use std::collections::BTreeMap;
use std::fmt;

use super::super::failure::Failure;
use super::super::home;
use super::Replica;
use crate::escrow::charter::{Charter, LONGEST_DELAY};
use crate::escrow::id::BlobId;
use crate::escrow::time::{Seconds, Time};

/// The file beside the replica.
const FILE: &str = "destroyed";
/// The delay that a charter shortened, in seconds, and until when it goes on here, in POSIX seconds.
const LONGER: &str = "longer_delay";

impl Replica {
    /// The delay of the charter in force; none before there is one.
    pub(super) fn destroy_delay(&self) -> Seconds {
        let charter = self.state().ok().and_then(|state| state.charter());
        charter.map_or(Seconds(0), Charter::destroy_delay)
    }

    /// Notes what was destroyed and is still here, and deletes what has been over for a day. Only after the checkpoint:
    /// before, an entry is not to be believed.
    pub fn note_destroyed(&self, now: Time) -> Result<(), Failure> {
        let (known, mut noted) = (self.lines()?, BTreeMap::new());
        // The longer of the delays that were known before and now: a charter that came with the destruction, or was
        // shown shortly before it, and unseen like it, must not shorten it.
        let delay = self.known_delay.max(self.destroy_delay()).max(self.longer_delay(now)?);
        // A clock that was ahead when this was first seen must not keep it for longer than any charter can.
        let latest = now.after(LONGEST_DELAY);
        for id in self.forgotten.iter().filter(|id| self.blob_path(id).exists()) {
            let line = known.get(id).copied().unwrap_or(Line { until: now.after(delay), over: None });
            let until = line.until.min(latest);
            // Seen by a clock that was ahead of this one, it was not seen.
            let over = (until <= now).then(|| line.over.filter(|seen| *seen <= now).unwrap_or(now));
            if over.is_some_and(|seen| seen.after(Seconds::DAY) <= now) {
                home::remove(&self.blob_path(id))?;
            } else {
                noted.insert(*id, Line { until, over });
            }
        }
        self.write_noted(&known, &noted)
    }

    /// Deletes what was noted until this time: the log's own, or that of a clock which an honest server would have
    /// called wrong. One that somebody set ahead must not be enough.
    pub fn drop_destroyed(&self, time: Time) -> Result<(), Failure> {
        let known = self.lines()?;
        let (over, noted): (BTreeMap<_, _>, BTreeMap<_, _>) = known.iter().partition(|(_, line)| line.until <= time);
        for id in over.keys().filter(|id| self.forgotten.contains(id)) {
            home::remove(&self.blob_path(id))?;
        }
        self.write_noted(&known, &noted)
    }

    /// Notes that a charter shortens the delay. The longer one goes on for as long as it was itself.
    pub(super) fn note_shortened(&self, now: Time) -> Result<(), Failure> {
        let before = self.known_delay.max(self.longer_delay(now)?);
        if self.destroy_delay() >= self.known_delay {
            return Ok(());
        }
        home::write(&self.folder.join(LONGER), format!("{} {}", before.0, now.after(before)).as_bytes())
    }

    /// The delay that a charter in force has shortened, while it goes on; else none.
    fn longer_delay(&self, now: Time) -> Result<Seconds, Failure> {
        let bytes = home::read_if_there(&self.folder.join(LONGER))?.unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        let parsed = text
            .split_once(' ')
            .and_then(|(delay, until)| Some((Seconds(delay.parse().ok()?), Time(until.parse().ok()?))));
        Ok(parsed.filter(|(_, until)| now < *until).map_or(Seconds(0), |(delay, _)| delay))
    }

    fn write_noted(&self, known: &BTreeMap<BlobId, Line>, noted: &BTreeMap<BlobId, Line>) -> Result<(), Failure> {
        if noted == known {
            return Ok(());
        }
        if noted.is_empty() {
            return home::remove(&self.folder.join(FILE));
        }
        let text: String = noted.iter().map(|(id, line)| format!("{id} {line}\n")).collect();
        home::write(&self.folder.join(FILE), text.as_bytes())
    }

    /// What was destroyed and is still here, and until when.
    pub fn noted(&self) -> Result<BTreeMap<BlobId, Time>, Failure> {
        Ok(self.lines()?.into_iter().map(|(id, line)| (id, line.until)).collect())
    }

    /// A line that cannot be read is as if it were not there: the time begins again.
    fn lines(&self) -> Result<BTreeMap<BlobId, Line>, Failure> {
        let bytes = home::read_if_there(&self.folder.join(FILE))?.unwrap_or_default();
        let line = |line: &str| {
            let (id, times) = line.split_once(' ')?;
            let (until, over) = match times.split_once(' ') {
                Some((until, over)) => (until, Some(Time(over.parse().ok()?))),
                None => (times, None),
            };
            Some((id.parse().ok()?, Line { until: Time(until.parse().ok()?), over }))
        };
        Ok(String::from_utf8_lossy(&bytes).lines().filter_map(line).collect())
    }
}

/// What is noted of a blob.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Line {
    /// When it is deleted.
    until: Time,
    /// When that time was first seen to be over.
    over: Option<Time>,
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.over {
            Some(over) => write!(f, "{} {over}", self.until),
            None => write!(f, "{}", self.until),
        }
    }
}
