//! Sealing to one key with `age`, and the plaintexts that are sealed.
//!
//! One recipient per file. `age` proves nothing about who sealed or what for, so every plaintext begins with a label
//! of its own and repeats its context, which is compared on opening; authenticity comes from the signed command
//! that names the blob. This module must never accept a plaintext whose context it did not compare.
//!
//! # What is overwritten
//! Plaintexts, keys and everything that is parsed out of them are [`Secret`]s. `age` 0.12 keeps the plaintext that
//! it encrypts in a buffer that it does not overwrite; what it decrypts, it does. `bech32` encodes in a buffer on
//! the stack.
//!
//! # A part's plaintext
//! One line of JSON, fields in this order, so that somebody who opens it with `age -d` can read it:
//! `label` (`sequestre/secret/v1`), `organisation` and `credential` (lower-case hex), `version`, `part`,
//! `user_name` (left out where there is none), `value`, `padding` (zeros that bring the whole to a multiple of
//! [`PADDED_TO`] bytes, so that the blob's size does not tell the length of a password).

use std::io::Read as _;
use std::iter;

use serde::Deserialize;
use zeroize::Zeroizing;

use super::secret::{NoRandomness, Secret, SecretWriter, random_bytes};
use super::sharing::MasterKey;
use super::signing::{BadSecretKey, SEED_BYTES};
use crate::escrow::id::{BlobId, OrganisationId};
use crate::escrow::key::RecipientKey;
use crate::escrow::part::PartId;
use crate::escrow::text::{SALT_BYTES, Text};

const PART_LABEL: &str = "sequestre/secret/v1";

/// Sealed parts are padded to a multiple of this many bytes of plaintext.
pub const PADDED_TO: usize = 256;

/// Longest value or user name of a part, in bytes of UTF-8.
pub const MAX_VALUE_BYTES: usize = 64 * 1024;

/// Why something could not be sealed.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// `age` refused, for want of randomness or memory.
    #[error("sealing failed and nothing was stored; try again after a restart")]
    Age(#[from] age::EncryptError),
    /// `age` does not take the recipient.
    #[error("this recipient key cannot be sealed to; ask its owner for a new one")]
    Recipient,
    /// An empty value, one that is not UTF-8, or one longer than [`MAX_VALUE_BYTES`].
    #[error("a secret is text of 1 to {MAX_VALUE_BYTES} bytes; nothing was sealed")]
    Value,
}

/// Why something sealed could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Sealed to another key.
    #[error("this is sealed to another key; check whose it is")]
    NotForThisKey,
    /// Not an `age` file, cut or altered.
    #[error("this sealed file is damaged; fetch it again, from another copy if need be")]
    Damaged(#[source] age::DecryptError),
    /// It opens, but says that it belongs elsewhere.
    #[error("what was sealed here names another {field}: it was put in the wrong place; do not use it, report it")]
    OtherContext {
        /// The field that differs.
        field: &'static str,
    },
    /// It opens, but is not in the documented form.
    #[error("what was sealed here is not in the expected form; do not use it, report it")]
    Malformed,
}

/// The secret half of an `age` X25519 key in age's text form, `AGE-SECRET-KEY-1…`, which `age -i` reads.
pub(super) fn age_secret_text(key: &Secret) -> Result<Secret, BadSecretKey> {
    if key.len() != SEED_BYTES {
        return Err(BadSecretKey::Length { found: key.len() });
    }
    let mut text = SecretWriter::with_capacity(80);
    bech32::encode_upper_to_fmt::<bech32::Bech32, _>(
        &mut text,
        bech32::Hrp::parse_unchecked("age-secret-key-"),
        key.expose(),
    )
    .expect("32 bytes fit in bech32, and writing to memory does not fail");
    Ok(text.finish())
}

/// The `age` identity with these 32 bytes.
pub(super) fn age_identity(key: &Secret) -> Result<age::x25519::Identity, BadSecretKey> {
    let text = age_secret_text(key)?;
    text.expose_str().and_then(|text| text.parse().ok()).ok_or(BadSecretKey::Length { found: key.len() })
}

/// A binary `age` file for one recipient.
pub(super) fn age_seal(recipient: &dyn age::Recipient, plaintext: &[u8]) -> Result<Vec<u8>, age::EncryptError> {
    use std::io::Write as _;
    let mut sealed = Vec::with_capacity(plaintext.len() + 512);
    let mut writer = age::Encryptor::with_recipients(iter::once(recipient))?.wrap_output(&mut sealed)?;
    writer.write_all(plaintext)?;
    writer.finish()?;
    Ok(sealed)
}

/// The content of a binary `age` file.
pub(super) fn age_open(identity: &dyn age::Identity, sealed: &[u8]) -> Result<Secret, age::DecryptError> {
    let mut reader = age::Decryptor::new_buffered(sealed)?.decrypt(iter::once(identity))?;
    // A plaintext is shorter than its file, so the buffer is never full and reading always ends at `age`'s
    // authenticated last chunk.
    let mut plaintext = Zeroizing::new(vec![0; sealed.len()]);
    let mut filled = 0;
    while let Some(free) = plaintext.get_mut(filled..).filter(|free| !free.is_empty()) {
        match reader.read(free)? {
            0 => break,
            read => filled += read,
        }
    }
    let mut exact = SecretWriter::with_capacity(filled);
    exact.push(plaintext.get(..filled).unwrap_or_default());
    Ok(exact.finish())
}

/// Seals to one recipient. The plaintext must carry its own label and context.
pub fn seal_to(recipient: &RecipientKey, plaintext: &[u8]) -> Result<Vec<u8>, SealError> {
    let recipient: age::x25519::Recipient = recipient.to_age().parse().map_err(|_| SealError::Recipient)?;
    Ok(age_seal(&recipient, plaintext)?)
}

/// Opens what was sealed to this identity. The caller compares label and context.
pub fn open_with(identity: &age::x25519::Identity, sealed: &[u8]) -> Result<Secret, OpenError> {
    age_open(identity, sealed).map_err(|error| match error {
        age::DecryptError::NoMatchingKeys => OpenError::NotForThisKey,
        other => OpenError::Damaged(other),
    })
}

/// Where a sealed part belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartContext {
    /// Whose.
    pub organisation: OrganisationId,
    /// Which part of which version of which account.
    pub part: PartId,
}

/// What a part holds.
pub struct PartValue {
    /// The name that goes with a password, where there is one.
    pub user_name: Option<Secret>,
    /// The secret itself: text of 1 to [`MAX_VALUE_BYTES`] bytes.
    pub value: Secret,
}

/// Everything of a part's plaintext before the first secret field.
fn part_head(context: &PartContext) -> String {
    let PartId { version, kind } = context.part;
    format!(
        r#"{{"label":"{PART_LABEL}","organisation":"{}","credential":"{}","version":{},"part":"{}","#,
        context.organisation,
        version.credential,
        version.version,
        kind.as_str(),
    )
}

/// Seals a part's value to its master key.
pub fn seal_part(master_key: &RecipientKey, context: &PartContext, value: &PartValue) -> Result<Vec<u8>, SealError> {
    let head = part_head(context);
    let room: usize = value.value.len() + value.user_name.as_ref().map_or(0, Secret::len);
    let mut plaintext = SecretWriter::with_capacity(head.len() + 2 * room + 2 * PADDED_TO);
    plaintext.push(head.as_bytes());
    if let Some(user_name) = &value.user_name {
        plaintext.push(br#""user_name":"#);
        push_json_string(&mut plaintext, user_name)?;
        plaintext.push(b",");
    }
    plaintext.push(br#""value":"#);
    push_json_string(&mut plaintext, &value.value)?;
    plaintext.push(br#","padding":""#);
    pad(&mut plaintext, br#""}"#);
    seal_to(master_key, plaintext.finish().expose())
}

/// Opens a part with its master key, and refuses one that belongs elsewhere.
pub fn open_part(master_key: &MasterKey, context: &PartContext, sealed: &[u8]) -> Result<PartValue, OpenError> {
    let plaintext = open_with(master_key.age(), sealed)?;
    let text = plaintext.expose_str().ok_or(OpenError::Malformed)?;
    let Some(rest) = text.strip_prefix(part_head(context).as_str()) else {
        return Err(what_differs(text, context));
    };
    parse_values(rest).filter(|_| text.len().is_multiple_of(PADDED_TO)).ok_or(OpenError::Malformed)
}

pub(super) fn parse_values(rest: &str) -> Option<PartValue> {
    let (user_name, rest) = match rest.strip_prefix(r#""user_name":"#) {
        Some(rest) => {
            let (user_name, rest) = json_string(rest)?;
            (Some(user_name), rest.strip_prefix(',')?)
        }
        None => (None, rest),
    };
    let (value, rest) = json_string(rest.strip_prefix(r#""value":"#)?)?;
    let padding = rest.strip_prefix(r#","padding":""#)?.strip_suffix(r#""}"#)?;
    (padding.bytes().all(|b| b == b'0') && !value.is_empty()).then_some(PartValue { user_name, value })
}

/// The first field of the context that differs. Fields that are not named here are skipped without being copied.
fn what_differs(text: &str, context: &PartContext) -> OpenError {
    #[derive(Deserialize)]
    struct Head<'a> {
        label: &'a str,
        organisation: &'a str,
        credential: &'a str,
        version: u32,
        part: &'a str,
    }
    // The error of a parser could quote what it read; it is not passed on.
    let Ok(head) = serde_json::from_str::<Head<'_>>(text) else { return OpenError::Malformed };
    let PartId { version, kind } = context.part;
    let differs = [
        ("label", head.label != PART_LABEL),
        ("organisation", head.organisation != context.organisation.to_string()),
        ("credential", head.credential != version.credential.to_string()),
        ("version", head.version != version.version),
        ("part", head.part != kind.as_str()),
    ];
    match differs.into_iter().find(|(_, differs)| *differs) {
        Some((field, _)) => OpenError::OtherContext { field },
        None => OpenError::Malformed,
    }
}

/// Fills up a plaintext with zeros, so that with `end` it has a multiple of [`PADDED_TO`] bytes.
pub(super) fn pad(plaintext: &mut SecretWriter, end: &[u8]) {
    while !(plaintext.len() + end.len()).is_multiple_of(PADDED_TO) {
        plaintext.push(b"0");
    }
    plaintext.push(end);
}

/// Writes text as JSON, straight into the writer: `serde_json` passes on slices and keeps nothing.
pub(super) fn push_json_string(plaintext: &mut SecretWriter, text: &Secret) -> Result<(), SealError> {
    let text = text.expose_str().filter(|t| !t.is_empty() && t.len() <= MAX_VALUE_BYTES).ok_or(SealError::Value)?;
    serde_json::to_writer(plaintext, text).map_err(|_| SealError::Value)
}

/// Reads one JSON string (RFC 8259 section 7) and returns what follows it. `serde_json` would unescape into a
/// buffer that is not overwritten. Surrogate pairs are not read: [`push_json_string`] never writes them.
pub(super) fn json_string(text: &str) -> Option<(Secret, &str)> {
    let text = text.strip_prefix('"')?;
    let mut value = SecretWriter::with_capacity(text.len());
    let mut chars = text.chars();
    loop {
        match chars.next()? {
            '"' => return Some((value.finish(), chars.as_str())),
            '\\' => match chars.next()? {
                c @ ('"' | '\\' | '/') => value.push_char(c),
                'b' => value.push(b"\x08"),
                'f' => value.push(b"\x0c"),
                'n' => value.push(b"\n"),
                'r' => value.push(b"\r"),
                't' => value.push(b"\t"),
                'u' => {
                    let rest = chars.as_str();
                    // A number may have a sign before it, an escape may not.
                    let digits = rest.get(..4).filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))?;
                    let code = u32::from_str_radix(digits, 16).ok()?;
                    value.push_char(char::from_u32(code)?);
                    chars = rest.get(4..)?.chars();
                }
                _ => return None,
            },
            c if c < ' ' => return None,
            c => value.push_char(c),
        }
    }
}

/// A text's blob, `salt(32) ‖ UTF-8` with a fresh salt, and its name.
pub fn salted_text(text: &Text) -> Result<(BlobId, Vec<u8>), NoRandomness> {
    let blob = text.to_blob(&random_bytes::<SALT_BYTES>()?);
    Ok((BlobId::of(&blob), blob))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::escrow::id::CredentialId;
    use crate::escrow::part::{PartKind, VersionId};

    fn context() -> PartContext {
        let version = VersionId { credential: CredentialId::new([7; 16]), version: 3 };
        PartContext { organisation: OrganisationId::new([1; 32]), part: PartId { version, kind: PartKind::Password } }
    }

    fn value(user_name: Option<&str>, value: &str) -> PartValue {
        let secret = |text: &str| Secret::from_string(text.to_owned());
        PartValue { user_name: user_name.map(secret), value: secret(value) }
    }

    #[test]
    fn a_part_comes_back_as_it_was_whatever_is_in_it() {
        let key = MasterKey::generate().unwrap();
        let nasty = "p\"a\\s/s\n\r\t\u{8}\u{c}\u{1}\u{7f}é🌻\u{2028}\",\"padding\":\"0";
        for (user_name, password) in
            [(Some("compta@exemple.fr"), nasty), (None, "x"), (Some("\"\\"), &"é".repeat(999))]
        {
            let sealed = seal_part(key.recipient(), &context(), &value(user_name, password)).unwrap();
            let opened = open_part(&key, &context(), &sealed).unwrap();
            assert_eq!(opened.value.expose_str(), Some(password));
            assert_eq!(opened.user_name.as_ref().and_then(Secret::expose_str), user_name);
        }
    }

    #[test]
    fn the_plaintext_is_one_line_of_json_and_its_length_tells_little() {
        let key = MasterKey::generate().unwrap();
        let mut lengths = std::collections::BTreeSet::new();
        for length in 1..=40 {
            let sealed = seal_part(key.recipient(), &context(), &value(None, &"a".repeat(length))).unwrap();
            let plaintext = open_with(key.age(), &sealed).unwrap();
            assert_eq!(plaintext.len() % PADDED_TO, 0);
            lengths.insert(plaintext.len());
            let json: serde_json::Value = serde_json::from_slice(plaintext.expose()).unwrap();
            assert_eq!(json["label"], "sequestre/secret/v1");
            assert_eq!(json["value"], "a".repeat(length));
            assert!(!plaintext.expose().contains(&b'\n'));
        }
        assert!(lengths.len() <= 2);
    }

    #[test]
    fn what_belongs_elsewhere_is_refused_and_the_field_is_named() {
        let key = MasterKey::generate().unwrap();
        let sealed = seal_part(key.recipient(), &context(), &value(None, "x")).unwrap();
        let elsewhere = |field: &str, change: fn(&mut PartContext)| {
            let mut other = context();
            change(&mut other);
            match open_part(&key, &other, &sealed).err() {
                Some(OpenError::OtherContext { field: named }) => assert_eq!(named, field),
                other => panic!("{field}: {other:?}"),
            }
        };
        elsewhere("organisation", |c| c.organisation = OrganisationId::new([2; 32]));
        elsewhere("credential", |c| c.part.version.credential = CredentialId::new([8; 16]));
        elsewhere("version", |c| c.part.version.version = 4);
        elsewhere("part", |c| c.part.kind = PartKind::Notes);
        // A share's envelope, or anything else sealed to the same key, is no part.
        let other = seal_to(key.recipient(), br#"{"label":"sequestre/share/v1"}"#).unwrap();
        assert!(matches!(open_part(&key, &context(), &other), Err(OpenError::Malformed)));
    }

    #[test]
    fn another_spelling_of_the_same_fields_is_refused() {
        let key = MasterKey::generate().unwrap();
        let head = part_head(&context());
        for tail in [
            r#""value":"x","padding":""}"#,
            r#""value":"","padding":"PAD"}"#,
            r#""value":"x","value":"y","padding":"PAD"}"#,
            r#""value":"x\q","padding":"PAD"}"#,
            r#""value":"x\ud83c\udf3b","padding":"PAD"}"#,
            r#""value":"x\u12é","padding":"PAD"}"#,
            r#""value":"x","padding":"PAD"} "#,
            r#""value":"x"#,
        ] {
            let mut plaintext = format!("{head}{tail}");
            let pad = PADDED_TO - (plaintext.len() - 3) % PADDED_TO;
            plaintext = plaintext.replace("PAD", &"0".repeat(pad));
            let sealed = seal_to(key.recipient(), plaintext.as_bytes()).unwrap();
            assert!(matches!(open_part(&key, &context(), &sealed), Err(OpenError::Malformed)), "{tail}");
        }
    }

    #[test]
    fn another_key_damage_and_unusable_values_are_told_apart() {
        let key = MasterKey::generate().unwrap();
        let sealed = seal_part(key.recipient(), &context(), &value(None, "x")).unwrap();
        let other = MasterKey::generate().unwrap();
        assert!(matches!(open_part(&other, &context(), &sealed), Err(OpenError::NotForThisKey)));
        for at in [0, sealed.len() - 1] {
            let mut damaged = sealed.clone();
            damaged[at] ^= 1;
            assert!(matches!(open_part(&key, &context(), &damaged), Err(OpenError::Damaged(_))));
        }
        assert!(matches!(open_with(key.age(), b""), Err(OpenError::Damaged(_))));
        for bad in [value(None, ""), value(Some(""), "x"), value(None, &"x".repeat(MAX_VALUE_BYTES + 1))] {
            assert!(matches!(seal_part(key.recipient(), &context(), &bad), Err(SealError::Value)));
        }
        let binary = PartValue { user_name: None, value: Secret::new(vec![0xff]) };
        assert!(matches!(seal_part(key.recipient(), &context(), &binary), Err(SealError::Value)));
    }

    #[test]
    fn equal_texts_have_different_blobs() {
        let text = Text::parse("Mairie").unwrap();
        let (name, blob) = salted_text(&text).unwrap();
        assert_eq!(Text::from_blob(&blob, name), Ok(text.clone()));
        assert_ne!(salted_text(&text).unwrap().0, name);
    }
}
