//! The sockets of a listener.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::net::TcpListener;

/// Sockets that listen already, so that an address in use is found before anything else happens.
pub struct Bound {
    pub(crate) listeners: Vec<TcpListener>,
    port: u16,
}

impl Bound {
    /// Binds 127.0.0.1 and, where the machine has it, `[::1]`. Port 0 takes a free one.
    pub async fn loopback(port: u16) -> io::Result<Self> {
        let v4 = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let port = v4.local_addr()?.port();
        let mut listeners = vec![v4];
        match TcpListener::bind((Ipv6Addr::LOCALHOST, port)).await {
            Ok(v6) => listeners.push(v6),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => return Err(error),
            Err(error) => tracing::debug!(error = %error, "no [::1] here"),
        }
        Ok(Self { listeners, port })
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

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// True when only this host can reach it.
    pub fn is_loopback(&self) -> bool {
        let ip = |listener: &TcpListener| listener.local_addr().map(|address| address.ip());
        self.listeners
            .iter()
            .all(|l| ip(l).as_ref().is_ok_and(IpAddr::is_loopback))
    }
}
