//! What must not be found: SQL outside of the stores, the environment outside of the configuration, time and
//! randomness inside of what is pure, tokens in logs.

use std::fs;
use std::path::{Path, PathBuf};

/// A word that must not stand in the source below some folders.
struct Absence {
    what: &'static str,
    words: &'static [&'static str],
    below: &'static [&'static str],
    except: &'static [&'static str],
}

const EVERYTHING: &[&str] = &[
    "src",
    "identity",
    "resource-services",
    "gateway",
    "platform",
    "storefront",
];
const PURE: &[&str] = &[
    "identity/protocol/src",
    "resource-services/contracts/src",
    "resource-services/catalog/src/domain",
    "resource-services/catalog/src/domain.rs",
    "resource-services/guard/src/verify.rs",
    "resource-services/guard/src/claims.rs",
];

const ABSENCES: [Absence; 6] = [
    Absence {
        what: "SQL outside of a store or the platform",
        words: &["SELECT ", "INSERT INTO", "UPDATE ", "DELETE FROM", "sqlx::"],
        below: EVERYTHING,
        except: &[
            "identity/store/src",
            "platform/db/src",
            "platform/bus/src",
            "platform/http/src/idempotency.rs",
            "resource-services/catalog/src/store",
            "resource-services/catalog/src/store.rs",
            "storefront/src/store.rs",
        ],
    },
    Absence {
        what: "the environment read outside of the configuration",
        words: &["env::var", "env::args"],
        below: EVERYTHING,
        except: &["src/config.rs", "platform/db/src/testing.rs"],
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
        below: PURE,
        except: &[],
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
        below: PURE,
        except: &[],
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
        below: PURE,
        except: &[],
    },
    Absence {
        what: "a decode without verification",
        words: &[
            "insecure_decode",
            "dangerous::",
            "insecure_disable_signature_validation",
            "danger_accept",
        ],
        below: EVERYTHING,
        except: &[],
    },
];

/// The code of a file: without its module of tests, which ends with the next brace at the margin, and without comments.
fn code(text: &str) -> String {
    let mut kept = Vec::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        if line == "#[cfg(test)]" && lines.peek().is_some_and(|next| next.starts_with("mod ")) {
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

fn sources(root: &Path, below: &str) -> Vec<PathBuf> {
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
        for below in absence.below {
            for path in sources(root, below) {
                let name = path
                    .strip_prefix(root)
                    .expect("below the root")
                    .display()
                    .to_string();
                if absence.except.iter().any(|except| name.starts_with(except)) {
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
    let mut sizes: Vec<(usize, PathBuf)> = EVERYTHING
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
