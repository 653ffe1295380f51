;; A component that names the contract and no version of it.
;; wants: 
(component
    (instance $agent)
    (export "bailiwick:agent/agent" (instance $agent)))
