//! The tower layer: a guard and how strict it is on these routes.

use crate::guard::Guard;

/// Puts a [`Guard`] in front of a service. Created by [`Guard::required`], [`Guard::optional`], [`Guard::sensitive`].
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

    /// Responds with 503 as soon as the revocation feed is not live.
    #[must_use]
    pub fn sensitive(mut self) -> Self {
        self.sensitive = true;
        self
    }
}

impl Guard {
    /// A layer that responds with 401 to a request without credentials.
    pub fn required(&self) -> GuardLayer {
        GuardLayer::new(self.clone(), true)
    }

    /// A layer that lets anonymous requests pass, without an [`Access`](crate::Access). An invalid token is still rejected.
    pub fn optional(&self) -> GuardLayer {
        GuardLayer::new(self.clone(), false)
    }

    /// Like [`Self::required`], for routes that move money or grant power: they respond with 503 as soon as the
    /// revocation feed is not live.
    pub fn sensitive(&self) -> GuardLayer {
        self.required().sensitive()
    }
}
