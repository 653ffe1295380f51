//! Every key of the files of people: which row of the matrix runs into it, which test does where no guest can, or why it restricts nobody.

use bailiwick_project::{FileKind, key_paths};

use super::rows;

/// What stands for a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// These rows run into it.
    Rows(Vec<&'static str>),
    /// It restricts people, or what no attempt of seconds can show: this test does.
    Test(&'static str),
    /// It restricts nobody: it says this.
    Says(&'static str),
}

/// The files in which something is restricted.
pub const FILES: [FileKind; 3] = [FileKind::Project, FileKind::Pipeline, FileKind::Policy];

/// Keys that restrict people, or what no attempt of a guest shows, with a test of each.
const TESTED: &[(&str, &str)] = &[
    ("project models.*.routes.price.image", "pictures_are_charged_by_the_piece"),
    ("project agents.*.grants.delegate", "what_is_not_granted_is_not_called"),
    ("project agents.*.grants.delegate.use", "what_is_not_granted_is_not_called"),
    (
        "project agents.*.grants.delegate.even-if",
        "who_calls_knows_sends_and_changes_what_those_do_whom_it_calls",
    ),
    (
        "policy ceiling.*.delegate",
        "who_is_called_is_told_by_the_component_and_not_by_the_operators_name",
    ),
    ("pipeline input", "input_against_the_schema"),
    ("pipeline step.*.min", "a_list_under_min_fails_its_reader"),
    ("pipeline step.*.judges", "judges_speak_in_file_order_and_a_veto_saves_the_later"),
    ("pipeline step.*.people.groups", "nobody_in_the_group"),
    ("pipeline step.*.people.quorum", "a_quorum_is_different_people"),
    ("pipeline step.*.people.timeout", "where_nobody_answered_in_time_one_word_is_enough"),
    ("pipeline step.*.people.on-timeout", "a_timeout_never_approves_what_is_escalated"),
    ("pipeline step.*.on-failure.tolerate", "failures_beyond_tolerance_start_nothing_new"),
    ("pipeline step.*.concurrency", "bounds_are_reached_and_kept"),
    ("policy publishers.*.keys.key", "a_key_signs_for_its_own_publisher_alone"),
    ("policy publishers.*.keys.from", "a_key_that_is_not_of_its_days_is_refused"),
    ("policy publishers.*.keys.until", "a_key_that_is_not_of_its_days_is_refused"),
    ("policy revoked.keys", "a_component_that_is_revoked_while_a_host_serves_it_is_stopped"),
    ("policy revoked.digests", "a_component_that_is_revoked_while_a_host_serves_it_is_stopped"),
    ("policy sources.registries.at", "what_is_not_listed_is_not_asked"),
    ("policy sources.registries.scheme", "every_case_says_what_is_expected"),
    ("policy sources.registries.network", "an_address_that_the_rule_does_not_have_is_not_dialled"),
    (
        "policy sources.registries.credential",
        "a_credential_goes_where_it_is_bound_and_nowhere_else",
    ),
    (
        "policy sources.registries.realms",
        "a_realm_that_is_not_the_registrys_and_not_listed_is_not_asked",
    ),
    (
        "policy sources.registries.blobs",
        "a_blob_that_is_elsewhere_is_fetched_only_where_policy_says",
    ),
    ("policy declassify.from", "each_key_that_restricts_a_label_stands_in_somebodys_way"),
    ("policy declassify.to", "each_key_that_restricts_a_label_stands_in_somebodys_way"),
    ("policy declassify.by", "what_is_published_needs_the_editor_under_a_rule"),
    ("policy declassify.pipelines", "what_is_published_needs_the_editor_under_a_rule"),
    (
        "policy declassify.self",
        "the_editor_releases_what_he_saw_and_alone_only_where_the_rule_says_so",
    ),
    ("policy host.group", "a_group_reaches_the_host_and_may_what_policy_says"),
    ("policy people.*.uid", "only_members_with_the_right_decide"),
    ("policy people.*.groups", "only_members_with_the_right_decide"),
    ("policy people.*.may", "each_right_is_asked_for_by_itself"),
    ("policy people.*.clearance", "who_looks_must_be_cleared_and_is_told_what_would_clear_him"),
    (
        "policy tls.*.roots",
        "roots_of_the_policy_are_trusted_besides_the_systems_and_names_are_checked",
    ),
];

/// Keys that restrict nobody, and what they say instead.
const SAYING: &[(&str, &str)] = &[
    ("project agents.*.component", "which component a name means"),
    ("project models.*.routes.provider", "who speaks which protocol; ceilings bound the origin"),
    ("project models.*.routes.base", "where a model is; ceilings bound the origin"),
    ("project models.*.routes.model", "what the provider calls it"),
    ("project knowledge.*.folder", "where documents lie; ceilings bound the root"),
    ("project assets.*.folder", "where files lie; ceilings bound the root"),
    ("project run.pin", "which component the cells of a run get after a swap"),
    ("project retention.runs", "what `gc` deletes"),
    ("project retention.values", "what `gc` deletes"),
    ("pipeline axes.*", "which cells there are"),
    ("pipeline matrix.exclude", "which cells there are"),
    ("pipeline matrix.sample.over", "which cells there are"),
    ("pipeline matrix.sample.max", "which cells there are"),
    ("pipeline matrix.sample.seed", "which cells there are"),
    ("pipeline output.*", "what comes out"),
    ("pipeline step.*.agent", "who does it"),
    ("pipeline step.*.over", "which cells there are"),
    ("pipeline step.*.collect", "what is read as a list"),
    ("pipeline step.*.input", "what the agent gets"),
    ("pipeline step.*.when", "which cells are skipped"),
    ("pipeline step.*.needs", "what comes first"),
    ("pipeline step.*.people.remind", "when people are reminded"),
    ("pipeline step.*.show", "what people are shown besides"),
    ("pipeline step.*.retry.backoff", "how long it waits before the next try"),
    ("policy credentials.*.env", "where a secret comes from"),
    ("policy credentials.*.file", "where a secret comes from"),
    ("policy credentials.*.command", "where a secret comes from"),
    ("policy credentials.*.header", "where a secret is put"),
    ("policy credentials.*.prefix", "where a secret is put"),
    ("policy credentials.*.query", "where a secret is put"),
    ("policy credentials.*.sign", "what a secret signs"),
    ("policy ceiling.*.http.even-if", "nothing in a ceiling"),
];

/// Every key of the files, as `FILE KEY`, with what stands for it; nothing for a key that
/// nobody has thought of yet.
#[must_use]
pub fn all() -> Vec<(String, Option<Standing>)> {
    let mut all = Vec::new();
    for file in FILES {
        for path in key_paths(file) {
            let key = format!("{} {path}", file.as_str());
            let standing = standing(&key);
            all.push((key, standing));
        }
    }
    all
}

/// The keys of which this table itself says something.
pub fn said() -> impl Iterator<Item = &'static str> {
    TESTED.iter().chain(SAYING).map(|(key, _)| *key)
}

fn standing(key: &str) -> Option<Standing> {
    let said = |list: &[(&str, &'static str)]| {
        list.iter().find(|(known, _)| *known == key).map(|(_, words)| *words)
    };
    let rows: Vec<_> =
        rows::all().filter(|row| row.guards.contains(&key)).map(|row| row.name).collect();
    match (rows.is_empty(), said(TESTED), said(SAYING)) {
        (false, _, None) => Some(Standing::Rows(rows)),
        (true, Some(test), None) => Some(Standing::Test(test)),
        (true, None, Some(words)) => Some(Standing::Says(words)),
        // In no list, or in two that contradict each other.
        _ => None,
    }
}
