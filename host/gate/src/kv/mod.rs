//! Values that last from run to run, as the gate sees them: a request is answered from what is durable and what the attempt has changed, and the changes are settled when the attempt ends.

mod answer;
mod buffer;
mod namespaces;
mod request;
mod settle;

pub use bailiwick_policy::ports::Turn;
pub use buffer::AllStaged;
pub(crate) use buffer::Buffers;
pub use namespaces::{Exclusive, Held, KEYS_MAX, Kept, KvError, Namespaces, NoNamespaces};
pub use request::{KvRequest, PAGE_MAX};
