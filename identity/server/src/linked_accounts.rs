//! The accounts elsewhere of a user: connected once the user has confirmed it, and disconnected with what rests on them.

use http::HeaderValue;
use latchkey_db::{On, Tx};
use latchkey_identity_store::{ArrivalPurpose, ArrivalRow, Proof, UpstreamIdentityRow};
use latchkey_protocol::authentication;
use latchkey_protocol::mail::Purpose;
use latchkey_protocol::revocation::Revocation;
use latchkey_protocol::revocation_policy::RevocationCause;
use latchkey_protocol::upstream::Mode;
use latchkey_protocol::upstream::logout::Logout;
use latchkey_protocol::upstream_outcome::Reason;
use serde_json::json;

use crate::IdentityError;
use crate::browser::Browser;
use crate::linking::{Linking, label, read};
use crate::pages::ErrorPage;
use crate::secret::digest;
use crate::sessions::SignedIn;

/// What became of a removal.
pub(crate) enum Unlinked {
    /// It is gone, or was not the user's. With the cookies of the session that this browser goes on with, if it is another.
    Done(Vec<HeaderValue>),
    /// It is the only way to sign in.
    LastWay,
}

/// How many sessions end with an account elsewhere, at most: more than anybody has.
const SESSIONS: i64 = 500;

impl Linking {
    /// The account that a user is about to connect in this session.
    pub async fn link_of(
        &self,
        browser: &Browser,
        known: &SignedIn,
    ) -> Result<Option<ArrivalRow>, ErrorPage> {
        let waiting = self.waiting(browser, ArrivalPurpose::Link).await?;
        Ok(waiting.filter(|arrival| {
            arrival.user.as_ref() == Some(&known.person.id)
                && arrival.session.as_ref() == Some(&known.row.session.id)
        }))
    }

    /// Connects an account elsewhere. What the user has confirmed is used by that, whatever comes of it.
    pub async fn link(
        &self,
        browser: &Browser,
        known: &SignedIn,
        arrival: ArrivalRow,
    ) -> Result<Result<(), Reason>, ErrorPage> {
        let provider = self.provider(&arrival.provider);
        let Some(provider) = provider.filter(|provider| provider.mode != Mode::Off) else {
            return Ok(Err(Reason::Off));
        };
        let user = known.person.id.clone();
        let Some(candidate) = self.store.candidate_by_id(&user).await? else {
            return Ok(Err(Reason::OtherSession));
        };
        let said = read(&arrival);
        let (now, latest) = (self.time.now(), self.time.latest());
        let row = UpstreamIdentityRow {
            id: self.random.uuid_v7(now.0),
            provider: arrival.provider.clone(),
            issuer: arrival.issuer.clone(),
            subject: arrival.subject.clone(),
            user: user.clone(),
            label: label(said.email.as_deref(), said.username.as_deref()),
            linked_at: now,
            last_used_at: None,
        };
        let told = Purpose::ProviderConnected {
            provider: provider.name.clone(),
            notice: self.second.notice(browser),
        };
        let record = self.record(
            "upstream.linked",
            &user,
            &user,
            json!({ "provider": provider.id }),
        );
        let (second, epoch) = (self.second.clone(), candidate.credential_epoch);
        let (linking, store) = (self.clone(), self.store.clone());
        let at = (row.provider.clone(), row.issuer.clone(), row.subject.clone());
        let linked = self.store.db().write(move |tx| async move {
            if !store.lock_user(&tx, &user, epoch).await?
                || !store.use_arrival(&tx, &arrival, now, latest).await?
            {
                return Ok(Err(Reason::OtherSession));
            }
            let mine = store.upstream_identities(&tx, &user).await?;
            if mine.iter().any(|known| known.provider == row.provider) {
                return Ok(Err(Reason::Connected));
            }
            if !store.add_upstream_identity(&tx, &row).await? {
                return Ok(Err(Reason::Taken));
            }
            linking
                .set_roles(&tx, &user, &row.provider, &said.roles, now)
                .await?;
            store.audit(&tx, &record, now).await?;
            second.tell(&tx, &user, &told, now).await?;
            Ok::<_, IdentityError>(Ok(()))
        });
        let linked = linked.await?;
        if linked == Err(Reason::OtherSession) {
            // Whoever was faster has closed what waited here.
            let holder = self.store.upstream_identity(&at.0, &at.1, &at.2).await?;
            if holder.is_some_and(|holder| holder.user != known.person.id) {
                return Ok(Err(Reason::Taken));
            }
        }
        Ok(linked)
    }

    /// Disconnects an account elsewhere, with the sessions that rest on it, or all of them. The user's other browsers are no
    /// longer known, since whoever had the account may have used them.
    pub async fn unlink(
        &self,
        browser: &Browser,
        known: &SignedIn,
        id: &str,
        everywhere: bool,
    ) -> Result<Unlinked, ErrorPage> {
        let user = known.person.id.clone();
        let Some(candidate) = self.store.candidate_by_id(&user).await? else {
            return Ok(Unlinked::Done(Vec::new()));
        };
        let mine = self.store.upstream_identities(self.store.db(), &user).await?;
        let Some(row) = mine.into_iter().find(|row| row.id == id) else {
            return Ok(Unlinked::Done(Vec::new()));
        };
        let name = match self.provider(&row.provider) {
            Some(provider) => provider.name.clone(),
            None => row.provider.clone(),
        };
        let removal = Removal {
            linking: self.clone(),
            has_password: candidate.password_hash.is_some(),
            epoch: candidate.credential_epoch,
            told: Purpose::ProviderRemoved {
                provider: name,
                notice: self.second.notice(browser),
            },
            request_id: latchkey_http::current_request_id().to_string(),
            everywhere,
            row,
        };
        if !removal.others(self.store.db(), &user).await? {
            return Ok(Unlinked::LastWay);
        }
        if everywhere {
            let gone = removal.row.id.clone();
            let stays = |proof: &authentication::Proof| proof.credential.as_deref() != Some(gone.as_str());
            let cookies = self
                .sign_ins
                .begin_anew(browser, known, stays, move |_store, tx| async move {
                    removal.write(&tx).await
                });
            return Ok(Unlinked::Done(cookies.await?));
        }
        let db = self.store.db();
        let removed = db.write(move |tx| async move { removal.write(&tx).await });
        Ok(match removed.await? {
            true => Unlinked::Done(Vec::new()),
            false => Unlinked::LastWay,
        })
    }

    /// Ends the sessions here that rest on a session at a provider, or on all of a subject; `None` if the token was used
    /// before. The use of the token and what it ends are one transaction.
    pub async fn sign_out(&self, provider: &str, logout: Logout) -> Result<Option<usize>, IdentityError> {
        let issuer = logout.issuer.clone();
        let named = match &logout.subject {
            Some(subject) => Some(self.store.upstream_identity(provider, &issuer, subject).await?),
            None => None,
        };
        let (linking, provider, now) = (self.clone(), provider.to_owned(), self.time.now());
        let request_id = latchkey_http::current_request_id().to_string();
        let ended = self.store.db().write(move |tx| async move {
            let store = &linking.store;
            let used = Proof {
                kind: "upstream_logout",
                owner: &provider,
                jti_hash: &digest(&logout.jti),
                until: logout.until,
            };
            if !store.use_proof(&tx, used).await? {
                return Ok(None);
            }
            let accounts: Vec<UpstreamIdentityRow> = match (named, &logout.sid) {
                (Some(account), _) => account.into_iter().collect(),
                (None, Some(sid)) => {
                    let at = (provider.as_str(), issuer.as_str());
                    store.upstream_identities_by_sid(&tx, at, sid).await?
                }
                (None, None) => Vec::new(),
            };
            let mut ended = 0;
            for account in accounts {
                let sid = logout.sid.as_deref();
                let sessions = store
                    .sessions_of_upstream(&tx, &account.id, sid, SESSIONS)
                    .await?;
                for session in sessions {
                    let (end, cause) = (
                        Revocation::Session { session },
                        RevocationCause::UpstreamSignedOut,
                    );
                    linking
                        .revocations
                        .revoke_in(&tx, cause, end, &account.user, &request_id, now)
                        .await?;
                    ended += 1;
                }
                let detail = json!({ "provider": provider });
                let record = linking.record("upstream.signed_out", "system", &account.user, detail);
                store.audit(&tx, &record, now).await?;
            }
            Ok::<_, IdentityError>(Some(ended))
        });
        ended.await
    }
}

/// An account elsewhere that its user disconnects.
struct Removal {
    linking: Linking,
    row: UpstreamIdentityRow,
    has_password: bool,
    epoch: i64,
    told: Purpose,
    request_id: String,
    everywhere: bool,
}

impl Removal {
    /// Whether the user has another way to sign in.
    async fn others<'a>(&self, on: impl Into<On<'a>> + Copy, user: &str) -> Result<bool, IdentityError> {
        if self.has_password {
            return Ok(true);
        }
        let store = &self.linking.store;
        let passkeys = store.passkeys(on, user).await?;
        if passkeys.iter().any(|passkey| passkey.suspended_at.is_none()) {
            return Ok(true);
        }
        let accounts = store.upstream_identities(on, user).await?;
        let settings = &self.linking.settings;
        Ok(accounts
            .iter()
            .any(|other| other.id != self.row.id && settings.signs_in_by(&other.provider)))
    }

    /// Whether it was written; `false` if the user has changed meanwhile, or has no other way.
    async fn write(self, tx: &Tx) -> Result<bool, IdentityError> {
        let (store, now) = (&self.linking.store, self.linking.time.now());
        let (user, id) = (self.row.user.as_str(), self.row.id.as_str());
        if !store.lock_user(tx, user, self.epoch).await? || !self.others(tx, user).await? {
            return Ok(false);
        }
        let carried = store.sessions_by_credential(tx, user, id, SESSIONS).await?;
        // A proof that was begun before must not connect it again.
        let at = (
            self.row.provider.as_str(),
            self.row.issuer.as_str(),
            self.row.subject.as_str(),
        );
        store.close_arrivals_at(tx, at, now).await?;
        if !store.remove_upstream_identity(tx, user, id).await? {
            return Ok(false);
        }
        store.close_proofs_of(tx, user, now).await?;
        self.linking
            .set_roles(tx, user, &self.row.provider, &[], now)
            .await?;
        let (cause, by) = (RevocationCause::UpstreamUnlinked, self.request_id.as_str());
        let revocations = &self.linking.revocations;
        if self.everywhere {
            let end = Revocation::Subject { sub: user.to_owned() };
            revocations.revoke_in(tx, cause, end, user, by, now).await?;
        } else {
            store.raise_credential_epoch(tx, user).await?;
            for session in carried {
                let end = Revocation::Session { session };
                revocations.revoke_in(tx, cause, end, user, by, now).await?;
            }
        }
        let detail = json!({ "provider": self.row.provider });
        let record = self.linking.record("upstream.unlinked", user, user, detail);
        store.audit(tx, &record, now).await?;
        self.linking.second.tell(tx, user, &self.told, now).await?;
        Ok(true)
    }
}
