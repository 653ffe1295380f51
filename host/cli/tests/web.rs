//! Agents and the web, over real HTTP: what was granted goes out with its credential, all else is denied with the line that allows it, and what changed something is not done twice.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod end_to_end;

use std::path::PathBuf;

use end_to_end::folder::is_anywhere;
use end_to_end::guest::Guest;
use end_to_end::project::{OPERATORS, Project};
use end_to_end::receiver::{Receiver, Says, header};
use end_to_end::served::Served;
use end_to_end::{Call, Desk};
use serde_json::{Value, json};

/// An agent that makes one request. With an answer it does `then`; a refusal it hands on.
fn asks(method: &str, url: &str, body: &str, then: &str) -> Guest {
    let quoted = |text: &str| text.bytes().map(|b| format!("\\{b:02x}")).collect::<String>();
    let extra = format!(
        r#"(data (i32.const 4096) "{}") (data (i32.const 4200) "{}") (data (i32.const 8000) "{}")
           (data (i32.const 4110) "http")"#,
        quoted(method),
        quoted(url),
        quoted(body)
    );
    let perform = format!(
        "(call $fetch (i32.const 4096) (i32.const {}) (i32.const 4200) (i32.const {})
            (i32.const 0) (i32.const 0) (i32.const 8000) (i32.const {}) (i32.const 1200))
         (if (i32.load8_u (i32.const 1200)) (then (return (call $refused (i32.const 4110) (i32.const 4)))))
         {then}",
        method.len(),
        url.len(),
        body.len()
    );
    Guest {
        wants: "http = { hosts = [\"127.0.0.1\"], reason = \"tests\" }",
        imports: r#"(import "bailiwick:agent/http@0.1.0" "fetch"
            (func $fetch (param i32 i32 i32 i32 i32 i32 i32 i32 i32)))"#,
        extra,
        ..Guest::new("asker", &perform)
    }
}

/// Puts the body of the answer out.
const TELL: &str = "(return (call $ok (i32.load (i32.const 1216)) (i32.load (i32.const 1220))))";

/// A project of one step with this guest.
struct Scene {
    desk: Desk,
    project: Project,
    policy: PathBuf,
}

impl Scene {
    /// `grants` is the list of `grants.http`, `policy` what policy.toml has besides the
    /// ceiling, which allows the receiver's loopback.
    fn new(guest: &Guest, receiver: &Receiver, grants: &str, step: &str, policy: &str) -> Self {
        let desk = Desk::new();
        let folder = guest.build(&desk);
        let operators = format!("[agents.asker]\ncomponent = {folder:?}\ngrants.http = {grants}\n");
        let pipeline = format!(
            "[step.ask]\nagent = \"asker\"\ninput = {{}}\n{step}\n[output]\nask = \"${{ask}}\"\n"
        );
        let files = [(OPERATORS, operators.as_str()), ("pipelines/ask.toml", pipeline.as_str())];
        let project = Project::of(&desk, &files);
        let rule = format!(
            "{{ scheme = \"http\", host = \"127.0.0.1\", port = {}, methods = [\"GET\", \"HEAD\", \"POST\"], paths = [\"/**\"], network = \"loopback\"",
            receiver.port
        );
        let text = format!(
            "labels = {{ unlabelled = \"public\" }}\n[ceiling.\"local/*\"]\n\
             http = [{rule} }}, {rule}, credential = \"token\" }}]\n{policy}"
        );
        let policy = desk.file("policy.toml", &text);
        Self { desk, project, policy }
    }

    fn run(&self, id: &str) -> Call {
        let run = self.desk.run(self.project.path());
        run.option("policy", &self.policy).option("run-id", id)
    }
}

/// A rule for the receiver.
fn rule(receiver: &Receiver, more: &str) -> String {
    format!(
        "{{ scheme = \"http\", host = \"127.0.0.1\", port = {}, network = \"loopback\", {more} }}",
        receiver.port
    )
}

#[test]
fn a_request_that_was_not_granted_is_denied_until_the_hint_is_applied() {
    let receiver = Receiver::start(|_| (String::new(), "{\"news\":1}".into()));
    let guest = asks("GET", &receiver.url("/v1/news?x=1"), "", TELL);
    let grants = format!("[{}]", rule(&receiver, "paths = [\"/v2/*\"]"));
    let scene = Scene::new(&guest, &receiver, &grants, "retry = { attempts = 3 }", "");
    let ended = scene.run("before").ends(1);
    assert_eq!(receiver.requests().len(), 0);
    let shown = scene.desk.cell("before", "ask/-");
    let attempts = shown["attempts"].as_array().unwrap();
    assert_eq!(attempts.len(), 1, "a denial is permanent, whatever `retry` says: {shown}");
    assert_eq!(attempts[0]["failure"]["kind"], "refused");
    let denied = &attempts[0]["calls"][0];
    let reason = format!(
        "GET {} is not granted to asker: no rule for this host has the path",
        receiver.url("/v1/news")
    );
    assert_eq!((&denied["answer"], &denied["detail"]), (&json!("denied"), &json!(reason)));
    let hint = denied["hint"].as_str().unwrap();
    assert!(ended.stderr.contains(hint), "the run view has the line: {}", ended.stderr);
    scene.project.apply(hint);
    assert_eq!(scene.run("after").ends(0).json(), json!({"ask": {"news": 1}}));
    assert!(receiver.requests()[0].starts_with("GET /v1/news?x=1 HTTP/1.1\r\n"));
}

#[test]
fn a_grant_above_the_ceiling_is_refused_by_check() {
    let receiver = Receiver::start(|_| (String::new(), "{}".into()));
    let guest = asks("GET", &receiver.url("/"), "", TELL);
    for grant in [
        rule(&receiver, "paths = [\"/**\"], methods = [\"DELETE\"]"),
        "{ host = \"api.example.com\", paths = [\"/**\"] }".to_owned(),
        format!(
            "{{ scheme = \"http\", host = \"127.0.0.1\", port = {}, paths = [\"/**\"], network = \"private\" }}",
            receiver.port
        ),
    ] {
        let scene = Scene::new(&guest, &receiver, &format!("[{grant}]"), "", "");
        let refused = scene.run("never").ends(2);
        assert!(refused.stderr.contains("E072"), "{grant}: {}", refused.stderr);
    }
    assert_eq!(receiver.requests().len(), 0);
}

#[test]
fn what_changed_something_is_not_done_again_unless_the_step_says_so() {
    let receiver = Receiver::start(|_| (String::new(), "{}".into()));
    // It fails after its request, each time.
    let guest = asks("POST", &receiver.url("/campaign"), "{\"n\":1}", "(unreachable)");
    let grants = format!("[{}]", rule(&receiver, "methods = [\"POST\"], paths = [\"/campaign\"]"));
    let retry = "retry = { attempts = 3, backoff = \"1 ms\" }";
    let scene = Scene::new(&guest, &receiver, &grants, retry, "");
    let ended = scene.run("once").ends(1);
    assert_eq!(receiver.requests().len(), 1);
    let shown = scene.desk.cell("once", "ask/-");
    assert_eq!(shown["attempts"].as_array().map(Vec::len), Some(1), "{shown}");
    assert_eq!(shown["attempts"][0]["failure"]["kind"], "effects-done", "{shown}");
    assert!(ended.stderr.contains("repeat-effects = true"), "{}", ended.stderr);
    scene.project.change("pipelines/ask.toml", retry, &format!("{retry}\nrepeat-effects = true"));
    scene.run("thrice").ends(1);
    let requests = receiver.requests();
    assert_eq!(requests.len(), 1 + 3);
    let keys: Vec<_> =
        requests.iter().map(|request| header(request, "idempotency-key").unwrap()).collect();
    assert_eq!((&keys[1], &keys[1]), (&keys[2], &keys[3]), "one run, one key");
    assert_ne!(keys[0], keys[1], "another run, another key");
}

const TOKEN: &str = "a-token-of-the-tests-0123456789";

fn credential(receiver: &Receiver, source: &str) -> String {
    format!("[credentials.token]\n{source}\norigin = \"http://127.0.0.1:{}\"\n", receiver.port)
}

#[test]
fn a_credential_goes_along_and_is_rotated_without_a_restart() {
    let receiver = Receiver::start(|_| (String::new(), "{}".into()));
    let guest = asks("GET", &receiver.url("/v1"), "", TELL);
    let grants = format!("[{}]", rule(&receiver, "paths = [\"/v1\"], credential = \"token\""));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, TOKEN).unwrap();
    let policy = credential(&receiver, &format!("file = {file:?}"));
    let scene = Scene::new(&guest, &receiver, &grants, "", &policy);
    scene.run("first").ends(0);
    std::fs::write(&file, "another-token-0123456789").unwrap();
    scene.run("second").ends(0);
    let sent: Vec<_> =
        receiver.requests().iter().map(|r| header(r, "authorization").unwrap()).collect();
    assert_eq!(sent, [format!("Bearer {TOKEN}"), "Bearer another-token-0123456789".into()]);
    // One that is bound elsewhere is found by `check`.
    let elsewhere = policy.replace("http://127.0.0.1", "https://127.0.0.1");
    let scene = Scene::new(&guest, &receiver, &grants, "", &elsewhere);
    let refused = scene.run("never").ends(2);
    assert!(refused.stderr.contains("E078"), "{}", refused.stderr);
}

#[test]
fn a_locked_host_reads_a_credentials_file_and_what_replaces_it() {
    let receiver = Receiver::start(|_| (String::new(), "{}".into()));
    let guest = asks("GET", &receiver.url("/v1"), "", TELL);
    let grants = format!("[{}]", rule(&receiver, "paths = [\"/v1\"], credential = \"token\""));
    // Neither the project's nor the host's folder: what a manager of secrets mounts.
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, TOKEN).unwrap();
    let uid = rustix::process::geteuid().as_raw();
    let me = format!("[people.me]\nuid = {uid}\ngroups = []\nmay = [\"submit\"]\n");
    let policy = credential(&receiver, &format!("file = {file:?}")) + &me;
    let scene = Scene::new(&guest, &receiver, &grants, "", &policy);
    let data = scene.desk.data();
    let serve = scene.desk.bailiwick(["serve"]).option("project", scene.project.path());
    let served = Served::by(serve.option("data", &data).option("policy", &scene.policy));
    assert!(served.said.contains("locked: landlock: "), "{}", served.said);
    let submit = || scene.desk.bailiwick(["submit", "--wait"]).option("data", &data).ends(0);
    submit();
    // Replaced as they are replaced: by another file of that name.
    let next = folder.path().join("next");
    std::fs::write(&next, "another-token-0123456789").unwrap();
    std::fs::rename(&next, &file).unwrap();
    submit();
    let sent: Vec<_> =
        receiver.requests().iter().map(|r| header(r, "authorization").unwrap()).collect();
    assert_eq!(sent, [format!("Bearer {TOKEN}"), "Bearer another-token-0123456789".into()]);
    for token in [TOKEN, "another-token-0123456789"] {
        assert!(!is_anywhere(&data, token));
    }
}

#[test]
fn an_agent_cannot_read_the_credential_back_from_an_echo() {
    let echoes: [Says; 4] = [
        |request| (String::new(), json!({ "you_sent": request }).to_string()),
        |request| {
            (format!("x-echo: {}\r\n", header(request, "authorization").unwrap()), "{}".into())
        },
        |request| {
            let token = header(request, "authorization").unwrap();
            let hex: String = token.bytes().map(|b| format!("{b:02x}")).collect();
            (String::new(), json!({ "hex": hex }).to_string())
        },
        |request| {
            let token = header(request, "authorization").unwrap();
            (format!("location: /{token}\r\n"), "{}".into())
        },
    ];
    for (number, echo) in echoes.into_iter().enumerate() {
        let receiver = Receiver::start(echo);
        let guest = asks("GET", &receiver.url("/v1"), "", TELL);
        let grants = format!("[{}]", rule(&receiver, "paths = [\"/v1\"], credential = \"token\""));
        let policy = credential(&receiver, "env = \"BAILIWICK_TEST_TOKEN\"");
        let scene = Scene::new(&guest, &receiver, &grants, "", &policy);
        let ended = scene.run("echo").env("BAILIWICK_TEST_TOKEN", TOKEN).ends(1);
        assert_eq!(receiver.requests().len(), 1, "{number}");
        let shown = scene.desk.cell("echo", "ask/-");
        let call = &shown["attempts"][0]["calls"][0];
        assert_eq!(call["answer"], "invalid", "{number}: {shown}");
        for told in [&ended.stdout, &ended.stderr, &shown.to_string()] {
            assert!(!told.contains(TOKEN), "{number}: {told}");
        }
        assert!(!is_anywhere(&scene.desk.data(), TOKEN), "{number}: it is in the data folder");
    }
}

#[test]
fn this_machine_is_out_of_reach_without_the_network_class() {
    let receiver = Receiver::start(|_| (String::new(), "{\"inner\":true}".into()));
    let port = receiver.port;
    for host in ["127.0.0.1", "[::ffff:7f00:1]", "localhost"] {
        let guest = asks("GET", &format!("http://{host}:{port}/"), "", TELL);
        let grants = format!(
            "[{{ scheme = \"http\", host = \"{host}\", port = {port}, paths = [\"/**\"] }}]"
        );
        let scene = Scene::new(&guest, &receiver, &grants, "", "");
        // The built-in policy allows every public address, and this is none.
        let ended = scene.desk.run(scene.project.path()).option("run-id", "inner").ends(1);
        let shown = scene.desk.cell("inner", "ask/-");
        let call: &Value = &shown["attempts"][0]["calls"][0];
        assert_eq!(call["answer"], "denied", "{host}: {shown}");
        assert!(ended.stderr.contains("no address that may be reached"), "{}", ended.stderr);
    }
    assert_eq!(receiver.requests().len(), 0);
}

#[test]
fn the_example_carries_its_headline_with_a_token_that_nobody_wrote_down() {
    let receiver = Receiver::start(|request| {
        let news = request.starts_with("GET ").then_some("{\"headline\":\"Rain\"}");
        (String::new(), news.unwrap_or("{}").into())
    });
    end_to_end::agent("courier");
    let desk = Desk::new();
    let project = Project::like(&desk, "05-web");
    for file in [OPERATORS, "policy.toml", "input.json"] {
        let path = project.path().join(file);
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(path, text.replace("8765", &receiver.port.to_string())).unwrap();
    }
    let (input, policy) = (project.path().join("input.json"), project.path().join("policy.toml"));
    let run = desk.run(project.path()).option("input", input).option("policy", policy);
    let ended = run.option("run-id", "web").env("RECEIVER_TOKEN", TOKEN).ends(0);
    assert_eq!(ended.json(), json!({"told": {"headline": "Rain", "status": 200}}));
    let [news, told] = &receiver.requests()[..] else { panic!() };
    assert!(news.starts_with("GET /news/today ") && header(news, "authorization").is_none());
    assert!(told.starts_with("POST /campaign ") && told.ends_with("{\"headline\":\"Rain\"}"));
    assert_eq!(header(told, "authorization"), Some(format!("Bearer {TOKEN}")));
    assert!(!is_anywhere(&desk.data(), TOKEN));
}
