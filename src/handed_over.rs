//! Sockets that another process has bound and handed over, as systemd does: listening ones, each named after the role
//! that accepts from it. While this process is replaced they stay open, and whoever connects waits instead of being
//! refused.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};

use listenfd::ListenFd;

use crate::config::{Config, HandedOver, Listen, Role};

/// The sockets of each role.
pub(crate) type Sockets = BTreeMap<Role, Vec<TcpListener>>;

/// Takes what the environment says was handed over to this process, if anything was. The reason of an error is for the
/// operator.
pub(crate) fn sockets(told: &HandedOver, config: &Config) -> Result<Sockets, String> {
    let names = names(told, std::process::id(), &config.roles)?;
    let mut sockets = Sockets::new();
    if names.is_empty() {
        return Ok(sockets);
    }
    let mut passed = ListenFd::from_env();
    for (index, role) in names.into_iter().enumerate() {
        let unusable = |reason: String| format!("the socket for {} cannot be used: {reason}", role.name());
        let socket = passed
            .take_tcp_listener(index)
            .map_err(|error| unusable(error.to_string()))?
            .ok_or_else(|| unusable("it was not handed over".to_owned()))?;
        let listening = rustix::net::sockopt::socket_acceptconn(&socket);
        if !listening.map_err(|error| unusable(error.to_string()))? {
            return Err(unusable("it does not listen".to_owned()));
        }
        sockets.entry(role).or_default().push(socket);
    }
    for (role, all) in &sockets {
        let addresses: Result<Vec<SocketAddr>, _> = all.iter().map(TcpListener::local_addr).collect();
        let addresses = addresses.map_err(|error| error.to_string())?;
        check(*role, &config[*role].listen, &addresses)?;
    }
    Ok(sockets)
}

/// The role of each socket in the order in which they came; none where nothing was handed over to this process.
fn names(told: &HandedOver, own_pid: u32, roles: &[Role]) -> Result<Vec<Role>, String> {
    /// More than every role in both families; a count is what somebody wrote.
    const MOST: usize = 64;
    let Some(count) = &told.count else {
        return Ok(Vec::new());
    };
    // sd_listen_fds(3): what is meant for another process was inherited by accident.
    let pid = told.pid.as_deref().and_then(|pid| pid.parse().ok());
    if pid != Some(own_pid) {
        tracing::warn!("LISTEN_FDS is meant for another process and is not used");
        return Ok(Vec::new());
    }
    let count = count
        .parse::<usize>()
        .ok()
        .filter(|count| *count <= MOST)
        .ok_or_else(|| format!("LISTEN_FDS is {count:?}, and not a number up to {MOST}"))?;
    if count == 0 {
        return Ok(Vec::new());
    }
    let names: Vec<&str> = match &told.names {
        Some(names) => names.split(':').collect(),
        None => {
            return Err(
                "sockets were handed over without names: LISTEN_FDNAMES must name the role of each"
                    .to_owned(),
            );
        }
    };
    if names.len() != count {
        return Err(format!(
            "LISTEN_FDNAMES has {} names for the {count} sockets of LISTEN_FDS",
            names.len()
        ));
    }
    let role = |name: &str| {
        let role = roles.iter().copied().find(|role| role.name() == name);
        role.ok_or_else(|| format!("a socket is named {name:?}, which is no role of this process"))
    };
    names.into_iter().map(role).collect()
}

/// A socket at another address than the configured one would be reached by others than the operator meant.
fn check(role: Role, listen: &Listen, addresses: &[SocketAddr]) -> Result<(), String> {
    let is = |wanted: SocketAddr, address: &SocketAddr| {
        address.ip() == wanted.ip() && (wanted.port() == 0 || address.port() == wanted.port())
    };
    let loopback = |ip: IpAddr, port: u16| SocketAddr::new(ip, port);
    let agreed = match listen {
        Listen::Address(wanted) => {
            addresses.len() == 1 && addresses.iter().all(|address| is(*wanted, address))
        }
        Listen::Loopback(port) => {
            let v4 = loopback(Ipv4Addr::LOCALHOST.into(), *port);
            let v6 = loopback(Ipv6Addr::LOCALHOST.into(), *port);
            addresses.iter().filter(|address| is(v4, address)).count() == 1
                && addresses.len() <= 2
                && addresses.iter().all(|address| is(v4, address) || is(v6, address))
                && addresses
                    .iter()
                    .all(|address| address.port() == addresses[0].port())
        }
    };
    if agreed {
        return Ok(());
    }
    let told: Vec<String> = addresses.iter().map(SocketAddr::to_string).collect();
    Err(format!(
        "{} is configured to listen at {listen}, and its sockets are at {}",
        role.name(),
        told.join(" and ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROLES: [Role; 2] = [Role::Identity, Role::Admin];

    fn told(count: &str, pid: &str, names: &str) -> HandedOver {
        let set = |text: &str| (text != "-").then(|| text.to_owned());
        HandedOver {
            count: set(count),
            pid: set(pid),
            names: set(names),
        }
    }

    #[test]
    fn sockets_have_the_roles_that_they_are_named_after() {
        let taken = |count, pid, names_| names(&told(count, pid, names_), 7, &ROLES);
        for (count, pid, names_, roles) in [
            ("1", "7", "identity", vec![Role::Identity]),
            ("2", "7", "admin:identity", vec![Role::Admin, Role::Identity]),
            (
                "2",
                "7",
                "identity:identity",
                vec![Role::Identity, Role::Identity],
            ),
            ("0", "7", "-", vec![]),
            ("0", "7", "", vec![]),
            ("-", "-", "-", vec![]),
            // Meant for somebody else, or for nobody.
            ("1", "8", "identity", vec![]),
            ("1", "-", "identity", vec![]),
            ("1", "seven", "identity", vec![]),
        ] {
            assert_eq!(
                taken(count, pid, names_).unwrap(),
                roles,
                "{count} {pid} {names_}"
            );
        }
    }

    #[test]
    fn sockets_of_nobody_stop_the_start() {
        for (count, names_, reason) in [
            ("1", "-", "without names"),
            ("2", "identity", "1 names for the 2 sockets"),
            ("1", "identity:admin", "2 names for the 1 sockets"),
            ("1", "", "no role of this process"),
            ("1", "unknown", "no role of this process"),
            ("1", "catalog", "no role of this process"),
            ("-1", "identity", "not a number"),
            ("65", "identity", "not a number"),
            ("18446744073709551616", "identity", "not a number"),
        ] {
            let refused = names(&told(count, "7", names_), 7, &ROLES).unwrap_err();
            assert!(refused.contains(reason), "{count} {names_}: {refused}");
        }
    }

    #[test]
    fn a_socket_at_another_address_than_the_configured_one_is_refused() {
        for (listen, addresses, agreed) in [
            ("localhost:8081", "127.0.0.1:8081", true),
            ("localhost:8081", "127.0.0.1:8081 [::1]:8081", true),
            ("localhost:0", "127.0.0.1:4000 [::1]:4000", true),
            ("localhost:0", "127.0.0.1:4000 [::1]:4001", false),
            ("localhost:8081", "[::1]:8081", false),
            ("localhost:8081", "0.0.0.0:8081", false),
            ("localhost:8081", "127.0.0.1:8082", false),
            ("localhost:8081", "127.0.0.1:8081 127.0.0.1:8081", false),
            ("localhost:8081", "127.0.0.1:8081 192.0.2.1:8081", false),
            ("192.0.2.1:443", "192.0.2.1:443", true),
            ("192.0.2.1:443", "0.0.0.0:443", false),
            ("192.0.2.1:443", "192.0.2.1:443 192.0.2.1:443", false),
            ("0.0.0.0:0", "0.0.0.0:9", true),
        ] {
            let listen = Listen::parse(listen).unwrap();
            let addresses: Vec<SocketAddr> = addresses.split(' ').map(|one| one.parse().unwrap()).collect();
            let checked = check(Role::Identity, &listen, &addresses);
            assert_eq!(checked.is_ok(), agreed, "{listen} {addresses:?}: {checked:?}");
        }
    }
}
