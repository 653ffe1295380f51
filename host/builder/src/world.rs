//! The contract's WIT files and the world of one agent, which imports what it wants and nothing else; knows no compiler.

use std::fs;
use std::path::Path;

use bailiwick_core::contract::Release;
use wit_parser::{Resolve, UnresolvedPackageGroup, WorldId};

use crate::contract::{Capability, PACKAGE, VERSION, WRITTEN};
use crate::wants::Wants;

/// The name of an agent's own world, for `-w` of other languages' tools.
pub const WORLD: &str = "agent";

/// The world that has everything a host of this version offers.
const FULL_WORLD: &str = "full";

/// The contract of the version that is written, file by file, as it stands in `wit/`.
pub(crate) const CONTRACT: [(&str, &str); 10] = [
    ("agent.wit", include_str!("../../../wit/v0.1/agent.wit")),
    ("artifacts.wit", include_str!("../../../wit/v0.1/artifacts.wit")),
    ("delegate.wit", include_str!("../../../wit/v0.1/delegate.wit")),
    ("http.wit", include_str!("../../../wit/v0.1/http.wit")),
    ("knowledge.wit", include_str!("../../../wit/v0.1/knowledge.wit")),
    ("kv.wit", include_str!("../../../wit/v0.1/kv.wit")),
    ("log.wit", include_str!("../../../wit/v0.1/log.wit")),
    ("model.wit", include_str!("../../../wit/v0.1/model.wit")),
    ("types.wit", include_str!("../../../wit/v0.1/types.wit")),
    ("world.wit", include_str!("../../../wit/v0.1/world.wit")),
];

/// The files of each version that modules without types may be for.
const FOLDERS: [(Release, &[(&str, &str)]); 1] = [(WRITTEN, &CONTRACT)];

/// Why a world cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum WorldError {
    /// The embedded contract is no WIT: a fault of this build of the host.
    #[error("the embedded contract cannot be read: {0}")]
    Contract(String),
    /// A file of the folder cannot be written.
    #[error("{path}: {error}")]
    Write {
        /// Which one.
        path: String,
        /// What the system says.
        error: std::io::Error,
    },
}

/// The text of the agent's own world.
///
/// Tools for Python and JavaScript import every interface of the world that they
/// are given, used or not; so they need one that has just what `wants` says.
///
/// ```
/// let world = bailiwick_builder::world::text(&Default::default());
/// assert!(world.contains("import bailiwick:agent/log@0.1.0;"));
/// assert!(!world.contains("model"));
/// ```
pub fn text(wants: &Wants) -> String {
    // A package of its own: in the contract's package `agent` is an interface.
    let mut text = format!("package local:component;\n\nworld {WORLD} {{\n");
    text.push_str(&format!("    import {PACKAGE}/log@{VERSION};\n"));
    for capability in Capability::ALL.into_iter().filter(|one| wants.want(*one)) {
        text.push_str(&format!("    import {PACKAGE}/{capability}@{VERSION};\n"));
    }
    text.push_str(&format!("    export {PACKAGE}/agent@{VERSION};\n}}\n"));
    text
}

/// Writes a WIT folder with the agent's own world and the contract as its
/// dependency. Files of the same names are overwritten.
///
/// # Errors
/// [`WorldError::Write`] with the file that could not be written.
pub fn write(folder: &Path, wants: &Wants) -> Result<(), WorldError> {
    let contract = folder.join("deps").join("bailiwick-agent");
    let failed = |path: &Path| {
        let path = path.display().to_string();
        move |error| WorldError::Write { path, error }
    };
    fs::create_dir_all(&contract).map_err(failed(&contract))?;
    let world = folder.join("world.wit");
    fs::write(&world, text(wants)).map_err(failed(&world))?;
    for (name, text) in CONTRACT {
        let file = contract.join(name);
        fs::write(&file, text).map_err(failed(&file))?;
    }
    Ok(())
}

/// A version of the contract, resolved, and its world with everything.
pub(crate) fn full(release: &Release) -> Result<(Resolve, WorldId), WorldError> {
    let failed = |error: &dyn std::fmt::Display| WorldError::Contract(format!("{error:#}"));
    let folder = FOLDERS.iter().find(|(version, _)| version == release);
    let Some((_, files)) = folder else {
        return Err(WorldError::Contract(format!("there are no files of {}", release.version)));
    };
    let mut sources = wit_parser::SourceMap::default();
    for (name, text) in *files {
        sources.push_str(name, *text);
    }
    let group: UnresolvedPackageGroup = sources.parse().map_err(|(_, error)| failed(&error))?;
    let mut resolve = Resolve::default();
    let package = resolve.push_group(group).map_err(|error| failed(&error))?;
    let world =
        resolve.select_world(&[package], Some(FULL_WORLD)).map_err(|error| failed(&error))?;
    Ok((resolve, world))
}

#[cfg(test)]
mod tests {
    use bailiwick_core::contract::SERVED;

    use super::*;

    #[test]
    fn each_version_that_is_served_has_its_files_and_its_interfaces() {
        for release in SERVED.releases() {
            let (resolve, world) = full(release).unwrap();
            let world = resolve.worlds.get(world).unwrap();
            let imports = world.imports.keys().chain(world.exports.keys());
            let mut found: Vec<String> = imports.map(|key| resolve.name_world_key(key)).collect();
            let mut said: Vec<String> =
                release.interfaces.iter().map(|interface| release.name_of(interface)).collect();
            said.push(release.agent());
            found.sort();
            said.sort();
            assert_eq!(found, said);
        }
    }
}
