//! Exports: everything that is kept about a person as one JSON document, made beside their requests a page of rows at a
//! time, sealed until it is fetched by the session that asked.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use latchkey_identity_store::{ExportQuery, ExportRow, Exported, PERSONAL, StoreError};
use latchkey_protocol::Timestamp;
use latchkey_protocol::mail::{Notice, Purpose};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::IdentityError;
use crate::pages::ErrorPage;
use crate::recovery::Recoveries;
use crate::sessions::SignedIn;

/// For how long an export can be fetched, in milliseconds: seven days.
const KEPT_MS: i64 = 7 * 24 * 3_600_000;
/// How long after one another may be asked for, in milliseconds: a day.
const APART_MS: i64 = 24 * 3_600_000;
/// How many rows are read at once.
const PAGE: i64 = 500;
/// For how long one node makes exports, in milliseconds.
const LEASE_MS: i64 = 600_000;
/// How many exports are made in one round.
const AT_ONCE: i64 = 10;
/// How long after its first failure an export is tried again, in milliseconds, and how long at most.
const FIRST_WAIT_MS: i64 = 10_000;
const LONGEST_WAIT_MS: i64 = 6 * 3_600_000;

/// Makes exports. Cloning is cheap.
#[derive(Clone)]
pub(crate) struct Exports {
    pub recoveries: Recoveries,
}

/// What there is of a person's exports.
pub(crate) enum Stage {
    /// None, or the last one is over.
    None,
    /// It is being made.
    Waiting,
    /// It can be fetched in this session.
    Ready(ExportRow),
    /// It can be fetched in the session that asked for it.
    Elsewhere(ExportRow),
}

impl Exports {
    /// The latest export of whoever is signed in, as far as this session may know.
    pub async fn stage(&self, known: &SignedIn) -> Result<Stage, ErrorPage> {
        let (store, latest) = (&self.recoveries.store, self.recoveries.time.latest());
        let row = store.latest_export(store.db(), &known.person.id).await?;
        Ok(match row.filter(|row| latest < row.expires_at) {
            None => Stage::None,
            Some(row) if row.ready_at.is_none() => Stage::Waiting,
            Some(row) if row.session == known.row.session.id => Stage::Ready(row),
            Some(row) => Stage::Elsewhere(row),
        })
    }

    /// Asks for an export. One a day: until when there is no other, if there was one.
    pub async fn ask(&self, known: &SignedIn) -> Result<Result<(), Timestamp>, ErrorPage> {
        let (now, latest) = (self.recoveries.time.now(), self.recoveries.time.latest());
        let (store, user) = (self.recoveries.store.clone(), known.person.id.clone());
        let session = known.row.session.id.clone();
        let id = self.recoveries.random.uuid_v7(now.0);
        let done = self.recoveries.store.db().write(move |tx| async move {
            let owner = store.owner(&tx, &user).await?;
            let owner = owner.ok_or(IdentityError::Conflict)?;
            if !store.lock_for_factors(&tx, &user).await? {
                return Err(IdentityError::Conflict);
            }
            let row = ExportRow {
                id,
                user,
                session,
                locale: owner.locale,
                requested_at: latest,
                ready_at: None,
                expires_at: Timestamp(latest.0 + KEPT_MS),
            };
            let since = Timestamp(latest.0 - APART_MS);
            if store.add_export(&tx, &row, since).await? {
                return Ok(Ok(()));
            }
            let last = store.latest_export(&tx, &row.user).await?;
            let last = last.map_or(latest, |last| last.requested_at);
            Ok(Err(Timestamp(last.0 + APART_MS)))
        });
        let done: Result<Result<(), Timestamp>, IdentityError> = done.await;
        Ok(done?)
    }

    /// An export that this session asked for and that is ready, for its download, which is recorded.
    pub async fn fetch(&self, known: &SignedIn, id: &str) -> Result<Option<ExportRow>, ErrorPage> {
        let (now, latest) = (self.recoveries.time.now(), self.recoveries.time.latest());
        let store = &self.recoveries.store;
        let row = store
            .export_of_session(id, &known.person.id, &known.row.session.id)
            .await?;
        let Some(row) = row.filter(|row| row.ready_at.is_some() && latest < row.expires_at) else {
            return Ok(None);
        };
        let (recoveries, user, detail) = (self.recoveries.clone(), row.user.clone(), json!({ "id": row.id }));
        let done = store.db().write(move |tx| async move {
            recoveries.record(&tx, "export.fetched", &user, detail, now).await
        });
        let done: Result<(), IdentityError> = done.await;
        done?;
        Ok(Some(row))
    }

    /// A piece of an export; `None` after the last.
    pub async fn part(&self, export: &ExportRow, part: i64) -> Result<Option<String>, StoreError> {
        self.recoveries.store.export_part(export, part).await
    }

    /// Makes the exports that wait, until `stop`.
    pub async fn run(&self, stop: &CancellationToken) {
        let (mut failing, mut waits) = (false, Waits::default());
        loop {
            tokio::select! {
                () = tokio::time::sleep(Duration::from_secs(1)) => {}
                () = stop.cancelled() => return,
            }
            match stop.run_until_cancelled(self.round(&mut waits)).await {
                Some(Err(error)) if !failing => {
                    failing = true;
                    let reason = latchkey_http::reasons(&error);
                    tracing::warn!(reason, "making an export failed; it is tried again");
                }
                Some(Ok(())) => failing = false,
                Some(Err(_)) | None => {}
            }
        }
    }

    /// Makes those that wait. One that fails keeps no other from being made, and is tried again later each time, until it
    /// expires.
    async fn round(&self, waits: &mut Waits) -> Result<(), IdentityError> {
        let (store, now) = (&self.recoveries.store, self.recoveries.time.now());
        let ready = self.ready(waits, now).await?;
        if ready.is_empty() {
            return Ok(());
        }
        let until = Timestamp(now.0 + LEASE_MS);
        if !store.take_lease(LEASE, until, now).await? {
            return Ok(());
        }
        let mut done = Ok(());
        for export in ready {
            let made = self.make(&export).await;
            waits.note(export.id, made.is_ok(), now);
            done = done.and(made);
        }
        store.end_lease(LEASE, until).await?;
        done
    }

    /// The oldest that wait to be made and are to be tried now.
    async fn ready(&self, waits: &mut Waits, now: Timestamp) -> Result<Vec<ExportRow>, IdentityError> {
        let (store, latest) = (&self.recoveries.store, self.recoveries.time.latest());
        let (mut ready, mut seen, mut last) = (Vec::new(), BTreeSet::new(), String::new());
        loop {
            let page = store.waiting_exports(latest, &last, AT_ONCE).await?;
            let Some(end) = page.last().map(|row| row.id.clone()) else {
                // Those that are gone are tried no more.
                waits.0.retain(|id, _| seen.contains(id));
                return Ok(ready);
            };
            for row in page {
                seen.insert(row.id.clone());
                if waits.is_over(&row.id, now) {
                    ready.push(row);
                }
            }
            if ready.len() as i64 >= AT_ONCE {
                return Ok(ready);
            }
            last = end;
        }
    }

    /// One document, its pieces in the order of the list of tables.
    async fn make(&self, export: &ExportRow) -> Result<(), IdentityError> {
        let (store, now) = (&self.recoveries.store, self.recoveries.time.now());
        let mut parts = Parts {
            exports: self,
            export,
            next: 0,
        };
        let (begun, id) = (store.clone(), export.id.clone());
        store
            .db()
            .write(move |tx| async move { Ok::<_, IdentityError>(begun.begin_export(&tx, &id).await?) })
            .await?;
        let head = json!({
            "format": FORMAT,
            "user_id": export.user,
            "made_at": latchkey_clock::rfc3339(now.0),
        });
        let head = head.to_string();
        let head = head.strip_suffix('}').unwrap_or(&head);
        parts.add(format!("{head},\"tables\":{{")).await?;
        let mut first = true;
        for line in PERSONAL {
            let name = line.table;
            let comma = if first { "" } else { "," };
            match line.exported {
                Exported::Nothing(_why) => continue,
                Exported::Rows(query) => parts.table(comma, name, &query).await?,
                Exported::Apart => parts.audit(comma, name).await?,
            }
            first = false;
        }
        parts.add("}}\n".to_owned()).await?;
        self.finish(export, now).await
    }

    async fn finish(&self, export: &ExportRow, now: Timestamp) -> Result<(), IdentityError> {
        let (recoveries, export) = (self.recoveries.clone(), export.clone());
        self.recoveries
            .store
            .db()
            .write(move |tx| async move {
                let store = &recoveries.store;
                if !store.finish_export(&tx, &export.id, now).await? {
                    return Ok(());
                }
                if let Some(owner) = store.owner(&tx, &export.user).await? {
                    let notice = Notice {
                        at: now,
                        device: None,
                    };
                    let ready = Purpose::ExportReady { notice };
                    recoveries.tell_all(&tx, &owner, &ready, now).await?;
                }
                let detail = json!({ "id": export.id });
                recoveries
                    .record(&tx, "export.made", &export.user, detail, now)
                    .await
            })
            .await
    }
}

/// Exports that have failed on this node: how long each was waited for, in milliseconds, and when it is tried again.
#[derive(Default)]
struct Waits(BTreeMap<String, (i64, Timestamp)>);

impl Waits {
    fn is_over(&self, id: &str, now: Timestamp) -> bool {
        self.0.get(id).is_none_or(|(_, next)| *next <= now)
    }

    /// The wait is twice as long each time.
    fn note(&mut self, id: String, made: bool, now: Timestamp) {
        if made {
            self.0.remove(&id);
            return;
        }
        let wait = self.0.get(&id).map_or(FIRST_WAIT_MS, |(wait, _)| 2 * wait);
        let wait = wait.min(LONGEST_WAIT_MS);
        self.0.insert(id, (wait, Timestamp(now.0 + wait)));
    }
}

/// The pieces of an export that is being made.
struct Parts<'a> {
    exports: &'a Exports,
    export: &'a ExportRow,
    next: i64,
}

impl Parts<'_> {
    /// Adds a piece in a transaction of its own: an export of any size holds nobody up.
    async fn add(&mut self, text: String) -> Result<(), IdentityError> {
        let recoveries = &self.exports.recoveries;
        let (store, export, part) = (recoveries.store.clone(), self.export.clone(), self.next);
        let now = recoveries.time.now();
        self.next += 1;
        let added = recoveries
            .store
            .db()
            .write(move |tx| async move {
                Ok::<_, IdentityError>(store.add_export_part(&tx, &export, part, &text, now).await?)
            })
            .await?;
        // The person was deleted meanwhile, and the export with them.
        added.then_some(()).ok_or(IdentityError::Conflict)
    }

    async fn table(&mut self, comma: &str, name: &str, query: &ExportQuery) -> Result<(), IdentityError> {
        let exports = self.exports;
        let (mut after, mut begin) = (String::new(), format!("{comma}\"{name}\":["));
        loop {
            let page = exports
                .recoveries
                .store
                .export_page(query, &self.export.user, &after, PAGE, latchkey_clock::rfc3339)
                .await?;
            let Some((last, rows)) = page else { break };
            self.add(format!("{begin}{}", joined(&rows))).await?;
            begin = ",".to_owned();
            after = last;
        }
        // A table without rows has not begun yet.
        let rest = if begin == "," { String::new() } else { begin };
        self.add(format!("{rest}]")).await
    }

    async fn audit(&mut self, comma: &str, name: &str) -> Result<(), IdentityError> {
        let exports = self.exports;
        let (mut after, mut begin) = (String::new(), format!("{comma}\"{name}\":["));
        loop {
            let store = &exports.recoveries.store;
            let entries = store.audit_about(&self.export.user, &after, PAGE).await?;
            let Some(last) = entries.last() else { break };
            after.clone_from(&last.row.id);
            let rows: Vec<Value> = entries
                .into_iter()
                .map(|entry| {
                    json!({
                        "at": latchkey_clock::rfc3339(entry.at.0),
                        "kind": entry.row.kind,
                        "actor": entry.row.actor,
                        "subject": entry.row.subject,
                        "detail": entry.row.detail,
                    })
                })
                .collect();
            self.add(format!("{begin}{}", joined(&rows))).await?;
            begin = ",".to_owned();
        }
        let rest = if begin == "," { String::new() } else { begin };
        self.add(format!("{rest}]")).await
    }
}

fn joined(rows: &[Value]) -> String {
    let texts: Vec<String> = rows.iter().map(Value::to_string).collect();
    texts.join(",")
}

const FORMAT: &str = "latchkey-export/1";
const LEASE: &str = "exports";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_export_that_fails_waits_longer_each_time_and_alone() {
        let (mut waits, mut now) = (Waits::default(), Timestamp(0));
        for wait in [10_000, 20_000, 40_000] {
            assert!(waits.is_over("a", now));
            waits.note("a".to_owned(), false, now);
            assert!(!waits.is_over("a", Timestamp(now.0 + wait - 1)));
            assert!(waits.is_over("b", now));
            now = Timestamp(now.0 + wait);
        }
        for _ in 0..20 {
            waits.note("a".to_owned(), false, now);
        }
        assert!(waits.is_over("a", Timestamp(now.0 + LONGEST_WAIT_MS)));
        waits.note("a".to_owned(), true, now);
        assert!(waits.is_over("a", now));
    }
}
