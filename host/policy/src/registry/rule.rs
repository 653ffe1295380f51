//! Which registries a policy lists, and what each may do with the host. What is not listed is not asked.

use std::fmt;

use bailiwick_core::Name;
use serde::{Deserialize, Serialize};
use url::Url;

use super::reference::{Reference, is_authority};
use crate::http::Scheme;
use crate::network::Network;
use crate::route::Origin;

/// The most origins of one kind of one registry: real ones have one or two.
pub const ORIGINS_MAX: usize = 16;

/// One registry, or the part of it below a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegistryRule {
    /// Which names of which registry.
    pub place: Place,
    /// How it travels.
    pub scheme: Scheme,
    /// Which addresses it may have.
    pub network: Network,
    /// The credential that goes along where it is bound to.
    pub credential: Option<Name>,
    /// Where tokens may come from, besides the registry itself.
    pub realms: Vec<Origin>,
    /// Where it may keep blobs, besides itself.
    pub blobs: Vec<Origin>,
}

/// `HOST[:PORT]`, or that and the beginning of names: `ghcr.io/acme`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Place {
    registry: String,
    prefix: Option<String>,
}

/// A text that is no place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no place in a registry: it is \"ghcr.io\" or \"ghcr.io/acme\", the host as URLs have it, without scheme, tag and slash at its end"
)]
pub struct NotAPlace(String);

/// A reference that no rule covers.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the policy lists no registry {registry}/{repository}")]
pub struct NotListed {
    /// The registry.
    pub registry: String,
    /// The name in it.
    pub repository: String,
}

impl NotListed {
    /// What the admin would have to write.
    #[must_use]
    pub fn hint(&self) -> String {
        let Self { registry, repository } = self;
        let folder = repository.rsplit_once('/').map(|(folder, _)| format!("/{folder}"));
        let host = registry.split(':').next().unwrap_or_default();
        let local = match host == "localhost" || host.parse().is_ok_and(is_loopback) {
            true => ", scheme = \"http\", network = \"loopback\"",
            false => "",
        };
        format!(
            "the admin would add to policy.toml, under [sources]: registries = [{{ at = \"{registry}{}\"{local} }}]",
            folder.unwrap_or_default()
        )
    }
}

fn is_loopback(address: std::net::IpAddr) -> bool {
    address.is_loopback()
}

impl Place {
    /// Reads `HOST[:PORT][/NAME…]`.
    ///
    /// # Errors
    /// [`NotAPlace`].
    pub fn parse(text: &str) -> Result<Self, NotAPlace> {
        let refused = || NotAPlace(text.chars().take(80).collect());
        let (registry, prefix) = match text.split_once('/') {
            Some((registry, prefix)) => (registry, Some(prefix)),
            None => (text, None),
        };
        // A name below it must be one that a reference can have.
        let example = format!("oci://{registry}/{}:x", prefix.unwrap_or("x"));
        let whole = example.parse::<Reference>().map_err(|_| refused())?;
        let same = prefix.is_none_or(|prefix| whole.repository() == prefix);
        if !is_authority(registry) || !same {
            return Err(refused());
        }
        Ok(Self { registry: registry.to_owned(), prefix: prefix.map(str::to_owned) })
    }

    /// Host and port.
    #[must_use]
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// Whether a reference lies below it.
    #[must_use]
    pub fn covers(&self, reference: &Reference) -> bool {
        let name = reference.repository();
        let below = |prefix: &String| {
            let rest = name.strip_prefix(prefix.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        reference.registry() == self.registry && self.prefix.as_ref().is_none_or(below)
    }
}

impl RegistryRule {
    /// Scheme, host and port of the registry, as credentials are bound to them.
    #[must_use]
    pub fn origin(&self) -> Origin {
        let text = format!("{}://{}", self.scheme.as_str(), self.place.registry);
        // An http URL of port 443 says so, and one of port 80 does not.
        Origin(Url::parse(&text).map_or(text, |url| url.origin().ascii_serialization()))
    }

    /// Whether tokens for it may come from an origin.
    #[must_use]
    pub fn takes_tokens_from(&self, origin: &Origin) -> bool {
        self.origin() == *origin || self.realms.contains(origin)
    }

    /// Whether its blobs may be at an origin.
    #[must_use]
    pub fn takes_blobs_from(&self, origin: &Origin) -> bool {
        self.origin() == *origin || self.blobs.contains(origin)
    }
}

/// The first rule that covers a reference.
///
/// # Errors
/// [`NotListed`] with the line that would list it.
pub fn admitting<'r>(
    rules: &'r [RegistryRule],
    reference: &Reference,
) -> Result<&'r RegistryRule, NotListed> {
    rules.iter().find(|rule| rule.place.covers(reference)).ok_or_else(|| NotListed {
        registry: reference.registry().to_owned(),
        repository: reference.repository().to_owned(),
    })
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.registry)?;
        self.prefix.iter().try_for_each(|prefix| write!(f, "/{prefix}"))
    }
}

impl TryFrom<String> for Place {
    type Error = NotAPlace;

    fn try_from(text: String) -> Result<Self, NotAPlace> {
        Self::parse(&text)
    }
}

impl From<Place> for String {
    fn from(place: Place) -> Self {
        place.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(place: &str) -> RegistryRule {
        RegistryRule {
            place: Place::parse(place).unwrap(),
            scheme: Scheme::Https,
            network: Network::Public,
            credential: None,
            realms: Vec::new(),
            blobs: Vec::new(),
        }
    }

    fn reference(text: &str) -> Reference {
        text.parse().unwrap()
    }

    #[test]
    fn a_registry_that_is_not_listed_is_refused_with_the_line_that_lists_it() {
        let rules = [rule("ghcr.io/acme"), rule("registry.example:5000")];
        for good in [
            "oci://ghcr.io/acme/draft:1",
            "oci://ghcr.io/acme:1",
            "oci://registry.example:5000/any/thing:1",
        ] {
            assert!(admitting(&rules, &reference(good)).is_ok(), "{good}");
        }
        for (bad, line) in [
            ("oci://ghcr.io/acmes/draft:1", "{ at = \"ghcr.io/acmes\" }"),
            ("oci://ghcr.io/other:1", "{ at = \"ghcr.io\" }"),
            ("oci://ghcr.io:444/acme/draft:1", "{ at = \"ghcr.io:444/acme\" }"),
            ("oci://registry.example/draft:1", "{ at = \"registry.example\" }"),
            (
                "oci://127.0.0.1:5000/draft:1",
                "{ at = \"127.0.0.1:5000\", scheme = \"http\", network = \"loopback\" }",
            ),
        ] {
            let refused = admitting(&rules, &reference(bad)).unwrap_err();
            assert!(refused.hint().contains(line), "{bad}: {}", refused.hint());
        }
        assert!(admitting(&[], &reference("oci://ghcr.io/acme/draft:1")).is_err());
    }

    #[test]
    fn a_place_has_one_spelling() {
        for bad in [
            "",
            "/",
            "ghcr.io/",
            "https://ghcr.io",
            "GHCR.io",
            "ghcr.io/acme/",
            "ghcr.io/Acme",
            "ghcr.io/acme:1",
            "ghcr.io:443",
            "acme",
            "127.1:5000",
            "docker.io/acme",
            "ghcr.io/../x",
        ] {
            assert!(Place::parse(bad).is_err(), "{bad}");
        }
        assert_eq!(Place::parse("ghcr.io/acme/agents").unwrap().to_string(), "ghcr.io/acme/agents");
    }

    #[test]
    fn tokens_and_blobs_come_from_where_the_rule_says() {
        let mut rule = rule("ghcr.io/acme");
        let (own, other) = (Origin("https://ghcr.io".into()), Origin("https://a.example".into()));
        assert!(rule.takes_tokens_from(&own) && rule.takes_blobs_from(&own));
        assert!(!rule.takes_tokens_from(&other) && !rule.takes_blobs_from(&other));
        rule.realms.push(other.clone());
        assert!(rule.takes_tokens_from(&other) && !rule.takes_blobs_from(&other));
        let cleartext = Origin("http://ghcr.io".into());
        assert!(!rule.takes_tokens_from(&cleartext) && !rule.takes_blobs_from(&cleartext));
    }
}
