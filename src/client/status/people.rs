//! Who belongs to the organisation, and with which computers.

use serde::Serialize;
use serde_json::{Value, json};

use super::super::failure::Failure;
use super::super::session::Env;
use super::super::view::{View, short_device, sort_key};
use super::{refresh, texts};
use crate::escrow::entry::Entry;
use crate::escrow::id::PersonId;
use crate::escrow::people::Standing;
use crate::escrow::time::Time;

/// One person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PersonRow {
    /// Their id, in hexadecimal.
    pub person: String,
    /// What they are called.
    pub name: String,
    /// Offices and membership, as on the command line.
    pub roles: Vec<&'static str>,
    /// `candidate`, `admitted` or `gone`.
    pub standing: &'static str,
    /// Devices that count.
    pub devices: usize,
    /// Both keys in one code, to compare by voice.
    pub fingerprint: String,
    /// When they joined, in POSIX seconds.
    pub since: Option<u64>,
    /// When they left, in POSIX seconds.
    pub left: Option<u64>,
    /// Whether it is the one who asks.
    pub me: bool,
}

/// Everybody whose keys stand in the log: those who belong to the organisation, newcomers, those who left; by name.
/// `time` gives an entry's time.
pub fn person_rows(view: &View<'_>, me: Option<&PersonId>, time: impl Fn(u64) -> Option<Time>) -> Vec<PersonRow> {
    let mut rows: Vec<(u8, PersonRow)> = Vec::new();
    for (id, person) in view.state.people() {
        let (order, standing, left) = match &person.standing {
            Standing::Admitted { .. } => (0, "admitted", None),
            Standing::Candidate(_) => (1, "candidate", None),
            Standing::Gone { since } => (2, "gone", Some(since.0)),
        };
        let devices = view.state.devices().values().filter(|d| d.person == *id && d.revoked.is_none());
        rows.push((
            order,
            PersonRow {
                person: id.to_string(),
                name: view.name(id),
                roles: view.state.roles(id).iter().map(|role| role.as_str()).collect(),
                standing,
                devices: devices.count(),
                fingerprint: person.keys.fingerprint().to_string(),
                since: time(person.joined.index).map(|t| t.0),
                left,
                me: me == Some(id),
            },
        ));
    }
    rows.sort_by_cached_key(|(order, row)| (*order, sort_key(&row.name), row.person.clone()));
    rows.into_iter().map(|(_, row)| row).collect()
}

/// The person who asks, for programs.
pub(super) fn me(view: &View<'_>, me: &PersonId) -> Value {
    let row = person_rows(view, Some(me), |_| None).into_iter().find(|row| row.me);
    row.map_or(Value::Null, |row| {
        json!({
            "person": row.person, "name": row.name, "roles": row.roles, "standing": row.standing,
            "fingerprint": row.fingerprint,
        })
    })
}

/// The table of people.
pub async fn people(env: &Env) -> Result<(), Failure> {
    let mut session = env.session()?;
    let reached = refresh(&mut session).await?;
    let entries = session.replica.entries()?;
    let time = |index: u64| {
        let bytes = usize::try_from(index).ok().and_then(|index| entries.get(index))?;
        Entry::parse(bytes).ok().map(|entry| entry.time)
    };
    let texts = texts(&session);
    let view = View::new(session.state()?, env.out.language(), &texts);
    let mut table = Vec::new();
    for row in person_rows(&view, Some(&session.me()), time) {
        env.out.data(&serde_json::to_value(&row).map_err(Failure::technical)?);
        let Some(person) = row.person.parse().ok().and_then(|id: PersonId| Some((id, view.state.person(&id)?)))
        else {
            continue;
        };
        let (id, person) = person;
        table.push(vec![
            if row.me { view.say.with("status-this-is-you", &crate::args! { name: &row.name }) } else { row.name },
            view.roles(view.state.roles(&id)),
            view.standing(&person.standing),
            row.devices.to_string(),
            row.since.map_or_else(|| "–".to_owned(), |since| view.say.time(Time(since))),
            row.fingerprint,
        ]);
    }
    env.out.table(
        &[
            "status-head-name",
            "status-head-roles",
            "status-head-standing",
            "status-head-devices",
            "status-head-since",
            "status-head-fingerprint",
        ],
        table,
    );
    reached.end()
}

/// The asking person's computers, this one marked.
pub async fn devices(env: &Env) -> Result<(), Failure> {
    let mut session = env.session()?;
    let reached = refresh(&mut session).await?;
    let (state, say, me) = (session.state()?, env.out.language(), session.me());
    let mut mine: Vec<_> = state.devices().iter().filter(|(_, device)| device.person == me).collect();
    mine.sort_by_key(|(id, device)| (device.since, **id));
    let mut table = Vec::new();
    for (id, device) in mine {
        let this = *id == session.device.id();
        env.out.data(&json!({
            "device": id.to_string(), "since": device.since.0, "revoked": device.revoked.map(|t| t.0), "this": this,
        }));
        let standing = match (device.revoked, this) {
            (Some(time), _) => say.with("status-device-revoked", &crate::args! { time: say.time(time) }),
            (None, true) => say.plain("status-device-this"),
            (None, false) => say.plain("status-device-other"),
        };
        table.push(vec![short_device(id), say.time(device.since), standing]);
    }
    env.out.table(&["status-head-device", "status-head-since", "status-head-standing"], table);
    reached.end()
}
