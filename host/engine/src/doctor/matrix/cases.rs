//! The hostile cases that the project promised, each with what proves it: a row of the matrix, or a test by its name. Runs none of them.

/// A promised case, and the rows and tests that prove it.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// What somebody does.
    pub case: &'static str,
    /// Rows of the matrix, by name.
    pub rows: &'static [&'static str],
    /// Tests, by name.
    pub tests: &'static [&'static str],
}

const fn case(
    case: &'static str,
    rows: &'static [&'static str],
    tests: &'static [&'static str],
) -> Case {
    Case { case, rows, tests }
}

/// All of them.
pub const CASES: &[Case] = &[
    case("endless loop", &["cpu", "most_cpu"], &["an_endless_loop_ends_at_its_cpu"]),
    case("endless loop in `profile`", &["profile_loop"], &["a_loop_in_profile_ends_at_its_cpu"]),
    case(
        "endless loop around a cheap host call",
        &["calls", "words", "most_asked"],
        &["a_flood_of_calls_ends_at_their_number"],
    ),
    case(
        "endless loop in the start function",
        &["start_loop"],
        &["a_loop_in_the_start_function_ends_at_its_cpu"],
    ),
    case("memory by growth", &["memory", "most_memory"], &["growing_memory_ends_at_the_limit"]),
    case(
        "memory by many memories",
        &[],
        &["several_memories_count_together", "memories_tables_and_instances_are_counted"],
    ),
    case("memory by tables", &["table"], &["table_elements_count_together"]),
    case(
        "memory by one allocation",
        &["allocation"],
        &["a_guest_that_copes_with_a_refused_growth_goes_on"],
    ),
    case("deep recursion", &["stack"], &["deep_recursion_ends_at_the_stack"]),
    case(
        "output of 100 MB",
        &["border", "output"],
        &["a_huge_output_is_refused_before_it_is_copied"],
    ),
    case("output that is no JSON", &["no_json"], &["outputs_that_are_none_do_not_leave"]),
    case("output of 10⁶ nested brackets", &["brackets"], &["outputs_that_are_none_do_not_leave"]),
    case("output out of schema", &["schema"], &["outputs_that_are_none_do_not_leave"]),
    case(
        "schema bombs: exponential `$ref`, pattern, 1 MB enum",
        &[],
        &["refuses_bombs", "patterns_cannot_look_around"],
    ),
    case(
        "schema with a remote `$ref`",
        &[],
        &[
            "a_schema_that_references_the_network_is_no_schema",
            "refuses_what_leaves_the_document",
            "guest_schema_with_a_network_reference",
        ],
    ),
    case("10⁶ log lines", &["lines", "most_lines"], &["a_flood_of_words_is_dropped_and_counted"]),
    case(
        "terminal escapes, bidi and HTML in every text a person sees",
        &["escapes_in_log", "escapes_in_notes", "escapes_in_failures"],
        &[
            "hostile_texts_are_shown_and_do_nothing",
            "escapes_what_deceives",
            "hostile_names_become_ordinary_files",
        ],
    ),
    case(
        "a huge string to each host function",
        &[
            "huge_argument",
            "huge_line",
            "huge_alias",
            "huge_collection",
            "huge_key",
            "huge_prefix",
            "web_url",
        ],
        &["a_huge_list_to_the_host_is_refused_before_it_is_copied"],
    ),
    case("handle flood", &[], &["handles_are_counted"]),
    case(
        "memory of the host's behind handles: long texts, bodies, headers",
        &[],
        &[
            "a_part_of_a_request_that_is_too_long_to_be_sent_is_not_kept",
            "what_the_host_keeps_behind_handles_counts_with_the_memory",
        ],
    ),
    case(
        "artifact flood",
        &["artifacts", "put", "most_kept"],
        &["sizes_are_checked_before_anything_is_kept", "a_run_has_room_for_so_much_and_no_more"],
    ),
    case(
        "forged `$artifact` in an output",
        &["forged_output"],
        &["outputs_that_are_none_do_not_leave"],
    ),
    case(
        "forged `$artifact` in a model's answer",
        &[],
        &["a_forged_reference_is_denied_and_the_operator_learns_why"],
    ),
    case(
        "forged `$artifact` in a value",
        &["forged_value"],
        &["a_value_names_only_what_its_writer_may_read_and_its_reader_may_read_it_then"],
    ),
    case(
        "forged `$artifact` in a body",
        &["web_forged"],
        &["a_reference_in_a_body_must_be_the_senders_own"],
    ),
    case(
        "forged `$artifact` in a human patch",
        &[],
        &["an_edit_is_the_next_candidate_and_its_author_is_known"],
    ),
    case(
        "another run's and another project's digest",
        &["foreign_digest"],
        &[
            "what_was_put_can_be_read_and_nothing_else",
            "bytes_are_handed_out_only_of_what_a_run_shows",
        ],
    ),
    case("delegate to itself", &[], &["nobody_calls_itself_or_back"]),
    case(
        "delegate in a cycle",
        &[],
        &["nobody_calls_an_unknown_agent_or_itself_or_in_a_circle", "nobody_calls_itself_or_back"],
    ),
    case("delegate too deep", &[], &["calls_go_four_deep_and_no_deeper"]),
    case("delegate ungranted", &[], &["what_is_not_granted_is_not_called"]),
    case("delegate as a power lift", &[], &["no_power_is_lent_down_or_up"]),
    case("kv quota", &["quota", "most_values"], &["a_namespace_that_is_full_takes_nothing_more"]),
    case(
        "another namespace",
        &["other_namespace", "reader", "reader_swap", "reader_delete", "no_writing"],
        &["projects_and_prefixes_do_not_see_each_other"],
    ),
    case(
        "write from a failed attempt",
        &["failed_write"],
        &["an_attempt_without_an_end_has_written_nothing"],
    ),
    case(
        "model ungranted",
        &["model", "embedding", "picture"],
        &["another_alias_is_not_covered_by_the_grant"],
    ),
    case(
        "model over budget",
        &[
            "model_calls",
            "model_tokens",
            "model_money",
            "step_calls",
            "step_tokens",
            "step_money",
            "most_calls",
            "most_tokens",
            "most_money",
            "day_calls",
            "day_tokens",
            "day_money",
        ],
        &["the_smallest_of_all_budgets_wins"],
    ),
    case(
        "64 in parallel at the edge of a budget",
        &["crowd"],
        &["sixty_four_at_the_edge_of_any_budget_overshoot_by_nothing"],
    ),
    case(
        "collection ungranted",
        &["collection"],
        &["a_collection_that_was_not_granted_is_denied_until_the_hint_is_applied"],
    ),
    case("full-text query syntax", &["query_syntax"], &["words_are_quoted_whatever_they_are"]),
    case(
        "host not granted, by case, trailing dot, punycode, userinfo, port, scheme",
        &[
            "web_host",
            "web_case",
            "web_dot",
            "web_punycode",
            "web_user",
            "web_port",
            "web_scheme",
            "web_file",
        ],
        &["a_request_is_judged_by_what_the_url_crate_sees"],
    ),
    case(
        "encodings and traversal in the path, absolute form",
        &[
            "web_path",
            "web_dots",
            "web_encoded_dots",
            "web_encoded_slash",
            "web_twice_encoded",
            "web_backslash",
            "web_null",
            "web_semicolon",
            "web_slashes",
            "web_absolute",
        ],
        &["a_star_does_not_cross_a_slash"],
    ),
    case(
        "redirect: to private, to elsewhere, with credential, with method change",
        &["web_away", "web_aside", "web_echo_redirect"],
        &[
            "a_redirect_is_judged_like_a_request",
            "redirects_end_and_what_changes_something_is_not_redirected",
            "a_credential_goes_along_to_the_very_same_origin_only",
        ],
    ),
    case(
        "a name that resolves to 127.0.0.1",
        &["at_name"],
        &["a_name_that_leads_inside_is_refused_and_nothing_is_sent"],
    ),
    case(
        "rebinding between look-ups",
        &[],
        &["a_name_is_looked_up_once_for_a_connection_and_the_next_one_is_judged_anew"],
    ),
    case(
        "a pooled connection of a private grant",
        &[],
        &["connections_are_shared_within_one_rule_only"],
    ),
    case(
        "IPv4-mapped, NAT64, 6to4, 0/8, 198.18/15, IPv6 literals",
        &[
            "at_mapped",
            "at_nat64",
            "at_6to4",
            "at_nowhere",
            "at_benchmark",
            "at_loopback_6",
            "at_private_6",
            "at_private",
            "at_metadata",
            "at_metadata_granted",
            "at_multicast",
        ],
        &["public_is_an_allow_list"],
    ),
    case(
        "decimal and octal IPv4",
        &["at_decimal", "at_octal", "at_hex"],
        &["a_literal_address_is_judged_though_it_reaches_no_resolver"],
    ),
    case(
        "this host's own addresses",
        &["at_loopback"],
        &["this_machines_own_addresses_are_reached_by_no_class_but_loopback"],
    ),
    case(
        "CR/LF, hop-by-hop, `Host`, `Expect`, trailers, smuggled content-length",
        &[
            "web_line_in_url",
            "web_line_in_header",
            "web_header_host",
            "web_header_length",
            "web_header_encoding",
            "web_header_connection",
            "web_header_expect",
            "web_header_trailer",
            "web_header_upgrade",
        ],
        &[
            "what_belongs_to_the_connection_is_on_no_list",
            "what_is_sent_is_what_was_judged_and_nothing_else",
        ],
    ),
    case(
        "request body that grows after the check",
        &[],
        &[
            "a_body_cannot_grow_after_it_was_finished_and_has_no_trailers",
            "a_body_is_what_was_announced_or_nothing_is_sent",
        ],
    ),
    case(
        "reading the credential back: body, header, redirect, error",
        &["web_echo_body", "web_echo_header", "web_echo_redirect"],
        &[
            "an_echo_of_the_credential_is_thrown_away_wherever_it_stands",
            "an_agent_cannot_read_the_credential_back_from_an_echo",
        ],
    ),
    case(
        "an agent that can read confidential and reach a public sink, by each kind of sink",
        &[
            "label_collection",
            "label_assets",
            "label_values",
            "label_root",
            "clearance_model",
            "label_answers",
        ],
        &["what_a_step_may_know_goes_to_hosts_and_namespaces_that_are_cleared_for_it"],
    ),
    case(
        "outside content steering a changing power",
        &["outside_collection", "outside_values", "outside_web"],
        &["outside_content_may_not_steer_what_changes_things"],
    ),
    case(
        "clock and randomness that differ in replay",
        &[],
        &[
            "clock_and_randomness_are_the_same_at_each_point_wherever_it_was_cut",
            "every_example_replays_equal",
        ],
    ),
    case(
        "panic message with data",
        &["panic", "huge_failure"],
        &["failures_of_the_agent_keep_their_kind_and_are_made_visible"],
    ),
    case(
        "imports beyond wants",
        &["anonymous"],
        &["an_import_without_grant_is_refused_at_load", "other_worlds_are_refused_by_name"],
    ),
    case(
        "another version of the contract, several at once, none, one of 100 KB, 10⁵ names",
        &[],
        &[
            "what_is_not_served_is_refused_by_both_versions_before_it_is_compiled",
            "a_mix_is_refused_where_both_versions_are_served",
            "a_version_is_its_exact_text",
            "names_beyond_counting_are_refused_before_they_are_compiled",
        ],
    ),
    case(
        "a component that was changed after it was signed or taken",
        &[],
        &["each_flipped_bit_of_the_bytes_is_found", "one_bit_changed_against_the_lock_is_refused"],
    ),
    case(
        "a signature by another key, by a key of another publisher, out of its days",
        &[],
        &[
            "another_key_and_a_key_of_another_publisher_have_their_sentences",
            "a_key_with_the_id_of_another_one_does_not_pass_for_it",
            "a_key_counts_in_its_days",
        ],
    ),
    case(
        "a component that is revoked while it runs",
        &[],
        &[
            "a_component_that_is_withdrawn_ends_at_its_next_call",
            "a_component_that_is_revoked_while_a_host_serves_it_is_stopped",
        ],
    ),
    case("component of 64 MB", &["too_large"], &["a_file_over_the_limit_is_not_looked_at"]),
    case(
        "component 10 000 deep, with a 5 MB function",
        &[],
        &[
            "functions_that_no_compiler_should_see_are_refused",
            "a_component_in_a_component_in_a_component_ends",
        ],
    ),
    case(
        "component truncated at every 100th byte",
        &["truncated"],
        &["a_truncated_component_is_refused_wherever_it_is_cut"],
    ),
    case(
        "a registry that is down, slow, or breaks off",
        &[],
        &[
            "one_that_is_down_can_be_tried_again",
            "one_that_is_slow_is_left_at_its_time",
            "statuses_have_their_sentences_and_say_when_to_come_back",
        ],
    ),
    case(
        "a registry that lies about size or digest",
        &[],
        &[
            "sizes_and_hashes_are_what_the_manifest_says_or_nothing_is_taken",
            "a_manifest_that_is_not_what_was_pinned_or_said_is_refused",
            "what_a_registry_lies_about_leaves_nothing_behind",
        ],
    ),
    case(
        "a registry that sends 10 GB",
        &[],
        &["ten_gigabytes_are_not_read", "what_is_compressed_is_not_unpacked"],
    ),
    case(
        "a registry that redirects its blobs, its uploads, its token realm",
        &[],
        &[
            "a_blob_that_is_elsewhere_is_fetched_only_where_policy_says",
            "redirects_end_and_only_blobs_have_any",
            "an_upload_stays_at_the_registry",
            "a_realm_that_is_not_the_registrys_and_not_listed_is_not_asked",
        ],
    ),
    case(
        "a registry whose manifest is too large, or of something else",
        &[],
        &["a_manifest_that_is_no_components_is_refused_before_anything_is_fetched"],
    ),
    case(
        "a planted compiled file",
        &[],
        &[
            "code_of_another_component_or_host_is_never_loaded",
            "files_and_folders_that_others_can_write_are_not_used",
            "code_that_was_changed_is_never_loaded",
        ],
    ),
];
