//! The answers of one case, played: what is asked is told from the script, in order, and what nobody wrote down is a complaint. Nothing here leaves the process.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bailiwick_core::fact::{Capability, Failure, FailureKind, Used};
use bailiwick_core::ports::{BoxFuture, Durable};
use bailiwick_core::{Document, Name};
use bailiwick_gate::delegate::Tree;
use bailiwick_gate::http::{Exchange, Exchanged};
use bailiwick_gate::knowledge::{KnowledgeError, SearchRequest};
use bailiwick_gate::kv::AllStaged;
use bailiwick_gate::model::{
    CompleteRequest, Completion, EmbedRequest, Embedding, Finish, ImageRequest, Images, ModelUsage,
};
use bailiwick_gate::{
    Callees, FetchResponse, HttpError, HttpProvider, KnowledgeIndex, ModelProvider, Passage,
    ProviderCall, ProviderError,
};
use bailiwick_policy::ports::{Job, Outcome};
use serde_json::{Value, json};

use super::script::{Said, Script};
use crate::rig::Answers;

/// A script that is being played, and what was not as it says.
pub(crate) struct Played {
    script: Script,
    /// How many answers of each queue were given. A model and an agent may be called the same.
    given: Mutex<BTreeMap<(Capability, String), usize>>,
    complaints: Mutex<BTreeSet<String>>,
    otherwise: Answers,
}

impl Script {
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
        let models = self.script.model.iter().flatten();
        let models = models.map(|(name, all)| ((Capability::Model, name.as_str()), all));
        let agents = self.script.delegate.iter().flatten();
        let agents = agents.map(|(name, all)| ((Capability::Delegate, name.as_str()), all));
        for ((power, name), answers) in models.chain(agents) {
            let used = given.get(&(power, name.to_owned())).copied().unwrap_or_default();
            if used < answers.len() {
                all.push(miscounted(power, name, used, answers.len()));
            }
        }
        all
    }

    fn complain(&self, what: String) -> String {
        self.complaints.lock().unwrap_or_else(PoisonError::into_inner).insert(what.clone());
        what
    }

    fn next(
        &self,
        power: Capability,
        name: &str,
        answers: Option<&Vec<Said>>,
    ) -> Result<Said, String> {
        let mut given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        let used = given.entry((power, name.to_owned())).or_default();
        let next = answers.and_then(|all| all.get(*used)).cloned();
        *used += 1;
        let count = *used;
        drop(given);
        next.ok_or_else(|| {
            self.complain(miscounted(power, name, count, answers.map_or(0, Vec::len)))
        })
    }

    fn completion(&self, request: &CompleteRequest) -> Result<Completion, ProviderError> {
        let rejected = |detail| ProviderError::Rejected { detail };
        let answers = self.script.model.as_ref().and_then(|all| all.get(&request.alias));
        let said = self.next(Capability::Model, &request.alias, answers).map_err(rejected)?;
        let (text, tool_calls) = match said {
            Said::Fails(fails) => {
                let detail = format!("answers.json says that it {}", fails.as_str());
                // Longer than anybody waits: it is not asked again.
                let retry_after = Some(Duration::MAX);
                return Err(ProviderError::Unavailable { detail, retry_after, left: false });
            }
            Said::Calls(tool_calls) => (String::new(), tool_calls),
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
        let result = match self.next(Capability::Delegate, agent.as_str(), answers) {
            Err(complaint) => Err(failed(FailureKind::Fatal, complaint).into()),
            Ok(Said::Fails(fails)) => {
                Err(failed(fails.kind(), "as answers.json says".to_owned()).into())
            }
            Ok(Said::Calls(tool_calls)) => Ok(Document::of(&json!({ "tool_calls": tool_calls }))),
            Ok(Said::Value(output)) => Ok(Document::of(&output)),
        };
        let outcome = Outcome { result, used: Used::default(), writes: Vec::new() };
        Box::pin(std::future::ready((outcome, AllStaged::new())))
    }
}

fn miscounted(power: Capability, name: &str, asked: usize, has: usize) -> String {
    format!("{power} {name} was asked {asked} times; answers.json has {has} answers")
}

/// As the fakes of the SDKs count them.
fn words(text: &str) -> Vec<String> {
    text.split(|letter: char| !letter.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect()
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
        assert_eq!(
            played.complaints(),
            ["model writer was asked 2 times; answers.json has 4 answers"]
        );
        let finish = played.completion(&request("writer")).unwrap().finish;
        assert_eq!(finish, Finish::Tools);
        assert!(matches!(text(), Err(ProviderError::Unavailable { left: false, .. })));
        assert!(played.complaints().is_empty());
        assert!(matches!(text(), Err(ProviderError::Rejected { .. })));
        assert_eq!(
            played.complaints(),
            ["model writer was asked 5 times; answers.json has 4 answers"]
        );
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
    fn a_model_and_an_agent_of_one_name_have_answers_of_their_own() {
        let both = json!({ "model": { "writer": ["a text"] }, "delegate": { "writer": [1, 2] } });
        let (_, played) = script(both).play();
        let agent = |power| {
            played.next(power, "writer", played.script.delegate.as_ref().unwrap().values().next())
        };
        assert_eq!(played.completion(&request("writer")).unwrap().text, "a text");
        assert_eq!(agent(Capability::Delegate), Ok(Said::Value(json!(1))));
        let left = "delegate writer was asked 1 times; answers.json has 2 answers";
        assert_eq!(played.complaints(), [left]);
        assert_eq!(agent(Capability::Delegate), Ok(Said::Value(json!(2))));
        assert!(played.complaints().is_empty());
    }
}
