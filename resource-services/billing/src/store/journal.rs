//! The journal: entries behind their head, which is the lock of whoever writes.

use latchkey_db::{Db, DbError, On, Row, Tx, sql, sql_list};

use super::word;
use crate::domain::{Account, Digest, EntryKind, Head, Line, Record};

/// What was debited and credited on an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Totals {
    pub account: Account,
    pub debit: i64,
    pub credit: i64,
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT seq, id, at, kind, source_event_id, business_key, memo, currency, prev_hash, hash ",
            "FROM journal_entries ",
            $rest
        )
    };
}

/// The head, which nobody else can move until the end of the transaction.
pub async fn lock_head(tx: &Tx) -> Result<Head, DbError> {
    let row = sql("UPDATE journal_head SET seq = seq WHERE id = 1 RETURNING seq, hash")
        .fetch_one(tx)
        .await?;
    read_head(&row)
}

/// The head as it is now.
pub async fn head(on: impl Into<On<'_>>) -> Result<Head, DbError> {
    let row = sql("SELECT seq, hash FROM journal_head WHERE id = 1")
        .fetch_one(on)
        .await?;
    read_head(&row)
}

/// Writes an entry behind the locked head. `false` if its event or its business has one already; nothing is written then.
#[must_use = "false means that nothing was written"]
pub async fn append(tx: &Tx, record: &Record) -> Result<bool, DbError> {
    let rows = sql(
        "INSERT INTO journal_entries (seq, id, at, kind, source_event_id, business_key, memo, currency, prev_hash, hash) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING",
    )
    .bind(record.seq)
    .bind(&record.id)
    .bind(record.at)
    .bind(record.kind.as_str())
    .bind(&record.source_event_id)
    .bind(&record.business_key)
    .bind(&record.memo)
    .bind(&record.currency)
    .bind(hex::encode(record.prev_hash))
    .bind(hex::encode(record.hash))
    .execute(tx)
    .await?;
    if rows == 0 {
        return Ok(false);
    }
    for (position, line) in (0_i64..).zip(&record.lines) {
        sql(
            "INSERT INTO journal_lines (seq, position, account, party, debit, credit) \
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(record.seq)
        .bind(position)
        .bind(line.account.number())
        .bind(line.party.clone())
        .bind(line.debit)
        .bind(line.credit)
        .execute(tx)
        .await?;
    }
    // The database adds up once more: an entry that it does not find balanced takes the whole transaction with it.
    let rows = sql(
        "UPDATE journal_head SET seq = $1, hash = $2 WHERE id = 1 AND seq = $1 - 1 AND 0 = \
         (SELECT COALESCE(SUM(debit - credit), 1) FROM journal_lines WHERE seq = $1)",
    )
    .bind(record.seq)
    .bind(hex::encode(record.hash))
    .execute(tx)
    .await?;
    match rows {
        1 => Ok(true),
        _ => Err(DbError::row(
            "seq",
            "the entry does not balance or does not follow the last one",
        )),
    }
}

/// At most `limit` entries after a number, in their order.
pub async fn records(db: &Db, after: i64, limit: i64) -> Result<Vec<Record>, DbError> {
    let rows = sql(select!("WHERE seq > $1 ORDER BY seq LIMIT $2"))
        .bind(after)
        .bind(limit)
        .fetch_all(db)
        .await?;
    with_lines(db, &rows).await
}

/// At most `limit` entries before a number, the last first; with an account only those that touch it.
pub async fn records_before(
    db: &Db,
    account: Option<Account>,
    before: i64,
    limit: i64,
) -> Result<Vec<Record>, DbError> {
    let rows = match account {
        None => {
            sql(select!("WHERE seq < $1 ORDER BY seq DESC LIMIT $2"))
                .bind(before)
                .bind(limit)
                .fetch_all(db)
                .await?
        }
        Some(account) => {
            sql(select!(
                "WHERE seq < $1 AND seq IN (SELECT seq FROM journal_lines WHERE account = $3) \
                 ORDER BY seq DESC LIMIT $2"
            ))
            .bind(before)
            .bind(limit)
            .bind(account.number())
            .fetch_all(db)
            .await?
        }
    };
    with_lines(db, &rows).await
}

/// The totals of every account, also of those that nothing was written to.
pub async fn totals(on: impl Into<On<'_>>) -> Result<Vec<Totals>, DbError> {
    let rows = sql(
        "SELECT account, CAST(SUM(debit) AS BIGINT) AS debit, CAST(SUM(credit) AS BIGINT) AS credit \
         FROM journal_lines GROUP BY account ORDER BY account",
    )
    .fetch_all(on)
    .await?;
    let found = rows.iter().map(|row| {
        Ok(Totals {
            account: account(row)?,
            debit: row.int("debit")?,
            credit: row.int("credit")?,
        })
    });
    let found: Vec<Totals> = found.collect::<Result<_, DbError>>()?;
    let all = Account::ALL.into_iter().map(|account| {
        let written = found.iter().find(|totals| totals.account == account);
        written.copied().unwrap_or(Totals {
            account,
            debit: 0,
            credit: 0,
        })
    });
    Ok(all.collect())
}

/// Somebody's part of an account.
pub async fn party_totals(on: impl Into<On<'_>>, account: Account, party: &str) -> Result<Totals, DbError> {
    let row = sql("SELECT CAST(COALESCE(SUM(debit), 0) AS BIGINT) AS debit, \
         CAST(COALESCE(SUM(credit), 0) AS BIGINT) AS credit FROM journal_lines WHERE party = $1 AND account = $2")
    .bind(party)
    .bind(account.number())
    .fetch_one(on)
    .await?;
    Ok(Totals {
        account,
        debit: row.int("debit")?,
        credit: row.int("credit")?,
    })
}

async fn with_lines(db: &Db, rows: &[Row]) -> Result<Vec<Record>, DbError> {
    let mut records = rows.iter().map(read).collect::<Result<Vec<Record>, _>>()?;
    let numbers: Vec<i64> = records.iter().map(|record| record.seq).collect();
    let lines = sql_list(
        "SELECT seq, account, party, debit, credit FROM journal_lines WHERE seq IN ({list}) ORDER BY seq, position",
    )
    .bind_list(&numbers)
    .fetch_all(db)
    .await?;
    for row in &lines {
        let seq = row.int("seq")?;
        let line = Line {
            account: account(row)?,
            party: row.opt_text("party")?,
            debit: row.int("debit")?,
            credit: row.int("credit")?,
        };
        if let Some(record) = records.iter_mut().find(|record| record.seq == seq) {
            record.lines.push(line);
        }
    }
    Ok(records)
}

fn read(row: &Row) -> Result<Record, DbError> {
    Ok(Record {
        seq: row.int("seq")?,
        id: row.text("id")?,
        at: row.int("at")?,
        kind: word(row, "kind", EntryKind::parse)?,
        source_event_id: row.text("source_event_id")?,
        business_key: row.text("business_key")?,
        memo: row.text("memo")?,
        currency: row.text("currency")?,
        lines: Vec::new(),
        prev_hash: digest(row, "prev_hash")?,
        hash: digest(row, "hash")?,
    })
}

fn read_head(row: &Row) -> Result<Head, DbError> {
    Ok(Head {
        seq: row.int("seq")?,
        hash: digest(row, "hash")?,
    })
}

fn account(row: &Row) -> Result<Account, DbError> {
    let number = row.int("account")?;
    Account::of_number(number).ok_or_else(|| DbError::row("account", "no account of the chart"))
}

fn digest(row: &Row, column: &str) -> Result<Digest, DbError> {
    let mut digest = Digest::default();
    hex::decode_to_slice(row.text(column)?, &mut digest)
        .map_err(|error| DbError::row(column, error.to_string()))?;
    Ok(digest)
}
