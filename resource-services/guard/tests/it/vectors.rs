//! The vectors that every receiver of the feed reads: `tests/vectors/feed/README.md`.

use std::path::PathBuf;

use latchkey_guard::FeedState;
use serde_json::Value;

use crate::feed::Play;
use crate::mint::{ISSUER, NOTES, NOW_S};

fn vectors() -> Vec<(PathBuf, Value)> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors/feed");
    let mut all: Vec<(PathBuf, Value)> = std::fs::read_dir(folder)
        .expect("the folder of vectors")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .map(|path| {
            let text = std::fs::read(&path).expect("a vector");
            (path, serde_json::from_slice(&text).expect("JSON"))
        })
        .collect();
    all.sort_by(|(one, _), (other, _)| one.cmp(other));
    all
}

fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value[name].as_array().expect("a list")
}

async fn tell(name: &str, vector: &Value) {
    // What the harness of these tests is configured for.
    assert_eq!(
        (
            vector["issuer"].as_str(),
            vector["audience"].as_str(),
            vector["now"].as_i64()
        ),
        (Some(ISSUER), Some(NOTES), Some(NOW_S)),
        "{name}"
    );
    let mut play = Play::with_keys(vector["jwks"].to_string().into_bytes()).await;
    for told in list(vector, "connections") {
        let connection = play.connection().await;
        assert_eq!(
            connection.resumes_from(),
            told["last_event_id"].as_str(),
            "{name}"
        );
        for message in list(told, "messages") {
            let text = |member: &str| message[member].as_str().expect("text");
            connection.send(text("event"), text("data"));
            match text("then") {
                "live" => {
                    play.live_at(message["payload"]["position"].as_u64().expect("a position"))
                        .await
                }
                "broken" => {
                    connection.closed().await;
                    play.until(|signals| signals.health().state != FeedState::Live)
                        .await;
                }
                // Nothing tells that it was read; what comes next depends on it.
                "waiting" => {}
                other => panic!("{name}: {other}"),
            }
        }
    }
    for judged in list(vector, "tokens") {
        let rejection = play.rejection(judged["token"].as_str().expect("a token")).await;
        assert_eq!(rejection.is_some(), judged["refused"] == true, "{name}: {judged}");
    }
}

#[tokio::test]
async fn the_guard_reads_the_vectors_of_the_feed_as_they_say() {
    let all = vectors();
    assert!(all.len() >= 8, "{}", all.len());
    let telling = all.iter().map(|(path, vector)| async move {
        tell(&path.display().to_string(), vector).await;
    });
    futures::future::join_all(telling).await;
}
