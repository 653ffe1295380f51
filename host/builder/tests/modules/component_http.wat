;; A power that no contract of this version has.
;; wants: 
(component
    (import "wasi:http/outgoing-handler@0.2.0" (instance))
    (import "wasi:clocks/wall-clock@0.3.0" (instance))
    (instance $agent)
    (export "bailiwick:agent/agent@0.1.0" (instance $agent)))
