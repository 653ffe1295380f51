//! What an agent may do: grants, limits, the ceiling, their intersection, and the ports that name a generation.
//!
//! Invariant: no I/O, no async runtime, no clock, no randomness. The same input
//! gives the same output everywhere.

pub mod budget;
pub mod ceiling;
#[cfg(feature = "contract")]
pub mod contract;
pub mod credential;
pub mod flow;
pub mod generation;
pub mod grants;
pub mod http;
pub mod intersect;
pub mod labels;
pub mod limits;
mod narrow;
pub mod network;
pub mod origins;
pub mod people;
pub mod ports;
pub mod price;
pub mod publishers;
pub mod registry;
pub mod revoked;
pub mod route;
pub mod standing;
mod viewing;
mod within;

pub use budget::{Budget, Budgets, StepBudget, WhenSpent};
pub use ceiling::{Ceiling, Policy};
pub use credential::Credential;
pub use flow::{Clearance, Clearances, Declassify, LabelRules, OriginRule, Said};
pub use generation::Generation;
pub use grants::Grants;
pub use http::{HttpPower, HttpRule};
pub use intersect::{Effective, Excess, intersect};
pub use labels::{Label, LabelOrder, Level, Trust};
pub use limits::Limits;
pub use network::Network;
pub use origins::Origins;
pub use people::{Caller, People, Person, Right, Unauthorized};
pub use publishers::Publishers;
pub use revoked::{Holder, PowerKey, Revocation};
pub use route::{Origin, ProviderKind, Route};
pub use standing::{Narrowing, Rules, Says, Standing, Unchanging};
