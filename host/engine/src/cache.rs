//! `cache = true`: what an attempt of an earlier run of the project has put out is taken from there. Decides nothing about what may be cached: that is the plan's.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use bailiwick_core::fact::{Entry, Fact};
use bailiwick_core::ports::{Blobs, BoxFuture, Durable};
use bailiwick_core::{AttemptId, CellId, Digest, Name, RunId};
use bailiwick_orchestrator::{Observer, Reusable, Reuse, World};
use bailiwick_project::{Plan, Step};
use bailiwick_store::{Made, Outputs, Store};

use crate::fork::all_there;
use crate::host::Held;
use crate::load::Opened;
use crate::pinned::{project, storage};
use crate::problems::Problems;

/// A world in which the outputs of cached steps are remembered, and found again.
///
/// The key of an output covers the component, the input, and the routes and the contents
/// of everything that today's grants of the agent let it read: where one of these was
/// taken away, the key is another one, so that nothing is served that could not be made.
pub(crate) fn caching(
    world: World,
    held: &Held,
    (plan, lowered): (&Plan, &BTreeSet<Name>),
    opened: &Opened,
    (run, before): (&RunId, &[Entry]),
) -> Result<World, Problems> {
    let steps: BTreeSet<Name> =
        plan.steps.iter().filter(|step| step.cache).map(|step| step.name.clone()).collect();
    // What another run made was not put into the form that people are shown.
    let steps: BTreeSet<Name> = steps.difference(lowered).cloned().collect();
    if steps.is_empty() {
        return Ok(world);
    }
    let cache = Arc::new(Cache {
        run: run.clone(),
        project: project(&opened.root),
        steps,
        outputs: held.store.outputs().map_err(storage)?,
        store: Arc::clone(&held.store),
    });
    let observer =
        Remembering { cache: Arc::clone(&cache), begun: Mutex::default(), inner: world.observer };
    // What a host that was killed did not remember, is remembered now: all of it in one
    // turn, because whoever looks for an output waits behind it.
    let entries = (1..).zip(before);
    let made = entries.flat_map(|(append, entry)| observer.made(entry, append)).collect();
    cache.outputs.put(&cache.project, made);
    Ok(World { observer: Arc::new(observer), reuse: cache, ..world })
}

struct Cache {
    run: RunId,
    project: String,
    steps: BTreeSet<Name>,
    outputs: Arc<Outputs>,
    store: Arc<Store>,
}

impl Reuse for Cache {
    fn applies(&self, step: &Step) -> bool {
        self.steps.contains(&step.name)
    }

    fn find<'a>(&'a self, cell: &'a CellId, content: Digest) -> BoxFuture<'a, Option<Reusable>> {
        Box::pin(async move {
            if !self.steps.contains(&cell.step) {
                return None;
            }
            // What cannot be read is made.
            let made = self.outputs.find(&self.project, content).await.ok()??;
            let Made { run, append, output } = made;
            let archive = self.store.archive();
            let output = archive.output(run.clone(), append, output).await.ok()??;
            all_there(&output, self.store.as_ref() as &dyn Blobs).await?;
            Some(Reusable { from: run, output })
        })
    }
}

/// Remembers outputs when the facts that they stand in are on stable storage.
struct Remembering {
    cache: Arc<Cache>,
    /// The keys of attempts that have no output yet: those that failed for good stay,
    /// because one that was given up with its host may go on.
    begun: Mutex<BTreeMap<AttemptId, Digest>>,
    inner: Arc<dyn Observer>,
}

impl Remembering {
    /// The outputs that an entry has, by their keys.
    fn made(&self, entry: &Entry, append: u64) -> Vec<(Digest, Made)> {
        let mut begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all = Vec::new();
        for fact in &entry.facts {
            match fact {
                Fact::CellStarted { attempt, content: Some(content), .. }
                    if self.cache.steps.contains(&attempt.cell.step) =>
                {
                    begun.insert(attempt.clone(), *content);
                }
                Fact::CellFinished { attempt, output, .. } => {
                    let run = self.cache.run.clone();
                    let made = Made { run, append, output: output.digest() };
                    all.extend(begun.remove(attempt).map(|content| (content, made)));
                }
                _ => {}
            }
        }
        all
    }
}

impl Observer for Remembering {
    fn entry(&self, durable: &Durable, entry: &Entry) {
        let made = self.made(entry, durable.position());
        self.cache.outputs.put(&self.cache.project, made);
        self.inner.entry(durable, entry);
    }

    fn before(&self, entries: &[Entry]) {
        self.inner.before(entries);
    }
}
