//! The projects in which the matrix is tried: files as people write them, in a folder that nobody needs. Runs nothing.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::guests::{HOSTILE, NEIGHBOUR};
use super::{Attempt, Files, Ground, Guest, Row, Under};
use crate::load::Places;

/// Steps of an honest agent beside the attacks of one run: enough that some of them fall
/// between any two of the others.
pub(super) const NEIGHBOURS: usize = 24;

/// What the receiver must never be given or give away: 32 bytes, so that no answer has it by chance.
pub(super) const SECRET: &str = "matrix-secret-0123456789abcdefgh";

/// A secret that is too short to be told from other words.
const SHORT_SECRET: &str = "short";

/// A text that is longer than any small cap, where a row says `{long}`.
const LONG_BYTES: usize = 2_000;

/// A text that is longer than any URL, where a row says `{wide}`.
const WIDE_BYTES: usize = 9_000;

/// As many as run at once, where a row says `{crowd}`.
const CROWD: usize = 64;

/// What an agent has that a row does not grant: the least with which it is loaded.
const LEAST: [(&str, &str); 4] = [
    ("grants.model", "{ use = [\"tame\"] }"),
    ("grants.knowledge", "[\"open\"]"),
    ("grants.artifacts", "{}"),
    ("grants.http", "[{ host = \"granted.example\", paths = [\"/\"] }]"),
];

const MODELS: &str = r#"
[models.tame]
routes = [{ provider = "builtin" }]
[models.wild]
routes = [{ provider = "builtin" }]
[models.far]
routes = [{ provider = "openai", base = "http://127.0.0.1:{port}/v1", model = "far", price = { input = "5 USD", output = "5 USD" } }]
[knowledge.open]
folder = "open"
[knowledge.shut]
folder = "shut"
[assets.files]
folder = "files"
"#;

/// Every power, as the built-in policy has it, and this machine's loopback for the web.
const WIDE: &str = r#"
labels = { unlabelled = "public" }
[credentials.token]
file = "{folder}/secret"
origin = "http://127.0.0.1:{port}"
loopback = true
[credentials.short]
file = "{folder}/short"
origin = "http://127.0.0.1:{port}"
loopback = true
[ceiling."local/*"]
model = {}
knowledge = {}
assets = {}
artifacts = {}
kv = {}
limits = { log-lines = 10_000, cpu = "30 s" }
http = [
  { host = "*", port = "*", methods = ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"], paths = ["/**"], headers = ["*"] },
  { scheme = "http", host = "*", port = "*", methods = ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"], paths = ["/**"], headers = ["*"] },
  { scheme = "http", host = "*", port = "*", methods = ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"], paths = ["/**"], headers = ["*"], network = "loopback" },
  { scheme = "http", host = "127.0.0.1", port = "*", paths = ["/**"], network = "loopback", credential = "token" },
  { scheme = "http", host = "127.0.0.1", port = "*", paths = ["/**"], network = "loopback", credential = "short" },
]
"#;

const HONEST: &str = "[agents.neighbour]\ncomponent = \"neighbour.wasm\"\n";

/// The policy of a run.
fn policy(under: Under) -> String {
    let of_day = |line: &str| format!("per-day = {{ {line} }}\n{WIDE}");
    match under {
        Under::Wide => WIDE.to_owned(),
        Under::Ceiling => super::rows::CEILING.to_owned(),
        Under::Narrow => super::rows::NARROW.to_owned(),
        Under::DayCalls => of_day("calls = 2"),
        Under::DayTokens => of_day("tokens = 10"),
        Under::DayMoney => of_day("money = \"0.000001 USD\""),
    }
}

/// Writes the project of a run: an agent and a step for each row, and the neighbour.
pub(super) fn write(ground: &Ground, under: Under, rows: &[&Row]) -> io::Result<Places> {
    let place = ground.folder.join(format!("{under:?}").to_lowercase());
    let mut operators = MODELS.to_owned() + HONEST;
    let mut pipeline = format!(
        "when-spent = \"fail\"\n[axes]\nturn = {:?}\n",
        (1..=NEIGHBOURS).map(|turn| format!("turn {turn}")).collect::<Vec<_>>()
    );
    for row in rows {
        if let Attempt::Guest(guest) = &row.attempt {
            operators.push_str(&agent(row.name, guest.agent));
            pipeline.push_str(guest.axis);
        }
    }
    pipeline.push_str(
        "[step.neighbour]\nagent = \"neighbour\"\nover = [\"turn\"]\ninput = { name = \"${axis.turn}\" }\n",
    );
    for row in rows {
        if let Attempt::Guest(guest) = &row.attempt {
            pipeline.push_str(&step(row.name, guest));
        }
    }
    pipeline.push_str("[output]\nneighbour = \"${neighbour}\"\n");
    let files = [
        ("policy.toml", policy(under)),
        ("project/bailiwick.toml", operators),
        ("project/pipelines/main.toml", pipeline),
    ];
    furnish(ground, &place, &files)
}

/// A step of a row; what it does about failures the row may say itself.
fn step(name: &str, guest: &Guest) -> String {
    let Guest { input, step, .. } = guest;
    let tolerate = if step.contains("on-failure") || step.contains("judges") {
        ""
    } else {
        "on-failure = { tolerate = \"100%\" }\n"
    };
    format!("[step.{name}]\nagent = \"{name}\"\ninput = {{ {input} }}\n{tolerate}{step}\n")
}

/// An agent that is the hostile guest, with a namespace of its own.
fn agent(name: &str, lines: &str) -> String {
    // What follows its own table are other tables.
    let tables = lines.find("\n[").map_or(lines.len(), |at| at + 1);
    let (own, others) = lines.split_at(tables);
    let mut text = format!("[agents.{name}]\ncomponent = \"hostile.wasm\"\n{own}\n");
    for (key, least) in LEAST {
        if !lines.contains(key) {
            text.push_str(&format!("{key} = {least}\n"));
        }
    }
    if !lines.contains("grants.kv") {
        text.push_str(&format!("grants.kv = {{ namespace = {name:?}, even-if = \"outside\" }}\n"));
    }
    text.push_str(others);
    text.push('\n');
    if !lines.contains("[kv.") {
        text.push_str(&format!("[kv.{name}]\nwriters = [{name:?}]\n"));
    }
    text
}

/// Writes the project of a row that is refused before anything runs.
pub(super) fn write_files(ground: &Ground, name: &str, files: &Files) -> io::Result<Places> {
    let or = |text: &str, otherwise: &str| match text {
        "" => otherwise.to_owned(),
        text => text.to_owned(),
    };
    let operators = MODELS.to_owned() + &agent("one", files.agent) + files.operators;
    let pipeline = or(
        files.pipeline,
        "[step.one]\nagent = \"one\"\ninput = { attack = \"answer\" }\n[output]\none = \"${one}\"\n",
    );
    let texts = [
        ("policy.toml", or(files.policy, WIDE)),
        ("project/bailiwick.toml", operators),
        ("project/pipelines/main.toml", pipeline),
    ];
    furnish(ground, &ground.folder.join(name), &texts)
}

/// Writes a project whose agent is this file.
pub(super) fn write_component(ground: &Ground, name: &str, bytes: &[u8]) -> io::Result<Places> {
    let nothing = Files { policy: "", agent: "", operators: "", pipeline: "" };
    let places = write_files(ground, name, &nothing)?;
    fs::write(places.project.join("hostile.wasm"), bytes)?;
    Ok(places)
}

fn furnish(ground: &Ground, place: &Path, texts: &[(&str, String)]) -> io::Result<Places> {
    let project = place.join("project");
    for folder in ["pipelines", "open", "shut", "files"] {
        fs::create_dir_all(project.join(folder))?;
    }
    for (path, text) in texts {
        fs::write(place.join(path), filled(text, ground, place))?;
    }
    fs::write(place.join("secret"), SECRET)?;
    fs::write(place.join("short"), SHORT_SECRET)?;
    fs::write(project.join("open/notes.md"), "# Notes\n\nThe zebra crossed the road.\n")?;
    fs::write(project.join("shut/plan.md"), "# Plan\n\nThe secret plan of the zebra.\n")?;
    fs::write(project.join("files/logo.txt"), "logo")?;
    fs::write(project.join("hostile.wasm"), HOSTILE)?;
    fs::write(project.join("neighbour.wasm"), NEIGHBOUR)?;
    Ok(Places {
        project,
        policy: Some(PathBuf::from(place).join("policy.toml")),
        user_policy: None,
        models: Vec::new(),
    })
}

/// A text with what is only known on the ground.
fn filled(text: &str, ground: &Ground, place: &Path) -> String {
    let crowd: Vec<_> = (1..=CROWD).map(|number| format!("guest {number}")).collect();
    text.replace("{crowd}", &format!("{crowd:?}"))
        .replace("{port}", &ground.receiver.port().to_string())
        .replace("{folder}", &place.display().to_string())
        .replace("{uid}", &ground.uid.to_string())
        .replace("{long}", &"x".repeat(LONG_BYTES))
        .replace("{wide}", &"x".repeat(WIDE_BYTES))
}
