//! What `.layer(…)` takes: a guard and how strict it is here.

use tower_layer::Layer;

use crate::guard::Guard;
use crate::service::GuardService;

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

impl<S> Layer<S> for GuardLayer {
    type Service = GuardService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        GuardService {
            inner,
            door: self.clone(),
        }
    }
}
