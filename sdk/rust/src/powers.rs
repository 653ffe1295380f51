//! What an agent can ask of whatever is on the other side: the real host inside the
//! sandbox, the fake outside. Knows neither.

use crate::artifact::Artifact;
use crate::delegate::DelegateError;
use crate::failure::HostError;
use crate::http;
use crate::knowledge::Passage;
use crate::log::Level;
use crate::model::{Completion, Embedding, Picture, Request};

/// Every call of the contract. One implementation is compiled in, and called without
/// a table of functions, so that an import that an agent never uses falls away.
pub(crate) trait Powers {
    fn write(&self, level: Level, message: &str);
    fn report(&self, fraction: f32, note: &str);
    fn complete(&self, request: &Request) -> Result<Completion, HostError>;
    fn embed(&self, alias: &str, texts: &[&str]) -> Result<Embedding, HostError>;
    fn generate_images(&self, alias: &str, picture: &Picture) -> Result<Vec<Artifact>, HostError>;
    fn search(&self, collection: &str, query: &str, limit: u32) -> Result<Vec<Passage>, HostError>;
    fn put(
        &self,
        bytes: &[u8],
        media_type: &str,
        name: Option<&str>,
    ) -> Result<Artifact, HostError>;
    fn get(&self, artifact: &Artifact) -> Result<Vec<u8>, HostError>;
    fn fetch(&self, request: &http::Request) -> Result<http::Response, HostError>;
    fn kv_get(&self, key: &str) -> Result<Option<String>, HostError>;
    fn kv_set(&self, key: &str, value: &str) -> Result<(), HostError>;
    fn kv_delete(&self, key: &str) -> Result<(), HostError>;
    fn kv_list(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<String>, HostError>;
    fn kv_swap(
        &self,
        key: &str,
        expected: Option<&str>,
        value: Option<&str>,
    ) -> Result<bool, HostError>;
    fn delegate(&self, agent: &str, input: &str) -> Result<String, DelegateError>;
}

#[cfg(not(target_family = "wasm"))]
pub(crate) use crate::fake::Fake as Reach;
#[cfg(target_family = "wasm")]
pub(crate) use crate::guest::Imports as Reach;
