use bailiwick::{Failure, Host};

#[bailiwick::agent]
fn borrows(brief: &str, host: Host) -> Result<String, Failure> {
    host.log().info(brief);
    Ok(brief.to_owned())
}

#[bailiwick::agent]
fn changes(brief: String, host: &mut Host) -> Result<String, Failure> {
    host.log().info(&brief);
    Ok(brief)
}

fn main() {}
