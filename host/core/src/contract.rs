//! The versions of the contract between host and agent: what a component's names say of the one that it speaks, which ones are served, and the words where the two do not meet. Knows no WebAssembly.

use std::cmp::Ordering;
use std::fmt;

use crate::text::{Lines, clip, visible};

/// The package of the contract, as imports and exports name it.
pub const PACKAGE: &str = "bailiwick:agent";

/// Names that a component imports and exports, together. The whole contract and all of
/// WASI 0.2 are about fifty; a list of thousands is for nobody to read.
pub const NAMES_MAX: usize = 1_000;

/// The most of a name that a message repeats, in bytes: twice the longest of the contract.
const SHOWN_MAX_BYTES: usize = 64;

/// A version of the contract, as plain data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Release {
    /// As imports and exports end: `0.1.0`.
    pub version: &'static str,
    /// The first bailiwick, host and SDKs alike, that has it.
    pub since: &'static str,
    /// The interfaces that an agent may import; whether it is granted them is another matter.
    pub interfaces: &'static [&'static str],
}

impl Release {
    /// The full name of one of its interfaces: `bailiwick:agent/log@0.1.0`.
    #[must_use]
    pub fn name_of(&self, interface: &str) -> String {
        format!("{PACKAGE}/{interface}@{}", self.version)
    }

    /// What every agent of this version exports.
    #[must_use]
    pub fn agent(&self) -> String {
        self.name_of("agent")
    }
}

/// `wit/v0.1`.
pub const V0_1: Release = Release {
    version: "0.1.0",
    since: "0.1",
    interfaces: &["types", "log", "model", "knowledge", "artifacts", "http", "kv", "delegate"],
};

/// The one table of the versions that a host of this build serves: every one that was ever
/// released, oldest first.
pub const SERVED: Served = Served::of(&[V0_1]);

/// Versions that somebody serves, oldest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Served(&'static [Release]);

impl Served {
    /// These, oldest first.
    #[must_use]
    pub const fn of(releases: &'static [Release]) -> Self {
        Self(releases)
    }

    /// All of them, oldest first.
    #[must_use]
    pub fn releases(self) -> &'static [Release] {
        self.0
    }

    /// The one that a component with these import and export names speaks; nothing where no
    /// name is of the contract.
    ///
    /// A version is its exact text: `0.1.1` is not taken for `0.1.0`, nor the other way
    /// round. What a component may ask for is judged before it is compiled, by the interfaces
    /// of the version that it names, and of a version that this host does not have it knows
    /// none.
    ///
    /// # Errors
    /// [`Unserved`] where the names are of another version, of several, or of none.
    ///
    /// ```
    /// use bailiwick_core::contract::SERVED;
    ///
    /// let names = ["wasi:io/poll@0.2.3", "bailiwick:agent/agent@0.1.0"];
    /// assert_eq!(SERVED.speaks(names).unwrap().unwrap().version, "0.1.0");
    /// let refused = SERVED.speaks(["bailiwick:agent/agent@0.9.0"]).unwrap_err();
    /// assert!(refused.to_string().contains("0.9.0") && refused.to_string().contains("0.1.0"));
    /// ```
    pub fn speaks<'a>(
        self,
        names: impl IntoIterator<Item = &'a str>,
    ) -> Result<Option<&'static Release>, Unserved> {
        let mut first: Option<(&str, &str)> = None;
        for name in names {
            let Some(Part { version, .. }) = part(name) else { continue };
            let Some(version) = version else {
                return Err(Unserved::NoVersion { name: shown(name), served: self });
            };
            match first {
                None => first = Some((version, name)),
                Some((other, _)) if other == version => {}
                Some((other, by)) => {
                    return Err(Unserved::Several {
                        one: (shown(other), shown(by)),
                        other: (shown(version), shown(name)),
                        served: self,
                    });
                }
            }
        }
        let Some((version, name)) = first else { return Ok(None) };
        let found = self.0.iter().find(|release| release.version == version);
        found.map(Some).ok_or_else(|| Unserved::Other {
            version: shown(version),
            name: shown(name),
            served: self,
        })
    }

    /// What whoever has a component of `asked` may do.
    fn way(self, asked: &str) -> String {
        let newest = self.0.last().map(|release| release.version);
        match newest.and_then(|newest| compared(asked, newest)) {
            Some(Ordering::Greater) => {
                format!("run it on a newer bailiwick that serves {asked}, or {}", self.build())
            }
            _ => self.build(),
        }
    }

    /// What always helps.
    fn build(self) -> String {
        match self.0.last() {
            Some(Release { version, since, .. }) => {
                format!("build it with the SDK of bailiwick {since}, which is for {version}")
            }
            None => "there is none to build it for".to_owned(),
        }
    }
}

/// `0.1.0`, or `0.1.0 and 0.2.0`.
impl fmt::Display for Served {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, release) in self.0.iter().enumerate() {
            let before = match index {
                0 => "",
                _ if index + 1 == self.0.len() => " and ",
                _ => ", ",
            };
            write!(f, "{before}{}", release.version)?;
        }
        Ok(())
    }
}

/// Why a component speaks no version that is served. Its own words are clipped and visible.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unserved {
    /// Another version.
    #[error(
        "the component speaks contract {version} ({name}), and this host serves {served}: {}",
        served.way(version)
    )]
    Other {
        /// The version.
        version: Box<str>,
        /// The first import or export that says so.
        name: Box<str>,
        /// What there is.
        served: Served,
    },
    /// Two versions at once.
    #[error(
        "the component speaks contract {} ({}) and {} ({}), and each speaks one; this host serves {served}: {}",
        one.0, one.1, other.0, other.1, served.build()
    )]
    Several {
        /// The first version, and the name that says so.
        one: (Box<str>, Box<str>),
        /// The first other one.
        other: (Box<str>, Box<str>),
        /// What there is.
        served: Served,
    },
    /// No version.
    #[error(
        "the component names {name} without a version of the contract, and this host serves {served}: {}",
        served.build()
    )]
    NoVersion {
        /// The first import or export that has none.
        name: Box<str>,
        /// What there is.
        served: Served,
    },
}

/// An import or export that is of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part<'a> {
    /// `log`.
    pub interface: &'a str,
    /// `0.1.0`, as it stands there.
    pub version: Option<&'a str>,
}

/// Takes the name of an import or export apart; nothing where it is not of the contract.
#[must_use]
pub fn part(name: &str) -> Option<Part<'_>> {
    let rest = name.strip_prefix(PACKAGE)?.strip_prefix('/')?;
    Some(match rest.split_once('@') {
        Some((interface, version)) => Part { interface, version: Some(version) },
        None => Part { interface: rest, version: None },
    })
}

/// Which of two versions of three numbers is the later; nothing of anything else.
fn compared(one: &str, other: &str) -> Option<Ordering> {
    let numbers = |text: &str| -> Option<[u64; 3]> {
        let mut parts = text.split('.').map(str::parse);
        let numbers = [parts.next()?.ok()?, parts.next()?.ok()?, parts.next()?.ok()?];
        parts.next().is_none().then_some(numbers)
    };
    Some(numbers(one)?.cmp(&numbers(other)?))
}

fn shown(name: &str) -> Box<str> {
    let clipped = clip(name, SHOWN_MAX_BYTES);
    let more = if clipped.len() < name.len() { "…" } else { "" };
    format!("{}{more}", visible(clipped, Lines::Escape)).into()
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    const NEXT: Release = Release { version: "0.2.0", since: "0.2", ..V0_1 };
    const BOTH: Served = Served::of(&[V0_1, NEXT]);

    fn check(served: Served, names: &[&str], expected: Expect) {
        let said = match served.speaks(names.iter().copied()) {
            Ok(Some(release)) => format!("speaks {}", release.version),
            Ok(None) => "speaks nothing of it".to_owned(),
            Err(refused) => refused.to_string(),
        };
        expected.assert_eq(&said);
    }

    #[test]
    fn each_component_speaks_the_one_version_that_its_names_say() {
        let names =
            ["wasi:io/poll@0.2.3", "bailiwick:agent/log@0.1.0", "bailiwick:agent/agent@0.1.0"];
        check(SERVED, &names, expect!["speaks 0.1.0"]);
        check(BOTH, &names, expect!["speaks 0.1.0"]);
        check(BOTH, &["bailiwick:agent/agent@0.2.0"], expect!["speaks 0.2.0"]);
        check(
            SERVED,
            &["bailiwick:agents/agent@0.9.0", "env", ""],
            expect!["speaks nothing of it"],
        );
    }

    #[test]
    fn what_is_not_served_is_refused_with_both_and_a_way_out() {
        check(
            SERVED,
            &["bailiwick:agent/agent@0.9.0"],
            expect![
                "the component speaks contract 0.9.0 (bailiwick:agent/agent@0.9.0), and this host serves 0.1.0: run it on a newer bailiwick that serves 0.9.0, or build it with the SDK of bailiwick 0.1, which is for 0.1.0"
            ],
        );
        check(
            BOTH,
            &["bailiwick:agent/agent@1.0.0"],
            expect![
                "the component speaks contract 1.0.0 (bailiwick:agent/agent@1.0.0), and this host serves 0.1.0 and 0.2.0: run it on a newer bailiwick that serves 1.0.0, or build it with the SDK of bailiwick 0.2, which is for 0.2.0"
            ],
        );
        check(
            BOTH,
            &["bailiwick:agent/agent@0.0.9"],
            expect![
                "the component speaks contract 0.0.9 (bailiwick:agent/agent@0.0.9), and this host serves 0.1.0 and 0.2.0: build it with the SDK of bailiwick 0.2, which is for 0.2.0"
            ],
        );
        check(
            SERVED,
            &["bailiwick:agent/log@0.1.0", "bailiwick:agent/agent@0.2.0"],
            expect![
                "the component speaks contract 0.1.0 (bailiwick:agent/log@0.1.0) and 0.2.0 (bailiwick:agent/agent@0.2.0), and each speaks one; this host serves 0.1.0: build it with the SDK of bailiwick 0.1, which is for 0.1.0"
            ],
        );
        check(
            SERVED,
            &["bailiwick:agent/agent"],
            expect![
                "the component names bailiwick:agent/agent without a version of the contract, and this host serves 0.1.0: build it with the SDK of bailiwick 0.1, which is for 0.1.0"
            ],
        );
    }

    #[test]
    fn two_versions_are_too_many_also_where_both_are_served() {
        let names = ["bailiwick:agent/log@0.1.0", "bailiwick:agent/agent@0.2.0"];
        assert!(matches!(BOTH.speaks(names), Err(Unserved::Several { .. })));
    }

    #[test]
    fn a_version_is_its_exact_text() {
        let long = format!("0.1.{}", "0".repeat(100_000));
        for version in [
            "",
            "0",
            "0.1",
            "0.1.1",
            "0.1.00",
            "00.1.0",
            "0.1.0-rc.1",
            "0.1.0+built",
            "v0.1.0",
            " 0.1.0",
            "0.1.0 ",
            "0.1.0@0.1.0",
            "٠.١.٠",
            "0.1.0\u{200b}",
            "\u{202e}0.1.0",
            "latest",
            "18446744073709551616.0.0",
            &long,
        ] {
            let refused =
                SERVED.speaks([format!("{PACKAGE}/agent@{version}").as_str()]).unwrap_err();
            let words = refused.to_string();
            assert!(words.len() < 512, "{words}");
            assert!(words.contains("this host serves 0.1.0"), "{words}");
            assert!(!words.contains(['\u{200b}', '\u{202e}']), "{words}");
        }
    }

    #[test]
    fn the_table_is_in_order_and_names_no_version_twice() {
        for pair in SERVED.releases().windows(2) {
            assert_eq!(compared(pair[0].version, pair[1].version), Some(Ordering::Less));
        }
        assert!(!SERVED.releases().is_empty());
    }
}
