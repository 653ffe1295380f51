//! The text of a request that somebody wants to try, as the gate would have it. Judges nothing.

use bailiwick_core::fact::CallAnswer;
use bailiwick_core::{Artifact, Bytes, Diagnostic, Digest, Document, Name};
use bailiwick_gate::artifacts::PutRequest;
use bailiwick_gate::delegate::DelegateRequest;
use bailiwick_gate::knowledge::SearchRequest;
use bailiwick_gate::kv::KvRequest;
use bailiwick_gate::model::{CompleteRequest, Message, Role};
use bailiwick_gate::{FetchRequest, Permit, Request};

use crate::codes;
use crate::problems::Problems;

/// The largest put that is tried: as much as an attempt may ever put.
const PUT_MAX: Bytes = Bytes::mib(1024);

/// Reads what stands behind the power's word.
type Read = fn(&[&str]) -> Option<Request>;

/// How each power is written, one a row: its word, its form, its reader.
const ROWS: &[(&str, &str, Read)] = &[
    ("model", "AGENT model ALIAS", model),
    ("knowledge", "AGENT knowledge NAME", knowledge),
    ("artifacts", "AGENT artifacts put SIZE | get", artifacts),
    ("http", "AGENT http METHOD URL", http),
    ("kv", "AGENT kv get|list|set|delete [NAMESPACE]", kv),
    ("delegate", "AGENT delegate AGENT", delegate),
];

/// Every form, for help.
pub const FORMS: &str = "AGENT model ALIAS, AGENT knowledge NAME, AGENT artifacts put SIZE, AGENT artifacts get, AGENT http METHOD URL, AGENT kv get|list|set|delete [NAMESPACE], AGENT delegate AGENT";

/// What is tried.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) agent: Name,
    pub(super) request: Request,
    /// The namespace that somebody had in mind; a guest cannot name one.
    namespace: Option<String>,
}

impl Asked {
    pub(super) fn parse(text: &str) -> Result<Self, Problems> {
        let refused = |why: String| {
            let hint = format!("it is one of: {FORMS}");
            Problems::one(Diagnostic::error(codes::BAD_TRY, why).hint(hint))
        };
        let words: Vec<&str> = text.split_whitespace().collect();
        let [agent, power, rest @ ..] = words.as_slice() else {
            return Err(refused(format!("{text:?} is no request")));
        };
        let agent = Name::new(agent).map_err(|error| refused(error.to_string()))?;
        let row = ROWS.iter().find(|(word, ..)| word == power);
        let Some((_, form, make)) = row else {
            return Err(refused(format!("there is no power {power:?}")));
        };
        let request = make(rest).ok_or_else(|| refused(format!("{text:?} is not {form}")))?;
        let namespace = match (&request, rest) {
            (Request::Kv(_), [_, namespace]) => Some((*namespace).to_owned()),
            _ => None,
        };
        Ok(Self { agent, request, namespace })
    }

    /// Whether what was let through is what somebody had in mind.
    pub(super) fn fits(&self, permit: &Permit, agent: &Name) -> Result<(), CallAnswer> {
        match (permit, &self.namespace) {
            (Permit::Kv(grant), Some(meant)) if grant.namespace.as_str() != meant => {
                Err(CallAnswer::Denied {
                    reason: format!("{agent} has the namespace {}, and no other", grant.namespace),
                    hint: Some(format!(
                        "in bailiwick.toml, under [agents.{agent}]: grants.kv = {{ namespace = {meant:?} }}"
                    )),
                })
            }
            _ => Ok(()),
        }
    }
}

fn model(words: &[&str]) -> Option<Request> {
    let [alias] = words else { return None };
    Some(Request::Complete(CompleteRequest {
        alias: (*alias).to_owned(),
        messages: vec![Message::text(Role::User, "a try")],
        max_tokens: Some(1),
        temperature: None,
        seed: None,
        stop: Vec::new(),
        output_schema: None,
        tools: Vec::new(),
    }))
}

fn knowledge(words: &[&str]) -> Option<Request> {
    let [collection] = words else { return None };
    let (collection, query) = ((*collection).to_owned(), "a try".to_owned());
    Some(Request::Search(SearchRequest { collection, query, limit: 1, vector: None }))
}

fn artifacts(words: &[&str]) -> Option<Request> {
    match words {
        ["get"] => Some(Request::Get(Artifact {
            digest: Digest::of(b"a try"),
            media_type: "application/octet-stream".into(),
            bytes: Bytes(0),
            name: None,
        })),
        ["put", size @ ..] if !size.is_empty() => {
            let size =
                Bytes::parse(&spaced(&size.concat())).ok().filter(|size| *size <= PUT_MAX)?;
            let bytes = vec![0; usize::try_from(size.0).ok()?];
            let media_type = "application/octet-stream".to_owned();
            Some(Request::Put(PutRequest { bytes, media_type, name: None }))
        }
        _ => None,
    }
}

/// `3 MiB` of `3MiB`: on a command line nobody types the space.
fn spaced(text: &str) -> String {
    let unit = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at(unit);
    format!("{} {unit}", number.trim())
}

fn http(words: &[&str]) -> Option<Request> {
    let [method, url] = words else { return None };
    let (method, url) = ((*method).to_owned(), (*url).to_owned());
    Some(Request::Fetch(FetchRequest { method, url, headers: Vec::new(), body: Vec::new() }))
}

fn kv(words: &[&str]) -> Option<Request> {
    let key = || "a-try".to_owned();
    let request = match words {
        ["get"] | ["get", _] => KvRequest::Get { key: key() },
        ["list"] | ["list", _] => KvRequest::List { prefix: key(), after: None, limit: 1 },
        ["set"] | ["set", _] => KvRequest::Set { key: key(), value: true.into() },
        ["delete"] | ["delete", _] => KvRequest::Delete { key: key() },
        _ => return None,
    };
    Some(Request::Kv(request))
}

fn delegate(words: &[&str]) -> Option<Request> {
    let [agent] = words else { return None };
    let input = Document::of(&serde_json::Value::Null);
    Some(Request::Delegate(DelegateRequest { agent: (*agent).to_owned(), input }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_power_has_a_form_and_what_is_none_is_told_them() {
        for good in [
            "draft model writer",
            "research knowledge brand",
            "visual artifacts put 3MiB",
            "visual artifacts put 3 MiB",
            "visual artifacts get",
            "research http GET https://api.example.com/v1/x",
            "note kv set notes",
            "note kv list",
            "draft delegate fact_finder",
        ] {
            let asked = Asked::parse(good).unwrap_or_else(|problems| panic!("{good}: {problems}"));
            assert_eq!(asked.request.check(), Ok(()), "{good}");
        }
        for bad in ["", "draft", "draft model", "draft models x", "a kv swap", "a artifacts put x"]
        {
            let refused = Asked::parse(bad).unwrap_err();
            assert_eq!(
                refused.diagnostics[0].hint.as_deref(),
                Some(format!("it is one of: {FORMS}").as_str()),
                "{bad}"
            );
        }
        for (_, form, _) in ROWS {
            let word = form.split(' ').nth(1).unwrap();
            assert!(FORMS.contains(word), "{form}");
        }
    }
}
