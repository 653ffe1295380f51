//! What is wrong with a user's files, with the texts that the places point into. Shows nothing.

use std::collections::BTreeMap;
use std::fmt;

use bailiwick_core::{Diagnostic, Severity};

/// Everything that was found wrong at once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problems {
    /// What, by file and place.
    pub diagnostics: Vec<Diagnostic>,
    /// The texts of the files, by the names that the places use.
    pub sources: BTreeMap<String, String>,
}

impl Problems {
    /// One problem that no file is to blame for.
    #[must_use]
    pub fn one(diagnostic: Diagnostic) -> Self {
        Self { diagnostics: vec![diagnostic], sources: BTreeMap::new() }
    }

    /// Whether something is an error; warnings stop nothing.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(|found| found.severity == Severity::Error)
    }

    /// Whether there is something, and all of it is of this code.
    pub(crate) fn are_all(&self, code: &str) -> bool {
        !self.diagnostics.is_empty() && self.diagnostics.iter().all(|found| found.code == code)
    }

    /// Both together.
    pub(crate) fn extend(&mut self, diagnostics: impl IntoIterator<Item = Diagnostic>) {
        self.diagnostics.extend(diagnostics);
    }

    /// The value, or the problems where one of them is an error.
    pub(crate) fn or<T>(self, value: T) -> Result<T, Self> {
        if self.has_errors() { Err(self) } else { Ok(value) }
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let first = self.diagnostics.first().map_or("nothing", |found| found.message.as_str());
        match self.diagnostics.len() {
            0 | 1 => f.write_str(first),
            several => write!(f, "{first}, and {} more", several - 1),
        }
    }
}

impl std::error::Error for Problems {}
