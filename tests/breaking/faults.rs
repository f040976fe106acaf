//! Every system call by which the database reaches the disk fails once, in each way in which calls fail.
//!
//! `strace` makes the real daemon's calls on its database fail: with an error once, with a full disk from then on, or
//! by ending the process at that call. A first run counts them; each of the others has one fault at one of them.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use sequestre::client::failure::{Exit, Failure};
use sequestre::client::session::Session;
use sequestre::escrow::request::Stage;
use sequestre::escrow::time::Seconds;
use sequestre::proto::v1::{self, command::Act};
use sequestre::store::DATABASE;

use crate::aftermath::{MARKER, goes_on, is_honest, left_behind};
use crate::chance::{Chance, number};
use crate::town::*;

/// The calls that change what is on the disk.
pub const CALLS: [&str; 9] =
    ["write", "pwrite64", "pwritev", "fsync", "fdatasync", "ftruncate", "rename", "unlink", "mkdir"];

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// This one call.
    FailsOnce,
    /// This one and all after it.
    FullFromThen,
    /// The process ends instead of calling.
    Killed,
}

#[derive(Clone)]
pub struct Fault {
    pub call: String,
    /// Which of its calls, in whichever thread comes to so many.
    pub nth: usize,
    pub how: How,
}

impl Fault {
    /// Every way at every one of these calls.
    pub fn all(calls: &BTreeMap<String, usize>) -> Vec<Self> {
        let of = |call: &String, nth| {
            let call = call.clone();
            [How::FailsOnce, How::FullFromThen, How::Killed].map(|how| Self { call: call.clone(), nth, how })
        };
        calls.iter().flat_map(|(call, most)| (1..=*most).flat_map(move |nth| of(call, nth))).collect()
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { call, nth, how } = self;
        match how {
            How::FailsOnce => write!(f, "{call}:error=EIO:when={nth}"),
            How::FullFromThen => write!(f, "{call}:error=ENOSPC:when={nth}+"),
            How::Killed => write!(f, "{call}:signal=SIGKILL:when={nth}"),
        }
    }
}

/// The daemon under `strace`, which stands beside it: the process that is started is the daemon.
fn traced(town: &Town, log: &Path, fault: Option<&Fault>) -> Command {
    let daemon = sequestred(&town.data(), town.listen());
    let mut command = Command::new("strace");
    command.args(["-D", "-f", "-q", "-o"]).arg(log);
    for suffix in ["", "-wal", "-shm"] {
        command.arg("-P").arg(town.data().join(format!("{DATABASE}{suffix}")));
    }
    let calls = CALLS.join(",");
    command.args(["-e", &format!("trace={calls}"), "-e", "signal=none"]);
    if let Some(fault) = fault {
        command.args(["-e", &format!("inject={fault}")]);
    }
    command.arg(daemon.get_program()).args(daemon.get_args()).env_remove("RUST_LOG");
    command
}

/// All that `strace` wrote, once the daemon with this process id has ended and `strace` has said so.
async fn written(log: &Path, pid: u32) -> String {
    let (begun, beginning) = (Instant::now(), format!("{pid} "));
    loop {
        let text = fs::read_to_string(log).unwrap();
        let end = |line: &str| line.starts_with(&beginning) && line.contains("+++ ");
        if text.ends_with('\n') && text.lines().any(end) {
            return text;
        }
        assert!(begun.elapsed() < DEADLINE, "strace does not say how {pid} ended: {text}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// What each thread called how often, by what `strace` wrote.
pub fn counted(text: &str) -> BTreeMap<String, usize> {
    let mut calls: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for line in text.lines() {
        let Some((thread, rest)) = line.split_once(' ') else { continue };
        let Some((call, _)) = rest.trim_start().split_once('(') else { continue };
        if CALLS.contains(&call) {
            *calls.entry((thread, call)).or_default() += 1;
        }
    }
    let mut most = BTreeMap::new();
    for ((_, call), count) in calls {
        let known: &mut usize = most.entry(call.to_owned()).or_default();
        *known = count.max(*known);
    }
    most
}

/// One step of the session: what is to be so afterwards, done if it is not so yet.
type Step = (&'static str, fn(&Town) -> std::pin::Pin<Box<dyn Future<Output = Result<(), Failure>> + '_>>);

const STEPS: [Step; 7] = [
    ("Théo deposits", |town| Box::pin(deposits(town))),
    ("Nina asks", |town| Box::pin(asks(town))),
    ("Bruno agrees", |town| Box::pin(agrees(town, BRUNO))),
    ("Chloé agrees", |town| Box::pin(agrees(town, CHLOE))),
    ("Nina opens", |town| Box::pin(opens(town))),
    ("Nina gives back", |town| Box::pin(gives_back(town))),
    ("Maud confirms", |town| Box::pin(async { at(town, MAUD).await.map(drop) })),
];

fn second() -> String {
    format!("{MARKER}the second one")
}

async fn at(town: &Town, name: &str) -> Result<Session, Failure> {
    let mut session = town.env(name).session()?;
    session.sync().await?;
    Ok(session)
}

async fn deposits(town: &Town) -> Result<(), Failure> {
    let session = at(town, THEO).await?;
    let account = session.find_credential(LABEL)?;
    let newest = session.state()?.credential(&account).unwrap().current().unwrap().0;
    drop(session);
    if newest == 1 { town.put(THEO, true, &second()).await } else { Ok(()) }
}

/// Nina's request, if she has one.
fn hers(session: &Session) -> Option<u64> {
    session.state().unwrap().requests().last_key_value().map(|(id, _)| *id)
}

async fn asks(town: &Town) -> Result<(), Failure> {
    if hers(&at(town, NINA).await?).is_some() {
        return Ok(());
    }
    sequestre::client::request::request(&town.env(NINA), asking(LABEL, Seconds::HOUR)).await
}

async fn agrees(town: &Town, name: &str) -> Result<(), Failure> {
    let session = at(town, name).await?;
    let id = hers(&session).unwrap();
    let agreed = session.state()?.request(id).unwrap().approvals.contains_key(&session.me());
    drop(session);
    if agreed { Ok(()) } else { town.approve(name, id).await }
}

async fn opens(town: &Town) -> Result<(), Failure> {
    // Whoever was cut off after agreeing hands over the share when they are back.
    for name in [BRUNO, CHLOE] {
        at(town, name).await?;
    }
    let mut session = at(town, NINA).await?;
    let id = hers(&session).unwrap();
    assert_eq!(open(&mut session, id).await?, second());
    Ok(())
}

async fn gives_back(town: &Town) -> Result<(), Failure> {
    let mut session = at(town, NINA).await?;
    let id = hers(&session).unwrap();
    if !matches!(session.state()?.request(id).unwrap().stage, Stage::Ended { .. }) {
        session.submit(Act::Return(v1::Return { request_index: id }), Vec::new()).await?;
    }
    Ok(())
}

/// The daemon goes on without `strace`, from what is on the disk.
async fn anew(town: &Town, case: &str) {
    left_behind(town, &[], case);
    town.start().await;
}

/// The whole session, at a daemon with one fault.
async fn plays(town: &Town, log: &Path, fault: &Fault) {
    let case = fault.to_string();
    let mut faulty = true;
    match town.start_as(traced(town, log, Some(fault))).await {
        Ok(_) => {}
        Err(printed) => {
            // It said what to do, unless it had no time to.
            let said = printed.contains("sequestred: ");
            assert!(said || fault.how == How::Killed, "{case}: did not start and said only {printed:?}");
            faulty = false;
            anew(town, &case).await;
        }
    }
    for (step, act) in STEPS {
        let mut failures = 0;
        while let Err(failure) = act(town).await {
            let case = format!("{case}, {step}");
            is_honest(&failure, &case);
            assert_eq!(failure.exit(), Exit::Unreachable, "{case}: {failure}");
            failures += 1;
            assert!(failures < 5, "{case}: {failure}");
            match town.ended() {
                Some(status) => {
                    assert!(faulty && fault.how == How::Killed && status.signal() == Some(9), "{case}: {status}");
                    faulty = false;
                    anew(town, &case).await;
                }
                // One failure is over when it is over, and reading is possible also on a full disk.
                None if fault.how == How::FullFromThen => {
                    at_least_reads(town, &case).await;
                    town.kill();
                    faulty = false;
                    anew(town, &case).await;
                }
                None => {}
            }
        }
    }
    match town.ended() {
        Some(_) => left_behind(town, &[], &case),
        None => {
            town.stop().await;
            left_behind(town, &[], &case);
        }
    }
    town.start().await;
    goes_on(town, &case).await;
    town.stop().await;
}

/// Whoever only reads is served.
async fn at_least_reads(town: &Town, case: &str) {
    let mut session = town.env(MAUD).session().unwrap();
    let id = session.folder.id;
    let shown = session.remote().await.unwrap().checkpoint(id).await;
    session.replica.consider(&shown.unwrap_or_else(|failure| panic!("{case}: {failure}")).note).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_call_to_the_disk_may_fail() {
    if Command::new("strace").args(["-qq", "-e", "trace=none", "true"]).status().is_ok_and(|status| status.success())
    {
        let logs = tempfile::tempdir().unwrap();
        let log = logs.path().join("calls");
        let town = Town::founded_at(Kind::Program).await;
        town.stop().await;
        town.start_as(traced(&town, &log, None)).await.unwrap();
        let (pid, _) = town.process();
        for (step, act) in STEPS {
            act(&town).await.unwrap_or_else(|failure| panic!("{step}: {failure}"));
        }
        town.stop().await;
        let calls = counted(&written(&log, pid).await);
        drop(town);
        let made = |call: &str| calls.get(call).copied().unwrap_or_default();
        assert!(made("pwrite64") > 20 && made("fsync") + made("fdatasync") > 7, "{calls:?}");
        let mut faults = Fault::all(&calls);
        let (all, mut chance) = (faults.len(), Chance::of_this_run("calls that fail"));
        let wanted = match number("SEQUESTRE_TEST_FAULTS", 24) {
            0 => all,
            some => all.min(some as usize),
        };
        // Those that are tried in a short run are spread over all of them.
        for at in (1..faults.len()).rev() {
            faults.swap(at, chance.below(at + 1));
        }
        let (begun, mut met) = (Instant::now(), 0);
        for fault in &faults[..wanted] {
            let town = Town::founded_at(Kind::Program).await;
            town.stop().await;
            fs::write(&log, "").unwrap();
            plays(&town, &log, fault).await;
            // `strace` writes each line before the call goes on, so that what was met stands there by now; a call that
            // ended the process has no result.
            let text = fs::read_to_string(&log).unwrap();
            match text.contains("(INJECTED)") || text.contains("= ?\n") {
                true => met += 1,
                false => println!("{fault}: not met"),
            }
        }
        println!("{wanted} of {all} faults at {calls:?}, {met} met, {:?}", begun.elapsed());
        // Groups of commands differ a little from run to run, so that the last calls are not always made.
        assert!(met * 10 >= wanted * 8, "only {met} of {wanted} faults were met");
    } else {
        panic!("strace cannot trace here; tests/run installs it, and containers need the capability SYS_PTRACE");
    }
}
