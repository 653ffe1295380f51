//! Vectors for collections that are searched by meaning too: what is missing is asked of the model, before the first cell of a run.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bailiwick_core::fact::Fact;
use bailiwick_core::ports::Durable;
use bailiwick_core::{Cost, Digest, Name, RunId};
use bailiwick_gate::ledger::{Hold, Payer};
use bailiwick_gate::model::EmbedRequest;
use bailiwick_gate::worst::spent;
use bailiwick_gate::{Gateway, ProviderCall};
use bailiwick_orchestrator::Preparation;
use bailiwick_policy::price::Priced;
use bailiwick_policy::{Budget, Route};
use bailiwick_store::Collections;
use bailiwick_store::knowledge::ChunkId;

/// Passages in one request: small servers have little room for a batch.
const BATCH: usize = 32;
/// The longest that one request may take: a laptop embeds a batch in seconds.
const TIMEOUT: Duration = Duration::from_secs(120);

/// Embeds every passage that has no vector of its collection's model yet. Passages
/// that did not change keep theirs, so a second run asks for nothing.
pub(crate) fn missing(gateway: Arc<Gateway>, collections: Collections, run: RunId) -> Preparation {
    Box::new(move |durable| {
        Box::pin(async move {
            let mut facts = Vec::new();
            for (collection, alias) in &gateway.embedders {
                let Some(route) = gateway.models.get(alias).and_then(|routes| routes.first())
                else {
                    return Err(format!(
                        "the model `{alias}` of collection `{collection}` has no route"
                    ));
                };
                let batches = Batches { gateway: &gateway, durable: &durable, run: &run, route };
                let embedded = batches.embed(&collections, collection).await;
                facts.extend(embedded.map_err(|why| format!("collection `{collection}`: {why}"))?);
            }
            Ok(facts)
        })
    })
}

struct Batches<'a> {
    gateway: &'a Gateway,
    durable: &'a Durable,
    run: &'a RunId,
    route: &'a Route,
}

impl Batches<'_> {
    async fn embed(
        &self,
        collections: &Collections,
        collection: &Name,
    ) -> Result<Option<Fact>, String> {
        let model = self.route.to_string();
        let missing = collections.without_vectors(collection, &model).await;
        let missing = missing.map_err(|error| error.to_string())?;
        let mut cost = Cost::ZERO;
        for batch in missing.chunks(BATCH) {
            let (vectors, spent) = self.request(batch).await?;
            cost = cost.plus(spent);
            let kept = collections.keep_vectors(collection, &model, vectors).await;
            kept.map_err(|error| error.to_string())?;
        }
        let passages = missing.len() as u64;
        let fact = Fact::Embedded { collection: collection.clone(), route: model, passages, cost };
        Ok((passages > 0).then_some(fact))
    }

    async fn request(
        &self,
        batch: &[(ChunkId, String)],
    ) -> Result<(Vec<(ChunkId, Vec<f32>)>, Cost), String> {
        let texts: Vec<String> = batch.iter().map(|(_, words)| words.clone()).collect();
        let request = EmbedRequest { alias: String::new(), texts };
        let parts = request.texts.iter().map(|text| text.as_bytes());
        let parts: Vec<&[u8]> = [self.run.as_str().as_bytes()].into_iter().chain(parts).collect();
        let call = ProviderCall {
            route: self.route,
            request: &request,
            images: &BTreeMap::new(),
            idempotency_key: &Digest::keyed(&self.gateway.host_key, &parts),
            timeout: TIMEOUT,
        };
        let worst = request.worst().on(self.route);
        let hold = self.reserve(worst).await?;
        let embedding = match self.gateway.provider.embed(self.durable, call).await {
            Ok(embedding) => embedding,
            Err(error) => {
                hold.settle(error.charge(worst));
                return Err(error.to_string());
            }
        };
        let cost = spent(self.route, embedding.usage, 0);
        hold.settle(cost);
        if embedding.vectors.len() != batch.len() {
            return Err(format!(
                "{} passages came back as {} vectors",
                batch.len(),
                embedding.vectors.len()
            ));
        }
        let ids = batch.iter().map(|(id, _)| *id);
        Ok((ids.zip(embedding.vectors).collect(), cost))
    }

    /// From the project's day: no agent and no step asks for this.
    async fn reserve(&self, worst: Cost) -> Result<Hold, String> {
        let payer = Payer { run: self.run, by: None, granted: Budget::NONE };
        let Gateway { ledger, clock, .. } = self.gateway;
        if ledger.counts_money(payer) && self.route.lacks_price(Priced::Vectors).is_some() {
            return Err(format!("the route {} has no price, and money is bounded", self.route));
        }
        ledger.reserve(payer, worst, clock.as_ref()).await.map_err(|spent| spent.detail)
    }
}

#[cfg(test)]
mod tests {
    use bailiwick_core::Timestamp;
    use bailiwick_core::fact::{Entry, RunEnd};
    use bailiwick_core::ports::{Blobs, Journal as _};
    use bailiwick_gate::knowledge::{KnowledgeIndex as _, SearchRequest};
    use bailiwick_gate::ledger::Ledger;
    use bailiwick_provider::{Keys, Providers};
    use bailiwick_store::knowledge::{Media, Source};
    use bailiwick_store::{Store, StoreOptions};

    use super::*;
    use crate::system::SystemClock;

    fn name(text: &str) -> Name {
        Name::new(text).unwrap()
    }

    async fn durable(store: &Store, run: &RunId) -> Durable {
        let term = store.create(run).await.unwrap();
        let fact = Fact::RunEnded { end: RunEnd::Done, output: None, reason: None };
        let entry = Entry { at: Timestamp(0), facts: vec![fact] };
        store.append(run, term, entry).unwrap().durable().await.unwrap()
    }

    #[tokio::test]
    async fn what_has_no_vector_is_embedded_once() {
        let folder = tempfile::tempdir().unwrap();
        let options = StoreOptions { command: "test".into(), now: Timestamp(0) };
        let store = Arc::new(Store::open(folder.path(), options).unwrap());
        let collections = store.collections(Digest::of(b"project")).unwrap();
        let source = |document: &str, text: &str| Source {
            document: document.into(),
            media: Media::Plain,
            text: text.into(),
        };
        let sources =
            vec![source("a.txt", "bees make honey"), source("b.txt", "roses have thorns")];
        collections.index(&name("facts"), Digest::of(b"1"), sources).await.unwrap();
        let gateway = Arc::new(Gateway {
            models: [(name("embedder"), vec![Route::builtin()])].into(),
            embedders: [(name("facts"), name("embedder"))].into(),
            provider: Arc::new(Providers::new(Keys::new(None, None))),
            knowledge: Arc::new(collections.clone()),
            blobs: Arc::clone(&store) as Arc<dyn Blobs>,
            clock: Arc::new(SystemClock),
            host_key: [7; 32],
            ledger: Ledger::default(),
        });
        let run = RunId::new("r").unwrap();
        let proof = durable(&store, &run).await;
        let embed = || missing(Arc::clone(&gateway), collections.clone(), run.clone())(proof);
        let facts = embed().await.unwrap();
        assert!(matches!(facts.as_slice(), [Fact::Embedded { passages: 2, .. }]), "{facts:?}");
        assert_eq!(embed().await.unwrap(), []);

        let words = vec!["bees make honey".to_owned()];
        let request = EmbedRequest { alias: String::new(), texts: words };
        let call = ProviderCall {
            route: &Route::builtin(),
            request: &request,
            images: &BTreeMap::new(),
            idempotency_key: &Digest::of(b""),
            timeout: TIMEOUT,
        };
        let vector = gateway.provider.embed(&proof, call).await.unwrap().vectors.remove(0);
        // No word of the query stands in the passage: only its vector finds it.
        let search = SearchRequest {
            collection: "facts".into(),
            query: "zzz".into(),
            limit: 1,
            vector: Some(vector),
        };
        let found = collections.search(&name("facts"), &search).await.unwrap();
        assert_eq!(found[0].document, "a.txt");
    }
}
