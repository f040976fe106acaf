//! PostgreSQL: each lease is a role of its own, which the server itself ends (`VALID UNTIL`) and which is dropped.
//!
//! # Late answers
//! A call whose answer is lost may still be at work in the server. What follows must not overtake it:
//! - `mint` and `rotate` send `COMMIT` only after everything before it was answered. A connection that is cut earlier
//!   is rolled back; one that is cut at the `COMMIT` holds its locks until that took effect.
//! - `revoke` of a role that is not there creates it and rolls back: that waits for a `mint` that is at its `COMMIT`,
//!   and finds the role then. (No lock that anybody may take is used: whoever has a lease could hold it for ever.)
//!   `verify` and `rotate` do wait for such a lock: who holds it delays them while their own sessions last, no more.
//! - `verify` logs in, waits for a `rotate` that is at its `COMMIT`, and logs in once more.
//!
//! # Targets that ask for no password
//! Where `pg_hba.conf` lets the administrator in without one, every password seems to work. `verify` therefore tries a
//! random one as well, which the server's log shows as a refused login, and says so if that gets in.
//!
//! # What the server's logs hold
//! Passwords are set as SCRAM-SHA-256 verifiers (RFC 5803) that are computed here; no statement has one in it.
//!
//! This module must never touch a role without the comment that says for which lease it was made.

mod guarded;
mod session;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use postgres_protocol::password::scram_sha_256;
use tokio::time::{Instant, sleep};
use tokio_postgres::error::SqlState;
use tokio_postgres::types::Type;
use zeroize::Zeroizing;

use self::session::{Fault, Held, Pool, Session};
use super::link::Link;
use super::password::{Rules, generate};
use super::settings;
use super::{ConnectError, Environment, FieldName, Lease, LeaseName, Login, Minted, Said, when};
use crate::escrow::id::sha256;
use crate::seal::secret::Secret;

/// How often the end of sessions is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A PostgreSQL server and the role whose rights its leases have.
pub struct Postgresql {
    settings: settings::Postgresql,
    pool: Arc<Pool>,
}

/// What bears a lease's name.
enum Found {
    Nothing,
    /// The lease's role, with its number.
    Role(u32),
}

impl Postgresql {
    pub(super) fn new(settings: settings::Postgresql, environment: &Environment) -> Result<Self, ConnectError> {
        let link = Link::new(&settings.target, settings.tls.as_ref(), environment)?;
        Ok(Self { settings, pool: Pool::new(link, environment.time_limit)? })
    }

    pub(super) async fn verify(&self, admin: &Login) -> Result<bool, ConnectError> {
        let Some(session) = self.try_login(admin).await? else { return Ok(false) };
        // A rotation whose answer was lost may be about to take effect.
        let lock = format!("BEGIN; {}; ROLLBACK", rotation_lock(admin));
        session.run(&lock).await.map_err(|fault| self.pool.link().unreachable(fault.into_source()))?;
        drop(session);
        let user = admin.user.as_ref().map(|user| Secret::new(user.expose().to_vec()));
        let wrong = Login { user, secret: generate(&Rules::default())? };
        if self.try_login(&wrong).await?.is_some() {
            return Err(ConnectError::Unchecked { target: self.settings.target.to_string() });
        }
        Ok(self.try_login(admin).await?.is_some())
    }

    /// `None` where the password is wrong, or of no use any more.
    async fn try_login(&self, admin: &Login) -> Result<Option<Session>, ConnectError> {
        match self.pool.fresh(admin, self.settings.database.as_str()).await {
            Ok(session) => Ok(Some(session)),
            Err(ConnectError::Denied { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(super) async fn mint(&self, admin: &Login, lease: &Lease<'_>) -> Result<Minted, ConnectError> {
        let held = self.pool.hold(admin, self.settings.database.as_str()).await?;
        self.prepare_role(&held.session, lease).await?;
        held.session.run("COMMIT").await.map_err(|fault| self.of_commit(fault))?;
        held.keep();
        let field = |text: &str| Secret::from_string(text.to_owned());
        let target = &self.settings.target;
        Ok(Minted {
            fields: vec![
                (FieldName::Host, field(target.host())),
                (FieldName::Port, field(&target.port().to_string())),
                (FieldName::Database, field(self.settings.database.as_str())),
                (FieldName::User, field(&lease.name.to_string())),
                (FieldName::Password, Secret::new(lease.secret.expose().to_vec())),
            ],
        })
    }

    /// Everything but the `COMMIT`.
    async fn prepare_role(&self, session: &Session, lease: &Lease<'_>) -> Result<(), ConnectError> {
        let settings = &self.settings;
        session.run("BEGIN").await.map_err(|fault| self.before_commit(fault))?;
        self.refuse_powers(session).await?;
        self.refuse_no_heir(session).await?;
        let (role, rights) = (quoted(&lease.name.to_string()), quoted(settings.rights_of.as_str()));
        let verifier = Zeroizing::new(scram_sha_256(lease.secret.expose()));
        let login = Zeroizing::new(format!(
            "LOGIN CONNECTION LIMIT {} VALID UNTIL '{}' PASSWORD '{}'",
            settings.connections,
            when::utc(lease.until),
            verifier.as_str(),
        ));
        let statements = match self.find(session, lease.name).await? {
            Found::Nothing => Zeroizing::new(format!(
                "CREATE ROLE {role} INHERIT {}; COMMENT ON ROLE {role} IS '{}'; GRANT {rights} TO {role}",
                login.as_str(),
                lease.name.mark(),
            )),
            Found::Role(_) => {
                Zeroizing::new(format!("ALTER ROLE {role} {}; GRANT {rights} TO {role}", login.as_str()))
            }
        };
        session.run(&statements).await.map_err(|fault| self.before_commit(fault))
    }

    /// Refuses rights with which somebody could make an access that outlasts the lease.
    async fn refuse_powers(&self, session: &Session) -> Result<(), ConnectError> {
        const POWERS: &str = "SELECT r.rolname::text FROM pg_roles c, pg_roles r WHERE c.rolname = $1 \
            AND pg_has_role(c.oid, r.oid, 'MEMBER') AND (r.rolsuper OR r.rolcreaterole OR r.rolname IN \
            ('pg_execute_server_program', 'pg_write_server_files', 'pg_read_server_files') \
            OR EXISTS (SELECT FROM pg_auth_members m WHERE m.member = r.oid AND m.admin_option)) LIMIT 1";
        let rights = self.settings.rights_of.as_str();
        let rows =
            session.query(POWERS, &[(&rights, Type::TEXT)]).await.map_err(|fault| self.before_commit(fault))?;
        if let Some(row) = rows.first() {
            let power: String = row.try_get(0).map_err(|error| self.before_commit(error.into()))?;
            return Err(ConnectError::Unusable(format!(
                "'{rights}' can become '{}', which is a superuser, creates or gives away roles, or reaches the \
                 server's programs or files: whoever leases that could make an access that stays; choose a role with fewer rights",
                Said::new(&power)
            )));
        }
        Ok(())
    }

    /// Refuses what could not be revoked for want of somebody who gets the role's objects.
    async fn refuse_no_heir(&self, session: &Session) -> Result<(), ConnectError> {
        const HEIR: &str = "SELECT 1 FROM pg_roles WHERE rolname = $1 AND pg_has_role(oid, 'USAGE')";
        let heir = self.settings.reassign_to.as_str();
        let rows = session.query(HEIR, &[(&heir, Type::TEXT)]).await.map_err(|fault| self.before_commit(fault))?;
        if rows.is_empty() {
            return Err(ConnectError::Unusable(format!(
                "there is no role '{heir}' with the administrator as a member, to get what leases leave behind; make it"
            )));
        }
        Ok(())
    }

    pub(super) async fn revoke(&self, admin: &Login, lease: &LeaseName) -> Result<(), ConnectError> {
        let held = self.pool.hold(admin, self.settings.database.as_str()).await?;
        let oid = match self.find_settled(&held.session, lease).await? {
            Found::Nothing => {
                held.keep();
                return Ok(());
            }
            Found::Role(oid) => oid,
        };
        let role = quoted(&lease.to_string());
        // The administrator becomes a member, in order to end the role's sessions and give its objects away.
        let close = format!("ALTER ROLE {role} NOLOGIN PASSWORD NULL; GRANT {role} TO CURRENT_USER");
        held.session.run(&close).await.map_err(|fault| self.of_commit(fault))?;
        self.empty_and_drop(admin, &held, oid, &role).await.map_err(|fault| self.unfinished(fault))?;
        held.keep();
        Ok(())
    }

    /// Looks for the lease's role, and waits for one that is about to be there.
    async fn find_settled(&self, session: &Session, lease: &LeaseName) -> Result<Found, ConnectError> {
        if let Found::Role(oid) = self.find(session, lease).await? {
            return Ok(Found::Role(oid));
        }
        let probe = format!("BEGIN; CREATE ROLE {} NOLOGIN; ROLLBACK", quoted(&lease.to_string()));
        match session.run(&probe).await {
            Ok(()) => Ok(Found::Nothing),
            Err(fault) if fault.is(&SqlState::DUPLICATE_OBJECT) || fault.is(&SqlState::UNIQUE_VIOLATION) => {
                session.run("ROLLBACK").await.map_err(|fault| self.before_commit(fault))?;
                self.find(session, lease).await
            }
            Err(fault) => Err(self.before_commit(fault)),
        }
    }

    async fn empty_and_drop(&self, admin: &Login, held: &Held<'_>, oid: u32, role: &str) -> Result<(), Fault> {
        const LEFT: &str = "SELECT DISTINCT coalesce(d.datname::text, current_database()::text) FROM pg_shdepend s \
            LEFT JOIN pg_database d ON d.oid = s.dbid WHERE s.refclassid = 'pg_authid'::regclass AND s.refobjid = $1";
        let session = &held.session;
        end_sessions(session, oid).await?;
        let rows = session.query(LEFT, &[(&oid, Type::OID)]).await?;
        let databases = rows.iter().map(|row| row.try_get(0)).collect::<Result<BTreeSet<String>, _>>()?;
        let to = quoted(self.settings.reassign_to.as_str());
        let empty = format!("BEGIN; REASSIGN OWNED BY {role} TO {to}; DROP OWNED BY {role}; COMMIT");
        for database in &databases {
            // Those that are done are not in the list of the next call.
            if Instant::now() >= session.deadline() {
                return Err(Fault::Lost("there was no time for all databases".into()));
            }
            if database == self.settings.database.as_str() {
                session.run(&empty).await?;
            } else {
                // This session is not counted: waiting for another one while holding one could wait for ever.
                let other = self.pool.fresh(admin, database).await;
                other.map_err(|error| Fault::Lost(Box::new(error)))?.run(&empty).await?;
            }
        }
        if !databases.is_empty() {
            // While the role still had a name, a login that was under way could have become a session.
            end_sessions(session, oid).await?;
        }
        match session.run(&format!("DROP ROLE {role}")).await {
            Err(fault) if fault.is(&SqlState::UNDEFINED_OBJECT) => Ok(()),
            done => done,
        }
    }

    pub(super) async fn rotate(&self, admin: &Login, next: &Secret) -> Result<(), ConnectError> {
        let session = self.pool.fresh(admin, self.settings.database.as_str()).await?;
        let verifier = Zeroizing::new(scram_sha_256(next.expose()));
        session.run(&format!("BEGIN; {}", rotation_lock(admin))).await.map_err(|fault| self.before_commit(fault))?;
        let change = Zeroizing::new(format!("ALTER ROLE CURRENT_USER PASSWORD '{}'", verifier.as_str()));
        session.run(&change).await.map_err(|fault| self.before_commit(fault))?;
        session.run("COMMIT").await.map_err(|fault| self.of_commit(fault))?;
        // Kept sessions were opened with the old password.
        self.pool.clear();
        Ok(())
    }

    /// What bears the lease's name now.
    async fn find(&self, session: &Session, lease: &LeaseName) -> Result<Found, ConnectError> {
        const ROLE: &str =
            "SELECT oid, coalesce(shobj_description(oid, 'pg_authid'), '') FROM pg_roles WHERE rolname = $1";
        let name = lease.to_string();
        let rows = session.query(ROLE, &[(&name, Type::TEXT)]).await.map_err(|fault| self.before_commit(fault))?;
        let Some(row) = rows.first() else { return Ok(Found::Nothing) };
        let unreadable = |error: tokio_postgres::Error| self.before_commit(error.into());
        let mark: String = row.try_get(1).map_err(unreadable)?;
        if mark != lease.mark() {
            return Err(ConnectError::NotOurs { target: self.settings.target.to_string(), name });
        }
        Ok(Found::Role(row.try_get(0).map_err(unreadable)?))
    }

    /// Nothing was done: what was sent is rolled back with the connection.
    fn before_commit(&self, fault: Fault) -> ConnectError {
        match fault {
            Fault::Said(_, said) => {
                ConnectError::Refused { target: self.settings.target.to_string(), source: Box::new(said) }
            }
            Fault::Lost(source) => self.pool.link().unreachable(source),
        }
    }

    /// A statement that takes effect by itself: the server said that it did not, or nobody knows.
    fn of_commit(&self, fault: Fault) -> ConnectError {
        let target = self.settings.target.to_string();
        if fault.did_nothing() {
            ConnectError::Refused { target, source: fault.into_source() }
        } else {
            ConnectError::Unknown { target, source: fault.into_source() }
        }
    }

    fn unfinished(&self, fault: Fault) -> ConnectError {
        let target = self.settings.target.to_string();
        let source = match fault {
            // Whoever owns something in a schema must be allowed to make something there.
            Fault::Said(code, said) if code == SqlState::INSUFFICIENT_PRIVILEGE => {
                let heir = quoted(self.settings.reassign_to.as_str());
                let why = format!(
                    "{said}; what a lease left goes to {heir}, which needs GRANT CREATE ON SCHEMA … TO {heir} wherever \
                     leases may create something"
                );
                Said::new(&why).into()
            }
            fault => fault.into_source(),
        };
        ConnectError::Unfinished { target, source }
    }
}

/// Ends the sessions of a role that can log in no more, and waits until they are gone.
async fn end_sessions(session: &Session, oid: u32) -> Result<(), Fault> {
    const END: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usesysid = $1";
    while !session.query(END, &[(&oid, Type::OID)]).await?.is_empty() {
        if Instant::now() >= session.deadline() {
            return Err(Fault::Lost("its sessions do not end".into()));
        }
        sleep(LOOK_EVERY).await;
    }
    Ok(())
}

/// Waits for other rotations of this administrator, until the end of the transaction.
fn rotation_lock(admin: &Login) -> String {
    let user = admin.user.as_ref().map_or(&[][..], Secret::expose);
    let [a, b, c, d, e, f, g, h, ..] = sha256(&[b"sequestre/rotation/v1\0", user]);
    format!("SELECT pg_advisory_xact_lock({})", i64::from_le_bytes([a, b, c, d, e, f, g, h]))
}

/// An identifier as SQL has it.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
