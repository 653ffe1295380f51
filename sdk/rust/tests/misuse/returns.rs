use bailiwick::{Failure, Host};

/// Says it again.
#[bailiwick::agent]
fn nothing(brief: String, host: &Host) {
    host.log().info(brief);
}

/// Says it again.
#[bailiwick::agent]
fn plain(brief: String, _host: &Host) -> String {
    brief
}

/// Says it again.
#[bailiwick::agent]
fn option(brief: String, _host: &Host) -> Option<String> {
    Some(brief)
}

/// Says it again.
#[bailiwick::agent]
fn other_error(brief: String, _host: &Host) -> Result<String, std::io::Error> {
    let _: Option<Failure> = None;
    Ok(brief)
}

fn main() {}
