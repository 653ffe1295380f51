;; A component of a patch that this host does not know: a version is its exact text.
;; wants: 
(component
    (instance $agent)
    (export "bailiwick:agent/agent@0.1.1" (instance $agent)))
