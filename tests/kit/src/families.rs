//! Refresh-token families in the database of an issuer.

use latchkey_db::{Db, Engine};

use crate::app::Tokens;
use crate::database::{lines, lines_of, run};
use crate::jwt::claims;

/// The family of these tokens.
pub fn fam(tokens: &Tokens) -> String {
    claims(&tokens.access)["fam"]
        .as_str()
        .expect("a family")
        .to_owned()
}

/// As many families more as this one, each with a name of its own and a millisecond younger than the one before.
pub async fn multiply(db: &Db, fam: &str, count: usize) {
    let columns = match db.engine() {
        Engine::Sqlite => "SELECT name AS line FROM pragma_table_info('families')",
        Engine::Postgres => {
            "SELECT CAST(column_name AS TEXT) AS line FROM information_schema.columns WHERE table_name = 'families'"
        }
    };
    let columns = lines(db, columns).await;
    let copied: Vec<String> = columns
        .iter()
        .map(|column| match column.as_str() {
            unique @ ("id" | "fam") => format!("{unique} || '-' || n"),
            // Sixteen bytes in base64url.
            "handle" => "SUBSTR(handle, 1, 14) || CAST(1000000 + n AS TEXT) || 'A'".to_owned(),
            "created_at" => "created_at + n".to_owned(),
            other => other.to_owned(),
        })
        .collect();
    run(
        db,
        format!(
            "INSERT INTO families ({}) WITH RECURSIVE counted (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted \
             WHERE n < {count}) SELECT {} FROM families, counted WHERE fam = '{fam}'",
            columns.join(", "),
            copied.join(", ")
        ),
    )
    .await;
}

/// How many of this client have not ended.
pub async fn living(db: &Db, client: &str) -> usize {
    let text =
        format!("SELECT fam AS line FROM families WHERE client_id = '{client}' AND revoked_at IS NULL");
    lines_of(db, text).await.len()
}

/// A statement that adds a family whose tokens nobody has.
pub fn insert(fam: &str, user: &str, session: Option<&str>) -> String {
    let session = session.map_or("NULL".to_owned(), |session| format!("'{session}'"));
    format!(
        "INSERT INTO families (id, handle, fam, salt, client_id, user_id, session_id, sid, scope, resources, \
         generation, overlap_hits, overlap_streak, created_at) \
         VALUES ('id-{fam}', 'h-{fam}', '{fam}', 's', 'later', '{user}', {session}, 'sid-{fam}', '', '[]', 0, 0, 0, 0)"
    )
}
