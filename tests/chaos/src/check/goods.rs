//! What was sold: seats, coupons, and what buyers own.

use std::collections::{BTreeMap, BTreeSet};

use super::finding::Finding;
use super::order::Order;
use crate::database::Databases;
use crate::plan::ChaosError;

pub async fn seats(databases: &Databases) -> Result<Finding, ChaosError> {
    let mut finding = Finding::new("S4", "no seat is sold twice or lost");
    let statement = "SELECT s.item_id, s.capacity, s.sold, s.reserved, \
                            (SELECT CAST(COALESCE(SUM(m.sold), 0) AS BIGINT) FROM movements m WHERE m.item_id = s.item_id) AS moved, \
                            (SELECT CAST(COALESCE(SUM(m.reserved), 0) AS BIGINT) FROM movements m WHERE m.item_id = s.item_id) \
                                AS holding, \
                            (SELECT CAST(COALESCE(SUM(l.granted), 0) AS BIGINT) FROM reservation_lines l \
                               WHERE l.item_id = s.item_id) AS granted \
                     FROM stock s WHERE s.capacity IS NOT NULL";
    for row in databases.rows("inventory", statement).await? {
        let item = row.text("item_id");
        let (sold, reserved) = (row.int("sold"), row.int("reserved"));
        finding.expect(sold + reserved <= row.int("capacity"), || {
            format!("{item} is oversold")
        });
        finding.expect(sold >= 0 && reserved >= 0, || format!("{item} is below nothing"));
        finding.equal(&format!("{item} sold by its movements"), &sold, &row.int("moved"));
        finding.equal(
            &format!("{item} held by its movements"),
            &reserved,
            &row.int("holding"),
        );
        finding.equal(&format!("{item} sold to orders"), &sold, &row.int("granted"));
        finding.equal(&format!("{item} held at the end"), &reserved, &0);
    }
    Ok(finding)
}

pub async fn coupons(databases: &Databases, orders: &BTreeMap<String, Order>) -> Result<Finding, ChaosError> {
    let mut finding = Finding::new(
        "S5",
        "a coupon is used as often as orders carry it, and never too often",
    );
    let statement = "SELECT c.code, c.max_total, c.reserved, c.redeemed, \
                            (SELECT COUNT(*) FROM redemptions r WHERE r.coupon_id = c.id AND r.state = 'committed') \
                                AS committed, \
                            (SELECT CAST(COALESCE(SUM(u.used), 0) AS BIGINT) FROM coupon_uses u WHERE u.coupon_id = c.id) AS used \
                     FROM coupons c";
    for row in databases.rows("discount", statement).await? {
        let code = row.text("code");
        let redeemed = row.int("redeemed");
        finding.equal(&format!("{code} redeemed"), &redeemed, &row.int("committed"));
        finding.equal(&format!("{code} used by users"), &redeemed, &row.int("used"));
        finding.equal(&format!("{code} reserved at the end"), &row.int("reserved"), &0);
        finding.expect(
            !row.is_some("max_total") || redeemed <= row.int("max_total"),
            || format!("{code} was used too often"),
        );
    }
    let committed = databases
        .rows(
            "discount",
            "SELECT order_id FROM redemptions WHERE state = 'committed'",
        )
        .await?;
    let committed: BTreeSet<String> = committed.iter().map(|row| row.text("order_id")).collect();
    let carrying = orders
        .iter()
        .filter(|(_, order)| order.is_delivered() && !order.terms["coupon"].is_null());
    let carrying: BTreeSet<String> = carrying.map(|(id, _)| id.clone()).collect();
    for id in committed.symmetric_difference(&carrying) {
        finding
            .found
            .push(format!("order {id} and its redemption disagree"));
    }
    Ok(finding)
}

pub async fn effects(databases: &Databases, orders: &BTreeMap<String, Order>) -> Result<Finding, ChaosError> {
    let mut finding = Finding::new("S6", "every effect happens exactly once");
    let lines = "SELECT order_id, item_id, buyer, granted FROM reservation_lines";
    let mut granted: BTreeMap<(String, String), i64> = BTreeMap::new();
    let mut has: BTreeMap<(String, String), i64> = BTreeMap::new();
    for row in databases.rows("inventory", lines).await? {
        granted.insert((row.text("order_id"), row.text("item_id")), row.int("granted"));
        *has.entry((row.text("buyer"), row.text("item_id"))).or_default() += row.int("granted");
    }
    let mut used: BTreeMap<(String, String), i64> = BTreeMap::new();
    let consumed = "SELECT owner, item_id, CAST(SUM(quantity) AS BIGINT) AS quantity FROM movements \
                    WHERE cause = 'consumed' GROUP BY owner, item_id";
    for row in databases.rows("inventory", consumed).await? {
        used.insert((row.text("owner"), row.text("item_id")), row.int("quantity"));
    }
    for (id, order) in orders {
        for line in order.lines() {
            let text = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
            let back = order.refunded_lines.contains(&text("line_id"));
            let bought = line["quantity"]
                .as_i64()
                .filter(|_| order.is_delivered())
                .unwrap_or(0);
            let key = (id.clone(), text("course_id"));
            let given = granted.remove(&key).unwrap_or(0);
            if back {
                // What is used up cannot be taken back.
                let kept = used.get(&(order.row.text("buyer_id"), text("course_id")));
                let most = bought.min(kept.copied().unwrap_or(0));
                finding.expect((0..=most).contains(&given), || {
                    format!("{given} are left of {key:?}, which went back")
                });
            } else {
                finding.equal(&format!("granted by {key:?}"), &given, &bought);
            }
        }
    }
    for (key, given) in granted.into_iter().filter(|(_, given)| *given != 0) {
        finding
            .found
            .push(format!("{given} granted by {key:?}, which no order has"));
    }
    for (key, quantity) in used {
        *has.entry(key).or_default() -= quantity;
    }
    let owned = "SELECT owner, item_id, quantity FROM owned_items WHERE source <> 'grant'";
    for row in databases.rows("inventory", owned).await? {
        let key = (row.text("owner"), row.text("item_id"));
        let bought = has.remove(&key).unwrap_or(0);
        finding.equal(&format!("owned by {key:?}"), &row.int("quantity"), &bought);
    }
    for (key, bought) in has.into_iter().filter(|(_, bought)| *bought != 0) {
        finding
            .found
            .push(format!("{bought} bought, not used up and not owned by {key:?}"));
    }
    Ok(finding)
}
