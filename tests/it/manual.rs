//! Completions of shells and manual pages.

use crate::harness::Process;

#[tokio::test]
async fn every_shell_that_is_named_gets_its_completions() {
    let folder = tempfile::tempdir().unwrap();
    for (shell, begins) in [
        ("bash", "_latchkey()"),
        ("zsh", "#compdef latchkey"),
        ("fish", "complete -c latchkey"),
    ] {
        let (ended, script) = Process::run(folder.path(), &["completions", shell]).await;
        assert_eq!(ended.code, Some(0), "{shell}: {ended:?}");
        for word in [begins, "serve", "rotate-secret"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
    let (ended, script) = Process::run(folder.path(), &["completions", "cmd"]).await;
    assert_eq!((ended.code, script.as_str()), (Some(2), ""), "{ended:?}");
}

#[tokio::test]
async fn every_command_has_a_manual_page() {
    let folder = tempfile::tempdir().unwrap();
    let (ended, _) = Process::run(folder.path(), &["man", "share/man1"]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let page = |name: &str| std::fs::read_to_string(folder.path().join("share/man1").join(name));
    for (name, told) in [
        ("latchkey.1", "identity provider"),
        ("latchkey-serve.1", "config"),
        ("latchkey-client-add.1", "redirect"),
    ] {
        let text = page(name).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(text.contains(".TH") && text.contains(told), "{name}: {text}");
    }
    std::fs::write(folder.path().join("file"), "").unwrap();
    let (ended, _) = Process::run(folder.path(), &["man", "file"]).await;
    assert_eq!(ended.code, Some(1), "a file is no folder: {ended:?}");
    assert!(ended.stderr.contains("file: "), "{ended:?}");
}
