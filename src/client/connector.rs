//! How the server reaches an account's target, as people are shown it before they let it.
//!
//! Who wrote the text is not trusted: what cannot be read is said to be so, and nothing in it can disguise the rest
//! of a screen. This must never send such a text anywhere but into the log.

use std::path::Path;

use serde_json::Value;

use super::failure::{Exit, Failure};
use super::home;
use super::out::visible;
use super::view::View;
use crate::args;
use crate::connect::settings::Settings;
use crate::escrow::credential::Version;
use crate::escrow::id::BlobId;
use crate::escrow::text::Text;

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
        // JSON can write as an escape what a text must not contain.
        fields.iter().map(|(name, value)| visible(&format!("{name}: {value}")).into_owned()).collect()
    }
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
