//! Attempt after attempt through one host: memory stays flat, and tasks, files, sockets and the pool are back where they began.
//!
//! A few hundred, or as many as `BAILIWICK_HOSTILE_ATTEMPTS` says: 10 000 take minutes.

use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bailiwick_engine::Keys;
use bailiwick_engine::doctor::matrix::{Gauges, Ground, repeat};
use bailiwick_engine::host::HostConfig;

use crate::receiver::Web;

/// Hostile attempts of an ordinary test run.
const ATTEMPTS: usize = 500;
/// How many there are in a round; the first round warms caches and is not counted.
const ROUND: usize = 150;
/// What memory may grow by after the first rounds, however many attempts there are: what
/// threads of the allocator keep.
const GROWTH_MAX_BYTES: u64 = 24 << 20;
/// Longer than connections that are given up take to be gone.
const SETTLES: Duration = Duration::from_secs(20);

/// What a process holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Held {
    tasks: usize,
    files: usize,
    sockets: usize,
}

fn held() -> Held {
    let links = fs::read_dir("/proc/self/fd").unwrap().map_while(Result::ok);
    let links: Vec<_> = links.filter_map(|link| fs::read_link(link.path()).ok()).collect();
    let sockets = links.iter().filter(|link| link.to_string_lossy().starts_with("socket:"));
    Held {
        tasks: tokio::runtime::Handle::current().metrics().num_alive_tasks(),
        sockets: sockets.count(),
        files: links.len(),
    }
}

fn resident_bytes() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_attempts_leave_nothing_behind() {
    let wanted = std::env::var("BAILIWICK_HOSTILE_ATTEMPTS").ok();
    let wanted = wanted.map_or(ATTEMPTS, |number| number.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let config = HostConfig {
        data: folder.path().join("none"),
        cache: folder.path().join("none"),
        compiler: env!("CARGO_BIN_EXE_bailiwick").into(),
        compiler_arguments: vec!["__compile".into()],
        keys: Keys::new(None, None),
        command: "test".into(),
    };
    let before = held();
    let web = Arc::new(Web::open().await.unwrap());
    let ground = Ground {
        folder: folder.path().to_path_buf(),
        receiver: Arc::clone(&web) as _,
        uid: rustix::process::geteuid().as_raw(),
    };
    let mut rounds: Vec<(Gauges, u64)> = Vec::new();
    let times = wanted.div_ceil(ROUND) + 2;
    repeat(&config, &ground, times, &mut |gauges| rounds.push((gauges, resident_bytes())))
        .await
        .unwrap();
    for (gauges, resident) in &rounds {
        println!("{:>6} attempts: {:>4} MiB resident", gauges.attempts, resident >> 20);
        assert_eq!(gauges.held, 0, "after {} attempts", gauges.attempts);
    }
    let (last, _) = rounds[rounds.len() - 1];
    assert!(last.attempts >= wanted, "{last:?}");
    // The second round is the first that found everything compiled and every buffer there.
    let (warm, most) = (rounds[1].1, rounds.iter().skip(2).map(|round| round.1).max().unwrap());
    assert!(most <= warm + GROWTH_MAX_BYTES, "{} MiB, then {} MiB", warm >> 20, most >> 20);
    drop(ground);
    drop(web);
    let since = Instant::now();
    while held() != before {
        assert!(since.elapsed() < SETTLES, "{before:?} before, {:?} after", held());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
