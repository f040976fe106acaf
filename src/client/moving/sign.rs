//! Proposing a move, and signing it: no server is needed for either.

use std::path::Path;

use serde_json::json;

use super::super::failure::{Exit, Failure};
use super::super::home;
use super::super::session::{Env, Session};
use super::known::{self, Remembered};
use super::{Relation, bad_file, known_times, open, read_signed, read_text, screen, state_at, told};
use crate::args;
use crate::escrow::charter::Charter;
use crate::escrow::id::PersonId;
use crate::escrow::key::SpokenCode;
use crate::escrow::moving::{Dated, MovePlace, Round, SignedMove};
use crate::escrow::organisation::{CLOCK_TOLERANCE, Organisation};
use crate::escrow::quorum::Quorum;
use crate::escrow::refusal::Refusal;
use crate::seal::moving::{move_file, read_place};
use crate::seal::secret::random_bytes;

/// Proposes to go on at a place that was prepared, and signs first.
pub(super) fn propose(
    env: &Env,
    place: &Path,
    output: &Path,
    give_up: Option<u64>,
    code: Option<&str>,
) -> Result<(), Failure> {
    let place = read_place(&read_text(place)?).map_err(|bad| bad_file(place, bad))?;
    let mut session = open(env, place.organisation)?;
    compare_code(env, &place, code)?;
    let lost = match Relation::of(&session, &place.prefix) {
        Relation::Covers(lost) => lost,
        Relation::Behind(n) => return Err(Failure::new(Exit::Failed, "move-behind").with("n", n)),
        Relation::Differs => return Err(Failure::new(Exit::Distrust, "move-differs")),
    };
    if lost != give_up.unwrap_or(0) {
        for line in told(&session, place.prefix.size)? {
            let args = args! { index: line.index, time: env.out.language().time(line.time), text: line.sentence };
            env.out.screen(&[env.out.language().with("log-line", &args)]);
        }
        return Err(Failure::new(Exit::Usage, "move-give-up").with("n", lost));
    }
    let state = state_at(&session, place.prefix.size)?;
    let charter = state.charter().ok_or(Refusal::NotFounded)?;
    let nonce = random_bytes::<16>().map_err(Failure::technical)?;
    let statement = place
        .statement(charter, state.log_key(), lost, env.now(), nonce)
        .map_err(|e| Failure::technical(e.to_string()))?;
    let signed = add_signatures(&mut session, &state, SignedMove::unsigned(statement))?;
    let text = text(&session, &signed);
    home::write_new(output, text.as_bytes())?;
    known::keep(&session.folder, &signed, &text)?;
    tell_signed(&session, &signed, output)
}

/// The person types what the technician reads aloud: nobody signed the place, and whoever passed it on can have changed
/// it.
fn compare_code(env: &Env, place: &MovePlace, given: Option<&str>) -> Result<(), Failure> {
    let typed = match given {
        Some(code) => code.to_owned(),
        None => env.unlock.line(&env.out, "ask-move-place", "--place-code")?,
    };
    if place.code().is_typed(&typed) { Ok(()) } else { Err(Failure::new(Exit::Refused, "move-place-differs")) }
}

/// Checks a move that somebody proposed, shows it, and adds signatures to the file.
pub(super) fn sign(env: &Env, path: &Path, unseen: bool) -> Result<(), Failure> {
    let signed = read_signed(path)?;
    let statement = &signed.statement;
    let mut session = open(env, statement.organisation)?;
    let state = match Relation::of(&session, &statement.prefix) {
        Relation::Covers(lost) if lost > 0 && statement.gives_up == 0 => return Err(Refusal::MoveUndeclared.into()),
        Relation::Covers(lost) if lost > statement.gives_up => {
            let failure = Failure::new(Exit::Refused, "move-gives-up-more");
            return Err(failure.with("n", lost).with("said", statement.gives_up));
        }
        Relation::Covers(lost) if lost < statement.gives_up && !unseen => {
            let failure = Failure::new(Exit::Failed, "move-unseen-lost");
            return Err(failure.with("n", statement.gives_up - lost));
        }
        Relation::Covers(_) => state_at(&session, statement.prefix.size)?,
        Relation::Behind(_) if unseen => session.state()?.clone(),
        Relation::Behind(n) => return Err(Failure::new(Exit::Failed, "move-unseen").with("n", n)),
        Relation::Differs => return Err(Failure::new(Exit::Distrust, "move-differs")),
    };
    let signed = add_signatures(&mut session, &state, signed)?;
    let text = text(&session, &signed);
    home::write(path, text.as_bytes())?;
    known::keep(&session.folder, &signed, &text)?;
    tell_signed(&session, &signed, path)
}

/// What this person can sign now.
struct Due {
    /// As one of those who may change the charter.
    agreement: bool,
    /// As one of those who may destroy.
    round: Option<Round>,
}

impl Due {
    /// `charters`: that at the end of the prefix, and those since then that would be given up.
    fn of(session: &Session, charters: &[Charter], signed: &SignedMove) -> Result<Self, Failure> {
        let (me, now) = (session.me(), session.env.now());
        let named = |quorum: fn(&Charter) -> Option<&Quorum>| {
            charters.iter().filter_map(quorum).any(|quorum| quorum.names(&me))
        };
        let agreement = named(Charter::amend);
        let destroys = signed.statement.gives_up > 0 && named(Charter::destroy);
        if !agreement && !destroys {
            return Err(Failure::new(Exit::Refused, "move-not-signer"));
        }
        let agreement = agreement && !signed.signers().any(|id| id == me);
        let has = |round| signed.rounds().signers(round).contains(&me);
        let round = match known::due(session, signed) {
            _ if !destroys => None,
            None => Some(Round::First).filter(|round| !has(*round)),
            Some(_) if has(Round::Second) => None,
            // By this computer's own clock, whatever the others' signatures say.
            Some(due) if now < due && agreement => None,
            Some(due) if now < due => {
                let time = session.env.out.language().time(due);
                return Err(Failure::new(Exit::Refused, "move-second-early").with("time", time));
            }
            Some(_) => Some(Round::Second),
        };
        Ok(Self { agreement, round })
    }
}

/// Shows, asks and signs. `state` is that at the end of the prefix, as far as it is known here.
fn add_signatures(session: &mut Session, state: &Organisation, signed: SignedMove) -> Result<SignedMove, Failure> {
    let charters = known::judging(session, &signed)?;
    // Whoever passed the file on may have added some that count for nothing.
    let destroys = |id: &PersonId| charters.iter().filter_map(Charter::destroy).any(|quorum| quorum.names(id));
    let mut signed = signed.only_rounds_of(destroys);
    match state.verify_move(&signed) {
        // That signatures are missing is why we are here.
        Ok(_) | Err(Refusal::MoveQuorum | Refusal::MoveNotConfirmed) => {}
        Err(refusal) => return Err(refusal.into()),
    }
    check_dates(session, state, &signed)?;
    let due = Due::of(session, &charters, &signed)?;
    let me = session.me();
    let signers: Vec<PersonId> = signed.signers().filter(|id| *id != me).collect();
    let (env, statement) = (session.env.clone(), signed.statement.clone());
    env.out.screen(&screen(session, &signed, &signers, true)?);
    let remembered = Remembered::read(&session.folder, statement.version())?;
    if remembered.others(&statement) {
        env.unlock.confirm(&env.out, "ask-move-second", &args! { version: statement.version() }, "--yes")?;
    }
    let question = match due.round {
        Some(Round::First) => "ask-move-give-up",
        Some(Round::Second) => "ask-move-give-up-again",
        None => "ask-move-sign",
    };
    env.unlock.confirm(&env.out, question, &args! { n: statement.gives_up }, "--yes")?;
    // Remembered before it is signed: afterwards it is out of our hands.
    remembered.add(&session.folder, &statement)?;
    let now = session.env.now();
    let identity = session.identity()?;
    let key = identity.keys().signing;
    if due.agreement && !signed.add(key, identity.sign(&statement.preimage(&key))) {
        return Err(Refusal::MoveSignature.into());
    }
    if let Some(round) = due.round {
        let preimage = signed.round_preimage(round, &key, now).ok_or(Refusal::MoveSignature)?;
        let dated = Dated { signer: key, time: now, signature: identity.sign(&preimage) };
        if !signed.add_to_round(round, dated) {
            return Err(Refusal::MoveSignature.into());
        }
    }
    Ok(signed)
}

/// Refuses a file that is too old, and signatures of the first round that are dated before what they give up, or
/// ahead: the second round confirms them as they are.
fn check_dates(session: &Session, state: &Organisation, signed: &SignedMove) -> Result<(), Failure> {
    let (now, statement) = (session.env.now(), &signed.statement);
    if is_expired(session, signed) {
        return Err(expired(session, signed));
    }
    let lost = known_times(session, statement.prefix.size)?;
    let from = lost.into_iter().chain([state.last_time()]).max().unwrap_or(state.last_time()).before(CLOCK_TOLERANCE);
    let until = now.after(CLOCK_TOLERANCE);
    let dated = |time| from <= time && time <= until;
    if statement.created > until || !signed.rounds().of(Round::First).iter().all(|first| dated(first.time)) {
        return Err(Refusal::MoveDates.into());
    }
    Ok(())
}

/// Whether a file was not used in time, by this computer's clock.
pub(super) fn is_expired(session: &Session, signed: &SignedMove) -> bool {
    signed.statement.expires() <= session.env.now()
}

pub(super) fn expired(session: &Session, signed: &SignedMove) -> Failure {
    let time = session.env.out.language().time(signed.statement.expires());
    Failure::new(Exit::Refused, "move-expired").with("time", time)
}

/// The file, with what it is in words.
pub(super) fn text(session: &Session, signed: &SignedMove) -> String {
    let say = session.env.out.language();
    let statement = &signed.statement;
    let names = signed.signers().map(|id| session.name_of(&id)).collect::<Vec<_>>().join(", ");
    let args = args! {
        organisation: session.organisation_name(), address: statement.address(), n: statement.prefix.size,
        names: names, code: statement.code(), time: say.time(statement.expires()),
    };
    let mut header = vec![say.with("move-file-header", &args)];
    if statement.gives_up > 0 {
        header.push(say.with("move-file-gives-up", &args! { n: statement.gives_up }));
        header.extend(known::rounds(session, signed, true).iter().map(|(key, args)| say.with(key, args)));
    }
    move_file(signed, &header)
}

/// Says what is still missing, and from when on it can be given.
fn tell_signed(session: &Session, signed: &SignedMove, path: &Path) -> Result<(), Failure> {
    let charters = known::judging(session, signed)?;
    let missing = |quorum: fn(&Charter) -> Option<&Quorum>, have: &std::collections::BTreeSet<PersonId>| {
        charters.iter().filter_map(quorum).map(|quorum| quorum.missing(have)).max().unwrap_or(0)
    };
    let amend = missing(Charter::amend, &signed.signers().collect());
    let gives_up = signed.statement.gives_up > 0;
    let [first, second] = [Round::First, Round::Second]
        .map(|round| if gives_up { missing(Charter::destroy, &signed.rounds().signers(round)) } else { 0 });
    let code: SpokenCode = signed.statement.code();
    let (out, say) = (&session.env.out, session.env.out.language());
    let due = known::due(session, signed);
    let (path, me) = (path.display().to_string(), session.me());
    match due {
        _ if amend + first + second == 0 => out.tell("move-signed-complete", &args! { path: &path, code: &code }),
        _ if !gives_up => out.tell("move-signed", &args! { n: amend, path: &path, code: &code }),
        Some(due) if second > 0 => {
            let args = args! { n: second, amend: amend, path: &path, code: &code, time: say.time(due) };
            out.tell("move-signed-first", &args);
        }
        _ => {
            let args = args! { n: amend, first: first, path: &path, code: &code };
            out.tell("move-signed-gives-up", &args);
        }
    }
    out.data(&json!({
        "file": path, "move": signed.statement.digest().to_string(), "code": code.to_string(),
        "signed": signed.signers().map(|id| id.to_string()).collect::<Vec<_>>(), "missing": amend,
        "gives_up": signed.statement.gives_up, "missing_first": first, "missing_second": second,
        "second_from": due.map(|time| time.0), "expires": signed.statement.expires().0,
        "signed_again": signed.rounds().signers(Round::Second).contains(&me),
    }));
    Ok(())
}
