//! The provider and the index of a host: answer by what is asked alone, keep a book of what they worked on, and hold each request against what is on stable storage.

use std::sync::Arc;
use std::time::Duration;

use bailiwick_core::ports::{BoxFuture, Clock, Durable};
use bailiwick_core::{Calls, Cost, Digest, Name, Tokens};
use bailiwick_gate::knowledge::{KnowledgeError, KnowledgeIndex, Passage, SearchRequest};
use bailiwick_gate::model::{
    CompleteRequest, Completion, EmbedRequest, Embedding, Finish, ImageRequest, Images, ModelUsage,
};
use bailiwick_gate::{ModelProvider, ProviderCall, ProviderError};
use serde_json::json;

use crate::clock::Simulated;
use crate::outside::Outside;

/// Requests with one key that fail: below the tries that a gate makes of one route, so
/// that most calls are answered in the end.
const FAILURES_MAX: usize = 3;

pub(crate) struct Provider(pub(crate) Arc<Outside>);

impl Provider {
    /// Whether this request may leave now, and whose step asks.
    fn held_against(&self, durable: &Durable, key: &Digest) -> Option<Name> {
        let known = self.0.known();
        let Some((attempt, index)) = known.intents.get(key) else {
            self.0.wrong(format!("{key:?} left before its intent was durable"));
            return None;
        };
        if durable.position() > known.entries as u64 {
            self.0.wrong(format!("entry {} is not durable", durable.position()));
        }
        if known.answered.contains(&(attempt.clone(), *index)) {
            self.0.wrong(format!("call {index} of {attempt} has an answer, and was asked again"));
        }
        if known.ended.contains(attempt) {
            self.0.wrong(format!("{attempt} has ended, and asks"));
        }
        Some(attempt.cell.step.clone())
    }

    /// What becomes of one request that may take so much.
    async fn serve(
        &self,
        durable: &Durable,
        key: &Digest,
        cost: Cost,
        timeout: Duration,
    ) -> Result<(), ProviderError> {
        let Some(step) = self.held_against(durable, key) else { return Ok(()) };
        let outside = &self.0;
        let detail = || "the simulation says so".to_owned();
        if let Some((out, first, left)) = &mut *outside.outage.lock().unwrap()
            && *out == step
            && first.get_or_insert(*key) == key
            && *left > 0
        {
            *left -= 1;
            let (retry_after, left) = (None, false);
            return Err(ProviderError::Unavailable { detail: detail(), retry_after, left });
        }
        let lost = |left| ProviderError::Unavailable { detail: detail(), retry_after: None, left };
        let fails = {
            let mut failures = outside.failures.lock().unwrap();
            let failed = failures.entry(*key).or_default();
            let fails = *failed < FAILURES_MAX && outside.chance(outside.faults().provider);
            *failed += usize::from(fails);
            fails
        };
        if !fails {
            outside.work(&step, cost);
            outside.turns(12).await;
            return Ok(());
        }
        match outside.roll(8) {
            0 | 1 => {
                outside.turns(4).await;
                Err(ProviderError::Busy { detail: detail(), retry_after: None })
            }
            2 => Err(lost(false)),
            // Answered, and the answer was lost.
            3 | 4 => {
                outside.work(&step, cost);
                outside.turns(12).await;
                Err(lost(true))
            }
            // Late.
            5 | 6 => {
                outside.work(&step, cost);
                outside.turns(200).await;
                Ok(())
            }
            // Never.
            _ => {
                outside.work(&step, cost);
                let clock = Simulated(Arc::clone(outside));
                clock.sleep_until(clock.now().after(timeout)).await;
                Err(lost(true))
            }
        }
    }
}

impl ModelProvider for Provider {
    fn complete<'a>(
        &'a self,
        durable: &'a Durable,
        call: ProviderCall<'a, CompleteRequest>,
    ) -> BoxFuture<'a, Result<Completion, ProviderError>> {
        Box::pin(async move {
            // The seed is where the guest's clock stood: it is asked for, and not answered to.
            let text = serde_json::to_string(&call.request.messages).unwrap();
            let text = Digest::of(text.as_bytes()).short();
            let usage = ModelUsage { input_tokens: 5, output_tokens: text.len() as u64 % 8 };
            let cost = Cost { tokens: usage.tokens(), calls: Calls(1), ..Cost::ZERO };
            self.serve(durable, call.idempotency_key, cost, call.timeout).await?;
            Ok(Completion {
                text,
                tool_calls: Vec::new(),
                finish: Finish::Stop,
                usage,
                model: "simulated".into(),
                streamed: true,
            })
        })
    }

    fn embed<'a>(
        &'a self,
        durable: &'a Durable,
        call: ProviderCall<'a, EmbedRequest>,
    ) -> BoxFuture<'a, Result<Embedding, ProviderError>> {
        Box::pin(async move {
            let usage = ModelUsage { input_tokens: 2, output_tokens: 0 };
            let cost = Cost { tokens: Tokens(2), calls: Calls(1), ..Cost::ZERO };
            self.serve(durable, call.idempotency_key, cost, call.timeout).await?;
            let vectors = call.request.texts.iter().map(|_| vec![1.0, 0.5]).collect();
            Ok(Embedding { vectors, usage, model: "simulated".into() })
        })
    }

    fn generate_image<'a>(
        &'a self,
        durable: &'a Durable,
        call: ProviderCall<'a, ImageRequest>,
    ) -> BoxFuture<'a, Result<Images, ProviderError>> {
        Box::pin(async move {
            let usage = ModelUsage { input_tokens: 2, output_tokens: 9 };
            let cost = Cost { tokens: usage.tokens(), calls: Calls(1), ..Cost::ZERO };
            self.serve(durable, call.idempotency_key, cost, call.timeout).await?;
            let images = vec![(call.request.prompt.clone().into_bytes(), "image/png".to_owned())];
            Ok(Images { images, usage, model: "simulated".into() })
        })
    }
}

pub(crate) struct Index(pub(crate) Arc<Outside>);

impl KnowledgeIndex for Index {
    fn search<'a>(
        &'a self,
        _: &'a Name,
        request: &'a SearchRequest,
    ) -> BoxFuture<'a, Result<Vec<Passage>, KnowledgeError>> {
        let passage = Passage {
            document: "a.md".into(),
            text: format!("about {} {:?}", request.query, request.vector),
            score: 1.0,
            metadata: json!({}),
        };
        Box::pin(async move {
            self.0.turns(3).await;
            Ok(vec![passage])
        })
    }
}
