//! Makes components of agent crates, Python and TypeScript modules, core modules and components, embeds what they say of themselves, and reads it back; runs compilers but no agent.
//!
//! Invariant: it installs nothing, and no byte of a guest is executed here. A build
//! is two calls with the caller's sandbox in between:
//!
//! ```no_run
//! # fn ask_in_a_sandbox(_: &[u8]) -> bailiwick_builder::Profile { unimplemented!() }
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use std::path::Path;
//!
//! let unprofiled = bailiwick_builder::build(Path::new("agents/hello"), &mut |_note| {})?;
//! let profile = ask_in_a_sandbox(unprofiled.component());
//! let built = unprofiled.finish(&profile)?.write()?;
//! let embedded = bailiwick_builder::read_embedded(&std::fs::read(&built.path)?)?;
//! assert_eq!(embedded.profile, profile);
//! # Ok(())
//! # }
//! ```

mod build;
mod cargo;
mod contract;
mod dist;
mod encode;
mod foreign;
mod inspect;
mod language;
mod manifest;
mod profile;
mod sdk;
mod section;
mod template;
mod tool;
mod toolchain;
mod wants;
pub mod world;

pub use build::{
    BuildError, Built, FinishError, Finished, Note, Unprofiled, build, embed, manifest_in,
};
pub use cargo::CargoError;
pub use contract::{AGENT_EXPORT, Capability, PACKAGE, VERSION};
pub use dist::{DistError, find_built};
pub use encode::{EncodeError, Unwanted, componentize};
pub use foreign::ForeignError;
pub use inspect::{
    COMPONENT_BYTES_MAX, Embedded, InspectError, NESTING_MAX, Outline, PROFILE_SECTION,
    SECTION_BYTES_MAX, WANTS_SECTION, read_embedded, read_outline,
};
pub use language::Language;
pub use manifest::{MISSING_KEY, Manifest, NOT_TOML, UNKNOWN_KEY, WRONG_VALUE, read_manifest};
pub use profile::{Profile, ProfileError};
pub use section::BrokenFile;
pub use template::{NewError, new_agent};
pub use tool::{COMPONENTIZE_PY, COMPONENTIZE_QJS, ESBUILD, Found, Tool, ToolError};
pub use toolchain::{NoToolchain, TARGET, Toolchain};
pub use wants::{
    ArtifactsWant, HttpWant, KvWant, NAMES_MAX, NamesWant, REASON_BYTES_MAX, Wants, WantsError,
};
