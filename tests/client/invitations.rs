//! Invitations, words and cards: used twice, too late, elsewhere, mistyped, or interrupted.

use std::fs;

use sequestre::client::consent;
use sequestre::client::failure::{Exit, Failure};
use sequestre::client::found;
use sequestre::client::join;
use sequestre::client::session;
use sequestre::escrow::id::InvitationId;
use sequestre::escrow::people::Standing;
use sequestre::escrow::time::Seconds;
use sequestre::proto::v1::{self, command::Act};
use sequestre::seal::invitation::{ContactCard, Invitation, InvitationSecret, ServerAddress};
use sequestre::seal::secret::Secret;
use sequestre::seal::words::Language;

use crate::town::*;

fn secret(text: &str) -> Secret {
    Secret::from_string(text.to_owned())
}

/// What is in an invitation's file.
fn read(path: &std::path::Path) -> String {
    fs::read_to_string(path).unwrap()
}

/// Joining fails like this, and neither the log nor the newcomer's list of associations has grown.
async fn refused(town: &Town, name: &str, code: &str, exit: Exit, key: &str) -> Failure {
    let told = town.fails(name, async |env: &_| join::join(env, &secret(code)).await, exit, key).await;
    assert!(town.env(name).home.organisations().unwrap().is_empty());
    told
}

/// Somebody joined, and Awa can propose to take them in.
async fn joined(town: &Town, name: &str) {
    join::admit(&town.env(AWA), name).await.unwrap();
    let session = town.session(AWA).await;
    let person = session.find_person(name).unwrap();
    let id = *session.state().unwrap().proposals().last_key_value().unwrap().0;
    drop(session);
    // To propose is to sign.
    consent::approve(&town.env(BRUNO), id).await.unwrap();
    let session = town.session(MAUD).await;
    let standing = &session.state().unwrap().person(&person).unwrap().standing;
    assert!(matches!(standing, Standing::Admitted { member: true }));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invitation_works_once() {
    let town = Town::founded().await;
    let code = read(&town.invite(AWA, OMAR).await);
    town.join(OMAR).await.unwrap();
    refused(&town, "thief", &code, Exit::Refused, "refused-invitation-used").await;
    let again = async |env: &_| join::join(env, &secret(&code)).await;
    town.fails(OMAR, again, Exit::Usage, "failed-joined-already").await;
    // Until he is taken in he reads, and can do nothing else.
    let ask = async |env: &_| sequestre::client::request::request(env, asking(LABEL, Seconds::HOUR)).await;
    town.fails(OMAR, ask, Exit::Refused, "refused-not-admitted").await;
    joined(&town, OMAR).await;
    let id = town.granted(OMAR, Seconds::HOUR).await;
    assert_eq!(town.open(OMAR, id).await.unwrap(), PASSWORD);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invitation_lives_14_days() {
    let town = Town::founded().await;
    let code = read(&town.invite(AWA, OMAR).await);
    town.pass(Seconds(14 * 86_400));
    refused(&town, OMAR, &code, Exit::Refused, "refused-invitation-expired").await;
    // A new one, into the same home.
    town.invite(AWA, OMAR).await;
    town.pass(Seconds(14 * 86_400 - 1));
    town.join(OMAR).await.unwrap();
    joined(&town, OMAR).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancelled_invitation_is_void() {
    let town = Town::founded().await;
    let code = read(&town.invite(AWA, OMAR).await);
    let invitation: InvitationId = Invitation::from_code(&code).unwrap().secret.id();
    let mut session = town.session(AWA).await;
    let cancel = || Act::CancelInvitation(v1::CancelInvitation { invitation: invitation.to_vec() });
    session.submit(cancel(), vec![]).await.unwrap();
    failure(session.submit(cancel(), vec![]).await, Exit::Refused, "refused-invitation-cancelled");
    drop(session);
    refused(&town, OMAR, &code, Exit::Refused, "refused-invitation-cancelled").await;
    town.invite(AWA, OMAR).await;
    town.join(OMAR).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_mistyped_is_shown_where_and_sent_nowhere() {
    let town = Town::founded().await;
    let file = read(&town.invite(AWA, OMAR).await);
    let lines: Vec<&str> = file.lines().filter(|line| !line.starts_with('#')).collect();
    assert!(lines.len() > 2);
    // The daemon is away: what follows is found out without it.
    town.stop().await;
    let sentence = |told: Failure, parts: &[String]| {
        let text = told.to_string();
        assert!(parts.iter().all(|part| text.contains(part)), "{text} {parts:?}");
        assert!(!lines.iter().any(|line| text.contains(line)), "{text}");
    };
    for (number, line) in lines.iter().enumerate() {
        for position in [6, line.len() / 2, line.len() - 1] {
            let with = |new: char| {
                let mut bytes = line.as_bytes().to_vec();
                bytes[position] = new as u8;
                let mut changed: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
                changed[number] = String::from_utf8(bytes).unwrap();
                changed.join("\n")
            };
            let typo = if line.as_bytes()[position] == b'q' { 'p' } else { 'q' };
            let (line, position) = ((number + 1).to_string(), (position + 1).to_string());
            let told = refused(&town, OMAR, &with(typo), Exit::Usage, "code-typo-at").await;
            sentence(told, &[line.clone(), position.clone()]);
            let told = refused(&town, OMAR, &with('b'), Exit::Usage, "code-character").await;
            sentence(told, &[line, position]);
        }
        let mut missing = lines.clone();
        missing.remove(number);
        let told = refused(&town, OMAR, &missing.join("\n"), Exit::Usage, "code-missing").await;
        sentence(told, &[(number + 1).to_string()]);
    }
    refused(&town, OMAR, "", Exit::Usage, "code-none").await;
    refused(&town, OMAR, "please let me in", Exit::Usage, "code-none").await;
    let card = join::contact_card(&town.env(AWA).session().unwrap()).unwrap();
    refused(&town, OMAR, card.expose_str().unwrap(), Exit::Usage, "code-wrong-kind").await;
    assert!(!town.env(OMAR).home.has_identity(), "no identity is made for a code that cannot be read");
    town.start().await;
    // In capitals, in another order, wrapped and indented it is the same code.
    let mut odd: Vec<String> = lines.iter().map(|line| format!("  {}\n   {}", &line[..20], &line[20..])).collect();
    odd.reverse();
    join::join(&town.env(OMAR), &secret(&odd.join("\n").to_uppercase())).await.unwrap();
}

/// The invitation with another contact or secret.
fn forged(code: &str, change: impl FnOnce(&mut Invitation)) -> String {
    let mut invitation = Invitation::from_code(code).unwrap();
    change(&mut invitation);
    invitation.to_code().unwrap().expose_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invitation_to_somewhere_else() {
    let (here, there) = tokio::join!(Town::founded(), Town::another());
    let ours = read(&here.invite(AWA, OMAR).await);
    let theirs = read(&there.root.path().join("invitations").join("Bruno.txt"));
    let other = Invitation::from_code(&theirs).unwrap();
    // A secret that another association made.
    let bytes = other.secret.to_secret_bytes();
    let mixed = forged(&ours, |i| i.secret = InvitationSecret::from_bytes(bytes).unwrap());
    refused(&here, OMAR, &mixed, Exit::Refused, "refused-invitation-unknown").await;
    // The right server, asked for an association that it does not keep.
    let elsewhere = forged(&ours, |i| i.contact.organisation = "ab".repeat(32).parse().unwrap());
    let told = town_failure(&here, &elsewhere).await;
    assert_eq!((told.exit(), told.key()), (Exit::Refused, "refused-unknown-organisation"));
    // Another server in the place of ours: it is not even spoken to.
    let address = other.contact.address.clone();
    let misled = forged(&ours, |i| i.contact.address = address);
    let entries = there.entries();
    refused(&here, OMAR, &misled, Exit::Distrust, "distrust-server-key").await;
    assert_eq!(there.entries(), entries);
    // Nobody there at all.
    let nowhere = forged(&ours, |i| i.contact.address = ServerAddress::parse("127.0.0.1:1").unwrap());
    refused(&here, OMAR, &nowhere, Exit::Unreachable, "failed-unreachable").await;
    // All of it went into one home; the right one still works there.
    here.join(OMAR).await.unwrap();
    joined(&here, OMAR).await;
}

async fn town_failure(town: &Town, code: &str) -> Failure {
    join::join(&town.env(OMAR), &secret(code)).await.err().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invitation_into_another_log_is_noticed() {
    let town = Town::founded().await;
    let code = read(&town.invite(AWA, OMAR).await);
    // The inviter saw another log of this size than the one that the server shows.
    let other = forged(&code, |i| i.contact.checkpoint.root = "cd".repeat(32).parse().unwrap());
    let told = join::join(&town.env(OMAR), &secret(&other)).await;
    failure(told, Exit::Distrust, "distrust-fork");
    let sync = async |env: &_| session::sync(env).await;
    town.fails(OMAR, sync, Exit::Distrust, "distrust-stopped").await;
    // A log whose checkpoints another key signs.
    let code = read(&town.invite(AWA, "Pia").await);
    let key = Invitation::from_code(&code).unwrap().inviter;
    let other = forged(&code, |i| i.contact.log_key = key);
    failure(join::join(&town.env("Pia"), &secret(&other)).await, Exit::Distrust, "distrust-checkpoint");
    // A log that does not know the inviter.
    let code = read(&town.invite(AWA, "Quentin").await);
    let stranger = sequestre::seal::identity::Identity::generate().unwrap().keys().signing;
    let other = forged(&code, |i| i.inviter = stranger);
    failure(join::join(&town.env("Quentin"), &secret(&other)).await, Exit::Distrust, "distrust-inviter");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_that_the_server_put_in_a_newcomers_place_are_not_taken_in() {
    let town = Town::founded().await;
    let code = read(&town.invite(AWA, OMAR).await);
    let invitation = Invitation::from_code(&code).unwrap();
    let (token, roles) = (invitation.secret.token(), invitation.roles.to_wire());
    let organisation = invitation.contact.organisation;
    // The daemon sees the token, and not the secret: it can join with keys of its own, and no MAC.
    let mut session = town.session(THEO).await;
    let puppet = sequestre::seal::identity::Identity::generate().unwrap();
    let device = sequestre::seal::device::DeviceKey::generate().unwrap();
    let act = Act::Join(v1::Join {
        token: token.expose().to_vec(),
        roles,
        person: Some(puppet.keys().into()),
        device: Some(device.public().into()),
        mac: vec![7; 32],
    });
    let now = session.env.now();
    let empty = sequestre::escrow::log::merkle::TreeHead::EMPTY;
    let signed = session::sign_command(&puppet, organisation, empty, now, act).unwrap();
    let remote = session.remote().await.unwrap();
    remote.submit(Some(organisation), &signed, vec![], vec![]).await.unwrap();
    drop(session);
    let admit = async |env: &_| join::admit(env, OMAR).await;
    town.fails(AWA, admit, Exit::Distrust, "distrust-joiner").await;
    let admit = async |env: &_| join::admit(env, OMAR).await;
    town.fails(BRUNO, admit, Exit::Failed, "failed-not-inviter").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn joining_goes_on_where_it_was_interrupted() {
    let town = Town::founded().await;
    // The daemon is not there.
    town.invite(AWA, OMAR).await;
    town.stop().await;
    let code = read(&town.root.path().join("invitations").join("Omar.txt"));
    refused(&town, OMAR, &code, Exit::Unreachable, "failed-unreachable").await;
    town.pass(Seconds(3600));
    town.start().await;
    town.join(OMAR).await.unwrap();
    joined(&town, OMAR).await;
    // The daemon took it, and went away before it could say so.
    let code = read(&town.invite(AWA, "Pia").await);
    let answer = join::join(&town.cut_off("Pia"), &secret(&code)).await;
    failure(answer, Exit::Unreachable, "failed-unreachable");
    town.pass(Seconds(3600));
    town.start().await;
    let entries = town.entries();
    town.join("Pia").await.unwrap();
    assert_eq!(town.entries(), entries);
    joined(&town, "Pia").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_that_look_alike_are_not_invited() {
    let town = Town::founded().await;
    for (name, roles, exit, key) in [
        ("Bruno", "member", Exit::Usage, "failed-lookalike"),
        ("Вruno", "member", Exit::Usage, "failed-lookalike"),
        ("Chloe", "member", Exit::Usage, "failed-lookalike"),
        ("Omar", "treasurer", Exit::Usage, "failed-role-unknown"),
        ("", "member", Exit::Usage, "text-empty"),
        ("Om\u{202e}ar", "member", Exit::Usage, "text-invisible"),
    ] {
        let folder = town.root.path().join("invitations");
        let invite = async |env: &_| found::invite(env, name, &[roles.to_owned()], &folder).await;
        town.fails(AWA, invite, exit, key).await;
    }
    // Who does not belong to the admission agreement does not invite.
    for who in [MAUD, THEO, NINA] {
        let folder = town.root.path().join("invitations");
        let invite = async |env: &_| found::invite(env, OMAR, &["member".to_owned()], &folder).await;
        town.fails(who, invite, Exit::Refused, "refused-may-not-invite").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn words_and_cards_that_are_wrong() {
    let (town, other) = tokio::join!(Town::founded(), Town::another());
    let env = town.env(BRUNO);
    let words = env.unlock.identity(&env.home, &env.out).unwrap().to_words(Language::French);
    let words: Vec<String> = words.expose_str().unwrap().split(' ').map(str::to_owned).collect();
    let card = join::contact_card(&town.env(BRUNO).session().unwrap()).unwrap();
    let card = card.expose_str().unwrap().to_owned();
    let restore = async |words: &[String], card: &str, exit, key: &str| {
        let verb = async |env: &_| join::restore_identity(env, &secret(&words.join(" ")), &secret(card)).await;
        let told = town.fails("new computer", verb, exit, key).await;
        assert!(town.env("new computer").home.organisations().unwrap().is_empty());
        told
    };
    for position in [0, 4, 23] {
        let mut wrong = words.clone();
        wrong[position] = "zzzz".to_owned();
        let told = restore(&wrong, &card, Exit::Usage, "words-unknown").await.to_string();
        assert!(told.contains(&(position + 1).to_string()) && !told.contains("zzzz"), "{told}");
    }
    restore(&words[..23], &card, Exit::Usage, "words-count").await;
    let mut exchanged = words.clone();
    let other_word = (1..24).find(|at| exchanged[*at] != exchanged[0]).unwrap();
    exchanged.swap(0, other_word);
    // One time in 256 such a mistake is a valid set of words: of somebody whom nobody knows.
    let told = join::restore_identity(&town.env("unlucky"), &secret(&exchanged.join(" ")), &secret(&card)).await;
    assert!(matches!(told.err().unwrap().key(), "words-checksum" | "refused-stranger"));
    assert!(!town.env("new computer").home.has_identity());

    let mut typo = card.clone().into_bytes();
    typo[10] = if typo[10] == b'q' { b'p' } else { b'q' };
    restore(&words, &String::from_utf8(typo).unwrap(), Exit::Usage, "code-typo-at").await;
    // The card of an association that does not know Bruno's key, of no association, of a server that is not ours.
    let of = |change: fn(&mut ContactCard, &ContactCard)| {
        let theirs = join::contact_card(&other.env(AWA).session().unwrap()).unwrap();
        let theirs = ContactCard::from_code(theirs.expose_str().unwrap()).unwrap();
        let mut ours = ContactCard::from_code(&card).unwrap();
        change(&mut ours, &theirs);
        ours.to_code().unwrap().expose_str().unwrap().to_owned()
    };
    let unknown = of(|ours, _| ours.organisation = "ab".repeat(32).parse().unwrap());
    restore(&words, &unknown, Exit::Refused, "refused-unknown-organisation").await;
    let elsewhere = of(|ours, theirs| ours.address = theirs.address.clone());
    restore(&words, &elsewhere, Exit::Distrust, "distrust-server-key").await;
    let stranger = sequestre::seal::identity::Identity::generate().unwrap().to_words(Language::English);
    let verb = async |env: &_| join::restore_identity(env, &stranger, &secret(&card)).await;
    town.fails("stranger", verb, Exit::Refused, "refused-stranger").await;
    // Another person's words in a home that has an identity.
    let verb = async |env: &_| join::restore_identity(env, &stranger, &secret(&card)).await;
    town.fails("new computer", verb, Exit::Failed, "failed-identity-exists").await;
    // And then the right ones.
    let verb = join::restore_identity(&town.env("new computer"), &secret(&words.join(" ")), &secret(&card)).await;
    verb.unwrap();
    let id = town.ask(NINA).await;
    town.approve("new computer", id).await.unwrap();
    town.approve(CHLOE, id).await.unwrap();
    assert_eq!(town.open(NINA, id).await.unwrap(), PASSWORD);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_device_is_shut_out() {
    let town = Town::founded().await;
    let env = town.env(BRUNO);
    let words = env.unlock.identity(&env.home, &env.out).unwrap().to_words(Language::English);
    let card = join::contact_card(&env.session().unwrap()).unwrap();
    join::restore_identity(&town.env("Bruno's new computer"), &words, &card).await.unwrap();
    let stolen = env.session().unwrap().device.id().to_string();
    let id = town.ask(NINA).await;
    for (prefix, key) in [("", "failed-device-unknown"), ("zz", "failed-device-unknown")] {
        let revoke = async |env: &_| join::revoke_device(env, prefix).await;
        town.fails("Bruno's new computer", revoke, Exit::Usage, key).await;
    }
    // Nobody revokes somebody else's.
    let revoke = async |env: &_| join::revoke_device(env, &stolen).await;
    town.fails(AWA, revoke, Exit::Usage, "failed-device-unknown").await;
    let mut session = town.session(AWA).await;
    let base = session.replica.head();
    let act = Act::RevokeDevice(v1::RevokeDevice { device: hex::decode(&stolen).unwrap() });
    failure(send(&mut session, base, act, vec![]).await, Exit::Refused, "refused-device-unknown");
    drop(session);

    join::revoke_device(&town.env("Bruno's new computer"), &stolen[..12]).await.unwrap();
    let sync = async |env: &_| session::sync(env).await;
    town.fails(BRUNO, sync, Exit::Refused, "refused-unknown-device").await;
    let approve = async |env: &_| consent::approve(env, id).await;
    town.fails(BRUNO, approve, Exit::Refused, "refused-unknown-device").await;
    // Its cosignature does not count any more; the new computer's does.
    let session = town.session(AWA).await;
    assert!(session.cosignatures.iter().all(|c| c.device().to_string() != stolen));
    drop(session);
    town.approve("Bruno's new computer", id).await.unwrap();
    town.approve(CHLOE, id).await.unwrap();
    assert_eq!(town.open(NINA, id).await.unwrap(), PASSWORD);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_leaves_is_told_so_only_when_it_is_so() {
    let town = Town::founded().await;
    let wrong = town.env(BRUNO).unlock;
    let leave = async |env: &session::Env| join::leave(&session::Env { unlock: wrong.clone(), ..env.clone() }).await;
    town.fails(NINA, leave, Exit::Failed, "failed-passphrase").await;
    for name in [AWA, MAUD, THEO] {
        let leave = async |env: &_| join::leave(env).await;
        town.fails(name, leave, Exit::Refused, "refused-not-removable").await;
    }
    town.stop().await;
    let leave = async |env: &_| join::leave(env).await;
    town.fails(NINA, leave, Exit::Unreachable, "failed-unreachable").await;
    town.start().await;
    join::leave(&town.env(NINA)).await.unwrap();
    let session = town.session(MAUD).await;
    let nina = town.env(NINA).session().unwrap().me();
    assert!(matches!(session.state().unwrap().person(&nina).unwrap().standing, Standing::Gone { .. }));
    let sync = async |env: &_| session::sync(env).await;
    town.fails(NINA, sync, Exit::Refused, "refused-unknown-device").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn revoking_the_computer_in_front_of_one_is_done_when_it_is_done() {
    let town = Town::founded().await;
    let device = town.env(NINA).session().unwrap().device.id();
    join::revoke_device(&town.env(NINA), &device.to_string()).await.unwrap();
    let session = town.session(MAUD).await;
    assert!(session.state().unwrap().devices()[&device].revoked.is_some());
}
