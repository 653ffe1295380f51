;; The right names with the wrong types.
;; wants: 
(module
    (memory (export "memory") 1)
    (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) unreachable)
    (func (export "bailiwick:agent/agent@0.1.0#profile") (result i32) unreachable)
    (func (export "bailiwick:agent/agent@0.1.0#perform")
        (result i32) unreachable))
