//! Routes to models: from bailiwick.toml and from `--model`. Connects to nothing.

use bailiwick_policy::price::Price;
use bailiwick_policy::{Origin, ProviderKind, Route};
use toml::Spanned;
use url::Url;

use crate::codes;
use crate::entries::Entries;
use crate::findings::Findings;

/// A route that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotARoute {
    /// No such provider.
    #[error("{0:?} is no provider: it is builtin, openai or anthropic")]
    Provider(String),
    /// Not a URL at all.
    #[error("{0:?} is no URL: {1}")]
    Url(String, String),
    /// Another scheme, or none.
    #[error("a base URL begins with http:// or https://")]
    Scheme,
    /// A user or password: secrets do not stand in files.
    #[error("a base URL has no user and no password; keys come from the environment")]
    Secret,
    /// A query or fragment.
    #[error("a base URL has no `?` and no `#`")]
    Tail,
    /// A path after an origin.
    #[error("an origin ends after host and port")]
    Path,
    /// The built-in provider with an address or a model.
    #[error("`builtin` has neither base nor model: it is not reached and is no language model")]
    Builtin,
    /// A provider without model.
    #[error("`{0}` needs a model")]
    Model(&'static str),
}

/// A base URL, normalised, without a slash at its end.
fn base(text: &str) -> Result<(String, Origin), NotARoute> {
    let url = Url::parse(text).map_err(|error| NotARoute::Url(text.into(), error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(NotARoute::Scheme);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(NotARoute::Secret);
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(NotARoute::Tail);
    }
    let origin = Origin(url.origin().ascii_serialization());
    Ok((url.as_str().trim_end_matches('/').to_owned(), origin))
}

/// An origin such as `https://example.com:8443`, normalised; nothing after it.
pub(crate) fn origin(text: &str) -> Result<Origin, NotARoute> {
    let (base, origin) = base(text)?;
    if base == origin.0 { Ok(origin) } else { Err(NotARoute::Path) }
}

/// A route from its parts.
///
/// # Errors
/// [`NotARoute`] with the rule that it breaks.
pub fn route_of(
    provider: &str,
    model: Option<&str>,
    address: Option<&str>,
) -> Result<Route, NotARoute> {
    let kind = ProviderKind::parse(provider).ok_or_else(|| NotARoute::Provider(provider.into()))?;
    if kind == ProviderKind::Builtin {
        let bare = model.is_none() && address.is_none();
        return if bare { Ok(Route::builtin()) } else { Err(NotARoute::Builtin) };
    }
    let model = model.filter(|model| !model.is_empty()).ok_or(NotARoute::Model(kind.as_str()))?;
    let (base, origin) = match address.or_else(|| kind.default_base()) {
        Some(address) => base(address).map(|(base, origin)| (Some(base), Some(origin)))?,
        None => (None, None),
    };
    Ok(Route { provider: kind, base, origin, model: model.to_owned(), price: None })
}

/// A route as the command line has it: `PROVIDER:MODEL[@BASE_URL]`, or `builtin`. The
/// model ends at the last `@` before `http`, because names of models have `:` and `@`.
///
/// # Errors
/// [`NotARoute`] with the rule that it breaks.
pub fn parse_route(text: &str) -> Result<Route, NotARoute> {
    let (provider, rest) = match text.split_once(':') {
        Some((provider, rest)) => (provider, Some(rest)),
        None => (text, None),
    };
    let split = rest.and_then(|rest| {
        let lower = rest.to_ascii_lowercase();
        let at = lower.rfind("@http://").or_else(|| lower.rfind("@https://"))?;
        Some((rest.get(..at)?, rest.get(at + 1..)?))
    });
    // `@127.0.0.1:8080/v1` is an address with its scheme forgotten, and no part of a
    // model's name: taken as one, prompt and key would go to the vendor instead.
    let tail = rest.and_then(|rest| rest.rsplit_once('@'));
    if split.is_none() && tail.is_some_and(|(_, tail)| tail.contains([':', '/'])) {
        return Err(NotARoute::Scheme);
    }
    match split {
        Some((model, address)) => route_of(provider, Some(model), Some(address)),
        None => route_of(provider, rest, None),
    }
}

/// One route of `[models.NAME]`.
pub(crate) fn route(table: Entries<'_, '_>, findings: &mut Findings<'_>) -> Option<Route> {
    let provider = table.text("provider")?;
    let (model, address) = (table.text("model"), table.text("base"));
    let word = |text: &Option<Spanned<String>>| text.as_ref().map(|text| text.get_ref().clone());
    match route_of(provider.get_ref(), word(&model).as_deref(), word(&address).as_deref()) {
        Ok(route) => Some(Route { price: price(table, route.provider, findings), ..route }),
        // The word is judged by the table of keys.
        Err(NotARoute::Provider(_)) => None,
        Err(error) => {
            let to_blame = match &error {
                NotARoute::Model(_) => &provider,
                NotARoute::Builtin => address.as_ref().or(model.as_ref()).unwrap_or(&provider),
                _ => address.as_ref().unwrap_or(&provider),
            };
            findings.report(codes::BAD_ROUTE, to_blame.span(), error.to_string());
            None
        }
    }
}

/// What a route costs. `builtin` is nobody's business.
fn price(
    table: Entries<'_, '_>,
    provider: ProviderKind,
    findings: &mut Findings<'_>,
) -> Option<Price> {
    let prices = table.table("price")?;
    let price = Price {
        input: findings.money(prices, "input"),
        output: findings.money(prices, "output"),
        image: findings.money(prices, "image"),
    };
    if provider == ProviderKind::Builtin {
        let key = table.key_span("price").unwrap_or_default();
        findings.report(codes::BAD_ROUTE, key, "`builtin` costs nothing: it has no price");
        return None;
    }
    Some(price)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_command_line_form() {
        for (text, expected) in [
            ("builtin", "builtin"),
            ("openai:gpt-4o", "openai:gpt-4o@https://api.openai.com/v1"),
            ("openai:gpt@2026", "openai:gpt@2026@https://api.openai.com/v1"),
            ("openai:a@b@HTTPS://Example.com/", "openai:a@b@https://example.com"),
            (
                "openai:qwen2:7b@http://127.0.0.1:8080/v1/",
                "openai:qwen2:7b@http://127.0.0.1:8080/v1",
            ),
            (
                "anthropic:claude@https://proxy.example:443",
                "anthropic:claude@https://proxy.example",
            ),
        ] {
            assert_eq!(parse_route(text).unwrap().to_string(), expected, "{text}");
        }
        for bad in [
            "",
            "gpt:4",
            "openai",
            "openai:",
            "builtin:x",
            "openai:m@http://u:p@h/",
            "openai:m@http://h/?k=v",
            "openai:m@http://h/#x",
            "openai:m@http://",
            "openai:m@ftp://h/v1",
            "openai:m@127.0.0.1:8080/v1",
            "openai:m@localhost:8080",
        ] {
            assert!(parse_route(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn origins_are_normalised_and_bare() {
        assert_eq!(origin("HTTPS://Example.com:443/").unwrap().0, "https://example.com");
        assert!(origin("https://example.com/v1").is_err());
    }
}
