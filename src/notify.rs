//! What the service manager is told (sd_notify(3)): one datagram for each word, to the socket that it has named.

use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use crate::config::Manager;

/// The service manager, if there is one.
pub(crate) struct Notify {
    to: Option<(UnixDatagram, SocketAddr)>,
    /// How often it must hear that we are alive.
    watchdog: Option<Duration>,
}

/// What it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Word {
    /// We serve.
    Ready,
    /// We read again what can change.
    Reloading,
    /// We stop.
    Stopping,
    /// We are alive.
    Alive,
}

impl Notify {
    /// A manager that cannot be reached stops nobody.
    pub fn new(manager: &Manager) -> Self {
        let opened = manager.socket.as_deref().map(|path| {
            let address = address(path)?;
            Ok((UnixDatagram::unbound()?, address))
        });
        let to = match opened {
            None => None,
            Some(Ok(to)) => Some(to),
            Some(Err::<_, io::Error>(error)) => {
                tracing::warn!(error = %error, "NOTIFY_SOCKET cannot be used; the service manager is told nothing");
                None
            }
        };
        Self {
            watchdog: watchdog(manager, std::process::id()).filter(|_| to.is_some()),
            to,
        }
    }

    pub fn tell(&self, word: Word) {
        let Some((socket, address)) = &self.to else {
            return;
        };
        let now = clock_gettime(ClockId::Monotonic);
        let now_us = i128::from(now.tv_sec) * 1_000_000 + i128::from(now.tv_nsec) / 1_000;
        if let Err(error) = socket.send_to_addr(text(word, now_us).as_bytes(), address) {
            tracing::warn!(error = %error, word = ?word, "the service manager could not be told");
        }
    }

    /// Resolves when it is time to say that we are alive; never where nobody asks.
    pub async fn due(&self) {
        match self.watchdog {
            Some(every) => tokio::time::sleep(every).await,
            None => std::future::pending().await,
        }
    }
}

/// `RELOADING` comes with the instant, by which the manager tells it from an older one.
fn text(word: Word, now_us: i128) -> String {
    match word {
        Word::Ready => "READY=1".to_owned(),
        Word::Reloading => format!("RELOADING=1\nMONOTONIC_USEC={now_us}"),
        Word::Stopping => "STOPPING=1".to_owned(),
        Word::Alive => "WATCHDOG=1".to_owned(),
    }
}

/// A path, or with an `@` a name that no folder has.
fn address(name: &str) -> io::Result<SocketAddr> {
    match name.strip_prefix('@') {
        Some(name) => SocketAddr::from_abstract_name(name),
        None if name.starts_with('/') => SocketAddr::from_pathname(name),
        None => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "it is neither a path nor a name with @",
        )),
    }
}

/// Twice in the time that the manager waits (sd_watchdog_enabled(3)), if it waits for this process.
fn watchdog(manager: &Manager, own_pid: u32) -> Option<Duration> {
    let own = match &manager.watchdog_pid {
        Some(pid) => pid.parse() == Ok(own_pid),
        None => true,
    };
    let every: u64 = manager.watchdog_us.as_deref()?.parse().ok()?;
    (own && every >= 2).then(|| Duration::from_micros(every / 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manager_hears_the_words_that_it_knows() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let manager = UnixDatagram::bind(&path).unwrap();
        let notify = Notify::new(&Manager {
            socket: Some(path.display().to_string()),
            ..Manager::default()
        });
        let mut buffer = [0; 200];
        for (word, begins) in [
            (Word::Ready, "READY=1"),
            (Word::Reloading, "RELOADING=1\nMONOTONIC_USEC="),
            (Word::Stopping, "STOPPING=1"),
            (Word::Alive, "WATCHDOG=1"),
        ] {
            notify.tell(word);
            let length = manager.recv(&mut buffer).unwrap();
            let told = std::str::from_utf8(&buffer[..length]).unwrap();
            assert!(told.starts_with(begins), "{told}");
        }
        drop(manager);
        // A manager that is gone is no reason to fall over.
        notify.tell(Word::Ready);
        for odd in ["", "notify", "@", "/no/such/socket"] {
            let nobody = Notify::new(&Manager {
                socket: Some(odd.to_owned()),
                ..Manager::default()
            });
            nobody.tell(Word::Ready);
        }
    }

    #[test]
    fn the_watchdog_is_fed_twice_in_its_time_if_it_is_ours() {
        let fed = |us: &str, pid: Option<&str>| {
            let manager = Manager {
                watchdog_us: Some(us.to_owned()),
                watchdog_pid: pid.map(str::to_owned),
                ..Manager::default()
            };
            watchdog(&manager, 7)
        };
        let half = Some(Duration::from_secs(15));
        assert_eq!(fed("30000000", None), half);
        assert_eq!(fed("30000000", Some("7")), half);
        for (us, pid) in [
            ("30000000", Some("8")),
            ("30000000", Some("")),
            ("0", None),
            ("1", None),
            ("-1", None),
            ("", None),
        ] {
            assert_eq!(fed(us, pid), None, "{us} {pid:?}");
        }
    }
}
