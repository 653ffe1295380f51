//! A namespace in memory, with what somebody put there. One attempt reads it; what it changes is kept nowhere.

use std::collections::BTreeMap;
use std::sync::Arc;

use bailiwick_core::ports::BoxFuture;
use bailiwick_core::{Bytes, Document, Name};
use bailiwick_gate::kv::{Exclusive, Held, Kept, KvError, Namespaces, Turn};
use serde_json::{Map, Value};

use super::Answers;

impl Answers {
    /// The same, with these values in the namespace.
    pub(crate) fn holding(self, values: Map<String, Value>) -> Self {
        let values = values.into_iter().map(|(key, value)| (key, Document::of(&value)));
        Self { namespaces: Arc::new(Namespace(values.collect())), ..self }
    }
}

struct Namespace(BTreeMap<String, Document>);

impl Namespaces for Namespace {
    fn turn<'a>(&'a self, _: &'a Name, _: Exclusive) -> BoxFuture<'a, Turn> {
        Box::pin(async { Turn::new(()) })
    }

    fn get<'a>(
        &'a self,
        _: &'a Name,
        key: &'a str,
    ) -> BoxFuture<'a, Result<Option<Document>, KvError>> {
        Box::pin(std::future::ready(Ok(self.0.get(key).cloned())))
    }

    fn look<'a>(
        &'a self,
        _: &'a Name,
        keys: Vec<String>,
    ) -> BoxFuture<'a, Result<Vec<Option<Kept>>, KvError>> {
        let kept = |key: String| {
            let document = self.0.get(&key)?;
            Some((document.digest(), Bytes(document.bytes())))
        };
        Box::pin(std::future::ready(Ok(keys.into_iter().map(kept).collect())))
    }

    fn keys<'a>(
        &'a self,
        _: &'a Name,
        prefix: &'a str,
        after: Option<&'a str>,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<String>, KvError>> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let keys = self.0.keys().filter(|key| key.starts_with(prefix));
        let keys = keys.filter(|key| after.is_none_or(|after| key.as_str() > after));
        Box::pin(std::future::ready(Ok(keys.take(limit).cloned().collect())))
    }

    fn held<'a>(&'a self, _: &'a Name) -> BoxFuture<'a, Result<Held, KvError>> {
        let bytes = self.0.iter().map(|(key, value)| key.len() as u64 + value.bytes()).sum();
        let held = Held { keys: self.0.len() as u64, bytes: Bytes(bytes) };
        Box::pin(std::future::ready(Ok(held)))
    }
}
