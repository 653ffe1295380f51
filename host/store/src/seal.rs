//! A short checksum that stands in each derived row, so that a flipped bit in it is found before it is shown. Keeps no secret.

use bailiwick_core::Digest;

/// The seal of a row: of its columns in order, each with its length. Against accidents
/// alone; who can write the file can write a seal. What is proven stands in the facts.
pub(crate) fn seal(columns: &[&[u8]]) -> i64 {
    let digest = Digest::of_parts(columns);
    let (first, _) = digest.as_bytes().split_first_chunk::<8>().unwrap_or((&[0; 8], &[]));
    i64::from_le_bytes(*first)
}

/// The bytes of a column that may be empty: an absent number is not the number 0.
pub(crate) fn optional(number: Option<i64>) -> Vec<u8> {
    number.map_or_else(Vec::new, |number| number.to_le_bytes().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_bit_of_each_column_counts() {
        let sealed = seal(&[b"run", &7_i64.to_le_bytes(), &optional(None)]);
        for other in [
            seal(&[b"ruo", &7_i64.to_le_bytes(), &optional(None)]),
            seal(&[b"run", &3_i64.to_le_bytes(), &optional(None)]),
            seal(&[b"run", &7_i64.to_le_bytes(), &optional(Some(0))]),
            seal(&[b"ru", b"n", &7_i64.to_le_bytes(), &optional(None)]),
        ] {
            assert_ne!(sealed, other);
        }
    }
}
