//! Files that are too large for a database, in a folder or in a bucket. A file's name is the digest of its content, so a
//! name never stands for two contents, and whoever writes the same content twice writes one file.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{ClientOptions, ObjectStore, ObjectStoreExt, PutPayload, RetryConfig};
use percent_encoding::percent_decode_str;
use sha2::{Digest, Sha256};
use url::Url;

/// The files of one service. Cloning is cheap.
#[derive(Clone)]
pub struct Files(Arc<dyn ObjectStore>);

/// The name of a file: the SHA-256 of its content, in hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileName(String);

/// Why a file could not be written or read. It never contains the address of the store, which may have a password.
#[derive(Debug, thiserror::Error)]
pub enum FilesError {
    #[error("this service has no store for files")]
    NotConfigured,
    #[error("{0}")]
    Address(String),
    #[error("the folder of the files cannot be used")]
    Folder(#[source] std::io::Error),
    #[error("the store of the files failed")]
    Store(#[from] object_store::Error),
    #[error("file {0} is gone")]
    Lost(String),
    #[error("the content of file {0} is not what its name says")]
    Damaged(String),
}

impl FilesError {
    /// Whether the same attempt may succeed later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Store(_) => true,
            Self::NotConfigured | Self::Address(_) | Self::Folder(_) | Self::Lost(_) | Self::Damaged(_) => {
                false
            }
        }
    }
}

impl FileName {
    /// The name of a file with this content.
    pub fn of(content: &[u8]) -> Self {
        Self(hex::encode(Sha256::digest(content)))
    }

    /// A name that was stored.
    pub fn parse(text: &str) -> Option<Self> {
        let digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        (text.len() == 64 && text.bytes().all(digit)).then(|| Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Two levels, so that no folder has all of the files.
    fn path(&self) -> Path {
        Path::from_iter([&self.0[..2], self.0.as_str()])
    }
}

impl Files {
    /// The files at an address: `file://` and the path of a folder, which is created, or
    /// `s3://KEY:SECRET@BUCKET/PREFIX?region=…&endpoint=…`. Without a key it asks the host for its role. The bucket is
    /// first called when a file is written or read.
    pub fn open(address: &str) -> Result<Self, FilesError> {
        if let Some(folder) = address.strip_prefix("file://") {
            if folder.is_empty() {
                return Err(FilesError::Address(
                    "file:// needs the path of a folder".to_owned(),
                ));
            }
            std::fs::create_dir_all(folder).map_err(FilesError::Folder)?;
            // What the database says is stored must survive a power failure as the database does.
            let folder = LocalFileSystem::new_with_prefix(folder)?.with_fsync(true);
            return Ok(Self(Arc::new(folder)));
        }
        let url = Url::parse(address).ok().filter(|url| url.scheme() == "s3");
        let url = url.ok_or_else(|| FilesError::Address("it must begin with file:// or s3://".to_owned()))?;
        let bucket = bucket(&url)?;
        Ok(match url.path().trim_matches('/') {
            "" => Self(Arc::new(bucket)),
            prefix => Self(Arc::new(PrefixStore::new(bucket, prefix))),
        })
    }

    /// Writes a file and returns once it is safe.
    pub async fn put(&self, content: impl Into<Bytes>) -> Result<FileName, FilesError> {
        let content = content.into();
        let name = FileName::of(&content);
        self.0.put(&name.path(), PutPayload::from(content)).await?;
        Ok(name)
    }

    /// The content of a file, if it is there.
    pub async fn get(&self, name: &FileName) -> Result<Option<Bytes>, FilesError> {
        let content = match self.0.get(&name.path()).await {
            Ok(found) => found.bytes().await?,
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        match FileName::of(&content) == *name {
            true => Ok(Some(content)),
            false => Err(FilesError::Damaged(name.0.clone())),
        }
    }

    /// Deletes a file; one that is not there is deleted already.
    pub async fn delete(&self, name: &FileName) -> Result<(), FilesError> {
        match self.0.delete(&name.path()).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

impl fmt::Debug for Files {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Files").finish_non_exhaustive()
    }
}

/// Everything comes from the address: nothing is read from the environment.
fn bucket(url: &Url) -> Result<AmazonS3, FilesError> {
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let name = url.host_str().filter(|name| !name.is_empty());
    let name = name.ok_or_else(|| FilesError::Address("s3:// needs the name of a bucket".to_owned()))?;
    let mut builder = AmazonS3Builder::new().with_bucket_name(name);
    match (url.username(), url.password()) {
        ("", None) => {}
        (key, Some(secret)) if !key.is_empty() => {
            builder = builder
                .with_access_key_id(decoded(key))
                .with_secret_access_key(decoded(secret));
        }
        _ => {
            let reason = "s3:// has both, the key and its secret, or neither";
            return Err(FilesError::Address(reason.to_owned()));
        }
    }
    // Not every store that speaks S3 deletes several objects at once, and nothing here does.
    builder = builder.with_disable_bulk_delete(true);
    let mut plain = false;
    for (name, value) in url.query_pairs() {
        builder = match &*name {
            "region" => builder.with_region(value),
            "endpoint" => {
                plain = value.starts_with("http://");
                if plain && !is_loopback(&value) {
                    let reason = "an endpoint beyond this host must be https";
                    return Err(FilesError::Address(reason.to_owned()));
                }
                builder.with_endpoint(value)
            }
            _ => return Err(FilesError::Address(format!("s3:// does not have {name}"))),
        };
    }
    let client = ClientOptions::new()
        .with_allow_http(plain)
        .with_connect_timeout(CONNECT)
        .with_timeout(CALL);
    let retries = RetryConfig {
        max_retries: 2,
        retry_timeout: CALL,
        ..RetryConfig::default()
    };
    Ok(builder.with_client_options(client).with_retry(retries).build()?)
}

fn is_loopback(endpoint: &str) -> bool {
    let url = Url::parse(endpoint).ok();
    url.is_some_and(|url| match url.host() {
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    })
}

const CONNECT: Duration = Duration::from_secs(3);
const CALL: Duration = Duration::from_secs(8);

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> (tempfile::TempDir, Files) {
        let folder = tempfile::tempdir().unwrap();
        let files = Files::open(&format!("file://{}/photos", folder.path().display())).unwrap();
        (folder, files)
    }

    #[tokio::test]
    async fn a_file_is_found_by_the_digest_of_its_content() {
        let (_folder, files) = folder();
        let name = files.put("abc").await.unwrap();
        assert_eq!(
            name.as_str(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert_eq!(files.put("abc").await.unwrap(), name);
        assert_eq!(files.get(&name).await.unwrap().as_deref(), Some(&b"abc"[..]));
        files.delete(&name).await.unwrap();
        assert_eq!(files.get(&name).await.unwrap(), None);
        files.delete(&name).await.unwrap();
    }

    #[tokio::test]
    async fn a_file_that_was_changed_behind_our_back_is_not_served() {
        let (folder, files) = folder();
        let name = files.put("abc").await.unwrap();
        let path = folder.path().join("photos/ba").join(name.as_str());
        std::fs::write(path, "ab").unwrap();
        let error = files.get(&name).await.unwrap_err();
        assert!(matches!(error, FilesError::Damaged(_)), "{error:?}");
    }

    /// UP-07.
    #[test]
    fn a_name_is_a_digest_and_nothing_else() {
        let name = FileName::of(b"abc");
        assert_eq!(FileName::parse(name.as_str()), Some(name.clone()));
        let upper = name.as_str().to_uppercase();
        for hostile in [
            "",
            "..",
            "../../etc/passwd",
            &upper,
            &name.as_str()[1..],
            &"/".repeat(64),
        ] {
            assert_eq!(FileName::parse(hostile), None, "{hostile}");
        }
    }

    #[test]
    fn an_unusable_address_is_refused_without_repeating_it() {
        for (address, reason) in [
            ("", "it must begin with file:// or s3://"),
            ("/srv/photos", "it must begin with file:// or s3://"),
            ("https://canary@bucket", "it must begin with file:// or s3://"),
            ("file://", "file:// needs the path of a folder"),
            (
                "s3://canary@bucket",
                "s3:// has both, the key and its secret, or neither",
            ),
            ("s3://key:canary@bucket?colour=red", "s3:// does not have colour"),
            (
                "s3://key:canary@bucket?endpoint=http%3A%2F%2Fs3.example.org",
                "an endpoint beyond this host must be https",
            ),
        ] {
            let error = Files::open(address).unwrap_err();
            assert_eq!(error.to_string(), reason, "{address}");
            assert!(!format!("{error:?}").contains("canary"), "{error:?}");
        }
    }
}
