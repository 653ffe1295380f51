//! `[credentials.NAME]` of policy.toml: where secrets come from and where they may go; and whether grants name them rightly. Reads no secret.

use std::collections::BTreeMap;

use bailiwick_core::{Diagnostic, Name};
use bailiwick_policy::credential::{Place, Source};
use bailiwick_policy::http::Headers;
use bailiwick_policy::{Credential, Policy};
use toml::Spanned;

use crate::codes;
use crate::entries::{Entries, as_table};
use crate::findings::Findings;
use crate::folders::absolute;
use crate::nearest::did_you_mean;
use crate::project::Project;
use crate::routes::origin;

/// All credentials of a policy: those of the model vendors, unless it says otherwise, and
/// its own.
pub(crate) fn credentials(
    root: Entries<'_, '_>,
    findings: &mut Findings<'_>,
) -> BTreeMap<Name, Credential> {
    let mut all = Credential::defaults();
    let Some(tables) = root.table("credentials") else { return all };
    for (name, node) in tables.in_order() {
        let (Ok(name), Some(table)) = (Name::new(name.get_ref()), as_table(node)) else { continue };
        let read = credential(table, findings);
        all.extend(read.map(|credential| (name, credential)));
    }
    all
}

fn credential(table: Entries<'_, '_>, findings: &mut Findings<'_>) -> Option<Credential> {
    let (source, place) = (source(table, findings), place(table, findings));
    let text = table.text("origin")?;
    let origin = match origin(text.get_ref()) {
        Ok(origin) => Some(origin),
        Err(error) => {
            let message = format!("{:?} is no origin: {error}", text.get_ref());
            let hint = "an origin is scheme, host and port: \"https://api.example.com\"";
            findings.report_with(codes::BAD_CREDENTIAL, text.span(), message, hint);
            None
        }
    }?;
    if origin.scheme() == "http" && !origin.is_loopback() {
        let message = format!("a secret would travel to {origin} in the clear");
        let hint = "bind it to an https origin, or to this machine's loopback";
        findings.report_with(codes::BAD_CREDENTIAL, text.span(), message, hint);
    }
    Some(Credential {
        source: source?,
        origin,
        loopback: table.flag("loopback").unwrap_or(false),
        place: place?,
        weak: table.flag("weak").unwrap_or(false),
    })
}

fn source(table: Entries<'_, '_>, findings: &mut Findings<'_>) -> Option<Source> {
    let mut found = Vec::new();
    if let Some(text) = table.text("env") {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
        if !text.get_ref().bytes().all(plain) {
            let message = format!("{:?} is no name of a variable", text.get_ref());
            findings.report(codes::BAD_CREDENTIAL, text.span(), message);
        }
        found.push((text.span(), Source::Env(text.into_inner())));
    }
    if let Some(text) = table.text("file") {
        check_path(&text, findings);
        found.push((text.span(), Source::File(text.into_inner())));
    }
    let words = table.texts("command");
    if let Some(program) = words.first() {
        check_path(program, findings);
        let span = program.span();
        let words = words.into_iter().map(Spanned::into_inner).collect();
        found.push((span, Source::Command(words)));
    }
    let mut found = found.into_iter();
    match (found.next(), found.next()) {
        (Some((_, source)), None) => Some(source),
        (first, _) => {
            let span = first.map(|(span, _)| span).or_else(|| table.key_span("origin"));
            let message = "a credential comes from one of `env`, `file` and `command`";
            findings.report(codes::BAD_CREDENTIAL, span.unwrap_or_default(), message);
            None
        }
    }
}

fn check_path(text: &Spanned<String>, findings: &mut Findings<'_>) {
    if absolute(text.get_ref()).is_none() {
        let message = format!("{:?} is no absolute path without `.` and `..`", text.get_ref());
        findings.report(codes::BAD_CREDENTIAL, text.span(), message);
    }
}

fn place(table: Entries<'_, '_>, findings: &mut Findings<'_>) -> Option<Place> {
    let prefix = table.text("prefix");
    if let Some(prefix) = &prefix
        && !prefix.get_ref().bytes().all(|b| b == b' ' || b.is_ascii_graphic())
    {
        findings.report(codes::BAD_CREDENTIAL, prefix.span(), "a prefix is printable ASCII");
    }
    let (header, query) = (table.text("header"), table.text("query"));
    if let Some(sign) = table.text("sign") {
        if header.is_some() || query.is_some() || prefix.is_some() {
            let message = "a credential that signs has its own headers: leave `header`, `prefix` and `query` out";
            findings.report(codes::BAD_CREDENTIAL, sign.span(), message);
        }
        return Some(Place::Signature);
    }
    if let (Some(_), Some(query)) = (&header, &query) {
        let message = "a credential goes into a header or into the query, not into both";
        findings.report(codes::BAD_CREDENTIAL, query.span(), message);
        return None;
    }
    if let Some(query) = query {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._".contains(&b);
        if !query.get_ref().bytes().all(plain) {
            let message = "a parameter's name has letters, digits, `-`, `.` and `_`";
            findings.report(codes::BAD_CREDENTIAL, query.span(), message);
        }
        if let Some(prefix) = &prefix {
            let message = "a `prefix` stands before a secret in a header, and `query` puts it into the query: leave `prefix` out";
            findings.report(codes::BAD_CREDENTIAL, prefix.span(), message);
        }
        return Some(Place::Query(query.into_inner()));
    }
    let name = match &header {
        None => "authorization".to_owned(),
        Some(text) => match Headers::name(text.get_ref()) {
            Ok(name) => name,
            Err(error) => {
                findings.report(codes::BAD_CREDENTIAL, text.span(), error.to_string());
                return None;
            }
        },
    };
    let usual = if name == "authorization" { "Bearer " } else { "" };
    let prefix = prefix.map_or_else(|| usual.to_owned(), Spanned::into_inner);
    Some(Place::Header { name, prefix })
}

impl Project {
    /// Grants whose credential does not exist, or does not belong to their host: errors.
    #[must_use]
    pub fn misplaced_credentials(&self, policy: &Policy) -> Vec<Diagnostic> {
        let mut found = Vec::new();
        for (name, agent) in &self.agents {
            for rule in &agent.grants.http.rules {
                let Some(wanted) = &rule.credential else { continue };
                let (message, hint) = match policy.credentials.get(wanted) {
                    Some(credential) if credential.fits(rule) && credential.signs(rule) => continue,
                    Some(credential) if credential.fits(rule) => (
                        format!(
                            "`{name}` is granted the credential `{wanted}`, which signs bodies, for methods that have none"
                        ),
                        "a rule whose credential signs has methods with a body: methods = [\"POST\"]"
                            .to_owned(),
                    ),
                    Some(credential) => (
                        format!(
                            "`{name}` is granted the credential `{wanted}` for {}, and it goes to {} only",
                            rule.host, credential.origin
                        ),
                        "a rule with a credential names exactly the host and port that the credential is bound to in policy.toml".to_owned(),
                    ),
                    None => {
                        let known = policy.credentials.keys().map(Name::as_str);
                        let declare = || {
                            format!("the admin declares it as [credentials.{wanted}] in policy.toml")
                        };
                        (
                            format!("there is no credential `{wanted}`"),
                            did_you_mean(wanted.as_str(), known).unwrap_or_else(declare),
                        )
                    }
                };
                found.push(
                    Diagnostic::error(codes::BAD_CREDENTIAL, message)
                        .at(agent.place_of("grants.http").clone())
                        .hint(hint),
                );
            }
        }
        found
    }
}
