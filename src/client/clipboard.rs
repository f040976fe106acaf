//! The clipboard: lends a secret to it for a short while and takes it back.

use std::time::Duration;

#[cfg(target_os = "macos")]
use arboard::SetExtApple as _;
#[cfg(all(unix, not(target_os = "macos")))]
use arboard::SetExtLinux as _;
#[cfg(windows)]
use arboard::SetExtWindows as _;

use super::failure::{Exit, Failure};
use super::out::Out;
use super::watching::asked_to_end;
use crate::args;
use crate::seal::secret::Secret;

/// How long a secret stays in the clipboard.
const LENT_FOR: Duration = Duration::from_secs(45);

/// Puts a secret into the clipboard, waits, and clears it unless something else was copied meanwhile. Whoever ends the
/// program earlier ends the waiting, and it is cleared all the same.
pub async fn lend(out: &Out, secret: &Secret) -> Result<(), Failure> {
    let failed = |e: arboard::Error| Failure::new(Exit::Failed, "failed-clipboard").because(e);
    let text = secret.expose_str().unwrap_or_default();
    let mut clipboard = arboard::Clipboard::new().map_err(failed)?;
    // Programs that keep everything that was ever copied are asked not to keep this.
    clipboard.set().exclude_from_history().text(text).map_err(failed)?;
    out.tell("clipboard-lent", &args! { seconds: LENT_FOR.as_secs() });
    tokio::select! {
        () = tokio::time::sleep(LENT_FOR) => {}
        ended = asked_to_end() => ended?,
    }
    let still_there = clipboard.get_text().map(Secret::from_string).is_ok_and(|now| now.matches(secret));
    if still_there {
        clipboard.clear().map_err(failed)?;
    }
    out.say("clipboard-cleared");
    Ok(())
}
