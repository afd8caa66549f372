//! Each service as a resource of the issuer: its audience, its scopes, and the roles that a user needs for them.
//!
//! Audiences and scopes are defined here and nowhere else: the issuer registers these declarations, the services'
//! tables of routes require these scopes, and first-party clients use these names.

/// A service as a protected resource (RFC 8707).
#[derive(Debug, PartialEq, Eq)]
pub struct ResourceContract {
    /// The name of the service: its role, its part of paths at the edge, the prefix of its event types.
    pub name: &'static str,
    /// The name on pages that ask for consent.
    pub title: &'static str,
    /// The `aud` of its tokens.
    pub audience: &'static str,
    /// The scopes that it declares.
    pub scopes: &'static [&'static ScopeContract],
    /// The scope that lets an administrator act on what belongs to others; the role alone does not. None where nobody
    /// may.
    pub admin: Option<&'static ScopeContract>,
}

/// A scope of one service.
#[derive(Debug, PartialEq, Eq)]
pub struct ScopeContract {
    /// The name in a token.
    pub name: &'static str,
    /// What the scope allows, as a consent page describes it.
    pub description: &'static str,
    /// The roles of which a user needs one; an empty list requires none.
    pub roles: &'static [&'static str],
}

/// The role that may do everything that a scope allows, also to what belongs to others.
pub const ADMIN: &str = "admin";
/// The role of instructors.
pub const INSTRUCTOR: &str = "instructor";

const fn scope(
    name: &'static str,
    description: &'static str,
    roles: &'static [&'static str],
) -> ScopeContract {
    ScopeContract {
        name,
        description,
        roles,
    }
}

/// Courses and their categories.
pub mod catalog {
    use super::{ADMIN, INSTRUCTOR, ResourceContract, ScopeContract, scope};

    /// Reading what is public.
    pub static READ: ScopeContract = scope("catalog.read", "See the shop’s courses", &[]);
    /// Writing one's own courses.
    pub static WRITE: ScopeContract = scope(
        "catalog.write",
        "Create and change your courses in the shop",
        &[INSTRUCTOR, ADMIN],
    );
    /// Reviewing courses that the user owns.
    pub static REVIEW: ScopeContract = scope("catalog.review", "Write reviews in the shop in your name", &[]);
    /// Editing categories, and acting on everybody's courses.
    pub static ADMINISTER: ScopeContract = scope(
        "catalog.admin",
        "Change the shop’s categories and anybody’s courses",
        &[ADMIN],
    );

    /// The catalog.
    pub static RESOURCE: ResourceContract = ResourceContract {
        name: "catalog",
        title: "The shop’s courses",
        audience: "urn:latchkey:catalog",
        scopes: &[&READ, &WRITE, &REVIEW, &ADMINISTER],
        admin: Some(&ADMINISTER),
    };
}

/// What people mean to buy.
pub mod basket {
    use super::{ResourceContract, ScopeContract, scope};

    /// The user's own basket.
    pub static USE: ScopeContract = scope("basket", "See and change your basket", &[]);
    /// Baskets of people who have not signed in: for the shop's pages, which keep the secret number of each.
    pub static GUEST: ScopeContract = scope("basket.guest", "Keep baskets of visitors", &[]);

    /// The baskets.
    pub static RESOURCE: ResourceContract = ResourceContract {
        name: "basket",
        title: "Your basket",
        audience: "urn:latchkey:basket",
        scopes: &[&USE, &GUEST],
        admin: None,
    };
}

/// Coupons.
pub mod discount {
    use super::{ADMIN, INSTRUCTOR, ResourceContract, ScopeContract, scope};

    /// Asking what a coupon is worth, and one's own coupons.
    pub static REDEEM: ScopeContract = scope("discount.redeem", "Use coupons", &[]);
    /// Coupons for one's own courses.
    pub static WRITE: ScopeContract = scope(
        "discount.write",
        "Create and change coupons for your courses",
        &[INSTRUCTOR, ADMIN],
    );
    /// Every coupon.
    pub static ADMINISTER: ScopeContract =
        scope("discount.admin", "Change every coupon of the shop", &[ADMIN]);

    /// The coupons.
    pub static RESOURCE: ResourceContract = ResourceContract {
        name: "discount",
        title: "Coupons",
        audience: "urn:latchkey:discount",
        scopes: &[&REDEEM, &WRITE, &ADMINISTER],
        admin: Some(&ADMINISTER),
    };
}

/// Orders.
pub mod order {
    use super::{ADMIN, ResourceContract, ScopeContract, scope};

    /// Reading one's own orders.
    pub static READ: ScopeContract = scope("order.read", "See your orders", &[]);
    /// Ordering, cancelling, asking for a refund.
    pub static WRITE: ScopeContract = scope("order.write", "Order in your name, and cancel your orders", &[]);
    /// Everybody's orders, and what is stuck.
    pub static ADMINISTER: ScopeContract = scope("order.admin", "See and mend everybody’s orders", &[ADMIN]);

    /// The orders.
    pub static RESOURCE: ResourceContract = ResourceContract {
        name: "order",
        title: "Your orders",
        audience: "urn:latchkey:order",
        scopes: &[&READ, &WRITE, &ADMINISTER],
        admin: Some(&ADMINISTER),
    };
}

/// Cards, wallets and payments.
pub mod payment {
    use super::{ADMIN, ResourceContract, ScopeContract, scope};

    /// Reading one's own wallet, cards and payments.
    pub static READ: ScopeContract = scope("payment.read", "See your wallet and your payments", &[]);
    /// Saving cards, topping up, confirming a payment.
    pub static WRITE: ScopeContract = scope(
        "payment.write",
        "Save cards, top up your wallet and confirm payments",
        &[],
    );
    /// Grants to wallets, and everybody's payments.
    pub static ADMINISTER: ScopeContract = scope(
        "payment.admin",
        "Grant credits and see everybody’s payments",
        &[ADMIN],
    );

    /// The payments.
    pub static RESOURCE: ResourceContract = ResourceContract {
        name: "payment",
        title: "Your wallet and payments",
        audience: "urn:latchkey:payment",
        scopes: &[&READ, &WRITE, &ADMINISTER],
        admin: Some(&ADMINISTER),
    };
}

/// Seats, and who owns what.
pub mod inventory {
    use super::{ADMIN, INSTRUCTOR, ResourceContract, ScopeContract, scope};

    /// Reading one's own library.
    pub static READ: ScopeContract = scope("inventory.read", "See the courses that you own", &[]);
    /// Progress in what one owns, and its consumption.
    pub static WRITE: ScopeContract =
        scope("inventory.write", "Record your progress and use your items", &[]);
    /// Seats of one's own courses.
    pub static STOCK: ScopeContract = scope(
        "inventory.stock",
        "Set how many seats your courses have",
        &[INSTRUCTOR, ADMIN],
    );
    /// Grants, and everybody's seats.
    pub static ADMINISTER: ScopeContract = scope(
        "inventory.admin",
        "Grant courses and change everybody’s seats",
        &[ADMIN],
    );

    /// The stock and the owned items.
    pub static RESOURCE: ResourceContract = ResourceContract {
        name: "inventory",
        title: "Your library",
        audience: "urn:latchkey:inventory",
        scopes: &[&READ, &WRITE, &STOCK, &ADMINISTER],
        admin: Some(&ADMINISTER),
    };
}

/// Photos of courses.
pub mod photo {
    use super::{ADMIN, INSTRUCTOR, ResourceContract, ScopeContract, scope};

    /// One's own photos.
    pub static WRITE: ScopeContract = scope(
        "photo.write",
        "Add and delete photos of your courses in the shop",
        &[INSTRUCTOR, ADMIN],
    );
    /// Everybody's photos.
    pub static ADMINISTER: ScopeContract =
        scope("photo.admin", "Delete anybody’s photos in the shop", &[ADMIN]);

    /// The photos.
    pub static RESOURCE: ResourceContract = ResourceContract {
        name: "photo",
        title: "Photos of courses",
        audience: "urn:latchkey:photo",
        scopes: &[&WRITE, &ADMINISTER],
        admin: Some(&ADMINISTER),
    };
}

/// Events that a consumer could not handle.
pub mod events {
    use super::{ADMIN, ResourceContract, ScopeContract, scope};

    /// Reading dead letters, delivering them again, and discarding them.
    pub static ADMINISTER: ScopeContract = scope(
        "events.admin",
        "See events of the shop that failed, and deliver them again or discard them",
        &[ADMIN],
    );

    /// The dead letters of all services.
    pub static RESOURCE: ResourceContract = ResourceContract {
        name: "events",
        title: "Failed events of the shop",
        audience: "urn:latchkey:events",
        scopes: &[&ADMINISTER],
        admin: Some(&ADMINISTER),
    };
}

/// Invoices, credit notes and the books.
pub mod billing {
    use super::{ADMIN, ResourceContract, ScopeContract, scope};

    /// Reading one's own invoices, and what one sold.
    pub static READ: ScopeContract = scope("billing.read", "See your invoices and your sales", &[]);
    /// The books, and everybody's invoices.
    pub static ADMINISTER: ScopeContract = scope(
        "billing.admin",
        "See the shop’s books and everybody’s invoices",
        &[ADMIN],
    );

    /// Billing.
    pub static RESOURCE: ResourceContract = ResourceContract {
        name: "billing",
        title: "Your invoices",
        audience: "urn:latchkey:billing",
        scopes: &[&READ, &ADMINISTER],
        admin: Some(&ADMINISTER),
    };
}
