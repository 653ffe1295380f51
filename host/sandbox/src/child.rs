//! The compiling child: locks and limits itself, reads a component from its input, writes machine code or a refusal to its output. Opens nothing, knows no cache.

use std::io::{Read as _, Write as _};
use std::process::ExitCode;

use bailiwick_core::Bytes;
use bailiwick_lockdown::{Walls, lock_calls, lock_files, tried_by_compiler};
use rlimit::Resource;
use serde::{Deserialize, Serialize};
use wasmparser::{FuncValidatorAllocations, Parser, ValidPayload, Validator};

use crate::engine::{self, FEATURES};
use crate::limits::{
    COMPILE_MEMORY_MAX, COMPILE_TIME_MAX, COMPONENT_MAX, FUNCTION_MAX_BYTES, NESTING_MAX,
};

/// The first byte of the answer: machine code follows.
pub(crate) const COMPILED: u8 = 0;
/// The first byte of the answer: a [`Rejected`] in JSON follows.
pub(crate) const REJECTED: u8 = 1;

/// What is wrong with the bytes of a component.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub enum Rejected {
    /// Over the largest size.
    #[error("a component has at most {COMPONENT_MAX}; this file has more")]
    TooLarge,
    /// Neither component nor module.
    #[error("this file is no WebAssembly component")]
    NotWasm,
    /// A core module.
    #[error(
        "this file is a core WebAssembly module, not a component: `bailiwick build` makes one of it"
    )]
    Module,
    /// Cut off.
    #[error("the component is truncated: it ends at byte {offset} in the middle of something")]
    Truncated {
        /// Where.
        offset: usize,
    },
    /// Not valid.
    #[error("the component is not valid at byte {offset}: {reason}")]
    Malformed {
        /// Where.
        offset: usize,
        /// What the validator says.
        reason: String,
    },
    /// A proposal that is switched off.
    #[error("the component uses what this host does not offer, at byte {offset}: {reason}")]
    Unsupported {
        /// Where.
        offset: usize,
        /// What the validator says.
        reason: String,
    },
    /// Blocks in blocks.
    #[error("the component nests blocks more than {NESTING_MAX} deep, at byte {offset}")]
    TooDeep {
        /// Where.
        offset: usize,
    },
    /// A function that takes too long to compile.
    #[error("a function of the component has {}; at most {} are compiled", Bytes(*.bytes), Bytes(FUNCTION_MAX_BYTES as u64))]
    FunctionTooLarge {
        /// Its size.
        bytes: u64,
    },
    /// The compiler does not take it.
    #[error("the component cannot be compiled: {reason}")]
    Compiler {
        /// In its own words.
        reason: String,
    },
    /// The child could not be what it must be.
    #[error("the compiling process could not start: {reason}")]
    Child {
        /// Why.
        reason: String,
    },
}

/// What the hidden subcommand of the binary does. Must run before anything else of the
/// process: no thread, no runtime, no file opened by it.
#[must_use]
pub fn compile_child_main() -> ExitCode {
    let answer = lock_myself().and_then(|_| read()).and_then(|bytes| compile(&bytes));
    let written = match &answer {
        Ok(code) => write(COMPILED, code),
        Err(rejected) => write(REJECTED, &serde_json::to_vec(rejected).unwrap_or_default()),
    };
    if written.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Locks itself as the compiling child does, tries what an attacker would, and writes as
/// JSON what came of it: the [`Walls`] and a list of
/// [`Tried`](bailiwick_lockdown::Tried), or why it is not locked.
#[must_use]
pub fn compile_child_tries() -> ExitCode {
    let told = lock_myself().map(|walls| (walls, tried_by_compiler()));
    let text = serde_json::to_vec(&told.map_err(|rejected| rejected.to_string()));
    let mut out = std::io::stdout().lock();
    let written = text.is_ok_and(|text| out.write_all(&text).and_then(|()| out.flush()).is_ok());
    if written { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Before a byte of the component is read: no file and no socket, then little of
/// everything else, then no call but those that compute. A kernel that lacks a wall
/// still has the limits.
fn lock_myself() -> Result<Walls, Rejected> {
    let open = |error: bailiwick_lockdown::LockError| Rejected::Child { reason: error.to_string() };
    // Making the rules takes a descriptor, and setting limits a call: so in this order.
    let files = lock_files().map_err(open)?;
    limit_myself()?;
    Ok(Walls { files, calls: lock_calls().map_err(open)? })
}

/// Memory, time, no core file, no file written, and no new descriptor at
/// all, which is no file to read and no socket either.
fn limit_myself() -> Result<(), Rejected> {
    let seconds = COMPILE_TIME_MAX.as_secs();
    let limits = [
        (Resource::AS, COMPILE_MEMORY_MAX.0),
        (Resource::CPU, seconds),
        (Resource::CORE, 0),
        (Resource::FSIZE, 0),
        (Resource::NOFILE, 3),
    ];
    for (resource, most) in limits {
        let set = resource.set(most, most);
        set.map_err(|error| Rejected::Child {
            reason: format!("{resource:?} cannot be limited: {error}"),
        })?;
    }
    Ok(())
}

fn read() -> Result<Vec<u8>, Rejected> {
    let mut bytes = Vec::new();
    let read = std::io::stdin().lock().take(COMPONENT_MAX.0 + 1).read_to_end(&mut bytes);
    read.map_err(|error| Rejected::Child { reason: error.to_string() })?;
    if bytes.len() as u64 > COMPONENT_MAX.0 { Err(Rejected::TooLarge) } else { Ok(bytes) }
}

fn write(kind: u8, bytes: &[u8]) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(&[kind])?;
    out.write_all(bytes)?;
    out.flush()
}

fn compile(bytes: &[u8]) -> Result<Vec<u8>, Rejected> {
    validate(bytes)?;
    let engine =
        engine::for_compiling().map_err(|error| Rejected::Child { reason: error.to_string() })?;
    let compiled = engine.precompile_component(bytes);
    compiled.map_err(|error| Rejected::Compiler { reason: format!("{error:#}") })
}

/// Valid, made of nothing that is switched off, and within what compilers bear.
///
/// # Errors
/// [`Rejected`] with the first thing that is wrong.
pub fn validate(bytes: &[u8]) -> Result<(), Rejected> {
    form(bytes)?;
    let mut validator = Validator::new_with_features(FEATURES);
    let mut allocations = FuncValidatorAllocations::default();
    for payload in Parser::new(0).parse_all(bytes) {
        let valid = payload.and_then(|payload| validator.payload(&payload));
        if let ValidPayload::Func(function, body) = valid.map_err(|error| rejected(&error))? {
            let size = body.range().len();
            if size > FUNCTION_MAX_BYTES {
                return Err(Rejected::FunctionTooLarge { bytes: size as u64 });
            }
            let mut function = function.into_validator(allocations);
            let mut reader = body.get_binary_reader();
            function.read_locals(&mut reader).map_err(|error| rejected(&error))?;
            while !reader.eof() {
                let offset = reader.original_position();
                let visited = reader.visit_operator(&mut function.visitor(offset));
                visited.and_then(|valid| valid).map_err(|error| rejected(&error))?;
                if function.control_stack_height() > NESTING_MAX {
                    return Err(Rejected::TooDeep { offset });
                }
            }
            let end = reader.original_position();
            reader.finish_expression(&function.visitor(end)).map_err(|error| rejected(&error))?;
            allocations = function.into_allocations();
        }
    }
    Ok(())
}

/// Whether it is a component at all, by its first bytes.
pub(crate) fn form(bytes: &[u8]) -> Result<(), Rejected> {
    if Parser::is_component(bytes) {
        return Ok(());
    }
    let cut = bytes.len() < 8 && !bytes.is_empty() && b"\0asm\x0d\0\x01\0".starts_with(bytes);
    Err(match cut {
        true => Rejected::Truncated { offset: bytes.len() },
        false if Parser::is_core_wasm(bytes) => Rejected::Module,
        false => Rejected::NotWasm,
    })
}

pub(crate) fn rejected(error: &wasmparser::BinaryReaderError) -> Rejected {
    let (offset, reason) = (error.offset(), error.message().to_owned());
    // The validator's own mark is not on every such error.
    let off = error.missing_wasm_feature().is_some()
        || ["not enabled", "must be enabled", "requires the", "multiple memories"]
            .into_iter()
            .any(|words| reason.contains(words));
    if reason.starts_with("unexpected end") {
        Rejected::Truncated { offset }
    } else if off {
        Rejected::Unsupported { offset, reason }
    } else {
        Rejected::Malformed { offset, reason }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A text passes between two parts, each with a memory: what composition, and
    /// JavaScript's lighter engine, make of a component.
    const COMPOSED: &str = r#"(component
  (component $inner
    (core module $m
      (memory (export "memory") 1)
      (func (export "take") (param i32 i32))
      (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 0)))
    (core instance $i (instantiate $m))
    (alias core export $i "memory" (core memory $memory))
    (alias core export $i "realloc" (core func $realloc))
    (func (export "take") (param "text" string)
      (canon lift (core func $i "take") (memory $memory) (realloc $realloc))))
  (component $outer
    (import "take" (func $take (param "text" string)))
    (core module $texts (memory (export "memory") 1))
    (core instance $t (instantiate $texts))
    (alias core export $t "memory" (core memory $memory))
    (core func $lowered (canon lower (func $take) (memory $memory)))
    (core module $user (import "" "take" (func (param i32 i32)))
      (func (export "go") (call 0 (i32.const 0) (i32.const 1))))
    (core instance $u (instantiate $user
      (with "" (instance (export "take" (func $lowered))))))
    (func (export "go") (canon lift (core func $u "go"))))
  (instance $i (instantiate $inner))
  (instance $o (instantiate $outer (with "take" (func $i "take")))))"#;

    #[test]
    fn a_composed_component_is_compiled() {
        compile(&wat::parse_str(COMPOSED).unwrap()).unwrap();
    }
}
