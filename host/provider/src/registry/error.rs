//! Why a registry gave nothing that is taken: one sentence each, whether it is worth trying again, and the line that would change it. Shows no URL and no secret.

use std::fmt;
use std::time::Duration;

use bailiwick_core::Bytes;
use bailiwick_core::text::{Lines, clip, visible};
use bailiwick_core::units::show_duration;
use bailiwick_policy::Origin;
use bailiwick_policy::registry::{NotAnArtifact, NotListed, Sha256};
use serde::Deserialize;

/// The most of a registry's own words that is shown.
const SENTENCE_MAX_BYTES: usize = 300;
/// The longest that a message tells anybody to wait: what is further away is a refusal.
const WAIT_SHOWN_MAX: Duration = Duration::from_secs(24 * 3600);

/// Why nothing came of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    /// No rule lists it: nothing was asked.
    #[error(transparent)]
    NotListed(#[from] NotListed),
    /// Its address is none that the rule's network has: nothing was asked.
    #[error("{0}")]
    Address(String),
    /// Nobody answers there.
    #[error("the registry cannot be reached: {0}")]
    NoConnection(String),
    /// It took too long.
    #[error("the registry did not send {what} within {}", show_duration(*.after))]
    TimedOut {
        /// What was asked for.
        what: What,
        /// How long was waited.
        after: Duration,
    },
    /// It stopped in the middle.
    #[error("the registry broke off while it sent {what}: {why}")]
    BrokenOff {
        /// What was asked for.
        what: What,
        /// In the system's words.
        why: String,
    },
    /// It has too much to do.
    #[error("the registry asks to be left alone (429{})", said(.sentence))]
    Busy {
        /// How long.
        after: Option<Duration>,
        /// In its own words.
        sentence: String,
    },
    /// It has trouble of its own.
    #[error("the registry is in trouble: it answered {status} for {what}{}", said(.sentence))]
    Failing {
        /// The status.
        status: u16,
        /// What was asked for.
        what: What,
        /// In its own words.
        sentence: String,
        /// When it wants to be asked again.
        after: Option<Duration>,
    },
    /// It has no such thing.
    #[error("the registry has no {what} of this name{}", said(.sentence))]
    NotFound {
        /// What was asked for.
        what: What,
        /// In its own words.
        sentence: String,
    },
    /// It does not say yes.
    #[error("the registry refused {what} with {status}{}", said(.sentence))]
    Refused {
        /// The status.
        status: u16,
        /// What was asked for.
        what: What,
        /// In its own words.
        sentence: String,
    },
    /// It wants to know who asks, and is not content with what it was told.
    #[error("the registry lets nobody in here {with}{}", said(.sentence))]
    Unauthorized {
        /// With which credential it was asked.
        with: String,
        /// In its own words.
        sentence: String,
    },
    /// A credential that should go along and cannot.
    #[error("the credential `{name}` does not go along: {why}")]
    Credential {
        /// Its name.
        name: String,
        /// Why.
        why: String,
    },
    /// It keeps blobs where the rule does not say.
    #[error(
        "the registry keeps the component at {0}, where policy.toml does not let it be fetched"
    )]
    BlobsElsewhere(Origin),
    /// It wants tokens to be asked for where the rule does not say.
    #[error("the registry sends the host to {0} for a token, which policy.toml does not list")]
    RealmElsewhere(Origin),
    /// It moved something that does not move.
    #[error("the registry answers with a redirect for {0}; only components may lie elsewhere")]
    Redirected(What),
    /// It sends the host around.
    #[error("the registry redirects more than {0} times")]
    TooManyRedirects(usize),
    /// It compresses, and what is announced is then not what comes.
    #[error("the registry sends {what} compressed ({encoding}), which was not asked for")]
    Compressed {
        /// What was asked for.
        what: What,
        /// As what.
        encoding: String,
    },
    /// It does not speak the protocol.
    #[error("what answers there is no registry: {0}")]
    NoRegistry(String),
    /// What it calls a manifest is none of a component.
    #[error("what the registry has there is no component: {0}")]
    Manifest(#[from] NotAnArtifact),
    /// More than was announced, or less.
    #[error("the registry announced {announced} bytes for {what} and sends {}", .came.map_or_else(|| "more".to_owned(), |bytes| bytes.to_string()))]
    WrongSize {
        /// Of what.
        what: What,
        /// In the manifest.
        announced: u64,
        /// What came or was about to; nothing where it did not end.
        came: Option<u64>,
    },
    /// Other bytes.
    #[error("the registry sent other bytes than asked for: {what} is {came}, not {expected}")]
    WrongDigest {
        /// Of what.
        what: What,
        /// What was asked for.
        expected: Sha256,
        /// What came.
        came: Sha256,
    },
    /// Far too much.
    #[error("the registry sends more than {most} for {what}")]
    TooLarge {
        /// For what.
        what: What,
        /// What it may have.
        most: Bytes,
    },
    /// A secret of this host came back.
    #[error("the registry's answer contained a credential of this host; it was thrown away")]
    Leak,
    /// The tag is something else's.
    #[error("the registry has something else under this tag already: {0}")]
    Taken(Sha256),
    /// What is to be pushed names no tag.
    #[error("a component is pushed to a tag: oci://HOST/NAME:TAG, without digest")]
    NoTag,
    /// What was pulled cannot be written down.
    #[error("the component cannot be kept: {0}")]
    Unwritten(String),
}

/// What was asked of a registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// The manifest.
    Manifest,
    /// The component.
    Component,
    /// A token of a realm.
    Token,
    /// The list of tags.
    Tags,
    /// The place for an upload, or the end of one.
    Upload,
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Manifest => "manifest",
            Self::Component => "component",
            Self::Token => "token",
            Self::Tags => "list of tags",
            Self::Upload => "upload",
        })
    }
}

/// Whether the same may go well another time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// Not before somebody changes something.
    No,
    /// Any time.
    Yes,
    /// When this has passed.
    After(Duration),
}

impl RegistryError {
    /// Whether the same may go well another time.
    #[must_use]
    pub fn retry(&self) -> Retry {
        match self {
            Self::NoConnection(_) | Self::TimedOut { .. } | Self::BrokenOff { .. } => Retry::Yes,
            Self::Busy { after, .. } | Self::Failing { after, .. } => {
                after.map_or(Retry::Yes, Retry::After)
            }
            _ => Retry::No,
        }
    }

    /// What would change it: a line of policy.toml, or to wait.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let registries = "of the registry in [sources] registries of policy.toml";
        match self {
            Self::NotListed(listed) => Some(listed.hint()),
            Self::Address(_) => Some(format!(
                "if it is meant to be there: network = \"private\", \"loopback\" or blocks of addresses in the rule {registries}"
            )),
            Self::BlobsElsewhere(origin) => Some(format!(
                "if it keeps its bytes there: blobs = [\"{origin}\"] in the rule {registries}"
            )),
            Self::RealmElsewhere(origin) => Some(format!(
                "if it is the registry's: realms = [\"{origin}\"] in the rule {registries}"
            )),
            Self::Unauthorized { .. } => Some(format!(
                "a credential is named in the rule {registries} and defined under [credentials.NAME]: credential = \"NAME\""
            )),
            Self::Credential { name, .. } => {
                Some(format!("it is the admin's, under [credentials.{name}] in policy.toml"))
            }
            Self::Taken(_) => {
                Some("push under a new tag; --replace points this one at what is pushed".into())
            }
            _ => match self.retry() {
                Retry::No => None,
                Retry::Yes => Some("it may go well another time: try it again".into()),
                Retry::After(wait) if wait > WAIT_SHOWN_MAX => {
                    Some("it wants to be left alone for more than a day".into())
                }
                Retry::After(wait) => {
                    Some(format!("it may go well again in {}: try it then", show_duration(wait)))
                }
            },
        }
    }
}

/// The registry's own words, where it had any.
fn said(sentence: &str) -> String {
    if sentence.is_empty() { String::new() } else { format!(": {sentence}") }
}

#[derive(Deserialize)]
struct Errors {
    errors: Vec<OneError>,
}

#[derive(Deserialize)]
struct OneError {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
}

/// What a body says is wrong: the first of its `errors`, or what kind of page it is.
pub(super) fn sentence(body: &[u8]) -> String {
    if let Ok(Errors { errors }) = serde_json::from_slice(body)
        && let Some(OneError { code, message }) = errors.first()
    {
        let words = [code.as_str(), message].map(str::trim);
        let words: Vec<_> = words.into_iter().filter(|word| !word.is_empty()).collect();
        return shown(&words.join(", "));
    }
    match is_page(body) {
        true => "a page of HTML".to_owned(),
        false => shown(String::from_utf8_lossy(body).trim()),
    }
}

/// Whether bytes are a page for people: what a proxy, a login or another server answers.
pub(super) fn is_page(body: &[u8]) -> bool {
    let start = body.iter().position(|byte| !byte.is_ascii_whitespace()).unwrap_or_default();
    let start = body.get(start..).unwrap_or_default();
    let lower: Vec<u8> = start.iter().take(16).map(u8::to_ascii_lowercase).collect();
    [b"<!doctype".as_slice(), b"<html", b"<head", b"<body", b"<!--"]
        .iter()
        .any(|tag| lower.starts_with(tag))
}

/// Words of a registry: short, and doing nothing to who reads them.
pub(super) fn shown(text: &str) -> String {
    visible(clip(text, SENTENCE_MAX_BYTES), Lines::Escape)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registrys_words_are_short_and_do_nothing() {
        let json =
            br#"{"errors":[{"code":"NAME_UNKNOWN","message":"no\u001b[2J such","detail":{}}]}"#;
        assert_eq!(sentence(json), "NAME_UNKNOWN, no\\u{1b}[2J such");
        assert_eq!(sentence(b"  <!DOCTYPE html><script>"), "a page of HTML");
        assert_eq!(sentence("é".repeat(1000).as_bytes()).len(), SENTENCE_MAX_BYTES);
        assert_eq!(sentence(b""), "");
    }

    #[test]
    fn only_what_passes_by_itself_is_worth_another_try() {
        let wait = Duration::from_secs(17);
        let busy = RegistryError::Busy { after: Some(wait), sentence: String::new() };
        assert_eq!(busy.retry(), Retry::After(wait));
        assert!(busy.hint().is_some_and(|hint| hint.contains("17 s")), "{:?}", busy.hint());
        assert_eq!(RegistryError::NoConnection("refused".into()).retry(), Retry::Yes);
        for lasting in
            [RegistryError::Leak, RegistryError::NoTag, RegistryError::TooManyRedirects(3)]
        {
            assert_eq!((lasting.retry(), lasting.hint()), (Retry::No, None));
        }
    }
}
