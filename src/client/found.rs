//! Founding: genesis, invitations, and the first charter.
//!
//! What the founder planned lies in `plan.json` until the charter is proposed: names and numbers, no secrets. The
//! invitations' secrets lie beside it, sealed to the founder's identity, for checking the newcomers' MACs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::failure::{Exit, Failure};
use super::home::{self, Contact, Folder};
use super::remote::{self, Remote};
use super::session::{Env, Session, sign_command};
use crate::args;
use crate::escrow::act::Act;
use crate::escrow::charter::RULES_VERSION;
use crate::escrow::command::{NO_ORGANISATION, organisation_id};
use crate::escrow::id::{InvitationId, PersonId};
use crate::escrow::key::VerifyingKey;
use crate::escrow::log::merkle::TreeHead;
use crate::escrow::people::{InvitationState, Standing};
use crate::escrow::role::{Role, Roles};
use crate::escrow::text::Text;
use crate::escrow::time::{Seconds, Time};
use crate::proto::v1;
use crate::seal::device::DeviceKey;
use crate::seal::founding::FoundingCode;
use crate::seal::identity::Identity;
use crate::seal::invitation::{BadInvitation, ContactCard, Invitation, InvitationSecret, ServerAddress};
use crate::seal::sealing::{open_with, salted_text, seal_to};
use crate::seal::secret::Secret;

mod plan;

pub(super) use plan::sorted;
pub use plan::{DESTROY_DELAY, Members, Plan, Planned, PlannedGroup};
use plan::{load_plan, store_plan};

/// The file with a genesis that was sent and is not known to be in the log, and its two names.
const FOUNDING: &str = "founding";

/// How long an invitation lives.
const INVITATION_LIFE: Seconds = Seconds(14 * Seconds::DAY.0);

/// Founds an organisation and writes an invitation for everybody in the plan into `invitations`.
pub async fn found(env: &Env, code: &Secret, mut plan: Plan, invitations: &Path) -> Result<(), Failure> {
    plan.complete();
    plan.check()?;
    let code = read_code(code, FoundingCode::from_code)?;
    let (name, my_name) = (Text::parse(&plan.name)?, Text::parse(&plan.me)?);
    let identity = own_identity(env)?;
    let session = match resume(env, &code, &identity).await? {
        Some(folder) => Session::open(env, folder)?.with_identity(identity),
        None => begin(env, &code, identity, &name, &my_name).await?,
    };
    finish(env, session, plan, invitations).await
}

/// Sends a genesis again that was sent with this code before: the server may have entered it, whatever it answered,
/// and then the code is used up.
async fn resume(env: &Env, code: &FoundingCode, identity: &Identity) -> Result<Option<Folder>, Failure> {
    for folder in env.home.unfinished()? {
        let path = folder.join(FOUNDING);
        let Some(bytes) = home::read_if_there(&path)? else { continue };
        let mut pieces = remote::split(&bytes).ok_or_else(|| home::damaged(&path))?.into_iter();
        let signed = pieces.next().and_then(|bytes| remote::decode(&bytes)).ok_or_else(|| home::damaged(&path))?;
        let Act::Genesis(genesis) = &signed.command().act else { return Err(home::damaged(&path)) };
        if genesis.founding_token != code.token_digest() || genesis.founder != identity.keys() {
            continue;
        }
        let mut remote = Remote::connect(code.address.as_str(), &code.server_key, &folder.device()?).await?;
        match remote.submit(None, &signed, pieces.collect(), code.token().expose().to_vec()).await {
            Ok(_) => {
                pin(&folder, code, genesis.log_key, identity)?;
                return Ok(Some(folder));
            }
            Err(failure) if failure.exit() == Exit::Refused => {}
            Err(failure) => return Err(failure),
        }
    }
    Ok(None)
}

fn pin(folder: &Folder, code: &FoundingCode, log_key: VerifyingKey, identity: &Identity) -> Result<(), Failure> {
    folder.store_contact(&Contact {
        address: code.address.as_str().to_owned(),
        server_key: code.server_key,
        log_key,
        checkpoint: TreeHead::EMPTY,
        me: identity.person(),
    })
}

/// Makes a genesis and sends it.
async fn begin(
    env: &Env,
    code: &FoundingCode,
    identity: Identity,
    name: &Text,
    my_name: &Text,
) -> Result<Session, Failure> {
    let device = DeviceKey::generate().map_err(Failure::technical)?;
    let mut remote = Remote::connect(code.address.as_str(), &code.server_key, &device).await?;
    let log_key = remote.prepare_founding(code.token().expose()).await?;
    let (name, name_blob) = salted_text(name).map_err(Failure::technical)?;
    let (founder_name, founder_blob) = salted_text(my_name).map_err(Failure::technical)?;
    let genesis = v1::command::Act::Genesis(v1::Genesis {
        rules_version: RULES_VERSION,
        log_key: Some(log_key.into()),
        address: code.address.as_str().to_owned(),
        name: name.to_vec(),
        founder: Some(identity.keys().into()),
        founder_name: founder_name.to_vec(),
        device: Some(device.public().into()),
        founding_token: code.token_digest().to_vec(),
    });
    let signed = sign_command(&identity, NO_ORGANISATION, TreeHead::EMPTY, env.now(), genesis)?;
    let id = organisation_id(&signed.to_wire().command);
    let folder = env.home.folder(id);
    folder.prepare_with(&device)?;
    let blobs = vec![name_blob, founder_blob];
    home::write(&folder.join(FOUNDING), &remote::join(std::iter::once(&remote::encode(&signed)).chain(&blobs)))?;
    // The folder stays even if this is refused, because a refusal can be a lie; without a contact it is no organisation
    // of this home.
    remote.submit(None, &signed, blobs, code.token().expose().to_vec()).await?;
    pin(&folder, code, log_key, &identity)?;
    Ok(Session::open(env, folder)?.with_identity(identity))
}

/// Fetches the new log, invites everybody in the plan.
async fn finish(env: &Env, mut session: Session, mut plan: Plan, invitations: &Path) -> Result<(), Failure> {
    let id = session.folder.id;
    store_plan(&session.folder.join("plan.json"), &plan)?;
    session.sync_to_sign().await?;
    home::remove(&session.folder.join(FOUNDING))?;
    env.out.tell("found-done", &args! { name: &plan.name, id: id.to_string() });

    for index in 0..plan.people.len() {
        let Some(planned) = plan.people.get(index).cloned() else { continue };
        let roles = Plan::roles_of(&planned)?;
        let (invitation, path) = invite_to(&mut session, &planned.name, roles, invitations).await?;
        if let Some(planned) = plan.people.get_mut(index) {
            planned.invitation = Some(invitation.to_string());
        }
        store_plan(&session.folder.join("plan.json"), &plan)?;
        env.out.tell("invite-written", &args! { name: &planned.name, path: path.display() });
    }
    env.out.say("found-next");
    env.out.data(&serde_json::json!({ "organisation": id.to_string(), "name": plan.name }));
    Ok(())
}

/// Invites somebody and writes the invitation into a file of `folder`.
pub async fn invite(env: &Env, name: &str, roles: &[String], folder: &Path) -> Result<(), Failure> {
    let mut session = env.session()?;
    session.sync_to_sign().await?;
    let planned = Planned { name: name.to_owned(), roles: roles.to_vec(), invitation: None };
    let roles = Plan::roles_of(&planned)?;
    let (id, path) = invite_to(&mut session, name, roles, folder).await?;
    // During the founding a late invitee belongs to the plan like the others.
    let plan_path = session.folder.join("plan.json");
    if let (None, Some(mut plan)) = (session.state()?.charter(), load_plan(&plan_path)?) {
        let planned = Planned { invitation: Some(id.to_string()), ..planned };
        // Somebody who was planned and never got an invitation, or lost it, is invited again and not twice there.
        match plan.people.iter_mut().find(|p| p.name == name) {
            Some(known) => *known = planned,
            None => plan.people.push(planned),
        }
        store_plan(&plan_path, &plan)?;
    }
    env.out.tell("invite-written", &args! { name: name, path: path.display() });
    env.out.say("invite-next");
    env.out.data(&serde_json::json!({ "invitation": id.to_string(), "file": path.display().to_string() }));
    Ok(())
}

/// Makes an invitation: secret on our disk first, then the log, then the file to hand over.
async fn invite_to(
    session: &mut Session,
    name: &str,
    roles: Roles,
    folder: &Path,
) -> Result<(InvitationId, PathBuf), Failure> {
    let text = Text::parse(name)?;
    let known: Vec<String> = session.state()?.people().keys().map(|id| session.whole_name(id)).collect();
    session.refuse_lookalike(name, known.into_iter())?;
    let secret = InvitationSecret::generate().map_err(Failure::technical)?;
    let id = secret.id();
    let recipient = session.identity()?.keys().recipient;
    let sealed = seal_to(&recipient, secret.to_secret_bytes().expose()).map_err(Failure::technical)?;
    home::write(&session.folder.join("invitations").join(id.to_string()), &sealed)?;
    let (name_id, blob) = session.text(&text)?;
    let expires = session.env.now().after(INVITATION_LIFE);
    let act = v1::command::Act::Invite(v1::Invite {
        invitation: id.to_vec(),
        roles: roles.to_wire(),
        name: name_id.to_vec(),
        expires: expires.0,
    });
    session.submit(act, vec![blob]).await?;
    let path = write_invitation(session, name, roles, expires, secret, folder)?;
    Ok((id, path))
}

fn write_invitation(
    session: &mut Session,
    name: &str,
    roles: Roles,
    expires: Time,
    secret: InvitationSecret,
    folder: &Path,
) -> Result<PathBuf, Failure> {
    let address = ServerAddress::parse(&session.contact.address).map_err(Failure::technical)?;
    let contact = ContactCard {
        organisation: session.folder.id,
        address,
        server_key: session.contact.server_key,
        log_key: session.contact.log_key,
        checkpoint: session.replica.head(),
    };
    let inviter = session.identity()?.keys().signing;
    let invitation = Invitation { contact, inviter, roles, expires, secret };
    let code = invitation.to_code().map_err(Failure::technical)?;
    let say = session.env.out.language();
    let intro = say.with(
        "invite-file",
        &args! {
            name: name, organisation: session.organisation_name(), until: say.time(expires),
        },
    );
    let mut text: String = intro.lines().map(|line| format!("# {line}\n")).collect();
    text.push_str(code.expose_str().unwrap_or_default());
    text.push('\n');
    let text = Secret::from_string(text);
    std::fs::create_dir_all(folder).map_err(|e| Failure::io(folder, e))?;
    let safe: String = name.chars().map(|c| if c.is_alphanumeric() { c } else { '-' }).collect();
    let path = folder.join(format!("{safe}.txt"));
    home::write(&path, text.expose())?;
    Ok(path)
}

/// Proposes the founding charter with everybody who joined; `drop` leaves out invitees who did not.
pub async fn propose(env: &Env, drop: &[String]) -> Result<(), Failure> {
    let mut session = env.session()?;
    session.sync_to_sign().await?;
    let path = session.folder.join("plan.json");
    let mut plan = load_plan(&path)?.ok_or_else(|| Failure::new(Exit::Failed, "failed-no-plan"))?;
    for name in drop {
        if !plan.people.iter().any(|p| p.name == *name) {
            return Err(Failure::new(Exit::Usage, "failed-name-unknown").with("name", name));
        }
    }
    plan.leave_out(drop);
    plan.check()?;
    let mut people: BTreeMap<String, PersonId> = BTreeMap::from([(plan.me.clone(), session.me())]);
    let mut roll = vec![founder_admission(&session)?];
    let mut absent = Vec::new();
    for planned in &plan.people {
        match joined(&session, planned) {
            Some(person) => {
                roll.push(checked_admission(&mut session, &person)?);
                people.insert(planned.name.clone(), person);
            }
            None => absent.push(planned.name.clone()),
        }
    }
    if !absent.is_empty() {
        return Err(Failure::new(Exit::Failed, "failed-absent").with("list", absent.join(", ")));
    }
    confirm_newcomers(&session, &people)?;
    roll.sort_by_key(admitted_person);
    let charter = plan.charter(session.contact.log_key, session.state()?.address().to_owned(), &people);
    let act = v1::command::Act::ProposeCharter(v1::ProposeCharter { charter: Some(charter), roll });
    let index = session.submit(act, Vec::new()).await?;
    store_plan(&path, &plan)?;
    super::charter::tell_proposal(&session, index)
}

/// Shows each newcomer's keys and asks whether they are theirs: the MAC only proves that somebody had the invitation,
/// which may have been read on its way.
pub(super) fn confirm_newcomers(session: &Session, people: &BTreeMap<String, PersonId>) -> Result<(), Failure> {
    let (env, me) = (&session.env, session.me());
    for (name, id) in people.iter().filter(|(_, id)| **id != me) {
        let state = session.state()?;
        let person = state.person(id).ok_or_else(super::failure::no_organisation)?;
        // What the others will read is the name in the log, not the one in our plan.
        let known = session.needed_text(&person.name)?;
        if known != *name {
            return Err(Failure::new(Exit::Failed, "failed-name-differs").with("name", name).with("known", known));
        }
        let args = args! { name: name, code: person.keys.fingerprint() };
        env.out.tell("found-newcomer", &args);
        env.unlock.confirm(&env.out, "ask-admit", &args, "--yes")?;
    }
    Ok(())
}

fn founder_admission(session: &Session) -> Result<v1::Admission, Failure> {
    let state = session.state()?;
    let me = state.person(&session.me()).ok_or_else(super::failure::no_organisation)?;
    Ok(v1::Admission {
        keys: Some(me.keys.into()),
        roles: vec![Role::Trustee as i32],
        join_index: me.joined.index,
        join_leaf: me.joined.leaf.to_vec(),
    })
}

pub(super) fn admitted_person(admission: &v1::Admission) -> Vec<u8> {
    let key = admission.keys.as_ref().and_then(|k| k.signing.as_ref());
    key.map(|k| crate::escrow::id::sha256(&[&[k.algorithm as u8], &k.key]).to_vec()).unwrap_or_default()
}

fn joined(session: &Session, planned: &Planned) -> Option<PersonId> {
    let id: InvitationId = planned.invitation.as_ref()?.parse().ok()?;
    match session.state().ok()?.invitations().get(&id)?.state {
        InvitationState::Used(person) => Some(person),
        InvitationState::Open | InvitationState::Cancelled => None,
    }
}

/// The admission of a candidate whose MAC our secret of their invitation confirms. Without that check the server
/// could put its own keys in the newcomer's place.
pub fn checked_admission(session: &mut Session, person: &PersonId) -> Result<v1::Admission, Failure> {
    let found = session.state()?.person(person).cloned();
    let Some((candidate, Standing::Candidate(Some(candidacy)))) = found.map(|p| (p.clone(), p.standing)) else {
        return Err(Failure::new(Exit::Usage, "failed-not-candidate").with("name", session.name_of(person)));
    };
    let path = session.folder.join("invitations").join(candidacy.invitation.to_string());
    let name = session.name_of(person);
    let Some(sealed) = home::read_if_there(&path)? else {
        return Err(Failure::new(Exit::Failed, "failed-not-inviter").with("name", name));
    };
    let secret = open_with(session.identity()?.age(), &sealed).map_err(|e| home::damaged(&path).because(e))?;
    let secret = InvitationSecret::from_bytes(secret).map_err(|e| home::damaged(&path).because(e))?;
    let message = crate::escrow::act::join_mac_message(
        &session.folder.id,
        &candidacy.roles,
        &candidate.keys,
        &candidacy.device,
    );
    secret
        .verify_mac(&message, &candidacy.mac)
        .map_err(|_| Failure::new(Exit::Distrust, "distrust-joiner").with("name", name))?;
    Ok(v1::Admission {
        keys: Some(candidate.keys.into()),
        roles: candidacy.roles.to_wire(),
        join_index: candidate.joined.index,
        join_leaf: candidate.joined.leaf.to_vec(),
    })
}

/// The identity in this home, made if there is none yet: passphrase, then the 24 words, then the file.
pub fn own_identity(env: &Env) -> Result<Identity, Failure> {
    if env.home.has_identity() {
        return env.unlock.identity(&env.home, &env.out);
    }
    let identity = Identity::generate().map_err(Failure::technical)?;
    let passphrase = env.unlock.new_passphrase(&env.out)?;
    env.unlock.show_words(&env.out, &identity, env.out.language())?;
    {
        let _waiting = env.out.wait("progress-unlock");
        env.home.store_identity(&identity, &passphrase, env.unlock.work)?;
    }
    env.out.tell("identity-made", &args! { path: env.home.path().display() });
    Ok(identity)
}

/// Reads a pasted or printed code.
pub fn read_code<T>(text: &Secret, parse: impl Fn(&str) -> Result<T, BadInvitation>) -> Result<T, Failure> {
    Ok(parse(text.expose_str().unwrap_or_default())?)
}
