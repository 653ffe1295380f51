//! Anthropic's Messages against a scripted server: streaming, the forced tool, images, and what each failure means.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod scripted;

use std::collections::BTreeMap;

use bailiwick_core::ports::Durable;
use bailiwick_core::{Artifact, Bytes, Digest};
use bailiwick_gate::model::{
    CompleteRequest, EmbedRequest, Finish, Message, ModelUsage, Part, Role, Tool, ToolCall,
};
use bailiwick_gate::provider::{ModelProvider as _, ProviderCall, ProviderError};
use bailiwick_policy::ProviderKind::Anthropic;
use scripted::{KEY, PATIENCE, Script, Server, complete, http, providers, request, route, stream};
use serde_json::{Value, json};

fn events(events: &[Value]) -> String {
    events
        .iter()
        .map(|event| format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap()))
        .collect()
}

fn start() -> Value {
    json!({"type": "message_start", "message": {"model": "small-1", "usage": {"input_tokens": 9, "cache_read_input_tokens": 2, "output_tokens": 1}}})
}

fn end(reason: &str) -> [Value; 2] {
    [
        json!({"type": "message_delta", "delta": {"stop_reason": reason}, "usage": {"output_tokens": 5}}),
        json!({"type": "message_stop"}),
    ]
}

fn text(pieces: &[&str], reason: &str) -> String {
    let mut all = vec![
        start(),
        json!({"type": "ping"}),
        json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
    ];
    all.extend(pieces.iter().map(|piece| json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": piece}})));
    all.push(json!({"type": "content_block_stop", "index": 0}));
    all.extend(end(reason));
    events(&all)
}

fn tool(name: &str, pieces: &[&str]) -> String {
    let mut all = vec![
        start(),
        json!({"type": "content_block_start", "index": 0, "content_block": {"type": "tool_use", "id": "t1", "name": name, "input": {}}}),
    ];
    all.extend(pieces.iter().map(|piece| json!({"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": piece}})));
    all.extend(end("tool_use"));
    events(&all)
}

#[tokio::test]
async fn a_stream_is_understood_wherever_it_is_cut() {
    let providers = providers();
    let body = text(&["Grü", "ße"], "end_turn");
    let whole = stream(&body);
    for cut in whole.len() - body.len()..whole.len() {
        let (first, second) = whole.split_at(cut);
        let server =
            Server::start(vec![Script::Bytes(vec![first.to_vec(), second.to_vec()])]).await;
        let answer =
            complete(&providers, &route(Anthropic, &server.base), &request("Hi")).await.unwrap();
        assert_eq!(
            (answer.text.as_str(), answer.finish, answer.streamed),
            ("Grüße", Finish::Stop, true),
            "cut at {cut}"
        );
        assert_eq!(answer.usage, ModelUsage { input_tokens: 11, output_tokens: 5 });
    }
}

#[tokio::test]
async fn sends_what_was_asked() {
    let server = Server::with(stream(&text(&["x"], "end_turn"))).await;
    let image = b"\xff\xd8\xffrest".to_vec();
    // Named PNG by whoever put it: the bytes say what it is.
    let artifact = Artifact {
        digest: Digest::of(&image),
        media_type: "image/png".into(),
        bytes: Bytes(image.len() as u64),
        name: None,
    };
    let mut asked = request("Hi");
    asked.temperature = Some(1.5);
    asked.tools = vec![Tool {
        name: "look".into(),
        description: "Looks.".into(),
        parameters: json!({"type": "object"}),
    }];
    asked.messages.push(Message {
        parts: vec![Part::Artifact(artifact.clone())],
        ..Message::text(Role::User, "")
    });
    asked.messages.push(Message {
        tool_calls: vec![ToolCall {
            id: "c1".into(),
            name: "look".into(),
            arguments: "{\"x\":1}".into(),
        }],
        parts: Vec::new(),
        ..Message::text(Role::Assistant, "")
    });
    asked
        .messages
        .push(Message { answers: Some("c1".into()), ..Message::text(Role::Tool, "seen") });
    asked.messages.push(Message::text(Role::User, "and?"));
    let images = BTreeMap::from([(artifact.digest, image)]);
    let (route, key) = (route(Anthropic, &server.base), Digest::of(b"key"));
    let call = ProviderCall {
        route: &route,
        request: &asked,
        images: &images,
        idempotency_key: &key,
        timeout: PATIENCE,
    };
    providers().complete(&Durable::attest(1), call).await.unwrap();
    let head = server.requests()[0].to_lowercase();
    assert!(head.starts_with("post /v1/messages http/1.1\r\n"), "{head}");
    assert!(
        head.contains(&format!("x-api-key: {KEY}"))
            && head.contains("anthropic-version: 2023-06-01"),
        "{head}"
    );
    assert_eq!(
        server.body(),
        json!({
            "model": "small", "system": "Be brief.", "max_tokens": 64, "stream": true, "temperature": 1.0, "stop_sequences": ["END"],
            "tools": [{"name": "look", "description": "Looks.", "input_schema": {"type": "object"}}],
            "messages": [
                {"role": "user", "content": [{"type": "text", "text": "Hi"}, {"type": "image", "source": {"type": "base64", "media_type": "image/jpeg", "data": "/9j/cmVzdA=="}}]},
                {"role": "assistant", "content": [{"type": "tool_use", "id": "c1", "name": "look", "input": {"x": 1}}]},
                {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c1", "content": [{"type": "text", "text": "seen"}]}, {"type": "text", "text": "and?"}]},
            ],
        })
    );
}

#[tokio::test]
async fn structured_output_is_one_forced_tool() {
    let server = Server::with(stream(&tool("answer", &["{\"a\"", ":\"b\"}"]))).await;
    let schema =
        json!({"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]});
    let asked = CompleteRequest { output_schema: Some(schema.clone()), ..request("Hi") };
    let answer = complete(&providers(), &route(Anthropic, &format!("{}/v1/", server.base)), &asked)
        .await
        .unwrap();
    assert_eq!(
        (answer.text.as_str(), answer.finish, answer.tool_calls.len()),
        (r#"{"a":"b"}"#, Finish::Stop, 0)
    );
    assert!(server.requests()[0].starts_with("POST /v1/messages "));
    let body = server.body();
    assert_eq!(
        body["tool_choice"],
        json!({"type": "tool", "name": "answer", "disable_parallel_tool_use": true})
    );
    assert_eq!(body["tools"][0]["input_schema"], schema);

    let list = CompleteRequest { output_schema: Some(json!({"type": "array"})), ..request("Hi") };
    let server = Server::with(stream(&tool("answer", &["{\"answer\":[1,2]}"]))).await;
    assert_eq!(
        complete(&providers(), &route(Anthropic, &server.base), &list).await.unwrap().text,
        "[1,2]"
    );
}

#[tokio::test]
async fn own_tools_are_called() {
    let server = Server::with(stream(&tool("look", &[]))).await;
    let mut asked =
        CompleteRequest { output_schema: Some(json!({"type": "object"})), ..request("Hi") };
    asked.tools = ["look", "answer"]
        .map(|name| Tool {
            name: name.into(),
            description: String::new(),
            parameters: json!({"type": "object"}),
        })
        .to_vec();
    let answer = complete(&providers(), &route(Anthropic, &server.base), &asked).await.unwrap();
    assert_eq!(
        answer.tool_calls,
        [ToolCall { id: "t1".into(), name: "look".into(), arguments: "{}".into() }]
    );
    assert_eq!(answer.finish, Finish::Tools);
    let body = server.body();
    assert_eq!(body["tool_choice"]["type"], "any");
    assert_eq!(body["tools"][2]["name"], "answer_");
}

#[tokio::test]
async fn each_end_and_each_status_has_its_meaning() {
    for (reason, finish) in [
        ("max_tokens", Finish::Length),
        ("stop_sequence", Finish::Stop),
        ("refusal", Finish::Filtered),
    ] {
        let server = Server::with(stream(&text(&["x"], reason))).await;
        assert_eq!(
            complete(&providers(), &route(Anthropic, &server.base), &request("Hi"))
                .await
                .unwrap()
                .finish,
            finish
        );
    }
    let body = r#"{"type":"error","error":{"type":"x","message":"because"}}"#;
    let cut = text(&["x"], "end_turn");
    let overloaded = "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n";
    for (answer, expected) in [
        (http("400 X", "", body), "rejected"),
        (http("401 X", "", body), "rejected"),
        (http("429 X", "retry-after: 2\r\n", body), "busy"),
        (http("529 X", "", body), "unavailable"),
        (stream(cut.split("event: message_stop").next().unwrap()), "unavailable"),
        (stream(overloaded), "unavailable"),
    ] {
        let server = Server::with(answer).await;
        let error = complete(&providers(), &route(Anthropic, &server.base), &request("Hi"))
            .await
            .unwrap_err();
        let found = match error {
            ProviderError::Rejected { .. } => "rejected",
            ProviderError::Busy { retry_after: Some(_), .. } => "busy",
            ProviderError::Unavailable { left: true, .. } => "unavailable",
            other => panic!("{other:?}"),
        };
        assert_eq!(found, expected);
    }
}

#[tokio::test]
async fn has_no_embeddings() {
    let (route, images, key) =
        (route(Anthropic, "http://127.0.0.1:1"), BTreeMap::new(), Digest::of(b"k"));
    let asked = EmbedRequest { alias: "e".into(), texts: vec!["a".into()] };
    let call = ProviderCall {
        route: &route,
        request: &asked,
        images: &images,
        idempotency_key: &key,
        timeout: PATIENCE,
    };
    assert!(matches!(
        providers().embed(&Durable::attest(1), call).await,
        Err(ProviderError::Unsupported { .. })
    ));
}
