;; A component of a contract that is not there yet.
;; wants: 
(component
    (instance $agent)
    (export "bailiwick:agent/agent@0.2.0" (instance $agent)))
