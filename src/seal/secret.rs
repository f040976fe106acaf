//! The one type that holds secrets, and the one place where randomness is drawn.
//!
//! A [`Secret`] lives in one heap allocation that is overwritten when it is dropped. It cannot be cloned, compared
//! with `==` or printed, so that it ends up in no log, error or panic message; whoever needs the bytes writes
//! [`Secret::expose`], which is easy to search for. This module must never hand out a secret as a plain `String` or
//! `Vec`.
//!
//! What this cannot do: values that libraries copy to the stack or keep in their own buffers (`ring`'s key pairs,
//! `age`'s write buffer) are not overwritten by us. [`harden`](super::harden) keeps the process's memory out of core
//! dumps and, where the system allows, out of swap.

use std::io;

use ring::rand::{SecureRandom, SystemRandom};
use ring::{hkdf, hmac};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// The system's random number generator did not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the system's random number generator does not answer; nothing was done, try again after a restart")]
pub struct NoRandomness;

/// Random bytes that are not secret: salts, nonces, identifiers.
pub fn random_bytes<const N: usize>() -> Result<[u8; N], NoRandomness> {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).map_err(|_| NoRandomness)?;
    Ok(bytes)
}

/// Secret bytes: overwritten when dropped, never copied, compared or printed by accident.
pub struct Secret(Box<[u8]>);

impl Secret {
    /// Takes over the bytes. If the vector has spare capacity, the bytes move to an exact allocation and the whole
    /// old one is overwritten: shrinking in place could leave earlier, longer content behind.
    pub fn new(mut bytes: Vec<u8>) -> Self {
        if bytes.len() == bytes.capacity() {
            return Self(bytes.into_boxed_slice());
        }
        let exact = Box::from(bytes.as_slice());
        bytes.zeroize();
        Self(exact)
    }

    /// Takes over a string, as [`Self::new`].
    pub fn from_string(text: String) -> Self {
        Self::new(text.into_bytes())
    }

    /// `length` bytes from the system's random number generator.
    pub fn random(length: usize) -> Result<Self, NoRandomness> {
        let mut secret = Self(vec![0; length].into_boxed_slice());
        SystemRandom::new().fill(&mut secret.0).map_err(|_| NoRandomness)?;
        Ok(secret)
    }

    /// 32 bytes derived with HKDF-SHA-256 (RFC 5869): this secret as input keying material, no salt, `label` as info.
    pub fn derive(&self, label: &str) -> Self {
        let mut derived = Self(vec![0; 32].into_boxed_slice());
        hkdf::Salt::new(hkdf::HKDF_SHA256, &[])
            .extract(&self.0)
            .expand(&[label.as_bytes()], hkdf::HKDF_SHA256.hmac_algorithm())
            .and_then(|okm| okm.fill(&mut derived.0))
            .expect("HKDF-SHA-256 yields 32 bytes for every input");
        derived
    }

    /// The bytes.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// The bytes as text, where they are UTF-8.
    pub fn expose_str(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }

    /// Length in bytes.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether both are the same, in a time that depends on their lengths only: their HMACs are compared, by the
    /// comparison that `ring` makes for verifying them.
    pub fn matches(&self, other: &Self) -> bool {
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"sequestre/matches/v1");
        let tag = hmac::sign(&key, &self.0);
        hmac::verify(&key, &other.0, tag.as_ref()).is_ok()
    }

    /// A second copy, for the few places that must hand one on.
    pub(super) fn copy(&self) -> Self {
        Self(self.0.clone())
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl ZeroizeOnDrop for Secret {}

/// Builds a secret piece by piece. When it outgrows its allocation it moves to a larger one and overwrites the old
/// one, which `Vec` and `String` do not.
pub struct SecretWriter(Zeroizing<Vec<u8>>);

impl SecretWriter {
    /// Room for `capacity` bytes before the first move.
    pub fn with_capacity(capacity: usize) -> Self {
        Self(Zeroizing::new(Vec::with_capacity(capacity)))
    }

    /// Appends bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.0.capacity() - self.0.len() < bytes.len() {
            let capacity = (self.0.len() + bytes.len()).max(2 * self.0.capacity());
            let mut larger = Zeroizing::new(Vec::with_capacity(capacity));
            larger.extend_from_slice(&self.0);
            self.0 = larger;
        }
        self.0.extend_from_slice(bytes);
    }

    /// Adds a character in UTF-8.
    pub fn push_char(&mut self, c: char) {
        let mut utf8 = [0; 4];
        self.push(c.encode_utf8(&mut utf8).as_bytes());
        utf8.zeroize();
    }

    pub(super) fn push_hex(&mut self, bytes: &[u8]) {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        for byte in bytes {
            self.push(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
        }
    }

    /// Length of what was written so far, in bytes.
    #[expect(clippy::len_without_is_empty, reason = "nobody asks")]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// What was written.
    pub fn finish(mut self) -> Secret {
        Secret::new(std::mem::take(&mut *self.0))
    }
}

impl io::Write for SecretWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.push(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl std::fmt::Write for SecretWriter {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.push(text.as_bytes());
        Ok(())
    }
}

/// The bytes that hexadecimal text stands for; nothing if it is no such text.
pub(super) fn secret_from_hex(text: &[u8]) -> Option<Secret> {
    let mut bytes = Zeroizing::new(vec![0; text.len() / 2]);
    hex::decode_to_slice(text, &mut bytes).ok()?;
    Some(Secret::new(std::mem::take(&mut *bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_over_exact_and_spare_allocations() {
        let mut spare = Vec::with_capacity(64);
        spare.extend_from_slice(b"word");
        assert_eq!(Secret::new(spare).expose(), b"word");
        let exact = vec![1, 2, 3];
        let at = exact.as_ptr();
        let secret = Secret::new(exact);
        assert_eq!(secret.expose().as_ptr(), at, "an exact allocation is taken over, not copied");
        assert_eq!(Secret::from_string("é".to_owned()).expose_str(), Some("é"));
        assert_eq!(Secret::new(vec![0xff]).expose_str(), None);
    }

    /// What stands at an address of this process now, however it is used since.
    #[cfg(target_os = "linux")]
    fn at(address: usize, length: usize) -> Vec<u8> {
        use std::os::unix::fs::FileExt as _;
        let mut bytes = vec![0; length];
        let memory = std::fs::File::open("/proc/self/mem").unwrap();
        memory.read_exact_at(&mut bytes, address as u64).unwrap();
        bytes
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn nothing_is_left_where_a_secret_was() {
        // As long as this, memory goes back to the allocator and not to the system.
        const LENGTH: usize = 4096;
        let pattern = |n: usize| [0xa5, 0x5a, n as u8, 0xc3].repeat(LENGTH / 4);
        let left = |address, n| at(address, LENGTH).chunks(4).filter(|four| *four == &pattern(n)[..4]).count();
        let plain = pattern(0);
        assert_eq!(left(plain.as_ptr().addr(), 0), LENGTH / 4, "this is where one looks");

        let secret = Secret::new(pattern(1));
        let address = secret.expose().as_ptr().addr();
        assert_eq!(left(address, 1), LENGTH / 4);
        drop(secret);
        assert_eq!(left(address, 1), 0);

        // One with room to spare moves, and leaves nothing behind.
        let mut spare = Vec::with_capacity(2 * LENGTH);
        spare.extend_from_slice(&pattern(2));
        let before = spare.as_ptr().addr();
        let secret = Secret::new(spare);
        assert_ne!(secret.expose().as_ptr().addr(), before);
        assert_eq!(left(before, 2), 0);

        // One that is written piece by piece and outgrows its place.
        let mut writer = SecretWriter::with_capacity(LENGTH);
        writer.push(&pattern(3));
        let before = writer.0.as_ptr().addr();
        writer.push(&[1]);
        assert_ne!(writer.0.as_ptr().addr(), before);
        assert_eq!(left(before, 3), 0);
        let after = writer.0.as_ptr().addr();
        drop(writer);
        assert_eq!(left(after, 3), 0);
    }

    #[test]
    fn matches_only_the_same_bytes() {
        let secret = Secret::new(b"abc".to_vec());
        assert!(secret.matches(&Secret::new(b"abc".to_vec())));
        assert!(!secret.matches(&Secret::new(b"abd".to_vec())));
        assert!(!secret.matches(&Secret::new(b"ab".to_vec())));
        assert!(!Secret::random(32).unwrap().matches(&Secret::random(32).unwrap()));
    }

    /// RFC 5869, appendix A.3: no salt, no info (the first 32 of its 42 bytes).
    #[test]
    fn derives_as_rfc_5869_says() {
        let secret = Secret::new(vec![0x0b; 22]);
        let expected = "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d";
        assert_eq!(hex::encode(secret.derive("").expose()), expected);
        assert_ne!(hex::encode(secret.derive("label").expose()), expected);
    }

    #[test]
    fn the_writer_grows_and_keeps_everything() {
        let mut writer = SecretWriter::with_capacity(1);
        for i in 0..100u8 {
            writer.push(&[i; 3]);
        }
        writer.push_hex(&[0xab, 0x01]);
        writer.push_char('é');
        let secret = writer.finish();
        let expected: Vec<u8> = (0..100u8).flat_map(|i| [i; 3]).chain("ab01é".bytes()).collect();
        assert_eq!(secret.expose(), expected);
        assert_eq!(secret_from_hex(b"ab01").unwrap().expose(), [0xab, 1]);
        assert!(secret_from_hex(b"ab0").is_none());
    }
}
