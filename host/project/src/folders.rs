//! Paths that stay inside a project, by their text alone. Opens nothing.

/// The path from the project to `relative`, which is written in a file in the folder
/// `base` (itself from the project, empty for the project's own folder); nothing where
/// it is absolute, empty or leaves the project.
pub(crate) fn inside(base: &str, relative: &str) -> Option<String> {
    let unusual = relative.starts_with('/')
        || relative.contains(['\\', ':'])
        || relative.chars().any(char::is_control);
    if relative.is_empty() || unusual {
        return None;
    }
    let mut elements: Vec<&str> = base.split('/').filter(|element| !element.is_empty()).collect();
    for element in relative.split('/') {
        match element {
            "" | "." => {}
            ".." => _ = elements.pop()?,
            other => elements.push(other),
        }
    }
    Some(if elements.is_empty() { ".".to_owned() } else { elements.join("/") })
}

/// An absolute path without `.`, `..` and doubled slashes, as roots in policy.toml are.
pub(crate) fn absolute(path: &str) -> Option<String> {
    let rest = path.strip_prefix('/')?;
    let plain = rest.split('/').filter(|element| !element.is_empty());
    let elements: Vec<_> = plain.collect();
    let odd = elements.iter().any(|element| matches!(*element, "." | ".."));
    if odd || path.chars().any(char::is_control) {
        return None;
    }
    Some(format!("/{}", elements.join("/")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stays_inside() {
        for (base, relative, expected) in [
            ("", "brand/files", Some("brand/files")),
            ("pipelines", "brief.schema.json", Some("pipelines/brief.schema.json")),
            ("pipelines", "../schemas/./a.json", Some("schemas/a.json")),
            ("pipelines", "../../a.json", None),
            ("", "..", None),
            ("", ".", Some(".")),
            ("", "/etc", None),
            ("", "", None),
            ("", "C:\\x", None),
        ] {
            assert_eq!(inside(base, relative).as_deref(), expected, "{base} {relative}");
        }
    }

    #[test]
    fn roots_are_absolute_and_plain() {
        assert_eq!(absolute("/srv//brand/").as_deref(), Some("/srv/brand"));
        assert_eq!(absolute("/").as_deref(), Some("/"));
        for bad in ["srv", "/srv/../etc", "/./x", ""] {
            assert_eq!(absolute(bad), None, "{bad}");
        }
    }
}
