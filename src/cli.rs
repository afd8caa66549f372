//! The command line: `up`, `serve`, and the operations on clients, keys and events.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use latchkey_clock::{Clock, Random};
use latchkey_identity::{AdminError, ClientView, KeyView, NewClient, NewPerson, SeedError};
use latchkey_protocol::ClientId;
use latchkey_protocol::client::{Alg, Metadata};
use serde::Serialize;
use serde_json::json;

use crate::config::{Config, ConfigError, Role, Tls, environment};
use crate::operate::{open_bus, open_identity};
use crate::{Running, StartError, start};

/// What is recorded of operations from the command line.
const ACTOR: &str = "cli";

/// Exit codes, as in sysexits.h where it has one.
const INVALID: u8 = 2;
const FAILED: u8 = 1;
const BROKEN: u8 = 70;

#[derive(Parser)]
#[command(
    name = "latchkey",
    version,
    about = "A self-hosted identity provider and the services that it guards"
)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    up: Up,
}

#[derive(Subcommand)]
enum Command {
    /// Starts everything on this machine, with demo people and courses (the default)
    Up(Up),
    /// Starts the named roles for production
    Serve(Serve),
    /// Clients
    Client(Operate<ClientCommand>),
    /// People
    User(Operate<UserCommand>),
    /// Signing keys
    Key(Operate<KeyCommand>),
    /// Events that could not be handled
    Events(Operate<EventsCommand>),
}

#[derive(Args, Clone)]
struct Up {
    /// Where data lies
    #[arg(long, env = "LATCHKEY_DATA")]
    data: Option<PathBuf>,
    /// Where the master key lies
    #[arg(long)]
    keys: Option<PathBuf>,
    /// The edge's port
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// The issuer's port
    #[arg(long, default_value_t = 8081)]
    identity_port: u16,
    /// The operator's port: metrics and health
    #[arg(long, default_value_t = 8082)]
    admin_port: u16,
    /// The public issuer, when it is not http://localhost:<identity-port>
    #[arg(long)]
    issuer: Option<String>,
    /// A file that declares resources, clients and people
    #[arg(long)]
    seed: Vec<PathBuf>,
    /// Serve https with a certificate from an authority made in the data folder
    #[arg(long)]
    tls: bool,
    /// What to log, such as info or latchkey_guard=debug
    #[arg(long, default_value = "warn")]
    log: String,
}

#[derive(Args)]
struct Serve {
    /// The roles to play; all of them when none is named
    roles: Vec<Role>,
    /// The configuration file
    #[arg(long)]
    config: Option<PathBuf>,
    /// A file that declares resources, clients and people
    #[arg(long)]
    seed: Vec<PathBuf>,
    /// Lets a seed give a client every audience to introspect
    #[arg(long)]
    allow_introspect_all: bool,
}

#[derive(Args)]
struct Operate<C: Subcommand> {
    /// Where data lies
    #[arg(long, env = "LATCHKEY_DATA", global = true)]
    data: Option<PathBuf>,
    /// Where the master key lies
    #[arg(long, global = true)]
    keys: Option<PathBuf>,
    /// The configuration file of a production installation
    #[arg(long, global = true)]
    config: Option<PathBuf>,
    /// Print JSON
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: C,
}

#[derive(Subcommand)]
enum ClientCommand {
    /// Registers a client, or replaces what is registered
    Add(Box<AddClient>),
    /// Lists every client
    List,
    /// Shows one client
    Show {
        /// Its id
        id: String,
    },
    /// Makes a new secret; the old one is dead at once
    RotateSecret {
        /// Its id
        id: String,
    },
    /// Disables a client and ends its tokens
    Disable {
        /// Its id
        id: String,
    },
    /// Enables a client again
    Enable {
        /// Its id
        id: String,
    },
    /// Ends every token issued to a client until now
    RevokeTokens {
        /// Its id
        id: String,
    },
    /// Removes a client and ends its tokens
    Remove {
        /// Its id
        id: String,
    },
}

#[derive(Args)]
struct AddClient {
    /// Its id
    id: String,
    /// Its name for people
    #[arg(long)]
    name: Option<String>,
    /// none, client_secret_basic or client_secret_post
    #[arg(long, default_value = "client_secret_basic")]
    auth_method: String,
    /// web or native
    #[arg(long, default_value = "web")]
    application_type: String,
    /// A grant type; repeat for several
    #[arg(long = "grant")]
    grants: Vec<String>,
    /// A redirect URI; repeat for several
    #[arg(long = "redirect-uri")]
    redirect_uris: Vec<String>,
    /// Scopes, separated by spaces
    #[arg(long, default_value = "")]
    scope: String,
    /// A resource; repeat for several
    #[arg(long = "resource")]
    resources: Vec<String>,
    /// The resource of requests that name none
    #[arg(long)]
    default_resource: Option<String>,
    /// An audience whose tokens it may introspect; repeat for several
    #[arg(long = "may-introspect")]
    may_introspect: Vec<String>,
    /// ES256, EdDSA, RS256 or PS256
    #[arg(long)]
    access_token_alg: Option<String>,
}

#[derive(Subcommand)]
enum UserCommand {
    /// Creates a person; a password is made and shown once
    Add {
        /// The user name
        username: String,
        /// The e-mail address
        #[arg(long)]
        email: String,
        /// Their name for others
        #[arg(long)]
        name: Option<String>,
        /// A role; repeat for several
        #[arg(long = "role")]
        roles: Vec<String>,
        /// Read the password from standard input
        #[arg(long)]
        password_stdin: bool,
    },
    /// Lists everybody
    List,
    /// Shows one person, by id, user name or address
    Show {
        /// Who
        name: String,
    },
    /// Disables a person and ends their sessions and tokens
    Disable {
        /// Who
        name: String,
    },
    /// Enables a person again
    Enable {
        /// Who
        name: String,
    },
    /// Locks a person out until they are unlocked
    Lock {
        /// Who
        name: String,
    },
    /// Unlocks a person
    Unlock {
        /// Who
        name: String,
    },
    /// Replaces a person's roles
    SetRoles {
        /// Who
        name: String,
        /// The roles; none takes all away
        roles: Vec<String>,
    },
    /// Gives a person a new password and ends their sessions and tokens
    SetPassword {
        /// Who
        name: String,
        /// Read the password from standard input
        #[arg(long)]
        password_stdin: bool,
    },
    /// Removes a person and everything personal
    Delete {
        /// Who
        name: String,
    },
}

#[derive(Subcommand)]
enum KeyCommand {
    /// Lists every signing key
    List,
    /// Publishes the next key; it signs when every guard could have fetched it
    Rotate {
        /// ES256, EdDSA, RS256 or PS256
        #[arg(long, default_value = "ES256")]
        alg: String,
    },
    /// Makes the next key of refresh tokens; every token stays good
    RotateRefresh,
    /// Says that the database was restored from a backup: every refresh token of before ends, without an alarm
    Restored,
    /// Declares a key compromised: its tokens are refused at once
    Revoke {
        /// Its id
        kid: String,
    },
}

#[derive(Subcommand)]
enum EventsCommand {
    /// Lists events that a consumer could not handle
    Parked,
    /// Hands one of them to its consumer again
    Redrive {
        /// The consumer
        consumer: String,
        /// The event's id
        event_id: String,
    },
}

/// Why a command failed, and with which exit code.
#[derive(Debug, thiserror::Error)]
enum CliError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Start(#[from] StartError),
    #[error(transparent)]
    Admin(#[from] AdminError),
    #[error("{0}")]
    Invalid(String),
    #[error("{0}")]
    Failed(String),
    #[error("the database could not be written; start again to recover from its log")]
    Broken,
}

impl CliError {
    fn code(&self) -> u8 {
        match self {
            Self::Config(_)
            | Self::Start(StartError::Config(_) | StartError::Seed(SeedError::Invalid(_)))
            | Self::Admin(AdminError::Refused(_))
            | Self::Invalid(_) => INVALID,
            Self::Broken => BROKEN,
            Self::Start(_) | Self::Admin(AdminError::Inside(_)) | Self::Failed(_) => FAILED,
        }
    }
}

/// Reads the command line and does what it says.
pub async fn run() -> ExitCode {
    let cli = Cli::parse();
    let done = match cli.command {
        None => up(cli.up).await,
        Some(Command::Up(up_args)) => up(up_args).await,
        Some(Command::Serve(serve_args)) => serve(serve_args).await,
        Some(Command::Client(operate)) => clients(operate).await,
        Some(Command::User(operate)) => people(operate).await,
        Some(Command::Key(operate)) => keys(operate).await,
        Some(Command::Events(operate)) => events(operate).await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let mut cause: Option<&dyn std::error::Error> = Some(&error);
            let mut text = String::new();
            while let Some(error) = cause {
                let part = error.to_string();
                if !text.ends_with(&part) {
                    text = if text.is_empty() {
                        part
                    } else {
                        format!("{text}: {part}")
                    };
                }
                cause = error.source();
            }
            eprintln!("latchkey: {text}");
            ExitCode::from(error.code())
        }
    }
}

async fn up(up: Up) -> Result<(), CliError> {
    logs(&up.log)?;
    let (data, keys) = folders(up.data, up.keys);
    let mut config = Config::up(data, keys, [up.port, up.identity_port, up.admin_port]);
    config.issuer = up.issuer;
    config.seeds = up.seed;
    if up.tls {
        config.tls = Tls::Local;
    }
    let data = config.data.clone();
    let running = start(config, Clock::system(), Random::system()).await?;
    greet(&running, &data);
    until_stopped(running).await
}

async fn serve(serve: Serve) -> Result<(), CliError> {
    let roles = if serve.roles.is_empty() {
        Role::ALL.to_vec()
    } else {
        serve.roles
    };
    let mut config = Config::serve(roles, serve.config.as_deref(), &environment())?;
    config.seeds = serve.seed;
    config.allow_introspect_all = serve.allow_introspect_all;
    logs(&config.log)?;
    let shared = config.identity_database.starts_with("sqlite:") || config.bus.starts_with("sqlite:");
    if shared && config.roles.len() < Role::ALL.len() {
        tracing::info!(
            "roles in other processes on this host share these SQLite files; hosts apart need postgres: and a bus \
             that they can all reach"
        );
    }
    let running = start(config, Clock::system(), Random::system()).await?;
    println!("ready");
    until_stopped(running).await
}

fn logs(filter: &str) -> Result<(), CliError> {
    latchkey_telemetry::start_logs(filter, latchkey_telemetry::Format::Auto)
        .map_err(|reason| CliError::Invalid(format!("log filter: {reason}")))
}

/// `--keys`, or `keys` beside the data that was named, or `./keys`.
fn folders(data: Option<PathBuf>, keys: Option<PathBuf>) -> (PathBuf, PathBuf) {
    let keys = keys.or_else(|| data.as_ref().map(|data| data.join("keys")));
    (
        data.unwrap_or_else(|| PathBuf::from("data")),
        keys.unwrap_or_else(|| PathBuf::from("keys")),
    )
}

fn greet(running: &Running, data: &std::path::Path) {
    let urls = &running.urls;
    let (shop, admin) = (
        urls.shop.as_deref().unwrap_or_default(),
        urls.admin.as_deref().unwrap_or_default(),
    );
    println!("  shop     {shop}");
    println!("  API      {shop}/api/catalog/v1/courses");
    println!("  issuer   {}/.well-known/openid-configuration", urls.issuer);
    println!("  metrics  {admin}/metrics");
    println!(
        "  people, clients and their secrets: {}",
        data.join("demo.json").display()
    );
    println!("ready");
}

async fn until_stopped(running: Running) -> Result<(), CliError> {
    use tokio::signal::unix::{SignalKind, signal};
    let failed = |error: std::io::Error| CliError::Failed(error.to_string());
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let broken = tokio::select! {
        _ = interrupt.recv() => false,
        _ = terminate.recv() => false,
        () = running.broken() => true,
    };
    running.stop().await;
    if broken { Err(CliError::Broken) } else { Ok(()) }
}

impl<C: Subcommand> Operate<C> {
    fn config(&self) -> Result<Config, CliError> {
        latchkey_telemetry::start_logs("warn", latchkey_telemetry::Format::Auto)
            .map_err(CliError::Invalid)?;
        if self.config.is_some() {
            return Ok(Config::serve(
                Role::ALL.to_vec(),
                self.config.as_deref(),
                &environment(),
            )?);
        }
        let (data, keys) = folders(self.data.clone(), self.keys.clone());
        Ok(Config::up(data, keys, [8080, 8081, 8082]))
    }
}

async fn clients(operate: Operate<ClientCommand>) -> Result<(), CliError> {
    let identity = open_identity(&operate.config()?, Clock::system(), Random::system()).await?;
    let json = operate.json;
    match operate.command {
        ClientCommand::Add(add) => {
            let view = identity.put_client(add.into_client()?, ACTOR).await?;
            show_client(&view, json);
        }
        ClientCommand::List => {
            let all = identity.list_clients().await?;
            print(json, &all, || {
                for client in &all {
                    let state = if client.disabled_at.is_some() {
                        "  disabled"
                    } else {
                        ""
                    };
                    println!(
                        "{}  {}{state}",
                        client.metadata.client_id,
                        client.metadata.grant_types.join(" ")
                    );
                }
            });
        }
        ClientCommand::Show { id } => show_client(&identity.show_client(&parse_id(&id)?).await?, json),
        ClientCommand::RotateSecret { id } => {
            show_client(
                &identity.rotate_client_secret(&parse_id(&id)?, ACTOR).await?,
                json,
            );
        }
        ClientCommand::Disable { id } => {
            show_client(
                &identity.set_client_enabled(&parse_id(&id)?, false, ACTOR).await?,
                json,
            );
        }
        ClientCommand::Enable { id } => {
            show_client(
                &identity.set_client_enabled(&parse_id(&id)?, true, ACTOR).await?,
                json,
            );
        }
        ClientCommand::RevokeTokens { id } => {
            identity.revoke_client_tokens(&parse_id(&id)?, ACTOR).await?;
            print(json, &json!({ "revoked": id }), || {
                println!("every token of {id} issued until now has ended")
            });
        }
        ClientCommand::Remove { id } => {
            identity.remove_client(&parse_id(&id)?, ACTOR).await?;
            print(json, &json!({ "removed": id }), || println!("{id} is removed"));
        }
    }
    Ok(())
}

async fn people(operate: Operate<UserCommand>) -> Result<(), CliError> {
    let identity = open_identity(&operate.config()?, Clock::system(), Random::system()).await?;
    let json = operate.json;
    let view = match operate.command {
        UserCommand::Add {
            username,
            email,
            name,
            roles,
            password_stdin,
        } => {
            let claims = name
                .map(|name| ("name".to_owned(), serde_json::Value::from(name)))
                .into_iter()
                .collect();
            let password = password_of(password_stdin)?;
            identity
                .add_person(
                    NewPerson {
                        username,
                        email,
                        claims,
                        roles,
                        password,
                    },
                    ACTOR,
                )
                .await?
        }
        UserCommand::List => {
            let all = identity.list_people().await?;
            print(json, &all, || {
                for user in &all {
                    println!(
                        "{}  {}  {}  {}",
                        user.username,
                        user.email,
                        user.status,
                        user.roles.join(" ")
                    );
                }
            });
            return Ok(());
        }
        UserCommand::Show { name } => identity.show_person(&name).await?,
        UserCommand::Disable { name } => identity.set_person_enabled(&name, false, ACTOR).await?,
        UserCommand::Enable { name } => identity.set_person_enabled(&name, true, ACTOR).await?,
        UserCommand::Lock { name } => identity.set_person_locked(&name, true, ACTOR).await?,
        UserCommand::Unlock { name } => identity.set_person_locked(&name, false, ACTOR).await?,
        UserCommand::SetRoles { name, roles } => identity.set_person_roles(&name, roles, ACTOR).await?,
        UserCommand::SetPassword { name, password_stdin } => {
            identity
                .set_person_password(&name, password_of(password_stdin)?, ACTOR)
                .await?
        }
        UserCommand::Delete { name } => {
            identity.delete_person(&name, ACTOR).await?;
            print(json, &json!({ "deleted": name }), || {
                println!("{name} is deleted")
            });
            return Ok(());
        }
    };
    print(json, &view, || {
        println!("id        {}", view.id);
        println!("username  {}", view.username);
        println!("email     {}", view.email);
        println!("roles     {}", view.roles.join(" "));
        println!("status    {}", view.status);
        if let Some(password) = &view.password {
            println!("password  {password}   (shown once)");
        }
    });
    Ok(())
}

/// A line of standard input: a password is never an argument, where every process could read it.
fn password_of(from_stdin: bool) -> Result<Option<String>, CliError> {
    if !from_stdin {
        return Ok(None);
    }
    let mut line = String::new();
    std::io::stdin()
        .read_line(&mut line)
        .map_err(|error| CliError::Failed(error.to_string()))?;
    Ok(Some(line.trim_end_matches(['\r', '\n']).to_owned()))
}

async fn keys(operate: Operate<KeyCommand>) -> Result<(), CliError> {
    let identity = open_identity(&operate.config()?, Clock::system(), Random::system()).await?;
    let json = operate.json;
    let line = |key: &KeyView| {
        println!(
            "{}  {}  {}  {}",
            key.kid,
            key.alg,
            key.state,
            latchkey_clock::rfc3339(key.activates_at)
        );
    };
    match operate.command {
        KeyCommand::List => {
            let all = identity.list_keys().await?;
            print(json, &all, || all.iter().for_each(line));
        }
        KeyCommand::Rotate { alg } => {
            let alg = parse_alg(&alg)?;
            match identity.rotate_key(alg, ACTOR).await? {
                Some(key) => print(json, &key, || line(&key)),
                None => print(json, &json!(null), || {
                    println!("the next {} key is on its way already", alg.name())
                }),
            }
        }
        KeyCommand::RotateRefresh => {
            identity.rotate_refresh_key(ACTOR).await?;
            print(json, &json!({ "rotated": "refresh" }), || {
                println!("new refresh tokens are made with the next key; every other stays good")
            });
        }
        KeyCommand::Restored => {
            identity.restored(ACTOR).await?;
            print(json, &json!({ "ended": "refresh" }), || {
                println!("every refresh token of before the restore is ended; people sign in again")
            });
        }
        KeyCommand::Revoke { kid } => {
            identity.revoke_key(&kid, ACTOR).await?;
            print(json, &json!({ "revoked": kid }), || {
                println!("{kid} is revoked; another key signs now")
            });
        }
    }
    Ok(())
}

async fn events(operate: Operate<EventsCommand>) -> Result<(), CliError> {
    let bus = open_bus(&operate.config()?, Clock::system(), Random::system()).await?;
    let failed = |error: latchkey_bus::BusError| CliError::Failed(error.to_string());
    let json = operate.json;
    match operate.command {
        EventsCommand::Parked => {
            let all = bus.parked().await.map_err(failed)?;
            print(json, &all, || {
                for event in &all {
                    println!(
                        "{}  {}  {}  {}",
                        event.consumer, event.event_id, event.r#type, event.last_error
                    );
                }
            });
        }
        EventsCommand::Redrive { consumer, event_id } => {
            if !bus.redrive(&consumer, &event_id).await.map_err(failed)? {
                return Err(CliError::Invalid(format!(
                    "{consumer} has no parked event {event_id}"
                )));
            }
            print(json, &json!({ "redriven": event_id }), || {
                println!("{event_id} goes to {consumer} again")
            });
        }
    }
    Ok(())
}

impl AddClient {
    fn into_client(self) -> Result<NewClient, CliError> {
        let metadata = json!({
            "client_id": self.id,
            "client_name": self.name,
            "token_endpoint_auth_method": self.auth_method,
            "application_type": self.application_type,
            "grant_types": self.grants,
            "redirect_uris": self.redirect_uris,
            "scope": self.scope,
            "resources": self.resources,
            "default_resource": self.default_resource,
            "may_introspect": self.may_introspect,
            "access_token_signed_response_alg": self.access_token_alg,
        });
        let metadata: Metadata =
            serde_json::from_value(metadata).map_err(|error| CliError::Invalid(error.to_string()))?;
        Ok(NewClient {
            metadata,
            secret: None,
        })
    }
}

fn parse_id(text: &str) -> Result<ClientId, CliError> {
    ClientId::parse(text).ok_or_else(|| CliError::Invalid(format!("{text:?} cannot be a client id")))
}

fn parse_alg(text: &str) -> Result<Alg, CliError> {
    Alg::ALL
        .into_iter()
        .find(|alg| alg.name() == text)
        .ok_or_else(|| CliError::Invalid(format!("{text:?} is not ES256, EdDSA, RS256 or PS256")))
}

fn show_client(view: &ClientView, json: bool) {
    print(json, view, || {
        println!("client_id     {}", view.metadata.client_id);
        println!("grant_types   {}", view.metadata.grant_types.join(" "));
        println!("scope         {}", view.metadata.scope);
        println!("resources     {}", view.metadata.resources.join(" "));
        if let Some(secret) = &view.client_secret {
            println!("client_secret {secret}   (shown once)");
        }
        if view.disabled_at.is_some() {
            println!("disabled");
        }
    });
}

fn print<T: Serialize>(json: bool, value: &T, otherwise: impl FnOnce()) {
    match json {
        true => println!("{}", serde_json::to_string(value).unwrap_or_default()),
        false => otherwise(),
    }
}
