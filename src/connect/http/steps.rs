//! The steps of a verb, as settings describe them and as they are done.
//!
//! This module must never let through a step that cannot be done as it is written: unknown placeholders, broken
//! pointers, methods and headers are found when the account is deposited, not when a lease ends.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use tonic::codegen::http::{HeaderName, Method};

use super::Bad;
use super::template::{Json, Scope, Template};
use crate::connect::password::Rules;
use crate::connect::settings::Tls;

/// Most steps in all verbs together.
const MOST_STEPS: usize = 50;

/// Settings as they are written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Described {
    pub base: String,
    pub tls: Option<Tls>,
    #[serde(default)]
    pub password: Rules,
    #[serde(default)]
    pub exclusive: bool,
    #[serde(default)]
    pub cookies: bool,
    pub auth: Option<DescribedAuth>,
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    pub verify: Vec<DescribedStep>,
    pub mint: Vec<DescribedStep>,
    pub gives: BTreeMap<String, String>,
    pub revoke: Vec<DescribedStep>,
    pub rotate: Option<Vec<DescribedStep>>,
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum DescribedAuth {
    Basic { user: String, password: String },
    Bearer(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DescribedStep {
    method: String,
    path: String,
    #[serde(default)]
    query: BTreeMap<String, String>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    json: Option<Value>,
    form: Option<BTreeMap<String, String>>,
    success: Option<DescribedCondition>,
    rejected: Option<DescribedCondition>,
    changes: Option<bool>,
    #[serde(default)]
    wait: u64,
    #[serde(default)]
    take: BTreeMap<String, String>,
    find: Option<DescribedFind>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct DescribedCondition {
    status: Vec<u16>,
    equals: BTreeMap<String, Value>,
    present: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DescribedFind {
    #[serde(default, rename = "in")]
    list: String,
    #[serde(rename = "where")]
    matching: BTreeMap<String, String>,
    #[serde(default)]
    except: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    take: BTreeMap<String, String>,
    each: Option<Vec<DescribedStep>>,
    #[serde(default)]
    none: bool,
}

/// Longest wait before a step, in seconds.
const LONGEST_WAIT: u64 = 10;

/// Deepest search within a search: the answers of all outer ones are in memory.
const DEEPEST: usize = 3;

/// How every request of an account proves who sends it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Auth {
    /// Not, or by headers, cookies or the body.
    None,
    /// With user and password.
    Basic(Template, Template),
    /// With a token.
    Bearer(Template),
}

/// What a request carries.
#[derive(Debug, Clone, PartialEq)]
pub enum Body {
    Empty,
    Json(Json),
    Form(Vec<(String, Template)>),
}

/// What an answer must be.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    /// One of these; empty: see the place.
    pub status: Vec<u16>,
    /// These values at these JSON pointers.
    pub equals: Vec<(String, Value)>,
    /// Something other than null at these.
    pub present: Vec<String>,
}

/// One place in an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// JSON pointer.
    At(String),
    /// The answer as text, without white space around it.
    Text,
}

/// A search in an answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Find {
    pub list: String,
    pub matching: Vec<(String, Template)>,
    pub except: Vec<(String, Vec<String>)>,
    pub take: Vec<(String, String)>,
    pub then: Then,
}

/// What is to be found, and what for.
#[derive(Debug, Clone, PartialEq)]
pub enum Then {
    /// Exactly one item, whose values are taken.
    One,
    /// Any number; these steps for every item.
    Each(Vec<Step>),
    /// None.
    Nothing,
}

impl Then {
    fn each(&self) -> Option<&[Step]> {
        match self {
            Self::Each(steps) => Some(steps),
            Self::One | Self::Nothing => None,
        }
    }
}

/// One request, and what its answer is for.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    pub method: Method,
    pub path: Template,
    pub query: Vec<(String, Template)>,
    pub headers: Vec<(HeaderName, Template)>,
    pub auth: Auth,
    pub body: Body,
    pub success: Condition,
    pub rejected: Condition,
    pub changes: bool,
    /// Before it.
    pub wait: Duration,
    pub take: Vec<(String, Place)>,
    pub find: Option<Find>,
}

/// Reads steps; knows what all of them have in common.
pub struct Reader {
    auth: Option<DescribedAuth>,
    headers: BTreeMap<String, String>,
}

impl Reader {
    /// With what stands in the settings for every request.
    pub fn new(auth: Option<DescribedAuth>, headers: BTreeMap<String, String>) -> Self {
        Self { auth, headers }
    }

    /// Reads the steps of a verb that may use these placeholders; gives them and all names known at its end.
    pub fn verb(
        &self,
        steps: Vec<DescribedStep>,
        names: &[&str],
        verifying: bool,
    ) -> Result<(Vec<Step>, Scope), Bad> {
        let mut scope: Scope = ["user", "secret"].iter().chain(names).map(|name| (*name).to_owned()).collect();
        if steps.is_empty() {
            return Err(Bad { key: "steps", must: "must be described for verify, mint and revoke" });
        }
        let mut left = MOST_STEPS;
        let steps = self.steps(steps, &mut scope, verifying, &mut left)?;
        Ok((steps, scope))
    }

    fn steps(
        &self,
        steps: Vec<DescribedStep>,
        scope: &mut Scope,
        verifying: bool,
        left: &mut usize,
    ) -> Result<Vec<Step>, Bad> {
        steps.into_iter().map(|step| self.step(step, scope, verifying, left)).collect()
    }

    fn step(&self, step: DescribedStep, scope: &mut Scope, verifying: bool, left: &mut usize) -> Result<Step, Bad> {
        *left = left.checked_sub(1).ok_or(Bad { key: "steps", must: "must be 50 at most" })?;
        let method = match step.method.as_str() {
            "GET" => Method::GET,
            "HEAD" => Method::HEAD,
            "POST" => Method::POST,
            "PUT" => Method::PUT,
            "PATCH" => Method::PATCH,
            "DELETE" => Method::DELETE,
            _ => {
                let must = "must be GET, HEAD, POST, PUT, PATCH or DELETE";
                return Err(Bad { key: "method", must });
            }
        };
        if step.wait > LONGEST_WAIT {
            return Err(Bad { key: "wait", must: "must be 10 seconds at most" });
        }
        let path = Template::parse(&step.path, scope)?;
        // What is written is sent as it is: nothing in it may begin a query, or end the request line.
        let plain = |c: char| c.is_ascii_alphanumeric() || "-._~!$&'()*+,;=:@%/".contains(c);
        if !step.path.starts_with('/') || !path.literals().all(|text| text.chars().all(plain)) {
            let must = "must begin with / and be a path; what follows a question mark is 'query'";
            return Err(Bad { key: "path", must });
        }
        let body = match (step.json, step.form) {
            (None, None) => Body::Empty,
            (Some(json), None) => Body::Json(Json::parse(json, scope)?),
            (None, Some(form)) => Body::Form(templates(form, scope)?),
            (Some(_), Some(_)) => return Err(Bad { key: "json", must: "excludes 'form'" }),
        };
        let auth = match &self.auth {
            None => Auth::None,
            Some(DescribedAuth::Basic { user, password }) => {
                Auth::Basic(Template::parse(user, scope)?, Template::parse(password, scope)?)
            }
            Some(DescribedAuth::Bearer(token)) => Auth::Bearer(Template::parse(token, scope)?),
        };
        let mut rejected = condition(step.rejected.unwrap_or_default())?;
        if rejected == condition(DescribedCondition::default())? {
            rejected.status =
                if verifying { vec![401, 403] } else { (400..500).filter(|status| *status != 408).collect() };
        }
        let headers = self.headers.clone().into_iter().chain(step.headers);
        let mut read = Step {
            path,
            query: templates(step.query, scope)?,
            headers: headers.map(|(name, value)| header(&name, &value, scope)).collect::<Result<_, _>>()?,
            auth,
            body,
            success: condition(step.success.unwrap_or_default())?,
            rejected,
            changes: step.changes.unwrap_or(!matches!(method, Method::GET | Method::HEAD)),
            wait: Duration::from_secs(step.wait),
            method,
            take: Vec::new(),
            find: None,
        };
        for (name, place) in step.take {
            let place = if place == "text" { Place::Text } else { Place::At(pointer(place)?) };
            read.take.push((learned(name, scope)?, place));
        }
        read.find = step.find.map(|find| self.find(find, scope, verifying, left)).transpose()?;
        Ok(read)
    }

    fn find(&self, find: DescribedFind, scope: &mut Scope, verifying: bool, left: &mut usize) -> Result<Find, Bad> {
        // Without a condition, every token of the account would be the lease's.
        if find.matching.is_empty() && find.except.is_empty() {
            return Err(Bad { key: "where", must: "must say what is looked for" });
        }
        let matching = find.matching.into_iter().map(|(at, text)| Ok((pointer(at)?, Template::parse(&text, scope)?)));
        let matching = matching.collect::<Result<_, Bad>>()?;
        let except = find.except.into_iter().map(|(at, texts)| Ok((pointer(at)?, texts)));
        let except = except.collect::<Result<_, Bad>>()?;
        // What is taken of each item is known in its steps only.
        let mut inner = scope.clone();
        let known = if find.each.is_some() { &mut inner } else { scope };
        let take = find.take.into_iter().map(|(name, at)| Ok((learned(name, known)?, pointer(at)?)));
        let take = take.collect::<Result<Vec<_>, Bad>>()?;
        let then = match (find.each, find.none) {
            (None, false) => Then::One,
            (Some(steps), false) => Then::Each(self.steps(steps, known, verifying, left)?),
            (None, true) if take.is_empty() => Then::Nothing,
            (_, true) => return Err(Bad { key: "none", must: "excludes 'each' and 'take'" }),
        };
        if then.each().is_some_and(|steps| depth(steps) >= DEEPEST) {
            return Err(Bad { key: "find", must: "must not be in a search in a search in a search" });
        }
        Ok(Find { list: pointer(find.list)?, matching, except, take, then })
    }
}

/// How many searches are within each other.
fn depth(steps: &[Step]) -> usize {
    let searches = steps.iter().filter_map(|step| step.find.as_ref()?.then.each());
    searches.map(|steps| 1 + depth(steps)).max().unwrap_or(0)
}

fn templates(pairs: BTreeMap<String, String>, scope: &Scope) -> Result<Vec<(String, Template)>, Bad> {
    pairs.into_iter().map(|(name, value)| Ok((name, Template::parse(&value, scope)?))).collect()
}

fn header(name: &str, value: &str, scope: &Scope) -> Result<(HeaderName, Template), Bad> {
    const BAD: Bad = Bad {
        key: "headers",
        must: "must be names and values of one line, without those that the connection itself needs",
    };
    let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| BAD)?;
    let own = ["host", "content-length", "transfer-encoding", "connection", "te", "trailer", "upgrade", "cookie"];
    let value = Template::parse(value, scope)?;
    if own.contains(&name.as_str()) || value.literals().any(|text| text.chars().any(char::is_control)) {
        return Err(BAD);
    }
    Ok((name, value))
}

fn condition(described: DescribedCondition) -> Result<Condition, Bad> {
    Ok(Condition {
        status: described.status,
        equals: described
            .equals
            .into_iter()
            .map(|(at, value)| Ok((pointer(at)?, value)))
            .collect::<Result<_, Bad>>()?,
        present: described.present.into_iter().map(pointer).collect::<Result<_, _>>()?,
    })
}

/// RFC 6901: empty, or beginning with a slash.
fn pointer(text: String) -> Result<String, Bad> {
    if text.is_empty() || text.starts_with('/') {
        return Ok(text);
    }
    Err(Bad { key: "pointer", must: "must be empty or begin with / (a JSON pointer, RFC 6901)" })
}

/// A name for a value out of an answer. It must be new: an answer may not replace the administrator's login.
fn learned(name: String, scope: &mut Scope) -> Result<String, Bad> {
    let fits = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    if !fits || !scope.insert(name.clone()) {
        let must = "must have new names of lower-case letters and underscores";
        return Err(Bad { key: "take", must });
    }
    Ok(name)
}
