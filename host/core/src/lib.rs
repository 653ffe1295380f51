//! bailiwick-core
