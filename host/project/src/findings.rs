//! Everything wrong with one file, collected with places. Knows TOML's spans and no keys.

use std::collections::BTreeSet;
use std::ops::Range;

use bailiwick_core::text::{Lines, clip, visible};
use bailiwick_core::{Calls, Currency, Diagnostic, Money, Place, Tokens};
use bailiwick_policy::Budget;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::codes;
use crate::entries::Entries;
use crate::places::Places;

/// The largest file: what a person keeps by hand is a hundredth of that.
const FILE_MAX_BYTES: usize = 1024 * 1024;

/// The most findings of one file: people mend from the top.
const FINDINGS_MAX: usize = 200;

/// A value of a TOML file with its place.
pub(crate) type Node<'t> = Spanned<DeValue<'t>>;

/// One file and what is wrong with it so far.
pub(crate) struct Findings<'t> {
    pub(crate) file: &'t str,
    pub(crate) text: &'t str,
    places: Places<'t>,
    list: Vec<Diagnostic>,
    /// Whether there is more in the file, or more wrong with it, than is looked through.
    too_much: bool,
    /// The currency of the first amount: that of the files around, or of this one.
    currency: Option<(Currency, String)>,
    /// The first amount of this file.
    stated: Option<(Currency, Place)>,
}

impl<'t> Findings<'t> {
    pub(crate) fn new(file: &'t str, text: &'t str) -> Self {
        // A text that is refused for its size is not looked through for its lines either.
        let places = Places::new(file, text.get(..FILE_MAX_BYTES).unwrap_or(text));
        let list = Vec::new();
        Self { file, text, places, list, too_much: false, currency: None, stated: None }
    }

    /// Reads the text as TOML. With syntax errors the rest is not judged: a table that
    /// lost a line would only give errors that are none.
    pub(crate) fn parse(&mut self) -> Option<Spanned<DeTable<'t>>> {
        if self.text.len() > FILE_MAX_BYTES {
            let message = format!(
                "the file has {} bytes; at most {FILE_MAX_BYTES} are read",
                self.text.len()
            );
            self.report(codes::TOO_MUCH, 0..0, message);
            return None;
        }
        let (table, errors) = DeTable::parse_recoverable(self.text);
        // What follows on a line is mostly a consequence of the first.
        let mut lines = BTreeSet::new();
        for error in &errors {
            let span = error.span().unwrap_or(0..0);
            if !self.is_too_much() && lines.insert(self.places.line(span.start)) {
                let message = visible(clip(error.message(), 300), Lines::Escape);
                self.report(codes::SYNTAX, span, message);
            }
        }
        errors.is_empty().then_some(table)
    }

    pub(crate) fn place(&self, span: Range<usize>) -> Place {
        self.places.of(span)
    }

    /// Whether the rest need not be looked at: as much is wrong as is told, or there are more
    /// entries somewhere than a file may have. What is judged after that costs time that
    /// whoever wrote the file chooses, and tells nothing that is not refused already.
    pub(crate) fn is_too_much(&self) -> bool {
        self.too_much || self.list.len() >= FINDINGS_MAX
    }

    pub(crate) fn report(
        &mut self,
        code: &'static str,
        span: Range<usize>,
        message: impl Into<String>,
    ) {
        if self.list.len() >= FINDINGS_MAX {
            return;
        }
        self.push(Diagnostic::error(code, message).at(self.place(span)));
    }

    pub(crate) fn report_with(
        &mut self,
        code: &'static str,
        span: Range<usize>,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        if self.list.len() >= FINDINGS_MAX {
            return;
        }
        self.push(Diagnostic::error(code, message).at(self.place(span)).hint(hint));
    }

    /// The files around this one name amounts already.
    pub(crate) fn expect_currency(&mut self, around: Option<(Currency, String)>) {
        self.currency = around;
    }

    /// The currency of this file, and where it is named first.
    pub(crate) fn stated(&self) -> Option<(Currency, Place)> {
        self.stated.clone()
    }

    /// An amount in the one currency of all files.
    pub(crate) fn money(&mut self, table: Entries<'_, '_>, key: &str) -> Option<Money> {
        let amount = table.money(key)?;
        let (money, currency) = *amount.get_ref();
        let place = self.place(amount.span());
        match &self.currency {
            Some((known, first)) if *known != currency => {
                let message = format!("this is in {currency}, and {first} is in {known}");
                let hint = "all amounts of a project and of its policy are in one currency";
                self.push(Diagnostic::error(codes::BAD_CURRENCY, message).at(place).hint(hint));
            }
            Some(_) => self.stated = self.stated.take().or(Some((currency, place))),
            None => {
                self.currency = Some((currency, shown(&place)));
                self.stated = Some((currency, place));
            }
        }
        Some(money)
    }

    /// The three numbers of a budget.
    pub(crate) fn budget(&mut self, table: Entries<'_, '_>) -> Budget {
        Budget {
            money: self.money(table, "money"),
            tokens: table.whole("tokens").map(Tokens),
            calls: table.whole("calls").map(Calls),
        }
    }

    pub(crate) fn push(&mut self, diagnostic: Diagnostic) {
        self.too_much |= diagnostic.code == codes::TOO_MUCH;
        if self.list.len() < FINDINGS_MAX && !self.list.contains(&diagnostic) {
            self.list.push(diagnostic);
        }
    }

    /// All of them by place; or the value, where there is none.
    pub(crate) fn or<T>(self, value: Option<T>) -> Result<T, Vec<Diagnostic>> {
        match value {
            Some(value) if self.list.is_empty() => Ok(value),
            _ => Err(self.sorted()),
        }
    }

    pub(crate) fn sorted(mut self) -> Vec<Diagnostic> {
        sort(&mut self.list);
        self.list
    }
}

/// `FILE:LINE:COLUMN`.
pub(crate) fn shown(place: &Place) -> String {
    format!("{}:{}:{}", place.file, place.line, place.column)
}

/// By file, place and code.
pub(crate) fn sort(diagnostics: &mut [Diagnostic]) {
    diagnostics.sort_by_key(|found| {
        let place = found.place.as_ref();
        (
            place.map(|p| p.file.clone()),
            place.map(|p| (p.span.start, p.span.end)),
            found.code,
            found.message.clone(),
        )
    });
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;
    use std::time::{Duration, Instant};

    use super::*;
    use crate::{Project, read_policy};

    /// Each of these took from half a minute to minutes while every place was counted from
    /// the beginning of the file; now some hundredths of a second, also on a busy machine.
    const SAFE: Duration = Duration::from_secs(10);

    #[test]
    #[expect(clippy::disallowed_methods, reason = "how long it takes is what is looked at")]
    fn a_file_full_of_nonsense_is_refused_as_fast_as_it_is_read() {
        let many = |line: &dyn Fn(usize) -> String| {
            let mut text = String::new();
            for number in 0.. {
                let line = line(number);
                if text.len() + line.len() > FILE_MAX_BYTES - 100 {
                    break;
                }
                let _ = write!(text, "{line}");
            }
            text
        };
        let names = many(&|number| format!("\"m{number}\", "));
        let files = [
            many(&|number| format!("[a{number}]\n")),
            many(&|number| format!("a{number} = {number}\n")),
            many(&|_| "x\n".into()),
            many(&|number| format!("[agents.a{number}]\n")),
            many(&|number| format!("[models.m{number}]\nroutes = []\n")),
            format!("[agents.a]\ngrants.model.use = [{names}]\n"),
            format!("[agents.a]\n{}", many(&|number| format!("a{number} = 1\n"))),
            format!("[agents.a.\"{}\"]\n{}", "k".repeat(500_000), "a = 1\n"),
            format!("x = {{ {} }}\n", many(&|number| format!("a{number} = 1, "))),
            format!("agents.a = {{ {} y = 1 }}\n", many(&|number| format!("a{number} = 1, "))),
        ];
        for text in files {
            let began = Instant::now();
            let shown: String = text.chars().take(40).collect();
            let found = [
                Project::read("bailiwick.toml", &text).unwrap_err(),
                read_policy("policy.toml", &text).unwrap_err(),
            ];
            for found in found {
                assert!((1..=FINDINGS_MAX).contains(&found.len()), "{shown}: {}", found.len());
            }
            assert!(began.elapsed() < SAFE, "{shown}: {:?}", began.elapsed());
        }
    }
}
