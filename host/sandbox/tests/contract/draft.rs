//! The binding of `v0.2` in this folder, a draft that only adds to 0.1: what a next version takes. For tests alone, by the feature `draft`; decides nothing.

use bailiwick_core::contract::{Release, Served, V0_1};
use bailiwick_core::fact::{Failure, FailureKind};
use bailiwick_core::ports::BoxFuture;
use wasmtime::Store;
use wasmtime::component::{HasSelf, InstancePre, Linker};

use self::generated::FullPre;
use self::generated::bailiwick::agent::artifacts;
use self::generated::exports::bailiwick::agent::agent;
use super::v0_1::wit::artifacts::Host as Earlier;
use super::v0_1::wit::types;
use super::v0_1::{cannot_do_without, link_as};
use super::{About, Agent, Contract, Task};
use crate::ended::plain;
use crate::state::State;

/// What `put-text` keeps.
const TEXT: &str = "text/plain";

/// This version.
pub(crate) struct Draft;

const RELEASE: Release = Release { version: "0.2.0", since: "0.2", ..V0_1 };

/// What a host serves that serves the draft too.
pub(crate) const SERVED: Served = Served::of(&[V0_1, RELEASE]);

/// The interfaces that are those of 0.1 word by word, and are bound there.
const UNCHANGED: [&str; 7] = ["types", "log", "model", "knowledge", "http", "kv", "delegate"];

#[allow(missing_docs, unreachable_pub, reason = "generated from v0.2, where the words are")]
mod generated {
    wasmtime::component::bindgen!({
        path: "tests/contract/v0.2",
        world: "full",
        with: {
            "bailiwick:agent/types": crate::bind::v0_1::wit::types,
            "bailiwick:agent/log": crate::bind::v0_1::wit::log,
            "bailiwick:agent/model": crate::bind::v0_1::wit::model,
            "bailiwick:agent/knowledge": crate::bind::v0_1::wit::knowledge,
            "bailiwick:agent/http": crate::bind::v0_1::wit::http,
            "bailiwick:agent/kv": crate::bind::v0_1::wit::kv,
            "bailiwick:agent/delegate": crate::bind::v0_1::wit::delegate,
        },
        imports: { default: async | trappable },
        exports: { default: async },
        ownership: Borrowing { duplicate_if_necessary: true },
    });
}

impl Contract for Draft {
    fn release(&self) -> &'static Release {
        &RELEASE
    }

    fn link(&self, linker: &mut Linker<State>) -> wasmtime::Result<()> {
        link_as(linker, &RELEASE, &UNCHANGED)?;
        artifacts::add_to_linker::<_, HasSelf<State>>(linker, |state| state)
    }

    fn agent(&self, linked: InstancePre<State>) -> wasmtime::Result<Box<dyn Agent>> {
        Ok(Box::new(Linked(FullPre::new(linked)?)))
    }
}

type Told<T> = wasmtime::Result<Result<T, types::Error>>;

impl artifacts::Host for State {
    async fn put(
        &mut self,
        bytes: Vec<u8>,
        media_type: String,
        name: Option<String>,
    ) -> Told<types::Artifact> {
        Earlier::put(self, bytes, media_type, name).await
    }

    async fn get(&mut self, artifact: types::Artifact) -> Told<Vec<u8>> {
        Earlier::get(self, artifact).await
    }

    async fn put_text(&mut self, text: String, name: Option<String>) -> Told<types::Artifact> {
        Earlier::put(self, text.into_bytes(), TEXT.into(), name).await
    }
}

/// A linked component of this version.
struct Linked(FullPre<State>);

impl Agent for Linked {
    fn profile(&self, mut store: Store<State>) -> BoxFuture<'_, wasmtime::Result<About>> {
        Box::pin(async move {
            let agent = self.0.instantiate_async(&mut store).await?;
            let said = agent.bailiwick_agent_agent().call_profile(&mut store).await?;
            let agent::About { name, version, summary, input_schema, output_schema } = said;
            Ok(About { name, version, summary, input_schema, output_schema })
        })
    }

    fn perform<'a>(
        &'a self,
        store: &'a mut Store<State>,
        task: Task<'a>,
    ) -> BoxFuture<'a, wasmtime::Result<Result<String, Failure>>> {
        let Task { step, cell, round, input } = task;
        Box::pin(async move {
            let agent = self.0.instantiate_async(&mut *store).await?;
            let task = agent::Task { step, cell, round, input };
            let said = agent.bailiwick_agent_agent().call_perform(store, task).await?;
            Ok(said.map_err(|said| match said {
                agent::Failure::InvalidInput(words) => plain(FailureKind::InvalidInput, &words),
                agent::Failure::Retryable(words) => plain(FailureKind::Retryable, &words),
                agent::Failure::Fatal(words) => plain(FailureKind::Fatal, &words),
                agent::Failure::Refused(denial) => cannot_do_without(&denial),
            }))
        })
    }
}
