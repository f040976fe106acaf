//! A person's identity: one 32-byte seed, from which their signing key and their recipient key follow.
//!
//! On disk the seed is an `age` file with a passphrase, on paper 24 words. One identity serves many organisations.
//! This module must never write the seed anywhere in the clear, nor weaken scrypt for a real identity.

use std::fmt;

use age::secrecy::SecretString;
use unicode_normalization::UnicodeNormalization;

use super::sealing::{age_identity, age_open, age_seal};
use super::secret::{NoRandomness, Secret, SecretWriter, secret_from_hex};
use super::signing::{BadSecretKey, SEED_BYTES, SigningKey};
use super::words::{self, BadWords, Compared, Language};
use crate::escrow::id::PersonId;
use crate::escrow::key::{PersonKeys, RecipientKey, Signature};

const SIGNING_LABEL: &str = "sequestre/identity/signing/v1";
const RECIPIENT_LABEL: &str = "sequestre/identity/recipient/v1";

/// First line of the file's content: what somebody sees who opens it with `age -d`. The second is the seed in hex.
const FILE_HEADING: &str = "sequestre identity v1\n";

/// Most scrypt work that opening accepts, as the logarithm of N: 1 GiB of memory.
const MAX_WORK: u8 = 20;

/// Why an identity could not be made, opened or saved.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// No usable key.
    #[error(transparent)]
    Key(#[from] BadSecretKey),
    /// The words on paper were not read.
    #[error(transparent)]
    Words(#[from] BadWords),
    /// The passphrase does not open this file.
    #[error("this passphrase does not open the identity; check capitals and keyboard layout and try again")]
    WrongPassphrase,
    /// An empty passphrase, or one that is not text.
    #[error("a passphrase is text and not empty; choose another one, or have one proposed")]
    UnusablePassphrase,
    /// The file asks for more work than any identity of ours.
    #[error("this file asks for too much work (N = 2^{required}) and was not made by this program; take a copy")]
    TooMuchWork {
        /// The logarithm of N that the file names.
        required: u8,
    },
    /// Not an `age` file with a passphrase, or damaged.
    #[error("this identity file is damaged or of another kind; take a copy, or restore from the words on paper")]
    Damaged(#[source] age::DecryptError),
    /// It opens, but holds something else.
    #[error("this file opens, but holds no identity of this program; look for another file")]
    NotAnIdentity,
    /// Encryption failed, for want of randomness or memory.
    #[error("encrypting with the passphrase failed and nothing was saved; try again after a restart")]
    NotSealed(#[source] age::EncryptError),
}

impl From<NoRandomness> for IdentityError {
    fn from(error: NoRandomness) -> Self {
        Self::Key(error.into())
    }
}

/// How expensive each guess of a passphrase is: scrypt's N = 2^this (r = 8, p = 1, as `age` fixes them).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WorkFactor(u8);

impl WorkFactor {
    /// N = 2^17: 128 MiB and a good part of a second for each guess.
    pub const STANDARD: Self = Self(17);

    /// N = 2^10, which protects nothing: for the demonstration and for tests, whose identities guard nothing.
    pub const fn lowered_for_demo_and_tests() -> Self {
        Self(10)
    }
}

/// A person's private keys.
pub struct Identity {
    seed: Secret,
    signing: SigningKey,
    recipient: age::x25519::Identity,
    keys: PersonKeys,
}

impl Identity {
    /// A new person.
    pub fn generate() -> Result<Self, IdentityError> {
        Self::from_seed(Secret::random(SEED_BYTES)?)
    }

    /// The identity that follows from a 32-byte seed.
    pub fn from_seed(seed: Secret) -> Result<Self, IdentityError> {
        if seed.len() != SEED_BYTES {
            return Err(BadSecretKey::Length { found: seed.len() }.into());
        }
        let signing = SigningKey::from_seed(seed.derive(SIGNING_LABEL))?;
        let recipient = age_identity(&seed.derive(RECIPIENT_LABEL))?;
        let public = RecipientKey::from_age(&recipient.to_public().to_string()).map_err(BadSecretKey::Unusable)?;
        let keys = PersonKeys { signing: signing.public(), recipient: public };
        Ok(Self { seed, signing, recipient, keys })
    }

    /// The public halves.
    pub fn keys(&self) -> PersonKeys {
        self.keys
    }

    /// Who this is.
    pub fn person(&self) -> PersonId {
        self.keys.person()
    }

    /// Signs `preimage`, which must begin with the label of what it is.
    pub fn sign(&self, preimage: &[u8]) -> Signature {
        self.signing.sign(preimage)
    }

    /// What opens blobs that are sealed to this person.
    pub fn age(&self) -> &age::x25519::Identity {
        &self.recipient
    }

    /// The identity as a binary `age` file that the passphrase opens; also with `age -d`.
    pub fn encrypt(&self, passphrase: &Secret, work: WorkFactor) -> Result<Vec<u8>, IdentityError> {
        let mut content = SecretWriter::with_capacity(FILE_HEADING.len() + 2 * SEED_BYTES + 1);
        content.push(FILE_HEADING.as_bytes());
        content.push_hex(self.seed.expose());
        content.push(b"\n");
        seal_with_passphrase(passphrase, work, &content.finish())
    }

    /// Opens what [`Self::encrypt`] made.
    pub fn decrypt(file: &[u8], passphrase: &Secret) -> Result<Self, IdentityError> {
        let mut opener = age::scrypt::Identity::new(normalised(passphrase)?);
        opener.set_max_work_factor(MAX_WORK);
        let content = age_open(&opener, file).map_err(|error| match error {
            age::DecryptError::DecryptionFailed => IdentityError::WrongPassphrase,
            age::DecryptError::ExcessiveWork { required, .. } => IdentityError::TooMuchWork { required },
            other => IdentityError::Damaged(other),
        })?;
        let seed = content
            .expose()
            .strip_prefix(FILE_HEADING.as_bytes())
            .map(|rest| rest.strip_suffix(b"\n").unwrap_or(rest))
            .and_then(secret_from_hex)
            .ok_or(IdentityError::NotAnIdentity)?;
        Self::from_seed(seed)
    }

    /// The seed as 24 BIP-39 words, for paper.
    pub fn to_words(&self, language: Language) -> Secret {
        words::encode(&self.seed, language).expect("32 bytes always have 24 words")
    }

    /// How words that somebody typed compare with this identity's own.
    pub fn compare_words(&self, text: &str) -> Compared {
        words::compare(text, &self.seed)
    }

    /// Reads the words back; without a language, it is recognised.
    pub fn from_words(text: &str, language: Option<Language>) -> Result<Self, IdentityError> {
        Self::from_seed(words::decode(text, language)?)
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({:?})", self.person())
    }
}

/// A binary `age` file that the passphrase opens, here or with `age -d`: an identity, or accounts that were recovered.
pub fn seal_with_passphrase(
    passphrase: &Secret,
    work: WorkFactor,
    content: &Secret,
) -> Result<Vec<u8>, IdentityError> {
    let mut recipient = age::scrypt::Recipient::new(normalised(passphrase)?);
    recipient.set_work_factor(work.0);
    age_seal(&recipient, content.expose()).map_err(IdentityError::NotSealed)
}

/// The passphrase in composed form (NFC): keyboards of different systems encode the same accent differently.
fn normalised(passphrase: &Secret) -> Result<SecretString, IdentityError> {
    let text = passphrase.expose_str().ok_or(IdentityError::UnusablePassphrase)?;
    if text.is_empty() {
        return Err(IdentityError::UnusablePassphrase);
    }
    // Composing can lengthen UTF-8 at most threefold (UAX #15), so that the writer does not move.
    let mut composed = SecretWriter::with_capacity(3 * text.len());
    text.nfc().for_each(|c| composed.push_char(c));
    // `SecretString::from(&str)` makes one exact allocation, which it overwrites when dropped.
    composed.finish().expose_str().map(SecretString::from).ok_or(IdentityError::UnusablePassphrase)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOW: WorkFactor = WorkFactor::lowered_for_demo_and_tests();

    fn secret(text: &str) -> Secret {
        Secret::from_string(text.to_owned())
    }

    fn identity() -> Identity {
        Identity::from_seed(Secret::new((0..32).collect())).unwrap()
    }

    /// Pinned, and computed independently from RFC 5869, 8032 and 7748: whoever has the words on paper must get the
    /// same keys from every later version.
    #[test]
    fn the_keys_of_a_seed_never_change() {
        let keys = identity().keys();
        assert_eq!(
            hex::encode(keys.signing.as_bytes()),
            "e83f0bc5d666fd3ae00a5248a1abbdb266db6068facffd0051d360441c935560"
        );
        assert_eq!(keys.recipient.to_age(), "age13dp0exajuvrfau8uxw2ev47rn46uh98w7yrh4yvxa3y5am2myuvsrseznl");
    }

    #[test]
    fn signs_and_opens_with_what_it_publishes() {
        let identity = identity();
        let keys = identity.keys();
        assert_eq!(keys.signing.verify(b"m", &identity.sign(b"m")), Ok(()));
        assert_eq!(identity.age().to_public().to_string(), keys.recipient.to_age());
        assert_ne!(Identity::generate().unwrap().person(), identity.person());
        assert!(Identity::from_seed(Secret::new(vec![1; 31])).is_err());
    }

    #[test]
    fn only_the_passphrase_opens_the_file() {
        let file = identity().encrypt(&secret("mot de passe é"), LOW).unwrap();
        assert_eq!(Identity::decrypt(&file, &secret("mot de passe é")).unwrap().person(), identity().person());
        // The same accent as a keyboard on another system sends it.
        assert!(Identity::decrypt(&file, &secret("mot de passe e\u{301}")).is_ok());
        let wrong = Identity::decrypt(&file, &secret("mot de passe e"));
        assert!(matches!(wrong, Err(IdentityError::WrongPassphrase)));
        assert!(matches!(Identity::decrypt(&file, &secret("")), Err(IdentityError::UnusablePassphrase)));
        assert!(matches!(identity().encrypt(&secret(""), LOW), Err(IdentityError::UnusablePassphrase)));
    }

    #[test]
    fn damaged_foreign_and_abusive_files_are_told_apart() {
        let passphrase = secret("p");
        let file = identity().encrypt(&passphrase, LOW).unwrap();
        let cut = Identity::decrypt(&file[..file.len() - 1], &passphrase);
        assert!(matches!(cut, Err(IdentityError::Damaged(_))));
        assert!(matches!(Identity::decrypt(b"", &passphrase), Err(IdentityError::Damaged(_))));

        let mut recipient = age::scrypt::Recipient::new(normalised(&passphrase).unwrap());
        recipient.set_work_factor(10);
        let other = age_seal(&recipient, b"shopping list").unwrap();
        assert!(matches!(Identity::decrypt(&other, &passphrase), Err(IdentityError::NotAnIdentity)));

        let position = file.windows(4).position(|w| w == b" 10\n").unwrap();
        let mut abusive = file.clone();
        abusive[position + 1..position + 3].copy_from_slice(b"21");
        let refused = Identity::decrypt(&abusive, &passphrase);
        assert!(matches!(refused, Err(IdentityError::TooMuchWork { required: 21 })));
    }

    #[test]
    fn the_file_names_the_work_factor_and_reads_like_an_identity() {
        let file = identity().encrypt(&secret("p"), LOW).unwrap();
        assert!(String::from_utf8_lossy(&file).contains(" 10\n"));
        let opener = age::scrypt::Identity::new(normalised(&secret("p")).unwrap());
        let content = age::decrypt(&opener, &file).unwrap();
        let expected = format!("sequestre identity v1\n{}\n", hex::encode((0..32).collect::<Vec<u8>>()));
        assert_eq!(String::from_utf8(content).unwrap(), expected);
        assert_eq!(WorkFactor::STANDARD.0, 17);
    }

    #[test]
    fn words_give_the_same_person_back() {
        for language in [Language::English, Language::French] {
            let words = identity().to_words(language);
            let again = Identity::from_words(words.expose_str().unwrap(), None).unwrap();
            assert_eq!(again.person(), identity().person());
        }
        assert!(matches!(Identity::from_words("abandon", None), Err(IdentityError::Words(BadWords::Count { .. }))));
    }
}
