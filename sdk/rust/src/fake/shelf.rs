//! The artifacts of a fake, in memory; knows nothing of models.

use std::collections::BTreeMap;

use crate::artifact::Artifact;
use crate::failure::HostError;
use crate::fake::ensure;
use crate::limits;

/// Bytes by digest, all readable by the agent.
#[derive(Default)]
pub(crate) struct Shelf {
    bytes: BTreeMap<String, Vec<u8>>,
    pub(crate) kept: Vec<Artifact>,
}

impl Shelf {
    pub(crate) fn mint(
        &mut self,
        bytes: Vec<u8>,
        media_type: &str,
        name: Option<&str>,
    ) -> Artifact {
        let digest = format!("blake3:{}", blake3::hash(&bytes).to_hex());
        let size = bytes.len() as u64;
        self.bytes.insert(digest.clone(), bytes);
        Artifact::new(digest, media_type.into(), size, name.map(str::to_owned))
    }

    pub(crate) fn put(
        &mut self,
        bytes: &[u8],
        media_type: &str,
        name: Option<&str>,
    ) -> Result<Artifact, HostError> {
        let typed = (1..=limits::MEDIA_TYPE_BYTES).contains(&media_type.len());
        ensure(typed && media_type.contains('/'), "media-type")?;
        if let Some(name) = name {
            let named = (1..=limits::NAME_BYTES).contains(&name.len());
            ensure(named && !name.contains('/'), "name")?;
        }
        let artifact = self.mint(bytes.to_vec(), media_type, name);
        self.kept.push(artifact.clone());
        Ok(artifact)
    }

    pub(crate) fn get(&self, artifact: &Artifact) -> Option<&[u8]> {
        self.bytes.get(artifact.digest()).map(Vec::as_slice)
    }

    pub(crate) fn knows(&self, digest: &str) -> bool {
        self.bytes.contains_key(digest)
    }
}
