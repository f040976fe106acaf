//! What comes from a PostgreSQL server, before anything is made of it.
//!
//! The library keeps whatever a server sends until a message is whole, and collects every row: a server that sends
//! without end would fill the daemon's memory, and with it every other association's. And it sends the password itself
//! where a server asks for it: on an unencrypted link to this machine that may be anybody who took the port while the
//! real server was down. Both end here.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// Most bytes that a server may send during one call. Honest answers are a few thousand.
const MOST: usize = 1 << 20;

/// What a server may still send.
#[derive(Clone)]
pub(super) struct Budget(Arc<AtomicUsize>);

impl Budget {
    pub(super) fn new() -> Self {
        Self(Arc::new(AtomicUsize::new(MOST)))
    }

    /// A new call begins.
    pub(super) fn renew(&self) {
        self.0.store(MOST, Ordering::Relaxed);
    }

    fn spend(&self, bytes: usize) -> io::Result<()> {
        let spent = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes));
        let too_much = || io::Error::new(io::ErrorKind::InvalidData, "the server sends more than any honest answer");
        spent.map(drop).map_err(|_| too_much())
    }
}

/// A link to a server.
pub(super) struct Guarded {
    stream: TcpStream,
    budget: Budget,
    /// Where nothing is encrypted.
    login: Option<LoginWatch>,
}

impl Guarded {
    pub(super) fn new(stream: TcpStream, budget: Budget, encrypted: bool) -> Self {
        Self { stream, budget, login: (!encrypted).then(LoginWatch::default) }
    }
}

impl AsyncRead for Guarded {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        std::task::ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        let read = buf.filled().get(before..).unwrap_or_default();
        self.budget.spend(read.len())?;
        if let Some(login) = &mut self.login
            && login.over(read)?
        {
            self.login = None;
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Guarded {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// Reads along until the login is over: messages are a tag, a length of 32 bits that counts itself, and content;
/// those with tag `R` begin with what the server wants.
#[derive(Default)]
struct LoginWatch {
    /// The tag, the length, and the first 32 bits.
    head: Vec<u8>,
    /// What is left of the message.
    rest: usize,
    /// Its content, where the server tells how the password is stretched.
    scram: Option<Vec<u8>>,
}

impl LoginWatch {
    /// Bytes of tag and length.
    const HEAD: usize = 5;
    /// AuthenticationOk, AuthenticationCleartextPassword, AuthenticationMD5Password.
    const OK: u32 = 0;
    const CLEARTEXT: u32 = 3;
    const MD5: u32 = 5;
    /// AuthenticationSASLContinue, and the fewest iterations of RFC 7677 section 4, which are PostgreSQL's own.
    const SASL_CONTINUE: u32 = 11;
    const ITERATIONS: u32 = 4096;
    /// Of what the server tells then, in bytes; PostgreSQL's takes 100.
    const LONGEST: usize = 1024;

    /// Whether the login is over. An error if the server wants the password, or what is as good for a guess: its MD5,
    /// or a proof made with fewer iterations than usual.
    fn over(&mut self, read: &[u8]) -> io::Result<bool> {
        for byte in read {
            if self.rest > 0 {
                self.rest -= 1;
                if let Some(scram) = self.scram.as_mut().filter(|scram| scram.len() < Self::LONGEST) {
                    scram.push(*byte);
                }
                if self.rest == 0 {
                    self.stretched()?;
                }
                continue;
            }
            self.head.push(*byte);
            let &[tag, a, b, c, d, ref wanted @ ..] = self.head.as_slice() else { continue };
            let length = usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap_or(usize::MAX);
            let content = (length + 1).saturating_sub(Self::HEAD);
            match *wanted {
                [a, b, c, d] => match u32::from_be_bytes([a, b, c, d]) {
                    Self::OK => return Ok(true),
                    Self::CLEARTEXT | Self::MD5 => {
                        return Err(io::Error::new(
                            io::ErrorKind::PermissionDenied,
                            "on an unencrypted link the server asks for the password itself, or its MD5; use \
                             scram-sha-256 in pg_hba.conf, or 'tls'",
                        ));
                    }
                    Self::SASL_CONTINUE => self.scram = Some(Vec::new()),
                    _ => {}
                },
                _ if tag == b'R' && content >= 4 => continue,
                _ => {}
            }
            self.rest = content - wanted.len().min(content);
            self.head.clear();
            if self.rest == 0 {
                self.stretched()?;
            }
        }
        Ok(false)
    }

    /// The end of a message: `r=…,s=…,i=…` where it is about stretching (RFC 5802 section 7).
    fn stretched(&mut self) -> io::Result<()> {
        let Some(scram) = self.scram.take() else { return Ok(()) };
        let text = String::from_utf8_lossy(&scram);
        let iterations = text.split(',').nth(2).and_then(|part| part.strip_prefix("i=")?.parse::<u32>().ok());
        if iterations.is_some_and(|iterations| iterations >= Self::ITERATIONS) {
            return Ok(());
        }
        Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            "on an unencrypted link the server asks for a proof that is easy to guess from; set scram_iterations to \
             4096 or more there and the password anew, or use 'tls'",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asks_for_the_password_itself_does_not_get_it() {
        let notice = b"N\0\0\0\x06hi".as_slice();
        let sasl = b"R\0\0\0\x17\0\0\0\x0aSCRAM-SHA-256\0\0".as_slice();
        let cleartext = b"R\0\0\0\x08\0\0\0\x03".as_slice();
        let md5 = b"R\0\0\0\x0c\0\0\0\x05salt".as_slice();
        let ok = b"R\0\0\0\x08\0\0\0\0".as_slice();
        // As a whole, and byte by byte.
        for size in [1, 3, 1000] {
            let end = |parts: &[&[u8]]| {
                let (mut watch, bytes) = (LoginWatch::default(), parts.concat());
                let mut ends = bytes.chunks(size).map(|chunk| watch.over(chunk));
                ends.try_fold(false, |end, next| Ok(end | next?)).map_err(|error: io::Error| error.kind())
            };
            assert_eq!(end(&[notice, sasl, ok]), Ok(true));
            assert_eq!(end(&[notice, sasl]), Ok(false));
            let told = |text: &str| {
                let length = u32::try_from(text.len() + 8).unwrap().to_be_bytes();
                [b"R", length.as_slice(), b"\0\0\0\x0b", text.as_bytes()].concat()
            };
            assert_eq!(end(&[sasl, &told("r=abc,s=QQ==,i=4096"), ok]), Ok(true));
            for text in ["r=abc,s=QQ==,i=1", "r=abc,s=QQ==,i=4095", "r=abc,s=QQ==", "i=4096,r=a,s=Q", "", "r=,i=4096"]
            {
                assert_eq!(end(&[sasl, &told(text), ok]), Err(io::ErrorKind::PermissionDenied), "{text}");
            }
            let long = format!("r={},s=QQ==,i=4096", "a".repeat(2000));
            assert_eq!(end(&[sasl, &told(&long)]), Err(io::ErrorKind::PermissionDenied));
            for asks in [cleartext, md5] {
                assert_eq!(end(&[asks]), Err(io::ErrorKind::PermissionDenied));
                assert_eq!(end(&[notice, sasl, asks]), Err(io::ErrorKind::PermissionDenied));
            }
        }
        for bytes in [&[0xff; 64][..], &[b'R'; 64], &[0; 64], b"R\0\0\0\x04R\0\0\0\0"] {
            let _ = LoginWatch::default().over(bytes);
        }
    }

    #[test]
    fn what_a_server_may_send_in_one_call_is_limited() {
        let budget = Budget::new();
        budget.spend(MOST).unwrap();
        assert!(budget.spend(1).is_err());
        budget.renew();
        assert!(budget.spend(MOST - 1).is_ok() && budget.spend(2).is_err());
    }
}
