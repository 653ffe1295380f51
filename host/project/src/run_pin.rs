//! `[run] pin`: whether runs that go keep the components that they began with. Swaps nothing.

use crate::entries::Entries;

/// What a swap means for a run that goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RunPin {
    /// It keeps the components that it began with.
    #[default]
    Run,
    /// Its next cells take the new one, where that fits.
    Step,
}

impl RunPin {
    pub(crate) fn of(table: Entries<'_, '_>) -> Self {
        let word = table.text("pin").map(|word| word.get_ref().to_owned());
        match word.as_deref() {
            Some("step") => Self::Step,
            _ => Self::Run,
        }
    }
}
