//! Components in registries: what names one, which registries a policy lists, and what a manifest may say. Asks nobody.

mod manifest;
mod reference;
mod rule;
mod sha256;

pub use manifest::{
    Blob, COMPONENT_MAX, CONFIG_TYPE, LAYER_TYPE, LAYERS_SHOWN, MANIFEST_MAX, MANIFEST_TYPE,
    Manifest, NotAnArtifact, SIGNATURE_MAX,
};
pub use reference::{NotAReference, REFERENCE_MAX_BYTES, Reference, SCHEME};
pub use rule::{NotAPlace, NotListed, ORIGINS_MAX, Place, RegistryRule, admitting};
pub use sha256::{NotASha256, Sha256};
