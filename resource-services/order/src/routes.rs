//! HTTP to domain and back.

pub mod admin;
pub mod events;
pub mod reading;
pub mod refunds;
mod views;
pub mod writing;

use latchkey_db::DbError;
use latchkey_kit::{Context, Ownable};

use crate::store::{self, Detail};

/// An order belongs to its buyer.
impl Ownable for Detail {
    async fn find(context: &Context, id: &str) -> Result<Option<Self>, DbError> {
        store::detail(&context.db, id).await
    }

    fn owner(&self) -> &str {
        &self.buyer_id
    }
}
