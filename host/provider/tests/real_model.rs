//! A real small model behind a real server (llama.cpp's), through both protocols. Ignored unless `cargo xtask test --with-model` says where they are.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod scripted;

use std::path::PathBuf;
use std::time::Duration;

use bailiwick_core::Digest;
use bailiwick_core::ports::Durable;
use bailiwick_core::schema::Schema;
use bailiwick_gate::model::{CompleteRequest, EmbedRequest, Finish, Message, Part, Role};
use bailiwick_gate::provider::{ModelProvider as _, ProviderCall, ProviderError};
use bailiwick_policy::ProviderKind::{Anthropic, Openai};
use bailiwick_policy::{ProviderKind, Route};
use bailiwick_provider::{Keys, Providers};
use scripted::{KEY, complete_within, providers, request, route};
use serde_json::json;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

/// A busy machine with two cores needs most of it for the first tokens.
const PATIENCE: Duration = Duration::from_secs(300);

/// The running server; it ends with this value.
struct Llama {
    base: String,
    _child: Child,
}

impl Llama {
    async fn start(more: &[&str]) -> Self {
        let path = |name: &str| {
            PathBuf::from(std::env::var_os(name).unwrap_or_else(|| {
                panic!("{name} is not set; run `cargo xtask test --with-model`")
            }))
        };
        let (server, model) = (path("BAILIWICK_TEST_LLAMA_SERVER"), path("BAILIWICK_TEST_MODEL"));
        let port = std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port()
            .to_string();
        let child = Command::new(server)
            .args(["--host", "127.0.0.1", "--port", &port, "-c", "8192", "-np", "2", "-t", "2"])
            .args(["--offline", "--no-webui", "--alias", "smollm2", "--api-key", KEY])
            .arg("-m")
            .arg(model)
            .args(more)
            .stdin(std::process::Stdio::null())
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let base = format!("http://127.0.0.1:{port}");
        let llama = Self { base, _child: child };
        llama.ready(&port).await;
        llama
    }

    /// A model that is still loading answers 503, which is what the gate would wait for.
    async fn ready(&self, port: &str) {
        for _ in 0..600 {
            tokio::time::sleep(Duration::from_millis(200)).await;
            if TcpStream::connect(format!("127.0.0.1:{port}")).await.is_err() {
                continue;
            }
            let mut ask = short("Hi");
            ask.max_tokens = Some(1);
            match complete_within(&providers(), &self.openai(), &ask, PATIENCE).await {
                Err(ProviderError::Unavailable { .. }) => {}
                _ => return,
            }
        }
        panic!("the server did not become ready");
    }

    fn openai(&self) -> Route {
        self.route(Openai, "/v1")
    }

    fn route(&self, kind: ProviderKind, path: &str) -> Route {
        Route { model: "smollm2".into(), ..route(kind, &format!("{}{path}", self.base)) }
    }
}

fn short(text: &str) -> CompleteRequest {
    CompleteRequest {
        temperature: Some(0.0),
        stop: Vec::new(),
        max_tokens: Some(48),
        ..request(text)
    }
}

#[tokio::test]
#[ignore = "needs a real model: cargo xtask test --with-model"]
async fn real_model_openai() {
    let llama = Llama::start(&[]).await;
    let (providers, route) = (providers(), llama.openai());

    let answer =
        complete_within(&providers, &route, &short("Name a colour."), PATIENCE).await.unwrap();
    assert!(answer.streamed && !answer.text.trim().is_empty(), "{answer:?}");
    assert!(
        answer.usage.input_tokens > 5 && (1..=48).contains(&answer.usage.output_tokens),
        "{answer:?}"
    );
    assert_eq!(answer.model, "smollm2");
    assert_eq!(
        complete_within(&providers, &route, &short("Name a colour."), PATIENCE).await.unwrap().text,
        answer.text
    );

    let cut = CompleteRequest { max_tokens: Some(3), ..short("Tell me a long story.") };
    assert_eq!(
        complete_within(&providers, &route, &cut, PATIENCE).await.unwrap().finish,
        Finish::Length
    );

    let schema = json!({"type": "object", "required": ["headline", "mood"], "additionalProperties": false,
        "properties": {"headline": {"type": "string", "maxLength": 60}, "mood": {"enum": ["calm", "bold"]}}});
    let structured = CompleteRequest {
        output_schema: Some(schema.clone()),
        max_tokens: Some(128),
        ..short("Write an ad for a bike light as JSON.")
    };
    let answer = complete_within(&providers, &route, &structured, PATIENCE).await.unwrap();
    let document = serde_json::from_str(&answer.text).unwrap();
    assert_eq!(Schema::admit(schema).unwrap().check(&document), Ok(()), "{}", answer.text);

    refuses(&route).await;
    let hopeless = CompleteRequest {
        messages: vec![Message {
            parts: vec![Part::Text("word ".repeat(20_000))],
            ..Message::text(Role::User, "")
        }],
        ..short("")
    };
    let error = complete_within(&providers, &route, &hopeless, PATIENCE).await.unwrap_err();
    assert!(
        matches!(&error, ProviderError::Rejected { detail } if detail.contains("400")),
        "{error:?}"
    );
}

#[tokio::test]
#[ignore = "needs a real model: cargo xtask test --with-model"]
async fn real_model_anthropic() {
    let llama = Llama::start(&[]).await;
    let (providers, route) = (providers(), llama.route(Anthropic, ""));

    let answer =
        complete_within(&providers, &route, &short("Name a colour."), PATIENCE).await.unwrap();
    assert!(answer.streamed && !answer.text.trim().is_empty(), "{answer:?}");
    assert!(
        answer.usage.input_tokens > 5 && (1..=48).contains(&answer.usage.output_tokens),
        "{answer:?}"
    );

    refuses(&route).await;
    let hopeless = CompleteRequest {
        messages: vec![Message::text(Role::User, "word ".repeat(20_000))],
        ..short("")
    };
    let error = complete_within(&providers, &route, &hopeless, PATIENCE).await.unwrap_err();
    assert!(
        matches!(&error, ProviderError::Rejected { detail } if detail.contains("400")),
        "{error:?}"
    );
}

/// A wrong key and none at all are refused, and the wrong one is not shown.
async fn refuses(route: &Route) {
    const WRONG: &str = "sk-wrong-0123456789abcdef";
    for keys in [Keys::new(Some(WRONG), Some(WRONG)), Keys::default()] {
        let error = complete_within(&Providers::new(keys), route, &short("Hi"), PATIENCE)
            .await
            .unwrap_err();
        assert!(
            matches!(&error, ProviderError::Rejected { detail } if detail.contains("401")),
            "{error:?}"
        );
        assert!(!error.to_string().contains(WRONG));
    }
}

#[tokio::test]
#[ignore = "needs a real model: cargo xtask test --with-model"]
async fn real_model_embeddings() {
    let llama = Llama::start(&["--embeddings", "--pooling", "mean"]).await;
    let (route, images, key) =
        (llama.openai(), std::collections::BTreeMap::new(), Digest::of(b"k"));
    let asked = EmbedRequest {
        alias: "e".into(),
        texts: ["a bike light", "a lamp for bicycles", "the price of butter"]
            .map(str::to_owned)
            .to_vec(),
    };
    let call = ProviderCall {
        route: &route,
        request: &asked,
        images: &images,
        idempotency_key: &key,
        timeout: PATIENCE,
    };
    let answer = providers().embed(&Durable::attest(1), call).await.unwrap();
    assert_eq!(answer.vectors.len(), 3);
    assert!(answer.vectors[0].len() > 100 && answer.usage.input_tokens > 5, "{:?}", answer.usage);
}
