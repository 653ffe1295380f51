//! HTML that can only be made by escaping: tags and attribute names are the program's, every text is made visible and escaped. Knows no page.

use bailiwick_core::text::{Lines, visible};

use super::file_name::FilePath;

/// Elements without content and end tag.
const VOID: [&str; 3] = ["img", "meta", "link"];

/// A growing page.
#[derive(Default)]
pub(super) struct Html(String);

/// One attribute. There is none that takes a URL from anybody: links lead to delivered
/// files or to places of this page.
#[derive(Clone, Copy)]
pub(super) enum Attr<'a> {
    /// Name and value from the program.
    Is(&'static str, &'static str),
    /// An attribute that browsers only show or read aloud.
    Says(Spoken, &'a str),
    Number(&'static str, u64),
    /// `href` or `src` of a delivered file.
    File(&'static str, &'a FilePath),
    /// `href` of a place of this page.
    To(usize),
    /// `id` of a place of this page.
    Place(usize),
    /// Without value.
    Flag(&'static str),
}

/// Attributes that hold words for people.
#[derive(Clone, Copy)]
pub(super) enum Spoken {
    Alt,
    Title,
}

impl Html {
    /// An element with what `content` puts in.
    pub(super) fn tag(
        &mut self,
        tag: &'static str,
        attrs: &[Attr<'_>],
        content: impl FnOnce(&mut Self),
    ) -> &mut Self {
        self.0.push('<');
        self.0.push_str(tag);
        attrs.iter().for_each(|attr| self.attr(*attr));
        self.0.push('>');
        if !VOID.contains(&tag) {
            content(self);
            self.0.push_str("</");
            self.0.push_str(tag);
            self.0.push('>');
        }
        self
    }

    /// An element of one class.
    pub(super) fn class(
        &mut self,
        tag: &'static str,
        class: &'static str,
        content: impl FnOnce(&mut Self),
    ) -> &mut Self {
        self.tag(tag, &[Attr::Is("class", class)], content)
    }

    /// An element of one class with a text.
    pub(super) fn line(&mut self, tag: &'static str, class: &'static str, text: &str) -> &mut Self {
        self.class(tag, class, |html| {
            html.text(text);
        })
    }

    /// A text that stays on its line.
    pub(super) fn text(&mut self, text: &str) -> &mut Self {
        self.escaped(&visible(text, Lines::Escape));
        self
    }

    /// A text with line breaks of its own.
    pub(super) fn prose(&mut self, text: &str) -> &mut Self {
        self.escaped(&visible(text, Lines::Keep));
        self
    }

    /// A style sheet of the program's.
    pub(super) fn style(&mut self, css: &'static str) -> &mut Self {
        self.0.push_str("<style>");
        self.0.push_str(css);
        self.0.push_str("</style>");
        self
    }

    /// A line break in the source, for people who read it and for diffs.
    pub(super) fn newline(&mut self) -> &mut Self {
        self.0.push('\n');
        self
    }

    /// The page.
    pub(super) fn into_page(self) -> String {
        format!("<!doctype html>\n{}", self.0)
    }

    fn attr(&mut self, attr: Attr<'_>) {
        let (name, value) = match attr {
            Attr::Is(name, value) => (name, value.to_owned()),
            Attr::Says(spoken, text) => (spoken.name(), visible(text, Lines::Escape)),
            Attr::Number(name, number) => (name, number.to_string()),
            Attr::File(name, path) => (name, path.as_str().to_owned()),
            Attr::To(place) => ("href", format!("#place-{place}")),
            Attr::Place(place) => ("id", format!("place-{place}")),
            Attr::Flag(name) => {
                self.0.push(' ');
                self.0.push_str(name);
                return;
            }
        };
        self.0.push(' ');
        self.0.push_str(name);
        self.0.push_str("=\"");
        self.escaped(&value);
        self.0.push('"');
    }

    fn escaped(&mut self, text: &str) {
        for c in text.chars() {
            match c {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                c => self.0.push(c),
            }
        }
    }
}

impl Spoken {
    fn name(self) -> &'static str {
        match self {
            Self::Alt => "alt",
            Self::Title => "title",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_and_attributes_stay_texts_and_attributes() {
        for (hostile, shown) in [
            ("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"),
            ("\" onerror=\"alert(1)", "&quot; onerror=&quot;alert(1)"),
            ("' onload='x", "&#39; onload=&#39;x"),
            ("&lt;", "&amp;lt;"),
            ("\u{202e}gpj.exe", "\\u{202e}gpj.exe"),
            ("a\u{1b}[2Jb\u{0}", "a\\u{1b}[2Jb\\u{0}"),
            ("</style><img src=x>", "&lt;/style&gt;&lt;img src=x&gt;"),
        ] {
            let mut html = Html::default();
            html.tag("p", &[Attr::Says(Spoken::Title, hostile)], |html| {
                html.text(hostile);
            });
            assert_eq!(html.0, format!("<p title=\"{shown}\">{shown}</p>"));
        }
    }

    #[test]
    fn void_elements_have_no_end() {
        let mut html = Html::default();
        html.tag(
            "img",
            &[Attr::Is("class", "x"), Attr::Number("width", 3), Attr::Flag("hidden")],
            |_| (),
        );
        assert_eq!(html.0, "<img class=\"x\" width=\"3\" hidden>");
    }
}
