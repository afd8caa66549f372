//! Read models: what services keep of what others own.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::finding::Finding;
use super::order::Order;
use crate::database::Databases;
use crate::plan::ChaosError;

/// A database, and a statement.
type Side = (&'static str, &'static str);

/// What its owner says, and what somebody else keeps of it: the columns of both have the same names.
const KEPT: [(&str, Side, Side); 15] = [
    (
        "summaries",
        (
            "order",
            "SELECT id, number, buyer_id, state, reason, total, alerted_at, version, created_at, updated_at FROM orders",
        ),
        (
            "order",
            "SELECT order_id AS id, number, buyer_id, state, reason, total, alerted_at, version, created_at, \
             updated_at FROM order_summaries",
        ),
    ),
    (
        "what the basket knows of libraries",
        (
            "inventory",
            "SELECT owner, item_id, quantity, version FROM owned_items",
        ),
        (
            "basket",
            "SELECT owner, course_id AS item_id, quantity, version FROM owned",
        ),
    ),
    (
        "what the catalog knows of libraries",
        (
            "inventory",
            "SELECT owner, item_id, quantity, version FROM owned_items",
        ),
        ("catalog", "SELECT owner, item_id, quantity, version FROM owned"),
    ),
    (
        "what orders know of progress",
        (
            "inventory",
            "SELECT owner, item_id, lesson_count AS lessons FROM owned_items WHERE lesson_count > 0",
        ),
        (
            "order",
            "SELECT owner_id AS owner, course_id AS item_id, lessons FROM learned_courses",
        ),
    ),
    (
        "what the catalog knows of seats",
        (
            "inventory",
            "SELECT item_id, capacity, sold + reserved AS taken, version FROM stock",
        ),
        ("catalog", "SELECT item_id, capacity, taken, version FROM seats"),
    ),
    (
        "what the basket knows of seats",
        (
            "inventory",
            "SELECT item_id, capacity - sold - reserved AS seats_left, version FROM stock",
        ),
        (
            "basket",
            "SELECT course_id AS item_id, seats_left, version FROM stock",
        ),
    ),
    (
        "what the basket knows of courses",
        (
            "catalog",
            "SELECT id, kind, title, slug, category_id, instructor_id, price, version FROM courses \
             WHERE published_at IS NOT NULL",
        ),
        (
            "basket",
            "SELECT course_id AS id, kind, title, slug, category_id, instructor_id, price, version FROM courses",
        ),
    ),
    (
        "what coupons know of courses",
        (
            "catalog",
            "SELECT id, category_id, instructor_id, version FROM courses WHERE published_at IS NOT NULL",
        ),
        (
            "discount",
            "SELECT course_id AS id, category_id, instructor_id, version FROM courses",
        ),
    ),
    (
        "what orders know of courses",
        (
            "catalog",
            "SELECT id, title, version FROM courses WHERE published_at IS NOT NULL",
        ),
        (
            "order",
            "SELECT course_id AS id, title, version FROM course_titles",
        ),
    ),
    (
        "what inventory knows of courses",
        (
            "catalog",
            "SELECT id, kind, title, slug, instructor_id, version FROM courses \
             WHERE published_at IS NOT NULL OR limited = 1",
        ),
        (
            "inventory",
            "SELECT item_id AS id, kind, title, slug, instructor_id, course_version AS version FROM stock",
        ),
    ),
    (
        "what photo knows of courses",
        (
            "catalog",
            "SELECT id, photo_id, version FROM courses WHERE published_at IS NOT NULL",
        ),
        ("photo", "SELECT course_id AS id, photo_id, version FROM uses"),
    ),
    (
        "how often photos are shown",
        (
            "photo",
            "SELECT p.id, (SELECT COUNT(*) FROM uses u WHERE u.photo_id = p.id) AS refs FROM photos p",
        ),
        ("photo", "SELECT id, refs FROM photos"),
    ),
    (
        "what billing knows of wallets",
        (
            "payment",
            "SELECT user_id, balance, version FROM wallets WHERE version > 0",
        ),
        ("billing", "SELECT user_id, balance, version FROM wallet_balances"),
    ),
    (
        "what billing knows of payments",
        (
            "payment",
            "SELECT id, order_id, wallet_part AS wallet, card_part AS card, fee FROM payments \
             WHERE order_id IS NOT NULL AND captured_at IS NOT NULL",
        ),
        (
            "billing",
            "SELECT payment_id AS id, order_id, wallet, card, fee FROM captures",
        ),
    ),
    (
        "ratings",
        (
            "catalog",
            "SELECT course_id AS id, CAST(SUM(stars) AS BIGINT) AS stars, COUNT(*) AS reviews, \
             (CAST(SUM(stars) AS BIGINT) * 1000 + 17500) / (COUNT(*) + 5) AS score FROM reviews GROUP BY course_id",
        ),
        (
            "catalog",
            "SELECT id, rating_sum AS stars, rating_count AS reviews, rating_score AS score FROM courses \
             WHERE rating_count <> 0 OR rating_sum <> 0 OR rating_score <> 0",
        ),
    ),
];

/// Compares each read model with what it is read from.
pub async fn read_models(
    databases: &Databases,
    orders: &BTreeMap<String, Order>,
) -> Result<Finding, ChaosError> {
    let mut finding = Finding::new("S8", "read models equal what they are read from");
    for (what, owner, keeper) in KEPT {
        let own = lines(databases, owner).await?;
        let kept = lines(databases, keeper).await?;
        for one in own.symmetric_difference(&kept) {
            let whose = if kept.contains(one) { keeper.0 } else { owner.0 };
            finding.found.push(format!("{what}: only {whose} says {one}"));
        }
    }
    details(databases, orders, &mut finding).await?;
    bought(databases, orders, &mut finding).await?;
    sales(databases, &mut finding).await?;
    Ok(finding)
}

async fn lines(databases: &Databases, (database, statement): Side) -> Result<BTreeSet<String>, ChaosError> {
    let rows = databases.rows(database, statement).await?;
    Ok(rows.iter().map(|row| row.line()).collect())
}

/// What a buyer sees of each order.
async fn details(
    databases: &Databases,
    orders: &BTreeMap<String, Order>,
    finding: &mut Finding,
) -> Result<(), ChaosError> {
    let rows = databases.rows("order", "SELECT * FROM order_details").await?;
    finding.equal("details", &rows.len(), &orders.len());
    for row in rows {
        let id = row.text("order_id");
        let Some(order) = orders.get(&id) else { continue };
        let (body, own) = (row.json("body"), &order.row);
        let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
        let shown = (
            row.int("version"),
            [text("number"), text("state"), text("reason"), text("payment_id")],
            [body["total"].as_i64(), body["refunded"].as_i64()],
        );
        let true_ones = (
            own.int("version"),
            ["number", "state", "reason", "payment_id"].map(|name| own.text(name)),
            [Some(order.total), Some(own.int("refunded"))],
        );
        finding.equal(&format!("what is shown of {id}"), &shown, &true_ones);
        let back = body["refunded_lines"].as_array().into_iter().flatten();
        let back: BTreeSet<String> = back.filter_map(|line| line.as_str().map(str::to_owned)).collect();
        finding.equal(&format!("what went back of {id}"), &back, &order.refunded_lines);
    }
    Ok(())
}

/// The lines of each order.
async fn bought(
    databases: &Databases,
    orders: &BTreeMap<String, Order>,
    finding: &mut Finding,
) -> Result<(), ChaosError> {
    const TEXTS: [&str; 5] = ["line_id", "course_id", "title", "slug", "instructor_id"];
    const NUMBERS: [&str; 4] = ["unit_price", "quantity", "discount", "tax"];
    let of = |line: &Value| {
        let texts = TEXTS.map(|name| line[name].as_str().unwrap_or_default().to_owned());
        (texts, NUMBERS.map(|name| line[name].as_i64().unwrap_or_default()))
    };
    let mut shown: BTreeMap<String, Vec<_>> = BTreeMap::new();
    let rows = "SELECT * FROM order_lines ORDER BY order_id, position";
    for row in databases.rows("order", rows).await? {
        let line = (
            TEXTS.map(|name| row.text(name)),
            NUMBERS.map(|name| row.int(name)),
        );
        shown.entry(row.text("order_id")).or_default().push(line);
    }
    for (id, order) in orders {
        let lines: Vec<_> = order.lines().map(of).collect();
        let seen = shown.remove(id).unwrap_or_default();
        finding.equal(&format!("lines of {id}"), &seen, &lines);
    }
    Ok(())
}

/// What instructors sold, which is what documents say.
async fn sales(databases: &Databases, finding: &mut Finding) -> Result<(), ChaosError> {
    let mut documented = BTreeSet::new();
    for (kind, statement) in [
        ("sale", "SELECT id, number, body FROM invoices"),
        ("refund", "SELECT id, number, body FROM credit_notes"),
    ] {
        for row in databases.rows("billing", statement).await? {
            let body = row.json("body");
            for line in body["lines"].as_array().into_iter().flatten() {
                let text = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
                let number = |name: &str| line[name].as_i64().unwrap_or_default();
                documented.insert((
                    [row.text("id"), kind.to_owned(), row.text("number")],
                    ["line_id", "instructor_id", "course_id", "title"].map(text),
                    [
                        number("quantity"),
                        number("total") - number("tax"),
                        number("share"),
                        body["issued_at"].as_i64().unwrap_or_default(),
                    ],
                ));
            }
        }
    }
    let rows = databases
        .rows("billing", "SELECT * FROM instructor_sales")
        .await?;
    let kept = rows.iter().map(|row| {
        (
            ["document_id", "kind", "number"].map(|name| row.text(name)),
            ["line_id", "instructor_id", "course_id", "title"].map(|name| row.text(name)),
            ["quantity", "amount", "share", "at"].map(|name| row.int(name)),
        )
    });
    let kept: BTreeSet<_> = kept.collect();
    for one in documented.symmetric_difference(&kept) {
        finding
            .found
            .push(format!("sales of instructors and documents disagree: {one:?}"));
    }
    Ok(())
}
