//! A studio with the fixtures' brand: composes with `visual`, judges with `brand`, spoils pictures on purpose.
#![allow(dead_code, reason = "each test file uses its part")]

use std::collections::BTreeMap;

use bailiwick::fake::Fake;
use bailiwick::{Artifact, Failure};
use brand::task::{Area, Aspect, Candidate, Judgement, Part, Subject};
use visual::task::{Aspect as Size, Choice, Commission, Feedback, Picture, Reason, Words};

pub(crate) const STYLES: [&str; 3] = ["bold", "calm", "editorial"];

/// Language, headline, body, button.
pub(crate) type Text = (&'static str, &'static str, &'static str, &'static str);

pub(crate) const COPY: [Text; 6] = [
    (
        "en",
        "Carry the week in one ride",
        "250 kg on board, 90 km per charge, and no parking ticket. The Veldra One is the van you never have to fuel.",
        "Book a test ride",
    ),
    (
        "de",
        "Lastenfahrradführerschein? Brauchen Sie nicht.",
        "250 kg Zuladung, 90 km Reichweite und nie wieder Parkplatzsuche: Das Veldra One ersetzt den Lieferwagen.",
        "Probefahrt vereinbaren",
    ),
    ("de", "Geschwindigkeitsbegrenzungen gelten für alle anderen", "", "Mehr erfahren"),
    ("en", "Go.", "Now.", "Yes"),
    (
        "fr",
        "À l’Élysée : où va-t-on ?",
        "Çà et là, l’été s’éveille – jusqu’à 90 km d’autonomie.",
        "",
    ),
    (
        "pl",
        "Żółć, źdźbło i gęś 🚲 jadą dalej",
        "Zażółć gęślą jaźń: 250 kg ładunku, 90 km zasięgu.",
        "Umów jazdę próbną",
    ),
];

pub(crate) struct Studio {
    fake: Fake,
    files: BTreeMap<String, Artifact>,
}

impl Studio {
    pub(crate) fn new() -> Studio {
        let fake = Fake::new();
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../visual/fixtures/brand");
        let mut files = BTreeMap::new();
        for file in std::fs::read_dir(folder).unwrap() {
            let file = file.unwrap();
            let name = file.file_name().into_string().unwrap();
            let reference = fake.artifact(
                std::fs::read(file.path()).unwrap(),
                "application/octet-stream",
                name.as_str(),
            );
            files.insert(name, reference);
        }
        Studio { fake, files }
    }

    /// A brand of three files: no fonts, one logo, a palette with a pale accent.
    pub(crate) fn plain() -> Studio {
        let mut studio = Studio::new();
        studio.files.retain(|name, _| name == "logo.svg");
        let palette = br##"{"primary": "#14202e", "secondary": "#2f5d50", "accent": "#f2a33a", "background": "#f7f3ea", "fog": "#c9d3d6"}"##;
        let palette = studio.fake.artifact(palette.to_vec(), "application/json", "palette.json");
        studio.files.insert("palette.json".into(), palette);
        studio
    }

    pub(crate) fn commission(
        &self,
        (locale, headline, body, cta): Text,
        style: &str,
        (w, h): (u32, u32),
    ) -> Commission {
        Commission {
            copy: Words { headline: headline.into(), body: body.into(), cta: cta.into() },
            locale: locale.into(),
            channel: Choice::Id("social".into()),
            style: Choice::Id(style.into()),
            aspect: Size { id: format!("{w}x{h}"), w, h },
            brand: self.files.clone(),
            feedback: Vec::new(),
            image_model: None,
        }
    }

    pub(crate) fn compose(&self, commission: Commission) -> Result<Picture, Failure> {
        visual::visual(commission, &self.fake.host())
    }

    pub(crate) fn judge(&self, picture: &Picture, size: (u32, u32)) -> Judgement {
        let layout = picture.layout.iter().map(|placed| Part {
            role: format!("{:?}", placed.role).to_lowercase(),
            area: Area { x: placed.area.x, y: placed.area.y, w: placed.area.w, h: placed.area.h },
        });
        self.judge_parts(picture.image.clone(), layout.collect(), size)
    }

    pub(crate) fn judge_parts(
        &self,
        image: Artifact,
        layout: Vec<Part>,
        (w, h): (u32, u32),
    ) -> Judgement {
        let candidate = Candidate {
            subject: Subject { image, layout },
            aspect: Aspect { w, h },
            brand: self.files.clone(),
        };
        brand::brand(candidate, &self.fake.host()).unwrap()
    }

    pub(crate) fn perform(&self, input: &serde_json::Value) -> serde_json::Value {
        self.fake.perform(brand::brand, input).unwrap()
    }

    pub(crate) fn file(&self, bytes: Vec<u8>) -> Artifact {
        self.fake.artifact(bytes, "image/png", "a.png")
    }

    /// A good picture, opened to be spoilt.
    pub(crate) fn sheet(&self, style: &str, size: (u32, u32)) -> Sheet {
        let picture = self.compose(self.commission(COPY[0], style, size)).unwrap();
        let file = self.fake.bytes(&picture.image).unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(file)).read_info().unwrap();
        let mut pixels = vec![0; size.0 as usize * size.1 as usize * 3];
        reader.next_frame(&mut pixels).unwrap();
        let parts = picture.layout.iter().map(|placed| Part {
            role: format!("{:?}", placed.role).to_lowercase(),
            area: Area { x: placed.area.x, y: placed.area.y, w: placed.area.w, h: placed.area.h },
        });
        Sheet { w: size.0 as i64, h: size.1 as i64, pixels, parts: parts.collect() }
    }

    pub(crate) fn judge_sheet(&self, sheet: &Sheet) -> Judgement {
        let image = self.file(sheet.png());
        self.judge_parts(image, sheet.parts.clone(), (sheet.w as u32, sheet.h as u32))
    }
}

pub(crate) fn feedback(rule: &str, rounds: u32) -> Vec<Feedback> {
    let reason = Reason { rule: rule.into(), message: String::new(), fix: String::new() };
    (0..rounds)
        .map(|round| Feedback { by: "brand".into(), round, reasons: vec![reason.clone()] })
        .collect()
}

#[derive(Clone)]
pub(crate) struct Sheet {
    pub(crate) w: i64,
    pub(crate) h: i64,
    pub(crate) pixels: Vec<u8>,
    pub(crate) parts: Vec<Part>,
}

impl Sheet {
    pub(crate) fn part(&mut self, role: &str) -> &mut Part {
        self.parts.iter_mut().find(|part| part.role == role).unwrap()
    }

    pub(crate) fn at(&self, x: i64, y: i64) -> [u8; 3] {
        let place = (y * self.w + x) as usize * 3;
        [self.pixels[place], self.pixels[place + 1], self.pixels[place + 2]]
    }

    pub(crate) fn each(&mut self, area: Area, paint: impl Fn(i64, i64, [u8; 3]) -> [u8; 3]) {
        for y in area.y.max(0)..(area.y + area.h).min(self.h) {
            for x in area.x.max(0)..(area.x + area.w).min(self.w) {
                let colour = paint(x, y, self.at(x, y));
                let place = (y * self.w + x) as usize * 3;
                self.pixels[place..place + 3].copy_from_slice(&colour);
            }
        }
    }

    pub(crate) fn all(&self) -> Area {
        Area { x: 0, y: 0, w: self.w, h: self.h }
    }

    pub(crate) fn png(&self) -> Vec<u8> {
        let mut file = Vec::new();
        let mut encoder = png::Encoder::new(&mut file, self.w as u32, self.h as u32);
        encoder.set_color(png::ColorType::Rgb);
        let mut writer = encoder.write_header().unwrap();
        writer.write_image_data(&self.pixels).unwrap();
        writer.finish().unwrap();
        file
    }
}
