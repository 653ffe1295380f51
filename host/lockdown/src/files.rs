//! The wall around files, TCP ports, signals and abstract sockets: Landlock. Knows no path by itself.

use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible as _, LandlockStatus,
    PathBeneath, PathFd, Ruleset, RulesetAttr as _, RulesetCreated, RulesetCreatedAttr as _,
    RulesetStatus, Scope,
};

use crate::{LockError, Paths, Wall};

/// What this was tried with. What later versions can refuse is taken up with a test.
const ABI_TRIED: ABI = ABI::V6;

/// Around a process that may have these paths and no other. Connecting by TCP stays
/// possible to whoever may make sockets: which address it is, the one `dial` judges.
pub(crate) fn around(paths: &Paths) -> Result<Wall, LockError> {
    let all = AccessFs::from_all(ABI_TRIED);
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    // What a data folder holds: no devices, and nothing that is started by its path.
    let devices = AccessFs::MakeChar | AccessFs::MakeBlock | AccessFs::IoctlDev;
    let write = all & !(devices | AccessFs::Execute);
    let start = AccessFs::Execute | AccessFs::ReadFile;
    let rules = || -> Result<_, landlock::RulesetError> {
        let mut rules = Ruleset::default()
            .set_compatibility(CompatLevel::BestEffort)
            .handle_access(all)?
            .handle_access(AccessNet::BindTcp)?
            .scope(Scope::from_all(ABI_TRIED))?
            .create()?;
        rules = with(rules, &paths.read, read)?;
        rules = with(rules, &paths.write, write)?;
        rules = with(rules, &paths.start, start)?;
        rules.restrict_self()
    };
    let status = rules().map_err(|error| LockError::Files(error.to_string()))?;
    let LandlockStatus::Available { effective_abi, .. } = status.landlock else {
        return Ok(Wall::None(
            "this kernel has none, or it is not switched on (lsm=landlock)".into(),
        ));
    };
    let version = effective_abi as i32;
    Ok(match status.ruleset {
        RulesetStatus::FullyEnforced => {
            Wall::Whole(format!("files, listening, signals (version {version})"))
        }
        RulesetStatus::PartiallyEnforced => {
            Wall::Part(format!("files (version {version}){}", lacking(effective_abi)))
        }
        RulesetStatus::NotEnforced => Wall::None("this kernel enforces no rule".into()),
    })
}

fn with(
    mut rules: RulesetCreated,
    paths: &[PathBuf],
    access: BitFlags<AccessFs>,
) -> Result<RulesetCreated, landlock::RulesetError> {
    for path in paths {
        // What is not there needs no rule; what cannot be opened now could not be later.
        let Ok(opened) = PathFd::new(path) else { continue };
        rules = rules.add_rule(PathBeneath::new(opened, fitting(path, access)))?;
    }
    Ok(rules)
}

/// A file has no rights of a folder.
fn fitting(path: &Path, access: BitFlags<AccessFs>) -> BitFlags<AccessFs> {
    if path.is_dir() { access } else { access & AccessFs::from_file(ABI_TRIED) }
}

/// What a kernel of an older version does not refuse.
fn lacking(version: ABI) -> String {
    let lacks = [
        (ABI::V3, "cutting files short"),
        (ABI::V4, "listening on TCP"),
        (ABI::V5, "device controls"),
        (ABI::V6, "signals and abstract sockets"),
    ];
    let words: Vec<_> =
        lacks.into_iter().filter(|(since, _)| version < *since).map(|(_, what)| what).collect();
    if words.is_empty() {
        String::new()
    } else {
        format!("; it cannot refuse {}", words.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_kernel_says_what_it_lacks() {
        assert_eq!(lacking(ABI::V6), "");
        assert_eq!(lacking(ABI::V5), "; it cannot refuse signals and abstract sockets");
        assert!(lacking(ABI::V1).starts_with("; it cannot refuse cutting files short, listening"));
    }
}
