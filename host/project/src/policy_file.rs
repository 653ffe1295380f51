//! `policy.toml`: the ceiling and the people of a host. What a rule does not name it does not allow.

use std::collections::BTreeMap;

use bailiwick_core::Diagnostic;
use bailiwick_policy::budget::Stated;
use bailiwick_policy::ceiling::{
    ArtifactsCeiling, DelegateCeiling, FolderCeiling, KvCeiling, ModelCeiling, Pattern,
};
use bailiwick_policy::{Budget, Ceiling, LabelOrder, Origins, People, Person, Policy, Right};
use toml::Spanned;

use crate::codes;
use crate::credentials::credentials;
use crate::entries::{Entries, as_table};
use crate::findings::{Findings, shown};
use crate::folders::absolute;
use crate::keys::{self, FileKind};
use crate::label_rules as labels;
use crate::limits::requested_limits;
use crate::publishers::publishers;
use crate::registries::registries;
use crate::routes::origin;
use crate::web::{Side, rules};

/// Reads `policy.toml`.
///
/// A file without `[people]` names nobody, and one without `[ceiling]` allows nothing:
/// the generous built-in policy holds only where there is no file at all.
///
/// # Errors
/// Everything that is wrong with it, by place.
pub fn read_policy(file: &str, text: &str) -> Result<Policy, Vec<Diagnostic>> {
    let mut findings = Findings::new(file, text);
    let policy = keys::checked(FileKind::Policy.keys(), &mut findings).map(|table| {
        let root = Entries(table.get_ref());
        let sources = root.table("sources");
        let labels = labels::rules(root, &mut findings);
        let credentials = credentials(root, &mut findings);
        let rules = sources.map(|sources| registries(sources, &credentials, &mut findings));
        Policy {
            source_roots: sources.and_then(|sources| roots(sources, &mut findings)),
            publishers: Some(publishers(root, &mut findings)),
            registries: rules.unwrap_or_default(),
            ceilings: ceilings(root, &mut findings),
            per_day: root.table("per-day").map_or(Budget::NONE, |day| findings.budget(day)),
            people: People::Named(people(root, &labels.order, &mut findings)),
            credentials,
            tls_roots: tls_roots(root, &mut findings),
            group: root.table("host").and_then(|host| host.text("group")).map(Spanned::into_inner),
            currency: findings
                .stated()
                .map(|(currency, place)| Stated { currency, at: shown(&place) }),
            labels,
        }
    });
    findings.or(policy)
}

/// Files with roots of TLS, by the folder of the projects that trust them.
fn tls_roots(root: Entries<'_, '_>, findings: &mut Findings<'_>) -> BTreeMap<String, Vec<String>> {
    let mut all = BTreeMap::new();
    let Some(tables) = root.table("tls") else { return all };
    for (folder, node) in tables.in_order() {
        let Some(table) = as_table(node) else { continue };
        let files = roots(table, findings).unwrap_or_default();
        match absolute(folder.get_ref()) {
            Some(folder) => _ = all.insert(folder, files),
            None => {
                let message = format!("{:?} is no absolute folder", folder.get_ref());
                let hint = "name the folder below which the projects lie; `/` is all of them";
                findings.report_with(codes::BAD_FOLDER, folder.span(), message, hint);
            }
        }
    }
    all
}

fn people(
    root: Entries<'_, '_>,
    order: &LabelOrder,
    findings: &mut Findings<'_>,
) -> BTreeMap<String, Person> {
    let mut people: BTreeMap<String, Person> = BTreeMap::new();
    let Some(tables) = root.table("people") else { return people };
    for (name, node) in tables.in_order() {
        let Some(table) = as_table(node) else { continue };
        let Some(uid) = table.whole::<u32>("uid") else { continue };
        if let Some((other, _)) = people.iter().find(|(_, person)| person.uid == uid) {
            let message = format!(
                "`{}` and `{other}` have one uid: the host could not tell them apart",
                name.get_ref()
            );
            findings.report(codes::DUPLICATE, name.span(), message);
        }
        if People::is_reserved(name.get_ref()) {
            let message =
                format!("`{}` is what facts call somebody who is no person", name.get_ref());
            let hint = "take another name: it will stand in the journal beside each decision";
            findings.report_with(codes::WRONG_VALUE, name.span(), message, hint);
        }
        let groups = table.texts("groups").into_iter().map(Spanned::into_inner).collect();
        let may = table.texts("may");
        let may = may.iter().filter_map(|word| Right::from_word(word.get_ref())).collect();
        let clearance = labels::label(table, "clearance", order, findings);
        let person = Person { uid, groups, may, clearance };
        people.insert(name.get_ref().to_string(), person);
    }
    people
}

fn ceilings(root: Entries<'_, '_>, findings: &mut Findings<'_>) -> Vec<(Pattern, Ceiling)> {
    let mut rules = Vec::new();
    let Some(tables) = root.table("ceiling") else { return rules };
    for (name, node) in tables.in_order() {
        let Some(table) = as_table(node) else { continue };
        let ceiling = ceiling(table, findings);
        match Pattern::parse(name.get_ref()) {
            Ok(pattern) => rules.push((pattern, ceiling)),
            Err(error) => {
                let hint = "write [ceiling.\"local/*\"]";
                findings.report_with(codes::WRONG_VALUE, name.span(), error.to_string(), hint);
            }
        }
    }
    rules
}

fn ceiling(table: Entries<'_, '_>, findings: &mut Findings<'_>) -> Ceiling {
    let mut ceiling = Ceiling::nothing();
    if let Some(model) = table.table("model") {
        let budget = findings.budget(model);
        ceiling.model = Some(ModelCeiling {
            calls: budget.calls,
            tokens: budget.tokens,
            money: budget.money,
            origins: origins(model, findings),
        });
    }
    let mut folders = |key: &str| {
        table.table(key).map(|folders| FolderCeiling { roots: roots(folders, findings) })
    };
    ceiling.knowledge = folders("knowledge");
    ceiling.assets = folders("assets");
    ceiling.artifacts =
        table.table("artifacts").map(|artifacts| ArtifactsCeiling { put: artifacts.size("put") });
    ceiling.http = rules(table, Side::Ceiling, findings);
    ceiling.kv = table
        .table("kv")
        .map(|kv| KvCeiling { quota: kv.size("quota"), write: kv.flag("write").unwrap_or(true) });
    ceiling.delegate = delegate(table, findings);
    if let Some(limits) = table.table("limits") {
        ceiling.limits = requested_limits(limits, findings).limits;
    }
    ceiling
}

fn delegate(table: Entries<'_, '_>, findings: &mut Findings<'_>) -> Option<DelegateCeiling> {
    table.node("delegate")?;
    if let Some(any) = table.flag("delegate") {
        return any.then_some(DelegateCeiling::Any);
    }
    let mut profiles = Vec::new();
    for text in table.texts("delegate") {
        match Pattern::parse(text.get_ref()) {
            Ok(pattern) => profiles.push(pattern),
            Err(error) => {
                let hint = "write delegate = [\"local/fact_finder\"]";
                findings.report_with(codes::WRONG_VALUE, text.span(), error.to_string(), hint);
            }
        }
    }
    Some(DelegateCeiling::Profiles(profiles))
}

fn origins(model: Entries<'_, '_>, findings: &mut Findings<'_>) -> Origins {
    if model.node("origins").is_none() {
        return Origins::PublicHttpsOrLoopback;
    }
    let mut listed = Vec::new();
    for text in model.texts("origins") {
        match origin(text.get_ref()) {
            Ok(origin) => listed.push(origin),
            Err(error) => {
                let message = format!("{:?} is no origin: {error}", text.get_ref());
                let hint = "an origin is scheme, host and port: \"https://api.example.com\"";
                findings.report_with(codes::BAD_ROUTE, text.span(), message, hint);
            }
        }
    }
    Origins::Listed(listed)
}

/// The roots of a table; nothing where it does not say any.
fn roots(table: Entries<'_, '_>, findings: &mut Findings<'_>) -> Option<Vec<String>> {
    table.node("roots")?;
    let mut found = Vec::new();
    for root in table.texts("roots") {
        match absolute(root.get_ref()) {
            Some(path) => found.push(path),
            None => {
                let message =
                    format!("{:?} is no absolute folder without `.` and `..`", root.get_ref());
                findings.report(codes::BAD_FOLDER, root.span(), message);
            }
        }
    }
    Some(found)
}
