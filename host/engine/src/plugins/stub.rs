//! What `add` writes into bailiwick.toml: the agent, and what its author asks for as comments, so that granting is taking a `#` away.

use bailiwick_builder::Embedded;
use bailiwick_core::Name;
use bailiwick_core::text::{Lines, visible};
use bailiwick_project::grant_line;
use toml_edit::{DocumentMut, Item, Value, value};

use super::candidate::Candidate;
use crate::components::wanted;

/// The text of a `bailiwick.toml` with this agent at its end, which has no power yet.
pub(super) fn with_agent(text: &str, name: &Name, candidate: &Candidate) -> String {
    let mut stub = format!("[agents.{name}]\n{}", about(candidate));
    let wants = reasons(candidate);
    if !wants.is_empty() {
        stub.push_str(
            "# It asks for what follows, and has none of it: to grant a line, take its `#` away.\n",
        );
    }
    for (power, reason) in wants {
        stub.push_str(&remark(&format!("  {power}: {reason}")));
        if let Some(line) = line(power, name, &candidate.embedded) {
            stub.push_str(&format!("# {line}\n"));
        }
    }
    // The remarks stand above it, so that they go with the table when somebody removes it.
    stub.push_str(&format!("component = {}\n", Value::from(candidate.source.as_str())));
    // As its lines end already.
    let (stub, end) = match text.contains("\r\n") {
        true => (stub.replace('\n', "\r\n"), "\r\n"),
        false => (stub, "\n"),
    };
    let gap = match text {
        "" => String::new(),
        text if text.ends_with('\n') => end.to_owned(),
        _ => end.repeat(2),
    };
    format!("{text}{gap}{stub}")
}

/// Who it is, in one line.
fn about(candidate: &Candidate) -> String {
    let profile = &candidate.embedded.profile;
    let by = match &candidate.signed {
        Some(signed) => format!("signed with key {} on {}", signed.key, signed.statement.date),
        None => "unsigned".to_owned(),
    };
    remark(&format!("{} {}, {by}: {}", candidate.identity, profile.version, profile.summary))
}

/// The line that grants what is wanted of a power, and no more than that.
fn line(power: &str, name: &Name, embedded: &Embedded) -> Option<String> {
    let wants = &embedded.wants;
    match power {
        "artifacts" => Some(match wants.artifacts.as_ref()?.put {
            Some(put) => format!("grants.artifacts = {{ put = \"{put}\" }}"),
            None => "grants.artifacts = {}".to_owned(),
        }),
        "kv" => {
            let side = if wants.kv.as_ref()?.write { "writers" } else { "readers" };
            Some(format!(
                "grants.kv = {{ namespace = \"{name}\" }}  # besides it takes a table [kv.{name}] with {side} = [\"{name}\"]"
            ))
        }
        _ => grant_line(power, &wanted(embedded, power)),
    }
}

/// The same text without an agent, whose name stands at this byte; nothing where it cannot be
/// taken out without touching what stands around it.
pub(super) fn without_agent(text: &str, name: &Name, at: usize) -> Option<String> {
    let returns = text.get(..at)?.matches("\r\n").count();
    with_its_ends(text, |text| without(text, name, at - returns))
}

/// A change of a text whose lines may end in two bytes, made by who knows one.
fn with_its_ends(text: &str, change: impl FnOnce(&str) -> Option<String>) -> Option<String> {
    match text.contains("\r\n") {
        true => Some(change(&text.replace("\r\n", "\n"))?.replace('\n', "\r\n")),
        false => change(text),
    }
}

fn without(text: &str, name: &Name, at: usize) -> Option<String> {
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

/// The same text with another component of an agent. The line that said who the one before
/// was says who this one is, where it is still there; what somebody granted stays.
pub(super) fn with_component(
    text: &str,
    name: &Name,
    (source, candidate): (&str, &Candidate),
) -> Option<String> {
    with_its_ends(text, |text| {
        Some(said_anew(with_source(text, name, source)?, name, &about(candidate)))
    })
}

/// With this line in the place of the one that said who it was.
fn said_anew(text: String, name: &Name, about: &str) -> String {
    let header = format!("[agents.{name}]");
    let said = text.lines().skip_while(|line| line.trim() != header).nth(1);
    // Exactly the form in which `add` writes it.
    let said = said.filter(|line| {
        let rest = line.trim_end().strip_prefix("# ");
        rest.is_some_and(|rest| {
            rest.contains(", unsigned: ") || rest.contains(", signed with key ")
        })
    });
    match said.map(|said| format!("{header}\n{said}\n")) {
        Some(said) => text.replacen(&said, &format!("{header}\n{about}"), 1),
        None => text,
    }
}

fn with_source(text: &str, name: &Name, source: &str) -> Option<String> {
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
    fn lines_end_as_they_did() {
        let text =
            "# keep me\r\n\r\n# about a\r\n[agents.a]\r\ncomponent = \"a.wasm\"\r\n\r\n[kv.b]\r\n";
        let (a, at) = (Name::new("a").unwrap(), text.find("agents.a").unwrap());
        assert_eq!(without_agent(text, &a, at).unwrap(), "# keep me\r\n\r\n[kv.b]\r\n");
        let other = with_its_ends(text, |text| with_source(text, &a, "b.wasm")).unwrap();
        assert_eq!(other, text.replace("a.wasm", "b.wasm"));
    }

    #[test]
    fn who_it_is_is_said_anew_and_what_was_granted_stays() {
        let a = Name::new("a").unwrap();
        let said = |about: &str| format!("[agents.a]\n# {about}\ngrants.assets = [\"x\"]\n");
        let (was, is) = ("globex/a 1.0.0, unsigned: Old", "acme/a 2.0.0, unsigned: New");
        assert_eq!(said_anew(said(was), &a, &remark(is)), said(is));
        // What somebody wrote there is somebody's.
        assert_eq!(said_anew(said("ours"), &a, &remark(is)), said("ours"));
    }

    #[test]
    fn another_component_leaves_the_layout() {
        let a = Name::new("a").unwrap();
        let changed = with_source(FILE, &a, "new.wasm").unwrap();
        assert_eq!(changed, FILE.replace("\"a.wasm\"", "\"new.wasm\""));
    }
}
