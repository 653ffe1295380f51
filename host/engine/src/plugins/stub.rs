//! What `add` writes into bailiwick.toml: the agent, and what its author asks for as comments, so that granting is taking a `#` away.

use bailiwick_core::Name;
use bailiwick_core::text::{Lines, visible};
use bailiwick_project::grant_line;
use toml_edit::{DocumentMut, Item, Value, value};

use super::candidate::Candidate;
use crate::components::wanted;

/// The text of a `bailiwick.toml` with this agent at its end, which has no power yet.
pub(super) fn with_agent(text: &str, name: &Name, candidate: &Candidate) -> String {
    let profile = &candidate.embedded.profile;
    let by = match &candidate.signed {
        Some(signed) => format!("signed with key {} on {}", signed.key, signed.statement.date),
        None => "unsigned".to_owned(),
    };
    let mut stub = format!("[agents.{name}]\n");
    stub.push_str(&remark(&format!(
        "{} {}, {by}: {}",
        candidate.identity, profile.version, profile.summary
    )));
    let reasons = reasons(candidate);
    if !reasons.is_empty() {
        stub.push_str(
            "# It asks for what follows, and has none of it: to grant a line, take its `#` away.\n",
        );
    }
    for (power, reason) in reasons {
        let names = wanted(&candidate.embedded, power);
        stub.push_str(&remark(&format!("  {power}: {reason}")));
        if let Some(line) = grant_line(power, &names) {
            stub.push_str(&format!("# {line}\n"));
        }
    }
    // The remarks stand above it, so that they go with the table when somebody removes it.
    stub.push_str(&format!("component = {}\n", Value::from(candidate.source.as_str())));
    let gap = match text {
        "" => "",
        text if text.ends_with('\n') => "\n",
        _ => "\n\n",
    };
    format!("{text}{gap}{stub}")
}

/// The same text without an agent, whose name stands at this byte; nothing where it cannot be
/// taken out without touching what stands around it.
pub(super) fn without_agent(text: &str, name: &Name, at: usize) -> Option<String> {
    let mut file: DocumentMut = text.parse().ok()?;
    let gone = file.get_mut("agents")?.as_table_like_mut()?.remove(name.as_str())?;
    let left = file.to_string();
    // What stands above a table is printed with it: remarks right above go along, those with
    // an empty line between are about something else.
    let above = gone.as_table().and_then(|table| table.decor().prefix()?.as_str());
    let kept = above.and_then(|above| above.get(..above.rfind("\n\n")? + 1));
    let (Some(above), Some(kept)) = (above, kept) else { return Some(left) };
    let line = text.get(..at)?.rfind('\n').map_or(0, |end| end + 1);
    let start = line.checked_sub(above.len())?;
    let (before, after) = left.split_at_checked(start)?;
    (text.get(..start)? == before).then(|| format!("{before}{kept}{after}"))
}

/// The same text with another component of an agent.
pub(super) fn with_component(text: &str, name: &Name, source: &str) -> Option<String> {
    let mut file: DocumentMut = text.parse().ok()?;
    let agent = file.get_mut("agents")?.as_table_like_mut()?.get_mut(name.as_str())?;
    let component = agent.as_table_like_mut()?.get_mut("component")?;
    let decor = component.as_value().map(|old| old.decor().clone());
    let mut new = value(source);
    if let (Item::Value(new), Some(decor)) = (&mut new, decor) {
        *new.decor_mut() = decor;
    }
    *component = new;
    Some(file.to_string())
}

/// Each power that is wanted, and what for, in the author's words.
fn reasons(candidate: &Candidate) -> Vec<(&'static str, &str)> {
    let wants = &candidate.embedded.wants;
    let names = [
        ("model", wants.model.as_ref()),
        ("knowledge", wants.knowledge.as_ref()),
        ("delegate", wants.delegate.as_ref()),
    ];
    let names = names.into_iter().filter_map(|(power, want)| Some((power, &*want?.reason)));
    let others = [
        wants.artifacts.as_ref().map(|want| ("artifacts", &*want.reason)),
        wants.http.as_ref().map(|want| ("http", &*want.reason)),
        wants.kv.as_ref().map(|want| ("kv", &*want.reason)),
    ];
    names.chain(others.into_iter().flatten()).collect()
}

/// One line of comment, whatever its author wrote: a second line would be TOML.
fn remark(text: &str) -> String {
    format!("# {}\n", visible(text, Lines::Escape))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "# ours\n[agents.a]   # one\ncomponent  =  \"a.wasm\"  # here\n\n[agents.b]\n# about b\n# grants.model = { use = [\"writer\"] }\ncomponent = \"b.wasm\"\n\n[models.writer]\nroutes = [ { provider = \"builtin\" } ]\n";

    #[test]
    fn an_agent_goes_with_its_remarks_and_nothing_else_moves() {
        let b = Name::new("b").unwrap();
        let at = FILE.find("agents.b").unwrap();
        let left = without_agent(FILE, &b, at).unwrap();
        let without = FILE.replace(
            "\n[agents.b]\n# about b\n# grants.model = { use = [\"writer\"] }\ncomponent = \"b.wasm\"\n",
            "",
        );
        assert_eq!(left, without);
        assert!(without_agent(FILE, &Name::new("c").unwrap(), at).is_none());
    }

    #[test]
    fn remarks_about_something_else_stay() {
        let a = Name::new("a").unwrap();
        let table = "[agents.a]\ncomponent = \"a.wasm\"\n";
        for (text, left) in [
            (format!("# ours\n\n{table}"), "# ours\n"),
            (format!("# about a\n{table}"), ""),
            (format!("# ours\n\n# about a\n{table}\n[kv.b]\n"), "# ours\n\n[kv.b]\n"),
            (format!("[kv.b]\n\n# rest\n\n{table}[kv.c]\n"), "[kv.b]\n\n# rest\n[kv.c]\n"),
            (format!("[kv.b]\n\n{table}\n[kv.c]\n"), "[kv.b]\n\n[kv.c]\n"),
        ] {
            let at = text.find("agents.a").unwrap();
            assert_eq!(without_agent(&text, &a, at).unwrap(), left, "{text}");
        }
    }

    #[test]
    fn another_component_leaves_the_layout() {
        let a = Name::new("a").unwrap();
        let changed = with_component(FILE, &a, "new.wasm").unwrap();
        assert_eq!(changed, FILE.replace("\"a.wasm\"", "\"new.wasm\""));
    }
}
