//! What expressions may say, what they cost, and what they give.

use serde_json::json;

use super::*;

fn scope() -> Scope {
    Scope {
        input: json!({"n": 3, "half": 1.5, "list": ["b", "a"], "map": {"z": 1, "a": 2, "m": 3},
            "big": u64::MAX, "text": "x", "nothing": null}),
        steps: [(bailiwick_core::Name::new("draft").unwrap(), json!({"title": "T", "tags": []}))]
            .into(),
        axis: [(bailiwick_core::Name::new("size").unwrap(), json!({"id": "1:1", "w": 8}))].into(),
        round: 2,
        feedback: json!([]),
        run_id: "r1".into(),
        ..Scope::default()
    }
}

fn eval(source: &str) -> String {
    match Expression::compile(source) {
        Err(faults) => {
            let shown: Vec<_> =
                faults.iter().map(|f| format!("{} at {}: {}", f.code, f.at, f.message)).collect();
            shown.join(" | ")
        }
        Ok(expression) => match expression.evaluate(&scope()) {
            Ok(value) => value.to_string(),
            Err(kind) => format!("fails: {kind}"),
        },
    }
}

#[test]
fn evaluates_over_the_scope() {
    for (source, expected) in [
        ("input.n + 1", "4"),
        ("input.n", "3"),
        ("input.half * 2.0", "3.0"),
        ("input.big", "18446744073709551615"),
        ("input.list[1]", "\"a\""),
        ("input['text'] + '!'", "\"x!\""),
        ("axis.size.w > 4 ? 'large' : 'small'", "\"large\""),
        ("axis", r#"{"size":{"id":"1:1","w":8}}"#),
        ("round + 1", "3"),
        ("run.id", "\"r1\""),
        ("size(feedback) == 0", "true"),
        ("input.list.map(x, x + x)", r#"["bb","aa"]"#),
        ("input.list.filter(x, x == 'a').map(x, {'k': x})", r#"[{"k":"a"}]"#),
        ("input.map.map(k, k)", r#"["a","m","z"]"#),
        ("input.list.exists(x, x == 'a') && input.list.all(x, size(x) == 1)", "true"),
        ("has(draft.title) && !has(draft.body)", "true"),
        ("has(input.nothing) ? 1 : 2", "1"),
        ("false ? input.gone.deep : 7", "7"),
        ("draft == draft", "true"),
        ("'a' in input.list && 'z' in input.map", "true"),
        ("{'a': [1, 2.5, null, true, 'x']}", r#"{"a":[1,2.5,null,true,"x"]}"#),
    ] {
        assert_eq!(eval(source), expected, "{source}");
    }
}

#[test]
fn says_what_fails() {
    for (source, expected) in [
        ("input.gone", "fails: `input.gone` does not exist"),
        ("input.gone + 1", "fails: `input.gone` does not exist"),
        ("1 / 0", "fails: Division by zero of Int(1)"),
        ("0.0 / 0.0", "fails: the result is a number that JSON has not"),
        ("{1: 2}", "fails: the result is a map with keys that are no text"),
        ("now()", "E053 at 3: there is no function `now`"),
        (
            "b'x'",
            "E050 at 0: the expression cannot be read: bytes and messages of named types are not available",
        ),
    ] {
        assert_eq!(eval(source), expected, "{source}");
    }
}

/// The worst that the bounds let pass to the parser comes back, as a value or a fault,
/// on the small stack of a test's thread.
#[test]
fn the_parser_survives_what_the_bounds_let_pass() {
    let round = format!("{}1{}", "(".repeat(32), ")".repeat(32));
    assert_eq!(eval(&round), "1");
    let square = format!("{}1{}", "[".repeat(32), "]".repeat(32));
    assert!(eval(&square).starts_with("[["), "{}", eval(&square));
    for source in [
        format!("{}1", "1-".repeat(511)),
        format!("{}1", "-".repeat(1023)),
        format!("{}true", "!".repeat(1019)),
        format!("{}1", "true?1:".repeat(145)),
        format!("{}1", "1?".repeat(511)),
        format!("input{}", ".a".repeat(509)),
        format!("input{}", "[0]".repeat(339)),
        format!("{}1", "a||b&&".repeat(170)),
        format!("[{}1]", "1,".repeat(510)),
        "{".repeat(32),
        "(".repeat(32),
        "'".repeat(1024),
        "\\".repeat(1024),
        "\u{0}".repeat(1024),
        "ü".repeat(512),
        "b'\u{fc}'".repeat(100),
    ] {
        let _ = eval(&source);
    }
}
