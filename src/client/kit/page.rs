//! The page itself: what somebody needs who stands there without the server, without their computer, or without both.
//!
//! One A4 page in the reader's language. It must hold nothing that it was not given, and load nothing.

use qrcode::{Color, EcLevel, QrCode};

use super::html::Html;
use crate::args;
use crate::client::failure::Failure;
use crate::client::say::{Args, Say};
use crate::seal::secret::Secret;

/// Styles, and a policy that lets a browser load and run nothing, whatever is in the page.
const HEAD: &str = include_str!("head.html");

/// The quiet zone around a QR code, in modules (ISO/IEC 18004).
const QUIET: usize = 4;

/// What the page says of the 24 words.
pub enum WordsOnPage {
    /// The words, with single spaces between them.
    Shown(Secret),
    /// Where they are kept.
    Kept(String),
    /// Nothing: there is room to write by hand.
    Blank,
}

/// Somebody to call.
pub struct Other {
    /// What they are called.
    pub name: String,
    /// Their offices, in words.
    pub roles: String,
}

/// Everything that stands on the page.
pub struct Page {
    /// What the person is called.
    pub name: String,
    /// Their offices, in words.
    pub roles: String,
    /// Whether they hold shares.
    pub trustee: bool,
    /// Their fingerprint.
    pub fingerprint: String,
    /// What the organisation is called.
    pub organisation: String,
    /// The server's address.
    pub address: String,
    /// When the page was made.
    pub date: String,
    /// How many entries the log had then.
    pub entries: u64,
    /// The charter's version.
    pub charter: u32,
    /// The charter's code.
    pub code: String,
    /// Each vault with what opens it, in words.
    pub vaults: Vec<(String, String)>,
    /// The others who hold an office.
    pub others: Vec<Other>,
    /// Telephones and whatever else the person wrote for the page.
    pub contacts: Option<String>,
    /// The 24 words.
    pub words: WordsOnPage,
    /// The contact card: its lines.
    pub card: Secret,
}

impl Page {
    /// The page as an HTML document.
    pub fn to_html(&self, say: &Say) -> Result<Secret, Failure> {
        let card = self.card.expose_str().unwrap_or_default();
        let (width, path) = qr_path(&qr_text(card))?;
        let with = |key: &str, args: &Args| say.with(key, args);
        let title = with("kit-title", &args! { name: &self.name });
        let language = say.plain("kit-language");
        Ok(Html::document(&language, &title, HEAD, |html| {
            html.within("header", "", |html| {
                html.element("h1", "", &title);
                html.element("span", "", &with("kit-made", &args! { date: &self.date, n: self.entries }));
            });
            let what = if self.trustee { "kit-what-trustee" } else { "kit-what-other" };
            let args = args! { organisation: &self.organisation, name: &self.name, roles: &self.roles };
            html.element("p", "", &with(what, &args));
            self.numbers(html, say);
            self.people(html, say);
            self.words(html, say);
            html.within("section", "", |html| {
                html.element("h2", "", &say.plain("kit-card-head"));
                html.within("div", "card", |html| {
                    html.within("div", "", |html| {
                        html.element("p", "", &say.plain("kit-card"));
                        html.within("ol", "", |html| card.lines().for_each(|line| html.element("li", "", line)));
                    });
                    html.picture("qr", &say.plain("kit-card-head"), width, &path);
                });
            });
            html.within("div", "two", |html| {
                let gone = if self.trustee {
                    &["kit-gone-1", "kit-gone-2", "kit-gone-3", "kit-gone-4", "kit-gone-5", "kit-gone-6"][..]
                } else {
                    &["kit-gone-1", "kit-gone-other"][..]
                };
                steps(html, say, "kit-gone-head", gone);
                let restore = ["kit-restore-1", "kit-restore-2", "kit-restore-3", "kit-restore-4", "kit-restore-5"];
                steps(html, say, "kit-restore-head", &restore);
            });
            let shown = matches!(self.words, WordsOnPage::Shown(_));
            let footer = if shown { "kit-footer-words" } else { "kit-footer" };
            html.element("footer", "", &say.plain(footer));
        }))
    }

    /// What is compared by voice, and what opens what.
    fn numbers(&self, html: &mut Html, say: &Say) {
        html.within("section", "", |html| {
            html.element("h2", "", &say.plain("kit-numbers-head"));
            html.within("table", "", |html| {
                let row = |html: &mut Html, head: &str, class: &'static str, text: &str| {
                    html.within("tr", "", |html| {
                        html.element("th", "", head);
                        html.element("td", class, text);
                    });
                };
                let charter = say.with("kit-charter", &args! { version: self.charter });
                row(html, &charter, "code", &self.code);
                row(html, &say.plain("kit-fingerprint"), "code", &self.fingerprint);
                row(html, &say.plain("kit-server"), "code", &self.address);
                let vault =
                    |(name, opened): &(String, String)| say.with("kit-vault", &args! { name: name, opened: opened });
                let vaults: Vec<String> = self.vaults.iter().map(vault).collect();
                row(html, &say.plain("kit-vaults"), "", &vaults.join("; "));
            });
        });
    }

    fn people(&self, html: &mut Html, say: &Say) {
        html.within("section", "", |html| {
            html.element("h2", "", &say.plain("kit-people-head"));
            html.element("p", "", &say.plain("kit-people"));
            html.within("table", "", |html| {
                html.within("tr", "", |html| {
                    for key in ["status-head-name", "status-head-roles"] {
                        html.element("th", "", &say.plain(key));
                    }
                    html.element("th", "blank", &say.plain("kit-head-telephone"));
                });
                for other in &self.others {
                    html.within("tr", "", |html| {
                        html.element("td", "", &other.name);
                        html.element("td", "", &other.roles);
                        html.element("td", "blank", "");
                    });
                }
            });
            if let Some(contacts) = &self.contacts {
                html.element("div", "notes", contacts);
            }
        });
    }

    fn words(&self, html: &mut Html, say: &Say) {
        html.within("section", "", |html| {
            html.element("h2", "", &say.plain("kit-words-head"));
            match &self.words {
                WordsOnPage::Shown(words) => {
                    html.element("p", "", &say.plain("kit-words-shown"));
                    html.within("div", "words", |html| {
                        for (i, word) in words.expose_str().unwrap_or_default().split(' ').enumerate() {
                            html.within("span", "", |html| {
                                html.element("b", "", &format!("{}.", i + 1));
                                html.text(word);
                            });
                        }
                    });
                }
                WordsOnPage::Kept(place) => {
                    html.element("p", "", &say.plain("kit-words-kept"));
                    html.element("div", "place", place);
                }
                WordsOnPage::Blank => {
                    html.element("p", "", &say.plain("kit-words-kept"));
                    html.element("span", "line", "");
                }
            }
        });
    }
}

fn steps(html: &mut Html, say: &Say, head: &str, keys: &[&str]) {
    html.within("section", "", |html| {
        html.element("h2", "", &say.plain(head));
        html.within("ol", "", |html| {
            keys.iter().for_each(|key| html.within("li", "", |html| with_commands(html, &say.plain(key))));
        });
    });
}

/// A sentence whose quoted commands stay in one piece: nobody should have to guess whether a line break is a space.
fn with_commands(html: &mut Html, sentence: &str) {
    let quotes = |c: char| matches!(c, '“' | '”' | '«' | '»');
    for piece in sentence.split(quotes) {
        match piece.trim() {
            command if command.starts_with("sequestre ") => html.element("span", "command", command),
            _ => html.text(piece),
        }
    }
}

/// A card's lines as a QR code holds them: in upper case, which takes fewer bits, and with spaces between, which are of
/// the same alphabet and which reading forgives.
pub fn qr_text(card: &str) -> String {
    card.split_whitespace().map(str::to_ascii_uppercase).collect::<Vec<_>>().join(" ")
}

/// A QR code as an SVG path of horizontal runs: its width with the quiet zone, in modules, and the path.
pub fn qr_path(text: &str) -> Result<(usize, String), Failure> {
    let code = QrCode::with_error_correction_level(text, EcLevel::M).map_err(Failure::technical)?;
    let mut path = String::new();
    for (y, row) in code.to_colors().chunks(code.width()).enumerate() {
        let mut x = 0;
        for run in row.chunk_by(|a, b| a == b) {
            if run.first() == Some(&Color::Dark) {
                path.push_str(&format!("M{} {}h{n}v1h-{n}z", x + QUIET, y + QUIET, n = run.len()));
            }
            x += run.len();
        }
    }
    Ok((code.width() + 2 * QUIET, path))
}
