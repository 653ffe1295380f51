//! `input` of a pipeline: a schema beside it, or its inline form.

use bailiwick_core::schema::Schema;
use toml::de::DeValue;

use super::Surroundings;
use crate::codes;
use crate::entries::Entries;
use crate::fields::inline_schema;
use crate::findings::Findings;
use crate::folders::inside;

/// The schema of the run's input, where the pipeline has one.
pub(super) fn schema(
    root: Entries<'_, '_>,
    surroundings: &Surroundings<'_>,
    findings: &mut Findings<'_>,
) -> Option<Schema> {
    let node = root.node("input")?;
    let admitted = match node.get_ref() {
        DeValue::Table(_) => Schema::admit(inline_schema(node, findings)?),
        DeValue::String(path) => {
            let base = findings.file.rsplit_once('/').map_or("", |(folder, _)| folder);
            let Some(inner) = inside(base, path) else {
                let message = format!("{path:?} is no path inside the project");
                let hint = "write it relative to this file";
                findings.report_with(codes::SCHEMA_UNREADABLE, node.span(), message, hint);
                return None;
            };
            match (surroundings.schema_text)(&inner) {
                Ok(text) => Schema::parse(&text),
                Err(reason) => {
                    let message = format!("the schema {inner} cannot be read: {reason}");
                    findings.report(codes::SCHEMA_UNREADABLE, node.span(), message);
                    return None;
                }
            }
        }
        _ => return None,
    };
    match admitted {
        Ok(schema) => Some(schema),
        Err(refused) => {
            findings.report(codes::SCHEMA_REFUSED, node.span(), refused.to_string());
            None
        }
    }
}
