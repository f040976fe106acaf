//! Following a move: verify, bring it if nobody did, fetch and prove the log that goes on, exchange, and sign anew what
//! was lost.
//!
//! Until everything was proved, nothing of this home is changed. What proves a move: this computer's own replica leads
//! to the prefix, so that its charter decides; or, where the replica is shorter, the log that the new server shows
//! contains all of it, from genesis, and allows the move. A replica that is not part of the new log is believed
//! itself: without the signatures of the people whom its own charter names, nothing is followed.

pub(in crate::client) mod lost;

use std::fs;
use std::path::PathBuf;

use prost::Message as _;
use serde_json::json;

use self::lost::{finish_again, lost_commands, send_again, sign_anew};
use super::super::failure::{Exit, Failure, clock_off, distrust};
use super::super::home;
use super::super::remote::Remote;
use super::super::session::{Env, Session, sign_command};
use super::sign::{expired, is_expired, text};
use super::stage::{Stage, unused};
use super::{Relation, allowed_to_take, open, read_signed, screen, state_at, told};
use crate::args;
use crate::escrow::charter::Charter;
use crate::escrow::entry::{Entry, What};
use crate::escrow::id::PersonId;
use crate::escrow::log::checkpoint::{LogVerifier, SignedCheckpoint};
use crate::escrow::log::merkle::{TreeHead, root_at};
use crate::escrow::moving::{MoveStatement, SignedMove, VerifiedMove};
use crate::escrow::organisation::{CLOCK_TOLERANCE, Organisation};
use crate::escrow::quorum::Quorum;
use crate::escrow::refusal::Refusal;
use crate::escrow::replay::{Replay, Trust};
use crate::proto::v1;

/// What this computer stopped for when it saw two moves that cannot both hold.
const TWO_MOVES: &str = "distrust-two-moves";

/// Goes along with a move.
pub async fn follow(env: &Env, files: &[PathBuf], give_up: Option<u64>) -> Result<(), Failure> {
    let signed = gather(env, files)?;
    let mut session = open(env, signed.statement.organisation)?;
    let statement = signed.statement.clone();
    refuse_one_of_two(&session, &signed)?;
    if followed_already(&session, &signed)? {
        env.out.tell("move-followed-already", &args! { address: statement.address() });
        return finish_again(&mut session).await;
    }
    let relation = Relation::of(&session, &statement.prefix);
    let mut proved = judge(&session, &signed, relation)?;
    let signed = match &proved {
        Some(verified) => {
            // Others say nothing, and must not stand in the log as if they had.
            let own = session.state().ok().and_then(Organisation::charter);
            let charters = || [Some(verified.charter()), own].into_iter().flatten();
            let quorums: Vec<&Quorum> = charters().filter_map(Charter::amend).collect();
            let destroy: Vec<&Quorum> = charters().filter_map(Charter::destroy).collect();
            signed
                .only(|person| quorums.iter().any(|quorum| quorum.names(person)))
                .only_rounds_of(|person| destroy.iter().any(|quorum| quorum.names(person)))
        }
        None => signed,
    };
    let signers: Vec<PersonId> = signed.signers().collect();
    if session.state().is_ok() {
        env.out.screen(&screen(&session, &signed, &signers, proved.is_some())?);
    }
    env.unlock.confirm(&env.out, "ask-move-follow", &args! { address: statement.address() }, "--yes")?;

    let mut remote = Remote::connect(statement.address(), &statement.server_key, &session.device).await?;
    let note = arrive(&mut session, &mut remote, &signed, proved.is_some()).await?;
    let next = fetch(&session, &mut remote, &statement, &note, relation).await?;
    check_move(&session, &signed, proved.as_ref(), &next)?;
    let own = session.replica.entries()?;
    let common = own.iter().zip(&next.entries).take_while(|(ours, theirs)| ours == theirs).count();
    let pinned = session.contact.checkpoint;
    let has_pinned = root_at(next.replay.tree(), pinned.size) == Ok(pinned.root);
    // What the file says itself was on the screen; whatever else is lost, its owner gives up by its number.
    let shown = proved.is_some() && matches!(relation, Relation::Covers(lost) if lost <= statement.gives_up);
    if proved.is_none() && common < own.len() {
        // A later charter's move: the one that left our own log is in the log itself.
        proved = earlier_move(&session, common, &next)?;
    }
    if proved.is_none() && (common < own.len() || !has_pinned) {
        // Nobody whom our own charter names has said that this log goes on and ours does not.
        return Err(Failure::new(Exit::Distrust, "move-differs"));
    }
    if !shown && common < own.len() {
        agree_to_lose(&session, own.len() - common, common, give_up)?;
    }
    let stopped = session.replica.stopped().is_some();
    send_again(&session, &own, common, &next.replay, &session.folder)?;
    let lost = lost_commands(&session, &own, common, &next.replay, &session.folder)?;
    let keep = unused(&session.folder, statement.version());
    let contact = home::Contact {
        address: statement.address().to_owned(),
        server_key: statement.server_key,
        log_key: statement.log_key,
        checkpoint: if has_pinned { pinned } else { statement.prefix },
        me: session.me(),
    };
    let keep = (common < own.len() || stopped).then_some(keep.as_str());
    Stage { entries: &next.entries, checkpoint: &next.checkpoint, contact: &contact, keep }.apply(&session.folder)?;
    let given_up = own.len() - common;
    let evidence = keep.map(|keep| session.folder.join("evidence").join(keep));

    let mut session = reopen(env, session)?;
    session.pull().await?;
    enrol_again(&mut session).await?;
    env.out.tell("move-followed", &args! { address: statement.address(), n: session.replica.head().size });
    if let Some(path) = &evidence {
        env.out.tell("move-kept", &args! { n: given_up, path: path.display() });
    }
    let (anew, again) = sign_anew(&mut session, lost).await?;
    session.sync().await?;
    env.out.data(&json!({
        "address": statement.address(), "move": statement.digest().to_string(), "size": session.replica.head().size,
        "given_up": given_up, "evidence": evidence.map(|path| path.display().to_string()),
        "signed_anew": anew, "do_again": again,
    }));
    Ok(())
}

/// A computer that met two moves stays stopped for both, whichever of them is followed next: only a move of a later
/// charter says which of them the log went with.
fn refuse_one_of_two(session: &Session, signed: &SignedMove) -> Result<(), Failure> {
    if session.replica.stopped().is_none() {
        return Ok(());
    }
    let folder = session.folder.join("evidence");
    for entry in fs::read_dir(&folder).map_err(|e| Failure::io(&folder, e))? {
        let path = entry.map_err(|e| Failure::io(&folder, e))?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if !name.starts_with("move-") || !name.ends_with(".txt") {
            continue;
        }
        let met = match read_signed(&path) {
            Ok(kept) => kept.statement.version() >= signed.statement.version(),
            // Nothing that a damaged file says counts. Its name, which this program gave it, still tells which move it
            // was.
            Err(failure) => {
                session.env.out.failure(&failure);
                name == evidence_name(signed)
            }
        };
        if met {
            return Err(distrust(TWO_MOVES, Some(folder)));
        }
    }
    Ok(())
}

/// The name under which a move is kept as evidence.
fn evidence_name(signed: &SignedMove) -> String {
    format!("move-{}.txt", &signed.statement.digest().to_string()[..16])
}

/// The move that left our own log, where what is followed is a later one: judged by what this replica knows.
fn earlier_move(session: &Session, common: usize, next: &Next) -> Result<Option<VerifiedMove>, Failure> {
    let moves = next.replay.organisation().moves();
    let Some(moved) = moves.iter().find(|moved| moved.at.index >= common as u64) else { return Ok(None) };
    let index = usize::try_from(moved.at.index).unwrap_or(usize::MAX);
    let Some(earlier) = next.entries.get(index).and_then(|entry| move_of(entry)) else { return Ok(None) };
    refuse_one_of_two(session, &earlier)?;
    judge(session, &earlier, Relation::of(session, &earlier.statement.prefix))
}

/// Before the log was fetched, nobody could know that some of our entries are not in it: they are shown, and their
/// exact number is asked for.
fn agree_to_lose(session: &Session, lost: usize, common: usize, give_up: Option<u64>) -> Result<(), Failure> {
    if give_up == Some(lost as u64) {
        return Ok(());
    }
    let say = session.env.out.language();
    let mut lines = vec![say.plain("move-screen-differs")];
    for line in told(session, common as u64)? {
        let args = args! { index: line.index, time: say.time(line.time), text: line.sentence };
        lines.push(say.with("log-line", &args));
    }
    session.env.out.screen(&lines);
    Err(Failure::new(Exit::Distrust, "move-follow-give-up").with("n", lost))
}

/// One move from all files: the signatures of the same statement together.
fn gather(env: &Env, files: &[PathBuf]) -> Result<SignedMove, Failure> {
    let mut moves: Vec<SignedMove> = Vec::new();
    let read = files.iter().map(|path| read_signed(path)).collect::<Result<Vec<_>, _>>()?;
    let sound = read.iter().cloned().map(SignedMove::without_forged);
    let sound: Vec<_> = sound.filter(|one| !(one.signatures().is_empty() && one.rounds().is_empty())).collect();
    // A file in which everything is forged costs the others nothing; if there is no other, it is refused as what it is.
    for read in if sound.is_empty() { read } else { sound } {
        match moves.iter_mut().find(|known| known.statement.digest() == read.statement.digest()) {
            Some(known) => {
                if !known.merge(&read) {
                    return Err(Refusal::MoveSignature.into());
                }
            }
            None => moves.push(read),
        }
    }
    match <[SignedMove; 1]>::try_from(moves) {
        Ok([only]) => Ok(only),
        Err(several) => {
            if let [one, other, ..] = several.as_slice() {
                let session = open(env, one.statement.organisation)?;
                let shortest = one.statement.prefix.size.min(other.statement.prefix.size);
                let state = state_at(&session, shortest.min(session.replica.head().size))?;
                if contradict(&state, one, other) {
                    return Err(two_moves(&session, one, other));
                }
            }
            Err(Failure::new(Exit::Usage, "move-files-differ"))
        }
    }
}

/// Whether this state allows both, and the log cannot go on as both say.
fn contradict(state: &Organisation, one: &SignedMove, other: &SignedMove) -> bool {
    let verified = state.verify_move(one).ok().zip(state.verify_move(other).ok());
    verified.is_some_and(|(one, other)| one.contradicts(&other))
}

/// Whether this computer went along already; refuses a move that contradicts the one that it followed.
fn followed_already(session: &Session, signed: &SignedMove) -> Result<bool, Failure> {
    let Ok(state) = session.state() else { return Ok(false) };
    let version = signed.statement.version();
    let Some(moved) = state.moves().iter().find(|moved| moved.decided.charter().version() == version) else {
        return Ok(false);
    };
    if moved.digest == signed.statement.digest() {
        return Ok(true);
    }
    // As it was when the one that was followed was signed.
    let before = state_at(session, moved.at.index)?;
    let verified = before.verify_move(signed).map_err(Failure::from)?;
    if !verified.contradicts(&moved.decided) {
        return Ok(true);
    }
    // A file that nobody used in time says nothing about the log that went on.
    if is_expired(session, signed) {
        return Err(expired(session, signed));
    }
    let index = usize::try_from(moved.at.index).unwrap_or(usize::MAX);
    match session.replica.entries()?.get(index).and_then(|entry| move_of(entry)) {
        Some(followed) => Err(two_moves(session, &followed, signed)),
        None => Err(home::damaged(&session.folder.join("entries"))),
    }
}

/// Whether the log that the new server shows went on as the file says.
fn check_move(
    session: &Session,
    signed: &SignedMove,
    proved: Option<&VerifiedMove>,
    next: &Next,
) -> Result<(), Failure> {
    let statement = &signed.statement;
    let not_there = || Failure::new(Exit::Distrust, "move-not-there").with("address", statement.address());
    let moves = next.replay.organisation().moves();
    let moved = moves.iter().find(|moved| moved.decided.charter().version() == statement.version());
    let moved = moved.ok_or_else(not_there)?;
    if moved.digest != statement.digest() {
        let ours = proved.ok_or_else(not_there)?;
        if ours.contradicts(&moved.decided) {
            let index = usize::try_from(moved.at.index).unwrap_or(usize::MAX);
            let theirs = next.entries.get(index).and_then(|entry| move_of(entry)).ok_or_else(not_there)?;
            return Err(two_moves(session, signed, &theirs));
        }
    }
    let goes_on = root_at(next.replay.tree(), statement.prefix.size) == Ok(statement.prefix.root)
        && *next.replay.organisation().log_key() == statement.log_key;
    if goes_on { Ok(()) } else { Err(not_there()) }
}

/// Keeps both files and accepts nothing more.
fn two_moves(session: &Session, one: &SignedMove, other: &SignedMove) -> Failure {
    let folder = session.folder.join("evidence");
    let keep =
        |signed: &SignedMove| home::write(&folder.join(evidence_name(signed)), text(session, signed).as_bytes());
    let kept = keep(one).and(keep(other)).and(home::write(&folder.join("stop"), TWO_MOVES.as_bytes()));
    let failure = distrust(TWO_MOVES, Some(folder));
    match kept {
        Ok(()) => failure,
        // What was seen matters more than what the disk says.
        Err(trouble) => failure.because(trouble),
    }
}

/// The move that an entry brought.
fn move_of(entry: &[u8]) -> Option<SignedMove> {
    let What::Command(signed) = Entry::parse(entry).ok()?.what else { return None };
    match v1::Command::decode(signed.to_wire().command.as_slice()).ok()?.act? {
        v1::command::Act::Move(m) => SignedMove::parse(m).ok(),
        _ => None,
    }
}

/// What this computer's own replica says of a move, before anybody is asked. None if it cannot say: then only the whole
/// log can.
fn judge(session: &Session, signed: &SignedMove, relation: Relation) -> Result<Option<VerifiedMove>, Failure> {
    let Ok(state) = session.state() else { return Ok(None) };
    let statement = &signed.statement;
    match relation {
        Relation::Covers(_) => {
            let verified = state_at(session, statement.prefix.size)?.verify_move(signed)?;
            allowed_to_take(session, signed, &verified)?;
            Ok(Some(verified))
        }
        // The charter may have changed between our end and the prefix.
        Relation::Behind(_) | Relation::Differs => match state.verify_move(signed) {
            Ok(verified) => Ok(Some(verified)),
            Err(Refusal::CharterVersion { expected }) if expected < statement.version() => Ok(None),
            Err(_) if relation == Relation::Differs => Err(Failure::new(Exit::Distrust, "move-differs")),
            Err(refusal) => Err(refusal.into()),
        },
    }
}

/// The new server's checkpoint; if it waits for the move, after bringing it. Where our replica cannot say whether the
/// move holds, nothing is signed for this server.
async fn arrive(
    session: &mut Session,
    remote: &mut Remote,
    signed: &SignedMove,
    proved: bool,
) -> Result<String, Failure> {
    let (id, prefix) = (session.folder.id, signed.statement.prefix);
    match remote.checkpoint(id).await {
        Ok(shown) => return Ok(shown.note),
        Err(failure) if !proved => return Err(failure),
        Err(failure) if failure.key() == "refused-not-moved" && is_expired(session, signed) => {
            return Err(expired(session, signed).because(failure));
        }
        Err(failure) if failure.key() == "refused-not-moved" => {}
        // Our computer was added after the prefix: it is added again, once somebody whom the server knows was here.
        Err(failure) if failure.key() == "refused-unknown-device" => {
            let act = enrolment(session)?;
            let now = session.env.now();
            let base = TreeHead::EMPTY;
            let command = sign_command(session.identity()?, id, base, now, act)?;
            match remote.submit(Some(id), &command, Vec::new(), Vec::new()).await {
                Err(failure) if failure.key() == "refused-not-moved" => {
                    return Err(Failure::new(Exit::Unreachable, "move-others-first").because(failure));
                }
                other => drop(other?),
            }
            return Ok(remote.checkpoint(id).await?.note);
        }
        Err(failure) => return Err(failure),
    }
    let now = session.env.now();
    let act = v1::command::Act::Move(signed.to_wire());
    let command = sign_command(session.identity()?, id, prefix, now, act)?;
    let brought = remote.submit(Some(id), &command, Vec::new(), Vec::new()).await;
    // Somebody else may have been faster; what stands in the log is looked at in any case.
    match brought {
        Err(failure) if failure.exit() != Exit::Refused => return Err(failure),
        Err(failure) => return remote.checkpoint(id).await.map(|shown| shown.note).map_err(|_| failure),
        Ok(_) => {}
    }
    Ok(remote.checkpoint(id).await?.note)
}

fn enrolment(session: &mut Session) -> Result<v1::command::Act, Failure> {
    let device = session.device.public();
    let keys = session.identity()?.keys();
    Ok(v1::command::Act::EnrolDevice(v1::EnrolDevice { device: Some(device.into()), person: Some(keys.into()) }))
}

/// The log at the new server, proved.
struct Next {
    replay: Replay,
    entries: Vec<Vec<u8>>,
    checkpoint: SignedCheckpoint,
}

/// Fetches and proves the log that goes on: from the prefix, if our own replica leads there, or else from genesis.
async fn fetch(
    session: &Session,
    remote: &mut Remote,
    statement: &MoveStatement,
    note: &str,
    relation: Relation,
) -> Result<Next, Failure> {
    let id = session.folder.id;
    // It may have gone on to a later log key: that is no reproach to it.
    let later = || Failure::new(Exit::Distrust, "move-other-key").with("address", statement.address());
    let unsigned = |e| later().because(e);
    let checkpoint = LogVerifier::new(id, statement.log_key).verify(note).map_err(unsigned)?;
    let head = *checkpoint.head();
    let prefix = statement.prefix.size;
    if head.size <= prefix {
        return Err(Failure::new(Exit::Distrust, "move-not-there").with("address", statement.address()));
    }
    let mut entries = match relation {
        Relation::Covers(_) => session.replica.entries()?,
        Relation::Behind(_) | Relation::Differs => Vec::new(),
    };
    entries.truncate(usize::try_from(prefix).unwrap_or(usize::MAX));
    let mut replay: Option<Replay> = None;
    for entry in &entries {
        push(id, &mut replay, entry, Trust::OwnDisk)?;
    }
    let have = entries.len() as u64;
    let progress = session.env.out.progress("progress-entries", head.size - have);
    remote
        .entries(id, have, head.size, |batch| {
            for entry in batch {
                push(id, &mut replay, entry, Trust::Nothing)?;
                entries.push(entry.to_vec());
            }
            progress.set((entries.len() as u64).saturating_sub(have));
            Ok(())
        })
        .await?;
    let Some(replay) = replay.filter(|replay| replay.head() == head) else {
        return Err(distrust("distrust-fork", None));
    };
    let (organisation, now) = (replay.organisation(), session.env.now());
    if organisation.last_time() > now.after(CLOCK_TOLERANCE) {
        return Err(clock_off(organisation.last_time(), now));
    }
    Ok(Next { replay, entries, checkpoint })
}

fn push(
    id: crate::escrow::id::OrganisationId,
    replay: &mut Option<Replay>,
    entry: &[u8],
    trust: Trust,
) -> Result<(), Failure> {
    let pushed = match replay {
        Some(replay) => replay.push(entry, trust).map(drop),
        None => Replay::begin(id, entry, trust).map(|(begun, _)| *replay = Some(begun)),
    };
    pushed.map_err(|rejected| distrust("distrust-entry", None).with("index", rejected.index).because(rejected))
}

/// Opens the folder again, as it is after the exchange.
fn reopen(env: &Env, session: Session) -> Result<Session, Failure> {
    let (folder, identity) = session.into_parts();
    let session = Session::open(env, folder)?;
    Ok(match identity {
        Some(identity) => session.with_identity(identity),
        None => session,
    })
}

/// Adds this computer again, if that was lost.
async fn enrol_again(session: &mut Session) -> Result<(), Failure> {
    let device = session.device.id();
    if session.state()?.devices().contains_key(&device) {
        return Ok(());
    }
    let act = enrolment(session)?;
    session.submit(act, Vec::new()).await.map(drop)
}
