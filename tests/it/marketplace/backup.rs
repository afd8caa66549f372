//! A backup beside buyers: the databases that it brings back know the same orders.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::{AtomicBool, Ordering};

use latchkey_db::{Db, Options};

use super::world::{PAYS, by_card};
use super::{Bus, Item, Shop};
use crate::harness::{Process, lines, until};

/// Ids in a restored database.
async fn ids(data: &std::path::Path, name: &str, statement: &'static str) -> BTreeSet<String> {
    let url = format!("sqlite:{}", data.join(name).display());
    let db = Db::open(&url, Options::new(&[])).await.unwrap();
    let found = lines(&db, statement).await;
    db.close().await;
    found.into_iter().collect()
}

#[tokio::test]
async fn a_backup_beside_buyers_has_every_order_of_its_payments() {
    let shop = Shop::open(Bus::SqlLog).await;
    let bo = shop.buyer("bo").await;
    let mut items = Vec::new();
    for _ in 0..12 {
        items.push(shop.item(2_500, None).await);
    }
    let card = bo.card(PAYS).await;
    let buy = async |item: &Item| {
        let shown = bo.fill(&[(item, 1)], None).await;
        let order = bo.order(&shown, &by_card(&card)).await;
        bo.until_state(&order, "completed").await;
        // What was ordered leaves the basket by an event, which must not come between the next look and its order.
        until("the basket is empty", async || {
            bo.basket().await["lines"] == serde_json::json!([])
        })
        .await;
    };
    // One is there before it begins.
    buy(&items[0]).await;

    let at = shop.server.folder().to_owned();
    let secret = at.join("passphrase");
    std::fs::write(&secret, "a passphrase of this test alone").unwrap();
    std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o600)).unwrap();
    let secret = secret.display().to_string();
    let made = AtomicBool::new(false);
    let buying = async {
        for item in &items[1..] {
            if made.load(Ordering::Relaxed) {
                break;
            }
            buy(item).await;
        }
    };
    let backing = async {
        let asked = ["backup", "made.backup", "--passphrase-file", &secret];
        let of = ["--data", "data", "--keys", "keys"];
        let (ended, _) = Process::run(&at, &[&asked[..], &of].concat()).await;
        made.store(true, Ordering::Relaxed);
        ended
    };
    let ((), ended) = tokio::join!(buying, backing);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let asked = [
        "restore",
        "made.backup",
        "--passphrase-file",
        &secret,
        "--to",
        "new",
    ];
    let (ended, _) = Process::run(&at, &asked).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");

    let new = at.join("new");
    let orders = ids(&new, "order.db", "SELECT id AS line FROM orders").await;
    let completed = "SELECT id AS line FROM orders WHERE state = 'completed'";
    let completed = ids(&new, "order.db", completed).await;
    let paid = "SELECT order_id AS line FROM payments WHERE order_id IS NOT NULL";
    let paid = ids(&new, "payment.db", paid).await;
    assert!(!completed.is_empty());
    assert!(
        paid.is_subset(&orders),
        "paid and never ordered: {paid:?} {orders:?}"
    );
    assert!(
        completed.is_subset(&paid),
        "ordered and never paid: {completed:?} {paid:?}"
    );
    shop.stop().await;
}
