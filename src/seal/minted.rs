//! What a connector made at a target for one lease, sealed to the key of whoever asked.
//!
//! The plaintext is one line of JSON, fields in this order, so that somebody who opens it with `age -d` can read it:
//! `label` (`sequestre/minted/v1`), `organisation` (lower-case hex), `request` (the index of its entry), `until` (when
//! the lease ends, POSIX seconds), `fields` (an object: a name each, in lower-case letters, digits and hyphens, with its
//! text), `padding` (as in a part's plaintext). This module must never accept what was made for another request.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::sealing::{
    MAX_VALUE_BYTES, OpenError, PADDED_TO, SealError, json_string, open_with, pad, push_json_string,
};
use super::secret::{Secret, SecretWriter};
use crate::escrow::id::OrganisationId;
use crate::escrow::key::RecipientKey;
use crate::escrow::time::Time;

const LABEL: &str = "sequestre/minted/v1";

/// Longest name of a field, in bytes.
const MAX_NAME_BYTES: usize = 32;

/// For which lease something was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MintedContext {
    /// Whose.
    pub organisation: OrganisationId,
    /// The index of the request's entry.
    pub request: u64,
}

/// What was made at a target.
pub struct Made {
    /// When it ends there.
    pub until: Time,
    /// What its owner needs to log in (`user`, `password`, `certificate`, `host`, …), in the connector's order.
    pub fields: Vec<(String, Secret)>,
}

fn head(context: &MintedContext) -> String {
    format!(r#"{{"label":"{LABEL}","organisation":"{}","request":{},"until":"#, context.organisation, context.request)
}

fn is_name(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (1..=MAX_NAME_BYTES).contains(&name.len()) && name.bytes().all(plain)
}

/// Seals what was made to the request's recipient.
///
/// # Errors
/// A field without a proper name, or with an empty or too long text: nothing was sealed.
pub fn seal_made(recipient: &RecipientKey, context: &MintedContext, made: &Made) -> Result<Vec<u8>, SealError> {
    let total: usize = made.fields.iter().map(|(_, value)| value.len()).sum();
    let proper = made.fields.iter().all(|(name, _)| is_name(name)) && each_once(&made.fields);
    if total > MAX_VALUE_BYTES || !proper {
        return Err(SealError::Value);
    }
    let mut plaintext = SecretWriter::with_capacity(2 * total + 1024);
    plaintext.push(head(context).as_bytes());
    plaintext.push(made.until.0.to_string().as_bytes());
    plaintext.push(br#","fields":{"#);
    for (position, (name, value)) in made.fields.iter().enumerate() {
        let comma = if position == 0 { "" } else { "," };
        plaintext.push(format!(r#"{comma}"{name}":"#).as_bytes());
        push_json_string(&mut plaintext, value)?;
    }
    plaintext.push(br#"},"padding":""#);
    pad(&mut plaintext, br#""}"#);
    super::sealing::seal_to(recipient, plaintext.finish().expose())
}

/// Opens what was made, and refuses what was made for another request.
pub fn open_made(
    identity: &age::x25519::Identity,
    context: &MintedContext,
    sealed: &[u8],
) -> Result<Made, OpenError> {
    let plaintext = open_with(identity, sealed)?;
    let text = plaintext.expose_str().ok_or(OpenError::Malformed)?;
    let Some(rest) = text.strip_prefix(head(context).as_str()) else { return Err(what_differs(text, context)) };
    parse(rest).filter(|_| text.len().is_multiple_of(PADDED_TO)).ok_or(OpenError::Malformed)
}

fn parse(rest: &str) -> Option<Made> {
    let (until, mut rest) = rest.split_once(r#","fields":{"#)?;
    let mut fields = Vec::new();
    let mut next = rest.strip_prefix('"');
    while let Some(field) = next {
        let (name, value) = field.split_once(r#"":"#).filter(|(name, _)| is_name(name))?;
        let (value, after) = json_string(value)?;
        fields.push((name.to_owned(), value));
        (rest, next) = (after, after.strip_prefix(r#",""#));
    }
    let padding = rest.strip_prefix(r#"},"padding":""#)?.strip_suffix(r#""}"#)?;
    // As JSON has it, so that it opens without this program, too.
    let end = Time(until.parse().ok()?);
    let canonical = end.0.to_string() == until && each_once(&fields) && padding.bytes().all(|b| b == b'0');
    canonical.then_some(Made { until: end, fields })
}

fn each_once(fields: &[(String, Secret)]) -> bool {
    fields.iter().map(|(name, _)| name).collect::<BTreeSet<_>>().len() == fields.len()
}

/// The first field of the context that differs; secrets are skipped without being copied.
fn what_differs(text: &str, context: &MintedContext) -> OpenError {
    #[derive(Deserialize)]
    struct Head<'a> {
        label: &'a str,
        organisation: &'a str,
        request: u64,
    }
    let Ok(head) = serde_json::from_str::<Head<'_>>(text) else { return OpenError::Malformed };
    let differs = [
        ("label", head.label != LABEL),
        ("organisation", head.organisation != context.organisation.to_string()),
        ("request", head.request != context.request),
    ];
    match differs.into_iter().find(|(_, differs)| *differs) {
        Some((field, _)) => OpenError::OtherContext { field },
        None => OpenError::Malformed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::sharing::MasterKey;

    fn context() -> MintedContext {
        MintedContext { organisation: OrganisationId::new([1; 32]), request: 12 }
    }

    fn made(fields: &[(&str, &str)]) -> Made {
        let field = |(name, value): &(&str, &str)| ((*name).to_owned(), Secret::from_string((*value).to_owned()));
        Made { until: Time(1_800_000_000), fields: fields.iter().map(field).collect() }
    }

    #[test]
    fn comes_back_as_it_was_and_is_json() {
        let key = MasterKey::generate().unwrap();
        let nasty = "a\"},\"padding\":\"0\\ é\n";
        for fields in [vec![("user", "seq-1"), ("password", nasty), ("host", "db.example.org")], Vec::new()] {
            let sealed = seal_made(key.recipient(), &context(), &made(&fields)).unwrap();
            let opened = open_made(key.age(), &context(), &sealed).unwrap();
            assert_eq!(opened.until, Time(1_800_000_000));
            let back: Vec<_> = opened.fields.iter().map(|(n, v)| (n.as_str(), v.expose_str().unwrap())).collect();
            assert_eq!(back, fields);
            let plaintext = open_with(key.age(), &sealed).unwrap();
            let json: serde_json::Value = serde_json::from_slice(plaintext.expose()).unwrap();
            assert_eq!((&json["request"], plaintext.len() % PADDED_TO), (&12.into(), 0));
        }
    }

    #[test]
    fn what_was_made_for_another_request_and_odd_fields_are_refused() {
        let key = MasterKey::generate().unwrap();
        let sealed = seal_made(key.recipient(), &context(), &made(&[("user", "x")])).unwrap();
        let other = open_made(key.age(), &MintedContext { request: 13, ..context() }, &sealed);
        assert!(matches!(other.err(), Some(OpenError::OtherContext { field: "request" })));
        let elsewhere = MintedContext { organisation: OrganisationId::new([2; 32]), ..context() };
        let other = open_made(key.age(), &elsewhere, &sealed);
        assert!(matches!(other.err(), Some(OpenError::OtherContext { field: "organisation" })));
        let stranger = MasterKey::generate().unwrap();
        assert!(matches!(open_made(stranger.age(), &context(), &sealed).err(), Some(OpenError::NotForThisKey)));
        for field in [("", "x"), ("User", "x"), ("a\"b", "x"), ("user", "")] {
            assert!(seal_made(key.recipient(), &context(), &made(&[field])).is_err());
        }
        for wrong in [r#""label":1}"#, r#"{"label":"sequestre/secret/v1"}"#] {
            let sealed = super::super::sealing::seal_to(key.recipient(), wrong.as_bytes()).unwrap();
            assert!(matches!(open_made(key.age(), &context(), &sealed).err(), Some(OpenError::Malformed)));
        }
        assert!(seal_made(key.recipient(), &context(), &made(&[("user", "x"), ("user", "y")])).is_err());
    }

    /// What opens here opens with `age` and any reader of JSON, and says the same there.
    #[test]
    fn there_is_one_spelling() {
        let good = r#"1800000000,"fields":{"a":"b","c":"\u0064"},"padding":"00"}"#;
        let read = parse(good).unwrap();
        assert_eq!((read.until, read.fields.len(), read.fields[1].1.expose()), (Time(1_800_000_000), 2, &b"d"[..]));
        for (from, to) in [
            ("1800000000", "+1800000000"),
            ("1800000000", "01800000000"),
            (r#"b","c"#, r#"b""c"#),
            (r#""},"p"#, r#"",},"p"#),
            (r#"{"a"#, r#"{,"a"#),
            (r#""c":"#, r#""a":"#),
            ("0064", "+064"),
            ("0064", "006"),
            ("00\"}", "01\"}"),
        ] {
            let wrong = good.replacen(from, to, 1);
            assert!(wrong != good && parse(&wrong).is_none(), "{wrong}");
        }
    }
}
