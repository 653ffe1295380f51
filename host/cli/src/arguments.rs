//! The command line: every subcommand with one line, and the options that several share.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use bailiwick_core::contract::SERVED;
use clap::{Args, Parser, Subcommand};

use crate::commands::{
    add, approvals, approve, audit, backup, build, cancel, check, completions, conform, dev,
    doctor, edit, explain, export, fork, gc, import, init, inspect, keygen, logs, new, outdated,
    pack, pause, push, reject, remove, replay, resume, revoke, run, runs, schema, serve, show,
    submit, suggest_grants, swap, test, update,
};

/// Runs AI agents that nobody has to trust.
#[derive(Parser)]
#[command(
    name = "bailiwick",
    version,
    long_version = long_version(),
    arg_required_else_help = true,
    disable_help_subcommand = true
)]
#[command(after_help = "\
Exit codes: 0 done, 1 failed, 2 input wrong, 3 waiting for people, 4 paused, 5 replay different, 6 replay diverged, 130 interrupted.
Results are on standard output, everything else on standard error.")]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What `--version` prints: the program's own version, and those of the contract that it serves.
fn long_version() -> &'static str {
    static TEXT: LazyLock<String> =
        LazyLock::new(|| format!("{}\ncontract {SERVED}", env!("CARGO_PKG_VERSION")));
    &TEXT
}

/// What to do.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Makes a project that runs.
    Init(init::Arguments),
    /// Makes an agent that builds, in Rust, Python or TypeScript.
    New(new::Arguments),
    /// Builds agents: their folders get dist/NAME.wasm. The only command that starts a compiler.
    Build(build::Arguments),
    /// Finds everything that is wrong with a project, and shows what each agent may do.
    Check(check::Arguments),
    /// Makes a key to sign components with.
    Keygen(keygen::Arguments),
    /// Signs a built component, to be shipped: NAME.wasm.minisig beside it.
    Pack(pack::Arguments),
    /// Takes a component into a project, without any power.
    Add(add::Arguments),
    /// Takes what the sources of agents have now.
    Update(update::Arguments),
    /// Takes an agent out of a project.
    Remove(remove::Arguments),
    /// Shows what sources have now, beside what was taken of them.
    Outdated(outdated::Arguments),
    /// Prints a JSON Schema of one of the files, for editors.
    Schema(schema::Arguments),
    /// Shows what a component says of itself, without running it.
    Inspect(inspect::Arguments),
    /// Runs an agent's cases, and shows where what came of them is not as expected.
    Test(test::Arguments),
    /// Tries components as any host would run them, and says what they do not keep of the contract.
    Conform(conform::Arguments),
    /// Builds, runs and compares an agent again whenever its sources change.
    Dev(dev::Arguments),
    /// Puts a component, with its signature, into a registry.
    Push(push::Arguments),
    /// Runs a pipeline.
    Run(run::Arguments),
    /// Drives the runs of projects, and takes more from other processes, until it is told to drain.
    Serve(serve::Arguments),
    /// Gives a run to the host that serves the data folder.
    Submit(submit::Arguments),
    /// Goes on with a run that was left: interrupted, paused, killed, waiting, failed.
    Resume(resume::Arguments),
    /// Makes a new run of an older one that repeats nothing above a step.
    Fork(fork::Arguments),
    /// Writes a run into one file that proves itself.
    Export(export::Arguments),
    /// Makes a data folder of such a file, to be read: show, logs, replay, audit.
    Import(import::Arguments),
    /// Does again what a run did, on its record alone, and compares.
    Replay(replay::Arguments),
    /// Lets a run of a host rest until it is resumed.
    Pause(pause::Arguments),
    /// Ends a run for good.
    Cancel(cancel::Arguments),
    /// Takes a power away from an agent, at once and until it is given back.
    Revoke(revoke::Arguments),
    /// A lint: compares what agents used in recorded runs with their grants, and proposes smaller ones.
    SuggestGrants(suggest_grants::Arguments),
    /// Points an agent name at another component while runs go, and back.
    Swap(swap::Arguments),
    /// Lists the runs of a data folder, newest first.
    Runs(runs::Arguments),
    /// Shows what happened in a run: steps, cells, reasons, verdicts, cost.
    Show(show::Arguments),
    /// Prints what agents wrote to their logs.
    Logs(logs::Arguments),
    /// Lists the questions that wait for people.
    Approvals(approvals::Arguments),
    /// Lets candidates go on.
    Approve(approve::Arguments),
    /// Sends candidates back with a reason.
    Reject(reject::Arguments),
    /// Puts another value in the place of a candidate.
    Edit(edit::Arguments),
    /// Checks what was written, signs its head, exports it, says why something was decided.
    Audit(audit::Arguments),
    /// Deletes what [retention] of a project lets go, and what nobody names any more.
    Gc(gc::Arguments),
    /// Copies a data folder while a host may be running, and verifies the copy.
    Backup(backup::Arguments),
    /// Explains a code such as E031.
    Explain(explain::Arguments),
    /// Finds out whether this machine can run and build agents.
    Doctor(doctor::Arguments),
    /// Prints completions for a shell.
    Completions(completions::Arguments),
}

/// Which project, under which policy.
#[derive(Args, Clone, Debug)]
pub(crate) struct ProjectPlace {
    /// The project's folder [default: the one around the current folder]
    #[arg(long, value_name = "DIR")]
    pub(crate) project: Option<PathBuf>,
    /// The admin's file, where there is no /etc/bailiwick/policy.toml
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,
}

/// Which data folder.
#[derive(Args, Clone, Debug)]
pub(crate) struct DataPlace {
    /// The project whose data folder is meant [default: the one around the current folder]
    #[arg(long, value_name = "DIR")]
    pub(crate) project: Option<PathBuf>,
    /// The data folder [default: PROJECT/.bailiwick]
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
}

/// Which data folder, and under which policy somebody looks at it.
#[derive(Args, Clone, Debug)]
pub(crate) struct ViewPlace {
    #[command(flatten)]
    pub(crate) data: DataPlace,
    /// The admin's file, where there is no /etc/bailiwick/policy.toml
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,
}

impl DataPlace {
    /// The words that name the data folder to another command.
    pub(crate) fn words(&self) -> String {
        let quoted = |path: &Path| crate::summary::quoted(&path.display().to_string());
        match (&self.data, &self.project) {
            (Some(data), _) => format!(" --data {}", quoted(data)),
            (None, Some(project)) => format!(" --project {}", quoted(project)),
            (None, None) => String::new(),
        }
    }
}
