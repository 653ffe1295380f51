//! docs/enforcement.md: the matrix, the keys and the promised cases as a page. A test compares it with the file.

use super::cases::CASES;
use super::keys::{self, Standing};
use super::rows;

/// The page.
#[must_use]
pub fn page() -> String {
    let mut text = String::from(HEAD);
    text.push_str("\n## The matrix\n\n| row | what is tried | what stands in the way | what comes of it |\n|---|---|---|---|\n");
    for row in rows::all() {
        let guards = row.guards.iter().map(|guard| format!("`{guard}`"));
        text.push_str(&format!(
            "| `{}` | {} | {} | {} |\n",
            row.name,
            cell(row.attack),
            guards.collect::<Vec<_>>().join(", "),
            cell(&row.refusal.to_string())
        ));
    }
    text.push_str("\n## Every key\n\n");
    text.push_str(KEYS);
    text.push_str("\n| key | proved by rows | else |\n|---|---|---|\n");
    for (key, standing) in keys::all() {
        let (rows, other) = match standing {
            Some(Standing::Rows(rows)) => (list(&rows), String::new()),
            Some(Standing::Test(test)) => (String::new(), format!("`{test}`")),
            Some(Standing::Says(words)) => {
                (String::new(), format!("restricts nobody: {}", cell(words)))
            }
            None => (String::new(), "nobody has thought of it".to_owned()),
        };
        text.push_str(&format!("| `{key}` | {rows} | {other} |\n"));
    }
    text.push_str("\n## The promised cases\n\n| case | rows | tests |\n|---|---|---|\n");
    for case in CASES {
        text.push_str(&format!(
            "| {} | {} | {} |\n",
            cell(case.case),
            list(case.rows),
            list(case.tests)
        ));
    }
    text
}

const HEAD: &str = "# What is enforced, and who tried\n\n\
Each power and each limit has somebody who runs into it. `bailiwick doctor` does all of it on the machine that it is started on, \
through the host itself, in a folder that is gone afterwards, while steps of an honest agent go on beside it; it ends with 1 where \
something is not refused for its reason. `--json` prints the same as one document.\n\n\
The attacker is one component, [`hostile.wat`](../host/engine/src/doctor/guests/hostile.wat), which does the attack that its input names; \
a test makes it from its text again and compares the bytes. Some rows are files that somebody wrote, and components that are no agents.\n\n\
This page is written by `UPDATE_EXPECT=1 cargo nextest run --release -p bailiwick-engine --test enforcement` from the table in \
`host/engine/src/doctor/matrix`, and a test compares it.\n";

const KEYS: &str = "A key that restricts needs a row that runs into it, or a test where no guest can; a test fails on a new key that has neither, \
until somebody says why it restricts nobody.\n";

/// Words of a table: what would end a cell, or begin markup, is escaped; backticks are for
/// names alone, which a test of the house looks for.
fn cell(words: &str) -> String {
    words.replace('|', "\\|").replace('<', "&lt;").replace('`', "'")
}

fn list(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
