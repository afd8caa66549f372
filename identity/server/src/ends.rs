//! Ending things: the row, the event that tells every guard, and the audit record are one commit. Of families that end
//! together a page is in that commit, and the rest goes on in [`bulk_revocation`](crate::bulk_revocation).

use std::sync::Arc;

use latchkey_bus::{Cause, Draft, Outbox};
use latchkey_clock::Random;
use latchkey_contracts::events::revocation as wire;
use latchkey_db::Tx;
use latchkey_identity_store::{AuditRow, BulkRevocation, FamilyName, FamilySet, Recorded, Store};
use latchkey_protocol::ends::Trigger;
use latchkey_protocol::revocation::{Collapse, Revocation, collapse};
use latchkey_protocol::{ClientId, Timestamp};
use serde_json::json;

use crate::IdentityError;
use crate::registry_sync::RegistrySync;
use crate::time::Time;

/// How many families end in one transaction.
pub(crate) const PAGE: i64 = 500;

/// Whoever ends things. Cloning is cheap.
#[derive(Clone)]
pub(crate) struct Revocations {
    pub store: Store,
    pub outbox: Outbox,
    pub random: Random,
    pub time: Time,
    pub sync: Arc<RegistrySync>,
}

impl Revocations {
    /// Ends something and tells everybody. `false` when it had ended before.
    pub async fn end(&self, revocation: Revocation, cause: &str, actor: &str) -> Result<bool, IdentityError> {
        let (revocations, cause, actor) = (self.clone(), cause.to_owned(), actor.to_owned());
        let touches = matches!(revocation, Revocation::Client { .. } | Revocation::Key { .. });
        let (request_id, at) = (latchkey_http::current_request_id().to_string(), self.time.now());
        let ended = self
            .store
            .db()
            .write(move |tx| async move {
                if touches {
                    revocations.store.touch_registry(&tx).await?;
                }
                revocations
                    .end_in(&tx, revocation, &cause, &actor, &request_id, at)
                    .await
            })
            .await?;
        if touches {
            self.sync.refresh().await?;
        }
        Ok(ended)
    }

    /// [`Revocations::end`] inside a transaction that decides more. Kinds with a time end what was issued until `now`.
    pub async fn end_in(
        &self,
        tx: &Tx,
        revocation: Revocation,
        cause: &str,
        actor: &str,
        request_id: &str,
        now: Timestamp,
    ) -> Result<bool, IdentityError> {
        let store = &self.store;
        if let Revocation::Session { session } = &revocation {
            // Held first: a redemption that holds it is waited for, and its family then found.
            store.hold_session(tx, session).await?;
        }
        let Some(recorded) = store.add_revocation(tx, &revocation, cause, now).await? else {
            return Ok(false);
        };
        let end = End {
            cause,
            actor,
            request_id,
            until: recorded.until,
            at: now,
        };
        let families = match &revocation {
            Revocation::Session { session } => {
                let online = FamilySet::OnlineOfSession(session.clone());
                self.end_families(tx, online, end).await?
            }
            Revocation::Subject { sub } => {
                // One entry tells of all of them.
                let _told_as_one = self
                    .end_families(tx, FamilySet::OfPerson(sub.clone()), end)
                    .await?;
                Vec::new()
            }
            Revocation::Token { .. }
            | Revocation::Family { .. }
            | Revocation::Client { .. }
            | Revocation::Machine { .. }
            | Revocation::Key { .. } => Vec::new(),
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
        if let Revocation::Token { client_id, sub, .. } = &revocation
            && let Some(client) = ClientId::parse(client_id)
        {
            let live = store.live_tokens(tx, &client, sub.as_deref(), now).await?;
            if let Some(collapse) = collapse(&client, sub.as_deref(), live) {
                self.collapse(tx, &client, collapse, request_id, now).await?;
            }
        }
        Ok(true)
    }

    /// Ends what stands for too many single tokens, and forgets those.
    async fn collapse(
        &self,
        tx: &Tx,
        client: &ClientId,
        collapse: Collapse,
        request_id: &str,
        now: Timestamp,
    ) -> Result<(), IdentityError> {
        let store = &self.store;
        match collapse {
            Collapse::FamiliesOfPerson { user, client } => {
                let cause = Trigger::TokensRevoked.ends().cause;
                let ended = self
                    .end_at_client(tx, &user, &client, cause, "system", request_id, now)
                    .await?;
                store.drop_tokens_of_person(tx, &client, &user).await?;
                let row = AuditRow {
                    id: self.random.uuid_v7(now.0),
                    kind: "families.revoked".to_owned(),
                    actor: "system".to_owned(),
                    subject: user,
                    request_id: Some(request_id.to_owned()),
                    detail: json!({ "cause": cause, "client_id": client.as_str(), "families": ended }),
                };
                Ok(store.audit(tx, &row, now).await?)
            }
            Collapse::Machine(all) => {
                let cause = "too many single tokens";
                store.touch_registry(tx).await?;
                store.drop_tokens_of_machine(tx, client, now).await?;
                match store.add_revocation(tx, &all, cause, now).await? {
                    Some(recorded) => {
                        self.tell(tx, &all, &recorded, Vec::new(), cause, "system", request_id, now)
                            .await
                    }
                    None => Ok(()),
                }
            }
        }
    }

    /// Ends the first page of a set; those are told. The rest has ended from the commit on, too, and is gone on with beside
    /// requests. The caller holds what they stand on.
    async fn end_families(
        &self,
        tx: &Tx,
        set: FamilySet,
        end: End<'_>,
    ) -> Result<Vec<FamilyName>, IdentityError> {
        let store = &self.store;
        let ended = store
            .end_families(tx, &set, Timestamp(i64::MAX), end.cause, end.at, PAGE)
            .await?;
        if is_full(&ended)
            && let Some(latest) = store.latest_birth(tx, &set).await?
        {
            let rest = BulkRevocation {
                id: self.random.uuid_v7(self.time.now().0),
                set,
                before: latest.max(self.time.soon()),
                ended_at: end.at,
                cause: end.cause.to_owned(),
                actor: end.actor.to_owned(),
                request_id: end.request_id.to_owned(),
                until: end.until,
                pages: 0,
            };
            store.add_bulk_revocation(tx, &rest).await?;
            tx.announce();
        }
        Ok(ended)
    }

    /// Ends every family of a person at a client, with `offline_access` too, and tells guards of each. How many are in this
    /// transaction.
    #[expect(
        clippy::too_many_arguments,
        reason = "what an event and an audit record say; a struct would only rename it"
    )]
    async fn end_at_client(
        &self,
        tx: &Tx,
        user: &str,
        client: &ClientId,
        cause: &str,
        actor: &str,
        request_id: &str,
        now: Timestamp,
    ) -> Result<usize, IdentityError> {
        let set = FamilySet::OfPersonAtClient {
            user: user.to_owned(),
            client: client.clone(),
        };
        let any = Revocation::Family {
            fam: String::new(),
            sid: None,
            client_id: client.to_string(),
        };
        let end = End {
            cause,
            actor,
            request_id,
            until: any.until(now),
            at: now,
        };
        let ended = self.end_families(tx, set, end).await?;
        self.tell_of_families(tx, &ended, end.until, &Cause::request(request_id, actor))
            .await?;
        tracing::info!(
            kind = "family",
            families = ended.len(),
            actor,
            cause,
            request.id = request_id,
            "revoked"
        );
        Ok(ended.len())
    }

    /// Ends every code and family of a client: what refreshes must not outlive the client's end. The client's own entry
    /// tells of them.
    pub async fn end_client(
        &self,
        tx: &Tx,
        client: &ClientId,
        cause: &str,
        actor: &str,
        now: Timestamp,
    ) -> Result<(), IdentityError> {
        // Codes first: a redemption that is under way is waited for there, and its family then found.
        self.store.end_codes_of_client(tx, client).await?;
        let end = End {
            cause,
            actor,
            request_id: "",
            until: 0,
            at: now,
        };
        self.end_families(tx, FamilySet::OfClient(client.clone()), end)
            .await?;
        Ok(())
    }

    /// Tells guards of families that have ended, each by itself.
    pub async fn tell_of_families(
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
        // Their sessions may go on; at these clients they are over. What ends a session needs no such line.
        let fams: Vec<String> = families.iter().map(|family| family.fam.clone()).collect();
        self.store.tell_of_families(tx, &fams, self.time.now()).await?;
        metrics::counter!("latchkey_revocations_total", "kind" => "family").increment(families.len() as u64);
        Ok(())
    }

    /// Tells guards of families that have ended with their session, in as few events as will hold them.
    pub async fn tell_of_session(
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

    /// A person takes a client's access back: its consent, its codes, its families, offline ones too.
    pub async fn withdraw(&self, user: &str, client: &ClientId) -> Result<(), IdentityError> {
        let (revocations, user, client, at) =
            (self.clone(), user.to_owned(), client.clone(), self.time.now());
        let request_id = latchkey_http::current_request_id().to_string();
        self.store
            .db()
            .write(move |tx| async move {
                let store = &revocations.store;
                if !store.withdraw_consent(&tx, &user, &client, at).await? {
                    return Ok(());
                }
                let cause = Trigger::ConsentWithdrawn.ends().cause;
                revocations
                    .end_at_client(&tx, &user, &client, cause, &user, &request_id, at)
                    .await?;
                let row = AuditRow {
                    id: revocations.random.uuid_v7(at.0),
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
        families: Vec<FamilyName>,
        cause: &str,
        actor: &str,
        request_id: &str,
        now: Timestamp,
    ) -> Result<(), IdentityError> {
        let why = Cause::request(request_id, actor);
        match event_of(revocation, recorded) {
            Some(event) => {
                self.put(tx, &event, recorded.before.unwrap_or(1), why).await?;
            }
            None => {
                self.tell_of_session(tx, revocation.key(), families, recorded.until, 1, &why)
                    .await?;
            }
        }
        let row = AuditRow {
            id: self.random.uuid_v7(now.0),
            kind: format!("{}.revoked", revocation.kind()),
            actor: actor.to_owned(),
            subject: revocation.key().to_owned(),
            request_id: Some(request_id.to_owned()),
            detail: json!({ "cause": cause }),
        };
        let store: &Store = &self.store;
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

/// Why and when something ends, and who did it.
#[derive(Clone, Copy)]
struct End<'a> {
    cause: &'a str,
    actor: &'a str,
    request_id: &'a str,
    /// Until when guards must remember it, Unix seconds.
    until: i64,
    at: Timestamp,
}

/// True when a page may have left some.
pub(crate) fn is_full(page: &[FamilyName]) -> bool {
    i64::try_from(page.len()).is_ok_and(|ended| ended >= PAGE)
}

/// The families of one ending in as many lists as it takes: however many a session has gathered, each event of its end
/// stays far below what a message may hold. At least one, for an end without families.
fn parts(families: Vec<FamilyName>) -> Vec<Vec<FamilyName>> {
    // A third of an envelope: a client's id may need escaping.
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

/// A revocation in the words of the contracts; none for a session, whose end is told with its families.
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
        // A machine's `sub` is its client id: this ends what it has in its own name, and nobody else's.
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
