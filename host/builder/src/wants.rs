//! What an agent asks its operator for; grants nothing and knows no file format but its own section.

use bailiwick_core::{Bytes, Name};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::contract::Capability;

/// The longest reason, in bytes: one sentence that an operator reads before granting.
pub const REASON_BYTES_MAX: usize = 256;

/// The most aliases or collections in one want. More than a handful is no longer a
/// wish that somebody weighs.
pub const NAMES_MAX: usize = 16;

/// The wants of one agent. `log` is always granted and is not among them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wants {
    /// Models, by the alias that the agent says. Absent: no model is wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<NamesWant>,
    /// Collections of documents. Absent: none is wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub knowledge: Option<NamesWant>,
    /// Files beside the JSON. Absent: the agent neither reads nor writes any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifacts: Option<ArtifactsWant>,
    /// Requests to the web. Absent: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http: Option<HttpWant>,
    /// Values that last from run to run. Absent: none are wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kv: Option<KvWant>,
    /// Other agents, by the names that the agent says. Absent: none is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delegate: Option<NamesWant>,
}

/// A want that is a list of names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NamesWant {
    /// The names that the agent says, 1 to [`NAMES_MAX`].
    #[serde(rename = "use")]
    pub names: Vec<Name>,
    /// What for, in the author's words: not empty, at most [`REASON_BYTES_MAX`].
    pub reason: String,
}

/// The want to read, and perhaps to make, artifacts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArtifactsWant {
    /// How many bytes an attempt makes at most. Absent: it only reads what its
    /// input names.
    #[serde(rename = "put_bytes", default, skip_serializing_if = "Option::is_none")]
    pub put: Option<Bytes>,
    /// What for, in the author's words: not empty, at most [`REASON_BYTES_MAX`].
    pub reason: String,
}

/// The want to ask the web.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpWant {
    /// The hosts, as an operator would grant them, 1 to [`NAMES_MAX`].
    pub hosts: Vec<String>,
    /// What for, in the author's words: not empty, at most [`REASON_BYTES_MAX`].
    pub reason: String,
}

impl HttpWant {
    /// Whether a text has the form of a host that an operator can grant: as it is in URLs, in
    /// lower case and without a port, `*.` in front at most. Which hosts there are is the
    /// operator's matter.
    #[must_use]
    pub fn is_host(text: &str) -> bool {
        let is_name = |name: &str| {
            let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.".contains(&b);
            !name.is_empty() && name.bytes().all(plain)
        };
        let is_address = |inner: &str| {
            let plain = |b: u8| b.is_ascii_digit() || matches!(b, b'a'..=b'f' | b':' | b'.');
            !inner.is_empty() && inner.bytes().all(plain)
        };
        let has_form = match text.strip_prefix('[') {
            Some(rest) => rest.strip_suffix(']').is_some_and(is_address),
            None => is_name(text.strip_prefix("*.").unwrap_or(text)),
        };
        has_form && text.len() <= 253
    }
}

/// The want to read, and perhaps to write, values of a namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KvWant {
    /// Whether it writes. Absent: it only reads.
    #[serde(default)]
    pub write: bool,
    /// What for, in the author's words: not empty, at most [`REASON_BYTES_MAX`].
    pub reason: String,
}

/// Why something is no list of wants.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum WantsError {
    /// Not the JSON that the builder writes.
    #[error("not a list of wants: {0}")]
    Json(String),
    /// No reason, or a speech.
    #[error(
        "the reason for {capability} has {found_bytes} bytes; 1 to {REASON_BYTES_MAX} are allowed"
    )]
    Reason {
        /// Which want.
        capability: Capability,
        /// Its size.
        found_bytes: usize,
    },
    /// No name, or too many.
    #[error("{capability} names {found}; 1 to {NAMES_MAX} are allowed")]
    Names {
        /// Which want.
        capability: Capability,
        /// How many.
        found: usize,
    },
}

impl Wants {
    /// Whether the capability is wanted at all.
    #[must_use]
    pub fn want(&self, capability: Capability) -> bool {
        match capability {
            Capability::Model => self.model.is_some(),
            Capability::Knowledge => self.knowledge.is_some(),
            Capability::Artifacts => self.artifacts.is_some(),
            Capability::Http => self.http.is_some(),
            Capability::Kv => self.kv.is_some(),
            Capability::Delegate => self.delegate.is_some(),
        }
    }

    /// Reads an embedded section, which may come from anybody.
    pub(crate) fn from_json(bytes: &[u8]) -> Result<Self, WantsError> {
        // An object by force: serde would also read a list as the fields in order.
        let wants: Self = serde_json::from_slice(bytes)
            .and_then(|object| serde_json::from_value(Value::Object(object)))
            .map_err(|error| WantsError::Json(error.to_string()))?;
        wants.check()?;
        Ok(wants)
    }

    /// The embedded section.
    pub(crate) fn to_json(&self) -> Result<Vec<u8>, WantsError> {
        self.check()?;
        serde_json::to_vec(self).map_err(|error| WantsError::Json(error.to_string()))
    }

    fn check(&self) -> Result<(), WantsError> {
        let named = [
            (Capability::Model, &self.model),
            (Capability::Knowledge, &self.knowledge),
            (Capability::Delegate, &self.delegate),
        ];
        for (capability, want) in named {
            let Some(want) = want else { continue };
            if want.names.is_empty() || want.names.len() > NAMES_MAX {
                return Err(WantsError::Names { capability, found: want.names.len() });
            }
            check_reason(capability, &want.reason)?;
        }
        if let Some(want) = &self.http {
            let (capability, found) = (Capability::Http, want.hosts.len());
            let hosts = want.hosts.iter().all(|host| HttpWant::is_host(host));
            if found == 0 || found > NAMES_MAX || !hosts {
                return Err(WantsError::Names { capability, found });
            }
            check_reason(capability, &want.reason)?;
        }
        if let Some(want) = &self.artifacts {
            check_reason(Capability::Artifacts, &want.reason)?;
        }
        match &self.kv {
            Some(want) => check_reason(Capability::Kv, &want.reason),
            None => Ok(()),
        }
    }
}

fn check_reason(capability: Capability, reason: &str) -> Result<(), WantsError> {
    if reason.trim().is_empty() || reason.len() > REASON_BYTES_MAX {
        return Err(WantsError::Reason { capability, found_bytes: reason.len() });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn section_round_trips() {
        let wants = Wants {
            model: Some(NamesWant {
                names: vec![Name::new("writer").unwrap()],
                reason: "writes the copy".into(),
            }),
            knowledge: None,
            artifacts: Some(ArtifactsWant { put: Some(Bytes::mib(16)), reason: "images".into() }),
            http: None,
            kv: None,
            delegate: None,
        };
        let json = wants.to_json().unwrap();
        assert_eq!(
            String::from_utf8(json.clone()).unwrap(),
            r#"{"model":{"use":["writer"],"reason":"writes the copy"},"artifacts":{"put_bytes":16777216,"reason":"images"}}"#
        );
        assert_eq!(Wants::from_json(&json), Ok(wants));
        assert_eq!(Wants::from_json(b"{}"), Ok(Wants::default()));
    }

    #[test]
    fn a_host_is_one_that_can_be_granted() {
        for host in ["api.example.com", "*.example.com", "127.0.0.1", "[2001:db8::1]", "localhost"]
        {
            assert!(HttpWant::is_host(host), "{host}");
        }
        for other in [
            "",
            "*",
            "*.",
            "API.example.com",
            "api.example.com:8443",
            "a.*.example.com",
            "[::1]:80",
            "[::1",
            "[]",
            "https://api.example.com",
            &"x".repeat(254),
        ] {
            assert!(!HttpWant::is_host(other), "{other}");
        }
    }

    #[test]
    fn refuses_sections_that_no_builder_wrote() {
        let long = "x".repeat(REASON_BYTES_MAX + 1);
        let many = vec!["\"a\""; NAMES_MAX + 1].join(",");
        for json in [
            "".to_owned(),
            "[]".into(),
            r#"{"http":{}}"#.into(),
            r#"{"http":{"hosts":[],"reason":"x"}}"#.into(),
            r#"{"http":{"hosts":["a b"],"reason":"x"}}"#.into(),
            r#"{"telepathy":{}}"#.into(),
            r#"{"model":{"use":["writer"]}}"#.into(),
            r#"{"kv":{"write":true}}"#.into(),
            r#"{"delegate":{"use":[],"reason":"x"}}"#.into(),
            r#"{"kv":{"namespace":"notes","reason":"x"}}"#.into(),
            r#"{"model":{"use":[],"reason":"x"}}"#.into(),
            r#"{"model":{"use":["../x"],"reason":"x"}}"#.into(),
            r#"{"model":{"use":["a"],"reason":" "}}"#.into(),
            format!(r#"{{"artifacts":{{"reason":"{long}"}}}}"#),
            format!(r#"{{"knowledge":{{"use":[{many}],"reason":"x"}}}}"#),
            r#"{"artifacts":{"put_bytes":-1,"reason":"x"}}"#.into(),
        ] {
            assert!(Wants::from_json(json.as_bytes()).is_err(), "{json}");
        }
    }
}
