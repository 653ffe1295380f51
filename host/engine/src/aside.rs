//! Work beside the threads that serve runs: a thread of its own with a low priority, so that what goes does not feel what is judged, compared and loaded. Knows no work.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;

use tokio::sync::{mpsc, oneshot};

/// How far it stands back behind a thread that serves runs: it gets about a tenth of a core
/// that both want, so that even a busy host swaps within seconds.
const NICENESS: i32 = 10;

/// Pieces of work that wait. Each is one component that somebody sent, and a host takes a
/// handful of these at a time.
const WAITING: usize = 16;

type Work = Box<dyn FnOnce() + Send>;

/// The thread, once somebody needs it. It ends with its owner.
#[derive(Default)]
pub(crate) struct Aside(OnceLock<mpsc::Sender<Work>>);

/// The work did not come to its end.
#[derive(Debug, thiserror::Error)]
#[error("the thread for it is gone, or the work panicked")]
pub(crate) struct Undone;

impl Aside {
    /// Makes the thread now: once a process is locked up, no thread lowers itself any more.
    pub(crate) fn start(&self) -> &mpsc::Sender<Work> {
        self.0.get_or_init(|| {
            let (sender, mut works) = mpsc::channel::<Work>(WAITING);
            let run = move || {
                // On Linux this is about the calling thread alone. Where it may not, the
                // work is done all the same.
                let _ = rustix::process::setpriority_process(None, NICENESS);
                while let Some(work) = works.blocking_recv() {
                    let _ = catch_unwind(AssertUnwindSafe(work));
                }
            };
            let thread = std::thread::Builder::new().name("aside".into()).spawn(run);
            if let Err(error) = thread {
                tracing::warn!(%error, "no thread for what is done aside");
            }
            sender
        })
    }

    /// Does it there, after what was begun before.
    pub(crate) async fn done<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Undone> {
        let (reply, answer) = oneshot::channel();
        let work: Work = Box::new(move || {
            // Who asked may be gone.
            let _ = reply.send(work());
        });
        self.start().send(work).await.map_err(|_| Undone)?;
        answer.await.map_err(|_| Undone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_stands_back_and_outlives_a_panic() {
        let aside = Aside::default();
        let of_this = rustix::process::getpriority_process(None).unwrap();
        let nice = aside.done(|| rustix::process::getpriority_process(None).unwrap()).await;
        assert_eq!(nice.unwrap(), of_this + NICENESS);
        assert!(aside.done(|| panic!("on purpose")).await.is_err());
        assert_eq!(aside.done(|| 7).await.unwrap(), 7);
        assert_eq!(rustix::process::getpriority_process(None).unwrap(), of_this, "only that one");
    }
}
