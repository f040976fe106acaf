//! Attacks on what is secret: the disk, the line, the memory.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt as _;

use bech32::primitives::decode::CheckedHrpstring;
use sequestre::client::failure::Exit;
use sequestre::client::request::{self, Asking};
use sequestre::client::session::Session;
use sequestre::escrow::part::PartId;
use sequestre::escrow::time::Seconds;
use sequestre::seal::sealing::{open_part, open_with};
use sequestre::seal::secret::Secret;
use sequestre::seal::sharing::{CombineError, MasterKey, ShareContext, VerifiedShare, combine, verify_share};

use crate::scene::*;
use crate::town::*;
use crate::traces::{Search, search_files};

const SECOND: &str = "second password of the lake";

/// The context and first deal of every part.
fn parts(session: &Session) -> BTreeMap<PartId, ShareContext> {
    let state = session.state().unwrap();
    let ids = state.credentials().iter().flat_map(|(credential, account)| {
        account.versions.iter().flat_map(move |(version, content)| {
            let version = sequestre::escrow::part::VersionId { credential: *credential, version: *version };
            content.parts.keys().map(move |kind| PartId { version, kind: *kind })
        })
    });
    let context = |part: &PartId| {
        let dealt = &state.part(part).unwrap().part;
        ShareContext {
            organisation: session.folder.id,
            part: *part,
            epoch: dealt.epoch,
            master_key: dealt.master_key,
        }
    };
    ids.map(|part| (part, context(&part))).collect()
}

/// A trustee's own share of a part, opened with their identity.
async fn share(town: &Town, name: &str, part: &PartId) -> VerifiedShare {
    let mut session = town.session(name).await;
    let context = parts(&session)[part];
    let deal = session.state().unwrap().part(part).unwrap().part.deals[0].clone();
    let sealed = deal.share_of(&session.me()).unwrap().1.sealed;
    let sealed = session.replica.blob(&sealed).unwrap().unwrap();
    let envelope = open_with(session.identity().unwrap().age(), &sealed).unwrap();
    verify_share(envelope, session.me(), &context, &deal).unwrap()
}

async fn master_key(town: &Town, part: &PartId, names: &[&str]) -> Result<MasterKey, CombineError> {
    let mut shares = Vec::new();
    for name in names {
        shares.push(share(town, name, part).await);
    }
    let session = town.session(AWA).await;
    let deal = session.state().unwrap().part(part).unwrap().part.deals[0].clone();
    combine(&shares, &parts(&session)[part], &deal)
}

fn key_bytes(text: &str) -> Vec<u8> {
    CheckedHrpstring::new::<bech32::Bech32>(text).unwrap().byte_iter().collect()
}

/// Everything that the attacker must not find: what people sealed, passphrases, seeds, master keys, shares, and the
/// keys of a request that runs.
async fn secrets(town: &Town, requester: &str) -> Vec<(String, Vec<u8>)> {
    let mut secrets: Vec<(String, Vec<u8>)> = [PASSWORD, SECOND, "1111 2222"]
        .map(|text| (format!("what was deposited ({text})"), text.as_bytes().to_vec()))
        .to_vec();
    for name in PEOPLE {
        secrets.push((format!("the passphrase of {name}"), format!("test passphrase of {name}").into()));
        let words = identity(town, name).to_words(sequestre::seal::words::Language::English);
        secrets.push((format!("the words of {name}"), words.expose().to_vec()));
        let entropy = bip39::Mnemonic::parse(words.expose_str().unwrap()).unwrap().to_entropy();
        secrets.push((format!("the seed of {name}"), entropy));
    }
    let all = parts(&town.session(AWA).await);
    assert_eq!(all.len(), 4, "two versions of two parts");
    for part in all.keys() {
        for name in [AWA, BRUNO, CHLOE] {
            let share = share(town, name, part).await;
            let text = share.envelope().expose_str().unwrap();
            let (_, y) = text.split_once("\"y\":\"").unwrap();
            let y = hex::decode(y.trim_end_matches("\"}")).unwrap();
            secrets.push((format!("the share of {name} of {part:?}"), y));
        }
        let key = master_key(town, part, &[AWA, CHLOE]).await.unwrap().to_age_text();
        let text = key.expose_str().unwrap();
        secrets.push((format!("the master key of {part:?}"), key_bytes(text)));
        secrets.push((format!("the master key of {part:?} in letters"), text.into()));
    }
    let mut session = town.session(requester).await;
    for file in fs::read_dir(session.folder.join("keys")).unwrap() {
        let file = fs::read(file.unwrap().path()).unwrap();
        let text = open_with(session.identity().unwrap().age(), &file[8..]).unwrap();
        for line in text.expose_str().unwrap().lines() {
            let (_, key) = line.split_once(' ').unwrap();
            secrets.push(("a request's own key".to_owned(), key_bytes(key)));
        }
    }
    secrets
}

/// Deposits, a running lease, one that is over, a refusal: with all parts of the account.
async fn daily_life(town: &Town) {
    let ask = async || {
        let all = [sequestre::escrow::part::PartKind::Password, sequestre::escrow::part::PartKind::RecoveryCodes];
        let asking = Asking { parts: all.to_vec(), ..asking(LABEL, Seconds::HOUR) };
        request::request(&town.env(NINA), asking).await.unwrap();
        let session = town.session(NINA).await;
        let id = *session.state().unwrap().requests().last_key_value().unwrap().0;
        drop(session);
        for name in [BRUNO, CHLOE] {
            does(town, name, &["approve", &id.to_string()]);
        }
        id
    };
    let first = ask().await;
    assert!(does(town, NINA, &["show", &first.to_string()]).contains(PASSWORD));
    does(town, NINA, &["return", &first.to_string()]);
    town.put(THEO, true, SECOND).await.unwrap();
    for name in [AWA, BRUNO, CHLOE] {
        town.session(name).await.confirm_shares().await.unwrap();
    }
    let second = ask().await;
    assert!(does(town, NINA, &["show", &second.to_string()]).contains(SECOND));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_everything_on_disk_and_all_traffic() {
    let town = Town::founded_at(Kind::Program).await;
    let lies = liar_between(&town).await;
    daily_life(&town).await;
    let secrets = secrets(&town, NINA).await;
    let search = Search::in_all_forms(&secrets);
    let look = |place: &str, content: &[u8]| {
        if let Some(what) = search.first_in(content) {
            panic!("{what} stands in {place}");
        }
    };
    // The database with its write-ahead log, while the daemon runs and afterwards, and all that it printed.
    let on_disk = || search_files(&town.data(), &mut |path, content| look(&path.display().to_string(), content));
    on_disk();
    let passed = lies.passed();
    // The recording is one: what is no secret stands in it, and so does what was on the line in sealed form.
    let session = town.session(AWA).await;
    let sealed = session.state().unwrap().credentials().values().next().unwrap().current().unwrap().1;
    let sealed = session.replica.blob(&sealed.parts.values().next().unwrap().part.sealed).unwrap().unwrap();
    drop(session);
    for (what, known) in
        [("a label", LABEL.as_bytes()), ("a reason", b"renew the domain"), ("a secret, sealed", &sealed)]
    {
        let seen = Search::new([(what, vec![known.to_vec()])]);
        assert!(passed.iter().any(|bytes| seen.first_in(bytes).is_some()), "{what} was not recorded");
    }
    passed.iter().for_each(|bytes| look("what passed on the line", bytes));
    town.stop().await;
    on_disk();

    // What is sealed opens with no key that the server has.
    let data = town.data();
    let own: Vec<Vec<u8>> =
        fs::read_dir(&data).unwrap().map(|file| fs::read(file.unwrap().path()).unwrap()).collect();
    assert!(own.iter().any(|content| content.starts_with(b"SQLite format 3")));
    let database = town.database();
    let seed: Vec<u8> = database.query_row("SELECT log_seed FROM organisation", [], |row| row.get(0)).unwrap();
    let mut statement = database.prepare("SELECT content FROM blob WHERE audience = 3").unwrap();
    let sealed: Vec<Vec<u8>> = statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    assert_eq!(sealed.len(), 4 * 4, "a secret and three shares for each part");
    for seed in [seed, fs::read(data.join("server.key")).unwrap()] {
        let key = sequestre::seal::identity::Identity::from_seed(Secret::new(seed)).unwrap();
        assert!(sealed.iter().all(|blob| open_with(key.age(), blob).is_err()));
    }
}

/// All memory of a process that can be read.
fn memory(pid: u32) -> io::Result<Vec<Vec<u8>>> {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps"))?;
    let file = File::open(format!("/proc/{pid}/mem"))?;
    let mut regions = Vec::new();
    for line in maps.lines() {
        let (range, rest) = line.split_once(' ').unwrap();
        let (begin, end) = range.split_once('-').unwrap();
        let [begin, end] = [begin, end].map(|digits| u64::from_str_radix(digits, 16).unwrap());
        // Code and constants are the program's own; what it was told is in what can be written.
        if !rest.starts_with("rw") {
            continue;
        }
        let mut content = Vec::new();
        let mut page = [0; 4096];
        for at in (begin..end).step_by(page.len()) {
            match file.read_at(&mut page, at) {
                // Pages that were never used are all zero.
                Ok(_) if page.iter().all(|byte| *byte == 0) => content.push(0),
                Ok(length) => content.extend_from_slice(&page[..length]),
                Err(_) => break,
            }
        }
        regions.push(content);
    }
    Ok(regions)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_the_daemons_memory_after_deposits_and_leases() {
    let mut town = Town::founded_at(Kind::Program).await;
    let (pid, _) = town.process();
    if let Err(error) = memory(pid) {
        // Without root the hardened program does not let itself be read. The attacker then runs one that does.
        assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
        town = Town::founded_at(Kind::Changed).await;
    }
    daily_life(&town).await;
    let (pid, printed) = town.process();
    let memory = memory(pid).unwrap();
    let length: usize = memory.iter().map(Vec::len).sum();
    assert!(length > 1 << 20, "{length} bytes");
    let session = town.session(AWA).await;
    let public = parts(&session).values().map(|context| context.master_key.as_bytes().to_vec()).collect();
    drop(session);
    // The public halves of the keys are in the state that the daemon keeps: this is the memory that is meant.
    let known = Search::new([("the public keys", public)]);
    assert!(memory.iter().any(|region| known.first_in(region).is_some()));
    let search = Search::in_all_forms(&secrets(&town, NINA).await);
    for content in memory.iter().chain([&printed]) {
        assert_eq!(search.first_in(content), None);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn k_minus_one_trustees_and_the_technician_together() {
    let town = Town::founded_at(Kind::Program).await;
    // Bruno has his identity and all sealed blobs, Théo the server; two of three trustees would be needed.
    let [bruno, theo] = [identity(&town, BRUNO), identity(&town, THEO)];
    let database = town.database();
    let mut statement = database.prepare("SELECT content FROM blob WHERE audience = 3").unwrap();
    let sealed: Vec<Vec<u8>> = statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    let opened = sealed.iter().filter(|blob| open_with(bruno.age(), blob).is_ok()).count();
    assert_eq!(opened, 2, "his own share of each of two parts");
    assert!(sealed.iter().all(|blob| open_with(theo.age(), blob).is_err()));
    let all = parts(&town.session(AWA).await);
    for (part, context) in &all {
        let alone = master_key(&town, part, &[BRUNO]).await;
        assert!(matches!(alone, Err(CombineError::NotEnough { have: 1, need: 2, .. })));
        // The same share twice is no second share.
        let twice = [share(&town, BRUNO, part).await, share(&town, BRUNO, part).await];
        let deal = town.session(AWA).await.state().unwrap().part(part).unwrap().part.deals[0].clone();
        assert!(matches!(combine(&twice, context, &deal), Err(CombineError::Duplicate { .. })));
        // A share says nothing about the other: his own bytes open nothing as a key.
        let text = share(&town, BRUNO, part).await.envelope().expose_str().unwrap().to_owned();
        let y = hex::decode(text.split_once("\"y\":\"").unwrap().1.trim_end_matches("\"}")).unwrap();
        let guess = MasterKey::from_bytes(Secret::new(y)).unwrap();
        assert!(sealed.iter().all(|blob| open_part(&guess, &context.part_context(), blob).is_err()));
    }
    // He asks himself, his own share counts, and the server hands out what it has: no second share.
    let id = town.ask(BRUNO).await;
    assert_eq!(
        says(&town, BRUNO, &["show", &id.to_string()]),
        (Exit::Refused as i32, "failed-not-granted".to_owned())
    );
    // The server writes that he was granted and fetched it: nobody believes that, and he opens nothing.
    forge(&town, |entries, organisation, key| {
        use sequestre::escrow::entry::{DaemonAct, Entry, SignedAct, What};
        let (index, time, act) = (entries.len() as u64, last_time(entries), DaemonAct::Collected(id));
        let signature = key.sign(&act.preimage(&organisation, index, time));
        entries.push(Entry { index, time, what: What::Act(SignedAct { act, signature }) }.encode());
    })
    .await;
    for name in [AWA, CHLOE, MAUD, BRUNO] {
        distrusts(&town, name, "distrust-entry");
    }
}
