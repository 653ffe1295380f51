//! Expressions: `${…}` in the files, checked when they are read and evaluated over a scope. Knows no steps.
//!
//! The language is CEL, behind `expr/cel.rs`; everything that makes it safe to evaluate
//! what somebody else wrote is ours: bounds before parsing, a list of functions, a
//! walk that finds every read, and a meter.

mod cel;
mod error;
mod meter;
mod path;
mod rewrite;
mod scan;

use serde_json::Value;

pub(crate) use error::kind_of;
pub use error::{ExprError, ExprErrorKind};
pub(crate) use meter::ITEMS_MAX;
pub use path::{Path, Segment};
pub(crate) use scan::{Piece, pieces};

use self::cel::{FaultKind, Program};
use crate::codes;
use crate::nearest::did_you_mean;
use crate::scope::Scope;

/// The longest expression, in bytes: more is a program, and programs are agents.
pub(crate) const EXPRESSION_MAX_BYTES: usize = 1024;

/// The deepest brackets: the parser recurses, and nobody reads more than five.
pub(crate) const BRACKETS_MAX: usize = 32;

/// One expression that may be evaluated.
#[derive(Debug)]
pub(crate) struct Expression {
    program: Program,
    /// What it reads, each with the byte in its source.
    reads: Vec<(Path, usize)>,
}

/// One thing that is wrong with an expression, with the byte in its source.
pub(crate) struct Fault {
    pub(crate) code: &'static str,
    pub(crate) at: usize,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
}

impl Expression {
    /// Reads an expression, without its `${` and `}`.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub(crate) fn compile(source: &str) -> Result<Self, Vec<Fault>> {
        let bound = |message: String| {
            vec![Fault { code: codes::EXPRESSION_BOUND, at: 0, message, hint: None }]
        };
        if source.len() > EXPRESSION_MAX_BYTES {
            let bytes = source.len();
            return Err(bound(format!(
                "an expression has at most {EXPRESSION_MAX_BYTES} bytes; this one has {bytes}"
            )));
        }
        let depth = scan::deepest_bracket(source);
        if depth > BRACKETS_MAX {
            return Err(bound(format!(
                "the brackets of an expression are at most {BRACKETS_MAX} deep; here they are {depth}"
            )));
        }
        match cel::compile(source) {
            Ok((program, reads)) => Ok(Self { program, reads }),
            Err(faults) => Err(faults.into_iter().map(explained).collect()),
        }
    }

    /// What it reads, each with the byte in its source where it does so first.
    pub(crate) fn reads(&self) -> &[(Path, usize)] {
        &self.reads
    }

    /// The path that it is, where it is nothing else.
    pub(crate) fn as_path(&self) -> Option<&Path> {
        self.program.as_path()
    }

    /// Evaluates it. Same scope, same result.
    pub(crate) fn evaluate(&self, scope: &Scope) -> Result<Value, ExprErrorKind> {
        match self.program.as_path() {
            Some(path) => match scope.lookup(path) {
                Some(value) => Ok(value.into_owned()),
                None => Err(ExprErrorKind::Missing(path.to_string())),
            },
            None => self.program.evaluate(scope),
        }
    }
}

fn explained(fault: cel::Fault) -> Fault {
    let (code, message, hint) = match fault.kind {
        FaultKind::Syntax(message) => {
            (codes::EXPRESSION_SYNTAX, format!("the expression cannot be read: {message}"), None)
        }
        FaultKind::Function(name) => {
            let known = rewrite::callable();
            if known.contains(name.as_str()) {
                let message = format!("`{name}` takes other arguments");
                let hint = "the macros are list.map(x, …), list.filter(x, …), list.all(x, …), list.exists(x, …), has(a.b)";
                (codes::UNKNOWN_FUNCTION, message, Some(hint.to_owned()))
            } else {
                let hint = did_you_mean(&name, known.iter().copied()).unwrap_or_else(|| {
                    let names: Vec<_> = known.into_iter().collect();
                    format!("there are {}", names.join(", "))
                });
                (codes::UNKNOWN_FUNCTION, format!("there is no function `{name}`"), Some(hint))
            }
        }
        FaultKind::Nested => (
            codes::EXPRESSION_BOUND,
            "`map`, `filter`, `all` and `exists` do not stand inside one another".to_owned(),
            Some("chain them, or let an agent do it".to_owned()),
        ),
        FaultKind::Deep => (
            codes::EXPRESSION_BOUND,
            "the expression is nested too deep".to_owned(),
            Some("split it, or let an agent do it".to_owned()),
        ),
    };
    Fault { code, at: fault.at, message, hint }
}

#[cfg(test)]
mod tests;
