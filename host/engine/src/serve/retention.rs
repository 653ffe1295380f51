//! Retention of a host that stays: what `[retention]` of its projects lets go goes by itself, a little at a time beside the work. Decides no age.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use bailiwick_core::Timestamp;
use bailiwick_store::{Reach, Swept};

use crate::gc;
use crate::load::Opened;
use crate::serve::resident::Inner;

/// How long after its start a host sweeps for the first time: what it was stopped for
/// goes on first.
const FIRST: Duration = Duration::from_secs(60);
/// How often runs go. Ages are counted in days, so an hour is soon enough.
const RUNS_EVERY: Duration = Duration::from_secs(3600);
/// How long a turn that left something undone lets the others work.
const PAUSE: Duration = Duration::from_secs(10);
/// Runs of one turn, over all projects. Each is read once and deleted in a commit of its
/// own; so many keep one reader busy for about a second, and others have another.
const TURN: NonZeroUsize = match NonZeroUsize::new(256) {
    Some(number) => number,
    None => NonZeroUsize::MIN,
};
/// How often blobs go that nobody names: all that is kept is read for this.
const BLOBS_EVERY: Duration = Duration::from_secs(24 * 3600);

impl Inner {
    /// Sweeps until this host closes.
    pub(crate) async fn keep_house(self: Arc<Self>) {
        let clock = Arc::clone(&self.host.clock);
        let (mut next, mut blobs) = (clock.now().after(FIRST), clock.now().after(FIRST));
        loop {
            clock.sleep_until(next).await;
            if self.is_closing() {
                return;
            }
            let now = clock.now();
            let more = self.sweep_runs(now).await;
            if !more && now >= blobs {
                self.sweep_blobs(now).await;
                blobs = now.after(BLOBS_EVERY);
            }
            next = clock.now().after(if more { PAUSE } else { RUNS_EVERY });
        }
    }

    /// One turn over all projects. Says whether something is left to do.
    async fn sweep_runs(&self, now: Timestamp) -> bool {
        let (projects, mut left) = (self.projects(), TURN.get());
        for opened in projects.all() {
            let Some(most) = NonZeroUsize::new(left) else { return true };
            let retention = opened.project.retention;
            if retention.runs.is_none() && retention.values.is_none() {
                continue;
            }
            let swept = self.sweep(opened, now, Reach::Runs(most)).await;
            left = left.saturating_sub(swept.deleted.len() + swept.erased.len());
        }
        left == 0
    }

    async fn sweep_blobs(&self, now: Timestamp) {
        // Blobs belong to the folder, and to no project.
        if let Some(opened) = self.projects().all().next() {
            self.sweep(opened, now, Reach::Blobs).await;
        }
    }

    async fn sweep(&self, opened: &Opened, now: Timestamp, reach: Reach) -> Swept {
        let by = opened.policy.people.name_of(self.uid);
        match gc::sweep(&self.held.store, opened, (now, by), reach).await {
            Ok(swept) => {
                for left in &swept.left {
                    (self.complain)(format!("left as it is: {left}"));
                }
                swept
            }
            Err(problems) => {
                (self.complain)(format!("retention: {problems}"));
                Swept::default()
            }
        }
    }
}
