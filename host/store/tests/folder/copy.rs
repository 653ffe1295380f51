//! A backup beside a host that writes: a prefix of everything, whole.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use bailiwick_core::ports::{Blobs as _, Journal as _};
use bailiwick_store::{AuditScope, CopyError, Store};
use tempfile::TempDir;

use super::{Scratch, open, run, saying, wait};

fn copy(store: &Store, target: &Path) -> Vec<String> {
    let copied = wait(store.archive().copy_to(target)).unwrap();
    copied.audit.damages.iter().map(ToString::to_string).collect()
}

#[test]
fn what_was_durable_is_in_the_copy_and_the_copy_goes_on() {
    let scratch = Scratch::new();
    let outside = TempDir::new().unwrap();
    let target = outside.path().join("copy");
    let term = wait(scratch.create(&run("r"))).unwrap();
    wait(scratch.append(&run("r"), term, saying("here")).unwrap().durable()).unwrap();
    let large = wait(scratch.put(vec![7; 400_000])).unwrap();
    std::fs::write(scratch.folder.path().join("host.key"), [3; 32]).unwrap();
    std::fs::create_dir(scratch.folder.path().join("anchors")).unwrap();
    std::fs::write(scratch.folder.path().join("anchors/some.json"), "[]").unwrap();
    assert_eq!(copy(&scratch, &target), [""; 0]);
    wait(scratch.append(&run("r"), term, saying("later")).unwrap().durable()).unwrap();

    let copied = open(&target);
    assert_eq!(wait(copied.read(&run("r"))).unwrap(), [saying("here")]);
    assert_eq!(wait(copied.get(large)).unwrap(), vec![7; 400_000]);
    let term = wait(copied.claim(&run("r"))).unwrap();
    wait(copied.append(&run("r"), term, saying("there")).unwrap().durable()).unwrap();
    assert_eq!(std::fs::read(target.join("host.key")).unwrap(), [3; 32]);
    assert_eq!(std::fs::read(target.join("anchors/some.json")).unwrap(), b"[]");
    assert!(!outside.path().join("copy.part").exists());
    let again = wait(scratch.archive().copy_to(&target));
    assert!(matches!(again, Err(CopyError::Exists(_))));
}

#[test]
fn the_copy_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let scratch = Scratch::new();
    wait(scratch.put(vec![7; 400_000])).unwrap();
    let outside = TempDir::new().unwrap();
    copy(&scratch, &outside.path().join("copy"));
    let mode = |name: &str| {
        let path = outside.path().join("copy").join(name);
        path.metadata().unwrap().permissions().mode() & 0o777
    };
    assert_eq!((mode(""), mode("store.db")), (0o700, 0o600));
}

#[test]
fn copies_beside_a_host_that_writes_and_deletes_are_whole() {
    let scratch = Scratch::new();
    let outside = TempDir::new().unwrap();
    let (store, over) = (&scratch.store, AtomicBool::new(false));
    let term = wait(store.create(&run("r"))).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            wait(async {
                // An end also where the copies fail: the disk is not this test's.
                for number in 0_u64..200 {
                    let bytes = [&number.to_le_bytes()[..], &[0; 270_000]].concat();
                    let digest = store.put(bytes).await.unwrap();
                    let ticket =
                        store.append(&run("r"), term, saying(&digest.to_string())).unwrap();
                    ticket.durable().await.unwrap();
                    if over.load(Ordering::Relaxed) {
                        return;
                    }
                }
            });
        });
        for number in 0..5 {
            let target = outside.path().join(number.to_string());
            assert_eq!(copy(store, &target), [""; 0]);
            let copied = Store::open_read_only(&target).unwrap();
            for entry in wait(copied.read(&run("r"))).unwrap() {
                let bailiwick_core::fact::Fact::Logged { entry, .. } = &entry.facts[0] else {
                    panic!()
                };
                wait(copied.get(entry.message.parse().unwrap())).unwrap();
            }
        }
        over.store(true, Ordering::Relaxed);
    });
}

#[test]
fn a_damaged_original_is_told() {
    let scratch = Scratch::new();
    let digest = wait(scratch.put(vec![7; 400_000])).unwrap();
    let hex = digest.hex();
    let file = scratch.folder.path().join("blobs").join(&hex[..2]).join(&hex[2..]);
    std::fs::write(file, "other").unwrap();
    let outside = TempDir::new().unwrap();
    let damages = copy(&scratch, &outside.path().join("copy"));
    assert_eq!(damages, [format!("blob {digest} is damaged")]);
    assert_eq!(wait(scratch.archive().audit(AuditScope::All)).unwrap().damages.len(), 1);
}
