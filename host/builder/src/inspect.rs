//! What a component says of itself without running: names, sizes and the sections that the builder embedded; decides nothing about it.

use bailiwick_core::Digest;
use bailiwick_core::contract::{NAMES_MAX, Release, SERVED, Served, Unserved};
use bailiwick_core::text::{Lines, clip, visible};
use wasmparser::{
    ComponentExportSectionReader, ComponentImportSectionReader, FuncValidatorAllocations, Parser,
    Payload, ValidPayload, Validator,
};

use crate::contract::WRITTEN;
use crate::profile::{Profile, ProfileError};
use crate::section::{self, BrokenFile, Section};
use crate::wants::{Wants, WantsError};

/// The largest component that is read. Python and JavaScript components are 12 to
/// 18 MB with their interpreter inside; several times that is a mistake or a bomb.
pub const COMPONENT_BYTES_MAX: usize = 64 * 1024 * 1024;

/// The largest embedded section. Two schemas of 64 KiB each and some words fit twice.
pub const SECTION_BYTES_MAX: usize = 256 * 1024;

/// How deep modules and components may lie in each other. Encoders and composers
/// make 3 or 4 levels; the bound keeps a hostile file from growing our stack of them.
pub const NESTING_MAX: usize = 32;

/// The custom section with the agent's profile as JSON.
pub const PROFILE_SECTION: &str = "bailiwick:profile";

/// The custom section with the agent's wants as JSON.
pub const WANTS_SECTION: &str = "bailiwick:wants";

/// The ids of the component sections that are read here.
const IMPORTS: u8 = 10;
const EXPORTS: u8 = 11;

/// What a valid component imports and exports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outline {
    /// The names of all imports, in file order: the list of what it could ever ask for.
    pub imports: Vec<String>,
    /// The names of all exports, in file order.
    pub exports: Vec<String>,
    /// The size of the whole file in bytes.
    pub size_bytes: usize,
    /// Of the whole file.
    pub digest: Digest,
}

impl Outline {
    /// The version of the contract that its names speak, of those that this host serves;
    /// nothing where no name is of the contract.
    ///
    /// # Errors
    /// [`Unserved`] with what it speaks and what is served.
    pub fn contract(&self) -> Result<Option<&'static Release>, Unserved> {
        self.speaks(SERVED)
    }

    fn speaks(&self, served: Served) -> Result<Option<&'static Release>, Unserved> {
        served.speaks(self.imports.iter().chain(&self.exports).map(String::as_str))
    }
}

/// What a component that `bailiwick build` wrote says of itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Embedded {
    /// What the agent's `profile` answered when it was built.
    pub profile: Profile,
    /// What its `agent.toml` asked for. Grants nothing.
    pub wants: Wants,
    /// The version of the contract that its imports and exports name.
    pub contract: String,
    /// Imports, exports, size and digest.
    pub outline: Outline,
}

/// Why a file cannot be read as an agent's component.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum InspectError {
    /// Larger than [`COMPONENT_BYTES_MAX`].
    #[error("the file has {found_bytes} bytes, and a component may have at most {max_bytes}")]
    TooLarge {
        /// Its size.
        found_bytes: usize,
        /// What is allowed.
        max_bytes: usize,
    },
    /// Not WebAssembly at all, or a core module.
    #[error("this is no WebAssembly component but {found}")]
    NotAComponent {
        /// What the first bytes look like.
        found: String,
    },
    /// Cut off, or not valid.
    #[error(transparent)]
    Broken(#[from] BrokenFile),
    /// Deeper than [`NESTING_MAX`].
    #[error("modules and components lie more than {NESTING_MAX} deep in each other")]
    TooDeep,
    /// More than [`NAMES_MAX`] of them.
    #[error("the component imports and exports more than {NAMES_MAX} names")]
    TooManyNames,
    /// It speaks no version of the contract that this host serves.
    #[error(transparent)]
    Unserved(#[from] Unserved),
    /// No agent.
    #[error(
        "the component is no agent: it does not export {expected}; it exports {}",
        listed(exports)
    )]
    NoAgent {
        /// The export in the version that it speaks; in the newest where it speaks none.
        expected: String,
        /// What it exports instead.
        exports: Vec<String>,
    },
    /// It was not written by `bailiwick build`.
    #[error(
        "the component has no section {section}; `bailiwick build` embeds it (in agent.toml: [build] module = \"FILE.wasm\")"
    )]
    NoSection {
        /// The one that is missing.
        section: &'static str,
    },
    /// Two sections of one name: nobody can say which one holds.
    #[error("the component has the section {section} twice")]
    TwoSections {
        /// The name.
        section: &'static str,
    },
    /// Larger than [`SECTION_BYTES_MAX`].
    #[error(
        "the section {section} has {found_bytes} bytes, and at most {SECTION_BYTES_MAX} are read"
    )]
    SectionTooLarge {
        /// The name.
        section: &'static str,
        /// Its size.
        found_bytes: usize,
    },
    /// The profile section is not a profile.
    #[error("the embedded profile cannot be used: {0}")]
    Profile(#[from] ProfileError),
    /// The wants section is not a list of wants.
    #[error("the embedded wants cannot be used: {0}")]
    Wants(#[from] WantsError),
}

/// Reads and validates a component without running any of it.
///
/// # Errors
/// [`InspectError`] where it is too large, no component, damaged or nested too deep, or
/// has more names than anybody could read.
pub fn read_outline(bytes: &[u8]) -> Result<Outline, InspectError> {
    if bytes.len() > COMPONENT_BYTES_MAX {
        return Err(InspectError::TooLarge {
            found_bytes: bytes.len(),
            max_bytes: COMPONENT_BYTES_MAX,
        });
    }
    if !Parser::is_component(bytes) {
        return Err(InspectError::NotAComponent { found: looks_like(bytes).to_owned() });
    }
    validate(bytes)?;
    let mut outline = Outline {
        imports: Vec::new(),
        exports: Vec::new(),
        size_bytes: bytes.len(),
        digest: Digest::of(bytes),
    };
    for section in section::sections(bytes)? {
        read_names(bytes, &section, &mut outline)?;
    }
    Ok(outline)
}

/// Reads what `bailiwick build` embedded, and checks that the component is an
/// agent of this contract. Runs none of it.
///
/// # Errors
/// [`InspectError`], as [`read_outline`], and where it is no agent of this contract or
/// was not written by a build.
///
/// ```
/// let error = bailiwick_builder::read_embedded(b"\x7fELF").unwrap_err();
/// assert_eq!(error.to_string(), "this is no WebAssembly component but a native program (ELF)");
/// ```
pub fn read_embedded(bytes: &[u8]) -> Result<Embedded, InspectError> {
    embedded_of(bytes, SERVED)
}

fn embedded_of(bytes: &[u8], served: Served) -> Result<Embedded, InspectError> {
    let outline = read_outline(bytes)?;
    let release = require_agent(&outline, served)?;
    Ok(Embedded {
        profile: Profile::from_json(embedded_section(bytes, PROFILE_SECTION)?)?,
        wants: Wants::from_json(embedded_section(bytes, WANTS_SECTION)?)?,
        contract: release.version.to_owned(),
        outline,
    })
}

/// An agent exports `agent`, and all that it names of the contract is of one version that is
/// served, which is returned.
pub(crate) fn require_agent(
    outline: &Outline,
    served: Served,
) -> Result<&'static Release, InspectError> {
    let spoken = outline.speaks(served)?;
    let expected = spoken.unwrap_or(&WRITTEN).agent();
    // Python and QuickJS components export more (`init`, `exports`): no business of ours.
    match spoken.filter(|_| outline.exports.contains(&expected)) {
        Some(release) => Ok(release),
        None => Err(InspectError::NoAgent { expected, exports: outline.exports.clone() }),
    }
}

/// What a file that is not what was expected most likely is.
pub(crate) fn looks_like(bytes: &[u8]) -> &'static str {
    let text = bytes.trim_ascii_start();
    match bytes {
        [] => "an empty file",
        _ if Parser::is_core_wasm(bytes) => "a core WebAssembly module",
        _ if Parser::is_component(bytes) => "a WebAssembly component",
        [0, b'a', b's', b'm', ..] => "a WebAssembly file that is cut off or of an unknown version",
        [0x7f, b'E', b'L', b'F', ..] => "a native program (ELF)",
        [0x1f, 0x8b, ..] => "a gzip archive",
        [b'P', b'K', ..] => "a zip archive",
        _ if text.starts_with(b"(module") || text.starts_with(b"(component") => {
            "WebAssembly text (make it binary with `wasm-tools parse`)"
        }
        _ if std::str::from_utf8(bytes).is_ok() => "a text file",
        _ => "a file of another kind",
    }
}

/// Full validation, and the bound on nesting.
pub(crate) fn validate(bytes: &[u8]) -> Result<(), InspectError> {
    let mut validator = Validator::new();
    let mut scratch = FuncValidatorAllocations::default();
    let mut depth = 0_usize;
    for payload in Parser::new(0).parse_all(bytes) {
        let payload = payload.map_err(BrokenFile::from)?;
        match &payload {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > NESTING_MAX {
            return Err(InspectError::TooDeep);
        }
        let valid = validator.payload(&payload).map_err(BrokenFile::from)?;
        if let ValidPayload::Func(function, body) = valid {
            let mut function = function.into_validator(std::mem::take(&mut scratch));
            function.validate(&body).map_err(BrokenFile::from)?;
            scratch = function.into_allocations();
        }
    }
    Ok(())
}

fn read_names(bytes: &[u8], section: &Section, outline: &mut Outline) -> Result<(), InspectError> {
    let broken = |error| InspectError::Broken(BrokenFile::from(error));
    let mut left = NAMES_MAX.saturating_sub(outline.imports.len() + outline.exports.len());
    let mut counted = |name: &str| {
        left = left.checked_sub(1).ok_or(InspectError::TooManyNames)?;
        Ok::<_, InspectError>(name.to_owned())
    };
    let reader = section::read(bytes, section);
    match section.id {
        IMPORTS => {
            for import in ComponentImportSectionReader::new(reader).map_err(broken)? {
                outline.imports.push(counted(import.map_err(broken)?.name.name)?);
            }
        }
        EXPORTS => {
            for export in ComponentExportSectionReader::new(reader).map_err(broken)? {
                outline.exports.push(counted(export.map_err(broken)?.name.name)?);
            }
        }
        _ => {}
    }
    Ok(())
}

fn embedded_section<'a>(bytes: &'a [u8], wanted: &'static str) -> Result<&'a [u8], InspectError> {
    let mut found = None;
    for section in section::sections(bytes)? {
        let Some((name, data)) = section::custom(bytes, &section)? else {
            continue;
        };
        if name != wanted {
            continue;
        }
        if found.replace(data).is_some() {
            return Err(InspectError::TwoSections { section: wanted });
        }
    }
    let data = found.ok_or(InspectError::NoSection { section: wanted })?;
    if data.len() > SECTION_BYTES_MAX {
        return Err(InspectError::SectionTooLarge { section: wanted, found_bytes: data.len() });
    }
    Ok(data)
}

/// The first of them, each as far as anybody reads it.
fn listed(names: &[String]) -> String {
    /// What a Python component exports is three names; a line of a terminal holds these.
    const LISTED_MAX: usize = 8;
    /// WASI's longest names have half of it.
    const SHOWN_MAX_BYTES: usize = 128;
    let shown = |name: &String| visible(clip(name, SHOWN_MAX_BYTES), Lines::Escape);
    let listed: Vec<String> = names.iter().take(LISTED_MAX).map(shown).collect();
    match names.len().saturating_sub(LISTED_MAX) {
        0 if names.is_empty() => "nothing".to_owned(),
        0 => listed.join(", "),
        more => format!("{} and {more} more", listed.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use bailiwick_core::contract::V0_1;
    use wasm_encoder::{
        Component, ComponentImportSection, ComponentTypeRef, ComponentTypeSection, PrimitiveValType,
    };

    use super::*;
    use crate::profile::Profile;
    use crate::{build::embed, wants::Wants};

    const NEXT: Release = Release { version: "0.2.0", since: "0.2", ..V0_1 };
    const BOTH: Served = Served::of(&[V0_1, NEXT]);

    /// An agent of a version, with all that is embedded.
    fn agent(version: &str) -> Vec<u8> {
        let text = format!(
            "(component (instance $i) (export \"bailiwick:agent/agent@{version}\" (instance $i)))"
        );
        let profile = Profile {
            name: "one".into(),
            version: "1.0.0".into(),
            summary: "Says nothing.".into(),
            input_schema: true.into(),
            output_schema: true.into(),
        };
        embed(&wat::parse_str(text).unwrap(), &profile, &Wants::default()).unwrap()
    }

    #[test]
    fn the_contract_of_a_file_is_the_one_that_its_names_say() {
        for version in ["0.1.0", "0.2.0"] {
            assert_eq!(embedded_of(&agent(version), BOTH).unwrap().contract, version);
        }
        let refused = read_embedded(&agent("0.2.0")).unwrap_err();
        assert!(matches!(refused, InspectError::Unserved(Unserved::Other { .. })), "{refused}");
        let refused = embedded_of(&agent("0.3.0"), BOTH).unwrap_err().to_string();
        assert!(refused.contains("0.3.0") && refused.contains("0.1.0 and 0.2.0"), "{refused}");
    }

    #[test]
    fn an_import_of_another_version_than_the_export_is_a_mix() {
        let text = "(component (import \"bailiwick:agent/log@0.2.0\" (instance $i))
            (export \"bailiwick:agent/agent@0.1.0\" (instance $i)))";
        let outline = read_outline(&wat::parse_str(text).unwrap()).unwrap();
        let refused = require_agent(&outline, BOTH).unwrap_err();
        assert!(matches!(refused, InspectError::Unserved(Unserved::Several { .. })), "{refused}");
    }

    #[test]
    fn names_are_counted_before_they_are_kept() {
        // Functions, of which the validator allows a million; of instances, a thousand.
        // Encoded by hand: the reader of texts takes minutes.
        let many = |count: usize| {
            let mut types = ComponentTypeSection::new();
            types.function().params([] as [(&str, PrimitiveValType); 0]).result(None);
            let mut imports = ComponentImportSection::new();
            for index in 0..count {
                let name = format!("f{index}");
                imports.import(name.as_str(), ComponentTypeRef::Func(0));
            }
            let mut component = Component::new();
            component.section(&types).section(&imports);
            component.finish()
        };
        assert_eq!(read_outline(&many(NAMES_MAX)).unwrap().imports.len(), NAMES_MAX);
        for count in [NAMES_MAX + 1, 100_000] {
            assert_eq!(read_outline(&many(count)), Err(InspectError::TooManyNames), "{count}");
        }
    }
}
