//! The shop alone, over a catalog that runs elsewhere: `cargo run -p latchkey-storefront --example shop -- PORT CATALOG`.

use latchkey_storefront::{Storefront, router};
use latchkey_web::Origins;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let (Some(port), Some(catalog)) = (args.next(), args.next()) else {
        return Err("usage: shop PORT http://127.0.0.1:…/catalog/v1".into());
    };
    let port: u16 = port.parse()?;
    let _already = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let client = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()?;
    let origins = Origins::new([
        format!("http://localhost:{port}"),
        format!("http://127.0.0.1:{port}"),
    ]);
    let shop = Storefront::new(&catalog, client, origins)?;
    let bound = latchkey_http::Bound::loopback(port).await?;
    let hosts = latchkey_http::Hosts::loopback(bound.port());
    let server = latchkey_http::Server::new("storefront", hosts, latchkey_clock::Random::system());
    server
        .serve(bound, router(shop), tokio_util::sync::CancellationToken::new())
        .await;
    Ok(())
}
