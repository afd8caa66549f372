//! What others install: the compose file of the issuer alone, the manifests for Kubernetes, and the Debian package,
//! compared with what the binary has.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use latchkey::config::{Config, Role, Tls};
use serde_json::{Value, json};

use crate::harness::Process;

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn yaml(path: &str) -> Value {
    let text = fs::read_to_string(here(path)).unwrap();
    serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn texts(value: &Value) -> Vec<String> {
    let all = value.as_array().unwrap().iter();
    all.map(|text| text.as_str().unwrap().to_owned()).collect()
}

fn environment(value: &Value) -> Vec<(String, String)> {
    let all = value.as_object().unwrap().iter();
    all.map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()))
        .collect()
}

/// The configuration of an issuer with these variables and the files of `root`.
fn issuer(root: &Path, variables: &[(String, String)]) -> Config {
    let config = Config::serve_at(root, vec![Role::Identity], None, variables);
    let config = config.unwrap_or_else(|error| panic!("{error}"));
    config.check().unwrap_or_else(|error| panic!("{error}"));
    config
}

#[tokio::test]
async fn the_compose_file_of_the_issuer_alone_has_a_valid_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let init = [
        "init",
        "secrets",
        "secrets",
        "--issuer",
        "https://id.localhost:8444",
    ];
    let (ended, _) = Process::run(folder.path(), &init).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let compose = yaml("compose.identity.yaml");
    let services = compose["services"].as_object().unwrap();
    let names: BTreeSet<&str> = services.keys().map(String::as_str).collect();
    assert_eq!(names, BTreeSet::from(["latchkey", "postgres"]), "identity only");
    let latchkey = &services["latchkey"];
    assert_eq!(latchkey["command"], json!(["serve", "identity"]));
    assert_eq!(
        latchkey["healthcheck"]["test"],
        json!(["CMD", "latchkey", "health"])
    );
    assert_eq!(latchkey["read_only"], true);
    assert_eq!(latchkey["volumes"], json!(["./secrets/identity:/run/secrets:ro"]));
    fs::create_dir(folder.path().join("run")).unwrap();
    symlink(
        folder.path().join("secrets/identity"),
        folder.path().join("run/secrets"),
    )
    .unwrap();
    let variables = environment(&latchkey["environment"]);
    let config = issuer(folder.path(), &variables);
    assert_eq!(config.issuer.as_deref(), Some("https://id.localhost:8444"));
    assert!(
        config[Role::Identity]
            .database
            .starts_with("postgres://identity:")
    );
    assert_eq!(config.revocation_log(), config.bus, "one database for both");
    for (name, value) in &variables {
        if let Some(file) = value.strip_prefix("/run/secrets/") {
            assert!(
                folder.path().join("secrets/identity").join(file).exists(),
                "{name}"
            );
        }
    }
    // The passwords that PostgreSQL gives its two users are those that the node has.
    for (user, own) in [("identity", "database"), ("revocations", "revocation-log")] {
        let secrets = folder.path().join("secrets");
        let given = fs::read(secrets.join("postgres").join(format!("database-{user}"))).unwrap();
        assert_eq!(
            given,
            fs::read(secrets.join("identity").join(own)).unwrap(),
            "{user}"
        );
    }
}

const MANIFESTS: &[(&str, &str)] = &[
    ("config-map", "ConfigMap"),
    ("deployment", "Deployment"),
    ("network-policy", "NetworkPolicy"),
    ("pod-disruption-budget", "PodDisruptionBudget"),
    ("service", "Service"),
];

fn manifest(name: &str) -> Value {
    yaml(&format!("packaging/kubernetes/{name}.yaml"))
}

#[test]
fn every_manifest_is_listed_and_names_the_same_pods() {
    let kustomization = manifest("kustomization");
    let listed: BTreeSet<String> = texts(&kustomization["resources"]).into_iter().collect();
    let expected: BTreeSet<String> = MANIFESTS.iter().map(|(name, _)| format!("{name}.yaml")).collect();
    assert_eq!(listed, expected);
    let there: BTreeSet<String> = fs::read_dir(here("packaging/kubernetes"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "kustomization.yaml")
        .collect();
    assert_eq!(there, expected);
    for (name, kind) in MANIFESTS {
        let manifest = manifest(name);
        assert_eq!(manifest["kind"], *kind);
        assert_eq!(manifest["metadata"]["name"], "latchkey", "{name}");
        assert!(manifest["apiVersion"].is_string(), "{name}");
    }
    let labels = json!({ "app.kubernetes.io/name": "latchkey" });
    let pods = &manifest("deployment")["spec"]["template"]["metadata"]["labels"];
    assert_eq!(*pods, labels);
    for (name, selector) in [
        ("deployment", "/spec/selector/matchLabels"),
        ("service", "/spec/selector"),
        ("network-policy", "/spec/podSelector/matchLabels"),
        ("pod-disruption-budget", "/spec/selector/matchLabels"),
    ] {
        assert_eq!(manifest(name).pointer(selector), Some(&labels), "{name}");
    }
    let replicas = manifest("deployment")["spec"]["replicas"].as_u64();
    let least = manifest("pod-disruption-budget")["spec"]["minAvailable"].as_u64();
    assert!(least < replicas, "a node can be drained");
}

/// What the pods mount: a file of each secret for each path.
fn mounted(root: &Path, pod: &Value) {
    let container = &pod["containers"][0];
    for mount in container["volumeMounts"].as_array().unwrap() {
        let volumes = pod["volumes"].as_array().unwrap();
        let volume = volumes.iter().find(|volume| volume["name"] == mount["name"]);
        let volume = volume.expect("a volume of this name");
        let folder = root.join(mount["mountPath"].as_str().unwrap().trim_start_matches('/'));
        fs::create_dir_all(&folder).unwrap();
        let Some(secret) = volume.get("secret") else {
            assert!(volume["emptyDir"].is_object(), "{volume}");
            continue;
        };
        assert_eq!(mount["readOnly"], true, "{volume}");
        let mode = u32::try_from(secret["defaultMode"].as_u64().unwrap()).unwrap();
        assert_eq!(mode, 0o440, "a group of the process reads it, and nobody else");
        let items: Vec<String> = match secret["items"].as_array() {
            Some(items) => items
                .iter()
                .map(|item| item["path"].as_str().unwrap().to_owned())
                .collect(),
            // What a secret of the kind kubernetes.io/tls has.
            None => vec!["tls.crt".to_owned(), "tls.key".to_owned()],
        };
        for item in items {
            let path = folder.join(&item);
            let content = if item == "master-key" {
                "5e".repeat(32)
            } else {
                "hush".to_owned()
            };
            fs::write(&path, content).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        }
    }
}

#[test]
fn the_variables_of_the_pods_are_a_valid_configuration() {
    let root = tempfile::tempdir().unwrap();
    let pod = &manifest("deployment")["spec"]["template"]["spec"];
    mounted(root.path(), pod);
    let container = &pod["containers"][0];
    assert_eq!(
        container["envFrom"],
        json!([{ "configMapRef": { "name": "latchkey" } }])
    );
    let variables = environment(&manifest("config-map")["data"]);
    let config = issuer(root.path(), &variables);
    let Tls::Files { certificate, key } = &config.tls else {
        panic!("beyond loopback there is TLS");
    };
    let paths = [certificate, key].map(|path| path.display().to_string());
    let named = variables
        .iter()
        .map(|(_, value)| value.clone())
        .filter(|value| value.starts_with("/run/"));
    for path in named.chain(paths) {
        let there = root.path().join(path.trim_start_matches('/'));
        assert!(there.exists(), "no volume has {path}");
    }
    // What is named by a URL, too.
    assert!(
        config[Role::Identity]
            .database
            .contains("sslmode=verify-full&sslrootcert=/run/latchkey/ca.pem")
    );
    assert!(root.path().join("run/latchkey/ca.pem").exists());
}

#[test]
fn ports_and_probes_of_the_pods_are_those_of_the_listener() {
    let variables: BTreeMap<String, String> =
        environment(&manifest("config-map")["data"]).into_iter().collect();
    let listen = &variables["LATCHKEY_IDENTITY_LISTEN"];
    let port: u64 = listen.rsplit(':').next().unwrap().parse().unwrap();
    let pod = manifest("deployment")["spec"]["template"]["spec"].clone();
    let container = &pod["containers"][0];
    assert_eq!(container["args"], json!(["serve", Role::Identity.name()]));
    assert_eq!(
        container["ports"],
        json!([{ "name": "https", "containerPort": port }])
    );
    for (probe, path) in [
        ("startupProbe", "/readyz"),
        ("readinessProbe", "/readyz"),
        ("livenessProbe", "/healthz"),
    ] {
        let expected = json!({ "path": path, "port": "https", "scheme": "HTTPS" });
        assert_eq!(container[probe]["httpGet"], expected, "{probe}");
    }
    let service = manifest("service");
    let expected = json!([{ "name": "https", "port": port, "targetPort": "https", "appProtocol": "https" }]);
    assert_eq!(service["spec"]["ports"], expected);
    let policy = manifest("network-policy");
    assert_eq!(
        policy["spec"]["ingress"][0]["ports"],
        json!([{ "protocol": "TCP", "port": port }])
    );
    assert_eq!(policy["spec"]["policyTypes"], json!(["Ingress", "Egress"]));
    for name in variables["LATCHKEY_HOSTS"].split(',') {
        assert!(name.ends_with(&format!(":{port}")), "{name}");
    }
}

#[test]
fn the_pods_have_no_rights_that_they_do_not_need() {
    let pod = manifest("deployment")["spec"]["template"]["spec"].clone();
    assert_eq!(pod["automountServiceAccountToken"], false);
    let security = &pod["securityContext"];
    assert_eq!(security["runAsNonRoot"], true);
    assert_eq!(security["seccompProfile"], json!({ "type": "RuntimeDefault" }));
    assert_eq!(security["fsGroup"], security["runAsGroup"]);
    // The image's own user.
    let dockerfile = fs::read_to_string(here("Dockerfile")).unwrap();
    let user = format!("USER {}:{}", security["runAsUser"], security["runAsGroup"]);
    assert!(dockerfile.lines().any(|line| line == user), "{user}");
    let expected = json!({
        "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "capabilities": { "drop": ["ALL"] },
    });
    assert_eq!(pod["containers"][0]["securityContext"], expected);
    for host in ["hostNetwork", "hostPID", "hostIPC"] {
        assert!(pod.get(host).is_none(), "{host}");
    }
    // Nothing that is secret stands in the configuration.
    for (name, value) in environment(&manifest("config-map")["data"]) {
        let secret = ["PASSWORD", "SECRET", "_KEY"]
            .iter()
            .any(|word| name.contains(word));
        assert!(!secret || value.starts_with("/run/"), "{name}");
        let user = value.split_once("://").and_then(|(_, rest)| rest.split_once('@'));
        assert!(
            user.is_none_or(|(user, _)| !user.contains(':')),
            "{name} has a password"
        );
    }
}

fn deb() -> toml::Table {
    let manifest: toml::Table = fs::read_to_string(here("Cargo.toml")).unwrap().parse().unwrap();
    manifest["package"]["metadata"]["deb"].as_table().unwrap().clone()
}

#[test]
fn the_debian_package_names_files_that_exist() {
    let deb = deb();
    let mut targets = BTreeSet::new();
    for asset in deb["assets"].as_array().unwrap() {
        let [source, target, mode] = &asset.as_array().unwrap()[..] else {
            panic!("{asset}: source, target, mode");
        };
        let (source, target) = (source.as_str().unwrap(), target.as_str().unwrap());
        assert!(
            u32::from_str_radix(mode.as_str().unwrap(), 8).unwrap() <= 0o755,
            "{asset}"
        );
        assert!(!target.starts_with('/'), "{asset}");
        match source.split_once('*') {
            // What the build makes.
            _ if source.starts_with("target/") => {
                let script = fs::read_to_string(here("packaging/debian.sh")).unwrap();
                let folder = source.rsplit_once('/').unwrap().0;
                assert!(script.contains(folder), "{source}");
            }
            Some((folder, end)) => {
                let mut files = fs::read_dir(here(folder)).unwrap();
                let any = files.any(|file| file.unwrap().file_name().to_str().unwrap().ends_with(end));
                assert!(any, "{source}");
            }
            None => {
                assert!(here(source).is_file(), "{source}");
            }
        }
        let name = source.rsplit('/').next().unwrap();
        targets.insert(match target.ends_with('/') {
            true => format!("/{target}{name}"),
            false => format!("/{target}"),
        });
    }
    for file in deb["conf-files"].as_array().unwrap() {
        assert!(targets.contains(file.as_str().unwrap()), "{file} {targets:?}");
    }
    let units = "/usr/lib/systemd/system";
    for needed in [
        "/usr/bin/latchkey".to_owned(),
        format!("{units}/latchkey.service"),
    ] {
        assert!(targets.contains(&needed), "{needed}");
    }
}

#[test]
fn the_scripts_of_the_debian_package_are_read_by_a_shell() {
    let folder = here(deb()["maintainer-scripts"].as_str().unwrap());
    for script in ["postinst", "prerm", "postrm", "../debian.sh"] {
        let path = folder.join(script);
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o111, 0o111, "{script}");
        let text = fs::read_to_string(&path).unwrap();
        assert!(
            text.starts_with("#!/bin/sh\n") && text.contains("\nset -e\n"),
            "{script} stops at the first error"
        );
        let read = Command::new("sh").arg("-n").arg(&path).output().unwrap();
        assert!(
            read.status.success(),
            "{script}: {}",
            String::from_utf8_lossy(&read.stderr)
        );
    }
    let installs = fs::read_to_string(folder.join("postinst")).unwrap();
    assert!(installs.contains("adduser --system --group"), "{installs}");
    // Keys and databases outlive the package.
    for script in ["prerm", "postrm"] {
        let text = fs::read_to_string(folder.join(script)).unwrap();
        assert!(!text.contains("rm "), "{text}");
    }
}

#[test]
fn the_configuration_of_the_debian_package_is_valid() {
    let file = here("packaging/debian/latchkey.toml");
    let config = Config::serve(vec![Role::Identity], Some(&file), &[]).unwrap();
    config.check().unwrap();
    assert_eq!(config.data, Path::new("/var/lib/latchkey"));
    // What is commented out is known by the same names.
    let text = fs::read_to_string(&file).unwrap();
    let whole: Vec<String> = text
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(key) if !key.starts_with(' ') => key.to_owned(),
            Some(_) | None => line.to_owned(),
        })
        .collect();
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("database");
    fs::write(&secret, "hush").unwrap();
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o640)).unwrap();
    let whole = whole
        .join("\n")
        .replace("/etc/latchkey/database", &secret.display().to_string());
    let path = folder.path().join("whole.toml");
    fs::write(&path, whole).unwrap();
    let config = Config::serve(vec![Role::Identity], Some(&path), &[]).unwrap();
    config.check().unwrap();
    assert_eq!(config.issuer.as_deref(), Some("https://id.example.com"));
}
