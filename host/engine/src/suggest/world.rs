//! A small world of grants and requests, honest and hostile, by chance from a seed: whatever was let through stays so under what is proposed, and nothing is proposed that was not granted.

use std::collections::BTreeSet;
use std::sync::Arc;

use bailiwick_core::fact::CallAnswer;
use bailiwick_core::record::{RecordedCall, Tally};
use bailiwick_core::{
    AttemptId, Bytes, Calls, CellId, CellKey, Cost, Digest, Document, Name, Timestamp, Tokens,
};
use bailiwick_gate::artifacts::PutRequest;
use bailiwick_gate::delegate::DelegateRequest;
use bailiwick_gate::knowledge::SearchRequest;
use bailiwick_gate::kv::KvRequest;
use bailiwick_gate::model::EmbedRequest;
use bailiwick_gate::{FetchRequest, Request, Seen, Witness};
use bailiwick_policy::grants::{ArtifactsGrant, DelegateGrant, KvGrant, ModelGrant};
use bailiwick_policy::http::{Headers, HostPattern, Method, PathPattern, Scheme};
use bailiwick_policy::intersect::RequestedLimits;
use bailiwick_policy::{Effective, Grants, HttpPower, HttpRule, Limits, Network, Route};
use serde_json::json;

use super::observe::{Holder, Judge, Observer, Powers};
use super::propose::{Proposal, Subject, propose};
use super::usage::Usage;

/// How many worlds; each takes a millisecond.
const WORLDS: u64 = 400;

/// Numbers by chance, the same for the same seed.
struct Chance(u64);

impl Chance {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.0 >> 33) % most
    }

    fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len() as u64) as usize]
    }

    fn yes(&mut self) -> bool {
        self.below(2) == 0
    }

    fn some<'a, T>(&mut self, of: &'a [T]) -> Vec<&'a T> {
        of.iter().filter(|_| self.below(3) > 0).collect()
    }
}

const NAMES: [&str; 4] = ["a", "b", "c", "d"];
const HOSTS: [&str; 5] =
    ["api.example.com", "www.example.com", "other.test", "127.0.0.1", "api.example.com."];
const PATTERNS: [&str; 5] = ["/**", "/v1/**", "/v1/*", "/v1/x", "/v1/*/x"];
const PATHS: [&str; 12] = [
    "/v1/x",
    "/v1/y",
    "/v1/z",
    "/v1/u",
    "/v1/w",
    "/v1/q/x",
    "/v2/x",
    "/",
    "/v1/a%2fb",
    "/v1/../x",
    "/v1/*",
    "//v1/x",
];
const HEADERS: [&str; 4] = ["accept", "X-One", "x-two", "authorization"];

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

fn names(chance: &mut Chance) -> BTreeSet<Name> {
    chance.some(&NAMES).into_iter().map(|text| name(text)).collect()
}

fn rule(chance: &mut Chance) -> HttpRule {
    let host = *chance.one(&["api.example.com", "*.example.com", "other.test", "127.0.0.1"]);
    let headers = chance.some(&["accept", "x-one", "x-two"]);
    HttpRule {
        scheme: if chance.yes() { Scheme::Https } else { Scheme::Http },
        host: HostPattern::parse(host).unwrap(),
        port: Some(443),
        methods: chance.some(&Method::ALL).into_iter().copied().collect(),
        paths: chance.some(&PATTERNS).into_iter().map(|p| PathPattern::parse(p).unwrap()).collect(),
        headers: Headers::Listed(headers.into_iter().map(|h| (*h).to_owned()).collect()),
        request: Some(Bytes(1 << chance.below(21))),
        response: Some(Bytes(1 << (10 + chance.below(12)))),
        credential: chance.yes().then(|| name("token")),
        network: Network::Public,
        even_if_outside: chance.yes(),
    }
}

fn granted(chance: &mut Chance) -> Grants {
    let model = ModelGrant {
        aliases: names(chance),
        calls: chance.yes().then_some(Calls(50)),
        tokens: chance.yes().then_some(Tokens(5_000)),
        money: None,
    };
    let quota = Bytes::mib(1);
    let kv = KvGrant { namespace: name("n"), write: chance.yes(), quota, even_if_outside: true };
    let delegate = DelegateGrant { agents: names(chance), even_if_outside: chance.yes() };
    let put = chance.yes().then_some(Bytes(1 << (10 + chance.below(10))));
    let rules: Vec<_> = (0..chance.below(4)).map(|_| rule(chance)).collect();
    Grants {
        model: chance.yes().then_some(model),
        knowledge: names(chance),
        assets: names(chance),
        artifacts: chance.yes().then_some(ArtifactsGrant { put }),
        http: HttpPower { rules, ..HttpPower::none() },
        kv: chance.yes().then_some(kv),
        delegate: chance.yes().then_some(delegate),
    }
}

fn request(chance: &mut Chance) -> Request {
    let to = (*chance.one(&NAMES)).to_owned();
    match chance.below(12) {
        0 => Request::Embed(EmbedRequest { alias: to, texts: vec!["x".into()] }),
        1 => Request::Search(SearchRequest {
            collection: to,
            query: "x".into(),
            limit: 1,
            vector: None,
        }),
        2 => Request::Put(PutRequest {
            bytes: vec![0; 1 << chance.below(15)],
            media_type: "text/plain".into(),
            name: None,
        }),
        3 => Request::Delegate(DelegateRequest { agent: to, input: Document::of(&json!(1)) }),
        4 => Request::Kv(KvRequest::Get { key: "k".into() }),
        5 if chance.below(4) == 0 => {
            Request::Kv(KvRequest::Set { key: "k".into(), value: json!(1) })
        }
        _ => {
            let (scheme, host) = (*chance.one(&["https", "http", "HTTPS"]), *chance.one(&HOSTS));
            let port = *chance.one(&["", ":443", ":80"]);
            let method = *chance.one(&Method::WORDS);
            let sends = !matches!(method, "GET" | "HEAD");
            let body = vec![b'x'; if sends { 1 << chance.below(20) } else { 0 }];
            let headers = chance.some(&HEADERS).into_iter();
            Request::Fetch(FetchRequest {
                method: method.to_owned(),
                url: format!("{scheme}://{host}{port}{}", chance.one(&PATHS)),
                headers: headers.map(|name| ((*name).to_owned(), "x".into())).collect(),
                body,
            })
        }
    }
}

fn call(chance: &mut Chance, request: &Request) -> RecordedCall {
    let value = match request {
        Request::Fetch(_) => {
            json!({ "status": 200, "headers": [], "body": { "text": "x".repeat(1 << chance.below(18)) } })
        }
        _ => json!(null),
    };
    let answer = CallAnswer::Ok { value: Document::of(&value), via: None };
    RecordedCall {
        capability: request.capability(),
        request: request.digest(),
        changes: false,
        open: None,
        answer: Some((answer, Timestamp(1))),
        callee: None,
        staged: Default::default(),
        below: Tally::default(),
    }
}

fn powers(grants: &Grants) -> Powers {
    let effective = Effective { grants: grants.clone(), limits: Limits::DEFAULT };
    let holder = Holder { identity: "local/agent".into(), effective };
    let models = NAMES.iter().map(|alias| (name(alias), vec![Route::builtin()]));
    Powers { agents: [(name("agent"), holder)].into(), models: models.collect() }
}

/// Shows a witness all of these.
fn show(witness: &dyn Witness, asked: &[(Request, RecordedCall)]) {
    let attempt = AttemptId::new(CellId { step: name("step"), key: CellKey::single() }, 0, 1);
    let agent = name("agent");
    let mut put = Bytes(0);
    for (index, (request, call)) in (0..).zip(asked) {
        witness.saw(Seen { attempt: &attempt, agent: &agent, index, request, call, put });
        if let Request::Put(request) = request {
            put.0 += request.bytes.len() as u64;
        }
    }
}

fn proposal(
    grants: &Grants,
    imports: &[String],
    peak: Cost,
    asked: &[(Request, RecordedCall)],
) -> Proposal {
    let observer = Observer::new(powers(grants), Default::default());
    show(&observer, asked);
    let mut usage: Usage = observer.usages().remove(&name("agent")).unwrap_or_default();
    usage.peak = peak;
    let subject = Subject {
        granted: grants,
        limits: &RequestedLimits::default(),
        imports,
        assets: &[name("a")].into(),
        currency: None,
    };
    propose(&subject, &usage)
}

#[test]
fn what_was_let_through_stays_so_and_nothing_is_proposed_that_was_not_granted() {
    let (mut narrowed, mut passed) = (0, 0);
    for seed in 0..WORLDS {
        let mut chance = Chance(seed * 7_919 + 1);
        let chance = &mut chance;
        let grants = granted(chance);
        let imports: Vec<String> = chance
            .some(&["model", "knowledge", "artifacts", "http", "kv", "delegate"])
            .into_iter()
            .map(|import| (*import).to_owned())
            .collect();
        let asked: Vec<_> = (0..chance.below(60))
            .map(|_| {
                let request = request(chance);
                let call = call(chance, &request);
                (request, call)
            })
            .collect();
        let peak = Cost { calls: Calls(chance.below(40)), ..Cost::ZERO };
        let proposed = proposal(&grants, &imports, peak, &asked).grants;
        assert!(proposed.is_within(&grants), "seed {seed}: {proposed:#?}\nof {grants:#?}");
        for import in imports.iter().filter(|import| grants.covers_import(import)) {
            assert!(proposed.covers_import(import), "seed {seed}: {import} would be refused");
        }
        let judge = Arc::new(Judge::new(powers(&grants), powers(&proposed)));
        show(judge.as_ref(), &asked);
        assert_eq!(judge.refused(), Vec::<String>::new(), "seed {seed}: {proposed:#?}");
        // Under its own proposal the same use proposes nothing else.
        let again = proposal(&proposed, &imports, peak, &asked).grants;
        assert_eq!(again, proposed, "seed {seed}");
        narrowed += usize::from(proposed != grants);
        let through = asked.iter().filter(|(request, call)| {
            let probe = Judge::new(powers(&grants), powers(&Grants::none()));
            show(&probe, &[((*request).clone(), (*call).clone())]);
            !probe.refused().is_empty()
        });
        passed += through.count();
    }
    // A world in which nothing happens would prove nothing.
    assert!(narrowed > 300 && passed > 1_000, "{narrowed} narrowed, {passed} let through");
}

#[test]
fn what_is_asked_and_denied_changes_no_proposal() {
    let mut chance = Chance(5);
    let chance = &mut chance;
    for _ in 0..50 {
        let grants = granted(chance);
        let asked: Vec<_> = (0..40)
            .map(|_| {
                let request = request(chance);
                let call = call(chance, &request);
                (request, call)
            })
            .collect();
        // Only what a judge would miss if nothing were granted got through.
        let honest: Vec<_> = asked
            .iter()
            .filter(|one| {
                let probe = Judge::new(powers(&grants), powers(&Grants::none()));
                show(&probe, std::slice::from_ref(*one));
                !probe.refused().is_empty() || matches!(one.0, Request::Put(_))
            })
            .cloned()
            .collect();
        let of = |asked: &[_]| proposal(&grants, &[], Cost::ZERO, asked).grants;
        assert_eq!(of(&asked), of(&honest));
    }
}

#[test]
fn a_digest_tells_requests_apart() {
    let mut chance = Chance(9);
    let requests: BTreeSet<Digest> = (0..200).map(|_| request(&mut chance).digest()).collect();
    assert!(requests.len() > 100, "the world is too small: {}", requests.len());
}
