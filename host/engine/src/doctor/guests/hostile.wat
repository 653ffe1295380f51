;; The hostile guest: an agent that does the attack whose name its input has, and nothing else.
;;
;; Its input is { "attack": NAME } with, where the attack takes something, members of one
;; letter: the texts a to e (without quotes in them; ~0d is the character 0d), the numbers
;; m (how often) and n (how many), and z: instead of the text a, so many letters x.
;; What it is refused it takes and goes on; at the end it answers `true`.
;;
;; Memory: 1024 answers, 1100 the profile, 1200 what the host answers, 1300 requests,
;; 2048 the profile's texts, 4096 the names of the attacks, from 65536 on what is made.
(module
  (import "bailiwick:agent/log@0.1.0" "write" (func $log (param i32 i32 i32)))
  (import "bailiwick:agent/log@0.1.0" "progress" (func $progress (param f32 i32 i32)))
  (import "bailiwick:agent/model@0.1.0" "complete" (func $complete (param i32 i32)))
  (import "bailiwick:agent/model@0.1.0" "embed" (func $embed (param i32 i32 i32 i32 i32)))
  (import "bailiwick:agent/model@0.1.0" "generate-image"
    (func $picture (param i32 i32 i32 i32 i32 i32 i32 i32 i64 i32)))
  (import "bailiwick:agent/knowledge@0.1.0" "search"
    (func $search (param i32 i32 i32 i32 i32 i32)))
  (import "bailiwick:agent/artifacts@0.1.0" "put"
    (func $put (param i32 i32 i32 i32 i32 i32 i32 i32)))
  (import "bailiwick:agent/artifacts@0.1.0" "get"
    (func $get (param i32 i32 i32 i32 i64 i32 i32 i32 i32)))
  (import "bailiwick:agent/http@0.1.0" "fetch"
    (func $fetch (param i32 i32 i32 i32 i32 i32 i32 i32 i32)))
  (import "bailiwick:agent/kv@0.1.0" "get" (func $kv_get (param i32 i32 i32)))
  (import "bailiwick:agent/kv@0.1.0" "set" (func $kv_set (param i32 i32 i32 i32 i32)))
  (import "bailiwick:agent/kv@0.1.0" "delete" (func $kv_delete (param i32 i32 i32)))
  (import "bailiwick:agent/kv@0.1.0" "list"
    (func $kv_list (param i32 i32 i32 i32 i32 i32 i32)))
  (import "bailiwick:agent/kv@0.1.0" "compare-and-set"
    (func $kv_swap (param i32 i32 i32 i32 i32 i32 i32 i32 i32)))
  (memory (export "memory") 2)
  (table $table 1 funcref)
  (global $heap (mut i32) (i32.const 65536))
  (global $input (mut i32) (i32.const 0))
  (global $input_end (mut i32) (i32.const 0))
  ;; The text that was asked for last, and the five texts of the input.
  (global $at (mut i32) (i32.const 0))
  (global $length (mut i32) (i32.const 0))
  (global $a (mut i32) (i32.const 0)) (global $a_length (mut i32) (i32.const 0))
  (global $b (mut i32) (i32.const 0)) (global $b_length (mut i32) (i32.const 0))
  (global $c (mut i32) (i32.const 0)) (global $c_length (mut i32) (i32.const 0))
  (global $d (mut i32) (i32.const 0)) (global $d_length (mut i32) (i32.const 0))
  (global $e (mut i32) (i32.const 0)) (global $e_length (mut i32) (i32.const 0))
  (global $m (mut i32) (i32.const 1))
  (global $n (mut i32) (i32.const 1))

  (data (i32.const 2048) "hostile")
  (data (i32.const 2064) "1.0.0")
  (data (i32.const 2080) "Does what no agent should, so that a host can show that it is in vain.")
  (data (i32.const 2160) "{\22type\22:\22object\22}")
  (data (i32.const 2192) "{\22type\22:[\22boolean\22,\22object\22]}")
  (data (i32.const 2240) "true")
  ;; Sixteen bytes each, in the order of the numbers below.
  (data (i32.const 4096)
    "loop            "
    "ask             "
    "grow            "
    "allocate        "
    "table           "
    "recurse         "
    "huge            "
    "nest            "
    "answer          "
    "say             "
    "progress        "
    "fail            "
    "trap            "
    "put             "
    "get             "
    "model           "
    "embed           "
    "picture         "
    "search          "
    "fetch           "
    "kv_get          "
    "kv_set          "
    "kv_delete       "
    "kv_list         "
    "kv_swap         "
    "write_fail      ")

  (func $make (param $bytes i32) (result i32)
    (local $from i32)
    (local.set $from (i32.and (i32.add (global.get $heap) (i32.const 7)) (i32.const -8)))
    (global.set $heap (i32.add (local.get $from) (local.get $bytes)))
    (block $room
      (loop $more
        (br_if $room (i32.le_u (global.get $heap) (i32.mul (memory.size) (i32.const 65536))))
        (if (i32.eq (memory.grow (i32.const 16)) (i32.const -1)) (then (unreachable)))
        (br $more)))
    (local.get $from))
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (call $make (local.get 3)))

  (func $ok (param $text i32) (param $bytes i32) (result i32)
    (i32.store (i32.const 1024) (i32.const 0))
    (i32.store (i32.const 1028) (local.get $text))
    (i32.store (i32.const 1032) (local.get $bytes))
    (i32.const 1024))
  ;; 0 invalid-input, 1 refused, 2 retryable, 3 fatal.
  (func $failed (param $kind i32) (param $text i32) (param $bytes i32) (result i32)
    (i32.store (i32.const 1024) (i32.const 1))
    (i32.store (i32.const 1028) (local.get $kind))
    (i32.store (i32.const 1032) (local.get $text))
    (i32.store (i32.const 1036) (local.get $bytes))
    (i32.const 1024))

  ;; Where the value of a member of one letter begins; 0 where there is none.
  (func $member (param $letter i32) (result i32)
    (local $i i32)
    (local.set $i (global.get $input))
    (loop $next
      (if (i32.gt_u (i32.add (local.get $i) (i32.const 4)) (global.get $input_end))
        (then (return (i32.const 0))))
      (if (i32.eq (i32.load (local.get $i))
                  (i32.or (i32.const 0x3a220022) (i32.shl (local.get $letter) (i32.const 8))))
        (then (return (i32.add (local.get $i) (i32.const 4)))))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br $next))
    (unreachable))
  (func $hex (param $digit i32) (result i32)
    (if (result i32) (i32.ge_u (local.get $digit) (i32.const 97))
      (then (i32.sub (local.get $digit) (i32.const 87)))
      (else (i32.sub (local.get $digit) (i32.const 48)))))
  ;; Puts a text of the input into $at and $length, with ~hh as the byte that it means.
  (func $text (param $letter i32)
    (local $from i32) (local $to i32) (local $byte i32)
    (global.set $at (i32.const 0))
    (global.set $length (i32.const 0))
    (local.set $from (call $member (local.get $letter)))
    (if (i32.eqz (local.get $from)) (then (return)))
    (local.set $from (i32.add (local.get $from) (i32.const 1)))
    (global.set $at (call $make (i32.sub (global.get $input_end) (local.get $from))))
    (local.set $to (global.get $at))
    (block $end
      (loop $next
        (local.set $byte (i32.load8_u (local.get $from)))
        (br_if $end (i32.eq (local.get $byte) (i32.const 34)))
        (if (i32.eq (local.get $byte) (i32.const 126))
          (then
            (local.set $byte (i32.add
              (i32.shl (call $hex (i32.load8_u offset=1 (local.get $from))) (i32.const 4))
              (call $hex (i32.load8_u offset=2 (local.get $from)))))
            (local.set $from (i32.add (local.get $from) (i32.const 2)))))
        (i32.store8 (local.get $to) (local.get $byte))
        (local.set $from (i32.add (local.get $from) (i32.const 1)))
        (local.set $to (i32.add (local.get $to) (i32.const 1)))
        (br $next)))
    (global.set $length (i32.sub (local.get $to) (global.get $at))))
  (func $number (param $letter i32) (param $otherwise i32) (result i32)
    (local $from i32) (local $number i32) (local $byte i32)
    (local.set $from (call $member (local.get $letter)))
    (if (i32.eqz (local.get $from)) (then (return (local.get $otherwise))))
    (loop $next
      (local.set $byte (i32.sub (i32.load8_u (local.get $from)) (i32.const 48)))
      (if (i32.lt_u (local.get $byte) (i32.const 10))
        (then
          (local.set $number (i32.add (i32.mul (local.get $number) (i32.const 10)) (local.get $byte)))
          (local.set $from (i32.add (local.get $from) (i32.const 1)))
          (br $next))))
    (local.get $number))
  ;; So many letters x.
  (func $letters (param $bytes i32) (result i32)
    (local $from i32)
    (local.set $from (call $make (local.get $bytes)))
    (memory.fill (local.get $from) (i32.const 120) (local.get $bytes))
    (local.get $from))
  (func $read (param $input i32) (param $bytes i32)
    (global.set $input (local.get $input))
    (global.set $input_end (i32.add (local.get $input) (local.get $bytes)))
    (call $text (i32.const 97))
    (global.set $a (global.get $at)) (global.set $a_length (global.get $length))
    (call $text (i32.const 98))
    (global.set $b (global.get $at)) (global.set $b_length (global.get $length))
    (call $text (i32.const 99))
    (global.set $c (global.get $at)) (global.set $c_length (global.get $length))
    (call $text (i32.const 100))
    (global.set $d (global.get $at)) (global.set $d_length (global.get $length))
    (call $text (i32.const 101))
    (global.set $e (global.get $at)) (global.set $e_length (global.get $length))
    (global.set $m (call $number (i32.const 109) (i32.const 1)))
    (global.set $n (call $number (i32.const 110) (i32.const 1)))
    (if (call $member (i32.const 122))
      (then
        (global.set $a_length (call $number (i32.const 122) (i32.const 0)))
        (global.set $a (call $letters (global.get $a_length))))))
  ;; The number of the attack: the name follows {"attack":" or ,"attack":" as the input is
  ;; sorted, and its members of one letter a come before.
  (func $attack (result i32)
    (local $i i32) (local $name i32) (local $j i32) (local $byte i32)
    (local.set $i (global.get $input))
    (block $found
      (loop $next
        (if (i64.eq (i64.load (local.get $i)) (i64.const 0x226b636174746122)) (then (br $found)))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br_if $next (i32.lt_u (local.get $i) (global.get $input_end))))
      (unreachable))
    (local.set $i (i32.add (local.get $i) (i32.const 10)))
    (loop $other
      (local.set $j (i32.const 0))
      (block $differs
        (loop $letter
          (local.set $byte (i32.load8_u (i32.add (local.get $i) (local.get $j))))
          (if (i32.eq (local.get $byte) (i32.const 34)) (then (local.set $byte (i32.const 32))))
          (br_if $differs (i32.ne (local.get $byte)
            (i32.load8_u (i32.add (i32.const 4096)
              (i32.add (i32.shl (local.get $name) (i32.const 4)) (local.get $j))))))
          (if (i32.eq (local.get $byte) (i32.const 32)) (then (return (local.get $name))))
          (local.set $j (i32.add (local.get $j) (i32.const 1)))
          (br $letter)))
      (local.set $name (i32.add (local.get $name) (i32.const 1)))
      (br_if $other (i32.lt_u (local.get $name) (i32.const 26))))
    (unreachable))

  (func $deep (param $level i32) (result i32)
    (i32.add (i32.const 1) (call $deep (i32.add (local.get $level) (i32.const 1)))))
  ;; n opening brackets and as many closing ones.
  (func $nest (result i32)
    (local $from i32)
    (local.set $from (call $make (i32.shl (global.get $n) (i32.const 1))))
    (memory.fill (local.get $from) (i32.const 91) (global.get $n))
    (memory.fill (i32.add (local.get $from) (global.get $n)) (i32.const 93) (global.get $n))
    (call $ok (local.get $from) (i32.shl (global.get $n) (i32.const 1))))
  ;; A completion by the model a, of the prompt b and with at most n tokens. A part has 48
  ;; bytes, a message 32, a request 80.
  (func $ask_model
    (memory.fill (i32.const 1300) (i32.const 0) (i32.const 200))
    (i32.store (i32.const 1312) (global.get $b))
    (i32.store (i32.const 1316) (global.get $b_length))
    (i32.store8 (i32.const 1352) (i32.const 1))
    (i32.store (i32.const 1356) (i32.const 1304))
    (i32.store (i32.const 1360) (i32.const 1))
    (i32.store (i32.const 1392) (global.get $a))
    (i32.store (i32.const 1396) (global.get $a_length))
    (i32.store (i32.const 1400) (i32.const 1352))
    (i32.store (i32.const 1404) (i32.const 1))
    (i32.store8 (i32.const 1408) (i32.const 1))
    (i32.store (i32.const 1412) (global.get $n))
    (call $complete (i32.const 1392) (i32.const 1200)))
  (func $ask_embedding
    (i32.store (i32.const 1300) (global.get $b))
    (i32.store (i32.const 1304) (global.get $b_length))
    (call $embed (global.get $a) (global.get $a_length) (i32.const 1300) (i32.const 1) (i32.const 1200)))
  ;; The method a of the URL b, with the header c: d and the body e.
  (func $ask_web
    (i32.store (i32.const 1300) (global.get $c))
    (i32.store (i32.const 1304) (global.get $c_length))
    (i32.store (i32.const 1308) (global.get $d))
    (i32.store (i32.const 1312) (global.get $d_length))
    (call $fetch (global.get $a) (global.get $a_length) (global.get $b) (global.get $b_length)
      (i32.const 1300) (i32.ne (global.get $c_length) (i32.const 0))
      (global.get $e) (global.get $e_length) (i32.const 1200)))
  ;; n bytes as an artifact of the type a with the name b.
  (func $keep
    (call $put (call $letters (global.get $n)) (global.get $n) (global.get $a) (global.get $a_length)
      (i32.ne (global.get $b_length) (i32.const 0)) (global.get $b) (global.get $b_length) (i32.const 1200)))

  ;; One attack that is made of calls to the host.
  (func $call (param $attack i32)
    (if (i32.eq (local.get $attack) (i32.const 9))
      (then (call $log (i32.const 1) (global.get $a) (global.get $a_length))))
    (if (i32.eq (local.get $attack) (i32.const 10))
      (then (call $progress (f32.const 0.5) (global.get $a) (global.get $a_length))))
    (if (i32.eq (local.get $attack) (i32.const 13)) (then (call $keep)))
    (if (i32.eq (local.get $attack) (i32.const 14))
      (then (call $get (global.get $a) (global.get $a_length) (global.get $b) (global.get $b_length)
        (i64.extend_i32_u (global.get $n)) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 1200))))
    (if (i32.eq (local.get $attack) (i32.const 15)) (then (call $ask_model)))
    (if (i32.eq (local.get $attack) (i32.const 16)) (then (call $ask_embedding)))
    (if (i32.eq (local.get $attack) (i32.const 17))
      (then (call $picture (global.get $a) (global.get $a_length) (global.get $b) (global.get $b_length)
        (global.get $n) (global.get $n) (i32.const 1) (i32.const 0) (i64.const 0) (i32.const 1200))))
    (if (i32.eq (local.get $attack) (i32.const 18))
      (then (call $search (global.get $a) (global.get $a_length) (global.get $b) (global.get $b_length)
        (global.get $n) (i32.const 1200))))
    (if (i32.eq (local.get $attack) (i32.const 19)) (then (call $ask_web)))
    (if (i32.eq (local.get $attack) (i32.const 20))
      (then (call $kv_get (global.get $a) (global.get $a_length) (i32.const 1200))))
    (if (i32.eq (local.get $attack) (i32.const 21))
      (then (call $kv_set (global.get $a) (global.get $a_length) (global.get $b) (global.get $b_length)
        (i32.const 1200))))
    (if (i32.eq (local.get $attack) (i32.const 22))
      (then (call $kv_delete (global.get $a) (global.get $a_length) (i32.const 1200))))
    (if (i32.eq (local.get $attack) (i32.const 23))
      (then (call $kv_list (global.get $a) (global.get $a_length) (i32.const 0) (i32.const 0) (i32.const 0)
        (global.get $n) (i32.const 1200))))
    (if (i32.eq (local.get $attack) (i32.const 24))
      (then (call $kv_swap (global.get $a) (global.get $a_length)
        (i32.const 0) (i32.const 0) (i32.const 0)
        (i32.const 1) (global.get $b) (global.get $b_length) (i32.const 1200)))))

  (func (export "bailiwick:agent/agent@0.1.0#profile") (result i32)
    (i32.store (i32.const 1100) (i32.const 2048)) (i32.store (i32.const 1104) (i32.const 7))
    (i32.store (i32.const 1108) (i32.const 2064)) (i32.store (i32.const 1112) (i32.const 5))
    (i32.store (i32.const 1116) (i32.const 2080)) (i32.store (i32.const 1120) (i32.const 70))
    (i32.store (i32.const 1124) (i32.const 2160)) (i32.store (i32.const 1128) (i32.const 17))
    (i32.store (i32.const 1132) (i32.const 2192)) (i32.store (i32.const 1136) (i32.const 29))
    (i32.const 1100))

  (func (export "bailiwick:agent/agent@0.1.0#perform")
    (param $step i32) (param $step_length i32) (param $cell i32) (param $cell_length i32)
    (param $round i32) (param $task i32) (param $task_length i32) (result i32)
    (local $attack i32) (local $i i32)
    (call $read (local.get $task) (local.get $task_length))
    (local.set $attack (call $attack))
    (if (i32.eq (local.get $attack) (i32.const 0)) (then (loop $forever (br $forever))))
    ;; Around a call that costs the host next to nothing.
    (if (i32.eq (local.get $attack) (i32.const 1))
      (then (loop $forever
        (call $kv_list (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
          (i32.const 1) (i32.const 1200))
        (br $forever))))
    (if (i32.eq (local.get $attack) (i32.const 2))
      (then
        (loop $more (br_if $more (i32.ne (memory.grow (i32.const 16)) (i32.const -1))))
        (unreachable)))
    (if (i32.eq (local.get $attack) (i32.const 3))
      (then (if (i32.eq (memory.grow (global.get $n)) (i32.const -1)) (then (unreachable)))))
    (if (i32.eq (local.get $attack) (i32.const 4))
      (then (if (i32.eq (table.grow $table (ref.null func) (global.get $n)) (i32.const -1))
        (then (unreachable)))))
    (if (i32.eq (local.get $attack) (i32.const 5)) (then (drop (call $deep (i32.const 0)))))
    (if (i32.eq (local.get $attack) (i32.const 6))
      (then
        (if (i32.eq (memory.grow (i32.const 1700)) (i32.const -1)) (then (unreachable)))
        (return (call $ok (i32.const 0) (i32.const 100000000)))))
    (if (i32.eq (local.get $attack) (i32.const 7)) (then (return (call $nest))))
    (if (i32.eq (local.get $attack) (i32.const 8))
      (then (return (call $ok (global.get $a) (global.get $a_length)))))
    (if (i32.eq (local.get $attack) (i32.const 11))
      (then (return (call $failed (global.get $n) (global.get $a) (global.get $a_length)))))
    (if (i32.eq (local.get $attack) (i32.const 12)) (then (unreachable)))
    ;; Reads the key a. Where nothing is there it sets b and fails: a value is seen by the
    ;; next try only if what failed has written it.
    (if (i32.eq (local.get $attack) (i32.const 25))
      (then
        (call $kv_get (global.get $a) (global.get $a_length) (i32.const 1200))
        (if (i32.and (i32.eqz (i32.load8_u (i32.const 1200))) (i32.eqz (i32.load8_u (i32.const 1204))))
          (then
            (call $kv_set (global.get $a) (global.get $a_length) (global.get $b) (global.get $b_length)
              (i32.const 1200))
            (return (call $failed (i32.const 2) (global.get $b) (global.get $b_length)))))))
    (loop $again
      (call $call (local.get $attack))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $again (i32.lt_u (local.get $i) (global.get $m))))
    (call $ok (i32.const 2240) (i32.const 4))))
