//! Codes that people paste, print and type: bech32m (BIP-350) lines.
//!
//! A code is one or more lines of at most 90 characters, the length up to which bech32's checksum finds any four
//! wrong characters. Each line carries at most [`LINE_BYTES`] bytes:
//!
//! | bytes | content |
//! |---|---|
//! | 2 | set id: the first bytes of SHA-256 of the whole payload, the same on every line |
//! | 1 | number of this line, from 1 |
//! | 1 | how many lines there are |
//! | 1–46 | this line's piece of the payload; every line but the last is full |
//!
//! Reading forgives order, case, spaces, line breaks anywhere, blank lines and lines that begin with `#`. It finds
//! errors and says where; it must never correct one, because a corrected code is one that nobody wrote. For a QR
//! code, a line is put in upper case, which QR codes store in fewer bits.

use bech32::primitives::checksum::Engine;
use bech32::primitives::decode::UncheckedHrpstring;
use bech32::{Bech32m, Checksum, Fe32, Hrp};
use zeroize::Zeroizing;

use super::secret::{Secret, SecretWriter};
use crate::escrow::id::sha256;

/// Bytes that a line carries, with its header: 50 bytes are 80 characters, to which prefix (3), separator (1) and
/// checksum (6) come.
pub const LINE_BYTES: usize = 50;
/// Characters of a full line.
const LINE_CHARACTERS: usize = 90;

const HEADER_BYTES: usize = 4;
const PIECE_BYTES: usize = LINE_BYTES - HEADER_BYTES;
const CHARACTERS: &str = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";

/// What a code is for; its prefix says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodeKind {
    /// An invitation: whoever holds it may join with it. `sqi1…`
    Invitation,
    /// A contact card: where to find an organisation and what to trust there. `sqc1…`
    Card,
    /// Permission to found an organisation on a daemon. `sqf1…`
    Founding,
}

impl CodeKind {
    const ALL: [Self; 3] = [Self::Invitation, Self::Card, Self::Founding];

    fn prefix(self) -> &'static str {
        match self {
            Self::Invitation => "sqi",
            Self::Card => "sqc",
            Self::Founding => "sqf",
        }
    }

    /// What it is called in messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Invitation => "invitation",
            Self::Card => "contact card",
            Self::Founding => "founding permission",
        }
    }

    /// The kind whose line begins here, if one does.
    fn at_start_of(token: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| {
            let (prefix, rest) = token.split_at_checked(kind.prefix().len()).unwrap_or_default();
            prefix.eq_ignore_ascii_case(kind.prefix()) && rest.starts_with('1')
        })
    }
}

/// Why a code was not written or read. Lines count the lines of the code as they were entered, from 1, without
/// blank ones and comments; positions count characters of the line, from 1, without spaces.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CodeError {
    /// Nothing, or more than 255 lines' worth.
    #[error("a code holds 1 to {} bytes; nothing was written", 255 * PIECE_BYTES)]
    Length,
    /// No line of a code in it.
    #[error("this is not a code of this program: its lines begin with sqi1, sqc1 or sqf1; copy it whole")]
    NotACode,
    /// A code for something else.
    #[error("this is the code of a {}, and the code of a {} is needed", .found.as_str(), .wanted.as_str())]
    WrongKind {
        /// What it is.
        found: CodeKind,
        /// What was asked for.
        wanted: CodeKind,
    },
    /// A character that no code contains.
    #[error("line {line}, character {position}: {character:?} does not occur in a code; compare with the original")]
    Character {
        /// Which line.
        line: usize,
        /// Which character of it.
        position: usize,
        /// The character.
        character: char,
    },
    /// A wrong character, and the checksum tells which.
    #[error("line {line} is mistyped, probably at character {position}; compare it with the original")]
    TypoAt {
        /// Which line.
        line: usize,
        /// Which character of it.
        position: usize,
    },
    /// Several wrong characters, or some missing: the checksum does not tell where.
    #[error("line {line} is mistyped or incomplete; compare all of it with the original")]
    Typo {
        /// Which line.
        line: usize,
    },
    /// A line of another code.
    #[error("line {line} belongs to another code than line 1; enter the lines of one code only")]
    OtherSet {
        /// Which line.
        line: usize,
    },
    /// A line is not there.
    #[error("line {number} of {count} is missing; enter it too")]
    Missing {
        /// The missing line's own number.
        number: usize,
        /// How many the code has.
        count: usize,
    },
    /// Each line is sound, but this program does not write such a code.
    #[error("this code was not made by this program, or by a newer one; ask for it again or update this software")]
    Malformed,
}

/// The lines of a code, separated by line feeds, in lower case. Codes may hold secrets, so the text is one.
pub fn encode(kind: CodeKind, payload: &[u8]) -> Result<Secret, CodeError> {
    let count = u8::try_from(payload.len().div_ceil(PIECE_BYTES)).map_err(|_| CodeError::Length)?;
    if count == 0 {
        return Err(CodeError::Length);
    }
    let [a, b, ..] = sha256(&[payload]);
    let prefix = Hrp::parse_unchecked(kind.prefix());
    let mut text = SecretWriter::with_capacity(usize::from(count) * 91);
    for (number, piece) in (1..=count).zip(payload.chunks(PIECE_BYTES)) {
        let mut line = Zeroizing::new(Vec::with_capacity(LINE_BYTES));
        line.extend_from_slice(&[a, b, number, count]);
        line.extend_from_slice(piece);
        if number > 1 {
            text.push(b"\n");
        }
        bech32::encode_lower_to_fmt::<Bech32m, _>(&mut text, prefix, &line)
            .expect("50 bytes fit in bech32m, and writing to memory does not fail");
    }
    Ok(text.finish())
}

/// The payload of the code in this text.
pub fn decode(kind: CodeKind, text: &str) -> Result<Secret, CodeError> {
    let mut set: Option<[u8; 3]> = None;
    let mut pieces: Vec<Option<Secret>> = Vec::new();
    for (index, line) in lines(kind, text)?.iter().enumerate() {
        let bytes = decode_line(line, index + 1)?;
        let Some(([a, b, number, count], piece)) = bytes.expose().split_first_chunk() else {
            return Err(CodeError::Malformed);
        };
        if pieces.is_empty() {
            pieces.resize_with(usize::from(*count), || None);
        }
        if *set.get_or_insert([*a, *b, *count]) != [*a, *b, *count] {
            return Err(CodeError::OtherSet { line: index + 1 });
        }
        let piece = Secret::new(piece.to_vec());
        match usize::from(*number).checked_sub(1).and_then(|at| pieces.get_mut(at)) {
            Some(Some(same)) if !same.matches(&piece) => return Err(CodeError::OtherSet { line: index + 1 }),
            Some(slot) => *slot = Some(piece),
            None => return Err(CodeError::Malformed),
        }
    }
    let count = pieces.len();
    let mut payload = SecretWriter::with_capacity(count * PIECE_BYTES);
    for (at, piece) in pieces.iter().enumerate() {
        let piece = piece.as_ref().ok_or(CodeError::Missing { number: at + 1, count })?;
        payload.push(piece.expose());
    }
    let payload = payload.finish();
    // One spelling only: lines that are not those of this payload (its set id, full lines) were not made by us.
    let [a, b, ..] = sha256(&[payload.expose()]);
    let full = payload.len().div_ceil(PIECE_BYTES) == count
        && pieces.iter().rev().skip(1).flatten().all(|piece| piece.len() == PIECE_BYTES);
    match set {
        Some([c, d, _]) if [a, b] == [c, d] && full => Ok(payload),
        _ => Err(CodeError::Malformed),
    }
}

/// The code's lines in lower case and without spaces. A new one begins wherever a prefix does: pasting and wrapping
/// change line breaks, and `1` occurs nowhere else in a code.
fn lines(kind: CodeKind, text: &str) -> Result<Vec<Secret>, CodeError> {
    let mut lines: Vec<SecretWriter> = Vec::new();
    let tokens = || text.lines().filter(|line| !line.trim_start().starts_with('#')).flat_map(str::split_whitespace);
    for token in tokens() {
        if let Some(found) = CodeKind::at_start_of(token) {
            if found != kind {
                return Err(CodeError::WrongKind { found, wanted: kind });
            }
            lines.push(SecretWriter::with_capacity(96));
        }
        // Typed from paper, a prefix is mistyped like anything else: further lines show that this is a code.
        let is_code = || tokens().any(|token| CodeKind::at_start_of(token) == Some(kind));
        let none = || if is_code() { CodeError::Typo { line: 1 } } else { CodeError::NotACode };
        let line = lines.last_mut().ok_or_else(none)?;
        token.chars().for_each(|c| line.push_char(c.to_ascii_lowercase()));
    }
    if lines.is_empty() {
        return Err(CodeError::NotACode);
    }
    Ok(lines.into_iter().map(SecretWriter::finish).collect())
}

/// The bytes of one line, whose prefix is known to be right.
fn decode_line(text: &Secret, line: usize) -> Result<Secret, CodeError> {
    let text = text.expose_str().ok_or(CodeError::Typo { line })?;
    let start = text.find('1').map_or(0, |at| at + 1);
    for (at, character) in text.chars().enumerate().take(LINE_CHARACTERS).skip(start) {
        if !CHARACTERS.contains(character) {
            return Err(CodeError::Character { line, position: at + 1, character });
        }
    }
    // A line whose own prefix is mistyped was taken for the end of the one before.
    if let Some((whole, rest)) = text.split_at_checked(LINE_CHARACTERS)
        && !rest.is_empty()
        && UncheckedHrpstring::new(whole).is_ok_and(|line| line.has_valid_checksum::<Bech32m>())
    {
        return Err(CodeError::Typo { line: line + 1 });
    }
    let unchecked = UncheckedHrpstring::new(text).map_err(|_| CodeError::Typo { line })?;
    let checked = match unchecked.validate_and_remove_checksum::<Bech32m>() {
        Ok(checked) => checked,
        Err(_) => return Err(typo(text, line, start)),
    };
    // The bits of the last character that stand for nothing are zero, and fewer than a character's (BIP 173).
    let last = checked.data_part_ascii_no_checksum().last().and_then(|c| Fe32::from_char(char::from(*c)).ok());
    let spare = checked.data_part_ascii_no_checksum().len() * 5 % 8;
    if spare >= 5 || last.is_none_or(|last| last.to_u8() & ((1 << spare) - 1) != 0) {
        return Err(CodeError::Malformed);
    }
    let mut bytes = SecretWriter::with_capacity(LINE_BYTES);
    checked.byte_iter().for_each(|byte| bytes.push(&[byte]));
    if bytes.len() > HEADER_BYTES && bytes.len() <= LINE_BYTES {
        Ok(bytes.finish())
    } else {
        Err(CodeError::Malformed)
    }
}

/// Where one wrong character alone explains the checksum: no two places do, for lines of this length. What it should be
/// is left unread. Every place is tried, because the library's own search panics at some lines with several errors.
fn typo(text: &str, line: usize, start: usize) -> CodeError {
    let nowhere = CodeError::Typo { line };
    let Some((prefix, data)) = text.split_once('1').filter(|_| text.len() <= LINE_CHARACTERS) else { return nowhere };
    let Ok(prefix) = Hrp::parse(prefix) else { return nowhere };
    let symbols = || data.chars().map_while(|c| Fe32::from_char(c).ok());
    let mut before = Engine::<Bech32m>::new();
    before.input_hrp(prefix);
    for (at, typed) in symbols().enumerate() {
        for other in Fe32::iter_alpha() {
            let mut engine = before;
            engine.input_fe(other);
            symbols().skip(at + 1).for_each(|symbol| engine.input_fe(symbol));
            if *engine.residue() == Bech32m::TARGET_RESIDUE {
                return CodeError::TypoAt { line, position: start + at + 1 };
            }
        }
        before.input_fe(typed);
    }
    nowhere
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(length: usize) -> String {
        let payload: Vec<u8> = (0..length).map(|i| (i * 31 + 7) as u8).collect();
        encode(CodeKind::Card, &payload).unwrap().expose_str().unwrap().to_owned()
    }

    fn read(text: &str) -> Result<usize, CodeError> {
        decode(CodeKind::Card, text).map(|payload| payload.len())
    }

    #[test]
    fn lines_are_short_and_form_does_not_matter() {
        for (length, count) in [(1, 1), (46, 1), (47, 2), (230, 5), (255 * 46, 255)] {
            let text = text(length);
            assert_eq!(text.lines().count(), count);
            assert!(text.lines().all(|line| line.len() <= 90 && line.starts_with("sqc1")));
            assert_eq!(read(&text), Ok(length));
        }
        let text = text(120);
        let mut lines: Vec<&str> = text.lines().collect();
        lines.reverse();
        let grouped: String = text
            .lines()
            .map(|line| line.as_bytes().chunks(5).map(|five| format!("{} ", String::from_utf8_lossy(five))).collect())
            .collect::<Vec<String>>()
            .join("\n");
        for form in [
            lines.join("\r\n\n"),
            text.to_uppercase(),
            text.replace("sqc1", "Sqc1"),
            text.replace('\n', " "),
            grouped,
            format!("# Association: sqc1 est le début\n{text}\n  # fin\n{}", lines[0]),
            lines.iter().map(|l| format!("{}\n    {}\n", &l[..40], &l[40..])).collect(),
        ] {
            assert_eq!(read(&form), Ok(120), "{form}");
        }
        assert_eq!(encode(CodeKind::Card, &[]).err(), Some(CodeError::Length));
        assert_eq!(encode(CodeKind::Card, &[0; 255 * 46 + 1]).err(), Some(CodeError::Length));
    }

    /// The checksum of a line holds whatever the bits of its last character are that stand for nothing.
    #[test]
    fn a_line_has_one_spelling() {
        use bech32::primitives::iter::Fe32IterExt as _;
        let prefix = Hrp::parse("sqc").unwrap();
        let line = |data: &[Fe32]| data.iter().copied().with_checksum::<Bech32m>(&prefix).chars().collect::<String>();
        for length in 1..=46 {
            let good = text(length);
            let data = UncheckedHrpstring::new(&good).unwrap().validate_and_remove_checksum::<Bech32m>().unwrap();
            let symbol = |c: &u8| Fe32::from_char(char::from(*c)).unwrap();
            let data: Vec<Fe32> = data.data_part_ascii_no_checksum().iter().map(symbol).collect();
            assert_eq!(line(&data), good);
            for bit in 0..data.len() * 5 % 8 {
                let mut other = data.clone();
                let last = other.last_mut().unwrap();
                *last = Fe32::try_from(last.to_u8() ^ 1 << bit).unwrap();
                assert_eq!(read(&line(&other)), Err(CodeError::Malformed), "{length} {bit}");
            }
            if (data.len() + 1) * 5 % 8 >= 5 {
                let longer = [data.as_slice(), &[Fe32::Q]].concat();
                assert!(read(&line(&longer)).is_err(), "{length}");
            }
        }
    }

    #[test]
    fn a_mistyped_prefix_is_found_in_its_line() {
        let text = text(120);
        let lines: Vec<&str> = text.lines().collect();
        for line in 0..lines.len() {
            for prefix in ["sqcl", "sqe1", "5qc1", "sqc", ""] {
                let mut typed: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
                typed[line] = typed[line].replacen("sqc1", prefix, 1);
                assert_eq!(read(&typed.join("\n")), Err(CodeError::Typo { line: line + 1 }), "{typed:?}");
            }
        }
    }

    #[test]
    fn what_is_missing_foreign_or_of_another_kind_is_said() {
        let text = text(120);
        let lines: Vec<&str> = text.lines().collect();
        for missing in 0..3 {
            let rest: Vec<&str> = lines.iter().enumerate().filter(|(i, _)| *i != missing).map(|(_, l)| *l).collect();
            assert_eq!(read(&rest.join("\n")), Err(CodeError::Missing { number: missing + 1, count: 3 }));
        }
        let other = encode(CodeKind::Card, &[9; 120]).unwrap();
        let other: Vec<&str> = other.expose_str().unwrap().lines().collect();
        assert_eq!(read(&[lines[0], other[1], lines[2]].join("\n")), Err(CodeError::OtherSet { line: 2 }));
        let wrong = decode(CodeKind::Invitation, &text).err();
        assert_eq!(wrong, Some(CodeError::WrongKind { found: CodeKind::Card, wanted: CodeKind::Invitation }));
        for nothing in ["", "\n# sqc1\n", "bonjour", "age1qqqq"] {
            assert_eq!(read(nothing), Err(CodeError::NotACode), "{nothing}");
        }
    }

    /// Lines with a good checksum that this program would not write.
    #[test]
    fn sound_lines_that_make_no_code_are_refused() {
        let line = |bytes: &[u8]| bech32::encode::<Bech32m>(Hrp::parse("sqc").unwrap(), bytes).unwrap();
        let [a, b, ..] = sha256(&[b"xy"]);
        assert_eq!(read(&line(&[a, b, 1, 1, b'x', b'y'])), Ok(2));
        for lines in [
            vec![line(&[a, b, 1, 1])],
            vec![line(&[a, b, 0, 1, b'x', b'y'])],
            vec![line(&[a, b, 2, 1, b'x', b'y'])],
            vec![line(&[a, b, 1, 0, b'x', b'y'])],
            vec![line(&[a, b ^ 1, 1, 1, b'x', b'y'])],
            vec![line(&[a, b, 1, 2, b'x']), line(&[a, b, 2, 2, b'y'])],
            vec![line(&[0; 60])],
        ] {
            assert_eq!(read(&lines.join("\n")), Err(CodeError::Malformed));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn a_wrong_character_is_found_where_it_is(line in 0usize..3, at in 4usize..90, to in 0usize..32) {
            let text = text(138);
            let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
            let typed = &CHARACTERS[to..=to];
            prop_assume!(&lines[line][at..=at] != typed);
            lines[line].replace_range(at..=at, typed);
            let expected = CodeError::TypoAt { line: line + 1, position: at + 1 };
            prop_assert_eq!(read(&lines.join("\n")), Err(expected));
            for stranger in ["1", "b", "é"] {
                lines[line].replace_range(at..=at, stranger);
                let expected =
                    CodeError::Character { line: line + 1, position: at + 1, character: stranger.chars().next().unwrap() };
                prop_assert_eq!(read(&lines.join("\n")), Err(expected));
                lines[line].replace_range(at..at + stranger.len(), "q");
            }
        }

        /// Two wrong characters, two swapped, one left out: never accepted, the line is named.
        #[test]
        fn more_than_one_error_is_never_accepted(at in 4usize..69, second in 4usize..69, to in 0usize..32) {
            let original = text(46);
            let mut swapped = original.clone().into_bytes();
            swapped.swap(at, at + 1);
            let mut shorter = original.clone();
            shorter.remove(at);
            let mut two = original.clone().into_bytes();
            two[at] = CHARACTERS.as_bytes()[to];
            two[second] = CHARACTERS.as_bytes()[(to + 5) % 32];
            for typed in [String::from_utf8(swapped).unwrap(), shorter, String::from_utf8(two).unwrap()] {
                if typed != original {
                    let error = read(&typed).unwrap_err();
                    prop_assert!(
                        matches!(error, CodeError::Typo { line: 1 } | CodeError::TypoAt { line: 1, .. }),
                        "{:?}", error
                    );
                }
            }
        }

        #[test]
        fn nothing_that_is_typed_panics(text in "(sqc1|sqi1)?[ -~é\\n]{0,200}") {
            prop_assert!(decode(CodeKind::Card, &text).is_err());
        }
    }
}
