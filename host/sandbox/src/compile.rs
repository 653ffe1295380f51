//! Compilation off the request path: starts the child, feeds it, takes its answer. Knows no cache.

use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};

use crate::child::{COMPILED, REJECTED, Rejected};
use crate::limits::{ARTIFACT_MAX, COMPILE_MEMORY_MAX, COMPILE_TIME_MAX, COMPONENT_MAX};

/// Which program compiles: this binary, with its hidden subcommand.
#[derive(Debug, Clone)]
pub struct Compiler {
    /// The program; `/proc/self/exe` survives an upgrade of the file.
    pub executable: PathBuf,
    /// Its arguments: the name of the subcommand that calls
    /// [`compile_child_main`](crate::compile_child_main).
    pub arguments: Vec<String>,
}

/// Why there is no machine code.
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    /// The component is at fault.
    #[error(transparent)]
    Rejected(#[from] Rejected),
    /// It took too long.
    #[error("the component took longer than {} min to compile", COMPILE_TIME_MAX.as_secs() / 60)]
    TooSlow,
    /// It took too much memory.
    #[error("compiling the component took more than {COMPILE_MEMORY_MAX} of memory")]
    TooLarge,
    /// The child could not be started or spoken to.
    #[error("the compiling process {program} cannot be used: {reason}")]
    Child {
        /// What was started.
        program: String,
        /// What went wrong.
        reason: String,
    },
}

impl Compiler {
    /// Compiles one component. Dropping the future ends the child.
    pub(crate) async fn compile(&self, component: &[u8]) -> Result<Vec<u8>, CompileError> {
        if component.len() as u64 > COMPONENT_MAX.0 {
            return Err(Rejected::TooLarge.into());
        }
        let mut child = self.start()?;
        let spoken = tokio::time::timeout(COMPILE_TIME_MAX, speak(&mut child, component)).await;
        let Ok(spoken) = spoken else {
            // `kill_on_drop` ends it; nobody waits for it any more.
            return Err(CompileError::TooSlow);
        };
        let (mut answer, status) = spoken.map_err(|error| self.unusable(error))?;
        match answer.first() {
            Some(&COMPILED) if status.success() => {
                answer.remove(0);
                Ok(answer)
            }
            Some(&REJECTED) if status.success() => {
                let rejected = serde_json::from_slice(answer.get(1..).unwrap_or_default());
                Err(rejected.map_or_else(|error| self.unusable(error), CompileError::Rejected))
            }
            _ => Err(self.died(status)),
        }
    }

    fn start(&self) -> Result<Child, CompileError> {
        let mut command = Command::new(&self.executable);
        command.args(&self.arguments).env_clear().current_dir("/").kill_on_drop(true);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        command.spawn().map_err(|error| self.unusable(error))
    }

    /// What a child without an answer died of.
    fn died(&self, status: ExitStatus) -> CompileError {
        use std::os::unix::process::ExitStatusExt as _;
        /// A failed allocation aborts.
        const ABORTED: i32 = 6;
        /// A stack that could not grow, a mapping that was refused.
        const FAULTS: [i32; 2] = [7, 11];
        const KILLED: i32 = 9;
        const OUT_OF_CPU: i32 = 24;
        match status.signal() {
            Some(ABORTED) => CompileError::TooLarge,
            Some(signal) if FAULTS.contains(&signal) => CompileError::TooLarge,
            Some(OUT_OF_CPU | KILLED) => CompileError::TooSlow,
            _ => self.unusable(format!("it ended with {status} and gave no answer")),
        }
    }

    fn unusable(&self, reason: impl ToString) -> CompileError {
        CompileError::Child {
            program: self.executable.display().to_string(),
            reason: reason.to_string(),
        }
    }
}

/// Writes and reads at once: a child that refuses early stops reading.
async fn speak(child: &mut Child, component: &[u8]) -> std::io::Result<(Vec<u8>, ExitStatus)> {
    let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
    let feed = async {
        if let Some(mut stdin) = stdin {
            // A broken pipe is an early answer, which is read beside this.
            let _ = stdin.write_all(component).await;
        }
    };
    let listen = async {
        let mut answer = Vec::new();
        match stdout {
            Some(stdout) => {
                stdout.take(ARTIFACT_MAX.0 + 1).read_to_end(&mut answer).await.map(|_| answer)
            }
            None => Ok(answer),
        }
    };
    let ((), answer) = tokio::join!(feed, listen);
    let answer = answer?;
    Ok((answer, child.wait().await?))
}
