//! What is delivered: the elements of the run's output, the artifacts in them, their names. Knows no page and no manifest.

use std::collections::BTreeMap;

use bailiwick_core::artifact::references;
use bailiwick_core::run::Candidate;
use bailiwick_core::{Artifact, CellId, CellKey, Document, Name};
use serde_json::Value;

use super::file_name::{FileNames, FilePath, below, extension};
use super::point::Point;
use super::record::Maker;
use super::trace::Trace;

/// The folder of pictures that were not released. No key of `[output]` can be called so.
const EARLIER: &str = "earlier-rounds";

/// One key of the output.
pub(super) struct Part {
    pub(super) key: Name,
    pub(super) file: FilePath,
    pub(super) value: Value,
    pub(super) elements: Vec<Element>,
}

/// One element of a list of cells, or a whole value that is no such list.
pub(super) struct Element {
    pub(super) point: Point,
    pub(super) value: Value,
    /// The cell whose output it is; nothing where an expression made it.
    pub(super) cell: Option<CellId>,
    pub(super) assets: Vec<Asset>,
}

/// One artifact of an element.
pub(super) struct Asset {
    pub(super) file: FilePath,
    pub(super) artifact: Artifact,
    /// The call that made it; nothing for a file that came in with the run.
    pub(super) maker: Option<Maker>,
}

/// A picture of a candidate that was not released.
pub(super) struct Earlier {
    pub(super) cell: CellId,
    pub(super) round: u32,
    pub(super) file: FilePath,
    pub(super) artifact: Artifact,
}

/// The parts of the output, in file order.
pub(super) fn parts(trace: &Trace<'_>, names: &mut FileNames) -> Vec<Part> {
    let output = trace.state.output.as_ref().map(Document::value).unwrap_or_default();
    let keys = trace
        .outline
        .keys
        .iter()
        .filter_map(|key| Some((key.clone(), output.get(key.as_str())?.clone())));
    let keys: Vec<_> =
        keys.map(|(key, value)| (names.top(key.as_str(), "json"), key, value)).collect();
    keys.into_iter()
        .map(|(file, key, value)| {
            let elements = elements(trace, &value).into_iter().map(|(point, value)| {
                let cell = trace.carrier(Document::of(&value).digest(), &point);
                let assets = assets(trace, names, &key, &point, cell.as_ref(), &value);
                Element { point, value, cell, assets }
            });
            let elements = elements.collect();
            Part { key, file, value, elements }
        })
        .collect()
}

/// `[{ axis, value }]` as its elements; anything else as one.
fn elements(trace: &Trace<'_>, value: &Value) -> Vec<(Point, Value)> {
    let element = |item: &Value| {
        let members = item.as_object().filter(|members| members.len() == 2)?;
        let point = Point::read(members.get("axis")?, trace.outline, trace.state)?;
        Some((point, members.get("value")?.clone()))
    };
    let list = value.as_array().filter(|items| !items.is_empty());
    list.and_then(|items| items.iter().map(element).collect())
        .unwrap_or_else(|| vec![(Point::default(), value.clone())])
}

fn assets(
    trace: &Trace<'_>,
    names: &mut FileNames,
    key: &Name,
    point: &Point,
    cell: Option<&CellId>,
    value: &Value,
) -> Vec<Asset> {
    let mut seen = BTreeMap::new();
    let mut assets = Vec::new();
    for artifact in references(value).unwrap_or_default().into_values() {
        if seen.insert(artifact.clone(), ()).is_some() {
            continue;
        }
        let maker = trace.maker(&artifact, cell, point).cloned();
        let folder = match &maker {
            // A value that an expression put together is told apart by who made it.
            Some(maker) if point.0.is_empty() => maker.attempt.cell.key.clone(),
            _ => point.key(),
        };
        let file = file_of(trace, names, key.as_str(), &folder, &artifact);
        assets.push(Asset { file, artifact, maker });
    }
    assets
}

/// The pictures of candidates that others took the place of, in file, axis and round order.
pub(super) fn earlier(trace: &Trace<'_>, names: &mut FileNames) -> Vec<Earlier> {
    let mut earlier = Vec::new();
    for step in &trace.state.steps {
        for key in &step.order {
            let cell = CellId { step: step.shape.name.clone(), key: key.clone() };
            let Some((released, output)) = trace.released(&cell) else { continue };
            let Some(state) = trace.state.cell(&cell) else { continue };
            for Candidate { round, output: other, .. } in &state.candidates {
                if *round == released || other.digest() == output {
                    continue;
                }
                for artifact in references(&other.value()).unwrap_or_default().into_values() {
                    if trace.pictures.pixels(&artifact).is_none() {
                        continue;
                    }
                    let file = file_of(trace, names, &below(EARLIER, &cell.step), key, &artifact);
                    earlier.push(Earlier { cell: cell.clone(), round: *round, file, artifact });
                }
            }
        }
    }
    earlier
}

fn file_of(
    trace: &Trace<'_>,
    names: &mut FileNames,
    folder: &str,
    cell: &CellKey,
    artifact: &Artifact,
) -> FilePath {
    let extension =
        if trace.pictures.belies(artifact) { "bin" } else { extension(&artifact.media_type) };
    names.artifact(folder, cell, artifact.name.as_deref(), extension)
}
