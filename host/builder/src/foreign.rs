//! Builds an agent that is written in Python or TypeScript: its own world, an entry that has just what the world has, and one run of each tool.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::contract::{Capability, PACKAGE, VERSION};
use crate::sdk;
use crate::tool::{COMPONENTIZE_PY, COMPONENTIZE_QJS, ESBUILD, Found, ToolError};
use crate::wants::Wants;
use crate::world::{self, WORLD, WorldError};

/// Where a build puts what it generates, below the agent's folder: beside what cargo
/// puts there, and as little a source.
const WORK: &str = "target/bailiwick";

/// The generated module that has the contract's exports.
const ENTRY: &str = "bailiwick_entry";

/// QuickJS draws its seed while the component is made; so an agent asks the host for one.
const SEED: &str = "wasi:random/insecure-seed@0.2.12";

/// Its interface, which has to lie beside the world that imports it.
const SEED_WIT: &str = "package wasi:random@0.2.12;\n\ninterface insecure-seed {\n    \
                        insecure-seed: func() -> tuple<u64, u64>;\n}\n";

/// What a build says while it runs.
pub(crate) enum Word<'a> {
    Tool(&'a Found),
    Line(&'a str),
}

/// Why a module did not become a component.
#[derive(Debug, thiserror::Error)]
pub enum ForeignError {
    /// The module is not there, or its name cannot be imported.
    #[error(
        "{path} {what}; the module that defines the agent is named in agent.toml: [build] entry = \"FILE\""
    )]
    Entry {
        /// The file.
        path: String,
        /// What is wrong with it.
        what: &'static str,
    },
    /// A tool is missing or refused.
    #[error(transparent)]
    Tool(#[from] ToolError),
    /// The world could not be written.
    #[error(transparent)]
    World(#[from] WorldError),
    /// The folder of generated files.
    #[error("{path}: {error}")]
    Write {
        /// Where.
        path: String,
        /// What the system says.
        error: io::Error,
    },
}

/// Builds a Python module with componentize-py. Takes about ten seconds, most of it
/// starting CPython once, so that agents need not.
///
/// # Errors
/// [`ForeignError`]; what the tool said went through `say` before.
pub(crate) fn python(
    folder: &Path,
    entry: &Path,
    wants: &Wants,
    say: &mut dyn FnMut(Word<'_>),
) -> Result<PathBuf, ForeignError> {
    let source = source(folder, entry)?;
    let module = entry.file_stem().and_then(|stem| stem.to_str()).filter(|name| is_module(name));
    let Some(module) = module else {
        let what = "has a name that Python cannot import";
        return Err(ForeignError::Entry { path: source.display().to_string(), what });
    };
    let tool = COMPONENTIZE_PY.find(folder)?;
    say(Word::Tool(&tool));
    let work = work(folder)?;
    let (wit, path) = (work.join("wit"), work.join("python"));
    world::write(&wit, wants)?;
    sdk::write(&path.join("bailiwick"), sdk::PYTHON).map_err(written(&path))?;
    let made = path.join(format!("{ENTRY}.py"));
    fs::write(&made, python_entry(module, wants)).map_err(written(&made))?;
    let component = work.join("component.wasm");
    let mut command = tool.command(folder);
    command.arg("--quiet").arg("-d").arg(&wit).args(["-w", WORLD, "componentize", ENTRY]);
    command.arg("-p").arg(&path).arg("-p").arg(source.parent().unwrap_or(folder));
    command.arg("-o").arg(&component);
    tool.run(&mut command, folder, &mut |line| say(Word::Line(line)))?;
    Ok(component)
}

/// Builds a TypeScript or JavaScript module with esbuild and componentize-qjs. Takes
/// about a second.
///
/// # Errors
/// [`ForeignError`]; what the tools said went through `say` before.
pub(crate) fn typescript(
    folder: &Path,
    entry: &Path,
    wants: &Wants,
    say: &mut dyn FnMut(Word<'_>),
) -> Result<PathBuf, ForeignError> {
    let source = source(folder, entry)?;
    let (esbuild, qjs) = (ESBUILD.find(folder)?, COMPONENTIZE_QJS.find(folder)?);
    say(Word::Tool(&esbuild));
    say(Word::Tool(&qjs));
    let work = work(folder)?;
    let (wit, path) = (work.join("wit"), work.join("sdk"));
    world::write(&wit, wants)?;
    add_seed(&wit)?;
    sdk::write(&path, sdk::TYPESCRIPT).map_err(written(&path))?;
    let made = work.join(format!("{ENTRY}.js"));
    fs::write(&made, typescript_entry(&source, wants)).map_err(written(&made))?;
    let bundle = work.join("bundle.js");
    let mut command = esbuild.command(folder);
    command
        .arg(&made)
        .args(["--bundle", "--format=esm", "--platform=neutral", "--target=es2022"])
        // Packages of npm say where their module is in one of these.
        .args(["--main-fields=module,main", "--log-level=warning"])
        .args([format!("--external:{PACKAGE}/*"), "--external:wasi:*".to_owned()])
        .arg(format!("--alias:@bailiwick/agent/guest={}", path.join("guest.ts").display()))
        .arg(format!("--alias:@bailiwick/agent={}", path.join("index.ts").display()))
        .arg(format!("--outfile={}", bundle.display()));
    esbuild.run(&mut command, folder, &mut |line| say(Word::Line(line)))?;
    let component = work.join("component.wasm");
    let mut command = qjs.command(&work);
    // Without `--sync` it would need the async component model, which this host has off.
    command.args(["--sync", "-n", WORLD, "--wit"]).arg(&wit).arg("--js").arg(&bundle);
    command.arg("-o").arg(&component);
    qjs.run(&mut command, folder, &mut |line| say(Word::Line(line)))?;
    Ok(component)
}

/// The whole path of the module, which has to be there.
fn source(folder: &Path, entry: &Path) -> Result<PathBuf, ForeignError> {
    let path = folder.join(entry);
    match path.canonicalize() {
        Ok(whole) if whole.is_file() => Ok(whole),
        _ => Err(ForeignError::Entry { path: path.display().to_string(), what: "is not there" }),
    }
}

/// An empty folder for what is generated: what an older build left would be imported.
fn work(folder: &Path) -> Result<PathBuf, ForeignError> {
    let work = folder.join(WORK);
    let made = match fs::remove_dir_all(&work) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => fs::create_dir_all(&work),
    };
    made.and_then(|()| work.canonicalize()).map_err(written(&work))
}

fn is_module(name: &str) -> bool {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name.chars().all(plain)
        && !["bailiwick", ENTRY, "wit_world"].contains(&name)
}

fn wanted(wants: &Wants) -> Vec<String> {
    let wanted = Capability::ALL.into_iter().filter(|one| wants.want(*one));
    std::iter::once("log".to_owned()).chain(wanted.map(|one| one.to_string())).collect()
}

/// What componentize-py reads: the class of the export, handed the interfaces of its world.
fn python_entry(module: &str, wants: &Wants) -> String {
    let names = wanted(wants).join(", ");
    let pairs: Vec<String> =
        wanted(wants).iter().map(|one| format!("\"{one}\": {one}, ")).collect();
    format!(
        "import componentize_py_types\n\
         from wit_world import exports\n\
         from wit_world.exports import agent as contract\n\
         from wit_world.imports import {names}, types\n\n\
         from bailiwick import guest\n\
         import {module} as author\n\n\
         interfaces = {{{}\"types\": types}}\n\
         Agent = guest.export(\n    \
             guest.agent_in(author), exports.Agent, contract, componentize_py_types, interfaces\n)\n",
        pairs.concat()
    )
}

fn typescript_entry(source: &Path, wants: &Wants) -> String {
    let mut text = String::new();
    for name in wanted(wants) {
        text.push_str(&format!("import {name} from \"{PACKAGE}/{name}@{VERSION}\";\n"));
    }
    // JSON's quoting of a path is JavaScript's.
    let source = serde_json::Value::from(source.to_string_lossy().into_owned());
    text.push_str(&format!(
        "import seed from \"{SEED}\";\n\
         import {{ exported }} from \"@bailiwick/agent/guest\";\n\
         import author from {source};\n\n\
         export const agent = exported(author, {{ {}, seed }});\n",
        wanted(wants).join(", ")
    ));
    text
}

/// Adds the import of a seed to a world that was written.
fn add_seed(wit: &Path) -> Result<(), ForeignError> {
    let world = wit.join("world.wit");
    let random = wit.join("deps").join("wasi-random");
    fs::read_to_string(&world)
        .map(|text| text.replace("    export ", &format!("    import {SEED};\n    export ")))
        .and_then(|text| fs::write(&world, text))
        .and_then(|()| fs::create_dir_all(&random))
        .and_then(|()| fs::write(random.join("insecure-seed.wit"), SEED_WIT))
        .map_err(written(wit))
}

fn written(path: &Path) -> impl FnOnce(io::Error) -> ForeignError {
    let path = path.display().to_string();
    move |error| ForeignError::Write { path, error }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wants::KvWant;

    fn wants() -> Wants {
        Wants { kv: Some(KvWant { write: false, reason: "x".into() }), ..Wants::default() }
    }

    #[test]
    fn an_entry_has_the_interfaces_of_its_world_and_no_other() {
        let python = python_entry("mine", &wants());
        assert!(python.contains("from wit_world.imports import log, kv, types\n"), "{python}");
        assert!(python.contains("{\"log\": log, \"kv\": kv, \"types\": types}"), "{python}");
        let script = typescript_entry(Path::new("/a \"b\"/agent.ts"), &wants());
        assert!(script.contains("import kv from \"bailiwick:agent/kv@0.1.0\";"), "{script}");
        assert!(script.contains(r#"import author from "/a \"b\"/agent.ts";"#), "{script}");
        assert!(!script.contains("model") && !python.contains("model"));
    }

    #[test]
    fn the_seed_is_imported_before_the_export() {
        let folder = tempfile::tempdir().unwrap();
        world::write(folder.path(), &wants()).unwrap();
        add_seed(folder.path()).unwrap();
        let mut resolve = wit_parser::Resolve::default();
        let (package, _) = resolve.push_dir(folder.path()).unwrap();
        let world = resolve.select_world(&[package], Some(WORLD)).unwrap();
        let imports = &resolve.worlds[world].imports;
        let names: Vec<String> = imports.keys().map(|key| resolve.name_world_key(key)).collect();
        assert!(names.contains(&SEED.to_owned()), "{names:?}");
    }

    #[test]
    fn a_module_that_is_not_there_or_cannot_be_imported_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let told = |entry: &str| {
            python(folder.path(), Path::new(entry), &wants(), &mut |_| {}).unwrap_err().to_string()
        };
        assert!(told("agent.py").contains("agent.py is not there"));
        std::fs::write(folder.path().join("my-agent.py"), "").unwrap();
        std::fs::write(folder.path().join("bailiwick.py"), "").unwrap();
        assert!(told("my-agent.py").contains("a name that Python cannot import"));
        assert!(told("bailiwick.py").contains("a name that Python cannot import"));
    }
}
