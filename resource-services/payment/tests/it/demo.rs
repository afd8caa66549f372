//! The demo's wallets and cards.

use latchkey_kit::DemoUser;
use latchkey_payment::{SPEC, store};

use crate::harness::*;

#[tokio::test]
async fn everybody_has_a_wallet_and_who_buys_has_a_card_however_often_it_starts() {
    for_each_engine("demo", |world| async move {
        let user = |id: &str, roles: &[&str]| DemoUser {
            id: id.into(),
            display_name: id.into(),
            roles: roles.iter().map(|role| (*role).to_owned()).collect(),
        };
        let users = vec![
            user("alice", &[]),
            user("ines", &["instructor"]),
            user("admin", &["admin"]),
        ];
        let fill = SPEC.demo.expect("a demo");
        for _ in 0..2 {
            fill(world.context.clone(), users.clone()).await.unwrap();
            world.registered("alice").await;
            world.work().await;
            assert_eq!(world.credits("alice").await, (1_000, 0));
        }
        let mut cards = Vec::new();
        for user in &users {
            cards.push(store::cards(&world.context.db, &user.id).await.unwrap().len());
        }
        assert_eq!((cards, world.events().await.len()), (vec![1, 0, 0], 3));
        let path = "/payment/v1/cards";
        let card = world
            .get(path)
            .by(&crate::harness::user("alice"))
            .send()
            .await
            .items()[0]
            .clone();
        let paid = world.order();
        paid.authorize("alice", 4_900, card["id"].as_str()).await;
        world.work().await;
        assert_eq!(paid.state().await, "authorized");
    })
    .await;
}
