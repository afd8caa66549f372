//! Photo in a box, with a folder for its files and a catalog that speaks to it, and actors who hold real tokens.

use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;

use axum::body::to_bytes;
use http::HeaderMap;
use latchkey_bus::HandlerError;
use latchkey_db::{Engine, testing};
use latchkey_kit::Files;
use latchkey_photo::{SPEC, consumers};
use latchkey_testkit::Answer;
use latchkey_testkit::service;
use serde_json::{Value, json};
use tempfile::TempDir;

pub use latchkey_testkit::service::{Ask, event, fresh_key, token};

pub use crate::pictures::*;

pub const ADA: &str = "01a1ebbc-0000-7000-8000-00000000000a";
pub const BOB: &str = "01a1ebbc-0000-7000-8000-00000000000b";

pub const HOUR: i64 = 60 * 60 * 1000;
pub const DAY: i64 = 24 * HOUR;

/// Runs a test on a fresh database of each engine, each with an empty folder.
pub async fn for_each_engine<F, Fut>(name: &str, test: F)
where
    F: Fn(World) -> Fut,
    Fut: Future<Output = ()>,
{
    for (engine, url) in testing::urls(&format!("photo_{name}")).await {
        println!("on {engine:?}");
        let (folder, files) = folder();
        let world = World::open(engine, &url, folder, files).await;
        let db = world.context.db.clone();
        test(world.clone()).await;
        world.adds_up().await;
        db.close().await;
    }
}

/// Photo with an empty database and an empty folder.
#[derive(Clone)]
pub struct World {
    pub service: service::World,
    folder: Arc<TempDir>,
}

impl Deref for World {
    type Target = service::World;

    fn deref(&self) -> &service::World {
        &self.service
    }
}

/// A picture as it was answered.
pub struct Shown {
    pub status: u16,
    pub headers: HeaderMap,
    pub content: Vec<u8>,
}

impl Shown {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

fn folder() -> (TempDir, Files) {
    let folder = tempfile::tempdir().unwrap();
    let files = Files::open(&format!("file://{}", folder.path().display())).unwrap();
    (folder, files)
}

impl World {
    async fn open(engine: Engine, url: &str, folder: TempDir, files: Files) -> Self {
        let service = service::World::open_with(&SPEC, engine, url, |context| context.keeping(files)).await;
        let folder = Arc::new(folder);
        Self { service, folder }
    }

    /// One on SQLite alone.
    pub async fn in_folder(name: &str) -> Self {
        let (folder, files) = folder();
        Self::open(Engine::Sqlite, &testing::sqlite_url(name), folder, files).await
    }

    /// One on SQLite alone, with its files elsewhere.
    pub async fn with_files(name: &str, files: Files) -> Self {
        let (folder, _unused) = folder();
        Self::open(Engine::Sqlite, &testing::sqlite_url(name), folder, files).await
    }

    /// A request that uploads these bytes.
    pub fn upload(&self, photo: &[u8]) -> Ask {
        self.form(&part("photo", Some("photo.jpg"), photo))
            .key(&fresh_key())
    }

    /// A request with these parts of a form.
    pub fn form(&self, parts: &[u8]) -> Ask {
        let body = [parts, b"--edge--\r\n"].concat();
        self.post("/photo/v1/photos")
            .typed("multipart/form-data; boundary=edge", body)
    }

    /// Uploads, and returns the id.
    pub async fn stored(&self, owner: &str, photo: &[u8]) -> String {
        let answer = self.upload(photo).by(&self.instructor(owner)).send().await;
        assert!([200, 201].contains(&answer.status), "{answer:?}");
        answer.json()["id"].as_str().unwrap().to_owned()
    }

    pub async fn remove(&self, owner: &str, id: &str) -> Answer {
        self.delete(format!("/photo/v1/photos/{id}"))
            .by(&self.instructor(owner))
            .send()
            .await
    }

    /// An instructor's token of this moment.
    pub fn instructor(&self, sub: &str) -> String {
        let now = self.clock.now_ms() / 1000;
        let mut claims = person(sub, "photo.write", &["instructor"]);
        claims["iat"] = json!(now);
        claims["auth_time"] = json!(now);
        claims["exp"] = json!(now + 300);
        token(&claims)
    }

    pub async fn shown(&self, id: &str, variant: &str) -> Shown {
        shown(self.get(format!("/photo/v1/photos/{id}/{variant}"))).await
    }

    /// Delivers what the catalog tells of a published course.
    pub async fn course(&self, course: &str, instructor: &str, photo: Option<&str>, version: i64) {
        self.course_is("published", course, instructor, photo, version)
            .await
            .unwrap();
    }

    pub async fn course_is(
        &self,
        status: &str,
        course: &str,
        instructor: &str,
        photo: Option<&str>,
        version: i64,
    ) -> Result<(), HandlerError> {
        let mut snapshot = json!({
            "course_id": course, "kind": "course", "title": "Knots", "slug": "knots", "category_id": "c1",
            "instructor_id": instructor, "instructor_name": "Ada", "price": {"amount": 1, "currency": "EUR"},
            "limited": false, "status": status, "version": version,
        });
        if let Some(photo) = photo {
            snapshot["photo_id"] = json!(photo);
        }
        let data = json!({"snapshot": snapshot, "changed": ["photo_id"], "previous": {}});
        let told = event("catalog.course.updated.v1", course, data);
        self.deliver(&consumers::COURSES, told).await
    }

    /// Delivers what the catalog tells of a draft.
    pub async fn draft(&self, course: &str, instructor: &str, photo: Option<&str>, version: i64) {
        let mut data = json!({"course_id": course, "instructor_id": instructor, "version": version});
        if let Some(photo) = photo {
            data["photo_id"] = json!(photo);
        }
        let told = event("catalog.course.illustrated.v1", course, data);
        self.deliver(&consumers::COURSES, told).await.unwrap();
    }

    /// The names of the files in the folder.
    pub fn files(&self) -> Vec<String> {
        let mut names = Vec::new();
        list(self.folder.path(), &mut names);
        names.sort();
        names
    }

    /// Everything that is stored, for a comparison.
    pub async fn rows(&self) -> (i64, i64, Vec<String>) {
        let photos = self.count("SELECT COUNT(*) AS n FROM photos").await;
        (photos, self.events().await.len() as i64, self.files())
    }

    /// Each count is the number of rows that it counts, and each file that a photo needs is there.
    async fn adds_up(&self) {
        for wrong in [
            "SELECT COUNT(*) AS n FROM owners o \
             WHERE o.photos <> (SELECT COUNT(*) FROM photos p WHERE p.owner = o.id)",
            "SELECT COUNT(*) AS n FROM photos p \
             WHERE p.refs <> (SELECT COUNT(*) FROM uses u WHERE u.photo_id = p.id)",
            "SELECT COUNT(*) AS n FROM files f \
             WHERE f.refs <> (SELECT COUNT(*) FROM variants v WHERE v.file = f.name)",
        ] {
            assert_eq!(self.count(wrong).await, 0, "{wrong}");
        }
        let rows = latchkey_db::sql("SELECT DISTINCT file FROM variants")
            .fetch_all(&self.context.db)
            .await
            .unwrap();
        let there = self.files();
        for row in rows {
            assert!(there.contains(&row.text("file").unwrap()));
        }
    }
}

pub async fn shown(ask: Ask) -> Shown {
    let (parts, body) = ask.open().await.into_parts();
    Shown {
        status: parts.status.as_u16(),
        headers: parts.headers,
        content: to_bytes(body, 1 << 24).await.unwrap().to_vec(),
    }
}

fn list(folder: &Path, names: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        match entry.file_type().unwrap().is_dir() {
            true => list(&entry.path(), names),
            false => names.push(entry.file_name().into_string().unwrap()),
        }
    }
}

/// A part of a form whose boundary is `edge`.
pub fn part(name: &str, file: Option<&str>, content: &[u8]) -> Vec<u8> {
    let file = file
        .map(|file| format!("; filename=\"{file}\""))
        .unwrap_or_default();
    let head = format!(
        "--edge\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\nContent-Type: image/jpeg\r\n\r\n"
    );
    [head.as_bytes(), content, b"\r\n"].concat()
}

pub fn instructor(sub: &str) -> String {
    token(&person(sub, "photo.write", &["instructor"]))
}

pub fn admin() -> String {
    token(&person("boss", "photo.write photo.admin", &["admin"]))
}

pub fn person(sub: &str, scope: &str, roles: &[&str]) -> Value {
    service::person(&SPEC, sub, scope, roles)
}
