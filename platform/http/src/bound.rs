//! The sockets of a listener.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::net::TcpListener;

/// Listening sockets, bound early so that an address in use is found before anything else happens.
pub struct Bound {
    pub(crate) listeners: Vec<TcpListener>,
    port: u16,
}

impl Bound {
    /// Binds 127.0.0.1 and, if the machine has it, `[::1]`. Port 0 selects a port that is free in both families.
    pub async fn loopback(port: u16) -> io::Result<Self> {
        both(port, |port| TcpListener::bind((Ipv6Addr::LOCALHOST, port))).await
    }

    /// Binds one address.
    pub async fn address(address: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let port = listener.local_addr()?.port();
        Ok(Self {
            listeners: vec![listener],
            port,
        })
    }

    /// Takes over sockets that listen already, all of them at one port.
    pub fn taken_over(sockets: Vec<std::net::TcpListener>) -> io::Result<Self> {
        let mut listeners = Vec::new();
        let mut port = 0;
        for socket in sockets {
            socket.set_nonblocking(true)?;
            port = socket.local_addr()?.port();
            listeners.push(TcpListener::from_std(socket)?);
        }
        match listeners.is_empty() {
            true => Err(io::Error::new(io::ErrorKind::InvalidInput, "no socket")),
            false => Ok(Self { listeners, port }),
        }
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// True if only this host can reach it.
    pub fn is_loopback(&self) -> bool {
        let ip = |listener: &TcpListener| listener.local_addr().map(|address| address.ip());
        self.listeners
            .iter()
            .all(|l| ip(l).as_ref().is_ok_and(IpAddr::is_loopback))
    }
}

/// The same port in both families. For port 0 the system only considers IPv4, so if the port is taken in IPv6, another
/// one is tried.
async fn both<F>(asked: u16, mut bind_v6: impl FnMut(u16) -> F) -> io::Result<Bound>
where
    F: Future<Output = io::Result<TcpListener>>,
{
    const ATTEMPTS: usize = 16;
    // Rejected ports stay bound until the end, so that the system does not select one of them again.
    let mut tried = Vec::new();
    loop {
        let v4 = TcpListener::bind((Ipv4Addr::LOCALHOST, asked)).await?;
        let port = v4.local_addr()?.port();
        let mut listeners = vec![v4];
        match bind_v6(port).await {
            Ok(v6) => listeners.push(v6),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                tried.append(&mut listeners);
                if asked == 0 && tried.len() < ATTEMPTS {
                    continue;
                }
                return Err(error);
            }
            Err(error) => tracing::debug!(error = %error, "no [::1] here"),
        }
        return Ok(Bound { listeners, port });
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::future::ready;

    use super::*;

    #[tokio::test]
    async fn port_0_takes_one_that_is_free_in_both_families() {
        let mut asked = Vec::new();
        let bound = both(0, |port| {
            asked.push(port);
            let kind = match asked.len() {
                1 | 2 => io::ErrorKind::AddrInUse,
                _ => io::ErrorKind::AddrNotAvailable,
            };
            ready(Err(io::Error::from(kind)))
        });
        let bound = bound.await.unwrap();
        assert_eq!(asked.iter().collect::<BTreeSet<_>>().len(), 3, "{asked:?}");
        assert_eq!((bound.port(), bound.listeners.len()), (asked[2], 1));
    }

    #[tokio::test]
    async fn where_every_port_is_taken_it_gives_up() {
        let mut attempts = 0;
        let bound = both(0, |_| {
            attempts += 1;
            ready(Err(io::Error::from(io::ErrorKind::AddrInUse)))
        });
        let error = bound.await.err().expect("no port is free");
        assert_eq!(
            (error.kind(), attempts),
            (io::ErrorKind::AddrInUse, 16),
            "it must not try for ever"
        );
    }
}
