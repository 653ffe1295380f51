//! What labels and origin say of hosts of the web and of namespaces: where what is known may go, and what outsiders may steer.

use std::collections::BTreeMap;

use bailiwick_policy::Policy;
use bailiwick_policy::intersect::Resources;

use super::*;
use crate::pipeline::Surroundings;
use crate::policy_file::read_policy;
use crate::project::Project;

/// Reads what others wrote, and does nothing else.
const READER: &str = "[agents.reader]\ncomponent = \"a\"\ngrants.knowledge = [\"metrics\"]\n\
    [knowledge.metrics]\nfolder = \"m\"\ntrust = \"outside\"\n";
const STEERED: &str = "[step.first]\nagent = \"reader\"\n\
    [step.last]\nagent = \"a\"\ninput = { x = \"${first}\" }\n";
const ALONE: &str = "[step.last]\nagent = \"a\"\n";
const POST: &str = "host = \"hooks.example.com\", methods = [\"POST\"], paths = [\"/x\"]";
const GET: &str = "host = \"hooks.example.com\", paths = [\"/**\"]";

/// What is said of a pipeline whose agent `a` has these lines.
fn told(policy: &str, lines: &str, pipeline: &str) -> Vec<String> {
    let text = format!("{READER}[agents.a]\ncomponent = \"a\"\n{lines}\n");
    let project = Project::read("bailiwick.toml", &text).unwrap();
    let policy = match policy {
        "" => Policy::built_in(),
        text => read_policy("policy.toml", text).unwrap(),
    };
    let resources = Resources::default();
    let schema_text = |_: &str| Err(String::new());
    let surroundings =
        Surroundings { project: &project, policy: &policy, schema_text: &schema_text };
    let name = Name::new("p").unwrap();
    let plan = Plan::read(&name, "pipelines/p.toml", pipeline, &surroundings).unwrap();
    let stood = BTreeMap::new();
    let around = Around {
        project: &project,
        policy: &policy,
        resources: &resources,
        input: None,
        stood: &stood,
    };
    let flow = Flow::of(&plan, &around);
    flow.problems.iter().map(|found| format!("{} {}", found.code, found.message)).collect()
}

fn web(rules: &[String]) -> String {
    let rules: Vec<_> = rules.iter().map(|rule| format!("{{ {rule} }}")).collect();
    format!("grants.http = [{}]", rules.join(", "))
}

#[test]
fn outside_content_may_not_steer_what_changes_things() {
    let post = web(&[POST.to_owned()]);
    assert_eq!(
        told("", &post, STEERED),
        [
            "E093 `last` reads what comes from outside (what `first` releases), and may change things: POST https://hooks.example.com"
        ]
    );
    let accepted = web(&[format!("{POST}, even-if = \"outside\"")]);
    assert_eq!(told("", &accepted, STEERED), Vec::<String>::new());
    let asked = web(&[GET.to_owned()]);
    assert_eq!(told("", &asked, STEERED), Vec::<String>::new(), "GET changes nothing");
}

#[test]
fn a_host_may_be_told_what_it_answered_itself() {
    let one = web(&[GET.to_owned(), POST.to_owned()]);
    assert_eq!(told("", &one, ALONE), Vec::<String>::new());
    for other in ["other.example.com", "*.example.com"] {
        let asked = format!("host = {other:?}, paths = [\"/**\"]");
        let said = told("", &web(&[POST.to_owned(), asked]), ALONE);
        assert_eq!(said.len(), 1, "{said:?}");
        assert!(said[0].contains(other), "{said:?}");
    }
    let wide = POST.replace("hooks.", "*.");
    assert_eq!(told("", &web(&[wide]), ALONE).len(), 1, "a pattern is no single host");
    let plain = format!("scheme = \"http\", {GET}");
    assert_eq!(told("", &web(&[POST.to_owned(), plain]), ALONE).len(), 1);
}

#[test]
fn a_namespace_may_not_be_steered_from_outside_and_says_where_it_may() {
    let kv = |more: &str| {
        format!("grants.kv = {{ namespace = \"notes\"{more} }}\n[kv.notes]\nwriters = [\"a\"]")
    };
    assert_eq!(told("", &kv(""), ALONE), Vec::<String>::new());
    assert_eq!(
        told("", &kv(""), STEERED),
        [
            "E093 `last` reads what comes from outside (what `first` releases), and may change things: what the namespace `notes` holds"
        ]
    );
    assert_eq!(told("", &kv(", even-if = \"outside\""), STEERED), Vec::<String>::new());
    // What is in it by then may be anybody's, also for who reads nothing else.
    let both = format!(
        "{}\n[agents.b]\ncomponent = \"b\"\ngrants.kv = {{ namespace = \"notes\" }}",
        kv(", even-if = \"outside\"").replace("[\"a\"]", "[\"a\", \"b\"]")
    );
    let said = told("", &both, "[step.last]\nagent = \"b\"\n");
    assert_eq!(
        said,
        [
            "E093 `last` reads what comes from outside (the namespace `notes`), and may change things: what the namespace `notes` holds"
        ]
    );
}

#[test]
fn what_a_step_may_know_goes_to_hosts_and_namespaces_that_are_cleared_for_it() {
    let policy =
        |origins: &str| format!("labels = {{ unlabelled = \"public\" }}\n[origins]\n{origins}\n");
    let known = "[knowledge.brand]\nfolder = \"b\"\nlabel = \"internal\"\n";
    let reads = |lines: &str| format!("grants.knowledge = [\"brand\"]\n{lines}\n{known}");
    let asks = reads(&web(&[GET.to_owned()]));
    assert_eq!(
        told(&policy(""), &asks, ALONE),
        [
            "E092 `last` may know what is internal (the collection `brand`), and may send it to https://hooks.example.com, which is cleared for public"
        ]
    );
    let cleared = "\"https://hooks.example.com\" = { clearance = \"internal\" }";
    assert_eq!(told(&policy(cleared), &asks, ALONE), Vec::<String>::new());
    let wide = reads(&web(&[GET.replace("hooks.", "*.")]));
    let said = told(&policy(cleared), &wide, ALONE);
    assert_eq!(said.len(), 1, "below a pattern there are others: {said:?}");

    let notes = "grants.kv = { namespace = \"notes\" }\n[kv.notes]\n";
    let writes = reads(&format!("{notes}writers = [\"a\"]"));
    assert_eq!(
        told(&policy(""), &writes, ALONE),
        [
            "E092 `last` may know what is internal (the collection `brand`), and may send it to the namespace `notes`, which is cleared for public"
        ]
    );
    let labelled = reads(&format!("{notes}writers = [\"a\"]\nlabel = \"internal\""));
    assert_eq!(told(&policy(""), &labelled, ALONE), Vec::<String>::new());
    let readers = reads(&format!("{notes}readers = [\"a\"]"));
    assert_eq!(told(&policy(""), &readers, ALONE), Vec::<String>::new(), "it writes nothing");
}

/// Who reads a namespace knows its label, and answers have the label of their host.
#[test]
fn what_comes_from_hosts_and_namespaces_keeps_its_label() {
    let policy = "labels = { unlabelled = \"public\" }\n[origins]\n\
        \"https://hooks.example.com\" = { clearance = \"internal\" }\n";
    let other = "host = \"other.example.com\", paths = [\"/**\"]".to_owned();
    let said = told(policy, &web(&[GET.to_owned(), other.clone()]), ALONE);
    assert_eq!(
        said,
        [
            "E092 `last` may know what is internal (the answers of https://hooks.example.com), and may send it to https://other.example.com, which is cleared for public"
        ]
    );
    let kv = format!(
        "grants.kv = {{ namespace = \"notes\" }}\n{}\n[kv.notes]\nreaders = [\"a\"]\nlabel = \"internal\"",
        web(&[other])
    );
    assert_eq!(
        told(policy, &kv, ALONE),
        [
            "E092 `last` may know what is internal (the namespace `notes`), and may send it to https://other.example.com, which is cleared for public"
        ]
    );
}

#[test]
fn who_calls_knows_sends_and_changes_what_those_do_whom_it_calls() {
    let calls = |grant: &str, lines: &str| {
        format!(
            "grants.delegate = {grant}\n[agents.b]\ncomponent = \"b\"\ngrants.delegate = [\"c\"]\n\
             [agents.c]\ncomponent = \"c\"\n{lines}"
        )
    };
    // A change two calls away is steered by what the caller reads.
    let post = web(&[POST.to_owned()]);
    let said = "E093 `last` reads what comes from outside (what `first` releases), and may change things: by way of `c`: POST https://hooks.example.com";
    assert_eq!(told("", &calls("[\"b\"]", &post), ALONE), Vec::<String>::new());
    assert_eq!(told("", &calls("[\"b\"]", &post), STEERED), [said]);
    let accepts = web(&[format!("{POST}, even-if = \"outside\"")]);
    let whole = "{ use = [\"b\"], even-if = \"outside\" }";
    assert_eq!(told("", &calls(whole, &accepts), STEERED), [said], "`b` does not accept it");
    let all = calls(whole, &accepts).replace("[\"c\"]", "{ use = [\"c\"], even-if = \"outside\" }");
    assert_eq!(told("", &all, STEERED), Vec::<String>::new());
    // What one may read, another two calls away must be cleared for.
    let policy = "labels = { unlabelled = \"public\" }\n";
    let known = "[knowledge.brand]\nfolder = \"b\"\nlabel = \"internal\"\n";
    let sends = format!("{}\n{known}", web(&[GET.to_owned()]));
    let reads = format!("grants.knowledge = [\"brand\"]\n{}", calls("[\"b\"]", &sends));
    let said = "E092 `last` may know what is internal (the collection `brand`), and may send it to https://hooks.example.com, which is cleared for public";
    assert_eq!(told(policy, &reads, ALONE), [said]);
    // And the other way round: what the one that is called knows, its caller may say.
    let asks = format!(
        "{}\n{}",
        web(&[GET.to_owned()]),
        calls("[\"b\"]", &format!("grants.knowledge = [\"brand\"]\n{known}"))
    );
    assert_eq!(told(policy, &asks, ALONE), [said]);
}
