//! Connectors: what makes, changes and takes away access on a real system.
//!
//! A connector gets the target's *administrator credential* from the daemon, for the time that it is open there, and
//! does one of four things at the target: [`verify`](Connector::verify), [`mint`](Connector::mint),
//! [`revoke`](Connector::revoke), [`rotate`](Connector::rotate). It keeps no state of its own: what a lease made at a
//! target is found again by the lease's [name](LeaseName), which follows from the log.
//!
//! # What every connector holds to
//! - *Again is harmless.* Minting the same lease again sets the secret of this call; revoking what is not there is
//!   success. The daemon calls again after a crash, after a lost answer, and for ever when a target is down.
//! - *An error says whether something may have happened.* [`ConnectError::is_definite`] is true only where the target
//!   certainly holds what it held before. After a lost answer of `rotate` the caller verifies which secret holds.
//! - *Revoking ends access*, not only the next login: open sessions are ended, too.
//! - *Nobody's account but ours.* Whatever bears a lease's name without being marked as made for it stays untouched.
//! - *Only where the technician allows.* [`Environment::targets`] lists every address; an empty list allows none.
//! - *Encrypted*, unless the target is this machine or the settings say the opposite in so many words.
//!
//! A connector may keep connections for a minute, so that a thousand leases that end together do not log in a
//! thousand times. Whoever holds the administrator credential therefore makes one [`Connector`] for it, shares that
//! among its calls, and drops it when the credential is wiped; the connections end with it.
//!
//! This layer must never know the log or decide who gets access, and never put a secret into an error, a command
//! line or a log. What a target says ends up in the technician's log only, shortened and without control characters;
//! members get [`ConnectError::reason`].

pub mod exec;
#[cfg_attr(not(feature = "daemon"), allow(dead_code, reason = "the client reads settings, the daemon acts on them"))]
pub mod http;
pub mod krl;
pub mod password;
pub mod settings;
#[cfg_attr(not(feature = "daemon"), allow(dead_code, reason = "the client reads settings, the daemon acts on them"))]
pub mod ssh;
pub mod wordpress;

#[cfg(feature = "daemon")]
mod ldap;
#[cfg(feature = "daemon")]
mod link;
#[cfg(feature = "daemon")]
mod postgresql;
#[cfg(feature = "daemon")]
mod when;

#[cfg(feature = "daemon")]
use std::{collections::BTreeMap, collections::BTreeSet, error::Error as StdError, sync::Arc, time::Duration};

use crate::escrow::id::{OrganisationId, sha256};
use crate::escrow::time::Time;
#[cfg(feature = "daemon")]
use crate::seal::secret::NoRandomness;
use crate::seal::secret::Secret;
#[cfg(feature = "daemon")]
use settings::{Settings, SettingsError, Target};

/// How long one call to a target may take, unless the configuration says otherwise.
#[cfg(feature = "daemon")]
pub const TIME_LIMIT: Duration = Duration::from_secs(30);

/// A user name and a secret, as the opened part of a version holds them.
pub struct Login {
    /// The user name; some targets need none.
    pub user: Option<Secret>,
    /// The password, the private key, the token.
    pub secret: Secret,
}

const SERIAL_LABEL: &[u8] = b"sequestre/ssh-serial/v1\0";

/// The name under which a lease stands at a target: `seq-<first 8 digits of the organisation's id>-<request index>`.
/// It holds nothing but lower-case letters, digits and hyphens, and at most 33 of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LeaseName {
    organisation: OrganisationId,
    index: u64,
}

impl LeaseName {
    /// The name of the lease that the request at `index` asked for.
    pub fn new(organisation: OrganisationId, index: u64) -> Self {
        Self { organisation, index }
    }

    /// The request's index.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// The serial of a certificate: the first 63 bits of SHA-256 over a label, the organisation and the index, so that
    /// two organisations can share an authority, and one's revocations do not end the other's certificates. Never 0.
    pub fn serial(&self) -> u64 {
        let [a, b, c, d, e, f, g, h, ..] =
            sha256(&[SERIAL_LABEL, self.organisation.as_bytes().as_slice(), &self.index.to_be_bytes()]);
        (u64::from_be_bytes([a, b, c, d, e, f, g, h]) >> 1).max(1)
    }

    /// The mark that says, where a target has room for one, that something was made for this lease and no other:
    /// `sequestre:<organisation id>:<request index>`.
    pub fn mark(&self) -> String {
        format!("sequestre:{}:{}", self.organisation, self.index)
    }
}

impl std::fmt::Display for LeaseName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [a, b, c, d, ..] = self.organisation.as_bytes();
        write!(f, "seq-{}-{}", hex::encode([*a, *b, *c, *d]), self.index)
    }
}

/// A lease to be made at a target.
pub struct Lease<'a> {
    /// Its name there.
    pub name: &'a LeaseName,
    /// When it ends; targets that can enforce this themselves are told.
    pub until: Time,
    /// What the requester's client gave for the connector, such as an SSH public key. Not trusted.
    pub input: Option<&'a str>,
    /// A fresh random password by [`Settings::rules`](settings::Settings::rules).
    pub secret: &'a Secret,
}

/// What a value is that the member gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FieldName {
    /// The host to connect to.
    Host,
    /// The port to connect to.
    Port,
    /// The database to connect to.
    Database,
    /// The page to log in at.
    Url,
    /// The user name.
    User,
    /// The distinguished name to bind as.
    Dn,
    /// The password.
    Password,
    /// A token.
    Token,
    /// A certificate.
    Certificate,
}

impl FieldName {
    /// Every field, in the order in which they are shown.
    pub const ALL: [Self; 9] = [
        Self::Host,
        Self::Port,
        Self::Database,
        Self::Url,
        Self::User,
        Self::Dn,
        Self::Password,
        Self::Token,
        Self::Certificate,
    ];

    /// The name used in what is sealed to the member.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Port => "port",
            Self::Database => "database",
            Self::Url => "url",
            Self::User => "user",
            Self::Dn => "dn",
            Self::Password => "password",
            Self::Token => "token",
            Self::Certificate => "certificate",
        }
    }

    /// The field with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|field| field.as_str() == name)
    }
}

/// What was made at the target, for the member.
pub struct Minted {
    /// Each with its name, in the order in which they are shown.
    pub fields: Vec<(FieldName, Secret)>,
}

/// Why a call did not succeed.
#[cfg(feature = "daemon")]
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The account's connector settings.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The settings cannot be used at this target, or with this credential.
    #[error("the connector cannot be used so: {0}")]
    Unusable(String),
    /// The technician does not allow the target.
    #[error(
        "{0} is not among the targets that this server may reach; its technician can add it to `targets` under \
         [connect] in sequestred.toml"
    )]
    NotAllowed(String),
    /// The technician names no such program.
    #[error("no program '{0}' is allowed on this server; its technician can name one under [connect.exec.{0}]")]
    NoProgram(String),
    /// No connection; nothing was done.
    #[error("{target} cannot be reached; check that it runs and that this server may connect to it")]
    Unreachable {
        /// Where to.
        target: String,
        /// What happened.
        source: Box<dyn StdError + Send + Sync>,
    },
    /// The target said no, and did nothing.
    #[error("{target} refused; see what it said, and check the administrator credential and its rights")]
    Refused {
        /// Where.
        target: String,
        /// What it said.
        source: Box<dyn StdError + Send + Sync>,
    },
    /// The administrator credential is wrong, or does not count any more; nothing was done.
    #[error("{target} does not accept the administrator credential; check it, and deposit the one that works")]
    Denied {
        /// Where.
        target: String,
        /// What it said.
        source: Box<dyn StdError + Send + Sync>,
    },
    /// The target lets in with any secret: what it says about one is worth nothing. Of `verify` only.
    #[error(
        "{target} lets this user in with any password, so that none can be verified and none counts; have it ask for \
         one (for PostgreSQL: no `trust`, `peer` or `ident` in pg_hba.conf for this server's connections)"
    )]
    Unchecked {
        /// Where.
        target: String,
    },
    /// What bears the lease's name was not made for it.
    #[error(
        "{target} already has a '{name}' that was not made for this lease; it was not touched, a person must look"
    )]
    NotOurs {
        /// Where.
        target: String,
        /// The name.
        name: String,
    },
    /// Begun at the target, and not finished; to be called again.
    #[error("what was begun at {target} is not finished; it is tried again")]
    Unfinished {
        /// Where.
        target: String,
        /// What happened.
        source: Box<dyn StdError + Send + Sync>,
    },
    /// The answer was lost: the target may have done it.
    #[error("{target} gave no answer; whether it did what it was told is not known, and must be verified")]
    Unknown {
        /// Where.
        target: String,
        /// What happened.
        source: Box<dyn StdError + Send + Sync>,
    },
    /// This kind of target cannot do this.
    #[error("{0}")]
    NotSupported(&'static str),
    /// No randomness.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
}

#[cfg(feature = "daemon")]
impl ConnectError {
    /// Whether the target certainly holds what it held before.
    pub fn is_definite(&self) -> bool {
        !matches!(self, Self::Unfinished { .. } | Self::Unknown { .. })
    }

    /// Why, in one word without details, for those who may not know what the target said.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Settings(_) | Self::Unusable(_) => "settings",
            Self::NotAllowed(_) | Self::NoProgram(_) => "not-allowed",
            Self::Unreachable { .. } => "unreachable",
            Self::Refused { .. } => "refused",
            Self::Denied { .. } => "denied",
            Self::Unchecked { .. } => "unchecked",
            Self::NotOurs { .. } => "not-ours",
            Self::Unfinished { .. } => "unfinished",
            Self::Unknown { .. } => "unknown",
            Self::NotSupported(_) => "not-supported",
            Self::NoRandomness(_) => "no-randomness",
        }
    }
}

/// What a target said with its refusal, fit for a log: one line, shortened, without control characters.
#[cfg(feature = "daemon")]
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Said(String);

#[cfg(feature = "daemon")]
impl Said {
    /// Longest text, in characters.
    const LONGEST: usize = 300;

    /// Cleans what was said.
    pub fn new(text: &str) -> Self {
        Self(text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(Self::LONGEST).collect())
    }
}

/// What connectors get from the daemon's configuration.
#[cfg(feature = "daemon")]
pub struct Environment {
    /// Every address that connectors may reach; empty means none.
    pub targets: BTreeSet<Target>,
    /// The programs that `exec` connectors may run, by name; empty means none.
    pub programs: BTreeMap<String, exec::Program>,
    /// How targets prove who they are, unless their settings say otherwise: the system's authorities.
    pub tls: Arc<rustls::ClientConfig>,
    /// How long one call to a target may take.
    pub time_limit: Duration,
}

#[cfg(feature = "daemon")]
impl Environment {
    /// With the system's certificate authorities and [`TIME_LIMIT`].
    ///
    /// # Errors
    /// Where the system has no certificate authorities.
    pub fn new(targets: BTreeSet<Target>) -> Result<Self, std::io::Error> {
        Ok(Self::with_authorities(targets, link::system_authorities()?))
    }

    /// With these authorities instead of the system's, and [`TIME_LIMIT`].
    pub fn with_authorities(targets: BTreeSet<Target>, tls: Arc<rustls::ClientConfig>) -> Self {
        Self { targets, programs: BTreeMap::new(), tls, time_limit: TIME_LIMIT }
    }
}

/// A target's connector, ready to be called.
#[cfg(feature = "daemon")]
pub enum Connector {
    /// A PostgreSQL server.
    Postgresql(postgresql::Postgresql),
    /// An LDAP directory.
    Ldap(ldap::Ldap),
    /// A target that takes SSH certificates.
    Ssh(ssh::Ssh),
    /// An HTTP API.
    Http(Box<http::Http>),
    /// A program.
    Exec(exec::Exec),
}

#[cfg(feature = "daemon")]
impl Connector {
    /// Refuses targets that the technician does not allow.
    pub fn new(settings: Settings, environment: &Environment) -> Result<Self, ConnectError> {
        if let Some(target) = settings.targets().into_iter().find(|target| !environment.targets.contains(target)) {
            return Err(ConnectError::NotAllowed(target.to_string()));
        }
        Ok(match settings {
            Settings::Postgresql(settings) => Self::Postgresql(postgresql::Postgresql::new(settings, environment)?),
            Settings::Ldap(settings) => Self::Ldap(ldap::Ldap::new(settings, environment)?),
            Settings::Ssh(settings) => Self::Ssh(ssh::Ssh::new(settings)),
            Settings::Http(settings) => Self::Http(Box::new(http::Http::new(settings, environment)?)),
            Settings::Wordpress(settings) => Self::Http(Box::new(http::Http::new(settings.0, environment)?)),
            Settings::Exec(settings) => Self::Exec(exec::Exec::new(settings, environment)?),
        })
    }

    /// Whether this login works at the target now. Always on a connection of its own.
    pub async fn verify(&self, admin: &Login) -> Result<bool, ConnectError> {
        match self {
            Self::Postgresql(connector) => connector.verify(admin).await,
            Self::Ldap(connector) => connector.verify(admin).await,
            Self::Ssh(connector) => connector.verify(admin),
            Self::Http(connector) => connector.verify(admin).await,
            Self::Exec(connector) => connector.verify(admin).await,
        }
    }

    /// Makes the lease at the target. Called again for the same lease, it sets the secret of this call.
    pub async fn mint(&self, admin: &Login, lease: &Lease<'_>) -> Result<Minted, ConnectError> {
        match self {
            Self::Postgresql(connector) => connector.mint(admin, lease).await,
            Self::Ldap(connector) => connector.mint(admin, lease).await,
            Self::Ssh(connector) => connector.mint(admin, lease),
            Self::Http(connector) => connector.mint(admin, lease).await,
            Self::Exec(connector) => connector.mint(admin, lease).await,
        }
    }

    /// Ends the lease at the target, with its open sessions. What is not there (any more) is success.
    pub async fn revoke(&self, admin: &Login, lease: &LeaseName) -> Result<(), ConnectError> {
        match self {
            Self::Postgresql(connector) => connector.revoke(admin, lease).await,
            Self::Ldap(connector) => connector.revoke(admin, lease).await,
            // It ends by itself; before its time by its serial, which the revocation list takes from the log.
            Self::Ssh(_) => Ok(()),
            Self::Http(connector) => connector.revoke(admin, lease).await,
            Self::Exec(connector) => connector.revoke(admin, lease).await,
        }
    }

    /// Changes the administrator's own secret to `next`. After an error that is not definite the caller verifies
    /// which of the two holds.
    pub async fn rotate(&self, admin: &Login, next: &Secret) -> Result<(), ConnectError> {
        match self {
            Self::Postgresql(connector) => connector.rotate(admin, next).await,
            Self::Ldap(connector) => connector.rotate(admin, next).await,
            Self::Ssh(_) => Err(ConnectError::NotSupported(ssh::NO_ROTATION)),
            Self::Http(connector) => connector.rotate(admin, next).await,
            Self::Exec(connector) => connector.rotate(admin, next).await,
        }
    }
}
