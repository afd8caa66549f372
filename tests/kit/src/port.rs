//! Ports for processes that must know theirs before they start.

use std::collections::BTreeSet;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::TcpListener;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

/// A port that nobody listens on, and that this process has given to nobody. It is below those that the system gives to
/// outgoing connections, and to listeners that ask for any: one of these may have taken it before whoever asked for it
/// listens.
///
/// # Panics
/// If no port is free.
pub fn free_port() -> u16 {
    static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
    let mut given = GIVEN.lock().unwrap_or_else(PoisonError::into_inner);
    for _ in 0..MOST_TRIES {
        let chance = RandomState::new().build_hasher().finish() % u64::from(PORTS.end - PORTS.start);
        let port = PORTS.start + u16::try_from(chance).unwrap_or_default();
        if given.insert(port) && TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
    panic!("no port is free");
}

/// Linux gives those from 32768 on (`net.ipv4.ip_local_port_range`).
const PORTS: Range<u16> = 20_000..32_000;
const MOST_TRIES: u32 = 1_000;
