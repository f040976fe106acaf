//! What others said to have replayed, as far as this computer verified it: kept beside the replica, so that a server
//! cannot take it back.

use std::collections::BTreeMap;

use super::super::failure::Failure;
use super::super::home;
use super::Replica;
use crate::escrow::id::DeviceId;
use crate::escrow::log::checkpoint::Checkpoint;
use crate::escrow::log::cosignature::{Cosignature, VerifiedCosignature};
use crate::escrow::log::merkle::TreeHead;
use crate::escrow::organisation::CLOCK_TOLERANCE;
use crate::escrow::time::Time;

impl Replica {
    /// Cosignatures that hold: by a device whose certificate stands in the log, of a tree that ours extends.
    pub fn verified_cosignatures(&self, claims: &[(TreeHead, Cosignature)]) -> Vec<VerifiedCosignature> {
        let Ok(state) = self.state() else { return Vec::new() };
        let organisation = self.folder.id;
        claims
            .iter()
            .filter(|(head, _)| head.size <= self.head().size && self.root_at(head.size) == Some(head.root))
            .filter_map(|(head, claim)| {
                let device: DeviceId = claim.cosigner().device;
                let (person, key) = state.device_owner(&device)?;
                claim.verify(person, key, &Checkpoint { organisation, head: *head }).ok()
            })
            .collect()
    }

    /// The cosignatures that lie beside the replica and still hold. What cannot be read is as if it were not there: the
    /// server shows it again.
    pub fn stored_cosignatures(&self) -> Result<Vec<VerifiedCosignature>, Failure> {
        let bytes = home::read_if_there(&self.folder.join("cosignatures"))?.unwrap_or_default();
        let claim = |line: &str| {
            let (size, rest) = line.split_once(' ')?;
            let (root, line) = rest.split_once(' ')?;
            let head = TreeHead { size: size.parse().ok()?, root: root.parse().ok()? };
            Some((head, line.parse().ok()?))
        };
        let claims: Vec<_> = String::from_utf8_lossy(&bytes).lines().filter_map(claim).collect();
        Ok(self.verified_cosignatures(&claims))
    }

    /// Writes them down: a line each with size, root and the line of the note.
    pub fn store_cosignatures(&self, cosignatures: &[VerifiedCosignature]) -> Result<(), Failure> {
        let line = |c: &VerifiedCosignature| format!("{} {} {}\n", c.head().size, c.head().root, c.cosignature());
        let text: String = cosignatures.iter().map(line).collect();
        home::write(&self.folder.join("cosignatures"), text.as_bytes())
    }

    /// Adds what the server shows, and keeps each device's newest: a server must not be able to take back what
    /// somebody said. One whose time has not come yet, by our clock, gives way to any other.
    pub fn merge_cosignatures(
        &self,
        known: &[VerifiedCosignature],
        shown: &[(TreeHead, Cosignature)],
        now: Time,
    ) -> Result<Vec<VerifiedCosignature>, Failure> {
        let rank = |c: &VerifiedCosignature| (Time(c.time()) <= now.after(CLOCK_TOLERANCE), c.head().size, c.time());
        let mut newest: BTreeMap<DeviceId, VerifiedCosignature> = BTreeMap::new();
        let devices = self.state()?.devices();
        let still = known.iter().filter(|c| devices.get(c.device()).is_some_and(|device| device.revoked.is_none()));
        for cosignature in still.copied().chain(self.verified_cosignatures(shown)) {
            let kept = newest.entry(*cosignature.device()).or_insert(cosignature);
            if rank(&cosignature) > rank(kept) {
                *kept = cosignature;
            }
        }
        let newest: Vec<VerifiedCosignature> = newest.into_values().collect();
        if newest != known {
            self.store_cosignatures(&newest)?;
        }
        Ok(newest)
    }
}
