//! Accounts of people whom another provider has named: made once the provider or a mail of ours has proved the address, if
//! there is one. There is no password: its owner signs in by the provider.

use latchkey_contracts::events::user as wire;
use latchkey_db::DbError;
use latchkey_identity_store::{
    ArrivalPurpose, ArrivalRow, NewUserRow, StoreError, UpstreamIdentityRow, Window,
};
use latchkey_metrics::catalog::REGISTRATIONS;
use latchkey_protocol::mail::Address;
use latchkey_protocol::sign_up::{FinishError, NAME_TRIES, SignUpError, check_name, check_terms, waits};
use latchkey_protocol::upstream::Mode;
use latchkey_protocol::upstream_outcome::proves;
use latchkey_protocol::user::{canonical, check_claims, check_username};
use serde_json::{Map, Value, json};

use crate::IdentityError;
use crate::admin::AdminError;
use crate::browser::Browser;
use crate::linking::{Linking, Said, label, read};
use crate::pages::ErrorPage;
use crate::secret::digest;
use crate::sign_up::{Refused, has_twin};

/// How many user names somebody tries, however often they come back from their provider: whether one is taken tells that
/// there is a user.
const NAMES: Window = Window {
    most: NAME_TRIES,
    length_ms: 24 * 3_600_000,
};

/// Somebody whom a provider has named, who may get an account now.
pub(crate) struct Newcomer {
    pub arrival: ArrivalRow,
    /// What the provider has said.
    pub said: Said,
    /// What people call the provider.
    pub provider: String,
    /// The address, which is proved.
    pub email: Option<Address>,
}

/// What their page sends.
pub(crate) struct Chosen {
    pub name: String,
    pub username: String,
    pub terms: Option<String>,
    /// The language of the page, and so of mails.
    pub locale: String,
}

/// Somebody who has an account now.
pub(crate) struct Welcome {
    pub identity: UpstreamIdentityRow,
    /// Whether an administrator must approve it first.
    pub waits: bool,
}

/// Why a transaction was undone.
#[derive(Debug)]
enum Undone {
    Refused(Refused),
    Inside(IdentityError),
}

impl From<DbError> for Undone {
    fn from(error: DbError) -> Self {
        Self::Inside(error.into())
    }
}

impl From<StoreError> for Undone {
    fn from(error: StoreError) -> Self {
        Self::Inside(error.into())
    }
}

impl From<IdentityError> for Undone {
    fn from(error: IdentityError) -> Self {
        Self::Inside(error)
    }
}

impl From<AdminError> for Undone {
    fn from(error: AdminError) -> Self {
        match error {
            AdminError::Inside(error) => Self::Inside(error),
            AdminError::Rejected(_) => Self::Inside(IdentityError::Conflict),
        }
    }
}

impl Linking {
    /// Whoever waits for an account in this browser; absent while a mail has yet to prove the address, and where the
    /// provider or the registration was closed in the meantime.
    pub async fn newcomer(&self, browser: &Browser) -> Result<Result<Newcomer, Refused>, ErrorPage> {
        let Some(arrival) = self.waiting(browser, ArrivalPurpose::Register).await? else {
            return Ok(Err(Refused::Over));
        };
        let said = read(&arrival);
        let provider = self.provider(&arrival.provider);
        let open = provider.filter(|provider| provider.mode == Mode::SignIn && provider.registers);
        let Some(provider) = open else {
            return Ok(Err(SignUpError::Closed.into()));
        };
        let email = match &arrival.registration {
            Some(id) => {
                let found = self.store.registration(self.store.db(), id).await?;
                let proved = found.filter(|found| found.proved_at.is_some() && found.finished_at.is_none());
                let Some(registration) = proved else {
                    return Ok(Err(Refused::Over));
                };
                Address::parse(&registration.email)
            }
            // An arrival without a registration has an address that its provider proves, or none. The operator may have
            // taken that back.
            None => match said
                .email
                .as_deref()
                .and_then(|email| Address::parse(email.trim()))
            {
                Some(address) if proves(provider, address.as_str(), true) => Some(address),
                Some(_) => return Ok(Err(Refused::Over)),
                None => None,
            },
        };
        let request = arrival.request.as_deref();
        let may = self.may_register_for(browser, request, email.as_ref(), &arrival.provider);
        if let Err(error) = may.await? {
            return Ok(Err(error.into()));
        }
        Ok(Ok(Newcomer {
            provider: provider.name.clone(),
            arrival,
            said,
            email,
        }))
    }

    /// Makes the account, and connects it.
    pub async fn welcome(
        &self,
        newcomer: Newcomer,
        chosen: Chosen,
    ) -> Result<Result<Welcome, Refused>, ErrorPage> {
        let username = chosen.username.trim().to_owned();
        if let Err(error) = check_name(&username) {
            return Ok(Err(Refused::Finish(error)));
        }
        if let Err(error) = check_terms(self.sign_ups.policy(), chosen.terms.as_deref()) {
            return Ok(Err(error.into()));
        }
        let exceeded = {
            let ArrivalRow {
                provider,
                issuer,
                subject,
                ..
            } = &newcomer.arrival;
            let id = format!("names|{}", digest(&format!("{provider}|{issuer}|{subject}")));
            let (store, now) = (self.store.clone(), self.time.now());
            let counted = self.store.db().write(move |tx| async move {
                Ok::<_, IdentityError>(store.count_within(&tx, &id, NAMES, now).await?)
            });
            counted.await?
        };
        if exceeded.is_some() {
            return Ok(Err(Refused::Finish(FinishError::NameTaken)));
        }
        // Whoever a provider vouches for has no program to prove that they are none.
        let waits = waits(self.sign_ups.policy(), false, true);
        let now = self.time.now();
        let Newcomer {
            arrival, said, email, ..
        } = newcomer;
        let user = NewUserRow {
            id: self.random.uuid_v7(now.0),
            username,
            email: email
                .as_ref()
                .map(|email| email.as_str().to_owned())
                .unwrap_or_default(),
            email_verified: email.is_some(),
            password_hash: None,
            roles: Vec::new(),
            claims: claims(&said, &chosen.name),
        };
        let identity = UpstreamIdentityRow {
            id: self.random.uuid_v7(now.0),
            provider: arrival.provider.clone(),
            issuer: arrival.issuer.clone(),
            subject: arrival.subject.clone(),
            user: user.id.clone(),
            label: label(said.email.as_deref(), said.username.as_deref()),
            linked_at: now,
            last_used_at: None,
        };
        let settled = Settled {
            arrival,
            user,
            identity: identity.clone(),
            roles: said.roles,
            terms: chosen.terms,
            locale: chosen.locale,
            waits,
        };
        match self.write_newcomer(settled).await {
            Ok(()) => {
                REGISTRATIONS.inc(());
                tracing::info!(sub = identity.user, "registered by another provider");
                Ok(Ok(Welcome { identity, waits }))
            }
            Err(Undone::Refused(refused)) => Ok(Err(refused)),
            Err(Undone::Inside(IdentityError::Conflict)) => Ok(Err(Refused::Over)),
            Err(Undone::Inside(error)) => Err(error.into()),
        }
    }

    /// One transaction: the use of the provider's word, the end of the registration, the user, and who is told.
    async fn write_newcomer(&self, settled: Settled) -> Result<(), Undone> {
        let (now, latest) = (self.time.now(), self.time.latest());
        let detail = json!({ "provider": settled.identity.provider });
        let user = settled.user.id.clone();
        let finished = self.record("registration.finished", "visitor", &user, json!({}));
        let linked = self.record("upstream.linked", &user, &user, detail);
        let linking = self.clone();
        let done = self.store.db().write(move |tx| async move {
            let store = &linking.store;
            let Settled {
                arrival,
                user,
                identity,
                roles,
                terms,
                locale,
                waits,
            } = settled;
            let browser = arrival.browser_hash.as_str();
            if !store.use_arrival(&tx, &arrival, now, latest).await? {
                return Err(Undone::Refused(Refused::Over));
            }
            if let Some(registration) = &arrival.registration
                && !store.finish_registration(&tx, registration, browser, now).await?
            {
                return Err(Undone::Refused(Refused::Over));
            }
            if has_twin(store, &tx, &user.username).await? {
                return Err(Undone::Refused(Refused::Finish(FinishError::NameTaken)));
            }
            if !store.add_user(&tx, &user, now).await? {
                let taken = !user.email.is_empty() && store.user(&tx, &user.email).await?.is_some();
                return Err(Undone::Refused(match taken {
                    true => Refused::Exists,
                    false => Refused::Finish(FinishError::NameTaken),
                }));
            }
            store.settle_new_user(&tx, &user.id, &locale, waits, now).await?;
            if let Some(version) = &terms {
                store.accept_terms(&tx, &user.id, version, &locale, now).await?;
            }
            // Somebody has connected it in the meantime, in another browser.
            if !store.add_upstream_identity(&tx, &identity).await? {
                return Err(Undone::Refused(Refused::Over));
            }
            let stored = store.user(&tx, &user.id).await?;
            let stored = stored.ok_or(Undone::Inside(IdentityError::Unexpected("a new user")))?;
            let users = &linking.sign_ups.users;
            users.publish(&tx, wire::REGISTERED, &stored, &user.id).await?;
            linking
                .set_roles(&tx, &user.id, &identity.provider, &roles, now)
                .await?;
            store.audit(&tx, &finished, now).await?;
            store.audit(&tx, &linked, now).await?;
            Ok(())
        });
        done.await
    }
}

/// What an account is made of.
struct Settled {
    arrival: ArrivalRow,
    user: NewUserRow,
    identity: UpstreamIdentityRow,
    roles: Vec<String>,
    terms: Option<String>,
    locale: String,
    waits: bool,
}

/// The claims of a new account: what the provider has said, as far as it is a claim of ours, under the name that its owner
/// has chosen.
fn claims(said: &Said, name: &str) -> Map<String, Value> {
    let name = name.split_whitespace().collect::<Vec<_>>().join(" ");
    let picture = said.picture.clone().filter(|url| url.starts_with("https://"));
    let all = [
        ("name", Some(name)),
        ("given_name", said.given_name.clone()),
        ("family_name", said.family_name.clone()),
        ("locale", said.locale.clone()),
        ("picture", picture),
    ];
    let mut claims = Map::new();
    for (claim, value) in all {
        let Some(value) = value.filter(|value| !value.trim().is_empty()) else {
            continue;
        };
        let one = Map::from_iter([(claim.to_owned(), Value::from(value))]);
        if check_claims(&one).is_ok() {
            claims.extend(one);
        }
    }
    claims
}

/// A user name to begin with: what the provider proposes, or the name of the mailbox, without what no user name has.
pub(crate) fn proposed(said: &Said) -> String {
    let mailbox = said.email.as_deref().and_then(|email| email.split('@').next());
    let from = said.username.as_deref().or(mailbox).unwrap_or_default();
    let fine = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let name: String = canonical(from).chars().filter(fine).take(64).collect();
    match check_username(&name) {
        Ok(()) => name,
        Err(_) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_name_is_proposed_that_can_be_one() {
        for (username, email, expected) in [
            (Some("Octo Cat"), None, "octocat"),
            (None, Some("Ada.L@example.test"), "ada.l"),
            (Some("ada@example.test"), None, "adaexample.test"),
            (Some("\u{202e}evil"), None, "evil"),
            (Some("💥"), Some("ada@example.test"), ""),
            (None, None, ""),
        ] {
            let said = Said {
                username: username.map(str::to_owned),
                email: email.map(str::to_owned),
                ..Said::default()
            };
            assert_eq!(proposed(&said), expected, "{username:?} {email:?}");
        }
    }

    #[test]
    fn only_claims_of_ours_are_taken_from_a_provider() {
        let said = Said {
            given_name: Some("Ada".to_owned()),
            family_name: Some("\u{1b}[2J".to_owned()),
            picture: Some("javascript:alert(1)".to_owned()),
            locale: Some(" ".to_owned()),
            ..Said::default()
        };
        let made = claims(&said, "  Ada   Lovelace ");
        let expected = json!({ "name": "Ada Lovelace", "given_name": "Ada" });
        assert_eq!(Value::Object(made), expected);
    }
}
