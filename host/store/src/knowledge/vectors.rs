//! Vectors as bytes and how near they are. Knows no model and no table.

use super::{DIMENSIONS_MAX, IndexError};

/// A vector of length 1.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Unit(Vec<f32>);

impl Unit {
    /// Brings a vector to length 1. One without direction, or with something in it
    /// that is no number, is refused.
    pub(crate) fn of(numbers: &[f32]) -> Result<Self, IndexError> {
        if numbers.is_empty() || numbers.len() > DIMENSIONS_MAX {
            let reason = format!(
                "a vector has 1 to {DIMENSIONS_MAX} numbers; this one has {}",
                numbers.len()
            );
            return Err(IndexError::Vector(reason));
        }
        let length = numbers.iter().map(|n| f64::from(*n) * f64::from(*n)).sum::<f64>().sqrt();
        if !length.is_finite() || length == 0.0 {
            return Err(IndexError::Vector("a vector without direction".into()));
        }
        Ok(Self(numbers.iter().map(|n| (f64::from(*n) / length) as f32).collect()))
    }

    pub(crate) fn dimensions(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        self.0.iter().flat_map(|n| n.to_le_bytes()).collect()
    }

    /// The cosine of the angle to a vector that was written with [`Unit::to_bytes`];
    /// nothing where that has another number of dimensions.
    pub(crate) fn cosine(&self, bytes: &[u8]) -> Option<f32> {
        let (numbers, rest) = bytes.as_chunks::<4>();
        if numbers.len() != self.0.len() || !rest.is_empty() {
            return None;
        }
        Some(numbers.iter().zip(&self.0).map(|(bytes, n)| f32::from_le_bytes(*bytes) * n).sum())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearness_is_the_cosine() {
        let east = Unit::of(&[2.0, 0.0]).unwrap();
        let near = |numbers: &[f32]| east.cosine(&Unit::of(numbers).unwrap().to_bytes());
        assert_eq!(near(&[5.0, 0.0]), Some(1.0));
        assert_eq!(near(&[0.0, 1.0]), Some(0.0));
        assert_eq!(near(&[-3.0, 0.0]), Some(-1.0));
        assert_eq!(near(&[1.0, 0.0, 0.0]), None);
    }

    #[test]
    fn refuses_vectors_without_direction() {
        for bad in
            [&[][..], &[0.0, 0.0], &[f32::NAN], &[f32::INFINITY], &vec![1.0; DIMENSIONS_MAX + 1]]
        {
            assert!(Unit::of(bad).is_err());
        }
    }
}
