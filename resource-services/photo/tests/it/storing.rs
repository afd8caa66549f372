//! What becomes of a picture that is stored, and how it is served.

use futures::future::join_all;
use image::GenericImageView;
use latchkey_db::sql;

use crate::harness::*;

#[tokio::test]
async fn a_photo_is_drawn_in_three_sizes() {
    for_each_engine("sizes", |world| async move {
        for (photo, media) in [
            (jpeg(1200, 800, 1), "image/jpeg"),
            (png(1200, 800, 2), "image/jpeg"),
            (webp(1200, 800, 3), "image/jpeg"),
            (glass(1200, 800), "image/webp"),
        ] {
            let answer = world.upload(&photo).by(&instructor(ADA)).send().await;
            assert_eq!(answer.status, 201, "{answer:?}");
            let view = answer.json();
            assert_eq!(
                (view["width"].as_i64(), view["height"].as_i64()),
                (Some(1200), Some(800))
            );
            let id = view["id"].as_str().unwrap();
            for (variant, size) in [("240", (240, 160)), ("480", (480, 320)), ("960", (960, 640))] {
                let shown = world.shown(id, variant).await;
                assert_eq!((shown.status, shown.header("content-type")), (200, media));
                assert_eq!(decode(&shown.content).dimensions(), size);
            }
        }
        let stored = &world.events().await[0];
        assert_eq!(stored.r#type, "photo.photo.stored.v1");
        assert_eq!(stored.data["owner"], ADA);
        assert_eq!(stored.data["variants"], serde_json::json!(["240", "480", "960"]));
    })
    .await;
}

#[tokio::test]
async fn a_small_picture_is_not_made_larger() {
    for_each_engine("small", |world| async move {
        let id = world.stored(ADA, &png(30, 20, 1)).await;
        for variant in ["240", "480", "960"] {
            let shown = world.shown(&id, variant).await;
            assert_eq!(decode(&shown.content).dimensions(), (30, 20), "{variant}");
        }
        assert_eq!(
            world.files().len(),
            1,
            "three variants with the same content are one file"
        );
    })
    .await;
}

/// UP-06: what a camera writes about a place is gone, and the picture is upright without it.
#[tokio::test]
async fn metadata_are_gone_and_the_picture_is_upright() {
    for_each_engine("exif", |world| async move {
        let photo = with_exif(&flag(400, 200), 6);
        let answer = world.upload(&photo).by(&instructor(ADA)).send().await;
        let view = answer.json();
        assert_eq!(
            (view["width"].as_i64(), view["height"].as_i64()),
            (Some(200), Some(400))
        );
        let id = view["id"].as_str().unwrap();
        for variant in ["240", "480", "960"] {
            let shown = world.shown(id, variant).await;
            for trace in ["CANARY", "Exif", "GPS"] {
                let found = shown
                    .content
                    .windows(trace.len())
                    .any(|part| part == trace.as_bytes());
                assert!(!found, "{variant} has {trace}");
            }
            let picture = decode(&shown.content);
            let (width, height) = picture.dimensions();
            assert_eq!(height, width * 2, "{variant}");
            // Turned clockwise, the left is at the top.
            let (top, bottom) = (
                picture.get_pixel(width / 2, 4),
                picture.get_pixel(width / 2, height - 5),
            );
            assert!(top[0] > 180 && top[2] < 60, "{top:?}");
            assert!(bottom[2] > 180 && bottom[0] < 60, "{bottom:?}");
        }
    })
    .await;
}

/// UP-08: it may be kept for ever, and is never anything but a picture.
#[tokio::test]
async fn a_variant_never_changes_and_is_nothing_but_a_picture() {
    for_each_engine("headers", |world| async move {
        let id = world.stored(ADA, &jpeg(300, 200, 1)).await;
        let shown = world.shown(&id, "240").await;
        for (name, value) in [
            ("cache-control", "public, max-age=31536000, immutable"),
            ("x-content-type-options", "nosniff"),
            ("content-security-policy", "default-src 'none'; sandbox"),
            ("cross-origin-resource-policy", "cross-origin"),
        ] {
            assert_eq!(shown.header(name), value);
        }
        let tag = shown.header("etag").to_owned();
        let path = format!("/photo/v1/photos/{id}/240");
        for known in [
            tag.clone(),
            format!("W/{tag}"),
            format!("\"other\", {tag}"),
            "*".to_owned(),
        ] {
            let again = self::shown(world.get(&path).header("if-none-match", &known)).await;
            assert_eq!((again.status, again.content.len()), (304, 0), "{known}");
            assert_eq!(again.header("etag"), tag);
            assert!(again.header("cache-control").contains("immutable"));
        }
        let other = self::shown(world.get(&path).header("if-none-match", "\"other\"")).await;
        assert_eq!((other.status, other.content), (200, shown.content));
    })
    .await;
}

#[tokio::test]
async fn an_unknown_photo_or_variant_is_missing() {
    for_each_engine("missing", |world| async move {
        let id = world.stored(ADA, &jpeg(300, 200, 1)).await;
        for (id, variant) in [
            (id.as_str(), "241"),
            (id.as_str(), "original"),
            (id.as_str(), "..%2F240"),
            (&fresh_key(), "240"),
            ("..", "240"),
            ("%2e%2e%2f%2e%2e", "240"),
            ("%00", "240"),
        ] {
            let answer = world.get(format!("/photo/v1/photos/{id}/{variant}")).send().await;
            assert_eq!(answer.verdict(), (404, "not_found"), "{id} {variant}");
        }
    })
    .await;
}

#[tokio::test]
async fn the_same_bytes_of_one_user_are_one_photo() {
    for_each_engine("same", |world| async move {
        let photo = jpeg(300, 200, 1);
        let first = world.upload(&photo).by(&instructor(ADA)).send().await;
        let again = world.upload(&photo).by(&instructor(ADA)).send().await;
        assert_eq!((first.status, again.status), (201, 200));
        assert_eq!(first.json()["id"], again.json()["id"]);
        assert_eq!(world.events().await.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn two_users_with_the_same_bytes_have_photos_of_their_own() {
    for_each_engine("shared", |world| async move {
        let photo = jpeg(1200, 800, 1);
        let (ada, bob) = (world.stored(ADA, &photo).await, world.stored(BOB, &photo).await);
        assert_ne!(ada, bob);
        assert_eq!(world.files().len(), 3, "the content is there once");
        assert_eq!(world.remove(ADA, &ada).await.status, 204);
        assert_eq!(world.shown(&bob, "480").await.status, 200);
    })
    .await;
}

#[tokio::test]
async fn a_repeated_key_repeats_the_answer_and_fits_no_other_photo() {
    for_each_engine("keys", |world| async move {
        let key = fresh_key();
        let ask = |photo: &[u8]| {
            let body = part("photo", None, photo);
            world.form(&body).key(&key).by(&instructor(ADA))
        };
        let photo = jpeg(300, 200, 1);
        let first = ask(&photo).send().await;
        let again = ask(&photo).send().await;
        assert_eq!((first.status, &again.text), (201, &first.text));
        assert_eq!(again.status, 201);
        assert_eq!(again.header("idempotency-replayed"), "true");
        let other = ask(&jpeg(300, 200, 2)).send().await;
        assert_eq!(other.verdict(), (422, "idempotency_key_reused"));
        let without = world.form(&part("photo", None, &photo)).by(&instructor(ADA));
        assert_eq!(without.send().await.verdict(), (400, "idempotency_key_required"));
    })
    .await;
}

/// UP-09: the last place goes to one of many.
#[tokio::test]
async fn the_quota_of_500_holds_under_a_race() {
    for_each_engine("quota", |world| async move {
        fill(&world, 499).await;
        let racing = (0..12).map(|seed| {
            let world = world.clone();
            async move {
                let photo = png(24, 24, seed);
                loop {
                    let answer = world.upload(&photo).by(&instructor(ADA)).send().await;
                    // The pool is small, on purpose.
                    if answer.status != 503 {
                        return answer.status;
                    }
                    tokio::task::yield_now().await;
                }
            }
        });
        let mut statuses = join_all(racing).await;
        statuses.sort_unstable();
        assert_eq!((statuses[0], statuses[1]), (201, 409));
        assert_eq!(statuses.iter().filter(|status| **status == 409).count(), 11);
        let more = world.upload(&png(24, 24, 99)).by(&instructor(ADA)).send().await;
        assert_eq!(more.verdict(), (409, "photo_quota_reached"));
        let other = world.upload(&png(24, 24, 99)).by(&instructor(BOB)).send().await;
        assert_eq!(other.status, 201);
        // As if they had never been there.
        fill(&world, 1).await;
    })
    .await;
}

/// ADA has so many photos, as far as the count says.
async fn fill(world: &World, photos: i64) {
    let done: Result<u64, latchkey_db::DbError> = world
        .context
        .write(latchkey_bus::Cause::default(), async move |t| {
            sql("INSERT INTO owners (id, photos) VALUES ($1, $2) \
                 ON CONFLICT (id) DO UPDATE SET photos = excluded.photos")
            .bind(ADA)
            .bind(photos)
            .execute(&t.tx)
            .await
        })
        .await;
    assert_eq!(done.unwrap(), 1);
}
