//! What `.layer(…)` takes: a guard and how strict it is here.

use http::Response;
use http::request::Parts;

use crate::access::{Access, Passed};
use crate::guard::Guard;
use crate::reject::Denial;

/// Puts a [`Guard`] before a service. Made by [`Guard::required`], [`Guard::optional`], [`Guard::sensitive`].
#[derive(Clone)]
pub struct GuardLayer {
    pub(crate) guard: Guard,
    pub(crate) required: bool,
    pub(crate) sensitive: bool,
}

impl GuardLayer {
    pub(crate) fn new(guard: Guard, required: bool) -> Self {
        Self {
            guard,
            required,
            sensitive: false,
        }
    }

    /// Refuse with 503 as soon as the feed of revocations is not live.
    #[must_use]
    pub fn sensitive(mut self) -> Self {
        self.sensitive = true;
        self
    }
}

impl Guard {
    /// A layer that answers 401 to a request without credentials.
    pub fn required(&self) -> GuardLayer {
        GuardLayer::new(self.clone(), true)
    }

    /// A layer that lets anonymous requests pass, with no [`Access`]. A bad token is still refused.
    pub fn optional(&self) -> GuardLayer {
        GuardLayer::new(self.clone(), false)
    }

    /// As [`Self::required`], for routes that move money or power: as soon as the feed of revocations
    /// is not live they answer 503.
    pub fn sensitive(&self) -> GuardLayer {
        self.required().sensitive()
    }
}

impl GuardLayer {
    /// Leaves in the request who it is, and that somebody looked.
    pub(crate) async fn admit(&self, parts: &mut Parts) -> Result<(), Denial> {
        let access = self
            .guard
            .admit_request(&parts.uri, &parts.headers, self.sensitive)
            .await?;
        match access {
            Some(access) => drop(parts.extensions.insert(access)),
            None if self.required => return Err(Denial::NoCredentials),
            None => drop(parts.extensions.remove::<Access>()),
        }
        parts.extensions.insert(Passed {
            realm: self.guard.0.realm.clone(),
        });
        Ok(())
    }

    pub(crate) fn refuse<R: From<String>>(&self, reason: Denial) -> Response<R> {
        match &reason {
            Denial::NoCredentials => tracing::debug!("a request without credentials was refused"),
            reason => tracing::info!(%reason, "a request was refused"),
        }
        self.guard.reject(reason).response()
    }
}
