//! Clients: `latchkey client`.

use std::time::Duration;

use clap::{Args, Subcommand};
use latchkey_clock::{Clock, Random};
use latchkey_identity::NewClient;
use latchkey_protocol::ClientId;
use latchkey_protocol::client::Metadata;
use serde_json::{Map, Value, json};

use super::common::{ACTOR, AdminCommand, CliError};
use super::output::{print, print_list, print_record};
use crate::offline_admin::open_identity;

/// The longest overlap of two secrets of one client: thirty days.
const LONGEST_OVERLAP_S: u64 = 30 * 24 * 3_600;

#[derive(Subcommand)]
pub(super) enum ClientCommand {
    /// Registers a client under an unused id
    Add(Box<AddClient>),
    /// Changes the given fields of a client and leaves all others as they are
    Set(Box<SetClient>),
    /// Lists all clients
    List,
    /// Shows one client
    Show {
        /// The id of the client
        #[arg(allow_hyphen_values = true)]
        id: String,
    },
    /// Generates a new secret; the old one stops working at once, or after --overlap
    RotateSecret {
        /// The id of the client
        #[arg(allow_hyphen_values = true)]
        id: String,
        /// How many seconds the old secret stays valid
        #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u64).range(..=LONGEST_OVERLAP_S))]
        overlap: u64,
    },
    /// Disables a client and revokes its tokens
    Disable {
        /// The id of the client
        #[arg(allow_hyphen_values = true)]
        id: String,
    },
    /// Enables a disabled client
    Enable {
        /// The id of the client
        #[arg(allow_hyphen_values = true)]
        id: String,
    },
    /// Revokes every token issued to a client so far
    RevokeTokens {
        /// The id of the client
        #[arg(allow_hyphen_values = true)]
        id: String,
    },
    /// Removes a client and revokes its tokens
    Remove {
        /// The id of the client
        #[arg(allow_hyphen_values = true)]
        id: String,
    },
}

#[derive(Args)]
pub(super) struct AddClient {
    /// The id of the client
    #[arg(allow_hyphen_values = true)]
    id: String,
    #[command(flatten)]
    fields: Fields,
}

#[derive(Args)]
pub(super) struct SetClient {
    /// The id of the client
    #[arg(allow_hyphen_values = true)]
    id: String,
    #[command(flatten)]
    fields: Fields,
    /// A field to remove from the registration; repeat for several
    #[arg(long, value_name = "NAME")]
    unset: Vec<String>,
}

// Every field of a registration. Repeatable options replace the whole list. No doc comment: it would become the help of
// the command that contains them.
#[derive(Args)]
struct Fields {
    /// The name that users see
    #[arg(long)]
    name: Option<String>,
    /// The home page that users see
    #[arg(long)]
    uri: Option<String>,
    /// none, client_secret_basic (the default) or client_secret_post
    #[arg(long)]
    auth_method: Option<String>,
    /// web (the default) or native
    #[arg(long)]
    application_type: Option<String>,
    /// A grant type; repeat for several
    #[arg(long = "grant")]
    grants: Vec<String>,
    /// A response type; repeat for several
    #[arg(long = "response-type")]
    response_types: Vec<String>,
    /// A redirect URI; repeat for several
    #[arg(long = "redirect-uri")]
    redirect_uris: Vec<String>,
    /// A URI the browser may be sent to after a sign-out; repeat for several
    #[arg(long = "post-logout-redirect-uri")]
    post_logout_redirect_uris: Vec<String>,
    /// Scopes, separated by spaces
    #[arg(long)]
    scope: Option<String>,
    /// A resource; repeat for several
    #[arg(long = "resource")]
    resources: Vec<String>,
    /// The resource of requests that name no resource
    #[arg(long)]
    default_resource: Option<String>,
    /// false only for a confidential client that cannot do PKCE
    #[arg(long, value_name = "BOOL")]
    require_pkce: Option<bool>,
    /// An origin whose pages may call the token endpoint; repeat for several
    #[arg(long = "allowed-origin")]
    allowed_origins: Vec<String>,
    /// An audience whose tokens the client may introspect; repeat for several
    #[arg(long = "may-introspect")]
    may_introspect: Vec<String>,
    /// "SUBJECT_RESOURCE RESOURCE SCOPE…": what tokens for the first resource may be exchanged for; repeat for several
    #[arg(long = "token-exchange", value_name = "RULE")]
    token_exchange: Vec<String>,
    /// Whether refresh tokens rotate; the default depends on the kind of client
    #[arg(long, value_name = "BOOL")]
    rotate_refresh_tokens: Option<bool>,
    /// How long the previous refresh token is still accepted
    #[arg(long)]
    refresh_overlap_seconds: Option<u32>,
    /// once: repeats a lost response to a native client one time
    #[arg(long)]
    lost_answer: Option<String>,
    /// alert or end: the consequence of three retries in a row
    #[arg(long)]
    overlap_streak: Option<String>,
    /// Whether access tokens for a resource are also valid at userinfo
    #[arg(long, value_name = "BOOL")]
    userinfo_audience: Option<bool>,
    /// The security profile: fapi2
    #[arg(long)]
    profile: Option<String>,
    /// The signature algorithm of ID tokens: ES256, EdDSA, RS256 or PS256
    #[arg(long)]
    id_token_alg: Option<String>,
    /// The signature algorithm of access tokens: ES256, EdDSA, RS256 or PS256
    #[arg(long)]
    access_token_alg: Option<String>,
    /// The least authentication context class of a sign-in: urn:latchkey:acr:mfa or phr
    #[arg(long)]
    required_acr: Option<String>,
    /// The day until which a user without a second step may put it off, such as 2027-01-31
    #[arg(long)]
    enrol_by: Option<String>,
    /// Whether people may create an account on the way to the client (the default)
    #[arg(long, value_name = "BOOL")]
    registration: Option<bool>,
    /// The URI at which the client starts a sign-in by itself
    #[arg(long)]
    initiate_login_uri: Option<String>,
    /// The URI that receives logout tokens
    #[arg(long)]
    backchannel_logout_uri: Option<String>,
    /// Whether logout tokens must contain a sid
    #[arg(long, value_name = "BOOL")]
    backchannel_logout_session_required: Option<bool>,
    /// Any other field of RFC 7591 or OpenID Connect Registration, with JSON or text; repeat for several
    #[arg(long = "field", value_name = "NAME=VALUE")]
    others: Vec<String>,
}

pub(super) async fn run(admin: AdminCommand<ClientCommand>, json: bool) -> Result<(), CliError> {
    let identity = open_identity(&admin.config()?, Clock::system(), Random::system()).await?;
    let view = match admin.command {
        ClientCommand::Add(add) => {
            let mut all = add.fields.into_changes()?;
            all.insert("client_id".to_owned(), add.id.into());
            let metadata: Metadata = serde_json::from_value(Value::Object(all))
                .map_err(|error| CliError::Invalid(error.to_string()))?;
            let new = NewClient {
                metadata,
                secret: None,
            };
            identity.clients().add(new, ACTOR).await?
        }
        ClientCommand::Set(set) => {
            let mut changes = set.fields.into_changes()?;
            changes.extend(set.unset.into_iter().map(|name| (name, Value::Null)));
            if changes.is_empty() {
                return Err(CliError::Invalid("name at least one field to change".to_owned()));
            }
            identity
                .clients()
                .set(&parse_id(&set.id)?, changes, ACTOR)
                .await?
        }
        ClientCommand::List => {
            let all = identity.clients().list().await?;
            return print_list(json, &all, "clients", |client| {
                let state = client.disabled_at.map_or("", |_| "  disabled");
                let metadata = &client.metadata;
                format!(
                    "{}  {}{state}\n",
                    metadata.client_id,
                    metadata.grant_types.join(" ")
                )
            });
        }
        ClientCommand::Show { id } => identity.clients().show(&parse_id(&id)?).await?,
        ClientCommand::RotateSecret { id, overlap } => {
            let overlap = Duration::from_secs(overlap);
            identity
                .clients()
                .rotate_secret_over(&parse_id(&id)?, overlap, ACTOR)
                .await?
        }
        ClientCommand::Disable { id } => {
            identity
                .clients()
                .set_enabled(&parse_id(&id)?, false, ACTOR)
                .await?
        }
        ClientCommand::Enable { id } => {
            identity
                .clients()
                .set_enabled(&parse_id(&id)?, true, ACTOR)
                .await?
        }
        ClientCommand::RevokeTokens { id } => {
            identity.clients().revoke_tokens(&parse_id(&id)?, ACTOR).await?;
            return print(json, &json!({ "revoked": id }), || {
                format!("every token issued to {id} so far is revoked\n")
            });
        }
        ClientCommand::Remove { id } => {
            identity.clients().remove(&parse_id(&id)?, ACTOR).await?;
            return print(json, &json!({ "removed": id }), || format!("{id} is removed\n"));
        }
    };
    print_record(json, &view)
}

impl Fields {
    /// The given fields, by their names in the registration.
    fn into_changes(self) -> Result<Map<String, Value>, CliError> {
        let mut changes = Map::new();
        for other in &self.others {
            let (name, value) = other
                .split_once('=')
                .ok_or_else(|| CliError::Invalid(format!("--field takes NAME=VALUE, not {other:?}")))?;
            // A value that is not JSON is text that needs no quotes.
            let value = serde_json::from_str(value).unwrap_or_else(|_| Value::from(value));
            changes.insert(name.to_owned(), value);
        }
        let texts = [
            ("client_name", self.name),
            ("client_uri", self.uri),
            ("token_endpoint_auth_method", self.auth_method),
            ("application_type", self.application_type),
            ("scope", self.scope),
            ("default_resource", self.default_resource),
            ("lost_answer", self.lost_answer),
            ("overlap_streak", self.overlap_streak),
            ("profile", self.profile),
            ("id_token_signed_response_alg", self.id_token_alg),
            ("access_token_signed_response_alg", self.access_token_alg),
            ("required_acr", self.required_acr),
            ("enrol_by", self.enrol_by),
            ("initiate_login_uri", self.initiate_login_uri),
            ("backchannel_logout_uri", self.backchannel_logout_uri),
        ];
        let lists = [
            ("grant_types", self.grants),
            ("response_types", self.response_types),
            ("redirect_uris", self.redirect_uris),
            ("post_logout_redirect_uris", self.post_logout_redirect_uris),
            ("resources", self.resources),
            ("allowed_origins", self.allowed_origins),
            ("may_introspect", self.may_introspect),
        ];
        let switches = [
            ("require_pkce", self.require_pkce),
            ("rotate_refresh_tokens", self.rotate_refresh_tokens),
            ("userinfo_audience", self.userinfo_audience),
            ("registration", self.registration),
            (
                "backchannel_logout_session_required",
                self.backchannel_logout_session_required,
            ),
        ];
        let overlap = self.refresh_overlap_seconds.map(Value::from);
        let rules = self.token_exchange.iter().map(|rule| exchange_rule(rule));
        let rules: Vec<Value> = rules.collect::<Result<_, _>>()?;
        let rules = (!rules.is_empty()).then(|| Value::from(rules));
        let texts = texts
            .into_iter()
            .map(|(name, text)| (name, text.map(Value::from)));
        let lists = lists
            .into_iter()
            .map(|(name, list)| (name, (!list.is_empty()).then(|| Value::from(list))));
        let switches = switches.into_iter().map(|(name, on)| (name, on.map(Value::from)));
        let all = texts.chain(lists).chain(switches);
        let others = [("refresh_overlap_seconds", overlap), ("token_exchange", rules)];
        for (name, value) in all.chain(others) {
            if let Some(value) = value {
                changes.insert(name.to_owned(), value);
            }
        }
        Ok(changes)
    }
}

/// Two resources and scopes of the second one, separated by spaces, as a rule of the registration.
fn exchange_rule(text: &str) -> Result<Value, CliError> {
    let mut words = text.split_whitespace();
    match (words.next(), words.next(), words.collect::<Vec<_>>().join(" ")) {
        (Some(subject), Some(resource), scope) if !scope.is_empty() => {
            Ok(json!({ "subject_resource": subject, "resource": resource, "scope": scope }))
        }
        _ => Err(CliError::Invalid(format!(
            "--token-exchange takes two resources and scopes of the second one, not {text:?}"
        ))),
    }
}

fn parse_id(text: &str) -> Result<ClientId, CliError> {
    ClientId::parse(text).ok_or_else(|| CliError::Invalid(format!("{text:?} is not a valid client id")))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        fields: Fields,
    }

    /// A field without a flag of its own is given by `--field`; every field of a registration is reachable.
    #[test]
    fn every_name_of_a_registration_can_be_said_on_the_command_line() {
        let line = "x --name N --uri https://c.test/ --auth-method none --application-type native --grant g \
            --response-type code --redirect-uri https://c.test/cb --post-logout-redirect-uri https://c.test/out \
            --scope openid --resource urn:x --default-resource urn:x --require-pkce false \
            --allowed-origin https://c.test --may-introspect urn:x --rotate-refresh-tokens true \
            --refresh-overlap-seconds 7 --lost-answer once --overlap-streak end --userinfo-audience true \
            --profile fapi2 --id-token-alg ES256 --access-token-alg PS256 --initiate-login-uri https://c.test/in \
            --backchannel-logout-uri https://c.test/bc --backchannel-logout-session-required true \
            --required-acr urn:latchkey:acr:mfa --enrol-by 2027-01-31 --registration false";
        let rule = ["--token-exchange", "urn:x urn:y  y.read y.write"];
        let line = Line::try_parse_from(line.split_whitespace().chain(rule));
        let changes = line
            .unwrap_or_else(|error| panic!("{error}"))
            .fields
            .into_changes();
        let changes = changes.unwrap();
        assert_eq!(
            changes["token_exchange"],
            json!([{ "subject_resource": "urn:x", "resource": "urn:y", "scope": "y.read y.write" }])
        );
        for bad in ["", "urn:x", "urn:x urn:y"] {
            let line = Line::try_parse_from(["x", "--token-exchange", bad]);
            let line = line.unwrap_or_else(|error| panic!("{error}"));
            assert!(line.fields.into_changes().is_err(), "{bad:?}");
        }
        let unsaid: Vec<&str> = Metadata::BUILT
            .into_iter()
            .filter(|name| !["client_id", "policy"].contains(name) && !changes.contains_key(*name))
            .collect();
        assert_eq!(unsaid, Vec::<&str>::new());

        let line = [
            "x",
            "--field",
            "contacts=[\"a@c.test\"]",
            "--field",
            "policy_uri=https://c.test/p?a=b",
        ];
        let line = Line::try_parse_from(line).unwrap_or_else(|error| panic!("{error}"));
        let changes = Value::Object(line.fields.into_changes().unwrap());
        let expected = json!({ "contacts": ["a@c.test"], "policy_uri": "https://c.test/p?a=b" });
        assert_eq!(changes, expected, "and nothing that was not said");
    }
}
