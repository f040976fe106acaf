//! Web sites for one test: a database server of its own, and PHP's own web server.
#![allow(dead_code, reason = "each site uses a part of it")]

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::servers::{as_nobody, folder, free_port, hand_over, program};

/// How long a server may take to start.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server that is ended without being asked: its data are the test's, and it may take no signal that asks.
struct Ended(Child);

impl Ended {
    /// Starts it and waits until it listens; `None` if it ends instead.
    fn start(mut command: Command, listens: impl Fn() -> bool) -> Option<Self> {
        let mut started = Self(command.spawn().unwrap());
        let begin = Instant::now();
        while !listens() {
            if started.0.try_wait().unwrap().is_some() {
                return None;
            }
            assert!(begin.elapsed() < PATIENCE, "{command:?} does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        Some(started)
    }
}

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A MariaDB server that is reached by a socket in its folder only, as `root` without a password.
pub struct MariaDb {
    running: Option<Ended>,
    folder: TempDir,
    options: Vec<String>,
}

impl MariaDb {
    pub fn start() -> Self {
        // Nobody needs what a crash of this machine would lose.
        Self::start_with(&["--innodb-flush-log-at-trx-commit=0"])
    }

    /// With these further options of the server.
    pub fn start_with(options: &[&str]) -> Self {
        Self::install(&["--skip-test-db"], options)
    }

    /// As its installer makes it by itself, with databases for everybody and accounts without a name.
    pub fn start_as_installed() -> Self {
        Self::install(&[], &[])
    }

    fn install(how: &[&str], options: &[&str]) -> Self {
        let folder = folder();
        let data = folder.path().join("data");
        let made = as_nobody(&program("mariadb-install-db", &["/usr/bin"]))
            .args(["--no-defaults", "--auth-root-authentication-method=normal"])
            .args(how)
            .arg(format!("--datadir={}", data.display()))
            // A server that starts deletes the temporary tables of all others that it finds.
            .env("TMPDIR", folder.path())
            .current_dir("/")
            .output()
            .unwrap();
        let said = [made.stdout, made.stderr].concat();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&said));
        let options = options.iter().map(|&option| option.to_owned()).collect();
        let mut server = Self { running: None, folder, options };
        server.run();
        server
    }

    /// Runs (again) on its data.
    pub fn run(&mut self) {
        let file = |name: &str| self.folder.path().join(name);
        let mut command = as_nobody(&program("mariadbd", &["/usr/sbin"]));
        command.args(["--no-defaults", "--skip-networking"]).args(&self.options);
        command.arg(format!("--datadir={}", file("data").display()));
        command.arg(format!("--socket={}", self.socket().display()));
        command.arg(format!("--pid-file={}", file("pid").display()));
        let log = fs::File::create(file("log")).unwrap();
        command.env("TMPDIR", self.folder.path()).current_dir("/").stdout(Stdio::null()).stderr(log);
        let running = Ended::start(command, || UnixStream::connect(self.socket()).is_ok());
        let log = || fs::read_to_string(file("log")).unwrap_or_default();
        self.running = Some(running.unwrap_or_else(|| panic!("no MariaDB: {}", log())));
    }

    /// Stops it as an administrator does; the data stay.
    pub fn stop(&mut self) {
        let mut running = self.running.take().unwrap();
        let pid = rustix::process::Pid::from_child(&running.0);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        running.0.wait().unwrap();
    }

    /// Its socket.
    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("socket")
    }

    /// The standard client, logged in, without a terminal. (It is a test's password that stands in its arguments.)
    pub fn client(&self, user: &str, password: &str) -> Command {
        let mut command = Command::new(program("mariadb", &["/usr/bin"]));
        command.args(["--no-defaults", "--batch", "--skip-column-names", "--unbuffered", "--skip-reconnect"]);
        command.arg(format!("--socket={}", self.socket().display()));
        command.arg(format!("--user={user}")).arg(format!("--password={password}"));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs statements; what they give, or what the server says against them.
    pub fn run_as(&self, (user, password): (&str, &str), statements: &str) -> Result<String, String> {
        let mut client = self.client(user, password).spawn().unwrap();
        // A refused login does not read them.
        let _ = client.stdin.take().unwrap().write_all(statements.as_bytes());
        let output = client.wait_with_output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).trim_end().to_owned();
        if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
    }

    /// Runs statements as `root`.
    pub fn root(&self, statements: &str) -> String {
        self.run_as(("root", ""), statements).unwrap_or_else(|error| panic!("{statements}: {error}"))
    }
}

/// The PHP program without the system's mail.
pub fn php(arguments: &[&str]) -> Command {
    let mut command = as_nobody(&program("php", &["/usr/bin"]));
    command.args(["-d", "sendmail_path=/bin/true", "-d", "display_errors=stderr", "-d", "memory_limit=256M"]);
    command.args(arguments).current_dir("/");
    command
}

/// Runs a PHP script and gives what it printed.
pub fn script(folder: &Path, text: &str) -> String {
    let file = folder.join("script.php");
    fs::write(&file, format!("<?php {text}")).unwrap();
    hand_over(&file);
    let output = php(&[file.to_str().unwrap()]).output().unwrap();
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{printed} {}", String::from_utf8_lossy(&output.stderr));
    printed
}

/// A folder of PHP files, served.
pub struct Site {
    running: Option<Ended>,
    root: PathBuf,
    /// A file that PHP reads before every other.
    first: Option<PathBuf>,
    pub port: u16,
}

impl Site {
    pub fn start(root: &Path, first: Option<&Path>) -> Self {
        let mut site = Self { running: None, root: root.to_owned(), first: first.map(Path::to_owned), port: 0 };
        site.run();
        site
    }

    /// Runs (again), on the same port where it can.
    pub fn run(&mut self) {
        for _ in 0..5 {
            self.port = if self.port == 0 { free_port() } else { self.port };
            let mut command = php(&["-S", &format!("127.0.0.1:{}", self.port), "-t", self.root.to_str().unwrap()]);
            if let Some(first) = &self.first {
                command.arg("-d").arg(format!("auto_prepend_file={}", first.display()));
            }
            command.stdout(Stdio::null()).stderr(Stdio::null());
            let port = self.port;
            self.running = Ended::start(command, || TcpStream::connect(("127.0.0.1", port)).is_ok());
            if self.running.is_some() {
                return;
            }
            self.port = 0;
        }
        panic!("PHP's web server does not start");
    }

    pub fn stop(&mut self) {
        self.running = None;
    }
}

/// An answer: status, head, body.
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answer {
    /// Its cookies, for the next request.
    pub fn cookies(&self) -> String {
        let cookies = self.head.lines().filter_map(|line| line.strip_prefix("Set-Cookie: "));
        let pairs: Vec<&str> = cookies.filter_map(|cookie| cookie.split(';').next()).collect();
        pairs.join("; ")
    }
}

/// One request, as simple as HTTP is.
pub fn http(port: u16, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let mut request =
        format!("{method} {path} HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\nContent-Length: {}\r\n", body.len());
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    write!(stream, "{request}\r\n{body}").unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {answer}"));
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head: head.replace("\r\n", "\n"), body: body.to_owned() }
}

/// A form's body.
pub fn form(pairs: &[(&str, &str)]) -> String {
    let encode = |text: &str| -> String { text.bytes().map(|byte| format!("%{byte:02X}")).collect() };
    let pairs: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
    pairs.join("&")
}
