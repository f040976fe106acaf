//! Writes HTML that is well-formed by construction: an element is closed where its closure ends, and everything that
//! is not a tag of this program is escaped. What is written may be a secret, so the text is one.

use super::super::out::visible;
use crate::seal::secret::{Secret, SecretWriter};

/// A document that is being written.
pub struct Html(SecretWriter);

impl Html {
    /// An HTML document in this language with this title. `head` goes into its head as it is.
    pub fn document(language: &str, title: &str, head: &'static str, body: impl FnOnce(&mut Self)) -> Secret {
        let mut html = Self(SecretWriter::with_capacity(64 << 10));
        html.raw("<!DOCTYPE html>\n");
        html.start("html", &[("lang", language)], ">\n");
        html.within("head", "", |html| {
            html.raw(head);
            html.element("title", "", title);
        });
        html.within("body", "", body);
        html.raw("</html>\n");
        html.0.finish()
    }

    /// An element with what the closure writes in it. An empty class is left out. After a block comes a new line.
    pub fn within(&mut self, tag: &'static str, class: &'static str, content: impl FnOnce(&mut Self)) {
        let attributes = [("class", class)];
        self.start(tag, if class.is_empty() { &[] } else { &attributes }, ">");
        content(self);
        self.raw("</");
        self.raw(tag);
        self.raw(if matches!(tag, "span" | "b") { ">" } else { ">\n" });
    }

    /// An element with text in it.
    pub fn element(&mut self, tag: &'static str, class: &'static str, text: &str) {
        self.within(tag, class, |html| html.text(text));
    }

    /// A square picture of `width` units with one black path.
    pub fn picture(&mut self, class: &'static str, title: &str, width: usize, path: &str) {
        let view = format!("0 0 {width} {width}");
        let attributes =
            [("xmlns", "http://www.w3.org/2000/svg"), ("class", class), ("viewBox", &view), ("role", "img")];
        self.start("svg", &attributes, ">");
        self.element("title", "", title);
        self.start("path", &[("fill", "#000"), ("d", path)], "/>");
        self.raw("</svg>\n");
    }

    /// Text, with everything escaped that HTML would obey, and shown instead of obeyed what a screen would.
    pub fn text(&mut self, text: &str) {
        for c in visible(text).chars() {
            match c {
                '&' => self.raw("&amp;"),
                '<' => self.raw("&lt;"),
                '>' => self.raw("&gt;"),
                '"' => self.raw("&quot;"),
                '\'' => self.raw("&#39;"),
                other => self.0.push_char(other),
            }
        }
    }

    fn start(&mut self, tag: &'static str, attributes: &[(&'static str, &str)], end: &'static str) {
        self.raw("<");
        self.raw(tag);
        for (name, value) in attributes {
            self.raw(" ");
            self.raw(name);
            self.raw("=\"");
            self.text(value);
            self.raw("\"");
        }
        self.raw(end);
    }

    fn raw(&mut self, text: &'static str) {
        self.0.push(text.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_is_written_becomes_markup() {
        let page = Html::document("fr\"><x", "</title><script>", "<style>p{}</style>", |html| {
            html.element("p", "note", "</p><script>alert('1 & 2')</script>\u{202e}\u{7}");
        });
        let page = page.expose_str().unwrap();
        assert!(page.contains("<html lang=\"fr&quot;&gt;&lt;x\">"), "{page}");
        assert!(page.contains("<title>&lt;/title&gt;&lt;script&gt;</title>"), "{page}");
        let told = "&lt;/p&gt;&lt;script&gt;alert(&#39;1 &amp; 2&#39;)&lt;/script&gt;\u{fffd}\u{fffd}";
        assert!(page.contains(&format!("<p class=\"note\">{told}</p>")), "{page}");
        assert!(!page.contains("<script"), "{page}");
    }
}
