//! What runs instead of a container's image: the built binary, and the PostgreSQL and the RabbitMQ of this machine.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::compose::{Compose, Service};
use super::places::{Places, Replaced};
use crate::postgres::{self, hand_over, program};
use crate::rabbitmq::Broker;
use crate::run::run;

/// How long a process may take to end by itself.
const PATIENCE: Duration = Duration::from_secs(40);

/// A running service; it stops when it is dropped.
pub enum Running {
    Latchkey(Child),
    Postgres(Database),
    Rabbit(Broker),
}

/// A PostgreSQL.
pub struct Database {
    programs: PathBuf,
    data: PathBuf,
}

/// What all services have in common.
pub struct Machine<'a> {
    pub compose: &'a Compose,
    pub places: &'a Places,
    /// The built `latchkey`.
    pub binary: &'a Path,
    /// What the issuer is told beside its own seed.
    pub seed: Option<&'a Path>,
}

impl Machine<'_> {
    /// Starts a service, and notes what was replaced in its settings. A process may still be starting.
    pub fn start(&self, name: &str, replaced: &mut Replaced) -> Result<Running, String> {
        let service = &self.compose.services[name];
        let home = self.places.home(name);
        let told = |error: std::io::Error| format!("{}: {error}", home.display());
        fs::create_dir_all(home.join("tmp")).map_err(told)?;
        for config in &service.configs {
            let content = self.compose.configs.get(&config.source);
            let content = content.ok_or_else(|| format!("{name}: there is no config {}", config.source))?;
            let here = self.places.here(name, service, &content.content, replaced);
            fs::write(home.join(&config.source), here).map_err(told)?;
        }
        match service.image.split(':').next() {
            Some("postgres") => self
                .postgres(name, service, &home, replaced)
                .map(Running::Postgres),
            Some("rabbitmq") => self.rabbit(name, service, &home, replaced).map(Running::Rabbit),
            _ if service.image.contains("latchkey") => {
                let mut command = self.latchkey(name, service, replaced);
                command.args(
                    service
                        .command
                        .iter()
                        .map(|word| self.places.here(name, service, word, replaced)),
                );
                let seeded = service.command.iter().any(|word| word == "--seed");
                if let (Some(seed), true) = (self.seed, seeded) {
                    // It is a file of this machine, whose path is not replaced.
                    println!("{name}: --seed {} is added", seed.display());
                    command.arg("--seed").arg(seed);
                }
                // One that is started again goes on with it.
                let log = fs::OpenOptions::new()
                    .create(true)
                    .append(true)
                    .open(home.join("log"))
                    .map_err(told)?;
                let errors = log.try_clone().map_err(told)?;
                let child = command.stdout(log).stderr(errors).spawn();
                child.map(Running::Latchkey).map_err(told)
            }
            _ => Err(format!(
                "{name}: nothing here stands for the image {}",
                service.image
            )),
        }
    }

    /// The binary with the environment of a service.
    fn latchkey(&self, name: &str, service: &Service, replaced: &mut Replaced) -> Command {
        let mut command = Command::new(self.binary);
        command
            .env_clear()
            .current_dir(self.places.home(name))
            .process_group(0)
            .stdin(Stdio::null());
        for (key, value) in &service.environment {
            command.env(key, self.places.here(name, service, value, replaced));
        }
        if self.seed.is_some() {
            // The people of a seed sign in by programs, which show no second step.
            command.env("LATCHKEY_ADMINISTRATORS_REQUIRED_ACR", "none");
        }
        command
    }

    /// The image's own entry point in short: a new cluster with the superuser's password, the scripts of its folder, and
    /// the server with the options of the command.
    fn postgres(
        &self,
        name: &str,
        service: &Service,
        home: &Path,
        replaced: &mut Replaced,
    ) -> Result<Database, String> {
        let told = |path: &Path, error: std::io::Error| format!("{}: {error}", path.display());
        let (programs, port) = (postgres::programs()?, self.places.port(name));
        hand_over(home)?;
        for config in &service.configs {
            hand_over(&home.join(&config.source))?;
        }
        let secrets = home.join("secrets");
        copied(service, self.places.folder(), &secrets)?;
        let data = home.join("data");
        let password = service.environment.get("POSTGRES_PASSWORD_FILE");
        let password = password.ok_or_else(|| format!("{name}: POSTGRES_PASSWORD_FILE is not set"))?;
        let password = PathBuf::from(self.places.here(name, service, password, replaced));
        let mut initdb = program(&programs, "initdb");
        initdb.arg("-D").arg(&data);
        initdb.args(["-A", "scram-sha-256", "-U", "postgres", "-E", "UTF8", "--no-sync"]);
        initdb.arg("--locale=C.UTF-8").arg("--pwfile").arg(&password);
        run(initdb.current_dir(home).stdout(Stdio::null()))?;
        let mut options = format!(
            "-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={}",
            home.display()
        );
        for word in service.command.iter().skip(1) {
            options += &format!(" {}", self.places.here(name, service, word, replaced));
        }
        let mut start = program(&programs, "pg_ctl");
        start.arg("-D").arg(&data).arg("-l").arg(home.join("log"));
        start.args(["-w", "-t", "60", "-o", &options, "start"]);
        run(start.current_dir(home).stdout(Stdio::null()))?;
        let database = Database { programs, data };
        let secret = fs::read_to_string(&password).map_err(|error| told(&password, error))?;
        let scripts = service
            .configs
            .iter()
            .filter(|config| config.target.starts_with("/docker-entrypoint-initdb.d/"));
        for script in scripts {
            let mut shell = Command::new("sh");
            shell
                .arg("-e")
                .arg(home.join(&script.source))
                .env("PGHOST", home)
                .env("PGPORT", port.to_string())
                .env("PGPASSWORD", secret.trim());
            run(shell.current_dir(home).stdout(Stdio::null()))?;
        }
        Ok(database)
    }

    fn rabbit(
        &self,
        name: &str,
        service: &Service,
        home: &Path,
        replaced: &mut Replaced,
    ) -> Result<Broker, String> {
        let mut configuration = String::new();
        for config in &service.configs {
            let path = home.join(&config.source);
            configuration +=
                &fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        }
        let port = self.places.port(name);
        let (from, to) = ("= 5671".to_owned(), format!("= 127.0.0.1:{port}"));
        if !configuration.contains(&from) {
            return Err(format!("{name}: its configuration has no port 5671"));
        }
        let configuration = configuration.replace(&from, &to);
        replaced.insert(from, to);
        Broker::spawn(&home.join("node.d"), port, Some(&configuration))
    }

    /// Asks a service for its health, as the file says.
    pub fn is_healthy(&self, name: &str, running: &Running) -> Result<bool, String> {
        let service = &self.compose.services[name];
        let mut replaced = Replaced::new();
        let (asked, arguments) = match &service.healthcheck.test[..] {
            [kind, asked, arguments @ ..] if kind == "CMD" => (asked, arguments),
            _ => return Err("its health check is not CMD and a command".to_owned()),
        };
        let mut command = match running {
            Running::Latchkey(_) => self.latchkey(name, service, &mut replaced),
            Running::Postgres(database) => {
                let beside = database.programs.join(asked);
                let mut command = match beside.exists() {
                    true => Command::new(beside),
                    false => Command::new(asked),
                };
                command.env("PGPORT", self.places.port(name).to_string());
                command
            }
            Running::Rabbit(broker) => {
                let mut command = Command::new(broker.node());
                command.args(["run", asked]);
                command
            }
        };
        command.args(arguments);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let status = command.status().map_err(|error| format!("{asked}: {error}"))?;
        Ok(status.success())
    }
}

/// Copies the secrets of a service to where its process may read them.
fn copied(service: &Service, folder: &Path, to: &Path) -> Result<(), String> {
    let told = |path: &Path, error: std::io::Error| format!("{}: {error}", path.display());
    let source = service
        .volumes
        .iter()
        .find_map(|volume| volume.strip_prefix("./"));
    let source = source
        .and_then(|volume| volume.split(':').next())
        .unwrap_or_default();
    let from = folder.join(source);
    fs::create_dir_all(to).map_err(|error| told(to, error))?;
    hand_over(to)?;
    for entry in fs::read_dir(&from).map_err(|error| told(&from, error))? {
        let path = entry.map_err(|error| told(&from, error))?.path();
        let copy = to.join(path.file_name().unwrap_or_default());
        fs::copy(&path, &copy).map_err(|error| told(&path, error))?;
        fs::set_permissions(&copy, fs::Permissions::from_mode(0o600)).map_err(|error| told(&copy, error))?;
        hand_over(&copy)?;
    }
    Ok(())
}

impl Running {
    /// Whether the process has ended: with success, or how else.
    pub fn ended(&mut self) -> Option<Result<(), String>> {
        match self {
            Self::Latchkey(child) => match child.try_wait() {
                Ok(None) => None,
                Ok(Some(status)) if status.success() => Some(Ok(())),
                Ok(Some(status)) => Some(Err(format!("ended with {status}"))),
                Err(error) => Some(Err(error.to_string())),
            },
            Self::Postgres(_) | Self::Rabbit(_) => None,
        }
    }

    /// Ends a process of ours with SIGKILL, and waits until it is gone.
    pub fn kill(&mut self) -> Result<(), String> {
        match self {
            Self::Latchkey(child) => {
                let killed = child.kill().and_then(|()| child.wait());
                killed.map(drop).map_err(|error| error.to_string())
            }
            Self::Postgres(_) | Self::Rabbit(_) => Err("it is no process of ours".to_owned()),
        }
    }

    /// Asks the process to end. Dropping it waits.
    pub fn ask_to_stop(&mut self) {
        if let Self::Latchkey(child) = self
            // The number of one that has ended may be somebody else's by now.
            && matches!(child.try_wait(), Ok(None))
        {
            let _it_has_ended = Command::new("kill")
                .args(["-TERM", &child.id().to_string()])
                .stderr(Stdio::null())
                .status();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.ask_to_stop();
        if let Self::Latchkey(child) = self {
            let begun = Instant::now();
            while matches!(child.try_wait(), Ok(None)) {
                if begun.elapsed() > PATIENCE {
                    eprintln!("process {} does not stop and is killed", child.id());
                    let _it_has_ended = child.kill();
                    let _status = child.wait();
                    return;
                }
                std::thread::sleep(Duration::from_millis(20));
            }
        }
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let mut stop = program(&self.programs, "pg_ctl");
        stop.arg("-D")
            .arg(&self.data)
            .args(["-m", "immediate", "-w", "stop"]);
        let home = self.data.parent().unwrap_or(&self.data).to_owned();
        if let Err(reason) = run(stop.current_dir(home).stdout(Stdio::null())) {
            eprintln!("the PostgreSQL of the topology may still run: {reason}");
        }
    }
}
