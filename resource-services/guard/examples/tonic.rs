//! A gRPC service of tonic behind the guard: the layer stands before its router. Its client's secret is in TASKS_SECRET.
//!
//! A refusal is an HTTP status with `WWW-Authenticate`, which clients of gRPC read as UNAUTHENTICATED or
//! PERMISSION_DENIED. The service is written by hand because nothing here should need `protoc`; a generated one is used
//! the same way.
#![expect(clippy::disallowed_methods, reason = "an example reads its own environment")]

use std::convert::Infallible;
use std::task::{Context, Poll};

use bytes::{Buf, BufMut};
use futures::future::BoxFuture;
use latchkey_guard::{Access, Guard};
use tonic::Status;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::server::{Grpc, NamedService, UnaryService};
use tonic::service::Routes;
use tower_service::Service;

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
    let app = Routes::new(Notes).into_axum_router().layer(guard.required());
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("listening on {}", listener.local_addr()?);
    Ok(axum::serve(listener, app).await?)
}

/// `notes.Notes/WhoAmI`
#[derive(Clone)]
struct Notes;

impl NamedService for Notes {
    const NAME: &'static str = "notes.Notes";
}

impl Service<http::Request<tonic::body::Body>> for Notes {
    type Response = http::Response<tonic::body::Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<tonic::body::Body>) -> Self::Future {
        Box::pin(async move { Ok(Grpc::new(Bytes).unary(WhoAmI, request).await) })
    }
}

struct WhoAmI;

impl UnaryService<Vec<u8>> for WhoAmI {
    type Response = Vec<u8>;
    type Future = BoxFuture<'static, Result<tonic::Response<Vec<u8>>, Status>>;

    fn call(&mut self, request: tonic::Request<Vec<u8>>) -> Self::Future {
        Box::pin(async move {
            let access = request.extensions().get::<Access>();
            let access = access.ok_or_else(|| Status::internal("there is no guard before this service"))?;
            Ok(tonic::Response::new(access.sub().as_bytes().to_vec()))
        })
    }
}

/// Messages as they are, instead of generated ones.
struct Bytes;

impl Codec for Bytes {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Bytes {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, item: Vec<u8>, into: &mut EncodeBuf<'_>) -> Result<(), Status> {
        into.put_slice(&item);
        Ok(())
    }
}

impl Decoder for Bytes {
    type Item = Vec<u8>;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        let mut item = vec![0; from.remaining()];
        from.copy_to_slice(&mut item);
        Ok(Some(item))
    }
}
