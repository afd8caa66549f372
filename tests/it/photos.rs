//! A photo on its way through the whole of it: the edge, the service, the bus and the catalog.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use latchkey::config::Role;
use latchkey_db::{Db, Options};
use serde_json::{Value, json};

use crate::harness::{Answer, Browser, TestServer, Tokens, http, lines, on_both_engines, until};

/// One pixel.
const PNG: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
const SCOPE: &str = "openid offline_access catalog.read catalog.write photo.write";

on_both_engines! {
    a_draft_keeps_its_photo_from_being_deleted,
}

/// Ines, with a token for each of the two services.
struct Instructor {
    api: String,
    catalog: String,
    photo: String,
}

impl Instructor {
    async fn sign_in(server: &TestServer) -> Self {
        let app = server.app("demo-web", SCOPE);
        let (catalog, photo) = ("urn:latchkey:catalog", "urn:latchkey:photo");
        let both = [("resource", catalog), ("resource", photo)];
        let back = app.walk(&Browser::new(), server.person("ines"), &both).await;
        let code = back.code.as_deref().unwrap();
        let first = Tokens::of(&app.redeem_with(code, &[("resource", catalog)]).await);
        let second = app.refresh_with(first.refresh(), &[("resource", photo)]).await;
        Self {
            api: server.api(),
            photo: Tokens::of(&second).access,
            catalog: first.access,
        }
    }

    async fn upload(&self, photo: &[u8]) -> Answer {
        let head = "--edge\r\nContent-Disposition: form-data; name=\"photo\"\r\n\r\n";
        let body = [head.as_bytes(), photo, b"\r\n--edge--\r\n"].concat();
        let request = http()
            .post(format!("{}/photo/v1/photos", self.api))
            .bearer_auth(&self.photo)
            .header("idempotency-key", latchkey_clock::Random::system().uuid_v7(1))
            .header("content-type", "multipart/form-data; boundary=edge")
            .body(body);
        Answer::of(request).await
    }

    async fn remove(&self, photo: &str) -> Answer {
        let request = http().delete(format!("{}/photo/v1/photos/{photo}", self.api));
        Answer::of(request.bearer_auth(&self.photo)).await
    }

    /// A draft with this photo.
    async fn draft(&self, photo: &str) -> Value {
        let request = http()
            .post(format!("{}/catalog/v1/courses", self.api))
            .bearer_auth(&self.catalog)
            .header("idempotency-key", latchkey_clock::Random::system().uuid_v7(2))
            .json(&json!({"title": "Knots and bends", "photo_id": photo}));
        let made = Answer::of(request).await;
        assert_eq!(made.status, 201, "{made:?}");
        made.json()
    }

    async fn set_photo(&self, course: &Value, photo: Option<&str>) -> Answer {
        let request = http()
            .patch(format!(
                "{}/catalog/v1/courses/{}",
                self.api,
                course["id"].as_str().unwrap()
            ))
            .bearer_auth(&self.catalog)
            .header("if-match", format!("\"{}\"", course["version"]))
            .json(&json!({"photo_id": photo}));
        Answer::of(request).await
    }
}

fn png() -> Vec<u8> {
    STANDARD.decode(PNG).unwrap()
}

async fn a_draft_keeps_its_photo_from_being_deleted(server: TestServer) {
    let ines = Instructor::sign_in(&server).await;
    let stored = ines.upload(&png()).await;
    assert_eq!(stored.status, 201, "{stored:?}");
    let photo = stored.json()["id"].as_str().unwrap().to_owned();
    let shown = http()
        .get(format!("{}/photo/v1/photos/{photo}/240", server.api()))
        .send()
        .await
        .unwrap();
    let header = |name: &str| shown.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(shown.status(), 200);
    assert!(header("content-type").starts_with("image/"));
    assert!(header("cache-control").contains("immutable"));
    assert_eq!(header("content-security-policy"), "default-src 'none'; sandbox");
    assert_eq!(header("x-content-type-options"), "nosniff");

    let course = ines.draft(&photo).await;
    // An attempt to delete it before the event has arrived would succeed.
    let photos = Db::open(server.database(Role::Service("photo")), Options::new(&[]))
        .await
        .unwrap();
    until("photo knows the draft", async || {
        !lines(
            &photos,
            "SELECT course_id AS line FROM uses WHERE photo_id IS NOT NULL",
        )
        .await
        .is_empty()
    })
    .await;
    photos.close().await;
    let refused = ines.remove(&photo).await;
    assert_eq!(refused.verdict(), (409, "photo_in_use"));
    let bare = ines.set_photo(&course, None).await;
    assert_eq!(bare.status, 200, "{bare:?}");
    until("the photo is free", async || {
        ines.remove(&photo).await.status == 204
    })
    .await;

    assert_eq!(ines.remove(&photo).await.status, 404);
    server.stop().await;
}

/// UP-01, GW-12: the larger body is for the upload alone.
#[tokio::test]
async fn only_the_upload_may_be_large_at_the_edge() {
    let server = TestServer::new().await;
    let ines = Instructor::sign_in(&server).await;
    let mut large = png();
    large.resize(8 * 1024 * 1024, 0);
    let stored = ines.upload(&large).await;
    assert_eq!(stored.status, 201, "{stored:?}");
    large.resize(8 * 1024 * 1024 + 1, 0);
    assert_eq!(ines.upload(&large).await.verdict(), (413, "photo_too_long"));
    for path in ["catalog/v1/courses", "photo/v1/photos/x", "basket/v1/lines"] {
        let request = http()
            .put(format!("{}/{path}", server.api()))
            .bearer_auth(&ines.catalog)
            .header("content-type", "application/json")
            .body(vec![b' '; 100 * 1024]);
        assert_eq!(Answer::of(request).await.status, 413, "{path}");
    }
    server.stop().await;
}
