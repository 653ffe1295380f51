//! Labels over random pipelines: none ever falls but by a rule, and saying more of a source never frees anything.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::collections::BTreeSet;
use std::fmt::Write as _;

use bailiwick_core::Name;
use bailiwick_core::fact::StepBy;
use bailiwick_policy::intersect::Resources;
use bailiwick_policy::{Label, LabelRules, Policy, Trust};
use bailiwick_project::labels::{Around, Flow, What};
use bailiwick_project::{OnTimeout, Plan, Project, Surroundings, read_policy};

/// How many random worlds; each takes a millisecond.
const WORLDS: u64 = 400;
const LABELS: [&str; 3] = ["public", "internal", "confidential"];
const COLLECTIONS: usize = 4;

/// splitmix64: the same worlds on every machine.
struct Chance(u64);

impl Chance {
    fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % most as u64).unwrap()
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }
}

struct World {
    labels: [usize; COLLECTIONS],
    project: String,
    pipeline: String,
    policy: String,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut chance = Chance(seed);
        let labels = std::array::from_fn(|_| chance.below(3));
        let mut project = String::new();
        for agent in 0..5 {
            let granted = (0..COLLECTIONS).filter(|_| chance.one_in(4));
            let granted: Vec<_> = granted.map(|c| format!("c{c}")).collect();
            writeln!(
                project,
                "[agents.a{agent}]\ncomponent = \"a\"\ngrants.knowledge = {granted:?}"
            )
            .unwrap();
        }
        let mut policy = String::from("labels = { unlabelled = \"public\" }\n");
        for (uid, group) in ["editors", "legal"].iter().enumerate() {
            writeln!(policy, "[people.p{uid}]\nuid = {uid}\ngroups = [{group:?}]\nmay = [\"approve\"]\nclearance = \"confidential\"").unwrap();
        }
        for _ in 0..chance.below(3) {
            let (from, to) =
                [("confidential", "internal"), ("confidential", "public"), ("internal", "public")]
                    [chance.below(3)];
            let by =
                [vec!["editors"], vec!["legal"], vec!["editors", "legal"]][chance.below(3)].clone();
            let pipeline = if chance.one_in(4) { "other" } else { "p" };
            writeln!(policy, "[[declassify]]\nfrom = {from:?}\nto = {to:?}\nby = {by:?}\npipelines = [{pipeline:?}]").unwrap();
        }
        Self { labels, project, pipeline: pipeline(&mut chance), policy }
    }

    fn read(&self) -> (Project, Plan, Policy) {
        let mut project = self.project.clone();
        for (at, label) in self.labels.iter().enumerate() {
            let trust = if at == 0 { "trust = \"outside\"\n" } else { "" };
            writeln!(
                project,
                "[knowledge.c{at}]\nfolder = \"c{at}\"\nlabel = {:?}\n{trust}",
                LABELS[*label]
            )
            .unwrap();
        }
        let project = Project::read("bailiwick.toml", &project).unwrap();
        let policy = read_policy("policy.toml", &self.policy).unwrap();
        let around = Surroundings {
            project: &project,
            policy: &policy,
            schema_text: &|_| Err(String::new()),
        };
        let name = Name::new("p").unwrap();
        let plan = Plan::read(&name, "p.toml", &self.pipeline, &around)
            .unwrap_or_else(|found| panic!("{found:?}\n{}", self.pipeline));
        (project, plan, policy)
    }

    fn flow(&self) -> (Plan, Policy, Flow) {
        let (project, plan, policy) = self.read();
        let resources = Resources::default();
        let around =
            Around { project: &project, policy: &policy, resources: &resources, input: None };
        let flow = Flow::of(&plan, &around);
        (plan, policy, flow)
    }
}

/// Steps that read earlier ones; some with judges, some with axes that others collect.
fn pipeline(chance: &mut Chance) -> String {
    let mut text = String::from("input = { x = [\"string\"] }\n[axes]\n");
    let axis = if chance.one_in(2) { "${input.x}" } else { "${s0.list}" };
    writeln!(text, "k = {axis:?}").unwrap();
    let mut over: Vec<bool> = Vec::new();
    for at in 0..2 + chance.below(6) {
        let has_axis = at > 0 && chance.one_in(3);
        let read: Vec<usize> = (0..at).filter(|_| chance.one_in(3)).collect();
        let collects = !has_axis && read.iter().any(|read| over[*read]);
        writeln!(text, "[step.s{at}]\nagent = \"a{}\"", chance.below(5)).unwrap();
        if has_axis {
            text.push_str("over = [\"k\"]\n");
        }
        if collects {
            text.push_str("collect = [\"k\"]\n");
        }
        if let Some(read) = read.first().filter(|read| !over[**read] && chance.one_in(4)) {
            writeln!(text, "when = \"${{s{read}.yes}}\"").unwrap();
        }
        let reads = read.iter().map(|read| format!("r{read} = \"${{s{read}}}\""));
        writeln!(text, "input = {{ {} }}", reads.collect::<Vec<_>>().join(", ")).unwrap();
        over.push(has_axis);
        for judge in 0..chance.below(3) {
            writeln!(text, "[step.j{at}_{judge}]\njudges = \"s{at}\"").unwrap();
            if chance.one_in(2) {
                writeln!(text, "agent = \"a{}\"", chance.below(5)).unwrap();
                continue;
            }
            let groups =
                ["[\"editors\"]", "[\"legal\"]", "[\"editors\", \"legal\"]"][chance.below(3)];
            let timeout =
                ["", ", timeout = \"1 h\"", ", timeout = \"1 h\", on-timeout = \"approve\""];
            writeln!(text, "people = {{ groups = {groups}{} }}", timeout[chance.below(3)]).unwrap();
            if chance.one_in(4) {
                text.push_str("when = \"${round == 0}\"\n");
            }
        }
    }
    let last = over.len() - 1;
    writeln!(text, "[output]\nx = \"${{s{last}}}\"").unwrap();
    text
}

/// The labels to which this step may be lowered, by our own reading of the rules.
fn lowered_to(plan: &Plan, rules: &LabelRules, step: &Name, label: Label) -> BTreeSet<Label> {
    let asked = plan.judges_of(step).filter(|judge| {
        let timeout = judge.asking.and_then(|asking| asking.timeout);
        judge.when.is_none() && timeout.is_none_or(|timeout| timeout.then == OnTimeout::Reject)
    });
    let mut to = BTreeSet::new();
    for judge in asked {
        let StepBy::People(groups) = &judge.by else { continue };
        let rules = rules.declassify.iter().filter(|rule| {
            rule.from >= label
                && rule.pipelines.contains("p")
                && groups.iter().all(|group| rule.by.contains(group))
        });
        to.extend(rules.map(|rule| rule.to));
    }
    to
}

#[test]
fn a_label_never_falls_but_by_a_rule() {
    let mut fallen = 0;
    for seed in 0..WORLDS {
        let world = World::new(seed);
        let (plan, policy, flow) = world.flow();
        for step in &plan.steps {
            let own = flow.step(&step.name).unwrap();
            for source in &own.reads {
                assert!(source.level.label <= own.level.label, "{seed}: {}", step.name);
                assert!(source.level.trust <= own.level.trust, "{seed}: {}", step.name);
            }
            // What it reads is among its sources, at least as confidential as it was released.
            for read in
                step.reads.iter().filter(|read| plan.step(&read.step).unwrap().judges.is_none())
            {
                let found = own.reads.iter().find(|s| s.what == What::Step(read.step.clone()));
                let released = flow.step(&read.step).unwrap().released;
                assert!(found.unwrap().level.label >= released.label, "{seed}: {}", step.name);
            }
            let granted =
                step.agent().iter().flat_map(|agent| granted(&world, agent)).collect::<Vec<_>>();
            assert!(granted.iter().all(|label| own.level.label >= *label), "{seed}: {}", step.name);
            let subject = step.judges.as_ref().map_or(&step.name, |judge| &judge.subject);
            assert_eq!(
                flow.step(subject).unwrap().level,
                own.level,
                "{seed}: judges know the same"
            );
            if own.released.label < own.level.label {
                fallen += 1;
                let allowed = lowered_to(&plan, &policy.labels, subject, own.level.label);
                assert!(allowed.contains(&own.released.label), "{seed}: {}", step.name);
            } else {
                assert_eq!(own.released.label, own.level.label, "{seed}: nothing rises by release");
            }
            if own.released.trust < own.level.trust {
                let people = plan
                    .judges_of(subject)
                    .any(|judge| judge.agent().is_none() && judge.when.is_none());
                assert!(people, "{seed}: only people make it trusted");
            }
        }
    }
    assert!(fallen > 100, "the worlds are poor: {fallen}");
}

/// The labels of the collections that an agent may search, read from the file itself.
fn granted(world: &World, agent: &Name) -> Vec<Label> {
    let order = bailiwick_policy::LabelOrder::usual();
    let line = world.project.split(&format!("[agents.{agent}]")).nth(1).unwrap();
    let line = line.lines().find(|line| line.starts_with("grants.knowledge")).unwrap();
    let named = (0..COLLECTIONS).filter(|at| line.contains(&format!("\"c{at}\"")));
    named.map(|at| order.find(LABELS[world.labels[at]]).unwrap()).collect()
}

#[test]
fn a_higher_source_lowers_nothing_and_no_rule_raises_anything() {
    for seed in 0..WORLDS {
        let world = World::new(seed);
        let (_, _, before) = world.flow();
        for at in 0..COLLECTIONS {
            let mut labels = world.labels;
            labels[at] = 2;
            let higher = World {
                labels,
                project: world.project.clone(),
                pipeline: world.pipeline.clone(),
                policy: world.policy.clone(),
            };
            let (_, _, after) = higher.flow();
            for (name, flow) in &before.steps {
                let now = after.step(name).unwrap();
                assert!(now.level.label >= flow.level.label, "{seed}: {name}");
                assert!(now.released.label >= flow.released.label, "{seed}: {name}");
            }
            assert!(after.output.label >= before.output.label && after.whole >= before.whole);
            assert!(after.problems.len() >= before.problems.len(), "{seed}");
        }
        let mut more = World::new(seed);
        more.policy.push_str("[[declassify]]\nfrom = \"confidential\"\nto = \"public\"\nby = [\"editors\", \"legal\"]\npipelines = [\"p\"]\n");
        let (_, _, after) = more.flow();
        for (name, flow) in &before.steps {
            assert!(after.step(name).unwrap().level.label <= flow.level.label, "{seed}: {name}");
        }
    }
}

#[test]
fn what_outsiders_wrote_stays_outside_until_people_release_it() {
    let mut outside = 0;
    for seed in 0..WORLDS {
        let (plan, _, flow) = World::new(seed).flow();
        for step in plan.steps.iter().filter(|step| step.judges.is_none()) {
            let own = flow.step(&step.name).unwrap();
            let people = plan.judges_of(&step.name).any(|judge| judge.agent().is_none());
            if own.level.trust == Trust::Outside && !people {
                outside += 1;
                assert_eq!(own.released.trust, Trust::Outside, "{seed}: {}", step.name);
            }
        }
    }
    assert!(outside > 100, "the worlds are poor: {outside}");
}
