//! The documents as a book: every page is in `docs/SUMMARY.md`, every link between pages leads somewhere, and what pages
//! quote or list of the source is what the source says.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use latchkey_identity::Seed;
use latchkey_protocol::client::Metadata;
use latchkey_protocol::user::STANDARD;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The pages below a folder, from there.
fn pages(folder: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(below) = folders.pop() {
        for entry in fs::read_dir(&below).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                found.insert(path.strip_prefix(folder).expect("below it").to_owned());
            }
        }
    }
    found
}

/// The lines of a page that are not in a block of code.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut is_code = false;
    text.lines().filter(move |line| {
        let is_fence = line.starts_with("```");
        is_code ^= is_fence;
        !is_code && !is_fence
    })
}

/// Where the links and pictures of a page lead, but for those to other sites.
fn links(text: &str) -> Vec<String> {
    prose(text)
        .flat_map(|line| line.split("](").skip(1))
        .filter_map(|rest| rest.split_once(')'))
        .map(|(target, _)| target.to_owned())
        .filter(|target| !target.contains("://") && !target.starts_with("mailto:"))
        .collect()
}

/// The anchors of a page's headings, as GitHub and mdBook make them.
fn anchors(text: &str) -> BTreeSet<String> {
    prose(text)
        .filter(|line| line.starts_with('#'))
        .map(|line| {
            let heading = line.trim_start_matches('#').trim().to_lowercase();
            let kept = heading
                .chars()
                .filter(|c| c.is_alphanumeric() || " -_".contains(*c));
            kept.collect::<String>().replace(' ', "-")
        })
        .collect()
}

/// What is wrong with the links of a page; `read` gives the text of another one, if there is one.
fn dead_links(page: &Path, text: &str, read: impl Fn(&Path) -> Option<String>) -> Vec<String> {
    let is_dead = |target: &String| {
        let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
        let other = match file {
            "" => Some(text.to_owned()),
            file => read(&page.parent().unwrap_or(Path::new("")).join(file)),
        };
        match other {
            None => true,
            Some(other) => !anchor.is_empty() && !anchors(&other).contains(anchor),
        }
    };
    links(text).into_iter().filter(is_dead).collect()
}

#[test]
fn every_page_is_in_the_summary_and_every_link_leads_somewhere() {
    let docs = root().join("docs");
    let mut all = pages(&docs);
    assert!(all.remove(Path::new("SUMMARY.md")), "there is a summary");
    let summary = read(&docs.join("SUMMARY.md"));
    let listed: Vec<PathBuf> = links(&summary).into_iter().map(PathBuf::from).collect();
    assert_eq!(listed.iter().cloned().collect::<BTreeSet<_>>(), all);
    assert_eq!(listed.len(), all.len(), "and each once");
    for page in &all {
        let text = read(&docs.join(page));
        let dead = dead_links(page, &text, |path| fs::read_to_string(docs.join(path)).ok());
        assert_eq!(dead, Vec::<String>::new(), "{}", page.display());
    }
}

#[test]
fn a_dead_link_is_found_and_code_is_no_link() {
    let text = "# One\n[a](two.md) [b](two.md#part-2) [c](three.md) [d](#one) [e](#two) [f](https://x.test)\n\
                ```sh\necho [g](four.md)\n```\n![h](five.svg)\n";
    let read = |path: &Path| (path == Path::new("sub/two.md")).then(|| "## Part `2`\n".to_owned());
    let dead = dead_links(Path::new("sub/one.md"), text, read);
    assert_eq!(dead, ["three.md", "#two", "five.svg"]);
}

#[test]
fn the_snippets_of_verification_are_those_that_are_tested() {
    let page = read(&root().join("docs/verify-our-tokens.md"));
    for (fence, file) in [
        ("```js\n", "clients/node/src/guard.js"),
        ("```python\n", "clients/python/latchkey_feed/guard.py"),
    ] {
        let blocks: Vec<&str> = page
            .split(fence)
            .skip(1)
            .filter_map(|rest| Some(rest.split_once("```")?.0))
            .collect();
        assert_eq!(blocks.len(), 1, "{file}");
        assert!(read(&root().join(file)).contains(blocks[0]), "{file}");
    }
}

/// The keys in the first column of the table below a heading.
fn keys(page: &str, heading: &str) -> Vec<String> {
    let (_, rest) = page.split_once(&format!("\n{heading}\n")).expect("the heading");
    let below = rest.split("\n#").next().unwrap_or_default();
    below
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`'))
        .map(|(key, _)| key.to_owned())
        .collect()
}

#[test]
fn the_reference_of_seeds_has_every_key_and_no_other() {
    let page = read(&root().join("docs/seed.md"));
    let sorted = |names: Vec<String>| names.into_iter().collect::<BTreeSet<_>>();
    let ours = |names: &[&str]| sorted(names.iter().map(|name| (*name).to_owned()).collect());
    assert_eq!(sorted(keys(&page, "## Resources")), ours(&Seed::RESOURCE));
    assert_eq!(sorted(keys(&page, "### Scopes")), ours(&Seed::SCOPE));
    assert_eq!(sorted(keys(&page, "## People")), ours(&Seed::USER));
    let clients = [&Metadata::BUILT[..], &["client_secret"]].concat();
    assert_eq!(sorted(keys(&page, "## Clients")), ours(&clients));
    for claim in STANDARD {
        assert!(page.contains(&format!("`{claim}`")), "{claim}");
    }
    // The lists are those of the structs: serde names what it expects.
    let told = Seed::parse("[[resources]]\nno_such_key = 1")
        .expect_err("an unknown key")
        .to_string();
    for key in Seed::RESOURCE {
        assert!(told.contains(&format!("`{key}`")), "{key}: {told}");
    }
}

#[test]
fn the_example_of_the_reference_of_seeds_is_a_seed() {
    let page = read(&root().join("docs/seed.md"));
    let block = page
        .split("```toml\n")
        .nth(1)
        .and_then(|rest| rest.split("```").next());
    assert!(Seed::parse(block.expect("an example")).is_ok());
}
