//! The form of one trustee's share: one line of JSON with fixed fields in a fixed order.
//!
//! `label` (`sequestre/share/v1`), `organisation` and `credential` (lower-case hex), `version`, `part`, `epoch`,
//! `master_key` (`age1…`), `quorum`, `group` (position from 1) and `groups`, `outer_k` and `outer_x` (both 0 where
//! there is one group), `k`, `n`, `x`, `y` (lower-case hex). The share's digest is SHA-256 of exactly these bytes,
//! without a line end. There is one spelling only: an envelope is accepted if writing what was read gives the same
//! bytes. This module must never read a field into memory that is not overwritten; all but `y` are public.

use serde::Deserialize;

use super::secret::{Secret, SecretWriter, secret_from_hex};
use super::sharing::ShareContext;
use crate::escrow::quorum::{Group, Quorum};

const LABEL: &str = "sequestre/share/v1";

/// A share's place in a quorum: everything in the envelope that is neither context nor secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place<'a> {
    quorum: &'a str,
    group: usize,
    groups: usize,
    k: u8,
    n: usize,
    x: u8,
}

impl<'a> Place<'a> {
    /// The place of the holder of `x` in the group at `position` (from 0).
    pub(super) fn new(quorum: &'a Quorum, position: usize, group: &Group, x: u8) -> Self {
        Self {
            quorum: quorum.name().as_str(),
            group: position + 1,
            groups: quorum.groups().len(),
            k: group.threshold(),
            n: group.members().len(),
            x,
        }
    }

    fn outer(&self) -> (usize, usize) {
        if self.groups > 1 { (self.groups, self.group) } else { (0, 0) }
    }
}

/// The envelope around `y`.
pub(super) fn write(context: &ShareContext, place: &Place<'_>, y: &[u8]) -> Secret {
    let (outer_k, outer_x) = place.outer();
    let version = context.part.version;
    let head = format!(
        concat!(
            r#"{{"label":"{}","organisation":"{}","credential":"{}","version":{},"part":"{}","epoch":{},"#,
            r#""master_key":"{}","quorum":"{}","group":{},"groups":{},"outer_k":{},"outer_x":{},"#,
            r#""k":{},"n":{},"x":{},"y":""#,
        ),
        LABEL,
        context.organisation,
        version.credential,
        version.version,
        context.part.kind.as_str(),
        context.epoch,
        context.master_key.to_age(),
        place.quorum,
        place.group,
        place.groups,
        outer_k,
        outer_x,
        place.k,
        place.n,
        place.x,
    );
    let mut envelope = SecretWriter::with_capacity(head.len() + 2 * y.len() + 2);
    envelope.push(head.as_bytes());
    envelope.push_hex(y);
    envelope.push(br#""}"#);
    envelope.finish()
}

/// What is wrong with an envelope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mismatch {
    /// Not an envelope, or not in its one spelling.
    Unreadable,
    /// This field is not the expected one.
    Field(&'static str),
}

/// Strings are borrowed: one that needs unescaping, which none of ours does, is an error and not a copy.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields<'a> {
    label: &'a str,
    organisation: &'a str,
    credential: &'a str,
    version: u32,
    part: &'a str,
    epoch: u32,
    master_key: &'a str,
    quorum: &'a str,
    group: usize,
    groups: usize,
    outer_k: usize,
    outer_x: usize,
    k: u8,
    n: usize,
    x: u8,
    y: &'a str,
}

/// The y of an envelope that has exactly this context and place, and a y of `y_bytes` bytes.
pub(super) fn read(
    envelope: &Secret,
    context: &ShareContext,
    place: &Place<'_>,
    y_bytes: usize,
) -> Result<Secret, Mismatch> {
    let text = envelope.expose_str().ok_or(Mismatch::Unreadable)?;
    // The error of a parser could quote what it read; it is not passed on.
    let fields: Fields<'_> = serde_json::from_str(text).map_err(|_| Mismatch::Unreadable)?;
    let version = context.part.version;
    let (outer_k, outer_x) = place.outer();
    let equal = [
        ("label", fields.label == LABEL),
        ("organisation", fields.organisation == context.organisation.to_string()),
        ("credential", fields.credential == version.credential.to_string()),
        ("version", fields.version == version.version),
        ("part", fields.part == context.part.kind.as_str()),
        ("epoch", fields.epoch == context.epoch),
        ("master_key", fields.master_key == context.master_key.to_age()),
        ("quorum", fields.quorum == place.quorum),
        ("group", fields.group == place.group),
        ("groups", fields.groups == place.groups),
        ("outer_k", fields.outer_k == outer_k),
        ("outer_x", fields.outer_x == outer_x),
        ("k", fields.k == place.k),
        ("n", fields.n == place.n),
        ("x", fields.x == place.x),
        ("y", fields.y.len() == 2 * y_bytes),
    ];
    if let Some((field, _)) = equal.into_iter().find(|(_, equal)| !equal) {
        return Err(Mismatch::Field(field));
    }
    let y = secret_from_hex(fields.y.as_bytes()).ok_or(Mismatch::Field("y"))?;
    if write(context, place, y.expose()).matches(envelope) { Ok(y) } else { Err(Mismatch::Unreadable) }
}
