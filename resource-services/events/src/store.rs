//! The only SQL of the service.

use latchkey_db::{DbError, Migration, Migrations, On, Row, Tx, sql};

use crate::domain::{Action, Finished, Intervention, Kind, Outcome, Target};

/// The tables.
pub const MIGRATIONS: Migrations = Migrations {
    set: "events",
    steps: &[Migration {
        version: 1,
        name: "interventions",
        sqlite: include_str!("../migrations/0001_interventions.sql"),
        postgres: include_str!("../migrations/0001_interventions.sql"),
    }],
};

/// After every id that there is.
pub const NEWEST: &str = "ffffffff-ffff-ffff-ffff-ffffffffffff";

/// Writes a new intervention, which is carried out after the commit.
pub async fn insert(tx: &Tx, new: &Intervention) -> Result<(), DbError> {
    let target = new.action.target();
    sql("INSERT INTO interventions \
           (id, action, consumer, event_id, event_type, reason, requested_by, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)")
    .bind(&new.id)
    .bind(new.action.kind().as_str())
    .bind(new.action.consumer())
    .bind(target.map(|target| target.event_id.as_str()))
    .bind(target.map(|target| target.event_type.as_str()))
    .bind(new.action.reason())
    .bind(&new.requested_by)
    .bind(new.created_at)
    .execute(tx)
    .await?;
    tx.announce();
    Ok(())
}

pub async fn intervention(on: impl Into<On<'_>>, id: &str) -> Result<Option<Intervention>, DbError> {
    sql(
        "SELECT id, action, consumer, event_id, event_type, reason, requested_by, created_at, finished_at, outcome, \
           letters FROM interventions WHERE id = $1",
    )
    .bind(id)
    .fetch_optional(on)
    .await?
    .as_ref()
    .map(read)
    .transpose()
}

/// Interventions before this id, the newest first.
pub async fn interventions(
    on: impl Into<On<'_>>,
    before: &str,
    limit: i64,
) -> Result<Vec<Intervention>, DbError> {
    sql(
        "SELECT id, action, consumer, event_id, event_type, reason, requested_by, created_at, finished_at, outcome, \
           letters FROM interventions WHERE id < $1 ORDER BY id DESC LIMIT $2",
    )
    .bind(before)
    .bind(limit)
    .fetch_all(on)
    .await?
    .iter()
    .map(read)
    .collect()
}

/// The oldest that is not finished and that nobody works on.
pub async fn next(on: impl Into<On<'_>>, now: i64) -> Result<Option<Intervention>, DbError> {
    sql(
        "SELECT id, action, consumer, event_id, event_type, reason, requested_by, created_at, finished_at, outcome, \
           letters FROM interventions WHERE finished_at IS NULL AND claimed_until <= $1 ORDER BY id LIMIT 1",
    )
    .bind(now)
    .fetch_optional(on)
    .await?
    .as_ref()
    .map(read)
    .transpose()
}

/// Takes an intervention until a time; `false` if somebody else was faster.
pub async fn claim(tx: &Tx, id: &str, now: i64, until: i64) -> Result<bool, DbError> {
    let rows = sql(
        "UPDATE interventions SET claimed_until = $3 WHERE id = $1 AND finished_at IS NULL AND claimed_until <= $2",
    )
    .bind(id)
    .bind(now)
    .bind(until)
    .execute(tx)
    .await?;
    Ok(rows == 1)
}

/// Finishes an intervention; `false` if it was finished before.
pub async fn finish(tx: &Tx, id: &str, finished: Finished) -> Result<bool, DbError> {
    let rows = sql(
        "UPDATE interventions SET finished_at = $2, outcome = $3, letters = $4 \
         WHERE id = $1 AND finished_at IS NULL",
    )
    .bind(id)
    .bind(finished.at)
    .bind(finished.outcome.as_str())
    .bind(finished.letters)
    .execute(tx)
    .await?;
    tx.announce();
    Ok(rows == 1)
}

fn read(row: &Row) -> Result<Intervention, DbError> {
    let consumer = row.opt_text("consumer")?;
    let target = || {
        Ok::<_, DbError>(Target {
            consumer: row.text("consumer")?,
            event_id: row.text("event_id")?,
            event_type: row.text("event_type")?,
        })
    };
    let action = match word(row, "action", Kind::parse)? {
        Kind::Redrive => Action::Redrive(target()?),
        Kind::RedriveAll => Action::RedriveAll { consumer },
        Kind::Discard => Action::Discard {
            target: target()?,
            reason: row.text("reason")?,
        },
    };
    let finished = match row.opt_int("finished_at")? {
        None => None,
        Some(at) => Some(Finished {
            at,
            outcome: word(row, "outcome", Outcome::parse)?,
            letters: row.int("letters")?,
        }),
    };
    Ok(Intervention {
        id: row.text("id")?,
        action,
        requested_by: row.text("requested_by")?,
        created_at: row.int("created_at")?,
        finished,
    })
}

/// A column with one of a fixed set of words.
fn word<T>(row: &Row, column: &str, parse: impl Fn(&str) -> Option<T>) -> Result<T, DbError> {
    parse(&row.text(column)?).ok_or_else(|| DbError::row(column, "a word that this binary does not know"))
}
