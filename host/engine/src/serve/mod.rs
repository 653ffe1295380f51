//! A host that stays: it owns a data folder, drives the runs of its projects, and takes work from whoever may ask. Listens to nobody by itself.

mod alarms;
mod away;
mod begin;
mod feed;
mod hall;
mod left;
mod operations;
mod orders;
mod parcel;
mod projects;
mod resident;
mod retention;
mod shown;
mod staging;
mod turns;

pub use away::Away;
pub use feed::Following;
pub use operations::Again;
pub use parcel::{Offer, Parcel, Piece};
pub use resident::{Resident, ServeRequest};
pub use shown::Shown;
pub use staging::Staging;

pub(crate) use hall::Hall;
pub(crate) use projects::Projects;
