//! Rules that change under a run: a grant that goes, a ceiling that is lowered and a power that is revoked stop a running step at its next call, under `run` and under `serve`.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod end_to_end;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Child;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use end_to_end::guest::Guest;
use end_to_end::project::{OPERATORS, Project};
use end_to_end::shelf::{Key, pack, ship};
use end_to_end::{Desk, HANGS, until};

/// How long a request takes: the guest makes some dozens before anything is changed.
const ANSWERS_AFTER: Duration = Duration::from_millis(5);

/// A server that answers everything, and counts. It ends with the test.
struct Counter {
    port: u16,
    count: Arc<AtomicUsize>,
}

impl Counter {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let count = Arc::<AtomicUsize>::default();
        let counted = Arc::clone(&count);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { return };
                let mut head = Vec::new();
                let mut byte = [0];
                while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|n| n == 1) {
                    head.push(byte[0]);
                }
                std::thread::sleep(ANSWERS_AFTER);
                counted.fetch_add(1, Ordering::SeqCst);
                let answer = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
                let _ = stream.write_all(answer.as_bytes());
            }
        });
        Self { port, count }
    }

    fn asked(&self) -> usize {
        self.count.load(Ordering::SeqCst)
    }
}

/// An agent that asks the same thing again and again, and hands a refusal on.
fn asks_for_ever(port: u16) -> Guest {
    let url = format!("http://127.0.0.1:{port}/v1/x");
    let extra = format!(
        r#"(data (i32.const 4096) "GET") (data (i32.const 4110) "http") (data (i32.const 4200) "{url}")"#
    );
    let perform = format!(
        "(loop $again
           (global.set $heap (i32.const 65536))
           (call $fetch (i32.const 4096) (i32.const 3) (i32.const 4200) (i32.const {})
             (i32.const 0) (i32.const 0) (i32.const 8000) (i32.const 0) (i32.const 1200))
           (if (i32.load8_u (i32.const 1200))
             (then (return (call $refused (i32.const 4110) (i32.const 4)))))
           (br $again))",
        url.len()
    );
    Guest {
        wants: "http = { hosts = [\"127.0.0.1\"], reason = \"tests\" }",
        imports: r#"(import "bailiwick:agent/http@0.1.0" "fetch"
            (func $fetch (param i32 i32 i32 i32 i32 i32 i32 i32 i32)))"#,
        extra,
        ..Guest::new("asker", &perform)
    }
}

/// A project with that agent, under a policy of its own.
struct Scene {
    desk: Desk,
    project: Project,
    policy: PathBuf,
    counter: Counter,
}

impl Scene {
    fn new() -> Self {
        Self::with(|guest, desk| (guest.build(desk), String::new()))
    }

    /// The same with an agent that `acme` signed; gives the key, too.
    fn signed() -> (Self, Key) {
        let mut signer = None;
        let scene = Self::with(|guest, desk| {
            let key = Key::new(desk, "acme");
            let component = ship(desk, guest, "acme", &key);
            let admitted = format!("[publishers.acme]\nkeys = [{{ {} }}]\n", key.line);
            signer = Some(key);
            (component, admitted)
        });
        (scene, signer.unwrap())
    }

    /// With an agent that is built so, under a policy that says this besides.
    fn with(build: impl FnOnce(&Guest, &Desk) -> (PathBuf, String)) -> Self {
        let (desk, counter) = (Desk::new(), Counter::start());
        let (folder, admitted) = build(&asks_for_ever(counter.port), &desk);
        let rule = format!(
            "{{ scheme = \"http\", host = \"127.0.0.1\", port = {}, paths = [\"/v1/*\"], network = \"loopback\" }}",
            counter.port
        );
        let operators = format!(
            "[agents.asker]\ncomponent = {folder:?}\ngrants.http = [{rule}]\nlimits = {{ gate-calls = 100_000, wall = \"20 min\" }}\n"
        );
        let pipeline = "[step.ask]\nagent = \"asker\"\ninput = {}\nretry = { attempts = 3 }\n[output]\nask = \"${ask}\"\n";
        let files = [(OPERATORS, operators.as_str()), ("pipelines/ask.toml", pipeline)];
        let project = Project::of(&desk, &files);
        let text = format!(
            "labels = {{ unlabelled = \"public\" }}\n[ceiling.\"local/*\"]\nlimits = {{ gate-calls = 100_000, wall = \"20 min\" }}\nhttp = [{rule}]\n"
        );
        // Whoever runs the tests may ask the host; a policy.toml names everybody who may.
        let uid = rustix::process::getuid().as_raw();
        let people = format!(
            "[people.me]\nuid = {uid}\ngroups = []\nmay = [\"submit\", \"revoke\", \"swap\"]\n"
        );
        let acme = text.split_once("[ceiling").unwrap().1.replacen("local/*", "acme/*", 1);
        let text = format!("{text}[ceiling{acme}{people}{admitted}");
        let policy = desk.file("policy/policy.toml", &text);
        Self { desk, project, policy, counter }
    }

    /// Starts a command that stays.
    fn start(&self, words: &[&str]) -> Process {
        let call = self.desk.bailiwick(words).option("project", self.project.path());
        let call = call.option("data", self.desk.data()).option("policy", &self.policy);
        Process::of(call.starts())
    }

    /// Waits until the guest has made some more requests.
    fn goes_on(&self) {
        let before = self.counter.asked();
        until("it asks", || self.counter.asked() > before + 5);
    }

    fn file(&self, change: impl FnOnce(String) -> String, path: &std::path::Path) {
        let text = std::fs::read_to_string(path).unwrap();
        let changed = change(text.clone());
        assert_ne!(text, changed);
        std::fs::write(path, changed).unwrap();
    }

    fn operators(&self) -> PathBuf {
        self.project.path().join(OPERATORS)
    }

    /// The grant is taken out of the operator's file.
    fn take_the_grant(&self) {
        let without = |text: String| {
            text.lines()
                .filter(|line| !line.starts_with("grants.http"))
                .map(|l| format!("{l}\n"))
                .collect()
        };
        self.file(without, &self.operators());
    }

    /// The admin allows another path.
    fn lower_the_ceiling(&self) {
        self.file(|text| text.replace("/v1/*", "/v2/*"), &self.policy);
    }

    /// The one attempt ended as `revoked`; gives what it said and the hint.
    fn revoked(&self, run: &str) -> (String, String) {
        let asked = self.counter.asked();
        let shown = self.desk.cell(run, "ask/-");
        let attempts = shown["attempts"].as_array().unwrap();
        assert_eq!(attempts.len(), 1, "never tried again: {shown}");
        let failure = &attempts[0]["failure"];
        assert_eq!(failure["kind"], "revoked", "{failure}");
        let denials = &self.desk.shown(run)["denials"];
        assert_eq!(denials[0]["hint"], failure["hint"], "it stands in the run: {denials}");
        std::thread::sleep(10 * ANSWERS_AFTER);
        assert_eq!(self.counter.asked(), asked, "nothing more left the host");
        let text = |key: &str| failure[key].as_str().unwrap().to_owned();
        (text("message"), text("hint"))
    }

    /// What the host wrote down of itself.
    fn host_stream(&self) -> String {
        let export = self.desk.bailiwick(["audit", "export"]).option("data", self.desk.data());
        export.ends(0).stdout
    }

    /// Gives a run to the host, and its id.
    fn submit(&self) -> String {
        self.host(&["submit"]).stdout.trim().to_owned()
    }

    fn host(&self, words: &[&str]) -> end_to_end::Ended {
        self.at(words, 0)
    }

    fn at(&self, words: &[&str], code: i32) -> end_to_end::Ended {
        self.desk.bailiwick(words).option("data", self.desk.data()).ends(code)
    }

    fn state(&self, run: &str) -> String {
        let listed = self.host(&["runs", "--json"]).lines();
        let found = listed.iter().find(|one| one["run"] == run);
        found.map_or(String::new(), |one| one["state"].as_str().unwrap().to_owned())
    }
}

/// A command that goes on, and what it has said.
struct Process {
    child: Child,
    said: Arc<Mutex<String>>,
}

impl Process {
    fn of(mut child: Child) -> Self {
        let said = Arc::<Mutex<String>>::default();
        let (stderr, all) = (child.stderr.take().unwrap(), Arc::clone(&said));
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                all.lock().unwrap().push_str(&format!("{line}\n"));
            }
        });
        Self { child, said }
    }

    fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    #[track_caller]
    fn says(&self, words: &str) {
        let since = Instant::now();
        while !self.said().contains(words) {
            assert!(since.elapsed() < HANGS, "{words:?} is never said:\n{}", self.said());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn ends(&mut self) -> Option<i32> {
        let mut status = None;
        until("it ends", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        status.unwrap().code()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_grant_that_is_taken_out_of_the_file_stops_a_running_step_at_its_next_call() {
    let scene = Scene::new();
    let mut run = scene.start(&["run", "--run-id", "r"]);
    scene.goes_on();
    scene.take_the_grant();
    assert_eq!(run.ends(), Some(1), "{}", run.said());
    let (message, hint) = scene.revoked("r");
    assert!(
        message.starts_with("a power was taken away while it ran: GET http://127.0.0.1"),
        "{message}"
    );
    assert!(hint.starts_with("in bailiwick.toml, under [agents.asker]: grants.http = "), "{hint}");
    run.says("bailiwick.toml was changed and is in force");
    run.says("asker: http was ");
    run.says("and is nothing: [agents.asker] in bailiwick.toml");
    let stream = scene.host_stream();
    assert!(stream.contains("RulesTaken") && stream.contains("is nothing"), "{stream}");
}

#[test]
fn a_ceiling_that_is_lowered_stops_a_running_step_at_its_next_call() {
    let scene = Scene::new();
    let mut run = scene.start(&["run", "--run-id", "r"]);
    scene.goes_on();
    scene.lower_the_ceiling();
    assert_eq!(run.ends(), Some(1), "{}", run.said());
    let (message, hint) = scene.revoked("r");
    assert!(
        message.contains("[ceiling.\"local/*\"] in policy.toml does not allow it"),
        "{message}"
    );
    assert!(hint.starts_with("in policy.toml, under [ceiling.\"local/*\"]: http"), "{hint}");
    run.says("policy.toml was changed and is in force");
}

/// What is in the operator's file holds up nothing that the admin says: neither as much
/// nonsense as it may hold, nor something that is no file.
#[test]
fn no_file_of_the_operator_holds_up_the_policy() {
    let junk: String = (0..60_000).map(|number| format!("[a{number}]\n")).collect();
    let nonsense = |scene: &Scene| std::fs::write(scene.operators(), &junk).unwrap();
    let pipe = |scene: &Scene| {
        std::fs::remove_file(scene.operators()).unwrap();
        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        rustix::fs::mkfifoat(rustix::fs::CWD, scene.operators(), mode).unwrap();
    };
    for trick in [&nonsense as &dyn Fn(&Scene), &pipe] {
        let scene = Scene::new();
        let mut run = scene.start(&["run", "--run-id", "r"]);
        scene.goes_on();
        trick(&scene);
        // Past the second look: it is being read.
        std::thread::sleep(Duration::from_millis(150));
        let since = Instant::now();
        scene.lower_the_ceiling();
        assert_eq!(run.ends(), Some(1), "{}", run.said());
        // It is in force after a tenth; the nonsense alone took a quarter of a minute.
        assert!(since.elapsed() < Duration::from_secs(8), "{:?}", since.elapsed());
        scene.revoked("r");
        run.says("policy.toml was changed and is in force");
    }
}

#[test]
fn a_file_that_cannot_be_read_is_refused_and_the_one_before_stays() {
    let scene = Scene::new();
    let mut run = scene.start(&["run", "--run-id", "r"]);
    scene.goes_on();
    let whole = std::fs::read_to_string(&scene.policy).unwrap();
    for broken in ["[ceiling", "no such key = 1\n"] {
        std::fs::write(&scene.policy, broken).unwrap();
        run.says("cannot be read; the version before stays in force");
        run.said.lock().unwrap().clear();
        scene.goes_on();
    }
    std::fs::remove_file(&scene.policy).unwrap();
    run.says("cannot be read; the version before stays in force");
    scene.goes_on();
    std::fs::write(&scene.policy, whole).unwrap();
    run.says("policy.toml was changed and is in force");
    scene.goes_on();
    scene.lower_the_ceiling();
    assert_eq!(run.ends(), Some(1), "{}", run.said());
    scene.revoked("r");
    assert!(scene.host_stream().contains("RulesRefused"));
}

#[test]
fn a_host_that_serves_goes_by_its_files_as_they_are() {
    for change in [Scene::take_the_grant as fn(&Scene), Scene::lower_the_ceiling] {
        let scene = Scene::new();
        let served = scene.start(&["serve"]);
        served.says("serving ");
        let run = scene.submit();
        scene.goes_on();
        change(&scene);
        until("it fails", || scene.state(&run) == "failed");
        scene.revoked(&run);
        served.says("was changed and is in force");
        // `check` refuses an import without a grant, and a grant above the ceiling: what is
        // there goes on, what begins keeps to the files of before, and this is said.
        served.says("runs begin with the files as they were before");
    }
}

#[test]
fn what_is_revoked_stops_a_running_step_and_stays_so_over_a_restart() {
    let scene = Scene::new();
    let served = scene.start(&["serve"]);
    served.says("serving ");
    let run = scene.submit();
    scene.goes_on();
    scene.host(&["revoke", "asker", "http.127.0.0.1"]);
    until("it fails", || scene.state(&run) == "failed");
    let (message, hint) = scene.revoked(&run);
    assert!(message.ends_with("it was revoked"), "{message}");
    assert_eq!(hint, "type: bailiwick revoke --undo asker http.127.0.0.1");
    drop(served);

    let served = scene.start(&["serve"]);
    served.says("serving ");
    let listed = scene.host(&["revoke", "--list"]).stdout;
    assert!(listed.starts_with("asker http.127.0.0.1, by "), "{listed}");
    let before = scene.counter.asked();
    let run = scene.submit();
    until("it fails", || scene.state(&run) == "failed");
    assert_eq!(scene.counter.asked(), before);
    assert_eq!(scene.desk.shown(&run)["denials"][0]["hint"], hint.as_str(), "it never had it");
    scene.host(&["revoke", "--undo", "asker", "http.127.0.0.1"]);
    assert_eq!(scene.host(&["revoke", "--list"]).stdout, "");
    scene.submit();
    scene.goes_on();
    let stream = scene.host_stream();
    assert!(stream.contains("PowerRevoked") && stream.contains("PowerReturned"), "{stream}");
}

/// A key and a component that the admin takes back, and a publisher that he throws out.
#[test]
fn a_component_that_is_revoked_while_a_host_serves_it_is_stopped() {
    type Takes = fn(&Scene, &Key) -> (String, String);
    let by_key: Takes = |_, key| {
        let said = format!("key {}, which signed it, is revoked", key.id);
        (format!("\n[revoked]\nkeys = [{:?}]\n", key.id), said)
    };
    let by_digest: Takes = |scene, _| {
        let bytes = std::fs::read(scene.desk.path("shelf/asker.wasm")).unwrap();
        let digest = format!("blake3:{}", blake3::hash(&bytes).to_hex());
        let said = format!("the component {digest} is revoked");
        (format!("\n[revoked]\ndigests = [{digest:?}]\n"), said)
    };
    for take in [by_key, by_digest] {
        let (scene, key) = Scene::signed();
        let served = scene.start(&["serve"]);
        served.says("serving ");
        let run = scene.submit();
        scene.goes_on();
        let (line, says) = take(&scene, &key);
        scene.file(|text| text + &line, &scene.policy);
        until("it fails", || scene.state(&run) == "failed");
        let (message, hint) = scene.revoked(&run);
        assert_eq!(message, format!("a power was taken away while it ran: {says}"));
        assert!(hint.starts_with("in policy.toml, under [revoked]: "), "{hint}");
        served.says(&format!("and is nothing: {says}"));
        // What begins now does not begin.
        let before = scene.counter.asked();
        let run = scene.submit();
        until("it fails", || scene.state(&run) == "failed");
        let shown = scene.desk.cell(&run, "ask/-");
        let failure = &shown["attempts"][0]["failure"];
        assert_eq!(failure["kind"], "revoked");
        assert_eq!(failure["message"], format!("it does not begin: {says}").as_str());
        assert_eq!(scene.counter.asked(), before);
    }
    let (scene, key) = Scene::signed();
    let mut run = scene.start(&["run", "--run-id", "r"]);
    scene.goes_on();
    let other = Key::new(&scene.desk, "other");
    scene.file(|text| text.replace(&key.line, &other.line), &scene.policy);
    assert_eq!(run.ends(), Some(1), "{}", run.said());
    let (message, _) = scene.revoked("r");
    assert!(message.ends_with(&format!("admits key {} of acme no more", key.id)), "{message}");
}

/// A key keeps its signatures when its days are over; an edit of its days that leaves the day
/// of a signature out takes them back, as the removal of the key does.
#[test]
fn a_key_whose_days_are_others_by_now_stops_what_it_signed_on_none_of_them() {
    for (word, day, says) in [
        ("from", "2999-01-01", "from 2999-01-01 on only, and this was signed on 20"),
        ("until", "2001-01-01", "until 2001-01-01 only, and this was signed on 20"),
    ] {
        let (scene, key) = Scene::signed();
        let served = scene.start(&["serve"]);
        served.says("serving ");
        let run = scene.submit();
        scene.goes_on();
        let wide = format!("{}, from = \"2001-01-01\", until = \"2999-01-01\"", key.line);
        scene.file(|text| text.replace(&key.line, &wide), &scene.policy);
        served.says("was changed and is in force");
        scene.goes_on();
        let narrow = format!("{}, {word} = {day:?}", key.line);
        scene.file(|text| text.replace(&wide, &narrow), &scene.policy);
        until("it fails", || scene.state(&run) == "failed");
        let (message, hint) = scene.revoked(&run);
        let says = format!("policy.toml admits key {} of acme {says}", key.id);
        assert!(message.contains(&says), "{message}");
        let line =
            format!("in policy.toml, under [publishers.acme]: key {} has {word} = {day:?}", key.id);
        assert_eq!(hint, line);
        served.says(&format!("and is nothing: {says}"));
        // And what begins now is told why it does not.
        let run = scene.submit();
        until("it fails", || scene.state(&run) == "failed");
        let told = scene.desk.told(&run);
        assert!(told.contains("it does not begin: ") && told.contains(&says), "{told}");
    }
}

/// What was swapped in serves under its own signature, and goes with it.
#[test]
fn a_component_that_was_swapped_in_is_stopped_when_it_is_revoked() {
    let (scene, key) = Scene::signed();
    let served = scene.start(&["serve"]);
    served.says("serving ");
    let second = Guest { version: "1.1.0", ..asks_for_ever(scene.counter.port) };
    let folder = second.build_in(&scene.desk, "second");
    pack(&scene.desk, &folder, "acme", &key);
    let component = folder.join("dist/asker.wasm");
    scene.host(&["swap", "asker", component.to_str().unwrap()]);
    let run = scene.submit();
    scene.goes_on();
    let digest = blake3::hash(&std::fs::read(&component).unwrap()).to_hex();
    let revoked = format!("\n[revoked]\ndigests = [\"blake3:{digest}\"]\n");
    scene.file(|text| text + &revoked, &scene.policy);
    until("it fails", || scene.state(&run) == "failed");
    let (message, hint) = scene.revoked(&run);
    assert!(message.ends_with(&format!("the component blake3:{digest} is revoked")), "{message}");
    assert!(hint.starts_with("in policy.toml, under [revoked]: "), "{hint}");
    // Nothing new begins on it, and it can be replaced all the same: by the one before, or by
    // the next one, which may do more than what may do nothing.
    let serves = |words: &[&str]| {
        scene.host(&[&["swap", "asker"], words].concat());
        let run = scene.submit();
        scene.goes_on();
        scene.host(&["cancel", &run]);
    };
    let refused = scene.at(&["submit"], 2).stderr;
    assert!(refused.contains("E179") && refused.contains("is revoked"), "{refused}");
    serves(&["--rollback"]);
    let back = scene.at(&["swap", "asker", "--rollback"], 2).stderr;
    assert!(back.contains("E179"), "{back}");
}

/// Also where the file itself is what is revoked.
#[test]
fn a_component_that_is_revoked_is_replaced_by_a_swap() {
    let (scene, key) = Scene::signed();
    let served = scene.start(&["serve"]);
    served.says("serving ");
    let own = blake3::hash(&std::fs::read(scene.desk.path("shelf/asker.wasm")).unwrap()).to_hex();
    let revoked = format!("\n[revoked]\ndigests = [\"blake3:{own}\"]\n");
    scene.file(|text| text + &revoked, &scene.policy);
    served.says("was changed and is in force");
    let second = Guest { version: "1.1.0", ..asks_for_ever(scene.counter.port) };
    let folder = second.build_in(&scene.desk, "second");
    pack(&scene.desk, &folder, "acme", &key);
    let component = folder.join("dist/asker.wasm");
    let component = component.to_str().unwrap();
    let refused = scene.at(&["swap", "asker", component], 2).stdout;
    assert!(refused.contains("! grants http: nothing -> "), "{refused}");
    scene.host(&["swap", "asker", component, "--accept"]);
    scene.submit();
    scene.goes_on();
    let back = scene.at(&["swap", "asker", "--rollback"], 2).stderr;
    assert!(back.contains("E179"), "{back}");
}

#[test]
fn without_a_host_it_holds_for_the_next_one() {
    let scene = Scene::new();
    scene.host(&["revoke", "local/asker", "all"]);
    let mut run = scene.start(&["run", "--run-id", "r"]);
    assert_eq!(run.ends(), Some(1), "{}", run.said());
    assert_eq!(scene.counter.asked(), 0);
    let hint = &scene.desk.shown("r")["denials"][0]["hint"];
    assert_eq!(hint, "type: bailiwick revoke --undo local/asker all");
    scene.desk.bailiwick(["revoke", "asker", "nonsense"]).option("data", scene.desk.data()).ends(2);
}

/// What `check --try` says is what the gate does: by the files, and by what is revoked.
#[test]
fn a_request_that_nobody_makes_is_judged_as_the_gate_would() {
    let scene = Scene::new();
    let tried = |request: &str, code: i32| {
        let call = scene.desk.bailiwick(["check", "--try", request]);
        let call = call.option("project", scene.project.path()).option("policy", &scene.policy);
        call.option("data", scene.desk.data()).ends(code).stdout
    };
    let url = |path: &str| format!("asker http GET http://127.0.0.1:{}{path}", scene.counter.port);
    let allowed = tried(&url("/v1/x"), 0);
    assert!(allowed.starts_with("allowed: asker http GET "), "{allowed}");
    for line in [
        "granted    bailiwick.toml:3: ",
        "ceiling    [ceiling.\"local/*\"]",
        "address    127.0.0.1: loopback",
        "label ",
    ] {
        assert!(allowed.contains(line), "{line} is not in\n{allowed}");
    }
    let denied = tried(&url("/v9/x"), 1);
    assert!(denied.contains("no rule for this host has the path"), "{denied}");
    assert!(
        denied.contains("to change  in bailiwick.toml, under [agents.asker]: grants.http = "),
        "{denied}"
    );
    for (request, line) in [
        ("asker model writer", "grants.model = { use = [\"writer\"] }"),
        ("asker knowledge brand", "grants.knowledge = [\"brand\"]"),
        ("asker kv set notes", "grants.kv = { namespace = \"NAMESPACE\" }"),
        ("asker artifacts put 3MiB", "grants.artifacts = { put = \"64 MiB\" }"),
    ] {
        let denied = tried(request, 1);
        assert!(denied.contains(line), "{denied}");
    }
    tried("asker walk", 2);
    tried("nobody model writer", 2);
    scene.host(&["revoke", "asker", "http"]);
    let denied = tried(&url("/v1/x"), 1);
    assert!(denied.contains("to change  type: bailiwick revoke --undo asker http"), "{denied}");
    assert_eq!(scene.counter.asked(), 0, "nothing was sent");
}
