//! What the campaign's agents share: the shapes that travel between them and what
//! can be measured in a short text. It calls no model and knows no host.

mod brief;
mod claim;
mod copy;
mod judgement;
mod term;
mod text;

pub use brief::{Brief, Localized, Size, language};
pub use claim::{NumberClaim, Unit, number_claims};
pub use copy::{Copy, Fact, Insight, Research};
pub use judgement::{Feedback, Objection, Outcome, Reason, Verdict};
pub use term::{contains_term, find_terms};
pub use text::{fit, length, sentences, slug, tidy};
