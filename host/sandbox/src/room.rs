//! What one attempt may hold in memory: its linear memories, its tables, and what the host keeps for it behind handles, in one sum. Knows no wasm and no handle.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bailiwick_core::Bytes;
use bailiwick_core::fact::Failure;

use crate::ended::Ended;
use crate::meter::{Meter, limit};

/// The room of one attempt. A clone is the same room.
#[derive(Clone)]
pub(crate) struct Room(Arc<Held>);

struct Held {
    most: Bytes,
    sum: AtomicU64,
    meter: Arc<Meter>,
}

impl Room {
    pub(crate) fn new(most: Bytes, meter: Arc<Meter>) -> Self {
        Self(Arc::new(Held { most, sum: AtomicU64::new(0), meter }))
    }

    /// Takes so many bytes, before anybody allocates them.
    ///
    /// # Errors
    /// The failure `limit:memory`, where the sum would pass what the attempt may have.
    pub(crate) fn take(&self, more: u64) -> Result<(), Failure> {
        let Held { most, sum, meter } = &*self.0;
        let fits = |sum: u64| sum.checked_add(more).filter(|sum| *sum <= most.0);
        match sum.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits) {
            Ok(before) => {
                meter.holds(Bytes(before.saturating_add(more)));
                Ok(())
            }
            Err(held) => {
                let mut failure = limit("memory", &Bytes(held), most);
                failure.message.push_str(&format!(", and {} more were asked for", Bytes(more)));
                Err(failure)
            }
        }
    }

    /// A place for bytes of the host's, with nothing in it yet.
    pub(crate) fn place(&self) -> Place {
        Place { room: self.clone(), bytes: 0 }
    }

    /// A place for so many bytes.
    ///
    /// # Errors
    /// The end of the attempt, where they do not fit.
    pub(crate) fn place_of(&self, bytes: usize) -> wasmtime::Result<Place> {
        let mut place = self.place();
        place.resize(bytes)?;
        Ok(place)
    }
}

/// What the host keeps behind one handle, in bytes: counted with the attempt's memory
/// until it is dropped. Without it a guest could have the host hold what it may not.
pub(crate) struct Place {
    room: Room,
    bytes: u64,
}

impl Place {
    /// Has the place hold so many bytes from now on.
    ///
    /// # Errors
    /// The end of the attempt, where they do not fit: what asks has no word for it in
    /// most of WASI, and a guest that goes on has what it wanted.
    pub(crate) fn resize(&mut self, bytes: usize) -> wasmtime::Result<()> {
        let bytes = bytes as u64;
        match bytes.checked_sub(self.bytes) {
            Some(more) => self.room.take(more).map_err(Ended::from)?,
            None => self.give(self.bytes.saturating_sub(bytes)),
        }
        self.bytes = bytes;
        Ok(())
    }

    /// Nothing is held any more.
    pub(crate) fn clear(&mut self) {
        self.give(self.bytes);
        self.bytes = 0;
    }

    fn give(&self, bytes: u64) {
        // Never below zero: what is given back was taken.
        self.room.0.sum.fetch_sub(bytes, Ordering::Relaxed);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_is_held_is_one_sum_and_what_is_dropped_is_free_again() {
        let meter = Arc::new(Meter::new(Duration::from_secs(1), None));
        let room = Room::new(Bytes(100), Arc::clone(&meter));
        room.take(60).unwrap();
        let mut place = room.place_of(30).unwrap();
        assert!(room.place_of(20).is_err());
        let refused = room.take(11).unwrap_err();
        assert_eq!(
            refused.message,
            "limit:memory used 90 B of 100 B, and 11 B more were asked for"
        );
        place.resize(5).unwrap();
        let other = room.place_of(35).unwrap();
        assert!(place.resize(6).is_err());
        drop(other);
        place.resize(40).unwrap();
        place.clear();
        room.take(40).unwrap();
        assert_eq!(meter.memory(), Bytes(100));
        drop(place);
        assert!(room.take(1).is_err());
    }
}
