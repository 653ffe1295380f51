//! What names a component in a registry: `oci://HOST[:PORT]/NAME[:TAG][@sha256:…]`. Guesses neither the registry nor the tag.

use std::fmt;
use std::str::FromStr;

use oci_spec::distribution;
use serde::{Deserialize, Serialize};
use url::Url;

use super::sha256::Sha256;

/// What a reference begins with.
pub const SCHEME: &str = "oci://";
/// The longest: the parts have 253, 255, 128 and 71 bytes at most.
pub const REFERENCE_MAX_BYTES: usize = 1024;
/// The names under which Docker Hub is known to people, and under which it is no registry.
const DOCKER_HUB: [&str; 2] = ["docker.io", "index.docker.io"];

/// A component in a registry.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Reference {
    registry: String,
    repository: String,
    tag: Option<String>,
    digest: Option<Sha256>,
}

/// Why a text is no reference.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAReference {
    /// Another beginning.
    #[error("it begins with {SCHEME}")]
    Scheme,
    /// Too long for what it can hold.
    #[error("it has {0} bytes; a reference has at most {REFERENCE_MAX_BYTES}")]
    TooLong(usize),
    /// No host before the first `/`.
    #[error("it names no registry: {SCHEME}HOST[:PORT]/NAME:TAG")]
    NoRegistry,
    /// A host that URLs have in another form, or none at all.
    #[error("{0:?} is no host of a registry as URLs have it, with its port where that is not 443")]
    Host(String),
    /// Docker Hub by its other names.
    #[error("{0} is no registry; Docker Hub's is registry-1.docker.io")]
    DockerHub(String),
    /// Neither tag nor digest.
    #[error("it names no version: write :TAG, or @sha256:… for exactly these bytes")]
    NoVersion,
    /// A digest of another kind.
    #[error("a digest is sha256: and 64 lower-case hexadecimal digits")]
    Digest,
    /// Anything else.
    #[error("{0}")]
    Form(String),
}

impl Reference {
    /// Host and port of the registry, as URLs have them.
    #[must_use]
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// The name in the registry.
    #[must_use]
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// The tag, which whoever pushes there can point elsewhere.
    #[must_use]
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// The digest of the manifest. Where there is one it alone decides.
    #[must_use]
    pub fn digest(&self) -> Option<Sha256> {
        self.digest
    }

    /// The same component at exactly this manifest; the tag is kept for people.
    #[must_use]
    pub fn pinned(&self, digest: Sha256) -> Self {
        Self { digest: Some(digest), ..self.clone() }
    }

    /// The same component under another tag, whatever that points at.
    ///
    /// # Errors
    /// [`NotAReference`] where it is no tag.
    pub fn tagged(&self, tag: &str) -> Result<Self, NotAReference> {
        format!("{SCHEME}{}/{}:{tag}", self.registry, self.repository).parse()
    }
}

impl FromStr for Reference {
    type Err = NotAReference;

    fn from_str(text: &str) -> Result<Self, NotAReference> {
        let typed = text.strip_prefix(SCHEME).ok_or(NotAReference::Scheme)?;
        if text.len() > REFERENCE_MAX_BYTES {
            return Err(NotAReference::TooLong(text.len()));
        }
        let (host, name) = typed.split_once('/').ok_or(NotAReference::NoRegistry)?;
        if host.is_empty() || name.is_empty() {
            return Err(NotAReference::NoRegistry);
        }
        if DOCKER_HUB.contains(&host) {
            return Err(NotAReference::DockerHub(host.to_owned()));
        }
        if !is_authority(host) {
            return Err(NotAReference::Host(host.chars().take(80).collect()));
        }
        if !name.contains([':', '@']) {
            return Err(NotAReference::NoVersion);
        }
        if name.split_once('@').is_some_and(|(_, digest)| digest.parse::<Sha256>().is_err()) {
            return Err(NotAReference::Digest);
        }
        let read = distribution::Reference::try_from(typed);
        let read = read.map_err(|error| NotAReference::Form(error.to_string()))?;
        // The crate fills in what is not there (another registry, `latest`) and takes letters
        // of any language for a tag: what it read must be what was typed.
        if !typed.is_ascii() || read.whole() != typed || read.registry() != host {
            return Err(NotAReference::Form("the name, the tag or the digest has letters that registries do not know, or the host has no `.` and no port".into()));
        }
        let digest =
            read.digest().map(str::parse).transpose().map_err(|_| NotAReference::Digest)?;
        Ok(Self {
            registry: host.to_owned(),
            repository: read.repository().to_owned(),
            tag: read.tag().map(str::to_owned),
            digest,
        })
    }
}

/// Whether this is host and port as a URL has them: one spelling, so that no two rules and
/// no two pins mean the same place.
pub(super) fn is_authority(text: &str) -> bool {
    let parsed = Url::parse(&format!("https://{text}/"));
    parsed.is_ok_and(|url| {
        let port = url.port().map_or_else(String::new, |port| format!(":{port}"));
        url.host_str().is_some_and(|host| format!("{host}{port}") == text)
    })
}

impl TryFrom<String> for Reference {
    type Error = NotAReference;

    fn try_from(text: String) -> Result<Self, NotAReference> {
        text.parse()
    }
}

impl From<Reference> for String {
    fn from(reference: Reference) -> Self {
        reference.to_string()
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{}/{}", self.registry, self.repository)?;
        self.tag.iter().try_for_each(|tag| write!(f, ":{tag}"))?;
        self.digest.iter().try_for_each(|digest| write!(f, "@{digest}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f";

    fn read(text: &str) -> Result<Reference, NotAReference> {
        text.parse()
    }

    #[test]
    fn is_written_as_it_was_read() {
        for (text, parts) in [
            ("oci://ghcr.io/acme/draft:1.2.0", ("ghcr.io", "acme/draft", Some("1.2.0"), false)),
            ("oci://127.0.0.1:5000/draft:v1", ("127.0.0.1:5000", "draft", Some("v1"), false)),
            ("oci://localhost/a__b/c-d.e:x", ("localhost", "a__b/c-d.e", Some("x"), false)),
            (&format!("oci://ghcr.io/acme/draft@{DIGEST}"), ("ghcr.io", "acme/draft", None, true)),
            (
                &format!("oci://ghcr.io/acme/draft:1@{DIGEST}"),
                ("ghcr.io", "acme/draft", Some("1"), true),
            ),
        ] {
            let read = read(text).unwrap();
            let digest = read.digest().is_some();
            assert_eq!((read.registry(), read.repository(), read.tag(), digest), parts, "{text}");
            assert_eq!(read.to_string(), text);
        }
    }

    #[test]
    fn nothing_is_guessed_and_nothing_has_two_spellings() {
        for (text, says) in [
            ("ghcr.io/acme/draft:1", "begins with oci://"),
            ("oci://draft:1", "names no registry"),
            ("oci:///draft:1", "names no registry"),
            ("oci://ghcr.io/", "names no registry"),
            ("oci://ghcr.io/acme/draft", "names no version"),
            ("oci://docker.io/draft:1", "registry-1.docker.io"),
            ("oci://library/draft:1", "no `.` and no port"),
            ("oci://GHCR.io/draft:1", "as URLs have it"),
            ("oci://ghcr.io:443/draft:1", "as URLs have it"),
            ("oci://127.1:5000/draft:1", "as URLs have it"),
            ("oci://0x7f000001/draft:1", "as URLs have it"),
            ("oci://me@ghcr.io/draft:1", "as URLs have it"),
            ("oci://ghcr.io\\evil.example/draft:1", "as URLs have it"),
            ("oci://ghcr.io/Acme/draft:1", "invalid reference format"),
            ("oci://ghcr.io/acme/../draft:1", "invalid reference format"),
            ("oci://ghcr.io/acme/draft:1?x=2", "invalid reference format"),
            ("oci://ghcr.io/acme/draft:é", "letters that registries do not know"),
            ("oci://ghcr.io/acme/draft@sha256:0f", "64 lower-case"),
            (&format!("oci://ghcr.io/acme/draft@{}", DIGEST.replace('f', "F")), "64 lower-case"),
            (&format!("oci://ghcr.io/{}:1", "a".repeat(300)), "255"),
            (&format!("oci://ghcr.io/{}:1", "a/".repeat(600)), "at most 1024"),
        ] {
            let refused = read(text).unwrap_err().to_string();
            assert!(refused.contains(says), "{text}: {refused}");
        }
    }

    #[test]
    fn a_pin_decides_and_the_tag_stays_for_people() {
        let reference = read("oci://ghcr.io/acme/draft:1").unwrap();
        let pinned = reference.pinned(DIGEST.parse().unwrap());
        assert_eq!(pinned.to_string(), format!("oci://ghcr.io/acme/draft:1@{DIGEST}"));
        assert_eq!(pinned.tagged("2").unwrap().to_string(), "oci://ghcr.io/acme/draft:2");
        assert!(reference.tagged("2/x").is_err() && reference.tagged("").is_err());
    }
}
