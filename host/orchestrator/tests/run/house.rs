//! The world of a run in a test: a journal in memory, agents that are closures, a clock that leaps, a desk with a table.

use std::collections::BTreeMap;
use std::future::Future;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bailiwick_core::fact::{Entry, Fact, Failure, FailureKind, Used};
use bailiwick_core::ports::{BoxFuture, Clock, Durable, Journal};
use bailiwick_core::schema::Schema;
use bailiwick_core::{Digest, Document, Name, RunId, RunState, Timestamp};
use bailiwick_orchestrator::{
    Desk, Ended, NoReuse, Observer, Question, Refused, Resume, RunError, RunHandle, Start, World,
    pin, resume as resume_run, run,
};
use bailiwick_policy::ports::{Job, Left, Outcome, Slots, StepRunner};
use bailiwick_policy::{Effective, Generation, Grants, Limits, People, Person, Policy, Right};
use bailiwick_project::{Decisions, Plan, Project, Surroundings};
use bailiwick_store::MemoryJournal;
use serde_json::{Value, json};
use tokio::sync::{Notify, oneshot};

/// Longer than any test takes on a busy machine: a run that hangs fails instead.
const HANGS: Duration = Duration::from_secs(60);

/// Lets everything else go on until something holds.
pub(crate) async fn until(holds: impl Fn() -> bool) {
    let wait = async {
        while !holds() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(HANGS, wait).await.expect("what the test waits for never happens");
}

pub(crate) fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

/// A verdict as a judge says it.
pub(crate) fn verdict(word: &str, score: f64) -> Value {
    json!({ "verdict": word, "score": score, "reasons": [{ "rule": "r", "message": word, "fix": "" }] })
}

pub(crate) fn failure(kind: FailureKind) -> Failure {
    Failure { kind, message: "as the test says".into(), hint: None }
}

/// What an agent does.
pub(crate) type Act = Arc<dyn Fn(Job) -> BoxFuture<'static, Result<Value, Failure>> + Send + Sync>;

/// An agent that does not wait.
pub(crate) fn at_once(act: impl Fn(&Job) -> Result<Value, Failure> + Send + Sync + 'static) -> Act {
    Arc::new(move |job| {
        let result = act(&job);
        Box::pin(async move { result })
    })
}

/// An agent that does.
pub(crate) fn slowly<F>(act: impl Fn(Job) -> F + Send + Sync + 'static) -> Act
where
    F: Future<Output = Result<Value, Failure>> + Send + 'static,
{
    Arc::new(move |job| Box::pin(act(job)))
}

/// What a step puts out where a test does not say: judges pass, others name themselves.
pub(crate) fn usual(plan: &Plan, job: &Job) -> Value {
    let id = &job.attempt;
    match plan.step(&id.cell.step).and_then(|step| step.judges.as_ref()) {
        Some(_) => json!({ "verdict": "pass", "score": 1.0, "reasons": [] }),
        None => json!(format!("{} {} #{}", id.cell.step, id.cell.key, id.round)),
    }
}

pub(crate) struct House {
    pub(crate) plan: Arc<Plan>,
    pub(crate) input: Value,
    pub(crate) concurrency: usize,
    pub(crate) journal: Arc<MemoryJournal>,
    pub(crate) clock: Arc<Leaping>,
    pub(crate) runner: Arc<Runner>,
    pub(crate) seen: Arc<Seen>,
    pub(crate) desk: Arc<Table>,
}

impl House {
    /// A house for this pipeline. Agents are `work`, `judge` and `picky`, whose output is an object.
    pub(crate) fn of(pipeline: &str) -> Self {
        let agents = ["work", "judge", "picky"]
            .map(|agent| format!("[agents.{agent}]\ncomponent = \"{agent}\"\n"));
        let project = Project::read("bailiwick.toml", &agents.concat()).unwrap();
        let policy = Policy { people: people(), ..Policy::built_in() };
        let surroundings = Surroundings {
            project: &project,
            policy: &policy,
            schema_text: &|_| Err("there are no files here".into()),
        };
        let plan = Plan::read(&name("test"), "pipelines/test.toml", pipeline, &surroundings);
        let plan = Arc::new(plan.unwrap_or_else(|errors| panic!("{pipeline}\n{errors:#?}")));
        let usually = Arc::clone(&plan);
        Self {
            input: json!({}),
            concurrency: 4,
            journal: Arc::default(),
            clock: Arc::default(),
            runner: Arc::new(Runner {
                act: at_once(move |job| Ok(usual(&usually, job))),
                gauge: Arc::default(),
            }),
            seen: Arc::default(),
            desk: Arc::default(),
            plan,
        }
    }

    pub(crate) fn agents(mut self, act: Act) -> Self {
        self.runner = Arc::new(Runner { act, gauge: Arc::default() });
        self
    }

    pub(crate) fn at_a_time(mut self, concurrency: usize) -> Self {
        self.concurrency = concurrency;
        self
    }

    pub(crate) fn desk(mut self, desk: Table) -> Self {
        self.desk = Arc::new(desk);
        self
    }

    fn world(&self) -> World {
        World {
            journal: Arc::clone(&self.journal) as Arc<dyn Journal>,
            clock: Arc::clone(&self.clock) as _,
            slots: Arc::new(Agents),
            runner: Arc::clone(&self.runner) as _,
            observer: Arc::clone(&self.seen) as _,
            desk: Arc::clone(&self.desk) as _,
            reuse: Arc::new(NoReuse),
            books: Arc::new(bailiwick_orchestrator::NoBooks),
        }
    }

    pub(crate) fn start(
        &self,
    ) -> (RunHandle, impl Future<Output = Result<Ended, RunError>> + use<>) {
        let agents = [("work", generation(&name("work")))];
        let start = Start {
            run: run_id(),
            plan: Arc::clone(&self.plan),
            input: Document::of(&self.input),
            assets: json!({}),
            agents: agents
                .into_iter()
                .map(|(agent, generation)| (name(agent), pin(&generation)))
                .collect(),
            imported: Vec::new(),
            by: "ana".into(),
            pin: None,
            forked: None,
            labels: None,
            concurrency: NonZeroUsize::new(self.concurrency).unwrap(),
            grace: Duration::from_secs(10),
            preparation: None,
        };
        let (handle, driven) = run(self.world(), start);
        let driven =
            async move { tokio::time::timeout(HANGS, driven).await.expect("the run hangs") };
        (handle, driven)
    }

    /// Goes on with the run as another host would: from what the journal has.
    pub(crate) async fn resume(
        &self,
    ) -> (RunHandle, impl Future<Output = Result<Ended, RunError>> + use<>) {
        let term = self.journal.claim(&run_id()).await.unwrap();
        let entries = self.entries();
        let state = RunState::replay(&entries).unwrap().unwrap();
        let resume = Resume {
            term,
            state,
            known: entries.len() as u64,
            plan: Arc::clone(&self.plan),
            assets: json!({}),
            by: "ana".into(),
            repinned: None,
            retry_failed: false,
            concurrency: NonZeroUsize::new(self.concurrency).unwrap(),
            grace: Duration::from_secs(10),
            preparation: None,
        };
        let (handle, driven) = resume_run(self.world(), resume);
        let driven =
            async move { tokio::time::timeout(HANGS, driven).await.expect("the run hangs") };
        (handle, driven)
    }

    /// Runs to the end, and holds what must hold of every run against it.
    pub(crate) async fn run(&self) -> Ended {
        let (_handle, driven) = self.start();
        let ended = driven.await.unwrap();
        self.hold_against(&ended);
        ended
    }

    pub(crate) fn hold_against(&self, ended: &Ended) {
        crate::order::hold_against(self, &ended.state);
    }

    /// What the journal has.
    pub(crate) fn entries(&self) -> Vec<Entry> {
        self.journal.entries(&run_id())
    }

    /// What the journal has, one after the other.
    pub(crate) fn facts(&self) -> Vec<Fact> {
        self.entries().into_iter().flat_map(|entry| entry.facts).collect()
    }
}

/// Three people who may answer everything.
fn people() -> People {
    let groups = ["editors", "legal", "e"].map(str::to_owned);
    let person = |(uid, name): (u32, &str)| {
        let may = [Right::Approve].into();
        (name.to_owned(), Person { uid, groups: groups.clone().into(), may, clearance: None })
    };
    People::Named([(1, "ana"), (2, "bo"), (3, "cy")].map(person).into())
}

pub(crate) fn run_id() -> RunId {
    RunId::new("r").unwrap()
}

/// Every agent name, always the same generation.
pub(crate) struct Agents;

impl Slots for Agents {
    fn current(&self, agent: &Name) -> Option<Arc<Generation>> {
        Some(Arc::new(generation(agent)))
    }
}

fn generation(agent: &Name) -> Generation {
    let effective = Effective { grants: Grants::none(), limits: Limits::DEFAULT };
    let output = if agent.as_str() == "picky" { json!({ "type": "object" }) } else { json!(true) };
    Generation {
        key: None,
        agent: agent.clone(),
        identity: format!("local/{agent}"),
        version: "1.0.0".into(),
        component: Digest::of(agent.as_str().as_bytes()),
        powers: effective.digest(),
        effective,
        sources: Digest::of(b""),
        input: Schema::admit(json!(true)).unwrap(),
        output: Schema::admit(output).unwrap(),
    }
}

/// Runs closures, and counts how many run at a time.
pub(crate) struct Runner {
    act: Act,
    pub(crate) gauge: Arc<Gauge>,
}

impl StepRunner for Runner {
    fn run(&self, job: Job) -> BoxFuture<'_, Outcome> {
        let busy = Gauge::enter(&self.gauge, &job.attempt.cell.step);
        let work = (self.act)(job);
        Box::pin(async move {
            let _busy = busy;
            let result = work.await.map(|output| Document::of(&output)).map_err(Left::from);
            Outcome { result, used: Used::default(), writes: Vec::new() }
        })
    }
}

/// Attempts by step, now and at most; the empty name is their sum.
#[derive(Default)]
pub(crate) struct Gauge(Mutex<BTreeMap<String, (usize, usize)>>);

impl Gauge {
    fn enter(this: &Arc<Self>, step: &Name) -> Busy {
        for key in ["", step.as_str()] {
            let mut counts = this.0.lock().unwrap();
            let (now, most) = counts.entry(key.to_owned()).or_default();
            *now += 1;
            *most = (*most).max(*now);
        }
        Busy { gauge: Arc::clone(this), step: step.to_string() }
    }

    pub(crate) fn now(&self) -> usize {
        self.0.lock().unwrap().get("").map_or(0, |(now, _)| *now)
    }

    /// The most at a time of a step; of all for the empty name.
    pub(crate) fn most(&self, step: &str) -> usize {
        self.0.lock().unwrap().get(step).map_or(0, |(_, most)| *most)
    }
}

struct Busy {
    gauge: Arc<Gauge>,
    step: String,
}

impl Drop for Busy {
    fn drop(&mut self) {
        for key in ["", &self.step] {
            self.gauge.0.lock().unwrap().get_mut(key).unwrap().0 -= 1;
        }
    }
}

/// A clock on which every sleep is over at once, unless it is frozen.
#[derive(Default)]
pub(crate) struct Leaping(Mutex<Time>);

#[derive(Default)]
struct Time {
    now: Timestamp,
    frozen: bool,
    asleep: Vec<(Timestamp, oneshot::Sender<()>)>,
}

impl Leaping {
    pub(crate) fn freeze(&self) {
        self.0.lock().unwrap().frozen = true;
    }

    /// How many sleep.
    pub(crate) fn asleep(&self) -> usize {
        self.0.lock().unwrap().asleep.len()
    }

    /// Lets time pass on a frozen clock.
    pub(crate) fn advance(&self, by: Duration) {
        let mut time = self.0.lock().unwrap();
        let now = time.now.after(by);
        time.now = now;
        let (over, asleep) = time.asleep.drain(..).partition(|(at, _)| *at <= now);
        time.asleep = asleep;
        let over: Vec<(Timestamp, oneshot::Sender<()>)> = over;
        for (_, wake) in over {
            // Who slept may be gone.
            let _ = wake.send(());
        }
    }
}

impl Clock for Leaping {
    fn now(&self) -> Timestamp {
        self.0.lock().unwrap().now
    }

    fn sleep_until(&self, at: Timestamp) -> BoxFuture<'static, ()> {
        let mut time = self.0.lock().unwrap();
        if !time.frozen {
            time.now = time.now.max(at);
        }
        if at <= time.now {
            return Box::pin(async {});
        }
        let (wake, woken) = oneshot::channel();
        time.asleep.push((at, wake));
        Box::pin(async move { drop(woken.await) })
    }
}

/// Everything that was shown.
#[derive(Default)]
pub(crate) struct Seen {
    entries: Mutex<Vec<Entry>>,
    more: Notify,
}

impl Seen {
    pub(crate) fn entries(&self) -> Vec<Entry> {
        self.entries.lock().unwrap().clone()
    }

    /// Waits until a fact of this kind was shown so often.
    pub(crate) async fn until(&self, times: usize, fact: impl Fn(&Fact) -> bool) {
        let wait = async {
            loop {
                let more = self.more.notified();
                let seen = self.entries().iter().flat_map(|e| &e.facts).filter(|f| fact(f)).count();
                if seen >= times {
                    return;
                }
                more.await;
            }
        };
        tokio::time::timeout(HANGS, wait).await.expect("what the test waits for never happens");
    }
}

impl Observer for Seen {
    fn entry(&self, _: &Durable, entry: &Entry) {
        self.entries.lock().unwrap().push(entry.clone());
        self.more.notify_waiters();
    }
}

/// A desk that answers from a table.
#[derive(Default)]
pub(crate) struct Table {
    pub(crate) decisions: Decisions,
    pub(crate) attended: bool,
    pub(crate) questions: Mutex<Vec<Question>>,
    pub(crate) refused: Mutex<Vec<Refused>>,
}

impl Table {
    pub(crate) fn of(decisions: &str) -> Self {
        let decisions = Decisions::read("decisions.toml", decisions).unwrap();
        Self { decisions, ..Self::default() }
    }

    /// Without answers of its own; somebody else gives them through the handle.
    pub(crate) fn attended() -> Self {
        Self { attended: true, ..Self::default() }
    }
}

impl Desk for Table {
    fn ask<'a>(
        &'a self,
        _: &'a Durable,
        question: Question,
        run: &'a RunHandle,
    ) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            let decision =
                self.decisions.decide(&question.step, &question.cell.key, question.round);
            self.questions.lock().unwrap().push(question.clone());
            if let Some(decision) = decision
                && let Err(refused) = run.decide(question.ask, decision, "ana".into()).await
            {
                self.refused.lock().unwrap().push(refused);
            }
        })
    }

    fn is_attended(&self) -> bool {
        self.attended
    }
}
