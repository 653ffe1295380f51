//! Requests to the web as the gate sees them: their forms and limits, the answer's form in the journal, the port behind which they are sent. Knows no grant.

use std::time::Duration;

use bailiwick_core::ports::{BoxFuture, Durable};
use bailiwick_core::{Bytes, Digest, Name, Timestamp};
use bailiwick_policy::Network;
use bailiwick_policy::http::{BODY_MAX, Method, Pass, is_never_sent};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use url::Url;

/// The longest URL, in bytes: what servers take.
pub const URL_MAX_BYTES: usize = 8 * 1024;
/// The most headers of a request, and of an answer that is handed over.
pub const HEADERS_MAX: usize = 128;
/// The longest name of a header, in bytes.
const HEADER_NAME_MAX_BYTES: usize = 128;
/// All headers together, in bytes: what servers take.
const HEADERS_MAX_BYTES: usize = 32 * 1024;

/// What a guest asks of the web.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchRequest {
    /// In upper case.
    pub method: String,
    /// Absolute.
    pub url: String,
    /// Each name once, whatever its case.
    pub headers: Vec<(String, String)>,
    /// All of it.
    pub body: Vec<u8>,
}

/// What the web answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchResponse {
    /// 100 to 599.
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// All of it.
    pub body: Vec<u8>,
}

/// A request whose form is sound.
#[derive(Clone, Debug)]
pub struct Parsed {
    pub(crate) method: Method,
    pub(crate) url: Url,
    /// The path as it was typed.
    pub(crate) typed_path: String,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
}

/// A request that was authorised: exactly what is sent, and on which terms.
#[derive(Clone, Debug)]
pub struct Way {
    pub(crate) parsed: Parsed,
    pub(crate) body: Vec<u8>,
    pub(crate) pass: Pass,
}

impl Way {
    /// What lets it through, and on which terms.
    #[must_use]
    pub fn pass(&self) -> &Pass {
        &self.pass
    }
}

impl FetchRequest {
    /// Checks form and documented maxima.
    ///
    /// # Errors
    /// A sentence for the agent's author.
    pub(crate) fn check(&self) -> Result<Parsed, String> {
        let method = Method::parse(&self.method).ok_or_else(|| {
            format!("the method is one of {}, in upper case", Method::WORDS.join(", "))
        })?;
        let (url, typed_path) = parse_url(&self.url)?;
        if !method.changes() && !self.body.is_empty() {
            return Err(format!("{method} has no body"));
        }
        if self.body.len() as u64 > BODY_MAX.0 {
            return Err(format!("a body has at most {BODY_MAX}"));
        }
        Ok(Parsed { method, url, typed_path, headers: headers(&self.headers)? })
    }

    /// What tells it from another: the body by its digest.
    pub(crate) fn form(&self) -> Value {
        json!([self.method, self.url, self.headers, Digest::of(&self.body).to_string()])
    }
}

/// Parses a URL, once, and gives the path as it was typed besides. What the parser would
/// silently put right or drop is refused: nobody needs it but who wants to be misread.
///
/// # Errors
/// A sentence for the agent's author.
pub fn parse_url(text: &str) -> Result<(Url, String), String> {
    if text.len() > URL_MAX_BYTES {
        return Err(format!("a URL has at most {URL_MAX_BYTES} bytes"));
    }
    if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err("a URL has neither white space nor control characters".into());
    }
    let lower = text.get(..8).unwrap_or(text).to_ascii_lowercase();
    let scheme = ["https://", "http://"].into_iter().find(|scheme| lower.starts_with(scheme));
    let Some(rest) = scheme.and_then(|scheme| text.get(scheme.len()..)) else {
        return Err("a URL begins with https:// or http://".into());
    };
    let authority = rest.find(['/', '\\', '?', '#']).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at(authority);
    if authority.is_empty() || authority.contains('@') {
        return Err("a URL has a host, and neither user nor password".into());
    }
    let mut url = Url::parse(text).map_err(|error| format!("no URL: {error}"))?;
    if !url.username().is_empty() || url.password().is_some() || url.host().is_none() {
        return Err("a URL has a host, and neither user nor password".into());
    }
    // It is never sent.
    url.set_fragment(None);
    Ok((url, typed(tail)))
}

/// Where a redirect leads from a URL, in the same form: another URL, or a path of the same
/// origin.
///
/// # Errors
/// What is wrong with it.
pub fn located(from: &Url, location: &str) -> Result<(Url, String), String> {
    if location.contains("://") {
        return parse_url(location);
    }
    if location.starts_with("//") || location.starts_with(['\\', '\t', ' ']) {
        return Err("it names a host without a scheme".into());
    }
    let mut url = from.join(location).map_err(|error| error.to_string())?;
    url.set_fragment(None);
    // A relative reference cannot leave its origin; what can is no relative reference.
    if url.origin() != from.origin() {
        return Err("it is neither a URL nor a path".into());
    }
    Ok((url, typed(location)))
}

/// The path in what follows an authority, or in a relative reference.
fn typed(tail: &str) -> String {
    tail.split(['?', '#']).next().unwrap_or_default().to_owned()
}

fn headers(given: &[(String, String)]) -> Result<Vec<(String, String)>, String> {
    if given.len() > HEADERS_MAX {
        return Err(format!("a request has at most {HEADERS_MAX} headers"));
    }
    let size: usize = given.iter().map(|(name, value)| name.len() + value.len()).sum();
    if size > HEADERS_MAX_BYTES {
        return Err(format!("headers have at most {HEADERS_MAX_BYTES} bytes together"));
    }
    let mut headers: Vec<(String, String)> = Vec::with_capacity(given.len());
    for (name, value) in given {
        let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
        if name.is_empty() || name.len() > HEADER_NAME_MAX_BYTES || !name.bytes().all(token) {
            return Err("the name of a header has letters, digits and `-`".into());
        }
        let name = name.to_ascii_lowercase();
        // A line break would begin a header, or a request, that nobody judged.
        if !value.bytes().all(|b| b == b' ' || b == b'\t' || b.is_ascii_graphic()) {
            return Err(format!("the value of {name} must be printable ASCII on one line"));
        }
        if is_never_sent(&name) {
            return Err(format!("{name} belongs to the connection or to the host: leave it out"));
        }
        if headers.iter().any(|(known, _)| *known == name) {
            return Err(format!("{name} stands twice"));
        }
        headers.push((name, value.clone()));
    }
    Ok(headers)
}

impl FetchResponse {
    /// The first value of a header, by its name in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The form in the journal: a body that is text as it is, any other in base64.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let body = match std::str::from_utf8(&self.body) {
            Ok(text) => json!({ "text": text }),
            Err(_) => json!({ "base64": STANDARD.encode(&self.body) }),
        };
        json!({ "status": self.status, "headers": self.headers, "body": body })
    }

    /// Reads that form.
    #[must_use]
    pub fn from_json(value: &Value) -> Option<Self> {
        let status = u16::try_from(value.get("status")?.as_u64()?).ok()?;
        let headers = serde_json::from_value(value.get("headers")?.clone()).ok()?;
        let body = value.get("body")?;
        let body = match (body.get("text"), body.get("base64")) {
            (Some(text), _) => text.as_str()?.as_bytes().to_vec(),
            (None, Some(text)) => STANDARD.decode(text.as_str()?).ok()?,
            (None, None) => return None,
        };
        Some(Self { status, headers, body })
    }
}

/// One request that leaves: authorised, and written down.
#[derive(Clone, Copy, Debug)]
pub struct Exchange<'a> {
    /// Whose connections may be shared: the agent and the rule that lets it through.
    pub lane: &'a str,
    /// The method.
    pub method: Method,
    /// The URL that was judged.
    pub url: &'a Url,
    /// Names in lower case, each once; none is the host's own.
    pub headers: &'a [(String, String)],
    /// The body.
    pub body: &'a [u8],
    /// Which addresses it may end at.
    pub network: &'a Network,
    /// The credential that goes along.
    pub credential: Option<&'a Name>,
    /// Whether the answer is to one with a credential, also where none goes along any more:
    /// then it loses the headers that could hand one on.
    pub stripped: bool,
    /// The largest body of the answer.
    pub response_max: Bytes,
    /// Sent along as `Idempotency-Key` where the request may change something.
    pub idempotency_key: &'a Digest,
    /// When it was written down that this request leaves: what a signature says of its time.
    pub at: Timestamp,
    /// The longest that it may take.
    pub timeout: Duration,
}

/// What came back: what the guest may have, and where a redirect leads, which it may not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchanged {
    /// For the guest.
    pub response: FetchResponse,
    /// The `location`, for the gate alone.
    pub location: Option<String>,
}

/// Why nothing came back. Texts are for the operator: no query, no secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    /// It may not be sent: nothing left.
    #[error("{detail}")]
    Refused {
        /// What is in the way.
        detail: String,
        /// What would allow it.
        hint: Option<String>,
    },
    /// It could not be reached, broke off, or was too slow.
    #[error("{detail}")]
    Unavailable {
        /// In the system's words.
        detail: String,
        /// Whether bytes of the request left the host.
        left: bool,
    },
    /// The answer has more than it may.
    #[error("the answer has more than {0}")]
    TooLarge(Bytes),
    /// The answer cannot be handed over.
    #[error("{0}")]
    Withheld(String),
}

/// Sends requests. Holds the secrets; what it returns never contains one.
pub trait HttpProvider: Send + Sync {
    /// One request and its whole answer. Takes the proof that the intent is on stable
    /// storage; follows nothing.
    fn exchange<'a>(
        &'a self,
        durable: &'a Durable,
        exchange: Exchange<'a>,
    ) -> BoxFuture<'a, Result<Exchanged, HttpError>>;
}

/// A host that is connected to nothing: every request is refused.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unconnected;

impl HttpProvider for Unconnected {
    fn exchange<'a>(
        &'a self,
        _durable: &'a Durable,
        _exchange: Exchange<'a>,
    ) -> BoxFuture<'a, Result<Exchanged, HttpError>> {
        let detail = "this host is connected to nothing".to_owned();
        Box::pin(async { Err(HttpError::Refused { detail, hint: None }) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(url: &str, headers: &[(&str, &str)]) -> Result<Parsed, String> {
        let headers = headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        FetchRequest { method: "GET".into(), url: url.into(), headers, body: Vec::new() }.check()
    }

    #[test]
    fn a_url_that_is_read_in_two_ways_is_none() {
        for bad in [
            "",
            "/v1",
            "//host/",
            "ftp://host/",
            "https:/host/",
            "https:host",
            "https:\\\\host\\x",
            "https://",
            "https:///x",
            "https://u@host/",
            "https://u:p@host/",
            "https://@host/",
            "https://ho\tst/",
            "https://host/a\nb",
            " https://host/",
            "https://host/ ",
            "https://host/\r\nHost: x",
            "https://host:99999/",
            "https://[::1/",
            "https://exa mple/",
            "file:///etc/passwd",
            "https://good@evil/",
            "https://\u{a0}host/",
            "https://a\0b/",
        ] {
            assert!(get(bad, &[]).is_err(), "{bad:?}");
        }
        assert!(get(&format!("https://host/{}", "a".repeat(URL_MAX_BYTES)), &[]).is_err());
        let parsed = get("HTTPS://Host.Example:443/a/%2e%2e/b?q#f", &[]).unwrap();
        assert_eq!(parsed.url.as_str(), "https://host.example/b?q");
        assert_eq!(parsed.typed_path, "/a/%2e%2e/b");
    }

    #[test]
    fn headers_that_smuggle_are_refused() {
        let long = "x".repeat(HEADERS_MAX_BYTES);
        for (name, value) in [
            ("x", "a\r\nhost: evil"),
            ("x", "a\nb"),
            ("x", "a\0"),
            ("x", "ü"),
            ("x\r\nhost", "a"),
            ("", "a"),
            ("a b", "c"),
            ("Host", "evil"),
            ("HOST", "evil"),
            ("Expect", "100-continue"),
            ("Content-Length", "5"),
            ("Transfer-Encoding", "chunked"),
            ("Connection", "upgrade"),
            ("TE", "trailers"),
            ("Trailer", "x"),
            ("Upgrade", "h2c"),
            ("Keep-Alive", "x"),
            ("Proxy-Anything", "x"),
            ("Idempotency-Key", "mine"),
            ("Accept-Encoding", "gzip"),
            ("x", long.as_str()),
        ] {
            assert!(get("https://h/", &[(name, value)]).is_err(), "{name}: {value:.20}");
        }
        assert!(get("https://h/", &[("accept", "a"), ("Accept", "b")]).is_err(), "twice");
        let ok = get("https://h/", &[("If-None-Match", "\"x\"")]).unwrap();
        assert_eq!(ok.headers, [("if-none-match".to_owned(), "\"x\"".to_owned())]);
    }

    #[test]
    fn methods_and_bodies_have_one_form() {
        let ask = |method: &str, body: &[u8]| {
            let (url, headers) = ("https://h/".to_owned(), Vec::new());
            FetchRequest { method: method.into(), url, headers, body: body.to_vec() }.check()
        };
        assert!(ask("POST", b"x").is_ok() && ask("DELETE", b"").is_ok());
        for bad in ["", "get", "CONNECT", "TRACE", "GET /", "POST\r\n"] {
            assert!(ask(bad, b"").is_err(), "{bad:?}");
        }
        assert!(ask("GET", b"x").is_err() && ask("HEAD", b"x").is_err());
        assert!(ask("POST", &vec![0; BODY_MAX.0 as usize + 1]).is_err());
    }

    #[test]
    fn an_answer_comes_back_from_the_journal_as_it_was() {
        for body in [&b"text \xc3\xbc"[..], &[0, 255, 254], b""] {
            let headers = vec![("content-type".into(), "x".into())];
            let response = FetchResponse { status: 200, headers, body: body.to_vec() };
            assert_eq!(FetchResponse::from_json(&response.to_json()), Some(response));
        }
        assert_eq!(FetchResponse::from_json(&json!({"status": 1})), None);
    }
}
