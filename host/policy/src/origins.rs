//! Which origins a model route may have. Judges by the text of the origin alone; what a name resolves to is judged where it is dialled.

use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::route::{Origin, Route};

/// Which origins are allowed. The built-in provider has none and is always allowed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Origins {
    /// Any named one by https, and this machine's loopback by http or https.
    PublicHttpsOrLoopback,
    /// These.
    Listed(Vec<Origin>),
}

impl Origins {
    /// Whether a route may be used.
    #[must_use]
    pub fn allow(&self, route: &Route) -> bool {
        let Some(origin) = &route.origin else { return route.base.is_none() };
        match self {
            Self::Listed(origins) => origins.contains(origin),
            Self::PublicHttpsOrLoopback => {
                origin.is_loopback() || (origin.scheme() == "https" && !origin.is_address())
            }
        }
    }
}

impl fmt::Display for Origins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PublicHttpsOrLoopback => {
                f.write_str("public origins by https, loopback by http or https")
            }
            Self::Listed(origins) => {
                let texts: Vec<_> = origins.iter().map(|origin| origin.0.as_str()).collect();
                write!(f, "the origins {}", texts.join(", "))
            }
        }
    }
}

impl Origin {
    /// `https` of `https://example.com:8443`.
    #[must_use]
    pub fn scheme(&self) -> &str {
        self.0.split_once("://").map_or("", |(scheme, _)| scheme)
    }

    /// `example.com` of `https://example.com:8443`; a literal address without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        let rest = self.0.split_once("://").map_or("", |(_, rest)| rest);
        match rest.strip_prefix('[') {
            Some(literal) => literal.split_once(']').map_or(literal, |(host, _)| host),
            None => rest.split_once(':').map_or(rest, |(host, _)| host),
        }
    }

    /// Whether the host is an address instead of a name.
    #[must_use]
    pub fn is_address(&self) -> bool {
        self.host().parse::<IpAddr>().is_ok()
    }

    /// Whether it is this machine's loopback, by address or by the name `localhost`.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        match self.host().parse::<IpAddr>() {
            Ok(address) => address.is_loopback(),
            Err(_) => self.host() == "localhost",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::route::ProviderKind;

    fn allowed(origins: &Origins, origin: &str) -> bool {
        origins.allow(&Route {
            provider: ProviderKind::Openai,
            base: Some(format!("{origin}/v1")),
            origin: Some(Origin(origin.into())),
            model: "m".into(),
            price: None,
        })
    }

    #[test]
    fn without_a_list_public_by_https_and_loopback() {
        let origins = Origins::PublicHttpsOrLoopback;
        for good in [
            "https://api.openai.com",
            "http://127.0.0.1:8080",
            "http://[::1]:1",
            "http://localhost:9",
        ] {
            assert!(allowed(&origins, good), "{good}");
        }
        for bad in [
            "http://api.openai.com",
            "https://10.0.0.1",
            "http://192.168.1.2:80",
            "https://[fd00::1]",
            "http://localhost.evil.example",
        ] {
            assert!(!allowed(&origins, bad), "{bad}");
        }
        assert!(origins.allow(&Route::builtin()));
    }

    #[test]
    fn a_list_means_what_it_says() {
        let origins = Origins::Listed(vec![Origin("http://127.0.0.1:8080".into())]);
        assert!(allowed(&origins, "http://127.0.0.1:8080"));
        assert!(!allowed(&origins, "http://127.0.0.1:8081"));
        assert!(!allowed(&origins, "https://api.openai.com"));
        assert!(origins.allow(&Route::builtin()));
    }
}
