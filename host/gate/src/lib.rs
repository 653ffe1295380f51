//! bailiwick-gate
