//! How far the log is witnessed, by whom and since when; what it would take to be lied to; what of ours could still
//! be lost.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::failure::Failure;
use super::super::out::Out;
use super::super::session::Session;
use super::super::view::{View, sort_key};
use super::Reached;
use crate::args;
use crate::escrow::id::PersonId;
use crate::escrow::time::Time;
use crate::escrow::witness::can_be_safe;

/// One witness, and the largest tree that they cosigned.
struct Witness {
    id: PersonId,
    name: String,
    /// Its size, and when they last said so. `None` if nothing of theirs was ever seen here.
    seen: Option<(u64, Time)>,
}

/// Every witness of the charter in force, by name.
fn witnesses(session: &Session, view: &View<'_>) -> Vec<Witness> {
    let mut newest: BTreeMap<PersonId, (u64, Time)> = BTreeMap::new();
    for cosignature in &session.cosignatures {
        let seen = (cosignature.head().size, Time(cosignature.time()));
        let known = newest.entry(*cosignature.person()).or_insert(seen);
        *known = seen.max(*known);
    }
    let named = view.state.charter().map(|charter| charter.witnesses()).unwrap_or_default();
    let witness = |id: PersonId| Witness { id, name: view.name(&id), seen: newest.get(&id).copied() };
    let mut witnesses: Vec<Witness> = named.into_iter().map(witness).collect();
    witnesses.sort_by_cached_key(|witness| sort_key(&witness.name));
    witnesses
}

/// Whether anything is known that could be counted. A home that never reached the server knows nobody's cosignature.
fn counted(session: &Session, reached: &Reached) -> bool {
    matches!(reached, Reached::Yes) || !session.cosignatures.is_empty()
}

/// How far the log is witnessed, for programs.
pub(super) fn witnessed_data(session: &Session, reached: &Reached, view: &View<'_>) -> Result<Value, Failure> {
    if !counted(session, reached) {
        return Ok(Value::Null);
    }
    let witnessed = session.witnessed()?;
    let by = witnesses(session, view).into_iter().map(|witness| {
        json!({
            "person": witness.id.to_string(), "name": witness.name,
            "size": witness.seen.map(|(size, _)| size), "time": witness.seen.map(|(_, time)| time.0),
        })
    });
    Ok(json!({
        "fresh": witnessed.fresh.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "needed": witnessed.needed(),
        "of": witnessed.of,
        "liars_needed": witnessed.liars_needed(),
        "by": by.collect::<Vec<_>>(),
    }))
}

/// Which agreements open which vault, for programs.
pub(super) fn opens_data(view: &View<'_>) -> Value {
    let vaults = view.state.charter().into_iter().flat_map(|charter| charter.vaults());
    let vault = |vault: &crate::escrow::charter::Vault| {
        let names: Vec<&str> = vault.opened_by.iter().map(|name| name.as_str()).collect();
        json!({ "vault": vault.name.as_str(), "opened_by": names })
    };
    Value::Array(vaults.map(vault).collect())
}

/// What of ours could still be lost, for programs.
pub(super) fn unsafe_data(session: &Session) -> Result<Value, Failure> {
    let mut rows = Vec::new();
    for kept in session.kept()? {
        let safety = kept.index.map(|index| session.safety(index)).transpose()?;
        rows.push(json!({
            "command": kept.id.to_string(), "index": kept.index,
            "have": safety.map(|safety| safety.have), "needed": safety.map(|safety| safety.needed),
        }));
    }
    Ok(json!({
        "not_safe": rows, "waiting_to_be_sent": session.unsent()?, "withheld": session.withheld()?,
    }))
}

/// How far the log is witnessed, for people.
pub(super) fn tell_witnesses(session: &Session, reached: &Reached, view: &View<'_>) -> Result<(), Failure> {
    let (out, say) = (&session.env.out, view.say);
    if !counted(session, reached) {
        out.say("status-witnesses-unknown");
        return Ok(());
    }
    let witnessed = session.witnessed()?;
    let args = args! { fresh: witnessed.fresh.len(), of: witnessed.of, needed: witnessed.needed() };
    out.tell(
        match (witnessed.of, witnessed.enough()) {
            (0, _) => "status-witnesses-none",
            (_, true) => "status-witnesses-enough",
            (_, false) => "status-witnesses-few",
        },
        &args,
    );
    let size = view.state.size();
    for witness in witnesses(session, view) {
        match witness.seen {
            Some((seen, time)) => {
                let args = args! { name: &witness.name, seen: seen, size: size, time: say.time(time) };
                out.tell(if seen >= size { "status-witness-all" } else { "status-witness-some" }, &args);
            }
            None => out.tell("status-witness-never", &args! { name: &witness.name }),
        }
    }
    if witnessed.of > 0 {
        out.tell("status-liars", &args! { n: witnessed.liars_needed(), of: witnessed.of });
    }
    Ok(())
}

/// Which agreements open which vault, for people.
pub(super) fn tell_opens(out: &Out, view: &View<'_>) {
    let Some(charter) = view.state.charter() else { return };
    for vault in charter.vaults() {
        let quorums = vault.opened_by.iter().filter_map(|name| charter.quorum(name));
        let words: Vec<String> =
            quorums.map(|quorum| format!("{} ({})", quorum.name(), view.quorum(quorum))).collect();
        out.tell("status-opens", &args! { vault: &vault.name, list: words.join(" / ") });
    }
}

/// What of ours could still be lost, for people.
pub(super) fn tell_unsafe(session: &Session) -> Result<(), Failure> {
    let out = &session.env.out;
    let kept = session.kept()?;
    if !kept.is_empty() {
        out.tell("status-unsafe", &args! { n: kept.len() });
        if session.state()?.charter().is_some_and(|charter| !can_be_safe(charter)) {
            out.say("status-never-safe");
        }
    }
    for kept in kept {
        let Some(index) = kept.index else {
            out.tell("status-lost", &args! { command: &kept.id.to_string()[..8] });
            continue;
        };
        let safety = session.safety(index)?;
        let args = args! { index: index, have: safety.have, needed: safety.needed };
        out.tell(if safety.needed == 0 { "status-unsafe-entry-charter" } else { "status-unsafe-entry" }, &args);
    }
    let unsent = session.unsent()?;
    if unsent > 0 {
        out.tell("status-unsent", &args! { n: unsent });
    }
    let withheld = session.withheld()?;
    if withheld > 0 {
        out.tell("witness-blobs-missing", &args! { n: withheld });
    }
    Ok(())
}
