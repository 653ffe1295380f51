//! The deeds of the suite as guests in WAT. Knows no host.

use bailiwick_policy::contract::Deed;

use crate::support::guest::{Guest, answer, performs};

/// A log line; asking; keeping. `$words` and `$length` are what was heard last.
///
/// The numbers are the layout that the canonical ABI gives to the records of `model.wit`
/// and `artifacts.wit`: a part has 48 bytes, a message 32, a request 80.
const IMPORTS: &str = r#"
  (import "bailiwick:agent/log@0.1.0" "write" (func $log (param i32 i32 i32)))
  (import "bailiwick:agent/model@0.1.0" "complete" (func $complete (param i32 i32)))
  (import "bailiwick:agent/artifacts@0.1.0" "put"
    (func $artifacts_put (param i32 i32 i32 i32 i32 i32 i32 i32)))"#;

const EXTRA: &str = r#"
  (data (i32.const 9000) "writer")
  (data (i32.const 9100) "\"denied\"\"nobody\"")
  (data (i32.const 9200) "kepttext/plainkept.txt")
  (data (i32.const 9300) "keeps first second round")
  (data (i32.const 11000) "{\"$artifact\":\"blake3:----------------------------------------------------------------\",\"bytes\":4,\"media_type\":\"text/plain\",\"name\":\"kept.txt\"}")
  (global $words (mut i32) (i32.const 0))
  (global $length (mut i32) (i32.const 0))
  (func $hear (param i32 i32)
    (global.set $words (local.get 0))
    (global.set $length (local.get 1)))
  (func $say (param i32 i32) (call $log (i32.const 1) (local.get 0) (local.get 1)))
  (func $ask (param $prompt i32) (param $length i32)
    (i32.store8 (i32.const 10000) (i32.const 0))
    (i32.store (i32.const 10008) (local.get $prompt))
    (i32.store (i32.const 10012) (local.get $length))
    (i32.store8 (i32.const 10100) (i32.const 1))
    (i32.store (i32.const 10104) (i32.const 10000))
    (i32.store (i32.const 10108) (i32.const 1))
    (i32.store (i32.const 10200) (i32.const 9000))
    (i32.store (i32.const 10204) (i32.const 6))
    (i32.store (i32.const 10208) (i32.const 10100))
    (i32.store (i32.const 10212) (i32.const 1))
    (i32.store8 (i32.const 10216) (i32.const 1))
    (i32.store (i32.const 10220) (i32.const 16))
    (call $complete (i32.const 10200) (i32.const 10400))
    (if (i32.eqz (i32.load8_u (i32.const 10400)))
      (then (call $hear (i32.load (i32.const 10408)) (i32.load (i32.const 10412))) (return)))
    (if (i32.eq (i32.load8_u (i32.const 10408)) (i32.const 0))
      (then (call $hear (i32.const 9100) (i32.const 8)) (return)))
    (if (i32.eq (i32.load8_u (i32.const 10408)) (i32.const 2))
      (then (call $hear (i32.const 9108) (i32.const 8)) (return)))
    (unreachable))
  (func $put
    (call $artifacts_put (i32.const 9200) (i32.const 4) (i32.const 9204) (i32.const 10)
      (i32.const 1) (i32.const 9214) (i32.const 8) (i32.const 10504))
    (if (i32.load8_u (i32.const 10504)) (then (unreachable)))
    (memory.copy (i32.const 11014) (i32.load (i32.const 10512)) (i32.const 71)))"#;

const KEEPS: &str = "(call $say (i32.const 9300) (i32.const 5))";
const FIRST: &str = "(call $say (i32.const 9306) (i32.const 5))";
const SECOND: &str = "(call $say (i32.const 9312) (i32.const 6))";
const ROUND: &str = "(call $say (i32.const 9319) (i32.const 5))";
const ASK_INPUT: &str = "(call $ask (local.get $input) (local.get $input_length))";
const ASK_WORDS: &str = "(call $ask (global.get $words) (global.get $length))";
const PUT: &str = "(call $put)";
const ANSWER_WORDS: &str = "(return (call $ok (global.get $words) (global.get $length)))";
/// 14 bytes before the digest, 71 of it, 56 after it.
const ANSWER_REFERENCE: &str = "(return (call $ok (i32.const 11000) (i32.const 141)))";
/// `result<json, failure>`: an error, `retryable`, and its words.
const FAIL: &str = r#"
    (i32.store8 (i32.const 1024) (i32.const 1)) (i32.store8 (i32.const 1028) (i32.const 2))
    (i32.store (i32.const 1032) (i32.const 9400)) (i32.store (i32.const 1036) (i32.const 9))
    (return (i32.const 1024))"#;

/// The component that does it.
pub(crate) fn component(deed: Deed) -> Vec<u8> {
    let guest = match deed {
        Deed::Say => performs(&answer(r#"{"said":"hello"}"#)),
        Deed::Keep => powerful(&[KEEPS, PUT, ANSWER_REFERENCE]),
        Deed::Ask => powerful(&[ASK_INPUT, ANSWER_WORDS]),
        Deed::Work => powerful(&[FIRST, ASK_INPUT, PUT, SECOND, ASK_WORDS, ANSWER_WORDS]),
        Deed::Fail => {
            let extra = r#"(data (i32.const 9400) "not today")"#.into();
            Guest { extra, ..performs(FAIL) }
        }
        Deed::Trap => performs("(unreachable)"),
        Deed::Loop => powerful(&[ROUND, "(loop $forever (br $forever))"]),
        Deed::OutOfSchema => performs(&answer("[]")),
        Deed::Foreign => performs(&answer(&format!(
            r#"{{"$artifact":"blake3:{}","bytes":1,"media_type":"text/plain"}}"#,
            "0".repeat(64)
        ))),
    };
    guest.component()
}

fn powerful(body: &[&str]) -> Guest {
    Guest { imports: IMPORTS.into(), extra: EXTRA.into(), ..performs(&body.concat()) }
}
