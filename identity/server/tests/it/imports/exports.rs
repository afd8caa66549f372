//! Exports of other systems, made up: as many people as a test asks for, with hashes that the libraries of those systems
//! have made.

use latchkey_protocol::import::{Format, HashConfig};
use serde_json::{Value, json};

/// The password of everybody.
pub const PASSWORD: &str = "\u{c7}\u{131}nar a\u{11f}ac\u{131} 42 alt\u{131}nda";

/// An export.
pub struct Export {
    pub format: Format,
    pub text: String,
    /// How many people in a row have hashes of different kinds, from the first one on.
    pub kinds: usize,
}

/// Every format, with so many people in each.
pub fn all(people: usize) -> Vec<Export> {
    vec![
        keycloak(people),
        auth0(people),
        authentik(people),
        firebase(people),
        csv(people),
        ldif(people),
    ]
}

/// The address of a person; every second one is verified where the format can say so.
pub fn email(format: &Format, at: usize) -> String {
    format!("{}{at}@people.example.test", format.name())
}

pub fn keycloak(people: usize) -> Export {
    let pbkdf2 = |name: &str, value: &str| {
        (
            value.to_owned(),
            json!({ "hashIterations": 27500, "algorithm": name, "additionalParameters": {} }),
        )
    };
    let argon2 = json!({ "hashIterations": 5, "algorithm": "argon2", "additionalParameters":
        { "hashLength": ["32"], "memory": ["7168"], "type": ["id"], "version": ["1.3"], "parallelism": ["1"] } });
    let hashes = [
        pbkdf2("pbkdf2", "xaVxkVYztGKM8KdiM0IKD0HJgXs="),
        pbkdf2("pbkdf2-sha256", "0MebXH5i8XfATfD56DhbFZgN5RPP3oNYU5mA0ZiRrGk="),
        pbkdf2(
            "pbkdf2-sha256",
            "0MebXH5i8XfATfD56DhbFZgN5RPP3oNYU5mA0ZiRrGlKV9ZoVY+xicbU7RN0rUgE2GIePZ9pktyKZsdZEP3T+Q==",
        ),
        pbkdf2(
            "pbkdf2-sha512",
            "B6QcCHJEQBrCm0abuVFKhZIxyQJx112ugADYDbdyJnSjRIRwomRwl6Kktiy8Ippi6Kc0ipreA8KwFD90189dNw==",
        ),
        ("KUEIqnUWDSvTQ266gTiDrqrmHGxdJabzfT2bzjEVjSw=".to_owned(), argon2),
    ];
    let users: Vec<Value> = (0..people)
        .map(|at| {
            let (value, data) = &hashes[at % hashes.len()];
            let secret = json!({ "value": value, "salt": "AQIDBAUGBwgJCgsMDQ4PEA==" });
            json!({
                "id": format!("5d0f{at:08x}"), "username": format!("keycloak{at}"),
                "email": email(&Format::Keycloak, at), "emailVerified": at.is_multiple_of(2), "enabled": true,
                "firstName": "Ayşe", "lastName": format!("Kaya {at}"), "attributes": { "locale": ["tr"] },
                "realmRoles": ["default-roles-shop", "teacher", "admin"], "groups": [],
                "credentials": [{ "type": "password", "secretData": secret.to_string(),
                                  "credentialData": data.to_string() }],
            })
        })
        .collect();
    Export {
        format: Format::Keycloak,
        text: json!({ "realm": "shop", "users": users }).to_string(),
        kinds: hashes.len(),
    }
}

pub fn auth0(people: usize) -> Export {
    let hashes = [
        "$2a$08$9u1eA25tsHh6kQbfboj3BufNKbEYr6JH2MxSGS59BUirW9xnGd9aW",
        "$2b$08$pLS0M5Y8uTktRi0WnBWHb.8M5zPWkPApvbWRcm4qDeJuGvKDMmWWm",
        "$2y$08$pLS0M5Y8uTktRi0WnBWHb.8M5zPWkPApvbWRcm4qDeJuGvKDMmWWm",
    ];
    let line = |at: usize| {
        json!({
            "_id": { "$oid": format!("{at:024x}") }, "email": email(&Format::Auth0, at),
            "email_verified": at.is_multiple_of(2), "name": format!("Béla {at}"), "passwordHash": hashes[at % hashes.len()],
        })
        .to_string()
    };
    Export {
        format: Format::Auth0,
        text: (0..people).map(line).collect::<Vec<_>>().join("\n"),
        kinds: hashes.len(),
    }
}

pub fn authentik(people: usize) -> Export {
    let hashes = [
        "pbkdf2_sha256$20000$seasaltseasalt22$pMN+Cx62j2IEBsayIRMIgBG2dnrP26ZQkA81DAZf6Hc=",
        "argon2$argon2id$v=19$m=8192,t=2,p=8$c2Vhc2FsdHNlYXNhbHQyMg$+vz/78dgT/sp1WGNOwUBLePmw+hrEfFVgmaje3xybGs",
        "bcrypt_sha256$$2b$08$51oWIX79.KjoBIJT4hwEbOwp0QGYo75FiLp627Drn0sHtiqA7..fi",
        "scrypt$16384$seasaltseasalt22$8$5$7mpb/Q1AMT3PHdLPtuW1Gakam6nwK718p9M5ClGrUWpMJfDOk8tzKSRr/Efbeuo77fFAiXrjnNOe1HyVyNwkvw==",
    ];
    let rows: Vec<Value> = (0..people)
        .map(|at| {
            json!({ "model": "authentik_core.user", "pk": at + 1, "fields": {
                "uuid": format!("a1b2{at:08x}"), "username": format!("authentik{at}"), "name": format!("Deniz {at}"),
                "email": email(&Format::Authentik, at), "is_active": true, "type": "internal", "groups": [],
                "attributes": {}, "password": hashes[at % hashes.len()],
            } })
        })
        .collect();
    Export {
        format: Format::Authentik,
        text: Value::from(rows).to_string(),
        kinds: hashes.len(),
    }
}

/// The parameters that Firebase publishes as an example.
pub const SIGNER_KEY: &str =
    "jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==";

pub fn firebase(people: usize) -> Export {
    let config = format!(
        "hash_config {{ algorithm: SCRYPT, base64_signer_key: {SIGNER_KEY}, base64_salt_separator: Bw==, rounds: 8, \
         mem_cost: 14, }}"
    );
    let format = Format::Firebase(Some(HashConfig::parse(&config).expect("the parameters")));
    let users: Vec<Value> = (0..people)
        .map(|at| {
            json!({
                "localId": format!("fb{at}"), "email": email(&format, at), "emailVerified": at.is_multiple_of(2),
                "displayName": format!("Émile {at}"), "salt": "42xEC-ixf3L2lw==",
                "passwordHash":
                    "xwPceQOQnQzZDTV7tMKOJvV6HAPHAOu0R26nx918MZwuaZeeAD2bmWAdW-yBt8ogMg4tCkhDts7LjbliLlni3Q==",
                "providerUserInfo": [],
            })
        })
        .collect();
    Export {
        text: json!({ "users": users }).to_string(),
        format,
        kinds: 1,
    }
}

pub fn csv(people: usize) -> Export {
    let hashes = [
        "$2b$08$pLS0M5Y8uTktRi0WnBWHb.8M5zPWkPApvbWRcm4qDeJuGvKDMmWWm",
        "$pbkdf2-sha256$10000$AQIDBAUGBwgJCgsMDQ4PEA$JhGyJEDTMf5PDqauHuaUltT1KPIuXcyarMTrXD/.26g",
        "{SSHA}/wv0Rug6Inbn5LZ/pJiredboexgJCAcGBQQDAg==",
    ];
    let row = |at: usize| {
        let (address, verified, hash) = (
            email(&Format::Csv, at),
            at.is_multiple_of(2),
            hashes[at % hashes.len()],
        );
        format!("c{at},{address},{verified},\"Öz, Eda {at}\",{hash}\r\n")
    };
    let rows: String = (0..people).map(row).collect();
    Export {
        format: Format::Csv,
        text: format!("id,email,email_verified,name,password_hash\r\n{rows}"),
        kinds: hashes.len(),
    }
}

pub fn ldif(people: usize) -> Export {
    let hashes = [
        "{SSHA}/wv0Rug6Inbn5LZ/pJiredboexgJCAcGBQQDAg==",
        "{SSHA512}jwl4G3Iw6iMmaojBB9qD2BzkJttNTUnBOA0nV5bL1juDwRLKks6cSku16+WT85kEclOuTdQEV70iOfgZO1hMkAkIBwYFBAMC",
        "{PBKDF2-SHA512}10000$AQIDBAUGBwgJCgsMDQ4PEA$qunXYZ1sWGBv7ggjWYs9s65w12tQVIdkHv2lH6jcX4rNfQv07WnzUxsbyddFejdC8XP.q9g9Q5MU38gZlwZrww",
        "{CRYPT}$2b$08$pLS0M5Y8uTktRi0WnBWHb.8M5zPWkPApvbWRcm4qDeJuGvKDMmWWm",
    ];
    let entry = |at: usize| {
        let (address, hash) = (email(&Format::Ldif, at), hashes[at % hashes.len()]);
        format!(
            "dn: uid=ldif{at},ou=people,dc=example,dc=test\nobjectClass: inetOrgPerson\nuid: ldif{at}\ncn: Filiz {at}\n\
             sn: Filiz\nmail: {address}\nuserPassword: {hash}\n\n"
        )
    };
    Export {
        format: Format::Ldif,
        text: (0..people).map(entry).collect(),
        kinds: hashes.len(),
    }
}
