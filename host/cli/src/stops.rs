//! Ctrl-C and SIGTERM as a count that whoever works can look at and wait for. Stops nothing by itself.

use anyhow::Context as _;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// How often somebody asked this process to stop.
#[derive(Clone)]
pub(crate) struct Stops(watch::Receiver<usize>);

impl Stops {
    /// Listens from now on, and tells each time how often it was.
    pub(crate) fn listen(told: impl Fn(usize) + Send + 'static) -> anyhow::Result<Self> {
        let mut interrupts = signal(SignalKind::interrupt()).context("signals cannot be heard")?;
        let mut terminations =
            signal(SignalKind::terminate()).context("signals cannot be heard")?;
        let (count, counted) = watch::channel(0);
        tokio::spawn(async move {
            for stops in 1_usize.. {
                tokio::select! {
                    Some(()) = interrupts.recv() => {}
                    Some(()) = terminations.recv() => {}
                    else => return,
                }
                told(stops);
                count.send_replace(stops);
            }
        });
        Ok(Self(counted))
    }

    /// Whether somebody did.
    pub(crate) fn is_stopping(&self) -> bool {
        *self.0.borrow() > 0
    }

    /// Waits until it was more often than that, and says how often.
    pub(crate) async fn more_than(&self, known: usize) -> usize {
        let mut counted = self.0.clone();
        match counted.wait_for(|count| *count > known).await.map(|count| *count) {
            Ok(count) => count,
            // Nobody listens any more: then it never is.
            Err(_) => std::future::pending().await,
        }
    }
}
