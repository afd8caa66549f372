//! What shells and `man` know of the command line, made from the command line itself.

use std::io;
use std::path::PathBuf;

use clap::{Args, Command};
use clap_complete::{Shell, generate};

use super::common::CliError;
use super::output;

#[derive(Args)]
pub(super) struct Completions {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

#[derive(Args)]
pub(super) struct Man {
    /// The folder, which is made if it is not there
    folder: PathBuf,
}

pub(super) fn completions(asked: &Completions, mut command: Command) -> Result<(), CliError> {
    let mut script = Vec::new();
    generate(asked.shell, &mut command, "latchkey", &mut script);
    output::put(&String::from_utf8_lossy(&script))
}

/// A page for the program and for each of its commands: `latchkey.1`, `latchkey-client-add.1`.
pub(super) fn pages(asked: &Man, command: Command) -> Result<(), CliError> {
    let folder = asked.folder.display();
    let failed = |error: io::Error| CliError::Failed(format!("{folder}: {error}"));
    std::fs::create_dir_all(&asked.folder).map_err(failed)?;
    clap_mangen::generate_to(command, &asked.folder).map_err(failed)?;
    output::put(&format!("the pages are in {folder}\n"))
}
