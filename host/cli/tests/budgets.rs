//! Budgets end to end: a run is parked before the call that does not fit, goes on with it when there is more, and pays for nothing twice.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod end_to_end;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use end_to_end::project::{OPERATORS, Project};
use end_to_end::{Call, Desk, agent, example};
use serde_json::{Value, json};

/// A model's server that counts. Each answer takes 100 tokens of prompt and 20 of answer.
struct Server {
    port: u16,
    asked: Arc<AtomicUsize>,
}

impl Server {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&asked);
        // It ends with the test's process.
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                answer(stream.unwrap());
                counter.fetch_add(1, Ordering::SeqCst);
            }
        });
        Self { port, asked }
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

fn answer(stream: TcpStream) {
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        let lower = line.to_ascii_lowercase();
        if let Some(value) = lower.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line.trim().is_empty() {
            break;
        }
    }
    reader.read_exact(&mut vec![0; length]).unwrap();
    let words = json!({ "title": "A title", "body": "Some words." }).to_string();
    let message = json!({ "role": "assistant", "content": words });
    let body = json!({
        "model": "m",
        "choices": [{ "index": 0, "message": message, "finish_reason": "stop" }],
        "usage": { "prompt_tokens": 100, "completion_tokens": 20 },
    })
    .to_string();
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close";
    let mut stream = reader.into_inner();
    write!(stream, "{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len()).unwrap();
}

/// The example, with this server for its model, at 0.003 USD an answer. `money` is the
/// grant; nothing else bounds it, and it pauses when that is spent.
fn project(desk: &Desk, server: &Server, money: &str) -> Project {
    agent("note");
    let project = Project::like(desk, "04-budget");
    project.change(OPERATORS, "  { provider = \"builtin\" },\n", "");
    let base = format!("base = \"http://127.0.0.1:{}/v1\", model", server.port);
    project.change(OPERATORS, "model = \"gpt", &format!("{base} = \"gpt"));
    project.change(OPERATORS, "input = \"0.15 USD\"", "input = \"10 USD\"");
    project.change(OPERATORS, "output = \"0.60 USD\"", "output = \"100 USD\"");
    project.change(OPERATORS, "\"0.05 USD\"", &format!("{money:?}"));
    let pipeline = "pipelines/notes.toml";
    project.change(pipeline, "when-spent = \"finish\"", "when-spent = \"pause\"");
    project.change(pipeline, "budget = { calls = 4 }", "");
    project
}

fn run(desk: &Desk, project: &Project, id: &str) -> Call {
    desk.run(project.path())
        .option("input", example("04-budget").join("input.json"))
        .option("run-id", id)
}

fn resume(desk: &Desk, project: &Project, id: &str) -> Call {
    let call = desk.bailiwick(["resume", id]);
    call.option("project", project.path()).option("data", desk.data())
}

fn money(shown: &Value) -> f64 {
    assert_eq!(shown["currency"], "USD", "{shown}");
    shown["money"].as_str().unwrap().parse().unwrap()
}

#[test]
fn the_example_ends_with_what_its_budget_was_enough_for() {
    let desk = Desk::new();
    agent("note");
    let ended = desk
        .run(&example("04-budget"))
        .option("input", example("04-budget").join("input.json"))
        .option("run-id", "four")
        .ends(0);
    let notes = &ended.json()["notes"];
    let topics: Vec<_> =
        notes.as_array().unwrap().iter().map(|note| &note["axis"]["topic"]).collect();
    assert_eq!(topics, ["Bees", "Wasps", "Hornets", "Bumblebees"]);
    let why = "the step `note` in this run has used 4 of 4 calls";
    assert!(ended.stderr.contains(why), "{}", ended.stderr);
    assert!(desk.told("four").contains("dropped"), "{}", desk.told("four"));
}

#[test]
fn parked_at_the_budget_raised_and_resumed_nothing_is_paid_twice() {
    let (desk, server) = (Desk::new(), Server::start());
    let project = project(&desk, &server, "0.06 USD");
    let ended = run(&desk, &project, "r1").ends(4);
    let line = "raise `money` of grants.model under [agents.note] in bailiwick.toml";
    assert!(ended.stderr.contains(line), "{}", ended.stderr);
    let asked = server.asked();
    assert!((1..6).contains(&asked), "{asked}");
    let shown = desk.shown("r1");
    assert_eq!(shown["state"], "paused", "{shown}");
    assert!((money(&shown) - 0.003 * asked as f64).abs() < 1e-9, "{shown}");
    // Without more it is parked again, and nothing leaves.
    resume(&desk, &project, "r1").ends(4);
    assert_eq!(server.asked(), asked);
    // What the file says now is not what the run was started with.
    project.change(OPERATORS, "\"0.06 USD\"", "\"1.00 USD\"");
    resume(&desk, &project, "r1").ends(4);
    assert_eq!(server.asked(), asked);
    resume(&desk, &project, "r1").option("repin", "budgets").ends(0);
    assert_eq!(server.asked(), 6, "one request for each note");
    let shown = desk.shown("r1");
    assert_eq!(shown["state"], "done", "{shown}");
    assert!((money(&shown) - 0.018).abs() < 1e-9, "{shown}");
}

#[test]
fn the_day_of_a_project_is_counted_over_runs_and_processes() {
    let (desk, server) = (Desk::new(), Server::start());
    let project = project(&desk, &server, "1.00 USD");
    let policy = desk.file(
        "policy.toml",
        "labels = { unlabelled = \"public\" }\nper-day = { calls = 8 }\n[ceiling.\"local/*\"]\nmodel = {}\n\
         limits = { wall = \"10 min\" }\n",
    );
    run(&desk, &project, "r1").option("policy", &policy).ends(0);
    assert_eq!(server.asked(), 6);
    let ended = run(&desk, &project, "r2").option("policy", &policy).ends(4);
    assert_eq!(server.asked(), 8);
    for why in [
        "the project today has used 8 of 8 calls",
        "parked",
        "at midnight UTC there is a new budget",
    ] {
        assert!(ended.stderr.contains(why), "{why}: {}", ended.stderr);
    }
    assert!(!ended.stderr.contains("running"), "{}", ended.stderr);
    let listed = desk.bailiwick(["runs"]).option("data", desk.data()).ends(0).stdout;
    assert!(listed.contains("0.006 USD, until midnight UTC\n"), "{listed}");
    // The ceiling of now holds, also for what was pinned before it.
    let raised = std::fs::read_to_string(&policy).unwrap().replace("calls = 8", "calls = 12");
    std::fs::write(&policy, raised).unwrap();
    resume(&desk, &project, "r2").option("policy", &policy).ends(0);
    assert_eq!(server.asked(), 12);
}

#[test]
fn money_without_a_price_is_an_error_before_anything_is_asked() {
    let (desk, server) = (Desk::new(), Server::start());
    let project = project(&desk, &server, "1.00 USD");
    let price = ", price = { input = \"10 USD\", output = \"100 USD\" }";
    project.change(OPERATORS, price, "");
    // A server of this machine is nobody's bill.
    desk.bailiwick(["check"]).option("project", project.path()).ends(0);
    project.change(
        OPERATORS,
        &format!("http://127.0.0.1:{}", server.port),
        "https://api.example.com",
    );
    let told = desk.bailiwick(["check"]).option("project", project.path()).ends(2).stderr;
    assert!(told.contains("E076") && told.contains("price = { input = \"3 USD\""), "{told}");
    let told = run(&desk, &project, "r1").ends(2).stderr;
    assert!(told.contains("E076"), "{told}");
    assert_eq!(server.asked(), 0);
}

#[test]
fn check_says_what_a_pipeline_may_cost() {
    let desk = Desk::new();
    agent("note");
    let told = desk.bailiwick(["check"]).option("project", example("04-budget")).ends(0).stdout;
    for line in [
        "  at worst: 6 attempts\n",
        "  budgets stop a run at 0.05 USD, 4 calls\n",
        "  one call in each attempt would be reserved at 6 calls, 61 440 tokens, 0.0147456 USD ",
    ] {
        assert!(told.contains(line), "{line}\n{told}");
    }
}
