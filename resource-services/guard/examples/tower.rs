//! A plain tower service behind the guard, on any server that takes one. Its client's secret is in TASKS_SECRET.
#![expect(clippy::disallowed_methods, reason = "an example reads its own environment")]

use std::convert::Infallible;

use axum::body::Body;
use http::{Request, Response};
use latchkey_guard::{Access, Guard};
use tower::ServiceBuilder;
use tower::make::Shared;

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
    let service = ServiceBuilder::new().layer(guard.required()).service_fn(who_am_i);
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("listening on {}", listener.local_addr()?);
    Ok(axum::serve(listener, Shared::new(service)).await?)
}

async fn who_am_i(request: Request<Body>) -> Result<Response<Body>, Infallible> {
    // The layer has put it there: without a verified token this function is never called.
    let access = request.extensions().get::<Access>();
    let sub = access.map(Access::sub).unwrap_or_default();
    Ok(Response::new(Body::from(sub.to_owned())))
}
