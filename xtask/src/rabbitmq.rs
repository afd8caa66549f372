//! A private RabbitMQ: installed where it is missing and we may, on free ports, in a folder of its own.

use std::fs::OpenOptions;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::postgres::free_port;
use crate::run::{is_root, output, run};
use crate::tools;

/// What runs a node.
const NODE: &str = include_str!("rabbitmq.sh");
/// A node starts within ten seconds; a busy machine may take its time.
const PATIENCE: Duration = Duration::from_secs(90);

/// A running broker; it stops when it is dropped.
pub struct Broker {
    node: PathBuf,
    port: u16,
    /// In a group of processes of its own.
    apart: bool,
    process: Child,
}

impl Broker {
    /// Starts one below `folder`.
    pub fn start(folder: &Path) -> Result<Self, String> {
        let mut broker = Self::spawn(&folder.join("rabbitmq"), free_port()?, None)?;
        broker.wait()?;
        Ok(broker)
    }

    /// Starts one in this folder, with this configuration if there is one, and does not wait for it.
    pub fn spawn(home: &Path, port: u16, configuration: Option<&str>) -> Result<Self, String> {
        install()?;
        let told = |error: std::io::Error| format!("{}: {error}", home.display());
        std::fs::create_dir_all(home).map_err(told)?;
        let node = home.join("node");
        if let Some(text) = configuration {
            std::fs::write(home.join("rabbitmq.conf"), text).map_err(told)?;
        }
        std::fs::write(&node, NODE).map_err(told)?;
        std::fs::set_permissions(&node, std::fs::Permissions::from_mode(0o755)).map_err(told)?;
        let ports = format!("{port} {} {}\n", free_port()?, free_port()?);
        std::fs::write(home.join("ports"), ports).map_err(told)?;
        // Who waits for an interrupt stops it in order; the terminal must not be faster.
        let apart = configuration.is_some();
        let process = serve(&node, apart)?;
        Ok(Self {
            node,
            port,
            apart,
            process,
        })
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("amqp://guest:guest@127.0.0.1:{}/%2f", self.port)
    }

    /// The script that runs it; a copy of it in another folder runs another one.
    pub fn node(&self) -> &Path {
        &self.node
    }

    /// Ends it, in order or with SIGKILL, and starts it again with all that it has kept. Does not wait for it.
    pub fn restart(&mut self, in_order: bool) -> Result<(), String> {
        let how = if in_order { "stop" } else { "crash" };
        run(Command::new(&self.node).arg(how).stderr(Stdio::null()))?;
        self.process.wait().map_err(|error| error.to_string())?;
        self.process = serve(&self.node, self.apart)?;
        Ok(())
    }

    fn wait(&mut self) -> Result<(), String> {
        let begun = Instant::now();
        while !answers(self.port) {
            let ended = self.process.try_wait().map_err(|error| error.to_string())?;
            if ended.is_some() || begun.elapsed() > PATIENCE {
                let said = self.node.with_file_name("out");
                let said = std::fs::read_to_string(said).unwrap_or_default();
                return Err(format!("the private RabbitMQ did not start: {said}"));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let stopped = run(Command::new(&self.node).arg("stop").stderr(Stdio::null()));
        if let Err(reason) = stopped.and_then(|()| self.process.wait().map(drop).map_err(|e| e.to_string())) {
            eprintln!("the private RabbitMQ may still run: {reason}");
        }
    }
}

/// Starts a node; what it says is added to the file `out` beside it.
fn serve(node: &Path, apart: bool) -> Result<Child, String> {
    let told = |error: std::io::Error| format!("{}: {error}", node.display());
    let out = OpenOptions::new()
        .create(true)
        .append(true)
        .open(node.with_file_name("out"))
        .map_err(told)?;
    let mut serve = Command::new(node);
    serve.arg("serve").stdin(Stdio::null());
    serve.stderr(out.try_clone().map_err(told)?).stdout(out);
    if apart {
        serve.process_group(0);
    }
    serve.spawn().map_err(told)
}

/// True when a broker answers the first bytes of AMQP 0-9-1.
fn answers(port: u16) -> bool {
    let asked = || -> std::io::Result<usize> {
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        stream.write_all(b"AMQP\0\0\x09\x01")?;
        stream.read(&mut [0; 8])
    };
    asked().is_ok_and(|bytes| bytes > 0)
}

fn is_there() -> bool {
    std::fs::read_dir("/usr/lib/rabbitmq/lib").is_ok_and(|entries| {
        entries
            .flatten()
            .any(|entry| entry.path().join("sbin/rabbitmq-server").exists())
    })
}

fn install() -> Result<(), String> {
    if is_there() {
        return Ok(());
    }
    tools::apt(&["rabbitmq-server"])?;
    // The programs alone are wanted, not a broker of the machine's own.
    if is_root() {
        let _not_there = output(Command::new("systemctl").args(["disable", "--now", "rabbitmq-server"]));
    }
    match is_there() {
        true => Ok(()),
        false => Err("RabbitMQ was installed and cannot be found".to_owned()),
    }
}
