//! Starting: a signed request file for the others, and its key, kept here until the recovery is finished.

use std::path::PathBuf;

use super::store::Shelf;
use super::{Desk, Source, check_output, is_here};
use crate::args;
use crate::client::failure::{Exit, Failure};
use crate::client::home;
use crate::client::session::Env;
use crate::escrow::text::Text;
use crate::seal::recovery::{RecoveryRequest, SignedRequest, VerifiedRequest};
use crate::seal::secret::random_bytes;
use crate::seal::sharing::MasterKey;

/// What is asked for.
pub struct Starting {
    /// Labels; none means every account.
    pub accounts: Vec<String>,
    /// Why.
    pub reason: String,
    /// The request file.
    pub output: PathBuf,
    /// The copy of the log and the keys to use.
    pub source: Source,
}

/// Makes the request file.
pub fn start(env: &Env, starting: Starting) -> Result<(), Failure> {
    check_output(&starting.output)?;
    let reason = Text::parse(&starting.reason)?;
    let desk = Desk::open(env, &starting.source, None)?;
    if !is_here(desk.person(&desk.me())?) {
        return Err(Failure::new(Exit::Refused, "recover-start-not-here"));
    }
    let (signed, request, key) = desk.request(&starting.accounts, reason)?;
    Shelf::of(&desk.folder, &request.digest()).keep_started(&signed, &key, &desk.identity)?;
    home::write_new(&starting.output, signed.to_file().as_bytes())?;

    let texts = desk.texts();
    let view = desk.view(&texts)?;
    let parts = &request.request().parts;
    let accounts: std::collections::BTreeSet<_> = parts.iter().map(|part| part.version.credential).collect();
    let args = args! { path: starting.output.display(), count: accounts.len(), code: request.code() };
    env.out.tell("recover-started", &args);
    env.out.tell(
        "recover-forward",
        &args! {
            name: view.name(&desk.me()), organisation: view.organisation(), count: accounts.len(),
            reason: request.request().reason.as_str(),
        },
    );
    env.out.data(&serde_json::json!({
        "recovery": request.digest().to_string(), "code": request.code().to_string(), "accounts": accounts.len(),
        "parts": parts.len(), "file": starting.output,
    }));
    Ok(())
}

impl Desk<'_> {
    /// A fresh request for the current parts of these accounts (all, if none is named), and its key.
    pub(super) fn request(
        &self,
        accounts: &[String],
        reason: Text,
    ) -> Result<(SignedRequest, VerifiedRequest, MasterKey), Failure> {
        let parts = self.current_parts(accounts)?;
        if parts.is_empty() {
            return Err(Failure::new(Exit::Failed, "recover-no-accounts"));
        }
        let key = MasterKey::generate().map_err(Failure::technical)?;
        let request = RecoveryRequest {
            organisation: self.state()?.id(),
            starter: self.me(),
            tree: self.replica.head(),
            created: self.env.now(),
            nonce: random_bytes().map_err(Failure::technical)?,
            recipient: *key.recipient(),
            reason,
            parts,
        };
        let signed = request.sign(&self.identity).map_err(Failure::technical)?;
        let verified = signed.verify(&self.identity.keys()).map_err(Failure::technical)?;
        Ok((signed, verified, key))
    }
}
