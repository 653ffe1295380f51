//! Agents in Rust, Python and TypeScript side by side: one pipeline of all three, and each template from `new` to its first output.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod end_to_end;

use std::path::{Path, PathBuf};
use std::process::Command;

use end_to_end::journal::Journal;
use end_to_end::{Call, Desk, agent, example, folder, root};

const EXAMPLE: &str = "08-languages";

/// The example with this desk's data. Its agents have to be built.
fn run(desk: &Desk, id: &str) -> Call {
    agent("hello");
    let project = example(EXAMPLE);
    for name in ["verse", "card"] {
        let built = project.join(format!("agents/{name}/dist/{name}.wasm"));
        assert!(built.is_file(), "{} is not there; run: cargo xtask guests", built.display());
    }
    let call = desk.run(&project).option("input", project.join("input.json"));
    call.option("run-id", id)
}

fn replay(desk: &Desk, id: &str) -> serde_json::Value {
    let call = desk.bailiwick(["replay", id, "--json"]).option("data", desk.data());
    call.ends(0).json()
}

#[test]
fn three_languages_make_cards_that_replay_equal() {
    let desk = Desk::new();
    let cards = run(&desk, "cards").ends(0).json()["cards"].clone();
    assert_eq!(cards.as_array().map(Vec::len), Some(3), "{cards}");
    for card in cards.as_array().unwrap() {
        assert_eq!(card["value"]["picture"]["media_type"], "image/svg+xml", "{card}");
        assert!(card["value"]["caption"].as_str().unwrap().contains(" words of "), "{card}");
    }
    // What both interpreters print is in the log.
    let log = desk.bailiwick(["logs", "cards"]).option("data", desk.data()).ends(0).stdout;
    assert!(log.contains("wrapped into ") && log.contains("a card for name="), "{log}");
    let said = replay(&desk, "cards");
    assert_eq!(said["equal"], 9, "{said}");
    assert_eq!(said["attempts"].as_array().map(Vec::len), Some(9), "{said}");
}

#[test]
fn a_host_that_is_killed_in_any_of_them_goes_on_to_the_same_cards() {
    let uncut = Desk::new();
    run(&uncut, "cards").option("out", uncut.out()).ends(0);
    // The second start is in Rust; the calls are of Python, the ends of the last cells of
    // TypeScript.
    for fault in ["CellStarted:2", "CallAnswered:1", "CallAnswered:3", "CellFinished:8"] {
        let desk = Desk::new();
        let call = run(&desk, "cards").option("out", desk.out());
        call.option("inject", format!("crash-after={fault}")).dies();
        let resumed = desk.bailiwick(["resume", "cards"]).option("project", example(EXAMPLE));
        resumed.option("data", desk.data()).option("out", desk.out()).ends(0);
        folder::assert_equal(&uncut.out(), &desk.out());
        Journal::of(&desk, "cards").did_nothing_twice();
        assert_eq!(replay(&desk, "cards")["equal"], 9, "{fault}");
    }
}

/// PATH with the tools that `cargo xtask guests` installs.
fn path() -> String {
    let tools = root().join("target/tools/languages/bin");
    let tool = tools.join("componentize-py");
    assert!(tool.is_file(), "{} is not there; run: cargo xtask guests", tool.display());
    format!("{}:{}", tools.display(), std::env::var("PATH").unwrap_or_default())
}

/// Makes an agent in a language, runs its unit tests, builds it and runs it in the project
/// that comes with it, as its README says.
fn from_new_to_output(language: &str, tests: &[&str]) {
    let desk = Desk::new();
    let place = desk.path("authors");
    let made = desk.bailiwick(["new", "my_agent", "--lang", language]).option("in", &place);
    assert!(made.ends(0).stderr.contains("bailiwick build "), "{language}");
    let folder = place.join("my_agent");
    if language == "typescript" {
        // In the place of `npm install`: the same packages, without a network.
        let installed = root().join("sdk/js/node_modules");
        std::os::unix::fs::symlink(installed, folder.join("node_modules")).unwrap();
    }
    if let [program, words @ ..] = tests {
        let mut command = Command::new(program);
        command.args(words).current_dir(&folder).env("PATH", path());
        command.env("CARGO_TARGET_DIR", shared_target());
        let tested = command.output().unwrap();
        let told = String::from_utf8_lossy(&tested.stdout);
        let words = String::from_utf8_lossy(&tested.stderr);
        assert!(tested.status.success(), "{told}\n{words}");
    }
    let build = desk.bailiwick(["build"]).word(&folder).env("PATH", &path());
    let build = build.env("CARGO_TARGET_DIR", &shared_target());
    let built = built(&folder);
    assert_eq!(build.ends(0).stdout.trim(), built.display().to_string());
    desk.bailiwick(["conform"]).word(&folder).ends(0);
    let tested = desk.bailiwick(["test"]).word(&folder).ends(0).stdout;
    assert_eq!(tested, "ok   greets\n1 case: 1 passed, 0 failed\n");
    let project = folder.join("try");
    let ran = desk.run(&project).option("input", project.join("input.json"));
    assert_eq!(ran.ends(0).json()["result"]["greeting"], "Hello, Ada!");
}

/// Where the agents of this repository are compiled: `std` and the crates are there.
fn shared_target() -> String {
    let usual = || root().join("agents/target").display().to_string();
    std::env::var("CARGO_TARGET_DIR").unwrap_or_else(|_| usual())
}

fn built(folder: &Path) -> PathBuf {
    folder.join("dist/my_agent.wasm")
}

#[test]
fn a_new_python_agent_runs() {
    from_new_to_output("python", &["python3", "-m", "unittest"]);
}

#[test]
fn a_new_typescript_agent_runs() {
    from_new_to_output("typescript", &["npm", "test"]);
}

#[test]
fn a_new_rust_agent_runs() {
    from_new_to_output("rust", &["cargo", "test", "--quiet"]);
}

/// Builds an agent of a source in `tests/languages`.
fn build(desk: &Desk, source: &str, toml: &str) {
    let (name, kind) = source.split_once('.').unwrap();
    let language = if kind == "py" { "python" } else { "typescript" };
    let text = std::fs::read_to_string(root().join("host/cli/tests/languages").join(source));
    desk.file(&format!("{language}-{name}/agent.{kind}"), &text.unwrap());
    let toml = format!("{toml}\n[build]\nlanguage = \"{language}\"\n");
    let agent = desk.file(&format!("{language}-{name}/agent.toml"), &toml);
    let build = desk.bailiwick(["build"]).word(agent.parent().unwrap());
    build.env("PATH", &path()).ends(0);
}

#[test]
fn agents_of_both_languages_call_others_and_see_how_they_failed() {
    let desk = Desk::new();
    let wants = "[wants]\ndelegate = { use = [\"tells\"], reason = \"asks\" }\n";
    build(&desk, "asks.py", wants);
    build(&desk, "asks.ts", wants);
    build(&desk, "tells.ts", "");
    let pipeline = r#"
input = { ends = ["string"], whom = "string" }

[step.python]
agent = "python"
input = { ends = "${input.ends}", whom = "${input.whom}" }

[step.typescript]
agent = "typescript"
input = { ends = "${input.ends}", whom = "${input.whom}" }

[output]
python     = "${python.told}"
typescript = "${typescript.told}"
"#;
    desk.file("pipelines/calls.toml", pipeline);
    let project = r#"
[agents.python]
component       = "python-asks"
grants.delegate = ["tells"]

[agents.typescript]
component       = "typescript-asks"
grants.delegate = ["tells"]

[agents.tells]
component = "typescript-tells"
limits    = { cpu = "1 s" }
"#;
    let project = desk.file("bailiwick.toml", project);
    let told = |whom: &str, ends: &[&str]| {
        let input = serde_json::json!({ "whom": whom, "ends": ends }).to_string();
        let input = desk.file("input.json", &input);
        let out = desk.run(project.parent().unwrap()).option("input", input).ends(0).json();
        assert_eq!(out["python"], out["typescript"]);
        out["python"].clone()
    };
    let long = "x".repeat(21);
    let ends = ["well", "invalid", "refused", "retryable", "fatal", "limit", &long];
    // The same ends, told by a script.
    let script = serde_json::json!({ "delegate": { "tells": [
        "well", { "fails": "invalid-input" }, { "fails": "retryable" }, { "fails": "fatal" }
    ] } });
    let told_by_script = ["well", "invalid-input: as", "retryable: as", "fatal: as"];
    for agent in ["python-asks", "typescript-asks"] {
        let file = |name: &str, text: &serde_json::Value| {
            desk.file(&format!("{agent}/cases/script/{name}"), &text.to_string());
        };
        file("input.json", &serde_json::json!({ "whom": "tells", "ends": ["a", "b", "c", "d"] }));
        file("answers.json", &script);
        let like = told_by_script.map(|text| serde_json::json!({ "pattern": format!("^{text}") }));
        let like = serde_json::json!({ "properties": { "told": { "prefixItems": like } } });
        file("expected.schema.json", &like);
        desk.bailiwick(["test"]).word(desk.path(agent)).ends(0);
        desk.bailiwick(["conform"]).word(desk.path(agent)).ends(0);
    }
    let all = told("tells", &ends);
    let all: Vec<&str> = all.as_array().unwrap().iter().map(|one| one.as_str().unwrap()).collect();
    let [known @ .., not_in_its_schema] = all.as_slice() else { panic!("{all:?}") };
    let expected = [
        "well",
        "invalid-input: end: no",
        "refused: ",
        "retryable: later",
        "fatal: never",
        "limit: ",
    ];
    assert_eq!(known, expected);
    assert!(not_in_its_schema.starts_with("invalid-input: "), "{all:?}");
    assert_eq!(told("somebody", &["well"]), serde_json::json!(["denied delegate"]));
}

#[test]
fn what_bindings_cannot_convert_is_an_exception_and_no_trap() {
    let desk = Desk::new();
    let wants = r#"[wants]
model     = { use = ["writer"], reason = "x" }
knowledge = { use = ["brand"], reason = "x" }
artifacts = { put = "1 KiB", reason = "x" }
kv        = { write = true, reason = "x" }
delegate  = { use = ["other"], reason = "x" }
"#;
    let whole = "tea \u{fffd}";
    let answers = serde_json::json!({
        "model": { "writer": ["Tea."] },
        "knowledge": { "brand": ["Our tea is calm."] },
        "kv": {},
        "delegate": { "other": ["heard"] },
    });
    for (source, max_tokens, prompt, media_type, size) in [
        ("crosses.py", "max_tokens", "messages[0].parts[0]", "media_type", "artifact.bytes"),
        ("crosses.ts", "maxTokens", "messages[0].parts", "mediaType", "artifact.bytes"),
    ] {
        build(&desk, source, wants);
        let folder = if source.ends_with("py") { "python-crosses" } else { "typescript-crosses" };
        let file = |name: &str, text: &serde_json::Value| {
            desk.file(&format!("{folder}/cases/{name}"), &text.to_string());
        };
        file("caught/input.json", &serde_json::json!({ "caught": true }));
        file("caught/answers.json", &answers);
        let wrong = |field: &str| format!("TypeError: {field}");
        let told = [
            whole.to_owned(),
            "Tea.".to_owned(),
            wrong(max_tokens),
            wrong("seed"),
            wrong(prompt),
            "Our tea is calm.".to_owned(),
            wrong("limit"),
            "2".to_owned(),
            wrong(media_type),
            wrong(size),
            "None".to_owned(),
            whole.to_owned(),
            wrong("key"),
            "heard".to_owned(),
            wrong("agent"),
        ];
        file("caught/expected.json", &serde_json::json!(told));
        file("uncaught/input.json", &serde_json::json!({ "caught": false }));
        let failure = serde_json::json!({ "kind": "fatal", "contains": "TypeError: limit: " });
        file("uncaught/failure.json", &failure);
        desk.bailiwick(["test"]).word(desk.path(folder)).ends(0);
    }
}

#[test]
fn a_missing_tool_is_named_with_the_line_that_installs_it() {
    let desk = Desk::new();
    for (language, line) in [
        ("python", ".venv/bin/pip install componentize-py==0.25.1"),
        (
            "typescript",
            "npm install --save-dev --ignore-scripts esbuild@0.28.2 componentize-qjs@0.4.5",
        ),
    ] {
        let place = desk.path(language);
        desk.bailiwick(["new", "mine", "--lang", language]).option("in", &place).ends(0);
        let build = desk.bailiwick(["build"]).word(place.join("mine")).env("PATH", "/nonexistent");
        let told = build.ends(2).stderr;
        assert!(told.contains("E140"), "{told}");
        let told: String = told.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(told.contains("is not installed"), "{told}");
        assert!(told.replace(' ', "").contains(&line.replace(' ', "")), "{told}");
    }
}

#[test]
fn a_source_that_is_wrong_is_told_in_the_words_of_its_tool() {
    let desk = Desk::new();
    for (language, file, from, to, words) in [
        ("python", "agent.py", "-> Welcome:", ":", "it does not say what it returns"),
        ("typescript", "agent.ts", "perform(guest, host) {", "perform(guest, host) {{", "ERROR"),
        (
            "typescript",
            "agent.ts",
            "version: \"0.1.0\"",
            "version: \"one\"",
            "is no semantic version",
        ),
    ] {
        let place = desk.path(&format!("{language}-{}", words.len()));
        desk.bailiwick(["new", "mine", "--lang", language]).option("in", &place).ends(0);
        let source = place.join("mine").join(file);
        let text = std::fs::read_to_string(&source).unwrap();
        assert!(text.contains(from), "{file}");
        std::fs::write(&source, text.replacen(from, to, 1)).unwrap();
        let build = desk.bailiwick(["build"]).word(place.join("mine")).env("PATH", &path());
        let told = build.ends(2).stderr;
        assert!(told.contains(words), "{words}: {told}");
    }
}
