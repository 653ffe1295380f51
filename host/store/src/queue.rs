//! A bounded first-in-first-out line between many callers and one thread. Knows nothing of what stands in it.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use bailiwick_core::Bytes;

/// How much may wait at once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Capacity {
    /// How many items.
    pub(crate) items: usize,
    /// How many bytes all items have together.
    pub(crate) bytes: Bytes,
}

/// Why an item was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    /// Too much waits already.
    #[error("too much waits to be written: {items} items of {bytes}")]
    Full {
        /// What waits.
        items: usize,
        /// Its size with the refused item.
        bytes: Bytes,
    },
    /// Nobody takes anything from this line any more.
    #[error("{0}")]
    Closed(Arc<str>),
}

/// The line. Pushing never blocks; taking waits.
pub(crate) struct Queue<T> {
    capacity: Capacity,
    line: Mutex<Line<T>>,
    changed: Condvar,
}

struct Line<T> {
    items: VecDeque<(T, Bytes)>,
    bytes: Bytes,
    closed: Option<Arc<str>>,
}

impl<T> Queue<T> {
    pub(crate) fn new(capacity: Capacity) -> Self {
        let line = Line { items: VecDeque::new(), bytes: Bytes(0), closed: None };
        Self { capacity, line: Mutex::new(line), changed: Condvar::new() }
    }

    /// Appends an item of this size.
    pub(crate) fn push(&self, item: T, size: Bytes) -> Result<(), Refused> {
        let mut line = self.lock();
        if let Some(reason) = &line.closed {
            return Err(Refused::Closed(Arc::clone(reason)));
        }
        let bytes = line.bytes.plus(size);
        if line.items.len() >= self.capacity.items || bytes > self.capacity.bytes {
            return Err(Refused::Full { items: line.items.len(), bytes });
        }
        line.items.push_back((item, size));
        line.bytes = bytes;
        drop(line);
        self.changed.notify_one();
        Ok(())
    }

    /// Waits for the first item and takes it; nothing when the line is closed and empty.
    pub(crate) fn pop(&self) -> Option<T> {
        let mut line = self.wait();
        let (item, size) = line.items.pop_front()?;
        line.bytes = line.bytes.minus(size);
        Some(item)
    }

    /// Waits for the first item and takes everything; nothing when the line is closed and empty.
    pub(crate) fn drain(&self) -> Vec<T> {
        let mut line = self.wait();
        line.bytes = Bytes(0);
        std::mem::take(&mut line.items).into_iter().map(|(item, _)| item).collect()
    }

    /// Takes nothing more; what stands in line is still served. The first reason stays.
    pub(crate) fn close(&self, reason: &str) {
        self.lock().closed.get_or_insert_with(|| reason.into());
        self.changed.notify_all();
    }

    fn wait(&self) -> MutexGuard<'_, Line<T>> {
        self.changed
            .wait_while(self.lock(), |line| line.items.is_empty() && line.closed.is_none())
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// No code that can panic runs under the lock, so a poisoned one is still whole.
    fn lock(&self) -> MutexGuard<'_, Line<T>> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue() -> Queue<u32> {
        Queue::new(Capacity { items: 3, bytes: Bytes(10) })
    }

    #[test]
    fn keeps_the_order_and_both_limits() {
        let queue = queue();
        queue.push(1, Bytes(4)).unwrap();
        queue.push(2, Bytes(4)).unwrap();
        assert_eq!(queue.push(3, Bytes(3)), Err(Refused::Full { items: 2, bytes: Bytes(11) }));
        queue.push(4, Bytes(0)).unwrap();
        assert_eq!(queue.push(5, Bytes(0)), Err(Refused::Full { items: 3, bytes: Bytes(8) }));
        assert_eq!(queue.pop(), Some(1));
        queue.push(6, Bytes(6)).unwrap();
        assert_eq!(queue.drain(), [2, 4, 6]);
        queue.push(7, Bytes(10)).unwrap();
    }

    #[test]
    fn a_closed_line_serves_what_stands_in_it() {
        let queue = queue();
        queue.push(1, Bytes(1)).unwrap();
        queue.close("over");
        queue.close("later reason");
        assert_eq!(queue.push(2, Bytes(1)), Err(Refused::Closed("over".into())));
        assert_eq!(queue.drain(), [1]);
        assert!(queue.drain().is_empty());
        assert_eq!(queue.pop(), None);
    }
}
