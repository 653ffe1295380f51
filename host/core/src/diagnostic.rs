//! What is wrong with what a user wrote, as data: code, place, hint. Knows nothing of how it is shown.

use std::ops::Range;

use serde::Serialize;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Nothing runs before it is mended.
    Error,
    /// It runs, and somebody should know.
    Warning,
}

/// Where in which file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The file as the user knows it (relative to the project where it is inside).
    pub file: String,
    /// Byte offsets into the text of the file.
    pub span: Range<usize>,
    /// 1-based.
    pub line: usize,
    /// 1-based, in characters.
    pub column: usize,
}

impl Place {
    /// The place of a span of bytes in a text.
    #[must_use]
    pub fn of(file: &str, text: &str, span: Range<usize>) -> Self {
        let before = text.get(..span.start).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let line = before.matches('\n').count() + 1;
        let column = before.get(line_start..).map_or(0, |rest| rest.chars().count()) + 1;
        Self { file: file.to_owned(), span, line, column }
    }
}

/// One thing that is wrong. `bailiwick explain CODE` says more about each code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// `E` and three digits; `bailiwick explain CODE` prints its page.
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// One sentence, lower case, without a full stop.
    pub message: String,
    /// Where; nothing where no file is to blame.
    pub place: Option<Place>,
    /// What to do about it, with the line to write where there is one.
    pub hint: Option<String>,
}

impl Diagnostic {
    /// An error.
    #[must_use]
    pub fn error(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, severity: Severity::Error, message: message.into(), place: None, hint: None }
    }

    /// A warning.
    #[must_use]
    pub fn warning(code: &'static str, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, message) }
    }

    /// The same with its place.
    #[must_use]
    pub fn at(mut self, place: Place) -> Self {
        self.place = Some(place);
        self
    }

    /// The same with its hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters() {
        let text = "a = 1\nü = §\n";
        let at = text.find('§').unwrap();
        let place = Place::of("x.toml", text, at..at + 2);
        assert_eq!((place.line, place.column), (2, 5));
    }
}
