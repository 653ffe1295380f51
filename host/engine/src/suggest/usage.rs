//! What one agent was seen to use, over runs. Knows no grant and judges nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bailiwick_core::fact::Capability;
use bailiwick_core::{Bytes, Cost, Name};
use bailiwick_policy::http::Method;

/// The most different paths, hosts or headers of one rule that are told apart: above it the
/// rule stays as it is, and a guest that asks for millions of paths fills no memory.
pub(crate) const DISTINCT_MAX: usize = 512;

/// What one agent name used.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Usage {
    /// Runs in which it worked on the component of today.
    pub(crate) runs: usize,
    /// Its attempts there.
    pub(crate) attempts: usize,
    /// Requests by alias.
    pub(crate) models: BTreeMap<Name, u64>,
    /// The most that was spent and reserved at one moment of a run, by it and by whom it called.
    pub(crate) peak: Cost,
    /// Powers of which it, or one whom it called, was told that there is no more.
    pub(crate) exhausted: BTreeSet<Capability>,
    /// Searches by collection.
    pub(crate) collections: BTreeMap<Name, u64>,
    /// Artifacts that it read.
    pub(crate) reads: u64,
    /// Artifacts that it put.
    pub(crate) puts: u64,
    /// The most that one attempt had put.
    pub(crate) put: Bytes,
    /// Requests to the web by the rule that lets them through, counted from 0.
    pub(crate) web: BTreeMap<usize, RuleUse>,
    /// Requests to the web that were sent on, where it is not written down which way.
    pub(crate) lost_ways: u64,
    /// Reads of its namespace.
    pub(crate) kv_reads: u64,
    /// Writes to its namespace.
    pub(crate) kv_writes: u64,
    /// Calls by agent.
    pub(crate) callees: BTreeMap<Name, u64>,
    /// Requests that today's grants do not let through: they are no use of anything.
    pub(crate) denied: BTreeMap<Capability, u64>,
    /// What attempts took of the host, at most.
    pub(crate) host: HostUse,
}

/// What attempts took of the host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct HostUse {
    /// Time of guest code.
    pub(crate) cpu: Duration,
    /// Memories and tables.
    pub(crate) memory: Bytes,
    /// Calls to the gate.
    pub(crate) gate_calls: u32,
    /// Whether it is written down: of agents that are called it is not.
    pub(crate) known: bool,
    /// Whether an attempt ended at a limit.
    pub(crate) limited: bool,
}

impl HostUse {
    /// The larger of each.
    pub(crate) fn max(self, other: Self) -> Self {
        Self {
            cpu: self.cpu.max(other.cpu),
            memory: self.memory.max(other.memory),
            gate_calls: self.gate_calls.max(other.gate_calls),
            known: self.known || other.known,
            limited: self.limited || other.limited,
        }
    }
}

/// What went through one rule of the web.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct RuleUse {
    /// How many requests.
    pub(crate) requests: u64,
    /// Their methods.
    pub(crate) methods: BTreeSet<Method>,
    /// Their hosts, as URLs have them.
    pub(crate) hosts: Distinct,
    /// Their paths, as URLs have them.
    pub(crate) paths: Distinct,
    /// The names of their headers, in lower case.
    pub(crate) headers: Distinct,
    /// The largest body.
    pub(crate) body: Bytes,
    /// The largest body of an answer.
    pub(crate) answer: Bytes,
}

/// Texts that are told apart, as long as there are not too many.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Distinct {
    texts: BTreeSet<String>,
    more: bool,
}

impl Distinct {
    /// Takes one more in.
    pub(crate) fn add(&mut self, text: &str) {
        if self.texts.contains(text) {
            return;
        }
        match self.texts.len() < DISTINCT_MAX {
            true => _ = self.texts.insert(text.to_owned()),
            false => self.more = true,
        }
    }

    /// All of them; nothing where there are too many.
    pub(crate) fn all(&self) -> Option<&BTreeSet<String>> {
        (!self.more).then_some(&self.texts)
    }

    fn merge(&mut self, other: &Self) {
        other.texts.iter().for_each(|text| self.add(text));
        self.more |= other.more;
    }
}

impl RuleUse {
    fn merge(&mut self, other: &Self) {
        self.requests += other.requests;
        self.methods.extend(&other.methods);
        self.hosts.merge(&other.hosts);
        self.paths.merge(&other.paths);
        self.headers.merge(&other.headers);
        self.body = self.body.max(other.body);
        self.answer = self.answer.max(other.answer);
    }
}

impl Usage {
    /// Takes in what was seen in another run.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.runs += other.runs;
        self.attempts += other.attempts;
        add(&mut self.models, &other.models);
        self.peak = self.peak.max(other.peak);
        self.exhausted.extend(&other.exhausted);
        add(&mut self.collections, &other.collections);
        self.reads += other.reads;
        self.puts += other.puts;
        self.put = self.put.max(other.put);
        for (rule, used) in &other.web {
            self.web.entry(*rule).or_default().merge(used);
        }
        self.lost_ways += other.lost_ways;
        self.kv_reads += other.kv_reads;
        self.kv_writes += other.kv_writes;
        add(&mut self.callees, &other.callees);
        add(&mut self.denied, &other.denied);
        self.host = self.host.max(other.host);
    }
}

fn add<K: Ord + Clone>(sums: &mut BTreeMap<K, u64>, more: &BTreeMap<K, u64>) {
    for (key, count) in more {
        *sums.entry(key.clone()).or_default() += count;
    }
}
