//! Entries of a directory (RFC 2849). An entry with `mail` is a person; references to files and URLs are not followed.

use std::collections::HashMap;

use super::person::{Export, Imported};
use crate::foreign_hash::{Notation, decode, notation};

pub(super) fn read(text: &str) -> Result<Export, String> {
    let mut people = Vec::new();
    for entry in entries(text)? {
        let is_group = |value: &String| value.to_ascii_lowercase().contains("group");
        let classes = entry.get("objectclass").map(Vec::as_slice).unwrap_or_default();
        if entry.contains_key("mail") && !classes.iter().any(is_group) {
            people.push(person(&entry));
        }
    }
    if people.is_empty() {
        return Err("there is no entry with a mail attribute in this file".to_owned());
    }
    Ok(Export {
        source: "ldif:".to_owned(),
        people,
    })
}

type Entry = HashMap<String, Vec<String>>;

fn person(entry: &Entry) -> Imported {
    let first = |name: &str| entry.get(name)?.first().map(String::as_str);
    let id = first("entryuuid")
        .or_else(|| first("nsuniqueid"))
        .or_else(|| first("dn"));
    let mut person = Imported::new(id.unwrap_or_default());
    person.username = first("uid").map(str::to_owned);
    person.email = first("mail").map(str::to_owned);
    person.disabled = first("pwdaccountlockedtime").is_some() || first("nsaccountlock") == Some("true");
    person.claim("name", first("displayname").or_else(|| first("cn")));
    person.claim("given_name", first("givenname"));
    person.claim("family_name", first("sn"));
    person.claim("locale", first("preferredlanguage"));
    let several = |name: &str| entry.get(name).is_some_and(|all| all.len() > 1);
    person.drop_if(several("mail"), "further addresses");
    person.drop_if(entry.contains_key("memberof"), "groups");
    person.drop_if(entry.contains_key("jpegphoto"), "photo");
    let mut hashes = entry
        .get("userpassword")
        .into_iter()
        .flatten()
        .map(|hash| notation(hash));
    person.password = hashes.next().unwrap_or(Notation::None);
    if hashes.next().is_some() {
        person.dropped.push("a second password".to_owned());
    }
    person
}

/// The entries with their attributes, by lower-case names without options.
fn entries(text: &str) -> Result<Vec<Entry>, String> {
    let (mut all, mut entry) = (Vec::new(), Entry::new());
    for (number, line) in unfolded(text) {
        if line.is_empty() {
            all.push(std::mem::take(&mut entry));
            continue;
        }
        if line.starts_with('#') {
            continue;
        }
        let (name, value) = line
            .split_once(':')
            .ok_or_else(|| format!("line {number} is no attribute"))?;
        let value = match (value.strip_prefix(':'), value.strip_prefix('<')) {
            (_, Some(_)) => {
                return Err(format!(
                    "line {number} refers to a file or URL, which is not followed"
                ));
            }
            // What is no text is no value that is kept.
            (Some(encoded), None) => match decode(encoded).map(String::from_utf8) {
                Some(Ok(text)) => text,
                Some(Err(_)) => String::new(),
                None => return Err(format!("line {number} is not base64")),
            },
            (None, None) => value.trim().to_owned(),
        };
        let name = name
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase();
        entry.entry(name).or_default().push(value);
    }
    all.push(entry);
    Ok(all)
}

/// The lines with their numbers; a line that begins with a space goes on with the line before.
fn unfolded(text: &str) -> Vec<(usize, String)> {
    let mut lines: Vec<(usize, String)> = Vec::new();
    for (at, line) in text.lines().enumerate() {
        match (line.strip_prefix(' '), lines.last_mut()) {
            (Some(more), Some((_, before))) => before.push_str(more),
            _ => lines.push((at + 1, line.to_owned())),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::Format;

    #[test]
    fn entries_with_an_address_are_people_and_lines_are_unfolded() {
        let text = "version: 1\n# people\ndn: uid=eda,ou=people,dc=example,dc=test\nobjectClass: inetOrgPerson\n\
            uid: eda\nmail: eda@exam\n ple.test\ncn:: RWRhIMOWeg==\nuserPassword: {SSHA}AQEBAQEBAQEBAQEBAQEBAQEBAQFzYWx0\n\n\
            dn: cn=staff,dc=example,dc=test\nobjectClass: groupOfNames\nmail: staff@example.test\n";
        let export = Format::Ldif.read(text, "i").unwrap();
        let [eda] = &export.people[..] else {
            panic!("{export:?}");
        };
        assert_eq!(eda.email.as_deref(), Some("eda@example.test"));
        assert_eq!(eda.claims["name"], "Eda Öz");
        assert!(!eda.email_verified && matches!(eda.password, Notation::Digest(_)));
        assert_eq!(eda.source_id, "uid=eda,ou=people,dc=example,dc=test");
    }

    #[test]
    fn files_of_the_server_are_not_read() {
        for text in [
            "dn: a\nmail: a@b.test\njpegPhoto:< file:///etc/passwd\n",
            "dn: a\nmail: a@b.test\nno attribute\n",
            "dn: a\nmail:: ***\n",
            "",
        ] {
            assert!(Format::Ldif.read(text, "i").is_err(), "{text}");
        }
    }
}
