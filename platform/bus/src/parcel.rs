//! What travels from an outbox to its channel.

use latchkey_db::Row;

use crate::BusError;

/// An event on its way. The relay carries the envelope and does not judge it: one that nobody can read is parked by
/// those who should, and must not keep the others waiting here.
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
