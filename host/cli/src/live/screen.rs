//! Some lines at the bottom of a terminal that are drawn again in place. Knows nothing of what they say.

use std::io::{self, Write as _};

use console::{Term, measure_text_width, truncate_str};

/// What is assumed where a terminal does not say how large it is, and for files.
const WIDTH: usize = 80;

/// A terminal with a frame at its end, or a file without.
pub(crate) struct Screen {
    term: Term,
    live: bool,
    /// The widths of the lines that are drawn now: after a resize they may take more rows.
    drawn: Vec<usize>,
}

impl Screen {
    pub(crate) fn new(term: Term, live: bool) -> Self {
        Self { term, live, drawn: Vec::new() }
    }

    /// Whether frames are drawn here.
    pub(crate) fn is_live(&self) -> bool {
        self.live
    }

    /// Columns now.
    pub(crate) fn width(&self) -> usize {
        self.size().1
    }

    fn size(&self) -> (usize, usize) {
        let size = if self.live { self.term.size_checked() } else { None };
        size.map_or((usize::MAX, WIDTH), |(rows, columns)| {
            (usize::from(rows), usize::from(columns).max(1))
        })
    }

    /// Writes a text above the frame, which comes back with the next drawing.
    pub(crate) fn say(&mut self, text: &str) {
        self.clear();
        // Standard error may be closed; then nobody wants to know.
        let _ = self.put(&format!("{text}\n"));
    }

    /// Draws a frame in place of the last one. It gets the columns, and what is longer
    /// or lower than the terminal is cut.
    pub(crate) fn draw(&mut self, frame: impl FnOnce(usize) -> Vec<String>) {
        if !self.live {
            return;
        }
        let (rows, columns) = self.size();
        // The last column stays free: some terminals wrap as soon as it is filled. The
        // last row stays free for the cursor.
        let mut lines = frame(columns.saturating_sub(1));
        lines.truncate(rows.saturating_sub(1));
        let lines: Vec<_> = lines
            .iter()
            .map(|line| truncate_str(line, columns.saturating_sub(1), "…").into_owned())
            .collect();
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        self.clear();
        self.drawn = lines.iter().map(|line| measure_text_width(line)).collect();
        let _ = self.put(&text);
    }

    /// Takes the frame away.
    pub(crate) fn clear(&mut self) {
        let (_, columns) = self.size();
        let rows = rows(&std::mem::take(&mut self.drawn), columns);
        if rows > 0 {
            let _ =
                self.term.move_cursor_up(rows).and_then(|()| self.term.clear_to_end_of_screen());
            // One write with what follows: no flicker.
            if !self.live {
                let _ = self.term.flush();
            }
        }
    }

    fn put(&mut self, text: &str) -> io::Result<()> {
        if self.live {
            self.term.write_str(text)?;
            self.term.flush()
        } else {
            io::stderr().lock().write_all(text.as_bytes())
        }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.clear();
        let _ = self.term.flush();
    }
}

/// The rows that lines of these widths take in a terminal of so many columns.
fn rows(widths: &[usize], columns: usize) -> usize {
    widths.iter().map(|width| width.div_ceil(columns.max(1)).max(1)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_narrower_terminal_has_wrapped_what_was_drawn() {
        assert_eq!(rows(&[10, 0, 79], 80), 3);
        assert_eq!(rows(&[10, 0, 79], 40), 4);
        assert_eq!(rows(&[10, 0, 79], 8), 2 + 1 + 10);
    }
}
