//! The walls around our own processes, tried out by processes of that kind. What a wall is made of, `lockdown` knows.

use super::{Finding, Health};
use crate::lockdown::Trial;

/// A process of that kind was started, locked itself, and tried what it must not.
pub(super) fn walls(subject: &'static str, trial: Result<Trial, String>) -> Finding {
    let finding = |health, found: String, advice: Option<&str>| Finding {
        subject,
        health,
        found,
        advice: advice.map(Into::into),
    };
    let trial = match trial {
        Ok(trial) => trial,
        Err(why) => {
            let advice = "`bailiwick serve --unlocked` serves without its walls";
            return finding(Health::Bad, format!("cannot be locked: {why}"), Some(advice));
        }
    };
    let (walls, wrong) = (trial.walls.to_string(), trial.wrong());
    if wrong.is_empty() {
        let refused = trial.tried.iter().filter(|tried| !tried.done).count();
        let found = format!("{walls}; {refused} things tried, all refused");
        return finding(Health::Good, found, None);
    }
    let wrong = wrong.join(", ");
    if trial.is_whole() {
        finding(Health::Bad, format!("{walls}; but it could {wrong}"), None)
    } else {
        let advice = "a kernel from 6.12 on, with landlock in its list of LSMs, has all of it";
        finding(Health::Fair, format!("{walls}; it could {wrong}"), Some(advice))
    }
}
