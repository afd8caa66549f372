//! `cargo xtask chaos`

use crate::run::{self, cargo, cargo_target};

/// Lets buyers order from the release build while it is killed, and checks what is left.
pub fn run(arguments: &[String]) -> Result<(), String> {
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
    run::run(chaos.arg(cargo_target().join("release/latchkey")).args(arguments))
}
