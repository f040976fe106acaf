//! A command that is run with what an access gives: in the environment of that child alone, or on a file descriptor.
//!
//! Nothing secret is put into arguments, which everybody on the computer can list, nor into this process's own
//! environment, which every other child would inherit. What ends this program (Ctrl-C, a closed terminal) must not end
//! it before the child did: whoever called still has to give the access back. A child that was not begun when that
//! came is not begun, and one that does not listen is killed.

use std::ffi::OsString;
use std::process::ExitStatus;
use std::time::Duration;

use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep_until};

use super::ending::{Asked, Ending};
use super::failure::{Exit, Failure};
use crate::seal::secret::Secret;

/// What the names of all variables begin with.
const PREFIX: &str = "SEQUESTRE_";

/// Least and greatest number of the descriptor that a command can be given a secret on: 0 to 2 are taken, and shells
/// redirect single digits only.
pub const DESCRIPTORS: std::ops::RangeInclusive<u8> = 3..=9;

/// How long a child that was told to end may take. Then it is killed: an access does not wait for who does not listen.
const GRACE: Duration = Duration::from_secs(10);

/// What a command gets.
#[derive(Default)]
pub struct Given {
    /// The secret that `--fd` is about: the password, or what stands in its place.
    pub secret: Option<(String, Secret)>,
    /// The rest: user name, host, what else belongs to it.
    pub others: Vec<(String, Secret)>,
    /// Further variables, by their whole name, that the usual programs for this kind of account look at. Those that
    /// hold the secret are left out with `--fd`.
    pub known_names: Vec<(&'static str, Known)>,
    /// Variables that are no secret and that whoever runs the program may have set otherwise: theirs count.
    pub unless_set: Vec<(&'static str, OsString)>,
}

/// What a program's own variable is set to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// The secret.
    Secret,
    /// The value of this name among the others.
    Other(&'static str),
}

/// Runs a command line with the system's shell and waits for its end. Gives its exit code; 128 and the signal's number
/// if a signal ended it, as shells do. None: it was not begun, because whoever runs this program had asked it to end.
///
/// # Errors
/// It could not be started.
pub(super) async fn run(
    command: &str,
    given: &Given,
    descriptor: Option<u8>,
    ending: &mut Ending,
) -> Result<Option<u8>, Failure> {
    if ending.is_asked() {
        return Ok(None);
    }
    let mut child = start(command, given, descriptor)?;
    // What came in between did not reach it.
    let missed = ending.is_asked();
    let status = wait(&mut child, ending, missed).await?;
    Ok(Some(code(status)))
}

fn start(command: &str, given: &Given, descriptor: Option<u8>) -> Result<Child, Failure> {
    let failed = |e: std::io::Error| Failure::new(Exit::Failed, "failed-exec").because(e);
    let (mut shell, pipe) = shell(command, given, descriptor)?;
    let named = given.secret.iter().filter(|_| descriptor.is_none()).chain(&given.others);
    for (name, value) in named {
        shell.env(variable(name), value.expose_str().unwrap_or_default());
    }
    for (name, what) in &given.known_names {
        let value = match what {
            Known::Secret => given.secret.as_ref().filter(|_| descriptor.is_none()).map(|(_, value)| value),
            Known::Other(other) => given.others.iter().find(|(name, _)| name == other).map(|(_, value)| value),
        };
        if let Some(value) = value.and_then(Secret::expose_str) {
            shell.env(name, value);
        }
    }
    for (name, value) in &given.unless_set {
        if std::env::var_os(name).is_none() {
            shell.env(name, value);
        }
    }
    let child = shell.spawn().map_err(failed)?;
    // Ours would keep the pipe open after the child's end.
    drop(pipe);
    Ok(child)
}

/// `SEQUESTRE_` and the name in capitals.
pub fn variable(name: &str) -> String {
    let letter = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    PREFIX.chars().chain(name.chars().map(letter)).collect()
}

#[cfg(unix)]
fn shell(
    command: &str,
    given: &Given,
    descriptor: Option<u8>,
) -> Result<(Command, Option<std::io::PipeReader>), Failure> {
    use std::os::fd::AsRawFd as _;

    let mut shell = Command::new("sh");
    shell.arg("-c");
    let Some((descriptor, (_, secret))) = descriptor.zip(given.secret.as_ref()) else {
        shell.arg(command);
        return Ok((shell, None));
    };
    let failed = |e: std::io::Error| Failure::new(Exit::Failed, "failed-exec").because(e);
    let (reader, mut writer) = std::io::pipe().map_err(failed)?;
    rustix::io::fcntl_setfd(&reader, rustix::io::FdFlags::empty()).map_err(|e| failed(e.into()))?;
    let secret = Secret::new(secret.expose().to_vec());
    // A value can be longer than what a pipe holds, and nobody makes the command read it.
    std::thread::spawn(move || {
        use std::io::Write as _;
        let _ = writer.write_all(secret.expose());
    });
    // The number that the pipe has here can have several digits, which not all shells can duplicate from.
    shell.arg(format!("exec {descriptor}</dev/fd/{}; exec sh -c \"$0\"", reader.as_raw_fd())).arg(command);
    Ok((shell, Some(reader)))
}

#[cfg(not(unix))]
fn shell(command: &str, _: &Given, descriptor: Option<u8>) -> Result<(Command, Option<()>), Failure> {
    if descriptor.is_some() {
        return Err(Failure::new(Exit::Usage, "failed-exec-descriptor"));
    }
    let mut shell = Command::new("cmd");
    shell.args(["/C", command]);
    Ok((shell, None))
}

/// Waits for the child's end. Keys at the terminal reach it without our doing, unless it `missed` them; what is meant
/// for this process alone is passed on, and then it must end.
async fn wait(child: &mut Child, ending: &mut Ending, missed: bool) -> Result<ExitStatus, Failure> {
    let mut until = None;
    if missed {
        tell(child, Asked::Keys);
        until = Some(Instant::now() + GRACE);
    }
    loop {
        let killed = async {
            match until {
                Some(until) => sleep_until(until).await,
                None => std::future::pending().await,
            }
        };
        let asked = tokio::select! {
            status = child.wait() => return status.map_err(Failure::technical),
            () = killed => {
                // It may have ended in this moment.
                let _ = child.start_kill();
                until = None;
                continue;
            }
            asked = ending.next() => asked,
        };
        if asked != Asked::Keys {
            tell(child, asked);
            until.get_or_insert(Instant::now() + GRACE);
        }
    }
}

/// Tells the child to end. It may have ended in this moment.
#[cfg(unix)]
fn tell(child: &Child, asked: Asked) {
    use rustix::process::{Pid, Signal, kill_process};

    let signal = match asked {
        Asked::HangUp => Signal::HUP,
        Asked::Keys | Asked::Terminate => Signal::TERM,
    };
    if let Some(pid) = child.id().and_then(|id| Pid::from_raw(id.cast_signed())) {
        let _ = kill_process(pid, signal);
    }
}

/// The console tells it.
#[cfg(windows)]
fn tell(_: &Child, _: Asked) {}

fn code(status: ExitStatus) -> u8 {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return u8::try_from(signal).map_or(u8::MAX, |signal| signal.saturating_add(128));
    }
    status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(u8::MAX)
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    fn given() -> Given {
        let text = |text: &str| Secret::from_string(text.to_owned());
        Given {
            secret: Some(("password".to_owned(), text("s3cret \"of\" the lake"))),
            others: vec![("user-name".to_owned(), text("seq-1"))],
            known_names: vec![("PGPASSWORD", Known::Secret), ("PGUSER", Known::Other("user-name"))],
            // Set for everybody, and for nobody.
            unless_set: vec![("PATH", "/nowhere".into()), ("SEQUESTRE_UNSET", "set here".into())],
        }
    }

    async fn told(command: &str, descriptor: Option<u8>) -> (u8, String) {
        let file = tempfile::NamedTempFile::new().unwrap();
        let command = format!("{{ {command}; }} > {}", file.path().display());
        let mut ending = Ending::listen().unwrap();
        let code = run(&command, &given(), descriptor, &mut ending).await.unwrap();
        (code.unwrap(), std::fs::read_to_string(file.path()).unwrap())
    }

    #[tokio::test]
    async fn the_secret_is_in_the_environment_of_the_child() {
        let all = "printf '%s|%s|%s|%s' \"$SEQUESTRE_PASSWORD\" \"$PGPASSWORD\" \"$SEQUESTRE_USER_NAME\" \"$PGUSER\"";
        let secret = "s3cret \"of\" the lake";
        assert_eq!(told(all, None).await, (0, format!("{secret}|{secret}|seq-1|seq-1")));
        assert!(std::env::var_os("SEQUESTRE_PASSWORD").is_none());
    }

    #[tokio::test]
    async fn what_the_person_has_set_counts() {
        let (code, told) = told("printf '%s|%s' \"$PATH\" \"$SEQUESTRE_UNSET\"", None).await;
        assert_eq!((code, told), (0, format!("{}|set here", std::env::var("PATH").unwrap())));
    }

    #[tokio::test]
    async fn on_a_descriptor_it_is_nowhere_else() {
        let all =
            "cat <&7; printf '|%s|%s|%s' \"$SEQUESTRE_PASSWORD\" \"$PGPASSWORD\" \"$PGUSER\"; env | grep -c s3cret";
        let (code, text) = told(all, Some(7)).await;
        assert_eq!((code, text.as_str()), (1, "s3cret \"of\" the lake|||seq-10\n"));
        // Nobody has to read it.
        assert_eq!(told("true", Some(3)).await.0, 0);
    }

    #[tokio::test]
    async fn the_exit_code_is_passed_on() {
        assert_eq!(told("exit 42", None).await.0, 42);
        assert_eq!(told("kill -TERM $$", None).await.0, 128 + 15);
        assert_eq!(told("no-such-command 2>/dev/null", None).await.0, 127);
    }
}
