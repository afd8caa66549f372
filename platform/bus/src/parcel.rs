//! The unit that travels from an outbox to its channel.

use latchkey_db::Row;

use crate::BusError;

/// An event in transit. The relay does not interpret the envelope: an unreadable one is parked by its consumers, and
/// must not block the others here.
pub(crate) struct Parcel {
    pub id: String,
    pub r#type: String,
    pub partition_key: String,
    pub envelope: String,
}

impl Parcel {
    pub(crate) fn from_row(row: &Row) -> Result<Self, BusError> {
        Ok(Self {
            id: row.text("id")?,
            r#type: row.text("type")?,
            partition_key: row.text("partition_key")?,
            envelope: row.text("envelope")?,
        })
    }
}
