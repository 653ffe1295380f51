//! `manifest.json`: where every delivered file comes from. Knows no page.

use std::collections::BTreeMap;

use bailiwick_core::text::clip;
use bailiwick_core::{Artifact, CellKey, Cost, Digest, Name};
use serde::Serialize;
use serde_json::{Value, json};

use super::asset::{Asset, Earlier, Element, Part};
use super::file_name::FilePath;
use super::lineage::{delivered, of_asset};
use super::story::{DecisionOf, Story, VerdictOf, Work, work};
use super::texts::{as_map, texts};
use super::totals::{lost, totals};
use super::trace::Trace;

/// The first member of every manifest: by it a folder is known as one that was delivered.
pub(super) const FORMAT: &str = "bailiwick delivery 1";

/// The longest name of an artifact that is repeated, in bytes.
const NAME_MAX_BYTES: usize = 255;

#[derive(Serialize)]
struct AssetEntry<'a> {
    file: &'a str,
    key: &'a Name,
    digest: Digest,
    media_type: &'a str,
    bytes: u64,
    name: Option<&'a str>,
    width: Option<u64>,
    height: Option<u64>,
    run: &'a str,
    /// The step and cell that made it; of an imported file, the one that delivers it.
    step: Option<Name>,
    cell: Option<CellKey>,
    round: Option<u32>,
    made_by: Option<Work>,
    /// Whether it came in with the run's input or its asset folders.
    imported: bool,
    /// The cell whose output holds it.
    delivered_by: Option<Value>,
    parents: Vec<Value>,
    /// The routes of its attempt and of those above it.
    routes: Vec<&'a str>,
    /// The inputs of its attempt and of those above it, in file and axis order.
    inputs: Vec<Digest>,
    copy: Value,
    verdicts: Vec<&'a VerdictOf>,
    decisions: Vec<&'a DecisionOf>,
    cost: Value,
    above: Vec<&'a Story>,
    above_is_complete: bool,
}

/// The manifest, without the list of its files: those are known when everything is composed.
pub(super) fn manifest(trace: &Trace<'_>, parts: &[Part], earlier: &[Earlier]) -> Value {
    let state = trace.state;
    let files = delivered(parts.iter().flat_map(|part| &part.elements));
    let mut assets = Vec::new();
    for part in parts {
        for element in &part.elements {
            for asset in &element.assets {
                assets.push(entry(trace, part, element, asset, &files));
            }
        }
    }
    let earlier = earlier.iter().map(|earlier| {
        json!({
            "file": earlier.file.as_str(), "step": earlier.cell.step, "cell": earlier.cell.key,
            "round": earlier.round, "digest": earlier.artifact.digest, "released": false,
        })
    });
    json!({
        "format": FORMAT,
        "run": state.run,
        "pipeline": state.pipeline,
        "state": state.status().as_str(),
        "reason": state.reason,
        "input": state.input.digest(),
        "started_by": state.by,
        "agents": state.agents,
        "currency": state.currency(),
        "output": parts.iter().map(|part| json!({ "key": part.key, "file": part.file.as_str() })).collect::<Vec<_>>(),
        "totals": totals(trace, parts),
        "assets": assets,
        "earlier_rounds": earlier.collect::<Vec<_>>(),
        "dropped": lost(state),
    })
}

/// The files of a delivery, as the manifest lists them.
pub(super) fn with_files<'a>(
    mut manifest: Value,
    files: impl Iterator<Item = (&'a FilePath, Digest, u64)>,
) -> Value {
    let files = files.map(
        |(path, digest, bytes)| json!({ "file": path.as_str(), "digest": digest, "bytes": bytes }),
    );
    if let Some(members) = manifest.as_object_mut() {
        members.insert("files".into(), files.collect());
    }
    manifest
}

fn entry(
    trace: &Trace<'_>,
    part: &Part,
    element: &Element,
    asset: &Asset,
    files: &BTreeMap<&Artifact, &str>,
) -> Value {
    let lineage = of_asset(trace, element, asset);
    let (artifact, maker) = (&asset.artifact, asset.maker.as_ref());
    let made_by = work(trace, maker.map(|maker| &maker.attempt));
    let mut routes: Vec<&str> = Vec::new();
    let works = || {
        made_by
            .as_ref()
            .into_iter()
            .chain(lineage.stories.iter().filter_map(|story| story.made_by.as_ref()))
    };
    works().for_each(|work| routes.extend(work.routes.iter().map(String::as_str)));
    routes.sort_unstable();
    routes.dedup();
    let mut inputs: Vec<Digest> = Vec::new();
    for input in works().map(|work| work.input) {
        if !inputs.contains(&input) {
            inputs.push(input);
        }
    }
    let own = maker
        .and_then(|maker| trace.state.cell(&maker.attempt.cell))
        .map_or(Cost::ZERO, |cell| cell.cost);
    let is_above = |story: &&Story| maker.is_none_or(|maker| story.id() != maker.attempt.cell);
    let above =
        lineage.stories.iter().filter(is_above).fold(Cost::ZERO, |sum, story| sum.plus(story.cost));
    let known: Vec<&str> = element.point.0.iter().map(|(_, id)| id.as_str()).collect();
    let pixels = trace.pictures.pixels(artifact);
    let parents = maker.map(|maker| trace.record.parents(maker)).unwrap_or_default();
    let entry = AssetEntry {
        file: asset.file.as_str(),
        key: &part.key,
        digest: artifact.digest,
        media_type: &artifact.media_type,
        bytes: artifact.bytes.0,
        name: artifact.name.as_deref().map(|name| clip(name, NAME_MAX_BYTES)),
        width: pixels.map(|pixels| pixels.width),
        height: pixels.map(|pixels| pixels.height),
        run: trace.state.run.as_str(),
        step: maker.map(|maker| maker.attempt.cell.step.clone()),
        cell: maker.map(|maker| maker.attempt.cell.key.clone()),
        round: maker.map(|maker| maker.attempt.round),
        made_by: made_by.clone(),
        imported: maker.is_none() && trace.state.imported.contains(artifact),
        delivered_by: element
            .cell
            .as_ref()
            .map(|cell| json!({ "step": cell.step, "cell": cell.key })),
        parents: parents.into_iter().map(|parent| with_file(parent, files)).collect(),
        routes: routes.clone(),
        inputs,
        copy: json!(as_map(&texts(&element.value, &known))),
        verdicts: lineage.stories.iter().flat_map(Story::verdicts).collect(),
        decisions: lineage.stories.iter().flat_map(Story::decisions).collect(),
        cost: json!({ "cell": own, "above": above }),
        above: lineage.stories.iter().filter(is_above).collect(),
        above_is_complete: lineage.complete,
    };
    // Plain records of strings and finite numbers: this cannot fail.
    serde_json::to_value(entry).unwrap_or_default()
}

/// A parent with the file that it was delivered as, where it was.
fn with_file(mut parent: Value, files: &BTreeMap<&Artifact, &str>) -> Value {
    let artifact = serde_json::from_value::<Artifact>(parent.clone()).ok();
    if let (Some(file), Some(members)) =
        (artifact.and_then(|a| files.get(&a).copied()), parent.as_object_mut())
    {
        members.insert("file".into(), file.into());
    }
    parent
}
