;; An agent that does not say who it is: `profile` does not end.
(module
  (memory (export "memory") 1)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
  (func (export "bailiwick:agent/agent@0.1.0#profile") (result i32)
    (loop $forever (br $forever)) (unreachable))
  (func (export "bailiwick:agent/agent@0.1.0#perform")
    (param i32 i32 i32 i32 i32 i32 i32) (result i32) (unreachable)))
