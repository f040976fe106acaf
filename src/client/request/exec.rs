//! `sequestre request --exec`: asks, waits for agreement, runs a command with what it gives, gives it back.
//!
//! However it ends, the access is given back, and a request that nobody granted is taken back: whoever ends this
//! program, or closes its terminal, does not want it any more. What stays all the same is said, with what ends it. The
//! folder is not kept from other verbs while somebody is waited for.

use std::collections::BTreeSet;
use std::pin::pin;
use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::ask::ask;
use super::libpq::{self, Way};
use super::{Asking, Opened, SECRET_FIELDS, find_request, missing, open};
use crate::args;
use crate::client::child::{self, Given, Known};
use crate::client::connector::Connector;
use crate::client::ending::{Asked, Ending};
use crate::client::failure::{Exit, Failure};
use crate::client::home::Folder;
use crate::client::out::Progress;
use crate::client::session::{Env, Session};
use crate::client::status::texts;
use crate::connect::settings::Settings;
use crate::escrow::id::CommandId;
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
    // Asks for the passphrase. Nothing is sent before, so until here whatever ends this program may just end it.
    session.sync_to_sign().await?;
    let mut ending = Ending::listen()?;
    let before = Before::of(&session)?;
    let asked = asking_for(&mut session, asking, &mut ending).await;
    let begun = match &asked {
        Ok(id) => Some(*id),
        Err(_) => before.begun_since(&session)?,
    };
    let (folder, identity) = session.into_parts();
    let mut desk = Desk { env: env.clone(), folder, identity, session: None };
    let Some(id) = begun else { return asked.map(|_| 0) };
    let got = match asked {
        Err(failure) => Err(failure),
        Ok(_) if ending.is_asked() => Err(interrupted()),
        Ok(_) => tokio::select! {
            biased;
            _ = ending.next() => Err(interrupted()),
            got = desk.wait(id) => got,
        },
    };
    // What was interrupted halfway is read from the disk again.
    desk.rest();
    let ended = match got {
        Ok(granted) => {
            env.out.tell("exec-begins", &args! { until: env.out.language().time(granted.opened.until) });
            let way = granted.way;
            let given = given(granted.opened, granted.connector.as_ref(), &way, descriptor.is_some());
            child::run(command, &given, descriptor, &mut ending).await.and_then(|code| code.ok_or_else(interrupted))
        }
        Err(failure) => Err(failure),
    };
    match (desk.give_back(id, &mut ending).await, ended) {
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

/// Asks. Whoever wants it to end meanwhile must wait for the server's answer, because what was sent cannot be taken
/// back without it; asking once more ends that, too.
async fn asking_for(session: &mut Session, asking: &Asking, ending: &mut Ending) -> Result<u64, Failure> {
    let out = session.env.out.clone();
    let mut asked = pin!(ask(session, asking));
    let mut told = false;
    loop {
        tokio::select! {
            biased;
            asked = &mut asked => return asked,
            // A terminal that is closed tells it more than once.
            how = ending.next() => match (told, how) {
                (true, Asked::Keys) => return Err(interrupted()),
                (false, _) => out.aside("exec-interrupted-asking", &args! {}),
                (true, _) => {}
            },
        }
        told = true;
    }
}

/// What there was of this person's requests before they asked for another.
struct Before {
    entries: u64,
    waiting: BTreeSet<CommandId>,
}

impl Before {
    fn of(session: &Session) -> Result<Self, Failure> {
        let waiting = session.folder.waiting()?;
        let ids = waiting.iter().map(|(_, pending)| pending.signed.id(session.folder.id));
        Ok(Self { entries: session.replica.head().size, waiting: ids.collect() })
    }

    /// The request that stands in the log although asking failed: it is to be taken back. One that may still come into
    /// the log is told.
    fn begun_since(&self, session: &Session) -> Result<Option<u64>, Failure> {
        let (state, me) = (session.state()?, session.me());
        let ours = |request: &&crate::escrow::request::Request| {
            request.requester == me && !request.by_daemon && request.at.index >= self.entries
        };
        if let Some(request) = state.live_requests().find(ours) {
            return Ok(Some(request.at.index));
        }
        let waiting = session.folder.waiting()?;
        if waiting.iter().any(|(_, pending)| !self.waiting.contains(&pending.signed.id(session.folder.id))) {
            session.env.out.aside("exec-perhaps-asked", &args! {});
        }
        Ok(None)
    }
}

fn interrupted() -> Failure {
    Failure::new(Exit::Unanswered, "failed-exec-interrupted")
}

/// What the command gets of what was opened.
fn given(opened: Opened, connector: Option<&Settings>, way: &Way, on_descriptor: bool) -> Given {
    let mut given = Given { unless_set: way.variables.clone(), ..Given::default() };
    for (kind, value) in opened.values {
        if kind == PartKind::Password {
            given.others.extend(value.user_name.map(|name| ("user".to_owned(), name)));
            given.secret = Some((kind.as_str().to_owned(), value.value));
        } else if !on_descriptor {
            given.others.push((kind.as_str().to_owned(), value.value));
        }
    }
    for (name, value) in opened.made {
        match SECRET_FIELDS.contains(&name.as_str()) {
            true if given.secret.is_none() => given.secret = Some((name, value)),
            // What is secret is on the descriptor or nowhere.
            true if on_descriptor => {}
            _ => given.others.push((name, value)),
        }
    }
    if given.secret.is_none() && !given.others.is_empty() {
        given.secret = Some(given.others.remove(0));
    }
    if matches!(connector, Some(Settings::Postgresql(_))) {
        given.known_names = POSTGRESQL.to_vec();
    }
    given
}

/// An access that was granted and opened.
struct Granted {
    opened: Opened,
    /// How the connector that made it reaches the target.
    connector: Option<Settings>,
    way: Way,
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
            // Never waited for here: whoever asks this program to end must be heard.
            let session = Session::try_open(&self.env, self.folder.clone())?;
            let session = session.ok_or_else(|| Failure::new(Exit::Unreachable, "failed-folder-busy"))?;
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

    /// Waits until a request is granted, and opens it.
    async fn wait(&mut self, id: u64) -> Result<Granted, Failure> {
        let progress = self.env.out.wait("progress-agreement");
        let mut told = None;
        loop {
            match self.look(id, &progress, &mut told).await {
                Ok(Some(opened)) => {
                    let connector = self.connector(id)?;
                    let way = match &connector {
                        Some(Settings::Postgresql(settings)) => {
                            libpq::way(settings, |name| std::env::var_os(name).is_some())?
                        }
                        _ => Way::default(),
                    };
                    return Ok(Granted { opened, connector, way });
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

    /// The connector through which a request was made, if any.
    fn connector(&mut self, id: u64) -> Result<Option<Settings>, Failure> {
        let session = self.session()?;
        let request = find_request(session, id)?;
        let texts = texts(session);
        let view = session.view(&texts)?;
        let version = view.state.version(&request.version).filter(|_| request.purpose == Purpose::Mint);
        Ok(version.and_then(|version| Connector::of(&view, version)).map(|connector| connector.settings))
    }

    /// Gives an access back, or takes a request back. One that is over by itself needs nothing. Whoever presses Ctrl-C
    /// after it was said that it does not work ends the trying.
    async fn give_back(&mut self, id: u64, ending: &mut Ending) -> Result<(), Failure> {
        let mut failed = match self.try_to_give_back(id).await {
            Err(failure) if failure.exit() == Exit::Unreachable => failure,
            other => return other,
        };
        self.env.out.failure(&failed);
        self.env.out.aside("exec-return-again", &args! { id: id });
        ending.forget().await;
        for _ in 1..TRIES {
            self.rest();
            let again = async {
                sleep(PAUSE).await;
                self.try_to_give_back(id).await
            };
            tokio::select! {
                () = ending.keys() => break,
                tried = again => match tried {
                    Err(failure) if failure.exit() == Exit::Unreachable => failed = failure,
                    other => return other,
                },
            }
        }
        Err(failed)
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
        let given = |opened, on_descriptor| given(opened, None, &Way::default(), on_descriptor);
        assert_eq!(names(&given(opened(), false)), (Some("password"), vec!["user", "notes"]));
        assert_eq!(names(&given(opened(), true)), (Some("password"), vec!["user"]));
    }

    #[test]
    fn what_was_made_has_its_secret_and_where_to_use_it() {
        let field = |name: &str| (name.to_owned(), secret("x"));
        let made = vec![field("host"), field("user"), field("password")];
        let settings = r#"{ "kind": "postgresql", "target": "db.example:5432", "database": "members",
            "rights_of": "editors", "reassign_to": "archive" }"#;
        let settings = Settings::parse(settings).unwrap();
        let opened = Opened { values: Vec::new(), made, until: Time(0) };
        let given = given(opened, Some(&settings), &Way::default(), true);
        assert_eq!(names(&given), (Some("password"), vec!["host", "user"]));
        assert_eq!(given.known_names.len(), POSTGRESQL.len());
    }
}
