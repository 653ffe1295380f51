//! The binary on a terminal of its own: the live tree, and people who are asked.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod support;

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::process::{Child, Stdio};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use support::{ASKS, Guest, ONE, World, given};

/// A pseudo terminal: the test holds one end, the binary the other.
struct Terminal {
    ours: File,
    /// Until the binary has it: then reading ends when the binary does.
    theirs: Option<File>,
}

impl Terminal {
    fn new(columns: u16) -> Self {
        let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&ours).unwrap();
        unlockpt(&ours).unwrap();
        let name = ptsname(&ours, Vec::new()).unwrap();
        let theirs =
            OpenOptions::new().read(true).write(true).open(name.to_str().unwrap()).unwrap();
        tcsetwinsize(&theirs, Winsize { ws_row: 40, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 })
            .unwrap();
        Self { ours: ours.into(), theirs: Some(theirs) }
    }

    fn spawn(&mut self, world: &World, arguments: &[&str]) -> Child {
        let mut command = world.command(arguments);
        let theirs = self.theirs.take().unwrap();
        command
            .env("TERM", "xterm")
            .stdin(Stdio::from(theirs.try_clone().unwrap()))
            .stderr(Stdio::from(theirs))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// Reads until the text has come.
    fn until(&mut self, wanted: &str, seen: &mut String) {
        self.until_times(wanted, 1, seen);
    }

    /// Reads until the text has come so often.
    fn until_times(&mut self, wanted: &str, times: usize, seen: &mut String) {
        let mut bytes = [0; 4096];
        while seen.matches(wanted).count() < times {
            let count =
                self.ours.read(&mut bytes).unwrap_or_else(|error| panic!("{error}: {seen}"));
            assert!(count > 0, "it ended: {seen}");
            seen.push_str(&String::from_utf8_lossy(&bytes[..count]));
        }
    }

    fn types(&mut self, line: &str) {
        self.ours.write_all(line.as_bytes()).unwrap();
    }
}

/// What stands on the screen after all of it: enough of a terminal for lines, cursor up
/// and clearing to the end.
fn screen(text: &str) -> Vec<String> {
    let (mut rows, mut at): (Vec<String>, usize) = (vec![String::new()], 0);
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\r' => {}
            '\n' => {
                at += 1;
                if at == rows.len() {
                    rows.push(String::new());
                } else {
                    rows[at].clear();
                }
            }
            '\u{1b}' => {
                let mut code = String::new();
                for part in characters.by_ref().skip(1) {
                    code.push(part);
                    if part.is_ascii_alphabetic() {
                        break;
                    }
                }
                match (code.trim_end_matches(char::is_alphabetic), code.chars().last()) {
                    (count, Some('A')) => at -= count.parse::<usize>().unwrap_or(1),
                    (_, Some('J')) => {
                        rows.truncate(at + 1);
                        rows[at].clear();
                    }
                    _ => {}
                }
            }
            other => rows[at].push(other),
        }
    }
    rows
}

#[test]
fn the_tree_is_drawn_in_place_and_gone_at_the_end() {
    let world = World::new();
    world.project(&Guest::answers("[1]"), ASKS);
    let mut terminal = Terminal::new(60);
    let mut child = terminal.spawn(&world, &["run", "--run-id", "r1"]);
    let mut seen = String::new();
    for times in 1..=2 {
        terminal.until_times("approve [COMMENT]", times, &mut seen);
        terminal.types("later\n");
    }
    terminal.until("--decisions", &mut seen);
    assert_eq!(child.wait().unwrap().code(), Some(3), "{seen}");
    let left = screen(&seen).join("\n");
    assert!(left.contains("run r1 is waiting"), "{left}");
    assert!(!left.contains('━') && !left.contains('╌'), "a frame was left: {left}");
}

#[test]
fn people_are_asked_one_question_at_a_time() {
    let world = World::new();
    world.project(&Guest::answers("{\"text\":\"old\"}"), ASKS);
    let mut terminal = Terminal::new(100);
    let mut child = terminal.spawn(&world, &["run", "--run-id", "r1"]);
    let mut seen = String::new();
    terminal.until("approve [COMMENT]", &mut seen);
    assert!(seen.contains("editor asks about one/locale="), "{seen}");
    assert!(seen.contains("\"text\": \"old\"") && seen.contains("1 round left"), "{seen}");
    assert_eq!(seen.matches(" asks about ").count(), 1, "{seen}");

    let again = |terminal: &mut Terminal, line: &str, answer: &str| {
        let mut seen = String::new();
        terminal.types(line);
        terminal.until(answer, &mut seen);
        terminal.until("approve [COMMENT]", &mut seen);
        seen
    };
    again(&mut terminal, "yes\n", "none of the answers");
    again(&mut terminal, "reject\n", "say why");
    world.write("bad.json", "{");
    again(&mut terminal, "edit bad.json\n", "not a JSON document");
    world.write("new.json", "{\"text\": \"new\"}");
    // The edit goes through the judges again, so the same cell is asked about anew.
    again(&mut terminal, "edit new.json\n", "asks about");
    let asked = again(&mut terminal, "approve fine\n", "asks about");
    assert!(asked.contains("one/locale="), "{asked}");
    terminal.types("a\n");
    let mut rest = String::new();
    terminal.until("run r1 is done", &mut rest);
    let mut output = String::new();
    child.stdout.take().unwrap().read_to_string(&mut output).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0), "{rest}");
    assert!(
        output.contains("\"text\": \"new\"") && output.contains("\"text\": \"old\""),
        "{output}"
    );
    let shown = given(&world.run(["show", "r1"]));
    assert!(shown.contains("approve by") && shown.contains(": fine"), "{shown}");
}

#[test]
fn a_narrow_terminal_cuts_lines_instead_of_wrapping() {
    let world = World::new();
    world.project(&Guest::answers("[1]"), ONE);
    let mut terminal = Terminal::new(24);
    let mut child = terminal.spawn(&world, &["run", "--run-id", "r1"]);
    let mut seen = String::new();
    terminal.until("cells: 1 done", &mut seen);
    assert_eq!(child.wait().unwrap().code(), Some(0), "{seen}");
    let left = screen(&seen).join("\n");
    assert!(!left.contains('━') && !left.contains('╌'), "a frame was left: {left}");
}
