//! Labels over random pipelines: none ever falls but by a rule, and saying more of a source never frees anything.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use bailiwick_core::Name;
use bailiwick_core::fact::StepBy;
use bailiwick_policy::intersect::Resources;
use bailiwick_policy::{Label, LabelRules, Level, Policy, Trust};
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

/// Where collections may lie, one in the other, and what the admin may call at least something.
const PLACES: [&str; 6] =
    ["/srv", "/srv/brand", "/srv/brand/secret", "/srv/brands", "/srv/brand/files", "/home/me"];
const ROOTS: [&str; 4] = ["/srv/brand", "/srv/brand/secret", "/srv/brands/new", "/home"];

/// One thing besides collections that agents are granted, with the line of bailiwick.toml that
/// grants it and what each of the three labels is written as.
struct Extra {
    grant: &'static str,
    project: fn(&str) -> String,
    policy: fn(&str) -> String,
}

/// A model whose answers are labelled, a host of the web, a namespace, and an asset folder.
const EXTRAS: [Extra; 4] = [
    Extra {
        grant: "grants.model = { use = [\"m\"] }",
        project: |_| {
            "[models.m]\nroutes = [{ provider = \"openai\", base = \"http://127.0.0.1:1\", model = \"m\" }]\n".into()
        },
        policy: |label| {
            format!(
                "[origins.\"http://127.0.0.1:1\"]\nclearance = \"confidential\"\nlabel = {label:?}\n"
            )
        },
    },
    Extra {
        grant: "grants.http = [{ host = \"a.example.com\", paths = [\"/**\"] }]",
        project: |_| String::new(),
        policy: |label| format!("[origins.\"https://a.example.com\"]\nclearance = {label:?}\n"),
    },
    Extra {
        grant: "grants.kv = { namespace = \"n\" }",
        project: |label| {
            format!(
                "[kv.n]\nreaders = [\"a0\", \"a1\", \"a2\", \"a3\", \"a4\"]\nlabel = {label:?}\n"
            )
        },
        policy: |_| String::new(),
    },
    Extra {
        grant: "grants.assets = [\"f\"]",
        project: |label| format!("[assets.f]\nfolder = \"f\"\nlabel = {label:?}\n"),
        policy: |_| String::new(),
    },
];

struct World {
    labels: [usize; COLLECTIONS],
    /// Of each of the extras.
    extras: [usize; EXTRAS.len()],
    /// Where each collection lies, and the least label of each root that there is.
    places: [usize; COLLECTIONS],
    roots: [Option<usize>; ROOTS.len()],
    project: String,
    pipeline: String,
    policy: String,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut chance = Chance(seed);
        let labels = std::array::from_fn(|_| chance.below(3));
        let extras = std::array::from_fn(|_| chance.below(3));
        let places = std::array::from_fn(|_| chance.below(PLACES.len()));
        let roots = std::array::from_fn(|_| chance.one_in(3).then(|| chance.below(3)));
        let mut project = String::new();
        for agent in 0..5 {
            let granted = (0..COLLECTIONS).filter(|_| chance.one_in(4));
            let granted: Vec<_> = granted.map(|c| format!("c{c}")).collect();
            writeln!(
                project,
                "[agents.a{agent}]\ncomponent = \"a\"\ngrants.knowledge = {granted:?}"
            )
            .unwrap();
            for extra in EXTRAS.iter().filter(|_| chance.one_in(8)) {
                writeln!(project, "{}", extra.grant).unwrap();
            }
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
        let pipeline = pipeline(&mut chance);
        Self { labels, extras, places, roots, project, pipeline, policy }
    }

    /// The same with one thing changed.
    fn but(&self, change: impl FnOnce(&mut Self)) -> Self {
        let (project, pipeline) = (self.project.clone(), self.pipeline.clone());
        let mut other = Self { project, pipeline, policy: self.policy.clone(), ..*self };
        change(&mut other);
        other
    }

    /// The least label of a collection: what it says, and each root in which it lies or that
    /// lies in it. Our own reading of paths, element by element.
    fn of_collection(&self, at: usize) -> usize {
        let place: Vec<_> = PLACES[self.places[at]].split('/').collect();
        let roots = ROOTS.iter().zip(self.roots).filter_map(|(root, least)| {
            let root: Vec<_> = root.split('/').collect();
            let common = root.len().min(place.len());
            least.filter(|_| root[..common] == place[..common])
        });
        roots.fold(self.labels[at], usize::max)
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
        let mut policy = self.policy.clone();
        for (extra, label) in EXTRAS.iter().zip(self.extras) {
            project += &(extra.project)(LABELS[label]);
            policy += &(extra.policy)(LABELS[label]);
        }
        for (root, least) in ROOTS.iter().zip(self.roots) {
            let Some(least) = least else { continue };
            writeln!(policy, "[roots.{root:?}]\nmin-label = {:?}", LABELS[least]).unwrap();
        }
        let project = Project::read("bailiwick.toml", &project)
            .unwrap_or_else(|found| panic!("{found:?}\n{project}"));
        let policy = read_policy("policy.toml", &policy)
            .unwrap_or_else(|found| panic!("{found:?}\n{policy}"));
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
        let name = |at: usize| Name::new(&format!("c{at}")).unwrap();
        let places = self.places.iter().enumerate();
        let knowledge = places.map(|(at, place)| (name(at), PLACES[*place].to_owned())).collect();
        let assets = [(Name::new("f").unwrap(), "/opt/files".to_owned())].into();
        let resources = Resources { knowledge, assets, ..Resources::default() };
        let stood = BTreeMap::new();
        let around = Around {
            project: &project,
            policy: &policy,
            resources: &resources,
            input: None,
            stood: &stood,
        };
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

/// The labels of all that an agent may read, from the files themselves.
fn granted(world: &World, agent: &Name) -> Vec<Label> {
    let order = bailiwick_policy::LabelOrder::usual();
    let text = world.project.split(&format!("[agents.{agent}]")).nth(1).unwrap();
    let text = text.split("[agents.").next().unwrap();
    let line = text.lines().find(|line| line.starts_with("grants.knowledge")).unwrap();
    let named = (0..COLLECTIONS).filter(|at| line.contains(&format!("\"c{at}\"")));
    let named = named.map(|at| world.of_collection(at));
    let extras = EXTRAS.iter().zip(world.extras).filter(|(extra, _)| text.contains(extra.grant));
    let all = named.chain(extras.map(|(_, label)| label));
    all.map(|label| order.find(LABELS[label]).unwrap()).collect()
}

#[test]
fn a_higher_source_lowers_nothing_and_no_rule_raises_anything() {
    for seed in 0..WORLDS {
        let world = World::new(seed);
        let (_, _, before) = world.flow();
        let collections = (0..COLLECTIONS).map(|at| world.but(|world| world.labels[at] = 2));
        let roots = (0..ROOTS.len()).map(|at| world.but(|world| world.roots[at] = Some(2)));
        // Those that are sinks as well may be sent more then, and know more all the same.
        let extras = (0..EXTRAS.len()).map(|at| world.but(|world| world.extras[at] = 2));
        let (sources, sinks) = (collections.chain(roots), extras);
        let sources = sources.map(|world| (world, true));
        for (higher, only_source) in sources.chain(sinks.map(|world| (world, false))) {
            let (_, _, after) = higher.flow();
            for (name, flow) in &before.steps {
                let now = after.step(name).unwrap();
                assert!(now.level.label >= flow.level.label, "{seed}: {name}");
                assert!(now.released.label >= flow.released.label, "{seed}: {name}");
            }
            assert!(after.output.label >= before.output.label && after.whole >= before.whole);
            assert!(!only_source || after.problems.len() >= before.problems.len(), "{seed}");
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

/// The file may call a namespace what it likes: what it holds counts, in sources and sinks.
#[test]
fn what_a_namespace_holds_counts_whatever_its_file_says() {
    let text = "[agents.a]\ncomponent = \"a\"\ngrants.kv = { namespace = \"n\" }\n\
         grants.model = { use = [\"m\"] }\n\
         [models.m]\nroutes = [{ provider = \"openai\", base = \"http://127.0.0.1:1\", model = \"m\" }]\n\
         [kv.n]\nwriters = [\"a\"]\nlabel = \"internal\"\n";
    let project = Project::read("bailiwick.toml", text).unwrap();
    let policy = "labels = { unlabelled = \"public\" }\n[origins.\"http://127.0.0.1:1\"]\nclearance = \"internal\"\n";
    let policy = read_policy("policy.toml", policy).unwrap();
    let schema_text = |_: &str| Err(String::new());
    let around = Surroundings { project: &project, policy: &policy, schema_text: &schema_text };
    let pipeline = "[step.one]\nagent = \"a\"\n[output]\nx = \"${one}\"\n";
    let plan = Plan::read(&Name::new("p").unwrap(), "p.toml", pipeline, &around).unwrap();
    let resources = Resources::default();
    let order = &policy.labels.order;
    let judged = |held: Option<(&str, Trust)>| {
        let stood = held.map(|(label, trust)| {
            (Name::new("n").unwrap(), Level { label: order.find(label).unwrap(), trust })
        });
        let stood = stood.into_iter().collect();
        let (project, policy, resources) = (&project, &policy, &resources);
        let around = Around { project, policy, resources, input: None, stood: &stood };
        let flow = Flow::of(&plan, &around);
        let one = flow.step(&Name::new("one").unwrap()).unwrap();
        let codes: Vec<_> = flow.problems.iter().map(|found| found.code).collect();
        (order.name(one.level.label).to_owned(), one.level.trust, codes)
    };
    let (internal, trusted, outside) = ("internal".to_owned(), Trust::Trusted, Trust::Outside);
    for lower in [None, Some(("public", trusted)), Some(("internal", trusted))] {
        assert_eq!(judged(lower), (internal.clone(), trusted, vec![]));
    }
    let higher = judged(Some(("confidential", trusted)));
    assert_eq!(higher, ("confidential".to_owned(), trusted, vec!["E092"]));
    assert_eq!(judged(Some(("public", outside))), (internal, outside, vec!["E093"]));
}

/// What a hostile plan would get away with, were it not for one key: for each key that
/// restricts a label, the files with it, and what of them to take away.
const RESTRICTING: [(&str, &str, &str); 15] = [
    (
        "labels.order",
        "order = [\"public\", \"internal\", \"confidential\"]",
        "order = [\"confidential\"]",
    ),
    ("labels.unlabelled", "unlabelled = \"internal\"", "unlabelled = \"public\""),
    ("roots.min-label", "min-label = \"confidential\"", "min-label = \"public\""),
    (
        "origins.clearance",
        "clearance = \"internal\" # of the origin",
        "clearance = \"confidential\"",
    ),
    ("origins.label", "label = \"internal\" # of its answers", "label = \"public\""),
    ("people.clearance", "clearance = \"internal\" # of ana", "clearance = \"confidential\""),
    ("declassify.from", "from = \"internal\"", "from = \"confidential\""),
    ("declassify.to", "to = \"internal\"", "to = \"public\""),
    ("declassify.by", "by = [\"legal\"]", "by = [\"editors\"]"),
    ("declassify.pipelines", "pipelines = [\"other\"]", "pipelines = [\"p\"]"),
    ("declassify.self", "self = false", "self = true"),
    ("knowledge.label", "label = \"confidential\" # of the collection", "label = \"public\""),
    ("knowledge.trust", "trust = \"outside\"", ""),
    ("assets.label", "label = \"confidential\" # of the folder", "label = \"public\""),
    ("kv.label", "label = \"confidential\" # of the namespace", "label = \"public\""),
];

/// A world in which one key is all that stands in the way.
fn hostile(key: &str) -> (String, String, String) {
    let mut project = String::from(
        "[agents.a]\ncomponent = \"a\"\ngrants.model = { use = [\"m\"] }\n\
         [models.m]\nroutes = [{ provider = \"openai\", base = \"http://127.0.0.1:1\", model = \"m\" }]\n\
         [models.free]\nroutes = [{ provider = \"builtin\" }]\n",
    );
    let mut policy = String::new();
    let mut pipeline = String::from("[step.one]\nagent = \"a\"\n");
    let labelled = "[knowledge.c]\nfolder = \"c\"\nlabel = \"confidential\" # of the collection\n";
    let granted = "grants.knowledge = [\"c\"]\n[models.m]";
    let people = "[people.ana]\nuid = 1\ngroups = [\"editors\"]\nmay = [\"approve\"]\n";
    let editor = "[step.editor]\njudges = \"one\"\npeople = { groups = [\"editors\"] }\n";
    let cleared = "[origins.\"http://127.0.0.1:1\"]\n";
    let rule = "[[declassify]]\nfrom = \"confidential\"\nto = \"public\"\nby = [\"editors\"]\npipelines = [\"p\"]\n";
    // The agent that reads what is confidential tells nobody; the one that sends reads it.
    let lowered = || {
        (
            format!("{labelled}[agents.b]\ncomponent = \"b\"\ngrants.knowledge = [\"c\"]\n"),
            format!(
                "[step.one]\nagent = \"b\"\n{editor}[step.two]\nagent = \"a\"\ninput = {{ x = \"${{one}}\" }}\n"
            ),
            format!(
                "labels = {{ unlabelled = \"public\" }}\n{people}clearance = \"confidential\"\n"
            ),
        )
    };
    match key.split_once('.').unwrap() {
        ("labels", "order") => {
            policy = "[labels]\norder = [\"public\", \"internal\", \"confidential\"]\n".into();
            project = project.replacen("[models.m]", granted, 1) + labelled;
        }
        ("labels", _) => {
            policy = "[labels]\nunlabelled = \"internal\"\n".into();
            project =
                project.replacen("[models.m]", granted, 1) + "[knowledge.c]\nfolder = \"c\"\n";
        }
        ("roots", _) => {
            policy = "labels = { unlabelled = \"public\" }\n[roots.\"/srv\"]\nmin-label = \"confidential\"\n".into();
            project =
                project.replacen("[models.m]", granted, 1) + "[knowledge.c]\nfolder = \"c\"\n";
        }
        ("origins", "clearance") => {
            policy = format!(
                "labels = {{ unlabelled = \"public\" }}\n{cleared}clearance = \"internal\" # of the origin\n"
            );
            project = project.replacen("[models.m]", granted, 1) + labelled;
        }
        ("origins", _) => {
            policy = format!(
                "labels = {{ unlabelled = \"public\" }}\n{cleared}label = \"internal\" # of its answers\n"
            );
        }
        ("people", _) => {
            policy = format!(
                "labels = {{ unlabelled = \"public\" }}\n{cleared}clearance = \"confidential\"\n{people}clearance = \"internal\" # of ana\n"
            );
            project = project.replacen("[models.m]", granted, 1) + labelled;
            pipeline += editor;
        }
        ("declassify", part) => {
            let (more, steps, of_policy) = lowered();
            (project, pipeline) = (project + &more, steps);
            let rule = match part {
                "from" => rule.replace("from = \"confidential\"", "from = \"internal\""),
                "to" => rule.replace("to = \"public\"", "to = \"internal\""),
                "by" => rule.replace("by = [\"editors\"]", "by = [\"legal\"]"),
                "pipelines" => rule.replace("[\"p\"]", "[\"other\"]"),
                _ => format!("{rule}self = false\n"),
            };
            policy = of_policy + &rule;
        }
        ("knowledge", "label") => project = project.replacen("[models.m]", granted, 1) + labelled,
        ("knowledge", _) => {
            project = project.replacen("[models.m]", granted, 1)
                + "[knowledge.c]\nfolder = \"c\"\ntrust = \"outside\"\n";
        }
        ("kv", _) => {
            project =
                project.replacen("[models.m]", "grants.kv = { namespace = \"c\" }\n[models.m]", 1)
                    + "[kv.c]\nreaders = [\"a\"]\nlabel = \"confidential\" # of the namespace\n";
        }
        _ => {
            project = project.replacen("[models.m]", "grants.assets = [\"c\"]\n[models.m]", 1)
                + "[assets.c]\nfolder = \"c\"\nlabel = \"confidential\" # of the folder\n";
        }
    }
    pipeline += "[output]\nx = \"${one}\"\n";
    (project, policy, pipeline)
}

/// How many things are wrong, whether the step `one` is outside, and who may lower.
fn judged((project, policy, pipeline): &(String, String, String)) -> (usize, Trust, Option<bool>) {
    let project = Project::read("bailiwick.toml", project)
        .unwrap_or_else(|found| panic!("{found:?}\n{project}"));
    let policy = match policy.as_str() {
        "" => Policy::built_in(),
        text => {
            read_policy("policy.toml", text).unwrap_or_else(|found| panic!("{found:?}\n{text}"))
        }
    };
    let schema_text = |_: &str| Err(String::new());
    let around = Surroundings { project: &project, policy: &policy, schema_text: &schema_text };
    let plan = Plan::read(&Name::new("p").unwrap(), "p.toml", pipeline, &around)
        .unwrap_or_else(|found| panic!("{found:?}\n{pipeline}"));
    let folders = project.knowledge.keys().map(|name| (name.clone(), format!("/srv/{name}")));
    let resources = Resources { knowledge: folders.collect(), ..Resources::default() };
    let stood = BTreeMap::new();
    let around = Around {
        project: &project,
        policy: &policy,
        resources: &resources,
        input: None,
        stood: &stood,
    };
    let flow = Flow::of(&plan, &around);
    let one = flow.step(&Name::new("one").unwrap()).unwrap();
    let lowers = flow.steps.values().find_map(|step| step.lowers).map(|lowers| lowers.own);
    (flow.problems.len(), one.level.trust, lowers)
}

#[test]
fn each_key_that_restricts_a_label_stands_in_somebodys_way() {
    for (key, with, without) in RESTRICTING {
        let files = hostile(key);
        let taken = |text: &String| text.replace(with, without);
        let freed = (taken(&files.0), taken(&files.1), files.2.clone());
        assert_ne!(files, freed, "{key}: nothing was taken away");
        let (refused, let_go) = (judged(&files), judged(&freed));
        match key {
            // What they restrict is asked elsewhere: changing powers, and who approves.
            "knowledge.trust" => {
                assert_eq!((refused.1, let_go.1), (Trust::Outside, Trust::Trusted))
            }
            "declassify.self" => assert_eq!((refused.2, let_go.2), (Some(false), Some(true))),
            _ => {
                assert!(refused.0 > 0 && let_go.0 == 0, "{key}: {refused:?} {let_go:?}\n{files:?}")
            }
        }
    }
}

/// A key of labels that no case above runs into fails here.
#[test]
fn no_key_of_labels_is_without_its_case() {
    use bailiwick_project::{FileKind, schema};
    let mut keys = BTreeSet::new();
    let policy = schema(FileKind::Policy);
    let below = |table: &serde_json::Value| -> Vec<String> {
        let table = [&table["additionalProperties"], &table["items"], table]
            .into_iter()
            .find(|table| table["properties"].is_object())
            .unwrap();
        table["properties"].as_object().unwrap().keys().cloned().collect()
    };
    for table in ["labels", "roots", "origins", "declassify"] {
        let found = below(&policy["properties"][table]);
        assert!(!found.is_empty(), "{table}");
        keys.extend(found.into_iter().map(|key| format!("{table}.{key}")));
    }
    keys.insert("people.clearance".into());
    let project = schema(FileKind::Project);
    let others = ["folder", "embed", "readers", "writers", "quota"];
    for table in ["knowledge", "assets", "kv"] {
        let found = below(&project["properties"][table]).into_iter();
        let of_labels = found.filter(|key| !others.contains(&key.as_str()));
        keys.extend(of_labels.map(|key| format!("{table}.{key}")));
    }
    let cases: BTreeSet<_> = RESTRICTING.iter().map(|(key, ..)| (*key).to_owned()).collect();
    assert_eq!(keys, cases);
}
