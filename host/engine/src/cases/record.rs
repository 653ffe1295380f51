//! `test --record`: an attempt of a real run becomes a case of its agent. Reads a data folder, writes into the agent's.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bailiwick_builder::{find_built, read_embedded};
use bailiwick_core::fact::StepBy;
use bailiwick_core::ports::Blobs;
use bailiwick_core::recorded::{AttemptEnd, RecordedAttempt, recorded_attempts};
use bailiwick_core::{CellKey, Diagnostic, Digest, Name, RunId, RunState};

use super::read::{FOLDER, INPUT};
use super::recorded::Recorded;
use crate::history::History;
use crate::problems::Problems;
use crate::{codes, inspect, labels, pinned};

/// The most attempts that are listed where it is not clear which one is meant.
const LISTED_MAX: usize = 8;

/// Which attempt becomes a case.
#[derive(Clone, Debug)]
pub struct RecordRequest {
    /// Of this run.
    pub run: RunId,
    /// Of this step, where the agent does several.
    pub step: Option<Name>,
    /// At this cell, where the step has several.
    pub cell: Option<CellKey>,
}

/// Makes a case of the last attempt of one cell, and returns the name of the case. It is
/// run again on what it was told then, by `test` as by `replay`.
///
/// # Errors
/// [`Problems`] where the run has no such attempt, or several cells, or the case is there.
pub async fn record(
    history: Arc<History>,
    agent: &Path,
    request: &RecordRequest,
) -> Result<String, Problems> {
    let fail = |what: String| Problems::one(Diagnostic::error(codes::NOT_RECORDED, what));
    let built = find_built(agent)
        .map_err(|error| Problems::one(Diagnostic::error(codes::NOT_BUILT, error.to_string())))?;
    let own = inspect::inspect(&built)?.embedded.map_err(fail)?.profile.name;
    let known = history.record(&request.run).await?;
    let mut fitting = Vec::new();
    for attempt in chosen(&known.state, recorded_attempts(&known.entries).into_values(), request) {
        let bytes = history.get(attempt.component).await;
        let said = bytes.ok().and_then(|bytes| read_embedded(&bytes).ok());
        if said.is_some_and(|said| said.profile.name == own) {
            fitting.push(attempt);
        }
    }
    let attempt = match fitting.as_slice() {
        [] => {
            let what = format!("{} has no attempt of {own} that ended by itself", request.run);
            return Err(fail(what));
        }
        [one] => one,
        several => {
            let listed: Vec<String> = several
                .iter()
                .take(LISTED_MAX)
                .map(|one| format!("--step {} --cell {}", one.id.cell.step, one.id.cell.key))
                .collect();
            let what = format!("{} has {} attempts of {own}", request.run, several.len());
            let hint = format!("name one: {}", listed.join(", "));
            let diagnostic = Diagnostic::error(codes::NOT_RECORDED, what).hint(hint);
            return Err(Problems::one(diagnostic));
        }
    };
    let blobs: &dyn Blobs = history.as_ref();
    let whole = Recorded::of((&request.run, &attempt.id), &known.entries, blobs).await;
    let (mut recorded, bytes) = whole.map_err(fail)?;
    let pin = known.state.pin.as_ref().ok_or_else(|| fail("the run kept no project".into()))?;
    recorded.embedders = pinned::open_as_pinned(&known.state, pin, blobs).await?.embedders();
    let shape: Vec<_> = known.state.steps.iter().map(|step| step.shape.clone()).collect();
    let lowered = known.state.labels.as_ref().map(|labels| labels::lowered(&shape, labels));
    recorded.lowered = lowered.unwrap_or_default();
    let step = known.state.step(&attempt.id.cell.step);
    recorded.judges = step.is_some_and(|step| step.shape.judges.is_some());
    let name = name_of(&request.run, &attempt.id.cell.step, &attempt.id.cell.key);
    let folder = agent.join(FOLDER).join(&name);
    let input = recorded.texts.get(&attempt.input.digest()).cloned().unwrap_or_default();
    write(&folder, &input, |folder| recorded.write(folder, &bytes)).map_err(|error| {
        let what = format!("{}: {error}", folder.display());
        Problems::one(Diagnostic::error(codes::NOT_RECORDED, what))
    })?;
    Ok(name)
}

/// The last attempts of cells that agents of steps did, with an end of their own.
fn chosen(
    state: &RunState,
    attempts: impl Iterator<Item = RecordedAttempt>,
    request: &RecordRequest,
) -> Vec<RecordedAttempt> {
    let mut chosen: Vec<RecordedAttempt> = Vec::new();
    let of_agent = |attempt: &RecordedAttempt| {
        let by = state.step(&attempt.id.cell.step).map(|step| &step.shape.by);
        attempt.agent.is_none() && matches!(by, Some(StepBy::Agent(_)))
    };
    let ended = |attempt: &RecordedAttempt| match &attempt.end {
        Some(AttemptEnd::Finished(_)) => true,
        Some(AttemptEnd::Failed(failure)) => failure.kind.is_of_guest(),
        None => false,
    };
    // They come in the order of their ids: the last of a cell is its last.
    for attempt in attempts.filter(of_agent).filter(ended) {
        let id = &attempt.id;
        let meant = request.step.as_ref().is_none_or(|step| id.cell.step == *step)
            && request.cell.as_ref().is_none_or(|key| id.cell.key == *key);
        if meant {
            chosen.retain(|earlier| earlier.id.cell != id.cell);
            chosen.push(attempt);
        }
    }
    chosen
}

/// Whole or not at all, and never over a case that is there.
fn write(
    folder: &Path,
    input: &str,
    rest: impl FnOnce(&Path) -> std::io::Result<()>,
) -> std::io::Result<()> {
    if folder.exists() {
        return Err(std::io::Error::other("there is such a case already; remove it first"));
    }
    // Hidden: what a crash leaves there is no case.
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    let partial: PathBuf = folder.with_file_name(format!(".{name}"));
    let _ = fs::remove_dir_all(&partial);
    fs::create_dir_all(&partial)?;
    let written = fs::write(partial.join(INPUT), format!("{input}\n"))
        .and_then(|()| rest(&partial))
        .and_then(|()| fs::rename(&partial, folder));
    if written.is_err() {
        // What is left is no case.
        let _ = fs::remove_dir_all(&partial);
    }
    written
}

/// `run-1_draft_locale_de`: what file systems and shells take as it is, and of no two cells
/// the same.
fn name_of(run: &RunId, step: &Name, key: &CellKey) -> String {
    /// Of the readable part: with what follows it, any file system takes it.
    const READABLE_MAX: usize = 100;
    /// Hexadecimal digits that tell cells apart whose letters were replaced: a run has
    /// thousands of cells, not millions.
    const TELLING: usize = 8;
    let place = match key.to_string() {
        single if single == "-" => format!("{run}_{step}"),
        key => format!("{run}_{step}_{key}"),
    };
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_".contains(letter);
    // What parts a cell's values is replaced in each name, and tells nothing.
    let is_known = |letter: char| plain(letter) || "=,".contains(letter);
    let readable = place.chars().take(READABLE_MAX);
    let readable = readable.map(|letter| if plain(letter) { letter } else { '_' }).collect();
    if place.chars().all(is_known) && place.len() <= READABLE_MAX {
        return readable;
    }
    let digest = Digest::of(place.as_bytes()).hex();
    format!("{readable}_{}", digest.chars().take(TELLING).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(value: &str) -> String {
        let key = CellKey::of([(&Name::new("who").unwrap(), value)]);
        name_of(&RunId::new("r1").unwrap(), &Name::new("greet").unwrap(), &key)
    }

    #[test]
    fn cells_that_are_written_alike_have_names_of_their_own() {
        assert_eq!(named("ada"), "r1_greet_who_ada");
        // A key has `%20` for a blank, and `%` is replaced.
        assert!(named("a b").starts_with("r1_greet_who_a_20b_"), "{}", named("a b"));
        assert_ne!(named("a b"), named("a_20b"));
        assert_ne!(named("Zoë"), named("Zoé"));
        let long = |end: &str| named(&format!("{}{end}", "x".repeat(120)));
        assert_ne!(long("1"), long("2"));
        assert!(long("1").len() <= 110);
    }

    #[test]
    fn what_a_crash_left_is_no_case() {
        let agent = tempfile::tempdir().unwrap();
        let folder = agent.path().join(FOLDER).join("r1_greet");
        let dies = |partial: &Path| {
            assert!(partial.join(INPUT).is_file());
            assert_eq!(super::super::cases(agent.path()).unwrap(), []);
            Ok(())
        };
        write(&folder, "1", dies).unwrap();
        let cases = super::super::cases(agent.path()).unwrap();
        assert_eq!(cases.iter().map(|case| case.name.as_str()).collect::<Vec<_>>(), ["r1_greet"]);
    }
}
