//! How text that somebody else wrote is made safe to show to a person. Knows nothing of terminals or pages.

/// The text with control, bidirectional and invisible characters replaced by their
/// escape (`\u{202e}`). Line breaks and tabs stay where `lines` allows them.
///
/// Everything that a guest wrote goes through here before a person sees it: a
/// terminal escape must not repaint the screen, and a bidi override must not make
/// `exe.gpj` read as `jpg.exe`.
#[must_use]
pub fn visible(text: &str, lines: Lines) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        let kept = match character {
            '\n' | '\t' => lines == Lines::Keep,
            c => !is_deceptive(c),
        };
        if kept {
            shown.push(character);
        } else {
            shown.extend(character.escape_unicode());
        }
    }
    shown
}

/// Whether line breaks and tabs stay as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lines {
    /// They stay: the text has a place of its own.
    Keep,
    /// They are escaped: the text is part of one line.
    Escape,
}

/// Control, bidirectional, zero-width, tag and variation characters: what cannot be
/// seen or moves what can (Unicode 16: Cc, Cf, line and paragraph separators, variation
/// selectors, fillers, a note without a head, noncharacters).
///
/// Of Cf those are no part of it that [`is_sign_above_digits`] has: they are seen.
pub(crate) fn is_deceptive(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fdd0}'..='\u{fdef}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{13430}'..='\u{13440}'
            | '\u{16fe4}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d159}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
        || u32::from(c) & 0xfffe == 0xfffe
}

/// Signs of Arabic, Syriac and Kaithi that stand above or around the digits after them.
/// Shown to people they are words; without digits fonts show nothing, so a canonical form
/// has none.
pub(crate) fn is_sign_above_digits(c: char) -> bool {
    matches!(c,
        '\u{600}'..='\u{605}' | '\u{6dd}' | '\u{70f}' | '\u{890}'..='\u{891}' | '\u{8e2}'
        | '\u{110bd}' | '\u{110cd}')
}

/// Blanks of whatever width: Unicode's Zs, the pattern of Braille without a dot, and the
/// empty places of hieroglyphs. Nobody tells a run of them from another.
pub(crate) fn is_blank(c: char) -> bool {
    matches!(c,
        ' ' | '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}'
        | '\u{2800}' | '\u{3000}' | '\u{13441}'..='\u{13442}')
}

/// At most `max` bytes of a text, cut at a character.
#[must_use]
pub fn clip(text: &str, max: usize) -> &str {
    if text.len() <= max {
        return text;
    }
    let mut end = max;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_what_deceives() {
        assert_eq!(visible("a\u{1b}[2Jb", Lines::Keep), "a\\u{1b}[2Jb");
        assert_eq!(visible("\u{202e}gpj.exe", Lines::Keep), "\\u{202e}gpj.exe");
        assert_eq!(visible("Grüße, 世界 🎉", Lines::Escape), "Grüße, 世界 🎉");
        assert_eq!(visible("a\nb", Lines::Keep), "a\nb");
        assert_eq!(visible("a\nb\r", Lines::Escape), "a\\u{a}b\\u{d}");
    }

    #[test]
    fn clips_at_characters() {
        assert_eq!(clip("äöü", 3), "ä");
        assert_eq!(clip("abc", 3), "abc");
    }
}
