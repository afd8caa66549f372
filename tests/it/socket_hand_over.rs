//! Sockets that are handed over, what is refused of them, and what the service manager is told.

use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;

use crate::harness::{Process, anonymous, free_port};

/// What a service manager says of the socket that it hands over.
struct Told {
    pid: &'static str,
    count: &'static str,
    names: Option<&'static str>,
}

const RIGHT: Told = Told {
    pid: "$$",
    count: "1",
    names: Some("identity"),
};

/// `latchkey serve identity` with this socket as its first one.
fn command(folder: &Path, socket: OwnedFd, told: &Told) -> Command {
    let mut command = Command::new("sh");
    let script = format!(
        "exec 3<&0 </dev/null; export LISTEN_PID={}; exec \"$0\" \"$@\"",
        told.pid
    );
    command
        .args(["-c", &script, env!("CARGO_BIN_EXE_latchkey")])
        .args(["serve", "identity", "--config", "latchkey.toml"])
        .env("LISTEN_FDS", told.count)
        .current_dir(folder)
        .kill_on_drop(true);
    if let Some(names) = told.names {
        command.env("LISTEN_FDNAMES", names);
    }
    command
        .stdin(Stdio::from(socket))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn configure(folder: &Path, port: u16) {
    let text = format!("issuer = \"http://localhost:{port}\"\nidentity_listen = \"127.0.0.1:{port}\"\n");
    std::fs::write(folder.join("latchkey.toml"), text).unwrap();
}

#[tokio::test]
async fn what_is_no_socket_of_this_process_stops_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let listener = || TcpListener::bind("127.0.0.1:0").unwrap();
    let right = listener();
    let port = right.local_addr().unwrap().port();
    configure(at, port);
    let unix = UnixListener::bind(at.join("unix")).unwrap();
    let connected = TcpStream::connect(right.local_addr().unwrap()).unwrap();
    let file = std::fs::File::open(at.join("latchkey.toml")).unwrap();
    let cases: [(OwnedFd, Told, &str); 7] = [
        (unix.into(), RIGHT, "the socket for identity cannot be used"),
        (file.into(), RIGHT, "the socket for identity cannot be used"),
        (connected.into(), RIGHT, "it does not listen"),
        (listener().into(), RIGHT, "its sockets are at 127.0.0.1:"),
        (listener().into(), Told { names: None, ..RIGHT }, "without names"),
        (
            listener().into(),
            Told {
                names: Some("catalog"),
                ..RIGHT
            },
            "no role of this process",
        ),
        (
            listener().into(),
            Told {
                count: "4000000000",
                ..RIGHT
            },
            "LISTEN_FDS is",
        ),
    ];
    for (socket, told, reason) in cases {
        let running = command(at, socket, &told).output();
        let output = tokio::time::timeout(Duration::from_secs(40), running)
            .await
            .expect("it ends by itself")
            .unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{reason}: {stderr}");
        assert!(stderr.contains(reason), "{reason}: {stderr}");
    }
}

#[tokio::test]
async fn a_socket_that_is_meant_for_another_process_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (at, own) = (folder.path(), free_port());
    configure(at, own);
    let theirs = TcpListener::bind("127.0.0.1:0").unwrap();
    let told = Told { pid: "1", ..RIGHT };
    let command = command(at, theirs.try_clone().unwrap().into(), &told);
    let process = Process::start(command, at.join("data")).await;
    let url = format!("http://127.0.0.1:{own}/readyz");
    assert_eq!(anonymous(&url).await.status, 200, "it binds as it is configured");
    assert!(process.logged().contains("meant for another process"));
    process.interrupt().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_manager_is_told_and_open_requests_are_finished() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = socket.local_addr().unwrap().port();
    configure(at, port);
    let manager = UnixDatagram::bind(at.join("notify")).unwrap();
    manager.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let mut command = command(at, socket.try_clone().unwrap().into(), &RIGHT);
    command
        .env("NOTIFY_SOCKET", at.join("notify"))
        .env("WATCHDOG_USEC", "200000");
    let process = Process::start(command, at.join("data")).await;
    let mut buffer = [0; 200];
    // Words of the watchdog come in between.
    let mut hear = move |word: &str| loop {
        let length = manager
            .recv(&mut buffer)
            .unwrap_or_else(|error| panic!("{word}: {error}"));
        let told = String::from_utf8_lossy(&buffer[..length]).into_owned();
        if told.starts_with(word) {
            return told;
        }
        assert_eq!(told, "WATCHDOG=1", "instead of {word}");
    };
    hear("READY=1");
    hear("WATCHDOG=1");
    process.signal("-HUP").await;
    assert!(hear("RELOADING=1").contains("\nMONOTONIC_USEC="));
    hear("READY=1");

    // One request whose body has not come, and one connection that is idle.
    let mut open = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let head = format!(
        "POST /token HTTP/1.1\r\nhost: localhost:{port}\r\ncontent-type: application/x-www-form-urlencoded\r\n\
         content-length: 18\r\n\r\n"
    );
    open.write_all(head.as_bytes()).await.unwrap();
    let mut idle = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let get = format!("GET /healthz HTTP/1.1\r\nhost: localhost:{port}\r\n\r\n");
    let mut piece = [0; 4096];
    idle.write_all(get.as_bytes()).await.unwrap();
    let first = idle.read(&mut piece).await.unwrap();
    let text = String::from_utf8_lossy(&piece[..first]).to_ascii_lowercase();
    assert!(
        text.starts_with("http/1.1 200") && !text.contains("connection: close"),
        "{text}"
    );

    let stopping = tokio::spawn(process.interrupt());
    hear("STOPPING=1");
    open.write_all(b"grant_type=unknown").await.unwrap();
    let mut answer = String::new();
    open.read_to_string(&mut answer).await.unwrap();
    let answer = answer.to_ascii_lowercase();
    assert!(
        answer.starts_with("http/1.1 4") && answer.contains("connection: close"),
        "{answer}"
    );
    // The word may come before the listeners have heard of it: one more request at most is answered as ever.
    let mut told = false;
    for _ in 0..100 {
        idle.write_all(get.as_bytes()).await.unwrap();
        let length = idle.read(&mut piece).await.unwrap();
        let text = String::from_utf8_lossy(&piece[..length]).to_ascii_lowercase();
        assert!(text.starts_with("http/1.1 200"), "{text}");
        told = text.contains("connection: close");
        if told {
            break;
        }
    }
    assert!(told, "the idle connection is told to close");
    assert_eq!(stopping.await.unwrap().code, Some(0));
}
