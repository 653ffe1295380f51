//! Files that are said to be components: what is read of them before anything is compiled, and what is compiled.

#[cfg(feature = "sandbox")]
use bailiwick_builder::Outline;
use bailiwick_builder::{InspectError, read_embedded, read_outline};

use crate::Reached;

pub(crate) fn component(bytes: &[u8]) -> Reached {
    let outline = read_outline(bytes);
    let embedded = read_embedded(bytes);
    let compilable = compilable(bytes);
    let Ok(outline) = outline else {
        assert!(embedded.is_err(), "what has no outline has something embedded");
        let refused = embedded.unwrap_err();
        // Longer than any file is a message only by repeating it.
        assert!(refused.to_string().len() <= 64 * 1024 + bytes.len());
        return match refused {
            InspectError::Broken(_) | InspectError::TooDeep => Reached::Form,
            _ => Reached::Nothing,
        };
    };
    assert_eq!(outline.size_bytes, bytes.len());
    let names = outline.imports.iter().chain(&outline.exports);
    let named: usize = names.map(String::len).sum();
    assert!(named <= bytes.len(), "more names than bytes");
    #[cfg(feature = "sandbox")]
    same_contract(bytes, &outline);
    // What the compiler's validator takes is valid for the one that reads names too:
    // it knows fewer proposals.
    match (compilable, embedded) {
        (true, Ok(embedded)) => {
            assert_eq!(embedded.outline, outline);
            Reached::Taken
        }
        (true, Err(_)) => Reached::Taken,
        (false, _) => Reached::Form,
    }
}

/// Two readers of names, and one answer: nobody is compiled as what he was not judged as.
#[cfg(feature = "sandbox")]
fn same_contract(bytes: &[u8], outline: &Outline) {
    use bailiwick_sandbox::{Refused, spoken};
    match (outline.contract(), spoken(bytes)) {
        (Ok(one), Ok(other)) => assert_eq!(one, Some(other)),
        (Err(one), Err(Refused::Unserved(other))) => assert_eq!(one, other),
        (Err(one), other) => panic!("{one}, and the sandbox says {other:?}"),
        (Ok(_), Err(Refused::Unserved(other))) => panic!("{other}, and the builder does not"),
        (Ok(_), Err(_)) => {}
    }
}

#[cfg(feature = "sandbox")]
fn compilable(bytes: &[u8]) -> bool {
    bailiwick_sandbox::validate(bytes).is_ok()
}

#[cfg(not(feature = "sandbox"))]
fn compilable(_: &[u8]) -> bool {
    true
}
