//! A new agent's folder, as it comes in each language: one function, its test, a case, and a project to try it in.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use bailiwick_core::Name;

use crate::language::Language;
use crate::sdk::{self, Files};
use crate::world;

/// The word in templates that stands for the agent's name.
const NAME: &str = "NAME";

macro_rules! template {
    ($($path:literal = $file:literal),* $(,)?) => {
        &[$(($path, include_str!(concat!("../templates/", $file)))),*]
    };
}

/// What an agent has in any language.
const COMMON: Files = template! {
    "cases/greets/input.json" = "input_case.json",
    "cases/greets/expected.json" = "expected_case.json",
    "try/bailiwick.toml" = "project/bailiwick.toml",
    "try/pipelines/NAME.toml" = "project/pipeline.toml",
    "try/input.json" = "input_case.json",
};

const RUST: Files = template! {
    "Cargo.toml" = "rust/Cargo.toml",
    "src/lib.rs" = "rust/src/lib.rs",
    "agent.toml" = "rust/agent.toml",
    "README.md" = "rust/README.md",
    ".gitignore" = "rust/gitignore",
};

const PYTHON: Files = template! {
    "agent.py" = "python/agent.py",
    "test_agent.py" = "python/test_agent.py",
    "agent.toml" = "python/agent.toml",
    "README.md" = "python/README.md",
    ".gitignore" = "python/gitignore",
};

const TYPESCRIPT: Files = template! {
    "agent.ts" = "typescript/agent.ts",
    "agent.test.ts" = "typescript/agent.test.ts",
    "package.json" = "typescript/package.json",
    "tsconfig.json" = "typescript/tsconfig.json",
    "agent.toml" = "typescript/agent.toml",
    "README.md" = "typescript/README.md",
    ".gitignore" = "typescript/gitignore",
};

/// Why there is no new agent.
#[derive(Debug, thiserror::Error)]
pub enum NewError {
    /// The folder has something in it, which stays as it is.
    #[error("{0} is not empty")]
    Occupied(String),
    /// The SDK, which comes along, is called so itself: one workspace has no two of a name.
    #[error(
        "no agent in {language} is called {name}, as the SDK is; take another name, such as {name}_agent"
    )]
    Taken {
        /// What it was to be called.
        name: String,
        /// What its author writes.
        language: Language,
    },
    /// A file that cannot be written.
    #[error("{path}: {error}")]
    Write {
        /// Which one.
        path: String,
        /// What the system says.
        error: io::Error,
    },
}

/// Makes the folder of an agent that builds, whose tests pass, and that runs in the
/// project below it. The SDK comes along, in `vendor`. Returns the author's own files, by
/// their paths in the folder.
///
/// # Errors
/// [`NewError`] where something is there, the name is taken, or it cannot be written.
pub fn new_agent(folder: &Path, name: &Name, language: Language) -> Result<Vec<PathBuf>, NewError> {
    if language == Language::Rust && name.as_str() == sdk::CRATE {
        return Err(NewError::Taken { name: name.to_string(), language });
    }
    let failed = |path: &Path| {
        let path = path.display().to_string();
        move |error| NewError::Write { path, error }
    };
    let occupied = match fs::read_dir(folder) {
        Ok(mut entries) => entries.next().is_some(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => false,
        Err(error) => return Err(failed(folder)(error)),
    };
    if occupied {
        return Err(NewError::Occupied(folder.display().to_string()));
    }
    let own = match language {
        Language::Rust => RUST,
        Language::Python => PYTHON,
        Language::TypeScript => TYPESCRIPT,
    };
    let mut made = Vec::new();
    for (path, text) in own.iter().chain(COMMON) {
        let path = PathBuf::from(path.replace(NAME, name.as_str()));
        let whole = folder.join(&path);
        fs::create_dir_all(whole.parent().unwrap_or(folder)).map_err(failed(&whole))?;
        fs::write(&whole, text.replace(NAME, name.as_str())).map_err(failed(&whole))?;
        made.push(path);
    }
    vendor(&folder.join("vendor"), language)?;
    Ok(made)
}

/// The SDK, where tests and editors find it.
fn vendor(folder: &Path, language: Language) -> Result<(), NewError> {
    let (place, files) = match language {
        Language::Rust => ("sdk/rust", sdk::RUST),
        Language::Python => ("bailiwick", sdk::PYTHON),
        Language::TypeScript => ("bailiwick", sdk::TYPESCRIPT),
    };
    let write = |place: &str, files: Files| {
        let path = folder.join(place);
        sdk::write(&path, files)
            .map_err(|error| NewError::Write { path: path.display().to_string(), error })
    };
    write(place, files)?;
    if language == Language::Rust {
        // Its macro reads the contract, from where it lies beside the SDK.
        write("wit/v0.1", &world::CONTRACT)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_has_its_files_and_no_placeholder_is_left() {
        for language in Language::ALL {
            let folder = tempfile::tempdir().unwrap();
            let name = Name::new("my_agent").unwrap();
            let made = new_agent(&folder.path().join("new"), &name, language).unwrap();
            assert!(made.contains(&PathBuf::from("try/pipelines/my_agent.toml")), "{made:?}");
            for path in &made {
                let text = fs::read_to_string(folder.path().join("new").join(path)).unwrap();
                assert!(!text.contains(NAME), "{path:?}");
            }
            let manifest = crate::manifest_in(&folder.path().join("new")).unwrap();
            assert_eq!(manifest.language, Some(language));
        }
    }

    #[test]
    fn the_step_to_try_it_in_is_not_called_as_the_agent() {
        // An agent may be called `input` or `loop`; a step may not: they are words of expressions.
        for name in ["input", "run", "round", "feedback", "subject", "assets", "in", "loop"] {
            let folder = tempfile::tempdir().unwrap();
            new_agent(folder.path(), &Name::new(name).unwrap(), Language::Python).unwrap();
            let pipeline = folder.path().join(format!("try/pipelines/{name}.toml"));
            let pipeline = fs::read_to_string(pipeline).unwrap();
            assert!(pipeline.contains("[step.work]\n"), "{pipeline}");
            assert!(pipeline.contains(&format!("agent = \"{name}\"\n")), "{pipeline}");
            assert!(pipeline.contains("result = \"${work}\"\n"), "{pipeline}");
        }
    }

    #[test]
    fn an_agent_in_rust_is_not_called_as_the_sdk() {
        let folder = tempfile::tempdir().unwrap();
        let name = Name::new(sdk::CRATE).unwrap();
        let refused = new_agent(folder.path(), &name, Language::Rust).unwrap_err();
        assert!(refused.to_string().contains("such as bailiwick_agent"), "{refused}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        new_agent(folder.path(), &name, Language::Python).unwrap();
    }

    #[test]
    fn what_is_there_stays() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("mine"), "").unwrap();
        let name = Name::new("my_agent").unwrap();
        let refused = new_agent(folder.path(), &name, Language::Python).unwrap_err();
        assert!(refused.to_string().ends_with("is not empty"), "{refused}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
