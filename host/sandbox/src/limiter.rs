//! Memories and tables of one store, in sum: wasmtime's own limits hold for each memory by itself. Ends nothing: a refused guest goes on as the standard says.

use std::sync::Arc;

use wasmtime::ResourceLimiter;

use crate::limits::{INSTANCES_MAX, MEMORIES_MAX, TABLE_ELEMENTS_MAX, TABLES_MAX};
use crate::meter::{Meter, limit};
use crate::room::Room;

/// What a table element takes: a pointer.
const ELEMENT_BYTES: u64 = 8;

/// The sums of one store.
pub(crate) struct Limiter {
    room: Room,
    elements: usize,
    meter: Arc<Meter>,
}

impl Limiter {
    pub(crate) fn new(room: Room, meter: Arc<Meter>) -> Self {
        Self { room, elements: 0, meter }
    }

    fn fits(&self, more: u64) -> bool {
        let taken = self.room.take(more);
        taken.map_err(|failure| self.meter.refuse(failure)).is_ok()
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        // The guest's own maximum: `memory.grow` answers -1, and that is no matter of ours.
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        let more = desired.saturating_sub(current) as u64;
        Ok(self.fits(more))
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if maximum.is_some_and(|maximum| desired > maximum) && desired <= TABLE_ELEMENTS_MAX {
            return Ok(false);
        }
        let more = desired.saturating_sub(current);
        if self.elements.saturating_add(more) > TABLE_ELEMENTS_MAX {
            let mut failure = limit("table-elements", &self.elements, &TABLE_ELEMENTS_MAX);
            failure.message.push_str(&format!(", and {more} more were asked for"));
            self.meter.refuse(failure);
            return Ok(false);
        }
        let fits = self.fits((more as u64).saturating_mul(ELEMENT_BYTES));
        if fits {
            self.elements = self.elements.saturating_add(more);
        }
        Ok(fits)
    }

    fn instances(&self) -> usize {
        INSTANCES_MAX
    }

    fn tables(&self) -> usize {
        TABLES_MAX
    }

    fn memories(&self) -> usize {
        MEMORIES_MAX
    }
}
