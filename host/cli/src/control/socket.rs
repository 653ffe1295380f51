//! Where the control socket of a data folder lies, and who may open it. Listens to nobody.
//!
//! Of one user it lies in his runtime folder, under a name made of the data folder's
//! path, so that every command with the same `--data` finds it. With a group it lies
//! beside the data folder: members find no way into another user's runtime folder.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _, chown};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use bailiwick_core::Digest;

use crate::environment::Environment;

/// Where a socket is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    folder: PathBuf,
    file: String,
    /// The number of the group that may open it.
    group: Option<u32>,
}

/// The places at which the socket of a data folder can be. None where there is no such folder.
pub(crate) fn places(environment: &Environment, data: &Path) -> Vec<PathBuf> {
    let Ok(data) = fs::canonicalize(data) else { return Vec::new() };
    [of_group(&data, 0), of_user(&environment.runtime, &data)].map(|place| place.path()).into()
}

fn of_user(runtime: &Path, data: &Path) -> Place {
    let name = Digest::of(data.as_os_str().as_encoded_bytes());
    // A socket's path has at most 107 bytes, so the name is as short as it can be and
    // still be no other's.
    let file = format!("{}.sock", name.hex().get(..24).unwrap_or_default());
    Place { folder: runtime.to_path_buf(), file, group: None }
}

fn of_group(data: &Path, group: u32) -> Place {
    let mut folder = data.as_os_str().to_owned();
    folder.push(".run");
    Place { folder: folder.into(), file: "control.sock".into(), group: Some(group) }
}

impl Place {
    /// The place for a data folder, for a group where policy names one.
    pub(crate) fn of(
        environment: &Environment,
        data: &Path,
        group: Option<&str>,
    ) -> anyhow::Result<Self> {
        let data = fs::canonicalize(data).with_context(|| data.display().to_string())?;
        match group {
            None => Ok(of_user(&environment.runtime, &data)),
            Some(name) => Ok(of_group(&data, environment.group(name)?)),
        }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.join(&self.file)
    }

    /// Makes the folder of the socket, and says where it is.
    pub(crate) fn ready(&self) -> anyhow::Result<PathBuf> {
        self.make_folder().with_context(|| self.folder.display().to_string())?;
        Ok(self.folder.clone())
    }

    /// Makes the socket. Who calls this holds the data folder, so one that is there
    /// already belongs to a host that is gone.
    pub(crate) fn listen(&self) -> anyhow::Result<UnixListener> {
        let path = self.path();
        self.ready()?;
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(error).with_context(|| path.display().to_string());
            }
            _ => {}
        }
        let listener =
            UnixListener::bind(&path).with_context(|| format!("the socket {}", path.display()))?;
        let mode = if self.group.is_some() { 0o660 } else { 0o600 };
        if self.group.is_some() {
            chown(&path, None, self.group)?;
        }
        fs::set_permissions(&path, Permissions::from_mode(mode))?;
        listener.set_nonblocking(true)?;
        Ok(listener)
    }

    fn make_folder(&self) -> anyhow::Result<()> {
        let mode = if self.group.is_some() { 0o750 } else { 0o700 };
        match DirBuilder::new().recursive(self.group.is_none()).mode(0o700).create(&self.folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error.into()),
            _ => {}
        }
        let found = fs::symlink_metadata(&self.folder)?;
        let owner = rustix::process::geteuid().as_raw();
        if !found.is_dir() || found.uid() != owner {
            bail!("it belongs to uid {}, or is no folder: move it away", found.uid());
        }
        if self.group.is_some() {
            chown(&self.folder, None, self.group)
                .context("the group of [host] in policy.toml must be one of this user's")?;
        }
        fs::set_permissions(&self.folder, Permissions::from_mode(mode))?;
        Ok(())
    }

    /// Takes the socket away.
    pub(crate) fn remove(&self) {
        // The next host would.
        let _ = fs::remove_file(self.path());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_its_owner_opens_it_and_a_dead_one_is_no_obstacle() {
        let folder = tempfile::tempdir().unwrap();
        let place = of_user(&folder.path().join("run"), Path::new("/data"));
        drop(place.listen().unwrap());
        let _listens = place.listen().unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&place.folder), mode(&place.path())), (0o700, 0o600));
        let other = of_user(&folder.path().join("run"), Path::new("/other"));
        assert_ne!(place.path(), other.path());
    }

    #[test]
    fn a_group_gets_a_place_that_it_can_reach() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        fs::create_dir(&data).unwrap();
        let group = rustix::process::getegid().as_raw();
        let place = of_group(&data, group);
        let _listens = place.listen().unwrap();
        let found = |path: &Path| fs::metadata(path).unwrap();
        for (path, mode) in [(&place.folder, 0o750), (&place.path(), 0o660)] {
            assert_eq!(found(path).permissions().mode() & 0o777, mode);
            assert_eq!(found(path).gid(), group);
        }
        assert_eq!(place.folder, folder.path().join("data.run"));
    }

    #[test]
    fn a_folder_that_is_a_link_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("/tmp", folder.path().join("run")).unwrap();
        assert!(of_user(&folder.path().join("run"), Path::new("/data")).listen().is_err());
    }
}
