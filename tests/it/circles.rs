//! No circles: files of one crate that use each other, directly or around, can only be understood together.
//!
//! A file uses another when a `use` or an inline path (`crate::…`, `super::…`, a child module's name) leads there. A
//! parent's `mod` and `pub use` lines are its table of contents and do not count; a name that is reached through them
//! leads to the file that has it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use crate::absences::{code, sources};

/// Module path below the crate (`authorize::decide`; empty for `lib.rs`) → its code.
type Files = BTreeMap<String, String>;

/// The files of a crate's `src`.
fn files(root: &Path, src: &str) -> Files {
    sources(root, src)
        .into_iter()
        .map(|path| {
            let below = path.strip_prefix(root.join(src)).expect("below src");
            let mut module = below.with_extension("").display().to_string().replace('/', "::");
            if module == "lib" {
                module.clear();
            }
            let module = module.strip_suffix("::mod").unwrap_or(&module).to_owned();
            (module, code(&fs::read_to_string(&path).expect("a source file")))
        })
        .collect()
}

/// Every path that a tree such as `a::{b, c::D}` stands for. Reads from the beginning of `text`, to its end.
fn paths(text: &str) -> (Vec<String>, usize) {
    let bytes = text.as_bytes();
    let (mut at, mut path) = (0, String::new());
    while at < bytes.len() {
        match bytes[at] {
            byte if byte.is_ascii_alphanumeric() || byte == b'_' => {
                path.push(char::from(byte));
                at += 1;
            }
            b':' if text[at..].starts_with("::") => {
                at += 2;
                if text[at..].starts_with('{') {
                    let mut all = Vec::new();
                    at += 1;
                    while at < bytes.len() && bytes[at] != b'}' {
                        if bytes[at].is_ascii_alphanumeric() || bytes[at] == b'_' {
                            let (inner, read) = paths(&text[at..]);
                            all.extend(inner.into_iter().map(|inner| format!("{path}::{inner}")));
                            at += read;
                        } else {
                            at += 1;
                        }
                    }
                    return (all, (at + 1).min(bytes.len()));
                }
                path.push_str("::");
            }
            _ => break,
        }
    }
    (vec![path.trim_end_matches("::").to_owned()], at)
}

/// The `use` items and paths of a file: `(written in a pub use, path)`.
fn written(code: &str) -> Vec<(bool, String)> {
    let starts = code.char_indices().filter(|(at, c)| {
        let before = code[..*at].chars().next_back();
        (c.is_ascii_alphabetic() || *c == '_')
            && !before
                .is_some_and(|before| before.is_alphanumeric() || matches!(before, '_' | ':' | '.' | '"'))
    });
    let mut found = Vec::new();
    let mut end = 0;
    for (at, _) in starts {
        if at < end {
            continue;
        }
        let (all, read) = paths(&code[at..]);
        if all.len() > 1 || all.iter().any(|path| path.contains("::")) {
            let line = code[..at].rsplit(['\n', ';']).next().unwrap_or_default().trim();
            let facade = line.starts_with("pub") && line.ends_with("use");
            found.extend(all.into_iter().map(|path| (facade, path)));
            end = at + read;
        } else if code[..at].trim_end().ends_with("use") {
            let line = code[..at].rsplit(['\n', ';']).next().unwrap_or_default().trim();
            found.extend(all.into_iter().map(|path| (line.starts_with("pub"), path)));
        }
    }
    found
}

/// A path as seen from `module`, from the crate's root; `None` for what lies in another crate.
fn absolute(files: &Files, module: &str, path: &str) -> Option<String> {
    let parent = |module: &str| {
        module
            .rsplit_once("::")
            .map_or("", |(parent, _)| parent)
            .to_owned()
    };
    let join = |base: &str, rest: &str| match base {
        "" => rest.to_owned(),
        base => format!("{base}::{rest}"),
    };
    if let Some(rest) = path.strip_prefix("crate::") {
        return Some(rest.to_owned());
    }
    if let Some(rest) = path.strip_prefix("self::") {
        return Some(join(module, rest));
    }
    let (mut base, mut rest) = (module.to_owned(), path);
    while let Some(after) = rest.strip_prefix("super::") {
        (base, rest) = (parent(&base), after);
    }
    if rest.len() < path.len() {
        return Some(join(&base, rest));
    }
    let first = path.split("::").next().unwrap_or_default();
    let child = join(module, first);
    files.contains_key(&child).then(|| join(module, path))
}

/// The file that has what a path from the root names, through the tables of contents on the way.
fn resolve(files: &Files, facades: &BTreeMap<String, Vec<String>>, path: &str, depth: usize) -> String {
    let mut file = path.to_owned();
    while !files.contains_key(&file) {
        file = match file.rsplit_once("::") {
            Some((shorter, _)) => shorter.to_owned(),
            None => String::new(),
        };
    }
    let name = path[file.len()..]
        .trim_start_matches("::")
        .split("::")
        .next()
        .unwrap_or_default();
    if depth < 4
        && !name.is_empty()
        && let Some(through) = facades.get(&file).and_then(|all| {
            let ends = format!("::{name}");
            all.iter()
                .find(|path| path.ends_with(&ends) || path.as_str() == name)
        })
    {
        return resolve(files, facades, through, depth + 1);
    }
    file
}

/// Who uses whom.
fn graph(files: &Files) -> BTreeMap<String, BTreeSet<String>> {
    let all: BTreeMap<&String, Vec<(bool, String)>> = files
        .iter()
        .map(|(module, code)| {
            let paths = written(code)
                .into_iter()
                .filter_map(|(facade, path)| absolute(files, module, &path).map(|path| (facade, path)));
            (module, paths.collect())
        })
        .collect();
    let facades: BTreeMap<String, Vec<String>> = all
        .iter()
        .map(|(module, paths)| {
            let offered = paths.iter().filter(|(facade, _)| *facade);
            ((*module).clone(), offered.map(|(_, path)| path.clone()).collect())
        })
        .collect();
    all.iter()
        .map(|(module, paths)| {
            let used = paths.iter().filter(|(facade, _)| !*facade);
            let to = used.map(|(_, path)| resolve(files, &facades, path, 0));
            ((*module).clone(), to.filter(|to| to != *module).collect())
        })
        .collect()
}

/// The groups of files that use each other.
fn circles(graph: &BTreeMap<String, BTreeSet<String>>) -> Vec<Vec<String>> {
    let reach = |from: &String| {
        let mut seen = BTreeSet::new();
        let mut stack = vec![from];
        while let Some(next) = stack.pop() {
            for to in graph.get(next).into_iter().flatten() {
                if seen.insert(to) {
                    stack.push(to);
                }
            }
        }
        seen
    };
    let reached: BTreeMap<&String, BTreeSet<&String>> =
        graph.keys().map(|from| (from, reach(from))).collect();
    let mut found: BTreeSet<Vec<String>> = BTreeSet::new();
    for (from, to) in &reached {
        let mut circle: Vec<String> = to
            .iter()
            .filter(|other| reached.get(**other).is_some_and(|back| back.contains(*from)))
            .map(|other| (**other).clone())
            .collect();
        circle.sort();
        if circle.len() > 1 {
            found.insert(circle);
        }
    }
    found.into_iter().collect()
}

/// The `src` folders of every crate of the workspace.
fn crates(root: &Path) -> Vec<String> {
    let manifest: toml::Table = fs::read_to_string(root.join("Cargo.toml"))
        .expect("the manifest")
        .parse()
        .expect("a manifest");
    let members = manifest["workspace"]["members"]
        .as_array()
        .expect("members")
        .iter();
    let members = members.map(|member| format!("{}/src", member.as_str().expect("a path")));
    members.chain(["src".to_owned()]).collect()
}

/// A circle, with the arrows that make it one.
fn drawn(src: &str, graph: &BTreeMap<String, BTreeSet<String>>, circle: &[String]) -> String {
    let name = |module: &String| match module.as_str() {
        "" => "lib".to_owned(),
        module => module.to_owned(),
    };
    let arrows = circle.iter().map(|from| {
        let inside = graph[from].iter().filter(|to| circle.contains(to)).map(name);
        format!("    {} -> {}", name(from), inside.collect::<Vec<_>>().join(", "))
    });
    format!("{src}\n{}", arrows.collect::<Vec<_>>().join("\n"))
}

#[test]
fn no_two_files_of_a_crate_use_each_other() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    let mut read = 0;
    for src in crates(root) {
        let files = files(root, &src);
        read += files.len();
        let graph = graph(&files);
        found.extend(circles(&graph).iter().map(|circle| drawn(&src, &graph, circle)));
    }
    println!("{read} files");
    assert!(read > 200, "the walk found only {read} files");
    assert!(found.is_empty(), "circles:\n  {}", found.join("\n  "));
}

#[test]
fn a_planted_circle_is_found_in_every_form() {
    let file = |name: &str, code: &str| (name.to_owned(), code.to_owned());
    let found = |all: Vec<(String, String)>| circles(&graph(&all.into_iter().collect()));
    let lib = || file("", "mod a;\nmod b;\npub use b::B;\n");
    for (a, b) in [
        ("use crate::b::B;", "use crate::a::A;"),
        ("use crate::B;", "use super::a::A;"),
        ("fn f() { crate::b::g() }", "fn g() { super::a::f() }"),
        ("use crate::{b::{B}, C};", "use crate::a;"),
    ] {
        let all = vec![lib(), file("a", a), file("b", b)];
        assert_eq!(found(all), [["a".to_owned(), "b".to_owned()]], "{a} {b}");
    }
    let up = vec![lib(), file("a", "use crate::Root;"), file("b", "")];
    assert!(
        found(up).is_empty(),
        "the root may have types of its own, unless it uses its children"
    );
    let root_uses = file("", "mod a;\nuse a::A;\npub struct Root(A);");
    assert_eq!(found(vec![root_uses, file("a", "use crate::Root;")]).len(), 1);
    let harmless = vec![
        lib(),
        file("a", "use crate::B;"),
        file("b", "use std::a::A; fn a() {}"),
    ];
    assert!(found(harmless).is_empty());
}
