//! Questions in a real data folder: listed without their runs, answered by people whom the kernel names, while their run goes and while it does not.

use std::path::Path;

use bailiwick_core::fact::{AgentPin, JudgeShape, StepShape, Used};
use bailiwick_core::{AttemptId, CellKey};
use bailiwick_policy::{People, Person, Right};
use bailiwick_provider::Keys;
use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::host::HostConfig;
use crate::viewing::Viewer;

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

fn run(text: &str) -> RunId {
    RunId::new(text).unwrap()
}

fn ask(run: &str) -> AskId {
    AskId(format!("{run}/editor/-/0"))
}

fn approve() -> Decision {
    Decision::Approve { comment: None }
}

struct Scratch {
    host: Host,
    folder: TempDir,
    /// Who runs the tests, and so the host.
    uid: u32,
}

impl Scratch {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let uid = std::fs::metadata(folder.path()).unwrap().uid();
        Self { host: host(folder.path()), folder, uid }
    }

    fn data(&self) -> std::path::PathBuf {
        self.folder.path().join("data")
    }

    fn history(&self) -> History {
        History::open(&self.data(), Viewer::host()).unwrap().unwrap()
    }

    /// Somebody who asks the host over its socket.
    fn uid(&self, uid: u32) -> Caller {
        Caller { uid, host: self.uid }
    }

    async fn decide(
        &self,
        who: u32,
        asks: &[AskId],
        what: Decision,
    ) -> Result<Vec<Taken>, NotTaken> {
        let given = |ask: &AskId| Given { ask: ask.clone(), decision: what.clone(), subject: None };
        let given = asks.iter().map(given).collect();
        decide(&self.host, &policy(), self.uid(who), given).await
    }

    /// A run that waits for people.
    async fn waiting(&self, id: &str, quorum: u32) {
        let store = Arc::clone(&self.host.hold().unwrap().store);
        let term = store.create(&run(id)).await.unwrap();
        let entry = Entry { at: Timestamp(1), facts: asked(id, quorum) };
        store.append(&run(id), term, entry).unwrap().durable().await.unwrap();
    }

    /// Runs that wait for people, each with a last fact that no run can have there.
    async fn waiting_and_illegal(&self, ids: &[String]) {
        let store = Arc::clone(&self.host.hold().unwrap().store);
        let runs: Vec<RunId> = ids.iter().map(|id| run(id)).collect();
        // Begun together, so that they share their commits.
        let begun: Vec<_> = runs.iter().map(|run| store.create(run)).collect();
        let mut tickets = Vec::new();
        for (id, begun) in ids.iter().zip(begun) {
            let term = begun.await.unwrap();
            let mut facts = asked(id, 1);
            facts.push(Fact::StepLaidOut { step: name("draft"), cells: Vec::new() });
            let entry = Entry { at: Timestamp(1), facts };
            tickets.push(store.append(&run(id), term, entry).unwrap());
        }
        for ticket in tickets {
            ticket.durable().await.unwrap();
        }
    }
}

fn host(folder: &Path) -> Host {
    let config = HostConfig {
        data: folder.join("data"),
        cache: folder.join("cache"),
        compiler: "/nonexistent".into(),
        compiler_arguments: Vec::new(),
        keys: Keys::new(None, None),
        command: "test".into(),
    };
    Host::open(&config).unwrap()
}

/// Ana and bo may answer, cy may not.
fn people() -> People {
    let person = |(uid, name, may): (u32, &str, &[Right])| {
        let groups = ["editors".to_owned()].into();
        (
            name.to_owned(),
            Person { uid, groups, may: may.iter().copied().collect(), clearance: None },
        )
    };
    let all = [
        (7001, "ana", &[Right::Approve][..]),
        (7002, "bo", &[Right::Approve][..]),
        (7003, "cy", &[Right::Submit][..]),
    ];
    People::Named(all.map(person).into())
}

fn policy() -> Policy {
    Policy { people: people(), ..Policy::built_in() }
}

/// The facts of a run of one step, up to its question.
fn asked(id: &str, quorum: u32) -> Vec<Fact> {
    let cell = CellId { step: name("draft"), key: CellKey::single() };
    let attempt = AttemptId::new(cell.clone(), 0, 1);
    let any = Digest::of(b"any");
    let output = Document::of(&json!({ "text": "a" }));
    let groups = vec!["editors".to_owned()];
    let shape = |name: &str, by, judges| StepShape { name: self::name(name), by, judges };
    let judges = Some(JudgeShape { subject: name("draft"), rounds: 1, quorum });
    let pin = AgentPin { component: any, profile: "work 1.0.0".into(), powers: any };
    vec![
        Fact::RunStarted {
            run: run(id),
            pipeline: name("main"),
            input: Document::of(&json!({})),
            shape: vec![
                shape("draft", StepBy::Agent(name("work")), None),
                shape("editor", StepBy::People(groups.clone()), judges),
            ],
            agents: [(name("work"), pin)].into(),
            imported: Vec::new(),
            by: "ana".into(),
            pin: None,
            forked: None,
            labels: None,
        },
        Fact::StepLaidOut { step: name("draft"), cells: vec![CellKey::single()] },
        Fact::CellStarted {
            attempt: attempt.clone(),
            component: any,
            powers: any,
            input: Document::of(&json!({})),
            content: None,
        },
        Fact::CellFinished { attempt, output: output.clone(), used: Used::default() },
        Fact::Asked {
            ask: ask(id),
            cell,
            round: 0,
            subject: output.digest(),
            show: Document::of(&json!({ "besides": 1 })),
            groups,
            quorum,
            until: Some(Timestamp(5)),
        },
    ]
}

#[track_caller]
fn codes_of(refused: &NotTaken) -> Vec<&'static str> {
    let (NotTaken::Wrong(problems) | NotTaken::Refused(problems) | NotTaken::Storage(problems)) =
        refused;
    problems.diagnostics.iter().map(|found| found.code).collect()
}

/// Each run ends in a fact that no run can have there, so whoever replays one fails.
#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_waiting_runs_are_listed_without_being_read() {
    const RUNS: usize = 10_000;
    let mut scratch = Scratch::new();
    let all: Vec<String> = (0..RUNS).map(|number| format!("r{number:05}")).collect();
    // One process owns fewer at a time.
    for some in all.chunks(4_000) {
        scratch.waiting_and_illegal(some).await;
        drop(scratch.host);
        scratch.host = host(scratch.folder.path());
    }
    let history = scratch.history();
    assert!(history.record(&run("r00007")).await.is_err(), "such a run cannot be replayed");
    let open = open(&history, None).await.unwrap();
    assert_eq!(open.len(), RUNS);
    let one = &open[7];
    assert_eq!((&one.ask, &one.run, one.step.as_str()), (&ask("r00007"), &run("r00007"), "editor"));
    assert_eq!((one.groups.as_slice(), one.quorum), (&["editors".to_owned()][..], 1));
    assert_eq!((one.until, one.show.value()), (Some(Timestamp(5)), json!({ "besides": 1 })));
    assert_eq!(history.runs(100).await.unwrap().runs.len(), 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_named_is_shown_with_its_candidate_and_no_other() {
    let scratch = Scratch::new();
    for id in ["r", "r1", "r-1", "r.1"] {
        scratch.waiting(id, 1).await;
    }
    let history = scratch.history();
    let named = open(&history, Some(&run("r"))).await.unwrap();
    assert_eq!(named.iter().map(|one| one.run.as_str()).collect::<Vec<_>>(), ["r"]);
    assert_eq!(named[0].candidate.as_ref().unwrap().value(), json!({ "text": "a" }));
    assert!(open(&history, Some(&run("r2"))).await.is_err());
    assert_eq!(open(&history, None).await.unwrap().len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn people_are_told_apart_by_what_the_kernel_says() {
    let scratch = Scratch::new();
    scratch.waiting("r", 2).await;
    let asks = [ask("r")];
    for nobody in [7003, 7004, scratch.uid] {
        let refused = scratch.decide(nobody, &asks, approve()).await.unwrap_err();
        assert_eq!(codes_of(&refused), [codes::NOT_A_PERSON], "{nobody}: {refused}");
    }
    let first = scratch.decide(7001, &asks, approve()).await.unwrap();
    assert_eq!((first[0].by.as_str(), first[0].votes, first[0].live), ("ana", Some((1, 2)), false));
    let again = scratch.decide(7001, &asks, approve()).await.unwrap();
    assert_eq!((again[0].already.as_deref(), again[0].votes), (Some("ana"), Some((1, 2))));
    let listed = open(&scratch.history(), None).await.unwrap();
    assert_eq!((listed[0].quorum, listed[0].votes.as_slice()), (2, &["ana".to_owned()][..]));
    let second = scratch.decide(7002, &asks, approve()).await.unwrap();
    assert_eq!((second[0].already.as_deref(), second[0].votes), (None, Some((2, 2))));
    assert!(open(&scratch.history(), None).await.unwrap().is_empty());
    let reject = Decision::Reject { comment: None };
    let late = scratch.decide(7001, &asks, reject).await.unwrap_err();
    assert_eq!(codes_of(&late), [codes::NOT_TAKEN]);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_refusal_refuses_all_over_all_runs() {
    let scratch = Scratch::new();
    for id in ["a", "b"] {
        scratch.waiting(id, 1).await;
    }
    let store = Arc::clone(&scratch.host.hold().unwrap().store);
    for (bad, code) in [(ask("c"), codes::NO_QUESTION), (AskId("?".into()), codes::NO_QUESTION)] {
        let asks = [ask("a"), bad, ask("b")];
        let refused = scratch.decide(7001, &asks, approve()).await.unwrap_err();
        assert!(matches!(refused, NotTaken::Wrong(_)) && codes_of(&refused) == [code]);
    }
    let wrong = Some(Digest::of(b"another"));
    let given = |ask, subject| Given { ask, decision: approve(), subject };
    let given = vec![given(ask("a"), None), given(ask("b"), wrong)];
    let refused = decide(&scratch.host, &policy(), scratch.uid(7001), given).await.unwrap_err();
    assert!(matches!(refused, NotTaken::Refused(_)) && codes_of(&refused) == [codes::NOT_TAKEN]);
    for id in ["a", "b"] {
        assert_eq!(store.read(&run(id)).await.unwrap().len(), 1, "nothing was written");
    }
    let many: Vec<_> = (0..=ANSWERS_MAX).map(|n| ask(&format!("r{n}"))).collect();
    let refused = scratch.decide(7001, &many, approve()).await.unwrap_err();
    assert!(refused.to_string().contains("at most"), "{refused}");
    let taken = scratch.decide(7001, &[ask("a"), ask("b"), ask("a")], approve()).await.unwrap();
    assert_eq!(taken.len(), 2);
    for id in ["a", "b"] {
        assert_eq!(store.read(&run(id)).await.unwrap().len(), 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_decides_in_its_own_users_folder_only() {
    let scratch = Scratch::new();
    scratch.waiting("r", 1).await;
    let stranger = Caller::who_runs_it(scratch.uid + 1);
    let given = vec![Given { ask: ask("r"), decision: approve(), subject: None }];
    let refused =
        decide(&scratch.host, &Policy::built_in(), stranger, given.clone()).await.unwrap_err();
    assert!(refused.to_string().contains("belongs to uid"), "{refused}");
    let owner = Caller::who_runs_it(scratch.uid);
    assert_eq!(decide(&scratch.host, &Policy::built_in(), owner, given).await.unwrap().len(), 1);
}

/// A run that ana started, of a confidential step whose label its judge lowers.
async fn lowered(scratch: &Scratch, own: bool) {
    use bailiwick_core::fact::{Lowers, RunLabels, StepLabel};
    let label = |lowers| StepLabel { label: "confidential".into(), lowers, outside: false };
    let lowers = Lowers { to: "public".into(), own };
    let of_run = RunLabels {
        input: "public".into(),
        output: "public".into(),
        whole: "confidential".into(),
        steps: [(name("draft"), label(None)), (name("editor"), label(Some(lowers)))].into(),
    };
    let mut facts = asked("r", 1);
    if let Some(Fact::RunStarted { labels, .. }) = facts.first_mut() {
        *labels = Some(Box::new(of_run));
    }
    let store = Arc::clone(&scratch.host.hold().unwrap().store);
    let term = store.create(&run("r")).await.unwrap();
    let entry = Entry { at: Timestamp(1), facts };
    store.append(&run("r"), term, entry).unwrap().durable().await.unwrap();
}

/// A policy under which these are cleared for everything.
fn cleared(names: &[&str]) -> Policy {
    let mut policy = policy();
    let highest = policy.labels.order.highest();
    if let People::Named(people) = &mut policy.people {
        names.iter().for_each(|name| people.get_mut(*name).unwrap().clearance = Some(highest));
    }
    policy
}

fn given(decision: Decision) -> Vec<Given> {
    vec![Given { ask: ask("r"), decision, subject: None }]
}

#[tokio::test(flavor = "multi_thread")]
async fn who_started_a_run_does_not_lower_its_labels_by_himself() {
    let scratch = Scratch::new();
    lowered(&scratch, false).await;
    let policy = cleared(&["ana", "bo"]);
    let by = |uid| decide(&scratch.host, &policy, scratch.uid(uid), given(approve()));
    let refused = by(7001).await.unwrap_err();
    assert_eq!(codes_of(&refused), [codes::NOT_TAKEN]);
    assert!(
        refused
            .to_string()
            .contains("ana started r, and editor lowers it from confidential to public"),
        "{refused}"
    );
    assert_eq!(by(7002).await.unwrap()[0].by, "bo");

    let scratch = Scratch::new();
    lowered(&scratch, true).await;
    let taken = decide(&scratch.host, &policy, scratch.uid(7001), given(approve())).await;
    assert_eq!(taken.unwrap()[0].by, "ana", "the rule says that he counts");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_decides_or_is_shown_what_he_is_not_cleared_for() {
    let scratch = Scratch::new();
    lowered(&scratch, false).await;
    scratch.waiting("unlabelled", 1).await;
    let policy = cleared(&["ana"]);
    let refused =
        decide(&scratch.host, &policy, scratch.uid(7002), given(approve())).await.unwrap_err();
    assert_eq!(codes_of(&refused), [codes::NOT_A_PERSON]);
    assert!(refused.to_string().contains("bo is cleared for public, and this is confidential"));
    let seen = |uid| {
        let viewer = Viewer::new(policy.clone(), scratch.uid(uid));
        History::open(&scratch.data(), viewer).unwrap().unwrap()
    };
    let (of_ana, of_bo) = (seen(7001), seen(7002));
    assert_eq!(open(&of_ana, None).await.unwrap().len(), 2);
    let asks: Vec<_> = open(&of_bo, None).await.unwrap().into_iter().map(|open| open.ask).collect();
    assert_eq!(asks, [ask("unlabelled")]);
    assert!(open(&of_bo, Some(&run("r"))).await.unwrap().is_empty());
    assert!(of_ana.record(&run("r")).await.is_ok());
    let refused = of_bo.record(&run("r")).await.err().unwrap();
    assert!(refused.to_string().contains("bo is cleared for public"), "{refused}");
    assert!(of_bo.record(&run("unlabelled")).await.is_ok());
    let listing = of_bo.runs(10).await.unwrap();
    assert_eq!((listing.runs.len(), listing.hidden), (1, 1));
    assert_eq!(listing.runs[0].run, run("unlabelled"));
    assert_eq!(of_ana.runs(10).await.unwrap().runs.len(), 2);
}

/// What a run of the tests is driven by.
mod driven {
    use bailiwick_orchestrator::{
        Desk, Ended, NoReuse, Observer, Question, RunError, Start, World,
    };
    use bailiwick_policy::ports::{Job, Outcome, Slots, StepRunner};
    use bailiwick_policy::{Effective, Generation, Grants, Limits};
    use bailiwick_project::{Plan, Project, Surroundings};

    use super::*;

    pub(super) struct Onlooker;

    impl Observer for Onlooker {
        fn entry(&self, _: &Durable, _: &Entry) {}
    }

    impl Desk for Onlooker {
        fn ask<'a>(
            &'a self,
            _: &'a Durable,
            _: Question,
            _: &'a RunHandle,
        ) -> bailiwick_core::ports::BoxFuture<'a, ()> {
            Box::pin(async {})
        }

        fn is_attended(&self) -> bool {
            true
        }
    }

    impl Slots for Onlooker {
        fn current(&self, agent: &Name) -> Option<Arc<Generation>> {
            let effective = Effective { grants: Grants::none(), limits: Limits::DEFAULT };
            Some(Arc::new(Generation {
                key: None,
                agent: agent.clone(),
                identity: format!("local/{agent}"),
                version: "1.0.0".into(),
                component: Digest::of(b"work"),
                powers: effective.digest(),
                effective,
                sources: Digest::of(b""),
                input: Schema::admit(json!(true)).unwrap(),
                output: Schema::admit(json!(true)).unwrap(),
            }))
        }
    }

    impl StepRunner for Onlooker {
        fn run(&self, _: Job) -> bailiwick_core::ports::BoxFuture<'_, Outcome> {
            let result = Ok(Document::of(&json!({ "text": "a" })));
            Box::pin(async { Outcome { result, used: Used::default(), writes: Vec::new() } })
        }
    }

    /// A run that goes in this process.
    pub(super) fn begin(
        host: &Host,
        id: &str,
    ) -> (RunHandle, impl Future<Output = Result<Ended, RunError>> + Send + 'static + use<>) {
        let project = "[agents.work]\ncomponent = \"work\"\n";
        let pipeline = "[step.draft]\nagent = \"work\"\n[step.editor]\njudges = \"draft\"\npeople = { groups = [\"editors\"], quorum = 2 }\n[output]\ndraft = \"${draft}\"\n";
        let policy = Policy { people: people(), ..Policy::built_in() };
        let surroundings = Surroundings {
            project: &Project::read("bailiwick.toml", project).unwrap(),
            policy: &policy,
            schema_text: &|_| Err("there are no files here".into()),
        };
        let plan = Plan::read(&name("main"), "pipelines/main.toml", pipeline, &surroundings);
        let world = World {
            journal: Arc::clone(&host.hold().unwrap().store) as _,
            clock: Arc::clone(&host.clock),
            slots: Arc::new(Onlooker),
            runner: Arc::new(Onlooker),
            observer: Arc::new(Onlooker),
            desk: Arc::new(Onlooker),
            reuse: Arc::new(NoReuse),
            books: Arc::new(bailiwick_orchestrator::NoBooks),
        };
        let start = Start {
            run: run(id),
            plan: Arc::new(plan.unwrap()),
            input: Document::of(&json!({})),
            assets: json!({}),
            agents: BTreeMap::new(),
            imported: Vec::new(),
            by: "ana".into(),
            pin: None,
            forked: None,
            labels: None,
            concurrency: std::num::NonZeroUsize::MIN,
            grace: Duration::ZERO,
            preparation: None,
        };
        bailiwick_orchestrator::run(world, start)
    }
}

/// The same function hands answers to the task of a run that goes, and the run goes on.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_goes_takes_its_answers_now() {
    let scratch = Scratch::new();
    let (handle, going) = driven::begin(&scratch.host, "r");
    scratch.host.live.goes(handle).await;
    let going = tokio::spawn(going);
    scratch.waiting("left", 1).await;
    let asks = [ask("r")];
    while !matches!(open_in(&scratch.data()).await.as_slice(), [_, _]) {
        tokio::task::yield_now().await;
    }
    let refused = scratch.decide(7003, &asks, approve()).await.unwrap_err();
    assert_eq!(codes_of(&refused), [codes::NOT_A_PERSON]);
    let first = scratch.decide(7001, &asks, approve()).await.unwrap();
    assert_eq!((first[0].votes, first[0].live), (Some((1, 2)), true));
    // One of a run that goes and one of a run that was left, together.
    let both = scratch.decide(7002, &[ask("r"), ask("left")], approve()).await.unwrap();
    assert_eq!(both.iter().map(|taken| taken.live).collect::<Vec<_>>(), [false, true]);
    let ended = going.await.unwrap().unwrap();
    assert_eq!(ended.state.output.unwrap().value(), json!({ "draft": { "text": "a" } }));
}

async fn open_in(data: &Path) -> Vec<AskId> {
    let history = History::open(data, Viewer::host()).unwrap().unwrap();
    open(&history, None).await.unwrap().into_iter().map(|open| open.ask).collect()
}
