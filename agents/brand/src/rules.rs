//! The table of rules: what each is called, how grave it is and what mends it; and how findings become a judgement.

use crate::task::{Judgement, Reason, Verdict};

/// A revision cannot use more than this many reasons; the rest repeats them.
const MAX_REASONS: usize = 24;

/// What a picture can break.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rule {
    /// The file is no picture that can be looked at.
    Image,
    /// The picture has another size than was asked for.
    Size,
    /// The list of parts cannot be true.
    Layout,
    /// A part that every picture has is missing.
    Missing,
    /// Text crosses its box or the canvas.
    TextFit,
    /// A box of text without text.
    EmptyText,
    /// Boxes lie over one another.
    Overlap,
    /// Text or logo is not told from what it stands on.
    Contrast,
    /// Text stands on something uneven.
    BusyBackground,
    /// Something is too near to the logo.
    LogoClearSpace,
    /// Colours that are not the brand's.
    Palette,
    /// Shapes or words that no part accounts for.
    UndeclaredInk,
}

impl Rule {
    /// Its id in a reason.
    pub(crate) fn id(self) -> &'static str {
        match self {
            Rule::Image => "image",
            Rule::Size => "size",
            Rule::Layout => "layout",
            Rule::Missing => "missing",
            Rule::TextFit => "text-fit",
            Rule::EmptyText => "empty-text",
            Rule::Overlap => "overlap",
            Rule::Contrast => "contrast",
            Rule::BusyBackground => "busy-background",
            Rule::LogoClearSpace => "logo-clear-space",
            Rule::Palette => "palette",
            Rule::UndeclaredInk => "undeclared-ink",
        }
    }

    /// What mends it.
    fn fix(self) -> &'static str {
        match self {
            Rule::Image => "answer a PNG of at most 8 megapixels",
            Rule::Size => "compose in exactly the size that was asked for",
            Rule::Layout => "list each part once, with its true box",
            Rule::Missing => "add it",
            Rule::TextFit => "set it smaller or in shorter lines",
            Rule::EmptyText => "set the text, or leave out its box",
            Rule::Overlap => "move them apart or set them smaller",
            Rule::Contrast => "take a darker or a lighter colour of the palette",
            Rule::BusyBackground => "put a plain surface behind the text",
            Rule::LogoClearSpace => "keep a quarter of the logo's height free around it",
            Rule::Palette => "use the colours of palette.json and what lies between them",
            Rule::UndeclaredInk => "list what is drawn there as a part, or leave it out",
        }
    }

    /// Lies end it; what another round can mend does not.
    fn verdict(self) -> Verdict {
        match self {
            Rule::Image | Rule::Size | Rule::Layout => Verdict::Veto,
            _ => Verdict::Revise,
        }
    }

    /// What one finding takes from the score.
    fn weight(self) -> f64 {
        match self {
            Rule::Image | Rule::Size | Rule::Layout => 1.0,
            Rule::TextFit | Rule::Overlap | Rule::Contrast | Rule::EmptyText | Rule::Missing => {
                0.25
            }
            Rule::BusyBackground | Rule::LogoClearSpace => 0.15,
            Rule::Palette | Rule::UndeclaredInk => 0.1,
        }
    }
}

/// Findings in the order of the checks.
#[derive(Debug, Default)]
pub(crate) struct Findings(Vec<(Rule, String)>);

impl Findings {
    /// Notes one.
    pub(crate) fn note(&mut self, rule: Rule, message: String) {
        if self.0.len() < MAX_REASONS {
            self.0.push((rule, message));
        }
    }

    /// Whether one of them ends it.
    pub(crate) fn is_vetoed(&self) -> bool {
        self.0.iter().any(|(rule, _)| rule.verdict() == Verdict::Veto)
    }

    /// What they come to.
    pub(crate) fn judge(self) -> Judgement {
        let verdict = match (self.0.is_empty(), self.is_vetoed()) {
            (true, _) => Verdict::Pass,
            (_, true) => Verdict::Veto,
            _ => Verdict::Revise,
        };
        let lost: f64 = self.0.iter().map(|(rule, _)| rule.weight()).sum();
        let reasons = self.0.into_iter().map(|(rule, message)| Reason {
            rule: rule.id().to_owned(),
            message,
            fix: rule.fix().to_owned(),
        });
        // Whole hundredths: sums of fractions differ in their last digit with the order.
        let score = if verdict == Verdict::Veto {
            0.0
        } else {
            ((1.0 - lost).max(0.0) * 100.0).round() / 100.0
        };
        Judgement { verdict, score, reasons: reasons.collect() }
    }
}
