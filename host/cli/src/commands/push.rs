//! `bailiwick push`: a component and its signature go into a registry.

use std::path::PathBuf;

use bailiwick_core::Bytes;
use bailiwick_engine::load::policy_of_the_host;
use bailiwick_engine::registry::{self, Errand, Existing};
use clap::Args;

use crate::ending::{Broken, Ending};
use crate::environment::Environment;
use crate::stdout;
use crate::talk::Talk;

/// What, and where to.
#[derive(Args)]
pub(crate) struct Arguments {
    /// A component, or the folder of a built agent; the signature lies beside it, as FILE.minisig
    #[arg(value_name = "FILE|DIR")]
    path: PathBuf,
    /// oci://HOST[:PORT]/NAME:TAG
    #[arg(value_name = "REFERENCE")]
    reference: String,
    /// Points the tag at this component where it is another one's
    #[arg(long)]
    replace: bool,
    /// The admin's file, where there is no /etc/bailiwick/policy.toml
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
}

pub(crate) async fn command(
    arguments: &Arguments,
    environment: &Environment,
    talk: &Talk,
) -> anyhow::Result<Ending> {
    let reference = registry::target(&arguments.reference)?;
    let (policy, _) = policy_of_the_host(&environment.policy(arguments.policy.as_deref()))?;
    registry::listed(&policy, &reference)?;
    let parcel = registry::parcel(&arguments.path)?;
    let profile = &parcel.embedded.profile;
    let size = Bytes(parcel.embedded.outline.size_bytes as u64);
    let signed = if parcel.signature.is_some() { "signed" } else { "not signed" };
    talk.say(&format!("{} {}, {size}, {signed}", profile.name, profile.version));
    if let Some(tag) = reference.tag().filter(|tag| *tag != profile.version) {
        talk.say(&format!("its tag is {tag}, and it says that it is {}", profile.version));
    }
    let errand = Errand::below(&environment.folder, policy, &environment.keys)?;
    let existing = if arguments.replace { Existing::Replace } else { Existing::Keep };
    let pushed = registry::push(&errand, &parcel, &reference, existing).await;
    let pushed = pushed.map_err(Broken)?;
    talk.say(if pushed.was_there { "it was there already" } else { "pushed" });
    stdout::write(&format!("{}\n", reference.pinned(pushed.manifest)))?;
    Ok(Ending::Done)
}
