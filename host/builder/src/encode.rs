//! Makes a component of what a compiler left: a core module with or without types, or a component; checks it against the wants.

use std::collections::BTreeSet;

use bailiwick_core::contract::{Release, SERVED};
use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER,
};
use wasmparser::{Parser, Payload};
use wit_component::{ComponentEncoder, StringEncoding};

use crate::contract::{self, Capability, Name};
use crate::inspect::{self, COMPONENT_BYTES_MAX, InspectError, Outline};
use crate::section::BrokenFile;
use crate::wants::Wants;
use crate::world::{self, WorldError};

/// The prefix of the custom sections in which binding generators leave the types.
const TYPE_SECTION_PREFIX: &str = "component-type";

/// What a program (not a library) exports.
const COMMAND_EXPORT: &str = "_start";

/// The WASI before preview 1, which nothing adapts any more.
const OLD_WASI: &str = "wasi_unstable";

/// Why some bytes do not become an agent.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    /// Neither a module nor a component.
    #[error("this is no WebAssembly module or component but {found}")]
    NotWasm {
        /// What the first bytes look like.
        found: &'static str,
    },
    /// A program with a `main`.
    #[error(
        "the module is a program (it exports {COMMAND_EXPORT}), and an agent is a library that is called: \
         build it as a cdylib, or with -mexec-model=reactor"
    )]
    Command,
    /// A library, and nothing in it is an agent.
    #[error(
        "the module exports no agent ({}); in Rust that is what #[bailiwick::agent] on one function does",
        contract::AGENT_EXPORT
    )]
    NoAgent,
    /// Compiled for a WASI of 2019.
    #[error(
        "the module imports {OLD_WASI}; build it for wasm32-wasip1, wasm32-wasip2 or wasm32-unknown-unknown"
    )]
    OldWasi,
    /// The encoder's own words, which name the import or export that does not fit.
    #[error("the module does not fit the contract: {0}")]
    Encoder(String),
    /// The component cannot be used as an agent.
    #[error(transparent)]
    Component(#[from] InspectError),
    /// It could ask for what `agent.toml` does not want.
    #[error("{}", describe_unwanted(.0))]
    Unwanted(Vec<Unwanted>),
    /// The embedded contract cannot be read: a fault of this build of the host.
    #[error(transparent)]
    World(#[from] WorldError),
}

/// An import that the wants do not cover.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unwanted {
    /// The name in the import section.
    pub import: String,
    /// What `agent.toml` could want to allow it; nothing where no want would help.
    pub capability: Option<Capability>,
}

/// Makes a component of `bytes` and checks that it is an agent whose imports are
/// covered by `wants`.
///
/// Core modules are encoded (with the WASI adapter where they need one); a finished
/// component is taken as it is.
///
/// # Errors
/// [`EncodeError`], which says what the file is, what is wrong with it, or which line
/// of `agent.toml` would allow its imports.
pub fn componentize(bytes: &[u8], wants: &Wants) -> Result<Vec<u8>, EncodeError> {
    if bytes.len() > COMPONENT_BYTES_MAX {
        return Err(EncodeError::Component(InspectError::TooLarge {
            found_bytes: bytes.len(),
            max_bytes: COMPONENT_BYTES_MAX,
        }));
    }
    let component = if Parser::is_component(bytes) {
        bytes.to_vec()
    } else if Parser::is_core_wasm(bytes) {
        inspect::validate(bytes)?;
        encode(bytes, &CoreModule::read(bytes)?)?
    } else {
        return Err(EncodeError::NotWasm { found: inspect::looks_like(bytes) });
    };
    let outline = inspect::read_outline(&component)?;
    inspect::require_agent(&outline, SERVED)?;
    require_wanted(&outline, wants)?;
    Ok(component)
}

/// What has to be known of a core module before it is encoded.
#[derive(Debug, Default)]
struct CoreModule {
    import_modules: BTreeSet<String>,
    has_types: bool,
    is_command: bool,
    /// The versions of the contract whose `agent` it exports.
    agent_versions: BTreeSet<String>,
}

impl CoreModule {
    fn read(bytes: &[u8]) -> Result<Self, InspectError> {
        let mut module = Self::default();
        for payload in Parser::new(0).parse_all(bytes) {
            match payload.map_err(BrokenFile::from)? {
                Payload::ImportSection(imports) => {
                    for import in imports.into_imports() {
                        let import = import.map_err(BrokenFile::from)?;
                        module.import_modules.insert(import.module.to_owned());
                    }
                }
                Payload::ExportSection(exports) => {
                    for export in exports {
                        let export = export.map_err(BrokenFile::from)?;
                        module.is_command |= export.name == COMMAND_EXPORT;
                        module.agent_versions.extend(agent_version(export.name));
                    }
                }
                Payload::CustomSection(custom) => {
                    module.has_types |= custom.name().starts_with(TYPE_SECTION_PREFIX);
                }
                _ => {}
            }
        }
        Ok(module)
    }
}

/// The version in an export that is a function of some `agent`: compilers mangle it
/// as `bailiwick:agent/agent@0.1.0#perform` or `cm32p2|bailiwick:agent/agent@0.1|perform`.
fn agent_version(export: &str) -> Option<String> {
    let (_, rest) = export.split_once(contract::PACKAGE)?;
    let (version, _) = rest.strip_prefix("/agent@")?.split_once(['#', '|'])?;
    // The second form has the compatible part of the version only.
    let is_short = |release: &&Release| {
        release.version.strip_prefix(version).is_some_and(|rest| rest.starts_with('.'))
    };
    let whole = SERVED.releases().iter().rev().find(is_short);
    Some(whole.map_or(version, |release| release.version).to_owned())
}

fn encode(bytes: &[u8], module: &CoreModule) -> Result<Vec<u8>, EncodeError> {
    if module.is_command {
        return Err(EncodeError::Command);
    }
    if module.import_modules.contains(OLD_WASI) {
        return Err(EncodeError::OldWasi);
    }
    let release = spoken(module)?;
    let mut typed = bytes.to_vec();
    if !module.has_types {
        // The whole contract, not the agent's own world: what the module does not
        // import falls away, and what it imports unwanted gets our message, which
        // names the line to add.
        let (resolve, world) = world::full(release)?;
        wit_component::embed_component_metadata(&mut typed, &resolve, world, StringEncoding::UTF8)
            .map_err(encoder_error)?;
    }
    let mut encoder =
        ComponentEncoder::default().validate(true).module(&typed).map_err(encoder_error)?;
    if module.import_modules.contains(WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME) {
        encoder = encoder
            .adapter(WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER)
            .map_err(encoder_error)?;
    }
    encoder.encode().map_err(encoder_error)
}

/// The version of the contract that a module is for: asked before the encoder says the same
/// in words of its own trade.
fn spoken(module: &CoreModule) -> Result<&'static Release, EncodeError> {
    let agents = module.agent_versions.iter();
    let names: Vec<String> =
        agents.map(|version| format!("{}/agent@{version}", contract::PACKAGE)).collect();
    let spoken = SERVED.speaks(names.iter().map(String::as_str)).map_err(InspectError::from)?;
    spoken.ok_or(EncodeError::NoAgent)
}

/// The encoder's chain of causes in one line.
fn encoder_error(error: impl std::fmt::Display) -> EncodeError {
    EncodeError::Encoder(format!("{error:#}"))
}

fn require_wanted(outline: &Outline, wants: &Wants) -> Result<(), EncodeError> {
    let unwanted: Vec<Unwanted> = outline
        .imports
        .iter()
        .filter_map(|import| {
            let capability = match contract::read_name(import) {
                Name::Free | Name::InertWasi => return None,
                Name::Capability(capability) if wants.want(capability) => return None,
                Name::Capability(capability) => Some(capability),
                Name::Agent | Name::Foreign => None,
            };
            Some(Unwanted { import: import.clone(), capability })
        })
        .collect();
    if unwanted.is_empty() { Ok(()) } else { Err(EncodeError::Unwanted(unwanted)) }
}

fn describe_unwanted(unwanted: &[Unwanted]) -> String {
    let lines: Vec<String> = unwanted
        .iter()
        .map(|one| match one.capability {
            Some(capability) => format!(
                "the component imports {}, which agent.toml does not want; add under [wants]: {}",
                one.import,
                capability.want_line()
            ),
            None => format!(
                "the component imports {}, which no host of this version offers",
                one.import
            ),
        })
        .collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_version_that_an_export_speaks() {
        for (export, version) in [
            ("bailiwick:agent/agent@0.1.0#perform", Some("0.1.0")),
            ("cm32p2|bailiwick:agent/agent@0.1|perform", Some("0.1.0")),
            ("bailiwick:agent/agent@0.2.0#perform", Some("0.2.0")),
            ("cm32p2|bailiwick:agent/agent@1|perform", Some("1")),
            ("bailiwick:agent/agent@0.1.0", None),
            ("other:agent/agent@0.1.0#perform", None),
            ("memory", None),
        ] {
            assert_eq!(agent_version(export).as_deref(), version, "{export}");
        }
    }
}
