//! HTTP to domain and back. `lib.rs` declares the routes and their policies; the handlers are here.

pub mod grants;
pub mod library;
pub mod stock;
pub mod views;

use latchkey_kit::{Context, Held, Ownable};

use crate::domain::{OwnedItem, Stock};
use crate::store;

impl Ownable for Stock {
    async fn find(context: &Context, id: &str) -> Result<Option<Self>, latchkey_db::DbError> {
        store::stock(&context.db, id).await
    }

    fn owner(&self) -> &str {
        &self.instructor_id
    }
}

impl Held for OwnedItem {
    async fn find(context: &Context, sub: &str, id: &str) -> Result<Option<Self>, latchkey_db::DbError> {
        store::owned(&context.db, sub, id).await
    }
}
