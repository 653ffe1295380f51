;; An agent whose imports are all wanted.
;; wants: model knowledge
(module
    (import "bailiwick:agent/log@0.1.0" "write" (func (param i32 i32 i32)))
    (import "bailiwick:agent/model@0.1.0" "embed" (func (param i32 i32 i32 i32 i32)))
    (import "bailiwick:agent/knowledge@0.1.0" "search" (func (param i32 i32 i32 i32 i32 i32)))
    (memory (export "memory") 1)
    (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) unreachable)
    (func (export "bailiwick:agent/agent@0.1.0#profile") (result i32) unreachable)
    (func (export "bailiwick:agent/agent@0.1.0#perform")
        (param i32 i32 i32 i32 i32 i32 i32) (result i32) unreachable))
