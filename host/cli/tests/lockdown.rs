//! What is refused from the inside of a host and of the process that compiles, and that a locked host does its work.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod support;

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};

use serde_json::Value;
use support::{Guest, ONE, World, given, told};

/// What a process of that kind tried: the walls, and what each try came to.
fn tries(world: &World, words: &[&str]) -> (Value, Vec<(String, bool, String)>) {
    let output = world.run(words);
    let told: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}{}", given(&output), told(&output)));
    let told = told["Ok"].as_array().unwrap_or_else(|| panic!("{told}")).clone();
    let tried = told[1].as_array().unwrap().iter().map(|one| {
        let text = |key: &str| one[key].as_str().unwrap().to_owned();
        (text("what"), one["done"] == true, text("said"))
    });
    (told[0].clone(), tried.collect())
}

/// A wall that this kernel does not have cannot be shown.
fn stands(walls: &Value, which: &str) -> bool {
    walls[which]["Whole"].is_string()
}

fn said<'t>(tried: &'t [(String, bool, String)], what: &str) -> (bool, &'t str) {
    let one = tried.iter().find(|(tried, ..)| tried == what);
    one.map(|(_, done, said)| (*done, said.as_str())).unwrap_or_else(|| panic!("{what}"))
}

#[test]
fn a_host_opens_starts_and_calls_nothing_that_is_not_its_own() {
    let world = World::new();
    world.write("own/mine", "x");
    world.write("beside/other", "somebody else's");
    let root = world.root();
    let path = |name: &str| root.join(name).display().to_string();
    let words = ["__try-host", &path("own"), &path("beside/other"), &path("beside")];
    let (walls, tried) = tries(&world, &words);
    for needed in
        ["start a thread", "write in its own folder", "remove from its own folder", "dial"]
    {
        assert_eq!(said(&tried, needed), (true, "done"), "{tried:?}");
    }
    if stands(&walls, "files") {
        for refused in [
            "read a file that is not its own",
            "write a file that is not its own",
            "make a file elsewhere",
            "make a socket elsewhere",
            "list a folder that is not its own",
            "start a program",
            "start a program of its own folder",
            "listen on TCP",
        ] {
            let (done, said) = said(&tried, refused);
            assert!(!done && said.contains("Permission denied"), "{refused}: {said}");
        }
        assert!(!root.join("beside/tried").exists());
        assert!(!root.join("beside/tried.sock").exists());
    }
    if stands(&walls, "calls") {
        unknown(&tried, &CALLS);
    }
}

/// What no list of calls has on it.
const CALLS: [&str; 3] =
    ["change its root folder", "lower its own priority", "take a descriptor of another process"];

/// Refused as though the kernel had no such call, and by nothing else.
#[track_caller]
fn unknown(tried: &[(String, bool, String)], calls: &[&str]) {
    for call in calls {
        let (done, said) = said(tried, call);
        assert!(!done && said.contains("Function not implemented"), "{call}: {said}");
    }
}

#[test]
fn the_process_that_compiles_has_threads_and_nothing_else() {
    let world = World::new();
    let (walls, tried) = tries(&world, &["__try-compiler"]);
    assert_eq!(said(&tried, "start a thread"), (true, "done"));
    let outside = [
        "open a file",
        "look at a file",
        "start a program",
        "make a TCP socket",
        "make a UDP socket",
    ];
    if stands(&walls, "calls") {
        unknown(&tried, &[&CALLS[..], &outside].concat());
    } else {
        // The limit on descriptors refuses it all the same.
        assert!(!said(&tried, "open a file").0 && !said(&tried, "make a TCP socket").0);
    }
}

#[test]
fn doctor_says_which_walls_stand_and_what_they_refused() {
    let world = World::new();
    let doctor = given(&world.run(["doctor"]));
    for subject in ["serving", "compiling"] {
        let line = doctor.lines().find(|line| line.contains(subject)).unwrap();
        assert!(!line.starts_with("BAD"), "{line}");
        assert!(line.contains("landlock: ") && line.contains("seccomp: "), "{line}");
        let whole = !line.contains("none (") && !line.contains("cannot refuse");
        assert_eq!(line.starts_with("ok"), whole, "{line}");
    }
}

struct Host(Child, String);

impl Host {
    fn start(world: &World, more: &[&str]) -> Self {
        let words = [&["serve", "--data", "data", "--project", "."], more].concat();
        let child = world.command(words).stderr(Stdio::piped()).spawn().unwrap();
        let mut host = Self(child, String::new());
        let stderr = BufReader::new(host.0.stderr.take().unwrap());
        for line in stderr.lines().map_while(Result::ok) {
            host.1.push_str(&line);
            host.1.push('\n');
            if line.contains("serving ") {
                return host;
            }
        }
        panic!("it does not serve: {}", host.1)
    }

    /// A line of `/proc/PID/status`.
    fn status(&self, key: &str) -> String {
        let text = fs::read_to_string(format!("/proc/{}/status", self.0.id())).unwrap();
        let line = text.lines().find(|line| line.starts_with(key)).unwrap();
        line.split_whitespace().nth(1).unwrap().to_owned()
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_host_locks_itself_and_does_its_work() {
    let world = World::new();
    world.project(&Guest::answers("\"done\""), ONE);
    let host = Host::start(&world, &[]);
    assert!(host.1.contains("locked: landlock: "), "{}", host.1);
    if host.1.contains("seccomp: the calls of a server") {
        // 2: by a filter.
        assert_eq!((host.status("Seccomp:"), host.status("NoNewPrivs:")), ("2".into(), "1".into()));
    }
    // It compiles (in a child of its own), stores, and answers.
    let ran = world.run(["submit", "--data", "data", "--out", "out"]);
    assert!(ran.status.success(), "{}{}", given(&ran), told(&ran));
    assert!(world.root().join("out/manifest.json").is_file());
}

#[test]
fn a_credential_that_a_program_prints_is_told_of_before_it_is_missed() {
    let world = World::new();
    world.project(&Guest::answers("\"done\""), ONE);
    world.write(
        "policy.toml",
        "labels = { unlabelled = \"public\" }\n[ceiling.\"local/*\"]\n\
         [credentials.shop]\ncommand = [\"/usr/bin/pass\", \"show\", \"shop\"]\n\
         origin = \"https://shop.example.com\"\n",
    );
    let host = Host::start(&world, &["--policy", "policy.toml"]);
    assert!(host.1.contains("the credential shop is printed by a `command`"), "{}", host.1);
    assert!(host.1.contains("take `env` or `file`"), "{}", host.1);
    drop(host);
    let host = Host::start(&world, &["--policy", "policy.toml", "--unlocked"]);
    assert!(!host.1.contains("the credential shop"), "{}", host.1);
}

#[test]
fn unlocked_is_said() {
    let world = World::new();
    world.project(&Guest::answers("\"done\""), ONE);
    let host = Host::start(&world, &["--unlocked"]);
    assert!(host.1.contains("not locked: "), "{}", host.1);
    assert_eq!(host.status("Seccomp:"), "0");
}
