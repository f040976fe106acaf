//! Words for people: French and English from the translation files under `locales/`.
//!
//! Nothing outside this module and those files may hold a sentence for people; a test compares the files' keys.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

use fluent_templates::fluent_bundle::FluentValue;
use fluent_templates::{LanguageIdentifier, Loader, static_loader};

use crate::escrow::time::{Seconds, Time};
use crate::seal::words::Language;

static_loader! {
    static LOCALES = {
        locales: "./src/client/locales",
        fallback_language: "en",
        // Isolation marks are invisible characters; in a terminal they only spoil copying.
        customise: |bundle| bundle.set_use_isolating(false),
    };
}

/// Values for a sentence, by name.
#[derive(Debug, Clone, Default)]
pub struct Args(Vec<(Cow<'static, str>, String)>);

impl Args {
    /// None.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets one.
    pub fn set(&mut self, name: &'static str, value: impl fmt::Display) {
        self.0.push((Cow::Borrowed(name), value.to_string()));
    }

    /// Sets one whose name came over the wire.
    pub fn set_owned(&mut self, name: String, value: String) {
        self.0.push((Cow::Owned(name), value));
    }

    /// Whole numbers become numbers, so that sentences can count; what only looks like one (a code with leading
    /// zeros) stays text.
    fn fluent(&self) -> HashMap<Cow<'static, str>, FluentValue<'static>> {
        let value = |text: &String| match text.parse::<u32>() {
            Ok(number) if number.to_string() == *text => FluentValue::from(number),
            _ => FluentValue::from(text.clone()),
        };
        self.0.iter().map(|(name, text)| (name.clone(), value(text))).collect()
    }
}

/// Builds [`Args`]: `args! { name: value, … }`.
#[macro_export]
macro_rules! args {
    ($($name:ident: $value:expr),* $(,)?) => {{
        #[allow(unused_mut)]
        let mut args = $crate::client::say::Args::new();
        $(args.set(stringify!($name), $value);)*
        args
    }};
}

/// The language that the person reads.
#[derive(Debug, Clone)]
pub struct Say {
    language: LanguageIdentifier,
}

impl Say {
    /// English.
    pub fn english() -> Self {
        Self { language: fluent_templates::langid!("en") }
    }

    /// French.
    pub fn french() -> Self {
        Self { language: fluent_templates::langid!("fr") }
    }

    /// From `--lang`, or else from the locale (`LC_ALL`, `LC_MESSAGES`, `LANG`): French if it begins with `fr`.
    pub fn choose(option: Option<&str>, locale: Option<&str>) -> Self {
        let wanted = option.or(locale).unwrap_or_default();
        if wanted.to_ascii_lowercase().starts_with("fr") { Self::french() } else { Self::english() }
    }

    /// The word list for passphrases and papers in this language.
    pub fn words(&self) -> Language {
        if self.is_french() { Language::French } else { Language::English }
    }

    fn is_french(&self) -> bool {
        self.language.language.as_str() == "fr"
    }

    /// A sentence without values.
    pub fn plain(&self, key: &str) -> String {
        self.with(key, &Args::new())
    }

    /// A sentence with values. A key that is missing shows as itself, which a test makes sure never happens.
    pub fn with(&self, key: &str, args: &Args) -> String {
        LOCALES.try_lookup_with_args(&self.language, key, &args.fluent()).unwrap_or_else(|| key.to_owned())
    }

    /// Whether a sentence exists in this language itself.
    pub fn knows(&self, key: &str) -> bool {
        LOCALES.try_lookup(&self.language, key).is_some()
    }

    /// A length of time in its two largest units.
    pub fn duration(&self, length: Seconds) -> String {
        let (days, hours) = (length.0 / 86_400, length.0 % 86_400 / 3_600);
        let (minutes, seconds) = (length.0 % 3_600 / 60, length.0 % 60);
        let units = [("days", days), ("hours", hours), ("minutes", minutes), ("seconds", seconds)];
        let first = units.iter().position(|(_, n)| *n > 0).unwrap_or(3);
        let shown = units.iter().skip(first).take(2).filter(|(_, n)| *n > 0);
        let text: Vec<String> = shown.map(|(unit, n)| self.with(&format!("time-{unit}"), &args! { n: n })).collect();
        if text.is_empty() { self.with("time-seconds", &args! { n: 0 }) } else { text.join(" ") }
    }

    /// A point in time, on this computer's clock and in its time zone.
    pub fn time(&self, time: Time) -> String {
        let Ok(stamp) = jiff::Timestamp::from_second(i64::try_from(time.0).unwrap_or(i64::MAX)) else {
            return time.to_string();
        };
        let zoned = stamp.to_zoned(jiff::tz::TimeZone::system());
        let form = if self.is_french() { "%d/%m/%Y %H:%M" } else { "%Y-%m-%d %H:%M" };
        zoned.strftime(form).to_string()
    }
}
