//! Answering, at home and without any server: look at the request, compare it with one's own copy of the log and by
//! voice, and give one's shares to it.
//!
//! Order: check → consent → open our shares → the command for the log is durable → only then the answer exists.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::gather::Own;
use super::record::record_answer;
use super::store::Shelf;
use super::{Compared, Desk, Source, bad_file, check_output, is_here, read_file};
use crate::args;
use crate::client::failure::{Exit, Failure};
use crate::client::home;
use crate::client::screen;
use crate::client::session::Env;
use crate::escrow::act::Act;
use crate::escrow::id::PersonId;
use crate::escrow::part::PartId;
use crate::escrow::people::Standing;
use crate::escrow::time::{Seconds, Time};
use crate::seal::recovery::{RecoveryAnswer, RecoveryRequest, SignedRequest, VerifiedRequest};

/// How long after it was made a request can be answered.
pub const REQUEST_LASTS: Seconds = Seconds(30 * 86_400);

/// Whether a request that was made then is answered no more.
pub(super) fn is_expired(created: Time, now: Time) -> bool {
    now > created.after(REQUEST_LASTS)
}

/// What is answered.
pub struct Answering {
    /// The request file.
    pub request: PathBuf,
    /// The code that the starter read aloud; without it, it is asked for.
    pub code: Option<String>,
    /// The answer file.
    pub output: PathBuf,
    /// The copy of the log and the keys to use.
    pub source: Source,
}

/// Answers a request.
pub fn answer(env: &Env, answering: Answering) -> Result<(), Failure> {
    check_output(&answering.output)?;
    let bytes = read_file(&answering.request)?;
    let signed = SignedRequest::parse(&bytes).map_err(|bad| bad_file(bad, &answering.request))?;
    let organisation = signed.unverified().organisation;
    let desk = Desk::open(env, &answering.source, Some(organisation))?;
    let request = desk.check(&signed, &bytes, &answering)?;
    let asked = request.request();
    let given = desk.given(asked)?;

    let texts = desk.texts();
    let view = desk.view(&texts)?;
    let screen::RecoveryScreen { mut lines, questions } =
        screen::recovery(view, asked, &given, &desk.unlogged(&request)?)?;
    let not_ours = asked.parts.len() - given.len();
    if not_ours > 0 {
        lines.push(format!("  {}", view.say.with("recover-not-yours", &args! { count: not_ours })));
    }
    lines.push(format!("  {}", desk.compared_in_words(asked, &bytes, &answering.request)?));
    env.out.screen(&lines);
    for question in questions {
        env.unlock.confirm(&env.out, question, &args! { name: view.name(&asked.starter) }, "--yes")?;
    }
    env.unlock.confirm(&env.out, "ask-recover-answer", &args! { name: view.name(&asked.starter) }, "--yes")?;
    compare_code(env, &request, answering.code.as_deref())?;

    let own = Own::open(&desk.replica, &desk.identity, &given)?;
    for (part, fault) in &own.bad {
        let label = view.label(&part.version.credential);
        env.out.aside("recover-own-bad", &args! { label: label, fault: view.say.plain(fault.key()) });
    }
    if own.shares.is_empty() {
        return Err(Failure::new(Exit::Failed, "recover-own-none"));
    }
    let parts = own.parts();
    // What was agreed to: the log will have nothing but its digest.
    Shelf::of(&desk.folder, &request.digest()).keep_request(&signed)?;
    let records = record_answer(&desk.record(&desk.identity), &request, &parts)?;
    let answer = RecoveryAnswer {
        recovery: request.digest(),
        organisation,
        answerer: desk.me(),
        tree: desk.replica.head(),
        created: env.now(),
        shares: own.shares,
        records,
    };
    let file = answer.seal(&desk.identity, &asked.recipient).map_err(Failure::technical)?;
    home::write_new(&answering.output, file.as_bytes())?;
    let accounts: BTreeSet<_> = parts.iter().map(|part| part.version.credential).collect();
    let args = args! {
        path: answering.output.display(), name: view.name(&asked.starter), count: accounts.len(),
    };
    env.out.tell("recover-answered", &args);
    desk.tell_log();
    env.out.data(&serde_json::json!({
        "recovery": request.digest().to_string(), "accounts": accounts.len(), "parts": parts.len(),
        "file": answering.output,
    }));
    Ok(())
}

impl Desk<'_> {
    /// The request, if somebody who is in the organisation signed it, and it is for us to answer.
    fn check(&self, signed: &SignedRequest, file: &[u8], answering: &Answering) -> Result<VerifiedRequest, Failure> {
        let starter = self.person(&signed.unverified().starter)?;
        let request = signed.verify(&starter.keys).map_err(|bad| bad_file(bad, &answering.request))?;
        if !is_here(starter) {
            let gone = matches!(starter.standing, Standing::Gone { .. });
            let key = if gone { "recover-starter-gone" } else { "recover-starter-candidate" };
            return Err(Failure::new(Exit::Refused, key));
        }
        if request.request().starter == self.me() {
            return Err(Failure::new(Exit::Refused, "recover-own-request"));
        }
        // A request waits in mailboxes, and its key on a computer: neither must open anything for ever.
        let (created, now) = (request.request().created, self.env.now());
        if is_expired(created, now) || created > now.after(Seconds::DAY) {
            let time = self.env.out.language().time(created);
            return Err(Failure::new(Exit::Refused, "recover-expired").with("time", time));
        }
        self.compare(request.request().tree, &request.request().starter, file, &answering.request)?;
        Ok(request)
    }

    /// The parts of a request of which we hold a share.
    fn given(&self, request: &RecoveryRequest) -> Result<BTreeSet<PartId>, Failure> {
        let (state, me) = (self.state()?, self.me());
        let held = |part: &&PartId| {
            state.part(part).is_some_and(|known| known.part.deals.iter().any(|deal| deal.share_of(&me).is_some()))
        };
        let given: BTreeSet<PartId> = request.parts.iter().filter(held).copied().collect();
        if given.is_empty() { Err(Failure::new(Exit::Refused, "recover-no-share")) } else { Ok(given) }
    }

    /// To whom shares were released from this computer in other recoveries, by commands that still wait for a server:
    /// without one, the log would say that nothing was released all the time.
    fn unlogged(&self, request: &VerifiedRequest) -> Result<BTreeMap<PartId, BTreeSet<PersonId>>, Failure> {
        let state = self.state()?;
        let mut unlogged: BTreeMap<PartId, BTreeSet<PersonId>> = BTreeMap::new();
        for signed in self.folder.answers_waiting()? {
            let Act::RecordAnswer(answer) = &signed.command().act else { continue };
            if answer.recovery.request == request.digest() {
                continue;
            }
            for part in &answer.parts {
                let dealt = |person: &PersonId| state.part(part).is_some_and(|known| known.dealt_to(person));
                let people = [signed.signer().person(), answer.recovery.starter].into_iter().filter(dealt);
                unlogged.entry(*part).or_default().extend(people);
            }
        }
        Ok(unlogged)
    }

    /// How the starter's copy of the log compares with ours.
    fn compared_in_words(&self, request: &RecoveryRequest, file: &[u8], path: &Path) -> Result<String, Failure> {
        let say = self.env.out.language();
        Ok(match self.compare(request.tree, &request.starter, file, path)? {
            Compared::Same => say.plain("recover-tree-same"),
            Compared::Shorter(by) => say.with("recover-tree-shorter", &args! { count: by }),
            Compared::Longer(by) => say.with("recover-tree-longer", &args! { count: by }),
        })
    }
}

/// The person types what the starter reads aloud: looking at two equal codes on one's own screen compares nothing.
fn compare_code(env: &Env, request: &VerifiedRequest, given: Option<&str>) -> Result<(), Failure> {
    let typed = match given {
        Some(code) => code.to_owned(),
        None => env.unlock.line(&env.out, "ask-recover-code", "--code")?,
    };
    match request.code().is_typed(&typed) {
        true => Ok(()),
        false => Err(Failure::new(Exit::Refused, "recover-code-differs")),
    }
}
