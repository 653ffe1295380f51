//! What holds of every power whatever the files say: tried on thousands of worlds from a seeded generator, each judged by the very function that the gate asks.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::collections::BTreeMap;

use bailiwick_core::fact::Capability;
use bailiwick_core::{Artifact, Bytes, Calls, Currency, Digest, Document, Name, Tokens};
use bailiwick_gate::artifacts::PutRequest;
use bailiwick_gate::delegate::DelegateRequest;
use bailiwick_gate::knowledge::SearchRequest;
use bailiwick_gate::kv::KvRequest;
use bailiwick_gate::model::{CompleteRequest, EmbedRequest, ImageRequest, Message, Role};
use bailiwick_gate::{Case, FetchRequest, Money, Request};
use bailiwick_policy::ceiling::{
    ArtifactsCeiling, Ceiling, DelegateCeiling, FolderCeiling, KvCeiling, ModelCeiling, Pattern,
    Policy,
};
use bailiwick_policy::grants::{ArtifactsGrant, DelegateGrant, KvGrant, ModelGrant};
use bailiwick_policy::intersect::{RequestedLimits, Resources};
use bailiwick_policy::{
    Clearances, Effective, Grants, Holder, HttpPower, HttpRule, Limits, Narrowing, Origin, Origins,
    PowerKey, ProviderKind, Revocation, Route, Standing,
};

/// Enough that every power meets every kind of ceiling and revocation many times.
const WORLDS: u64 = 3_000;

/// A generator that needs nothing: splitmix64.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn often(&mut self) -> bool {
        !self.roll().is_multiple_of(4)
    }

    fn one<T: Clone>(&mut self, of: &[T]) -> T {
        of[(self.roll() % of.len() as u64) as usize].clone()
    }

    fn some(&mut self, of: &[&str]) -> std::collections::BTreeSet<Name> {
        of.iter().filter(|_| self.often()).map(|text| name(text)).collect()
    }

    fn maybe<T: Clone>(&mut self, of: &[T]) -> Option<T> {
        self.often().then(|| self.one(of))
    }
}

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

const ORIGINS: [&str; 2] = ["http://127.0.0.1:1", "https://models.example.com"];
const HOSTS: [&str; 3] = ["a.example.com", "b.example.com", "*.example.com"];

fn resources() -> Resources {
    let at = |origin: &str| Route {
        provider: ProviderKind::Openai,
        base: Some(format!("{origin}/v1")),
        origin: Some(Origin(origin.into())),
        ..Route::builtin()
    };
    let models = [("writer", at(ORIGINS[0])), ("critic", at(ORIGINS[1]))];
    let folders = [("brand", "/srv/brand"), ("past", "/srv/past")];
    let folders: BTreeMap<_, _> =
        folders.iter().map(|(key, folder)| (name(key), (*folder).to_owned())).collect();
    Resources {
        models: models.into_iter().map(|(key, route)| (name(key), vec![route])).collect(),
        knowledge: folders.clone(),
        embedders: [(name("past"), name("critic"))].into(),
        assets: folders,
        agents: [("finder", "local/finder"), ("checker", "acme/checker")]
            .map(|(agent, identity)| (name(agent), identity.to_owned()))
            .into(),
    }
}

fn rule(dice: &mut Dice) -> HttpRule {
    let host = dice.one(&HOSTS).to_owned().try_into().unwrap();
    let path = dice.one(&["/v1/*", "/**"]);
    let paths = vec![bailiwick_policy::http::PathPattern::parse(path).unwrap()];
    let port = Some(443);
    HttpRule { host, paths, port, ..HttpRule::public().remove(0) }
}

fn grants(dice: &mut Dice) -> Grants {
    let aliases = dice.some(&["writer", "critic"]);
    Grants {
        model: (!aliases.is_empty()).then(|| ModelGrant {
            aliases,
            calls: dice.maybe(&[Calls(1), Calls(9)]),
            tokens: dice.maybe(&[Tokens(10), Tokens(90)]),
            money: None,
        }),
        knowledge: dice.some(&["brand", "past"]),
        assets: dice.some(&["brand", "past"]),
        artifacts: dice
            .often()
            .then(|| ArtifactsGrant { put: dice.maybe(&[Bytes(10), Bytes(1_000)]) }),
        http: HttpPower {
            rules: (0..dice.roll() % 3).map(|_| rule(dice)).collect(),
            ..HttpPower::none()
        },
        kv: dice.often().then(|| KvGrant {
            namespace: name("notes"),
            write: dice.often(),
            quota: dice.one(&[Bytes(10), Bytes(1_000)]),
            even_if_outside: false,
        }),
        delegate: Some(dice.some(&["finder", "checker"]))
            .filter(|agents| !agents.is_empty())
            .map(|agents| DelegateGrant { agents, even_if_outside: false }),
    }
}

fn ceiling(dice: &mut Dice) -> Ceiling {
    let origins = [
        Origins::PublicHttpsOrLoopback,
        Origins::Listed([Origin(ORIGINS[0].into())].into()),
        Origins::Listed([Origin(ORIGINS[1].into())].into()),
    ];
    let folder = |dice: &mut Dice| {
        let roots = [None, Some(vec!["/srv".to_owned()]), Some(vec!["/srv/brand".to_owned()])];
        dice.often().then(|| FolderCeiling { roots: dice.one(&roots) })
    };
    let (knowledge, assets) = (folder(dice), folder(dice));
    Ceiling {
        model: dice.often().then(|| ModelCeiling {
            calls: dice.maybe(&[Calls(1), Calls(5)]),
            tokens: dice.maybe(&[Tokens(10), Tokens(50)]),
            money: None,
            origins: dice.one(&origins),
        }),
        knowledge,
        assets,
        artifacts: dice
            .often()
            .then(|| ArtifactsCeiling { put: dice.maybe(&[Bytes(5), Bytes(500)]) }),
        http: (0..dice.roll() % 4)
            .map(|_| match dice.often() {
                true => rule(dice),
                false => HttpRule::public().remove(0),
            })
            .collect(),
        kv: dice
            .often()
            .then(|| KvCeiling { quota: dice.maybe(&[Bytes(5), Bytes(500)]), write: dice.often() }),
        delegate: dice.maybe(&[
            DelegateCeiling::Any,
            DelegateCeiling::Profiles(vec![Pattern::parse("local/*").unwrap()]),
        ]),
        limits: Limits {
            artifacts: dice.one(&[Bytes(5), Bytes::mib(64)]),
            gate_calls: dice.one(&[1, 10_000]),
            ..Limits::DEFAULT
        },
    }
}

const REVOCABLE: [&str; 17] = [
    "all",
    "model",
    "model.writer",
    "knowledge",
    "knowledge.brand",
    "assets",
    "assets.past",
    "artifacts",
    "artifacts.put",
    "http",
    "http.a.example.com",
    "http.*.example.com",
    "kv",
    "kv.write",
    "model.critic",
    "delegate",
    "delegate.finder",
];

fn revocation(dice: &mut Dice) -> Revocation {
    let holder = dice.one(&["draft", "local/writer", "other"]);
    let power = dice.one(&REVOCABLE);
    Revocation { holder: Holder::parse(holder).unwrap(), power: PowerKey::parse(power).unwrap() }
}

/// One of every kind of request, for everything that there is in these worlds.
fn requests() -> Vec<Request> {
    let text = |alias: &str| CompleteRequest {
        alias: alias.into(),
        messages: vec![Message::text(Role::User, "hi")],
        max_tokens: Some(1),
        temperature: None,
        seed: None,
        stop: Vec::new(),
        output_schema: None,
        tools: Vec::new(),
    };
    let mut all = Vec::new();
    for alias in ["writer", "critic", "nobody"] {
        all.push(Request::Complete(text(alias)));
        let embed = EmbedRequest { alias: alias.into(), texts: vec!["x".into()] };
        all.push(Request::Embed(embed.clone()));
        all.push(Request::EmbedQuery { collection: "brand".into(), request: embed });
        all.push(Request::GenerateImage(ImageRequest {
            alias: alias.into(),
            prompt: "x".into(),
            width: 64,
            height: 64,
            count: 1,
            seed: None,
        }));
    }
    for collection in ["brand", "past", "nowhere"] {
        let (collection, query) = (collection.to_owned(), "x".to_owned());
        all.push(Request::Search(SearchRequest { collection, query, limit: 1, vector: None }));
    }
    for size in [1, 7, 800] {
        let (bytes, media_type) = (vec![0; size], "text/plain".to_owned());
        all.push(Request::Put(PutRequest { bytes, media_type, name: None }));
    }
    all.push(Request::Get(Artifact {
        digest: Digest::of(b"x"),
        media_type: "text/plain".into(),
        bytes: Bytes(1),
        name: None,
    }));
    let hosts = ["a.example.com", "b.example.com", "x.example.com", "other.org"];
    for (host, path) in hosts.iter().flat_map(|host| [(host, "/v1/x"), (host, "/v2/x/y")]) {
        for method in ["GET", "POST"] {
            all.push(Request::Fetch(FetchRequest {
                method: method.into(),
                url: format!("https://{host}{path}"),
                headers: Vec::new(),
                body: Vec::new(),
            }));
        }
    }
    let key = || "k".to_owned();
    all.push(Request::Kv(KvRequest::Get { key: key() }));
    all.push(Request::Kv(KvRequest::Set { key: key(), value: 1.into() }));
    all.push(Request::Kv(KvRequest::Delete { key: key() }));
    all.push(Request::Kv(KvRequest::List { prefix: key(), after: None, limit: 1 }));
    let (expected, value) = (None, None);
    all.push(Request::Kv(KvRequest::CompareAndSet { key: key(), expected, value }));
    for agent in ["finder", "checker", "nobody"] {
        let (agent, input) = (agent.to_owned(), Document::of(&serde_json::Value::Null));
        all.push(Request::Delegate(DelegateRequest { agent, input }));
    }
    all
}

struct NoMoney;

impl Money for NoMoney {
    fn currency(&self) -> Option<Currency> {
        None
    }

    fn is_bounded(&self) -> bool {
        false
    }
}

/// Everything that narrows the agent `draft`, whose component is `local/writer`.
#[derive(Clone)]
struct Rules {
    granted: Grants,
    policy: Policy,
    revoked: Vec<Revocation>,
}

impl Rules {
    fn of(dice: &mut Dice) -> Self {
        let mut ceilings = Vec::new();
        for pattern in ["local/*", "local/writer", "acme/*"] {
            if dice.often() {
                ceilings.push((Pattern::parse(pattern).unwrap(), ceiling(dice)));
            }
        }
        let revoked = (0..dice.roll() % 3).map(|_| revocation(dice)).collect();
        let granted = grants(dice);
        Self { granted, policy: Policy { ceilings, ..Policy::built_in() }, revoked }
    }

    fn standing(&self, first: &Effective) -> Standing {
        let (agent, resources) = (name("draft"), resources());
        let narrowing = Narrowing {
            component: bailiwick_core::Digest::of(b""),
            key: None,
            agent: &agent,
            identity: "local/writer",
            granted: &self.granted,
            limits: &RequestedLimits::default(),
            resources: &resources,
            policy: &self.policy,
            revoked: &self.revoked,
        };
        Standing::of(first, &narrowing, Clearances::unlabelled(), 1)
    }

    /// Powers that these rules leave of what an agent began with.
    fn left_of(&self, first: &Grants) -> Standing {
        self.standing(&Effective { grants: first.clone(), limits: Limits::DEFAULT })
    }

    fn verdicts(&self) -> Vec<bool> {
        verdicts(&self.left_of(&self.granted))
    }
}

/// What the gate would say to each request.
fn verdicts(standing: &Standing) -> Vec<bool> {
    let (agent, step, models) = (name("draft"), name("step"), resources().models);
    let case = Case {
        agent: &agent,
        identity: "local/writer",
        step: &step,
        powers: standing.effective(),
        clearances: &standing.clearances,
        models: &models,
        money: &NoMoney,
        put: Bytes(0),
    };
    requests().iter().map(|request| case.decide_by(request, standing).is_ok()).collect()
}

/// Whether nothing is let through that was not before.
#[track_caller]
fn no_more(before: &[bool], after: &[bool], seed: u64, what: &str) {
    for ((before, after), request) in before.iter().zip(after).zip(requests()) {
        assert!(*before || !after, "seed {seed}: {what}: {}", request.to_json());
    }
}

/// The largest share of allowed requests of one power must be reached, else nothing was tried.
#[test]
fn every_power_is_both_let_through_and_denied_in_these_worlds() {
    let mut seen: BTreeMap<Capability, (u64, u64)> = BTreeMap::new();
    for seed in 0..WORLDS {
        let verdicts = Rules::of(&mut Dice(seed)).verdicts();
        for (request, allowed) in requests().iter().zip(verdicts) {
            let (yes, no) = seen.entry(request.capability()).or_default();
            *if allowed { yes } else { no } += 1;
        }
    }
    assert_eq!(seen.len(), 6, "a power that is not tried: {seen:?}");
    assert!(seen.values().all(|(yes, no)| *yes > 500 && *no > 500), "{seen:?}");
}

#[test]
fn what_holds_is_granted_and_within_the_ceiling_and_not_revoked() {
    for seed in 0..WORLDS {
        let dice = &mut Dice(seed);
        let (rules, first) = (Rules::of(dice), grants(dice));
        let standing = rules.left_of(&first);
        let all = verdicts(&standing);
        let limits = Limits::DEFAULT;
        let began = Effective { grants: first, limits };
        no_more(
            &verdicts(&Standing::unnarrowed(&began, Clearances::unlabelled())),
            &all,
            seed,
            "began",
        );
        let granted = Effective { grants: rules.granted.clone(), limits };
        no_more(
            &verdicts(&Standing::unnarrowed(&granted, Clearances::unlabelled())),
            &all,
            seed,
            "granted",
        );
        for step in standing.steps() {
            let left = Standing::unnarrowed(&step.left, Clearances::unlabelled());
            no_more(&verdicts(&left), &all, seed, "a step");
        }
        for pattern in rules.policy.ceilings.iter().filter(|(p, _)| p.matches("local/writer")) {
            let mut alone = rules.clone();
            alone.policy.ceilings = vec![pattern.clone()];
            alone.revoked.clear();
            no_more(&alone.verdicts(), &rules.verdicts(), seed, "a rule alone");
        }
        let numbers = standing.effective().grants.model.as_ref().map(|m| (m.calls, m.tokens));
        if let (Some((calls, tokens)), Some(first)) = (numbers, &began.grants.model) {
            assert!(first.calls.is_none_or(|most| calls.is_some_and(|calls| calls <= most)));
            assert!(first.tokens.is_none_or(|most| tokens.is_some_and(|t| t <= most)));
        }
    }
}

#[test]
fn another_grant_never_denies_more() {
    for seed in 0..WORLDS {
        let dice = &mut Dice(seed);
        let rules = Rules::of(dice);
        let before = rules.verdicts();
        let mut more = rules.clone();
        let other = grants(dice);
        more.granted.model = match (more.granted.model.take(), other.model) {
            (Some(own), Some(other)) => Some(ModelGrant {
                aliases: own.aliases.union(&other.aliases).cloned().collect(),
                ..own
            }),
            (own, other) => own.or(other),
        };
        more.granted.knowledge.extend(other.knowledge);
        more.granted.assets.extend(other.assets);
        more.granted.http.rules.extend(other.http.rules);
        more.granted.artifacts = match (more.granted.artifacts, other.artifacts) {
            (Some(own), Some(other)) => Some(ArtifactsGrant { put: own.put.max(other.put) }),
            (own, other) => own.or(other),
        };
        more.granted.delegate = match (more.granted.delegate.take(), other.delegate) {
            (Some(mut own), Some(other)) => {
                own.agents.extend(other.agents);
                Some(own)
            }
            (own, other) => own.or(other),
        };
        more.granted.kv = match (more.granted.kv.take(), other.kv) {
            (Some(own), Some(other)) => Some(KvGrant { write: own.write || other.write, ..own }),
            (own, other) => own.or(other),
        };
        no_more(&more.verdicts(), &before, seed, "with another grant it is denied");
    }
}

#[test]
fn a_lower_ceiling_never_allows_more() {
    for seed in 0..WORLDS {
        let dice = &mut Dice(seed);
        let rules = Rules::of(dice);
        let (before, mut lower) = (rules.verdicts(), rules.clone());
        // Another rule that matches is a lower ceiling, and so is one that says less.
        if dice.often() && !lower.policy.ceilings.is_empty() {
            let at = (dice.roll() % lower.policy.ceilings.len() as u64) as usize;
            let most = &mut lower.policy.ceilings[at].1;
            let less = ceiling(dice);
            match dice.roll() % 7 {
                0 => most.model = None,
                1 => most.knowledge = None,
                2 => most.artifacts = most.artifacts.and(less.artifacts).filter(|_| false),
                3 => most.http = most.http.iter().skip(1).cloned().collect(),
                5 => most.delegate = None,
                4 => most.kv = most.kv.map(|kv| KvCeiling { write: false, ..kv }),
                _ => most.limits = most.limits.min(less.limits),
            }
        } else if before.iter().any(|allowed| *allowed) {
            lower.policy.ceilings.push((Pattern::parse("local/writer").unwrap(), ceiling(dice)));
        }
        no_more(&before, &lower.verdicts(), seed, "under a lower ceiling it is allowed");
    }
}

#[test]
fn a_revocation_never_allows_more_and_taking_it_back_restores_what_was() {
    let mut took = 0;
    for seed in 0..WORLDS {
        let dice = &mut Dice(seed);
        let rules = Rules::of(dice);
        let (before, mut less) = (rules.verdicts(), rules.clone());
        less.revoked.push(revocation(dice));
        let after = less.verdicts();
        no_more(&before, &after, seed, "after a revocation it is allowed");
        took += u64::from(before != after);
        less.revoked.pop();
        assert_eq!(less.verdicts(), before, "seed {seed}");
    }
    assert!(took > 100, "only {took} revocations took anything");
}
