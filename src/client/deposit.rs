//! Depositing: the only place where a client holds a secret and a master key at once, and forgets both.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::delegation;
use super::failure::{Exit, Failure};
use super::names::is_id;
use super::renewal;
use super::session::{Env, Session};
use super::status::texts;
use super::unlock::require_terminal;
use crate::args;
use crate::escrow::charter::VaultName;
use crate::escrow::id::{BlobId, CredentialId};
use crate::escrow::part::{PartId, PartKind, VersionId};
use crate::escrow::refusal::Refusal;
use crate::escrow::text::Text;
use crate::proto::v1;
use crate::seal::dealing::deal_part;
use crate::seal::sealing::PartValue;
use crate::seal::secret::{Secret, random_bytes};
use crate::seal::totp::TotpSecret;

/// What hostage-takers really use, and what a successor needs. Visible to the server.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AccountSheet {
    /// What kind of account: registrar, hosting, mailbox, …
    #[serde(skip_serializing_if = "String::is_empty")]
    pub kind: String,
    /// Where to log in.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub url: String,
    /// Who owns it by law.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub legal_holder: String,
    /// Where 'forgot my password' goes.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub recovery_mailbox: String,
    /// Who reads that mailbox.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub recovery_mailbox_controlled_by: String,
    /// Where codes are sent.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub recovery_telephone: String,
    /// Who holds that telephone.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub recovery_telephone_controlled_by: String,
    /// Who else can administer it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub other_administrators: String,
    /// When it must be renewed.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub renewal_date: String,
    /// Who pays.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub paid_by: String,
    /// Where the password is changed.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub change_password_page: String,
}

/// What is to be deposited.
pub struct Deposit {
    /// What people call it.
    pub label: String,
    /// Its vault; the account's own, or the charter's first, if not said.
    pub vault: Option<String>,
    /// Whether this replaces the current version.
    pub new_version: bool,
    /// The account sheet; the current one is kept if not given.
    pub sheet: Option<AccountSheet>,
    /// The secrets that are new. With a new version, the account's other parts stay as they are.
    pub parts: BTreeMap<PartKind, PartValue>,
    /// Parts that the new version no longer has.
    pub without: Vec<PartKind>,
    /// How access to it is given.
    pub reach: Reach,
}

/// How access to an account is given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reach {
    /// How the server reaches its target.
    pub connector: Connecting,
    /// Only one person at a time has access. What the account says already stays so, unless this is `Some(false)`.
    pub exclusive: Option<bool>,
    /// Standing rights go on with the new version.
    pub keep_delegations: bool,
}

/// Which connector a version gets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Connecting {
    /// The one of the current version, if it has one.
    #[default]
    AsItIs,
    /// None.
    Not,
    /// What this file says.
    By(PathBuf),
}

/// A deposit as a file: JSON, as `--from` reads it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DepositFile {
    #[serde(default)]
    user_name: Option<String>,
    #[serde(default)]
    password: Option<String>,
    #[serde(default)]
    totp_secret: Option<String>,
    #[serde(default)]
    recovery_codes: Option<String>,
    #[serde(default)]
    notes: Option<String>,
    #[serde(default)]
    sheet: Option<AccountSheet>,
}

/// Reads a deposit from JSON.
pub fn from_json(text: &Secret) -> Result<(Option<AccountSheet>, BTreeMap<PartKind, PartValue>), Failure> {
    // serde_json's message quotes no values beside the position, but an unknown field's name could be a secret that
    // was put in the wrong place, so the message is not passed on.
    let file: DepositFile = serde_json::from_slice(text.expose()).map_err(|e| {
        Failure::new(Exit::Usage, "failed-deposit-file").with("line", e.line()).with("column", e.column())
    })?;
    let mut parts = BTreeMap::new();
    add_part(&mut parts, PartKind::Password, file.user_name.map(Secret::from_string), file.password)?;
    add_part(&mut parts, PartKind::TotpSecret, None, file.totp_secret)?;
    add_part(&mut parts, PartKind::RecoveryCodes, None, file.recovery_codes)?;
    add_part(&mut parts, PartKind::Notes, None, file.notes)?;
    Ok((file.sheet, parts))
}

fn add_part(
    parts: &mut BTreeMap<PartKind, PartValue>,
    kind: PartKind,
    user_name: Option<Secret>,
    value: Option<String>,
) -> Result<(), Failure> {
    let user_name = user_name.filter(|name| !name.is_empty());
    let Some(value) = value.map(Secret::from_string).filter(|v| !v.is_empty()) else {
        return refuse_user_name_alone(user_name.as_ref());
    };
    if kind == PartKind::TotpSecret && TotpSecret::parse(&value).is_err() {
        return Err(Failure::new(Exit::Usage, "failed-totp-secret"));
    }
    parts.insert(kind, PartValue { user_name, value });
    Ok(())
}

/// A user name is sealed beside its password; without one it would be dropped without a word.
fn refuse_user_name_alone(user_name: Option<&Secret>) -> Result<(), Failure> {
    match user_name {
        Some(_) => Err(Failure::new(Exit::Usage, "failed-user-name-alone")),
        None => Ok(()),
    }
}

/// Asks for everything at the terminal.
pub fn from_prompts(env: &Env) -> Result<(Option<AccountSheet>, BTreeMap<PartKind, PartValue>), Failure> {
    let ask = |question: &str| env.unlock.line(&env.out, question, "--from");
    let hidden = |question: &str| env.unlock.secret(&env.out, question, "--from");
    // Nobody should type everything and then learn that it cannot be deposited from here.
    require_terminal("--from")?;
    env.home.choose(env.organisation.as_deref())?;
    env.out.say("deposit-intro");
    let mut parts = BTreeMap::new();
    let user_name = Some(ask("ask-user-name")?).filter(|n| !n.is_empty()).map(Secret::from_string);
    for (kind, question) in [
        (PartKind::Password, "ask-password"),
        (PartKind::TotpSecret, "ask-totp-secret"),
        (PartKind::RecoveryCodes, "ask-recovery-codes"),
        (PartKind::Notes, "ask-notes"),
    ] {
        let value = hidden(question)?;
        if value.is_empty() {
            continue;
        }
        if kind == PartKind::TotpSecret && TotpSecret::parse(&value).is_err() {
            return Err(Failure::new(Exit::Usage, "failed-totp-secret"));
        }
        parts.insert(kind, PartValue { user_name: None, value });
    }
    match parts.get_mut(&PartKind::Password) {
        Some(password) => password.user_name = user_name,
        None => refuse_user_name_alone(user_name.as_ref())?,
    }
    env.out.say("deposit-sheet-intro");
    let sheet = AccountSheet {
        kind: ask("ask-kind")?,
        url: ask("ask-url")?,
        legal_holder: ask("ask-legal-holder")?,
        recovery_mailbox: ask("ask-recovery-mailbox")?,
        recovery_mailbox_controlled_by: ask("ask-recovery-mailbox-by")?,
        recovery_telephone: ask("ask-recovery-telephone")?,
        recovery_telephone_controlled_by: ask("ask-recovery-telephone-by")?,
        other_administrators: ask("ask-other-administrators")?,
        renewal_date: ask("ask-renewal-date")?,
        paid_by: ask("ask-paid-by")?,
        change_password_page: ask("ask-change-password-page")?,
    };
    Ok((Some(sheet), parts))
}

/// Seals, splits and deposits; the master keys are forgotten when this returns.
pub async fn deposit(env: &Env, deposit: Deposit) -> Result<(), Failure> {
    let mut session = env.session()?;
    session.sync_to_sign().await?;
    session.require_witnesses()?;
    session.confirm_shares().await?;
    if deposit.parts.is_empty() {
        return Err(Failure::new(Exit::Usage, "failed-nothing-to-deposit"));
    }
    let (version, vault) = place(&session, &deposit)?;
    let label = match session.state()?.credential(&version.credential).and_then(|c| c.current()) {
        // Named by its identifier, it keeps the label that it has.
        Some((_, current)) if is_id(&deposit.label) => Text::parse(&session.needed_text(&current.label)?)?,
        _ => Text::parse(&deposit.label)?,
    };
    let sheet = match &deposit.sheet {
        Some(sheet) => AccountSheet {
            renewal_date: renewal::understood(&env.out, env.now(), sheet.renewal_date.clone()),
            ..sheet.clone()
        },
        None => current_sheet(&session, &version.credential)?.unwrap_or_default(),
    };
    let sheet = Text::parse_multiline(&serde_json::to_string_pretty(&sheet).map_err(Failure::technical)?)?;
    let (label_id, label_blob) = session.text(&label)?;
    let (sheet_id, sheet_blob) = session.text(&sheet)?;
    let mut blobs = vec![label_blob, sheet_blob];
    let mut parts = Vec::new();
    for (kind, value) in &deposit.parts {
        let (part, sealed) = seal_one(&session, PartId { version, kind: *kind }, &vault, value)?;
        parts.push(part);
        blobs.extend(sealed);
    }
    let (connector, connector_blob) = connector(&mut session, &version, &deposit)?;
    blobs.extend(connector_blob);
    let current = session.state()?.credential(&version.credential);
    let exclusive = deposit.reach.exclusive.or_else(|| current.map(|credential| credential.exclusive));
    let live = delegation::live(&session, &version.credential)?;
    let (rewrapped, wrapped) = match deposit.reach.keep_delegations {
        true => delegation::rewrapped(&mut session, &version, &deposit.parts, connector.is_some()).await?,
        false => (Vec::new(), Vec::new()),
    };
    blobs.extend(wrapped);
    let renewed: Vec<u64> = rewrapped.iter().map(|right| right.delegation_index).collect();
    let ending = live.into_iter().filter(|(index, _)| !renewed.contains(index)).map(|(_, right)| right);
    let ending = ending.collect::<Vec<String>>().join(", ");
    if !ending.is_empty() {
        // While it can still be done otherwise.
        let key = if deposit.reach.keep_delegations { "ask-deposit-cannot-keep" } else { "ask-deposit-ending" };
        env.unlock.confirm(&env.out, key, &args! { list: &ending }, "--yes")?;
    }
    let act = v1::command::Act::Deposit(v1::Deposit {
        credential: version.credential.to_vec(),
        version: version.version,
        vault: vault.as_str().to_owned(),
        label: label_id.to_vec(),
        sheet: sheet_id.to_vec(),
        parts,
        carried: carried(&session, &version, &deposit)?,
        connector: connector.map(|id| id.to_vec()).unwrap_or_default(),
        exclusive: exclusive.unwrap_or_default(),
        rewrapped,
    });
    let index = session.submit(act, blobs).await?;
    // The depositor may be a trustee, with fresh shares of their own.
    session.confirm_shares().await?;
    env.out.tell("deposit-done", &args! { label: label.as_str(), version: version.version });
    if !renewed.is_empty() {
        env.out.tell("delegate-renewed", &args! { n: renewed.len() });
    }
    if !ending.is_empty() {
        env.out.tell("delegate-not-renewed", &args! { list: ending });
    }
    env.out.data(&serde_json::json!({
        "credential": version.credential.to_string(), "version": version.version, "index": index,
    }));
    Ok(())
}

/// The connector that a deposit names, and its blob if it is new. A new one is shown, because it decides where the
/// secret is used.
fn connector(
    session: &mut Session,
    version: &VersionId,
    deposit: &Deposit,
) -> Result<(Option<BlobId>, Option<Vec<u8>>), Failure> {
    let path = match &deposit.reach.connector {
        Connecting::Not => return Ok((None, None)),
        Connecting::AsItIs => {
            let current = session.state()?.credential(&version.credential).and_then(|c| c.current());
            return Ok((current.and_then(|(_, current)| current.connector), None));
        }
        Connecting::By(path) => path,
    };
    let (text, connector) = super::connector::read(path)?;
    let secrets = deposit.parts.values().filter_map(|value| value.value.expose_str());
    // As JSON has it, in which quotes are escaped.
    let inside =
        |secret: &str| serde_json::to_string(secret).is_ok_and(|json| text.as_str().contains(json.trim_matches('"')));
    if secrets.into_iter().any(inside) {
        return Err(Failure::new(Exit::Usage, "failed-connector-secret").with("path", path.display()));
    }
    if connector.settings.needs_exclusive() && deposit.reach.exclusive != Some(true) {
        return Err(Failure::new(Exit::Usage, "failed-exclusive-needed"));
    }
    let lines = {
        let texts = texts(session);
        super::connector::shown(&session.view(&texts)?, &connector)
    };
    session.env.out.screen(&lines);
    session.env.unlock.confirm(&session.env.out, "ask-deposit-connector", &args! {}, "--yes")?;
    let (id, blob) = session.text(&text)?;
    Ok((Some(id), Some(blob)))
}

/// Which version of which account this becomes, in which vault.
fn place(session: &Session, deposit: &Deposit) -> Result<(VersionId, VaultName), Failure> {
    let state = session.state()?;
    let charter = state.charter().ok_or(Refusal::NotFounded)?;
    let existing = session.find_credential(&deposit.label);
    let unknown = |name: &str| {
        let list: Vec<&str> = charter.vaults().map(|v| v.name.as_str()).collect();
        Failure::new(Exit::Usage, "failed-vault-unknown").with("name", name).with("list", list.join(", "))
    };
    if deposit.new_version {
        let id = existing?;
        let credential = state.credential(&id).ok_or_else(|| unknown(""))?;
        // Not the one after the current version: numbers of versions that were given up or destroyed stay used.
        let next = credential.next_number().ok_or(Refusal::VersionConflict { current: u32::MAX })?;
        return Ok((VersionId { credential: id, version: next }, credential.vault.clone()));
    }
    if existing.is_ok() {
        return Err(Failure::new(Exit::Usage, "failed-label-taken").with("label", &deposit.label));
    }
    // What cannot be a label at all says so, rather than that it looks like another one.
    Text::parse(&deposit.label)?;
    let labels: Vec<String> = state.credentials().keys().map(|id| session.whole_label(id)).collect();
    session.refuse_lookalike(&deposit.label, labels.into_iter())?;
    let vault = match &deposit.vault {
        Some(name) => charter.vaults().find(|v| v.name.as_str() == name).ok_or_else(|| unknown(name))?,
        None => charter.vaults().next().ok_or_else(|| unknown(""))?,
    };
    let credential = CredentialId::new(random_bytes::<16>().map_err(Failure::technical)?);
    Ok((VersionId { credential, version: 1 }, vault.name.clone()))
}

/// The parts that a new version takes over as they were dealt: whoever changes a password need not know the recovery
/// codes.
fn carried(session: &Session, version: &VersionId, deposit: &Deposit) -> Result<Vec<v1::CarriedPart>, Failure> {
    let state = session.state()?;
    let Some((_, current)) = state.credential(&version.credential).and_then(|c| c.current()) else {
        return Ok(Vec::new());
    };
    let stays = |kind: &PartKind| !deposit.parts.contains_key(kind) && !deposit.without.contains(kind);
    let parts = current.kinds().into_iter().filter(stays);
    let parts = parts.filter_map(|kind| state.current_part(&version.credential, kind));
    Ok(parts.map(|p| v1::CarriedPart { kind: p.kind as i32, version: p.version.version }).collect())
}

/// Deals a part to each quorum of the vault.
fn seal_one(
    session: &Session,
    part: PartId,
    vault: &VaultName,
    value: &PartValue,
) -> Result<(v1::Part, Vec<Vec<u8>>), Failure> {
    let state = session.state()?;
    let charter = state.charter().ok_or(Refusal::NotFounded)?;
    let vault = charter.vault(vault).ok_or(Refusal::VaultUnknown)?;
    let quorums = vault.opened_by.iter().map(|name| charter.quorum(name).ok_or(Refusal::DealShape));
    let quorums = quorums.collect::<Result<Vec<_>, _>>()?;
    let recipient = |trustee: &_| state.person(trustee).map(|person| person.keys.recipient);
    let dealt = deal_part(session.folder.id, part, quorums, recipient, value).map_err(Failure::technical)?;
    Ok((dealt.part, dealt.blobs))
}

/// The sheet of the current version, where this person's replica holds it.
pub fn current_sheet(session: &Session, id: &CredentialId) -> Result<Option<AccountSheet>, Failure> {
    let current = session.state()?.credential(id).and_then(|c| c.current());
    let Some((_, version)) = current else { return Ok(None) };
    let Some(blob) = session.replica.blob(&version.sheet)? else { return Ok(None) };
    let text = Text::multiline_from_blob(&blob, version.sheet)?;
    Ok(serde_json::from_str(text.as_str()).ok())
}
