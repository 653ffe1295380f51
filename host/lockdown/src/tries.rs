//! What a locked process tries, to show what is refused: each thing that an attacker would want next. Harmless where nothing refuses it.

use std::fs::File;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;

use rustix::io::Errno;
use serde::{Deserialize, Serialize};

/// One thing that was tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tried {
    /// What.
    pub what: String,
    /// Whether the process could do it.
    pub done: bool,
    /// What the system said.
    pub said: String,
}

/// What a compiling process tries. A thread it must have.
#[must_use]
pub fn tried_by_compiler() -> Vec<Tried> {
    let mut tried = calls();
    tried.push(one("start a thread", std::thread::Builder::new().spawn(|| ())));
    tried.push(one("open a file", File::open("/dev/null")));
    tried.push(one("look at a file", std::fs::metadata("/")));
    tried.push(one("start a program", Command::new("/bin/true").status()));
    tried.push(one("make a TCP socket", TcpListener::bind("127.0.0.1:0")));
    tried.push(one("make a UDP socket", UdpSocket::bind("127.0.0.1:0")));
    tried
}

/// What a host tries: `own` is a folder that it writes in, `other` a file of somebody
/// else, `beside` a folder that it has no business in.
#[must_use]
pub fn tried_by_host(own: &Path, other: &Path, beside: &Path) -> Vec<Tried> {
    let mut tried = calls();
    tried.push(one("start a thread", std::thread::Builder::new().spawn(|| ())));
    let mine = own.join("tried");
    tried.push(one("write in its own folder", std::fs::write(&mine, "x")));
    tried.push(one("remove from its own folder", std::fs::remove_file(&mine)));
    tried.push(one("read a file that is not its own", File::open(other)));
    tried.push(one("write a file that is not its own", File::options().append(true).open(other)));
    tried.push(one("make a file elsewhere", File::create(beside.join("tried"))));
    tried.push(one("make a socket elsewhere", UnixListener::bind(beside.join("tried.sock"))));
    tried.push(one("list a folder that is not its own", std::fs::read_dir(beside)));
    tried.push(one("start a program", Command::new("/bin/true").status()));
    tried.push(one("start a program of its own folder", start_own(&own.join("program"))));
    tried.push(one("listen on TCP", TcpListener::bind("127.0.0.1:0")));
    tried.push(one("dial", dial()));
    tried
}

/// Calls that nothing here has a use for, one of each kind.
fn calls() -> Vec<Tried> {
    let nobody = rustix::process::getpid();
    vec![
        call("change its root folder", rustix::process::chroot("/")),
        call("lower its own priority", rustix::process::setpriority_process(None, 0)),
        call(
            "take a descriptor of another process",
            rustix::process::pidfd_open(nobody, rustix::process::PidfdFlags::empty()).and_then(
                |process| {
                    let flags = rustix::process::PidfdGetfdFlags::empty();
                    rustix::process::pidfd_getfd(process, 0, flags)
                },
            ),
        ),
    ]
}

/// A file that may be started is one whose bytes the system looks at: these are no program,
/// and it says so only after it was asked whether they may be one.
fn start_own(program: &Path) -> std::io::Result<()> {
    std::fs::write(program, "no program")?;
    std::fs::set_permissions(program, std::fs::Permissions::from_mode(0o700))?;
    let started = Command::new(program).status();
    let removed = std::fs::remove_file(program);
    match started {
        Err(error) if error.raw_os_error() == Some(Errno::NOEXEC.raw_os_error()) => removed,
        other => other.map(drop),
    }
}

/// A port that nobody listens on says so only to who may dial.
fn dial() -> std::io::Result<()> {
    match TcpStream::connect("127.0.0.1:1") {
        Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => Ok(()),
        other => other.map(drop),
    }
}

fn one<T>(what: &str, result: std::io::Result<T>) -> Tried {
    let said = match &result {
        Ok(_) => "done".to_owned(),
        Err(error) => error.to_string(),
    };
    Tried { what: what.to_owned(), done: result.is_ok(), said }
}

fn call<T>(what: &str, result: Result<T, Errno>) -> Tried {
    one(what, result.map_err(std::io::Error::from))
}
