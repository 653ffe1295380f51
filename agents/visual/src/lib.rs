//! Composes one marketing picture from copy, brand files, a style and a size.
//! This file talks to the host; everything else here is pure.

mod background;
mod canvas;
mod colour;
mod composition;
mod family;
mod frame;
mod kit;
mod lines;
mod logo;
mod palette;
mod revision;
mod setting;
pub mod task;
mod treatment;
mod typeface;

use std::collections::BTreeMap;

use bailiwick::{Failure, Host, HostError};

use background::Background;
use composition::{Request, compose};
use frame::Frame;
use kit::Kit;
use revision::Revision;
use setting::Copytext;
use task::{Commission, Picture, Words};
use treatment::Treatment;

/// More brand files than this are not a brand folder; each is a call to the host.
const MAX_BRAND_FILES: usize = 64;

/// Composes one marketing picture from copy, brand files, a style and a size.
///
/// # Errors
/// `invalid-input` where the copy, the size or a brand file makes no picture; the text says which and why.
#[bailiwick::agent]
pub fn visual(commission: Commission, host: &Host) -> Result<Picture, Failure> {
    let frame = Frame::new(&commission.aspect).map_err(refuse)?;
    let copy = clean(&commission.copy)?;
    let files = brand_files(&commission, host)?;
    let kit = Kit::read(&files).map_err(refuse)?;
    let revision = Revision::of(&commission.feedback);
    let treatment = Treatment::named(commission.style.treatment());
    let mut notes = Vec::new();
    let painted = match &commission.image_model {
        Some(alias) if !revision.plain => paint(alias, &commission, host).unwrap_or_else(|note| {
            host.log().warn(&note);
            notes.push(note);
            None
        }),
        _ => None,
    };
    let request = Request {
        frame,
        treatment,
        copy: Copytext {
            headline: &copy.headline,
            body: &copy.body,
            cta: &copy.cta,
            locale: &commission.locale,
        },
        revision,
        background: painted.as_ref(),
        seed: seed(&[commission.style.id(), commission.channel.id(), &commission.aspect.id]),
    };
    let composed = compose(&kit, &request).map_err(refuse)?;
    notes.extend(composed.notes);
    let name = format!(
        "{}-{}-{}.png",
        plain(commission.style.id()),
        plain(&commission.aspect.id),
        plain(&commission.locale)
    );
    let image = host.artifacts().put(&composed.png, "image/png", name.as_str())?;
    Ok(Picture { image, layout: composed.layout, alt: alt(&copy), notes })
}

fn refuse(error: impl std::fmt::Display) -> Failure {
    Failure::invalid_input(error.to_string())
}

fn brand_files(commission: &Commission, host: &Host) -> Result<BTreeMap<String, Vec<u8>>, Failure> {
    let wanted = |name: &str| {
        let name = name.to_ascii_lowercase();
        name == "palette.json"
            || (name.starts_with("logo") && name.ends_with(".svg"))
            || name.ends_with(".ttf")
            || name.ends_with(".otf")
    };
    let mut files = BTreeMap::new();
    for (name, file) in
        commission.brand.iter().filter(|(name, _)| wanted(name)).take(MAX_BRAND_FILES)
    {
        files.insert(name.clone(), host.artifacts().get(file)?);
    }
    Ok(files)
}

/// One paragraph each, without characters that nobody sees, within the contract's lengths.
fn clean(copy: &Words) -> Result<Words, Failure> {
    let part = |name: &str, text: &str, most: usize| {
        let text: String = text.chars().filter(|c| !is_invisible(*c)).collect();
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let count = text.chars().count();
        if count > most {
            return Err(Failure::invalid_input(format!(
                "copy.{name}: {count} characters, at most {most} are allowed"
            )));
        }
        Ok(text)
    };
    let copy = Words {
        headline: part("headline", &copy.headline, 300)?,
        body: part("body", &copy.body, 1000)?,
        cta: part("cta", &copy.cta, 80)?,
    };
    if copy.headline.is_empty() {
        return Err(Failure::invalid_input("copy.headline: must not be blank"));
    }
    Ok(copy)
}

/// Joiners, direction marks, variation selectors and controls; a soft hyphen is not one of them.
fn is_invisible(c: char) -> bool {
    let control = c.is_control() && !c.is_whitespace();
    control
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{e0000}'..='\u{e0fff}')
}

fn paint(alias: &str, commission: &Commission, host: &Host) -> Result<Option<Background>, String> {
    let said =
        |error: HostError| format!("the background is drawn, not painted by {alias}: {error}");
    let prompt = format!(
        "A photograph without any text or logo, as the background of an advertisement. Mood: {}. It is about: {}",
        commission.style.id(),
        commission.copy.headline
    );
    let (w, h) = (commission.aspect.w, commission.aspect.h);
    let images = host
        .model(alias)
        .generate_images(&bailiwick::model::Picture {
            prompt,
            width: w,
            height: h,
            count: 1,
            seed: Some(1),
        })
        .map_err(said)?;
    let Some(image) = images.first() else { return Ok(None) };
    let file = host.artifacts().get(image).map_err(said)?;
    Background::decode(&file).map(Some).map_err(|error| error.to_string())
}

/// FNV-1a: pictures of one style, channel and aspect are siblings in all languages.
fn seed(parts: &[&str]) -> u64 {
    let bytes = parts.iter().flat_map(|part| part.bytes().chain([0]));
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

fn plain(text: &str) -> String {
    text.chars().take(48).map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect()
}

fn alt(copy: &Words) -> String {
    let parts = [&copy.headline, &copy.body, &copy.cta].map(|part| part.replace('\u{ad}', ""));
    let said: Vec<&str> = parts
        .iter()
        .map(|part| part.trim_end_matches(['.', ' ']))
        .filter(|part| !part.is_empty())
        .collect();
    said.join(". ")
}
