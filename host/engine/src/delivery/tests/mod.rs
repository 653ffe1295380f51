//! Whole deliveries: their files, manifests and pages, on disk too.

mod fixture;
mod folders;
mod golden;
mod hostile;
mod lineage;
