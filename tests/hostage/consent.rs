//! Attacks on what people look at while they agree: the request, its recipient, the sealed files, the password.

use sequestre::client::deposit;
use sequestre::client::failure::Exit;
use sequestre::client::session::sign_command;
use sequestre::escrow::id::BlobId;
use sequestre::escrow::part::{PartId, PartKind};
use sequestre::escrow::time::Seconds;
use sequestre::proto::v1::{self, command::Act};
use sequestre::seal::sealing::{PartContext, PartValue, seal_part};
use sequestre::seal::secret::Secret;
use sequestre::seal::sharing::MasterKey;

use crate::scene::*;
use crate::thief::log_key;
use crate::town::*;

/// Changes Nina's request before Bruno sees it; he is told nothing else than that the log is not true, and releases
/// nothing.
async fn request_swapped(change: impl FnOnce(&mut v1::Request)) {
    let town = Town::founded_at(Kind::Program).await;
    let id = town.ask(NINA).await;
    forge(&town, |entries, _, _| {
        edit(&mut entries[id as usize], |command| match &mut command.act {
            Some(Act::Request(asked)) => change(asked),
            _ => panic!("not the request"),
        });
    })
    .await;
    assert_eq!(says(&town, BRUNO, &["approve", &id.to_string()]), (5, "distrust-entry".to_owned()));
    assert!(!town.folder(BRUNO).join("released").exists());
    assert_eq!(says(&town, NINA, &["sync"]), (5, "distrust-fork".to_owned()));
    assert_eq!(town.entries(), id + 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn swaps_the_request_under_people() {
    request_swapped(|asked| asked.duration = 30 * 86_400).await;
    // Between looking and signing: the approval names the request by its hash. What the server makes of it afterwards
    // is another request, and has no approval.
    let town = Town::founded_at(Kind::Program).await;
    let id = town.ask(NINA).await;
    does(&town, BRUNO, &["approve", &id.to_string()]);
    forge(&town, |entries, _, _| {
        edit(&mut entries[id as usize], |command| match &mut command.act {
            Some(Act::Request(asked)) => asked.duration = 30 * 86_400,
            _ => panic!("not the request"),
        });
    })
    .await;
    for name in [BRUNO, NINA] {
        distrusts(&town, name, "distrust-fork");
    }
    distrusts(&town, CHLOE, "distrust-entry");
    assert_eq!(says(&town, CHLOE, &["approve", &id.to_string()]).0, Exit::Distrust as i32);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn swaps_a_recipient_under_people() {
    // The shares would be sealed to the attacker's key.
    let key = *MasterKey::generate().unwrap().recipient();
    request_swapped(|asked| asked.parts[0].recipient = Some(key.into())).await;
    // The requester's own approval of another key, by a program of the attacker's, is a request of theirs and not hers.
    let town = Town::founded_at(Kind::Program).await;
    let id = town.ask(NINA).await;
    let thief = sequestre::seal::identity::Identity::generate().unwrap();
    let now = town.now();
    forge(&town, |entries, organisation, _| {
        let Some(Act::Request(mut asked)) = act_of(&entries[id as usize]) else { panic!("not the request") };
        asked.parts[0].recipient = Some(key.into());
        let base = head(&entries[..id as usize]);
        let forged = sign_command(&thief, organisation, base, now, Act::Request(asked)).unwrap();
        append(entries, forged, now);
    })
    .await;
    for name in [BRUNO, NINA] {
        distrusts(&town, name, "distrust-entry");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn swaps_two_credentials_sealed_files() {
    let town = Town::founded_at(Kind::Program).await;
    deposit::deposit(&town.env(THEO), account("hosting.example", false, "password of the hosting")).await.unwrap();
    let session = town.session(AWA).await;
    let sealed = |label: &str| {
        let id = session.find_credential(label).unwrap();
        let state = session.state().unwrap();
        let part: PartId = state.current_part(&id, PartKind::Password).unwrap();
        state.part(&part).unwrap().part.sealed
    };
    let (lake, hosting) = (sealed(LABEL), sealed("hosting.example"));
    drop(session);
    let id = town.granted(NINA, Seconds::HOUR).await;
    let database = town.database();
    let content = |id: &BlobId| {
        database
            .query_row("SELECT content FROM blob WHERE id = ?", [id.as_bytes()], |row| row.get::<_, Vec<u8>>(0))
            .unwrap()
    };
    let (of_lake, of_hosting) = (content(&lake), content(&hosting));
    let put = |id: &BlobId, content: &[u8]| {
        let changed =
            database.execute("UPDATE blob SET content = ? WHERE id = ?", rusqlite::params![content, id.as_bytes()]);
        assert_eq!(changed.unwrap(), 1);
    };
    put(&lake, &of_hosting);
    put(&hosting, &of_lake);
    // Files are named by their hash: what comes is not what the log names. Nobody is shown the wrong password.
    let (exit, told, complaint) = town.program(NINA, &["show", &id.to_string(), "--json"]);
    assert_ne!(exit, 0);
    assert!(complaint.contains("failed-sealed-missing"), "{complaint}");
    assert!(!told.contains("password of"), "{told}");
    // A trustee who does not hold them yet takes neither; those who do keep what they have.
    std::fs::remove_file(town.folder(BRUNO).join("blobs").join(lake.to_string())).unwrap();
    assert_eq!(says(&town, BRUNO, &["sync"]), (5, "distrust-nonsense".to_owned()));
    assert!(!town.folder(BRUNO).join("blobs").join(lake.to_string()).exists());
    // Put right, the access goes on.
    put(&lake, &of_lake);
    put(&hosting, &of_hosting);
    assert_eq!(town.open(NINA, id).await.unwrap(), PASSWORD);
    // Swapped in the deposits themselves, nobody's signature fits.
    forge(&town, |entries, _, _| {
        for entry in entries.iter_mut().filter(|entry| matches!(act_of(entry), Some(Act::Deposit(_)))) {
            edit(entry, |command| {
                let Some(Act::Deposit(deposit)) = &mut command.act else { panic!("not a deposit") };
                for part in &mut deposit.parts {
                    let other = [(&lake, &hosting), (&hosting, &lake)]
                        .into_iter()
                        .find(|(old, _)| part.sealed == old.to_vec());
                    part.sealed = other.map_or_else(|| part.sealed.clone(), |(_, new)| new.to_vec());
                }
            });
        }
    })
    .await;
    distrusts(&town, NINA, "distrust-fork");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn swaps_a_new_password_under_people() {
    let town = Town::founded_at(Kind::Program).await;
    let session = town.session(AWA).await;
    let credential = session.find_credential(LABEL).unwrap();
    let state = session.state().unwrap();
    let part = state.current_part(&credential, PartKind::Password).unwrap();
    let dealt = state.part(&part).unwrap().part.clone();
    let (organisation, base) = (session.folder.id, session.replica.head());
    drop(session);
    // Anybody can seal something to a public key: this opens with the true master key, and is not what was deposited.
    let context = PartContext { organisation, part };
    let value = PartValue { user_name: None, value: Secret::from_string("the attacker's password".to_owned()) };
    let planted = seal_part(&dealt.master_key, &context, &value).unwrap();
    let id = town.granted(NINA, Seconds::HOUR).await;
    let database = town.database();
    let values = rusqlite::params![planted, dealt.sealed.as_bytes()];
    assert_eq!(database.execute("UPDATE blob SET content = ? WHERE id = ?", values).unwrap(), 1);
    drop(database);
    let (exit, told, complaint) = town.program(NINA, &["show", &id.to_string()]);
    assert_ne!(exit, 0);
    assert!(!told.contains("attacker") && !complaint.contains("attacker"), "{told}{complaint}");
    // As a new version, in the depositor's name or in the server's own, it is a forgery.
    let (theo, thief, now) =
        (identity(&town, THEO), sequestre::seal::identity::Identity::generate().unwrap(), town.now());
    assert_eq!(log_key(&town).0, organisation);
    let before = remember(&town).await;
    for own in [false, true] {
        forge(&town, |entries, _, _| {
            let genuine = entries.iter().find_map(|entry| match act_of(entry) {
                Some(Act::Deposit(deposit)) => Some(deposit),
                _ => None,
            });
            let mut deposit = genuine.unwrap();
            deposit.version = 2;
            for part in &mut deposit.parts {
                part.master_key = Some((*MasterKey::generate().unwrap().recipient()).into());
                part.sealed = BlobId::of(&planted).to_vec();
            }
            let act = Act::Deposit(deposit);
            let forged = match own {
                true => sign_command(&thief, organisation, base, now, act).unwrap(),
                false => falsely_signed(&theo, &thief, organisation, base, now, act),
            };
            let now = now.max(last_time(entries));
            append(entries, forged, now);
        })
        .await;
        for name in [AWA, NINA, THEO] {
            distrusts(&town, name, "distrust-entry");
        }
        rewind(&town, &before).await;
    }
}
