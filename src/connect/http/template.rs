//! Texts with placeholders, `{name}`, as settings have them, and how a value is written where it stands.
//!
//! Every place has one encoding, and a value can never end it: a password with a quotation mark stays inside its JSON
//! string, one with a slash inside its part of the path. This module must never put a value anywhere unencoded.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Bad;

/// Names that may be used at a place; those of answers are added as the steps are read.
pub type Scope = BTreeSet<String>;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Name(String),
}

/// A text with placeholders, all of them known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(Vec<Piece>);

impl Template {
    /// Reads `{name}`; `{{` and `}}` stand for braces.
    pub fn parse(text: &str, scope: &Scope) -> Result<Self, Bad> {
        const BAD: Bad = Bad { key: "{…}", must: "must be a known placeholder; write {{ and }} for braces" };
        let mut pieces = Vec::new();
        let mut literal = String::new();
        let mut rest = text.chars().peekable();
        while let Some(c) = rest.next() {
            match c {
                '{' | '}' if rest.peek() == Some(&c) => {
                    rest.next();
                    literal.push(c);
                }
                '}' => return Err(BAD),
                '{' => {
                    let mut name = String::new();
                    loop {
                        match rest.next() {
                            Some('}') => break,
                            Some(c) => name.push(c),
                            None => return Err(BAD),
                        }
                    }
                    if !scope.contains(&name) {
                        return Err(BAD);
                    }
                    if !literal.is_empty() {
                        pieces.push(Piece::Text(std::mem::take(&mut literal)));
                    }
                    pieces.push(Piece::Name(name));
                }
                c => literal.push(c),
            }
        }
        if !literal.is_empty() {
            pieces.push(Piece::Text(literal));
        }
        Ok(Self(pieces))
    }

    /// Whether this placeholder is in it.
    #[cfg(feature = "daemon")]
    pub fn has(&self, wanted: &str) -> bool {
        self.0.iter().any(|piece| matches!(piece, Piece::Name(name) if name == wanted))
    }

    /// The texts between the placeholders.
    pub fn literals(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Text(text) => Some(text.as_str()),
            Piece::Name(_) => None,
        })
    }
}

/// A JSON text whose strings have placeholders.
#[derive(Debug, Clone, PartialEq)]
pub enum Json {
    /// Without any: null, a number, true, false.
    Plain(Value),
    /// A string.
    Text(Template),
    /// `"{#name}"`: the value as a number.
    Number(String),
    /// A list.
    List(Vec<Json>),
    /// An object; its keys have no placeholders.
    Object(Vec<(String, Json)>),
}

impl Json {
    /// Reads every string in it as a template.
    pub fn parse(value: Value, scope: &Scope) -> Result<Self, Bad> {
        Ok(match value {
            Value::String(text) => match text.strip_prefix("{#").and_then(|text| text.strip_suffix('}')) {
                Some(name) if scope.contains(name) => Self::Number(name.to_owned()),
                _ => Self::Text(Template::parse(&text, scope)?),
            },
            Value::Array(items) => {
                Self::List(items.into_iter().map(|item| Self::parse(item, scope)).collect::<Result<_, _>>()?)
            }
            Value::Object(items) => Self::Object(
                items
                    .into_iter()
                    .map(|(key, value)| Ok((key, Self::parse(value, scope)?)))
                    .collect::<Result<_, Bad>>()?,
            ),
            plain => Self::Plain(plain),
        })
    }
}

#[cfg(feature = "daemon")]
pub use filled::{Unfit, Values};

/// Putting the values in.
#[cfg(feature = "daemon")]
mod filled {
    use std::collections::BTreeMap;
    use std::io::Write as _;

    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD as BASE64;
    use zeroize::Zeroizing;

    use super::{Json, Piece, Template};
    use crate::seal::secret::{Secret, SecretWriter};

    /// Longest text that placeholders may make, in bytes. Settings could name a long value of an answer thousands of
    /// times, and one association's would take the memory from all.
    const LONGEST: usize = 1 << 20;

    /// Refuses what has become too long.
    fn limited(filled: &SecretWriter, more: usize, name: &str) -> Result<(), Unfit> {
        match filled.len() + more <= LONGEST {
            true => Ok(()),
            false => Err(Unfit::new(name, "makes the request too long")),
        }
    }

    /// A value cannot stand where its placeholder does.
    #[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
    #[error("the value of {{{name}}} {why}")]
    pub struct Unfit {
        name: String,
        why: &'static str,
    }

    impl Unfit {
        /// About the value of a placeholder.
        pub fn new(name: &str, why: &'static str) -> Self {
            Self { name: name.to_owned(), why }
        }
    }

    /// What the placeholders of one call stand for.
    #[derive(Default)]
    pub struct Values<'a> {
        outer: Option<&'a Values<'a>>,
        own: BTreeMap<String, Secret>,
    }

    impl<'a> Values<'a> {
        /// With those of `outer`, and room for more.
        pub fn within(outer: &'a Values<'a>) -> Self {
            Self { outer: Some(outer), own: BTreeMap::new() }
        }

        /// Adds or replaces one.
        pub fn set(&mut self, name: &str, value: &[u8]) {
            self.own.insert(name.to_owned(), Secret::new(value.to_vec()));
        }

        fn get(&self, name: &str) -> Result<&str, Unfit> {
            let value = match (self.own.get(name), self.outer) {
                (Some(value), _) => value,
                (None, Some(outer)) => return outer.get(name),
                (None, None) => return Err(Unfit::new(name, "is missing")),
            };
            value.expose_str().ok_or_else(|| Unfit::new(name, "is not text"))
        }

        /// Every value, for finding out whether a text contains one.
        pub fn all(&self) -> Vec<&Secret> {
            self.outer.map(Values::all).unwrap_or_default().into_iter().chain(self.own.values()).collect()
        }
    }

    impl Template {
        fn fill(
            &self,
            values: &Values<'_>,
            mut write: impl FnMut(&mut SecretWriter, &str, &str) -> Result<(), Unfit>,
        ) -> Result<Secret, Unfit> {
            let mut filled = SecretWriter::with_capacity(256);
            for piece in &self.0 {
                match piece {
                    Piece::Text(text) => filled.push(text.as_bytes()),
                    Piece::Name(name) => {
                        let value = values.get(name)?;
                        // Percent-encoding makes three bytes of one.
                        limited(&filled, value.len().saturating_mul(3), name)?;
                        write(&mut filled, name, value)?;
                    }
                }
            }
            Ok(filled.finish())
        }

        /// As it is: for a value that is encoded afterwards as a whole.
        pub fn plain(&self, values: &Values<'_>) -> Result<Secret, Unfit> {
            self.fill(values, |filled, _, value| {
                filled.push(value.as_bytes());
                Ok(())
            })
        }

        /// A path: the template's own text as it is, every value as one part of it. A value that would make a part
        /// empty, or mean the folder above, would lead to another place.
        pub fn path(&self, values: &Values<'_>) -> Result<Secret, Unfit> {
            self.fill(values, |filled, name, value| {
                if matches!(value, "" | "." | "..") {
                    return Err(Unfit::new(name, "cannot be a part of a path"));
                }
                percent(filled, value);
                Ok(())
            })
        }

        /// A header's value, for which line breaks and other control characters would be a further header.
        pub fn header(&self, values: &Values<'_>) -> Result<Secret, Unfit> {
            self.fill(values, |filled, name, value| {
                if value.bytes().any(|byte| byte.is_ascii_control()) {
                    return Err(Unfit::new(name, "has a control character"));
                }
                filled.push(value.as_bytes());
                Ok(())
            })
        }
    }

    impl Json {
        /// Writes it, compact.
        pub fn fill(&self, values: &Values<'_>, to: &mut SecretWriter) -> Result<(), Unfit> {
            match self {
                Self::Plain(value) => to.push(value.to_string().as_bytes()),
                Self::Text(template) => {
                    let text = template.plain(values)?;
                    // A control character is written with six bytes.
                    limited(to, text.len().saturating_mul(6), "…")?;
                    quoted(to, text.expose_str().unwrap_or_default());
                }
                Self::Number(name) => {
                    let number: u64 = values.get(name)?.parse().map_err(|_| Unfit::new(name, "is not a number"))?;
                    to.push(number.to_string().as_bytes());
                }
                Self::List(items) => {
                    to.push(b"[");
                    for (position, item) in items.iter().enumerate() {
                        to.push(if position == 0 { b"" } else { b"," });
                        item.fill(values, to)?;
                    }
                    to.push(b"]");
                }
                Self::Object(items) => {
                    to.push(b"{");
                    for (position, (key, item)) in items.iter().enumerate() {
                        to.push(if position == 0 { b"" } else { b"," });
                        quoted(to, key);
                        to.push(b":");
                        item.fill(values, to)?;
                    }
                    to.push(b"}");
                }
            }
            Ok(())
        }
    }

    /// A JSON string. Writing to memory does not fail, and every text can be written.
    pub(crate) fn quoted(to: &mut SecretWriter, text: &str) {
        let _ = serde_json::to_writer(to, text);
    }

    /// Names and values as in a query or a form (`application/x-www-form-urlencoded`; a space is `%20`, which every
    /// reader of `+` takes, too).
    pub fn form(pairs: &[(String, Template)], values: &Values<'_>, to: &mut SecretWriter) -> Result<(), Unfit> {
        for (position, (name, template)) in pairs.iter().enumerate() {
            to.push(if position == 0 { b"" } else { b"&" });
            percent(to, name);
            to.push(b"=");
            let text = template.plain(values)?;
            limited(to, text.len().saturating_mul(3), name)?;
            percent(to, text.expose_str().unwrap_or_default());
        }
        Ok(())
    }

    /// `Basic` and user and password (RFC 7617), in UTF-8.
    pub fn basic(user: &Template, password: &Template, values: &Values<'_>) -> Result<Secret, Unfit> {
        let (user, password) = (user.plain(values)?, password.plain(values)?);
        if user.expose().contains(&b':') {
            return Err(Unfit::new("user", "has a colon, which Basic authentication cannot transport"));
        }
        let mut pair = SecretWriter::with_capacity(user.len() + password.len() + 1);
        pair.push(user.expose());
        pair.push(b":");
        pair.push(password.expose());
        let pair = pair.finish();
        let encoded = Zeroizing::new(BASE64.encode(pair.expose()));
        let mut header = SecretWriter::with_capacity(encoded.len() + 6);
        header.push(b"Basic ");
        header.push(encoded.as_bytes());
        Ok(header.finish())
    }

    /// Percent-encodes everything but the unreserved characters of RFC 3986 section 2.3.
    fn percent(to: &mut SecretWriter, text: &str) {
        for byte in text.bytes() {
            if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
                to.push(&[byte]);
            } else {
                let _ = write!(to, "%{byte:02X}");
            }
        }
    }
}

#[cfg(feature = "daemon")]
pub use filled::{basic, form};

#[cfg(all(test, feature = "daemon"))]
mod tests {
    use super::*;

    #[test]
    fn a_request_does_not_grow_without_end() {
        let scope = Scope::from(["a".to_owned()]);
        let mut values = Values::default();
        values.set("a", &[b'x'; 60_000]);
        let many = "{a}".repeat(20);
        let template = Template::parse(&many, &scope).unwrap();
        assert!(
            template.plain(&values).is_err() && template.path(&values).is_err() && template.header(&values).is_err()
        );
        let mut to = crate::seal::secret::SecretWriter::with_capacity(0);
        let list = serde_json::json!(vec!["{a}"; 20]);
        assert!(Json::parse(list, &scope).unwrap().fill(&values, &mut to).is_err());
        let pairs: Vec<_> = (0..20).map(|n| (n.to_string(), Template::parse("{a}", &scope).unwrap())).collect();
        let mut to = crate::seal::secret::SecretWriter::with_capacity(0);
        assert!(form(&pairs, &values, &mut to).is_err());
        assert_eq!(Template::parse("{a}", &scope).unwrap().plain(&values).unwrap().len(), 60_000);
    }
}
