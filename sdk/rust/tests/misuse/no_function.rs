use bailiwick::{Failure, Host};

#[bailiwick::agent]
struct Draft {
    host: Option<Host>,
    failure: Failure,
}

fn main() {}
