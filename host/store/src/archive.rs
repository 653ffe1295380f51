//! What was written, for everybody who may read the folder, beside whoever writes it. Changes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use bailiwick_core::fact::{AskId, Entry, Fact};
use bailiwick_core::ports::{BlobError, BoxFuture, JournalError};
use bailiwick_core::{Bytes, Cost, Digest, Document, Name, RunId, Timestamp};
use bailiwick_gate::kv::{Held, Kept, KvError};
use rusqlite::{Connection, OptionalExtension as _};

use crate::asks::{self, OpenAsk};
use crate::audit::{self, Audit, AuditScope, StreamHead};
use crate::chore::Doomed;
use crate::copy::{self, Copied, CopyError};
use crate::course::{Course, day_of};
use crate::derived::{self, RunRow, SpendError};
use crate::entry::read_back;
use crate::error::{OpenError, ReadError};
use crate::exchange::{self, ExportedRun};
use crate::export::{self, Stream, WrittenEntry};
use crate::folder::{Folder, FolderLock, Holder};
use crate::host_log::{self, HostFact};
use crate::listing::{self, ListedRun};
use crate::pool::Pool;
use crate::schema::{open_and_prepare, open_to_read};
use crate::standing::namespaces::Stood;
use crate::standing::revoked::{RevokedBy, RevokedPower};
use crate::standing::rules::Taken;
use crate::standing::signatures::{self, Signature};
use crate::standing::slots::{SlotName, SlotState};
use crate::standing::{self, namespaces, slots};
use crate::sweep::{self, Found, SweepRequest, Swept, Unnamed};
use crate::texts::Texts;
use crate::unfinished::{self, UnfinishedPage};
use crate::{blob, chain, kv, sql};

/// How many threads read: one for a long `show`, one for everybody else.
const READERS: usize = 2;

/// The most runs of one page of a listing.
pub const LISTING_MAX: u32 = 1_000;

/// A data folder, open for reading.
pub struct Archive {
    folder: Folder,
    readers: Pool,
}

impl Archive {
    /// Opens a data folder for reading, whether or not somebody writes in it.
    ///
    /// # Errors
    /// [`OpenError`] where there is none or it cannot be read.
    pub fn open(data: &Path) -> Result<Self, OpenError> {
        let folder = Folder::new(data);
        let database = folder.database();
        // A folder that may not be read is not an empty one.
        if !database
            .try_exists()
            .map_err(|source| OpenError::Folder { path: data.to_owned(), source })?
        {
            return Err(OpenError::Missing(data.to_owned()));
        }
        let open = || open_to_read(&database);
        let readers = match Pool::start("store-reader", READERS, open) {
            Err(OpenError::Older { found, known }) => {
                bring_up_to_date(&folder).map_err(|why| match why {
                    // Who holds it writes the older format, and will go on to.
                    OpenError::Held { .. } => OpenError::Older { found, known },
                    other => other,
                })?;
                Pool::start("store-reader", READERS, open)?
            }
            started => started?,
        };
        Ok(Self { folder, readers })
    }

    /// At most `limit` runs (at most [`LISTING_MAX`]), newest first; those that were made
    /// before the run `before`, where one is given.
    ///
    /// # Errors
    /// [`ReadError`] where there is no run `before`, or storage failed.
    pub fn runs(
        &self,
        limit: u32,
        before: Option<RunId>,
    ) -> impl Future<Output = Result<Vec<ListedRun>, ReadError>> + Send + 'static {
        let folder = self.folder.clone();
        let limit = limit.min(LISTING_MAX);
        let answer = self
            .readers
            .ask(move |connection| listing::runs(connection, &folder, limit, before.as_ref()));
        async { answer.await? }
    }

    /// One run.
    ///
    /// # Errors
    /// [`ReadError`] where there is none, or storage failed.
    pub fn run(
        &self,
        run: RunId,
    ) -> impl Future<Output = Result<ListedRun, ReadError>> + Send + 'static {
        let folder = self.folder.clone();
        let answer = self.readers.ask(move |connection| listing::run(connection, &folder, run));
        async { answer.await? }
    }

    /// At most `limit` runs that have not ended (at most [`LISTING_MAX`]) in the order in
    /// which they were made; those behind the one with the number `after`. A damaged one
    /// is named, and is no reason to leave the others alone.
    ///
    /// # Errors
    /// [`ReadError`] where the list itself cannot be read.
    pub fn unfinished(
        &self,
        limit: u32,
        after: i64,
    ) -> impl Future<Output = Result<UnfinishedPage, ReadError>> + Send + 'static {
        let limit = limit.min(LISTING_MAX);
        let answer = self.readers.ask(move |connection| unfinished::page(connection, after, limit));
        async { answer.await? }
    }

    /// Everything of a run, in order, checked against its chain, with the texts of
    /// documents attached; an erased text leaves its document unloaded.
    pub fn read<'a>(&self, run: &RunId) -> BoxFuture<'a, Result<Vec<Entry>, JournalError>> {
        let (folder, run) = (self.folder.clone(), run.clone());
        let answer = self.readers.ask(move |connection| entries(connection, &folder, &run));
        Box::pin(async { Ok(answer.await??) })
    }

    /// The bytes of a digest, checked against it.
    pub fn get<'a>(&self, digest: Digest) -> BoxFuture<'a, Result<Vec<u8>, BlobError>> {
        let folder = self.folder.clone();
        let answer = self.readers.ask(move |connection| blob::fetch(connection, &folder, &digest));
        Box::pin(async { answer.await? })
    }

    /// At most `limit` open questions of all runs (at most [`LISTING_MAX`]) in the order of
    /// their ids, which is by run; those behind `after`, where one is given.
    ///
    /// # Errors
    /// [`ReadError`] where the journal is damaged, or storage failed.
    pub fn open_asks(
        &self,
        limit: u32,
        after: Option<AskId>,
    ) -> impl Future<Output = Result<Vec<OpenAsk>, ReadError>> + Send + 'static {
        let limit = limit.min(LISTING_MAX);
        let answer =
            self.readers.ask(move |connection| asks::open(connection, limit, after.as_ref()));
        async { answer.await? }
    }

    /// The open question with this id; nothing where there is none, or it is not open any more.
    ///
    /// # Errors
    /// [`ReadError`] where the journal is damaged, or storage failed.
    pub fn open_ask(
        &self,
        ask: AskId,
    ) -> impl Future<Output = Result<Option<OpenAsk>, ReadError>> + Send + 'static {
        let answer = self.readers.ask(move |connection| asks::find(connection, &ask));
        async { answer.await? }
    }

    /// What all runs of a project spent on one day (UTC), as far as it is durable.
    ///
    /// # Errors
    /// [`ReadError`] where the row is damaged, or storage failed.
    pub fn spent_on(
        &self,
        project: String,
        day: Timestamp,
    ) -> impl Future<Output = Result<Cost, ReadError>> + Send + 'static {
        let day = day_of(day);
        let answer = self.readers.ask(move |connection| {
            derived::spent_on(connection, &project, day).map_err(|error| match error {
                SpendError::Damaged => ReadError::Damaged(format!(
                    "what {project:?} spent on day {day} since 1970 is not what was written"
                )),
                SpendError::Database(error) => error.into(),
            })
        });
        async { answer.await? }
    }

    /// Compares what is there with what was written: facts with their chains, texts and
    /// blobs with their digests, derived rows with the facts, and the database with itself.
    /// All as of one moment; a host may go on writing.
    ///
    /// # Errors
    /// [`ReadError`] where there is no such run, or storage failed. Damage is a result.
    pub fn audit(
        &self,
        scope: AuditScope,
    ) -> impl Future<Output = Result<Audit, ReadError>> + Send + 'static {
        let folder = self.folder.clone();
        let answer = self.readers.ask(move |connection| audit::audit(connection, &folder, &scope));
        async { answer.await? }
    }

    /// The head of each stream, as of one moment: runs in the order in which they were
    /// made, then `host`, once something was done to the folder itself.
    ///
    /// # Errors
    /// [`ReadError`] where a chain is damaged, or storage failed.
    pub fn heads(
        &self,
    ) -> impl Future<Output = Result<Vec<StreamHead>, ReadError>> + Send + 'static {
        let answer = self.readers.ask(audit::heads);
        async { answer.await? }
    }

    /// The entries of a stream as they are written, in order.
    ///
    /// # Errors
    /// [`ReadError`] where there is none, it is damaged, or storage failed.
    pub fn written(
        &self,
        stream: Stream,
    ) -> impl Future<Output = Result<Vec<WrittenEntry>, ReadError>> + Send + 'static {
        let folder = self.folder.clone();
        let answer =
            self.readers.ask(move |connection| export::entries(connection, &folder, &stream));
        async { answer.await? }
    }

    /// The output with this digest that an append of a run names, with its text; nothing
    /// where the run or the text is gone.
    ///
    /// # Errors
    /// [`ReadError`] where the entry is damaged, or storage failed.
    pub fn output(
        &self,
        run: RunId,
        append: u64,
        output: Digest,
    ) -> impl Future<Output = Result<Option<Document>, ReadError>> + Send + 'static {
        let folder = self.folder.clone();
        let answer = self
            .readers
            .ask(move |connection| document_at(connection, &folder, (&run, append), output));
        async { answer.await? }
    }

    /// A run with everything that it needs elsewhere.
    ///
    /// # Errors
    /// [`ReadError`] where there is none, it is damaged, or storage failed.
    pub fn exported(
        &self,
        run: RunId,
    ) -> impl Future<Output = Result<ExportedRun, ReadError>> + Send + 'static {
        let folder = self.folder.clone();
        let answer =
            self.readers.ask(move |connection| exchange::exported(connection, &folder, &run));
        async { answer.await? }
    }

    /// What was done to the folder itself, in order.
    ///
    /// # Errors
    /// [`ReadError`] where the stream is damaged, or storage failed.
    pub fn host_facts(
        &self,
    ) -> impl Future<Output = Result<Vec<(Timestamp, HostFact)>, ReadError>> + Send + 'static {
        let answer = self.readers.ask(|connection| {
            let mut all = Vec::new();
            host_log::walk(connection, |at, facts| {
                all.extend(facts.into_iter().map(|fact| (at, fact)));
                Ok(())
            })?;
            Ok(all)
        });
        async { answer.await? }
    }

    /// The powers that are taken away now.
    ///
    /// # Errors
    /// [`ReadError`] where a row is damaged, or storage failed: who cannot read what was
    /// taken away must not go on as though nothing were.
    pub fn revoked(
        &self,
    ) -> impl Future<Output = Result<Vec<(RevokedPower, RevokedBy)>, ReadError>> + Send + 'static
    {
        let answer = self.readers.ask(|connection| {
            let words = standing::read::<RevokedBy>(connection, None)?;
            Ok(words.into_iter().map(|(key, by)| (key.into(), by)).collect())
        });
        async { answer.await? }
    }

    /// What agent names point at since somebody swapped, and what is on its way there.
    ///
    /// # Errors
    /// [`ReadError`] where a row is damaged, or storage failed: who does not know what
    /// serves must not guess.
    pub fn slots(
        &self,
    ) -> impl Future<Output = Result<Vec<(SlotName, SlotState)>, ReadError>> + Send + 'static {
        let answer = self
            .readers
            .ask(|connection| slots::named(standing::read::<SlotState>(connection, None)?));
        async { answer.await? }
    }

    /// The files of rules with the versions that were last said to be in force, in the
    /// order in which that was said last.
    ///
    /// # Errors
    /// [`ReadError`] where a row is damaged, or storage failed.
    pub fn rules(
        &self,
    ) -> impl Future<Output = Result<Vec<(String, Digest)>, ReadError>> + Send + 'static {
        let answer = self.readers.ask(|connection| {
            let words = standing::read::<Taken>(connection, None)?;
            let mut taken: Vec<_> = words.into_iter().map(|(key, is)| (key.which, is)).collect();
            taken.sort_by_key(|(_, is)| is.append);
            Ok(taken.into_iter().map(|(file, is)| (file, is.digest)).collect())
        });
        async { answer.await? }
    }

    /// The signatures of all components that were ever swapped in for a project, by component.
    ///
    /// # Errors
    /// [`ReadError`] where a row is damaged, or storage failed.
    pub fn signatures(
        &self,
        project: String,
    ) -> impl Future<Output = Result<BTreeMap<Digest, String>, ReadError>> + Send + 'static {
        let answer = self.readers.ask(move |connection| {
            let words = standing::read::<Signature>(connection, Some(&project))?;
            signatures::by_component(words)
        });
        async { answer.await? }
    }

    /// What [`crate::Store::sweep`] would do now; does none of it.
    ///
    /// # Errors
    /// As that.
    pub async fn sweepable(&self, request: SweepRequest) -> Result<Swept, ReadError> {
        let found = self.doomed(request).await?;
        let names = |doomed: &[Doomed]| doomed.iter().map(|gone| gone.run.clone()).collect();
        let (deleted, erased): (Vec<_>, Vec<_>) = (names(&found.delete), names(&found.erase));
        let unnamed = self.unnamed(deleted.iter().chain(&erased).cloned().collect()).await?;
        let bytes = unnamed.values().fold(Bytes(0), |sum, size| sum.plus(*size));
        Ok(Swept { deleted, erased, blobs: unnamed.len() as u64, bytes, left: found.left })
    }

    pub(crate) async fn doomed(&self, request: SweepRequest) -> Result<Found, ReadError> {
        self.readers.ask(move |connection| sweep::doomed(connection, &request)).await?
    }

    pub(crate) async fn unnamed(&self, without: BTreeSet<RunId>) -> Result<Unnamed, ReadError> {
        let folder = self.folder.clone();
        self.readers.ask(move |connection| sweep::unnamed(connection, &folder, &without)).await?
    }

    /// Copies the folder to `target`, which must not exist, as of one moment, beside
    /// whoever writes it; then looks at the copy as an audit does.
    ///
    /// # Errors
    /// [`CopyError`] with what cannot be read or written.
    pub async fn copy_to(&self, target: &Path) -> Result<Copied, CopyError> {
        let (folder, target) = (self.folder.clone(), target.to_owned());
        let answer =
            self.readers.ask(move |connection| copy::copy(connection, &folder, &target)).await;
        answer.map_err(ReadError::from)?
    }

    /// What the namespaces of a project hold, as far as labels go. Of one that is empty, or
    /// that older hosts wrote, nothing is said.
    ///
    /// # Errors
    /// [`ReadError`] where a row is damaged, or storage failed: who does not know what is in
    /// there must not take it for less.
    pub fn namespaces(
        &self,
        project: String,
    ) -> impl Future<Output = Result<BTreeMap<Name, Stood>, ReadError>> + Send + 'static {
        let answer = self.readers.ask(move |connection| {
            namespaces::named(standing::read::<Stood>(connection, Some(&project))?)
        });
        async { answer.await? }
    }

    /// The text of a value of a namespace.
    pub(crate) fn kv_value(
        &self,
        (project, namespace, key): kv::Slot,
        assumed: Option<Stood>,
    ) -> impl Future<Output = Result<Option<Vec<u8>>, KvError>> + Send + 'static {
        let folder = self.folder.clone();
        self.kv_within((project, namespace), assumed, move |connection, (project, namespace)| {
            kv::get(connection, &folder, &(project.to_owned(), namespace.to_owned(), key))
        })
    }

    pub(crate) fn kv_look(
        &self,
        of: (String, String),
        keys: Vec<String>,
    ) -> impl Future<Output = Result<Vec<Option<Kept>>, KvError>> + Send + 'static {
        // Told to no agent: by this the host sees whether what it compared still stands.
        self.kv_within(of, None, move |connection, of| kv::look(connection, of, &keys))
    }

    pub(crate) fn kv_keys(
        &self,
        of: (String, String),
        assumed: Option<Stood>,
        (prefix, after, limit): (String, Option<String>, u32),
    ) -> impl Future<Output = Result<Vec<String>, KvError>> + Send + 'static {
        self.kv_within(of, assumed, move |connection, of| {
            kv::keys(connection, of, (&prefix, after.as_deref()), limit)
        })
    }

    /// A look into a namespace, where it holds no more than somebody takes it for.
    fn kv_within<T: Send + 'static>(
        &self,
        of: (String, String),
        assumed: Option<Stood>,
        look: impl FnOnce(&Connection, (&str, &str)) -> Result<T, ReadError> + Send + 'static,
    ) -> impl Future<Output = Result<T, KvError>> + Send + 'static {
        let answer = self.readers.ask(move |connection| {
            // One transaction: all as of one moment.
            let snapshot = connection.transaction()?;
            let (project, namespace) = (&*of.0, &*of.1);
            if let Some(assumed) = assumed {
                let stands = standing::read_one::<Stood>(&snapshot, project, namespace)?;
                if let Some(more) = stands.and_then(|stood| stood.above(&assumed)) {
                    return Ok(Err(KvError(format!(
                        "{namespace} holds what is {more} since another run wrote into it, and this run began when it did not"
                    ))));
                }
            }
            look(&snapshot, (project, namespace)).map(Ok)
        });
        async {
            let looked =
                answer.await.map_err(|error| KvError(ReadError::from(error).to_string()))?;
            looked.map_err(|error: ReadError| KvError(error.to_string()))?
        }
    }

    pub(crate) fn kv_held(
        &self,
        (project, namespace): (String, String),
    ) -> impl Future<Output = Result<Held, ReadError>> + Send + 'static {
        let answer = self.readers.ask(move |connection| kv::held(connection, &project, &namespace));
        async { answer.await? }
    }

    pub(crate) fn close(&mut self) {
        self.readers.close();
    }
}

/// Brings a folder of an older format up to date, as who writes in it would.
fn bring_up_to_date(folder: &Folder) -> Result<(), OpenError> {
    let command = "bailiwick, bringing the data folder up to date".into();
    let holder = Holder { pid: std::process::id(), since: Timestamp(0), command };
    let _lock = FolderLock::take(folder, &holder)?;
    open_and_prepare(&folder.database()).map(drop)
}

fn entries(
    connection: &mut Connection,
    folder: &Folder,
    run: &RunId,
) -> Result<Vec<Entry>, ReadError> {
    // One transaction: everything is read as of one moment.
    let snapshot = connection.transaction()?;
    let (id, row) =
        RunRow::find(&snapshot, run)?.ok_or_else(|| ReadError::NoSuchRun(run.clone()))?;
    let (mut entries, mut course) = (Vec::new(), Course::default());
    let (appends, _) = chain::walk(&snapshot, run, id, |at, facts, texts| {
        let entry = read_back(at, facts, texts, |digest| text_of(&snapshot, folder, digest))?;
        course.apply(&entry);
        entries.push(entry);
        Ok(())
    })?;
    // A chain proves nothing about what stood behind its end; its row knows of some of it.
    if row.appends > appends || row.summary != *course.summary() {
        return Err(ReadError::Damaged(format!(
            "run {run}: its row speaks of other facts than there are ({appends} appends)"
        )));
    }
    Ok(entries)
}

/// A document that one entry names. Its text is checked against the digest.
fn document_at(
    connection: &Connection,
    folder: &Folder,
    (run, append): (&RunId, u64),
    wanted: Digest,
) -> Result<Option<Document>, ReadError> {
    let Some((row, _)) = RunRow::find(connection, run)? else { return Ok(None) };
    let found = connection
        .prepare_cached(sql::READ_ENTRY)?
        .query_row([sql::entry_id(row, append)], |row| {
            let at = Timestamp(row.get::<_, i64>(0)?.cast_unsigned());
            let texts = Texts::read(row.get_ref(2)?, row.get_ref(3)?).map(Texts::into_owned);
            Ok((at, row.get::<_, Vec<u8>>(1)?, texts))
        })
        .optional()?;
    let Some((at, facts, texts)) = found else { return Ok(None) };
    let damaged = |what: String| ReadError::Damaged(format!("run {run}, append {append}: {what}"));
    let blob = |digest: &Digest| text_of(connection, folder, digest);
    let texts = texts.map_err(damaged)?;
    let entry = read_back(at, &facts, &texts, blob).map_err(damaged)?;
    let mut documents = entry.facts.iter().flat_map(Fact::documents);
    let found = documents.find(|document| document.digest() == wanted).cloned();
    Ok(found.filter(|document| document.text().is_some()))
}

/// The text of a large document; nothing where it was erased.
pub(crate) fn text_of(
    connection: &Connection,
    folder: &Folder,
    digest: &Digest,
) -> Result<Option<Arc<str>>, String> {
    match blob::fetch(connection, folder, digest) {
        Ok(bytes) => String::from_utf8(bytes)
            .map(|text| Some(text.into()))
            .map_err(|_| format!("the text of {digest:?} is no text")),
        Err(BlobError::Missing(_)) => Ok(None),
        Err(error) => Err(error.to_string()),
    }
}
