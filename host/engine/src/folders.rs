//! The folders of a project: assets become references, collections are indexed.

use std::collections::BTreeMap;
use std::path::Path;

use bailiwick_core::ports::Blobs;
use bailiwick_core::{Artifact, Bytes, Diagnostic, Digest, Name};
use bailiwick_store::Collections;
use bailiwick_store::knowledge::{DOCUMENT_MAX, Media, Source};
use serde_json::{Map, Value};

use crate::codes;
use crate::files::{self, ARTIFACT_MAX, Found};
use crate::input::artifact_of;
use crate::load::Opened;
use crate::problems::Problems;

/// The most of one asset folder: brand files are small, and each run keeps them.
const ASSETS_SUM_MAX: Bytes = Bytes::mib(512);

/// What `${assets}` reads as, `{ folder: { file: reference } }`, with the files kept.
pub(crate) async fn import_assets(
    opened: &Opened,
    blobs: &dyn Blobs,
) -> Result<(Value, Vec<Artifact>), Problems> {
    let (mut assets, mut imported) = (Map::new(), Vec::new());
    for (name, folder) in &opened.project.assets {
        let fail = |why: String| bad_folder(name, why, &folder.place);
        let found = walk(&opened.root, &folder.path).map_err(fail)?;
        let sum: u64 = found.iter().map(|file| file.size.0).sum();
        if sum > ASSETS_SUM_MAX.0 {
            return Err(fail(format!("it has {}; at most {ASSETS_SUM_MAX} are taken", Bytes(sum))));
        }
        let mut members = Map::new();
        for file in found {
            let bytes = files::read(&file.path, ARTIFACT_MAX)
                .map_err(|why| fail(format!("{}: {why}", file.name)))?;
            let artifact = artifact_of(&file.name, &bytes);
            blobs.put(bytes).await.map_err(|error| {
                Problems::one(Diagnostic::error(codes::STORAGE, error.to_string()))
            })?;
            members.insert(file.name, artifact.to_json());
            imported.push(artifact);
        }
        assets.insert(name.to_string(), Value::Object(members));
    }
    Ok((Value::Object(assets), imported))
}

/// Brings the index of every collection up to date with its folder. A folder whose
/// names, sizes and contents did not change is read and not indexed again. Gives the
/// digest of what is in each.
pub(crate) async fn index_collections(
    opened: &Opened,
    collections: &Collections,
) -> Result<BTreeMap<Name, Digest>, Problems> {
    let mut contents = BTreeMap::new();
    for (name, folder) in &opened.project.knowledge {
        let fail = |why: String| bad_folder(name, why, &folder.place);
        let found = walk(&opened.root, &folder.path).map_err(fail)?;
        let sources =
            found.iter().filter_map(source).collect::<Result<Vec<_>, _>>().map_err(fail)?;
        let content = content(&sources);
        contents.insert(name.clone(), content);
        let current =
            collections.is_current(name, content).await.map_err(|error| fail(error.to_string()))?;
        if !current {
            let indexed = collections.index(name, content, sources).await;
            let indexed = indexed.map_err(|error| fail(error.to_string()))?;
            tracing::info!(collection = %name, documents = indexed.documents, passages = indexed.chunks, "indexed");
        }
    }
    let names: Vec<Name> = opened.project.knowledge.keys().cloned().collect();
    let forgotten = collections.keep_only(&names).await;
    forgotten
        .map(|_| contents)
        .map_err(|error| Problems::one(Diagnostic::error(codes::STORAGE, error.to_string())))
}

fn walk(root: &Path, folder: &str) -> Result<Vec<Found>, String> {
    let folder = files::below(root, folder)?;
    files::walk(&folder)
}

/// A document of a collection; files of kinds that cannot be searched are left out.
fn source(file: &Found) -> Option<Result<Source, String>> {
    let media = Media::of_name(&file.name)?;
    let text = files::read(&file.path, DOCUMENT_MAX)
        .and_then(|bytes| String::from_utf8(bytes).map_err(|_| "it is not UTF-8".into()));
    Some(match text {
        Ok(text) => Ok(Source { document: file.name.clone(), media, text }),
        Err(why) => Err(format!("{}: {why}", file.name)),
    })
}

fn content(sources: &[Source]) -> Digest {
    let mut parts: Vec<&[u8]> = Vec::with_capacity(sources.len() * 2);
    for source in sources {
        parts.push(source.document.as_bytes());
        parts.push(source.text.as_bytes());
    }
    Digest::of_parts(&parts)
}

fn bad_folder(name: &Name, why: String, place: &bailiwick_core::Place) -> Problems {
    Problems::one(
        Diagnostic::error(codes::BAD_FOLDER, format!("`{name}`: {why}")).at(place.clone()),
    )
}
