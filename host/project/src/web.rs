//! The rules of `http`: in `grants` of bailiwick.toml and in ceilings of policy.toml, one form for both. Resolves nothing.

use bailiwick_policy::http::{
    BODY_MAX, Headers, HostPattern, Method, PathPattern, REQUEST_DEFAULT, RESPONSE_DEFAULT, Scheme,
};
use bailiwick_policy::network::Block;
use bailiwick_policy::{HttpRule, Network};
use toml::Spanned;

use crate::codes;
use crate::entries::{Entries, as_table};
use crate::findings::Findings;

/// Whose rules are read: a ceiling may say "any", and has no bound where it says none.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Grant,
    Ceiling,
}

/// The rules under `http`. A rule with something wrong in it is told of and left out.
pub(crate) fn rules(
    table: Entries<'_, '_>,
    side: Side,
    findings: &mut Findings<'_>,
) -> Vec<HttpRule> {
    let rules = table.items("http").filter_map(as_table);
    rules.filter_map(|rule| Reader { table: rule, side, findings }.rule()).collect()
}

struct Reader<'a, 'n, 't, 'f> {
    table: Entries<'n, 't>,
    side: Side,
    findings: &'a mut Findings<'f>,
}

impl Reader<'_, '_, '_, '_> {
    fn rule(&mut self) -> Option<HttpRule> {
        let scheme = self.table.text("scheme");
        let scheme = scheme.and_then(|word| Scheme::parse(word.get_ref()));
        let scheme = scheme.unwrap_or(Scheme::Https);
        let (host, port) = (self.host(), self.port(scheme));
        let (methods, paths, headers) = (self.methods(), self.paths(), self.headers());
        let request = self.size("request", REQUEST_DEFAULT);
        let response = self.size("response", RESPONSE_DEFAULT);
        let network = network(self.table, self.findings);
        let credential = self.table.name("credential").map(Spanned::into_inner);
        let even_if_outside = self.even_if_outside();
        Some(HttpRule {
            scheme,
            host: host?,
            port,
            methods,
            paths: paths?,
            headers,
            request,
            response,
            credential,
            network,
            even_if_outside,
        })
    }

    fn even_if_outside(&mut self) -> bool {
        let Some(word) = self.table.text("even-if") else { return false };
        if self.side == Side::Ceiling {
            let message = "`even-if` stands in grants only: who steers an agent, its operator says";
            self.wrong(&word, message.into());
        }
        self.side == Side::Grant
    }

    fn host(&mut self) -> Option<HostPattern> {
        let text = self.table.text("host")?;
        if self.side == Side::Ceiling && text.get_ref() == "*" {
            return Some(HostPattern::Any);
        }
        let read = HostPattern::parse(text.get_ref());
        read.map_err(|error| self.wrong(&text, error.to_string())).ok()
    }

    fn port(&mut self, scheme: Scheme) -> Option<u16> {
        if let Some(star) = self.table.text("port") {
            if self.side == Side::Ceiling && star.get_ref() == "*" {
                return None;
            }
            self.wrong(&star, "`port` is a number; \"*\" stands in ceilings only".into());
        }
        Some(self.table.whole("port").unwrap_or_else(|| scheme.port()))
    }

    fn methods(&mut self) -> std::collections::BTreeSet<Method> {
        if self.table.node("methods").is_none() {
            return [Method::Get, Method::Head].into();
        }
        let words = self.table.texts("methods");
        words.iter().filter_map(|word| Method::parse(word.get_ref())).collect()
    }

    fn paths(&mut self) -> Option<Vec<PathPattern>> {
        self.table.node("paths")?;
        let mut paths = Vec::new();
        for text in self.table.texts("paths") {
            match PathPattern::parse(text.get_ref()) {
                Ok(path) => paths.push(path),
                Err(error) => self.wrong(&text, error.to_string()),
            }
        }
        Some(paths)
    }

    fn headers(&mut self) -> Headers {
        if self.table.node("headers").is_none() {
            return Headers::usual();
        }
        let texts = self.table.texts("headers");
        if self.side == Side::Ceiling && texts.iter().any(|text| text.get_ref() == "*") {
            return Headers::Any;
        }
        let mut names = std::collections::BTreeSet::new();
        for text in texts {
            match Headers::name(text.get_ref()) {
                Ok(name) => _ = names.insert(name),
                Err(error) => self.wrong(&text, error.to_string()),
            }
        }
        Headers::Listed(names)
    }

    fn size(&mut self, key: &str, usual: bailiwick_core::Bytes) -> Option<bailiwick_core::Bytes> {
        let Some(size) = self.table.size(key) else {
            return (self.side == Side::Grant).then_some(usual);
        };
        if size > BODY_MAX
            && let Some(text) = self.table.text(key)
        {
            self.wrong(&text, format!("`{key}` is at most {BODY_MAX} on any host"));
        }
        Some(size)
    }

    fn wrong(&mut self, text: &Spanned<String>, message: String) {
        self.findings.report(codes::BAD_RULE, text.span(), message);
    }
}

/// The class of addresses that a rule names: public where it names none.
pub(crate) fn network(table: Entries<'_, '_>, findings: &mut Findings<'_>) -> Network {
    match table.text("network").map(Spanned::into_inner).as_deref() {
        Some("private") => return Network::Private,
        Some("loopback") => return Network::Loopback,
        _ => {}
    }
    let mut blocks = Vec::new();
    for text in table.texts("network") {
        match Block::parse(text.get_ref()) {
            Ok(block) => blocks.push(block),
            Err(error) => findings.report(codes::BAD_RULE, text.span(), error.to_string()),
        }
    }
    if blocks.is_empty() { Network::Public } else { Network::Blocks(blocks) }
}
