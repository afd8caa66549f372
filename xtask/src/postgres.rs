//! A private PostgreSQL: installed where it is missing and we may, on a free port, in a folder of its own.

use std::collections::BTreeSet;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::TcpListener;
use std::ops::Range;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

use crate::run::{is_root, output, run};
use crate::tools;

/// A running server; it stops when it is dropped.
pub struct Server {
    programs: PathBuf,
    data: PathBuf,
    port: u16,
}

impl Server {
    /// Starts one below `folder`.
    pub fn start(folder: &Path) -> Result<Self, String> {
        Self::start_with(folder, &[])
    }

    /// The same for tests, which kill processes and never the machine: it does not wait for the disk, and keeps little
    /// of its log, since each test has databases of its own.
    pub fn for_tests(folder: &Path) -> Result<Self, String> {
        Self::start_with(
            folder,
            &["fsync=off", "full_page_writes=off", "max_wal_size=256MB"],
        )
    }

    fn start_with(folder: &Path, settings: &[&str]) -> Result<Self, String> {
        let programs = programs()?;
        let home = folder.join("postgres");
        std::fs::create_dir_all(&home).map_err(|error| format!("{}: {error}", home.display()))?;
        hand_over(&home)?;
        let data = home.join("data");
        let port = free_port()?;
        let server = Self { programs, data, port };
        let mut initdb = program(&server.programs, "initdb");
        initdb.arg("-D").arg(&server.data);
        initdb.args([
            "-A",
            "trust",
            "-U",
            "latchkey",
            "-E",
            "UTF8",
            "--locale=C.UTF-8",
            "--no-sync",
        ]);
        run(initdb.current_dir(&home).stdout(Stdio::null()))?;
        let mut options = format!(
            "-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={} -c max_connections=400",
            home.display()
        );
        for setting in settings {
            options.push_str(" -c ");
            options.push_str(setting);
        }
        let mut start = program(&server.programs, "pg_ctl");
        start
            .arg("-D")
            .arg(&server.data)
            .arg("-l")
            .arg(home.join("log"))
            .args(["-w", "-t", "30", "-o"]);
        run(start
            .arg(options)
            .arg("start")
            .current_dir(&home)
            .stdout(Stdio::null()))?;
        Ok(server)
    }

    /// What its log has of its own troubles: a full disk, a process of it that was killed. A test that fails meanwhile
    /// says only that the server was away.
    pub fn troubles(&self) -> Vec<String> {
        let log = self.data.with_file_name("log");
        let text = std::fs::read_to_string(log).unwrap_or_default();
        let lines = text
            .lines()
            .filter(|line| TROUBLES.iter().any(|word| line.contains(word)));
        lines.take(MOST_TROUBLES).map(str::to_owned).collect()
    }

    /// A URL of the server; its database exists.
    pub fn url(&self) -> String {
        format!("postgres://latchkey@127.0.0.1:{}/postgres", self.port)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let mut stop = program(&self.programs, "pg_ctl");
        stop.arg("-D")
            .arg(&self.data)
            .args(["-m", "immediate", "-w", "stop"]);
        let home = self.data.parent().unwrap_or(&self.data).to_owned();
        if let Err(reason) = run(stop.current_dir(home).stdout(Stdio::null())) {
            eprintln!("the private PostgreSQL may still run: {reason}");
        }
    }
}

/// One of its programs, as a user that it accepts: it refuses the superuser.
pub fn program(programs: &Path, name: &str) -> Command {
    let path = programs.join(name);
    if is_root() {
        let mut command = Command::new("runuser");
        command.args(["-u", "postgres", "--"]).arg(path);
        command
    } else {
        Command::new(path)
    }
}

/// Gives a file or a folder to the user that the server runs as.
pub fn hand_over(path: &Path) -> Result<(), String> {
    if is_root() {
        let id = |flag: &str| output(Command::new("id").args([flag, "postgres"]))?.parse().ok();
        let (user, group) = id("-u").zip(id("-g")).ok_or("there is no user postgres")?;
        chown(path, Some(user), Some(group)).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(())
}

/// The folder of initdb and pg_ctl; they are installed when they are missing and we may.
pub fn programs() -> Result<PathBuf, String> {
    if let Some(found) = find() {
        return Ok(found);
    }
    install()?;
    find().ok_or_else(|| "PostgreSQL was installed and cannot be found".to_owned())
}

fn find() -> Option<PathBuf> {
    let mut versions: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .map(|entries| {
            entries
                .filter_map(Result::ok)
                .map(|entry| entry.path().join("bin"))
                .collect()
        })
        .unwrap_or_default();
    versions.sort();
    versions.extend(std::env::var_os("PATH").iter().flat_map(std::env::split_paths));
    versions
        .into_iter()
        .rev()
        .find(|folder| folder.join("initdb").exists() && folder.join("pg_ctl").exists())
}

fn install() -> Result<(), String> {
    // The programs alone are wanted, not a server of the machine's own.
    let settings = Path::new("/etc/postgresql-common");
    let file = settings.join("createcluster.conf");
    if is_root() && !file.exists() {
        std::fs::create_dir_all(settings).map_err(|error| error.to_string())?;
        std::fs::write(&file, "create_main_cluster = false\n").map_err(|error| error.to_string())?;
    }
    tools::apt(&["postgresql"])
}

/// A port that nobody listens on, and that this process has given to nobody. It is below those that the system gives to
/// outgoing connections: one of these may have taken it before whoever asked for it listens.
pub fn free_port() -> Result<u16, String> {
    static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
    let mut given = GIVEN.lock().unwrap_or_else(PoisonError::into_inner);
    for _ in 0..MOST_TRIES {
        let chance = RandomState::new().build_hasher().finish() % u64::from(PORTS.end - PORTS.start);
        let port = PORTS.start + u16::try_from(chance).unwrap_or_default();
        if given.insert(port) && TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return Ok(port);
        }
    }
    Err("no port is free".to_owned())
}

/// Linux gives those from 32768 on (`net.ipv4.ip_local_port_range`).
const PORTS: Range<u16> = 20_000..32_000;
const MOST_TRIES: u32 = 1_000;
const TROUBLES: [&str; 5] = [
    "PANIC:",
    "FATAL:",
    "terminated by signal",
    "No space left",
    "out of memory",
];
const MOST_TROUBLES: usize = 40;
