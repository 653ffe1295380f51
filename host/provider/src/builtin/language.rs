//! The few sentences that a composition needs around the words it is given, in the languages that the house speaks. Chooses none of them.

use super::wording::{capitalised, closed, words};

/// A language that texts are composed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Language {
    English,
    German,
    French,
    Spanish,
    /// None of these: only the words of the material are used.
    Other,
}

use Language::{English, French, German, Other, Spanish};

impl Language {
    pub(super) fn of_locale(locale: &str) -> Self {
        match locale.split(['-', '_']).next().unwrap_or_default().to_lowercase().as_str() {
            "en" | "english" => English,
            "de" | "german" | "deutsch" => German,
            "fr" | "french" | "français" => French,
            "es" | "spanish" | "español" => Spanish,
            _ => Other,
        }
    }

    /// The language that an instruction names.
    pub(super) fn named_in(instruction: &str) -> Option<Self> {
        let named = words(instruction).map(Self::of_locale_name);
        named.flatten().last()
    }

    fn of_locale_name(word: &str) -> Option<Self> {
        match word {
            "English" => Some(English),
            "German" | "Deutsch" => Some(German),
            "French" | "Français" => Some(French),
            "Spanish" | "Español" => Some(Spanish),
            _ => None,
        }
    }

    /// The language whose little words are most frequent; English where none is.
    pub(super) fn heard_in(text: &str) -> Self {
        const MARKS: [(Language, &[&str]); 4] = [
            (English, &["the", "and", "is", "of", "with", "for"]),
            (German, &["der", "die", "das", "und", "ist", "mit", "für", "nicht"]),
            (French, &["le", "les", "et", "est", "avec", "pour", "dans", "une"]),
            (Spanish, &["el", "los", "y", "es", "con", "para", "una", "por"]),
        ];
        let lower = text.to_lowercase();
        let count = |marks: &[&str]| words(&lower).filter(|word| marks.contains(word)).count();
        let mut best = (English, 0);
        for (language, marks) in MARKS {
            let found = count(marks);
            if found > best.1 {
                best = (language, found);
            }
        }
        best.0
    }

    /// A line for the people that a text speaks to.
    pub(super) fn made_for(self, audience: &str) -> Option<String> {
        let line = match self {
            English => format!("Made for {audience}"),
            German => format!("Gemacht für {audience}"),
            French => format!("Pensé pour {audience}"),
            Spanish => format!("Pensado para {audience}"),
            Other => return None,
        };
        Some(closed(&line))
    }

    /// What a button says of a product.
    pub(super) fn discover(self, product: &str) -> String {
        match self {
            English => format!("Discover {product}"),
            German => format!("{product} entdecken"),
            French => format!("Découvrir {product}"),
            Spanish => format!("Descubrir {product}"),
            Other => product.to_owned(),
        }
    }

    /// What a small button says.
    pub(super) fn more(self) -> &'static str {
        match self {
            English => "Learn more",
            German => "Mehr erfahren",
            French => "En savoir plus",
            Spanish => "Saber más",
            Other => "OK",
        }
    }

    /// What a picture shows, for those who do not see it.
    pub(super) fn shows(self, product: &str, headline: &str) -> String {
        match self {
            English => format!("Advertisement for {product} with the words “{headline}”"),
            German => format!("Anzeige für {product} mit den Worten „{headline}“"),
            French => format!("Annonce pour {product} avec les mots « {headline} »"),
            Spanish => format!("Anuncio de {product} con las palabras «{headline}»"),
            Other => format!("{product}: {headline}"),
        }
    }

    /// Who is to hear of what.
    pub(super) fn presented_to(self, product: &str, audience: &str) -> String {
        match self {
            English => format!("The campaign presents {product} to {audience}."),
            German => format!("Die Kampagne stellt {product} vor. Sie richtet sich an {audience}."),
            French => {
                format!("La campagne présente {product}. Elle s’adresse à ce public : {audience}.")
            }
            Spanish => {
                format!("La campaña presenta {product}. Se dirige a este público: {audience}.")
            }
            Other => format!("{product}: {audience}."),
        }
    }

    /// What a campaign is for.
    pub(super) fn goal(self, goal: &str) -> String {
        let goal = closed(&lower_first_word(goal, self));
        match self {
            English => format!("Its goal: {goal}"),
            German => format!("Ihr Ziel: {goal}"),
            French => format!("Son objectif : {goal}"),
            Spanish => format!("Su objetivo: {goal}"),
            Other => goal,
        }
    }

    /// For a bare topic: what a text about it would tell.
    pub(super) fn outline(self, subject: &str) -> String {
        match self {
            English => {
                format!("A short note on {subject}: what it is, why it matters and where to begin.")
            }
            German => format!(
                "{subject}: was es damit auf sich hat, warum es zählt und womit man anfängt."
            ),
            French => {
                format!("{subject} : ce que c’est, pourquoi cela compte et par où commencer.")
            }
            Spanish => format!("{subject}: qué es, por qué importa y por dónde empezar."),
            Other => closed(subject),
        }
    }

    /// Sides from which a subject can be looked at.
    pub(super) fn sides(self, subject: &str) -> Vec<String> {
        let subject = subject.trim_end_matches(['.', '!', '?']);
        let sides: [String; 8] = match self {
            German => [
                format!("{subject} in Kürze"),
                format!("{subject} im Alltag"),
                format!("{subject}: worauf es ankommt"),
                format!("{subject}: die häufigsten Fragen"),
                format!("{subject}: was es kostet"),
                format!("{subject}: woher es kommt"),
                format!("{subject}: was sich gerade ändert"),
                format!("{subject}: die nächsten Schritte"),
            ],
            French => [
                format!("{subject} en bref"),
                format!("{subject} au quotidien"),
                format!("{subject} : ce qui compte"),
                format!("{subject} : les questions fréquentes"),
                format!("{subject} : le coût"),
                format!("{subject} : les origines"),
                format!("{subject} : ce qui change"),
                format!("{subject} : les prochaines étapes"),
            ],
            Spanish => [
                format!("{subject} en breve"),
                format!("{subject} en el día a día"),
                format!("{subject}: lo que importa"),
                format!("{subject}: preguntas frecuentes"),
                format!("{subject}: cuánto cuesta"),
                format!("{subject}: de dónde viene"),
                format!("{subject}: qué está cambiando"),
                format!("{subject}: los próximos pasos"),
            ],
            English => [
                format!("{subject} in brief"),
                format!("{subject} in everyday life"),
                format!("What matters about {subject}"),
                format!("{subject}: common questions"),
                format!("{subject}: what it costs"),
                format!("{subject}: where it comes from"),
                format!("{subject}: what is changing"),
                format!("{subject}: next steps"),
            ],
            Other => std::array::from_fn(|index| format!("{subject} {}", index + 1)),
        };
        sides.map(|side| capitalised(&side)).to_vec()
    }

    /// A pronoun for a product that the sentence before named; nothing where grammar
    /// needs a gender that is not known.
    pub(super) fn it(self) -> Option<&'static str> {
        (self == English).then_some("It")
    }
}

/// A goal is written as a sentence of its own; after a colon English begins it small.
fn lower_first_word(text: &str, language: Language) -> String {
    let first = text.split(' ').next().unwrap_or_default();
    let ordinary = first.chars().skip(1).all(char::is_lowercase) && first.chars().count() > 1;
    if language != English || !ordinary {
        return text.to_owned();
    }
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |letter| letter.to_lowercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hears_languages() {
        for (text, language) in [
            ("Wren leuchtet 38 Stunden mit einer Ladung und ist dicht.", German),
            ("Wren shines for 38 hours and is light.", English),
            ("La lampe est faite pour les cyclistes", French),
            ("La luz es para los ciclistas y dura", Spanish),
            ("", English),
        ] {
            assert_eq!(Language::heard_in(text), language, "{text}");
        }
        assert_eq!(Language::named_in("Use the facts. Write German."), Some(German));
        assert_eq!(Language::named_in("Use the facts."), None);
    }
}
