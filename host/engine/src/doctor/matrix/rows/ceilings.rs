//! What the admin wrote, where the operator said nothing: the ceiling holds in a run.

use bailiwick_core::fact::FailureKind::Limit;

use super::super::{Refusal, Row, Under};
use super::under;

/// A policy that allows little of everything.
pub(in super::super) const CEILING: &str = r#"
labels = { unlabelled = "public" }
[ceiling."local/hello"]
[ceiling."local/hostile"]
model = { calls = 2, tokens = 2_000, money = "0.001 USD", origins = ["http://127.0.0.1:{port}"] }
knowledge = {}
artifacts = { put = "1 MiB" }
kv = { quota = "1 KiB" }
limits = { cpu = "100 ms", memory = "16 MiB", output = "1 KiB", log-lines = 10, gate-calls = 50, denials = 5 }
http = [
  { host = "*", port = "*", paths = ["/**"], headers = ["*"] },
  { scheme = "http", host = "127.0.0.1", port = {port}, methods = ["GET", "POST"], paths = ["/open/*"], network = "loopback", request = "1 KiB", response = "1 KiB" },
]
"#;

/// What that one cannot show at once: a wall clock as short as this one would end, on a busy
/// machine, what another limit is to end.
pub(in super::super) const NARROW: &str = r#"
labels = { unlabelled = "public" }
[ceiling."local/hello"]
[ceiling."local/hostile"]
model = {}
knowledge = {}
artifacts = {}
kv = {}
limits = { artifacts = "1 MiB", wall = "3 s" }
http = [
  { host = "*", port = "*", paths = ["/**"], headers = ["*"] },
  { scheme = "http", host = "127.0.0.1", port = {port}, paths = ["/slow"], network = "loopback" },
]
"#;

const MODEL: &str = "attack = \"model\", a = \"tame\", b = \"Write a line.\", n = 50, m = 4";

pub(super) const ROWS: &[Row] = &[
    under(
        Under::Ceiling,
        ("most_calls", "more requests than the ceiling has", &["policy ceiling.*.model.calls"]),
        (MODEL, "", ""),
        Refusal::Only(2),
    ),
    under(
        Under::Ceiling,
        ("most_tokens", "more tokens than the ceiling has", &["policy ceiling.*.model.tokens"]),
        ("attack = \"model\", a = \"tame\", b = \"Write a line.\", n = 4000", "", ""),
        Refusal::Exhausted("tokens"),
    ),
    under(
        Under::Ceiling,
        ("most_money", "more money than the ceiling has", &["policy ceiling.*.model.money"]),
        (
            "attack = \"model\", a = \"far\", b = \"Write a line.\", n = 500",
            "grants.model = { use = [\"far\"] }",
            "",
        ),
        Refusal::Exhausted("0.001 USD"),
    ),
    under(
        Under::Ceiling,
        ("most_cpu", "an endless loop under the ceiling", &["policy ceiling.*.limits.cpu"]),
        ("attack = \"loop\"", "", ""),
        Refusal::Ends(Limit, "limit:cpu used 100 ms of 100 ms"),
    ),
    under(
        Under::Narrow,
        ("most_wall", "waiting for ever under the ceiling", &["policy ceiling.*.limits.wall"]),
        (
            "attack = \"fetch\", a = \"GET\", b = \"http://127.0.0.1:{port}/slow\", m = 1000",
            "grants.http = [{ scheme = \"http\", host = \"127.0.0.1\", port = {port}, paths = [\"/slow\"], network = \"loopback\" }]",
            "",
        ),
        Refusal::Ends(Limit, "limit:wall used 3 s of 3 s"),
    ),
    under(
        Under::Ceiling,
        ("most_memory", "growing memory under the ceiling", &["policy ceiling.*.limits.memory"]),
        ("attack = \"grow\"", "", ""),
        Refusal::Ends(Limit, "of 16 MiB"),
    ),
    under(
        Under::Ceiling,
        ("most_output", "a large output under the ceiling", &["policy ceiling.*.limits.output"]),
        ("attack = \"answer\", z = 2000", "", ""),
        Refusal::Ends(Limit, "limit:output used 2.0 KiB of 1 KiB"),
    ),
    under(
        Under::Ceiling,
        (
            "most_lines",
            "many lines of log under the ceiling",
            &["policy ceiling.*.limits.log-lines"],
        ),
        ("attack = \"say\", a = \"x\", m = 1000", "", ""),
        Refusal::Shown("990 more lines were dropped: an attempt has 10"),
    ),
    under(
        Under::Ceiling,
        ("most_asked", "many calls under the ceiling", &["policy ceiling.*.limits.gate-calls"]),
        ("attack = \"ask\"", "", ""),
        Refusal::Ends(Limit, "limit:gate-calls used 51 of 50"),
    ),
    under(
        Under::Ceiling,
        ("most_denials", "many denials under the ceiling", &["policy ceiling.*.limits.denials"]),
        ("attack = \"model\", a = \"wild\", b = \"hi\", m = 40", "", ""),
        Refusal::Ends(Limit, "limit:denials used 6 of 5"),
    ),
    under(
        Under::Ceiling,
        ("most_put", "more artifacts than the ceiling has", &["policy ceiling.*.artifacts.put"]),
        (
            "attack = \"put\", a = \"text/plain\", n = 65536, m = 30",
            "grants.artifacts = { put = \"1 MiB\" }",
            "",
        ),
        Refusal::Exhausted("do not fit into 1 MiB"),
    ),
    under(
        Under::Ceiling,
        ("most_values", "more values than the ceiling has", &["policy ceiling.*.kv.quota"]),
        ("attack = \"kv_set\", a = \"key\", b = \"~22{long}~22\"", "", ""),
        Refusal::Exhausted("1 KiB"),
    ),
    under(
        Under::Ceiling,
        ("most_body", "a larger body than the ceiling has", &["policy ceiling.*.http.request"]),
        (
            "attack = \"fetch\", a = \"POST\", b = \"http://127.0.0.1:{port}/open/x\", e = \"{long}\"",
            "grants.http = [{ scheme = \"http\", host = \"127.0.0.1\", port = {port}, methods = [\"POST\"], paths = [\"/open/*\"], network = \"loopback\", request = \"1 KiB\", response = \"1 KiB\", even-if = \"outside\" }]",
            "",
        ),
        Refusal::Denied("the body is larger than the rule's `request`"),
    ),
    under(
        Under::Ceiling,
        (
            "most_answer",
            "a larger answer than the ceiling has",
            &["policy ceiling.*.http.response"],
        ),
        (
            "attack = \"fetch\", a = \"GET\", b = \"http://127.0.0.1:{port}/open/large\"",
            "grants.http = [{ scheme = \"http\", host = \"127.0.0.1\", port = {port}, methods = [\"GET\"], paths = [\"/open/*\"], network = \"loopback\", request = \"1 KiB\", response = \"1 KiB\" }]",
            "",
        ),
        Refusal::Exhausted("the answer has more than 1 KiB"),
    ),
    under(
        Under::Narrow,
        (
            "most_kept",
            "a flood of artifacts under the ceiling",
            &["policy ceiling.*.limits.artifacts"],
        ),
        (
            "attack = \"put\", a = \"text/plain\", n = 65536, m = 100",
            "grants.artifacts = { put = \"64 MiB\" }",
            "",
        ),
        Refusal::Exhausted("1 MiB are put, 64 KiB more do not fit into 1 MiB"),
    ),
    under(
        Under::DayCalls,
        ("day_calls", "more requests than the day has", &["policy per-day.calls"]),
        (MODEL, "", ""),
        Refusal::Only(2),
    ),
    under(
        Under::DayTokens,
        ("day_tokens", "more tokens than the day has", &["policy per-day.tokens"]),
        (MODEL, "", ""),
        Refusal::Exhausted("tokens"),
    ),
    under(
        Under::DayMoney,
        ("day_money", "more money than the day has", &["policy per-day.money"]),
        (
            "attack = \"model\", a = \"far\", b = \"Write a line.\", n = 50",
            "grants.model = { use = [\"far\"] }",
            "",
        ),
        Refusal::Exhausted("0.000001 USD"),
    ),
];
