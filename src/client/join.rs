//! Coming in: joining with an invitation, bringing an identity to a new computer, and taking people in.

mod anew;

use prost::Message as _;

use super::failure::{Exit, Failure, distrust};
use super::found::{checked_admission, own_identity, read_code};
use super::home::{self, Contact, Folder};
use super::remote::{self, Remote};
use super::session::{Env, Session, sign_command};
use crate::args;
use crate::escrow::act::join_mac_message;
use crate::escrow::command::SignedCommand;
use crate::escrow::id::DeviceId;
use crate::escrow::log::merkle::TreeHead;
use crate::escrow::organisation::CLOCK_TOLERANCE;
use crate::proto::v1;
use crate::seal::device::DeviceKey;
use crate::seal::identity::Identity;
use crate::seal::invitation::{ContactCard, Invitation, ServerAddress};
use crate::seal::secret::Secret;
use crate::seal::words::BadWords;

/// What lets somebody in.
enum Entering {
    /// An invitation that somebody made for them.
    Invited(Invitation),
    /// The 24 words, or the identity that is here: they are in already, this computer is not.
    Known(ContactCard),
}

impl Entering {
    fn card(&self) -> &ContactCard {
        match self {
            Self::Invited(invitation) => &invitation.contact,
            Self::Known(card) => card,
        }
    }

    fn act(&self, identity: &Identity, device: &DeviceKey) -> v1::command::Act {
        let keys = identity.keys();
        match self {
            Self::Invited(invitation) => {
                let id = invitation.contact.organisation;
                let message = join_mac_message(&id, &invitation.roles, &keys, &device.public());
                v1::command::Act::Join(v1::Join {
                    token: invitation.secret.token().expose().to_vec(),
                    roles: invitation.roles.to_wire(),
                    person: Some(keys.into()),
                    device: Some(device.public().into()),
                    mac: invitation.secret.mac(&message).to_vec(),
                })
            }
            Self::Known(_) => v1::command::Act::EnrolDevice(v1::EnrolDevice {
                device: Some(device.public().into()),
                person: Some(keys.into()),
            }),
        }
    }

    /// Enters where this home does not belong to the organisation yet.
    async fn first(&self, env: &Env, identity: Identity) -> Result<Session, Failure> {
        let folder = env.home.folder(self.card().organisation);
        let device = folder.prepare()?;
        let mut session = enter(env, folder, &identity, device, self, false).await?.with_identity(identity);
        session.sync().await?;
        home::remove(&session.folder.join(ENTERING))?;
        Ok(session)
    }
}

/// The file of commands that make us known, until the log shows one of them.
const ENTERING: &str = "entering";

/// Joins with an invitation.
pub async fn join(env: &Env, code: &Secret) -> Result<(), Failure> {
    let invitation = read_code(code, Invitation::from_code)?;
    refuse_joined(env, &invitation.contact)?;
    let identity = own_identity(env)?;
    let session = Entering::Invited(invitation).first(env, identity).await?;
    tell_joined(&session)
}

/// The same where this home has a log of the association that the others left: that is put aside. `typed` is the charter
/// code, as somebody read it aloud; without it, it is asked for.
pub async fn join_anew(env: &Env, code: &Secret, typed: Option<&str>) -> Result<(), Failure> {
    let invitation = read_code(code, Invitation::from_code)?;
    let identity = own_identity(env)?;
    let session = anew::begin(env, &Entering::Invited(invitation), identity, typed).await?;
    tell_joined(&session)
}

fn tell_joined(session: &Session) -> Result<(), Failure> {
    let (out, me) = (&session.env.out, session.me());
    let keys = session.state()?.person(&me).map(|person| person.keys).ok_or_else(super::failure::no_organisation)?;
    out.tell("join-done", &args! { organisation: session.organisation_name() });
    out.tell("join-fingerprint", &args! { code: keys.fingerprint() });
    out.data(&serde_json::json!({
        "organisation": session.folder.id.to_string(), "person": me.to_string(),
        "fingerprint": keys.fingerprint().to_string(),
    }));
    Ok(())
}

fn refuse_joined(env: &Env, card: &ContactCard) -> Result<(), Failure> {
    match env.home.folder(card.organisation).join("checkpoint").exists() {
        true => Err(Failure::new(Exit::Usage, "failed-joined-already")),
        false => Ok(()),
    }
}

/// Brings an identity back from its 24 words, on this computer, with a new device key.
pub async fn restore_identity(env: &Env, words: &Secret, card: &Secret) -> Result<(), Failure> {
    let card = read_code(card, ContactCard::from_code)?;
    refuse_joined(env, &card)?;
    let identity = identity_of(env, words)?;
    let session = Entering::Known(card).first(env, identity).await?;
    tell_restored(&session)
}

/// The same where this home has a log of the association that the others left: that is put aside. The words are needed
/// only where the identity is not here. `typed` as for [`join_anew`].
pub async fn restore_identity_anew(
    env: &Env,
    words: Option<&Secret>,
    card: &Secret,
    typed: Option<&str>,
) -> Result<(), Failure> {
    let card = read_code(card, ContactCard::from_code)?;
    let identity = match words {
        Some(words) => identity_of(env, words)?,
        None => env.unlock.identity(&env.home, &env.out)?,
    };
    let session = anew::begin(env, &Entering::Known(card), identity, typed).await?;
    tell_restored(&session)
}

fn tell_restored(session: &Session) -> Result<(), Failure> {
    let (out, me) = (&session.env.out, session.name_of(&session.me()));
    out.tell("restore-done", &args! { name: &me, organisation: session.organisation_name() });
    out.data(&serde_json::json!({ "organisation": session.folder.id.to_string(), "name": me }));
    Ok(())
}

/// The identity of these 24 words, which is the one that is here, or becomes it.
fn identity_of(env: &Env, words: &Secret) -> Result<Identity, Failure> {
    let restored = Identity::from_words(words.expose_str().unwrap_or_default(), None).map_err(bad_words)?;
    if env.home.has_identity() {
        let present = env.unlock.identity(&env.home, &env.out)?;
        if present.person() != restored.person() {
            return Err(Failure::new(Exit::Failed, "failed-identity-exists").with("path", env.home.path().display()));
        }
        return Ok(present);
    }
    let passphrase = env.unlock.new_passphrase(&env.out)?;
    let _waiting = env.out.wait("progress-unlock");
    env.home.store_identity(&restored, &passphrase, env.unlock.work)?;
    Ok(restored)
}

/// Sends the command that makes this device known, then fetches and verifies the log. What was sent once is kept and
/// sent again, whatever the server answered: it may be in the log although the server says that it refused it, and
/// then every other command of ours is refused rightly. A device that the server knows already sends nothing.
///
/// Nothing is cosigned or said before the caller has looked at the log.
async fn enter(
    env: &Env,
    folder: Folder,
    identity: &Identity,
    device: DeviceKey,
    entering: &Entering,
    known: bool,
) -> Result<Session, Failure> {
    let card = entering.card();
    let act = entering.act(identity, &device);
    let pending = folder.join(ENTERING);
    let mut kept = match home::read_if_there(&pending)? {
        Some(bytes) => remote::decode_list(&bytes).ok_or_else(|| home::damaged(&pending))?,
        None => Vec::new(),
    };
    let address = card.address.as_str();
    let mut remote = Remote::connect(address, &card.server_key, &device).await?;
    let mut refused = None;
    let mut entered = None;
    for signed in &kept {
        match remote.submit(Some(folder.id), signed, Vec::new(), Vec::new()).await {
            Ok(index) => entered = Some(index),
            Err(failure) if failure.exit() == Exit::Refused => refused = Some(failure),
            Err(failure) => return Err(failure),
        }
        if entered.is_some() {
            break;
        }
    }
    if entered.is_none() && !known {
        // The same again, made within what clocks may differ by, would only get the same answer.
        let again = |k: &SignedCommand| {
            let same =
                v1::Command::decode(k.to_wire().command.as_slice()).is_ok_and(|c| c.act.as_ref() == Some(&act));
            same && k.command().created.distance(env.now()) <= CLOCK_TOLERANCE
        };
        if let Some(failure) = refused.filter(|_| kept.iter().any(again)) {
            return Err(failure);
        }
        let signed = sign_command(identity, folder.id, TreeHead::EMPTY, env.now(), act)?;
        kept.push(signed.clone());
        home::write(&pending, &remote::encode_list(&kept))?;
        entered = Some(remote.submit(Some(folder.id), &signed, Vec::new(), Vec::new()).await?);
    }
    let contact = Contact {
        address: address.to_owned(),
        server_key: card.server_key,
        log_key: card.log_key,
        checkpoint: card.checkpoint,
        me: identity.person(),
    };
    // Before there is a contact, so that no other verb gets in and cosigns what was not looked at.
    let lock = env.lock(&folder)?;
    folder.store_contact(&contact)?;
    let mut session = Session::locked(env, folder, lock)?;
    session.pull().await?;
    let forget = |session: &Session| {
        home::remove(&session.folder.join("contact.json"))?;
        home::remove(&session.folder.join("checkpoint"))
    };
    // The invitation names its maker's key: whoever shows us a log without that person shows us another log. Nothing
    // of it is cosigned, and this home does not know the organisation.
    if let Entering::Invited(invitation) = entering
        && session.state()?.person(&invitation.inviter.person()).is_none()
    {
        forget(&session)?;
        return Err(distrust("distrust-inviter", None));
    }
    // Only the log says that we are in: a server could answer, and leave us out of what the others see.
    let (own, me) = (session.device.id(), identity.person());
    let owner = session.state()?.device_owner(&own);
    let is_in = kept.iter().any(|signed| session.replica.index_of(&signed.id(session.folder.id)).is_some())
        || (known && owner.is_some_and(|(person, _)| *person == me));
    if !is_in {
        forget(&session)?;
        return Err(distrust("distrust-receipt", None).with("index", entered.unwrap_or_default()));
    }
    Ok(session)
}

fn bad_words(error: crate::seal::identity::IdentityError) -> Failure {
    use crate::seal::identity::IdentityError;
    match error {
        IdentityError::Words(bad) => words_failure(bad),
        other => Failure::technical(other),
    }
}

/// Says where on the paper the mistake is; it is never corrected for the person.
pub fn words_failure(bad: BadWords) -> Failure {
    match bad {
        BadWords::Count { found } => Failure::new(Exit::Usage, "words-count").with("found", found),
        BadWords::Unknown { position, .. } => Failure::new(Exit::Usage, "words-unknown").with("position", position),
        _ => Failure::new(Exit::Usage, "words-checksum"),
    }
}

/// Proposes to take in somebody who joined after the founding.
pub async fn admit(env: &Env, name: &str) -> Result<(), Failure> {
    let mut session = env.session()?;
    session.sync_to_sign().await?;
    let person = session.find_person(name)?;
    let admission = checked_admission(&mut session, &person)?;
    let newcomer = session.state()?.person(&person).map(|p| (p.keys, p.name));
    let (keys, name) = newcomer.ok_or_else(super::failure::no_organisation)?;
    let args = args! { name: session.needed_text(&name)?, code: keys.fingerprint() };
    env.unlock.confirm(&env.out, "ask-admit", &args, "--yes")?;
    let act = v1::command::Act::ProposeAdmission(v1::ProposeAdmission { admission: Some(admission) });
    let index = session.submit(act, Vec::new()).await?;
    super::charter::tell_proposal(&session, index)
}

/// Proposes to remove a member.
pub async fn remove(env: &Env, name: &str, reason: &str) -> Result<(), Failure> {
    let mut session = env.session()?;
    session.sync_to_sign().await?;
    let person = session.find_person(name)?;
    let (reason, blob) = session.text(&crate::escrow::text::Text::parse(reason)?)?;
    let act =
        v1::command::Act::ProposeRemoval(v1::ProposeRemoval { person: person.to_vec(), reason: reason.to_vec() });
    let index = session.submit(act, vec![blob]).await?;
    super::charter::tell_proposal(&session, index)
}

/// Leaves the organisation. Having left, we may not read the log that would show it.
pub async fn leave(env: &Env) -> Result<(), Failure> {
    let mut session = env.session()?;
    session.sync_to_sign().await?;
    let args = args! { organisation: session.organisation_name() };
    env.unlock.confirm(&env.out, "ask-leave", &args, "--yes")?;
    match session.submit(v1::command::Act::Leave(v1::Leave {}), Vec::new()).await {
        Ok(_) => env.out.tell("leave-done", &args),
        // The server took the command, which is why it stays in the outbox, and then no longer knew this computer.
        // Whatever else went wrong says nothing about having left.
        Err(failure) if failure.key() == "refused-unknown-device" && pending(&session)? => {
            env.out.tell("leave-unseen", &args);
        }
        Err(failure) => return Err(failure),
    }
    env.out.data(&serde_json::json!({ "left": session.folder.id.to_string() }));
    Ok(())
}

/// Whether something that was signed is not known to be in the log. Synchronising empties the outbox, or fails.
fn pending(session: &Session) -> Result<bool, Failure> {
    let outbox = session.folder.join("outbox");
    let mut entries = std::fs::read_dir(&outbox).map_err(|e| Failure::io(&outbox, e))?;
    Ok(entries.next().is_some())
}

/// Revokes a device of ours, by the beginning of its id.
pub async fn revoke_device(env: &Env, prefix: &str) -> Result<(), Failure> {
    let mut session = env.session()?;
    session.sync_to_sign().await?;
    let me = session.me();
    let devices = session.state()?.devices().iter();
    let mine = devices.filter(|(id, d)| d.person == me && d.revoked.is_none() && id.to_string().starts_with(prefix));
    let found: Vec<DeviceId> = mine.map(|(id, _)| *id).collect();
    let [device] = found.as_slice() else {
        return Err(Failure::new(Exit::Usage, "failed-device-unknown").with("device", prefix));
    };
    let act = v1::command::Act::RevokeDevice(v1::RevokeDevice { device: device.to_vec() });
    let this = *device == session.device.id();
    if this {
        env.unlock.confirm(&env.out, "ask-revoke-this", &args! {}, "--yes")?;
    }
    match session.submit(act, Vec::new()).await {
        Ok(_) => {}
        // As when leaving: shut out, this computer does not see the entry any more.
        Err(failure) if this && failure.key() == "refused-unknown-device" && pending(&session)? => {}
        Err(failure) => return Err(failure),
    }
    env.out.tell("device-revoked", &args! { device: &device.to_string()[..8] });
    Ok(())
}

/// The contact card of an organisation, as lines to print.
pub fn contact_card(session: &Session) -> Result<Secret, Failure> {
    let card = ContactCard {
        organisation: session.folder.id,
        address: ServerAddress::parse(&session.contact.address).map_err(Failure::technical)?,
        server_key: session.contact.server_key,
        log_key: session.contact.log_key,
        checkpoint: session.replica.head(),
    };
    card.to_code().map_err(Failure::technical)
}

/// Prints the contact card of the organisation: what a new computer needs besides the 24 words.
pub fn card(env: &Env) -> Result<(), Failure> {
    let code = contact_card(&env.session()?)?;
    let code = code.expose_str().unwrap_or_default();
    if env.out.is_json() {
        env.out.data(&serde_json::json!({ "card": code }));
    } else {
        env.out.line(code);
    }
    Ok(())
}
