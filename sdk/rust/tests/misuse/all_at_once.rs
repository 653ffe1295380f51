use bailiwick::{Failure, Host};

#[bailiwick::agent(retries = 3)]
pub async fn draft<T>(brief: &T, host: Host, tone: String) {
    let _: Option<Failure> = None;
    drop((brief, host, tone));
}

fn main() {}
