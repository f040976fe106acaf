//! `sequestre request --exec`: asks, waits for agreement, runs a command with what it gives, gives it back.
//!
//! However it ends, the access is given back, and a request that nobody granted is taken back: whoever ends this
//! program does not want it any more. The folder is not kept from other verbs while somebody is waited for.

use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::ask::ask;
use super::{Asking, Opened, SECRET_FIELDS, find_request, missing, open};
use crate::args;
use crate::client::child::{self, Given, Known};
use crate::client::failure::{Exit, Failure};
use crate::client::home::Folder;
use crate::client::out::Progress;
use crate::client::session::{Env, Session};
use crate::client::watching::asked_to_end;
use crate::escrow::part::PartKind;
use crate::escrow::request::{End, Stage};
use crate::escrow::window::Purpose;
use crate::proto::v1;
use crate::seal::identity::Identity;

/// Shortest time between two looks at the log.
const AT_MOST_EVERY: Duration = Duration::from_secs(1);
/// Longest time between two looks at the log, also if the server says that nothing changed.
const AT_LEAST_EVERY: Duration = Duration::from_secs(60);
/// Pause where the server does not answer, or is not done with what it makes.
const PAUSE: Duration = Duration::from_secs(5);
/// How often it is tried to give an access back before the person is told to do it.
const TRIES: u32 = 3;

/// What PostgreSQL's programs look at.
const POSTGRESQL: [(&str, Known); 5] = [
    ("PGHOST", Known::Other("host")),
    ("PGPORT", Known::Other("port")),
    ("PGDATABASE", Known::Other("database")),
    ("PGUSER", Known::Other("user")),
    ("PGPASSWORD", Known::Secret),
];

/// Refusals that pass by themselves: the server is still at it, or waits for others.
const NOT_YET: [&str; 2] = ["refused-not-made-yet", "failed-shares-not-here"];

/// Asks, waits, runs the command, gives back. Gives the command's exit code.
pub async fn exec(env: &Env, asking: &Asking, command: &str, descriptor: Option<u8>) -> Result<u8, Failure> {
    let env = Env { out: env.out.beside(), ..env.clone() };
    let mut session = env.session()?;
    session.sync_to_sign().await?;
    let id = ask(&mut session, asking).await?;
    let (folder, identity) = session.into_parts();
    let mut desk = Desk { env: env.clone(), folder, identity, session: None };
    let got = tokio::select! {
        got = desk.wait(id) => got,
        asked = asked_to_end() => Err(asked.err().unwrap_or_else(interrupted)),
    };
    let ended = match got {
        Ok((opened, connector)) => {
            env.out.tell("exec-begins", &args! { until: env.out.language().time(opened.until) });
            let given = given(opened, connector.as_deref(), descriptor.is_some());
            child::run(command, &given, descriptor).await
        }
        Err(failure) => Err(failure),
    };
    match (desk.give_back(id).await, ended) {
        (Ok(()), ended) => ended,
        (Err(failure), ended) => {
            env.out.failure(&failure);
            env.out.aside("exec-not-returned", &args! { id: id });
            match ended {
                Ok(0) => Err(failure),
                ended => ended,
            }
        }
    }
}

fn interrupted() -> Failure {
    Failure::new(Exit::Unanswered, "failed-exec-interrupted")
}

/// What the command gets of what was opened.
fn given(opened: Opened, connector: Option<&str>, on_descriptor: bool) -> Given {
    let mut given = Given::default();
    for (kind, value) in opened.values {
        if kind == PartKind::Password {
            given.others.extend(value.user_name.map(|name| ("user".to_owned(), name)));
            given.secret = Some((kind.as_str().to_owned(), value.value));
        } else if !on_descriptor {
            given.others.push((kind.as_str().to_owned(), value.value));
        }
    }
    for (name, value) in opened.made {
        if given.secret.is_none() && SECRET_FIELDS.contains(&name.as_str()) {
            given.secret = Some((name, value));
        } else {
            given.others.push((name, value));
        }
    }
    if given.secret.is_none() && !given.others.is_empty() {
        given.secret = Some(given.others.remove(0));
    }
    if connector == Some("postgresql") {
        given.known_names = POSTGRESQL.to_vec();
    }
    given
}

/// An association that is opened and closed again and again, with the identity unlocked once.
struct Desk {
    env: Env,
    folder: Folder,
    identity: Option<Identity>,
    session: Option<Session>,
}

impl Desk {
    fn session(&mut self) -> Result<&mut Session, Failure> {
        if self.session.is_none() {
            let session = Session::open(&self.env, self.folder.clone())?;
            self.session = Some(match self.identity.take() {
                Some(identity) => session.with_identity(identity),
                None => session,
            });
        }
        self.session.as_mut().ok_or_else(super::super::failure::no_organisation)
    }

    /// Lets others use the folder.
    fn rest(&mut self) {
        if let Some(session) = self.session.take() {
            let (_, identity) = session.into_parts();
            self.identity = identity;
        }
    }

    /// Waits until a request is granted, and opens it. Gives also the kind of its account's connector.
    async fn wait(&mut self, id: u64) -> Result<(Opened, Option<String>), Failure> {
        let progress = self.env.out.wait("progress-agreement");
        let mut told = None;
        loop {
            match self.look(id, &progress, &mut told).await {
                Ok(Some(opened)) => {
                    let connector = self.connector(id)?;
                    self.rest();
                    return Ok((opened, connector));
                }
                Ok(None) => {}
                Err(failure) if failure.exit() == Exit::Unreachable || NOT_YET.contains(&failure.key()) => {
                    if told.as_deref() != Some(failure.key()) {
                        self.env.out.failure(&failure);
                        told = Some(failure.key().to_owned());
                    }
                    self.rest();
                    sleep(PAUSE).await;
                }
                Err(failure) => return Err(failure),
            }
        }
    }

    /// Looks at the log once: opens what is granted; else waits until the server says that there is something new.
    async fn look(
        &mut self,
        id: u64,
        progress: &Progress,
        told: &mut Option<String>,
    ) -> Result<Option<Opened>, Failure> {
        let session = self.session()?;
        session.sync().await?;
        let request = find_request(session, id)?;
        match &request.stage {
            Stage::Waiting => {}
            Stage::Granted(_) | Stage::Leased(_) => return open(session, id).await.map(Some),
            Stage::Ended { how: End::Revoked(_), .. } => {
                return Err(Failure::new(Exit::Refused, "failed-access-revoked"));
            }
            Stage::Ended { .. } => return Err(Failure::new(Exit::Refused, "failed-exec-ended").with("id", id)),
        }
        let text = {
            let missing = missing(session, &request)?;
            session.env.out.language().with("exec-waits", &args! { id: id, missing: missing })
        };
        match progress.is_shown() {
            true => progress.tell(text),
            false if told.as_ref() != Some(&text) => {
                let missing = missing(session, &request)?;
                session.env.out.aside("exec-waits", &args! { id: id, missing: missing });
                *told = Some(text);
            }
            false => {}
        }
        let (size, organisation) = (session.replica.head().size, session.folder.id);
        let mut remote = session.remote().await?.clone();
        self.rest();
        let mut sizes = remote.watch(organisation).await?;
        let changed = async {
            while sizes.next().await? == size {}
            Ok::<(), Failure>(())
        };
        // What the server says about time passing is not needed.
        if let Ok(changed) = timeout(AT_LEAST_EVERY, changed).await {
            changed?;
        }
        sleep(AT_MOST_EVERY).await;
        Ok(None)
    }

    /// The kind of connector through which a request was made, if any.
    fn connector(&mut self, id: u64) -> Result<Option<String>, Failure> {
        let session = self.session()?;
        let request = find_request(session, id)?;
        let texts = super::super::status::texts(session);
        let view = session.view(&texts)?;
        let version = view.state.version(&request.version);
        let connector = version.and_then(|version| super::super::connector::Connector::of(&view, version));
        Ok(connector.filter(|_| request.purpose == Purpose::Mint).map(|c| c.settings.kind().to_owned()))
    }

    /// Gives an access back, or takes a request back. One that is over by itself needs nothing.
    async fn give_back(&mut self, id: u64) -> Result<(), Failure> {
        let mut last = None;
        for _ in 0..TRIES {
            match self.try_to_give_back(id).await {
                Err(failure) if failure.exit() == Exit::Unreachable => {
                    last = Some(failure);
                    self.rest();
                    sleep(PAUSE).await;
                }
                other => return other,
            }
        }
        last.map_or(Ok(()), Err)
    }

    async fn try_to_give_back(&mut self, id: u64) -> Result<(), Failure> {
        let session = self.session()?;
        session.sync_to_sign().await?;
        let stage = find_request(session, id)?.stage;
        if matches!(stage, Stage::Ended { .. }) {
            return Ok(());
        }
        session.submit(v1::command::Act::Return(v1::Return { request_index: id }), Vec::new()).await?;
        session.forget_keys(session.env.now())?;
        let key = if matches!(stage, Stage::Waiting) { "exec-taken-back" } else { "exec-returned" };
        session.env.out.tell(key, &args! { id: id });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::escrow::time::Time;
    use crate::seal::sealing::PartValue;
    use crate::seal::secret::Secret;

    fn secret(text: &str) -> Secret {
        Secret::from_string(text.to_owned())
    }

    fn names(given: &Given) -> (Option<&str>, Vec<&str>) {
        (given.secret.as_ref().map(|(name, _)| name.as_str()), given.others.iter().map(|(n, _)| n.as_str()).collect())
    }

    #[test]
    fn on_a_descriptor_there_is_one_secret_and_no_other() {
        let opened = || Opened {
            values: vec![
                (PartKind::Password, PartValue { user_name: Some(secret("nina")), value: secret("s") }),
                (PartKind::Notes, PartValue { user_name: None, value: secret("n") }),
            ],
            made: Vec::new(),
            until: Time(0),
        };
        assert_eq!(names(&given(opened(), None, false)), (Some("password"), vec!["user", "notes"]));
        assert_eq!(names(&given(opened(), None, true)), (Some("password"), vec!["user"]));
    }

    #[test]
    fn what_was_made_has_its_secret_and_where_to_use_it() {
        let field = |name: &str| (name.to_owned(), secret("x"));
        let made = vec![field("host"), field("user"), field("password")];
        let given = given(Opened { values: Vec::new(), made, until: Time(0) }, Some("postgresql"), true);
        assert_eq!(names(&given), (Some("password"), vec!["host", "user"]));
        assert_eq!(given.known_names.len(), POSTGRESQL.len());
    }
}
