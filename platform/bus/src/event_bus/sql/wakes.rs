//! Who is woken by what: one reader of the log for all groups of a process, so that an event costs nothing to those that
//! do not handle it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use latchkey_db::sql;
use tokio::sync::Notify;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::BusError;
use crate::sql_log::SqlLog;

/// The consumers of a process. What watches the log for them ends with the last of its owners.
#[derive(Default)]
pub(super) struct Wakes {
    consumers: Mutex<Vec<Weak<Consumer>>>,
    watched: AtomicBool,
    watcher: Mutex<Option<DropGuard>>,
}

/// A consumer that may sleep.
pub(super) struct Consumer {
    group: &'static str,
    types: &'static [&'static str],
    due: Notify,
}

/// What there is to look at in the log.
#[derive(Default)]
struct News {
    /// The highest position.
    position: i64,
    /// Types with events that were not there before.
    types: Vec<String>,
    /// Groups with a failed delivery that is due, or that nobody holds.
    groups: Vec<String>,
}

impl Wakes {
    /// Enters a consumer, and begins to watch the log for it.
    pub fn enter(
        self: &Arc<Self>,
        log: &SqlLog,
        group: &'static str,
        types: &'static [&'static str],
    ) -> Arc<Consumer> {
        let consumer = Arc::new(Consumer {
            group,
            types,
            due: Notify::new(),
        });
        let mut consumers = self.consumers.lock().unwrap_or_else(PoisonError::into_inner);
        consumers.retain(|entered| entered.strong_count() > 0);
        consumers.push(Arc::downgrade(&consumer));
        drop(consumers);
        if !self.watched.swap(true, Ordering::SeqCst) {
            let stop = CancellationToken::new();
            tokio::spawn(watch(log.clone(), Arc::downgrade(self), stop.clone()));
            *self.watcher.lock().unwrap_or_else(PoisonError::into_inner) = Some(stop.drop_guard());
        }
        consumer
    }

    fn tell(&self, news: &News) {
        let consumers = self.consumers.lock().unwrap_or_else(PoisonError::into_inner);
        for consumer in consumers.iter().filter_map(Weak::upgrade) {
            if consumer.is_meant(news) {
                consumer.due.notify_one();
            }
        }
    }
}

impl Consumer {
    /// Returns when there is something to do, perhaps something that was there before the call. It is a hint: whoever
    /// waits must also look from time to time.
    pub async fn woken(&self) {
        self.due.notified().await;
    }

    fn is_meant(&self, news: &News) -> bool {
        news.types.iter().any(|new| self.types.contains(&new.as_str()))
            || news.groups.iter().any(|group| group == self.group)
    }
}

/// Looks at the log after every change. An error is not told here: each consumer looks by itself and says so.
async fn watch(log: SqlLog, wakes: Weak<Wakes>, stop: CancellationToken) {
    let mut changes = log.db.changes();
    let mut seen = 0;
    loop {
        let news = news(&log, seen).await.unwrap_or_default();
        seen = seen.max(news.position);
        match wakes.upgrade() {
            Some(wakes) => wakes.tell(&news),
            None => return,
        }
        tokio::select! {
            changed = changes.changed() => if changed.is_err() { return },
            () = tokio::time::sleep(log.poll) => {}
            () = stop.cancelled() => return,
        }
    }
}

/// What is new after `seen`.
async fn news(log: &SqlLog, seen: i64) -> Result<News, BusError> {
    let rows = sql(
        "SELECT 'type' AS kind, type AS name, MAX(position) AS position FROM bus_log \
         WHERE position > $1 GROUP BY type \
         UNION ALL SELECT DISTINCT 'group', consumer, CAST(0 AS BIGINT) FROM bus_failed \
         WHERE parked_at IS NULL AND next_attempt_at <= $2 \
         UNION ALL SELECT 'group', name, CAST(0 AS BIGINT) FROM bus_group WHERE holder IS NULL",
    )
    .bind(seen)
    .bind(log.clock.now_ms())
    .fetch_all(&log.db)
    .await?;
    let mut news = News::default();
    for row in rows {
        let name = row.text("name")?;
        match row.text("kind")?.as_str() {
            "type" => news.types.push(name),
            _ => news.groups.push(name),
        }
        news.position = news.position.max(row.int("position")?);
    }
    Ok(news)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_consumer_is_woken_for_its_types_and_for_its_group() {
        let consumer = Consumer {
            group: "order.payments",
            types: &["payment.captured", "payment.failed"],
            due: Notify::new(),
        };
        let news = |types: &[&str], groups: &[&str]| News {
            position: 7,
            types: types.iter().map(|name| (*name).to_owned()).collect(),
            groups: groups.iter().map(|name| (*name).to_owned()).collect(),
        };
        for (news, expected) in [
            (news(&[], &[]), false),
            (news(&["order.placed"], &["order.seats"]), false),
            (news(&["order.placed", "payment.failed"], &[]), true),
            (news(&[], &["order.payments"]), true),
        ] {
            assert_eq!(consumer.is_meant(&news), expected);
        }
    }
}
