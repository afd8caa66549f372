//! The environment, and what its variables say in the words of the file.

/// The `LATCHKEY_…` variables of the environment.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place that reads the environment"
)]
pub fn environment() -> Vec<(String, String)> {
    std::env::vars()
        .filter(|(name, _)| name.starts_with("LATCHKEY_"))
        .collect()
}

/// The sockets that were handed over to this process, as sd_listen_fds(3) tells it.
#[derive(Clone, Debug, Default)]
pub(crate) struct HandedOver {
    /// `LISTEN_FDS`
    pub count: Option<String>,
    /// `LISTEN_PID`
    pub pid: Option<String>,
    /// `LISTEN_FDNAMES`
    pub names: Option<String>,
}

/// The service manager that started this process, as sd_notify(3) and sd_watchdog_enabled(3) tell it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Manager {
    /// `NOTIFY_SOCKET`
    pub socket: Option<String>,
    /// `WATCHDOG_USEC`
    pub watchdog_us: Option<String>,
    /// `WATCHDOG_PID`
    pub watchdog_pid: Option<String>,
}

impl HandedOver {
    pub fn of_process() -> Self {
        Self {
            count: variable("LISTEN_FDS"),
            pid: variable("LISTEN_PID"),
            names: variable("LISTEN_FDNAMES"),
        }
    }
}

impl Manager {
    pub fn of_process() -> Self {
        Self {
            socket: variable("NOTIFY_SOCKET"),
            watchdog_us: variable("WATCHDOG_USEC"),
            watchdog_pid: variable("WATCHDOG_PID"),
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place that reads the environment"
)]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// The key of the file that a variable stands for, and its value as the file would have it. A variable may name the file
/// of a secret instead: `LATCHKEY_BUS_FILE` for `LATCHKEY_BUS`.
pub(super) fn entry(name: &str, value: &str, is_secret: fn(&str) -> bool) -> (String, toml::Value) {
    let key = name.trim_start_matches("LATCHKEY_").to_ascii_lowercase();
    if let Some(secret) = key.strip_suffix("_file").filter(|key| is_secret(key)) {
        return (secret.to_owned(), toml::Value::String(format!("file:{value}")));
    }
    let value = match key.as_str() {
        "hosts"
        | "required_acr"
        | "allow_outgoing"
        | "trusted_proxies"
        | "unlimited_networks"
        | "registration_domains"
        | "registration_terms_urls"
        | "passkeys_related_origins"
        | "telemetry_trusted_networks"
        | "tls_acme_domains"
        | "tls_acme_contact" => list(value),
        name if super::upstream::is_list(name) => list(value),
        _ => toml::Value::String(value.to_owned()),
    };
    (key, value)
}

fn list(value: &str) -> toml::Value {
    let names = value.split(',').map(str::trim).filter(|name| !name.is_empty());
    toml::Value::Array(names.map(|name| toml::Value::String(name.to_owned())).collect())
}
