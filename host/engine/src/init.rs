//! `init`: a project that runs.
