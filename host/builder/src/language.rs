//! The languages that agents are written in, and what is said of each in `agent.toml`; starts no tool.

use std::fmt;

/// What an agent's source is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// A crate, built with cargo.
    Rust,
    /// A module with one `@agent` function, built with componentize-py.
    Python,
    /// A module whose default export is an agent (JavaScript counts), built with esbuild
    /// and componentize-qjs.
    TypeScript,
}

impl Language {
    /// All of them, as messages list them.
    pub const ALL: [Self; 3] = [Self::Rust, Self::Python, Self::TypeScript];

    /// The language that `agent.toml` or a command line means.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|language| language.name() == name)
    }

    /// Its name in `agent.toml`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::Python => "python",
            Self::TypeScript => "typescript",
        }
    }

    /// The module that defines the agent where `[build] entry` names none; of a crate,
    /// cargo knows.
    #[must_use]
    pub const fn entry(self) -> Option<&'static str> {
        match self {
            Self::Rust => None,
            Self::Python => Some("agent.py"),
            Self::TypeScript => Some("agent.ts"),
        }
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for language in Language::ALL {
            assert_eq!(Language::named(&language.to_string()), Some(language));
        }
        assert_eq!(Language::named("Python"), None);
    }
}
