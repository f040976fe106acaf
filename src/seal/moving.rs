//! Places and moves as text files: what a technician and the people who sign send each other, by e-mail if they like.
//!
//! Lines that begin with `#` are for people and say nothing to programs. The rest is one JSON object:
//!
//! ```text
//! {"sequestre":"move/v1","check":"<16 hexadecimal digits>","body":"<base64 of a canonical Move>"}
//! {"sequestre":"move-place/v1","check":"…","body":"<base64 of a canonical MovePlace>"}
//! ```
//!
//! `check` is the beginning of SHA-256 of the body's bytes: damage on the way is told from forgery. White space and the
//! marks of quoted mail are dropped inside the object, because mail programs break long lines. Nothing in such a file
//! is secret, and nothing of it is believed: [`SignedMove`] and [`MovePlace`] are claims.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use prost::Message as _;
use serde::{Deserialize, Serialize};

use crate::escrow::id::sha256;
use crate::escrow::moving::{MovePlace, SignedMove};
use crate::escrow::wire::{self, Malformed};
use crate::proto::v1;

const MOVE: &str = "move/v1";
const PLACE: &str = "move-place/v1";

/// Longest file, in characters.
pub const MAX_FILE: usize = 1 << 20;

/// Why a text is not the file that was wanted.
#[derive(Debug, thiserror::Error)]
pub enum BadMoveFile {
    /// Nothing of this program in it.
    #[error("there is no file of a move in this text; pass it on as a whole, with the line that begins with a brace")]
    NotAFile,
    /// The other kind of file, or one of a newer program.
    #[error("this is a file of kind {0:?}, not the one that is needed here")]
    OtherKind(String),
    /// Changed on the way.
    #[error("the file was damaged on the way; ask for it again")]
    Damaged,
    /// Undamaged, and not readable by this program.
    #[error("the file was not made by this version of the program")]
    Malformed(#[from] Malformed),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Object {
    sequestre: String,
    check: String,
    body: String,
}

fn check(body: &[u8]) -> String {
    let digest = sha256(&[body]);
    hex::encode(&digest[..8])
}

/// The file: lines for people, then the object.
fn write(kind: &str, body: &[u8], header: &[String]) -> String {
    let object = Object { sequestre: kind.to_owned(), check: check(body), body: STANDARD.encode(body) };
    let object = serde_json::to_string(&object).unwrap_or_default();
    let lines = header.iter().flat_map(|text| text.lines()).map(|line| format!("# {line}\n"));
    format!("{}{object}\n", lines.collect::<String>())
}

fn read(kind: &str, text: &str) -> Result<Vec<u8>, BadMoveFile> {
    if text.len() > MAX_FILE {
        return Err(BadMoveFile::NotAFile);
    }
    let without_comments = |line: &&str| !line.trim_start_matches(['>', ' ']).starts_with('#');
    let text: String = text.lines().filter(without_comments).collect();
    let (Some(start), Some(end)) = (text.find('{'), text.rfind('}')) else { return Err(BadMoveFile::NotAFile) };
    let object = text.get(start..=end).ok_or(BadMoveFile::NotAFile)?;
    let object: String = object.chars().filter(|c| !c.is_whitespace() && *c != '>').collect();
    let object: Object = serde_json::from_str(&object).map_err(|_| BadMoveFile::NotAFile)?;
    if object.sequestre != kind {
        return Err(BadMoveFile::OtherKind(object.sequestre.chars().take(40).collect()));
    }
    let body = STANDARD.decode(&object.body).map_err(|_| BadMoveFile::Damaged)?;
    if check(&body) == object.check { Ok(body) } else { Err(BadMoveFile::Damaged) }
}

/// The file of a move; `header` is for people.
pub fn move_file(moving: &SignedMove, header: &[String]) -> String {
    write(MOVE, &moving.to_wire().encode_to_vec(), header)
}

/// Reads the file of a move, signed by anybody or by nobody yet.
pub fn read_move(text: &str) -> Result<SignedMove, BadMoveFile> {
    let m: v1::Move = wire::decode_canonical(&read(MOVE, text)?)?;
    Ok(SignedMove::parse_draft(m)?)
}

/// The file of a place; `header` is for people.
pub fn place_file(place: &MovePlace, header: &[String]) -> String {
    write(PLACE, &place.to_wire().encode_to_vec(), header)
}

/// Reads the file of a place.
pub fn read_place(text: &str) -> Result<MovePlace, BadMoveFile> {
    let m: v1::MovePlace = wire::decode_canonical(&read(PLACE, text)?)?;
    Ok(MovePlace::parse(m)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::escrow::id::{Digest, OrganisationId};
    use crate::escrow::log::merkle::TreeHead;
    use crate::seal::signing::SigningKey;

    fn place() -> MovePlace {
        let key = || SigningKey::generate().unwrap().public();
        MovePlace {
            organisation: OrganisationId::new([7; 32]),
            log_key: key(),
            server_key: key(),
            address: "refuge.example.org:7443".to_owned(),
            prefix: TreeHead { size: 9, root: Digest::new([9; 32]) },
        }
    }

    #[test]
    fn survives_what_mail_does_to_it() {
        let place = place();
        let file = place_file(&place, &["For { people }".to_owned(), "two\nlines".to_owned()]);
        assert_eq!(file.lines().filter(|line| line.starts_with("# ")).count(), 3);
        assert_eq!(read_place(&file).unwrap(), place);
        let wrapped: Vec<String> =
            file.as_bytes().chunks(60).map(|c| String::from_utf8_lossy(c).into_owned()).collect();
        let body = file.lines().last().unwrap();
        let narrow: Vec<String> =
            body.as_bytes().chunks(60).map(|c| String::from_utf8_lossy(c).into_owned()).collect();
        assert!(wrapped.len() > 3);
        for mailed in [
            file.replace('\n', "\r\n"),
            format!("Dear all,\n\n{}\n\nYours", narrow.join("\r\n")),
            file.lines().map(|line| format!("> {line}\n")).collect(),
            narrow.iter().map(|line| format!("> {line}\n")).collect(),
        ] {
            assert_eq!(read_place(&mailed).unwrap(), place, "{mailed}");
        }
    }

    #[test]
    fn damage_and_the_wrong_file_each_say_so() {
        let file = place_file(&place(), &[]);
        let body = file.find("\"body\":\"").unwrap() + 20;
        let mut damaged = file.clone().into_bytes();
        damaged[body] = if damaged[body] == b'A' { b'B' } else { b'A' };
        assert!(matches!(read_place(&String::from_utf8(damaged).unwrap()), Err(BadMoveFile::Damaged)));
        assert!(matches!(read_move(&file), Err(BadMoveFile::OtherKind(kind)) if kind == PLACE));
        assert!(matches!(read_place("sqi1qqq"), Err(BadMoveFile::NotAFile)));
        assert!(matches!(read_place(&file[..file.len() / 2]), Err(BadMoveFile::NotAFile)));
        let empty = write(MOVE, &[], &[]);
        assert!(matches!(read_move(&empty), Err(BadMoveFile::Malformed(_))));
    }
}
