//! Commands to a running topology, each a line of its input, for whoever tries what it survives. What has ended is
//! started again, however often.
//!
//! | Command | What is done |
//! | --- | --- |
//! | `kill NAME` | ends a process of ours with SIGKILL |
//! | `restart NAME` | stops the broker in order |
//! | `crash NAME` | ends the broker with SIGKILL |

use std::io::BufRead;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Instant;

use super::fleet::{Fleet, Interrupt, PATIENCE, PAUSE};
use super::images::{Machine, Running};
use super::places::Replaced;

/// Says where everything is, for whoever gives commands.
pub fn tell_places(machine: &Machine<'_>) {
    println!("folder {}", machine.places.folder().display());
    for name in machine.compose.services.keys() {
        println!("port of {name} {}", machine.places.port(name));
    }
}

/// Does what the lines of the standard input say, until there are no more or it is interrupted.
pub fn obey(machine: &Machine<'_>, fleet: &Fleet, interrupted: Interrupt) -> Result<(), String> {
    let commands = lines();
    thread::scope(|scope| {
        while !interrupted.came() {
            match commands.recv_timeout(PAUSE) {
                Ok(line) => match line.split_once(' ') {
                    Some(("kill", name)) => kill(machine, fleet, name)?,
                    Some((how @ ("restart" | "crash"), name)) => {
                        let (name, in_order) = (name.to_owned(), how == "restart");
                        // It takes seconds, in which others are killed.
                        scope.spawn(move || {
                            if let Err(reason) = restart(machine, fleet, &name, in_order) {
                                println!("{name}: {reason}");
                                fleet.failed.store(true, Ordering::Release);
                            }
                        });
                    }
                    _ => return Err(format!("{line:?} is no command")),
                },
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            }
            if fleet.failed.load(Ordering::Acquire) {
                return Err("the broker was not started again".to_owned());
            }
            start_ended(machine, fleet)?;
        }
        Ok(())
    })
}

fn lines() -> Receiver<String> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

fn kill(machine: &Machine<'_>, fleet: &Fleet, name: &str) -> Result<(), String> {
    let mut running = fleet.running();
    let found = running.iter_mut().find(|(known, _)| known == name);
    let (_, process) = found.ok_or_else(|| format!("nothing runs as {name}"))?;
    process.kill().map_err(|reason| format!("{name}: {reason}"))?;
    *process = machine.start(name, &mut Replaced::new())?;
    println!("{name}: killed and started again");
    Ok(())
}

/// Starts what has ended by itself, such as a service that found no broker at its start.
fn start_ended(machine: &Machine<'_>, fleet: &Fleet) -> Result<(), String> {
    for (name, process) in fleet.running().iter_mut() {
        if machine.compose.services[name.as_str()].restart.as_deref() != Some("unless-stopped") {
            continue;
        }
        if let Some(ended) = process.ended() {
            let how = ended.err().unwrap_or_else(|| "ended".to_owned());
            *process = machine.start(name, &mut Replaced::new())?;
            println!("{name}: {how} by itself and is started again");
        }
    }
    Ok(())
}

/// Restarts the broker and waits until it is healthy.
fn restart(machine: &Machine<'_>, fleet: &Fleet, name: &str, in_order: bool) -> Result<(), String> {
    let begun = Instant::now();
    let taken = {
        let mut running = fleet.running();
        let at = running.iter().position(|(known, _)| known == name);
        at.map(|at| (at, running.remove(at).1))
    };
    let (at, mut broker) = taken.ok_or("it does not run")?;
    let restarted = match &mut broker {
        Running::Rabbit(broker) => broker.restart(in_order),
        Running::Latchkey(_) | Running::Postgres(_) => Err("it is no broker".to_owned()),
    };
    let healthy = restarted.and_then(|()| {
        while !machine.is_healthy(name, &broker)? {
            if begun.elapsed() > PATIENCE {
                return Err("it does not come back".to_owned());
            }
            thread::sleep(PAUSE);
        }
        Ok(())
    });
    fleet.running().insert(at, (name.to_owned(), broker));
    healthy?;
    println!("{name}: back after {:.1} s", begun.elapsed().as_secs_f64());
    Ok(())
}
