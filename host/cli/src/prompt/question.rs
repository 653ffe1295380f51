//! A question as people see it: the whole candidate, and what is known about it. Asks nobody.

use bailiwick_core::text::{Lines, visible};
use bailiwick_engine::Question;
use serde_json::Value;

use crate::stdout::pretty;
use crate::words;

/// Everything that is to be seen before somebody decides.
pub(super) fn shown(question: &Question, by: &str) -> String {
    let mut text = format!(
        "\n── {} asks about {}, round {} ──\n",
        question.step, question.cell, question.round
    );
    text.push_str(&format!(
        "you decide as {} for {}\n",
        visible(by, Lines::Escape),
        question.groups.join(", ")
    ));
    if question.escalated {
        text.push_str(
            "a judge did not let it pass and has no rounds left: only people can release it\n",
        );
    }
    text.push_str(&pretty(&question.subject.value()));
    text.push('\n');
    let show = question.show.value();
    if show.as_object().is_some_and(|show| !show.is_empty()) {
        text.push_str(&format!("besides:\n{}\n", pretty(&show)));
    }
    for opinion in &question.opinions {
        text.push_str(&opinion_line(opinion));
    }
    text.push_str(&match question.rounds_left {
        0 => "no rounds are left: a rejection drops it, and it cannot be edited\n".to_owned(),
        left => {
            format!("{} left for a rejection or an edit\n", words::many(left as usize, "round"))
        }
    });
    text.trim_end_matches('\n').to_owned()
}

fn opinion_line(opinion: &Value) -> String {
    let member = |key: &str| {
        opinion
            .get(key)
            .map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
    };
    let word = |key: &str| visible(&member(key).unwrap_or_default(), Lines::Escape);
    format!(
        "{} would say {} ({}): {}\n",
        word("by"),
        word("verdict"),
        word("score"),
        word("reasons")
    )
}

#[cfg(test)]
mod tests {
    use bailiwick_core::fact::AskId;
    use bailiwick_core::{CellId, CellKey, Document, Name};
    use expect_test::expect;
    use serde_json::json;

    use super::*;

    #[test]
    fn shows_the_whole_candidate_and_what_is_known_of_it() {
        let question = Question {
            ask: AskId("r1/editor/locale=de/1".into()),
            step: Name::new("editor").unwrap(),
            groups: vec!["editors".into()],
            cell: CellId {
                step: Name::new("draft").unwrap(),
                key: CellKey::from_text("locale=de"),
            },
            round: 1,
            subject: Document::of(&json!({"text": "Guten Tag\u{202e}"})),
            show: Document::of(&json!({"facts": [1]})),
            opinions: vec![json!({"by": "tone", "verdict": "veto", "score": 0.2, "reasons": []})],
            escalated: true,
            rounds_left: 0,
        };
        expect![[r#"

            ── editor asks about draft/locale=de, round 1 ──
            you decide as ana for editors
            a judge did not let it pass and has no rounds left: only people can release it
            {
              "text": "Guten Tag\u202e"
            }
            besides:
            {
              "facts": [
                1
              ]
            }
            tone would say veto (0.2): []
            no rounds are left: a rejection drops it, and it cannot be edited"#]]
        .assert_eq(&shown(&question, "ana"));
    }
}
