//! bailiwick-orchestrator
