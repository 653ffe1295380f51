//! JSON that guests, models and people give, and the schemas that guests give for it.

use bailiwick_core::Document;
use bailiwick_core::artifact::references;
use bailiwick_core::schema::Schema;
use serde_json::Value;

use crate::Reached;

/// What stands between a schema and the document that is checked by it.
const BETWEEN: &str = "\n---\n";

/// The most that is said of one document, and how long: a guest's document must not
/// become a page of an operator's log.
const MISMATCHES_MAX: usize = 8;
const SENTENCE_MAX_BYTES: usize = 4096;

pub(crate) fn document(bytes: &[u8]) -> Reached {
    let Ok(text) = std::str::from_utf8(bytes) else { return Reached::Nothing };
    let Ok((document, value)) = Document::parse(text) else { return Reached::Nothing };
    let canonical = document.text().map(ToString::to_string).unwrap_or_default();
    let (again, read) = Document::parse(&canonical).unwrap();
    assert_eq!(read, value, "the canonical text is another value");
    assert_eq!(again.digest(), document.digest(), "the canonical text has another digest");
    assert_eq!(document.value(), value);
    match references(&value) {
        Err(_) => Reached::Form,
        Ok(found) => {
            for (pointer, artifact) in found {
                let there =
                    value.pointer(&pointer).unwrap_or_else(|| panic!("nothing at {pointer}"));
                let same: Value = artifact.to_json();
                assert_eq!(references(&same).unwrap().len(), 1);
                assert_eq!(there.get("$artifact"), same.get("$artifact"));
            }
            Reached::Taken
        }
    }
}

pub(crate) fn schema(bytes: &[u8]) -> Reached {
    let Ok(text) = std::str::from_utf8(bytes) else { return Reached::Nothing };
    let (schema, document) = text.split_once(BETWEEN).unwrap_or((text, "null"));
    let Ok(admitted) = Schema::parse(schema) else { return Reached::Nothing };
    assert_eq!(Schema::admit(admitted.value().clone()).as_ref(), Ok(&admitted));
    let Ok((_, value)) = Document::parse(document) else { return Reached::Form };
    let said = admitted.check(&value);
    assert_eq!(said, admitted.check(&value), "one document, two answers");
    match said {
        Ok(()) => Reached::Taken,
        Err(mismatch) => {
            assert!(!mismatch.0.is_empty() && mismatch.0.len() <= MISMATCHES_MAX);
            for sentence in &mismatch.0 {
                let bytes = sentence.len();
                assert!(bytes <= SENTENCE_MAX_BYTES, "a sentence of {bytes} bytes");
            }
            Reached::Form
        }
    }
}
