//! The shortest plain text that a simple pattern describes. Checks nothing: whoever asks looks whether it fits.

use regex_syntax::hir::{Class, Hir, HirKind};

/// The most repetitions that are written out: an identifier or a date has a dozen.
const REPEATS_MAX: u32 = 256;
/// The deepest nesting of a pattern that is followed.
const DEPTH_MAX: u32 = 32;

/// A text for a pattern; nothing where the pattern is beyond this.
pub(super) fn text_of(pattern: &str) -> Option<String> {
    let hir = regex_syntax::Parser::new().parse(pattern).ok()?;
    let mut text = String::new();
    write(&hir, &mut text, 0)?;
    Some(text)
}

fn write(hir: &Hir, text: &mut String, depth: u32) -> Option<()> {
    if depth > DEPTH_MAX {
        return None;
    }
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(literal) => text.push_str(std::str::from_utf8(&literal.0).ok()?),
        HirKind::Class(class) => text.push(letter(class)?),
        HirKind::Repetition(repetition) => {
            // One of what may be left out reads better than nothing.
            let times = repetition.min.max(u32::from(repetition.max != Some(0))).min(REPEATS_MAX);
            (0..times).try_for_each(|_| write(&repetition.sub, text, depth + 1))?;
        }
        HirKind::Capture(capture) => write(&capture.sub, text, depth + 1)?,
        HirKind::Concat(parts) => parts.iter().try_for_each(|part| write(part, text, depth + 1))?,
        HirKind::Alternation(ways) => write(ways.first()?, text, depth + 1)?,
    }
    Some(())
}

/// A plain letter of a class: the first of `a`, `A`, `1`, a space that is in it, else its first.
fn letter(class: &Class) -> Option<char> {
    let Class::Unicode(class) = class else { return None };
    let has = |c: &char| class.iter().any(|range| range.start() <= *c && *c <= range.end());
    ['a', 'A', '1', '0', '-', ' ']
        .into_iter()
        .find(has)
        .or_else(|| class.iter().next().map(|range| range.start()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_what_simple_patterns_describe() {
        for (pattern, expected) in [
            ("^[a-z]{2}-[A-Z]{2}$", "aa-AA"),
            ("^[0-9]{4}-[0-9]{2}$", "1111-11"),
            ("^#[0-9A-F]{6}$", "#AAAAAA"),
            ("^(red|green)$", "red"),
            ("^v\\d+(\\.\\d+)?$", "v1.1"),
        ] {
            assert_eq!(text_of(pattern).as_deref(), Some(expected), "{pattern}");
        }
        assert_eq!(text_of("(?=a)b"), None);
    }
}
