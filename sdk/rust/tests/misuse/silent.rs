use bailiwick::Failure;

#[bailiwick::agent]
fn silent(brief: String) -> Result<String, Failure> {
    Ok(brief)
}

fn main() {}
