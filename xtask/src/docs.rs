//! `cargo xtask docs`: the docs site. The pages of `docs/`, and references that the programs write about themselves.

mod reference;

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::run::{Folder, cargo, cargo_target, output, run, workspace};

/// What builds the site; a newer one may change how it looks.
const MDBOOK: &str = "0.5.4";

/// Builds the site into `target/docs`.
pub fn run_docs() -> Result<(), String> {
    let (pages, site) = (cargo_target().join("docs-pages"), cargo_target().join("docs"));
    let told = |path: &Path, error: std::io::Error| format!("{}: {error}", path.display());
    if pages.exists() {
        std::fs::remove_dir_all(&pages).map_err(|error| told(&pages, error))?;
    }
    copy(&workspace().join("docs"), &pages)?;
    run(cargo().args(["build", "--locked", "--package", "latchkey"]))?;
    let binary = cargo_target().join("debug/latchkey");

    let mut summary = String::from("\n# Reference\n\n");
    let mut write = |name: &str, title: &str, text: String| {
        let path = pages.join("reference").join(format!("{name}.md"));
        summary += &format!("- [{title}](reference/{name}.md)\n");
        std::fs::write(&path, text).map_err(|error| told(&path, error))
    };
    let reference = pages.join("reference");
    std::fs::create_dir_all(&reference).map_err(|error| told(&reference, error))?;
    let demo = Demo::start(&binary)?;
    for (service, url) in demo.services()? {
        let document = demo.document(&url)?;
        let title = format!("API: {service}");
        write(&service, &title, reference::api(&service, &document))?;
    }
    drop(demo);
    let events = output(Command::new(&binary).args(["events", "schema"]))
        .ok_or("latchkey events schema told nothing")?;
    let events: Value = serde_json::from_str(&events).map_err(|error| format!("events: {error}"))?;
    write("events", "Events", reference::events(&events))?;

    let path = pages.join("SUMMARY.md");
    let known = std::fs::read_to_string(&path).map_err(|error| told(&path, error))?;
    std::fs::write(&path, known + &summary).map_err(|error| told(&path, error))?;
    run(Command::new(mdbook()?)
        .arg("build")
        .arg(&pages)
        .arg("--dest-dir")
        .arg(&site))?;
    println!("{}", site.join("index.html").display());
    Ok(())
}

/// The program, installed into the target folder where it is not there yet.
fn mdbook() -> Result<PathBuf, String> {
    let tools = cargo_target().join("tools");
    let program = tools.join("bin/mdbook");
    let version = format!("mdbook v{MDBOOK}");
    if output(Command::new(&program).arg("--version")).as_deref() != Some(version.as_str()) {
        let mut install = cargo();
        install.args(["install", "mdbook", "--locked", "--version", MDBOOK, "--root"]);
        run(install.arg(&tools))?;
    }
    Ok(program)
}

/// A demo of this run alone.
struct Demo {
    child: Child,
    folder: Folder,
}

impl Demo {
    fn start(binary: &Path) -> Result<Self, String> {
        let folder = Folder::new("docs")?;
        let child = Command::new(binary)
            .args([
                "up",
                "--port",
                "0",
                "--identity-port",
                "0",
                "--admin-port",
                "0",
                "--data",
            ])
            .arg(folder.0.join("data"))
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("{}: {error}", binary.display()))?;
        let mut demo = Self { child, folder };
        let output = demo.child.stdout.take().ok_or("the demo has no output")?;
        let is_ready = BufReader::new(output)
            .lines()
            .map_while(Result::ok)
            .any(|line| line == "ready");
        is_ready
            .then_some(demo)
            .ok_or_else(|| "the demo did not start".to_owned())
    }

    /// The services and their addresses.
    fn services(&self) -> Result<Vec<(String, String)>, String> {
        let path = self.folder.0.join("data/demo.json");
        let told = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        let text = std::fs::read_to_string(&path).map_err(|error| told(&error))?;
        let demo: Value = serde_json::from_str(&text).map_err(|error| told(&error))?;
        let services = demo["services"].as_object().ok_or_else(|| told(&"no services"))?;
        let address = |(name, url): (&String, &Value)| Some((name.clone(), url.as_str()?.to_owned()));
        Ok(services.iter().filter_map(address).collect())
    }

    fn document(&self, url: &str) -> Result<Value, String> {
        let url = format!("{}/openapi.json", url.trim_end_matches('/'));
        let text = output(Command::new("curl").args(["--silent", "--fail", "--max-time", "10", &url]));
        let text = text.ok_or_else(|| format!("{url} has no document"))?;
        serde_json::from_str(&text).map_err(|error| format!("{url}: {error}"))
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// A folder with everything below it.
fn copy(from: &Path, to: &Path) -> Result<(), String> {
    let told = |path: &Path, error: std::io::Error| format!("{}: {error}", path.display());
    std::fs::create_dir_all(to).map_err(|error| told(to, error))?;
    for entry in std::fs::read_dir(from).map_err(|error| told(from, error))? {
        let entry = entry.map_err(|error| told(from, error))?;
        let (path, copied) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            copy(&path, &copied)?;
        } else {
            std::fs::copy(&path, &copied).map_err(|error| told(&path, error))?;
        }
    }
    Ok(())
}
