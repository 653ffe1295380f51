//! The real database on a disk that fails: at every write and every sync of a short run.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod appends;
mod disk;

use std::sync::{Mutex, MutexGuard, PoisonError};

use appends::{run_on, verify};
use disk::{Disk, Fault};
use tempfile::TempDir;

/// The disk is the process's own: one scenario at a time.
static ONE: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs the same appends once for each place where this fault can happen. After each,
/// on a whole disk again, everything acknowledged must be there, in order, and nothing
/// that was never said.
fn at_every_place(fault: Fault) {
    let _alone = alone();
    let disk = Disk::take();
    let mut places = 0;
    loop {
        let folder = TempDir::new().unwrap();
        disk.fail(fault, places);
        let told = run_on(folder.path());
        let happened = disk.mend();
        verify(folder.path(), &told).unwrap_or_else(|why| {
            panic!("{fault:?} at place {places}: {why}\n{told:#?}");
        });
        if fault.passes() && told.opened {
            assert!(
                told.is_whole(),
                "{fault:?} at place {places}: it goes on by itself: {told:#?}"
            );
        }
        if !happened {
            assert!(told.is_whole(), "without a fault all is acknowledged: {told:#?}");
            break;
        }
        places += 1;
    }
    assert!(places >= fault.places_min(), "{fault:?} has only {places} places");
}

#[test]
fn a_page_that_is_written_by_half() {
    at_every_place(Fault::TornWrite);
}

#[test]
fn a_power_cut_that_loses_all_that_was_not_synced() {
    at_every_place(Fault::PowerCut);
}

#[test]
fn a_power_cut_that_keeps_every_second_write() {
    at_every_place(Fault::PowerCutOutOfOrder);
}

#[test]
fn a_sync_that_fails_once_and_loses_what_it_should_have_kept() {
    at_every_place(Fault::SyncFails);
}

#[test]
fn a_disk_that_is_full_for_one_write() {
    at_every_place(Fault::FullOnce);
}

#[test]
fn a_disk_that_is_full_from_one_write_on() {
    at_every_place(Fault::Full);
}
