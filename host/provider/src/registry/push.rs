//! Pushing: the component, what describes it, and last the manifest, so that a push that breaks off has named nothing.

use bailiwick_core::Bytes;
use bailiwick_policy::registry::{
    Blob, COMPONENT_MAX, MANIFEST_TYPE, Manifest, NotAnArtifact, Sha256,
};
use reqwest::Method;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue};
use serde_json::json;

use super::error::{RegistryError, What};
use super::session::{Access, Ask, Session, located};
use super::{Registry, sha256};

/// When the configuration says that it was made. Other tools want a moment there; with a
/// real one, the same component would be another artifact at each push.
const CREATED: &str = "1970-01-01T00:00:00Z";

/// A component to be pushed.
#[derive(Clone, Copy, Debug)]
pub struct Artifact<'a> {
    /// Its bytes.
    pub component: &'a [u8],
    /// The name of the file that other tools make of it.
    pub title: &'a str,
    /// What it imports, for people and tools that look at the registry.
    pub imports: &'a [String],
    /// What it exports.
    pub exports: &'a [String],
    /// The text of its publisher's signature, where it is signed.
    pub signature: Option<&'a str>,
}

/// What becomes of a tag that names something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// It stays, and nothing is pushed.
    Keep,
    /// It names the new one from now on.
    Replace,
}

/// A component that a registry has now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pushed {
    /// The digest of its manifest.
    pub manifest: Sha256,
    /// Whether it was all there before.
    pub was_there: bool,
}

impl Registry<'_> {
    /// Pushes a component under the tag of the reference. The same component again changes
    /// nothing and is no error.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub async fn push(
        &self,
        artifact: &Artifact<'_>,
        existing: Existing,
    ) -> Result<Pushed, RegistryError> {
        let (Some(tag), None) = (self.reference.tag(), self.reference.digest()) else {
            return Err(RegistryError::NoTag);
        };
        let component = blob(artifact.component);
        if component.size > COMPONENT_MAX {
            return Err(NotAnArtifact::ComponentTooLarge(component.size).into());
        }
        let config = config(artifact, &component);
        let title = Some(artifact.title.to_owned());
        let signature = artifact.signature.map(str::to_owned);
        let manifest = Manifest { component, config: blob(&config), title, signature }.bytes()?;
        let digest = sha256(&manifest);
        let mut session = Session::new(self, Access::Push);
        match session.manifest().await {
            Ok((_, there)) if there == digest => {
                return Ok(Pushed { manifest: digest, was_there: true });
            }
            Ok((_, there)) if existing == Existing::Keep => {
                return Err(RegistryError::Taken(there));
            }
            // An index, an image: whatever it is, it is named so.
            Ok(_) | Err(RegistryError::NotFound { .. }) => {}
            Err(error) => return Err(error),
        }
        session.upload(artifact.component).await?;
        session.upload(&config).await?;
        let target = session.place(&["manifests", tag])?;
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(MANIFEST_TYPE));
        headers.insert(ACCEPT, HeaderValue::from_static(MANIFEST_TYPE));
        let (what, size) = (What::Manifest, Bytes(0));
        let ask = Ask { what, size, method: Method::PUT, headers, body: &manifest };
        let answer = session.ask(&target, &ask).await?;
        session.good(answer).await?;
        Ok(Pushed { manifest: digest, was_there: false })
    }
}

impl Session<'_> {
    /// Gives bytes to the registry, where it has not got them.
    async fn upload(&mut self, bytes: &[u8]) -> Result<(), RegistryError> {
        let (what, digest) = (What::Upload, sha256(bytes).to_string());
        let there = self.place(&["blobs", &digest])?;
        let answer = self.ask(&there, &Ask { method: Method::HEAD, ..Ask::get(what) }).await?;
        // A registry that keeps its blobs elsewhere says where it is: it has it.
        if answer.response.status().is_success() || answer.response.status().is_redirection() {
            return Ok(());
        }
        if answer.status() != 404 {
            self.good(answer).await?;
        }
        // With a slash at its end, as the specification has it.
        let uploads = self.place(&["blobs", "uploads", ""])?;
        let begun = self.ask(&uploads, &Ask { method: Method::POST, ..Ask::get(what) }).await?;
        let begun = self.good(begun).await?;
        let mut url = located(&uploads, &begun)?;
        if url.origin() != uploads.url().origin() {
            // With the component, a token would go along to whoever is named there.
            return Err(RegistryError::Redirected(what));
        }
        url.query_pairs_mut().append_pair("digest", &digest);
        let target = self.target(url)?;
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
        let ask = Ask { what, size: Bytes(0), method: Method::PUT, headers, body: bytes };
        let answer = self.ask(&target, &ask).await?;
        self.good(answer).await.map(|_| ())
    }
}

fn blob(bytes: &[u8]) -> Blob {
    Blob { digest: sha256(bytes), size: Bytes(bytes.len() as u64) }
}

/// What describes a component to other tools.
fn config(artifact: &Artifact<'_>, component: &Blob) -> Vec<u8> {
    let config = json!({
        "created": CREATED,
        "architecture": "wasm",
        "os": "wasip2",
        "layerDigests": [component.digest.to_string()],
        "component": { "imports": artifact.imports, "exports": artifact.exports, "target": null },
    });
    config.to_string().into_bytes()
}
