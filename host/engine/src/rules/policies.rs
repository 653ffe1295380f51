//! The policies of which one is in force, by rank: a change takes force only where nothing that goes before it is there. Reads none of them.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use super::looked::Looked;
use crate::load::PolicySource;

/// The files that may have the policy, in the order in which a host looks for them.
#[derive(Debug)]
pub(super) struct Policies {
    ranked: Vec<Looked>,
    /// The rank of the one in force; beyond all of them for the built-in one.
    in_force: AtomicUsize,
}

impl Policies {
    /// Of this source, with the text that was read there. The admin's goes before any other,
    /// also where it comes to be later; the user's own counts only where nobody named one.
    pub(super) fn new(
        of_host: &Path,
        source: &PolicySource,
        user: Option<&PathBuf>,
        text: Option<&String>,
    ) -> Self {
        let (named, text) = match source {
            PolicySource::File { path, .. } => (Some(path), text),
            PolicySource::BuiltIn => (user, None),
        };
        let mut ranked = vec![Looked::at(of_host.to_path_buf(), None)];
        match named {
            Some(path) if path == of_host => ranked = vec![Looked::at(path.clone(), text)],
            Some(path) => ranked.push(Looked::at(path.clone(), text)),
            None => {}
        }
        let in_force = match source {
            PolicySource::File { .. } => ranked.len() - 1,
            PolicySource::BuiltIn => ranked.len(),
        };
        Self { ranked, in_force: AtomicUsize::new(in_force) }
    }

    /// Looks once: the one that has another version and may take force, with its rank.
    pub(super) fn new_one(&self) -> Option<(usize, &Looked)> {
        let in_force = self.in_force.load(Ordering::Acquire);
        for (rank, looked) in self.ranked.iter().enumerate() {
            // What goes after the one in force counts no more, also where that is gone:
            // whoever may remove a file must not choose another one by it.
            if rank > in_force {
                return None;
            }
            if looked.is_new() {
                return Some((rank, looked));
            }
            // Nor what goes after one that is there and cannot be read: no host would start.
            if looked.is_there() {
                return None;
            }
        }
        None
    }

    /// The one of this rank has taken force.
    pub(super) fn takes_force(&self, rank: usize) {
        self.in_force.store(rank, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    struct Scene {
        _folder: tempfile::TempDir,
        host: PathBuf,
        user: PathBuf,
    }

    impl Scene {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let (host, user) = (folder.path().join("host"), folder.path().join("user"));
            Self { _folder: folder, host, user }
        }

        fn policies(&self, source: &PolicySource) -> Policies {
            Policies::new(&self.host, source, Some(&self.user), None)
        }

        /// What is new once the files rest, as whoever looks on takes it.
        fn taken(policies: &Policies) -> Vec<&Path> {
            let mut taken = Vec::new();
            for _ in 0..4 {
                if let Some((rank, looked)) = policies.new_one() {
                    policies.takes_force(rank);
                    taken.push(looked.path.as_path());
                }
            }
            taken
        }
    }

    #[test]
    fn a_users_policy_that_is_written_later_is_not_put_over_the_admins() {
        let scene = Scene::new();
        let policies = scene.policies(&PolicySource::BuiltIn);
        assert!(Scene::taken(&policies).is_empty(), "there is none");
        fs::write(&scene.user, "a").unwrap();
        assert_eq!(Scene::taken(&policies), [&scene.user]);
        fs::write(&scene.host, "b").unwrap();
        assert_eq!(Scene::taken(&policies), [&scene.host], "the admin's takes force");
        fs::write(&scene.user, "another").unwrap();
        assert!(Scene::taken(&policies).is_empty(), "the user's no more");
        fs::remove_file(&scene.host).unwrap();
        let gone = Scene::taken(&policies);
        assert_eq!(gone, [&scene.host], "that it is gone is told, and nothing takes its place");
        fs::write(&scene.user, "one more").unwrap();
        assert!(Scene::taken(&policies).is_empty());
    }

    #[test]
    fn the_admins_policy_takes_force_over_one_that_was_named() {
        let scene = Scene::new();
        fs::write(&scene.user, "a").unwrap();
        let named = PolicySource::File { path: scene.user.clone(), binds: false };
        let policies = scene.policies(&named);
        assert_eq!(Scene::taken(&policies), [&scene.user], "it is read once more");
        fs::write(&scene.host, "b").unwrap();
        assert_eq!(Scene::taken(&policies), [&scene.host]);
        let of_host = PolicySource::File { path: scene.host.clone(), binds: true };
        let policies = scene.policies(&of_host);
        assert_eq!(Scene::taken(&policies), [&scene.host]);
        fs::write(&scene.user, "c").unwrap();
        assert!(Scene::taken(&policies).is_empty());
    }

    #[test]
    fn beside_an_admins_policy_that_cannot_be_read_no_other_takes_force() {
        let scene = Scene::new();
        let policies = scene.policies(&PolicySource::BuiltIn);
        fs::write(&scene.host, "nonsense").unwrap();
        let looked = [policies.new_one(), policies.new_one()];
        assert_eq!(looked[1].map(|(rank, _)| rank), Some(0), "and is refused");
        fs::write(&scene.user, "a").unwrap();
        for _ in 0..4 {
            assert!(policies.new_one().is_none());
        }
        fs::remove_file(&scene.host).unwrap();
        policies.new_one();
        // It is gone, and never was in force.
        let _ = policies.new_one();
        assert_eq!(Scene::taken(&policies), [&scene.user]);
    }
}
