//! Saved cards.

use latchkey_db::{DbError, On, Row, Tx, sql};

use crate::domain::Card;

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, owner_id, reference, brand, last4, exp_month, exp_year, fingerprint, created_at, \
               forget_at FROM cards ",
            $rest
        )
    };
}

/// The card with this id.
pub async fn card(on: impl Into<On<'_>>, id: &str) -> Result<Option<Card>, DbError> {
    sql(select!("WHERE id = $1"))
        .bind(id)
        .fetch_optional(on)
        .await?
        .as_ref()
        .map(read)
        .transpose()
}

/// The saved cards of a user, the oldest first. There are few.
pub async fn cards(on: impl Into<On<'_>>, owner_id: &str) -> Result<Vec<Card>, DbError> {
    sql(select!(
        "WHERE owner_id = $1 AND forget_at IS NULL ORDER BY created_at, id"
    ))
    .bind(owner_id)
    .fetch_all(on)
    .await?
    .iter()
    .map(read)
    .collect()
}

/// Cards whose time is over, unless the processor is still to be asked with their name for an authorization.
pub async fn cards_to_forget(on: impl Into<On<'_>>, now: i64, limit: i64) -> Result<Vec<Card>, DbError> {
    sql(select!(
        "WHERE forget_at <= $1 AND NOT EXISTS (SELECT 1 FROM payments \
           WHERE payments.card_reference = cards.reference AND payments.state = 'authorizing') \
         ORDER BY forget_at LIMIT $2"
    ))
    .bind(now)
    .bind(limit)
    .fetch_all(on)
    .await?
    .iter()
    .map(read)
    .collect()
}

/// How many cards a user has of the kind of this one: saved, or for one order.
pub async fn count_cards(tx: &Tx, like: &Card) -> Result<i64, DbError> {
    sql("SELECT CAST(COUNT(*) AS BIGINT) AS n FROM cards WHERE owner_id = $1 AND (forget_at IS NULL) = (CAST($2 AS BIGINT) = 1)")
        .bind(&like.owner_id)
        .bind(i64::from(like.forget_at.is_none()))
        .fetch_one(tx)
        .await?
        .int("n")
}

/// Saves a card, or returns the one that its owner has of this number. One that is saved stays so.
pub async fn insert_card(tx: &Tx, card: &Card) -> Result<Card, DbError> {
    sql(
        "INSERT INTO cards (id, owner_id, reference, brand, last4, exp_month, exp_year, fingerprint, created_at, \
           forget_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) \
         ON CONFLICT (owner_id, fingerprint) DO UPDATE SET exp_month = excluded.exp_month, \
           exp_year = excluded.exp_year, \
           forget_at = CASE WHEN cards.forget_at IS NULL THEN NULL ELSE excluded.forget_at END \
         RETURNING id, owner_id, reference, brand, last4, exp_month, exp_year, fingerprint, created_at, forget_at",
    )
    .bind(&card.id)
    .bind(&card.owner_id)
    .bind(&card.reference)
    .bind(&card.brand)
    .bind(&card.last4)
    .bind(card.exp_month)
    .bind(card.exp_year)
    .bind(&card.fingerprint)
    .bind(card.created_at)
    .bind(card.forget_at)
    .fetch_one(tx)
    .await
    .and_then(|row| read(&row))
}

/// Deletes a card. `false` if there was none.
#[must_use = "zero rows mean that there was no card"]
pub async fn delete_card(tx: &Tx, id: &str) -> Result<bool, DbError> {
    let rows = sql("DELETE FROM cards WHERE id = $1")
        .bind(id)
        .execute(tx)
        .await?;
    Ok(rows == 1)
}

/// Deletes the cards of a user and returns the processor's names for them.
pub async fn delete_cards_of(tx: &Tx, owner_id: &str) -> Result<Vec<String>, DbError> {
    sql("DELETE FROM cards WHERE owner_id = $1 RETURNING reference")
        .bind(owner_id)
        .fetch_all(tx)
        .await?
        .iter()
        .map(|row| row.text("reference"))
        .collect()
}

/// Whether some user has the card with the processor's name for it.
pub async fn is_card_kept(on: impl Into<On<'_>>, reference: &str) -> Result<bool, DbError> {
    let row = sql("SELECT id FROM cards WHERE reference = $1")
        .bind(reference)
        .fetch_optional(on)
        .await?;
    Ok(row.is_some())
}

fn read(row: &Row) -> Result<Card, DbError> {
    Ok(Card {
        id: row.text("id")?,
        owner_id: row.text("owner_id")?,
        reference: row.text("reference")?,
        brand: row.text("brand")?,
        last4: row.text("last4")?,
        exp_month: row.int("exp_month")?,
        exp_year: row.int("exp_year")?,
        fingerprint: row.text("fingerprint")?,
        created_at: row.int("created_at")?,
        forget_at: row.opt_int("forget_at")?,
    })
}
