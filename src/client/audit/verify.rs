//! The verb that judges a copy: without a server, without an identity, and without a home if need be.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};

use super::super::failure::{Exit, Failure};
use super::super::out::Out;
use super::super::replica::Replica;
use super::super::say::Say;
use super::super::session::Env;
use super::super::view::{View, short_device, sort_key};
use super::judge::{Files, Finding, Judgement, KeySource, judge};
use crate::args;
use crate::escrow::charter::Charter;
use crate::escrow::entry::Entry;
use crate::escrow::id::{BlobId, OrganisationId};
use crate::escrow::key::VerifyingKey;
use crate::escrow::log::checkpoint::{Checkpoint, LogVerifier, Origin};
use crate::escrow::log::merkle::root_at;
use crate::escrow::log::note::{NoteKey, SignatureType};
use crate::escrow::replay::Fault;
use crate::escrow::time::Time;

/// How the copy relates to what this computer replayed itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Own {
    /// This computer does not know the organisation, or nothing of its log.
    None,
    /// The same log; ours has this many entries.
    Agrees(u64),
    /// The copy went on by a move that says that it gives up what ours has beyond it; ours has this many entries.
    LeftBehind(u64),
    /// Two different logs under one name.
    Contradicts(u64),
    /// Ours, or the copy, is too damaged to compare.
    Unknown,
}

/// A log key as a person gives it: a verifier key (`name+id+key`), which also names the organisation, or 64
/// hexadecimal digits.
pub(super) fn parse_key(text: &str) -> Result<(VerifyingKey, Option<OrganisationId>), Failure> {
    let text = text.trim();
    if let Ok(key) = text.parse::<NoteKey>()
        && key.kind == SignatureType::Ed25519
        && let Ok(Origin(organisation)) = key.name.as_str().parse()
    {
        return Ok((key.key, Some(organisation)));
    }
    let key = hex::decode(text).ok().and_then(|bytes| VerifyingKey::ed25519(&bytes).ok());
    key.map(|key| (key, None)).ok_or_else(|| Failure::new(Exit::Usage, "audit-bad-key"))
}

/// Judges the copy in `dir`. `log_key` comes from somebody trustworthy; without it the key that this computer pinned
/// counts, and without that the one that the copy states itself, which the verdict then says.
///
/// # Errors
/// [`Exit::Distrust`] if anything does not hold.
pub fn verify(env: &Env, dir: &Path, log_key: Option<&str>) -> Result<(), Failure> {
    let given = log_key.map(parse_key).transpose()?;
    let files = Files::list(dir)?;
    let progress = env.out.wait("progress-replay");
    let pinned = |claimed: &Checkpoint| own_key(env, claimed);
    let mut found = judge(&files, given.map(|(key, _)| key), pinned)?;
    drop(progress);
    if let (Some((_, Some(meant))), Some(claimed)) = (&given, &found.claimed)
        && *meant != claimed.organisation
    {
        let args = args! { wanted: meant, found: claimed.organisation };
        found.faults.push(Finding::new("audit-fault-other-log", args));
    }
    remark_unrecorded(&mut found, env.out.language());
    let own = compare(env, &mut found);
    env.out.data(&data(&found, own, &env.out));
    if !env.out.is_json() {
        tell(&env.out, &found, own);
    }
    match found.faults.as_slice() {
        [] => Ok(()),
        [first, rest @ ..] => {
            let first = sentence(env.out.language(), first);
            Err(Failure::new(Exit::Distrust, "audit-fails").with("first", first).with("more", rest.len()))
        }
    }
}

/// What the server should have recorded before the copy's last entry, and did not.
fn remark_unrecorded(found: &mut Judgement, say: &Say) {
    let Some(replay) = &found.replay else { return };
    let texts = |id: &BlobId| found.texts.get(id).map(|text| text.as_str().to_owned());
    let view = View::new(replay.organisation(), say, &texts);
    let remarks = view.unrecorded().into_iter().map(|unrecorded| {
        let args = args! { text: view.unrecorded_in_words(&unrecorded) };
        Finding::new("audit-remark-unrecorded", args)
    });
    let remarks: Vec<Finding> = remarks.collect();
    found.remarks.extend(remarks);
}

/// The key that signed a log of this size, by what this computer replayed itself: a copy of before a move is signed by
/// the key of then.
fn own_key(env: &Env, claimed: &Checkpoint) -> Option<VerifyingKey> {
    let folder = env.home.folder(claimed.organisation);
    let pinned = folder.contact().ok()?;
    let opened = folder.lock().and_then(|lock| Ok((Replica::open(&folder, &folder.contact()?)?, lock)));
    Some(opened.map_or(pinned.log_key, |(replica, _lock)| replica.key_at(claimed.head.size)))
}

/// Compares with this computer's own replica. A copy that the same log key signed and that contradicts it is
/// evidence, and is kept.
fn compare(env: &Env, found: &mut Judgement) -> Own {
    let Some(claimed) = found.claimed else { return Own::None };
    let folder = env.home.folder(claimed.organisation);
    if folder.contact().is_err() {
        return Own::None;
    }
    // The contact once more: an interrupted exchange is finished under the lock.
    let opened = folder.lock().and_then(|lock| {
        let contact = folder.contact()?;
        Ok((Replica::open(&folder, &contact)?, contact, lock))
    });
    let (replica, contact) = match opened {
        Ok((replica, contact, _lock)) => (replica, contact),
        Err(_) => {
            found.remarks.push(Finding::new("audit-remark-own-damaged", args! {}));
            return Own::Unknown;
        }
    };
    let ours = replica.head();
    if ours.size == 0 {
        return Own::None;
    }
    let Some(tree) = &found.tree else { return Own::Unknown };
    let common = ours.size.min(tree.size());
    let theirs = root_at(tree, common).ok();
    if theirs.is_some() && theirs == replica.root_at(common) {
        return Own::Agrees(ours.size);
    }
    if let Some(lost) = left_behind(found, &replica) {
        found.remarks.push(Finding::new("audit-remark-given-up", args! { n: lost }));
        return Own::LeftBehind(ours.size);
    }
    let by_our_key = |note: &str| LogVerifier::new(claimed.organisation, contact.log_key).verify(note).ok();
    match found.signed.as_ref().and_then(|signed| by_our_key(&signed.to_string())) {
        Some(signed) => {
            let failure = replica.contradicted_by(&signed);
            let why = failure.sentence(env.out.language());
            found.faults.insert(0, Finding::new("audit-fault-fork", args! { why: why }));
        }
        None => found.faults.push(Finding::new("audit-fault-not-ours", args! {})),
    }
    Own::Contradicts(ours.size)
}

/// How many of our entries the copy gave up by a move that says so, as the rules ask: without that, a move takes
/// nothing from whoever knows it.
fn left_behind(found: &Judgement, replica: &Replica) -> Option<usize> {
    let ours = replica.entries().ok()?;
    let common = ours.iter().zip(&found.entries).take_while(|(ours, theirs)| ours == theirs).count();
    let moves = found.replay.as_ref()?.organisation().moves();
    let moved = moves.iter().find(|moved| moved.at.index == common as u64)?;
    let times: Vec<Time> = ours
        .get(common..)?
        .iter()
        .map(|entry| Entry::parse(entry).map(|entry| entry.time))
        .collect::<Result<_, _>>()
        .ok()?;
    let version = replica.state().ok()?.charter().map(Charter::version);
    moved.decided.leaves_behind(&times, version).then_some(times.len())
}

/// A finding in words.
fn sentence(say: &Say, finding: &Finding) -> String {
    let text = say.with(finding.key, &finding.args);
    match &finding.why {
        Some(fault) => format!("{text} {}", why(say, fault)),
        None => text,
    }
}

/// Why an entry does not hold, in words.
pub(super) fn why(say: &Say, fault: &Fault) -> String {
    match fault {
        Fault::Malformed(detail) => say.with("audit-why-malformed", &args! { detail: detail }),
        Fault::Genesis => say.plain("audit-why-genesis"),
        Fault::Index(index) => say.with("audit-why-index", &args! { index: index }),
        Fault::Time => say.plain("audit-why-time"),
        Fault::Signature(_) => say.plain("audit-why-signature"),
        Fault::DaemonSignature(_) => say.plain("audit-why-daemon"),
        Fault::Repeated(index) => say.with("audit-why-repeated", &args! { index: index }),
        Fault::Refused(refusal) => {
            let rule = Failure::from(refusal.clone()).sentence(say);
            say.with("audit-why-refused", &args! { rule: rule })
        }
    }
}

/// The verdict for programs.
fn data(found: &Judgement, own: Own, out: &Out) -> Value {
    let say = out.language();
    let list = |findings: &[Finding]| -> Vec<Value> {
        let one = |f: &Finding| json!({ "kind": f.key, "entry": f.entry, "text": sentence(say, f) });
        findings.iter().map(one).collect()
    };
    let state = found.replay.as_ref().map(|replay| replay.organisation());
    let cosigned = found.cosigned.iter().map(|c| {
        json!({
            "person": c.person.to_string(), "device": c.device.to_string(), "size": c.size, "time": c.time,
            "witness": c.witness,
        })
    });
    json!({
        "holds": found.faults.is_empty(),
        "organisation": found.claimed.map(|c| c.organisation.to_string()),
        "name": state.and_then(|state| found.texts.get(&state.name())).map(|text| text.as_str()),
        "entries": found.claimed.map(|c| c.head.size),
        "root": found.claimed.map(|c| c.head.root.to_string()),
        "replayed": state.map_or(0, |state| state.size()),
        "last_entry": state.map(|state| state.last_time().0),
        "log_key": found.claimed.zip(found.key).map(|(c, (key, _))| {
            LogVerifier::new(c.organisation, key).note_key().to_string()
        }),
        "log_key_from": found.key.map(|(_, source)| match source {
            KeySource::Given => "given",
            KeySource::Pinned => "pinned",
            KeySource::Genesis => "copy",
        }),
        "charter": state.and_then(|state| state.charter()).map(|charter| json!({
            "version": charter.version(), "code": charter.code().to_string(),
        })),
        "cosignatures": cosigned.collect::<Vec<_>>(),
        "own_entries": match own {
            Own::Agrees(size) | Own::LeftBehind(size) | Own::Contradicts(size) => Some(size),
            Own::None | Own::Unknown => None,
        },
        "own_agrees": match own {
            Own::Agrees(_) => Some(true),
            Own::Contradicts(_) => Some(false),
            Own::None | Own::Unknown | Own::LeftBehind(_) => None,
        },
        "texts": found.texts.len(),
        "texts_named": found.texts_named,
        "faults": list(&found.faults),
        "remarks": list(&found.remarks),
    })
}

/// The verdict for people.
fn tell(out: &Out, found: &Judgement, own: Own) {
    let say = out.language();
    match (found.faults.len(), found.claimed) {
        (0, Some(claimed)) => out.tell("audit-holds", &args! { n: claimed.head.size }),
        (n, _) => {
            out.tell("audit-fails-because", &args! { n: n });
            for fault in &found.faults {
                out.tell("audit-item", &args! { text: sentence(say, fault) });
            }
        }
    }
    let Some(claimed) = found.claimed else { return };
    let texts = |id: &BlobId| found.texts.get(id).map(|text| text.as_str().to_owned());
    out.tell("audit-id", &args! { id: claimed.organisation });
    out.tell("audit-head", &args! { n: claimed.head.size, root: claimed.head.root });
    if let Some((key, source)) = found.key {
        let key = LogVerifier::new(claimed.organisation, key).note_key();
        out.tell(
            match source {
                KeySource::Given => "audit-key-given",
                KeySource::Pinned => "audit-key-pinned",
                KeySource::Genesis => "audit-key-copy",
            },
            &args! { key: key },
        );
    }
    if let Some(replay) = &found.replay {
        let view = View::new(replay.organisation(), say, &texts);
        let args = args! {
            name: view.organisation(), n: view.state.size(), time: say.time(view.state.last_time()),
        };
        out.tell("audit-replayed", &args);
        if let Some(charter) = view.state.charter() {
            let args = args! { version: charter.version(), code: charter.code() };
            out.tell("audit-charter", &args);
        }
        tell_cosigned(out, found, &view);
    }
    out.tell("audit-texts", &args! { n: found.texts.len(), of: found.texts_named });
    match own {
        Own::None => out.say("audit-own-none"),
        Own::Agrees(size) => out.tell("audit-own-agrees", &args! { n: size }),
        Own::LeftBehind(size) => out.tell("audit-own-left-behind", &args! { n: size }),
        Own::Contradicts(size) => out.tell("audit-own-contradicts", &args! { n: size }),
        Own::Unknown => out.say("audit-own-unknown"),
    }
    if !found.remarks.is_empty() {
        out.say("audit-remarks");
        found.remarks.iter().for_each(|remark| {
            out.tell("audit-item", &args! { text: sentence(say, remark) });
        });
    }
}

fn tell_cosigned(out: &Out, found: &Judgement, view: &View<'_>) {
    if found.cosigned.is_empty() {
        out.say("audit-nobody-cosigned");
        return;
    }
    let witnesses = view.state.charter().map_or(0, |charter| charter.witnesses().len());
    let counted: BTreeSet<_> = found.cosigned.iter().filter(|c| c.witness).map(|c| c.person).collect();
    out.tell("audit-cosigned", &args! { n: counted.len(), of: witnesses });
    let mut cosigned = found.cosigned.clone();
    cosigned.sort_by_cached_key(|c| (!c.witness, sort_key(&view.name(&c.person)), c.device));
    let rows = cosigned.iter().map(|cosigned| {
        let witness = if cosigned.witness { "audit-witness-yes" } else { "audit-witness-no" };
        vec![
            view.name(&cosigned.person),
            short_device(&cosigned.device),
            cosigned.size.to_string(),
            view.say.time(Time(cosigned.time)),
            view.say.plain(witness),
        ]
    });
    out.table(
        &[
            "audit-cosigned-by",
            "audit-cosigned-device",
            "audit-cosigned-up-to",
            "audit-cosigned-on",
            "audit-cosigned-witness",
        ],
        rows.collect(),
    );
}
