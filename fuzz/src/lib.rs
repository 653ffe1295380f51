//! Each target feeds the entry of its name; nothing here knows what it is fed.

/// The body of a target.
#[macro_export]
macro_rules! feeds {
    ($name:literal) => {
        libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
            // Aborts where something does not hold.
            let entry = bailiwick_entries::entry($name);
            (entry.map(|entry| entry.run).unwrap_or_else(|| std::process::abort()))(bytes);
        });
    };
}
