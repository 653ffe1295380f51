//! The highest version that an agent name ever had: an older one may be signed as well as a newer one, and have what the newer one mended. Compares nothing with it.

use bailiwick_project::lock::newest;

use super::Swap;
use crate::components::Agent;

impl Swap<'_> {
    /// By the project's lock, by every commit so far, and by these. What is no version of
    /// three numbers counts as none.
    pub(super) fn highest<const N: usize>(&self, with: [&Agent; N]) -> Option<String> {
        let (opened, name) = (&self.opened, &self.slot.agent);
        let pins = opened.lock.pins_of(name).map(|pin| pin.highest.as_str());
        // Each commit says the highest by then, also one whose file was changed since.
        let pointer = opened.swapped.pointers.get(name);
        let swapped = pointer.and_then(|pointer| pointer.served.highest.as_deref());
        let with = with.iter().map(|agent| agent.embedded.profile.version.as_str());
        newest(pins.chain(swapped).chain(with)).map(str::to_owned)
    }
}
