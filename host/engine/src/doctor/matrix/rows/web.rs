//! Requests to the web in every form in which they are not what was granted, and servers that would hand on what they were given.

use super::super::{Refusal, Row};
use super::guest;

pub(super) const ROWS: &[Row] = &[
    guest(
        ("web_host", "a host that is not granted", &["project agents.*.grants.http.host"]),
        (
            "attack = \"fetch\", a = \"GET\", b = \"http://localhost:{port}/never/web_host\"",
            "grants.http = [{ scheme = \"http\", host = \"127.0.0.1\", port = {port}, paths = [\"/open/*\"], network = \"loopback\" }]",
            "",
        ),
        Refusal::Denied("no rule has this scheme, host and port"),
    ),
    guest(
        (
            "web_case",
            "a granted host in other letters, with a port of its own",
            &["project agents.*.grants.http.port"],
        ),
        (
            "attack = \"fetch\", a = \"GET\", b = \"HTTP://LOCALHOST:1/never/web_case\"",
            "grants.http = [{ scheme = \"http\", host = \"localhost\", port = {port}, paths = [\"/**\"], network = \"loopback\" }]",
            "",
        ),
        Refusal::Denied("no rule has this scheme, host and port"),
    ),
    guest(
        ("web_dot", "a granted host with a dot at its end", &["project agents.*.grants.http.host"]),
        (
            "attack = \"fetch\", a = \"GET\", b = \"http://localhost.:{port}/never/web_dot\"",
            "grants.http = [{ scheme = \"http\", host = \"localhost\", port = {port}, paths = [\"/**\"], network = \"loopback\" }]",
            "",
        ),
        Refusal::Denied("no rule has this scheme, host and port"),
    ),
    guest(
        (
            "web_punycode",
            "a host that looks like the granted one",
            &["project agents.*.grants.http.host"],
        ),
        (
            "attack = \"fetch\", a = \"GET\", b = \"http://lοcalhost:{port}/never/web_punycode\"",
            "grants.http = [{ scheme = \"http\", host = \"localhost\", port = {port}, paths = [\"/**\"], network = \"loopback\" }]",
            "",
        ),
        Refusal::Denied("no rule has this scheme, host and port"),
    ),
    guest(
        (
            "web_user",
            "a granted host as the name of a user",
            &["project agents.*.grants.http.host"],
        ),
        (
            "attack = \"fetch\", a = \"GET\", b = \"http://127.0.0.1:{port}@localhost:{port}/never/web_user\"",
            "grants.http = [{ scheme = \"http\", host = \"127.0.0.1\", port = {port}, paths = [\"/open/*\"], network = \"loopback\" }]",
            "",
        ),
        Refusal::Invalid("neither user nor password"),
    ),
    guest(
        ("web_port", "another port of a granted host", &["project agents.*.grants.http.port"]),
        (
            "attack = \"fetch\", a = \"GET\", b = \"http://127.0.0.1:1/never/web_port\"",
            "grants.http = [{ scheme = \"http\", host = \"127.0.0.1\", port = {port}, paths = [\"/open/*\"], network = \"loopback\" }]",
            "",
        ),
        Refusal::Denied("no rule has this scheme, host and port"),
    ),
    guest(
        (
            "web_scheme",
            "another scheme of a granted host",
            &["project agents.*.grants.http.scheme"],
        ),
        (
            "attack = \"fetch\", a = \"GET\", b = \"https://127.0.0.1:{port}/never/web_scheme\"",
            "grants.http = [{ scheme = \"http\", host = \"127.0.0.1\", port = {port}, paths = [\"/open/*\"], network = \"loopback\" }]",
            "",
        ),
        Refusal::Denied("no rule has this scheme, host and port"),
    ),
    guest(
        ("web_file", "a scheme that reads files", &["project agents.*.grants.http.scheme"]),
        (
            "attack = \"fetch\", a = \"GET\", b = \"file:///etc/passwd\"",
            "grants.http = [{ scheme = \"http\", host = \"127.0.0.1\", port = {port}, paths = [\"/open/*\"], network = \"loopback\" }]",
            "",
        ),
        Refusal::Invalid("begins with https:// or http://"),
    ),
    guest(
        ("web_method", "another method", &["project agents.*.grants.http.methods"]),
        (
            "attack = \"fetch\", a = \"DELETE\", b = \"http://127.0.0.1:{port}/open/web_method\"",
            "grants.http = [{ scheme = \"http\", host = \"127.0.0.1\", port = {port}, paths = [\"/open/*\"], network = \"loopback\" }]",
            "",
        ),
        Refusal::Denied("no rule for this host has the method"),
    ),
    guest(
        ("web_path", "another path", &["project agents.*.grants.http.paths"]),
        (
            "attack = \"fetch\", a = \"GET\", b = \"http://127.0.0.1:{port}/never/web_path\"",
            "grants.http = [{ scheme = \"http\", host = \"127.0.0.1\", port = {port}, paths = [\"/open/*\"], network = \"loopback\" }]",
            "",
        ),
        Refusal::Denied("no rule for this host has the path"),
    ),
    guest(
        ("web_dots", "a path that climbs out", &["project agents.*.grants.http.paths"]),
        (
            "attack = \"fetch\", a = \"GET\", b = \"http://127.0.0.1:{port}/open/../never/web_dots\"",
            "grants.http = [{ scheme = \"http\", host = \"127.0.0.1\", port = {port}, paths = [\"/open/*\"], network = \"loopback\" }]",
            "",
        ),
        Refusal::Denied("no rule for this host has the path"),
    ),
    guest(
        ("web_encoded_dots", "the same in percent signs", &["project agents.*.grants.http.paths"]),
        (
            "attack = \"fetch\", a = \"GET\", b = \"http://127.0.0.1:{port}/open/%2e%2e/never/web_encoded_dots\"",
            "grants.http = [{ scheme = \"http\", host = \"127.0.0.1\", port = {port}, paths = [\"/open/*\"], network = \"loopback\" }]",
            "",
        ),
        Refusal::Denied("no rule for this host has the path"),
    ),
    guest(
        ("web_encoded_slash", "a slash in percent signs", &["project agents.*.grants.http.paths"]),
        (
            "attack = \"fetch\", a = \"GET\", b = \"http://127.0.0.1:{port}/open/..%2fnever%2fweb_encoded_slash\"",
            "grants.http = [{ scheme = \"http\", host = \"127.0.0.1\", port = {port}, paths = [\"/open/*\"], network = \"loopback\" }]",
            "",
        ),
        Refusal::Denied("servers read this path in different ways"),
    ),
    guest(
        ("web_twice_encoded", "the same, twice", &["project agents.*.grants.http.paths"]),
        (
            "attack = \"fetch\", a = \"GET\", b = \"http://127.0.0.1:{port}/open/..%252fnever%252fweb_twice_encoded\"",
            "grants.http = [{ scheme = \"http\", host = \"127.0.0.1\", port = {port}, paths = [\"/open/*\"], network = \"loopback\" }]",
            "",
        ),
        Refusal::Denied("servers read this path in different ways"),
    ),
    guest(
        (
            "web_backslash",
            "a path that climbs out by backslashes",
            &["project agents.*.grants.http.paths"],
        ),
        (
            "attack = \"fetch\", a = \"GET\", b = \"http://127.0.0.1:{port}/open\\\\..\\\\never\\\\web_backslash\"",
            "grants.http = [{ scheme = \"http\", host = \"127.0.0.1\", port = {port}, paths = [\"/open/*\"], network = \"loopback\" }]",
            "",
        ),
        Refusal::Denied("no rule for this host has the path"),
    ),
    guest(
        ("web_null", "a path that ends early for some", &["project agents.*.grants.http.paths"]),
        (
            "attack = \"fetch\", a = \"GET\", b = \"http://127.0.0.1:{port}/open/x%00never\"",
            "grants.http = [{ scheme = \"http\", host = \"127.0.0.1\", port = {port}, paths = [\"/open/*\"], network = \"loopback\" }]",
            "",
        ),
        Refusal::Denied("servers read this path in different ways"),
    ),
    guest(
        ("web_semicolon", "a path with parameters", &["project agents.*.grants.http.paths"]),
        (
            "attack = \"fetch\", a = \"GET\", b = \"http://127.0.0.1:{port}/open/x;never\"",
            "grants.http = [{ scheme = \"http\", host = \"127.0.0.1\", port = {port}, paths = [\"/open/*\"], network = \"loopback\" }]",
            "",
        ),
        Refusal::Denied("servers read this path in different ways"),
    ),
    guest(
        ("web_slashes", "a path with two slashes", &["project agents.*.grants.http.paths"]),
        (
            "attack = \"fetch\", a = \"GET\", b = \"http://127.0.0.1:{port}/open//never\"",
            "grants.http = [{ scheme = \"http\", host = \"127.0.0.1\", port = {port}, paths = [\"/open/**\"], network = \"loopback\" }]",
            "",
        ),
        Refusal::Denied("servers read this path in different ways"),
    ),
    guest(
        ("web_absolute", "a request in absolute form", &["project agents.*.grants.http.paths"]),
        (
            "attack = \"fetch\", a = \"GET\", b = \"http://127.0.0.1:{port}/open/http://localhost:{port}/never/web_absolute\"",
            "grants.http = [{ scheme = \"http\", host = \"127.0.0.1\", port = {port}, paths = [\"/open/**\"], network = \"loopback\" }]",
            "",
        ),
        Refusal::Denied("servers read this path in different ways"),
    ),
    guest(
        ("web_line_in_url", "a line break in the URL", &["limit request form"]),
        (
            "attack = \"fetch\", a = \"GET\", b = \"http://127.0.0.1:{port}/open/x~0d~0aX-More:~201\"",
            "grants.http = [{ scheme = \"http\", host = \"127.0.0.1\", port = {port}, paths = [\"/open/*\"], network = \"loopback\" }]",
            "",
        ),
        Refusal::Invalid("neither white space nor control characters"),
    ),
    guest(
        ("web_line_in_header", "a line break in a header", &["limit request form"]),
        (
            "attack = \"fetch\", a = \"GET\", b = \"http://127.0.0.1:{port}/open/x\", c = \"accept\", d = \"a~0d~0aX-More: 1\"",
            "grants.http = [{ scheme = \"http\", host = \"127.0.0.1\", port = {port}, paths = [\"/open/*\"], network = \"loopback\" }]",
            "",
        ),
        Refusal::Invalid("the value of accept must be printable ASCII on one line"),
    ),
    guest(
        ("web_header_host", "the header `host`, which is the host's own", &["limit request form"]),
        (
            "attack = \"fetch\", a = \"GET\", b = \"http://127.0.0.1:{port}/open/x\", c = \"host\", d = \"other.example\"",
            "grants.http = [{ scheme = \"http\", host = \"127.0.0.1\", port = {port}, paths = [\"/open/*\"], network = \"loopback\" }]",
            "",
        ),
        Refusal::Invalid("host belongs to the connection or to the host"),
    ),
    guest(
        (
            "web_header_length",
            "the header `content-length`, which is the host's own",
            &["limit request form"],
        ),
        (
            "attack = \"fetch\", a = \"GET\", b = \"http://127.0.0.1:{port}/open/x\", c = \"content-length\", d = \"1\"",
            "grants.http = [{ scheme = \"http\", host = \"127.0.0.1\", port = {port}, paths = [\"/open/*\"], network = \"loopback\" }]",
            "",
        ),
        Refusal::Invalid("content-length belongs to the connection or to the host"),
    ),
    guest(
        (
            "web_header_encoding",
            "the header `transfer-encoding`, which is the host's own",
            &["limit request form"],
        ),
        (
            "attack = \"fetch\", a = \"GET\", b = \"http://127.0.0.1:{port}/open/x\", c = \"transfer-encoding\", d = \"chunked\"",
            "grants.http = [{ scheme = \"http\", host = \"127.0.0.1\", port = {port}, paths = [\"/open/*\"], network = \"loopback\" }]",
            "",
        ),
        Refusal::Invalid("transfer-encoding belongs to the connection or to the host"),
    ),
    guest(
        (
            "web_header_connection",
            "the header `connection`, which is the host's own",
            &["limit request form"],
        ),
        (
            "attack = \"fetch\", a = \"GET\", b = \"http://127.0.0.1:{port}/open/x\", c = \"connection\", d = \"x-secret\"",
            "grants.http = [{ scheme = \"http\", host = \"127.0.0.1\", port = {port}, paths = [\"/open/*\"], network = \"loopback\" }]",
            "",
        ),
        Refusal::Invalid("connection belongs to the connection or to the host"),
    ),
    guest(
        (
            "web_header_expect",
            "the header `expect`, which is the host's own",
            &["limit request form"],
        ),
        (
            "attack = \"fetch\", a = \"GET\", b = \"http://127.0.0.1:{port}/open/x\", c = \"expect\", d = \"100-continue\"",
            "grants.http = [{ scheme = \"http\", host = \"127.0.0.1\", port = {port}, paths = [\"/open/*\"], network = \"loopback\" }]",
            "",
        ),
        Refusal::Invalid("expect belongs to the connection or to the host"),
    ),
    guest(
        (
            "web_header_trailer",
            "the header `trailer`, which is the host's own",
            &["limit request form"],
        ),
        (
            "attack = \"fetch\", a = \"GET\", b = \"http://127.0.0.1:{port}/open/x\", c = \"trailer\", d = \"x-more\"",
            "grants.http = [{ scheme = \"http\", host = \"127.0.0.1\", port = {port}, paths = [\"/open/*\"], network = \"loopback\" }]",
            "",
        ),
        Refusal::Invalid("trailer belongs to the connection or to the host"),
    ),
    guest(
        (
            "web_header_upgrade",
            "the header `upgrade`, which is the host's own",
            &["limit request form"],
        ),
        (
            "attack = \"fetch\", a = \"GET\", b = \"http://127.0.0.1:{port}/open/x\", c = \"upgrade\", d = \"h2c\"",
            "grants.http = [{ scheme = \"http\", host = \"127.0.0.1\", port = {port}, paths = [\"/open/*\"], network = \"loopback\" }]",
            "",
        ),
        Refusal::Invalid("upgrade belongs to the connection or to the host"),
    ),
    guest(
        ("web_header", "a header that is not granted", &["project agents.*.grants.http.headers"]),
        (
            "attack = \"fetch\", a = \"GET\", b = \"http://127.0.0.1:{port}/open/x\", c = \"cookie\", d = \"a=1\"",
            "grants.http = [{ scheme = \"http\", host = \"127.0.0.1\", port = {port}, paths = [\"/open/*\"], network = \"loopback\" }]",
            "",
        ),
        Refusal::Denied("a header is not in the rule's list"),
    ),
    guest(
        (
            "web_body",
            "a body that is larger than granted",
            &["project agents.*.grants.http.request"],
        ),
        (
            "attack = \"fetch\", a = \"POST\", b = \"http://127.0.0.1:{port}/open/x\", e = \"{long}\"",
            "grants.http = [{ scheme = \"http\", host = \"127.0.0.1\", port = {port}, paths = [\"/open/*\"], network = \"loopback\", methods = [\"POST\"], request = \"1 KiB\", even-if = \"outside\" }]",
            "",
        ),
        Refusal::Denied("the body is larger than the rule's `request`"),
    ),
    guest(
        (
            "web_answer",
            "an answer that is larger than granted",
            &["project agents.*.grants.http.response"],
        ),
        (
            "attack = \"fetch\", a = \"GET\", b = \"http://127.0.0.1:{port}/open/large\"",
            "grants.http = [{ scheme = \"http\", host = \"127.0.0.1\", port = {port}, paths = [\"/open/*\"], network = \"loopback\", response = \"1 KiB\" }]",
            "",
        ),
        Refusal::Exhausted("the answer has more than 1 KiB"),
    ),
    guest(
        ("web_url", "a URL of more than 8 KiB", &["limit request form"]),
        (
            "attack = \"fetch\", a = \"GET\", b = \"http://127.0.0.1:{port}/open/{wide}\"",
            "grants.http = [{ scheme = \"http\", host = \"127.0.0.1\", port = {port}, paths = [\"/open/*\"], network = \"loopback\" }]",
            "",
        ),
        Refusal::Invalid("a URL has at most 8192 bytes"),
    ),
    guest(
        ("web_forged", "a made-up reference in the body", &["limit artifact references"]),
        (
            "attack = \"fetch\", a = \"POST\", b = \"http://127.0.0.1:{port}/open/x\", e = \"{~22$artifact~22:~22blake3:0000000000000000000000000000000000000000000000000000000000000000~22,~22bytes~22:1,~22media_type~22:~22text/plain~22}\"",
            "grants.http = [{ scheme = \"http\", host = \"127.0.0.1\", port = {port}, paths = [\"/open/*\"], network = \"loopback\", methods = [\"POST\"], even-if = \"outside\" }]",
            "",
        ),
        Refusal::Denied("foreign-artifact"),
    ),
    guest(
        ("web_away", "a redirect to a private address", &["project agents.*.grants.http.host"]),
        (
            "attack = \"fetch\", a = \"GET\", b = \"http://127.0.0.1:{port}/open/away\"",
            "grants.http = [{ scheme = \"http\", host = \"127.0.0.1\", port = {port}, paths = [\"/open/*\"], network = \"loopback\" }]",
            "",
        ),
        Refusal::Denied("a redirect: "),
    ),
    guest(
        ("web_aside", "a redirect to another path", &["project agents.*.grants.http.paths"]),
        (
            "attack = \"fetch\", a = \"GET\", b = \"http://127.0.0.1:{port}/open/aside\"",
            "grants.http = [{ scheme = \"http\", host = \"127.0.0.1\", port = {port}, paths = [\"/open/*\"], network = \"loopback\" }]",
            "",
        ),
        Refusal::Denied("a redirect: "),
    ),
    guest(
        (
            "web_echo_body",
            "reading the credential back from a server that repeats it in its body",
            &["project agents.*.grants.http.credential", "policy credentials.*.origin"],
        ),
        (
            "attack = \"fetch\", a = \"GET\", b = \"http://127.0.0.1:{port}/open/echo-body\"",
            "grants.http = [{ scheme = \"http\", host = \"127.0.0.1\", port = {port}, paths = [\"/open/*\"], network = \"loopback\", credential = \"token\" }]",
            "",
        ),
        Refusal::Invalid("contained a credential of this host; it was thrown away"),
    ),
    guest(
        (
            "web_echo_header",
            "reading the credential back from a server that repeats it in its headers",
            &["project agents.*.grants.http.credential"],
        ),
        (
            "attack = \"fetch\", a = \"GET\", b = \"http://127.0.0.1:{port}/open/echo-header\"",
            "grants.http = [{ scheme = \"http\", host = \"127.0.0.1\", port = {port}, paths = [\"/open/*\"], network = \"loopback\", credential = \"token\" }]",
            "",
        ),
        Refusal::Invalid("contained a credential of this host; it was thrown away"),
    ),
    guest(
        (
            "web_echo_redirect",
            "reading the credential back from a server that repeats it in its redirect",
            &["project agents.*.grants.http.credential"],
        ),
        (
            "attack = \"fetch\", a = \"GET\", b = \"http://127.0.0.1:{port}/open/echo-redirect\"",
            "grants.http = [{ scheme = \"http\", host = \"127.0.0.1\", port = {port}, paths = [\"/open/*\"], network = \"loopback\", credential = \"token\" }]",
            "",
        ),
        Refusal::Invalid("contained a credential of this host; it was thrown away"),
    ),
    guest(
        (
            "web_weak",
            "a credential that is too short to be found again",
            &["policy credentials.*.weak"],
        ),
        (
            "attack = \"fetch\", a = \"GET\", b = \"http://127.0.0.1:{port}/open/x\"",
            "grants.http = [{ scheme = \"http\", host = \"127.0.0.1\", port = {port}, paths = [\"/open/*\"], network = \"loopback\", credential = \"short\" }]",
            "",
        ),
        Refusal::Denied("does not go along"),
    ),
];
