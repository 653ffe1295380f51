//! `pack`: a built component gets a signature over its bytes and over what its publisher says of it. Runs none of its code.

use std::path::{Path, PathBuf};

use bailiwick_builder::{COMPONENT_BYTES_MAX, find_built, manifest_in, read_embedded};
use bailiwick_core::{Bytes, Diagnostic};
use bailiwick_policy::publishers::{LOCAL, Signature, Statement, is_word};

use crate::codes;
use crate::components::code_of;
use crate::files;
use crate::problems::Problems;
use crate::provenance::{signature_path, today};
use crate::signing::SigningKey;

pub use bailiwick_policy::publishers::KeyId;

/// What is ready to be shipped: two files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packed {
    /// The component.
    pub component: PathBuf,
    /// Its signature, beside it.
    pub signature: PathBuf,
    /// What was signed.
    pub statement: Statement,
    /// By which key.
    pub key: KeyId,
}

/// Who publishes what is in a folder: what somebody named, or what its agent.toml says.
fn publisher(folder: &Path, named: Option<&str>) -> Result<String, Problems> {
    let fail = |message: String| {
        let hint =
            "write it into agent.toml, as [pack] publisher = \"NAME\", or say --publisher NAME";
        Problems::one(Diagnostic::error(codes::BAD_KEY, message).hint(hint))
    };
    let publisher = match named {
        Some(named) => Some(named.to_owned()),
        None => {
            let manifest = manifest_in(folder).map_err(|error| fail(error.to_string()))?;
            manifest.publisher
        }
    };
    let publisher =
        publisher.ok_or_else(|| fail(format!("nobody says who publishes {}", folder.display())))?;
    if publisher == LOCAL || !is_word(&publisher) {
        return Err(fail(format!("{publisher:?} cannot be a publisher")));
    }
    Ok(publisher)
}

/// Signs a component, or the built one of an agent's folder: `NAME.wasm.minisig` beside it.
///
/// The statement is the trusted comment of an ordinary signature of the component's bytes.
/// So the ordinary tool checks both at once, `minisign -Vm NAME.wasm -p KEY.pub`, and
/// there is no third file that could be of another component.
///
/// # Errors
/// [`Problems`] where it is no component that says what it is, has no version of three
/// numbers, or nobody says who publishes it; then nothing is written.
pub fn pack(path: &Path, named: Option<&str>, key: &SigningKey) -> Result<Packed, Problems> {
    let fail = |code, what: String| Problems::one(Diagnostic::error(code, what));
    let (folder, component) = match path.is_dir() {
        true => {
            let built = find_built(path);
            (path, built.map_err(|error| fail(codes::NOT_BUILT, error.to_string()))?)
        }
        false => {
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
            (folder.unwrap_or(Path::new(".")), path.to_path_buf())
        }
    };
    let shown = component.display();
    let publisher = publisher(folder, named)?;
    let bytes = files::read(&component, Bytes(COMPONENT_BYTES_MAX as u64))
        .map_err(|why| fail(codes::UNREADABLE, format!("{shown}: {why}")))?;
    let embedded = read_embedded(&bytes)
        .map_err(|error| fail(code_of(&error), format!("{shown}: {error}")))?;
    let profile = &embedded.profile;
    let version = profile.version.parse().map_err(|_| {
        let message = format!(
            "{shown}: its version is {:?}, and only versions such as \"1.2.0\" can be told from older ones",
            profile.version
        );
        let hint = "the version of an agent is that of its crate";
        Problems::one(Diagnostic::error(codes::BAD_COMPONENT, message).hint(hint))
    })?;
    let statement = Statement {
        publisher,
        name: profile.name.clone(),
        version,
        component: embedded.outline.digest,
        size: Bytes(bytes.len() as u64),
        contract: embedded.contract.clone(),
        date: today(),
    };
    let text = key.sign(&bytes, &statement.to_string())?;
    // What cannot be read again must not be shipped.
    Signature::parse(&text).map_err(|error| fail(codes::BAD_SIGNATURE, error.to_string()))?;
    let signature = signature_path(&component);
    files::replace(&signature, text.as_bytes())
        .map_err(|error| fail(codes::OUT, format!("{}: {error}", signature.display())))?;
    Ok(Packed { component, signature, statement, key: key.id() })
}
