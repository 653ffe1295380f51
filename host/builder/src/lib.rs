//! bailiwick-builder
