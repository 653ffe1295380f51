//! `bailiwick swap`: an agent name points at another component, at a host that goes on meanwhile, or in a folder that nobody serves.

use std::path::PathBuf;

use bailiwick_core::{Diagnostic, Name};
use bailiwick_engine::host::Host;
use bailiwick_engine::inject::Faults;
use bailiwick_engine::load::{self, Opened};
use bailiwick_engine::swap::{self, Outcome, REHEARSED, Report, SwapRequest};
use bailiwick_engine::viewing::Viewer;
use bailiwick_engine::{Caller, Problems, codes};
use clap::{Args, ValueEnum};

use crate::arguments::{DataPlace, ProjectPlace, ViewPlace};
use crate::control::client::Client;
use crate::ending::Ending;
use crate::environment::Environment;
use crate::past::Past;
use crate::shown::swapped;
use crate::stdout;
use crate::talk::Talk;

/// Which agent name, at what, and under which conditions.
#[derive(Args, Clone, Debug)]
pub(crate) struct Arguments {
    /// The name of an agent in bailiwick.toml; of a host with several projects PROJECT/NAME
    #[arg(required_unless_present = "list")]
    name: Option<String>,
    /// The new component: a file, or the folder of a built agent
    #[arg(required_unless_present_any = ["list", "rollback"])]
    component: Option<PathBuf>,
    /// Goes back to the component before the last swap
    #[arg(long, conflicts_with = "component")]
    rollback: bool,
    /// Takes what wants more than the one before, or has a schema that does not fit; written down with your name
    #[arg(long)]
    accept: bool,
    /// Takes a lower version than one that served or that bailiwick.lock knows; written down with your name
    #[arg(long)]
    downgrade: bool,
    /// How many of the last recorded cells are done again on it first, on their records alone; at most 256 [default: none, with --require 16]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=256))]
    rehearse: Option<u32>,
    /// Commits only where the recorded cells come to the same
    #[arg(long, value_name = "WHAT")]
    require: Option<Required>,
    /// Lists what was swapped, and changes nothing
    #[arg(long, conflicts_with_all = ["name", "component", "rollback", "accept", "downgrade", "rehearse", "require", "faults"])]
    list: bool,
    /// Prints JSON
    #[arg(long)]
    json: bool,
    /// Makes something go wrong on purpose, for drills (docs/drills.md)
    #[arg(long = "inject", value_name = "FAULT")]
    faults: Vec<String>,
    #[command(flatten)]
    place: ViewPlace,
}

/// What recorded cells must come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Required {
    /// To the same calls and the same output, each of them
    Equal,
}

pub(crate) async fn command(
    arguments: &Arguments,
    environment: &Environment,
    talk: &Talk,
) -> anyhow::Result<Ending> {
    let Some(name) = &arguments.name else { return list(arguments, environment, talk).await };
    let (project, agent) = split(name)?;
    let require_equal = arguments.require == Some(Required::Equal);
    if require_equal && arguments.rehearse == Some(0) {
        let message = "--require equal compares recorded cells, and --rehearse 0 does none again";
        let hint = "leave --rehearse out, or name how many";
        return Err(Problems::one(Diagnostic::error(codes::NOT_EQUAL, message).hint(hint)).into());
    }
    let request = SwapRequest {
        agent,
        component: match &arguments.component {
            Some(path) => Some(swap::component(path)?),
            None => None,
        },
        accept: arguments.accept,
        downgrade: arguments.downgrade,
        rehearse: arguments.rehearse.unwrap_or(if require_equal { REHEARSED } else { 0 }),
        require_equal,
    };
    let faults = Faults::parse(&arguments.faults)?;
    let data = environment.data(&arguments.place.data)?;
    let report = match Client::find(environment, &data).await? {
        Some(_) if !arguments.faults.is_empty() => {
            let what = "--inject is for the foreground; a host serves this data folder";
            let hint = "drills are done in a folder that nobody serves";
            let diagnostic = Diagnostic::error(codes::HELD, what).hint(hint);
            return Err(Problems::one(diagnostic).into());
        }
        Some(mut client) => client.swap(project, &request).await?,
        None => {
            let opened = opened(arguments, environment, project.as_deref())?;
            let host = Host::open(&environment.host(&data))?.injecting(faults);
            let viewer = Viewer::new(opened.policy.clone(), Caller::who_runs_it(environment.uid));
            let by = opened.policy.people.name_of(environment.uid);
            swap::swap(&host, &opened, viewer, by, request).await?
        }
    };
    told(&report, arguments, talk)
}

/// `NAME` or `PROJECT/NAME`.
fn split(text: &str) -> Result<(Option<String>, Name), Problems> {
    let (project, agent) = match text.rsplit_once('/') {
        Some((project, agent)) => (Some(project.to_owned()), agent),
        None => (None, text),
    };
    let agent = Name::new(agent)
        .map_err(|error| Problems::one(Diagnostic::error(codes::NO_SLOT, error.to_string())))?;
    Ok((project, agent))
}

/// The project of a folder that nobody serves.
fn opened(
    arguments: &Arguments,
    environment: &Environment,
    project: Option<&str>,
) -> anyhow::Result<Opened> {
    let DataPlace { project: folder, .. } = &arguments.place.data;
    let place = ProjectPlace { project: folder.clone(), policy: arguments.place.policy.clone() };
    let opened = load::open(&environment.places(&place, &[])?)?;
    let own = opened.root.file_name().map(|name| name.to_string_lossy().into_owned());
    if project.is_some_and(|project| own.as_deref() != Some(project)) {
        let message = format!("{} is another project", opened.root.display());
        let hint = "name its folder with --project DIR";
        return Err(Problems::one(Diagnostic::error(codes::NO_SLOT, message).hint(hint)).into());
    }
    Ok(opened)
}

fn told(report: &Report, arguments: &Arguments, talk: &Talk) -> anyhow::Result<Ending> {
    stdout::write(&match arguments.json {
        true => stdout::line(&serde_json::to_value(report)?),
        false => swapped::as_text(report),
    })?;
    let refused = match report.outcome {
        Outcome::Committed | Outcome::Already => return Ok(Ending::Done),
        Outcome::NotAccepted => {
            let message = format!("`{}` would get more, or does not fit", report.agent);
            let is_unmet = |lower: bool, said: bool| {
                let asked = report.changes.iter().filter(|change| change.accept.is_some());
                !said && asked.into_iter().any(|change| change.is_downgrade() == lower)
            };
            let more = is_unmet(false, arguments.accept);
            let hint = match (more, is_unmet(true, arguments.downgrade)) {
                (true, true) => {
                    "nothing has changed; who wants more and a lower version all the same says --accept --downgrade"
                }
                (false, true) => "nothing has changed; who wants a lower version says --downgrade",
                (_, false) => "nothing has changed; who wants it all the same says --accept",
            };
            Diagnostic::error(codes::NOT_ACCEPTED, message).hint(hint)
        }
        Outcome::NotEqual => {
            let message = format!("`{}` does not come to the same", report.agent);
            let hint = "nothing has changed; without --require equal it would be committed";
            Diagnostic::error(codes::NOT_EQUAL, message).hint(hint)
        }
    };
    talk.problems(&Problems::one(refused));
    let diverged = report.rehearsal.as_ref().is_some_and(|told| told.counts.diverged > 0);
    Ok(match report.outcome {
        Outcome::NotEqual if diverged => Ending::Diverged,
        Outcome::NotEqual => Ending::Different,
        _ => Ending::WrongInput,
    })
}

async fn list(
    arguments: &Arguments,
    environment: &Environment,
    talk: &Talk,
) -> anyhow::Result<Ending> {
    let slots = match Past::open(environment, &arguments.place).await? {
        Some(mut past) => past.slots().await?,
        None => Vec::new(),
    };
    if slots.is_empty() && !arguments.json {
        talk.say("nothing was swapped here");
    }
    for slot in &slots {
        stdout::write(&match arguments.json {
            true => stdout::line(&swapped::slot_as_json(slot)),
            false => swapped::slot_as_text(slot),
        })?;
    }
    Ok(Ending::Done)
}
