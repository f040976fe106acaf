//! From 'the server is destroyed' to 'a member gets a temporary password again', with the real programs.

use sequestre::proto::v1;
use sequestre::seal::moving::read_place;
use std::fs;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use crate::town::*;

/// A daemon that ends with the test.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn sequestred(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sequestred"));
    command.args(arguments).stdin(Stdio::null());
    command
}

fn output(mut command: Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_server_burns_and_a_member_gets_a_password_again() {
    let town = Town::founded().await;
    // A lease that runs while the server burns.
    let before = town.granted(NINA, sequestre::escrow::time::Seconds::HOUR).await;
    assert_eq!(town.open(NINA, before).await.unwrap(), PASSWORD);
    for name in PEOPLE {
        town.session(name).await;
    }
    let earlier = town.root.path().join("earlier");
    sequestre::client::audit::export(&town.env(MAUD), &earlier).await.unwrap();
    let contact = fs::read_to_string(town.folder(MAUD).join("contact.json")).unwrap();
    let contact: serde_json::Value = serde_json::from_str(&contact).unwrap();
    let entries = town.entries();
    town.stop().await;
    fs::remove_dir_all(town.data()).unwrap();
    town.thaw();

    let begun = Instant::now();
    let mut steps: Vec<String> = Vec::new();
    let mut step = |text: &str| {
        steps.push(text.to_owned());
        println!("{:>2}. {text} ({:.1} s)", steps.len(), begun.elapsed().as_secs_f64());
    };
    let root = town.root.path().to_owned();
    let (data, file) = (root.join("refuge"), root.join("move.txt"));
    let (data, file) = (data.to_str().unwrap(), file.to_str().unwrap());
    let listen = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();

    step("a technician: sequestred init");
    output(sequestred(&["init", "--data", data, "--name", &listen, "--listen", &listen]));
    step("a technician: sequestred restore --replica (a copy of Bruno's folder)");
    let replica = town.folder(BRUNO);
    let printed = output(sequestred(&["restore", "--data", data, "--replica", replica.to_str().unwrap()]));
    assert!(printed.contains(&format!("# Restored: {entries} entries")), "{printed}");
    let place = root.join("place.txt");
    fs::write(&place, &printed).unwrap();
    step("a technician: sequestred run");
    let mut run = sequestred(&["run", "--data", data]);
    let _daemon = Program(run.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    wait_for(&listen);

    let verb = |who: &str, arguments: &[&str]| {
        let arguments: Vec<&str> = arguments.iter().copied().chain(["--yes", "--accept-unwitnessed"]).collect();
        let (code, out, err) = town.program(who, &arguments);
        assert_eq!(code, 0, "{who} {arguments:?}: {err}");
        out
    };
    // Nobody moved yet: the new server has nothing to say, and says so.
    let (code, _, err) = town.program(AWA, &["sync"]);
    assert_eq!(code, 4, "{err}");

    step("Awa, a trustee: sequestre move propose");
    let code = read_place(&printed).unwrap().code().to_string();
    let out = verb(AWA, &["move", "propose", place.to_str().unwrap(), "--place-code", &code, "-o", file]);
    assert!(out.contains("Signatures still missing: 1"), "{out}");
    assert!(out.contains("Nothing that this computer knows of is given up"), "{out}");
    step("Bruno, a trustee: sequestre move sign");
    let out = verb(BRUNO, &["move", "sign", file]);
    assert!(out.contains("Enough people have signed"), "{out}");
    for name in PEOPLE {
        step(&format!("{name}: sequestre move follow"));
        let out = verb(name, &["move", "follow", file]);
        assert!(out.contains(&format!("the log goes on at {listen}")), "{out}");
    }
    step("Nina, a member: sequestre request");
    verb(NINA, &["request", LABEL, "--for", "1h", "--reason", "the renewal that the fire interrupted"]);
    let id = {
        let session = town.session(NINA).await;
        *session.state().unwrap().requests().last_key_value().unwrap().0
    };
    assert_ne!(id, before);
    for name in [BRUNO, CHLOE] {
        step(&format!("{name}: sequestre approve"));
        verb(name, &["approve", &id.to_string()]);
    }
    step("Nina: sequestre show");
    let out = verb(NINA, &["show", &id.to_string()]);
    assert!(out.contains(PASSWORD), "{out}");
    println!("{} steps, {:.1} s", steps.len(), begun.elapsed().as_secs_f64());
    assert_eq!(steps.len(), 15);

    // What is on the new server holds, and mediators can say so: with the key that they knew before the fire, too.
    let report = output(sequestred(&["fsck", "--data", data]));
    assert!(report.contains("0 findings"), "{report}");
    let copy = root.join("copy");
    let copy = copy.to_str().unwrap();
    verb(MAUD, &["audit", "export", copy]);
    let out = verb(MAUD, &["audit", "verify", copy]);
    assert!(out.contains("Everything holds") && !out.contains("the association moved"), "{out}");
    // What was exported before holds as well, signed by the key of then.
    let out = verb(MAUD, &["audit", "verify", earlier.to_str().unwrap()]);
    assert!(out.contains("Everything holds"), "{out}");
    let out = verb(MAUD, &["audit", "verify", copy, "--log-key", contact["log_key"].as_str().unwrap()]);
    assert!(out.contains(&format!("At entry {entries} the association moved")), "{out}");
    let out = verb(MAUD, &["audit", "log", "--from", &entries.to_string()]);
    assert!(
        out.contains(&format!("{AWA} brought the move to the server {listen}, signed by {AWA}, {BRUNO}")),
        "{out}"
    );
}

/// Waits until somebody listens there.
fn wait_for(address: &str) {
    let begun = Instant::now();
    while std::net::TcpStream::connect(address).is_err() {
        assert!(begun.elapsed() < DEADLINE, "the daemon does not start");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_restore_drill_is_signed_into_the_log_good_or_bad() {
    let town = Town::founded().await;
    town.thaw();
    let drill = |who: &str, more: &[&str]| {
        let arguments: Vec<&str> = ["--json", "drill", "restore"].into_iter().chain(more.iter().copied()).collect();
        let (code, out, err) = town.program(who, &arguments);
        (code, out.lines().last().and_then(|line| serde_json::from_str::<serde_json::Value>(line).ok()), err)
    };
    let status = |who: &str| town.program(who, &["status"]).1;
    assert!(status(NINA).contains("Nobody has yet tried to restore the service"));
    let (code, told, err) = drill(BRUNO, &[]);
    let told = told.unwrap();
    println!("{told}");
    assert_eq!((code, told["works"].as_bool(), told["steps"].as_u64()), (0, Some(true), Some(4)), "{err}");
    let held = fs::read_dir(town.folder(BRUNO).join("blobs")).unwrap().count() as u64;
    assert_eq!(told["blobs"].as_u64(), Some(held));
    let session = town.session(MAUD).await;
    let logged = *session.state().unwrap().restore_drill().unwrap();
    assert!(logged.works && u64::from(logged.blobs) == held && logged.tree.size == told["entries"].as_u64().unwrap());
    assert_eq!(logged.index, told["entry"].as_u64().unwrap());
    drop(session);
    let told_last =
        |who: &str| status(NINA).lines().find(|line| line.contains(&format!("says {who}"))).map(str::to_owned);
    assert!(told_last(BRUNO).is_some_and(|line| line.contains("everything was there") && !line.contains("WARNING")));
    let (_, json, _) = town.program(NINA, &["--json", "status"]);
    let json: serde_json::Value = serde_json::from_str(json.lines().last().unwrap()).unwrap();
    assert_eq!((&json["restored"]["name"], &json["restored"]["trustee"]), (&BRUNO.into(), &true.into()));
    // Others do not hold everything, and a program that is not there restores nothing: neither is a result.
    let (code, _, err) = drill(MAUD, &[]);
    assert!(code == 3 && err.contains("drill-restore-trustee"), "{err}");
    let (code, _, err) = drill(CHLOE, &["--daemon", "/nowhere/sequestred"]);
    assert!(code == 2 && err.contains("drill-restore-no-daemon"), "{err}");
    let entries = town.entries();
    // One that fails is a result: here a program that is no daemon.
    let (code, _, err) = drill(CHLOE, &["--daemon", "/bin/false"]);
    assert!(code == 1 && err.contains("drill-restore-fails"), "{err}");
    assert_eq!(town.entries(), entries + 1);
    let session = town.session(MAUD).await;
    assert!(!session.state().unwrap().restore_drill().unwrap().works);
    drop(session);
    assert!(status(NINA).contains("Chloé could NOT restore the service"));
    // A technician's word that all is well takes the place of it, and does not pass for a trustee's.
    let mut session = town.session(THEO).await;
    let head = session.replica.head();
    let act = v1::RecordDrill { tree: Some(head.into()), seconds: 1, blobs: 0, works: true };
    send(&mut session, head, v1::command::Act::RecordDrill(act), Vec::new()).await.unwrap();
    drop(session);
    assert!(told_last(THEO).is_some_and(|line| line.contains("WARNING: only a trustee’s copy holds everything")));
}
