//! A provider of models that is away or slow on purpose.

use std::sync::Arc;
use std::time::Duration;

use bailiwick_core::ports::{BoxFuture, Durable};
use bailiwick_gate::model::{
    CompleteRequest, Completion, EmbedRequest, Embedding, ImageRequest, Images,
};
use bailiwick_gate::provider::{ModelProvider, ProviderCall, ProviderError};

use super::Faults;

/// A provider with faults in it.
pub(super) struct Faulty {
    inner: Arc<dyn ModelProvider>,
    faults: Arc<Faults>,
}

impl Faulty {
    pub(super) fn new(inner: Arc<dyn ModelProvider>, faults: Arc<Faults>) -> Self {
        Self { inner, faults }
    }

    /// The answer, as late as the faults say and never after the caller's patience.
    async fn answer<T>(
        &self,
        timeout: Duration,
        asked: BoxFuture<'_, Result<T, ProviderError>>,
    ) -> Result<T, ProviderError> {
        if self.faults.refuses_request() {
            return Err(away("made to be away by --inject", false));
        }
        let delay = self.faults.provider_delay();
        let late = async {
            let answer = asked.await;
            tokio::time::sleep(delay).await;
            answer
        };
        let answer = tokio::time::timeout(timeout, late).await;
        answer.unwrap_or_else(|_| Err(away("no answer in time, as --inject wants it", true)))
    }
}

fn away(detail: &str, left: bool) -> ProviderError {
    // Asked again at once: a drill does not wait for a server that is not there.
    let retry_after = Some(Duration::ZERO);
    ProviderError::Unavailable { detail: detail.to_owned(), retry_after, left }
}

impl ModelProvider for Faulty {
    fn complete<'a>(
        &'a self,
        durable: &'a Durable,
        call: ProviderCall<'a, CompleteRequest>,
    ) -> BoxFuture<'a, Result<Completion, ProviderError>> {
        Box::pin(self.answer(call.timeout, self.inner.complete(durable, call)))
    }

    fn embed<'a>(
        &'a self,
        durable: &'a Durable,
        call: ProviderCall<'a, EmbedRequest>,
    ) -> BoxFuture<'a, Result<Embedding, ProviderError>> {
        Box::pin(self.answer(call.timeout, self.inner.embed(durable, call)))
    }

    fn generate_image<'a>(
        &'a self,
        durable: &'a Durable,
        call: ProviderCall<'a, ImageRequest>,
    ) -> BoxFuture<'a, Result<Images, ProviderError>> {
        Box::pin(self.answer(call.timeout, self.inner.generate_image(durable, call)))
    }
}
