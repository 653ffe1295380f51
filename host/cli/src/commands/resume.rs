//! `bailiwick resume`: a run that was left goes on where it was.

use std::path::PathBuf;
use std::sync::Arc;

use bailiwick_core::Diagnostic;
use bailiwick_engine::host::Host;
use bailiwick_engine::inject::Faults;
use bailiwick_engine::resume::{RepinWhat, ResumeRequest, over, resume};
use bailiwick_engine::{Problems, codes, load};
use clap::Args;

use super::run::run_id;
use crate::arguments::{DataPlace, ProjectPlace};
use crate::ending::Ending;
use crate::environment::Environment;
use crate::foreground::{Screen, Wishes, follow, result};
use crate::summary;
use crate::talk::Talk;

/// Which run, and how it goes on.
#[derive(Args, Clone, Debug)]
pub(crate) struct Arguments {
    /// The run [default: the newest that is unfinished]
    pub(crate) run: Option<String>,
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
    /// Does the cells again that failed
    #[arg(long)]
    pub(crate) retry_failed: bool,
    /// Takes budgets, grants or components from today's files
    #[arg(long, value_name = "WHAT,…", value_delimiter = ',')]
    pub(crate) repin: Vec<String>,
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
    let run = arguments.run.as_deref().map(run_id).transpose()?;
    let repin = arguments.repin.iter().map(|word| repinned(word)).collect::<Result<Vec<_>, _>>()?;
    let faults = Faults::parse(&arguments.faults)?;
    let opened = load::open(&environment.places(&arguments.place, &[])?)?;
    let data = DataPlace { project: Some(opened.root.clone()), data: arguments.data.clone() };
    let host = Host::open(&environment.host(&environment.data(&data)?))?.injecting(faults);
    if let (Some(run), Some(out), false) = (&run, &arguments.out, arguments.retry_failed)
        && let Some(finished) = over(&host, &opened, run, out).await?
    {
        result(Some(out), arguments.json, &finished, talk).await?;
        return Ok(Ending::of(finished.state.status()));
    }
    let screen = Screen::open(arguments.json, environment, talk);
    let told = talk.clone();
    let request = ResumeRequest {
        run,
        decisions: arguments.decisions.clone(),
        out: arguments.out.clone(),
        retry_failed: arguments.retry_failed,
        repin,
        uid: environment.uid,
        observer: Arc::clone(&screen.watcher) as _,
        prompter: screen.prompter,
        complain: Arc::new(move |what| told.say(&what)),
    };
    let running = resume(&host, &opened, request).await?;
    let wishes = Wishes {
        out: arguments.out.clone(),
        json: arguments.json,
        decisions: arguments.decisions.clone(),
        place: summary::place(&arguments.place, arguments.data.as_deref(), &opened.root),
    };
    follow(running, &screen.watcher, &wishes, talk).await
}

fn repinned(word: &str) -> Result<RepinWhat, Problems> {
    RepinWhat::parse(word).ok_or_else(|| {
        let known = RepinWhat::ALL.map(RepinWhat::as_str).join(", ");
        let message = format!("--repin {word}: there is {known}");
        Problems::one(Diagnostic::error(codes::BAD_REPIN, message))
    })
}
