//! One-time codes while an access runs: the server computes them from a secret that it gives to nobody.

use super::{has_codes, open};
use crate::args;
use crate::client::consent::find_request;
use crate::client::ending::Ending;
use crate::client::failure::{Exit, Failure};
use crate::client::session::Env;

/// Shows the codes of an access as they change, until it ends or somebody ends the program. The first time begins the
/// access.
pub async fn codes(env: &Env, id: u64) -> Result<(), Failure> {
    let mut session = env.session()?;
    session.sync().await?;
    let request = find_request(&session, id)?;
    if !has_codes(&request) {
        return Err(Failure::new(Exit::Usage, "failed-no-codes").with("id", id));
    }
    drop(open(&mut session, id).await?);
    let label = session.label_of(&request.version.credential);
    let organisation = session.folder.id;
    let mut codes = session.remote().await?.codes(organisation, id).await?;
    // Other verbs need not wait for the end of this.
    drop(session);
    env.out.tell("codes-head", &args! { label: label });
    let mut ending = Ending::listen()?;
    loop {
        let next = tokio::select! {
            _ = ending.next() => return Ok(()),
            next = codes.next() => next?,
        };
        let Some((code, until)) = next else { return Ok(()) };
        let text = code.expose_str().unwrap_or_default();
        env.out.data(&serde_json::json!({ "request": id, "code": text, "until": until.0 }));
        // Digits in two halves, as they are read from a telephone.
        let halves = text.split_at_checked(text.len().div_ceil(2)).filter(|_| text.is_ascii() && text.len() > 5);
        let spaced = halves.map_or_else(|| text.to_owned(), |(left, right)| format!("{left} {right}"));
        env.out.tell("codes-code", &args! { code: spaced, seconds: env.now().until(until).0 });
    }
}
