//! Output: sentences and tables for people, or with `--json` one JSON value a line for programs. Never both.

use std::borrow::Cow;
use std::io::{IsTerminal as _, Write as _};

use comfy_table::{ContentArrangement, Table, presets};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;

use super::failure::Failure;
use super::say::{Args, Say};

/// Where a verb's results go.
#[derive(Debug, Clone)]
pub struct Out {
    say: Say,
    json: bool,
    silent: bool,
    beside: bool,
}

impl Out {
    /// Sentences in this language, or JSON.
    pub fn new(say: Say, json: bool) -> Self {
        Self { say, json, silent: false, beside: false }
    }

    /// The same language, but nothing is written: for verbs that run inside another story.
    pub fn silenced(&self) -> Self {
        Self { silent: true, ..self.clone() }
    }

    /// The same, but results go to standard error too: standard output belongs to a command that is run.
    pub fn beside(&self) -> Self {
        Self { beside: true, ..self.clone() }
    }

    /// The language.
    pub fn language(&self) -> &Say {
        &self.say
    }

    /// Whether programs read along.
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// One sentence.
    pub fn say(&self, key: &str) {
        self.tell(key, &Args::new());
    }

    /// One sentence with values.
    pub fn tell(&self, key: &str, args: &Args) {
        if !self.json {
            self.line(&self.say.with(key, args));
        }
    }

    /// Text as it is: an invitation, a secret, a timeline. On a terminal, nothing in it can do more than be read.
    pub fn line(&self, text: &str) {
        if self.silent {
            return;
        }
        if self.beside {
            let _ = writeln!(std::io::stderr().lock(), "{}", visible(text));
            return;
        }
        let mut output = std::io::stdout().lock();
        let text = if output.is_terminal() { visible(text) } else { text.into() };
        // A closed pipe (`| head`) is no reason to panic.
        let _ = writeln!(output, "{text}");
    }

    /// Lines that are put together elsewhere, for people: programs have [`Self::data`].
    pub fn lines(&self, lines: &[String]) {
        lines.iter().filter(|_| !self.json).for_each(|line| self.line(line));
    }

    /// A question or hint that must not mix with the result.
    pub fn aside(&self, key: &str, args: &Args) {
        if self.silent {
            return;
        }
        let _ = writeln!(std::io::stderr().lock(), "{}", visible(&self.say.with(key, args)));
    }

    /// What somebody is about to agree to. With `--json` it goes to standard error, like the question after it.
    pub fn screen(&self, lines: &[String]) {
        for line in lines.iter().filter(|_| !self.silent) {
            if self.json {
                let _ = writeln!(std::io::stderr().lock(), "{}", visible(line));
            } else {
                self.line(line);
            }
        }
    }

    /// A value for programs.
    pub fn data(&self, value: &Value) {
        if self.json {
            self.line(&json_line(value));
        }
    }

    /// A table for people; `heads` are keys of the translation files.
    pub fn table(&self, heads: &[&str], rows: Vec<Vec<String>>) {
        if self.json {
            return;
        }
        let mut table = Table::new();
        table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
        table.set_header(heads.iter().map(|key| self.say.plain(key)));
        table.add_rows(rows);
        for line in table.lines() {
            self.line(line.trim_end());
        }
    }

    /// What went wrong: on standard error, as a sentence or as JSON.
    pub fn failure(&self, failure: &Failure) {
        if self.silent {
            return;
        }
        let text = if self.json {
            let error = serde_json::json!({
                "error": failure.key(), "message": failure.sentence(&self.say), "exit": failure.exit() as i32,
            });
            json_line(&error)
        } else {
            visible(&failure.sentence(&self.say)).into_owned()
        };
        let _ = writeln!(std::io::stderr().lock(), "{text}");
    }

    /// A bar for what takes long; shown on terminals only.
    pub fn progress(&self, key: &str, length: u64) -> Progress {
        if self.silent || self.json || !std::io::stderr().is_terminal() || length < 20 {
            return Progress(ProgressBar::hidden());
        }
        let style =
            ProgressStyle::with_template("{msg} {bar:30} {pos}/{len}").unwrap_or(ProgressStyle::default_bar());
        Progress(ProgressBar::new(length).with_style(style).with_message(self.say.plain(key)))
    }

    /// A spinner for a wait of unknown length, such as key stretching.
    pub fn wait(&self, key: &str) -> Progress {
        if self.silent || self.json || !std::io::stderr().is_terminal() {
            return Progress(ProgressBar::hidden());
        }
        let bar = ProgressBar::new_spinner().with_message(self.say.plain(key));
        bar.enable_steady_tick(std::time::Duration::from_millis(120));
        Progress(bar)
    }
}

/// Characters that a terminal obeys instead of showing them, and those that change the order of what it shows.
pub(super) fn is_obeyed(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Text for a screen: what a terminal would obey becomes `�`, line feeds and tabs stay. Texts of the log are free of
/// such characters; sealed values, and what a server or a library says, need not be.
pub fn visible(text: &str) -> Cow<'_, str> {
    let disguised = |c: char| is_obeyed(c) && !matches!(c, '\n' | '\t');
    match text.contains(disguised) {
        true => text.chars().map(|c| if disguised(c) { '\u{fffd}' } else { c }).collect::<String>().into(),
        false => text.into(),
    }
}

/// JSON in one line, with everything that a terminal would obey escaped: the same value, harmless to look at.
fn json_line(value: &Value) -> String {
    let mut text = String::new();
    for c in value.to_string().chars() {
        match is_obeyed(c) {
            // Outside of strings JSON has no such characters.
            true => text.push_str(&json_escape(c)),
            false => text.push(c),
        }
    }
    text
}

/// A character as JSON writes it where it is not to be seen (RFC 8259 section 7).
pub(super) fn json_escape(c: char) -> String {
    c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect()
}

/// A running display; it goes away when dropped.
pub struct Progress(ProgressBar);

impl Progress {
    /// What is waited for now.
    pub fn tell(&self, text: String) {
        self.0.set_message(text);
    }

    /// Whether it shows at all.
    pub fn is_shown(&self) -> bool {
        !self.0.is_hidden()
    }

    /// How far.
    pub fn set(&self, position: u64) {
        self.0.set_position(position);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_is_given_nothing_to_obey() {
        let sly = "clear\u{1b}[2J back\rspace\u{8} c1\u{9b}2J osc\u{1b}]52;c;eA==\u{7} turned\u{202e}txet\u{2069}";
        let shown = visible(sly);
        assert!(!shown.chars().any(is_obeyed), "{shown:?}");
        assert_eq!(shown.chars().count(), sly.chars().count());
        assert_eq!(visible("line\n\tline é 東"), "line\n\tline é 東");
    }

    #[test]
    fn json_holds_the_same_value_and_nothing_to_obey() {
        let value = serde_json::json!({ "value": "a\u{1b}[2J\u{9b}2J\u{7f}\u{202e}\n\"é", "list": [1, true] });
        let line = json_line(&value);
        assert!(!line.chars().any(is_obeyed), "{line:?}");
        assert_eq!(serde_json::from_str::<Value>(&line).unwrap(), value);
    }
}
