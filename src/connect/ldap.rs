//! LDAP directories: a random password for a named account, or an entry of its own for each lease.
//!
//! # Late answers
//! LDAP has no transactions, and an operation whose answer was lost may take effect later. A password is therefore
//! set in two steps: to one that nobody knows, and from that one to the lease's, which the directory does only if the
//! old one still holds. What revoking leaves behind (a password that nobody knows, or no entry) stops a late second
//! step. An entry is made without a password first; if it comes late, nobody can log in with it.
//! `rotate` cannot be guarded so: a password between the old one and the next would be known to nobody after a crash.
//! When its answer is lost it waits a while, so that what is still on its way has arrived before anybody verifies.
//!
//! # What ends with a lease, and what not
//! No new login. LDAP has no operation that ends somebody else's open connection: what was logged in before stays so
//! until it is closed or the directory's own time limit for idle connections ends it.
//!
//! The client is our own and speaks just the few operations that are needed: the libraries at hand stop the whole
//! process at a malformed answer, which would let one association's directory take the daemon from all others.
//!
//! This module must never send an empty password: directories take that as a login of nobody, and say yes.

mod messages;

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, timeout_at};

use self::messages::{Answer, Operation};
use super::link::Link;
use super::password::{self, Rules};
use super::settings::{self, EntryTemplate, LdapLease};
use super::{ConnectError, Environment, FieldName, Lease, LeaseName, Login, Minted};
use crate::seal::secret::Secret;

/// Calls at work at once.
const CALLS: usize = 4;

/// How long a rotation whose answer is lost is given to take effect, or not.
const SETTLED_AFTER: Duration = Duration::from_secs(3);

// RFC 4511 appendix A.1.
const SUCCESS: u32 = 0;
const COMPARE_FALSE: u32 = 5;
const COMPARE_TRUE: u32 = 6;
const NO_SUCH_ATTRIBUTE: u32 = 16;
const NO_SUCH_OBJECT: u32 = 32;
const INAPPROPRIATE_AUTHENTICATION: u32 = 48;
const INVALID_CREDENTIALS: u32 = 49;
const ENTRY_ALREADY_EXISTS: u32 = 68;

/// A directory and what leases are in it.
pub struct Ldap {
    settings: settings::Ldap,
    link: Link,
    limit: Duration,
    permits: Semaphore,
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// A connection, and how far it is.
struct Session<'a> {
    link: &'a Link,
    stream: Box<dyn Stream>,
    sent: u8,
    deadline: Instant,
}

type Lost = Box<dyn std::error::Error + Send + Sync>;

impl Session<'_> {
    async fn send(&mut self, operation: Operation) -> Result<Answer, Lost> {
        self.sent += 1;
        Ok(timeout_at(self.deadline, operation.send(&mut self.stream, self.sent)).await??)
    }

    /// An operation that changes nothing.
    async fn ask(&mut self, operation: Operation) -> Result<Answer, ConnectError> {
        self.send(operation).await.map_err(|lost| self.link.unreachable(lost))
    }

    /// An operation that changes something: the directory answers, or nobody knows.
    async fn change(&mut self, operation: Operation) -> Result<Answer, ConnectError> {
        self.send(operation)
            .await
            .map_err(|source| ConnectError::Unknown { target: self.link.target().to_string(), source })
    }

    /// The directory said no: it did nothing, or it does not know itself, as one that stands before another says when
    /// that one went away.
    fn refused(&self, answer: Answer) -> ConnectError {
        let target = self.link.target().to_string();
        match answer.leaves_open() {
            true => ConnectError::Unknown { target, source: Box::new(answer.said) },
            false => ConnectError::Refused { target, source: Box::new(answer.said) },
        }
    }

    /// What went before took effect, and this does not.
    fn unfinished(&self, answer: Answer) -> ConnectError {
        ConnectError::Unfinished { target: self.link.target().to_string(), source: Box::new(answer.said) }
    }

    /// Whether the entry bears the lease's mark; `None` if there is no entry.
    async fn is_ours(&mut self, entry: &EntryTemplate, lease: &LeaseName) -> Result<Option<()>, ConnectError> {
        let dn = entry.dn(lease);
        let answer = self.ask(Operation::compare(&dn, entry.marked(), &lease.mark())).await?;
        match answer.code {
            COMPARE_TRUE => Ok(Some(())),
            NO_SUCH_OBJECT => Ok(None),
            COMPARE_FALSE | NO_SUCH_ATTRIBUTE => {
                Err(ConnectError::NotOurs { target: self.link.target().to_string(), name: dn })
            }
            _ if answer.leaves_open() => Err(self.link.unreachable(answer.said)),
            _ => Err(self.refused(answer)),
        }
    }

    /// Sets a password in two steps; `begun` if something was done before.
    async fn set_password(
        &mut self,
        dn: &str,
        rules: &Rules,
        secret: &Secret,
        begun: bool,
    ) -> Result<(), ConnectError> {
        let between = password::generate(rules)?;
        let answer = self.change(Operation::password_modify(Some(dn), None, &between)).await?;
        if answer.code != SUCCESS {
            return Err(if begun { self.unfinished(answer) } else { self.refused(answer) });
        }
        let answer = self.change(Operation::password_modify(Some(dn), Some(&between), secret)).await?;
        if answer.code == SUCCESS { Ok(()) } else { Err(self.unfinished(answer)) }
    }
}

impl Ldap {
    pub(super) fn new(settings: settings::Ldap, environment: &Environment) -> Result<Self, ConnectError> {
        let link = Link::new(&settings.target, settings.tls.as_ref(), environment)?;
        if settings.start_tls && link.tls().is_none() {
            return Err(ConnectError::Unusable(
                "'start_tls' needs 'tls' to say what certificate to expect".to_owned(),
            ));
        }
        Ok(Self { settings, link, limit: environment.time_limit, permits: Semaphore::new(CALLS) })
    }

    /// A connection that is logged in.
    async fn session(&self, admin: &Login) -> Result<Session<'_>, ConnectError> {
        let user = admin.user.as_ref().and_then(|user| user.expose_str()).filter(|dn| !dn.is_empty());
        let Some(dn) = user else {
            return Err(ConnectError::Unusable(
                "the credential of a directory needs the DN to bind as for a user name".to_owned(),
            ));
        };
        if admin.secret.is_empty() {
            return Err(self.denied("the password is empty".into()));
        }
        let mut session = self.connect().await?;
        let answer = session.ask(Operation::bind(dn, &admin.secret)).await?;
        match answer.code {
            SUCCESS => Ok(session),
            INVALID_CREDENTIALS | INAPPROPRIATE_AUTHENTICATION => Err(self.denied(answer.said.into())),
            _ if answer.leaves_open() => Err(self.link.unreachable(answer.said)),
            _ => Err(session.refused(answer)),
        }
    }

    fn denied(&self, source: Lost) -> ConnectError {
        ConnectError::Denied { target: self.settings.target.to_string(), source }
    }

    async fn connect(&self) -> Result<Session<'_>, ConnectError> {
        let deadline = Instant::now() + self.limit;
        let mut stream = self.link.connect().await?;
        let mut sent = 0;
        if self.settings.start_tls {
            sent += 1;
            let starting = timeout_at(deadline, Operation::start_tls().send(&mut stream, sent)).await;
            let answer = starting
                .map_err(|elapsed| self.link.unreachable(elapsed))?
                .map_err(|error| self.link.unreachable(error))?;
            if answer.code != SUCCESS {
                return Err(self.link.unreachable(answer.said));
            }
        }
        let stream: Box<dyn Stream> = match self.link.tls() {
            Some(tls) => Box::new(self.link.encrypt(stream, tls, deadline).await?),
            None => Box::new(stream),
        };
        Ok(Session { link: &self.link, stream, sent, deadline })
    }

    pub(super) async fn verify(&self, admin: &Login) -> Result<bool, ConnectError> {
        match self.session(admin).await {
            Ok(_) => Ok(true),
            Err(ConnectError::Denied { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    pub(super) async fn mint(&self, admin: &Login, lease: &Lease<'_>) -> Result<Minted, ConnectError> {
        let _permit = self.permits.acquire().await.map_err(|closed| self.link.unreachable(closed))?;
        let mut session = self.session(admin).await?;
        let field = |text: &str| Secret::from_string(text.to_owned());
        let target = &self.settings.target;
        let mut fields =
            vec![(FieldName::Host, field(target.host())), (FieldName::Port, field(&target.port().to_string()))];
        let (dn, begun) = match &self.settings.lease {
            LdapLease::PasswordOf(dn) => (dn.clone(), false),
            LdapLease::Entry(entry) => {
                self.make_entry(&mut session, entry, lease.name).await?;
                fields.push((FieldName::User, field(&lease.name.to_string())));
                (entry.dn(lease.name), true)
            }
        };
        session.set_password(&dn, &self.settings.password, lease.secret, begun).await?;
        fields.push((FieldName::Dn, Secret::from_string(dn)));
        fields.push((FieldName::Password, Secret::new(lease.secret.expose().to_vec())));
        Ok(Minted { fields })
    }

    /// Makes the entry, without a password, unless it is there.
    async fn make_entry(
        &self,
        session: &mut Session<'_>,
        entry: &EntryTemplate,
        lease: &LeaseName,
    ) -> Result<(), ConnectError> {
        let answer = session.change(Operation::add(&entry.dn(lease), &entry.attributes(lease))).await?;
        match answer.code {
            SUCCESS => Ok(()),
            ENTRY_ALREADY_EXISTS => match session.is_ours(entry, lease).await? {
                Some(()) => Ok(()),
                None => Err(session.refused(answer)),
            },
            _ => Err(session.refused(answer)),
        }
    }

    pub(super) async fn revoke(&self, admin: &Login, lease: &LeaseName) -> Result<(), ConnectError> {
        let _permit = self.permits.acquire().await.map_err(|closed| self.link.unreachable(closed))?;
        let mut session = self.session(admin).await?;
        let answer = match &self.settings.lease {
            LdapLease::PasswordOf(dn) => {
                // By the account's own rules: a directory may refuse any other, and then the lease's would stay. An
                // account that is not there may have been renamed, by the lease itself: nothing has ended then.
                let nobodys = password::generate(&self.settings.password)?;
                session.change(Operation::password_modify(Some(dn), None, &nobodys)).await?
            }
            LdapLease::Entry(entry) => match session.is_ours(entry, lease).await? {
                None => return Ok(()),
                Some(()) => {
                    let answer = session.change(Operation::delete(&entry.dn(lease))).await?;
                    if answer.code == NO_SUCH_OBJECT {
                        return Ok(());
                    }
                    if answer.code != SUCCESS {
                        // It stays, because something is below it, or somebody forbade it. At least nobody shall log in
                        // with it; whether that is refused, too, the refusal below covers.
                        let nobodys = password::generate(&self.settings.password)?;
                        session.change(Operation::password_modify(Some(&entry.dn(lease)), None, &nobodys)).await?;
                    }
                    answer
                }
            },
        };
        if answer.code == SUCCESS { Ok(()) } else { Err(session.refused(answer)) }
    }

    pub(super) async fn rotate(&self, admin: &Login, next: &Secret) -> Result<(), ConnectError> {
        let mut session = self.session(admin).await?;
        let change = Operation::password_modify(None, Some(&admin.secret), next);
        let answer = match session.change(change).await {
            Ok(answer) => answer,
            Err(error) => {
                drop(session);
                sleep(SETTLED_AFTER).await;
                return Err(error);
            }
        };
        if answer.code == SUCCESS { Ok(()) } else { Err(session.refused(answer)) }
    }
}
