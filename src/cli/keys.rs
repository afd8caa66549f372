//! Keys: `latchkey key`.

use clap::Subcommand;
use latchkey_clock::{Clock, Random};
use latchkey_identity::KeyView;
use latchkey_protocol::client::Alg;
use serde_json::json;

use super::common::{ACTOR, AdminCommand, CliError};
use super::output::{print, print_list};
use crate::offline_admin::open_identity;

#[derive(Subcommand)]
pub(super) enum KeyCommand {
    /// Lists all signing keys
    List,
    /// Publishes the next key; it signs once every guard can have fetched it
    Rotate {
        /// The algorithm: ES256, EdDSA, RS256 or PS256
        #[arg(long, default_value = "ES256")]
        alg: String,
    },
    /// Generates the next key for refresh tokens; existing tokens stay valid
    RotateRefresh,
    /// Records that the database was restored from a backup: revokes every earlier refresh token without an alarm,
    /// and makes every receiver of revocations load a new snapshot
    Restored,
    /// Declares a key compromised: its tokens are rejected at once
    Revoke {
        /// The kid of the key
        #[arg(allow_hyphen_values = true)]
        kid: String,
    },
}

pub(super) async fn run(admin: AdminCommand<KeyCommand>, json: bool) -> Result<(), CliError> {
    let identity = open_identity(&admin.config()?, Clock::system(), Random::system()).await?;
    let line = |key: &KeyView| {
        format!(
            "{}  {}  {}  {}\n",
            key.kid,
            key.alg,
            key.state,
            latchkey_clock::rfc3339(key.activates_at)
        )
    };
    match admin.command {
        KeyCommand::List => {
            let all = identity.keys().list().await?;
            print_list(json, &all, "signing keys", line)
        }
        KeyCommand::Rotate { alg } => {
            let alg = parse_alg(&alg)?;
            match identity.keys().rotate(alg, ACTOR).await? {
                Some(key) => print(json, &key, || line(&key)),
                None => print(json, &json!(null), || {
                    format!("the next {} key is already published\n", alg.name())
                }),
            }
        }
        KeyCommand::RotateRefresh => {
            identity.keys().rotate_refresh(ACTOR).await?;
            print(json, &json!({ "rotated": "refresh" }), || {
                "new refresh tokens are made with a new key; existing ones stay valid\n".to_owned()
            })
        }
        KeyCommand::Restored => {
            identity.restored(ACTOR).await?;
            print(json, &json!({ "ended": "refresh" }), || {
                "every refresh token issued before the restore is revoked; users must sign in again\n\
                 guards and receivers of the feed load a new snapshot of the revocations\n"
                    .to_owned()
            })
        }
        KeyCommand::Revoke { kid } => {
            identity.keys().revoke(&kid, ACTOR).await?;
            print(json, &json!({ "revoked": kid }), || {
                format!("{kid} is revoked; another key signs from now on\n")
            })
        }
    }
}

fn parse_alg(text: &str) -> Result<Alg, CliError> {
    Alg::ALL
        .into_iter()
        .find(|alg| alg.name() == text)
        .ok_or_else(|| CliError::Invalid(format!("{text:?} is not ES256, EdDSA, RS256 or PS256")))
}
