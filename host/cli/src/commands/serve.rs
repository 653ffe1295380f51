//! `bailiwick serve`: a host that stays, until it is told to drain.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use bailiwick_core::units::{parse_duration, show_duration};
use bailiwick_engine::inject::Faults;
use bailiwick_engine::load::Places;
use bailiwick_engine::lockdown::Ground;
use bailiwick_engine::serve::{Resident, ServeRequest};
use clap::Args;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::arguments::ProjectPlace;
use crate::control::server;
use crate::control::socket::Place;
use crate::ending::{Broken, Ending};
use crate::environment::Environment;
use crate::talk::Talk;

/// Attempts at a time over all runs. Guests that wait for a model take no core, so this
/// is above the cores; memory bounds it: 32 × 128 MiB.
const PLACES: NonZeroUsize = match NonZeroUsize::new(32) {
    Some(number) => number,
    None => NonZeroUsize::MIN,
};

/// Which projects, and where.
#[derive(Args, Clone, Debug)]
pub(crate) struct Arguments {
    /// The data folder, which this host alone writes in
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// A project whose runs it takes; can be said several times
    #[arg(long = "project", value_name = "DIR", required = true)]
    projects: Vec<PathBuf>,
    /// The admin's file, where there is no /etc/bailiwick/policy.toml
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// What running attempts get when it drains
    #[arg(long, value_name = "DURATION", default_value = "30 s", value_parser = duration)]
    grace: Duration,
    /// Attempts at a time, over all runs
    #[arg(long, value_name = "NUMBER", default_value_t = PLACES)]
    attempts: NonZeroUsize,
    /// Without landlock and seccomp: for a system on which they stand in the way
    #[arg(long)]
    unlocked: bool,
    /// Makes something go wrong on purpose, for drills (docs/drills.md)
    #[arg(long = "inject", value_name = "FAULT")]
    faults: Vec<String>,
}

impl Arguments {
    fn places(&self, environment: &Environment) -> anyhow::Result<Vec<Places>> {
        let places = self.projects.iter().map(|project| {
            let place =
                ProjectPlace { project: Some(project.clone()), policy: self.policy.clone() };
            environment.places(&place, &[])
        });
        places.collect()
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    parse_duration(text).map_err(|error| error.to_string())
}

/// Locks this process into what the host will need. Its folders are made first: what is
/// not there cannot be allowed.
pub(crate) fn lock(
    arguments: &Arguments,
    environment: &Environment,
    talk: &Talk,
) -> anyhow::Result<()> {
    if arguments.unlocked {
        talk.say("not locked: landlock and seccomp are left out (--unlocked)");
        return Ok(());
    }
    let host = environment.host(&arguments.data);
    let mut ground = Ground::of(&host, &arguments.places(environment)?)?;
    let place = Place::of(environment, &arguments.data, ground.group.as_deref())?;
    ground.paths.write.push(place.ready()?);
    let walls = ground.lock()?;
    talk.say(&format!("locked: {walls}"));
    for name in &ground.printed {
        talk.say(&format!(
            "the credential {name} is printed by a `command`, and a locked host starts no programs: take `env` or `file` in policy.toml, or serve with --unlocked"
        ));
    }
    Ok(())
}

pub(crate) async fn command(
    arguments: &Arguments,
    environment: &Environment,
    talk: &Talk,
) -> anyhow::Result<Ending> {
    // Heard from the first moment on: whoever stops it while it starts must not kill it.
    let mut signals = Signals::hear()?;
    let told = talk.clone();
    let request = ServeRequest {
        projects: arguments.places(environment)?,
        places: arguments.attempts,
        grace: arguments.grace,
        uid: environment.uid,
        complain: Arc::new(move |what| told.say(&what)),
        clock: None,
        faults: Faults::parse(&arguments.faults)?,
    };
    let resident = Resident::start(&environment.host(&arguments.data), request).await?;
    let group = resident.group();
    let place = Place::of(environment, &arguments.data, group.as_deref())?;
    let listening = tokio::spawn(server::listen(place.listen()?, resident.clone()));
    let (going, waiting) = resident.load();
    talk.say(&format!(
        "serving {} on {}; {} to go on with",
        resident.projects().join(", "),
        place.path().display(),
        going + waiting
    ));
    let ending = tokio::select! {
        ending = stay(&resident, &mut signals, group.as_deref(), arguments.grace, talk) => Ok(ending),
        // Nothing it does would be kept: who waits for it is told by its end.
        problems = resident.broken() => Err(Broken(problems).into()),
    };
    listening.abort();
    place.remove();
    ending
}

struct Signals {
    stops: [Signal; 2],
    reloads: Signal,
}

enum Heard {
    Stop,
    Reload,
}

impl Signals {
    fn hear() -> anyhow::Result<Self> {
        let hear = |kind| signal(kind).context("signals cannot be heard");
        Ok(Self {
            stops: [hear(SignalKind::terminate())?, hear(SignalKind::interrupt())?],
            reloads: hear(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) -> Heard {
        let [terminate, interrupt] = &mut self.stops;
        tokio::select! {
            _ = terminate.recv() => Heard::Stop,
            _ = interrupt.recv() => Heard::Stop,
            _ = self.reloads.recv() => Heard::Reload,
        }
    }
}

/// Until it has drained.
async fn stay(
    resident: &Resident,
    signals: &mut Signals,
    group: Option<&str>,
    grace: Duration,
    talk: &Talk,
) -> Ending {
    let mut stops = 0;
    loop {
        let heard = tokio::select! {
            heard = signals.next() => heard,
            () = resident.drained(), if stops > 0 => {
                talk.say("drained");
                return if stops > 1 { Ending::Interrupted } else { Ending::Done };
            }
        };
        match heard {
            Heard::Reload => reload(resident, group, talk),
            Heard::Stop => {
                stops += 1;
                talk.say(&match stops {
                    1 => format!(
                        "draining: nothing new starts, what runs has {} to end; once more ends it at once",
                        show_duration(grace)
                    ),
                    _ => "stopping at once".into(),
                });
                resident.drain().await;
            }
        }
    }
}

fn reload(resident: &Resident, group: Option<&str>, talk: &Talk) {
    match resident.reload() {
        Ok(()) if resident.group().as_deref() != group => {
            talk.say("projects and policy are read anew; another [host] group takes a restart");
        }
        Ok(()) => talk.say("projects and policy are read anew"),
        Err(problems) => {
            talk.problems(&problems);
            talk.say("projects and policy stay as they were");
        }
    }
}
