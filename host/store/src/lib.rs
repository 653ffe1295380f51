//! The data folder: facts, blobs and the knowledge index. The only crate that names SQLite.
//!
//! Invariant: one writer; order is kept; a batch is one commit. A ticket is redeemed
//! only after the commit that holds its append is on stable storage, and commits hold
//! prefixes of the line, so what is durable of a run is always a prefix of it.
//!
//! The journal is `store.db`. The knowledge index lies beside it in `knowledge.db`:
//! it can be rebuilt from the operator's folders at any time, so it needs no flush of
//! the disk, and indexing ten thousand passages does not stand in the journal's way.

mod archive;
mod asks;
mod audit;
mod blob;
mod chain;
mod chore;
#[cfg(any(test, feature = "contract"))]
pub mod contract;
mod copy;
mod course;
mod derived;
mod entry;
mod error;
mod exchange;
mod export;
mod folder;
mod host_log;
pub mod knowledge;
mod kv;
mod ledger;
mod listing;
pub mod memory;
mod migration;
mod named;
mod namespaces;
mod outputs;
mod pool;
mod queue;
mod schema;
mod seal;
mod sql;
mod standing;
mod store;
mod summary;
mod sweep;
mod texts;
mod unfinished;
mod wal;
mod work;
mod writer;

pub use archive::{Archive, LISTING_MAX};
pub use asks::OpenAsk;
pub use audit::{Audit, AuditScope, DAMAGES_MAX, Damage, StreamHead};
pub use copy::{Copied, CopyError};
pub use error::{OpenError, ReadError};
pub use exchange::{ExportedRun, ImportError, Importer};
pub use export::{Stream, WrittenEntry};
pub use folder::Holder;
pub use host_log::{HostFact, Rehearsed};
pub use knowledge::{Collections, IndexError};
pub use kv::KvValue;
pub use listing::ListedRun;
pub use memory::{MemoryBlobs, MemoryJournal, MemoryNamespaces, MemoryValues};
pub use namespaces::Shelves;
pub use outputs::{Made, Outputs};
pub use standing::namespaces::Stood;
pub use standing::revoked::{RevokedBy, RevokedPower};
pub use standing::slots::{Served, SlotName, SlotState, Staged};
pub use store::{Store, StoreOptions};
pub use summary::RunPhase;
pub use sweep::{Reach, SweepRequest, Swept};
pub use unfinished::{Rests, Unfinished, UnfinishedPage};
