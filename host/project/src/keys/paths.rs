//! Every key of a file as a path, for whoever has something to say of each of them. Reads nothing.

use super::{FileKind, Key, Shape};

/// The keys of a file under which a value stands, in their order: `agents.*.limits.cpu`
/// (`*` is a name that somebody chose; lists are looked through).
#[must_use]
pub fn key_paths(file: FileKind) -> Vec<String> {
    let mut found = Vec::new();
    of_keys(file.keys(), "", &mut found);
    found
}

fn of_keys(keys: &[Key], above: &str, found: &mut Vec<String>) {
    for key in keys {
        let dot = if above.is_empty() { "" } else { "." };
        of_shape(&key.shape, format!("{above}{dot}{}", key.name), found);
    }
}

/// A value that may be a table or something else is both: its own path and those below.
fn of_shape(shape: &Shape, path: String, found: &mut Vec<String>) {
    match shape {
        Shape::Table(keys) => of_keys(keys, &path, found),
        Shape::List { of, .. } => of_shape(of, path, found),
        Shape::Named { of, .. } | Shape::Labelled { of, .. } => {
            of_shape(of, format!("{path}.*"), found);
        }
        Shape::OneOf(shapes) => {
            for shape in *shapes {
                of_shape(shape, path.clone(), found);
            }
        }
        _ if found.last() == Some(&path) => {}
        _ => found.push(path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_found_behind_names_and_lists() {
        let found = key_paths(FileKind::Project);
        for path in ["agents.*.component", "agents.*.grants.http.even-if", "kv.*.quota"] {
            assert!(found.iter().any(|found| found == path), "{path}: {found:?}");
        }
        assert!(key_paths(FileKind::Policy).contains(&"ceiling.*.limits.cpu".to_owned()));
    }
}
