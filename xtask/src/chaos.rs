//! `cargo xtask chaos`

use crate::run::{self, cargo, cargo_target};

/// Lets buyers order from the release build while it is killed, and checks what is left. With `--scaled` it runs as the
/// services of compose.yaml.
pub fn run(arguments: &[String]) -> Result<(), String> {
    let (scaled, arguments): (Vec<&String>, Vec<&String>) =
        arguments.iter().partition(|argument| *argument == "--scaled");
    let mut build = cargo();
    run::run(build.args(["build", "--release", "--locked", "--bin", "latchkey"]))?;
    let mut chaos = cargo();
    chaos.args([
        "run",
        "--release",
        "--locked",
        "--quiet",
        "--package",
        "latchkey-chaos",
        "--",
    ]);
    chaos.arg(cargo_target().join("release/latchkey")).args(arguments);
    if !scaled.is_empty() {
        // It starts them by `topology`, and tells that what to kill.
        let own = std::env::current_exe().map_err(|error| error.to_string())?;
        chaos.arg("--topology").arg(own);
    }
    run::run(&mut chaos)
}
