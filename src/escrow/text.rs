//! Texts that people wrote: names, labels, reasons, account sheets.
//!
//! The log holds only the SHA-256 of `salt(32) ‖ UTF-8`; the text itself is a blob, deletable without touching the
//! log, and the salt keeps a deleted name from being guessed back from its digest. A [`Text`] contains nothing that
//! a screen would not show or would show elsewhere: no control, bidirectional or zero-width characters. This module
//! must never change a text in order to accept it: what was signed is what is shown.

use std::fmt;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::id::BlobId;

/// Longest text, in bytes of UTF-8.
pub const MAX_TEXT_BYTES: usize = 4096;

/// Length of the random salt before a text in its blob, in bytes.
pub const SALT_BYTES: usize = 32;

/// Why a text is refused. Positions count characters from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadText {
    /// Nothing visible in it.
    #[error("the text is empty; write something")]
    Empty,
    /// Longer than [`MAX_TEXT_BYTES`].
    #[error("the text is {0} bytes long and at most {MAX_TEXT_BYTES} are allowed; shorten it")]
    TooLong(usize),
    /// A control character, or a line break where one line is meant.
    #[error("character {position} is a control character (U+{code:04X}); remove it")]
    Control {
        /// Which character, from 1.
        position: usize,
        /// Its code point.
        code: u32,
    },
    /// A character that changes the direction of the text around it.
    #[error("character {position} (U+{code:04X}) turns the direction of the text and could disguise it; remove it")]
    Bidirectional {
        /// Which character, from 1.
        position: usize,
        /// Its code point.
        code: u32,
    },
    /// A character that nobody sees.
    #[error("character {position} (U+{code:04X}) is invisible and could disguise the text; remove it")]
    Invisible {
        /// Which character, from 1.
        position: usize,
        /// Its code point.
        code: u32,
    },
    /// The blob is not a salt followed by UTF-8.
    #[error("this is not a text: 32 bytes of salt and UTF-8 were expected; fetch it again")]
    NotText,
    /// The blob is not the one that the log names.
    #[error("this text is not the one that the log names; fetch it again, from another copy if need be")]
    WrongDigest,
}

/// A text that shows as it is: 1 to [`MAX_TEXT_BYTES`] bytes, without control, bidirectional or invisible
/// characters. (With [`Text::parse_multiline`], line feeds and tabs.)
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text(String);

impl Text {
    /// One line: names, labels, reasons.
    pub fn parse(text: &str) -> Result<Self, BadText> {
        check(text, false)
    }

    /// Several lines: account sheets. Line feed and tab are allowed.
    pub fn parse_multiline(text: &str) -> Result<Self, BadText> {
        check(text, true)
    }

    /// One line out of the blob that the log names `expected`.
    pub fn from_blob(blob: &[u8], expected: BlobId) -> Result<Self, BadText> {
        check(text_in_blob(blob, expected)?, false)
    }

    /// Several lines out of the blob that the log names `expected`.
    pub fn multiline_from_blob(blob: &[u8], expected: BlobId) -> Result<Self, BadText> {
        check(text_in_blob(blob, expected)?, true)
    }

    /// The blob with this salt, which must be random: `salt ‖ UTF-8`.
    pub fn to_blob(&self, salt: &[u8; SALT_BYTES]) -> Vec<u8> {
        [salt.as_slice(), self.0.as_bytes()].concat()
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Texts are personal data: only their length goes to logs.
impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Text({} bytes)", self.0.len())
    }
}

fn text_in_blob(blob: &[u8], expected: BlobId) -> Result<&str, BadText> {
    if BlobId::of(blob) != expected {
        return Err(BadText::WrongDigest);
    }
    let text = blob.get(SALT_BYTES..).ok_or(BadText::NotText)?;
    std::str::from_utf8(text).map_err(|_| BadText::NotText)
}

fn check(text: &str, multiline: bool) -> Result<Text, BadText> {
    if text.trim().is_empty() {
        return Err(BadText::Empty);
    }
    if text.len() > MAX_TEXT_BYTES {
        return Err(BadText::TooLong(text.len()));
    }
    for (at, c) in text.chars().enumerate() {
        let (position, code) = (at + 1, u32::from(c));
        if multiline && matches!(c, '\n' | '\t') {
            continue;
        }
        hidden(c).map_or(Ok(()), |bad| Err(bad(position, code)))?;
    }
    Ok(Text(text.to_owned()))
}

/// Whether a screen shows this character as itself: every one that a text of one line may have.
pub fn is_shown(c: char) -> bool {
    hidden(c).is_none()
}

/// What is wrong with a character, of this code at this position.
fn hidden(c: char) -> Option<fn(usize, u32) -> BadText> {
    match c {
        _ if c.is_control() => Some(|position, code| BadText::Control { position, code }),
        '\u{2028}' | '\u{2029}' => Some(|position, code| BadText::Control { position, code }),
        _ if is_bidirectional_control(c) => Some(|position, code| BadText::Bidirectional { position, code }),
        _ if is_invisible(c) => Some(|position, code| BadText::Invisible { position, code }),
        _ => None,
    }
}

/// Unicode's Bidi_Control property.
fn is_bidirectional_control(c: char) -> bool {
    matches!(c, '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Unicode's Default_Ignorable_Code_Point property, without the bidirectional controls, and what draws nothing:
/// interlinear annotation, blank patterns, signs and heads, joiners of hieroglyphs, noncharacters. The list is part of
/// the rules version.
fn is_invisible(c: char) -> bool {
    let code = u32::from(c);
    let noncharacter = code & 0xfffe == 0xfffe || (0xfdd0..=0xfdef).contains(&code);
    noncharacter
        || matches!(c,
            '\u{00ad}' | '\u{034f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200d}' | '\u{2060}'..='\u{2065}' | '\u{206a}'..='\u{206f}' | '\u{2800}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
            | '\u{13430}'..='\u{1343f}' | '\u{13441}' | '\u{13442}' | '\u{16fe4}' | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d159}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// Whether two names could be mistaken for each other: equal without case, accents, spaces and punctuation, and
/// with the most common look-alike letters and digits taken for one another. For clients, which refuse to create
/// the second of two such names; replay never asks. It knows the confusions of Latin, Greek and Cyrillic, not all
/// of Unicode's (UTS 39), and people are matched by key in any case.
pub fn looks_like(a: &str, b: &str) -> bool {
    let (skeleton_a, skeleton_b) = (skeleton(a), skeleton(b));
    if skeleton_a.is_empty() || skeleton_b.is_empty() { a == b } else { skeleton_a == skeleton_b }
}

fn skeleton(text: &str) -> String {
    let plain: String = text
        .nfkd()
        .filter(|c| !is_combining_mark(*c))
        .flat_map(char::to_lowercase)
        .filter(|c| c.is_alphanumeric() || *c == '|')
        .map(look_alike)
        .collect();
    plain.replace("rn", "m").replace("vv", "w")
}

/// The Latin letter that this character is commonly mistaken for; i, l, 1 and | are one.
fn look_alike(c: char) -> char {
    match c {
        '0' | 'о' | 'ο' | 'ø' => 'o',
        '1' | 'i' | '|' | 'ı' | 'і' | 'ӏ' | 'ι' => 'l',
        'а' | 'α' => 'a',
        'в' | 'β' => 'b',
        'с' | 'ϲ' => 'c',
        'ԁ' => 'd',
        'е' | 'ε' => 'e',
        'н' | 'һ' => 'h',
        'ј' => 'j',
        'к' | 'κ' => 'k',
        'м' | 'μ' => 'm',
        'п' | 'η' => 'n',
        'р' | 'ρ' => 'p',
        'ѕ' | '5' => 's',
        'т' | 'τ' => 't',
        'υ' => 'u',
        'ν' | 'ѵ' => 'v',
        'ԝ' | 'ω' => 'w',
        'х' | 'χ' => 'x',
        'у' | 'γ' => 'y',
        'ζ' => 'z',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_screen_would_not_show_is_refused() {
        assert_eq!(Text::parse("Trésorière de l’asso 🌻").unwrap().as_str(), "Trésorière de l’asso 🌻");
        assert_eq!(Text::parse(""), Err(BadText::Empty));
        assert_eq!(Text::parse(" \u{a0}"), Err(BadText::Empty));
        assert_eq!(Text::parse(&"a".repeat(4097)), Err(BadText::TooLong(4097)));
        assert!(Text::parse(&"a".repeat(4096)).is_ok());
        assert_eq!(Text::parse("a\nb"), Err(BadText::Control { position: 2, code: 10 }));
        assert!(Text::parse_multiline("a\n\tb").is_ok());
        for c in ['\r', '\0', '\u{1b}', '\u{7f}', '\u{85}', '\u{2028}'] {
            assert!(matches!(Text::parse_multiline(&format!("a{c}b")), Err(BadText::Control { position: 2, .. })));
        }
        for c in ['\u{202e}', '\u{2066}', '\u{200f}', '\u{61c}'] {
            assert!(matches!(Text::parse(&format!("é{c}b")), Err(BadText::Bidirectional { position: 2, .. })));
        }
        for c in [
            '\u{200b}',
            '\u{200d}',
            '\u{feff}',
            '\u{2060}',
            '\u{ad}',
            '\u{fe0f}',
            '\u{e0041}',
            '\u{3164}',
            '\u{13441}',
            '\u{1d159}',
        ] {
            assert!(matches!(Text::parse(&format!("ab{c}")), Err(BadText::Invisible { position: 3, .. })));
        }
    }

    #[test]
    fn a_blob_is_a_text_only_under_its_own_name() {
        let blob = Text::parse("Mairie").unwrap().to_blob(&[7; 32]);
        assert_eq!(blob.len(), 38);
        assert_eq!(Text::from_blob(&blob, BlobId::of(&blob)).unwrap().as_str(), "Mairie");
        assert_eq!(Text::from_blob(&blob, BlobId::new([0; 32])), Err(BadText::WrongDigest));
        assert_eq!(Text::from_blob(&[7; 31], BlobId::of(&[7; 31])), Err(BadText::NotText));
        assert_eq!(Text::from_blob(&[7; 32], BlobId::of(&[7; 32])), Err(BadText::Empty));
        let broken = [&[7; 32][..], &[0xff]].concat();
        assert_eq!(Text::from_blob(&broken, BlobId::of(&broken)), Err(BadText::NotText));
        let lines = Text::parse_multiline("a\nb").unwrap().to_blob(&[7; 32]);
        assert!(Text::from_blob(&lines, BlobId::of(&lines)).is_err());
        assert!(Text::multiline_from_blob(&lines, BlobId::of(&lines)).is_ok());
    }

    #[test]
    fn names_that_look_alike_are_found() {
        for (a, b) in [
            ("Émilie Durand", "emilie durand"),
            ("Emilie", "Еmіlіе"),
            ("Jean-Luc", "Jean Luc"),
            ("Paul", "PauI"),
            ("Bernard", "Bemard"),
            ("e\u{301}", "é"),
            ("ＳＩＴＥ", "site"),
            ("🌻", "🌻"),
        ] {
            assert!(looks_like(a, b), "{a} / {b}");
        }
        for (a, b) in [("Anne", "Anna"), ("site web", "site mail"), ("🌻", "🌼"), ("🌻", "a")] {
            assert!(!looks_like(a, b), "{a} / {b}");
        }
    }
}
