//! What a member of a document is for, read from its name and description. Fills nothing.

/// What a text, list or number is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Headline,
    Body,
    Cta,
    Summary,
    Description,
    Alt,
    Slug,
    Hashtag,
    Tag,
    Fact,
    Verdict,
    Score,
    Reason,
    Rule,
    Fix,
    Topic,
    /// Nothing that is known.
    Other,
}

/// Names, the telling ones first: `alt_text` is an alternative text, `meta_title` a title.
const NAMES: [(Role, &[&str]); 17] = [
    (Role::Cta, &["cta", "button", "action"]),
    (Role::Alt, &["alt", "alternative"]),
    (Role::Slug, &["slug", "permalink"]),
    (Role::Hashtag, &["hashtag", "hashtags"]),
    (Role::Tag, &["tag", "tags", "keyword", "keywords", "keyphrases", "terms"]),
    (
        Role::Fact,
        &[
            "fact",
            "facts",
            "citation",
            "citations",
            "cited",
            "sources",
            "source",
            "references",
            "evidence",
        ],
    ),
    (
        Role::Verdict,
        &[
            "verdict",
            "decision",
            "outcome",
            "judgement",
            "judgment",
            "approved",
            "passed",
            "passes",
            "compliant",
        ],
    ),
    (Role::Score, &["score", "confidence", "rating", "quality", "relevance"]),
    (
        Role::Reason,
        &[
            "reason",
            "reasons",
            "issue",
            "issues",
            "problem",
            "problems",
            "violations",
            "objections",
            "rationale",
            "explanation",
        ],
    ),
    (Role::Rule, &["rule", "code"]),
    (Role::Fix, &["fix", "suggestion", "remedy"]),
    (Role::Summary, &["summary", "abstract", "overview", "digest", "synopsis", "conclusion"]),
    (Role::Description, &["description", "teaser", "excerpt", "snippet"]),
    (Role::Headline, &["headline", "title", "heading", "tagline", "slogan", "hook", "claim"]),
    (
        Role::Topic,
        &[
            "topic",
            "topics",
            "idea",
            "ideas",
            "angle",
            "angles",
            "question",
            "questions",
            "sections",
            "steps",
        ],
    ),
    (
        Role::Body,
        &[
            "body",
            "text",
            "copy",
            "content",
            "paragraph",
            "caption",
            "post",
            "answer",
            "message",
            "note",
            "draft",
        ],
    ),
    (Role::Description, &["meta"]),
];

/// Words of a description that tell as much as a name would.
const TELLING: [(Role, &[&str]); 9] = [
    (Role::Alt, &["blind", "alternative"]),
    (Role::Slug, &["slug"]),
    (Role::Headline, &["headline", "title", "heading"]),
    (Role::Cta, &["button"]),
    (Role::Tag, &["tags", "keywords", "hashtags"]),
    (Role::Summary, &["summary", "summarises", "summarizes"]),
    (Role::Fact, &["facts", "cited"]),
    (Role::Topic, &["topics", "ideas", "questions"]),
    (Role::Body, &["sentence", "sentences", "paragraph", "paragraphs"]),
];

impl Role {
    /// The role of a member.
    pub(super) fn of(name: &str, description: &str) -> Self {
        let (name, description) = (parts(name), parts(description));
        let listed = |table: &[(Self, &[&str])], words: &[String]| {
            let found = table
                .iter()
                .find(|(_, known)| words.iter().any(|word| known.contains(&word.as_str())));
            found.map(|(role, _)| *role)
        };
        listed(&NAMES, &name).or_else(|| listed(&TELLING, &description)).unwrap_or(Self::Other)
    }

    /// The name that limits are looked up by.
    pub(super) fn is_copy(self) -> bool {
        matches!(
            self,
            Self::Headline | Self::Body | Self::Cta | Self::Summary | Self::Description | Self::Alt
        )
    }
}

/// `metaTitle`, `meta_title` and `meta-title` as their words.
fn parts(name: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut after_small = false;
    for c in name.chars() {
        let border = !c.is_alphanumeric() || (c.is_uppercase() && after_small);
        if border {
            parts.push(String::new());
        }
        if let (true, Some(last)) = (c.is_alphanumeric(), parts.last_mut()) {
            last.extend(c.to_lowercase());
        }
        after_small = c.is_lowercase();
    }
    parts.retain(|part| !part.is_empty());
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_names_in_every_spelling() {
        for (name, role) in [
            ("headline", Role::Headline),
            ("metaTitle", Role::Headline),
            ("seo-description", Role::Description),
            ("alt_text", Role::Alt),
            ("call_to_action", Role::Cta),
            ("fact_ids", Role::Fact),
            ("zebra", Role::Other),
        ] {
            assert_eq!(Role::of(name, ""), role, "{name}");
        }
        assert_eq!(Role::of("line1", "The headline of the page."), Role::Headline);
    }
}
