//! The namespaces of one project as the gate sees them: reads on what is durable, and whose turn it is. Writes nothing: that is the journal's.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use bailiwick_core::ports::BoxFuture;
use bailiwick_core::{Document, Name};
use bailiwick_gate::kv::{Exclusive, Held, Kept, KvError, Namespaces, Turn};
use tokio::sync::RwLock;

use crate::error::ReadError;
use crate::standing::namespaces::Stood;
use crate::store::Store;

/// Whose turn it is in each namespace of a data folder. Only the process that holds the
/// folder writes in it, so what is known here is all there is to know.
#[derive(Clone, Default)]
pub(crate) struct Turns(Arc<Mutex<Locks>>);

/// By project and namespace.
type Locks = HashMap<(String, Name), Arc<RwLock<()>>>;

impl Turns {
    fn of(&self, project: &str, namespace: &Name) -> Arc<RwLock<()>> {
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(turns.entry((project.to_owned(), namespace.clone())).or_default())
    }

    /// Fair: who wants it alone is not overtaken by those who share.
    pub(crate) async fn take(&self, project: &str, namespace: &Name, exclusive: Exclusive) -> Turn {
        let lock = self.of(project, namespace);
        match exclusive {
            Exclusive::Yes => Turn::new(lock.write_owned().await),
            Exclusive::No => Turn::new(lock.read_owned().await),
        }
    }
}

/// The namespaces of a project.
pub struct Shelves {
    store: Arc<Store>,
    project: String,
    /// What somebody takes each namespace for; of one that is not among these nothing is
    /// looked at.
    assumed: BTreeMap<Name, Stood>,
}

impl Shelves {
    /// Of the project that journals call so.
    #[must_use]
    pub fn new(store: Arc<Store>, project: String) -> Self {
        Self { store, project, assumed: BTreeMap::new() }
    }

    /// The same for a run that takes its namespaces for this: what is more by the time at
    /// which it reads is not handed out, because nobody labelled the run for it.
    #[must_use]
    pub fn taken_for(self, assumed: BTreeMap<Name, Stood>) -> Self {
        Self { assumed, ..self }
    }
}

impl Namespaces for Shelves {
    fn turn<'a>(&'a self, namespace: &'a Name, exclusive: Exclusive) -> BoxFuture<'a, Turn> {
        Box::pin(self.store.turns().take(&self.project, namespace, exclusive))
    }

    fn get<'a>(
        &'a self,
        namespace: &'a Name,
        key: &'a str,
    ) -> BoxFuture<'a, Result<Option<Document>, KvError>> {
        let slot = (self.project.clone(), namespace.to_string(), key.to_owned());
        let answer = self.store.archive().kv_value(slot, self.assumed.get(namespace).cloned());
        Box::pin(async {
            let Some(text) = answer.await? else { return Ok(None) };
            let text = String::from_utf8(text).map_err(|error| KvError(error.to_string()))?;
            Ok(Some(Document::from_canonical(text.into())))
        })
    }

    fn look<'a>(
        &'a self,
        namespace: &'a Name,
        keys: Vec<String>,
    ) -> BoxFuture<'a, Result<Vec<Option<Kept>>, KvError>> {
        Box::pin(self.store.archive().kv_look(self.of(namespace), keys))
    }

    fn keys<'a>(
        &'a self,
        namespace: &'a Name,
        prefix: &'a str,
        after: Option<&'a str>,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<String>, KvError>> {
        let (prefix, after) = (prefix.to_owned(), after.map(str::to_owned));
        let (page, assumed) = ((prefix, after, limit), self.assumed.get(namespace).cloned());
        Box::pin(self.store.archive().kv_keys(self.of(namespace), assumed, page))
    }

    fn held<'a>(&'a self, namespace: &'a Name) -> BoxFuture<'a, Result<Held, KvError>> {
        let answer = self.store.archive().kv_held(self.of(namespace));
        Box::pin(async { answer.await.map_err(storage) })
    }
}

impl Shelves {
    fn of(&self, namespace: &Name) -> (String, String) {
        (self.project.clone(), namespace.to_string())
    }
}

fn storage(error: ReadError) -> KvError {
    KvError(error.to_string())
}
