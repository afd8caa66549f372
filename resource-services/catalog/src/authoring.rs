//! Writing courses: load the facts, let the domain decide, write what it decided with the event that tells it.
//! Everything here runs inside one transaction; routes, consumers and the demo come through the same doors.

use std::collections::BTreeSet;

use latchkey_bus::{self as bus, Cause, Outbox};
use latchkey_clock::Random;
use latchkey_db::Tx;

use crate::domain::{Birth, Caller, Change, Content, Course, Draft, Patch, Refusal, Status};
use crate::{CatalogError, store};

/// What every decision about a course needs besides the facts in the database.
#[derive(Clone)]
pub struct Desk {
    pub outbox: Outbox,
    pub random: Random,
    /// The shop's one currency.
    pub currency: String,
    pub now: i64,
    /// Who wants it, or what led to it.
    pub cause: Cause,
}

/// What somebody wants of a course that exists.
#[derive(Clone, Debug)]
pub enum Intent {
    Replace(Draft),
    Patch(Patch),
    Step(Status),
}

impl Desk {
    /// Writes a new draft that belongs to `sub`.
    pub async fn create(&self, tx: &Tx, sub: &str, draft: Draft) -> Result<Course, CatalogError> {
        let id = self.random.uuid_v7(self.now);
        let kind = draft.kind.unwrap_or_default();
        let content = self.checked(tx, draft, &BTreeSet::new()).await?;
        let birth = Birth {
            slug: self.slug(tx, &content.title, &id).await?,
            instructor_id: sub.to_owned(),
            instructor_name: store::instructor_name(tx, sub).await?,
            id,
        };
        let course = Course::born(birth, kind, content, self.now);
        store::insert(tx, &course).await.map_err(category_is_gone)?;
        Ok(course)
    }

    /// Does what `caller` wants with course `id`, of which they have read version `read`.
    pub async fn change(
        &self,
        tx: &Tx,
        caller: &Caller,
        id: &str,
        read: i64,
        intent: Intent,
    ) -> Result<Course, CatalogError> {
        let course = store::course(tx, id).await?.ok_or(Refusal::Missing)?;
        course.open_to(caller, read)?;
        let change = match intent {
            Intent::Step(status) => course.step(status, self.now)?,
            Intent::Replace(draft) => self.edit(tx, &course, draft).await?,
            Intent::Patch(patch) => self.edit(tx, &course, patch.onto(&course)).await?,
        };
        self.obey(tx, &change).await?;
        if course.status == Status::Draft && course.slug != change.after.slug {
            store::release_slug(tx, &course.slug, id).await?;
        }
        Ok(change.after)
    }

    /// Writes a change and puts its event into the outbox.
    pub async fn obey(&self, tx: &Tx, change: &Change) -> Result<(), CatalogError> {
        if !store::save(tx, change).await.map_err(category_is_gone)? {
            return Err(Refusal::Stale.into());
        }
        let Some((name, event)) = change.event() else {
            return Ok(());
        };
        let draft = bus::Draft {
            r#type: name.to_owned(),
            subject: change.after.id.clone(),
            sequence: change.after.version,
            data: serde_json::to_value(&event).map_err(CatalogError::Payload)?,
            cause: self.cause.clone(),
        };
        self.outbox.put(tx, draft).await?;
        Ok(())
    }

    async fn edit(&self, tx: &Tx, course: &Course, draft: Draft) -> Result<Change, CatalogError> {
        if draft.kind.is_some_and(|kind| kind != course.kind) {
            return Err(Refusal::field("kind", "cannot change").into());
        }
        let content = self.checked(tx, draft, &course.lesson_ids()).await?;
        let slug = match course.moves_for(&content.title) {
            true => self.slug(tx, &content.title, &course.id).await?,
            false => course.slug.clone(),
        };
        Ok(course.edit(content, slug, self.now)?)
    }

    async fn checked(
        &self,
        tx: &Tx,
        draft: Draft,
        known: &BTreeSet<String>,
    ) -> Result<Content, CatalogError> {
        let mut new_id = || self.random.uuid_v7(self.now);
        let content = draft
            .check(known, &self.currency, &mut new_id)
            .map_err(Refusal::Invalid)?;
        if let Some(category) = &content.category_id
            && store::category(tx, category).await?.is_none()
        {
            return Err(no_category().into());
        }
        Ok(content)
    }

    async fn slug(&self, tx: &Tx, title: &str, course_id: &str) -> Result<String, CatalogError> {
        let taken = || Refusal::field("title", "is taken so often that no address is left for it");
        Ok(store::claim_slug(tx, title, course_id).await?.ok_or_else(taken)?)
    }
}

/// The category was there when we looked, and was deleted before we wrote.
fn category_is_gone(error: latchkey_db::DbError) -> CatalogError {
    if store::is_dangling(&error) {
        no_category().into()
    } else {
        error.into()
    }
}

fn no_category() -> Refusal {
    Refusal::field("category_id", "names no category")
}
