//! The authorization code grant: a code is redeemed once, by its client, with its verifier.

use crate::harness::{App, Browser, IssuerServer, Matrix, Tokens, on_both_engines};

/// TK-02, TK-03, TK-05.
async fn a_replay_that_is_otherwise_valid_ends_the_family_and_no_other_does(server: IssuerServer) {
    let (app, browser) = (server.app("demo-web", "openid catalog.read"), Browser::new());
    app.sign_in(&browser, server.person("alice"), &[]).await;
    let native = server.app("demo-native", "openid");
    let code = app.walk(&browser, ("", ""), &[]).await.code.unwrap();
    let tokens = Tokens::of(&app.redeem(&code).await);
    let mut matrix = Matrix::new("TK-03 replay");
    let thief = App {
        secret: Some("wrong".into()),
        ..app.clone()
    };
    matrix.cell(
        "without the secret",
        thief.redeem(&code).await.code(),
        "invalid_client".to_owned(),
    );
    matrix.cell(
        "by another client",
        native.redeem(&code).await.code(),
        "invalid_grant".to_owned(),
    );
    for (what, more) in [
        ("with another verifier", ("code_verifier", "x".repeat(43))),
        ("without a verifier", ("code_verifier", String::new())),
        (
            "with another address",
            ("redirect_uri", "http://localhost:3000/other".to_owned()),
        ),
        ("without an address", ("redirect_uri", String::new())),
    ] {
        let answer = app.redeem_with(&code, &[(more.0, &more.1)]).await;
        matrix.cell(what, answer.code(), "invalid_grant".to_owned());
        matrix.cell(
            format!("{what}: the family lives"),
            app.refresh(tokens.refresh()).await.status,
            200,
        );
    }
    matrix.cell(
        "whole",
        app.redeem(&code).await.code(),
        "invalid_grant".to_owned(),
    );
    matrix.cell(
        "whole: the family has ended",
        app.refresh(tokens.refresh()).await.code(),
        "invalid_grant".to_owned(),
    );
    let resource_server = server.machine("demo-resource-server");
    matrix.cell(
        "whole: its token too",
        resource_server.introspect(&tokens.access).await.text,
        r#"{"active":false}"#.to_owned(),
    );
    let late = app.walk(&browser, ("", ""), &[]).await.code.unwrap();
    server.clock.advance(60_000);
    matrix.cell(
        "after a minute",
        app.redeem(&late).await.code(),
        "invalid_grant".to_owned(),
    );
    matrix.end();
    server.stop().await;
}

on_both_engines! {
    a_replay_that_is_otherwise_valid_ends_the_family_and_no_other_does,
}
