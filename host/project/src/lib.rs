//! bailiwick-project
