//! What was not granted, or is spent: models, knowledge, artifacts, values, and what a pipeline says of its steps.

use bailiwick_core::fact::FailureKind::{EffectsDone, Retryable};

use super::super::{Attempt, Guest, Refusal, Row, Under};
use super::guest;

/// A model for whose words nobody made room.
const CHEAP: &str = "attack = \"model\", a = \"tame\", b = \"Write a line.\", n = 50";

pub(super) const ROWS: &[Row] = &[
    guest(
        ("model", "a model that is not granted", &["project agents.*.grants.model.use"]),
        ("attack = \"model\", a = \"wild\", b = \"hi\"", "", ""),
        Refusal::Denied("the model \"wild\" is not granted to model"),
    ),
    guest(
        (
            "embedding",
            "vectors of a model that is not granted",
            &["project agents.*.grants.model.use"],
        ),
        ("attack = \"embed\", a = \"wild\", b = \"hi\"", "", ""),
        Refusal::Denied("the model \"wild\" is not granted to embedding"),
    ),
    guest(
        (
            "picture",
            "pictures of a model that is not granted",
            &["project agents.*.grants.model.use"],
        ),
        ("attack = \"picture\", a = \"wild\", b = \"hi\", n = 64", "", ""),
        Refusal::Denied("the model \"wild\" is not granted to picture"),
    ),
    guest(
        ("huge_alias", "a name of a model of 1 MiB", &["limit model request"]),
        ("attack = \"model\", z = 1048576, b = \"hi\"", "", ""),
        Refusal::Invalid("bytes of the alias: 1048576; it must be 0 to 64"),
    ),
    guest(
        (
            "model_calls",
            "more requests than the grant has",
            &["project agents.*.grants.model.calls"],
        ),
        (
            "attack = \"model\", a = \"tame\", b = \"Write a line.\", n = 50, m = 4",
            "grants.model = { use = [\"tame\"], calls = 2 }",
            "",
        ),
        Refusal::Only(2),
    ),
    guest(
        (
            "model_tokens",
            "more tokens than the grant has",
            &["project agents.*.grants.model.tokens"],
        ),
        (CHEAP, "grants.model = { use = [\"tame\"], tokens = 20 }", ""),
        Refusal::Exhausted("tokens"),
    ),
    guest(
        (
            "model_money",
            "more money than the grant has",
            &[
                "project agents.*.grants.model.money",
                "project models.*.routes.price.input",
                "project models.*.routes.price.output",
            ],
        ),
        (
            "attack = \"model\", a = \"far\", b = \"Write a line.\", n = 50",
            "grants.model = { use = [\"far\"], money = \"0.000001 USD\" }",
            "",
        ),
        Refusal::Exhausted("0.000001 USD"),
    ),
    guest(
        (
            "step_calls",
            "more requests than the step has",
            &[
                "pipeline step.*.budget.calls",
                "pipeline step.*.budget.when-spent",
                "pipeline when-spent",
            ],
        ),
        (
            "attack = \"model\", a = \"tame\", b = \"Write a line.\", n = 50, m = 4",
            "",
            "budget = { calls = 2 }",
        ),
        Refusal::Only(2),
    ),
    guest(
        ("step_tokens", "more tokens than the step has", &["pipeline step.*.budget.tokens"]),
        (CHEAP, "", "budget = { tokens = 20 }"),
        Refusal::Exhausted("tokens"),
    ),
    guest(
        ("step_money", "more money than the step has", &["pipeline step.*.budget.money"]),
        (
            "attack = \"model\", a = \"far\", b = \"Write a line.\", n = 50",
            "grants.model = { use = [\"far\"] }",
            "budget = { money = \"0.000001 USD\" }",
        ),
        Refusal::Exhausted("0.000001 USD"),
    ),
    Row {
        name: "crowd",
        attack: "64 requests at once at the edge of a budget of 8",
        guards: &["pipeline step.*.budget.calls"],
        attempt: Attempt::Guest(Guest {
            under: Under::Wide,
            input: CHEAP,
            agent: "",
            step: "over = [\"crowd\"]\nbudget = { calls = 8 }",
            axis: "crowd = {crowd}\n",
        }),
        refusal: Refusal::Only(8),
    },
    guest(
        ("collection", "a collection that is not granted", &["project agents.*.grants.knowledge"]),
        ("attack = \"search\", a = \"shut\", b = \"zebra\", n = 5", "", ""),
        Refusal::Denied("the collection \"shut\" is not granted to collection"),
    ),
    guest(
        ("query_syntax", "the syntax of a full-text query", &["limit query"]),
        (
            "attack = \"search\", a = \"open\", b = \"zeb* OR text:zeb* NEAR(zeb* ~22zeb\", n = 5",
            "",
            "",
        ),
        Refusal::Finds("[]"),
    ),
    guest(
        ("huge_collection", "a name of a collection of 1 MiB", &["limit query"]),
        ("attack = \"search\", z = 1048576, b = \"zebra\", n = 5", "", ""),
        Refusal::Invalid("a collection has at most 64 bytes"),
    ),
    guest(
        (
            "put_ungranted",
            "keeping an artifact without the grant",
            &["project agents.*.grants.artifacts.put"],
        ),
        ("attack = \"put\", a = \"text/plain\", n = 4", "", ""),
        Refusal::Denied("may not put artifacts"),
    ),
    guest(
        (
            "put",
            "more artifacts than the grant has room for",
            &["project agents.*.grants.artifacts.put"],
        ),
        (
            "attack = \"put\", a = \"text/plain\", n = 1048576, m = 3",
            "grants.artifacts = { put = \"2 MiB\" }",
            "",
        ),
        Refusal::Exhausted("2 MiB are put, 1 MiB more do not fit into 2 MiB"),
    ),
    guest(
        ("artifacts", "a flood of artifacts", &["project agents.*.limits.artifacts"]),
        (
            "attack = \"put\", a = \"text/plain\", n = 65536, m = 100",
            "limits = { artifacts = \"1 MiB\" }\ngrants.artifacts = { put = \"64 MiB\" }",
            "",
        ),
        Refusal::Exhausted("1 MiB are put, 64 KiB more do not fit into 1 MiB"),
    ),
    guest(
        ("artifact_name", "an artifact whose name is a path", &["limit artifact name"]),
        (
            "attack = \"put\", a = \"text/plain\", b = \"../../etc/passwd\", n = 4",
            "grants.artifacts = { put = \"1 MiB\" }",
            "",
        ),
        Refusal::Invalid("a name is no path"),
    ),
    guest(
        (
            "foreign_digest",
            "an artifact by a digest that somebody else has",
            &["limit artifact references"],
        ),
        (
            "attack = \"get\", a = \"blake3:0000000000000000000000000000000000000000000000000000000000000000\", b = \"text/plain\", n = 4",
            "",
            "",
        ),
        Refusal::Denied("is neither in the input of foreign_digest nor put by this attempt"),
    ),
    guest(
        ("quota", "more values than the namespace may hold", &["project kv.*.quota"]),
        (
            "attack = \"kv_set\", a = \"key\", b = \"~22{long}~22\"",
            "grants.kv = { namespace = \"quota\", even-if = \"outside\" }\n[kv.quota]\nwriters = [\"quota\"]\nquota = \"1 KiB\"",
            "",
        ),
        Refusal::Exhausted("1 KiB"),
    ),
    guest(
        (
            "reader",
            "writing where it only reads",
            &["project kv.*.readers", "project kv.*.writers"],
        ),
        (
            "attack = \"kv_set\", a = \"key\", b = \"1\"",
            "grants.kv = { namespace = \"reader\" }\n[kv.reader]\nreaders = [\"reader\"]",
            "",
        ),
        Refusal::Denied("reader reads the namespace reader and may not write it"),
    ),
    guest(
        ("reader_swap", "the same by compare-and-set", &["project kv.*.writers"]),
        (
            "attack = \"kv_swap\", a = \"key\", b = \"1\"",
            "grants.kv = { namespace = \"reader_swap\" }\n[kv.reader_swap]\nreaders = [\"reader_swap\"]",
            "",
        ),
        Refusal::Denied("may not write it"),
    ),
    guest(
        ("reader_delete", "the same by deleting", &["project kv.*.writers"]),
        (
            "attack = \"kv_delete\", a = \"key\"",
            "grants.kv = { namespace = \"reader_delete\" }\n[kv.reader_delete]\nreaders = [\"reader_delete\"]",
            "",
        ),
        Refusal::Denied("may not write it"),
    ),
    guest(
        (
            "failed_write",
            "a value that an attempt wrote which failed",
            &["limit writes of a failed attempt"],
        ),
        (
            "attack = \"write_fail\", a = \"key\", b = \"1\"",
            "",
            "retry = { attempts = 3, backoff = \"1 ms\" }",
        ),
        Refusal::Tries(Retryable, 3),
    ),
    guest(
        ("forged_value", "a made-up reference in a value", &["limit artifact references"]),
        (
            "attack = \"kv_set\", a = \"key\", b = \"{~22$artifact~22:~22blake3:0000000000000000000000000000000000000000000000000000000000000000~22,~22bytes~22:1,~22media_type~22:~22text/plain~22}\"",
            "",
            "",
        ),
        Refusal::Invalid("foreign-artifact"),
    ),
    guest(
        ("control_key", "control characters in a key", &["limit key"]),
        ("attack = \"kv_set\", a = \"a~0ab\", b = \"1\"", "", ""),
        Refusal::Invalid("control"),
    ),
    guest(
        ("huge_key", "a key of 1 MiB", &["limit key"]),
        ("attack = \"kv_get\", z = 1048576", "", ""),
        Refusal::Invalid("256"),
    ),
    guest(
        ("huge_prefix", "a prefix of 1 MiB", &["limit key"]),
        ("attack = \"kv_list\", z = 1048576, n = 1", "", ""),
        Refusal::Invalid("256"),
    ),
    guest(
        (
            "retries",
            "failing for ever as though the next try would help",
            &["pipeline step.*.retry.attempts"],
        ),
        (
            "attack = \"fail\", n = 2, a = \"once more\"",
            "",
            "retry = { attempts = 3, backoff = \"1 ms\" }",
        ),
        Refusal::Tries(Retryable, 3),
    ),
    guest(
        (
            "effects",
            "changing something outside and failing after it",
            &["pipeline step.*.repeat-effects"],
        ),
        (
            "attack = \"fetch\", a = \"POST\", b = \"http://127.0.0.1:{port}/open/effects\", e = \"1\"",
            "limits = { output = \"1 B\" }\ngrants.http = [{ scheme = \"http\", host = \"127.0.0.1\", port = {port}, methods = [\"POST\"], paths = [\"/open/*\"], network = \"loopback\", even-if = \"outside\" }]",
            "retry = { attempts = 3, backoff = \"1 ms\" }",
        ),
        Refusal::Tries(EffectsDone, 1),
    ),
    guest(
        ("revised", "a judge that is never content", &["pipeline step.*.rounds"]),
        (
            "attack = \"answer\", a = \"{}\", f = \"${feedback}\"",
            "",
            "[step.reviser]\nagent = \"revised\"\njudges = \"revised\"\nrounds = 1\ninput = { attack = \"answer\", a = \"{~22verdict~22:~22revise~22,~22score~22:0,~22reasons~22:[]}\" }",
        ),
        Refusal::Dropped("reviser"),
    ),
];
