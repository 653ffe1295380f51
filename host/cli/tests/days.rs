//! A host that stays while days go by: what waits for the next day goes on at midnight, what is old goes. The test moves the clock.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod end_to_end;

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bailiwick_core::fact::PauseReason;
use bailiwick_core::ports::{BoxFuture, Clock};
use bailiwick_core::run::RunStatus;
use bailiwick_core::{Calls, Name, RunId, RunState, Timestamp};
use bailiwick_engine::host::HostConfig;
use bailiwick_engine::inject::Faults;
use bailiwick_engine::load::Places;
use bailiwick_engine::serve::{Parcel, Resident, ServeRequest};
use bailiwick_engine::{Keys, audit};
use end_to_end::project::{OPERATORS, Project};
use end_to_end::{Desk, agent, example};
use tokio::sync::watch;

/// Longer than anything here takes on a busy machine.
const HANGS: Duration = Duration::from_secs(120);
const HOUR: Duration = Duration::from_secs(3600);
/// Noon of a day in 2027.
const NOON: Timestamp = Timestamp(20_820 * 86_400_000 + 43_200_000);

/// A clock that goes on from noon, and that can be set forward.
#[derive(Clone)]
struct Dial {
    began: Instant,
    ahead: watch::Sender<Duration>,
}

impl Dial {
    fn new() -> Self {
        Self { began: Instant::now(), ahead: watch::Sender::new(Duration::ZERO) }
    }

    fn forward(&self, by: Duration) {
        self.ahead.send_modify(|ahead| *ahead += by);
    }
}

impl Clock for Dial {
    fn now(&self) -> Timestamp {
        NOON.after(self.began.elapsed()).after(*self.ahead.borrow())
    }

    fn sleep_until(&self, at: Timestamp) -> BoxFuture<'static, ()> {
        let dial = self.clone();
        Box::pin(async move {
            let mut ahead = dial.ahead.subscribe();
            while dial.now() < at {
                tokio::select! {
                    () = tokio::time::sleep(at.since(dial.now())) => {}
                    _ = ahead.changed() => {}
                }
            }
        })
    }
}

/// A host in this process, as the command makes it.
struct Served {
    resident: Resident,
    dial: Dial,
    said: Arc<Mutex<Vec<String>>>,
    uid: u32,
    input: PathBuf,
}

impl Served {
    async fn start(desk: &Desk, project: &Project, policy: &str) -> Self {
        let (dial, said) = (Dial::new(), Arc::new(Mutex::new(Vec::new())));
        let uid = rustix::process::geteuid().as_raw();
        let (clock, heard) = (Arc::new(dial.clone()), Arc::clone(&said));
        let places = Places {
            project: project.folder.clone(),
            policy: Some(desk.file("policy.toml", policy)),
            user_policy: None,
            models: Vec::new(),
        };
        let request = ServeRequest {
            projects: vec![places],
            places: NonZeroUsize::new(4).unwrap(),
            grace: Duration::from_secs(1),
            uid,
            complain: Arc::new(move |what| heard.lock().unwrap().push(what)),
            clock: Some(clock),
            faults: Faults::default(),
        };
        let config = HostConfig {
            data: desk.data(),
            cache: PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("cache").join("bailiwick"),
            compiler: env!("CARGO_BIN_EXE_bailiwick").into(),
            compiler_arguments: vec!["__compile".into()],
            keys: Keys::new(None, None),
            command: "test".into(),
        };
        let resident = Resident::start(&config, request).await.unwrap();
        Self { resident, dial, said, uid, input: example("04-budget").join("input.json") }
    }

    async fn submit(&self, pipeline: &str) -> RunId {
        let parcel = Parcel::pack(Some(&self.input), None).unwrap();
        let (name, offer) = (Name::new(pipeline).unwrap(), parcel.offer.clone());
        let mut staging = self.resident.stage(self.uid, None, Some(&name), offer).await.unwrap();
        while let Some((digest, from)) = staging.wanted() {
            staging.take(&parcel.read(&digest, from, 1 << 20).unwrap()).unwrap();
        }
        self.resident.submit(staging).await.unwrap()
    }

    async fn state(&self, run: &RunId) -> Option<(RunState, usize)> {
        let record = self.resident.record(self.uid, run).await.ok()?;
        Some((record.state, record.entries.len()))
    }

    /// Waits until a run stands so; gives what it has asked, and how long its journal is.
    async fn until(&self, run: &RunId, status: RunStatus) -> (Calls, usize) {
        let since = Instant::now();
        loop {
            if let Some((state, entries)) = self.state(run).await
                && state.status() == status
                && self.resident.load() == (0, 0)
            {
                return (state.cost.calls, entries);
            }
            assert!(since.elapsed() < HANGS, "never {status:?}: {:?}", self.said.lock().unwrap());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn rests(&self, run: &RunId) -> PauseReason {
        self.state(run).await.unwrap().0.pause.unwrap().reason
    }

    async fn runs(&self) -> Vec<RunId> {
        let listed = self.resident.runs(self.uid, 100).await.unwrap();
        listed.into_iter().map(|run| run.run).collect()
    }
}

/// The example on the built-in model: six notes, one call each. `notes` pauses when the
/// day is spent, `few` after its first call.
fn project(desk: &Desk) -> Project {
    agent("note");
    let project = Project::like(desk, "04-budget");
    let pipeline = "pipelines/notes.toml";
    project.change(pipeline, "when-spent = \"finish\"", "when-spent = \"pause\"");
    let notes = std::fs::read_to_string(project.folder.join(pipeline)).unwrap();
    let few = notes.replace("calls = 4", "calls = 1");
    assert_ne!(few, notes);
    desk.file("project/pipelines/few.toml", &few);
    project.change(pipeline, "budget = { calls = 4 }", "");
    project
}

fn policy(per_day: &str) -> String {
    let uid = rustix::process::geteuid().as_raw();
    format!(
        "{per_day}\n[people.me]\nuid = {uid}\ngroups = []\nmay = [\"submit\"]\n\
         [labels]\nunlabelled = \"public\"\n\
         [ceiling.\"local/*\"]\nmodel = {{}}\nlimits = {{ wall = \"10 min\" }}\n"
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_for_the_next_day_goes_on_at_midnight_and_nothing_else_does() {
    let desk = Desk::new();
    let served = Served::start(&desk, &project(&desk), &policy("per-day = { calls = 4 }")).await;
    let few = served.submit("few").await;
    let (asked, length) = served.until(&few, RunStatus::Paused).await;
    assert_eq!((asked, served.rests(&few).await), (Calls(1), PauseReason::Budget));
    let notes = served.submit("notes").await;
    let (asked, before) = served.until(&notes, RunStatus::Paused).await;
    assert_eq!((asked, served.rests(&notes).await), (Calls(3), PauseReason::Day));

    // Eleven hours later it is still the same day.
    served.dial.forward(11 * HOUR);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(served.until(&notes, RunStatus::Paused).await, (Calls(3), before));

    served.dial.forward(2 * HOUR);
    assert_eq!(served.until(&notes, RunStatus::Done).await.0, Calls(6), "nothing is asked twice");
    // What midnight does not raise is not woken, however many there are.
    for _ in 0..3 {
        served.dial.forward(24 * HOUR);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(served.until(&few, RunStatus::Paused).await, (Calls(1), length));
    assert_eq!(*served.said.lock().unwrap(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_old_goes_by_itself_and_what_rests_stays() {
    let desk = Desk::new();
    let project = project(&desk);
    let operators = std::fs::read_to_string(project.folder.join(OPERATORS)).unwrap();
    desk.file("project/bailiwick.toml", &format!("{operators}\n[retention]\nruns = \"2 days\"\n"));
    let served = Served::start(&desk, &project, &policy("")).await;
    let few = served.submit("few").await;
    served.until(&few, RunStatus::Paused).await;
    let old = served.submit("notes").await;
    served.until(&old, RunStatus::Done).await;
    served.dial.forward(36 * HOUR);
    let young = served.submit("notes").await;
    served.until(&young, RunStatus::Done).await;
    assert_eq!(served.runs().await.len(), 3);

    served.dial.forward(24 * HOUR);
    let since = Instant::now();
    while served.runs().await != [young.clone(), few.clone()] {
        assert!(since.elapsed() < HANGS, "{:?}", served.said.lock().unwrap());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // A host that sweeps still takes work.
    let next = served.submit("notes").await;
    served.until(&next, RunStatus::Done).await;
    let verified = audit::verify(&desk.data(), None, None).await.unwrap();
    assert_eq!((verified.damages.len(), verified.streams), (0, 4), "and what was deleted is told");
    assert_eq!(*served.said.lock().unwrap(), [""; 0]);
}
