//! A run of a host in another process, followed from here: drawn, told at its end, delivered at this side. Knows no operation of the host.

use std::path::PathBuf;

use anyhow::Context as _;
use bailiwick_core::RunId;
use bailiwick_core::run::RunStatus;
use bailiwick_engine::Observer as _;
use bailiwick_engine::serve::Away;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Mutex;

use crate::control::client::{Client, HostBlobs};
use crate::ending::{Broken, Ending};
use crate::environment::Environment;
use crate::foreground::{DRAW_EVERY, Screen};
use crate::talk::Talk;
use crate::{stdout, summary, words};

/// What is wanted of a run that is followed.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    /// Where it is delivered, if anywhere.
    pub(crate) out: Option<PathBuf>,
    /// Whether events are printed.
    pub(crate) json: bool,
    /// The words that name the data folder to other commands.
    pub(crate) place: String,
}

/// Follows a run until it ends or rests, and says what came of it. Who interrupts this
/// leaves the run alone.
pub(crate) async fn follow(
    mut client: Client,
    run: &RunId,
    wanted: &Wanted,
    environment: &Environment,
    talk: &Talk,
) -> anyhow::Result<Ending> {
    let watcher = Screen::watcher(wanted.json, environment, talk);
    let mut away = Away::new(run.clone()).await?;
    let mut interrupts = signal(SignalKind::interrupt()).context("signals cannot be heard")?;
    let mut ticks = tokio::time::interval(DRAW_EVERY);
    client.follow(run, true).await?;
    {
        let entries = async {
            while let Some(entry) = client.entry().await? {
                let durable = away.told(entry.clone()).await?;
                watcher.entry(&durable, &entry);
            }
            anyhow::Ok(())
        };
        tokio::pin!(entries);
        loop {
            tokio::select! {
                told = &mut entries => break told?,
                Some(()) = interrupts.recv() => {
                    talk.clear();
                    talk.say(&format!("the run goes on: bailiwick show {run}{}", wanted.place));
                    return Ok(Ending::Interrupted);
                }
                _ = ticks.tick() => watcher.draw(),
            }
        }
    }
    talk.clear();
    let Some(state) = away.state() else { return Ok(Ending::Failed) };
    talk.say(&summary::summary(state, &watcher.denials(), watcher.elapsed(), &wanted.place));
    if let Some(pause) = &state.pause {
        talk.say(&format!("  it rests {}", words::rests(pause.reason)));
    }
    let status = state.status();
    if let Some(out) = &wanted.out {
        if matches!(status, RunStatus::Done | RunStatus::Failed) {
            let outline = client.outline(run).await?;
            let blobs = HostBlobs { client: Mutex::new(client), run: run.clone() };
            let written = away.deliver(out, &outline, &blobs).await.map_err(Broken)?;
            talk.say(&format!(
                "wrote {}, {} to {}",
                words::many(written.files, "file"),
                written.bytes,
                out.display()
            ));
            if !wanted.json {
                stdout::write(&format!("{}\n", written.index.display()))?;
            }
        }
    } else if !wanted.json
        && let Some(output) = &state.output
    {
        stdout::write(&format!("{}\n", stdout::pretty(&output.value())))?;
    }
    Ok(Ending::of(status))
}
