use bailiwick::{Failure, Host};

/// Says it again.
#[bailiwick::agent]
fn wrong_host(brief: String, _host: &String) -> Result<String, Failure> {
    let _: Option<Host> = None;
    Ok(brief)
}

fn main() {}
