//! One walk over a parsed expression: finds what it reads, refuses what it may not do, and puts the meter in. Evaluates nothing.

use std::collections::BTreeSet;

use cel::common::ast::{CallExpr, EntryExpr, Expr, IdedExpr, LiteralValue, operators};

use super::path::{Path, Segment};

/// The deepest tree: what fits into 1 KiB by hand stays under 30, and evaluation
/// recurses once per level on a stack of 2 MiB.
const TREE_DEPTH_MAX: usize = 48;

/// What expressions may call. All of it is deterministic, none of it makes something
/// much larger than its arguments.
const FUNCTIONS: &[&str] =
    &["size", "contains", "startsWith", "endsWith", "string", "int", "double", "bool"];

/// Written as calls, read as comprehensions or tests.
const MACROS: &[&str] = &["has", "map", "filter", "all", "exists", "exists_one", "existsOne"];

/// The operators that evaluate their own arguments: these cost what their arguments
/// cost and copy nothing.
const FREE_OPERATORS: &[&str] = &[
    operators::CONDITIONAL,
    operators::LOGICAL_AND,
    operators::LOGICAL_OR,
    operators::LOGICAL_NOT,
    operators::NOT_STRICTLY_FALSE,
    operators::INDEX,
];

/// The other operators.
const OPERATORS: &[&str] = &[
    operators::ADD,
    operators::SUBSTRACT,
    operators::MULTIPLY,
    operators::DIVIDE,
    operators::MODULO,
    operators::EQUALS,
    operators::NOT_EQUALS,
    operators::GREATER_EQUALS,
    operators::LESS_EQUALS,
    operators::GREATER,
    operators::LESS,
    operators::NEGATE,
    operators::IN,
];

/// The accumulator of the macros; it cannot be written in source.
const ACCUMULATOR: &str = "@result";

/// The variable that holds the meter. No source can name it.
pub(super) const METER: &str = "@meter";

/// Charges the weight of its second argument and hands it on.
pub(super) const WEIGH: &str = "@weigh";

/// As `@weigh`, and makes of its argument a list of at most 10 000 items in a fixed order.
pub(super) const ITEMS: &str = "@items";

/// One thing that an expression may not do, with the node where it does it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// A function that is none of ours.
    Function { name: String, node: u64 },
    /// A comprehension inside of another's body.
    Nested { node: u64 },
    /// The tree is too deep.
    Deep,
    /// A message of a named type, or syntax that the parser lets through and the
    /// evaluator does not know.
    Form { node: u64 },
}

/// What the walk found.
#[derive(Default)]
pub(super) struct Found {
    /// What is read, each with the node where it is read first. The index is the
    /// number in the variable `@N` that stands there now.
    pub(super) paths: Vec<(Path, u64)>,
    pub(super) refusals: Vec<Refusal>,
}

/// Walks and rewrites: each path into the scope becomes one variable, everything
/// that is copied or called goes through the meter.
pub(super) fn rewrite(expression: &mut IdedExpr) -> Found {
    let mut found = Found::default();
    Walk { found: &mut found, bound: Vec::new(), inside_body: false, depth: 0 }.visit(expression);
    found
}

struct Walk<'f> {
    found: &'f mut Found,
    /// The variables of the comprehensions around this node.
    bound: Vec<String>,
    inside_body: bool,
    depth: usize,
}

impl Walk<'_> {
    fn visit(&mut self, node: &mut IdedExpr) {
        if self.depth >= TREE_DEPTH_MAX {
            if !self.found.refusals.contains(&Refusal::Deep) {
                self.found.refusals.push(Refusal::Deep);
            }
            return;
        }
        self.depth += 1;
        if let Some(path) = self.scope_path(&node.expr) {
            node.expr = Expr::Ident(self.variable(path, node.id));
        } else {
            self.children(node);
        }
        self.depth -= 1;
    }

    fn variable(&mut self, path: Path, node: u64) -> String {
        let known = self.found.paths.iter().position(|(other, _)| *other == path);
        let index = known.unwrap_or_else(|| {
            self.found.paths.push((path, node));
            self.found.paths.len() - 1
        });
        format!("@{index}")
    }

    fn children(&mut self, node: &mut IdedExpr) {
        let id = node.id;
        match &mut node.expr {
            Expr::Literal(LiteralValue::Bytes(_)) | Expr::Struct(_) | Expr::Unspecified => {
                self.found.refusals.push(Refusal::Form { node: id });
            }
            Expr::Literal(_) | Expr::Ident(_) => {}
            Expr::Select(select) => self.visit(&mut select.operand),
            Expr::Call(call) => self.call(call, id),
            Expr::List(list) => list.elements.iter_mut().for_each(|element| self.weighed(element)),
            Expr::Map(map) => {
                for entry in &mut map.entries {
                    if let EntryExpr::MapEntry(entry) = &mut entry.expr {
                        self.visit(&mut entry.key);
                        self.weighed(&mut entry.value);
                    }
                }
            }
            Expr::Comprehension(comprehension) => {
                if self.inside_body {
                    self.found.refusals.push(Refusal::Nested { node: id });
                }
                self.visit(&mut comprehension.iter_range);
                wrap(&mut comprehension.iter_range, ITEMS);
                self.bound.push(comprehension.iter_var.clone());
                let outer = std::mem::replace(&mut self.inside_body, true);
                self.visit(&mut comprehension.loop_cond);
                self.visit(&mut comprehension.loop_step);
                self.visit(&mut comprehension.result);
                self.inside_body = outer;
                self.bound.pop();
            }
        }
    }

    fn call(&mut self, call: &mut CallExpr, node: u64) {
        let name = call.func_name.as_str();
        let free = FREE_OPERATORS.contains(&name);
        if !free && !OPERATORS.contains(&name) && !FUNCTIONS.contains(&name) {
            self.found.refusals.push(Refusal::Function { name: name.to_owned(), node });
        }
        // `map` and `filter` append to their accumulator in place, as long as the
        // addition keeps the form in which their macro wrote it.
        let appends = call.args.first().is_some_and(is_accumulator);
        for argument in call.target.as_deref_mut().into_iter().chain(&mut call.args) {
            if free || appends { self.visit(argument) } else { self.weighed(argument) }
        }
    }

    fn weighed(&mut self, node: &mut IdedExpr) {
        self.visit(node);
        if !matches!(node.expr, Expr::Literal(_)) {
            wrap(node, WEIGH);
        }
    }

    /// The path that a node spells, if it begins at a name in scope.
    fn scope_path(&self, node: &Expr) -> Option<Path> {
        match node {
            Expr::Ident(name) if name.starts_with('@') || self.bound.contains(name) => None,
            // `.name` is CEL's way to step over inner scopes; here it is the same name.
            Expr::Ident(name) => {
                let root = name.strip_prefix('.').unwrap_or(name).to_owned();
                Some(Path { root, rest: Vec::new() })
            }
            Expr::Select(select) if !select.test => {
                let mut path = self.scope_path(&select.operand.expr)?;
                path.rest.push(Segment::Field(select.field.clone()));
                Some(path)
            }
            Expr::Call(call) if call.func_name == operators::INDEX => {
                let [operand, index] = call.args.as_slice() else { return None };
                let segment = constant(&index.expr)?;
                let mut path = self.scope_path(&operand.expr)?;
                path.rest.push(segment);
                Some(path)
            }
            _ => None,
        }
    }
}

fn constant(index: &Expr) -> Option<Segment> {
    match index {
        Expr::Literal(LiteralValue::String(name)) => Some(Segment::Field(name.inner().to_owned())),
        Expr::Literal(LiteralValue::Int(at)) => {
            usize::try_from(*at.inner()).ok().map(Segment::Item)
        }
        _ => None,
    }
}

fn is_accumulator(node: &IdedExpr) -> bool {
    matches!(&node.expr, Expr::Ident(name) if name == ACCUMULATOR)
}

fn wrap(node: &mut IdedExpr, function: &str) {
    let inner = std::mem::take(node);
    node.id = inner.id;
    let meter = IdedExpr { id: inner.id, expr: Expr::Ident(METER.to_owned()) };
    node.expr = Expr::Call(CallExpr {
        func_name: function.to_owned(),
        target: None,
        args: vec![meter, inner],
    });
}

/// Everything that may be called, for hints.
pub(super) fn callable() -> BTreeSet<&'static str> {
    FUNCTIONS.iter().chain(MACROS).copied().collect()
}
