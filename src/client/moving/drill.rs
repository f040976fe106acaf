//! The restore drill: what a technician does when the server is gone, tried beside the running one.
//!
//! In a folder of its own, which is deleted afterwards, the real daemon makes a data folder, restores this computer's
//! replica, checks it and serves it on loopback until it answers. The result is signed into the log, good or bad. The
//! running server, and this home, must not notice.

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;

use super::super::failure::{Exit, Failure};
use super::super::remote::Remote;
use super::super::session::{Env, Session};
use crate::args;
use crate::escrow::moving::MovePlace;
use crate::escrow::role::Role;
use crate::escrow::time::Seconds;
use crate::proto::v1;
use crate::seal::moving::read_place;

/// The daemon's program, beside this one.
const DAEMON: &str = if cfg!(windows) { "sequestred.exe" } else { "sequestred" };
/// How long the restored daemon has to answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// What came of one step.
struct Step {
    /// The sentence's key.
    key: &'static str,
    took: Duration,
}

/// What came of all steps.
struct Outcome {
    steps: Vec<Step>,
    blobs: u32,
    missing: u32,
    /// What went wrong first.
    trouble: Option<String>,
}

/// Tries a restoration from this computer's replica, and signs the result into the log.
pub async fn drill(env: &Env, daemon: Option<&Path>) -> Result<(), Failure> {
    let mut session = env.session()?;
    session.sync_to_sign().await?;
    // Others' replicas never held what is sealed to trustees: that they lack it says nothing.
    if !session.state()?.roles(&session.me()).contains(&Role::Trustee) {
        return Err(Failure::new(Exit::Refused, "drill-restore-trustee"));
    }
    let program = program(daemon)?;
    let begun = Instant::now();
    let outcome = {
        let _waiting = env.out.wait("progress-drill-restore");
        attempt(&session, &program).await?
    };
    let took = Seconds(begun.elapsed().as_secs().max(1));
    for step in &outcome.steps {
        let seconds = env.out.language().decimal(step.took.as_secs_f64());
        env.out.tell(step.key, &args! { seconds: seconds });
    }
    let works = outcome.trouble.is_none();
    let tree = session.replica.head();
    let act = v1::command::Act::RecordDrill(v1::RecordDrill {
        tree: Some(tree.into()),
        seconds: took.0,
        blobs: outcome.blobs,
        works,
    });
    let index = session.submit(act, Vec::new()).await?;
    env.out.data(&json!({
        "works": works, "steps": outcome.steps.len(), "seconds": took.0, "entries": tree.size,
        "blobs": outcome.blobs, "missing": outcome.missing, "entry": index, "trouble": outcome.trouble,
    }));
    match outcome.trouble {
        None => {
            let args = args! { n: tree.size, blobs: outcome.blobs, steps: outcome.steps.len(), entry: index };
            env.out.tell("drill-restore-works", &args);
            Ok(())
        }
        Some(trouble) => {
            Err(Failure::new(Exit::Failed, "drill-restore-fails").with("entry", index).with("trouble", trouble))
        }
    }
}

/// The daemon's program: what was named, or what lies beside this one.
fn program(named: Option<&Path>) -> Result<PathBuf, Failure> {
    let path = match named {
        Some(path) => path.to_owned(),
        None => std::env::current_exe().map_err(Failure::technical)?.with_file_name(DAEMON),
    };
    if path.is_file() {
        Ok(path)
    } else {
        Err(Failure::new(Exit::Usage, "drill-restore-no-daemon").with("path", path.display()))
    }
}

/// Does all steps, or those up to the first that fails.
async fn attempt(session: &Session, program: &Path) -> Result<Outcome, Failure> {
    let folder = tempfile::tempdir().map_err(Failure::technical)?;
    let data = folder.path().join("server");
    let mut outcome = Outcome { steps: Vec::new(), blobs: 0, missing: 0, trouble: None };
    // Free until somebody else takes it, which would fail the drill and nothing else.
    let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    let listen = free.map_err(Failure::technical)?.to_string();

    let sequestred = |verb: &str| {
        let mut command = Command::new(program);
        command.arg(verb).arg("--data").arg(&data).stdin(Stdio::null());
        // What this computer's own daemon is told by its environment is not for this one.
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("SEQUESTRED_") {
                command.env_remove(name);
            }
        }
        command
    };
    let begun = Instant::now();
    let mut command = sequestred("init");
    command.args(["--name", &listen, "--listen", &listen]);
    if outcome.ran(&mut command, "drill-restore-init", begun).is_none() {
        return Ok(outcome);
    }
    let begun = Instant::now();
    let mut command = sequestred("restore");
    command.arg("--replica").arg(session.folder.join(""));
    let Some(printed) = outcome.ran(&mut command, "drill-restore-restore", begun) else { return Ok(outcome) };
    outcome.blobs = counted(&printed, "blobs").unwrap_or_default();
    outcome.missing = printed.lines().filter(|line| line.starts_with("#   ")).count().try_into().unwrap_or(u32::MAX);
    let place = match read_place(&printed) {
        Ok(place) if place.prefix == session.replica.head() => place,
        Ok(_) => return Ok(outcome.failed("another log than this computer's was restored")),
        Err(bad) => return Ok(outcome.failed(bad.to_string())),
    };
    if outcome.missing > 0 {
        let missing = outcome.missing;
        return Ok(outcome.failed(format!("{missing} sealed files or texts are missing in this computer's copy")));
    }
    let begun = Instant::now();
    if outcome.ran(&mut sequestred("fsck"), "drill-restore-fsck", begun).is_none() {
        return Ok(outcome);
    }
    let begun = Instant::now();
    match answers(session, sequestred("run"), &place).await {
        Ok(()) => outcome.steps.push(Step { key: "drill-restore-run", took: begun.elapsed() }),
        Err(trouble) => outcome = outcome.failed(trouble),
    }
    Ok(outcome)
}

impl Outcome {
    fn failed(mut self, trouble: impl Into<String>) -> Self {
        self.trouble = Some(trouble.into());
        self
    }

    /// Runs a step to its end; gives what it printed, or notes what went wrong.
    fn ran(&mut self, command: &mut Command, key: &'static str, begun: Instant) -> Option<String> {
        let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().chars().take(2000).collect::<String>();
        match command.output() {
            Ok(output) if output.status.success() => {
                self.steps.push(Step { key, took: begun.elapsed() });
                Some(String::from_utf8_lossy(&output.stdout).into_owned())
            }
            Ok(output) => {
                let text = if output.stderr.is_empty() { said(&output.stdout) } else { said(&output.stderr) };
                self.trouble = Some(text);
                None
            }
            Err(error) => {
                self.trouble = Some(error.to_string());
                None
            }
        }
    }
}

/// The number before this word in what `restore` says first.
fn counted(printed: &str, word: &str) -> Option<u32> {
    let line = printed.lines().find_map(|line| line.strip_prefix("# Restored: "))?;
    line.split(", ").find_map(|piece| piece.strip_suffix(word)?.trim().parse().ok())
}

/// A process that ends with the drill.
struct Serving(Child);

impl Drop for Serving {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Serves what was restored, and waits for the answer that a restored server gives: it waits for a move.
async fn answers(session: &Session, mut command: Command, place: &MovePlace) -> Result<(), String> {
    let begun = Instant::now();
    let child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().map_err(|e| e.to_string())?;
    let mut serving = Serving(child);
    loop {
        let connected = Remote::connect(&place.address, &place.server_key, &session.device).await;
        let told = match connected {
            Ok(mut remote) => match remote.checkpoint(place.organisation).await {
                Err(failure) if failure.key() == "refused-not-moved" => return Ok(()),
                Err(failure) => failure.to_string(),
                Ok(_) => "the restored server shows a log that nobody moved to it".to_owned(),
            },
            Err(failure) => failure.to_string(),
        };
        let ended = serving.0.try_wait().map_err(|e| e.to_string())?;
        if ended.is_some() || begun.elapsed() > PATIENCE {
            let last = serving.0.stderr.take().filter(|_| ended.is_some());
            let last = last.and_then(|stderr| BufReader::new(stderr).lines().map_while(Result::ok).last());
            return Err(last.unwrap_or(told));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
