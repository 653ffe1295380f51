//! A guest of another language with its ordinary HTTP client: JavaScript's `fetch`, as its own tools make a component of it. It is held by the same grants as any other.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod end_to_end;

use std::path::PathBuf;

use end_to_end::folder::is_anywhere;
use end_to_end::project::{OPERATORS, Project};
use end_to_end::receiver::{Answer, Receiver, body, header};
use end_to_end::{Call, Desk};
use serde_json::{Value, json};

const TOKEN: &str = "a-token-of-the-tests-0123456789";

/// The guest in a project of one step, beside a receiver.
struct Scene {
    desk: Desk,
    project: Project,
    policy: PathBuf,
}

impl Scene {
    fn new(receiver: &Receiver, grants: &str) -> Self {
        let component = std::env::var_os("BAILIWICK_TEST_FOREIGN")
            .expect("BAILIWICK_TEST_FOREIGN is not set; run: cargo xtask foreign");
        let desk = Desk::new();
        let wants = "[wants]\nhttp = { hosts = [\"127.0.0.1\"], reason = \"tests\" }\n[build]\nmodule = \"fetcher.wasm\"\n";
        desk.file("fetcher/agent.toml", wants);
        std::fs::copy(component, desk.path("fetcher/fetcher.wasm")).unwrap();
        desk.bailiwick(["build"]).word(desk.path("fetcher")).ends(0);
        let operators =
            format!("[agents.fetcher]\ncomponent = {:?}\n{grants}\n", desk.path("fetcher"));
        let pipeline =
            "[step.ask]\nagent = \"fetcher\"\ninput = \"${input}\"\n[output]\nask = \"${ask}\"\n";
        let files = [(OPERATORS, operators.as_str()), ("pipelines/ask.toml", pipeline)];
        let project = Project::of(&desk, &files);
        let port = receiver.port;
        let rule = format!(
            "{{ scheme = \"http\", host = \"127.0.0.1\", port = {port}, methods = [\"GET\", \"HEAD\", \"POST\"], paths = [\"/**\"], network = \"loopback\""
        );
        let policy = desk.file(
            "policy.toml",
            &format!(
                "labels = {{ unlabelled = \"public\" }}\n[ceiling.\"local/*\"]\nhttp = [{rule} }}, {rule}, credential = \"token\" }}]\n\
                 [credentials.token]\nenv = \"RECEIVER_TOKEN\"\norigin = \"http://127.0.0.1:{port}\"\n"
            ),
        );
        Self { desk, project, policy }
    }

    fn run(&self, id: &str, input: &Value) -> Call {
        let input = self.desk.file(&format!("{id}.json"), &input.to_string());
        let run = self.desk.run(self.project.path()).option("policy", &self.policy);
        run.option("input", input).option("run-id", id).env("RECEIVER_TOKEN", TOKEN)
    }

    /// What the guest made of a request, and the calls of its attempt.
    fn asks(&self, id: &str, input: &Value) -> (Value, Value) {
        let answer = self.run(id, input).ends(0).json()["ask"].clone();
        let cell = self.desk.cell(id, "ask/-");
        (answer, cell["attempts"][0]["calls"].clone())
    }
}

fn granted(receiver: &Receiver, more: &str) -> String {
    format!(
        "grants.http = [{{ scheme = \"http\", host = \"127.0.0.1\", port = {}, network = \"loopback\", {more} }}]",
        receiver.port
    )
}

#[test]
#[ignore = "wants a guest of another language: cargo xtask test --with-model"]
fn foreign_an_ordinary_client_is_held_by_the_same_grants() {
    let receiver = Receiver::answering(|request| {
        let elsewhere = |to: &str| Answer {
            status: 302,
            headers: format!("location: {to}\r\n"),
            body: String::new(),
        };
        match request.split(' ').nth(1).unwrap() {
            "/v1/moved" => elsewhere("/v1/news"),
            "/v1/astray" => elsewhere("/v2/news"),
            _ => Answer {
                status: 200,
                headers: "x-own: yes\r\n".into(),
                body: json!({ "sent": body(request) }).to_string(),
            },
        }
    });
    let rule = "methods = [\"GET\", \"POST\"], paths = [\"/v1/*\"]";
    let scene = Scene::new(&receiver, &granted(&receiver, rule));

    let (answer, calls) = scene.asks("granted", &json!({ "url": receiver.url("/v1/news?a=b") }));
    assert_eq!((&answer["status"], &answer["headers"]["x-own"]), (&json!(200), &json!("yes")));
    assert_eq!(calls[0]["capability"], "http");
    assert!(receiver.requests()[0].starts_with("GET /v1/news?a=b HTTP/1.1\r\n"));

    let post = json!({ "url": receiver.url("/v1/told"), "method": "POST", "body": "{\"n\":1}" });
    let (answer, _) = scene.asks("posted", &post);
    assert_eq!(answer["body"], json!({ "sent": "{\"n\":1}" }).to_string());
    assert!(header(&receiver.requests()[1], "idempotency-key").is_some());

    // The guest learns that it got nothing; the operator which line would have given it.
    let denied = |id: &str, input: &Value, reason: &str| {
        let before = receiver.requests().len();
        let (answer, calls) = scene.asks(id, input);
        assert!(answer["failed"].is_string(), "{answer}");
        assert_eq!(
            (&calls[0]["capability"], &calls[0]["answer"]),
            (&json!("http"), &json!("denied"))
        );
        let told = calls[0]["detail"].as_str().unwrap();
        assert!(told.contains(reason), "{told}");
        assert!(calls[0]["hint"].as_str().unwrap().contains("grants.http = ["), "{calls}");
        receiver.requests().len() - before
    };
    let host = json!({ "url": format!("http://127.0.0.1:{}/v1/news", receiver.port ^ 1) });
    assert_eq!(denied("another-host", &host, "no rule has this scheme, host and port"), 0);
    let path = json!({ "url": receiver.url("/v2/news") });
    assert_eq!(denied("another-path", &path, "no rule for this host has the path"), 0);
    let method = json!({ "url": receiver.url("/v1/news"), "method": "DELETE" });
    assert_eq!(denied("another-method", &method, "no rule for this host has the method"), 0);
    // A redirect is the host's to follow, and its target is judged like any other.
    let (answer, _) = scene.asks("moved", &json!({ "url": receiver.url("/v1/moved") }));
    assert_eq!((&answer["status"], &answer["headers"]["x-own"]), (&json!(200), &json!("yes")));
    let astray = json!({ "url": receiver.url("/v1/astray") });
    assert_eq!(denied("astray", &astray, "a redirect: "), 1);
}

#[test]
#[ignore = "wants a guest of another language: cargo xtask test --with-model"]
fn foreign_a_client_without_a_grant_is_not_loaded_and_the_line_names_what_it_wants() {
    let receiver = Receiver::start(|_| (String::new(), "{}".into()));
    let scene = Scene::new(&receiver, "");
    let refused = scene.run("never", &json!({ "url": receiver.url("/") })).ends(2);
    assert!(refused.stderr.contains("E071"), "{}", refused.stderr);
    assert!(refused.stderr.contains("grants.http = [{ host = \"127.0.0.1\""), "{}", refused.stderr);
}

#[test]
#[ignore = "wants a guest of another language: cargo xtask test --with-model"]
fn foreign_a_client_never_sees_the_credential_that_goes_along() {
    let receiver = Receiver::start(|request| match request.starts_with("GET /echo") {
        true => (String::new(), json!({ "you_sent": request }).to_string()),
        false => (String::new(), "{\"news\":1}".into()),
    });
    let rule = "paths = [\"/*\"], credential = \"token\"";
    let scene = Scene::new(&receiver, &granted(&receiver, rule));
    let (answer, _) = scene.asks("news", &json!({ "url": receiver.url("/news") }));
    assert_eq!(answer["body"], "{\"news\":1}");
    let sent = header(&receiver.requests()[0], "authorization");
    assert_eq!(sent, Some(format!("Bearer {TOKEN}")));
    // Not even where the server gives it back.
    let (answer, calls) = scene.asks("echo", &json!({ "url": receiver.url("/echo") }));
    assert!(answer["failed"].is_string(), "{answer}");
    assert_eq!(calls[0]["answer"], "invalid");
    assert_eq!(receiver.requests().len(), 2);
    assert!(!is_anywhere(&scene.desk.data(), TOKEN));
}
