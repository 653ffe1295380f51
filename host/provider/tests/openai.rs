//! OpenAI's protocol against a scripted server: what is sent, what is understood, and what each failure means.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod scripted;

use std::collections::BTreeMap;
use std::time::Duration;

use bailiwick_core::ports::Durable;
use bailiwick_core::{Artifact, Bytes, Digest};
use bailiwick_gate::model::{
    CompleteRequest, EmbedRequest, Finish, ImageRequest, Message, ModelUsage, Part, Role, Tool,
    ToolCall,
};
use bailiwick_gate::provider::{ModelProvider as _, ProviderCall, ProviderError};
use bailiwick_policy::ProviderKind::Openai;
use scripted::{
    KEY, PATIENCE, Script, Server, complete, complete_within, http, providers, request, route,
    stream,
};
use serde_json::{Value, json};

const HELLO: &str = "data: {\"id\":\"1\",\"model\":\"small-1\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"Grü\"}}]}\r\n\r\n\
    data: {\"model\":\"small-1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"ße\"},\"finish_reason\":null}]}\n\n\
    : keep-alive\n\n\
    data: {\"model\":\"small-1\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n\
    data: {\"model\":\"small-1\",\"choices\":[],\"usage\":{\"prompt_tokens\":11,\"completion_tokens\":3}}\n\n\
    data: [DONE]\n\n";

#[tokio::test]
async fn a_stream_is_understood_wherever_it_is_cut() {
    let providers = providers();
    let whole = stream(HELLO);
    let body = whole.len() - HELLO.len();
    for cut in body..whole.len() {
        let (first, second) = whole.split_at(cut);
        let server =
            Server::start(vec![Script::Bytes(vec![first.to_vec(), second.to_vec()])]).await;
        let answer =
            complete(&providers, &route(Openai, &server.base), &request("Hi")).await.unwrap();
        assert_eq!(answer.text, "Grüße", "cut at {cut}");
        assert_eq!(answer.usage, ModelUsage { input_tokens: 11, output_tokens: 3 });
        assert_eq!(
            (answer.model.as_str(), answer.finish, answer.streamed),
            ("small-1", Finish::Stop, true)
        );
    }
}

#[tokio::test]
async fn sends_what_was_asked() {
    let server = Server::with(stream(HELLO)).await;
    let schema = json!({"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": false});
    let image = b"\x89PNG\r\n\x1a\nrest".to_vec();
    let artifact = Artifact {
        digest: Digest::of(&image),
        media_type: "image/png".into(),
        bytes: Bytes(image.len() as u64),
        name: None,
    };
    let mut asked = CompleteRequest { output_schema: Some(schema.clone()), ..request("Hi") };
    asked.tools = vec![Tool {
        name: "look".into(),
        description: "Looks.".into(),
        parameters: json!({"type": "object"}),
    }];
    asked.messages.push(Message {
        tool_calls: vec![ToolCall { id: "c1".into(), name: "look".into(), arguments: "{}".into() }],
        parts: Vec::new(),
        ..Message::text(Role::Assistant, "")
    });
    asked
        .messages
        .push(Message { answers: Some("c1".into()), ..Message::text(Role::Tool, "seen") });
    asked.messages.push(Message {
        parts: vec![Part::Text("what?".into()), Part::Artifact(artifact.clone())],
        ..Message::text(Role::User, "")
    });
    let images = BTreeMap::from([(artifact.digest, image)]);
    let (route, key) = (route(Openai, &format!("{}/v1", server.base)), Digest::of(b"key"));
    let call = ProviderCall {
        route: &route,
        request: &asked,
        images: &images,
        idempotency_key: &key,
        timeout: PATIENCE,
    };
    providers().complete(&Durable::attest(1), call).await.unwrap();

    let head = server.requests()[0].to_lowercase();
    assert!(head.starts_with("post /v1/chat/completions http/1.1\r\n"), "{head}");
    for line in [
        format!("authorization: bearer {KEY}"),
        format!("idempotency-key: {}", key.hex()),
        "content-type: application/json".into(),
    ] {
        assert!(head.contains(&line), "{line} in {head}");
    }
    for absent in ["referer", "cookie", "accept-encoding"] {
        assert!(!head.contains(absent), "{absent} in {head}");
    }
    assert_eq!(
        server.body(),
        json!({
            "model": "small", "stream": true, "stream_options": {"include_usage": true}, "max_tokens": 64,
            "temperature": 0.5, "seed": 7, "stop": ["END"],
            "response_format": {"type": "json_schema", "json_schema": {"name": "answer", "strict": true, "schema": schema}},
            "tools": [{"type": "function", "function": {"name": "look", "description": "Looks.", "parameters": {"type": "object"}}}],
            "messages": [
                {"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"},
                {"role": "assistant", "content": "", "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}}]},
                {"role": "tool", "content": "seen", "tool_call_id": "c1"},
                {"role": "user", "content": [{"type": "text", "text": "what?"}, {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgpyZXN0"}}]},
            ],
        })
    );
}

#[tokio::test]
async fn tool_calls_are_put_together() {
    let body = [
        json!({"choices": [{"index": 0, "delta": {"tool_calls": [{"index": 0, "id": "a", "function": {"name": "look", "arguments": "{\"x\""}}]}}]}),
        json!({"choices": [{"index": 0, "delta": {"tool_calls": [{"index": 1, "function": {"name": "hear", "arguments": "{}"}}, {"index": 0, "function": {"arguments": ":1}"}}]}}]}),
        json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}], "usage": {"prompt_tokens": 1, "completion_tokens": 2}}),
    ];
    let body: String = body.iter().map(|event| format!("data: {event}\n\n")).collect();
    let server = Server::with(stream(&body)).await;
    let answer =
        complete(&providers(), &route(Openai, &server.base), &request("Hi")).await.unwrap();
    let call = |id: &str, name: &str, arguments: &str| ToolCall {
        id: id.into(),
        name: name.into(),
        arguments: arguments.into(),
    };
    assert_eq!(answer.tool_calls, [call("a", "look", "{\"x\":1}"), call("call_1", "hear", "{}")]);
    assert_eq!(answer.finish, Finish::Tools);
}

#[tokio::test]
async fn one_document_is_understood_too() {
    let body = json!({"model": "m", "choices": [{"index": 0, "message": {"content": "Hi", "tool_calls": null}, "finish_reason": "length"}]}).to_string();
    let server =
        Server::with(http("200 OK", "content-type: application/json; charset=utf-8\r\n", &body))
            .await;
    let asked = request("Hi");
    let answer = complete(&providers(), &route(Openai, &server.base), &asked).await.unwrap();
    assert_eq!(
        (answer.text.as_str(), answer.finish, answer.streamed),
        ("Hi", Finish::Length, false)
    );
    // Without figures from the server the bytes are the bound.
    assert_eq!(answer.usage.input_tokens, asked.worst().quantities.input.0);
    assert_eq!(answer.usage.output_tokens, 2);
}

async fn failure(answer: Vec<u8>) -> ProviderError {
    let server = Server::with(answer).await;
    complete(&providers(), &route(Openai, &server.base), &request("Hi")).await.unwrap_err()
}

#[tokio::test]
async fn each_status_has_its_meaning() {
    let body = r#"{"error":{"message":"because"}}"#;
    for status in ["400 Bad Request", "401 Unauthorized", "403 Forbidden", "404 Not Found", "422 X"]
    {
        let ProviderError::Rejected { detail } = failure(http(status, "", body)).await else {
            panic!("{status}")
        };
        assert!(detail.contains(&status[..3]) && detail.contains("because"), "{detail}");
    }
    let busy = failure(http("429 Too Many", "retry-after: 7\r\n", body)).await;
    assert!(
        matches!(busy, ProviderError::Busy { retry_after: Some(wait), .. } if wait.as_secs() == 7)
    );
    let dates =
        "date: Wed, 31 Dec 2025 23:59:50 GMT\r\nretry-after: Thu, 01 Jan 2026 00:00:20 GMT\r\n";
    let busy = failure(http("429 Too Many", dates, body)).await;
    assert!(
        matches!(busy, ProviderError::Busy { retry_after: Some(wait), .. } if wait.as_secs() == 30)
    );
    for status in ["500 X", "502 X", "503 X", "529 X", "408 X"] {
        let down = failure(http(status, "retry-after: 1\r\n", body)).await;
        assert!(
            matches!(down, ProviderError::Unavailable { left: true, retry_after: Some(_), .. }),
            "{status} {down:?}"
        );
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = Server::with(stream(HELLO)).await;
    let answer = http("307 Temporary Redirect", &format!("location: {}/\r\n", elsewhere.base), "");
    assert!(
        matches!(failure(answer).await, ProviderError::Rejected { detail } if detail.contains("redirects are not followed"))
    );
    assert!(elsewhere.requests().is_empty());
}

#[tokio::test]
async fn a_server_on_loopback_may_close_after_its_answer_though_it_says_otherwise() {
    let body = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
    let answer = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n",
        body.len()
    );
    let server = Server::start(vec![Script::KeepAlive(answer.into_bytes())]).await;
    let with_key = providers();
    for _ in 0..3 {
        complete(&with_key, &route(Openai, &server.base), &request("Hi")).await.unwrap();
    }
    assert_eq!((server.connections(), server.requests().len()), (3, 3));
}

#[tokio::test]
async fn what_breaks_off_is_charged() {
    let cut = stream(HELLO.split("finish_reason\":\"stop").next().unwrap());
    let error_inside = stream("data: {\"error\":{\"message\":\"gpu on fire\"}}\n\n");
    let short =
        b"HTTP/1.1 200 OK\r\ncontent-length: 999\r\ncontent-type: text/event-stream\r\n\r\ndata: "
            .to_vec();
    let silent = Vec::new();
    for answer in [cut, error_inside, short, stream("data: {nonsense\n\n"), stream(""), silent] {
        let error = failure(answer.clone()).await;
        assert!(
            matches!(error, ProviderError::Unavailable { left: true, .. }),
            "{error:?} for {}",
            String::from_utf8_lossy(&answer)
        );
    }
}

#[tokio::test]
async fn nobody_there_costs_nothing() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = complete(&providers(), &route(Openai, &base), &request("Hi")).await.unwrap_err();
    assert!(matches!(&error, ProviderError::Unavailable { left: false, .. }), "{error:?}");
    assert!(!error.to_string().contains(&base), "{error}");
}

#[tokio::test]
async fn a_silent_server_is_left_when_time_is_up() {
    for bytes in [
        Vec::new(),
        stream("data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\n"),
    ] {
        let server = Server::start(vec![Script::Hang(bytes)]).await;
        let brief = Duration::from_millis(300);
        let error =
            complete_within(&providers(), &route(Openai, &server.base), &request("Hi"), brief)
                .await
                .unwrap_err();
        assert!(matches!(error, ProviderError::Unavailable { left: true, .. }), "{error:?}");
    }
}

#[tokio::test]
async fn giant_answers_are_cut_off() {
    let line = b"x".repeat(1 << 20);
    let words = format!(
        "data: {}\n\n",
        json!({"choices": [{"index": 0, "delta": {"content": "y".repeat(100_000)}}]})
    )
    .into_bytes();
    let comments = format!(": {}\n", "z".repeat(60_000)).into_bytes();
    for (piece, what) in [(line, "line"), (words, "4 MiB"), (comments, "64 MiB")] {
        let server = Server::start(vec![Script::Flood(stream(""), piece)]).await;
        let error =
            complete(&providers(), &route(Openai, &server.base), &request("Hi")).await.unwrap_err();
        assert!(
            matches!(&error, ProviderError::Unavailable { left: true, .. })
                && error.to_string().contains(what),
            "{what}: {error}"
        );
    }
    // The body of an error, too; its status is known by then.
    let head = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 99999999999\r\n\r\n".to_vec();
    let server = Server::start(vec![Script::Flood(head, b"x".repeat(65_536))]).await;
    let error =
        complete(&providers(), &route(Openai, &server.base), &request("Hi")).await.unwrap_err();
    assert!(matches!(error, ProviderError::Rejected { .. }), "{error:?}");
}

#[tokio::test]
async fn vectors_come_in_the_order_of_the_texts() {
    let body = json!({"model": "e", "data": [{"index": 1, "embedding": [0.0, 1.0]}, {"index": 0, "embedding": [1.0, 0.0]}], "usage": {"prompt_tokens": 4}});
    let server =
        Server::with(http("200 OK", "content-type: application/json\r\n", &body.to_string())).await;
    let answer = embed(&server, &["a", "b"]).await.unwrap();
    assert_eq!(answer.vectors, [[1.0, 0.0], [0.0, 1.0]]);
    assert_eq!(answer.usage.input_tokens, 4);
    assert_eq!(
        server.body(),
        json!({"model": "small", "input": ["a", "b"], "encoding_format": "float"})
    );
    assert!(embed(&server, &["a", "b", "c"]).await.is_err(), "a vector is missing");
}

async fn embed(
    server: &Server,
    texts: &[&str],
) -> Result<bailiwick_gate::model::Embedding, ProviderError> {
    let asked = EmbedRequest {
        alias: "e".into(),
        texts: texts.iter().map(|text| (*text).to_owned()).collect(),
    };
    let (route, images, key) = (route(Openai, &server.base), BTreeMap::new(), Digest::of(b"k"));
    let call = ProviderCall {
        route: &route,
        request: &asked,
        images: &images,
        idempotency_key: &key,
        timeout: PATIENCE,
    };
    providers().embed(&Durable::attest(1), call).await
}

async fn image(body: &Value) -> (Server, Result<bailiwick_gate::model::Images, ProviderError>) {
    let server =
        Server::with(http("200 OK", "content-type: application/json\r\n", &body.to_string())).await;
    let asked = ImageRequest {
        alias: "i".into(),
        prompt: "dusk".into(),
        width: 512,
        height: 256,
        count: 1,
        seed: Some(3),
    };
    let (route, images, key) = (route(Openai, &server.base), BTreeMap::new(), Digest::of(b"k"));
    let call = ProviderCall {
        route: &route,
        request: &asked,
        images: &images,
        idempotency_key: &key,
        timeout: PATIENCE,
    };
    let answer = providers().generate_image(&Durable::attest(1), call).await;
    (server, answer)
}

#[tokio::test]
async fn images_come_as_bytes_and_addresses_are_not_followed() {
    let (server, answer) = image(&json!({"data": [{"b64_json": "iVBORw0KGgpyZXN0"}], "usage": {"input_tokens": 5, "output_tokens": 6}})).await;
    let answer = answer.unwrap();
    assert_eq!(answer.images, [(b"\x89PNG\r\n\x1a\nrest".to_vec(), "image/png".to_owned())]);
    assert_eq!(answer.usage.tokens().0, 11);
    assert_eq!(
        server.body(),
        json!({"model": "small", "prompt": "dusk", "n": 1, "size": "512x256", "response_format": "b64_json", "seed": 3})
    );

    let elsewhere = Server::with(http("200 OK", "", "x")).await;
    for bad in
        [json!({"url": elsewhere.base}), json!({"b64_json": "!"}), json!({"b64_json": "aGVsbG8="})]
    {
        let (_, answer) = image(&json!({"data": [bad]})).await;
        assert!(matches!(answer, Err(ProviderError::Unavailable { left: true, .. })));
    }
    assert!(elsewhere.requests().is_empty());
}
