//! Answering, at home and without any server: look at the request, compare it with one's own copy of the log and by
//! voice, and give one's shares to it.
//!
//! Order: check → consent → open our shares → the command for the log is durable → only then the answer exists.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::gather::Own;
use super::record::record_answer;
use super::{Compared, Desk, Source, bad_file, check_output, is_here, read_file};
use crate::args;
use crate::client::failure::{Exit, Failure};
use crate::client::home;
use crate::client::screen;
use crate::client::session::Env;
use crate::escrow::part::PartId;
use crate::seal::recovery::{RecoveryAnswer, RecoveryRequest, SignedRequest, VerifiedRequest};

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
    let mut lines = screen::recovery(view, asked, &given)?;
    let not_ours = asked.parts.len() - given.len();
    if not_ours > 0 {
        lines.push(format!("  {}", view.say.with("recover-not-yours", &args! { count: not_ours })));
    }
    lines.push(format!("  {}", desk.compared_in_words(asked, &bytes)?));
    env.out.screen(&lines);
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
    record_answer(&desk.record(&desk.identity), &request, &parts)?;
    let answer = RecoveryAnswer {
        recovery: request.digest(),
        organisation,
        answerer: desk.me(),
        tree: desk.replica.head(),
        created: env.now(),
        shares: own.shares,
    };
    let file = answer.seal(&desk.identity, &asked.recipient).map_err(Failure::technical)?;
    home::write_new(&answering.output, file.as_bytes())?;
    let accounts: BTreeSet<_> = parts.iter().map(|part| part.version.credential).collect();
    let args = args! {
        path: answering.output.display(), name: view.name(&asked.starter), count: accounts.len(),
    };
    env.out.tell("recover-answered", &args);
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
            return Err(Failure::new(Exit::Refused, "recover-starter-gone"));
        }
        if request.request().starter == self.me() {
            return Err(Failure::new(Exit::Refused, "recover-own-request"));
        }
        self.compare(request.request().tree, file)?;
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

    /// How the starter's copy of the log compares with ours.
    fn compared_in_words(&self, request: &RecoveryRequest, file: &[u8]) -> Result<String, Failure> {
        let say = self.env.out.language();
        Ok(match self.compare(request.tree, file)? {
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
