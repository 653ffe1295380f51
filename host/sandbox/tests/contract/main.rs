//! The runner of the sandbox under the suite of `bailiwick_policy::contract`; and runners with one fault each, which must not pass it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod deeds;
mod faulty;
#[path = "../support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bailiwick_core::Digest;
use bailiwick_core::ports::{BoxFuture, Durable};
use bailiwick_gate::ledger::Ledger;
use bailiwick_gate::model::{
    CompleteRequest, Completion, EmbedRequest, Embedding, Finish, ImageRequest, Images, ModelUsage,
    Part,
};
use bailiwick_gate::{Gateway, ModelProvider, ProviderCall, ProviderError};
use bailiwick_policy::Route;
use bailiwick_policy::contract::{Deed, Model, Workshop};
use bailiwick_policy::ports::StepRunner;
use bailiwick_sandbox::{Runner, Sandbox};
use support::{Memory, Nobody, Now, name, nobody, sandbox};
use tokio::runtime::{Builder, Runtime};

bailiwick_policy::step_runner_contract!(Shop::new);

/// The real runner, over fakes of what is outside.
struct Shop {
    runtime: Runtime,
    sandbox: Arc<Sandbox>,
    runner: Arc<Runner>,
    _folder: tempfile::TempDir,
}

impl Shop {
    fn new(model: Arc<Model>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let sandbox = Arc::new(sandbox(&folder.path().join("code")));
        let gateway = Gateway {
            models: BTreeMap::from([(name("writer"), vec![Route::builtin()])]),
            embedders: BTreeMap::new(),
            provider: Arc::new(Handed(model)),
            knowledge: Arc::new(Nobody),
            http: Arc::new(bailiwick_gate::Unconnected),
            namespaces: Arc::new(bailiwick_gate::kv::NoNamespaces),
            agents: Arc::new(bailiwick_policy::ports::NoSlots),
            blobs: Arc::new(Memory::default()),
            clock: Arc::new(Now),
            rules: Arc::new(bailiwick_policy::Unchanging(
                bailiwick_policy::Clearances::unlabelled(),
            )),
            lowered: std::collections::BTreeSet::new(),
            host_key: [7; 32],
            ledger: Ledger::default(),
        };
        Self {
            runtime: Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap(),
            runner: Arc::new(Runner::new(Arc::clone(&sandbox), Arc::new(gateway))),
            sandbox,
            _folder: folder,
        }
    }
}

impl Workshop for Shop {
    fn runner(&self) -> &dyn StepRunner {
        &*self.runner
    }

    fn component(&self, deed: Deed) -> BoxFuture<'_, Digest> {
        Box::pin(async move { self.sandbox.prepare(&deeds::component(deed)).await.unwrap().digest })
    }

    fn held(&self) -> BoxFuture<'_, usize> {
        Box::pin(std::future::ready(self.sandbox.held()))
    }

    fn drive(&self, trial: BoxFuture<'_, ()>) {
        self.runtime.block_on(trial);
    }
}

/// Hands every request on to the model of the suite.
struct Handed(Arc<Model>);

impl ModelProvider for Handed {
    fn complete<'a>(
        &'a self,
        _: &'a Durable,
        call: ProviderCall<'a, CompleteRequest>,
    ) -> BoxFuture<'a, Result<Completion, ProviderError>> {
        let [message] = &call.request.messages[..] else { panic!("{:?}", call.request) };
        let [Part::Text(prompt)] = &message.parts[..] else { panic!("{:?}", call.request) };
        Box::pin(async move {
            let said = self.0.ask(*call.idempotency_key, prompt).await;
            let text = said.map_err(|_| ProviderError::Unavailable {
                detail: "nobody answers".into(),
                // Beyond what anybody waits: the call is not tried again by itself.
                retry_after: Some(Duration::from_secs(86_400)),
                left: true,
            })?;
            Ok(Completion {
                text,
                tool_calls: Vec::new(),
                finish: Finish::Stop,
                usage: ModelUsage { input_tokens: 7, output_tokens: 3 },
                model: "the suite's".into(),
                streamed: true,
            })
        })
    }

    fn embed<'a>(
        &'a self,
        _: &'a Durable,
        _: ProviderCall<'a, EmbedRequest>,
    ) -> BoxFuture<'a, Result<Embedding, ProviderError>> {
        nobody()
    }

    fn generate_image<'a>(
        &'a self,
        _: &'a Durable,
        _: ProviderCall<'a, ImageRequest>,
    ) -> BoxFuture<'a, Result<Images, ProviderError>> {
        nobody()
    }
}
