//! `bailiwick dev`: an agent is built, run and compared again whenever its sources change, until somebody stops it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bailiwick_core::Diagnostic;
use bailiwick_engine::dev::{Came, Listing, Sources};
use bailiwick_engine::host::Host;
use bailiwick_engine::load::{self, PROJECT_FILE};
use bailiwick_engine::{Problems, codes};
use clap::Args;

use crate::arguments::{DataPlace, ProjectPlace};
use crate::commands::run::name;
use crate::ending::Ending;
use crate::environment::Environment;
use crate::shown::{round as shown, tested};
use crate::stdout;
use crate::stops::Stops;
use crate::talk::Talk;
use crate::words::many;
use crate::workbench::{Round, Work, Workbench, stopping};

/// How often the sources are looked at: two looks that agree are one saved change, so what
/// somebody saves is taken within half a second.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// How long it is waited for two such looks: what writes without an end, a log say, must not
/// keep everything else from being taken.
const UNREST_MAX: Duration = Duration::from_secs(3);

/// The most changed files that are named: a checkout of another branch has hundreds.
const NAMED_MAX: usize = 5;

/// Which agent, and how it is tried.
#[derive(Args)]
pub(crate) struct Arguments {
    /// The agent's folder
    #[arg(value_name = "DIR", default_value = ".")]
    folder: PathBuf,
    /// The project that it is tried in [default: DIR/try]
    #[arg(long, value_name = "DIR")]
    project: Option<PathBuf>,
    /// The admin's file, where there is no /etc/bailiwick/policy.toml
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// The data folder [default: PROJECT/.bailiwick]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The pipeline [default: the only one of the project]
    #[arg(long, value_name = "NAME")]
    pipeline: Option<String>,
    /// A JSON document [default: the one of the last time, else PROJECT/input.json]
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,
    /// Answers of people, ahead of time
    #[arg(long, value_name = "FILE")]
    decisions: Option<PathBuf>,
    /// Answers a model alias by another route
    #[arg(long = "model", value_name = "ALIAS=PROVIDER:MODEL[@BASE_URL]")]
    models: Vec<String>,
    /// Watches this folder or file besides: a crate that the agent is made of, say
    #[arg(long = "watch", value_name = "PATH")]
    watched: Vec<PathBuf>,
    /// Runs the agent's cases, too
    #[arg(long)]
    test: bool,
    /// Ends after the first round; the exit code says how that went
    #[arg(long)]
    once: bool,
    /// Prints one JSON document for each round, one a line
    #[arg(long)]
    json: bool,
}

pub(crate) async fn command(
    arguments: &Arguments,
    environment: &Environment,
    talk: &Talk,
) -> anyhow::Result<Ending> {
    let bench = workbench(arguments, environment, talk)?;
    let (told, at_work) = (talk.clone(), Arc::new(AtomicBool::new(true)));
    let works = Arc::clone(&at_work);
    let stops = Stops::listen(move |stops| match stops {
        _ if !works.load(Ordering::Relaxed) => {}
        1 => told.say(&stopping()),
        _ => told.say("stopping the run at once"),
    })?;
    let mut known = bench.sources().look()?;
    let (mut changed, mut is_built): (Vec<PathBuf>, bool) = (Vec::new(), false);
    let mut before: Option<Came> = None;
    for number in 1.. {
        let names: Vec<String> = changed.iter().map(|path| bench.named(path)).collect();
        talk.say(&begins(number, &names));
        let work = match is_built && !changed.iter().any(|path| bench.is_source(path)) {
            true => Work::Run,
            false => Work::Build,
        };
        let round = bench.round(work, before.as_ref(), &stops).await;
        is_built = (is_built && work == Work::Run) || round.taken.is_some();
        tell(arguments, (number, &names), &round, talk)?;
        if arguments.once {
            return Ok(ending(&round, &stops));
        }
        let sources = bench.sources();
        if work == Work::Build
            && let Ok(now) = sources.look()
        {
            known.take_written_by_build(&bench.folder, &now);
        }
        before = round.ran.map(|ran| ran.came).or(before);
        talk.say(&format!("watching {}; Ctrl-C ends it", many(known.len(), "file")));
        at_work.store(false, Ordering::Relaxed);
        match next(&sources, &known, &stops, talk).await {
            Some((now, since)) => (known, changed) = (now, since),
            None => break,
        }
        at_work.store(true, Ordering::Relaxed);
    }
    Ok(Ending::Done)
}

fn workbench<'a>(
    arguments: &Arguments,
    environment: &'a Environment,
    talk: &'a Talk,
) -> anyhow::Result<Workbench<'a>> {
    let folder = real(&arguments.folder)?;
    let project = match &arguments.project {
        Some(project) => real(project)?,
        None => folder.join("try"),
    };
    if !project.join(PROJECT_FILE).is_file() {
        let message = format!("there is no {PROJECT_FILE} in {}", project.display());
        let hint = "`bailiwick new` makes an agent with a project to try it in, `bailiwick init` a project; --project DIR names another one";
        return Err(Problems::one(Diagnostic::error(codes::NO_PROJECT, message).hint(hint)).into());
    }
    let place = ProjectPlace { project: Some(project.clone()), policy: arguments.policy.clone() };
    let data = DataPlace { project: Some(project), data: arguments.data.clone() };
    let config = environment.host(&environment.data(&data)?);
    let named = |path: &PathBuf| std::path::absolute(path);
    Ok(Workbench {
        folder,
        places: load::Places {
            policy: arguments.policy.as_ref().map(named).transpose()?,
            ..environment.places(&place, &arguments.models)?
        },
        host: Host::open(&config)?,
        config,
        pipeline: arguments.pipeline.as_deref().map(name).transpose()?,
        input: arguments.input.as_ref().map(named).transpose()?,
        decisions: arguments.decisions.as_ref().map(named).transpose()?,
        watched: arguments.watched.iter().map(|path| real(path)).collect::<Result<_, _>>()?,
        tests: arguments.test,
        environment,
        talk,
    })
}

fn real(path: &Path) -> Result<PathBuf, Problems> {
    path.canonicalize().map_err(|why| {
        let message = format!("{}: {why}", path.display());
        Problems::one(Diagnostic::error(codes::UNREADABLE, message))
    })
}

/// The next change, once it is whole: what there is then, and which files are other ones.
/// Nothing where somebody stops it.
async fn next(
    sources: &Sources,
    known: &Listing,
    stops: &Stops,
    talk: &Talk,
) -> Option<(Listing, Vec<PathBuf>)> {
    let mut ticks = tokio::time::interval(LOOK_EVERY);
    let (mut seen, mut is_refused): (Option<(Listing, Instant)>, bool) = (None, false);
    loop {
        tokio::select! {
            _ = stops.more_than(0) => return None,
            _ = ticks.tick() => {}
        }
        let now = match sources.look() {
            Ok(now) => now,
            Err(problems) => {
                if !is_refused {
                    talk.problems(&problems);
                }
                is_refused = true;
                continue;
            }
        };
        let changed = now.since(known);
        let since = match seen.take() {
            _ if changed.is_empty() => continue,
            Some((last, since)) if last == now || since.elapsed() > UNREST_MAX => {
                return Some((now, changed));
            }
            Some((_, since)) => since,
            None => Instant::now(),
        };
        seen = Some((now, since));
    }
}

fn begins(number: u32, changed: &[String]) -> String {
    let named: Vec<&str> = changed.iter().take(NAMED_MAX).map(String::as_str).collect();
    let more = match changed.len().saturating_sub(NAMED_MAX) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    match named.is_empty() {
        true => format!("round {number}"),
        false => format!("round {number}: {}{more}", named.join(", ")),
    }
}

/// What came of a round: talk beside, results on standard output.
fn tell(
    arguments: &Arguments,
    (number, changed): (u32, &[String]),
    round: &Round,
    talk: &Talk,
) -> anyhow::Result<()> {
    if arguments.json {
        stdout::write(&stdout::line(&shown::as_json(number, changed, round)))?;
    } else {
        if let Some(ran) = &round.ran {
            stdout::write(&shown::ran(ran))?;
        }
        if let Some(cases) = &round.tested {
            stdout::write(&tested::as_text(cases))?;
        }
    }
    if let Some(problems) = &round.problems {
        talk.problems(problems);
        if round.taken.is_none() && number > 1 {
            talk.say("nothing was taken: what served before serves on");
        }
    }
    Ok(())
}

fn ending(round: &Round, stops: &Stops) -> Ending {
    match &round.problems {
        _ if stops.is_stopping() => Ending::Interrupted,
        Some(_) => Ending::WrongInput,
        None if round.is_good() => Ending::Done,
        None => Ending::Failed,
    }
}
