//! Which facts a text is written from: what did well on the channel first, one of each
//! topic before a second of any. It does not write.

use campaign::{Fact, Insight, Research};

use crate::wish::Wishes;

/// Words shorter than this carry no topic, whatever the language.
const TOPIC_WORD_CHARS: usize = 5;
/// Two words are about the same when so many first letters agree: "repair", "repaired".
const SHARED_PREFIX_CHARS: usize = 5;

/// Which facts, for whom.
pub(crate) struct Choice<'a> {
    pub(crate) research: &'a Research,
    pub(crate) locale: &'a str,
    pub(crate) channel: &'a str,
    /// How many.
    pub(crate) count: usize,
}

impl<'a> Choice<'a> {
    /// The facts to write from, best first.
    pub(crate) fn facts(&self, wishes: &Wishes) -> Vec<&'a Fact> {
        let allowed: Vec<&Fact> = self
            .research
            .facts_for(self.locale)
            .into_iter()
            .filter(|fact| wishes.allow(&fact.text))
            .collect();
        let mut topics = by_topic(&allowed);
        // Stable: topics that did equally well stay in the research's order.
        topics.sort_by_key(|facts| std::cmp::Reverse(self.success(facts)));
        for facts in &mut topics {
            // Whoever asks for something that no rule understands gets other facts.
            let turn = wishes.other % facts.len().max(1);
            facts.rotate_left(turn);
        }
        let longest = topics.iter().map(Vec::len).max().unwrap_or(0);
        (0..longest)
            .flat_map(|depth| topics.iter().filter_map(move |facts| facts.get(depth).copied()))
            .take(self.count)
            .collect()
    }

    /// How well a topic did: the sum of the lessons about this channel that speak of it,
    /// in hundredths. A topic is known by its facts in every language, because lessons
    /// are mostly written in one.
    fn success(&self, facts: &[&Fact]) -> i64 {
        let siblings: Vec<&Fact> = self
            .research
            .facts
            .iter()
            .filter(|one| facts.iter().any(|fact| fact.id == one.id))
            .collect();
        let mut about: Vec<String> =
            siblings.iter().flat_map(|fact| topic_words(&fact.topic)).collect();
        about.sort();
        about.dedup();
        let about_topic = self.lessons().filter(|lesson| mentions(&lesson.text, &about));
        (about_topic.map(|lesson| lesson.score).sum::<f64>() * 100.0).round() as i64
    }

    fn lessons(&self) -> impl Iterator<Item = &'a Insight> {
        let channel = self.channel.to_lowercase();
        self.research.insights.iter().filter(move |lesson| {
            lesson.text.to_lowercase().split(|c: char| !c.is_alphanumeric()).any(|w| w == channel)
        })
    }
}

fn by_topic<'a>(facts: &[&'a Fact]) -> Vec<Vec<&'a Fact>> {
    let mut topics: Vec<Vec<&Fact>> = Vec::new();
    for fact in facts {
        let same =
            |topic: &&mut Vec<&Fact>| topic.first().is_some_and(|one| one.topic == fact.topic);
        match topics.iter_mut().find(same) {
            Some(topic) => topic.push(fact),
            None => topics.push(vec![fact]),
        }
    }
    topics
}

fn topic_words(text: &str) -> Vec<String> {
    text.to_lowercase()
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| word.chars().count() >= TOPIC_WORD_CHARS)
        .map(|word| word.chars().take(SHARED_PREFIX_CHARS).collect())
        .collect()
}

fn mentions(lesson: &str, about: &[String]) -> bool {
    topic_words(lesson).iter().any(|word| about.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fact(id: &str, topic: &str) -> Fact {
        Fact {
            id: id.into(),
            text: format!("{id} is true."),
            source: "sheet.en.md".into(),
            lang: "en".into(),
            topic: topic.into(),
            score: 1.0,
        }
    }

    fn research(lessons: &[&str]) -> Research {
        Research {
            facts: vec![
                fact("L1", "light and battery"),
                fact("L2", "light and battery"),
                fact("R1", "repair and parts"),
                fact("R2", "repair and parts"),
            ],
            insights: lessons
                .iter()
                .map(|text| Insight { text: (*text).into(), source: "n".into(), score: 1.0 })
                .collect(),
            ..Research::default()
        }
    }

    fn ids(research: &Research, count: usize, other: usize, without: &[&str]) -> Vec<String> {
        let without = without.iter().map(|word| (*word).to_owned()).collect();
        let wishes = Wishes { without, shorter: 0, other };
        let choice = Choice { research, locale: "en-GB", channel: "instagram", count };
        choice.facts(&wishes).iter().map(|fact| fact.id.clone()).collect()
    }

    #[test]
    fn takes_one_of_each_topic_first() {
        assert_eq!(ids(&research(&[]), 3, 0, &[]), ["L1", "R1", "L2"]);
    }

    #[test]
    fn starts_with_what_did_well_on_the_channel() {
        let lessons = ["Instagram: repaired at the table", "web: battery battery"];
        assert_eq!(ids(&research(&lessons), 2, 0, &[]), ["R1", "L1"]);
    }

    #[test]
    fn one_great_success_outweighs_two_failures() {
        let mut research =
            research(&["instagram: repair", "instagram: battery", "Instagram battery"]);
        for (lesson, score) in research.insights.iter_mut().zip([1.5, 0.4, 0.5]) {
            lesson.score = score;
        }
        assert_eq!(ids(&research, 1, 0, &[]), ["R1"]);
    }

    #[test]
    fn a_wish_that_no_rule_understands_gets_others() {
        assert_eq!(ids(&research(&[]), 2, 1, &[]), ["L2", "R2"]);
    }

    #[test]
    fn offers_nothing_that_was_objected_to() {
        assert_eq!(ids(&research(&[]), 4, 0, &["L1", "R2"]), ["L2", "R1"]);
    }
}
