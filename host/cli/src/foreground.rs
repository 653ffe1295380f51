//! A run in the foreground, whether it was just started or goes on: drawn, answered, stopped, and what is said at its end. Knows no operation.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use bailiwick_core::run::RunStatus;
use bailiwick_engine::desk::Prompter;
use bailiwick_engine::run::{Finished, GRACE, Running};
use tokio::signal::unix::{SignalKind, signal};

use crate::ending::{Broken, Ending};
use crate::environment::Environment;
use crate::live::watcher::{View, Watcher};
use crate::prompt::Prompt;
use crate::summary::{self, GoOn};
use crate::talk::Talk;
use crate::{stdout, words};

/// How often the tree is drawn: often enough to be alive, seldom enough to be calm.
pub(crate) const DRAW_EVERY: Duration = Duration::from_millis(125);

/// What of the command line the end of a run depends on.
#[derive(Clone, Debug)]
pub(crate) struct Wishes {
    /// Where it is delivered, if anywhere.
    pub(crate) out: Option<PathBuf>,
    /// Whether events are printed.
    pub(crate) json: bool,
    /// The answers that were given ahead of time.
    pub(crate) decisions: Option<PathBuf>,
    /// The words that name project, policy and data folder to the next command.
    pub(crate) place: String,
}

/// Who looks on at the terminal.
pub(crate) struct Screen {
    pub(crate) watcher: Arc<Watcher>,
    pub(crate) prompter: Option<Arc<dyn Prompter>>,
}

impl Screen {
    /// Somebody who only looks.
    pub(crate) fn watcher(json: bool, environment: &Environment, talk: &Talk) -> Arc<Watcher> {
        let view = match json {
            true => View::Events,
            false if talk.is_live() => View::Tree,
            false => View::Lines,
        };
        Arc::new(Watcher::new(talk.clone(), view, environment.colours))
    }

    pub(crate) fn open(json: bool, environment: &Environment, talk: &Talk) -> Self {
        let watcher = Self::watcher(json, environment, talk);
        let attended = environment.terminals.stdin && environment.terminals.stderr;
        let prompter = attended.then(|| {
            let editor = environment.editor.clone();
            Arc::new(Prompt::open(talk.clone(), Arc::clone(&watcher), editor)) as Arc<dyn Prompter>
        });
        Self { watcher, prompter }
    }
}

/// Follows a run to its end, and says what came of it.
pub(crate) async fn follow(
    running: Running,
    watcher: &Watcher,
    wishes: &Wishes,
    talk: &Talk,
) -> anyhow::Result<Ending> {
    let finished = drive(running, watcher, talk).await?;
    talk.clear();
    let state = &finished.state;
    talk.say(&summary::summary(state, &watcher.denials(), watcher.elapsed(), &wishes.place));
    let go_on = GoOn {
        place: &wishes.place,
        out: wishes.out.as_deref(),
        decisions: wishes.decisions.as_deref(),
        json: wishes.json,
    };
    if let Some(hint) = summary::how_to_go_on(state, &go_on) {
        talk.say(&hint);
    }
    result(wishes.out.as_deref(), wishes.json, &finished, talk).await?;
    Ok(Ending::of(state.status()))
}

/// Waits for the end, draws meanwhile, and hands signals on.
async fn drive(running: Running, watcher: &Watcher, talk: &Talk) -> anyhow::Result<Finished> {
    let Running { handle, mut finished, .. } = running;
    let mut interrupts = signal(SignalKind::interrupt()).context("signals cannot be heard")?;
    let mut terminations = signal(SignalKind::terminate()).context("signals cannot be heard")?;
    let mut ticks = tokio::time::interval(DRAW_EVERY);
    let mut stops = 0;
    loop {
        tokio::select! {
            ended = &mut finished => return Ok(ended.map_err(Broken)?),
            Some(()) = interrupts.recv() => stops += 1,
            Some(()) = terminations.recv() => stops += 1,
            _ = ticks.tick() => {
                watcher.draw();
                continue;
            }
        }
        talk.say(&match stops {
            1 => format!(
                "stopping: nothing new starts, what runs has {} s to end; once more ends it at once",
                GRACE.as_secs()
            ),
            _ => "stopping at once".into(),
        });
        handle.stop().await;
    }
}

/// What came out: into the folder that was named, else on standard output. A run that
/// can go on has no result yet.
pub(crate) async fn result(
    out: Option<&Path>,
    json: bool,
    finished: &Finished,
    talk: &Talk,
) -> anyhow::Result<()> {
    let state = &finished.state;
    if let Some(out) = out {
        if !matches!(state.status(), RunStatus::Done | RunStatus::Failed) {
            return Ok(());
        }
        let written = finished.deliver(out).await.map_err(Broken)?;
        talk.say(&format!(
            "wrote {}, {} to {}",
            words::many(written.files, "file"),
            written.bytes,
            out.display()
        ));
        if !json {
            stdout::write(&format!("{}\n", written.index.display()))?;
        }
    } else if !json && let Some(output) = &state.output {
        stdout::write(&format!("{}\n", stdout::pretty(&output.value())))?;
    }
    Ok(())
}
