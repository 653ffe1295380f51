//! The input of a run: read, its files brought in, checked against the pipeline's schema.

use std::path::Path;

use bailiwick_core::document::DOCUMENT_MAX_BYTES;
use bailiwick_core::ports::Blobs;
use bailiwick_core::{Artifact, Bytes, Diagnostic, Document};
use bailiwick_project::Plan;
use serde_json::{Map, Value};

use crate::codes;
use crate::files::{self, ARTIFACT_MAX, INPUT_MAX};
use crate::problems::Problems;

/// The most files that one input brings in, and their sum: a run has 4 GiB of blobs.
pub(crate) const FILES_MAX: usize = 1_000;
pub(crate) const FILES_SUM_MAX: Bytes = Bytes::mib(1024);

/// An input that was read and checked; its files are not brought in yet.
pub(crate) struct Input {
    value: Value,
    files: Vec<(String, Vec<u8>, Artifact)>,
    /// The files that it was read from, without links.
    pub(crate) read_from: Vec<String>,
}

/// Reads and checks an input. Without a file it is `{}`. Writes nothing.
pub(crate) fn read(path: Option<&Path>, plan: &Plan) -> Result<Input, Problems> {
    let fail = |code, message: String| Problems::one(Diagnostic::error(code, message));
    let (mut files, mut read_from) = (Vec::new(), Vec::new());
    let value = match path {
        None => Value::Object(Map::new()),
        Some(path) => {
            let shown = path.display();
            let bytes = files::read(path, INPUT_MAX)
                .map_err(|why| fail(codes::UNREADABLE, format!("{shown}: {why}")))?;
            let mut value: Value = serde_json::from_slice(&bytes).map_err(|error| {
                fail(codes::BAD_INPUT, format!("{shown}: no JSON document: {error}"))
            })?;
            let base = path.parent().unwrap_or(Path::new("."));
            bring(&mut value, base, &mut files)
                .map_err(|why| fail(codes::BAD_FILE, format!("{shown}: {why}")))?;
            read_from.push(files::led_to(path));
            let named = files.iter().map(|(name, ..)| files::led_to(&base.join(name)));
            read_from.extend(named);
            value
        }
    };
    let shown =
        path.map_or("no --input was given, so the input is {}".into(), |p| p.display().to_string());
    Ok(Input { read_from, ..checked(value, files, &shown, plan)? })
}

/// The input of another run with some values set, each as `path.to.member=VALUE`: JSON,
/// or a text where it is none. References that are in it were minted then; none is typed.
pub(crate) fn altered(mut value: Value, set: &[String], plan: &Plan) -> Result<Input, Problems> {
    for typed in set {
        let fail = |what: String| {
            let hint =
                "--set PATH=VALUE, for example --set brief.product=Tea or --set locales.0=de";
            let message = format!("--set {typed}: {what}");
            Problems::one(Diagnostic::error(codes::BAD_SET, message).hint(hint))
        };
        let (path, text) =
            typed.split_once('=').ok_or_else(|| fail("there is no `=`".to_owned()))?;
        let mut new = serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()));
        // What a file is needed for, a new run is for.
        bring(&mut new, Path::new("/nonexistent"), &mut Vec::new()).map_err(fail)?;
        put(&mut value, path, new).map_err(fail)?;
    }
    checked(value, Vec::new(), "the input of the fork", plan)
}

/// Puts a value at a dotted path: a member of an object, new or not, or an item of a list.
fn put(value: &mut Value, path: &str, new: Value) -> Result<(), String> {
    let mut place = value;
    for part in path.split('.') {
        place = match place {
            Value::Object(map) if !part.is_empty() => {
                map.entry(part.to_owned()).or_insert(Value::Null)
            }
            Value::Array(items) => {
                let many = items.len();
                let index = part.parse::<usize>().ok();
                index
                    .and_then(|index| items.get_mut(index))
                    .ok_or_else(|| format!("a list of {many} has no item {part:?}"))?
            }
            _ => return Err(format!("there is nothing that could have a member {part:?}")),
        };
    }
    *place = new;
    Ok(())
}

fn checked(
    value: Value,
    files: Vec<(String, Vec<u8>, Artifact)>,
    shown: &str,
    plan: &Plan,
) -> Result<Input, Problems> {
    let fail = |code, message: String| Problems::one(Diagnostic::error(code, message));
    if value.to_string().len() > DOCUMENT_MAX_BYTES {
        let most = Bytes(DOCUMENT_MAX_BYTES as u64);
        return Err(fail(
            codes::BAD_INPUT,
            format!("an input has at most {most}; bring large things in as `$file`"),
        ));
    }
    if let Some(schema) = &plan.input
        && let Err(mismatch) = schema.check(&value)
    {
        let problems = mismatch.0.into_iter().map(|what| {
            let hint = format!("`input` of {} says what the pipeline takes", plan.file);
            Diagnostic::error(codes::BAD_INPUT, format!("{shown}: {what}")).hint(hint)
        });
        return Err(Problems { diagnostics: problems.collect(), ..Problems::default() });
    }
    Ok(Input { value, files, read_from: Vec::new() })
}

impl Input {
    /// Keeps the files that came in, and gives the document.
    pub(crate) async fn import(
        self,
        blobs: &dyn Blobs,
    ) -> Result<(Document, Vec<Artifact>), Problems> {
        let mut imported = Vec::with_capacity(self.files.len());
        for (_, bytes, artifact) in self.files {
            blobs.put(bytes).await.map_err(|error| {
                Problems::one(Diagnostic::error(codes::STORAGE, error.to_string()))
            })?;
            imported.push(artifact);
        }
        Ok((Document::of(&self.value), imported))
    }
}

/// Replaces each `{"$file": "PATH"}` by the reference of that file. A reference that
/// was typed is refused: only the host mints them.
fn bring(
    value: &mut Value,
    base: &Path,
    files: &mut Vec<(String, Vec<u8>, Artifact)>,
) -> Result<(), String> {
    match value {
        Value::Object(map) if map.contains_key("$artifact") => {
            Err("`$artifact` cannot be written down; name a file as {\"$file\": \"PATH\"}".into())
        }
        Value::Object(map) => match map.get("$file") {
            Some(Value::String(path)) if map.len() == 1 => {
                let artifact = take(path, base, files)?;
                *value = artifact.to_json();
                Ok(())
            }
            Some(_) => Err("{\"$file\": \"PATH\"} has one text and nothing besides".into()),
            None => map.values_mut().try_for_each(|member| bring(member, base, files)),
        },
        Value::Array(items) => items.iter_mut().try_for_each(|item| bring(item, base, files)),
        _ => Ok(()),
    }
}

/// One file, as the artifact that it becomes; the bytes are among `files` then.
pub(crate) fn take(
    path: &str,
    base: &Path,
    files: &mut Vec<(String, Vec<u8>, Artifact)>,
) -> Result<Artifact, String> {
    if let Some((.., artifact)) = files.iter().find(|(known, ..)| known == path) {
        return Ok(artifact.clone());
    }
    let say = |why: String| format!("{path}: {why}");
    let bytes = files::read(&files::below(base, path).map_err(say)?, ARTIFACT_MAX).map_err(say)?;
    let sum: u64 = files.iter().map(|(_, bytes, _)| bytes.len() as u64).sum();
    if files.len() >= FILES_MAX || sum + bytes.len() as u64 > FILES_SUM_MAX.0 {
        return Err(format!("an input brings in at most {FILES_MAX} files with {FILES_SUM_MAX}"));
    }
    let artifact = artifact_of(path, &bytes);
    files.push((path.to_owned(), bytes, artifact.clone()));
    Ok(artifact)
}

/// The reference of a file that the operator brings in.
pub(crate) fn artifact_of(path: &str, bytes: &[u8]) -> Artifact {
    let name = path.rsplit('/').next().unwrap_or(path);
    Artifact {
        digest: bailiwick_core::Digest::of(bytes),
        media_type: files::media_type(name).into(),
        bytes: Bytes(bytes.len() as u64),
        name: Some(name.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_value_is_set_where_its_path_leads() {
        let set = |path: &str| {
            let mut value = json!({"a": {"b": [1, {"c": 2}]}});
            put(&mut value, path, json!(9)).map(|()| value)
        };
        assert_eq!(set("a.b.1.c"), Ok(json!({"a": {"b": [1, {"c": 9}]}})));
        assert_eq!(set("d"), Ok(json!({"a": {"b": [1, {"c": 2}]}, "d": 9})));
        for bad in ["", "a.b.2", "a.b.x", "a.b.0.c", "a..b", "new.member"] {
            assert!(set(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn files_come_in_and_nothing_else_does() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("x.png"), "png").unwrap();
        let mut files = Vec::new();
        let mut good = json!({"a": [{"$file": "x.png"}, {"$file": "x.png"}]});
        bring(&mut good, folder.path(), &mut files).unwrap();
        assert_eq!(good["a"][0]["media_type"], "image/png");
        assert_eq!(files.len(), 1, "named twice, brought in once");
        for bad in [
            json!({"$file": "../x.png"}),
            json!({"$file": "/etc/passwd"}),
            json!({"$file": "none"}),
            json!({"$file": 3}),
            json!({"$file": "x.png", "b": 1}),
            json!([{"$artifact": "blake3:00"}]),
        ] {
            assert!(bring(&mut bad.clone(), folder.path(), &mut files).is_err(), "{bad}");
        }
    }
}
