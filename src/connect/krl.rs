//! The revocation list of an SSH certificate authority: an OpenSSH KRL, in the form that `sshd`'s `RevokedKeys` and
//! `ssh-keygen -Q` read.
//!
//! It is made of public data only, the authority's public key and the serials of ended leases, both of which stand in
//! the log: anyone with a replica can make it and compare. It is not signed; a target fetches it over a link that it
//! trusts, and what it says can be checked against the log.
//!
//! This module must never leave out a serial that it was given: a list that is short by one opens a door again.
//!
//! Format: `PROTOCOL.krl` of OpenSSH. Integers are big-endian; a `string` is a 32-bit length and bytes.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::escrow::time::Time;

/// `SSHKRL\n\0`, the first eight bytes.
const MAGIC: &[u8; 8] = b"SSHKRL\n\0";
const FORMAT_VERSION: u32 = 1;
/// `KRL_SECTION_CERTIFICATES`.
const SECTION_CERTIFICATES: u8 = 1;
/// `KRL_SECTION_CERT_SERIAL_LIST`.
const SERIAL_LIST: u8 = 0x20;
/// A longer list is written in several sections, so that every length fits its 32 bits.
const SERIALS_PER_SECTION: usize = 1 << 16;
/// The only kind of authority that this program keeps (RFC 8709).
const ED25519: &str = "ssh-ed25519";
/// Bytes of an Ed25519 public key.
const KEY_BYTES: usize = 32;

/// Why a text is no authority's public key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is not the public key of an Ed25519 authority; give the line of the .pub file, \"ssh-ed25519 AAAA…\"")]
pub struct BadAuthority;

/// The public key of a certificate authority. Its comment is not part of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Authority(Vec<u8>);

impl Authority {
    /// Reads the line of an OpenSSH `.pub` file.
    pub fn parse(line: &str) -> Result<Self, BadAuthority> {
        let mut words = line.split_ascii_whitespace();
        if words.next() != Some(ED25519) {
            return Err(BadAuthority);
        }
        let blob = words.next().and_then(|word| BASE64.decode(word).ok()).ok_or(BadAuthority)?;
        let mut expected = Vec::with_capacity(blob.len());
        string(&mut expected, ED25519.as_bytes());
        expected.extend_from_slice(&(KEY_BYTES as u32).to_be_bytes());
        match blob.strip_prefix(expected.as_slice()) {
            Some(key) if key.len() == KEY_BYTES => Ok(Self(blob)),
            _ => Err(BadAuthority),
        }
    }

    /// The key as SSH sends it (RFC 4253 section 6.6).
    pub fn blob(&self) -> &[u8] {
        &self.0
    }
}

/// Makes the list. `made` is when, and its version: a later list has a higher one. Serial 0 is OpenSSH's "no serial"
/// and is refused by it in lists; no lease has it.
pub fn encode(authority: &Authority, serials: &BTreeSet<u64>, made: Time) -> Vec<u8> {
    let mut krl = Vec::with_capacity(128 + 8 * serials.len());
    krl.extend_from_slice(MAGIC);
    krl.extend_from_slice(&FORMAT_VERSION.to_be_bytes());
    krl.extend_from_slice(&made.0.to_be_bytes()); // The list's version.
    krl.extend_from_slice(&made.0.to_be_bytes()); // When it was made.
    krl.extend_from_slice(&0u64.to_be_bytes()); // Flags: none are defined.
    string(&mut krl, b""); // Reserved.
    string(&mut krl, b"sequestre"); // Comment.
    let serials: Vec<u64> = serials.iter().copied().filter(|serial| *serial != 0).collect();
    for serials in serials.chunks(SERIALS_PER_SECTION) {
        let list: Vec<u8> = serials.iter().flat_map(|serial| serial.to_be_bytes()).collect();
        let mut section = Vec::with_capacity(128 + list.len());
        string(&mut section, authority.blob());
        string(&mut section, b""); // Reserved.
        section.push(SERIAL_LIST);
        string(&mut section, &list);
        krl.push(SECTION_CERTIFICATES);
        string(&mut krl, &section);
    }
    krl
}

/// The serials of a list that [`encode`] made for this authority; none if it is anything else.
#[cfg_attr(not(feature = "daemon"), allow(dead_code, reason = "the daemon goes on with the lists that it keeps"))]
pub(crate) fn decode(authority: &Authority, krl: &[u8]) -> Option<BTreeSet<u64>> {
    let rest = krl.strip_prefix(MAGIC)?.strip_prefix(&FORMAT_VERSION.to_be_bytes())?;
    // Version, time, flags.
    let rest = rest.get(24..)?;
    let (_, rest) = take(rest)?;
    let (_, mut rest) = take(rest)?;
    let mut serials = BTreeSet::new();
    while !rest.is_empty() {
        let (section, after) = take(rest.strip_prefix(&[SECTION_CERTIFICATES])?)?;
        let (whose, section) = take(section)?;
        let (_, section) = take(section)?;
        let (list, end) = take(section.strip_prefix(&[SERIAL_LIST])?)?;
        let (list, odd) = list.as_chunks::<8>();
        if whose != authority.blob() || !end.is_empty() || !odd.is_empty() {
            return None;
        }
        serials.extend(list.iter().map(|serial| u64::from_be_bytes(*serial)));
        rest = after;
    }
    Some(serials)
}

/// Reads a length and bytes; gives these, and what follows.
fn take(from: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = from.split_first_chunk::<4>()?;
    rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)
}

/// Appends a length and bytes: a key, or a section of bounded length, so that the length always fits.
fn string(to: &mut Vec<u8>, bytes: &[u8]) {
    to.extend_from_slice(&(bytes.len() as u32).to_be_bytes());
    to.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILM+rvN+ot98qgEN796jTiQfZfG1KaT0PtFDJ/XFSqti user@example.com";

    #[test]
    fn only_an_ed25519_public_key_is_an_authority() {
        let authority = Authority::parse(KEY).unwrap();
        assert_eq!(Authority::parse(KEY.rsplit_once(' ').unwrap().0), Ok(authority), "the comment does not count");
        for bad in [
            "",
            "ssh-ed25519",
            "ssh-ed25519 AAAA",
            "ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAILM+rvN+ot98qgEN796jTiQfZfG1KaT0PtFDJ/XFSqti",
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILM+rvN+ot98qgEN796jTiQfZfG1KaT0PtFDJ/XFSqtiAAAA",
        ] {
            assert_eq!(Authority::parse(bad), Err(BadAuthority), "{bad}");
        }
    }

    /// The layout, byte for byte; that OpenSSH reads it is tested with its own programs in `tests/connect`.
    #[test]
    fn a_list_is_what_the_protocol_says() {
        let authority = Authority::parse(KEY).unwrap();
        let krl = encode(&authority, &BTreeSet::from([258, 3, 0]), Time(5));
        let head = "5353484b524c0a00 00000001 0000000000000005 0000000000000005 0000000000000000 00000000 \
                    00000009 736571756573747265 01 00000050 00000033";
        let tail = "00000000 20 00000010 0000000000000003 0000000000000102";
        let expected = format!("{head}{}{tail}", hex::encode(authority.blob())).replace(' ', "");
        assert_eq!(hex::encode(&krl), expected);
        assert_eq!(encode(&authority, &BTreeSet::new(), Time(5)), krl[..53], "nothing revoked: no section");
        assert_eq!(encode(&authority, &BTreeSet::from([0]), Time(5)), krl[..53]);

        let many: BTreeSet<u64> = (1..=SERIALS_PER_SECTION as u64 + 1).collect();
        let krl = encode(&authority, &many, Time(5));
        assert_eq!(decode(&authority, &krl), Some(many.clone()));
        assert_eq!(decode(&authority, &krl[..krl.len() - 1]), None);
        assert_eq!(decode(&authority, b""), None);
        let other = Authority(authority.0.iter().map(|byte| byte ^ 1).collect());
        assert_eq!(decode(&other, &krl), None);
        assert_eq!(decode(&other, &krl[..53]), Some(BTreeSet::new()), "an empty list is everybody's");
        assert_eq!(krl.len(), 53 + 8 * many.len() + 2 * (1 + 4 + 4 + 51 + 4 + 1 + 4), "two sections");
    }
}
