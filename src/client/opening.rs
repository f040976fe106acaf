//! What opens to the server for connector work: asking for it, closing it, and what is done while it is open.
//!
//! Each account is asked for by itself, so that trustees can agree to one and not to another. Nothing here ever sees
//! what is opened: keys are the server's, and the log key vouches for them.

mod seal;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use clap::Subcommand;
use tokio::time::{Instant, sleep};

use super::connector::Connector;
use super::failure::{Exit, Failure};
use super::home;
use super::request::{Filing, file, forward, vouched_keys};
use super::say::Say;
use super::session::{Env, Session};
use super::status::texts;
use super::view::View;
use crate::args;
use crate::connect::settings::Settings;
use crate::connect::{LeaseName, krl};
use crate::escrow::act::RequestedPart;
use crate::escrow::id::CredentialId;
use crate::escrow::made::AtTarget;
use crate::escrow::organisation::Organisation;
use crate::escrow::refusal::Refusal;
use crate::escrow::request::{Request, Stage};
use crate::escrow::text::Text;
use crate::escrow::time::{Seconds, Time};
use crate::escrow::window::Purpose;
use crate::proto::api::v1::{Work, work::What};
use crate::proto::v1;

pub use seal::seal;

/// How long a rotation is waited for before it is left to the server.
const ROTATION_WAIT: Duration = Duration::from_secs(90);
/// Pause between two looks at the log.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Asks that accounts be opened to the server for a time.
pub async fn unseal(
    env: &Env,
    labels: &[String],
    duration: Seconds,
    reason: &str,
    open_for: Seconds,
) -> Result<(), Failure> {
    let mut session = env.session()?;
    session.sync_to_sign().await?;
    let reason = Text::parse(reason)?;
    // Everything that makes no sense is said before anything is signed.
    let mut accounts = Vec::new();
    for label in labels {
        let id = connected(&session, label)?;
        if !accounts.contains(&id) {
            accounts.push(id);
        }
    }
    let mut done = Vec::new();
    for id in accounts {
        let parts = session.state()?.window_parts(&id);
        let keys = vouched_keys(&mut session, u32::try_from(parts.len()).unwrap_or(u32::MAX)).await?;
        let asked = |(part, (recipient, vouched))| RequestedPart { part, recipient, vouched: Some(vouched) };
        let filing = Filing {
            purpose: Purpose::Unseal,
            parts: parts.into_iter().zip(keys).map(asked).collect(),
            reason: reason.clone(),
            duration,
            expires: env.now().after(open_for),
            standing: None,
            input: None,
        };
        let index = file(&mut session, &filing, None).await?;
        let label = session.label_of(&id);
        let (length, until) = (env.out.language().duration(duration), env.out.language().time(filing.expires));
        env.out.tell("unseal-done", &args! { id: index, label: &label, duration: length, until: until });
        forward(&session, "unseal-forward", index, &filing)?;
        done.push(serde_json::json!({ "request": index, "label": label, "expires": filing.expires.0 }));
    }
    env.out.data(&serde_json::json!({ "requests": done }));
    Ok(())
}

/// An account that has a connector.
fn connected(session: &Session, label: &str) -> Result<CredentialId, Failure> {
    let id = session.find_credential(label)?;
    let state = session.state()?;
    let credential = state.credential(&id).ok_or(Refusal::CredentialUnknown)?;
    let (_, version) = credential.current().ok_or(Refusal::CredentialUnknown)?;
    if version.connector.is_none() {
        return Err(no_connector(label));
    }
    Ok(id)
}

fn no_connector(label: &str) -> Failure {
    Failure::new(Exit::Usage, "failed-no-connector").with("label", label)
}

/// Requests by which something is open to the server, or was granted to be: windows, and leases with one-time codes.
pub(super) fn open_to_server(state: &Organisation) -> impl Iterator<Item = &Request> {
    let stands = |stage: &Stage| matches!(stage, Stage::Granted(_) | Stage::Leased(_));
    state.live_requests().filter(move |request| request.opens_to_daemon() && stands(&request.stage))
}

/// Asks the server whether an account's secret works at its target.
///
/// # Errors
/// It does not work, among others.
pub async fn verify(env: &Env, label: &str) -> Result<(), Failure> {
    let mut session = env.session()?;
    session.sync().await?;
    let credential = connected(&session, label)?;
    let organisation = session.folder.id;
    let works = session.remote().await?.verify_credential(organisation, credential).await?;
    let label = session.label_of(&credential);
    env.out.data(&serde_json::json!({ "label": &label, "works": works }));
    if !works {
        return Err(Failure::new(Exit::Failed, "verify-fails").with("label", label));
    }
    env.out.tell("verify-works", &args! { label: label });
    Ok(())
}

/// Asks the server to give an account a new secret, and waits for a while until it has.
pub async fn rotate(env: &Env, label: &str) -> Result<(), Failure> {
    let mut session = env.session()?;
    session.sync_to_sign().await?;
    let id = connected(&session, label)?;
    let state = session.state()?;
    let (current, _) = state.credential(&id).and_then(|c| c.current()).ok_or(Refusal::CredentialUnknown)?;
    let act = v1::command::Act::Rotate(v1::Rotate { credential: id.to_vec(), version: current });
    let index = session.submit(act, Vec::new()).await?;
    let label = session.label_of(&id);
    env.out.tell("rotate-asked", &args! { label: &label, index: index });
    let begun = Instant::now();
    let mut staged = false;
    let how = loop {
        session.sync().await?;
        // Whoever is a trustee has shares of it from the moment in which it is staged.
        session.confirm_shares().await?;
        let credential = session.state()?.credential(&id).ok_or(Refusal::CredentialUnknown)?;
        let number = credential.current().map_or(0, |(number, _)| number);
        let pending = credential.rotation.as_ref();
        match pending.and_then(|rotation| rotation.staged.as_ref()) {
            Some((version, _)) if !staged => {
                env.out.tell("rotate-staged", &args! { version: version });
                staged = true;
            }
            _ => {}
        }
        if number > current {
            env.out.tell("rotate-done", &args! { label: &label, version: number });
            break "rotated";
        }
        if pending.is_none() {
            env.out.say("rotate-dropped");
            break "dropped";
        }
        if begun.elapsed() > ROTATION_WAIT {
            env.out.say("rotate-goes-on");
            break "pending";
        }
        sleep(LOOK_EVERY).await;
    };
    env.out.data(&serde_json::json!({ "label": label, "rotation": index, "outcome": how }));
    Ok(())
}

/// For accounts that are SSH authorities.
#[derive(Debug, Subcommand)]
pub enum SshVerb {
    /// Writes the revocation list.
    Krl {
        /// Which.
        label: String,
        /// Where to.
        #[arg(short, long, value_name = "FILE")]
        output: PathBuf,
    },
}

/// Does it.
pub async fn ssh(env: &Env, verb: SshVerb) -> Result<(), Failure> {
    let SshVerb::Krl { label, output } = verb;
    let mut session = env.session()?;
    let reached = super::status::refresh(&mut session).await?;
    let id = session.find_credential(&label)?;
    let texts = texts(&session);
    let view = session.view(&texts)?;
    let (list, count) = revocation_list(&view, &id, &label, env)?;
    home::write_new(&output, &list)?;
    env.out.tell("krl-written", &args! { path: output.display(), n: count });
    env.out.data(&serde_json::json!({ "file": output.display().to_string(), "revoked": count }));
    reached.end()
}

/// The revocation list of an account's authority, by the log: every certificate whose access ended before its time, also
/// those of other accounts with the same authority, because a target has one list. One too many does no harm, one too
/// few opens a door again: where nobody can tell any more by which authority, it is on every list.
fn revocation_list(view: &View<'_>, id: &CredentialId, label: &str, env: &Env) -> Result<(Vec<u8>, usize), Failure> {
    let credential = view.state.credential(id).ok_or(Refusal::CredentialUnknown)?;
    let (_, version) = credential.current().ok_or(Refusal::CredentialUnknown)?;
    let connector = Connector::of(view, version).ok_or_else(|| no_connector(label))?;
    let Settings::Ssh(ssh) = &connector.settings else {
        return Err(Failure::new(Exit::Usage, "failed-no-authority").with("label", label));
    };
    let over = |target: &AtTarget| !matches!(target, AtTarget::Started { .. } | AtTarget::Made { .. });
    let ended = view.state.requests().values().filter(|request| request.target.as_ref().is_some_and(over));
    let mut authorities = BTreeMap::new();
    let made = ended.filter(|request| {
        let Some(connector) = request.connector else { return true };
        *authorities.entry(connector).or_insert_with(|| {
            match Connector::named(view, &connector).map(|c| c.settings) {
                Some(Settings::Ssh(other)) => other.authority() == ssh.authority(),
                Some(_) => false,
                None => true,
            }
        })
    });
    let serial = |request: &Request| LeaseName::new(view.state.id(), request.at.index).serial();
    let serials = made.map(serial).collect::<BTreeSet<u64>>();
    Ok((krl::encode(ssh.authority(), &serials, env.now()), serials.len()))
}

/// What the server said about what it still has to do, where it could be asked.
pub(super) type Tries = Vec<Work>;

/// Lines about what is open to the server, and what is not done yet at targets.
pub(super) fn lines(view: &View<'_>, tries: &Tries) -> Vec<String> {
    let (state, say) = (view.state, view.say);
    let mut lines = Vec::new();
    let mut open = false;
    for request in open_to_server(state) {
        let (id, label) = (request.at.index, view.label(&request.version.credential));
        let Stage::Leased(lease) = &request.stage else {
            lines.push(say.with("open-granted", &args! { id: id, label: label }));
            lines.extend(tried(view, tries, |what| matches!(what, What::Open(index) if *index == id)));
            continue;
        };
        open = true;
        let key = match request.purpose {
            Purpose::Unseal if request.by_daemon => "open-window-by-server",
            Purpose::Unseal => "open-window",
            _ => "open-codes",
        };
        let args = args! {
            id: id, label: label, until: say.time(lease.until()), name: view.name(&request.requester),
            list: view.names(&request.agreed()),
        };
        lines.push(say.with(key, &args));
    }
    let technicians = state.charter().map(|charter| charter.technicians()).filter(|list| !list.is_empty());
    if let Some(technicians) = technicians.filter(|_| open) {
        lines.push(say.with("open-readable", &args! { names: view.names(technicians) }));
    }
    for (request, since) in due_at_targets(state) {
        let (id, credential) = (request.at.index, request.version.credential);
        let label = view.label(&credential);
        let args = args! {
            id: id, name: view.name(&request.requester), label: &label, since: say.time(since),
        };
        lines.push(say.with("open-revocation", &args));
        if state.open_window(&credential).is_none() {
            lines.push(say.with("open-revocation-window", &args! { label: label }));
        }
        lines.extend(tried(view, tries, |what| matches!(what, What::Revoke(index) if *index == id)));
    }
    for request in state.live_requests() {
        if matches!(request.target, Some(AtTarget::Started { .. })) && matches!(request.stage, Stage::Granted(_)) {
            let id = request.at.index;
            let label = view.label(&request.version.credential);
            lines.push(say.with("open-mint", &args! { id: id, name: view.name(&request.requester), label: label }));
            lines.extend(tried(view, tries, |what| matches!(what, What::Mint(index) if *index == id)));
        }
    }
    for (id, credential) in state.credentials() {
        let Some(rotation) = &credential.rotation else { continue };
        let label = view.label(id);
        lines.push(match &rotation.staged {
            Some((version, _)) => say.with("open-rotation", &args! { label: label, version: version }),
            None => say.with("open-rotation-asked", &args! { label: label }),
        });
        lines.extend(tried(view, tries, |what| matches!(what, What::Rotate(index) if *index == rotation.index)));
    }
    lines
}

/// Accesses that are over and may still be there at their target: the request, and since when it is over.
pub(super) fn due_at_targets(state: &Organisation) -> impl Iterator<Item = (&Request, Time)> {
    state.requests().values().filter_map(|request| match request.target {
        Some(AtTarget::RevocationDue { since }) => Some((request, since)),
        _ => None,
    })
}

/// How often the server tried something, and why it did not get through.
fn tried(view: &View<'_>, tries: &Tries, is: impl Fn(&What) -> bool) -> Option<String> {
    let work = tries.iter().find(|work| work.what.as_ref().is_some_and(&is))?;
    let why = why(view.say, &work.failure);
    let line = match (work.attempts, work.failure.as_str()) {
        (0, "") => view.say.plain("open-tries-none"),
        (0, _) => view.say.with("open-waits", &args! { why: why }),
        (n, _) => {
            let next = view.say.time(Time(work.next_attempt));
            view.say.with("open-tries", &args! { n: n, next: next, why: why })
        }
    };
    Some(format!("  {line}"))
}

/// Why the server did not get through, by its word: one of its own, or a reason of the rules. Only known words are put
/// into words, because a server can say anything.
pub fn why(say: &Say, word: &str) -> String {
    let name = word.to_ascii_lowercase().replace('_', "-");
    let own = || say.find(&format!("work-{name}"), &args! {});
    // The sentence for whoever is refused; one with values is not told, because the server says none here.
    let refused = || say.find(&format!("refused-{name}"), &args! {}).unwrap_or_else(|| say.plain("work-rules"));
    let rules = || Refusal::REASONS.contains(&word).then(refused);
    own().or_else(rules).unwrap_or_else(|| say.plain("work-other"))
}

/// The same for programs.
pub(super) fn data(view: &View<'_>, tries: &Tries) -> serde_json::Value {
    let state = view.state;
    let windows = open_to_server(state).map(|request| {
        let until = match &request.stage {
            Stage::Leased(lease) => Some(lease.until().0),
            _ => None,
        };
        serde_json::json!({
            "request": request.at.index, "label": view.label(&request.version.credential), "until": until,
            "purpose": request.purpose.as_str(), "by_server": request.by_daemon, "agreed": request.agreed().iter().map(ToString::to_string).collect::<Vec<_>>(),
        })
    });
    let due = due_at_targets(state).map(|(request, since)| {
        let index = request.at.index;
        let is = |work: &&Work| work.what == Some(What::Revoke(index));
        let work = tries.iter().find(is);
        serde_json::json!({
            "request": index, "label": view.label(&request.version.credential), "since": since.0,
            "attempts": work.map(|work| work.attempts), "next_attempt": work.map(|work| work.next_attempt),
        })
    });
    let rotations = state.credentials().iter().filter_map(|(id, credential)| {
        let rotation = credential.rotation.as_ref()?;
        let staged = rotation.staged.as_ref().map(|(version, _)| version);
        Some(serde_json::json!({ "label": view.label(id), "rotation": rotation.index, "staged": staged }))
    });
    serde_json::json!({
        "windows": windows.collect::<Vec<_>>(), "revocations_due": due.collect::<Vec<_>>(),
        "rotations": rotations.collect::<Vec<_>>(),
    })
}
