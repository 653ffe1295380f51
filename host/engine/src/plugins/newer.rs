//! What registries have above what was taken of them, and which tags mean something else by now. Fetches no component.

use std::collections::{BTreeMap, BTreeSet};
use std::future::ready;
use std::time::Duration;

use bailiwick_core::Diagnostic;
use bailiwick_policy::registry::Sha256;
use bailiwick_project::lock::newer;
use futures_util::{StreamExt as _, stream};

use super::source::Source;
use super::{Seen, Standing};
use crate::codes;
use crate::problems::Problems;
use crate::registry::{Errand, Reference, Tags, reference, resolve, tags};

/// The longest that all registries together are asked: twice what any one of them has for an
/// answer. Somebody waits for it at a terminal.
const PATIENCE: Duration = Duration::from_secs(60);

/// How many questions are open at once: enough that a registry that is away does not hold up
/// the others, and few enough that none of them takes it for an attack.
const AT_ONCE: usize = 8;

/// What a registry says of a reference.
struct Answer {
    /// What its tag means now; nothing where its digest decides.
    means: Option<Sha256>,
    tags: Tags,
}

/// Asks the registries of these agents for versions above those that were taken, and for what
/// their tags mean now. Each reference is asked for once.
pub async fn look_for_newer(errand: &Errand, seen: &mut [Seen]) {
    let meant: BTreeSet<Reference> = seen.iter().filter_map(asked_for).collect();
    let mut answers = BTreeMap::new();
    let asking = stream::iter(meant)
        .map(async |meant: Reference| {
            let answer = ask(errand, &meant).await;
            (meant, answer)
        })
        .buffer_unordered(AT_ONCE);
    let all = asking.for_each(|(meant, answer)| {
        answers.insert(meant, answer);
        ready(())
    });
    // Who has not answered by then is told apart below.
    let _ = tokio::time::timeout(PATIENCE, all).await;
    for one in seen {
        let Some(meant) = asked_for(one) else { continue };
        let Standing::Current { version, .. } = &one.standing else { continue };
        let taken = version.clone();
        one.standing = match answers.get(&meant) {
            Some(Ok(answer)) => standing(answer, &meant, taken, one.manifest),
            Some(Err(why)) => Standing::Unknown { taken, why: why.clone() },
            None => {
                let message = format!("{meant}: no answer after {} s", PATIENCE.as_secs());
                let why = Problems::one(Diagnostic::error(codes::NO_REGISTRY, message));
                Standing::Unknown { taken, why }
            }
        };
    }
}

/// The reference that is worth a question.
fn asked_for(seen: &Seen) -> Option<Reference> {
    let Standing::Current { .. } = seen.standing else { return None };
    let Source::Registry(source) = Source::of(&seen.source) else { return None };
    reference(&source).ok()
}

async fn ask(errand: &Errand, meant: &Reference) -> Result<Answer, Problems> {
    let means = match meant.digest() {
        Some(_) => None,
        None => resolve(errand, meant).await?.digest(),
    };
    Ok(Answer { means, tags: tags(errand, meant).await? })
}

fn standing(
    answer: &Answer,
    meant: &Reference,
    taken: String,
    manifest: Option<Sha256>,
) -> Standing {
    // An older lock does not say what the tag meant then.
    if let (Some(then), Some(now)) = (manifest, answer.means)
        && then != now
    {
        return Standing::Moved { version: taken };
    }
    let Answer { tags, .. } = answer;
    let found = newer(tags.names.iter().map(String::as_str), &taken);
    // Its own tag may say more than its profile does.
    let found = found.filter(|(_, tag)| meant.tag() != Some(tag));
    match found.and_then(|(version, tag)| Some((version, meant.tagged(tag).ok()?))) {
        Some((version, at)) => {
            Standing::Newer { taken, version: version.to_owned(), source: at.to_string() }
        }
        None => Standing::Current { version: taken, more_tags: tags.more },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing_of(source: &str, tags: &[&str], more: bool) -> Standing {
        let names = tags.iter().map(|tag| (*tag).to_owned()).collect();
        let answer = Answer { means: None, tags: Tags { names, more } };
        standing(&answer, &reference(source).unwrap(), "1.2.0".into(), None)
    }

    #[test]
    fn a_higher_version_is_newer_and_its_own_tag_is_not() {
        let own = "oci://registry.example/draft:9.9.9";
        let Standing::Newer { version, source, .. } = standing_of(own, &["v1.3.0"], false) else {
            panic!("1.3.0 is above 1.2.0");
        };
        assert_eq!((&*version, &*source), ("1.3.0", "oci://registry.example/draft:v1.3.0"));
        for tags in [&["9.9.9", "1.3.0"][..], &["1.2.0", "2.0.0-rc.1", "latest"], &[]] {
            let found = standing_of(own, tags, false);
            assert!(matches!(found, Standing::Current { more_tags: false, .. }), "{found:?}");
        }
    }

    #[test]
    fn that_not_all_tags_were_read_is_said() {
        let found = standing_of("oci://registry.example/draft:1.2.0", &["1.2.0"], true);
        assert!(matches!(found, Standing::Current { more_tags: true, .. }), "{found:?}");
    }

    #[test]
    fn a_tag_that_moved_is_told_where_it_is_known_what_it_meant() {
        let [then, now] = [[1; 32], [2; 32]].map(Sha256::from_bytes);
        let meant = reference("oci://registry.example/draft:1").unwrap();
        let moved = |known| {
            let tags = Tags { names: Vec::new(), more: false };
            let answer = Answer { means: Some(now), tags };
            matches!(standing(&answer, &meant, "1.2.0".into(), known), Standing::Moved { .. })
        };
        assert!(moved(Some(then)) && !moved(Some(now)) && !moved(None));
    }
}
