//! A picture as its pixels and nothing else, row by row: what a person sees of a PNG. Knows no artifact and no label.

use std::io::{Cursor, Write};

use png::{
    BitDepth, ColorType, Compression, Decoder, Encoder, InterlaceInfo, Reader, StreamWriter,
    Transformations, expand_interlaced_row,
};

use crate::canonical::{Room, Why};
use crate::effort::Pace;

/// An interlaced picture is held whole while it is read, and so may have a quarter of what
/// others may; those have two rows in memory.
const INTERLACED_MAX: usize = 64 * 1024 * 1024;

/// What is more transparent than this is left out: 3 % of a colour are not seen on any
/// ground, and three bytes of colour are a letter.
const ALPHA_MIN: u8 = 8;

/// How many bytes of pixels are worked on between two looks at the CPU: some 100 µs.
const PIECE: usize = 64 * 1024;

type Source<'b> = Reader<Cursor<&'b [u8]>>;

/// The pixels of a picture and nothing else: no metadata, nothing behind its end, no
/// second frame, no colour that cannot be seen.
///
/// # Errors
/// [`Why`] there is no such picture.
pub(crate) fn png_in_form(bytes: &[u8], room: &mut Room, pace: &Pace<'_>) -> Result<Vec<u8>, Why> {
    let mut decoder = Decoder::new(Cursor::new(bytes));
    decoder.set_transformations(Transformations::normalize_to_color8());
    // Neither is kept, and both can be packed a thousandfold.
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    let mut reader = decoder.read_info().map_err(unreadable)?;
    let (width, height) = reader.info().size();
    let size = reader.output_buffer_size().map_or(u64::MAX, |size| size as u64);
    room.see(size)?;
    let frame = reader.info().frame_control;
    if frame.is_some_and(|frame| (frame.width, frame.height) != (width, height)) {
        return Err(Why::Form("its first frame is a part of it".to_owned()));
    }
    let (colour, _) = reader.output_color_type();
    let mut form = Bounded { bytes: Vec::new(), most: room.kept(), full: false };
    let written = write(&mut reader, colour, &mut form, pace);
    if form.full {
        return Err(room.full());
    }
    written?;
    Ok(form.bytes)
}

fn write(
    reader: &mut Source<'_>,
    colour: ColorType,
    form: &mut Bounded,
    pace: &Pace<'_>,
) -> Result<(), Why> {
    let (width, height) = reader.info().size();
    let line = reader.output_line_size(width).filter(|line| *line > 0);
    let line = line.ok_or_else(|| Why::Form("it has no pixels".to_owned()))?;
    let mut encoder = Encoder::new(form, width, height);
    encoder.set_color(colour);
    encoder.set_depth(BitDepth::Eight);
    encoder.set_compression(Compression::Fast);
    let mut writer = encoder.write_header().map_err(unwritable)?;
    let stream = writer.stream_writer_with_size(PIECE).map_err(unwritable)?;
    let mut rows = Rows { stream, colour, pace, since: 0 };
    if reader.info().interlaced {
        let pixels = deinterlaced(reader, colour, line, pace)?;
        pixels.chunks_exact(line).try_for_each(|row| rows.write(&mut row.to_vec()))?;
    } else {
        let mut row = vec![0; line];
        // Not one more: what follows the last row is nobody's business.
        for _ in 0..height {
            reader.read_row(&mut row).map_err(unreadable)?.ok_or_else(short)?;
            rows.write(&mut row)?;
        }
    }
    rows.stream.finish().map_err(unwritable)
}

/// The pixels of a picture that is stored in seven passes.
fn deinterlaced(
    reader: &mut Source<'_>,
    colour: ColorType,
    line: usize,
    pace: &Pace<'_>,
) -> Result<Vec<u8>, Why> {
    let (width, height) = reader.info().size();
    let size = line.saturating_mul(height as usize);
    if size > INTERLACED_MAX {
        let most = bailiwick_core::Bytes(INTERLACED_MAX as u64);
        return Err(Why::Form(format!("it is interlaced, and its pixels have more than {most}")));
    }
    let bits = u8::try_from(colour.samples() * 8).unwrap_or(u8::MAX);
    let (mut pixels, mut row) = (vec![0; size], vec![0; line]);
    for _ in 0..lines_of_passes(width, height) {
        let read = reader.read_row(&mut row).map_err(unreadable)?;
        let Some(InterlaceInfo::Adam7(pass)) = read else { return Err(short()) };
        expand_interlaced_row(&mut pixels, line, &row, &pass, bits);
        pace.go_on().map_err(|_| Why::Over)?;
    }
    Ok(pixels)
}

/// How many rows the seven passes of Adam7 have together; a pass without columns has none.
fn lines_of_passes(width: u32, height: u32) -> u64 {
    // First column and row of each, and how far apart they are.
    const PASSES: [(u32, u32, u32, u32); 7] = [
        (0, 0, 8, 8),
        (4, 0, 8, 8),
        (0, 4, 4, 8),
        (2, 0, 4, 4),
        (0, 2, 2, 4),
        (1, 0, 2, 2),
        (0, 1, 1, 2),
    ];
    let lines = PASSES.iter().map(|(x, y, apart, below)| {
        let columns = width.saturating_sub(*x).div_ceil(*apart);
        if columns == 0 { 0 } else { u64::from(height.saturating_sub(*y).div_ceil(*below)) }
    });
    lines.sum()
}

/// Rows on their way into the new picture.
struct Rows<'s, 'e, W: Write> {
    stream: StreamWriter<'s, W>,
    colour: ColorType,
    pace: &'e Pace<'e>,
    /// Bytes since the last look at the CPU.
    since: usize,
}

impl<W: Write> Rows<'_, '_, W> {
    fn write(&mut self, row: &mut [u8]) -> Result<(), Why> {
        let samples = match self.colour {
            ColorType::Rgba | ColorType::GrayscaleAlpha => self.colour.samples(),
            _ => 0,
        };
        for piece in row.chunks_mut(PIECE) {
            if samples > 0 {
                piece.chunks_exact_mut(samples).for_each(show);
            }
            self.stream.write_all(piece).map_err(|error| Why::Form(error.to_string()))?;
            self.since += piece.len();
            if self.since >= PIECE {
                self.since = 0;
                self.pace.go_on().map_err(|_| Why::Over)?;
            }
        }
        Ok(())
    }
}

/// Of a pixel with alpha only what can be seen: nothing where it is next to transparent,
/// and else as many shades of each colour as there are of its alpha. What lies between
/// two of those falls together with one when it is shown in eight bits.
fn show(pixel: &mut [u8]) {
    let Some((alpha, colours)) = pixel.split_last_mut() else { return };
    match *alpha {
        u8::MAX => {}
        faint if faint < ALPHA_MIN => pixel.fill(0),
        seen => colours.iter_mut().for_each(|colour| *colour = shade(*colour, seen)),
    }
}

/// The colour that is left of one when it was multiplied by its alpha in eight bits.
fn shade(colour: u8, alpha: u8) -> u8 {
    let (colour, alpha) = (u32::from(colour), u32::from(alpha));
    let shown = (colour * alpha + 127) / 255;
    u8::try_from((shown * 255 + alpha / 2) / alpha.max(1)).unwrap_or(u8::MAX)
}

/// Bytes up to what may be kept.
struct Bounded {
    bytes: Vec<u8>,
    most: u64,
    full: bool,
}

impl Write for Bounded {
    fn write(&mut self, more: &[u8]) -> std::io::Result<usize> {
        if (self.bytes.len() as u64).saturating_add(more.len() as u64) > self.most {
            self.full = true;
            return Err(std::io::Error::other("it is larger than what may be kept"));
        }
        self.bytes.extend_from_slice(more);
        Ok(more.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn unreadable(error: png::DecodingError) -> Why {
    Why::Form(error.to_string())
}

fn unwritable(error: png::EncodingError) -> Why {
    Why::Form(error.to_string())
}

fn short() -> Why {
    Why::Form("it ends before its pixels do".to_owned())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bailiwick_core::Bytes;

    use super::*;
    use crate::effort::Effort;

    fn form(bytes: &[u8]) -> Result<Vec<u8>, Why> {
        let effort = Effort::of(Duration::from_secs(3_600));
        png_in_form(bytes, &mut Room::of(Bytes(0)), &effort.pace())
    }

    fn png(colour: ColorType, size: (u32, u32), note: Option<&str>, pixels: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut encoder = Encoder::new(&mut bytes, size.0, size.1);
        encoder.set_color(colour);
        encoder.set_depth(BitDepth::Eight);
        if let Some(note) = note {
            encoder.add_text_chunk("Comment".into(), note.into()).unwrap();
        }
        let mut writer = encoder.write_header().unwrap();
        writer.write_image_data(pixels).unwrap();
        writer.finish().unwrap();
        bytes
    }

    fn pixels(bytes: &[u8]) -> Vec<u8> {
        let mut reader = Decoder::new(Cursor::new(bytes)).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        reader.next_frame(&mut pixels).unwrap();
        pixels
    }

    /// A picture of two pixels, the second transparent with a colour, and a text beside it.
    fn picture(hidden: [u8; 3], note: Option<&str>) -> Vec<u8> {
        let [r, g, b] = hidden;
        png(ColorType::Rgba, (2, 1), note, &[10, 20, 30, 255, r, g, b, 0])
    }

    #[test]
    fn a_picture_is_its_pixels() {
        let plain = form(&picture([0, 0, 0], None)).unwrap();
        let told = form(&picture([1, 2, 3], Some("the plan is"))).unwrap();
        assert_eq!(told, plain);
        assert!(!told.windows(4).any(|window| window == b"tEXt"));
        let mut appended = picture([0, 0, 0], None);
        appended.extend(b"and here is more");
        assert_eq!(form(&appended).unwrap(), plain);
        assert_eq!(form(&plain).unwrap(), plain, "applied twice it changes nothing more");
        let colours: Vec<u8> = (0..=u8::MAX).cycle().take(31 * 17 * 3).collect();
        let opaque = png(ColorType::Rgb, (31, 17), None, &colours);
        assert_eq!(pixels(&form(&opaque).unwrap()), colours, "what is seen stays");
    }

    #[test]
    fn next_to_transparent_hides_nothing() {
        let letters = png(ColorType::Rgba, (2, 1), None, b"the\x01pla\x07");
        let nothing = png(ColorType::Rgba, (2, 1), None, &[0; 8]);
        assert_eq!(form(&letters).unwrap(), form(&nothing).unwrap());
        let grey = png(ColorType::GrayscaleAlpha, (2, 1), None, b"t\x01h\xff");
        assert_eq!(pixels(&form(&grey).unwrap()), b"\0\0h\xff");
        for alpha in ALPHA_MIN..=u8::MAX {
            let mut shades = [false; 256];
            for colour in 0..=u8::MAX {
                let mut pixel = [colour, alpha];
                show(&mut pixel);
                let once = pixel;
                show(&mut pixel);
                assert_eq!(pixel, once, "applied twice it changes nothing more");
                shades[usize::from(pixel[0])] = true;
                // On a screen of eight bits it is the colour that it was.
                let on_black = |colour: u8| (u32::from(colour) * u32::from(alpha) + 127) / 255;
                assert_eq!(on_black(pixel[0]), on_black(colour));
            }
            let shades = shades.iter().filter(|shade| **shade).count();
            assert_eq!(shades, usize::from(alpha) + 1, "as many shades as there are of alpha");
        }
    }

    #[test]
    fn a_picture_in_passes_is_the_same_picture() {
        let interlaced = include_bytes!("../tests/fixtures/interlaced.png");
        let plain = include_bytes!("../tests/fixtures/plain.png");
        assert_eq!(form(interlaced).unwrap(), form(plain).unwrap());
        let mut cut = interlaced.to_vec();
        cut.truncate(60);
        assert!(matches!(form(&cut), Err(Why::Form(_))));
    }

    #[test]
    fn a_bomb_of_pixels_is_refused_before_it_is_unpacked() {
        let mut bytes = picture([0, 0, 0], None);
        // The width in IHDR, and its checksum.
        bytes[16..24].copy_from_slice(&[0, 1, 0, 0, 0, 1, 0, 0]);
        assert!(form(&bytes).is_err());
        let wide = png(ColorType::Rgba, (8_192, 8_193), None, &vec![0; 8_192 * 8_193 * 4]);
        let effort = Effort::of(Duration::from_secs(3_600));
        let Err(Why::Full(why)) = png_in_form(&wide, &mut Room::of(Bytes(0)), &effort.pace())
        else {
            panic!()
        };
        assert!(why.starts_with("limit:form used more than 256 MiB of 256 MiB"), "{why}");
        assert!(effort.spent() < Duration::from_millis(100), "{:?}", effort.spent());
    }

    #[test]
    fn what_is_packed_behind_the_last_row_is_left_out() {
        // Two pixels; behind them in the same stream four megabytes that are packed into
        // four thousand bytes, and then what cannot be unpacked.
        let behind = include_bytes!("../tests/fixtures/more_behind.png");
        let two = png(ColorType::Grayscale, (2, 1), None, &[1, 2]);
        assert_eq!(form(behind).unwrap(), form(&two).unwrap());
    }

    #[test]
    fn a_form_that_is_larger_than_what_may_be_kept_is_refused() {
        let noise: Vec<u8> =
            (0..512u32 * 512 * 3).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        let picture = png(ColorType::Rgb, (512, 512), None, &noise);
        let mut room = Room::of(Bytes(0));
        room.keep(room.kept() - 1_000).unwrap();
        let effort = Effort::of(Duration::from_secs(3_600));
        let Err(Why::Full(why)) = png_in_form(&picture, &mut room, &effort.pace()) else {
            panic!()
        };
        assert!(why.starts_with("limit:form used more than 64 MiB of 64 MiB"), "{why}");
    }

    #[test]
    fn work_on_pixels_ends_with_the_cpu() {
        let picture = png(ColorType::Rgba, (4_000, 4_000), None, &vec![0; 64_000_000]);
        let effort = Effort::of(Duration::from_millis(5));
        let done = png_in_form(&picture, &mut Room::of(Bytes(0)), &effort.pace());
        assert!(matches!(done, Err(Why::Over)), "{done:?}");
    }
}
