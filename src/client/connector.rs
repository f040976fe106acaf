//! How the server reaches an account's target, as people are shown it before they let it.
//!
//! Who wrote the text is not trusted: what cannot be read is said to be so, and nothing in it can disguise the rest
//! of a screen. This must never send such a text anywhere but into the log.

use std::path::Path;

use serde_json::Value;
use unicode_normalization::char::is_combining_mark;

use super::failure::{Exit, Failure};
use super::home;
use super::out::json_escape;
use super::view::{MARKS, View};
use crate::args;
use crate::connect::settings::Settings;
use crate::escrow::credential::Version;
use crate::escrow::id::BlobId;
use crate::escrow::text::{Text, is_shown};

/// A connector's text, read.
pub struct Connector {
    text: Value,
    /// What it says.
    pub settings: Settings,
}

impl Connector {
    /// Reads a connector's text.
    fn parse(text: &str) -> Option<Self> {
        Some(Self { text: serde_json::from_str(text).ok()?, settings: Settings::parse(text).ok()? })
    }

    /// The connector of a version, where it has one, its text is here and can be read.
    pub fn of(view: &View<'_>, version: &Version) -> Option<Self> {
        Self::named(view, version.connector.as_ref()?)
    }

    /// The connector with this text, where it is here and can be read.
    pub fn named(view: &View<'_>, text: &BlobId) -> Option<Self> {
        Self::parse(&view.text_if_here(text)?)
    }

    /// Where the target is: what people recognise it by.
    pub fn target(&self) -> String {
        let targets: Vec<String> = self.settings.targets().iter().map(ToString::to_string).collect();
        if targets.is_empty() { self.settings.kind().to_owned() } else { targets.join(", ") }
    }

    /// All that it says, a line each.
    pub fn lines(&self) -> Vec<String> {
        let Value::Object(fields) = &self.text else { return Vec::new() };
        fields.iter().map(|(name, value)| escaped(&format!("{name}: {value}"))).collect()
    }
}

/// JSON can write as an escape what a text must not contain. It is shown so: what draws nothing or changes the order,
/// every blank that is not the first simple one, and marks beyond those that writing needs.
fn escaped(json: &str) -> String {
    let (mut text, mut blank, mut marks) = (String::new(), false, 0);
    for c in json.chars() {
        let again = blank;
        blank = c.is_whitespace();
        marks = if is_combining_mark(c) { marks + 1 } else { 0 };
        if is_shown(c) && marks <= MARKS && (!blank || (c == ' ' && !again)) {
            text.push(c);
        } else {
            text.push_str(&json_escape(c));
        }
    }
    text
}

/// Where a version's connector leads, or that this cannot be read.
pub fn target(view: &View<'_>, version: &Version) -> String {
    let connector = Connector::of(view, version);
    connector.map_or_else(|| view.say.plain("connector-unreadable"), |connector| connector.target())
}

/// The text of a connector's file, in one line, as the log has it.
pub fn read(path: &Path) -> Result<(Text, Connector), Failure> {
    let bad =
        |why: String| Failure::new(Exit::Usage, "failed-connector").with("path", path.display()).with("why", why);
    let file = home::read(path)?;
    let text = std::str::from_utf8(&file).map_err(|e| bad(e.to_string()))?;
    let value: Value = serde_json::from_str(text).map_err(|e| bad(e.to_string()))?;
    // Of two keys with one name people see the first and a parser takes the last: written anew, each stands once.
    let text = value.to_string();
    let settings = Settings::parse(&text).map_err(|e| bad(e.to_string()))?;
    Ok((Text::parse(&text)?, Connector { text: value, settings }))
}

/// What a connector's deposit looks like to its depositor.
pub fn shown(view: &View<'_>, connector: &Connector) -> Vec<String> {
    let args = args! { target: connector.target(), kind: connector.settings.kind() };
    let head = view.say.with("deposit-connector-shown", &args);
    std::iter::once(head).chain(connector.lines().into_iter().map(|line| format!("    {line}"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_connectors_text_disguises_the_rest_of_a_screen() {
        let text = serde_json::json!({
            "kind": "exec", "program": "mail",
            "options": { "a": format!("x{}Agreed so far: Bruno", "\u{a0}".repeat(70)), "b": "edit\u{200b}ors", "c": "\u{202e}",
                         "d": format!("e{}", "\u{301}".repeat(9)), "e": "a b  c", "f": "\u{e0041}\u{3164}é ’ — 🌻" },
        });
        let lines = Connector::parse(&text.to_string()).unwrap().lines();
        let options = lines.iter().find(|line| line.starts_with("options")).unwrap();
        let expected = format!(
            r#"options: {{"a":"x{}Agreed so far: Bruno","b":"edit\u200bors","c":"\u202e","d":"e{}{}","e":"a b \u0020c""#,
            r"\u00a0".repeat(70),
            "\u{301}".repeat(4),
            r"\u0301".repeat(5)
        );
        assert!(options.starts_with(&expected), "{options}\n{expected}");
        assert!(options.ends_with(r#""f":"\udb40\udc41\u3164é ’ — 🌻"}"#), "{options}");
    }
}
