//! The demo's coupons, written by the same commands as any coupon.

use futures::FutureExt;
use futures::future::BoxFuture;
use latchkey_bus::Cause;
use latchkey_contracts::resource::{ADMIN, INSTRUCTOR};
use latchkey_kit::{Caller, Context, DemoUser, MoneyDraft, Transaction};

use crate::commands::coupons;
use crate::domain::{CouponDraft, ScopeDraft, ScopeKind};
use crate::{Error, store};

/// Creates the demo's coupons: those of the shop, one for the courses of the first instructor, and one for the first
/// user who neither teaches nor administers. Courses have other ids in every data folder, so no coupon names one.
pub fn fill(context: Context, users: Vec<DemoUser>) -> BoxFuture<'static, Result<(), String>> {
    async move {
        let now = context.clock.now_ms();
        let drafts = drafts(&users, now, &context.currency);
        context
            .write(Cause::request("", "demo"), async move |t| {
                create(&t, drafts).await
            })
            .await
            .map_err(|error: Error| error.to_string())
    }
    .boxed()
}

/// All in one transaction. Codes that are there already stay as they are.
async fn create(t: &Transaction, drafts: Vec<CouponDraft>) -> Result<(), Error> {
    let shop = Caller::Person {
        sub: String::new(),
        admin: true,
    };
    for draft in drafts {
        if store::coupon_by_code(&t.tx, &draft.code).await?.is_none() {
            coupons::create(t, &shop, "", draft).await?;
        }
    }
    Ok(())
}

fn drafts(users: &[DemoUser], now: i64, currency: &str) -> Vec<CouponDraft> {
    let has = |user: &DemoUser, role: &str| user.roles.iter().any(|own| own == role);
    let money = |amount: i64| MoneyDraft {
        amount,
        currency: currency.to_owned(),
    };
    let of_shop = |code: &str| CouponDraft {
        code: code.to_owned(),
        percent_bp: None,
        amount: None,
        scope: ScopeDraft {
            kind: ScopeKind::All,
            ids: None,
            instructor_id: None,
        },
        starts_at: None,
        ends_at: None,
        max_total: None,
        per_user: None,
        min_subtotal: None,
        first_order_only: false,
        user_id: None,
        status: None,
    };
    let day = |days: i64| latchkey_clock::rfc3339(now + days * DAY_MS);
    let mut drafts = vec![
        CouponDraft {
            percent_bp: Some(1_000),
            first_order_only: true,
            ..of_shop("WELCOME10")
        },
        CouponDraft {
            amount: Some(money(1_500)),
            min_subtotal: Some(money(10_000)),
            per_user: Some(3),
            ..of_shop("SAVE15")
        },
        CouponDraft {
            percent_bp: Some(5_000),
            max_total: Some(1),
            ..of_shop("HALF-FOR-ONE")
        },
        CouponDraft {
            percent_bp: Some(2_500),
            starts_at: Some(day(-60)),
            ends_at: Some(day(-30)),
            ..of_shop("LAST-SUMMER")
        },
    ];
    if let Some(instructor) = users.iter().find(|user| has(user, INSTRUCTOR)) {
        drafts.push(CouponDraft {
            percent_bp: Some(2_000),
            scope: ScopeDraft {
                kind: ScopeKind::Instructor,
                ids: None,
                instructor_id: Some(instructor.id.clone()),
            },
            max_total: Some(100),
            ends_at: Some(day(90)),
            ..of_shop("TEACHER20")
        });
    }
    let buys = |user: &&DemoUser| !has(user, INSTRUCTOR) && !has(user, ADMIN);
    if let Some(buyer) = users.iter().find(buys) {
        drafts.push(CouponDraft {
            amount: Some(money(500)),
            user_id: Some(buyer.id.clone()),
            ..of_shop("FOR-YOU-5")
        });
    }
    drafts
}

const DAY_MS: i64 = 24 * 3_600_000;
