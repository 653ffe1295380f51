//! Writes every style in every usual size, in English and German, into a folder: for looking at.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bailiwick::fake::Fake;
use visual::task::{Aspect, Choice, Commission, Words};

const SIZES: [(&str, u32, u32); 8] = [
    ("square", 1080, 1080),
    ("portrait", 1080, 1350),
    ("story", 1080, 1920),
    ("landscape", 1200, 628),
    ("leaderboard", 728, 90),
    ("billboard", 970, 250),
    ("skyscraper", 160, 600),
    ("rectangle", 300, 250),
];

const COPY: [(&str, &str, &str, &str); 2] = [
    (
        "en",
        "Carry the week in one ride",
        "250 kg on board, 90 km per charge, and no parking ticket. The Veldra One is the van you never have to fuel.",
        "Book a test ride",
    ),
    (
        "de",
        "Lastenfahrradführerschein? Brauchen Sie nicht.",
        "250 kg Zuladung, 90 km Reichweite und nie wieder Parkplatzsuche: Das Veldra One ersetzt den Lieferwagen in der Innenstadt.",
        "Probefahrt vereinbaren",
    ),
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let out = PathBuf::from(std::env::args().nth(1).ok_or("usage: gallery DIR [BRAND]")?);
    let brand = std::env::args().nth(2).map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/brand"),
        PathBuf::from,
    );
    std::fs::create_dir_all(&out)?;
    let fake = Fake::new();
    let mut files = BTreeMap::new();
    for file in std::fs::read_dir(brand)? {
        let file = file?;
        let name = file.file_name().to_string_lossy().into_owned();
        let reference =
            fake.artifact(std::fs::read(file.path())?, "application/octet-stream", name.as_str());
        files.insert(name, reference);
    }
    for (locale, headline, body, cta) in COPY {
        for style in ["bold", "calm", "editorial"] {
            for (id, w, h) in SIZES {
                let commission = Commission {
                    copy: Words { headline: headline.into(), body: body.into(), cta: cta.into() },
                    locale: locale.into(),
                    channel: Choice::Id("social".into()),
                    style: Choice::Id(style.into()),
                    aspect: Aspect { id: id.into(), w, h },
                    brand: files.clone(),
                    feedback: Vec::new(),
                    image_model: None,
                };
                match visual::visual(commission, &fake.host()) {
                    Ok(picture) => {
                        let png = fake.bytes(&picture.image).ok_or("no bytes")?;
                        std::fs::write(out.join(format!("{locale}-{style}-{id}.png")), png)?;
                        std::fs::write(
                            out.join(format!("{locale}-{style}-{id}.json")),
                            serde_json::to_vec_pretty(&picture)?,
                        )?;
                    }
                    Err(failure) => std::fs::write(
                        out.join(format!("{locale}-{style}-{id}.txt")),
                        format!("{failure:?}"),
                    )?,
                }
            }
        }
    }
    Ok(())
}
