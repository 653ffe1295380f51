//! The host as an agent sees it: one accessor for each capability. Knows not how a
//! call travels; `powers` does.

use crate::artifacts::Artifacts;
use crate::delegate::Delegate;
use crate::http::Http;
use crate::knowledge::Knowledge;
use crate::kv::Kv;
use crate::log::Log;
use crate::model::Model;
use crate::powers::Reach;

/// The host, as far as this agent's grants let it be seen.
///
/// There are two ways to one, and no third: the export that `#[bailiwick::agent]` makes
/// hands it over inside the sandbox, and [`Fake::host`](crate::fake::Fake::host) makes
/// one for tests.
#[derive(Debug)]
pub struct Host {
    task: Task,
    reach: Reach,
}

/// Where in the run this piece of work stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// The name of the pipeline's step.
    pub step: String,
    /// The point of the step's axes, as `locale=de,style=bold`; `-` without axes.
    pub cell: String,
    /// 0 for the first try, then the number of revisions asked for so far.
    pub round: u32,
}

impl Host {
    pub(crate) fn new(task: Task, reach: Reach) -> Self {
        Self { task, reach }
    }

    pub(crate) fn reach(&self) -> &Reach {
        &self.reach
    }

    /// Where in the run this piece of work stands.
    pub fn task(&self) -> &Task {
        &self.task
    }

    /// Words for the operator. Always granted.
    pub fn log(&self) -> Log<'_> {
        Log::new(self)
    }

    /// The model behind an alias that the operator chose, for example `writer`.
    pub fn model(&self, alias: &str) -> Model<'_> {
        Model::new(self, alias)
    }

    /// A collection of documents by the operator's name for it.
    pub fn knowledge(&self, collection: &str) -> Knowledge<'_> {
        Knowledge::new(self, collection)
    }

    /// Files that travel beside the JSON.
    pub fn artifacts(&self) -> Artifacts<'_> {
        Artifacts::new(self)
    }

    /// Requests to the hosts that the operator granted.
    pub fn http(&self) -> Http<'_> {
        Http::new(self)
    }

    /// Values that last from run to run, in the namespace that the operator granted.
    pub fn kv(&self) -> Kv<'_> {
        Kv::new(self)
    }

    /// Other agents of the project, as far as the operator lets this one call them.
    pub fn delegate(&self) -> Delegate<'_> {
        Delegate::new(self)
    }

    /// The start of a scripted host for tests; the same as [`Fake::new`](crate::fake::Fake::new).
    #[cfg(not(target_family = "wasm"))]
    pub fn fake() -> crate::fake::Fake {
        crate::fake::Fake::new()
    }
}
