use bailiwick::{Failure, Host};

#[bailiwick::agent]
fn draft<'h, T>(brief: T, host: &'h Host) -> Result<T, Failure>
where
    T: Clone,
{
    host.log().info("drafting");
    Ok(brief)
}

#[bailiwick::agent]
fn hides(brief: impl Into<String>, _host: &Host) -> Result<String, Failure> {
    Ok(brief.into())
}

fn main() {}
