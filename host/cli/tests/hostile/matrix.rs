//! `bailiwick doctor` as people start it: the whole matrix holds here, and scripts are told the same.

use serde_json::Value;

use crate::end_to_end::Desk;

/// What it promises.
const SECONDS_MAX: f64 = 60.0;

#[test]
fn doctor_proves_the_whole_matrix_on_this_machine() {
    let desk = Desk::new();
    let doctor = desk.bailiwick(["doctor", "--json"]).option("data", desk.data());
    let ended = doctor.ends_with_one_of(&[0, 1]);
    let found: Value = serde_json::from_str(&ended.stdout).unwrap();
    let matrix = &found["matrix"];
    let rows = matrix["rows"].as_array().unwrap();
    assert!(rows.len() > 150, "{} rows", rows.len());
    let broken: Vec<_> = rows.iter().filter(|row| row["enforced"] != true).collect();
    assert!(broken.is_empty(), "{broken:#?}");
    assert_eq!(matrix["neighbours"]["ended"], matrix["neighbours"]["of"], "{matrix}");
    println!("the matrix took {} of {SECONDS_MAX} s", matrix["seconds"]);
    let bad = found["findings"].as_array().unwrap().iter().any(|one| one["health"] == "bad");
    assert_eq!(ended.code, Some(i32::from(bad)), "{}", ended.stdout);
    assert!(!desk.data().exists(), "it tries nothing in the data folder that it looks at");
}
