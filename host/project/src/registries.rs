//! `[sources] registries` of policy.toml: which registries are asked, how, and with which credential. Asks none.

use std::collections::BTreeMap;

use bailiwick_core::Name;
use bailiwick_policy::credential::Place as Put;
use bailiwick_policy::http::Scheme;
use bailiwick_policy::registry::{Place, RegistryRule};
use bailiwick_policy::{Credential, Network, Origin};
use toml::Spanned;

use crate::codes;
use crate::entries::{Entries, as_table};
use crate::findings::Findings;
use crate::nearest::did_you_mean;
use crate::routes::origin;
use crate::web::network;

/// The registries that `sources` lists. One with something wrong in it is told of.
pub(crate) fn registries(
    sources: Entries<'_, '_>,
    credentials: &BTreeMap<Name, Credential>,
    findings: &mut Findings<'_>,
) -> Vec<RegistryRule> {
    let tables = sources.items("registries").filter_map(as_table);
    tables.filter_map(|table| registry(table, credentials, findings)).collect()
}

fn registry(
    table: Entries<'_, '_>,
    credentials: &BTreeMap<Name, Credential>,
    findings: &mut Findings<'_>,
) -> Option<RegistryRule> {
    let text = table.text("at")?;
    let place = match Place::parse(text.get_ref()) {
        Ok(place) => place,
        Err(error) => {
            findings.report(codes::BAD_RULE, text.span(), error.to_string());
            return None;
        }
    };
    let scheme = table.text("scheme").and_then(|word| Scheme::parse(word.get_ref()));
    let scheme = scheme.unwrap_or(Scheme::Https);
    let network = network(table, findings);
    let credential = table.name("credential");
    let [realms, blobs] =
        ["realms", "blobs"].map(|key| origins(table, key, &network, &mut *findings));
    let rule = RegistryRule {
        place,
        scheme,
        network,
        credential: credential.clone().map(Spanned::into_inner),
        realms,
        blobs,
    };
    let own = rule.origin();
    if in_the_clear(&own, &rule.network) {
        let message = format!("components would travel from {own} in the clear");
        let hint = "http is for this machine's loopback, by its address or as `localhost`, with network = \"loopback\"";
        findings.report_with(codes::BAD_RULE, text.span(), message, hint);
    }
    if let Some(name) = credential {
        check_credential(&name, &rule, credentials, findings);
    }
    Some(rule)
}

/// Whether what is sent there can be read, or changed, on its way.
fn in_the_clear(origin: &Origin, network: &Network) -> bool {
    origin.scheme() == "http" && !(origin.is_loopback() && *network == Network::Loopback)
}

fn origins(
    table: Entries<'_, '_>,
    key: &str,
    network: &Network,
    findings: &mut Findings<'_>,
) -> Vec<Origin> {
    let mut found = Vec::new();
    for text in table.texts(key) {
        match origin(text.get_ref()) {
            Ok(origin) if in_the_clear(&origin, network) => {
                let message = format!("`{key}`: what comes from {origin} travels in the clear");
                findings.report(codes::BAD_RULE, text.span(), message);
            }
            Ok(origin) => found.push(origin),
            Err(error) => {
                let message = format!("{:?} is no origin: {error}", text.get_ref());
                let hint = "an origin is scheme, host and port: \"https://auth.example.com\"";
                findings.report_with(codes::BAD_RULE, text.span(), message, hint);
            }
        }
    }
    found
}

/// A credential that exists, goes into a header, and is bound to a place where it is asked for.
fn check_credential(
    name: &Spanned<Name>,
    rule: &RegistryRule,
    credentials: &BTreeMap<Name, Credential>,
    findings: &mut Findings<'_>,
) {
    let own = rule.origin();
    let Some(credential) = credentials.get(name.get_ref()) else {
        let message = format!("there is no credential `{}`", name.get_ref());
        let known = credentials.keys().map(Name::as_str);
        let hint = did_you_mean(name.get_ref().as_str(), known)
            .unwrap_or_else(|| format!("declare it: [credentials.{}]", name.get_ref()));
        findings.report_with(codes::BAD_CREDENTIAL, name.span(), message, hint);
        return;
    };
    let mut asks = std::iter::once(&own).chain(&rule.realms);
    if !asks.any(|origin| credential.is_bound_to(origin)) {
        let message = format!(
            "the credential `{}` goes to {} only, and nobody asks for it there",
            name.get_ref(),
            credential.origin
        );
        let hint =
            "a registry's credential is bound to the registry itself, or to one of its `realms`";
        findings.report_with(codes::BAD_CREDENTIAL, name.span(), message, hint);
    }
    if !matches!(credential.place, Put::Header { .. }) {
        let message = format!("the credential `{}` goes into no header", name.get_ref());
        let hint = "registries take it as authorization, with prefix = \"Basic \" or \"Bearer \"";
        findings.report_with(codes::BAD_CREDENTIAL, name.span(), message, hint);
    }
}
