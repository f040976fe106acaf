//! What a recovery writes in the end: recovered accounts, in forms that other programs read.
//!
//! Everything is built in memory that is overwritten. This module must never write a file: whoever calls decides
//! whether the text is sealed with a passphrase or, asked for explicitly, left in the clear.

use std::collections::BTreeMap;

use serde::Serialize;

use super::super::say::Say;
use super::super::status::sheet_lines;
use crate::escrow::id::{CredentialId, Digest};
use crate::escrow::part::PartKind;
use crate::escrow::text::Text;
use crate::seal::sealing::PartValue;
use crate::seal::secret::{Secret, SecretWriter};

/// The form of the recovered accounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Unencrypted Bitwarden JSON: what Bitwarden and Vaultwarden import.
    Bitwarden,
    /// Bitwarden's CSV columns (RFC 4180), which spreadsheets read, too.
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
        notes.finish()
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
    name: &'a str,
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

fn bitwarden(accounts: &[Account], say: &Say) -> Result<Secret, serde_json::Error> {
    let notes: Vec<Secret> = accounts.iter().map(|account| account.notes(say)).collect();
    let vaults: std::collections::BTreeSet<&str> = accounts.iter().map(|account| account.vault.as_str()).collect();
    let folders = vaults.into_iter().map(|name| ExportFolder { id: folder_id(name), name }).collect();
    let items = accounts.iter().zip(&notes).map(|(account, notes)| Item {
        id: uuid(account.id.as_bytes()),
        organization_id: None,
        folder_id: folder_id(&account.vault),
        r#type: LOGIN,
        reprompt: 0,
        name: &account.label,
        notes: notes.expose_str().filter(|text| !text.is_empty()),
        favorite: false,
        login: Login {
            uris: account.url().map(|uri| Uri { r#match: None, uri }).into_iter().collect(),
            username: account.user_name(),
            password: account.value(PartKind::Password),
            totp: account.value(PartKind::TotpSecret),
        },
        collection_ids: None,
    });
    let items = items.collect();
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
        let cells = [
            Some(account.vault.as_str()),
            None,
            Some("login"),
            Some(account.label.as_str()),
            notes.expose_str(),
            None,
            Some("0"),
            url.as_deref(),
            account.user_name(),
            account.value(PartKind::Password),
            account.value(PartKind::TotpSecret),
        ];
        for (column, cell) in cells.into_iter().enumerate() {
            if column > 0 {
                csv.push(b",");
            }
            csv.push(b"\"");
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
                text.push(line.as_bytes());
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
        text.push(b"\n");
    }
    text.finish()
}
