//! How many families one user may have at one client, and what makes room.

use latchkey_testkit::families::{fam, living, multiply};

use crate::harness::{App, Browser, IssuerServer, lines_of, on_both_engines};

async fn code(app: &App, browser: &Browser) -> String {
    app.walk(browser, ("", ""), &[]).await.code.expect("a code")
}

async fn the_next_family_waits_when_twenty_were_born_within_a_minute(server: IssuerServer) {
    let app = server.plant_app("limited", None, "openid").await;
    let beside = server.plant_app("beside", None, "openid").await;
    let (browser, alice) = (Browser::new(), server.person("alice"));
    app.sign_in(&browser, alice, &[]).await;
    server.clock.advance(30_000);
    for _ in 1..20 {
        assert_eq!(app.redeem(&code(&app, &browser).await).await.status, 200);
    }
    let waiting = code(&app, &browser).await;
    for _ in 0..2 {
        let refused = app.redeem(&waiting).await;
        let seen = (
            refused.status,
            refused.code(),
            refused.header("retry-after").to_owned(),
        );
        let expected = (429, "temporarily_unavailable".to_owned(), "30".to_owned());
        assert_eq!(seen, expected, "{refused:?}");
        assert_eq!(refused.header("cache-control"), "no-store");
    }
    // What is wrong with a code is told as ever, and nobody else waits.
    let wrong = app.redeem_with(&waiting, &[("code_verifier", "")]).await;
    assert_eq!(wrong.code(), "invalid_grant");
    beside.sign_in(&browser, ("", ""), &[]).await;
    app.sign_in(&Browser::new(), server.person("ines"), &[]).await;
    // The time that was told is enough, and the code is as good as it was.
    server.clock.advance(30_000);
    assert_eq!(app.redeem(&waiting).await.status, 200);
    assert_eq!(
        app.redeem(&code(&app, &browser).await).await.status,
        429,
        "one has become twenty again"
    );
    server.stop().await;
}

async fn of_thirty_redemptions_at_once_twenty_make_a_family(server: IssuerServer) {
    let app = server.plant_app("racing", None, "openid").await;
    let browser = Browser::new();
    // The consent comes first; its code is the first of thirty.
    let mut codes = vec![
        app.walk(&browser, server.person("alice"), &[])
            .await
            .code
            .expect("a code"),
    ];
    while codes.len() < 30 {
        codes.push(code(&app, &browser).await);
    }
    let answers = futures::future::join_all(codes.iter().map(|code| app.redeem(code))).await;
    let born = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(born, 20, "{answers:?}");
    // Whoever was overtaken three times is asked to come again, and nobody's code is called false.
    let others = answers.iter().filter(|answer| answer.status != 200);
    for other in others {
        assert_eq!(other.code(), "temporarily_unavailable", "{other:?}");
        assert!([429, 503].contains(&other.status), "{other:?}");
    }
    assert_eq!(living(&server.db().clone(), "racing").await, 20);
    server.stop().await;
}

async fn the_oldest_online_family_makes_room_for_the_hundred_and_first(server: IssuerServer) {
    let db = server.db().clone();
    let scope = "openid offline_access";
    let app = server.plant_app("crowded", None, scope).await;
    let (browser, alice) = (Browser::new(), server.person("alice"));
    let offline = app.sign_in(&browser, alice, &[("prompt", "consent")]).await;
    server.clock.advance(1_000);
    let online = [("scope", "openid")];
    let oldest = app.sign_in(&browser, ("", ""), &online).await;
    server.clock.advance(1_000);
    let second = app.sign_in(&browser, ("", ""), &online).await;
    // Those of somebody else do not count, nor do those at another client.
    let ines = app.sign_in(&Browser::new(), server.person("ines"), &online).await;
    server.clock.advance(60_000);
    multiply(&db, &fam(&second), 97).await;
    assert_eq!(living(&db, "crowded").await, 101, "a hundred, and hers");
    server.clock.advance(60_000);

    app.sign_in(&browser, ("", ""), &online).await;
    assert_eq!(living(&db, "crowded").await, 101);
    assert_eq!(app.refresh(oldest.refresh()).await.code(), "invalid_grant");
    for (what, stays) in [("offline", &offline), ("younger", &second), ("of ines", &ines)] {
        assert_eq!(app.refresh(stays.refresh()).await.status, 200, "{what}");
    }
    let ended = fam(&oldest);
    let told =
        format!("SELECT id AS line FROM outbox WHERE type LIKE '%family%' AND partition_key = '{ended}'");
    assert_eq!(lines_of(&db, told).await.len(), 1, "guards are told");
    let audited =
        format!("SELECT detail AS line FROM audit WHERE kind = 'family.revoked' AND subject = '{ended}'");
    assert_eq!(lines_of(&db, audited).await, [r#"{"cause":"family_limit"}"#]);
    let why = format!("SELECT cause AS line FROM families WHERE fam = '{ended}'");
    assert_eq!(lines_of(&db, why).await, ["family_limit"]);
    server.stop().await;
}

async fn an_offline_family_makes_room_only_where_no_online_one_is_left(server: IssuerServer) {
    let db = server.db().clone();
    let app = server.plant_app("kept", None, "openid offline_access").await;
    let (browser, alice) = (Browser::new(), server.person("alice"));
    let oldest = app.sign_in(&browser, alice, &[("prompt", "consent")]).await;
    server.clock.advance(1_000);
    let second = app.sign_in(&browser, ("", ""), &[]).await;
    server.clock.advance(60_000);
    multiply(&db, &fam(&second), 98).await;
    server.clock.advance(60_000);
    let next = app.sign_in(&browser, ("", ""), &[]).await;
    assert_eq!(living(&db, "kept").await, 100);
    assert_eq!(app.refresh(oldest.refresh()).await.code(), "invalid_grant");
    for stays in [&second, &next] {
        assert_eq!(app.refresh(stays.refresh()).await.status, 200);
    }
    server.stop().await;
}

on_both_engines! {
    the_next_family_waits_when_twenty_were_born_within_a_minute,
    of_thirty_redemptions_at_once_twenty_make_a_family,
    the_oldest_online_family_makes_room_for_the_hundred_and_first,
    an_offline_family_makes_room_only_where_no_online_one_is_left,
}
