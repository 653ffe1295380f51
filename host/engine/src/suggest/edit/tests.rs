//! What a change of grants makes of the text of a file, in each of the forms that TOML has for it.

use bailiwick_core::Calls;
use bailiwick_project::Project;
use expect_test::{Expect, expect};

use super::*;

/// The text with what `change` makes of the grants and limits of the agent `a`.
fn edit(text: &str, change: impl Fn(&mut Proposal)) -> String {
    let project = Project::read("bailiwick.toml", text).unwrap();
    let name = Name::new("a").unwrap();
    let agent = &project.agents[&name];
    let mut proposal = Proposal {
        grants: agent.grants.clone(),
        limits: agent.limits.limits,
        rules: vec![true; agent.grants.http.rules.len()],
        lines: Vec::new(),
    };
    change(&mut proposal);
    let one =
        Change { agent: &name, granted: &agent.grants, limits: &agent.limits, proposal: &proposal };
    let text = edited(text, &[one], None).unwrap();
    let again = Project::read("bailiwick.toml", &text).unwrap_or_else(|e| panic!("{e:?}\n{text}"));
    assert_eq!(again.agents[&name].grants, proposal.grants, "{text}");
    assert_eq!(again.agents[&name].limits.limits, proposal.limits, "{text}");
    text
}

/// Only the lines that differ.
fn check(text: &str, change: impl Fn(&mut Proposal), expected: Expect) {
    let text = format!(
        "{text}[models.w]\nroutes = [{{ provider = \"builtin\" }}]\n[models.v]\nroutes = [{{ provider = \"builtin\" }}]\n[knowledge.x]\nfolder = \"x\"\n[knowledge.y]\nfolder = \"y\"\n"
    );
    let after = edit(&text, change);
    let diff = similar::TextDiff::from_lines(&text, &after);
    let diff = diff.unified_diff().context_radius(1).to_string();
    let lines: Vec<_> = diff.lines().filter(|line| !line.starts_with("@@")).collect();
    expected.assert_eq(&format!("{}\n", lines.join("\n")));
}

fn calls(proposal: &mut Proposal) {
    let model = proposal.grants.model.as_mut().unwrap();
    model.aliases.retain(|name| name.as_str() == "w");
    model.calls = Some(Calls(20_000));
}

#[test]
fn a_number_changes_in_its_place_in_every_form() {
    check(
        "# one\n[agents.a] # two\ncomponent = \"a\"\n# three\ngrants.model = { use = [\"v\", \"w\"], calls = 60_000 } # four\n",
        calls,
        expect![[r#"
            "#]],
    );
    check(
        "[agents.a]\ncomponent = \"a\"\n\n[agents.a.grants.model] # two\nuse = [ # three\n  \"v\", # four\n  \"w\",\n]\n# five\n\n",
        calls,
        expect![[r#"
            "#]],
    );
    check(
        "[agents.a]\ncomponent = \"a\"\ngrants.model.use = [\"w\", \"v\"]\nlimits.wall = \"1 min\"\n",
        calls,
        expect![[r#"
            "#]],
    );
    check(
        "[agents.a]\ncomponent = \"a\"\ngrants = { model = { use = [\"w\", \"v\"] }, knowledge = [\"x\"] }\n",
        calls,
        expect![[r#"
            "#]],
    );
}

#[test]
fn what_goes_takes_its_lines_with_it_and_no_comment() {
    let none = |proposal: &mut Proposal| {
        proposal.grants.model = None;
        proposal.grants.knowledge.clear();
    };
    check(
        "[agents.a]\ncomponent = \"a\"\n# why\ngrants.model = { use = [\"w\"] }\ngrants.knowledge = [\n  \"x\",\n  \"y\",\n]\n# end\n",
        none,
        expect![[r#"
            "#]],
    );
    check(
        "[agents.a]\ncomponent = \"a\"\ngrants = { artifacts = {}, model = { use = [\"w\"] }, knowledge = [\"x\"] }\n",
        none,
        expect![[r#"
            "#]],
    );
    check(
        "[agents.a]\ncomponent = \"a\"\n[agents.a.grants]\nknowledge = [\"x\"]\n[agents.a.grants.model]\n# why\nuse = [\"w\"]\n\n",
        none,
        expect![[r#"
            "#]],
    );
}

#[test]
fn rules_become_smaller_or_go() {
    let second = |proposal: &mut Proposal| {
        proposal.rules = vec![false, true];
        proposal.grants.http.rules.remove(0);
        let rule = &mut proposal.grants.http.rules[0];
        rule.methods = [Method::Post].into();
        rule.paths = vec![PathPattern::parse("/b").unwrap()];
        rule.response = Some(Bytes(64 * 1024));
    };
    check(
        "[agents.a]\ncomponent = \"a\"\n# why\n[[agents.a.grants.http]]\nhost = \"x.example.com\"\npaths = [\"/**\"]\n# and why\n[[agents.a.grants.http]]\nhost = \"y.example.com\"\nmethods = [\"GET\", \"POST\"]\npaths = [\"/**\"] # all\n\n",
        second,
        expect![[r#"
            "#]],
    );
    check(
        "[agents.a]\ncomponent = \"a\"\ngrants.http = [\n  { host = \"x.example.com\", paths = [\"/**\"] }, # why\n  { host = \"y.example.com\", methods = [\"GET\", \"POST\"], paths = [\"/**\"] },\n]\n",
        second,
        expect![[r#"
            "#]],
    );
}

#[test]
fn a_writer_becomes_a_reader_where_the_namespace_says_it() {
    let reads = |proposal: &mut Proposal| proposal.grants.kv.as_mut().unwrap().write = false;
    let agents = "[agents.a]\ncomponent = \"a\"\ngrants.kv = { namespace = \"n\" }\n[agents.b]\ncomponent = \"b\"\n";
    for (namespace, after) in [
        ("writers = [\"a\", \"b\"] # both\n", "writers = [\"b\"] # both\nreaders = [\"a\"]\n"),
        (
            "readers = [\"b\"]\nwriters = [\"a\"]\nquota = \"1 MiB\"\n",
            "readers = [\"b\", \"a\"]\nwriters = []\nquota = \"1 MiB\"\n",
        ),
    ] {
        let text = format!("{agents}[kv.n]\n{namespace}");
        assert_eq!(edit(&text, reads), format!("{agents}[kv.n]\n{after}"));
    }
}

#[test]
fn limits_change_in_their_places() {
    let text = "[agents.a]\ncomponent = \"a\"\nlimits = { cpu = \"5 s\", wall = \"10 min\", memory = \"64 MiB\", gate-calls = 900 }\n";
    let after = edit(text, |proposal| {
        proposal.limits.cpu = std::time::Duration::from_millis(200);
        proposal.limits.memory = Bytes::mib(2);
        proposal.limits.gate_calls = 5;
    });
    let limits =
        "limits = { cpu = \"200 ms\", wall = \"10 min\", memory = \"2 MiB\", gate-calls = 5 }\n";
    assert_eq!(after, format!("[agents.a]\ncomponent = \"a\"\n{limits}"));
}
