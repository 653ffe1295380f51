//! A folder of its own for each test, the real binary in it, and agents that need no toolchain.

#![allow(dead_code, reason = "each test program uses a part of it")]

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// What an agent of the tests does.
pub(crate) enum Does {
    /// Answers this text, after a line in its log.
    Answers(String),
    /// Never ends by itself.
    Loops,
    /// Gives up.
    Traps,
    /// This body; what it returns lies at 1024: a zero, the place of a text, its length.
    Runs(String),
}

/// An agent written in WAT.
pub(crate) struct Guest {
    pub(crate) does: Does,
    /// What it writes to its log.
    pub(crate) log: Vec<u8>,
    /// Imports besides the log.
    pub(crate) imports: String,
    pub(crate) input_schema: String,
    pub(crate) output_schema: String,
}

/// Where texts lie in the memory of a guest: the answer of a call, the profile, the
/// log line, the answer of `perform`.
const CALL: usize = 1024;
const PROFILE: usize = 2048;
const LOG: usize = 7168;
const ANSWER: usize = 8192;

impl Guest {
    pub(crate) fn does(does: Does) -> Self {
        Self {
            does,
            log: b"hello".to_vec(),
            imports: String::new(),
            input_schema: "true".into(),
            output_schema: "true".into(),
        }
    }

    /// Answers the same text each time.
    pub(crate) fn answers(text: &str) -> Self {
        Self::does(Does::Answers(text.into()))
    }

    fn perform(&self) -> String {
        match &self.does {
            Does::Answers(text) => format!(
                "(call $write (i32.const 1) (i32.const {LOG}) (i32.const {}))
                (i32.store (i32.const {CALL}) (i32.const 0))
                (i32.store (i32.const {}) (i32.const {ANSWER}))
                (i32.store (i32.const {}) (i32.const {}))
                (return (i32.const {CALL}))",
                self.log.len(),
                CALL + 4,
                CALL + 8,
                text.len()
            ),
            Does::Loops => "(loop $on (br $on))".into(),
            Does::Traps => String::new(),
            Does::Runs(body) => body.clone(),
        }
    }

    /// The core module.
    pub(crate) fn module(&self) -> Vec<u8> {
        let texts =
            ["fixture", "1.0.0", "A guest of the tests.", &self.input_schema, &self.output_schema];
        let (mut data, mut record, mut at) = (bytes_at(LOG, &self.log), String::new(), PROFILE);
        if let Does::Answers(text) = &self.does {
            data.push_str(&bytes_at(ANSWER, text.as_bytes()));
        }
        for (index, text) in texts.iter().enumerate() {
            data.push_str(&bytes_at(at, text.as_bytes()));
            let field = CALL + 100 + index * 8;
            record.push_str(&format!(
                "(i32.store (i32.const {field}) (i32.const {at}))(i32.store (i32.const {}) (i32.const {}))\n",
                field + 4,
                text.len()
            ));
            at += text.len();
        }
        assert!(at < LOG, "the texts of a guest lie below its log line");
        let module = format!(
            r#"(module
  (import "bailiwick:agent/log@0.1.0" "write" (func $write (param i32 i32 i32)))
  {}
  (memory (export "memory") 2)
  (global $heap (mut i32) (i32.const 65536))
  {data}
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (local $at i32)
    (local.set $at (i32.and (i32.add (global.get $heap) (i32.const 7)) (i32.const -8)))
    (global.set $heap (i32.add (local.get $at) (local.get 3)))
    (local.get $at))
  (func (export "bailiwick:agent/agent@0.1.0#profile") (result i32)
    {record}
    (i32.const {}))
  (func (export "bailiwick:agent/agent@0.1.0#perform") (param i32 i32 i32 i32 i32 i32 i32) (result i32)
    {}
    (unreachable)))"#,
            self.imports,
            CALL + 100,
            self.perform()
        );
        wat::parse_str(module).unwrap()
    }
}

fn bytes_at(at: usize, bytes: &[u8]) -> String {
    let bytes: String = bytes.iter().map(|byte| format!("\\{byte:02x}")).collect();
    format!("(data (i32.const {at}) \"{bytes}\")\n")
}

/// The world of one test: a folder, and in it a home.
pub(crate) struct World {
    folder: TempDir,
}

impl World {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        // Components that other tests have compiled are compiled again: each test has a
        // machine of its own.
        fs::create_dir(folder.path().join("home")).unwrap();
        fs::create_dir(folder.path().join("work")).unwrap();
        Self { folder }
    }

    /// Where commands are run.
    pub(crate) fn root(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    pub(crate) fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        let path = self.root().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Builds an agent into `agents/NAME`, as a third party would.
    pub(crate) fn agent(&self, name: &str, guest: &Guest) {
        self.source(name, guest, "");
        let built = self.run(["build", &format!("agents/{name}")]);
        assert!(built.status.success(), "{}", told(&built));
    }

    /// The folder of an agent, not built yet.
    pub(crate) fn source(&self, name: &str, guest: &Guest, wants: &str) {
        self.write(&format!("agents/{name}/agent.wasm"), guest.module());
        self.write(
            &format!("agents/{name}/agent.toml"),
            format!("[build]\nmodule = \"agent.wasm\"\n{wants}"),
        );
    }

    /// A project with one agent and one pipeline.
    pub(crate) fn project(&self, guest: &Guest, pipeline: &str) {
        self.agent("one", guest);
        self.write("bailiwick.toml", "[agents.one]\ncomponent = \"agents/one\"\n");
        self.write("pipelines/main.toml", pipeline);
    }

    pub(crate) fn command(
        &self,
        arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
    ) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bailiwick"));
        command
            .args(arguments)
            .current_dir(self.root())
            .env_clear()
            .env("HOME", self.folder.path().join("home"))
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Every file below the work folder, with its size.
    pub(crate) fn files(&self) -> Vec<(PathBuf, u64)> {
        let mut found = Vec::new();
        walk(&self.root(), &mut found);
        found.sort();
        found
    }
}

fn walk(folder: &Path, found: &mut Vec<(PathBuf, u64)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let kind = fs::symlink_metadata(&path).unwrap();
        if kind.is_dir() {
            walk(&path, found);
        }
        found.push((path, if kind.is_dir() { 0 } else { kind.len() }));
    }
}

/// What a command said.
pub(crate) fn told(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// What a command gave.
pub(crate) fn given(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// A pipeline of one step.
pub(crate) const ONE: &str = "[step.one]\nagent = \"one\"\n\n[output]\nresult = \"${one}\"\n";

/// A pipeline in which people are asked.
pub(crate) const ASKS: &str = "[axes]\nlocale = [\"de\", \"fr\"]\n\n[step.one]\nagent = \"one\"\nover = [\"locale\"]\ninput = { feedback = \"${feedback}\" }\n\n[step.editor]\njudges = \"one\"\npeople = { groups = [\"editors\"] }\nrounds = 1\n\n[output]\nresult = \"${one}\"\n";
