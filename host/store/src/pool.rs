//! A few threads with a connection each, for questions that would block an async task. Knows no question.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};

use bailiwick_core::Bytes;
use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::error::OpenError;
use crate::queue::{Capacity, Queue, Refused};
use crate::writer::CLOSED;

/// How many questions may wait: one for each of the guests that a host can run at
/// once, and room. Questions themselves are small.
const LINE: Capacity = Capacity { items: 4_096, bytes: Bytes::mib(1) };

type Question = Box<dyn FnOnce(&mut Connection) + Send>;

/// The threads. They end when this is dropped, after what stood in line.
pub(crate) struct Pool {
    queue: Arc<Queue<Question>>,
    threads: Vec<JoinHandle<()>>,
}

impl Pool {
    /// Opens one connection for each of `count` threads.
    pub(crate) fn start(
        name: &str,
        count: usize,
        open: impl Fn() -> Result<Connection, OpenError>,
    ) -> Result<Self, OpenError> {
        let mut pool = Self { queue: Arc::new(Queue::new(LINE)), threads: Vec::new() };
        for _ in 0..count {
            let (mut connection, queue) = (open()?, Arc::clone(&pool.queue));
            let thread = Builder::new()
                .name(name.into())
                .spawn(move || {
                    while let Some(question) = queue.pop() {
                        // A question with a mistake in it costs its answer, not the thread.
                        let asked = AssertUnwindSafe(|| question(&mut connection));
                        if catch_unwind(asked).is_err() {
                            tracing::error!("a question to the database has panicked");
                        }
                    }
                })
                .map_err(|source| OpenError::Database(source.to_string()))?;
            pool.threads.push(thread);
        }
        Ok(pool)
    }

    /// Asks the first thread that is free.
    pub(crate) fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&mut Connection) -> T + Send + 'static,
    ) -> impl Future<Output = Result<T, Refused>> + Send + 'static {
        let (reply, answer) = oneshot::channel();
        let asked = self.queue.push(
            Box::new(move |connection| {
                // Who asked may be gone.
                let _ = reply.send(question(connection));
            }),
            Bytes(0),
        );
        async move {
            asked?;
            answer.await.map_err(|_| Refused::Closed(CLOSED.into()))
        }
    }

    /// Ends the threads and waits for them.
    pub(crate) fn close(&mut self) {
        self.queue.close(CLOSED);
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a reading thread of the store has panicked");
            }
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::block_on;

    #[test]
    fn a_question_that_panics_costs_only_its_answer() {
        let pool = Pool::start("test", 1, || Ok(Connection::open_in_memory()?)).unwrap();
        let lost = block_on(pool.ask(|_| -> i64 { panic!("a mistake, on purpose") }));
        assert_eq!(lost, Err(Refused::Closed(CLOSED.into())));
        let answer =
            pool.ask(|db| db.query_row("SELECT 7", [], |row| row.get::<_, i64>(0)).unwrap());
        assert_eq!(block_on(answer), Ok(7));
    }
}
