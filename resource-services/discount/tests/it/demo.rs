//! The demo's coupons.

use latchkey_discount::demo;
use latchkey_kit::DemoUser;

use crate::harness::*;

fn user(id: &str, roles: &[&str]) -> DemoUser {
    DemoUser {
        id: id.into(),
        display_name: id.into(),
        roles: roles.iter().map(|role| (*role).to_owned()).collect(),
    }
}

fn users() -> Vec<DemoUser> {
    vec![
        user("alice", &[]),
        user("ines", &["instructor"]),
        user("root", &["admin"]),
    ]
}

#[tokio::test]
async fn the_demo_has_coupons_for_everybody_once() {
    for_each_engine("demo", |world| async move {
        for _ in 0..2 {
            demo::fill(world.context.clone(), users()).await.unwrap();
        }
        let list = world.get("/discount/v1/coupons").by(&admin()).send().await;
        let mut codes: Vec<_> = list
            .items()
            .iter()
            .map(|item| item["code"].as_str().unwrap())
            .collect();
        codes.sort_unstable();
        let expected = [
            "FOR-YOU-5",
            "HALF-FOR-ONE",
            "LAST-SUMMER",
            "SAVE15",
            "TEACHER20",
            "WELCOME10",
        ];
        assert_eq!(codes, expected);
        world.course(1, "music", "ines", 1).await;
        for (code, worth) in [
            ("WELCOME10", Ok(1_000)),
            ("SAVE15", Ok(1_500)),
            ("HALF-FOR-ONE", Ok(5_000)),
            ("TEACHER20", Ok(2_000)),
            ("FOR-YOU-5", Ok(500)),
            ("LAST-SUMMER", Err("expired".to_owned())),
        ] {
            assert_eq!(world.worth(&alice(), code).await, worth, "{code}");
        }
        assert_eq!(world.worth(&bob(), "FOR-YOU-5").await, Err("unknown".into()));
        let own = world.get("/discount/v1/coupons").by(&ines()).send().await;
        assert_eq!(own.items().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_demo_without_people_has_the_shops_coupons() {
    for_each_engine("demo_empty", |world| async move {
        demo::fill(world.context.clone(), Vec::new()).await.unwrap();
        assert_eq!(
            world
                .get("/discount/v1/coupons")
                .by(&admin())
                .send()
                .await
                .items()
                .len(),
            4
        );
    })
    .await;
}
