//! The two layers around what a standing right gives: `age(daemon, age(delegate, part))`.
//!
//! The daemon removes the outer layer only after the log says that the delegate takes a lease, and then holds what
//! only the delegate opens. Neither alone opens anything; whoever is both opens everything, which SECURITY.md says.
//!
//! # Forms
//! Inside: one line of JSON: `label` (`sequestre/delegated/v1`), `organisation` and `credential` (lower-case hex),
//! `version`, `part`, `delegation` (the index of the request that was granted), `user_name` (left out where there is
//! none), `value`, `padding`. Outside: the same line up to `delegation` with the label `sequestre/delegation/v1`, a line
//! end, and the inner file. Both contexts are compared on opening.

use super::sealing::{
    OpenError, PADDED_TO, PartContext, PartValue, SealError, open_with, pad, parse_values, push_json_string, seal_to,
};
use super::secret::{Secret, SecretWriter};
use crate::escrow::key::RecipientKey;

const INNER: &str = "sequestre/delegated/v1";
const OUTER: &str = "sequestre/delegation/v1";

/// Which part of which standing right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DelegatedContext {
    /// The part, with the version that it was dealt with.
    pub part: PartContext,
    /// The index of the request that was granted.
    pub delegation: u64,
}

fn head(label: &str, context: &DelegatedContext) -> String {
    let part = context.part.part;
    format!(
        r#"{{"label":"{label}","organisation":"{}","credential":"{}","version":{},"part":"{}","delegation":{}"#,
        context.part.organisation,
        part.version.credential,
        part.version.version,
        part.kind.as_str(),
        context.delegation,
    )
}

/// Seals a part's value to the delegate, and that to the daemon.
pub fn wrap(
    daemon: &RecipientKey,
    delegate: &RecipientKey,
    context: &DelegatedContext,
    value: &PartValue,
) -> Result<Vec<u8>, SealError> {
    let head = head(INNER, context);
    let room: usize = value.value.len() + value.user_name.as_ref().map_or(0, Secret::len);
    let mut plaintext = SecretWriter::with_capacity(head.len() + 2 * room + 2 * PADDED_TO);
    plaintext.push(head.as_bytes());
    plaintext.push(b",");
    if let Some(user_name) = &value.user_name {
        plaintext.push(br#""user_name":"#);
        push_json_string(&mut plaintext, user_name)?;
        plaintext.push(b",");
    }
    plaintext.push(br#""value":"#);
    push_json_string(&mut plaintext, &value.value)?;
    plaintext.push(br#","padding":""#);
    pad(&mut plaintext, br#""}"#);
    let inner = seal_to(delegate, plaintext.finish().expose())?;
    seal_to(daemon, &[outer_head(context).as_bytes(), &inner].concat())
}

fn outer_head(context: &DelegatedContext) -> String {
    head(OUTER, context) + "}\n"
}

/// Removes the outer layer: the daemon's part. What it gives opens only to the delegate.
pub fn unwrap_outer(
    daemon: &age::x25519::Identity,
    context: &DelegatedContext,
    wrapped: &[u8],
) -> Result<Vec<u8>, OpenError> {
    let plaintext = open_with(daemon, wrapped)?;
    let inner = plaintext.expose().strip_prefix(outer_head(context).as_bytes());
    Ok(inner.ok_or(OpenError::OtherContext { field: "delegation" })?.to_vec())
}

/// Removes the inner layer: the delegate's part.
pub fn unwrap_inner(
    delegate: &age::x25519::Identity,
    context: &DelegatedContext,
    inner: &[u8],
) -> Result<PartValue, OpenError> {
    let plaintext = open_with(delegate, inner)?;
    let text = plaintext.expose_str().ok_or(OpenError::Malformed)?;
    let rest = text.strip_prefix(head(INNER, context).as_str()).and_then(|rest| rest.strip_prefix(','));
    let rest = rest.ok_or(OpenError::OtherContext { field: "delegation" })?;
    parse_values(rest).filter(|_| text.len().is_multiple_of(PADDED_TO)).ok_or(OpenError::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::escrow::id::{CredentialId, OrganisationId};
    use crate::escrow::part::{PartId, PartKind, VersionId};
    use crate::seal::sharing::MasterKey;

    fn context() -> DelegatedContext {
        let version = VersionId { credential: CredentialId::new([7; 16]), version: 3 };
        let part = PartId { version, kind: PartKind::Password };
        DelegatedContext { part: PartContext { organisation: OrganisationId::new([1; 32]), part }, delegation: 10 }
    }

    #[test]
    fn both_layers_are_needed_and_each_belongs_to_one_right() {
        let (daemon, delegate) = (MasterKey::generate().unwrap(), MasterKey::generate().unwrap());
        let secret = |text: &str| Secret::from_string(text.to_owned());
        let value = PartValue { user_name: Some(secret("compta")), value: secret("s\"é") };
        let wrapped = wrap(daemon.recipient(), delegate.recipient(), &context(), &value).unwrap();
        assert!(unwrap_outer(delegate.age(), &context(), &wrapped).is_err(), "the delegate alone opens nothing");
        let inner = unwrap_outer(daemon.age(), &context(), &wrapped).unwrap();
        assert!(unwrap_inner(daemon.age(), &context(), &inner).is_err(), "nor does the daemon");
        let opened = unwrap_inner(delegate.age(), &context(), &inner).unwrap();
        assert_eq!(opened.value.expose_str(), Some("s\"é"));
        assert_eq!(opened.user_name.unwrap().expose_str(), Some("compta"));

        // A right that begins with the same digits is another one.
        let changes: [fn(&mut DelegatedContext); 4] = [
            |c| c.delegation = 1,
            |c| c.delegation = 100,
            |c| c.part.part.version.version = 4,
            |c| c.part.organisation = OrganisationId::new([2; 32]),
        ];
        for change in changes {
            let mut other = context();
            change(&mut other);
            assert!(unwrap_outer(daemon.age(), &other, &wrapped).is_err());
            assert!(unwrap_inner(delegate.age(), &other, &inner).is_err());
        }
        assert!(unwrap_inner(delegate.age(), &context(), &wrapped).is_err());
    }
}
