//! How long each test takes: cargo runs the test programs through us, we ask them for their times and keep those.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use crate::run::Folder;

/// Where the times of a run are kept.
const TIMES: &str = "XTASK_TEST_TIMES";
/// How many of the slowest are told.
const TOLD: usize = 20;

/// Lets cargo run its test programs through `xtask run-test`, and the times lie in `folder`.
pub fn measure(cargo: &mut Command, folder: &Folder) -> Result<PathBuf, String> {
    let own = std::env::current_exe().map_err(|error| error.to_string())?;
    let runner = format!("target.'cfg(all())'.runner = ['{}', 'run-test']", own.display());
    let times = folder.0.join("times");
    cargo.args(["--config", &runner]).env(TIMES, &times);
    Ok(times)
}

/// `xtask run-test PROGRAM ARGS`: a test program as cargo would run it, with its output passed on line by line.
pub fn run_test(arguments: &[String]) -> ExitCode {
    match passed_on(arguments) {
        Ok(code) => code,
        Err(reason) => {
            eprintln!("{reason}");
            ExitCode::FAILURE
        }
    }
}

fn passed_on(arguments: &[String]) -> Result<ExitCode, String> {
    let told = |error: std::io::Error| error.to_string();
    let (program, rest) = arguments.split_first().ok_or("run-test needs a program")?;
    let mut command = Command::new(program);
    command.args(rest).stdout(Stdio::piped());
    // `--report-time` is not stable; a program that is no test harness of Rust's own would not know it.
    command
        .args(["-Zunstable-options", "--report-time"])
        .env("RUSTC_BOOTSTRAP", "1");
    let mut running = command.spawn().map_err(|error| format!("{program}: {error}"))?;
    let output = running.stdout.take().ok_or("no output")?;
    let mut times = match std::env::var_os(TIMES) {
        Some(path) => Some(
            OpenOptions::new()
                .create(true)
                .append(true)
                .open(path)
                .map_err(told)?,
        ),
        None => None,
    };
    let mut out = std::io::stdout().lock();
    for line in BufReader::new(output).split(b'\n') {
        let line = line.map_err(told)?;
        let text = String::from_utf8_lossy(&line);
        if let (Some((seconds, name)), Some(times)) = (time_of(&text), times.as_mut()) {
            keep(times, seconds, name).map_err(told)?;
        }
        out.write_all(&line).map_err(told)?;
        out.write_all(b"\n").map_err(told)?;
        out.flush().map_err(told)?;
    }
    let status = running.wait().map_err(told)?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}

fn keep(times: &mut File, seconds: f64, name: &str) -> std::io::Result<()> {
    writeln!(times, "{seconds} {name}")
}

/// Seconds and name of a line such as `test a::b ... ok <1.203s>`.
fn time_of(line: &str) -> Option<(f64, &str)> {
    let (name, end) = line.strip_prefix("test ")?.split_once(" ... ")?;
    let seconds = end.rsplit_once('<')?.1.strip_suffix("s>")?;
    Some((seconds.parse().ok()?, name))
}

/// Prints the slowest tests of a run.
pub fn tell(times: &Path) {
    let Ok(text) = std::fs::read_to_string(times) else {
        return;
    };
    let mut all: Vec<(f64, &str)> = text
        .lines()
        .filter_map(|line| {
            let (seconds, name) = line.split_once(' ')?;
            Some((seconds.parse().ok()?, name))
        })
        .collect();
    all.sort_by(|one, other| other.0.total_cmp(&one.0));
    println!("\nthe slowest of {} tests:", all.len());
    for (seconds, name) in all.iter().take(TOLD) {
        println!("{seconds:>9.3} s  {name}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read_from_a_line_of_a_test_and_from_nothing_else() {
        assert_eq!(time_of("test a::b ... ok <1.203s>"), Some((1.203, "a::b")));
        assert_eq!(time_of("test a::b ... FAILED <0.001s>"), Some((0.001, "a::b")));
        for other in [
            "test result: ok. 3 passed; finished in 0.03s",
            "test a ... ok",
            "running 3 tests",
            "",
        ] {
            assert_eq!(time_of(other), None, "{other}");
        }
    }
}
