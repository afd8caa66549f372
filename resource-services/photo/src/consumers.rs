//! What photo consumes: which photos courses show.

use futures::FutureExt;
use latchkey_bus::{Event, Group, HandlerError, Retries};
use latchkey_contracts::events::course::{
    ARCHIVED, CourseEvent, CourseIllustrated, ILLUSTRATED, PUBLISHED, UNLISTED, UPDATED,
};
use latchkey_kit::{Consumer, Transaction, payload};

use crate::store;

/// Courses with their photos, drafts among them.
pub const COURSES: Consumer = Consumer {
    group: || Group {
        name: "photo.courses",
        types: &[PUBLISHED, UPDATED, UNLISTED, ARCHIVED, ILLUSTRATED],
        retries: Retries::default(),
    },
    handle: |t, event| async move { follow(&t, &event).await }.boxed(),
};

/// Only a photo of the instructor counts: nobody can keep a stranger's photo from being deleted. An archived course
/// keeps its photo, because its owners still learn with it.
async fn follow(t: &Transaction, event: &Event) -> Result<(), HandlerError> {
    let told = match event.r#type.as_str() {
        ILLUSTRATED => payload(event)?,
        _ => {
            let CourseEvent { snapshot, .. } = payload(event)?;
            CourseIllustrated {
                course_id: snapshot.course_id,
                instructor_id: snapshot.instructor_id,
                photo_id: snapshot.photo_id,
                version: snapshot.version,
            }
        }
    };
    let course = &told.course_id;
    if !store::advance(&t.tx, course, told.version).await? {
        return Ok(());
    }
    let before = store::shown(&t.tx, course).await?;
    if before == told.photo_id {
        return Ok(());
    }
    if let Some(before) = before {
        store::end_use(&t.tx, course, &before, t.now).await?;
    }
    if let Some(photo) = &told.photo_id
        && !store::begin_use(&t.tx, course, photo, &told.instructor_id).await?
    {
        tracing::info!(
            course,
            photo,
            "a course names a photo that its instructor does not have"
        );
    }
    Ok(())
}
