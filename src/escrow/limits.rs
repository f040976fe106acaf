//! What one person may add to the log in a day, so that nobody can flood it.

use super::act::Act;
use super::charter::{Charter, Limits};
use super::command::VerifiedCommand;
use super::id::PersonId;
use super::organisation::Organisation;
use super::recovery::ANSWERS_PER_DAY;
use super::refusal::Refusal;
use super::time::Time;

/// What a person added to the log on one day (UTC).
#[derive(Debug, Clone, Copy)]
pub(super) struct Usage {
    day: u64,
    entries: u32,
    bytes: u64,
    answers: u32,
}

/// What a command uses up of its signer's day.
#[derive(Debug)]
pub(super) struct Charge {
    person: PersonId,
    kind: Charged,
}

#[derive(Debug)]
enum Charged {
    /// An entry of so many bytes, within the charter's limits.
    Entry(u64),
    /// A recovery answer, which has a limit of its own.
    Answer,
}

impl Organisation {
    /// What a command costs its signer; refused beyond the daily limit. Confirmations of shares that are asked for are
    /// free, a join is limited by its invitation, a move by its quorum, and recovery answers are counted apart.
    pub(super) fn check_limits(&self, command: &VerifiedCommand, now: Time) -> Result<Option<Charge>, Refusal> {
        let signer = command.person();
        let used = self.usage.get(&signer).filter(|used| used.day == now.day());
        if matches!(command.command().act, Act::RecordAnswer(_)) {
            if used.is_some_and(|used| used.answers >= ANSWERS_PER_DAY) {
                return Err(Refusal::RateLimit);
            }
            return Ok(Some(Charge { person: signer, kind: Charged::Answer }));
        }
        let free = match &command.command().act {
            // A quorum asks for a move, whoever brings it.
            Act::Join(_) | Act::Move(_) => true,
            Act::ConfirmShares(confirm) => self.is_asked_for(&signer, confirm),
            _ => false,
        };
        if free {
            return Ok(None);
        }
        let limits = self.charter.as_ref().map_or(Limits::FOUNDING, Charter::limits);
        let bytes = command.signed().wire_len() as u64;
        let (entries, total) = used.map_or((0, 0), |u| (u.entries, u.bytes));
        if entries >= limits.entries_per_day || total.saturating_add(bytes) > limits.bytes_per_day {
            return Err(Refusal::RateLimit);
        }
        Ok(Some(Charge { person: signer, kind: Charged::Entry(bytes) }))
    }

    /// Counts what was accepted.
    pub(super) fn charge(&mut self, charge: &Charge, now: Time) {
        let fresh = Usage { day: now.day(), entries: 0, bytes: 0, answers: 0 };
        let usage = self.usage.entry(charge.person).or_insert(fresh);
        if usage.day != fresh.day {
            *usage = fresh;
        }
        match charge.kind {
            Charged::Entry(bytes) => {
                usage.entries = usage.entries.saturating_add(1);
                usage.bytes = usage.bytes.saturating_add(bytes);
            }
            Charged::Answer => usage.answers = usage.answers.saturating_add(1),
        }
    }
}
