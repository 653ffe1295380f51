//! What is told of a run while it goes, to any number of people who follow it. A slow one is no burden: he reads from the journal what he missed.

use std::collections::VecDeque;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};

use bailiwick_core::RunId;
use bailiwick_core::fact::{Entry, Fact};
use bailiwick_core::ports::{Durable, Journal as _, JournalError};
use bailiwick_orchestrator::Observer;
use bailiwick_store::Store;
use tokio::sync::{broadcast, watch};

use crate::delivery::Outline;
use crate::pinned::storage;
use crate::problems::Problems;

/// Entries that wait for one who follows; behind them he reads from the journal.
const BEHIND_MAX: usize = 64;

/// What is told of one run.
pub(crate) struct Feed {
    told: broadcast::Sender<Told>,
    /// Whether somebody drives it or will; and since when it is in the journal.
    pub(crate) stage: watch::Sender<Stage>,
    outline: Mutex<Option<Outline>>,
    /// Whether it is to be left as soon as it only waits for people.
    pub(crate) let_go: AtomicBool,
}

/// Where a run stands with this host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    /// Its turn has not come.
    InLine,
    /// It is being driven, and nothing of this is durable yet.
    Begins,
    /// It is being driven.
    Goes,
    /// This host does nothing with it now.
    Left,
}

#[derive(Clone)]
enum Told {
    Entry(u64, Arc<Entry>),
    Broken(Arc<Problems>),
}

impl Default for Feed {
    fn default() -> Self {
        let (told, _) = broadcast::channel(BEHIND_MAX);
        Self {
            told,
            stage: watch::Sender::new(Stage::InLine),
            outline: Mutex::default(),
            let_go: AtomicBool::default(),
        }
    }
}

impl Feed {
    /// The host gives the run up.
    pub(crate) fn broken(&self, problems: &Problems) {
        // Nobody may follow it.
        let _ = self.told.send(Told::Broken(Arc::new(problems.clone())));
    }

    pub(crate) fn is_followed(&self) -> bool {
        self.told.receiver_count() > 0
    }

    /// What a delivery needs to know of its plan.
    pub(crate) fn keep(&self, outline: Outline) {
        *self.outline.lock().unwrap_or_else(PoisonError::into_inner) = Some(outline);
    }

    pub(crate) fn outline(&self) -> Option<Outline> {
        self.outline.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Ends when the run is left, or was never driven.
    pub(crate) async fn left(&self) {
        // The sender is held by this value itself.
        let _ = self.stage.subscribe().wait_for(|stage| *stage == Stage::Left).await;
    }
}

impl Observer for Feed {
    fn entry(&self, durable: &Durable, entry: &Entry) {
        self.stage.send_if_modified(|stage| {
            let begins = *stage < Stage::Goes;
            *stage = (*stage).max(Stage::Goes);
            begins
        });
        if self.is_followed() {
            let told = Told::Entry(durable.position(), Arc::new(entry.clone()));
            let _ = self.told.send(told);
        }
    }
}

/// Somebody who follows a run: every entry from the first on, in order, each once, when
/// it is on stable storage.
pub struct Following {
    run: RunId,
    store: Arc<Store>,
    feed: Arc<Feed>,
    told: broadcast::Receiver<Told>,
    behind: VecDeque<Entry>,
    /// Entries that were given out.
    given: u64,
    /// Whether the journal has more than was given out, as far as is known.
    lags: bool,
    /// Whether the last entry left the run at rest, or at its end.
    rests: bool,
}

impl Following {
    pub(crate) fn new(run: RunId, store: Arc<Store>, feed: Arc<Feed>) -> Self {
        let told = feed.told.subscribe();
        let behind = VecDeque::new();
        Self { run, store, feed, told, behind, given: 0, lags: true, rests: false }
    }

    /// The next entry. Nothing where the run has ended or rests, and nobody drives it:
    /// a run that waits for people is waited for.
    ///
    /// # Errors
    /// [`Problems`] where the host gave the run up, or storage failed.
    pub async fn next(&mut self) -> Result<Option<Arc<Entry>>, Problems> {
        loop {
            if let Some(entry) = self.behind.pop_front() {
                return Ok(Some(self.give(Arc::new(entry))));
            }
            if std::mem::take(&mut self.lags) {
                self.catch_up().await?;
                continue;
            }
            if self.rests && self.is_left() {
                return Ok(None);
            }
            let mut stage = self.feed.stage.subscribe();
            let told = tokio::select! {
                biased;
                told = self.told.recv() => told,
                // A run at rest that is left tells nothing more.
                _ = stage.wait_for(|stage| *stage == Stage::Left), if self.rests => continue,
            };
            match told {
                Ok(Told::Entry(position, _)) if position <= self.given => {}
                Ok(Told::Entry(position, entry)) if position == self.given + 1 => {
                    return Ok(Some(self.give(entry)));
                }
                Ok(Told::Broken(problems)) => return Err(Problems::clone(&problems)),
                Ok(Told::Entry(..)) | Err(broadcast::error::RecvError::Lagged(_)) => {
                    self.lags = true;
                }
                // The feed is held by this value itself.
                Err(broadcast::error::RecvError::Closed) => return Ok(None),
            }
        }
    }

    /// Everything that is in the journal now and was not given out, without waiting.
    ///
    /// # Errors
    /// [`Problems`] where storage failed.
    pub async fn so_far(&mut self) -> Result<Option<Arc<Entry>>, Problems> {
        if std::mem::take(&mut self.lags) {
            self.catch_up().await?;
        }
        Ok(self.behind.pop_front().map(|entry| self.give(Arc::new(entry))))
    }

    fn is_left(&self) -> bool {
        *self.feed.stage.borrow() == Stage::Left
    }

    fn give(&mut self, entry: Arc<Entry>) -> Arc<Entry> {
        self.given += 1;
        for fact in &entry.facts {
            match fact {
                Fact::RunEnded { .. } | Fact::RunPaused { .. } => self.rests = true,
                Fact::RunResumed { .. } => self.rests = false,
                _ => {}
            }
        }
        entry
    }

    async fn catch_up(&mut self) -> Result<(), Problems> {
        let entries = match self.store.read(&self.run).await {
            Ok(entries) => entries,
            // Its turn has not come.
            Err(JournalError::NoSuchRun(_)) => Vec::new(),
            Err(error) => return Err(storage(error)),
        };
        let given = usize::try_from(self.given).unwrap_or(usize::MAX);
        self.behind = entries.into_iter().skip(given).collect();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use bailiwick_core::Timestamp;
    use bailiwick_core::fact::{PauseReason, RunEnd};
    use bailiwick_store::StoreOptions;

    use super::*;

    async fn append(store: &Store, feed: &Feed, run: &RunId, facts: Vec<Fact>) {
        let term = store.claim(run).await.unwrap();
        let entry = Entry { at: Timestamp(1), facts };
        let durable = store.append(run, term, entry.clone()).unwrap().durable().await.unwrap();
        feed.entry(&durable, &entry);
    }

    fn ended(reason: &str) -> Fact {
        let reason = Some(reason.to_owned());
        Fact::RunEnded { end: RunEnd::Interrupted, output: None, reason }
    }

    #[tokio::test]
    async fn every_entry_comes_once_in_order_however_slow_somebody_is() {
        let folder = tempfile::tempdir().unwrap();
        let options = StoreOptions { command: "test".into(), now: Timestamp(0) };
        let store = Arc::new(Store::open(folder.path(), options).unwrap());
        let (feed, run) = (Arc::new(Feed::default()), RunId::new("r").unwrap());
        let mut early = Following::new(run.clone(), Arc::clone(&store), Arc::clone(&feed));
        assert_eq!(early.so_far().await.unwrap(), None, "its turn has not come");
        store.create(&run).await.unwrap();
        let detail = String::new();
        let pause = Fact::RunPaused { reason: PauseReason::Drain, detail, by: None };
        append(&store, &feed, &run, vec![pause]).await;
        let resumed = Fact::RunResumed { by: "a".into(), repinned: None, retry_failed: false };
        append(&store, &feed, &run, vec![resumed]).await;
        let mut late = Following::new(run.clone(), Arc::clone(&store), Arc::clone(&feed));
        for number in 0..3 * BEHIND_MAX {
            append(&store, &feed, &run, vec![ended(&number.to_string())]).await;
        }
        feed.stage.send_replace(Stage::Left);
        for following in [&mut early, &mut late] {
            let mut seen = Vec::new();
            while let Some(entry) = following.next().await.unwrap() {
                seen.extend(entry.facts.iter().filter_map(|fact| match fact {
                    Fact::RunEnded { reason, .. } => reason.clone(),
                    _ => None,
                }));
            }
            let want: Vec<_> = (0..3 * BEHIND_MAX).map(|number| number.to_string()).collect();
            assert_eq!(seen, want);
        }
    }
}
