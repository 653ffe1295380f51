//! Everything wrong with one file, collected with places. Knows TOML's spans and no keys.

use std::collections::BTreeSet;
use std::ops::Range;

use bailiwick_core::text::{Lines, clip, visible};
use bailiwick_core::{Diagnostic, Place};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::codes;

/// The largest file: what a person keeps by hand is a hundredth of that.
const FILE_MAX_BYTES: usize = 1024 * 1024;

/// The most findings of one file: people mend from the top.
const FINDINGS_MAX: usize = 200;

/// A value of a TOML file with its place.
pub(crate) type Node<'t> = Spanned<DeValue<'t>>;

/// One file and what is wrong with it so far.
pub(crate) struct Findings<'t> {
    pub(crate) file: &'t str,
    pub(crate) text: &'t str,
    list: Vec<Diagnostic>,
}

impl<'t> Findings<'t> {
    pub(crate) fn new(file: &'t str, text: &'t str) -> Self {
        Self { file, text, list: Vec::new() }
    }

    /// Reads the text as TOML. With syntax errors the rest is not judged: a table that
    /// lost a line would only give errors that are none.
    pub(crate) fn parse(&mut self) -> Option<Spanned<DeTable<'t>>> {
        if self.text.len() > FILE_MAX_BYTES {
            let message = format!(
                "the file has {} bytes; at most {FILE_MAX_BYTES} are read",
                self.text.len()
            );
            self.report(codes::TOO_MUCH, 0..0, message);
            return None;
        }
        let (table, errors) = DeTable::parse_recoverable(self.text);
        // What follows on a line is mostly a consequence of the first.
        let mut lines = BTreeSet::new();
        for error in &errors {
            let message = visible(clip(error.message(), 300), Lines::Escape);
            let span = error.span().unwrap_or(0..0);
            if lines.insert(self.place(span.clone()).line) {
                self.report(codes::SYNTAX, span, message);
            }
        }
        errors.is_empty().then_some(table)
    }

    pub(crate) fn place(&self, span: Range<usize>) -> Place {
        Place::of(self.file, self.text, span)
    }

    pub(crate) fn report(
        &mut self,
        code: &'static str,
        span: Range<usize>,
        message: impl Into<String>,
    ) {
        self.push(Diagnostic::error(code, message).at(self.place(span)));
    }

    pub(crate) fn report_with(
        &mut self,
        code: &'static str,
        span: Range<usize>,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.push(Diagnostic::error(code, message).at(self.place(span)).hint(hint));
    }

    pub(crate) fn push(&mut self, diagnostic: Diagnostic) {
        if self.list.len() < FINDINGS_MAX && !self.list.contains(&diagnostic) {
            self.list.push(diagnostic);
        }
    }

    /// All of them by place; or the value, where there is none.
    pub(crate) fn or<T>(self, value: Option<T>) -> Result<T, Vec<Diagnostic>> {
        match value {
            Some(value) if self.list.is_empty() => Ok(value),
            _ => Err(self.sorted()),
        }
    }

    pub(crate) fn sorted(mut self) -> Vec<Diagnostic> {
        sort(&mut self.list);
        self.list
    }
}

/// By file, place and code.
pub(crate) fn sort(diagnostics: &mut [Diagnostic]) {
    diagnostics.sort_by_key(|found| {
        let place = found.place.as_ref();
        (
            place.map(|p| p.file.clone()),
            place.map(|p| (p.span.start, p.span.end)),
            found.code,
            found.message.clone(),
        )
    });
}
