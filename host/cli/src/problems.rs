//! Problems on a screen: each with its code, place, source line and hint, then how many. Knows no terminal but its width.

use std::fmt;

use bailiwick_core::text::{Lines, visible};
use bailiwick_core::{Diagnostic, Severity};
use bailiwick_engine::Problems;
use miette::{GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource, SourceCode};

/// Narrower than this nothing can be read; then lines are broken by the terminal.
const WIDTH_MIN: usize = 40;
/// Wider than this the eye does not find the next line.
const WIDTH_MAX: usize = 100;

/// A line of a file that is longer is not shown: nobody finds the place in it.
const LINE_MAX: usize = 160;

/// How problems look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// With colours, for a terminal.
    Colours,
    /// Without, for files and pipes.
    Plain,
}

/// Everything that is wrong, and a count.
pub(crate) fn render(problems: &Problems, look: Look, width: usize) -> String {
    let theme = match look {
        Look::Colours => GraphicalTheme::unicode(),
        Look::Plain => GraphicalTheme::unicode_nocolor(),
    };
    let handler = GraphicalReportHandler::new_themed(theme)
        .with_width(width.clamp(WIDTH_MIN, WIDTH_MAX))
        .with_context_lines(1)
        // A file or pipe has no width; whole lines can be searched.
        .with_wrap_lines(look == Look::Colours)
        .with_links(false);
    let mut text = String::new();
    for found in &problems.diagnostics {
        let shown = Shown::of(found, problems);
        // Into a text: that cannot fail.
        let _ = handler.render_report(&mut text, &shown);
        text.push('\n');
    }
    text.push_str(&count(problems));
    text
}

/// `3 errors, 1 warning`.
fn count(problems: &Problems) -> String {
    let of =
        |severity| problems.diagnostics.iter().filter(|found| found.severity == severity).count();
    let many = |count: usize, word: &str| match count {
        0 => None,
        1 => Some(format!("1 {word}")),
        _ => Some(format!("{count} {word}s")),
    };
    let counts = [many(of(Severity::Error), "error"), many(of(Severity::Warning), "warning")];
    let counts: Vec<_> = counts.into_iter().flatten().collect();
    if counts.is_empty() { String::new() } else { format!("{}\n", counts.join(", ")) }
}

/// One diagnostic as miette wants it.
#[derive(Debug)]
struct Shown {
    code: &'static str,
    severity: Severity,
    message: String,
    hint: String,
    source: Option<NamedSource<String>>,
    label: Option<LabeledSpan>,
}

impl Shown {
    fn of(found: &Diagnostic, problems: &Problems) -> Self {
        let source = found
            .place
            .as_ref()
            .and_then(|place| Some((place, problems.sources.get(&place.file)?)));
        let source = source.filter(|(place, text)| !is_wide(text, place.line));
        // A place in a file whose text is not here is still a place.
        let nowhere = match (&found.place, source) {
            (Some(place), None) => format!("{}:{}:{}: ", place.file, place.line, place.column),
            _ => String::new(),
        };
        Self {
            code: found.code,
            severity: found.severity,
            message: visible(&format!("{nowhere}{}", found.message), Lines::Keep),
            hint: match &found.hint {
                Some(hint) => visible(hint, Lines::Keep),
                None => format!("`bailiwick explain {}` says more", found.code),
            },
            label: source.map(|(place, text)| {
                let end = place.span.end.min(text.len());
                let start = place.span.start.min(end);
                LabeledSpan::new_with_span(None, start..end)
            }),
            source: source.map(|(place, text)| NamedSource::new(&place.file, masked(text))),
        }
    }
}

/// Whether one of the lines that would be shown is too long.
fn is_wide(text: &str, line: usize) -> bool {
    let around = text.lines().skip(line.saturating_sub(2)).take(3);
    around.into_iter().any(|line| line.len() > LINE_MAX)
}

/// The text with a `?` for each byte of what deceives the eye: spans stay where they are.
fn masked(text: &str) -> String {
    let mut bytes = [0; 4];
    let mut masked = String::with_capacity(text.len());
    for character in text.chars() {
        let shown: &str = character.encode_utf8(&mut bytes);
        if visible(shown, Lines::Keep) == shown || character == '\r' {
            masked.push(character);
        } else {
            masked.extend(std::iter::repeat_n('?', shown.len()));
        }
    }
    masked
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Shown {}

impl miette::Diagnostic for Shown {
    fn code(&self) -> Option<Box<dyn fmt::Display + '_>> {
        Some(Box::new(self.code))
    }

    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.severity {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
        })
    }

    fn help(&self) -> Option<Box<dyn fmt::Display + '_>> {
        Some(Box::new(&self.hint))
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.source.as_ref().map(|source| source as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        self.label
            .clone()
            .map(|label| Box::new(std::iter::once(label)) as Box<dyn Iterator<Item = _>>)
    }
}

#[cfg(test)]
mod tests {
    use bailiwick_core::Place;
    use expect_test::expect;

    use super::*;

    #[test]
    fn every_problem_is_shown_with_its_place_and_hint() {
        let text = "[agents.a]\ncomponent = \"x\u{202e}y\"\ngrant = 1\n";
        let at = text.find("grant").unwrap();
        let place = Place::of("bailiwick.toml", text, at..at + 5);
        let problems = Problems {
            diagnostics: vec![
                Diagnostic::error("E002", "unknown key `grant`")
                    .at(place)
                    .hint("did you mean `grants`?"),
                Diagnostic::warning("E101", "nobody is to blame\u{1b}[2J"),
            ],
            sources: [("bailiwick.toml".to_owned(), text.to_owned())].into(),
        };
        expect![[r#"
            E002

              × unknown key `grant`
               ╭─[bailiwick.toml:3:1]
             2 │ component = "x???y"
             3 │ grant = 1
               · ─────
               ╰────
              help: did you mean `grants`?

            E101

              ⚠ nobody is to blame\u{1b}[2J
              help: `bailiwick explain E101` says more

            1 error, 1 warning
        "#]]
        .assert_eq(&render(&problems, Look::Plain, 80));
    }
}
