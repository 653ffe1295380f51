//! The one place that knows the CEL crate: text to program, program and scope to JSON. Knows no files and no plan.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock};

use cel::common::ast::{IdedExpr, SourceInfo};
use cel::common::types::{
    CelBool, CelDouble, CelInt, CelList, CelMap, CelMapKey, CelNull, CelString, CelUInt,
};
use cel::common::value::{CowVal, Val};
use cel::context::VariableResolver;
use cel::{Context, Env, ExecutionError};
use serde_json::{Map, Number, Value};

use super::error::ExprErrorKind;
use super::meter::{self, Meter};
use super::path::Path;
use super::rewrite::{self, METER, Refusal};
use crate::scope::Scope;

/// A parsed, checked and rewritten expression.
#[derive(Debug)]
pub(super) struct Program {
    expression: IdedExpr,
    paths: Vec<Path>,
}

/// One thing wrong with an expression, and where in its source (bytes).
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) at: usize,
    pub(super) kind: FaultKind,
}

/// What is read, each with the byte in the source where it is read first.
pub(super) type PlacedPaths = Vec<(Path, usize)>;

#[derive(Debug)]
pub(super) enum FaultKind {
    Syntax(String),
    Function(String),
    Nested,
    Deep,
}

/// Parses. The source is within its bounds already.
///
/// A path that stands alone is given as such: it needs no evaluator.
pub(super) fn compile(source: &str) -> Result<(Program, PlacedPaths), Vec<Fault>> {
    let parsed =
        catch_unwind(AssertUnwindSafe(|| environment().parser().parse_with_source_info(source)));
    let (mut expression, places) = match parsed {
        Ok(Ok(parsed)) => parsed,
        Ok(Err(errors)) => return Err(vec![syntax(source, &errors.errors)]),
        Err(_) => {
            let kind = FaultKind::Syntax("the parser gave up on it".into());
            return Err(vec![Fault { at: 0, kind }]);
        }
    };
    let found = rewrite::rewrite(&mut expression);
    let at = |node: u64| offset(source, &places, node);
    if !found.refusals.is_empty() {
        return Err(found.refusals.into_iter().map(|refusal| fault(refusal, &at)).collect());
    }
    let placed = found.paths.iter().map(|(path, node)| (path.clone(), at(*node))).collect();
    let paths = found.paths.into_iter().map(|(path, _)| path).collect();
    Ok((Program { expression, paths }, placed))
}

fn fault(refusal: Refusal, at: &dyn Fn(u64) -> usize) -> Fault {
    match refusal {
        Refusal::Function { name, node } => Fault { at: at(node), kind: FaultKind::Function(name) },
        Refusal::Nested { node } => Fault { at: at(node), kind: FaultKind::Nested },
        Refusal::Deep => Fault { at: 0, kind: FaultKind::Deep },
        Refusal::Form { node } => {
            let message = "bytes and messages of named types are not available".into();
            Fault { at: at(node), kind: FaultKind::Syntax(message) }
        }
    }
}

/// The first error; what follows are mostly its consequences. The parser counts lines
/// from 1 and characters from 1.
fn syntax(source: &str, errors: &[cel::ParseError]) -> Fault {
    if errors.iter().any(|error| error.msg.contains("Recursion limit")) {
        return Fault { at: 0, kind: FaultKind::Deep };
    }
    let Some(error) = errors.first() else {
        return Fault { at: 0, kind: FaultKind::Syntax("the parser does not say why".into()) };
    };
    let line = usize::try_from(error.pos.0).unwrap_or(1).max(1);
    let column = usize::try_from(error.pos.1).unwrap_or(1).max(1);
    let start: usize = source.split_inclusive('\n').take(line - 1).map(str::len).sum();
    let rest = source.get(start..).unwrap_or_default();
    let inside = rest.char_indices().nth(column - 1).map_or(rest.len(), |(at, _)| at);
    Fault { at: start + inside, kind: FaultKind::Syntax(words(&error.msg)) }
}

/// The parser's message without its grammar.
fn words(message: &str) -> String {
    let message = message.strip_prefix("Syntax error: ").unwrap_or(message);
    let plain = message.split(" expecting ").next().unwrap_or(message);
    if plain.contains("'<EOF>'") { "it ends too early".into() } else { plain.to_owned() }
}

/// The byte where a node begins; the parser counts characters from 0.
fn offset(source: &str, places: &SourceInfo, node: u64) -> usize {
    let characters = places.offset_for(node).map_or(0, |(start, _)| start as usize);
    source.char_indices().nth(characters).map_or(0, |(at, _)| at)
}

fn environment() -> &'static Arc<Env> {
    static ENVIRONMENT: OnceLock<Arc<Env>> = OnceLock::new();
    ENVIRONMENT.get_or_init(|| {
        let mut env = Env::stdlib().with_optional_support(false);
        // Two new names in an environment that has no others of that form.
        let installed = meter::install(&mut env);
        debug_assert!(installed.is_ok());
        Arc::new(env)
    })
}

impl Program {
    /// The path, where the expression is nothing else.
    pub(super) fn as_path(&self) -> Option<&Path> {
        match (&self.expression.expr, self.paths.as_slice()) {
            (cel::common::ast::Expr::Ident(_), [path]) => Some(path),
            _ => None,
        }
    }

    /// Evaluates over the parts of the scope that the expression reads.
    pub(super) fn evaluate(&self, scope: &Scope) -> Result<Value, ExprErrorKind> {
        let read: Vec<_> = self.paths.iter().map(|path| scope.lookup(path)).collect();
        let meter = Meter::new();
        let variables = Variables {
            meter: &meter,
            values: read.iter().map(|value| (value.as_deref(), OnceLock::new())).collect(),
        };
        // The crate has `panic!` and `expect` on its paths; one bad expression of one
        // project must not take the host with it.
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            let mut context = Context::with_env(Arc::clone(environment()));
            context.set_variable_resolver(&variables);
            let value = cel::Value::resolve_val(&self.expression, &context);
            value.map_err(|error| self.failure(&error)).and_then(|value| json(value.as_ref()))
        }));
        if meter.is_spent() {
            return Err(ExprErrorKind::TooMuchWork);
        }
        outcome.unwrap_or(Err(ExprErrorKind::Panicked))
    }

    fn failure(&self, error: &ExecutionError) -> ExprErrorKind {
        if let ExecutionError::UndeclaredReference(name) = error
            && let Some(index) = name.strip_prefix('@')
            && let Some(path) = index.parse().ok().and_then(|index: usize| self.paths.get(index))
        {
            return ExprErrorKind::Missing(path.to_string());
        }
        ExprErrorKind::failed(&error.to_string())
    }
}

/// The variables `@0`, `@1`, … converted when they are first asked for: a branch that
/// is not taken costs nothing.
struct Variables<'s> {
    meter: &'s Meter,
    values: Vec<(Option<&'s Value>, OnceLock<Converted<'s>>)>,
}

type Converted<'s> = Box<dyn Val + 's>;

impl VariableResolver for Variables<'_> {
    fn resolve<'b>(&'b self, variable: &str) -> Option<CowVal<'b, 'b>> {
        if variable == METER {
            return Some(CowVal::Borrowed(self.meter));
        }
        let index: usize = variable.strip_prefix('@')?.parse().ok()?;
        let (source, converted) = self.values.get(index)?;
        let source = (*source)?;
        Some(CowVal::Borrowed(converted.get_or_init(|| borrowed(source, self.meter)).as_ref()))
    }
}

/// JSON as the crate sees it, texts borrowed. Integers are `int` where they fit: the
/// crate's own conversion makes them `uint`, and `input.n + 1` fails.
fn borrowed<'s>(value: &'s Value, meter: &Meter) -> Box<dyn Val + 's> {
    // Out of work: what follows fails at the next charge, so what is here does not matter.
    if meter.charge(1).is_err() {
        return Box::new(CelNull);
    }
    match value {
        Value::Null => Box::new(CelNull),
        Value::Bool(flag) => Box::new(CelBool::from(*flag)),
        Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(int), _) => Box::new(CelInt::from(int)),
            (None, Some(uint)) => Box::new(CelUInt::from(uint)),
            (None, None) => Box::new(CelDouble::from(number.as_f64().unwrap_or(f64::NAN))),
        },
        Value::String(text) => Box::new(CelString::from(text.as_str())),
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(|item| borrowed(item, meter)).collect();
            Box::new(CelList::from(items))
        }
        Value::Object(map) => Box::new(CelMap::from(
            map.iter()
                .map(|(key, item)| (CelMapKey::from(key.as_str()), borrowed(item, meter)))
                .collect::<CelEntries<'_>>(),
        )),
    }
}

#[expect(
    clippy::disallowed_types,
    reason = "the crate's map is one; `@items` and JSON sort its keys"
)]
type CelEntries<'s> = std::collections::HashMap<CelMapKey<'s>, Box<dyn Val + 's>>;

fn json(value: &dyn Val) -> Result<Value, ExprErrorKind> {
    if value.downcast_ref::<CelNull>().is_some() {
        return Ok(Value::Null);
    }
    if let Some(flag) = value.downcast_ref::<CelBool>() {
        return Ok((*flag.inner()).into());
    }
    if let Some(int) = value.downcast_ref::<CelInt>() {
        return Ok((*int.inner()).into());
    }
    if let Some(uint) = value.downcast_ref::<CelUInt>() {
        return Ok((*uint.inner()).into());
    }
    if let Some(double) = value.downcast_ref::<CelDouble>() {
        let number = Number::from_f64(*double.inner());
        return number
            .map(Value::Number)
            .ok_or(ExprErrorKind::NotJson("a number that JSON has not"));
    }
    if let Some(text) = value.downcast_ref::<CelString>() {
        return Ok(text.inner().into());
    }
    if let Some(list) = value.downcast_ref::<CelList>() {
        return list.inner().iter().map(|item| json(item.as_ref())).collect();
    }
    let Some(map) = value.downcast_ref::<CelMap>() else {
        return Err(ExprErrorKind::NotJson("a value of a type that JSON has not"));
    };
    let mut object = Map::new();
    for (key, item) in map.inner() {
        let CelMapKey::String(key) = key else {
            return Err(ExprErrorKind::NotJson("a map with keys that are no text"));
        };
        object.insert(key.inner().to_owned(), json(item.as_ref())?);
    }
    Ok(Value::Object(object))
}
