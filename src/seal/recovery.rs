//! Files of a recovery without the server: what somebody asks the others for, and what each of them answers.
//!
//! This module must never give out a request or an answer as somebody's whose signature over it was not checked, nor
//! a share as good: shares are compared with the log by [`sharing`](super::sharing).
//!
//! # The files
//! Both are text that survives mail: a line `-----BEGIN …-----`, base64 (RFC 4648 section 4) in lines of 64
//! characters, a line `-----END …-----`. What stands around that block is ignored; so are line ends and spaces in it.
//!
//! The *request* is a block `SEQUESTRE RECOVERY REQUEST`, whose bytes are these lines, each ended by a line feed,
//! words separated by one space:
//!
//! ```text
//! sequestre recovery request v1
//! organisation <hex>
//! starter <person id, hex>
//! tree <entries of the starter's replica> <its root, hex>
//! created <POSIX seconds>
//! nonce <16 bytes, hex>
//! recipient age1…                                answers are sealed to it; its secret half lives for this recovery
//! reason <text to the end of the line>
//! part <account, hex> <version> <kind>           sorted, distinct, at least one; the version it was dealt with
//! signature <Ed25519 of the starter, hex>
//! ```
//!
//! SHA-256 of all lines before the last *names* the recovery. The signature is over `sequestre/recovery-request/v1`, a
//! zero byte, the organisation's id (32 bytes) and that name (32 bytes): so answerers can prove in the log, which has
//! the name and not the lines, that the starter asked.
//!
//! The *answer* is an `age` file with the one recipient of the request, in age's own text form (block
//! `AGE ENCRYPTED FILE`). Its plaintext:
//!
//! ```text
//! sequestre recovery answer v1
//! recovery <name of the recovery, hex>
//! organisation <hex>
//! answerer <person id, hex>
//! tree <entries of the answerer's replica> <its root, hex>
//! created <POSIX seconds>
//! share <account, hex> <version> <kind> <the share's envelope: one line of JSON>
//! record <base64>
//! signature <Ed25519 of the answerer, hex>
//! ```
//!
//! with one `share` line for each share that the answerer holds of a part, sorted by part; a `record` line for each
//! signed command (`SignedCommand` of the log's wire format) by which the answerer says in the log what they gave and
//! that did not reach it yet, so that whoever gets the answer can bring it there, too; and the signature over
//! `sequestre/recovery-answer/v1`, a zero byte, and all lines before the last. There is one spelling only: a file is
//! accepted if writing what was read gives the same lines. Keys and algorithms are those of the log (Ed25519).

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::str::FromStr;

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::identity::Identity;
use super::sealing::{OpenError, SealError, open_with, seal_to};
use super::secret::{Secret, SecretWriter};
use crate::escrow::id::{Digest, OrganisationId, PersonId};
use crate::escrow::key::{PersonKeys, RecipientKey, Signature, SpokenCode};
use crate::escrow::log::merkle::TreeHead;
use crate::escrow::part::{PartId, PartKind, VersionId};
use crate::escrow::recovery::request_preimage;
use crate::escrow::text::Text;
use crate::escrow::time::Time;

const ANSWER_LABEL: &[u8] = b"sequestre/recovery-answer/v1\0";
const CODE_LABEL: &str = "sequestre/recovery-code/v1";

const REQUEST_BLOCK: &str = "SEQUESTRE RECOVERY REQUEST";
const ANSWER_BLOCK: &str = "AGE ENCRYPTED FILE";

const REQUEST_HEADING: &str = "sequestre recovery request ";
const ANSWER_HEADING: &str = "sequestre recovery answer ";
const VERSION: &str = "v1";

/// Longest file that is read, in bytes: ten times what an answer about a thousand accounts takes.
pub const MAX_FILE: usize = 32 << 20;

/// What a file is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// Somebody asks.
    Request,
    /// Somebody answers.
    Answer,
}

impl FileKind {
    const ALL: [Self; 2] = [Self::Request, Self::Answer];

    fn block(self) -> &'static str {
        match self {
            Self::Request => REQUEST_BLOCK,
            Self::Answer => ANSWER_BLOCK,
        }
    }
}

/// Why a file of a recovery cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BadRecovery {
    /// No block of ours in it.
    #[error("this is no file of a recovery; ask for the file again, as an attachment")]
    NotARecovery,
    /// A request where an answer was expected, or the other way round.
    #[error("this file is a recovery {}; the other kind of file is needed here", if *found == FileKind::Request { "request" } else { "answer" })]
    WrongKind {
        /// What it is.
        found: FileKind,
    },
    /// Cut, or changed on the way.
    #[error("this file of a recovery is damaged; ask for it again, as an attachment")]
    Damaged,
    /// Made by a newer program.
    #[error("this file was made by a newer version; update this software")]
    Newer,
    /// Sealed to the key of another recovery.
    #[error("this answer is to another recovery request; ask its sender to answer the right one")]
    OtherRecovery,
    /// Not signed by the person whom it names.
    #[error("the signature is not that of the person whom the file names; do not use it, and tell the others")]
    Signature,
    /// Nothing is asked for, or nothing given.
    #[error("a recovery is about one part of an account at least; nothing was written")]
    Empty,
    /// Could not be sealed.
    #[error(transparent)]
    Seal(#[from] SealError),
}

/// What somebody asks the others for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecoveryRequest {
    /// Whose accounts.
    pub organisation: OrganisationId,
    /// Who asks.
    pub starter: PersonId,
    /// The tree of the replica that they have.
    pub tree: TreeHead,
    /// When, by their clock.
    pub created: Time,
    /// Makes two requests about the same differ.
    pub nonce: [u8; 16],
    /// Answers are sealed to it.
    pub recipient: RecipientKey,
    /// Why.
    pub reason: Text,
    /// What is to be opened.
    pub parts: BTreeSet<PartId>,
}

impl RecoveryRequest {
    /// Signs the request; the identity must be the starter's.
    pub fn sign(self, starter: &Identity) -> Result<SignedRequest, BadRecovery> {
        if self.parts.is_empty() {
            return Err(BadRecovery::Empty);
        }
        if self.starter != starter.person() {
            return Err(BadRecovery::Signature);
        }
        let body = self.body();
        let signature = starter.sign(&request_preimage(&self.organisation, &Digest::of(&[body.as_bytes()])));
        Ok(SignedRequest { request: self, body, signature })
    }

    /// The signed lines.
    fn body(&self) -> String {
        let mut body = format!(
            "{REQUEST_HEADING}{VERSION}\norganisation {}\nstarter {}\ntree {} {}\ncreated {}\nnonce {}\n\
             recipient {}\nreason {}\n",
            self.organisation,
            self.starter,
            self.tree.size,
            self.tree.root,
            self.created.0,
            hex::encode(self.nonce),
            self.recipient.to_age(),
            self.reason.as_str(),
        );
        for part in &self.parts {
            // Writing to memory does not fail.
            let _ = writeln!(body, "part {}", part_words(part));
        }
        body
    }
}

/// A request as it came: whose it says it is, not whose it is.
#[derive(Debug, Clone)]
pub struct SignedRequest {
    request: RecoveryRequest,
    body: String,
    signature: Signature,
}

impl SignedRequest {
    /// Reads a request file.
    pub fn parse(file: &[u8]) -> Result<Self, BadRecovery> {
        let bytes = dearmour(FileKind::Request, file)?;
        let text = String::from_utf8(bytes).map_err(|_| BadRecovery::Damaged)?;
        let mut lines = Lines::new(&text, REQUEST_HEADING)?;
        let mut read = || {
            Some(RecoveryRequest {
                organisation: lines.value("organisation")?,
                starter: lines.value("starter")?,
                tree: lines.tree()?,
                created: Time(lines.value("created")?),
                nonce: lines.line("nonce").and_then(|text| hex::decode(text).ok())?.try_into().ok()?,
                recipient: RecipientKey::from_age(lines.line("recipient")?).ok()?,
                reason: Text::parse(lines.line("reason")?).ok()?,
                parts: std::iter::from_fn(|| lines.line("part")).map(part_of).collect::<Option<_>>()?,
            })
        };
        let request = read().ok_or(BadRecovery::Damaged)?;
        let (body, signature) = lines.signature()?;
        if request.parts.is_empty() || request.body() != body {
            return Err(BadRecovery::Damaged);
        }
        Ok(Self { body: body.to_owned(), request, signature })
    }

    /// What the file says. Nobody is known to have said it.
    pub fn unverified(&self) -> &RecoveryRequest {
        &self.request
    }

    /// The recovery's name: SHA-256 of the lines before the signature.
    pub fn digest(&self) -> Digest {
        Digest::of(&[self.body.as_bytes()])
    }

    /// The request, if the person with these keys is the one whom it names and signed it.
    pub fn verify(&self, starter: &PersonKeys) -> Result<VerifiedRequest, BadRecovery> {
        let digest = self.digest();
        let preimage = request_preimage(&self.request.organisation, &digest);
        let signed = starter.signing.verify(&preimage, &self.signature).is_ok();
        if !signed || starter.person() != self.request.starter {
            return Err(BadRecovery::Signature);
        }
        Ok(VerifiedRequest { request: self.request.clone(), digest, signature: self.signature })
    }

    /// The file.
    pub fn to_file(&self) -> String {
        let lines = format!("{}signature {}\n", self.body, hex::encode(self.signature.as_bytes()));
        armour(FileKind::Request, lines.as_bytes())
    }
}

/// A request that its starter signed. Only [`SignedRequest::verify`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedRequest {
    request: RecoveryRequest,
    digest: Digest,
    signature: Signature,
}

impl VerifiedRequest {
    /// What is asked for.
    pub fn request(&self) -> &RecoveryRequest {
        &self.request
    }

    /// The recovery's name: SHA-256 of the lines before the signature.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The starter's signature: with the name, it proves that they asked.
    pub fn signature(&self) -> &Signature {
        &self.signature
    }

    /// What starter and answerer compare by voice: 20 digits.
    pub fn code(&self) -> SpokenCode {
        SpokenCode::short_of(CODE_LABEL, &[self.digest.as_bytes()])
    }
}

/// What somebody answers: their shares, for this recovery only.
pub struct RecoveryAnswer {
    /// Which recovery.
    pub recovery: Digest,
    /// Whose accounts.
    pub organisation: OrganisationId,
    /// Who answers.
    pub answerer: PersonId,
    /// The tree of the replica that they have.
    pub tree: TreeHead,
    /// When, by their clock.
    pub created: Time,
    /// The plaintext envelopes, in the order of their parts; of one part, in the order of its deals.
    pub shares: Vec<(PartId, Secret)>,
    /// Signed commands that say so in the log, in their wire form: what they are is for whoever brings them there.
    pub records: Vec<Vec<u8>>,
}

impl RecoveryAnswer {
    /// Signs the answer and seals it to the recovery's key; the identity must be the answerer's.
    pub fn seal(&self, answerer: &Identity, recipient: &RecipientKey) -> Result<String, BadRecovery> {
        if self.shares.is_empty() {
            return Err(BadRecovery::Empty);
        }
        if self.answerer != answerer.person() {
            return Err(BadRecovery::Signature);
        }
        let mut body = self.body();
        let signature = answerer.sign(secret_preimage(body.expose()).expose());
        let mut whole = SecretWriter::with_capacity(body.len() + 160);
        whole.push(body.expose());
        whole.push(b"signature ");
        whole.push_hex(signature.as_bytes());
        whole.push(b"\n");
        body = whole.finish();
        Ok(armour(FileKind::Answer, &seal_to(recipient, body.expose())?))
    }

    fn body(&self) -> Secret {
        let records: String =
            self.records.iter().map(|record| format!("record {}\n", STANDARD.encode(record))).collect();
        let room: usize = self.shares.iter().map(|(_, envelope)| envelope.len() + 80).sum();
        let head = format!(
            "{ANSWER_HEADING}{VERSION}\nrecovery {}\norganisation {}\nanswerer {}\ntree {} {}\ncreated {}\n",
            self.recovery, self.organisation, self.answerer, self.tree.size, self.tree.root, self.created.0,
        );
        let mut body = SecretWriter::with_capacity(head.len() + room + records.len());
        body.push(head.as_bytes());
        for (part, envelope) in &self.shares {
            body.push(format!("share {} ", part_words(part)).as_bytes());
            body.push(envelope.expose());
            body.push(b"\n");
        }
        body.push(records.as_bytes());
        body.finish()
    }
}

/// An answer that was opened: whose it says it is, not whose it is.
pub struct OpenedAnswer {
    answer: RecoveryAnswer,
    body: Secret,
    signature: Signature,
}

impl OpenedAnswer {
    /// Opens an answer file with the recovery's key.
    pub fn open(key: &age::x25519::Identity, file: &[u8]) -> Result<Self, BadRecovery> {
        let sealed = dearmour(FileKind::Answer, file)?;
        let plaintext = open_with(key, &sealed).map_err(|error| match error {
            OpenError::NotForThisKey => BadRecovery::OtherRecovery,
            _ => BadRecovery::Damaged,
        })?;
        let text = plaintext.expose_str().ok_or(BadRecovery::Damaged)?;
        let mut lines = Lines::new(text, ANSWER_HEADING)?;
        let mut read = || {
            Some(RecoveryAnswer {
                recovery: lines.value("recovery")?,
                organisation: lines.value("organisation")?,
                answerer: lines.value("answerer")?,
                tree: lines.tree()?,
                created: Time(lines.value("created")?),
                shares: std::iter::from_fn(|| lines.line("share")).map(share_of).collect::<Option<_>>()?,
                records: std::iter::from_fn(|| lines.line("record"))
                    .map(|text| STANDARD.decode(text).ok())
                    .collect::<Option<_>>()?,
            })
        };
        let answer = read().ok_or(BadRecovery::Damaged)?;
        let (body, signature) = lines.signature()?;
        let body = Secret::new(body.as_bytes().to_vec());
        if answer.shares.is_empty() || !answer.body().matches(&body) {
            return Err(BadRecovery::Damaged);
        }
        Ok(Self { answer, body, signature })
    }

    /// Whose answer it says it is.
    pub fn unverified_answerer(&self) -> PersonId {
        self.answer.answerer
    }

    /// The answer, if the person with these keys is the one whom it names and signed it, for this recovery.
    pub fn verify(self, answerer: &PersonKeys, recovery: &VerifiedRequest) -> Result<RecoveryAnswer, BadRecovery> {
        let preimage = secret_preimage(self.body.expose());
        let signed = answerer.signing.verify(preimage.expose(), &self.signature).is_ok();
        if !signed || answerer.person() != self.answer.answerer {
            return Err(BadRecovery::Signature);
        }
        let right =
            self.answer.recovery == recovery.digest && self.answer.organisation == recovery.request.organisation;
        if right { Ok(self.answer) } else { Err(BadRecovery::OtherRecovery) }
    }
}

fn secret_preimage(body: &[u8]) -> Secret {
    let mut preimage = SecretWriter::with_capacity(ANSWER_LABEL.len() + body.len());
    preimage.push(ANSWER_LABEL);
    preimage.push(body);
    preimage.finish()
}

fn part_words(part: &PartId) -> String {
    format!("{} {} {}", part.version.credential, part.version.version, part.kind.as_str())
}

fn part_of(words: &str) -> Option<PartId> {
    let mut words = words.split(' ');
    let credential = words.next()?.parse().ok()?;
    let version = words.next()?.parse().ok()?;
    let kind = PartKind::from_name(words.next()?)?;
    words.next().is_none().then_some(PartId { version: VersionId { credential, version }, kind })
}

fn share_of(words: &str) -> Option<(PartId, Secret)> {
    // The envelope has no spaces outside of it that count: it begins at the fourth word.
    let (end, _) = words.match_indices(' ').nth(2)?;
    let (part, envelope) = words.split_at_checked(end)?;
    let envelope = envelope.strip_prefix(' ')?;
    Some((part_of(part)?, Secret::new(envelope.as_bytes().to_vec())))
}

/// Named lines in their one order. What is read is borrowed: it may be secret.
struct Lines<'a> {
    text: &'a str,
    rest: &'a str,
}

impl<'a> Lines<'a> {
    fn new(text: &'a str, heading: &str) -> Result<Self, BadRecovery> {
        let (first, rest) = text.split_once('\n').ok_or(BadRecovery::Damaged)?;
        match first.strip_prefix(heading) {
            Some(VERSION) => Ok(Self { text, rest }),
            Some(_) => Err(BadRecovery::Newer),
            None => Err(BadRecovery::Damaged),
        }
    }

    /// The next line's value, if the line has this name.
    fn line(&mut self, name: &str) -> Option<&'a str> {
        let (line, rest) = self.rest.split_once('\n')?;
        let value = line.strip_prefix(name)?.strip_prefix(' ')?;
        self.rest = rest;
        Some(value)
    }

    fn value<T: FromStr>(&mut self, name: &str) -> Option<T> {
        self.line(name)?.parse().ok()
    }

    fn tree(&mut self) -> Option<TreeHead> {
        let (size, root) = self.line("tree")?.split_once(' ')?;
        let head = TreeHead { size: size.parse().ok()?, root: root.parse().ok()? };
        head.is_possible().then_some(head)
    }

    /// The signature, which must be the last line, and everything before it. The signature itself covers only what
    /// stands before it, so that its own line is held to its one spelling here: small letters.
    fn signature(mut self) -> Result<(&'a str, Signature), BadRecovery> {
        let body = self.text.strip_suffix(self.rest).ok_or(BadRecovery::Damaged)?;
        let text = self.line("signature").ok_or(BadRecovery::Damaged)?;
        let bytes = hex::decode(text).map_err(|_| BadRecovery::Damaged)?;
        let signature = Signature::parse(1, &bytes).map_err(|_| BadRecovery::Damaged)?;
        let canonical = self.rest.is_empty() && hex::encode(bytes) == text;
        if canonical { Ok((body, signature)) } else { Err(BadRecovery::Damaged) }
    }
}

fn armour(kind: FileKind, bytes: &[u8]) -> String {
    let text = STANDARD.encode(bytes);
    let mut file = format!("-----BEGIN {}-----\n", kind.block());
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at_checked(64).unwrap_or((rest, ""));
        file.push_str(line);
        file.push('\n');
        rest = after;
    }
    let _ = writeln!(file, "-----END {}-----", kind.block());
    file
}

/// The bytes of the one block of this kind in a file.
fn dearmour(wanted: FileKind, file: &[u8]) -> Result<Vec<u8>, BadRecovery> {
    if file.len() > MAX_FILE {
        return Err(BadRecovery::NotARecovery);
    }
    let text = String::from_utf8_lossy(file);
    let block = |kind: FileKind| {
        let after = text.split_once(&format!("-----BEGIN {}-----", kind.block()))?.1;
        Some(after.split_once(&format!("-----END {}-----", kind.block())).map(|(inside, _)| inside))
    };
    let Some(inside) = block(wanted) else {
        let found = FileKind::ALL.into_iter().find(|kind| block(*kind).is_some());
        return Err(found.map_or(BadRecovery::NotARecovery, |found| BadRecovery::WrongKind { found }));
    };
    let letters: String = inside.ok_or(BadRecovery::Damaged)?.split_whitespace().collect();
    STANDARD.decode(letters).map_err(|_| BadRecovery::Damaged)
}

#[cfg(test)]
mod tests;
