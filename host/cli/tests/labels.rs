//! The campaign with a confidential brand: where it may be written, who may see it, and by whom it becomes public.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod end_to_end;

use std::collections::BTreeSet;
use std::path::PathBuf;

use end_to_end::facts::Facts;
use end_to_end::project::{OPERATORS, Project};
use end_to_end::{Call, Desk, agent, folder};
use serde_json::{Value, json};

const AGENTS: [&str; 9] =
    ["research", "draft", "claims", "tone", "visual", "brand", "seo", "bundle", "publish"];

/// A rule under which editors lower what is confidential.
const RULE: &str = "[[declassify]]\nfrom = \"confidential\"\nto = \"public\"\nby = [\"editors\"]\npipelines = [\"campaign\"]\n";

/// Where a model is that nobody reaches: nothing here gets as far as asking it.
const ORIGIN: &str = "http://127.0.0.1:9";

struct World {
    desk: Desk,
    project: Project,
}

impl World {
    fn new() -> Self {
        AGENTS.iter().for_each(|name| drop(agent(name)));
        let desk = Desk::new();
        let project = Project::like(&desk, "10-campaign");
        Self { desk, project }
    }

    /// A policy under which the brand's folder is confidential, the user of the tests is
    /// an editor with this clearance, and what else stands there.
    fn policy(&self, clearance: &str, more: &str) -> PathBuf {
        let uid = rustix::process::geteuid().as_raw();
        let brand = std::fs::canonicalize(self.project.path()).unwrap().join("brand");
        let text = format!(
            "labels = {{ unlabelled = \"public\" }}\n\
             [people.ana]\nuid = {uid}\ngroups = [\"editors\"]\nmay = [\"approve\", \"submit\", \"export\"]\nclearance = \"{clearance}\"\n\
             [roots.{brand:?}]\nmin-label = \"confidential\"\n\
             [ceiling.\"local/*\"]\nmodel = {{}}\nknowledge = {{}}\nassets = {{}}\nartifacts = {{}}\nlimits = {{ wall = \"10 min\" }}\n\
             http = [{{ host = \"hooks.example.com\", methods = [\"POST\"], paths = [\"/campaign\"] }}]\n{more}"
        );
        self.desk.file("policy.toml", &text)
    }

    fn check(&self, policy: &PathBuf) -> Call {
        let check = self.desk.bailiwick(["check"]).option("project", self.project.path());
        check.option("policy", policy)
    }

    /// The code and the agent's line of each problem.
    fn refused(&self, policy: &PathBuf) -> Vec<(String, String)> {
        let found = self.check(policy).word("--json").ends(2).lines();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        found.iter().map(|found| (text(&found["code"]), text(&found["message"]))).collect()
    }

    fn run(&self, policy: &PathBuf) -> Call {
        let project = self.project.path();
        self.desk
            .run(project)
            .option("policy", policy)
            .option("input", project.join("brief.json"))
            .option("decisions", project.join("decisions.toml"))
            .option("run-id", "autumn")
    }

    fn on_run(&self, words: &[&str], policy: &PathBuf) -> Call {
        self.desk.bailiwick(words).option("data", self.desk.data()).option("policy", policy)
    }

    fn outside(&self, alias: &str) {
        let builtin = format!("[models.{alias}]\nroutes = [{{ provider = \"builtin\" }}]");
        let outside = format!(
            "[models.{alias}]\nroutes = [{{ provider = \"openai\", base = \"{ORIGIN}/v1\", model = \"m\" }}]"
        );
        self.project.change(OPERATORS, &builtin, &outside);
    }
}

/// The refusal to publish what nobody released.
const UNRELEASED: &str = "`publish` may know what is confidential (what `bundle` releases), and may send it to https://hooks.example.com, which is cleared for public";

fn origin(clearance: &str) -> String {
    format!("[origins.\"{ORIGIN}\"]\nclearance = \"{clearance}\"\n")
}

#[test]
fn a_writer_that_is_not_cleared_is_refused_before_anything_runs() {
    let world = World::new();
    world.outside("writer");
    for clearance in ["public", "internal"] {
        let policy = world.policy("confidential", &origin(clearance));
        let refused = world.refused(&policy);
        assert!(refused.iter().all(|(code, _)| code == "E092"), "{refused:?}");
        let said: Vec<_> = refused.iter().map(|(_, message)| message.as_str()).collect();
        let of = |step: &str, why: &str| {
            format!(
                "`{step}` may know what is confidential ({why}), and may send it to the model `writer` (openai:m@{ORIGIN}/v1), which is cleared for {clearance}"
            )
        };
        assert_eq!(
            said,
            [
                of("research", "the collection `brand`"),
                of("draft", "what `research` releases"),
                of("seo", "what `draft` releases"),
                UNRELEASED.to_owned(),
            ]
        );
        let run = world.run(&policy).ends(2);
        assert!(run.stderr.contains("E092"), "{}", run.stderr);
        assert!(!world.desk.data().exists(), "a refused run writes nothing");
    }
    // One that is cleared may write; what is published still needs the editor.
    let cleared = origin("confidential");
    let refused = world.refused(&world.policy("confidential", &cleared));
    assert_eq!(refused, [("E092".to_owned(), UNRELEASED.to_owned())]);
    world.check(&world.policy("confidential", &format!("{cleared}{RULE}"))).ends(0);
}

/// A root of the admin is met by whoever reads what lies below it: from a folder above it,
/// through a link that leads there, and by an input.
#[test]
fn a_root_is_met_from_above_through_a_link_and_by_an_input() {
    let world = World::new();
    world.outside("writer");
    let brand = std::fs::canonicalize(world.project.path()).unwrap().join("brand");
    let under = |root: &std::path::Path| {
        let policy = world.policy("confidential", &origin("public"));
        let text = std::fs::read_to_string(&policy).unwrap();
        let other = text.replace(&format!("{brand:?}"), &format!("{root:?}"));
        std::fs::write(&policy, other).unwrap();
        policy
    };
    // The collection `brand` is the folder of the guidelines.
    let in_it = "guidelines/secret";
    std::fs::create_dir(brand.join(in_it)).unwrap();
    let link = world.desk.path("link");
    std::os::unix::fs::symlink(&brand, &link).unwrap();
    let to_come = link.join("guidelines/to/come");
    for root in [brand.join(in_it), link.clone(), link.join(in_it), to_come] {
        let refused = world.refused(&under(&root));
        let met = refused.iter().any(|(code, message)| {
            code == "E092" && message.contains("what is confidential (the collection `brand`)")
        });
        assert!(met, "{}: {refused:?}", root.display());
    }

    let inputs = world.desk.path("inputs");
    let policy = under(&inputs);
    let warned = world.check(&policy).ends(0);
    let said = warned.stdout + &warned.stderr;
    assert!(said.contains("inputs\"] of policy.toml labels nothing now"), "{said}");
    std::fs::create_dir(&inputs).unwrap();
    let brief = inputs.join("brief.json");
    std::fs::copy(world.project.path().join("brief.json"), &brief).unwrap();
    world.check(&policy).ends(0);
    let run = world.desk.run(world.project.path()).option("policy", &policy);
    let refused = run.option("input", &brief).ends(2).stderr;
    assert!(refused.contains("what is confidential (the run's input)"), "{refused}");
}

#[test]
fn what_is_published_needs_the_editor_under_a_rule() {
    let world = World::new();
    let refused = world.refused(&world.policy("confidential", ""));
    assert_eq!(refused, [("E092".to_owned(), UNRELEASED.to_owned())]);
    world.check(&world.policy("confidential", RULE)).ends(0);
    for other in [
        RULE.replace("editors", "legal"),
        RULE.replace("\"campaign\"", "\"another\""),
        RULE.replace("\"public\"", "\"internal\""),
        RULE.replace("\"confidential\"", "\"internal\""),
    ] {
        assert_eq!(world.refused(&world.policy("confidential", &other)).len(), 1, "{other}");
    }
    // Neither does a judge who is not always asked, or for whom time answers: of the words
    // as little as of the pictures.
    let pipeline = "pipelines/campaign.toml";
    let policy = world.policy("confidential", RULE);
    for (judge, subject) in [("copy_desk", "draft"), ("editor", "visual")] {
        let step = format!("[step.{judge}]\njudges = \"{subject}\"\n");
        let asked = format!("{step}people = {{ groups = [\"editors\"] }}");
        for otherwise in [
            format!("{step}when = \"${{round == 0}}\"\npeople = {{ groups = [\"editors\"] }}"),
            format!(
                "{step}people = {{ groups = [\"editors\"], timeout = \"1 h\", on-timeout = \"approve\" }}"
            ),
        ] {
            world.project.change(pipeline, &asked, &otherwise);
            assert_eq!(
                world.refused(&policy),
                [("E092".to_owned(), UNRELEASED.to_owned())],
                "{otherwise}"
            );
            world.project.change(pipeline, &otherwise, &asked);
        }
    }
    let way = world.check(&policy).word("--labels").ends(0).stdout;
    for line in [
        "labels of pipeline campaign (public < internal < confidential)",
        "    reads the collection `brand`: confidential, trusted",
        "    lowers confidential to public by a rule of [[declassify]]; who submitted the run does not count",
        "    its readers get: public, trusted",
        "    the collection `performance` is public: label under [knowledge.performance] in bailiwick.toml",
        "  who sees the run (terminal, show, logs, --out, export) must be cleared for confidential",
    ] {
        assert!(way.lines().any(|other| other == line), "{line:?} is not in\n{way}");
    }
    let internal = world.check(&policy).word("--labels").option("label", "internal").ends(2);
    assert!(internal.stdout.contains("  input: internal\n"), "{}", internal.stdout);
}

#[test]
fn the_editor_releases_what_he_saw_and_alone_only_where_the_rule_says_so() {
    let world = World::new();
    let policy = world.policy("confidential", RULE);
    let refused = world.run(&policy).ends(2);
    // The screen breaks long lines.
    let words: String = refused.stderr.chars().filter(|c| c.is_ascii_alphanumeric()).collect();
    assert!(words.contains("E027") && words.contains("doesnotcount"), "{}", refused.stderr);
    assert!(!world.desk.data().exists());

    let policy = world.policy("confidential", &format!("{RULE}self = true\n"));
    let out = world.desk.out();
    let ended = world.run(&policy).option("out", &out).word("--json").ends(0);
    let facts = Facts::new(ended.lines());
    assert_eq!(facts.end()["end"], "done");
    let (_, started) = facts.named("RunStarted").next().unwrap();
    let labels = &started["labels"];
    assert_eq!(labels["steps"]["visual"]["label"], "confidential");
    assert_eq!(labels["steps"]["editor"]["lowers"], json!({ "to": "public", "self": true }));
    assert_eq!(labels["steps"]["bundle"]["label"], "public");
    assert_eq!(labels["steps"]["publish"]["label"], "public");
    assert_eq!(
        (&labels["whole"], &labels["output"]),
        (&json!("confidential"), &json!("confidential"))
    );

    // What is delivered are the pixels that were decided about, and it is known who made them.
    let recast: BTreeSet<_> = facts
        .named("Recast")
        .map(|(_, fact)| fact["is"]["$artifact"].clone().to_string())
        .collect();
    assert!(!recast.is_empty());
    let manifest: Value = serde_json::from_slice(&folder::files(&out)["manifest.json"]).unwrap();
    let page = folder::files(&out).remove("index.html").unwrap();
    let told = "editor lowers confidential to public; the approval of who started the run counts.";
    assert!(String::from_utf8(page).unwrap().contains(told));
    let pictures: Vec<_> = manifest["assets"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|asset| asset["media_type"] == "image/png")
        .collect();
    assert_eq!(pictures.len(), 24);
    for picture in pictures {
        assert_eq!(picture["step"], "visual", "{picture}");
        assert!(recast.contains(&picture["digest"].to_string()), "{picture}");
    }
    // Done again on its record it is the same.
    world.on_run(&["replay", "autumn", "--step", "visual"], &policy).ends(0);

    // Who is not cleared sees nothing of it.
    let lowly = world.policy("internal", &format!("{RULE}self = true\n"));
    for words in [
        &["show", "autumn"][..],
        &["logs", "autumn"],
        &["replay", "autumn"],
        &["audit", "export", "autumn"],
        &["audit", "export"],
        &["audit", "explain", "autumn/editor/-/0"],
    ] {
        let refused = world.on_run(words, &lowly).ends(2);
        assert!(refused.stderr.contains("E160"), "{words:?}: {}", refused.stderr);
        assert_eq!(refused.stdout, "", "{words:?}");
    }
    let file = world.desk.path("run.tar");
    let export = world.desk.bailiwick(["export", "autumn"]).word(&file);
    let refused = export.option("data", world.desk.data()).option("policy", &lowly).ends(2);
    assert!(refused.stderr.contains("E160") && !file.exists(), "{}", refused.stderr);
    assert_eq!(world.on_run(&["runs"], &lowly).ends(0).stdout, "");
    let again = world.run(&lowly).option("out", world.desk.path("elsewhere")).ends(2);
    assert!(again.stderr.contains("E092") || again.stderr.contains("E160"), "{}", again.stderr);
    let delivered = world.on_run(&["resume", "autumn"], &lowly);
    let delivered = delivered.option("project", world.project.path());
    let refused = delivered.option("out", world.desk.path("elsewhere")).ends(2);
    assert!(refused.stderr.contains("E160"), "{}", refused.stderr);
    assert!(!world.desk.path("elsewhere").exists());
}
