//! `bailiwick suggest-grants`, end to end: grants that are too wide become what was used, the same runs come out equal, and the next run still succeeds.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod end_to_end;

use std::io::Write as _;
use std::process::{Command, Stdio};

use end_to_end::guest::Guest;
use end_to_end::project::{OPERATORS, Project};
use end_to_end::receiver::Receiver;
use end_to_end::{Call, Desk, example};
use serde_json::Value;

fn suggest(desk: &Desk, project: &Project) -> Call {
    let call = desk.bailiwick(["suggest-grants"]);
    call.option("project", project.path()).option("data", desk.data())
}

fn run(desk: &Desk, project: &Project, input: &str, id: &str) -> Call {
    let input = project.path().join(input);
    desk.run(project.path()).option("input", input).option("run-id", id)
}

fn operators(project: &Project) -> String {
    std::fs::read_to_string(project.path().join(OPERATORS)).unwrap()
}

/// The lines of the file that mention a word.
fn lines(project: &Project, word: &str) -> Vec<String> {
    let text = operators(project);
    text.lines().filter(|line| line.contains(word)).map(str::to_owned).collect()
}

/// Applies a patch as people do; without the tool, in its place.
fn patched(desk: &Desk, project: &Project, patch: &str) {
    let tool = Command::new("patch")
        .args(["-p1", "--quiet"])
        .current_dir(project.path())
        .stdin(Stdio::piped())
        .spawn();
    let Ok(mut tool) = tool else {
        suggest(desk, project).word("--write").ends(0);
        return;
    };
    tool.stdin.take().unwrap().write_all(patch.as_bytes()).unwrap();
    assert!(tool.wait().unwrap().success(), "{patch}");
}

/// The fan-out with more than it needs.
fn wide(desk: &Desk) -> Project {
    let project = Project::like(desk, "02-fan-out");
    project.change(
        OPERATORS,
        "{ use = [\"writer\"], calls = 60, tokens = 100_000 }",
        "{ use = [\"spare\", \"writer\"], calls = 60_000, tokens = 100_000_000 } # a note",
    );
    project.change(OPERATORS, "[\"handbook\"]", "[\"handbook\", \"other\"]");
    project.change(OPERATORS, "wall = \"10 min\"", "wall = \"10 min\", cpu = \"5 s\"");
    project.change(OPERATORS, "/check\"", "/check\"\ngrants.artifacts = { put = \"1 MiB\" }");
    let more = "\n[models.spare]\nroutes = [{ provider = \"builtin\" }]\n\n[knowledge.other]\nfolder = \"other\"\n";
    let text = operators(&project) + more;
    std::fs::write(project.path().join(OPERATORS), text).unwrap();
    desk.file("project/other/x.md", "# Nothing\n\nto be found.\n");
    project
}

#[test]
fn grants_become_what_was_used_and_the_same_runs_come_out_equal() {
    let desk = Desk::new();
    let project = wide(&desk);
    let first = run(&desk, &project, "input.json", "one").ends(0).stdout;
    run(&desk, &project, "input.json", "two").ends(0);
    let before = operators(&project);
    let told = suggest(&desk, &project).ends(0).stdout;
    for line in [
        "This is a lint: what was not used so far may be needed tomorrow.",
        "Done again under what is proposed, and equal:",
        "  one: 15 attempts equal",
        "  two: 15 attempts equal",
        "half as much again as the most of one run",
        "+++ b/bailiwick.toml",
    ] {
        assert!(told.contains(line), "{line}: {told}");
    }
    assert_eq!(operators(&project), before, "nothing is written without being asked for");
    let patch = suggest(&desk, &project).word("--patch").ends(0).stdout;
    assert!(patch.starts_with("--- a/bailiwick.toml\n") && told.ends_with(&patch), "{patch}");
    patched(&desk, &project, &patch);
    let model = &lines(&project, "grants.model")[0];
    assert!(model.contains("use = [\"writer\"]") && model.ends_with("# a note"), "{model}");
    let number = |key: &str| {
        let rest = model.split_once(&format!("{key} = ")).unwrap().1;
        let digits = rest.chars().take_while(|c| c.is_ascii_digit() || *c == '_');
        digits.filter(|c| *c != '_').collect::<String>().parse::<u64>().unwrap()
    };
    assert!(number("calls") <= 50 && number("tokens") <= 200_000, "{model}");
    assert!(lines(&project, "grants.artifacts").is_empty(), "{}", operators(&project));
    assert_eq!(lines(&project, "grants.knowledge"), ["grants.knowledge = [\"handbook\"]"]);
    assert_eq!(lines(&project, "limits"), ["limits       = { wall = \"10 min\", cpu = \"1 s\" }"]);
    let comments = |text: &str| text.matches('#').count();
    assert_eq!(comments(&operators(&project)), comments(&before));
    desk.bailiwick(["check"]).option("project", project.path()).ends(0);
    desk.bailiwick(["replay", "one"]).option("data", desk.data()).ends(0);
    assert_eq!(run(&desk, &project, "input.json", "three").ends(0).stdout, first);
    let again = suggest(&desk, &project).ends(0).stdout;
    assert!(again.contains("Nothing smaller is suggested."), "{again}");
    assert!(again.contains("it used all that it is granted"), "{again}");
    assert_eq!(suggest(&desk, &project).word("--patch").ends(0).stdout, "");
}

#[test]
fn what_cannot_be_written_into_the_file_is_told_all_the_same() {
    let desk = Desk::new();
    let project = Project::like(&desk, "02-fan-out");
    // Dotted keys between braces are not taken out one by one.
    let dotted = "grants = { model.use = [\"writer\"], model.calls = 60_000, \
                  artifacts = { put = \"1 MiB\" } }";
    let plain = "grants.model = { use = [\"writer\"], calls = 60, tokens = 100_000 }";
    project.change(OPERATORS, plain, dotted);
    run(&desk, &project, "input.json", "one").ends(0);
    let before = operators(&project);
    let told = suggest(&desk, &project).ends(0).stdout;
    let why = "stands in a form that is not edited here";
    for line in ["  artifacts  used ", "There is no patch: ", why, "write it by hand"] {
        assert!(told.contains(line), "{line}: {told}");
    }
    assert!(!told.contains("+++") && !told.contains("Nothing smaller"), "{told}");
    let said = suggest(&desk, &project).word("--json").ends(0).json();
    assert!(said["unwritten"].as_str().unwrap().contains(why) && said["patch"] == "", "{said}");
    for asked in ["--patch", "--write"] {
        let refused = suggest(&desk, &project).word(asked).ends(2);
        assert!(refused.stderr.contains("E172") && refused.stdout.is_empty(), "{}", refused.stderr);
    }
    assert_eq!(operators(&project), before);
}

#[test]
fn the_campaign_runs_on_what_it_used() {
    let desk = Desk::new();
    let project = Project::like(&desk, "10-campaign");
    let decisions = example("10-campaign").join("decisions.toml");
    let campaign = |id: &str| {
        run(&desk, &project, "brief.json", id).option("decisions", &decisions).ends(0).json()
    };
    let first = campaign("one");
    let said = suggest(&desk, &project).word("--json").word("--write").ends(0).json();
    let power = |agent: &str, power: &str| -> Value {
        let agents = said["agents"].as_array().unwrap();
        let agent = agents.iter().find(|one| one["agent"] == agent).unwrap();
        let powers = agent["powers"].as_array().unwrap();
        powers.iter().find(|one| one["power"] == power).unwrap().clone()
    };
    let painter = power("visual", "model");
    assert!(painter["because"].as_str().unwrap().contains("an import needs a grant"), "{painter}");
    let publish = said["agents"].as_array().unwrap().iter().find(|one| one["agent"] == "publish");
    let notes = &publish.unwrap()["notes"];
    assert_eq!(
        notes[0], "it never worked in these runs: its grants stay",
        "the brief names nobody"
    );
    assert_eq!(power("visual", "assets")["changes"], false, "its inputs name the brand's files");
    assert_eq!(power("visual", "artifacts")["changes"], true, "64 MiB were not needed");
    assert_eq!(campaign("two").to_string(), first.to_string());
    let again = suggest(&desk, &project).word("--json").ends(0).json();
    assert_eq!(again["patch"], "", "{again}");
    assert_eq!(again["replayed"].as_array().unwrap().len(), 2);
}

#[test]
fn values_and_other_agents_keep_what_they_used() {
    for name in ["06-memory", "07-delegate"] {
        let desk = Desk::new();
        let project = Project::like(&desk, name);
        if name == "07-delegate" {
            project.change(OPERATORS, "[\"fact_finder\"]", "[\"fact_finder\", \"idle\"]");
            let text = operators(&project);
            let idle = text.replace("[agents.fact_finder]", "[agents.idle]");
            let idle = idle.split("[agents.idle]").nth(1).unwrap().split("\n\n").next().unwrap();
            let text = format!("{text}\n[agents.idle]{idle}\n");
            std::fs::write(project.path().join(OPERATORS), text).unwrap();
        }
        run(&desk, &project, "input.json", "one").ends(0);
        let told = suggest(&desk, &project).word("--write").ends(0).stdout;
        if name == "07-delegate" {
            assert_eq!(lines(&project, "grants.delegate"), ["grants.delegate = [\"fact_finder\"]"]);
            assert!(told.contains("those whom it calls count"), "{told}");
            assert!(told.contains("its component worked as fact_finder"), "{told}");
        } else {
            assert!(told.contains("3 writes"), "{told}");
            assert_eq!(lines(&project, "writers"), ["writers = [\"remember\"]"]);
        }
        run(&desk, &project, "input.json", "two").ends(0);
        let again = suggest(&desk, &project).ends(0).stdout;
        assert!(again.contains("Nothing smaller is suggested."), "{name}: {again}");
    }
}

/// An agent that asks for this URL, and goes on whatever it is told.
fn asks(url: &str) -> Guest {
    let extra = format!(
        "(data (i32.const 4096) \"GET\") (data (i32.const 4200) {url:?}) (data (i32.const 8000) \"{{}}\")"
    );
    let perform = format!(
        "(call $fetch (i32.const 4096) (i32.const 3) (i32.const 4200) (i32.const {})
            (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 1200))
         (return (call $ok (i32.const 8000) (i32.const 2)))",
        url.len()
    );
    Guest {
        wants: "http = { hosts = [\"127.0.0.1\"], reason = \"tests\" }",
        imports: r#"(import "bailiwick:agent/http@0.1.0" "fetch"
            (func $fetch (param i32 i32 i32 i32 i32 i32 i32 i32 i32)))"#,
        extra,
        ..Guest::new("asker", &perform)
    }
}

/// A project of one step with an agent that asks for a path of a receiver, granted more.
fn asking(desk: &Desk, receiver: &Receiver, path: &str, more: &str) -> Project {
    let folder = asks(&receiver.url(path)).build(desk);
    let rule = format!(
        "scheme = \"http\"\nhost = \"127.0.0.1\"\nport = {}\nnetwork = \"loopback\"\n",
        receiver.port
    );
    let operators = format!(
        "[agents.asker]\ncomponent = {folder:?}\n# What it reads.\n[[agents.asker.grants.http]]\n{rule}methods = [\"GET\", \"POST\"]\npaths = [\"/v1/**\"]\n\
         # With the key.\n[[agents.asker.grants.http]]\n{rule}paths = [\"/keyed/*\"]\n{more}\n"
    );
    let pipeline = "[step.ask]\nagent = \"asker\"\ninput = {}\n[output]\nask = \"${ask}\"\n";
    desk.file(
        "policy.toml",
        &format!(
            "labels = {{ unlabelled = \"public\" }}\n[ceiling.\"local/*\"]\nhttp = [{{ scheme = \"http\", host = \"127.0.0.1\", port = {}, methods = [\"GET\", \"HEAD\", \"POST\"], paths = [\"/**\"], network = \"loopback\", credential = \"token\" }}]\n\
             [credentials.token]\nenv = \"TOKEN\"\norigin = {:?}\n",
            receiver.port,
            receiver.url("")
        ),
    );
    Project::of(desk, &[(OPERATORS, operators.as_str()), ("pipelines/ask.toml", pipeline)])
}

#[test]
fn a_rule_becomes_what_went_through_it_and_a_credential_that_nobody_used_goes() {
    let receiver = Receiver::start(|_| (String::new(), "{\"news\":1}".into()));
    let desk = Desk::new();
    let project = asking(&desk, &receiver, "/v1/news/today", "credential = \"token\"");
    let policy = desk.path("policy.toml");
    let run = |id: &str| {
        desk.run(project.path()).option("policy", &policy).option("run-id", id).ends(0);
    };
    run("one");
    let patch = suggest(&desk, &project).option("policy", &policy).word("--patch").ends(0).stdout;
    patched(&desk, &project, &patch);
    let text = operators(&project);
    assert!(text.contains("methods = [\"GET\"]\npaths = [\"/v1/news/today\"]\n"), "{text}");
    assert!(!text.contains("credential") && text.matches("grants.http").count() == 1, "{text}");
    assert!(text.contains("# What it reads.") && text.contains("# With the key."), "{text}");
    run("two");
    assert_eq!(receiver.requests().len(), 2, "a replay asks nobody");
    let again = suggest(&desk, &project).option("policy", &policy).ends(0).stdout;
    assert!(again.contains("Nothing smaller is suggested."), "{again}");
}

#[test]
fn what_was_denied_is_no_use_and_is_proposed_to_nobody() {
    let receiver = Receiver::start(|_| (String::new(), "{}".into()));
    let desk = Desk::new();
    let project = asking(&desk, &receiver, "/secrets", "");
    let policy = desk.path("policy.toml");
    desk.run(project.path()).option("policy", &policy).option("run-id", "one").ends(0);
    let told = suggest(&desk, &project).option("policy", &policy).ends(0).stdout;
    for line in ["not used; 1 denied, which is no use of it", "imports it", "Nothing smaller"] {
        assert!(told.contains(line), "{line}: {told}");
    }
    assert!(!told.contains("/secrets"), "{told}");
}

#[test]
fn what_cannot_be_gone_by_is_left_out_with_its_reason() {
    let desk = Desk::new();
    let project = Project::like(&desk, "03-approval");
    let nothing = suggest(&desk, &project).ends(0).stdout;
    assert!(nothing.contains("nothing is recorded of this project yet"), "{nothing}");
    run(&desk, &project, "input.json", "waits").ends(3);
    let waits = suggest(&desk, &project).ends(0).stdout;
    assert!(waits.contains("waits: it has not ended: it is waiting"), "{waits}");
    assert!(waits.contains("it never worked in these runs: its grants stay"), "{waits}");
    assert!(suggest(&desk, &project).word("nobody").ends(2).stderr.contains("E134"));
    let decisions = example("03-approval").join("decisions.toml");
    run(&desk, &project, "input.json", "done").option("decisions", decisions).ends(0);
    // Another component serves by now.
    project.change(OPERATORS, "/agents/note\"", "/agents/check\"");
    let text = operators(&project);
    let bare: String = text
        .lines()
        .filter(|line| !line.contains("grants"))
        .fold(String::new(), |text, line| text + line + "\n");
    std::fs::write(project.path().join(OPERATORS), bare).unwrap();
    std::fs::remove_dir_all(project.path().join("pipelines")).unwrap();
    desk.file(
        "project/pipelines/one.toml",
        "[step.one]\nagent = \"note\"\ninput = { subject = \"x\" }\n[output]\none = \"${one}\"\n",
    );
    let swapped = suggest(&desk, &project).ends(0).stdout;
    assert!(swapped.contains("every agent of it is another component today"), "{swapped}");
}
