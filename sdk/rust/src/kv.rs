//! Values that last from run to run, in the granted namespace; knows not where they are kept.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::failure::HostError;
use crate::host::Host;
use crate::powers::Powers;
use crate::schema;

/// The namespace that the operator granted.
///
/// What an attempt changes is kept when it ends with an output, all at once; until then
/// it alone sees it, and one that fails has changed nothing.
#[derive(Debug, Clone, Copy)]
pub struct Kv<'h> {
    host: &'h Host,
}

impl<'h> Kv<'h> {
    pub(crate) fn new(host: &'h Host) -> Self {
        Self { host }
    }

    /// The value of a key; nothing where there is none. A key has 1 to 256 bytes and no
    /// control characters.
    ///
    /// ```
    /// # use bailiwick::{Failure, Host, fake::Fake};
    /// /// How often a topic was written about, this time included.
    /// fn count(topic: &str, host: &Host) -> Result<u32, Failure> {
    ///     let times = host.kv().get::<u32>(topic)?.unwrap_or(0) + 1;
    ///     host.kv().set(topic, &times)?;
    ///     Ok(times)
    /// }
    ///
    /// let fake = Fake::new().kv([("tea", 2.into())]);
    /// assert_eq!(count("tea", &fake.host())?, 3);
    /// assert_eq!(fake.values()["tea"], 3);
    /// # Ok::<(), Failure>(())
    /// ```
    ///
    /// # Errors
    /// `Denied` where no namespace was granted, `Invalid` where the key is out of its
    /// bounds or the value is none of this type.
    pub fn get<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, HostError> {
        let Some(text) = self.host.reach().kv_get(key)? else { return Ok(None) };
        let value = serde_json::from_str(&text);
        value
            .map(Some)
            .map_err(|error| HostError::Invalid(format!("the value of {key:?}: {error}")))
    }

    /// Sets a key to a document of at most 256 KiB.
    ///
    /// # Errors
    /// `Denied` where the agent is no writer of the namespace, `Exhausted` where it is
    /// full, `Invalid` where key or value are out of their bounds, or the value names an
    /// artifact that this attempt may not read.
    pub fn set(&self, key: &str, value: &impl Serialize) -> Result<(), HostError> {
        self.host.reach().kv_set(key, &text(value)?)
    }

    /// Removes a key.
    ///
    /// # Errors
    /// As [`Kv::set`].
    pub fn delete(&self, key: &str) -> Result<(), HostError> {
        self.host.reach().kv_delete(key)
    }

    /// At most `limit` (1 to 1 000) keys with a prefix, in order, those behind `after`.
    ///
    /// # Errors
    /// As [`Kv::get`].
    pub fn list<'k>(
        &self,
        prefix: &str,
        after: impl Into<Option<&'k str>>,
        limit: u32,
    ) -> Result<Vec<String>, HostError> {
        self.host.reach().kv_list(prefix, after.into(), limit)
    }

    /// Sets a key where it holds `expected` (nothing: where it is not there), or removes
    /// it where `value` is nothing. `false` where it holds something else. What was
    /// compared must still be so when the attempt ends: else it fails as `conflict`, and
    /// is tried again as the pipeline's `retry` says.
    ///
    /// ```
    /// # use bailiwick::{Failure, fake::Fake};
    /// let fake = Fake::new().kv([]);
    /// let host = fake.host();
    /// assert!(host.kv().compare_and_set("turn", None::<&str>, Some("ana"))?);
    /// assert!(!host.kv().compare_and_set("turn", None::<&str>, Some("ben"))?);
    /// # Ok::<(), Failure>(())
    /// ```
    ///
    /// # Errors
    /// As [`Kv::set`].
    pub fn compare_and_set<T: Serialize>(
        &self,
        key: &str,
        expected: Option<T>,
        value: Option<T>,
    ) -> Result<bool, HostError> {
        let text = |value: Option<T>| value.map(|value| text(&value)).transpose();
        let (expected, value) = (text(expected)?, text(value)?);
        self.host.reach().kv_swap(key, expected.as_deref(), value.as_deref())
    }
}

fn text(value: &impl Serialize) -> Result<String, HostError> {
    schema::encode_sorted(value).map_err(|error| HostError::Invalid(format!("value: {error}")))
}
