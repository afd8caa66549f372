//! What an order is answered.

use latchkey_contracts::events::inventory::{
    GRANTED, ItemQuantity, ItemTotal, REFUSED, RELEASED, RESERVED, REVOKED, Refused, RefusedReason, Reserved,
    Settled,
};
use serde_json::Value;

/// An answer, before it is addressed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    Reserved(Vec<ItemQuantity>),
    Refused(RefusedReason, Vec<String>),
    Granted(Option<String>, Vec<ItemTotal>),
    Released(Option<String>, Vec<ItemTotal>),
    Revoked(Option<String>, Vec<ItemTotal>),
}

impl Reply {
    /// Its type and data, as the answer to a command.
    pub fn event(
        self,
        order_id: String,
        command_id: String,
    ) -> Result<(&'static str, Value), serde_json::Error> {
        let (r#type, owner, items) = match self {
            Self::Reserved(lines) => {
                let data = serde_json::to_value(Reserved {
                    order_id,
                    command_id,
                    lines,
                })?;
                return Ok((RESERVED, data));
            }
            Self::Refused(reason, items) => {
                let data = serde_json::to_value(Refused {
                    order_id,
                    command_id,
                    reason,
                    items,
                })?;
                return Ok((REFUSED, data));
            }
            Self::Granted(owner, items) => (GRANTED, owner, items),
            Self::Released(owner, items) => (RELEASED, owner, items),
            Self::Revoked(owner, items) => (REVOKED, owner, items),
        };
        let data = serde_json::to_value(Settled {
            order_id,
            command_id,
            owner,
            items,
        })?;
        Ok((r#type, data))
    }
}

#[cfg(test)]
mod tests {
    use latchkey_contracts::events::inventory::InventoryReply;

    use super::*;

    #[test]
    fn every_reply_is_read_as_what_it_is() {
        let items = vec![ItemTotal {
            item_id: "c".into(),
            quantity: 1,
            total: 1,
        }];
        let owner = || Some("ada".to_owned());
        for (reply, name) in [
            (Reply::Reserved(Vec::new()), "Reserved"),
            (Reply::Refused(RefusedReason::SoldOut, Vec::new()), "Refused"),
            (Reply::Granted(owner(), items.clone()), "Granted"),
            (Reply::Released(None, Vec::new()), "Released"),
            (Reply::Revoked(owner(), items.clone()), "Revoked"),
        ] {
            let (r#type, data) = reply.event("o".into(), "k".into()).unwrap();
            let read = InventoryReply::parse(r#type, &data).unwrap();
            assert!(format!("{read:?}").starts_with(name), "{read:?}");
            assert_eq!(
                (&data["order_id"], &data["command_id"]),
                (&"o".into(), &"k".into())
            );
        }
    }
}
