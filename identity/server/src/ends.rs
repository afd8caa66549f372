//! Ending things: the row, the event that tells every guard, and the audit record are one commit.

use latchkey_bus::{Cause, Draft};
use latchkey_contracts::events::revocation as wire;
use latchkey_db::Tx;
use latchkey_identity_store::{AuditRow, Recorded, Store};
use latchkey_protocol::ends::Trigger;
use latchkey_protocol::revocation::{Revocation, collapse};
use latchkey_protocol::{ClientId, Timestamp};
use serde_json::json;

use crate::{Identity, IdentityError};

impl Identity {
    /// Ends something and tells everybody. `false` when it had ended before.
    pub async fn end(&self, revocation: Revocation, cause: &str, actor: &str) -> Result<bool, IdentityError> {
        let (identity, cause, actor) = (self.clone(), cause.to_owned(), actor.to_owned());
        let touches = matches!(revocation, Revocation::Client { .. } | Revocation::Key { .. });
        let (request_id, at) = (latchkey_http::current_request_id().to_string(), self.now());
        let ended = self
            .inner
            .store
            .db()
            .write(move |tx| async move {
                if touches {
                    identity.inner.store.touch_registry(&tx).await?;
                }
                identity
                    .end_in(&tx, revocation, &cause, &actor, &request_id, at)
                    .await
            })
            .await?;
        if touches {
            self.refresh().await?;
        }
        Ok(ended)
    }

    /// An instant for ends after which nothing new may begin. Another node may not have heard of it yet and may have a
    /// clock that is ahead: what it issues meanwhile must have ended, too. Less than the leeway of guards, so that what
    /// begins again is accepted at once.
    pub(crate) fn soon(&self) -> Timestamp {
        const UNHEARD_MS: i64 = 8_000;
        Timestamp(self.now().0 + UNHEARD_MS)
    }

    /// [`Identity::end`] inside a transaction that decides more. Kinds with a time end what was issued until `now`.
    pub(crate) async fn end_in(
        &self,
        tx: &Tx,
        revocation: Revocation,
        cause: &str,
        actor: &str,
        request_id: &str,
        now: Timestamp,
    ) -> Result<bool, IdentityError> {
        let store = &self.inner.store;
        let families = match &revocation {
            Revocation::Session { session } => {
                // Held first: a redemption that holds it is waited for, and its family then among them.
                store.hold_session(tx, session).await?;
                store.families_of_session(tx, session).await?
            }
            _ => Vec::new(),
        };
        let Some(recorded) = store.add_revocation(tx, &revocation, cause, now).await? else {
            return Ok(false);
        };
        self.tell(
            tx,
            &revocation,
            &recorded,
            families,
            cause,
            actor,
            request_id,
            now,
        )
        .await?;
        if let Revocation::Token { client_id, .. } = &revocation
            && let Some(client) = ClientId::parse(client_id)
            && let Some(all) = collapse(&client, store.live_tokens(tx, &client, now).await?)
        {
            store.touch_registry(tx).await?;
            store.drop_tokens(tx, &client, now).await?;
            if let Some(recorded) = store
                .add_revocation(tx, &all, "too many single tokens", now)
                .await?
            {
                let cause = "too many single tokens";
                self.tell(tx, &all, &recorded, Vec::new(), cause, "system", request_id, now)
                    .await?;
            }
        }
        Ok(true)
    }

    /// A person takes a client's access back: its consent, its codes, its families, offline ones too.
    pub(crate) async fn withdraw(&self, user: &str, client: &ClientId) -> Result<(), IdentityError> {
        let (identity, user, client, at) = (self.clone(), user.to_owned(), client.clone(), self.now());
        let request_id = latchkey_http::current_request_id().to_string();
        self.inner
            .store
            .db()
            .write(move |tx| async move {
                let store = &identity.inner.store;
                if !store.withdraw_consent(&tx, &user, &client, at).await? {
                    return Ok(());
                }
                let cause = Trigger::ConsentWithdrawn.ends().cause;
                for family in store.live_families(&tx, &user, Some(&client)).await? {
                    let end = Revocation::Family {
                        fam: family.fam,
                        sid: family.sid,
                        client_id: family.client_id,
                    };
                    identity.end_in(&tx, end, cause, &user, &request_id, at).await?;
                }
                let row = AuditRow {
                    id: identity.inner.random.uuid_v7(at.0),
                    kind: "consent.withdrawn".to_owned(),
                    actor: user,
                    subject: client.to_string(),
                    request_id: Some(request_id),
                    detail: json!({}),
                };
                Ok(store.audit(&tx, &row, at).await?)
            })
            .await
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "what an event and an audit record say; a struct would only rename it"
    )]
    async fn tell(
        &self,
        tx: &Tx,
        revocation: &Revocation,
        recorded: &Recorded,
        families: Vec<Ended>,
        cause: &str,
        actor: &str,
        request_id: &str,
        now: Timestamp,
    ) -> Result<(), IdentityError> {
        for (sequence, families) in (recorded.before.unwrap_or(1)..).zip(parts(families)) {
            let event = event_of(revocation, recorded, families);
            let draft = Draft {
                r#type: event.event_type().to_owned(),
                subject: event.subject().to_owned(),
                sequence,
                data: data_of(&event),
                cause: Cause::request(request_id, actor),
            };
            self.inner.outbox.put(tx, draft).await?;
        }
        let row = AuditRow {
            id: self.inner.random.uuid_v7(now.0),
            kind: format!("{}.revoked", revocation.kind()),
            actor: actor.to_owned(),
            subject: revocation.key().to_owned(),
            request_id: Some(request_id.to_owned()),
            detail: json!({ "cause": cause }),
        };
        let store: &Store = &self.inner.store;
        store.audit(tx, &row, now).await?;
        metrics::counter!("latchkey_revocations_total", "kind" => revocation.kind()).increment(1);
        tracing::info!(
            kind = revocation.kind(),
            actor,
            cause,
            request.id = request_id,
            "revoked"
        );
        Ok(())
    }
}

/// A family that ends with its session: its `fam`, client and `sid`.
type Ended = (String, String, Option<String>);

/// The families of one ending in as many lists as it takes: however many a session has gathered, each event of its end
/// stays far below what a message may hold. At least one, for an end without families.
fn parts(families: Vec<Ended>) -> Vec<Vec<Ended>> {
    // A third of an envelope: a client's id may need escaping.
    const MOST: usize = 20 * 1024;
    let mut parts = vec![Vec::new()];
    let mut size = 0;
    for family in families {
        let (fam, client, sid) = &family;
        let more = fam.len() + client.len() + sid.as_ref().map_or(4, String::len) + 40;
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

/// A revocation in the words of the contracts.
fn event_of(revocation: &Revocation, recorded: &Recorded, families: Vec<Ended>) -> wire::Revocation {
    let until = recorded.until;
    let before = recorded.before.unwrap_or_default();
    match revocation.clone() {
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
        Revocation::Session { session } => {
            let family = |(fam, client_id, sid): Ended| wire::SessionFamily { fam, client_id, sid };
            let families = families.into_iter().map(family).collect();
            wire::Revocation::Session(wire::SessionRevoked {
                sid: session,
                families,
                until,
            })
        }
        Revocation::Subject { sub } => wire::Revocation::Subject(wire::SubjectRevoked { sub, before, until }),
        Revocation::Client { client_id } => wire::Revocation::Client(wire::ClientRevoked {
            client_id,
            before,
            until,
        }),
        Revocation::Key { kid } => wire::Revocation::Key(wire::KeyRevoked { kid }),
    }
}

fn data_of(event: &wire::Revocation) -> serde_json::Value {
    match event {
        wire::Revocation::Token(data) => json!(data),
        wire::Revocation::Family(data) => json!(data),
        wire::Revocation::Session(data) => json!(data),
        wire::Revocation::Subject(data) => json!(data),
        wire::Revocation::Client(data) => json!(data),
        wire::Revocation::Key(data) => json!(data),
    }
}
