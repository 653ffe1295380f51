//! Publishers and what they ship: keys, and signed components on a shelf that a project takes them from.

use std::path::{Path, PathBuf};

use super::Desk;
use super::guest::Guest;

/// A publisher's key.
pub(crate) struct Key {
    pub(crate) secret: PathBuf,
    pub(crate) public: PathBuf,
    /// The line of policy.toml that admits it.
    pub(crate) line: String,
    /// What it is called.
    pub(crate) id: String,
}

impl Key {
    /// Makes one without a password.
    pub(crate) fn new(desk: &Desk, name: &str) -> Self {
        let secret = desk.file(&format!("keys/{name}.remark"), "").with_file_name(name);
        let secret = secret.with_extension("key");
        let made = desk.bailiwick(["keygen", "--no-password"]).word(&secret).ends(0);
        let line = made.stdout.lines().last().unwrap().to_owned();
        let line = line.split_once("[{ ").unwrap().1.trim_end_matches(" }]").to_owned();
        let public = secret.with_extension("pub");
        let text = std::fs::read_to_string(&public).unwrap();
        let id = text.lines().next().unwrap().split(' ').next_back().unwrap().to_owned();
        Self { secret, public, line, id }
    }
}

/// Builds an agent and packs it, and gives the shipped file, `shelf/NAME.wasm`.
pub(crate) fn ship(desk: &Desk, guest: &Guest, publisher: &str, key: &Key) -> PathBuf {
    let folder = guest.build(desk);
    let built = folder.join("dist").join(format!("{}.wasm", guest.name));
    pack(desk, &folder, publisher, key);
    let shipped = desk.path(&format!("shelf/{}.wasm", guest.name));
    std::fs::create_dir_all(shipped.parent().unwrap()).unwrap();
    std::fs::copy(&built, &shipped).unwrap();
    std::fs::copy(signature(&built), signature(&shipped)).unwrap();
    shipped
}

/// Signs what lies there.
pub(crate) fn pack(desk: &Desk, path: &Path, publisher: &str, key: &Key) {
    let call = desk.bailiwick(["pack"]).word(path).option("key", &key.secret);
    call.option("publisher", publisher).ends(0);
}

/// Where the signature of a component lies.
pub(crate) fn signature(component: &Path) -> PathBuf {
    component.with_extension("wasm.minisig")
}
