//! The last mile of the campaign, over real HTTP: each released bundle reaches its receiver once, signed by the host, whatever happens in between.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod end_to_end;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use end_to_end::folder::{self, is_anywhere};
use end_to_end::journal::Journal;
use end_to_end::project::{OPERATORS, Project};
use end_to_end::receiver::{Answer, Receiver, body, header};
use end_to_end::served::Served;
use end_to_end::{Call, Desk, agent};
use ring::hmac;
use serde_json::{Value, json};

const AGENTS: [&str; 9] =
    ["research", "draft", "claims", "tone", "visual", "brand", "seo", "bundle", "publish"];

/// The bundles of the small brief: 2 styles × 2 sizes.
const BUNDLES: usize = 4;

/// Longer than anything here takes on a busy machine.
const HANGS: std::time::Duration = std::time::Duration::from_secs(300);

/// In the form that Standard Webhooks wants; the bytes are of this test.
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// What a receiver has done: a key that it knows has no effect again.
type Effects = Arc<Mutex<BTreeMap<String, Value>>>;

/// A receiver that dedups by key, and answers the n-th time that it sees one what `status` says.
fn receiver(status: fn(u32) -> u16) -> (Receiver, Effects) {
    let effects = Effects::default();
    let kept = Arc::clone(&effects);
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    let receiver = Receiver::answering(move |request| {
        let told = |status| Answer { status, headers: String::new(), body: "{}".into() };
        let (Some(key), Ok(event)) =
            (header(request, "idempotency-key"), serde_json::from_str(body(request)))
        else {
            return told(400);
        };
        let times = seen.entry(key.clone()).or_default();
        *times += 1;
        let status = status(*times);
        if status < 300 {
            kept.lock().unwrap().entry(key).or_insert(event);
        }
        told(status)
    });
    (receiver, effects)
}

/// The campaign for one channel in one language, published to a receiver.
struct Scene {
    desk: Desk,
    project: Project,
    policy: PathBuf,
    input: PathBuf,
    port: u16,
}

impl Scene {
    fn new(receiver: &Receiver) -> Self {
        AGENTS.iter().for_each(|name| drop(agent(name)));
        let desk = Desk::new();
        let project = Project::like(&desk, "10-campaign");
        project.change(
            OPERATORS,
            "host = \"hooks.example.com\", ",
            &format!(
                "scheme = \"http\", host = \"127.0.0.1\", port = {}, network = \"loopback\", credential = \"hooks\", ",
                receiver.port
            ),
        );
        let brief = std::fs::read_to_string(project.path().join("brief.json")).unwrap();
        let mut brief: Value = serde_json::from_str(&brief).unwrap();
        brief["locales"] = json!(["en-GB"]);
        brief["channels"] = json!(["instagram"]);
        brief["sizes"] =
            json!([{ "id": "1:1", "w": 320, "h": 320 }, { "id": "9:16", "w": 270, "h": 480 }]);
        brief["publish"] = json!(receiver.url("/campaign"));
        let input = desk.file("brief.json", &brief.to_string());
        let policy = desk.path("policy.toml");
        let scene = Self { desk, project, policy, input, port: receiver.port };
        scene.govern(&person("ana", rustix::process::geteuid().as_raw(), "public"));
        scene
    }

    /// Writes the policy: what the receiver and the agents may, and what else stands there.
    fn govern(&self, more: &str) {
        let port = self.port;
        let text = format!(
            "labels = {{ unlabelled = \"public\" }}\n{more}\
             [credentials.hooks]\nenv = \"HOOKS_SECRET\"\norigin = \"http://127.0.0.1:{port}\"\nsign = \"standard-webhooks\"\n\
             [ceiling.\"local/*\"]\nmodel = {{}}\nknowledge = {{}}\nassets = {{}}\nartifacts = {{}}\nlimits = {{ wall = \"10 min\" }}\n\
             http = [{{ scheme = \"http\", host = \"127.0.0.1\", port = {port}, network = \"loopback\", methods = [\"POST\"], paths = [\"/campaign\"], credential = \"hooks\" }}]\n"
        );
        std::fs::write(&self.policy, text).unwrap();
    }

    /// The brand's folder as a source of what is confidential.
    fn confidential_brand(&self) -> String {
        let brand = std::fs::canonicalize(self.project.path()).unwrap().join("brand");
        format!("[roots.{brand:?}]\nmin-label = \"confidential\"\n")
    }

    fn run(&self) -> Call {
        self.desk
            .run(self.project.path())
            .option("policy", &self.policy)
            .option("input", &self.input)
            .option("decisions", self.project.path().join("decisions.toml"))
            .option("run-id", "autumn")
            .env("HOOKS_SECRET", SECRET)
    }

    fn resume(&self) -> Call {
        self.desk
            .bailiwick(["resume", "autumn"])
            .option("project", self.project.path())
            .option("data", self.desk.data())
            .option("policy", &self.policy)
            .option("decisions", self.project.path().join("decisions.toml"))
            .env("HOOKS_SECRET", SECRET)
    }

    fn journal(&self) -> Journal {
        Journal::of(&self.desk, "autumn")
    }
}

/// An editor, who may also submit.
fn person(name: &str, uid: u32, clearance: &str) -> String {
    format!(
        "[people.{name}]\nuid = {uid}\ngroups = [\"editors\"]\nmay = [\"approve\", \"submit\"]\nclearance = \"{clearance}\"\n"
    )
}

/// The keys of the requests of `publish` whose answer is in the journal.
fn answered(journal: &Journal) -> BTreeSet<String> {
    let of = |name: &'static str| {
        let requests = journal.named(name).filter(|fact| fact["capability"] == "http");
        requests.filter(|fact| fact["attempt"]["cell"]["step"] == "publish")
    };
    let call = |fact: &Value| format!("{} {}", fact["attempt"], fact["index"]);
    let keys: BTreeMap<String, String> = of("CallIntended")
        .map(|fact| (call(fact), fact["key"].as_str().unwrap().to_owned()))
        .collect();
    of("CallAnswered").map(|fact| keys[&call(fact)].clone()).collect()
}

/// The requests that came whole: whoever is killed may be killed while it sends.
fn whole(receiver: &Receiver) -> Vec<String> {
    let is_whole = |request: &String| serde_json::from_str::<Value>(body(request)).is_ok();
    receiver.requests().into_iter().filter(is_whole).collect()
}

/// How often each key came.
fn times(receiver: &Receiver) -> BTreeMap<String, usize> {
    let mut times = BTreeMap::new();
    for request in whole(receiver) {
        *times.entry(header(&request, "idempotency-key").unwrap()).or_default() += 1;
    }
    times
}

/// Verified with the words of the standard, and not with the code that signs.
fn is_signed(request: &str) -> bool {
    let of = |name: &str| header(request, name).unwrap();
    let key = STANDARD.decode(SECRET.strip_prefix("whsec_").unwrap()).unwrap();
    let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
    let signed = format!("{}.{}.{}", of("webhook-id"), of("webhook-timestamp"), body(request));
    let signature = of("webhook-signature");
    let signature = STANDARD.decode(signature.strip_prefix("v1,").unwrap()).unwrap();
    hmac::verify(&key, signed.as_bytes(), &signature).is_ok()
}

#[test]
fn each_released_bundle_is_published_once_and_signed_by_the_host() {
    let (receiver, effects) = receiver(|_| 202);
    let scene = Scene::new(&receiver);
    let out = scene.desk.out();
    let ended = scene.run().option("out", &out).ends(0);

    let requests = receiver.requests();
    assert_eq!((requests.len(), effects.lock().unwrap().len()), (BUNDLES, BUNDLES));
    let journal = scene.journal();
    let seconds: BTreeSet<u64> = journal
        .named("CallIntended")
        .filter(|fact| fact["capability"] == "http")
        .map(|fact| fact["at"].as_u64().unwrap() / 1000)
        .collect();
    for request in &requests {
        assert!(request.starts_with("POST /campaign HTTP/1.1\r\n"));
        assert!(is_signed(request));
        assert_eq!(header(request, "webhook-id"), header(request, "idempotency-key"));
        let at = header(request, "webhook-timestamp").unwrap().parse().unwrap();
        assert!(
            seconds.contains(&at),
            "{at} is when it was written down that it leaves: {seconds:?}"
        );
        assert!(!is_signed(&request.replace("bundle.released", "bundle.retracted")));
    }
    // What was told is what was delivered, pixels included.
    let bundles: Value = serde_json::from_slice(&folder::files(&out)["bundle.json"]).unwrap();
    let delivered: BTreeMap<String, Value> = bundles
        .as_array()
        .unwrap()
        .iter()
        .map(|bundle| {
            (bundle["value"]["name"].as_str().unwrap().to_owned(), bundle["value"].clone())
        })
        .collect();
    for event in effects.lock().unwrap().values() {
        let (told, kind) = (&event["data"], &event["type"]);
        assert_eq!((kind, &told["run"]), (&json!("bundle.released"), &json!("autumn")));
        let bundle = &delivered[told["name"].as_str().unwrap()];
        for member in ["copy", "tags", "alt", "style", "aspect"] {
            assert_eq!(told[member], bundle[member], "{member}");
        }
        assert_eq!(told["image"]["reference"], bundle["image"]);
        let picture = STANDARD.decode(told["image"]["base64"].as_str().unwrap()).unwrap();
        let digest = format!("blake3:{}", blake3::hash(&picture));
        assert_eq!(told["image"]["reference"]["$artifact"], digest);
        let headline = told["copy"]["headline"].as_str().unwrap();
        assert!(told["caption"].as_str().unwrap().contains(headline));
    }
    // Nobody but the host has the secret: not the wire, the journal, the output, the words.
    for secret in [SECRET, SECRET.strip_prefix("whsec_").unwrap()] {
        assert!(!is_anywhere(&scene.desk.data(), secret) && !is_anywhere(&out, secret));
        assert!(requests.iter().all(|request| !request.contains(secret)));
        assert!(!ended.stdout.contains(secret) && !ended.stderr.contains(secret));
    }
}

#[test]
fn nothing_leaves_where_the_brief_names_no_receiver() {
    let (receiver, _) = receiver(|_| 202);
    let scene = Scene::new(&receiver);
    let brief = std::fs::read_to_string(&scene.input).unwrap();
    let mut brief: Value = serde_json::from_str(&brief).unwrap();
    brief.as_object_mut().unwrap().remove("publish");
    std::fs::write(&scene.input, brief.to_string()).unwrap();
    scene.run().ends(0);
    assert_eq!(receiver.requests().len(), 0);
    let skipped = |fact: &&Value| fact["cell"]["step"] == "publish";
    assert_eq!(scene.journal().named("CellSkipped").filter(skipped).count(), BUNDLES);
}

/// Killed, cut off or alone: each bundle has its effect once, with the key that it had, and
/// what was sent again had no answer on the disk.
#[test]
fn each_bundle_has_its_effect_once_whatever_happens_in_between() {
    for (fault, dies) in [
        ("web-crash-before=2", true),
        ("web-crash-after=1", true),
        ("web-crash-after=3", true),
        ("crash-after=CellFinished:16", true),
        ("web-lost=2..3", false),
        ("web-unavailable=1..2", false),
        ("web-status=503:1..2", false),
    ] {
        let (receiver, effects) = receiver(|_| 202);
        let scene = Scene::new(&receiver);
        let run = scene.run().option("inject", fault);
        let mut known = BTreeSet::new();
        let mut before = BTreeMap::new();
        if dies {
            run.dies();
            (known, before) = (answered(&scene.journal()), times(&receiver));
            scene.resume().ends(0);
        } else {
            run.ends(0);
        }
        let journal = scene.journal();
        journal.did_nothing_twice();
        let times = times(&receiver);
        assert_eq!(times.len(), BUNDLES, "{fault}: {times:?}");
        assert_eq!(effects.lock().unwrap().len(), BUNDLES, "{fault}");
        let names: BTreeSet<_> = effects
            .lock()
            .unwrap()
            .values()
            .map(|event| event["data"]["name"].to_string())
            .collect();
        assert_eq!(names.len(), BUNDLES, "{fault}");
        for key in &known {
            assert_eq!(times[key], 1, "{fault}: {key} had its answer");
        }
        // Sent again is only what was under way: lost here, or seen there without an answer here.
        let repeated = times.iter().filter(|(_, times)| **times > 1).count();
        match fault {
            "web-crash-after=1" | "web-crash-after=3" => assert!(repeated >= 1, "{fault}"),
            "web-lost=2..3" => assert_eq!(repeated, 2, "{fault}"),
            "web-crash-before=2" => assert!(before.len() < BUNDLES, "{fault}: {before:?}"),
            "web-unavailable=1..2" | "web-status=503:1..2" => assert_eq!(repeated, 0, "{fault}"),
            _ => {}
        }
        assert!(whole(&receiver).iter().all(|request| is_signed(request)), "{fault}");
        assert!(!is_anywhere(&scene.desk.data(), SECRET), "{fault}");
    }
}

#[test]
fn an_overloaded_receiver_is_told_again_with_the_same_key() {
    let (receiver, effects) = receiver(|times| if times == 1 { 503 } else { 200 });
    let scene = Scene::new(&receiver);
    scene.run().ends(0);
    assert_eq!(times(&receiver).into_values().collect::<Vec<_>>(), [2; BUNDLES]);
    assert_eq!(effects.lock().unwrap().len(), BUNDLES);
    // Each sending is signed by itself: what is old, receivers refuse.
    assert!(receiver.requests().iter().all(|request| is_signed(request)));
    let failed = scene.journal();
    let failed =
        failed.named("AttemptFailed").filter(|fact| fact["attempt"]["cell"]["step"] == "publish");
    assert_eq!(failed.count(), BUNDLES);
}

#[test]
fn a_receiver_that_does_not_want_a_bundle_is_not_asked_again() {
    let (receiver, effects) = receiver(|_| 410);
    let scene = Scene::new(&receiver);
    let ended = scene.run().ends(1);
    assert!(effects.lock().unwrap().is_empty());
    let times = times(&receiver);
    assert!(!times.is_empty() && times.values().all(|times| *times == 1), "{times:?}");
    let journal = scene.journal();
    let failed: Vec<_> = journal.named("AttemptFailed").collect();
    assert!(failed.iter().all(|fact| fact["failure"]["kind"] == "fatal"), "{failed:?}");
    assert!(ended.stderr.contains("does not want"), "{}", ended.stderr);
    assert!(ended.stderr.contains("410"), "{}", ended.stderr);
}

/// A rule under which editors make public what is confidential.
const RULE: &str = "[[declassify]]\nfrom = \"confidential\"\nto = \"public\"\nby = [\"editors\"]\npipelines = [\"campaign\"]\n";

/// The digests of the pictures that were published.
fn published(effects: &Effects) -> BTreeSet<String> {
    let picture = |event: &Value| event["data"]["image"]["reference"]["$artifact"].to_string();
    effects.lock().unwrap().values().map(picture).collect()
}

/// Those that editors saw: the canonical form, which alone was released.
fn recast(journal: &Journal) -> BTreeSet<String> {
    journal.named("Recast").map(|fact| fact["is"]["$artifact"].to_string()).collect()
}

#[test]
fn of_a_confidential_brand_only_what_editors_released_is_published() {
    let (receiver, effects) = receiver(|_| 202);
    let scene = Scene::new(&receiver);
    let me = person("ana", rustix::process::geteuid().as_raw(), "confidential");
    let policy = format!("{me}{}", scene.confidential_brand());
    // Without a rule nothing runs.
    scene.govern(&policy);
    let refused = scene.run().ends(2);
    assert!(refused.stderr.contains("E092"), "{}", refused.stderr);
    assert!(!scene.desk.data().exists());
    scene.govern(&format!("{policy}{RULE}self = true\n"));
    scene.run().ends(0);
    let published = published(&effects);
    assert_eq!(published.len(), BUNDLES);
    let recast = recast(&scene.journal());
    assert!(published.is_subset(&recast), "{published:?} {recast:?}");
}

#[test]
fn who_submits_a_confidential_campaign_does_not_release_it_and_another_editor_does() {
    // Only root can become somebody else here.
    if !rustix::process::geteuid().is_root() {
        return;
    }
    const ED: u32 = 65_534;
    let (receiver, effects) = receiver(|_| 202);
    let scene = Scene::new(&receiver);
    use std::os::unix::fs::PermissionsExt as _;
    for folder in [scene.desk.path(""), scene.desk.path(".")] {
        std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    let people = person("root", 0, "confidential") + &person("ed", ED, "confidential");
    scene
        .govern(&format!("{people}{}{RULE}[host]\ngroup = \"{ED}\"\n", scene.confidential_brand()));
    let secret = scene.desk.file("secrets/hooks", SECRET);
    let policy = std::fs::read_to_string(&scene.policy).unwrap();
    let from_file = policy.replace("env = \"HOOKS_SECRET\"", &format!("file = {secret:?}"));
    std::fs::write(&scene.policy, from_file).unwrap();
    let data = scene.desk.data();
    let serve = scene.desk.bailiwick(["serve"]).option("project", scene.project.path());
    let serve = serve.option("data", &data).option("policy", &scene.policy);
    // It locks itself, and reads the secret at each use all the same.
    let served = Served::by(serve);
    assert!(served.said.contains("locked: landlock: "), "{}", served.said);
    let at = |words: &[&str]| scene.desk.bailiwick(words).option("data", &data);
    let submitted = at(&["submit"]).option("input", &scene.input).ends(0).stdout;
    let run = submitted.trim();
    let open = || -> Vec<String> {
        let asks = at(&["approvals", "--json"]).user(ED, ED).ends(0).lines();
        asks.iter().map(|ask| ask["ask"].as_str().unwrap().to_owned()).collect()
    };
    let state = || -> String {
        let runs = at(&["runs", "--json"]).ends(0).lines();
        // One that was accepted and has not begun is not listed yet.
        runs.first().map_or("running", |run| run["state"].as_str().unwrap()).to_owned()
    };
    let since = std::time::Instant::now();
    let mut refused = false;
    loop {
        let state = state();
        if state == "done" {
            break;
        }
        let goes_on = ["running", "waiting"].contains(&state.as_str());
        assert!(goes_on, "it is {state}: {}", at(&["show", run]).ends(0).stdout);
        assert!(since.elapsed() < HANGS, "it is {state}");
        for ask in open() {
            if !refused {
                let own = at(&["approve", &ask]).ends(1);
                assert!(own.stderr.contains("root started"), "{}", own.stderr);
                refused = true;
            }
            // Another question may have been withdrawn in between.
            at(&["approve", &ask]).user(ED, ED).ends_with_one_of(&[0, 1]);
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    assert!(refused, "somebody was asked");
    assert_eq!(published(&effects).len(), BUNDLES);
    assert!(whole(&receiver).iter().all(|request| is_signed(request)));
    let facts = at(&["show", run, "--facts"]).user(ED, ED).ends(0).lines();
    let journal = Journal(facts);
    assert!(published(&effects).is_subset(&recast(&journal)));
    let decided: Vec<_> = journal.named("Decided").collect();
    assert!(!decided.is_empty() && decided.iter().all(|fact| fact["by"] == "ed"), "{decided:?}");
}
