//! A stand-in of a collector of traces: it takes OTLP over HTTP in protobuf and keeps what it was told.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use http::{HeaderMap, StatusCode};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use tokio::net::TcpListener;

/// What the stand-in does with an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    /// Takes it.
    Takes,
    /// Takes it and never answers.
    Hangs,
    /// Answers with what is no protobuf, and with more than anybody wants to read.
    Babbles,
    /// Is out of order.
    Fails,
}

#[derive(Clone)]
pub struct CollectorStandIn {
    pub url: String,
    told: Arc<Mutex<Vec<Bytes>>>,
    mood: Mood,
}

impl CollectorStandIn {
    pub async fn start() -> Self {
        Self::in_mood(Mood::Takes).await
    }

    pub async fn in_mood(mood: Mood) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let address = listener.local_addr().expect("its address");
        let stand_in = Self {
            url: format!("http://{address}"),
            told: Arc::default(),
            mood,
        };
        let router = Router::new()
            .route("/v1/traces", post(take))
            .with_state(stand_in.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        stand_in
    }

    /// Everything that was sent, as it came.
    pub fn bytes(&self) -> Vec<u8> {
        self.told.lock().expect("no panic").concat()
    }

    pub fn spans(&self) -> Vec<Span> {
        let told = self.told.lock().expect("no panic").clone();
        let requests = told
            .into_iter()
            .map(|body| ExportTraceServiceRequest::decode(body).expect("an export of spans"));
        let resources = requests.flat_map(|request| request.resource_spans);
        let scopes = resources.flat_map(|resource| resource.scope_spans);
        scopes.flat_map(|scope| scope.spans).collect()
    }
}

/// The text of an attribute, or an empty one.
pub fn attribute(span: &Span, name: &str) -> String {
    let found = span.attributes.iter().find(|attribute| attribute.key == name);
    match found.and_then(|attribute| attribute.value.as_ref()?.value.as_ref()) {
        Some(Value::StringValue(text)) => text.clone(),
        Some(Value::IntValue(number)) => number.to_string(),
        _ => String::new(),
    }
}

async fn take(State(stand_in): State<CollectorStandIn>, headers: HeaderMap, body: Bytes) -> Response {
    assert_eq!(headers["content-type"], "application/x-protobuf");
    stand_in.told.lock().expect("no panic").push(body);
    match stand_in.mood {
        Mood::Takes => StatusCode::OK.into_response(),
        Mood::Hangs => std::future::pending().await,
        Mood::Babbles => vec![0xff_u8; 1024 * 1024].into_response(),
        Mood::Fails => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}
