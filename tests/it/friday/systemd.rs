//! What systemd does of the page's units, without one.

use std::fs;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use super::page::Operator;
use crate::harness::{AUTHORITY, Process};

/// What systemd does for the two units: it keeps the socket, starts the command, and waits for its word.
pub struct Systemd {
    at: PathBuf,
    socket: TcpListener,
    manager: UnixDatagram,
    notify: PathBuf,
    command: Vec<String>,
}

impl Systemd {
    /// By the files that stand beside those of the package.
    pub fn of(operator: &Operator) -> Self {
        let read = |unit: &str| {
            let path = operator.path(&format!("/etc/systemd/system/latchkey.{unit}.d/friday.conf"));
            fs::read_to_string(path).unwrap()
        };
        let last = |text: String, key: &str| {
            let mut lines = text.lines().filter_map(|line| line.strip_prefix(key));
            lines.next_back().expect("the key").to_owned()
        };
        let command = last(read("service"), "ExecStart=");
        let mut words = command.split(' ').map(str::to_owned);
        assert_eq!(words.next().as_deref(), Some("/usr/bin/latchkey"));
        let notify = operator.at.join(format!("notify-{}", operator.typed));
        let manager = UnixDatagram::bind(&notify).unwrap();
        manager.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        Self {
            at: operator.at.clone(),
            socket: TcpListener::bind(last(read("socket"), "ListenStream=")).unwrap(),
            manager,
            notify,
            command: words.collect(),
        }
    }

    pub async fn start(&self, data: PathBuf) -> Process {
        let socket: OwnedFd = self.socket.try_clone().unwrap().into();
        let mut command = Command::new("sh");
        command
            .args([
                "-c",
                "exec 3<&0 </dev/null; export LISTEN_PID=$$; exec \"$0\" \"$@\"",
            ])
            .arg(env!("CARGO_BIN_EXE_latchkey"))
            .args(&self.command)
            .env("LISTEN_FDS", "1")
            .env("LISTEN_FDNAMES", "identity")
            .env("NOTIFY_SOCKET", &self.notify)
            .env("SSL_CERT_FILE", self.at.join(AUTHORITY))
            .current_dir(&self.at)
            .kill_on_drop(true)
            .stdin(Stdio::from(socket))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let process = Process::start(command, data).await;
        let mut buffer = [0; 200];
        loop {
            let length = self.manager.recv(&mut buffer).expect("it says that it is ready");
            if buffer[..length].starts_with(b"READY=1") {
                return process;
            }
        }
    }
}
