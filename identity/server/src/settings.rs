//! What the operator decides about people: who may register, how they must sign in and get back in, and under which name authenticators know this site.

use std::collections::BTreeMap;
use std::sync::Arc;

use latchkey_identity_store::Retention;
use latchkey_protocol::Timestamp;
use latchkey_protocol::authentication::{Acr, RoleAcr};
use latchkey_protocol::client::Client;
use latchkey_protocol::second_factor::{self, Enrolment};
use latchkey_protocol::upstream::{Mode, Provider};
use latchkey_protocol::user::User;
use latchkey_protocol::{recovery, sign_up};

use crate::brand::Brand;
use crate::breached::Breached;
use crate::provider_secret::ProviderSecret;

/// The operator's decisions about people.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// The least class of a sign-in, by role.
    pub required_acr: RoleAcr,
    /// Until when it can be put off, by role.
    pub enrol_by: EnrolBy,
    /// The relying party of passkeys: the issuer's host or a parent domain of it. Absent, it is the issuer's host.
    pub rp_id: Option<String>,
    /// Who may create an account.
    pub sign_up: sign_up::Policy,
    /// How somebody gets back who has lost what they sign in with.
    pub recovery: recovery::Policy,
    /// Other origins that may ask for passkeys of this relying party.
    pub related_origins: Vec<String>,
    /// How the operator shows themselves.
    pub brand: Brand,
    /// How long what is over is kept.
    pub retention: Retention,
    /// Whether a mailed code is a first step.
    pub mail_code: bool,
    /// Passwords that nobody may have, since they are in lists of attackers.
    pub breached: Option<Arc<Breached>>,
    /// The providers that people can sign in with.
    pub providers: Vec<Provider>,
    /// What this issuer authenticates by there, by the provider's id.
    pub provider_secrets: BTreeMap<String, ProviderSecret>,
}

/// Until when users with a role may put off what the role needs, by role.
pub type EnrolBy = BTreeMap<String, Timestamp>;

impl Settings {
    /// The classes that roles need, each entry `ROLE ACR` or `ROLE ACR DATE`. The error is a sentence for their author.
    pub fn role_acr(entries: &[String]) -> Result<RoleAcr, String> {
        let mut roles = RoleAcr::new();
        for entry in entries {
            let (role, acr, _) = read(entry)?;
            if roles.insert(role.to_owned(), acr).is_some() {
                return Err(format!("the role {role} is named twice"));
            }
        }
        Ok(roles)
    }

    /// The same with what everybody needs who administers: a second step, unless the operator says otherwise (`none`, or a
    /// class). An entry for their role that asks for more counts.
    pub fn administrators(mut roles: RoleAcr, class: Option<&str>) -> Result<RoleAcr, String> {
        let class = match class {
            None => Acr::Mfa,
            Some("none") => return Ok(roles),
            Some(name) => Acr::parse(name).ok_or_else(|| {
                let known = Acr::ALL.map(Acr::name).join(", ");
                format!("{name:?} is not an acr that exists here; these do: none, {known}")
            })?,
        };
        let known = roles.entry(ADMINISTRATOR.to_owned()).or_insert(class);
        *known = class.max(*known);
        Ok(roles)
    }

    /// The provider with this id.
    pub fn provider(&self, id: &str) -> Option<&Provider> {
        self.providers.iter().find(|provider| provider.id == id)
    }

    /// The dates of the same entries.
    pub fn enrol_by(entries: &[String]) -> Result<EnrolBy, String> {
        let mut dates = EnrolBy::new();
        for entry in entries {
            if let (role, _, Some(date)) = read(entry)? {
                dates.insert(role.to_owned(), date);
            }
        }
        Ok(dates)
    }

    /// Whether somebody can sign in by a provider of this name now.
    pub(crate) fn signs_in_by(&self, provider: &str) -> bool {
        let mut providers = self.providers.iter();
        providers.any(|known| known.id == provider && known.mode == Mode::SignIn)
    }

    /// What a user sees who has reached this class and must set up a factor to reach what policy needs.
    pub fn enrolment(
        &self,
        client: Option<&Client>,
        person: &User,
        reached: Option<Acr>,
        latest: Timestamp,
    ) -> Enrolment {
        let above = |acr: &Acr| Some(*acr) > reached;
        let mut needed = Vec::new();
        if let Some(client) = client
            && let Some(acr) = client.metadata.required_acr.filter(above)
        {
            let date = client.metadata.enrol_by.as_deref();
            needed.push((acr, date.and_then(second_factor::date)));
        }
        for role in &person.roles {
            if let Some(acr) = self.required_acr.get(role).copied().filter(above) {
                needed.push((acr, self.enrol_by.get(role).copied()));
            }
        }
        second_factor::enrolment(&needed, is_administrator(person), latest)
    }
}

/// Whoever may administer something.
pub(crate) fn is_administrator(person: &User) -> bool {
    is_administrators(&person.roles)
}

/// Whether these are the roles of an administrator.
pub(crate) fn is_administrators(roles: &[String]) -> bool {
    roles.iter().any(|role| role == ADMINISTRATOR)
}

const ADMINISTRATOR: &str = "admin";

/// An entry of `required_acr`: the role, the class, and until when it can be put off.
fn read(entry: &str) -> Result<(&str, Acr, Option<Timestamp>), String> {
    let mut words = entry.split_whitespace();
    let (Some(role), Some(acr), date, None) = (words.next(), words.next(), words.next(), words.next()) else {
        return Err(format!(
            "{entry:?} is not a role, an acr and perhaps a date, separated by spaces"
        ));
    };
    let acr = Acr::parse(acr).ok_or_else(|| {
        let known = Acr::ALL.map(Acr::name).join(", ");
        format!("{acr:?} is not an acr that exists here; these do: {known}")
    })?;
    let Some(date) = date else {
        return Ok((role, acr, None));
    };
    if role == ADMINISTRATOR {
        return Err(format!(
            "administrators cannot put off a second step: remove {date}"
        ));
    }
    let date =
        second_factor::date(date).ok_or_else(|| format!("{date:?} is not a day such as 2027-01-31"))?;
    Ok((role, acr, Some(date)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_by_role_is_read_once_and_by_its_exact_name() {
        let read = |entries: &[&str]| {
            let entries: Vec<String> = entries.iter().map(|entry| (*entry).to_owned()).collect();
            Settings::role_acr(&entries)
        };
        let roles = read(&["admin phr", "instructor urn:latchkey:acr:mfa"]).unwrap();
        assert_eq!(roles.get("admin"), Some(&Acr::Phr));
        assert_eq!(roles.get("instructor"), Some(&Acr::Mfa));
        for bad in [
            &["admin"][..],
            &["instructor urn:latchkey:acr:mfa 2027-02-30"],
            &["instructor urn:latchkey:acr:mfa 2027-01-31 more"],
            &["admin phr 2027-01-31"],
            &["admin phrh"],
            &["admin phr", "admin phr"],
            &["admin="],
        ] {
            assert!(read(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn administrators_need_a_second_step_unless_the_operator_says_otherwise() {
        let of = |entries: &[&str], class: Option<&str>| {
            let entries: Vec<String> = entries.iter().map(|entry| (*entry).to_owned()).collect();
            let roles = Settings::role_acr(&entries).unwrap();
            Settings::administrators(roles, class).map(|roles| roles.get("admin").copied())
        };
        for (entries, class, expected) in [
            (&[][..], None, Some(Acr::Mfa)),
            (&["admin phr"][..], None, Some(Acr::Phr)),
            (&["admin urn:latchkey:acr:password"][..], None, Some(Acr::Mfa)),
            (&["instructor phr"][..], Some("none"), None),
            (&["admin phr"][..], Some("none"), Some(Acr::Phr)),
            (&[][..], Some("phr"), Some(Acr::Phr)),
        ] {
            assert_eq!(of(entries, class), Ok(expected), "{entries:?} {class:?}");
        }
        assert!(of(&[], Some("often")).is_err());
    }

    #[test]
    fn a_date_by_role_is_a_day_and_never_the_administrators() {
        let entries = [
            "instructor urn:latchkey:acr:mfa 2027-01-01".to_owned(),
            "admin phr".to_owned(),
        ];
        let dates = Settings::enrol_by(&entries).unwrap();
        assert_eq!(
            dates,
            EnrolBy::from([("instructor".to_owned(), Timestamp(1_798_761_600_000))])
        );
        assert_eq!(Settings::role_acr(&entries).unwrap().len(), 2);
    }
}
