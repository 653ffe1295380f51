use bailiwick::{Failure, Host};

#[bailiwick::agent]
fn nothing() -> Result<String, Failure> {
    Ok(String::new())
}

#[bailiwick::agent]
fn much(brief: String, host: &Host, tone: String, length: u32) -> Result<String, Failure> {
    host.log().info(&brief);
    Ok(format!("{brief}{tone}{length}"))
}

fn main() {}
