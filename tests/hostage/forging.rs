//! Attacks on consent: approvals, members, trustees and charters that nobody agreed to, and true approvals put where
//! they do not belong.

use sequestre::client::failure::Exit;
use sequestre::client::request;
use sequestre::client::session::sign_command;
use sequestre::escrow::command::SignedCommand;
use sequestre::escrow::entry::Entry;
use sequestre::escrow::id::BlobId;
use sequestre::escrow::key::Signature;
use sequestre::escrow::time::Seconds;
use sequestre::proto::v1::{self, command::Act};
use sequestre::seal::device::DeviceKey;
use sequestre::seal::identity::Identity;

use crate::liar::Lie;
use crate::scene::*;
use crate::thief::{entries, entries_in};
use crate::town::*;

/// Each of these, put into the log, is refused by everybody, and changes nothing for anybody.
async fn nobody_accepts(town: &Town, forgeries: Vec<SignedCommand>, key: &str) {
    let before = remember(town).await;
    for forgery in forgeries {
        let now = town.now();
        forge(town, |entries, _, _| {
            let now = now.max(last_time(entries));
            append(entries, forgery, now);
        })
        .await;
        for name in [AWA, CHLOE, NINA] {
            distrusts(town, name, key);
        }
        rewind(town, &before).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forges_an_approval() {
    let town = Town::founded_at(Kind::Program).await;
    let id = town.ask(NINA).await;
    does(&town, CHLOE, &["approve", &id.to_string()]);
    let session = town.session(NINA).await;
    let (organisation, base) = (session.folder.id, session.replica.head());
    let request = session.state().unwrap().request(id).unwrap().clone();
    drop(session);
    // One more than Chloé's would open it. Bruno did not.
    let act = approval(&request, &vec![BlobId::of(b"a share that nobody released"); request.parts.len()]);
    let (bruno, theo, thief) = (identity(&town, BRUNO), identity(&town, THEO), Identity::generate().unwrap());
    let forgeries = vec![
        falsely_signed(&bruno, &thief, organisation, base, town.now(), act.clone()),
        sign_command(&thief, organisation, base, town.now(), act.clone()).unwrap(),
        sign_command(&theo, organisation, base, town.now(), act).unwrap(),
    ];
    nobody_accepts(&town, forgeries, "distrust-entry").await;
    assert_eq!(says(&town, NINA, &["show", &id.to_string()]), (3, "failed-not-granted".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forges_a_member() {
    let town = Town::founded_at(Kind::Program).await;
    town.invite(AWA, OMAR).await;
    town.join(OMAR).await.unwrap();
    let session = town.session(OMAR).await;
    let (organisation, base, omar) = (session.folder.id, session.replica.head(), session.me());
    let newcomer = session.state().unwrap().person(&omar).unwrap().clone();
    drop(session);
    let [awa, bruno, theo, omar] = [AWA, BRUNO, THEO, OMAR].map(|name| identity(&town, name));
    let thief = Identity::generate().unwrap();
    let admission = v1::Admission {
        keys: Some(newcomer.keys.into()),
        roles: vec![v1::Role::Member as i32],
        join_index: newcomer.joined.index,
        join_leaf: newcomer.joined.leaf.to_vec(),
    };
    let act = || Act::ProposeAdmission(v1::ProposeAdmission { admission: Some(admission.clone()) });
    let now = town.now();
    let forgeries = vec![
        falsely_signed(&awa, &thief, organisation, base, now, act()),
        sign_command(&omar, organisation, base, now, act()).unwrap(),
        sign_command(&theo, organisation, base, now, act()).unwrap(),
    ];
    nobody_accepts(&town, forgeries, "distrust-entry").await;
    // One trustee really proposes it; the second signature, which is needed, is a forgery.
    does(&town, AWA, &["admit", OMAR]);
    let all = entries(&town);
    let proposal = all.iter().rposition(|entry| matches!(act_of(entry), Some(Act::ProposeAdmission(_)))).unwrap();
    let sign =
        Act::Sign(v1::Sign { proposal_index: proposal as u64, proposal_leaf: Entry::leaf(&all[proposal]).to_vec() });
    let signed = falsely_signed(&bruno, &thief, organisation, head(&all), now, sign);
    nobody_accepts(&town, vec![signed], "distrust-entry").await;
    // He is still a candidate, and asks for nothing.
    let session = town.env(OMAR).session().unwrap();
    assert!(session.state().unwrap().roles(&session.me()).is_empty());
}

/// A second charter that somebody proposes, with a signature of each trustee that is none.
async fn charter_with(change: impl FnOnce(&mut v1::Charter, &Identity)) {
    let town = Town::founded_at(Kind::Program).await;
    let session = town.session(THEO).await;
    let (organisation, base) = (session.folder.id, session.replica.head());
    drop(session);
    let all = entries(&town);
    let founding = all.iter().enumerate().find_map(|(index, entry)| match act_of(entry) {
        Some(Act::ProposeCharter(proposal)) => Some((index, proposal.charter?)),
        _ => None,
    });
    let (index, mut charter) = founding.unwrap();
    let (theo, thief, now) = (identity(&town, THEO), Identity::generate().unwrap(), town.now());
    charter.version = 2;
    change(&mut charter, &thief);
    let act = Act::ProposeCharter(v1::ProposeCharter { charter: Some(charter), roll: Vec::new() });
    // The founding charter's own true signatures stand in the log, for another proposal.
    let signatures = all.iter().filter_map(|entry| {
        let Some(Act::Sign(sign)) = act_of(entry) else { return None };
        let v1::entry::What::Command(signed) =
            prost::Message::decode(entry.as_slice()).map(|e: v1::Entry| e.what).ok()??
        else {
            return None;
        };
        (sign.proposal_index == index as u64).then_some((sign, signed))
    });
    let signatures: Vec<_> = signatures.collect();
    assert!(signatures.len() >= 2);
    nobody_accepts(
        &town,
        vec![sign_command(&thief, organisation, base, now, act.clone()).unwrap()],
        "distrust-entry",
    )
    .await;
    let proposed = sign_command(&theo, organisation, base, now, act).unwrap();
    let version = |name: &str| {
        let session = town.env(name).session().unwrap();
        session.state().unwrap().charter().unwrap().version()
    };
    for (_, genuine) in signatures.into_iter().take(2) {
        let proposed = proposed.clone();
        let before = remember(&town).await;
        forge(&town, |entries, _, _| {
            let now = now.max(last_time(entries));
            let index = append(entries, proposed, now);
            let leaf = Entry::leaf(entries.last().unwrap()).to_vec();
            let mut command: v1::Command = prost::Message::decode(genuine.command.as_slice()).unwrap();
            command.act = Some(Act::Sign(v1::Sign { proposal_index: index, proposal_leaf: leaf }));
            let bytes = prost::Message::encode_to_vec(&command);
            let (signer, signature) = (genuine.signer.unwrap(), genuine.signature.unwrap());
            let signer = sequestre::escrow::key::VerifyingKey::ed25519(&signer.key).unwrap();
            let signature = Signature::parse(1, &signature.signature).unwrap();
            append(entries, SignedCommand::new(bytes, signer, signature).unwrap(), now);
        })
        .await;
        for name in [AWA, CHLOE, MAUD] {
            distrusts(&town, name, "distrust-entry");
            assert_eq!(version(name), 1);
        }
        rewind(&town, &before).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forges_a_trustee() {
    // The technician makes himself a trustee, or puts a key of his own in the place of one.
    charter_with(|charter, thief| {
        let puppet = thief.person().to_vec();
        let replaced = std::mem::replace(&mut charter.trustees[0], puppet.clone());
        charter.trustees.sort();
        for group in charter.quorums.iter_mut().flat_map(|quorum| &mut quorum.groups) {
            group.members.retain(|member| *member != replaced);
            group.members.push(puppet.clone());
            group.members.sort();
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forges_a_charter() {
    // The same people under another log key, and accesses of three months.
    charter_with(|charter, _| {
        charter.log_key = Some(DeviceKey::generate().unwrap().public().into());
        charter.vaults[0].longest_lease = 7_776_000;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn inserts_an_approval_obtained_on_a_fork() {
    let town = Town::founded_at(Kind::Program).await;
    let id = town.ask(NINA).await;
    does(&town, BRUNO, &["approve", &id.to_string()]);
    let fork = Fork::of(&town).await;
    // On the fork Awa asks too; what Chloé is shown there is another log, in which she approves Nina's request.
    fork.meets(&town, AWA);
    fork.meets(&town, CHLOE);
    town.ask(AWA).await;
    does(&town, CHLOE, &["approve", &id.to_string()]);
    let theirs = entries_in(&fork.data);
    let approval = theirs.last().unwrap();
    assert!(matches!(act_of(approval), Some(Act::Approve(approve)) if approve.request_index == id));
    // In the log of the others it is built on something that never was.
    forge(&town, |entries, _, _| {
        let mut wire = Entry::parse(approval).unwrap();
        wire.index = entries.len() as u64;
        entries.push(wire.encode());
    })
    .await;
    for name in [NINA, BRUNO, MAUD] {
        distrusts(&town, name, "distrust-entry");
    }
    assert_eq!(says(&town, NINA, &["show", &id.to_string()]).0, Exit::Distrust as i32);
    // Chloé finds out as soon as she meets the others' log.
    fork.leaves(&town, CHLOE);
    assert_eq!(says(&town, CHLOE, &["sync"]).0, Exit::Distrust as i32);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn inserts_a_withheld_approval_after_the_requester_lost_their_standing() {
    let town = Town::founded_at(Kind::Program).await;
    let lies = liar_between(&town).await;
    let id = town.ask(NINA).await;
    does(&town, BRUNO, &["approve", &id.to_string()]);
    lies.submit.lock().unwrap().push_back(Lie::Kept);
    assert_eq!(says(&town, CHLOE, &["approve", &id.to_string()]).0, Exit::Refused as i32);
    let kept = lies.kept.lock().unwrap().pop().unwrap().command.unwrap();
    // Her shares stay with her until the log says that the request is over: the server has a signature and no share.
    assert!(!names(&town.folder(CHLOE).join("released")).is_empty());
    // Nina is removed.
    does(&town, AWA, &["remove", NINA, "--reason", "left in anger"]);
    let session = town.session(BRUNO).await;
    let proposal = *session.state().unwrap().proposals().last_key_value().unwrap().0;
    drop(session);
    does(&town, BRUNO, &["approve", &proposal.to_string()]);
    assert_eq!(says(&town, NINA, &["show", &id.to_string()]).0, Exit::Refused as i32);
    let withheld = SignedCommand::parse(kept).unwrap();
    forge(&town, |entries, _, _| {
        let now = last_time(entries);
        append(entries, withheld, now);
    })
    .await;
    for name in [AWA, BRUNO, CHLOE, MAUD] {
        distrusts(&town, name, "distrust-entry");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replays_an_approval_for_another_request() {
    let town = Town::founded_at(Kind::Program).await;
    let first = town.granted(NINA, Seconds::HOUR).await;
    request::give_back(&town.env(NINA), first).await.unwrap();
    let second = town.ask(NINA).await;
    let all = entries(&town);
    let genuine =
        |entry: &Vec<u8>| matches!(act_of(entry), Some(Act::Approve(approve)) if approve.request_index == first);
    let approval = all.iter().find(|entry| genuine(entry)).unwrap().clone();
    let before = remember(&town).await;
    // As it is, and with the other request's number.
    for renamed in [false, true] {
        forge(&town, |entries, _, _| {
            let mut copy = approval.clone();
            if renamed {
                let leaf = Entry::leaf(&entries[second as usize]).to_vec();
                edit(&mut copy, |command| match &mut command.act {
                    Some(Act::Approve(approve)) => {
                        (approve.request_index, approve.request_leaf) = (second, leaf);
                    }
                    _ => panic!("not the approval"),
                });
            }
            let mut entry = Entry::parse(&copy).unwrap();
            (entry.index, entry.time) = (entries.len() as u64, last_time(entries));
            entries.push(entry.encode());
        })
        .await;
        for name in [NINA, BRUNO, MAUD] {
            distrusts(&town, name, "distrust-entry");
        }
        rewind(&town, &before).await;
    }
    assert_eq!(town.request(MAUD, second).await.approvals.len(), 0);
}
