//! What a publisher says of a component when it is signed: whose, what, which version, which bytes. One statement has one text; verifies no signature.

use std::fmt;
use std::str::FromStr;

use bailiwick_core::{Bytes, Day, Digest};
use semver::Version;

use super::LOCAL;

/// The longest statement, in bytes: its longest parts fit in twice, and the ordinary tool
/// takes 8 KiB.
pub const STATEMENT_MAX_BYTES: usize = 1024;

/// The longest word of a statement, in bytes: that of the longest name of a profile.
const WORD_MAX_BYTES: usize = 64;

/// How every statement begins, with the version of its form.
const FORM: &str = "bailiwick component 1";

/// What a publisher says of a component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Whose it is.
    pub publisher: String,
    /// The name in its profile.
    pub name: String,
    /// The version in its profile.
    pub version: Version,
    /// Of the component's bytes.
    pub component: Digest,
    /// How many these are.
    pub size: Bytes,
    /// The version of the contract that it speaks.
    pub contract: String,
    /// When it was signed.
    pub date: Day,
}

/// A text that is no statement, or one about something else.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the sentences say what the values are")]
pub enum NotAStatement {
    #[error("the statement has {0} bytes; at most {STATEMENT_MAX_BYTES} are read")]
    TooLong(usize),
    #[error("what was signed is no statement about a component: it does not begin with {FORM:?}")]
    Form,
    #[error("the statement lacks {0}")]
    Missing(&'static str),
    #[error("in the statement, {part} is {found:?}, which it cannot be")]
    Part { part: &'static str, found: String },
    #[error("the statement is not written as statements are written")]
    NotCanonical,
    #[error("the statement is about {stated} with {size}, and these bytes are {found} with {has}")]
    OtherBytes { stated: Digest, size: Bytes, found: Digest, has: Bytes },
}

/// Whether a text can be the name of a publisher or an agent.
#[must_use]
pub fn is_word(text: &str) -> bool {
    (1..=WORD_MAX_BYTES).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
}

impl Statement {
    /// `publisher/name`: what ceilings are matched against.
    #[must_use]
    pub fn identity(&self) -> String {
        format!("{}/{}", self.publisher, self.name)
    }

    /// Reads a statement, which may come from anybody.
    ///
    /// # Errors
    /// [`NotAStatement`] with the part that is wrong.
    ///
    /// ```
    /// use bailiwick_policy::publishers::Statement;
    /// let digest = bailiwick_core::Digest::of(b"bytes");
    /// let text = format!("bailiwick component 1: acme/draft 1.2.0, {digest}, 5 bytes, contract 0.1.0, 2026-11-23");
    /// let statement = Statement::parse(&text).unwrap();
    /// assert_eq!(statement.identity(), "acme/draft");
    /// assert_eq!(statement.to_string(), text);
    /// ```
    pub fn parse(text: &str) -> Result<Self, NotAStatement> {
        if text.len() > STATEMENT_MAX_BYTES {
            return Err(NotAStatement::TooLong(text.len()));
        }
        let rest = text.strip_prefix(FORM).and_then(|rest| rest.strip_prefix(": "));
        let mut parts = rest.ok_or(NotAStatement::Form)?.split(", ");
        let mut part = |what| parts.next().ok_or(NotAStatement::Missing(what));
        let (who, component) = (part("its name and version")?, part("the digest")?);
        let (size, contract, date) = (part("the size")?, part("the contract")?, part("the date")?);
        let (identity, version) =
            who.split_once(' ').ok_or(NotAStatement::Missing("its version"))?;
        let (publisher, name) =
            identity.split_once('/').ok_or(NotAStatement::Missing("its publisher"))?;
        let statement = Self {
            publisher: word("the publisher", publisher)?,
            name: word("the name", name)?,
            version: read("the version", version)?,
            component: read("the digest", component)?,
            size: Bytes(read("the size", size.strip_suffix(" bytes").unwrap_or(size))?),
            contract: word("the contract", contract.strip_prefix("contract ").unwrap_or(contract))?,
            date: Day::parse(date).map_err(|_| refused("the date", date))?,
        };
        if statement.publisher == LOCAL {
            return Err(refused("the publisher", LOCAL));
        }
        // One statement, one text: what was signed is then what is shown.
        if statement.to_string() == text { Ok(statement) } else { Err(NotAStatement::NotCanonical) }
    }

    pub(super) fn is_about(&self, found: &Digest, bytes: usize) -> Result<(), NotAStatement> {
        let has = Bytes(bytes as u64);
        if (self.component, self.size) == (*found, has) {
            return Ok(());
        }
        let (stated, size, found) = (self.component, self.size, *found);
        Err(NotAStatement::OtherBytes { stated, size, found, has })
    }
}

impl fmt::Display for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { publisher, name, version, component, size, contract, date } = self;
        let bytes = size.0;
        write!(
            f,
            "{FORM}: {publisher}/{name} {version}, {component}, {bytes} bytes, contract {contract}, {date}"
        )
    }
}

fn read<T: FromStr>(part: &'static str, text: &str) -> Result<T, NotAStatement> {
    text.parse().map_err(|_| refused(part, text))
}

fn word(part: &'static str, text: &str) -> Result<String, NotAStatement> {
    if is_word(text) { Ok(text.to_owned()) } else { Err(refused(part, text)) }
}

fn refused(part: &'static str, found: &str) -> NotAStatement {
    NotAStatement::Part { part, found: found.chars().take(80).collect() }
}
