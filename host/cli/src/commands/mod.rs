//! One file for each subcommand: its arguments, the operation that it calls, what it prints.

pub(crate) mod add;
pub(crate) mod approvals;
pub(crate) mod approve;
pub(crate) mod audit;
pub(crate) mod backup;
pub(crate) mod build;
pub(crate) mod cancel;
pub(crate) mod check;
pub(crate) mod completions;
pub(crate) mod conform;
pub(crate) mod dev;
pub(crate) mod doctor;
pub(crate) mod edit;
pub(crate) mod explain;
pub(crate) mod export;
pub(crate) mod fork;
pub(crate) mod gc;
pub(crate) mod import;
pub(crate) mod init;
pub(crate) mod inspect;
pub(crate) mod keygen;
pub(crate) mod logs;
pub(crate) mod new;
pub(crate) mod outdated;
pub(crate) mod pack;
pub(crate) mod pause;
pub(crate) mod push;
pub(crate) mod reject;
pub(crate) mod remove;
pub(crate) mod replay;
pub(crate) mod resume;
pub(crate) mod revoke;
pub(crate) mod run;
pub(crate) mod runs;
pub(crate) mod schema;
pub(crate) mod serve;
pub(crate) mod show;
pub(crate) mod submit;
pub(crate) mod suggest_grants;
pub(crate) mod swap;
pub(crate) mod test;
pub(crate) mod update;

use crate::arguments::Command;
use crate::ending::Ending;
use crate::environment::Environment;
use crate::talk::Talk;

/// Locks this process, where what was asked is done by a process that stays.
pub(crate) fn lock(
    command: &Command,
    environment: &Environment,
    talk: &Talk,
) -> anyhow::Result<()> {
    match command {
        Command::Serve(arguments) => serve::lock(arguments, environment, talk),
        _ => Ok(()),
    }
}

/// Does what was asked.
pub(crate) async fn dispatch(
    command: Command,
    environment: &Environment,
    talk: &Talk,
) -> anyhow::Result<Ending> {
    match command {
        Command::Init(arguments) => init::command(&arguments, talk),
        Command::New(arguments) => new::command(&arguments, talk),
        Command::Build(arguments) => build::command(&arguments, environment, talk).await,
        Command::Check(arguments) => check::command(&arguments, environment, talk).await,
        Command::Keygen(arguments) => keygen::command(&arguments, environment, talk),
        Command::Pack(arguments) => pack::command(&arguments, environment, talk),
        Command::Add(arguments) => add::command(&arguments, environment, talk).await,
        Command::Update(arguments) => update::command(&arguments, environment, talk).await,
        Command::Remove(arguments) => remove::command(&arguments, environment, talk),
        Command::Outdated(arguments) => outdated::command(&arguments, environment).await,
        Command::Schema(arguments) => schema::command(&arguments),
        Command::Inspect(arguments) => inspect::command(&arguments),
        Command::Test(arguments) => test::command(&arguments, environment, talk).await,
        Command::Conform(arguments) => conform::command(&arguments, environment).await,
        Command::Dev(arguments) => dev::command(&arguments, environment, talk).await,
        Command::Push(arguments) => push::command(&arguments, environment, talk).await,
        Command::Run(arguments) => run::command(&arguments, environment, talk).await,
        Command::Resume(arguments) => resume::command(&arguments, environment, talk).await,
        Command::Fork(arguments) => fork::command(&arguments, environment, talk).await,
        Command::Export(arguments) => export::command(&arguments, environment, talk).await,
        Command::Import(arguments) => import::command(&arguments, talk),
        Command::Replay(arguments) => replay::command(&arguments, environment).await,
        Command::Cancel(arguments) => cancel::command(&arguments, environment, talk).await,
        Command::Serve(arguments) => serve::command(&arguments, environment, talk).await,
        Command::Submit(arguments) => submit::command(&arguments, environment, talk).await,
        Command::Pause(arguments) => pause::command(&arguments, environment, talk).await,
        Command::Revoke(arguments) => revoke::command(&arguments, environment, talk).await,
        Command::SuggestGrants(arguments) => {
            suggest_grants::command(&arguments, environment, talk).await
        }
        Command::Swap(arguments) => swap::command(&arguments, environment, talk).await,
        Command::Runs(arguments) => runs::command(&arguments, environment, talk).await,
        Command::Show(arguments) => show::command(&arguments, environment).await,
        Command::Logs(arguments) => logs::command(&arguments, environment).await,
        Command::Approvals(arguments) => approvals::command(&arguments, environment, talk).await,
        Command::Approve(arguments) => approve::command(&arguments, environment, talk).await,
        Command::Reject(arguments) => reject::command(&arguments, environment, talk).await,
        Command::Edit(arguments) => edit::command(&arguments, environment, talk).await,
        Command::Audit(arguments) => audit::command(&arguments, environment, talk).await,
        Command::Gc(arguments) => gc::command(&arguments, environment, talk).await,
        Command::Backup(arguments) => backup::command(&arguments, environment, talk).await,
        Command::Explain(arguments) => explain::command(&arguments),
        Command::Doctor(arguments) => doctor::command(&arguments, environment).await,
        Command::Completions(arguments) => completions::command(&arguments),
    }
}
