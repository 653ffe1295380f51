//! The host's side of the control socket: who is let in, and how many at a time. Answers nothing itself.

use std::collections::BTreeMap;
use std::os::unix::net::UnixListener as StdListener;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bailiwick_core::Diagnostic;
use bailiwick_engine::serve::Resident;
use bailiwick_engine::{Problems, codes};
use tokio::net::{UnixListener, UnixStream};

use super::connection::Connection;

/// Connections at a time: each holds a few kilobytes until it asks for something.
const CONNECTIONS_MAX: usize = 256;
/// Connections of one OS user: nobody keeps the others out.
const OF_ONE_MAX: usize = 128;
/// How long is waited when the system has no descriptor for one more connection.
const BREATH: Duration = Duration::from_millis(100);

/// How many are connected, by OS user.
#[derive(Clone, Default)]
struct Guests(Arc<Mutex<BTreeMap<u32, usize>>>);

/// One of them; leaves when it is dropped.
struct Guest {
    guests: Guests,
    uid: u32,
}

impl Guests {
    fn enter(&self, uid: u32) -> Option<Guest> {
        let mut guests = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (all, own) = (guests.values().sum::<usize>(), guests.get(&uid).copied().unwrap_or(0));
        if all >= CONNECTIONS_MAX || own >= OF_ONE_MAX {
            return None;
        }
        guests.insert(uid, own + 1);
        Some(Guest { guests: self.clone(), uid })
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let mut guests = self.guests.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = guests.get_mut(&self.uid) {
            *own -= 1;
        }
        guests.retain(|_, own| *own > 0);
    }
}

/// Lets in who may come, for ever.
///
/// # Errors
/// What the system says where the socket cannot be listened on.
pub(crate) async fn listen(listener: StdListener, resident: Resident) -> std::io::Result<()> {
    let (listener, guests) = (UnixListener::from_std(listener)?, Guests::default());
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(_) => {
                tokio::time::sleep(BREATH).await;
                continue;
            }
        };
        // Whom the kernel does not name is nobody.
        let Ok(peer) = stream.peer_cred() else { continue };
        let uid = peer.uid();
        let Some(guest) = guests.enter(uid) else {
            drop(stream);
            continue;
        };
        tokio::spawn(receive(resident.clone(), uid, stream, guest));
    }
}

async fn receive(resident: Resident, uid: u32, stream: UnixStream, _guest: Guest) {
    let known = resident.knows(uid);
    let connection = Connection::new(resident, uid, stream);
    match known {
        Ok(()) => {
            if let Err(error) = connection.serve().await {
                tracing::debug!(uid, %error, "a connection to the control socket ended");
            }
        }
        Err(problems) => connection.refuse(&problems).await,
    }
}

/// What a command is told whose connection was closed before it could say a word.
pub(super) fn busy() -> Problems {
    let message = "the host closed the connection: too many are open, or it shuts down";
    Problems::one(Diagnostic::error(codes::NO_HOST, message).hint("try again in a moment"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_user_does_not_keep_the_others_out() {
        let guests = Guests::default();
        let first: Vec<_> = std::iter::from_fn(|| guests.enter(7)).collect();
        assert_eq!(first.len(), OF_ONE_MAX);
        let second: Vec<_> = std::iter::from_fn(|| guests.enter(8)).collect();
        assert_eq!(first.len() + second.len(), CONNECTIONS_MAX);
        assert!(guests.enter(9).is_none());
        drop(first);
        assert!(guests.enter(9).is_some() && guests.enter(7).is_some());
        drop(second);
        assert_eq!(guests.0.lock().unwrap().values().sum::<usize>(), 0);
    }
}
