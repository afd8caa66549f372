//! Recovery of accounts, and the list of passwords that nobody may have.

use std::path::Path;
use std::sync::Arc;

use latchkey_identity::Breached;
use latchkey_protocol::recovery::Policy;

use super::ConfigError;

/// What the operator decides about recoveries.
pub(super) fn policy(
    mail_only: Option<toml::Value>,
    delay_hours: Option<toml::Value>,
) -> Result<Policy, ConfigError> {
    let usual = Policy::default();
    let text = |value: toml::Value| value.to_string().trim_matches('"').to_owned();
    let mail_only = match mail_only.map(text).as_deref() {
        None => usual.mail_only,
        Some("true") => true,
        Some("false") => false,
        Some(_) => return Err(ConfigError("recovery.mail_only is true or false".to_owned())),
    };
    let delay_ms = match delay_hours.map(text) {
        None => usual.delay_ms,
        Some(hours) => {
            let hours = hours
                .parse::<i64>()
                .ok()
                .filter(|hours| (24..=720).contains(hours));
            let hours = hours.ok_or_else(|| {
                ConfigError("recovery.delay_hours is a whole number from 24 to 720".to_owned())
            })?;
            hours * 3_600_000
        }
    };
    Ok(Policy { mail_only, delay_ms })
}

/// The list in this file.
pub(super) fn breached(path: &Path) -> Result<Arc<Breached>, ConfigError> {
    let list = Breached::open(path)
        .map_err(|error| ConfigError(format!("passwords.breached: {}: {error}", path.display())))?;
    Ok(Arc::new(list))
}

#[cfg(test)]
mod tests {
    use super::super::tests::serve;
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Policy, ConfigError> {
        serve(variables).map(|config| config.people.recovery)
    }

    #[test]
    fn by_the_mailbox_alone_and_how_long_it_waits_is_the_operators() {
        assert_eq!(read(&[]).unwrap(), Policy::default());
        let set = read(&[
            ("LATCHKEY_RECOVERY_MAIL_ONLY", "true"),
            ("LATCHKEY_RECOVERY_DELAY_HOURS", "24"),
        ])
        .unwrap();
        assert_eq!((set.mail_only, set.delay_ms), (true, 24 * 3_600_000));
        for (key, bad) in [
            ("LATCHKEY_RECOVERY_MAIL_ONLY", "yes"),
            ("LATCHKEY_RECOVERY_DELAY_HOURS", "1"),
            ("LATCHKEY_RECOVERY_DELAY_HOURS", "721"),
            ("LATCHKEY_RECOVERY_DELAY_HOURS", "soon"),
        ] {
            assert!(read(&[(key, bad)]).is_err(), "{key} {bad}");
        }
    }

    #[test]
    fn a_list_that_is_none_stops_the_start_and_is_named() {
        let missing = serve(&[("LATCHKEY_PASSWORDS_BREACHED", "/no/such/list")]);
        let told = missing.err().map(|error| error.0).unwrap_or_default();
        assert!(
            told.contains("passwords.breached") && told.contains("/no/such/list"),
            "{told}"
        );
    }
}
