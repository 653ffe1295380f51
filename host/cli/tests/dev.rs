//! `bailiwick dev`: rounds of an author, with agents whose author has a compiler of his own, and from each template.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod end_to_end;

use std::io::{BufRead as _, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::Child;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use end_to_end::guest::Guest;
use end_to_end::{Call, Desk, root};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

/// Longer than any round takes on a busy machine, Python's first one included.
const HANGS: Duration = Duration::from_secs(300);

/// An agent that answers this document.
fn says(document: &Value) -> Guest {
    let text = document.to_string();
    Guest {
        extra: format!("(data (i32.const 4096) {text:?})"),
        ..Guest::new(
            "says",
            &format!("(return (call $ok (i32.const 4096) (i32.const {})))", text.len()),
        )
    }
}

/// An agent that answers what it is given.
fn echoes() -> Guest {
    Guest::new("says", "(return (call $ok (local.get 5) (local.get 6)))")
}

/// An agent that refuses.
fn refuses(why: &str) -> Guest {
    let perform = format!("(return (call $refused (i32.const 4096) (i32.const {})))", why.len());
    Guest { extra: format!("(data (i32.const 4096) {why:?})"), ..Guest::new("says", &perform) }
}

/// The folder of an agent, with a project to try it in.
struct Author {
    desk: Desk,
    folder: PathBuf,
}

impl Author {
    fn of(guest: &Guest) -> Self {
        let desk = Desk::new();
        let folder = desk.path("says");
        guest.write(&folder);
        let author = Self { desk, folder };
        author.write("try/bailiwick.toml", "[agents.says]\ncomponent = \"..\"\n");
        let pipeline = "input = { name = \"string\" }\n\n[step.says]\nagent = \"says\"\ninput = \"${input}\"\n\n[output]\nresult = \"${says}\"\n";
        author.write("try/pipelines/says.toml", pipeline);
        author.write("try/input.json", "{ \"name\": \"Ada\" }\n");
        author
    }

    /// A file of the agent, written as many editors do: beside it, then in its place.
    fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let part = path.with_extension("part~");
        std::fs::write(&part, text).unwrap();
        std::fs::rename(part, path).unwrap();
    }

    fn built(&self) -> Vec<u8> {
        std::fs::read(self.folder.join("dist/says.wasm")).unwrap()
    }

    fn dev(&self) -> Call {
        self.desk.bailiwick(["dev"]).word(&self.folder)
    }

    fn once(&self) -> Call {
        self.dev().word("--once").word("--json")
    }

    fn rounds(&self) -> Rounds {
        Rounds::by(self.dev().word("--json"))
    }
}

/// A `bailiwick dev` that goes on.
struct Rounds {
    child: Child,
    results: Receiver<String>,
    talk: Receiver<String>,
    said: String,
    /// What it said in the last round.
    told: String,
}

impl Rounds {
    fn by(call: Call) -> Self {
        let mut child = call.starts();
        let results = lines(child.stdout.take().unwrap());
        let talk = lines(child.stderr.take().unwrap());
        Self { child, results, talk, said: String::new(), told: String::new() }
    }

    /// The next line of its results.
    #[track_caller]
    fn line(&mut self) -> String {
        match self.results.recv_timeout(HANGS) {
            Ok(line) => line,
            Err(why) => {
                self.said.extend(self.talk.try_iter());
                panic!("no result: {why}: {}", self.said)
            }
        }
    }

    /// The next round, once it waits for the one after.
    #[track_caller]
    fn next(&mut self) -> Value {
        let round = serde_json::from_str(&self.line()).unwrap();
        self.told = self.says("watching ");
        round
    }

    /// Reads what it says until this comes, and gives it.
    #[track_caller]
    fn says(&mut self, what: &str) -> String {
        let since = Instant::now();
        loop {
            let left = HANGS.saturating_sub(since.elapsed());
            let Ok(line) = self.talk.recv_timeout(left) else {
                panic!("it never says {what:?}: {}", self.said)
            };
            self.said.push_str(&line);
            self.said.push('\n');
            if line.contains(what) {
                return std::mem::take(&mut self.said);
            }
        }
    }

    /// Ctrl-C ends it, and well.
    #[track_caller]
    fn stops(mut self) {
        kill_process(Pid::from_child(&self.child), Signal::INT).unwrap();
        let since = Instant::now();
        let ended = loop {
            match self.child.try_wait().unwrap() {
                Some(ended) => break ended,
                None => assert!(since.elapsed() < HANGS, "it does not end"),
            }
            std::thread::sleep(Duration::from_millis(10));
        };
        self.said.extend(self.talk.try_iter());
        assert_eq!(ended.code(), Some(0), "{}", self.said);
    }
}

impl Drop for Rounds {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn lines(from: impl Read + Send + 'static) -> Receiver<String> {
    let (send, receive) = channel();
    std::thread::spawn(move || {
        let lines = BufReader::new(from).lines().map_while(Result::ok);
        lines.for_each(|line| drop(send.send(line)));
    });
    receive
}

#[test]
fn a_round_shows_the_output_and_the_next_one_what_is_another_one() {
    let author = Author::of(&says(&json!({ "greeting": "Hello", "to": ["a", "b"] })));
    let mut rounds = Rounds::by(author.dev());
    let first = rounds.says("watching ");
    assert!(first.contains("round 1") && first.contains("nothing served before"), "{first}");
    let shown: Vec<String> = (0..9).map(|_| rounds.line()).collect();
    let shown: Value = serde_json::from_str(&shown.concat()).unwrap();
    assert_eq!(shown, json!({ "result": { "greeting": "Hello", "to": ["a", "b"] } }));

    says(&json!({ "greeting": "Hi", "to": ["a"] })).write(&author.folder);
    let told: Vec<String> = (0..7).map(|_| rounds.line()).collect();
    assert_eq!(
        told,
        [
            "the output is another one:",
            "  /result/greeting",
            "    then \"Hello\"",
            "    now  \"Hi\"",
            "  /result/to/1",
            "    then \"b\"",
            "    now  nothing",
        ]
    );
    let second = rounds.says("watching ");
    assert!(second.contains("round 2: ") && second.contains("module.wasm"), "{second}");
    assert!(second.contains("imports, wants, grants and schemas are as before"), "{second}");
    rounds.stops();
    // What it did is there for whoever looks at the project.
    let runs = author.desk.bailiwick(["runs", "--json"]);
    let runs = runs.option("project", author.folder.join("try")).ends(0).lines();
    assert!(runs.len() == 2 && runs.iter().all(|run| run["state"] == "done"), "{runs:?}");
    let swaps = author.desk.bailiwick(["swap", "--list", "--json"]);
    let swaps = swaps.option("project", author.folder.join("try")).ends(0).lines();
    // The file has what was swapped in by now, and the last word.
    assert_eq!(swaps.len(), 0, "{swaps:?}");
}

#[test]
fn what_is_wrong_is_told_and_what_served_serves_on_until_it_is_mended() {
    let author = Author::of(&says(&json!(1)));
    let mut rounds = author.rounds();
    assert_eq!(rounds.next()["run"]["output"], json!({ "result": 1 }));
    let served = author.built();
    let (manifest, project) = ("agent.toml", "try/bailiwick.toml");
    for (file, text, code) in [
        ("module.wasm", "no module", "E140"),
        (manifest, "[wants", "E701"),
        (manifest, "[build]\nmodule = \"gone.wasm\"\n", "E140"),
        (project, "[agents.says\n", "E0"),
        (project, "[agents.says]\ncomponent = \"elsewhere\"\n", "E174"),
    ] {
        let before = std::fs::read(author.folder.join(file)).unwrap();
        author.write(file, text);
        let wrong = rounds.next();
        let told = wrong["problems"][0]["code"].as_str().unwrap_or_else(|| panic!("{wrong}"));
        assert!(told.starts_with(code), "{file}: {wrong}");
        assert!(wrong.get("run").is_none() && wrong["changed"] == json!([file]), "{wrong}");
        assert_eq!(author.built(), served, "{file}");
        author.write(file, before);
        let mended = rounds.next();
        assert_eq!(mended["run"]["since"]["same"], true, "{mended}");
        // What the component is not made of makes no build.
        let taken = if file == project { Value::Null } else { json!("same") };
        assert_eq!(mended["built"]["taken"], taken, "{mended}");
    }
    std::fs::remove_file(author.folder.join("agent.toml")).unwrap();
    assert_eq!(rounds.next()["problems"][0]["code"], "E140");
    says(&json!(2)).write(&author.folder);
    let mut mended = rounds.next();
    // The two files may be seen one after the other.
    while mended["run"]["output"] != json!({ "result": 2 }) {
        mended = rounds.next();
    }
    rounds.stops();
}

#[test]
fn an_input_that_changes_is_run_again_without_a_build() {
    let author = Author::of(&echoes());
    let mut rounds = author.rounds();
    assert_eq!(rounds.next()["built"]["taken"], "first");
    author.write("try/input.json", "{ \"name\": \"Bo\" }\n");
    let other = rounds.next();
    assert!(other.get("built").is_none(), "{other}");
    let differences = json!([{ "at": "/result/name", "was": "\"Ada\"", "is": "\"Bo\"" }]);
    assert_eq!(other["run"]["since"]["differences"], differences, "{other}");
    author.write("try/input.json", "{ \"name\": 1 }\n");
    assert_eq!(rounds.next()["problems"][0]["code"], "E120");
    author.write("try/input.json", "{ \"name\": \"Bo\" }\n");
    assert_eq!(rounds.next()["run"]["since"]["same"], true);
    // The same module, written again.
    author.write("module.wasm", std::fs::read(author.folder.join("module.wasm")).unwrap());
    let same = rounds.next();
    assert!(same["built"]["taken"] == "same" && same["run"]["since"]["same"] == true, "{same}");
    rounds.stops();
}

#[test]
fn another_end_is_told_with_its_kind() {
    let author = Author::of(&says(&json!(1)));
    let mut rounds = author.rounds();
    assert_eq!(rounds.next()["run"]["state"], "done");
    refuses("not today").write(&author.folder);
    let refused = rounds.next();
    let ended = &refused["run"]["since"]["ended"];
    assert_eq!(ended["was"], "done", "{refused}");
    let now = ended["is"].as_str().unwrap();
    assert!(now.starts_with("failed: says: ") && now.contains("refused"), "{now}");
    refuses("nor tomorrow").write(&author.folder);
    let otherwise = rounds.next();
    assert!(otherwise["run"]["since"]["same"] == false, "{otherwise}");
    rounds.stops();
}

#[test]
fn what_asks_for_more_is_told_and_taken_and_what_no_grant_covers_is_not() {
    let author = Author::of(&says(&json!(1)));
    let mut rounds = author.rounds();
    rounds.next();
    let wants = "model = { use = [\"writer\"], reason = \"writes\" }";
    Guest { wants, ..says(&json!(1)) }.write(&author.folder);
    // Only the manifest is another one.
    let grown = rounds.next();
    let changes = grown["built"]["swaps"][0]["changes"].as_array().unwrap().clone();
    let row = changes.iter().find(|row| row["what"] == "wants model").unwrap();
    assert_eq!(row["accept"], "it asks for more", "{grown}");
    assert_eq!(grown["built"]["swaps"][0]["outcome"], "committed", "{grown}");
    let row = "! wants model: nothing -> writer (writes) (it asks for more)";
    assert!(rounds.told.contains(row), "{}", rounds.told);
    assert!(rounds.told.contains("is accepted here, because its author is you"), "{}", rounds.told);
    let served = author.built();
    let import =
        "(import \"bailiwick:agent/model@0.1.0\" \"embed\" (func (param i32 i32 i32 i32 i32)))";
    Guest { wants, imports: import, ..says(&json!(1)) }.write(&author.folder);
    let ungranted = rounds.next();
    let told = ungranted["problems"][0].to_string();
    assert!(told.contains("model") && told.contains("grants"), "{ungranted}");
    assert_eq!(author.built(), served);
    let granted = "[models.writer]\nroutes = [{ provider = \"builtin\" }]\n\n[agents.says]\ncomponent = \"..\"\ngrants.model = { use = [\"writer\"] }\n";
    author.write("try/bailiwick.toml", granted);
    let taken = rounds.next();
    assert_eq!(taken["built"]["taken"], "swapped", "{taken}");
    assert_ne!(author.built(), served);
    rounds.stops();
}

#[test]
fn one_round_ends_with_the_code_of_its_end() {
    let author = Author::of(&says(&json!(1)));
    let done = author.once().ends(0).json();
    assert!(done["run"]["since"].is_null() && done["built"]["taken"] == "first", "{done}");
    assert_eq!(author.once().ends(0).json()["built"]["taken"], "same");
    refuses("no").write(&author.folder);
    assert_eq!(author.once().ends(1).json()["run"]["state"], "failed");
    author.write("module.wasm", "no module");
    let wrong = author.once().ends(2);
    assert_eq!(wrong.json()["problems"][0]["code"], "E140");
    assert!(wrong.stderr.contains("E140"), "{}", wrong.stderr);
    let nowhere = author.desk.bailiwick(["dev"]).word(author.desk.path("nowhere"));
    nowhere.ends(2);
    std::fs::remove_file(author.folder.join("try/bailiwick.toml")).unwrap();
    assert!(author.once().ends(2).stderr.contains("E101"));
}

#[test]
fn the_input_of_the_last_time_is_taken_again() {
    let author = Author::of(&echoes());
    let name = |call: Call| call.ends(0).json()["run"]["output"]["result"]["name"].clone();
    assert_eq!(name(author.once()), "Ada");
    let other = author.desk.file("elsewhere/other.json", "{ \"name\": \"Cleo\" }");
    assert_eq!(name(author.once().option("input", &other)), "Cleo");
    assert_eq!(name(author.once()), "Cleo");
    std::fs::remove_file(other).unwrap();
    assert_eq!(name(author.once()), "Ada");
}

#[test]
fn its_cases_run_in_each_round_where_that_is_wanted() {
    let author = Author::of(&echoes());
    author.write("cases/one/input.json", "{ \"name\": \"x\" }");
    author.write("cases/one/expected.json", "{ \"name\": \"x\" }");
    // What a run writes into a data folder among the sources is no change of them.
    let data = author.folder.join("data");
    let dev = author.dev().word("--json").word("--test").option("data", data);
    let mut rounds = Rounds::by(dev);
    assert_eq!(rounds.next()["cases"][0]["passed"], true);
    author.write("cases/one/expected.json", "{ \"name\": \"y\" }");
    let broken = rounds.next();
    assert!(broken["cases"][0]["passed"] == false && broken.get("built").is_none(), "{broken}");
    rounds.stops();
    let once = author.once().word("--test").ends(1).json();
    assert_eq!(once["cases"][0]["case"], "one");
    author.once().ends(0);
}

#[test]
fn what_changes_while_it_is_stopped_is_in_its_first_round() {
    let author = Author::of(&says(&json!(1)));
    author.once().ends(0);
    says(&json!(2)).write(&author.folder);
    let mut rounds = author.rounds();
    let first = rounds.next();
    assert_eq!(first["built"]["taken"], "swapped", "{first}");
    assert_eq!(first["run"]["output"], json!({ "result": 2 }));
    rounds.stops();
}

/// An agent as `bailiwick new` makes it, and how its greeting begins in its source.
struct Template {
    desk: Desk,
    folder: PathBuf,
    source: PathBuf,
}

impl Template {
    fn new(language: &str, source: &str) -> Self {
        let desk = Desk::new();
        let made = desk.bailiwick(["new", "my_agent", "--lang", language]);
        made.option("in", desk.path("authors")).ends(0);
        let folder = desk.path("authors").join("my_agent");
        Self { desk, source: folder.join(source), folder }
    }

    fn rounds(&self) -> Rounds {
        let tools = root().join("target/tools/languages/bin");
        assert!(tools.is_dir(), "{} is not there; run: cargo xtask guests", tools.display());
        let path = format!("{}:{}", tools.display(), std::env::var("PATH").unwrap());
        let target = || root().join("agents/target").display().to_string();
        let target = std::env::var("CARGO_TARGET_DIR").unwrap_or_else(|_| target());
        let call = self.desk.bailiwick(["dev"]).word(&self.folder).word("--json");
        Rounds::by(call.env("PATH", &path).env("CARGO_TARGET_DIR", &target))
    }

    fn change(&self, from: &str, to: &str) {
        change(&self.source, from, to);
    }
}

fn change(file: &Path, from: &str, to: &str) {
    let text = std::fs::read_to_string(file).unwrap();
    assert!(text.contains(from), "{from:?} is not in {}", file.display());
    std::fs::write(file, text.replace(from, to)).unwrap();
}

fn greeting(round: &Value) -> &Value {
    &round["run"]["output"]["result"]["greeting"]
}

/// From the template over another greeting to a mistake, told in the words of its tool.
fn goes_round(template: &Template, mistake: (&str, &str), words: &str) -> Rounds {
    let mut rounds = template.rounds();
    let first = rounds.next();
    assert_eq!(greeting(&first), "Hello, Ada!", "{first}");
    template.change("Hello, ", "Good day, ");
    let second = rounds.next();
    let source = template.source.strip_prefix(&template.folder).unwrap();
    assert_eq!(second["changed"], json!([source]), "{second}");
    let differences = json!([{
        "at": "/result/greeting", "was": "\"Hello, Ada!\"", "is": "\"Good day, Ada!\""
    }]);
    assert_eq!(second["run"]["since"]["differences"], differences, "{second}");
    template.change(mistake.0, mistake.1);
    let wrong = rounds.next();
    assert_eq!(wrong["problems"][0]["code"], "E140", "{wrong}");
    let told = &rounds.told;
    assert!(told.contains(words) && told.contains("serves on"), "{told}");
    rounds
}

/// The mistake is mended, and while that is built something else is saved: another round,
/// or a part of this one.
fn is_mended(template: &Template, mistake: (&str, &str), mut rounds: Rounds) {
    template.change(mistake.1, mistake.0);
    rounds.says("round 4");
    template.change("Good day, ", "Hi, ");
    let mut last = rounds.next();
    while greeting(&last) != "Hi, Ada!" {
        last = rounds.next();
    }
    rounds.stops();
}

#[test]
fn a_python_agent_goes_round() {
    // Each build of Python takes half a minute, so it is left where it is wrong.
    let template = Template::new("python", "agent.py");
    goes_round(&template, ("-> Welcome:", "-> :"), "SyntaxError").stops();
}

#[test]
fn a_typescript_agent_goes_round() {
    let template = Template::new("typescript", "agent.ts");
    let mistake = ("perform(guest, host) {", "perform(guest, host) {{");
    let rounds = goes_round(&template, mistake, "ERROR");
    is_mended(&template, mistake, rounds);
}

#[test]
fn a_rust_agent_goes_round() {
    let template = Template::new("rust", "src/lib.rs");
    let mistake = ("guest.name.trim()", "guest.title.trim()");
    let rounds = goes_round(&template, mistake, "no field `title`");
    is_mended(&template, mistake, rounds);
}
