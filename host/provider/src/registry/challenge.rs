//! What a registry asks for in `www-authenticate`: a token of a realm, or a credential itself. Judges no realm.

use http_auth::ChallengeParser;
use reqwest::header::{HeaderMap, WWW_AUTHENTICATE};

/// The longest header that is looked at: real ones have 200 bytes.
const HEADER_MAX_BYTES: usize = 4096;
/// The most of them.
const HEADERS_MAX: usize = 4;

/// What would let us in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Challenge {
    /// A token that a realm gives out.
    Bearer { realm: String, service: Option<String> },
    /// The credential itself.
    Basic,
}

/// The challenge that can be answered; a token before the credential itself, which then
/// stays at the realm.
pub(super) fn challenge(headers: &HeaderMap) -> Option<Challenge> {
    let texts = headers.get_all(WWW_AUTHENTICATE).iter().take(HEADERS_MAX);
    let texts = texts.filter_map(|value| value.to_str().ok());
    let found: Vec<_> =
        texts.filter(|text| text.len() <= HEADER_MAX_BYTES).flat_map(read).collect();
    let bearer = found.iter().find(|one| matches!(one, Challenge::Bearer { .. }));
    bearer.or(found.first()).cloned()
}

fn read(text: &str) -> Vec<Challenge> {
    // What comes after a mistake is not guessed at.
    let whole = ChallengeParser::new(text).map_while(Result::ok);
    let known = whole.filter_map(|one| {
        let value = |name: &str| {
            let named = one.params.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
            named.map(|(_, value)| value.to_unescaped())
        };
        if one.scheme.eq_ignore_ascii_case("bearer") {
            return Some(Challenge::Bearer { realm: value("realm")?, service: value("service") });
        }
        one.scheme.eq_ignore_ascii_case("basic").then_some(Challenge::Basic)
    });
    known.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(headers: &[&str]) -> Option<Challenge> {
        let mut map = HeaderMap::new();
        for header in headers {
            map.append(WWW_AUTHENTICATE, header.parse().unwrap());
        }
        challenge(&map)
    }

    #[test]
    fn reads_what_registries_ask_for() {
        let bearer = |realm: &str, service: Option<&str>| {
            Some(Challenge::Bearer { realm: realm.into(), service: service.map(Into::into) })
        };
        let hub = r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull""#;
        assert_eq!(
            asked(&[hub]),
            bearer("https://auth.docker.io/token", Some("registry.docker.io"))
        );
        assert_eq!(asked(&["bearer REALM=\"https://x\\\"y\""]), bearer("https://x\"y", None));
        assert_eq!(asked(&["Basic realm=\"here\""]), Some(Challenge::Basic));
        assert_eq!(asked(&["Basic realm=\"here\"", hub]), asked(&[hub]));
        assert_eq!(
            asked(&["Basic realm=\"here\", Bearer realm=\"https://x\""]),
            bearer("https://x", None)
        );
        for nothing in
            ["", "Bearer", "Bearer service=\"x\"", "Negotiate", "Digest realm=\"x\"", ", ,"]
        {
            assert_eq!(asked(&[nothing]), None, "{nothing}");
        }
        let long = format!("Bearer realm=\"https://{}\"", "x".repeat(5000));
        assert_eq!(asked(&[&long]), None);
        assert_eq!(asked(&[]), None);
    }
}
