//! Addresses that no agent of the public class reaches, in every way of writing them.

use super::super::{Refusal, Row};
use super::guest;

pub(super) const ROWS: &[Row] = &[
    guest(
        ("at_loopback", "this machine itself", &["project agents.*.grants.http.network"]),
        (
            "attack = \"fetch\", a = \"GET\", b = \"http://127.0.0.1:{port}/never/at_loopback\"",
            "grants.http = [{ scheme = \"http\", host = \"127.0.0.1\", port = {port}, paths = [\"/**\"] }]",
            "",
        ),
        Refusal::Denied("is at no address that may be reached"),
    ),
    guest(
        ("at_decimal", "the same in decimal", &["project agents.*.grants.http.network"]),
        (
            "attack = \"fetch\", a = \"GET\", b = \"http://2130706433:{port}/never/at_decimal\"",
            "grants.http = [{ scheme = \"http\", host = \"127.0.0.1\", port = {port}, paths = [\"/**\"] }]",
            "",
        ),
        Refusal::Denied("is at no address that may be reached"),
    ),
    guest(
        ("at_octal", "the same in octal", &["project agents.*.grants.http.network"]),
        (
            "attack = \"fetch\", a = \"GET\", b = \"http://0177.0.0.1:{port}/never/at_octal\"",
            "grants.http = [{ scheme = \"http\", host = \"127.0.0.1\", port = {port}, paths = [\"/**\"] }]",
            "",
        ),
        Refusal::Denied("is at no address that may be reached"),
    ),
    guest(
        ("at_hex", "the same in hexadecimal", &["project agents.*.grants.http.network"]),
        (
            "attack = \"fetch\", a = \"GET\", b = \"http://0x7f.1:{port}/never/at_hex\"",
            "grants.http = [{ scheme = \"http\", host = \"127.0.0.1\", port = {port}, paths = [\"/**\"] }]",
            "",
        ),
        Refusal::Denied("is at no address that may be reached"),
    ),
    guest(
        ("at_name", "a name that leads to this machine", &["project agents.*.grants.http.network"]),
        (
            "attack = \"fetch\", a = \"GET\", b = \"http://localhost:{port}/never/at_name\"",
            "grants.http = [{ scheme = \"http\", host = \"localhost\", port = {port}, paths = [\"/**\"] }]",
            "",
        ),
        Refusal::Denied("is at no address that may be reached"),
    ),
    guest(
        ("at_loopback_6", "this machine in IPv6", &["project agents.*.grants.http.network"]),
        (
            "attack = \"fetch\", a = \"GET\", b = \"http://[::1]:{port}/never/at_loopback_6\"",
            "grants.http = [{ scheme = \"http\", host = \"[::1]\", port = {port}, paths = [\"/**\"] }]",
            "",
        ),
        Refusal::Denied("is at no address that may be reached"),
    ),
    guest(
        ("at_mapped", "IPv4 in IPv6", &["project agents.*.grants.http.network"]),
        (
            "attack = \"fetch\", a = \"GET\", b = \"http://[::ffff:127.0.0.1]:{port}/never/at_mapped\"",
            "grants.http = [{ scheme = \"http\", host = \"[::ffff:7f00:1]\", port = {port}, paths = [\"/**\"] }]",
            "",
        ),
        Refusal::Denied("is at no address that may be reached"),
    ),
    guest(
        ("at_nat64", "the same by NAT64", &["project agents.*.grants.http.network"]),
        (
            "attack = \"fetch\", a = \"GET\", b = \"http://[64:ff9b::7f00:1]/never/at_nat64\"",
            "grants.http = [{ scheme = \"http\", host = \"[64:ff9b::7f00:1]\", paths = [\"/**\"] }]",
            "",
        ),
        Refusal::Denied("is at no address that may be reached"),
    ),
    guest(
        ("at_6to4", "the same by 6to4", &["project agents.*.grants.http.network"]),
        (
            "attack = \"fetch\", a = \"GET\", b = \"http://[2002:7f00:1::]/never/at_6to4\"",
            "grants.http = [{ scheme = \"http\", host = \"[2002:7f00:1::]\", paths = [\"/**\"] }]",
            "",
        ),
        Refusal::Denied("is at no address that may be reached"),
    ),
    guest(
        (
            "at_nowhere",
            "0.0.0.0, which is this machine for some",
            &["project agents.*.grants.http.network"],
        ),
        (
            "attack = \"fetch\", a = \"GET\", b = \"http://0.0.0.0:{port}/never/at_nowhere\"",
            "grants.http = [{ scheme = \"http\", host = \"0.0.0.0\", port = {port}, paths = [\"/**\"] }]",
            "",
        ),
        Refusal::Denied("is at no address that may be reached"),
    ),
    guest(
        ("at_private", "a private address", &["project agents.*.grants.http.network"]),
        (
            "attack = \"fetch\", a = \"GET\", b = \"http://10.0.0.1/never/at_private\"",
            "grants.http = [{ scheme = \"http\", host = \"10.0.0.1\", paths = [\"/**\"] }]",
            "",
        ),
        Refusal::Denied("is at no address that may be reached"),
    ),
    guest(
        ("at_private_6", "the same in IPv6", &["project agents.*.grants.http.network"]),
        (
            "attack = \"fetch\", a = \"GET\", b = \"http://[fd00::1]/never/at_private_6\"",
            "grants.http = [{ scheme = \"http\", host = \"[fd00::1]\", paths = [\"/**\"] }]",
            "",
        ),
        Refusal::Denied("is at no address that may be reached"),
    ),
    guest(
        ("at_metadata", "where clouds keep their keys", &["project agents.*.grants.http.network"]),
        (
            "attack = \"fetch\", a = \"GET\", b = \"http://169.254.169.254/never/at_metadata\"",
            "grants.http = [{ scheme = \"http\", host = \"169.254.169.254\", paths = [\"/**\"] }]",
            "",
        ),
        Refusal::Denied("is at no address that may be reached"),
    ),
    guest(
        ("at_benchmark", "an address of laboratories", &["project agents.*.grants.http.network"]),
        (
            "attack = \"fetch\", a = \"GET\", b = \"http://198.18.0.1/never/at_benchmark\"",
            "grants.http = [{ scheme = \"http\", host = \"198.18.0.1\", paths = [\"/**\"] }]",
            "",
        ),
        Refusal::Denied("is at no address that may be reached"),
    ),
    guest(
        ("at_multicast", "an address of many", &["project agents.*.grants.http.network"]),
        (
            "attack = \"fetch\", a = \"GET\", b = \"http://224.0.0.1/never/at_multicast\"",
            "grants.http = [{ scheme = \"http\", host = \"224.0.0.1\", paths = [\"/**\"] }]",
            "",
        ),
        Refusal::Denied("is at no address that may be reached"),
    ),
    guest(
        (
            "at_metadata_granted",
            "where clouds keep their keys, granted as private",
            &["project agents.*.grants.http.network"],
        ),
        (
            "attack = \"fetch\", a = \"GET\", b = \"http://169.254.169.254/never/at_metadata_granted\"",
            "grants.http = [{ scheme = \"http\", host = \"169.254.169.254\", paths = [\"/**\"], network = \"loopback\" }]",
            "",
        ),
        Refusal::Denied("is at no address that may be reached"),
    ),
];
