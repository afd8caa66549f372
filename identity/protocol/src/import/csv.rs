//! A table with a header (RFC 4180): `id`, `username`, `email`, `email_verified`, `disabled`, `roles`, `password_hash`, and
//! standard claims by their names. Only `email` must be there.

use super::person::{Export, Imported};
use crate::foreign_hash::{Notation, notation};
use crate::user::{STANDARD, canonical};

pub(super) fn read(text: &str) -> Result<Export, String> {
    let mut rows = rows(text)?.into_iter();
    let header = rows.next().ok_or("the table is empty")?;
    let header: Vec<String> = header.iter().map(|name| name.trim().to_lowercase()).collect();
    if !header.iter().any(|name| name == "email") {
        return Err("the first row must name the columns, and one of them is email".to_owned());
    }
    if let Some(twice) = header
        .iter()
        .find(|name| header.iter().filter(|other| other == name).count() > 1)
    {
        return Err(format!("the column {twice:?} is there twice"));
    }
    let mut people = Vec::new();
    for (at, row) in rows.enumerate() {
        if row.len() != header.len() {
            let (row, cells, columns) = (at + 2, row.len(), header.len());
            return Err(format!("row {row} has {cells} cells, and the header {columns}"));
        }
        people.push(person(&header, &row));
    }
    Ok(Export {
        source: "csv:".to_owned(),
        people,
    })
}

fn person(header: &[String], row: &[String]) -> Imported {
    let cell = |name: &str| {
        let at = header.iter().position(|column| column == name)?;
        Some(row[at].trim()).filter(|text| !text.is_empty())
    };
    let email = cell("email");
    // Without an id the address is what a second run knows the person by.
    let id = cell("id").map_or_else(|| email.map(canonical).unwrap_or_default(), str::to_owned);
    let mut person = Imported::new(&id);
    person.username = cell("username").map(str::to_owned);
    person.email = email.map(str::to_owned);
    person.email_verified = cell("email_verified").is_some_and(is_yes);
    person.disabled = cell("disabled").is_some_and(is_yes);
    let roles = cell("roles").unwrap_or_default();
    person.roles = roles
        .split([' ', ';'])
        .filter(|role| !role.is_empty())
        .map(str::to_owned)
        .collect();
    person.password = notation(cell("password_hash").unwrap_or_default());
    for (name, text) in header.iter().zip(row) {
        match name.as_str() {
            "id" | "username" | "email" | "email_verified" | "disabled" | "roles" | "password_hash" => {}
            "password" if text.trim().is_empty() => {}
            // A plain password is not taken: whoever made the file knows it.
            "password" if person.password == Notation::None => person.password = Notation::Weak("plain"),
            claim if STANDARD.contains(&claim) && !matches!(claim, "address" | "phone_number_verified") => {
                person.claim(claim, Some(text));
            }
            other => person.drop_if(!text.trim().is_empty(), &format!("column {other}")),
        }
    }
    person
}

fn is_yes(text: &str) -> bool {
    ["true", "yes", "1", "y", "t"].contains(&text.to_ascii_lowercase().as_str())
}

/// The rows of a table. A quote that is never closed would swallow the rest of the file, so it is an error.
fn rows(text: &str) -> Result<Vec<Vec<String>>, String> {
    let (mut rows, mut row, mut cell) = (Vec::new(), Vec::new(), String::new());
    let (mut chars, mut line, mut after_quote) = (text.chars().peekable(), 1, false);
    while let Some(c) = chars.next() {
        match c {
            '"' if cell.is_empty() && !after_quote => {
                let begun = line;
                loop {
                    match chars.next() {
                        None => return Err(format!("the quote of line {begun} is never closed")),
                        Some('"') if chars.peek() == Some(&'"') => cell.extend(chars.next()),
                        Some('"') => break,
                        Some(inner) => {
                            line += usize::from(inner == '\n');
                            cell.push(inner);
                        }
                    }
                }
                after_quote = true;
            }
            ',' => {
                row.push(std::mem::take(&mut cell));
                after_quote = false;
            }
            '\r' if chars.peek() == Some(&'\n') => {}
            '\n' => {
                line += 1;
                end(&mut rows, &mut row, &mut cell);
                after_quote = false;
            }
            '"' => {
                return Err(format!(
                    "line {line} has a quote inside of a cell that is not quoted"
                ));
            }
            _ if after_quote => return Err(format!("line {line} goes on after a closing quote")),
            other => cell.push(other),
        }
    }
    end(&mut rows, &mut row, &mut cell);
    Ok(rows)
}

/// Ends a row; an empty line is none.
fn end(rows: &mut Vec<Vec<String>>, row: &mut Vec<String>, cell: &mut String) {
    let last = std::mem::take(cell);
    if !row.is_empty() || !last.is_empty() {
        row.push(last);
        rows.push(std::mem::take(row));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::Format;

    #[test]
    fn a_table_is_read_with_quotes_and_line_ends_of_every_kind() {
        let text = "\u{feff}Email,name,email_verified,shoe size,roles\r\n\
            \"a@example.test\",\"Alice \"\"Al\"\" Martin,\nof Lyon\",TRUE,,\n\n\
            b@example.test,Béla,no,38,admin teacher";
        let export = Format::Csv.read(text, "i").unwrap();
        let [alice, bela] = &export.people[..] else {
            panic!("{export:?}");
        };
        assert_eq!(alice.source_id, "a@example.test");
        // A line break is no part of a name.
        assert_eq!(alice.dropped, ["claim name"]);
        assert!(alice.email_verified && !bela.email_verified);
        assert_eq!(bela.claims["name"], "Béla");
        assert_eq!(bela.dropped, ["column shoe size"]);
        assert_eq!(bela.roles, ["admin", "teacher"]);
        assert_eq!(
            rows("a,\"b \"\"c\"\",\"\"\n").unwrap_err(),
            "the quote of line 1 is never closed"
        );
    }

    #[test]
    fn a_broken_table_is_refused_as_a_whole() {
        for text in [
            "",
            "name\nalice\n",
            "email,email\na@b.test,a@b.test\n",
            "email,name\na@b.test\n",
            "email,name\na@b.test,a,b\n",
            "email\n\"a@b.test\nc@d.test\n",
            "email\n\"a\"b@c.test\n",
            "email\na\"b@c.test\n",
        ] {
            assert!(Format::Csv.read(text, "i").is_err(), "{text}");
        }
    }

    #[test]
    fn a_plain_password_is_not_taken() {
        let text = "email,password,password_hash\na@b.test,hunter2hunter2,\nc@d.test,,hunter2hunter2\n";
        let export = Format::Csv.read(text, "i").unwrap();
        for person in &export.people {
            assert_eq!(person.password, Notation::Weak("plain"));
            assert!(!format!("{person:?}").contains("hunter2"));
        }
    }
}
