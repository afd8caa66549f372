//! Ending things: what the policy says for a cause ends here. The row, the event that tells every guard, and the audit record
//! are one commit. Of families that end together a page is in that commit, and the rest goes on in
//! [`bulk_revocation`](crate::bulk_revocation).

use std::sync::Arc;

use latchkey_bus::{Cause, Draft, Outbox};
use latchkey_clock::Random;
use latchkey_contracts::events::revocation as wire;
use latchkey_db::Tx;
use latchkey_identity_store::{AuditRow, BulkRevocation, FamilyName, FamilySet, Recorded, Store};
use latchkey_metrics::catalog::REVOCATIONS;
use latchkey_metrics::labels;
use latchkey_protocol::revocation::{Revocation, Subject, collapse};
use latchkey_protocol::revocation_policy::{
    Families, RevocationCause, Row, SAME_SIGN_OUT_MS, Sessions, SubjectKind, Tokens,
};
use latchkey_protocol::{ClientId, Timestamp};
use serde_json::{Value, json};

use crate::IdentityError;
use crate::registry_sync::RegistrySync;
use crate::time::Time;

/// The number of families that end in one transaction.
pub(crate) const PAGE: i64 = 500;

/// Revokes things. Cloning is cheap.
#[derive(Clone)]
pub(crate) struct Revocations {
    pub store: Store,
    pub outbox: Outbox,
    pub random: Random,
    pub time: Time,
    pub sync: Arc<RegistrySync>,
}

impl Revocations {
    /// Ends what the policy says for this cause, and tells everybody. `false` when it had ended before.
    pub async fn revoke(
        &self,
        cause: RevocationCause,
        subject: impl Into<Subject>,
        actor: &str,
    ) -> Result<bool, IdentityError> {
        let (revocations, subject, actor) = (self.clone(), subject.into(), actor.to_owned());
        let touches = matches!(
            subject.kind(),
            SubjectKind::Client | SubjectKind::Machine | SubjectKind::Key
        );
        let (request_id, at) = (latchkey_http::current_request_id().to_string(), self.time.now());
        let ended = self
            .store
            .db()
            .write(move |tx| async move {
                if touches {
                    revocations.store.touch_registry(&tx).await?;
                }
                revocations
                    .revoke_in(&tx, cause, subject, &actor, &request_id, at)
                    .await
            })
            .await?;
        if touches {
            self.sync.refresh().await?;
        }
        Ok(ended)
    }

    /// Ends a session because its user signed out: at this client, or here. What the client has just revoked for the same
    /// sign-out gets its cause, so that the user reads of one sign-out and not of an application that ended something.
    pub async fn sign_out(
        &self,
        session: &str,
        client: Option<ClientId>,
        user: &str,
    ) -> Result<(), IdentityError> {
        let (revocations, user) = (self.clone(), user.to_owned());
        let session = session.to_owned();
        let (request_id, at) = (latchkey_http::current_request_id().to_string(), self.time.now());
        let ending = move |tx: Tx| async move {
            let end = Revocation::Session {
                session: session.clone(),
            };
            let cause = RevocationCause::SignedOut;
            let ended = revocations.revoke_in(&tx, cause, end, &user, &request_id, at);
            if ended.await?
                && let Some(client) = client
            {
                let since = Timestamp(at.0.saturating_sub(SAME_SIGN_OUT_MS));
                let store = &revocations.store;
                store.ended_by_sign_out(&tx, &session, &client, since).await?;
            }
            Ok::<_, IdentityError>(())
        };
        self.store.db().write(ending).await
    }

    /// [`Revocations::revoke`] inside a transaction that decides more.
    pub async fn revoke_in(
        &self,
        tx: &Tx,
        cause: RevocationCause,
        subject: impl Into<Subject>,
        actor: &str,
        request_id: &str,
        now: Timestamp,
    ) -> Result<bool, IdentityError> {
        let subject = subject.into();
        let by = By {
            actor,
            request_id,
            at: now,
        };
        if !self.carry_out(tx, cause, &subject, by).await? {
            return Ok(false);
        }
        if let Subject::Entry(Revocation::Token { client_id, sub, .. }) = &subject
            && let Some(client) = ClientId::parse(client_id)
        {
            self.collapse(tx, &client, sub.as_deref(), by).await?;
        }
        Ok(true)
    }

    /// Where guards have to remember too many single tokens: ends what stands for them, and forgets those.
    async fn collapse(
        &self,
        tx: &Tx,
        client: &ClientId,
        sub: Option<&str>,
        by: By<'_>,
    ) -> Result<(), IdentityError> {
        let store = &self.store;
        let live = store.live_tokens(tx, client, sub, by.at).await?;
        let Some(all) = collapse(client, sub, live) else {
            return Ok(());
        };
        let cause = RevocationCause::TooManyTokens;
        let by = By {
            actor: "system",
            ..by
        };
        match sub {
            Some(user) => {
                self.carry_out(tx, cause, &all, by).await?;
                store.drop_tokens_of_person(tx, client, user).await?;
            }
            None => {
                store.touch_registry(tx).await?;
                store.drop_tokens_of_machine(tx, client, by.at).await?;
                self.carry_out(tx, cause, &all, by).await?;
            }
        }
        Ok(())
    }

    /// Carries out the row of the policy, in the order in which a redemption holds what it stands on: sessions and consents,
    /// then codes, then families. Whoever redeems is waited for, and the family is then found.
    async fn carry_out(
        &self,
        tx: &Tx,
        cause: RevocationCause,
        subject: &Subject,
        by: By<'_>,
    ) -> Result<bool, IdentityError> {
        let row = Row::of(cause, subject.kind());
        let row = row.ok_or(IdentityError::Unexpected("the policy of a revocation"))?;
        if row.ends_nothing() {
            return Ok(true);
        }
        let Some(recorded) = self.add_entry(tx, row, subject, by.at).await? else {
            return Ok(false);
        };
        if !self.end_rows(tx, row, subject, by.at).await? {
            return Ok(false);
        }
        let families = self
            .end_its_families(tx, row, subject, recorded.until, by)
            .await?;
        self.publish(tx, cause, subject, recorded, families, by).await?;
        self.end_exchanged(tx, cause, subject, by).await?;
        Ok(true)
    }

    /// Ends the tokens that were issued in exchange for one that has ended, where its entry does not reach them: they have
    /// another `jti` and another client, but the same family and user.
    async fn end_exchanged(
        &self,
        tx: &Tx,
        cause: RevocationCause,
        subject: &Subject,
        by: By<'_>,
    ) -> Result<(), IdentityError> {
        let store = &self.store;
        let exchanged = match subject {
            // A machine's token is never exchanged.
            Subject::Entry(Revocation::Token {
                jti, sub: Some(_), ..
            }) => store.exchanged_from_token(tx, jti, by.at).await?,
            Subject::Entry(Revocation::Client { client_id }) => {
                store.exchanged_from_client(tx, client_id, by.at).await?
            }
            Subject::Entry(
                Revocation::Token { sub: None, .. }
                | Revocation::Family { .. }
                | Revocation::Session { .. }
                | Revocation::Subject { .. }
                | Revocation::Machine { .. }
                | Revocation::Key { .. },
            )
            | Subject::UserAtClient { .. } => return Ok(()),
        };
        for token in exchanged {
            if let Some(recorded) = store.add_revocation(tx, &token, cause, by.at).await? {
                let token = Subject::Entry(token);
                self.publish(tx, cause, &token, recorded, Vec::new(), by).await?;
            }
        }
        Ok(())
    }

    /// Writes the entry of which guards are told, if there is one; `None` when there was one before.
    async fn add_entry(
        &self,
        tx: &Tx,
        row: Row,
        subject: &Subject,
        now: Timestamp,
    ) -> Result<Option<Recorded>, IdentityError> {
        let store = &self.store;
        let revocation = match subject {
            Subject::Entry(revocation) => revocation,
            Subject::UserAtClient { .. } => {
                return Ok(Some(Recorded {
                    before: None,
                    until: subject.until(now),
                }));
            }
        };
        if let Revocation::Session { session } = revocation {
            // Held first: a redemption that holds it is waited for, and its family then found.
            store.lock_session(tx, session).await?;
        }
        if let Revocation::Token { sub: Some(user), .. } = revocation {
            // Held first, for the same reason: an exchange holds the user.
            store.lock_tokens_of(tx, user).await?;
        }
        let at = match row.tokens {
            Tokens::OlderAndUnheard => self.time.soon(),
            Tokens::None | Tokens::This | Tokens::OfFamilies | Tokens::Older | Tokens::OfKey => now,
        };
        Ok(store.add_revocation(tx, revocation, row.cause, at).await?)
    }

    /// Ends sessions, consents and codes. `false` when the consent was withdrawn before.
    async fn end_rows(
        &self,
        tx: &Tx,
        row: Row,
        subject: &Subject,
        now: Timestamp,
    ) -> Result<bool, IdentityError> {
        let store = &self.store;
        let sessions = match row.sessions {
            Sessions::None => false,
            Sessions::All => true,
        };
        match subject {
            Subject::Entry(Revocation::Session { session }) => {
                if sessions {
                    store.end_session(tx, session, row.cause, now).await?;
                }
                if row.codes {
                    store.end_codes_of_session(tx, session).await?;
                }
            }
            Subject::Entry(Revocation::Subject { sub }) => {
                if row.epoch {
                    store.raise_credential_epoch(tx, sub).await?;
                }
                if sessions {
                    store.end_sessions_of(tx, sub, row.cause, now).await?;
                }
                if row.codes {
                    store.end_codes_of_person(tx, sub).await?;
                }
            }
            Subject::UserAtClient { user, client } => {
                if row.consents && !store.withdraw_consent(tx, user, client, now).await? {
                    return Ok(false);
                }
                if row.codes {
                    store.end_codes_at_client(tx, user, client).await?;
                }
            }
            Subject::Entry(Revocation::Client { client_id }) => {
                if let Some(client) = ClientId::parse(client_id) {
                    if row.consents {
                        store.withdraw_all(tx, &client, now).await?;
                    }
                    if row.codes {
                        store.end_codes_of_client(tx, &client).await?;
                    }
                }
            }
            Subject::Entry(
                Revocation::Token { .. }
                | Revocation::Family { .. }
                | Revocation::Machine { .. }
                | Revocation::Key { .. },
            ) => {}
        }
        Ok(true)
    }

    /// Ends families, or the first page of them; those of which guards are told one by one.
    async fn end_its_families(
        &self,
        tx: &Tx,
        row: Row,
        subject: &Subject,
        until: i64,
        by: By<'_>,
    ) -> Result<Vec<FamilyName>, IdentityError> {
        if let (Families::All, Subject::Entry(Revocation::Family { fam, .. })) = (row.families, subject) {
            self.store.end_family(tx, fam, row.cause, by.at).await?;
        }
        let Some(set) = family_set(row.families, subject) else {
            return Ok(Vec::new());
        };
        let ended = self.end_families(tx, set, row.cause, until, by).await?;
        Ok(match row.tokens {
            Tokens::OfFamilies => ended,
            // One entry tells of all of them.
            Tokens::None | Tokens::This | Tokens::Older | Tokens::OlderAndUnheard | Tokens::OfKey => {
                Vec::new()
            }
        })
    }

    /// Ends the first page of a set, and returns it to be published. The rest counts as ended from the commit on and is
    /// processed in the background. The caller holds the rows that the families depend on.
    async fn end_families(
        &self,
        tx: &Tx,
        set: FamilySet,
        cause: RevocationCause,
        until: i64,
        by: By<'_>,
    ) -> Result<Vec<FamilyName>, IdentityError> {
        let store = &self.store;
        let ended = store
            .end_families(tx, &set, Timestamp(i64::MAX), cause, by.at, PAGE)
            .await?;
        if is_full(&ended)
            && let Some(latest) = store.latest_birth(tx, &set).await?
        {
            let rest = BulkRevocation {
                id: self.random.uuid_v7(self.time.now().0),
                set,
                before: latest.max(self.time.soon()),
                ended_at: by.at,
                cause,
                actor: by.actor.to_owned(),
                request_id: by.request_id.to_owned(),
                until,
                pages: 0,
            };
            store.add_bulk_revocation(tx, &rest).await?;
            tx.announce();
        }
        Ok(ended)
    }

    /// Tells guards of families that have ended, each by itself.
    pub async fn publish_family_ends(
        &self,
        tx: &Tx,
        families: &[FamilyName],
        until: i64,
        cause: &Cause,
    ) -> Result<(), IdentityError> {
        for family in families {
            let event = wire::Revocation::Family(wire::FamilyRevoked {
                fam: family.fam.clone(),
                sid: family.sid.clone(),
                client_id: family.client_id.clone(),
                until,
            });
            self.put(tx, &event, 1, cause.clone()).await?;
        }
        // Their sessions may continue, but are over at these clients. Ending a whole session needs no such row.
        let fams: Vec<String> = families.iter().map(|family| family.fam.clone()).collect();
        self.store
            .queue_family_logouts(tx, &fams, self.time.now())
            .await?;
        REVOCATIONS.add(labels::Revoked::Family, families.len() as u64);
        Ok(())
    }

    /// Tells guards of families that ended with their session, in as few events as possible.
    pub async fn publish_session_end(
        &self,
        tx: &Tx,
        session: &str,
        families: Vec<FamilyName>,
        until: i64,
        first: i64,
        cause: &Cause,
    ) -> Result<(), IdentityError> {
        for (sequence, families) in (first..).zip(parts(families)) {
            let event = session_event(session, until, families);
            self.put(tx, &event, sequence, cause.clone()).await?;
        }
        Ok(())
    }

    async fn put(
        &self,
        tx: &Tx,
        event: &wire::Revocation,
        sequence: i64,
        cause: Cause,
    ) -> Result<(), IdentityError> {
        let draft = Draft {
            r#type: event.event_type().to_owned(),
            subject: event.subject().to_owned(),
            sequence,
            data: event.data(),
            cause,
        };
        self.outbox.put(tx, draft).await?;
        Ok(())
    }

    async fn publish(
        &self,
        tx: &Tx,
        cause: RevocationCause,
        subject: &Subject,
        recorded: Recorded,
        families: Vec<FamilyName>,
        by: By<'_>,
    ) -> Result<(), IdentityError> {
        let (actor, request_id) = (by.actor, by.request_id);
        let (why, count) = (Cause::request(request_id, actor), families.len());
        let kind = match subject {
            Subject::Entry(revocation) => {
                match event_of(revocation, &recorded) {
                    Some(event) => {
                        self.put(tx, &event, recorded.before.unwrap_or(1), why).await?;
                    }
                    None => {
                        self.publish_session_end(tx, revocation.key(), families, recorded.until, 1, &why)
                            .await?;
                    }
                }
                REVOCATIONS.inc(labels::Revoked::of(revocation.kind()));
                revocation.kind()
            }
            Subject::UserAtClient { .. } => {
                self.publish_family_ends(tx, &families, recorded.until, &why)
                    .await?;
                "family"
            }
        };
        let (record, about, detail) = record(cause, subject, count);
        let row = AuditRow {
            id: self.random.uuid_v7(by.at.0),
            kind: record,
            actor: actor.to_owned(),
            subject: about.to_owned(),
            request_id: Some(request_id.to_owned()),
            detail,
        };
        self.store.audit(tx, &row, by.at).await?;
        tracing::info!(
            kind,
            families = count,
            actor,
            cause = cause.name(),
            request.id = request_id,
            "revoked"
        );
        Ok(())
    }
}

/// Who ends something, and when.
#[derive(Clone, Copy, Debug)]
struct By<'a> {
    actor: &'a str,
    request_id: &'a str,
    at: Timestamp,
}

/// The families that end with a subject, but for one that is the subject itself.
fn family_set(families: Families, subject: &Subject) -> Option<FamilySet> {
    match (families, subject) {
        (Families::Online, Subject::Entry(Revocation::Session { session })) => {
            Some(FamilySet::OnlineOfSession(session.clone()))
        }
        (Families::All, Subject::Entry(Revocation::Session { session })) => {
            Some(FamilySet::OfSession(session.clone()))
        }
        (Families::All, Subject::Entry(Revocation::Subject { sub })) => Some(FamilySet::OfUser(sub.clone())),
        (Families::All, Subject::UserAtClient { user, client }) => Some(FamilySet::OfUserAtClient {
            user: user.clone(),
            client: client.clone(),
        }),
        (Families::All, Subject::Entry(Revocation::Client { client_id })) => {
            ClientId::parse(client_id).map(FamilySet::OfClient)
        }
        (Families::None | Families::Online | Families::All, _) => None,
    }
}

/// The audit record of an end: its kind, what it is about, and the rest.
fn record(cause: RevocationCause, subject: &Subject, families: usize) -> (String, &str, Value) {
    match subject {
        Subject::Entry(revocation) => (
            format!("{}.revoked", revocation.kind()),
            revocation.key(),
            json!({ "cause": cause.name() }),
        ),
        Subject::UserAtClient { client, .. } if cause == RevocationCause::ConsentWithdrawn => {
            ("consent.withdrawn".to_owned(), client.as_str(), json!({}))
        }
        Subject::UserAtClient { user, client } => (
            "families.revoked".to_owned(),
            user.as_str(),
            json!({ "cause": cause.name(), "client_id": client.as_str(), "families": families }),
        ),
    }
}

/// True when a page may have left some.
pub(crate) fn is_full(page: &[FamilyName]) -> bool {
    i64::try_from(page.len()).is_ok_and(|ended| ended >= PAGE)
}

/// Splits the families of one revocation into several lists: however many a session has accumulated, each event stays
/// far below the maximum message size. There is at least one list, for a revocation without families.
fn parts(families: Vec<FamilyName>) -> Vec<Vec<FamilyName>> {
    // A third of an envelope: a client id may need escaping.
    const MOST: usize = 20 * 1024;
    let mut parts = vec![Vec::new()];
    let mut size = 0;
    for family in families {
        let sid = family.sid.as_ref().map_or(4, String::len);
        let more = family.fam.len() + family.client_id.len() + sid + 40;
        if size + more > MOST {
            parts.push(Vec::new());
            size = 0;
        }
        size += more;
        if let Some(part) = parts.last_mut() {
            part.push(family);
        }
    }
    parts
}

fn session_event(session: &str, until: i64, families: Vec<FamilyName>) -> wire::Revocation {
    let family = |family: FamilyName| wire::SessionFamily {
        fam: family.fam,
        client_id: family.client_id,
        sid: family.sid,
    };
    wire::Revocation::Session(wire::SessionRevoked {
        sid: session.to_owned(),
        families: families.into_iter().map(family).collect(),
        until,
    })
}

/// The event of a revocation; `None` for a session, whose end is published with its families.
fn event_of(revocation: &Revocation, recorded: &Recorded) -> Option<wire::Revocation> {
    let until = recorded.until;
    let before = recorded.before.unwrap_or_default();
    Some(match revocation.clone() {
        Revocation::Session { .. } => return None,
        Revocation::Token {
            jti, client_id, aud, ..
        } => wire::Revocation::Token(wire::TokenRevoked {
            jti,
            client_id,
            aud: vec![aud],
            until,
        }),
        Revocation::Family { fam, sid, client_id } => wire::Revocation::Family(wire::FamilyRevoked {
            fam,
            sid,
            client_id,
            until,
        }),
        // A machine's `sub` is its client id: this ends only the tokens that it obtained on its own behalf.
        Revocation::Machine { client_id: sub } | Revocation::Subject { sub } => {
            wire::Revocation::Subject(wire::SubjectRevoked { sub, before, until })
        }
        Revocation::Client { client_id } => wire::Revocation::Client(wire::ClientRevoked {
            client_id,
            before,
            until,
        }),
        Revocation::Key { kid } => wire::Revocation::Key(wire::KeyRevoked { kid }),
    })
}
