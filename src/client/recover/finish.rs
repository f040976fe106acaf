//! Finishing: what was answered, with one's own shares, opens what it allows; the rest stays closed, and is told.
//!
//! All who are needed may also sit at one computer and type their 24 words; then no files are sent. What they give
//! is recorded for the log, and kept with the recovery, in the same way.
//!
//! Whoever has a recovery's key and its answers has the accounts, alone. Both are deleted once everything that was
//! asked for is open and written.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::answer::is_expired;
use super::gather::{Added, Fault, Gathering, Outcome, Own};
use super::output::{self, Account, Format};
use super::record::{record_answer, take_records};
use super::store::{self, Shelf, Started};
use super::{
    Desk, Source, bad_file, check_output, from_words, known, open_replica, parse_request, read_file, read_words,
};
use crate::args;
use crate::client::failure::{Exit, Failure};
use crate::client::home;
use crate::client::session::Env;
use crate::client::unlock::{Unlock, require_terminal};
use crate::client::view::{View, sort_key};
use crate::escrow::id::{CredentialId, PersonId};
use crate::escrow::part::PartId;
use crate::escrow::text::Text;
use crate::seal::identity::{Identity, seal_with_passphrase};
use crate::seal::recovery::{BadRecovery, OpenedAnswer, RecoveryAnswer, VerifiedRequest};
use crate::seal::secret::Secret;
use crate::seal::sharing::ShareFault;

/// The option that names the file with the new file's passphrase.
const PASSPHRASE_OPTION: &str = "--output-passphrase-file";

/// What is finished, and into what.
pub struct Finishing {
    /// Answer files; those given earlier were kept.
    pub answers: Vec<PathBuf>,
    /// The request file, where several recoveries were started.
    pub from: Option<PathBuf>,
    /// Files with the 24 words of people who are here.
    pub words_files: Vec<PathBuf>,
    /// How many people are here who type their 24 words.
    pub words_typed: u8,
    /// `--replica`: somebody's organisation folder; with it, and with words, the home's identity is not used.
    pub replica: Option<PathBuf>,
    /// The file to write.
    pub output: PathBuf,
    /// Its form.
    pub format: Format,
    /// In the clear, for the owner of the file alone.
    pub plain: bool,
    /// Whether what was collected stays here when everything was opened.
    pub keep: bool,
    /// Where the passphrase for the file is, if not asked for.
    pub passphrase_file: Option<PathBuf>,
}

/// Opens what the answers allow and writes it.
pub fn finish(env: &Env, finishing: Finishing) -> Result<(), Failure> {
    check_output(&finishing.output)?;
    let lock = Lock::prepare(env, &finishing)?;
    let (desk, others) = sit_down(env, &finishing)?;
    let recovery = desk.recovery(&finishing)?;
    desk.ask_if_expired(recovery.request())?;
    let mut table = Table::new(&desk, &recovery)?;
    table.lay_own()?;
    for identity in &others {
        table.lay(identity)?;
    }
    table.lay_answers(&finishing.answers)?;
    let Table { gathering, problems, parts, .. } = table;

    let texts = desk.texts();
    let view = desk.view(&texts)?;
    let outcomes = gathering.open(&desk.replica);
    let (accounts, closed) = sort(&desk, &view, outcomes)?;
    tell_closed(env, &view, &closed);
    for account in accounts.iter().filter(|account| !account.old.is_empty()) {
        let parts = view.parts(account.old.iter().copied());
        env.out.aside("recover-old-version", &args! { label: &account.label, parts: parts });
    }
    if accounts.is_empty() {
        return Err(Failure::new(Exit::Refused, "recover-nothing-open"));
    }
    let content = output::write(finishing.format, &accounts, view.say).map_err(Failure::technical)?;
    let sealed = lock.close(env, &content)?;
    home::write_new(&finishing.output, sealed.as_deref().unwrap_or(content.expose()))?;
    let opened: BTreeSet<CredentialId> = accounts.iter().map(|account| account.id).collect();
    let partly = closed.accounts().intersection(&opened).count();
    let args = args! { path: finishing.output.display(), count: accounts.len(), closed: partly };
    env.out.tell(if finishing.plain { "recover-written-plain" } else { "recover-written" }, &args);
    env.out.say("recover-now-change");
    if !others.is_empty() {
        desk.tell_log();
    }
    let complete = closed.accounts().is_empty() && parts.len() == recovery.request().request().parts.len();
    let forgotten = complete && !finishing.keep;
    if forgotten {
        recovery.started.shelf.forget()?;
    }
    env.out.say(if forgotten { "recover-forgotten" } else { "recover-kept" });
    env.out.data(&serde_json::json!({
        "recovery": recovery.request().digest().to_string(), "file": finishing.output,
        "opened": accounts.iter().map(|account| account.label.as_str()).collect::<Vec<_>>(),
        "closed": closed.data(&view), "problems": problems, "kept": !forgotten,
    }));
    Ok(())
}

/// Everybody who is here, the starter first, at one copy of the log.
fn sit_down<'a>(env: &'a Env, finishing: &Finishing) -> Result<(Desk<'a>, Vec<Identity>), Failure> {
    let source = Source { replica: finishing.replica.clone(), words_file: None };
    let wanted = match &finishing.from {
        Some(path) => Some(parse_request(path)?.unverified().organisation),
        None => None,
    };
    let (replica, folder, lock) = open_replica(env, &source, wanted)?;
    let mut here: Vec<Identity> = Vec::new();
    if finishing.replica.is_none() || (finishing.words_files.is_empty() && finishing.words_typed == 0) {
        here.push(env.unlock.identity(&env.home, &env.out)?);
    }
    for path in &finishing.words_files {
        here.push(from_words(&read_words(path)?)?);
    }
    for _ in 0..finishing.words_typed {
        here.push(from_words(&env.unlock.secret(&env.out, "ask-words", "--words-file")?)?);
    }
    let mut seen = BTreeSet::new();
    here.retain(|identity| seen.insert(identity.person()));
    here.iter().try_for_each(|identity| known(&replica, identity))?;
    let mut here = here.into_iter();
    let first = here.next().ok_or_else(|| Failure::new(Exit::Usage, "recover-none-started"))?;
    Ok((Desk::with_identity(env, replica, folder, lock, first)?, here.collect()))
}

/// What is being finished, and what else was started here.
struct Recovery {
    started: Started,
    others: Vec<Started>,
}

impl Recovery {
    fn request(&self) -> &VerifiedRequest {
        &self.started.request
    }
}

impl Desk<'_> {
    /// The recovery that is meant: the one of `--from`; else the newest to which one of the answers belongs; else the
    /// newest, so that nothing that was collected is left aside; else, among people who are all here, a new one.
    fn recovery(&self, finishing: &Finishing) -> Result<Recovery, Failure> {
        let (mut started, damaged) = store::started(&self.folder, &self.identity, &self.identity.keys())?;
        let place = match &finishing.from {
            Some(path) => {
                let request =
                    parse_request(path)?.verify(&self.identity.keys()).map_err(|bad| bad_file(bad, path))?;
                if let Some((_, failure)) = damaged.into_iter().find(|(digest, _)| *digest == request.digest()) {
                    return Err(failure);
                }
                let place = started.iter().position(|s| s.request.digest() == request.digest());
                place.ok_or_else(|| Failure::new(Exit::Failed, "recover-key-elsewhere"))?
            }
            None => {
                damaged.iter().for_each(|(_, failure)| self.env.out.failure(failure));
                let files: Vec<Vec<u8>> = finishing.answers.iter().filter_map(|path| read_file(path).ok()).collect();
                let place = started.iter().position(|s| files.iter().any(|f| OpenedAnswer::open(&s.key, f).is_ok()));
                place.unwrap_or_default()
            }
        };
        if started.is_empty() {
            let people_here = !finishing.words_files.is_empty() || finishing.words_typed > 0;
            if !people_here || !finishing.answers.is_empty() {
                return Err(Failure::new(Exit::Usage, "recover-none-started"));
            }
            return Ok(Recovery { started: self.start_here()?, others: started });
        }
        Ok(Recovery { started: started.remove(place), others: started })
    }

    /// Nobody answers it any more, and perhaps nobody remembers it: neither what was collected is opened unasked, nor is
    /// what people who are here give added to it.
    fn ask_if_expired(&self, request: &VerifiedRequest) -> Result<(), Failure> {
        let asked = request.request();
        if !is_expired(asked.created, self.env.now()) {
            return Ok(());
        }
        let time = self.env.out.language().time(asked.created);
        let args = args! { time: time, reason: asked.reason.as_str() };
        self.env.unlock.confirm(&self.env.out, "ask-recover-expired", &args, "--yes")
    }

    /// A recovery among people who are here, kept like any other until it is finished.
    fn start_here(&self) -> Result<Started, Failure> {
        let reason = Text::parse(&self.env.out.language().plain("recover-here-reason"))?;
        let (signed, request, key) = self.request(&[], reason)?;
        let shelf = Shelf::of(&self.folder, &request.digest());
        shelf.keep_started(&signed, &key, &self.identity)?;
        Ok(Started { request, key: key.age().clone(), shelf })
    }
}

/// Where the shares of one recovery are laid together.
struct Table<'a> {
    desk: &'a Desk<'a>,
    recovery: &'a Recovery,
    gathering: Gathering,
    /// The parts that this copy of the log knows.
    parts: Vec<PartId>,
    /// For programs.
    problems: Vec<serde_json::Value>,
}

impl<'a> Table<'a> {
    fn new(desk: &'a Desk<'a>, recovery: &'a Recovery) -> Result<Self, Failure> {
        let (state, asked) = (desk.state()?, &recovery.request().request().parts);
        let parts: Vec<PartId> = asked.iter().filter(|part| state.part(part).is_some()).copied().collect();
        let gathering = Gathering::new(state, &parts);
        if parts.len() < asked.len() {
            desk.env.out.aside("recover-parts-unknown", &args! { count: asked.len() - parts.len() });
        }
        Ok(Self { desk, recovery, gathering, parts, problems: Vec::new() })
    }

    /// Says what is wrong with something that was given; it is left out, the rest goes on.
    fn problem(&mut self, failure: &Failure) {
        let out = &self.desk.env.out;
        out.failure(failure);
        let message = failure.sentence(out.language());
        self.problems.push(serde_json::json!({ "error": failure.key(), "message": message }));
    }

    /// The starter's own shares.
    fn lay_own(&mut self) -> Result<(), Failure> {
        let own = Own::open(&self.desk.replica, &self.desk.identity, &self.parts)?;
        self.take(self.desk.me(), own)
    }

    /// The shares of somebody else who is here; their command for the log comes first.
    fn lay(&mut self, identity: &Identity) -> Result<(), Failure> {
        let desk = self.desk;
        let own = Own::open(&desk.replica, identity, &self.parts)?;
        if !own.shares.is_empty() {
            let request = self.recovery.request();
            let records = record_answer(&desk.record(identity), request, &own.parts())?;
            // As if it had been sent: whoever comes later finds it here.
            let shares = own.shares.iter().map(|(part, share)| (*part, Secret::new(share.expose().to_vec())));
            let answer = RecoveryAnswer {
                recovery: request.digest(),
                organisation: request.request().organisation,
                answerer: identity.person(),
                tree: desk.replica.head(),
                created: desk.env.now(),
                shares: shares.collect(),
                records,
            };
            let file = answer.seal(identity, &request.request().recipient).map_err(Failure::technical)?;
            self.recovery.started.shelf.keep_answer(file.as_bytes())?;
        }
        self.take(identity.person(), own)
    }

    fn take(&mut self, person: PersonId, own: Own) -> Result<(), Failure> {
        let added = self.gathering.add(person, own.shares);
        let bad = own.bad.into_iter().chain(added.bad).collect();
        self.name_bad(person, bad)
    }

    /// One sentence for all shares of a person that have the same fault.
    fn name_bad(&mut self, person: PersonId, bad: Vec<(PartId, Fault)>) -> Result<(), Failure> {
        let desk = self.desk;
        let texts = desk.texts();
        let view = desk.view(&texts)?;
        let mut faults: BTreeMap<&'static str, BTreeSet<CredentialId>> = BTreeMap::new();
        for (part, fault) in bad {
            faults.entry(fault.key()).or_default().insert(part.version.credential);
        }
        for (key, accounts) in faults {
            let failure = Failure::new(Exit::Distrust, "recover-bad-shares").with("name", view.name(&person));
            let list = view.list(accounts.iter().map(|id| view.label(id)));
            self.problem(&failure.with("fault", view.say.plain(key)).with("list", list));
        }
        Ok(())
    }

    /// Answers that were kept earlier, then those that are given now.
    fn lay_answers(&mut self, paths: &[PathBuf]) -> Result<(), Failure> {
        let Recovery { started, others } = self.recovery;
        for (path, file) in started.shelf.answers()? {
            if let Err(failure) = self.lay_answer(started, others, &path, &file) {
                self.problem(&failure);
            }
        }
        for path in paths {
            let file = match read_file(path) {
                Ok(file) => file,
                Err(failure) => {
                    self.problem(&failure);
                    continue;
                }
            };
            match self.lay_answer(started, others, path, &file) {
                Ok((person, added)) => {
                    if added.new + added.known > 0 {
                        started.shelf.keep_answer(&file)?;
                    }
                    if added.new == 0 && added.known > 0 {
                        let desk = self.desk;
                        let texts = desk.texts();
                        let name = desk.view(&texts)?.name(&person);
                        let again = Failure::new(Exit::Usage, "recover-answer-again").with("name", name);
                        self.problem(&again.with("path", path.display()));
                    }
                }
                Err(failure) => self.problem(&failure),
            }
        }
        Ok(())
    }

    /// One answer: opened, its signature checked, its shares compared with the log one by one.
    fn lay_answer(
        &mut self,
        started: &Started,
        others: &[Started],
        path: &Path,
        file: &[u8],
    ) -> Result<(PersonId, Added), Failure> {
        let opened = OpenedAnswer::open(&started.key, file).map_err(|bad| {
            let earlier = others.iter().find(|other| OpenedAnswer::open(&other.key, file).is_ok());
            match (bad, earlier) {
                (BadRecovery::OtherRecovery, Some(other)) => {
                    let failure = Failure::new(Exit::Usage, "recover-file-stale").with("path", path.display());
                    let time = self.desk.env.out.language().time(other.request.request().created);
                    failure.with("time", time).with("code", other.request.code())
                }
                (bad, _) => bad_file(bad, path),
            }
        })?;
        let answerer = self.desk.person(&opened.unverified_answerer())?;
        let answer = opened.verify(&answerer.keys, &started.request).map_err(|bad| match bad {
            // It opens with our key and was signed for another recovery: somebody put it together anew.
            BadRecovery::OtherRecovery => {
                Failure::new(Exit::Distrust, "recover-file-mixed").with("path", path.display())
            }
            other => bad_file(other, path),
        })?;
        // Whoever has another log has another charter, perhaps other accounts: people must know. Their shares are
        // compared with ours one by one, so what is good of them stays good.
        if let Err(failure) = self.desk.compare(answer.tree, &answer.answerer, file, path) {
            self.problem(&failure);
        }
        // Whether it came with what the log should learn is no reason to leave its shares unused.
        let desk = self.desk;
        if let Err(failure) = take_records(&desk.replica, &desk.folder, &answer, &started.request, desk.env.now()) {
            self.problem(&failure);
        }
        let person = answer.answerer;
        let mut added = self.gathering.add(person, answer.shares);
        self.name_bad(person, std::mem::take(&mut added.bad))?;
        Ok((person, added))
    }
}

impl Fault {
    /// Its words.
    pub(super) fn key(self) -> &'static str {
        match self {
            Self::Missing => "recover-fault-missing",
            Self::Sealed => "recover-fault-sealed",
            Self::Share(ShareFault::NotDealt) => "recover-fault-not-dealt",
            Self::Share(ShareFault::Duplicate) => "recover-fault-duplicate",
            Self::Share(ShareFault::Unreadable) => "recover-fault-unreadable",
            Self::Share(ShareFault::Field(_)) => "recover-fault-field",
            Self::Share(ShareFault::Altered) => "recover-fault-altered",
        }
    }
}

/// What stays closed, by why.
#[derive(Default)]
struct Closed {
    short: BTreeMap<(usize, BTreeSet<PersonId>), Vec<PartId>>,
    no_blob: Vec<PartId>,
    bad_blob: Vec<PartId>,
    dealer: Vec<PartId>,
}

impl Closed {
    fn parts(&self) -> impl Iterator<Item = &PartId> {
        self.short.values().flatten().chain(&self.no_blob).chain(&self.bad_blob).chain(&self.dealer)
    }

    fn accounts(&self) -> BTreeSet<CredentialId> {
        self.parts().map(|part| part.version.credential).collect()
    }

    fn data(&self, view: &View<'_>) -> Vec<serde_json::Value> {
        let one = |part: &PartId, why: &str, missing: usize, askable: &BTreeSet<PersonId>| {
            let mut names: Vec<String> = askable.iter().map(|id| view.name(id)).collect();
            names.sort_by_cached_key(|name| sort_key(name));
            serde_json::json!({
                "label": view.label(&part.version.credential), "part": part.kind.as_str(), "why": why,
                "missing": missing, "could_answer": names,
            })
        };
        let short = self.short.iter().flat_map(|((missing, askable), parts)| {
            parts.iter().map(|part| one(part, "too_few", *missing, askable)).collect::<Vec<_>>()
        });
        let none = BTreeSet::new();
        let mut data: Vec<_> = short.collect();
        data.extend(self.no_blob.iter().map(|part| one(part, "not_in_this_copy", 0, &none)));
        data.extend(self.bad_blob.iter().map(|part| one(part, "damaged", 0, &none)));
        data.extend(self.dealer.iter().map(|part| one(part, "badly_dealt", 0, &none)));
        data
    }
}

/// Open accounts in the order of their labels, and what stays closed.
fn sort(
    desk: &Desk<'_>,
    view: &View<'_>,
    outcomes: Vec<(PartId, Outcome)>,
) -> Result<(Vec<Account>, Closed), Failure> {
    let (mut accounts, mut closed) = (BTreeMap::<(CredentialId, bool), Account>::new(), Closed::default());
    for (part, outcome) in outcomes {
        let id = part.version.credential;
        match outcome {
            Outcome::Open(value) => {
                let credential = view.state.credential(&id);
                let sheet = credential.and_then(|c| c.current()).map(|(_, version)| version.sheet);
                let sheet = sheet.and_then(|sheet| {
                    let blob = desk.replica.blob(&sheet).ok().flatten()?;
                    Text::multiline_from_blob(&blob, sheet).ok()
                });
                // Beside what was in use, because nobody knows which of both is.
                let staged = view.state.staged(&id).is_some_and(|(number, _)| number == part.version.version);
                let label = match staged {
                    true => view.say.with("recover-staged", &args! { label: view.label(&id) }),
                    false => view.label(&id),
                };
                let account = accounts.entry((id, staged)).or_insert_with(|| Account {
                    id,
                    label,
                    vault: credential.map(|c| c.vault.as_str().to_owned()).unwrap_or_default(),
                    sheet,
                    values: BTreeMap::new(),
                    versions: BTreeMap::new(),
                    old: BTreeSet::new(),
                    log_ends: view.state.last_time(),
                });
                // Of two versions in one request, the newer counts.
                let versions = (part.version.version, account.versions.get(&part.kind).copied().unwrap_or_default());
                if versions.0 > versions.1 {
                    account.values.insert(part.kind, value);
                    account.versions.insert(part.kind, part.version.version);
                    let replaced = !staged && view.state.current_part(&id, part.kind) != Some(part);
                    account.old.retain(|kind| *kind != part.kind);
                    if replaced {
                        account.old.insert(part.kind);
                    }
                }
            }
            Outcome::Closed { missing, askable } => closed.short.entry((missing, askable)).or_default().push(part),
            Outcome::NoBlob => closed.no_blob.push(part),
            Outcome::BadBlob => closed.bad_blob.push(part),
            Outcome::Dealer => closed.dealer.push(part),
        }
    }
    let mut accounts: Vec<Account> = accounts.into_values().collect();
    accounts.sort_by_cached_key(|account| (sort_key(&account.label), account.id));
    output::tell_apart(&mut accounts);
    Ok((accounts, closed))
}

fn tell_closed(env: &Env, view: &View<'_>, closed: &Closed) {
    let list = |parts: &[PartId]| {
        let mut words: BTreeMap<CredentialId, BTreeSet<_>> = BTreeMap::new();
        for part in parts {
            words.entry(part.version.credential).or_default().insert(part.kind);
        }
        let word = |(id, kinds): (CredentialId, BTreeSet<_>)| format!("{} ({})", view.label(&id), view.parts(kinds));
        view.list(words.into_iter().map(word))
    };
    for ((missing, askable), parts) in &closed.short {
        let args = args! { list: list(parts), missing: missing, names: view.names(askable) };
        env.out.aside("recover-closed", &args);
    }
    for (key, parts) in [
        ("recover-closed-no-blob", &closed.no_blob),
        ("recover-closed-bad-blob", &closed.bad_blob),
        ("recover-closed-dealer", &closed.dealer),
    ] {
        if !parts.is_empty() {
            env.out.aside(key, &args! { list: list(parts) });
        }
    }
}

/// How the file is protected.
enum Lock {
    /// Not at all: asked for explicitly.
    Plain,
    /// With this passphrase.
    With(Secret),
    /// With one that is asked for once there is something to lock.
    Asked,
}

impl Lock {
    /// Before anything is opened or given: whether there will be a passphrase.
    fn prepare(env: &Env, finishing: &Finishing) -> Result<Self, Failure> {
        match &finishing.passphrase_file {
            _ if finishing.plain => Ok(Self::Plain),
            Some(_) => Self::ask(env, finishing.passphrase_file.clone()).map(Self::With),
            None => require_terminal(PASSPHRASE_OPTION).map(|()| Self::Asked),
        }
    }

    fn ask(env: &Env, passphrase_file: Option<PathBuf>) -> Result<Secret, Failure> {
        let unlock = Unlock { passphrase_file, ..env.unlock.clone() };
        unlock.passphrase_for(&env.out, "recover-passphrase", PASSPHRASE_OPTION)
    }

    /// The sealed file, unless it stays in the clear.
    fn close(self, env: &Env, content: &Secret) -> Result<Option<Vec<u8>>, Failure> {
        let passphrase = match self {
            Self::Plain => return Ok(None),
            Self::With(passphrase) => passphrase,
            Self::Asked => Self::ask(env, None)?,
        };
        let _waiting = env.out.wait("recover-sealing");
        seal_with_passphrase(&passphrase, env.unlock.work, content).map(Some).map_err(Failure::technical)
    }
}
