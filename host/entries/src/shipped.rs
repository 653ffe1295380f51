//! What comes with components of others: the lock of a project, what a publisher states, and the signature file around it.

use bailiwick_policy::Publishers;
use bailiwick_policy::publishers::{Moment, Signature, Statement};
use bailiwick_project::Lock;

use crate::Reached;
use crate::files::refused;

const FILE: &str = "bailiwick.lock";

pub(crate) fn lock(bytes: &[u8]) -> Reached {
    let Ok(text) = std::str::from_utf8(bytes) else { return Reached::Nothing };
    match Lock::read(FILE, text) {
        Err(said) => refused(text, &said),
        Ok(lock) => {
            let written = lock.to_text();
            let again = Lock::read(FILE, &written);
            // Of notes the last ones are kept: after that, one lock has one text.
            let again = again.unwrap_or_else(|said| panic!("{written} is not read: {said:?}"));
            assert_eq!(again.pins().len(), lock.pins().len(), "a pin is lost");
            assert_eq!(again.to_text(), written, "one lock, two texts");
            Reached::Taken
        }
    }
}

pub(crate) fn statement(bytes: &[u8]) -> Reached {
    let Ok(text) = std::str::from_utf8(bytes) else { return Reached::Nothing };
    match Statement::parse(text) {
        Err(_) if text.starts_with("bailiwick component") => Reached::Form,
        Err(_) => Reached::Nothing,
        Ok(statement) => {
            assert_eq!(statement.to_string(), text, "one statement, two texts");
            assert!(!statement.identity().starts_with("local/"), "nobody signs as nobody");
            Reached::Taken
        }
    }
}

pub(crate) fn signature(bytes: &[u8]) -> Reached {
    let Ok(text) = std::str::from_utf8(bytes) else { return Reached::Nothing };
    match Signature::parse(text) {
        Err(_) if text.contains("trusted comment: ") => Reached::Form,
        Err(_) => Reached::Nothing,
        Ok(signature) => {
            // Nobody is admitted here.
            let verified = Publishers::default().verify(b"bytes", &signature, Moment::Before);
            assert!(verified.is_err(), "{signature:?} is taken");
            Reached::Taken
        }
    }
}
