//! `build`: an agent's folder becomes a component with its profile embedded. The one operation that starts a compiler.

use std::path::{Path, PathBuf};

use bailiwick_builder::{
    BuildError, Built, COMPONENT_BYTES_MAX, EncodeError, Finished, InspectError, Note, Profile,
};
use bailiwick_core::{Bytes, Diagnostic};
use bailiwick_project::Plan;

use crate::codes;
use crate::components::code_of_contract;
use crate::files;
use crate::host::{HostConfig, sandbox};
use crate::load::Opened;
use crate::problems::Problems;

pub use bailiwick_builder::{Built as BuiltAgent, Note as BuildNote};

/// Builds the agent in a folder and writes it to `FOLDER/dist/NAME.wasm`.
///
/// # Errors
/// [`Problems`]; the compiler's own words went through `note` before.
pub async fn build(
    config: &HostConfig,
    folder: &Path,
    note: impl FnMut(Note<'_>) + Send + 'static,
) -> Result<Built, Problems> {
    written(&make(config, folder, note).await?)
}

/// Builds the agent in a folder: compiles it, asks the component who it is in a sandbox
/// without any power, embeds the answer. What lies in `dist` stays as it is.
///
/// # Errors
/// [`Problems`]; the compiler's own words went through `note` before.
pub(crate) async fn make(
    config: &HostConfig,
    folder: &Path,
    note: impl FnMut(Note<'_>) + Send + 'static,
) -> Result<Finished, Problems> {
    let sandbox = sandbox(config)?;
    let path = folder.to_path_buf();
    let compiled = tokio::task::spawn_blocking(move || {
        let mut note = note;
        bailiwick_builder::build(&path, &mut note)
    });
    let unprofiled =
        compiled.await.map_err(|_| fail("the builder ended its thread"))?.map_err(not_built)?;
    let refused = |what: String| {
        let hint = "`bailiwick explain E114` says what a component may be";
        Problems::one(Diagnostic::error(codes::NOT_ADMITTED, what).hint(hint))
    };
    // Compiling costs most, and goes by the bytes. Where the profile is the one of last time,
    // what is compiled here is what is admitted later, and is compiled once.
    let guessed = profile_in(folder).and_then(|profile| {
        let finished = unprofiled.finish(&profile).ok()?;
        Some((profile, finished))
    });
    let asked = guessed.as_ref().map_or(unprofiled.component(), |(_, made)| made.component());
    let admitted = sandbox.prepare(asked).await.map_err(|error| refused(error.to_string()))?;
    let said =
        sandbox.profile(&admitted.digest).await.map_err(|error| refused(error.to_string()))?;
    let profile = Profile {
        name: said.name,
        version: said.version,
        summary: said.summary,
        input_schema: said.input.value().clone(),
        output_schema: said.output.value().clone(),
    };
    match guessed {
        Some((guess, finished)) if guess == profile => Ok(finished),
        _ => unprofiled.finish(&profile).map_err(|error| fail(&error.to_string())),
    }
}

/// The profile of what was built in a folder the last time, where there is one.
fn profile_in(folder: &Path) -> Option<Profile> {
    let file = bailiwick_builder::find_built(folder).ok()?;
    let bytes = files::read(&file, Bytes(COMPONENT_BYTES_MAX as u64)).ok()?;
    Some(bailiwick_builder::read_embedded(&bytes).ok()?.profile)
}

/// Puts what was made into its folder.
pub(crate) fn written(made: &Finished) -> Result<Built, Problems> {
    made.write().map_err(|error| fail(&error.to_string()))
}

/// The folders of the agents that a plan needs, each once: what `run --build` builds.
/// Agents whose component is a file are taken as they are.
#[must_use]
pub fn folders_of(opened: &Opened, plan: &Plan) -> Vec<PathBuf> {
    let agents = plan.steps.iter().filter_map(|step| opened.project.agents.get(step.agent()?));
    let mut folders: Vec<_> = agents.map(|agent| opened.root.join(&agent.component)).collect();
    folders.retain(|path| path.is_dir());
    folders.sort();
    folders.dedup();
    folders
}

fn not_built(error: BuildError) -> Problems {
    match error {
        BuildError::Manifest(diagnostics) => {
            let files = diagnostics.iter().filter_map(|found| Some(&found.place.as_ref()?.file));
            let texts = files
                .filter_map(|file| Some((file.clone(), files::text(Path::new(file), file).ok()?)));
            Problems { sources: texts.collect(), diagnostics }
        }
        BuildError::Toolchain(_)
        | BuildError::Cargo(_)
        | BuildError::Foreign(_)
        | BuildError::NoSource { .. } => fail(&error.to_string()),
        // A file that was found: no toolchain would change it.
        BuildError::Read { .. } => {
            Problems::one(Diagnostic::error(codes::BUILD, error.to_string()))
        }
        BuildError::Encode { error: ref why, .. } => {
            let code = match why {
                EncodeError::Component(InspectError::Unserved(found)) => code_of_contract(found),
                _ => codes::BUILD,
            };
            Problems::one(Diagnostic::error(code, error.to_string()))
        }
    }
}

fn fail(what: &str) -> Problems {
    let hint = "`bailiwick doctor` shows which toolchain is found";
    Problems::one(Diagnostic::error(codes::BUILD, what).hint(hint))
}
