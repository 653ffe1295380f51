;; A component that imports the contract of one version and exports that of another.
;; wants: 
(component
    (import "bailiwick:agent/log@0.2.0" (instance $log))
    (instance $agent)
    (export "bailiwick:agent/agent@0.1.0" (instance $agent)))
