//! HTTP to domain and back. `lib.rs` declares the routes and their policies; the handlers are here.

pub mod categories;
pub mod courses;
pub mod reviews;
pub mod views;
pub mod writing;

use latchkey_kit::{Context, Ownable};

use crate::domain::Course;
use crate::store;

impl Ownable for Course {
    async fn find(context: &Context, id: &str) -> Result<Option<Self>, latchkey_db::DbError> {
        store::course(&context.db, id).await
    }

    fn owner(&self) -> &str {
        &self.instructor_id
    }
}
