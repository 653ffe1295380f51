//! bailiwick-engine
