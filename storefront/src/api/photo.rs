//! Photos of courses.

use axum::body::Bytes;
use serde::Deserialize;

use super::ApiError;
use super::service::{Call, Caller, Service};

/// The photos.
#[derive(Clone, Debug)]
pub struct Photos(Service);

/// A photo that is stored.
#[derive(Clone, Debug, Deserialize)]
pub struct Photo {
    pub id: String,
}

impl Photos {
    pub(super) fn new(service: Service) -> Self {
        Self(service)
    }

    /// Stores a photo of the user's. `key` is a UUID: it is also the boundary of the form, which no photo contains by
    /// accident.
    pub async fn upload(&self, login: &str, key: &str, photo: &[u8]) -> Result<Photo, ApiError> {
        let head = format!(
            "--{key}\r\nContent-Disposition: form-data; name=\"photo\"; filename=\"photo\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n"
        );
        let foot = format!("\r\n--{key}--\r\n");
        let body = [head.as_bytes(), photo, foot.as_bytes()].concat();
        let media = format!("multipart/form-data; boundary={key}");
        let call = Call::post(Caller::User(login), "/photos")
            .key(key)
            .upload(media, Bytes::from(body));
        self.0.ask(call).await
    }
}
