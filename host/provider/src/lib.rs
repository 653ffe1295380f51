//! bailiwick-provider
