//! `bailiwick resume`: a run that was left goes on where it was.

use std::path::PathBuf;
use std::sync::Arc;

use bailiwick_core::{Diagnostic, RunId};
use bailiwick_engine::host::Host;
use bailiwick_engine::inject::Faults;
use bailiwick_engine::labels::Audience;
use bailiwick_engine::resume::{ResumeRequest, over, resume};
use bailiwick_engine::serve::Parcel;
use bailiwick_engine::{Problems, codes, load};
use clap::Args;

use super::run::run_id;
use crate::arguments::{DataPlace, ProjectPlace};
use crate::control::client::Client;
use crate::control::repinned;
use crate::ending::Ending;
use crate::environment::Environment;
use crate::foreground::{Screen, Wishes, follow, result};
use crate::remote::{self, Wanted};
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
    let at = DataPlace { project: arguments.place.project.clone(), data: arguments.data.clone() };
    if let Some(client) = Client::find(environment, &environment.data(&at)?).await? {
        return at_host(client, run, arguments, &at, (environment, talk)).await;
    }
    let opened = load::open(&environment.places(&arguments.place, &[])?)?;
    let data = DataPlace { project: Some(opened.root.clone()), data: arguments.data.clone() };
    let host = Host::open(&environment.host(&environment.data(&data)?))?.injecting(faults);
    if let (Some(run), Some(out), false) = (&run, &arguments.out, arguments.retry_failed)
        && let Some(finished) = over(&host, &opened, run, out, environment.uid).await?
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
        decides: environment.uid,
        audience: Audience::WhoRunsIt,
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

/// The host that holds the data folder goes on with it.
async fn at_host(
    mut client: Client,
    run: Option<RunId>,
    arguments: &Arguments,
    at: &DataPlace,
    (environment, talk): (&Environment, &Talk),
) -> anyhow::Result<Ending> {
    let refuse = |what: &str, hint: &str| {
        Problems::one(Diagnostic::error(codes::HELD, what.to_owned()).hint(hint))
    };
    let Some(run) = run else {
        let what = "a host serves this data folder, and goes on with what it can by itself";
        return Err(refuse(what, "name the run: bailiwick resume RUN").into());
    };
    if !arguments.faults.is_empty() {
        let what = "--inject is for runs in the foreground; a host serves this data folder";
        return Err(refuse(what, "drills are done in a folder that nobody serves").into());
    }
    let decisions = Parcel::pack(None, arguments.decisions.as_deref())?;
    let resumed = client.resume(&run, arguments.retry_failed, &arguments.repin, &decisions).await;
    if let Err(error) = resumed {
        // What is over can still be delivered.
        if arguments.out.is_none() || !says(&error, codes::ENDED) {
            return Err(error);
        }
        client = Client::reach(environment, &environment.data(at)?).await?;
    }
    if arguments.out.is_none() && !arguments.json {
        talk.say(&format!("run {run} goes on"));
        return Ok(Ending::Done);
    }
    let wanted = Wanted { out: arguments.out.clone(), json: arguments.json, place: at.words() };
    remote::follow(client, &run, &wanted, environment, talk).await
}

fn says(error: &anyhow::Error, code: &str) -> bool {
    let problems = error.downcast_ref::<Problems>();
    problems.is_some_and(|problems| problems.diagnostics.iter().any(|found| found.code == code))
}
