//! Photos of courses: shown wherever a course is, and uploaded beside the form of its text.

use serde_json::{Value, json};

use crate::backends::{Backends, problem};
use crate::issuer::{Browser, begin_at};
use crate::stub::{ORIGIN, Stub, course};

const PHOTO: &str = "0199aaaa-0000-7000-8000-0000000000f1";

fn with_photo(slug: &str) -> Value {
    let mut course = course(slug, "Rust from the Ground Up");
    course["photo_id"] = json!(PHOTO);
    course
}

#[tokio::test]
async fn a_course_shows_its_photo_and_without_one_its_drawing() {
    let mut stub = Stub::default();
    stub.courses[0] = with_photo("rust");
    let shop = stub.shop().await;
    let at = |size: &str| format!("/api/photo/v1/photos/{PHOTO}/{size}");
    let sizes = format!("{} 240w, {} 480w, {} 960w", at("240"), at("480"), at("960"));
    for path in ["/courses/rust", "/courses", "/"] {
        let page = shop.get(path).await;
        let sources = page.attributes("img.cover", "src");
        assert_eq!(sources[0], at("480"), "{path}");
        assert_eq!(
            page.attributes("img.cover", "srcset"),
            std::slice::from_ref(&sizes),
            "{path}"
        );
        assert_eq!(page.attributes("img.cover", "sizes").len(), 1, "{path}");
        for drawn in &sources[1..] {
            assert!(drawn.starts_with("/covers/"), "{path}: {drawn}");
        }
    }
    let drawn = shop.get("/courses/course-2").await;
    assert!(drawn.attributes("img.cover", "src")[0].starts_with("/covers/"));
    assert_eq!(drawn.attributes("img.cover", "srcset"), Vec::<String>::new());
}

/// A course of the instructor's, and a photo service that stores what it gets.
async fn backends(photo: Option<&str>) -> Backends {
    let backends = Backends::start().await;
    let mut mine = course("knots", "Knots");
    mine["status"] = json!("draft");
    mine["version"] = json!(7);
    mine["photo_id"] = json!(photo);
    backends.give("ines", "GET /catalog/v1/courses/c-9", 200, mine.clone());
    backends.give("ines", "PATCH /catalog/v1/courses/c-9", 200, mine);
    let stored = json!({"id": PHOTO, "width": 30, "height": 20, "variants": ["240"]});
    backends.give("ines", "POST /photo/v1/photos", 201, stored);
    backends
}

async fn upload(browser: &Browser<'_>, photo: &[u8]) -> latchkey_testkit::Answer {
    let token = browser.token().await.unwrap_or_default();
    let fields = [("token", token.as_str()), ("version", "7")];
    browser
        .upload("/teach/photo/c-9", Some(ORIGIN), &fields, Some(("photo", photo)))
        .await
}

#[tokio::test]
async fn an_instructor_uploads_a_photo_and_the_course_shows_it() {
    let backends = backends(None).await;
    for site in backends.sites("photo_upload").await {
        let ines = site.browser();
        ines.sign_in("ines").await;
        let form = ines.get("/teach/c-9").await;
        assert_eq!(form.attributes("#photo-form", "enctype"), ["multipart/form-data"]);
        assert_eq!(
            form.attributes("#photo-form", "action"),
            ["/teach/photo/id-of-knots"]
        );
        assert!(form.texts("#remove-photo").is_empty());
        backends.take();
        let done = upload(&ines, b"a picture of knots").await;
        assert_eq!(
            (done.status, done.header("location")),
            (303, "/teach/c-9?done=photo")
        );
        let asked = backends.changes();
        assert_eq!(asked.len(), 2, "{asked:?}");
        assert_eq!(asked[0].what, "POST /photo/v1/photos");
        assert!(asked[0].body.contains("a picture of knots"));
        assert!(
            !asked[0].body.contains("x.jpg"),
            "the name of the file is nobody's business"
        );
        assert!(asked[0].header("authorization").unwrap().contains("photo"));
        let key = asked[0].header("idempotency-key").unwrap().to_owned();
        let media = asked[0].header("content-type").unwrap();
        assert_eq!(media, format!("multipart/form-data; boundary={key}"));
        assert_eq!(asked[1].header("if-match"), Some("\"7\""));
        assert_eq!(asked[1].json(), json!({"photo_id": PHOTO}));
        let page = ines.get("/teach/c-9?done=photo").await;
        assert_eq!(page.texts(".notice-title"), ["The photo is uploaded."]);
    }
}

#[tokio::test]
async fn a_photo_is_removed_from_a_course_and_kept_by_its_text() {
    let backends = backends(Some(PHOTO)).await;
    backends.give("ines", "PUT /catalog/v1/courses/c-9", 200, json!({}));
    for site in backends.sites("photo_remove").await {
        let ines = site.browser();
        ines.sign_in("ines").await;
        let form = ines.get("/teach/c-9").await;
        assert_eq!(
            form.attributes("form.write input[name=photo_id]", "value"),
            [PHOTO]
        );
        assert_eq!(form.texts("#remove-photo"), ["Remove photo"]);
        backends.take();
        let done = ines.submit("/teach/photo/c-9/remove", &[("version", "7")]).await;
        assert_eq!(
            (done.status, done.header("location")),
            (303, "/teach/c-9?done=no_photo")
        );
        let asked = backends.changes();
        assert_eq!((asked.len(), asked[0].json()), (1, json!({"photo_id": null})));
        // Saving the text does not lose the photo.
        let text = [("version", "7"), ("title", "Knots"), ("photo_id", PHOTO)];
        ines.submit("/teach/c-9", &text).await;
        assert_eq!(backends.changes()[0].json()["photo_id"], PHOTO);
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_photo_is_said_beside_its_field() {
    for (status, code, said) in [
        (413, "photo_too_long", "larger than 8 MiB"),
        (415, "not_a_picture", "not a JPEG, PNG or WebP"),
        (422, "too_many_pixels", "40 megapixels"),
        (422, "moving_picture", "animated"),
        (422, "damaged_picture", "cannot be read"),
        (409, "photo_quota_reached", "500 photos"),
        (503, "photos_busy", "cannot be taken in at the moment"),
    ] {
        let backends = backends(None).await;
        backends.give(
            "ines",
            "POST /photo/v1/photos",
            status,
            problem(status, code, &[]),
        );
        let site = backends.sites("photo_wrong").await.remove(0);
        let ines = site.browser();
        ines.sign_in("ines").await;
        let page = upload(&ines, b"a picture").await;
        assert_eq!(page.status, 422, "{code}: {}", page.text);
        let told = page.texts("#fault-photo");
        assert!(told[0].contains(said), "{code}: {told:?}");
        assert_eq!(page.attributes("#photo", "aria-invalid"), ["true"], "{code}");
        let changes = backends.changes();
        assert!(
            changes.iter().all(|asked| !asked.what.starts_with("PATCH")),
            "{code}"
        );
    }
}

#[tokio::test]
async fn an_empty_or_overlong_photo_goes_no_further_than_the_shop() {
    let backends = backends(None).await;
    let site = backends.sites("photo_long").await.remove(0);
    let ines = site.browser();
    ines.sign_in("ines").await;
    backends.take();
    let long = vec![b'x'; 8 * 1024 * 1024 + 1];
    let longer = vec![b'x'; 9 * 1024 * 1024];
    for (photo, said) in [
        (&b""[..], "choose a file"),
        (&long, "larger than 8 MiB"),
        (&longer, "larger than 8 MiB"),
    ] {
        let page = upload(&ines, photo).await;
        assert_eq!(page.status, 422, "{}", page.text);
        assert!(page.texts("#fault-photo")[0].contains(said));
    }
    assert!(backends.changes().is_empty());
}

#[tokio::test]
async fn a_stale_course_keeps_its_photo_and_says_so() {
    let backends = backends(None).await;
    backends.give(
        "ines",
        "PATCH /catalog/v1/courses/c-9",
        412,
        problem(412, "stale", &[]),
    );
    let site = backends.sites("photo_stale").await.remove(0);
    let ines = site.browser();
    ines.sign_in("ines").await;
    let page = upload(&ines, b"a picture").await;
    assert_eq!(page.status, 422, "{}", page.text);
    assert!(page.texts("#fault-photo")[0].contains("another window"));
}

/// BF-06: a forged form uploads nothing, and its file is not read to the end.
#[tokio::test]
async fn a_forged_upload_is_not_even_read() {
    let backends = backends(Some(PHOTO)).await;
    let site = backends.sites("photo_forged").await.remove(0);
    let ines = site.browser();
    ines.sign_in("ines").await;
    let token = ines.token().await.unwrap();
    backends.take();
    let photo = Some(("photo", &b"a picture"[..]));
    let path = "/teach/photo/c-9";
    let own = [("token", token.as_str()), ("version", "7")];
    let wrong = [("token", "wrong"), ("version", "7")];
    let without = [("version", "7")];
    for (origin, fields) in [
        (None, &own[..]),
        (Some("https://evil.test"), &own),
        (Some("null"), &own),
        (Some(ORIGIN), &wrong),
        (Some(ORIGIN), &without),
    ] {
        let answer = ines.upload(path, origin, fields, photo).await;
        assert_eq!(answer.status, 403, "{origin:?} {fields:?}");
    }
    // The token after the file is too late.
    let late = ines
        .upload(path, Some(ORIGIN), &without, Some(("photo", b"x")))
        .await;
    assert_eq!(late.status, 403);
    for (fields, file) in [
        (&own[..], None),
        (&own[..1], photo),
        (&own, Some(("file", &b"x"[..]))),
        (&[("token", token.as_str()), ("version", "seven")], photo),
    ] {
        let answer = ines.upload(path, Some(ORIGIN), fields, file).await;
        assert_eq!(answer.status, 400, "{fields:?}");
    }
    let plain = ines.submit(path, &[("version", "7")]).await;
    assert_eq!(plain.status, 400);
    let forged = [("token", "wrong"), ("version", "7")];
    let remove = ines
        .submit_from("/teach/photo/c-9/remove", Some(ORIGIN), &forged)
        .await;
    assert_eq!(remove.status, 403);
    assert!(backends.changes().is_empty());
}

#[tokio::test]
async fn who_is_signed_out_or_no_instructor_uploads_nothing() {
    let backends = backends(None).await;
    let site = backends.sites("photo_signed_out").await.remove(0);
    let nobody = site.browser();
    let answer = upload(&nobody, b"a picture").await;
    assert_eq!(
        (answer.status, answer.header("location")),
        (303, begin_at("/teach/c-9").as_str())
    );
    let alice = site.browser();
    alice.sign_in("alice").await;
    backends.give("alice", "POST /photo/v1/photos", 403, json!({}));
    let answer = upload(&alice, b"a picture").await;
    assert_eq!(answer.status, 403);
    assert_eq!(answer.texts("h1"), ["Only instructors write courses."]);
}
