//! What a registry sends, and what people type to name something in one: whatever passes means one thing, of a bounded size, at a place that was typed.

use bailiwick_policy::registry::{
    COMPONENT_MAX, Manifest, Place, Reference, SCHEME, SIGNATURE_MAX,
};
use url::Url;

use crate::Reached;

/// The longest that a refusal may get, whatever a registry wrote: a line or two.
const SENTENCE_MAX_BYTES: usize = 1024;

/// A manifest.
pub(crate) fn manifest(bytes: &[u8]) -> Reached {
    let manifest = match Manifest::read(bytes) {
        Ok(manifest) => manifest,
        Err(refused) => {
            let text = refused.to_string();
            assert!(text.len() <= SENTENCE_MAX_BYTES && !text.chars().any(char::is_control));
            let is_json = serde_json::from_slice::<serde_json::Value>(bytes).is_ok();
            return if is_json { Reached::Form } else { Reached::Nothing };
        }
    };
    let size = manifest.component.size;
    assert!(size.0 > 0 && size <= COMPONENT_MAX, "{size}");
    let signature = manifest.signature.as_deref().unwrap_or_default();
    assert!(signature.len() as u64 <= SIGNATURE_MAX.0);
    // Pushed, it is the same one.
    let written = manifest.bytes().unwrap();
    assert_eq!(Manifest::read(&written).as_ref(), Ok(&manifest));
    Reached::Taken
}

/// A reference, and the place in a policy that would list it.
pub(crate) fn reference(bytes: &[u8]) -> Reached {
    let Ok(text) = std::str::from_utf8(bytes) else { return Reached::Nothing };
    let Ok(reference) = text.parse::<Reference>() else {
        return if text.starts_with(SCHEME) { Reached::Form } else { Reached::Nothing };
    };
    assert_eq!(reference.to_string(), text, "it has two spellings");
    assert!(reference.tag().is_some() || reference.digest().is_some());
    // What is dialled is what was typed, read by whoever reads URLs.
    let (registry, name) = (reference.registry(), reference.repository());
    let url = Url::parse(&format!("https://{registry}/v2/{name}/tags/list")).unwrap();
    let port = url.port().map_or_else(String::new, |port| format!(":{port}"));
    assert_eq!(format!("{}{port}", url.host_str().unwrap()), registry);
    assert_eq!(url.path(), format!("/v2/{name}/tags/list"));
    assert!(url.query().is_none() && url.username().is_empty());
    for (place, covers) in [
        (registry.to_owned(), true),
        (format!("{registry}/{name}"), true),
        (format!("{registry}/{name}/x"), false),
        (format!("{registry}/x{name}"), false),
    ] {
        let found = Place::parse(&place).map(|place| place.covers(&reference));
        assert!(found == Ok(covers) || place.len() > 250, "{place}: {found:?}");
    }
    Reached::Taken
}
