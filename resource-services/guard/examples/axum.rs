//! An axum API behind the guard. Its client's secret is in TASKS_SECRET:
//! `TASKS_SECRET=… cargo run --example axum -- http://localhost:8081 https://tasks.example.test tasks-api 127.0.0.1:3000`
#![expect(clippy::disallowed_methods, reason = "an example reads its own environment")]

use axum::Router;
use axum::routing::{get, post};
use latchkey_guard::{Access, Guard, Scoped, scopes};

scopes! { pub TasksWrite = "tasks.write"; }

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [issuer, audience, client, address] = arguments.as_slice() else {
        return Err("usage: ISSUER AUDIENCE CLIENT_ID ADDRESS".into());
    };
    let secret = std::env::var("TASKS_SECRET")?;
    let guard = Guard::connect(issuer, audience)
        .client(client, secret)
        .start()
        .await?;
    let app: Router = Router::new()
        .route("/me", get(async |access: Access| access.sub().to_owned()))
        .route("/tasks", post(async |_: Scoped<TasksWrite>| "kept"))
        .layer(guard.required());
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("listening on {}", listener.local_addr()?);
    Ok(axum::serve(listener, app).await?)
}
