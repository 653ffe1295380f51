//! A JSON document in the user's editor. The only place where the CLI starts a program that it was not told to build.

use std::io::Write as _;
use std::process::Command;

use serde_json::Value;

/// Opens the editor on a copy and gives what was saved.
pub(super) fn edited(value: &Value, editor: Option<&str>) -> Result<String, String> {
    let editor = editor.ok_or("neither VISUAL nor EDITOR is set; type: edit FILE")?;
    let say = |error: std::io::Error| format!("the editor cannot be used: {error}");
    let mut file =
        tempfile::Builder::new().prefix("bailiwick-").suffix(".json").tempfile().map_err(say)?;
    writeln!(file, "{value:#}").and_then(|()| file.flush()).map_err(say)?;
    // EDITOR may have arguments (`code --wait`), as git and crontab have taught everybody.
    let ended = Command::new("sh")
        .args(["-c", &format!("{editor} \"$1\""), "sh"])
        .arg(file.path())
        .status()
        .map_err(say)?;
    if !ended.success() {
        return Err(format!("the editor ended with {ended}; nothing was taken"));
    }
    std::fs::read_to_string(file.path()).map_err(say)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn gives_what_the_editor_saved() {
        let edit = "sed -i s/old/new/";
        assert_eq!(
            edited(&json!({"a": "old"}), Some(edit)).unwrap().trim(),
            "{\n  \"a\": \"new\"\n}"
        );
        assert!(edited(&json!(1), Some("false")).unwrap_err().contains("nothing was taken"));
        assert!(edited(&json!(1), None).is_err());
    }
}
