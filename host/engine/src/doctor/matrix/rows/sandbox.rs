//! The limits of the sandbox, and what people see of guests.

use bailiwick_core::fact::FailureKind::{Fatal, ForeignArtifact, Limit, OutOfSchema, Trap};

use super::super::{Refusal, Row};
use super::guest;

pub(super) const ROWS: &[Row] = &[
    guest(
        ("cpu", "an endless loop", &["project agents.*.limits.cpu"]),
        ("attack = \"loop\"", "limits = { cpu = \"100 ms\" }", ""),
        Refusal::Ends(Limit, "limit:cpu used 100 ms of 100 ms"),
    ),
    guest(
        (
            "calls",
            "an endless loop around a call that costs next to nothing",
            &["project agents.*.limits.gate-calls"],
        ),
        ("attack = \"ask\"", "limits = { gate-calls = 50 }", ""),
        Refusal::Ends(Limit, "limit:gate-calls used 51 of 50"),
    ),
    guest(
        ("words", "an endless loop around the log", &["project agents.*.limits.cpu"]),
        ("attack = \"say\", a = \"x\", m = 4_000_000_000", "limits = { cpu = \"100 ms\" }", ""),
        Refusal::Ends(Limit, "limit:cpu used 100 ms of 100 ms"),
    ),
    guest(
        ("wall", "waiting for a server that never answers", &["project agents.*.limits.wall"]),
        (
            "attack = \"fetch\", a = \"GET\", b = \"http://127.0.0.1:{port}/slow\", m = 1000",
            "limits = { wall = \"300 ms\" }\ngrants.http = [{ scheme = \"http\", host = \"127.0.0.1\", port = {port}, paths = [\"/slow\"], network = \"loopback\" }]",
            "",
        ),
        Refusal::Ends(Limit, "limit:wall used 300 ms of 300 ms"),
    ),
    guest(
        ("memory", "memory that grows until there is no more", &["project agents.*.limits.memory"]),
        ("attack = \"grow\"", "limits = { memory = \"16 MiB\" }", ""),
        Refusal::Ends(Limit, "limit:memory used "),
    ),
    guest(
        ("allocation", "2 GiB at once", &["project agents.*.limits.memory"]),
        ("attack = \"allocate\", n = 32768", "", ""),
        Refusal::Ends(Limit, "of 128 MiB, and 2 GiB more were asked for"),
    ),
    guest(
        ("table", "a table of 100 000 elements", &["limit table elements"]),
        ("attack = \"table\", n = 100000", "", ""),
        Refusal::Ends(Limit, "of 20000, and 100000 more were asked for"),
    ),
    guest(
        ("stack", "recursion without end", &["limit stack"]),
        ("attack = \"recurse\"", "", ""),
        Refusal::Ends(Limit, "limit:stack used 512 KiB of 512 KiB"),
    ),
    guest(
        ("border", "an output of 100 MB", &["limit hostcall bytes"]),
        ("attack = \"huge\"", "", ""),
        Refusal::Ends(Limit, "limit:output used more than 8 MiB of 4 MiB"),
    ),
    guest(
        ("output", "an output that is larger than it may be", &["project agents.*.limits.output"]),
        ("attack = \"answer\", z = 2000", "limits = { output = \"1 KiB\" }", ""),
        Refusal::Ends(Limit, "limit:output used 2.0 KiB of 1 KiB"),
    ),
    guest(
        ("no_json", "an output that is no JSON", &["limit output form"]),
        ("attack = \"answer\", a = \"hello\"", "", ""),
        Refusal::Ends(OutOfSchema, "the output: "),
    ),
    guest(
        ("brackets", "an output of a million brackets", &["limit document depth"]),
        ("attack = \"nest\", n = 1000000", "", ""),
        Refusal::Ends(OutOfSchema, "the output: "),
    ),
    guest(
        ("schema", "an output out of its schema", &["limit output schema"]),
        ("attack = \"answer\", a = \"[1]\"", "", ""),
        Refusal::Ends(OutOfSchema, "the output is not in the agent's schema"),
    ),
    guest(
        ("lines", "a million lines of log", &["project agents.*.limits.log-lines"]),
        (
            "attack = \"say\", a = \"x\", m = 1000000",
            "limits = { log-lines = 10, cpu = \"30 s\" }",
            "",
        ),
        Refusal::Shown("999990 more lines were dropped: an attempt has 10"),
    ),
    guest(
        ("huge_line", "a line of log of 64 KiB", &["limit log line"]),
        ("attack = \"say\", z = 65536", "", ""),
        Refusal::Shown("xxxx"),
    ),
    guest(
        ("escapes_in_log", "terminal escapes, bidi and HTML in the log", &["limit visible text"]),
        ("attack = \"say\", a = \"~1b[2J~e2~80~aegpj.exe<script>\"", "", ""),
        Refusal::Shown("\\u{1b}[2J\\u{202e}gpj.exe<script>"),
    ),
    guest(
        ("escapes_in_notes", "the same in a note on progress", &["limit visible text"]),
        ("attack = \"progress\", a = \"~1b[2J~e2~80~aegpj.exe<script>\"", "", ""),
        Refusal::Shown("\\u{1b}[2J\\u{202e}gpj.exe<script>"),
    ),
    guest(
        ("escapes_in_failures", "the same in a failure", &["limit visible text"]),
        ("attack = \"fail\", n = 3, a = \"~1b[2J~e2~80~aegpj.exe<script>\"", "", ""),
        Refusal::Ends(Fatal, "\\u{1b}[2J\\u{202e}gpj.exe<script>"),
    ),
    guest(
        ("panic", "giving up without a word", &["limit trap"]),
        ("attack = \"trap\"", "", ""),
        Refusal::Ends(Trap, "the agent gave up"),
    ),
    guest(
        ("huge_failure", "a failure with 1 MiB of data in its words", &["limit failure text"]),
        ("attack = \"fail\", n = 3, z = 1048576", "", ""),
        Refusal::Ends(Fatal, "xxxx"),
    ),
    guest(
        ("huge_argument", "a text of 16 MiB to the host", &["limit hostcall bytes"]),
        ("attack = \"say\", z = 16777216", "", ""),
        Refusal::Ends(Limit, "limit:hostcall-bytes used more than 8 MiB of 8 MiB"),
    ),
    guest(
        (
            "denials",
            "asking for what was denied, again and again",
            &["project agents.*.limits.denials"],
        ),
        ("attack = \"model\", a = \"wild\", b = \"hi\", m = 100", "limits = { denials = 5 }", ""),
        Refusal::Ends(Limit, "limit:denials used 6 of 5"),
    ),
    guest(
        ("forged_output", "a made-up reference in the output", &["limit artifact references"]),
        (
            "attack = \"answer\", a = \"{~22$artifact~22:~22blake3:0000000000000000000000000000000000000000000000000000000000000000~22,~22bytes~22:1,~22media_type~22:~22text/plain~22}\"",
            "",
            "",
        ),
        Refusal::Ends(ForeignArtifact, "was neither in the input nor put by this attempt"),
    ),
];
