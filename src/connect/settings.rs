//! How a connector reaches an account's target: the reference of the JSON text that stands in the log with the
//! account (`sequestre deposit --connector FILE`).
//!
//! Everybody in the association may read it, so that approvers see where the administrator credential will be used;
//! it must never contain a secret. The credential itself (user name and password) is what the version seals.
//!
//! Every text has a `kind`; unknown keys are refused. Common to all that go over the network:
//!
//! | key | meaning |
//! |---|---|
//! | `target` | `host:port`, as it must stand in `[connect] targets` of the server's `sequestred.toml` |
//! | `tls` | `"verified"` (left out, the same): encrypted, the certificate is checked with the system's authorities. `{"authority": "-----BEGIN CERTIFICATE-----…"}`: checked with this authority only. `{"certificate": "<SHA-256 of the certificate, 64 hexadecimal digits>"}`: exactly this certificate, whatever it says. `"unencrypted-readable-on-the-way"`: what it says. For a target on this machine (`localhost`, `127.…`, `::1`) no `tls` means no encryption |
//! | `password` | rules of the passwords that are made: `length` (32), `alphabet` (letters and digits), `forbidden` (none) |
//!
//! What the technician allows is a name and a port, compared as text; where a name leads, the name service says. A
//! target on the server's own machine should not let in whoever comes from there (PostgreSQL: `trust`), because every
//! association on the server, and every kind of connector, may then reach it. On an unencrypted link to this machine,
//! whoever can take the port while the target is down gets what is sent to it: give it `tls`, or a port below 1024.
//!
//! # `postgresql`
//! ```json
//! {
//!   "kind": "postgresql",
//!   "target": "db.example.org:5432",
//!   "database": "members",
//!   "rights_of": "editors",
//!   "reassign_to": "archive",
//!   "connections": 5
//! }
//! ```
//! Each lease is a role of its own in `rights_of`: with its rights, at most `connections` (5) sessions, and
//! `VALID UNTIL` the lease's end. At its end sessions are ended, what the role owns in any database is given to
//! `reassign_to`, and the role is dropped. Functions that run with their owner's rights change hands as well: choose a
//! role that may do little. `rights_of` may not lead to a superuser, to creating roles or giving them away (ADMIN
//! OPTION), or to programs and files of the server: whoever has that could make themselves an access that stays. It
//! should own nothing and have no GRANT OPTION either: an owner can grant others rights that stay.
//!
//! The administrator is a superuser, or may create roles, has `rights_of` with ADMIN OPTION, and is a member of
//! `reassign_to`. It logs in to `database`, from where leases are made, and to every database where a lease's role
//! left something. `reassign_to` needs `CREATE` on every schema in which `rights_of` may create something, and on every
//! database in which it may create schemas: otherwise PostgreSQL does not let it own what is left, and the role stays
//! without login until somebody grants that. `pg_hba.conf` must ask for a password: `verify` and `rotate` fail under
//! `trust`.
//!
//! # `ldap`
//! ```json
//! {
//!   "kind": "ldap",
//!   "target": "ldap.example.org:636",
//!   "lease": {"password_of": "uid=tresorerie,ou=people,dc=example,dc=org"}
//! }
//! ```
//! Encryption is LDAPS, or StartTLS with `"start_tls": true`. The credential's user name is the DN to bind as. With
//! `password_of` a lease is a random password for this account, which must be exclusive; at its end the password
//! becomes one that nobody knows. With `entry` it is an entry of its own, removed at the end:
//! ```json
//! {
//!   "kind": "ldap",
//!   "target": "ldap.example.org:389",
//!   "start_tls": true,
//!   "lease": {
//!     "entry": {
//!       "base": "ou=leases,dc=example,dc=org",
//!       "naming": "uid",
//!       "attributes": {
//!         "objectClass": ["inetOrgPerson"],
//!         "cn": ["{lease}"],
//!         "sn": ["{lease}"],
//!         "description": ["{mark}"]
//!       }
//!     }
//!   }
//! }
//! ```
//! The entry is `naming={lease},base`; `{lease}` stands for the lease's name and `{mark}` for the mark by which the
//! entry is known as made for this lease, which one attribute must have as a value. Passwords are set with the
//! Password Modify operation (RFC 3062): the directory hashes them by its own rules.
//!
//! The directory's rules must not let an entry change the attribute that has the mark, or rename itself (write access to
//! `children` of what is above it): without its mark or under another name the entry is nobody's known lease, and is not
//! removed. An account of `password_of` that is not where it was stays due: its lease ends once it is there again.
//!
//! LDAP cannot end somebody else's open connection. What was logged in during a lease stays so until it is closed:
//! give the directory a limit for idle connections (OpenLDAP: `idletimeout`).
//!
//! # `ssh`, `http`, `wordpress`, `exec`
//! These have their reference in modules of their own: [`ssh`], [`http`], [`wordpress`], [`exec`].

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;
use std::num::NonZeroU16;

use serde::Deserialize;

use super::password::Rules;
use super::{LeaseName, exec, http, ssh, wordpress};

/// No JSON, an unknown kind or key, something missing, or a value that cannot be meant.
#[derive(Debug, thiserror::Error)]
#[error("the connector's settings cannot be used ({0}); correct them and deposit the account anew")]
pub struct SettingsError(String);

impl From<serde_json::Error> for SettingsError {
    fn from(error: serde_json::Error) -> Self {
        // It quotes the text, which somebody else wrote, and is shown in terminals and logs.
        Self(error.to_string().chars().map(|c| if c.is_control() { ' ' } else { c }).take(300).collect())
    }
}

/// A host name or address and a port: what the technician allows or not.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct Target {
    host: String,
    port: u16,
}

/// Text that names no target.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a target of the form host:port, such as db.example.org:5432 or [2001:db8::1]:5432; correct it")]
pub struct BadTarget(String);

impl Target {
    /// A host name, an IPv4 or an IPv6 address (without brackets), and a port other than 0.
    pub fn new(host: &str, port: u16) -> Result<Self, BadTarget> {
        let named = |host: &str| {
            host.starts_with(|c: char| c.is_ascii_alphanumeric())
                && host.len() <= 253
                && host.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'-')
        };
        if port != 0 && (named(host) || host.parse::<IpAddr>().is_ok()) {
            // One spelling of each address, as an allowed target is found by its text.
            let host = host.parse().map_or_else(|_| host.to_ascii_lowercase(), |address: IpAddr| address.to_string());
            Ok(Self { host, port })
        } else {
            Err(BadTarget(format!("{host}:{port}")))
        }
    }

    /// Parses `host:port`, with brackets around an IPv6 address.
    pub fn parse(text: &str) -> Result<Self, BadTarget> {
        let bad = || BadTarget(text.to_owned());
        let (host, port) = text.rsplit_once(':').ok_or_else(bad)?;
        let host = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
            Some(v6) if v6.contains(':') => v6,
            None if !host.contains(':') => host,
            _ => return Err(bad()),
        };
        let number: u16 = port.parse().map_err(|_| bad())?;
        // `+443` and `0443` are numbers, too.
        if number.to_string() == port { Self::new(host, number).map_err(|_| bad()) } else { Err(bad()) }
    }

    /// The host, without brackets, in lower case.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whether it can only be this machine.
    pub fn is_loopback(&self) -> bool {
        self.host == "localhost" || self.host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
    }
}

impl TryFrom<String> for Target {
    type Error = BadTarget;

    fn try_from(text: String) -> Result<Self, BadTarget> {
        Self::parse(&text)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') { write!(f, "[{host}]:{port}") } else { write!(f, "{host}:{port}") }
    }
}

/// How a target proves who it is.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tls {
    /// With a certificate of one of the system's authorities.
    Verified,
    /// With a certificate of this authority (PEM).
    Authority(String),
    /// With the certificate that has this SHA-256.
    Certificate(#[serde(deserialize_with = "digest")] [u8; 32]),
    /// Not at all.
    UnencryptedReadableOnTheWay,
}

fn digest<'de, D: serde::Deserializer<'de>>(from: D) -> Result<[u8; 32], D::Error> {
    let mut digest = [0; 32];
    hex::decode_to_slice(String::deserialize(from)?, &mut digest)
        .map_err(|_| serde::de::Error::custom("a certificate's SHA-256 is 64 hexadecimal digits"))?;
    Ok(digest)
}

/// The name of a role or database: 1 to 63 bytes. PostgreSQL cuts longer names off, and would then mean another.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct PgName(String);

impl TryFrom<String> for PgName {
    type Error = &'static str;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        let fits = (1..=63).contains(&name.len()) && !name.chars().any(char::is_control);
        if fits { Ok(Self(name)) } else { Err("a role's or database's name has 1 to 63 bytes, all of them visible") }
    }
}

impl PgName {
    /// The name, unquoted.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Settings of a `postgresql` connector.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Postgresql {
    /// Where the server is.
    pub target: Target,
    /// How it proves who it is.
    pub tls: Option<Tls>,
    /// Rules of the passwords that are made.
    #[serde(default)]
    pub password: Rules,
    /// Where the administrator works and leases log in.
    pub database: PgName,
    /// The role whose rights leases get.
    pub rights_of: PgName,
    /// The role that gets what a lease's role leaves behind.
    pub reassign_to: PgName,
    /// How many sessions a lease may have at once.
    #[serde(default = "five")]
    pub connections: NonZeroU16,
}

fn five() -> NonZeroU16 {
    const FIVE: NonZeroU16 = NonZeroU16::new(5).unwrap();
    FIVE
}

/// Settings of an `ldap` connector.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ldap {
    /// Where the directory is.
    pub target: Target,
    /// How it proves who it is.
    pub tls: Option<Tls>,
    /// Encryption begins with StartTLS (RFC 4511 section 4.14) instead of LDAPS.
    #[serde(default)]
    pub start_tls: bool,
    /// Rules of the passwords that are made.
    #[serde(default)]
    pub password: Rules,
    /// What a lease is.
    pub lease: LdapLease,
}

/// What a lease is in a directory.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LdapLease {
    /// A password for the account with this DN.
    PasswordOf(String),
    /// An entry of its own.
    Entry(EntryTemplate),
}

/// A temporary entry: `naming={lease},base`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "DescribedEntry")]
pub struct EntryTemplate {
    base: String,
    naming: String,
    attributes: BTreeMap<String, Vec<String>>,
    marked: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DescribedEntry {
    base: String,
    naming: String,
    attributes: BTreeMap<String, Vec<String>>,
}

impl TryFrom<DescribedEntry> for EntryTemplate {
    type Error = &'static str;

    fn try_from(described: DescribedEntry) -> Result<Self, Self::Error> {
        let DescribedEntry { base, naming, attributes } = described;
        let is_attribute =
            |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        if base.is_empty() {
            return Err("'base' must be the DN under which entries are made");
        }
        if !is_attribute(&naming) || !attributes.keys().all(|name| is_attribute(name)) {
            return Err("'naming' and the attributes' names must be names of attributes");
        }
        if attributes.values().any(Vec::is_empty) {
            return Err("each attribute must have a value");
        }
        if attributes.keys().any(|name| name.eq_ignore_ascii_case("userPassword")) {
            return Err("userPassword must not be described: the connector sets it");
        }
        let marked = attributes.iter().find(|(_, values)| values.iter().any(|value| value == MARK));
        let marked = marked.map(|(name, _)| name.clone()).ok_or("an attribute must have the value '{mark}'")?;
        Ok(Self { base, naming, attributes, marked })
    }
}

/// Stands for the lease's name.
const LEASE: &str = "{lease}";
/// Stands for the lease's mark.
const MARK: &str = "{mark}";

impl EntryTemplate {
    /// The entry's DN. A lease's name has no character that a DN would have to escape.
    pub fn dn(&self, lease: &LeaseName) -> String {
        format!("{}={lease},{}", self.naming, self.base)
    }

    /// The entry's attributes, with the naming one.
    pub fn attributes(&self, lease: &LeaseName) -> BTreeMap<String, BTreeSet<String>> {
        let fill = |value: &String| value.replace(LEASE, &lease.to_string()).replace(MARK, &lease.mark());
        let described = self.attributes.iter();
        let mut attributes: BTreeMap<String, BTreeSet<String>> =
            described.map(|(name, values)| (name.clone(), values.iter().map(fill).collect())).collect();
        if !attributes.keys().any(|name| name.eq_ignore_ascii_case(&self.naming)) {
            attributes.insert(self.naming.clone(), BTreeSet::from([lease.to_string()]));
        }
        attributes
    }

    /// The attribute that has the mark as a value.
    pub fn marked(&self) -> &str {
        &self.marked
    }
}

/// An account's connector settings: well-formed, with every value possible.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Settings {
    /// A PostgreSQL server.
    Postgresql(Postgresql),
    /// An LDAP directory.
    Ldap(Ldap),
    /// A target that takes SSH certificates.
    Ssh(ssh::Settings),
    /// An HTTP API.
    Http(http::Settings),
    /// A WordPress site.
    Wordpress(wordpress::Settings),
    /// A program on the server.
    Exec(exec::Settings),
}

impl Settings {
    /// Reads the text that stands with the account.
    pub fn parse(text: &str) -> Result<Self, SettingsError> {
        Ok(serde_json::from_str(text)?)
    }

    /// The name of the kind.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Postgresql(_) => "postgresql",
            Self::Ldap(_) => "ldap",
            Self::Ssh(_) => "ssh",
            Self::Http(_) => "http",
            Self::Wordpress(_) => "wordpress",
            Self::Exec(_) => "exec",
        }
    }

    /// Every address that the connector connects to.
    pub fn targets(&self) -> Vec<Target> {
        match self {
            Self::Postgresql(settings) => vec![settings.target.clone()],
            Self::Ldap(settings) => vec![settings.target.clone()],
            Self::Http(settings) | Self::Wordpress(wordpress::Settings(settings)) => vec![settings.target().clone()],
            // A certificate is made without the target; which program may run, the configuration says by name.
            Self::Ssh(_) | Self::Exec(_) => Vec::new(),
        }
    }

    /// The rules of the passwords that are made for this account.
    pub fn rules(&self) -> &Rules {
        match self {
            Self::Postgresql(settings) => &settings.password,
            Self::Ldap(settings) => &settings.password,
            Self::Ssh(settings) => settings.rules(),
            Self::Http(settings) | Self::Wordpress(wordpress::Settings(settings)) => settings.rules(),
            Self::Exec(settings) => &settings.password,
        }
    }

    /// Whether leases share one account at the target, so that only one person at a time can have it.
    pub fn needs_exclusive(&self) -> bool {
        match self {
            Self::Ldap(settings) => matches!(settings.lease, LdapLease::PasswordOf(_)),
            Self::Http(settings) | Self::Wordpress(wordpress::Settings(settings)) => settings.needs_exclusive(),
            Self::Exec(settings) => settings.exclusive,
            Self::Postgresql(_) | Self::Ssh(_) => false,
        }
    }

    /// Whether a lease whose making got no answer may come to be long after it was revoked. PostgreSQL and LDAP rule that
    /// out, each in its own way; what an API or a program does is for whoever wrote it to say.
    pub fn may_act_late(&self) -> bool {
        match self {
            Self::Http(_) | Self::Wordpress(_) | Self::Exec(_) => true,
            Self::Postgresql(_) | Self::Ldap(_) | Self::Ssh(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::escrow::id::OrganisationId;

    /// The examples of this file's documentation, in order.
    fn examples() -> Vec<String> {
        let mut examples = Vec::new();
        let mut lines = include_str!("settings.rs").lines().map_while(|line| line.strip_prefix("//!"));
        while lines.by_ref().any(|line| line == " ```json") {
            examples.push(lines.by_ref().take_while(|line| *line != " ```").collect());
        }
        examples
    }

    #[test]
    fn the_examples_are_settings_and_everything_else_is_refused() {
        let examples = examples();
        assert!(examples.len() >= 3);
        for example in &examples {
            let settings = Settings::parse(example).unwrap_or_else(|error| panic!("{example}: {error}"));
            assert!(example.contains(&format!(r#""kind": "{}""#, settings.kind())));
            let with = |more: &str| example.replacen('{', &format!("{{ {more}, "), 1);
            assert!(Settings::parse(&with(r#""passwort": {}"#)).is_err(), "an unknown key");
            assert!(Settings::parse(&example.replace(r#""kind""#, r#""Kind""#)).is_err());
        }
        let refused = |from: &str, to: &str| {
            let example = examples.iter().find(|example| example.contains(from)).unwrap();
            Settings::parse(&example.replace(from, to)).is_err()
        };
        for (from, to) in [
            (r#""kind": "ldap""#, r#""kind": "oracle""#),
            ("db.example.org:5432", "db.example.org"),
            ("db.example.org:5432", "db.example.org:0"),
            ("db.example.org:5432", "user@db.example.org:5432"),
            (r#""editors""#, r#""""#),
            (r#""connections": 5"#, r#""connections": 0"#),
            ("{mark}", "{lease}"),
            (r#""naming": "uid""#, r#""naming": "uid=x,""#),
            (r#""sn""#, r#""userPassword""#),
            (r#"["{lease}"]"#, "[]"),
            (r#""base""#, r#""password_of": "dc=org", "base""#),
        ] {
            assert!(refused(from, to), "{to}");
        }
    }

    #[test]
    fn encryption_is_given_up_in_so_many_words_only() {
        let tls = |text: &str| serde_json::from_str::<Tls>(text).ok();
        assert_eq!(tls(r#""verified""#), Some(Tls::Verified));
        assert_eq!(tls(r#""unencrypted-readable-on-the-way""#), Some(Tls::UnencryptedReadableOnTheWay));
        assert_eq!(tls(&format!(r#"{{"certificate": "{}"}}"#, "ab".repeat(32))), Some(Tls::Certificate([0xab; 32])));
        for refused in [r#""none""#, r#""unencrypted""#, "false", "null", r#"{"certificate": "ab"}"#, "{}"] {
            assert_eq!(tls(refused), None, "{refused}");
        }
    }

    #[test]
    fn targets_are_what_the_technician_wrote() {
        for (text, host) in [
            ("DB.example.org:5432", "db.example.org"),
            ("[2001:db8::1]:1", "2001:db8::1"),
            ("192.0.2.1:2", "192.0.2.1"),
        ] {
            let target = Target::parse(text).unwrap();
            assert_eq!((target.host(), target.to_string()), (host, text.to_ascii_lowercase()));
            assert!(!target.is_loopback());
        }
        for text in ["localhost:1", "127.0.0.2:1", "[::1]:1"] {
            assert!(Target::parse(text).unwrap().is_loopback(), "{text}");
        }
        for text in [
            "", "a", ":1", "a:", "a:0", "a:65536", "[a]:1", "::1:1", "[::1]", "a b:1", "a/b:1", "a:1:1", "-a:1",
            "a:+1", "a:01",
        ] {
            assert!(Target::parse(text).is_err(), "{text}");
        }
        assert!(!Target::parse("localhost.example.org:1").unwrap().is_loopback());
        assert_eq!(Target::parse("[2001:DB8:0::0:1]:1"), Target::parse("[2001:db8::1]:1"));
        assert_ne!(Target::parse("db.example.org.:1"), Target::parse("db.example.org:1"), "not what was allowed");
        let error = Settings::parse("{\"kind\": \"\\u001b[2J\\n\"}").unwrap_err().to_string();
        assert!(!error.contains(char::is_control), "{error:?}");
    }

    #[test]
    fn entries_bear_name_and_mark() {
        let example = examples().into_iter().find(|example| example.contains("entry")).unwrap();
        let Settings::Ldap(Ldap { lease: LdapLease::Entry(entry), .. }) = Settings::parse(&example).unwrap() else {
            panic!("{example}")
        };
        let lease = LeaseName::new(OrganisationId::new([0xcd; 32]), u64::MAX);
        assert_eq!(lease.to_string(), "seq-cdcdcdcd-18446744073709551615");
        assert_eq!(entry.dn(&lease), format!("uid={lease},ou=leases,dc=example,dc=org"));
        let attributes = entry.attributes(&lease);
        assert_eq!(attributes["uid"], BTreeSet::from([lease.to_string()]));
        assert_eq!(attributes[entry.marked()], BTreeSet::from([lease.mark()]));
    }
}
