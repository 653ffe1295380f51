//! Vectors for collections that are searched by meaning too: what is missing is asked of the model, before the first cell of a run.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bailiwick_core::fact::{Entry, Fact};
use bailiwick_core::ports::Durable;
use bailiwick_core::{Cost, Digest, Name, RunId};
use bailiwick_gate::ledger::{Allowance, Hold, Payer, Purse};
use bailiwick_gate::model::EmbedRequest;
use bailiwick_gate::worst::spent;
use bailiwick_gate::{Gateway, ProviderCall};
use bailiwick_orchestrator::{Lack, Preparation, Readiness};
use bailiwick_policy::price::Priced;
use bailiwick_policy::{Generation, Route, WhenSpent};
use bailiwick_store::Collections;
use bailiwick_store::knowledge::ChunkId;

/// Passages in one request: small servers have little room for a batch.
const BATCH: usize = 32;
/// The longest that one request may take: a laptop embeds a batch in seconds.
const TIMEOUT: Duration = Duration::from_secs(120);

/// Embeds every passage that has no vector of its collection's model yet. Passages
/// that did not change keep theirs, so a second run asks for nothing. A collection that none
/// of the run's agents may search is left as it is. A project without such collections
/// prepares nothing, and its first cell waits for no flush.
pub(crate) fn missing(
    gateway: Arc<Gateway>,
    collections: Collections,
    run: RunId,
    agents: Agents,
) -> Option<Preparation> {
    if gateway.embedders.is_empty() {
        return None;
    }
    Some(Arc::new(move |durable| {
        let (gateway, collections) = (Arc::clone(&gateway), collections.clone());
        let (run, agents) = (run.clone(), agents.clone());
        Box::pin(async move {
            let mut facts = Vec::new();
            for (collection, alias) in &gateway.embedders {
                let Some(route) = gateway.models.get(alias).and_then(|routes| routes.first())
                else {
                    let why = format!("the model `{alias}` of `{collection}` has no route");
                    return Readiness { facts, lacks: Some(Lack::Fails(why)) };
                };
                let (gateway, durable, run, agents) = (&*gateway, &durable, &run, &*agents);
                let of = (collection, alias);
                let batches = Batches { gateway, durable, run, agents, route, of };
                let (embedded, lacks) = batches.embed(&collections).await;
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

/// The agents of a run.
pub(crate) type Agents = Arc<[Arc<Generation>]>;

/// Counts what earlier hosts asked for before the first cell of a run for the agents that
/// it was asked for.
pub(crate) fn seed(gateway: &Gateway, run: &RunId, entries: &[Entry], agents: &Agents) {
    let mut by_agent = BTreeMap::<Name, Cost>::new();
    for fact in entries.iter().flat_map(|entry| &entry.facts) {
        let Fact::Embedded { collection, cost, .. } = fact else { continue };
        let granted =
            |agent: &&Arc<Generation>| agent.effective.grants.knowledge.contains(collection);
        for agent in agents.iter().filter(granted) {
            let sum = by_agent.entry(agent.agent.clone()).or_default();
            *sum = sum.plus(*cost);
        }
    }
    gateway.ledger.seed_prepared(run, by_agent);
}

struct Batches<'a> {
    gateway: &'a Gateway,
    durable: &'a Durable,
    run: &'a RunId,
    agents: &'a [Arc<Generation>],
    route: &'a Route,
    /// The collection, and the alias of its model.
    of: (&'a Name, &'a Name),
}

impl Batches<'_> {
    /// As many batches as can be had; what was paid for is a fact, however it ends.
    async fn embed(&self, collections: &Collections) -> (Option<Fact>, Option<Lack>) {
        let (collection, _) = self.of;
        let model = self.route.to_string();
        let (mut passages, mut cost) = (0, Cost::ZERO);
        let all = async {
            let missing = collections.without_vectors(collection, &model).await.map_err(fails)?;
            for batch in missing.chunks(BATCH) {
                // By the rules of now: they may change between any two of these.
                let searchers = self.searchers();
                if searchers.is_empty() {
                    break;
                }
                let vectors = self.request(batch, searchers, &mut cost).await?;
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
        searchers: Vec<(Name, Allowance)>,
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
        let hold = self.reserve(worst, searchers).await?;
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

    /// The agents that may search the collection at this moment, and whose ceilings let its
    /// model be asked, with what those leave.
    fn searchers(&self) -> Vec<(Name, Allowance)> {
        let (collection, alias) = self.of;
        let rules = &self.gateway.rules;
        let allowed = self.agents.iter().filter_map(|agent| {
            let now = rules.standing(agent);
            let may = now.effective().grants.knowledge.contains(collection)
                && now.revoked_model(alias.as_str()).is_none();
            let allowance = Allowance { ceiling: now.ceiling, ..Allowance::UNBOUND };
            may.then(|| (agent.agent.clone(), allowance))
        });
        allowed.collect()
    }

    /// From the project's day, and within the ceiling of everybody for whom it is asked. Who
    /// has no room left is not who it is asked for, as long as somebody else has.
    async fn reserve(
        &self,
        worst: Cost,
        mut searchers: Vec<(Name, Allowance)>,
    ) -> Result<Hold, Lack> {
        let Gateway { ledger, clock, .. } = self.gateway;
        let unpriced = self.route.lacks_price(Priced::Vectors).is_some();
        if unpriced && searchers.iter().any(|(_, allowed)| allowed.ceiling.money.is_none()) {
            searchers.retain(|(_, allowed)| allowed.ceiling.money.is_none());
        }
        loop {
            let payer = Payer { above: &searchers, ..Payer::of(self.run, None) };
            if unpriced && ledger.counts_money(payer) {
                return Err(fails(format!(
                    "the route {} has no price, and money is bounded",
                    self.route
                )));
            }
            let spent = match ledger.reserve(payer, worst, clock.as_ref()).await {
                Ok(hold) => return Ok(hold),
                Err(spent) => spent,
            };
            if let Purse::Ceiling(agent) = &spent.purse
                && searchers.len() > 1
            {
                searchers.retain(|(one, _)| one != agent);
                continue;
            }
            return Err(match spent.when {
                // There is no agent to be told, and nothing released to finish with.
                WhenSpent::Fail | WhenSpent::Finish => Lack::Fails(spent.detail),
                WhenSpent::Pause if spent.renews => Lack::Day(spent.detail),
                WhenSpent::Pause => Lack::Budget(spent.detail),
            });
        }
    }
}

fn fails(why: impl ToString) -> Lack {
    Lack::Fails(why.to_string())
}

#[cfg(test)]
mod tests {
    use bailiwick_core::fact::{Entry, RunEnd};
    use bailiwick_core::ports::{Blobs, Journal as _};
    use bailiwick_core::schema::Schema;
    use bailiwick_core::{Calls, Timestamp};
    use bailiwick_gate::knowledge::{KnowledgeIndex as _, SearchRequest};
    use bailiwick_gate::ledger::Ledger;
    use bailiwick_policy::{Budget, Budgets, Effective, Grants, Limits, Rules, Standing};
    use bailiwick_provider::{Keys, Providers};
    use bailiwick_store::knowledge::{Media, Source};
    use bailiwick_store::{Store, StoreOptions};

    use super::*;
    use crate::system::SystemClock;

    fn name(text: &str) -> Name {
        Name::new(text).unwrap()
    }

    /// An agent that may search these.
    fn searcher(agent: &str, collections: &[&str]) -> Arc<Generation> {
        let grants = Grants {
            knowledge: collections.iter().map(|one| name(one)).collect(),
            ..Grants::none()
        };
        let effective = Effective { grants, limits: Limits::DEFAULT };
        Arc::new(Generation {
            key: None,
            agent: name(agent),
            identity: format!("local/{agent}"),
            version: "1".into(),
            component: Digest::of(b""),
            powers: effective.digest(),
            effective,
            sources: Digest::of(b""),
            input: Schema::admit(serde_json::json!(true)).unwrap(),
            output: Schema::admit(serde_json::json!(true)).unwrap(),
        })
    }

    /// Ceilings that let so many calls of models be made, by the name of the agent.
    struct Ceilings(Vec<(&'static str, u64)>);

    impl Rules for Ceilings {
        fn version(&self) -> u64 {
            1
        }

        fn standing(&self, generation: &Generation) -> Arc<Standing> {
            let clearances = bailiwick_policy::Clearances::unlabelled();
            let mut standing = Standing::unnarrowed(&generation.effective, clearances);
            let most = self.0.iter().find(|(agent, _)| *agent == generation.agent.as_str());
            standing.ceiling.calls = most.map(|(_, calls)| Calls(*calls));
            Arc::new(standing)
        }
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
        let ledger = Ledger::default();
        let under = |most: &[(&'static str, u64)]| {
            Arc::new(Gateway {
                models: [(name("embedder"), vec![Route::builtin()])].into(),
                embedders: [(name("facts"), name("embedder"))].into(),
                provider: Arc::new(Providers::new(Keys::new(None, None))),
                knowledge: Arc::new(collections.clone()),
                http: Arc::new(bailiwick_gate::Unconnected),
                namespaces: Arc::new(bailiwick_gate::kv::NoNamespaces),
                agents: Arc::new(bailiwick_policy::ports::NoSlots),
                blobs: Arc::clone(&store) as Arc<dyn Blobs>,
                clock: Arc::new(SystemClock),
                rules: Arc::new(Ceilings(most.to_vec())),
                lowered: std::collections::BTreeSet::new(),
                host_key: [7; 32],
                ledger: ledger.clone(),
            })
        };
        let gateway = under(&[]);
        let run = RunId::new("r").unwrap();
        let proof = durable(&store, &run).await;
        let by = |gateway: &Arc<Gateway>, agents: &[Arc<Generation>]| {
            let (gateway, collections) = (Arc::clone(gateway), collections.clone());
            missing(gateway, collections, run.clone(), agents.into()).unwrap()(proof)
        };
        let nobody = by(&gateway, &[searcher("draft", &[])]).await;
        assert_eq!(nobody, Readiness::default(), "nobody may search it");
        let embed = || by(&gateway, &[searcher("draft", &["facts"])]);
        let none =
            Budgets { day: Budget { calls: Some(Calls(0)), ..Budget::NONE }, ..Budgets::default() };
        gateway.ledger.open(&run, Arc::new(none));
        let spent = embed().await;
        assert_eq!(spent.facts, []);
        assert!(matches!(spent.lacks, Some(Lack::Budget(_))), "{spent:?}");
        gateway.ledger.open(&run, Arc::default());
        // The ceiling of each for whom it would be asked is in the way, and says so.
        let both = [searcher("draft", &["facts"]), searcher("check", &["facts"])];
        let over = by(&under(&[("draft", 0), ("check", 0)]), &both).await;
        let Some(Lack::Budget(why)) = &over.lacks else { panic!("{over:?}") };
        assert!(why.contains("raise `calls` of `model` under [ceiling] in policy.toml"), "{why}");
        assert_eq!(over.facts, []);
        // Who has room is who it is asked for.
        let ready = by(&under(&[("draft", 0), ("check", 1)]), &both).await;
        let Readiness { facts, lacks: None } = ready else { panic!() };
        assert!(matches!(facts.as_slice(), [Fact::Embedded { passages: 2, .. }]), "{facts:?}");
        assert_eq!(embed().await, Readiness::default());
        // It counts against the ceiling and not against the grant, here and in the next host.
        let model = |ledger: &Ledger, agent: &str, ceiling: u64| {
            let (agent, step, clock) = (name(agent), name("step"), SystemClock);
            let bound = |calls| Budget { calls: Some(Calls(calls)), ..Budget::NONE };
            let own = Allowance { granted: bound(1), most: bound(1), ceiling: bound(ceiling) };
            let (ledger, run) = (ledger.clone(), run.clone());
            async move {
                let by = Some((Some(&agent), &step));
                let payer = Payer { own, ..Payer::of(&run, by) };
                let cost = Cost { calls: Calls(1), ..Cost::ZERO };
                let held = ledger.reserve(payer, cost, &clock).await;
                held.map(|hold| hold.settle(Cost::ZERO)).map_err(|spent| spent.purse)
            }
        };
        assert_eq!(model(&ledger, "check", 1).await, Err(Purse::Ceiling(name("check"))));
        assert_eq!(model(&ledger, "check", 2).await, Ok(()));
        assert_eq!(model(&ledger, "draft", 1).await, Ok(()));
        let next = Gateway { ledger: Ledger::default(), ..Arc::into_inner(under(&[])).unwrap() };
        let entries = [Entry { at: Timestamp(1), facts }];
        seed(&next, &run, &entries, &both.clone().into());
        assert_eq!(model(&next.ledger, "check", 1).await, Err(Purse::Ceiling(name("check"))));

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
