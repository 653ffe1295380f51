//! The port behind which models answer. One call is one request that leaves; routes, retries and repair are the gate's.

use std::collections::BTreeMap;
use std::time::Duration;

use bailiwick_core::ports::{BoxFuture, Durable};
use bailiwick_core::{Calls, Cost, Digest};
use bailiwick_policy::Route;

use crate::model::{CompleteRequest, Completion, EmbedRequest, Embedding, ImageRequest, Images};

/// One request to one route.
#[derive(Clone, Copy)]
pub struct ProviderCall<'a, R> {
    /// Where it goes.
    pub route: &'a Route,
    /// What is asked.
    pub request: &'a R,
    /// The bytes of the artifacts that the request shows.
    pub images: &'a BTreeMap<Digest, Vec<u8>>,
    /// Equal over tries, attempts and crashes; sent along where the protocol has a header for it.
    pub idempotency_key: &'a Digest,
    /// The longest that it may take.
    pub timeout: Duration,
}

/// Why a route gave no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProviderError {
    /// It could not be reached, answered 5xx, or broke off. `left` is whether the
    /// request may have been worked on: then it is charged.
    #[error("{detail}")]
    Unavailable {
        /// For the operator: no URL with a query, no secret.
        detail: String,
        /// What the server asked for.
        retry_after: Option<Duration>,
        /// Whether bytes of the request left the host.
        left: bool,
    },
    /// 429: nothing was done, nothing is charged.
    #[error("{detail}")]
    Busy {
        /// For the operator.
        detail: String,
        /// What the server asked for.
        retry_after: Option<Duration>,
    },
    /// 4xx: the same request will never work on this route.
    #[error("{detail}")]
    Rejected {
        /// For the operator.
        detail: String,
    },
    /// The route cannot do this at all (images on a text model); another may.
    #[error("{detail}")]
    Unsupported {
        /// For the operator.
        detail: String,
    },
}

impl ProviderError {
    /// What is charged for a request that ended so, reserved at `worst` on its route: one
    /// that may have been worked on in full, one that the server turned away a call and
    /// nothing else, a 429 and one that never left nothing at all.
    #[must_use]
    pub fn charge(&self, worst: Cost) -> Cost {
        match self {
            Self::Unavailable { left: true, .. } => worst,
            Self::Rejected { .. } => Cost { calls: Calls(1), ..Cost::ZERO },
            Self::Unavailable { .. } | Self::Busy { .. } | Self::Unsupported { .. } => Cost::ZERO,
        }
    }
}

/// Speaks to models. Holds the secrets; what it returns never contains one.
pub trait ModelProvider: Send + Sync {
    /// Words. Takes the proof that the intent is on stable storage.
    fn complete<'a>(
        &'a self,
        durable: &'a Durable,
        call: ProviderCall<'a, CompleteRequest>,
    ) -> BoxFuture<'a, Result<Completion, ProviderError>>;

    /// Vectors.
    fn embed<'a>(
        &'a self,
        durable: &'a Durable,
        call: ProviderCall<'a, EmbedRequest>,
    ) -> BoxFuture<'a, Result<Embedding, ProviderError>>;

    /// Images.
    fn generate_image<'a>(
        &'a self,
        durable: &'a Durable,
        call: ProviderCall<'a, ImageRequest>,
    ) -> BoxFuture<'a, Result<Images, ProviderError>>;
}
