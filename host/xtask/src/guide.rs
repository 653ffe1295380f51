//! The author's guide as it is typed: its commands in one table, gone through in each language in a fresh folder, with how long each took. Knows no agent but the templates.

mod desk;
mod registry;

use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::timing::Stages;
use crate::{guests, install, languages};
use Language::{Python, Rust, TypeScript};
use desk::Desk;

/// A language that an author writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Language {
    Rust,
    Python,
    TypeScript,
}

impl Language {
    const ALL: [Self; 3] = [Rust, Python, TypeScript];

    /// What stands behind `--lang`.
    fn word(self) -> &'static str {
        match self {
            Rust => "rust",
            Python => "python",
            TypeScript => "typescript",
        }
    }

    /// The file that an author changes.
    fn source(self) -> &'static str {
        match self {
            Rust => "src/lib.rs",
            Python => "agent.py",
            TypeScript => "agent.ts",
        }
    }
}

/// One line of the guide.
struct Step {
    /// What is typed. `LANG` is the language, `REGISTRY` where a registry is.
    types: &'static str,
    /// By whom.
    by: &'static [Language],
    /// What an author or admin does before it with an editor.
    before: Before,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    Nothing,
    /// Another greeting.
    ChangesSource,
    /// The policy that admits the publisher and lists the registry.
    WritesPolicy,
}

const ALL: &[Language] = &Language::ALL;

const fn step(types: &'static str, by: &'static [Language]) -> Step {
    Step { types, by, before: Before::Nothing }
}

/// The guide. docs/authors.md has the same lines, in this order.
const STEPS: [Step; 21] = [
    step("bailiwick new my_agent --lang LANG", ALL),
    step("cd my_agent", ALL),
    step("python3 -m venv .venv && .venv/bin/pip install componentize-py==0.25.1", &[Python]),
    step("npm install --ignore-scripts", &[TypeScript]),
    step("cargo test", &[Rust]),
    step("python3 -m unittest", &[Python]),
    step("npm test", &[TypeScript]),
    step("npm run check", &[TypeScript]),
    step("bailiwick build .", ALL),
    step("bailiwick conform .", ALL),
    step("bailiwick test .", ALL),
    step("bailiwick run --project try --input try/input.json", ALL),
    Step { types: "bailiwick dev --once", by: ALL, before: Before::ChangesSource },
    step("bailiwick keygen ../me.key --no-password", ALL),
    step("bailiwick pack . --key ../me.key --publisher acme", ALL),
    Step {
        types: "bailiwick push . oci://REGISTRY/acme/my_agent:0.1.0 --policy ../policy.toml",
        by: ALL,
        before: Before::WritesPolicy,
    },
    step("cd ..", ALL),
    step("bailiwick init shop", ALL),
    step("cd shop", ALL),
    step("bailiwick add ../my_agent/dist/my_agent.wasm --policy ../policy.toml", ALL),
    step("bailiwick check --policy ../policy.toml", ALL),
];

/// How long each step took whoever types it.
type Taken = Vec<Option<Duration>>;

/// Goes through the guide in these languages, or in all, and prints the table of it.
pub(crate) fn run(words: &[&str], stages: &mut Stages) -> Result<()> {
    let chosen = chosen(words)?;
    stages.run("toolchain", install::guest_toolchain)?;
    stages.run("tools", languages::tools)?;
    let bailiwick = guests::bailiwick()?;
    // As it is before this makes a load of its own.
    let machine = desk::machine();
    let mut columns: Vec<(Language, Taken)> = Vec::new();
    for language in chosen {
        let mut desk = Desk::new(language, &bailiwick)?;
        let taken = stages.run(language.word(), || through(&mut desk, language))?;
        columns.push((language, taken));
    }
    println!("{}", table(&machine, &columns));
    Ok(())
}

fn chosen(words: &[&str]) -> Result<Vec<Language>> {
    if words.is_empty() {
        return Ok(Language::ALL.to_vec());
    }
    let find = |word: &&str| {
        let found = Language::ALL.into_iter().find(|language| language.word() == *word);
        found.with_context(|| format!("{word} is none of rust, python, typescript"))
    };
    words.iter().map(find).collect()
}

fn through(desk: &mut Desk, language: Language) -> Result<Taken> {
    let mut taken = Vec::with_capacity(STEPS.len());
    for step in &STEPS {
        if !step.by.contains(&language) {
            taken.push(None);
            continue;
        }
        match step.before {
            Before::Nothing => {}
            Before::ChangesSource => desk.change(language.source(), "Hello, ", "Good day, ")?,
            Before::WritesPolicy => desk.write_policy()?,
        }
        taken.push(match step.types.strip_prefix("cd ") {
            Some(folder) => {
                desk.goes_to(folder);
                None
            }
            None => Some(desk.types(&step.types.replace("LANG", language.word()))?),
        });
    }
    if !desk.saw_another_greeting() {
        bail!("`bailiwick dev --once` did not show the changed greeting");
    }
    Ok(taken)
}

/// The table as docs/authors.md has it.
fn table(machine: &str, columns: &[(Language, Taken)]) -> String {
    let names: Vec<String> = columns.iter().map(|(language, _)| format!("{language:?}")).collect();
    let mut lines = vec![
        format!("| seconds, on {machine} | {} |", names.join(" | ")),
        format!("|---|{}", "---|".repeat(columns.len())),
    ];
    for (index, step) in STEPS.iter().enumerate().filter(|(_, step)| is_timed(step)) {
        let cell = |(_, taken): &(Language, Taken)| match taken.get(index) {
            Some(Some(time)) => format!("{:.1}", time.as_secs_f64()),
            _ => "–".to_owned(),
        };
        let cells: Vec<String> = columns.iter().map(cell).collect();
        lines.push(format!("| `{}` | {} |", step.types, cells.join(" | ")));
    }
    lines.join("\n")
}

fn is_timed(step: &Step) -> bool {
    !step.types.starts_with("cd ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page() -> String {
        std::fs::read_to_string(crate::root().join("docs/authors.md")).unwrap()
    }

    #[test]
    fn the_page_has_the_commands_of_the_guide() {
        let page = page();
        let block = page.split("```").nth(1).unwrap();
        let typed = |line: &str| line.split("  #").next().unwrap_or(line).trim_end().to_owned();
        let typed: Vec<String> = block.lines().map(typed).filter(|line| !line.is_empty()).collect();
        let all: Vec<&str> = STEPS.iter().map(|step| step.types).collect();
        assert_eq!(typed, all);
    }

    #[test]
    fn the_page_has_a_time_for_each_of_them() {
        let page = page();
        let rows: Vec<&str> = page.lines().filter(|line| line.starts_with("| `")).collect();
        let of_guide = STEPS.iter().filter(|step| is_timed(step));
        let found: Vec<&str> = of_guide
            .map(|step| {
                let begins = format!("| `{}` |", step.types);
                let mut rows = rows.iter().filter(|row| row.starts_with(&begins));
                let row = rows.next().unwrap_or_else(|| panic!("no row for {}", step.types));
                for (cell, language) in row.split('|').skip(2).zip(Language::ALL) {
                    let is_time = cell.trim().parse::<f64>().is_ok();
                    assert_eq!(is_time, step.by.contains(&language), "{row}");
                }
                *row
            })
            .collect();
        assert!(rows.windows(found.len()).any(|part| part == found), "in another order: {rows:?}");
    }

    #[test]
    fn a_table_has_a_column_for_each_language() {
        let times: Taken = STEPS.iter().map(|_| Some(Duration::from_millis(1_250))).collect();
        let table = table("this", &[(Rust, times)]);
        assert!(table.contains("| `bailiwick build .` | 1.2 |"), "{table}");
        assert!(!table.contains("`cd "), "{table}");
        assert_eq!(chosen(&["python"]).unwrap(), [Python]);
        assert!(chosen(&["perl"]).is_err());
    }
}
