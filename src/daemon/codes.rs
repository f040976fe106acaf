//! One-time codes from a secret that stays here (RFC 6238). This module must never quote any of it in an error.

use totp_rs::{Algorithm, Builder, Totp};

use crate::escrow::time::Time;
use crate::seal::secret::Secret;
use crate::seal::totp::{BadTotpSecret, Hash, TotpSecret};

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
    /// Reads a secret as people deposit it.
    pub fn parse(secret: &Secret) -> Result<Self, BadTotpSecret> {
        let TotpSecret { key, digits, period, hash } = TotpSecret::parse(secret)?;
        let algorithm = match hash {
            Hash::Sha1 => Algorithm::SHA1,
            Hash::Sha256 => Algorithm::SHA256,
            Hash::Sha512 => Algorithm::SHA512,
        };
        let key = totp_rs::Secret::new(Box::from(key.expose()));
        let builder = Builder::new().with_secret(key).with_digits(digits).with_step_duration(period);
        // Its own check refuses the 80 bits that many providers give; what makes it panic is no `TotpSecret`.
        Ok(Self { totp: builder.with_algorithm(algorithm).build_noncompliant(), period })
    }

    /// The code of this moment.
    pub fn at(&self, now: Time) -> Code {
        let next = now.0.checked_div(self.period).and_then(|step| step.checked_add(1)?.checked_mul(self.period));
        Code { digits: self.totp.generate(now.0).to_string(), until: Time(next.unwrap_or(u64::MAX)) }
    }
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
}
