//! One exchange with a provider's server: credential, status, patience, size, and the search for secrets in what comes back. Knows no provider's JSON beyond where errors have their sentence.

use std::time::Duration;

use bailiwick_core::Bytes;
use bailiwick_core::text::{Lines, clip, visible};
use bailiwick_gate::model::Completion;
use bailiwick_gate::provider::ProviderError;
use bailiwick_policy::{ProviderKind, Route};
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Method, Response, StatusCode};
use serde_json::Value;

use crate::dial::{Credential, DialError, Dialler, Outgoing, broken};
use crate::finder::Search;
use crate::keys::{Keys, NoCredential};
use crate::patience::retry_after;
use crate::target::Target;

/// The most of an error's body that is read: the sentence stands at its beginning.
const ERROR_BODY_MAX: Bytes = Bytes::kib(64);
/// The most of a server's sentence that is shown: enough for the reason, too little for a flood.
const SENTENCE_MAX_BYTES: usize = 400;
/// How long the end of a body is waited for when its last event is there: it is mostly
/// in the same packet, and a connection that was read to its end can be used again.
const END_MAX: Duration = Duration::from_millis(50);

/// A provider's server as a route names it.
pub(crate) struct Server<'a> {
    dialler: &'a Dialler,
    keys: &'a Keys,
    kind: ProviderKind,
    base: Target,
    credential: Result<Credential, NoCredential>,
}

/// What is sent to it.
pub(crate) struct Post<'a> {
    pub(crate) path: &'a [&'a str],
    pub(crate) headers: HeaderMap,
    pub(crate) body: &'a Value,
    pub(crate) timeout: Duration,
    /// The most that the answer's body may have.
    pub(crate) answer_max: Bytes,
}

/// An answer with a good status, not read yet.
pub(crate) struct Reply<'a> {
    response: Response,
    search: Search,
    left: u64,
    answer_max: Bytes,
    timeout: Duration,
    keys: &'a Keys,
}

impl<'a> Server<'a> {
    /// The server of a route, with the credential that may go there.
    ///
    /// # Errors
    /// `Unsupported` where the route cannot be dialled or its key cannot be used: nothing left.
    pub(crate) async fn of(
        route: &Route,
        dialler: &'a Dialler,
        keys: &'a Keys,
    ) -> Result<Self, ProviderError> {
        keys.know().await;
        let kind = route.provider;
        let base = route.base.as_deref().or_else(|| kind.default_base()).unwrap_or_default();
        let base = Target::parse(base)
            .map_err(|error| ProviderError::Unsupported { detail: error.to_string() })?;
        let credential = keys.of_vendor(kind, &base).await;
        let credential = credential.map_err(|detail| ProviderError::Unsupported { detail })?;
        Ok(Self { dialler, keys, kind, base, credential })
    }

    /// Whether this is the provider's vendor itself and no compatible server.
    pub(crate) fn is_vendor(&self) -> bool {
        let vendor = self.kind.default_base().and_then(|base| Target::parse(base).ok());
        vendor.is_some_and(|vendor| vendor.origin() == self.base.origin())
    }

    /// Whether the base ends in this path segment.
    pub(crate) fn base_ends_in(&self, segment: &str) -> bool {
        self.base.ends_in(segment)
    }

    /// Sends JSON.
    ///
    /// # Errors
    /// Anything but a status of 200 to 299, typed.
    pub(crate) async fn post(&self, post: Post<'_>) -> Result<Reply<'a>, ProviderError> {
        let Post { path, mut headers, body, timeout, answer_max } = post;
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(ACCEPT, HeaderValue::from_static("text/event-stream, application/json"));
        let target = self.base.under(path);
        let outgoing = Outgoing {
            owner: "model",
            method: Method::POST,
            target: &target,
            credential: self.credential.as_ref().ok(),
            headers,
            body: body.to_string().into_bytes(),
            timeout,
        };
        let response =
            self.dialler.dial(outgoing).await.map_err(|error| failed(error, self.keys))?;
        if response.headers().values().any(|value| self.leaks(value.as_bytes())) {
            return Err(leak());
        }
        let status = response.status();
        let keys = self.keys;
        let search = Search::new(keys.finder());
        if status.is_success() {
            return Ok(Reply { response, search, left: answer_max.0, answer_max, timeout, keys });
        }
        let headers = response.headers().clone();
        let mut reply = Reply {
            response,
            search,
            left: ERROR_BODY_MAX.0,
            answer_max: ERROR_BODY_MAX,
            timeout,
            keys,
        };
        let sentence = match reply.whole().await {
            Ok(body) => sentence(&body),
            Err(error @ ProviderError::Rejected { .. }) if error == leak() => return Err(error),
            Err(_) => String::new(),
        };
        Err(self.refusal(status, &headers, &sentence))
    }

    fn leaks(&self, bytes: &[u8]) -> bool {
        self.keys.finder().finds(bytes)
    }

    /// An answer whose words, put together and unescaped, hold no secret.
    ///
    /// # Errors
    /// `Rejected` where they do.
    pub(crate) fn clean(&self, completion: Completion) -> Result<Completion, ProviderError> {
        let calls =
            completion.tool_calls.iter().flat_map(|call| [&call.id, &call.name, &call.arguments]);
        let found = calls
            .chain([&completion.text, &completion.model])
            .any(|text| self.leaks(text.as_bytes()));
        if found { Err(leak()) } else { Ok(completion) }
    }

    /// A short text from an answer, where it holds no secret.
    ///
    /// # Errors
    /// `Rejected` where it does.
    pub(crate) fn clean_name(&self, text: &str) -> Result<String, ProviderError> {
        if self.leaks(text.as_bytes()) { Err(leak()) } else { Ok(shown(text)) }
    }

    /// What a bad status means.
    fn refusal(&self, status: StatusCode, headers: &HeaderMap, sentence: &str) -> ProviderError {
        let retry_after = retry_after(headers);
        let mut detail = format!("the server answered {}", status.as_u16());
        if !sentence.is_empty() {
            detail = format!("{detail}: {}", self.keys.scrub(sentence));
        }
        match status.as_u16() {
            429 => ProviderError::Busy { detail, retry_after },
            408 | 425 | 500.. => ProviderError::Unavailable { detail, retry_after, left: true },
            300..=399 => ProviderError::Rejected {
                detail: format!(
                    "{detail}; redirects are not followed: name the place that it moved to in the route's base"
                ),
            },
            401 | 403 => ProviderError::Rejected {
                detail: match &self.credential {
                    Ok(credential) => format!("{detail} (with {})", credential.name),
                    Err(why) => format!("{detail} (without a key: {why})"),
                },
            },
            _ => ProviderError::Rejected { detail },
        }
    }

    /// An error that a server reports inside a good answer.
    pub(crate) fn error_inside(&self, error: &Value) -> ProviderError {
        let sentence = sentence_of(error).unwrap_or_default();
        let detail =
            format!("the server broke off with an error: {}", self.keys.scrub(&shown(&sentence)));
        ProviderError::Unavailable { detail, retry_after: None, left: true }
    }
}

impl Reply<'_> {
    /// Whether the server answered with one document instead of a stream.
    pub(crate) fn is_json(&self) -> bool {
        let content_type = self.response.headers().get(CONTENT_TYPE);
        content_type.is_some_and(|value| {
            value.as_bytes().to_ascii_lowercase().starts_with(b"application/json")
        })
    }

    /// The next bytes of the body, nothing at its end.
    ///
    /// # Errors
    /// `Unavailable` where it broke off, was too slow or too large; `Rejected` where it holds a secret.
    pub(crate) async fn piece(&mut self) -> Result<Option<Vec<u8>>, ProviderError> {
        let next = self.response.chunk().await;
        let Some(piece) = next.map_err(|error| failed(broken(error, self.timeout), self.keys))?
        else {
            return Ok(None);
        };
        self.left =
            self.left.checked_sub(piece.len() as u64).ok_or_else(|| too_large(self.answer_max))?;
        if self.search.finds_in(&piece) {
            return Err(leak());
        }
        Ok(Some(piece.into()))
    }

    /// Reads what is left after the last event, so that the connection can be used again.
    /// A server that still has something to say is hung up on.
    pub(crate) async fn close(mut self) {
        let end = async { while let Ok(Some(_)) = self.piece().await {} };
        // Late or broken: the answer is complete all the same.
        let _ = tokio::time::timeout(END_MAX, end).await;
    }

    /// The whole body.
    ///
    /// # Errors
    /// As [`Reply::piece`].
    pub(crate) async fn whole(&mut self) -> Result<Vec<u8>, ProviderError> {
        let mut body = Vec::new();
        while let Some(piece) = self.piece().await? {
            body.extend_from_slice(&piece);
        }
        Ok(body)
    }
}

/// The answer held a credential: whoever asked must not see it, not even in part.
fn leak() -> ProviderError {
    ProviderError::Rejected {
        detail: "the server's answer contained a credential of this host; it was thrown away"
            .into(),
    }
}

/// An answer above the cap. It was worked on, so it is charged.
pub(crate) fn too_large(answer_max: Bytes) -> ProviderError {
    broken_off(&format!("it has more than {answer_max}"))
}

/// An answer that is not what the protocol says. It was worked on, so it is charged.
pub(crate) fn broken_off(why: &str) -> ProviderError {
    let detail = format!("the server's answer is unusable: {why}");
    ProviderError::Unavailable { detail, retry_after: None, left: true }
}

fn failed(error: DialError, keys: &Keys) -> ProviderError {
    let detail = keys.scrub(&shown(&error.to_string()));
    match error {
        DialError::NotAdmitted(_) => ProviderError::Unsupported { detail },
        DialError::NoConnection(_) => {
            ProviderError::Unavailable { detail, retry_after: None, left: false }
        }
        DialError::TimedOut(_) | DialError::BrokenOff(_) => {
            ProviderError::Unavailable { detail, retry_after: None, left: true }
        }
    }
}

/// The server's own words for what is wrong.
fn sentence(body: &[u8]) -> String {
    let text = match serde_json::from_slice::<Value>(body) {
        Ok(value) => sentence_of(&value).unwrap_or_default(),
        Err(_) => String::from_utf8_lossy(body).trim().to_owned(),
    };
    shown(&text)
}

/// `{"error": {"message"}}`, `{"error": "…"}`, `{"message"}`, `{"detail"}`, or the text itself.
fn sentence_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Object(map) => {
            ["error", "message", "detail"].into_iter().find_map(|key| sentence_of(map.get(key)?))
        }
        _ => None,
    }
}

fn shown(text: &str) -> String {
    visible(clip(text, SENTENCE_MAX_BYTES), Lines::Escape)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_sentence_of_every_dialect() {
        for (body, expected) in [
            (r#"{"error":{"message":"no such model","type":"x"}}"#, "no such model"),
            (r#"{"type":"error","error":{"type":"invalid","message":"bad"}}"#, "bad"),
            (r#"{"error":"plain"}"#, "plain"),
            (r#"{"detail":"fast"}"#, "fast"),
            (r#"{"other":1}"#, ""),
            ("<h1>Bad\x1bGateway</h1>", "<h1>Bad\\u{1b}Gateway</h1>"),
        ] {
            assert_eq!(sentence(body.as_bytes()), expected);
        }
        assert_eq!(sentence("é".repeat(1000).as_bytes()).len(), 400);
    }
}
