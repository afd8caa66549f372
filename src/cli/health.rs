//! Whether roles are ready, for whoever starts and stops them: `latchkey health`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use futures::future::join_all;
use http::StatusCode;
use latchkey_clock::Clock;
use serde::{Deserialize, Serialize};

use super::common::{CliError, logs, roles};
use super::output::print;
use crate::config::{Config, Listen, Role, environment};
use crate::tls;

#[derive(Args)]
pub(super) struct Health {
    /// The roles to ask; those whose listeners are configured if none is named
    #[arg(value_parser = roles())]
    roles: Vec<Role>,
    /// The configuration file of the process
    #[arg(long)]
    config: Option<PathBuf>,
    /// How long an answer may take, in seconds
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=60))]
    timeout: u64,
}

/// What a role says of itself.
#[derive(Serialize)]
struct Report {
    role: &'static str,
    ready: bool,
    /// Why it is not ready.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// The answer of `/readyz`, as far as it is of interest here.
#[derive(Deserialize)]
struct Checks {
    checks: std::collections::BTreeMap<String, bool>,
}

/// Asks each role at its own listener, with the configuration and the environment of its process.
pub(super) async fn run(health: Health, json: bool) -> Result<(), CliError> {
    logs("off", latchkey_telemetry::Format::Auto, None)?;
    let config = Config::serve(Role::all(), health.config.as_deref(), &environment())?;
    let roles = match health.roles.is_empty() {
        false => health.roles,
        true => config.listening(),
    };
    tls::install_provider();
    let material = tls::material(&config, Vec::new(), &Clock::system())?;
    let patience = Duration::from_secs(health.timeout);
    let asked = roles
        .into_iter()
        .map(|role| ask(role, &config, &material, patience));
    let all = join_all(asked).await;
    print(json, &all, || all.iter().map(sentence).collect())?;
    match all.iter().all(|report| report.ready) {
        true => Ok(()),
        false => Err(CliError::Failed("not every role is ready".to_owned())),
    }
}

fn sentence(report: &Report) -> String {
    match &report.reason {
        None => format!("{} is ready\n", report.role),
        Some(reason) => format!("{} is not ready: {reason}\n", report.role),
    }
}

async fn ask(role: Role, config: &Config, material: &tls::Material, patience: Duration) -> Report {
    let reason = match tokio::time::timeout(patience, readiness(role, config, material)).await {
        Ok(reason) => reason,
        Err(_) => Some(format!("no answer in {} s", patience.as_secs())),
    };
    Report {
        role: role.name(),
        ready: reason.is_none(),
        reason,
    }
}

/// Why a role is not ready, if it is not.
async fn readiness(role: Role, config: &Config, material: &tls::Material) -> Option<String> {
    let Some(address) = listener(&config[role].listen) else {
        return Some(format!("its port is not configured ({}.listen)", role.name()));
    };
    let host = name(role, config).unwrap_or_else(|| match address {
        SocketAddr::V4(address) => address.ip().to_string(),
        SocketAddr::V6(address) => format!("[{}]", address.ip()),
    });
    let url = format!("{}://{host}:{}/readyz", material.scheme(), address.port());
    // The name is that of the certificate, and the listener is here whatever the name leads to elsewhere.
    let client = match material.client_to(&host, address) {
        Ok(client) => client,
        Err(error) => return Some(error.to_string()),
    };
    let response = match client.get(url).send().await {
        Ok(response) => response,
        Err(error) if error.is_connect() => return Some(format!("it cannot be reached at {address}")),
        Err(_) => return Some(format!("{address} does not answer")),
    };
    match response.status() {
        StatusCode::OK => None,
        StatusCode::SERVICE_UNAVAILABLE => {
            let checks = response.json::<Checks>().await.map(|answer| answer.checks);
            let missing = checks.unwrap_or_default().into_iter().filter(|(_, holds)| !holds);
            let missing: Vec<String> = missing.map(|(name, _)| name).collect();
            Some(match missing.is_empty() {
                true => "it does not say why".to_owned(),
                false => missing.join(", "),
            })
        }
        status => Some(format!("{address} answers {}", status.as_u16())),
    }
}

/// Where a listener of this host is reached. `None` for a port that the system chose.
fn listener(listen: &Listen) -> Option<SocketAddr> {
    let address = match listen {
        Listen::Loopback(port) => SocketAddr::from((Ipv4Addr::LOCALHOST, *port)),
        Listen::Address(address) => {
            let here = match address.ip() {
                ip if !ip.is_unspecified() => ip,
                IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
                IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
            };
            SocketAddr::from((here, address.port()))
        }
    };
    (address.port() != 0).then_some(address)
}

/// The name that a certificate of this role has: that by which others reach it.
fn name(role: Role, config: &Config) -> Option<String> {
    let public = match role {
        Role::Identity => config.issuer.as_ref(),
        Role::Gateway => config.origin.as_ref(),
        Role::Service(_) | Role::Storefront | Role::Admin => None,
    };
    let url = config[role].url.as_ref().or(public)?;
    url::Url::parse(url).ok()?.host_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_on_every_address_is_asked_on_loopback() {
        for (listen, asked) in [
            ("localhost:8081", Some("127.0.0.1:8081")),
            ("0.0.0.0:8443", Some("127.0.0.1:8443")),
            ("[::]:8443", Some("[::1]:8443")),
            ("192.0.2.1:443", Some("192.0.2.1:443")),
            ("localhost:0", None),
            ("0.0.0.0:0", None),
        ] {
            let listen = Listen::parse(listen).unwrap();
            assert_eq!(
                listener(&listen),
                asked.map(|text| text.parse().unwrap()),
                "{listen}"
            );
        }
    }
}
