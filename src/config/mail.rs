//! Mail: whether a relay takes it, and which.

use std::path::PathBuf;

use latchkey_identity::{Mailing, Relay};

use super::ConfigError;

/// What becomes of mails.
#[derive(Clone, PartialEq, Eq)]
pub enum Mail {
    /// They stay, and the administrator's listener shows them: `latchkey up`.
    Kept,
    /// There is no relay, so they are dead letters.
    Nowhere,
    /// A relay takes them.
    Relay(RelaySettings),
}

/// The relay.
#[derive(Clone, PartialEq, Eq)]
pub struct RelaySettings {
    /// `smtps://…` or `smtp://…`; it may contain a password.
    pub url: String,
    /// The sender of all mails.
    pub sender: String,
    /// How many mails it gets in an hour.
    pub max_per_hour: i64,
    /// A PEM file with an authority that it may have besides the public ones.
    pub authority: Option<PathBuf>,
}

/// How many mails a relay gets in an hour unless the configuration says otherwise.
pub(super) const MAX_PER_HOUR: i64 = 500;

impl Mail {
    /// What the issuer does with mails.
    pub(crate) fn mailing(&self) -> Result<Mailing, ConfigError> {
        let settings = match self {
            Self::Kept => return Ok(Mailing::Kept),
            Self::Nowhere => return Ok(Mailing::Nowhere),
            Self::Relay(settings) => settings,
        };
        let authority = settings.authority.as_ref().map(|path| {
            std::fs::read(path).map_err(|error| ConfigError(format!("{}: {error}", path.display())))
        });
        let authority = authority.transpose()?;
        Relay::new(
            &settings.url,
            &settings.sender,
            settings.max_per_hour,
            authority.as_deref(),
        )
        .map(|relay| Mailing::Relay(Box::new(relay)))
        .map_err(ConfigError)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::serve;
    use super::*;

    #[test]
    fn mail_goes_nowhere_until_there_is_a_relay_with_a_sender() {
        assert!(serve(&[]).unwrap().mail == Mail::Nowhere);
        let url = ("LATCHKEY_MAIL_URL", "smtps://relay.example.test");
        let sender = ("LATCHKEY_MAIL_SENDER", "Shop <shop@example.test>");
        let Mail::Relay(settings) = serve(&[url, sender]).unwrap().mail else {
            panic!("a relay");
        };
        assert_eq!(settings.max_per_hour, MAX_PER_HOUR);
        for alone in [url, sender, ("LATCHKEY_MAIL_MAX_PER_HOUR", "5")] {
            let told = serve(&[alone]).unwrap_err().0;
            assert_eq!(told, "mail.url and mail.sender must be set together", "{alone:?}");
        }
        for bad in ["0", "-1", "x", "100001"] {
            let set = [url, sender, ("LATCHKEY_MAIL_MAX_PER_HOUR", bad)];
            assert!(serve(&set).is_err(), "{bad}");
        }
    }

    /// A network between could strip the TLS of a relay that may do without.
    #[test]
    fn a_relay_without_tls_is_refused_beyond_loopback() {
        let sender = ("LATCHKEY_MAIL_SENDER", "shop@example.test");
        let refused = |url| {
            let config = serve(&[("LATCHKEY_MAIL_URL", url), sender]).unwrap();
            config.mail.mailing().err().map(|error| error.0)
        };
        assert_eq!(refused("smtp://127.0.0.1:2525?tls=none"), None);
        for url in [
            "smtp://relay.example.test?tls=none",
            "smtp://relay.example.test?tls=opportunistic",
        ] {
            assert!(
                refused(url).is_some_and(|told| told.starts_with("mail.url")),
                "{url}"
            );
        }
    }

    #[test]
    fn the_settings_of_mail_have_a_table_of_their_own() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("latchkey.toml");
        let read = |text: &str| {
            std::fs::write(&path, text).unwrap();
            super::super::Config::serve(super::super::Role::all(), Some(&path), &[])
        };
        let text = "[mail]\nurl = \"smtps://relay.example.test\"\nsender = \"a@b.test\"\nmax_per_hour = 7\n";
        let Mail::Relay(settings) = read(text).unwrap().mail else {
            panic!("a relay");
        };
        assert_eq!(settings.max_per_hour, 7);
        let told = read("[mail]\nsendr = \"a@b.test\"\n").unwrap_err().0;
        assert!(
            told.contains("line 2: unknown key mail.sendr; did you mean mail.sender?"),
            "{told}"
        );
        let told = read("mail = 1\n").unwrap_err().0;
        assert!(told.ends_with("mail is a table: [mail]"), "{told}");
    }
}
