//! `cargo xtask package`: the crate that others take, as they get it.

use crate::run::{cargo, cargo_target, run};

/// Packs the guard and builds it from the package alone, away from the workspace.
pub fn run_package() -> Result<(), String> {
    let mut package = cargo();
    package.args(["package", "--locked", "--package", "latchkey-guard"]);
    // What is being written may be packed as well; a release is cut from a clean tree.
    run(package.arg("--allow-dirty"))?;
    println!("{}", cargo_target().join("package").display());
    Ok(())
}
