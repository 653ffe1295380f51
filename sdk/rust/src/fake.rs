//! A scripted host, so that an agent's function is tested natively by calling it; knows
//! the contract's bounds, and nothing of the real host.

mod colleagues;
mod knowledge;
mod model;
mod namespace;
mod powers;
mod run;
mod shelf;
mod web;

use std::cell::{RefCell, RefMut};
use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;

use serde_json::Value;

use crate::artifact::Artifact;
use crate::delegate::Fault;
use crate::failure::{HostError, Limit};
use crate::host::{Host, Task};
use crate::http;
use crate::knowledge::Passage;
use crate::log::Level;
use crate::model::{Picture, Request};

use colleagues::Colleagues;
use knowledge::Shelves;
use model::Models;
use namespace::Namespace;
use shelf::Shelf;
use web::Web;

pub use model::Reply;
pub use run::Function;

/// A host that answers by script. It denies what no script was given for, as the real one
/// denies what was not granted, and holds to the bounds of the contract.
///
/// ```
/// use bailiwick::{Failure, Host, fake::{Capability, Fake}};
///
/// fn slogan(product: String, host: &Host) -> Result<String, Failure> {
///     host.log().info("thinking");
///     Ok(host.model("writer").user(product).complete()?.text)
/// }
///
/// let fake = Fake::new().answer("writer", "Tea, now.");
/// assert_eq!(slogan("kettle".into(), &fake.host())?, "Tea, now.");
/// assert_eq!(fake.requests()[0].text(), "kettle");
/// assert_eq!(fake.lines()[0].message, "thinking");
///
/// let denied = Fake::new().deny(Capability::Model);
/// let failure = slogan("kettle".into(), &denied.host()).unwrap_err();
/// assert_eq!(failure, Failure::Refused { capability: "model".into() });
/// # Ok::<(), Failure>(())
/// ```
///
/// Clones share one script and one record.
#[derive(Clone, Default)]
pub struct Fake {
    state: Rc<RefCell<State>>,
}

/// A capability that a fake can take away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Capability {
    /// `host.model(…)`
    Model,
    /// `host.knowledge(…)`
    Knowledge,
    /// `host.artifacts()`
    Artifacts,
    /// `host.http()`
    Http,
    /// `host.kv()`
    Kv,
    /// `host.delegate()`
    Delegate,
}

/// A line of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// How much it matters.
    pub level: Level,
    /// At most 4 KiB of what was written.
    pub message: String,
}

#[derive(Default)]
struct State {
    task: Option<Task>,
    models: Models,
    shelves: Shelves,
    shelf: Shelf,
    web: Web,
    namespace: Namespace,
    colleagues: Colleagues,
    fates: BTreeMap<Capability, Fate>,
    lines: Vec<Line>,
    progress: Vec<(f32, String)>,
}

/// What becomes of a capability's calls once `calls` of them were let through.
struct Fate {
    calls: u32,
    then: HostError,
}

impl Fake {
    /// A host that grants nothing but the log.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The host to call the agent's function with.
    #[must_use]
    pub fn host(&self) -> Host {
        let task = self.state().task.clone().unwrap_or_else(|| Task {
            step: "test".into(),
            cell: "-".into(),
            round: 0,
        });
        Host::new(task, self.clone())
    }

    /// What [`Host::task`] says; without it step `test`, cell `-`, round 0.
    #[must_use]
    pub fn task(self, step: &str, cell: &str, round: u32) -> Self {
        self.state().task = Some(Task { step: step.into(), cell: cell.into(), round });
        self
    }

    /// The next answer of the model behind an alias. Answers are given in the order of the
    /// script; after the last the call is `Exhausted(Calls)`.
    #[must_use]
    pub fn answer(self, alias: &str, reply: impl Into<Reply>) -> Self {
        self.state().models.queue(alias, reply.into());
        self
    }

    /// All further answers of the model behind an alias, once its queue is empty.
    #[must_use]
    pub fn answer_with(
        self,
        alias: &str,
        script: impl FnMut(&Request) -> Result<Reply, HostError> + 'static,
    ) -> Self {
        self.state().models.script(alias, script);
        self
    }

    /// Makes an alias embed texts.
    #[must_use]
    pub fn embed_with(self, alias: &str, script: impl FnMut(&str) -> Vec<f32> + 'static) -> Self {
        self.state().models.embedder(alias, script);
        self
    }

    /// Makes an alias generate images: the script returns the bytes and the media type of one.
    #[must_use]
    pub fn draw_with(
        self,
        alias: &str,
        script: impl FnMut(&Picture) -> (Vec<u8>, &'static str) + 'static,
    ) -> Self {
        self.state().models.painter(alias, script);
        self
    }

    /// Grants a collection with these passages. A search finds those with at least one of
    /// its words, most words first.
    #[must_use]
    pub fn knowledge(
        self,
        collection: &str,
        passages: impl IntoIterator<Item = impl Into<Passage>>,
    ) -> Self {
        let passages = passages.into_iter().map(Into::into);
        self.state().shelves.add(collection, passages);
        self
    }

    /// Grants requests whose URL begins so, and answers each with this.
    #[must_use]
    pub fn web(self, beginning: &str, response: http::Response) -> Self {
        self.web_with(beginning, move |_| Ok(response.clone()))
    }

    /// Grants requests whose URL begins so, and lets a script answer them.
    #[must_use]
    pub fn web_with(
        self,
        beginning: &str,
        script: impl FnMut(&http::Request) -> Result<http::Response, HostError> + 'static,
    ) -> Self {
        self.state().web.add(beginning, script);
        self
    }

    /// The requests that reached a script of the web, in order.
    #[must_use]
    pub fn fetched(&self) -> Vec<http::Request> {
        self.state().web.requests.clone()
    }

    /// Mints a reference that the agent may read, as for a file that its input names.
    #[must_use]
    pub fn artifact<'n>(
        &self,
        bytes: impl Into<Vec<u8>>,
        media_type: &str,
        name: impl Into<Option<&'n str>>,
    ) -> Artifact {
        self.state().shelf.mint(bytes.into(), media_type, name.into())
    }

    /// Grants a namespace that holds these values.
    #[must_use]
    pub fn kv<'k>(self, values: impl IntoIterator<Item = (&'k str, Value)>) -> Self {
        let values = values.into_iter().map(|(key, value)| (key.to_owned(), value));
        self.state().namespace.0.get_or_insert_default().extend(values);
        self
    }

    /// What the namespace holds now.
    #[must_use]
    pub fn values(&self) -> BTreeMap<String, Value> {
        self.state().namespace.0.clone().unwrap_or_default()
    }

    /// Grants an agent, and lets a script do its work.
    #[must_use]
    pub fn agent_with(
        self,
        agent: &str,
        script: impl FnMut(&Value) -> Result<Value, Fault> + 'static,
    ) -> Self {
        self.state().colleagues.add(agent, script);
        self
    }

    /// The agents that were called, with their inputs, in order.
    #[must_use]
    pub fn called(&self) -> Vec<(String, Value)> {
        self.state().colleagues.called.clone()
    }

    /// Denies every call of a capability.
    #[must_use]
    pub fn deny(self, capability: Capability) -> Self {
        self.fate(capability, 0, denied(capability))
    }

    /// Lets some calls of a capability through, then answers that a limit is spent.
    #[must_use]
    pub fn exhaust(self, capability: Capability, after_calls: u32, limit: Limit) -> Self {
        self.fate(capability, after_calls, HostError::Exhausted(limit))
    }

    /// Lets some calls of a capability through, then answers that the provider is gone.
    #[must_use]
    pub fn unavailable(self, capability: Capability, after_calls: u32) -> Self {
        self.fate(capability, after_calls, HostError::Unavailable)
    }

    /// What was written to the log.
    #[must_use]
    pub fn lines(&self) -> Vec<Line> {
        self.state().lines.clone()
    }

    /// What was said of the progress: the fraction and the note.
    #[must_use]
    pub fn progress(&self) -> Vec<(f32, String)> {
        self.state().progress.clone()
    }

    /// The requests that reached a model, in order.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        self.state().models.requests.clone()
    }

    /// What the agent put, in order.
    #[must_use]
    pub fn kept(&self) -> Vec<Artifact> {
        self.state().shelf.kept.clone()
    }

    /// The bytes of any reference that this fake minted, also for the agent.
    #[must_use]
    pub fn bytes(&self, artifact: &Artifact) -> Option<Vec<u8>> {
        self.state().shelf.get(artifact).map(<[u8]>::to_vec)
    }

    fn fate(self, capability: Capability, calls: u32, then: HostError) -> Self {
        self.state().fates.insert(capability, Fate { calls, then });
        self
    }

    /// Never held while a script runs: a script may call the host again.
    fn state(&self) -> RefMut<'_, State> {
        self.state.borrow_mut()
    }
}

impl fmt::Debug for Fake {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Fake").finish_non_exhaustive()
    }
}

fn denied(capability: Capability) -> HostError {
    let name = match capability {
        Capability::Model => "model",
        Capability::Knowledge => "knowledge",
        Capability::Artifacts => "artifacts",
        Capability::Http => "http",
        Capability::Kv => "kv",
        Capability::Delegate => "delegate",
    };
    HostError::Denied { capability: name.into() }
}

/// Answers `Invalid` as the host would, with the field in front.
fn ensure(holds: bool, field: &str) -> Result<(), HostError> {
    if holds {
        Ok(())
    } else {
        Err(HostError::Invalid(format!("{field}: out of the contract's bounds")))
    }
}

/// A document as the contract bounds it, in bytes.
fn document(text: &str, most: usize, field: &str) -> Result<Value, HostError> {
    ensure(text.len() <= most, field)?;
    serde_json::from_str(text).map_err(|error| HostError::Invalid(error.to_string()))
}
