//! How far behind everything is, for metrics: a few statements of bounded cost, whatever has piled up.

use latchkey_db::{Class, Db, Row, sql};
use latchkey_metrics::catalog::{BUS_LAG, BUS_LAG_OLDEST, BUS_PARKED, OUTBOX_DEPTH, OUTBOX_OLDEST};
use latchkey_metrics::labels::Group;

use crate::BusError;
use crate::sql_log::SqlLog;

/// No statement counts further. An operator acts long before.
const MOST: i64 = 10_000;

/// Shows how many events wait in the outbox of `db`, and for how long.
pub async fn sample_outbox(db: &Db, now_ms: i64) -> Result<(), BusError> {
    // By the index of what waits, and no further than the limit.
    let row = sql("SELECT COUNT(*) AS n, MIN(created_at) AS oldest FROM \
         (SELECT created_at FROM outbox WHERE published_at IS NULL ORDER BY seq LIMIT $1) AS waiting")
    .bind(MOST)
    .fetch_one(&db.reading(Class::Background))
    .await?;
    OUTBOX_DEPTH.set(db.role(), row.int("n")? as f64);
    OUTBOX_OLDEST.set(db.role(), age_s(row.opt_int("oldest")?, now_ms));
    Ok(())
}

/// Shows what each of `groups` has still to handle, and its dead letters.
pub(crate) async fn sample_groups(log: &SqlLog, groups: &[&str], now_ms: i64) -> Result<(), BusError> {
    let db = log.db.reading(Class::Background);
    let waiting = sql("SELECT name, COUNT(*) AS n, MIN(appended_at) AS oldest FROM \
         (SELECT reach.name AS name, log.appended_at AS appended_at FROM bus_group_type AS reach \
          JOIN bus_log AS log ON log.type = reach.type AND log.position > reach.position LIMIT $1) AS waiting \
         GROUP BY name")
    .bind(MOST)
    .fetch_all(&db)
    .await?;
    let parked = sql(
        "SELECT consumer AS name, COUNT(*) AS n, MIN(parked_at) AS oldest FROM \
         (SELECT consumer, parked_at FROM bus_failed WHERE parked_at IS NOT NULL LIMIT $1) AS parked \
         GROUP BY consumer",
    )
    .bind(MOST)
    .fetch_all(&db)
    .await?;
    for name in groups {
        let (lag, oldest) = of(&waiting, name)?;
        BUS_LAG.set(Group::of(name), lag as f64);
        BUS_LAG_OLDEST.set(Group::of(name), age_s(oldest, now_ms));
        BUS_PARKED.set(Group::of(name), of(&parked, name)?.0 as f64);
    }
    Ok(())
}

/// Count and oldest instant of a group; a group without a row has nothing.
fn of(rows: &[Row], name: &str) -> Result<(i64, Option<i64>), BusError> {
    for row in rows {
        if row.text("name")? == name {
            return Ok((row.int("n")?, row.opt_int("oldest")?));
        }
    }
    Ok((0, None))
}

fn age_s(oldest_ms: Option<i64>, now_ms: i64) -> f64 {
    oldest_ms.map_or(0.0, |oldest| (now_ms - oldest).max(0) as f64 / 1_000.0)
}
