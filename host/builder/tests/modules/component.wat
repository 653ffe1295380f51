;; A finished component with an export too many.
;; wants: 
(component
    (import "bailiwick:agent/types@0.1.0" (instance))
    (import "wasi:cli/stdout@0.2.9" (instance))
    (instance $agent)
    (export "bailiwick:agent/agent@0.1.0" (instance $agent))
    (export "init" (instance $agent)))
