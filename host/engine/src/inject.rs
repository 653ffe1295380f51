//! Faults on purpose, for drills: what `--inject` can say, and the ports that do it. Knows no operation, and no operation knows it.

mod blobs;
mod journal;
mod provider;
mod web;

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bailiwick_core::Diagnostic;
use bailiwick_core::ports::{Blobs, Journal};
use bailiwick_gate::http::HttpProvider;
use bailiwick_gate::provider::ModelProvider;

use crate::codes;
use crate::problems::Problems;

/// What can be said, for whoever said something else.
const WORDS: &str = "crash-after=FACT:N, crash-before=FACT:N, fail-append=N[..M], full-disk-at=N, \
                     slow-sync=MILLIS, provider-unavailable=N[..M], provider-slow=MILLIS, \
                     web-unavailable=N[..M], web-lost=N[..M], web-status=CODE:N[..M], \
                     web-slow=MILLIS, web-crash-before=N, web-crash-after=N, \
                     swap-crash-after=stage|diff|rehearse|commit|flip";

/// The names that a fact can have. A test reads them off the vocabulary itself.
const FACTS: [&str; 31] = [
    "RunStarted",
    "RunResumed",
    "RunPaused",
    "Embedded",
    "AxisFixed",
    "StepLaidOut",
    "CellSkipped",
    "CellStarted",
    "CellReused",
    "AttemptContinued",
    "CellParked",
    "CallIntended",
    "CallAnswered",
    "CallLost",
    "Logged",
    "AttemptFailed",
    "Recast",
    "KvWritten",
    "KvStaged",
    "Delegated",
    "CellFinished",
    "Judged",
    "JudgeSkipped",
    "Escalated",
    "Asked",
    "Reminded",
    "Decided",
    "Released",
    "Dropped",
    "CellFailed",
    "RunEnded",
];

/// Something that goes wrong because somebody wants to see what happens then.
/// Everything is counted from 1, from the start of the process.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Fault {
    /// The process is killed when the append with that fact is durable. Nobody learns
    /// that it is, and nothing after it is written.
    CrashAfter { fact: &'static str, number: u64 },
    /// The process is killed when everything before the append with that fact is
    /// durable; that append is lost.
    CrashBefore { fact: &'static str, number: u64 },
    /// These writes are lost and answered with an error, and so is every append until the
    /// run is claimed again; that claim is a write, too.
    FailAppend(RangeInclusive<u64>),
    /// From that append on there is no room but the reserve of the disk.
    FullDiskAt(u64),
    /// Everything is durable so much later.
    SlowSync(Duration),
    /// These requests to models are not answered, and have not left.
    ProviderUnavailable(RangeInclusive<u64>),
    /// Answers of models come so much later.
    ProviderSlow(Duration),
    /// These requests to the web find nobody, and have not left.
    WebUnavailable(RangeInclusive<u64>),
    /// These requests to the web are worked on, and their answers are lost.
    WebLost(RangeInclusive<u64>),
    /// These requests to the web are answered so without leaving.
    WebStatus(u16, RangeInclusive<u64>),
    /// Answers of the web come so much later.
    WebSlow(Duration),
    /// The process is killed when it is durable that this request leaves, and before it does.
    WebCrashBefore(u64),
    /// The process is killed when the whole answer is there, and nobody has heard of it.
    WebCrashAfter(u64),
    /// The process is killed when a swap has come so far.
    SwapCrashAfter(SwapStage),
}

/// How far a swap has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SwapStage {
    /// That the component is admitted is durable.
    Stage,
    /// It is known what changes.
    Diff,
    /// The recorded cells were done again.
    Rehearse,
    /// That it serves is durable, and nobody acts on it yet.
    Commit,
    /// It serves.
    Flip,
}

impl SwapStage {
    fn of(word: &str) -> Result<Self, String> {
        Ok(match word {
            "stage" => Self::Stage,
            "diff" => Self::Diff,
            "rehearse" => Self::Rehearse,
            "commit" => Self::Commit,
            "flip" => Self::Flip,
            other => return Err(format!("a swap has no `{other}`")),
        })
    }
}

/// What goes wrong in one process, and how far it is.
#[derive(Debug, Default)]
pub struct Faults {
    list: Vec<Fault>,
    full: AtomicBool,
    requests: AtomicU64,
    web: AtomicU64,
}

impl Faults {
    /// Reads what `--inject` said, each time that it was said.
    ///
    /// # Errors
    /// [`Problems`] with all that can be said.
    pub fn parse(words: &[String]) -> Result<Self, Problems> {
        let (mut list, mut problems) = (Vec::new(), Problems::default());
        for word in words {
            match fault(word) {
                Ok(fault) => list.push(fault),
                Err(why) => problems.extend([Diagnostic::error(
                    codes::BAD_INJECT,
                    format!("`{word}` cannot be injected: {why}"),
                )
                .hint(format!("there is {WORDS}"))]),
            }
        }
        problems.or(Self { list, ..Self::default() })
    }

    /// The journal that these faults are seen in.
    pub(crate) fn journal(self: &Arc<Self>, journal: Arc<dyn Journal>) -> Arc<dyn Journal> {
        match self.list.is_empty() {
            true => journal,
            false => Arc::new(journal::Faulty::new(journal, Arc::clone(self))),
        }
    }

    /// The blobs that these faults are seen in.
    pub(crate) fn blobs(self: &Arc<Self>, blobs: Arc<dyn Blobs>) -> Arc<dyn Blobs> {
        match self.list.is_empty() {
            true => blobs,
            false => Arc::new(blobs::Faulty::new(blobs, Arc::clone(self))),
        }
    }

    /// The provider that these faults are seen in.
    pub(crate) fn provider(
        self: &Arc<Self>,
        provider: Arc<dyn ModelProvider>,
    ) -> Arc<dyn ModelProvider> {
        match self.list.is_empty() {
            true => provider,
            false => Arc::new(provider::Faulty::new(provider, Arc::clone(self))),
        }
    }

    /// The web that these faults are seen in.
    pub(crate) fn web(self: &Arc<Self>, web: Arc<dyn HttpProvider>) -> Arc<dyn HttpProvider> {
        match self.list.is_empty() {
            true => web,
            false => Arc::new(web::Faulty::new(web, Arc::clone(self))),
        }
    }

    /// A swap has come so far.
    pub(crate) fn swap_reached(&self, stage: SwapStage) {
        if self.list.contains(&Fault::SwapCrashAfter(stage)) {
            die();
        }
    }

    fn is_full(&self) -> bool {
        self.full.load(Ordering::Relaxed)
    }

    /// Counts an append.
    fn appended(&self, number: u64) {
        if self.list.contains(&Fault::FullDiskAt(number)) {
            self.full.store(true, Ordering::Relaxed);
        }
    }

    /// Whether the next request goes unanswered.
    fn refuses_request(&self) -> bool {
        let number = self.requests.fetch_add(1, Ordering::Relaxed) + 1;
        self.list.iter().any(
            |fault| matches!(fault, Fault::ProviderUnavailable(range) if range.contains(&number)),
        )
    }

    fn provider_delay(&self) -> Duration {
        self.delay(|fault| match fault {
            Fault::ProviderSlow(delay) => Some(*delay),
            _ => None,
        })
    }

    fn web_delay(&self) -> Duration {
        self.delay(|fault| match fault {
            Fault::WebSlow(delay) => Some(*delay),
            _ => None,
        })
    }

    fn sync_delay(&self) -> Duration {
        self.delay(|fault| match fault {
            Fault::SlowSync(delay) => Some(*delay),
            _ => None,
        })
    }

    fn delay(&self, of: impl Fn(&Fault) -> Option<Duration>) -> Duration {
        self.list.iter().filter_map(of).sum()
    }
}

fn fault(word: &str) -> Result<Fault, String> {
    let (name, value) = word.split_once('=').ok_or("it has no `=`")?;
    Ok(match name {
        "crash-after" => {
            let (fact, number) = fact(value)?;
            Fault::CrashAfter { fact, number }
        }
        "crash-before" => {
            let (fact, number) = fact(value)?;
            Fault::CrashBefore { fact, number }
        }
        "fail-append" => Fault::FailAppend(range(value)?),
        "full-disk-at" => Fault::FullDiskAt(number(value)?),
        "slow-sync" => Fault::SlowSync(Duration::from_millis(number(value)?)),
        "provider-slow" => Fault::ProviderSlow(Duration::from_millis(number(value)?)),
        "web-unavailable" => Fault::WebUnavailable(range(value)?),
        "web-lost" => Fault::WebLost(range(value)?),
        "web-status" => {
            let (status, requests) = value.split_once(':').ok_or("it is CODE:N[..M]")?;
            Fault::WebStatus(code(status)?, range(requests)?)
        }
        "web-slow" => Fault::WebSlow(Duration::from_millis(number(value)?)),
        "web-crash-before" => Fault::WebCrashBefore(number(value)?),
        "web-crash-after" => Fault::WebCrashAfter(number(value)?),
        "swap-crash-after" => Fault::SwapCrashAfter(SwapStage::of(value)?),
        "provider-unavailable" => Fault::ProviderUnavailable(range(value)?),
        other => return Err(format!("there is no `{other}`")),
    })
}

fn fact(text: &str) -> Result<(&'static str, u64), String> {
    let (name, count) = text.split_once(':').ok_or("it is FACT:N")?;
    let known = FACTS.iter().find(|known| **known == name);
    let known = known
        .ok_or_else(|| format!("there is no fact `{name}`; there are {}", FACTS.join(", ")))?;
    Ok((known, number(count)?))
}

fn number(text: &str) -> Result<u64, String> {
    text.parse().ok().filter(|number| *number > 0).ok_or(format!("`{text}` is no number from 1 on"))
}

fn code(text: &str) -> Result<u16, String> {
    let code = text.parse().ok().filter(|code| (200..600).contains(code));
    code.ok_or(format!("`{text}` is no status from 200 to 599"))
}

fn range(text: &str) -> Result<RangeInclusive<u64>, String> {
    let (first, last) = match text.split_once("..") {
        Some((first, "")) => (number(first)?, u64::MAX),
        Some((first, last)) => (number(first)?, number(last)?),
        None => (number(text)?, number(text)?),
    };
    if last < first { Err(format!("{last} is before {first}")) } else { Ok(first..=last) }
}

/// Ends the process as a power cut would: no destructor runs, nothing is flushed.
#[expect(clippy::disallowed_methods, reason = "ending the process is what was asked for")]
fn die() {
    use rustix::process::{Signal, getpid, kill_process};
    if kill_process(getpid(), Signal::KILL).is_err() {
        std::process::abort();
    }
}

#[cfg(test)]
mod tests {
    use bailiwick_core::fact::Fact;

    use super::*;

    fn parse(words: &[&str]) -> Result<Faults, Problems> {
        Faults::parse(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn reads_every_fault_that_there_is() {
        let faults = parse(&[
            "crash-after=CellFinished:17",
            "crash-before=RunEnded:1",
            "fail-append=3",
            "full-disk-at=4",
            "slow-sync=50",
            "provider-unavailable=2..5",
            "provider-unavailable=7",
            "provider-unavailable=9..",
            "provider-slow=1",
            "web-unavailable=1",
            "web-lost=2..3",
            "web-status=503:4..",
            "web-slow=2",
            "web-crash-before=5",
            "web-crash-after=6",
            "swap-crash-after=commit",
        ]);
        let ms = Duration::from_millis;
        assert_eq!(
            faults.unwrap().list,
            [
                Fault::CrashAfter { fact: "CellFinished", number: 17 },
                Fault::CrashBefore { fact: "RunEnded", number: 1 },
                Fault::FailAppend(3..=3),
                Fault::FullDiskAt(4),
                Fault::SlowSync(ms(50)),
                Fault::ProviderUnavailable(2..=5),
                Fault::ProviderUnavailable(7..=7),
                Fault::ProviderUnavailable(9..=u64::MAX),
                Fault::ProviderSlow(ms(1)),
                Fault::WebUnavailable(1..=1),
                Fault::WebLost(2..=3),
                Fault::WebStatus(503, 4..=u64::MAX),
                Fault::WebSlow(ms(2)),
                Fault::WebCrashBefore(5),
                Fault::WebCrashAfter(6),
                Fault::SwapCrashAfter(SwapStage::Commit),
            ]
        );
    }

    #[test]
    fn what_cannot_be_injected_is_named_with_what_can() {
        for word in [
            "crash",
            "crash-after",
            "crash-after=CellFinished",
            "crash-after=CellFinished:0",
            "crash-after=CellFinnished:1",
            "explode=1",
            "slow-sync=fast",
            "provider-unavailable=5..2",
            "fail-append=-1",
            "web-status=503",
            "web-status=99:1",
            "web-status=busy:1",
            "web-crash-after=0",
        ] {
            let problems = parse(&["slow-sync=1", word]).unwrap_err();
            let [problem] = problems.diagnostics.as_slice() else { panic!("{word}") };
            assert_eq!(problem.code, codes::BAD_INJECT);
            assert!(problem.message.contains(&format!("`{word}`")), "{}", problem.message);
            assert!(problem.hint.as_ref().unwrap().contains("crash-after=FACT:N"));
        }
    }

    #[test]
    fn every_fact_of_the_vocabulary_can_be_named() {
        let refusal = serde_json::from_str::<Fact>(r#"{"fact":"-"}"#).unwrap_err().to_string();
        let listed = refusal.split("expected one of ").nth(1).unwrap();
        let mut names: Vec<&str> = listed.split('`').skip(1).step_by(2).collect();
        let mut ours = FACTS.to_vec();
        names.sort_unstable();
        ours.sort_unstable();
        assert_eq!(names, ours);
    }
}
