//! Vectors by counting: a hashed bag of words and letter groups. It is no model of meaning; texts are near each other when they share words or their beginnings.

use bailiwick_core::Digest;

use super::wording::words;

/// Numbers of a vector: enough that the words of a paragraph seldom collide.
pub(super) const DIMENSIONS: usize = 256;
/// What a group of three letters counts against its whole word.
const GROUP_WEIGHT: f32 = 0.3;

/// The vector of a text, of length 1; all zeros for one without words.
pub(super) fn vector(text: &str) -> Vec<f32> {
    let mut vector = vec![0.0f32; DIMENSIONS];
    let lower = text.to_lowercase();
    for word in words(&lower) {
        add(&mut vector, word, 1.0);
        let letters: Vec<char> = format!("^{word}$").chars().collect();
        for group in letters.windows(3) {
            add(&mut vector, &group.iter().collect::<String>(), GROUP_WEIGHT);
        }
    }
    let length = vector.iter().map(|number| number * number).sum::<f32>().sqrt();
    if length > 0.0 {
        vector.iter_mut().for_each(|number| *number /= length);
    }
    vector
}

/// Half of the features count down, so that chance collisions cancel out on average.
fn add(vector: &mut [f32], feature: &str, weight: f32) {
    let digest = Digest::of(feature.as_bytes());
    let [low, high, sign, ..] = digest.as_bytes();
    let place = usize::from(u16::from_le_bytes([*low, *high])) % DIMENSIONS;
    if let Some(number) = vector.get_mut(place) {
        *number += if sign % 2 == 0 { weight } else { -weight };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn likeness(a: &str, b: &str) -> f32 {
        vector(a).iter().zip(vector(b)).map(|(a, b)| a * b).sum()
    }

    #[test]
    fn shared_words_are_near() {
        let near = likeness("spare parts for the bike light", "parts of a bike light");
        let far = likeness("spare parts for the bike light", "delivery to Norway takes nine days");
        assert!(near > far + 0.2, "{near} {far}");
        assert!((likeness("Wren", "wren") - 1.0).abs() < 1e-5);
        assert!(vector("…").iter().all(|number| *number == 0.0));
    }
}
