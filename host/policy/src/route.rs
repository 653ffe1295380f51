//! Routes: the ways in which a model alias can be answered. Connects to nothing.

use std::fmt;

use bailiwick_core::Money;
use serde::{Deserialize, Serialize};

use crate::price::{Price, Priced, Quantities};

/// Who speaks which protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProviderKind {
    /// Deterministic rules in the host: no key, no network, no language model.
    Builtin,
    /// Any server with OpenAI's chat completions.
    Openai,
    /// Anthropic's Messages.
    Anthropic,
}

impl ProviderKind {
    /// The word in files and on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Builtin => "builtin",
            Self::Openai => "openai",
            Self::Anthropic => "anthropic",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Builtin, Self::Openai, Self::Anthropic]
            .into_iter()
            .find(|kind| kind.as_str() == text)
    }

    /// Where it is when a route does not say: the vendor's own address.
    #[must_use]
    pub fn default_base(self) -> Option<&'static str> {
        match self {
            Self::Builtin => None,
            Self::Openai => Some("https://api.openai.com/v1"),
            Self::Anthropic => Some("https://api.anthropic.com"),
        }
    }
}

/// Scheme, host and port of a URL, as the `url` crate writes an origin: what grants,
/// ceilings and credentials are bound to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Origin(pub String);

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// One way to answer an alias; an alias has an ordered list of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// The protocol.
    pub provider: ProviderKind,
    /// The base URL, parsed and normalised; nothing for `builtin`.
    pub base: Option<String>,
    /// Its origin.
    pub origin: Option<Origin>,
    /// What the provider calls the model; empty for `builtin`.
    pub model: String,
    /// What it costs, where its operator says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Price>,
}

impl Route {
    /// The built-in route.
    #[must_use]
    pub fn builtin() -> Self {
        Self {
            provider: ProviderKind::Builtin,
            base: None,
            origin: None,
            model: String::new(),
            price: None,
        }
    }

    /// Whether nobody is paid for it: `builtin`, and what runs on this machine, unless
    /// a price is named.
    #[must_use]
    pub fn is_free(&self) -> bool {
        let here = self.origin.as_ref().map_or(self.base.is_none(), Origin::is_loopback);
        here && self.price.is_none()
    }

    /// The price that is missing for requests of this kind, where money is counted.
    #[must_use]
    pub fn lacks_price(&self, kind: Priced) -> Option<&'static str> {
        if self.is_free() { None } else { self.price.unwrap_or_default().lacks(kind) }
    }

    /// What these cost on this route.
    #[must_use]
    pub fn cost_of(&self, quantities: Quantities) -> Money {
        self.price.map_or(Money::ZERO, |price| price.of(quantities))
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.provider.as_str())?;
        if !self.model.is_empty() {
            write!(f, ":{}", self.model)?;
        }
        if let Some(base) = &self.base {
            write!(f, "@{base}")?;
        }
        Ok(())
    }
}
