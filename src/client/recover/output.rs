//! What a recovery writes in the end: recovered accounts, in forms that other programs read.
//!
//! Everything is built in memory that is overwritten. This module must never write a file: whoever calls decides
//! whether the text is sealed with a passphrase or, asked for explicitly, left in the clear.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::super::out::is_obeyed;
use super::super::say::Say;
use super::super::status::sheet_lines;
use super::super::view::short;
use crate::args;
use crate::escrow::id::{CredentialId, Digest};
use crate::escrow::part::PartKind;
use crate::escrow::text::Text;
use crate::escrow::time::Time;
use crate::seal::sealing::PartValue;
use crate::seal::secret::{Secret, SecretWriter};

/// The form of the recovered accounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Unencrypted Bitwarden JSON: what Bitwarden and Vaultwarden import.
    Bitwarden,
    /// Bitwarden's CSV columns (RFC 4180), for programs that import them. Not for spreadsheets: whoever deposited an
    /// account chose its label, and a spreadsheet runs a label that is a formula.
    Csv,
    /// One text for people.
    Text,
}

impl Format {
    /// The form with this name on the command line.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "bitwarden" => Some(Self::Bitwarden),
            "csv" => Some(Self::Csv),
            "text" => Some(Self::Text),
            _ => None,
        }
    }
}

/// An account of which at least one part is open.
pub struct Account {
    /// Which.
    pub id: CredentialId,
    /// What it is called.
    pub label: String,
    /// Its vault.
    pub vault: String,
    /// Its sheet, if it is at hand.
    pub sheet: Option<Text>,
    /// The parts that are open.
    pub values: BTreeMap<PartKind, PartValue>,
    /// The version in which each of them was dealt.
    pub versions: BTreeMap<PartKind, u32>,
    /// Those that were replaced since, as far as this copy of the log knows.
    pub old: BTreeSet<PartKind>,
    /// The time of the last entry of this copy of the log.
    pub log_ends: Time,
}

/// Nobody keeps a depositor from taking another account's label: where two are called alike, their ids stand beside.
pub(super) fn tell_apart(accounts: &mut [Account]) {
    let mut labels: BTreeMap<String, usize> = BTreeMap::new();
    accounts.iter().for_each(|account| *labels.entry(account.label.clone()).or_default() += 1);
    for account in accounts.iter_mut().filter(|account| labels.get(&account.label).is_some_and(|count| *count > 1)) {
        account.label = format!("{} {}", account.label, short(&account.id));
    }
}

/// The accounts in this form.
pub fn write(format: Format, accounts: &[Account], say: &Say) -> Result<Secret, serde_json::Error> {
    match format {
        Format::Bitwarden => bitwarden(accounts, say),
        Format::Csv => Ok(csv(accounts, say)),
        Format::Text => Ok(text(accounts, say)),
    }
}

impl Account {
    fn value(&self, kind: PartKind) -> Option<&str> {
        self.values.get(&kind)?.value.expose_str()
    }

    fn user_name(&self) -> Option<&str> {
        self.values.values().find_map(|value| value.user_name.as_ref())?.expose_str()
    }

    fn lines(&self, say: &Say) -> Vec<(Option<String>, String)> {
        self.sheet.as_ref().map(|sheet| sheet_lines(say, sheet)).unwrap_or_default()
    }

    fn url(&self) -> Option<String> {
        let sheet: serde_json::Value = serde_json::from_str(self.sheet.as_ref()?.as_str()).ok()?;
        Some(sheet.get("url")?.as_str()?.to_owned()).filter(|url| !url.is_empty())
    }

    /// Secret notes, recovery codes and the sheet, as a password manager's notes.
    fn notes(&self, say: &Say) -> Secret {
        let mut notes = SecretWriter::with_capacity(4096);
        if let Some(text) = self.value(PartKind::Notes) {
            notes.push(text.as_bytes());
            notes.push(b"\n\n");
        }
        if let Some(codes) = self.value(PartKind::RecoveryCodes) {
            notes.push(format!("{}{}\n", say.plain("part-recovery-codes"), say.plain("colon")).as_bytes());
            notes.push(codes.as_bytes());
            notes.push(b"\n\n");
        }
        for (name, line) in self.lines(say) {
            if let Some(name) = name {
                notes.push(format!("{name}{} ", say.plain("colon")).as_bytes());
            }
            notes.push(line.as_bytes());
            notes.push(b"\n");
        }
        for line in self.version_lines(say) {
            notes.push(line.as_bytes());
            notes.push(b"\n");
        }
        notes.finish()
    }

    /// Which version each value is of, as of when, and whether it was replaced since.
    fn version_lines(&self, say: &Say) -> Vec<String> {
        let line = |(kind, version): (&PartKind, &u32)| {
            let key = if self.old.contains(kind) { "recover-note-old" } else { "recover-note-version" };
            let part = say.plain(&format!("part-{}", kind.as_str()));
            say.with(key, &args! { part: part, version: version, time: say.time(self.log_ends) })
        };
        self.versions.iter().map(line).collect()
    }
}

/// An item's or folder's id, in the form that importers expect; nothing is read from it.
fn uuid(bytes: &[u8]) -> String {
    let hex = hex::encode(bytes.get(..16).unwrap_or(bytes));
    let groups = [0..8, 8..12, 12..16, 16..20, 20..32].map(|range| hex.get(range).unwrap_or_default());
    groups.join("-")
}

fn folder_id(vault: &str) -> String {
    uuid(Digest::of(&[vault.as_bytes()]).as_bytes())
}

/// Bitwarden's number for an item that is a login.
const LOGIN: u8 = 1;

#[derive(Serialize)]
struct Export<'a> {
    encrypted: bool,
    folders: Vec<ExportFolder<'a>>,
    items: Vec<Item<'a>>,
}

#[derive(Serialize)]
struct ExportFolder<'a> {
    id: String,
    name: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Item<'a> {
    id: String,
    organization_id: Option<()>,
    folder_id: String,
    r#type: u8,
    reprompt: u8,
    name: String,
    notes: Option<&'a str>,
    favorite: bool,
    login: Login<'a>,
    collection_ids: Option<()>,
}

#[derive(Serialize)]
struct Login<'a> {
    uris: Vec<Uri>,
    username: Option<&'a str>,
    password: Option<&'a str>,
    totp: Option<&'a str>,
}

#[derive(Serialize)]
struct Uri {
    r#match: Option<()>,
    uri: String,
}

/// Longest text of one item, in bytes. Bitwarden refuses a whole import for one note whose encrypted form is longer
/// than 10,000 characters.
const MAX_ITEM_TEXT: usize = 7000;

/// The text in pieces of at most [`MAX_ITEM_TEXT`] bytes, ended at line ends where there are some; one for none.
fn pieces(text: &str) -> Vec<&str> {
    let (mut pieces, mut rest) = (Vec::new(), text);
    while rest.len() > MAX_ITEM_TEXT {
        let most = rest.floor_char_boundary(MAX_ITEM_TEXT);
        let (full, _) = rest.split_at(most);
        let (piece, after) = rest.split_at(full.rfind('\n').map_or(most, |end| end + 1));
        pieces.push(piece);
        rest = after;
    }
    pieces.push(rest);
    pieces
}

fn bitwarden(accounts: &[Account], say: &Say) -> Result<Secret, serde_json::Error> {
    let notes: Vec<Secret> = accounts.iter().map(|account| account.notes(say)).collect();
    let vaults: BTreeSet<&str> = accounts.iter().map(|account| account.vault.as_str()).collect();
    let folders = vaults.into_iter().map(|name| ExportFolder { id: folder_id(name), name }).collect();
    let mut items = Vec::new();
    for (account, notes) in accounts.iter().zip(&notes) {
        // What is too long for its field goes into the notes of further items.
        let long = |kind| account.value(kind).filter(|value| value.len() > MAX_ITEM_TEXT);
        let fits = |kind| account.value(kind).filter(|value| value.len() <= MAX_ITEM_TEXT);
        let mut texts: Vec<&str> = pieces(notes.expose_str().unwrap_or_default());
        for kind in [PartKind::Password, PartKind::TotpSecret] {
            texts.extend(long(kind).into_iter().flat_map(pieces));
        }
        let count = texts.len();
        for (number, text) in (1..).zip(texts) {
            let first = number == 1;
            let of = if count > 1 { format!(" ({number}/{count})") } else { String::new() };
            items.push(Item {
                id: uuid(Digest::of(&[account.id.as_bytes(), of.as_bytes()]).as_bytes()),
                organization_id: None,
                folder_id: folder_id(&account.vault),
                r#type: LOGIN,
                reprompt: 0,
                name: format!("{}{of}", account.label),
                notes: Some(text).filter(|text| !text.is_empty()),
                favorite: false,
                login: Login {
                    uris: account.url().filter(|_| first).map(|uri| Uri { r#match: None, uri }).into_iter().collect(),
                    username: account.user_name(),
                    password: fits(PartKind::Password).filter(|_| first),
                    totp: fits(PartKind::TotpSecret).filter(|_| first),
                },
                collection_ids: None,
            });
        }
    }
    let mut json = SecretWriter::with_capacity(64 * 1024);
    serde_json::to_writer_pretty(&mut json, &Export { encrypted: false, folders, items })?;
    json.push(b"\n");
    Ok(json.finish())
}

const CSV_HEAD: &str =
    "folder,favorite,type,name,notes,fields,reprompt,login_uri,login_username,login_password,login_totp\r\n";

fn csv(accounts: &[Account], say: &Say) -> Secret {
    let mut csv = SecretWriter::with_capacity(64 * 1024);
    csv.push(CSV_HEAD.as_bytes());
    for account in accounts {
        let (notes, url) = (account.notes(say), account.url());
        // Whether a cell that looks like a formula is marked as text; what must be typed exactly never is.
        let cells = [
            (Some(account.vault.as_str()), true),
            (None, false),
            (Some("login"), false),
            (Some(account.label.as_str()), true),
            (notes.expose_str(), true),
            (None, false),
            (Some("0"), false),
            (url.as_deref(), true),
            (account.user_name(), false),
            (account.value(PartKind::Password), false),
            (account.value(PartKind::TotpSecret), false),
        ];
        for (column, (cell, marked)) in cells.into_iter().enumerate() {
            if column > 0 {
                csv.push(b",");
            }
            csv.push(b"\"");
            if marked && cell.is_some_and(|text| text.starts_with(['=', '+', '-', '@', '\t', '\r'])) {
                csv.push(b"'");
            }
            for piece in cell.unwrap_or_default().split_inclusive('"') {
                csv.push(piece.as_bytes());
                if piece.ends_with('"') {
                    csv.push(b"\"");
                }
            }
            csv.push(b"\"");
        }
        csv.push(b"\r\n");
    }
    csv.finish()
}

fn text(accounts: &[Account], say: &Say) -> Secret {
    let mut text = SecretWriter::with_capacity(64 * 1024);
    let colon = say.plain("colon");
    for account in accounts {
        let title = format!("{} ({})", account.label, account.vault);
        text.push(format!("{title}\n{}\n", "=".repeat(title.chars().count())).as_bytes());
        let user_name = account.user_name().map(|name| ("part-user-name".to_owned(), name));
        let parts = account
            .values
            .iter()
            .filter_map(|(kind, value)| Some((format!("part-{}", kind.as_str()), value.value.expose_str()?)));
        for (key, value) in user_name.into_iter().chain(parts) {
            text.push(format!("{}{colon}", say.plain(&key)).as_bytes());
            // Further lines are set in, so that they cannot pass for names.
            for (row, line) in value.split('\n').enumerate() {
                text.push(if row == 0 { b" ".as_slice() } else { b"\n    " });
                push_shown(&mut text, line);
            }
            text.push(b"\n");
        }
        for (name, line) in account.lines(say) {
            if let Some(name) = name {
                text.push(format!("{name}{colon} ").as_bytes());
            }
            text.push(line.replace('\n', "\n    ").as_bytes());
            text.push(b"\n");
        }
        for line in account.version_lines(say) {
            text.push(line.as_bytes());
            text.push(b"\n");
        }
        text.push(b"\n");
    }
    text.finish()
}

/// Whoever sealed a value chose its characters: on a terminal some would move, hide or colour what stands around them.
/// They are shown by number, and the value is exact in the other forms.
fn push_shown(text: &mut SecretWriter, line: &str) {
    let obeyed = |c: char| is_obeyed(c) && c != '\t';
    for piece in line.split_inclusive(obeyed) {
        let last = piece.chars().next_back().filter(|last| obeyed(*last));
        let plain = last.and_then(|last| piece.strip_suffix(last)).unwrap_or(piece);
        text.push(plain.as_bytes());
        if let Some(last) = last {
            text.push(format!("\\u{{{:x}}}", u32::from(last)).as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(label: &str, parts: &[(PartKind, &str)]) -> Account {
        let value = |text: &str| PartValue { user_name: None, value: Secret::from_string(text.to_owned()) };
        Account {
            id: CredentialId::new([7; 16]),
            label: label.to_owned(),
            vault: "main".to_owned(),
            sheet: None,
            values: parts.iter().map(|(kind, text)| (*kind, value(text))).collect(),
            versions: parts.iter().map(|(kind, _)| (*kind, 3)).collect(),
            old: BTreeSet::from([PartKind::Password]),
            log_ends: Time(1_700_000_000),
        }
    }

    fn written(format: Format, account: Account) -> String {
        write(format, &[account], &Say::english()).unwrap().expose_str().unwrap().to_owned()
    }

    #[test]
    fn long_texts_become_several_items_that_importers_take() {
        let notes: String = (0..8000).map(|line| format!("é{line:05}\n")).collect();
        let key = "k".repeat(20_000);
        let account = account("server", &[(PartKind::Password, &key), (PartKind::Notes, &notes)]);
        let export: serde_json::Value = serde_json::from_str(&written(Format::Bitwarden, account)).unwrap();
        let items = export["items"].as_array().unwrap();
        let texts: Vec<&str> = items.iter().map(|item| item["notes"].as_str().unwrap()).collect();
        assert!(items.len() > 10 && texts.iter().all(|text| text.len() <= MAX_ITEM_TEXT));
        let whole = texts.concat();
        assert!(whole.starts_with(&notes) && whole.ends_with(&key), "nothing is lost, in order");
        assert_eq!(items[1]["name"], format!("server (2/{})", items.len()));
        let ids: BTreeSet<&str> = items.iter().map(|item| item["id"].as_str().unwrap()).collect();
        assert_eq!(ids.len(), items.len());
        assert!(items.iter().all(|item| item["login"]["password"].is_null()));
    }

    #[test]
    fn labels_that_look_like_formulas_are_marked_in_csv_and_passwords_never() {
        let formula =
            account("=HYPERLINK(\"https://evil\")", &[(PartKind::Password, "=1+1"), (PartKind::Notes, "+2")]);
        let csv = written(Format::Csv, formula);
        assert!(csv.contains(",\"'=HYPERLINK(\"\"https://evil\"\")\",\"'+2"), "{csv}");
        assert!(csv.contains(",\"=1+1\","), "{csv}");
    }

    #[test]
    fn a_value_moves_nothing_on_the_terminal_where_the_text_is_shown() {
        let value = "first\u{1b}[2Jsecond\r\u{202e}third\nfourth";
        let shown = written(Format::Text, account("bank", &[(PartKind::Notes, value)]));
        assert!(
            shown.contains(r"first\u{1b}[2Jsecond\u{d}\u{202e}third") && shown.contains("\n    fourth"),
            "{shown}"
        );
        let export = written(Format::Bitwarden, account("bank", &[(PartKind::Password, value)]));
        let export: serde_json::Value = serde_json::from_str(&export).unwrap();
        assert_eq!(export["items"][0]["login"]["password"], value, "exact where a program reads it");
    }

    #[test]
    fn accounts_that_are_called_alike_are_told_apart() {
        let mut accounts = [7, 8, 9].map(|n| Account {
            id: CredentialId::new([n; 16]),
            ..account(if n == 9 { "shop" } else { "bank" }, &[])
        });
        tell_apart(&mut accounts);
        assert_eq!(accounts.map(|account| account.label), ["bank #07070707", "bank #08080808", "shop"]);
    }

    #[test]
    fn an_old_version_is_said_where_the_password_stands() {
        for format in [Format::Bitwarden, Format::Csv, Format::Text] {
            let text = written(format, account("bank", &[(PartKind::Password, "secret")]));
            assert!(text.contains("Password: OLD version 3") && text.contains("2023-11-14"), "{text}");
        }
    }
}
