//! A host that stays, and commands in other processes that reach it.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod support;

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use support::{ASKS, Does, Guest, ONE, World, given, told};

/// Longer than anything here takes on a busy machine.
const HANGS: Duration = Duration::from_secs(120);

/// Waits until something holds.
#[track_caller]
fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let since = Instant::now();
    while !holds() {
        assert!(since.elapsed() < HANGS, "never: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A host in the folder of a test.
struct Host {
    child: Child,
    said: Arc<Mutex<String>>,
    /// Who reads what it says, until there is no more.
    reader: Option<JoinHandle<()>>,
}

impl Host {
    /// Starts one and waits until it listens.
    fn start(world: &World, more: &[&str]) -> Self {
        let mut host = Self::spawn(world, more);
        until("it serves", || {
            let ended = host.child.try_wait().unwrap();
            assert!(ended.is_none(), "it has ended: {}", host.said());
            host.said().contains("serving ")
        });
        host
    }

    fn spawn(world: &World, more: &[&str]) -> Self {
        let arguments = [&["serve", "--data", "data", "--project", "."], more].concat();
        let mut child = world.command(arguments).stderr(Stdio::piped()).spawn().unwrap();
        let said = Arc::new(Mutex::new(String::new()));
        let (stderr, all) = (child.stderr.take().unwrap(), Arc::clone(&said));
        let reader = std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                let mut all = all.lock().unwrap();
                all.push_str(&line);
                all.push('\n');
            }
        });
        Self { child, said, reader: Some(reader) }
    }

    fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, signal).unwrap();
    }

    /// Waits for its end, and gives the exit code. By then all that it said was read: the
    /// last lines may still lie in the pipe when it is gone.
    fn ends(mut self) -> Option<i32> {
        let mut status = None;
        until("the host ends", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        self.reader.take().unwrap().join().unwrap();
        status.unwrap().code()
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// The socket that it said it listens on.
    fn socket(&self) -> PathBuf {
        let said = self.said();
        let line = said.lines().find(|line| line.contains("serving ")).unwrap();
        line.split(" on ").nth(1).unwrap().split(';').next().unwrap().into()
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A command on the data folder of the host.
fn at(world: &World, words: &[&str]) -> Output {
    world.run([words, &["--data", "data"]].concat())
}

#[track_caller]
fn ends(output: &Output, code: i32, words: &str) {
    let all = format!("{}{}", given(output), told(output));
    assert_eq!(output.status.code(), Some(code), "{all}");
    assert!(all.contains(words), "{words:?} is not in:\n{all}");
}

/// Submits a run and gives its id.
#[track_caller]
fn submit(world: &World, more: &[&str]) -> String {
    let submitted = at(world, &[&["submit"], more].concat());
    ends(&submitted, 0, "");
    given(&submitted).trim().to_owned()
}

fn state(world: &World, run: &str) -> String {
    let listed = given(&at(world, &["runs", "--json"]));
    let mut runs = listed.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let found = runs.find(|one| one["run"] == run);
    found.map_or(String::new(), |one| one["state"].as_str().unwrap().to_owned())
}

fn open(world: &World) -> Vec<String> {
    let listed = given(&at(world, &["approvals", "--json"]));
    let asks = listed.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    asks.map(|one| one["ask"].as_str().unwrap().to_owned()).collect()
}

/// A project whose agent never ends by itself.
fn endless(world: &World) {
    world.project(&Guest::does(Does::Loops), ONE);
    let powers = "limits = { cpu = \"60 s\", wall = \"10 min\" }\n";
    world.write("bailiwick.toml", format!("[agents.one]\ncomponent = \"agents/one\"\n{powers}"));
}

/// Submits a run of it, and waits until its attempt runs.
fn endless_run(world: &World) -> String {
    let run = submit(world, &[]);
    until("the attempt runs", || given(&at(world, &["show", &run])).contains("  - running"));
    run
}

#[test]
fn a_run_is_submitted_with_its_files_and_delivered_at_the_other_side() {
    let world = World::new();
    let pipeline = format!("input = \"in.schema.json\"\n{ONE}image = \"${{input.image}}\"\n");
    world.write("pipelines/in.schema.json", "{\"type\":\"object\",\"required\":[\"image\"]}");
    world.project(&Guest::answers("{\"text\":\"Hello\"}"), &pipeline);
    let host = Host::start(&world, &[]);
    assert!(host.said().contains("serving work on "), "{}", host.said());
    world.write("sent/in.json", "{\"image\": {\"$file\": \"pictures/a.txt\"}}");
    world.write("sent/pictures/a.txt", "x".repeat(700_000));
    let (input, out) = (["--input", "sent/in.json"], ["--out", "out"]);

    let done = at(&world, &[&["submit", "work/main"], &input[..], &out].concat());
    ends(&done, 0, "is done");
    assert_eq!(given(&done), "out/index.html\n");
    let result = fs::read_to_string(world.root().join("out/result.json")).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&result).unwrap(), json!({"text": "Hello"}));
    let delivered = fs::read_to_string(world.root().join("out/image/-/a.txt")).unwrap();
    assert_eq!(delivered.len(), 700_000);

    let waited = at(&world, &[&["submit", "--wait"], &input[..]].concat());
    ends(&waited, 0, "\"text\": \"Hello\"");
    let events = at(&world, &[&["submit", "--json"], &input[..]].concat());
    assert!(given(&events).lines().next().unwrap().contains("RunStarted"), "{}", given(&events));
    let run = submit(&world, &[&["work"], &input[..]].concat());
    until("it is done", || state(&world, &run) == "done");
    // Nothing that was sent lies about.
    assert_eq!(fs::read_dir(world.root().join("data/submitted")).unwrap().count(), 0);

    // What is wrong is told at once, and by the names that the sender knows.
    ends(&at(&world, &["submit"]), 2, "E120");
    world.write("sent/bad.json", "{\"image\": {\"$file\": \"../../x\"}}");
    ends(&at(&world, &["submit", "--input", "sent/bad.json"]), 2, "E121");
    ends(&at(&world, &[&["submit", "other/main"], &input[..]].concat()), 2, "E150");
    ends(&at(&world, &[&["submit", "work/other"], &input[..]].concat()), 2, "E103");
    world.write("sent/rules.toml", "[[decide]]\nstep = \"nobody\"\ndecision = \"approve\"\n");
    let rules = ["--decisions", "sent/rules.toml"];
    let refused = at(&world, &[&["submit"], &input[..], &rules].concat());
    ends(&refused, 2, "the decisions");
    assert!(!told(&refused).contains("submitted/"), "{}", told(&refused));
    assert_eq!(fs::read_dir(world.root().join("data/submitted")).unwrap().count(), 0);
}

#[test]
fn people_answer_from_other_processes_and_the_run_goes_on() {
    let world = World::new();
    world.project(&Guest::answers("{\"text\":\"a\"}"), ASKS);
    let host = Host::start(&world, &[]);
    let waits = world
        .command(["submit", "--wait", "--data", "data"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    until("two questions are open", || open(&world).len() == 2);
    let asks = open(&world);
    ends(&at(&world, &["approve", &asks[0], "r9/editor/-/0"]), 2, "E136");
    ends(&at(&world, &["reject", &asks[0], "--comment", "shorter"]), 0, "rejected by uid:");
    ends(&at(&world, &["reject", &asks[0], "--comment", "shorter"]), 0, "already rejected");
    world.write("value.json", "{\"text\":\"edited\"}");
    ends(&at(&world, &["edit", &asks[1], "--value", "value.json"]), 0, "edited by uid:");
    let again = |asks: &[String]| asks.iter().all(|ask| ask.ends_with("/1")) && asks.len() == 2;
    until("both are asked again", || again(&open(&world)));
    let asks = open(&world);
    let approved = at(&world, &["approve", &asks[0], &asks[1]]);
    ends(&approved, 0, "approved by uid:");
    assert!(!told(&approved).contains("resume"), "the host takes it up by itself");
    let done = waits.wait_with_output().unwrap();
    ends(&done, 0, "is done");
    assert!(given(&done).contains("edited"), "{}", given(&done));
    drop(host);
}

#[test]
fn decisions_that_were_sent_along_hold_after_a_restart_too() {
    let world = World::new();
    world.project(&Guest::answers("{\"text\":\"a\"}"), ASKS);
    let rules = "[[decide]]\nstep = \"editor\"\nwhere = { locale = \"de\" }\ndecision = \"approve\"\n\n[[decide]]\nstep = \"editor\"\nround = 1\ndecision = \"approve\"\n";
    world.write("rules.toml", rules);
    let host = Host::start(&world, &[]);
    let run = submit(&world, &["--decisions", "rules.toml"]);
    until("only one is asked", || open(&world).len() == 1 && state(&world, &run) == "waiting");
    host.kill();
    // Answered while no host is there, and asked again by the next one.
    let rejected = at(&world, &["reject", &open(&world)[0], "--comment", "again"]);
    ends(&rejected, 0, "rejected by");
    let _host = Host::start(&world, &[]);
    until("it is done", || state(&world, &run) == "done");
    assert_eq!(fs::read_dir(world.root().join("data/submitted")).unwrap().count(), 0);
}

#[test]
fn decisions_reach_a_run_that_a_host_has_and_hold_until_its_end() {
    let world = World::new();
    world.project(&Guest::answers("{\"text\":\"a\"}"), ASKS);
    let host = Host::start(&world, &[]);
    let run = submit(&world, &[]);
    until("two questions are open", || open(&world).len() == 2);
    until("it waits", || state(&world, &run) == "waiting");
    world.write("bad.toml", "[[decide]]\nstep = \"nobody\"\ndecision = \"approve\"\n");
    let refused = at(&world, &["resume", &run, "--decisions", "bad.toml"]);
    ends(&refused, 2, "the decisions");
    assert!(!told(&refused).contains("submitted/"), "{}", told(&refused));
    let fault = ["--inject", "crash-after=CellFinished:1"];
    ends(
        &at(&world, &[&["resume", &run], &fault[..]].concat()),
        2,
        "--inject is for runs in the foreground",
    );

    let rules = "[[decide]]\nstep = \"editor\"\nwhere = { locale = \"de\" }\ndecision = \"approve\"\n\n[[decide]]\nstep = \"editor\"\nround = 1\ndecision = \"approve\"\n";
    world.write("rules.toml", rules);
    ends(&at(&world, &["resume", &run, "--decisions", "rules.toml"]), 0, "goes on");
    until("one is decided", || open(&world).len() == 1 && state(&world, &run) == "waiting");
    host.kill();
    let rejected = at(&world, &["reject", &open(&world)[0], "--comment", "again"]);
    ends(&rejected, 0, "rejected by");
    let _host = Host::start(&world, &[]);
    until("it is done", || state(&world, &run) == "done");
    until("nothing is left", || {
        fs::read_dir(world.root().join("data/submitted")).unwrap().count() == 0
    });
}

#[test]
fn bytes_are_handed_out_only_of_what_a_run_shows() {
    let world = World::new();
    let pipeline = format!("input = \"in.schema.json\"\n{ONE}image = \"${{input.image}}\"\n");
    world.write("pipelines/in.schema.json", "{\"type\":\"object\",\"required\":[\"image\"]}");
    world.project(&Guest::answers("{\"text\":\"Hello\"}"), &pipeline);
    let host = Host::start(&world, &[]);
    let sent = |text: &str| {
        world.write("sent/in.json", "{\"image\": {\"$file\": \"a.txt\"}}");
        world.write("sent/a.txt", text);
        let run = submit(&world, &["--input", "sent/in.json"]);
        until("it is done", || state(&world, &run) == "done");
        run
    };
    let digest = |bytes: &[u8]| format!("blake3:{}", blake3::hash(bytes).to_hex());
    let (one, other) = (sent("the one"), sent("the other"));
    let fetch = |run: &str, digest: &str| {
        let request = json!({"bytes": {"run": run, "digest": digest}}).to_string();
        let hello = frame(b'm', b"{\"version\":1}");
        says(&host, &[hello, frame(b'm', request.as_bytes())].concat())
    };
    let own = fetch(&one, &digest(b"the one"));
    assert!(own.contains("the one") && own.contains("over"), "{own}");
    // The files that a run is pinned to lie there too, and are nobody's to fetch.
    let files = fs::read(world.root().join("bailiwick.toml")).unwrap();
    let there = world.root().join("data");
    let there = bailiwick_store::Store::open_read_only(&there).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let pinned = bailiwick_core::Digest::of(&files);
    assert_eq!(runtime.block_on(there.get(pinned)).unwrap(), files);
    for (run, digest, words) in [
        (&one, digest(b"the other"), "not handed out"),
        (&other, digest(b"the one"), "not handed out"),
        (&one, digest(&files), "not handed out"),
        (&one, digest(b"nowhere"), "not handed out"),
        (&"nobody".to_owned(), digest(b"the one"), "E134"),
    ] {
        let said = fetch(run, &digest);
        assert!(said.contains("refused") && said.contains(words), "{said}");
    }
}

#[test]
fn it_drains_and_the_next_one_goes_on() {
    let world = World::new();
    endless(&world);
    let host = Host::start(&world, &["--grace", "100 ms"]);
    let run = endless_run(&world);
    host.signal(Signal::TERM);
    until("it says so", || host.said().contains("draining"));
    let said = Arc::clone(&host.said);
    assert_eq!(host.ends(), Some(0));
    assert!(said.lock().unwrap().contains("drained"));
    assert_eq!(state(&world, &run), "paused");
    // People see that nobody has to act, and that nothing runs.
    ends(&at(&world, &["runs"]), 0, "until its host is back");
    let shown = at(&world, &["show", &run]);
    ends(&shown, 0, "until its host is back: the host shuts down");
    ends(&shown, 0, "  - parked");
    ends(&at(&world, &["submit"]), 2, "E152");

    let host = Host::start(&world, &["--grace", "10 min"]);
    assert!(host.said().contains("1 to go on with"), "{}", host.said());
    until("it runs again", || given(&at(&world, &["show", &run])).contains("  - running"));
    // Asked twice it does not wait.
    host.signal(Signal::TERM);
    until("it says so", || host.said().contains("draining"));
    host.signal(Signal::TERM);
    assert_eq!(host.ends(), Some(130));
    assert_eq!(state(&world, &run), "paused");
}

#[test]
fn it_goes_on_after_it_was_killed() {
    let world = World::new();
    endless(&world);
    let host = Host::start(&world, &[]);
    let run = endless_run(&world);
    host.kill();
    assert_eq!(state(&world, &run), "interrupted");
    ends(&at(&world, &["show", &run]), 0, "  - parked");
    let host = Host::start(&world, &[]);
    until("it runs again", || given(&at(&world, &["show", &run])).contains("  - running"));
    assert_eq!(state(&world, &run), "running");
    ends(&at(&world, &["resume", &run]), 2, "goes already");
    ends(&at(&world, &["cancel", &run]), 0, "is cancelled");
    assert_eq!(state(&world, &run), "cancelled");
    ends(&at(&world, &["cancel", &run]), 2, "E142");
    drop(host);
}

#[test]
fn what_was_accepted_and_never_begun_is_begun_by_the_next_one() {
    let world = World::new();
    world.project(&Guest::answers("{\"text\":\"a\"}"), ONE);
    let _ = Host::start(&world, &[]);
    // As a host leaves it that is killed before the turn of a run has come.
    let root = fs::canonicalize(world.root()).unwrap();
    let order =
        json!({"project": root, "pipeline": "main", "uid": 0, "input": true, "decisions": false});
    world.write("data/submitted/r1/given/input.json", "{}");
    world.write("data/submitted/r1/order.json", order.to_string());
    world.write("data/submitted/r2/given/input.json", "{}");
    let _host = Host::start(&world, &[]);
    until("it is done", || state(&world, "r1") == "done");
    assert_eq!(state(&world, "r2"), "", "what was not accepted is gone");
    until("nothing is left", || {
        fs::read_dir(world.root().join("data/submitted")).unwrap().count() == 0
    });
}

#[test]
fn a_run_is_paused_and_goes_on_when_it_is_resumed() {
    let world = World::new();
    endless(&world);
    let host = Host::start(&world, &["--grace", "50 ms"]);
    let run = endless_run(&world);
    ends(&at(&world, &["pause", &run]), 0, "rests");
    assert_eq!(state(&world, &run), "paused");
    ends(&at(&world, &["pause", &run]), 2, "it is paused");
    host.kill();
    // What an operator let rest is left alone.
    let host = Host::start(&world, &["--grace", "50 ms"]);
    assert!(host.said().contains("0 to go on with"), "{}", host.said());
    assert_eq!(state(&world, &run), "paused");
    ends(&at(&world, &["resume", &run]), 0, "goes on");
    until("it runs again", || given(&at(&world, &["show", &run])).contains("  - running"));
    ends(&at(&world, &["cancel", &run]), 0, "is cancelled");
    ends(&at(&world, &["resume", "nobody"]), 2, "E134");
}

#[test]
fn a_small_run_is_done_while_a_large_one_of_another_project_is_far_from_it() {
    let world = World::new();
    world.project(&Guest::answers("{\"text\":\"a\"}"), ONE);
    // Each of a thousand attempts takes a place until its processor time is spent: they
    // cannot be over before a hundred seconds of it are.
    world.agent("long", &Guest::does(Does::Loops));
    let large: Vec<String> = (0..1_000).map(|number| number.to_string()).collect();
    let pipeline = format!(
        "[axes]\nn = [{}]\n\n[step.one]\nagent = \"one\"\nover = [\"n\"]\non-failure = {{ tolerate = \"100%\" }}\n",
        large.join(", ")
    );
    let powers = "limits = { cpu = \"100 ms\" }\n";
    world.write(
        "large/bailiwick.toml",
        format!("[agents.one]\ncomponent = \"../agents/long\"\n{powers}"),
    );
    world.write("large/pipelines/main.toml", pipeline);
    let _host = Host::start(&world, &["--project", "large", "--attempts", "2"]);
    let many = submit(&world, &["large"]);
    let failed = || given(&at(&world, &["show", &many])).matches(" failed").count();
    until("the large one runs", || failed() > 0);
    ends(&at(&world, &["submit", "work", "--wait"]), 0, "is done");
    assert!(failed() < 500, "{} of 1000 had to end first", failed());
    ends(&at(&world, &["cancel", &many]), 0, "");
}

#[test]
fn more_runs_wait_than_a_host_keeps_and_each_goes_on_when_it_is_answered() {
    let world = World::new();
    world.project(&Guest::answers("{\"text\":\"a\"}"), &ASKS.replace("\"de\", \"fr\"", "\"de\""));
    let host = Host::start(&world, &[]);
    let runs: Vec<String> = (0..70).map(|_| submit(&world, &[])).collect();
    until("all wait", || open(&world).len() == runs.len());
    for run in [&runs[0], &runs[35], &runs[69]] {
        ends(&at(&world, &["approve", &format!("{run}/editor/locale=de/0")]), 0, "approved");
        until("it is done", || state(&world, run) == "done");
    }
    host.signal(Signal::TERM);
    assert_eq!(host.ends(), Some(0));
    assert_eq!(open(&world).len(), runs.len() - 3);
    assert_eq!(state(&world, &runs[1]), "waiting", "a drain leaves alone what waits for people");
}

#[test]
fn the_second_host_is_told_who_is_first() {
    let world = World::new();
    world.project(&Guest::answers("{\"text\":\"a\"}"), ONE);
    let host = Host::start(&world, &[]);
    let second = at(&world, &["serve", "--project", "."]);
    ends(&second, 2, &format!("is held by process {}", host.child.id()));
    let run = at(&world, &["run"]);
    ends(&run, 2, "bailiwick submit PROJECT/PIPELINE");
    // It has not taken the first one's socket away.
    ends(&at(&world, &["submit", "--wait"]), 0, "is done");
}

#[test]
fn errors_of_any_project_are_told_and_nothing_is_begun() {
    let world = World::new();
    world.project(&Guest::answers("{\"text\":\"a\"}"), ONE);
    world.write("other/bailiwick.toml", "[agents.one]\ncomponent = \"nowhere\"\n");
    world.write("other/pipelines/main.toml", ONE);
    ends(&at(&world, &["serve", "--project", ".", "--project", "other"]), 2, "E102");
    ends(&at(&world, &["serve", "--project", ".", "--project", "."]), 2, "E150");
    assert!(!world.root().join("data").exists());
}

#[test]
fn a_broken_policy_changes_nothing_and_a_new_one_holds_at_once() {
    let world = World::new();
    world.project(&Guest::answers("{\"text\":\"a\"}"), ONE);
    let uid = rustix::process::geteuid().as_raw();
    let policy = |may: &str| {
        format!(
            "labels = {{ unlabelled = \"public\" }}\n[people.me]\nuid = {uid}\ngroups = [\"editors\"]\nmay = [{may}]\n[ceiling.\"local/*\"]\n"
        )
    };
    world.write("policy.toml", policy("\"submit\""));
    let host = Host::start(&world, &["--policy", "policy.toml"]);
    ends(&at(&world, &["submit", "--wait"]), 0, "is done");
    world.write("policy.toml", "[people");
    host.signal(Signal::HUP);
    until("it refuses that", || host.said().contains("stay as they were"));
    ends(&at(&world, &["submit", "--wait"]), 0, "is done");
    world.write("policy.toml", policy("\"approve\""));
    host.signal(Signal::HUP);
    until("it takes this", || host.said().contains("are read anew"));
    ends(&at(&world, &["submit", "--wait"]), 2, "E151");
    for refused in [["cancel", "r"], ["pause", "r"], ["resume", "r"]] {
        ends(&at(&world, &refused), 2, "me may not submit");
    }
}

/// Frames as the protocol has them.
fn frame(kind: u8, bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).unwrap().to_be_bytes();
    [&[kind], &length[..], bytes].concat()
}

/// What the host says to these bytes, until it closes.
fn says(host: &Host, bytes: &[u8]) -> String {
    let mut stream = UnixStream::connect(host.socket()).unwrap();
    stream.set_read_timeout(Some(HANGS)).unwrap();
    // It may close before all is written.
    let _ = stream.write_all(bytes);
    let _ = stream.shutdown(std::net::Shutdown::Write);
    let mut said = Vec::new();
    let _ = stream.read_to_end(&mut said);
    String::from_utf8_lossy(&said).into_owned()
}

#[test]
fn hostile_clients_are_bounded_and_harm_nobody() {
    let world = World::new();
    world.project(&Guest::answers("{\"text\":\"a\"}"), ONE);
    let host = Host::start(&world, &[]);
    let socket = fs::metadata(host.socket()).unwrap();
    assert_eq!(socket.mode() & 0o777, 0o600);
    let folder = fs::metadata(host.socket().parent().unwrap()).unwrap();
    assert_eq!(folder.mode() & 0o777, 0o700);

    let hello = frame(b'm', b"{\"version\":1}");
    let with = |bytes: &[u8]| [&hello[..], bytes].concat();
    assert!(says(&host, &frame(b'm', b"{\"version\":2}")).contains("this host speaks version 1"));
    for nonsense in [
        b"GET / HTTP/1.1\r\n\r\n".to_vec(),
        vec![0; 5_000_000],
        vec![b'm', 255, 255, 255, 255],
        frame(b'm', b"[[[[[[["),
        frame(b'b', b"{\"version\":1}"),
        frame(b'm', &b"[".repeat(1_000_000)),
        Vec::new(),
    ] {
        let said = says(&host, &nonsense);
        assert!(!said.contains("welcome"), "{said}");
    }
    for (request, words) in [
        ("{\"runs\":{\"limit\":4294967295}}", "\"runs\":[]"),
        ("{\"runs\":{\"limit\":-1}}", "E153"),
        ("{\"fly\":{}}", "E153"),
        ("{\"cancel\":{\"run\":\"../../x\"}}", "E153"),
        ("{\"cancel\":{\"run\":\"x\"}}", "E134"),
        ("{\"follow\":{\"run\":\"x\",\"wait\":true}}", "E134"),
        (
            "{\"submit\":{\"project\":null,\"pipeline\":null,\"offer\":{\"input\":null,\"decisions\":null,\"files\":[{\"name\":\"../../x\",\"digest\":\"blake3:0000000000000000000000000000000000000000000000000000000000000000\",\"bytes\":1}]}}}",
            "E121",
        ),
        (
            "{\"submit\":{\"project\":null,\"pipeline\":null,\"offer\":{\"input\":{\"name\":\"\",\"digest\":\"blake3:0000000000000000000000000000000000000000000000000000000000000000\",\"bytes\":18446744073709551615},\"decisions\":null,\"files\":[]}}}",
            "E121",
        ),
    ] {
        let said = says(&host, &with(&frame(b'm', request.as_bytes())));
        assert!(said.contains("welcome") && said.contains(words), "{request}\n{said}");
    }
    // Bytes that are not those that were announced.
    let offer = "{\"submit\":{\"project\":null,\"pipeline\":null,\"offer\":{\"input\":{\"name\":\"\",\"digest\":\"blake3:0000000000000000000000000000000000000000000000000000000000000000\",\"bytes\":2},\"decisions\":null,\"files\":[]}}}";
    let sent = [frame(b'm', offer.as_bytes()), frame(b'b', b"{}")].concat();
    assert!(says(&host, &with(&sent)).contains("not those that were announced"));
    let sent = [frame(b'm', offer.as_bytes()), frame(b'b', b"{\"much\":1}")].concat();
    assert!(says(&host, &with(&sent)).contains("not as many as were announced"));
    assert_eq!(fs::read_dir(world.root().join("data/submitted")).unwrap().count(), 0);

    // More than it takes, all silent: one more is told so, and when they are gone it is as before.
    let crowd: Vec<UnixStream> =
        (0..1_000).filter_map(|_| UnixStream::connect(host.socket()).ok()).collect();
    assert!(crowd.len() > 300);
    let refused = at(&world, &["submit"]);
    assert_ne!(refused.status.code(), Some(0));
    drop(crowd);
    until("it listens again", || at(&world, &["submit"]).status.success());
    // One who stops in the middle of a message is no burden to others.
    let mut slow = UnixStream::connect(host.socket()).unwrap();
    slow.write_all(&[b'm', 0, 15]).unwrap();
    ends(&at(&world, &["submit", "--wait"]), 0, "is done");
    assert!(!host.said().contains("panic"), "{}", host.said());
}

#[test]
fn a_group_reaches_the_host_and_may_what_policy_says() {
    // Only root can become somebody else here.
    if !rustix::process::geteuid().is_root() {
        return;
    }
    const NOBODY: u32 = 65_534;
    let world = World::new();
    world.project(&Guest::answers("{\"text\":\"a\"}"), ASKS);
    let open_up = |path: &std::path::Path| {
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    };
    open_up(world.root().parent().unwrap());
    let policy = |may: &str| {
        format!(
            "labels = {{ unlabelled = \"public\" }}\n[host]\ngroup = \"{NOBODY}\"\n[people.root]\nuid = 0\ngroups = [\"editors\"]\nmay = [\"approve\"]\n{may}[ceiling.\"local/*\"]\n"
        )
    };
    let guest = format!("[people.guest]\nuid = {NOBODY}\ngroups = []\nmay = [\"submit\"]\n");
    world.write("policy.toml", policy(&guest));
    let host = Host::start(&world, &["--policy", "policy.toml"]);
    assert_eq!(
        host.socket(),
        fs::canonicalize(world.root()).unwrap().join("data.run/control.sock")
    );
    let found = fs::metadata(host.socket()).unwrap();
    assert_eq!((found.mode() & 0o777, found.gid()), (0o660, NOBODY));
    let as_guest = |words: &[&str]| -> Output {
        let mut command: Command = world.command([words, &["--data", "data"]].concat());
        command.uid(NOBODY).gid(NOBODY).output().unwrap()
    };
    let submitted = as_guest(&["submit"]);
    ends(&submitted, 0, "");
    let run = given(&submitted).trim().to_owned();
    until("two questions are open", || open(&world).len() == 2);
    // He cannot read the folder; the host tells him.
    ends(&as_guest(&["runs"]), 0, &run);
    ends(&as_guest(&["show", &run]), 0, "one");
    ends(&as_guest(&["logs", &run]), 0, "hello");
    ends(&as_guest(&["approvals"]), 0, &format!("{run}/editor/locale=de/0"));
    let ask = format!("{run}/editor/locale=fr/0");
    ends(&as_guest(&["approve", &ask]), 1, "guest may not approve");
    ends(&at(&world, &["approve", &ask]), 0, "approved by root");
    ends(&at(&world, &["cancel", &run]), 2, "root may not submit");
    ends(&as_guest(&["cancel", &run]), 0, "is cancelled");
    world.write("policy.toml", policy(""));
    host.signal(Signal::HUP);
    until("it takes this", || host.said().contains("are read anew"));
    ends(&as_guest(&["runs"]), 2, "E151");
}

/// The one who submits a confidential run does not release it; another person, who is
/// cleared, does. Whoever is not cleared is shown nothing of it.
#[test]
fn two_people_release_what_is_confidential() {
    // Only root can become somebody else here.
    if !rustix::process::geteuid().is_root() {
        return;
    }
    const NOBODY: u32 = 65_534;
    const OTHER: u32 = 65_533;
    let world = World::new();
    world.project(&Guest::answers("{\"text\":\"a\u{200b}b\"}"), ASKS);
    world.write("facts/brand.md", "# Brand\n\nThe plan.\n");
    let grants = "[agents.one]\ncomponent = \"agents/one\"\ngrants.knowledge = [\"brand\"]\n\
        [knowledge.brand]\nfolder = \"facts\"\nlabel = \"confidential\"\n";
    world.write("bailiwick.toml", grants);
    for path in [world.root().parent().unwrap().to_owned(), world.root()] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let person = |name: &str, uid: u32, clearance: &str| {
        format!(
            "[people.{name}]\nuid = {uid}\ngroups = [\"editors\"]\nmay = [\"approve\", \"submit\"]\nclearance = \"{clearance}\"\n"
        )
    };
    let policy = [
        "labels = { unlabelled = \"public\" }\n[host]\ngroup = \"65534\"\n".to_owned(),
        person("root", 0, "confidential"),
        person("ed", NOBODY, "confidential"),
        person("cy", OTHER, "internal"),
        "[[declassify]]\nfrom = \"confidential\"\nto = \"public\"\nby = [\"editors\"]\npipelines = [\"main\"]\n".into(),
        "[ceiling.\"local/*\"]\nknowledge = {}\n".into(),
    ];
    world.write("policy.toml", policy.concat());
    let host = Host::start(&world, &["--policy", "policy.toml"]);
    let run = submit(&world, &[]);
    let as_uid = |uid: u32, words: &[&str]| -> Output {
        let mut command: Command = world.command([words, &["--data", "data"]].concat());
        command.uid(uid).gid(NOBODY).output().unwrap()
    };
    until("two questions are open", || open(&world).len() == 2);
    let asks = ["de", "fr"].map(|locale| format!("{run}/editor/locale={locale}/0"));
    ends(&at(&world, &["approve", &asks[0]]), 1, "root started");
    ends(&as_uid(OTHER, &["approve", &asks[0]]), 1, "cy is cleared for internal");
    ends(&as_uid(OTHER, &["show", &run]), 2, "E160");
    ends(&as_uid(OTHER, &["logs", &run]), 2, "E160");
    let listed = as_uid(OTHER, &["runs"]);
    assert!(!given(&listed).contains(&run), "{}", given(&listed));
    assert_eq!(given(&as_uid(OTHER, &["approvals"])), "");
    ends(&as_uid(NOBODY, &["approvals", &run]), 0, &asks[1]);
    for ask in &asks {
        ends(&as_uid(NOBODY, &["approve", ask]), 0, "approved by ed");
    }
    until("it is done", || state(&world, &run) == "done");
    let shown = given(&as_uid(NOBODY, &["show", &run, "--facts"]));
    let released: Vec<Value> =
        shown.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let text = serde_json::to_string(&released).unwrap();
    assert!(text.contains("\"text\":\"ab\"") && !text.contains("\u{200b}"), "{text}");
    drop(host);
}
