//! Who and what is refused.

use std::sync::Arc;

use latchkey_events::SPEC;
use latchkey_kit::RouteFacts;
use latchkey_testkit::service::{Ask, matrices};
use serde_json::json;

use crate::harness::{World, admin, for_each_engine};

fn ask(world: &Arc<World>, route: &RouteFacts, id: &str) -> Ask {
    let ask = world.ask(route.method.clone(), route.path.replace("{id}", id));
    match route.path.rsplit('/').next() {
        Some("discard") => ask.json(&json!({"reason": "Because"})),
        _ if route.method == http::Method::POST => ask.json(&json!({})),
        _ => ask,
    }
}

#[test]
fn every_route_has_a_policy_and_stands_in_the_document() {
    matrices::every_route_has_a_policy(&SPEC);
    matrices::the_document_is_whole(&SPEC);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_but_administrators_sees_or_touches_dead_letters() {
    for_each_engine("roles", |world| async move {
        world.dead("one").await;
        let id = world.ids().await.remove(0);
        let ask = |route: &RouteFacts| ask(&world, route, &id);
        matrices::refuses_whoever_is_not_meant(&world, ask).await;
        matrices::refuses_worthless_tokens(&world, ask).await;
        matrices::answers_declared_methods_alone(&world, &admin()).await;
        assert_eq!(world.ids().await, std::slice::from_ref(&id));
        assert!(world.interventions().await.is_empty());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_sent_about_a_letter_is_checked_before_it_is_touched() {
    for_each_engine("sent", |world| async move {
        world.dead("one").await;
        let id = world.ids().await.remove(0);
        for (body, verdict) in [
            (json!({"reason": " "}), (422, "invalid_content")),
            (json!({"reason": "x".repeat(501)}), (422, "invalid_content")),
            (json!({"reason": "a\u{0}b"}), (422, "invalid_content")),
            (json!({"reason": "a\u{202e}b"}), (422, "invalid_content")),
            (json!({}), (422, "invalid_body")),
            (json!(["Because"]), (422, "invalid_body")),
            (
                json!({"reason": "Because", "by": "somebody"}),
                (422, "invalid_body"),
            ),
        ] {
            let refused = world.act(&id, "discard", &body).await;
            assert_eq!(refused.verdict(), verdict, "{body}");
        }
        let unknown = "01890a5d-ac96-774b-bcce-b302099a8057";
        for (id, verdict) in [(unknown, (404, "not_found")), ("..%2f..", (404, "not_found"))] {
            let refused = world.act(id, "redrive", &json!({})).await;
            assert_eq!(refused.verdict(), verdict, "{id}");
        }
        for (query, code) in [
            ("?limit=0", "invalid_limit"),
            ("?limit=101", "invalid_limit"),
            ("?cursor=x", "invalid_cursor"),
            ("?other=1", "invalid_query"),
        ] {
            let path = format!("/events/v1/dead-letters{query}");
            let refused = world.get(path).by(&admin()).send().await;
            assert_eq!(refused.verdict(), (400, code), "{query}");
        }
        let all = world.post("/events/v1/redrives").by(&admin());
        let refused = all.json(&json!({"consumer": ""})).send().await;
        assert_eq!(refused.verdict(), (422, "invalid_content"));
        assert_eq!(world.ids().await, [id]);
        assert!(world.interventions().await.is_empty());
    })
    .await;
}
