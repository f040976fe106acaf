//! Many who write and many who read and check everything, for a while.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use prost::Message as _;
use sequestre::client::home::Folder;
use sequestre::client::session::sign_command;
use sequestre::escrow::entry::{Entry, What};
use sequestre::escrow::id::{CommandId, Digest};
use sequestre::escrow::log::checkpoint::LogVerifier;
use sequestre::escrow::log::merkle::{MemoryTree, TreeHead, leaf_hash, root_at, verify_consistency};
use sequestre::escrow::log::proof::ProofFile;
use sequestre::escrow::replay::{Replay, Trust};
use sequestre::proto::api::v1 as api;
use sequestre::proto::api::v1::escrow_client::EscrowClient;
use sequestre::proto::v1::{self, command::Act};
use sequestre::seal::identity::Identity;
use sequestre::store::fsck::fsck;
use sequestre::tls;
use tonic::transport::Channel;

use crate::chance::{Chance, number};
use crate::town::*;

/// Commands on their way at once, of each who writes.
const AT_ONCE: usize = 3;

struct Hammer {
    town: Town,
    over: AtomicBool,
    /// Nobody waits for an answer any more.
    all_written: AtomicBool,
    /// What the daemon said that it wrote, by index.
    written: Mutex<BTreeMap<u64, CommandId>>,
    read: AtomicU64,
    proved: AtomicU64,
}

/// From now on nobody's day has an end.
pub async fn without_limits(town: &Town) {
    let mut session = town.session(AWA).await;
    let charter = session.state().unwrap().charter().unwrap().wire().clone();
    let mut charter = v1::Charter::decode(charter.encode_to_vec().as_slice()).unwrap();
    charter.version += 1;
    charter.limits = Some(v1::Limits { entries_per_day: 1_000_000, bytes_per_day: 1 << 40 });
    let proposal = v1::ProposeCharter { charter: Some(charter), roll: Vec::new() };
    let id = session.submit(Act::ProposeCharter(proposal), Vec::new()).await.unwrap();
    drop(session);
    for name in [BRUNO, CHLOE] {
        let limits = town.session(name).await.state().unwrap().charter().unwrap().limits();
        if limits.entries_per_day != 1_000_000 {
            town.approve(name, id).await.unwrap();
        }
    }
}

impl Hammer {
    fn folder(&self, name: &str) -> Folder {
        self.town.env(name).home.choose(None).unwrap()
    }

    async fn client(&self, name: &str) -> EscrowClient<Channel> {
        let folder = self.folder(name);
        let (contact, device) = (folder.contact().unwrap(), folder.device().unwrap());
        EscrowClient::new(tls::connect(&contact.address, contact.server_key, Some(&device)).await.unwrap())
    }

    fn verifier(&self, name: &str) -> LogVerifier {
        let folder = self.folder(name);
        LogVerifier::new(folder.id, folder.contact().unwrap().log_key)
    }

    async fn checkpoint(&self, client: &mut EscrowClient<Channel>, log: &LogVerifier) -> TreeHead {
        let request = api::GetCheckpointRequest { organisation: log.organisation().to_vec() };
        let answer = client.get_checkpoint(request).await.unwrap().into_inner();
        *log.verify(&answer.checkpoint).unwrap().head()
    }

    /// Writes, and remembers every answer.
    async fn writes(&self, name: &str, identity: &Identity, base: TreeHead) {
        let organisation = self.folder(name).id;
        let client = self.client(name).await;
        let one = async || {
            let mut client = client.clone();
            while !self.over.load(Ordering::SeqCst) {
                let drill = v1::RecordDrill { tree: Some(base.into()), seconds: 1, blobs: 1, works: true };
                let now = self.town.now();
                let signed = sign_command(identity, organisation, base, now, Act::RecordDrill(drill)).unwrap();
                let request = api::SubmitRequest {
                    organisation: organisation.to_vec(),
                    command: Some(signed.to_wire()),
                    blobs: Vec::new(),
                    founding_token: Vec::new(),
                };
                // Now and then the same again: it must be the same entry.
                let index = client.submit(request.clone()).await.unwrap().into_inner().index;
                if index.is_multiple_of(7) {
                    assert_eq!(client.submit(request).await.unwrap().into_inner().index, index);
                }
                let before = self.written.lock().unwrap().insert(index, signed.id(organisation));
                assert_eq!(before, None, "two commands at one place");
            }
        };
        let all: [_; AT_ONCE] = std::array::from_fn(|_| one());
        let [a, b, c] = all;
        tokio::join!(a, b, c);
    }

    /// Follows the log, and checks everything that can be: signatures and rules, the tree, each kind of proof.
    async fn reads(&self, name: &str, mut chance: Chance) {
        let (log, mut client) = (self.verifier(name), self.client(name).await);
        let organisation = log.organisation().to_vec();
        let mut tree = MemoryTree::new();
        let mut leaves: Vec<Digest> = Vec::new();
        let mut replay: Option<Replay> = None;
        let mut known = TreeHead::EMPTY;
        let mut once_more = true;
        while !self.all_written.load(Ordering::SeqCst) || std::mem::take(&mut once_more) {
            let head = self.checkpoint(&mut client, &log).await;
            assert!(head.size >= known.size, "the log became shorter");
            // Consistency with what was seen before, by its proof.
            if known.size > 0 {
                let request =
                    api::GetConsistencyProofRequest { organisation: organisation.clone(), old_size: known.size };
                let proof = client.get_consistency_proof(request).await.unwrap().into_inner();
                let newer = *log.verify(&proof.checkpoint).unwrap().head();
                let hashes: Vec<Digest> = proof.hashes.iter().map(|hash| Digest::parse(hash).unwrap()).collect();
                verify_consistency(&known, &newer, &hashes).unwrap();
            }
            let (from, to) = (leaves.len() as u64, head.size);
            let request = api::StreamEntriesRequest { organisation: organisation.clone(), from, to };
            let mut stream = client.stream_entries(request).await.unwrap().into_inner();
            while let Some(batch) = stream.message().await.unwrap() {
                for entry in batch.entries {
                    match &mut replay {
                        None => replay = Some(Replay::begin(*log.organisation(), &entry, Trust::Nothing).unwrap().0),
                        Some(replay) => drop(replay.push(&entry, Trust::Nothing).unwrap()),
                    }
                    let index = leaves.len() as u64;
                    if let What::Command(signed) = Entry::parse(&entry).unwrap().what
                        && let Some(written) = self.written.lock().unwrap().get(&index)
                    {
                        assert_eq!(signed.id(*log.organisation()), *written, "entry {index} is another command");
                    }
                    leaves.push(leaf_hash(&entry));
                    tree.push(leaf_hash(&entry));
                }
            }
            assert_eq!(tree.head(), head, "the entries are not those of the checkpoint");
            if known.size > 0 {
                assert_eq!(root_at(&tree, known.size).unwrap(), known.root, "what was seen before changed");
            }
            self.read.fetch_add(to - from, Ordering::SeqCst);
            // Inclusion of some entry.
            let index = chance.below(leaves.len()) as u64;
            let request = api::GetInclusionProofRequest { organisation: organisation.clone(), index };
            let proof = client.get_inclusion_proof(request).await.unwrap().into_inner().proof;
            let proof: ProofFile = proof.parse().unwrap();
            assert_eq!(proof.verify(&leaves[index as usize], &log).unwrap().index(), index);
            self.proved.fetch_add(2, Ordering::SeqCst);
            known = head;
        }
        // Everything that anybody was told is there.
        let written = self.written.lock().unwrap();
        assert!(written.keys().all(|index| *index < known.size), "an entry was acknowledged and is not in the log");
    }

    /// Learns of every new size, and of none that is not there.
    async fn watches(&self, name: &str) {
        let (log, mut client) = (self.verifier(name), self.client(name).await);
        let request = api::WatchRequest { organisation: log.organisation().to_vec() };
        let mut stream = client.watch(request).await.unwrap().into_inner();
        let mut last = 0;
        while !self.over.load(Ordering::SeqCst) {
            let next = tokio::time::timeout(Duration::from_millis(200), stream.message()).await;
            let Ok(told) = next else { continue };
            let size = told.unwrap().unwrap().size;
            assert!(size >= last, "the log became shorter");
            last = size;
            let head = self.checkpoint(&mut client, &log).await;
            assert!(head.size >= size, "a size was told before it was there");
        }
    }

    /// The whole database, again and again, while it is written.
    async fn checks(&self) {
        while !self.over.load(Ordering::SeqCst) {
            let data = self.town.data();
            let report = tokio::task::spawn_blocking(move || fsck(&data)).await.unwrap().unwrap();
            assert_eq!(report.findings, []);
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_write_and_many_check_what_they_read() {
    let chance = Chance::of_this_run("hammer");
    let length = Duration::from_secs(number("SEQUESTRE_TEST_HAMMER_SECONDS", 8));
    let overrides = sequestre::daemon::config::Overrides {
        requests_per_minute: Some(1_000_000),
        ..sequestre::daemon::config::Overrides::default()
    };
    let town = Town::founded().await;
    without_limits(&town).await;
    town.stop().await;
    town.start_with(overrides).await;
    let base = town.session(AWA).await.replica.head();
    let identity = |name: &str| {
        let env = town.env(name);
        env.unlock.identity(&env.home, &env.out).unwrap()
    };
    let [awa, bruno, chloe] = [AWA, BRUNO, CHLOE].map(identity);
    let hammer = Hammer {
        town,
        over: AtomicBool::new(false),
        all_written: AtomicBool::new(false),
        written: Mutex::default(),
        read: AtomicU64::new(0),
        proved: AtomicU64::new(0),
    };
    let begun = Instant::now();
    let ends = async {
        tokio::time::sleep(length).await;
        hammer.over.store(true, Ordering::SeqCst);
    };
    let mut second = chance.clone();
    second.next();
    let writers = async {
        tokio::join!(
            hammer.writes(AWA, &awa, base),
            hammer.writes(BRUNO, &bruno, base),
            hammer.writes(CHLOE, &chloe, base)
        );
        hammer.all_written.store(true, Ordering::SeqCst);
    };
    let readers =
        async { tokio::join!(hammer.reads(MAUD, chance), hammer.reads(NINA, second), hammer.watches(THEO)) };
    tokio::join!(ends, writers, readers, hammer.checks());
    let (written, read) = (hammer.written.lock().unwrap().len(), hammer.read.load(Ordering::SeqCst));
    let proved = hammer.proved.load(Ordering::SeqCst);
    println!("{written} written, {read} read, {proved} proofs in {:?}", begun.elapsed());
    assert!(written > 20 && read > 20 && proved > 10);
    // People's own clients come to the same log.
    let mut heads = Vec::new();
    for name in [AWA, MAUD] {
        heads.push(hammer.town.session(name).await.replica.head());
    }
    assert!(heads.windows(2).all(|pair| pair[0] == pair[1]));
    hammer.town.stop().await;
    assert_eq!(fsck(&hammer.town.data()).unwrap().findings, []);
}
