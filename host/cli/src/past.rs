//! What a data folder remembers: read from the folder itself, or from the host that serves it where this user may not read the folder. Prints nothing.

use std::path::Path;

use bailiwick_core::{CellId, Diagnostic, RunId, RunState};
use bailiwick_engine::approvals::{self, OpenQuestion};
use bailiwick_engine::history::{History, ListedRun, Listing, Record, Rests, RunPhase};
use bailiwick_engine::rules::{self, Taken};
use bailiwick_engine::swap;
use bailiwick_engine::viewing::Viewer;
use bailiwick_engine::{Caller, Problems, codes, load};

use crate::arguments::ViewPlace;
use crate::control::client::Client;
use crate::environment::Environment;

/// Where it is read from.
pub(crate) enum Past {
    /// The folder.
    Folder(Box<History>),
    /// The host that serves it.
    Host(Box<Client>),
}

/// Who runs this command, as the policy of this host knows him.
pub(crate) fn viewer(environment: &Environment, policy: Option<&Path>) -> Result<Viewer, Problems> {
    let (policy, _) = load::policy_of_the_host(&environment.policy(policy))?;
    Ok(Viewer::new(policy, Caller::who_runs_it(environment.uid)))
}

/// A data folder as who runs this command may see it.
pub(crate) fn history(
    environment: &Environment,
    data: &Path,
    policy: Option<&Path>,
) -> Result<Option<History>, Problems> {
    History::open(data, viewer(environment, policy)?)
}

impl Past {
    /// Opens a data folder for reading. Nothing where no run was ever made there.
    pub(crate) async fn open(
        environment: &Environment,
        place: &ViewPlace,
    ) -> anyhow::Result<Option<Self>> {
        let data = &environment.data(&place.data)?;
        match history(environment, data, place.policy.as_deref()) {
            Ok(history) => Ok(history.map(|history| Self::Folder(Box::new(history)))),
            Err(problems) => match Client::find(environment, data).await? {
                Some(client) => Ok(Some(Self::Host(Box::new(client)))),
                None => Err(problems.into()),
            },
        }
    }

    /// The newest runs, newest first.
    pub(crate) async fn runs(&mut self, limit: u32) -> anyhow::Result<Listing> {
        match self {
            Self::Folder(history) => Ok(history.runs(limit).await?),
            Self::Host(client) => {
                let runs = client.runs(limit).await?.into_iter().map(|run| ListedRun {
                    run: run.run,
                    pipeline: run.pipeline,
                    project: run.project,
                    phase: RunPhase::from_word(&run.state).unwrap_or_default(),
                    started: run.started,
                    latest: run.latest,
                    ended: run.ended,
                    cost: run.cost,
                    currency: run.currency,
                    rests: run.rests.map(|(reason, since)| Rests { reason, since }),
                });
                // The host does not even say that there are others.
                Ok(Listing { runs: runs.collect(), hidden: 0 })
            }
        }
    }

    /// One run with everything that happened.
    pub(crate) async fn record(&mut self, run: &RunId) -> anyhow::Result<Record> {
        match self {
            Self::Folder(history) => Ok(history.record(run).await?),
            Self::Host(client) => {
                client.follow(run, false).await?;
                let mut entries = Vec::new();
                while let Some(entry) = client.entry().await? {
                    entries.push(entry);
                }
                let Some(state) = RunState::replay(&entries)? else {
                    let message = format!("the turn of run {run} has not come");
                    return Err(Problems::one(Diagnostic::error(codes::NO_RUN, message)).into());
                };
                let phase = RunPhase::from_word(state.status().as_str()).unwrap_or_default();
                Ok(Record { entries, state, phase })
            }
        }
    }

    /// Attaches the texts of the documents of one cell that are kept apart. A host sends
    /// them along.
    pub(crate) async fn load(&self, record: &mut Record, cell: &CellId) {
        if let Self::Folder(history) = self {
            history.load(record, cell).await;
        }
    }

    /// What is taken away.
    pub(crate) async fn revoked(&mut self) -> anyhow::Result<Vec<Taken>> {
        match self {
            Self::Folder(history) => Ok(rules::revoked(history).await?),
            Self::Host(client) => client.revoked().await,
        }
    }

    /// What agent names were swapped to.
    pub(crate) async fn slots(&mut self) -> anyhow::Result<Vec<swap::Slot>> {
        match self {
            Self::Folder(history) => Ok(swap::slots(history).await?),
            Self::Host(client) => client.slots().await,
        }
    }

    /// The open questions, of one run or of all.
    pub(crate) async fn questions(
        &mut self,
        run: Option<&RunId>,
    ) -> anyhow::Result<Vec<OpenQuestion>> {
        match self {
            Self::Folder(history) => Ok(approvals::open(history, run).await?),
            Self::Host(client) => client.questions(run).await,
        }
    }
}
