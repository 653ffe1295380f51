use bailiwick::fake::Fake;
use bailiwick::{Host, Task};

fn made_up(task: Task) -> Host {
    let reach = Fake::new();
    Host { task, reach }
}

fn main() {}
