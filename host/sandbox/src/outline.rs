//! The outermost names of a component, read before anything of it is compiled. Judges none of them, and validates nothing else: that is the compiling child's work.

use bailiwick_core::contract::NAMES_MAX;
use wasmparser::{Parser, Payload};

use crate::admit::Refused;
use crate::child::{Rejected, form, rejected};
use crate::compile::CompileError;
use crate::limits::COMPONENT_MAX;

/// What a component asks for and what it offers, by name, in file order.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Names<'a> {
    pub(crate) imports: Vec<&'a str>,
    pub(crate) exports: Vec<&'a str>,
}

impl<'a> Names<'a> {
    /// Reads them; modules and components inside are passed over, without recursion.
    pub(crate) fn read(component: &'a [u8]) -> Result<Self, Refused> {
        let wrong = |rejected| Refused::Compile(CompileError::Rejected(rejected));
        let broken = |error: wasmparser::BinaryReaderError| wrong(rejected(&error));
        if component.len() as u64 > COMPONENT_MAX.0 {
            return Err(wrong(Rejected::TooLarge));
        }
        form(component).map_err(wrong)?;
        let (mut names, mut depth) = (Self::default(), 0_usize);
        for payload in Parser::new(0).parse_all(component) {
            match payload.map_err(broken)? {
                Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
                Payload::End(_) => depth = depth.saturating_sub(1),
                Payload::ComponentImportSection(imports) if depth == 0 => {
                    for import in imports {
                        names.imports.push(import.map_err(broken)?.name.name);
                        names.within()?;
                    }
                }
                Payload::ComponentExportSection(exports) if depth == 0 => {
                    for export in exports {
                        names.exports.push(export.map_err(broken)?.name.name);
                        names.within()?;
                    }
                }
                _ => {}
            }
        }
        Ok(names)
    }

    /// All of them.
    pub(crate) fn all(&self) -> impl Iterator<Item = &'a str> + '_ {
        self.imports.iter().chain(&self.exports).copied()
    }

    fn within(&self) -> Result<(), Refused> {
        let found = self.imports.len() + self.exports.len();
        if found > NAMES_MAX { Err(Refused::TooManyNames) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_inside_of_a_component_are_not_its_own() {
        let component = wat::parse_str(
            r#"(component
  (component $inner (import "a:b/inner@1.0.0" (instance)) (component))
  (core module (import "x" "y" (func)))
  (import "a:b/outer@1.0.0" (instance $i))
  (export "a:b/said@1.0.0" (instance $i))
  (import "late" (func)))"#,
        );
        let component = component.unwrap();
        let names = Names::read(&component).unwrap();
        assert_eq!(names.imports, ["a:b/outer@1.0.0", "late"]);
        assert_eq!(names.exports, ["a:b/said@1.0.0"]);
    }

    #[test]
    fn every_cut_is_refused_or_read_and_never_more() {
        let component = wat::parse_str(
            r#"(component (import "a:b/c@1.0.0" (instance $i)) (export "d" (instance $i)))"#,
        );
        let component = component.unwrap();
        let whole = Names::read(&component).unwrap();
        for cut in 0..component.len() {
            let part = component.get(..cut).unwrap_or_default();
            if let Ok(names) = Names::read(part) {
                assert!(whole.imports.starts_with(&names.imports), "{cut}");
                assert!(whole.exports.starts_with(&names.exports), "{cut}");
            }
        }
    }
}
