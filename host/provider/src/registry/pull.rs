//! Pulling: the manifest, judged; then the component, its size and its hash checked while it flows into the caller's hands.

use std::io::Write;

use bailiwick_core::Bytes;
use bailiwick_policy::registry::{MANIFEST_MAX, MANIFEST_TYPE, Manifest, Sha256};
use reqwest::header::{ACCEPT, HeaderValue};
use ring::digest::{Context, SHA256};

use super::error::{RegistryError, What};
use super::session::{Access, Ask, Session};
use super::{Registry, of_hash, sha256};
use crate::finder::Search;

/// What the digest of a manifest is said to be.
const CONTENT_DIGEST: &str = "docker-content-digest";

/// A component that was pulled: every byte of it is in the caller's hands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pulled {
    /// The digest of the manifest: with it, a reference means these bytes for ever.
    pub manifest: Sha256,
    /// What the registry calls the component.
    pub component: Sha256,
    /// Its size.
    pub size: Bytes,
    /// The text of its publisher's signature, where it is signed. Not verified here.
    pub signature: Option<String>,
}

impl Registry<'_> {
    /// Pulls the component. What was written into `into` when this fails is worth nothing:
    /// the caller throws it away.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub async fn pull(&self, into: &mut (dyn Write + Send)) -> Result<Pulled, RegistryError> {
        let mut session = Session::new(self, Access::Pull);
        let (bytes, manifest) = session.manifest().await?;
        let Manifest { component, signature, .. } = Manifest::read(&bytes)?;
        let what = What::Component;
        let target = session.place(&["blobs", &component.digest.to_string()])?;
        let ask = Ask { size: component.size, ..Ask::get(what) };
        let answer = session.ask(&target, &ask).await?;
        let answer = session.follow(target, answer, &ask).await?;
        let mut answer = session.good(answer).await?;
        let announced = component.size.0;
        let wrong = |came| RegistryError::WrongSize { what, announced, came };
        let length = answer.response.content_length();
        if let Some(length) = length.filter(|length| *length != announced) {
            return Err(wrong(Some(length)));
        }
        let mut hash = Context::new(&SHA256);
        let mut search = Search::new(self.providers.keys.finder());
        let mut came = 0;
        while let Some(piece) = session.piece(&mut answer).await? {
            came += piece.len() as u64;
            if came > announced {
                return Err(wrong(None));
            }
            if search.finds_in(&piece) {
                return Err(RegistryError::Leak);
            }
            hash.update(&piece);
            into.write_all(&piece).map_err(|error| RegistryError::Unwritten(error.to_string()))?;
        }
        if came != announced {
            return Err(wrong(Some(came)));
        }
        let found = of_hash(hash.finish());
        if found != component.digest {
            let expected = component.digest;
            return Err(RegistryError::WrongDigest { what, expected, came: found });
        }
        into.flush().map_err(|error| RegistryError::Unwritten(error.to_string()))?;
        Ok(Pulled { manifest, component: found, size: component.size, signature })
    }

    /// The digest of what the reference means now: whether a tag has moved, without the
    /// component.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub async fn resolve(&self) -> Result<Sha256, RegistryError> {
        Ok(Session::new(self, Access::Pull).manifest().await?.1)
    }
}

impl Session<'_> {
    /// The manifest that the reference means, and its digest: the pinned one or none.
    pub(super) async fn manifest(&mut self) -> Result<(Vec<u8>, Sha256), RegistryError> {
        let what = What::Manifest;
        let pinned = self.reference.digest();
        let name = match (pinned, self.reference.tag()) {
            (Some(digest), _) => digest.to_string(),
            (None, tag) => tag.unwrap_or_default().to_owned(),
        };
        let target = self.place(&["manifests", &name])?;
        let mut ask = Ask::get(what);
        ask.headers.insert(ACCEPT, HeaderValue::from_static(MANIFEST_TYPE));
        let answer = self.ask(&target, &ask).await?;
        let answer = self.good(answer).await?;
        let said = answer.response.headers().get(CONTENT_DIGEST).cloned();
        let bytes = self.body(answer, MANIFEST_MAX).await?;
        let came = sha256(&bytes);
        let said = said.and_then(|value| value.to_str().ok()?.parse::<Sha256>().ok());
        match pinned.or(said) {
            Some(expected) if expected != came => {
                Err(RegistryError::WrongDigest { what, expected, came })
            }
            _ => Ok((bytes, came)),
        }
    }
}
