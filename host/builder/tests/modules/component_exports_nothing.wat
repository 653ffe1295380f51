;; A component that nobody can call.
;; wants: 
(component
)
