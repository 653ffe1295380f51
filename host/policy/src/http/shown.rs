//! Rules as people write them: one line of TOML for each, so that a denial can name the line that would allow it.

use std::fmt::Write as _;

use bailiwick_core::Bytes;

use super::{Asked, Headers, HttpPower, HttpRule, PathPattern, Refused, Scheme};
use crate::http::{Aspect, HostPattern};
use crate::network::Network;

impl HttpRule {
    /// `{ host = "api.example.com", paths = ["/v1/*"] }`.
    #[must_use]
    pub fn line(&self) -> String {
        let mut line = String::from("{ ");
        if self.scheme == Scheme::Http {
            line.push_str("scheme = \"http\", ");
        }
        // Writing to a text cannot fail.
        let _ = write!(line, "host = {:?}", self.host.to_string());
        match self.port {
            Some(port) if port != self.scheme.port() => _ = write!(line, ", port = {port}"),
            None => line.push_str(", port = \"*\""),
            Some(_) => {}
        }
        let methods: Vec<_> = self.methods.iter().map(|method| method.as_str()).collect();
        if methods != ["GET", "HEAD"] {
            let _ = write!(line, ", methods = {methods:?}");
        }
        let paths: Vec<_> = self.paths.iter().map(PathPattern::to_string).collect();
        let _ = write!(line, ", paths = {paths:?}");
        match &self.headers {
            Headers::Any => line.push_str(", headers = [\"*\"]"),
            own if *own == Headers::usual() => {}
            Headers::Listed(names) => _ = write!(line, ", headers = {:?}", Vec::from_iter(names)),
        }
        for (key, size, usual) in [
            ("request", self.request, super::REQUEST_DEFAULT),
            ("response", self.response, super::RESPONSE_DEFAULT),
        ] {
            if let Some(size) = size.filter(|size| *size != usual) {
                let _ = write!(line, ", {key} = \"{}\"", exactly(size));
            }
        }
        if let Some(credential) = &self.credential {
            let _ = write!(line, ", credential = \"{credential}\"");
        }
        match &self.network {
            Network::Public => {}
            Network::Blocks(blocks) => {
                let texts: Vec<_> = blocks.iter().map(ToString::to_string).collect();
                let _ = write!(line, ", network = {texts:?}");
            }
            named => _ = write!(line, ", network = \"{named}\""),
        }
        if self.even_if_outside {
            line.push_str(", even-if = \"outside\"");
        }
        line.push_str(" }");
        line
    }

    /// The narrowest rule that lets a request through.
    fn just(asked: &Asked<'_>) -> Option<Self> {
        let url = asked.url;
        let path = PathPattern::parse(url.path()).unwrap_or_else(|_| PathPattern::all());
        let mut headers = Headers::usual();
        if let Headers::Listed(names) = &mut headers
            && asked.headers.iter().any(|name| !names.contains(*name))
        {
            names.extend(asked.headers.iter().map(|name| (*name).to_owned()));
        }
        Some(Self {
            scheme: Scheme::parse(url.scheme())?,
            host: HostPattern::parse(url.host_str()?).ok()?,
            port: url.port_or_known_default(),
            methods: [asked.method].into(),
            paths: vec![path],
            headers,
            request: Some(super::REQUEST_DEFAULT.max(asked.body)),
            response: Some(super::RESPONSE_DEFAULT),
            credential: None,
            network: Network::of(&url.host()?),
            even_if_outside: false,
        })
    }
}

/// A size as a file has it: people's rounding would make another rule of it.
fn exactly(Bytes(size): Bytes) -> String {
    let units = [(1 << 20, "MiB"), (1 << 10, "KiB")];
    let unit = units.into_iter().find(|(scale, _)| size > 0 && size.is_multiple_of(*scale));
    unit.map_or_else(|| format!("{size} B"), |(scale, unit)| format!("{} {unit}", size / scale))
}

impl HttpPower {
    /// The value of the key `http` that stands for all rules of now, and lets one more
    /// request through. Nothing where no line can.
    #[must_use]
    pub fn line_with(&self, asked: &Asked<'_>, refused: &Refused) -> Option<String> {
        let mut rules = self.rules.clone();
        let just = HttpRule::just(asked)?;
        let near = refused.rule.and_then(|number| rules.get_mut(number));
        match (refused.aspect, near) {
            // No line of a file took it away.
            (Aspect::Revoked, _) => return None,
            (Aspect::Host, _) | (_, None) => rules.push(just),
            (Aspect::Method, Some(near)) => near.methods.extend(just.methods),
            (Aspect::Path, Some(near)) => near.paths.extend(just.paths),
            (Aspect::Form, Some(near)) => near.paths = vec![PathPattern::all()],
            (Aspect::Header, Some(near)) => match (&mut near.headers, just.headers) {
                (Headers::Listed(own), Headers::Listed(more)) => own.extend(more),
                _ => return None,
            },
            (Aspect::Body, Some(near)) => near.request = Some(asked.body),
            (Aspect::Ceiling, Some(near)) => {
                // A ceiling has no such key.
                near.even_if_outside = false;
                return Some(format!("[{}]", near.line()));
            }
        }
        let lines: Vec<_> = rules.iter().map(HttpRule::line).collect();
        Some(format!("[{}]", lines.join(", ")))
    }
}
