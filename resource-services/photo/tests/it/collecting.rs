//! What nobody needs any more: photos without a course after a day, and files without a photo after an hour.

use latchkey_bus::Cause;
use latchkey_kit::FileName;
use latchkey_photo::{store, tasks};

use crate::harness::*;

async fn photos(world: &World) -> i64 {
    world.count("SELECT COUNT(*) AS n FROM photos").await
}

#[tokio::test]
async fn a_photo_without_a_course_is_deleted_after_a_day() {
    for_each_engine("day", |world| async move {
        let (used, left, late) = (
            world.stored(ADA, &jpeg(20, 20, 1)).await,
            world.stored(ADA, &jpeg(20, 20, 2)).await,
            world.stored(ADA, &jpeg(20, 20, 3)).await,
        );
        let course = fresh_key();
        world.course(&course, ADA, Some(&used), 2).await;
        world.clock.advance(DAY - 1);
        assert_eq!(tasks::delete_unused(&world.context).await.unwrap(), 0);
        // Whoever uploads it again is about to use it.
        assert_eq!(world.stored(ADA, &jpeg(20, 20, 3)).await, late);
        world.clock.advance(1);
        assert_eq!(tasks::delete_unused(&world.context).await.unwrap(), 1);
        assert_eq!(world.shown(&left, "240").await.status, 404);
        for kept in [&used, &late] {
            assert_eq!(world.shown(kept, "240").await.status, 200);
        }
        let told = world.events().await;
        assert_eq!(told.last().unwrap().r#type, "photo.photo.deleted.v1");
        assert_eq!(told.last().unwrap().subject, left);
        // A day counts from the moment at which the last course let go of it.
        world.course(&course, ADA, None, 3).await;
        world.clock.advance(DAY);
        assert_eq!(tasks::delete_unused(&world.context).await.unwrap(), 2);
        assert_eq!(photos(&world).await, 0);
    })
    .await;
}

/// The row settles who was first: a course, or the task that deletes.
#[tokio::test]
async fn a_course_that_comes_late_meets_a_photo_or_none() {
    for_each_engine("late", |world| async move {
        for round in 0..8 {
            let photo = world.stored(ADA, &png(16, 16, round)).await;
            let course = fresh_key();
            world.clock.advance(DAY);
            let (deleted, ()) = futures::future::join(
                tasks::delete_unused(&world.context),
                world.course(&course, ADA, Some(&photo), 2),
            )
            .await;
            let status = world.shown(&photo, "240").await.status;
            match deleted.unwrap() {
                0 => assert_eq!(status, 200),
                _ => assert_eq!(status, 404),
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_file_goes_an_hour_after_its_last_photo() {
    for_each_engine("files", |world| async move {
        let photo = jpeg(1200, 800, 1);
        let (ada, bob) = (world.stored(ADA, &photo).await, world.stored(BOB, &photo).await);
        assert_eq!(world.remove(ADA, &ada).await.status, 204);
        world.clock.advance(HOUR);
        assert_eq!(
            tasks::remove_files(&world.context).await.unwrap(),
            0,
            "bob has them"
        );
        assert_eq!(world.remove(BOB, &bob).await.status, 204);
        world.clock.advance(HOUR - 1);
        assert_eq!(tasks::remove_files(&world.context).await.unwrap(), 0);
        world.clock.advance(1);
        assert_eq!(tasks::remove_files(&world.context).await.unwrap(), 3);
        assert_eq!(world.files(), Vec::<String>::new());
        assert_eq!(world.count("SELECT COUNT(*) AS n FROM files").await, 0);
        let again = world.stored(ADA, &photo).await;
        assert_eq!(world.shown(&again, "960").await.status, 200);
    })
    .await;
}

/// An upload that ended between its file and its photo leaves a row behind, by which the file is found.
#[tokio::test]
async fn the_files_of_an_upload_that_died_are_removed() {
    for_each_engine("died", |world| async move {
        let name = world.context.files().unwrap().put("left behind").await.unwrap();
        claim(&world, &name).await.unwrap();
        world.clock.advance(HOUR);
        assert_eq!(tasks::remove_files(&world.context).await.unwrap(), 1);
        assert_eq!(world.files(), Vec::<String>::new());
    })
    .await;
}

/// A file is used by nobody from the moment at which its removal begins.
#[tokio::test]
async fn a_file_that_is_being_removed_is_not_used_again() {
    for_each_engine("leaving", |world| async move {
        let name = world.context.files().unwrap().put("on its way").await.unwrap();
        claim(&world, &name).await.unwrap();
        world.clock.advance(HOUR);
        let now = world.clock.now_ms();
        let begin = |file: FileName, now: i64| {
            let context = world.context.clone();
            async move {
                let begun: Result<bool, latchkey_db::DbError> = context
                    .write(Cause::default(), async move |t| {
                        store::begin_removal(&t.tx, &file, now - HOUR, now - 10 * 60 * 1000, now).await
                    })
                    .await;
                begun.unwrap()
            }
        };
        assert!(begin(name.clone(), now).await);
        assert!(
            !begin(name.clone(), now).await,
            "another process removes it already"
        );
        assert_eq!(claim(&world, &name).await, None);
        // The process died. The next round of any other finishes it.
        world.clock.advance(10 * 60 * 1000);
        assert_eq!(tasks::remove_files(&world.context).await.unwrap(), 1);
        claim(&world, &name).await.unwrap();
    })
    .await;
}

async fn claim(world: &World, name: &FileName) -> Option<()> {
    let names = [name.clone()];
    let claimed: Result<bool, latchkey_db::DbError> = world
        .context
        .write(Cause::default(), async move |t| {
            store::claim_files(&t.tx, &names, t.now).await
        })
        .await;
    claimed.unwrap().then_some(())
}
