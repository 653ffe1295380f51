//! A disk that fills up in the middle of a run: the run rests, or its process ends, and goes on when there is room. Needs a file system of its own, and so root.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]
#![allow(clippy::print_stdout, reason = "what is skipped says why")]

mod end_to_end;
mod fan;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Once;
use std::time::Duration;

use end_to_end::journal::Journal;
use end_to_end::{Desk, folder};
use fan::Fan;

/// Room for the largest answer (64 MiB), the reserve (5 %), and a database.
const DISK_MIB: u64 = 200;

/// What takes the room.
const FILLER: &str = "filler";

/// More than are at work at once, so that some begin after the disk is full.
const CELLS: usize = 200;

/// The number of the question during which the disk fills up.
const FILLED_AT: usize = 40;

const GRANT: &str = "calls = 1_000, tokens = 1_000_000";

/// A small file system in memory, gone with this value.
struct Disk(PathBuf);

impl Disk {
    /// Nothing, and the reason told, where this user may not mount one.
    fn mount(desk: &Desk) -> Option<Self> {
        let place = desk.path("disk");
        std::fs::create_dir(&place).unwrap();
        let size = format!("size={DISK_MIB}m,mode=0700");
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(&place).output();
        match mounted {
            Ok(output) if output.status.success() => Some(Self(place)),
            Ok(output) => skipped(&String::from_utf8_lossy(&output.stderr)),
            Err(error) => skipped(&error.to_string()),
        }
    }
}

fn skipped(why: &str) -> Option<Disk> {
    println!("skipped: no file system can be mounted here: {}", why.trim());
    None
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Whatever still holds it ends with the test.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// Takes all but `left` bytes at once, so that nothing ends meanwhile.
fn fill(disk: &Path, left: u64) {
    let free = rustix::fs::statvfs(disk).unwrap();
    let all = free.f_bavail * free.f_frsize;
    let file = File::create(disk.join(FILLER)).unwrap();
    let flags = rustix::fs::FallocateFlags::empty();
    // What the host takes at the same time may leave less than was free a moment ago.
    let taken = (0..64).any(|page| {
        let size = all.saturating_sub(left).saturating_sub(page * 64 * 1024);
        rustix::fs::fallocate(&file, flags, 0, size).is_ok()
    });
    assert!(taken, "the disk could not be filled");
}

/// Runs on a disk that has so much left from the fortieth question on; the code that it ends with.
fn run_on_a_disk_that_fills_up(left: u64, codes: &'static [i32]) {
    let desk = Desk::new();
    let Some(disk) = Disk::mount(&desk) else { return };
    let (place, filled) = (disk.0.clone(), Once::new());
    let fan = Fan::new(&desk, CELLS, GRANT, "", move |number| {
        if number >= FILLED_AT {
            // The others wait for it: what is answered later finds the disk full.
            filled.call_once(|| fill(&place, left));
        }
        Duration::from_millis(5)
    });
    let data = disk.0.join("data");
    let ended = fan.run(&desk, &data).ends_with_one_of(codes);
    assert!(!desk.out().exists(), "it is not done: {}", ended.stderr);
    let asked = fan.counter.asked().len();
    assert!((FILLED_AT..CELLS).contains(&asked), "{asked} questions before the disk was full");

    std::fs::remove_file(disk.0.join(FILLER)).unwrap();
    fan.resume(&desk, &data).ends(0);
    let journal =
        Journal(desk.bailiwick(["show", "fan", "--facts"]).option("data", &data).ends(0).lines());
    journal.did_nothing_twice();
    assert_eq!(journal.count("Released"), CELLS);

    // The same as on a disk that has room.
    let roomy = Desk::new();
    let uncut = Fan::new(&roomy, CELLS, GRANT, "", |_| Duration::ZERO);
    uncut.run(&roomy, &roomy.data()).ends(0);
    let [one, other] = [&desk, &roomy].map(|desk| folder::files(&desk.out())["notes.json"].clone());
    assert_eq!(one, other);
}

#[test]
fn a_run_rests_while_its_disk_has_no_room_for_answers() {
    // Facts still fit: no question leaves any more, and what was answered is written down.
    run_on_a_disk_that_fills_up(30 << 20, &[4]);
}

#[test]
fn a_run_whose_disk_is_full_to_the_last_byte_ends_and_goes_on() {
    // With luck the log has room for what is under way, and the run rests.
    run_on_a_disk_that_fills_up(0, &[2, 1, 4]);
}

#[test]
fn a_drill_of_a_full_disk_rests_like_a_real_one() {
    let desk = Desk::new();
    let fan = Fan::new(&desk, CELLS, GRANT, "", |_| Duration::from_millis(2));
    let ended = fan.run(&desk, &desk.data()).option("inject", "full-disk-at=30").ends(4);
    assert!(ended.stderr.contains("no room"), "{}", ended.stderr);
    assert!(fan.counter.asked().len() < CELLS);
    fan.resume(&desk, &desk.data()).ends(0);
    let journal = Journal::of(&desk, "fan");
    journal.did_nothing_twice();
    assert!(journal.named("RunPaused").any(|fact| fact["reason"] == "disk"));
    assert_eq!(fan.counter.asked().len(), CELLS, "nothing was asked twice");
}
