//! One round of an author: opened, built, taken, tested, run, compared. Decides what is told and in which order; watches nothing.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bailiwick_core::{Name, RunId};
use bailiwick_engine::Problems;
use bailiwick_engine::build::BuildNote;
use bailiwick_engine::cases::{Tested, test};
use bailiwick_engine::dev::{self, Came, Since, Sources, Taken, Workplace};
use bailiwick_engine::host::{Host, HostConfig};
use bailiwick_engine::labels::Audience;
use bailiwick_engine::load::{self, Opened, Places};
use bailiwick_engine::run::{Finished, GRACE, RunRequest, run};

use crate::arguments::ProjectPlace;
use crate::environment::Environment;
use crate::foreground::{DRAW_EVERY, Screen};
use crate::live::watcher::Watcher;
use crate::shown::round as shown;
use crate::stops::Stops;
use crate::summary;
use crate::talk::Talk;

/// What stays the same from round to round.
pub(crate) struct Workbench<'a> {
    /// The agent's folder, as it was named.
    pub(crate) folder: PathBuf,
    /// Where the project is looked for.
    pub(crate) places: Places,
    /// The engine, and the data folder from the first run on.
    pub(crate) host: Host,
    /// How both are set up.
    pub(crate) config: HostConfig,
    /// The pipeline, where the project has several.
    pub(crate) pipeline: Option<Name>,
    /// The input that was named.
    pub(crate) input: Option<PathBuf>,
    /// Answers of people, ahead of time.
    pub(crate) decisions: Option<PathBuf>,
    /// Folders and files that are watched besides.
    pub(crate) watched: Vec<PathBuf>,
    /// Whether the cases run in each round.
    pub(crate) tests: bool,
    /// What the process was given.
    pub(crate) environment: &'a Environment,
    /// Who hears of it.
    pub(crate) talk: &'a Talk,
}

/// What a round does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// Everything.
    Build,
    /// What the agent is made of is as it was: only the run, and the cases.
    Run,
}

/// What came of a round, as far as it went.
#[derive(Default)]
pub(crate) struct Round {
    /// What was built and serves now, and how long that took.
    pub(crate) taken: Option<(Taken, Duration)>,
    /// What its cases say.
    pub(crate) tested: Option<Vec<Tested>>,
    /// The run.
    pub(crate) ran: Option<Ran>,
    /// Why it went no further.
    pub(crate) problems: Option<Problems>,
}

/// The run of a round.
pub(crate) struct Ran {
    /// Its id.
    pub(crate) run: RunId,
    /// What it came to.
    pub(crate) came: Came,
    /// What it cost.
    pub(crate) cost: bailiwick_core::Cost,
    /// How long it went.
    pub(crate) took: Duration,
    /// How it differs from the run before; nothing in the first one.
    pub(crate) since: Option<Since>,
}

impl Round {
    /// Whether all of it went well.
    pub(crate) fn is_good(&self) -> bool {
        let passed = |tested: &Vec<Tested>| tested.iter().all(|one| one.faults.is_empty());
        let done = |ran: &Ran| ran.came.status == bailiwick_core::run::RunStatus::Done;
        self.problems.is_none()
            && self.tested.as_ref().is_none_or(passed)
            && self.ran.as_ref().is_some_and(done)
    }
}

impl Workbench<'_> {
    /// The input of the next run.
    pub(crate) fn input(&self) -> Option<PathBuf> {
        dev::input(self.input.as_deref(), &self.config.data, &self.places.project)
    }

    /// A file as people know it: by its path in the agent's folder, where it lies there.
    pub(crate) fn named(&self, path: &Path) -> String {
        path.strip_prefix(&self.folder).unwrap_or(path).display().to_string()
    }

    /// Whether the component may be made of a file: not of the project that it is tried in,
    /// and not of its cases.
    pub(crate) fn is_source(&self, path: &Path) -> bool {
        let project = &self.places.project;
        let tries = project != &self.folder && project.starts_with(&self.folder);
        let is_besides = (tries && path.starts_with(project)) || path.starts_with(self.cases());
        let is_own = path.starts_with(&self.folder) && !is_besides;
        is_own || self.watched.iter().any(|root| path.starts_with(root))
    }

    fn cases(&self) -> PathBuf {
        self.folder.join("cases")
    }

    /// What makes another round when it changes.
    pub(crate) fn sources(&self) -> Sources {
        // What somebody names is watched wherever it lies, also in a folder of made things.
        let project = Some(&self.places.project).filter(|root| !root.starts_with(&self.folder));
        let named = [self.decisions.as_ref(), self.places.policy.as_ref(), project];
        let roots = named.into_iter().flatten().chain(&self.watched).cloned();
        let roots = roots.chain(self.input()).chain([self.folder.clone()]);
        let data = &self.config.data;
        // Else each run would be a change; before the first one it is not there.
        let data = data.canonicalize().unwrap_or_else(|_| data.clone());
        let unread = (!self.tests).then(|| self.cases());
        Sources::of(roots, std::iter::once(data).chain(unread))
    }

    /// Does one round, up to where it cannot go on, or is stopped.
    pub(crate) async fn round(&self, work: Work, before: Option<&Came>, stops: &Stops) -> Round {
        let mut round = Round::default();
        if let Err(problems) = self.go(work, before, stops, &mut round).await {
            // What somebody stopped has not failed.
            round.problems = (!stops.is_stopping()).then_some(problems);
        }
        round
    }

    async fn go(
        &self,
        work: Work,
        before: Option<&Came>,
        stops: &Stops,
        round: &mut Round,
    ) -> Result<(), Problems> {
        let opened = load::open(&self.places)?;
        let place = Workplace::find(&self.folder, &opened)?;
        if work == Work::Build {
            let taken = self.build(&place, &opened).await?;
            self.talk.say(&shown::taken(&taken));
            round.taken = Some(taken);
        }
        if !stops.is_stopping() {
            round.ran = Some(self.run(&opened, before, stops).await?);
        }
        if self.tests && !stops.is_stopping() {
            round.tested = Some(test(&self.config, &place.folder, None).await?);
        }
        Ok(())
    }

    async fn build(
        &self,
        place: &Workplace,
        opened: &Opened,
    ) -> Result<(Taken, Duration), Problems> {
        let (talk, begun) = (self.talk.clone(), Instant::now());
        let note = move |note: BuildNote<'_>| match note {
            // The same each time, and `bailiwick build` says it.
            BuildNote::Toolchain(_) | BuildNote::Tool(_) | BuildNote::Module(_) => {}
            BuildNote::Line(line) => talk.say(line),
        };
        let (by, uid) = ((&self.config, &self.host), self.environment.uid);
        let taken = place.build(by, opened, uid, note).await?;
        Ok((taken, begun.elapsed()))
    }

    async fn run(
        &self,
        opened: &Opened,
        before: Option<&Came>,
        stops: &Stops,
    ) -> Result<Ran, Problems> {
        let (input, begun) = (self.input(), Instant::now());
        let watcher = Screen::watcher(false, self.environment, self.talk);
        let told = self.talk.clone();
        let request = RunRequest {
            pipeline: self.pipeline.clone(),
            input: input.clone(),
            decisions: self.decisions.clone(),
            out: None,
            run: None,
            label: None,
            uid: self.environment.uid,
            audience: Audience::WhoRunsIt,
            observer: Arc::clone(&watcher) as _,
            // Who saves a file is not at this terminal; `--decisions` answers.
            prompter: None,
            complain: Arc::new(move |what| told.say(&what)),
        };
        let running = run(&self.host, opened, request).await?;
        if let Some(input) = &input {
            dev::remember(&self.config.data, input)?;
        }
        let finished = drive(running, &watcher, stops).await;
        self.talk.clear();
        let state = finished?.state;
        let place = ProjectPlace {
            project: Some(self.places.project.clone()),
            policy: self.places.policy.clone(),
        };
        let place = summary::place(&place, Some(&self.config.data), &opened.root);
        let (denials, elapsed) = (watcher.denials(), watcher.elapsed());
        self.talk.say(&summary::summary(&state, &denials, elapsed, &place));
        let came = Came::of(&state);
        let since = before.map(|before| came.since(before));
        Ok(Ran { run: state.run, came, cost: state.cost, took: begun.elapsed(), since })
    }
}

/// Waits for the end of a run, draws meanwhile, and stops it where somebody does.
async fn drive(
    running: bailiwick_engine::run::Running,
    watcher: &Watcher,
    stops: &Stops,
) -> Result<Finished, Problems> {
    let bailiwick_engine::run::Running { handle, mut finished, .. } = running;
    let mut ticks = tokio::time::interval(DRAW_EVERY);
    let mut stopped = 0;
    loop {
        tokio::select! {
            ended = &mut finished => return ended,
            count = stops.more_than(stopped) => {
                stopped = count;
                handle.stop().await;
            }
            _ = ticks.tick() => watcher.draw(),
        }
    }
}

/// What is said when somebody stops it while something is going on.
pub(crate) fn stopping() -> String {
    let grace = GRACE.as_secs();
    format!("stopping: a build ends first, and a run has {grace} s; once more ends the run at once")
}
