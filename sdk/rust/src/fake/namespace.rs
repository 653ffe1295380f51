//! The namespace of a fake: a map. Knows nothing of attempts.

use std::collections::BTreeMap;
use std::ops::Bound;

use serde_json::Value;

use crate::failure::HostError;
use crate::fake::{Capability, denied, document, ensure};
use crate::limits;

/// The values, where a namespace was granted.
#[derive(Default)]
pub(crate) struct Namespace(pub(crate) Option<BTreeMap<String, Value>>);

impl Namespace {
    fn open(&mut self) -> Result<&mut BTreeMap<String, Value>, HostError> {
        self.0.as_mut().ok_or_else(|| denied(Capability::Kv))
    }

    pub(crate) fn get(&mut self, key: &str) -> Result<Option<String>, HostError> {
        check(key)?;
        Ok(self.open()?.get(key).map(Value::to_string))
    }

    pub(crate) fn put(&mut self, key: &str, text: Option<&str>) -> Result<(), HostError> {
        check(key)?;
        let value = text.map(bounded).transpose()?;
        let values = self.open()?;
        match value {
            Some(value) => drop(values.insert(key.to_owned(), value)),
            None => drop(values.remove(key)),
        }
        Ok(())
    }

    pub(crate) fn list(
        &mut self,
        prefix: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<String>, HostError> {
        ensure(prefix.len() <= limits::KEY_BYTES, "prefix")?;
        ensure(limits::KEYS.contains(&limit), "limit")?;
        let from = after.map_or(Bound::Unbounded, |after| Bound::Excluded(after.to_owned()));
        let keys = self.open()?.range((from, Bound::Unbounded)).map(|(key, _)| key);
        Ok(keys.filter(|key| key.starts_with(prefix)).take(limit as usize).cloned().collect())
    }

    pub(crate) fn swap(
        &mut self,
        key: &str,
        expected: Option<&str>,
        value: Option<&str>,
    ) -> Result<bool, HostError> {
        check(key)?;
        let expected = expected.map(bounded).transpose()?;
        if self.open()?.get(key) != expected.as_ref() {
            return Ok(false);
        }
        self.put(key, value).map(|()| true)
    }
}

fn check(key: &str) -> Result<(), HostError> {
    let sized = (1..=limits::KEY_BYTES).contains(&key.len());
    ensure(sized && !key.chars().any(char::is_control), "key")
}

fn bounded(text: &str) -> Result<Value, HostError> {
    document(text, limits::VALUE_BYTES, "value")
}
