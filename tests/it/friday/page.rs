//! The page, as whoever types reads it: its files, and its commands with the places of this run.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use tokio::process::Command;
use url::Url;

use crate::harness::AUTHORITY;

pub const PAGE: &str = include_str!("../../../docs/friday.md");
/// What the test does in place of the command.
const PLAYED: [&str; 4] = [
    "sudo apt ",
    "sudo systemctl ",
    "sudo journalctl ",
    "sudo -u postgres createuser ",
];

#[derive(Debug, PartialEq)]
pub enum Step {
    Write(String, String),
    Append(String, String),
    Type(String),
}

/// What a section of a page has its reader do.
pub fn steps(page: &str, heading: &str) -> Vec<Step> {
    let begin = format!("\n## {heading}\n");
    let (_, section) = page
        .split_once(&begin)
        .unwrap_or_else(|| panic!("no section {heading:?}"));
    let section = section.split("\n## ").next().unwrap_or_default();
    let (mut steps, mut before) = (Vec::new(), "");
    let mut lines = section.lines();
    while let Some(line) = lines.next() {
        let Some(language) = line.strip_prefix("```") else {
            before = if line.is_empty() { before } else { line };
            continue;
        };
        let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        if language == "sh" {
            steps.extend(block.into_iter().map(|line| Step::Type(line.to_owned())));
            continue;
        }
        let name = before.split('`').nth(1).expect("a file's name before its block");
        let (name, text) = (name.to_owned(), block.join("\n") + "\n");
        steps.push(match before.split_whitespace().next() {
            Some("Write") => Step::Write(name, text),
            Some("Append") => Step::Append(name, text),
            _ => panic!("{before:?} says not what to do with the block"),
        });
    }
    steps
}

/// Whoever types.
pub struct Operator {
    pub at: PathBuf,
    /// What stands on the page, and what is typed for it.
    pub places: Vec<(&'static str, String)>,
    /// The server of the databases.
    pub database: Url,
    pub typed: usize,
    pub played: Vec<String>,
}

impl Operator {
    fn adapted(&self, text: &str) -> String {
        let mark = |number: usize| format!("\u{1}{number}\u{2}");
        // A port of this run may look like one of the page: all are taken out before any is put in.
        let marked = self.places.iter().enumerate();
        let marked = marked.fold(text.to_owned(), |text, (number, (named, _))| {
            text.replace(named, &mark(number))
        });
        let all = self.places.iter().enumerate();
        all.fold(marked, |text, (number, (_, place))| {
            text.replace(&mark(number), place)
        })
    }

    pub fn path(&self, named: &str) -> PathBuf {
        PathBuf::from(self.adapted(named))
    }

    /// Does what a section says; what its commands printed.
    pub async fn follow(&mut self, heading: &str) -> Vec<String> {
        let mut printed = Vec::new();
        for step in steps(PAGE, heading) {
            match step {
                Step::Write(name, text) => {
                    let path = self.path(&name);
                    fs::create_dir_all(path.parent().unwrap()).unwrap();
                    fs::write(path, self.adapted(&text)).unwrap();
                }
                Step::Append(name, text) => {
                    let path = self.path(&name);
                    let whole = fs::read_to_string(&path).unwrap() + "\n" + &self.adapted(&text);
                    fs::write(path, whole).unwrap();
                }
                Step::Type(line) => {
                    self.typed += 1;
                    if PLAYED.iter().any(|begin| line.starts_with(begin)) {
                        self.played.push(line);
                        continue;
                    }
                    let output = self.run(&line).await;
                    let said = String::from_utf8_lossy(&output.stdout).into_owned();
                    let errors = String::from_utf8_lossy(&output.stderr);
                    assert!(output.status.success(), "{line}\n{said}{errors}");
                    printed.push(said);
                }
            }
        }
        printed
    }

    /// Runs one line. The authority of the certificates is one of the machine's.
    pub async fn run(&self, line: &str) -> Output {
        let binary = Path::new(env!("CARGO_BIN_EXE_latchkey"));
        let folder = binary.parent().unwrap().display();
        let script = format!("set -e\nexport PATH=\"{folder}:$PATH\"\n{}", self.adapted(line));
        let mut command = Command::new("bash");
        command.args(["-c", &script]).current_dir(&self.at);
        command
            .env("SSL_CERT_FILE", self.at.join(AUTHORITY))
            .env("PGHOST", self.database.host_str().unwrap())
            .env("PGPORT", self.database.port().unwrap().to_string())
            .env("PGUSER", self.database.username())
            .kill_on_drop(true)
            .stdin(Stdio::null());
        let running = tokio::time::timeout(Duration::from_secs(60), command.output());
        running.await.expect("it ends by itself").expect("bash runs")
    }

    /// What the test has to play since it was last asked.
    pub fn played(&mut self) -> Vec<String> {
        std::mem::take(&mut self.played)
    }
}

#[test]
fn a_section_is_read_as_files_and_commands() {
    let text = "# A page\n\n## One\n\nWrite `/etc/a`:\n\n```toml\nx = 1\n```\n\nAppend to `/etc/b`:\n\n```ini\ny\n```\n\n\
                ```sh\nls\ncat a\n```\n\n## Two\n\n```sh\nrm a\n```\n";
    let typed = |line: &str| Step::Type(line.to_owned());
    assert_eq!(
        steps(text, "One"),
        [
            Step::Write("/etc/a".to_owned(), "x = 1\n".to_owned()),
            Step::Append("/etc/b".to_owned(), "y\n".to_owned()),
            typed("ls"),
            typed("cat a"),
        ]
    );
    assert_eq!(steps(text, "Two"), [typed("rm a")]);
}
