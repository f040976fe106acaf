//! Any target with an HTTP API: the requests stand in the account's settings.
//!
//! A verb is a list of steps; each sends one request, says what counts as success, and may take values out of the
//! answer for the steps after it. Nothing is remembered between verbs: what `revoke` needs it looks up, by the lease's
//! name. The settings of the module [`settings`](super::settings) are their reference; this page is the reference of
//! kind `http`.
//!
//! ```json
//! {
//!   "kind": "http",
//!   "base": "https://api.example.org/v1",
//!   "auth": {"bearer": "{secret}"},
//!   "verify": [{"method": "GET", "path": "/me"}],
//!   "mint": [
//!     {"method": "GET", "path": "/tokens", "find": {"where": {"/name": "{lease}"}, "take": {"id": "/id"}, "each": [
//!       {"method": "DELETE", "path": "/tokens/{id}"}]}},
//!     {"method": "POST", "path": "/tokens", "json": {"name": "{lease}", "expires": "{until_utc}"},
//!      "take": {"token": "/token"}}
//!   ],
//!   "gives": {"token": "{token}"},
//!   "revoke": [
//!     {"method": "GET", "path": "/tokens", "find": {"where": {"/name": "{lease}"}, "take": {"id": "/id"}, "each": [
//!       {"method": "DELETE", "path": "/tokens/{id}", "success": {"status": [204, 404]}}]}}
//!   ]
//! }
//! ```
//!
//! | key | meaning |
//! |---|---|
//! | `base` | `https://host`, with a port and a path if need be; `http` only for this machine. Every request stays there; redirects are not followed |
//! | `tls`, `password` | as with other kinds |
//! | `exclusive` | leases share one account at the target, so that only one person at a time can have it (`false`) |
//! | `cookies` | cookies of an answer go with the requests after it in the same verb (`false`) |
//! | `auth` | of every request: `{"basic": {"user": …, "password": …}}` or `{"bearer": …}` |
//! | `headers` | of every request |
//! | `verify`, `mint`, `revoke`, `rotate` | steps; without `rotate`, rotating is not possible |
//! | `gives` | what the member gets: names of fields (`url`, `user`, `password`, `token`, …) with their values |
//!
//! A step has `method`, `path` (after the base), and may have `query`, `headers`, a body as `json` or `form`, and
//!
//! | key | meaning |
//! |---|---|
//! | `success` | `status`: these (any 2xx); `equals`: these values at these JSON pointers (RFC 6901); `present`: something at these |
//! | `rejected` | the same: the target said no and did nothing (`401`, `403`; except in `verify` any 4xx but 408). For `verify` it means that the login does not work. `401` to a request with `{secret}` in its `auth` or a header says that in `mint` and `revoke`, too: this secret is then left alone for five minutes |
//! | `changes` | whether the request may change something (for `GET` and `HEAD` `false`). Set it to `false` for a login form: an error after it is then known to have done nothing |
//! | `wait` | seconds before the step, 10 at most (0): at the end of a `revoke`, before looking whether it lasted. They count in the daemon's `time_limit_seconds` |
//! | `take` | names, with the JSON pointer of their value, or `text` for the whole answer |
//! | `find` | looks in the list at the pointer `in` (the whole answer) for items that have the texts of `where` at its pointers, and none of the lists of `except`; takes the values of `take`. With `each`, these steps are done for every item found, and none is fine; with `"none": true` nothing may be found, else the verb fails after what it did, and a `revoke` is done again; without both, there must be exactly one, and its values are for the steps after it. The list must be whole: an answer that names a next page (`Link` with `rel="next"`) is refused with `each` and `none`; where the target divides lists in another way, ask with `query` for what fits on one |
//!
//! A lease that can change its own account needs a `revoke` that ends with looking: a request of its holder that was
//! under way takes effect after the step that should have ended it, and names are theirs to change. What was looked for
//! and not found is then no proof.
//!
//! Placeholders stand in values, paths and bodies: `{user}` and `{secret}` (the administrator's login); in `mint` and
//! `revoke` `{lease}`; in `mint` `{until}` (POSIX seconds), `{until_utc}` (RFC 3339) and `{input}` (of the requester's
//! client); in `mint`, `rotate` and `revoke` `{new_secret}`: the lease's password, the next password, and one that
//! nobody gets, for scrambling. They are encoded for where they stand; `"{#name}"` is a number in JSON. `{{` and `}}`
//! are braces.
//!
//! This module must never follow what an answer says to another address, and never let an answer be longer or later
//! than its limits.

pub(super) mod steps;
pub(super) mod template;

#[cfg(feature = "daemon")]
mod run;
#[cfg(feature = "daemon")]
mod send;

use serde::Deserialize;
use tonic::codegen::http::Uri;

use super::FieldName;
use super::password::Rules;
use super::settings::{Target, Tls};
use steps::{Described, Reader, Step};
use template::Template;

#[cfg(feature = "daemon")]
pub(super) use run::Http;

/// Why steps are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("'{key}' {must}")]
pub struct Bad {
    /// Which.
    key: &'static str,
    /// What it has to be.
    must: &'static str,
}

/// Settings of an `http` connector, every step of it read.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(try_from = "Described")]
pub struct Settings {
    base: Base,
    tls: Option<Tls>,
    password: Rules,
    exclusive: bool,
    cookies: bool,
    verify: Vec<Step>,
    mint: Vec<Step>,
    gives: Vec<(FieldName, Template)>,
    revoke: Vec<Step>,
    rotate: Result<Vec<Step>, NoRotation>,
}

/// What to tell who asks for a rotation that is not described.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct NoRotation(&'static str);

impl Eq for Settings {}

impl Settings {
    /// Where the requests go.
    pub fn target(&self) -> &Target {
        &self.base.target
    }

    /// The rules of the passwords that are made.
    pub fn rules(&self) -> &Rules {
        &self.password
    }

    /// Whether leases share one account at the target.
    pub fn needs_exclusive(&self) -> bool {
        self.exclusive
    }

    /// Instead of the usual sentence, why rotating is not possible.
    pub(super) fn without_rotation(self, why: &'static str) -> Self {
        Self { rotate: Err(NoRotation(why)), ..self }
    }
}

/// The beginning of every address.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Base {
    encrypted: bool,
    target: Target,
    /// Without a slash at its end.
    path: String,
}

impl Base {
    fn parse(text: &str) -> Result<Self, Bad> {
        const BAD: Bad = Bad {
            key: "base",
            must: "must be https://host, with a port and a path if need be (http only for this machine)",
        };
        let uri: Uri = text.parse().map_err(|_| BAD)?;
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else { return Err(BAD) };
        let encrypted = match scheme {
            "https" => true,
            "http" => false,
            _ => return Err(BAD),
        };
        let host = authority.host();
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let port = match authority.port_u16() {
            Some(port) => port,
            None if encrypted => 443,
            None => 80,
        };
        let target = Target::new(host, port).map_err(|_| BAD)?;
        if authority.as_str().contains('@') || uri.query().is_some() || (!encrypted && !target.is_loopback()) {
            return Err(BAD);
        }
        Ok(Self { encrypted, target, path: uri.path().trim_end_matches('/').to_owned() })
    }
}

impl TryFrom<Described> for Settings {
    type Error = Bad;

    fn try_from(described: Described) -> Result<Self, Bad> {
        let base = Base::parse(&described.base)?;
        let reader = Reader::new(described.auth, described.headers);
        let (verify, _) = reader.verb(described.verify, &[], true)?;
        let (mint, taken) =
            reader.verb(described.mint, &["lease", "until", "until_utc", "input", "new_secret"], false)?;
        let (revoke, _) = reader.verb(described.revoke, &["lease", "new_secret"], false)?;
        let rotate = described.rotate.map(|steps| reader.verb(steps, &["new_secret"], false)).transpose()?;
        let gives = described.gives.into_iter().map(|(name, value)| {
            let name = FieldName::from_name(&name).ok_or(Bad {
                key: "gives",
                must: "may have host, port, database, url, user, dn, password, token and certificate only",
            })?;
            Ok((name, Template::parse(&value, &taken)?))
        });
        let mut gives = gives.collect::<Result<Vec<_>, Bad>>()?;
        gives.sort_by_key(|(name, _)| *name);
        if gives.is_empty() {
            return Err(Bad { key: "gives", must: "must name what the member gets" });
        }
        Ok(Self {
            base,
            tls: described.tls,
            password: described.password,
            exclusive: described.exclusive,
            cookies: described.cookies,
            verify,
            mint,
            gives,
            revoke,
            rotate: rotate.map(|(steps, _)| steps).ok_or(NoRotation(
                "the settings of this account describe no 'rotate'; change the password at the target and deposit the \
                 account anew",
            )),
        })
    }
}
