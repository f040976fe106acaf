//! Forgetting: a recovery that is over or was given up. Its key and the answers that were collected for it are
//! deleted; whoever had the computer and the identity would have the accounts.
//!
//! Nothing is opened for it and nobody is asked for a passphrase: what is to be deleted must not have to be unlocked.

use std::path::{Path, PathBuf};

use super::store::{self, Collected};
use super::{parse_request, read_file};
use crate::args;
use crate::client::failure::{Exit, Failure};
use crate::client::home::Folder;
use crate::client::session::Env;
use crate::seal::recovery::SignedRequest;

/// Deletes what was collected: for this request, or for the only one that was started in this home.
pub fn forget(env: &Env, request: Option<&Path>) -> Result<(), Failure> {
    let (folder, found) = one(env, request)?;
    let _lock = env.lock(&folder)?;
    let (time, reason) = words(env, &found);
    let args = args! { time: time, reason: reason, count: found.answers };
    env.unlock.confirm(&env.out, "ask-recover-forget", &args, "--yes")?;
    found.shelf.forget()?;
    env.out.say("recover-forgotten-asked");
    env.out.data(&serde_json::json!({ "recovery": found.recovery.to_string(), "answers": found.answers }));
    Ok(())
}

/// The recovery that is meant.
fn one(env: &Env, request: Option<&Path>) -> Result<(Folder, Collected), Failure> {
    let wanted = request.map(parse_request).transpose()?.map(|request| request.digest());
    let mut all: Vec<(Folder, Collected)> = Vec::new();
    for folder in folders(env)? {
        for collected in store::collected(&folder)? {
            if wanted.is_none_or(|wanted| wanted == collected.recovery) {
                all.push((folder.clone(), collected));
            }
        }
    }
    match (all.len(), all.pop()) {
        (1, Some(only)) => Ok(only),
        (_, None) => Err(Failure::new(Exit::Usage, "recover-nothing-collected")),
        (_, Some(last)) => {
            all.push(last);
            let line = |(folder, found): &(Folder, Collected)| {
                let (time, reason) = words(env, found);
                let path = folder.join("recoveries").join(found.recovery.to_string()).join("request");
                env.out.language().with("recover-one-of", &args! { time: time, reason: reason, path: path.display() })
            };
            let list = all.iter().map(line).collect::<Vec<_>>().join("\n");
            Err(Failure::new(Exit::Usage, "recover-which").with("list", list))
        }
    }
}

/// Every folder in which something can have been collected: also those of a home that never belonged to the
/// organisation.
fn folders(env: &Env) -> Result<Vec<Folder>, Failure> {
    let home = &env.home;
    let all = home.organisations()?.into_iter().map(|id| home.folder(id)).chain(home.unfinished()?);
    let meant = |folder: &Folder| env.organisation.as_ref().is_none_or(|w| folder.id.to_string().starts_with(w));
    Ok(all.filter(meant).collect())
}

/// When it was asked for, and why; whose request cannot be read any more is named by what is left.
fn words(env: &Env, found: &Collected) -> (String, String) {
    let request = |path: &PathBuf| SignedRequest::parse(&read_file(path).ok()?).ok();
    match request(&found.request) {
        Some(request) => {
            let asked = request.unverified();
            (env.out.language().time(asked.created), asked.reason.as_str().to_owned())
        }
        None => ("?".to_owned(), found.recovery.to_string()),
    }
}
