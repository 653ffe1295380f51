//! `audit`: whether a data folder is what was written, its head, anchors kept elsewhere, and what is exported. Changes nothing but the list of heads that an anchor signs.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use bailiwick_core::{Diagnostic, Digest, RunId, Timestamp};
use bailiwick_store::{
    Archive, AuditScope, HostFact, OpenError, Store, StoreOptions, Stream, StreamHead, WrittenEntry,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use serde::{Deserialize, Serialize};

use crate::codes;
use crate::problems::Problems;
use crate::system::SystemClock;

/// The largest anchor file that is read: a signed head is below a kibibyte.
const ANCHOR_MAX_BYTES: u64 = 64 * 1024;

/// The largest list of heads that is read: a hundred bytes for each of a million runs.
const HEADS_MAX_BYTES: u64 = 256 * 1024 * 1024;

/// What the host's key is asked for, so that no other use of it makes the same one.
const KEY_PURPOSE: &[u8] = b"bailiwick audit anchor 1";

/// What was found.
#[derive(Debug)]
pub struct Verified {
    /// One line each; none where all is as it was written.
    pub damages: Vec<String>,
    /// The digest over the heads of all streams, or the head of the one run.
    pub head: Digest,
    /// How many streams were looked at.
    pub streams: usize,
    /// How many blobs were compared with their names.
    pub blobs: u64,
    /// The anchor that everything up to it is proven against.
    pub anchored: Option<Anchor>,
}

/// A signed head, to be kept elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Anchor {
    /// The form of this document.
    pub anchor: u32,
    /// When it was made, in milliseconds since 1970.
    pub at: Timestamp,
    /// The digest over the heads of all streams.
    pub head: Digest,
    /// How many streams there were.
    pub streams: u64,
    /// How many entries they had together.
    pub appends: u64,
    /// The ed25519 key that belongs to this host's own, in base64.
    pub key: String,
    /// What it signed, in base64.
    pub signature: String,
}

/// The head of a data folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The digest over the heads of all streams.
    pub digest: Digest,
    /// Runs in the order in which they were made, then `host`.
    pub streams: Vec<StreamHead>,
}

impl Head {
    fn of(streams: Vec<StreamHead>) -> Result<Self, Problems> {
        Ok(Self { digest: Digest::of(&listed(&streams)?), streams })
    }

    /// How many entries there are.
    #[must_use]
    pub fn appends(&self) -> u64 {
        self.streams.iter().map(|stream| stream.appends).sum()
    }
}

/// The form over which the digest is made.
fn listed(streams: &[StreamHead]) -> Result<Vec<u8>, Problems> {
    serde_json::to_vec(streams).map_err(|error| storage(&error))
}

/// Compares a folder, or one run of it, with what was written; against an anchor, where
/// one is given.
///
/// # Errors
/// [`Problems`] where there is no such folder, run or anchor. Damage is a result.
pub async fn verify(
    data: &Path,
    run: Option<&RunId>,
    anchor: Option<&Path>,
) -> Result<Verified, Problems> {
    let anchor = anchor.map(read_anchor).transpose()?;
    let archive = match Store::open_read_only(data) {
        Ok(archive) => archive,
        // What keeps it from opening is the damage.
        Err(OpenError::Damaged(what)) => {
            let damages = vec![format!("database: {what}")];
            let head = Digest::of(b"");
            return Ok(Verified { damages, head, streams: 0, blobs: 0, anchored: None });
        }
        Err(error) => return Err(storage(&error)),
    };
    let scope = run.map_or(AuditScope::All, |run| AuditScope::Run(run.clone()));
    let audit = archive.audit(scope).await.map_err(|error| storage(&error))?;
    let mut damages: Vec<_> = audit.damages.iter().map(ToString::to_string).collect();
    if let Some(anchor) = &anchor {
        damages.extend(against(anchor, data, &archive, &audit.heads).await?);
    }
    let (streams, blobs) = (audit.heads.len(), audit.blobs);
    let head = match (run, audit.heads.first()) {
        (Some(_), Some(head)) => head.link,
        _ => Head::of(audit.heads)?.digest,
    };
    let anchored = anchor.filter(|_| damages.is_empty());
    Ok(Verified { damages, head, streams, blobs, anchored })
}

/// The head of a folder.
///
/// # Errors
/// [`Problems`] where there is no such folder, or a chain is damaged.
pub async fn head(data: &Path) -> Result<Head, Problems> {
    Head::of(open(data)?.heads().await.map_err(|error| storage(&error))?)
}

/// Signs the head with a key that is made of `host.key`. The list of heads is kept in the
/// folder under its digest, so that the anchor itself stays small: who changes or removes
/// the list has lost the proof, and `verify` says so.
///
/// # Errors
/// [`Problems`] where a chain is damaged, there is no key, or the list cannot be kept.
pub async fn anchor(data: &Path) -> Result<Anchor, Problems> {
    let head = head(data).await?;
    let key = key_of(data)?;
    let path = heads_file(data, &head.digest);
    keep(&path, &listed(&head.streams)?)
        .map_err(|error| storage(&format!("{}: {error}", path.display())))?;
    let mut anchor = Anchor {
        anchor: 1,
        at: bailiwick_core::ports::Clock::now(&SystemClock),
        head: head.digest,
        streams: head.streams.len() as u64,
        appends: head.appends(),
        key: BASE64.encode(key.public_key()),
        signature: String::new(),
    };
    anchor.signature = BASE64.encode(key.sign(&anchor.signed()));
    Ok(anchor)
}

impl Anchor {
    /// The bytes that are signed.
    fn signed(&self) -> Vec<u8> {
        let counts = [self.at.0, self.streams, self.appends].map(u64::to_le_bytes).concat();
        Digest::of_parts(&[KEY_PURPOSE, self.head.as_bytes(), &counts]).as_bytes().to_vec()
    }

    fn is_signed(&self) -> bool {
        let (Ok(key), Ok(signature)) = (BASE64.decode(&self.key), BASE64.decode(&self.signature))
        else {
            return false;
        };
        UnparsedPublicKey::new(&ED25519, key).verify(&self.signed(), &signature).is_ok()
    }
}

/// What keeps an anchor from being a prefix of what is there.
async fn against(
    anchor: &Anchor,
    data: &Path,
    archive: &Archive,
    now: &[StreamHead],
) -> Result<Vec<String>, Problems> {
    if !anchor.is_signed() {
        return Ok(vec!["anchor: its signature is not over what it says".into()]);
    }
    if key_of(data).is_ok_and(|key| BASE64.encode(key.public_key()) != anchor.key) {
        return Ok(vec!["anchor: it was signed by another host's key".into()]);
    }
    let streams = match anchored_streams(anchor, data) {
        Ok(streams) => streams,
        Err(what) => return Ok(vec![format!("anchor: {what}")]),
    };
    let deleted = archive.host_facts().await.unwrap_or_default();
    let mut damages = Vec::new();
    for stream in streams {
        let found = now.iter().find(|head| head.stream == stream.stream);
        let what = match found {
            // Nothing was appended since: the audit has walked to this very link.
            Some(head) if *head == stream => continue,
            Some(_) => match link_at(archive, &stream).await {
                Ok(Some(link)) if link == stream.link => continue,
                Ok(Some(_)) => "another history than the one that was anchored".to_owned(),
                Ok(None) => "shorter than when it was anchored".to_owned(),
                Err(why) => why,
            },
            None if is_deleted(&stream, &deleted) => continue,
            None => "gone, or damaged".to_owned(),
        };
        let StreamHead { stream, appends, .. } = stream;
        damages.push(format!("anchor: {stream}, append {appends}: {what}"));
    }
    Ok(damages)
}

fn anchored_streams(anchor: &Anchor, data: &Path) -> Result<Vec<StreamHead>, String> {
    let path = heads_file(data, &anchor.head);
    let gone = |why: &dyn std::fmt::Display| format!("its list of heads {}: {why}", path.display());
    let list = read_bounded(&path, HEADS_MAX_BYTES).map_err(|error| gone(&error))?;
    if Digest::of(&list) != anchor.head {
        return Err(gone(&"is not what was signed"));
    }
    serde_json::from_slice(&list).map_err(|error| gone(&error))
}

/// The link of a stream after as many entries as were anchored.
async fn link_at(archive: &Archive, stream: &StreamHead) -> Result<Option<Digest>, String> {
    let named = Stream::named(&stream.stream).ok_or("no such stream")?;
    let written = archive.written(named).await.map_err(|error| error.to_string())?;
    let index = usize::try_from(stream.appends).ok().and_then(|appends| appends.checked_sub(1));
    Ok(match index {
        // A run that had no entry yet.
        None => Some(stream.link),
        Some(index) => written.get(index).map(|entry| entry.link),
    })
}

/// Whether retention deleted a stream as it was anchored, or after it had grown. The
/// host's own stream says so, and is anchored itself.
fn is_deleted(stream: &StreamHead, facts: &[(Timestamp, HostFact)]) -> bool {
    facts.iter().any(|(_, fact)| match fact {
        HostFact::RunDeleted { run, appends, link, .. } => {
            stream.stream == Stream::Run(run.clone()).to_string()
                && (*appends > stream.appends || (*appends, *link) == (stream.appends, stream.link))
        }
        HostFact::ValuesErased { .. }
        | HostFact::KvWritten { .. }
        | HostFact::PowerRevoked { .. }
        | HostFact::PowerReturned { .. }
        | HostFact::RulesTaken { .. }
        | HostFact::RulesRefused { .. }
        | HostFact::SwapStaged { .. }
        | HostFact::SwapCommitted { .. }
        | HostFact::SwapEnded { .. }
        | HostFact::SwapAbandoned { .. } => false,
    })
}

/// Every stream of a folder, or of one run, as it is written.
///
/// # Errors
/// [`Problems`] where there is no such folder or run, or a chain is damaged.
pub async fn export(
    data: &Path,
    run: Option<&RunId>,
    mut entry: impl FnMut(&Stream, &WrittenEntry) -> std::io::Result<()>,
) -> Result<std::io::Result<()>, Problems> {
    let archive = open(data)?;
    let streams = match run {
        Some(run) => vec![Stream::Run(run.clone())],
        None => {
            let heads = archive.heads().await.map_err(|error| storage(&error))?;
            heads.iter().filter_map(|head| Stream::named(&head.stream)).collect()
        }
    };
    for stream in streams {
        let written = archive.written(stream.clone()).await.map_err(|error| storage(&error))?;
        for written in written {
            if let Err(error) = entry(&stream, &written) {
                return Ok(Err(error));
            }
        }
    }
    Ok(Ok(()))
}

/// Makes everything that is derived from facts anew: rows of runs, open questions, spend.
/// Takes the folder.
///
/// # Errors
/// [`Problems`] where it is held, or a run cannot be read; the others are made anew then.
pub async fn rebuild(data: &Path, command: String) -> Result<(), Problems> {
    // Nothing is made where there is nothing.
    open(data)?;
    let now = bailiwick_core::ports::Clock::now(&SystemClock);
    let store = Store::open(data, StoreOptions { command, now })
        .map_err(|error| crate::host::not_held(&error, data))?;
    store.rebuild().await.map_err(|error| storage(&error))
}

pub(crate) fn open(data: &Path) -> Result<Archive, Problems> {
    Store::open_read_only(data).map_err(|error| storage(&error))
}

fn key_of(data: &Path) -> Result<Ed25519KeyPair, Problems> {
    let path = data.join("host.key");
    let bytes = read_bounded(&path, 32).map_err(|error| {
        storage(&format!("{}: {error}; the first run makes it", path.display()))
    })?;
    let key: [u8; 32] = bytes
        .try_into()
        .map_err(|_| storage(&format!("{}: it must have 32 bytes", path.display())))?;
    let seed = Digest::keyed(&key, &[KEY_PURPOSE]);
    Ed25519KeyPair::from_seed_unchecked(seed.as_bytes()).map_err(|error| storage(&error))
}

fn read_anchor(path: &Path) -> Result<Anchor, Problems> {
    let say = |why: &dyn std::fmt::Display| {
        let message = format!("{}: {why}", path.display());
        let hint = "name a file that `bailiwick audit anchor` printed";
        Problems::one(Diagnostic::error(codes::UNREADABLE, message).hint(hint))
    };
    let text = read_bounded(path, ANCHOR_MAX_BYTES).map_err(|error| say(&error))?;
    let anchor: Anchor = serde_json::from_slice(&text).map_err(|error| say(&error))?;
    match anchor.anchor {
        1 => Ok(anchor),
        _ => Err(say(&"a newer version made it")),
    }
}

fn heads_file(data: &Path, head: &Digest) -> PathBuf {
    data.join("anchors").join(format!("{}.json", head.hex()))
}

/// Writes a file that is there whole or not at all.
fn keep(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let mut part = tempfile::NamedTempFile::new_in(folder)?;
    part.write_all(bytes)?;
    part.as_file().sync_all()?;
    part.persist(path).map_err(|error| error.error)?;
    fs::File::open(folder)?.sync_all()
}

fn read_bounded(path: &Path, most: u64) -> std::io::Result<Vec<u8>> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    fs::File::open(path)?.take(most + 1).read_to_end(&mut bytes)?;
    match bytes.len() as u64 > most {
        true => Err(std::io::Error::other(format!("it has more than {most} bytes"))),
        false => Ok(bytes),
    }
}

fn storage(error: &impl std::fmt::Display) -> Problems {
    Problems::one(Diagnostic::error(codes::STORAGE, error.to_string()))
}
