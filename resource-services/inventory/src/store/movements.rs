//! What happened to seats and items, append-only.

use latchkey_db::{DbError, On, Tx, sql};

use crate::domain::Seats;

/// Something that happened.
#[derive(Clone, Debug)]
pub struct Movement {
    pub id: String,
    pub item_id: String,
    pub owner: String,
    pub order_id: Option<String>,
    pub moved: Moved,
    pub quantity: i64,
    pub seats: Seats,
    pub reason: Option<String>,
    pub actor: Option<String>,
    pub at: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moved {
    Held,
    Released,
    Confirmed,
    Granted,
    Revoked,
    Regranted,
    Consumed,
}

impl Moved {
    fn as_str(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Released => "released",
            Self::Confirmed => "confirmed",
            Self::Granted => "granted",
            Self::Revoked => "revoked",
            Self::Regranted => "regranted",
            Self::Consumed => "consumed",
        }
    }
}

/// Writes a movement.
pub async fn movement(tx: &Tx, movement: &Movement) -> Result<(), DbError> {
    sql(
        "INSERT INTO movements (id, item_id, owner, order_id, cause, quantity, sold, reserved, reason, \
         actor, at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
    )
    .bind(&movement.id)
    .bind(&movement.item_id)
    .bind(&movement.owner)
    .bind(movement.order_id.clone())
    .bind(movement.moved.as_str())
    .bind(movement.quantity)
    .bind(movement.seats.sold)
    .bind(movement.seats.reserved)
    .bind(movement.reason.clone())
    .bind(movement.actor.clone())
    .bind(movement.at)
    .execute(tx)
    .await?;
    Ok(())
}

/// The seats of an item by all that happened: slow, and exact also where they are not counted.
pub async fn seats_moved(on: impl Into<On<'_>>, item_id: &str) -> Result<Seats, DbError> {
    let row = sql("SELECT CAST(COALESCE(SUM(sold), 0) AS BIGINT) AS sold, \
         CAST(COALESCE(SUM(reserved), 0) AS BIGINT) AS reserved FROM movements WHERE item_id = $1")
    .bind(item_id)
    .fetch_one(on)
    .await?;
    Ok(Seats {
        sold: row.int("sold")?,
        reserved: row.int("reserved")?,
    })
}
