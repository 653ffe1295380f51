//! What an agent asks of the web, judged: whatever passes is what the `url` crate dials, on a granted host and below a granted path. And what it keeps: keys and values.

use bailiwick_core::kv::{KEY_MAX_BYTES, KvWrites, check_key};
use bailiwick_core::{Bytes, Document};
use bailiwick_gate::http::{located, parse_url};
use bailiwick_policy::http::{Asked, Headers, HostPattern, Method, PathPattern, Scheme};
use bailiwick_policy::{HttpPower, HttpRule, Network};
use url::Url;

use crate::Reached;

/// One exact host with one segment below `/v1/`, and every name below another.
fn power() -> HttpPower {
    let rule = |host: &str, path: &str| HttpRule {
        scheme: Scheme::Https,
        host: HostPattern::parse(host).unwrap(),
        port: Some(443),
        methods: [Method::Get].into(),
        paths: vec![PathPattern::parse(path).unwrap()],
        headers: Headers::usual(),
        request: None,
        response: None,
        credential: None,
        network: Network::Public,
        even_if_outside: false,
    };
    let rules = vec![rule("api.example.com", "/v1/*"), rule("*.example.org", "/open/**")];
    HttpPower { rules, ..HttpPower::none() }
}

/// Where redirects of these attempts come from.
const FROM: &str = "https://api.example.com/v1/from?a=1";

/// A URL as an agent types it, and as a redirect names it: by the gate's own reading.
pub(crate) fn url(bytes: &[u8]) -> Reached {
    let Ok(text) = std::str::from_utf8(bytes) else { return Reached::Nothing };
    let from = Url::parse(FROM).unwrap();
    let asked = parse_url(text).map(|way| judged(&way)).unwrap_or(Reached::Nothing);
    let Ok(led) = located(&from, text) else { return asked };
    // A reference without a scheme of its own stays where it was.
    assert!(text.contains("://") || led.0.origin() == from.origin(), "{text:?} leads to {}", led.0);
    asked.max(judged(&led))
}

/// What was read, under the rules: what passes them is what is dialled.
fn judged((url, typed_path): &(Url, String)) -> Reached {
    assert!(matches!(url.scheme(), "http" | "https") && url.has_host(), "{url}");
    assert!(url.username().is_empty() && url.password().is_none(), "{url}");
    assert!(url.fragment().is_none(), "{url}");
    let asked =
        Asked { method: Method::Get, url, typed_path, headers: &["accept"], body: Bytes(0) };
    let Ok(pass) = power().decide(&asked) else { return Reached::Form };
    // From here on: what is dialled, read again by whoever reads URLs.
    let dialled = Url::parse(url.as_str()).unwrap();
    assert_eq!(&dialled, url, "it is read in two ways");
    assert_eq!((dialled.scheme(), dialled.port_or_known_default()), ("https", Some(443)));
    let host = dialled.host_str().unwrap_or_default();
    let below = match pass.rule {
        0 => {
            assert_eq!(host, "api.example.com");
            "/v1/"
        }
        _ => {
            assert!(host.ends_with(".example.org") && host.is_ascii(), "{host}");
            "/open/"
        }
    };
    let path = dialled.path();
    assert!(path.starts_with(below), "{path}");
    assert!(pass.rule > 0 || !path.trim_start_matches(below).contains('/'), "{path}");
    let lower = path.to_ascii_lowercase();
    for trick in ["%2f", "%5c", "%2e", "%00", "%25", "\\", ";", "//", "/../", "/./"] {
        assert!(!lower.contains(trick), "{trick} in {path}");
    }
    Reached::Taken
}

/// A pattern of hosts as an operator types it.
pub(crate) fn host(bytes: &[u8]) -> Reached {
    let Ok(text) = std::str::from_utf8(bytes) else { return Reached::Nothing };
    let Ok(pattern) = HostPattern::parse(text) else { return Reached::Form };
    // It never means more than it says: neither a suffix that everybody has, nor another name.
    for stranger in
        ["com", "co.uk", "evil.example", "localhost.evil.example", "xn--e1afmkfd.example"]
    {
        let own = text.strip_prefix("*.").map_or(text == stranger, |suffix| {
            stranger.strip_suffix(suffix).is_some_and(|rest| rest.ends_with('.'))
        });
        assert!(own || !pattern.matches(stranger), "{text:?} covers {stranger}");
    }
    Reached::Taken
}

/// What an attempt changes in a namespace, as it stands in facts.
pub(crate) fn values(bytes: &[u8]) -> Reached {
    let Ok(text) = std::str::from_utf8(bytes) else { return Reached::Nothing };
    if check_key(text).is_ok() {
        assert!((1..=KEY_MAX_BYTES).contains(&text.len()) && !text.chars().any(char::is_control));
    }
    let Ok((document, _)) = Document::parse(text) else { return Reached::Nothing };
    let Some(writes) = KvWrites::read(&document) else { return Reached::Form };
    let again = KvWrites::read(&writes.document());
    assert_eq!(again.as_ref(), Some(&writes), "written and read, it is another one");
    assert_eq!(writes.keys().count(), writes.set.len() + writes.delete.len());
    Reached::Taken
}
