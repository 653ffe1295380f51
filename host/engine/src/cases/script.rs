//! The answers of one case, as its author wrote them: who is asked, and what is told. What nobody wrote down is a complaint. Nothing here leaves the process.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bailiwick_core::fact::{Failure, FailureKind, Used};
use bailiwick_core::ports::{BoxFuture, Durable};
use bailiwick_core::{Document, Name};
use bailiwick_gate::delegate::Tree;
use bailiwick_gate::http::{Exchange, Exchanged};
use bailiwick_gate::knowledge::{KnowledgeError, SearchRequest};
use bailiwick_gate::kv::AllStaged;
use bailiwick_gate::model::{
    CompleteRequest, Completion, EmbedRequest, Embedding, Finish, ImageRequest, Images, ModelUsage,
    ToolCall,
};
use bailiwick_gate::{
    Callees, FetchResponse, HttpError, HttpProvider, KnowledgeIndex, ModelProvider, Passage,
    ProviderCall, ProviderError,
};
use bailiwick_policy::ports::{Job, Outcome};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::rig::Answers;

/// `answers.json`. What it has no key for is answered as for conformance.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Script {
    /// By alias: answers in order.
    #[serde(default)]
    model: Option<BTreeMap<String, Vec<Said>>>,
    /// By collection: a search finds what has one of its words, most words first.
    #[serde(default)]
    knowledge: Option<BTreeMap<String, Vec<Found>>>,
    /// Pages, each as often as it is asked for.
    #[serde(default)]
    http: Option<Vec<Page>>,
    /// What the namespace holds before.
    #[serde(default)]
    kv: Option<Map<String, Value>>,
    /// By agent: outputs in order.
    #[serde(default)]
    delegate: Option<BTreeMap<Name, Vec<Said>>>,
}

/// One answer: a failure, calls to tools, or text or a document.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(untagged)]
enum Said {
    Fails { fails: Fails },
    Calls { tool_calls: Vec<ToolCall> },
    Value(Value),
}

/// How another agent has no output. A model is simply out of reach, whatever the word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Fails {
    Unavailable,
    InvalidInput,
    Retryable,
    Fatal,
}

impl Fails {
    fn as_str(self) -> &'static str {
        match self {
            Self::Unavailable => "is unavailable",
            Self::InvalidInput => "takes the input for invalid",
            Self::Retryable => "may be tried again",
            Self::Fatal => "gave up",
        }
    }

    fn kind(self) -> FailureKind {
        match self {
            Self::InvalidInput => FailureKind::InvalidInput,
            Self::Unavailable | Self::Retryable => FailureKind::Retryable,
            Self::Fatal => FailureKind::Fatal,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(untagged)]
enum Found {
    Text(String),
    Passage {
        document: String,
        text: String,
        #[serde(default)]
        metadata: Map<String, Value>,
    },
}

impl From<Found> for Passage {
    fn from(found: Found) -> Self {
        let (document, text, metadata) = match found {
            Found::Text(text) => ("test.md".to_owned(), text, Map::new()),
            Found::Passage { document, text, metadata } => (document, text, metadata),
        };
        Self { document, text, score: 0.0, metadata: Value::Object(metadata) }
    }
}

/// As the fakes of the SDKs count them.
fn words(text: &str) -> Vec<String> {
    text.split(|letter: char| !letter.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect()
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Page {
    /// `GET https://api.example.com/v1/x`.
    request: String,
    status: u16,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// A text as it is, anything else as JSON.
    #[serde(default)]
    body: Value,
}

/// A script that is being played, and what was not as it says.
pub(crate) struct Played {
    script: Script,
    /// How many answers of each queue were given.
    given: Mutex<BTreeMap<String, usize>>,
    complaints: Mutex<BTreeSet<String>>,
    otherwise: Answers,
}

impl Script {
    /// What its agents are called: they may be called.
    pub(super) fn agents(&self) -> Vec<Name> {
        self.delegate.iter().flat_map(BTreeMap::keys).cloned().collect()
    }

    /// Answers by it, and the play that says afterwards what was missed.
    pub(crate) fn play(&self) -> (Answers, Arc<Played>) {
        let otherwise = Answers::at_hand();
        let played = Arc::new(Played {
            script: self.clone(),
            given: Mutex::default(),
            complaints: Mutex::default(),
            otherwise: otherwise.clone(),
        });
        let mut answers = otherwise;
        if self.model.is_some() {
            answers.models = Arc::clone(&played) as _;
        }
        if self.knowledge.is_some() {
            answers.knowledge = Arc::clone(&played) as _;
        }
        if self.http.is_some() {
            answers.web = Arc::clone(&played) as _;
        }
        if let Some(values) = &self.kv {
            answers = answers.holding(values.clone());
        }
        if self.delegate.is_some() {
            answers.callees = Some((self.agents(), Arc::clone(&played) as _));
        }
        (answers, played)
    }
}

impl Played {
    /// What was asked that the script has no answer to, and what it has that nobody asked.
    pub(super) fn complaints(&self) -> Vec<String> {
        let mut all: Vec<String> = self
            .complaints
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .cloned()
            .collect();
        let given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        let models = self.script.model.iter().flatten().map(|(name, all)| (name.as_str(), all));
        let agents = self.script.delegate.iter().flatten().map(|(name, all)| (name.as_str(), all));
        for (name, answers) in models.chain(agents) {
            let used = given.get(name).copied().unwrap_or_default();
            if used < answers.len() {
                let what = format!(
                    "{name} was asked {used} times; answers.json has {} answers",
                    answers.len()
                );
                all.push(what);
            }
        }
        all
    }

    fn complain(&self, what: String) -> String {
        self.complaints.lock().unwrap_or_else(PoisonError::into_inner).insert(what.clone());
        what
    }

    fn next(&self, name: &str, answers: Option<&Vec<Said>>) -> Result<Said, String> {
        let mut given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        let used = given.entry(name.to_owned()).or_default();
        let next = answers.and_then(|all| all.get(*used)).cloned();
        *used += 1;
        let count = *used;
        drop(given);
        next.ok_or_else(|| {
            let has = answers.map_or(0, Vec::len);
            self.complain(format!("{name} was asked {count} times; answers.json has {has} answers"))
        })
    }

    fn completion(&self, request: &CompleteRequest) -> Result<Completion, ProviderError> {
        let rejected = |detail| ProviderError::Rejected { detail };
        let answers = self.script.model.as_ref().and_then(|all| all.get(&request.alias));
        let said = self.next(&request.alias, answers).map_err(rejected)?;
        let (text, tool_calls) = match said {
            Said::Fails { fails } => {
                let detail = format!("answers.json says that it {}", fails.as_str());
                // Longer than anybody waits: it is not asked again.
                let retry_after = Some(Duration::MAX);
                return Err(ProviderError::Unavailable { detail, retry_after, left: false });
            }
            Said::Calls { tool_calls } => (String::new(), tool_calls),
            Said::Value(Value::String(text)) => (text, Vec::new()),
            Said::Value(document) => (document.to_string(), Vec::new()),
        };
        let finish = if tool_calls.is_empty() { Finish::Stop } else { Finish::Tools };
        let (usage, model) = (ModelUsage::default(), "answers.json".to_owned());
        Ok(Completion { text, tool_calls, finish, usage, model, streamed: false })
    }
}

impl ModelProvider for Played {
    fn complete<'a>(
        &'a self,
        _durable: &'a Durable,
        call: ProviderCall<'a, CompleteRequest>,
    ) -> BoxFuture<'a, Result<Completion, ProviderError>> {
        Box::pin(std::future::ready(self.completion(call.request)))
    }

    // Vectors and pictures nobody writes by hand.
    fn embed<'a>(
        &'a self,
        durable: &'a Durable,
        call: ProviderCall<'a, EmbedRequest>,
    ) -> BoxFuture<'a, Result<Embedding, ProviderError>> {
        self.otherwise.models.embed(durable, call)
    }

    fn generate_image<'a>(
        &'a self,
        durable: &'a Durable,
        call: ProviderCall<'a, ImageRequest>,
    ) -> BoxFuture<'a, Result<Images, ProviderError>> {
        self.otherwise.models.generate_image(durable, call)
    }
}

impl KnowledgeIndex for Played {
    fn search<'a>(
        &'a self,
        collection: &'a Name,
        request: &'a SearchRequest,
    ) -> BoxFuture<'a, Result<Vec<Passage>, KnowledgeError>> {
        let shelf = self.script.knowledge.as_ref().and_then(|all| all.get(collection.as_str()));
        if shelf.is_none() {
            self.complain(format!("{collection} was searched; answers.json has no passages of it"));
        }
        let asked = words(&request.query);
        let mut passages: Vec<Passage> = shelf
            .into_iter()
            .flatten()
            .filter_map(|found| {
                let passage = Passage::from(found.clone());
                let text = words(&passage.text);
                let hits = asked.iter().filter(|word| text.contains(word)).count();
                #[expect(clippy::cast_precision_loss, reason = "a query has at most 1 KiB")]
                let score = hits as f64;
                (hits > 0).then_some(Passage { score, ..passage })
            })
            .collect();
        // Stable: passages with as many words stay in the script's order.
        passages.sort_by(|a, b| b.score.total_cmp(&a.score));
        passages.truncate(usize::try_from(request.limit).unwrap_or(usize::MAX));
        Box::pin(std::future::ready(Ok(passages)))
    }
}

impl HttpProvider for Played {
    fn exchange<'a>(
        &'a self,
        _durable: &'a Durable,
        exchange: Exchange<'a>,
    ) -> BoxFuture<'a, Result<Exchanged, HttpError>> {
        let asked = format!("{} {}", exchange.method, exchange.url);
        let page = self.script.http.iter().flatten().find(|page| page.request == asked);
        let response = match page {
            None => {
                let detail = self.complain(format!("{asked}: answers.json has no such page"));
                return Box::pin(std::future::ready(Err(HttpError::Refused {
                    detail,
                    hint: None,
                })));
            }
            Some(page) => FetchResponse {
                status: page.status,
                headers: page.headers.clone().into_iter().collect(),
                body: match &page.body {
                    Value::Null => Vec::new(),
                    Value::String(text) => text.clone().into_bytes(),
                    document => document.to_string().into_bytes(),
                },
            },
        };
        Box::pin(std::future::ready(Ok(Exchanged { response, location: None })))
    }
}

impl Callees for Played {
    fn call(&self, job: Job, _: Arc<Tree>) -> BoxFuture<'static, (Outcome, AllStaged)> {
        let agent = &job.generation.agent;
        let answers = self.script.delegate.as_ref().and_then(|all| all.get(agent));
        let failed = |kind, message| Failure { kind, message, hint: None };
        let result = match self.next(agent.as_str(), answers) {
            Err(complaint) => Err(failed(FailureKind::Fatal, complaint).into()),
            Ok(Said::Fails { fails }) => {
                Err(failed(fails.kind(), "as answers.json says".to_owned()).into())
            }
            Ok(Said::Calls { tool_calls }) => {
                Ok(Document::of(&json!({ "tool_calls": tool_calls })))
            }
            Ok(Said::Value(output)) => Ok(Document::of(&output)),
        };
        let outcome = Outcome { result, used: Used::default(), writes: Vec::new() };
        Box::pin(std::future::ready((outcome, AllStaged::new())))
    }
}

#[cfg(test)]
mod tests {
    use bailiwick_gate::model::{Message, Role};

    use super::*;

    fn script(value: Value) -> Script {
        serde_json::from_value(value).unwrap()
    }

    fn request(alias: &str) -> CompleteRequest {
        CompleteRequest {
            alias: alias.into(),
            messages: vec![Message::text(Role::User, "x")],
            max_tokens: None,
            temperature: None,
            seed: None,
            stop: Vec::new(),
            output_schema: None,
            tools: Vec::new(),
        }
    }

    #[test]
    fn answers_come_in_order_and_what_is_missing_or_left_is_a_complaint() {
        let calls = json!([{ "id": "1", "name": "price", "arguments": "{}" }]);
        let said =
            json!(["a text", { "b": 1 }, { "tool_calls": calls }, { "fails": "unavailable" }]);
        let (_, played) = script(json!({ "model": { "writer": said } })).play();
        let text = || played.completion(&request("writer")).map(|answer| answer.text);
        assert_eq!((text(), text()), (Ok("a text".into()), Ok(r#"{"b":1}"#.into())));
        assert_eq!(played.complaints(), ["writer was asked 2 times; answers.json has 4 answers"]);
        let finish = played.completion(&request("writer")).unwrap().finish;
        assert_eq!(finish, Finish::Tools);
        assert!(matches!(text(), Err(ProviderError::Unavailable { left: false, .. })));
        assert!(played.complaints().is_empty());
        assert!(matches!(text(), Err(ProviderError::Rejected { .. })));
        assert_eq!(played.complaints(), ["writer was asked 5 times; answers.json has 4 answers"]);
        assert!(played.completion(&request("other")).is_err());
    }

    #[tokio::test]
    async fn a_search_finds_what_has_one_of_its_words_most_first() {
        let shelf = json!(["Roses have thorns.", "Bees sting.", "Bees make honey."]);
        let (_, played) = script(json!({ "knowledge": { "facts": shelf } })).play();
        let search = |collection: &str, limit| SearchRequest {
            collection: collection.into(),
            query: "What do bees make?".into(),
            limit,
            vector: None,
        };
        let name = |text: &str| Name::new(text).unwrap();
        let found = played.search(&name("facts"), &search("facts", 5)).await.unwrap();
        let texts: Vec<_> = found.iter().map(|passage| passage.text.as_str()).collect();
        assert_eq!(texts, ["Bees make honey.", "Bees sting."]);
        assert_eq!(played.search(&name("facts"), &search("facts", 1)).await.unwrap().len(), 1);
        assert!(played.search(&name("other"), &search("other", 5)).await.unwrap().is_empty());
        assert_eq!(played.complaints(), ["other was searched; answers.json has no passages of it"]);
    }

    #[test]
    fn a_script_that_nobody_would_play_is_refused() {
        for wrong in [
            json!({ "modle": {} }),
            json!({ "http": [{ "request": "GET https://a/" }] }),
            json!({ "http": [{ "request": "GET https://a/", "status": 200, "more": 1 }] }),
            json!({ "delegate": { "Not A Name": [] } }),
        ] {
            assert!(serde_json::from_value::<Script>(wrong.clone()).is_err(), "{wrong}");
        }
    }
}
