//! A small campaign, told fact by fact: judges, a revision, people, an edit, pictures, lost cells.

use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;

use bailiwick_core::fact::{
    AgentPin, AskId, CallAnswer, Capability, Decision, Entry, Fact, Failure, FailureKind,
    JudgeShape, Judgement, Pin, RunEnd, StepBy, StepShape, Used, Verdict,
};
use bailiwick_core::ports::{BlobError, Blobs, BoxFuture};
use bailiwick_core::{
    Artifact, AttemptId, AxisValue, Bytes, Calls, CellId, CellKey, Cost, Currency, Digest,
    Document, Money, Name, RunId, RunState, Timestamp, Tokens,
};
use bailiwick_gate::call::Request;
use bailiwick_project::Read;
use serde_json::{Value, json};

use crate::delivery::Outline;

pub(crate) fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

pub(crate) fn cell(step: &str, key: &str) -> CellId {
    CellId { step: name(step), key: CellKey::from_text(key) }
}

/// Bytes whose header is a PNG's.
pub(crate) fn png(width: u32, height: u32, mark: &str) -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR".to_vec();
    bytes.extend(width.to_be_bytes());
    bytes.extend(height.to_be_bytes());
    bytes.extend([8, 6, 0, 0, 0]);
    bytes.extend(mark.as_bytes());
    bytes
}

#[derive(Default)]
pub(crate) struct Memory(Mutex<HashMap<Digest, Vec<u8>>>);

impl Memory {
    pub(crate) fn keep(&self, bytes: Vec<u8>, media_type: &str, name: Option<&str>) -> Artifact {
        let (digest, size) = (Digest::of(&bytes), Bytes(bytes.len() as u64));
        self.0.lock().unwrap().insert(digest, bytes);
        Artifact { digest, media_type: media_type.into(), bytes: size, name: name.map(Into::into) }
    }

    pub(crate) fn forget(&self, digest: Digest) {
        self.0.lock().unwrap().remove(&digest);
    }
}

impl Blobs for Memory {
    fn put(&self, bytes: Vec<u8>) -> BoxFuture<'_, Result<Digest, BlobError>> {
        let digest = self.keep(bytes, "", None).digest;
        Box::pin(async move { Ok(digest) })
    }

    fn get(&self, digest: Digest) -> BoxFuture<'_, Result<Vec<u8>, BlobError>> {
        let found = self.0.lock().unwrap().get(&digest).cloned();
        Box::pin(async move { found.ok_or(BlobError::Missing(digest)) })
    }
}

/// A journal that is being told.
pub(crate) struct Journal {
    pub(crate) run: RunId,
    pub(crate) facts: Vec<Fact>,
    calls: HashMap<AttemptId, u32>,
}

impl Journal {
    pub(crate) fn begin(
        run: &str,
        pipeline: &str,
        steps: Vec<StepShape>,
        imported: Vec<Artifact>,
    ) -> Self {
        let run = RunId::new(run).unwrap();
        let agents = steps.iter().filter_map(|step| match &step.by {
            StepBy::Agent(agent) => Some(agent.clone()),
            StepBy::People(_) => None,
        });
        let pin = |agent: Name| {
            let component = Digest::of(agent.as_str().as_bytes());
            (
                agent.clone(),
                AgentPin {
                    component,
                    profile: format!("{agent} 0.1.0"),
                    powers: Digest::of(b"powers"),
                },
            )
        };
        let agents = agents.map(pin).collect();
        let started = Fact::RunStarted {
            run: run.clone(),
            pipeline: name(pipeline),
            input: Document::of(&json!({"product": "Wren"})),
            shape: steps,
            agents,
            imported,
            by: "ana".into(),
            pin: Some(Pin {
                project: "/p".into(),
                files: BTreeMap::new(),
                models: Vec::new(),
                assets: Document::of(&json!({})),
                currency: Currency::parse("USD").ok(),
            }),
            forked: None,
            labels: None,
        };
        Self { run, facts: vec![started], calls: HashMap::new() }
    }

    pub(crate) fn axis(&mut self, axis: &str, values: &[Value]) {
        let values = values.iter().map(|v| AxisValue::try_from(v.clone()).unwrap()).collect();
        self.facts.push(Fact::AxisFixed { axis: name(axis), values });
    }

    pub(crate) fn lay_out(&mut self, step: &str, cells: &[&str]) {
        let cells = cells.iter().map(|key| CellKey::from_text(key)).collect();
        self.facts.push(Fact::StepLaidOut { step: name(step), cells });
    }

    pub(crate) fn start(&mut self, cell: &CellId, round: u32, input: Value) -> AttemptId {
        let attempt = AttemptId::new(cell.clone(), round, 1);
        self.facts.push(Fact::CellStarted {
            attempt: attempt.clone(),
            component: Digest::of(cell.step.as_str().as_bytes()),
            powers: Digest::of(b"powers"),
            input: Document::of(&input),
            content: None,
        });
        attempt
    }

    fn answer(
        &mut self,
        attempt: &AttemptId,
        capability: Capability,
        request: Digest,
        value: Value,
        via: Option<&str>,
        cost: Cost,
    ) {
        let index = self.calls.entry(attempt.clone()).or_default();
        self.facts.push(Fact::CallAnswered {
            attempt: attempt.clone(),
            index: *index,
            capability,
            request,
            answer: CallAnswer::Ok { value: Document::of(&value), via: via.map(Into::into) },
            cost,
        });
        *index += 1;
    }

    pub(crate) fn complete(&mut self, attempt: &AttemptId, via: &str, tokens: u64) {
        // Three millionths a token.
        let money = Money(tokens * 3_000);
        let cost = Cost { tokens: Tokens(tokens), calls: Calls(1), money };
        self.answer(
            attempt,
            Capability::Model,
            Digest::of(b"request"),
            json!({"text": "…"}),
            Some(via),
            cost,
        );
    }

    pub(crate) fn put(&mut self, attempt: &AttemptId, artifact: &Artifact) {
        self.answer(
            attempt,
            Capability::Artifacts,
            Digest::of(b"put"),
            artifact.to_json(),
            None,
            Cost::ZERO,
        );
    }

    pub(crate) fn get(&mut self, attempt: &AttemptId, artifact: &Artifact) {
        let request = Request::Get(artifact.clone()).digest();
        let value = json!({"bytes": artifact.digest.to_string()});
        self.answer(attempt, Capability::Artifacts, request, value, None, Cost::ZERO);
    }

    pub(crate) fn finish(&mut self, attempt: AttemptId, output: &Value) {
        let used = Used { cpu_millis: 3, memory_bytes: 1, gate_calls: 0 };
        self.facts.push(Fact::CellFinished { attempt, output: Document::of(output), used });
    }

    pub(crate) fn judged(
        &mut self,
        judge: &str,
        of: &CellId,
        round: u32,
        verdict: Verdict,
        score: f64,
        reasons: Value,
    ) {
        self.words(
            judge,
            of,
            round,
            Judgement { verdict, score, reasons: Document::of(&reasons), opinion: false },
        );
    }

    pub(crate) fn words(&mut self, judge: &str, of: &CellId, round: u32, judgement: Judgement) {
        let attempt = self.start(
            &CellId { step: name(judge), key: of.key.clone() },
            round,
            json!({"subject": round}),
        );
        if judge == "tone" {
            self.complete(&attempt, "critic: builtin", 120);
        }
        let output = json!({"verdict": judgement.verdict.as_str(), "score": judgement.score, "reasons": judgement.reasons.value()});
        self.finish(attempt, &output);
        self.facts.push(Fact::Judged { judge: name(judge), cell: of.clone(), round, judgement });
    }

    pub(crate) fn decided(
        &mut self,
        judge: &str,
        of: &CellId,
        round: u32,
        subject: &Value,
        decision: Decision,
    ) {
        let ask = AskId::of(&self.run, &name(judge), of, round);
        let (subject, show) = (Document::of(subject).digest(), Document::of(&json!({})));
        self.facts.push(Fact::Asked {
            ask: ask.clone(),
            cell: of.clone(),
            round,
            subject,
            show,
            groups: Vec::new(),
            quorum: 1,
            until: None,
        });
        self.facts.push(Fact::Decided { ask, decision, by: "ben".into() });
    }

    pub(crate) fn release(&mut self, cell: &CellId, round: u32, output: &Value) {
        self.facts.push(Fact::Released { cell: cell.clone(), round, output: Document::of(output) });
    }

    pub(crate) fn end(mut self, output: Value) -> (RunState, Vec<Entry>) {
        let output = Some(Document::of(&output));
        self.facts.push(Fact::RunEnded { end: RunEnd::Done, output, reason: None });
        let entries: Vec<Entry> = self.facts.into_iter().enumerate().map(entry).collect();
        let state = RunState::replay(&entries).unwrap().unwrap();
        (state, entries)
    }
}

fn entry((at, fact): (usize, Fact)) -> Entry {
    Entry { at: Timestamp(at as u64), facts: vec![fact] }
}

pub(crate) fn step(step: &str) -> StepShape {
    StepShape { name: name(step), by: StepBy::Agent(name(step)), judges: None }
}

pub(crate) fn judge(judge: &str, subject: &str, rounds: u32) -> StepShape {
    StepShape {
        judges: Some(JudgeShape { subject: name(subject), rounds, quorum: 1 }),
        ..step(judge)
    }
}

pub(crate) fn people(judge_step: &str, subject: &str, rounds: u32) -> StepShape {
    StepShape { by: StepBy::People(vec!["editors".into()]), ..judge(judge_step, subject, rounds) }
}

pub(crate) fn read(step: &str, shared: &[&str], collected: &[&str]) -> Read {
    let names = |names: &[&str]| names.iter().map(|n| name(n)).collect();
    Read { step: name(step), shared: names(shared), collected: names(collected) }
}

pub(crate) fn outline() -> Outline {
    let reads = [
        ("draft", vec![read("research", &[], &[])]),
        ("visual", vec![read("draft", &["locale"], &[])]),
        (
            "bundle",
            vec![read("draft", &["locale"], &[]), read("visual", &["locale", "aspect"], &[])],
        ),
    ];
    Outline {
        keys: vec![name("research"), name("bundle")],
        axes: vec![name("locale"), name("aspect")],
        reads: reads.into_iter().map(|(step, reads)| (name(step), reads)).collect(),
        sources: BTreeMap::new(),
    }
}

fn words(locale: &str) -> [Value; 2] {
    match locale {
        "en-GB" => [
            json!({"headline": "The ultimate light", "body": "Wren shines for 38 hours. It never fails.", "cta": "See the Wren", "facts": ["W01"], "locale": locale}),
            json!({"headline": "The clocks go back. You ride on.", "body": "Wren shines for 38 hours on one charge.", "cta": "See the Wren", "facts": ["W01"], "locale": locale}),
        ],
        _ => [
            json!({"headline": "Der Abend kommt früher", "body": "Wren leuchtet 38 Stunden mit einer Ladung, und ein Sensor regelt nach.", "cta": "Wren ansehen", "facts": ["W01"], "locale": locale}),
            json!({"headline": "Du fährst weiter.", "body": "38 Stunden Licht.", "cta": "Wren ansehen", "facts": ["W01"], "locale": locale}),
        ],
    }
}

/// The campaign: two locales, two aspects. `de-DE` copy is edited by a person, `en-GB`
/// copy revised for a judge; one picture is rejected once; one cell fails, its bundle is dropped.
pub(crate) fn campaign(
    blobs: &Memory,
    picture: &dyn Fn(&str, &str, u32) -> Vec<u8>,
) -> (RunState, Vec<Entry>) {
    let logo = blobs.keep(b"<svg/>".to_vec(), "image/svg+xml", Some("logo.svg"));
    let steps = vec![
        step("research"),
        step("draft"),
        judge("claims", "draft", 1),
        judge("tone", "draft", 1),
        people("copy_desk", "draft", 1),
        step("visual"),
        judge("brand", "visual", 1),
        people("editor", "visual", 1),
        step("bundle"),
    ];
    let mut journal = Journal::begin("spring-1", "campaign", steps, vec![logo.clone()]);
    journal.axis("locale", &[json!("en-GB"), json!("de-DE")]);
    journal.axis("aspect", &[json!({"id": "1:1", "w": 1080}), json!({"id": "9:16", "w": 1080})]);
    let keys = [
        "locale=en-GB,aspect=1:1",
        "locale=en-GB,aspect=9:16",
        "locale=de-DE,aspect=1:1",
        "locale=de-DE,aspect=9:16",
    ];
    journal.lay_out("research", &["-"]);
    journal.lay_out("draft", &["locale=en-GB", "locale=de-DE"]);
    journal.lay_out("visual", &keys);
    journal.lay_out("bundle", &keys);
    let research = json!({"summary": "A light for riders.", "voice": ["Plain verbs."], "facts": [{"id": "W01", "text": "38 hours"}]});
    let id = cell("research", "-");
    let attempt = journal.start(&id, 0, json!({"brief": {}}));
    journal.complete(&attempt, "writer: builtin", 900);
    journal.finish(attempt, &research);
    journal.release(&id, 0, &research);
    for locale in ["en-GB", "de-DE"] {
        draft(&mut journal, locale);
    }
    let mut bundles = Vec::new();
    for key in keys {
        if let Some(bundle) = picture_of(&mut journal, blobs, &logo, key, picture) {
            bundles.push(bundle);
        }
    }
    journal.end(json!({"research": research, "bundle": bundles}))
}

fn draft(journal: &mut Journal, locale: &str) {
    let [first, second] = words(locale);
    let id = cell("draft", &format!("locale={locale}"));
    let attempt = journal.start(&id, 0, json!({"feedback": []}));
    journal.complete(&attempt, "writer: builtin", 400);
    journal.finish(attempt, &first);
    if locale == "en-GB" {
        let reasons = json!([{"rule": "banned-term", "message": "“ultimate” is banned", "fix": "say what it does"}]);
        journal.judged("claims", &id, 0, Verdict::Revise, 0.4, reasons);
        let attempt = journal.start(&id, 1, json!({"feedback": [1]}));
        journal.complete(&attempt, "writer: builtin", 450);
        journal.finish(attempt, &second);
        journal.judged("claims", &id, 1, Verdict::Pass, 1.0, json!([]));
        journal.judged("tone", &id, 1, Verdict::Pass, 0.82, json!([]));
    } else {
        journal.judged("claims", &id, 0, Verdict::Pass, 1.0, json!([]));
        journal.judged("tone", &id, 0, Verdict::Pass, 0.7, json!([]));
        let edit = Decision::Edit {
            value: Document::of(&second),
            comment: Some("Kürzer.\nEine Zahl genügt.".into()),
        };
        journal.decided("copy_desk", &id, 0, &first, edit);
        let opinion = |verdict, score, reasons: Value| Judgement {
            verdict,
            score,
            reasons: Document::of(&reasons),
            opinion: true,
        };
        journal.words("claims", &id, 1, opinion(Verdict::Pass, 1.0, json!([])));
        let reasons = json!([{"rule": "voice", "message": "no verb", "fix": ""}]);
        journal.words("tone", &id, 1, opinion(Verdict::Revise, 0.5, reasons));
    }
    journal.decided("copy_desk", &id, 1, &second, Decision::Approve { comment: None });
    journal.release(&id, 1, &second);
}

fn picture_of(
    journal: &mut Journal,
    blobs: &Memory,
    logo: &Artifact,
    key: &str,
    picture: &dyn Fn(&str, &str, u32) -> Vec<u8>,
) -> Option<Value> {
    let (locale, aspect) = match key {
        "locale=en-GB,aspect=1:1" => ("en-GB", "1:1"),
        "locale=en-GB,aspect=9:16" => ("en-GB", "9:16"),
        "locale=de-DE,aspect=1:1" => ("de-DE", "1:1"),
        _ => ("de-DE", "9:16"),
    };
    let copy = words(locale)[1].clone();
    let id = cell("visual", key);
    let input = json!({"copy": copy, "brand": {"logo.svg": logo.to_json()}});
    if (locale, aspect) == ("de-DE", "9:16") {
        let attempt = journal.start(&id, 0, input);
        let failure = Failure {
            kind: FailureKind::Limit,
            message: "limit:cpu used 5.0 s of 5 s".into(),
            hint: Some("limits = { cpu = \"10 s\" } under [agents.visual]".into()),
        };
        journal.facts.push(Fact::AttemptFailed {
            attempt,
            failure: failure.clone(),
            retry: None,
            used: Used::default(),
        });
        journal.facts.push(Fact::CellFailed { cell: id.clone(), failure });
        let reason = format!("{id} was not released");
        journal.facts.push(Fact::Dropped { cell: cell("bundle", key), reason });
        return None;
    }
    let make = |journal: &mut Journal, round: u32| {
        let attempt = journal.start(&id, round, input.clone());
        journal.get(&attempt, logo);
        let image = blobs.keep(picture(locale, aspect, round), "image/png", Some("Hero.png"));
        journal.put(&attempt, &image);
        let output = json!({"image": image.to_json(), "alt": copy["headline"], "layout": [{"role": "logo"}]});
        journal.finish(attempt, &output);
        journal.judged("brand", &id, round, Verdict::Pass, 0.97, json!([]));
        (image, output)
    };
    let (mut image, mut output) = make(journal, 0);
    let mut round = 0;
    if (locale, aspect) == ("en-GB", "9:16") {
        let comment = Some("Shorter text, please: this is read at arm's length.".into());
        journal.decided("editor", &id, 0, &output, Decision::Reject { comment });
        (image, output) = make(journal, 1);
        round = 1;
    }
    journal.decided("editor", &id, round, &output, Decision::Approve { comment: None });
    journal.release(&id, round, &output);
    let id = cell("bundle", key);
    let attempt = journal.start(&id, 0, json!({"visual": output, "copy": copy}));
    let caption =
        blobs.keep(format!("{locale} {aspect}").into_bytes(), "text/plain", Some("caption.txt"));
    journal.put(&attempt, &caption);
    let bundle = json!({"image": image.to_json(), "caption": caption.to_json(), "copy": copy, "tags": ["#Wren", "#bikelight"], "alt": copy["headline"]});
    journal.finish(attempt, &bundle);
    journal.release(&id, 0, &bundle);
    Some(json!({"axis": {"locale": locale, "aspect": {"id": aspect, "w": 1080}}, "value": bundle}))
}
