//! The units: what `systemd-analyze` says of them, and that they and their page say the same.

use std::path::Path;
use std::process::Command;

use crate::friday::page::{PAGE, Step, steps};

/// Both units in a folder of their own; the binary is this one, wherever it would be installed.
fn units() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/systemd");
    for name in ["latchkey.service", "latchkey.socket"] {
        let text = std::fs::read_to_string(from.join(name)).unwrap();
        let text = text.replace(
            "/usr/bin/latchkey ",
            &format!("{} ", env!("CARGO_BIN_EXE_latchkey")),
        );
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

/// How it ended, and everything that it said.
fn analyze(folder: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new("systemd-analyze")
        .args(arguments)
        .arg("--no-pager")
        .current_dir(folder)
        .output()
        .expect("systemd-analyze; `cargo xtask test` installs it");
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&text).into_owned())
}

#[test]
fn the_units_are_understood_and_take_away_what_they_promise() {
    let folder = units();
    let at = folder.path();
    let verified = analyze(at, &["verify", "./latchkey.service", "./latchkey.socket"]);
    assert_eq!(verified, (Some(0), String::new()));

    let (code, told) = analyze(
        at,
        &[
            "security",
            "--offline=true",
            "--threshold=15",
            "./latchkey.service",
        ],
    );
    assert_eq!(code, Some(0), "an exposure of 1.5 is too much: {told}");
    assert!(told.contains("Overall exposure level"), "{told}");

    // A key that is spelled wrong is ignored by systemd, and found here.
    let path = at.join("latchkey.service");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(
        &path,
        text.replace("MemoryDenyWriteExecute", "MemoryDenyWriteExecutes"),
    )
    .unwrap();
    let (_, told) = analyze(at, &["verify", "./latchkey.service"]);
    assert!(told.contains("MemoryDenyWriteExecutes"), "{told}");
}

/// An empty assignment takes away what the unit says; whether a key may have one is known to systemd alone.
#[test]
fn what_the_page_on_friday_writes_beside_the_units_is_understood() {
    let folder = units();
    let at = folder.path();
    let binary = format!("{} ", env!("CARGO_BIN_EXE_latchkey"));
    let mut written = Vec::new();
    for step in steps(PAGE, "The start") {
        if let Step::Write(name, text) = step {
            let below = name
                .strip_prefix("/etc/systemd/system/")
                .expect("the folder of units");
            let path = at.join(below);
            std::fs::create_dir_all(path.parent().expect("a folder")).unwrap();
            std::fs::write(&path, text.replace("/usr/bin/latchkey ", &binary)).unwrap();
            written.push(path);
        }
    }
    assert_eq!(written.len(), 2);
    let verified = analyze(at, &["verify", "./latchkey.service", "./latchkey.socket"]);
    assert_eq!(verified, (Some(0), String::new()));

    let text = std::fs::read_to_string(&written[0]).unwrap();
    std::fs::write(&written[0], text.replace("LoadCredential=", "LoadCredentials=")).unwrap();
    let (_, told) = analyze(at, &["verify", "./latchkey.service"]);
    assert!(told.contains("LoadCredentials"), "they are read: {told}");
}
