//! WASI 0.2, linked interface by interface and inert: no files, no sockets, no environment; requests to the web through the gate; clock and randomness derived. What it holds for one attempt, and the types of its bindings.

mod absent;
mod cli;
mod clocks;
mod http;
mod io;
mod random;
mod resources;
mod words;

use std::time::Duration;

use bailiwick_core::Timestamp;
use rand_chacha::ChaCha20Rng;
use wasmtime::component::{HasSelf, Linker, ResourceTable};

use self::words::Words;
use crate::limits::HANDLES_MAX;
use crate::room::{Place, Room};
use crate::state::{Identity, State};
use crate::tree;

pub(crate) use absent::link as link_absent;

#[allow(missing_docs, unreachable_pub, reason = "generated from wit/, where the words are")]
mod generated {
    wasmtime::component::bindgen!({
        path: ["wit/deps/io.wit", "wit/deps/clocks.wit", "wit/deps/random.wit", "wit/deps/cli.wit", "wit/deps/http.wit", "wit/world.wit"],
        world: "bailiwick:wasi/inert",
        imports: {
            "wasi:io/poll.poll": async | trappable,
            "wasi:io/poll.[method]pollable.block": async | trappable,
            "wasi:io/streams.[method]output-stream.write": async | trappable,
            "wasi:io/streams.[method]output-stream.blocking-write-and-flush": async | trappable,
            "wasi:http/types.[method]future-incoming-response.get": async | trappable,
            default: trappable,
        },
        with: {
            "wasi:io/error.error": super::resources::Never,
            "wasi:io/poll.pollable": super::resources::Pollable,
            "wasi:io/streams.input-stream": super::resources::Input,
            "wasi:io/streams.output-stream": super::resources::Output,
            "wasi:http/types.fields": super::http::Fields,
            "wasi:http/types.incoming-request": super::resources::Never,
            "wasi:http/types.outgoing-request": super::http::OutgoingRequest,
            "wasi:http/types.request-options": super::http::RequestOptions,
            "wasi:http/types.response-outparam": super::resources::Never,
            "wasi:http/types.incoming-response": super::http::IncomingResponse,
            "wasi:http/types.incoming-body": super::http::IncomingBody,
            "wasi:http/types.future-trailers": super::http::FutureTrailers,
            "wasi:http/types.outgoing-response": super::resources::Never,
            "wasi:http/types.outgoing-body": super::http::OutgoingBody,
            "wasi:http/types.future-incoming-response": super::http::FutureResponse,
            "wasi:cli/terminal-input.terminal-input": super::resources::TerminalInput,
            "wasi:cli/terminal-output.terminal-output": super::resources::TerminalOutput,
        },
        require_store_data_send: true,
    });
}

use generated::wasi as wit;

/// The interfaces that a component may import, without version. All are inert but
/// `http/outgoing-handler`, which leads to the gate and needs its grant.
const INTERFACES: [&str; 29] = [
    "cli/environment",
    "cli/exit",
    "cli/stdin",
    "cli/stdout",
    "cli/stderr",
    "cli/terminal-input",
    "cli/terminal-output",
    "cli/terminal-stdin",
    "cli/terminal-stdout",
    "cli/terminal-stderr",
    "clocks/monotonic-clock",
    "clocks/wall-clock",
    "filesystem/preopens",
    "filesystem/types",
    "http/outgoing-handler",
    "http/types",
    "io/error",
    "io/poll",
    "io/streams",
    "random/insecure",
    "random/insecure-seed",
    "random/random",
    "sockets/instance-network",
    "sockets/ip-name-lookup",
    "sockets/network",
    "sockets/tcp",
    "sockets/tcp-create-socket",
    "sockets/udp",
    "sockets/udp-create-socket",
];

/// Whether an import is answered: `wasi:NAMESPACE/INTERFACE@0.2.x`.
pub(crate) fn offers(import: &str) -> bool {
    let parts = import.strip_prefix("wasi:").and_then(|rest| rest.split_once('@'));
    parts.is_some_and(|(interface, version)| {
        version.starts_with("0.2.") && INTERFACES.contains(&interface)
    })
}

/// Whether an import is a power, and needs the grant of `http`.
pub(crate) fn is_power(import: &str) -> bool {
    import.starts_with("wasi:http/outgoing-handler@")
}

/// Links what is answered with types of our own.
pub(crate) fn link(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    type Own = HasSelf<State>;
    wit::io::error::add_to_linker::<_, Own>(linker, |state| state)?;
    wit::io::poll::add_to_linker::<_, Own>(linker, |state| state)?;
    wit::io::streams::add_to_linker::<_, Own>(linker, |state| state)?;
    wit::cli::environment::add_to_linker::<_, Own>(linker, |state| state)?;
    wit::cli::exit::add_to_linker::<_, Own>(linker, |state| state)?;
    wit::cli::stdin::add_to_linker::<_, Own>(linker, |state| state)?;
    wit::cli::stdout::add_to_linker::<_, Own>(linker, |state| state)?;
    wit::cli::stderr::add_to_linker::<_, Own>(linker, |state| state)?;
    wit::cli::terminal_input::add_to_linker::<_, Own>(linker, |state| state)?;
    wit::cli::terminal_output::add_to_linker::<_, Own>(linker, |state| state)?;
    wit::cli::terminal_stdin::add_to_linker::<_, Own>(linker, |state| state)?;
    wit::cli::terminal_stdout::add_to_linker::<_, Own>(linker, |state| state)?;
    wit::cli::terminal_stderr::add_to_linker::<_, Own>(linker, |state| state)?;
    wit::clocks::monotonic_clock::add_to_linker::<_, Own>(linker, |state| state)?;
    wit::clocks::wall_clock::add_to_linker::<_, Own>(linker, |state| state)?;
    wit::random::random::add_to_linker::<_, Own>(linker, |state| state)?;
    wit::random::insecure::add_to_linker::<_, Own>(linker, |state| state)?;
    wit::random::insecure_seed::add_to_linker::<_, Own>(linker, |state| state)?;
    wit::http::types::add_to_linker::<_, Own>(linker, |state| state)?;
    wit::http::outgoing_handler::add_to_linker::<_, Own>(linker, |state| state)
}

/// The WASI of one attempt. Nothing in it is allocated before a guest uses it.
pub(crate) struct Wasi {
    table: ResourceTable,
    /// What is kept behind handles counts with the attempt's memory.
    room: Room,
    words: Words,
    identity: Option<Identity>,
    random: Option<Box<ChaCha20Rng>>,
    started: Timestamp,
    /// What the clock shows, counted from `started`.
    elapsed: Duration,
}

impl State {
    /// Room for what a text of the guest's takes while the host has it as a document.
    pub(crate) fn room_to_read<'t>(
        &self,
        texts: impl IntoIterator<Item = &'t str>,
    ) -> wasmtime::Result<Place> {
        let sizes = texts.into_iter().map(|text| tree::size(text).0);
        let sum = sizes.fold(0, u64::saturating_add);
        self.wasi.room.place_of(usize::try_from(sum).unwrap_or(usize::MAX))
    }
}

impl Wasi {
    pub(crate) fn new(started: Timestamp, identity: Option<Identity>, room: Room) -> Self {
        let mut table = ResourceTable::new();
        table.set_max_capacity(HANDLES_MAX);
        let (words, random, elapsed) = (Words::default(), None, Duration::ZERO);
        Self { table, room, words, identity, random, started, elapsed }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offers_any_patch_of_0_2_and_nothing_else() {
        for import in [
            "wasi:io/poll@0.2.0",
            "wasi:io/poll@0.2.9",
            "wasi:sockets/tcp@0.2.12",
            "wasi:http/types@0.2.4",
        ] {
            assert!(offers(import), "{import}");
        }
        for import in [
            "wasi:http/incoming-handler@0.2.3",
            "wasi:http/outgoing-handler@0.3.0",
            "wasi:io/poll@0.3.0",
            "wasi:io/poll",
            "wasi:keyvalue/store@0.2.0",
            "wasi:cli/run@0.2.0",
        ] {
            assert!(!offers(import), "{import}");
        }
    }
}
