//! Collections from outside: what is found, how it is ranked, what indexing again costs.

use bailiwick_core::{Digest, Name};
use bailiwick_gate::knowledge::{KnowledgeError, KnowledgeIndex as _, Passage, SearchRequest};
use bailiwick_store::knowledge::{CHUNKS_MAX, Media, Source};
use bailiwick_store::{Collections, IndexError};

use super::{Scratch, open, wait};

const VOICE: &str = "# Brand voice\n\nWe speak warmly and plainly.\n\n## Words to avoid\n\n\
                     Never say *revolutionary* or \"game changer\".\n\n## Café rules\n\nSay naïve things.\n";
const PAST: &str = "channel,headline,ctr\nmail,Warm winter socks,0.042\nsocial,Loud summer,0.011\n";

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

fn source(document: &str, text: &str) -> Source {
    let media = Media::of_name(document).unwrap();
    Source { document: document.into(), media, text: text.into() }
}

fn library() -> Vec<Source> {
    vec![source("voice.md", VOICE), source("past.csv", PAST)]
}

fn index(collections: &Collections, collection: &str, sources: Vec<Source>) {
    let content = Digest::of(format!("{sources:?}").as_bytes());
    wait(collections.index(&name(collection), content, sources)).unwrap();
}

fn brand(scratch: &Scratch) -> Collections {
    let collections = scratch.collections(Digest::of(b"project")).unwrap();
    index(&collections, "brand", library());
    collections
}

fn request(query: &str) -> SearchRequest {
    SearchRequest { collection: "brand".into(), query: query.into(), limit: 10, vector: None }
}

fn search(collections: &Collections, query: &str) -> Vec<Passage> {
    wait(collections.search(&name("brand"), &request(query))).unwrap()
}

fn texts(found: &[Passage]) -> Vec<&str> {
    found.iter().map(|passage| passage.text.as_str()).collect()
}

#[test]
fn finds_words_wherever_they_stand() {
    let scratch = Scratch::new();
    let collections = brand(&scratch);
    let found = search(&collections, "avoid");
    assert_eq!(texts(&found), ["Never say *revolutionary* or \"game changer\"."]);
    assert_eq!(found[0].document, "voice.md");
    assert_eq!(found[0].metadata["heading"], "Brand voice > Words to avoid");
    let found = search(&collections, "SOCKS mail");
    assert_eq!(texts(&found), ["channel: mail; headline: Warm winter socks; ctr: 0.042"]);
    assert_eq!(found[0].metadata["columns"][2], "ctr");
    assert_eq!(search(&collections, "cafe NAIVE").len(), 1);
    assert!(search(&collections, "nothing-of-this").is_empty());
    assert!(search(&collections, " ?! ").is_empty());
}

#[test]
fn words_are_never_syntax() {
    let scratch = Scratch::new();
    let collections = brand(&scratch);
    for query in [
        "\"",
        "a\" OR \"b",
        "heading:voice",
        "voice*",
        "NEAR(",
        "-warm",
        "^say",
        "{x}:y",
        "'; DROP TABLE chunk",
        "a\0b",
    ] {
        let _ = search(&collections, query);
    }
    assert!(
        search(&collections, "heading : socks").iter().all(|found| found.document == "past.csv")
    );
}

#[test]
fn scores_are_positive_ordered_and_the_same_however_the_index_came_to_be() {
    let scratch = Scratch::new();
    let fresh = brand(&scratch);
    let want = search(&fresh, "say warm warmly headline voice");
    assert!(want.len() > 2);
    assert!(want.iter().all(|found| found.score > 0.0));
    assert!(want.is_sorted_by(|a, b| a.score >= b.score));
    let other = scratch.collections(Digest::of(b"other project")).unwrap();
    index(
        &other,
        "brand",
        vec![source("past.csv", "a\nwarm\n"), source("old.md", &VOICE.repeat(30))],
    );
    index(&other, "brand", vec![source("voice.md", "say warm"), source("old.md", "voice")]);
    index(&other, "brand", library().into_iter().rev().collect());
    assert_eq!(search(&other, "say warm warmly headline voice"), want);
}

#[test]
fn equal_scores_stand_in_document_order() {
    let scratch = Scratch::new();
    let collections = scratch.collections(Digest::of(b"project")).unwrap();
    let sources = ["c.txt", "a.txt", "b.txt"].map(|name| source(name, "the same words"));
    index(&collections, "brand", sources.to_vec());
    let found = search(&collections, "words");
    let documents: Vec<_> = found.iter().map(|passage| passage.document.as_str()).collect();
    assert_eq!(documents, ["a.txt", "b.txt", "c.txt"]);
}

#[test]
fn collections_and_projects_do_not_see_each_other() {
    let scratch = Scratch::new();
    let (ours, theirs) = (brand(&scratch), scratch.collections(Digest::of(b"theirs")).unwrap());
    let missing = wait(theirs.search(&name("brand"), &request("warm")));
    assert_eq!(missing, Err(KnowledgeError::NoSuchCollection(name("brand"))));
    let want = search(&ours, "warm");
    // Many rows with the word would change how rare it is, if they counted.
    index(&ours, "other", vec![source("many.csv", &format!("a\n{}", "warm\n".repeat(500)))]);
    index(&theirs, "brand", vec![source("many.csv", &format!("a\n{}", "warm\n".repeat(500)))]);
    assert_eq!(search(&ours, "warm"), want);
}

#[test]
fn indexing_again_touches_only_what_changed() {
    let scratch = Scratch::new();
    let collections = brand(&scratch);
    let (brand, content) = (name("brand"), Digest::of(b"second"));
    assert!(!wait(collections.is_current(&brand, content)).unwrap());
    let sources = vec![source("voice.md", VOICE), source("new.txt", "fresh words")];
    let indexed = wait(collections.index(&brand, content, sources)).unwrap();
    assert_eq!((indexed.documents, indexed.chunks, indexed.changed), (2, 4, 1));
    assert!(wait(collections.is_current(&brand, content)).unwrap());
    assert!(search(&collections, "socks").is_empty());
    assert_eq!(texts(&search(&collections, "fresh")), ["fresh words"]);
}

#[test]
fn collections_that_are_configured_no_more_go() {
    let scratch = Scratch::new();
    let (ours, theirs) = (brand(&scratch), scratch.collections(Digest::of(b"theirs")).unwrap());
    index(&ours, "old", library());
    index(&theirs, "old", library());
    let request = request("warm");
    let old = |collections: &Collections| wait(collections.search(&name("old"), &request));
    assert!(!old(&ours).unwrap().is_empty());
    wait(ours.keep_only(&[name("brand")])).unwrap();
    assert_eq!(old(&ours), Err(KnowledgeError::NoSuchCollection(name("old"))));
    assert!(!old(&theirs).unwrap().is_empty());
    assert!(!search(&ours, "warm").is_empty());
    index(&ours, "old", vec![source("a.txt", "warm")]);
    assert_eq!(texts(&old(&ours).unwrap()), ["warm"]);
}

#[test]
fn what_exceeds_a_limit_leaves_the_collection_as_it_was() {
    let scratch = Scratch::new();
    let collections = brand(&scratch);
    let rows = format!("a\n{}", "x\n".repeat(CHUNKS_MAX / 2 + 1));
    let index = |sources: Vec<Source>| {
        wait(collections.index(&name("brand"), Digest::of(b"x"), sources)).unwrap_err()
    };
    let error = index(vec![source("a.csv", &rows), source("b.csv", &rows)]);
    assert_eq!(error, IndexError::TooManyChunks { document: "b.csv".into() });
    let error = index(vec![source("a.txt", "x"), source("a.txt", "y")]);
    assert_eq!(error, IndexError::TwiceTheSame("a.txt".into()));
    let error = index(vec![source("book.txt", &"x".repeat(9 << 20))]).to_string();
    assert!(error.starts_with("book.txt has 9 MiB"), "{error}");
    assert!(matches!(
        index(vec![source("wide.csv", &"c,".repeat(400))]),
        IndexError::NotATable { .. }
    ));
    let error = index((0..=10_000).map(|n| source(&format!("{n}.txt"), "")).collect());
    assert_eq!(error, IndexError::TooManyDocuments);
    assert!(!search(&collections, "socks").is_empty());
}

/// A model of two dimensions: warm things to the east, others to the north.
fn embed(text: &str) -> Vec<f32> {
    if text.contains("arm") { vec![2.0, 0.1] } else { vec![0.0, 3.0] }
}

#[test]
fn vectors_find_what_words_do_not() {
    let scratch = Scratch::new();
    let collections = brand(&scratch);
    let brand = name("brand");
    let missing = wait(collections.without_vectors(&brand, "tiny")).unwrap();
    assert_eq!(missing.len(), 5);
    assert!(
        missing.iter().any(|(_, words)| words == "Brand voice\n\nWe speak warmly and plainly.")
    );
    let vectors = missing.iter().map(|(id, words)| (*id, embed(words))).collect();
    wait(collections.keep_vectors(&brand, "tiny", vectors)).unwrap();
    assert!(wait(collections.without_vectors(&brand, "tiny")).unwrap().is_empty());
    assert_eq!(wait(collections.without_vectors(&brand, "other model")).unwrap().len(), 5);

    let hybrid = |query: &str| {
        let request = SearchRequest { vector: Some(vec![1.0, 0.0]), limit: 2, ..request(query) };
        wait(collections.search(&brand, &request)).unwrap()
    };
    // No word of this stands anywhere: nearness alone, ties in document order.
    let cosy = hybrid("cosy");
    assert!(cosy.iter().all(|found| found.text.to_lowercase().contains("warm")), "{cosy:?}");
    assert_eq!(cosy[0].document, "past.csv");
    // The word tips it.
    assert_eq!(hybrid("plainly")[0].document, "voice.md");

    let wrong = SearchRequest { vector: Some(vec![1.0; 3]), ..request("warm") };
    assert!(matches!(wait(collections.search(&brand, &wrong)), Err(KnowledgeError::Storage(_))));
}

#[test]
fn vectors_go_with_their_passages_and_stay_with_equal_ones() {
    let scratch = Scratch::new();
    let collections = brand(&scratch);
    let brand = name("brand");
    let missing = wait(collections.without_vectors(&brand, "tiny")).unwrap();
    let vectors = missing.iter().map(|(id, words)| (*id, embed(words))).collect();
    wait(collections.keep_vectors(&brand, "tiny", vectors)).unwrap();
    index(&collections, "brand", vec![source("renamed.md", VOICE), source("new.txt", "new")]);
    let missing = wait(collections.without_vectors(&brand, "tiny")).unwrap();
    assert_eq!(missing.iter().map(|(_, words)| words.as_str()).collect::<Vec<_>>(), ["new"]);
    let odd = vec![(missing[0].0, vec![1.0; 7])];
    assert!(matches!(
        wait(collections.keep_vectors(&brand, "tiny", odd)),
        Err(IndexError::Vector(_))
    ));
}

#[test]
fn a_damaged_index_is_made_anew() {
    let scratch = Scratch::new();
    brand(&scratch);
    let folder = scratch.close();
    std::fs::write(
        folder.path().join("knowledge.db"),
        "nonsense, long enough to be read".repeat(100),
    )
    .unwrap();
    let store = open(folder.path());
    let collections = store.collections(Digest::of(b"project")).unwrap();
    assert!(!wait(collections.is_current(&name("brand"), Digest::of(b"x"))).unwrap());
    index(&collections, "brand", library());
    assert_eq!(search(&collections, "socks").len(), 1);
}
