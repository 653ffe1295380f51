use bailiwick::{Failure, Host};

struct Writer;

impl Writer {
    #[bailiwick::agent]
    fn draft(&self, brief: String, host: &Host) -> Result<String, Failure> {
        host.log().info(&brief);
        Ok(brief)
    }
}

fn main() {}
