//! The same service with its files in a bucket: a server that speaks S3, which the test run starts.

use latchkey_kit::{FileName, Files};
use latchkey_photo::tasks;

use crate::harness::*;

#[tokio::test]
async fn a_bucket_keeps_photos_as_a_folder_does() {
    let photo = jpeg(1200, 800, 1);
    let mut in_folder = Vec::new();
    let world = World::in_folder("as_folder").await;
    let id = world.stored(ADA, &photo).await;
    for variant in ["240", "480", "960"] {
        in_folder.push(world.shown(&id, variant).await.content);
    }
    let bucket = bucket("as_folder");
    let world = World::with_files("as_bucket", Files::open(&bucket).unwrap()).await;
    let id = world.stored(ADA, &photo).await;
    for (variant, expected) in ["240", "480", "960"].into_iter().zip(&in_folder) {
        let shown = world.shown(&id, variant).await;
        assert_eq!((shown.status, shown.header("content-type")), (200, "image/jpeg"));
        assert!(shown.content == *expected, "{variant} is the same file");
    }
}

#[tokio::test]
async fn a_file_leaves_its_bucket_an_hour_after_its_last_photo() {
    let bucket = bucket("leaves");
    let files = Files::open(&bucket).unwrap();
    let world = World::with_files("leaves", files.clone()).await;
    let id = world.stored(ADA, &png(30, 20, 1)).await;
    let name = FileName::of(&world.shown(&id, "240").await.content);
    assert!(files.get(&name).await.unwrap().is_some());
    assert_eq!(world.remove(ADA, &id).await.status, 204);
    world.clock.advance(HOUR - 1);
    assert_eq!(tasks::remove_files(&world.context).await.unwrap(), 0);
    world.clock.advance(1);
    assert_eq!(tasks::remove_files(&world.context).await.unwrap(), 1);
    assert_eq!(files.get(&name).await.unwrap(), None);
    // What is gone already may be removed again: a process may have died between the two.
    files.delete(&name).await.unwrap();
}

/// Two services in one bucket have a prefix each, and neither sees the other's files.
#[tokio::test]
async fn two_prefixes_of_a_bucket_are_two_stores() {
    let (one, two) = (bucket("one"), bucket("two"));
    let (one, two) = (Files::open(&one).unwrap(), Files::open(&two).unwrap());
    let name = one.put("abc").await.unwrap();
    assert_eq!(two.get(&name).await.unwrap(), None);
    two.delete(&name).await.unwrap();
    assert_eq!(one.get(&name).await.unwrap().as_deref(), Some(&b"abc"[..]));
}

/// A bucket that does not exist is a fault that passes, as everything is that somebody may mend: nothing is stored, and
/// the same upload with the same key succeeds later.
#[tokio::test]
async fn an_upload_to_a_bucket_that_is_missing_stores_nothing() {
    let gone = bucket("gone").replacen("@photos", "@nobodys", 1);
    let world = World::with_files("gone", Files::open(&gone).unwrap()).await;
    let answer = world.upload(&png(30, 20, 1)).by(&instructor(ADA)).send().await;
    assert_eq!(answer.status, 503, "{answer:?}");
    assert!(!answer.text.contains("secret"), "{answer:?}");
    assert_eq!(world.count("SELECT COUNT(*) AS n FROM photos").await, 0);
    assert!(world.events().await.is_empty());
}

/// The address of the run's bucket, with a prefix of this test alone.
fn bucket(prefix: &str) -> String {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one thing that a test run tells its tests"
    )]
    let address = std::env::var("TEST_S3_URL")
        .expect("TEST_S3_URL names no bucket: run the tests with `cargo xtask test`");
    address.replacen("@photos?", &format!("@photos/{prefix}-{}?", fresh_key()), 1)
}
