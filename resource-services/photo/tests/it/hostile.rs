//! What a stranger may send instead of a photo.

use std::time::{Duration, Instant};

use axum::response::IntoResponse;
use bytes::Bytes;
use image::GenericImageView;
use latchkey_photo::domain::DomainError;
use latchkey_photo::picture::{Pool, draw};

use crate::harness::*;

/// Uploads, and nothing must be left behind.
async fn refused(world: &World, photo: &[u8], expected: (u16, &str)) {
    let before = world.rows().await;
    let answer = world.upload(photo).by(&instructor(ADA)).send().await;
    let begins = &photo[..photo.len().min(32)];
    assert_eq!(answer.verdict(), expected, "{begins:x?}");
    assert_eq!(world.rows().await, before);
}

/// UP-02: told by content, whatever the name and the declared type say.
#[tokio::test]
async fn only_jpeg_png_and_webp_are_pictures() {
    for_each_engine("magic", |world| async move {
        let gif = b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff!\xf9\x04\0\0\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;";
        let late = [b" ", &jpeg(20, 20, 1)[..]].concat();
        for photo in [
            &b""[..],
            b"\xff\xd8",
            b"<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(1)</script></svg>",
            b"<?xml version=\"1.0\"?><!DOCTYPE x [<!ENTITY e SYSTEM \"file:///etc/passwd\">]><x>&e;</x>",
            b"<!doctype html><script>alert(1)</script>",
            b"%PDF-1.7\n%\xe2\xe3\xcf\xd3",
            b"PK\x03\x04\x14\0\0\0\x08\0",
            b"BM\x46\0\0\0\0\0\0\0",
            b"II\x2a\0\x08\0\0\0",
            b"RIFF\x24\0\0\0WAVEfmt ",
            b"\x7fELF\x02\x01\x01\0",
            gif,
            &late,
        ] {
            refused(&world, photo, (415, "not_a_picture")).await;
        }
    })
    .await;
}

/// UP-05: the second nature of a file is gone with its bytes.
#[tokio::test]
async fn a_polyglot_loses_its_second_nature() {
    for_each_engine("polyglot", |world| async move {
        let script = b"<script>alert('POLYGLOT-CANARY')</script>";
        let archive = b"PK\x03\x04POLYGLOT-CANARY";
        for photo in [
            [&jpeg(300, 200, 1)[..], script].concat(),
            [&png(300, 200, 2)[..], archive].concat(),
            [&webp(300, 200, 3)[..], script].concat(),
            with_exif(&[&jpeg(300, 200, 4)[..], archive].concat(), 1),
        ] {
            let id = world.stored(ADA, &photo).await;
            let original = decode(&photo).dimensions();
            for variant in ["240", "480", "960"] {
                let shown = world.shown(&id, variant).await;
                let text = String::from_utf8_lossy(&shown.content).into_owned();
                assert!(!text.contains("CANARY") && !text.contains("<script"), "{variant}");
                assert!(
                    shown.content.ends_with(b"\xff\xd9"),
                    "nothing follows the picture"
                );
            }
            assert_eq!(
                decode(&world.shown(&id, "960").await.content).dimensions(),
                original
            );
        }
    })
    .await;
}

#[tokio::test]
async fn a_picture_that_is_cut_off_is_damaged() {
    for_each_engine("cut", |world| async move {
        for photo in [
            jpeg(300, 200, 1),
            png(300, 200, 2),
            webp(300, 200, 3),
            with_exif(&jpeg(300, 200, 4), 6),
        ] {
            for part in [photo.len() / 2, photo.len() * 9 / 10] {
                refused(&world, &photo[..part], (422, "damaged_picture")).await;
            }
        }
        for photo in [&b"\xff\xd8\xff"[..], b"\x89PNG\r\n\x1a\n", b"RIFF\0\0\0\0WEBP"] {
            refused(&world, photo, (422, "damaged_picture")).await;
        }
    })
    .await;
}

/// UP-03: the header is enough to refuse; nothing is allocated for what it says.
#[tokio::test]
async fn a_bomb_is_refused_by_its_header() {
    for_each_engine("bomb", |world| async move {
        let began = Instant::now();
        for photo in [
            jpeg_that_says(65_535, 65_535),
            png_that_says(65_535, 65_535),
            png_that_says(i32::MAX as u32, i32::MAX as u32),
            webp_that_says(16_383, 16_383),
            // 41 megapixels, with sides that are allowed.
            jpeg_that_says(8_000, 5_125),
            png_that_says(8_000, 5_125),
            webp_that_says(8_000, 5_125),
            // Few pixels, and one side that is too long.
            jpeg_that_says(8_193, 16),
            png_that_says(16, 8_193),
            webp_that_says(8_193, 16),
        ] {
            refused(&world, &photo, (422, "too_many_pixels")).await;
        }
        assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    })
    .await;
}

#[tokio::test]
async fn a_moving_picture_is_refused() {
    for_each_engine("moving", |world| async move {
        refused(&world, &moving_webp(), (422, "moving_picture")).await;
    })
    .await;
}

/// UP-01: the first byte too many ends it.
#[tokio::test]
async fn a_photo_has_at_most_8_mebibytes() {
    for_each_engine("length", |world| async move {
        let mut photo = jpeg(20, 20, 1);
        photo.resize(8 * 1024 * 1024 + 1, 0);
        refused(&world, &photo, (413, "photo_too_long")).await;
        photo.resize(9 * 1024 * 1024, 0);
        refused(&world, &photo, (413, "photo_too_long")).await;
        photo.truncate(8 * 1024 * 1024);
        assert_eq!(world.upload(&photo).by(&instructor(ADA)).send().await.status, 201);
    })
    .await;
}

/// UP-07: the name of a file is nobody's path.
#[tokio::test]
async fn the_name_of_a_file_is_ignored() {
    for_each_engine("names", |world| async move {
        let long = "x".repeat(4_096);
        let names = [
            "../../../etc/passwd",
            "C:\\\\x.exe",
            "..%2f..%2fx",
            "/etc/passwd",
            ".htaccess",
            &long,
        ];
        for (seed, name) in names.iter().enumerate() {
            let photo = png(20, 20, seed as u8);
            let ask = world.form(&part("photo", Some(name), &photo)).key(&fresh_key());
            let answer = ask.by(&instructor(ADA)).send().await;
            assert_eq!(answer.status, 201, "{name}: {answer:?}");
            assert!(!answer.text.contains("passwd"));
        }
        for file in world.files() {
            let digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
            assert!(file.len() == 64 && file.bytes().all(digit), "{file}");
        }
    })
    .await;
}

#[tokio::test]
async fn the_form_has_one_photo_and_nothing_else() {
    for_each_engine("form", |world| async move {
        let photo = jpeg(20, 20, 1);
        let one = part("photo", None, &photo);
        let before = world.rows().await;
        for parts in [
            Vec::new(),
            part("picture", None, &photo),
            [part("owner", None, b"bob"), one.clone()].concat(),
            [one.clone(), one.clone()].concat(),
            [one.clone(), part("owner", None, b"bob")].concat(),
        ] {
            let ask = world.form(&parts).key(&fresh_key()).by(&instructor(ADA));
            let answer = ask.send().await;
            assert_eq!(answer.verdict(), (422, "invalid_content"), "{answer:?}");
            assert_eq!(answer.json()["errors"][0]["field"], "photo");
        }
        let cut = one[..one.len() / 2].to_vec();
        for (media, body) in [
            ("multipart/form-data; boundary=edge", cut),
            ("multipart/form-data; boundary=edge", b"no form at all".to_vec()),
            ("multipart/form-data", one.clone()),
            ("multipart/mixed; boundary=edge", one.clone()),
            ("application/json", b"{}".to_vec()),
            ("image/jpeg", photo.clone()),
        ] {
            let ask = world
                .post("/photo/v1/photos")
                .typed(media, body)
                .key(&fresh_key());
            let answer = ask.by(&instructor(ADA)).send().await;
            assert_eq!(answer.verdict(), (422, "invalid_content"), "{media}: {answer:?}");
        }
        assert_eq!(world.rows().await, before);
    })
    .await;
}

/// UP-10: what does not fit is refused, and told when to come again.
#[tokio::test(start_paused = true)]
async fn a_full_pool_answers_503_and_when_to_retry() {
    let full = Pool::new(0).draw(Bytes::from(jpeg(20, 20, 1))).await;
    let error = full.unwrap_err();
    assert_eq!(error, DomainError::Busy);
    let response = latchkey_photo::Error::from(error).into_response();
    assert_eq!(response.status(), 503);
    assert_eq!(response.headers()["retry-after"], "1");
}

#[tokio::test]
async fn a_place_in_the_pool_is_used_again() {
    let one = Pool::new(1);
    let drawing = (0..5).map(|seed| one.draw(Bytes::from(jpeg(20, 20, seed))));
    for drawn in futures::future::join_all(drawing).await {
        assert_eq!(drawn.unwrap().variants.len(), 3);
    }
}

/// UP-04: whatever the bytes are, there is an answer.
#[test]
fn no_mutation_of_a_picture_breaks_the_decoder() {
    let mut dice = 0x9e37_79b9_7f4a_7c15_u64;
    let mut roll = |most: usize| {
        dice ^= dice << 13;
        dice ^= dice >> 7;
        dice ^= dice << 17;
        usize::try_from(dice % most as u64).unwrap()
    };
    let (mut drawn, mut refused) = (0, 0);
    for base in [
        jpeg(40, 30, 1),
        with_exif(&jpeg(40, 30, 2), 5),
        png(40, 30, 3),
        webp(40, 30, 4),
        glass(40, 30),
    ] {
        for _ in 0..200 {
            let mut photo = base.clone();
            for _ in 0..=roll(4) {
                let at = roll(photo.len());
                photo[at] = u8::try_from(roll(256)).unwrap();
            }
            if roll(4) == 0 {
                photo.truncate(roll(photo.len()) + 1);
            }
            match draw(&photo) {
                Ok(picture) => {
                    assert_eq!(picture.variants.len(), 3);
                    drawn += 1;
                }
                Err(_) => refused += 1,
            }
        }
    }
    assert!(drawn > 50 && refused > 50, "{drawn} drawn, {refused} refused");
}
