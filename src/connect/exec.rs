//! Anything that a program on this server can change: the program is told what to do as JSON on its standard input,
//! and answers with JSON on its standard output. The protocol is `deploy/connectors/README.md`.
//!
//! The settings name a program; which file that is, with which arguments and as which user it runs, only the server's
//! configuration says (`[connect.exec.NAME]`). Its environment is empty but for a fixed `PATH`, its time and its
//! output are limited, and whatever it started is ended with it.
//!
//! ```json
//! {"kind": "exec", "program": "dovecot", "options": {}, "exclusive": false}
//! ```
//!
//! `options` are handed to the program; `exclusive` says that its leases share one account at the target.
//!
//! This module must never run what a client chose, never put a secret into arguments or environment, and never show
//! to anybody but the technician what the program says.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::password::Rules;

#[cfg(feature = "daemon")]
pub use running::{BadProgram, Program};

#[cfg(feature = "daemon")]
pub(super) use running::Exec;

/// The protocol's name and version, in every request and answer.
pub const PROTOCOL: &str = "sequestre-connector/1";

/// Settings of an `exec` connector.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The name in the server's configuration.
    pub program: String,
    /// For the program.
    #[serde(default)]
    pub options: Map<String, Value>,
    /// Whether leases share one account at the target.
    #[serde(default)]
    pub exclusive: bool,
    /// Rules of the passwords that are made.
    #[serde(default)]
    pub password: Rules,
}

#[cfg(feature = "daemon")]
mod running {
    use std::io;
    use std::path::{Path, PathBuf};
    use std::process::Stdio;
    use std::time::Duration;

    use rustix::process::{Pid, Signal, getegid, geteuid, getuid, kill_process_group};
    use serde::Deserialize;
    use serde_json::{Map, Value};
    use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::process::Command;
    use tokio::time::timeout;
    use zeroize::Zeroizing;

    use super::{PROTOCOL, Settings};
    use crate::connect::password::generate;
    use crate::connect::{ConnectError, Environment, FieldName, Lease, LeaseName, Login, Minted, Said};
    use crate::seal::secret::{Secret, SecretWriter};

    /// Longest answer, in bytes.
    const MAX_ANSWER: usize = 1 << 20;
    /// As much of the standard error as is kept for the log, in bytes.
    const MAX_STDERR: usize = 4096;
    /// All of the environment.
    const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

    /// A program as the configuration names it.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Program {
        path: PathBuf,
        arguments: Vec<String>,
        /// User and group id.
        runs_as: Option<(u32, u32)>,
    }

    /// Why a program of the configuration cannot be used.
    #[derive(Debug, thiserror::Error)]
    pub enum BadProgram {
        /// Which file it is would depend on where the daemon was started.
        #[error("{} is not an absolute path; write where the program is", .0.display())]
        Relative(PathBuf),
        /// No such user.
        #[error("there is no user '{0}' in /etc/passwd; correct the name, or write uid:gid")]
        NoUser(String),
    }

    impl Program {
        /// `user` is a name in `/etc/passwd`, or `uid:gid`; without one it runs as the daemon does.
        pub fn new(path: &Path, arguments: Vec<String>, user: Option<&str>) -> Result<Self, BadProgram> {
            if !path.is_absolute() {
                return Err(BadProgram::Relative(path.to_owned()));
            }
            let runs_as = match user {
                None => None,
                Some(user) => Some(ids(user).ok_or_else(|| BadProgram::NoUser(user.to_owned()))?),
            };
            Ok(Self { path: path.to_owned(), arguments, runs_as })
        }
    }

    fn ids(user: &str) -> Option<(u32, u32)> {
        if let Some((uid, gid)) = user.split_once(':') {
            return Some((uid.parse().ok()?, gid.parse().ok()?));
        }
        let users = std::fs::read_to_string("/etc/passwd").ok()?;
        let mut fields = users.lines().map(|line| line.split(':')).find(|line| line.clone().next() == Some(user))?;
        Some((fields.nth(2)?.parse().ok()?, fields.next()?.parse().ok()?))
    }

    /// A target behind a program.
    pub struct Exec {
        settings: Settings,
        program: Program,
        time_limit: Duration,
    }

    /// What the program answers.
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Answer {
        protocol: String,
        ok: bool,
        #[serde(default)]
        works: Option<bool>,
        #[serde(default)]
        fields: Option<Map<String, Value>>,
        #[serde(default)]
        error: Option<String>,
    }

    /// Ends the program and all that it started, also when the call is given up.
    struct Group(Option<Pid>);

    impl Drop for Group {
        fn drop(&mut self) {
            if let Some(group) = self.0 {
                // It may have ended already.
                let _ = kill_process_group(group, Signal::KILL);
            }
        }
    }

    impl Exec {
        /// Refuses a program that the configuration does not name.
        pub fn new(settings: Settings, environment: &Environment) -> Result<Self, ConnectError> {
            let program = environment.programs.get(&settings.program).cloned();
            let program = program.ok_or_else(|| ConnectError::NoProgram(settings.program.clone()))?;
            Ok(Self { settings, program, time_limit: environment.time_limit })
        }

        pub async fn verify(&self, admin: &Login) -> Result<bool, ConnectError> {
            let answer = self.call("verify", admin, None, |_| {}).await?;
            answer.works.ok_or_else(|| self.unknown("its answer does not say whether the login works"))
        }

        pub async fn mint(&self, admin: &Login, lease: &Lease<'_>) -> Result<Minted, ConnectError> {
            let answer = self.call("mint", admin, Some(lease.secret), |request| {
                request.lease(lease.name, lease.secret);
                request.number("until", lease.until.0);
                if let Some(input) = lease.input {
                    request.text("input", input.as_bytes());
                }
                request.end();
            });
            let fields = answer.await?.fields.unwrap_or_default().into_iter().map(|(name, value)| {
                let name = FieldName::from_name(&name)?;
                let Value::String(text) = value else { return None };
                Some((name, Secret::from_string(text)))
            });
            let fields: Option<Vec<_>> = fields.collect();
            let mut fields = fields.filter(|fields| !fields.is_empty()).ok_or_else(|| {
                self.unknown("its answer has no fields, or one that is no text or has an unknown name")
            })?;
            fields.sort_by_key(|(name, _)| *name);
            Ok(Minted { fields })
        }

        pub async fn revoke(&self, admin: &Login, lease: &LeaseName) -> Result<(), ConnectError> {
            let scrambled = generate(&self.settings.password)?;
            let answer = self.call("revoke", admin, Some(&scrambled), |request| {
                request.lease(lease, &scrambled);
                request.end();
            });
            answer.await.map(drop)
        }

        pub async fn rotate(&self, admin: &Login, next: &Secret) -> Result<(), ConnectError> {
            self.call("rotate", admin, Some(next), |request| request.text("next", next.expose())).await.map(drop)
        }

        async fn call(
            &self,
            verb: &str,
            admin: &Login,
            new: Option<&Secret>,
            rest: impl FnOnce(&mut Writer),
        ) -> Result<Answer, ConnectError> {
            let mut request = Writer::new();
            request.text("protocol", PROTOCOL.as_bytes());
            request.text("verb", verb.as_bytes());
            request.member("options");
            request.to.push(Value::Object(self.settings.options.clone()).to_string().as_bytes());
            request.begin("login");
            if let Some(user) = &admin.user {
                request.text("user", user.expose());
            }
            request.text("secret", admin.secret.expose());
            request.end();
            rest(&mut request);
            let secrets: Vec<&Secret> = new.into_iter().chain([&admin.secret]).collect();
            let answer = match timeout(self.time_limit, self.run(request.finish(), &secrets)).await {
                Ok(answer) => answer?,
                Err(elapsed) => return Err(ConnectError::Unknown { target: self.target(), source: elapsed.into() }),
            };
            let answer: Answer = serde_json::from_slice(answer.expose())
                .map_err(|_| self.unknown("its answer is not the JSON of the protocol"))?;
            if answer.protocol != PROTOCOL {
                return Err(self.unknown("its answer is of another protocol"));
            }
            match (answer.ok, &answer.error) {
                (true, None) => return Ok(answer),
                (true, Some(_)) => {
                    return Err(self.unknown("its answer says both that it worked and that it did not"));
                }
                (false, _) => {}
            }
            let target = self.target();
            let source = Said::new("as its answer says").into();
            Err(match answer.error.as_deref() {
                Some("settings") => {
                    ConnectError::Unusable(format!("{target} does not take its options or the login"))
                }
                Some("protocol") => ConnectError::Unusable(format!("{target} does not know {PROTOCOL}; update it")),
                Some("unreachable") => ConnectError::Unreachable { target, source },
                Some("refused") => ConnectError::Refused { target, source },
                Some("denied") => ConnectError::Denied { target, source },
                Some("not_ours") => ConnectError::NotOurs { target, name: "name of this lease".to_owned() },
                Some("not_supported") => {
                    ConnectError::NotSupported("the program of this account cannot do this; do it by hand")
                }
                Some("unfinished") => ConnectError::Unfinished { target, source },
                _ => ConnectError::Unknown { target, source },
            })
        }

        /// Runs the program on a request; gives what it wrote.
        async fn run(&self, request: Secret, secrets: &[&Secret]) -> Result<Secret, ConnectError> {
            let Program { path, arguments, runs_as } = &self.program;
            let mut command = Command::new(path);
            command.args(arguments).env_clear().env("PATH", PATH).current_dir("/").process_group(0);
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
            if let Some((user, group)) = runs_as {
                // The supplementary groups of the daemon are dropped with its user, but by root only: a daemon that may
                // change users by a capability would hand them on.
                let own = (geteuid().as_raw(), getegid().as_raw()) == (*user, *group);
                if !getuid().is_root() && !own {
                    return Err(ConnectError::Unusable(format!(
                        "{} is to run as another user, for which this server must run as root",
                        self.target()
                    )));
                }
                command.uid(*user).gid(*group);
            }
            let not_begun =
                |source: io::Error| ConnectError::Unreachable { target: self.target(), source: source.into() };
            let mut child = command.spawn().map_err(not_begun)?;
            let group = Group(child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw));
            let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
            let (Some(mut stdin), Some(stdout), Some(stderr)) = pipes else {
                return Err(self.unknown("it has no standard input or output"));
            };
            let lost = |source: io::Error| ConnectError::Unknown { target: self.target(), source: source.into() };
            let write = async {
                // A program that answers without reading everything is its own affair.
                let _ = stdin.write_all(request.expose()).await;
                drop(stdin);
            };
            // When it has ended, what it left running is ended, too, which also closes its end of the pipes.
            let end = async {
                let status = child.wait().await;
                drop(group);
                status
            };
            let ((), answer, errors, status) =
                tokio::join!(write, read(stdout, MAX_ANSWER), read(stderr, MAX_STDERR), end);
            let status = status.map_err(lost)?;
            self.log(&errors.map_err(lost)?.0, secrets);
            let (answer, whole) = answer.map_err(lost)?;
            if !status.success() || !whole {
                return Err(self.unknown(&format!("{status}, {} bytes of answer", answer.len())));
            }
            Ok(answer)
        }

        /// What the program said to its standard error, for the technician, unless it repeats what it was told.
        fn log(&self, errors: &Secret, secrets: &[&Secret]) {
            if errors.is_empty() {
                return;
            }
            let text = String::from_utf8_lossy(errors.expose());
            let text = match repeats(errors, secrets) {
                true => "(not shown: it repeats a secret)".to_owned(),
                false => Said::new(&text).to_string(),
            };
            tracing::warn!(
                program = self.settings.program,
                text,
                "a connector's program wrote to its standard error"
            );
        }

        fn target(&self) -> String {
            format!("program '{}'", self.settings.program)
        }

        fn unknown(&self, said: &str) -> ConnectError {
            ConnectError::Unknown { target: self.target(), source: Said::new(said).into() }
        }
    }

    /// Whether a text contains one of the secrets, or eight bytes of one in a row.
    fn repeats(text: &Secret, secrets: &[&Secret]) -> bool {
        secrets.iter().any(|secret| {
            let length = secret.len().clamp(1, 8);
            secret.expose().windows(length).any(|part| text.expose().windows(length).any(|found| found == part))
        })
    }

    /// Reads to the end; keeps at most `limit` bytes, and says whether that was all. It goes on reading what it does
    /// not keep, so that the program does not wait for ever.
    async fn read(from: impl AsyncRead + Unpin, limit: usize) -> io::Result<(Secret, bool)> {
        let mut from = from;
        let mut buffer = Zeroizing::new([0; 8192]);
        let mut kept = SecretWriter::with_capacity(8192);
        let mut room = limit;
        let mut whole = true;
        loop {
            let length = from.read(buffer.as_mut_slice()).await?;
            if length == 0 {
                return Ok((kept.finish(), whole));
            }
            whole &= length <= room;
            let taken = length.min(room);
            room -= taken;
            kept.push(buffer.get(..taken).unwrap_or_default());
        }
    }

    /// Writes the request's JSON without leaving copies of secrets behind.
    struct Writer {
        to: SecretWriter,
        first: bool,
    }

    impl Writer {
        fn new() -> Self {
            let mut to = SecretWriter::with_capacity(4096);
            to.push(b"{");
            Self { to, first: true }
        }

        fn quoted(&mut self, text: &str) {
            // Writing to memory does not fail.
            let _ = serde_json::to_writer(&mut self.to, text);
        }

        fn member(&mut self, name: &str) {
            self.to.push(if self.first { b"" } else { b"," });
            self.first = false;
            self.quoted(name);
            self.to.push(b":");
        }

        /// Secrets are text wherever they come from a sealed part or from rules; other bytes are shown as such.
        fn text(&mut self, name: &str, value: &[u8]) {
            self.member(name);
            match std::str::from_utf8(value) {
                Ok(text) => self.quoted(text),
                Err(_) => self.quoted(&Zeroizing::new(hex::encode(value))),
            }
        }

        fn number(&mut self, name: &str, value: u64) {
            self.member(name);
            self.to.push(value.to_string().as_bytes());
        }

        fn begin(&mut self, name: &str) {
            self.member(name);
            self.to.push(b"{");
            self.first = true;
        }

        fn end(&mut self) {
            self.to.push(b"}");
            self.first = false;
        }

        /// Begins the lease: its name, its serial, and a secret.
        fn lease(&mut self, name: &LeaseName, secret: &Secret) {
            self.begin("lease");
            self.text("name", name.to_string().as_bytes());
            self.text("mark", name.mark().as_bytes());
            self.number("serial", name.index());
            self.text("secret", secret.expose());
        }

        fn finish(mut self) -> Secret {
            self.to.push(b"}\n");
            self.to.finish()
        }
    }
}
