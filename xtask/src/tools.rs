//! What tests need beside the toolchain: installed where it is missing and we may, and a failure that says what to
//! install where we may not. Nothing is ever skipped.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::run::{cargo_target, is_root, output, run, workspace};

/// Chromium and its driver, for the journeys of a real browser.
pub fn browser() -> Result<(), String> {
    need(&["chromium", "chromedriver"], &["chromium", "chromium-driver"])
}

/// Foreign OpenID Connect clients, as their registries have them, in the target folder; installed again when their lock
/// files change.
pub fn foreign() -> Result<(), String> {
    need(&["node", "npm"], &["nodejs", "npm"])?;
    let (from, to) = (workspace().join("tests/foreign"), cargo_target().join("foreign"));
    installed_once(
        &from.join("node/package-lock.json"),
        &to.join("node.lock"),
        || {
            copy(&from.join("node"), &to.join("node"))?;
            let mut npm = Command::new("npm");
            npm.args(["ci", "--no-audit", "--no-fund", "--loglevel=error"]);
            run(npm.current_dir(to.join("node")).stdout(Stdio::null()))
        },
    )?;
    // The scripts may change without their locks.
    copy(&from.join("node"), &to.join("node"))?;
    copy(&from.join("python"), &to.join("python"))?;
    clients()?;
    python().map(|_venv| ())
}

/// What the receivers below `clients/` need for their tests.
fn clients() -> Result<(), String> {
    let (from, to) = (
        workspace().join("clients"),
        cargo_target().join("foreign/clients"),
    );
    let node = to.join("node");
    installed_once(
        &from.join("node/package-lock.json"),
        &to.join("node.lock"),
        || {
            copy(&from.join("node"), &node)?;
            let mut npm = Command::new("npm");
            npm.args(["ci", "--no-audit", "--no-fund", "--loglevel=error"]);
            run(npm.current_dir(&node).stdout(Stdio::null()))
        },
    )?;
    for below in ["", "src", "test"] {
        copy(&from.join("node").join(below), &node.join(below))?;
    }
    let lock = from.join("python/requirements.txt");
    venv(&lock, &to.join("venv"), &to.join("python.lock"))
}

/// A folder of Python packages, as their registry has them: foreign clients, and a server that speaks S3.
pub fn python() -> Result<PathBuf, String> {
    need(&["python3"], &["python3"])?;
    let (from, to) = (
        workspace().join("tests/foreign/python"),
        cargo_target().join("foreign"),
    );
    let folder = to.join("venv");
    venv(&from.join("requirements.txt"), &folder, &to.join("python.lock"))?;
    Ok(folder)
}

/// A folder of Python packages by their exact versions.
fn venv(lock: &Path, venv: &Path, done: &Path) -> Result<(), String> {
    installed_once(lock, done, || {
        let make = || {
            run(Command::new("python3")
                .args(["-m", "venv"])
                .arg(venv)
                .stdout(Stdio::null()))
        };
        if make().is_err() {
            apt(&["python3-venv"])?;
            make()?;
        }
        let mut pip = Command::new(venv.join("bin/pip"));
        pip.args(["install", "--quiet", "--disable-pip-version-check", "-r"]);
        run(pip.arg(lock))
    })
}

/// The version of Pebble; another one is built again.
const PEBBLE: &str = "v2.10.3";

/// An ACME directory and the resolver that it asks, as the Go module proxy has them, in the target folder.
pub fn pebble() -> Result<(), String> {
    let go = match Path::new("/usr/local/go/bin/go").exists() {
        true => "/usr/local/go/bin/go",
        false => {
            need(&["go"], &["golang-go"])?;
            "go"
        }
    };
    let to = cargo_target().join("foreign/go");
    let built = to.join(format!("pebble-{PEBBLE}"));
    if built.exists() {
        return Ok(());
    }
    println!("building pebble {PEBBLE}");
    for program in ["pebble", "pebble-challtestsrv"] {
        let module = format!("github.com/letsencrypt/pebble/v2/cmd/{program}@{PEBBLE}");
        let mut install = Command::new(go);
        install.args(["install", "-modcacherw", &module]);
        install.env("GOPATH", &to).env("GOBIN", to.join("bin"));
        run(install.env("GOFLAGS", "-mod=mod").stdout(Stdio::null()))?;
    }
    std::fs::write(&built, "").map_err(|error| format!("{}: {error}", built.display()))
}

/// What checks units.
pub fn systemd() -> Result<(), String> {
    need(&["systemd-analyze"], &["systemd"])
}

/// Prometheus' tool that checks metrics, rules and their tests, taken out of Debian's package: nothing is installed, and no
/// service runs.
pub fn promtool() -> Result<(), String> {
    let to = cargo_target().join("foreign/prometheus");
    if output(Command::new("which").arg("promtool")).is_some() || to.join("usr/bin/promtool").exists() {
        return Ok(());
    }
    let told = |error: std::io::Error| format!("{}: {error}", to.display());
    std::fs::create_dir_all(&to).map_err(told)?;
    println!("fetching promtool");
    let fetch = || {
        run(Command::new("apt-get")
            .args(["download", "prometheus"])
            .current_dir(&to)
            .stdout(Stdio::null()))
    };
    if fetch().is_err() {
        // The list of packages may be older than the package.
        let _without_root = run(Command::new("apt-get").arg("update").stdout(Stdio::null()));
        fetch().map_err(|reason| {
            format!("{reason}; promtool is needed. On Debian: apt-get install prometheus")
        })?;
    }
    for entry in std::fs::read_dir(&to).map_err(told)? {
        let path = entry.map_err(told)?.path();
        if path.extension().is_some_and(|kind| kind == "deb") {
            run(Command::new("dpkg-deb").arg("-x").arg(&path).arg(&to))?;
        }
    }
    match to.join("usr/bin/promtool").exists() {
        true => Ok(()),
        false => Err("promtool is needed and was not brought by Debian's prometheus".to_owned()),
    }
}

/// Debian's packages by name.
pub fn apt(packages: &[&str]) -> Result<(), String> {
    let missing = || {
        format!(
            "{0} is needed and not installed. On Debian: apt-get install {0}",
            packages.join(" ")
        )
    };
    if !is_root() || !Path::new("/usr/bin/apt-get").exists() {
        return Err(missing());
    }
    println!("installing {}", packages.join(" "));
    let apt = |arguments: &[&str]| {
        run(Command::new("apt-get")
            .args(arguments)
            .env("DEBIAN_FRONTEND", "noninteractive")
            .stdout(Stdio::null()))
    };
    apt(&["update"])?;
    let mut install = vec![
        "install",
        "-y",
        "--no-install-recommends",
        "-o",
        "Dpkg::Options::=--force-confold",
    ];
    install.extend(packages);
    apt(&install).map_err(|reason| format!("{reason}; {}", missing()))
}

/// The proxies of docs/proxies.md: only the programs, so nothing of them is started.
pub fn proxies() -> Result<(), String> {
    const POLICY: &str = "/usr/sbin/policy-rc.d";
    let programs = ["nginx", "haproxy", "caddy"];
    let is_there = |name: &&str| {
        ["/usr/sbin", "/usr/bin"]
            .iter()
            .any(|folder| Path::new(folder).join(name).exists())
    };
    if programs.iter().all(is_there) {
        return Ok(());
    }
    // Debian asks this script before a package starts its service (deb-systemd-invoke(1p)).
    let ours = is_root() && !Path::new(POLICY).exists();
    let told = |error: std::io::Error| format!("{POLICY}: {error}");
    if ours {
        std::fs::write(POLICY, "#!/bin/sh\nexit 101\n").map_err(told)?;
        std::fs::set_permissions(POLICY, std::fs::Permissions::from_mode(0o755)).map_err(told)?;
    }
    let installed = apt(&["nginx-light", "haproxy", "caddy"]);
    if ours {
        std::fs::remove_file(POLICY).map_err(told)?;
    }
    installed
}

fn need(programs: &[&str], packages: &[&str]) -> Result<(), String> {
    let there = |name: &&str| output(Command::new("which").arg(name)).is_some();
    if programs.iter().all(there) {
        return Ok(());
    }
    apt(packages)?;
    match programs.iter().find(|name| !there(name)) {
        None => Ok(()),
        Some(name) => Err(format!(
            "{name} is needed and was not brought by {}",
            packages.join(" ")
        )),
    }
}

/// Runs `install` unless `lock` is what `done` remembers.
fn installed_once(
    lock: &Path,
    done: &Path,
    install: impl FnOnce() -> Result<(), String>,
) -> Result<(), String> {
    let told = |path: &Path, error: std::io::Error| format!("{}: {error}", path.display());
    let wanted = std::fs::read(lock).map_err(|error| told(lock, error))?;
    if std::fs::read(done).is_ok_and(|before| before == wanted) {
        return Ok(());
    }
    if let Some(folder) = done.parent() {
        std::fs::create_dir_all(folder).map_err(|error| told(folder, error))?;
    }
    println!("installing what {} names", lock.display());
    install()?;
    std::fs::write(done, wanted).map_err(|error| told(done, error))
}

/// The files of a folder, not those below it.
fn copy(from: &Path, to: &Path) -> Result<(), String> {
    let told = |path: &Path, error: std::io::Error| format!("{}: {error}", path.display());
    std::fs::create_dir_all(to).map_err(|error| told(to, error))?;
    for entry in std::fs::read_dir(from).map_err(|error| told(from, error))? {
        let path: PathBuf = entry.map_err(|error| told(from, error))?.path();
        if let (true, Some(name)) = (path.is_file(), path.file_name()) {
            std::fs::copy(&path, to.join(name)).map_err(|error| told(&path, error))?;
        }
    }
    Ok(())
}
