//! Every route of every service × people to whom what it names does not belong, over the whole marketplace.

use http::Method;
use latchkey::services::SERVICES;
use latchkey_kit::Policy;
use latchkey_testkit::Matrix;
use serde_json::{Value, json};

use super::world::{PAYS, by_both};
use super::{Bus, Coupon, Item, Person, Shop};

/// What a buyer has.
struct Belongings {
    user: String,
    order: String,
    payment: String,
    card: String,
    invoice: String,
    item: Item,
    coupon: Coupon,
}

impl Belongings {
    async fn of(shop: &Shop, bo: &Person) -> Self {
        bo.until_welcome().await;
        let (item, coupon) = (shop.item(2_500, Some(3)).await, shop.coupon(20, 1).await);
        let card = bo.card(PAYS).await;
        let shown = bo.fill(&[(&item, 1)], Some(&coupon)).await;
        let order = bo.order(&shown, &by_both(&card)).await;
        bo.until_state(&order, "completed").await;
        let payment = bo.payment(&order).await["id"].as_str().expect("an id").to_owned();
        let invoice = bo.invoice(&order).await;
        let user = bo.id().await;
        Self {
            user,
            order,
            payment,
            card,
            invoice,
            item,
            coupon,
        }
    }

    /// The path of a route with the id of what belongs to the buyer or to the shop; `None` if the id only says what the
    /// caller does with their own things.
    fn path(&self, route: &str) -> Option<String> {
        let id = match route.split('/').nth(3)? {
            "lines" => return None,
            "orders" | "refunds" => &self.order,
            "payments" | "grants" => &self.payment,
            "cards" => &self.card,
            "invoices" | "credit-notes" => &self.invoice,
            "wallets" => &self.user,
            "library" | "stock" | "courses" => &self.item.id,
            "coupons" => &self.coupon.id,
            // Those that nobody has: the tests of their services try those that somebody has.
            "categories" | "photos" => &self.user,
            other => panic!("what does {{id}} mean in {other}?"),
        };
        Some(route.trim_start_matches('/').replace("{id}", id))
    }

    /// What somebody sends whom it does not belong to: what the owner would, and what nobody would. Whose it is comes
    /// first, so the response is the same.
    fn bodies(&self, route: &str) -> Vec<(&'static str, Value)> {
        let sound = match route.rsplit('/').next() {
            Some("progress") => json!({"lessons_done": [self.user]}),
            Some("consume") => json!({"quantity": 1}),
            Some("action") => json!({"approve": true}),
            _ => json!({}),
        };
        vec![
            ("sound", sound),
            ("empty", json!({})),
            ("of another kind", json!([])),
            ("with a stray member", json!({"sub": self.user})),
        ]
    }

    /// Whether a response tells of them.
    fn are_in(&self, text: &str) -> bool {
        [&self.user, &self.order, &self.payment, &self.card, &self.invoice]
            .into_iter()
            .any(|id| text.contains(id.as_str()))
    }
}

/// All that the buyer sees of their own.
async fn seen(bo: &Person, has: &Belongings) -> Vec<Value> {
    let mut seen = Vec::new();
    for path in [
        format!("order/v1/orders/{}", has.order),
        format!("payment/v1/payments/{}", has.payment),
        format!("inventory/v1/library/{}", has.item.id),
        format!("billing/v1/invoices/{}", has.invoice),
        "payment/v1/cards".to_owned(),
        "payment/v1/wallet".to_owned(),
        "payment/v1/wallet/entries".to_owned(),
        "basket/v1".to_owned(),
    ] {
        let answer = bo.get(&path).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        seen.push(answer.json());
    }
    seen
}

#[tokio::test]
async fn nobody_reads_or_changes_what_belongs_to_somebody_else() {
    let shop = Shop::open(Bus::SqlLog).await;
    let (bo, cleo) = (shop.buyer("bo").await, shop.buyer("cleo").await);
    let has = Belongings::of(&shop, &bo).await;
    let before = seen(&bo, &has).await;
    let mut matrix = Matrix::new("route × somebody else, over all services");
    // An instructor sells what the buyer has, and sees of the buyer as little as anybody.
    for (who, stranger) in [("a buyer", &cleo), ("an instructor", &shop.ines)] {
        let sells = who == "an instructor";
        let app = shop.server.app("back-office", "openid events.admin");
        let given = stranger.is_given(&app, "events", "events.admin").await;
        matrix.hold(format!("{who}: a token for dead letters"), !given, given);
        for (service, route) in SERVICES
            .iter()
            .flat_map(|spec| spec.facts().into_iter().map(|route| (spec.name(), route)))
        {
            // The issuer gives buyers no token for photos, and nobody but administrators one for dead letters.
            if service == "events" || (service == "photo" && !sells) {
                continue;
            }
            let owned_by_seller = service == "catalog" || route.path.contains("/stock/");
            if !matches!(route.policy, Policy::Person { .. }) || (sells && owned_by_seller) {
                continue;
            }
            let label = format!("{who}: {} {}", route.method, route.path);
            if route.has_id() {
                let Some(path) = has.path(&route.path) else {
                    continue;
                };
                let bodies = has.bodies(&route.path);
                let bodies = match route.method == Method::GET {
                    true => &bodies[..1],
                    false => &bodies[..],
                };
                for (kind, body) in bodies {
                    let answer = stranger.try_all(route.method.clone(), &path, body).await;
                    let refused = [403, 404].contains(&answer.status);
                    let label = format!("{label}, a body {kind}");
                    matrix.hold(label, refused && !has.are_in(&answer.text), &answer);
                }
            } else if route.method == Method::GET {
                let answer = stranger.get(route.path.trim_start_matches('/')).await;
                matrix.hold(label, !has.are_in(&answer.text), &answer);
            }
        }
    }
    assert!(matrix.cells() > 150, "{} cells", matrix.cells());
    matrix.end();
    assert_eq!(seen(&bo, &has).await, before);
    shop.stop().await;
}
