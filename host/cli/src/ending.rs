//! How a command ends: what is told, and the exit code that scripts rely on. The only file that knows the codes.

use std::io::{self, ErrorKind, Write as _};
use std::process::ExitCode;

use bailiwick_core::run::RunStatus;
use bailiwick_engine::Problems;

use crate::talk::Talk;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// It did what was asked.
    Done,
    /// It tried, and could not.
    Failed,
    /// What it was given is wrong; nothing was begun.
    WrongInput,
    /// The run waits for people.
    Waiting,
    /// The run rests until somebody acts: a budget, the disk, an operator.
    Paused,
    /// A replay came to something else.
    Different,
    /// A replay asked something else.
    Diverged,
    /// Somebody stopped it.
    Interrupted,
}

impl Ending {
    /// The exit code.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::WrongInput => 2,
            Self::Waiting => 3,
            Self::Paused => 4,
            Self::Different => 5,
            Self::Diverged => 6,
            Self::Interrupted => 130,
        }
    }

    /// The ending of a command whose run stands so.
    pub(crate) fn of(status: RunStatus) -> Self {
        match status {
            RunStatus::Done => Self::Done,
            RunStatus::Waiting => Self::Waiting,
            RunStatus::Interrupted => Self::Interrupted,
            RunStatus::Paused => Self::Paused,
            RunStatus::Failed | RunStatus::Cancelled | RunStatus::Running => Self::Failed,
        }
    }
}

impl From<Ending> for ExitCode {
    fn from(ending: Ending) -> Self {
        ending.code().into()
    }
}

/// Something failed after the work had begun: no fault of what was typed.
#[derive(Debug)]
pub(crate) struct Broken(pub(crate) Problems);

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Broken {}

/// Tells what went wrong, and says how that ends.
pub(crate) fn report(ended: anyhow::Result<Ending>, talk: &Talk) -> Ending {
    let error = match ended {
        Ok(ending) => return ending,
        Err(error) => error,
    };
    // Who closed the pipe (`| head`) has what he wanted.
    if error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
    {
        return Ending::Done;
    }
    if let Some(problems) = error.downcast_ref::<Problems>() {
        talk.problems(problems);
        return Ending::WrongInput;
    }
    if let Some(Broken(problems)) = error.downcast_ref() {
        talk.problems(problems);
        return Ending::Failed;
    }
    talk.say(&format!("error: {error:#}"));
    Ending::Failed
}

/// The end of a command that could not even begin to talk.
pub(crate) fn refuse(error: &anyhow::Error) -> ExitCode {
    // Nobody is left to tell that standard error is closed.
    let _ = writeln!(io::stderr(), "error: {error:#}");
    Ending::WrongInput.into()
}
