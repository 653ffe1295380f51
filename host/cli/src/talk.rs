//! Standard error: everything that is said besides results, and the live tree that steps aside for it.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use bailiwick_core::text::{Lines, visible};
use bailiwick_engine::Problems;
use console::Term;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::environment::Environment;
use crate::live::screen::Screen;
use crate::problems::{self, Look};

/// Standard error. Cloning is cheap.
#[derive(Clone)]
pub(crate) struct Talk {
    screen: Arc<Mutex<Screen>>,
    look: Look,
}

impl Talk {
    pub(crate) fn new(environment: &Environment) -> Self {
        let look = if environment.colours { Look::Colours } else { Look::Plain };
        let screen = Screen::new(Term::buffered_stderr(), environment.terminals.stderr);
        Self { screen: Arc::new(Mutex::new(screen)), look }
    }

    /// Whether somebody sees a tree drawn here.
    pub(crate) fn is_live(&self) -> bool {
        self.screen(|screen| screen.is_live())
    }

    /// The host's own log goes to standard error too, above the tree.
    pub(crate) fn listen(&self, filter: Option<&str>) {
        // Besides warnings, what one waits for.
        const USUAL: &str = "warn,bailiwick::compiling=info";
        let filter =
            EnvFilter::try_new(filter.unwrap_or(USUAL)).unwrap_or_else(|_| EnvFilter::new(USUAL));
        let subscriber = tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_ansi(false)
            .without_time()
            .with_target(false)
            .with_writer(self.clone());
        // Nobody else sets one in this process.
        let _ = subscriber.try_init();
    }

    /// Says something, with a line break after it. What deceives the eye is made visible.
    pub(crate) fn say(&self, text: &str) {
        self.screen(|screen| screen.say(&visible(text, Lines::Keep)));
    }

    /// Shows what is wrong, all of it, and how much that is.
    pub(crate) fn problems(&self, found: &Problems) {
        let width = self.screen(|screen| screen.width());
        let rendered = problems::render(found, self.look, width);
        self.screen(|screen| screen.say(rendered.trim_end_matches('\n')));
    }

    /// Draws the tree anew.
    pub(crate) fn draw(&self, frame: impl FnOnce(usize) -> Vec<String>) {
        self.screen(|screen| screen.draw(frame));
    }

    /// Takes the tree away until it is drawn again.
    pub(crate) fn clear(&self) {
        self.screen(Screen::clear);
    }

    fn screen<T>(&self, act: impl FnOnce(&mut Screen) -> T) -> T {
        act(&mut self.screen.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<'a> MakeWriter<'a> for Talk {
    type Writer = LogLine;

    fn make_writer(&'a self) -> LogLine {
        LogLine { talk: self.clone(), text: Vec::new() }
    }
}

/// One line of the host's log, said when it is whole.
pub(crate) struct LogLine {
    talk: Talk,
    text: Vec<u8>,
}

impl Write for LogLine {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for LogLine {
    fn drop(&mut self) {
        if !self.text.is_empty() {
            let text = String::from_utf8_lossy(&self.text);
            self.talk.say(text.trim_end_matches('\n'));
        }
    }
}
