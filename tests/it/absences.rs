//! What must not be found: SQL outside of the stores, the environment outside of the configuration, time and
//! randomness inside of what is pure, tokens in logs.

use std::fs;
use std::path::{Path, PathBuf};

use latchkey::services::SERVICES;

/// A word that must not stand in the source below some folders.
struct Absence {
    what: &'static str,
    words: &'static [&'static str],
    below: fn() -> Vec<String>,
    except: fn() -> Vec<String>,
}

fn named(paths: &[&str]) -> Vec<String> {
    paths.iter().map(|path| (*path).to_owned()).collect()
}

/// `paths`, and these parts of every service that has them.
fn with_services(paths: &[&str], parts: &[&str]) -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let names = SERVICES.iter().map(|spec| spec.name());
    let of_services = names.flat_map(|name| {
        let folder = format!("resource-services/{name}/src");
        parts.iter().map(move |part| format!("{folder}/{part}"))
    });
    let there = of_services.filter(|path| root.join(path).exists());
    named(paths).into_iter().chain(there).collect()
}

fn everything() -> Vec<String> {
    named(&[
        "src",
        "identity",
        "resource-services",
        "gateway",
        "platform",
        "storefront",
    ])
}

fn pure() -> Vec<String> {
    with_services(
        &[
            "identity/protocol/src",
            "resource-services/contracts/src",
            "resource-services/guard/src/verify.rs",
            "resource-services/guard/src/claims.rs",
            "resource-services/kit/src/caller.rs",
            "resource-services/kit/src/field_errors.rs",
            "resource-services/kit/src/money_draft.rs",
            "resource-services/kit/src/objects.rs",
        ],
        &["domain", "domain.rs", "saga.rs"],
    )
}

const ABSENCES: [Absence; 7] = [
    Absence {
        what: "a metric beside the catalog",
        words: &[
            "counter!(",
            "gauge!(",
            "histogram!(",
            "set_global_recorder",
            "PrometheusBuilder",
        ],
        below: everything,
        except: Vec::new,
    },
    Absence {
        what: "SQL outside of a store or the platform",
        words: &["SELECT ", "INSERT INTO", "UPDATE ", "DELETE FROM", "sqlx::"],
        below: everything,
        except: || {
            with_services(
                &[
                    "identity/store/src",
                    "platform/db/src",
                    "platform/bus/src",
                    "platform/http/src/idempotency.rs",
                    "platform/relying_party/src/store.rs",
                ],
                &["store", "store.rs"],
            )
        },
    },
    Absence {
        what: "the environment read outside of the configuration",
        words: &["env::var", "env::args"],
        below: everything,
        except: || {
            named(&[
                "src/config/environment.rs",
                "platform/db/src/testing.rs",
                "resource-services/guard/examples",
            ])
        },
    },
    Absence {
        what: "a clock inside of what is pure",
        words: &[
            "SystemTime",
            "Instant::now",
            "OffsetDateTime::now",
            "Utc::now",
            "elapsed()",
            "latchkey_clock",
            "system_clock",
            "now_ms()",
        ],
        below: pure,
        except: Vec::new,
    },
    Absence {
        what: "randomness inside of what is pure",
        words: &[
            "rand::",
            "SystemRandom",
            "getrandom",
            "thread_rng",
            "Random::system",
        ],
        below: pure,
        except: Vec::new,
    },
    Absence {
        what: "waiting, IO or logging inside of what is pure",
        words: &[
            "async fn",
            ".await",
            "tokio::",
            "tracing::",
            "println!",
            "std::fs",
            "std::net",
            "metrics::",
            "latchkey_db",
            "latchkey_bus",
        ],
        below: pure,
        except: Vec::new,
    },
    Absence {
        what: "a decode without verification",
        words: &[
            "insecure_decode",
            "dangerous::",
            "insecure_disable_signature_validation",
            "danger_accept",
        ],
        below: everything,
        except: Vec::new,
    },
];

/// A line that begins a module, of whatever visibility.
fn is_module(line: &str) -> bool {
    let line = match line.strip_prefix("pub") {
        Some(rest) => rest.trim_start_matches(|c| c != ' ').trim_start(),
        None => line,
    };
    line.starts_with("mod ")
}

/// The code of a file: without its module of tests, which ends with the next brace at the margin, and without comments.
pub fn code(text: &str) -> String {
    let mut kept = Vec::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        if line == "#[cfg(test)]" && lines.peek().is_some_and(|next| is_module(next)) {
            let module = lines.next().unwrap_or_default();
            if module.ends_with('{') {
                lines.find(|line| line.starts_with('}'));
            }
        } else if !line.trim_start().starts_with("//") {
            kept.push(line.split(" // ").next().unwrap_or_default());
        }
    }
    kept.join("\n")
}

pub fn sources(root: &Path, below: &str) -> Vec<PathBuf> {
    let path = root.join(below);
    if path.is_file() {
        return vec![path];
    }
    let mut found = Vec::new();
    let mut folders = vec![path];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
            let path = entry.expect("an entry").path();
            let name = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            if path.is_dir() && !["tests", "benches", "examples", "fuzz", "target"].contains(&name.as_str()) {
                folders.push(path);
            } else if name.ends_with(".rs") && name != "tests.rs" {
                found.push(path);
            }
        }
    }
    found
}

impl Absence {
    /// The words that a file's code has and should not have.
    fn found_in(&self, code: &str) -> Vec<&'static str> {
        self.words
            .iter()
            .copied()
            .filter(|word| code.contains(word))
            .collect()
    }
}

#[test]
fn what_must_be_absent_is_absent() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    let mut read = 0;
    for absence in &ABSENCES {
        let except = (absence.except)();
        for below in &(absence.below)() {
            for path in sources(root, below) {
                let name = path
                    .strip_prefix(root)
                    .expect("below the root")
                    .display()
                    .to_string();
                if except.iter().any(|except| name.starts_with(except.as_str())) {
                    continue;
                }
                read += 1;
                let text = fs::read_to_string(&path).expect("a source file");
                for word in absence.found_in(&code(&text)) {
                    found.push(format!("{}: {word:?} in {name}", absence.what));
                }
            }
        }
    }
    println!("{read} file readings");
    assert!(read > 200, "the walk found only {read} files");
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn a_planted_word_is_found_and_a_comment_or_test_is_not() {
    for absence in &ABSENCES {
        for word in absence.words {
            let planted = format!("fn f() {{\n    let x = \"{word}\";\n}}");
            assert_eq!(absence.found_in(&code(&planted)), [*word], "{}", absence.what);
            let after = format!(
                "#[cfg(test)]\nmod tests {{\n    fn f() {{}}\n}}\nfn f() {{\n    let x = \"https://{word}\";\n}}"
            );
            assert_eq!(absence.found_in(&code(&after)), [*word], "{}", absence.what);
            let harmless = format!(
                "// {word}\nfn f() {{}} // {word}\n#[cfg(test)]\nmod tests {{\n    const X: &str = \"{word}\";\n}}"
            );
            assert_eq!(
                absence.found_in(&code(&harmless)),
                Vec::<&str>::new(),
                "{}",
                absence.what
            );
        }
    }
}

#[test]
fn file_sizes_are_measured_and_never_enforced() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut sizes: Vec<(usize, PathBuf)> = everything()
        .iter()
        .flat_map(|below| sources(root, below))
        .map(|path| {
            (
                fs::read_to_string(&path).expect("a source file").lines().count(),
                path,
            )
        })
        .collect();
    sizes.sort();
    let (median, p95) = (sizes[sizes.len() / 2].0, sizes[sizes.len() * 95 / 100].0);
    println!(
        "{} files, median {median} lines, p95 {p95}, longest {:?}",
        sizes.len(),
        sizes.last()
    );
    assert!(!sizes.is_empty());
}
