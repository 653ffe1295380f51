//! Values that last from run to run, through the whole host: who writes, who reads, what a failed attempt leaves, what an audit says.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod support;

use support::{Does, Guest, World, given, told};

const KV: &str = r#"
  (import "bailiwick:agent/kv@0.1.0" "get" (func $get (param i32 i32 i32)))
  (import "bailiwick:agent/kv@0.1.0" "set" (func $set (param i32 i32 i32 i32 i32)))
  (data (i32.const 9000) "key")
  (data (i32.const 9100) "null")"#;

/// What it was called with lies at the sixth parameter, as long as the seventh says.
const SETS: &str =
    "(call $set (i32.const 9000) (i32.const 3) (local.get 5) (local.get 6) (i32.const 1200))
    (if (i32.load8_u (i32.const 1200)) (then (unreachable)))";

/// Answers the value of the key, or `null`.
const GETS: &str = "(call $get (i32.const 9000) (i32.const 3) (i32.const 1200))
    (if (i32.load8_u (i32.const 1200)) (then (unreachable)))
    (i32.store (i32.const 1024) (i32.const 0))
    (i32.store (i32.const 1028) (i32.const 9100))
    (i32.store (i32.const 1032) (i32.const 4))
    (if (i32.load8_u (i32.const 1204)) (then
        (i32.store (i32.const 1028) (i32.load (i32.const 1208)))
        (i32.store (i32.const 1032) (i32.load (i32.const 1212)))))
    (return (i32.const 1024))";

fn guest(body: &str) -> Guest {
    // An agent that gets nothing imports nothing that it does not call.
    Guest { imports: KV.into(), ..Guest::does(Does::Runs(body.into())) }
}

const OPERATORS: &str = r#"
[agents.writer]
component = "agents/writer"
grants.kv = { namespace = "notes" }
[agents.breaker]
component = "agents/breaker"
grants.kv = { namespace = "notes" }
[agents.reader]
component = "agents/reader"
grants.kv = { namespace = "notes" }
[kv.notes]
readers = ["reader"]
writers = ["writer", "breaker"]
"#;

/// A pipeline of one step, done by this agent with this input.
fn pipeline(agent: &str) -> String {
    format!(
        "input = {{ value = \"any\" }}\n[step.one]\nagent = {agent:?}\ninput = \"${{input.value}}\"\n\
         [output]\nresult = \"${{one}}\"\n"
    )
}

fn world() -> World {
    let world = World::new();
    let wants = "[wants]\nkv = { write = true, reason = \"a test\" }\n";
    let bodies = [
        ("writer", format!("{SETS} {GETS}")),
        ("breaker", format!("{SETS} (unreachable)")),
        ("reader", GETS.to_owned()),
    ];
    for (name, body) in bodies {
        // All import both: what a reader sets, it is denied.
        world.source(name, &guest(&body), wants);
        let built = world.run(["build", &format!("agents/{name}")]);
        assert!(built.status.success(), "{}", told(&built));
        world.write(&format!("pipelines/{name}.toml"), pipeline(name));
    }
    world.write("bailiwick.toml", OPERATORS);
    world
}

/// Runs the pipeline of an agent; its exit code and the result.
fn ran(world: &World, agent: &str, value: &str) -> (i32, String) {
    world.write("input.json", format!("{{\"value\":{value}}}"));
    let run = world.run(["run", agent, "--input", "input.json"]);
    let output = given(&run);
    let output: serde_json::Value = serde_json::from_str(&output).unwrap_or_default();
    (run.status.code().unwrap(), output["result"].to_string())
}

#[test]
fn what_a_finished_attempt_wrote_the_next_run_reads_and_a_failed_one_wrote_nothing() {
    let world = world();
    assert_eq!(ran(&world, "reader", "0"), (0, "null".into()));
    assert_eq!(ran(&world, "writer", "{\"n\":1}"), (0, "{\"n\":1}".into()), "it sees its own");
    assert_eq!(ran(&world, "reader", "0"), (0, "{\"n\":1}".into()));
    assert_ne!(ran(&world, "breaker", "\"broken\"").0, 0);
    assert_eq!(ran(&world, "reader", "0"), (0, "{\"n\":1}".into()));
    let verified = world.run(["audit", "verify"]);
    assert!(verified.status.success(), "{}", told(&verified));
    let host = given(&world.run(["audit", "export"]));
    assert_eq!(
        host.matches("KvWritten").count(),
        2,
        "in the run's stream and in the host's: {host}"
    );
}

/// Another label in the file makes nothing public that was written as confidential.
#[test]
fn what_was_written_as_confidential_stays_so_whatever_the_file_calls_it() {
    let world = world();
    let labelled = |label: &str| {
        world.write("bailiwick.toml", format!("{OPERATORS}label = {label:?}\n"));
    };
    let way = || {
        let checked = world.run(["check", "--labels"]);
        format!("{}{}", given(&checked), told(&checked))
    };
    let reads = |label: &str| format!("reads the namespace `notes`: {label}");
    labelled("public");
    assert!(way().contains(&reads("public")), "{}", way());
    labelled("confidential");
    assert_eq!(ran(&world, "writer", "1").0, 0);
    labelled("public");
    let (read, said) = (ran(&world, "reader", "0"), way());
    assert!(said.contains(&reads("confidential")) && !said.contains(&reads("public")), "{said}");
    // Whoever runs it without a policy may see everything; the run is labelled all the same.
    assert_eq!(read, (0, "1".into()));
    let runs = given(&world.run(["audit", "export"]));
    let last = runs.lines().rfind(|line| line.contains("RunStarted")).unwrap();
    assert!(last.contains("confidential"), "{last}");
}

#[test]
fn check_says_who_reads_who_writes_and_what_the_ceiling_leaves() {
    let world = world();
    let said = |output: &std::process::Output| format!("{}{}", given(output), told(output));
    let checked = said(&world.run(["check"]));
    assert!(checked.contains("notes: read, write up to 16 MiB"), "{checked}");
    assert!(checked.contains("notes: read"), "{checked}");
    assert!(checked.contains("read, write (a test)"), "{checked}");
    world.write("policy.toml", "[ceiling.\"local/*\"]\nkv = { write = false }\n");
    let checked = said(&world.run(["check", "--policy", "policy.toml"]));
    assert!(checked.contains("E072") && checked.contains("a writer of notes"), "{checked}");
}
