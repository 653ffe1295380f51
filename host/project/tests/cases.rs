//! One folder per case: the files of a project, and what reading them says. `UPDATE_EXPECT=1` rewrites `expected.txt`.
#![allow(clippy::disallowed_methods, reason = "tests read their cases from folders")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "tests"
)]

mod show;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use bailiwick_core::schema::Schema;
use bailiwick_core::{Diagnostic, Name};
use bailiwick_policy::Policy;
use bailiwick_policy::intersect::Resources;
use bailiwick_project::labels::{Around, Flow, input_label};
use bailiwick_project::{Decisions, Plan, Profile, Project, Surroundings, codes, read_policy};
use serde_json::Value;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")
}

fn cases() -> Vec<PathBuf> {
    let mut all: Vec<_> = std::fs::read_dir(folder().join("cases"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    all.sort();
    all
}

struct Case {
    folder: PathBuf,
    said: String,
    codes: BTreeSet<&'static str>,
}

impl Case {
    fn text(&self, name: &str) -> Option<String> {
        std::fs::read_to_string(self.folder.join(name)).ok()
    }

    fn tell(&mut self, diagnostics: &[Diagnostic]) {
        for diagnostic in diagnostics {
            self.codes.insert(diagnostic.code);
            self.said.push_str(&show::diagnostic(diagnostic));
            self.said.push('\n');
        }
    }

    fn told<T>(&mut self, outcome: Result<T, Vec<Diagnostic>>) -> Option<T> {
        match outcome {
            Ok(value) => Some(value),
            Err(diagnostics) => {
                self.tell(&diagnostics);
                None
            }
        }
    }

    fn run(&mut self) {
        let own_project = self.text("bailiwick.toml");
        let usual = std::fs::read_to_string(folder().join("surroundings/bailiwick.toml")).unwrap();
        let text = own_project.clone().unwrap_or_else(|| usual.clone());
        let project = self.told(Project::read("bailiwick.toml", &text));
        if let (Some(project), Some(_)) = (&project, &own_project) {
            self.said.push_str(&show::project(project));
        }
        let project = project.unwrap_or_else(|| Project::read("bailiwick.toml", &usual).unwrap());
        let mut policy = Policy::built_in();
        if let Some(text) = self.text("policy.toml")
            && let Some(own) = self.told(read_policy("policy.toml", &text))
        {
            self.said.push_str(&show::policy(&own));
            policy = own;
        }
        let other: Vec<_> = project.other_currency(&policy).into_iter().collect();
        self.tell(&other);
        self.tell(&project.misplaced_credentials(&policy));
        self.tell(&project.idle_rules());
        let plan = self.text("pipeline.toml").and_then(|text| self.plan(&text, &project, &policy));
        if let Some(text) = self.text("decisions.toml")
            && let Some(decisions) = self.told(Decisions::read("decisions.toml", &text))
            && let Some(plan) = &plan
        {
            self.tell(&decisions.check(plan));
        }
        if let (Some(plan), Some(text)) = (&plan, self.text("profiles.json")) {
            self.tell(&plan.check_profiles(&profiles(&text)));
        }
        if let Some(text) = self.text("imports.json") {
            let imports: BTreeMap<Name, Vec<String>> = serde_json::from_str(&text).unwrap();
            for (agent, imports) in &imports {
                self.tell(&project.uncovered_imports(
                    agent,
                    imports.iter().map(|import| (import.as_str(), Vec::new())),
                ));
            }
        }
    }

    fn plan(&mut self, text: &str, project: &Project, policy: &Policy) -> Option<Plan> {
        let schema = self.text("schema.json");
        let surroundings = Surroundings {
            project,
            policy,
            schema_text: &|path| match &schema {
                Some(text) if path == "pipelines/input.schema.json" => Ok(text.clone()),
                _ => Err("there is no such file".into()),
            },
        };
        let name = Name::new("pipeline").unwrap();
        let plan = self.told(Plan::read(&name, "pipelines/pipeline.toml", text, &surroundings))?;
        self.said.push_str(&show::plan(&plan));
        let granted = project.agents.iter().filter_map(|(name, agent)| {
            Some((name.clone(), agent.grants.model.as_ref()?.budget()))
        });
        let currency = project.currency.as_ref().map(|(currency, _)| *currency);
        let budgets = plan.budgets(granted.collect(), policy, currency.or(plan.currency));
        self.tell(&project.unpriced(&plan, &budgets));
        self.labels(&plan, project, policy);
        Some(plan)
    }

    /// The way of labels; told in full where the case is about it.
    fn labels(&mut self, plan: &Plan, project: &Project, policy: &Policy) {
        let folders = |folders: &BTreeMap<Name, bailiwick_project::Folder>| {
            let path = |f: &bailiwick_project::Folder| format!("/srv/project/{}", f.path);
            folders.iter().map(|(name, f)| (name.clone(), path(f))).collect::<BTreeMap<_, _>>()
        };
        let resources = Resources {
            models: project.models.clone(),
            knowledge: folders(&project.knowledge),
            embedders: project.embedders.clone(),
            assets: folders(&project.assets),
            agents: BTreeMap::new(),
        };
        let stated = self.text("label.txt");
        let order = &policy.labels.order;
        let input = stated.and_then(|name| {
            self.told(input_label(name.trim(), order).map_err(|found| vec![*found]))
        });
        let stood = BTreeMap::new();
        let around = Around { project, policy, resources: &resources, input, stood: &stood };
        let flow = Flow::of(plan, &around);
        if self.folder.file_name().is_some_and(|name| name.to_string_lossy().contains("label")) {
            self.said.push_str(&show::flow(&flow, order));
        }
        self.tell(&flow.problems);
    }
}

fn profiles(text: &str) -> BTreeMap<Name, Profile> {
    let all: BTreeMap<Name, BTreeMap<String, Value>> = serde_json::from_str(text).unwrap();
    all.into_iter()
        .map(|(agent, mut schemas)| {
            let mut admitted = |key: &str| Schema::admit(schemas.remove(key).unwrap()).unwrap();
            (agent, Profile { input: admitted("input"), output: admitted("output") })
        })
        .collect()
}

#[test]
fn every_case_says_what_is_expected() {
    let update = std::env::var_os("UPDATE_EXPECT").is_some();
    let mut wrong = Vec::new();
    let mut seen = BTreeSet::new();
    for folder in cases() {
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        let mut case = Case { folder, said: String::new(), codes: BTreeSet::new() };
        case.run();
        seen.extend(case.codes.iter().copied());
        assert_eq!(name.starts_with("good_"), case.codes.is_empty(), "{name} says:\n{}", case.said);
        let expected = case.folder.join("expected.txt");
        if update {
            std::fs::write(&expected, &case.said).unwrap();
        } else if std::fs::read_to_string(&expected).unwrap_or_default() != case.said {
            wrong.push(format!("{name} says now:\n{}", case.said));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // What no text of a case can show: a file of more than 1 MiB, and grants above a
    // ceiling, which need an identity; both have tests below.
    let elsewhere = [codes::TOO_MUCH, codes::ABOVE_CEILING];
    let unseen: Vec<_> = codes::PAGES
        .iter()
        .map(|page| page.code)
        .filter(|code| !seen.contains(code) && !elsewhere.contains(code))
        .collect();
    assert!(unseen.is_empty(), "no case shows {unseen:?}");
}

#[test]
fn a_file_of_a_generator_is_refused_at_once() {
    let text = format!("# {}", "x".repeat(1024 * 1024));
    let refused = Decisions::read("decisions.toml", &text).unwrap_err();
    assert_eq!(refused.iter().map(|d| d.code).collect::<Vec<_>>(), [codes::TOO_MUCH]);
}

#[test]
fn at_most_so_many_findings() {
    let text: String = (0..1000).map(|n| format!("key_{n} = 1\n")).collect();
    assert_eq!(Decisions::read("decisions.toml", &text).unwrap_err().len(), 200);
}

#[test]
fn a_grant_above_the_ceiling_is_told_at_its_key() {
    let text = "[agents.draft]\ncomponent = \"draft\"\ngrants.model = { use = [\"w\"], tokens = 9 }\n\
        grants.assets = [\"brand\"]\nlimits = { wall = \"10 min\", log-lines = 2_000 }\n\
        [models.w]\nroutes = [{ provider = \"builtin\" }]\n[assets.brand]\nfolder = \"b\"\n";
    let project = Project::read("bailiwick.toml", text).unwrap();
    let policy =
        read_policy("policy.toml", "[ceiling.\"local/*\"]\nmodel = { tokens = 5 }\n").unwrap();
    let (name, agent) = project.agents.first_key_value().unwrap();
    let resources = bailiwick_policy::intersect::Resources {
        models: project.models.clone(),
        ..Default::default()
    };
    let (_, excesses) = bailiwick_policy::intersect(
        "local/draft",
        &agent.grants,
        &agent.limits,
        &resources,
        &policy,
    );
    let said: Vec<_> =
        excesses.iter().map(|e| show::diagnostic(&project.excess(name, e))).collect();
    expect_test::expect![[r#"
        E072 bailiwick.toml:3:31 `draft` is granted more than the ceiling: grants.model.tokens is 9; the ceiling: 5 | [ceiling."local/*"] in policy.toml says so; lower the grant or ask the admin
        E072 bailiwick.toml:4:8 `draft` is granted more than the ceiling: grants.assets brand is brand; the ceiling: not allowed | [ceiling."local/*"] in policy.toml says so; lower the grant or ask the admin
        E072 bailiwick.toml:5:12 `draft` is granted more than the ceiling: limits.wall is 10 min; the ceiling: 2 min | [ceiling."local/*"] in policy.toml says so; lower the grant or ask the admin
        E072 bailiwick.toml:5:29 `draft` is granted more than the ceiling: limits.log-lines is 2000; the ceiling: 1000 | [ceiling."local/*"] in policy.toml says so; lower the grant or ask the admin"#]].assert_eq(&said.join("\n"));
}

/// Half a file, and files with a byte changed, end in findings and never in a panic.
#[test]
fn damaged_files_never_panic() {
    for folder in cases() {
        let Ok(text) = std::fs::read_to_string(folder.join("pipeline.toml")) else { continue };
        if text.len() > 3_000 {
            continue;
        }
        let usual =
            std::fs::read_to_string(self::folder().join("surroundings/bailiwick.toml")).unwrap();
        let project = Project::read("bailiwick.toml", &usual).unwrap();
        let policy = Policy::built_in();
        let surroundings = Surroundings {
            project: &project,
            policy: &policy,
            schema_text: &|_| Err("none".into()),
        };
        let name = Name::new("pipeline").unwrap();
        for at in (0..text.len()).step_by(7).filter(|at| text.is_char_boundary(*at)) {
            let _ = Plan::read(&name, "p.toml", &text[..at], &surroundings);
            let changed: String =
                text.char_indices().map(|(index, c)| if index == at { '"' } else { c }).collect();
            let _ = Plan::read(&name, "p.toml", &changed, &surroundings);
        }
    }
}
