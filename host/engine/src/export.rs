//! `export` and `import`: one run as one file that proves itself. The file is a tar archive whose every byte follows from the run. Judges nothing that happened in it.

mod member;

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Read};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use bailiwick_core::ports::JournalError;
use bailiwick_core::{Diagnostic, Digest, RunId, RunState};
use bailiwick_policy::Right;
use bailiwick_store::{ImportError, Importer, ReadError, WrittenEntry};
use serde::{Deserialize, Serialize};

use self::member::{Member, Members, write_end, write_member};
use crate::codes;
use crate::history::History;
use crate::pinned::storage;
use crate::problems::Problems;

/// The word for this form of the file.
const FORMAT: &str = "bailiwick export 1";

/// The first member.
const HEAD: &str = "export.json";
/// The second: one entry a line.
const ENTRIES: &str = "entries.jsonl";
/// What comes before the name of each blob.
const BLOBS: &str = "blobs/";

/// The largest first member: five short values.
const HEAD_MAX_BYTES: u64 = 4 * 1024;

/// The longest entry: one append has at most 256 facts, and the longest fact lists the
/// 10 000 cells of a step.
const LINE_MAX_BYTES: u64 = 64 * 1024 * 1024;

/// The largest blob: a component or an artifact.
const BLOB_MAX_BYTES: u64 = 64 * 1024 * 1024;

/// The most entries: a run has at most 10 000 cells, and each call of each attempt is a few.
const ENTRIES_MAX: u64 = 16 * 1024 * 1024;

/// The most blobs of one run: it has 4 GiB of them, and small ones are kept inline.
const BLOBS_MAX: u64 = 1024 * 1024;

/// What a file says of itself first.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    format: String,
    run: RunId,
    /// How many entries there are, and the link after the last.
    appends: u64,
    link: Digest,
    blobs: u64,
}

/// One entry as a line.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    append: u64,
    at: bailiwick_core::Timestamp,
    facts: String,
    link: Digest,
    texts: std::collections::BTreeMap<Digest, std::sync::Arc<str>>,
}

/// What was written or read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchanged {
    /// The run.
    pub run: RunId,
    /// The number of its entries.
    pub appends: u64,
    /// The link after the last: who was told it elsewhere knows that nothing is missing.
    pub link: Digest,
    /// The number of its blobs.
    pub blobs: u64,
}

/// Writes a run into a new file.
///
/// # Errors
/// [`Problems`] where the caller may not, there is no such run, it is damaged, or the
/// file exists or cannot be written.
pub async fn export(history: &History, run: &RunId, target: &Path) -> Result<Exchanged, Problems> {
    history.viewer().may(Right::Export).map_err(|refused| {
        let diagnostic = Diagnostic::error(codes::NOT_EXPORTED, refused.to_string());
        Problems::one(diagnostic.hint(refused.hint()))
    })?;
    if history.archive().run(run.clone()).await.is_ok() {
        history.viewer().may_see(&history.state(run).await?)?;
    }
    if target.symlink_metadata().is_ok() {
        let message = format!("{} exists already", target.display());
        let hint = "name a file that does not exist yet";
        return Err(Problems::one(Diagnostic::error(codes::OUT, message).hint(hint)));
    }
    let archive = history.archive();
    let exported = archive.exported(run.clone()).await.map_err(|error| match error {
        ReadError::NoSuchRun(_) => {
            let hint = "`bailiwick runs` lists the runs of this data folder";
            let error = JournalError::NoSuchRun(run.clone()).to_string();
            Problems::one(Diagnostic::error(codes::NO_RUN, error).hint(hint))
        }
        error => storage(error),
    })?;
    let Some(last) = exported.entries.last() else {
        return Err(storage(format!("{run} has no facts")));
    };
    let head = Head {
        format: FORMAT.to_owned(),
        run: run.clone(),
        appends: last.append,
        link: last.link,
        blobs: exported.blobs.len() as u64,
    };
    let unwritten = |error: io::Error| {
        let message = format!("{}: {error}", target.display());
        Problems::one(Diagnostic::error(codes::OUT, message))
    };
    let mut part = target.as_os_str().to_owned();
    part.push(".part");
    let part = PathBuf::from(part);
    let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&part);
    let mut out = BufWriter::new(file.map_err(unwritten)?);
    write_member(&mut out, HEAD, &json(&head)?).map_err(unwritten)?;
    let mut lines = Vec::new();
    for entry in &exported.entries {
        lines.extend(json(&line(entry))?);
        lines.push(b'\n');
    }
    write_member(&mut out, ENTRIES, &lines).map_err(unwritten)?;
    drop(lines);
    for digest in &exported.blobs {
        let bytes = archive.get(*digest).await.map_err(storage)?;
        write_member(&mut out, &format!("{BLOBS}{}", digest.hex()), &bytes).map_err(unwritten)?;
    }
    write_end(&mut out).map_err(unwritten)?;
    let file = out.into_inner().map_err(|error| unwritten(error.into_error()))?;
    file.sync_all().and_then(|()| fs::rename(&part, target)).map_err(unwritten)?;
    Ok(Exchanged { run: head.run, appends: head.appends, link: head.link, blobs: head.blobs })
}

fn line(entry: &WrittenEntry) -> Line {
    let WrittenEntry { append, at, facts, link, texts } = entry.clone();
    Line { append, at, facts, link, texts }
}

fn json(value: &impl Serialize) -> Result<Vec<u8>, Problems> {
    serde_json::to_vec(value).map_err(storage)
}

/// Takes a file into a new data folder, which is then only read: `show`, `replay`,
/// `audit`. Everything in the file is checked before the folder is there.
///
/// # Errors
/// [`Problems`] with what differs from what was exported, or why the folder cannot be
/// made; then there is none.
pub fn import(file: &Path, target: &Path) -> Result<Exchanged, Problems> {
    let opened = File::open(file).map_err(|error| {
        let message = format!("{}: {error}", file.display());
        Problems::one(Diagnostic::error(codes::UNREADABLE, message))
    })?;
    let mut members = Members::of(BufReader::new(opened));
    take(&mut members, target).map_err(|why| why.told(file))
}

/// Why a file is not taken.
enum Refused {
    /// It is not what was exported: which part, and how.
    Altered(String),
    Import(ImportError),
}

impl From<ImportError> for Refused {
    fn from(error: ImportError) -> Self {
        match error {
            ImportError::Altered(what) => Self::Altered(what),
            error => Self::Import(error),
        }
    }
}

impl From<String> for Refused {
    fn from(what: String) -> Self {
        Self::Altered(what)
    }
}

impl Refused {
    fn told(self, file: &Path) -> Problems {
        let diagnostic = match self {
            Self::Altered(what) => {
                let hint =
                    "the file was changed or cut off since it was exported; nothing was imported";
                let message = format!("{}: {what}", file.display());
                Diagnostic::error(codes::NOT_IMPORTED, message).hint(hint)
            }
            Self::Import(error @ ImportError::Exists(_)) => {
                let hint = "name another one with --data DIR";
                Diagnostic::error(codes::OUT, error.to_string()).hint(hint)
            }
            Self::Import(error) => Diagnostic::error(codes::STORAGE, error.to_string()),
        };
        Problems::one(diagnostic)
    }
}

fn take(members: &mut Members<impl Read>, target: &Path) -> Result<Exchanged, Refused> {
    let head = head(members)?;
    let mut importer = Importer::begin(target, &head.run)?;
    match fill(&mut importer, members, &head) {
        Ok(()) => importer.finish()?,
        Err(refused) => {
            importer.abandon();
            return Err(refused);
        }
    }
    let Head { run, appends, link, blobs, .. } = head;
    Ok(Exchanged { run, appends, link, blobs })
}

fn head(members: &mut Members<impl Read>) -> Result<Head, Refused> {
    let mut member = members.next()?.ok_or_else(|| "it is empty".to_owned())?;
    if member.name() != HEAD {
        return Err(format!("it begins with {:?} and not with {HEAD}", member.name()).into());
    }
    let text = member.all(HEAD_MAX_BYTES)?;
    let wrong = |what: String| format!("{HEAD}: {what}");
    let head: Head = serde_json::from_slice(&text).map_err(|error| wrong(error.to_string()))?;
    if head.format != FORMAT {
        return Err(wrong(format!(
            "its format is {:?}; this version knows {FORMAT:?}",
            head.format
        ))
        .into());
    }
    if serde_json::to_vec(&head).ok().as_ref() != Some(&text) {
        return Err(wrong("it is not written as an export writes it".to_owned()).into());
    }
    if head.appends > ENTRIES_MAX || head.blobs > BLOBS_MAX {
        return Err(wrong(format!(
            "at most {ENTRIES_MAX} entries and {BLOBS_MAX} blobs are taken"
        ))
        .into());
    }
    Ok(head)
}

fn fill(
    importer: &mut Importer,
    members: &mut Members<impl Read>,
    head: &Head,
) -> Result<(), Refused> {
    let mut entries = members.next()?.ok_or_else(|| format!("{ENTRIES} is missing"))?;
    if entries.name() != ENTRIES {
        return Err(format!("{:?} stands where {ENTRIES} should", entries.name()).into());
    }
    take_entries(importer, &mut entries, head)?;
    let (mut blobs, mut last) = (0, String::new());
    while let Some(mut member) = members.next()? {
        let name = member.name().to_owned();
        let digest = name.strip_prefix(BLOBS).and_then(|hex| format!("blake3:{hex}").parse().ok());
        let digest: Digest = digest.ok_or_else(|| format!("{name:?} is no member of an export"))?;
        if name <= last || blobs == head.blobs {
            return Err(format!(
                "{name}: there are more blobs, or in another order, than {HEAD} says"
            )
            .into());
        }
        importer.blob(digest, &member.all(BLOB_MAX_BYTES)?)?;
        (blobs, last) = (blobs + 1, name);
    }
    if blobs != head.blobs {
        return Err(format!("{blobs} blobs are there, and {HEAD} says {}", head.blobs).into());
    }
    Ok(())
}

fn take_entries(
    importer: &mut Importer,
    member: &mut Member<'_, impl Read>,
    head: &Head,
) -> Result<(), Refused> {
    let (mut number, mut state) = (0, None::<RunState>);
    while let Some(text) = member.line(LINE_MAX_BYTES)? {
        number += 1;
        let wrong = |what: String| format!("entry {number}: {what}");
        if number > head.appends {
            return Err(wrong(format!("{HEAD} says that there are {}", head.appends)).into());
        }
        let line: Line = serde_json::from_slice(&text).map_err(|error| wrong(error.to_string()))?;
        if serde_json::to_vec(&line).ok().as_ref() != Some(&text) {
            return Err(wrong("it is not written as an export writes it".to_owned()).into());
        }
        let Line { append, at, facts, link, texts } = line;
        let entry = importer.entry(&WrittenEntry { append, at, facts, link, texts })?;
        for fact in &entry.facts {
            let legal = match &mut state {
                None => RunState::begin(fact, at).map(|begun| state = Some(begun)),
                Some(state) => state.next(fact, at),
            };
            legal.map_err(|illegal| wrong(illegal.to_string()))?;
        }
    }
    if state.is_none_or(|state| state.run != head.run) {
        return Err(format!("its facts are not those of run {}", head.run).into());
    }
    if importer.head() != (head.appends, head.link) {
        return Err(format!("its entries do not end where {HEAD} says").into());
    }
    Ok(())
}
