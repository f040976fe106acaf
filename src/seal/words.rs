//! Secrets as words: 24 BIP-39 words for paper, six words for a passphrase.
//!
//! Reading is forgiving about form (case, spacing, numbering, accents composed or not or left out) and strict about
//! content. It must never correct a word or guess one, and its errors name positions, never words: the words are
//! the secret.

use std::fmt::Write as _;

use bip39::Mnemonic;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::secret::{NoRandomness, Secret, SecretWriter, random_bytes};

/// Words on paper: 256 bits and 8 bits of checksum, 11 bits a word.
pub const PAPER_WORDS: usize = 24;

/// Words in a proposed passphrase: 66 bits in English; 64 in French, where only words without accents are drawn.
pub const PASSPHRASE_WORDS: usize = 6;

/// Longest word in either list is 9 letters; with accents as separate characters, fewer than 16 bytes.
const ROOM_PER_WORD: usize = 16;

/// Whose words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// The English list.
    English,
    /// The French list.
    French,
}

impl Language {
    const ALL: [Self; 2] = [Self::English, Self::French];

    fn list(self) -> bip39::Language {
        match self {
            Self::English => bip39::Language::English,
            Self::French => bip39::Language::French,
        }
    }
}

/// Why the words on paper could not be read. Positions count words from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadWords {
    /// Not 24 words.
    #[error("{found} words were entered and {PAPER_WORDS} are needed; compare with the paper")]
    Count {
        /// How many there were.
        found: usize,
    },
    /// A word that is not in the list.
    #[error("word {position} is not in the {language:?} list; compare its spelling with the paper")]
    Unknown {
        /// Which word, from 1.
        position: usize,
        /// The list that was searched.
        language: Language,
    },
    /// Every word is in the list, but they do not belong together.
    #[error(
        "every word is in the list, but at least one of them is not the one on the paper, or two are swapped; \
         compare all of them"
    )]
    Checksum,
    /// All words are in both lists and fit in both.
    #[error("these words are valid in English and in French; say which language the paper is in")]
    Ambiguous,
}

/// How words that somebody typed compare with those of a known identity. Positions count words from 1. It says where,
/// never what should stand there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Compared {
    /// They are its words.
    Same,
    /// They are the words of another identity: each is in the list, and they go together.
    Another,
    /// 24 words, of which these are not the right ones. Two that are exchanged are both named.
    Differ {
        /// Which words, ascending.
        positions: Vec<usize>,
    },
    /// Not 24 words.
    Count {
        /// How many there are.
        found: usize,
        /// The first that is not the right one, or is missing.
        first: usize,
    },
}

/// Compares `text` with the words of `seed`, in the list that fits it better.
pub(super) fn compare(text: &str, seed: &Secret) -> Compared {
    let wrong = |language: Language| -> Vec<usize> {
        let own = encode(seed, language);
        let own = own.as_ref().and_then(Secret::expose_str).unwrap_or_default();
        let mut typed = words(text);
        let differs = |known: &str| !typed.next().is_some_and(|word| folded(word).eq(folded(known)));
        let marks: Vec<bool> = own.split(' ').map(differs).collect();
        marks.iter().enumerate().filter(|(_, differs)| **differs).map(|(i, _)| i + 1).collect()
    };
    let [english, french] = Language::ALL.map(wrong);
    let positions = if french.len() < english.len() { french } else { english };
    let found = words(text).count();
    match positions.first() {
        _ if found != PAPER_WORDS => {
            Compared::Count { found, first: positions.first().copied().unwrap_or(PAPER_WORDS + 1) }
        }
        None => Compared::Same,
        // One mistake in 256 gives words that are valid: where most are in their places, it is this paper.
        Some(_) if positions.len() * 2 > PAPER_WORDS && decode(text, None).is_ok() => Compared::Another,
        Some(_) => Compared::Differ { positions },
    }
}

/// 32 bytes as 24 words with single spaces between them, accents composed (NFC).
pub(super) fn encode(seed: &Secret, language: Language) -> Option<Secret> {
    let mnemonic = Mnemonic::from_entropy_in(language.list(), seed.expose()).ok()?;
    let mut text = SecretWriter::with_capacity(PAPER_WORDS * ROOM_PER_WORD);
    for (i, word) in mnemonic.words().enumerate() {
        if i > 0 {
            text.push(b" ");
        }
        word.nfc().for_each(|c| text.push_char(c));
    }
    Some(text.finish())
}

/// Reads 24 words back into 32 bytes. Without a language, the list that holds every word is taken; where both do,
/// the checksum decides.
pub(super) fn decode(text: &str, language: Option<Language>) -> Result<Secret, BadWords> {
    if let Some(language) = language {
        return decode_in(text, language);
    }
    let [(english, known_in_english), (french, known_in_french)] =
        Language::ALL.map(|l| (decode_in(text, l), known_words(text, l)));
    match (english, french) {
        (Ok(_), Ok(_)) => Err(BadWords::Ambiguous),
        (Ok(seed), Err(_)) | (Err(_), Ok(seed)) => Ok(seed),
        // Neither: the error of the list that knows more of the words is the one that helps.
        (Err(in_english), Err(in_french)) => {
            Err(if known_in_french > known_in_english { in_french } else { in_english })
        }
    }
}

fn decode_in(text: &str, language: Language) -> Result<Secret, BadWords> {
    let found = words(text).count();
    if found != PAPER_WORDS {
        return Err(BadWords::Count { found });
    }
    let mut canonical = SecretWriter::with_capacity(PAPER_WORDS * ROOM_PER_WORD);
    for (i, word) in words(text).enumerate() {
        let known = find(word, language).ok_or(BadWords::Unknown { position: i + 1, language })?;
        // Writing to memory does not fail.
        let _ = write!(canonical, "{known} ");
    }
    let canonical = canonical.finish();
    let mnemonic = canonical
        .expose_str()
        .and_then(|text| Mnemonic::parse_in_normalized(language.list(), text).ok())
        .ok_or(BadWords::Checksum)?;
    Ok(Secret::new(mnemonic.to_entropy()))
}

fn known_words(text: &str, language: Language) -> usize {
    words(text).filter(|word| find(word, language).is_some()).count()
}

/// The words without what stands around them on a list: numbers ("3.", "3)", "3"), commas, dashes.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split_whitespace()
        .map(|token| token.trim_matches(|c: char| c.is_ascii_digit() || ".,;:()-–".contains(c)))
        .filter(|word| !word.is_empty())
}

/// The word in the list that is equal without case and accents: both lists are made so that there is at most one.
fn find(word: &str, language: Language) -> Option<&'static str> {
    language.list().word_list().iter().copied().find(|known| folded(word).eq(folded(known)))
}

fn folded(word: &str) -> impl Iterator<Item = char> + '_ {
    word.nfkd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase)
}

/// Six random words with hyphens between them. Words with accents are left out, so that any keyboard can type the
/// passphrase and no two ways of encoding an accent exist.
pub fn propose_passphrase(language: Language) -> Result<Secret, NoRandomness> {
    let list = language.list().word_list();
    let mut text = SecretWriter::with_capacity(PASSPHRASE_WORDS * ROOM_PER_WORD);
    let mut count = 0;
    while count < PASSPHRASE_WORDS {
        // 2048 words: eleven random bits, every word equally likely; drawn again while the word has accents.
        let index = usize::from(u16::from_be_bytes(random_bytes()?) & 0x7ff);
        let Some(word) = list.get(index).filter(|word| word.is_ascii()) else { continue };
        if count > 0 {
            text.push(b"-");
        }
        text.push(word.as_bytes());
        count += 1;
    }
    Ok(text.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seed() -> Secret {
        Secret::new((0u8..32).map(|i| i * 7 + 3).collect())
    }

    fn text(language: Language) -> String {
        encode(&seed(), language).unwrap().expose_str().unwrap().to_owned()
    }

    /// BIP-39's own test vectors: 256 zero bits, and 256 one bits.
    #[test]
    fn the_words_are_those_of_bip_39() {
        let zero = format!("{} art", ["abandon"; 23].join(" "));
        let one = format!("{} vote", ["zoo"; 23].join(" "));
        assert_eq!(encode(&Secret::new(vec![0; 32]), Language::English).unwrap().expose_str(), Some(zero.as_str()));
        assert_eq!(decode(&one, None).unwrap().expose(), [0xff; 32]);
    }

    #[test]
    fn the_lists_stay_unambiguous_without_accents() {
        for language in Language::ALL {
            let list = language.list().word_list();
            let plain: std::collections::BTreeSet<String> = list.iter().map(|w| folded(w).collect()).collect();
            assert_eq!(plain.len(), 2048);
            assert!(plain.iter().all(|w| w.bytes().all(|b| b.is_ascii_lowercase()) && w.len() < ROOM_PER_WORD));
            assert!(list.iter().all(|w| w.len() < ROOM_PER_WORD));
        }
    }

    #[test]
    fn form_does_not_matter() {
        for language in Language::ALL {
            let text = text(language);
            let numbered: String = text.split(' ').enumerate().map(|(i, w)| format!(" {}. {w}\r\n", i + 1)).collect();
            let glued: String = text.split(' ').enumerate().map(|(i, w)| format!("{}){w},\t", i + 1)).collect();
            let bare: String = text.nfd().filter(|c| !is_combining_mark(*c)).collect();
            let decomposed: String = text.nfd().collect();
            for form in [&text, &text.to_uppercase(), &numbered, &glued, &decomposed, &bare] {
                for asked in [Some(language), None] {
                    assert_eq!(decode(form, asked).unwrap().expose(), seed().expose(), "{form}");
                }
            }
        }
    }

    #[test]
    fn every_position_of_an_unknown_word_is_named() {
        for language in Language::ALL {
            let text = text(language);
            let words: Vec<&str> = text.split(' ').collect();
            for i in 0..24 {
                let mut wrong = words.clone();
                wrong[i] = "xylophonne";
                for asked in [Some(language), None] {
                    let error = decode(&wrong.join(" "), asked).err();
                    assert_eq!(error, Some(BadWords::Unknown { position: i + 1, language }));
                }
            }
            assert_eq!(decode(&words[1..].join(" "), None).err(), Some(BadWords::Count { found: 23 }));
            assert_eq!(decode("", Some(language)).err(), Some(BadWords::Count { found: 0 }));
        }
    }

    #[test]
    fn a_wrong_word_of_the_list_is_told_and_not_guessed() {
        for language in Language::ALL {
            let text = text(language);
            let mut swapped: Vec<&str> = text.split(' ').collect();
            swapped.swap(3, 17);
            assert_eq!(decode(&swapped.join(" "), None).err(), Some(BadWords::Checksum));
        }
    }

    #[test]
    fn words_are_compared_with_the_known_ones_by_position() {
        for language in Language::ALL {
            let text = text(language);
            let own: Vec<&str> = text.split(' ').collect();
            let told = |words: &[&str]| compare(&words.join(" "), &seed());
            assert_eq!(told(&own), Compared::Same);
            assert_eq!(compare(&text.to_uppercase(), &seed()), Compared::Same);
            let mut wrong = own.clone();
            wrong.swap(3, 17);
            assert_eq!(told(&wrong), Compared::Differ { positions: vec![4, 18] });
            // In the list and not in it.
            for word in [own[0], "xylophonne"] {
                let mut wrong = own.clone();
                wrong[23] = word;
                assert_eq!(told(&wrong), Compared::Differ { positions: vec![24] });
            }
            let mut missing = own.clone();
            missing.remove(6);
            assert_eq!(told(&missing), Compared::Count { found: 23, first: 7 });
            assert_eq!(told(&own[..20]), Compared::Count { found: 20, first: 21 });
            assert_eq!(told(&[&own[..], &["zoo"]].concat()), Compared::Count { found: 25, first: 25 });
            // One word of the list in 256 fits the checksum: still the paper of this identity, with a mistake.
            let fits = |word: &&&str| {
                let words = [&[**word], &own[1..]].concat();
                **word != own[0] && decode(&words.join(" "), None).is_ok()
            };
            let fitting = language.list().word_list().iter().find(fits).unwrap();
            assert_eq!(told(&[&[*fitting], &own[1..]].concat()), Compared::Differ { positions: vec![1] });
            let other = encode(&Secret::new(vec![9; 32]), language).unwrap();
            assert_eq!(compare(other.expose_str().unwrap(), &seed()), Compared::Another);
        }
        assert_eq!(compare("", &seed()), Compared::Count { found: 0, first: 1 });
    }

    #[test]
    fn proposed_passphrases_are_six_plain_words_and_differ() {
        for language in Language::ALL {
            let a = propose_passphrase(language).unwrap();
            let words: Vec<&str> = a.expose_str().unwrap().split('-').collect();
            assert_eq!(words.len(), 6);
            assert!(words.iter().all(|w| w.is_ascii() && find(w, language).is_some()));
            assert!(!a.matches(&propose_passphrase(language).unwrap()));
        }
    }
}
