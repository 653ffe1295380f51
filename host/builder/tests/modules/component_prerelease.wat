;; A component of what was to become the contract.
;; wants: 
(component
    (instance $agent)
    (export "bailiwick:agent/agent@0.1.0-rc.1+built" (instance $agent)))
