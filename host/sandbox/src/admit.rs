//! Admission: which version of the contract a component speaks, what it must export and may import at all, and what an agent name may import with its grants. Runs nothing.

use bailiwick_core::contract::{NAMES_MAX, Part, Release, SERVED, Served, Unserved, part};
use bailiwick_core::text::{Lines, clip, visible};
use bailiwick_core::{Digest, Name};
use bailiwick_policy::Grants;
use wasmtime::Engine;
use wasmtime::component::Component;
use wasmtime::component::types::ComponentItem;

use crate::cache::CacheError;
use crate::compile::CompileError;
use crate::limits::COMPONENTS_MAX;
use crate::outline::Names;
use crate::wasi;

/// The most of a name that a message repeats, in bytes: WASI's longest are half of it.
const NAME_SHOWN_MAX_BYTES: usize = 128;

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
    /// It speaks no version of the contract that this host serves.
    #[error(transparent)]
    Unserved(#[from] Unserved),
    /// A required export is missing.
    #[error("the component is no agent: it does not export {expected}")]
    NoAgent {
        /// The export, in the version that the component speaks; in the newest, where it
        /// speaks none.
        expected: String,
    },
    /// More names than anybody could read.
    #[error("the component imports and exports more than {NAMES_MAX} names")]
    TooManyNames,
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

/// What a component is by its names alone: so before any of it is compiled.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Judged {
    /// The version of the contract that it speaks.
    pub(crate) release: &'static Release,
    /// Its imports, all of them on offer.
    pub(crate) imports: Vec<String>,
}

/// The version of the contract that a component speaks, where its names are those of an
/// agent that this host could run. Runs and compiles nothing.
///
/// # Errors
/// [`Refused`] with the first thing that is wrong.
pub fn spoken(component: &[u8]) -> Result<&'static Release, Refused> {
    by_names(component, SERVED).map(|judged| judged.release)
}

/// The names of a component that speaks a version which is served, imports what that
/// version offers, and exports its agent.
pub(crate) fn by_names(component: &[u8], served: Served) -> Result<Judged, Refused> {
    let names = Names::read(component)?;
    let Some(release) = served.speaks(names.all())? else {
        let foreign = names.imports.iter().find(|import| !wasi::offers(import));
        return Err(match foreign {
            Some(import) => Refused::NotOffered { import: shown(import) },
            None => Refused::NoAgent {
                expected: served.releases().last().map(Release::agent).unwrap_or_default(),
            },
        });
    };
    for import in &names.imports {
        let offered = match part(import) {
            Some(Part { interface, .. }) => release.interfaces.contains(&interface),
            None => wasi::offers(import),
        };
        if !offered {
            return Err(Refused::NotOffered { import: shown(import) });
        }
    }
    if !names.exports.contains(&release.agent().as_str()) {
        return Err(Refused::NoAgent { expected: release.agent() });
    }
    let imports = names.imports.into_iter().map(str::to_owned).collect();
    Ok(Judged { release, imports })
}

/// Whether compiled code is what its file was judged as, and its agent has the functions
/// that it must have. Their types are compared when it is linked.
pub(crate) fn by_types(
    engine: &Engine,
    component: &Component,
    judged: &Judged,
) -> Result<(), Refused> {
    let kind = component.component_type();
    let imports = kind.imports(engine).map(|(name, _)| name);
    if !imports.eq(judged.imports.iter().map(String::as_str)) {
        let reason = "its compiled code imports something else than its file".to_owned();
        return Err(Refused::Link { reason });
    }
    let agent = judged.release.agent();
    let Some(ComponentItem::ComponentInstance(exported)) =
        kind.get_export(engine, &agent).map(|export| export.ty)
    else {
        return Err(Refused::NoAgent { expected: agent });
    };
    for function in ["profile", "perform"] {
        if exported.get_export(engine, function).is_none() {
            let reason = format!("{agent} has no function `{function}`");
            return Err(Refused::BrokenContract { reason });
        }
    }
    Ok(())
}

/// Imports ⊆ grants.
pub(crate) fn granted(imports: &[String], agent: &Name, grants: &Grants) -> Result<(), Refused> {
    for import in imports {
        let of_wasi = wasi::is_power(import).then_some("http");
        let of_contract = part(import).map(|part| part.interface);
        let Some(interface) = of_contract.or(of_wasi) else { continue };
        if !grants.covers_import(interface) {
            let hint = format!("in bailiwick.toml, under [agents.{agent}]: {}", line(interface));
            return Err(Refused::Ungranted { agent: agent.clone(), import: import.clone(), hint });
        }
    }
    Ok(())
}

/// A name that somebody chose, as it may stand in a message.
fn shown(name: &str) -> String {
    visible(clip(name, NAME_SHOWN_MAX_BYTES), Lines::Escape)
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
