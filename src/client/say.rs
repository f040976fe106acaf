//! Words for people: French and English from the translation files under `locales/`.
//!
//! Nothing outside this module and those files may hold a sentence for people; a test compares the files' keys.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

use fluent_templates::fluent_bundle::FluentValue;
use fluent_templates::{LanguageIdentifier, Loader, static_loader};

use super::failure::{Exit, Failure};
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
pub struct Args(Vec<(&'static str, Value)>);

/// What a sentence says of times depends on its language, so they become words only with the sentence.
#[derive(Debug, Clone)]
enum Value {
    Text(String),
    Length(Seconds),
    Moment(Time),
}

impl Args {
    /// None.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets one.
    pub fn set(&mut self, name: &'static str, value: impl fmt::Display) {
        self.0.push((name, Value::Text(value.to_string())));
    }

    /// Sets a length of time, to be put as [`Say::duration`] does.
    pub fn set_length(&mut self, name: &'static str, length: Seconds) {
        self.0.push((name, Value::Length(length)));
    }

    /// Sets a point in time, to be put as [`Say::time`] does.
    pub fn set_moment(&mut self, name: &'static str, time: Time) {
        self.0.push((name, Value::Moment(time)));
    }

    /// Whole numbers become numbers, so that sentences can count; what only looks like one (a code with leading
    /// zeros) stays text.
    fn fluent(&self, say: &Say) -> HashMap<Cow<'static, str>, FluentValue<'static>> {
        let value = |value: &Value| match value {
            Value::Text(text) => match text.parse::<u32>() {
                Ok(number) if number.to_string() == *text => FluentValue::from(number),
                _ => FluentValue::from(text.clone()),
            },
            Value::Length(length) => FluentValue::from(say.duration(*length)),
            Value::Moment(time) => FluentValue::from(say.time(*time)),
        };
        self.0.iter().map(|(name, set)| (Cow::Borrowed(*name), value(set))).collect()
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
        self.find(key, args).unwrap_or_else(|| key.to_owned())
    }

    /// A sentence with values, if there is one and it needs no others.
    pub fn find(&self, key: &str, args: &Args) -> Option<String> {
        LOCALES.try_lookup_with_args(&self.language, key, &args.fluent(self))
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

    /// A number with one decimal.
    pub fn decimal(&self, number: f64) -> String {
        let text = format!("{number:.1}");
        if self.is_french() { text.replace('.', ",") } else { text }
    }

    /// A day.
    pub fn date(&self, date: jiff::civil::Date) -> String {
        date.strftime(if self.is_french() { "%d/%m/%Y" } else { "%Y-%m-%d" }).to_string()
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

/// Reads a length of time: `30s`, `90m`, `2h`, `3d`; French `3j` too.
pub fn length(text: &str) -> Result<Seconds, Failure> {
    let bad = || Failure::new(Exit::Usage, "failed-duration-form").with("text", text);
    let unit = text.chars().last().ok_or_else(bad)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' | 'j' => 86_400,
        _ => return Err(bad()),
    };
    let number: u64 = text.strip_suffix(unit).unwrap_or_default().parse().map_err(|_| bad())?;
    Ok(Seconds(number.checked_mul(seconds).ok_or_else(bad)?))
}
