//! A case that was recorded: one attempt of a real run as its journal tells it, with the texts and bytes that it names, in files of the case's folder. Runs nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::Arc;

use bailiwick_core::artifact::references;
use bailiwick_core::fact::Entry;
use bailiwick_core::ports::{BlobError, Blobs, BoxFuture};
use bailiwick_core::recorded::{RecordedAttempt, recorded_attempts};
use bailiwick_core::{AttemptId, Bytes, Diagnostic, Digest, Name, RunId};
use serde::{Deserialize, Serialize};

use crate::codes;
use crate::files;

/// What the run wrote down of the attempt.
pub(crate) const RECORDED: &str = "recorded.json";
/// Bytes that it names, each under its digest.
const BLOBS: &str = "blobs";
/// The largest record that is kept as a case: people commit them.
const RECORDED_MAX: Bytes = Bytes::mib(16);
/// The most bytes that a case keeps beside its record: the same.
const BLOBS_MAX: Bytes = Bytes::mib(64);

/// `recorded.json`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Recorded {
    /// Where it is from.
    pub(crate) run: RunId,
    /// Which attempt.
    pub(crate) attempt: AttemptId,
    /// Whether its step is a judge: its output has to be a verdict.
    pub(crate) judges: bool,
    /// The embedding model of each collection that had one: a search there is two calls.
    pub(crate) embedders: BTreeMap<Name, Name>,
    /// The steps whose outputs were kept in canonical form.
    pub(crate) lowered: BTreeSet<Name>,
    /// The facts of the attempt, and of those that it called.
    pub(crate) entries: Vec<Entry>,
    /// The texts of their documents.
    pub(crate) texts: BTreeMap<Digest, String>,
}

impl Recorded {
    /// Reads it from a case's folder; nothing where it is none of that kind.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub(crate) fn read(folder: &Path) -> Result<Option<(Self, RecordedAttempt)>, Diagnostic> {
        let path = folder.join(RECORDED);
        if !path.exists() {
            return Ok(None);
        }
        let wrong =
            |why: String| Diagnostic::error(codes::BAD_CASE, format!("{}: {why}", path.display()));
        let bytes = files::read(&path, RECORDED_MAX).map_err(wrong)?;
        let mut recorded: Self =
            serde_json::from_slice(&bytes).map_err(|error| wrong(error.to_string()))?;
        let facts = recorded.entries.iter_mut().flat_map(|entry| &mut entry.facts);
        for document in facts.flat_map(bailiwick_core::Fact::documents_mut) {
            if let Some(text) = recorded.texts.get(&document.digest()) {
                document.load(text.as_str().into());
            }
        }
        let attempt = recorded_attempts(&recorded.entries).remove(&recorded.attempt);
        match attempt.filter(|attempt| attempt.end.is_some()) {
            Some(attempt) => Ok(Some((recorded, attempt))),
            None => Err(wrong("the attempt that it is about has no end in it".into())),
        }
    }

    /// One attempt of a run, with all that it names.
    ///
    /// # Errors
    /// A sentence: what is not there any more, or is too much for a case.
    pub(crate) async fn of(
        (run, attempt): (&RunId, &AttemptId),
        entries: &[Entry],
        blobs: &dyn Blobs,
    ) -> Result<(Self, BTreeMap<Digest, Vec<u8>>), String> {
        let step = attempt.of_step();
        let is_its =
            |fact: &bailiwick_core::Fact| fact.attempt().is_some_and(|of| of.of_step() == step);
        let mut own = Vec::new();
        for entry in entries {
            let facts: Vec<_> = entry.facts.iter().filter(|fact| is_its(fact)).cloned().collect();
            if !facts.is_empty() {
                own.push(Entry { at: entry.at, facts });
            }
        }
        let (mut texts, mut kept, mut size) = (BTreeMap::new(), BTreeMap::new(), 0u64);
        for document in own.iter().flat_map(|entry| &entry.facts).flat_map(|fact| fact.documents())
        {
            let digest = document.digest();
            if texts.contains_key(&digest) {
                continue;
            }
            let text = match document.text() {
                Some(text) => text.to_string(),
                None => {
                    let bytes = blobs.get(digest).await.map_err(|error| error.to_string())?;
                    String::from_utf8(bytes).map_err(|error| error.to_string())?
                }
            };
            let value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
            texts.insert(digest, text);
            for artifact in references(&value).unwrap_or_default().into_values() {
                if kept.contains_key(&artifact.digest) {
                    continue;
                }
                size = size.saturating_add(artifact.bytes.0);
                if size > BLOBS_MAX.0 {
                    return Err(format!("it names more than {BLOBS_MAX} of files"));
                }
                // What it named and never had is no part of what it was told.
                if let Ok(bytes) = blobs.get(artifact.digest).await {
                    kept.insert(artifact.digest, bytes);
                }
            }
        }
        let recorded = Self {
            run: run.clone(),
            attempt: attempt.clone(),
            judges: false,
            embedders: BTreeMap::new(),
            lowered: BTreeSet::new(),
            entries: own,
            texts,
        };
        Ok((recorded, kept))
    }

    /// Writes it into a case's folder.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) fn write(
        &self,
        folder: &Path,
        blobs: &BTreeMap<Digest, Vec<u8>>,
    ) -> std::io::Result<()> {
        if !blobs.is_empty() {
            fs::create_dir_all(folder.join(BLOBS))?;
        }
        for (digest, bytes) in blobs {
            fs::write(folder.join(BLOBS).join(file_name(digest)), bytes)?;
        }
        let text = serde_json::to_string_pretty(self).map_err(std::io::Error::other)?;
        fs::write(folder.join(RECORDED), text + "\n")
    }
}

/// The bytes beside a record, read when they are asked for.
pub(crate) struct Beside(Arc<Path>);

impl Beside {
    pub(crate) fn of(folder: &Path) -> Self {
        Self(folder.join(BLOBS).into())
    }
}

impl Blobs for Beside {
    fn put(&self, bytes: Vec<u8>) -> BoxFuture<'_, Result<Digest, BlobError>> {
        // A replay compares what is put with what was: the digest is all that counts.
        Box::pin(std::future::ready(Ok(Digest::of(&bytes))))
    }

    fn get(&self, digest: Digest) -> BoxFuture<'_, Result<Vec<u8>, BlobError>> {
        let read = files::read(&self.0.join(file_name(&digest)), BLOBS_MAX);
        let checked = match read {
            Err(_) => Err(BlobError::Missing(digest)),
            Ok(bytes) if Digest::of(&bytes) != digest => Err(BlobError::Damaged(digest)),
            Ok(bytes) => Ok(bytes),
        };
        Box::pin(std::future::ready(checked))
    }
}

/// `blake3:…` without the colon, which some systems do not take.
fn file_name(digest: &Digest) -> String {
    digest.to_string().replace(':', "-")
}
