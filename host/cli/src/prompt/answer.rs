//! What a line at the prompt means. Explicit words, never a guess.

use std::path::PathBuf;

/// What can be answered.
pub(super) const CHOICES: &str = "approve [COMMENT] | reject COMMENT | edit [FILE] | later";

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// Released as it is.
    Approve { comment: Option<String> },
    /// Another round, or the end of the cell.
    Reject { comment: Option<String> },
    /// A new value: from a file, or from the editor.
    Edit { file: Option<PathBuf> },
    /// Not now.
    Later,
}

impl Answer {
    /// Reads a line: a word or its first letter, and the rest.
    pub(super) fn read(line: &str) -> Result<Self, &'static str> {
        let line = line.trim();
        let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let rest = Some(rest.trim().to_owned()).filter(|rest| !rest.is_empty());
        match (word.to_ascii_lowercase().as_str(), rest) {
            ("approve" | "a", comment) => Ok(Self::Approve { comment }),
            ("reject" | "r", None) => Err("say why: the comment is all that the next round knows"),
            ("reject" | "r", comment) => Ok(Self::Reject { comment }),
            ("edit" | "e", file) => Ok(Self::Edit { file: file.map(PathBuf::from) }),
            ("later" | "l", None) => Ok(Self::Later),
            _ => Err("that is none of the answers"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_words_or_their_first_letters() {
        let comment = |text: &str| Some(text.to_owned());
        for (line, answer) in [
            ("approve\n", Answer::Approve { comment: None }),
            ("a  fine as it is ", Answer::Approve { comment: comment("fine as it is") }),
            ("Reject too long", Answer::Reject { comment: comment("too long") }),
            ("e", Answer::Edit { file: None }),
            ("edit /tmp/x y.json", Answer::Edit { file: Some("/tmp/x y.json".into()) }),
            ("later", Answer::Later),
        ] {
            assert_eq!(Answer::read(line), Ok(answer), "{line}");
        }
    }

    #[test]
    fn what_is_no_answer_decides_nothing() {
        for line in ["", "yes", "approved", "approve,", "reject", "later tonight", "not approve"] {
            assert!(Answer::read(line).is_err(), "{line}");
        }
    }
}
