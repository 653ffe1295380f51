//! The README's agent, built and tested as it stands there.

#[path = "readme/slogan.rs"]
#[allow(unreachable_pub, reason = "a crate of its own in the README")]
mod slogan;

#[test]
fn the_readme_shows_this_agent() {
    let readme = include_str!("../README.md");
    assert!(readme.contains(include_str!("readme/slogan.rs")));
}
