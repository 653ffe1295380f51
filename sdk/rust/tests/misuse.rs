//! How misuse of the attribute reads: every error at its place, golden.

#[test]
fn misuse_is_explained() {
    trybuild::TestCases::new().compile_fail("tests/misuse/*.rs");
}
