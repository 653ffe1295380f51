//! A fan-out in which each cell asks a counted model one question.

#![allow(dead_code, reason = "each of the tests uses a part")]

#[path = "../../../xtask/src/counter.rs"]
pub(crate) mod counter;

use std::path::Path;
use std::time::Duration;

use counter::Counter;

use crate::end_to_end::project::Project;
use crate::end_to_end::{Call, Desk, agent};

/// A note in the agent's form.
pub(crate) const SAYS: &str = r#"{"title": "A title", "body": "A body of one sentence."}"#;

/// What the counted model takes for one answer: `usage` in its answers.
pub(crate) const TOKENS: u64 = 50;

/// A project with `cells` cells, and the model outside of it.
pub(crate) struct Fan {
    pub(crate) counter: Counter,
    pub(crate) project: Project,
}

impl Fan {
    /// `grant` stands in the agent's model grant, `head` before everything in the pipeline.
    pub(crate) fn new(
        desk: &Desk,
        cells: usize,
        grant: &str,
        head: &str,
        pace: impl Fn(usize) -> Duration + Send + Sync + 'static,
    ) -> Self {
        let counter = Counter::start(Box::new(|_| SAYS.to_owned()), Box::new(pace)).unwrap();
        let operators = format!(
            "[agents.note]\ncomponent = {:?}\ngrants.model = {{ use = [\"writer\"], {grant} }}\n\n\
             [models.writer]\nroutes = [{{ provider = \"openai\", base = \"{}\", model = \"counted\" }}]\n",
            agent("note"),
            counter.base()
        );
        let topics: Vec<String> = (0..cells).map(|number| format!("\"topic {number}\"")).collect();
        let pipeline = format!(
            "{head}\n[axes]\ntopic = [{}]\n\n[step.note]\nagent = \"note\"\nover = [\"topic\"]\n\
             input = {{ topic = \"${{axis.topic}}\", points = [] }}\n\n[output]\nnotes = \"${{note}}\"\n",
            topics.join(", ")
        );
        let files = [("bailiwick.toml", operators.as_str()), ("pipelines/fan.toml", &pipeline)];
        Self { counter, project: Project::of(desk, &files) }
    }

    pub(crate) fn run(&self, desk: &Desk, data: &Path) -> Call {
        desk.bailiwick(["run", "fan", "--run-id", "fan"])
            .option("project", self.project.path())
            .option("data", data)
            .option("out", desk.out())
    }

    pub(crate) fn resume(&self, desk: &Desk, data: &Path) -> Call {
        desk.bailiwick(["resume", "fan"])
            .option("project", self.project.path())
            .option("data", data)
            .option("out", desk.out())
    }

    /// Each question that was asked, in order, by its key.
    pub(crate) fn keys(&self) -> Vec<String> {
        self.counter.asked().into_iter().map(|asked| asked.key).collect()
    }
}
