use bailiwick::{Failure, Host};

#[bailiwick::agent(name = "draft")]
fn draft(brief: String, host: &Host) -> Result<String, Failure> {
    host.log().info(&brief);
    Ok(brief)
}

fn main() {}
