//! What tests need beside the toolchain: installed where it is missing and we may, and a failure that says what to
//! install where we may not. Nothing is ever skipped.

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
    python().map(|_venv| ())
}

/// A folder of Python packages, as their registry has them: foreign clients, and a server that speaks S3.
pub fn python() -> Result<PathBuf, String> {
    need(&["python3"], &["python3"])?;
    let (from, to) = (
        workspace().join("tests/foreign/python"),
        cargo_target().join("foreign"),
    );
    let (venv, lock) = (to.join("venv"), from.join("requirements.txt"));
    installed_once(&lock, &to.join("python.lock"), || {
        let make = || {
            run(Command::new("python3")
                .args(["-m", "venv"])
                .arg(&venv)
                .stdout(Stdio::null()))
        };
        if make().is_err() {
            apt(&["python3-venv"])?;
            make()?;
        }
        let mut pip = Command::new(venv.join("bin/pip"));
        pip.args(["install", "--quiet", "--disable-pip-version-check", "-r"]);
        run(pip.arg(&lock))
    })?;
    Ok(venv)
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
