//! A changed `draft` rehearsed over the recorded campaign: exactly the outputs that differ, as a real run makes them; nobody is asked, nothing is spent, no run is written to.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

#[path = "../../xtask/src/counter.rs"]
#[allow(dead_code, reason = "each of the tests uses a part")]
mod counter;
mod end_to_end;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use counter::Counter;
use end_to_end::journal::Journal;
use end_to_end::project::{OPERATORS, Project};
use end_to_end::{Call, Desk, agent};
use serde_json::{Value, json};

/// What the campaign's agents ask the writer with, and what it says.
const SUMS_UP: &str = "You sum up research";
const ADVERTISES: &str = "You prepare an advertisement";

/// The draft's cells by their attempts: four, and one more that the copy desk sends back.
const DRAFTS: [&str; 5] = [
    "draft/locale=de-DE,channel=instagram/0/1",
    "draft/locale=de-DE,channel=instagram/1/1",
    "draft/locale=de-DE,channel=web/0/1",
    "draft/locale=en-GB,channel=instagram/0/1",
    "draft/locale=en-GB,channel=web/0/1",
];

/// Those whose text has half of the words of a fact that it cites.
const HALF_CITED: [&str; 2] = [DRAFTS[1], DRAFTS[2]];

/// The writer: the same to the same question, and nothing that a judge sends back.
fn writer(body: &str) -> String {
    let says = if body.contains(SUMS_UP) {
        json!({ "summary": "A light for people who ride to work." })
    } else if body.contains(ADVERTISES) {
        json!({ "tags": ["wren"], "description": "The Wren.", "alt": "The Wren." })
    } else {
        let german = body.contains("Write in German.");
        let (post, again) = (body.contains("instagram post"), body.contains("An editor sent"));
        // 38 proves W01 by its number. Half of the words of W02 are no proof of it.
        let (headline, text) = match (german, post, again) {
            (true, true, false) => ("Der Abend kommt früher", "Wren leuchtet 38 Stunden."),
            (true, true, true) => {
                ("Der Abend kommt früher", "Ein Lichtsensor kennt Straßenlaternen. 38 Stunden.")
            }
            (true, false, _) => (
                "Der Abend kommt früher",
                "Ein Lichtsensor kennt die Straßenlaternen. Wren leuchtet 38 Stunden.",
            ),
            (false, ..) => ("You ride on", "Wren shines for 38 hours on one charge."),
        };
        json!({ "headline": headline, "body": text, "cta": "Wren", "facts": ["W01", "W02"] })
    };
    says.to_string()
}

/// The recorded campaign, with the model behind HTTP, outside of the host.
struct Campaign {
    desk: Desk,
    project: Project,
    brief: PathBuf,
    counter: Counter,
}

impl Campaign {
    fn new() -> Self {
        let desk = Desk::new();
        let counter = Counter::start(Box::new(writer), Box::new(|_| Duration::ZERO)).unwrap();
        let project = Project::like(&desk, "10-campaign");
        let route = format!(
            "[models.writer]\nroutes = [{{ provider = \"openai\", base = \"{}\", model = \"counted\", price = {{ input = \"2 USD\", output = \"10 USD\" }} }}]",
            counter.base()
        );
        let builtin = "[models.writer]\nroutes = [{ provider = \"builtin\" }]";
        project.change(OPERATORS, builtin, &route);
        // Its first version goes back: nothing of it is for the judges here.
        project.change("decisions.toml", "round    = 1", "round    = 0");
        let brief = std::fs::read_to_string(project.path().join("brief.json")).unwrap();
        let mut brief: Value = serde_json::from_str(&brief).unwrap();
        // One picture for each text: what is rehearsed is the text.
        brief["styles"] = json!(["bold"]);
        brief["sizes"] = json!([{ "id": "1:1", "w": 128, "h": 128 }]);
        let brief = desk.file("brief.json", &brief.to_string());
        Self { desk, project, brief, counter }
    }

    fn call(&self, words: &[&str]) -> Call {
        let call = self.desk.bailiwick(words).option("project", self.project.path());
        call.option("data", self.desk.data())
    }

    fn run(&self, id: &str) {
        let call = self.call(&["run", "campaign"]).option("input", &self.brief);
        let call = call.option("decisions", self.project.path().join("decisions.toml"));
        call.option("run-id", id).ends(0);
    }

    /// What each attempt of the draft gave in a run.
    fn drafts(&self, run: &str) -> BTreeMap<String, Value> {
        let journal = Journal::of(&self.desk, run);
        let finished = journal.named("CellFinished");
        let drafts = finished.filter(|fact| fact["attempt"]["cell"]["step"] == "draft");
        drafts
            .map(|fact| {
                let (cell, attempt) = (&fact["attempt"]["cell"], &fact["attempt"]);
                let key = cell["key"].as_str().unwrap();
                let id = format!("draft/{key}/{}/{}", attempt["round"], attempt["attempt"]);
                (id, fact["output"]["value"].clone())
            })
            .collect()
    }

    /// Everything that a rehearsal must leave as it is: what was asked of the model, what
    /// was spent, the runs, and the entries of each of their streams.
    fn untouched(&self) -> (usize, Value, String, Vec<Value>) {
        let said = |words: &[&str]| self.desk.bailiwick(words).option("data", self.desk.data());
        let audit = said(&["audit", "export"]).ends(0).lines();
        let of_runs: Vec<_> = audit.into_iter().filter(|line| line["stream"] != "host").collect();
        assert!(!of_runs.is_empty());
        // With what each has cost.
        let runs = said(&["runs", "--json"]).ends(0).stdout;
        let shown = self.desk.shown("then");
        assert!(shown["money"].as_str().is_some_and(|money| money != "0"), "{shown}");
        (self.counter.asked().len(), shown, runs, of_runs)
    }

    /// Another version of the draft, made of the bytes of the one that serves.
    fn version(&self, name: &str, change: impl FnOnce(&mut Vec<u8>)) -> PathBuf {
        let mut bytes = std::fs::read(agent("draft").join("dist/draft.wasm")).unwrap();
        change(&mut bytes);
        let path = self.desk.path(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// Rehearses it over all that there is, and takes it only if nothing differs.
    fn rehearsed(&self, to: &Path, code: i32) -> Value {
        let before = self.untouched();
        let call = self.call(&["swap", "draft", "--rehearse=64", "--require=equal", "--json"]);
        let said = call.word(to).ends(code).json();
        assert!(self.untouched() == before, "a rehearsal left something: {said}");
        said["rehearsal"].clone()
    }
}

/// Where these bytes are, once.
fn only(bytes: &[u8], what: &[u8]) -> usize {
    let mut found = bytes.windows(what.len()).enumerate().filter(|(_, window)| *window == what);
    let (at, _) = found.next().unwrap_or_else(|| panic!("{what:?} is not in the draft"));
    assert!(found.next().is_none(), "{what:?} is in the draft twice");
    at
}

fn replace(bytes: &mut [u8], was: &str, is: &str) {
    assert_eq!(was.len(), is.len());
    let at = only(bytes, was.as_bytes());
    bytes[at..at + is.len()].copy_from_slice(is.as_bytes());
}

/// `USED_PERCENT` of agents/draft/src/cite.rs as a compiler writes it, `shared * 100` and
/// `own.len() * 60` next to each other: from 60 to 10.
fn cites_more(bytes: &mut [u8]) {
    let (hundred, sixty) = ([0x41, 0xe4, 0x00, 0x6c], [0x41, 60, 0x6c]);
    let near = |window: &&[u8]| window.starts_with(&hundred) && window.ends_with(&sixty);
    let lengths = 7..16;
    let mut found = lengths.flat_map(|length| {
        let windows = bytes.windows(length).enumerate();
        windows.filter(move |(_, window)| near(window)).map(move |(at, _)| at + length - 2)
    });
    let at = found.next();
    let at = at.unwrap_or_else(|| panic!("the draft compares shares of words in another way now"));
    assert!(found.next().is_none(), "which of them is the share of words?");
    bytes[at] = 10;
}

fn counts(rehearsal: &Value) -> [u64; 4] {
    let count = |kind: &str| rehearsal["counts"][kind].as_u64().unwrap();
    ["equal", "different", "diverged", "impossible"].map(count)
}

fn which(rehearsal: &Value) -> Vec<&str> {
    let cells = rehearsal["cells"].as_array().unwrap().iter();
    let mut which: Vec<_> = cells.map(|cell| cell["attempt"].as_str().unwrap()).collect();
    which.sort_unstable();
    which
}

#[test]
fn a_changed_draft_over_the_recorded_campaign_says_exactly_what_differs_and_reaches_nobody() {
    let campaign = Campaign::new();
    campaign.run("then");
    let then = campaign.drafts("then");
    assert_eq!(then.keys().map(String::as_str).collect::<Vec<_>>(), DRAFTS);
    let asked = campaign.counter.asked().len();
    assert!(asked >= DRAFTS.len(), "the model is outside of the host");

    // Facts are cited by fewer words: two of five texts cite one more.
    let changed = campaign.version("changed.wasm", |bytes| cites_more(bytes));
    let said = campaign.rehearsed(&changed, 5);
    assert_eq!(counts(&said), [3, 2, 0, 0], "{said}");
    assert_eq!(which(&said), HALF_CITED, "{said}");
    for cell in said["cells"].as_array().unwrap() {
        let differs = cell["how"]["different"].as_array().unwrap();
        assert_eq!(differs.len(), 1, "{cell}");
        assert!(differs[0]["at"].as_str().unwrap().starts_with("/facts"), "{cell}");
    }

    // It asks whoever was sent back something else, and nobody else.
    let (was, is) = ("Do what the feedback says.", "Do what the feedback asks.");
    let kinder = campaign.version("kinder.wasm", |bytes| replace(bytes, was, is));
    let said = campaign.rehearsed(&kinder, 6);
    assert_eq!(counts(&said), [4, 0, 1, 0], "{said}");
    assert_eq!(which(&said), [DRAFTS[1]], "{said}");
    let how = &said["cells"][0]["how"]["diverged"];
    assert_eq!(how["call"], 0, "{how}");
    let first = &how["at"][0];
    assert_eq!(first["at"], "/complete/messages/0/parts/0/text", "{how}");
    for (at, words) in [("was", was), ("is", is)] {
        assert!(first[at].as_str().unwrap().contains(words), "{at}: {how}");
    }
    // And everybody something else.
    let other = campaign.version("other.wasm", |bytes| {
        replace(bytes, "Use only the facts you", "See only the facts you");
    });
    let said = campaign.rehearsed(&other, 6);
    assert_eq!((counts(&said), which(&said)), ([0, 0, 5, 0], DRAFTS.to_vec()), "{said}");

    // A rebuild that does the same: a section more, of which nobody reads a word.
    let rebuilt =
        campaign.version("rebuilt.wasm", |bytes| bytes.extend_from_slice(b"\x00\x02\x01x"));
    let said = campaign.rehearsed(&rebuilt, 0);
    assert_eq!((counts(&said), which(&said)), ([5, 0, 0, 0], vec![]), "{said}");
    assert_eq!(campaign.counter.asked().len(), asked, "nothing left the host");

    // What was said of the changed one is what it does: in a run, with the model asked.
    campaign.call(&["swap", "draft"]).word(&changed).ends(0);
    campaign.run("now");
    assert!(campaign.counter.asked().len() > asked);
    let now = campaign.drafts("now");
    let differ: Vec<_> = then.keys().filter(|id| then.get(*id) != now.get(*id)).collect();
    assert_eq!(differ, HALF_CITED);
    for id in HALF_CITED {
        assert_eq!(
            (&then[id]["facts"], &now[id]["facts"]),
            (&json!(["W01"]), &json!(["W01", "W02"]))
        );
    }
}
