//! The last recorded cells of a slot, done again on the component that is to serve: no network, no cost, no trace. Decides nothing.

use std::sync::Arc;

use bailiwick_core::ports::Blobs;
use bailiwick_core::recorded::{RecordedAttempt, recorded_attempts};
use bailiwick_core::{Digest, Name, RunId};
use bailiwick_policy::Generation;

use crate::codes;
use crate::history::{History, Record};
use crate::host::Host;
use crate::kept::Lease;
use crate::problems::Problems;
use crate::replay::{Compared, Past, Prepared, prepare, replay};

/// How many of the newest runs of the project are looked through: who wants cells of older
/// ones replays those runs.
const RUNS_MAX: usize = 256;

/// How many runs of a data folder are listed at a time, and how often: those of a project
/// may stand behind thousands of a busier one.
const PAGE: u32 = 256;
const PAGES_MAX: usize = 64;

/// What came of one cell, with its run.
#[derive(Clone, Debug)]
pub(crate) struct Done {
    pub(crate) run: RunId,
    pub(crate) compared: Compared,
}

/// The newest attempts of an agent name that ended, done again, newest run first. Runs
/// that whoever asks may not see are left out, and counted.
pub(crate) async fn rehearse(
    host: &Host,
    history: Option<History>,
    (project, agent): (&str, &Name),
    is: &Arc<Generation>,
    most: usize,
) -> Result<(Vec<Done>, usize), Problems> {
    let Some(history) = history else { return Ok((Vec::new(), 0)) };
    let history = Arc::new(history);
    let (mut done, mut hidden) = (Vec::new(), 0);
    for run in newest(&history, project).await? {
        if done.len() >= most {
            break;
        }
        let record = match history.record(&run).await {
            Ok(record) => record,
            Err(problems) if problems.are_all(codes::NOT_CLEARED) => {
                hidden += 1;
                continue;
            }
            // It was old, and went since it was listed.
            Err(problems) if problems.are_all(codes::NO_RUN) => continue,
            Err(problems) => return Err(problems),
        };
        let attempts = attempts_of(&record, agent, most - done.len());
        if !attempts.is_empty() && record.state.pin.is_some() {
            let compared = again(host, &history, &record, attempts, is).await?;
            done.extend(compared.into_iter().map(|compared| Done { run: run.clone(), compared }));
        }
    }
    Ok((done, hidden))
}

/// The newest runs of a project that began, newest first.
async fn newest(history: &History, project: &str) -> Result<Vec<RunId>, Problems> {
    let (mut found, mut before) = (Vec::new(), None);
    for _ in 0..PAGES_MAX {
        let page = history.archive().runs(PAGE, before).await.map_err(crate::pinned::storage)?;
        before = page.last().map(|run| run.run.clone());
        let own = page.into_iter().filter(|run| run.project == project && run.started.is_some());
        found.extend(own.map(|run| run.run));
        if before.is_none() || found.len() >= RUNS_MAX {
            break;
        }
    }
    found.truncate(RUNS_MAX);
    Ok(found)
}

/// The newest ended attempts of an agent in a run, oldest first.
fn attempts_of(record: &Record, agent: &Name, most: usize) -> Vec<RecordedAttempt> {
    let of = |attempt: &RecordedAttempt| {
        let name = record.state.agent_of(&attempt.id.cell.step, attempt.agent.as_ref());
        name == Some(agent)
    };
    let all = recorded_attempts(&record.entries).into_values();
    let mut all: Vec<_> = all
        .filter(|attempt| of(attempt) && attempt.has_ended() && attempt.input.text().is_some())
        .collect();
    all.sort_by_key(|attempt| (attempt.started, attempt.id.clone()));
    all.split_off(all.len().saturating_sub(most))
}

async fn again(
    host: &Host,
    history: &Arc<History>,
    record: &Record,
    attempts: Vec<RecordedAttempt>,
    is: &Arc<Generation>,
) -> Result<Vec<Compared>, Problems> {
    let past = Past::of(&record.state, history).await?;
    let mut borrowed = Borrowed::new(host, &attempts);
    let blobs: Arc<dyn Blobs> = Arc::clone(history) as _;
    let Prepared { stage, attempts, impossible: mut compared } =
        prepare(&record.state, &past, attempts, (&host.sandbox, blobs)).await;
    compared.extend(replay(&stage, attempts, Some(is)).await);
    borrowed.give_back(host);
    Ok(compared)
}

/// Components of then that were made ready for a comparison alone.
struct Borrowed {
    leases: Vec<Arc<Lease>>,
    only_here: Vec<Digest>,
}

impl Borrowed {
    fn new(host: &Host, attempts: &[RecordedAttempt]) -> Self {
        let mut components: Vec<_> = attempts.iter().map(|attempt| attempt.component).collect();
        components.sort();
        components.dedup();
        let leases = components.iter().map(|component| host.kept.lease(*component)).collect();
        components.retain(|component| !host.sandbox.is_ready(component));
        Self { leases, only_here: components }
    }

    fn give_back(&mut self, host: &Host) {
        self.only_here.iter().for_each(|component| host.kept.replaced(*component));
        self.leases.clear();
    }
}
