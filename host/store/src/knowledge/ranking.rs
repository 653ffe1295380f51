//! Joins two rankings into one. Knows nothing of where they come from.

use std::collections::BTreeMap;

/// How much the first places count over the others: the value that reciprocal rank
/// fusion was published with, and that everybody keeps.
const FLATNESS: f64 = 60.0;

/// Reciprocal rank fusion: each list gives an item 1 / (60 + its place). Best first;
/// equal sums in the items' own order.
pub(crate) fn fuse<T: Ord>(rankings: impl IntoIterator<Item = Vec<T>>) -> Vec<(T, f64)> {
    let mut sums: BTreeMap<T, f64> = BTreeMap::new();
    for ranking in rankings {
        for (place, item) in (1_u32..).zip(ranking) {
            *sums.entry(item).or_default() += 1.0 / (FLATNESS + f64::from(place));
        }
    }
    let mut fused: Vec<_> = sums.into_iter().collect();
    // Stable, so that equal sums stay in order.
    fused.sort_by(|(_, a), (_, b)| b.total_cmp(a));
    fused
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_both_lists_have_comes_first() {
        let fused = fuse([vec!["a", "b", "c"], vec!["d", "c"]]);
        let order: Vec<_> = fused.iter().map(|(item, _)| *item).collect();
        assert_eq!(order, ["c", "a", "d", "b"]);
        assert!(fused.iter().all(|(_, score)| *score > 0.0));
    }

    #[test]
    fn equal_sums_stay_in_order() {
        let order: Vec<_> =
            fuse([vec!["b"], vec!["a"]]).into_iter().map(|(item, _)| item).collect();
        assert_eq!(order, ["a", "b"]);
    }
}
