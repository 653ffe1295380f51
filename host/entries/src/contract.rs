//! Names of imports and exports, one a line, as whoever made a component chose them: which version of the contract they speak.

use bailiwick_core::contract::{SERVED, part};
use bailiwick_core::text::{Lines, visible};

use crate::Reached;

/// Two versions and two names of 64 bytes, each byte escaped, and a sentence around them.
const WORDS_MAX_BYTES: usize = 4 * 1024;

pub(crate) fn contract(bytes: &[u8]) -> Reached {
    let text = String::from_utf8_lossy(bytes);
    let names = || text.lines().filter(|name| part(name).is_some());
    match SERVED.speaks(text.lines()) {
        Ok(None) => {
            assert_eq!(names().next(), None, "what is of the contract was not seen");
            Reached::Nothing
        }
        Ok(Some(release)) => {
            // Said in another way than the code says it.
            let end = format!("@{}", release.version);
            for name in names() {
                let path = name.strip_suffix(&end).unwrap();
                assert!(path.starts_with("bailiwick:agent/") && !path.contains('@'), "{name}");
            }
            Reached::Taken
        }
        Err(unserved) => {
            let words = unserved.to_string();
            assert!(words.len() <= WORDS_MAX_BYTES, "{} bytes", words.len());
            assert_eq!(visible(&words, Lines::Escape), words);
            assert!(words.contains(&SERVED.to_string()), "{words}");
            Reached::Form
        }
    }
}
