//! The enforcement matrix: each power and limit, the attempt that runs into it on this machine, and the refusal that must come. The one table that `doctor`, the tests and docs/enforcement.md read.

mod attempted;
pub mod cases;
mod guests;
pub mod keys;
pub mod page;
mod refusal;
pub mod rows;
mod scene;

use std::path::PathBuf;
use std::sync::Arc;

use crate::host::{Host, HostConfig};

pub use attempted::Proved;
pub use refusal::Refusal;

/// One attempt at what a power or a limit forbids.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Its name, and that of its agent and step.
    pub name: &'static str,
    /// What somebody tries.
    pub attack: &'static str,
    /// What stands in the way: `FILE KEY` for a key of a file, else the limit in words.
    pub guards: &'static [&'static str],
    /// How it is tried.
    pub attempt: Attempt,
    /// What must come of it.
    pub refusal: Refusal,
}

/// How something is tried.
#[derive(Clone, Copy, Debug)]
pub enum Attempt {
    /// By the hostile guest, in a run.
    Guest(Guest),
    /// By files that a person wrote: refused before anything runs.
    Files(Files),
    /// By a component that an author sends: refused before it is an agent.
    Component(Component),
}

/// The hostile guest as one agent with one step of a run.
#[derive(Clone, Copy, Debug)]
pub struct Guest {
    /// The policy that it runs under.
    pub under: Under,
    /// The members of its input.
    pub input: &'static str,
    /// Lines under its `[agents.NAME]`; a power that they do not grant it has to the least
    /// that lets it be loaded.
    pub agent: &'static str,
    /// Lines under its `[step.NAME]`.
    pub step: &'static str,
    /// An axis of its own.
    pub axis: &'static str,
}

/// The policies of the matrix, each with a run of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Under {
    /// A ceiling above everything: what the operator wrote holds.
    Wide,
    /// A ceiling below everything: what the admin wrote holds.
    Ceiling,
    /// The same with what the first one cannot show at once.
    Narrow,
    /// A day of two calls.
    DayCalls,
    /// A day of few tokens.
    DayTokens,
    /// A day without money.
    DayMoney,
}

impl Under {
    pub(crate) const ALL: [Self; 6] =
        [Self::Wide, Self::Ceiling, Self::Narrow, Self::DayCalls, Self::DayTokens, Self::DayMoney];
}

/// Files of a project of one agent, `one`, that is the hostile guest. What is empty is as
/// in a project in which nothing is wrong.
#[derive(Clone, Copy, Debug)]
pub struct Files {
    /// `policy.toml`.
    pub policy: &'static str,
    /// Lines under `[agents.one]`.
    pub agent: &'static str,
    /// What else is in `bailiwick.toml`.
    pub operators: &'static str,
    /// `pipelines/main.toml`.
    pub pipeline: &'static str,
}

/// Components that are no agents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Component {
    /// Its start function does not end.
    StartLoop,
    /// Its `profile` does not end.
    ProfileLoop,
    /// It says that it is somebody else than its file says.
    OtherProfile,
    /// It ends in the middle.
    Truncated,
    /// Nobody says what it is.
    Anonymous,
    /// It has more bytes than any component may have.
    TooLarge,
}

/// Where it is all tried: a folder that is empty, and a server that the guests reach. Both
/// are the front end's, because it alone listens and knows where temporary things go.
pub struct Ground {
    /// An empty folder of this user.
    pub folder: PathBuf,
    /// What plays the web.
    pub receiver: Arc<dyn Receiver>,
    /// The user who runs it.
    pub uid: u32,
}

/// A server on this machine's loopback that attacks by its answers, and keeps what it was
/// asked. By path: `/echo-WHERE` gives what it was sent back in its body, a header or a
/// redirect; `/large` answers 64 KiB; `/slow` never; `/away` leads to a private address, `/aside`
/// to `/never/aside`, `/v1` speaks as a model; all else is `{}`.
pub trait Receiver: Send + Sync {
    /// Its port on 127.0.0.1.
    fn port(&self) -> u16;
    /// The first lines of all requests since it was asked last.
    fn heard(&self) -> Vec<String>;
}

/// The matrix as it was proved on this machine.
#[derive(Clone, Debug)]
pub struct Matrix {
    /// Each row with what came of it.
    pub rows: Vec<Proved>,
    /// Steps of honest agents that ended as they should beside all this, and how many there were.
    pub neighbours: (usize, usize),
}

impl Matrix {
    /// Whether everything was refused for its reason, and no neighbour was disturbed.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.rows.iter().all(|row| row.breach.is_none()) && self.neighbours.0 == self.neighbours.1
    }
}

/// What a host holds at a moment at which nothing runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gauges {
    /// Attempts of the hostile guest so far.
    pub attempts: usize,
    /// Places and instances of the pool that are taken.
    pub held: usize,
}

/// Tries the rows of the widest policy again and again through one host, `rounds` times;
/// `after` is told of each round.
///
/// # Errors
/// A sentence with the first row that was not refused, or why nothing could be tried.
pub async fn repeat(
    config: &HostConfig,
    ground: &Ground,
    rounds: usize,
    after: &mut (dyn FnMut(Gauges) + Send),
) -> Result<(), String> {
    let host = host(config, ground)?;
    let rows: Vec<_> = rows::all().filter(|row| is_under(row, Under::Wide)).collect();
    let scene = scene::write(ground, Under::Wide, &rows).map_err(|error| error.to_string())?;
    let mut attempts = 0;
    for _ in 0..rounds {
        let ran = attempted::run(&host, ground, &scene, &rows).await?;
        let broken = ran.rows.iter().find_map(|row| Some((row.row.name, row.breach.as_ref()?)));
        if let Some((name, breach)) = broken {
            return Err(format!("{name}: {breach}"));
        }
        attempts += ran.attempts;
        after(Gauges { attempts, held: host.sandbox.held() });
    }
    Ok(())
}

/// A host with everything that is its own on the ground, and no key of anybody.
fn host(config: &HostConfig, ground: &Ground) -> Result<Host, String> {
    let config = HostConfig {
        data: ground.folder.join("data"),
        cache: ground.folder.join("cache"),
        keys: crate::Keys::reading(|_| None),
        ..config.clone()
    };
    Host::open(&config).map_err(|problems| problems.to_string())
}

/// Tries every row through a host of its own, on the ground that it is given.
///
/// # Errors
/// A sentence where there is no host, or the ground cannot be used.
pub async fn prove(config: &HostConfig, ground: &Ground) -> Result<Matrix, String> {
    let said = |error: &dyn std::fmt::Display| error.to_string();
    let host = host(config, ground)?;
    let (mut proved, mut neighbours) = (Vec::new(), (0, 0));
    for under in Under::ALL {
        let rows: Vec<_> = rows::all().filter(|row| is_under(row, under)).collect();
        let scene = scene::write(ground, under, &rows).map_err(|error| said(&error))?;
        let run = attempted::run(&host, ground, &scene, &rows).await?;
        neighbours.0 += run.neighbours;
        neighbours.1 += scene::NEIGHBOURS;
        proved.extend(run.rows);
    }
    for row in rows::all() {
        match &row.attempt {
            Attempt::Guest(_) => {}
            Attempt::Files(files) => {
                let place = scene::write_files(ground, row.name, files);
                proved.push(attempted::check(row, &place.map_err(|error| said(&error))?));
            }
            Attempt::Component(component) => {
                let bytes = guests::component(*component);
                let place = scene::write_component(ground, row.name, &bytes);
                let place = place.map_err(|error| said(&error))?;
                proved.push(attempted::load(&host, row, &place).await);
            }
        }
    }
    let order: Vec<_> = rows::all().map(|row| row.name).collect();
    proved.sort_by_key(|proved| order.iter().position(|name| *name == proved.row.name));
    Ok(Matrix { rows: proved, neighbours })
}

fn is_under(row: &Row, under: Under) -> bool {
    matches!(&row.attempt, Attempt::Guest(guest) if guest.under == under)
}
