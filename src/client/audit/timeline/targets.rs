//! Sentences about what happens at targets: standing rights, what the daemon asks for, and rotations.

use serde_json::{Value, json};

use super::Told;
use crate::args;
use crate::client::say::Args;
use crate::client::view::View;
use crate::escrow::act::Request;
use crate::escrow::delegation::{Delegate, EndDelegation, Take};
use crate::escrow::part::VersionId;
use crate::escrow::window::UnsealFiled;

/// Somebody asks for a standing right.
pub(super) fn delegation_asked(view: &View<'_>, mut args: Args, mut details: Value, request: &Request) -> Told {
    let label = request.credential();
    let told = |args, details| {
        let told = Told::new("request", "log-request-delegation", args, details);
        label.into_iter().fold(told, Told::account)
    };
    let Some(standing) = &request.standing else { return told(args, details) };
    args.set("name", view.name(&standing.to));
    args.set("time", view.say.time(standing.until));
    args.set("uses", standing.uses);
    details["standing"] = json!({
        "to": standing.to.to_string(), "until": standing.until.0, "uses": standing.uses,
    });
    told(args, details).person(standing.to)
}

/// A sentence about a standing right: whose it is, for which account.
fn about(view: &View<'_>, act: &'static str, key: &'static str, mut args: Args, details: Value, index: u64) -> Told {
    args.set("delegation", index);
    let Some(request) = view.state.request(index) else { return Told::new(act, key, args, details) };
    args.set("label", view.label(&request.version.credential));
    let told = |args| Told::new(act, key, args, details).account(request.version.credential);
    let Some(standing) = &request.standing else { return told(args) };
    args.set("name", view.name(&standing.to));
    told(args).person(standing.to)
}

/// It was completed.
pub(super) fn delegated(view: &View<'_>, who: String, delegate: &Delegate) -> Told {
    let details = json!({ "delegation": delegate.request });
    about(view, "delegate", "log-delegate", args! { who: who }, details, delegate.request)
}

/// It was ended.
pub(super) fn delegation_ended(view: &View<'_>, who: String, end: &EndDelegation) -> Told {
    let args = args! { who: who, reason: view.text(&end.reason) };
    let details = json!({ "delegation": end.delegation, "reason": view.text_if_here(&end.reason) });
    about(view, "end_delegation", "log-end-delegation", args, details, end.delegation)
}

/// A lease was taken by it.
pub(super) fn taken(view: &View<'_>, who: String, index: u64, take: &Take) -> Told {
    let duration = view.say.duration(take.duration);
    let args = args! { who: who, request: index, duration: duration, reason: view.text(&take.reason) };
    let details = json!({
        "request": index,
        "delegation": take.delegation,
        "duration": take.duration.0,
        "reason": view.text_if_here(&take.reason),
    });
    about(view, "take", "log-take", args, details, take.delegation)
}

/// The daemon asks for what it needs.
pub(super) fn filed(view: &View<'_>, index: u64, filed: &UnsealFiled) -> Told {
    let credential = filed.parts.first().map(|asked| asked.part.version.credential);
    let args = args! {
        request: index,
        because: filed.because,
        label: credential.map_or_else(|| "–".to_owned(), |id| view.label(&id)),
        duration: view.say.duration(filed.duration),
    };
    let details = json!({
        "request": index,
        "because": filed.because,
        "duration": filed.duration.0,
        "expires": filed.expires.0,
    });
    credential.into_iter().fold(Told::new("unseal_filed", "log-unseal-filed", args, details), Told::account)
}

/// A step of a rotation.
pub(super) fn rotation(view: &View<'_>, act: &'static str, key: &'static str, id: &VersionId) -> Told {
    let args = args! { label: view.label(&id.credential), version: id.version };
    Told::new(act, key, args, json!({ "version": id.version })).account(id.credential)
}
