//! What is kept of an agent's words: how long, how many, made visible. Writes nothing itself.

use std::sync::atomic::{AtomicU32, Ordering};

use bailiwick_core::fact::{Level, LogEntry};
use bailiwick_core::text::{Lines, clip, visible};

/// The longest kept line, in bytes: a screenful.
pub const LINE_MAX_BYTES: usize = 4 * 1024;

/// The longest note on progress, in bytes: one line of the live tree.
pub const NOTE_MAX_BYTES: usize = 256;

/// Counts the lines of one attempt.
pub struct Logbook {
    most: u32,
    lines: AtomicU32,
}

impl Logbook {
    /// A book for this many lines.
    #[must_use]
    pub fn new(most: u32) -> Self {
        Self { most, lines: AtomicU32::new(0) }
    }

    /// The entry for a line, or nothing where the book is full.
    pub fn line(&self, level: Level, message: &str, fraction: Option<f32>) -> Option<LogEntry> {
        if self.lines.fetch_add(1, Ordering::Relaxed) >= self.most {
            return None;
        }
        let most = if fraction.is_some() { NOTE_MAX_BYTES } else { LINE_MAX_BYTES };
        let message = visible(clip(message, most), Lines::Keep);
        let fraction = fraction.map(|f| if f.is_finite() { f.clamp(0.0, 1.0) } else { 0.0 });
        Some(LogEntry { level, message, fraction, aside: false })
    }

    /// A line about the lines that were dropped.
    #[must_use]
    pub fn closing(&self) -> Option<LogEntry> {
        let dropped = self.lines.load(Ordering::Relaxed).saturating_sub(self.most);
        (dropped > 0).then(|| LogEntry {
            level: Level::Warn,
            message: format!("{dropped} more lines were dropped: an attempt has {}", self.most),
            fraction: None,
            aside: true,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_dropped_and_counted() {
        let book = Logbook::new(2);
        let kept = (0..1_000).filter(|_| book.line(Level::Info, "x", None).is_some()).count();
        assert_eq!(kept, 2);
        assert!(book.closing().unwrap().message.starts_with("998 more lines"));
    }

    #[test]
    fn lines_are_clipped_and_made_visible() {
        let book = Logbook::new(10);
        let line =
            book.line(Level::Info, &format!("\u{1b}[2J{}", "x".repeat(10_000)), None).unwrap();
        assert!(line.message.starts_with("\\u{1b}[2J") && line.message.len() < 4_200);
        assert_eq!(book.line(Level::Info, "", Some(f32::NAN)).unwrap().fraction, Some(0.0));
    }
}
