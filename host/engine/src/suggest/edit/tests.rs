//! What a change of grants makes of the text of a file, in each of the forms that TOML has for it.

use bailiwick_core::Calls;
use bailiwick_project::Project;

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

/// What the file has besides.
const REST: &str = "[models.w]\nroutes = [{ provider = \"builtin\" }]\n[models.v]\nroutes = [{ provider = \"builtin\" }]\n[knowledge.x]\nfolder = \"x\"\n[knowledge.y]\nfolder = \"y\"\n";

fn check(text: &str, change: impl Fn(&mut Proposal), expected: &str) {
    let after = edit(&format!("{text}{REST}"), change);
    assert_eq!(after, format!("{expected}{REST}"));
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
        "# one\n[agents.a] # two\ncomponent = \"a\"\n# three\ngrants.model = { use = [\"w\"], calls = 20_000 } # four\n",
    );
    check(
        "[agents.a]\ncomponent = \"a\"\n\n[agents.a.grants.model] # two\nuse = [ # three\n  \"v\", # four\n  \"w\",\n]\n# five\n\n",
        calls,
        "[agents.a]\ncomponent = \"a\"\n\n[agents.a.grants.model] # two\nuse = [ # three\n  \"w\",\n]\ncalls = 20_000\n# five\n\n",
    );
    check(
        "[agents.a]\ncomponent = \"a\"\ngrants.model.use = [\"w\", \"v\"]\nlimits.wall = \"1 min\"\n",
        calls,
        "[agents.a]\ncomponent = \"a\"\ngrants.model.use = [\"w\"]\ngrants.model.calls = 20_000\nlimits.wall = \"1 min\"\n",
    );
    check(
        "[agents.a]\ncomponent = \"a\"\ngrants = { model = { use = [\"w\", \"v\"] }, knowledge = [\"x\"] }\n",
        calls,
        "[agents.a]\ncomponent = \"a\"\ngrants = { model = { use = [\"w\"], calls = 20_000 }, knowledge = [\"x\"] }\n",
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
        "[agents.a]\ncomponent = \"a\"\n# why\n# end\n",
    );
    check(
        "[agents.a]\ncomponent = \"a\"\ngrants = { artifacts = {}, model = { use = [\"w\"] }, knowledge = [\"x\"] }\n",
        none,
        "[agents.a]\ncomponent = \"a\"\ngrants = { artifacts = {} }\n",
    );
    check(
        "[agents.a]\ncomponent = \"a\"\n[agents.a.grants]\nknowledge = [\"x\"]\n[agents.a.grants.model]\n# why\nuse = [\"w\"]\n\n",
        none,
        "[agents.a]\ncomponent = \"a\"\n[agents.a.grants]\n# why\n\n",
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
        "[agents.a]\ncomponent = \"a\"\n# why\n# and why\n[[agents.a.grants.http]]\nhost = \"y.example.com\"\nmethods = [\"POST\"]\npaths = [\"/b\"] # all\nresponse = \"64 KiB\"\n\n",
    );
    check(
        "[agents.a]\ncomponent = \"a\"\ngrants.http = [\n  { host = \"x.example.com\", paths = [\"/**\"] }, # why\n  { host = \"y.example.com\", methods = [\"GET\", \"POST\"], paths = [\"/**\"] },\n]\n",
        second,
        "[agents.a]\ncomponent = \"a\"\ngrants.http = [\n  { host = \"y.example.com\", methods = [\"POST\"], paths = [\"/b\"], response = \"64 KiB\" },\n]\n",
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
