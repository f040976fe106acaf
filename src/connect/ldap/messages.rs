//! The few LDAP messages (RFC 4511) that the connector needs, and their answers, in BER.
//!
//! Requests that carry a password are overwritten after use. Answers come from a server that may be anybody's: they
//! are taken apart without assuming anything, and longer ones than any honest answer are not read.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use super::super::Said;
use crate::seal::secret::{Secret, SecretWriter};

/// Longest answer that is read, in bytes.
const LONGEST: usize = 64 << 10;

/// StartTLS (RFC 4511 section 4.14).
const START_TLS: &[u8] = b"1.3.6.1.4.1.1466.20037";
/// Password Modify (RFC 3062).
const PASSWORD_MODIFY: &[u8] = b"1.3.6.1.4.1.4203.1.11.1";

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const INTEGER: u8 = 0x02;
const OCTETS: u8 = 0x04;
const ENUMERATED: u8 = 0x0a;

/// An operation, and the tag of its answer.
pub(super) struct Operation {
    encoded: Secret,
    answer: u8,
}

/// What the server answered.
pub(super) struct Answer {
    /// RFC 4511 appendix A; 0 is success.
    pub(super) code: u32,
    /// The code, with the server's own words.
    pub(super) said: Said,
}

impl Answer {
    /// Whether the operation may have been done all the same, or may be later: operationsError, timeLimitExceeded,
    /// busy, unavailable, other.
    pub(super) fn leaves_open(&self) -> bool {
        matches!(self.code, 1 | 3 | 51 | 52 | 80)
    }
}

/// One element: tag, length, content.
fn element(tag: u8, parts: &[&[u8]]) -> Secret {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let mut element = SecretWriter::with_capacity(length + 10);
    let bytes = length.to_be_bytes();
    if length < 0x80 {
        element.push(&[tag, bytes[bytes.len() - 1]]);
    } else {
        let significant = bytes.len() - bytes.iter().take_while(|byte| **byte == 0).count();
        element.push(&[tag, 0x80 | u8::try_from(significant).unwrap_or(0x7f)]);
        element.push(bytes.get(bytes.len() - significant..).unwrap_or_default());
    }
    parts.iter().for_each(|part| element.push(part));
    element.finish()
}

fn joined(tag: u8, parts: &[Secret]) -> Secret {
    element(tag, &parts.iter().map(Secret::expose).collect::<Vec<_>>())
}

fn octets(text: &str) -> Secret {
    element(OCTETS, &[text.as_bytes()])
}

impl Operation {
    /// Logs in with a name and a password.
    pub(super) fn bind(dn: &str, password: &Secret) -> Self {
        let parts = [element(INTEGER, &[&[3]]), octets(dn), element(0x80, &[password.expose()])];
        Self { encoded: joined(0x60, &parts), answer: 0x61 }
    }

    /// Makes an entry.
    pub(super) fn add(dn: &str, attributes: &BTreeMap<String, BTreeSet<String>>) -> Self {
        let attribute = |(name, values): (&String, &BTreeSet<String>)| {
            let values: Vec<Secret> = values.iter().map(|value| octets(value)).collect();
            joined(SEQUENCE, &[octets(name), joined(SET, &values)])
        };
        let attributes: Vec<Secret> = attributes.iter().map(attribute).collect();
        Self { encoded: joined(0x68, &[octets(dn), joined(SEQUENCE, &attributes)]), answer: 0x69 }
    }

    /// Removes an entry.
    pub(super) fn delete(dn: &str) -> Self {
        Self { encoded: element(0x4a, &[dn.as_bytes()]), answer: 0x6b }
    }

    /// Asks whether an attribute has a value.
    pub(super) fn compare(dn: &str, attribute: &str, value: &str) -> Self {
        let assertion = joined(SEQUENCE, &[octets(attribute), octets(value)]);
        Self { encoded: joined(0x6e, &[octets(dn), assertion]), answer: 0x6f }
    }

    fn extended(name: &[u8], value: Option<Secret>) -> Self {
        let mut parts = vec![element(0x80, &[name])];
        parts.extend(value.map(|value| element(0x81, &[value.expose()])));
        Self { encoded: joined(0x77, &parts), answer: 0x78 }
    }

    /// Asks for encryption.
    pub(super) fn start_tls() -> Self {
        Self::extended(START_TLS, None)
    }

    /// Sets a password: of `dn`, else of who is logged in; only if the old one is right, where it is given.
    pub(super) fn password_modify(dn: Option<&str>, old: Option<&Secret>, new: &Secret) -> Self {
        let given = [(0x80, dn.map(str::as_bytes)), (0x81, old.map(Secret::expose)), (0x82, Some(new.expose()))];
        let parts = given.into_iter().filter_map(|(tag, value)| Some(element(tag, &[value?])));
        let value = joined(SEQUENCE, &parts.collect::<Vec<_>>());
        Self::extended(PASSWORD_MODIFY, Some(value))
    }

    /// Sends the operation, with a number that is new on this connection, and waits for its answer.
    pub(super) async fn send<S>(&self, stream: &mut S, number: u8) -> io::Result<Answer>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let number = [number & 0x7f];
        let message = element(SEQUENCE, &[element(INTEGER, &[&number]).expose(), self.encoded.expose()]);
        stream.write_all(message.expose()).await?;
        stream.flush().await?;
        let received = receive(stream).await?;
        self.read(&received, number).ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::InvalidData,
                "the answer is not that of an LDAP directory to what was asked",
            )
        })
    }

    fn read(&self, message: &[u8], number: [u8; 1]) -> Option<Answer> {
        let (id, rest) = take(message, INTEGER)?;
        let (answer, _) = take(rest, self.answer)?;
        let (code, rest) = take(answer, ENUMERATED)?;
        let (_matched, rest) = take(rest, OCTETS)?;
        let (text, _) = take(rest, OCTETS)?;
        // A code has one spelling (X.690 section 8.3.2); no digit at all is not zero, which would be success.
        let code = match *code {
            [code] => u32::from(code),
            [high @ 1..=0x7f, low] | [high @ 0, low @ 0x80..=0xff] => u32::from(high) << 8 | u32::from(low),
            _ => return None,
        };
        if id != number {
            return None;
        }
        let said = Said::new(&format!("LDAP result {code}: {}", String::from_utf8_lossy(text)));
        Some(Answer { code, said })
    }
}

/// The content of the next message.
async fn receive(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Vec<u8>> {
    let [tag, first] = [stream.read_u8().await?, stream.read_u8().await?];
    let mut length = usize::from(first & 0x7f);
    if first & 0x80 != 0 {
        let bytes = length;
        length = 0;
        for _ in 0..bytes.min(size_of::<u32>()) {
            length = length << 8 | usize::from(stream.read_u8().await?);
        }
    }
    if tag != SEQUENCE || length > LONGEST {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "what answers does not speak LDAP"));
    }
    let mut content = vec![0; length];
    stream.read_exact(&mut content).await?;
    Ok(content)
}

/// The content of the first element, which must have this tag, and what follows it.
fn take(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&[found, first], mut rest) = bytes.split_first_chunk()?;
    let mut length = usize::from(first & 0x7f);
    if first & 0x80 != 0 {
        let (digits, after) = rest.split_at_checked(length).filter(|(digits, _)| digits.len() <= 4)?;
        length = digits.iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
        rest = after;
    }
    if found != tag {
        return None;
    }
    rest.split_at_checked(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Secret {
        Secret::from_string(text.to_owned())
    }

    #[test]
    fn requests_are_those_of_the_standard() {
        // Bind as "cn=a" with "b": RFC 4511 section 4.2.
        let bind = Operation::bind("cn=a", &secret("b"));
        assert_eq!(hex::encode(bind.encoded.expose()), "600c0201030404636e3d61800162");
        let compare = Operation::compare("d", "a", "v");
        assert_eq!(hex::encode(compare.encoded.expose()), "6e0b040164300604016104017 6".replace(' ', ""));
        let delete = Operation::delete(&"x".repeat(300));
        assert_eq!(hex::encode(&delete.encoded.expose()[..5]), "4a82012c78");
        let set = Operation::password_modify(None, Some(&secret("o")), &secret("n"));
        assert!(hex::encode(set.encoded.expose()).ends_with("81083006 81016f 82016e".replace(' ', "").as_str()));
    }

    #[test]
    fn answers_are_read_whatever_they_are() {
        let operation = Operation::bind("cn=a", &secret("b"));
        let good = hex::decode("02010161080a0131040004016e").unwrap();
        let answer = operation.read(&good, [1]).unwrap();
        assert_eq!((answer.code, answer.said), (49, Said::new("LDAP result 49: n")));
        assert!(operation.read(&good, [2]).is_none(), "of another request");
        for cut in 0..good.len() {
            assert!(operation.read(&good[..cut], [1]).is_none(), "{cut}");
        }
        for place in 0..good.len() {
            for byte in 0..=255 {
                let mut changed = good.clone();
                changed[place] = byte;
                let _ = operation.read(&changed, [1]);
            }
        }
    }

    #[test]
    fn success_is_said_with_a_digit() {
        let operation = Operation::bind("cn=a", &secret("b"));
        let code = |code: &str| {
            let answer = element(0x61, &[&hex::decode(code).unwrap(), &[4, 0, 4, 0]]);
            operation.read(&[&[2, 1, 1], answer.expose()].concat(), [1]).map(|answer| answer.code)
        };
        // A length may be written in more bytes than it needs (X.690 section 8.1.3.5), a code may not.
        assert_eq!(["0a0100", "0a8100", "0a810100", "0a840000000100"].map(code), [Some(0), None, Some(0), Some(0)]);
        assert_eq!(["0a0150", "0a020080", "0a021000"].map(code), [Some(80), Some(128), Some(4096)]);
        assert_eq!(["0a00", "0a80", "0a020000", "0a020050", "0a03000000"].map(code), [None; 5]);
    }

    #[test]
    fn a_directory_that_does_not_know_is_not_taken_for_one_that_refused() {
        let leaves_open = |code| Answer { code, said: Said::new("") }.leaves_open();
        // 52 and 80: OpenLDAP in front of another directory that went away.
        assert!([1, 3, 51, 52, 80].into_iter().all(leaves_open));
        // Referral, constraint violation (a password's rules), credentials, rights, unwilling to perform.
        assert!(![0, 10, 19, 32, 49, 50, 53].into_iter().any(leaves_open));
    }

    #[tokio::test]
    async fn what_is_no_answer_is_refused_without_being_read() {
        for bytes in [&b"HTTP/1.1 400 Bad Request"[..], &[0x30, 0x84, 0xff, 0xff, 0xff, 0xff], &[0x30, 0xff], &[0x30]]
        {
            assert!(receive(&mut &bytes[..]).await.is_err());
        }
        assert_eq!(receive(&mut &[0x30, 0x81, 0x02, 7, 8, 9][..]).await.unwrap(), [7, 8]);
    }
}
