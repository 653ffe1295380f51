//! The port to the namespaces of a project: what is durable in them, and turns. Knows no table.

use bailiwick_core::ports::BoxFuture;
use bailiwick_core::{Bytes, Digest, Document, Name};
use bailiwick_policy::ports::Turn;

/// The most keys of a namespace: more is a table, and wants a database.
pub const KEYS_MAX: u64 = 10_000;

/// A value as it is kept: its digest and its size.
pub type Kept = (Digest, Bytes);

/// What a namespace holds in sum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// Keys.
    pub keys: u64,
    /// Keys and values.
    pub bytes: Bytes,
}

/// Why a namespace cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("storage failed: {0}")]
pub struct KvError(pub String);

/// The namespaces of one project, as far as they are on stable storage. Written by the
/// journal alone, with the append in which an attempt ends.
pub trait Namespaces: Send + Sync {
    /// A turn in a namespace, when it comes. Whoever ends with writes has an exclusive one
    /// until they are durable; whoever reads has a shared one while he does, so that what
    /// an attempt that ended before has written is always seen.
    fn turn<'a>(&'a self, namespace: &'a Name, exclusive: Exclusive) -> BoxFuture<'a, Turn>;

    /// A value. Waits for no turn, as all below.
    fn get<'a>(
        &'a self,
        namespace: &'a Name,
        key: &'a str,
    ) -> BoxFuture<'a, Result<Option<Document>, KvError>>;

    /// Digest and size of the values of some keys, in the same order.
    fn look<'a>(
        &'a self,
        namespace: &'a Name,
        keys: Vec<String>,
    ) -> BoxFuture<'a, Result<Vec<Option<Kept>>, KvError>>;

    /// At most `limit` keys with a prefix, in order, those behind `after`.
    fn keys<'a>(
        &'a self,
        namespace: &'a Name,
        prefix: &'a str,
        after: Option<&'a str>,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<String>, KvError>>;

    /// What it holds.
    fn held<'a>(&'a self, namespace: &'a Name) -> BoxFuture<'a, Result<Held, KvError>>;
}

/// Whether somebody else may have a turn meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exclusive {
    /// Nobody.
    Yes,
    /// Whoever shares it too.
    No,
}

/// No namespaces: for hosts without a folder.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoNamespaces;

impl Namespaces for NoNamespaces {
    fn turn<'a>(&'a self, _: &'a Name, _: Exclusive) -> BoxFuture<'a, Turn> {
        Box::pin(async { Turn::new(()) })
    }

    fn get<'a>(
        &'a self,
        _: &'a Name,
        _: &'a str,
    ) -> BoxFuture<'a, Result<Option<Document>, KvError>> {
        Box::pin(async { Ok(None) })
    }

    fn look<'a>(
        &'a self,
        _: &'a Name,
        keys: Vec<String>,
    ) -> BoxFuture<'a, Result<Vec<Option<Kept>>, KvError>> {
        Box::pin(async move { Ok(vec![None; keys.len()]) })
    }

    fn keys<'a>(
        &'a self,
        _: &'a Name,
        _: &'a str,
        _: Option<&'a str>,
        _: u32,
    ) -> BoxFuture<'a, Result<Vec<String>, KvError>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn held<'a>(&'a self, _: &'a Name) -> BoxFuture<'a, Result<Held, KvError>> {
        Box::pin(async { Ok(Held::default()) })
    }
}

/// Why a namespace may not hold so much.
pub(super) fn over(quota: Bytes, namespace: &Name, held: Held) -> Option<String> {
    if held.bytes > quota {
        return Some(format!("used {} of {quota} in {namespace}", held.bytes));
    }
    (held.keys > KEYS_MAX).then(|| format!("used {} of {KEYS_MAX} keys in {namespace}", held.keys))
}
