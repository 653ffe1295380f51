//! What holds of grants and ceilings of the web whatever they say: tried on thousands of them, made of a small world by a seeded generator.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use bailiwick_core::{Bytes, Name};
use bailiwick_policy::http::{
    Asked, Aspect, Headers, HostPattern, Method, Pass, PathPattern, Refused, Scheme,
};
use bailiwick_policy::network::Block;
use bailiwick_policy::{HttpPower, HttpRule, Network};
use url::Url;

/// Enough that each rule of the vocabulary meets each other one many times.
const ROUNDS: u64 = 4_000;

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

    fn one<T: Clone>(&mut self, of: &[T]) -> T {
        of[(self.roll() % of.len() as u64) as usize].clone()
    }

    fn some<T: Clone>(&mut self, of: &[T]) -> Vec<T> {
        let mut chosen: Vec<T> =
            of.iter().filter(|_| self.roll().is_multiple_of(2)).cloned().collect();
        if chosen.is_empty() {
            chosen.push(self.one(of));
        }
        chosen
    }
}

const HOSTS: [&str; 7] = [
    "a.example.com",
    "a.example.com",
    "*.example.com",
    "b.example.com",
    "*.example.com",
    "*.a.example.com",
    "other.org",
];
const PATHS: [&str; 7] = ["/", "/v1", "/v1/*", "/v1/a*", "/v1/**", "/v1/a/**", "/**"];
const URLS: [&str; 14] = [
    "https://a.example.com/",
    "https://a.example.com/v1",
    "https://a.example.com/v1/abc",
    "https://a.example.com/v1/abc?x=1",
    "https://a.example.com/v1/a/b",
    "https://a.example.com/v1/x;y",
    "https://b.example.com/v1/abc",
    "https://c.a.example.com/v1/abc",
    "https://other.org/v1/abc",
    "https://example.com/v1/abc",
    "http://a.example.com/v1/abc",
    "https://a.example.com:8443/v1/abc",
    "https://a.example.com/v2/z",
    "http://127.0.0.1/v1/abc",
];

fn rule(dice: &mut Dice, ceiling: bool) -> HttpRule {
    let scheme = dice.one(&[Scheme::Https, Scheme::Https, Scheme::Https, Scheme::Http]);
    let host = HostPattern::parse(dice.one(&HOSTS)).unwrap();
    let any = ceiling && dice.roll().is_multiple_of(3);
    let blocks = Network::Blocks(vec![Block::parse("10.1.0.0/16").unwrap()]);
    let size = |dice: &mut Dice| {
        let size = Some(Bytes(dice.one(&[10, 100])));
        if ceiling && dice.roll().is_multiple_of(2) { None } else { size }
    };
    let names = dice.some(&["accept", "content-type", "x-own"]);
    HttpRule {
        scheme,
        host: if any { HostPattern::Any } else { host },
        port: if any { None } else { Some(dice.one(&[scheme.port(), scheme.port(), 8443])) },
        methods: dice.some(&[Method::Get, Method::Head, Method::Post]).into_iter().collect(),
        paths: dice.some(&PATHS).into_iter().map(|p| PathPattern::parse(p).unwrap()).collect(),
        headers: if any {
            Headers::Any
        } else {
            Headers::Listed(names.into_iter().map(Into::into).collect())
        },
        request: size(dice),
        response: size(dice),
        credential: dice.roll().is_multiple_of(3).then(|| Name::new("key").unwrap()),
        network: dice.one(&[
            Network::Public,
            Network::Public,
            Network::Public,
            Network::Public,
            Network::Private,
            blocks,
        ]),
        even_if_outside: false,
    }
}

fn rules(dice: &mut Dice, ceiling: bool) -> Vec<HttpRule> {
    (0..=dice.roll() % 3).map(|_| rule(dice, ceiling)).collect()
}

/// Whether a power lets through each of many requests.
fn verdicts(power: &HttpPower) -> Vec<Option<Pass>> {
    let mut verdicts = Vec::new();
    for text in URLS {
        let url = Url::parse(text).unwrap();
        let typed_path = url.path().to_owned();
        for method in [Method::Get, Method::Post] {
            for headers in [&["accept"][..], &["x-own"]] {
                for body in [Bytes(0), Bytes(50)] {
                    let typed_path = &typed_path;
                    let asked = Asked { method, url: &url, typed_path, headers, body };
                    verdicts.push(power.decide(&asked).ok());
                }
            }
        }
    }
    verdicts
}

fn only(rules: Vec<HttpRule>) -> HttpPower {
    HttpPower { rules, ..HttpPower::none() }
}

/// Whatever `narrow` lets through, `wide` does too.
fn within(narrow: &HttpPower, wide: &HttpPower) -> bool {
    verdicts(narrow).iter().zip(verdicts(wide)).all(|(n, w)| n.is_none() || w.is_some())
}

#[test]
fn what_is_left_is_granted_and_within_every_ceiling() {
    let (mut dice, mut passed) = (Dice(1), 0);
    for _ in 0..ROUNDS {
        let granted = rules(&mut dice, false);
        let ceilings = [rules(&mut dice, true), rules(&mut dice, true)];
        let power = ceilings.iter().fold(only(granted.clone()), |power, c| power.within(c));
        assert!(within(&power, &only(granted.clone())), "{granted:?}");
        for ceiling in &ceilings {
            assert!(within(&power, &only(ceiling.clone())), "{granted:?} {ceiling:?}");
        }
        for pass in verdicts(&power).into_iter().flatten() {
            passed += 1;
            let rule = &granted[pass.rule];
            assert_eq!((&pass.network, &pass.credential), (&rule.network, &rule.credential));
            assert!(rule.response.is_none_or(|most| pass.response <= most));
            for ceiling in &ceilings {
                let allows = |bound: &HttpRule| {
                    pass.network.is_within(&bound.network)
                        && (pass.credential.is_none() || pass.credential == bound.credential)
                        && bound.response.is_none_or(|most| pass.response <= most)
                };
                assert!(ceiling.iter().any(allows), "{pass:?} {ceiling:?}");
            }
        }
    }
    assert!(passed > 100, "the world is too small to show anything: {passed}");
}

#[test]
fn another_rule_never_takes_a_request_away() {
    let mut dice = Dice(2);
    for _ in 0..ROUNDS {
        let granted = rules(&mut dice, false);
        let ceiling = rules(&mut dice, true);
        let before = only(granted.clone()).within(&ceiling);
        let mut more = granted.clone();
        let place = (dice.roll() % (more.len() as u64 + 1)) as usize;
        more.insert(place, rule(&mut dice, false));
        assert!(within(&before, &only(more.clone()).within(&ceiling)), "{granted:?} {more:?}");
    }
}

#[test]
fn a_lower_ceiling_never_lets_more_through() {
    let mut dice = Dice(3);
    for _ in 0..ROUNDS {
        let granted = only(rules(&mut dice, false));
        let ceiling = rules(&mut dice, true);
        let before = granted.clone().within(&ceiling);
        let mut lower = ceiling.clone();
        lower.remove((dice.roll() % lower.len() as u64) as usize);
        let after = if lower.is_empty() { HttpPower::none() } else { granted.within(&lower) };
        assert!(within(&after, &before), "{ceiling:?}");
        let bounded = before.clone().within(&rules(&mut dice, true));
        assert!(within(&bounded, &before));
    }
}

#[test]
fn what_is_pinned_is_narrowed_to_what_both_let_through() {
    let mut dice = Dice(4);
    for _ in 0..ROUNDS {
        let pinned = only(rules(&mut dice, false)).within(&rules(&mut dice, true));
        let today = only(rules(&mut dice, false)).within(&rules(&mut dice, true));
        let left = pinned.narrowed(&today);
        assert!(within(&left, &pinned) && within(&left, &only(today.rules.clone())));
        assert!(today.bounds.iter().all(|bound| within(&left, &only(bound.clone()))));
        assert_eq!(pinned.narrowed(&pinned), pinned, "the same files take nothing away");
        assert!(pinned.narrowed(&HttpPower::none()).is_none());
    }
}

#[test]
fn a_rule_that_covers_another_lets_all_of_it_through() {
    let (mut dice, mut covered) = (Dice(5), 0);
    for _ in 0..ROUNDS * 5 {
        let (most, granted) = (rule(&mut dice, true), rule(&mut dice, false));
        if most.covers(&granted) {
            covered += 1;
            let bounded = only(vec![granted.clone()]).within(std::slice::from_ref(&most));
            let (free, bounded) = (verdicts(&only(vec![granted])), verdicts(&bounded));
            assert_eq!(free, bounded, "what `check` passes is not denied at the gate");
        }
    }
    assert!(covered > 20, "{covered}");
}

#[test]
fn the_built_in_ceiling_covers_public_rules_without_a_credential() {
    let mut dice = Dice(6);
    let most = HttpRule::public();
    for _ in 0..ROUNDS {
        let granted = rule(&mut dice, false);
        let plain = granted.network == Network::Public && granted.credential.is_none();
        assert_eq!(most.iter().any(|most| most.covers(&granted)), plain, "{granted:?}");
    }
}

/// What an operator accepts is part of what he is told to write, and no key of a ceiling.
#[test]
fn even_if_outside_stands_in_the_line_of_a_grant_and_in_none_of_a_ceiling() {
    let own = HttpRule { even_if_outside: true, ..HttpRule::public().remove(0) };
    assert!(own.line().ends_with(", even-if = \"outside\" }"), "{}", own.line());
    let url = Url::parse("https://a.example.com/v1").unwrap();
    let asked =
        Asked { method: Method::Get, url: &url, typed_path: "/v1", headers: &[], body: Bytes(0) };
    let line = |aspect| {
        let refused = Refused { aspect, rule: Some(0) };
        only(vec![own.clone()]).line_with(&asked, &refused).unwrap()
    };
    assert!(line(Aspect::Method).contains("even-if"), "what is there stays");
    assert!(!line(Aspect::Ceiling).contains("even-if"));
}
