//! The issuer as people and services see it: its discovery document, fetched where they fetch it.

use std::time::Instant;

use latchkey_clock::{Clock, http_date};

use super::facts::{Answer, Issuer};
use super::files;
use crate::config::{Config, Tls};
use crate::tls;

/// No discovery document is longer.
const LONGEST: usize = 256 * 1024;

/// Asks for the discovery document at the issuer's own URL, or at another one. `None` without either.
pub(super) async fn ask(config: &Config, outside: Option<&str>, clock: &Clock) -> Option<Issuer> {
    let expected = config.issuer.clone()?;
    let root = outside.unwrap_or(&expected).trim_end_matches('/').to_owned();
    let url = format!("{root}/.well-known/openid-configuration");
    let reached = fetch(config, &url, clock).await;
    Some(Issuer {
        url,
        expected,
        reached,
    })
}

async fn fetch(config: &Config, url: &str, clock: &Clock) -> Result<Answer, String> {
    // A certificate that cannot be used is a finding of its own; the issuer is asked all the same.
    // That of an ACME directory is public, and only the process that serves it may touch its folder.
    let material = match &config.tls {
        Tls::Acme(_) => tls::Material::default(),
        Tls::Off | Tls::Local | Tls::Files { .. } => {
            tls::material(config, Vec::new(), clock).unwrap_or_default()
        }
    };
    let client = material.outside_client().map_err(|error| error.to_string())?;
    let begun = Instant::now();
    let mut response = client
        .get(url)
        .send()
        .await
        .map_err(|error| latchkey_db::reasons(&error.without_url()))?;
    let took_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    let presented = response
        .extensions()
        .get::<reqwest::tls::TlsInfo>()
        .and_then(|info| info.peer_certificate())
        .map(<[u8]>::to_vec);
    let own = files::own_leaf(config);
    let status = response.status().as_u16();
    let date = response.headers().get(http::header::DATE);
    let date_ms = date.and_then(|date| http_date(date.to_str().ok()?));
    let mut body = Vec::new();
    while let Ok(Some(part)) = response.chunk().await {
        if body.len() + part.len() > LONGEST {
            break;
        }
        body.extend_from_slice(&part);
    }
    let document: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
    Ok(Answer {
        status,
        issuer: document["issuer"].as_str().map(str::to_owned),
        took_ms,
        date_ms,
        certificate_until_ms: presented.as_deref().and_then(files::until),
        certificate_is_ours: match (&presented, &own) {
            (Some(presented), Some(own)) => Some(presented[..] == own[..]),
            _ => None,
        },
    })
}
