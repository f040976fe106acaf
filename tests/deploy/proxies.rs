//! nginx and HAProxy before the daemon, with the files as they are delivered but for their ports.

use std::fs;
use std::io::{ErrorKind, Read as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::servers::{Running, as_nobody, folder, free_port, hand_over, program, wait_for_port};
use crate::town::{BRUNO, CHLOE, Kind, NINA, PASSWORD, PEOPLE, Town};

fn text(file: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/proxy").join(file)).unwrap()
}

/// Replaces what must be there.
fn with(text: String, changes: &[(&str, &str)]) -> String {
    changes.iter().fold(text, |text, (from, to)| {
        assert!(text.contains(from), "{from}");
        text.replace(from, to)
    })
}

fn write(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, text).unwrap();
    hand_over(&path);
    path
}

/// Starts the proxy at `port` of this machine before `upstream`.
fn start(mut command: Command, port: u16) -> Running {
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut running = Running::start(command);
    assert!(wait_for_port(port, &mut running), "the proxy ended");
    running
}

/// Everybody's way leads through the proxy, for a whole access.
async fn is_passed_through(proxy: impl Fn(&str, u16) -> Command) {
    let (town, port) = (Town::founded_at(Kind::Program).await, free_port());
    let _running = start(proxy(&town.address(), port), port);
    for name in PEOPLE {
        town.moved_to(name, &town.address(), &format!("127.0.0.1:{port}"));
    }
    let request = town.ask(NINA).await;
    town.approve(BRUNO, request).await.unwrap();
    town.approve(CHLOE, request).await.unwrap();
    assert_eq!(town.open(NINA, request).await.unwrap(), PASSWORD);
}

/// Of many connections of one address, so many reach what is behind the proxy, and the others are cut.
fn a_flood_is_cut(proxy: impl Fn(&str, u16) -> Command) {
    let behind = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free_port();
    let _running = start(proxy(&behind.local_addr().unwrap().to_string(), port), port);
    // The one that saw that it listens is gone again.
    drop(behind.accept().unwrap().0);
    let mut many: Vec<TcpStream> = (0..80).map(|_| TcpStream::connect(("127.0.0.1", port)).unwrap()).collect();
    let kept: Vec<TcpStream> = (0..64).map(|_| behind.accept().unwrap().0).collect();
    let cut = |stream: &mut TcpStream| {
        stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
        // What was passed on waits for a word.
        !matches!(stream.read(&mut [0]), Err(error) if error.kind() == ErrorKind::WouldBlock)
    };
    let cut = many.iter_mut().map(cut).filter(|cut| *cut).count();
    assert_eq!((cut, kept.len()), (16, 64));
    behind.set_nonblocking(true).unwrap();
    assert_eq!(behind.accept().unwrap_err().kind(), ErrorKind::WouldBlock, "one more was passed on");
}

fn nginx(folder: &Path) -> impl Fn(&str, u16) -> Command {
    std::os::unix::fs::symlink("/usr/lib/nginx/modules", folder.join("modules")).unwrap();
    move |upstream, port| {
        let listen = format!("listen 127.0.0.1:{port};");
        let pass = format!("proxy_pass {upstream};");
        let changes = [("listen 7443;", &*listen), ("listen [::]:7443;", ""), ("proxy_pass 127.0.0.1:7444;", &*pass)];
        let file = write(folder, "nginx.conf", &with(text("nginx.conf"), &changes));
        let mut command = as_nobody(&program("nginx", &["/usr/sbin"]));
        command.arg("-p").arg(folder).arg("-c").arg(file).args(["-e", "stderr", "-g"]);
        command.arg(format!("daemon off; pid {};", folder.join("pid").display()));
        command
    }
}

fn haproxy(folder: &Path) -> impl Fn(&str, u16) -> Command {
    move |upstream, port| {
        let bind = format!("bind 127.0.0.1:{port}");
        let changes = [("bind :7443", &*bind), ("bind :::7443 v6only", ""), ("127.0.0.1:7444", upstream)];
        let file = write(folder, "haproxy.cfg", &with(text("haproxy.cfg"), &changes));
        let mut command = as_nobody(&program("haproxy", &["/usr/sbin"]));
        command.arg("-db").arg("-f").arg(file);
        command
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nginx_passes_it_through() {
    let folder = folder();
    is_passed_through(nginx(folder.path())).await;
}

#[test]
fn nginx_cuts_a_flood() {
    let folder = folder();
    a_flood_is_cut(nginx(folder.path()));
}

#[tokio::test(flavor = "multi_thread")]
async fn haproxy_passes_it_through() {
    let folder = folder();
    is_passed_through(haproxy(folder.path())).await;
}

#[test]
fn haproxy_cuts_a_flood() {
    let folder = folder();
    a_flood_is_cut(haproxy(folder.path()));
}
