//! Secrets: an answer that contains one is thrown away and nothing shows it; a key goes nowhere but to its vendor and loopback.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod scripted;

use bailiwick_gate::provider::ProviderError;
use bailiwick_policy::ProviderKind::{Anthropic, Openai};
use bailiwick_provider::{Keys, Providers};
use scripted::{KEY, Script, Server, complete, http, providers, request, route, stream};
use serde_json::json;

/// A stream that says the key in two pieces of text, so that no line contains it.
fn told_in_pieces() -> Vec<u8> {
    let (first, second) = KEY.split_at(9);
    let event = |text: &str, end: &str| {
        format!(
            "data: {}\n\n",
            json!({"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": if end.is_empty() { None } else { Some(end) }}]})
        )
    };
    stream(&format!("{}{}data: [DONE]\n\n", event(first, ""), event(second, "stop")))
}

/// The key with its letters as JSON escapes.
fn told_in_escapes() -> Vec<u8> {
    let escaped: String = KEY.chars().map(|c| format!("\\u{:04x}", c as u32)).collect();
    stream(&format!(
        "data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{escaped}\"}},\"finish_reason\":\"stop\"}}]}}\n\n"
    ))
}

#[tokio::test]
async fn an_answer_with_a_secret_is_thrown_away_and_never_shown() {
    let escapes = |model: &str| {
        stream(&format!(
            "data: {{\"model\":\"{model}\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"a\"}},\"finish_reason\":\"stop\"}}]}}\n\n"
        ))
    };
    let answers = [
        (
            "body",
            stream(&format!(
                "data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{KEY}\"}},\"finish_reason\":\"stop\"}}]}}\n\n"
            )),
        ),
        (
            "comment",
            stream(&format!(
                ": {KEY}\n\ndata: {{\"choices\":[{{\"index\":0,\"delta\":{{}},\"finish_reason\":\"stop\"}}]}}\n\n"
            )),
        ),
        ("header", http("200 OK", &format!("x-echo: Bearer {KEY}\r\n"), "{}")),
        (
            "error",
            http(
                "400 Bad Request",
                "",
                &format!("{{\"error\":{{\"message\":\"bad key {KEY}\"}}}}"),
            ),
        ),
        ("error header", http("401 Unauthorized", &format!("www-authenticate: {KEY}\r\n"), "")),
        ("pieces", told_in_pieces()),
        ("escapes", told_in_escapes()),
        ("model", escapes(KEY)),
    ];
    for (place, answer) in answers {
        let server = Server::with(answer).await;
        let error =
            complete(&providers(), &route(Openai, &server.base), &request("Hi")).await.unwrap_err();
        assert!(
            matches!(&error, ProviderError::Rejected { detail } if detail.contains("thrown away")),
            "{place}: {error:?}"
        );
        assert!(!format!("{error:?} {error}").contains(&KEY[..10]), "{place}: {error:?}");
    }
}

#[tokio::test]
async fn an_echo_of_the_whole_request_is_thrown_away() {
    let echo = |request: &str| {
        stream(&format!(
            "data: {}\n\n",
            json!({"choices": [{"index": 0, "delta": {"content": request}, "finish_reason": "stop"}]})
        ))
    };
    for kind in [Openai, Anthropic] {
        let server = Server::start(vec![Script::Echo(echo)]).await;
        let error =
            complete(&providers(), &route(kind, &server.base), &request("Hi")).await.unwrap_err();
        assert!(matches!(&error, ProviderError::Rejected { .. }), "{error:?}");
        assert!(server.requests()[0].contains(KEY));
    }
}

#[tokio::test]
async fn other_answers_pass() {
    let server = Server::with(stream("data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"sk-test\"},\"finish_reason\":\"stop\"}]}\n\n")).await;
    assert_eq!(
        complete(&providers(), &route(Openai, &server.base), &request("Hi")).await.unwrap().text,
        "sk-test"
    );
}

#[tokio::test]
async fn a_name_that_leads_inwards_is_refused_before_anything_leaves() {
    // `ip6-localhost` and the like stand in the hosts file of many machines; where they
    // do not, the name is unknown. Neither is dialled.
    for base in [
        "http://10.0.0.1:9",
        "http://169.254.169.254",
        "http://[fd00::1]:9",
        "http://0.0.0.0:9",
        "http://[::ffff:10.0.0.1]:9",
        "http://[::]:9",
    ] {
        let error = complete(&providers(), &route(Openai, base), &request("Hi")).await.unwrap_err();
        assert!(
            matches!(&error, ProviderError::Unsupported { detail } if detail.contains("no address that may be reached")),
            "{base}: {error:?}"
        );
    }
    for name in ["http://ip6-localhost:9", "http://ip6-loopback:9", "http://printer.invalid:9"] {
        let error = complete(&providers(), &route(Openai, name), &request("Hi")).await.unwrap_err();
        assert!(
            matches!(
                &error,
                ProviderError::Unsupported { .. } | ProviderError::Unavailable { left: false, .. }
            ),
            "{name}: {error:?}"
        );
    }
}

#[tokio::test]
async fn a_bad_key_is_refused_where_it_would_be_sent_and_says_which() {
    let server = Server::with(stream("")).await;
    let providers = Providers::new(Keys::new(Some("too-short"), None));
    let error =
        complete(&providers, &route(Openai, &server.base), &request("Hi")).await.unwrap_err();
    assert!(
        matches!(&error, ProviderError::Unsupported { detail } if detail.contains("OPENAI_API_KEY") && !detail.contains("too-short")),
        "{error:?}"
    );
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn without_a_key_the_hint_says_so() {
    let server = Server::with(http("401 Unauthorized", "", "{\"error\":\"who are you\"}")).await;
    let providers = Providers::new(Keys::default());
    let error =
        complete(&providers, &route(Openai, &server.base), &request("Hi")).await.unwrap_err();
    assert!(
        matches!(&error, ProviderError::Rejected { detail } if detail.contains("OPENAI_API_KEY is not set")),
        "{error:?}"
    );
    assert!(!server.requests()[0].to_lowercase().contains("authorization"));
}

#[test]
fn there_is_one_dial() {
    let allowed = |file: &str, word: &str| match word {
        "lookup_host" | "UdpSocket" => file == "resolver.rs",
        _ => file == "dial.rs",
    };
    let mut folders = vec![std::path::PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/src"))];
    let mut seen = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            seen += 1;
            let (name, text) = (
                path.file_name().unwrap().to_string_lossy().into_owned(),
                std::fs::read_to_string(&path).unwrap(),
            );
            for word in [
                "Client::",
                "ClientBuilder",
                "reqwest::get",
                "TcpStream",
                "lookup_host",
                "UdpSocket",
                "reqwest::Client",
                ".send()",
            ] {
                assert!(
                    !text.contains(word) || allowed(&name, word),
                    "{word} in {}",
                    path.display()
                );
            }
        }
    }
    assert!(seen > 20);
}
