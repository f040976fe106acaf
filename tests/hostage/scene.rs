//! What the attacks share: forging, second servers, and what people's own programs say.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use prost::Message as _;
use sequestre::client::failure::Exit;
use sequestre::client::session::sign_command;
use sequestre::escrow::command::{SignedCommand, preimage};
use sequestre::escrow::entry::{Entry, What};
use sequestre::escrow::id::OrganisationId;
use sequestre::escrow::log::checkpoint::SignedCheckpoint;
use sequestre::escrow::log::merkle::{Frontier, TreeHead, leaf_hash};
use sequestre::escrow::time::Time;
use sequestre::proto::api::v1 as api;
use sequestre::proto::v1::{self, command::Act};
use sequestre::seal::identity::Identity;
use sequestre::seal::signing::SigningKey;

use crate::liar::{self, Lies};
use crate::thief::rewrite;
use crate::town::*;

/// Runs a person's own program; gives its exit code and the key of what it complains about.
pub fn says(town: &Town, name: &str, arguments: &[&str]) -> (i32, String) {
    let arguments = [arguments, &["--json", "--yes", "--accept-unwitnessed"]].concat();
    let (exit, _, complaint) = town.program(name, &arguments);
    let last = complaint.lines().rev().find_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let key = last.and_then(|told| Some(told["error"].as_str()?.to_owned()));
    (exit, key.unwrap_or_default())
}

/// What a person's program prints when it does as it is told.
#[track_caller]
pub fn does(town: &Town, name: &str, arguments: &[&str]) -> String {
    let (exit, told, complaint) = town.program(name, &[arguments, &["--yes", "--accept-unwitnessed"]].concat());
    assert_eq!(exit, 0, "{name} {arguments:?}: {told}{complaint}");
    told
}

/// A person's client stops because of what the server shows.
#[track_caller]
pub fn distrusts(town: &Town, name: &str, key: &str) {
    let before = town.env(name).session().unwrap().replica.head();
    assert_eq!(says(town, name, &["sync"]), (Exit::Distrust as i32, key.to_owned()), "{name}");
    assert_eq!(town.env(name).session().unwrap().replica.head(), before, "nothing of it is kept");
}

/// After a contradiction nothing is signed or opened any more, and reading goes on.
#[track_caller]
pub fn stopped(town: &Town, name: &str, request: u64) {
    let id = request.to_string();
    for arguments in [&["approve", &id][..], &["show", &id], &["return", &id]] {
        assert_eq!(says(town, name, arguments), (5, "distrust-stopped".to_owned()), "{name} {arguments:?}");
    }
    let (exit, told, _) = town.program(name, &["status", "--json"]);
    assert_eq!(exit, 5);
    assert!(told.contains("Les Amis du Lac"), "{told}");
    assert!(town.folder(name).join("evidence/stop").exists());
}

/// The server is stopped, its log written anew, and started again.
pub async fn forge(town: &Town, change: impl FnOnce(&mut Vec<Vec<u8>>, OrganisationId, &SigningKey)) {
    town.stop().await;
    rewrite(town, change);
    town.start().await;
}

/// Everything is again as it was: the server, and people's computers.
pub async fn rewind(town: &Town, to: &Snapshot) {
    town.stop().await;
    to.restore(town.root.path());
    town.start().await;
}

/// Everything as it is now, to go back to.
pub async fn remember(town: &Town) -> Snapshot {
    town.stop().await;
    let all = Snapshot::of(town.root.path());
    town.start().await;
    all
}

/// The server says that this is its whole log.
pub fn show(lies: &Lies, entries: &[Vec<u8>], note: &SignedCheckpoint) {
    *lies.checkpoint.lock().unwrap() = Some(note.to_string());
    *lies.entries.lock().unwrap() =
        Some(api::StreamEntriesResponse { entries: entries.iter().cloned().map(Into::into).collect() });
}

/// The tree over these entries.
pub fn head(entries: &[Vec<u8>]) -> TreeHead {
    let mut frontier = Frontier::new();
    entries.iter().for_each(|entry| drop(frontier.push(leaf_hash(entry))));
    frontier.head()
}

/// Puts a command into a log as its next entry.
pub fn append(entries: &mut Vec<Vec<u8>>, signed: SignedCommand, time: Time) -> u64 {
    let index = entries.len() as u64;
    entries.push(Entry { index, time, what: What::Command(Box::new(signed)) }.encode());
    index
}

/// The time of the last entry.
pub fn last_time(entries: &[Vec<u8>]) -> Time {
    Entry::parse(entries.last().unwrap()).unwrap().time
}

/// The wire form of a command's entry, changed and put back.
pub fn edit(entry: &mut Vec<u8>, change: impl FnOnce(&mut v1::Command)) {
    let mut wire = v1::Entry::decode(entry.as_slice()).unwrap();
    let Some(v1::entry::What::Command(signed)) = &mut wire.what else { panic!("an act of the daemon") };
    let mut command = v1::Command::decode(signed.command.as_slice()).unwrap();
    change(&mut command);
    signed.command = command.encode_to_vec();
    *entry = wire.encode_to_vec();
}

/// What a command's entry asks for.
pub fn act_of(entry: &[u8]) -> Option<Act> {
    match v1::Entry::decode(entry).unwrap().what? {
        v1::entry::What::Command(signed) => v1::Command::decode(signed.command.as_slice()).unwrap().act,
        v1::entry::What::Act(_) => None,
    }
}

/// A command as the person with these keys would have signed it, signed by somebody else.
pub fn falsely_signed(
    victim: &Identity,
    forger: &Identity,
    id: OrganisationId,
    base: TreeHead,
    now: Time,
    act: Act,
) -> SignedCommand {
    let genuine = sign_command(forger, id, base, now, act).unwrap().to_wire().command;
    let signer = victim.keys().signing;
    let signature = forger.sign(&preimage(&id, &signer, &genuine));
    SignedCommand::new(genuine, signer, signature).unwrap()
}

/// The person's identity, as on their computer.
pub fn identity(town: &Town, name: &str) -> Identity {
    let env = town.env(name);
    env.unlock.identity(&env.home, &env.out).unwrap()
}

/// Another server with the same keys, on a copy of the data folder: the other side of a fork.
pub struct Fork {
    _process: Process,
    pub data: PathBuf,
    pub address: SocketAddr,
}

impl Fork {
    /// As the server is now; it stops for the copy.
    pub async fn of(town: &Town) -> Self {
        town.stop().await;
        let data = town.root.path().join("fork");
        Snapshot::of(&town.data()).restore(&data);
        town.start().await;
        Self::on(data)
    }

    pub fn on(data: PathBuf) -> Self {
        let start = || Process::start(sequestred(&data, "127.0.0.1:0".parse().unwrap()));
        let (process, address) = tokio::task::block_in_place(start);
        Self { _process: process, data, address }
    }

    /// From now on this person meets this server.
    pub fn meets(&self, town: &Town, name: &str) {
        town.moved_to(name, &town.address(), &self.address.to_string());
    }

    pub fn leaves(&self, town: &Town, name: &str) {
        town.moved_to(name, &self.address.to_string(), &town.address());
    }
}

/// A lying server in front of the real one; everybody meets it from now on.
pub async fn liar_between(town: &Town) -> Lies {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let real = town.address().parse().unwrap();
    let lies = liar::serve(listener, &town.data(), real, town.root.path().join("people"));
    for name in PEOPLE {
        town.moved_to(name, &town.address(), &address);
    }
    lies
}

/// The names of the files in a folder.
pub fn names(folder: &Path) -> Vec<String> {
    let files = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}
