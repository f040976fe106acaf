//! Doing the steps of a verb at the target.

use std::collections::BTreeMap;
use std::pin::Pin;

use serde_json::Value;
use tokio::time::{Instant, sleep, timeout_at};
use tonic::codegen::http::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, HeaderName, HeaderValue, USER_AGENT};
use tonic::codegen::http::{Request, Uri};

use super::Settings;
use super::send::{Answer, Body, Client, NoAnswer, body, text_of};
use super::steps::{self, Auth, Condition, Find, Place, Step, Then};
use super::template::{Template, Unfit, Values, basic, form};
use crate::connect::link::Link;
use crate::connect::password::generate;
use crate::connect::settings::Tls;
use crate::connect::{ConnectError, Environment, Lease, LeaseName, Login, Minted, Said};
use crate::escrow::time::Time;
use crate::seal::secret::{Secret, SecretWriter};

/// Most requests of one verb: a list that never ends must not keep the daemon busy.
const MOST_REQUESTS: usize = 200;

/// A target with an HTTP API.
pub struct Http {
    settings: Settings,
    client: Client,
    environment_limit: std::time::Duration,
}

/// What one call has done so far.
struct Call {
    requests: usize,
    /// Whether something was sent that may have changed something.
    changed: bool,
    until: Instant,
    cookies: BTreeMap<Vec<u8>, Secret>,
}

/// Why a verb stopped.
enum Stopped {
    /// The step that was rejected did nothing.
    Rejected(String),
    /// The same, and by 401 to a request that logs in with the sealed secret: this does not count (any more).
    Denied(String),
    /// Nothing was sent.
    NotSent(Box<dyn std::error::Error + Send + Sync>),
    /// Whether the last step did something is not known.
    Lost(Box<dyn std::error::Error + Send + Sync>),
    /// The step cannot be done with these values.
    Unfit(Unfit),
}

impl From<Unfit> for Stopped {
    fn from(unfit: Unfit) -> Self {
        Self::Unfit(unfit)
    }
}

impl Http {
    /// Refuses nothing that the settings did not already: the target was checked by the caller.
    pub fn new(settings: Settings, environment: &Environment) -> Result<Self, ConnectError> {
        let tls = match (&settings.tls, settings.base.encrypted) {
            (Some(tls), _) => Some(tls),
            (None, true) => Some(&Tls::Verified),
            (None, false) => None,
        };
        let link = Link::new(&settings.base.target, tls, environment)?;
        let client = Client::new(link, environment);
        Ok(Self { settings, client, environment_limit: environment.time_limit })
    }

    /// Whether this login works.
    pub async fn verify(&self, admin: &Login) -> Result<bool, ConnectError> {
        let mut call = self.call();
        match self.steps(&self.settings.verify, &mut login(admin), &mut call).await {
            Ok(()) => Ok(true),
            Err(Stopped::Rejected(_) | Stopped::Denied(_)) => Ok(false),
            Err(stopped) => Err(self.error(stopped, &call)),
        }
    }

    /// Makes the lease, and gives what the settings say.
    pub async fn mint(&self, admin: &Login, lease: &Lease<'_>) -> Result<Minted, ConnectError> {
        let mut call = self.call();
        let mut values = login(admin);
        values.set("lease", lease.name.to_string().as_bytes());
        values.set("until", lease.until.to_string().as_bytes());
        values.set("until_utc", utc(lease.until).as_bytes());
        values.set("input", lease.input.unwrap_or_default().as_bytes());
        values.set("new_secret", lease.secret.expose());
        let done = self.steps(&self.settings.mint, &mut values, &mut call).await;
        done.map_err(|stopped| self.error(stopped, &call))?;
        let fields = self.settings.gives.iter().map(|(name, value)| Ok((*name, value.plain(&values)?)));
        let fields = fields.collect::<Result<_, Unfit>>().map_err(|unfit| self.error(unfit.into(), &call))?;
        Ok(Minted { fields })
    }

    /// Ends the lease.
    pub async fn revoke(&self, admin: &Login, lease: &LeaseName) -> Result<(), ConnectError> {
        let mut call = self.call();
        let mut values = login(admin);
        values.set("lease", lease.to_string().as_bytes());
        values.set("new_secret", generate(&self.settings.password)?.expose());
        let done = self.steps(&self.settings.revoke, &mut values, &mut call).await;
        done.map_err(|stopped| self.error(stopped, &call))
    }

    /// Changes the administrator's secret.
    pub async fn rotate(&self, admin: &Login, next: &Secret) -> Result<(), ConnectError> {
        let steps = self.settings.rotate.as_ref().map_err(|why| ConnectError::NotSupported(why.0))?;
        let mut call = self.call();
        let mut values = login(admin);
        values.set("new_secret", next.expose());
        let done = self.steps(steps, &mut values, &mut call).await.map_err(|stopped| match stopped {
            // Before it changes a secret, a target may ask for more than the login; the caller verifies what holds.
            Stopped::Denied(said) => Stopped::Rejected(said),
            stopped => stopped,
        });
        done.map_err(|stopped| self.error(stopped, &call))
    }

    fn call(&self) -> Call {
        let until = Instant::now() + self.environment_limit;
        Call { requests: 0, changed: false, until, cookies: BTreeMap::new() }
    }

    /// In a box, because steps contain steps.
    fn steps<'a>(
        &'a self,
        steps: &'a [Step],
        values: &'a mut Values<'_>,
        call: &'a mut Call,
    ) -> Pin<Box<dyn Future<Output = Result<(), Stopped>> + Send + 'a>> {
        Box::pin(async move {
            for step in steps {
                self.step(step, values, call).await?;
            }
            Ok(())
        })
    }

    async fn step(&self, step: &Step, values: &mut Values<'_>, call: &mut Call) -> Result<(), Stopped> {
        timeout_at(call.until, sleep(step.wait)).await.map_err(|elapsed| Stopped::Lost(elapsed.into()))?;
        let request = self.request(step, values, call)?;
        call.requests += 1;
        if call.requests > MOST_REQUESTS {
            return Err(Stopped::Lost(Said::new("more requests than one verb may make").into()));
        }
        // From here on it may be changed, also if this task is stopped while it waits.
        let before = call.changed;
        call.changed |= step.changes;
        let answer = match timeout_at(call.until, self.client.send(request)).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(NoAnswer::NotSent(source))) => {
                call.changed = before;
                return Err(Stopped::NotSent(source));
            }
            Ok(Err(lost @ NoAnswer::Lost(_))) => return Err(Stopped::Lost(lost.into())),
            Err(elapsed) => return Err(Stopped::Lost(elapsed.into())),
        };
        let json: Option<Value> = answer.body.expose_str().and_then(|text| serde_json::from_str(text).ok());
        if !holds(&step.success, answer.status, json.as_ref(), (200..300).contains(&answer.status)) {
            let said = said(&answer, json.as_ref(), values);
            if holds(&step.rejected, answer.status, json.as_ref(), true) {
                call.changed = before;
                return Err(match answer.status == 401 && logs_in(step) {
                    true => Stopped::Denied(said),
                    false => Stopped::Rejected(said),
                });
            }
            return Err(Stopped::Lost(Said::new(&said).into()));
        }
        if self.settings.cookies {
            answer.cookies.into_iter().for_each(|cookie| keep(&mut call.cookies, cookie));
        }
        for (name, place) in &step.take {
            let text = match place {
                Place::Text => answer.body.expose_str().map(|text| zeroize::Zeroizing::new(text.trim().to_owned())),
                Place::At(pointer) => json.as_ref().and_then(|json| json.pointer(pointer)).and_then(text_of),
            };
            let text = text.ok_or_else(|| Stopped::Lost(Unfit::new(name, "is not in the answer").into()))?;
            values.set(name, text.as_bytes());
        }
        match &step.find {
            // What is not on this page would be taken for gone.
            Some(Find { then: Then::Each(_) | Then::Nothing, .. }) if answer.continues => {
                Err(Stopped::Lost(Said::new("the list goes on on another page; ask for a whole one").into()))
            }
            Some(find) => self.find(find, json.as_ref(), values, call).await,
            None => Ok(()),
        }
    }

    async fn find(
        &self,
        find: &Find,
        json: Option<&Value>,
        values: &mut Values<'_>,
        call: &mut Call,
    ) -> Result<(), Stopped> {
        // An answer without the list is not one in which nothing was found: that would leave a lease's access behind.
        let list = json.and_then(|json| json.pointer(&find.list)).and_then(Value::as_array);
        let list =
            list.ok_or_else(|| Stopped::Lost(Said::new("the answer has no list where one should be").into()))?;
        let mut wanted = Vec::new();
        for (at, template) in &find.matching {
            wanted.push((at, template.plain(values)?));
        }
        let matches = |item: &&Value| {
            let text = |at: &str| item.pointer(at).and_then(text_of);
            wanted.iter().all(|(at, wanted)| text(at).is_some_and(|text| text.as_bytes() == wanted.expose()))
                && find.except.iter().all(|(at, texts)| !text(at).is_some_and(|text| texts.contains(&text)))
        };
        let found: Vec<&Value> = list.iter().filter(matches).collect();
        let take = |item: &Value, values: &mut Values<'_>| -> Result<(), Stopped> {
            for (name, at) in &find.take {
                let text = item.pointer(at).and_then(text_of);
                let text = text.ok_or_else(|| Stopped::Lost(Unfit::new(name, "is not in what was found").into()))?;
                values.set(name, text.as_bytes());
            }
            Ok(())
        };
        match (&find.then, found.as_slice()) {
            (Then::Each(steps), found) => {
                for item in found {
                    let mut inner = Values::within(values);
                    take(item, &mut inner)?;
                    self.steps(steps, &mut inner, call).await?;
                }
                Ok(())
            }
            (Then::Nothing, []) => Ok(()),
            (Then::Nothing, found) => {
                Err(Stopped::Lost(Said::new(&format!("{} found where there should be none", found.len())).into()))
            }
            (Then::One, [item]) => take(item, values),
            (Then::One, found) => Err(Stopped::Rejected(format!("{} found where there should be one", found.len()))),
        }
    }

    fn request(&self, step: &Step, values: &Values<'_>, call: &Call) -> Result<Request<Body>, Stopped> {
        let base = &self.settings.base;
        let mut uri = SecretWriter::with_capacity(256);
        let scheme = if base.encrypted { "https" } else { "http" };
        uri.push(format!("{scheme}://{}{}", base.target, base.path).as_bytes());
        uri.push(step.path.path(values)?.expose());
        if !step.query.is_empty() {
            uri.push(b"?");
            form(&step.query, values, &mut uri)?;
        }
        let address = Uri::try_from(uri.finish().expose()).map_err(|_| Unfit::new("path", "makes no address"))?;
        let mut content = SecretWriter::with_capacity(1024);
        let kind = match &step.body {
            steps::Body::Empty => None,
            steps::Body::Json(json) => {
                json.fill(values, &mut content)?;
                Some("application/json")
            }
            steps::Body::Form(pairs) => {
                form(pairs, values, &mut content)?;
                Some("application/x-www-form-urlencoded")
            }
        };
        let mut request = Request::new(body(content.finish()));
        *request.method_mut() = step.method.clone();
        *request.uri_mut() = address;
        let headers = request.headers_mut();
        headers.insert(USER_AGENT, HeaderValue::from_static(concat!("sequestre/", env!("CARGO_PKG_VERSION"))));
        if let Some(kind) = kind {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        }
        let authorization = match &step.auth {
            Auth::None => None,
            Auth::Basic(user, password) => Some(basic(user, password, values)?),
            Auth::Bearer(token) => {
                let mut header = SecretWriter::with_capacity(64);
                header.push(b"Bearer ");
                header.push(token.header(values)?.expose());
                Some(header.finish())
            }
        };
        if let Some(authorization) = authorization {
            headers.insert(AUTHORIZATION, sensitive(&AUTHORIZATION, &authorization)?);
        }
        for (name, template) in &step.headers {
            headers.insert(name, sensitive(name, &template.header(values)?)?);
        }
        if !call.cookies.is_empty() {
            let mut jar = SecretWriter::with_capacity(256);
            for (position, cookie) in call.cookies.values().enumerate() {
                jar.push(if position == 0 { b"" } else { b"; " });
                jar.push(cookie.expose());
            }
            headers.insert(COOKIE, sensitive(&COOKIE, &jar.finish())?);
        }
        Ok(request)
    }

    fn error(&self, stopped: Stopped, call: &Call) -> ConnectError {
        let target = self.client.link().target().to_string();
        match (stopped, call.changed) {
            (Stopped::NotSent(source), false) => ConnectError::Unreachable { target, source },
            (Stopped::Rejected(said), false) => ConnectError::Refused { target, source: Said::new(&said).into() },
            (Stopped::Denied(said), false) => ConnectError::Denied { target, source: Said::new(&said).into() },
            (Stopped::Unfit(unfit), false) => ConnectError::Unusable(unfit.to_string()),
            // Only reading was tried: the target holds what it held.
            (Stopped::Lost(source), false) => ConnectError::Unreachable { target, source },
            (Stopped::Lost(source), true) => ConnectError::Unknown { target, source },
            (Stopped::NotSent(source), true) => ConnectError::Unfinished { target, source },
            (Stopped::Rejected(said) | Stopped::Denied(said), true) => {
                ConnectError::Unfinished { target, source: Said::new(&said).into() }
            }
            (Stopped::Unfit(unfit), true) => ConnectError::Unfinished { target, source: unfit.into() },
        }
    }
}

fn login(admin: &Login) -> Values<'static> {
    let mut values = Values::default();
    values.set("user", admin.user.as_ref().map(Secret::expose).unwrap_or_default());
    values.set("secret", admin.secret.expose());
    values
}

/// A header that is not shown where requests are shown.
fn sensitive(name: &HeaderName, value: &Secret) -> Result<HeaderValue, Unfit> {
    let mut header =
        HeaderValue::from_bytes(value.expose()).map_err(|_| Unfit::new(name.as_str(), "cannot stand in a header"))?;
    header.set_sensitive(true);
    Ok(header)
}

/// Whether the sealed secret is what a request logs in with, by its header: to such a one 401 says that it does not
/// count (RFC 9110 section 15.5.2). About a token that another answer gave, or a password in a body, it may say anything.
fn logs_in(step: &Step) -> bool {
    let has = |template: &Template| template.has("secret");
    let by_auth = match &step.auth {
        Auth::None => false,
        Auth::Basic(user, password) => has(user) || has(password),
        Auth::Bearer(token) => has(token),
    };
    by_auth || step.headers.iter().any(|(_, template)| has(template))
}

/// Keeps a cookie in the place of an earlier one of its name; one of which nothing follows the first sign is one to
/// forget (a value of padded base64 ends in that sign, too).
fn keep(cookies: &mut BTreeMap<Vec<u8>, Secret>, cookie: Secret) {
    let name: Vec<u8> = cookie.expose().iter().copied().take_while(|byte| *byte != b'=').collect();
    match cookie.len() == name.len() + 1 {
        true => drop(cookies.remove(&name)),
        false => drop(cookies.insert(name, cookie)),
    }
}

fn holds(condition: &Condition, status: u16, json: Option<&Value>, usual: bool) -> bool {
    let at = |pointer: &str| json.and_then(|json| json.pointer(pointer));
    let status = if condition.status.is_empty() { usual } else { condition.status.contains(&status) };
    status
        && condition.equals.iter().all(|(pointer, value)| at(pointer) == Some(value))
        && condition.present.iter().all(|pointer| at(pointer).is_some_and(|value| !value.is_null()))
}

/// What a target said, for the technician: its status, and where the answer has a short word for what is wrong at
/// `/code` or `/error`, that. Never the answer's text, which may repeat what was sent.
fn said(answer: &Answer, json: Option<&Value>, values: &Values<'_>) -> String {
    let word = ["/code", "/error"].into_iter().find_map(|at| json?.pointer(at)?.as_str());
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let word = word.filter(|word| {
        (1..=60).contains(&word.len())
            && word.chars().all(plain)
            && !values
                .all()
                .iter()
                .any(|value| value.expose_str().is_some_and(|value| word.contains(value) || value.contains(word)))
    });
    format!("status {}{}", answer.status, word.map(|word| format!(", {word}")).unwrap_or_default())
}

/// RFC 3339, in whole seconds of UTC.
fn utc(time: Time) -> String {
    let (days, seconds) = (time.0 / 86_400, time.0 % 86_400);
    // The proleptic Gregorian calendar in eras of 400 years, counted from 1 March 0000.
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let date = day - (153 * month + 2) / 5 + 1;
    let (month, later) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    let year = year + era * 400 + later;
    let (hours, minutes) = (seconds / 3_600, seconds % 3_600 / 60);
    format!("{year:04}-{month:02}-{date:02}T{hours:02}:{minutes:02}:{:02}Z", seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_forgotten_when_its_value_is_empty() {
        let mut cookies = BTreeMap::new();
        let mut kept = |pair: &str| {
            keep(&mut cookies, Secret::from_string(pair.to_owned()));
            cookies.values().map(|cookie| cookie.expose_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(kept("session=MTcwfGFiYw=="), ["session=MTcwfGFiYw=="]);
        assert_eq!(kept("other=1"), ["other=1", "session=MTcwfGFiYw=="]);
        assert_eq!(kept("session=="), ["other=1", "session=="]);
        assert_eq!(kept("session="), ["other=1"]);
    }

    /// Compared with `date --utc --date=@…`.
    #[test]
    fn times_are_written_as_rfc_3339() {
        for (time, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (951_868_800, "2000-03-01T00:00:00Z"),
            (1_795_336_496, "2026-11-22T08:34:56Z"),
            (4_107_542_399, "2100-02-28T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(utc(Time(time)), text);
        }
    }
}
