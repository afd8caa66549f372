//! Answers to an order: given, kept, and given again.

use latchkey_kit::Transaction;

use crate::domain::{DomainError, Reply, Reservation};
use crate::{Error, store};

/// Answers a step for the first time.
pub(super) async fn first(
    t: &Transaction,
    reservation: &Reservation,
    step: &str,
    command_id: String,
    reply: Reply,
) -> Result<(), Error> {
    let order_id = &reservation.order_id;
    let (r#type, data) = reply
        .event(order_id.clone(), command_id)
        .map_err(Error::Payload)?;
    store::put_answer(&t.tx, order_id, step, r#type, &data).await?;
    t.emit(r#type, order_id, reservation.version, &data).await
}

/// Gives the answer to a step again, as the answer to this command.
pub(super) async fn again(
    t: &Transaction,
    reservation: &Reservation,
    step: &str,
    command_id: String,
) -> Result<(), Error> {
    let order_id = &reservation.order_id;
    let (r#type, mut data) = store::answer(&t.tx, order_id, step)
        .await?
        .ok_or(DomainError::Missing)?;
    data["command_id"] = command_id.into();
    t.emit(r#type, order_id, reservation.version, &data).await
}

/// Says what is true, without keeping it.
pub(super) async fn tell(
    t: &Transaction,
    reservation: &Reservation,
    command_id: String,
    reply: Reply,
) -> Result<(), Error> {
    let order_id = &reservation.order_id;
    let (r#type, data) = reply
        .event(order_id.clone(), command_id)
        .map_err(Error::Payload)?;
    t.emit(r#type, order_id, reservation.version, &data).await
}
