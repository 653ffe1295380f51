//! `bailiwick run`: a pipeline runs while somebody watches, answers, or stops it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use bailiwick_core::run::RunStatus;
use bailiwick_core::{Diagnostic, Name, RunId};
use bailiwick_engine::desk::Prompter;
use bailiwick_engine::host::Host;
use bailiwick_engine::load;
use bailiwick_engine::run::{Finished, GRACE, RunRequest, Running, run};
use bailiwick_engine::{Problems, build as engine_build, check as engine_check, codes};
use clap::Args;
use tokio::signal::unix::{SignalKind, signal};

use crate::arguments::{DataPlace, ProjectPlace};
use crate::commands::build::build_one;
use crate::ending::{Broken, Ending};
use crate::environment::Environment;
use crate::live::watcher::{View, Watcher};
use crate::prompt::Prompt;
use crate::stdout;
use crate::summary;
use crate::talk::Talk;
use crate::words;

/// How often the tree is drawn: often enough to be alive, seldom enough to be calm.
const DRAW_EVERY: Duration = Duration::from_millis(125);

/// What is to be run.
#[derive(Args, Clone, Debug)]
pub(crate) struct Arguments {
    /// The pipeline [default: the only one of the project]
    pub(crate) pipeline: Option<String>,
    #[command(flatten)]
    pub(crate) place: ProjectPlace,
    /// A JSON document; {"$file": "PATH"} in it brings a file in
    #[arg(long, value_name = "FILE")]
    pub(crate) input: Option<PathBuf>,
    /// Answers of people, ahead of time
    #[arg(long, value_name = "FILE")]
    pub(crate) decisions: Option<PathBuf>,
    /// The data folder [default: PROJECT/.bailiwick]
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Writes output, artifacts, manifest.json and a gallery there
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Answers a model alias by another route
    #[arg(long = "model", value_name = "ALIAS=PROVIDER:MODEL[@BASE_URL]")]
    pub(crate) models: Vec<String>,
    /// The id of the run [default: a fresh one]
    #[arg(long, value_name = "ID")]
    pub(crate) run_id: Option<String>,
    /// Builds the agents of the pipeline first
    #[arg(long)]
    pub(crate) build: bool,
    /// Prints one event a line instead of the result
    #[arg(long)]
    pub(crate) json: bool,
}

pub(crate) async fn command(
    arguments: &Arguments,
    environment: &Environment,
    talk: &Talk,
) -> anyhow::Result<Ending> {
    let pipeline = arguments.pipeline.as_deref().map(name).transpose()?;
    let id = arguments.run_id.as_deref().map(run_id).transpose()?;
    let opened = load::open(&environment.places(&arguments.place, &arguments.models)?)?;
    if arguments.build {
        let plan = engine_check::plan(&opened, pipeline.as_ref())?;
        for folder in engine_build::folders_of(&opened, &plan) {
            build_one(&folder, environment, talk).await?;
        }
    }
    let data = DataPlace { project: Some(opened.root.clone()), data: arguments.data.clone() };
    let host = Host::open(&environment.host(&environment.data(&data)?))?;
    let view = match arguments.json {
        true => View::Events,
        false if talk.is_live() => View::Tree,
        false => View::Lines,
    };
    let watcher = Arc::new(Watcher::new(talk.clone(), view, environment.colours));
    let attended = environment.terminals.stdin && environment.terminals.stderr;
    let prompt = attended
        .then(|| Prompt::open(talk.clone(), Arc::clone(&watcher), environment.editor.clone()));
    let told = talk.clone();
    let request = RunRequest {
        pipeline,
        input: arguments.input.clone(),
        decisions: arguments.decisions.clone(),
        out: arguments.out.clone(),
        run: id,
        uid: environment.uid,
        observer: Arc::clone(&watcher) as _,
        prompter: prompt.map(|prompt| Arc::new(prompt) as Arc<dyn Prompter>),
        complain: Arc::new(move |what| told.say(&what)),
    };
    let running = run(&host, &opened, request).await?;
    let finished = drive(running, &watcher, talk).await?;
    talk.clear();
    let place = summary::place(arguments, &opened.root);
    talk.say(&summary::summary(&finished.state, &watcher.denials(), watcher.elapsed(), &place));
    if let Some(hint) = summary::how_to_go_on(&finished.state, arguments, &opened.root) {
        talk.say(&hint);
    }
    result(arguments, &finished, talk).await?;
    Ok(Ending::of(finished.state.status()))
}

/// Waits for the end, draws meanwhile, and hands signals on.
async fn drive(running: Running, watcher: &Watcher, talk: &Talk) -> anyhow::Result<Finished> {
    let Running { handle, mut finished, .. } = running;
    let mut interrupts = signal(SignalKind::interrupt()).context("signals cannot be heard")?;
    let mut terminations = signal(SignalKind::terminate()).context("signals cannot be heard")?;
    let mut ticks = tokio::time::interval(DRAW_EVERY);
    let mut stops = 0;
    loop {
        tokio::select! {
            ended = &mut finished => return Ok(ended.map_err(Broken)?),
            Some(()) = interrupts.recv() => stops += 1,
            Some(()) = terminations.recv() => stops += 1,
            _ = ticks.tick() => {
                watcher.draw();
                continue;
            }
        }
        talk.say(&match stops {
            1 => format!(
                "stopping: nothing new starts, what runs has {} s to end; once more ends it at once",
                GRACE.as_secs()
            ),
            _ => "stopping at once".into(),
        });
        handle.stop().await;
    }
}

/// What came out: into the folder that was named, else on standard output. A run that
/// was stopped or waits has no result yet.
async fn result(arguments: &Arguments, finished: &Finished, talk: &Talk) -> anyhow::Result<()> {
    let state = &finished.state;
    if let Some(out) = &arguments.out {
        if !matches!(state.status(), RunStatus::Done | RunStatus::Failed) {
            return Ok(());
        }
        let written = finished.deliver(out).await.map_err(Broken)?;
        talk.say(&format!(
            "wrote {}, {} to {}",
            words::many(written.files, "file"),
            written.bytes,
            out.display()
        ));
        if !arguments.json {
            stdout::write(&format!("{}\n", written.index.display()))?;
        }
    } else if !arguments.json
        && let Some(output) = &state.output
    {
        stdout::write(&format!("{}\n", stdout::pretty(&output.value())))?;
    }
    Ok(())
}

fn name(text: &str) -> Result<Name, Problems> {
    Name::new(text)
        .map_err(|error| Problems::one(Diagnostic::error(codes::NO_PIPELINE, error.to_string())))
}

/// A run id as somebody typed it.
pub(crate) fn run_id(text: &str) -> Result<RunId, Problems> {
    RunId::new(text)
        .map_err(|error| Problems::one(Diagnostic::error(codes::BAD_RUN_ID, error.to_string())))
}
