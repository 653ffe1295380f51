//! Where each entry's examples are: its own folder, and the files of the repository that other tests and people read. Mutates nothing.

use std::fs;
use std::path::{Path, PathBuf};

use bailiwick_builder::{Profile, Wants, componentize, embed};
use serde_json::json;

/// The largest example that is mutated thousands of times: a whole agent costs
/// milliseconds each time, and what is in it is in the small ones too.
pub const SMALL_MAX_BYTES: usize = 16 * 1024;

/// Every example of an entry, in the order of their names. What is not in the tree of
/// a clean clone (built agents) comes last, where it is there.
#[must_use]
pub fn examples(entry: &str) -> Vec<Vec<u8>> {
    let mut found = files(&here().join("corpus").join(entry));
    match entry {
        "project_file" => found.extend(named("bailiwick.toml")),
        "policy_file" => found.extend(named("policy.toml")),
        "decisions_file" => found.extend(named("decisions.toml")),
        "pipeline_file" => {
            found.extend(named("pipeline.toml"));
            let projects = folders(&root().join("examples"));
            found.extend(projects.iter().flat_map(|folder| files(&folder.join("pipelines"))));
        }
        "agent_file" => {
            found.extend(files(&root().join("host/builder/tests/agent_toml")));
            let agents = folders(&root().join("agents"));
            found.extend(
                agents.iter().filter_map(|folder| fs::read(folder.join("agent.toml")).ok()),
            );
        }
        "document" => {
            found.extend(named("input.json"));
            found.extend(files(&here().join("corpus/facts")));
        }
        "component" => found.extend(components()),
        _ => {}
    }
    found
}

fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn root() -> PathBuf {
    here().ancestors().nth(2).unwrap_or(here()).to_path_buf()
}

/// The files of this name in the cases of `project` and in the examples.
fn named(name: &str) -> Vec<Vec<u8>> {
    let mut all = folders(&root().join("host/project/tests/cases"));
    all.extend(folders(&root().join("examples")));
    all.iter().filter_map(|folder| fs::read(folder.join(name)).ok()).collect()
}

/// Small ones out of texts, one with everything that a build embeds, and real agents.
fn components() -> Vec<Vec<u8>> {
    let texts = root().join("host/builder/tests/modules");
    let parsed = |path: &PathBuf| Some((path.clone(), wat::parse_file(path).ok()?));
    let modules: Vec<_> = entries(&texts).iter().filter_map(parsed).collect();
    let mut found: Vec<_> = modules.iter().map(|(_, bytes)| bytes.clone()).collect();
    let bare = modules.iter().find(|(path, _)| path.ends_with("bare.wat"));
    let whole = bare.and_then(|(_, module)| {
        let wants = Wants::default();
        let profile = Profile {
            name: "bare".into(),
            version: "1".into(),
            summary: "Says nothing.".into(),
            input_schema: json!({ "type": "object" }),
            output_schema: json!(true),
        };
        embed(&componentize(module, &wants).ok()?, &profile, &wants).ok()
    });
    found.extend(whole);
    found.extend(fs::read(root().join("host/engine/src/init/hello.wasm")));
    let agents = folders(&root().join("agents"));
    found.extend(agents.iter().flat_map(|folder| files(&folder.join("dist"))));
    found
}

fn files(folder: &Path) -> Vec<Vec<u8>> {
    entries(folder)
        .iter()
        .filter(|path| path.is_file())
        .filter_map(|path| fs::read(path).ok())
        .collect()
}

fn folders(folder: &Path) -> Vec<PathBuf> {
    entries(folder).into_iter().filter(|path| path.is_dir()).collect()
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let read = fs::read_dir(folder).into_iter().flatten();
    let mut found: Vec<_> = read.filter_map(|entry| Some(entry.ok()?.path())).collect();
    found.sort();
    found
}
