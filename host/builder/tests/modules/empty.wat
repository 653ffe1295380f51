;; A library in which nothing is an agent.
;; wants:
(module
    (memory (export "memory") 1))
