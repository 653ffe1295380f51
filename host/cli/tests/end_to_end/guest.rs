//! Agents written in WAT, for what no honest agent does: core modules that `bailiwick build` makes components of.

use std::path::{Path, PathBuf};

use super::Desk;

/// An agent whose `perform` is written by the test.
///
/// In its memory: 1024 is where answers are built, 2048 and above the texts of the
/// profile, 4096 and above the texts of the test, 65536 and above the heap.
pub(crate) struct Guest {
    /// Its name, and its folder's.
    pub(crate) name: &'static str,
    /// Its version.
    pub(crate) version: &'static str,
    /// The lines under `[wants]`.
    pub(crate) wants: &'static str,
    /// Imports of the module.
    pub(crate) imports: &'static str,
    /// Functions and data beside `perform`.
    pub(crate) extra: String,
    /// The body of `perform`. `$ok POINTER LENGTH` and `$refused POINTER LENGTH` make answers.
    pub(crate) perform: String,
}

impl Guest {
    /// One that wants nothing.
    pub(crate) fn new(name: &'static str, perform: &str) -> Self {
        let (version, wants, imports) = ("1.0.0", "", "");
        Self { name, version, wants, imports, extra: String::new(), perform: perform.into() }
    }

    /// Writes its folder and builds it, as an author with a compiler of his own would.
    pub(crate) fn build(&self, desk: &Desk) -> PathBuf {
        self.build_in(desk, self.name)
    }

    /// Writes its folder, as a compiler of his own left it to its author.
    pub(crate) fn write(&self, folder: &Path) {
        std::fs::create_dir_all(folder).unwrap();
        let module = wat::parse_str(self.module()).unwrap();
        std::fs::write(folder.join("module.wasm"), module).unwrap();
        let manifest = format!("[wants]\n{}\n[build]\nmodule = \"module.wasm\"\n", self.wants);
        std::fs::write(folder.join("agent.toml"), manifest).unwrap();
    }

    /// The same as [`Self::build`] in a folder of another name: another version of the agent.
    pub(crate) fn build_in(&self, desk: &Desk, folder: &str) -> PathBuf {
        let folder = desk.path(folder);
        self.write(&folder);
        let built = desk.bailiwick(["build"]).word(&folder).ends(0);
        assert!(
            built.stdout.trim().ends_with(&format!("dist/{}.wasm", self.name)),
            "{}",
            built.stdout
        );
        folder
    }

    fn module(&self) -> String {
        let Self { imports, extra, perform, .. } = self;
        let (texts, record) = self.profile();
        format!(
            r#"(module
  {imports}
  (memory (export "memory") 2)
  (global $heap (mut i32) (i32.const 65536))
  {texts}
  {extra}
  (func $ok (param $pointer i32) (param $length i32) (result i32)
    (i32.store (i32.const 1024) (i32.const 0))
    (i32.store (i32.const 1028) (local.get $pointer))
    (i32.store (i32.const 1032) (local.get $length))
    (i32.const 1024))
  (func $refused (param $pointer i32) (param $length i32) (result i32)
    (i32.store (i32.const 1024) (i32.const 1))
    (i32.store (i32.const 1028) (i32.const 1))
    (i32.store (i32.const 1032) (local.get $pointer))
    (i32.store (i32.const 1036) (local.get $length))
    (i32.const 1024))
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (local $at i32)
    (local.set $at (i32.and (i32.add (global.get $heap) (i32.const 7)) (i32.const -8)))
    (global.set $heap (i32.add (local.get $at) (local.get 3)))
    (if (i32.gt_u (global.get $heap) (i32.mul (memory.size) (i32.const 65536))) (then (unreachable)))
    (local.get $at))
  (func (export "bailiwick:agent/agent@0.1.0#profile") (result i32)
    {record}
    (i32.const 1100))
  (func (export "bailiwick:agent/agent@0.1.0#perform")
    (param i32 i32 i32 i32 i32 i32 i32) (result i32)
    {perform}
    (unreachable)))"#
        )
    }

    /// The texts of the profile, and the stores that make its record.
    fn profile(&self) -> (String, String) {
        let (mut texts, mut record, mut at) = (String::new(), String::new(), 2048);
        for (index, text) in
            [self.name, self.version, "An agent of the tests.", "true", "true"].iter().enumerate()
        {
            texts.push_str(&format!("(data (i32.const {at}) {text:?})\n"));
            let (pointer, length) = (1100 + index * 8, 1104 + index * 8);
            record.push_str(&format!("(i32.store (i32.const {pointer}) (i32.const {at}))\n"));
            record.push_str(&format!(
                "(i32.store (i32.const {length}) (i32.const {}))\n",
                text.len()
            ));
            at += text.len();
        }
        (texts, record)
    }
}
