//! HTTP to domain and back. Which route exists for whom is said in `lib.rs`; here is what each does.

pub mod categories;
pub mod courses;
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
