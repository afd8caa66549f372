//! The part of the account page about the second step: authenticator apps, recovery codes, remembered devices.

use latchkey_db::Class;
use latchkey_protocol::recovery_code::LOW;
use latchkey_web::Words;

use crate::IdentityError;
use crate::pages::{Moment, device_words, moment};
use crate::second_step::SecondStep;
use crate::sessions::SignedIn;

/// What the page shows.
pub(super) struct Security {
    /// How many passkeys there are.
    pub passkeys: i64,
    pub apps: Vec<AppLine>,
    pub devices: Vec<DeviceLine>,
    pub codes_left: i64,
    /// Whether new codes are due.
    pub low: bool,
}

pub(super) struct AppLine {
    pub id: String,
    pub name: String,
    pub since: Moment,
    pub used: Option<Moment>,
}

pub(super) struct DeviceLine {
    pub id: String,
    pub device: String,
    pub until: Moment,
}

impl Security {
    /// Both lists are short: a user has few apps, and few devices are remembered.
    pub async fn of(second: &SecondStep, known: &SignedIn, words: &Words) -> Result<Self, IdentityError> {
        let (store, user) = (second.store.reading(Class::Page), &known.person.id);
        let apps = store.totps(store.db(), user).await?.into_iter();
        let passkeys = store.passkeys(store.db(), user).await?.len();
        let devices = store.remembered_devices(user, second.time.latest()).await?;
        let steps = store.second_steps(store.db(), user).await?;
        let left = steps.and_then(|steps| steps.codes_left);
        let apps: Vec<AppLine> = apps
            .map(|row| AppLine {
                name: match row.name.is_empty() {
                    true => words.say("account.app_name").to_owned(),
                    false => row.name,
                },
                since: moment(words, row.confirmed_at),
                used: row.last_used_at.map(|at| moment(words, at)),
                id: row.id,
            })
            .collect();
        Ok(Self {
            passkeys: i64::try_from(passkeys).unwrap_or(i64::MAX),
            low: !apps.is_empty() && left.is_some_and(|left| left <= LOW),
            codes_left: left.unwrap_or_default(),
            apps,
            devices: devices
                .into_iter()
                .map(|row| DeviceLine {
                    device: device_words(words, row.device.as_deref()),
                    until: moment(words, row.remembered.expires_at),
                    id: row.id,
                })
                .collect(),
        })
    }
}
