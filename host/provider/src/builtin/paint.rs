//! Abstract grounds: a soft slope between two colours that the prompt's words choose, with a glow. Shows nothing and claims to show nothing.

use bailiwick_core::Digest;
use png::{BitDepth, ColorType, Compression, Encoder, EncodingError};

/// Red, green and blue, 0 to 255.
type Colour = [f32; 3];

/// Hues for moods that prompts name; the first that is mentioned leads.
const MOODS: [(&str, Colour); 10] = [
    ("night", [20.0, 32.0, 58.0]),
    ("dusk", [84.0, 62.0, 112.0]),
    ("dawn", [246.0, 178.0, 140.0]),
    ("forest", [40.0, 92.0, 74.0]),
    ("sea", [32.0, 96.0, 140.0]),
    ("sand", [224.0, 200.0, 160.0]),
    ("fire", [214.0, 84.0, 40.0]),
    ("calm", [176.0, 200.0, 208.0]),
    ("bold", [226.0, 96.0, 52.0]),
    ("warm", [236.0, 168.0, 90.0]),
];

/// A PNG of exactly this size.
pub(super) fn ground(
    prompt: &str,
    width: u32,
    height: u32,
    number: u64,
) -> Result<Vec<u8>, EncodingError> {
    let digest = Digest::of_parts(&[prompt.as_bytes(), &number.to_le_bytes()]);
    let [r, g, b, glow_x, glow_y, slope, ..] = digest.as_bytes();
    let own: Colour = [f32::from(*r), f32::from(*g), f32::from(*b)].map(|part| 48.0 + part * 0.6);
    let from = named(prompt).unwrap_or(own);
    let to = mixed(from, own, 0.55);
    let glow = (0.2 + f32::from(*glow_x) / 425.0, 0.2 + f32::from(*glow_y) / 425.0);
    let slope = f32::from(*slope) / 255.0;
    let mut pixels = Vec::with_capacity(width as usize * height as usize * 3);
    for y in 0..height {
        let v = y as f32 / height as f32;
        for x in 0..width {
            let u = x as f32 / width as f32;
            let distance = ((u - glow.0).powi(2) + (v - glow.1).powi(2)).sqrt();
            let light = (1.0 - distance * 1.6).clamp(0.0, 1.0).powi(2) * 0.35;
            let base = mixed(from, to, u * slope + v * (1.0 - slope));
            pixels.extend(mixed(base, [255.0; 3], light).map(|part| part.round() as u8));
        }
    }
    encoded(&pixels, width, height)
}

fn encoded(pixels: &[u8], width: u32, height: u32) -> Result<Vec<u8>, EncodingError> {
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, width, height);
    encoder.set_color(ColorType::Rgb);
    encoder.set_depth(BitDepth::Eight);
    encoder.set_compression(Compression::Fast);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(pixels)?;
    writer.finish()?;
    Ok(bytes)
}

/// A colour that the prompt writes (`#14202E`), else the mood that it names first.
fn named(prompt: &str) -> Option<Colour> {
    let hex = prompt.split('#').skip(1).find_map(|rest| {
        let digits = rest.get(..6)?;
        let number = u32::from_str_radix(digits, 16).ok()?;
        let [_, r, g, b] = number.to_be_bytes();
        Some([r, g, b].map(f32::from))
    });
    let lower = prompt.to_lowercase();
    let mood = || {
        MOODS
            .iter()
            .filter_map(|(word, colour)| Some((lower.find(word)?, *colour)))
            .min_by_key(|(at, _)| *at)
    };
    hex.or_else(|| mood().map(|(_, colour)| colour))
}

fn mixed(from: Colour, to: Colour, share: f32) -> Colour {
    let [a, b, c] = from;
    let [x, y, z] = to;
    [a + (x - a) * share, b + (y - b) * share, c + (z - c) * share]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(bytes: &[u8]) -> (u32, u32, Vec<u8>) {
        let mut reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let frame = reader.next_frame(&mut pixels).unwrap();
        (frame.width, frame.height, pixels)
    }

    #[test]
    fn has_the_exact_size_and_repeats_itself() {
        for (width, height) in [(64, 64), (1080, 1920), (65, 301)] {
            let bytes = ground("a night ride", width, height, 1).unwrap();
            let (w, h, pixels) = decoded(&bytes);
            assert_eq!((w, h), (width, height));
            assert!(pixels.iter().any(|part| *part != pixels[0]), "one flat colour");
            assert_eq!(bytes, ground("a night ride", width, height, 1).unwrap());
        }
        assert_ne!(ground("a", 64, 64, 1).unwrap(), ground("a", 64, 64, 2).unwrap());
    }

    #[test]
    fn takes_the_colour_that_is_named() {
        assert_eq!(named("background in #14202E, calm"), Some([20.0, 32.0, 46.0]));
        assert_eq!(named("dusk over the sea"), Some([84.0, 62.0, 112.0]));
        assert_eq!(named("#12"), None);
    }
}
