//! Recomputes everything from the entries and compares.

use std::path::Path;

use super::StoreError;
use crate::escrow::id::OrganisationId;

/// What was looked at and what is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// Organisations checked.
    pub organisations: u64,
    /// Entries checked.
    pub entries: u64,
    /// Blobs checked.
    pub blobs: u64,
    /// What does not hold; empty if all is well.
    pub findings: Vec<Finding>,
}

/// Something that does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Whose data; none if it concerns the whole file.
    pub organisation: Option<OrganisationId>,
    /// The entry, where it concerns one.
    pub index: Option<u64>,
    /// What is wrong.
    pub reason: String,
}

/// Checks the database of `dir`. Reads one consistent state; the daemon may go on meanwhile.
pub fn fsck(dir: &Path) -> Result<Report, StoreError> {
    todo!()
}
