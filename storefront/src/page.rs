//! A page of the shop: the base page, and the additions of the shop's head.

use std::ops::{Deref, DerefMut};

use latchkey_web::Page;

/// Part of each view as `page`. The templates that all sites share read it as a [`Page`].
#[derive(Clone, Debug)]
pub struct ShopPage {
    page: Page,
    /// Whether the signed-in user can write courses.
    pub teaches: bool,
    /// Whether they run the shop.
    pub administers: bool,
    /// How many lines the basket has, if it has any and could be asked.
    pub in_basket: Option<i64>,
}

impl ShopPage {
    pub fn new(page: Page, teaches: bool, administers: bool, in_basket: Option<usize>) -> Self {
        let in_basket = in_basket.filter(|count| *count > 0);
        Self {
            page,
            teaches,
            administers,
            in_basket: in_basket.and_then(|count| i64::try_from(count).ok()),
        }
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
