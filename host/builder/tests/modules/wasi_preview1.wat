;; A WASI module: the adapter is added, and brings its own imports.
;; wants: 
(module
    (import "wasi_snapshot_preview1" "random_get" (func (param i32 i32) (result i32)))
    (memory (export "memory") 1)
    (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) unreachable)
    (func (export "bailiwick:agent/agent@0.1.0#profile") (result i32) unreachable)
    (func (export "bailiwick:agent/agent@0.1.0#perform")
        (param i32 i32 i32 i32 i32 i32 i32) (result i32) unreachable))
