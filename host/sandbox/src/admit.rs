//! Admission: what a component must export, what it may import at all, and what an agent name may import with its grants. Runs nothing.

use bailiwick_core::{Digest, Name};
use bailiwick_policy::Grants;
use wasmtime::Engine;
use wasmtime::component::Component;
use wasmtime::component::types::ComponentItem;

use crate::bind::v0_1;
use crate::cache::CacheError;
use crate::compile::CompileError;
use crate::limits::COMPONENTS_MAX;
use crate::wasi;

/// The package of the contract.
const PACKAGE: &str = "bailiwick:agent/";

/// Why a component is not run.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// It could not be compiled.
    #[error(transparent)]
    Compile(#[from] CompileError),
    /// Compiled code could not be used.
    #[error(transparent)]
    Cache(#[from] CacheError),
    /// It imports something of another world.
    #[error("the component imports {import}, which this host does not offer")]
    NotOffered {
        /// The import.
        import: String,
    },
    /// It speaks another version of the contract.
    #[error("the component speaks {found}; this host speaks {PACKAGE}…@{}", v0_1::VERSION)]
    OtherContract {
        /// The import or export that says so.
        found: String,
    },
    /// A required export is missing.
    #[error("the component is no agent: it does not export {PACKAGE}agent@{}", v0_1::VERSION)]
    NoAgent,
    /// An export is not what the contract says.
    #[error("the component does not keep the contract: {reason}")]
    BrokenContract {
        /// What is wrong with it.
        reason: String,
    },
    /// The import is not granted.
    #[error("{agent} imports {import}, which is not granted to it; {hint}")]
    Ungranted {
        /// The operator's name for it.
        agent: Name,
        /// The import.
        import: String,
        /// The line that would grant it.
        hint: String,
    },
    /// More memories or tables than a store may have.
    #[error("the component has {found} {what}; a store has at most {most}")]
    TooMany {
        /// Memories or tables.
        what: &'static str,
        /// How many it has.
        found: usize,
        /// How many it may have.
        most: usize,
    },
    /// The table of components is full.
    #[error("this process has {COMPONENTS_MAX} components ready, and that is the most")]
    TooManyComponents,
    /// It was never prepared here.
    #[error("the component {0:?} was not loaded")]
    NotLoaded(Digest),
    /// Linking failed in a way that none of the above names.
    #[error("the component cannot be linked: {reason}")]
    Link {
        /// In wasmtime's words.
        reason: String,
    },
}

/// The imports of a component, all of them on offer, where its exports are an agent's.
pub(crate) fn contract(engine: &Engine, component: &Component) -> Result<Vec<String>, Refused> {
    let kind = component.component_type();
    let mut imports = Vec::new();
    for (name, _) in kind.imports(engine) {
        match power(name) {
            Some((_, version)) if version != v0_1::VERSION => {
                return Err(Refused::OtherContract { found: name.into() });
            }
            Some((interface, _)) if offered(interface) => {}
            None if wasi::offers(name) => {}
            _ => return Err(Refused::NotOffered { import: name.into() }),
        }
        imports.push(name.to_owned());
    }
    let agent = format!("{PACKAGE}agent@{}", v0_1::VERSION);
    match kind.get_export(engine, &agent).map(|export| export.ty) {
        Some(ComponentItem::ComponentInstance(exported)) => {
            for function in ["profile", "perform"] {
                if exported.get_export(engine, function).is_none() {
                    let reason = format!("{agent} has no function `{function}`");
                    return Err(Refused::BrokenContract { reason });
                }
            }
            Ok(imports)
        }
        _ => {
            let other = kind
                .exports(engine)
                .map(|(name, _)| name)
                .find(|name| name.starts_with("bailiwick:agent/agent@"));
            Err(other
                .map_or(Refused::NoAgent, |found| Refused::OtherContract { found: found.into() }))
        }
    }
}

/// Imports ⊆ grants.
pub(crate) fn granted(imports: &[String], agent: &Name, grants: &Grants) -> Result<(), Refused> {
    for import in imports {
        let of_wasi = wasi::is_power(import).then_some(("http", ""));
        let Some((interface, _)) = power(import).or(of_wasi) else { continue };
        if !grants.covers_import(interface) {
            let hint = format!("in bailiwick.toml, under [agents.{agent}]: {}", line(interface));
            return Err(Refused::Ungranted { agent: agent.clone(), import: import.clone(), hint });
        }
    }
    Ok(())
}

/// Interface and version of an import that is of the contract.
fn power(import: &str) -> Option<(&str, &str)> {
    let rest = import.strip_prefix(PACKAGE)?;
    Some(rest.split_once('@').unwrap_or((rest, "")))
}

fn offered(interface: &str) -> bool {
    matches!(
        interface,
        "types" | "log" | "model" | "knowledge" | "artifacts" | "http" | "kv" | "delegate"
    )
}

fn line(interface: &str) -> &'static str {
    match interface {
        "model" => "grants.model = { use = [\"ALIAS\"] }",
        "knowledge" => "grants.knowledge = [\"COLLECTION\"]",
        "artifacts" => "grants.artifacts = {}",
        "http" => "grants.http = [{ host = \"HOST\", paths = [\"/PATH\"] }]",
        "kv" => "grants.kv = { namespace = \"NAMESPACE\" }",
        "delegate" => "grants.delegate = [\"AGENT\"]",
        _ => "nothing: no grant covers it",
    }
}
