//! `wasi:filesystem` and `wasi:sockets`: not configured off but not there. Each function that a component imports is answered by a constant of its result type; there is no code behind that could be reached.

use bailiwick_core::fact::FailureKind;
use wasmtime::component::types::{ComponentFunc, ComponentInstance, ComponentItem, Type};
use wasmtime::component::{Component, Linker, LinkerInstance, Resource, ResourceType, Val};

use super::resources::{Input, Never, Output, Pollable};
use crate::ended::{Ended, plain};
use crate::state::State;

/// The error codes of refusal, as filesystem and sockets name theirs.
const REFUSALS: [&str; 4] = ["access-denied", "access", "not-permitted", "not-supported"];

/// A descriptor, a socket, a network: nothing can be done with one.
struct Nothing;

/// What a function answers, always.
enum Constant {
    Value(Val),
    /// A handle that every function refuses (`instance-network`).
    Handle,
    /// No constant fits: it would need a descriptor or a socket, and there is none.
    Unreachable,
}

/// Links the absent interfaces that `component` imports, by its own types: any patch
/// version of 0.2 has its functions answered.
pub(crate) fn link(linker: &mut Linker<State>, component: &Component) -> wasmtime::Result<()> {
    let engine = linker.engine().clone();
    for (name, import) in component.component_type().imports(&engine) {
        if !name.starts_with("wasi:filesystem/") && !name.starts_with("wasi:sockets/") {
            continue;
        }
        if let ComponentItem::ComponentInstance(interface) = import.ty {
            link_interface(&mut linker.instance(name)?, name, &interface, &engine)?;
        }
    }
    Ok(())
}

fn link_interface(
    linker: &mut LinkerInstance<'_, State>,
    interface: &str,
    types: &ComponentInstance,
    engine: &wasmtime::Engine,
) -> wasmtime::Result<()> {
    for (name, export) in types.exports(engine) {
        match export.ty {
            ComponentItem::Resource(_) => linker.resource(name, resource(name), |_, _| Ok(()))?,
            ComponentItem::ComponentFunc(function) => {
                let (constant, path) = (constant(&function), format!("{interface}#{name}"));
                linker.func_new(name, move |store, _, _, results| {
                    let Some(result) = results.first_mut() else { return Ok(()) };
                    *result = match &constant {
                        Constant::Value(value) => value.clone(),
                        Constant::Handle => {
                            let handle = Resource::<Nothing>::new_own(0);
                            Val::Resource(handle.try_into_resource_any(store)?)
                        }
                        Constant::Unreachable => {
                            let words =
                                format!("the agent called {path}, and there is nothing behind it");
                            return Err(Ended::from(plain(FailureKind::Trap, &words)).into());
                        }
                    };
                    Ok(())
                })?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// Resources of `wasi:io` that these interfaces use are ours; all others are nothing.
fn resource(name: &str) -> ResourceType {
    match name {
        "error" => ResourceType::host::<Never>(),
        "pollable" => ResourceType::host::<Pollable>(),
        "input-stream" => ResourceType::host::<Input>(),
        "output-stream" => ResourceType::host::<Output>(),
        _ => ResourceType::host::<Nothing>(),
    }
}

fn constant(function: &ComponentFunc) -> Constant {
    match function.results().next() {
        // Without result there is nothing to say; the value is never used.
        None => Constant::Value(Val::Bool(false)),
        Some(Type::List(_)) => Constant::Value(Val::List(Vec::new())),
        Some(Type::Option(_)) => Constant::Value(Val::Option(None)),
        Some(Type::Bool) => Constant::Value(Val::Bool(false)),
        Some(Type::Own(_)) => Constant::Handle,
        Some(Type::Result(result)) => refusal(result.err()),
        Some(_) => Constant::Unreachable,
    }
}

fn refusal(error: Option<Type>) -> Constant {
    let payload = match error {
        None => None,
        Some(Type::Enum(codes)) => {
            let Some(code) =
                REFUSALS.into_iter().find(|code| codes.names().any(|name| name == *code))
            else {
                return Constant::Unreachable;
            };
            Some(Box::new(Val::Enum(code.into())))
        }
        Some(_) => return Constant::Unreachable,
    };
    Constant::Value(Val::Result(Err(payload)))
}
