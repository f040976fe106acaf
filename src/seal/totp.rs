//! The secret of time-based one-time passwords (RFC 6238), as providers show it and people deposit it.
//!
//! It is base32 (RFC 4648, where spaces, hyphens, case and padding do not matter), or an
//! `otpauth://totp/…?secret=…` address with `digits` (6 to 8), `period` (in seconds) and `algorithm`, each once at most.
//! What is deposited is read by the same rules as what makes codes later, when nobody can look the secret up again. This
//! module must never quote any of it in an error.

use super::secret::{Secret, SecretWriter};

/// Shortest secret, in bytes: providers give 80 bits, less than RFC 4226 wants.
const MIN_BYTES: usize = 10;
const MAX_BYTES: usize = 512;
const MAX_PERIOD: u64 = 3600;

/// Not the secret of time-based one-time passwords.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is no secret for one-time passwords (base32 or otpauth://totp/…); deposit the account anew")]
pub struct BadTotpSecret;

/// The hash of the HMAC (RFC 6238 section 1.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hash {
    /// HMAC-SHA-1, where nothing else is said.
    Sha1,
    /// HMAC-SHA-256.
    Sha256,
    /// HMAC-SHA-512.
    Sha512,
}

/// A secret, and how codes are made of it.
pub struct TotpSecret {
    /// The key of the HMAC: 10 to 512 bytes.
    pub key: Secret,
    /// Digits of a code: 6 to 8.
    pub digits: u8,
    /// How long a code counts, in seconds: 1 to 3600.
    pub period: u64,
    /// Of the HMAC.
    pub hash: Hash,
}

impl TotpSecret {
    /// Reads a secret in either form.
    pub fn parse(secret: &Secret) -> Result<Self, BadTotpSecret> {
        let text = secret.expose_str().ok_or(BadTotpSecret)?.trim();
        let Some(address) = address(text) else { return Self::new(text, None, None, None).ok_or(BadTotpSecret) };
        let (path, query) = address.split_once('?').ok_or(BadTotpSecret)?;
        if !path.split('/').next().is_some_and(|kind| kind.eq_ignore_ascii_case("totp")) {
            return Err(BadTotpSecret);
        }
        let (mut key, mut digits, mut period, mut hash) = (None, None, None, None);
        for (name, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
            let place = match name {
                "secret" => &mut key,
                "digits" => &mut digits,
                "period" => &mut period,
                "algorithm" => &mut hash,
                _ => continue,
            };
            // Of two, every program would take another.
            if place.replace(value).is_some() {
                return Err(BadTotpSecret);
            }
        }
        key.and_then(|key| Self::new(key, digits, period, hash)).ok_or(BadTotpSecret)
    }

    fn new(key: &str, digits: Option<&str>, period: Option<&str>, hash: Option<&str>) -> Option<Self> {
        let digits = match digits {
            None | Some("6") => 6,
            Some("7") => 7,
            Some("8") => 8,
            Some(_) => return None,
        };
        let number = |text: &str| text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten();
        let period = period.map_or(Some(30), number).filter(|period| (1..=MAX_PERIOD).contains(period))?;
        let known = [("SHA1", Hash::Sha1), ("SHA256", Hash::Sha256), ("SHA512", Hash::Sha512)];
        let named = |name: &str| known.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        let (_, hash) = named(hash.unwrap_or("SHA1"))?;
        let key = base32(key).filter(|key| (MIN_BYTES..=MAX_BYTES).contains(&key.len()))?;
        Some(Self { key, digits, period, hash })
    }
}

/// What follows the scheme in an address.
fn address(text: &str) -> Option<&str> {
    let (scheme, rest) = text.split_at_checked("otpauth://".len())?;
    scheme.eq_ignore_ascii_case("otpauth://").then_some(rest)
}

/// RFC 4648 base32, as people copy it. A library would leave what it decodes in a buffer that is not overwritten.
fn base32(text: &str) -> Option<Secret> {
    let mut bytes = SecretWriter::with_capacity(text.len());
    let (mut bits, mut held) = (0_u32, 0_u32);
    let text = text.trim_end_matches('=').trim_end_matches("%3D").trim_end_matches("%3d");
    for digit in text.bytes().filter(|b| !matches!(b, b' ' | b'-' | b'=')) {
        let value = match digit.to_ascii_uppercase() {
            letter @ b'A'..=b'Z' => letter - b'A',
            number @ b'2'..=b'7' => number - b'2' + 26,
            _ => return None,
        };
        bits = bits << 5 | u32::from(value);
        held += 5;
        if held >= 8 {
            held -= 8;
            bytes.push(&[(bits >> held) as u8]);
            bits &= (1 << held) - 1;
        }
    }
    Some(bytes.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<(u8, u64, Hash, usize)> {
        let read = TotpSecret::parse(&Secret::from_string(text.to_owned())).ok()?;
        Some((read.digits, read.period, read.hash, read.key.len()))
    }

    #[test]
    fn is_read_with_what_belongs_to_it() {
        assert_eq!(read("JBSWY3DPEHPK3PXP"), Some((6, 30, Hash::Sha1, 10)));
        let address = "OTPAUTH://TOTP/a:b?secret=JBSWY3DPEHPK3PXP&digits=8&period=3600&algorithm=sha512&issuer=a";
        assert_eq!(read(address), Some((8, 3600, Hash::Sha512, 10)));
    }

    #[test]
    fn refuses_what_is_no_such_secret() {
        for text in [
            "",
            "GEZDGNBV",
            "not base32 at all !",
            "otpauth://hotp/x?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ",
            "otpauth://totp/x",
            "otpauth://totp/x?secret=GEZDGNBVGY3TQOJQ&digits=10",
            "otpauth://totp/x?secret=GEZDGNBVGY3TQOJQ&digits=99999",
            "otpauth://totp/x?secret=GEZDGNBVGY3TQOJQ&period=0",
            "otpauth://totp/x?secret=GEZDGNBVGY3TQOJQ&algorithm=MD5",
            "otpauth://totp/x?secret=GEZDGNBVGY3TQOJQ&digits=+6",
            "otpauth://totp/x?secret=GEZDGNBVGY3TQOJQ&digits=9",
            "otpauth://totp/x?secret=GEZDGNBVGY3TQOJQ&period=+30",
            "otpauth://totp/x?secret=GEZDGNBVGY3TQOJQ&period=",
            "otpauth://totp/x?secret=GEZDGNBVGY3TQOJQ&period=3601",
            "otpauth://totp/x?secret=GEZDGNBVGY3TQOJQ&secret=GEZDGNBVGY3TQOJA",
            "otpauth://totp/x?issuer=secret",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
