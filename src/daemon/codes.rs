//! One-time passwords from a secret that stays here (RFC 6238).
//!
//! A secret is what a provider shows: base32 (RFC 4648, where spaces, hyphens, case and padding do not matter), or an
//! `otpauth://totp/…?secret=…` address with `digits` (6 to 8), `period` (in seconds) and `algorithm`. This module must
//! never quote any of it in an error.

use totp_rs::{Algorithm, Builder, Totp};

use crate::escrow::time::Time;
use crate::seal::secret::{Secret, SecretWriter};

/// Shortest secret, in bytes: providers give 80 bits, less than RFC 4226 wants.
const MIN_BYTES: usize = 10;
const MAX_BYTES: usize = 512;
const MAX_PERIOD: u64 = 3600;

/// Not the secret of time-based one-time passwords.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is no secret for one-time passwords (base32 or otpauth://totp/…); deposit the account anew")]
pub struct BadTotpSecret;

/// Makes codes. The secret is overwritten when this is dropped.
pub struct Codes {
    totp: Totp,
    period: u64,
}

/// A code and the time at which the next one takes its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Code {
    /// Its digits.
    pub digits: String,
    /// The first second of the next one.
    pub until: Time,
}

impl Codes {
    /// Reads a secret in either form.
    pub fn parse(secret: &Secret) -> Result<Self, BadTotpSecret> {
        let text = secret.expose_str().ok_or(BadTotpSecret)?.trim();
        let (mut key, mut digits, mut period, mut algorithm) = (text, 6, 30, Algorithm::SHA1);
        let scheme = text.get(..10).is_some_and(|start| start.eq_ignore_ascii_case("otpauth://"));
        if scheme {
            let address = text.get(10..).unwrap_or_default();
            let (path, query) = address.split_once('?').ok_or(BadTotpSecret)?;
            let kind = path.split('/').next().unwrap_or_default();
            if !kind.eq_ignore_ascii_case("totp") {
                return Err(BadTotpSecret);
            }
            let mut found = None;
            for (name, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
                match name {
                    "secret" => found = Some(value),
                    "digits" => digits = value.parse().map_err(|_| BadTotpSecret)?,
                    "period" => period = value.parse().map_err(|_| BadTotpSecret)?,
                    "algorithm" => algorithm = named(value).ok_or(BadTotpSecret)?,
                    _ => {}
                }
            }
            key = found.ok_or(BadTotpSecret)?;
        }
        if !(6..=8).contains(&digits) || !(1..=MAX_PERIOD).contains(&period) {
            return Err(BadTotpSecret);
        }
        let key = base32(key).filter(|key| (MIN_BYTES..=MAX_BYTES).contains(&key.len())).ok_or(BadTotpSecret)?;
        let key = totp_rs::Secret::new(Box::from(key.expose()));
        let builder = Builder::new().with_secret(key).with_digits(digits).with_step_duration(period);
        // Its own check refuses the 80 bits that many providers give; what makes it panic is refused above.
        Ok(Self { totp: builder.with_algorithm(algorithm).build_noncompliant(), period })
    }

    /// The code of this moment.
    pub fn at(&self, now: Time) -> Code {
        let next = now.0.checked_div(self.period).and_then(|step| step.checked_add(1)?.checked_mul(self.period));
        Code { digits: self.totp.generate(now.0).to_string(), until: Time(next.unwrap_or(u64::MAX)) }
    }
}

fn named(name: &str) -> Option<Algorithm> {
    let known = [("SHA1", Algorithm::SHA1), ("SHA256", Algorithm::SHA256), ("SHA512", Algorithm::SHA512)];
    known.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, algorithm)| algorithm)
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

    fn codes(text: &str) -> Result<Codes, BadTotpSecret> {
        Codes::parse(&Secret::from_string(text.to_owned()))
    }

    /// RFC 6238, appendix B. Its secrets are the digits 1 to 0 repeated to the hash's length.
    #[test]
    fn gives_the_codes_of_rfc_6238() {
        let sha1 = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
        let sha256 = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZA====";
        let sha512 =
            "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNA";
        for (algorithm, secret, expected) in [
            ("SHA1", sha1, ["94287082", "07081804", "14050471", "89005924", "69279037", "65353130"]),
            ("sha256", sha256, ["46119246", "68084774", "67062674", "91819424", "90698825", "77737706"]),
            ("SHA512", sha512, ["90693936", "25091201", "99943326", "93441116", "38618901", "47863826"]),
        ] {
            let address = format!("otpauth://totp/x:y?secret={secret}&issuer=x&digits=8&algorithm={algorithm}");
            let codes = codes(&address).unwrap();
            let times = [59, 1_111_111_109, 1_111_111_111, 1_234_567_890, 2_000_000_000, 20_000_000_000];
            for (time, digits) in times.into_iter().zip(expected) {
                let code = codes.at(Time(time));
                assert_eq!(
                    (code.digits.as_str(), code.until.0),
                    (digits, (time / 30 + 1) * 30),
                    "{algorithm} {time}"
                );
            }
        }
    }

    #[test]
    fn takes_secrets_as_people_copy_them() {
        let plain = codes("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ").unwrap().at(Time(59));
        assert_eq!(plain.digits, "287082");
        for spelling in [
            "gezd gnbv gy3t qojq gezd gnbv gy3t qojq",
            " GEZD-GNBV-GY3T-QOJQ-GEZD-GNBV-GY3T-QOJQ== ",
            "otpauth://totp/Caisse:amis%40lac?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ%3D",
        ] {
            assert_eq!(codes(spelling).unwrap().at(Time(59)), plain);
        }
        let short = codes("otpauth://totp/x?period=60&secret=JBSWY3DPEHPK3PXP").unwrap();
        assert_eq!(short.at(Time(61)).until, Time(120));
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
        ] {
            assert!(codes(text).is_err(), "{text}");
        }
    }
}
