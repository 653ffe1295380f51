//! `bailiwick run`: a pipeline runs while somebody watches, answers, or stops it.

use std::path::PathBuf;
use std::sync::Arc;

use bailiwick_core::{Diagnostic, Name, RunId};
use bailiwick_engine::host::Host;
use bailiwick_engine::inject::Faults;
use bailiwick_engine::labels::Audience;
use bailiwick_engine::load;
use bailiwick_engine::run::{RunRequest, run};
use bailiwick_engine::{Problems, build as engine_build, check as engine_check, codes};
use clap::Args;

use crate::arguments::{DataPlace, ProjectPlace};
use crate::commands::build::build_one;
use crate::ending::Ending;
use crate::environment::Environment;
use crate::foreground::{Screen, Wishes, follow};
use crate::summary;
use crate::talk::Talk;

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
    /// How confidential the input is, by a label of policy.toml [default: what that says of what has none]
    #[arg(long, value_name = "NAME")]
    pub(crate) label: Option<String>,
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
    /// Makes something go wrong on purpose, for drills (docs/drills.md)
    #[arg(long = "inject", value_name = "FAULT")]
    pub(crate) faults: Vec<String>,
}

pub(crate) async fn command(
    arguments: &Arguments,
    environment: &Environment,
    talk: &Talk,
) -> anyhow::Result<Ending> {
    let pipeline = arguments.pipeline.as_deref().map(name).transpose()?;
    let id = arguments.run_id.as_deref().map(run_id).transpose()?;
    let faults = Faults::parse(&arguments.faults)?;
    let opened = load::open(&environment.places(&arguments.place, &arguments.models)?)?;
    if arguments.build {
        let plan = engine_check::plan(&opened, pipeline.as_ref())?;
        for folder in engine_build::folders_of(&opened, &plan) {
            build_one(&folder, environment, talk).await?;
        }
    }
    let data = DataPlace { project: Some(opened.root.clone()), data: arguments.data.clone() };
    let host = Host::open(&environment.host(&environment.data(&data)?))?.injecting(faults);
    let screen = Screen::open(arguments.json, environment, talk);
    let told = talk.clone();
    let request = RunRequest {
        pipeline,
        input: arguments.input.clone(),
        decisions: arguments.decisions.clone(),
        out: arguments.out.clone(),
        run: id,
        label: arguments.label.clone(),
        uid: environment.uid,
        audience: Audience::WhoRunsIt,
        observer: Arc::clone(&screen.watcher) as _,
        prompter: screen.prompter,
        complain: Arc::new(move |what| told.say(&what)),
    };
    let running = run(&host, &opened, request).await?;
    let wishes = Wishes {
        out: arguments.out.clone(),
        json: arguments.json,
        decisions: arguments.decisions.clone(),
        place: summary::place(&arguments.place, arguments.data.as_deref(), &opened.root),
    };
    follow(running, &screen.watcher, &wishes, talk).await
}

/// The name of a pipeline as somebody typed it.
pub(crate) fn name(text: &str) -> Result<Name, Problems> {
    Name::new(text)
        .map_err(|error| Problems::one(Diagnostic::error(codes::NO_PIPELINE, error.to_string())))
}

/// A run id as somebody typed it.
pub(crate) fn run_id(text: &str) -> Result<RunId, Problems> {
    RunId::new(text)
        .map_err(|error| Problems::one(Diagnostic::error(codes::BAD_RUN_ID, error.to_string())))
}
