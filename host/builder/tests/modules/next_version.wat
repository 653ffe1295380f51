;; A module without types, for a contract that is not there yet.
;; wants: 
(module
    (memory (export "memory") 1)
    (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) unreachable)
    (func (export "bailiwick:agent/agent@0.2.0#profile") (result i32) unreachable)
    (func (export "bailiwick:agent/agent@0.2.0#perform")
        (param i32 i32 i32 i32 i32 i32 i32) (result i32) unreachable))
