//! The one decision about a request: which granted rule lets it through, or what is nearest and why not. Pure; the host asks it before anything leaves.

use bailiwick_core::{Bytes, Name};
use url::Url;

use super::pattern::is_tricky;
use super::{HttpPower, HttpRule, Method, Scheme};
use crate::network::Network;

/// A request, as it is judged.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// What is asked.
    pub method: Method,
    /// The URL, parsed once; what is dialled is this very value.
    pub url: &'a Url,
    /// The path as it was typed, before the `url` crate put it in order: what disappears on
    /// the way is judged too.
    pub typed_path: &'a str,
    /// The names of its headers, in lower case.
    pub headers: &'a [&'a str],
    /// The size of its body.
    pub body: Bytes,
}

/// What lets a request through, and on which terms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pass {
    /// Which rule of the grant, counted from 0.
    pub rule: usize,
    /// Which addresses it may end at.
    pub network: Network,
    /// The credential that goes along.
    pub credential: Option<Name>,
    /// The largest body of the answer.
    pub response: Bytes,
}

/// What of a request is looked at, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "parts of a request")]
pub enum Aspect {
    Host,
    Method,
    Path,
    /// A path that servers read in different ways.
    Form,
    Header,
    Body,
    /// All of a granted rule fits, and a ceiling does not.
    Ceiling,
    /// The host was taken away on a running host.
    Revoked,
}

/// Why a request does not pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Where the nearest rule ends.
    pub aspect: Aspect,
    /// That rule, counted from 0; nothing where no rule is near.
    pub rule: Option<usize>,
}

impl HttpPower {
    /// Whether a request may be made. The first rule that lets it through within all bounds
    /// does.
    ///
    /// # Errors
    /// [`Refused`] with what the nearest rule does not allow.
    pub fn decide(&self, asked: &Asked<'_>) -> Result<Pass, Refused> {
        let host = asked.url.host_str().unwrap_or_default();
        if self.except.iter().any(|gone| gone.matches(host)) {
            return Err(Refused { aspect: Aspect::Revoked, rule: None });
        }
        let mut nearest = Refused { aspect: Aspect::Host, rule: None };
        for (number, rule) in self.rules.iter().enumerate() {
            let aspect = match rule.refuses(asked) {
                Some(aspect) => aspect,
                None => match self.bounded(rule, asked) {
                    Some(response) => {
                        return Ok(Pass {
                            rule: number,
                            network: rule.network.clone(),
                            credential: rule.credential.clone(),
                            response,
                        });
                    }
                    None => Aspect::Ceiling,
                },
            };
            if aspect > nearest.aspect {
                nearest = Refused { aspect, rule: Some(number) };
            }
        }
        Err(nearest)
    }

    /// The size that an answer may have within all bounds; nothing where one of them does
    /// not allow the request with this rule's credential and network.
    fn bounded(&self, rule: &HttpRule, asked: &Asked<'_>) -> Option<Bytes> {
        let mut most = rule.response.unwrap_or(super::RESPONSE_DEFAULT);
        for bound in &self.bounds {
            let allowing = bound.iter().filter(|bound| {
                bound.refuses(asked).is_none()
                    && rule.network.is_within(&bound.network)
                    && (rule.credential.is_none() || rule.credential == bound.credential)
            });
            // Several rules of one ceiling: the most that any of them allows.
            let largest = allowing.map(|bound| bound.response.unwrap_or(super::BODY_MAX)).max()?;
            most = most.min(largest);
        }
        Some(most.min(super::BODY_MAX))
    }
}

impl HttpRule {
    /// The first aspect of a request that this rule does not allow.
    fn refuses(&self, asked: &Asked<'_>) -> Option<Aspect> {
        let Asked { method, url, typed_path, headers, body } = asked;
        let scheme = Scheme::parse(url.scheme()) == Some(self.scheme);
        let host = url.host_str().is_some_and(|host| self.host.matches(host));
        let port = self.port.is_none() || url.port_or_known_default() == self.port;
        if !(scheme && host && port) {
            return Some(Aspect::Host);
        }
        if !self.methods.contains(method) {
            return Some(Aspect::Method);
        }
        if self.paths.iter().all(|path| !path.matches(url.path())) {
            return Some(Aspect::Path);
        }
        let tricky = is_tricky(url.path()) || is_tricky(typed_path);
        if tricky && !self.paths.iter().any(super::PathPattern::is_all) {
            return Some(Aspect::Form);
        }
        if headers.iter().any(|name| !self.headers.allow(name)) {
            return Some(Aspect::Header);
        }
        let most = self.request.unwrap_or(super::BODY_MAX).min(super::BODY_MAX);
        (*body > most).then_some(Aspect::Body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{Headers, HostPattern, PathPattern};

    fn rule(host: &str, methods: &[Method], paths: &[&str]) -> HttpRule {
        HttpRule {
            scheme: Scheme::Https,
            host: HostPattern::try_from(host.to_owned()).unwrap(),
            port: Some(443),
            methods: methods.iter().copied().collect(),
            paths: paths.iter().map(|path| PathPattern::parse(path).unwrap()).collect(),
            headers: Headers::usual(),
            request: Some(Bytes(100)),
            response: Some(Bytes(200)),
            credential: None,
            network: Network::Public,
            even_if_outside: false,
        }
    }

    fn refusal(power: &HttpPower, method: Method, url: &str) -> Option<Aspect> {
        let parsed = Url::parse(url).unwrap();
        let typed = url.split_once("://").unwrap().1;
        let typed = typed.find(['/', '\\']).map_or("/", |at| &typed[at..]);
        let typed = typed.split(['?', '#']).next().unwrap();
        let asked =
            Asked { method, url: &parsed, typed_path: typed, headers: &["accept"], body: Bytes(0) };
        power.decide(&asked).err().map(|refused| refused.aspect)
    }

    #[test]
    fn a_request_is_judged_by_what_the_url_crate_sees() {
        let rules = vec![rule("api.example.com", &[Method::Get], &["/v1/*", "/v2/**"])];
        let power = HttpPower { rules, ..HttpPower::none() };
        let get = |url: &str| refusal(&power, Method::Get, url);
        for good in [
            "https://api.example.com/v1/items?q=/../x;y",
            "HTTPS://API.EXAMPLE.COM:443/v1/items",
            "https://api.example.com/v2/a/b/c",
        ] {
            assert_eq!(get(good), None, "{good}");
        }
        for (bad, aspect) in [
            ("https://api.example.com./v1/items", Aspect::Host),
            ("https://api.example.com:8443/v1/items", Aspect::Host),
            ("http://api.example.com/v1/items", Aspect::Host),
            ("https://xn--pi-7ja.example.com/v1/items", Aspect::Host),
            ("https://evil.net/v1/items", Aspect::Host),
            ("https://api.example.com.evil.net/v1/x", Aspect::Host),
            ("https://api.example.com@evil.net/v1/x", Aspect::Host),
            ("https://api.example.com/admin", Aspect::Path),
            ("https://api.example.com/v1/../admin", Aspect::Path),
            ("https://api.example.com/v1/a/b", Aspect::Path),
            ("https://api.example.com/v1/%2e%2e/v1/x", Aspect::Form),
            ("https://api.example.com/v1/..%2fadmin", Aspect::Form),
            ("https://api.example.com/v2/x%5c..%5cadmin", Aspect::Form),
            ("https://api.example.com/v2/x%00", Aspect::Form),
            ("https://api.example.com/v2/x;y", Aspect::Form),
            ("https://api.example.com/v2\\x", Aspect::Form),
            ("https://api.example.com/v2//x", Aspect::Form),
            ("https://api.example.com/v2/%252e%252e/x", Aspect::Form),
            ("https://api.example.com/v2/https://evil.net/", Aspect::Form),
        ] {
            assert_eq!(get(bad), Some(aspect), "{bad}");
        }
        let post = refusal(&power, Method::Post, "https://api.example.com/v1/items");
        assert_eq!(post, Some(Aspect::Method));
    }

    #[test]
    fn under_everything_a_path_may_have_any_form() {
        let power = HttpPower {
            rules: vec![rule("a.example.com", &[Method::Get], &["/**"])],
            ..HttpPower::none()
        };
        assert_eq!(refusal(&power, Method::Get, "https://a.example.com/x;y//z%2f"), None);
    }

    #[test]
    fn headers_and_bodies_are_bounded() {
        let url = Url::parse("https://a.example.com/").unwrap();
        let rules = vec![rule("a.example.com", &[Method::Post], &["/"])];
        let power = HttpPower { rules, ..HttpPower::none() };
        let asked = |headers: &[&str], body| {
            let asked = Asked {
                method: Method::Post,
                url: &url,
                typed_path: "/",
                headers,
                body: Bytes(body),
            };
            power.decide(&asked).map_err(|refused| refused.aspect)
        };
        assert_eq!(asked(&["accept"], 100).unwrap().response, Bytes(200));
        assert_eq!(asked(&["cookie"], 0), Err(Aspect::Header));
        assert_eq!(asked(&[], 101), Err(Aspect::Body));
    }
}
