//! Servers of the machine's own packages, started for one test in a temporary folder on a free port of 127.0.0.1, as a
//! user without rights, and stopped by their process.

use std::fs;
use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use tempfile::TempDir;

/// `nobody` and `nogroup`, as which servers run that refuse to be root.
const NOBODY: u32 = 65_534;
/// How long a server may take to start.
const PATIENCE: Duration = Duration::from_secs(60);

/// A port that nobody listens on.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// The program, wherever Debian keeps it; a server that is missing is a failure, not a reason to test less.
pub fn program(name: &str, folders: &[&str]) -> PathBuf {
    let path = std::env::var("PATH").unwrap_or_default();
    let found = folders.iter().copied().chain(path.split(':')).map(|folder| Path::new(folder).join(name));
    found.into_iter().find(|file| file.is_file()).unwrap_or_else(|| {
        panic!("{name} is not installed; tests/run installs the servers that the tests need: run it once")
    })
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// A folder for a server's files, which it may write to.
pub fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    hand_over(folder.path());
    folder
}

/// Gives a file or folder to the user that servers run as, for its eyes only.
pub fn hand_over(path: &Path) {
    let mode = if path.is_dir() { 0o700 } else { 0o600 };
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    if is_root() {
        chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
    }
}

/// A command as that user, which ends with the test, however the test ends.
pub fn as_nobody(program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "INT"]);
    if is_root() {
        command.args(["--reuid", &NOBODY.to_string(), "--regid", &NOBODY.to_string(), "--clear-groups"]);
    }
    command.arg("--").arg(program).stdin(Stdio::null());
    command
}

/// A running program; asked to stop, and waited for, when dropped.
pub struct Running(Child);

impl Running {
    pub fn start(mut command: Command) -> Self {
        Self(command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}")))
    }

    /// Whether it still runs.
    pub fn is_alive(&mut self) -> bool {
        self.0.try_wait().unwrap().is_none()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let pid = rustix::process::Pid::from_child(&self.0);
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::INT);
        let _ = self.0.wait();
    }
}

/// Waits until something listens.
pub fn wait_for_port(port: u16, running: &mut Running) -> bool {
    let begin = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        if !running.is_alive() {
            return false;
        }
        assert!(begin.elapsed() < PATIENCE, "no server at port {port} after {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
    true
}

/// An authority of the test's own and a certificate for `localhost`, in PEM, and the certificate's SHA-256 in hex.
pub struct Certificates {
    pub authority: String,
    pub certificate: String,
    pub key: String,
    pub digest: String,
}

impl Certificates {
    pub fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        // OpenSSL takes a certificate whose issuer has its own name for one that signed itself.
        params.distinguished_name.push(DnType::CommonName, "an authority of the test's own");
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &authority).unwrap();
        let digest = ring::digest::digest(&ring::digest::SHA256, certificate.der());
        Self {
            authority: pem("CERTIFICATE", authority.der()),
            certificate: pem("CERTIFICATE", certificate.der()),
            key: pem("PRIVATE KEY", &key.serialize_der()),
            digest: hex::encode(digest),
        }
    }

    /// Writes them where a server reads them: certificate and key.
    pub fn write(&self, folder: &Path) -> (PathBuf, PathBuf) {
        let (certificate, key) = (folder.join("server.crt"), folder.join("server.key"));
        for (path, text) in [(&certificate, &self.certificate), (&key, &self.key)] {
            fs::write(path, text).unwrap();
            hand_over(path);
        }
        (certificate, key)
    }
}

/// RFC 7468.
fn pem(label: &str, der: &[u8]) -> String {
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    let lines: Vec<&str> = text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

/// A PostgreSQL server with one superuser, `postgres`.
pub struct Postgres {
    running: Option<Running>,
    pub port: u16,
    folder: TempDir,
    options: Vec<String>,
}

impl Postgres {
    /// The superuser's password.
    pub const PASSWORD: &str = "the password of the superuser";

    /// A fresh one; `options` as in `postgresql.conf`.
    pub fn start(options: &[&str], certificates: Option<&Certificates>) -> Self {
        let folder = folder();
        let file = folder.path().join("password");
        fs::write(&file, Self::PASSWORD).unwrap();
        hand_over(&file);
        let made = as_nobody(&Self::program("initdb"))
            .args(["--no-sync", "--no-instructions", "--locale=C", "--encoding=UTF8"])
            .args(["--auth=scram-sha-256", "--username=postgres"])
            .arg("--pwfile")
            .arg(&file)
            .arg("--pgdata")
            .arg(folder.path().join("data"))
            .current_dir("/")
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let mut options: Vec<String> = options.iter().map(|&option| option.to_owned()).collect();
        if let Some(certificates) = certificates {
            let (certificate, key) = certificates.write(folder.path());
            options.push("ssl=on".to_owned());
            options.push(format!("ssl_cert_file={}", certificate.display()));
            options.push(format!("ssl_key_file={}", key.display()));
        }
        let mut server = Self { running: None, port: 0, folder, options };
        server.run();
        server
    }

    /// From now on every connection is let in by this method of `pg_hba.conf`.
    pub async fn asks(&self, method: &str) {
        let superuser = self.superuser("postgres").await;
        let file: String = superuser.query_one("SHOW hba_file", &[]).await.unwrap().get(0);
        let sql = format!("COPY (SELECT 'host all all 127.0.0.1/32 {method}') TO '{file}'; SELECT pg_reload_conf()");
        superuser.batch_execute(&sql).await.unwrap();
        let begin = Instant::now();
        while self.login("postgres", "a wrong password", "postgres").await.is_ok() != (method == "trust") {
            assert!(begin.elapsed() < PATIENCE, "the server does not read {file}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn program(name: &str) -> PathBuf {
        let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
        let folders: Vec<String> = versions.map(|entry| entry.path().join("bin").display().to_string()).collect();
        program(name, &folders.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// Runs (again) on the same data; on another port if the first one was taken meanwhile.
    pub fn run(&mut self) {
        for _ in 0..5 {
            self.port = if self.port == 0 { free_port() } else { self.port };
            let log = fs::File::options().create(true).append(true).open(self.log_file()).unwrap();
            let mut command = as_nobody(&Self::program("postgres"));
            command.arg("-D").arg(self.folder.path().join("data")).current_dir("/");
            command.args(["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="]);
            command.args(["-c", &format!("port={}", self.port)]);
            for option in &self.options {
                command.args(["-c", option]);
            }
            command.stdout(Stdio::null()).stderr(log);
            let mut running = Running::start(command);
            if wait_for_port(self.port, &mut running) {
                self.running = Some(running);
                return;
            }
            self.port = 0;
        }
        panic!("PostgreSQL does not start: {}", self.log());
    }

    /// Stops it; the data stay.
    pub fn stop(&mut self) {
        self.running = None;
    }

    fn log_file(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    /// What it wrote to its log.
    pub fn log(&self) -> String {
        fs::read_to_string(self.log_file()).unwrap()
    }

    /// Logs in.
    pub async fn login(
        &self,
        user: &str,
        password: &str,
        database: &str,
    ) -> Result<tokio_postgres::Client, tokio_postgres::Error> {
        let mut config = tokio_postgres::Config::new();
        config.host("127.0.0.1").port(self.port).user(user).password(password).dbname(database);
        let begin = Instant::now();
        loop {
            match config.connect(tokio_postgres::NoTls).await {
                Ok((client, connection)) => {
                    tokio::spawn(connection);
                    return Ok(client);
                }
                // It listens before it answers.
                Err(error)
                    if error.code() == Some(&tokio_postgres::error::SqlState::CANNOT_CONNECT_NOW)
                        && begin.elapsed() < PATIENCE =>
                {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Logs in as the superuser.
    pub async fn superuser(&self, database: &str) -> tokio_postgres::Client {
        self.login("postgres", Self::PASSWORD, database).await.unwrap()
    }
}

/// An OpenLDAP directory `dc=example,dc=org` on a port for LDAP (with StartTLS) and one for LDAPS.
pub struct Slapd {
    running: Option<Running>,
    pub port: u16,
    pub tls_port: u16,
    folder: TempDir,
}

impl Slapd {
    /// A fresh one with the entries of `ldif` and the access rules of `access`.
    pub fn start(ldif: &str, access: &str, certificates: &Certificates) -> Self {
        let slapd = program("slapd", &["/usr/sbin"]);
        let slapadd = program("slapadd", &["/usr/sbin"]);
        let folder = folder();
        let (certificate, key) = certificates.write(folder.path());
        let database = folder.path().join("database");
        fs::create_dir(&database).unwrap();
        hand_over(&database);
        let schemas = ["core", "cosine", "inetorgperson"];
        let schemas: String =
            schemas.iter().map(|name| format!("include /etc/ldap/schema/{name}.schema\n")).collect();
        let configuration = format!(
            "{schemas}modulepath /usr/lib/ldap\nmoduleload back_mdb\nTLSCertificateFile {}\nTLSCertificateKeyFile {}\n\
             database mdb\nsuffix dc=example,dc=org\ndirectory {}\n{access}\n",
            certificate.display(),
            key.display(),
            database.display()
        );
        for (name, text) in [("slapd.conf", configuration.as_str()), ("entries.ldif", ldif)] {
            let file = folder.path().join(name);
            fs::write(&file, text).unwrap();
            hand_over(&file);
        }
        let added = as_nobody(&slapadd)
            .arg("-f")
            .arg(folder.path().join("slapd.conf"))
            .arg("-l")
            .arg(folder.path().join("entries.ldif"))
            .output()
            .unwrap();
        assert!(added.status.success(), "{}", String::from_utf8_lossy(&added.stderr));
        let mut directory = Self { running: None, port: 0, tls_port: 0, folder };
        directory.run_as(&slapd);
        directory
    }

    /// Runs again on the same data and ports.
    pub fn run(&mut self) {
        self.run_as(&program("slapd", &["/usr/sbin"]));
    }

    fn run_as(&mut self, slapd: &Path) {
        for _ in 0..5 {
            if self.port == 0 {
                (self.port, self.tls_port) = (free_port(), free_port());
            }
            let log = fs::File::create(self.folder.path().join("log")).unwrap();
            let mut command = as_nobody(slapd);
            command.arg("-f").arg(self.folder.path().join("slapd.conf"));
            command.args(["-h", &format!("ldap://127.0.0.1:{}/ ldaps://127.0.0.1:{}/", self.port, self.tls_port)]);
            // With a level of debugging it stays in the foreground.
            command.args(["-d", "0"]).stdout(Stdio::null()).stderr(log);
            let mut running = Running::start(command);
            if wait_for_port(self.port, &mut running) && wait_for_port(self.tls_port, &mut running) {
                self.running = Some(running);
                return;
            }
            self.port = 0;
        }
        let log = fs::read_to_string(self.folder.path().join("log")).unwrap();
        panic!("slapd does not start: {log}");
    }

    /// Stops it; the data stay.
    pub fn stop(&mut self) {
        self.running = None;
    }

    /// Whether this login is accepted, asked with the standard client.
    pub fn accepts(&self, dn: &str, password: &str) -> bool {
        let asked = Command::new(program("ldapwhoami", &[]))
            .args(["-x", "-H", &format!("ldap://127.0.0.1:{}", self.port), "-D", dn, "-w", password])
            .output()
            .unwrap();
        match asked.status.code() {
            Some(0) => true,
            // invalidCredentials
            Some(49) => false,
            _ => panic!("{asked:?}"),
        }
    }

    /// Renames an entry with this login, with the standard client.
    pub fn rename(&self, dn: &str, to: &str, login: (&str, &str)) {
        self.change("ldapmodrdn", login, &["-r", dn, to], "");
    }

    /// Adds an entry.
    pub fn add(&self, ldif: &str, login: (&str, &str)) {
        self.change("ldapadd", login, &[], ldif);
    }

    /// Removes an entry.
    pub fn remove(&self, dn: &str, login: (&str, &str)) {
        self.change("ldapdelete", login, &[dn], "");
    }

    fn change(&self, client: &str, (user, password): (&str, &str), arguments: &[&str], input: &str) {
        let mut command = Command::new(program(client, &[]));
        command.args(["-x", "-H", &format!("ldap://127.0.0.1:{}", self.port), "-D", user, "-w", password]);
        let mut child = command.args(arguments).stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let changed = child.wait_with_output().unwrap();
        assert!(changed.status.success(), "{client}: {changed:?}");
    }

    /// An entry as this login sees it, in LDIF; nothing if there is none.
    pub fn entry(&self, dn: &str, (user, password): (&str, &str)) -> String {
        let found = Command::new(program("ldapsearch", &[]))
            .args(["-x", "-LLL", "-o", "ldif-wrap=no", "-H", &format!("ldap://127.0.0.1:{}", self.port)])
            .args(["-D", user, "-w", password, "-b", dn, "-s", "base"])
            .output()
            .unwrap();
        String::from_utf8(found.stdout).unwrap()
    }
}
