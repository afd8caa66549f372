//! The command line: `up` and `serve`; the operations on clients, resources, users, keys, events and the bus have a file
//! each.

mod audit;
mod backup;
mod bus;
mod clients;
mod common;
mod doctor;
mod events;
mod groups;
mod health;
mod import;
mod init;
mod invitations;
mod keys;
mod mail;
mod manual;
mod output;
mod people;
mod resources;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, CommandFactory, Parser, Subcommand};
use latchkey_clock::{Clock, Random};
use latchkey_http::outgoing::Destination;
use tokio::signal::unix::{Signal, SignalKind, signal};

use self::common::{AdminCommand, CliError, folders, logs, roles};
use crate::config::{Config, HandedOver, Manager, Role, Tls, environment};
use crate::error::StartError;
use crate::handed_over;
use crate::notify::{Notify, Word};
use crate::running::{Broken, Running};
use crate::start::{start, start_on};

#[derive(Parser)]
#[command(
    name = "latchkey",
    version,
    about = "A self-hosted identity provider and the services that it guards"
)]
struct Cli {
    /// Print the result of an operation as JSON
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    up: Up,
}

#[derive(Subcommand)]
enum Command {
    /// Starts everything on this machine, with demo users and courses (the default)
    Up(Up),
    /// Starts the named roles for production
    Serve(Serve),
    /// Asks roles that run here whether they are ready, and ends with 1 if one is not
    Health(health::Health),
    /// Says what is wrong with an installation and how to mend it, and changes nothing
    Doctor(doctor::Doctor),
    /// Writes the configuration that an installation needs before its first start
    Init(init::Init),
    /// Manages clients
    Client(AdminCommand<clients::ClientCommand>),
    /// Manages resources, the audiences of access tokens
    Resource(AdminCommand<resources::ResourceCommand>),
    /// Manages users
    User(AdminCommand<people::UserCommand>),
    /// Manages groups of users, and the roles that they give
    Group(AdminCommand<groups::GroupCommand>),
    /// Lists invitations, and takes them back
    Invitation(AdminCommand<invitations::InvitationCommand>),
    /// Imports people from other systems, with their password hashes
    Import(AdminCommand<import::ImportCommand>),
    /// Writes an encrypted copy of the whole installation to a file, beside whatever runs
    Backup(backup::Backup),
    /// Restores a backup into an empty installation, and ends every token of before
    Restore(backup::Restore),
    /// Shows and exports the audit trail
    Audit(AdminCommand<audit::AuditCommand>),
    /// Manages signing keys
    Key(AdminCommand<keys::KeyCommand>),
    /// Shows mails, and sends dead ones again
    Mail(AdminCommand<mail::MailCommand>),
    /// Works on events that could not be handled, and replays events of the past
    Events(AdminCommand<events::EventsCommand>),
    /// Prepares a broker for the event bus
    Bus(AdminCommand<bus::BusCommand>),
    /// Prints what completes command lines in a shell
    Completions(manual::Completions),
    /// Writes the manual pages of every command
    Man(manual::Man),
}

#[derive(Args, Clone, Debug, PartialEq)]
struct Up {
    /// The data folder
    #[arg(long, env = "LATCHKEY_DATA")]
    data: Option<PathBuf>,
    /// The folder of the master key
    #[arg(long)]
    keys: Option<PathBuf>,
    /// The port of the shop and the API
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// The port of the issuer
    #[arg(long, default_value_t = 8081)]
    identity_port: u16,
    /// The port of metrics and health checks
    #[arg(long, default_value_t = 8082)]
    admin_port: u16,
    /// The public URL of the issuer, if it is not http://localhost:<identity-port>
    #[arg(long)]
    issuer: Option<String>,
    /// A file that declares resources, clients and users; repeat for several
    #[arg(long)]
    seed: Vec<PathBuf>,
    /// Serve https with a certificate of a local authority in the data folder
    #[arg(long)]
    tls: bool,
    /// A destination that may be called although it is not public, such as "back-channel-logout localhost:3000"
    #[arg(long, value_name = "PURPOSE HOST:PORT", value_parser = Destination::parse)]
    allow_outgoing: Vec<Destination>,
    /// The log filter, such as info or latchkey_guard=debug
    #[arg(long, default_value = "warn")]
    log: String,
    /// The format of the log: auto, json or text
    #[arg(long, default_value = "auto", value_parser = log_format)]
    log_format: latchkey_telemetry::Format,
    /// The collector of traces, such as http://localhost:4318
    #[arg(long, value_name = "URL")]
    otlp_endpoint: Option<String>,
}

#[derive(Args)]
struct Serve {
    /// The roles to run; all of them if none is named
    #[arg(value_parser = roles())]
    roles: Vec<Role>,
    /// The configuration file
    #[arg(long)]
    config: Option<PathBuf>,
    /// A file that declares resources, clients and users; repeat for several
    #[arg(long)]
    seed: Vec<PathBuf>,
    /// Allow a seed to let a client introspect tokens of every audience
    #[arg(long)]
    allow_introspect_all: bool,
}

fn log_format(text: &str) -> Result<latchkey_telemetry::Format, &'static str> {
    latchkey_telemetry::Format::parse(text).ok_or("one of auto, json and text")
}

impl Cli {
    /// Whether options of `up` stand before a command that does not know of them. An operation has `--data` and `--keys`
    /// itself, and takes them at any place.
    fn has_misplaced_options(&self) -> bool {
        let Ok(Self { up: mut plain, .. }) = Self::try_parse_from(["latchkey"]) else {
            return false;
        };
        match self.command {
            None => return false,
            Some(
                Command::Up(_)
                | Command::Serve(_)
                | Command::Health(_)
                | Command::Doctor(_)
                | Command::Init(_)
                | Command::Backup(_)
                | Command::Restore(_)
                | Command::Completions(_)
                | Command::Man(_),
            ) => {}
            Some(
                Command::Client(_)
                | Command::Audit(_)
                | Command::Resource(_)
                | Command::User(_)
                | Command::Group(_)
                | Command::Invitation(_)
                | Command::Import(_)
                | Command::Key(_)
                | Command::Mail(_)
                | Command::Events(_)
                | Command::Bus(_),
            ) => {
                plain.data.clone_from(&self.up.data);
                plain.keys.clone_from(&self.up.keys);
            }
        }
        plain != self.up
    }
}

/// Runs the command line.
pub async fn run() -> ExitCode {
    let cli = Cli::parse();
    let (json, misplaced) = (cli.json, cli.has_misplaced_options());
    let done = match cli.command {
        Some(_) if misplaced => Err(CliError::Invalid(
            "options before the command belong to `latchkey up`; put them after the command".to_owned(),
        )),
        None | Some(Command::Up(_) | Command::Serve(_)) if json => Err(CliError::Invalid(
            "--json is for operations, such as `latchkey client list`".to_owned(),
        )),
        None => up(cli.up).await,
        Some(Command::Up(up_args)) => up(up_args).await,
        Some(Command::Serve(serve_args)) => serve(serve_args).await,
        Some(Command::Health(asked)) => health::run(asked, json).await,
        Some(Command::Doctor(doctor)) => doctor::run(doctor, json).await,
        Some(Command::Init(init)) => init::run(init, json),
        Some(Command::Client(admin)) => clients::run(admin, json).await,
        Some(Command::Resource(admin)) => resources::run(admin, json).await,
        Some(Command::User(admin)) => people::run(admin, json).await,
        Some(Command::Group(admin)) => groups::run(admin, json).await,
        Some(Command::Invitation(admin)) => invitations::run(admin, json).await,
        Some(Command::Import(admin)) => import::run(admin, json).await,
        Some(Command::Backup(asked)) => backup::run(asked, json).await,
        Some(Command::Restore(asked)) => backup::restore(asked, json).await,
        Some(Command::Audit(admin)) => audit::run(admin, json).await,
        Some(Command::Key(admin)) => keys::run(admin, json).await,
        Some(Command::Mail(admin)) => mail::run(admin, json).await,
        Some(Command::Events(admin)) => events::run(admin, json).await,
        Some(Command::Bus(admin)) => bus::run(admin, json).await,
        Some(Command::Completions(asked)) => manual::completions(&asked, Cli::command()),
        Some(Command::Man(asked)) => manual::pages(&asked, Cli::command()),
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
            latchkey_telemetry::say(&format!("latchkey: {text}"));
            ExitCode::from(error.code())
        }
    }
}

async fn up(up: Up) -> Result<(), CliError> {
    let (data, keys) = folders(up.data, up.keys);
    // The request id on an error page leads to a line of this file, whatever happened to the terminal.
    logs(&up.log, up.log_format, Some(&data.join("latchkey.log")))?;
    let mut config = Config::up(data, keys, [up.port, up.identity_port, up.admin_port]);
    config.issuer = up.issuer;
    config.seeds = up.seed;
    config.allow_outgoing = up.allow_outgoing;
    config.telemetry.otlp_endpoint = up.otlp_endpoint;
    if up.tls {
        config.tls = Tls::Local;
    }
    let data = config.data.clone();
    let running = start(config, Clock::system(), Random::system()).await?;
    let signals = StopSignals::new()?;
    greet(&running, &data);
    until_stopped(running, signals, &Notify::new(&Manager::default())).await
}

async fn serve(serve: Serve) -> Result<(), CliError> {
    let roles = if serve.roles.is_empty() {
        Role::all()
    } else {
        serve.roles
    };
    let mut config = Config::serve(roles, serve.config.as_deref(), &environment())?;
    config.seeds = serve.seed;
    config.allow_introspect_all = serve.allow_introspect_all;
    config.linger = LINGER;
    logs(&config.log, config.log_format, None)?;
    let log = config.revocation_log();
    let common = [&config[Role::Identity].database, &config.bus, &log];
    let shared = common.iter().any(|url| url.starts_with("sqlite:"));
    if shared && config.roles.len() < Role::all().len() {
        tracing::info!(
            "processes on this host share these SQLite files; roles on several hosts need postgres:, and a bus and a \
             revocation log that they can all reach"
        );
    }
    let notify = Notify::new(&Manager::of_process());
    // From the start on: a renewal of the certificate that comes before everything is ready must not end the process.
    let hangup = listen(SignalKind::hangup())?;
    let sockets = handed_over::sockets(&HandedOver::of_process(), &config).map_err(StartError::HandedOver)?;
    let running = start_on(sockets, config, Clock::system(), Random::system()).await?;
    let signals = StopSignals::new()?.and_reload(hangup);
    if let Some(identity) = &running.identity
        && let Some(link) = identity.invitations().first_administrator().await?
    {
        latchkey_telemetry::say(&format!(
            "There is no administrator yet. This link makes one, and is shown once: {link}"
        ));
    }
    say_ready("");
    notify.tell(Word::Ready);
    until_stopped(running, signals, &notify).await
}

fn greet(running: &Running, data: &Path) {
    let urls = &running.urls;
    let (shop, admin) = (
        urls.shop.as_deref().unwrap_or_default(),
        urls.admin.as_deref().unwrap_or_default(),
    );
    say_ready(&format!(
        "  shop     {shop}\n  API      {shop}/api/catalog/v1/courses\n  \
         issuer   {}/.well-known/openid-configuration\n  metrics  {admin}/metrics\n  \
         users, clients and their secrets: {}\n  warnings: {}\n",
        urls.issuer,
        data.join("demo.json").display(),
        data.join("latchkey.log").display()
    ));
}

/// A server must not depend on the reader of its standard output.
fn say_ready(before: &str) {
    if let Err(error) = output::put(&format!("{before}ready\n")) {
        tracing::warn!(reason = %error, "the ready line could not be written to standard output");
    }
}

/// What tells a server to stop, or to read again what can change. Asked for before anybody is told that it is ready: a
/// signal that comes first would end the process where it stands.
struct StopSignals {
    interrupt: Signal,
    terminate: Signal,
    /// Only under `serve`: `up` ends with its terminal.
    hangup: Option<Signal>,
}

impl StopSignals {
    fn new() -> Result<Self, CliError> {
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
            hangup: None,
        })
    }

    fn and_reload(self, hangup: Signal) -> Self {
        Self {
            hangup: Some(hangup),
            ..self
        }
    }
}

fn listen(kind: SignalKind) -> Result<Signal, CliError> {
    signal(kind).map_err(|error| CliError::Failed(error.to_string()))
}

async fn until_stopped(running: Running, mut signals: StopSignals, notify: &Notify) -> Result<(), CliError> {
    let done = loop {
        let reload = async {
            match &mut signals.hangup {
                Some(hangup) => hangup.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = signals.interrupt.recv() => break Ok(()),
            _ = signals.terminate.recv() => break Ok(()),
            _ = reload => {
                notify.tell(Word::Reloading);
                running.reload().await;
                notify.tell(Word::Ready);
            }
            () = notify.due() => notify.tell(Word::Alive),
            broken = running.broken() => break Err(match broken {
                Broken::Disk => CliError::Broken,
                Broken::Task(name) => CliError::Lost(name),
            }),
        }
    };
    notify.tell(Word::Stopping);
    running.stop().await;
    done
}

/// As long as a client under load needs to use each of its connections once more.
const LINGER: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    /// Generated ids are random texts: one in 64 begins with a hyphen.
    #[test]
    fn what_begins_with_a_hyphen_is_an_id_where_an_id_is_expected() {
        for words in [
            "key revoke ID",
            "client add ID",
            "client set ID --name x",
            "client show ID",
            "client rotate-secret ID",
            "client disable ID",
            "client enable ID",
            "client revoke-tokens ID",
            "client remove ID",
            "user add ID --email a@b.test",
            "user show ID",
            "user sign-ins ID",
            "user sign-out ID ID",
            "user disable ID",
            "user enable ID",
            "user lock ID",
            "user unlock ID",
            "user set-roles ID student",
            "user set-password ID",
            "user delete ID",
            "user approve ID",
            "mail retry ID",
            "events dead redrive ID ID",
            "events dead discard ID ID --reason x",
        ] {
            for id in [
                "-UQejy87bKvHbYMCnyy5S2XCfnVg-_bm8u47XSLtnWg",
                "-hV",
                "--json-not",
                "-",
            ] {
                let line = format!("latchkey {} --json", words.replace("ID", id));
                let parsed = Cli::try_parse_from(line.split(' '));
                let parsed = parsed.unwrap_or_else(|error| panic!("{line}: {error}"));
                assert!(
                    parsed.json && parsed.command.is_some(),
                    "{line}: a flag that is known stays one"
                );
            }
        }
    }

    #[test]
    fn json_is_asked_for_at_any_place_of_the_line() {
        for line in [
            "--json client list",
            "client --json list",
            "client list --json",
            "--json client show c",
            "client show c --json",
        ] {
            let parsed = Cli::try_parse_from(["latchkey"].into_iter().chain(line.split(' ')));
            let parsed = parsed.unwrap_or_else(|error| panic!("{line}: {error}"));
            assert!(parsed.json && !parsed.has_misplaced_options(), "{line}");
        }
    }

    #[test]
    fn options_of_up_before_another_command_are_not_ignored() {
        for (line, misplaced) in [
            ("--data elsewhere up", true),
            ("--data elsewhere serve", true),
            ("--port 9000 client list", true),
            ("--port 9000 up", true),
            ("--tls serve", true),
            ("client list --data elsewhere", false),
            ("up --port 9000", false),
            ("--port 9000", false),
            ("--json user list", false),
        ] {
            let parsed = Cli::try_parse_from(["latchkey"].into_iter().chain(line.split(' ')));
            let parsed = parsed.unwrap_or_else(|error| panic!("{line}: {error}"));
            assert_eq!(parsed.has_misplaced_options(), misplaced, "{line}");
        }
        for line in ["--data elsewhere client list", "client list --data elsewhere"] {
            let parsed = Cli::try_parse_from(["latchkey"].into_iter().chain(line.split(' ')));
            let parsed = parsed.unwrap_or_else(|error| panic!("{line}: {error}"));
            assert!(!parsed.has_misplaced_options(), "{line}");
            let Some(Command::Client(admin)) = parsed.command else {
                panic!("{line}");
            };
            assert_eq!(admin.data.as_deref(), Some(Path::new("elsewhere")), "{line}");
        }
    }
}
