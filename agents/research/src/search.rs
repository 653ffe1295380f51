//! Asks the collections and merges the answers. It does not know what passages mean.

use bailiwick::knowledge::Passage;
use bailiwick::{Failure, Host};
use campaign::{Brief, language};

/// The collection with guidelines and fact sheets.
const BRAND: &str = "brand";
/// The collection with what past campaigns did.
const PERFORMANCE: &str = "performance";
/// Passages for one query: a fact sheet in four languages with ten sections fits.
const PASSAGES_PER_QUERY: u32 = 40;
/// Passages for one question about the past: the notes and a season of one channel.
const LESSONS_PER_QUERY: u32 = 10;
/// What guidelines call their rules. Words are words here, so one query per thought.
const GUIDELINE_QUERIES: &[&str] =
    &["words we do not use", "words that are forbidden", "how we write voice tone"];

/// What the brand's documents say about the product and about writing.
pub(crate) fn brand(brief: &Brief, host: &Host) -> Result<Vec<Passage>, Failure> {
    let mut queries = vec![brief.product.clone()];
    for locale in &brief.locales {
        queries.push(format!("{} {}", brief.product, brief.category.for_locale(locale)));
    }
    queries.extend(GUIDELINE_QUERIES.iter().map(|query| (*query).to_owned()));
    ask(BRAND, &queries, PASSAGES_PER_QUERY, host)
}

/// What past campaigns taught, asked for each channel.
pub(crate) fn performance(brief: &Brief, host: &Host) -> Result<Vec<Passage>, Failure> {
    let mut queries: Vec<String> =
        brief.channels.iter().map(|channel| format!("{channel} headline angle")).collect();
    queries.push("headlines learnt".to_owned());
    ask(PERFORMANCE, &queries, LESSONS_PER_QUERY, host)
}

/// The languages of a brief, each once, in its order.
pub(crate) fn languages(brief: &Brief) -> Vec<&str> {
    let mut found: Vec<&str> = Vec::new();
    for locale in &brief.locales {
        let one = language(locale);
        if !found.contains(&one) {
            found.push(one);
        }
    }
    found
}

/// Every passage once, with its best score, best first; equals in the order found.
fn ask(
    collection: &str,
    queries: &[String],
    limit: u32,
    host: &Host,
) -> Result<Vec<Passage>, Failure> {
    let mut asked: Vec<&str> = Vec::new();
    let mut found: Vec<Passage> = Vec::new();
    for query in queries.iter().map(|query| query.trim()) {
        if query.is_empty() || asked.contains(&query) {
            continue;
        }
        asked.push(query);
        for passage in host.knowledge(collection).search(query, limit)? {
            let known = found
                .iter_mut()
                .find(|one| one.document == passage.document && one.text == passage.text);
            match known {
                Some(one) => one.score = one.score.max(passage.score),
                None => found.push(passage),
            }
        }
    }
    found.sort_by(|a, b| b.score.total_cmp(&a.score));
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bailiwick::fake::Fake;

    #[test]
    fn a_passage_found_twice_counts_once() {
        let fake = Fake::new().knowledge("brand", ["wren light", "wren", "tea"]);
        let queries = ["wren".to_owned(), "wren light".to_owned(), "wren".to_owned()];
        let found = ask("brand", &queries, 10, &fake.host()).unwrap();
        let texts: Vec<_> = found.iter().map(|passage| passage.text.as_str()).collect();
        assert_eq!(texts, ["wren light", "wren"]);
        assert_eq!(found[0].score, 2.0);
    }
}
