//! The charter: offices, quorums, vaults, limits, and what is proposed.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::super::destroy;
use super::super::failure::Failure;
use super::super::out::Out;
use super::super::session::Env;
use super::super::view::{View, signatures_missing};
use super::{refresh, texts};
use crate::args;
use crate::escrow::charter::{Charter, Who};
use crate::escrow::id::PersonId;
use crate::escrow::proposal::{Proposal, Subject};
use crate::escrow::time::Time;

/// Shows the charter in force and the open proposals.
pub async fn charter(env: &Env) -> Result<(), Failure> {
    let mut session = env.session()?;
    let reached = refresh(&mut session).await?;
    let texts = texts(&session);
    let view = View::new(session.state()?, env.out.language(), &texts);
    env.out.data(&charter_data(&view, env.now()));
    if !env.out.is_json() {
        match view.state.charter() {
            Some(charter) => tell_charter(&env.out, &view, charter),
            None => env.out.say("status-no-charter"),
        }
        tell_proposals(&env.out, &view, env.now());
    }
    reached.end()
}

fn hex(people: &BTreeSet<PersonId>) -> Vec<String> {
    people.iter().map(ToString::to_string).collect()
}

fn who_data(who: &Who) -> Value {
    let roles: Vec<&str> = who.roles.iter().map(|role| role.as_str()).collect();
    json!({ "roles": roles, "persons": hex(&who.persons) })
}

/// The charter for programs.
fn charter_data(view: &View<'_>, now: Time) -> Value {
    let in_force = view.state.charter().map(|charter| {
        let quorums = charter.quorums().map(|quorum| {
            let groups = quorum.groups().iter().map(|group| {
                let members: Vec<String> = group.members().iter().map(ToString::to_string).collect();
                json!({ "threshold": group.threshold(), "members": members })
            });
            json!({ "name": quorum.name().as_str(), "groups": groups.collect::<Vec<_>>() })
        });
        let vaults = charter.vaults().map(|vault| {
            json!({
                "name": vault.name.as_str(),
                "opened_by": vault.opened_by.iter().map(|name| name.as_str()).collect::<Vec<_>>(),
                "askers": who_data(&vault.askers),
                "depositors": who_data(&vault.depositors),
                "longest_lease": vault.longest_lease.0,
                "leases_signed_by": vault.leases_signed_by.iter().map(|name| name.as_str()).collect::<Vec<_>>(),
                "unasked": who_data(&vault.unasked),
            })
        });
        json!({
            "version": charter.version(),
            "code": charter.code().to_string(),
            "address": charter.address(),
            "trustees": hex(charter.trustees()),
            "mediators": hex(charter.mediators()),
            "technicians": hex(charter.technicians()),
            "quorums": quorums.collect::<Vec<_>>(),
            "admission": charter.admission().map(|quorum| quorum.name().as_str()),
            "vaults": vaults.collect::<Vec<_>>(),
            "entries_per_day": charter.limits().entries_per_day,
            "bytes_per_day": charter.limits().bytes_per_day,
            "destroy_delay": charter.destroy_delay().0,
        })
    });
    let proposals = open(view, now).map(|(index, proposal)| {
        let (kind, version, code, person) = match &proposal.subject {
            Subject::Charter { charter, .. } => {
                ("charter", Some(charter.version()), Some(charter.code().to_string()), None)
            }
            Subject::Admission(admission) => ("admission", None, None, Some(admission.keys.person())),
            Subject::Removal(removal) => ("removal", None, None, Some(removal.person)),
            Subject::Destruction(_) => ("destruction", None, None, None),
        };
        json!({
            "proposal": index,
            "kind": kind,
            "version": version,
            "code": code,
            "person": person.map(|id| id.to_string()),
            "proposer": proposal.proposer.to_string(),
            "expires": proposal.expires.0,
            "signed": hex(&proposal.signed),
            "acknowledged": hex(&proposal.acknowledged),
            "missing": signatures_missing(view.state, proposal),
            "subject": match &proposal.subject {
                Subject::Destruction(destruction) => Some(destroy::data(&destruction.doomed)),
                _ => None,
            },
            "two_agreements": view.state.needs_delay(&proposal.subject),
            "vetoed_by": proposal.veto.map(|veto| veto.person.to_string()),
            "may_sign": hex(&view.state.signers(&proposal.subject)),
        })
    });
    json!({ "charter": in_force, "proposals": proposals.collect::<Vec<_>>() })
}

fn open<'a>(view: &View<'a>, now: Time) -> impl Iterator<Item = (&'a u64, &'a Proposal)> {
    view.state.proposals().iter().filter(move |(_, proposal)| proposal.is_open(now))
}

fn tell_charter(out: &Out, view: &View<'_>, charter: &Charter) {
    let say = view.say;
    out.tell("status-charter", &args! { version: charter.version(), code: charter.code() });
    out.tell("status-trustees", &args! { names: view.names(charter.trustees()) });
    out.tell("status-mediators", &args! { names: view.names(charter.mediators()) });
    out.tell("status-technicians", &args! { names: view.names(charter.technicians()) });
    let quorums = charter
        .quorums()
        .map(|quorum| vec![quorum.name().to_string(), view.quorum(quorum), view.quorum_people(quorum)]);
    out.say("status-quorums");
    out.table(&["status-head-quorum", "status-head-agree", "status-head-people"], quorums.collect());
    if let Some(admission) = charter.admission() {
        out.tell("status-admission", &args! { quorum: admission.name() });
    }
    let vaults = charter.vaults().map(|vault| {
        vec![
            vault.name.to_string(),
            vault.opened_by.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(" / "),
            view.who(&vault.askers),
            view.who(&vault.depositors),
            say.duration(vault.longest_lease),
        ]
    });
    out.say("status-vaults");
    out.table(
        &[
            "status-head-vault",
            "status-head-opened-by",
            "status-head-askers",
            "status-head-depositors",
            "status-head-longest",
        ],
        vaults.collect(),
    );
    for vault in charter.vaults() {
        let signers: Vec<&str> = vault.leases_signed_by.iter().map(|name| name.as_str()).collect();
        if vault.leases_signed_by != vault.opened_by {
            out.tell("status-vault-signed-by", &args! { name: &vault.name, list: signers.join(" / ") });
        }
        if vault.unasked != Who::default() {
            out.tell("status-vault-unasked", &args! { name: &vault.name, who: view.who(&vault.unasked) });
        }
    }
    let limits = charter.limits();
    let args = args! { entries: limits.entries_per_day, kibibytes: limits.bytes_per_day / 1024 };
    out.tell("status-limits", &args);
    out.tell("status-destroy-delay", &args! { delay: say.duration(charter.destroy_delay()) });
}

fn tell_proposals(out: &Out, view: &View<'_>, now: Time) {
    let mut any = false;
    for (index, proposal) in open(view, now) {
        if !any {
            out.say("status-proposals");
            any = true;
        }
        let needed = view.state.signers(&proposal.subject);
        let mut args = args! {
            proposal: index,
            proposer: view.name(&proposal.proposer),
            time: view.say.time(proposal.expires),
            signed: view.names(&proposal.signed),
            others: view.names(needed.difference(&proposal.signed)),
            missing: signatures_missing(view.state, proposal),
        };
        let key = match &proposal.subject {
            Subject::Charter { charter, .. } => {
                args.set("version", charter.version());
                args.set("code", charter.code());
                "status-proposal-charter"
            }
            Subject::Admission(admission) => {
                args.set("name", view.name(&admission.keys.person()));
                args.set("roles", view.roles(admission.roles.iter()));
                args.set("fingerprint", admission.keys.fingerprint());
                "status-proposal-admission"
            }
            Subject::Removal(removal) => {
                args.set("name", view.name(&removal.person));
                args.set("reason", view.reason(&removal.reason));
                "status-proposal-removal"
            }
            Subject::Destruction(destruction) => {
                args.set("what", destroy::what(view, &destruction.doomed));
                args.set("reason", view.reason(&destruction.reason));
                "status-proposal-destruction"
            }
        };
        out.tell(key, &args);
    }
    if !any {
        out.say("status-no-proposals");
    }
}
