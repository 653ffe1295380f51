//! Rules for requests to the web, narrowed to the requests that went through them. Each comes of one granted rule and lies within it; what cannot be told apart stays as it was granted.

use std::collections::{BTreeMap, BTreeSet};

use bailiwick_core::Bytes;
use bailiwick_policy::HttpRule;
use bailiwick_policy::http::{
    BODY_MAX, Headers, HostPattern, Method, PathPattern, REQUEST_DEFAULT, RESPONSE_DEFAULT,
};

use super::figures;
use super::usage::RuleUse;

/// From how many paths below one folder on the folder is named instead, as `/folder/*`:
/// so many are data and not a list that somebody keeps.
const SIBLINGS_MAX: usize = 4;

/// The most paths of one rule that are proposed: a longer list is read by nobody.
const PATHS_MAX: usize = 16;

/// The rule of the paths, as it is told.
pub const PATHS_RULE: &str =
    "paths as they were asked for; more than 4 below one folder are written /folder/*";

/// What is left of a granted rule: the smallest of its own words that lets all of these
/// requests through. `answers` says whether none was refused for the size of its answer.
pub(crate) fn narrowed(granted: &HttpRule, used: &RuleUse, answers: bool) -> HttpRule {
    let mut rule = granted.clone();
    rule.methods = methods(granted, used);
    if let Some(host) = host(granted, used) {
        rule.host = host;
    }
    if let Some(paths) = paths(granted, used) {
        rule.paths = paths;
    }
    rule.headers = headers(granted, used);
    rule.request = size(granted.request, REQUEST_DEFAULT, used.body);
    if answers {
        rule.response = size(granted.response, RESPONSE_DEFAULT, used.answer);
    }
    // Whatever was computed: more than was granted is never proposed.
    if granted.covers(&rule) { rule } else { granted.clone() }
}

/// `GET` and `HEAD` change nothing, and are one power here.
fn methods(granted: &HttpRule, used: &RuleUse) -> BTreeSet<Method> {
    let reads = used.methods.iter().any(|method| !method.changes());
    let keeps = |method: &&Method| match method.changes() {
        true => used.methods.contains(method),
        false => reads,
    };
    granted.methods.iter().filter(keeps).copied().collect()
}

/// The one host that was asked, where the grant has a pattern of them.
fn host(granted: &HttpRule, used: &RuleUse) -> Option<HostPattern> {
    let hosts = used.hosts.all()?;
    match Vec::from_iter(hosts).as_slice() {
        [only] if !matches!(granted.host, HostPattern::Exact(_)) => HostPattern::parse(only).ok(),
        _ => None,
    }
}

fn paths(granted: &HttpRule, used: &RuleUse) -> Option<Vec<PathPattern>> {
    let seen = used.paths.all()?;
    let mut below: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for path in seen {
        let (folder, _) = path.rsplit_once('/')?;
        below.entry(folder).or_default().push(path);
    }
    let mut texts: BTreeSet<String> = BTreeSet::new();
    for (folder, paths) in below {
        let star = format!("{folder}/*");
        let covers = || {
            let pattern = PathPattern::parse(&star).ok();
            pattern.is_some_and(|pattern| granted.paths.iter().any(|own| own.covers(&pattern)))
        };
        match paths.len() > SIBLINGS_MAX && covers() {
            true => _ = texts.insert(star),
            false => texts.extend(paths.into_iter().map(str::to_owned)),
        }
    }
    if texts.len() > PATHS_MAX {
        return None;
    }
    // A path that no pattern can name, such as one that servers read in two ways, needs the
    // granted patterns.
    let patterns: Option<Vec<_>> = texts.iter().map(|text| PathPattern::parse(text).ok()).collect();
    let patterns = patterns?;
    let matched = seen.iter().all(|path| patterns.iter().any(|pattern| pattern.matches(path)));
    let same = patterns.len() == granted.paths.len()
        && patterns.iter().all(|pattern| granted.paths.contains(pattern));
    (matched && !same).then_some(patterns)
}

/// The usual headers are nobody's power; others that were never sent go.
fn headers(granted: &HttpRule, used: &RuleUse) -> Headers {
    match (&granted.headers, used.headers.all(), Headers::usual()) {
        (Headers::Listed(own), Some(sent), Headers::Listed(usual)) => {
            let keeps = |name: &&String| sent.contains(*name) || usual.contains(*name);
            Headers::Listed(own.iter().filter(keeps).cloned().collect())
        }
        (own, ..) => own.clone(),
    }
}

/// A size that the grant names. The default is no request, and stays.
fn size(granted: Option<Bytes>, usual: Bytes, largest: Bytes) -> Option<Bytes> {
    let own = granted.unwrap_or(BODY_MAX);
    if own == usual {
        return granted;
    }
    let enough = figures::size(largest);
    if enough < own { Some(enough) } else { granted }
}

#[cfg(test)]
mod tests {
    use bailiwick_policy::Network;
    use bailiwick_policy::http::Scheme;

    use super::*;

    fn granted(host: &str, paths: &[&str]) -> HttpRule {
        HttpRule {
            scheme: Scheme::Https,
            host: HostPattern::parse(host).unwrap(),
            port: Some(443),
            methods: Method::ALL.into(),
            paths: paths.iter().map(|path| PathPattern::parse(path).unwrap()).collect(),
            headers: Headers::Listed(["accept", "x-one", "x-two"].map(str::to_owned).into()),
            request: Some(Bytes::mib(4)),
            response: Some(RESPONSE_DEFAULT),
            credential: None,
            network: Network::Public,
            even_if_outside: false,
        }
    }

    fn used(methods: &[Method], hosts: &[&str], paths: &[&str]) -> RuleUse {
        let mut used = RuleUse { methods: methods.iter().copied().collect(), ..RuleUse::default() };
        hosts.iter().for_each(|host| used.hosts.add(host));
        paths.iter().for_each(|path| used.paths.add(path));
        used.headers.add("x-two");
        used.body = Bytes(100_000);
        used
    }

    fn shown(rule: &HttpRule) -> String {
        rule.paths.iter().map(PathPattern::to_string).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_rule_is_what_went_through_it() {
        let rule = granted("*.example.com", &["/**"]);
        let left = narrowed(&rule, &used(&[Method::Get], &["a.example.com"], &["/v1/x"]), true);
        assert_eq!(left.host.to_string(), "a.example.com");
        assert_eq!(left.methods, [Method::Get, Method::Head].into());
        assert_eq!(shown(&left), "/v1/x");
        assert_eq!(left.headers, Headers::Listed(["accept", "x-two"].map(str::to_owned).into()));
        assert_eq!(left.request, Some(Bytes(256 * 1024)), "twice, and a power of two");
        assert_eq!(left.response, Some(RESPONSE_DEFAULT), "nobody asked for the default");
        assert!(rule.covers(&left));
    }

    #[test]
    fn many_paths_of_one_folder_are_one_pattern_where_the_grant_has_it() {
        let many = ["/n/1", "/n/2", "/n/3", "/n/4", "/n/5", "/other"];
        let of = |paths: &[&str]| {
            shown(&narrowed(&granted("h.example.com", paths), &used(&[], &[], &many), true))
        };
        assert_eq!(of(&["/**"]), "/n/* /other");
        assert_eq!(of(&["/n/*", "/other"]), "/n/* /other");
        let each = ["/n/1", "/n/2", "/n/3", "/n/4", "/n/5", "/n/6", "/other"];
        assert_eq!(of(&each), "/n/1 /n/2 /n/3 /n/4 /n/5 /other", "a star would be more");
    }

    #[test]
    fn what_cannot_be_told_apart_stays_as_it_was_granted() {
        let rule = granted("*.example.com", &["/**"]);
        let hosts = ["a.example.com", "b.example.com"];
        let two = narrowed(&rule, &used(&[Method::Get], &hosts, &["/a%2fb"]), true);
        assert_eq!((two.host.to_string().as_str(), shown(&two).as_str()), ("*.example.com", "/**"));
        let many: Vec<String> = (0..600).map(|n| format!("/{n}/x")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(shown(&narrowed(&rule, &used(&[], &[], &many), true)), "/**");
    }
}
