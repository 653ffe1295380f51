//! One run under audit: its chain, its texts, the blobs that it promises, its row. Knows nothing of other runs.

use std::collections::{BTreeMap, BTreeSet};

use bailiwick_core::fact::{Entry, Fact};
use bailiwick_core::ports::BlobError;
use bailiwick_core::{Digest, RunId, artifact};
use rusqlite::Connection;

use super::{Audit, StreamHead, without_preface};
use crate::course::Course;
use crate::derived::RunRow;
use crate::entry::{INLINE_MAX, read_back};
use crate::error::ReadError;
use crate::folder::Folder;
use crate::texts::Texts;
use crate::{blob, chain};

/// Texts and blobs that a run names, as far as they are known while it is read.
#[derive(Default)]
struct Named {
    /// Small documents without text, by the append that names them first.
    without_text: BTreeMap<Digest, u64>,
    with_text: BTreeSet<Digest>,
    /// Blobs, by the append that names them first.
    blobs: BTreeMap<Digest, u64>,
}

/// One run: its chain, its texts, what it names, its row, its open questions.
pub(super) fn one_run(
    connection: &Connection,
    folder: &Folder,
    (id, run): (i64, &RunId),
    found: &mut Audit,
) -> Result<Course, ReadError> {
    let row = RunRow::find(connection, run);
    let (mut course, mut named) = (Course::default(), Named::default());
    let erased = row.as_ref().is_ok_and(|row| row.as_ref().is_some_and(|(_, row)| row.erased));
    let mut append = 0;
    let walked = chain::walk(connection, run, id, |at, facts, texts| {
        append += 1;
        let read = |digest: &Digest| match blob::fetch(connection, folder, digest) {
            Ok(bytes) => String::from_utf8(bytes)
                .map(|text| Some(text.into()))
                .map_err(|_| format!("the text of {digest} is no text")),
            Err(BlobError::Missing(_)) if erased => Ok(None),
            // Looked at again below, with all blobs that the run names.
            Err(_) => Ok(None),
        };
        let entry = match read_back(at, facts, texts, read) {
            Ok(entry) => entry,
            // The facts themselves are whole: the chain says so. What follows is looked at, too.
            Err(what) => {
                found.damage(format!("run {run}, append {append}: {what}"));
                read_back(at, facts, &Texts::None, |_| Ok::<_, String>(None))?
            }
        };
        if erased && !texts.is_none() {
            found.damage(format!("run {run}, append {append}: a text of an erased run is there"));
        }
        named.take(append, &entry);
        course.apply(&entry);
        Ok(())
    });
    let (appends, link) = walked?;
    found.heads.push(StreamHead { stream: format!("run/{run}"), appends, link });
    match row {
        Ok(Some((_, row))) if row.summary == *course.summary() && row.appends <= appends => {}
        Ok(_) => found.damage(format!(
            "run {run}: its row speaks of other facts than there are ({appends} appends)"
        )),
        Err(error) => found.damage(without_preface(&error)),
    }
    if !erased {
        named.check(connection, folder, run, found);
    }
    Ok(course)
}

impl Named {
    fn take(&mut self, append: u64, entry: &Entry) {
        for fact in &entry.facts {
            for document in fact.documents() {
                match document.text() {
                    Some(_) => {
                        self.with_text.insert(document.digest());
                    }
                    None if document.bytes() <= INLINE_MAX.0 => {
                        self.without_text.entry(document.digest()).or_insert(append);
                    }
                    None => {
                        self.blobs.entry(document.digest()).or_insert(append);
                    }
                }
            }
            for digest in blobs_of(fact) {
                self.blobs.entry(digest).or_insert(append);
            }
        }
    }

    fn check(&self, connection: &Connection, folder: &Folder, run: &RunId, found: &mut Audit) {
        for (digest, append) in &self.without_text {
            if !self.with_text.contains(digest) {
                found.damage(format!(
                    "run {run}, append {append}: the text of {digest} is gone, and nobody erased it"
                ));
            }
        }
        for (digest, append) in &self.blobs {
            let what = match blob::fetch(connection, folder, digest) {
                Ok(_) => continue,
                Err(BlobError::Missing(_)) => {
                    found.missing.insert(*digest);
                    "is missing".to_owned()
                }
                Err(BlobError::Damaged(_)) => "is damaged".to_owned(),
                Err(error) => format!("cannot be read: {error}"),
            };
            found.blob(*digest, format!("run {run}, append {append}: blob {digest} {what}"));
        }
    }
}

/// The blobs that a fact promises: files that came in or that a run is pinned to, and
/// artifacts in what came out. Components of runs that are not pinned were not kept.
fn blobs_of(fact: &Fact) -> BTreeSet<Digest> {
    let mut named = BTreeSet::new();
    match fact {
        Fact::RunStarted { imported, pin, agents, .. } => {
            named.extend(imported.iter().map(|artifact| artifact.digest));
            if let Some(pin) = pin {
                named.extend(pin.files.values());
                named.extend(agents.values().map(|agent| agent.component));
            }
        }
        Fact::RunResumed { repinned: Some(repin), .. } => {
            named.extend(repin.pin.iter().flat_map(|pin| pin.files.values()));
            named.extend(repin.agents.values().map(|agent| agent.component));
        }
        Fact::CellFinished { output, .. } | Fact::Released { output, .. } => {
            let references = artifact::references(&output.value()).unwrap_or_default();
            named.extend(references.values().map(|artifact| artifact.digest));
        }
        _ => {}
    }
    named
}
