//! The clipboard: lends a secret to it for a short while and takes it back.

use std::time::Duration;

#[cfg(target_os = "macos")]
use arboard::SetExtApple as _;
#[cfg(all(unix, not(target_os = "macos")))]
use arboard::SetExtLinux as _;
#[cfg(windows)]
use arboard::SetExtWindows as _;

use super::ending::Ending;
use super::failure::{Exit, Failure};
use super::out::Out;
use crate::args;
use crate::seal::secret::Secret;

/// How long a secret stays in the clipboard.
const LENT_FOR: Duration = Duration::from_secs(45);

/// Puts a secret into the clipboard, waits, and clears it unless something else was copied meanwhile. Whoever ends the
/// program earlier ends the waiting, and it is cleared all the same.
///
/// # Errors
/// The clipboard could not be used; or, afterwards, it is not known whether the secret is still in it.
pub async fn lend(out: &Out, secret: &Secret) -> Result<(), Failure> {
    let failed = |e: arboard::Error| Failure::new(Exit::Failed, "failed-clipboard").because(e);
    let text = secret.expose_str().unwrap_or_default();
    let mut clipboard = arboard::Clipboard::new().map_err(failed)?;
    let mut ending = Ending::listen()?;
    // Programs that keep everything that was ever copied are asked not to keep this.
    clipboard.set().exclude_from_history().text(text).map_err(failed)?;
    out.tell("clipboard-lent", &args! { seconds: LENT_FOR.as_secs() });
    tokio::select! {
        () = tokio::time::sleep(LENT_FOR) => {}
        _ = ending.next() => {}
    }
    let still = |e: arboard::Error| Failure::new(Exit::Failed, "failed-clipboard-still").because(e);
    match holds(clipboard.get_text(), secret).map_err(still)? {
        Holds::Lent => {
            clipboard.clear().map_err(still)?;
            out.say("clipboard-cleared");
        }
        // Not ours to clear.
        Holds::Another => out.say("clipboard-other"),
        Holds::NoText => out.say("clipboard-gone"),
    }
    Ok(())
}

/// What the clipboard holds when the time is over.
#[derive(Debug, PartialEq, Eq)]
enum Holds {
    Lent,
    Another,
    /// Nothing, or something that is no text.
    NoText,
}

/// What was read says. One that cannot be read is an error: nobody knows what is in it.
fn holds(read: Result<String, arboard::Error>, secret: &Secret) -> Result<Holds, arboard::Error> {
    match read.map(Secret::from_string) {
        Ok(now) if now.matches(secret) => Ok(Holds::Lent),
        Ok(_) => Ok(Holds::Another),
        Err(arboard::Error::ContentNotAvailable) => Ok(Holds::NoText),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_read_is_known() {
        let secret = Secret::from_string("s3cret".to_owned());
        assert_eq!(holds(Ok("s3cret".to_owned()), &secret).unwrap(), Holds::Lent);
        assert_eq!(holds(Ok("s3cret ".to_owned()), &secret).unwrap(), Holds::Another);
        assert_eq!(holds(Err(arboard::Error::ContentNotAvailable), &secret).unwrap(), Holds::NoText);
        for unknown in [
            arboard::Error::ClipboardOccupied,
            arboard::Error::ClipboardNotSupported,
            arboard::Error::ConversionFailure,
            arboard::Error::Unknown { description: "the connection is gone".to_owned() },
        ] {
            assert!(holds(Err(unknown), &secret).is_err());
        }
    }
}
