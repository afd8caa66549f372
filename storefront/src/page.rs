//! A page of the shop: what every page has, and what the shop's own head shows besides.

use std::ops::{Deref, DerefMut};

use latchkey_web::Page;

/// Goes into each view as its `page`. The templates that all sites share read it as a [`Page`].
#[derive(Clone, Debug)]
pub struct ShopPage {
    page: Page,
    /// Whether whoever is signed in writes courses.
    pub teaches: bool,
}

impl ShopPage {
    pub fn new(page: Page, teaches: bool) -> Self {
        Self { page, teaches }
    }
}

impl Deref for ShopPage {
    type Target = Page;

    fn deref(&self) -> &Page {
        &self.page
    }
}

impl DerefMut for ShopPage {
    fn deref_mut(&mut self) -> &mut Page {
        &mut self.page
    }
}
