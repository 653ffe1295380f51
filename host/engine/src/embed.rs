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
use bailiwick_orchestrator::{Lack, Preparation, Readiness};
use bailiwick_policy::price::Priced;
use bailiwick_policy::{Route, WhenSpent};
use bailiwick_store::Collections;
use bailiwick_store::knowledge::ChunkId;

/// Passages in one request: small servers have little room for a batch.
const BATCH: usize = 32;
/// The longest that one request may take: a laptop embeds a batch in seconds.
const TIMEOUT: Duration = Duration::from_secs(120);

/// Embeds every passage that has no vector of its collection's model yet. Passages
/// that did not change keep theirs, so a second run asks for nothing. A project without
/// such collections prepares nothing, and its first cell waits for no flush.
pub(crate) fn missing(
    gateway: Arc<Gateway>,
    collections: Collections,
    run: RunId,
) -> Option<Preparation> {
    if gateway.embedders.is_empty() {
        return None;
    }
    Some(Arc::new(move |durable| {
        let (gateway, collections) = (Arc::clone(&gateway), collections.clone());
        let run = run.clone();
        Box::pin(async move {
            let mut facts = Vec::new();
            for (collection, alias) in &gateway.embedders {
                let Some(route) = gateway.models.get(alias).and_then(|routes| routes.first())
                else {
                    let why = format!("the model `{alias}` of `{collection}` has no route");
                    return Readiness { facts, lacks: Some(Lack::Fails(why)) };
                };
                let batches = Batches { gateway: &gateway, durable: &durable, run: &run, route };
                let (embedded, lacks) = batches.embed(&collections, collection).await;
                facts.extend(embedded);
                if let Some(lacks) = lacks {
                    let at = |why| format!("collection `{collection}`: {why}");
                    let lacks = match lacks {
                        Lack::Fails(why) => Lack::Fails(at(why)),
                        Lack::Budget(why) => Lack::Budget(at(why)),
                        Lack::Day(why) => Lack::Day(at(why)),
                    };
                    return Readiness { facts, lacks: Some(lacks) };
                }
            }
            Readiness { facts, lacks: None }
        })
    }))
}

struct Batches<'a> {
    gateway: &'a Gateway,
    durable: &'a Durable,
    run: &'a RunId,
    route: &'a Route,
}

impl Batches<'_> {
    /// As many batches as can be had; what was paid for is a fact, however it ends.
    async fn embed(
        &self,
        collections: &Collections,
        collection: &Name,
    ) -> (Option<Fact>, Option<Lack>) {
        let model = self.route.to_string();
        let (mut passages, mut cost) = (0, Cost::ZERO);
        let all = async {
            let missing = collections.without_vectors(collection, &model).await.map_err(fails)?;
            for batch in missing.chunks(BATCH) {
                let vectors = self.request(batch, &mut cost).await?;
                collections.keep_vectors(collection, &model, vectors).await.map_err(fails)?;
                passages += batch.len() as u64;
            }
            Ok(())
        };
        let ended: Result<(), Lack> = all.await;
        let spent = passages > 0 || cost != Cost::ZERO;
        let fact = Fact::Embedded { collection: collection.clone(), route: model, passages, cost };
        (spent.then_some(fact), ended.err())
    }

    async fn request(
        &self,
        batch: &[(ChunkId, String)],
        cost: &mut Cost,
    ) -> Result<Vec<(ChunkId, Vec<f32>)>, Lack> {
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
                let charged = error.charge(worst);
                hold.settle(charged);
                *cost = cost.plus(charged);
                return Err(fails(error));
            }
        };
        let spent = spent(self.route, embedding.usage, 0);
        hold.settle(spent);
        *cost = cost.plus(spent);
        let (asked, given) = (batch.len(), embedding.vectors.len());
        if asked != given {
            return Err(fails(format!("{asked} passages came back as {given} vectors")));
        }
        let ids = batch.iter().map(|(id, _)| *id);
        Ok(ids.zip(embedding.vectors).collect())
    }

    /// From the project's day: no agent and no step asks for this.
    async fn reserve(&self, worst: Cost) -> Result<Hold, Lack> {
        let payer = Payer::of(self.run, None);
        let Gateway { ledger, clock, .. } = self.gateway;
        if ledger.counts_money(payer) && self.route.lacks_price(Priced::Vectors).is_some() {
            return Err(fails(format!(
                "the route {} has no price, and money is bounded",
                self.route
            )));
        }
        ledger.reserve(payer, worst, clock.as_ref()).await.map_err(|spent| match spent.when {
            // There is no agent to be told, and nothing released to finish with.
            WhenSpent::Fail | WhenSpent::Finish => Lack::Fails(spent.detail),
            WhenSpent::Pause if spent.renews => Lack::Day(spent.detail),
            WhenSpent::Pause => Lack::Budget(spent.detail),
        })
    }
}

fn fails(why: impl ToString) -> Lack {
    Lack::Fails(why.to_string())
}

#[cfg(test)]
mod tests {
    use bailiwick_core::fact::{Entry, RunEnd};
    use bailiwick_core::ports::{Blobs, Journal as _};
    use bailiwick_core::{Calls, Timestamp};
    use bailiwick_gate::knowledge::{KnowledgeIndex as _, SearchRequest};
    use bailiwick_gate::ledger::Ledger;
    use bailiwick_policy::{Budget, Budgets};
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
            http: Arc::new(bailiwick_gate::Unconnected),
            namespaces: Arc::new(bailiwick_gate::kv::NoNamespaces),
            agents: Arc::new(bailiwick_policy::ports::NoSlots),
            blobs: Arc::clone(&store) as Arc<dyn Blobs>,
            clock: Arc::new(SystemClock),
            rules: Arc::new(bailiwick_policy::Unchanging(
                bailiwick_policy::Clearances::unlabelled(),
            )),
            lowered: std::collections::BTreeSet::new(),
            host_key: [7; 32],
            ledger: Ledger::default(),
        });
        let run = RunId::new("r").unwrap();
        let proof = durable(&store, &run).await;
        let embed =
            || missing(Arc::clone(&gateway), collections.clone(), run.clone()).unwrap()(proof);
        let none =
            Budgets { day: Budget { calls: Some(Calls(0)), ..Budget::NONE }, ..Budgets::default() };
        gateway.ledger.open(&run, Arc::new(none));
        let spent = embed().await;
        assert_eq!(spent.facts, []);
        assert!(matches!(spent.lacks, Some(Lack::Budget(_))), "{spent:?}");
        gateway.ledger.open(&run, Arc::default());
        let Readiness { facts, lacks: None } = embed().await else { panic!() };
        assert!(matches!(facts.as_slice(), [Fact::Embedded { passages: 2, .. }]), "{facts:?}");
        assert_eq!(embed().await, Readiness::default());

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
