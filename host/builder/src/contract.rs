//! Which names of an import or export section mean what under the contract, in whatever version; which version is written.

use std::fmt;

use bailiwick_core::contract::{Part, Release, V0_1, part};

pub use bailiwick_core::contract::PACKAGE;

/// The version of the contract that this builder writes. It reads every one that is served.
pub(crate) const WRITTEN: Release = V0_1;

/// Its number.
pub const VERSION: &str = WRITTEN.version;

/// What an agent of that version exports.
pub const AGENT_EXPORT: &str = "bailiwick:agent/agent@0.1.0";

/// The WASI packages that the sandbox links, inert.
const INERT_WASI: [&str; 6] = ["cli", "clocks", "filesystem", "io", "random", "sockets"];

/// An interface that an agent gets only where it is wanted and granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Capability {
    /// Language, embedding and image models.
    Model,
    /// Search over collections of documents.
    Knowledge,
    /// Files beside the JSON.
    Artifacts,
    /// Requests to the web.
    Http,
    /// Values that last from run to run.
    Kv,
    /// Other agents.
    Delegate,
}

impl Capability {
    /// All of them, in the order in which people read them.
    pub const ALL: [Self; 6] =
        [Self::Model, Self::Knowledge, Self::Artifacts, Self::Http, Self::Kv, Self::Delegate];

    /// The name of the interface and of the key in `agent.toml`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Knowledge => "knowledge",
            Self::Artifacts => "artifacts",
            Self::Http => "http",
            Self::Kv => "kv",
            Self::Delegate => "delegate",
        }
    }

    /// The line for the table `[wants]` of `agent.toml` that asks for it.
    pub fn want_line(self) -> &'static str {
        match self {
            Self::Model => r#"model = { use = ["writer"], reason = "…" }"#,
            Self::Knowledge => r#"knowledge = { use = ["brand"], reason = "…" }"#,
            Self::Artifacts => r#"artifacts = { put = "16 MiB", reason = "…" }"#,
            Self::Http => r#"http = { hosts = ["api.example.com"], reason = "…" }"#,
            Self::Kv => r#"kv = { write = true, reason = "…" }"#,
            Self::Delegate => r#"delegate = { use = ["fact_finder"], reason = "…" }"#,
        }
    }

    /// The one with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.name() == name)
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What an imported or exported name is to a host that serves the version it is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Name {
    /// `agent`: what a host calls.
    Agent,
    /// `types` and `log`: there for everybody.
    Free,
    /// An interface that has to be wanted.
    Capability(Capability),
    /// WASI 0.2, which the sandbox links inert.
    InertWasi,
    /// Anything else.
    Foreign,
}

/// What `package:name/interface@version` is. Which version of the contract a component speaks
/// is asked of all its names at once: see `bailiwick_core::contract`.
pub(crate) fn read_name(name: &str) -> Name {
    if let Some(Part { interface, .. }) = part(name) {
        return match interface {
            "agent" => Name::Agent,
            "types" | "log" => Name::Free,
            other => Capability::named(other).map_or(Name::Foreign, Name::Capability),
        };
    }
    let (path, version) = name.rsplit_once('@').unwrap_or((name, ""));
    let Some((package, _)) = path.split_once('/') else {
        return Name::Foreign;
    };
    let version_0_2 = version.starts_with("0.2.");
    match path {
        // Its requests go through the very gate of `http`.
        "wasi:http/outgoing-handler" if version_0_2 => return Name::Capability(Capability::Http),
        "wasi:http/types" if version_0_2 => return Name::InertWasi,
        _ => {}
    }
    let inert = package.strip_prefix("wasi:").is_some_and(|name| INERT_WASI.contains(&name));
    // 0.2.x is one compatible line; 0.3 is another system (async) that is not linked.
    if inert && version_0_2 { Name::InertWasi } else { Name::Foreign }
}

#[cfg(test)]
mod tests {
    use bailiwick_core::contract::SERVED;

    use super::*;

    #[test]
    fn reads_names() {
        for (name, expected) in [
            ("bailiwick:agent/agent@0.1.0", Name::Agent),
            ("bailiwick:agent/types@0.1.0", Name::Free),
            ("bailiwick:agent/log@0.1.0", Name::Free),
            ("bailiwick:agent/model@0.1.0", Name::Capability(Capability::Model)),
            ("bailiwick:agent/artifacts@0.1.0", Name::Capability(Capability::Artifacts)),
            ("bailiwick:agent/knowledge@0.1.0", Name::Capability(Capability::Knowledge)),
            ("bailiwick:agent/kv@0.1.0", Name::Capability(Capability::Kv)),
            ("bailiwick:agent/delegate@0.1.0", Name::Capability(Capability::Delegate)),
            ("bailiwick:agent/telepathy@0.1.0", Name::Foreign),
            ("bailiwick:agent/model@0.2.0", Name::Capability(Capability::Model)),
            ("bailiwick:agent/agent", Name::Agent),
            ("wasi:cli/stdout@0.2.9", Name::InertWasi),
            ("wasi:clocks/wall-clock@0.2.0", Name::InertWasi),
            ("wasi:clocks/wall-clock@0.3.0", Name::Foreign),
            ("wasi:clocks/wall-clock@0.20.0", Name::Foreign),
            ("wasi:http/outgoing-handler@0.2.0", Name::Capability(Capability::Http)),
            ("wasi:http/types@0.2.9", Name::InertWasi),
            ("wasi:http/types@0.3.0", Name::Foreign),
            ("wasi:http/incoming-handler@0.2.0", Name::Foreign),
            ("bailiwick:agent/http@0.1.0", Name::Capability(Capability::Http)),
            ("wasi:keyvalue/store@0.2.0", Name::Foreign),
            ("evil:agent/model@0.1.0", Name::Foreign),
            ("env", Name::Foreign),
            ("", Name::Foreign),
        ] {
            assert_eq!(read_name(name), expected, "{name}");
        }
    }

    #[test]
    fn the_export_is_an_agent_of_our_version() {
        assert_eq!(read_name(AGENT_EXPORT), Name::Agent);
        assert_eq!(AGENT_EXPORT, WRITTEN.agent());
    }

    #[test]
    fn what_is_written_is_the_newest_that_is_served() {
        assert_eq!(SERVED.releases().last(), Some(&WRITTEN));
    }

    #[test]
    fn every_interface_that_may_be_imported_is_free_or_has_a_want() {
        for release in SERVED.releases() {
            for interface in release.interfaces {
                let name = read_name(&release.name_of(interface));
                assert!(matches!(name, Name::Free | Name::Capability(_)), "{interface}");
            }
        }
    }
}
