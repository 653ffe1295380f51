//! Random small pipelines that every check passes, and answers of people to them: a number in, text out.

use std::fmt::Write as _;

/// Knuth's generator: good enough to choose, the same everywhere.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn below(&mut self, sides: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((self.0 >> 33) % sides as u64).unwrap()
    }

    pub(crate) fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }
}

const AXES: [&str; 3] = ["x", "y", "z"];

/// A pipeline that every check passes.
pub(crate) fn pipeline(dice: &mut Dice) -> String {
    let mut text = String::from("[axes]\n");
    let lengths: Vec<usize> = AXES.iter().map(|_| 1 + dice.below(3)).collect();
    for (axis, length) in AXES.iter().zip(lengths) {
        let values: Vec<_> = (0..length).map(|n| format!("\"{axis}{n}\"")).collect();
        writeln!(text, "{axis} = [{}]", values.join(", ")).unwrap();
    }
    if dice.chance(30) {
        text.push_str("\n[matrix]\nexclude = [{ x = \"x0\", y = \"y0\" }]\n");
    }
    let mut steps: Vec<Vec<&str>> = Vec::new();
    for at in 0..1 + dice.below(4) {
        let over: Vec<&str> = AXES.into_iter().filter(|_| dice.chance(40)).collect();
        let judged = step(&mut text, at, &over, &steps, dice);
        if judged {
            judges(&mut text, at, dice);
        }
        steps.push(over);
    }
    text
}

/// Writes a step; says whether it may be revised.
fn step(
    text: &mut String,
    at: usize,
    over: &[&str],
    earlier: &[Vec<&str>],
    dice: &mut Dice,
) -> bool {
    let read: Vec<usize> = (0..earlier.len()).filter(|_| dice.chance(50)).collect();
    let mut collect: Vec<&str> = AXES.into_iter().filter(|axis| !over.contains(axis)).collect();
    collect.retain(|axis| read.iter().any(|other| earlier[*other].contains(axis)));
    let mut inputs: Vec<String> =
        read.iter().map(|other| format!("s{other} = \"${{s{other}}}\"")).collect();
    inputs.push("feedback = \"${feedback}\"".into());
    writeln!(
        text,
        "\n[step.s{at}]\nagent = \"work\"\nover = {over:?}\ninput = {{ {} }}",
        inputs.join(", ")
    )
    .unwrap();
    if !collect.is_empty() {
        writeln!(text, "collect = {collect:?}\nmin = {}", dice.below(3)).unwrap();
    }
    if let Some(axis) = over.first().filter(|_| dice.chance(25)) {
        writeln!(text, "when = '${{axis.{axis} != \"{axis}0\"}}'").unwrap();
    }
    writeln!(text, "retry = {{ attempts = {}, backoff = \"10 ms\" }}", 1 + dice.below(3)).unwrap();
    writeln!(text, "on-failure = {{ tolerate = \"{}%\" }}", [0, 34, 100, 100][dice.below(4)])
        .unwrap();
    if dice.chance(40) {
        writeln!(text, "concurrency = {}", 1 + dice.below(2)).unwrap();
    }
    let unread: Vec<String> = (0..earlier.len())
        .filter(|o| !read.contains(o) && o % 2 == 0)
        .map(|o| format!("s{o}"))
        .collect();
    if dice.chance(30) && !unread.is_empty() {
        writeln!(text, "needs = {unread:?}").unwrap();
    }
    dice.chance(70)
}

fn judges(text: &mut String, of: usize, dice: &mut Dice) {
    for at in 0..1 + dice.below(3) {
        writeln!(text, "\n[step.s{of}_j{at}]\njudges = \"s{of}\"\nrounds = {}", dice.below(3))
            .unwrap();
        if dice.chance(35) {
            text.push_str("people = { groups = [\"editors\"] }\n");
        } else {
            writeln!(
                text,
                "agent = \"judge\"\non-failure = {{ tolerate = \"{}%\" }}",
                [50, 100][dice.below(2)]
            )
            .unwrap();
            writeln!(text, "retry = {{ attempts = {}, backoff = \"10 ms\" }}", 1 + dice.below(2))
                .unwrap();
        }
        // The first earlier judge, by name.
        if at > 0 && dice.chance(30) {
            writeln!(text, "when = '${{s{of}_j0 == null || round < 2}}'").unwrap();
        }
    }
}

/// The answers of people: by round, so that every kind comes up; some questions stay open.
pub(crate) fn decisions(dice: &mut Dice) -> String {
    let mut text = String::new();
    let words = ["approve", "reject", "edit", "reject"];
    for judge in ["j0", "j1", "j2"] {
        for of in 0..4 {
            for round in 0..4 {
                if dice.chance(8) {
                    continue;
                }
                let word = words[dice.below(4)];
                let value = if word == "edit" { "value = { mine = true }\n" } else { "" };
                writeln!(text, "[[decide]]\nstep = \"s{of}_{judge}\"\nround = {round}\ndecision = \"{word}\"\n{value}").unwrap();
            }
        }
    }
    text
}
