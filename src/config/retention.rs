//! How long what is over is kept: `[retention]`.

use latchkey_identity::Retention;

use super::ConfigError;
use super::number::number;

/// The settings as they are written: numbers in the file, their digits in the environment.
pub(super) struct Written {
    pub audit: Option<toml::Value>,
    pub administration: Option<toml::Value>,
    pub history: Option<toml::Value>,
    pub mail: Option<toml::Value>,
}

/// Nobody keeps a row for longer than ten years because of a setting.
const MOST: i64 = 3_650;

/// The days of each kind. The least ones keep decisions right: what happened to an account is told from a month of its
/// history, and a mail that was sent counts against its limits for a day.
pub(super) fn read(written: Written) -> Result<Retention, ConfigError> {
    let usual = Retention::default();
    let days = |key: &str, value: Option<toml::Value>, least: i64, usual: i64| match value {
        None => Ok(usual),
        Some(value) => number(key, value.to_string().trim_matches('"'), least..=MOST),
    };
    let audit = days("retention.audit_days", written.audit, 90, usual.audit)?;
    let administration = written.administration;
    let kept = Retention {
        audit,
        administration: days(
            "retention.administration_days",
            administration,
            365,
            usual.administration.max(audit),
        )?,
        history: days("retention.history_days", written.history, 30, usual.history)?,
        mail: days("retention.mail_days", written.mail, 7, usual.mail)?,
    };
    if kept.administration < kept.audit {
        return Err(ConfigError(
            "retention.administration_days is no less than retention.audit_days: what administrators did is kept as \
             long as the rest"
                .to_owned(),
        ));
    }
    Ok(kept)
}

#[cfg(test)]
mod tests {
    use super::super::tests::serve;
    use super::*;

    fn set(variables: &[(&str, &str)]) -> Result<Retention, ConfigError> {
        serve(variables).map(|config| config.people.retention)
    }

    #[test]
    fn days_are_the_operators_and_no_fewer_than_decisions_need() {
        assert_eq!(set(&[]).unwrap(), Retention::default());
        let kept = set(&[
            ("LATCHKEY_RETENTION_AUDIT_DAYS", "90"),
            ("LATCHKEY_RETENTION_ADMINISTRATION_DAYS", "365"),
            ("LATCHKEY_RETENTION_HISTORY_DAYS", "30"),
            ("LATCHKEY_RETENTION_MAIL_DAYS", "7"),
        ]);
        let (audit, administration, history, mail) = (90, 365, 30, 7);
        assert_eq!(
            kept.unwrap(),
            Retention {
                audit,
                administration,
                history,
                mail
            }
        );
        for (key, bad) in [
            ("LATCHKEY_RETENTION_AUDIT_DAYS", "89"),
            ("LATCHKEY_RETENTION_AUDIT_DAYS", "0"),
            ("LATCHKEY_RETENTION_ADMINISTRATION_DAYS", "364"),
            ("LATCHKEY_RETENTION_ADMINISTRATION_DAYS", "399"),
            ("LATCHKEY_RETENTION_HISTORY_DAYS", "29"),
            ("LATCHKEY_RETENTION_HISTORY_DAYS", "3651"),
            ("LATCHKEY_RETENTION_MAIL_DAYS", "6"),
            ("LATCHKEY_RETENTION_MAIL_DAYS", "a month"),
        ] {
            let refused = set(&[(key, bad)]).unwrap_err();
            assert!(refused.0.contains("retention."), "{key} {bad}: {refused}");
        }
        let longer = set(&[("LATCHKEY_RETENTION_AUDIT_DAYS", "2000")]).unwrap();
        assert_eq!(longer.administration, 2_000);
    }
}
