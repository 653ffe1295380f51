//! `bailiwick fork`: a new run that repeats nothing of an older one above a step.

use std::path::PathBuf;
use std::sync::Arc;

use bailiwick_core::{Diagnostic, Name};
use bailiwick_engine::fork::{ForkOf, fork};
use bailiwick_engine::host::Host;
use bailiwick_engine::inject::Faults;
use bailiwick_engine::labels::Audience;
use bailiwick_engine::run::RunRequest;
use bailiwick_engine::{Problems, codes, load};
use clap::Args;

use super::run::run_id;
use crate::arguments::{DataPlace, ProjectPlace};
use crate::ending::Ending;
use crate::environment::Environment;
use crate::foreground::{Screen, Wishes, follow};
use crate::summary;
use crate::talk::Talk;

/// Which run, and what is to be another one.
#[derive(Args, Clone, Debug)]
pub(crate) struct Arguments {
    /// The older run
    pub(crate) run: String,
    /// The first step that is done anew, with everything that depends on it
    #[arg(long, value_name = "STEP")]
    pub(crate) from: String,
    /// Sets a value of the input, as brief.product=Tea
    #[arg(long, value_name = "PATH=VALUE")]
    pub(crate) set: Vec<String>,
    /// How confidential the input is; at least what that of the older run was
    #[arg(long, value_name = "NAME")]
    pub(crate) label: Option<String>,
    #[command(flatten)]
    pub(crate) place: ProjectPlace,
    /// The data folder [default: PROJECT/.bailiwick]
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Writes output, artifacts, manifest.json and a gallery there
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Answers of people, ahead of time
    #[arg(long, value_name = "FILE")]
    pub(crate) decisions: Option<PathBuf>,
    /// Answers a model alias by another route
    #[arg(long = "model", value_name = "ALIAS=PROVIDER:MODEL[@BASE_URL]")]
    pub(crate) models: Vec<String>,
    /// The id of the new run [default: a fresh one]
    #[arg(long, value_name = "ID")]
    pub(crate) run_id: Option<String>,
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
    let from = Name::new(&arguments.from).map_err(|error| {
        let message = format!("--from {}: {error}", arguments.from);
        Problems::one(Diagnostic::error(codes::BAD_FORK, message))
    })?;
    let of = ForkOf { run: run_id(&arguments.run)?, from, set: arguments.set.clone() };
    let id = arguments.run_id.as_deref().map(run_id).transpose()?;
    let faults = Faults::parse(&arguments.faults)?;
    let opened = load::open(&environment.places(&arguments.place, &arguments.models)?)?;
    let data = DataPlace { project: Some(opened.root.clone()), data: arguments.data.clone() };
    let host = Host::open(&environment.host(&environment.data(&data)?))?.injecting(faults);
    let screen = Screen::open(arguments.json, environment, talk);
    let told = talk.clone();
    let request = RunRequest {
        pipeline: None,
        input: None,
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
    let running = fork(&host, &opened, of, request).await?;
    let wishes = Wishes {
        out: arguments.out.clone(),
        json: arguments.json,
        decisions: arguments.decisions.clone(),
        place: summary::place(&arguments.place, arguments.data.as_deref(), &opened.root),
    };
    follow(running, &screen.watcher, &wishes, talk).await
}
