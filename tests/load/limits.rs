//! What this machine can do at all, measured in the same run and on the server's core.

use std::fmt;
use std::process::Command;
use std::time::{Duration, Instant};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair,
    ParsedPublicKey, RSA_PKCS1_SHA256, RsaKeyPair,
};
use latchkey_db::{Db, Migration, Migrations, Options, sql};

/// Operations a second.
#[derive(Debug)]
pub struct Limits {
    pub p256_sign: f64,
    pub p256_verify: f64,
    pub ed25519_sign: f64,
    pub rsa_sign: f64,
    pub commits: f64,
    pub argon2id: f64,
    pub passkey_verify: f64,
}

const TABLE: &str = "CREATE TABLE t (id TEXT NOT NULL PRIMARY KEY, v BIGINT NOT NULL)";
const MIGRATIONS: Migrations = Migrations {
    set: "bench",
    steps: &[Migration {
        version: 1,
        name: "t",
        sqlite: TABLE,
        postgres: TABLE,
    }],
};

/// Operations a second, measured here and now.
type Measure = fn() -> f64;

/// Every limit by its name, in the order of the fields.
const ALL: [(&str, Measure); 7] = [
    ("p256-sign", p256_sign),
    ("p256-verify", p256_verify),
    ("ed25519-sign", ed25519_sign),
    (RSA_SIGN, rsa_sign),
    (COMMITS, commits),
    (ARGON2ID, argon2id),
    (PASSKEY, crate::passkeys::verifications),
];
pub const RSA_SIGN: &str = "rsa-sign";
pub const COMMITS: &str = "commits";
pub const ARGON2ID: &str = "argon2id";
pub const PASSKEY: &str = "passkey-verify";

impl Limits {
    pub fn measure() -> Self {
        let figures = in_a_process(None);
        let [
            p256_sign,
            p256_verify,
            ed25519_sign,
            rsa_sign,
            commits,
            argon2id,
            passkey_verify,
        ] = figures[..]
        else {
            panic!("the limits were not measured: {figures:?}");
        };
        Self {
            p256_sign,
            p256_verify,
            ed25519_sign,
            rsa_sign,
            commits,
            argon2id,
            passkey_verify,
        }
    }
}

/// One limit as it is now: a machine that others use, too, is not the same from minute to minute.
pub fn now(name: &str) -> f64 {
    match in_a_process(Some(name))[..] {
        [figure] => figure,
        ref others => panic!("{name} was not measured: {others:?}"),
    }
}

/// Measured in a process of its own on the server's core.
fn in_a_process(name: Option<&str>) -> Vec<f64> {
    let output = Command::new("taskset")
        .args(["-c", "0"])
        .arg(std::env::current_exe().expect("this program"))
        .arg("limits")
        .args(name)
        .output()
        .expect("taskset runs");
    let text = String::from_utf8_lossy(&output.stdout);
    text.split_whitespace()
        .map(|figure| figure.parse().expect("a figure"))
        .collect()
}

impl fmt::Display for Limits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "P-256 {:.0} signatures/s, {:.0} verifications/s; Ed25519 {:.0} signatures/s; RSA-2048 {:.0} signatures/s; \
             SQLite {:.0} durable commits/s one at a time; argon2id (19 MiB, t=2, p=1) {:.1} hashes/s; \
             passkeys {:.0} verifications/s by webauthn-rs",
            self.p256_sign,
            self.p256_verify,
            self.ed25519_sign,
            self.rsa_sign,
            self.commits,
            self.argon2id,
            self.passkey_verify
        )
    }
}

/// Measures here and prints the figures alone: of one limit, or of all.
pub fn print(name: Option<&str>) {
    for (named, measure) in ALL {
        if name.is_none_or(|name| name == named) {
            println!("{}", measure());
        }
    }
}

const MESSAGE: [u8; 480] = [7; 480];

fn p256() -> (SystemRandom, EcdsaKeyPair) {
    let random = SystemRandom::new();
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).expect("a key");
    let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref()).expect("a key");
    (random, key)
}

fn p256_sign() -> f64 {
    let (random, key) = p256();
    rate(|| {
        std::hint::black_box(key.sign(&random, &MESSAGE).expect("a signature"));
    })
}

fn p256_verify() -> f64 {
    let (random, key) = p256();
    let signature = key.sign(&random, &MESSAGE).expect("a signature");
    let public = ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key.public_key().as_ref()).expect("a key");
    rate(|| {
        public
            .verify_sig(&MESSAGE, signature.as_ref())
            .expect("it verifies");
    })
}

fn ed25519_sign() -> f64 {
    let key = Ed25519KeyPair::generate().expect("a key");
    rate(|| {
        std::hint::black_box(key.sign(&MESSAGE));
    })
}

fn rsa_sign() -> f64 {
    let random = SystemRandom::new();
    let key = RsaKeyPair::generate(KeySize::Rsa2048).expect("a key");
    let mut out = vec![0; key.public_modulus_len()];
    rate(|| {
        key.sign(&RSA_PKCS1_SHA256, &random, &MESSAGE, &mut out)
            .expect("a signature");
    })
}

/// How often a second this can be done.
pub fn rate(mut work: impl FnMut()) -> f64 {
    let begun = Instant::now();
    let mut done = 0_u32;
    while begun.elapsed() < Duration::from_secs(1) {
        for _ in 0..32 {
            work();
        }
        done += 32;
    }
    f64::from(done) / begun.elapsed().as_secs_f64()
}

fn commits() -> f64 {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let folder = tempfile::tempdir().expect("a folder");
        let url = format!("sqlite:{}", folder.path().join("commits.db").display());
        let db = Db::open(&url, Options::new(&[MIGRATIONS]))
            .await
            .expect("a database");
        let begun = Instant::now();
        let mut done = 0_i64;
        while begun.elapsed() < Duration::from_secs(2) {
            db.write(move |tx| async move {
                let insert = sql("INSERT INTO t (id, v) VALUES ($1, $2)");
                insert.bind(done.to_string()).bind(done).execute(&tx).await
            })
            .await
            .expect("a commit");
            done += 1;
        }
        done as f64 / begun.elapsed().as_secs_f64()
    })
}

fn argon2id() -> f64 {
    let params = argon2::Params::new(19 * 1024, 2, 1, Some(32)).expect("parameters");
    let argon2 = argon2::Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params);
    // Kept from hash to hash: the limit is the hash, not the mapping of its pages.
    let mut memory = vec![argon2::Block::new(); argon2.params().block_count()];
    let begun = Instant::now();
    let mut done = 0_u32;
    while begun.elapsed() < Duration::from_secs(2) {
        let mut out = [0; 32];
        argon2
            .hash_password_into_with_memory(b"a password of a benchmark", &[7; 16], &mut out, &mut memory)
            .expect("a hash");
        std::hint::black_box(out);
        done += 1;
    }
    f64::from(done) / begun.elapsed().as_secs_f64()
}

/// One line about where the figures come from.
pub fn machine() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = text
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    format!(
        "{} cores,{}; server on core 0, generator on core 1",
        cores,
        model.trim_start_matches(['\t', ' ', ':'])
    )
}
