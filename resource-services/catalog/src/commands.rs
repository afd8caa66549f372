//! The commands on courses: load the facts, let the domain decide, write the decision together with its event.
//! Everything here runs inside one transaction; routes, consumers and the demo use the same functions.

mod reviews;

use std::collections::BTreeSet;

use latchkey_contracts::events::course::{CourseDrafted, DRAFTED, ILLUSTRATED};
use latchkey_kit::{Caller, Transaction};

use crate::domain::{Change, Content, Course, DomainError, Draft, NewCourse, Patch, Status};
use crate::{Error, store};

pub use reviews::{erase, review, signed_review, withdraw};

/// What a caller wants to do with an existing course.
#[derive(Clone, Debug)]
pub enum Intent {
    Replace(Draft),
    Patch(Patch),
    Step(Status),
}

/// Creates a new draft that belongs to `sub`.
pub async fn create(t: &Transaction, sub: &str, draft: Draft) -> Result<Course, Error> {
    create_as(t, t.new_id(), sub, draft).await
}

/// Creates a new draft with an id that is chosen elsewhere.
pub async fn create_as(t: &Transaction, id: String, sub: &str, draft: Draft) -> Result<Course, Error> {
    let kind = draft.kind.unwrap_or_default();
    let content = checked(t, draft, &BTreeSet::new()).await?;
    let new = NewCourse {
        slug: slug(t, &content.title, &id).await?,
        instructor_id: sub.to_owned(),
        instructor_name: store::instructor_name(&t.tx, sub).await?,
        id,
    };
    let course = Course::create(new, kind, content, t.now);
    store::insert(&t.tx, &course).await.map_err(category_is_gone)?;
    if course.content.photo_id.is_some() {
        t.emit(ILLUSTRATED, &course.id, course.version, &course.illustration())
            .await?;
    }
    if course.content.limited {
        tell_inventory(t, &course.drafted()).await?;
    }
    Ok(course)
}

/// Executes `caller`'s intent on the course `id`, of which they have read version `read`.
pub async fn change(
    t: &Transaction,
    caller: &Caller,
    id: &str,
    read: i64,
    intent: Intent,
) -> Result<Course, Error> {
    let course = store::course(&t.tx, id).await?.ok_or(DomainError::Missing)?;
    course.open_to(caller, read)?;
    let change = match intent {
        Intent::Step(status) => course.step(status, t.now)?,
        Intent::Replace(draft) => edit(t, &course, draft).await?,
        Intent::Patch(patch) => edit(t, &course, patch.onto(&course)).await?,
    };
    apply(t, &change).await?;
    if course.status == Status::Draft && course.slug != change.after.slug {
        store::release_slug(&t.tx, &course.slug, id).await?;
    }
    Ok(change.after)
}

/// Writes a change and puts its event into the outbox.
pub async fn apply(t: &Transaction, change: &Change) -> Result<(), Error> {
    if !store::save(&t.tx, change).await.map_err(category_is_gone)? {
        return Err(DomainError::Stale.into());
    }
    if let Some(drafted) = change.drafted() {
        tell_inventory(t, &drafted).await?;
    }
    let (id, version) = (&change.after.id, change.after.version);
    if let Some(photo) = change.illustration() {
        return t.emit(ILLUSTRATED, id, version, &photo).await;
    }
    match change.event() {
        Some((name, event)) => t.emit(name, id, version, &event).await,
        None => Ok(()),
    }
}

async fn tell_inventory(t: &Transaction, drafted: &CourseDrafted) -> Result<(), Error> {
    t.emit(DRAFTED, &drafted.course_id, drafted.version, drafted)
        .await
}

async fn edit(t: &Transaction, course: &Course, draft: Draft) -> Result<Change, Error> {
    if draft.kind.is_some_and(|kind| kind != course.kind) {
        return Err(DomainError::field("kind", "cannot change").into());
    }
    let content = checked(t, draft, &course.lesson_ids()).await?;
    let slug = match course.moves_for(&content.title) {
        true => slug(t, &content.title, &course.id).await?,
        false => course.slug.clone(),
    };
    Ok(course.edit(content, slug, t.now)?)
}

async fn checked(t: &Transaction, draft: Draft, known: &BTreeSet<String>) -> Result<Content, Error> {
    let mut new_id = || t.new_id();
    let content = draft
        .check(known, &t.currency, &mut new_id)
        .map_err(DomainError::Invalid)?;
    if let Some(category) = &content.category_id
        && store::category(&t.tx, category).await?.is_none()
    {
        return Err(no_category().into());
    }
    Ok(content)
}

async fn slug(t: &Transaction, title: &str, course_id: &str) -> Result<String, Error> {
    let taken = || {
        DomainError::field(
            "title",
            "is already used by too many courses to derive a slug from it",
        )
    };
    Ok(store::claim_slug(&t.tx, title, course_id)
        .await?
        .ok_or_else(taken)?)
}

/// The category existed when it was loaded, and was deleted before the write.
fn category_is_gone(error: latchkey_db::DbError) -> Error {
    if store::is_dangling(&error) {
        no_category().into()
    } else {
        error.into()
    }
}

fn no_category() -> DomainError {
    DomainError::field("category_id", "does not name an existing category")
}
