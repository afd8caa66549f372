//! `cargo xtask topology`: the services of compose.yaml as plain processes on loopback. What the file says of command,
//! environment, dependencies and health is followed; the addresses of containers and the paths inside of them are
//! replaced, and each replacement is printed.

mod commands;
mod compose;
mod fleet;
mod images;
mod places;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::Ordering;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use compose::{Compose, Condition};
use fleet::{Fleet, Interrupt, PATIENCE, PAUSE, State};
use images::{Machine, Running};
use places::{Places, Replaced};

use crate::run::{self, Folder, cargo, cargo_target, workspace};

/// How often a process that fails is started, if the file wants it to be started again.
const MOST_STARTS: u32 = 4;

/// What is asked for.
#[derive(Default)]
struct Options {
    check: bool,
    commands: bool,
    seed: Option<PathBuf>,
    binary: Option<PathBuf>,
}

/// Starts everything; returns when it is interrupted, when all is healthy (`--check`), or when something fails.
pub fn run(arguments: &[String]) -> Result<(), String> {
    let options = options(arguments)?;
    let binary = match &options.binary {
        Some(binary) => binary.clone(),
        None => {
            run::run(cargo().args(["build", "--release", "--locked", "--package", "latchkey"]))?;
            cargo_target().join("release/latchkey")
        }
    };
    let compose = compose::read(&workspace().join("compose.yaml"))?;
    let seed = options.seed.as_deref().map(std::path::absolute).transpose();
    let seed = seed.map_err(|error| format!("--seed: {error}"))?;
    let folder = Folder::new("topology")?;
    let places = Places::new(&compose, &folder.0)?;
    init_secrets(&binary, &compose, &places)?;
    let interrupted = Interrupt::listen()?;
    let machine = Machine {
        compose: &compose,
        places: &places,
        binary: &binary,
        seed: seed.as_deref(),
    };
    let begun = Instant::now();
    let fleet = Fleet::default();
    let done = start_all(&machine, &fleet, interrupted).and_then(|()| {
        println!(
            "every service is healthy after {:.1} s",
            begun.elapsed().as_secs_f64()
        );
        for (what, value) in addresses(&compose, &places) {
            println!("{what} {value}");
        }
        if options.commands {
            commands::tell_places(&machine);
        }
        println!("ready");
        match (options.check, options.commands) {
            (true, _) => Ok(()),
            (false, true) => commands::obey(&machine, &fleet, interrupted),
            (false, false) => watch(&fleet, interrupted),
        }
    });
    fleet.stop();
    if done.is_err() {
        tell_logs(&compose, &places);
    }
    done
}

fn options(arguments: &[String]) -> Result<Options, String> {
    let mut options = Options::default();
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let mut value = || {
            rest.next()
                .map(PathBuf::from)
                .ok_or(format!("{argument} needs a file"))
        };
        match argument.as_str() {
            "--check" => options.check = true,
            "--commands" => options.commands = true,
            "--seed" => options.seed = Some(value()?),
            "--binary" => options.binary = Some(value()?),
            _ => {
                return Err(format!(
                    "{argument} is not known: --check, --commands, --seed FILE, --binary FILE"
                ));
            }
        }
    }
    Ok(options)
}

/// Makes the secrets for the addresses on loopback.
fn init_secrets(binary: &Path, compose: &Compose, places: &Places) -> Result<(), String> {
    let mut init = Command::new(binary);
    init.args(["init", "secrets"])
        .arg(places.folder().join("secrets"));
    for (what, value) in addresses(compose, places) {
        if what != "ca" {
            init.arg(format!("--{what}")).arg(value);
        }
    }
    run::run(init.env_clear().stdout(Stdio::null()))
}

/// The issuer, the origin of the shop, and the file of the authority.
fn addresses(compose: &Compose, places: &Places) -> Vec<(&'static str, String)> {
    let mut all = Vec::new();
    for (what, key) in [("issuer", "LATCHKEY_ISSUER"), ("origin", "LATCHKEY_ORIGIN")] {
        let mut services = compose.services.iter();
        let found = services.find_map(|(name, service)| Some((name, service, service.environment.get(key)?)));
        if let Some((name, service, url)) = found {
            all.push((what, places.here(name, service, url, &mut Replaced::new())));
        }
    }
    all.push(("ca", places.folder().join("secrets/ca.pem").display().to_string()));
    all
}

/// Starts every service when what it depends on allows it, and waits until all are healthy.
fn start_all(machine: &Machine<'_>, fleet: &Fleet, interrupted: Interrupt) -> Result<(), String> {
    let errors = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for name in machine.compose.services.keys() {
            let errors = &errors;
            scope.spawn(move || {
                if let Err(reason) = start_one(machine, fleet, name, interrupted) {
                    fleet.failed.store(true, Ordering::Release);
                    fleet.changed.notify_all();
                    if !reason.is_empty() {
                        let mut errors = errors.lock().unwrap_or_else(PoisonError::into_inner);
                        errors.push(format!("{name}: {reason}"));
                    }
                }
            });
        }
    });
    let errors = errors.into_inner().unwrap_or_else(PoisonError::into_inner);
    match errors.is_empty() {
        true => Ok(()),
        false => Err(errors.join("\n")),
    }
}

fn start_one(machine: &Machine<'_>, fleet: &Fleet, name: &str, interrupted: Interrupt) -> Result<(), String> {
    let service = &machine.compose.services[name];
    for (other, dependency) in &service.depends_on {
        fleet.wait(other, dependency.condition, interrupted)?;
    }
    let mut replaced = Replaced::new();
    let running = machine.start(name, &mut replaced)?;
    let lines: Vec<String> = replaced
        .iter()
        .map(|(from, to)| format!("{name}: {from} is {to}\n"))
        .collect();
    // In one piece: others print, too.
    println!("{}{name}: started", lines.concat());
    let mut running = Some(running);
    fleet.is(name, State::Started);
    let (begun, mut starts) = (Instant::now(), 1);
    let result = loop {
        let Some(process) = running.as_mut() else {
            break Ok(State::Started);
        };
        if let Some(ended) = process.ended() {
            let again = service.restart.is_some() && matches!(process, Running::Latchkey(_));
            if let (Err(reason), true) = (&ended, again && starts < MOST_STARTS) {
                println!("{name}: {reason}; it is started again");
                tell_log(machine.places, name);
                running = Some(machine.start(name, &mut Replaced::new())?);
                starts += 1;
                continue;
            }
            break ended.map(|()| State::Completed);
        }
        if service.healthcheck.disable || service.healthcheck.test.is_empty() {
            if waits_for_end(machine.compose, name) {
                std::thread::sleep(PAUSE);
                if begun.elapsed() > PATIENCE || interrupted.came() {
                    break Err("does not end".to_owned());
                }
                continue;
            }
            break Ok(State::Started);
        }
        match machine.is_healthy(name, process) {
            Ok(true) => break Ok(State::Healthy),
            Ok(false) => {}
            Err(reason) => break Err(reason),
        }
        if begun.elapsed() > PATIENCE || interrupted.came() || fleet.failed.load(Ordering::Acquire) {
            break Err("did not become healthy".to_owned());
        }
        std::thread::sleep(PAUSE);
    };
    if let Some(running) = running.take() {
        fleet.running().push((name.to_owned(), running));
    }
    match result? {
        State::Completed if service.healthcheck.test.is_empty() || service.healthcheck.disable => {
            println!("{name}: completed after {:.1} s", begun.elapsed().as_secs_f64());
            fleet.is(name, State::Completed);
            Ok(())
        }
        State::Completed => Err("ended instead of serving".to_owned()),
        State::Healthy => {
            println!("{name}: healthy after {:.1} s", begun.elapsed().as_secs_f64());
            fleet.is(name, State::Healthy);
            Ok(())
        }
        State::Started => Ok(()),
    }
}

/// Whether others wait for the end of a service.
fn waits_for_end(compose: &Compose, name: &str) -> bool {
    let mut all = compose
        .services
        .values()
        .filter_map(|service| service.depends_on.get(name));
    all.any(|dependency| dependency.condition == Condition::Completed)
}

/// Waits until it is interrupted or a service ends.
fn watch(fleet: &Fleet, interrupted: Interrupt) -> Result<(), String> {
    let states = fleet.states().clone();
    while !interrupted.came() {
        for (name, running) in fleet.running().iter_mut() {
            if states.get(name) != Some(&State::Completed) && running.ended().is_some() {
                return Err(format!("{name} has ended"));
            }
        }
        std::thread::sleep(PAUSE);
    }
    Ok(())
}

/// The last lines of what the services logged.
fn tell_logs(compose: &Compose, places: &Places) {
    for name in compose.services.keys() {
        tell_log(places, name);
    }
}

fn tell_log(places: &Places, name: &str) {
    let home = places.home(name);
    for file in [home.join("log"), home.join("node.d/out")] {
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        for line in lines.iter().skip(lines.len().saturating_sub(15)) {
            eprintln!("{name} | {line}");
        }
    }
}
