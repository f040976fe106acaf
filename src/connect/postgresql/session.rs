//! Sessions at a PostgreSQL server: opened as the settings say, used by one call at a time, kept for a minute.
//!
//! The library copies the administrator's password into its configuration and its login, which are not overwritten;
//! both are gone when the login is over.
//!
//! A session is given back only by a call that came to its end. Whatever else happens to a call, its connection is
//! cut, and the server rolls back what it had not been told to commit.

use std::error::Error as StdError;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use ring::hmac;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};
use tokio_postgres::config::SslMode;
use tokio_postgres::error::SqlState;
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, NoTls, Row};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::super::link::Link;
use super::super::{ConnectError, Login, Said};
use super::guarded::{Budget, Guarded};
use crate::seal::secret::{NoRandomness, random_bytes};

/// Sessions in use at once, and kept at most.
const SESSIONS: usize = 4;
/// How long an unused session is kept.
const KEPT: Duration = Duration::from_secs(60);

/// Why a statement did not succeed.
pub(super) enum Fault {
    /// The server said no.
    Said(SqlState, Said),
    /// No answer, and none to come.
    Lost(Box<dyn StdError + Send + Sync>),
}

impl Fault {
    /// Whether the server said this.
    pub(super) fn is(&self, state: &SqlState) -> bool {
        matches!(self, Self::Said(said, _) if said == state)
    }

    /// Whether the server says that the statement did nothing. Some refusals are not about the statement but about the
    /// connection (class 08, which also stands-ins for the server use when it went away), the server's end (57P), its
    /// resources (53), its machine (58) or its own errors (XX), or say that its end is not known (40003).
    pub(super) fn did_nothing(&self) -> bool {
        const NOT_ABOUT_IT: [&str; 6] = ["08", "40003", "53", "57P", "58", "XX"];
        matches!(self, Self::Said(state, _) if !NOT_ABOUT_IT.iter().any(|class| state.code().starts_with(class)))
    }

    /// For the error around it.
    pub(super) fn into_source(self) -> Box<dyn StdError + Send + Sync> {
        match self {
            Self::Said(_, said) => Box::new(said),
            Self::Lost(source) => source,
        }
    }
}

impl From<tokio_postgres::Error> for Fault {
    fn from(error: tokio_postgres::Error) -> Self {
        match error.as_db_error() {
            // Details and hints may quote rows.
            Some(said) => {
                let text = Said::new(&format!("{} (SQLSTATE {})", said.message(), said.code().code()));
                Self::Said(said.code().clone(), text)
            }
            None => Self::Lost(Box::new(error)),
        }
    }
}

/// One connection, logged in.
pub(super) struct Session {
    client: Client,
    driver: JoinHandle<()>,
    deadline: Instant,
    budget: Budget,
}

impl Drop for Session {
    fn drop(&mut self) {
        // Without this the driver would wait for answers that nobody reads any more.
        self.driver.abort();
    }
}

impl Session {
    async fn open(link: &Link, admin: &Login, database: &str, limit: Duration) -> Result<Self, ConnectError> {
        let deadline = Instant::now() + limit;
        let user = admin.user.as_ref().and_then(|user| user.expose_str()).ok_or_else(|| {
            ConnectError::Unusable("the credential of a PostgreSQL server needs a user name".to_owned())
        })?;
        let mut config = tokio_postgres::Config::new();
        config.user(user).password(admin.secret.expose()).dbname(database).application_name("sequestre");
        config.ssl_mode(if link.tls().is_some() { SslMode::Require } else { SslMode::Disable });
        let budget = Budget::new();
        let stream = Guarded::new(link.connect().await?, budget.clone(), link.tls().is_some());
        let started = match link.tls() {
            Some(tls) => {
                let mut tls = MakeRustlsConnect::new(tls.as_ref().clone());
                let tls = MakeTlsConnect::<Guarded>::make_tls_connect(&mut tls, link.target().host());
                start(&config, stream, tls.map_err(|error| link.unreachable(error))?, deadline).await
            }
            None => start(&config, stream, NoTls, deadline).await,
        };
        let (client, driver) = started.map_err(|fault| match fault {
            // Class 53 is 'insufficient resources', class 57 'operator intervention': neither is about the login.
            Fault::Said(state, said) if state.code().starts_with("53") || state.code().starts_with("57") => {
                link.unreachable(said)
            }
            Fault::Said(state, said) if state == SqlState::INVALID_PASSWORD => {
                ConnectError::Denied { target: link.target().to_string(), source: Box::new(said) }
            }
            Fault::Said(_, said) => {
                ConnectError::Refused { target: link.target().to_string(), source: Box::new(said) }
            }
            Fault::Lost(source) => link.unreachable(source),
        })?;
        let session = Self { client, driver, deadline, budget };
        // Functions of other schemas must not answer in place of the system's: whoever has a lease may create some.
        let limit = limit.as_millis();
        let settings = format!(
            "SET search_path = pg_catalog; SET statement_timeout = {limit}; SET lock_timeout = {limit}; \
             SET idle_in_transaction_session_timeout = {limit}"
        );
        session.run(&settings).await.map_err(|fault| link.unreachable(fault.into_source()))?;
        Ok(session)
    }

    /// Runs statements without answers.
    pub(super) async fn run(&self, sql: &str) -> Result<(), Fault> {
        match timeout_at(self.deadline, self.client.batch_execute(sql)).await {
            Ok(done) => Ok(done?),
            Err(elapsed) => Err(Fault::Lost(elapsed.into())),
        }
    }

    /// Runs a query.
    pub(super) async fn query(&self, sql: &str, values: &[(&(dyn ToSql + Sync), Type)]) -> Result<Vec<Row>, Fault> {
        match timeout_at(self.deadline, self.client.query_typed(sql, values)).await {
            Ok(rows) => Ok(rows?),
            Err(elapsed) => Err(Fault::Lost(elapsed.into())),
        }
    }

    /// Until when the call must be over.
    pub(super) fn deadline(&self) -> Instant {
        self.deadline
    }
}

async fn start<T>(
    config: &tokio_postgres::Config,
    stream: Guarded,
    tls: T,
    deadline: Instant,
) -> Result<(Client, JoinHandle<()>), Fault>
where
    T: TlsConnect<Guarded>,
    T::Stream: Send + 'static,
{
    let connecting = timeout_at(deadline, config.connect_raw(stream, tls)).await;
    let (client, connection) = connecting.map_err(|elapsed| Fault::Lost(elapsed.into()))??;
    // What ends the connection reaches whoever uses it as the error of their statement.
    let driver = tokio::spawn(async move { drop(connection.await) });
    Ok((client, driver))
}

/// The sessions of one target.
pub(super) struct Pool {
    link: Link,
    limit: Duration,
    permits: Semaphore,
    idle: Mutex<Vec<Idle>>,
    /// Makes tags of logins, so that a session is used again by who opened it and no password is kept for that.
    tags: hmac::Key,
}

struct Idle {
    session: Session,
    database: String,
    login: hmac::Tag,
    since: Instant,
}

/// A session in use.
pub(super) struct Held<'a> {
    pub(super) session: Session,
    pool: &'a Arc<Pool>,
    database: String,
    login: hmac::Tag,
    _permit: SemaphorePermit<'a>,
}

impl Pool {
    pub(super) fn new(link: Link, limit: Duration) -> Result<Arc<Self>, NoRandomness> {
        let tags = hmac::Key::new(hmac::HMAC_SHA256, &random_bytes::<32>()?);
        Ok(Arc::new(Self { link, limit, permits: Semaphore::new(SESSIONS), idle: Mutex::default(), tags }))
    }

    pub(super) fn link(&self) -> &Link {
        &self.link
    }

    /// A session of its own, used once.
    pub(super) async fn fresh(&self, admin: &Login, database: &str) -> Result<Session, ConnectError> {
        Session::open(&self.link, admin, database, self.limit).await
    }

    /// A session that was kept, else a new one. Waits while all are in use.
    pub(super) async fn hold<'a>(
        self: &'a Arc<Self>,
        admin: &Login,
        database: &str,
    ) -> Result<Held<'a>, ConnectError> {
        let permit = self.permits.acquire().await.map_err(|closed| self.link.unreachable(closed))?;
        let login = self.tag(admin);
        let kept = self.take(database, &login);
        let session = match kept {
            Some(mut session) => {
                session.deadline = Instant::now() + self.limit;
                session.budget.renew();
                session
            }
            None => self.fresh(admin, database).await?,
        };
        Ok(Held { session, pool: self, database: database.to_owned(), login, _permit: permit })
    }

    /// Ends every session that is not in use.
    pub(super) fn clear(&self) {
        self.idle().clear();
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tag(&self, admin: &Login) -> hmac::Tag {
        let mut context = hmac::Context::with_key(&self.tags);
        for part in [admin.user.as_ref(), Some(&admin.secret)].into_iter().flatten() {
            context.update(&part.len().to_le_bytes());
            context.update(part.expose());
        }
        context.sign()
    }

    fn take(&self, database: &str, login: &hmac::Tag) -> Option<Session> {
        let mut idle = self.idle();
        idle.retain(|kept| !kept.session.client.is_closed());
        let fits = |kept: &Idle| kept.database == database && kept.login.as_ref() == login.as_ref();
        let found = idle.iter().position(fits)?;
        Some(idle.swap_remove(found).session)
    }

    fn keep(self: &Arc<Self>, kept: Idle) {
        let mut idle = self.idle();
        if idle.is_empty() {
            tokio::spawn(sweep(Arc::downgrade(self)));
        } else if idle.len() >= SESSIONS {
            idle.remove(0);
        }
        idle.push(kept);
    }
}

impl Held<'_> {
    /// The call came to its end: the next one may use the session.
    pub(super) fn keep(self) {
        let Self { session, pool, database, login, .. } = self;
        pool.keep(Idle { session, database, login, since: Instant::now() });
    }
}

/// Ends sessions that nobody used for a while; until there are none left, or no pool.
async fn sweep(pool: Weak<Pool>) {
    loop {
        tokio::time::sleep(KEPT / 4).await;
        let Some(pool) = pool.upgrade() else { return };
        let mut idle = pool.idle();
        idle.retain(|kept| kept.since.elapsed() < KEPT);
        if idle.is_empty() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn not_every_refusal_says_that_nothing_was_done() {
        let said = |code: &str| Fault::Said(SqlState::from_code(code), Said::new(""));
        for code in ["42501", "23505", "40001", "55P03", "57014"] {
            assert!(said(code).did_nothing(), "{code}");
        }
        // 08P01 is what PgBouncer says when the server went away; 57P01 is a shutdown.
        for code in ["08P01", "08007", "40003", "57P01", "57P02", "58030", "XX000"] {
            assert!(!said(code).did_nothing(), "{code}");
        }
        assert!(!Fault::Lost("cut".into()).did_nothing());
    }
}
