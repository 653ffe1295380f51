//! What came of attempts: runs with their facts, files that are checked, components that are loaded. Judges none of it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use bailiwick_core::Name;
use bailiwick_core::fact::{Entry, Fact};
use bailiwick_core::ports::Durable;
use bailiwick_orchestrator::Observer;

use super::refusal::Observed;
use super::scene::SECRET;
use super::{Ground, Row};
use crate::admission::{admit, agents_of};
use crate::check;
use crate::host::Host;
use crate::labels::Audience;
use crate::load::{self, Opened, Places};
use crate::problems::Problems;
use crate::run::{RunRequest, run as start};

/// A row as it turned out.
#[derive(Clone, Debug)]
pub struct Proved {
    /// The row.
    pub row: &'static Row,
    /// What came of it.
    pub found: String,
    /// Why it is not enforced here, where it is not.
    pub breach: Option<String>,
}

/// What came of one run of the matrix.
pub(super) struct Ran {
    pub(super) rows: Vec<Proved>,
    /// Honest steps that ended as they should.
    pub(super) neighbours: usize,
    /// Attempts of the hostile guest.
    pub(super) attempts: usize,
}

/// Keeps what happens, in order.
#[derive(Default)]
struct Witness(Mutex<Vec<Fact>>);

impl Observer for Witness {
    fn entry(&self, _: &Durable, entry: &Entry) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.extend(entry.facts.iter().cloned());
    }
}

/// Runs the attacks of one policy beside each other, and honest steps beside them.
pub(super) async fn run(
    host: &Host,
    ground: &Ground,
    places: &Places,
    rows: &[&'static Row],
) -> Result<Ran, String> {
    let witness = Arc::new(Witness::default());
    let opened = load::open(places).map_err(|problems| all(&problems))?;
    let request = RunRequest {
        pipeline: None,
        input: None,
        decisions: None,
        out: None,
        run: None,
        label: None,
        uid: ground.uid,
        audience: Audience::WhoRunsIt,
        observer: Arc::clone(&witness) as Arc<dyn Observer>,
        prompter: None,
        complain: Arc::new(|_| {}),
    };
    let running = start(host, &opened, request).await.map_err(|problems| all(&problems))?;
    running.finished.await.map_err(|problems| all(&problems))?;
    let facts = std::mem::take(&mut *witness.0.lock().unwrap_or_else(PoisonError::into_inner));
    let mut observed = by_step(&facts);
    let neighbours = observed.get("neighbour").map_or(0, |neighbour| neighbour.released);
    let begun = |fact: &&Fact| match fact {
        Fact::CellStarted { attempt, .. } => attempt.cell.step.as_str() != "neighbour",
        _ => false,
    };
    let attempts = facts.iter().filter(begun).count();
    let heard = ground.receiver.heard();
    let proved = rows.iter().map(|row| {
        let seen = observed.remove(row.name).unwrap_or_default();
        let (found, breach) = row.refusal.judge(&seen);
        let breach = breach.or_else(|| reached(row.name, &seen, &heard));
        Proved { row, found, breach }
    });
    Ok(Ran { rows: proved.collect(), neighbours, attempts })
}

/// A request that should never have left, or a secret that came back, whatever else was said.
fn reached(name: &str, seen: &Observed, heard: &[String]) -> Option<String> {
    let never = format!("/never/{name}");
    if let Some(line) = heard.iter().find(|line| line.contains(&never)) {
        return Some(format!("it was refused, and yet the server heard {line:?}"));
    }
    let told = format!("{seen:?}");
    told.contains(SECRET).then(|| "the secret stands in what was written down".to_owned())
}

/// What the facts say of each step: a judge's own attempts are under its own name.
fn by_step(facts: &[Fact]) -> BTreeMap<String, Observed> {
    let mut steps = BTreeMap::<String, Observed>::new();
    let mut of = |step: &Name, note: &mut dyn FnMut(&mut Observed)| {
        note(steps.entry(step.as_str().to_owned()).or_default());
    };
    for fact in facts {
        match fact {
            Fact::CallAnswered { attempt, answer, .. } => {
                of(&attempt.cell.step, &mut |seen| seen.answers.push(answer.clone()));
            }
            Fact::Logged { attempt, entry } => {
                of(&attempt.cell.step, &mut |seen| seen.lines.push(entry.clone()));
            }
            Fact::AttemptFailed { attempt, failure, .. } => {
                of(&attempt.cell.step, &mut |seen| seen.failures.push(failure.clone()));
            }
            Fact::CellFailed { cell, failure } => {
                of(&cell.step, &mut |seen| seen.ended.push(failure.clone()));
            }
            Fact::Dropped { cell, reason } => {
                of(&cell.step, &mut |seen| seen.dropped.push(reason.clone()));
            }
            Fact::Released { cell, .. } => of(&cell.step, &mut |seen| seen.released += 1),
            _ => {}
        }
    }
    steps
}

/// Files are read and checked as `check` does it.
pub(super) fn check(row: &'static Row, places: &Places) -> Proved {
    let problems = match load::open(places) {
        Ok(opened) => check::check(&opened, None).problems,
        Err(problems) => problems,
    };
    refused(row, problems)
}

/// A component is admitted as it is at the start of a run.
pub(super) async fn load(host: &Host, row: &'static Row, places: &Places) -> Proved {
    let admitted = match load::open(places) {
        Ok(opened) => admitted(host, &opened).await,
        Err(problems) => Err(problems),
    };
    refused(row, admitted.err().unwrap_or_default())
}

async fn admitted(host: &Host, opened: &Opened) -> Result<(), Problems> {
    let plan = check::plan(opened, None)?;
    admit(host, &agents_of(opened, &plan)?).await.map(drop)
}

fn refused(row: &'static Row, problems: Problems) -> Proved {
    let errors = problems.diagnostics.into_iter();
    let found = errors.map(|found| (found.code.to_owned(), found.message)).collect();
    let (found, breach) = row.refusal.judge(&Observed { found, ..Observed::default() });
    Proved { row, found, breach }
}

/// Everything that is wrong, for whoever has to find out why the matrix itself does not run.
fn all(problems: &Problems) -> String {
    let said = problems.diagnostics.iter();
    let said = said.map(|found| match &found.place {
        Some(place) => format!("{} {} ({}:{})", found.code, found.message, place.file, place.line),
        None => format!("{} {}", found.code, found.message),
    });
    said.collect::<Vec<_>>().join("; ")
}
