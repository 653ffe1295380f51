//! bailiwick-sandbox
