use bailiwick::{Failure, Host};

#[bailiwick::agent]
async fn waits(brief: String, _host: &Host) -> Result<String, Failure> {
    Ok(brief)
}

#[bailiwick::agent]
unsafe extern "C" fn exports(brief: String, _host: &Host) -> Result<String, Failure> {
    Ok(brief)
}

#[bailiwick::agent]
const fn folds(brief: u8, _host: &Host) -> Result<u8, Failure> {
    Ok(brief)
}

fn main() {}
