//! An agent's cases as folders of files: an input, what is expected, and the answers on the way. Reads, and runs nothing.

use std::fs;
use std::path::{Path, PathBuf};

use bailiwick_core::document::DOCUMENT_MAX_BYTES;
use bailiwick_core::fact::FailureKind;
use bailiwick_core::schema::Schema;
use bailiwick_core::{Artifact, Bytes, Diagnostic};
use serde::Deserialize;
use serde_json::Value;

use super::recorded::RECORDED;
use super::script::Script;
use crate::codes;
use crate::files;
use crate::input::take;
use crate::problems::Problems;

/// The folder of cases in an agent's folder.
pub(crate) const FOLDER: &str = "cases";
/// What the agent is given.
pub(crate) const INPUT: &str = "input.json";
/// What it has to answer, as it is.
pub(crate) const EXPECTED: &str = "expected.json";
/// What its answer has to be like, as a JSON Schema.
pub(crate) const SCHEMA: &str = "expected.schema.json";
/// How it has to fail.
pub(crate) const FAILURE: &str = "failure.json";
/// What it is told on the way.
pub(crate) const ANSWERS: &str = "answers.json";
/// The most cases of one agent: each is an attempt, or several.
const CASES_MAX: usize = 256;

/// One case.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Case {
    /// The name of its folder.
    pub(crate) name: String,
    /// Its folder.
    pub(crate) folder: PathBuf,
    /// What the agent is given; each `{"$file": "PATH"}` is an artifact by now.
    pub(crate) input: Value,
    /// The files that it brings in.
    pub(crate) files: Vec<(String, Vec<u8>, Artifact)>,
}

/// What is expected of a case. Where several are there, all of them.
#[derive(Clone, Debug)]
pub(crate) struct Expected {
    /// The output.
    pub(crate) output: Option<Value>,
    /// What the output is like.
    pub(crate) like: Option<Schema>,
    /// A failure: its kind, and words that its message has.
    pub(crate) failure: Option<ExpectedFailure>,
}

/// `failure.json`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExpectedFailure {
    /// `invalid-input`, `refused`, `retryable`, `fatal`, …
    pub(crate) kind: FailureKind,
    /// Words that its message has.
    #[serde(default)]
    pub(crate) contains: String,
}

impl Case {
    /// Whether it is an attempt of a run, on what that was told.
    pub(crate) fn is_recorded(&self) -> bool {
        self.folder.join(RECORDED).exists()
    }

    /// What is expected of it.
    ///
    /// # Errors
    /// [`Problems`] where a file is wrong, or none expects anything.
    pub(crate) fn expected(&self) -> Result<Expected, Problems> {
        let one = |diagnostic| Problems::one(diagnostic);
        let at = |name: &str| self.folder.join(name);
        let optional = |name: &str| {
            let path = at(name);
            if path.exists() { document(&path).map(Some) } else { Ok(None) }
        };
        let wrong = |name: &str, why: String| {
            let what = format!("{}: {why}", at(name).display());
            Problems::one(Diagnostic::error(codes::BAD_CASE, what))
        };
        let output = optional(EXPECTED).map_err(one)?;
        let like = optional(SCHEMA).map_err(one)?.map(Schema::admit).transpose();
        let like = like.map_err(|refused| wrong(SCHEMA, refused.to_string()))?;
        let failure = optional(FAILURE).map_err(one)?.map(serde_json::from_value).transpose();
        let failure: Option<ExpectedFailure> =
            failure.map_err(|error| wrong(FAILURE, error.to_string()))?;
        match (output.is_some() || like.is_some(), failure.is_some()) {
            (false, false) => {
                let why =
                    format!("it expects nothing: put {EXPECTED}, {SCHEMA} or {FAILURE} beside");
                return Err(wrong(INPUT, why));
            }
            (true, true) => {
                return Err(wrong(FAILURE, "an output is expected as well".to_owned()));
            }
            _ => {}
        }
        Ok(Expected { output, like, failure })
    }

    /// What it is told on the way: nothing in particular, where nobody wrote it down.
    ///
    /// # Errors
    /// [`Problems`] where the file is wrong.
    pub(crate) fn script(&self) -> Result<Script, Problems> {
        let path = self.folder.join(ANSWERS);
        if !path.exists() {
            return Ok(Script::default());
        }
        let document = document(&path).map_err(Problems::one)?;
        serde_json::from_value(document).map_err(|error| {
            let what = format!("{}: {error}", path.display());
            Problems::one(Diagnostic::error(codes::BAD_CASE, what))
        })
    }
}

/// The cases of an agent, by name; none where there is no such folder. A hidden folder is
/// none: what other programs keep there, or a record that was cut off.
///
/// # Errors
/// [`Problems`] with each file that cannot be read or is no JSON.
pub(crate) fn cases(agent: &Path) -> Result<Vec<Case>, Problems> {
    let place = agent.join(FOLDER);
    let Ok(entries) = fs::read_dir(&place) else { return Ok(Vec::new()) };
    let shown = |entry: &fs::DirEntry| !entry.file_name().to_string_lossy().starts_with('.');
    let entries = entries.filter_map(Result::ok).filter(shown).map(|entry| entry.path());
    let mut folders: Vec<PathBuf> = entries.filter(|path| path.is_dir()).collect();
    folders.sort();
    if folders.len() > CASES_MAX {
        let what = format!("{}: an agent has at most {CASES_MAX} cases", place.display());
        return Err(Problems::one(Diagnostic::error(codes::BAD_CASE, what)));
    }
    let (mut cases, mut problems) = (Vec::new(), Problems::default());
    for folder in folders {
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut files = Vec::new();
        let input = document(&folder.join(INPUT)).and_then(|mut input| {
            bring(&mut input, &folder, &mut files).map(|()| input).map_err(|why| {
                let what = format!("{}: {why}", folder.join(INPUT).display());
                Diagnostic::error(codes::BAD_CASE, what)
            })
        });
        match input {
            Ok(input) => cases.push(Case { name, folder, input, files }),
            Err(diagnostic) => problems.extend([diagnostic]),
        }
    }
    problems.or(cases)
}

/// Puts an artifact wherever a file of the case's folder is named, as for the input of a
/// run. An artifact that is written down stays: nobody has its bytes, which is a case, too.
fn bring(
    value: &mut Value,
    folder: &Path,
    files: &mut Vec<(String, Vec<u8>, Artifact)>,
) -> Result<(), String> {
    match value {
        Value::Object(map) => match map.get("$file") {
            Some(Value::String(path)) if map.len() == 1 => {
                *value = take(path, folder, files)?.to_json();
                Ok(())
            }
            _ => map.values_mut().try_for_each(|member| bring(member, folder, files)),
        },
        Value::Array(items) => items.iter_mut().try_for_each(|item| bring(item, folder, files)),
        _ => Ok(()),
    }
}

/// A file of a case.
pub(crate) fn document(path: &Path) -> Result<Value, Diagnostic> {
    let shown = path.display();
    let wrong = |why: String| Diagnostic::error(codes::BAD_CASE, format!("{shown}: {why}"));
    let bytes = files::read(path, Bytes(DOCUMENT_MAX_BYTES as u64)).map_err(wrong)?;
    serde_json::from_slice(&bytes).map_err(|error| wrong(error.to_string()))
}
